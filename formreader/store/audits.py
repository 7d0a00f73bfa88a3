"""What was drawn for an audit, and what people keyed: rows that are only ever added."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

from formreader.store import folder as folders
from formreader.store.folder import insert, need_batch, transaction
from formreader.store.packing import as_json, as_on_disk


class Stratum(NamedTuple):
    """A field of a form: how many of its readings are accepted, and how many of these are keyed."""

    form: str
    field: str
    accepted: int
    drawn: int


@dataclass(frozen=True, slots=True)
class Audit:
    """A sample of the accepted fields of a batch, drawn to be keyed.

    Attributes
    ----------
    id
        Its number in this batch, from 1; 0 before it is stored.
    code
        Letters that no other audit has, also in other batches.
    claim
        The share of wrong fields that is to be proved.
    by_field
        Each field has its share of the sample; else any field may have been drawn any number of times.
    pages
        How many were read when it was drawn.
    """

    code: str
    at: str
    who: str
    claim: Fraction
    seed: int
    by_field: bool
    pages: int
    strata: tuple[Stratum, ...]
    id: int = 0

    @property
    def accepted(self) -> int:
        """How many fields it was drawn from."""
        return sum(stratum.accepted for stratum in self.strata)

    @property
    def drawn(self) -> int:
        """How many fields it holds."""
        return sum(stratum.drawn for stratum in self.strata)


@dataclass(frozen=True, slots=True)
class AuditedField:
    """A field that was drawn, as it was read then.

    Attributes
    ----------
    number
        Its place in the order of keying, from 1.
    as_written
        The value as a person keys it who does not see what the form says itself: a printed point, a strike for zero.
    boxes
        How many it has; 0 for a wide one.
    options
        What its boxes stand for, in their order, where they are to mark.
    """

    number: int
    reading: int
    form: str
    field: str
    value: str
    as_written: str
    confidence: float
    boxes: int
    options: tuple[str, ...] = ()


class Key(NamedTuple):
    """What a person keyed for a field; `look` is 2 where another had keyed it before and differed from the reading."""

    number: int
    look: int
    at: str
    who: str
    key: str


class ScanPlaces(NamedTuple):
    """Where the page of a reading is shown to lie: its latest place first."""

    sha256: str
    page: int
    name: str
    paths: tuple[str, ...]


class Audits:
    """The audits of a batch; `Results.audits` gives them to read, `audits_to_write` to add to."""

    def __init__(self, connection: sqlite3.Connection, folder: Path) -> None:
        self._connection = connection
        self._folder = folder

    def all(self) -> tuple[Audit, ...]:
        """Give them in the order in which they were drawn."""
        query = "SELECT code, at, who, claim, seed, by_field, pages, strata, id FROM audits ORDER BY id"
        return tuple(
            Audit(
                *(code, at, who, Fraction(claim), seed, bool(by_field), pages),
                tuple(Stratum(*stratum) for stratum in json.loads(strata)),
                number,
            )
            for code, at, who, claim, seed, by_field, pages, strata, number in self._connection.execute(query)
        )

    def fields(self, audit: Audit) -> tuple[AuditedField, ...]:
        """Give what was drawn, in the order of keying."""
        query = (
            "SELECT number, reading, form, field, value, as_written, confidence, boxes, options FROM audited_fields"
            " WHERE audit = ? ORDER BY number"
        )
        rows = self._connection.execute(query, (audit.code,))
        return tuple(AuditedField(*[*row, tuple(json.loads(options))]) for *row, options in rows)

    def keys(self, audit: Audit, number: int | None = None) -> tuple[Key, ...]:
        """Give all that was keyed, of one field where it is named; the last last."""
        of_one = "" if number is None else " AND number = ?"
        query = f"SELECT number, look, at, who, key FROM keys WHERE audit = ?{of_one} ORDER BY id"  # noqa: S608 - ours
        given = (audit.code,) if number is None else (audit.code, number)
        return tuple(map(Key._make, self._connection.execute(query, given)))

    def keyed_since(self, audit: Audit, row: int) -> Iterator[tuple[int, Key]]:
        """Give what was keyed after a row, with the numbers of the rows; after 0 that is all."""
        query = "SELECT id, number, look, at, who, key FROM keys WHERE audit = ? AND id > ? ORDER BY id"
        return ((known, Key._make(rest)) for known, *rest in self._connection.execute(query, (audit.code, row)))

    def keyed_before(self, audit: Audit, row: int) -> Iterator[tuple[int, Key]]:
        """Give what was keyed before a row, the last first."""
        query = "SELECT id, number, look, at, who, key FROM keys WHERE audit = ? AND id < ? ORDER BY id DESC"
        return ((known, Key._make(rest)) for known, *rest in self._connection.execute(query, (audit.code, row)))

    def places(self, reading: int) -> ScanPlaces:
        """Give where the scan of a reading lies."""
        sha256, page = self._page_of(reading)
        query = "SELECT name, path FROM pages WHERE sha256 = ? AND page = ? ORDER BY duplicate, id DESC"
        rows = self._connection.execute(query, (sha256, page)).fetchall()
        paths = (path for _, stored in rows for path in (stored, as_on_disk(stored)))
        return ScanPlaces(sha256, page, rows[0][0] if rows else "", tuple(dict.fromkeys(paths)))

    def _page_of(self, reading: int) -> tuple[str, int]:
        sha256, page = self._connection.execute("SELECT sha256, page FROM readings WHERE id = ?", (reading,)).fetchone()
        return sha256, page

    def read_otherwise(self, audit: Audit) -> int:
        """Count the drawn fields whose page has been read again since."""
        query = (
            "SELECT count(*) FROM audited_fields WHERE audit = ? AND reading NOT IN (SELECT id FROM current_readings)"
        )
        return int(self._connection.execute(query, (audit.code,)).fetchone()[0])

    def read_by(self, audit: Audit) -> tuple[Mapping[str, str], ...]:
        """Give model, template and settings of the runs that read what was drawn."""
        query = (
            "SELECT DISTINCT model, model_fingerprint, form, template_fingerprint, settings, version FROM runs"
            " WHERE id IN (SELECT run FROM readings WHERE id IN (SELECT reading FROM audited_fields WHERE audit = ?))"
        )
        cursor = self._connection.execute(query, (audit.code,))
        names = [name for name, *_ in cursor.description]
        return tuple(dict(zip(names, row, strict=True)) for row in cursor)

    def decided(self, field: AuditedField) -> tuple[str, str] | None:
        """Give the last decision on a field and how it was made; None where nobody decided."""
        query = "SELECT new, how FROM current_decisions WHERE sha256 = ? AND page = ? AND field = ?"
        row = self._connection.execute(query, (*self._page_of(field.reading), field.field)).fetchone()
        return (row[0], row[1]) if row else None

    def add(self, audit: Audit, fields: Sequence[AuditedField]) -> Audit:
        """Store an audit with what was drawn; give it back with its number.

        Raises
        ------
        BatchError
            The batch cannot be written to.
        """
        row = {name: value for name, value in asdict(audit).items() if name != "id"}
        row |= {"claim": str(audit.claim), "by_field": int(audit.by_field), "strata": as_json(audit.strata)}
        with transaction(self._connection, self._folder):
            number = insert(self._connection, "audits", row)
            for field in fields:
                told = {"audit": audit.code, **asdict(field), "options": as_json(field.options)}
                insert(self._connection, "audited_fields", told)
        return Audit(**{**{name: getattr(audit, name) for name in row}, "id": number})

    def add_keys(self, audit: Audit, keys: Iterable[Key]) -> None:
        """Store what was keyed, all of it or nothing.

        Raises
        ------
        BatchError
            The batch cannot be written to.
        """
        with transaction(self._connection, self._folder):
            for key in keys:
                insert(self._connection, "keys", {"audit": audit.code, **key._asdict()})

    def decide(self, field: AuditedField, old: str, new: str, who: str) -> None:
        """Store that an audit puts a field right.

        Raises
        ------
        BatchError
            The batch cannot be written to.
        """
        sha256, page = self._page_of(field.reading)
        row = {"sha256": sha256, "page": page, "field": field.field, "old": old, "new": new, "how": "audit"}
        with transaction(self._connection, self._folder):
            insert(self._connection, "decisions", {"at": now(), "who": who, **row})


@contextmanager
def audits_to_write(folder: Path) -> Iterator[Audits]:
    """Open a batch to add to its audits.

    Raises
    ------
    BatchError
        There is no batch in the folder, a run is writing to it, or it cannot be written to.
    """
    need_batch(folder)
    with folders.written(folder, fresh=False) as connection:
        yield Audits(connection, folder)


def now() -> str:
    """Give the time as it is stored."""
    return datetime.now(UTC).isoformat(timespec="seconds")
