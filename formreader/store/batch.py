"""The one writer of a batch, for one run."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from formreader.errors import BatchError
from formreader.store import folder as folders
from formreader.store.folder import connected, insert, transaction
from formreader.store.packing import as_json, packed_digits, packed_fields, storable
from formreader.template import Template
from formreader.values import PageAnswer, PageFailure, PageReading, PageRef, PageSkipped


class Batch:
    """The one writer of a batch, for one run; `open_batch` makes it."""

    def __init__(self, connection: sqlite3.Connection, folder: Path, run: int, series: int) -> None:
        self.folder = folder
        self.run = run
        self._series = series
        self._connection = connection
        done = connection.execute(
            "SELECT DISTINCT sha256, page FROM readings JOIN runs ON runs.id = run"
            " WHERE series = ? AND outcome IN ('read', 'skipped')",
            (series,),
        )
        self._done: set[tuple[str, int]] = set(done)

    def is_done(self, ref: PageRef) -> bool:
        """Say whether the page has its answer; one that failed has not, and is tried again."""
        return (ref.sha256, ref.page) in self._done

    def pending(self, refs: Iterable[PageRef]) -> tuple[list[PageRef], list[PageRef]]:
        """Write down where pages were found; give those that are still to be read, and the duplicates.

        Raises
        ------
        BatchError
            The batch cannot be written to.
        """
        with transaction(self._connection, self.folder):
            found = [(ref, self._note(ref)) for ref in refs]
        to_read: dict[tuple[str, int], PageRef] = {}
        for ref, _ in found:
            if not self.is_done(ref):
                to_read.setdefault((ref.sha256, ref.page), ref)
        return list(to_read.values()), [ref for ref, duplicate in found if duplicate]

    def _note(self, ref: PageRef) -> bool:
        """Store a page's place if it is new; say whether the same content lies elsewhere too."""
        path = storable(str(ref.path.absolute()))
        query = "SELECT path, duplicate FROM current_places WHERE sha256 = ? AND page = ?"
        known: dict[str, int] = dict(self._connection.execute(query, (ref.sha256, ref.page)).fetchall())
        if known.get(path) == 0:
            return False
        # Content whose other places are gone was moved or renamed: it is no second page.
        duplicate = any(Path(other).exists() for other, second in known.items() if not second)
        if path not in known or not duplicate:
            name = storable(ref.name or ref.path.name)
            row = {"sha256": ref.sha256, "page": ref.page, "name": name, "path": path}
            insert(self._connection, "pages", {**row, "duplicate": int(duplicate), "run": self.run})
        return duplicate

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
        if not isinstance(answer, PageFailure):
            self._done.add((answer.ref.sha256, answer.ref.page))

    def leave_out(self, pages: Iterable[PageSkipped]) -> None:
        """Store that this call does not want these pages; a call that does will read them.

        Of pages that were read, now or by an earlier series, nothing is stored: they have their reading.
        """
        with transaction(self._connection, self.folder):
            for page in pages:
                known = self._latest(page.ref) == ("left_out", "", storable(page.reason))
                if not known and not self.is_done(page.ref) and not self._was_read(page.ref):
                    self._insert(page.ref, outcome="left_out", reason=page.reason)

    def _was_read(self, ref: PageRef) -> bool:
        query = "SELECT 1 FROM readings WHERE sha256 = ? AND page = ? AND outcome = 'read'"
        return self._connection.execute(query, (ref.sha256, ref.page)).fetchone() is not None

    def _add_reading(self, answer: PageReading) -> None:
        reading = self._insert(
            answer.ref,
            outcome="read",
            form=answer.form,
            match_score=round(answer.match.score, 4),
            match_method=answer.match.method,
            quality=as_json({name: round(value, 4) for name, value in answer.quality.items()}),
            fields=packed_fields(answer.fields),
            digits=packed_digits(answer.digits),
        )
        rows = [(reading, field, position, png) for (field, position), png in answer.pictures.items()]
        self._connection.executemany(
            "INSERT INTO pictures (reading, field, position, picture) VALUES (?, ?, ?, ?)", rows
        )
        codes = [(reading, code.kind, storable(code.text)) for code in answer.codes]
        self._connection.executemany("INSERT INTO codes (reading, kind, text) VALUES (?, ?, ?)", codes)

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
        values = {"run": self.run, "sha256": ref.sha256, "page": ref.page, "at": _now(), **columns}
        if "reason" in values:
            values["reason"] = storable(values["reason"])
        return insert(self._connection, "readings", values)


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

    Raises
    ------
    BatchError
        The folder is another form's, in use, not writable or no results folder; or it was read under something else
        and `reread` is not given. Nothing was changed.
    """
    folders.refuse_foreign(folder, aside=fresh)
    if fresh:
        folders.set_aside(folder)
    folders.make_folder(folder)
    with folders.only_writer(folder), connected(folder) as connection:
        folders.prepare(connection)
        by_name = sorted(templates, key=lambda template: template.name)
        run = {
            "form": "\n".join(template.name for template in by_name),
            "template": "\n".join(filter(None, map(_text_of, by_name))) or None,
            "template_fingerprint": "\n".join(template.fingerprint for template in by_name),
            "fields": as_json({form.name: [field.name for field in form.fields] for form in templates}),
            "model": model_name,
            "model_fingerprint": model_fingerprint,
            "settings": as_json(dict(sorted(settings.items()))),
        }
        series = _series(connection, folder, run, reread=reread)
        with transaction(connection, folder):
            number = insert(
                connection, "runs", {"series": series, "started": _now(), "version": version("formreader"), **run}
            )
        yield Batch(connection, folder, number, series)
        with transaction(connection, folder):
            connection.execute("UPDATE runs SET finished = ? WHERE id = ?", (_now(), number))


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
    quoted = [f"'{name}'" for name in names.split("\n") if name]
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
