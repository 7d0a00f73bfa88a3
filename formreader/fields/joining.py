"""Join the digits of a field to its value, as far as the boxes themselves say it.

Every box ends as one mark: a digit, `UNREAD`, a blank or a filler. A field's value is its digits and `UNREAD`s in
writing order; blanks and fillers before the first and after the last of these are left out, any other only with a flag.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Final

import numpy as np

from formreader.fields.params import FieldParams
from formreader.template import Field
from formreader.values import CLASSES, POINT, UNREAD, DigitReading, Reason

_BLANK: Final = "_"
_FILLER: Final = "~"
_DIGITS: Final = [CLASSES.index(digit) for digit in "0123456789"]
_STRIKES: Final = {mark: CLASSES.index(mark) for mark in "X-/"}


@dataclass(frozen=True, slots=True, eq=False)
class Written:
    """What the boxes of a field say by themselves.

    Attributes
    ----------
    value
        As in `FieldReading`.
    boxes
        By character of the value: the box that it was read from; None for a box nobody read, and for a value that
        stands for an empty field.
    confidence
        Probability that all boxes were read rightly.
    reasons
        Why a person should look.
    is_whole
        Whether it is clear which boxes hold digits and which fillers; where a 4 may be a cross, how long the value is
        stays open, which digits' probabilities do not say.
    """

    field: Field
    value: str
    boxes: tuple[DigitReading | None, ...]
    confidence: float
    reasons: tuple[Reason, ...]
    is_whole: bool = True


def join(field: Field, readings: Sequence[DigitReading], params: FieldParams) -> Written:
    """Join the boxes of one field, in any order."""
    ordered = sorted(readings, key=lambda reading: reading.box.position)
    unseen = len(field.boxes) - len(ordered) if field.length == (1, 1) else 0
    if field.point is not None:
        ordered = _split_at_print(ordered, field.point)
    elif field.length == (1, 1) and field.decimals != (0, 0):
        ordered = _split_among_boxes(ordered, field)
    marks = [_mark(reading, field) for reading in ordered]
    reasons = [reason for reading in ordered for reason in _doubts(reading, field, params)]
    marks += [UNREAD] * unseen  # a box nobody read is not an empty box
    value, places, misplaced = _join(marks)
    if field.decimals[0] == 0 and value.count(POINT) == 1:
        value = value.removesuffix(POINT)
    reasons += misplaced or _misaligned(marks, field)
    if UNREAD in value:
        reasons.append("not_a_digit")
    if value and (field.length != (1, 1) or field.decimals != (0, 0)):
        reasons += _miscounted(value, field)
    boxes = tuple(ordered[place] if place < len(ordered) else None for place in places[: len(value)])
    if not value:
        value, empty = _meaning_of_empty(field, struck=_FILLER in marks)
        reasons += empty
        boxes = (None,) * len(value)
    is_whole = not any(_may_be_either(reading, field, params) for reading in ordered)
    return Written(field, value, boxes, prod(reading.confidence for reading in ordered), _once(reasons), is_whole)


def _miscounted(value: str, field: Field) -> list[Reason]:
    """Say whether a field holds other than its number of digits, in all or right of the point."""
    least, most = field.length if field.length != (1, 1) else (1, len(field.boxes))
    digits = len(value) - value.count(POINT)
    right = len(value.partition(POINT)[2])
    is_sound = least <= digits <= most and value.count(POINT) <= 1
    return [] if is_sound and field.decimals[0] <= right <= field.decimals[1] else ["not_a_digit"]


def _split_at_print(readings: list[DigitReading], point: float) -> list[DigitReading]:
    """Put the printed point between the digits left and right of it; a written one in the same place is the same."""
    digits = [reading for reading in readings if reading.digit != POINT]
    before = [reading for reading in digits if _middle(reading) <= point]
    after = digits[len(before) :]
    written = [place for place, reading in enumerate(readings) if reading.digit == POINT]
    if written not in ([], [len(before)]):
        return [replace(reading, reason=reading.reason or "not_a_digit") for reading in readings]  # one elsewhere
    if not after:
        return digits
    printed = DigitReading(after[0].box, POINT, 1.0, np.zeros(len(CLASSES), np.float32))
    return [*before, printed, *after]


def _split_among_boxes(readings: list[DigitReading], field: Field) -> list[DigitReading]:
    """Put the point that is printed between two boxes there; none where the boxes right of it are not used."""
    first = len(field.boxes) - field.decimals[1] + 1
    before = [reading for reading in readings if reading.box.position < first]
    after = readings[len(before) :]
    if all(_mark(reading, field) in (_BLANK, _FILLER) for reading in after):
        return readings
    return [*before, DigitReading(after[0].box, POINT, 1.0, np.zeros(len(CLASSES), np.float32)), *after]


def _middle(reading: DigitReading) -> float:
    x, _, width, _ = reading.box.on_form or (0.0, 0.0, 0.0, 0.0)
    return x + width / 2


def _mark(reading: DigitReading, field: Field) -> str:
    if reading.digit == POINT and field.decimals == (0, 0):
        return UNREAD  # left out, it would make the number ten times as large
    if reading.digit is not None:
        return reading.digit
    if reading.reason == "blank":
        return _BLANK
    is_strike = reading.reason in ("struck", "low_confidence")  # a doubtful one is flagged, as a doubtful digit is
    if is_strike and strike(reading) in field.filler:
        return _FILLER
    return UNREAD


def strike(reading: DigitReading) -> str:
    """Name the mark that a struck box holds: ``X``, ``-`` or ``/``, a slanting stroke, which is never a filler."""
    return max(_STRIKES, key=lambda mark: float(reading.probabilities[_STRIKES[mark]]))


def _doubts(reading: DigitReading, field: Field, params: FieldParams) -> Iterable[Reason]:
    """Give what one box brings against its field's value."""
    if reading.reason not in ("", "blank", "struck"):
        yield reading.reason
    if _mark(reading, field) == _FILLER and float(np.sum(reading.probabilities[_DIGITS])) > params.filler_doubt:
        yield "low_confidence"


