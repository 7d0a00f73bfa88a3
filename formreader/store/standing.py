"""How far a batch is: counts that take no look into the readings, so that they come at once for a large one."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray

_OUTCOMES: Final = ("read", "failed", "skipped", "left_out")


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run, as it was called; times are UTC, `finished` is None for one that goes on or was broken off."""

    started: datetime
    finished: datetime | None
    model: str
    model_fingerprint: str
    template_fingerprint: str
    settings: str
    version: str


@dataclass(frozen=True, slots=True)
class FailedPage:
    """A page that failed when last read."""

    name: str
    page: int
    stage: str
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class Standing:
    """How far a batch is.

    Attributes
    ----------
    runs
        In their order.
    read, skipped
        Pages with such an answer; skipped ones were blank or left out.
    duplicates
        Names that hold what another page holds too.
    failures
        Pages that failed when last read; some of them keep an earlier reading and count as read too.
    waiting
        Pages without an answer in the current series of runs.
    newest
        When the last page was answered or decided; None where none was.
    decided, deciders
        Fields that people decided, and how many people.
    review
        Pages, fields and boxes that are flagged, on pages of which no person decided anything.
    partly_decided
        Numbers of the readings of pages with a flag of which people decided something, or all.
    """

    runs: tuple[RunRow, ...]
    pages: int
    read: int
    skipped: int
    duplicates: int
    failures: tuple[FailedPage, ...]
    waiting: int
    newest: datetime | None
    decided: int
    deciders: int
    review: tuple[int, int, int]
    partly_decided: NDArray[np.int64]


def standing_of(connection: sqlite3.Connection) -> Standing:
    """Count what the views of the schema show; the readings are passed over once."""
    known = _keys(connection.execute("SELECT sha256, page FROM current_pages"))
    query = (
        "SELECT sha256, page, r.id, outcome, series = (SELECT max(series) FROM runs), flagged_fields, flagged_boxes"
        " FROM judged_readings r JOIN runs ON runs.id = run ORDER BY r.id"
    )
    kind = np.dtype([("key", "i8"), ("id", "i8"), ("outcome", "i1"), ("now", "?"), ("fields", "i4"), ("boxes", "i4")])
    rows = connection.execute(query)
    every = np.fromiter(
        ((hash((sha256, page)), number, _OUTCOMES.index(said), *rest) for sha256, page, number, said, *rest in rows),
        kind,
    )
    every = every[np.isin(every["key"], known)]
    latest = _last_of_each(every)
    read = _last_of_each(every[every["outcome"] == _OUTCOMES.index("read")])
    answered = np.unique(every["key"][every["now"]])
    flagged = read[read["fields"] > 0]
    touched = np.isin(flagged["key"], _keys(connection.execute("SELECT DISTINCT sha256, page FROM current_decisions")))
    untouched = flagged[~touched]
    unread = latest[~np.isin(latest["key"], read["key"])]
    decided, deciders = connection.execute(
        "SELECT count(*), (SELECT count(DISTINCT who) FROM decisions) FROM current_decisions"
    ).fetchone()
    return Standing(
        runs=runs_of(connection),
        pages=len(known),
        read=len(read),
        skipped=int((unread["outcome"] >= _OUTCOMES.index("skipped")).sum()),
        duplicates=connection.execute("SELECT count(*) FROM current_duplicates").fetchone()[0],
        failures=_failures(connection, latest),
        waiting=len(known) - len(answered),
        newest=_newest(connection),
        decided=decided,
        deciders=deciders,
        review=(len(untouched), int(untouched["fields"].sum()), int(untouched["boxes"].sum())),
        partly_decided=np.sort(flagged["id"][touched]),
    )


def _keys(pages: Iterable[tuple[str, int]]) -> NDArray[np.int64]:
    """Give contents as numbers of 64 bits: no two of a million pages are the same but once in 30 million batches."""
    return np.fromiter(map(hash, pages), np.int64)


def _last_of_each(rows: NDArray[np.void]) -> NDArray[np.void]:
    """Give the last row of each key."""
    _, first_from_end = np.unique(rows["key"][::-1], return_index=True)
    last: NDArray[np.void] = rows[::-1][first_from_end]
    return last


def runs_of(connection: sqlite3.Connection) -> tuple[RunRow, ...]:
    """Give the runs of a batch, in their order."""
    rows = connection.execute(
        "SELECT started, finished, model, model_fingerprint, template_fingerprint, settings, version"
        " FROM runs ORDER BY id"
    )
    return tuple(
        RunRow(datetime.fromisoformat(started), finished and datetime.fromisoformat(finished), *rest)
        for started, finished, *rest in rows
    )


def _failures(connection: sqlite3.Connection, latest: NDArray[np.void]) -> tuple[FailedPage, ...]:
    failed = set(latest["id"][latest["outcome"] == _OUTCOMES.index("failed")].tolist())
    rows = connection.execute(
        "SELECT r.id, p.name, r.page, stage, reason FROM readings r"
        " JOIN current_pages p ON p.sha256 = r.sha256 AND p.page = r.page WHERE outcome = 'failed' ORDER BY r.id"
    )
    return tuple(FailedPage(*page) for number, *page in rows if number in failed)


def _newest(connection: sqlite3.Connection) -> datetime | None:
    (newest,) = connection.execute(
        "SELECT max(at) FROM (SELECT max(at) AS at FROM readings UNION ALL SELECT max(at) FROM decisions)"
    ).fetchone()
    return datetime.fromisoformat(newest) if newest else None


def answers_since(connection: sqlite3.Connection, since: datetime) -> list[datetime]:
    """Give when the last run's pages were answered since a moment, the last first."""
    answers: list[datetime] = []
    query = "SELECT at FROM readings WHERE run = (SELECT max(id) FROM runs) ORDER BY id DESC"
    for (at,) in connection.execute(query):
        answers.append(datetime.fromisoformat(at))
        if answers[-1] < since:
            return answers[:-1]
    return answers
