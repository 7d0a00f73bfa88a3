"""Tables as they go to any format: columns of a kind each, and lines that come one at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

Kind = Literal["text", "digits", "whole", "number", "share", "flag", "date", "time"]
"""Of a column: ``digits`` is text too, of digits and a decimal point that people wrote; a ``share`` has 4 decimals.
What is no such value is text all the same, or None where nothing was read."""

Value = str | int | Decimal | float | bool | date | time | None

OWN_KINDS: Final[Mapping[str, Kind]] = {
    **dict.fromkeys(("page", "position", "x", "y", "width", "height"), "whole"),
    "confidence": "share",
    "needs_review": "flag",
}
"""Of the columns that are the program's own and not the writer's: numbers in every format that has them."""


class Column(NamedTuple):
    """A column.

    Attributes
    ----------
    is_own
        It is the program's own: nothing in it is of another kind.
    """

    name: str
    kind: Kind = "text"
    is_own: bool = False


class Picture(NamedTuple):
    """A picture that stands in a cell, and what a file with it is called."""

    name: str
    content: bytes


class Line(NamedTuple):
    """A row of a table.

    Attributes
    ----------
    comments
        By the place of a flagged cell, why it is.
    pictures
        By the place of the cell that they stand in.
    words
        Places in columns of digits where something else stands: a keyed text, a barcode's.
    """

    cells: Sequence[Value]
    comments: Mapping[int, str] = MappingProxyType({})
    pictures: Mapping[int, Picture] = MappingProxyType({})
    words: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Table:
    """A table, whose lines are there once.

    Attributes
    ----------
    name
        What a sheet or a table of a database is called.
    """

    name: str
    columns: tuple[Column, ...]
    lines: Iterable[Line]


def own_columns(names: Iterable[str]) -> tuple[Column, ...]:
    """Give columns that are the program's own."""
    return tuple(Column(name, OWN_KINDS.get(name, "text"), is_own=True) for name in names)


def text_table(name: str, header: Iterable[str], rows: Iterable[Sequence[str]]) -> Table:
    """Make a table of texts."""
    return Table(name, tuple(map(Column, header)), map(Line, rows))


def as_text(value: Value) -> str:
    """Give a value as text that any program understands: a decimal point, dates as ISO 8601."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, float):
        return f"{value:.4f}"
    if isinstance(value, time):
        return f"{value:%H:%M}"
    return str(value)
