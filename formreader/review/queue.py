"""Which fields a person has to look at, of the whole batch: some 30 bytes each, right again after every decision.

The readings are paged through once, in a thread of its own. Rows of a batch are only ever added, so that what was
decided since, here or by others, is found by the numbers of the last rows that were seen.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any, Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from formreader.checks import find_repeats
from formreader.errors import FormreaderError
from formreader.store import Desk, open_results

Kind = Literal["doubt", "rule", "key"]
KINDS: Final[tuple[Kind, ...]] = ("doubt", "rule", "key")
UNIQUE: Final = ("unique", "unique in the batch")
"""The rule that a repeated value breaks: its key and words."""

_ROW: Final = np.dtype(
    [
        *(("reading", "i8"), ("nth", "u2"), ("name", "i4"), ("form", "i4"), ("kind", "u1"), ("rule", "i4")),
        *(("counts", "?"), ("decided", "?"), ("alone", "?")),
    ]
)
_CHUNK: Final = 2_000
_LOOKED_EVERY_S: Final = 0.02
"""While the batch is counted: until something to show is found. In between, whoever decides has a turn."""
_GIVES_WAY_S: Final = 0.001
_WORD: Final = 32  # bits of a field's number within its key

_FOUND: Final = """
SELECT id, run, form, fields FROM readings
WHERE id > ? AND id <= ? AND outcome = 'read' AND flagged_fields > 0 ORDER BY id LIMIT ?
"""
_COUNTING: Final = """
SELECT r.id FROM json_each(?) asked JOIN judged_readings r ON r.id = asked.value
WHERE r.outcome = 'read' AND NOT EXISTS (SELECT 1 FROM judged_readings n
        WHERE n.sha256 = r.sha256 AND n.page = r.page AND n.id > r.id AND n.outcome = 'read')
    AND EXISTS (SELECT 1 FROM current_places p WHERE p.sha256 = r.sha256 AND p.page = r.page)
"""
_DECIDED: Final = """
SELECT r.id, d.field FROM json_each(?) asked JOIN readings r ON r.id = asked.value
JOIN current_decisions d ON d.sha256 = r.sha256 AND d.page = r.page
"""
_ALONE: Final = """
SELECT DISTINCT p.reading, p.field FROM json_each(?) asked JOIN readings r ON r.id = asked.value
JOIN pictures p ON p.reading = r.id
WHERE p.mark IS NOT NULL AND NOT coalesce((SELECT stands FROM marks m WHERE m.sha256 = r.sha256 AND m.page = r.page
    AND m.field = p.field AND m.position = p.position ORDER BY m.id DESC LIMIT 1), 0)
