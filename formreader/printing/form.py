"""What a form to print shall hold, in the order of its fields file.

Imported by `printing` alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

Kind = Literal["digits", "key", "image", "choice", "barcode"]

SERIAL: Final = "serial"
"""The field that holds a copy's number."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A field to print.

    Attributes
    ----------
    digits
        How many boxes, of a field of digits.
    layout
        Of a date, such as ``DDMMYYYY``: there is a gap between its parts.
    letters
        What stands under the boxes, a letter each.
    passed_on
        Keys that go into its template as they are.
    note
        Whose row of a table it is.
    """

    name: str
    label: str
    hint: str = ""
    kind: Kind = "digits"
    digits: int = 0
    decimals: int = 0
    layout: str = ""
    letters: str = ""
    options: tuple[str, ...] = ()
    many: bool = False
    bubbles: bool = False
    width_mm: float | None = None
    height_mm: float | None = None
    new_page: bool = False
    passed_on: tuple[tuple[str, Any], ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Grid:
    """A table to print: `rows` are what stands before each, and `fields` has one tuple a row, one field a column."""

    heading: str
    row_label: str
    rows: tuple[str, ...]
    fields: tuple[tuple[Asked, ...], ...]
    new_page: bool = False
    place: str = "table"


@dataclass(frozen=True, slots=True)
class Words:
    """A heading, paragraphs, or both."""

    heading: str
    paragraphs: tuple[str, ...]
    new_page: bool = False


Item = Asked | Grid | Words


@dataclass(frozen=True, slots=True)
class Form:
    """All that a fields file says; texts may name columns, as ``{name}``."""

    name: str
    title: str
    instructions: tuple[str, ...]
    items: tuple[Item, ...]
    checks: tuple[Mapping[str, Any], ...] = ()
    paper: str = "A4"
    tone: str = "black"
    rtl: bool = False
    language: str = ""
    foot: str = "Page {page} of {pages}"
    number: str = "No. {serial}"
    version: str | int = ""

    @property
    def fields(self) -> tuple[Asked, ...]:
        """All fields, those of tables row by row."""
        return tuple(field for item in self.items for field in _fields_of(item))

    def texts(self) -> Iterator[tuple[str, str]]:
        """Give every text that is printed, with its place in the file."""
        yield from (("form", text) for text in (self.title or self.name, *self.instructions, self.foot, self.number))
        for item in self.items:
            match item:
                case Words():
                    yield from (("text", text) for text in (item.heading, *item.paragraphs))
                case Grid():
                    yield from ((item.place, text) for text in (item.heading, item.row_label, *item.rows))
        for field in self.fields:
            yield from (
                (f"field '{field.name}'", text) for text in (field.label, field.hint, field.letters, *field.options)
            )


def _fields_of(item: Item) -> tuple[Asked, ...]:
    match item:
        case Asked():
            return (item,)
        case Grid():
            return tuple(field for row in item.fields for field in row)
        case Words():
            return ()
