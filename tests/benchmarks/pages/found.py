"""Boxes found without a template, held against the true ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from formreader.boxes import darkest, find_fields
from formreader.errors import BlankPage, PageError
from formreader.pipeline.unknown import form_on
from formreader.template import Field, corners_of
from formreader.values import Points
from tests.benchmarks.pages.counts import Measured
from tests.benchmarks.pages.draw import DrawnPage, Task, draw_page
from tests.drawing import DrawnForm
from tests.drawing_layouts import blank

OVERLAP: Final = 0.7
"""Intersection over union from which on a found box is the true one."""


def measure_blank(layout: str) -> Measured:
    """Count the boxes found on a clean blank."""
    form = blank(layout)
    result = Measured(Task(-1, layout, "clean blank"), -1)
    fields = find_fields(darkest(form.picture, form.colour), form.dpi, wide=_has_wide(form))
    judge_found(result, form, [(one, [corners_of(box) for box in one.boxes]) for one in fields])
    return result


def _has_wide(form: DrawnForm) -> bool:
    return any(one.length != (1, 1) for one in form.fields)


def measure_finding(task: Task, data: Path, look: Path | None = None) -> Measured:
    """Draw a page and count the boxes found on it without its template; drawn into `look` where some are wrong."""
    cv2.setNumThreads(1)
    drawn = draw_page(task, data)
    result = Measured(task, drawn.writer)
    found = found_on(drawn)
    missed, false = judge_found(result, drawn.form, found, drawn)
    if look is not None and (missed or false):
        pixels = drawn.scan.pixels
        picture = pixels.copy() if pixels.ndim == 3 else cv2.cvtColor(pixels, cv2.COLOR_GRAY2BGR)
        every = [corners for _, boxes in found for corners in boxes]
        for quads, colour, thick in ((every, (0, 160, 0), 1), (missed, (0, 0, 255), 2), (false, (255, 0, 255), 2)):
            points = [np.round(quad).astype(np.int32).reshape(-1, 1, 2) for quad in quads]
            cv2.polylines(picture, points, True, colour, thick)
        look.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(look / f"{task}.png"), picture)
    return result


def found_on(drawn: DrawnPage) -> list[tuple[Field, list[Points]]]:
    """Find the boxes of a filled page without its template; corners in scan pixels."""
    try:
        aligned, form = form_on(drawn.page(), wide=_has_wide(drawn.form))
    except (PageError, BlankPage):
        return []
    return [
        (one, [cv2.perspectiveTransform(corners_of(box)[None], aligned.to_scan)[0] for box in one.boxes])
        for one in form.fields
    ]


def judge_found(
    result: Measured,
    form: DrawnForm,
    found: Sequence[tuple[Field, list[Points]]],
    drawn: DrawnPage | None = None,
) -> tuple[list[Points], list[Points]]:
    """Match found boxes with true ones, each with the best that is left; give those missed and those that are none."""
    here = [(owner, corners) for owner, (_, boxes) in enumerate(found) for corners in boxes]
    middles = np.array([corners.mean(axis=0) for _, corners in here]).reshape(-1, 2)
    taken, is_label = np.zeros(len(here), bool), np.zeros(len(here), bool)
    kinds, places, missed = [], [], list[Points]()
    for one in form.fields:
        owners = []
        choices = [one.boxes, *([form.also[one.name]] if one.name in form.also else [])]
        for options in zip(*choices, strict=True):
            quads = [corners_of(box) if drawn is None else drawn.scan.place(corners_of(box)) for box in options]
            kinds.append(form.frames[one.name])
            places.append(quads[0].mean(axis=0))
            best = _best(quads, here, middles, taken)
            if best is not None:
                taken[best] = True
                owners.append(here[best][0])
            else:
                missed.append(quads[0])
            result.count(form.frames[one.name], "boxes found", best is not None)
        whole = len(owners) == len(one.boxes) and len(set(owners)) == 1
        whole = whole and len(found[owners[0]][1]) == len(one.boxes)
        result.count(form.frames[one.name], "fields found whole", whole)
    labels = [] if drawn is None else [drawn.scan.place(corners_of(label)) for label in form.labels]
    for label in labels:
        best = _best([label], here, middles, taken)
        result.count("", "printed cells taken for boxes", best is not None)
        if best is not None:
            taken[best] = is_label[best] = True
    for k in np.flatnonzero(~is_label).tolist():
        # A false box is put down to the kind of the nearest true one.
        near = int(np.argmin(np.linalg.norm(np.array(places) - middles[k], axis=1)))
        result.count(kinds[near], "found are boxes", bool(taken[k]))
    return missed, [here[k][1] for k in np.flatnonzero(~taken).tolist()]


def _best(
    quads: Iterable[Points],
    here: Sequence[tuple[int, Points]],
    middles: Points,
    taken: np.ndarray[tuple[int], np.dtype[np.bool_]],
) -> int | None:
    """Give the free found box that overlaps most with one of the quadrilaterals, if it is enough."""
    best, most = None, OVERLAP
    for quad in quads:
        side = float(np.linalg.norm(quad[2] - quad[0]))
        near = np.flatnonzero(~taken & (np.linalg.norm(middles - quad.mean(axis=0), axis=1) < 0.5 * side))
        for k in near.tolist():
            shared = overlap(quad, here[k][1])
            if shared >= most:
                best, most = k, shared
    return best


def overlap(a: Points, b: Points) -> float:
    """Intersection over union of two convex quadrilaterals."""
    first, second = a.astype(np.float32), b.astype(np.float32)
    common, _ = cv2.intersectConvexConvex(first, second)
    return float(common / max(cv2.contourArea(first) + cv2.contourArea(second) - common, 1e-6))
