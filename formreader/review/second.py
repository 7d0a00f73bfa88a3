"""Which decided fields another person is still to key, and where that key says something else.

All that was decided is listed, whether the program had flagged it or a person changed it on their own account; but for
what an audit put right, which two people keyed. A field is nobody's who ever judged it, or one of its digits.
"""

from __future__ import annotations

import sqlite3
import time
from bisect import bisect_left, bisect_right, insort
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import groupby
from typing import Any, Final, Literal, NamedTuple

from formreader.audit.verdicts import name_of
from formreader.store import Desk

Place = tuple[int, int]
"""Number of a reading, and which of its fields it is, from 0: fields in the order in which pages were read."""

Key = tuple[str, int, str]
"""SHA-256 of the scan, page, field."""

_HELD_S: Final = 120.0
"""What was handed to one person is not handed to another for so long, unless nothing else is left."""

_DECIDED: Final = "SELECT sha256, page, field, 'decided' AS said, id, who, old, new, how, stands, act FROM decisions"
_MARKED: Final = "SELECT sha256, page, field, 'marked', id, who, '', '', '', 0, '' FROM marks"
_KEYED: Final = "SELECT sha256, page, field, 'keyed', id, who, old, new, how, stands, act FROM second_keys"
_OF_FIELD: Final = " WHERE sha256 = ? AND page = ? AND field = ?"
_TABLES: Final = ("decisions", "marks", "second_keys")

_name_of = lru_cache(maxsize=1_000)(name_of)


class _Said(NamedTuple):
    sha256: str
    page: int
    field: str
    table: str
    id: int
    who: str
    old: str
    new: str
    how: str
    stands: int
    act: str


class Standing(NamedTuple):
    """Where a field stands.

    Attributes
    ----------
    state
        ``due``: to be keyed; ``differs``: the key says something else; ``done``: both agree, or a third look was had.
    judges
        Names, as compared, of those who ever judged it.
    keyer
        Name, as compared, of who keyed it; empty where nobody did.
    """

    state: Literal["due", "differs", "done"]
    judges: frozenset[str]
    keyer: str


