"""The strips of fields to review: cut from their scans, else joined from the pictures that the batch keeps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import cv2
import numpy as np

from formreader.export.shape import Picture
from formreader.scans.again import load_again
from formreader.store import Results, ScanPlaces, StoredPage
from formreader.strips import StripParams, picture_of
from formreader.values import Box, Page

_LOOKS: Final = StripParams(box_px=56, most_px=900, margin=0.2, quality=75)
_BOX_PX: Final = 72
_APART_PX: Final = 6


class Strips:
    """Gives the strips of a batch; each scan is decoded once while its fields are asked for.

    Parameters
    ----------
    most
        How many are given; beyond these no scan is looked at.
    tell
        Is told how many are cut.
    """

    def __init__(self, results: Results, most: int, tell: Callable[[int], None] = lambda _cut: None) -> None:
        self._tell = tell
        self._results = results
        self._most = most
        self._left = most
        self._reading = 0
        self._boxes: list[Box] = []
        self._page: Page | None = None
        self._places = ScanPlaces("", 1, "", ())

    def places(self, page: StoredPage) -> ScanPlaces:
        """Give where the scan of a page lies."""
        if self._reading != page.reading:
            self._reading = page.reading
            self._places = self._results.audits().places(page.reading)
            self._boxes, self._page = [], None
            if self._left > 0:
                self._boxes = [digit.box for digit in next(self._results.sample([page.reading])).digits]
                self._page, _ = load_again(*self._places)
        return self._places

    def of(self, page: StoredPage, field: str) -> tuple[Picture | None, str]:
        """Give the picture of a field; or None, and a word that says why."""
        self.places(page)
        if self._left <= 0:
            return None, f"the first {self._most:,} have a picture" if self._most else ""
        boxes = [box for box in self._boxes if box.field == field]
        content = picture_of(self._page, boxes, _LOOKS) if self._page is not None and boxes else self._kept(field)
        if content is None:
            return None, "the scan is gone" if self._page is None else "no place on the scan"
        self._left -= 1
        self._tell(self._most - self._left)
        return Picture("strip.jpg", content), ""

    def _kept(self, field: str) -> bytes | None:
        """Join what is kept of a field's boxes, in the order of writing."""
        found: list[Any] = []
        for content in self._results.box_pictures(self._reading, field).values():
            box: Any = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_GRAYSCALE)
            if box is None:
                continue
            width = max(1, round(box.shape[1] * _BOX_PX / box.shape[0]))
            found += [np.full((_BOX_PX, _APART_PX), 255, np.uint8), cv2.resize(box, (width, _BOX_PX))]
        if not found:
            return None
        jpeg: bytes = cv2.imencode(".jpg", np.hstack(found[1:]), [cv2.IMWRITE_JPEG_QUALITY, 75])[1].tobytes()
        return jpeg
