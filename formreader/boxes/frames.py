"""Closed rectangles among printed lines: corners where lines meet, and four printed sides between them."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from formreader.boxes.lines import Lines, share_printed, widened
from formreader.boxes.params import FindParams
from formreader.boxes.rectangles import ranges
from formreader.values import Grey

RIGHT, LEFT, BELOW, ABOVE = range(4)


@dataclass(frozen=True, slots=True, eq=False)
class Corners:
    """Places where a line across meets a line down.

    Attributes
    ----------
    places
        (n, 2), x and y in working pixels.
    arms
        (n, 4) bool: whether a line leaves to the right, left, downwards and upwards.
    """

    places: NDArray[np.float64]
    arms: NDArray[np.bool_]


def find_corners(lines: Lines, params: FindParams) -> Corners:
    """Find where lines meet, or would if they were drawn on by the radius of a rounded corner."""
    px = lines.px_a_mm
    reach, touch, arm = (mm * px for mm in (params.round_mm, params.touch_mm, params.arm_mm))
    longer_across = _longer(lines.across, reach, touch)
    longer_down = cv2.transpose(_longer(np.asarray(cv2.transpose(lines.down), np.uint8), reach, touch))
    _, _, _, centroids = cv2.connectedComponentsWithStats(cv2.bitwise_and(longer_across, longer_down))
    places = centroids[1:]
    if not len(places):
        return Corners(places, np.zeros((0, 4), bool))
    across, down = widened(lines.across, (3, 1)), widened(lines.down, (1, 3))
    ways = ((across, down, (1, 0)), (across, down, (-1, 0)), (down, across, (0, 1)), (down, across, (0, -1)))
    gaps = np.stack([_gap(*way, places, reach, arm) for way in ways], axis=1)
    return _meeting(places, gaps, touch)


def _meeting(places: NDArray[np.float64], gaps: NDArray[np.float64], touch: float) -> Corners:
    """Keep the places that a line leaves across and one leaves up or down; `gaps` says how far off each begins.

    A line that stops short of one that passes, as a written 1 does, forms no corner with it.
    """
    there, touches = np.isfinite(gaps), gaps <= touch
    passes_across = np.asarray(touches[:, RIGHT] & touches[:, LEFT])[:, None]
    passes_down = np.asarray(touches[:, BELOW] & touches[:, ABOVE])[:, None]
    across = there[:, :2] & (touches[:, :2] | ~passes_down)
    down = there[:, 2:] & (touches[:, 2:] | ~passes_across)
    meets = across.any(axis=1) & down.any(axis=1)
    return Corners(places[meets], np.concatenate([across, down], axis=1)[meets])


def _longer(across: Grey, reach: float, touch: float) -> Grey:
    """Draw lines on: by a rounded corner's radius where they are longer than that, letters' strokes by less."""
    long = cv2.morphologyEx(across, cv2.MORPH_OPEN, np.ones((1, round(1.25 * reach)), np.uint8))
    long = widened(long, (1, 2 * round(reach) + 1))
    return np.asarray(cv2.bitwise_or(long, widened(across, (1, 2 * round(touch) + 1))), np.uint8)


def _gap(
    lines: Grey, crossing: Grey, step: tuple[int, int], places: NDArray[np.float64], reach: float, arm: float
) -> NDArray[np.float64]:
    """Measure how far from each place a line begins that runs on for an arm's length; infinite where none does.

    Where a crossing line is met there, that other place is the corner: of the inner one of two frames, of the next box.
    """
    length = max(3, round(arm))
    along = np.arange(round(reach) + length + 1)
    points = np.rint(places).astype(np.intp)[:, None, :] + along[None, :, None] * np.array(step)
    x = points[..., 0].clip(0, lines.shape[1] - 1)
    y = points[..., 1].clip(0, lines.shape[0] - 1)
    on_line, crossed = lines[y, x].astype(np.int32), crossing[y, x] > 0
    total = np.concatenate([np.zeros((len(places), 1), np.int32), on_line.cumsum(axis=1)], axis=1)
    runs = (total[:, length:] - total[:, :-length] >= 0.8 * length) & (on_line[:, : total.shape[1] - length] > 0)
    first = runs.argmax(axis=1)
    # What is printed from the place on is the thickness of the line that is met.
    every = np.arange(len(places))
    unprinted = ((on_line == 0) & ~crossed).cumsum(axis=1)[every, first]
    just_after = np.minimum(first[:, None] + np.arange(4), crossed.shape[1] - 1)
    begins_at_another = crossed[every[:, None], just_after].any(axis=1) & (unprinted > 0.2 * reach)
    return np.where(runs.any(axis=1) & ~begins_at_another, unprinted, np.inf)


@dataclass(frozen=True, slots=True, eq=False)
class Frames:
    """Rectangles with four printed sides.

    Attributes
    ----------
    boxes
        (n, 4): x, y, width, height in working pixels, on the middle of the lines.
    corners
        (n, 4): which corner is top left, top right, bottom right, bottom left.
    """

    boxes: NDArray[np.float64]
    corners: NDArray[np.intp]


def find_frames(lines: Lines, corners: Corners, params: FindParams) -> Frames:
    """Find all rectangles with four printed sides: two sides down, and sides across between their ends."""
    places, arms, px = corners.places, corners.arms, lines.px_a_mm
    across, down = widened(lines.across, (5, 1)), widened(lines.down, (1, 5))
    least = max(params.least_mm * px, params.least_px * max(1.0, lines.scale))
    sides = _facing(places, arms[:, BELOW], arms[:, ABOVE], least, params.most_mm * px)
    sides = sides[_is_printed(down, places[sides[:, 0]], places[sides[:, 1]], params)]
    four = _beside(sides, places, arms, params.aspect[0], least, params.most_wide_mm * px)
    four = four[_is_printed(across, places[four[:, 0]], places[four[:, 1]], params)]
    four = four[_is_printed(across, places[four[:, 3]], places[four[:, 2]], params)]
    boxes = _upright(places[four])
    kept = _is_angular(np.asarray(lines.across | lines.down, np.uint8), boxes, params)
    kept[kept] = ~spans_gap(lines, boxes[kept], params)
    return Frames(boxes[kept], four[kept])


def spans_gap(lines: Lines, boxes: NDArray[np.float64], params: FindParams) -> NDArray[np.bool_]:
    """Say which rectangles reach from one box into the next: on both their lines paper is seen beside a line across.

    The last line of a box, the paper between, the first line of the next and a stroke in there look like a frame with
    flaws; but toner is not missing on two lines at one place, beside a third one.
    """
    across, down = widened(lines.across, (5, 1)), widened(lines.down, (1, 5))
    lying = np.ascontiguousarray(down.T), np.ascontiguousarray(across.T)
    return _spans_gap(across, down, boxes, params) | _spans_gap(*lying, boxes[:, [1, 0, 3, 2]], params)


def _spans_gap(
    across: Grey, down: Grey, boxes: NDArray[np.float64], params: FindParams, samples: int = 48
) -> NDArray[np.bool_]:
    """Say the same of gaps that follow each other from left to right."""
    spans = np.zeros(len(boxes), bool)
    along = np.linspace(0.0, 1.0, samples)
    x = boxes[:, :1] + along * boxes[:, 2:3]
    columns = np.rint(x).astype(np.intp).clip(0, across.shape[1] - 1)
    rows = (np.rint(boxes[:, [1]] + boxes[:, [3]] * k).astype(np.intp).clip(0, across.shape[0] - 1) for k in (0, 1))
    bare = np.all([across[row, columns] == 0 for row in rows], axis=0)
    far = np.minimum(along, 1 - along) * boxes[:, 2:3]
    inner = far > np.maximum(4.0, params.gap_inside * boxes[:, 2:3])  # a rounded corner has its own line beside it
    seen = np.flatnonzero((bare & inner).sum(axis=1) >= 2)
    if not len(seen):
        return spans
    tops = np.stack([x[seen], np.repeat(boxes[seen, 1:2], samples, axis=1)], axis=2).reshape(-1, 2)
    feet = tops + np.repeat(boxes[seen, 3], samples)[:, None] * (0.0, 1.0)
    lined = share_printed(down, tops, feet, samples=16).reshape(-1, samples) >= params.side_found
    beside = widened(np.asarray(bare & inner, np.uint8)[seen], (1, 7)) > 0
    spans[seen] = (lined & inner[seen] & beside).any(axis=1)
    return spans


def _facing(
    places: NDArray[np.float64], is_top: NDArray[np.bool_], is_bottom: NDArray[np.bool_], least: float, most: float
) -> NDArray[np.intp]:
    """Pair the corners that a side leaves downwards with those below them that one reaches, (n, 2)."""
    tops, bottoms = np.flatnonzero(is_top), np.flatnonzero(is_bottom)
    bottoms = bottoms[np.argsort(places[bottoms, 0])]
    off = 2.0 + 0.02 * most
    first, last = (np.searchsorted(places[bottoms, 0], places[tops, 0] + by) for by in (-off, off))
    i, k = ranges(first, last)
    i, k = tops[i], bottoms[k]
    far = places[k, 1] - places[i, 1]
    level = np.abs(places[k, 0] - places[i, 0]) <= 2.0 + 0.02 * far
    fits = (far >= least) & (far <= most) & level
    fits[fits] = _nearest(i[fits], far[fits])
    return np.stack([i[fits], k[fits]], axis=1)


def _beside(
    sides: NDArray[np.intp],
    places: NDArray[np.float64],
    arms: NDArray[np.bool_],
    slim: float,
    least: float,
    most: float,
) -> NDArray[np.intp]:
    """Pair sides that face each other across, at one height; give their four corners clockwise, (n, 4)."""
    lefts = sides[arms[sides, RIGHT].all(axis=1)]
    rights = sides[arms[sides, LEFT].all(axis=1)]
    rights = rights[np.argsort(places[rights[:, 0], 1])]
    off = 2.0 + 0.02 * most
    levels = places[rights[:, 0], 1]
    first, last = (np.searchsorted(levels, places[lefts[:, 0], 1] + by) for by in (-off, off))
    i, k = ranges(first, last)
    left, right = lefts[i], rights[k]
    far = places[right[:, 0], 0] - places[left[:, 0], 0]
    tilt = places[right, 1] - places[left, 1]
    fits = (
        (far >= least)
        & (far >= slim * (places[left[:, 1], 1] - places[left[:, 0], 1]))
        & (far <= most)
        & (np.abs(tilt) <= 2.0 + 0.02 * far[:, None]).all(axis=1)
    )
    fits[fits] = _nearest(i[fits], far[fits])
    left, right = left[fits], right[fits]
    return np.stack([left[:, 0], right[:, 0], right[:, 1], left[:, 1]], axis=1)


def _nearest(i: NDArray[np.intp], far: NDArray[np.float64], most: int = 10) -> NDArray[np.bool_]:
    """Of pairs (i, some other) keep the nearest few of each i: no box spans more cells of a table."""
    order = np.lexsort((far, i))
    starts = np.flatnonzero(np.r_[True, np.diff(i[order]) != 0]) if len(i) else np.zeros(0, np.intp)
    rank = np.arange(len(i)) - np.repeat(starts, np.diff(np.r_[starts, len(i)]))
    near = np.zeros(len(i), bool)
    near[order] = rank < most
    return near


def _is_printed(
    lines: Grey, starts: NDArray[np.float64], ends: NDArray[np.float64], params: FindParams
) -> NDArray[np.bool_]:
    """Whether a side's straight part is printed, and half of it with its corners."""
    straight = share_printed(lines, starts, ends, trim=0.2) >= params.side_found
    return straight & (share_printed(lines, starts, ends) >= params.side_whole)


def _is_angular(lines: Grey, boxes: NDArray[np.float64], params: FindParams) -> NDArray[np.bool_]:
    """Whether at least three corners are printed, at most a little rounded; a written 0 has none."""
    lines = widened(lines, (3, 3))
    depth = params.bend * boxes[:, 2:].min(axis=1) + 1.0
    printed = np.zeros(len(boxes), np.int64)
    for across in (0, 1):
        for down in (0, 1):
            inward = np.array([1 - 2 * across, 1 - 2 * down])
            corner = boxes[:, :2] + boxes[:, 2:] * (across, down)
            ways = share_printed(lines, corner - inward, corner + depth[:, None] * inward, samples=12)
            printed += ways > 0
    return printed >= 3


def _upright(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the upright rectangles on the means of the corners, (n, 4, 2) to (n, 4)."""
    left, right = corners[:, [0, 3], 0].mean(axis=1), corners[:, [1, 2], 0].mean(axis=1)
    top, bottom = corners[:, [0, 1], 1].mean(axis=1), corners[:, [2, 3], 1].mean(axis=1)
    return np.stack([left, top, right - left, bottom - top], axis=1)
