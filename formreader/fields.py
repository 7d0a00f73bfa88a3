"""Join a page's digits to the values of its fields, and say which a person must look at.

Every box ends as one mark: a digit, `UNREAD`, a blank or a filler. A field's value is its digits and `UNREAD`s in
writing order; blanks and fillers before the first and after the last of these are left out, any other only with a flag.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Final

import numpy as np

from formreader.template import Field, Template
from formreader.values import CLASSES, POINT, DigitReading, FieldReading, Reason

UNREAD: Final = "?"
"""Stands in a value for a box that holds something which could not be read."""

_MAKE_BLANKS_DOUBTFUL: Final = frozenset({"gap", "blank", "too_small", "too_blurred", "too_faint"})
_BLANK: Final = "_"
_FILLER: Final = "~"
_DIGITS: Final = [CLASSES.index(digit) for digit in "0123456789"]
_STRIKES: Final = {mark: CLASSES.index(mark) for mark in "X-/"}


@dataclass(frozen=True, slots=True)
class FieldParams:
    """When a mark in an unused box is doubtful."""

    filler_doubt: float = 0.01  # a dash is close to 1, a cross to 4: a digit lost this way is wrong by a power of ten


def decode(
    readings: Sequence[DigitReading], template: Template, params: FieldParams = FieldParams()
) -> tuple[FieldReading, ...]:
    """Read every field of the template from its boxes.

    Parameters
    ----------
    readings
        What each box of the page says, in any order; a wide box gives one reading a digit, its positions counting up.
    template
        Says which fields there are and what unused boxes may hold.

    Returns
    -------
    tuple of FieldReading
        One for each field, in the template's order; `reasons` is empty where the value is accepted.

    Raises
    ------
    ValueError
        A reading belongs to no field of the template.
    """
    by_field: dict[str, list[DigitReading]] = {field.name: [] for field in template.fields}
    for reading in readings:
        if reading.box.field not in by_field:
            raise ValueError(f"box of field {reading.box.field!r}, which template {template.name!r} does not have")
        by_field[reading.box.field].append(reading)
    return tuple(_decode_field(field, by_field[field.name], params) for field in template.fields)


def _decode_field(field: Field, readings: list[DigitReading], params: FieldParams) -> FieldReading:
    ordered = sorted(readings, key=lambda reading: reading.box.position)
    if field.point is not None:
        ordered = _split_at_print(ordered, field.point)
    marks = [_mark(reading, field) for reading in ordered]
    reasons = [reason for reading in ordered for reason in _doubts(reading, field, params)]
    if field.length == (1, 1):
        marks += [UNREAD] * (len(field.boxes) - len(marks))  # a box nobody read is not an empty box
    value, misplaced = _join(marks)
    if field.decimals[0] == 0 and value.count(POINT) == 1:
        value = value.removesuffix(POINT)
    reasons += misplaced
    if UNREAD in value:
        reasons.append("not_a_digit")
    if field.length != (1, 1) and value:
        reasons += _miscounted(value, field)
    if not value:
        value, empty = _meaning_of_empty(field, struck=_FILLER in marks)
        reasons += empty
    return FieldReading(field.name, value, prod(reading.confidence for reading in ordered), _once(reasons))


def _miscounted(value: str, field: Field) -> list[Reason]:
    """Say whether a wide box holds other than its number of digits, in all or right of the point."""
    digits = len(value) - value.count(POINT)
    right = len(value.partition(POINT)[2])
    is_sound = field.length[0] <= digits <= field.length[1] and value.count(POINT) <= 1
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


def _join(marks: Sequence[str]) -> tuple[str, list[Reason]]:
    """Drop blanks and fillers around the written part; flag those inside it, where an `UNREAD` counts as written."""
    written = [place for place, mark in enumerate(marks) if mark not in (_BLANK, _FILLER)]
    if not written:
        return "", []
    inside = marks[written[0] : written[-1] + 1]
    value = "".join(UNREAD if mark == _FILLER else mark for mark in inside if mark != _BLANK)
    return value, ["gap"] if _BLANK in inside else []


def _meaning_of_empty(field: Field, *, struck: bool) -> tuple[str, list[Reason]]:
    if struck and field.filler_only == "zero":
        return "0", []
    if struck and field.filler_only == "struck":
        return "", ["struck"]
    return "", ["blank"] if field.required else []


def _once(reasons: Iterable[Reason]) -> tuple[Reason, ...]:
    return tuple(dict.fromkeys(reasons))


@dataclass(frozen=True, slots=True)
class Counts:
    """How much a page's reading holds: boxes with something in them, and of all boxes and fields those to look at."""

    boxes: int
    flagged_boxes: int
    flagged_fields: int


def counted(fields: Sequence[FieldReading], digits: Sequence[DigitReading]) -> Counts:
    """Count what a page's reading holds."""
    return Counts(
        boxes=sum(digit.reason != "blank" for digit in digits),
        flagged_boxes=sum(needs_review(fields, digits)),
        flagged_fields=sum(bool(field.reasons) for field in fields),
    )


def needs_review(
    fields: Iterable[FieldReading], digits: Sequence[DigitReading], decided: Collection[str] = ()
) -> tuple[bool, ...]:
    """Say for each box whether a person should look at it.

    These are the boxes of flagged fields that are no accepted digit; blank ones only where the blank is what is wrong
    (a gap, a required field) or may be (a page too poor to tell). Where that leaves none, the field as a whole is in
    doubt, and all its boxes are.

    Parameters
    ----------
    decided
        Names of fields that a person decided already.
    """
    flagged = {field.name: field.reasons for field in fields if field.reasons and field.name not in decided}

    def doubtful(digit: DigitReading) -> bool:
        blank_is_wrong = bool(_MAKE_BLANKS_DOUBTFUL.intersection(flagged[digit.box.field]))
        return digit.reason != "" and (digit.reason != "blank" or blank_is_wrong)

    answer = [digit.box.field in flagged and doubtful(digit) for digit in digits]
    pointed_at = {digit.box.field for digit, looked_at in zip(digits, answer, strict=True) if looked_at}
    whole = flagged.keys() - pointed_at
    return tuple(looked_at or digit.box.field in whole for digit, looked_at in zip(digits, answer, strict=True))
