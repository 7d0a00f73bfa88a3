"""The one writer of a batch, for one run."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from formreader.errors import BatchError
from formreader.fields import counted, judged_alone
from formreader.places import place
from formreader.store import folder as folders
from formreader.store.folder import insert, transaction
from formreader.store.packing import as_json, as_on_disk, packed_digits, packed_fields, storable
from formreader.store.several_pages import as_said, packed_forms
from formreader.template import Template
from formreader.values import PageAnswer, PageFailure, PageReading, PageRef, PageSkipped


class Known(NamedTuple):
    """What a series has of a page."""

    outcome: str
    """``read``, ``skipped``, ``failed`` or ``left_out``."""

    stage: str
    """Where a page failed or turned out not to be wanted; empty where it was not looked at."""

    now: bool
    """Whether this very run stored it."""


def is_answered(known: Known) -> bool:
    """Say whether a page was read or is blank."""
    return known.outcome in ("read", "skipped")


class Pending(NamedTuple):
    """What is to be done about pages that were found."""

    new: list[PageRef]
    """Still to be read, no content twice; what else is in flight is not among them."""

    duplicates: list[PageRef]
    answered: Counter[str]
    """How many others have their answer, by its outcome."""


class Batch:
    """The one writer of a batch, for one run; `open_batch` makes it."""

    def __init__(self, connection: sqlite3.Connection, folder: Path, run: int, series: int) -> None:
        self.folder = folder
        self.run = run
        self._series = series
        self._connection = connection
        self._given: set[tuple[str, int]] = set()
        fields = connection.execute("SELECT fields FROM runs WHERE id = ?", (run,)).fetchone()[0]
        self._fields: dict[str, list[str]] = json.loads(fields)

    def known_content(self, path: Path, stamp: str) -> str:
        """Give the SHA-256 of a file that has not changed since it was last found; empty where it may have."""
        query = "SELECT sha256, stamp FROM pages WHERE path = ? ORDER BY id DESC LIMIT 1"
        row = self._connection.execute(query, (storable(str(path.absolute())),)).fetchone()
        return row[0] if row and stamp and row[1] == stamp else ""

    def known(self, ref: PageRef) -> Known | None:
        """Give what this series has of a page: a reading or a blank before all else, then the latest."""
        query = (
            "SELECT outcome, stage, run FROM judged_readings r JOIN runs ON runs.id = run"
            " WHERE sha256 = ? AND page = ? AND series = ?"
            " ORDER BY outcome IN ('read', 'skipped') DESC, r.id DESC LIMIT 1"
        )
        row = self._connection.execute(query, (ref.sha256, ref.page, self._series)).fetchone()
        return Known(row[0], row[1], row[2] == self.run) if row else None

    def pending(self, refs: Iterable[PageRef], is_done: Callable[[Known], bool] = is_answered) -> Pending:
        """Write down where pages were found, and say which of them are still to be read.

        Parameters
        ----------
        is_done
            Says of what is known of a page whether it need not be read.

        Raises
        ------
        BatchError
            The batch cannot be written to.
        """
        with transaction(self._connection, self.folder):
            found = [(ref, self._note(ref)) for ref in refs]
        pending = Pending([], [], Counter())
        for ref, duplicate in found:
            key, known = (ref.sha256, ref.page), self.known(ref)
            done = known is not None and is_done(known)
            if duplicate:
                pending.duplicates.append(ref)
            elif known and done:
                pending.answered[known.outcome] += 1
            if not done and key not in self._given:
                self._given.add(key)
                pending.new.append(ref)
        return pending

    def _note(self, ref: PageRef) -> bool:
        """Store a page's place if it is new or was touched; say whether the same content lies elsewhere too."""
        path = storable(str(ref.path.absolute()))
        query = "SELECT path, duplicate, stamp FROM current_places WHERE sha256 = ? AND page = ? ORDER BY id"
        rows = self._connection.execute(query, (ref.sha256, ref.page)).fetchall()
        known = {place: (bool(second), known_stamp) for place, second, known_stamp in rows}
        here = known.pop(path, None)
        # Content whose other places are gone was moved or renamed: it is no second page.
        duplicate = any(_is_there(other) for other, (second, _) in known.items() if not second)
        if here != (duplicate, ref.stamp):
            name = storable(ref.name or ref.path.name)
            row = {"sha256": ref.sha256, "page": ref.page, "name": name, "path": path, "stamp": ref.stamp}
            insert(self._connection, "pages", {**row, "duplicate": int(duplicate), "run": self.run})
        return duplicate

    @property
    def in_flight(self) -> int:
        """How many pages were given to be read and have no answer yet."""
        return len(self._given)

    def add(self, answer: PageAnswer) -> None:
        """Store a page's answer; it is on the disk when this returns.

        Raises
        ------
        BatchError
            The batch cannot be written to; what was stored before stays.
        """
        with transaction(self._connection, self.folder):
            if isinstance(answer, PageReading):
                self._add_reading(answer)
            elif isinstance(answer, PageFailure):
                self._add_failure(answer)
            else:
                self._insert(answer.ref, outcome="skipped", reason=answer.reason)
        self._given.discard((answer.ref.sha256, answer.ref.page))

    def leave_out(self, pages: Iterable[PageSkipped], *, stage: str = "") -> None:
        """Store that this call does not want these pages; a call that does will read them.

        Of pages that were read, now or by an earlier series, nothing is stored: they have their reading.

        Parameters
        ----------
        stage
            Where it came out that a page is not wanted; empty where it was not even looked at.
        """
        with transaction(self._connection, self.folder):
            for page in pages:
                known = self._latest(page.ref) == ("left_out", stage, storable(page.reason))
                if not known and not self._was_read(page.ref):
                    self._insert(page.ref, outcome="left_out", stage=stage, reason=page.reason)
                self._given.discard((page.ref.sha256, page.ref.page))

    def _was_read(self, ref: PageRef) -> bool:
        query = "SELECT 1 FROM judged_readings WHERE sha256 = ? AND page = ? AND outcome = 'read'"
        return self._connection.execute(query, (ref.sha256, ref.page)).fetchone() is not None

    def _add_reading(self, answer: PageReading) -> None:
        add_reading(self._connection, self.run, self._fields.get(answer.form, ()), answer)

    def _add_failure(self, answer: PageFailure) -> None:
        if self._latest(answer.ref) == ("failed", answer.stage, storable(answer.reason)):
            return  # failing again in the same way says nothing new
        reading = self._insert(answer.ref, outcome="failed", stage=answer.stage, reason=answer.reason)
        if answer.picture is not None:
            row = (reading, answer.picture)
            self._connection.execute("INSERT INTO pictures (reading, picture) VALUES (?, ?)", row)

    def _latest(self, ref: PageRef) -> tuple[str, str, str] | None:
        """Give what this series stored last of a page."""
        query = (
            "SELECT outcome, stage, reason FROM readings r JOIN runs ON runs.id = run"
            " WHERE sha256 = ? AND page = ? AND series = ? ORDER BY r.id DESC LIMIT 1"
        )
        key = (ref.sha256, ref.page, self._series)
        row: tuple[str, str, str] | None = self._connection.execute(query, key).fetchone()
        return row

    def _insert(self, ref: PageRef, **columns: Any) -> int:
        return _insert_reading(self._connection, self.run, ref, **columns)


