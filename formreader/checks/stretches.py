"""Find the stretches of a batch on which a box is read otherwise, and no others.

Every stretch of several lengths is set against all pages, as a scan statistic does (Kulldorff 1997, "A spatial scan
statistic"). Where nothing drifts, the pages of a stretch are a sample drawn without replacement from all of them, and
the probability of a share so far off is at most exp(-n KL(share, overall)) (Hoeffding 1963, section 6; Chvatal 1979,
"The tail of the hypergeometric distribution"). That holds for any number of pages, needs no simulation, and is
corrected for all stretches, boxes and shares that are looked at (Bonferroni). The pages named are those between the
two most likely places of change.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from formreader.checks.counts import DIGITS, MEASURES

_Counts = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class DriftParams:
    """What counts as a drift.

    Attributes
    ----------
    least_pages
        A smaller batch says nothing: a person has looked through it sooner.
    shortest
        Pages of the shortest stretch looked for: fewer can hardly be told from chance among hundreds of boxes.
    least_jump
        How far a share must be from that elsewhere. Smaller jumps are surely no chance in a large batch, but what
        people write differs as much between one school or week and the next.
    alarm
        At most this share of batches in which nothing drifts has a report.
    stretches
        Into how many stretches the pages are counted, at most: 11 MB for 100 boxes, whatever the number of pages; up
        to so many pages the stretches are single pages.
    each_box
        How many stretches of one box are reported, at most.
    """

    least_pages: int = 50
    shortest: int = 10
    least_jump: float = 0.15
    alarm: float = 0.01
    stretches: int = 2048
    each_box: int = 3


class _Window(NamedTuple):
    score: float
    first: int
    end: int
    measure: int


def windows_of(stretches: int, length: int, shortest: int) -> list[NDArray[np.int64]]:
    """Give stretches of growing width as (n, 2), first and end; a drift of any place and length nearly fills one."""
    width = -(-shortest // length)
    found = []
    while width <= stretches // 2:
        first = np.arange(0, stretches - width + 1, max(1, width // 4))
        found.append(np.column_stack([first, first + width]))
        width = max(width + 1, round(width * 2**0.5))
    return found


def jumps_of(
    counts: _Counts, windows: Sequence[NDArray[np.int64]], least_score: float, params: DriftParams
) -> Iterator[tuple[_Window, list[tuple[int, float, float]]]]:
    """Find where a box drifts: the clearest stretch, then, with its pages left out, the next.

    Parameters
    ----------
    counts
        (stretches, measures); those of stretches that were found are set to zero.
    """
    watched = np.ones(len(MEASURES), bool)
    found, least = 0, int(windows[0][0, 1])
    while found < params.each_box:
        sums = np.concatenate([np.zeros((1, counts.shape[1])), counts.cumsum(axis=0)])
        window = _clearest(sums, windows, watched, params.least_jump)
        if window is None or window.score < least_score:
            return
        window = _smaller_side(_between_changes(sums, window), len(counts), least)
        if window.measure < len(DIGITS) and _is_restless(sums, window, params):
            watched[: len(DIGITS)] = False
            continue
        jumps = _jumps(sums, window, watched, params.least_jump)
        seen = window.first + np.flatnonzero(counts[window.first : window.end].any(axis=1))
        counts[window.first : window.end] = 0
        found += 1
        if jumps and len(seen):
            yield window._replace(first=int(seen[0]), end=int(seen[-1]) + 1), jumps


def _clearest(
    sums: _Counts, windows: Sequence[NDArray[np.int64]], watched: NDArray[np.bool_], least_jump: float
) -> _Window | None:
    """Find the stretch and the measure that can least be chance; None where no share jumps."""
    best: _Window | None = None
    for places in windows:
        inside, outside, overall = _shares(sums, places)
        (share, pages), (elsewhere, others) = inside, outside
        jumps = (np.abs(share - elsewhere) >= least_jump) & watched & (pages > 0) & (others > 0)
        if not jumps.any():
            continue
        score = np.maximum(pages * _divergence(share, overall), others * _divergence(elsewhere, overall))
        place, measure = np.unravel_index(np.argmax(np.where(jumps, score, 0)), score.shape)
        if best is None or score[place, measure] > best.score:
            first, end = places[place].tolist()
            best = _Window(float(score[place, measure]), first, end, int(measure))
    return best


def _shares(
    sums: _Counts, places: NDArray[np.int64]
) -> tuple[tuple[_Counts, _Counts], tuple[_Counts, _Counts], _Counts]:
    """Give shares (places, measures) and pages (places, 1) of stretches, those elsewhere, and the overall shares."""
    inside = sums[places[:, 1]] - sums[places[:, 0]]
    outside = sums[-1] - inside
    pages, others, every = (counts[..., :-1].sum(axis=-1, keepdims=True) for counts in (inside, outside, sums[-1]))
    return (
        (inside / np.maximum(pages, 1), pages),
        (outside / np.maximum(others, 1), others),
        sums[-1] / np.maximum(every, 1),
    )


def _divergence(share: _Counts, overall: _Counts) -> _Counts:
    """Kullback and Leibler's divergence of a coin from another, in nats; `overall` is 0 or 1 only where `share` is."""

    def part(one: _Counts, other: _Counts) -> _Counts:
        ratio: _Counts = np.where(one > 0, one, 1) / np.where(one > 0, np.maximum(other, 1e-12), 1)
        return one * np.log(ratio)

    return np.maximum(part(share, overall) + part(1 - share, 1 - overall), 0)


