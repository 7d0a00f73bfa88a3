"""Batches with doubtful digits whose truth is known, stored without reading any scan: what a reviewer is given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from formreader.fields import decode
from formreader.store import open_batch
from formreader.template import Template, load_template
from formreader.values import CLASSES, Box, DigitReading, Match, PageFailure, PageReading, PageRef, Reason

CARD: Final = """
[form]
name = "card"
width = 400
height = 300
dpi = 100
markers = { kind = "squares", centres = [[10, 10], [390, 10], [390, 290], [10, 290]], size = 12 }

[[field]]
name = "id"
boxes = [[40, 40, 30, 40], [70, 40, 30, 40], [100, 40, 30, 40]]

[[field]]
name = "mark"
boxes = [[40, 120, 30, 40], [70, 120, 30, 40]]
max = 60
filler = ["X"]

[[field]]
name = "count"
boxes = [[40, 200, 30, 40]]
required = true
"""
PLACES: Final = {"id": (40, 40, 3), "mark": (40, 120, 2), "count": (40, 200, 1)}
"""Left, top and number of the boxes of `CARD`'s fields."""


@dataclass(slots=True)
class Doubts:
    """A batch to be reviewed.

    Attributes
    ----------
    written
        What stands on the paper, by (name of the scan, field, position): a digit, ``X``, or nothing.
    """

    folder: Path
    template: Path
    written: dict[tuple[str, str, int], str] = field(default_factory=dict)

    def value(self, scan: str, name: str) -> str:
        """Give a field as it stands on the paper."""
        marks = [mark for (at, of, _), mark in sorted(self.written.items()) if (at, of) == (scan, name)]
        return "".join(marks).strip("X")


def draw_doubts(
    folder: Path,
    pages: int = 4,
    *,
    doubtful: float = 0.5,
    misread: float = 0.1,
    seed: int = 0,
    changed: Mapping[tuple[int, str, int], tuple[str, str, Reason]] | None = None,
    failed: int = 0,
    scans: bool = False,
    text: str = CARD,
) -> Doubts:
    """Store a batch of `CARD` pages; some digits are doubtful, some of these misread, and no sure one is.

    Parameters
    ----------
    doubtful, misread
        Shares of digits that are doubtful, and of these that are read as another one.
    changed
        By page, field and position: what is written there, what is read, and the reason.
    failed
        Pages beside these that failed.
    scans
        Whether the scans are there as pictures; else they are files that are no pictures.
    text
        The template, with the boxes of `CARD`.
    """
    rng = np.random.default_rng(seed)
    (folder / "scans").mkdir(parents=True)
    template = folder / "card.toml"
    template.write_text(text, "utf-8")
    form = load_template(template)
    drawn = Doubts(folder / "out", template)
    with open_batch(
        drawn.folder,
        templates=(form,),
        model_fingerprint="m1",
        model_name="digits",
        settings={"threshold": 0.99},
    ) as batch:
        for number in range(pages + failed):
            path = folder / "scans" / f"p{number:05}.png"
            ref = PageRef(path, 1, path.name, sha256=f"sha of {number:060}")
            if not scans:
                path.write_text(path.name)
            batch.pending([ref])
            if number >= pages:
                batch.add(PageFailure(ref, "align", f"{path.name}: no page of the form 'card'", _failed()))
                continue
            boxes = _boxes(number, rng, doubtful, misread, changed or {}, drawn)
            batch.add(_reading(ref, form, boxes))
            if scans:
                cv2.imwrite(str(path), _scan(drawn, path.name))
    return drawn


_Read = tuple[str, int, str, str, Reason, float]


def reading_of(
    ref: PageRef, form: Template, number: int, changed: Mapping[tuple[int, str, int], tuple[str, str, Reason]]
) -> PageReading:
    """Give what another model might read on a page, sure of all but what is `changed`, as for `draw_doubts`."""
    drawn = Doubts(Path(), Path())
    return _reading(ref, form, _boxes(number, np.random.default_rng(number), 0, 0, changed, drawn))


def _boxes(
    number: int,
    rng: np.random.Generator,
    doubtful: float,
    misread: float,
    changed: Mapping[tuple[int, str, int], tuple[str, str, Reason]],
    drawn: Doubts,
) -> list[_Read]:
    """Draw what is written in each box of a page, what it is read as, why it is doubtful, and the confidence."""
    boxes: list[_Read] = []
    for name, (*_, count) in PLACES.items():
        for position in range(1, count + 1):
            mark = str(rng.integers(0, 5 if name == "mark" else 10))
            read, reason, confidence = mark, "", 0.999
            if rng.random() < doubtful:
                reason, confidence = "low_confidence", 1 - float(np.exp(rng.uniform(*np.log([0.01, 0.4]))))
                if rng.random() < misread:
                    confidence = float(rng.uniform(0.4, 0.98))
                    read = str((int(mark) + int(rng.integers(1, 5))) % (5 if name == "mark" else 10))
            mark, read, reason = changed.get((number, name, position), (mark, read, reason))
            drawn.written[f"p{number:05}.png", name, position] = mark
            boxes.append((name, position, mark, read, reason, confidence))  # type: ignore[arg-type]
    return boxes


def _reading(ref: PageRef, form: Template, boxes: list[_Read]) -> PageReading:
    digits = []
    pictures = {}
    for name, position, mark, read, reason, confidence in boxes:
        left, top, _ = PLACES[name]
        x = left + 30 * (position - 1)
        corners = np.array([[x, top], [x + 30, top], [x + 30, top + 40], [x, top + 40]], np.float64)
        shares = np.zeros(len(CLASSES), np.float32)
        if read:
            shares[CLASSES.index(read)] = confidence
            shares[int(mark) if mark.isdigit() and mark != read else 7] += 1 - confidence
        digit = read if read.isdigit() and reason in ("", "low_confidence", "ink_outside") else None
        digits.append(DigitReading(Box(name, position, corners), digit, confidence, shares, reason))
        if reason not in ("", "blank"):
            pictures[name, position] = _picture(mark)
    fields = decode(digits, form)
    return PageReading(ref, form.name, Match(0.97, "markers"), fields, tuple(digits), {"box_px": 30.0}, pictures)


def _picture(mark: str) -> bytes:
    picture = np.full((64, 48), 245, np.uint8)
    cv2.rectangle(picture, (4, 4), (43, 59), 120, 1)
    cv2.putText(picture, mark, (10, 46), cv2.FONT_HERSHEY_SIMPLEX, 1.3, 20, 3)
    webp: bytes = cv2.imencode(".webp", picture, [cv2.IMWRITE_WEBP_QUALITY, 50])[1].tobytes()
    return webp


def _failed() -> bytes:
    jpeg: bytes = cv2.imencode(".jpg", np.full((80, 60), 200, np.uint8))[1].tobytes()
    return jpeg


def _scan(drawn: Doubts, scan: str) -> NDArray[np.uint8]:
    """Draw the page: boxes, and what is written in them."""
    page = np.full((300, 400), 250, np.uint8)
    for (at, name, position), mark in drawn.written.items():
        if at == scan:
            left, top, _ = PLACES[name]
            x = left + 30 * (position - 1)
            cv2.rectangle(page, (x, top), (x + 30, top + 40), 90, 1)
            cv2.putText(page, mark, (x + 5, top + 32), cv2.FONT_HERSHEY_SIMPLEX, 1, 30, 2)
    return page
