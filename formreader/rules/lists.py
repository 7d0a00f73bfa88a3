"""A list that the value stands in: a class's numbers, a shop's products."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar, Final

from formreader.values import POINT, Severity

_SHOWN: Final = 8
"""Entries of a list that are named; of a longer one only how many there are."""

_MOST_SLIPS: Final = 2
_LONG: Final = 20
"""Digits; of longer values one slip less is looked for, as those two slips away grow with the square of the length."""


@dataclass(frozen=True, slots=True)
class OneOf:
    """The values that are lawful, as they are written: ``07`` is another than ``7``.

    Many entries of a list differ in one digit only, so what is read is never taken for its nearest entry.
    """

    entries: tuple[str, ...] = field(hash=False)
    severity: Severity = "error"
    _known: frozenset[str] = field(init=False, repr=False, compare=False, hash=True)  # hashed once, however long

    key: ClassVar[str] = "one_of"
    only_exact: ClassVar[bool] = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "_known", frozenset(self.entries))

    def is_kept_by(self, value: str) -> bool:
        """Say whether a value stands in the list."""
        return value in self._known

    def nearest(self, value: str) -> tuple[str, ...]:
        """Give the entries that take the fewest slips to become a value, two at most, in the list's order.

        A slip is a digit that is wrong, missing or too many, or two neighbours in each other's place (Damerau 1964).
        All values that few slips away are looked up, so that the time does not grow with the list.
        """
        near = {value}
        most = _MOST_SLIPS if len(value) <= _LONG else _MOST_SLIPS - 1
        for slips in range(most + 1):
            if found := near & self._known:
                return tuple(entry for entry in self.entries if entry in found)
            near = {slip for one in near for slip in _slips(one)} if slips < most else near
        return ()

    def __str__(self) -> str:
        if len(self.entries) > _SHOWN:
            return f"one of {len(self.entries):,} listed values"
        return f"one of {', '.join(self.entries)}"


def _slips(value: str) -> Iterator[str]:
    """Give all values that are one slip away, and the value itself."""
    signs = "0123456789" + POINT
    for at in range(len(value) + 1):
        head, tail = value[:at], value[at:]
        yield from (head + sign + tail for sign in signs)
        if tail:
            yield head + tail[1:]
            yield from (head + sign + tail[1:] for sign in signs)
        if len(tail) > 1:
            yield head + tail[1] + tail[0] + tail[2:]
