"""Fields that hold no digits: choices, barcodes, what is only shown, and what a person keys."""

from __future__ import annotations

import math
from collections.abc import Sequence

from formreader.rules import broken_rules
from formreader.template import Field
from formreader.values import MARKED, SEVERAL, WRITTEN, DigitReading, FieldReading, Reason


def of_kind(field: Field, readings: Sequence[DigitReading], text: str) -> FieldReading:
    """Read a field that holds no digits.

    Parameters
    ----------
    readings
        What each of its boxes says.
    text
        Of a barcode's region.
    """
    if field.kind == "choice":
        return chosen(field, readings)
    if field.kind == "barcode":
        return coded(field, readings, text)
    return pictured(field, readings) if field.kind == "image" else keyed(field, readings)


def chosen(field: Field, readings: Sequence[DigitReading]) -> FieldReading:
    """Say which options are marked.

    Returns
    -------
    FieldReading
        Flagged ``unsure_mark`` where nobody can be sure of a box, ``double`` where two are marked and one may be, and
        ``blank`` where none is and one must. Unsure marks are part of the value only where no others are; where one
        must be marked and one box alone has anything, that is what is most likely meant.
    """
    ordered = sorted(readings, key=lambda reading: reading.box.position)
    unsure = [reading.reason == "unsure_mark" for reading in ordered]
    marked = [reading for reading, doubt in zip(ordered, unsure, strict=True) if reading.digit == MARKED and not doubt]
    shown = marked or [reading for reading in ordered if reading.digit == MARKED]
    if not shown and field.required and not field.many and sum(unsure) == 1:
        shown = [ordered[unsure.index(True)]]
    value = SEVERAL.join(field.options[reading.box.position - 1] for reading in shown)
    reasons: list[Reason] = []
    if any(unsure) or len(ordered) != len(field.boxes):
        reasons.append("unsure_mark")
    if len(marked) > 1 and not field.many:
        reasons.append("double")
    if not value and field.required:
        reasons.append("blank")
    confidence = math.prod(reading.confidence for reading in ordered)
    return FieldReading(field.name, value, confidence, tuple(reasons), kind="choice")


def coded(field: Field, readings: Sequence[DigitReading], text: str) -> FieldReading:
    """Give the text of a barcode, under the field's rules; what cannot be read is flagged unless nothing is there."""
    doubts = [reading.reason for reading in readings if reading.reason != "blank"] if readings else ["unreadable_code"]
    reasons: list[Reason] = [doubt for doubt in doubts if doubt]  # type: ignore[misc]
    if not text and not reasons and field.required:
        reasons = ["blank"]
    broken = broken_rules(field.rules, text, "barcode")
    if any(rule.severity == "error" for rule in broken):
        reasons.append("rule")
    return FieldReading(field.name, text, float(not reasons), tuple(reasons), broken, kind="barcode")


def pictured(field: Field, readings: Sequence[DigitReading]) -> FieldReading:
    """Say whether anything is written in a strip whose picture is kept."""
    is_blank = len(readings) == len(field.boxes) and all(reading.reason == "blank" for reading in readings)
    reasons: tuple[Reason, ...] = ("blank",) if is_blank and field.required else ()
    return FieldReading(field.name, "" if is_blank else WRITTEN, 1.0, reasons, kind="image")


def keyed(field: Field, readings: Sequence[DigitReading]) -> FieldReading:
    """Say of a field that a person keys whether there is anything to key.

    Returns
    -------
    FieldReading
        Its value is empty. A blank strip is accepted, or flagged ``blank`` where it is required; any other, and one
        that nobody looked at, is ``to_key``.
    """
    is_blank = len(readings) == len(field.boxes) and all(reading.reason == "blank" for reading in readings)
    reasons: tuple[Reason, ...] = ("to_key",)
    if is_blank:
        reasons = ("blank",) if field.required else ()
    return FieldReading(field.name, "", float(is_blank), reasons, kind=field.kind)
