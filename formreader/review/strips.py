"""Strips to key from, cut when they are asked for; the last pages stay decoded, as keying goes page by page."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Final

from formreader.audit.strips import StripParams, picture_of
from formreader.scans.again import load_again
from formreader.store import Desk
from formreader.values import Page

_PAGES: Final = 2
"""Decoded pages: the one that is keyed from, and the next."""

_LOOKS: Final = StripParams(box_px=110, most_px=1200, quality=85)
"""One strip has the screen to itself: its boxes are larger than on a sheet with many."""


class Strips:
    """Cuts fields from their scans; one page is decoded at a time, so that memory is bounded."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._lock = threading.Lock()
        self._pages: OrderedDict[int, Page] = OrderedDict()

    def cut(self, reading: int, field: str) -> tuple[bytes | None, str]:
        """Give a field as JPEG; None and why where it cannot be shown."""
        with self._desk.turn():
            results = self._desk.results
            scan = results.audits().places(reading)
            digits = next(results.sample([reading])).digits
        boxes = [digit.box for digit in digits if digit.box.field == field]
        if not boxes:
            return None, f"{scan.name}: the reading has no boxes of {field}"
        with self._lock:
            page, missing = self._pages.get(reading), ""
            if page is None:
                page, missing = load_again(*scan)
            if page is None:
                return None, missing
            self._pages[reading] = page
            self._pages.move_to_end(reading)
            if len(self._pages) > _PAGES:
                self._pages.popitem(last=False)
        return picture_of(page, boxes, _LOOKS), ""
