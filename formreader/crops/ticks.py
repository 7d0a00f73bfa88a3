"""A comb's ticks: short lines that stand between its places and reach up a part of a side only.

They are no lines of a frame, which run along a whole side, and what the blank shows there lies too far off on a page
that is a little out of place. So each is found on the page itself: the blank says how high ticks reach, or where there
is none what most boxes of a size show at the same place; a box's two ticks then say together where they stand, as a
stroke beside one has no fellow beside the other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from formreader.crops.bands import Bands, run_around
from formreader.crops.stacks import Stack, lower_medians, mask_of, ranked
from formreader.crops.upright import CropParams, Frame


@dataclass(frozen=True, slots=True)
class TickParams:
    """What counts as a tick; shares are of the box's shorter side unless said otherwise."""

    near: float = 0.06  # of a side's place: print there is the side's
    least: float = 0.1  # of the paper's brightness: paler is no print
    of_darkest: float = 0.5  # of the darkest print along the side: where a tick ends
    line: float = 0.1  # so far from its ends a side meets other lines
    length: tuple[float, float] = (0.12, 0.75)  # of the side: shorter is a blot, longer a broken line
    apart: float = 0.1  # of the side: more print off the tick, and it is something else
    shown_by: float = 0.75  # of the boxes, where there is no blank,
    enough_boxes: int = 8  # and so many must be there to tell
    whole: float = 0.85  # of the rest of the side: so much more of it dark, and this box has a line
    unbroken: float = 0.7  # of a tick's length must be dark
    paired: float = 0.03  # so much further apart or closer than their places two ticks stand


def printed_ticks(blank: Stack, frame: Frame) -> NDArray[np.int64]:
    """Say where a blank shows ticks at the left and right sides of boxes.

    Returns
    -------
    int64 (2, n, 2), the first and last + 1 of their rows, on to the end of the side; 0, 0 for none.
    """
    ticks = TickParams()
    return np.stack([_risen(_along(blank, side, frame, ticks), frame, ticks) for side in range(2)], axis=2)


def with_ticks(
    bands: Bands, darkness: Stack, printed: NDArray[np.int64] | None, frame: Frame, params: CropParams
) -> Bands:
    """Add the ticks of combs, and take for no line what a stroke and a tick look like together.

    Parameters
    ----------
    printed
        What `printed_ticks` found on the blank; None where there is none.
    """
    ticks = TickParams()
    rows = _common(bands, darkness, frame, ticks) if printed is None else printed
    if frame.is_wide or not (rows[1] > rows[0]).any():
        return bands
    columns, levels = _located(darkness, rows, frame, params, ticks)
    is_found = columns[1] > columns[0]
    down, starts, stops = bands.down.copy(), bands.starts.copy(), bands.stops.copy()
    for nth, side in np.argwhere(is_found & (stops[:, 2:4] > starts[:, 2:4])).tolist():
        down[:, nth, starts[nth, 2 + side] : stops[nth, 2 + side]] = 0
        starts[nth, 2 + side] = stops[nth, 2 + side] = 0
    starts[:, 4:], stops[:, 4:] = columns
    _mark(down, darkness, rows, columns, levels, params)
    return Bands(bands.across, down, bands.across | down, starts, stops)


def without_strokes(bands: Bands, blank: Stack | None, frame: Frame) -> Bands:
    """Take no stroke for a line at the top or bottom of a box that has none: of a 7 in a comb the bar would be lost.

    The blank, or nearly all other boxes, show that there is none.
    """
    ticks = TickParams()
    across, starts, stops = bands.across, bands.starts.copy(), bands.stops.copy()
    is_line = stops[:, :2] > starts[:, :2]
    if is_line.all() or frame.is_wide:
        return bands
    for side in (0, 1):
        if blank is not None:
            is_bare = _is_bare(blank, side, frame, ticks)
        else:
            is_rare = len(is_line) >= ticks.enough_boxes and is_line[:, side].mean() <= 1 - ticks.shown_by
            is_bare = np.full(len(is_line), is_rare)
        for nth in np.flatnonzero(is_bare & is_line[:, side]).tolist():
            across = across.copy() if across is bands.across else across
            across[starts[nth, side] : stops[nth, side], nth] = 0
            starts[nth, side] = stops[nth, side] = 0
    return Bands(across, bands.down, across | bands.down, starts, stops)


