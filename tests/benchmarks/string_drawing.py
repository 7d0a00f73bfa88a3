"""Draw wide boxes: strings of one writer's digits in one frame, and what else people put there.

Digits come from MNIST's training part with their writers. A string is put together at `HEIGHT_PX` pixels a digit,
leaned, and scanned with its printed frame at the wanted resolution; cutting the box is left to the program.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from formreader.values import AlignedPage, Box, Grey, Match, PageRef

HEIGHT_PX = 100  # of a tall digit while it is drawn
MOST_HIDDEN = 0.12  # of a digit lies on its neighbour where they touch: nobody writes a 1 into the stem of a 9
MM_PER_INCH = 25.4

Mask = NDArray[np.uint8]
"""(height, width), 0 paper, 255 ink."""


@dataclass(frozen=True, slots=True)
class Hand:
    """How a string is written; shares are of a tall digit's height unless said otherwise.

    Attributes
    ----------
    touching
        Share of neighbours whose strokes run into each other.
    gap
        Least and largest free distance of the others, measured row by row: a slanted 7 may lean over a 1.
    slant
        Largest shear to either side.
    wander, size
        Standard deviation of a digit's place up and down, and of its size.
    small
        Share of digits written at 0.6 of the size.
    broken
        Share of digits with a gap in a stroke.
    specks
        Bits of dirt a box.
    """

    touching: float = 0.0
    gap: tuple[float, float] = (0.06, 0.45)
    slant: float = 0.1
    wander: float = 0.03
    size: float = 0.05
    small: float = 0.0
    broken: float = 0.0
    specks: int = 0


@dataclass(frozen=True, slots=True)
class Scanner:
    """How a box is printed and scanned."""

    dpi: int = 200
    box_mm: float = 8.0
    digit_mm: tuple[float, float] = (4.2, 5.6)
    line_mm: float = 0.3


def string(pictures: Sequence[NDArray[np.uint8]], hand: Hand, rng: Generator) -> Mask:
    """Write digits (28, 28) one after another."""
    drawn = [_enlarged(picture, hand, rng) for picture in pictures]
    tall = 3 * HEIGHT_PX
    line = np.zeros((tall, sum(piece.shape[1] for piece in drawn) + (len(drawn) + 4) * HEIGHT_PX), np.uint8)
    rise = rng.normal(0, 0.02)
    right = np.full(tall, -1)  # the last inked column of each row
    for number, piece in enumerate(drawn):
        top = round(tall / 2 - piece.shape[0] / 2 + HEIGHT_PX * (rng.normal(0, hand.wander) + rise * number))
        top = int(np.clip(top, 0, tall - piece.shape[0]))
        x = HEIGHT_PX if number == 0 else _place_beside(right, piece, top, hand, rng)
        while hidden(line, piece, top, x) > MOST_HIDDEN:
            x += 1
        target = line[top : top + piece.shape[0], x : x + piece.shape[1]]
        np.maximum(target, piece, out=target)
        inked = np.flatnonzero(piece.any(axis=1))
        last = piece.shape[1] - 1 - np.argmax(piece[inked, ::-1] > 0, axis=1)
        right[top + inked] = np.maximum(right[top + inked], x + last)
    lean = rng.uniform(-hand.slant, hand.slant)
    shear = np.array([[1, -lean, lean * tall / 2 + 0.5 * HEIGHT_PX], [0, 1, 0]])
    return tight(cv2.warpAffine(line, shear, (line.shape[1] + HEIGHT_PX, tall)))


def hidden(line: Mask, piece: Mask, top: int, x: int) -> float:
    """Say what share of a digit lies on ink that is there already."""
    target = line[top : top + piece.shape[0], x : x + piece.shape[1]]
    return float(((target > 0) & (piece > 0)).sum() / (piece > 0).sum())


def _enlarged(picture: NDArray[np.uint8], hand: Hand, rng: Generator) -> Mask:
    large = cv2.resize(picture.astype(np.float32), None, fx=5, fy=5, interpolation=cv2.INTER_CUBIC)
    ink = np.where(cv2.GaussianBlur(large, (0, 0), 1.75) > 110, np.uint8(255), np.uint8(0))
    size = float(np.clip(rng.normal(1, hand.size), 0.8, 1.2)) * (0.6 if rng.random() < hand.small else 1.0)
    ink = tight(cv2.resize(ink, None, fx=size, fy=size, interpolation=cv2.INTER_AREA))
    if rng.random() < hand.broken:
        rows, columns = np.nonzero(ink)
        at = int(rng.integers(len(rows)))
        turn, reach = rng.uniform(0, np.pi), 14
        ends = [
            (int(columns[at] + s * reach * np.cos(turn)), int(rows[at] + s * reach * np.sin(turn))) for s in (-1, 1)
        ]
        cv2.line(ink, ends[0], ends[1], 0, int(rng.integers(3, 9)))
    return ink


def _place_beside(right: NDArray[np.int64], piece: Mask, top: int, hand: Hand, rng: Generator) -> int:
    """Find where a digit starts so that its nearest row is as far from what stands left of it as the hand says."""
    inked = np.flatnonzero(piece.any(axis=1))
    first = np.argmax(piece[inked] > 0, axis=1)
    reach = 8  # rows: strokes that pass each other closely are near each other, too
    near = np.array([right[max(0, top + row - reach) : top + row + reach + 1].max() for row in inked])
    met = near >= 0
    touch = int((near[met] - first[met]).max()) if met.any() else int(right.max())
    stroke = 10
    if rng.random() < hand.touching:
        gap = -rng.uniform(0.1, 0.8) * stroke
        # In the rows themselves, so that they do touch.
        own = right[top + inked]
        touch = int((own[own >= 0] - first[own >= 0]).max()) if (own >= 0).any() else touch
    else:
        gap = rng.uniform(*hand.gap) * HEIGHT_PX
    return max(round(touch + 1 + gap), 0)


def tight(ink: Mask) -> Mask:
    """Cut off the empty margins."""
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


# --- what is no string, at the same scale


def struck(ink: Mask, kind: str, rng: Generator) -> Mask:
    """Strike a string out, or underline it: ``line``, ``cross``, ``zigzag``, ``underline``."""
    pad = HEIGHT_PX // 3
    ink = np.pad(ink, pad)
    height, width = ink.shape
    left, right, top, bottom = pad // 2, width - pad // 2, pad, height - pad
    pen = int(rng.integers(7, 13))

    def jitter(share: float) -> float:
        return float(rng.normal(0, share * HEIGHT_PX))

    if kind == "underline":
        y = bottom + rng.uniform(0.06, 0.25) * HEIGHT_PX
        strokes = [[(left, y + jitter(0.02)), (right, y + jitter(0.02))]]
    elif kind == "line":
        y = height / 2 + jitter(0.08)
        strokes = [[(left, y + jitter(0.12)), (right, y + jitter(0.12))]]
    elif kind == "cross":
        strokes = [[(left, top), (right, bottom)], [(left, bottom), (right, top)]]
    else:
        count = int(rng.integers(6, 14))
        strokes = [[(left + (right - left) * i / count, (top, bottom)[i % 2] + jitter(0.1)) for i in range(count + 1)]]
    for points in strokes:
        cv2.polylines(ink, [np.rint(np.array(points)).astype(np.int32)], False, 255, pen)
    return ink


def dashes(count: int, rng: Generator) -> Mask:
    """Draw dashes, as people put them into a box that they leave empty."""
    ink = np.zeros((2 * HEIGHT_PX, (count + 1) * HEIGHT_PX), np.uint8)
    for number in range(count):
        x, y = HEIGHT_PX * (0.5 + number), HEIGHT_PX + rng.normal(0, 4)
        half = HEIGHT_PX * rng.uniform(0.15, 0.35)
        ends = ((round(x - half), round(y + rng.normal(0, 3))), (round(x + half), round(y + rng.normal(0, 3))))
        cv2.line(ink, ends[0], ends[1], 255, int(rng.integers(7, 13)))
    return tight(ink)


def with_point(left: Mask, right: Mask, rng: Generator) -> Mask:
    """Put a written point or comma between two strings."""
    height = max(left.shape[0], right.shape[0])
    left, right = (np.pad(part, ((height - part.shape[0], 0), (0, 0))) for part in (left, right))
    mark = np.zeros((height + HEIGHT_PX // 3, HEIGHT_PX // 2), np.uint8)
    x, y = HEIGHT_PX // 4, height - 4
    if rng.random() < 0.5:
        cv2.ellipse(mark, (x, y), tuple(int(v) for v in rng.integers(6, 10, 2)), 0, 0, 360, 255, -1)
    else:
        cv2.line(mark, (x + 5, y - 6), (x - 6, y + int(rng.integers(10, 24))), 255, int(rng.integers(8, 12)))
    below = ((0, HEIGHT_PX // 3), (0, 0))
    return np.hstack([np.pad(left, below), mark, np.pad(right, below)])


# --- paper


def scanned(ink: Mask | None, scanner: Scanner, hand: Hand, rng: Generator) -> tuple[AlignedPage, Box]:
    """Print a frame, put the writing into it, and scan it: the page around the box, and the box on it."""
    px_mm = scanner.dpi / MM_PER_INCH
    scale = rng.uniform(*scanner.digit_mm) * px_mm / HEIGHT_PX
    height = scanner.box_mm * px_mm
    if ink is None:
        ink = np.zeros((HEIGHT_PX, 3 * HEIGHT_PX), np.uint8)
    else:
        scale = min(scale, 0.86 * height / ink.shape[0])
    size = max(1, round(ink.shape[1] * scale)), max(1, round(ink.shape[0] * scale))
    small = cv2.resize(ink, size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    width = max(size[0] + rng.uniform(0.5, 2.5) * height, 1.5 * height)
    margin = 0.6 * height
    page = np.zeros((round(height + 2 * margin), round(width + 2 * margin)), np.float32)
    spare = height - size[1]
    left = round(margin + rng.uniform(0.2, 0.8) * (width - size[0]))
    top = round(margin + spare / 2 + float(np.clip(rng.normal(0, 0.15), -0.3, 0.3)) * spare)
    page[top : top + size[1], left : left + size[0]] = small * rng.uniform(0.7, 0.95)
    for _ in range(hand.specks):
        at = rng.uniform(margin + 0.1 * height, (margin + width - 0.1 * height, margin + 0.9 * height))
        cv2.circle(page, (int(at[0]), int(at[1])), 0, 0.6, max(1, round(0.15 * px_mm)))
    line = max(1, round(scanner.line_mm * px_mm))
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]]) + margin
    outline = np.rint(corners).astype(np.int32)
    cv2.polylines(page, [outline], True, 0.75, line)
    grey = cv2.GaussianBlur(238 * (1 - page), (0, 0), 0.5) + rng.normal(0, 3, page.shape)
    pixels: Grey = np.clip(grey, 0, 255).astype(np.uint8)
    aligned = AlignedPage(PageRef(Path("drawn")), pixels, None, np.eye(3), Match(1.0, "none"))
    return aligned, Box("value", 1, outline.astype(np.float64))
