"""Join batches of one form into a new one, which loses nothing of what any of them holds.

All rows are kept, a row that several batches hold (one was copied and gone on with) once. What counts of a page is
what was read or decided last, whichever batch it is in. Rows are copied column by column as the tables have them.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from formreader.errors import BatchError
from formreader.store import folder as folders
from formreader.store.deciding import KEYS
from formreader.store.folder import FILE, connected
from formreader.store.merged_audits import join_audits
from formreader.store.merged_pages import join_pages
from formreader.store.merged_runs import join_runs, settings_apart
from formreader.store.several_pages import as_said

MOST: Final = 10
"""Batches in one call: SQLite attaches no more to a connection."""

OF_PEOPLE: Final = ("acts", "decisions", "marks", "second_keys", "sorted_pages")
"""Tables of what people did in the review: about scans, whatever reading of them there is."""

OWN_WAY: Final = frozenset({"runs", "pages", "readings", *OF_PEOPLE, "audits", "audited_fields", "keys"})
"""Tables whose rows find their place by a rule of their own; the others' belong to a reading and go with it."""

_UNKNOWN: Final = (
    "NOT EXISTS (SELECT 1 FROM all_{0} e WHERE e.what = a.what AND e.source = b.source)"
    " AND NOT EXISTS (SELECT 1 FROM all_{0} e WHERE e.what = b.what AND e.source = a.source)"
)


@dataclass(frozen=True, slots=True)
class Conflict:
    """A field that people decided otherwise in two batches, neither knowing of the other.

    Attributes
    ----------
    kept, other
        The value that counts now, and that of the other batch.
    kept_by, other_by
        Who decided that, and when.
    """

    scan: str
    page: int
    field: str
    kept: str
    kept_by: str
    other: str
    other_by: str


@dataclass(frozen=True, slots=True)
class Joined:
    """A batch that several were joined into.

    Attributes
    ----------
    folder
        Where it lies until it is whole.
    notes
        What a person should know of it, in whole sentences.
    """

    folder: Path
    notes: tuple[str, ...]
    conflicts: tuple[Conflict, ...]


@contextmanager
def joined(sources: Sequence[Path], target: Path) -> Iterator[Joined]:
    """Join batches; they become `target` at the end of the ``with`` block, and nothing is left if that breaks off.

    Raises
    ------
    BatchError
        They are not two to ten batches of the same forms, one is being written to or of a newer program, or `target`
        is in use or cannot be written. Nothing was changed.
    """
    _refuse(sources, target)
    part = target.absolute().with_name(f".{target.absolute().name}.part")
    try:
        if part.exists():  # of a call that was killed
            with folders.only_writer(part):
                pass
            shutil.rmtree(part)
        folders.make_folder(part)
        try:
            with folders.only_writer(part):
                yield _join(sources, part)
            if target.exists():
                target.rmdir()
            part.rename(target.absolute())
        finally:
            shutil.rmtree(part, ignore_errors=True)
    except OSError as error:
        raise BatchError(f"{target}: cannot be written ({error.strerror or error}); name another folder") from error


def _refuse(sources: Sequence[Path], target: Path) -> None:
    if not 2 <= len(sources) <= MOST:
        raise BatchError(f"{len(sources)} batches were named; from two to {MOST} can be joined in one call")
    places = [source.resolve() for source in sources]
    for place, source in zip(places, sources, strict=True):
        if places.count(place) > 1:
            raise BatchError(f"{source}: is named twice; name each batch once")
        if target.resolve().is_relative_to(place):
            raise BatchError(f"{target}: lies in {source}, which is not written to; name another folder with -o")
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise BatchError(f"{target}: exists already; batches are joined in a new folder, name another with -o")
    forms = [_form_of(source) for source in sources]
    for source, form in zip(sources, forms, strict=True):
        if form != forms[0]:
            of_first, of_this = (", ".join(as_said(form)) or "no template" for form in (forms[0], form))
            raise BatchError(
                f"{source}: holds pages of {of_this}, {sources[0]} of {of_first}; only one form's are joined"
            )


