"""Boxes that writing hid: where a row or column of boxes goes on, a box is believed on less evidence."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from formreader.boxes.choose import recurrence
from formreader.boxes.frames import spans_gap
from formreader.boxes.lines import Lines, share_printed, widened
from formreader.boxes.params import FindParams
from formreader.boxes.rectangles import Boxes, lies_over, overlaps, ranges, without_overlap


def completed(lines: Lines, boxes: Boxes, params: FindParams, rounds: int = 3) -> Boxes:
    """Add boxes of a known size at a known pitch from known ones, where their four sides are printed well enough.

    They take the place of boxes of a rare size: those are cut off by a stroke.
    """
    hidden = replace(lines, down=lines.down | lines.streaked)
    for _ in range(rounds):
        usual, area = recurrence(boxes, boxes), boxes[:, 2:].prod(axis=1)
        wanted, known = _next_ones(boxes, usual)
        i, k, part = overlaps(wanted, boxes)
        same = (part > 0.8) & (np.abs(wanted[i, 2:] - boxes[k, 2:]) < 0.2 * boxes[k, 2:]).all(axis=1)
        every = sides_printed(hidden, wanted)
        # What is far rarer and holds more than one of them is two boxes whose dividing line has flaws.
        parts = (part > 0.9) & (area[k] > 1.7 * wanted[i, 2:].prod(axis=1)) & (usual[k] < 0.5 * known[i])
        parts &= every[i].min(axis=1) >= params.side_found
        free = np.ones(len(wanted), bool)
        free[i[same | ((usual[k] >= 0.2 * known[i]) & ~parts)]] = False
        sides = every[free]
        good = (sides.min(axis=1) >= params.side_hidden) & (sides.mean(axis=1) >= params.sides_hidden)
        good[good] = ~spans_gap(lines, wanted[free][good], params)
        if not good.any():
            break
        wanted = wanted[free][good]
        best = wanted[without_overlap(wanted, np.argsort(-sides[good].mean(axis=1)))]
        boxes = np.concatenate([boxes[~lies_over(boxes, best)], best])
    return boxes


def _next_ones(boxes: Boxes, usual: NDArray[np.float64]) -> tuple[Boxes, NDArray[np.float64]]:
    """Give copies of boxes one pitch on in each direction, and how usual their size is.

    Pitches are the commonest between boxes of like size.
    """
    copies, known = [np.zeros((0, 4))], [np.zeros(0)]
    for axis in (0, 1):
        step = _steps(boxes, axis)
        for i in np.argsort(-usual).tolist():
            if not np.isfinite(step[i]):
                continue
            alike = np.abs(boxes[:, 2:] - boxes[i, 2:]).max(axis=1) <= 0.06 * boxes[i, 2:].max()
            for pitch in _common(step[alike]):
                for moved in (-pitch, pitch):
                    copies.append(boxes[alike] + np.where(np.arange(4) == axis, moved, 0.0))
                    known.append(np.full(len(copies[-1]), usual[i]))
            step[alike] = np.inf
    return np.concatenate(copies), np.concatenate(known)


def _steps(boxes: Boxes, axis: int) -> NDArray[np.float64]:
    """Measure how far it is from each box to the next one of like size in its row or column; infinite where none is."""
    off = 1 - axis
    order = np.argsort(boxes[:, off])
    slack = 0.1 * boxes[:, 2 + off]
    first, last = (np.searchsorted(boxes[order, off], boxes[:, off] + by) for by in (-slack, slack))
    i, k = ranges(first, last)
    k = order[k]
    far = boxes[k, axis] - boxes[i, axis]
    alike = (np.abs(boxes[k, 2:] - boxes[i, 2:]) <= 0.06 * boxes[i, 2:]).all(axis=1)
    near = (far > 0.9 * boxes[i, 2 + axis]) & (far <= 1.9 * boxes[i, 2 + axis])
    steps = np.full(len(boxes), np.inf)
    np.minimum.at(steps, i[alike & near], far[alike & near])
    return steps


def _common(steps: NDArray[np.float64], most: int = 3) -> list[float]:
    """Give the commonest steps, those within two pixels taken together."""
    left = np.sort(steps[np.isfinite(steps)])
    common: list[float] = []
    while len(left) and len(common) < most:
        counts = np.searchsorted(left, left + 2.0, side="right") - np.searchsorted(left, left - 2.0)
        near = np.abs(left - left[int(np.argmax(counts))]) <= 2.0
        common.append(float(np.median(left[near])))
        left = left[~near]
    return common


def sides_printed(lines: Lines, boxes: Boxes, slack: int = 5, trim: float = 0.15) -> NDArray[np.float64]:
    """Measure the share of each side that is printed, (n, 4).

    Parameters
    ----------
    slack
        How thick a band of pixels is looked at.
    trim
        Share of the side left out at each end.
    """
    across, down = widened(lines.across, (slack, 1)), widened(lines.down, (1, slack))
    top_left, bottom_right = boxes[:, :2], boxes[:, :2] + boxes[:, 2:]
    top_right = np.stack([bottom_right[:, 0], top_left[:, 1]], axis=1)
    bottom_left = np.stack([top_left[:, 0], bottom_right[:, 1]], axis=1)
    return np.stack(
        [
            share_printed(across, top_left, top_right, trim=trim),
            share_printed(across, bottom_left, bottom_right, trim=trim),
            share_printed(down, top_left, bottom_left, trim=trim),
            share_printed(down, top_right, bottom_right, trim=trim),
        ],
        axis=1,
    )
