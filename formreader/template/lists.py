"""Lists of lawful values in CSV and XLSX files beside the template."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from formreader.template.rules_schema import ListTable
from formreader.template.wording import did_you_mean
from formreader.workbooks import BookLimits, BookProblem, TooLargeBook, first_sheet, opened_book, rows_in, shown_cell


class ListProblem(Exception):
    """A list cannot be read; the message says why."""


_LARGEST_BYTES: Final = 256 << 20  # of a CSV: some ten million rows
_LIST: Final = BookLimits(file_bytes=64 << 20, sheet_bytes=512 << 20, all_bytes=1 << 30)
"""All of a list is in memory, unlike the sheets of results."""
_MOST_CELLS: Final = 20_000_000
"""A file of cells that are empty but for one far out is small, and large in memory."""


def read_list(folder: Path, listed: ListTable) -> tuple[str, ...]:
    """Read a column, empty cells left out and each value once; leading zeros live.

    The first row holds the columns' names. A CSV is UTF-8, its cells parted by commas, semicolons or tabs. Of an XLSX
    the first sheet is read; a number shown with leading zeros, by a format such as ``0000``, is read as it is shown.

    Raises
    ------
    ListProblem
        The file cannot be read, has no such column, or nothing in it.
    """
    rows, place = read_table(folder / listed.file, listed.file, listed.column)
    values = dict.fromkeys(row[place].strip() for row in rows[1:] if len(row) > place and row[place].strip())
    if not values:
        raise ListProblem(f"'{listed.file}' has nothing in column '{listed.column}'")
    return tuple(values)


def read_table(path: Path, shown: str, column: str) -> tuple[list[list[str]], int]:
    """Read all rows of a CSV or XLSX, the names first, and say at which place a column stands.

    Parameters
    ----------
    shown
        What the file is called in messages.

    Raises
    ------
    ListProblem
        The file cannot be read, or has no such column.
    """
    try:
        rows = _workbook(path) if path.suffix.lower() == ".xlsx" else _csv(path, column)
    except TooLargeBook as error:
        raise ListProblem(f"'{shown}' is too large to be opened safely ({error})") from error
    except OSError as error:
        raise ListProblem(f"'{shown}' cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise ListProblem(f"'{shown}' is not UTF-8 (byte {error.start}); save it as CSV UTF-8") from error
    except (BookProblem, csv.Error) as error:
        raise ListProblem(f"'{shown}' cannot be read ({error})") from error
    names = [name.strip() for name in rows[0]] if rows else []
    if names.count(column) != 1:
        has = "has no column" if column not in names else "has several columns"
        raise ListProblem(f"'{shown}' {has} '{column}'{did_you_mean(column, names)}")
    return rows, names.index(column)


def _csv(path: Path, column: str) -> list[list[str]]:
    """Give the rows, parted by what makes the column one of the first row's."""
    if path.stat().st_size > _LARGEST_BYTES:
        raise TooLargeBook(f"over {_LARGEST_BYTES >> 20} MB")
    text = path.read_bytes().decode("utf-8-sig")
    heads = {sign: next(csv.reader(io.StringIO(text, newline=""), delimiter=sign), []) for sign in ",;\t"}
    parting = next((sign for sign, head in heads.items() if column in map(str.strip, head)), ",")
    return _in_memory(csv.reader(io.StringIO(text, newline=""), delimiter=parting))


def _workbook(path: Path) -> list[list[str]]:
    with opened_book(path, _LIST, results_only=True) as book:
        return _in_memory(list(map(shown_cell, cells)) for _, cells in rows_in(first_sheet(book)))


def _in_memory(rows: Iterable[list[str]]) -> list[list[str]]:
    kept, cells = [], 0
    for row in rows:
        cells += len(row)
        if cells > _MOST_CELLS:
            raise TooLargeBook(f"over {_MOST_CELLS:,} cells")
        kept.append(row)
    return kept
