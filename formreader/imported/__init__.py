"""A filled sheet *To review* taken into its batch: as decisions of a person, like those of the review page.

What cannot be taken is refused cell by cell; all else is one act, which its person can take back.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from formreader import allowed
from formreader.batch_forms import Forms, forms_of
from formreader.errors import UnusableCall
from formreader.export.to_review import AS_READ, BLANK
from formreader.imported.workbook import Cell, SheetRow, rows_of
from formreader.store import Act, Desk, Said, StoredPage, open_desk

HOW: Final = "sheet"
"""What decisions of a sheet are known by."""
_YES: Final = frozenset({"yes", "y", "x", "true"})


class Refused(Exception):
    """A cell cannot be taken; the message says where, why, and what to do."""


@dataclass(slots=True)
class Imported:
    """What became of a book.

    Attributes
    ----------
    taken
        Fields that are decided now.
    known
        Fields that were decided so before: by this very book, or otherwise.
    open
        Rows of which nothing is said.
    refused
        What each refused cell should be told of.
    """

    taken: int = 0
    known: int = 0
    open: int = 0
    refused: list[str] = field(default_factory=list)


class _Ready(NamedTuple):
    """A decision that may be stored; `seen` is the version of what was decided before it."""

    place: str
    key: tuple[str, int, str]
    old: str
    new: str
    seen: int


def import_book(folder: Path, path: Path, who: str) -> Imported:
    """Take what is said in a workbook's sheets *To review* into the batch that it was exported from.

    Raises
    ------
    UnusableCall
        The file is no such workbook, or one of another batch; nothing is written.
    BatchError
        There is no batch in the folder, or it cannot be written to.
    """
    done = Imported()
    with open_desk(folder) as desk:
        said = list(_said(rows_of(path), done))
        if said and all(row.key.batch != desk.results.code for row in said):
            raise UnusableCall(f"{path}: was exported from another batch than {folder}; import it into that one")
        ready = list(_ready(said, desk, forms_of(desk.results), done))
        if ready:
            with desk.turn(), desk.act(who, HOW) as act:  # within it no other process comes between
                for one in ready:
                    _store(one, desk, act, done)
    return done


def _said(rows: Iterator[SheetRow], done: Imported) -> Iterator[SheetRow]:
    """Pass on the rows that say something."""
    for row in rows:
        if row.right.text or row.anyway.text or row.right.problem or row.anyway.problem:
            yield row
        else:
            done.open += 1


def _ready(rows: Sequence[SheetRow], desk: Desk, forms: Forms, done: Imported) -> Iterator[_Ready]:
    """Check each row; of several about one field the first counts."""
    first: dict[tuple[str, int, str], _Ready] = {}
    for row in rows:
        try:
            one = _checked(row, desk, forms)
            before = first.setdefault(one.key, one)
            if before.new != one.new:
                raise Refused(f"{one.place}: says otherwise of the same field than {before.place}; leave one of them")
        except Refused as refused:
            done.refused.append(str(refused))
            continue
        if before is one:
            yield one


def _checked(row: SheetRow, desk: Desk, forms: Forms) -> _Ready:
    """Give what a row decides.

    Raises
    ------
    Refused
        It cannot be taken.
    """
    page = _page(row, desk)
    key = (row.key.content, page.page, row.key.field)
    if not allowed.has_field(forms, page, row.key.field):
        raise Refused(f"{row.right.place}: the page has no field '{row.key.field}' any more; export the book again")
    new, despite = _value(row, page, forms), _anyway(row)
    try:
        objections = allowed.objections(forms, page, row.key.field, new)
    except allowed.CannotHold as never:
        raise Refused(f"{row.right.place}: {never}") from never
    if objections and not despite:
        raise Refused(
            f"{row.right.place}: '{new}' breaks a rule ({'; '.join(objections)}); if it is what is written, put yes "
            f"into {row.anyway.place}"
        )
    return _Ready(row.right.place, key, row.key.value, new, int(row.key.decision))


def _page(row: SheetRow, desk: Desk) -> StoredPage:
    """Give the page that a row is about; refuse a row whose keys are not as they were written."""
    key = row.key
    if not any(key):
        raise Refused(f"{row.right.place}: this field's page is missing; scan it, and read again")
    if key.seal != row.seal or not (key.reading.isdecimal() and key.page.isdecimal() and key.decision.isdecimal()):
        raise Refused(f"{row.right.place}: the row's hidden columns were edited; export the book again")
    if (row.page, row.field) != (key.page, key.field):
        raise Refused(
            f"{row.right.place}: the cells of this row do not belong together; was a part of the sheet sorted by "
            "itself? Export the book again"
        )
    if row.read.text != key.value or row.read.problem:
        raise Refused(
            f"{row.read.place}: was '{key.value}' and is '{row.read.text}' now; what is right belongs into "
            f"{row.right.place}"
        )
    if key.batch != desk.results.code:
        raise Refused(f"{row.right.place}: this row is of another batch; import it into that one")
    with desk.turn():
        if desk.counting(key.content, int(key.page)) != int(key.reading):
            raise Refused(f"{row.right.place}: the page was read anew since; export the book again and look at it")
        return next(desk.results.sample([int(key.reading)]))


def _value(row: SheetRow, page: StoredPage, forms: Forms) -> str:
    """Give the value that a person means."""
    cell, kind = row.right, allowed.kind_of(forms, page, row.key.field)
    if cell.problem:
        raise Refused(f"{cell.place}: {cell.problem}")
    if not cell.text:
        raise Refused(f"{cell.place}: is empty; type {AS_READ} if the field is right as read, else what is right")
    text = " ".join(cell.text.split())
    described = forms.field(page.form, row.key.field, 0)
    if described is not None and text in described.allow:
        return text
    if text == BLANK:
        return ""
    if text.casefold() == AS_READ:
        if any(option.casefold() == AS_READ != row.key.value.casefold() for option in allowed.options_of(described)):
            raise Refused(
                f"{cell.place}: '{text}' is an option of {row.key.field}, and also says that it is right as read; "
                "decide this field with `formreader review`"
            )
        if row.key.value or kind != "key":
            return row.key.value
        if not _anyway(row):
            raise Refused(
                f"{cell.place}: nothing was read here that could be right; type what is written, {BLANK} for nothing, "
                f"or put yes into {row.anyway.place} if '{text}' is written there"
            )
    if kind != "digits":
        try:
            return allowed.as_meant(forms, page, row.key.field, text)
        except allowed.CannotHold as never:
            raise Refused(f"{cell.place}: {never}") from never
    if cell.is_number and len(text) != allowed.box_count(page, row.key.field):
        raise Refused(
            f"{cell.place}: is a number, which may have lost leading zeros; make the cell Text and type it again"
        )
    return _our_digits(text)


def _our_digits(text: str) -> str:
    """Write digits of any script, wide ones too, as ours."""
    return "".join(str(unicodedata.digit(sign)) if sign.isdigit() else sign for sign in text)


def _anyway(row: SheetRow) -> bool:
    cell: Cell = row.anyway
    if cell.problem or (cell.text and cell.text.casefold() not in _YES):
        raise Refused(f"{cell.place}: say yes here, or leave it empty")
    return bool(cell.text)


def _store(one: _Ready, desk: Desk, act: Act, done: Imported) -> None:
    """Store a decision, unless another was made since the book was written."""
    said = desk.said("decisions", one.key)
    if (said.version if said else 0) == one.seen:
        act.say("decisions", one.key, one.old, one.new)
        done.taken += 1
    elif said is not None and said.stands and said.new == one.new:
        done.known += 1
    else:
        done.refused.append(f"{one.place}: {_otherwise(said)} since; export the book again and look at it")


def _otherwise(said: Said | None) -> str:
    if said is None or not said.stands:
        return "what was decided here was taken back"
    return f"{said.who} decided '{said.new}' here"
