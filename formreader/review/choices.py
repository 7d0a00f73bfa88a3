"""What a person may say of a field that has options: boxes to mark, or a strip in which something is written or not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from formreader.fields import UNREAD
from formreader.review.calls import Refused
from formreader.template import Field
from formreader.values import MARKED, SEVERAL, WRITTEN, DigitReading

DOUBLE = "only one of its boxes may be marked"


def options_of(described: Field | None) -> tuple[str, ...]:
    """Give the options of a field; none where its value is typed, or its template is lost."""
    if described is None:
        return ()
    return (WRITTEN,) if described.kind == "image" else described.options


def in_order(value: str, described: Field) -> str:
    """Give marked options in the form's order.

    Raises
    ------
    Refused
        One is no option of the field.
    """
    said = value.split(SEVERAL) if value else []
    options = options_of(described)
    if value == UNREAD:
        return value
    wrong = [one for one in said if one not in options]
    if wrong:
        raise Refused(f"{described.name}: '{wrong[0][:40]}' is none of its options: {', '.join(options)}.")
    return SEVERAL.join(one for one in options if one in said)


def broken_by_marks(value: str, described: Field) -> list[str]:
    """Say in words what speaks against a value, its options being the field's."""
    return [DOUBLE] if SEVERAL in value and not described.many else []


def shown(described: Field | None, digits: Sequence[DigitReading]) -> list[Mapping[str, Any]]:
    """Give the options, each with what was seen in its box."""
    seen = {digit.box.position: digit for digit in digits}
    return [
        {
            "text": option,
            "marked": position in seen and seen[position].digit == MARKED,
            "confidence": seen[position].confidence if position in seen else None,
            "doubtful": position in seen and seen[position].reason == "unsure_mark",
        }
        for position, option in enumerate(options_of(described), 1)
    ]
