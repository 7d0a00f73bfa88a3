"""MNIST's normalization of one ink picture; whatever the classifier learns from or reads has gone through it.

LeCun, Bottou, Bengio, Haffner: Gradient-based learning applied to document recognition (1998): the digit is fitted into
20 x 20 with its proportions kept, antialiased, and its centre of mass is brought to the middle of 28 x 28.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from formreader.values import Digits, Ink

SIDE_PX = 28
"""Height and width of a normalized digit."""

MIDDLE_PX = 14
"""Row and column of the pixel that the centre of mass falls on: in MNIST 14, though 13.5 is the exact middle."""


@dataclass(frozen=True, slots=True)
class NormalizeParams:
    """How an ink picture becomes 28 x 28.

    Attributes
    ----------
    digit_px
        Length the longer side of the ink is brought to (LeCun et al. 1998).
    blank_level
        A picture whose darkest ink is fainter than this holds none: scanner noise reaches about 10.
    faint_share
        Ink fainter than this share of the darkest does not count for the bounding box, so that a soft edge or a grey
        veil does not shrink the digit.
    stroke_quantile
        The stroke's level is this quantile of the ink that is left; it becomes 255. In MNIST a third of the ink pixels
        are at 250 or more, so that its digits stay as they are.
    least_side_px
        In pixels of the input: a mark whose longer side is shorter keeps its proportion to this length instead of being
        enlarged to `digit_px`, so that a speck stays a speck. 0 enlarges everything.
    """

    digit_px: int = 20
    blank_level: int = 16
    faint_share: float = 0.12
    stroke_quantile: float = 0.8
    least_side_px: float = 0.0


DEFAULT = NormalizeParams()


def normalize(ink: Ink, params: NormalizeParams = DEFAULT) -> NDArray[np.uint8]:
    """Bring one ink picture to MNIST's format.

    Parameters
    ----------
    ink
        uint8 (height, width), any size, 0 paper, 255 ink; grey edges are welcome.

    Returns
    -------
    uint8 (28, 28), 0 paper, 255 ink; all zero where the input holds no ink.

    Raises
    ------
    ValueError
        `ink` is not a two-dimensional uint8 array.
    """
    digit: NDArray[np.uint8] = normalize_all([ink], params)[0]
    return digit


def normalize_all(inks: Sequence[Ink], params: NormalizeParams = DEFAULT) -> NDArray[np.uint8]:
    """Bring many ink pictures, each of any size, to MNIST's format: (n, 28, 28), each as `normalize` gives it."""
    canvas = np.zeros((len(inks), SIDE_PX, SIDE_PX), np.uint8)
    fitted: list[NDArray[np.float32]] = []
    rows: list[int] = []
    for row, ink in enumerate(inks):
        if ink.ndim != 2 or ink.dtype != np.uint8:
            raise ValueError(f"ink must be uint8 (height, width), got {ink.dtype} {ink.shape}")
        if ink.size and (peak := int(ink.max())) >= params.blank_level:
            fitted.append(_fit(_tight(ink, max(1.0, params.faint_share * peak)), params))
            rows.append(row)
    if not rows:
        return canvas
    digits, sizes = _stretched(fitted, params), np.array([part.shape for part in fitted])
    starts = np.stack(
        [_offsets(digits.sum(axis=2 - axis, dtype=np.float64), sizes[:, axis]) for axis in (0, 1)], axis=1
    )
    for row, digit, (top, left), (height, width) in zip(rows, digits, starts.tolist(), sizes.tolist(), strict=True):
        canvas[row, top : top + height, left : left + width] = digit[:height, :width]
    return canvas


def _tight(ink: Ink, level: float) -> Ink:
    _, is_ink = cv2.threshold(ink, math.ceil(level) - 1, 255, cv2.THRESH_BINARY)
    left, top, width, height = cv2.boundingRect(is_ink)
    return ink[top : top + height, left : left + width]


def _fit(ink: Ink, params: NormalizeParams) -> NDArray[np.float32]:
    """Scale to `digit_px`: by area when shrinking, so that every ink pixel counts, linearly when enlarging."""
    height, width = ink.shape
    scale = params.digit_px / max(height, width, params.least_side_px)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    exact = ink.astype(np.float32)  # a hairline is a small part of a large pixel, and must not be rounded away
    if size == (width, height):
        return exact
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(exact, size, interpolation=how), np.float32)


def _stretched(digits: Sequence[NDArray[np.float32]], params: NormalizeParams) -> Digits:
    """Bring each stroke to 255: a thin pen grows faint when it is shrunk.

    Returns
    -------
    uint8 (n, h, w), as large as the largest; each digit at the top left.
    """
    size = (max(digit.shape[axis] for digit in digits) for axis in (0, 1))
    every = np.zeros((len(digits), *size), np.float32)
    for place, digit in zip(every, digits, strict=True):
        place[: digit.shape[0], : digit.shape[1]] = digit
    flat = np.sort(every.reshape(len(digits), -1), axis=1)
    is_inked = flat >= params.faint_share * flat[:, -1:]
    count = is_inked.sum(axis=1)
    rank = flat.shape[1] - count + (params.stroke_quantile * (count - 1)).astype(np.int64)
    level = np.take_along_axis(flat, rank[:, None], axis=1)
    return np.minimum(np.rint(every * (255 / level)[:, :, None]), 255).astype(np.uint8)


def _offsets(weights: NDArray[np.float64], sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where digits start along an axis: whole pixels, as in MNIST, and never with ink outside.

    Parameters
    ----------
    weights
        (n, k), the ink of each digit place by place along the axis, 0 past its own size.
    """
    centres = weights @ np.arange(weights.shape[1]) / weights.sum(axis=1)
    starts: NDArray[np.int64] = np.clip(np.rint(MIDDLE_PX - centres), 0, SIDE_PX - sizes).astype(np.int64)
    return starts
