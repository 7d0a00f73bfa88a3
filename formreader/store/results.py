"""A batch to read from: what export, review and the benchmarks see of it."""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from formreader.errors import BatchError
from formreader.fields import as_settled
from formreader.store.audits import Audits
from formreader.store.folder import (
    connected,
    copied_forward,
    is_empty,
    is_of_earlier_version,
    may_be_written,
    need_batch,
    only_writer,
    prepare,
)
from formreader.store.listing import DISPUTED, Listing
from formreader.store.packing import as_on_disk, unpacked_digits, unpacked_fields
from formreader.store.several_pages import SeveralPages, unpacked_forms
from formreader.store.standing import RunRow, Standing, answers_since, runs_of, standing_of
from formreader.store.stored import Change, Correction, StoredPage, StoredTemplate
from formreader.values import Code, FieldReading


class _Place(NamedTuple):
    scan: str
    page: int
    sha256: str
    reading: int
    """0 for a duplicate."""
    form: str
    failure: int
    """The latest reading where that failed, else 0; it is another than `reading` where an earlier one is kept."""
    twin: str
    """Name of the scan that has the same content and came first; empty for that one."""
    folder: str = ""


class Results:
    """A batch to read from; `open_results` makes it."""

    def __init__(self, connection: sqlite3.Connection, folder: Path) -> None:
        self.folder = folder
        self._connection = connection
        connection.create_function("sort_key", 1, natural, deterministic=True)
        connection.create_function("shown", 2, self._shown)
        connection.create_function("lies_in", 2, _lies_in, deterministic=True)

    @cached_property
    def _runs(self) -> dict[int, dict[str, list[str]]]:
        """The names of each form's fields, by run."""
        return {run: json.loads(fields) for run, fields in self._connection.execute("SELECT id, fields FROM runs")}

    @cached_property
    def _fields(self) -> dict[str, list[str]]:
        return self._runs[max(self._runs)] if self._runs else {}

    @cached_property
    def keeps_duplicates(self) -> bool:
        """Whether pages of the same content count as often as they were found, as the last run was told."""
        row = self._connection.execute("SELECT keep_duplicates FROM runs ORDER BY id DESC LIMIT 1").fetchone()
        return bool(row and row[0])

    def forms(self) -> tuple[str, ...]:
        """Give the names of the forms that pages are read by, in the order of the last call; none without template."""
        return tuple(dict.fromkeys(self._form_of.get(sheet, sheet) for sheet in self._fields))

    def sheets(self) -> tuple[str, ...]:
        """Give the names of what a page may show: of forms of one page, and of each page of those of several."""
        return tuple(self._fields)

    def form_fields(self) -> Mapping[str, Sequence[str]]:
        """Give the names of each sheet's fields, in the order of the last call."""
        return self._fields

    @cached_property
    def of_several_pages(self) -> Mapping[str, SeveralPages]:
        """The forms of several pages of the last run, by name."""
        row = self._connection.execute("SELECT gathering FROM runs ORDER BY id DESC LIMIT 1").fetchone()
        return unpacked_forms(row[0]) if row else {}

    @cached_property
    def _form_of(self) -> dict[str, str]:
        return {sheet: form for form, told in self.of_several_pages.items() for sheet in told.sheets}

    def _sheets_of(self, form: str) -> tuple[str, ...]:
        told = self.of_several_pages.get(form)
        return tuple(told.sheets) if told else (form,)

    def templates(self) -> dict[str, StoredTemplate]:
        """Give what is known of the templates of the last run, by the forms' names; none where it had none."""
        query = "SELECT form, template, template_paths, template_fingerprint FROM runs ORDER BY id DESC LIMIT 1"
        row = self._connection.execute(query).fetchone()
        if row is None or not row[0]:
            return {}
        forms, paths, prints = (row[i].split("\n") for i in (0, 2, 3))
        paths += [""] * (len(forms) - len(paths))  # a batch of an earlier version knows none
        return {
            form: StoredTemplate(_unmarked(row[1]), as_on_disk(path), fingerprint)
            for form, path, fingerprint in zip(forms, paths, prints, strict=True)
        }

    def columns(self, form: str | None = None) -> tuple[str, ...]:
        """Give the names of all fields: the latest templates' in their order, then any others that still have values.

        Parameters
        ----------
        form
            Give only those of this form or sheet; all forms' where left out.
        """
        wanted = self._fields if form is None else {one: self._fields[one] for one in self._sheets_of(form)}
        known = list(dict.fromkeys(name for names in wanted.values() for name in names))
        of_form = "(:forms IS NULL OR r.form IN (SELECT value FROM json_each(:forms)))"
        named = (
            "SELECT DISTINCT json_extract(value, '$[3]') AS name FROM current_readings r, json_each(r.fields)"  # noqa: S608
            f" WHERE name IS NOT NULL AND {of_form}"
            " UNION SELECT DISTINCT field FROM current_decisions d JOIN current_readings r"
            f" ON r.sha256 = d.sha256 AND r.page = d.page WHERE {of_form}"
        )
        runs = f"SELECT DISTINCT run, form FROM current_readings r WHERE {of_form}"  # noqa: S608 - ours
        given = {"forms": None if form is None else json.dumps(self._sheets_of(form))}
        others = {name for (name,) in self._connection.execute(named, given)}
        for run, shown in self._connection.execute(runs, given):
            others.update(self._runs[run].get(shown, ()))
        others -= set(known)
        return (*known, *sorted(others, key=natural))

    def pages(self, form: str | None = None, *, digits: bool = False) -> Iterator[StoredPage]:
        """Give every page, duplicates too, in natural order of names and pages; one is in memory at a time.

        Parameters
        ----------
        form
            Give only the pages that show this form or sheet.
        digits
            Unpack the single boxes too; without, each page's `StoredPage.digits` is empty.
        """
        forms = None if form is None else json.dumps(self._sheets_of(form))
        for place in self._places("? IS NULL OR form IN (SELECT value FROM json_each(?))", forms, forms):
            yield self._at(place, with_digits=digits)

    def nth(self, number: int) -> StoredPage:
        """Give the page that is so many places, from 0, from the first of all that `pages` gives; without digits."""
        (place,) = self._places("rowid = ?", number + 1)
        return self._at(place, with_digits=False)

    def _at(self, place: _Place, *, with_digits: bool) -> StoredPage:
        if place.reading:
            return self._page(place, place.reading, with_digits=with_digits)
        return StoredPage(
            *(place.scan, place.page, place.sha256, 0, "duplicate"), reason=place.twin, folder=place.folder
        )

    def waiting(self) -> list[tuple[str, int]]:
        """Give name and page of those that were found and have no answer yet, in natural order."""
        query = (
            "SELECT shown(path, name) AS scan, page FROM current_pages p WHERE NOT EXISTS"
            " (SELECT 1 FROM readings r WHERE r.sha256 = p.sha256 AND r.page = p.page) ORDER BY sort_key(scan), page"
        )
        return self._connection.execute(query).fetchall()

    def pages_read(self) -> dict[str, int]:
        """Count the pages that were read of each sheet."""
        places = ["current_pages", *(["current_duplicates"] if self.keeps_duplicates else [])]
        counts: Counter[str] = Counter()
        for table in places:
            query = (
                f"SELECT r.form, count(*) FROM {table} p JOIN current_readings r"  # noqa: S608 - ours
                " ON r.sha256 = p.sha256 AND r.page = p.page WHERE r.outcome = 'read' GROUP BY r.form"
            )
            counts.update(dict(self._connection.execute(query).fetchall()))
        return dict(counts)

    def duplicates(self) -> Iterator[tuple[str, int, str]]:
        """Give name and page of each that has the content of another, and that other's name."""
        for place in self._places("twin <> ''"):
            yield place.scan, place.page, place.twin

    def failures(self) -> Iterator[StoredPage]:
        """Give the pages that failed when last read, also those that keep an earlier reading."""
        return (self._page(place, place.failure, with_digits=False) for place in self._places("failure"))

    def has_codes(self) -> bool:
        """Say whether any page has a QR code or barcode."""
        return self._connection.execute("SELECT 1 FROM codes LIMIT 1").fetchone() is not None

    def has_broken_rules(self) -> bool:
        """Say whether any page has, or had, a value that breaks a rule of its template."""
        query = "SELECT 1 FROM readings WHERE fields LIKE '%{\"broken\":%' LIMIT 1"
        return self._connection.execute(query).fetchone() is not None

    def page_count(self) -> int:
        """Count what `pages` gives."""
        count: int = self._connection.execute(f"SELECT count(*) FROM {self._listed}").fetchone()[0]  # noqa: S608 - ours
        return count

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
            " JOIN judged_readings l ON l.id ="
            " (SELECT max(id) FROM judged_readings WHERE sha256 = p.sha256 AND page = p.page)"
            " JOIN runs latest ON latest.id = l.run"
            " JOIN (SELECT max(series) AS series FROM runs) last ON current.series < last.series"
        )
        both, waiting = self._connection.execute(query).fetchone()
        return both - waiting, waiting

    def standing(self) -> Standing:
        """Count how far the batch is; readings are not unpacked."""
        return standing_of(self._connection)

    def runs(self) -> tuple[RunRow, ...]:
        """Give the runs, in their order: the first is run 1."""
        return runs_of(self._connection)

    def answer_of(self, reading: int) -> tuple[int, datetime]:
        """Give which run a reading is of, by its place among `runs`, and when it was made."""
        query = "SELECT (SELECT count(*) FROM runs WHERE id <= run), at FROM readings WHERE id = ?"
        run, at = self._connection.execute(query, (reading,)).fetchone()
        return run, datetime.fromisoformat(at)

    @cached_property
    def code(self) -> str:
        """Tell this batch from any other, also once its folder was moved."""
        query = "SELECT (SELECT min(started) FROM runs), (SELECT sha256 FROM pages ORDER BY id LIMIT 1)"
        return hashlib.sha256(repr(self._connection.execute(query).fetchone()).encode()).hexdigest()[:16]

    def box_pictures(self, reading: int, field: str) -> dict[int, bytes]:
        """Give the pictures that are kept of a field's boxes, by position."""
        query = "SELECT position, picture FROM pictures WHERE reading = ? AND field = ? ORDER BY position"
        return dict(self._connection.execute(query, (reading, field)).fetchall())

    def version_of(self, page: StoredPage, field: str) -> int:
        """Give the number of the last word that people said of a field, 0 for none."""
        query = "SELECT max(id) FROM decisions WHERE sha256 = ? AND page = ? AND field = ?"
        return self._connection.execute(query, (page.sha256, page.page, field)).fetchone()[0] or 0

    def answered_since(self, since: datetime) -> list[datetime]:
        """Give when the last run's pages were answered since a moment, the last first."""
        return answers_since(self._connection, since)

    def audits(self) -> Audits:
        """Give the audits of this batch, as of the same moment."""
        return Audits(self._connection, self.folder)

    def audited(self) -> frozenset[tuple[str, int, str]]:
        """Give content, page and field of all that was ever drawn for an audit, or put right by one."""
        query = (
            "SELECT sha256, page, field FROM audited_fields JOIN readings ON readings.id = reading"
            " UNION SELECT sha256, page, field FROM decisions WHERE how = 'audit'"
        )
        return frozenset(self._connection.execute(query).fetchall())

    def template_text(self, reading: int) -> str:
        """Give the template files that a reading's run had, one below the other; empty where it had none."""
        query = "SELECT template FROM runs WHERE id = (SELECT run FROM readings WHERE id = ?)"
        return _unmarked(self._connection.execute(query, (reading,)).fetchone()[0])

    def sample(self, readings: Iterable[int]) -> Iterator[StoredPage]:
        """Give pages by the numbers of their readings, with digits; without names, which take the whole batch."""
        for reading in readings:
            query = "SELECT page, sha256 FROM readings WHERE id = ?"
            page, sha256 = self._connection.execute(query, (reading,)).fetchone()
            yield self._page(_Place("", page, sha256, reading, "", 0, ""), reading, with_digits=True)

    def page_of(self, reading: int) -> StoredPage:
        """Give the page of a reading, with neither digits nor its name."""
        query = "SELECT page, sha256 FROM readings WHERE id = ?"
        page, sha256 = self._connection.execute(query, (reading,)).fetchone()
        return self._page(_Place("", page, sha256, reading, "", 0, ""), reading, with_digits=False)

    def listing(self) -> Listing:
        """Give the batch as rows that can be sorted and searched."""
        return Listing(self._connection, self._runs, natural, duplicates=self.keeps_duplicates)

    def _places(self, wanted: str, *given: Any) -> Iterator[_Place]:
        """Give where pages are, in natural order of names and pages; `wanted` is a condition."""
        query = f"SELECT * FROM {self._listed} WHERE {wanted} ORDER BY rowid"  # noqa: S608 - ours
        return map(_Place._make, self._connection.execute(query, given))

    @cached_property
    def _listed(self) -> str:
        """List all places once, in order, in a table of this connection's own: it may be too long for the memory."""
        of_page = (
            "SELECT shown(p.path, p.name) AS scan, p.page, p.sha256, r.id AS reading, r.form,"
            " CASE WHEN l.outcome = 'failed' THEN l.id ELSE 0 END AS failure, {} AS twin,"
            " lies_in(p.path, p.name) AS folder"
            " FROM {} p"
            " JOIN current_readings r ON r.sha256 = p.sha256 AND r.page = p.page"
            " JOIN judged_readings l ON l.id ="
            " (SELECT max(id) FROM judged_readings WHERE sha256 = p.sha256 AND page = p.page)"
        )
        twin = "(SELECT shown(t.path, t.name) FROM current_pages t WHERE t.sha256 = p.sha256 AND t.page = p.page)"
        of_duplicate = (
            f"SELECT shown(path, name), page, sha256, 0, '', 0, {twin}, lies_in(path, name) FROM current_duplicates p"  # noqa: S608
        )
        if self.keeps_duplicates:
            of_duplicate = of_page.format(twin, "current_duplicates")
        self._connection.execute(
            f"CREATE TEMP TABLE places AS SELECT * FROM ({of_page.format(repr(''), 'current_pages')}"  # noqa: S608 - ours
            f" UNION ALL {of_duplicate}) ORDER BY sort_key(scan), page"
        )
        return "temp.places"

    def _shown(self, path: str, name: str) -> str:
        return self._longer.get(path, name)

    @cached_property
    def _longer(self) -> dict[str, str]:
        """Give files that share their name with another a longer one each: all but the first that was found.

        The others below the same given folder get one too: scans that lie together stand together in every table.
        """
        places = "(SELECT path, name FROM current_pages UNION SELECT path, name FROM current_duplicates)"
        shared = f"SELECT name FROM {places} GROUP BY name HAVING count(DISTINCT path) > 1"  # noqa: S608 - ours
        if self._connection.execute(shared).fetchone() is None:
            return {}
        rows = self._connection.execute(
            f"SELECT path, name FROM {places}"  # noqa: S608 - ours
            " JOIN (SELECT path, min(id) AS first FROM pages GROUP BY path) USING (path) ORDER BY first, name"
        ).fetchall()
        together: dict[str, dict[str, str]] = {}
        for path, name in rows:
            together.setdefault(_given_folder(path, name), {}).setdefault(path, name)
        names: dict[str, str] = {}
        taken: set[str] = set()
        for files in together.values():
            longest = max(len(Path(path).parts) for path in files)
            for more in range(longest):
                longer = {path: _longer_name(name, path, more) for path, name in files.items()}
                if taken.isdisjoint(longer.values()) and len(set(longer.values())) == len(longer):
                    break
            taken.update(longer.values())
            names |= {path: name for path, name in longer.items() if name != files[path]}
        return names

    def _page(self, place: _Place, reading: int, *, with_digits: bool) -> StoredPage:
        _, page, sha256, *_ = place
        query = "SELECT run, outcome, form, stage, reason, fields, digits FROM judged_readings WHERE id = ?"
        run, outcome, form, stage, reason, fields, digits = self._connection.execute(query, (reading,)).fetchone()
        read = self._unpacked(run, form, fields)
        # What was decided of a page that is no form, or failed again, waits for its being read.
        decided, disputed = (self._decided(place), self._disputed(place)) if outcome == "read" else ({}, frozenset())
        return StoredPage(
            *(place.scan, page, sha256, reading, outcome, form, stage, reason),
            fields=tuple(_with_decisions(read, decided)),
            digits=as_settled(read, unpacked_digits(digits)) if with_digits else (),
            decided=frozenset(decided.keys() - disputed),
            disputed=disputed,
            codes=self._codes(reading),
            folder=place.folder,
        )

    def _decided(self, place: _Place) -> dict[str, str]:
        """Give what people decided of a page, by field."""
        query = "SELECT field, new FROM current_decisions WHERE sha256 = ? AND page = ?"
        return dict(self._connection.execute(query, (place.sha256, place.page)).fetchall())

    def _disputed(self, place: _Place) -> frozenset[str]:
        """Give the fields whose decision a second key contradicts, and no third look has settled."""
        query = f"{DISPUTED} AND s.sha256 = ? AND s.page = ?"
        return frozenset(name for *_, name in self._connection.execute(query, (place.sha256, place.page)))

    def _codes(self, reading: int) -> tuple[Code, ...]:
        query = "SELECT kind, text FROM codes WHERE reading = ? ORDER BY id"
        return tuple(Code(*row) for row in self._connection.execute(query, (reading,)))

    def changes(self) -> Iterator[Change]:
        """Give the fields that the current reading of a page reads otherwise than the one before it.

        These come of reading again with another model or template; a field that only one of both has is none.
        """
        query = "SELECT max(id) FROM judged_readings WHERE sha256 = ? AND page = ? AND outcome = 'read' AND id < ?"
        (series,) = self._connection.execute("SELECT max(series) FROM runs").fetchone()
        for place in self._places("reading") if series > 1 else ():
            (before,) = self._connection.execute(query, (place.sha256, place.page, place.reading)).fetchone()
            if before is None:
                continue
            decided = self._decided(place)
            old = {field.name: field.value for field in self._read_fields(before)}
            for field in self._read_fields(place.reading):
                was = old.get(field.name, field.value)
                if was != field.value:
                    yield Change(place.scan, place.page, field.name, was, field.value, decided.get(field.name))

    def corrections(self) -> Iterator[Correction]:
        """Give all that people decided of fields, also what no longer holds, in the order of time."""
        self._connection.execute(
            f"CREATE INDEX IF NOT EXISTS temp.places_by_content ON {self._listed[5:]} (sha256, page)"
        )
        scan = (
            f"coalesce((SELECT scan FROM {self._listed} p WHERE p.sha256 = d.sha256 AND p.page = d.page AND twin = ''),"  # noqa: S608
            " (SELECT name FROM pages p WHERE p.sha256 = d.sha256 AND p.page = d.page ORDER BY duplicate, id DESC), '')"
        )
        read = (
            "SELECT max(id) FROM judged_readings r WHERE r.sha256 = d.sha256 AND r.page = d.page AND outcome = 'read'"
        )
        later = "SELECT 1 FROM decisions e WHERE e.sha256 = d.sha256 AND e.page = d.page AND e.field = d.field"
        query = (
            f"SELECT at, who, {scan}, page, field, ({read}), old, new, how,"  # noqa: S608 - ours
            f" stands AND NOT EXISTS ({later} AND e.id > d.id) FROM decisions d ORDER BY at, id"
        )
        for at, who, shown, page, name, reading, old, new, how, stands in self._connection.execute(query):
            values = {field.name: field.value for field in self._read_fields(reading)} if reading else {}
            yield Correction(at, who, shown, page, name, values.get(name), old, new, how, bool(stands))

    def fields_of_page(self, sha256: str, page: int) -> tuple[int, tuple[str, ...]]:
        """Give the number of the reading of a page that counts, and the names of its fields; 0 where there is none."""
        query = (
            "SELECT id, run, form, json_extract(fields, '$[0][3]') IS NULL FROM judged_readings"
            " WHERE sha256 = ? AND page = ? AND outcome = 'read' ORDER BY id DESC LIMIT 1"
        )
        row = self._connection.execute(query, (sha256, page)).fetchone()
        if row is None:
            return 0, ()
        reading, run, form, are_the_run_s = row
        if are_the_run_s:
            return reading, self._names(run, form)
        return reading, tuple(field.name for field in self._read_fields(reading))

    def _read_fields(self, reading: int) -> tuple[FieldReading, ...]:
        query = "SELECT run, form, fields FROM readings WHERE id = ?"
        return self._unpacked(*self._connection.execute(query, (reading,)).fetchone())

    def _unpacked(self, run: int, form: str, fields: str) -> tuple[FieldReading, ...]:
        return unpacked_fields(fields, self._names(run, form))

    def _names(self, run: int, form: str) -> tuple[str, ...]:
        if run not in self._runs:  # it began since they were looked up
            for known in ("_runs", "_fields", "keeps_duplicates", "of_several_pages", "_form_of"):
                self.__dict__.pop(known, None)
        return tuple(self._runs[run].get(form, ()))

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
    need_batch(folder)
    with connected(folder, read_only=True) as connection:
        if is_empty(connection):
            raise BatchError(f"{folder}: nothing was read into it yet; run `formreader read` again")
        earlier = is_of_earlier_version(connection)
    is_copied = earlier and not may_be_written(folder)
    if earlier and not is_copied:
        with only_writer(folder), connected(folder) as connection:
            prepare(connection, folder)
    with copied_forward(folder) if is_copied else connected(folder, read_only=True) as connection:
        connection.execute("BEGIN")  # all that is asked is answered from one moment, also while a run goes on
        yield Results(connection, folder)