def _may_be_either(reading: DigitReading, field: Field, params: FieldParams) -> bool:
    """Say whether a box may hold a digit or a filler."""
    if _mark(reading, field) == _FILLER:
        return any(_doubts(reading, field, params))
    fillers = sum(float(reading.probabilities[_STRIKES[mark]]) for mark in field.filler)
    return reading.reason == "low_confidence" and fillers > params.filler_doubt


def _join(marks: Sequence[str]) -> tuple[str, list[int], list[Reason]]:
    """Drop blanks and fillers around the written part; flag those inside it, where an `UNREAD` counts as written.

    Also gives the place among the marks of each character of the value.
    """
    written = [place for place, mark in enumerate(marks) if mark not in (_BLANK, _FILLER)]
    if not written:
        return "", [], []
    inside = range(written[0], written[-1] + 1)
    kept = [place for place in inside if marks[place] != _BLANK]
    value = "".join(UNREAD if marks[place] == _FILLER else marks[place] for place in kept)
    return value, kept, ["gap"] if len(kept) < len(inside) else []


def _misaligned(marks: Sequence[str], field: Field) -> list[Reason]:
    """Say whether boxes are unused on the side where the template has digits stand."""
    edge = {"left": marks[:1], "right": marks[-1:]}.get(field.align, ())
    is_used = any(mark not in (_BLANK, _FILLER) for mark in marks)
    return ["gap"] if is_used and any(mark in (_BLANK, _FILLER) for mark in edge) else []


def _meaning_of_empty(field: Field, *, struck: bool) -> tuple[str, list[Reason]]:
    if struck and field.filler_only == "zero":
        return "0", []
    if struck and field.filler_only == "struck":
        return "", ["struck"]
    return "", ["blank"] if field.required else []


def _once(reasons: Iterable[Reason]) -> tuple[Reason, ...]:
    return tuple(dict.fromkeys(reasons))
