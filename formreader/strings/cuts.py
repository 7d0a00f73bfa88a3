"""Paths from top to bottom through a component, on which little ink is cut."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Costs = NDArray[np.float32]
"""(n, rows, columns): the ink of each pixel in 0 to 1; infinite beyond a component's own columns."""


def seams(costs: Costs, leaning: float) -> tuple[NDArray[np.float32], list[Costs]]:
    """Find for each column of the middle row the path down through it that crosses the least ink.

    A path steps at most one column aside from row to row, which costs `leaning`; it leans as much as digits do and goes
    round what overhangs (the drop fall of Dimauro et al. 1997, solved by dynamic programming).

    Returns
    -------
    tuple
        Float32 (n, columns): the ink on the best path through each column of the middle row; and for following the
        paths, what is least above and below, (n, rows, columns) each.
    """
    middle = costs.shape[1] // 2
    above = _summed(costs[:, : middle + 1], leaning)
    below = _summed(costs[:, :middle:-1], leaning) if middle + 1 < costs.shape[1] else costs[:, :0]
    total = above[:, -1].copy()
    if below.shape[1]:
        total += _least_beside(below[:, -1], leaning)
    return total, [above, below]


def follow(
    sums: list[Costs], which: NDArray[np.int64], columns: NDArray[np.int64], leaning: float
) -> NDArray[np.int64]:
    """Give the paths (k, rows) through columns (k,) of the middle row, of the components `which` (k,)."""
    above, below = sums
    paths = np.zeros((len(columns), above.shape[1] + below.shape[1]), np.int64)
    middle = above.shape[1] - 1
    paths[:, middle] = columns
    for row in range(middle - 1, -1, -1):
        paths[:, row] = _step(above[which, row], paths[:, row + 1], leaning)
    for row in range(middle + 1, paths.shape[1]):
        paths[:, row] = _step(below[which, paths.shape[1] - 1 - row], paths[:, row - 1], leaning)
    return paths


def _summed(costs: Costs, leaning: float) -> Costs:
    sums = costs.copy()
    for row in range(1, costs.shape[1]):
        sums[:, row] += _least_beside(sums[:, row - 1], leaning)
    return sums


def _least_beside(row: NDArray[np.float32], leaning: float) -> NDArray[np.float32]:
    """Give the least of each place and its two neighbours, which cost a little more."""
    least = row.copy()
    np.minimum(least[:, 1:], row[:, :-1] + np.float32(leaning), out=least[:, 1:])
    np.minimum(least[:, :-1], row[:, 1:] + np.float32(leaning), out=least[:, :-1])
    return least


def _step(row: NDArray[np.float32], at: NDArray[np.int64], leaning: float) -> NDArray[np.int64]:
    k = np.arange(len(at))
    last = row.shape[1] - 1
    choices = np.stack([at, np.maximum(at - 1, 0), np.minimum(at + 1, last)])
    values = row[k, choices] + np.array([0.0, leaning, leaning], np.float32)[:, None]
    return np.asarray(choices[values.argmin(axis=0), k])


def valleys(total: NDArray[np.float32], most: float, step: int) -> list[int]:
    """Choose columns where less ink is crossed than beside them, the lightest first, none within `step` of another."""
    chosen: list[int] = []
    edges = np.flatnonzero(np.diff(total, prepend=np.inf, append=np.inf) != 0)
    # Runs of equal cost: the middle of a run that is lower than both its sides.
    for start, stop in pairwise(edges.tolist()):
        before = total[start - 1] if start else np.inf
        after = total[stop] if stop < len(total) else np.inf
        if total[start] <= most and total[start] < before and total[start] < after:
            chosen.append(int(start + stop - 1) // 2)
    kept: list[int] = []
    for column in sorted(chosen, key=lambda column: float(total[column])):
        if all(abs(column - other) >= step for other in kept):
            kept.append(column)
    return sorted(kept)
