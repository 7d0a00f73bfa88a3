"""Single marks, drawn stroke by stroke on a canvas (see `wear`): uint8 (108, 108), 0 paper, 255 ink."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from formreader.training.wear import CANVAS_PX, DIGIT_PX, SCALE, extent
from formreader.values import Ink

MIDDLE = CANVAS_PX / 2
HALF = DIGIT_PX / 2


def _blank() -> Ink:
    return np.zeros((CANVAS_PX, CANVAS_PX), np.uint8)


def _pen(rng: Generator) -> int:
    """Stroke width on the canvas: 0.7 to 3.7 pixels of MNIST."""
    return int(rng.integers(2, 12))


def stroke(ink: Ink, points: NDArray[np.float64], width: int) -> None:
    """Draw a smooth stroke through (n, 2) canvas points; changes `ink`."""
    steps = np.linspace(0, len(points) - 1, 12 * len(points))
    at = np.arange(len(points))
    path = np.stack([np.interp(steps, at, points[:, axis]) for axis in (0, 1)], axis=1)
    if len(points) > 2:
        kernel = np.hanning(11)[1:-1] / np.hanning(11).sum()
        edge = len(kernel) // 2
        padded = np.pad(path, ((edge, edge), (0, 0)), mode="edge")
        path = np.stack([np.convolve(padded[:, axis], kernel, "valid") for axis in (0, 1)], axis=1)
    cv2.polylines(ink, [np.rint(path * 16).astype(np.int32)], isClosed=False, color=255, thickness=width,
                  lineType=cv2.LINE_AA, shift=4)  # fmt: skip


def _bent(start: tuple[float, float], end: tuple[float, float], bend: float, rng: Generator) -> NDArray[np.float64]:
    """Three points from start to end, the middle one moved sideways by up to `bend` of the length."""
    a, b = np.array(start), np.array(end)
    sideways = np.array([-(b - a)[1], (b - a)[0]])
    return np.stack([a, (a + b) / 2 + rng.uniform(-bend, bend) * sideways, b])


def cross(rng: Generator) -> Ink:
    """Draw two strokes that cross near their middles."""
    ink, pen = _blank(), _pen(rng)
    wide, tall = HALF * rng.uniform(0.45, 1.1), HALF * rng.uniform(0.6, 1.1)
    near = 0.3 * HALF

    def corner(x: float, y: float) -> tuple[float, float]:
        return MIDDLE + x * wide + rng.uniform(-near, near), MIDDLE + y * tall + rng.uniform(-near, near)

    stroke(ink, _bent(corner(-1, -1), corner(1, 1), 0.12, rng), pen)
    stroke(ink, _bent(corner(1, -1), corner(-1, 1), 0.12, rng), pen)
    return ink


def dash(rng: Generator) -> Ink:
    """Draw one lying stroke, within 20 degrees of level; some are drawn twice."""
    ink, pen = _blank(), _pen(rng)
    half = HALF * rng.uniform(0.4, 1.1)
    rise = np.tan(np.deg2rad(rng.uniform(-20, 20))) * half
    for repeat in range(1 + (rng.random() < 0.1)):
        down = MIDDLE + repeat * rng.uniform(-3, 3)
        points = _bent((MIDDLE - half, down - rise), (MIDDLE + half, down + rise), 0.08, rng)
        if rng.random() < 0.25:
            wave = rng.uniform(-0.12, 0.12) * half
            points = np.array([points[0], points[1] + [-half / 2, wave], points[1] + [half / 2, -wave], points[2]])
        stroke(ink, points, min(pen, max(2, int(half / 2))))
    return ink


def diagonal(rng: Generator) -> Ink:
    """Draw one stroke from corner to corner, 38 to 62 degrees from upright to the right or 25 to 62 to the left.

    A one leans to the right more than to the left; nearer to upright no eye tells the two apart.
    """
    ink, pen = _blank(), _pen(rng)
    lean = np.deg2rad(rng.uniform(38, 62) if rng.random() < 0.7 else -rng.uniform(25, 62))
    half = HALF * rng.uniform(0.8, 1.1) / max(np.cos(lean), abs(np.sin(lean)))
    across, up = half * np.sin(lean), half * np.cos(lean)
    stroke(ink, _bent((MIDDLE - across, MIDDLE + up), (MIDDLE + across, MIDDLE - up), 0.08, rng), pen)
    return ink


def one(rng: Generator) -> Ink:
    """Draw a stem with a flag, as long as a hand makes it, and most with a foot."""
    ink, pen = _blank(), int(rng.integers(3, 10))
    tall, lean = HALF * rng.uniform(0.8, 1.05), rng.uniform(-4, 10)
    top, bottom = (MIDDLE + lean, MIDDLE - tall), (MIDDLE - lean, MIDDLE + tall)
    stroke(ink, _bent(top, bottom, 0.04, rng), pen)
    footed = rng.random() < 0.7
    # A flag nearer to level would be a seven's bar.
    flag = tall * rng.uniform(0.2, 0.8)
    steep = np.deg2rad(rng.uniform(25, 58))
    stroke(ink, _bent(top, (top[0] - flag * np.sin(steep), top[1] + flag * np.cos(steep)), 0.15, rng), pen)
    if footed:
        foot, tilt = tall * rng.uniform(0.25, 0.7), rng.uniform(-3, 3)
        stroke(ink, _bent((bottom[0] - foot, bottom[1] + tilt), (bottom[0] + foot, bottom[1] - tilt), 0.05, rng), pen)
    return ink


def pair(first: Ink, second: Ink, rng: Generator) -> Ink:
    """Draw two digits side by side in one box, apart, touching or a little over each other."""
    pieces = []
    for ink in (first, second):
        left, top, right, bottom = extent(ink)
        pieces.append(ink[top:bottom, left:right])
    gap = int(rng.integers(-2 * SCALE, 5 * SCALE))
    tall = max(piece.shape[0] for piece in pieces)
    wide = max(pieces[0].shape[1] + pieces[1].shape[1] + gap, *(piece.shape[1] for piece in pieces))
    both = np.zeros((tall + 16, wide), np.uint8)
    for piece, left in zip(pieces, (0, max(0, wide - pieces[1].shape[1])), strict=True):
        top = int(rng.integers(0, tall + 17 - piece.shape[0]))
        place = both[top : top + piece.shape[0], left : left + piece.shape[1]]
        np.maximum(place, piece[:, : place.shape[1]], out=place)
    return _centred(both)


def _centred(ink: Ink) -> Ink:
    """Bring a picture of any size onto a canvas, its longer side at a digit's length."""
    share = DIGIT_PX / max(ink.shape)
    small = cv2.resize(ink, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)
    canvas = _blank()
    top, left = ((CANVAS_PX - side) // 2 for side in small.shape)
    canvas[top : top + small.shape[0], left : left + small.shape[1]] = small
    return canvas


def scribble(rng: Generator) -> Ink:
    """Draw a restless line, or a zigzag that blackens the box."""
    ink, pen = _blank(), _pen(rng)
    if rng.random() < 0.5:
        count = int(rng.integers(6, 16))
        along = np.linspace(-HALF, HALF, count) + rng.normal(0, 3, count)
        across = np.where(np.arange(count) % 2, 1, -1) * HALF * rng.uniform(0.4, 1, count)
        points = np.stack([along, across], axis=1) if rng.random() < 0.5 else np.stack([across, along], axis=1)
        stroke(ink, points + MIDDLE, pen)
    else:
        for _ in range(int(rng.integers(1, 4))):
            stroke(ink, MIDDLE + rng.uniform(-HALF, HALF, (int(rng.integers(6, 13)), 2)), pen)
    return ink


def struck(digit: Ink, rng: Generator) -> Ink:
    """Cross out a digit: two strokes or more (one alone may be a slashed 0 or a crossed 7)."""
    ink, pen = digit.copy(), int(rng.integers(3, 9))
    slope = rng.uniform(-1, 1)
    for _ in range(int(rng.integers(2, 5))):
        down, half = rng.uniform(-0.5, 0.5) * HALF, HALF * rng.uniform(0.7, 1.2)
        tilt = slope * half + rng.uniform(-4, 4)
        ends = ((MIDDLE - half, MIDDLE + down - tilt), (MIDDLE + half, MIDDLE + down + tilt))
        stroke(ink, _bent(ends[0], ends[1], 0.08, rng), pen)
    if rng.random() < 0.4:
        stroke(ink, _bent((MIDDLE - HALF, MIDDLE + HALF), (MIDDLE + HALF, MIDDLE - HALF), 0.1, rng), pen)
        stroke(ink, _bent((MIDDLE - HALF, MIDDLE - HALF), (MIDDLE + HALF, MIDDLE + HALF), 0.1, rng), pen)
    return ink


def tick(rng: Generator) -> Ink:
    """Draw a tick: a short stroke down, a longer one up to the right."""
    ink = _blank()
    size = HALF * rng.uniform(0.8, 1.1)
    low = np.array([MIDDLE - size * rng.uniform(0.2, 0.5), MIDDLE + size * rng.uniform(0.5, 0.9)])
    start = low - size * rng.uniform((0.3, 0.3), (0.6, 0.8))
    end = low + size * rng.uniform((1.0, -1.6), (1.5, -1.0))
    pen = _pen(rng)
    stroke(ink, np.stack([start, low]), pen)
    stroke(ink, _bent((low[0], low[1]), (end[0], end[1]), 0.1, rng), pen)
    return ink


def speck(rng: Generator) -> Ink:
    """Draw dirt, a dot, a comma: at most a third of a digit, which normalization leaves small."""
    ink = _blank()
    for _ in range(int(rng.integers(1, 4))):
        at = MIDDLE + rng.uniform(-5, 5, 2)
        if rng.random() < 0.5:
            axes = rng.integers(1, 6, 2)
            cv2.ellipse(ink, (int(at[0]), int(at[1])), (int(axes[0]), int(axes[1])), 0, 0, 360, 255, -1, cv2.LINE_AA)
        else:
            end = at + rng.uniform(-8, 8, 2)
            cv2.line(
                ink, (int(at[0]), int(at[1])), (int(end[0]), int(end[1])), 255, int(rng.integers(1, 5)), cv2.LINE_AA
            )
    return ink


def residue(rng: Generator) -> Ink:
    """Draw two or three sides of a printed frame; one alone would be a one or a dash, that is for cutting to tell."""
    ink, pen = _blank(), int(rng.integers(1, 6))
    low, high = (
        (MIDDLE - HALF * rng.uniform(0.6, 1, 2)).astype(int),
        (MIDDLE + HALF * rng.uniform(0.6, 1, 2)).astype(int),
    )
    a, b, c, d = (
        (int(x), int(y)) for x, y in ((low[0], low[1]), (high[0], low[1]), (high[0], high[1]), (low[0], high[1]))
    )
    sides = [(a, b), (b, c), (c, d), (d, a)]
    # Top and right side together are a seven, all four a square zero.
    chosen = [(0, 2), (1, 3), (2, 3), (1, 2), (0, 3), (0, 1, 2), (1, 2, 3)][int(rng.integers(7))]
    for side in chosen:
        cv2.line(ink, *sides[side], int(rng.integers(140, 256)), pen, cv2.LINE_AA)
    return ink


def stray(rng: Generator) -> Ink:
    """Draw a single bent stroke that means nothing: a bow or a wave that lies, a hook."""
    ink, pen = _blank(), _pen(rng)
    wide, high = HALF * rng.uniform(0.5, 1), HALF * rng.uniform(0.35, 0.9)
    shapes = (
        [(-1, 0.5), (-0.6, -0.4), (0, -0.6), (0.6, -0.4), (1, 0.5)],
        [(-1, -0.5), (-0.6, 0.4), (0, 0.6), (0.6, 0.4), (1, -0.5)],
        [(-1, 0), (-0.5, -0.7), (0, 0), (0.5, 0.7), (1, 0)],
        [(-0.2, -1), (-0.2, 0.6), (0.2, 0.9), (0.9, 0.6)],
        [(-1, 0.3), (-0.7, -0.6), (-0.2, 0.4), (0.1, -0.6), (0.6, 0.4), (1, -0.5)],
    )
    points = np.array(shapes[int(rng.integers(len(shapes)))], float) + rng.normal(0, 0.06, (1, 2))
    stroke(ink, MIDDLE + (points + rng.normal(0, 0.08, points.shape)) * (wide, high), pen)
    return ink


def grain(rng: Generator) -> Ink:
    """Draw the noise of an empty box: many small dots, some of them in clots."""
    ink = _blank()
    middle, spread = MIDDLE + rng.normal(0, 0.3 * HALF, 2), HALF * rng.uniform(0.3, 0.8)
    for _ in range(int(rng.integers(4, 30))):
        at = middle + rng.normal(0, spread, 2)
        cv2.circle(ink, (int(at[0]), int(at[1])), int(rng.integers(1, 4)), int(rng.integers(90, 256)), -1, cv2.LINE_AA)
    return ink


def blob(rng: Generator) -> Ink:
    """Draw a filled spot: a blot, a blackened box."""
    ink = _blank()
    around = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    radius = HALF * rng.uniform(0.6, 1.1, 12) * rng.uniform(0.3, 1)
    points = MIDDLE + np.stack([np.cos(around) * radius * rng.uniform(0.75, 1), np.sin(around) * radius], axis=1)
    cv2.fillPoly(ink, [np.rint(points).astype(np.int32)], 255, cv2.LINE_AA)
    return ink
