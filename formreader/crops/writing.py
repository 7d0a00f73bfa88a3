"""The writing of boxes: which of the ink that is left belongs to each."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from formreader.crops.bands import Bands
from formreader.crops.parts import Parts, find_parts
from formreader.crops.stacks import Stack, dilated
from formreader.crops.upright import CropParams, Frame, Mask
from formreader.values import Grey, Ink, Reason


@dataclass(frozen=True, slots=True, eq=False)
class Chosen:
    """What was chosen in n boxes.

    Attributes
    ----------
    writing
        Masks, empty where there is none.
    is_written
        (n,), whether there is any.
    reasons
        What can be said of each.
    """

    writing: Stack
    is_written: NDArray[np.bool_]
    reasons: list[Reason]

    def of(self, nth: int) -> tuple[Mask | None, Reason]:
        """Give one box's writing, None where there is none, and what can be said of it."""
        return (self.writing[:, nth] if self.is_written[nth] else None), self.reasons[nth]


def choose_writing(
    clean: Stack, darkness: Stack, bands: Bands, along: Stack | None, frame: Frame, params: CropParams
) -> Chosen:
    """Choose the components that are each box's writing; `along` marks strokes that lie on its lines, if any do."""
    n = clean.shape[1]
    parts = find_parts(clean)
    extent, area = parts.extent, parts.area.astype(np.float64)
    inside = parts.inside(bands.thickness / 2, frame)
    is_mark = extent >= (params.speck_wide if frame.is_wide else params.speck) * frame.side
    is_mark[0] = False
    beside = _beside(bands, frame, params)
    is_residue = parts.count(beside if along is None else beside & ~along) > params.all_of * area
    is_own = is_mark & ~is_residue & (inside >= params.inside * area)
    # Nothing that is surely this box's; but a stroke that reaches in, or lies along a line, may be.
    reaches_in = is_mark & ~is_residue & (inside >= (params.speck * frame.side) ** 2)
    is_pen = area >= max(params.least_pen * frame.side, params.least_pen_px * frame.scan_px) * extent
    along_line = is_residue & is_pen & (extent >= params.long_residue * frame.side)
    may_be = _any(reaches_in | along_line, parts.box, n)
    has_own = _any(is_own, parts.box, n)
    is_own &= _belongs(is_own, parts, darkness, frame, params)
    is_small = _most(np.where(is_own, extent, 0), parts.box, n) < params.least_digit * frame.side
    is_small &= np.bincount(parts.box, is_own * area, n) < (0.5 * params.least_digit * frame.side) ** 2
    is_written = has_own & ~is_small
    is_own &= is_written[parts.box]
    writing = np.zeros(clean.shape, np.uint8)
    writing.ravel()[parts.pixels[is_own[parts.part]]] = 255
    reasons: list[Reason] = [
        "ink_outside" if may and not own else "blank" for may, own in zip(may_be, has_own, strict=True)
    ]
    for nth in np.flatnonzero(is_written).tolist():
        reasons[nth] = ""
    _judge(writing, reasons, parts, is_own, frame, params)
    return Chosen(writing, is_written, reasons)


def _judge(
    writing: Stack, reasons: list[Reason], parts: Parts, is_own: NDArray[np.bool_], frame: Frame, params: CropParams
) -> None:
    """Say of writing that is no plain digit what it is, and take off what leaves the picture."""
    height, n, width = writing.shape
    own = np.flatnonzero(is_own)
    left, top = np.full(n, width), np.full(n, height)
    right, low = np.full(n, -1), np.full(n, -1)
    np.minimum.at(left, parts.box[own], parts.left[own])
    np.minimum.at(top, parts.box[own], parts.top[own])
    np.maximum.at(right, parts.box[own], parts.right[own])
    np.maximum.at(low, parts.box[own], parts.low[own])
    wide, high = right - left + 1, low - top + 1
    may_strike = (wide >= params.diagonal * frame.width) & (high >= params.diagonal * frame.height)
    may_strike &= (wide >= params.diagonal_lean * high) & (high >= params.diagonal_lean * wide)
    leaves = (left == 0) | (top == 0) | (right == width - 1) | (low == height - 1)
    may_scribble = _may_be_scribbled(writing, parts, is_own, frame, params)
    for nth in np.flatnonzero(may_strike | leaves | may_scribble).tolist():
        if reasons[nth]:
            continue
        if may_strike[nth] and _is_straight(writing[:, nth], frame, params):
            reasons[nth] = "struck"
        elif leaves[nth]:
            writing[:, nth] = _without_neighbour(writing, nth, parts, is_own, frame)
            reasons[nth] = "ink_outside"
        elif may_scribble[nth] and _is_scribble(writing[:, nth], frame, params):
            reasons[nth] = "not_a_digit"


def _any(of_parts: NDArray[np.bool_], box: NDArray[np.int64], n: int) -> NDArray[np.bool_]:
    """Say of each box whether any of its parts is one."""
    found = np.zeros(n, bool)
    found[box[of_parts]] = True
    return found


