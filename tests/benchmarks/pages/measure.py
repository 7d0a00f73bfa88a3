"""What one page shows of the program: it is found on, matched, cut and read, and each is held against the truth.

Only what the package offers to everybody is called: `find_fields`, `align`, `place_boxes`, `read_page`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from formreader.align import align
from formreader.boxes import place_boxes
from formreader.errors import BlankPage, PageError
from formreader.fields import needs_review
from formreader.model import DigitModel, load_model
from formreader.normalize import normalize
from formreader.pipeline import read_page
from formreader.template import Field, Template
from formreader.values import Box, Page, PageReading, Points
from tests.benchmarks.pages.counts import Measured
from tests.benchmarks.pages.draw import DrawnPage, Task, draw_page, strangers, template
from tests.benchmarks.pages.found import found_on, judge_found
from tests.benchmarks.pages.look import pictured

PLACED_MM: Final = 0.3
WRONG_MAP_MM: Final = 2.0
"""A map is wrong when half of the boxes' middles lie further from their places; paper's bend accounts for less."""


def measure_page(task: Task, data: Path, model_path: Path, *, look: bool, own_only: bool = False) -> Measured:
    """Draw a page, put it through the program and count."""
    cv2.setNumThreads(1)
    drawn, model = draw_page(task, data), load_model(model_path)
    result = Measured(task, drawn.writer)
    page = drawn.page()
    form = template(task.layout)
    judge_found(result, drawn.form, found_on(drawn), drawn)
    for kind, other in () if own_only else strangers(task):
        score = _score(page, other)
        result.count("", f"accepted as {kind}", score is not None)
        if score is not None:
            result.scores[kind] = score
    try:
        aligned = align(page, form)
        boxes = place_boxes(aligned, form)
        reading = read_page(page, form, model)
    except (PageError, BlankPage) as failure:
        result.count("", "matched", False)
        result.failure = re.sub(r"^[^:]*: ", "", str(failure))
        return result
    result.scores["own"] = aligned.match.score
    if not _judge_places(result, drawn, boxes):
        return result
    _judge_reading(result, drawn, reading, model)
    if look:
        result.pictures = pictured(drawn, aligned, boxes, reading)
    return result


def _score(page: Page, form: Template) -> float | None:
    """Try a page against a form; None where it is refused."""
    try:
        return align(page, form).match.score
    except (PageError, BlankPage):
        return None


# --- places ----------------------------------------------------------------------------------------------------------


def _judge_places(result: Measured, drawn: DrawnPage, boxes: Sequence[Box]) -> bool:
    """Say whether the map is right, and count the boxes cut at their places."""
    truth, mm = drawn.corners(), drawn.scan.dpi / 25.4
    off = {(b.field, b.position): (b.corners - truth[b.field, b.position]) / mm for b in boxes}
    middles = [float(np.linalg.norm(shift.mean(axis=0))) for shift in off.values()]
    right = float(np.median(middles)) <= WRONG_MAP_MM
    result.count("", "matched", right)
    result.count("", "wrong map accepted", not right)
    if not right:
        result.failure = "wrong map accepted"
        return False
    for (name, _), shift in off.items():
        result.count(
            drawn.form.frames[name], "cut within 0.3 mm", float(np.linalg.norm(shift, axis=1).max()) <= PLACED_MM
        )
    return True


# --- reading ---------------------------------------------------------------------------------------------------------


def _judge_reading(result: Measured, drawn: DrawnPage, reading: PageReading, model: DigitModel) -> None:
    """Count digits, blanks and struck boxes."""
    doubted = dict(
        zip(
            ((d.box.field, d.box.position) for d in reading.digits),
            needs_review(reading.fields, reading.digits),
            strict=True,
        )
    )
    read = {(d.box.field, d.box.position): d for d in reading.digits}
    values = {one.name: one for one in reading.fields}
    labels = _classified(drawn, model)
    truth = drawn.corners()
    for one in drawn.form.fields:
        kind, marks = drawn.form.frames[one.name], drawn.filled.values[one.name]
        if one.length != (1, 1):
            _judge_wide(result, kind, _number(one, marks), values[one.name].value, bool(values[one.name].reasons))
            continue
        for position, mark in enumerate(marks, 1):
            answer, flagged = read[one.name, position], doubted[one.name, position]
            streaked = _is_streaked(truth[one.name, position], drawn.scan.streaks)
            if mark.isdigit():
                use = labels[one.name, position]
                result.count(kind, "right from the source", use[0] == mark)
                result.count(kind, "right as drawn", use[1] == mark)
                result.count(kind, "right as read", answer.digit == mark)
                result.count(kind, "accepted wrong", answer.digit != mark and not flagged)
                result.count(kind, "flagged", flagged)
                result.count(kind, "false blank", answer.reason == "blank")
                result.count(kind, "false blank, not flagged", answer.reason == "blank" and not flagged)
                result.count(kind, "swallowed as a filler", answer.reason == "struck" and not flagged)
                crossing = "crossing: " if use[2] else "inside: "
                result.count(kind, crossing + "right as drawn", use[1] == mark)
                result.count(kind, crossing + "right as read", answer.digit == mark)
            elif mark == "_":
                is_false = answer.digit is not None
                for measure in ("false digit", *(["false digit, streaked"] if streaked else [])):
                    result.count(kind, measure, is_false)
                    result.count(kind, f"{measure}, not flagged", is_false and not flagged)
                result.count(kind, "blank not read as blank", answer.reason != "blank")
            else:
                name = "scribble" if mark == "#" else "strike"
                result.count(kind, f"{name} caught", answer.digit is None and answer.reason != "blank")
                result.count(kind, f"{name} accepted as a digit", answer.digit is not None and not flagged)


def _number(field: Field, marks: str) -> str:
    """Give the value of a wide box: its digits, with the point that the form prints between them."""
    digits, right = marks.replace("_", ""), field.decimals[0]
    return f"{digits[:-right]}.{digits[-right:]}" if right and digits else digits


def _judge_wide(result: Measured, kind: str, written: str, read: str, flagged: bool) -> None:
    right = read == written
    result.count(kind, "wide: right", right)
    result.count(kind, "wide: accepted wrong", not right and not flagged)
    result.count(kind, "wide: flagged", flagged)
    same = len(read) == len(written)
    for place, digit in enumerate(written):
        result.count(kind, "wide: digit right", same and read[place] == digit)


def _classified(drawn: DrawnPage, model: DigitModel) -> dict[tuple[str, int], tuple[str, str, bool]]:
    """Classify every written digit straight from its source and as the pen drew it, alone on clean paper."""
    uses = drawn.filled.uses
    if not uses:
        return {}
    source = np.stack([normalize(drawn.source.images[use.index]) for use in uses])
    alone = np.stack([use.drawn for use in uses])
    first, second = (model.predict_proba(digits)[:, :10].argmax(axis=1) for digits in (source, alone))
    return {
        (use.field, use.position): (str(a), str(b), use.crossing) for use, a, b in zip(uses, first, second, strict=True)
    }


def _is_streaked(corners: Points, streaks: Iterable[float]) -> bool:
    left, right = corners[:, 0].min(), corners[:, 0].max()
    return any(left < column < right for column in streaks)
