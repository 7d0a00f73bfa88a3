"""Combs: digits side by side over one base line, parted by short ticks."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from formreader.boxes.lines import Lines, evenness, share_printed, turned, widened
from formreader.boxes.params import FindParams
from formreader.boxes.rectangles import NONE, Boxes, covered_share, turned_boxes


def find_combs(lines: Lines, frames: Boxes, cells: Boxes, params: FindParams) -> list[Boxes]:
    """Find lines with ticks of an even pitch: in a frame, or open above; where toner is missing, and without end ticks.

    Parameters
    ----------
    frames
        Wide frames, (n, 4) in working pixels; one round a whole comb gives its height.
    cells
        Boxes found before: a line on which they stand side by side is theirs.

    Returns
    -------
    list
        The slots of each comb, (n, 4), left to right.
    """
    tick = params.tick_mm * lines.px_a_mm
    combs: list[Boxes] = []
    for gap_mm in (params.comb_gap_mm, 0.0):  # of a line in pieces the whole is the comb's
        down = widened(lines.down | lines.dotted_down if gap_mm else lines.down, (1, 5))
        bases = _base_lines(lines, gap_mm, params)
        # Boxes stand on a line or, in the inner one of two frames, a little above it.
        low = bases[:, [1, 3]].min(axis=1) - 0.6 * tick
        on_top = np.stack([bases[:, 0], low - tick, bases[:, 2] - bases[:, 0], np.full(len(bases), tick)], axis=1)
        taken = np.concatenate([cells, *combs])
        most = params.comb_near if gap_mm else params.comb_taken
        below = on_top + np.array([0.0, 1.8 * tick, 0.0, 0.0])  # on a box's upper line its label stands
        near = [covered_share(beside, taken, lines.pixels.shape) for beside in (on_top, below)]
        bases = bases[(near[0] < most) & (near[1] < params.comb_taken)]
        bases, has_ends = _between_ticks(bases, down, lines.px_a_mm, params)
        ends_there = _ends_there(lines, bases, params) & (has_ends | (gap_mm == 0))
        found = [
            _slots(base, is_closed, down, lines, frames, params)
            for base, is_closed in zip(bases[ends_there], has_ends[ends_there], strict=True)
        ]
        combs += [comb for comb in found if len(comb)]
    return combs


def turns_of_combs(lines: Lines, cells: Boxes, params: FindParams) -> int:
    """Say by how many quarters a page is to be turned counterclockwise so that its combs stand with their ticks up.

    Parameters
    ----------
    cells
        Boxes found as the page lies; a form on which there are many is not turned for the sake of some ticks.

    Returns
    -------
    int
        0 where the page lies right, or where too little says that it does not.
    """
    if len(cells) >= params.front_boxes:
        return 0
    shape = lines.pixels.shape
    turns = range(1, 4)
    combs = [find_combs(turned(lines, by), NONE, turned_boxes(cells, shape, by), params) for by in turns]
    slots = [sum(len(comb) for comb in found) for found in combs]
    best = int(np.argmax(slots))
    sure = len(combs[best]) >= params.combs_turned and slots[best] >= params.front_boxes
    return turns[best] if sure and slots[best] >= 3 * max(len(cells), *np.delete(slots, best).tolist()) else 0


def _ends_there(lines: Lines, bases: NDArray[np.float64], params: FindParams) -> NDArray[np.bool_]:
    """Whether paper is seen round a line: below it, beyond its ends and mostly just above it.

    A letter's foot has its other strokes and other letters beside it.
    """
    near, far = (mm * lines.px_a_mm for mm in params.around_mm)
    level = float(np.percentile(lines.pixels[::5, ::5], 75)) - params.letter_ink
    dark = np.asarray(lines.pixels < level, np.uint8)
    above = np.array([0.0, near])
    within = share_printed(dark, bases[:, :2] - above, bases[:, 2:] - above, samples=64)
    printed = []
    for out in np.linspace(near, far, 4):
        rise = np.array([0.0, params.tick_mm * lines.px_a_mm])
        for foot, way in ((bases[:, :2], -1), (bases[:, 2:], 1)):
            beyond = foot + np.array([way * out, 0.0])
            printed.append(share_printed(dark, beyond, beyond - rise, samples=12))
        under = np.array([0.0, out])
        printed.append(share_printed(dark, bases[:, :2] + under, bases[:, 2:] + under))
    ends_there: NDArray[np.bool_] = (np.mean(printed, axis=0) <= params.beside) & (within <= params.within)
    return ends_there


def _between_ticks(
    bases: NDArray[np.float64], down: NDArray[np.uint8], px_a_mm: float, params: FindParams
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Let lines end in the middle of the ticks at their ends; also says which have one at both."""
    off = np.arange(-round(0.7 * px_a_mm), round(0.7 * px_a_mm) + 1)
    placed, has_both = bases.copy(), np.ones(len(bases), bool)
    for k in (0, 2):
        feet = np.repeat(bases[:, None, k : k + 2], len(off), axis=1)
        feet[..., 0] += off
        seen = _has_tick(down, feet.reshape(-1, 2), px_a_mm, params).reshape(len(bases), len(off))
        has_both &= seen.any(axis=1)
        placed[:, k] += (seen * off).sum(axis=1) / np.maximum(seen.sum(axis=1), 1)
    return placed, has_both


