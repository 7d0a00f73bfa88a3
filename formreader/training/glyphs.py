"""Digits and letters drawn from skeletons: ways of writing that MNIST hardly has, and what is no digit.

A skeleton is text on a grid 9 high: a point is two figures, x and y from the top left, strokes are parted by ``|``, and
a stroke that begins with ``~`` is round. Nothing here comes from a font: OpenCV 5 draws its fonts otherwise than 4.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from formreader.training.wear import CANVAS_PX, DIGIT_PX
from formreader.values import Ink

DIGITS: Final = {
    0: ("~43 30 11 04 18 39 58 64 51 31 23", "~30 11 04 18 39 58 64 51 30|51 18", "00 60 69 09 00"),
    1: ("10 19", "~13 21 30|30 39"),
    2: (
        "10 60 09 69",
        "~02 20 50 62 45 09|09 69",
        "~02 20 50 62 44 27 09 07 17 38 49 68",
        "00 60 64 04 09 69",
        "~02 20 40 52 44 09|09 59",
    ),
    3: (
        "00 60 24|~24 54 66 58 29 07",
        "00 60 69 09|14 64",
        "~01 20 50 52 34 24 34 56 58 29 07",
        "00 50 24|~24 64 66 39 08",
    ),
    4: (
        "10 05 65|50 59",
        "50 05 65|50 59",
        "46 05 50 59",
        "00 04 64|60 69",
        "~00 03 15 44 53|60 54 49",
        "30 06 66|43 49",
    ),
    5: (
        "60 00 04 64 69 09",
        "~61 40 11 13 34 65 67 49 08",
        "11 04|~04 34 65 67 39 08|10 60",
        "10 05|~05 35 66 58 29 08|22 72",
    ),
    6: ("60 00 09 69 64 04", "00 09 69 64 04", "~50 05 08 29 58 66 45 07", "~40 13 06 28 49 58 66 45 26 08"),
    7: ("00 60 29|14 54", "02 00 60 29", "02 00 60 29|14 54", "00 60 69", "04 00 60 69", "~00 30 60 43 25 29"),
    8: (
        "~30 11 13 34 53 51 30|~34 05 07 39 67 65 34",
        "00 60 69 09 00|04 64",
        "~61 30 01 23 45 67 49 19 07 25 53 61",
        "~51 30 10 12 34 56 58 39 18 16 34 61",
    ),
    9: (
        "64 04 00 60 69 09",
        "64 04 00 60 69",
        "~61 40 11 13 34 53 61|61 59",
        "~61 40 11 13 34 53 61 64 67 49 18 07",
        "~61 40 11 13 34 53 61|61 39",
        "~61 30 01 03 34 63|60 68 49 09 07",
    ),
}
"""Square digits as on seven-segment guides, crossed and serifed sevens, open and closed fours, curled twos, nines."""

LETTERS: Final = (
    *("09 30 69|15 55", "~61 30 01 04 08 39 68", "60 00 09 69|04 54"),
    *("60 00 09|04 54", "00 09|60 69|04 64", "00 09|60 04 69", "00 09 69"),
    *("09 00 35 60 69", "09 00 69 60", "00 09|~00 40 62 44 05"),
    *("00 09|~00 40 62 44 05|25 69", "00 60|30 39", "~00 06 29 49 66 60", "00 39 60", "00 19 33 59 70"),
    *("~53 22 04 07 39 57 53|52 59", "~55 23 05 08 39 58|60 69", "~05 65 52 22 05 18 49 68", "~60 40 22 29|14 54"),
    *("00 09|~06 34 55 59", "00 09|53 06 59", "02 09|~04 22 35 39|~34 52 65 69", "03 09|~05 33 54 59"),
    *("03 09|~05 33 53", "20 27 49|03 53", "~03 07 29 57 53|53 59", "03 19 35 59 73"),
)
"""A to W and a to w without those that are written like a digit: b, B, D, g, G, I, J, l, O, q, Q, S, Y, Z."""

UNIT_PX = DIGIT_PX / 9


def digit(label: int, rng: Generator) -> Ink:
    """Draw a digit in one of its styles on a canvas, uint8 (108, 108), ink 255."""
    return _draw(DIGITS[label][int(rng.integers(len(DIGITS[label])))], rng)


def letter(rng: Generator) -> Ink:
    """Draw a letter on a canvas, uint8 (108, 108), ink 255."""
    return _draw(LETTERS[int(rng.integers(len(LETTERS)))], rng)


def _draw(skeleton: str, rng: Generator) -> Ink:
    """Draw a skeleton with a person's unsteadiness: each point moves, corners are rounded, the width varies."""
    strokes = [
        (part.startswith("~"), np.array([(int(point[0]), int(point[1])) for point in part.strip("~").split()], float))
        for part in skeleton.split("|")
    ]
    wobble, aspect = rng.uniform(0.1, 0.4), rng.uniform(0.6, 1.1)
    rounding = (rng.uniform(0.2, 1.2), rng.uniform(1.8, 3.2))
    lines = [
        _smooth((points + rng.normal(0, wobble, points.shape)) * (aspect, 1), rounding[is_round])
        for is_round, points in strokes
    ]
    every = np.concatenate(lines)
    shift = CANVAS_PX / 2 - UNIT_PX * (every.min(axis=0) + every.max(axis=0)) / 2
    ink, pen = np.zeros((CANVAS_PX, CANVAS_PX), np.uint8), int(rng.integers(2, 12))
    for line in lines:
        path = np.rint((line * UNIT_PX + shift) * 16).astype(np.int32)
        cv2.polylines(ink, [path], isClosed=False, color=255, thickness=pen, lineType=cv2.LINE_AA, shift=4)
    return ink


def _smooth(points: NDArray[np.float64], rounding: float) -> NDArray[np.float64]:
    """Walk along (n, 2) points in small steps, corners rounded over the given length; the ends stay."""
    along = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1) + 1e-6)])
    step = 0.15
    places = np.linspace(0, along[-1], max(2, int(along[-1] / step)))
    path = np.stack([np.interp(places, along, points[:, axis]) for axis in (0, 1)], axis=1)
    reach = max(1, int(rounding / step))
    kernel = np.hanning(2 * reach + 1)
    # Reflected through the end points, so that the ends stay where they are.
    before, after = 2 * path[0] - path[1 : reach + 1][::-1], 2 * path[-1] - path[-reach - 1 : -1][::-1]
    padded = np.concatenate([before, path, after])
    width = len(padded) - len(path)
    kernel = np.hanning(width + 3)[1:-1]
    return np.stack([np.convolve(padded[:, axis], kernel / kernel.sum(), "valid") for axis in (0, 1)], axis=1)
