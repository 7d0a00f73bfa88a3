"""Cut the writing of a wide box into pieces no larger than a digit, and find points and lines drawn through it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from formreader.strings.cuts import follow, seams, valleys
from formreader.strings.params import StringParams
from formreader.strings.points import Component, Point, points_among
from formreader.values import Ink

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """A component of the writing, or a part of one.

    Attributes
    ----------
    component
        Number of the component that it is, or is cut from.
    mask
        Its pixels, (height, width) of the writing.
    middle
        Its centre of mass, x in pixels.
    """

    component: int
    mask: Mask
    middle: float


@dataclass(frozen=True, slots=True, eq=False)
class Writing:
    """What a wide box holds.

    Attributes
    ----------
    ink
        The box's picture without specks and underlines.
    height
        How high its digits are, in pixels.
    pieces
        In writing order.
    parting
        For each two neighbours the chance that they belong to different digits.
    points
        Marks of the size and at the height of a decimal point or comma.
    is_struck
        A long line runs through it.
    """

    ink: Ink
    height: float
    pieces: tuple[Piece, ...]
    parting: tuple[float, ...]
    points: tuple[Point, ...]
    is_struck: bool


def cut_writing(ink: Ink, params: StringParams) -> Writing | None:
    """Cut the writing of a wide box into pieces; None where there is none."""
    strokes = (ink > params.level).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(strokes, connectivity=8)
    found = [Component(i, *(int(v) for v in stats[i])) for i in range(1, count)]
    if not found:
        return None
    height = max(_height(found), params.least_height * ink.shape[0])
    depth = float(cv2.distanceTransform(strokes, cv2.DIST_L2, 3)[strokes > 0].mean())
    stroke = max(1.0, 4 * (depth - 0.5))  # the depth of a bar's pixels is a quarter of its width in the mean
    marks = [c for c in found if max(c.width, c.height) < params.speck * height]
    kept = [c for c in found if max(c.width, c.height) >= params.speck * height]
    lines = [c for c in kept if c.width > params.line_length * height and c.height < params.line_height * height]
    written = [c for c in kept if c not in lines]
    bottom = float(np.median([c.top + c.height for c in written])) if written else 0.0
    if not written:
        written, lines = kept, []
    underlines = [c for c in lines if c.top > bottom - 0.15 * height]
    is_struck = len(underlines) < len(lines) or _is_crossed(strokes, labels, written, height, params)
    groups = _joined(written, height, params)
    pieces, weights = _pieces(ink, labels, groups, height, stroke, params)
    return Writing(
        ink, height, pieces, _parting(pieces, weights, height, params),
        points_among(marks, written, labels, height, stroke, params), is_struck,
    )  # fmt: skip


def _height(found: list[Component]) -> float:
    """Say how high the digits are: neither a small 0 nor one long tail decides it."""
    tall = [c.height for c in found]
    highest = max(tall)
    return float(np.median([h for h in tall if h >= 0.5 * highest]))


def _is_crossed(
    strokes: NDArray[np.uint8],
    labels: NDArray[np.int32],
    written: list[Component],
    height: float,
    params: StringParams,
) -> bool:
    """Whether a line longer than any digit's stroke runs through the digits."""
    if not any(c.width > params.line_length * height for c in written):
        return False
    # A line drawn by hand is not quite level: widened up and down by its own thickness, it still is one run.
    band = cv2.dilate(strokes, np.ones((3, 1), np.uint8))
    across = max(c.left + c.width for c in written) - min(c.left for c in written)
    length = max(params.line_length * height, params.line_share * across)
    run = cv2.erode(band, np.ones((1, round(length)), np.uint8))
    return bool(np.isin(labels[run > 0], [c.number for c in written]).any())


def _joined(written: list[Component], height: float, params: StringParams) -> list[list[Component]]:
    """Join a low component to what it stands over or under, the bar of a 5; a small digit may hang over a neighbour."""
    groups: list[list[Component]] = []
    for one in sorted(written, key=lambda c: c.left):
        for group in groups:
            start, stop = min(c.left for c in group), max(c.left + c.width for c in group)
            shared = min(stop, one.left + one.width) - max(start, one.left)
            is_bar = min(one.height, max(c.height for c in group)) < params.bar * height
            if is_bar and shared > params.overlap * min(one.width, stop - start):
                group.append(one)
                break
        else:
            groups.append([one])
    return groups


