"""Dates and times of day, written in digits alone."""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import date, time
from typing import ClassVar, Final, Literal

from formreader.values import Severity

DATE_FORMATS: Final = ("DDMMYYYY", "DDMMYY", "YYYYMMDD", "MMDDYYYY", "MMYYYY", "YYYY", "HHMM")
Bound = date | time | Literal["today"] | None
"""An end of a range; ``today`` is the day on which the value is read."""

_FIRST_OF_LAST_CENTURY: Final = 69
"""Two digits of a year from this on are 19.., below 20..: as POSIX has it. A range of dates goes before."""


@dataclass(frozen=True, slots=True)
class Date:
    """A day, month or year of the calendar, or a time of day.

    Attributes
    ----------
    form
        One of `DATE_FORMATS`.
    least, most
        The range, both ends in it; a month or year is in it where a day of it is.
    """

    form: str
    least: Bound = None
    most: Bound = None
    severity: Severity = "error"

    key: ClassVar[str] = "date"
    only_exact: ClassVar[bool] = False

    def is_kept_by(self, value: str) -> bool:
        """Say whether a value is such a date, and within the range."""
        if self.form == "HHMM":
            return self._is_time(value)
        period = self.period(value)
        if period is None:
            return False
        (first, last), least, most = period, _day(self.least), _day(self.most)
        return (least is None or last >= least) and (most is None or first <= most)

    def _is_time(self, value: str) -> bool:
        told = time_of(value)
        least, most = (bound if isinstance(bound, time) else None for bound in (self.least, self.most))
        return told is not None and (least is None or told >= least) and (most is None or told <= most)

    def period(self, value: str) -> tuple[date, date] | None:
        """Give the first and last day that a value means; None where there is no such date."""
        if len(value) != len(self.form) or not value.isdecimal():
            return None
        day, month, year = (_part(value, self.form, letter) for letter in "DMY")
        if year is None:
            return None
        if "YYYY" not in self.form:
            year = self._full(year)
        try:
            if month is None:
                return date(year, 1, 1), date(year, 12, 31)
            first = date(year, month, day or 1) if day != 0 else None
        except ValueError:
            return None
        if first is None:
            return None
        return first, first if day else first.replace(day=calendar.monthrange(year, month)[1])

    def _full(self, year: int) -> int:
        """Give a year of two digits its century: the last one not after the range, or the first one from its start."""
        least, most = _day(self.least), _day(self.most)
        if most is not None:
            return most.year - (most.year - year) % 100
        if least is not None:
            return least.year + (year - least.year) % 100
        return year + (1900 if year >= _FIRST_OF_LAST_CENTURY else 2000)

    def __str__(self) -> str:
        what = "a time" if self.form == "HHMM" else "a date"
        words = f"{what} as {self.form}"
        words += f" from {_said(self.least)}" if self.least is not None else ""
        return words + (f" to {_said(self.most)}" if self.most is not None else "")


def time_of(value: str) -> time | None:
    """Give a value as a time of day; None where there is none such."""
    if len(value) != 4 or not value.isdecimal() or not (int(value[:2]) < 24 and int(value[2:]) < 60):
        return None
    return time(int(value[:2]), int(value[2:]))


def _part(value: str, form: str, letter: str) -> int | None:
    if letter not in form:
        return None
    return int(value[form.index(letter) : form.rindex(letter) + 1])


def _day(bound: Bound) -> date | None:
    return date.today() if bound == "today" else bound if isinstance(bound, date) else None


def _said(bound: Bound) -> str:
    return f"{bound:%H:%M}" if isinstance(bound, time) else str(bound)
