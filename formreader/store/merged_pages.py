"""The pages of batches that are joined: what lies where, and what lies in two places."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Final

_UNREADABLE: Final = "unreadable-%"
"""What stands for the content of a file that could not be read: a place, no content that can be lost."""


def join_pages(connection: sqlite3.Connection, folders: Mapping[str, str]) -> tuple[str, ...]:
    """Store where pages were found, and note the same content in two batches as within one; say what was moved.

    Parameters
    ----------
    folders
        The names under which the batches are attached, in order, and their folders.
    """
    columns = [name for _, name, *_ in connection.execute("PRAGMA main.table_info(pages)") if name not in ("id", "run")]
    listed = ", ".join(columns)
    for kind, rows in (("page_row", "pages"), ("place", "current_places"), ("page_now", "current_pages")):
        every = " UNION ALL ".join(
            f"SELECT {source} AS source, id AS old, run_of.new AS run, {listed} FROM {name}.{rows}"  # noqa: S608
            f" JOIN run_of ON run_of.source = {source} AND run_of.old = run"
            for source, name in enumerate(folders)
        )
        connection.execute(f"CREATE TEMP TABLE {kind} AS {every}")
    moved = _moved(connection, tuple(folders.values()))
    connection.execute(
        f"INSERT INTO main.pages (run, {listed}) SELECT run, {listed} FROM ("  # noqa: S608
        f"SELECT *, min(source) OVER (PARTITION BY run, {listed}) AS first FROM page_row)"
        " WHERE source = first ORDER BY run, source, old"
    )
    _note_duplicates(connection, listed)
    return moved


def _moved(connection: sqlite3.Connection, folders: tuple[str, ...]) -> tuple[str, ...]:
    """Tell apart the places at which two batches know other contents, as those of two machines.

    The older content's place is named after its batch: taken for one place, the newer would take the older's.
    """
    connection.execute(
        "CREATE TEMP TABLE moved AS SELECT DISTINCT p.source, p.path FROM place p JOIN place q ON q.path = p.path"
        " AND q.source <> p.source AND q.sha256 <> p.sha256 AND (q.run, q.source) > (p.run, p.source)"
        " WHERE p.sha256 NOT LIKE :unreadable AND q.sha256 NOT LIKE :unreadable",
        {"unreadable": _UNREADABLE},
    )
    connection.execute("CREATE INDEX temp.moved_by_path ON moved (path)")
    for source, folder in enumerate(folders):
        for table in ("page_row", "page_now"):
            connection.execute(
                f"UPDATE {table} SET path = ? || '/' || ltrim(path, '/')"  # noqa: S608
                " WHERE source = ? AND path IN (SELECT path FROM moved WHERE source = ?)",
                (folder, source, source),
            )
    count = connection.execute("SELECT count(*) FROM moved").fetchone()[0]
    if not count:
        return ()
    return (
        f"{count:,} of the places hold other scans in another batch: all are kept, the older ones' folders named after "
        "their batch",
    )


def _note_duplicates(connection: sqlite3.Connection, listed: str) -> None:
    """Note the places of content that the batches know at different ones: that read first stays, others are twins.

    At last, content that one batch shows and another knows as a twin of what has gone since is noted once more.
    """
    connection.execute("CREATE INDEX temp.now_by_content ON page_now (sha256, page)")
    connection.execute(
        "CREATE TEMP TABLE twin AS"
        " SELECT p.*, row_number() OVER (PARTITION BY sha256, page ORDER BY run, source) AS nth"
        " FROM page_now p WHERE EXISTS (SELECT 1 FROM page_now q"
        " WHERE q.sha256 = p.sha256 AND q.page = p.page AND q.path <> p.path)"
    )
    first = "(SELECT f.path FROM twin f WHERE f.sha256 = twin.sha256 AND f.page = twin.page AND f.nth = 1)"
    noted = listed.replace("duplicate", f"path <> {first}")
    connection.execute("CREATE INDEX temp.twin_by_content ON twin (sha256, page, nth)")
    connection.execute(
        f"INSERT INTO main.pages (run, {listed}) SELECT run, {noted} FROM twin"  # noqa: S608
        f" WHERE nth = 1 OR path <> {first} ORDER BY nth, run, source, old"
    )
    connection.execute(
        f"INSERT INTO main.pages (run, {listed}) SELECT run, {listed} FROM page_now p"  # noqa: S608
        " WHERE NOT EXISTS (SELECT 1 FROM main.current_pages c WHERE c.sha256 = p.sha256 AND c.page = p.page)"
        " AND sha256 NOT LIKE ? GROUP BY sha256, page ORDER BY run, source, old",
        (_UNREADABLE,),
    )
