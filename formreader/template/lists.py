"""Lists of lawful values in CSV and XLSX files beside the template."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from formreader.template.rules_schema import ListTable
from formreader.template.wording import did_you_mean


class ListProblem(Exception):
    """A list cannot be read; the message says why."""


class _Damaged(Exception):
    """A workbook is none, or a part of it is missing."""


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
    except OSError as error:
        raise ListProblem(f"'{shown}' cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise ListProblem(f"'{shown}' is not UTF-8 (byte {error.start}); save it as CSV UTF-8") from error
    except (_Damaged, csv.Error) as error:
        raise ListProblem(f"'{shown}' cannot be read ({error})") from error
    names = [name.strip() for name in rows[0]] if rows else []
    if names.count(column) != 1:
        has = "has no column" if column not in names else "has several columns"
        raise ListProblem(f"'{shown}' {has} '{column}'{did_you_mean(column, names)}")
    return rows, names.index(column)


def _csv(path: Path, column: str) -> list[list[str]]:
    """Give the rows, parted by what makes the column one of the first row's."""
    text = path.read_bytes().decode("utf-8-sig")
    heads = {sign: next(csv.reader(io.StringIO(text, newline=""), delimiter=sign), []) for sign in ",;\t"}
    parting = next((sign for sign, head in heads.items() if column in map(str.strip, head)), ",")
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=parting))


def _workbook(path: Path) -> list[list[str]]:
    try:
        return list(_sheet(path))
    except OSError:
        raise
    except Exception as error:  # of ZIP, XML or openpyxl, which do not say which: a damaged file raises any
        raise _Damaged(str(error) or type(error).__name__) from error


def _sheet(path: Path) -> Iterator[list[str]]:
    from openpyxl import load_workbook  # slow to import, and seldom wanted

    with path.open("rb") as file:  # opened here: a damaged one that is opened by its name stays open
        book = load_workbook(file, read_only=True, data_only=True)
        for row in book.worksheets[0].iter_rows():
            yield [_text(cell) for cell in row]


def _text(cell: Any) -> str:
    """Give a cell as it is shown."""
    if cell.value is None:
        return ""
    if isinstance(cell.value, float) and cell.value.is_integer():
        return _padded(int(cell.value), cell.number_format)
    return _padded(cell.value, cell.number_format) if isinstance(cell.value, int) else str(cell.value)


def _padded(number: int, shown_as: str) -> str:
    return str(number).zfill(len(shown_as)) if set(shown_as or "") == {"0"} else str(number)