def _base_lines(lines: Lines, gap_mm: float, params: FindParams) -> NDArray[np.float64]:
    """Find evenly printed lines across that have room for two slots; (n, 4): both ends' x and y.

    Parameters
    ----------
    gap_mm
        Where toner is missing in a line; 0 where it is whole.
    """
    across = lines.across
    if gap_mm:
        across = cv2.morphologyEx(across, cv2.MORPH_CLOSE, np.ones((1, round(gap_mm * lines.px_a_mm) | 1), np.uint8))
    _, labels, stats, _ = cv2.connectedComponentsWithStats(across, connectivity=8)
    least = 2 * params.least_mm * lines.px_a_mm
    reach = round(params.thick_mm / 2 * lines.px_a_mm)
    found = []
    for label in np.flatnonzero(stats[:, cv2.CC_STAT_WIDTH] >= least).tolist()[1:]:
        x, y, width, height, _ = stats[label].tolist()
        if gap_mm and height > reach + 0.02 * width:  # a line of text
            continue
        rows = [
            np.nonzero(labels[y : y + height, at : at + reach] == label)[0].mean() + y for at in (x, x + width - reach)
        ]
        found.append((x + 1.0, rows[0], x + width - 2.0, rows[1]))
    bases = np.array(found, dtype=np.float64).reshape(-1, 4)
    if gap_mm:
        seen = share_printed(widened(lines.across, (3, 1)), bases[:, :2], bases[:, 2:], samples=64)
        return bases[seen >= params.base_seen]
    return bases[evenness(lines.pixels, bases[:, :2], bases[:, 2:], reach, samples=64) >= params.base_even]


def _has_tick(
    down: NDArray[np.uint8], feet: NDArray[np.float64], px_a_mm: float, params: FindParams
) -> NDArray[np.bool_]:
    """Whether a line stands on each place, (n, 2)."""
    first, last = (np.array([0.0, mm * px_a_mm]) for mm in (0.4, params.tick_mm))
    has_tick: NDArray[np.bool_] = share_printed(down, feet - first, feet - last, samples=12) >= 0.8
    return has_tick


def _slots(
    base: NDArray[np.float64],
    is_closed: bool,
    down: NDArray[np.uint8],
    lines: Lines,
    frames: Boxes,
    params: FindParams,
) -> Boxes:
    """Part a line by the largest number of even slots that have their ticks; none where there are none.

    The slots are as high as the frame round the whole comb, or else a little higher than wide.

    Parameters
    ----------
    is_closed
        It has a tick at both ends; without, more are wanted between.
    """
    length = base[2] - base[0]
    most = int(length / (params.least_mm * lines.px_a_mm))
    for count in range(most, max(1, int(length / (params.most_mm * lines.px_a_mm))), -1):
        feet = base[:2] + np.linspace(0, 1, count + 1)[:, None] * (base[2:] - base[:2])
        seen = _has_tick(down, feet if is_closed else feet[1:-1], lines.px_a_mm, params)
        if len(seen) >= params.ticks_least and seen.mean() >= params.ticks_found:
            low = (feet[:-1, 1] + feet[1:, 1]) / 2
            pitch = length / count
            high = _height(base, pitch, frames) or params.comb * pitch
            if not params.aspect[0] <= pitch / high <= params.aspect[1]:
                continue
            height = np.full(count, high)
            return np.stack([feet[:-1, 0], low - height, np.diff(feet[:, 0]), height], axis=1)
    return NONE


def _height(base: NDArray[np.float64], pitch: float, frames: Boxes) -> float | None:
    """Give the height of the frame that stands on a line from end to end, or None."""
    sides = np.abs(frames[:, :1] + frames[:, 2:3] * (0, 1) - base[[0, 2]]).max(axis=1)
    whole = (sides <= 0.2 * pitch) & (np.abs(frames[:, 1] + frames[:, 3] - base[[1, 3]].mean()) <= 0.2 * pitch)
    return float(frames[whole, 3].min()) if whole.any() else None
