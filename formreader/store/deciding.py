"""What people decide of a batch: rows that are only ever added, so that everything can be taken back and traced.

Several people decide at once, and a run may be writing meanwhile: each act is a short transaction, and whoever acts
says which version of a row was seen. What another did since is never overwritten unseen.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

from formreader.store.audits import now
from formreader.store.batch import add_reading
from formreader.store.folder import connected, insert, need_batch, prepare, transaction
from formreader.store.results import Results
from formreader.values import PageReading

Table = Literal["decisions", "marks", "second_keys", "sorted_pages"]

KEYS: Final[dict[Table, tuple[str, ...]]] = {
    "decisions": ("sha256", "page", "field"),
    "marks": ("sha256", "page", "field", "position"),
    "second_keys": ("sha256", "page", "field"),
    "sorted_pages": ("sha256", "page"),
}
"""What the rows of each table are about: the last one of a key is the last word on it."""
_CODE_BYTES: Final = 9
_NEWER_THAN_ANY: Final = 2**63 - 1


class Said(NamedTuple):
    """The last word on a field, a box or a page.

    Attributes
    ----------
    version
        Number of its row; whoever decides anew says which one was seen, 0 for none.
    stands
        False where it was taken back: nothing is decided.
    """

    version: int
    at: str
    who: str
    new: str
    how: str
    stands: bool


def _said(version: int, at: str, who: str, new: str, how: str, stands: int) -> Said:
    return Said(version, at, who, new, how, bool(stands))


class Undone(NamedTuple):
    """What taking an act back did.

    Attributes
    ----------
    how
        Which kind of act it was; empty where there was none.
    rows
        (table, key) of what is as it was before.
    kept
        How many rows stay, as another decided since.
    """

    how: str
    rows: tuple[tuple[Table, tuple[Any, ...]], ...]
    kept: int


class Act:
    """What one person does at once; `Desk.act` makes it. Its connection is for looking things up meanwhile."""

    def __init__(self, connection: sqlite3.Connection, code: str, who: str, how: str) -> None:
        self.connection = connection
        self._code = code
        self._row = {"at": now(), "who": who, "how": how, "act": code}
        self._is_noted = False

    def note(self, how: str, undoes: str = "") -> None:
        """Note the act itself: one that says nothing is none, and nobody could tell what taking it back did."""
        if not self._is_noted:
            row = {"code": self._code, "at": self._row["at"], "who": self._row["who"], "how": how, "undoes": undoes}
            insert(self.connection, "acts", row)
            self._is_noted = True

    def say(self, table: Table, key: tuple[Any, ...], old: str, new: str, *, stands: bool = True) -> int:
        """Add the last word on something; give its version."""
        self.note(self._row["how"])
        named = dict(zip(KEYS[table], key, strict=True))
        return insert(self.connection, table, {**self._row, **named, "old": old, "new": new, "stands": int(stands)})

    def read(self, answer: PageReading, old: str) -> int:
        """Add a reading that a person made to the last run; give its number.

        It counts while this is the last word on its page: taken back, the page is as it was, and the reading is kept.

        Parameters
        ----------
        old
            What was said of the page before.
        """
        run, fields = self.connection.execute("SELECT id, fields FROM runs ORDER BY id DESC LIMIT 1").fetchone()
        made = f"read_by_hand {self._code}"
        self.say("sorted_pages", (answer.ref.sha256, answer.ref.page), old, made)
        return add_reading(self.connection, run, json.loads(fields).get(answer.form, ()), answer, made)


class Desk:
    """A batch at which people decide; threads take turns at it inside `turn`. `open_desk` makes it."""

    def __init__(self, connection: sqlite3.Connection, folder: Path) -> None:
        self.folder = folder
        self.results = Results(connection, folder)
        self._connection = connection
        self._lock = threading.RLock()

    @contextmanager
    def turn(self) -> Iterator[sqlite3.Connection]:
        """Have the batch for oneself, to look things up in it."""
        with self._lock:
            yield self._connection

    def said(self, table: Table, key: tuple[Any, ...]) -> Said | None:
        """Give the last word on something; None where there never was one."""
        return self._before(table, key, _NEWER_THAN_ANY)

    def origin(self, table: Table, key: tuple[Any, ...], said: Said) -> Said:
        """Give the word that a later one, which took back what came between, leads back to; else the word itself."""
        wanted = " AND ".join(f"{name} = ?" for name in KEYS[table])
        first = f"SELECT min(id) FROM {table} WHERE {wanted} AND act = (SELECT undoes FROM acts WHERE code = ?)"  # noqa: S608
        while said.how == "undo":
            (row,) = self._connection.execute(first, (*key, self._act_of(table, said.version))).fetchone()
            before = self._before(table, key, row) if row else None
            if before is None:
                break
            said = before
        return said

    def before(self, table: Table, key: tuple[Any, ...], said: Said) -> Said | None:
        """Give what was said before a word; None where that was the first."""
        return self._before(table, key, self.origin(table, key, said).version)

    def counting(self, sha256: str, page: int) -> int | None:
        """Give the number of the reading of a page that counts; None where it shows no form, or was never read."""
        query = "SELECT max(id) FROM judged_readings WHERE sha256 = ? AND page = ? AND outcome = 'read'"
        number: int | None = self._connection.execute(query, (sha256, page)).fetchone()[0]
        return number

    def marks(self, sha256: str, page: int, field: str) -> dict[int, Said]:
        """Give the marks that stand in a field's boxes, by position."""
        # Beside max(), SQLite takes the other columns from the row that has it.
        query = (
            "SELECT position, max(id), at, who, new, how, stands FROM marks"
            " WHERE sha256 = ? AND page = ? AND field = ? GROUP BY position"
        )
        rows = self._connection.execute(query, (sha256, page, field)).fetchall()
        said = {position: _said(*rest) for position, *rest in rows}
        return {position: one for position, one in said.items() if one.stands}

    @contextmanager
    def act(self, who: str, how: str, undoes: str = "") -> Iterator[Act]:
        """Do something at once: all of it is on the disk when the ``with`` block ends, or nothing.

        Raises
        ------
        BatchError
            The batch cannot be written to.
        """
        with self._lock, transaction(self._connection, self.folder):
            code = secrets.token_urlsafe(_CODE_BYTES)
            act = Act(self._connection, code, who, "undo" if undoes else how)
            if undoes:
                act.note(how, undoes)
            yield act

    def undo(
        self, who: str, then: Callable[[Act, Sequence[tuple[Table, tuple[Any, ...]]]], None], of: Sequence[str] = ()
    ) -> Undone:
        """Take back the last thing that a person did and did not take back yet.

        Parameters
        ----------
        then
            Says, within the same act, what follows for what is as it was before: its tables and keys.
        of
            Which kinds of acts; of all where left out.

        Raises
        ------
        BatchError
            The batch cannot be written to.
        """
        kinds = f" AND how IN ({', '.join('?' * len(of))})" if of else ""
        query = (
            f"SELECT code, how FROM acts a WHERE who = ? AND undoes = ''{kinds}"  # noqa: S608 - ours
            " AND NOT EXISTS (SELECT 1 FROM acts u WHERE u.undoes <> '' AND u.undoes = a.code) ORDER BY id DESC LIMIT 1"
        )
        with self._lock, transaction(self._connection, self.folder):
            row = self._connection.execute(query, (who, *of)).fetchone()
            if row is None:
                return Undone("", (), 0)
            code, how = row
            with self.act(who, how, undoes=code) as undoing:
                changed, kept = list[tuple[Table, tuple[Any, ...]]](), 0
                for table, key, first, old in self._rows_of(code):
                    last = self.said(table, key)
                    before = self._before(table, key, first)
                    if last is None or self._act_of(table, self.origin(table, key, last).version) != code:
                        kept += 1
                    else:
                        new, stands = (before.new, before.stands) if before else (old, False)
                        undoing.say(table, key, last.new, new, stands=stands)
                        changed.append((table, key))
                then(undoing, changed)
        return Undone(how, tuple(changed), kept)

    def _rows_of(self, code: str) -> Iterator[tuple[Table, tuple[Any, ...], int, str]]:
        """Give what an act spoke of, with its first row about each and what that found before."""
        for table in KEYS:
            key = ", ".join(KEYS[table])
            query = f"SELECT min(id), old, {key} FROM {table} WHERE act = ? GROUP BY {key}"  # noqa: S608 - names are ours
            for first, old, *named in self._connection.execute(query, (code,)).fetchall():
                yield table, tuple(named), first, old

    def _before(self, table: Table, key: tuple[Any, ...], row: int) -> Said | None:
        wanted = " AND ".join(f"{name} = ?" for name in KEYS[table])
        query = (
            f"SELECT id, at, who, new, how, stands FROM {table} WHERE {wanted} AND id < ?"  # noqa: S608 - names are ours
            " ORDER BY id DESC LIMIT 1"
        )
        found = self._connection.execute(query, (*key, row)).fetchone()
        return _said(*found) if found else None

    def _act_of(self, table: Table, version: int) -> str:
        query = f"SELECT act FROM {table} WHERE id = ?"  # noqa: S608 - one of ours
        return str(self._connection.execute(query, (version,)).fetchone()[0])


@contextmanager
def open_desk(folder: Path) -> Iterator[Desk]:
    """Open a batch for people to decide; a run may be writing to it, and others may decide too.

    Raises
    ------
    BatchError
        There is no batch in the folder, or it cannot be written to.
    """
    need_batch(folder)
    with connected(folder, threads=True) as connection:
        prepare(connection, folder)
        desk = Desk(connection, folder)
        try:
            yield desk
        finally:
            with desk.turn():  # closed under a thread that asks it, SQLite ends the process
                connection.close()