def _between_changes(sums: _Counts, window: _Window, grid: int = 64) -> _Window:
    """Find the two places of change that are most likely, near a stretch or, for long ones, anywhere."""
    stretches = len(sums) - 1
    width = window.end - window.first
    starts = [(window.first, window.end, width), (0, stretches, stretches)]
    _, first, end = max(_most_likely(sums, window.measure, start, grid) for start in starts)
    return _Window(window.score, first, end, window.measure)


def _most_likely(sums: _Counts, measure: int, start: tuple[int, int, int], grid: int) -> tuple[float, int, int]:
    """Move a stretch's ends by up to a reach to where the change is most likely, on ever finer grids."""
    first, end, reach = start
    while True:
        step = max(1, reach // grid)
        moves = np.arange(-reach, reach + 1, step)
        both = np.meshgrid(first + moves, end + moves, indexing="ij")
        places = np.stack(both, axis=-1).reshape(-1, 2).clip(0, len(sums) - 1)
        places = places[places[:, 0] < places[:, 1]]
        (share, pages), (elsewhere, others), overall = _shares(sums, places)
        likely = (pages * _divergence(share, overall) + others * _divergence(elsewhere, overall))[:, measure]
        best = int(np.argmax(likely))
        first, end = places[best].tolist()
        if step == 1:
            return float(likely[best]), first, end
        reach = step


def _smaller_side(window: _Window, stretches: int, least: int) -> _Window:
    """Of a batch that changed once, take the smaller part for the stretch; of two halves the later."""
    score, first, end, measure = window
    before, inside, after = first, end - first, stretches - end
    if min(before, after) >= least or (inside, after) <= (stretches - inside, before):
        return window
    return _Window(score, end, stretches, measure) if after > before else _Window(score, 0, first, measure)


def _is_restless(sums: _Counts, window: _Window, params: DriftParams) -> bool:
    """Say whether the digits change from most stretches of this length to the next: a running number or a date."""
    width = window.end - window.first
    edges = np.arange(window.first % width, len(sums), width)
    if len(edges) < 6:  # of fewer than four changes, most may well be dirty glass that comes and goes
        return False
    inside = np.diff(sums[edges], axis=0)
    pages = np.maximum(inside[:, :-1].sum(axis=1, keepdims=True), 1)
    shares = inside[:, : len(DIGITS)] / pages
    both = (shares[1:] * pages[1:] + shares[:-1] * pages[:-1]) / (pages[1:] + pages[:-1])
    score = pages[1:] * _divergence(shares[1:], both) + pages[:-1] * _divergence(shares[:-1], both)
    jumped = (np.abs(np.diff(shares, axis=0)) >= params.least_jump) & (score > np.log(score.size / params.alarm))
    return bool(jumped.any(axis=1).mean() > 1 / 2)


def _jumps(
    sums: _Counts, window: _Window, watched: NDArray[np.bool_], least_jump: float
) -> list[tuple[int, float, float]]:
    """Give the measures that jump with their shares there and elsewhere, that which rises most first."""
    (share, _), (elsewhere, _), _ = _shares(sums, np.array([[window.first, window.end]]))
    rise = share[0] - elsewhere[0]
    by_rise = sorted(np.flatnonzero((np.abs(rise) >= least_jump) & watched), key=lambda measure: -rise[measure])
    return [(int(measure), float(share[0, measure]), float(elsewhere[0, measure])) for measure in by_rise]