@contextmanager
def open_batch(
    folder: Path,
    *,
    templates: Sequence[Template],
    model_fingerprint: str,
    model_name: str,
    settings: dict[str, Any],
    fresh: bool = False,
    reread: bool = False,
    keep_duplicates: bool = False,
    rehearse: bool = False,
) -> Iterator[Batch]:
    """Open a results folder for one run, making it where there is none.

    Parameters
    ----------
    templates
        Of the forms that the pages show, in any order; none where boxes are found on each page.
    settings
        All else that decides what is read, as JSON can hold it; with template and model it must be the last run's.
    fresh
        Move an existing batch to ``<folder>.old-<n>`` first.
    reread
        Read all pages again, also under changed template, model and settings. A reread that was broken off goes on.
    keep_duplicates
        Pages of the same content count as often as they are found.
    rehearse
        Nothing of what is stored stays: to see what a run would do.

    Raises
    ------
    BatchError
        The folder is another form's, in use, not writable or no results folder; or it was read under something else
        and `reread` is not given. Nothing was changed.
    """
    folders.refuse_foreign(folder, aside=fresh)
    opened = folders.rehearsed if rehearse else folders.written
    with opened(folder, fresh=fresh) as connection:
        by_name = sorted(templates, key=lambda template: template.name)
        run = {
            "form": "\n".join(template.name for template in by_name),
            "template": "\n".join(dict.fromkeys(filter(None, map(_text_of, by_name)))) or None,
            "template_paths": "\n".join(storable(str(template.path or "")) for template in by_name),
            "template_fingerprint": "\n".join(template.fingerprint for template in by_name),
            "fields": as_json({form.name: [field.name for field in form.fields] for form in templates}),
            "model": model_name,
            "model_fingerprint": model_fingerprint,
            "settings": as_json(dict(sorted(settings.items()))),
            "keep_duplicates": int(keep_duplicates),
            "gathering": packed_forms(templates),
        }
        series = _series(connection, folder, run, reread=reread)
        with transaction(connection, folder):
            number = insert(
                connection, "runs", {"series": series, "started": _now(), "version": version("formreader"), **run}
            )
        yield Batch(connection, folder, number, series)
        with transaction(connection, folder):
            connection.execute("UPDATE runs SET finished = ? WHERE id = ?", (_now(), number))


