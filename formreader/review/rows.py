"""The rows of the table in the order that is wanted: kept as numbers, brought up to date as the batch changes."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from formreader.served.calls import Asked, Number
from formreader.store import STATES, Desk, natural, open_results

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
    skip: Number = 0
    most: Annotated[int, Field(ge=0, le=200)] = 60


class Table:
    """All pages of a batch in order; what people decide and read is seen at once, what a run adds within a while."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._lock = threading.RLock()
        self._rows: NDArray[np.void] | None = None
        self._by_place: Order = np.zeros(0, np.int64)
        self._last: dict[str, int] = {}
        self._forms: tuple[str, ...] = ()
        self._columns: dict[str, tuple[str, ...]] = {}
        self._listed_s = self._took_s = 0.0
        self._orders: OrderedDict[tuple[Any, ...], Order] = OrderedDict()

    def found(self, wanted: Wanted) -> tuple[NDArray[np.void], int]:
        """Give the rows that are wanted, and how many there are in all."""
        with self._lock:
            rows = self._renewed()
            order = self._ordered(rows, wanted)
            return rows[order[wanted.skip : wanted.skip + wanted.most]], len(order)

    def columns(self, form: str) -> tuple[str, ...]:
        """Give the names of a form's fields, of all pages' where it is empty; worked out once a listing."""
        with self._lock:
            self._renewed()
            if form not in self._columns:
                with open_results(self._desk.folder) as results:
                    known = results.form_fields().get(form, ())
                    whole = bool(known) and results.listing().has_only(form, known)
                    self._columns[form] = tuple(known) if whole else results.columns(form or None)
            return self._columns[form]

    def counts(self) -> dict[str, int]:
        """Count the pages of each state."""
        with self._lock:
            numbers = np.bincount(self._renewed()["state"], minlength=len(STATES))
        return dict(zip(STATES, numbers.tolist(), strict=True))

    def _renewed(self) -> NDArray[np.void]:
        """Bring the rows up to date with the batch."""
        rows = self._rows
        if rows is None:
            return self._listed()
        with self._desk.turn() as connection:
            last = self._desk.results.listing().last()
            changed = self._changed(connection, last) if last != self._last else set()
        if len(changed) > _FEW or (last["pages"] != self._last["pages"] and self._is_time()):
            return self._listed()
        if changed:
            self._update(rows, changed)
            self._last = {**last, "pages": self._last["pages"]}
            self._orders.clear()
        return rows

    def _is_time(self) -> bool:
        return time.monotonic() - self._listed_s > _SHARE * self._took_s

    def _changed(self, connection: Any, last: Mapping[str, int]) -> set[tuple[str, int]]:
        """Give the pages that were read, decided or settled since."""
        changed: set[tuple[str, int]] = set()
        for table in last.keys() - {"pages"}:
            query = f"SELECT DISTINCT sha256, page FROM {table} WHERE id > ? LIMIT {_FEW + 1}"  # noqa: S608 - ours
            changed.update(connection.execute(query, (self._last[table],)))
        return changed

    def _listed(self) -> NDArray[np.void]:
        """List all pages anew, on a connection of its own: nobody waits for it who does not look at the table."""
        began = time.monotonic()
        with open_results(self._desk.folder) as results:
            listing = results.listing()
            self._last, self._forms, self._rows = listing.last(), listing.forms, listing.rows()
        self._columns.clear()
        self._by_place = np.argsort(self._rows["place"], kind="stable")
        self._orders.clear()
        self._listed_s, self._took_s = time.monotonic(), time.monotonic() - began
        return self._rows

    def _update(self, rows: NDArray[np.void], changed: set[tuple[str, int]]) -> None:
        """Look up anew what counts of some pages; a duplicate stays one."""
        places = rows["place"][self._by_place]
        with self._desk.turn():
            listing = self._desk.results.listing()
            found = [row for key in changed for row in listing.rows_of(*key)]
            for row in found:
                at = int(np.searchsorted(places, row[0]))
                if at == len(places) or places[at] != row[0] or not rows["reading"][self._by_place[at]]:
                    continue
                page = self._desk.results.page_of(row[1])
                left = len(page.to_review)
                rows[self._by_place[at]] = (*row[:3], STATES.index(page.shown_status), left)

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
            chosen &= rows["form"] == self._forms.index(wanted.form) if wanted.form in self._forms else False
        if wanted.status:
            chosen &= rows["state"] == STATES.index(wanted.status)
        if wanted.flagged:
            chosen &= rows["flagged"] > 0
        if text := wanted.text.strip():
            with open_results(self._desk.folder) as results:
                places, readings = results.listing().with_text(text)
            chosen &= np.isin(rows["place"], places) | np.isin(rows["reading"], readings)
        return chosen

    def _sorted(self, rows: NDArray[np.void], wanted: Wanted) -> Order:
        """Order rows, which come in that of names; what is alike keeps that order."""
        keys: NDArray[Any]
        if wanted.sort == "scan":
            keys = np.arange(len(rows))
        elif wanted.sort == "page":
            with open_results(self._desk.folder) as results:
                numbers = results.listing().pages()
            keys = np.array([numbers[place] for place in rows["place"].tolist()], np.int64)
        elif wanted.sort == "status":
            keys = rows["state"].astype(np.int64)
        else:
            with open_results(self._desk.folder) as results:
                form = wanted.form or next(iter(results.sheets()), "")
                values = results.listing().values(form, wanted.sort.removeprefix("field:"))
            distinct = {value: natural(value) for value in set(values.values())}
            rank = {value: nth for nth, value in enumerate(sorted(distinct, key=distinct.__getitem__))}
            keys = np.array([rank.get(values.get(number, ""), -1) for number in rows["reading"].tolist()], np.int64)
        return np.argsort(-keys if wanted.down else keys, kind="stable")