def _pieces(
    ink: Ink,
    labels: NDArray[np.int32],
    groups: list[list[Component]],
    height: float,
    stroke: float,
    params: StringParams,
) -> tuple[tuple[Piece, ...], dict[int, list[float]]]:
    """Cut the groups that may be several digits; give the pieces in writing order and what each group's cuts cross."""
    pieces: list[Piece] = []
    weights: dict[int, list[float]] = {}
    for number, group in enumerate(groups):
        mask = np.isin(labels, [c.number for c in group])
        left, right = min(c.left for c in group), max(c.left + c.width for c in group)
        tall = max(c.top + c.height for c in group) - min(c.top for c in group)
        paths: list[NDArray[np.int64]] = []
        crossed: list[float] = []
        if right - left > params.widest_whole * height and tall > params.line_height * height:
            paths, crossed = _cut(ink, mask, (left, right), height, stroke, params)
        weights[number] = crossed
        columns = np.arange(mask.shape[1])
        part = np.zeros(mask.shape, np.int64)
        for path in paths:
            part += columns[None] >= path[:, None]
        for index in range(len(paths) + 1):
            own = mask & (part == index)
            pieces.append(Piece(number, own, float(np.nonzero(own)[1].mean())))
    return tuple(sorted(pieces, key=lambda piece: piece.middle)), weights


def _cut(
    ink: Ink, mask: Mask, span: tuple[int, int], height: float, stroke: float, params: StringParams
) -> tuple[list[NDArray[np.int64]], list[float]]:
    """Find cuts through one group: a column for each row, and the stroke widths of ink on each."""
    rows = np.flatnonzero(mask.any(axis=1))
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    left, right = span
    costs = np.where(mask, ink, 0)[None, top:bottom, left:right].astype(np.float32) / np.float32(255)
    total, sums = seams(costs, params.leaning)
    columns = valleys(total[0], params.thickest_cut * stroke, max(2, round(params.cut_step * height)))
    most = int(np.ceil((right - left) / (params.narrowest * height)))
    columns = sorted(sorted(columns, key=lambda column: float(total[0, column]))[:most])
    paths: list[NDArray[np.int64]] = []
    crossed = []
    least = params.least_digit * stroke * height
    own = mask[top:bottom, left:right]
    places = np.arange(right - left)
    taken = np.zeros(bottom - top, np.int64)
    if columns:
        found = follow(sums, np.zeros(len(columns), np.int64), np.array(columns), params.leaning)
        for path, column in zip(found, columns, strict=True):
            between = own & (places[None] >= taken[:, None]) & (places[None] < path[:, None])
            after = own & (places[None] >= path[:, None])
            if between.sum() < least or after.sum() < least:
                continue
            whole = np.zeros(mask.shape[0], np.int64)
            whole[top:bottom] = path + left
            paths.append(whole)
            ink_on = own[np.arange(bottom - top), path]
            strokes_cut = int((np.diff(ink_on.astype(np.int8), prepend=0) == 1).sum())
            crossed.append(max(float(total[0, column]) / stroke, 1.0) + params.more_strokes * max(0, strokes_cut - 1))
            taken = path
    return paths, crossed


def _parting(
    pieces: tuple[Piece, ...], weights: dict[int, list[float]], height: float, params: StringParams
) -> tuple[float, ...]:
    """Say for each two neighbours how likely they belong to different digits, by what lies between them."""
    chances = []
    seen: dict[int, int] = {}
    for one, other in pairwise(pieces):
        place = seen[one.component] = seen.get(one.component, -1) + 1
        if one.component == other.component:
            over = max(0.0, weights[one.component][place] - 1.0) / params.touching_reach
            chances.append(params.touching * float(np.exp(-over)))
        else:
            far = cv2.distanceTransform((~one.mask).astype(np.uint8), cv2.DIST_L2, 3)
            apart = float(far[other.mask].min()) / height
            broken = max(params.least_broken, params.broken * float(np.exp(-apart / params.broken_reach)))
            if _beside(one.mask, other.mask) < params.beside:
                broken = max(broken, params.stacked * float(np.exp(-apart / params.stacked_reach)))
            chances.append(1.0 - broken)
    return tuple(chances)


def _beside(one: Mask, other: Mask) -> float:
    """Say how much of the lower one's height two pieces share: digits stand side by side, a broken 1 lies in a row."""
    rows = [np.flatnonzero(mask.any(axis=1)) for mask in (one, other)]
    shared = min(int(r[-1]) for r in rows) - max(int(r[0]) for r in rows) + 1
    return shared / min(len(r) for r in rows)
