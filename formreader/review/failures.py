"""The pages whose last reading failed and that nobody settled."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Final

from formreader.review.glance import Glance
from formreader.store import Desk, natural

# The index of failures is short where the batch is long; only pages that lie somewhere now are asked about.
_FAILED: Final = """
SELECT f.id, f.page, (SELECT name FROM pages g WHERE g.sha256 = f.sha256 AND g.page = f.page
    ORDER BY duplicate, id DESC LIMIT 1)
FROM readings f INDEXED BY failures
WHERE f.outcome = 'failed'
    AND f.id = (SELECT max(id) FROM judged_readings j WHERE j.sha256 = f.sha256 AND j.page = f.page)
    AND (SELECT outcome FROM judged_readings j WHERE j.id = f.id) = 'failed'
    AND EXISTS (SELECT 1 FROM current_places p WHERE p.sha256 = f.sha256 AND p.page = f.page)
"""


@dataclass(frozen=True, slots=True)
class FailedPage:
    """A page that failed when last read.

    Attributes
    ----------
    reading
        Number of the reading that failed, which names it.
    keeps
        Whether an earlier reading of it counts meanwhile.
    """

    reading: int
    sha256: str
    page: int
    scan: str
    stage: str
    reason: str
    keeps: bool


class Failures:
    """All failed pages of a batch in the order of their names; what others do is seen within seconds."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._glance = Glance()
        self._readings: list[int] = []

    def count(self) -> int:
        """Count them."""
        with self._desk.turn() as connection:
            self._look(connection)
            return len(self._readings)

    def listed(self, skip: int, most: int) -> list[FailedPage]:
        """Give some of them, from the one after so many."""
        with self._desk.turn() as connection:
            self._look(connection)
            found = (looked_up(connection, reading) for reading in self._readings[skip : skip + most])
            return [page for page in found if page is not None]

    def look_again(self) -> None:
        """Look at the batch anew when pages are asked for next."""
        self._glance.forget()

    def _look(self, connection: sqlite3.Connection) -> None:
        if not self._glance.is_due(connection):
            return
        rows = connection.execute(_FAILED).fetchall()
        rows.sort(key=lambda row: (natural(row[2] or ""), row[1]))
        self._readings = [row[0] for row in rows]
        self._glance.looked()


def looked_up(connection: sqlite3.Connection, reading: int) -> FailedPage | None:
    """Give a page that failed by the number of its reading; None where it is settled or was read since."""
    query = (
        "SELECT j.id, j.sha256, j.page, (SELECT name FROM pages g WHERE g.sha256 = j.sha256 AND g.page = j.page"
        " ORDER BY duplicate, id DESC LIMIT 1), j.stage, j.reason,"
        " EXISTS (SELECT 1 FROM judged_readings e WHERE e.sha256 = j.sha256 AND e.page = j.page AND e.outcome = 'read')"
        " FROM judged_readings j WHERE j.id = ? AND j.outcome = 'failed' AND NOT EXISTS"
        " (SELECT 1 FROM judged_readings l WHERE l.sha256 = j.sha256 AND l.page = j.page AND l.id > j.id)"
    )
    row = connection.execute(query, (reading,)).fetchone()
    if row is None:
        return None
    number, sha256, page, scan, stage, reason, keeps = row
    return FailedPage(number, sha256, page, scan or "", stage, reason, bool(keeps))
