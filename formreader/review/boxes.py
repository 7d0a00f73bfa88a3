"""The flagged boxes that can be judged by themselves, by what they were read as, least sure first."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from formreader.review.glance import Glance
from formreader.store import Desk

_KIND: Final = np.dtype(
    [("picture", "i8"), ("reading", "i8"), ("field", "i4"), ("mark", "S1"), ("rival", "S1"), ("confidence", "i4")]
)

# Boxes of readings that count, of pages that lie somewhere now, in undecided fields, without a mark that stands.
_OPEN: Final = """
SELECT p.id, p.reading, p.field, CASE p.mark WHEN '' THEN '-' ELSE p.mark END, p.rival, p.confidence
FROM pictures p JOIN judged_readings r ON r.id = p.reading
WHERE p.mark IS NOT NULL
    AND r.outcome = 'read' AND NOT EXISTS (SELECT 1 FROM judged_readings n
        WHERE n.sha256 = r.sha256 AND n.page = r.page AND n.id > r.id AND n.outcome = 'read')
    {placed} {decided} {marked}
"""
_PLACED: Final = """
    AND EXISTS (SELECT 1 FROM current_places c WHERE c.sha256 = r.sha256 AND c.page = r.page)
"""
_NOT_DECIDED: Final = """
    AND NOT EXISTS (SELECT 1 FROM current_decisions d
        WHERE d.sha256 = r.sha256 AND d.page = r.page AND d.field = p.field)
"""
_NOT_MARKED: Final = """
    AND NOT coalesce((SELECT stands FROM marks m WHERE m.sha256 = r.sha256 AND m.page = r.page AND m.field = p.field
        AND m.position = p.position ORDER BY m.id DESC LIMIT 1), 0)
"""

_PICTURES: Final = """
SELECT p.id FROM readings r JOIN pictures p ON p.reading = r.id
WHERE r.sha256 = ? AND r.page = ? AND p.field = ? AND p.mark IS NOT NULL
"""


class OpenBox(NamedTuple):
    """A box to judge.

    Attributes
    ----------
    picture
        Number of its picture, which names it.
    mark
        What it was read as: a digit, ``?`` for what could not be read, ``-`` for a strike (empty in the batch).
    rival
        The likeliest other digit.
    confidence
        In `mark`, in millionths.
    """

    picture: int
    mark: str
    rival: str
    confidence: int


class Boxes:
    """All open boxes of a batch, some 40 bytes each; what others do to the batch is seen within seconds."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._glance = Glance()
        self._rows: NDArray[np.void] = np.zeros(0, _KIND)
        self._open: NDArray[np.bool_] = np.zeros(0, np.bool_)
        self._order: NDArray[np.int64] = np.zeros(0, np.int64)
        self._names: dict[str, int] = {}

    def counts(self) -> dict[str, int]:
        """Give how many boxes are open, by what they were read as."""
        with self._desk.turn() as connection:
            self._look(connection)
            marks, counts = np.unique(self._rows["mark"][self._open], return_counts=True)
        return {mark.decode(): int(count) for mark, count in zip(marks, counts, strict=True)}

    def first(self, marks: str, rivals: str, skip: Sequence[int], most: int) -> list[OpenBox]:
        """Give the open boxes read as one of `marks`, least sure first.

        Parameters
        ----------
        rivals
            Only those whose likeliest other digit is one of these; all where empty.
        skip
            Pictures to leave out: those that are on the screen already.
        """
        with self._desk.turn() as connection:
            self._look(connection)
            wanted = self._open & np.isin(self._rows["mark"], [mark.encode() for mark in marks])
            if rivals:
                wanted &= np.isin(self._rows["rival"], [rival.encode() for rival in rivals])
            if skip:
                wanted &= ~np.isin(self._rows["picture"], list(skip))
            chosen = self._order[wanted[self._order]][:most]
            rows = self._rows[chosen]
        return [
            OpenBox(int(row["picture"]), row["mark"].decode(), row["rival"].decode(), int(row["confidence"]))
            for row in rows
        ]

    def fields(self, reading: int | None = None) -> set[tuple[int, str]]:
        """Give the fields with open boxes, by reading and name: of one reading, or all."""
        with self._desk.turn() as connection:
            self._look(connection)
            rows = self._rows[self._open & (self._rows["reading"] == reading)] if reading else self._rows[self._open]
            names = list(self._names)
        pairs = np.unique(rows[["reading", "field"]]).tolist()
        return {(number, names[field]) for number, field in pairs}

    def look_again(self) -> None:
        """Look at the whole batch anew when boxes are asked for next: a page was read, or taken back."""
        self._glance.forget()

    def renewed(self, keys: Iterable[tuple[str, int, str]]) -> None:
        """See whether boxes of some fields are open, after people decided or took back something about these here."""
        still, every = list[int](), list[int]()
        one = _OPEN.format(placed=_PLACED, decided=_NOT_DECIDED, marked=_NOT_MARKED)
        with self._desk.turn() as connection:
            for key in keys:
                of_field = connection.execute(f"{one} AND r.sha256 = ? AND r.page = ? AND p.field = ?", key)
                still += [picture for picture, *_ in of_field]
                every += [picture for (picture,) in connection.execute(_PICTURES, key)]
            places = np.isin(self._rows["picture"], every)
            self._open[places] = np.isin(self._rows["picture"][places], still)
            if not np.isin(still, self._rows["picture"]).all():
                self._glance.forget()  # it was closed when the batch was last looked at

    def _look(self, connection: sqlite3.Connection) -> None:
        """Find the open boxes, if anybody else wrote to the batch since and it is not just seconds ago."""
        if not self._glance.is_due(connection):
            return
        has = {
            table: connection.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone()  # noqa: S608 - ours
            for table in ("decisions", "marks")
        }
        replaced = "SELECT 1 FROM pages GROUP BY path HAVING count(*) > 1 LIMIT 1"
        query = _OPEN.format(
            placed=_PLACED if connection.execute(replaced).fetchone() else "",
            decided=_NOT_DECIDED if has["decisions"] else "",
            marked=_NOT_MARKED if has["marks"] else "",
        )
        self._names = {}
        number = self._names.setdefault
        rows = connection.execute(query)
        self._rows = np.fromiter(
            ((picture, reading, number(field, len(self._names)), *rest) for picture, reading, field, *rest in rows),
            _KIND,
        )
        self._open = np.ones(len(self._rows), np.bool_)
        self._order = np.argsort(self._rows["confidence"], kind="stable")
        self._glance.looked()
