"""What a person may say of a field that has options: boxes to mark, or a strip in which something is written or not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from formreader import allowed
from formreader.served.calls import Refused
from formreader.template import Field
from formreader.values import MARKED, DigitReading


def in_order(value: str, described: Field) -> str:
    """Give marked options in the form's order.

    Raises
    ------
    Refused
        One is no option of the field.
    """
    try:
        return allowed.in_order(value, described)
    except allowed.CannotHold as never:
        raise Refused(str(never)) from never


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
        for position, option in enumerate(allowed.options_of(described), 1)
    ]
