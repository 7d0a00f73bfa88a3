"""Read keyed files back: every cell that is no possible value is named, and nothing is guessed.

Spreadsheets take leading zeros from what looks like a number. The first row of a sheet tells: where it lost its zeros,
a key counts only if it cannot have lost any. These are keys with as many digits as the field has boxes, keys that begin
with a zero still, and those that are no numbers. The others are set aside, to be keyed once more: a lost zero is no
error of the program's, and must not hide one either.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from formreader.audit.keyed_files import Cell, KeyedFile, plain
from formreader.audit.verdicts import is_unread, name_of
from formreader.errors import KeysError
from formreader.store import AuditedField, Key
from formreader.values import POINT, SEVERAL, UNREAD

_EMPTY: Final = frozenset({"empty", "blank"})
_POSSIBLE: Final = re.compile(r"(?=.)[0-9?]{0,40}\.?[0-9?]{0,40}")
_SCIENTIFIC: Final = re.compile(r"[0-9.]+e[+\-]?[0-9]+")
_FORMULA: Final = re.compile(r"[=+\-@]")
_SHOWN: Final = 20
"""Problems in one message."""


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


def key_in(text: str) -> str | None:
    """Give the key of digits that a cell holds; None where it is empty.

    Raises
    ------
    ValueError
        It is no possible value; the message says why and what to key.
    """
    said = plain(text).casefold()
    if not said:
        return None
    if said in _EMPTY or not said.strip("_"):
        return ""
    if _SCIENTIFIC.fullmatch(said):
        raise ValueError("a spreadsheet has made a number of it; make the column Text and key it once more")
    if _FORMULA.match(said):
        raise ValueError("a formula or a sign; key digits alone")
    said = said.strip("_").replace(",", POINT)
    if not _POSSIBLE.fullmatch(said) or said == POINT:
        raise ValueError("no value of a field; key digits, ? for what cannot be read, _ where nothing is written")
    return said


def key_for(text: str, field: AuditedField) -> str | None:
    """Give the key that a cell holds for a field; None where it is empty.

    Raises
    ------
    ValueError
        It is no possible value of such a field; the message says why and what to key.
    """
    return _marks_in(text, field.options) if field.options else key_in(text)


def _marks_in(text: str, options: Sequence[str]) -> str | None:
    """Give the options that a cell names, as a value has them."""
    said = plain(text)
    if not said:
        return None
    named = [_meant(part, options) for part in said.split(SEVERAL)]
    if all(len(meant) == 1 for meant in named):
        marked = {option for meant in named for option in meant}
        return SEVERAL.join(option for option in options if option in marked)
    if said.casefold() in _EMPTY or not said.strip("_"):
        return ""
    if said == UNREAD:
        return said
    raise ValueError(
        f"none of its options, or not clearly one: {', '.join(options)}; key these words, with {SEVERAL} between "
        f"several, {UNREAD} for what cannot be read, _ where nothing is marked"
    )


def _meant(part: str, options: Sequence[str]) -> list[str]:
    """Give the options that a word may stand for; as it is written before other capitals."""
    same = [option for option in options if plain(option) == part]
    return same or [option for option in options if plain(option).casefold() == part.casefold()]


def may_lack_zeros(key: str, field: AuditedField) -> bool:
    """Say whether a spreadsheet may have taken zeros off this key."""
    if field.options:
        return any(option != key and option.lstrip("0") == key for option in field.options)
    if not key or is_unread(key, field) or re.match("0[0-9]", key):
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
    before = _before(known, file.look, who)
    empty = 0
    for cell in file.cells:
        try:
            number = _number(cell, fields)
            key = key_for(cell.text, fields[number])
        except ValueError as problem:
            problems.append(f"line {cell.line}, number {cell.number or 'missing'}, '{cell.text[:30]}': {problem}")
            continue
        if key is None:
            empty += 1
        elif said.setdefault(number, key) != key:
            problems.append(f"line {cell.line}, number {number}: stands twice, keyed differently; leave one")
    lossy = {
        number: key for number, key in said.items() if not file.keeps_zeros and may_lack_zeros(key, fields[number])
    }
    said |= {number: before[number] for number, key in lossy.items() if _is_less(key, before.get(number))}
    unsure = tuple(number for number, key in lossy.items() if not _is_less(key, before.get(number)))
    sure = {number: key for number, key in said.items() if number not in unsure}
    new = {number: key for number, key in sure.items() if before.get(number) != key}
    problems += _not_for(new, file.look, known, who)
    if problems:
        more = [f"... and {len(problems) - _SHOWN:,} more"] if len(problems) > _SHOWN else []
        count = f"{len(problems):,} problem{'s' if len(problems) > 1 else ''}; nothing was taken over"
        raise KeysError("\n  ".join([f"{file.path}: {count}", *problems[:_SHOWN], *more]))
    keys = tuple(Key(number, file.look, at, who, key) for number, key in new.items())
    changed = sum(number in before for number in new)
    return Taken(keys, changed, len(sure) - len(new), empty, unsure)


def _is_less(key: str, before: str | None) -> bool:
    """Say whether a key is one that is known, or what is left of one without its zeros; nothing is left of none."""
    return before is not None and before != "" and before.lstrip("0") == key.lstrip("0")


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