class SecondKeys:
    """What is left for another person to key; what others do to the batch is seen at once, as rows are only added."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._last: dict[str, int] = {}
        self._due: list[Place] = []
        self._differs: list[Place] = []
        self._judges: dict[Place, frozenset[str]] = {}
        self._keyers: dict[Place, str] = {}
        self._due_by: Counter[frozenset[str]] = Counter()
        self._held: dict[Place, tuple[str, float]] = {}
        self._same: dict[frozenset[str], frozenset[str]] = {}  # few people judge many fields

    def left(self, who: str) -> tuple[int, int]:
        """Give how many fields this person may key, and how many wait for a third look.

        Keys of this person's own that differ are not told of while there is more to key: that would say of the last
        key that it differs.
        """
        with self._desk.turn() as connection:
            self._look(connection)
            due = self._due_for(name_of(who))
            return due, sum(1 for _ in self._to_see(name_of(who), due))

    def first(self, who: str, after: Place, most: int) -> list[Place]:
        """Give the next fields for a person to key, in reading order."""
        me, now = name_of(who), time.monotonic()
        with self._desk.turn() as connection:
            self._look(connection)
            if not self._due_for(me):
                return []
            free, held = list[Place](), list[Place]()
            for at in range(bisect_right(self._due, after), len(self._due)):
                place = self._due[at]
                if me in self._judges[place]:
                    continue
                other, until = self._held.get(place, (me, now))
                (held if other != me and until > now else free).append(place)
                if len(free) == most:
                    break
            found = (free or held)[:most]
            self._held |= dict.fromkeys(found, (me, now + _HELD_S))
            return found

    def differing(self, who: str, after: Place) -> Place | None:
        """Give the next field that waits for a third look, from the first again after the last."""
        me = name_of(who)
        with self._desk.turn() as connection:
            self._look(connection)
            places = list(self._to_see(me, self._due_for(me)))
        return next((place for place in places if place > after), places[0] if places else None)

    def key(self, place: Place) -> Key | None:
        """Name the field at a place; None where there is none."""
        reading, nth = place
        query = "SELECT sha256, page FROM readings WHERE id = ? AND outcome = 'read'"
        with self._desk.turn() as connection:
            row = connection.execute(query, (reading,)).fetchone()
            current, names = self._desk.results.fields_of_page(*row) if row else (0, ())
        return (row[0], row[1], names[nth]) if current == reading and nth < len(names) else None

    def place(self, key: Key) -> Place | None:
        """Give where a field stands in the order of keying; None where its page shows none of its name any more."""
        with self._desk.turn():
            return self._placed(key)

    def standing(self, key: Key) -> Standing | None:
        """Say where a field stands; None where nothing is decided that another person should key."""
        with self._desk.turn() as connection:
            return _standing(connection, _rows(connection, key))

    def _due_for(self, me: str) -> int:
        return len(self._due) - sum(count for judges, count in self._due_by.items() if me in judges)

    def _to_see(self, me: str, due: int) -> Iterator[Place]:
        return (place for place in self._differs if not due or self._keyers[place] != me)

    def _look(self, connection: sqlite3.Connection) -> None:
        """Take in what was added since the last look; everything at the first."""
        before = self._last
        names = (*_TABLES, "readings")
        self._last = {name: connection.execute(f"SELECT max(id) FROM {name}").fetchone()[0] or 0 for name in names}  # noqa: S608
        if not before:
            self._load(connection)
            return
        if self._last == before:
            return
        touched = set[Key]()
        for name in _TABLES:
            query = f"SELECT DISTINCT sha256, page, field FROM {name} WHERE id > ?"  # noqa: S608 - ours
            touched.update(connection.execute(query, (before[name],)))
        again = "SELECT DISTINCT sha256, page FROM readings WHERE id > ? AND outcome = 'read'"
        for page in connection.execute(again, (before["readings"],)).fetchall():
            self._forget(connection, page)
            fields = "SELECT DISTINCT field FROM decisions WHERE sha256 = ? AND page = ?"
            touched.update((*page, field) for (field,) in connection.execute(fields, page))
        for key in touched:
            place = self._placed(key)
            if place is not None:
                self._drop(place)
                self._add(place, _standing(connection, _rows(connection, key)), insort)

    def _load(self, connection: sqlite3.Connection) -> None:
        """Find all that is open in one pass, field by field as the tables' indexes have them."""
        for page, fields in groupby(groupby(_rows(connection), key=lambda row: row[:3]), key=lambda one: one[0][:2]):
            reading, names = self._fields_of(page)
            for (*_, field), rows in fields:
                if field in names:
                    self._add((reading, names.index(field)), _standing(connection, rows), list.append)
        self._due.sort()
        self._differs.sort()

    def _fields_of(self, page: tuple[str, int]) -> tuple[int, tuple[str, ...]]:
        """Give the number of a page's reading, and the names of its fields; none where it was never read."""
        return self._desk.results.fields_of_page(*page)

    def _placed(self, key: Key) -> Place | None:
        reading, names = self._fields_of(key[:2])
        return (reading, names.index(key[2])) if key[2] in names else None

    def _add(self, place: Place, found: Standing | None, put: Any) -> None:
        if found is None or found.state == "done":
            return
        if found.state == "due":
            put(self._due, place)
            self._judges[place] = self._same.setdefault(found.judges, found.judges)
            self._due_by[found.judges] += 1
        else:
            put(self._differs, place)
            self._keyers[place] = found.keyer

    def _drop(self, place: Place) -> None:
        self._held.pop(place, None)
        if self._keyers.pop(place, None) is not None:
            del self._differs[bisect_left(self._differs, place)]
        judges = self._judges.pop(place, None)
        if judges is not None:
            del self._due[bisect_left(self._due, place)]
            self._due_by[judges] -= 1

    def _forget(self, connection: sqlite3.Connection, page: tuple[str, int]) -> None:
        """Drop what a page shows by its earlier readings."""
        query = "SELECT id FROM readings WHERE sha256 = ? AND page = ? AND outcome = 'read'"
        for (reading,) in connection.execute(query, page).fetchall():
            for places in (self._due, self._differs):
                for place in places[bisect_left(places, (reading, 0)) : bisect_left(places, (reading + 1, 0))]:
                    self._drop(place)


def _rows(connection: sqlite3.Connection, key: Key | None = None) -> Iterator[_Said]:
    """Give what was said of one field, or of all, one after the other."""
    # Each table has an index in this order, so that SQLite merges them as they come.
    chosen, given = (_OF_FIELD, 3 * key) if key else ("", ())
    query = " UNION ALL ".join(f"{query}{chosen}" for query in (_DECIDED, _MARKED, _KEYED))
    rows = connection.cursor().execute(f"{query} ORDER BY sha256, page, field", given)
    return map(_Said._make, rows)


def _standing(connection: sqlite3.Connection, rows: Iterable[_Said]) -> Standing | None:
    last: dict[str, _Said] = {}
    who = set[str]()
    for row in rows:
        if row.table != "keyed":
            who.add(_name_of(row.who))
        if row.table not in last or row.id > last[row.table].id:
            last[row.table] = row
    decided, keyed, judges = last.get("decided"), last.get("keyed"), frozenset(who)
    if decided is None or not decided.stands or decided.how == "audit":
        return None
    if keyed is None or not keyed.stands:
        return Standing("due", judges, "")
    keyer = _name_of(keyed.who)
    if decided.how == "third" and _order(connection, decided.act) > _order(connection, keyed.act):
        return Standing("done", judges, keyer)
    if keyed.old != decided.new:
        return Standing("due", judges, keyer)
    return Standing("done" if keyed.new == decided.new else "differs", judges, keyer)


def _order(connection: sqlite3.Connection, act: str) -> int:
    row = connection.execute("SELECT id FROM acts WHERE code = ?", (act,)).fetchone()
    return row[0] if row else 0
