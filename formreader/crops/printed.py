"""The printed form in boxes' pictures: take it away without eating the stroke."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from formreader.crops.bands import Bands
from formreader.crops.stacks import Stack, any_in, closed, dilated, grown, less, mask_of
from formreader.crops.ticks import printed_ticks
from formreader.crops.upright import CropParams, Frame, Mask, darkness_of, paper_of, upright_stack
from formreader.template import corners_of
from formreader.values import Grey

Rectangle = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True, eq=False)
class BlankBoxes:
    """What a form prints where boxes are, drawn as the page's boxes are.

    Attributes
    ----------
    darkness
        How dark it is.
    is_print
        Where that is print, a little widened.
    limit
        Up to what darkness a page there shows the print alone.
    guides
        Of boxes that have print inside, off the frame: how dark it is, a little widened.
    ticks
        A comb's ticks, as `printed_ticks` gives them.
    """

    darkness: Stack
    is_print: Stack
    limit: Stack
    guides: dict[int, Grey]
    ticks: NDArray[np.int64]


class _Held:
    """A picture as a key: it is the one it is, and lives as long as what is kept of it."""

    def __init__(self, picture: Grey) -> None:
        self.picture = picture

    def __hash__(self) -> int:
        return id(self.picture)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Held) and self.picture is other.picture


def blank_boxes(reference: Grey, places: tuple[Rectangle, ...], frame: Frame, params: CropParams) -> BlankBoxes:
    """Draw boxes of the blank form; as all pages of a batch have them alike, they are kept."""
    return _blank_boxes(_Held(reference), places, frame, params)


@lru_cache(maxsize=8)
def _blank_boxes(held: _Held, places: tuple[Rectangle, ...], frame: Frame, params: CropParams) -> BlankBoxes:
    corners = [corners_of(place) for place in places]
    drawn = np.broadcast_to(frame.corners.astype(np.float32), (len(places), 4, 2))
    pictures = upright_stack(held.picture, corners, drawn, frame)
    return printed_as(darkness_of(pictures, paper_of(pictures, frame.side, params)), frame, params)


def printed_as(darkness: Stack, frame: Frame, params: CropParams) -> BlankBoxes:
    """Work out where print is that is this dark."""
    slack = 2 * max(1, round(params.print_slack * frame.side)) + 1
    level = dilated(darkness, slack, slack)
    is_print = level > 0.6 * params.least_darkness * 255
    rows, columns = frame.inside(params.guides_from * frame.side)
    has_guides = is_print[rows, :, columns].any(axis=(0, 2))
    guides = {nth: level[:, nth].copy() for nth in np.flatnonzero(has_guides).tolist()}
    ticks = printed_ticks(darkness, frame)
    return BlankBoxes(darkness, mask_of(is_print), _limit(level, params), guides, ticks)


def _limit(level: Grey | Stack, params: CropParams) -> NDArray[np.uint8]:
    """Give for print of a level the greatest darkness that is no writing over it."""
    most = np.arange(256, dtype=np.float32) * params.over_print + params.over_print_by * 255
    limits: NDArray[np.uint8] = np.minimum(most, 255).astype(np.uint8)[level]
    return limits


def form_print(blank: BlankBoxes | None, darkness: Stack, frame: Frame, params: CropParams) -> Stack:
    """Mark where pictures show what the blank form shows there, a little widened; nothing without a blank.

    Where the page is much darker than the blank, somebody wrote over the print.
    """
    if blank is None:
        return np.zeros_like(darkness)
    printed = mask_of(darkness <= blank.limit) & blank.is_print
    for nth, level in blank.guides.items():
        is_print = blank.is_print[:, nth] > 0
        limit = _limit(_as_seen(level, is_print, darkness[:, nth], frame, params), params)
        printed[:, nth] = mask_of((darkness[:, nth] <= limit) & is_print)
    return printed


def _as_seen(level: Grey, is_print: NDArray[np.bool_], darkness: Grey, frame: Frame, params: CropParams) -> Grey:
    """Make print inside a box as pale as it is on the page: it is paler there than on the blank by blur and copying."""
    inside = frame.inside(params.guides_from * frame.side)
    guides = is_print[inside]
    shown = cv2.dilate(darkness[inside], np.ones((3, 3), np.uint8))[guides]
    share = shown / level[inside][guides].astype(np.float32)
    rank = int(params.print_seen * (share.size - 1))  # most of it is not written over
    paler = np.partition(share, rank)[rank]
    seen = level.copy()
    seen[inside] = cv2.convertScaleAbs(level[inside], alpha=float(min(1.0, paler)))
    return seen


def without_print(ink: Stack, bands: Bands, printed: Stack, frame: Frame, params: CropParams) -> Stack:
    """Take lines and other print out of the ink and join the strokes they cut."""
    lines = bands.either
    # Where the frame's own lines were found they say best where it lies; the blank's picture is for all other print.
    slack = round(2 * params.print_slack * frame.side)
    printed = less(printed, grown(lines, slack))
    kept = less(ink, lines | printed)
    # A line's soft edge stays along it as a sliver; of a stroke that comes up to the line there is more beyond.
    edge = grown(lines, 1)
    beyond = less(kept, edge)
    kept = beyond | (kept & edge & grown(beyond, 1))
    joined = _over_lines(kept, bands)
    gap = max(3, round(0.09 * frame.side)) | 1
    over_print = ink & printed
    for nth in any_in(over_print).tolist():
        may_join = cv2.dilate(kept[:, nth], np.ones((gap, gap), np.uint8)) & over_print[:, nth]
        left, top, width, height = cv2.boundingRect(may_join)
        if width:
            near = slice(max(0, top - gap), top + height + gap), nth, slice(max(0, left - gap), left + width + gap)
            joined[near] |= _closed_round(kept[near], gap) & over_print[near]
    return kept | (joined & ink)


def _lying(stack: Stack, side: int) -> Stack:
    """Turn pictures so that a line of theirs lies: as they are for the top and the bottom one."""
    return stack if side < 2 else stack.transpose(2, 1, 0)


def _over_lines(kept: Stack, bands: Bands) -> Stack:
    """Close the gaps that lines cut into strokes, over each line and a little to its sides, within the lines."""
    joined = np.zeros_like(kept)
    thickness = bands.thickness
    for thick in np.unique(thickness).tolist():
        some = np.flatnonzero(thickness == thick)
        reach, lean = thick + 3, max(3, round(0.8 * thick)) | 1
        for side in range(bands.starts.shape[1]):
            is_line = bands.stops[some, side] > bands.starts[some, side]
            if not is_line.any():
                continue
            # What is further off cannot reach the line.
            first = max(0, int(bands.starts[some[is_line], side].min()) - reach - 1)
            near = slice(first, int(bands.stops[some, side].max()) + reach + 1), some
            over = closed(_lying(kept, side)[near], reach, lean)
            _lying(joined, side)[near] |= over & _lying(bands.across if side < 2 else bands.down, side)[near]
    return joined


def _closed_round(mask: Mask, gap: int) -> Mask:
    closed_: Mask = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (gap, gap)))
    return closed_
