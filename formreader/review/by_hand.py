"""Failed pages read again as a person shows: the scan, the model they were read with, and answers not yet taken."""

from __future__ import annotations

import json
import secrets
import threading
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from formreader.errors import BlankPage, ModelError, PageError
from formreader.review.failures import FailedPage
from formreader.scans.again import load_again
from formreader.served.calls import Refused
from formreader.store import Desk
from formreader.template import Template
from formreader.values import Page, PageReading, Points, Thresholds

if TYPE_CHECKING:
    from formreader.model import DigitModel

_SHOWN_PX: Final = 2_000
_JPEG: Final = [cv2.IMWRITE_JPEG_QUALITY, 80]
_DRAFTS: Final = 20
"""Answers that wait to be taken; a page's is a few kilobytes."""


@dataclass(frozen=True, slots=True)
class Draft:
    """An answer for a page that nobody took yet."""

    page: FailedPage
    reading: PageReading


class ByHand:
    """Reads failed pages one at a time; it holds the last scan that was looked at, and the model once it is wanted."""

    def __init__(self, desk: Desk, model: str = "") -> None:
        self._desk = desk
        self._given = model
        self._scans = threading.Lock()
        self._reads = threading.Lock()
        self._scan: tuple[tuple[str, int], Page] | None = None
        self._model: tuple[int, DigitModel, Thresholds] | None = None
        self._drafts: OrderedDict[str, Draft] = OrderedDict()

    def scan(self, page: FailedPage) -> Page:
        """Decode a page from the first place that still holds it.

        Raises
        ------
        PageError
            None does, or it cannot be decoded.
        """
        key = (page.sha256, page.page)
        with self._scans:
            if self._scan is None or self._scan[0] != key:
                self._scan = None  # not two large scans in memory
                self._scan = key, self._loaded(page)
            return self._scan[1]

    def _loaded(self, page: FailedPage) -> Page:
        with self._desk.turn():
            scan = self._desk.results.audits().places(page.reading)
        page_now, missing = load_again(*scan)
        if page_now is None:
            raise PageError(f"{missing}; where it was replaced, `formreader read`, called as before, reads what is new")
        return page_now

    def read(self, page: FailedPage, forms: tuple[Template, ...], corners: Points | None) -> tuple[str, Draft]:
        """Read a page, by a form's corners where a person showed them; give the answer under a code.

        Parameters
        ----------
        corners
            (4, 2) shares of the scan's width and height, in the order of `align_by_hand`.

        Raises
        ------
        Refused
            It cannot be read so.
        """
        from formreader.pipeline import read_page  # slow to load, and for most reviews never wanted
        from formreader.pipeline.by_hand import read_by_hand

        try:
            scan = self.scan(page)
            with self._reads:
                model, thresholds = self._model_of_run()
                if corners is None:
                    answer = read_page(scan, forms, model, thresholds)
                else:
                    height, width = scan.pixels.shape
                    placed = corners * np.array([width, height]) - 0.5
                    answer = read_by_hand(scan, forms[0], placed, model, thresholds)
        except (PageError, BlankPage) as failure:
            raise Refused(f"It cannot be read so: {failure}", 422) from failure
        except ValueError as error:
            raise Refused(f"The form cannot lie so: {error}.", 422) from error
        draft, code = Draft(page, answer), secrets.token_urlsafe(12)
        self._drafts[code] = draft
        while len(self._drafts) > _DRAFTS:
            self._drafts.popitem(last=False)
        return code, draft

    def corners(self, page: FailedPage, form: Template) -> Points | None:
        """Give where a form's corners seem to lie, as shares of the scan's sides; None where nothing tells."""
        from formreader.pipeline.by_hand import corners_on

        try:
            scan = self.scan(page)
        except PageError:
            return None
        with self._reads:
            placed = corners_on(scan, form)
        height, width = scan.pixels.shape
        return None if placed is None else (placed + 0.5) / np.array([width, height])

    def draft(self, code: str) -> Draft:
        """Give an answer that waits to be taken.

        Raises
        ------
        Refused
            There is none such any more.
        """
        if code not in self._drafts:
            raise Refused("This reading is not there any more; read the page again.", 404)
        return self._drafts[code]

    def _model_of_run(self) -> tuple[DigitModel, Thresholds]:
        """Load the model that the batch was read with, once; what it is sure of is what it was sure of there."""
        query = "SELECT id, model, model_fingerprint, settings FROM runs ORDER BY id DESC LIMIT 1"
        with self._desk.turn() as connection:
            run, name, wanted, settings = connection.execute(query).fetchone()
        if self._model is None or self._model[0] != run:
            model = _found(name, wanted, self._given)
            self._model = run, model, _thresholds(model, json.loads(settings))
        return self._model[1:]


def _found(name: str, wanted: str, given: str) -> DigitModel:
    """Find the model with a fingerprint: the one given, or among those that ship."""
    from formreader.model import load_form_model, model_path

    for known in filter(None, (given, "default", "accurate")):
        with suppress(ModelError):
            model = load_form_model(model_path(known))
            if model.fingerprint == wanted:
                return model
    raise Refused(
        f"The batch was read with the model '{name}', which is not among those that ship: what another reads would not "
        "be as sure. Start the review with --model FILE, or key the page's values instead.",
        409,
    )


def _thresholds(model: DigitModel, settings: dict[str, float]) -> Thresholds:
    from formreader.trust import promise

    if "threshold" in settings:
        return Thresholds((float(settings["threshold"]),))
    if "max_wrong" in settings:
        return promise(model.card, float(settings["max_wrong"])).thresholds
    return Thresholds((model.threshold,))


def as_jpeg(pixels: NDArray[np.uint8], turn: int = 0, most_px: int = _SHOWN_PX) -> bytes:
    """Encode a picture to look at, no larger than wanted, turned clockwise by so many right angles."""
    factor = min(1.0, most_px / max(pixels.shape[:2]))
    if factor < 1:
        pixels = np.asarray(cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA), np.uint8)
    turned = np.ascontiguousarray(np.rot90(pixels, -turn))
    jpeg: bytes = cv2.imencode(".jpg", turned, _JPEG)[1].tobytes()
    return jpeg


def form_drawn(template: Template) -> NDArray[np.uint8]:
    """Give a form's reference picture; where it has none, its boxes drawn on white."""
    if template.reference is not None:
        return template.reference
    blank = np.full((template.height, template.width), 255, np.uint8)
    thick = max(1, round(template.width / 600))
    for field in template.fields:
        for x, y, width, height in field.boxes:
            corner, opposite = (round(x), round(y)), (round(x + width), round(y + height))
            cv2.rectangle(blank, corner, opposite, 0, thick)
    return blank
