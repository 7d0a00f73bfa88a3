"""The printed form in boxes' pictures: find it and take it away without eating the stroke."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from formreader.crops.stacks import Stack, any_in, closed, dilated, grown, less, mask_of, ranked
from formreader.crops.upright import CropParams, Frame, Mask, darkness_of, paper_of, upright_stack
from formreader.template import corners_of
from formreader.values import Grey

Rectangle = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True, eq=False)
class Bands:
    """The printed lines of frames.

    Attributes
    ----------
    across, down, either
        Masks of the lines that run across, of those that run down, and of all.
    starts, stops
        (n, 4), where they lie: first and last + 1 of the top, bottom, left and right line; 0, 0 for none.
    """

    across: Stack
    down: Stack
    either: Stack
    starts: NDArray[np.int64]
    stops: NDArray[np.int64]

    @property
    def thickness(self) -> NDArray[np.int64]:
        """Each frame's thickest line, in pixels, at least 1."""
        thickest: NDArray[np.int64] = np.maximum((self.stops - self.starts).max(axis=1), 1)
        return thickest

    def of(self, chosen: NDArray[np.int64]) -> Bands:
        """Give the bands of some frames."""
        across, down, either = (np.take(mask, chosen, axis=1) for mask in (self.across, self.down, self.either))
        return Bands(across, down, either, self.starts[chosen], self.stops[chosen])


def frame_bands(darkness: Stack, frame: Frame, params: CropParams) -> Bands:
    """Find the lines of frames near their places; each band runs through the whole picture, as in a table.

    What is much darker than its line is no part of the band: it is writing over a pale line.
    """
    inner_rows, inner_columns = frame.inside(0.06 * frame.side)
    rows, columns = (frame.top, frame.top + frame.height), (frame.left, frame.left + frame.width)
    lines = [_lines_at(darkness, place, frame.side, (0, inner_columns), params) for place in rows]
    lines += [_lines_at(darkness, place, frame.side, (2, inner_rows), params) for place in columns]
    # On a coarse scan a line steps from pixel to pixel.
    steps = round(params.line_steps_px * frame.scan_px) if frame.scan_px > 1.3 else 0
    starts, stops = _trimmed(lines)
    is_line = stops > starts
    starts, stops = np.where(is_line, np.maximum(starts - steps, 0), 0), np.where(is_line, stops + steps, 0)
    across, down = np.zeros_like(darkness), np.zeros_like(darkness)
    for nth, line in enumerate(lines):
        if is_line[:, nth].any():
            _mark((across if nth < 2 else down), darkness, nth < 2, starts[:, nth], stops[:, nth], line.level, params)
    return Bands(across, down, across | down, starts, stops)


@dataclass(frozen=True, slots=True, eq=False)
class _Lines:
    """One printed line of n frames.

    Attributes
    ----------
    start, stop
        (n,), its first and last + 1 place.
    level
        (n,), how dark it is.
    first, common
        (n, k), how dark each place from `first` on is throughout.
    """

    start: NDArray[np.int64]
    stop: NDArray[np.int64]
    level: NDArray[np.float32]
    first: int
    common: NDArray[np.uint8]


