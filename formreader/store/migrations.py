"""Batches of earlier versions are brought to the present form when a program that writes opens them.

Each step is one transaction: a step that is broken off has not begun. Nothing that a person gave is touched.
"""

from __future__ import annotations

import json
import re
import sqlite3
import zlib
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, Final

import numpy as np

from formreader.fields import counted, judged_alone
from formreader.store.packing import packed_digits, packed_fields, unpacked_digits, unpacked_fields
from formreader.store.schema import AUDITS, REVIEW, VIEWS
from formreader.values import CLASSES, Box, DigitReading, FieldReading


def bring_forward(connection: sqlite3.Connection) -> None:
    """Bring a batch from its version to the next, inside a transaction."""
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    _STEPS[version](connection)
    connection.execute(f"PRAGMA user_version = {version + 1}")


def _pack_smaller(connection: sqlite3.Connection) -> None:
    """From 1 to 2: readings as columns of numbers, counts beside them, stamps of files, places for codes."""
    for change in (
        "CREATE TABLE IF NOT EXISTS codes (id INTEGER PRIMARY KEY, reading INTEGER NOT NULL REFERENCES readings,"
        " kind TEXT NOT NULL, text TEXT NOT NULL)",
        "CREATE INDEX IF NOT EXISTS codes_by_reading ON codes (reading)",
        "ALTER TABLE runs ADD COLUMN keep_duplicates INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE pages ADD COLUMN stamp TEXT NOT NULL DEFAULT ''",
        *(
            f"ALTER TABLE readings ADD COLUMN {name} INTEGER NOT NULL DEFAULT 0"
            for name in ("boxes", "flagged_boxes", "flagged_fields")
        ),
    ):
        connection.execute(change)
    forms = _forms(connection)
    ids = [row[0] for row in connection.execute("SELECT id FROM readings WHERE outcome = 'read'")]
    for reading in ids:
        run, form, fields, digits = _packed(connection, reading)
        row = _repacked(json.loads(fields), json.loads(zlib.decompress(digits)), forms[run].get(form, []))
        connection.execute(
            "UPDATE readings SET fields = :fields, digits = :digits, boxes = :boxes, flagged_boxes = :flagged_boxes,"
            " flagged_fields = :flagged_fields WHERE id = :id",
            {"id": reading, **row},
        )


def _forms(connection: sqlite3.Connection) -> dict[int, dict[str, list[str]]]:
    return {run: json.loads(fields) for run, fields in connection.execute("SELECT id, fields FROM runs")}


def _packed(connection: sqlite3.Connection, reading: int) -> tuple[int, str, str, bytes]:
    query = "SELECT run, form, fields, digits FROM readings WHERE id = ?"
    row: tuple[int, str, str, bytes] = connection.execute(query, (reading,)).fetchone()
    return row


def _views(connection: sqlite3.Connection) -> list[str]:
    return [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'view'")]


def _repacked(packed_1: list[dict[str, Any]], boxes_1: list[list[Any]], names: list[str]) -> dict[str, Any]:
    fields = tuple(
        FieldReading(field["name"], field["value"], field["confidence"], tuple(field["reasons"])) for field in packed_1
    )
    digits = tuple(_box_of_version_1(*row) for row in boxes_1)
    counts = asdict(counted(fields, digits))
    return {"fields": packed_fields(fields, names), "digits": packed_digits(digits), **counts}


def _box_of_version_1(
    field: str,
    position: int,
    length: list[int],
    corners: list[float],
    digit: str | None,
    confidence: float,
    reason: Any,
    shares: Mapping[str, float],
) -> DigitReading:
    box = Box(field, position, np.array(corners, np.float64).reshape(4, 2), (length[0], length[1]))
    probabilities = np.array([shares.get(name, 0.0) for name in CLASSES], np.float32)
    return DigitReading(box, digit, confidence, probabilities, reason)


def _make_room_for_audits(connection: sqlite3.Connection) -> None:
    """From 2 to 3: tables for audits."""
    for table in AUDITS:
        connection.execute(table)


def _make_room_for_review(connection: sqlite3.Connection) -> None:
    """From 3 to 4: what people do in the review, and which boxes can be judged by themselves."""
    for change in (
        "ALTER TABLE runs ADD COLUMN template_paths TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE pictures ADD COLUMN mark TEXT",
        "ALTER TABLE pictures ADD COLUMN confidence INTEGER",
        "ALTER TABLE pictures ADD COLUMN rival TEXT",
        "ALTER TABLE decisions ADD COLUMN stands INTEGER NOT NULL DEFAULT 1",
        "ALTER TABLE decisions ADD COLUMN act TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE readings ADD COLUMN by_hand TEXT NOT NULL DEFAULT ''",
        *(f"DROP VIEW {name}" for name in _views(connection)),
        *REVIEW,
        *VIEWS,
    ):
        connection.execute(change)
    forms = _forms(connection)
    wide = {run: _wide(text) for run, text in connection.execute("SELECT id, coalesce(template, '') FROM runs")}
    flagged = "SELECT id FROM readings WHERE outcome = 'read' AND flagged_boxes > 0"
    for (reading,) in connection.execute(flagged).fetchall():
        run, form, fields, digits = _packed(connection, reading)
        alone = judged_alone(unpacked_fields(fields, forms[run].get(form, ())), unpacked_digits(digits))
        connection.executemany(
            "UPDATE pictures SET mark = ?, confidence = ?, rival = ? WHERE reading = ? AND field = ? AND position = ?",
            [(*read, reading, *box) for box, read in alone.items() if box[0] not in wide[run]],
        )


def _make_room_for_pages(connection: sqlite3.Connection) -> None:
    """From 4 to 5: forms of several pages."""
    connection.execute("ALTER TABLE runs ADD COLUMN gathering TEXT NOT NULL DEFAULT '{}'")


def _make_room_for_audited_choices(connection: sqlite3.Connection) -> None:
    """From 5 to 6: fields with boxes to mark are audited too."""
    if "options" not in {name for _, name, *_ in connection.execute("PRAGMA table_info(audited_fields)")}:
        connection.execute("ALTER TABLE audited_fields ADD COLUMN options TEXT NOT NULL DEFAULT '[]'")


def _wide(templates: str) -> set[str]:
    """Name the fields with one frame for several digits, whose parts once were stored like boxes of their own."""
    named = re.compile(r"^\s*name\s*=\s*[\"'](.*)[\"']", re.MULTILINE)
    tables = [table for table in templates.split("[[field]]")[1:] if re.search(r"^\s*box\s*=", table, re.MULTILINE)]
    return {found[1] for table in tables if (found := named.search(table))}


_STEPS: Final[Mapping[int, Callable[[sqlite3.Connection], None]]] = {
    1: _pack_smaller,
    2: _make_room_for_audits,
    3: _make_room_for_review,
    4: _make_room_for_pages,
    5: _make_room_for_audited_choices,
}
"""By the version that a step begins with."""
