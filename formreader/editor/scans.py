"""Real scans dropped on the page: read at once with the template as it is being edited.

They stay in memory, and go when the editor ends.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import cv2

from formreader.errors import BlankPage, PageError
from formreader.model import DigitModel, load_form_model, model_path
from formreader.pipeline import read_page
from formreader.scans import count_pages_of, page_of
from formreader.served.calls import Picture, Refused
from formreader.template import Template
from formreader.values import Page, PageReading, PageRef

MOST_BYTES: Final = 64 * 2**20
"""Of one file: an A4 page of 600 dpi in colour has 25 MB as a careful JPEG."""
_KEPT_BYTES: Final = 256 * 2**20
_MOST_PAGES: Final = 50
_PICTURE_PX: Final = 2_600


class Dropped:
    """The scans of this session, by number; the first go when they become too many."""

    def __init__(self) -> None:
        self._files: OrderedDict[int, tuple[str, bytes]] = OrderedDict()
        self._next = 1
        self._lock = threading.Lock()
        self._last: tuple[tuple[int, int], Page] | None = None
        self._model: DigitModel | None = None

    def add(self, name: str, content: bytes) -> Mapping[str, Any]:
        """Take a file; say under which number, and how many of its pages can be asked for."""
        pages = count_pages_of(content) if content else 1
        with self._lock:
            number, self._next = self._next, self._next + 1
            self._files[number] = name, content
            while sum(len(one) for _, one in self._files.values()) > _KEPT_BYTES:
                self._files.popitem(last=False)
        return {"scan": number, "pages": min(pages, _MOST_PAGES)}

    def read(self, scan: int, page: int, templates: tuple[Template, ...] | str) -> Mapping[str, Any]:
        """Read a page, or say why it cannot be read; a text instead of templates is why there are none."""
        with self._lock:
            try:
                found = self._page(scan, page)
                height, width = found.pixels.shape
                shown: dict[str, Any] = {"width": width, "height": height}
                if isinstance(templates, str):
                    return shown | {"refused": templates}
                try:
                    if self._model is None:
                        self._model = load_form_model(model_path("default"))
                    return shown | _told(read_page(found, templates, self._model))
                except (PageError, BlankPage) as failure:
                    return shown | {"refused": str(failure)}
            except PageError as failure:
                return {"refused": str(failure)}

    def picture(self, scan: int, page: int) -> Picture:
        """Give a page's picture."""
        with self._lock:
            try:
                found = self._page(scan, page)
            except PageError as failure:
                raise Refused(str(failure), 404) from failure
        pixels = found.colour if found.colour is not None else found.pixels
        factor = min(1.0, _PICTURE_PX / max(pixels.shape[:2]))
        small = cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA) if factor < 1 else pixels
        return Picture(cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes(), "jpeg", fixed=True)

    def _page(self, scan: int, page: int) -> Page:
        """Decode a page; the last one is kept, as it is asked for twice."""
        if scan not in self._files:
            raise Refused("This scan is not kept any more; drop it once more.", 404)
        if self._last is None or self._last[0] != (scan, page):
            name, content = self._files[scan]
            self._last = (scan, page), page_of(content, PageRef(Path(name), page, name))
        return self._last[1]


def _told(reading: PageReading) -> dict[str, Any]:
    """Give a reading as the browser draws it."""
    return {
        "score": reading.match.score,
        "method": reading.match.method,
        "form": reading.form,
        "fields": [
            {
                "name": field.name,
                "value": field.value,
                "kind": field.kind,
                "reasons": field.reasons,
                "broken": [rule.words for rule in field.broken],
            }
            for field in reading.fields
        ],
        "boxes": [
            {
                "field": digit.box.field,
                "corners": digit.box.corners.round(1).tolist(),
                "digit": digit.digit,
                "reason": digit.reason,
            }
            for digit in reading.digits
        ],
    }
