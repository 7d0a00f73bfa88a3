"""Small batches whose pages are drawn and whose doubts are known, for tests of the review page."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from formreader.fields import decode
from formreader.store import open_batch
from formreader.template import Template, load_template
from formreader.values import CLASSES, Box, DigitReading, Match, PageReading, PageRef, Reason

SIZE: Final = (1000, 700)  # width, height
_TEXT: Final = """
[form]
name = "card"
width = 1000
height = 700
dpi = 150
[form.markers]
kind = "squares"
centres = [[20, 20], [980, 20], [980, 680], [20, 680]]
size = 20
[[field]]
name = "amount"
boxes = [[300, 60, 44, 56], [360, 60, 44, 56], [420, 60, 44, 56]]
max = 500
[[field]]
name = "first"
boxes = [[300, 150, 44, 56], [360, 150, 44, 56]]
[[field]]
name = "second"
boxes = [[300, 240, 44, 56], [360, 240, 44, 56]]
[[field]]
name = "total"
boxes = [[300, 330, 44, 56], [360, 330, 44, 56], [420, 330, 44, 56]]
[[field]]
name = "code"
box = [300, 420, 240, 60]
length = [1, 6]
[[field]]
name = "name"
kind = "key"
box = [300, 520, 500, 70]
pattern = "[^0-9]*"
[[check]]
sum = ["first", "second"]
equals = "total"
"""
WRITTEN: Final = {"amount": "482", "first": "12", "second": "30", "total": "042", "code": "3141"}


@dataclass(frozen=True, slots=True)
class Card:
    """A page.

    Attributes
    ----------
    written
        Digits by field, where they differ from `WRITTEN`.
    doubts
        By field and position: what a box was read as, how surely, what else it may be, and why that is a doubt.
    name
        What stands in the field that a person keys.
    """

    written: Mapping[str, str] = field(default_factory=dict)
    doubts: Mapping[tuple[str, int], tuple[str, float, str, Reason]] = field(default_factory=dict)
    name: str = ""


def form_in(folder: Path) -> Template:
    """Write the template into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "template.toml"
    path.write_text(_TEXT, encoding="utf-8")
    return load_template(path)


def batch_of(folder: Path, cards: Sequence[Card], *, first: int = 1, unique: str = "") -> Path:
    """Draw pages, and store what a classifier might have said of them; gives the folder of the results.

    Parameters
    ----------
    first
        Number of the first page: more pages come into the same batch.
    unique
        A field that should have another value on each page.
    """
    form = form_in(folder)
    results = folder / "results"
    settings = {"unique in card": unique} if unique else {}
    with open_batch(results, templates=[form], model_fingerprint="m", model_name="m", settings=settings) as batch:
        for number, card in enumerate(cards, start=first):
            ref = _drawn(folder / "scans" / f"card {number}.png", form, card, number)
            batch.pending([ref])
            batch.add(_read(ref, form, card))
    return results


def _drawn(path: Path, form: Template, card: Card, number: int) -> PageRef:
    page = np.full((SIZE[1], SIZE[0]), 255, np.uint8)
    cv2.putText(page, f"Card {number}", (60, 30), cv2.FONT_HERSHEY_SIMPLEX, 0.7, 60, 1)
    for one in form.fields:
        x, y, _, _ = map(int, one.boxes[0])
        cv2.putText(page, one.name, (60, y + 38), cv2.FONT_HERSHEY_SIMPLEX, 0.9, 40, 2)
        for left, top, width, height in one.boxes:
            cv2.rectangle(page, (int(left), int(top)), (int(left + width), int(top + height)), 90, 2)
        text = card.name if one.name == "name" else {**WRITTEN, **card.written}[one.name]
        for place, sign in enumerate(text):
            at = int(one.boxes[place][0]) if len(one.boxes) > 1 else x + 22 * place
            cv2.putText(page, sign, (at + 9, y + 42), cv2.FONT_HERSHEY_SCRIPT_SIMPLEX, 1.2, 0, 2)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(".png", page)[1].tobytes())
    return PageRef(path, 1, path.name, hashlib.sha256(path.read_bytes()).hexdigest())


def _read(ref: PageRef, form: Template, card: Card) -> PageReading:
    digits = [digit for one in form.fields if one.name != "name" for digit in _digits_of(one, card)]
    (named,) = (one for one in form.fields if one.is_keyed)
    box = Box("name", 1, _corners(named.boxes[0]), (0, 0), kind="key")
    digits.append(DigitReading(box, None, 0.0, np.zeros(len(CLASSES), np.float32), "to_key" if card.name else "blank"))
    pictures = {
        (box.field, box.position): cv2.imencode(".webp", np.full((60, 60), 230, np.uint8))[1].tobytes()
        for box in (digit.box for digit in digits if digit.reason and digit.box.holds_digits)
    }
    return PageReading(ref, "card", Match(0.97, "markers"), decode(digits, form), tuple(digits), pictures=pictures)


def _digits_of(one: Any, card: Card) -> list[DigitReading]:
    found = []
    for place, sign in enumerate({**WRITTEN, **card.written}[one.name], start=1):
        said, confidence, rival, reason = card.doubts.get((one.name, place), (sign, 0.9999, "0", ""))
        shares = np.zeros(len(CLASSES), np.float32)
        shares[CLASSES.index(rival)] = 1 - confidence
        if digit := said if said.isdecimal() else None:
            shares[CLASSES.index(digit)] = confidence
        rectangle = one.boxes[place - 1] if one.length == (1, 1) else one.boxes[0]
        box = Box(one.name, place, _corners(rectangle), one.length)
        found.append(DigitReading(box, digit, confidence, shares, reason))
    return found


def _corners(rectangle: Sequence[float]) -> Any:
    x, y, width, height = rectangle
    return np.array([[x, y], [x + width, y], [x + width, y + height], [x, y + height]], np.float64)
