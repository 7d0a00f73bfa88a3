"""A workbook that comes from anywhere: its sizes are looked at before it is opened, and only plain values are taken."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date, time, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

from formreader.errors import UnusableCall
from formreader.export.book import LARGEST_SHEET
from formreader.export.to_review import HEADER, SHEET, Key

_SHEET: Final = re.compile(rf"{SHEET}( [0-9]+)?", re.IGNORECASE)
_COLUMNS: Final = 60
"""That are looked at: people may have added some of their own."""
_LONGEST_CELL: Final = 32_767
MOST_DIGITS: Final = 15
"""A spreadsheet keeps no more of a number: the others have become zeros."""
_NO_BOOK: Final = "is no workbook that can be read"


@dataclass(frozen=True, slots=True)
class BookLimits:
    """What a workbook may hold, unpacked.

    Attributes
    ----------
    file_bytes
        Of the file: two thousand strips take 20 MB.
    parts
        Files within it.
    sheet_bytes, part_bytes, all_bytes
        Of one sheet, which is passed over, of any other part, which is in memory, and of all.
    packed
        How many times smaller than unpacked a large part may be: XML of real tables is up to some forty times.
    """

    file_bytes: int = 1 << 30
    parts: int = 100_000
    sheet_bytes: int = 4 << 30
    part_bytes: int = 256 << 20
    all_bytes: int = 8 << 30
    packed: int = 150
    large_bytes: int = 16 << 20


_USUAL: Final = BookLimits()


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


def rows_of(path: Path, limits: BookLimits = _USUAL) -> Iterator[SheetRow]:
    """Give the rows of all sheets *To review* of a workbook.

    Raises
    ------
    UnusableCall
        It cannot be read, is too large, or has no such sheet with all its columns.
    """
    _refuse_bombs(path, limits)
    from openpyxl import load_workbook  # slow to import

    try:
        book = load_workbook(path, read_only=True, keep_links=False)
    except Exception as error:  # of ZIP, XML or openpyxl, which do not say which: a damaged file raises any
        raise UnusableCall(f"{path}: {_NO_BOOK} ({error}); give the .xlsx that `formreader export` wrote") from error
    with closing(book):
        sheets = [sheet for sheet in book.worksheets if _SHEET.fullmatch(sheet.title)]
        if not sheets:
            raise UnusableCall(f"{path}: has no sheet '{SHEET}'; give the .xlsx that `formreader export` wrote")
        for sheet in sheets:
            try:
                yield from _rows(sheet, path)
            except (UnusableCall, GeneratorExit):
                raise
            except Exception as error:
                raise UnusableCall(f"{path}: the sheet '{sheet.title}' is damaged ({error}); save it again") from error


def _refuse_bombs(path: Path, limits: BookLimits) -> None:
    """Refuse what would fill the memory; of each part no more is ever unpacked than it says of itself."""
    try:
        size = path.stat().st_size
        with zipfile.ZipFile(path) as packed:
            parts = packed.infolist()
            for part in parts:
                _refuse_doctype(packed, part)
    except Exception as error:  # of the disk, ZIP or zlib: a damaged file raises any
        why = getattr(error, "strerror", None) or error
        raise UnusableCall(f"{path}: {_NO_BOOK} ({why}); give the .xlsx that `formreader export` wrote") from error
    large = [part.filename for part in parts if _is_too_large(part, limits)]
    unpacked = sum(part.file_size for part in parts)
    if large or size > limits.file_bytes or len(parts) > limits.parts or unpacked > limits.all_bytes:
        what = large[0] if large else f"{len(parts):,} parts"
        raise UnusableCall(
            f"{path}: is too large to be opened safely ({what}); export fewer rows with --since, and fill that"
        )


def _is_too_large(part: zipfile.ZipInfo, limits: BookLimits) -> bool:
    if part.file_size <= limits.large_bytes:
        return False
    most = limits.sheet_bytes if part.filename.startswith("xl/worksheets/") else limits.part_bytes
    return part.file_size > most or part.file_size > limits.packed * max(part.compress_size, 1)


def _refuse_doctype(packed: zipfile.ZipFile, part: zipfile.ZipInfo) -> None:
    """Refuse entities of XML's own making, which no spreadsheet writes: they unpack once more."""
    if part.filename.endswith((".xml", ".rels", ".vml")) and part.file_size:
        with packed.open(part) as opened:
            if b"<!DOCTYPE" in opened.read(4096).replace(b"\0", b"").upper():
                raise ValueError(f"{part.filename} has a DOCTYPE")


def _rows(sheet: Any, path: Path) -> Iterator[SheetRow]:
    columns: Mapping[str, int] = {}
    for number, cells in enumerate(sheet.iter_rows(max_col=_COLUMNS), start=1):
        if number > LARGEST_SHEET[0]:  # what a row says of its number may be anything
            raise UnusableCall(f"{path}: the sheet '{sheet.title}' has more rows than a sheet can have")
        if number == 1:
            columns = _columns([_text(cell.value) for cell in cells], sheet.title, path)
            continue
        if any(cell.value is not None for cell in cells):
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