def _trimmed(lines: list[_Lines]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Cut a line that is much thicker than its frame's others down to its darkest part of usual thickness."""
    starts, stops = (np.stack(ends, axis=1) for ends in zip(*((line.start, line.stop) for line in lines), strict=True))
    thickness = stops - starts
    count = (thickness > 0).sum(axis=1)
    ordered = np.sort(thickness, axis=1)
    # The middle of those that were found, which stand last.
    middle = np.stack([4 - count + (count - 1) // 2, 4 - count + count // 2], axis=1)
    usual = np.take_along_axis(ordered, np.minimum(middle, 3), axis=1).mean(axis=1)
    for row, nth in np.argwhere(thickness > 1.5 * usual[:, None] + 1).tolist():
        size, line = max(1, round(float(usual[row]))), lines[nth]
        own = line.common[row, starts[row, nth] - line.first : stops[row, nth] - line.first].astype(np.float64)
        starts[row, nth] += int(np.argmax(np.convolve(own, np.ones(size), mode="valid")))
        stops[row, nth] = starts[row, nth] + size
    return starts, stops


def _mark(
    mask: Stack,
    darkness: Stack,
    is_across: bool,
    start: NDArray[np.int64],
    stop: NDArray[np.int64],
    level: NDArray[np.float32],
    params: CropParams,
) -> None:
    """Mark each picture's line from `start` to `stop` in it where it is no darker than its level."""
    first, last = int(start[stop > start].min()), int(stop.max())
    places = np.arange(first, last)[:, None]
    most = np.minimum(level * np.float32(params.over_print) + np.float32(params.over_print_by * 255), 255)
    limit = most.astype(np.uint8)  # a whole number is no more than another just if it is no more than its floor
    is_in = (places >= start) & (places < stop)
    if is_across:
        marked = (darkness[first:last] <= limit[:, None]) & is_in[:, :, None]
        mask[first:last] |= mask_of(marked)
    else:
        marked = (darkness[:, :, first:last] <= limit[:, None]) & is_in.T
        mask[:, :, first:last] |= mask_of(marked)


def _lines_at(darkness: Stack, place: float, side: float, along: tuple[int, slice], params: CropParams) -> _Lines:
    """Find the line nearest to a place in each picture, along rows (0) or columns (2); none has no thickness.

    The darkness that nearly all of a line reaches is the line's, however much writing crosses it; only where no line is
    found so, as toner broke it, seven of ten places are enough, at last with its gaps closed.
    """
    axis, inner = along
    search, most = params.line_search * side, round(params.line_most * side)
    first = max(0, round(place - search - most / 2))
    last = min(darkness.shape[axis], round(place + search + most / 2) + 1)
    # (m, n, k): along the line, by picture, across the line
    strip = np.ascontiguousarray(
        darkness[first:last, :, inner].transpose(2, 1, 0) if axis == 0 else darkness[inner, :, first:last]
    )
    n, k = strip.shape[1], max(0, last - first)
    start, stop = np.zeros(n, np.int64), np.zeros(n, np.int64)
    found, common = np.zeros(n, np.uint8), np.zeros((n, k), np.uint8)
    near = np.abs(np.arange(first, first + k) - place) <= search
    left = np.arange(n)
    for share, mended in params.line_unbroken:
        if not (left.size and strip.size and near.any()):
            break
        some = np.take(strip, left, axis=1)
        if mended:
            # A dotted line, or a thin one that steps from pixel to pixel on a fax.
            some = closed(some, max(3, round(params.line_gap * side)) | 1, 3)
        dark = ranked(some, int((1 - share) * (len(strip) - 1)))
        peak = np.where(near, dark.astype(np.int16), -1).argmax(axis=1)
        level = dark[np.arange(len(left)), peak]
        is_line = level >= params.line_darkness * 255
        rows = left[is_line]
        found[rows], common[rows] = level[is_line], dark[is_line]
        start[rows], stop[rows] = _run(dark[is_line] > np.float32(0.25) * level[is_line, None], peak[is_line], most)
        left = left[~is_line]
    is_found = stop > start
    return _Lines(start + first * is_found, stop + first * is_found, found.astype(np.float32), first, common)


def _run(is_line: NDArray[np.bool_], peak: NDArray[np.int64], most: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Give the first and last + 1 place of each row's run around its peak, at most `most` to each side."""
    count = is_line.shape[1]
    at, middle = np.arange(count), peak[:, None]
    before = np.where(~is_line & (at < middle), at, -1).max(axis=1, initial=-1)
    behind = np.where(~is_line & (at > middle), at, count).min(axis=1, initial=count)
    return np.maximum(before + 1, peak - most), np.minimum(behind, peak + most + 1)


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
    """

    darkness: Stack
    is_print: Stack
    limit: Stack
    guides: dict[int, Grey]


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
    return BlankBoxes(darkness, mask_of(is_print), _limit(level, params), guides)


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
        for side in range(4):
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