def _is_bare(blank: Stack, side: int, frame: Frame, ticks: TickParams) -> NDArray[np.bool_]:
    """Say of which boxes the blank shows no print to speak of along the top (0) or bottom (1), (n,)."""
    place, near = frame.top + side * frame.height, ticks.near * frame.side
    _, columns = frame.inside(ticks.line * frame.side)
    shown = blank[max(0, round(place - near)) : round(place + near) + 1, :, columns].max(axis=0, initial=0)
    is_bare: NDArray[np.bool_] = (shown > ticks.least * 255).mean(axis=1) < ticks.apart
    return is_bare


def _along(stack: Stack, side: int, frame: Frame, ticks: TickParams) -> NDArray[np.uint8]:
    """Say how dark the left (0) or right (1) side is at each row off its ends, (m, n)."""
    place, near = frame.left + side * frame.width, ticks.near * frame.side
    rows, _ = frame.inside(ticks.line * frame.side)
    columns = slice(max(0, round(place - near)), round(place + near) + 1)
    shown: NDArray[np.uint8] = stack[rows, :, columns].max(axis=2, initial=0)
    return shown


def _common(bands: Bands, darkness: Stack, frame: Frame, ticks: TickParams) -> NDArray[np.int64]:
    """Take for ticks what most boxes show, but for those in which the line goes on all along the side."""
    n = darkness.shape[1]
    rows = np.zeros((2, n, 2), np.int64)
    missing = bands.stops[:, 2:4] <= bands.starts[:, 2:4]
    rank = int((1 - ticks.shown_by) * (n - 1))
    for side in np.flatnonzero(missing.mean(axis=0) >= 0.5).tolist() if n >= ticks.enough_boxes else ():
        shown = np.partition(_along(darkness, side, frame, ticks), rank, axis=1)[:, rank : rank + 1]
        rows[:, :, side] = _risen(shown, frame, ticks)
        top, low = rows[:, 0, side].tolist()
        whole, _ = frame.inside(ticks.line * frame.side)
        rest = np.r_[whole.start : top, low : whole.stop]
        for nth in np.flatnonzero(~missing[:, side]).tolist():
            line = darkness[rest, nth, bands.starts[nth, 2 + side] : bands.stops[nth, 2 + side]].max(axis=1)
            if np.mean(line > ticks.least * 255) > ticks.whole:
                rows[:, nth, side] = 0
    return rows


def _risen(shown: NDArray[np.uint8], frame: Frame, ticks: TickParams) -> NDArray[np.int64]:
    """Find in the darkness along sides, (m, n), a run from one of their ends: (2, n), its rows on to that end."""
    inside, whole = frame.inside(ticks.line * frame.side)[0], frame.inside(0)[0]
    is_dark = shown > np.maximum(ticks.least * 255, ticks.of_darkest * shown.max(axis=0, initial=0))
    least, most = (share * frame.height for share in ticks.length)
    rows = np.zeros((2, shown.shape[1]), np.int64)
    for from_base in (False, True):
        lying = is_dark[::-1] if from_base else is_dark
        length = np.logical_and.accumulate(lying, axis=0).sum(axis=0)
        is_tick = (length >= least) & (length <= most)
        is_tick &= lying.sum(axis=0) - length <= ticks.apart * frame.height
        ends = (inside.stop - length - 1, whole.stop) if from_base else (whole.start, inside.start + length + 1)
        rows = np.where(is_tick, np.stack(np.broadcast_arrays(*ends)), rows)
    return rows


