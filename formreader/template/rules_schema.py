"""The rules of a field as people write them, and the rules that they make; `rule_problems` names the mistakes.

Imported by `template` alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, StrictInt
from pydantic import Field as Limits

from formreader.rules import (
    Bound,
    CheckDigit,
    Date,
    Format,
    Least,
    Most,
    OneOf,
    OrMissing,
    Pattern,
    Rule,
)

STDNUM: Final = "stdnum:"

Length = Annotated[float, Limits(allow_inf_nan=False)]
Limit = StrictInt | Length | str | date | time
Code = StrictInt | str


class Table(BaseModel):
    """A table of the template: what it does not know it refuses."""

    model_config = ConfigDict(extra="forbid", strict=True)


class ListTable(Table):
    """``{file = "class.csv", column = "id"}``."""

    file: str
    column: str


class RuleKeys(Table):
    """The keys of ``[[field]]`` that say what its value must be."""

    min: Limit | None = None
    max: Limit | None = None
    pattern: str | None = None
    one_of: ListTable | list[Code] | None = None
    date: str | None = None
    check_digit: str | None = None
    format: str | None = None
    unique: bool = False
    missing: list[Code] = []
    allow: list[str] = []
    align: Literal["left", "right"] | None = None
    severity: Literal["error", "warning"] | None = None

    def entries(self) -> tuple[str, ...]:
        """Return the values that stand in the template itself."""
        return tuple(map(str, self.one_of)) if isinstance(self.one_of, list) else ()


@dataclass(frozen=True, slots=True)
class Room:
    """What a field has room for.

    Attributes
    ----------
    least, most
        Digits.
    right
        The least and the most digits right of the decimal point; (0, 0) where it holds none.
    is_wide
        One box for all digits.
    """

    least: int
    most: int
    right: tuple[int, int] = (0, 0)
    is_wide: bool = False

    def __str__(self) -> str:
        return f"{self.most} {'digit' if self.is_wide else 'box'}{'' if self.most == 1 else self.plural}"

    @property
    def plural(self) -> str:
        """The ending of its noun."""
        return "s" if self.is_wide else "es"

    def has_for(self, value: str) -> bool:
        """Say whether a value fits."""
        digits, right = sum(map(str.isdecimal, value)), len(value.partition(".")[2])
        return self.least <= digits <= self.most and self.right[0] <= right <= self.right[1]


def rules_of(keys: RuleKeys, entries: tuple[str, ...]) -> tuple[Rule, ...]:
    """Make the rules of a field without mistakes.

    Parameters
    ----------
    entries
        Of the list that the value must be one of.
    """
    severity = keys.severity or "error"
    rules: list[Rule] = []
    if keys.date is not None:
        rules.append(Date(keys.date, bound_of(keys.min, keys.date), bound_of(keys.max, keys.date), severity))
    else:
        rules += [Least(Decimal(str(keys.min)), severity)] if keys.min is not None else []
        rules += [Most(Decimal(str(keys.max)), severity)] if keys.max is not None else []
    rules += [Pattern(keys.pattern, severity)] if keys.pattern is not None else []
    rules += [OneOf(tuple(dict.fromkeys(entries)), severity)] if keys.one_of is not None else []
    rules += [CheckDigit(keys.check_digit, severity)] if keys.check_digit is not None else []
    rules += [Format(keys.format.removeprefix(STDNUM), severity)] if keys.format is not None else []
    codes = tuple(map(str, keys.missing))
    return tuple(OrMissing(rule, codes) for rule in rules) if codes else tuple(rules)


def date_of(keys: RuleKeys) -> Date | None:
    """Give how a field's value is a date; None for a number. A range with mistakes is left out."""
    if keys.date is None:
        return None
    try:
        return Date(keys.date, bound_of(keys.min, keys.date), bound_of(keys.max, keys.date))
    except ValueError:
        return Date(keys.date)


def bound_of(limit: Limit | None, form: str) -> Bound:
    """Read an end of a range of dates or times; raises `ValueError` where it is none."""
    if limit is None:
        return None
    if limit == "today" and form != "HHMM":
        return "today"
    if form == "HHMM":
        told = time.fromisoformat(limit) if isinstance(limit, str) else limit
        if not isinstance(told, time) or told.tzinfo is not None:
            raise ValueError(limit)
        return told
    if form == "YYYY" and isinstance(limit, int):
        return date(limit, 1, 1)
    day = date.fromisoformat(limit) if isinstance(limit, str) else limit
    if not isinstance(day, date):
        raise ValueError(limit)
    return day
