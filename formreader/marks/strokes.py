"""What lies in a box and round it, measured: how much ink, whose stroke it is, and what only passes."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from formreader.marks.params import MarkParams, Shape
from formreader.marks.writing import Written


@dataclass(frozen=True, slots=True)
class Found:
    """What is written in a box; areas in square millimetres, darkness as a share of the page's black.

    Attributes
    ----------
    own
        Ink in the box of strokes that are at home in it.
    outside
        Ink of these strokes beyond the box.
    core
        Ink of these strokes away from the frame.
    rim
        The share that is inked of what lies along the frame.
    guest
        The most that a stroke which is at home in another box has in this one, as a share of what it has there.
    traces
        Paler than ink, in the box, not counting the edges of strokes.
    beside
        Ink near the box that is in no box.
    darkness
        Of the own ink: what four fifths of it do not reach.
    passes
        A stroke of the box leaves its surroundings on two sides, or only ends in the box.
    is_beside
        The middle of its ink lies beyond the box.
    stands
        The lowest point of its ink lies in the box: a tick that was put there, however long its tail.
    aside
        How far the middle of its ink lies from that of the box, in sides of the box.
    area
        Of the box.
    grey
        All darkness that is no print, in the box and on its frame, however faint: a mark that print hides leaves some.
    """

    own: float
    outside: float
    core: float
    rim: float
    guest: float
    traces: float
    beside: float
    darkness: float
    passes: bool
    is_beside: bool
    stands: bool
    aside: float
    area: float
    grey: float


@dataclass(frozen=True, slots=True)
class Levels:
    """What counts as ink on a page, and what as a trace."""

    ink: float
    trace: float


def found_in(written: Written, nth: int, others: NDArray[np.float64], levels: Levels, params: MarkParams) -> Found:
    """Measure what is written in a box.

    Parameters
    ----------
    others
        (n, 4), all boxes near it, x, y, width, height in pixels of its patch.
    """
    px = params.px_per_mm
    mm2 = px * px
    soft = cv2.GaussianBlur(written.ink[nth], (0, 0), params.soft_px)
    dark = (soft > levels.ink).astype(np.uint8)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * round(params.gap_mm * px / 2) + 1,) * 2)
    # Print hides a part of a stroke that crosses it: what reaches into it from both sides is one.
    joined = np.where(written.printed[nth], cv2.dilate(dark, disc), dark)
    count, labels, stats, middles = cv2.connectedComponentsWithStats(joined, connectivity=8)
    ink = dark > 0
    box = _box(written.shape, 0)
    inside = written.inside
    elsewhere = _elsewhere(others, written.shape)
    per = [
        np.bincount(labels[where], minlength=count) / mm2 for where in (ink & inside, ink & box, ink & elsewhere, ink)
    ]
    in_it, in_box, in_others, whole = per
    touches = in_it > 0.02
    touches[0] = False
    guests = touches & (in_others > in_box)
    own = touches & ~guests
    height, width = labels.shape
    left, top, wide, tall = (stats[:, k] for k in range(4))
    edges = (left <= 0).astype(int) + (top <= 0) + (left + wide >= width) + (top + tall >= height)
    is_big = own & (whole > 0.1)
    passes = is_big & ((edges >= 2) | ((edges >= 1) & (whole - in_box > params.through * in_box)))
    beyond = _beyond(written.shape, middles, params)
    weight = whole * own
    beside_ink = ink & ~box & ~elsewhere & _box(written.shape, params.beside_mm * px)
    near = np.bincount(labels[beside_ink], minlength=count) / mm2
    strange = ~own & (in_others <= params.none_mm2)
    strange[0] = False
    own_ink = np.isin(labels, np.flatnonzero(own)) & ink & inside
    core = _core(inside, params)
    around = cv2.dilate(joined, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * round(0.3 * px) + 1,) * 2))
    traces = (soft > levels.trace) & inside & (around == 0)
    return Found(
        own=float(in_it[own].sum()),
        outside=float((whole - in_box)[own].sum()),
        core=float(np.count_nonzero(own_ink & core) / mm2),
        rim=float(own_ink[inside & ~core].mean()),
        guest=float(np.max(in_it[guests] / np.maximum(in_others[guests], 0.01), initial=0.0)),
        traces=float(np.count_nonzero(traces) / mm2),
        beside=float(near[strange].sum()),
        darkness=float(np.quantile(written.ink[nth][own_ink], 0.8)) if own_ink.any() else 0.0,
        passes=bool(passes.any())
        or _goes_on(own_ink, soft > levels.trace, written.printed[nth], written.shape, params),
        is_beside=bool(weight.sum() > 0 and beyond[own & (whole > 0.5 * weight.max())].any()),
        stands=_stands(np.isin(labels, np.flatnonzero(own)) & ink, box),
        aside=_aside(written.shape, middles[own], weight[own]),
        area=float(np.count_nonzero(inside) / mm2),
        grey=float(np.clip(written.ink[nth], 0, None)[_box(written.shape, params.on_frame_mm * px)].sum() / mm2),
    )


def _core(inside: NDArray[np.bool_], params: MarkParams) -> NDArray[np.bool_]:
    """Give the part of a box that no frame reaches, however thick a scan has made its lines."""
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * round(params.thick_mm * params.px_per_mm) + 1,) * 2)
    return np.asarray(cv2.erode(inside.astype(np.uint8), disc) > 0, np.bool_)


def _aside(shape: Shape, middles: NDArray[np.float64], weight: NDArray[np.float64]) -> float:
    """Say how far the middle of some strokes lies from the box's."""
    if weight.sum() <= 0:
        return 0.0
    middle = (middles * weight[:, None]).sum(axis=0) / weight.sum()
    away = middle - (np.array(shape.size) / 2 + shape.margin)
    return float(np.hypot(*away) / min(shape.size))