def _form_of(source: Path) -> str:
    """Give the names of a batch's forms; refuse what cannot be joined."""
    folders.need_batch(source)
    if folders.is_written_to(source):
        raise BatchError(f"{source}: a run is writing to it; wait for its end, or stop it")
    with connected(source, read_only=True) as connection:
        row = None
        if not folders.is_empty(connection):
            row = connection.execute("SELECT form FROM runs ORDER BY id DESC LIMIT 1").fetchone()
    if row is None:
        raise BatchError(f"{source}: nothing was read into it yet; leave it out")
    return str(row[0])


def _join(sources: Sequence[Path], part: Path) -> Joined:
    with connected(part) as connection:
        folders.prepare(connection, part)
        names = [f"batch{number}" for number in range(len(sources))]
        for name, source in zip(names, sources, strict=True):
            connection.execute(f"ATTACH ? AS {name}", (_as_now(source, part / f"{name}.sqlite"),))
        connection.execute("BEGIN")  # an immediate one would lock the sources
        runs = join_runs(connection, names)
        moved = join_pages(connection, dict(zip(names, (str(source.absolute()) for source in sources), strict=True)))
        _join_readings(connection, names)
        for table in OF_PEOPLE:
            _join_acts(connection, names, table)
        conflicts = tuple(_conflicts(connection))
        join_audits(connection, names)
        connection.execute("COMMIT")
        for name in names:
            connection.execute(f"DETACH {name}")
    for copy in part.glob("batch*.sqlite"):
        if copy.name != FILE:
            copy.unlink()
    return Joined(part, (*settings_apart(runs, sources), *moved), conflicts)


def _as_now(source: Path, copy: Path) -> str:
    """Give a batch in today's schema: itself, or where it is older a copy that was brought there."""
    uri = folders.read_only_uri(source)
    with connected(source, read_only=True) as connection:
        if not folders.is_of_earlier_version(connection):
            return uri
        with closing(sqlite3.connect(copy, isolation_level=None)) as newer:
            connection.backup(newer)
            folders.prepare(newer, copy.parent)
    return copy.absolute().as_uri()


def columns_of(connection: sqlite3.Connection, table: str) -> list[str]:
    """Give a table's columns but for its id."""
    return [name for _, name, *_ in connection.execute(f"PRAGMA table_info({table})") if name != "id"]


def _join_readings(connection: sqlite3.Connection, names: Sequence[str]) -> None:
    """Copy readings in the order in which they were made, and what belongs to them."""
    every = " UNION ALL ".join(
        f"SELECT {source} AS source, id AS old, run_of.new AS run, sha256, page, at, outcome, stage, reason, by_hand,"  # noqa: S608
        f" max(at) OVER (ORDER BY id) AS made FROM {name}.readings"
        f" JOIN run_of ON run_of.source = {source} AND run_of.old = run"
        for source, name in enumerate(names)
    )
    connection.execute(
        "CREATE TEMP TABLE every_reading AS SELECT *, min(source) OVER same AS first,"  # noqa: S608 - names are ours
        " dense_rank() OVER (ORDER BY run, sha256, page, at, outcome, stage, reason, by_hand) AS what"
        f" FROM ({every}) WINDOW same AS (PARTITION BY run, sha256, page, at, outcome, stage, reason, by_hand)"
    )
    connection.execute(
        "CREATE TEMP TABLE reading_of AS"
        " SELECT e.source, old, what, e.run, row_number() OVER (ORDER BY series, made, e.source, old) AS new"
        " FROM every_reading e JOIN main.runs ON runs.id = run WHERE e.source = first"
    )
    columns = ", ".join(name for name in columns_of(connection, "readings") if name != "run")
    for source, name in enumerate(names):
        connection.execute(
            f"INSERT INTO main.readings (id, run, {columns}) SELECT new, m.run, {columns}"  # noqa: S608
            f" FROM (SELECT old, new, run FROM reading_of WHERE source = {source}) m"
            f" JOIN (SELECT id, {columns} FROM {name}.readings) ON id = old ORDER BY new"
        )
    for table in _tables_below_readings(connection):
        columns = ", ".join(name for name in columns_of(connection, table) if name != "reading")
        for source, name in enumerate(names):
            if connection.execute(f"SELECT 1 FROM {name}.sqlite_master WHERE name = ?", (table,)).fetchone():  # noqa: S608
                connection.execute(
                    f"INSERT INTO main.{table} (reading, {columns}) SELECT new, {columns} FROM {name}.{table} t"  # noqa: S608
                    f" JOIN reading_of m ON m.source = {source} AND m.old = t.reading ORDER BY t.rowid"
                )


