"""A batch to read from: what export, review and the benchmarks see of it."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Literal, NamedTuple

from formreader.errors import BatchError
from formreader.store.folder import FILE, connected, is_empty
from formreader.store.packing import unpacked_digits, unpacked_fields
from formreader.store.standing import Standing, answers_since, standing_of
from formreader.values import Code, DigitReading, FieldReading

Status = Literal["read", "failed", "skipped", "left_out", "duplicate"]
"""How a page's reading ended; `left_out`: not wanted by the call, `duplicate`: its content has another name."""


@dataclass(frozen=True, slots=True, eq=False)
class StoredPage:
    """A page as the batch has it now.

    Attributes
    ----------
    reading
        Number of the reading this is; `Results.picture` wants it.
    form
        Name of the form that the page shows; empty unless `status` is ``read``.
    fields, digits
        Empty unless `status` is ``read``; a field's value is the person's where one decided.
    decided
        Names of the fields that a person decided.
    """

    scan: str
    page: int
    sha256: str
    reading: int
    status: Status
    form: str = ""
    stage: str = ""
    reason: str = ""
    fields: tuple[FieldReading, ...] = ()
    digits: tuple[DigitReading, ...] = ()
    decided: frozenset[str] = frozenset()
    codes: tuple[Code, ...] = ()

    @property
    def to_review(self) -> tuple[str, ...]:
        """Names of the flagged fields that no person has decided."""
        return tuple(field.name for field in self.fields if field.reasons and field.name not in self.decided)


class _Place(NamedTuple):
    scan: str
    page: int
    sha256: str
    reading: int
    """0 for a duplicate."""
    form: str
    failure: int
    """The latest reading where that failed, else 0; it is another than `reading` where an earlier one is kept."""


