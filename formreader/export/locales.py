"""How the spreadsheets of a country write numbers and dates, and part the cells of a CSV.

Signs and patterns are the Unicode consortium's (CLDR, through Babel). Excel parts cells with a semicolon where the
comma is the decimal sign.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from functools import partial
from typing import NamedTuple

from formreader.errors import UnusableCall
from formreader.export.shape import Kind, Value, as_text
from formreader.rules import number_of
from formreader.template.wording import did_you_mean
from formreader.values import POINT


class Habit(NamedTuple):
    """What people of a country expect.

    Attributes
    ----------
    decimal
        The sign before decimals.
    delimiter
        Between the cells of a CSV.
    day
        Writes a date; None as ISO 8601.
    pattern
        The same for spreadsheets: ``dd.mm.yyyy``.
    """

    decimal: str = POINT
    delimiter: str = ","
    day: Callable[[date], str] | None = None
    pattern: str = "yyyy-mm-dd"

    def text(self, value: Value, kind: Kind) -> str:
        """Write a value of a column of this kind."""
        if isinstance(value, date) and self.day is not None:
            return self.day(value)
        text = as_text(value)
        is_number = kind in ("number", "share") or (kind == "digits" and number_of(text) is not None)
        return text.replace(POINT, self.decimal) if is_number else text


USUAL = Habit()
_SEMICOLON = frozenset({"CH", "LI"})  # a decimal point, and yet no comma between cells


def habit_of(locale: str) -> Habit:
    """Give the habits of a locale such as ``de_DE`` or ``de-DE``; the usual ones where it is empty.

    Raises
    ------
    UnusableCall
        There is no such locale, or Babel is not installed.
    """
    if not locale:
        return USUAL
    try:
        from babel import Locale, UnknownLocaleError
        from babel.dates import format_date
        from babel.localedata import locale_identifiers
        from babel.numbers import get_decimal_symbol
    except ImportError as error:
        raise UnusableCall("--locale needs Babel: pip install 'formreader[locale]'") from error
    name = locale.replace("-", "_")
    try:
        known = Locale.parse(name)
    except (UnknownLocaleError, ValueError, TypeError) as error:
        raise UnusableCall(
            f"--locale {locale}: no such locale{did_you_mean(name, locale_identifiers())}; give one such as de_DE"
        ) from error
    decimal = get_decimal_symbol(known, numbering_system="latn")
    short = re.sub("[\u200e\u200f\u061c]", "", known.date_formats["short"].pattern or "")
    pattern = re.sub("y+", "yyyy", short)
    return Habit(
        decimal,
        ";" if decimal == "," or known.territory in _SEMICOLON else ",",
        partial(format_date, format=pattern, locale="en"),  # the pattern has numbers alone, in digits of ours
        pattern.replace("M", "m").replace("'", '"'),
    )
