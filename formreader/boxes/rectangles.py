"""Many rectangles at once: which lie over each other."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.float64]
"""(n, 4): x, y, width, height."""

NONE: Boxes = np.zeros((0, 4))


def turned_boxes(boxes: Boxes, shape: tuple[int, ...], turns: int) -> Boxes:
    """Turn boxes with their page of this shape, height and width, counterclockwise by quarters."""
    height, width = shape[:2]
    for _ in range(turns):
        x, y, wide, tall = boxes.T
        boxes = np.stack([y, width - 1 - x - wide, tall, wide], axis=1)
        height, width = width, height
    return boxes


def ranges(first: NDArray[np.intp], last: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """List all pairs (i, k) with first[i] <= k < last[i], by i."""
    counts = np.maximum(last - first, 0)
    i = np.repeat(np.arange(len(first)), counts)
    k = np.arange(len(i)) - np.repeat(counts.cumsum() - counts, counts) + np.repeat(first, counts)
    return i, k


def overlaps(
    boxes: Boxes, others: Boxes, least: float = 0.2
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
    """List the pairs of boxes and others that share more than this part of the smaller one, by box, with that part."""
    if not len(boxes) or not len(others):
        nothing = np.zeros(0, np.intp)
        return nothing, nothing, np.zeros(0)
    order = np.argsort(others[:, 1])
    tops = others[order, 1]
    first = np.searchsorted(tops, boxes[:, 1] - others[:, 3].max())
    i, k = ranges(first, np.searchsorted(tops, boxes[:, 1] + boxes[:, 3]))
    k = order[k]
    ends, other_ends = boxes[:, :2] + boxes[:, 2:], others[:, :2] + others[:, 2:]
    width = np.minimum(ends[i, 0], other_ends[k, 0]) - np.maximum(boxes[i, 0], others[k, 0])
    height = np.minimum(ends[i, 1], other_ends[k, 1]) - np.maximum(boxes[i, 1], others[k, 1])
    area, other_area = boxes[:, 2:].prod(axis=1), others[:, 2:].prod(axis=1)
    part = width.clip(0) * height.clip(0) / np.minimum(area[i], other_area[k])
    over = part > least
    return i[over], k[over], part[over]


def lies_over(boxes: Boxes, others: Boxes, least: float = 0.2) -> NDArray[np.bool_]:
    """Say which boxes share more than this part with any of the others."""
    over = np.zeros(len(boxes), bool)
    over[overlaps(boxes, others, least)[0]] = True
    return over


def inside(boxes: Boxes, others: Boxes, margin: float = 2.0) -> NDArray[np.bool_]:
    """Say of pairs, (n, 4) each, whether the box lies inside the other one, apart from all four sides."""
    after = (boxes[:, :2] >= others[:, :2] + margin).all(axis=1)
    before = (boxes[:, :2] + boxes[:, 2:] <= others[:, :2] + others[:, 2:] - margin).all(axis=1)
    return np.asarray(after & before, np.bool_)


def without_overlap(boxes: Boxes, order: NDArray[np.intp]) -> NDArray[np.intp]:
    """Take boxes in an order, leaving out what lies over one taken before; frames inside each other both stay."""
    i, k, _ = overlaps(boxes, boxes)
    apart = inside(boxes[i], boxes[k]) | inside(boxes[k], boxes[i])
    i, k = i[~apart], k[~apart]
    starts = np.searchsorted(i, np.arange(len(boxes) + 1))
    taken = np.zeros(len(boxes), bool)
    kept: list[int] = []
    for box in order.tolist():
        if not taken[box]:
            kept.append(box)
            taken[k[starts[box] : starts[box + 1]]] = True
    return np.array(kept, dtype=np.intp)


def covered_share(frames: Boxes, boxes: Boxes, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Measure the share of each frame's area that boxes cover on a page of this shape."""
    covered = np.zeros(shape[:2], np.uint8)
    for x, y, width, height in np.rint(boxes).astype(int).tolist():
        covered[max(0, y + 2) : max(0, y + height - 1), max(0, x + 2) : max(0, x + width - 1)] = 1
    total = cv2.integral(covered)
    ends = np.rint(np.concatenate([frames[:, :2], frames[:, :2] + frames[:, 2:]], axis=1)).astype(np.intp)
    left, right = (ends[:, k].clip(0, covered.shape[1]) for k in (0, 2))
    top, bottom = (ends[:, k].clip(0, covered.shape[0]) for k in (1, 3))
    area = total[bottom, right] - total[top, right] - total[bottom, left] + total[top, left]
    share: NDArray[np.float64] = area / np.maximum((right - left) * (bottom - top), 1)
    return share
