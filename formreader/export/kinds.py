"""Numbers and dates where the template says that a field holds such; what is none stays text and is noted."""

from __future__ import annotations

import re
from datetime import date
from typing import Final

from formreader.batch_forms import Forms
from formreader.export.noted import Noted
from formreader.export.shape import Column, Kind, Value
from formreader.rules import Date, Least, Most, number_of, plain, time_of
from formreader.template import Field
from formreader.values import FieldReading

_MOST_DIGITS: Final = 15
"""A spreadsheet keeps no more of a number."""
_PAGE: Final = re.compile("#[0-9]+$")
"""What a template of one page of several has after the form's name."""
_FIRST_DAY: Final = date(1900, 3, 1)
"""Spreadsheets disagree on the days before, or have none."""


class Kinds:
    """What the fields of one form hold."""

    def __init__(self, forms: Forms, form: str | None, noted: Noted) -> None:
        described = (field for one in _sheets(forms, form) for field in one)
        self._fields = {field.name: field for field in described}
        self._noted = noted

    def column(self, name: str) -> Column:
        """Describe a field's column."""
        return Column(name, _kind(self._fields[name]) if name in self._fields else "text")

    def value(self, field: FieldReading, scan: str, page: int) -> Value:
        """Give a field's value as its column has it."""
        described = self._fields.get(field.name)
        if described is None or not field.value:
            return None if described and _kind(described) != "text" else field.value
        value, why = _converted(described, field.value)
        if why:
            self._noted.add(scan, str(page), field.name, field.value, why)
        return value


def _sheets(forms: Forms, form: str | None) -> list[tuple[Field, ...]]:
    """Give the fields of each page of a form; of the only form where it is not named."""
    named = ((_PAGE.sub("", name), template.fields) for name, template in forms.templates.items())
    return [fields for name, fields in named if form is None or name == form]


def _kind(field: Field) -> Kind:
    date_rule = _date(field)
    if field.kind != "digits":
        return "text"
    if date_rule is not None:
        return "time" if date_rule.form == "HHMM" else "date" if "D" in date_rule.form else "text"
    if field.decimals != (0, 0):
        return "number"
    return "whole" if any(isinstance(plain(rule), Least | Most) for rule in field.rules) else "text"


def _date(field: Field) -> Date | None:
    return next((rule for rule in map(plain, field.rules) if isinstance(rule, Date)), None)


def _converted(field: Field, text: str) -> tuple[Value, str]:
    """Give a value of its kind; or the text itself, and why it is none."""
    kind, rule = _kind(field), _date(field)
    if kind == "text":
        return text, ""
    if text in field.missing:
        return text, "a code for what is missing"
    if kind in ("whole", "number"):
        number = number_of(text)
        if number is None or (kind == "whole" and number != int(number)):
            return text, "no number"
        if len(number.as_tuple().digits) > _MOST_DIGITS:
            return text, f"more than {_MOST_DIGITS} digits"
        return (int(number), "") if kind == "whole" else (number, "")
    if rule is None:
        return text, "no date"
    if kind == "time":
        told = time_of(text)
        return (text, "no time of day") if told is None else (told, "")
    days = rule.period(text)
    if days is None:
        return text, "no date"
    return (text, "a day before March 1900") if days[0] < _FIRST_DAY else (days[0], "")
