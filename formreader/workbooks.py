"""Workbooks that come from anywhere: their sizes are looked at before they are opened, and rows come one by one."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

LARGEST_SHEET: Final = (1_048_576, 16_384)
"""Rows and columns of a sheet, the header among them."""
_MOST_COLUMNS: Final = 1_000
"""That are looked at: no table of people's is wider."""


class BookProblem(Exception):
    """A workbook cannot be read; the message says why."""


class TooLargeBook(BookProblem):
    """It holds more than can be opened safely; the message names the part."""


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


@contextmanager
def opened_book(path: Path, limits: BookLimits = _USUAL, *, results_only: bool = False) -> Iterator[Any]:
    """Open a workbook to be read row by row.

    Parameters
    ----------
    results_only
        Of formulas, give what they came to when it was saved.

    Raises
    ------
    BookProblem
        It is none, is damaged, or is too large.
    """
    _refuse_bombs(path, limits)
    from openpyxl import load_workbook  # slow to import, and seldom wanted

    with path.open("rb") as file:  # opened here: a damaged one that is opened by its name stays open
        try:
            book = load_workbook(file, read_only=True, keep_links=False, data_only=results_only)
        except Exception as error:  # of ZIP, XML or openpyxl, which do not say which: a damaged file raises any
            raise BookProblem(str(error) or type(error).__name__) from error
        with closing(book):
            yield book


def first_sheet(book: Any) -> Any:
    """Give the first sheet of a workbook.

    Raises
    ------
    BookProblem
        It has none, or that is missing.
    """
    if not book.worksheets:
        raise BookProblem("it has no sheet")
    return book.worksheets[0]


def rows_in(sheet: Any, columns: int = _MOST_COLUMNS) -> Iterator[tuple[int, tuple[Any, ...]]]:
    """Give the cells of each row of a sheet, up to its last one that is there, and the row's number from 1.

    Raises
    ------
    BookProblem
        It is damaged, or says that it has more rows than a sheet can have.
    """
    try:
        sheet.reset_dimensions()  # some programs write that a sheet has one row, and all others would be passed over
        for number, cells in enumerate(sheet.iter_rows(), start=1):
            if number > LARGEST_SHEET[0]:  # what a row says of its number may be anything
                raise BookProblem(f"the sheet '{sheet.title}' has more rows than a sheet can have")
            yield number, tuple(cells[:columns])
    except (BookProblem, GeneratorExit):
        raise
    except Exception as error:  # as above: sheets are parsed as they are passed over
        raise BookProblem(f"the sheet '{sheet.title}' is damaged: {error or type(error).__name__}") from error


def shown_cell(cell: Any) -> str:
    """Give a cell as a person sees it: a number with the leading zeros that a format such as ``0000`` shows."""
    if cell.value is None:
        return ""
    if isinstance(cell.value, float) and cell.value.is_integer():
        return _padded(int(cell.value), cell.number_format)
    is_number = isinstance(cell.value, int) and not isinstance(cell.value, bool)
    return _padded(cell.value, cell.number_format) if is_number else str(cell.value)


def _padded(number: int, shown_as: str) -> str:
    return str(number).zfill(len(shown_as)) if set(shown_as or "") == {"0"} else str(number)


def _refuse_bombs(path: Path, limits: BookLimits) -> None:
    """Refuse what would fill the memory; of each part no more is ever unpacked than it says of itself."""
    try:
        size = path.stat().st_size
        with zipfile.ZipFile(path) as packed:
            parts = packed.infolist()
            for part in parts:
                _refuse_doctype(packed, part)
    except Exception as error:  # of the disk, ZIP or zlib: a damaged file raises any
        raise BookProblem(str(getattr(error, "strerror", None) or error)) from error
    large = [part.filename for part in parts if _is_too_large(part, limits)]
    unpacked = sum(part.file_size for part in parts)
    if large or size > limits.file_bytes or len(parts) > limits.parts or unpacked > limits.all_bytes:
        raise TooLargeBook(large[0] if large else f"{len(parts):,} parts")


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
