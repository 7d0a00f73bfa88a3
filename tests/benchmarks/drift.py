"""How often drift is reported where there is none, and how surely where there is; on drawn readings, without pictures.

    python -m tests.benchmarks.drift [--batches 300] [--trials 40] [--pages 2000] [--boxes 100]

Batches have boxes of all kinds, from always filled to nearly always blank, with their own mix of digits. A streak
writes a 1 into a share of the blanks of one box that is mostly blank, on consecutive pages; a worse scan flags the
digits of one box more often. `found` counts batches in which that box is reported, `ends off` is how many pages the
named stretch begins or ends beside the true one (median).
"""

from __future__ import annotations

import argparse
import time
import tracemalloc
from collections import deque
from collections.abc import Iterator
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from formreader.checks import Drift, DriftParams, DriftSearch
from formreader.store import StoredPage
from tests.drawing_batches import BLANK, as_pages, draw_boxes, streaked

STREAKS = ((20, 0.9), (50, 0.3), (50, 0.5), (50, 0.7), (50, 0.9), (100, 0.3), (200, 0.3), (1000, 0.5))
"""Pages and the share of blanks that become a 1."""


def drifts(pages: Iterator[StoredPage], params: DriftParams | None = None) -> list[Drift]:
    """Search pages for drift."""
    search = DriftSearch(params)
    deque(search.passing(pages), maxlen=0)
    return search.drifts()


def false_alarms(batches: int, pages: int, boxes: int) -> None:
    """Count batches without drift in which any is reported."""
    alarms = 0
    for seed in range(batches):
        rng = np.random.default_rng(seed)
        said = draw_boxes(pages, boxes, rng)
        found = drifts(as_pages(said, rng.random(said.shape) < 0.03))
        alarms += bool(found)
        for drift in found:
            print(f"  seed {seed}: {drift}")
    print(f"without drift: {alarms} of {batches} batches of {pages:,} pages with {boxes} boxes have a report")


def power(trials: int, pages: int, boxes: int) -> None:
    """Say how often streaks of some lengths are found."""
    print("streak pages  1s written  found  ends off  other boxes reported")
    for length, share in STREAKS:
        if length > pages // 2:
            continue
        found, off, others = 0, [], 0
        for seed in range(trials):
            rng = np.random.default_rng(10_000 + seed)
            said = draw_boxes(pages, boxes, rng)
            said[:, 0] = np.where(rng.random(pages) < 0.1, said[:, 0], BLANK)
            first = int(rng.integers(0, pages - length))
            reported = drifts(as_pages(streaked(said, 0, first, length, share, rng)))
            mine = [drift for drift in reported if drift.position == 1]
            found += bool(mine)
            others += len(reported) - len(mine)
            off += [
                abs(drift.start - 1 - first) + abs(drift.start - 1 + drift.pages - first - length) for drift in mine
            ]
        print(f"{length:12}  {share:10.0%}  {found / trials:5.0%}  {np.median(off) if off else '-':>8}  {others:8}")


def running_numbers(pages: int) -> None:
    """Say what is reported of boxes that hold a running number, a day and a month, in order."""
    place = np.arange(pages)
    day = place * 365 // pages
    number: list[NDArray[np.int64]] = [(40_000 + place) // 10**power % 10 for power in (4, 3, 2, 1, 0)]
    date = [day % 30 // 10, day % 30 % 10, (1 + day // 31) // 10, (1 + day // 31) % 10]
    reported = drifts(as_pages(np.stack([*number, *date], axis=1)))
    print(f"a running number (boxes 1 to 5), day (6, 7) and month (8, 9) over {pages:,} pages: {len(reported)} reports")
    for drift in reported:
        print(f"  {drift}")


def cost(pages: int, boxes: int) -> None:
    """Measure counting, searching and memory over a large batch, made of the same thousand pages again and again."""
    drawn = list(as_pages(draw_boxes(1000, boxes, np.random.default_rng(0))))
    search = DriftSearch()
    tracemalloc.start()
    deque(search.passing(islice((page for _ in range(pages) for page in drawn), 3000)), maxlen=0)
    held = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    began = time.perf_counter()
    deque(search.passing(islice((page for _ in range(pages) for page in drawn), pages - 3000)), maxlen=0)
    counted = time.perf_counter()
    search.drifts()
    searched = time.perf_counter()
    (stretches,) = search._forms.values()
    print(
        f"{pages:,} pages with {boxes} boxes: {(counted - began) / (pages - 3000) * 1e6:.0f} us a page to count, "
        f"{searched - counted:.2f} s to search, {held / 1e6:.0f} MB held at most, stretches of {stretches.length} pages"
    )


def main() -> None:
    """Measure all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batches", type=int, default=300)
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--pages", type=int, default=2000)
    parser.add_argument("--boxes", type=int, default=100)
    asked = parser.parse_args()
    cost(500_000, asked.boxes)
    running_numbers(5 * asked.pages)
    power(asked.trials, asked.pages, asked.boxes // 5)
    false_alarms(asked.batches, asked.pages, asked.boxes)


if __name__ == "__main__":
    main()