def _stands(ink: NDArray[np.bool_], box: NDArray[np.bool_]) -> bool:
    rows, columns = np.nonzero(ink)
    return bool(len(rows)) and bool(box[rows[-1], columns[rows == rows[-1]]].any())


def _goes_on(
    own: NDArray[np.bool_], traced: NDArray[np.bool_], printed: NDArray[np.bool_], shape: Shape, params: MarkParams
) -> bool:
    """Whether the ink in a box is a straight line that goes on far beyond it, on one side or both.

    It may be lost under print on its way, so that no part of it leads from the box to the patch's edge.
    """
    rows, columns = np.nonzero(own)
    if len(rows) < 8:
        return False
    points = np.column_stack([columns, rows]).astype(np.float64)
    middle = points.mean(axis=0)
    _, spread, ways = np.linalg.svd(points - middle, full_matrices=False)
    across, along = spread[1] / math.sqrt(len(points)), spread[0] / math.sqrt(len(points))
    px = params.px_per_mm
    if across > params.straight_mm * px or along < 3 * across:
        return False
    seen = cv2.dilate(traced.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    steps = np.arange(0.0, float(np.hypot(*shape.whole)))
    for way in (ways[0], -ways[0]):
        at = np.rint(middle + steps[:, None] * way).astype(int)
        at = at[((at >= 0) & (at < np.array(shape.whole))).all(axis=1)]
        gap = np.maximum(shape.margin - at, at - (np.array(shape.size) + shape.margin)).max(axis=1)
        far = at[gap > params.beyond_mm * px]
        shown = far[~printed[far[:, 1], far[:, 0]]]
        if len(shown) >= px and seen[shown[:, 1], shown[:, 0]].mean() > params.goes_on:
            return True
    return False


def _box(shape: Shape, beyond: float) -> NDArray[np.bool_]:
    """Say which pixels of a patch lie in the box, made larger on all sides."""
    width, height = shape.whole
    y, x = np.mgrid[:height, :width]
    low, (wide, tall) = shape.margin - beyond, shape.size
    inside: NDArray[np.bool_] = (
        (x >= low) & (x <= low + wide + 2 * beyond) & (y >= low) & (y <= low + tall + 2 * beyond)
    )
    return inside


def _elsewhere(others: NDArray[np.float64], shape: Shape) -> NDArray[np.bool_]:
    width, height = shape.whole
    picture = np.zeros((height, width), np.uint8)
    for x, y, wide, tall in np.rint(others).astype(int).tolist():
        cv2.rectangle(picture, (x, y), (x + wide, y + tall), 1, -1)
    return picture > 0


def _beyond(shape: Shape, middles: NDArray[np.float64], params: MarkParams) -> NDArray[np.bool_]:
    """Say which places lie beyond the box."""
    slack = params.outside * min(shape.size)
    low = shape.margin - slack
    high = np.array(shape.size) + shape.margin + slack
    return np.asarray((middles < low).any(axis=1) | (middles > high).any(axis=1), np.bool_)
