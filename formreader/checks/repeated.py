"""Values that should be unique in a batch and are not: two photos of one sheet, a number given or read twice."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, fields, replace
from itertools import groupby
from math import prod
from typing import Final

from formreader.rules import is_read
from formreader.store import Results, StoredPage
from formreader.values import BrokenRule, FieldReading

SETTING: Final = "unique in "
"""Before a form's name: the setting of a run that names its unique fields."""

_BROKEN: Final = BrokenRule("unique", "unique in the batch")
_SAME_SHEET: Final = 0.8
"""From this share of like fields on, pages pass for scans of one sheet: of two sheets only some agree by chance."""


@dataclass(frozen=True, slots=True)
class Repeat:
    """A page with a value that another page has too.

    Attributes
    ----------
    flagged, confidence
        How many fields of the page are to be reviewed, and the probability that all are right.
    alike
        The share of its other fields that are as on the better page, 0 to 1: near 1 it is the same sheet once more.
    better
        1 for the page of these with the fewest flags, then the highest confidence; 0 for the others.
    """

    form: str
    field: str
    value: str
    scan: str
    page: int
    flagged: int
    confidence: float
    alike: float
    better: int


COLUMNS: Final = tuple(column.name for column in fields(Repeat))


def unique_setting(codes: Mapping[str, Sequence[str]]) -> str:
    """Write a form's unique fields as a run's setting: ``card id:99,98``, after the colon codes that may repeat."""
    return " ".join(f"{name}:{','.join(missing)}" if missing else name for name, missing in codes.items())


class Repeats:
    """What repeats in a batch."""

    def __init__(self, rows: Iterable[tuple[int, Repeat]]) -> None:
        self.rows: list[Repeat] = []
        self._fields: dict[int, frozenset[str]] = {}
        for reading, row in rows:
            self.rows.append(row)
            self._fields[reading] = self._fields.get(reading, frozenset()) | {row.field}

    def fields(self) -> Iterator[tuple[int, str]]:
        """Give what repeats, by the number of a reading and the field's name."""
        return ((reading, name) for reading, names in self._fields.items() for name in names)

    def marked(self, pages: Iterable[StoredPage]) -> Iterator[StoredPage]:
        """Pass pages on, each repeated value with the rule that it breaks."""
        for page in pages:
            repeated = self._fields.get(page.reading, ())
            yield replace(page, fields=tuple(_marked(field, repeated) for field in page.fields)) if repeated else page


def _marked(field: FieldReading, repeated: Iterable[str]) -> FieldReading:
    if field.name not in repeated:
        return field
    reasons = tuple(dict.fromkeys((*field.reasons, "rule")))
    return replace(field, reasons=reasons, broken=(*field.broken, _BROKEN))


def find_repeats(results: Results) -> Repeats:
    """Find the values of unique fields that stand on more pages than one.

    Values are noted in a table on the disk, so that memory grows with what repeats and not with the batch. A page that
    lies in the batch under two names is one page; what could not be read in full repeats nothing.
    """
    asked = {form: codes for form, codes in _asked(results).items() if form in results.sheets()}
    if not asked:
        return Repeats(())
    with closing(sqlite3.connect("")) as noted:  # SQLite's name for a table on the disk that goes with the connection
        noted.execute("CREATE TABLE seen (form, field, value, content, scan, page, reading, flagged, confidence)")
        for form, codes in asked.items():
            rows = (row for page in results.pages(form) for row in _rows(page, codes))
            noted.executemany("INSERT INTO seen VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
        return Repeats(_repeated(noted, results))


def _asked(results: Results) -> dict[str, dict[str, frozenset[str]]]:
    """Give the unique fields of each form, with the codes that may repeat, as the last run had them."""
    runs = results.standing().runs
    settings = json.loads(runs[-1].settings) if runs else {}
    named = {key.removeprefix(SETTING): str(text).split() for key, text in settings.items() if key.startswith(SETTING)}
    parted = {form: [field.partition(":") for field in listed] for form, listed in named.items()}
    return {form: {name: frozenset(codes.split(",")) for name, _, codes in listed} for form, listed in parted.items()}


def _rows(page: StoredPage, codes: Mapping[str, frozenset[str]]) -> Iterator[tuple[object, ...]]:
    confidence = prod(field.confidence for field in page.fields if field.holds_digits)
    for field in page.fields:
        is_known = is_read(field.value) if field.holds_digits else bool(field.value)
        if field.name in codes and is_known and field.value not in codes[field.name]:
            yield (
                *(page.form, field.name, field.value, f"{page.sha256} {page.page}", page.scan, page.page),
                *(page.reading, len(page.to_review), round(confidence, 4)),
            )


def _repeated(noted: sqlite3.Connection, results: Results) -> Iterator[tuple[int, Repeat]]:
    """Give the pages of each repeated value, the better one first, with the numbers of their readings."""
    query = (
        "SELECT form, field, value, scan, page, reading, flagged, confidence FROM seen"
        " JOIN (SELECT form, field, value FROM seen GROUP BY form, field, value HAVING count(DISTINCT content) > 1)"
        " USING (form, field, value) ORDER BY form, field, value, flagged, confidence DESC, seen.rowid"
    )
    for (_, name, _), rows in groupby(noted.execute(query), key=lambda row: row[:3]):
        first: dict[str, str] | None = None
        for form, field, value, scan, page, reading, flagged, confidence in rows:
            others = _others(results, reading, name)
            better = first is None
            first = others if first is None else first
            alike = sum(first.get(other) == text for other, text in others.items()) / max(1, len(others))
            told = (form, field, value, scan, page, flagged, confidence, round(alike, 4), int(better))
            yield reading, Repeat(*told)


def _others(results: Results, reading: int, name: str) -> dict[str, str]:
    (page,) = results.sample([reading])
    to_key = {field.name for field in page.fields if field.is_keyed and field.reasons} - page.decided
    return {field.name: field.value for field in page.fields if field.name != name and field.name not in to_key}


def about_repeats(repeats: Iterable[Repeat]) -> Iterator[str]:
    """Say what repeats, a line a field."""
    ordered = sorted(repeats, key=lambda one: (one.form, one.field))
    for (_, field), group in groupby(ordered, key=lambda one: (one.form, one.field)):
        rows = list(group)
        values = len({row.value for row in rows})
        again = sum(row.alike >= _SAME_SHEET and not row.better for row in rows)
        same = f", {again:,} of them as like the better one as a second scan of its sheet" if again else ""
        yield (
            f"'{field}' should be unique: {values:,} {'value stands' if values == 1 else 'values stand'} on"
            f" {len(rows):,} pages{same}; all are in repeated.csv"
        )
