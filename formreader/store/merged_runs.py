"""The runs of batches that are joined: in which order they stand, and which go on from each other."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from formreader.store.folder import insert

_SETTINGS: Final = {"template_fingerprint": "template", "model_fingerprint": "model", "settings": "settings"}


@dataclass(slots=True, eq=False)
class Run:
    """A run of one of the batches.

    Attributes
    ----------
    row
        As it is stored.
    started
        Not before the run before it, whatever the clock said.
    looks
        Equal for two runs of two batches where one is a copy of the other.
    """

    source: int
    row: dict[str, Any]
    started: str
    looks: tuple[Any, ...]

    @property
    def group(self) -> tuple[int, int]:
        """Its batch and its series there."""
        return self.source, self.row["series"]

    @property
    def settings(self) -> tuple[Any, ...]:
        """All that decides what is read."""
        return tuple(self.row[name] for name in _SETTINGS)


def join_runs(connection: sqlite3.Connection, names: Sequence[str]) -> list[Run]:
    """Store all runs, and in the temporary table ``run_of`` their new ids; give the last run of each batch.

    The last series of all batches that were last read under the newest settings become one, so that a run goes on with
    the pages of all of them; those under other settings stand before it.
    """
    batches = [_runs_of(connection, source, name) for source, name in enumerate(names)]
    entries = _in_order(batches)
    series = _new_series(entries, batches)
    connection.execute("CREATE TEMP TABLE run_of (source, old, new, PRIMARY KEY (source, old))")
    for new, entry in enumerate(sorted(entries, key=lambda entry: series[entry[0].group]), start=1):
        finished = max((run.row["finished"] for run in entry if run.row["finished"]), default=None)
        row = {**entry[0].row, "id": new, "series": series[entry[0].group], "finished": finished}
        insert(connection, "main.runs", row)
        for run in entry:
            connection.execute("INSERT INTO run_of VALUES (?, ?, ?)", (run.source, run.row["id"], new))
    return [batch[-1] for batch in batches]


def _runs_of(connection: sqlite3.Connection, source: int, name: str) -> list[Run]:
    query = (
        f"SELECT run, sha256, page, path FROM {name}.pages WHERE id IN (SELECT min(id) FROM {name}.pages GROUP BY run)"  # noqa: S608
    )
    first_page = {run: page for run, *page in connection.execute(query)}
    cursor = connection.execute(f"SELECT * FROM {name}.runs ORDER BY id")  # noqa: S608
    columns = [column for column, *_ in cursor.description]
    runs: list[Run] = []
    for values in cursor:
        row = dict(zip(columns, values, strict=True))
        started = max(row["started"], runs[-1].started) if runs else row["started"]
        itself = [value for column, value in row.items() if column not in ("id", "series", "finished")]
        runs.append(Run(source, row, started, (*itself, *first_page.get(row["id"], (source, row["id"])))))
    return runs


def _in_order(batches: Sequence[Sequence[Run]]) -> list[list[Run]]:
    """Give all runs as they began, each batch's in its order; those that several batches hold as one entry."""
    entries: list[list[Run]] = []
    for batch in batches:
        placed: list[list[Run]] = []
        rest = entries
        for run in batch:
            same = next((place for place, entry in enumerate(rest) if entry[0].looks == run.looks), None)
            if same is not None:
                placed += [*rest[:same], [*rest[same], run]]
                rest = rest[same + 1 :]
                continue
            later = next((place for place, entry in enumerate(rest) if entry[0].started > run.started), len(rest))
            placed += [*rest[:later], [run]]
            rest = rest[later:]
        entries = [*placed, *rest]
    return entries


def _new_series(entries: Sequence[Sequence[Run]], batches: Sequence[Sequence[Run]]) -> dict[tuple[int, int], int]:
    """Give the new number of each batch's series."""
    newest = max((batch[-1] for batch in batches), key=lambda run: (run.started, run.source))
    last = {batch[-1].group for batch in batches if batch[-1].settings == newest.settings}
    for entry in entries:
        groups = {run.group for run in entry}
        if groups & last and any(batches[source][-1].group != (source, series) for source, series in groups):
            last -= groups  # a copy has gone on from there to another series
    number: dict[tuple[int, int], int] = {}
    for entry in sorted(entries, key=lambda entry: all(run.group in last for run in entry)):
        groups = {run.group for run in entry}
        alike = groups | (last if groups & last else set())
        known = [number[group] for group in sorted(alike) if group in number]
        this = known[0] if known else max(number.values(), default=0) + 1
        number = dict.fromkeys(groups, this) | number
    return number


def settings_apart(last_runs: Sequence[Run], sources: Sequence[Path]) -> Iterator[str]:
    """Say in what the batches were last read differently."""
    apart = [said for name, said in _SETTINGS.items() if len({run.row[name] for run in last_runs}) > 1]
    if apart:
        named = ", ".join(map(str, sources[:-1])) + f" and {sources[-1]}"
        yield f"{named} were last read with different {' and '.join(apart)}: each reading stays as its run made it"
