"""A batch as rows that can be sorted and searched without unpacking it: some 30 bytes a page in memory.

Every row is a place where a page lies, with the number of the reading that counts; all else is looked up for the few
rows that are shown.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

STATES: Final = ("read", "review", "checked", "failed", "skipped", "duplicate")
"""What a page is called, as in the results table, by the number that stands for it in a row."""

ROW: Final = np.dtype([("place", "i8"), ("reading", "i8"), ("form", "i2"), ("state", "u1"), ("flagged", "i4")])
"""Of a page: its place's number, its reading's, 0 for a duplicate; which of the forms, -1 for none; fields to check."""

WATCHED: Final = ("pages", "readings", "sorted_pages", "decisions", "second_keys")
"""Tables of which new rows change what the pages say."""

DISPUTED: Final = """
SELECT s.sha256, s.page, s.field FROM second_keys s JOIN current_decisions d
    ON d.sha256 = s.sha256 AND d.page = s.page AND d.field = s.field AND d.new = s.old AND d.how <> 'third'
WHERE s.stands AND s.new <> s.old AND NOT EXISTS (SELECT 1 FROM second_keys n
    WHERE n.sha256 = s.sha256 AND n.page = s.page AND n.field = s.field AND n.id > s.id)
"""
"""The fields whose decision a second key contradicts, and no third look has settled."""

_OUTCOMES: Final = {"read": "read", "failed": "failed", "skipped": "skipped", "left_out": "skipped"}

_CURRENT: Final = (
    "SELECT p.id, p.name, p.page, r.id, r.outcome, r.form, r.flagged_fields FROM {} p"
    " JOIN current_readings r ON r.sha256 = p.sha256 AND r.page = p.page"
)
_TWINS: Final = "SELECT id, name, page, 0, 'duplicate', '', 0 FROM current_duplicates"
_OF_PAGE: Final = (
    "SELECT id, outcome, form, {} FROM judged_readings WHERE sha256 = ? AND page = ?"
    " ORDER BY outcome = 'read' DESC, id DESC LIMIT 1"
)


class Listing:
    """All places of a batch; `Results.listing` makes it.

    Parameters
    ----------
    runs
        The names of each form's fields, by run, the latest last.
    key
        By which names are sorted.
    duplicates
        Whether a page of another's content counts as a page of its own.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        runs: Mapping[int, Mapping[str, Sequence[str]]],
        key: Callable[[str], str],
        *,
        duplicates: bool,
    ) -> None:
        self._connection = connection
        self._runs = runs
        self._key = key
        self._duplicates = duplicates
        self.forms = tuple(runs[max(runs)]) if runs else ()

    def last(self) -> dict[str, int]:
        """Give the number of the last row of each table that is `WATCHED`."""
        query = "SELECT " + ", ".join(f"(SELECT max(id) FROM {table})" for table in WATCHED)  # noqa: S608 - ours
        numbers = self._connection.execute(query).fetchone()
        return {table: number or 0 for table, number in zip(WATCHED, numbers, strict=True)}

    def rows(self) -> NDArray[np.void]:
        """List all places in natural order of names and pages, (n,) of `ROW`, as they stand now."""
        found = self._connection.execute(_CURRENT.format("current_pages")).fetchall()
        twins = _CURRENT.format("current_duplicates") if self._duplicates else _TWINS
        found += self._connection.execute(twins).fetchall()
        found.sort(key=lambda row: (self._key(row[1]), row[2], row[0]))
        rows = np.array([self._row(place, *rest) for place, _, _, *rest in found], ROW)
        self._count_decided(rows)
        return rows

    def rows_of(self, sha256: str, page: int) -> Iterator[tuple[int, ...]]:
        """Give the rows for the places of one page, as if nobody had decided anything of it."""
        current = self._connection.execute(_OF_PAGE.format("flagged_fields"), (sha256, page)).fetchone()
        query = "SELECT id FROM current_places WHERE sha256 = ? AND page = ?"
        places = self._connection.execute(query, (sha256, page)).fetchall()
        if current is not None:
            yield from (self._row(place, *current) for (place,) in places)

    def _row(self, place: int, reading: int, outcome: str, form: str, flagged: int) -> tuple[int, ...]:
        state = "review" if outcome == "read" and flagged else _OUTCOMES.get(outcome, outcome)
        which = self.forms.index(form) if form in self.forms else -1
        return place, reading, which, STATES.index(state), flagged if outcome == "read" else 0

    def _count_decided(self, rows: NDArray[np.void]) -> None:
        """Say of the pages of which people decided something what is left to check."""
        decided = np.array([(reading, left) for reading, left, _ in self._decided()], np.int64).reshape(-1, 2)
        decided = decided[np.argsort(decided[:, 0])]
        at = np.searchsorted(decided[:, 0], rows["reading"])
        is_decided = np.append(decided[:, 0], -1)[at] == rows["reading"]
        left = np.append(decided[:, 1], 0)[at[is_decided]]
        rows["flagged"][is_decided] = left
        rows["state"][is_decided] = np.where(left, STATES.index("review"), STATES.index("checked"))

    def _decided(self) -> Iterator[tuple[int, int, list[str]]]:
        """Give the read pages of which people decided anything: the reading, how many fields are left, all values."""
        query = "SELECT sha256, page, field, new FROM current_decisions ORDER BY sha256, page"
        disputed = set(self._connection.execute(DISPUTED))
        for key, rows in groupby(self._connection.execute(query).fetchall(), key=itemgetter(0, 1)):
            found = self._connection.execute(_OF_PAGE.format("run, fields"), key).fetchone()
            if found is None or found[1] != "read":
                continue
            reading, _, form, run, text = found
            decided = {field: new for *_, field, new in rows}
            fields = list(_named(json.loads(text), self._runs[run].get(form, ())))
            flagged = {name for name, field in fields if len(field) > 2 and field[2]} - decided.keys()
            left = len(flagged) + sum((*key, name) in disputed for name, _ in fields)
            yield reading, left, [*decided.values(), *(field[0] for name, field in fields if name not in decided)]

    def has_only(self, form: str, names: Sequence[str]) -> bool:
        """Say whether these are surely all fields that pages of a form ever had; quicker than to list them."""
        if any(list(forms.get(form, names)) != list(names) for forms in self._runs.values()):
            return False
        odd = "SELECT 1 FROM readings WHERE json_extract(fields, '$[0][3]') IS NOT NULL LIMIT 1"
        decided = {name for (name,) in self._connection.execute("SELECT DISTINCT field FROM decisions")}
        return decided <= set(names) and self._connection.execute(odd).fetchone() is None

    def place(self, place: int) -> tuple[str, int]:
        """Give the name and page of a place by its number."""
        name, page = self._connection.execute("SELECT name, page FROM pages WHERE id = ?", (place,)).fetchone()
        return name, page

    def twin(self, place: int) -> str:
        """Give the name of the place that counts of those with the same content."""
        query = (
            "SELECT t.name FROM pages p JOIN current_pages t ON t.sha256 = p.sha256 AND t.page = p.page WHERE p.id = ?"
        )
        row = self._connection.execute(query, (place,)).fetchone()
        return str(row[0]) if row else ""

    def pages(self) -> dict[int, int]:
        """Give the page number of every place."""
        return dict(self._connection.execute("SELECT id, page FROM pages"))

    def values(self, form: str, name: str) -> dict[int, str]:
        """Give what a field says on every page of a form, by the number of the reading."""
        values = dict(self._read_values(form, name))
        query = (
            "SELECT r.id, d.new FROM current_decisions d JOIN current_readings r"
            " ON r.sha256 = d.sha256 AND r.page = d.page WHERE d.field = ?"
        )
        values.update(self._connection.execute(query, (name,)))
        return values

    def _read_values(self, form: str, name: str) -> Iterator[tuple[int, str]]:
        query = (
            "SELECT id, json_extract(fields, '$[0][3]') IS NULL, json_extract(fields, ?), fields FROM readings"
            " WHERE run = ? AND form = ? AND outcome = 'read'"
        )
        for run, forms in self._runs.items():
            names = forms.get(form, ())
            at = f"$[{names.index(name)}][0]" if name in names else "$[9999]"
            for reading, as_run, value, fields in self._connection.execute(query, (at, run, form)):
                if not as_run:
                    value = dict(_named(json.loads(fields), names)).get(name, [""])[0]
                yield reading, value or ""

    def with_text(self, text: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Find a text, whatever its case: places with it in their name, and readings with it in a field's value."""
        names = self._connection.execute("SELECT id FROM pages WHERE instr(lower(name), lower(?))", (text,))
        places = np.fromiter((place for (place,) in names), np.int64)
        readings, wanted = set(self._readings_with(text)), text.lower()
        for reading, _, values in self._decided():
            found = any(wanted in value.lower() for value in values)
            (readings.add if found else readings.discard)(reading)
        return places, np.fromiter(readings, np.int64)

    def _readings_with(self, text: str) -> Iterator[int]:
        """Give the readings in which a text stands in some field's value as it was read."""
        query = "SELECT id, fields FROM readings WHERE outcome = 'read' AND instr(lower(fields), lower(?))"
        wanted = text.lower()
        for reading, fields in self._connection.execute(query, (json.dumps(text, ensure_ascii=False)[1:-1],)):
            if any(wanted in field[0].lower() for field in json.loads(fields)):
                yield reading


def _named(packed: Sequence[list[Any]], names: Sequence[str]) -> Iterator[tuple[str, list[Any]]]:
    """Give packed fields with their names: their own, or those of the run."""
    for place, field in enumerate(packed):
        own = field[3] if len(field) > 3 else None
        yield str(own) if own else names[place], field
