"""Rules as small as they can be, for what is said about rules of any kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from formreader.values import Severity


@dataclass(frozen=True)
class Luhn:
    """The last digit is Luhn's check digit of the others."""

    severity: Severity = "error"
    key: str = "check_digit"
    only_exact: bool = False

    def is_kept_by(self, value: str) -> bool:
        return luhn_sum(value) % 10 == 0

    def __str__(self) -> str:
        return "a check digit (Luhn)"


def luhn_sum(value: str) -> int:
    """Add up the digits, every second one from the right doubled."""
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in value[-2::-2])
    return sum(doubled) + sum(int(digit) for digit in value[::-2])


@dataclass(frozen=True)
class AtMost:
    """A number has a limit."""

    limit: int
    severity: Severity = "error"
    key: str = "max"
    only_exact: bool = False

    def is_kept_by(self, value: str) -> bool:
        return float(value) <= self.limit

    def __str__(self) -> str:
        return f"at most {self.limit}"


@dataclass(frozen=True)
class OneOf:
    """A value stands in a list."""

    values: frozenset[str]
    severity: Severity = "error"
    key: str = "one_of"
    only_exact: bool = True

    def is_kept_by(self, value: str) -> bool:
        return value in self.values

    def __str__(self) -> str:
        return f"one of {len(self.values)}"


@dataclass(frozen=True)
class Sum:
    """Fields add up to another."""

    parts: tuple[str, ...]
    total: str
    severity: Severity = "error"
    key: str = "sum"

    @property
    def fields(self) -> tuple[str, ...]:
        return (*self.parts, self.total)

    def is_kept_by(self, values: Mapping[str, str]) -> bool | None:
        written = [values.get(name, "") for name in self.fields]
        if not all(value.isdecimal() for value in written):
            return None
        return sum(map(int, written[:-1])) == int(written[-1])

    def __str__(self) -> str:
        return f"{' + '.join(self.parts)} = {self.total}"
