"""Boxes and bubbles to mark: where they are printed on a page, and which of them somebody marked.

All boxes of a page are looked at together. The blank form's picture shows what is printed in and round each; where
there is none, most boxes that stand for the same do, as most are not marked. What is left is writing. A stroke belongs
to the box that holds most of it, so that a tick that runs into the next box marks one option only. What no one could be
sure of is not decided: faint ink, scribbles, lines that pass through, marks beside a box.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import cv2
import numpy as np

from formreader.marks.ground import Ground, ground_of
from formreader.marks.judging import as_reading, hidden, judged
from formreader.marks.params import MarkParams
from formreader.marks.placing import Shifts, found_shifts
from formreader.marks.strokes import Found, Levels, found_in
from formreader.marks.writing import Trust, Written, written_round
from formreader.template import Template, corners_of
from formreader.values import AlignedPage, Box, DigitReading

__all__ = ["MarkParams", "place_marks", "read_marks"]


def place_marks(
    page: AlignedPage, boxes: Sequence[Box], dpi: float, params: MarkParams | None = None
) -> tuple[Box, ...]:
    """Put the boxes to mark where they are printed; all others stay.

    Parameters
    ----------
    boxes
        Of all kinds, where the map puts them, with their places on the form.
    dpi
        Of the form.
    """
    params = params or MarkParams()
    to_mark = [box for box in boxes if box.kind == "choice"]
    if not to_mark or page.match.method == "none":
        return tuple(boxes)
    ground = ground_of(page, to_mark, dpi, params)
    moved = iter(_moved(page, ground, to_mark, found_shifts(ground, to_mark, params)))
    return tuple(next(moved) if box.kind == "choice" else box for box in boxes)


def read_marks(
    page: AlignedPage, boxes: Sequence[Box], template: Template, params: MarkParams | None = None
) -> tuple[DigitReading, ...]:
    """Say of each box whether it is marked.

    Parameters
    ----------
    page
        Paper 255; its reference, where there is one, is a blank form.
    boxes
        To mark, all of the page, as `place_boxes` gives them.

    Returns
    -------
    tuple of DigitReading
        One a box, moved to where it is printed: its digit `MARKED` or None.
    """
    if not boxes:
        return ()
    params = params or MarkParams()
    ground = ground_of(page, boxes, template.dpi, params)
    shifts = found_shifts(ground, boxes, params)
    found, trust = looked_at(ground, boxes, _kinds(boxes, template), shifts, params)
    noticed = {field.name: field.required and not field.many for field in template.fields}
    is_noticed = [noticed[box.field] for box in boxes]
    verdicts = judged(found, trust, is_noticed, ground.printed is not None, params)
    questions = [box.field if one_wanted else "" for box, one_wanted in zip(boxes, is_noticed, strict=True)]
    verdicts = hidden(found, trust, verdicts, questions, params)
    moved = _moved(page, ground, boxes, shifts)
    last = np.array(page.pixels.shape[::-1]) - 1
    seen = (bool(((box.corners >= 0) & (box.corners <= last)).all()) for box in moved)
    return tuple(
        as_reading(box, one, verdict if is_seen else "unsure", params)
        for box, one, verdict, is_seen in zip(moved, found, verdicts, seen, strict=True)
    )


def _kinds(boxes: Sequence[Box], template: Template) -> list[str]:
    """Say what each box stands for: those of one question are printed like those of another that has the same options.

    What is to be ticked on a list has its words beside the boxes, not in them.
    """
    fields = {field.name: field for field in template.fields}
    return ["" if fields[box.field].many else fields[box.field].options[box.position - 1] for box in boxes]


def looked_at(
    ground: Ground, boxes: Sequence[Box], kinds: Sequence[str], shifts: Shifts, params: MarkParams
) -> tuple[list[Found], list[Trust]]:
    """Measure what is written in each box, and say what is known of its print."""
    written = written_round(ground, kinds, shifts, params)
    levels = _levels(ground, written, params)
    places = ground.places.copy()
    places[:, :2] += shifts
    found = dict[int, tuple[Found, Trust]]()
    for some in written:
        for nth, row in enumerate(some.rows.tolist()):
            near = (np.abs(places[:, :2] - places[row, :2]) < 2 * max(some.shape.whole)).all(axis=1)
            near &= np.arange(len(places)) != row
            others = places[near] - np.array([*some.corners[nth], 0, 0])
            found[row] = found_in(some, nth, others, levels, params), some.trust[nth]
    return [found[row][0] for row in range(len(boxes))], [found[row][1] for row in range(len(boxes))]


def _levels(ground: Ground, written: Sequence[Written], params: MarkParams) -> Levels:
    """Say what is ink on the page: a share of its black, and in any case more than its paper's grain."""
    black = float(np.quantile(np.concatenate([one.ravel() for one in _in_boxes(ground)]), params.black))
    soft = [cv2.GaussianBlur(one, (0, 0), params.soft_px)[some.inside] for some in written for one in some.ink]
    inks = np.concatenate(soft)
    grain = inks[inks <= np.quantile(inks, params.paper)]
    trace = max(params.least_trace, params.noise * float(np.sqrt((grain**2).mean())))
    return Levels(max(params.least_ink * black, 1.5 * trace), trace)


def _in_boxes(ground: Ground) -> Iterator[np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
    for x, y, width, height in np.rint(ground.places).astype(int).tolist():
        yield ground.dark[y : y + height, x : x + width]


def _moved(page: AlignedPage, ground: Ground, boxes: Sequence[Box], shifts: Shifts) -> list[Box]:
    """Give the boxes where their print was found."""
    if page.match.method == "none":
        return list(boxes)
    on_form = np.array([box.on_form for box in boxes], np.float64)
    on_form[:, :2] += shifts * ground.scale
    corners = np.concatenate([corners_of((x, y, w, h)) for x, y, w, h in on_form.tolist()])
    placed = page.place(corners).reshape(-1, 4, 2)
    return [replace(box, corners=its) for box, its in zip(boxes, placed, strict=True)]
