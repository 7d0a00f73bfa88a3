"""What single-digit pictures still hold of their box's printed frame: straight lines along the rim, taken off.

A picture that was cut along the digit has strokes at all its sides, and the bar of a 7 is as straight as a frame. Hence
a line goes only where the rest of the ink keeps away from the side across from it, so that the picture was cut wider
than the digit; and of a line that the digit runs into only what lies on both sides of it, as no bar, flag or foot does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from formreader.values import Ink

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class RimParams:
    """What is a piece of a frame; shares are of the picture's side along the line, or of that across it.

    Attributes
    ----------
    band_share, band_px
        A frame's line lies within this much of the rim, at least so many pixels.
    faint_share
        Ink fainter than this share of the darkest is none: half of what `normalize` leaves out.
    line_share
        A line of this length that is far from all other ink is a frame's.
    whole_share
        A line of this length goes from one end of the picture to the other; such a one may be near the digit, and the
        digit may run into it.
    overhang_share
        So far must that one go on to both sides of the digit.
    dash_ratio
        A still shorter piece is this many times as long as thick, touches the rim itself, and is far.
    gap_share
        What is so far from all other ink is far: the flag of a 5 and the bar of a 7 may hang free, but nearer.
    least_side_px
        In a smaller picture a stroke is no narrower than the band.
    """

    band_share: float = 0.08
    band_px: int = 2
    faint_share: float = 0.06
    line_share: float = 0.6
    whole_share: float = 0.9
    overhang_share: float = 0.2
    dash_ratio: float = 3.0
    gap_share: float = 0.2
    least_side_px: int = 20


DEFAULT = RimParams()


def without_rim_lines(ink: Ink, params: RimParams = DEFAULT) -> Ink:
    """Take straight lines off the rim of a digit's picture.

    Parameters
    ----------
    ink
        uint8 (height, width), 0 paper, 255 ink.

    Returns
    -------
    The same array where there is no such line, else a copy.
    """
    if min(ink.shape) < params.least_side_px:
        return ink
    mask = ink >= max(1.0, params.faint_share * float(ink.max()))
    if not any(mask[side].any() for side in _bands(ink.shape, params)):
        return ink
    lines = np.zeros_like(mask)
    for turn in range(4):
        _mark_line(np.rot90(mask, turn), np.rot90(lines, turn), params)
    for turn in range(4):
        _mark_corner(np.rot90(mask, turn), np.rot90(lines, turn), params)
    taken = _taken_lines(mask, lines, params)
    taken |= _dashes(mask & ~taken, params)
    if not taken.any():
        return ink
    # The soft edge of a dark line can be as dark as a faint digit.
    edge = np.asarray(cv2.dilate(taken.astype(np.uint8), np.ones((3, 3), np.uint8)), bool) & ~mask
    return np.where(taken | edge, 0, ink).astype(np.uint8)


def _bands(shape: tuple[int, ...], params: RimParams) -> Iterator[tuple[slice, slice]]:
    """Give top, left, bottom and right of a picture."""
    high, wide = (_band(side, params) for side in shape)
    whole = slice(None)
    yield from ((slice(high), whole), (whole, slice(wide)), (slice(-high, None), whole), (whole, slice(-wide, None)))


def _band(side: int, params: RimParams) -> int:
    return max(params.band_px, round(params.band_share * side))


def _mark_line(mask: Mask, lines: Mask, params: RimParams) -> None:
    """Mark the longest thin line along the top in `lines`, where it is long enough; a deeper stroke is none of it."""
    height, width = mask.shape
    band = _band(height, params)
    start, end = _longest_run(np.flatnonzero(mask[:band].any(axis=0)), most_gap=max(1, round(0.04 * width)))
    if end - start < params.line_share * width:
        return
    columns = mask[: band + 1, start:end]
    first = np.where(columns.any(axis=0), columns.argmax(axis=0), band)
    below = (np.arange(band + 1)[:, None] >= first) & ~columns
    depth = np.where(below.any(axis=0), below.argmax(axis=0), band + 1) - first
    thick = int(np.median(depth[first < band])) if (first < band).any() else 0
    thin = (first < band) & (first + depth <= band) & (depth <= thick + 1)
    rows = np.arange(band + 1)[:, None]
    lines[: band + 1, start:end] |= columns & thin & (rows >= first) & (rows < first + depth)


def _mark_corner(mask: Mask, lines: Mask, params: RimParams) -> None:
    """Mark the top left corner too where two lines meet in it."""
    high, wide = (_band(side, params) for side in mask.shape)
    if lines[:high].any(axis=0).sum() > wide and lines[:, :wide].any(axis=1).sum() > high:
        lines[:high, :wide] |= mask[:high, :wide]


def _longest_run(at: NDArray[np.intp], most_gap: int) -> tuple[int, int]:
    """Find the longest stretch of rising places, short gaps closed; 0, 0 where there is none."""
    if len(at) == 0:
        return 0, 0
    pieces = np.split(at, np.flatnonzero(np.diff(at) > most_gap + 1) + 1)
    longest = max(pieces, key=lambda piece: int(piece[-1] - piece[0]))
    return int(longest[0]), int(longest[-1]) + 1


def _taken_lines(mask: Mask, lines: Mask, params: RimParams) -> Mask:
    """Choose of the marked lines those that are a frame's."""
    taken = np.zeros_like(lines)
    rest = mask & ~lines
    if not lines.any() or not _reaches_inside(rest, params):
        return taken
    for turn in range(4):
        line, others = np.rot90(lines, turn), np.rot90(rest, turn)
        band = _band(len(line), params)
        there = np.flatnonzero(line[:band].any(axis=0))
        if len(there) and _is_frame(there, others, band, params):
            np.rot90(taken, turn)[:band] |= line[:band]
    return taken