def add_reading(
    connection: sqlite3.Connection, run: int, names: Sequence[str], answer: PageReading, by_hand: str = ""
) -> int:
    """Store a page's reading in a run, with what belongs to it; give its number.

    Parameters
    ----------
    names
        Of the form's fields, as the run has them.
    by_hand
        What is said of the page while this reading counts; empty for one that the program made by itself.
    """
    reading = _insert_reading(
        connection,
        run,
        answer.ref,
        outcome="read",
        form=answer.form,
        match_score=round(answer.match.score, 4),
        match_method=answer.match.method,
        quality=as_json({name: round(value, 4) for name, value in answer.quality.items()}),
        fields=packed_fields(answer.fields, names),
        digits=packed_digits(answer.digits),
        by_hand=by_hand,
        **asdict(counted(answer.fields, answer.digits)),
    )
    connection.executemany(
        "INSERT INTO pictures (reading, field, position, picture, mark, confidence, rival)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        _picture_rows(reading, answer),
    )
    codes = [(reading, code.kind, storable(code.text)) for code in answer.codes]
    connection.executemany("INSERT INTO codes (reading, kind, text) VALUES (?, ?, ?)", codes)
    return reading


def _insert_reading(connection: sqlite3.Connection, run: int, ref: PageRef, **columns: Any) -> int:
    values = {"run": run, "sha256": ref.sha256, "page": ref.page, "at": _now(), **columns}
    if "reason" in values:
        values["reason"] = storable(values["reason"])
    return insert(connection, "readings", values)


def _picture_rows(reading: int, answer: PageReading) -> Iterator[tuple[Any, ...]]:
    alone = judged_alone(answer.fields, answer.digits)
    for (field, position), picture in answer.pictures.items():
        yield reading, field, position, picture, *alone.get((field, position), (None, None, None))


def _is_there(stored: str) -> bool:
    """Say whether something lies at a stored place; one that cannot be looked at is not known to be gone."""
    try:
        return any(place(path).exists() for path in dict.fromkeys((stored, as_on_disk(stored))))
    except Exception:  # noqa: BLE001 - each store has errors of its own
        return True


def _series(connection: sqlite3.Connection, folder: Path, run: dict[str, Any], *, reread: bool) -> int:
    """Say which series of runs this one belongs to; refuse what does not fit the last run."""
    names = ("form", "template_fingerprint", "model_fingerprint", "settings")
    query = f"SELECT series, {', '.join(names)} FROM runs ORDER BY id DESC LIMIT 1"  # noqa: S608 - constants
    row = connection.execute(query).fetchone()
    if row is None:
        return 1
    series, *last = row
    if last[0] != run["form"]:
        raise BatchError(
            f"{folder}: holds pages of {_form(last[0])}, not of {_form(run['form'])}; "
            "give another folder with -o, or --fresh to move this one aside"
        )
    changed = [_change(name, old, run[name]) for name, old in zip(names, last, strict=True) if old != run[name]]
    if changed and not reread:
        raise BatchError(
            f"{folder}: was read with {' and '.join(changed)}; --reread reads all pages again and keeps the "
            "old readings beside the new, --fresh moves the old folder aside"
        )
    query = "SELECT count(finished) FROM runs WHERE series = ?"
    broken_off = series > 1 and not changed and connection.execute(query, (series,)).fetchone()[0] == 0
    return int(series) + 1 if reread and not broken_off else int(series)


def _change(name: str, old: str, new: str) -> str:
    if name != "settings":
        return f"another {name.partition('_')[0]}"
    before, now = ({key: str(value) for key, value in json.loads(text).items()} for text in (old, new))
    keys = [key for key in sorted({*before, *now}) if before.get(key) != now.get(key)]
    return " and ".join(f"{key} {before.get(key, 'unset')}, now {now.get(key, 'unset')}" for key in keys)


def _form(names: str) -> str:
    quoted = as_said(names)
    if len(quoted) > 1:
        return f"the forms {', '.join(quoted[:-1])} and {quoted[-1]}"
    return f"the form {quoted[0]}" if quoted else "forms without a template"


def _text_of(template: Template) -> str | None:
    if template.path is None:
        return None
    with suppress(OSError):
        return template.path.read_text("utf-8")
    return None


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