"""
_SPOKEN_OF: Final = ("decisions", "marks", "sorted_pages")
_TOUCHED: Final = """
SELECT DISTINCT r.id FROM {} x JOIN readings r ON r.sha256 = x.sha256 AND r.page = x.page
WHERE x.id > ? AND r.outcome = 'read'
"""
_MOVED: Final = """
SELECT DISTINCT r.id FROM pages n JOIN pages q ON q.path = n.path
JOIN readings r ON r.sha256 = q.sha256 AND r.page = q.page WHERE n.id > ? AND r.outcome = 'read'
"""


class Open(NamedTuple):
    """A field to look at; `rule` is the key and the words of the first rule it breaks, empty where it breaks none."""

    reading: int
    form: str
    field: str
    kind: Kind
    rule: tuple[str, str]
    alone: bool
    """Whether its boxes are still to be judged one by one among their like."""


class Queue:
    """The fields of a batch that nobody decided."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._rows: NDArray[np.void] = np.zeros(0, _ROW)
        self._row_of: dict[int, int] = {}
        self._order: NDArray[np.int64] = np.zeros(0, np.int64)
        self._names: dict[str, int] = {}
        self._forms: dict[str, int] = {}
        self._rules: dict[tuple[str, str], int] = {("", ""): 0}
        self._runs: dict[int, dict[str, list[str]]] = {}
        self._seen = dict.fromkeys(("readings", "pages", *_SPOKEN_OF), 0)
        self._is_counted = threading.Event()
        self._counter: threading.Thread | None = None
        self._keyed: dict[str, Counter[str]] = {}
        self._keyed_seen = 0

    def start(self) -> None:
        """Count what is open, and look for what repeats, in a thread of its own; whoever asks for fields starts it."""
        with self._desk.turn():
            if self._counter is None:
                self._counter = threading.Thread(target=self._count_all, daemon=True)
                self._counter.start()

    def left(self) -> dict[str, int] | None:
        """Count what is open, by kind, and what is or was to be keyed; None while that is not known yet."""
        with self._desk.turn() as connection:
            if not self._is_counted.is_set():
                return None
            rows = self._open(connection, with_alone=False)
            left: dict[str, int] = {kind: int((rows["kind"] == number).sum()) for number, kind in enumerate(KINDS)}
            return {**left, "keyed": int((self._rows["kind"] == KINDS.index("key")).sum())}

    def groups(self, kind: Kind, *, with_alone: bool = False) -> list[tuple[str, str, int]]:
        """Give how many of a kind are open in each field of each form, in the order in which they are asked."""
        with self._desk.turn() as connection:
            rows = self._open(connection, with_alone=with_alone)
            rows = rows[rows["kind"] == KINDS.index(kind)]
            forms, names = list(self._forms), list(self._names)
            codes = (rows["form"].astype(np.int64) << 48) | (rows["nth"].astype(np.int64) << 32) | rows["name"]
            places, counts = np.unique(codes, return_counts=True)
        merged: Counter[tuple[str, str]] = Counter()
        for code, count in zip(places.tolist(), counts.tolist(), strict=True):
            merged[forms[code >> 48], names[code & 0xFFFFFFFF]] += count
        return [(*place, count) for place, count in merged.items()]

    def after(
        self,
        kind: Kind,
        last: tuple[int, str] | None,
        most: int,
        *,
        only: tuple[str, str] | None = None,
        with_alone: bool = False,
    ) -> list[Open]:
        """Give the open fields of a kind that come after one; the first where that is None or not known.

        Parameters
        ----------
        only
            Of this form and field alone.
        with_alone
            Also those whose boxes are still to be judged among their like.
        """
        self.start()
        while True:
            is_counted = self._is_counted.is_set()
            with self._desk.turn() as connection:
                self._catch_up(connection)
                wanted = self._wanted(kind, only, with_alone=with_alone)[self._order]
                if last is not None and (row := self._row(*last)) is not None:
                    wanted[: int(np.flatnonzero(self._order == row)[0]) + 1] = False
                chosen = self._order[np.flatnonzero(wanted)[:most]]
                if is_counted or len(chosen):
                    return [self._as_open(row) for row in self._rows[chosen]]
            self._is_counted.wait(_LOOKED_EVERY_S)

    def of(self, reading: int, field: str) -> Open | None:
        """Give what is known of a field, open or not; None where it is none that was ever flagged."""
        with self._desk.turn() as connection:
            self._catch_up(connection)
            row = self._row(reading, field)
            return None if row is None else self._as_open(self._rows[row])

    def keyed(self, field: str, start: str, most: int) -> list[str]:
        """Give texts that people keyed for a field and that begin so, most frequent first."""
        query = "SELECT id, field, new FROM decisions WHERE id > ? AND how = 'key' AND stands AND new <> '' ORDER BY id"
        with self._desk.turn() as connection:
            for number, name, text in connection.execute(query, (self._keyed_seen,)):
                self._keyed.setdefault(name, Counter())[text] += 1
                self._keyed_seen = number
            known = self._keyed.get(field, Counter[str]())
            folded = start.casefold()
            return [text for text, _ in known.most_common() if text.casefold().startswith(folded)][:most]

    def _as_open(self, row: Any) -> Open:
        forms, names, rules = list(self._forms), list(self._names), list(self._rules)
        return Open(
            int(row["reading"]),
            forms[row["form"]],
            names[row["name"]],
            KINDS[row["kind"]],
            rules[row["rule"]],
            bool(row["alone"]),
        )

    def _wanted(self, kind: Kind, only: tuple[str, str] | None, *, with_alone: bool) -> NDArray[np.bool_]:
        rows = self._rows
        wanted: NDArray[np.bool_] = rows["counts"] & ~rows["decided"] & (rows["kind"] == KINDS.index(kind))
        if not with_alone:
            wanted &= ~rows["alone"]
        if only is not None:
            form, name = only
            wanted &= (rows["form"] == self._forms.get(form, -1)) & (rows["name"] == self._names.get(name, -1))
        return wanted

    def _open(self, connection: sqlite3.Connection, *, with_alone: bool) -> NDArray[np.void]:
        self._catch_up(connection)
        wanted = self._rows["counts"] & ~self._rows["decided"]
        found: NDArray[np.void] = self._rows[wanted if with_alone else wanted & ~self._rows["alone"]]
        return found

    def _row(self, reading: int, field: str) -> int | None:
        return self._row_of.get(reading << _WORD | self._names.get(field, (1 << _WORD) - 1))

    def _count_all(self) -> None:
        """Page through the flagged readings, giving way to whoever asks in between; then add what repeats."""
        try:
            with self._desk.turn() as connection:
                for table in self._seen.keys() - {"readings"}:
                    self._seen[table] = _last(connection, table)
                last = _last(connection, "readings")
            while self._count_on(last):
                time.sleep(_GIVES_WAY_S)
        except sqlite3.Error:
            return  # the batch was closed meanwhile
        finally:
            self._is_counted.set()
        with suppress(FormreaderError, sqlite3.Error):
            with open_results(self._desk.folder) as results:
                repeats = list(find_repeats(results).fields())
            self._add_repeats(repeats)

    def _count_on(self, last: int) -> bool:
        """Take in some more readings, up to the `last`; say whether any are left.

        What a run adds meanwhile is taken in after it, once: a row that is there twice would never be decided.
        """
        with self._desk.turn() as connection:
            found = connection.execute(_FOUND, (self._seen["readings"], last, _CHUNK)).fetchall()
            self._add(connection, found)
            self._seen["readings"] = found[-1][0] if len(found) == _CHUNK else last
            self._arrange()
        return len(found) == _CHUNK

    def _catch_up(self, connection: sqlite3.Connection) -> None:
        """See what was read and decided since; while the count goes on, that does it."""
        if not self._is_counted.is_set():
            return
        touched: set[int] = set()
        for table in _SPOKEN_OF:
            touched.update(self._since(connection, table, _TOUCHED.format(table)))
        touched.update(self._since(connection, "pages", _MOVED))
        seen = self._seen["readings"]
        touched.update(self._since(connection, "readings", _TOUCHED.format("readings")))
        if self._seen["readings"] > seen:
            self._add(connection, connection.execute(_FOUND, (seen, self._seen["readings"], -1)).fetchall())
            self._arrange()
        self._renew(connection, touched)

    def _since(self, connection: sqlite3.Connection, table: str, query: str) -> list[int]:
        last = _last(connection, table)
        if last == self._seen[table]:
            return []
        touched = [number for (number,) in connection.execute(query, (self._seen[table],))]
        self._seen[table] = last
        return touched

    def _add(self, connection: sqlite3.Connection, found: Sequence[tuple[int, int, str, str]]) -> None:
        """Add the flagged fields of readings."""
        if any(run not in self._runs for _, run, *_ in found):
            self._runs = {run: json.loads(text) for run, text in connection.execute("SELECT id, fields FROM runs")}
        self._append(row for reading, run, form, text in found for row in self._flagged(reading, run, form, text))
        self._renew(connection, [reading for reading, *_ in found])

    def _flagged(self, reading: int, run: int, form: str, text: str) -> Iterator[tuple[Any, ...]]:
        names = self._runs[run].get(form, ())
        place = _number(self._forms, form)
        for nth, (_, _, reasons, name, ruled) in enumerate(map(_padded, json.loads(text))):
            if reasons:
                broken = [(key, words) for key, words, *severity in ruled.get("broken", ()) if not severity]
                is_keyed = "to_key" in reasons or ruled.get("kind") == "key"
                kind: Kind = "key" if is_keyed else "rule" if "rule" in reasons else "doubt"
                rule = _number(self._rules, broken[0] if broken else ("", ""))
                field = _number(self._names, name or names[nth])
                yield reading, nth, field, place, KINDS.index(kind), rule, False, False, False

    def _append(self, rows: Iterable[tuple[Any, ...]]) -> None:
        added = np.fromiter(rows, _ROW)
        keys = (added["reading"] << _WORD | added["name"]).tolist()
        self._row_of.update(zip(keys, range(len(self._rows), len(self._rows) + len(keys)), strict=True))
        self._rows = np.concatenate([self._rows, added])

    def _arrange(self) -> None:
        """Order what breaks rules, and what is to be keyed, by form, field and rule; all else by its page."""
        rows = self._rows
        by_page = rows["kind"] == KINDS.index("doubt")
        form, nth, rule = (np.where(by_page, 0, rows[name]) for name in ("form", "nth", "rule"))
        self._order = np.lexsort((rows["nth"], rows["reading"], rule, nth, form))

    def _renew(self, connection: sqlite3.Connection, readings: Iterable[int]) -> None:
        """Look up which readings count, which of their fields are decided, and which have boxes to judge alone."""
        numbers = sorted(readings)
        for start in range(0, len(numbers), _CHUNK):
            some = numbers[start : start + _CHUNK]
            asked = (json.dumps(some),)
            own = np.isin(self._rows["reading"], some)
            counting = [number for (number,) in connection.execute(_COUNTING, asked)]
            self._rows["counts"][own] = np.isin(self._rows["reading"][own], counting)
            for name, query in (("decided", _DECIDED), ("alone", _ALONE)):
                self._rows[name][own] = False
                found = (self._row(reading, field) for reading, field in connection.execute(query, asked))
                self._rows[name][[row for row in found if row is not None]] = True

    def _add_repeats(self, repeats: Sequence[tuple[int, str]]) -> None:
        """Put fields whose values repeat with those that break rules."""
        rule, kind = _number(self._rules, UNIQUE), KINDS.index("rule")
        with self._desk.turn() as connection:
            new = []
            for reading, field in repeats:
                row = self._row(reading, field)
                if row is None:
                    run, form = connection.execute("SELECT run, form FROM readings WHERE id = ?", (reading,)).fetchone()
                    names = self._runs.get(run, {}).get(form, [])
                    nth = names.index(field) if field in names else len(names)
                    new.append((reading, nth, _number(self._names, field), _number(self._forms, form), kind, rule))
                elif self._rows["kind"][row] == KINDS.index("doubt"):
                    self._rows["kind"][row], self._rows["rule"][row] = kind, rule
            self._append((*row, False, False, False) for row in new)
            self._arrange()
            self._renew(connection, {reading for reading, *_ in new})


def _last(connection: sqlite3.Connection, table: str) -> int:
    query = f"SELECT coalesce(max(id), 0) FROM {table}"  # noqa: S608 - one of ours
    return int(connection.execute(query).fetchone()[0])


def _number(known: dict[Any, int], what: Any) -> int:
    """Give the number of a text, a new one where it has none."""
    return known.setdefault(what, len(known))


def _padded(packed: list[Any]) -> tuple[Any, ...]:
    """Give a stored field with all its parts: trailing empty ones are not stored."""
    return (*packed, *([], None, {})[len(packed) - 2 :])
