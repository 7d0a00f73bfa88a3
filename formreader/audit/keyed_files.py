"""Keyed files as spreadsheets save them: as workbooks, or with commas, semicolons or tabs in encodings of their own."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from formreader.audit.sheets import EXAMPLE, KEY_COLUMNS
from formreader.errors import KeysError
from formreader.workbooks import BookProblem, first_sheet, opened_book, rows_in, shown_cell

_AS_TEXT: Final = re.compile(r'="([^"]*)"')


class Cell(NamedTuple):
    """A row of a keyed file: where it stands, which field it is of, and what is in it."""

    line: int
    number: str
    text: str


class KeyedFile(NamedTuple):
    """A keyed file as it was saved.

    Attributes
    ----------
    code
        Of the audit that it belongs to.
    look
        1, or 2 where another person keyed the fields again.
    keeps_zeros
        Whether its first row shows that no zeros were taken off.
    """

    path: Path
    code: str
    look: int
    keeps_zeros: bool
    cells: tuple[Cell, ...]


def read_keyed(path: Path) -> KeyedFile:
    """Read a file that people keyed into.

    Raises
    ------
    KeysError
        It cannot be read, is no such file, or its rows are of several audits.
    """
    rows = [(line, [cell.strip() for cell in row]) for line, row in _rows(path) if any(map(str.strip, row))]
    if not rows:
        raise KeysError(f"{path}: is empty; give the file that the audit wrote, filled in")
    header = [cell.casefold() for cell in rows[0][1]]
    look = next((look for look, name in KEY_COLUMNS.items() if name in header), 0)
    wanted = {"number": "number", "audit": "audit", "key": KEY_COLUMNS.get(look, "key")}
    missing = [name for name in wanted.values() if name not in header]
    if missing:
        raise KeysError(f"{path}: has no column '{missing[0]}'; keep the first row as the audit wrote it")
    columns = {what: header.index(name) for what, name in wanted.items()}
    number, code, key = (columns[what] for what in ("number", "audit", "key"))
    table = [Cell(line, plain(_at(row, number)), _at(row, key)) for line, row in rows[1:]]
    codes = list(dict.fromkeys(filter(None, (_at(row, code) for _, row in rows[1:]))))
    if len(codes) != 1:
        found = f"of several audits ({', '.join(codes[:3])})" if codes else "of no audit: the column 'audit' is empty"
        raise KeysError(f"{path}: its rows are {found}; keep the columns as the audit wrote them")
    examples = [plain(cell.text) for cell in table if cell.number == "0"]
    keeps_zeros = bool(examples) and all(example == EXAMPLE for example in examples)
    return KeyedFile(path, codes[0], look, keeps_zeros, tuple(cell for cell in table if cell.number != "0"))


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    return _sheet(path) if path.suffix.lower() == ".xlsx" else _lines(path)


def _sheet(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Give the rows of a workbook's first sheet; of a formula, itself."""
    try:
        with opened_book(path) as book:
            for number, cells in rows_in(first_sheet(book)):
                yield number, list(map(shown_cell, cells))
    except BookProblem as problem:
        raise KeysError(
            f"{path}: no workbook that can be read ({problem}); save the sheet anew, or as CSV"
        ) from problem


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise KeysError(f"{path}: cannot be read ({error.strerror}); check the name") from error
    text = _decoded(raw)
    if "\0" in text:
        raise KeysError(f"{path}: is no CSV file; save the sheet as CSV")
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        for row in reader:
            yield reader.line_num, row
    except csv.Error as error:
        raise KeysError(f"{path}: line {reader.line_num} is no CSV ({error}); save the sheet as CSV") from error


def _decoded(raw: bytes) -> str:
    for encoding in ("utf-16",) if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig",):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            break
    return raw.decode(
        "latin-1"
    )  # a code page of some country: what we wrote ourselves is ASCII but for names of fields


def _at(row: Sequence[str], column: int) -> str:
    return row[column] if column < len(row) else ""


def plain(text: str) -> str:
    """Take off what keeps a text from being taken for a number, and spaces; digits of any script become ours."""
    known = unicodedata.normalize("NFKC", text).strip()
    if quoted := _AS_TEXT.fullmatch(known):
        known = quoted[1]
    known = "".join(known.removeprefix("'").split())
    return "".join(str(unicodedata.digit(sign)) if sign.isdigit() else sign for sign in known)