def _with_decisions(fields: tuple[FieldReading, ...], decided: Mapping[str, str]) -> Iterator[FieldReading]:
    """Put a person's values in place of those that were read; what the form no longer asks for is kept.

    What rules said holds for a value that a person confirmed, and for no other.
    """
    for field in fields:
        value = decided.get(field.name, field.value)
        if value == field.value:
            yield field
        else:
            yield replace(field, value=value, broken=(), suggestion="", settled=False)
    gone = decided.keys() - {field.name for field in fields}
    yield from (FieldReading(name, decided[name], 1.0) for name in sorted(gone, key=natural))


def _unmarked(text: str | None) -> str:
    """Take off the marks with which some editors begin a file in UTF-8, also those of files one below the other."""
    return re.sub("(?m)^\ufeff", "", text or "")


def _lies_in(path: str, name: str) -> str:
    """Give the folder in which a file lies; nothing where it was reached by a link of another name."""
    folder, _, last = path.replace("\\", "/").rpartition("/")
    return folder if last == name.rpartition("/")[2] else ""


def _given_folder(path: str, name: str) -> str:
    """Give the folder below which a file is called so; the path itself where it was reached by a link."""
    tail = Path(name).parts
    return str(Path(*Path(path).parts[: -len(tail)])) if Path(path).parts[-len(tail) :] == tail else path


def _longer_name(name: str, path: str, more: int) -> str:
    """Give a name with so many more of its parent folders in front; the whole path where there are not so many."""
    folders = Path(path).parts[1 : -len(name.split("/"))]
    if more > len(folders):
        return path
    return "/".join((*folders[len(folders) - more :], name))


def natural(name: str) -> str:
    """Give a sort key under which ``scan10`` comes after ``scan9``."""
    parts = re.findall(r"[0-9]+|[^0-9]+", name)
    numbers = (part.lstrip("0") if part.isdecimal() else None for part in parts)
    # A number sorts before any letter, by its length first; the text itself breaks ties such as 7 and 07, so that the
    # order is the same on every machine.
    key = "".join(
        part if number is None else f"\x02{len(number):05}{number}" for part, number in zip(parts, numbers, strict=True)
    )
    return f"{key}\x01{name}"
