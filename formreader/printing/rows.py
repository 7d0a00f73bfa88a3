"""Rows of CSV files that a form is printed with: a class list, and the people that copies are for.

Imported by `printing` alone. Such files come from anywhere: their size, text and shape are checked.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Final

from formreader.errors import UnusableCall
from formreader.template.wording import did_you_mean

LARGEST_BYTES: Final = 20_000_000  # a hundred thousand people with ten columns each
LONGEST_CELL: Final = 500  # printed, a line of A4 holds about a hundred letters
_NAMED: Final = re.compile(r"\{\{|\}\}|\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class Rows:
    """A CSV file's header and rows, every row of the header's length."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def column(self, name: str) -> tuple[str, ...]:
        """Give a column's cells; `KeyError` where there is none, with a hint which was meant."""
        if name not in self.header:
            raise KeyError(f"no column '{name}'{did_you_mean(name, self.header)}; it has {', '.join(self.header)}")
        place = self.header.index(name)
        return tuple(row[place] for row in self.rows)


def lies_inside(name: str) -> bool:
    """Whether a file's name, as a fields file gives it, leads nowhere but into the fields file's own folder."""
    parts = {*PurePosixPath(name).parts, *PureWindowsPath(name).parts}
    leaves = ".." in parts or PurePosixPath(name).is_absolute() or bool(PureWindowsPath(name).anchor)
    return bool(name) and "\0" not in name and not leaves


def read_rows(path: Path) -> Rows:
    """Read a CSV file: UTF-8, cells parted by commas, semicolons or tabs, the first row names the columns.

    Raises
    ------
    UnusableCall
        It cannot be read, is too large, is no UTF-8, or its rows do not fit its header.
    """
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise UnusableCall(f"{path}: larger than {LARGEST_BYTES // 1_000_000} MB; print it in parts")
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise UnusableCall(f"{path}: cannot be read ({error.strerror}); check the name") from error
    except UnicodeDecodeError as error:
        raise UnusableCall(f"{path}: the text is not UTF-8 (byte {error.start}); save it as CSV UTF-8") from error
    first = text.splitlines()[0] if text.strip() else ""
    parting = max(",;\t", key=first.count)
    try:
        rows = [
            tuple(map(str.strip, row)) for row in csv.reader(io.StringIO(text, newline=""), delimiter=parting) if row
        ]
    except csv.Error as error:
        raise UnusableCall(f"{path}: cannot be read as CSV ({error})") from error
    header, *others = rows or [()]
    for problem in _problems(header, others):
        raise UnusableCall(f"{path}: {problem}")
    return Rows(header, tuple(others))


def _problems(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    if not header or not rows:
        yield "it should have a row of column names, and rows below"
    if len(set(header)) != len(header) or "" in header:
        yield "each column should have a name of its own in the first row"
    for number, row in enumerate(rows, 2):
        if len(row) != len(header):
            yield f"row {number} has {len(row)} cells, the first row has {len(header)}; put that row right"
        for name, cell in zip(header, row, strict=False):
            if len(cell) > LONGEST_CELL:
                yield f"row {number}: '{name}' has {len(cell)} letters; {LONGEST_CELL} at most can be printed"


def columns_named(text: str) -> tuple[str, ...]:
    """Give the columns that a text names, as ``{name}``; ``{{`` and ``}}`` stand for braces."""
    return tuple(match[1] for match in _NAMED.finditer(text) if match[1] is not None)


def filled(text: str, row: Mapping[str, str] | None) -> str:
    """Put a row's cells in for the columns that a text names; nothing for them where there is no row."""

    def put(match: re.Match[str]) -> str:
        if match[1] is None:
            return match[0][0]
        return (row or {}).get(match[1], "")

    return _NAMED.sub(put, text)
