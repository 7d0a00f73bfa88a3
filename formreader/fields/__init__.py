"""Join a page's digits to the values of its fields, under their rules, and say which a person must look at.

Choices and codes come as marks and texts. Of strips that are keyed or shown it is known whether anything is in them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from formreader.fields.joining import Written, join, strike
from formreader.fields.kinds import of_kind
from formreader.fields.lawful import under_rules
from formreader.fields.params import FieldParams
from formreader.fields.review import Counts, as_settled, counted, judged_alone, needs_review
from formreader.template import Template
from formreader.values import DigitReading, FieldReading

__all__ = [
    "Counts",
    "FieldParams",
    "Written",
    "as_settled",
    "counted",
    "decode",
    "join",
    "judged_alone",
    "needs_review",
    "strike",
]


def decode(
    readings: Sequence[DigitReading],
    template: Template,
    params: FieldParams | None = None,
    texts: Mapping[str, str] = MappingProxyType({}),
) -> tuple[FieldReading, ...]:
    """Read every field of the template from its boxes.

    Parameters
    ----------
    readings
        What each box of the page says, in any order; a wide box gives one reading a digit, its positions counting up,
        and a strip that is keyed one that is ``blank`` or ``to_key``.
    texts
        Of barcodes, by the field's name.
    template
        Says which fields there are, what unused boxes may hold, and the rules of fields and across them.

    Returns
    -------
    tuple of FieldReading
        One for each field, in the template's order; `reasons` is empty where the value is accepted. One to be keyed is
        empty and has the reason ``to_key``.

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
    params = params or FieldParams()
    written = [join(field, by_field[field.name], params) for field in template.fields if field.holds_digits]
    read = {field.name: field for field in under_rules(written, template.checks, params)}
    return tuple(
        read.get(field.name) or of_kind(field, by_field[field.name], texts.get(field.name, ""))
        for field in template.fields
    )
