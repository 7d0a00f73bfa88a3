"""Values as numbers, and the least and the most that one may be."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

from formreader.values import POINT, Severity


def number_of(value: str) -> Decimal | None:
    """Give a value as a number: exact, leading zeros dropped; None where it is none."""
    digits = value.replace(POINT, "", 1)
    return Decimal(value) if digits.isascii() and digits.isdecimal() else None


@dataclass(frozen=True, slots=True)
class Least:
    """The smallest number that a value may be."""

    limit: Decimal
    severity: Severity = "error"

    key: ClassVar[str] = "min"
    only_exact: ClassVar[bool] = False

    def is_kept_by(self, value: str) -> bool:
        """Say whether a value is no smaller."""
        number = number_of(value)
        return number is not None and number >= self.limit

    def __str__(self) -> str:
        return f"at least {self.limit}"


@dataclass(frozen=True, slots=True)
class Most:
    """The largest number that a value may be."""

    limit: Decimal
    severity: Severity = "error"

    key: ClassVar[str] = "max"
    only_exact: ClassVar[bool] = False

    def is_kept_by(self, value: str) -> bool:
        """Say whether a value is no larger."""
        number = number_of(value)
        return number is not None and number <= self.limit

    def __str__(self) -> str:
        return f"at most {self.limit}"