def _is_frame(line: NDArray[np.intp], others: Mask, band: int, params: RimParams) -> bool:
    """Judge a line along the top, given as its columns, by what other ink there is."""
    height, width = others.shape
    length = int(line[-1] - line[0]) + 1
    is_whole = bool(length >= params.whole_share * width)
    is_far = bool(int(others.any(axis=1).argmax()) >= params.gap_share * height)
    if others[-band:].any():
        return is_whole and is_far
    crossing = line[0] + np.flatnonzero(others[: band + 1, line[0] : line[-1] + 1].any(axis=0))
    if len(crossing) == 0:
        return is_whole or (is_far and bool(length >= params.line_share * width))
    over = int(min(crossing[0] - line[0], line[-1] - crossing[-1]))
    return is_whole and bool(over >= params.overhang_share * width)


def _reaches_inside(rest: Mask, params: RimParams) -> bool:
    high, wide = (_band(side, params) for side in rest.shape)
    return bool(rest[high:-high, wide:-wide].any())


def _dashes(mask: Mask, params: RimParams) -> Mask:
    """Find short straight pieces at the very rim, far from everything else."""
    found = np.zeros_like(mask)
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    for piece in range(1, count):
        if _is_dash([int(value) for value in boxes[piece][:4]], mask.shape, params):
            found |= labels == piece
    others = mask & ~found
    if not found.any() or not _reaches_inside(others, params):
        return np.zeros_like(mask)
    free = cv2.distanceTransform((~others).astype(np.uint8), cv2.DIST_L2, 5) >= params.gap_share * min(mask.shape)
    _, pieces = cv2.connectedComponents(found.astype(np.uint8), connectivity=8)
    found[np.isin(pieces, pieces[found & ~free])] = False
    for turn in range(4):
        band = _band(np.rot90(mask, turn).shape[0], params)
        if np.rot90(others, turn)[-band:].any():
            np.rot90(found, turn)[:band] = False
    return found


def _is_dash(box: Sequence[int], shape: tuple[int, ...], params: RimParams) -> bool:
    """Whether a piece of ink, given as its left, top, width and height, lies along the rim and touches it."""
    left, top, wide, high = box
    if wide < high:
        left, top, wide, high, shape = top, left, high, wide, shape[::-1]
    at_rim = top == 0 or top + high == shape[0]
    return at_rim and high <= _band(shape[0], params) and wide >= params.dash_ratio * high
