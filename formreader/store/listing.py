"""A batch as rows that can be sorted and searched without unpacking it: some 30 bytes a page in memory.

Every row is a place where a page lies, with the number of the reading that counts; all else is looked up for the few
rows that are shown.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

STATES: Final = ("read", "review", "checked", "failed", "skipped", "duplicate")
"""What a page is called, as in the results table, by the number that stands for it in a row."""

ROW: Final = np.dtype([("place", "i8"), ("reading", "i8"), ("form", "i2"), ("state", "u1"), ("flagged", "i4")])
"""Of a page: its place's number, its reading's, 0 for a duplicate; which of the forms, -1 for none; fields to check."""

_OUTCOMES: Final = {"read": "read", "failed": "failed", "skipped": "skipped", "left_out": "skipped"}

_CURRENT: Final = (
    "SELECT p.id, p.name, p.page, r.id, r.outcome, r.form, r.flagged_fields FROM {} p"
    " JOIN current_readings r ON r.sha256 = p.sha256 AND r.page = p.page"
)
_OF_PAGE: Final = (
    "SELECT id, outcome, form, flagged_fields FROM judged_readings WHERE sha256 = ? AND page = ?"
    " ORDER BY outcome = 'read' DESC, id DESC LIMIT 1"
)


def listing_of(
    connection: sqlite3.Connection, forms: Sequence[str], key: Callable[[str], str], *, duplicates: bool
) -> NDArray[np.void]:
    """List all places in natural order of names and pages; what people decided of them is not looked at.

    Parameters
    ----------
    key
        By which names are sorted.
    duplicates
        Whether a page of another's content counts as a page of its own.
    """
    rows = connection.execute(_CURRENT.format("current_pages")).fetchall()
    if duplicates:
        rows += connection.execute(_CURRENT.format("current_duplicates")).fetchall()
    else:
        twins = "SELECT id, name, page, 0, 'duplicate', '', 0 FROM current_duplicates"
        rows += connection.execute(twins).fetchall()
    rows.sort(key=lambda row: (key(row[1]), row[2], row[0]))
    return np.array([row_of(place, forms, *rest) for place, _, _, *rest in rows], ROW)


def row_of(place: int, forms: Sequence[str], reading: int, outcome: str, form: str, flagged: int) -> tuple[int, ...]:
    """Make the row of a page of which nobody decided anything."""
    state = "review" if outcome == "read" and flagged else _OUTCOMES.get(outcome, outcome)
    which = forms.index(form) if form in forms else -1
    return place, reading, which, STATES.index(state), flagged if outcome == "read" else 0


def current_of(connection: sqlite3.Connection, sha256: str, page: int) -> tuple[Any, ...] | None:
    """Look up the reading of a page that counts: number, outcome, form and flagged fields; None where there is none."""
    row: tuple[Any, ...] | None = connection.execute(_OF_PAGE, (sha256, page)).fetchone()
    return row


def values_of(
    connection: sqlite3.Connection, runs: Mapping[int, Mapping[str, Sequence[str]]], form: str, name: str
) -> Iterator[tuple[int, str]]:
    """Give what was read in a field on every page of a form, by the number of the reading."""
    for run, forms in runs.items():
        names = forms.get(form, ())
        place = f"$[{names.index(name)}][0]" if name in names else "$[9999]"
        query = (
            "SELECT id, json_extract(fields, '$[0][3]') IS NULL, json_extract(fields, ?), fields FROM readings"
            " WHERE run = ? AND form = ? AND outcome = 'read'"
        )
        for reading, is_known, value, fields in connection.execute(query, (place, run, form)):
            yield reading, (value if is_known else _named(fields, name)) or ""


def decided_of(
    connection: sqlite3.Connection, runs: Mapping[int, Mapping[str, Sequence[str]]]
) -> Iterator[tuple[int, int, list[str]]]:
    """Give the read pages of which people decided anything: the reading, how many fields are left to check, values."""
    query = "SELECT sha256, page, field, new FROM current_decisions ORDER BY sha256, page"
    reading_of = _OF_PAGE.replace("flagged_fields", "run, fields")
    for key, rows in groupby(connection.execute(query).fetchall(), key=itemgetter(0, 1)):
        found = connection.execute(reading_of, key).fetchone()
        if found is None or found[1] != "read":
            continue
        reading, _, form, run, text = found
        decided = {field: new for *_, field, new in rows}
        names = runs[run].get(form, ())
        fields = [
            (field[3] if len(field) > 3 and field[3] else names[i], field) for i, field in enumerate(json.loads(text))
        ]
        left = sum(len(field) > 2 and bool(field[2]) and name not in decided for name, field in fields)
        yield reading, left, [*decided.values(), *(field[0] for name, field in fields if name not in decided)]


def _named(fields: str, name: str) -> str | None:
    return next((field[0] for field in json.loads(fields) if len(field) > 3 and field[3] == name), None)


def readings_with(connection: sqlite3.Connection, text: str) -> Iterator[int]:
    """Give the numbers of the readings in which a text stands in some field's value as it was read."""
    query = "SELECT id, fields FROM readings WHERE outcome = 'read' AND instr(lower(fields), lower(?))"
    wanted = text.lower()
    for reading, fields in connection.execute(query, (json.dumps(text, ensure_ascii=False)[1:-1],)):
        if any(wanted in field[0].lower() for field in json.loads(fields)):
            yield reading


def places_with(connection: sqlite3.Connection, text: str) -> Iterable[int]:
    """Give the numbers of the places in whose names a text stands."""
    rows = connection.execute("SELECT id FROM pages WHERE instr(lower(name), lower(?))", (text,))
    return (place for (place,) in rows)