def _tables_below_readings(connection: sqlite3.Connection) -> list[str]:
    tables = [row[0] for row in connection.execute("SELECT name FROM main.sqlite_master WHERE type = 'table'")]
    return [table for table in tables if table not in OWN_WAY and not table.startswith("sqlite_")]


def _join_acts(connection: sqlite3.Connection, names: Sequence[str], table: str) -> None:
    """Copy rows of what people did in the order in which they did it; they stay in a temporary table too.

    What was decided and taken back in one batch comes before what stands in another, where neither knew of the other.
    """
    listed = ", ".join(columns_of(connection, table))
    every = " UNION ALL ".join(
        f"SELECT {source} AS source, id AS old_id, {listed}, max(at) OVER (ORDER BY id) AS made FROM {name}.{table}"  # noqa: S608
        for source, name in enumerate(names)
    )
    connection.execute(
        f"CREATE TEMP TABLE all_{table} AS SELECT *, min(source) OVER same AS first, "  # noqa: S608 - names are ours
        f"dense_rank() OVER (ORDER BY {listed}) AS what FROM ({every}) WINDOW same AS (PARTITION BY {listed})"
    )
    yielding = ""
    if table in KEYS:
        _list_last(connection, table, key := ", ".join(KEYS[table]))
        yielding = f"(source, {key}) NOT IN (SELECT source, {key} FROM temp.yielding_{table}), "  # noqa: S608
    connection.execute(
        f"INSERT INTO main.{table} ({listed}) SELECT {listed} FROM all_{table} WHERE source = first"  # noqa: S608
        f" ORDER BY {yielding}made, source, old_id"
    )


def _list_last(connection: sqlite3.Connection, table: str, key: str) -> None:
    """List the last word of each batch on everything, and which of these are that nothing is decided any more.

    Such a word yields to one of another batch that stands, if neither batch knew of the other's.
    """
    connection.execute(f"CREATE INDEX temp.{table}_by_content ON all_{table} (what, source)")
    connection.execute(
        f"CREATE TEMP TABLE last_{table} AS SELECT * FROM (SELECT *, row_number()"  # noqa: S608 - names are ours
        f" OVER (PARTITION BY source, {key} ORDER BY old_id DESC) AS nth FROM all_{table}) WHERE nth = 1"
    )
    connection.execute(f"CREATE INDEX temp.last_{table}_by_key ON last_{table} ({key})")
    connection.execute(
        f"CREATE TEMP TABLE yielding_{table} AS SELECT DISTINCT a.source, {key}"  # noqa: S608 - names are ours
        f" FROM last_{table} a JOIN last_{table} b USING ({key}) WHERE NOT a.stands AND b.stands"
        f" AND {_UNKNOWN.format(table)}"
    )


def _conflicts(connection: sqlite3.Connection) -> Iterator[Conflict]:
    """Find the fields whose last decision in one batch is another than in the next, which does not know of it."""
    rows = connection.execute(
        "SELECT DISTINCT (SELECT name FROM main.current_pages p WHERE p.sha256 = a.sha256 AND p.page = a.page),"  # noqa: S608
        " a.page, a.field, b.new, b.who, b.at, a.new, a.who, a.at"
        " FROM last_decisions a JOIN last_decisions b ON b.sha256 = a.sha256 AND b.page = a.page AND b.field = a.field"
        " AND (b.made, b.source, b.old_id) > (a.made, a.source, a.old_id) AND b.new <> a.new"
        f" WHERE a.stands AND b.stands AND {_UNKNOWN.format('decisions')} ORDER BY 1, 2, 3"
    )
    for scan, page, field, kept, kept_by, kept_at, other, other_by, other_at in rows:
        yield Conflict(scan or "", page, field, kept, f"{kept_by}, {kept_at}", other, f"{other_by}, {other_at}")
