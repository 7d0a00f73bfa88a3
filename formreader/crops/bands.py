"""The printed lines of boxes' frames: where they lie in the boxes' pictures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from formreader.crops.stacks import Stack, closed, mask_of, ranked
from formreader.crops.upright import CropParams, Frame


@dataclass(frozen=True, slots=True, eq=False)
class Bands:
    """The printed lines of frames.

    Attributes
    ----------
    across, down, either
        Masks of the lines that run across, of those that run down, and of all.
    starts, stops
        (n, 6), where they lie: first and last + 1 of the top, bottom, left and right line, and of a comb's tick on the
        left and right side; 0, 0 for none.
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

    def cut_down(self, chosen: NDArray[np.int64], window: tuple[slice, slice]) -> Bands:
        """Give the bands of some frames within a part of their pictures."""
        rows, columns = window
        across, down = (
            np.ascontiguousarray(np.take(mask[rows], chosen, axis=1)[:, :, columns])
            for mask in (self.across, self.down)
        )
        starts, stops = self.starts[chosen], self.stops[chosen]
        off = np.where(stops > starts, (rows.start,) * 2 + (columns.start,) * 4, 0)
        return Bands(across, down, across | down, starts - off, stops - off)


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
            level = _even_level(line, params)
            _mark((across if nth < 2 else down), darkness, nth < 2, starts[:, nth], stops[:, nth], level, params)
    no_ticks = np.zeros((len(starts), 2), np.int64)
    return Bands(across, down, across | down, *(np.column_stack([ends, no_ticks]) for ends in (starts, stops)))


@dataclass(frozen=True, slots=True, eq=False)
class _Lines:
    """One printed line of n frames.

    Attributes
    ----------
    start, stop
        (n,), its first and last + 1 place.
    level
        (n,), how dark it is throughout.
    middle
        (n,), how dark half of it is; a stroke may lie along as much.
    first, common
        (n, k), how dark each place from `first` on is throughout.
    """

    start: NDArray[np.int64]
    stop: NDArray[np.int64]
    level: NDArray[np.float32]
    middle: NDArray[np.uint8]
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
        start[rows], stop[rows] = run_around(
            dark[is_line] > np.float32(0.25) * level[is_line, None], peak[is_line], most
        )
        left = left[~is_line]
    is_found = stop > start
    ridge = strip[:, np.arange(n), common.argmax(axis=1)] if strip.size else np.zeros((1, n), np.uint8)
    middle = ranked(ridge, len(ridge) // 2)
    uneven = np.flatnonzero(is_found & (found < params.line_even * middle))
    if uneven.size:
        half = ranked(np.take(strip, uneven, axis=1), len(strip) // 2)
        wide = run_around(half > 0.5 * middle[uneven, None], common[uneven].argmax(axis=1), most)
        start, stop = _widened(start, stop, uneven, wide)
    ends = start + first * is_found, stop + first * is_found
    return _Lines(*ends, found.astype(np.float32), middle, first, common)


def _widened(
    start: NDArray[np.int64], stop: NDArray[np.int64], uneven: NDArray[np.int64], wide: tuple[NDArray[np.int64], ...]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Widen uneven lines to where half of each is dark, `wide`, up to what is usual.

    Parts of a line printed with little toner are much darker than others, and wider.
    """
    wider = np.minimum(start[uneven], wide[0]), np.maximum(stop[uneven], wide[1])
    is_usual = wider[1] - wider[0] <= np.median((stop - start)[stop > start]) + 1
    start, stop = start.copy(), stop.copy()
    start[uneven[is_usual]], stop[uneven[is_usual]] = (at[is_usual] for at in wider)
    return start, stop


def _even_level(line: _Lines, params: CropParams) -> NDArray[np.float32]:
    """Say how dark each line may be by itself, (n,): with little toner parts of it are much paler than others.

    Other frames' lines say how dark it is usually: half of one may be written over.
    """
    is_line = line.stop > line.start
    if np.count_nonzero(is_line) < params.enough_boxes:
        return line.level
    usual = np.median(line.middle[is_line])
    return np.maximum(line.level, np.minimum(line.middle, usual)).astype(np.float32)


def run_around(
    is_line: NDArray[np.bool_], peak: NDArray[np.int64], most: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Give the first and last + 1 place of each row's run around its peak, at most `most` to each side."""
    count = is_line.shape[1]
    at, middle = np.arange(count), peak[:, None]
    before = np.where(~is_line & (at < middle), at, -1).max(axis=1, initial=-1)
    behind = np.where(~is_line & (at > middle), at, count).min(axis=1, initial=count)
    return np.maximum(before + 1, peak - most), np.minimum(behind, peak + most + 1)
