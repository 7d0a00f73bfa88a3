"""What values of several fields must be together: sums and comparisons."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from typing import Any, Final, Literal

from formreader.rules.dates import Date, time_of
from formreader.rules.numbers import number_of
from formreader.values import Severity

SIGNS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
    "=": operator.eq,
}


@dataclass(frozen=True, slots=True)
class Term:
    """A field's part in a check.

    Attributes
    ----------
    as_date
        How its value is a date or time; None for a number.
    missing
        Codes that stand for no value.
    """

    name: str
    as_date: Date | None = None
    missing: tuple[str, ...] = ()

    def amount(self, value: str) -> Decimal | date | time | None:
        """Give what a value stands for; None for a code of a missing one, or what is no such value."""
        if value in self.missing:
            return None
        if self.as_date is None:
            return number_of(value)
        if self.as_date.form == "HHMM":
            return time_of(value)
        period = self.as_date.period(value)
        return period and period[0]


@dataclass(frozen=True, slots=True)
class Across:
    """Two sums of fields and how they compare; a single field is a sum of one.

    Attributes
    ----------
    key
        ``sum`` or ``compare``.
    right
        Fields; empty where `constant` is what the left side is held against.
    empty
        ``zero``: an empty field among several that are added counts as zero, as long as another of them is written;
        ``unknown``: nothing is said then.
    """

    key: Literal["sum", "compare"]
    left: tuple[Term, ...]
    sign: str
    right: tuple[Term, ...]
    constant: Decimal | None = None
    empty: Literal["zero", "unknown"] = "zero"
    severity: Severity = "error"

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of all fields that it is about."""
        return tuple(term.name for term in (*self.left, *self.right))

    def is_kept_by(self, values: Mapping[str, str]) -> bool | None:
        """Say whether the values fit together; None where a value is unread or missing, or too much is empty to say."""
        left = self._side(self.left, values)
        right = self._side(self.right, values) if self.constant is None else self.constant
        if left is None or right is None:
            return None
        return SIGNS[self.sign](left, right)

    def _side(self, terms: Sequence[Term], values: Mapping[str, str]) -> Decimal | date | time | None:
        written = [(term, values.get(term.name, "")) for term in terms]
        if self.empty == "zero":
            written = [(term, value) for term, value in written if value]
        amounts = [term.amount(value) for term, value in written]
        if len(amounts) == 1 and len(terms) == 1:
            return amounts[0]
        numbers = [amount for amount in amounts if isinstance(amount, Decimal)]
        return sum(numbers, Decimal()) if numbers and len(numbers) == len(amounts) else None

    def __str__(self) -> str:
        right = " + ".join(term.name for term in self.right) if self.constant is None else str(self.constant)
        return f"{' + '.join(term.name for term in self.left)} {self.sign} {right}"
