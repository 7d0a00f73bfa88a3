"""Stored pages drawn without pictures: what their boxes say is known, box by box."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from formreader.store import StoredPage
from formreader.values import CLASSES, Box, DigitReading, Reason

BLANK = 10
UNREAD = 11

_SQUARE = np.array([[0, 0], [10, 0], [10, 10], [0, 10]], dtype=np.float64)
_NO_SHARES = np.zeros(len(CLASSES), np.float32)


def draw_boxes(
    pages: int, boxes: int, rng: np.random.Generator, *, blank: float = 0.2, unread: float = 0.01
) -> NDArray[np.int64]:
    """Draw what boxes say, (pages, boxes): a digit, `BLANK` or `UNREAD`; some boxes are mostly blank, some never.

    Parameters
    ----------
    blank
        Share of blank boxes over all.
    """
    often = rng.beta(0.5, 0.5 / blank - 0.5, boxes)
    digits = np.stack([rng.choice(10, pages, p=rng.dirichlet(np.full(10, 0.7))) for _ in range(boxes)], axis=1)
    said = np.where(rng.random((pages, boxes)) < often, BLANK, digits)
    return np.where(rng.random((pages, boxes)) < unread, UNREAD, said)


def streaked(
    said: NDArray[np.int64], box: int, first: int, pages: int, share: float, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Let dirty glass write a 1 into a share of a box's blanks."""
    written = said.copy()
    column = written[first : first + pages, box]
    column[(column == BLANK) & (rng.random(pages) < share)] = 1
    return written


def as_pages(
    said: NDArray[np.int64], flagged: NDArray[np.bool_] | None = None, form: str = "exam"
) -> Iterator[StoredPage]:
    """Make stored pages of what boxes say, all in the field ``id``, on scans named in order.

    Parameters
    ----------
    flagged
        (pages, boxes), the boxes that are flagged although they hold a digit; none where left out.
    """
    doubted = np.zeros(said.shape, bool) if flagged is None else flagged
    boxes = [Box("id", place, _SQUARE) for place in range(1, said.shape[1] + 1)]
    for number, (row, doubts) in enumerate(zip(said.tolist(), doubted.tolist(), strict=True)):
        digits = tuple(map(_digit, boxes, row, doubts))
        yield StoredPage(f"scan_{number:04}.png", 1, f"{number}", number + 1, "read", form, digits=digits)


def _digit(box: Box, said: int, doubted: bool) -> DigitReading:
    reason: Reason = {BLANK: "blank", UNREAD: "not_a_digit"}.get(said, "low_confidence" if doubted else "")  # type: ignore[assignment]
    return DigitReading(box, str(said) if said < BLANK else None, 0.99, _NO_SHARES, reason)


def brought_back(connection: sqlite3.Connection, version: int) -> None:
    """Make a batch one of version 2 or 3, as the program of that time wrote it."""
    views = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'view'")]
    dropped = [f"VIEW {name}" for name in views]
    dropped += [f"INDEX {name}" for name in ("pictures_to_judge", "decisions_by_act", "failures")]
    dropped += [f"TABLE {name}" for name in ("acts", "marks", "second_keys", "sorted_pages")]
    dropped += [f"TABLE {name}" for name in ("audits", "audited_fields", "keys") if version < 3]
    for what in dropped:
        connection.execute(f"DROP {what}")
    connection.execute("ALTER TABLE readings DROP COLUMN by_hand")
    added = {
        "runs": {"template_paths", "gathering"},
        "pictures": {"mark", "confidence", "rival"},
        "decisions": {"stands", "act"},
    }
    if version >= 3:
        added["audited_fields"] = {"options"}
    for table, columns in added.items():
        rows = connection.execute(f"PRAGMA table_info({table})").fetchall()
        kept = [name for _, name, *_ in rows if name not in columns and name != "id"]
        connection.execute(f"CREATE TABLE older (id INTEGER PRIMARY KEY, {', '.join(kept)})")
        connection.execute(f"INSERT INTO older SELECT id, {', '.join(kept)} FROM {table}")
        connection.execute(f"DROP TABLE {table}")
        connection.execute(f"ALTER TABLE older RENAME TO {table}")
    connection.execute(f"PRAGMA user_version = {version}")
    connection.commit()
