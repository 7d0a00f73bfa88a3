"""A workbook that comes from anywhere: its sizes are looked at before it is opened, and only plain values are taken."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, time, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

from formreader.errors import UnusableCall
from formreader.export.to_review import HEADER, SHEET, Key
from formreader.workbooks import BookLimits, BookProblem, TooLargeBook, opened_book, rows_in

_SHEET: Final = re.compile(rf"{SHEET}( [0-9]+)?", re.IGNORECASE)
_COLUMNS: Final = 60
"""That are looked at: people may have added some of their own."""
_LONGEST_CELL: Final = 32_767
MOST_DIGITS: Final = 15
"""A spreadsheet keeps no more of a number: the others have become zeros."""


class Cell(NamedTuple):
    """What stands in a cell.

    Attributes
    ----------
    place
        As a person finds it: ``To review!F12``.
    problem
        Why it cannot be taken; empty where it can.
    """

    place: str
    text: str
    is_number: bool = False
    problem: str = ""


class SheetRow(NamedTuple):
    """A row of the sheet, as people left it."""

    page: str
    field: str
    read: Cell
    right: Cell
    anyway: Cell
    key: Key
    seal: str


def rows_of(path: Path, limits: BookLimits | None = None) -> Iterator[SheetRow]:
    """Give the rows of all sheets *To review* of a workbook.

    Raises
    ------
    UnusableCall
        It cannot be read, is too large, or has no such sheet with all its columns.
    """
    try:
        with opened_book(path, limits or BookLimits()) as book:
            sheets = [sheet for sheet in book.worksheets if _SHEET.fullmatch(sheet.title)]
            if not sheets:
                raise UnusableCall(f"{path}: has no sheet '{SHEET}'; give the .xlsx that `formreader export` wrote")
            for sheet in sheets:
                yield from _rows(sheet, path)
    except TooLargeBook as problem:
        raise UnusableCall(
            f"{path}: is too large to be opened safely ({problem}); export fewer rows with --since, and fill that"
        ) from problem
    except BookProblem as problem:
        raise UnusableCall(
            f"{path}: is no workbook that can be read ({problem}); give the .xlsx that `formreader export` wrote"
        ) from problem


def _rows(sheet: Any, path: Path) -> Iterator[SheetRow]:
    columns: Mapping[str, int] = {}
    for number, cells in rows_in(sheet, _COLUMNS):
        if number == 1:
            columns = _columns([_text(cell.value) for cell in cells], sheet.title, path)
        elif any(cell.value is not None for cell in cells):
            yield _row(cells, columns, sheet.title, number)


def _columns(header: Sequence[str], title: str, path: Path) -> Mapping[str, int]:
    odd = [name for name in HEADER if header.count(name) != 1]
    if odd:
        raise UnusableCall(
            f"{path}: the sheet '{title}' has not each of its columns once ('{odd[0]}'); keep the first row, and the "
            "hidden columns, as `formreader export` wrote them"
        )
    return {name: header.index(name) for name in HEADER}


def _row(cells: Sequence[Any], columns: Mapping[str, int], title: str, number: int) -> SheetRow:
    from openpyxl.utils import get_column_letter

    def at(name: str) -> Cell:
        place = f"{title}!{get_column_letter(columns[name] + 1)}{number}"
        cell = cells[columns[name]] if columns[name] < len(cells) else None
        return _cell(place, None if cell is None else cell.value, "" if cell is None else cell.data_type)

    named = ("batch", "content", "its page", "its field", "reading", "value then", "decision then")
    key = Key(*(at(name).text for name in named))
    entries = (at("read"), at("right value"), at("stands anyway"))
    return SheetRow(at("page").text, at("field").text, *entries, key, at("seal").text)


def _cell(place: str, value: Any, kind: str) -> Cell:
    """Take a cell's plain value; say what else it is."""
    if kind == "f" or not isinstance(value, str | int | float | date | time | timedelta | None):
        return Cell(place, "", problem="is a formula; type the value itself")
    if kind == "e":
        return Cell(place, "", problem=f"is an error ({value}); type the value itself")
    if isinstance(value, date | time | timedelta):
        return Cell(place, "", problem="is a date or time; make the cell Text and type the digits as they are written")
    text = _text(value)
    if len(text) > _LONGEST_CELL:
        return Cell(place, "", problem="is longer than a cell can be")
    return Cell(place, text, is_number=isinstance(value, int | float) and not isinstance(value, bool))


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip() if isinstance(value, str) else str(value)
