"""Which of the rectangles on a page are boxes: among overlapping ones those of a size that recurs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from formreader.boxes.frames import ABOVE, BELOW, LEFT, RIGHT, Corners, Frames
from formreader.boxes.params import FindParams
from formreader.boxes.rectangles import Boxes, inside, overlaps, without_overlap

_OUTWARD = ((LEFT, ABOVE), (RIGHT, ABOVE), (RIGHT, BELOW), (LEFT, BELOW))


def choose_boxes(
    frames: Frames,
    corners: Corners,
    apart: float,
    wanted: NDArray[np.bool_],
    whole: NDArray[np.bool_],
    few: float = 4.0,
) -> Boxes:
    """Choose boxes that do not overlap.

    A stroke that touches both lines of a box cuts it in two, but boxes come in rows of one size, and its halves do not:
    the smallest rectangle at a corner is the box unless a larger one's size recurs much more often. Of a frame inside
    another one the outer is the box.

    Parameters
    ----------
    apart
        In working pixels: so near a box's line no stroke cuts it, but the next box's line may lie there.
    wanted
        Frames of a size that was asked for: they are believed before others.
    whole
        Frames without a flaw: they are believed before those of their size that have one.
    few
        So many boxes of a size are no chance.

    Returns
    -------
    (n, 4) array
    """
    boxes = frames.boxes
    if not len(boxes):
        return boxes
    area = boxes[:, 2] * boxes[:, 3]
    order = np.lexsort((area, frames.corners[:, 0]))
    is_smallest = np.zeros(len(boxes), bool)
    is_smallest[order[np.r_[True, np.diff(frames.corners[order, 0]) != 0]]] = True
    alone = _stands_alone(frames, corners)
    recurs = recurrence(boxes, boxes[is_smallest]) + 1.5 * alone + len(boxes) * wanted
    smallest = np.zeros(int(frames.corners.max()) + 1, np.intp)
    smallest[frames.corners[is_smallest, 0]] = np.flatnonzero(is_smallest)
    least = smallest[frames.corners[:, 0]]
    is_gap = (np.abs(boxes[:, 2:] - boxes[least, 2:]).max(axis=1) <= apart) & (recurs[least] >= few)
    kept = np.flatnonzero(is_smallest | ((recurs >= 3 * recurs[least]) & ~is_gap))
    return _without_odd_ones(boxes[kept], recurs[kept], whole[kept])


def _stands_alone(frames: Frames, corners: Corners) -> NDArray[np.bool_]:
    """Whether no line leaves a frame's corners outwards: it is a box by itself."""
    outward = [corners.arms[frames.corners[:, k]][:, list(arms)].any(axis=1) for k, arms in enumerate(_OUTWARD)]
    alone: NDArray[np.bool_] = ~np.any(outward, axis=0)
    return alone


def of_wanted_size(boxes: Boxes, px_a_mm: float, params: FindParams, *, high: bool = True) -> NDArray[np.bool_]:
    """Say which boxes have about a size that was asked for; all where none was, their widths alone unless `high`."""
    if not params.sizes:
        return np.ones(len(boxes), bool)
    sides = 2 if high else 1
    wanted = np.array(params.sizes)[:, :sides]
    off = np.abs(boxes[:, None, 2 : 2 + sides] / px_a_mm - wanted)
    return np.asarray((off <= np.maximum(params.size_off * wanted, params.size_off_mm)).all(axis=2).any(axis=1), bool)


def recurrence(boxes: Boxes, among: Boxes, step: float = 0.03) -> NDArray[np.float64]:
    """Count for each box how many there are of its size, within some hundredths."""
    if not len(boxes) or not len(among):
        return np.zeros(len(boxes))
    bins, others = (np.rint(np.log(b[:, 2:]) / step).astype(np.int64) for b in (boxes, among))
    base = int(max(bins.max(), others.max())) + 3
    keys, counts = np.unique(others @ np.array([base, 1]), return_counts=True)
    total = np.zeros(len(boxes))
    for dx in (-1, 0, 1):
        for dy in (-1, 0, 1):
            wanted = bins @ np.array([base, 1]) + dx * base + dy
            at = np.searchsorted(keys, wanted).clip(0, len(keys) - 1)
            total += np.where(keys[at] == wanted, counts[at], 0)
    return total


def _without_odd_ones(
    boxes: Boxes, recurs: NDArray[np.float64], whole: NDArray[np.bool_], flawed: float = 1.25
) -> Boxes:
    """Leave out boxes that overlap better ones, and of frames inside each other those that are not written in."""
    i, k, _ = overlaps(boxes, boxes)
    nested = inside(boxes[i], boxes[k])
    crossing = ~nested & ~inside(boxes[k], boxes[i])
    best = np.zeros(len(boxes))
    np.maximum.at(best, i[crossing], recurs[k[crossing]])
    area = boxes[:, 2:].prod(axis=1) * np.where(whole, 1.0, flawed)
    kept = without_overlap(boxes, np.lexsort((area, recurs < 0.3 * best)))
    is_kept = np.zeros(len(boxes), bool)
    is_kept[kept] = True
    pairs = nested & is_kept[i] & is_kept[k]
    is_kept[_not_written_in(boxes, recurs, i[pairs], k[pairs])] = False
    return boxes[is_kept]


def _not_written_in(
    boxes: Boxes, recurs: NDArray[np.float64], inner: NDArray[np.intp], outer: NDArray[np.intp], double: float = 0.6
) -> list[int]:
    """Say which of frames inside each other are not written in.

    One writes in the inner one of a double frame, and in boxes that stand side by side in a panel; else in the outer
    one: inside it are a printed guide such as a seven-segment eight, or a written 0.
    """
    dropped: list[int] = []
    for frame in np.unique(outer).tolist():
        within = inner[outer == frame]
        usual = boxes[within[recurs[within] >= 0.3 * recurs[frame]]]
        is_double = (usual[:, 2:].prod(axis=1) > double * boxes[frame, 2:].prod()).any()
        in_row = len(usual) > 1 and usual[:, 0].max() > (usual[:, 0] + usual[:, 2]).min()
        dropped += [frame] if is_double or in_row else within.tolist()
    return dropped
