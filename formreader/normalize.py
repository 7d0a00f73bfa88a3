"""MNIST's normalization of one ink picture; whatever the classifier learns from or reads has gone through it.

LeCun, Bottou, Bengio, Haffner: Gradient-based learning applied to document recognition (1998): the digit is fitted into
20 x 20 with its proportions kept, antialiased, and its centre of mass is brought to the middle of 28 x 28.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from formreader.values import Ink

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
    if ink.ndim != 2 or ink.dtype != np.uint8:
        raise ValueError(f"ink must be uint8 (height, width), got {ink.dtype} {ink.shape}")
    canvas = np.zeros((SIDE_PX, SIDE_PX), np.uint8)
    if ink.size == 0 or (peak := int(ink.max())) < params.blank_level:
        return canvas
    digit = _stretch(_fit(_tight(ink, max(1.0, params.faint_share * peak)), params), params)
    top, left = (_offset(digit, axis) for axis in (0, 1))
    canvas[top : top + digit.shape[0], left : left + digit.shape[1]] = digit
    return canvas


def _tight(ink: Ink, level: float) -> Ink:
    rows = np.flatnonzero((ink >= level).any(axis=1))
    columns = np.flatnonzero((ink >= level).any(axis=0))
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


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


def _stretch(digit: NDArray[np.float32], params: NormalizeParams) -> Ink:
    """Bring the stroke to 255: a thin pen grows faint when it is shrunk."""
    inked = digit[digit >= params.faint_share * digit.max()]
    rank = int(params.stroke_quantile * (len(inked) - 1))
    level = np.partition(inked, rank)[rank]
    stretched: Ink = np.minimum(np.rint(digit * (255 / level)), 255).astype(np.uint8)
    return stretched


def _offset(digit: Ink, axis: int) -> int:
    """Where the digit starts along an axis: whole pixels, as in MNIST, and never with ink outside."""
    weight = digit.sum(axis=1 - axis, dtype=np.float64)
    centre = float(weight @ np.arange(len(weight)) / weight.sum())
    return int(np.clip(round(MIDDLE_PX - centre), 0, SIDE_PX - len(weight)))
