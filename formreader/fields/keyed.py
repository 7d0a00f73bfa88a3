"""Fields that a person keys: before that, all that is known is whether anything is written there."""

from __future__ import annotations

from collections.abc import Sequence

from formreader.template import Field
from formreader.values import DigitReading, FieldReading, Reason


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