class Results:
    """A batch to read from; `open_results` makes it."""

    def __init__(self, connection: sqlite3.Connection, folder: Path) -> None:
        self.folder = folder
        self._connection = connection

    @cached_property
    def _fields(self) -> dict[str, list[str]]:
        row = self._connection.execute("SELECT fields FROM runs ORDER BY id DESC LIMIT 1").fetchone()
        fields: dict[str, list[str]] = json.loads(row[0]) if row else {}
        return fields

    def forms(self) -> tuple[str, ...]:
        """Give the names of the forms that pages are read by, in the order of the last call; none without template."""
        return tuple(self._fields)

    def columns(self, form: str | None = None) -> tuple[str, ...]:
        """Give the names of all fields: the latest templates' in their order, then any others that still have values.

        Parameters
        ----------
        form
            Give only this one's; all forms' where left out.
        """
        wanted = self._fields if form is None else {form: self._fields[form]}
        known = list(dict.fromkeys(name for names in wanted.values() for name in names))
        query = (
            "SELECT DISTINCT json_extract(value, '$.name') FROM current_readings r, json_each(r.fields)"
            " WHERE ? IS NULL OR r.form = ?"
        )
        others = {name for (name,) in self._connection.execute(query, (form, form))} - set(known)
        return (*known, *sorted(others, key=natural))

    def pages(self, form: str | None = None, *, digits: bool = False) -> Iterator[StoredPage]:
        """Give every page, duplicates too, in natural order of names and pages; one is in memory at a time.

        Parameters
        ----------
        form
            Give only the pages that show this one.
        digits
            Unpack the single boxes too; without, each page's `StoredPage.digits` is empty.
        """
        for place in self._places:
            if form is not None and form != place.form:
                continue
            if place.reading:
                yield self._page(place, place.reading, with_digits=digits)
            else:
                yield StoredPage(place.scan, place.page, place.sha256, 0, "duplicate")

    def failures(self) -> Iterator[StoredPage]:
        """Give the pages that failed when last read, also those that keep an earlier reading."""
        return (self._page(place, place.failure, with_digits=False) for place in self._places if place.failure)

    def page_count(self) -> int:
        """Count what `pages` gives."""
        return len(self._places)

    def of_earlier_settings(self) -> tuple[int, int]:
        """Count the pages that show a reading of before the last ``--reread``.

        Returns
        -------
        kept, waiting
            Those that could not be read since, and those that nobody has tried to read since.
        """
        query = (
            "SELECT count(*), count(nullif(latest.series, last.series)) FROM current_pages p"
            " JOIN current_readings c ON c.sha256 = p.sha256 AND c.page = p.page AND c.outcome = 'read'"
            " JOIN runs current ON current.id = c.run"
            " JOIN readings l ON l.id = (SELECT max(id) FROM readings WHERE sha256 = p.sha256 AND page = p.page)"
            " JOIN runs latest ON latest.id = l.run"
            " JOIN (SELECT max(series) AS series FROM runs) last ON current.series < last.series"
        )
        both, waiting = self._connection.execute(query).fetchone()
        return both - waiting, waiting

    def standing(self) -> Standing:
        """Count how far the batch is; readings are not unpacked."""
        return standing_of(self._connection)

    def answered_since(self, since: datetime) -> list[datetime]:
        """Give when the last run's pages were answered since a moment, the last first."""
        return answers_since(self._connection, since)

    def sample(self, readings: Iterable[int]) -> Iterator[StoredPage]:
        """Give pages by the numbers of their readings, with digits; without names, which take the whole batch."""
        for reading in readings:
            query = "SELECT page, sha256 FROM readings WHERE id = ?"
            page, sha256 = self._connection.execute(query, (reading,)).fetchone()
            yield self._page(_Place("", page, sha256, reading, "", 0), reading, with_digits=True)

    @cached_property
    def _places(self) -> list[_Place]:
        rows = self._connection.execute(
            "SELECT path, p.page, p.sha256, r.id, r.form, CASE WHEN l.outcome = 'failed' THEN l.id ELSE 0 END"
            " FROM current_pages p"
            " JOIN current_readings r ON r.sha256 = p.sha256 AND r.page = p.page"
            " JOIN readings l ON l.id = (SELECT max(id) FROM readings WHERE sha256 = p.sha256 AND page = p.page)"
            " UNION ALL SELECT path, page, sha256, 0, '', 0 FROM current_duplicates"
        )
        names = self._names()
        places = [_Place(names[path], *rest) for path, *rest in rows]
        return sorted(places, key=lambda place: (natural(place.scan), place.page))

    def _names(self) -> dict[str, str]:
        """Give each file's name by its place, no name twice: of several that share one, the first found has it."""
        rows = self._connection.execute(
            "SELECT path, name FROM"
            " (SELECT path, name FROM current_pages UNION SELECT path, name FROM current_duplicates)"
            " JOIN (SELECT path, min(id) AS first FROM pages GROUP BY path) USING (path) ORDER BY first, name"
        )
        names: dict[str, str] = {}
        taken: set[str] = set()
        for path, name in rows:
            if path not in names:
                names[path] = next((longer for longer in _longer_names(name, path) if longer not in taken), path)
                taken.add(names[path])
        return names

    def _page(self, place: _Place, reading: int, *, with_digits: bool) -> StoredPage:
        _, page, sha256, *_ = place
        query = "SELECT outcome, form, stage, reason, fields, digits FROM readings WHERE id = ?"
        outcome, form, stage, reason, fields, digits = self._connection.execute(query, (reading,)).fetchone()
        query = "SELECT field, new FROM decisions WHERE sha256 = ? AND page = ? ORDER BY id"
        decided: dict[str, str] = dict(self._connection.execute(query, (sha256, page)).fetchall())
        return StoredPage(
            *(place.scan, page, sha256, reading, outcome, form, stage, reason),
            fields=unpacked_fields(fields, decided),
            digits=unpacked_digits(digits) if with_digits else (),
            decided=frozenset(decided),
            codes=self._codes(reading),
        )

    def _codes(self, reading: int) -> tuple[Code, ...]:
        if not self._has_codes:
            return ()
        query = "SELECT kind, text FROM codes WHERE reading = ? ORDER BY id"
        return tuple(Code(*row) for row in self._connection.execute(query, (reading,)))

    @cached_property
    def _has_codes(self) -> bool:
        """Whether the batch has a place for codes; one of an earlier version has none until it is written to again."""
        query = "SELECT count(*) FROM sqlite_master WHERE name = 'codes'"
        return bool(self._connection.execute(query).fetchone()[0])

    def picture(self, page: StoredPage) -> bytes | None:
        """Give the small JPEG of a failed page, if there is one."""
        query = "SELECT picture FROM pictures WHERE reading = ? AND field IS NULL"
        row = self._connection.execute(query, (page.reading,)).fetchone()
        return row[0] if row else None


@contextmanager
def open_results(folder: Path) -> Iterator[Results]:
    """Open a results folder to read from; a run may be writing to it.

    Raises
    ------
    BatchError
        There is no batch in the folder, or it is no batch of this program's.
    """
    if not (folder / FILE).is_file():
        raise BatchError(f"{folder}: no results here ({FILE} is missing); name a folder that `formreader read` wrote")
    with connected(folder, read_only=True) as connection:
        if is_empty(connection):
            raise BatchError(f"{folder}: nothing was read into it yet; run `formreader read` again")
        connection.execute("BEGIN")  # all that is asked is answered from one moment, also while a run goes on
        yield Results(connection, folder)


def _longer_names(name: str, path: str) -> Iterator[str]:
    """Give a name, then with more and more of its parent folders in front, at last the whole path."""
    yield name
    folders = Path(path).parts[1 : -len(name.split("/"))]
    for first in reversed(range(len(folders))):
        yield "/".join((*folders[first:], name))


def natural(name: str) -> tuple[tuple[int, int, str], ...]:
    """Give a sort key under which ``scan10`` comes after ``scan9``."""
    parts = re.findall(r"[0-9]+|[^0-9]+", name)
    # The text itself breaks ties such as 7 and 07, so that the order is the same on every machine.
    return (*((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts), (-1, 0, name))
