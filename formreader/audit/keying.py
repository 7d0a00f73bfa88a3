"""Read keyed files back: every cell that is no possible value is named, and nothing is guessed.

Spreadsheets save files with semicolons or tabs, in encodings of their own, and take leading zeros from what looks like
a number. The first row of a sheet tells: where it lost its zeros, a key counts only if it cannot have lost any. These
are keys with as many digits as the field has boxes, keys that begin with a zero still, and those that are no numbers.
The others are set aside, to be keyed once more: a lost zero is no error of the program's, and must not hide one either.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from formreader.audit.sheets import EXAMPLE, KEY_COLUMNS
from formreader.audit.verdicts import UNREADABLE, name_of
from formreader.errors import KeysError
from formreader.store import AuditedField, Key
from formreader.values import POINT

_EMPTY: Final = frozenset({"empty", "blank"})
_POSSIBLE: Final = re.compile(r"(?=.)[0-9?]{0,40}\.?[0-9?]{0,40}")
_AS_TEXT: Final = re.compile(r'="([^"]*)"')
_SCIENTIFIC: Final = re.compile(r"[0-9.]+e[+\-]?[0-9]+")
_FORMULA: Final = re.compile(r"[=+\-@]")
_SHOWN: Final = 20
"""Problems in one message."""


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


class Taken(NamedTuple):
    """What a keyed file holds that was not known.

    Attributes
    ----------
    keys
        New ones, and those that are otherwise than before.
    changed
        How many of these are otherwise.
    known, empty
        How many rows say what they said before, and how many nothing.
    unsure
        Numbers of the fields whose keys may have lost a zero.
    """

    keys: tuple[Key, ...]
    changed: int
    known: int
    empty: int
    unsure: tuple[int, ...]


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
    table = [Cell(line, _plain(_at(row, number)), _at(row, key)) for line, row in rows[1:]]
    codes = list(dict.fromkeys(filter(None, (_at(row, code) for _, row in rows[1:]))))
    if len(codes) != 1:
        found = f"of several audits ({', '.join(codes[:3])})" if codes else "of no audit: the column 'audit' is empty"
        raise KeysError(f"{path}: its rows are {found}; keep the columns as the audit wrote them")
    examples = [_plain(cell.text) for cell in table if cell.number == "0"]
    keeps_zeros = bool(examples) and all(example == EXAMPLE for example in examples)
    return KeyedFile(path, codes[0], look, keeps_zeros, tuple(cell for cell in table if cell.number != "0"))


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
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


def _plain(text: str) -> str:
    """Take off what keeps a text from being taken for a number, and spaces; digits of any script become ours."""
    known = unicodedata.normalize("NFKC", text).strip()
    if quoted := _AS_TEXT.fullmatch(known):
        known = quoted[1]
    known = "".join(known.removeprefix("'").split())
    return "".join(str(unicodedata.digit(sign)) if sign.isdigit() else sign for sign in known)


def key_in(text: str) -> str | None:
    """Give the key that a cell holds; None where it is empty.

    Raises
    ------
    ValueError
        It is no possible value; the message says why and what to key.
    """
    plain = _plain(text).casefold()
    if not plain:
        return None
    if plain in _EMPTY or not plain.strip("_"):
        return ""
    if _SCIENTIFIC.fullmatch(plain):
        raise ValueError("a spreadsheet has made a number of it; make the column Text and key it once more")
    if _FORMULA.match(plain):
        raise ValueError("a formula or a sign; key digits alone")
    plain = plain.strip("_").replace(",", POINT)
    if not _POSSIBLE.fullmatch(plain) or plain == POINT:
        raise ValueError("no value of a field; key digits, ? for what cannot be read, _ where nothing is written")
    return plain


def may_lack_zeros(key: str, field: AuditedField) -> bool:
    """Say whether a spreadsheet may have taken zeros off this key."""
    if not key or UNREADABLE in key or re.match("0[0-9]", key):
        return False
    return POINT in key or not field.boxes or len(key) < field.boxes


def taken(file: KeyedFile, fields: Mapping[int, AuditedField], known: Sequence[Key], who: str, at: str) -> Taken:
    """Give what a file says that is not stored yet.

    Parameters
    ----------
    fields
        Of the audit, by number.
    known
        What was keyed before.

    Raises
    ------
    KeysError
        Cells are no possible values or of no field of the audit, or this person may not key them.
    """
    problems: list[str] = []
    said: dict[int, str] = {}
    unsure: list[int] = []
    empty = 0
    for cell in file.cells:
        try:
            number = _number(cell, fields)
            key = key_in(cell.text)
        except ValueError as problem:
            problems.append(f"line {cell.line}, number {cell.number or 'missing'}, '{cell.text[:30]}': {problem}")
            continue
        if key is None:
            empty += 1
        elif said.setdefault(number, key) != key:
            problems.append(f"line {cell.line}, number {number}: stands twice, keyed differently; leave one")
        elif not file.keeps_zeros and may_lack_zeros(key, fields[number]):
            unsure.append(number)
    sure = {number: key for number, key in said.items() if number not in set(unsure)}
    before = _before(known, file.look, who)
    new = {number: key for number, key in sure.items() if before.get(number) != key}
    problems += _not_for(new, file.look, known, who)
    if problems:
        more = [f"... and {len(problems) - _SHOWN:,} more"] if len(problems) > _SHOWN else []
        count = f"{len(problems):,} problem{'s' if len(problems) > 1 else ''}; nothing was taken over"
        raise KeysError("\n  ".join([f"{file.path}: {count}", *problems[:_SHOWN], *more]))
    keys = tuple(Key(number, file.look, at, who, key) for number, key in new.items())
    changed = sum(number in before for number in new)
    return Taken(keys, changed, len(sure) - len(new), empty, tuple(unsure))


def _number(cell: Cell, fields: Mapping[int, AuditedField]) -> int:
    if not re.fullmatch("[0-9]{1,9}", cell.number) or int(cell.number) not in fields:
        raise ValueError(f"no number of this audit, which has 1 to {max(fields):,}; keep the column as it was")
    return int(cell.number)


def _before(known: Sequence[Key], look: int, who: str) -> dict[int, str]:
    """Give what stands for each number now: the first key, or at a second look this person's own."""
    return {key.number: key.key for key in known if key.look == look and (look == 1 or _same(key.who, who))}


def _not_for(new: Mapping[int, str], look: int, known: Sequence[Key], who: str) -> Iterator[str]:
    """Say which fields this person may not key (any more)."""
    first = {key.number: key for key in known if key.look == 1}
    again = {key.number for key in known if key.look == 2}
    own = [number for number in new if look == 2 and number in first and _same(first[number].who, who)]
    if own:
        yield f"numbers {shown(own)}: {first[own[0]].who} keyed them first; another person keys them now (--user NAME)"
    for number in new:
        if look == 1 and number in again:
            yield f"number {number}: was keyed by a second person since, so that its first key stays as it is"
        elif look == 2 and number not in first:
            yield f"number {number}: nobody has keyed it first; key it in keys.csv"


def shown(numbers: Sequence[int], most: int = 10) -> str:
    """Write numbers as a list that is not too long."""
    more = f" and {len(numbers) - most:,} more" if len(numbers) > most else ""
    return ", ".join(map(str, numbers[:most])) + more


def _same(one: str, other: str) -> bool:
    return name_of(one) == name_of(other)
