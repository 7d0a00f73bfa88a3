"""The rows of the table in the order that is wanted: kept as numbers, brought up to date as the batch changes."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from typing import Annotated, Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from formreader.export import shown_status
from formreader.review.calls import Asked
from formreader.store import STATES, Desk, StoredPage, natural, open_results

_FEW: Final = 2_000
"""Pages that changed are looked up one by one; where more did, all are listed anew."""
_SHARE: Final = 10.0
"""Listing all anew may take one part in so many of the time."""
_ORDERS: Final = 6

Order = NDArray[np.int64]
Name = Annotated[str, Field(max_length=300)]


class Wanted(Asked):
    """Which rows of the table, in which order.

    Attributes
    ----------
    form
        Only pages that show this one; all where empty.
    sort
        ``scan``, ``page`` or ``status``, or ``field:`` and the name of one.
    """

    form: Name = ""
    sort: Name = "scan"
    down: bool = False
    status: Literal["", "read", "review", "checked", "failed", "skipped", "duplicate"] = ""
    flagged: bool = False
    text: Annotated[str, Field(max_length=200)] = ""
    skip: Annotated[int, Field(ge=0)] = 0
    most: Annotated[int, Field(ge=0, le=200)] = 60


class Table:
    """All pages of a batch in order; what people decide and read is seen at once, what a run adds within a while."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._lock = threading.RLock()
        self._rows: NDArray[np.void] | None = None
        self._by_place: Order = np.zeros(0, np.int64)
        self._last: dict[str, int] = {}
        self._listed_s = self._took_s = 0.0
        self._orders: OrderedDict[tuple[Any, ...], Order] = OrderedDict()

    def found(self, wanted: Wanted) -> tuple[NDArray[np.void], int]:
        """Give the rows that are wanted, and how many there are in all."""
        with self._lock:
            rows = self._renewed()
            order = self._ordered(rows, wanted)
            return rows[order[wanted.skip : wanted.skip + wanted.most]], len(order)

    def counts(self) -> dict[str, int]:
        """Count the pages of each state."""
        with self._lock:
            numbers = np.bincount(self._renewed()["state"], minlength=len(STATES))
        return dict(zip(STATES, numbers.tolist(), strict=True))

    def _renewed(self) -> NDArray[np.void]:
        """Bring the rows up to date with the batch."""
        tables = ("pages", "readings", "sorted_pages", "decisions")
        with self._desk.turn() as connection:
            query = "SELECT " + ", ".join(f"(SELECT max(id) FROM {table})" for table in tables)  # noqa: S608 - ours
            last = dict(zip(tables, (number or 0 for number in connection.execute(query).fetchone()), strict=True))
            rows = self._rows
            changed = set() if rows is None or last == self._last else self._changed(connection)
        if rows is None or len(changed) > _FEW or (last["pages"] != self._last["pages"] and self._is_time()):
            return self._listed()
        if changed:
            self._update(rows, changed)
            self._last = {**last, "pages": self._last["pages"]}
            self._orders.clear()
        return rows

    def _is_time(self) -> bool:
        return time.monotonic() - self._listed_s > _SHARE * self._took_s

    def _changed(self, connection: Any) -> set[tuple[str, int]]:
        """Give the pages that were read, decided or settled since."""
        changed: set[tuple[str, int]] = set()
        for table in ("readings", "sorted_pages", "decisions"):
            query = f"SELECT DISTINCT sha256, page FROM {table} WHERE id > ? LIMIT {_FEW + 1}"  # noqa: S608 - ours
            changed.update(connection.execute(query, (self._last[table],)))
        return changed

    def _listed(self) -> NDArray[np.void]:
        """List all pages anew, on a connection of its own: nobody waits for it who does not look at the table."""
        began = time.monotonic()
        with open_results(self._desk.folder) as results:
            self._last = results.last_rows()
            self._rows = rows = results.listing()
            order = np.argsort(rows["place"], kind="stable")
            self._by_place = order
            decided = np.array(list(results.left_to_check()), np.int64).reshape(-1, 2)
        decided = decided[np.argsort(decided[:, 0])]
        at = np.searchsorted(decided[:, 0], rows["reading"])
        is_decided = (at < len(decided)) & (np.append(decided[:, 0], -1)[at] == rows["reading"])
        left = np.append(decided[:, 1], 0)[at[is_decided]]
        rows["flagged"][is_decided] = left
        rows["state"][is_decided] = np.where(left, STATES.index("review"), STATES.index("checked"))
        self._orders.clear()
        self._listed_s, self._took_s = time.monotonic(), time.monotonic() - began
        return rows

    def _update(self, rows: NDArray[np.void], changed: set[tuple[str, int]]) -> None:
        """Look up anew what counts of some pages."""
        places = rows["place"][self._by_place]
        with self._desk.turn():
            for sha256, page in changed:
                for row in self._desk.results.rows_of(sha256, page):
                    at = int(np.searchsorted(places, row[0]))
                    if at < len(places) and places[at] == row[0]:
                        nth = self._by_place[at]
                        if rows["reading"][nth]:  # a duplicate stays one
                            rows[nth] = row
                            stored = self._desk.results.page_of(row[1])
                            rows["state"][nth], rows["flagged"][nth] = _standing(stored)

    def _ordered(self, rows: NDArray[np.void], wanted: Wanted) -> Order:
        key = (wanted.form, wanted.sort, wanted.down, wanted.status, wanted.flagged, wanted.text)
        if key not in self._orders:
            chosen = np.flatnonzero(self._chosen(rows, wanted))
            self._orders[key] = chosen[self._sorted(rows[chosen], wanted)]
            while len(self._orders) > _ORDERS:
                self._orders.popitem(last=False)
        return self._orders[key]

    def _chosen(self, rows: NDArray[np.void], wanted: Wanted) -> NDArray[np.bool_]:
        chosen: NDArray[np.bool_] = np.ones(len(rows), np.bool_)
        if wanted.form:
            chosen &= rows["form"] == self._desk.results.forms().index(wanted.form)
        if wanted.status:
            chosen &= rows["state"] == STATES.index(wanted.status)
        if wanted.flagged:
            chosen &= rows["flagged"] > 0
        if text := wanted.text.strip():
            with open_results(self._desk.folder) as results:
                places, readings = results.with_text(text)
            chosen &= np.isin(rows["place"], places) | np.isin(rows["reading"], readings)
        return chosen

    def _sorted(self, rows: NDArray[np.void], wanted: Wanted) -> Order:
        """Order rows, which come in that of names; what is alike keeps that order."""
        keys: NDArray[Any]
        if wanted.sort == "scan":
            keys = np.arange(len(rows))
        elif wanted.sort == "page":
            with self._desk.turn() as connection:
                numbers = dict(connection.execute("SELECT id, page FROM pages"))
            keys = np.array([numbers[place] for place in rows["place"].tolist()], np.int64)
        elif wanted.sort == "status":
            keys = rows["state"].astype(np.int64)
        else:
            with open_results(self._desk.folder) as results:
                values = results.values(wanted.form or results.forms()[0], wanted.sort.removeprefix("field:"))
            distinct = {value: natural(value) for value in set(values.values())}
            rank = {value: nth for nth, value in enumerate(sorted(distinct, key=distinct.__getitem__))}
            keys = np.array([rank.get(values.get(number, ""), -1) for number in rows["reading"].tolist()], np.int64)
        return np.argsort(-keys if wanted.down else keys, kind="stable")


def _standing(page: StoredPage) -> tuple[int, int]:
    return STATES.index(shown_status(page)), len(page.to_review)
