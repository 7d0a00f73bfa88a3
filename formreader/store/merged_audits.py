"""The audits of batches that are joined: each keeps its sample and everything that was keyed, in any of them."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence


def join_audits(connection: sqlite3.Connection, names: Sequence[str]) -> None:
    """Store audits in the order in which they were drawn, with their fields and keys; a copy's audit counts once.

    An audit is known by its code. It stays about the readings that it was drawn from, which are in the new batch too.

    Parameters
    ----------
    names
        Under which the batches are attached; the temporary tables of `merging` say what became of their readings.
    """
    connection.execute("CREATE INDEX temp.readings_by_old ON every_reading (source, old)")
    connection.execute("CREATE INDEX temp.readings_by_what ON reading_of (what)")
    reading = (
        "(SELECT min(new) FROM reading_of m JOIN every_reading e ON e.what = m.what"
        " WHERE e.source = {} AND e.old = t.reading)"
    )
    audit, field, key = (_columns(connection, table) for table in ("audits", "audited_fields", "keys"))
    for table, columns, expressions, order in (
        ("audits", audit, ", ".join(audit), "at, source, old"),
        ("audited_fields", field, ", ".join(reading if name == "reading" else name for name in field), "audit, number"),
        ("keys", key, ", ".join(key), "at, source, old"),
    ):
        every = " UNION ALL ".join(
            f"SELECT {source} AS source, id AS old, {_named(expressions.format(source))} FROM {name}.{table} t"  # noqa: S608
            for source, name in enumerate(names)
        )
        same = "code" if table == "audits" else ", ".join(columns)
        listed = ", ".join(columns)
        connection.execute(
            f"INSERT INTO main.{table} ({listed}) SELECT {listed} FROM ("  # noqa: S608
            f"SELECT *, min(source) OVER (PARTITION BY {same}) AS first FROM ({every}))"
            f" WHERE source = first ORDER BY {order}"
        )


def _columns(connection: sqlite3.Connection, table: str) -> list[str]:
    return [name for _, name, *_ in connection.execute(f"PRAGMA main.table_info({table})") if name != "id"]


def _named(expressions: str) -> str:
    """Name the one column that is computed."""
    return expressions.replace("t.reading)", "t.reading) AS reading")