def _most(of_parts: NDArray[np.int64], box: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    """Give each box the most of its parts, at least 0."""
    found = np.zeros(n, np.int64)
    np.maximum.at(found, box, of_parts)
    return found


def _beside(bands: Bands, frame: Frame, params: CropParams) -> Stack:
    """Mark the frame's lines and a rim along them, where slivers stay when a line is not of even thickness."""
    rim = 2 * max(2, round(max(params.residue * frame.side, params.residue_px * frame.scan_px))) + 1
    return dilated(bands.either, rim, rim)


def _belongs(
    is_own: NDArray[np.bool_], parts: Parts, darkness: Stack, frame: Frame, params: CropParams
) -> NDArray[np.bool_]:
    """Say which components belong to the largest of their box: as dark as it, and large or close enough.

    A part that is close may be broken off. In a wide box the largest is one digit of several, or two that touch: a thin
    1 far from it is writing like it.
    """
    n = darkness.shape[1]
    area = np.where(is_own, parts.area, 0)
    order = np.lexsort((-np.arange(len(area)), area))  # the first of several that are equally large comes last
    main_of = np.zeros(n, np.int64)
    main_of[parts.box[order]] = order
    main = main_of[parts.box]
    peak = np.zeros(len(area), np.uint8)
    np.maximum.at(peak, parts.part, darkness.ravel()[parts.pixels])
    apart = np.maximum.reduce(
        [
            parts.left - (parts.right[main] + 1),
            parts.left[main] - (parts.right + 1),
            parts.top - (parts.low[main] + 1),
            parts.top[main] - (parts.low + 1),
        ]
    )
    is_large = area >= params.second_part * area[main]
    is_close = (area >= params.beside_main * area[main]) & (apart <= params.close * frame.side)
    as_dark = params.as_dark_wide if frame.is_wide else params.as_dark
    belongs: NDArray[np.bool_] = (peak >= as_dark * peak[main]) & (is_large | is_close | frame.is_wide)
    return belongs


def _without_neighbour(writing: Stack, nth: int, parts: Parts, is_own: NDArray[np.bool_], frame: Frame) -> Mask:
    """Leave out what goes on past the picture: whole parts beside the largest, and of the largest what is outside."""
    height, n, width = writing.shape
    leaves = (parts.left == 0) | (parts.top == 0) | (parts.right == width - 1) | (parts.low == height - 1)
    of_box = is_own & (parts.box == nth)
    main = int(np.argmax(np.where(of_box, parts.area, 0)))
    kept = of_box & ~leaves
    kept[main] = not leaves[main]
    own = np.zeros_like(writing[:, nth])
    places = np.divmod(parts.pixels, n * width)
    own_pixels = kept[parts.part]
    own[places[0][own_pixels], places[1][own_pixels] - nth * width] = 255
    if leaves[main]:
        of_main = np.zeros_like(own)
        main_pixels = parts.part == main
        of_main[places[0][main_pixels], places[1][main_pixels] - nth * width] = 255
        inside = frame.inside(0)
        own[inside] |= of_main[inside]
    return own if own.any() else writing[:, nth]


def _may_be_scribbled(
    writing: Stack, parts: Parts, is_own: NDArray[np.bool_], frame: Frame, params: CropParams
) -> NDArray[np.bool_]:
    """Whether any line down each picture, or across it, meets as many strokes as a scribble."""
    height, n, _ = writing.shape
    ink = writing & 1
    down = ink[0] + np.add.reduce(ink[1:] & ~ink[:-1], axis=0, dtype=np.uint8)
    may: NDArray[np.bool_] = (down >= params.scribbled).any(axis=1)
    if not frame.is_wide:
        _, box, row, _, _ = parts.runs[:, is_own[parts.runs[0]]]
        across = np.bincount(row * n + box, minlength=height * n).reshape(height, n)
        may |= (across >= params.scribbled).any(axis=0)
    return may


def _is_scribble(writing: Mask, frame: Frame, params: CropParams) -> bool:
    """Whether many strokes lie over each other, as in a zigzag; beside each other, where there is one digit at most."""
    left, top, width, height = cv2.boundingRect(writing)
    tight = writing[top : top + height, left : left + width] > 0
    for lying in (tight,) if frame.is_wide else (tight, tight.T):
        quarter = lying.shape[1] // 4
        middle = lying[:, quarter : lying.shape[1] - quarter]
        starts = middle[0].astype(np.int64) + (middle[1:] & ~middle[:-1]).sum(axis=0)
        if float(np.mean(starts >= params.scribbled)) >= 0.5:
            return True
    return False


def _is_straight(writing: Mask, frame: Frame, params: CropParams) -> bool:
    """Whether a mark from near one corner of the box to near the opposite one is one straight stroke."""
    rows, columns = np.nonzero(writing)
    lean = np.polynomial.polynomial.polyfit(rows, columns, 2)
    strays = columns - np.polynomial.polynomial.polyval(rows, lean)
    return float(np.std(strays)) < params.straight * frame.side + 1.5


def antialiased(darkness: Grey, writing: Mask, full: float) -> Ink:
    """Draw the writing in its own tones: `full` darkness becomes 255, the soft edge around it is kept."""
    ink: Ink = np.zeros_like(writing)
    left, top, width, height = cv2.boundingRect(writing)
    near = (slice(max(0, top - 1), top + height + 1), slice(max(0, left - 1), left + width + 1))
    soft = cv2.dilate(writing[near], np.ones((3, 3), np.uint8))
    tones = cv2.convertScaleAbs(darkness[near], alpha=255.0 / max(full, 1.0))
    ink[near] = cv2.bitwise_and(tones, soft)
    return ink