def _located(
    darkness: Stack, rows: NDArray[np.int64], frame: Frame, params: CropParams, ticks: TickParams
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Find the columns of ticks, (2, n, 2): first and last + 1, 0, 0 for none; and how dark they are, (n, 2)."""
    reach = round((params.line_search + params.line_most / 2) * frame.side)
    firsts = [round(place) - reach for place in (frame.left, frame.left + frame.width)]
    dark = np.zeros((*rows.shape[1:], 2 * reach + 1), np.uint8)
    # Its free end is left out: where paper is a little out of place nothing is there; so is the line it stands on.
    inside, _ = frame.inside(ticks.line * frame.side)
    within = np.stack([np.maximum(-(-rows[0] // 4) * 4, inside.start), np.minimum(rows[1] // 4 * 4, inside.stop)])
    for top, low in np.unique(within.reshape(2, -1), axis=1).T.tolist():
        for side, first in enumerate(firsts):
            some = np.flatnonzero((within[0, :, side] == top) & (within[1, :, side] == low))
            if low > top and some.size:
                strip = np.ascontiguousarray(darkness[top:low, some, first : first + dark.shape[2]])
                dark[some, side] = ranked(strip, int((1 - ticks.unbroken) * (low - top - 1)))
    peak = _peaks(dark, round(params.line_search * frame.side), max(1, round(ticks.paired * frame.side)))
    level = np.take_along_axis(dark, peak[:, :, None], axis=2)[:, :, 0].astype(np.float32)
    is_found = level >= params.line_darkness * 255
    starts, stops = np.zeros(rows.shape[1:], np.int64), np.zeros(rows.shape[1:], np.int64)
    is_line = dark[is_found] > np.float32(0.25) * level[is_found, None]
    starts[is_found], stops[is_found] = run_around(is_line, peak[is_found], round(params.line_most * frame.side))
    thickness = np.where(is_found, stops - starts, np.nan)
    usual = max(1, round(float(lower_medians(thickness.reshape(1, -1))[0]))) if is_found.any() else 1
    for box, side in np.argwhere(np.nan_to_num(thickness) > usual + 1).tolist():
        # A stroke that runs beside it is no part of it; ticks are alike.
        own = dark[box, side].astype(np.int64)
        windows = range(max(0, int(peak[box, side]) - usual + 1), int(peak[box, side]) + 1)
        starts[box, side] = max(windows, key=lambda start: int(own[start : start + usual].sum()))
        stops[box, side] = starts[box, side] + usual
    steps = round(params.line_steps_px * frame.scan_px) if frame.scan_px > 1.3 else 0
    columns = np.stack([starts - steps, stops + steps]) + np.array(firsts)
    return np.where(is_found, columns, 0), level


def _peaks(dark: NDArray[np.uint8], search: int, apart: int) -> NDArray[np.int64]:
    """Say where in each strip, (n, 2, k), a tick stands: where both have one, at most `apart` from their places.

    What is darker than ticks usually are counts no more than a tick: a stroke beside one does not outweigh its fellow.
    """
    n, _, size = dark.shape
    middle = size // 2
    near = np.abs(np.arange(size) - middle) <= search
    highest = np.where(near, dark, 0).max(axis=2)
    usual = lower_medians(np.where(highest > 0, highest, np.nan).reshape(1, -1))[0]
    capped = np.minimum(dark, np.float32(0 if np.isnan(usual) else usual))
    padded = np.pad(capped, ((0, 0), (0, 0), (apart, apart)))
    wider = np.max([padded[:, :, shift : shift + size] for shift in range(2 * apart + 1)], axis=0)
    # Of places alike the one nearest to the box's own.
    score = np.where(near, wider.sum(axis=1) + capped.sum(axis=1) / 4 - np.abs(np.arange(size) - middle) / 8, -1)
    best = score.argmax(axis=1)
    at = np.arange(size)
    is_close = np.abs(at - best[:, None]) <= apart
    peak: NDArray[np.int64] = np.where(is_close[:, None] & (dark >= 0), dark.astype(np.int16), -1).argmax(axis=2)
    return peak.reshape(n, 2)


def _mark(
    down: Stack,
    darkness: Stack,
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    levels: NDArray[np.float32],
    params: CropParams,
) -> None:
    """Mark ticks where the page is no darker than they are throughout."""
    for side in range(2):
        for nth in np.flatnonzero(columns[1, :, side] > columns[0, :, side]).tolist():
            top, low, left, right = (int(at) for at in (*rows[:, nth, side], *columns[:, nth, side]))
            place = slice(top, low), nth, slice(max(0, left), right)
            limit = min(255.0, float(levels[nth, side]) * params.over_print + params.over_print_by * 255)
            down[place] |= mask_of(darkness[place] <= np.uint8(limit))
