"""The strips of fields that an audit has drawn, cut from their scans."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby

from formreader.places import place
from formreader.scans.again import load_again
from formreader.store import AuditedField, Results, ScanPlaces
from formreader.strips import USUAL, StripParams, picture_of


@dataclass(frozen=True, slots=True)
class Strip:
    """A field's picture as JPEG; or none, and why."""

    field: AuditedField
    scan: ScanPlaces
    picture: bytes | None
    missing: str = ""


def strips_of(results: Results, fields: Iterable[AuditedField], params: StripParams = USUAL) -> Iterator[Strip]:
    """Give the strips of fields, page by page, so that each scan is decoded once."""
    audits = results.audits()
    for reading, of_page in groupby(sorted(fields, key=lambda field: field.reading), key=lambda field: field.reading):
        scan = audits.places(reading)
        page, missing = load_again(*scan)
        digits = next(results.sample([reading])).digits
        for field in of_page:
            boxes = [digit.box for digit in digits if digit.box.field == field.field]
            if page is None or not boxes:
                yield Strip(field, scan, None, missing or f"{scan.name}: the reading has no boxes of {field.field}")
            else:
                yield Strip(field, scan, picture_of(page, boxes, params))


def is_there(scan: ScanPlaces) -> bool:
    """Say whether a file still lies at one of the places of a scan."""
    for path in scan.paths:
        with suppress(Exception):  # each store has errors of its own
            if place(path).exists():
                return True
    return False
