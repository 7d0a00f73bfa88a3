"""The review as it goes: the batch, its forms, what is open, who works how fast, and whether the tables are older."""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, Literal

from formreader.batch_forms import Forms
from formreader.review.audited import Audited
from formreader.review.boxes import Boxes
from formreader.review.by_hand import ByHand
from formreader.review.failures import Failures
from formreader.review.pictures import Shelf
from formreader.review.queue import Queue
from formreader.review.rows import Table
from formreader.review.second import SecondKeys
from formreader.served.calls import Refused
from formreader.store import Desk, StoredPage

_REST_S: Final = 90.0
"""Who does nothing for so long is not at work; the pace is that of the time at work."""
_PACE_OF_S: Final = 600.0


Kind = Literal["usual", "second", "audit"]
"""Of a review: doubtful fields are decided, decided ones keyed blind, or those of an audit."""


@dataclass(frozen=True, slots=True)
class Mode:
    """What this review is for besides doubtful fields.

    Attributes
    ----------
    second_key
        Another person keys blind what was decided.
    audit
        Number of the audit whose sample is keyed blind, 0 for the last one; None for no audit.
    """

    second_key: bool = False
    audit: int | None = None

    @property
    def kind(self) -> Kind:
        """Which calls may be made."""
        return "second" if self.second_key else "usual" if self.audit is None else "audit"


USUAL: Final = Mode()


class Review:
    """What all calls share.

    Attributes
    ----------
    code
        In the addresses of pictures that a browser may keep: those of this review are no other's, which may be served
        at the same address tomorrow.
    batch
        Tells a batch from any other: what a browser keeps of it while nobody serves it is put into no other.
    """

    def __init__(self, desk: Desk, forms: Forms, mode: Mode = USUAL, model: str = "") -> None:
        self.desk = desk
        self.forms = forms
        self.mode = mode
        self.code = secrets.token_hex(4)
        self.boxes = Boxes(desk)
        self.queue = Queue(desk)
        self.shelf = Shelf(desk)
        self.failures = Failures(desk)
        self.by_hand = ByHand(desk, model)
        self.table = Table(desk)
        self.second = SecondKeys(desk)
        self.audited = Audited(desk, mode.audit) if mode.audit is not None else None
        self.tables = Tables()
        self.batch = _told_apart(desk)
        self._pace: dict[str, deque[tuple[float, int]]] = {}

    def page(self, reading: int) -> StoredPage:
        """Give a page as it stands, by the number of its reading, with digits and without its name.

        Raises
        ------
        Refused
            There is no such reading, or a person who made it took it back.
        """
        with self.desk.turn():
            self.need(reading)
            return next(self.desk.results.sample([reading]))

    def need(self, reading: int) -> None:
        """Refuse a reading that is not there, or that a person made and took back."""
        with self.desk.turn() as connection:
            if connection.execute("SELECT 1 FROM judged_readings WHERE id = ?", (reading,)).fetchone() is None:
                raise Refused("This page is not in the batch; load the page again.", 404)

    def name_of(self, page: StoredPage) -> str:
        """Give the name of a page's scan."""
        query = "SELECT name FROM pages WHERE sha256 = ? AND page = ? ORDER BY duplicate, id DESC LIMIT 1"
        with self.desk.turn() as connection:
            row = connection.execute(query, (page.sha256, page.page)).fetchone()
        return str(row[0]) if row else ""

    def worked(self, who: str, judged: int) -> None:
        """Note that a person judged so many boxes or fields just now, and that tables are older than the batch."""
        self.tables.touched()
        if judged:
            self._pace.setdefault(who, deque(maxlen=2_000)).append((time.monotonic(), judged))

    def a_minute(self, who: str) -> float | None:
        """Give how many a person judges in a minute of work; None before that can be said."""
        now = time.monotonic()
        recent = [(at, judged) for at, judged in self._pace.get(who, ()) if now - at < _PACE_OF_S]
        at_work = sum(min(b - a, _REST_S) for (a, _), (b, _) in pairwise(recent))
        judged = sum(judged for _, judged in recent[1:])
        return 60 * judged / at_work if at_work > 1 else None


class Tables:
    """Whether the batch's tables are older than what was decided, and since when nobody decided anything."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._touches = 0
        self._written = 0
        self._failed = 0
        self._last_s = 0.0

    def touched(self) -> None:
        """Note that something was decided."""
        with self._lock:
            self._touches += 1
            self._last_s = time.monotonic()

    def due(self, rest_s: float) -> int | None:
        """Give what is to be passed to `written` once tables are written, if that should be now; else None.

        Where that failed, it should be when something else was decided, or at once where `rest_s` is 0.
        """
        with self._lock:
            is_older = self._touches > (max(self._written, self._failed) if rest_s else self._written)
            return self._touches if is_older and time.monotonic() - self._last_s >= rest_s else None

    def written(self, touches: int) -> None:
        """Note that tables were written with all that was decided up to then."""
        with self._lock:
            self._written = touches

    def failed(self, touches: int) -> None:
        """Note that tables could not be written."""
        with self._lock:
            self._failed = touches


def _told_apart(desk: Desk) -> str:
    with desk.turn() as connection:
        (began,) = connection.execute("SELECT min(started) FROM runs").fetchone()
    return hashlib.sha256(f"{began} {desk.folder.resolve()}".encode(errors="surrogateescape")).hexdigest()[:16]


def seen(said: Any) -> int:
    """Give the version of the last word on something, 0 for none."""
    return said.version if said is not None else 0


def as_conflict(mine: str, theirs: Any, version: Any) -> Mapping[str, Any]:
    """Give both sides where another person decided since."""
    value = theirs.new if theirs is not None and theirs.stands else None
    by = {"who": theirs.who, "at": theirs.at} if theirs is not None else {"who": "", "at": ""}
    return {"mine": mine, "theirs": value, **by, "version": version}
