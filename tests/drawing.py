"""Drawn forms: blank pages, filled by hand, worn and scanned, with everything known that a reader should find.

The front door of the generator: layouts are in `drawing_forms`, writing in `drawing_hand`, wear in `drawing_wear`.

A field's boxes are written as one character a box: a digit, ``_`` blank, ``X``, ``-`` and ``/`` struck out, ``#`` a
digit that was scribbled over and cannot be read.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from formreader.normalize import normalize
from formreader.template import Field, Rectangle
from formreader.values import Colour
from tests.drawing_forms import (
    aruco_form,
    class_marks,
    dense,
    meter_card,
    other_marks,
    other_visit,
    visit_record,
)
from tests.drawing_hand import Desk, Writer, draw_writer, wide_slots
from tests.drawing_pen import PENS, Coverage, DigitStock, Pen, source_digits
from tests.drawing_scan import Scan, write_scan
from tests.drawing_sheet import DrawnForm
from tests.drawing_wear import Wear, draw_heavy, draw_mild, wear

__all__ = [
    "PENS",
    "DigitStock",
    "DigitUse",
    "DrawnForm",
    "Filled",
    "Pen",
    "Scan",
    "Wear",
    "Writer",
    "aruco_form",
    "class_marks",
    "dense",
    "draw_heavy",
    "draw_mild",
    "draw_values",
    "draw_writer",
    "fill",
    "meter_card",
    "other_marks",
    "other_visit",
    "source_digits",
    "value_of",
    "visit_record",
    "wear",
    "write_scan",
]


DECIMALS = 2
"""Digits right of a printed decimal point."""


@dataclass(frozen=True, slots=True)
class DigitUse:
    """Which source digit was written where; positions count from 1.

    Attributes
    ----------
    digit
        Its label: under a scribble too.
    index
        Its place among `source_digits`.
    crossing
        Its strokes touch or run over the frame.
    drawn
        The digit as the pen drew it, alone on clean paper, normalized: uint8 (28, 28), ink 255.
    """

    field: str
    position: int
    digit: int
    index: int
    crossing: bool
    drawn: NDArray[np.uint8] = dataclasses.field(
        default_factory=lambda: np.zeros((28, 28), np.uint8), compare=False, repr=False
    )


@dataclass(frozen=True, slots=True, eq=False)
class Filled:
    """A filled form.

    Attributes
    ----------
    picture
        The page as drawn, in colour, in the form's pixels.
    values
        What each field's boxes hold, fields left out of the call being blank.
    uses
        Every digit written, in writing order.
    """

    form: DrawnForm
    picture: Colour
    values: dict[str, str]
    uses: tuple[DigitUse, ...]
    writer: Writer

    def scan(self, how: Wear, rng: np.random.Generator) -> Scan:
        """Wear and scan the page."""
        return wear(self.picture, self.form.dpi, how, rng)


def fill(
    form: DrawnForm,
    values: Mapping[str, str],
    rng: np.random.Generator,
    *,
    writer: Writer | None = None,
    stock: DigitStock | None = None,
    crossing: float = 0.06,
) -> Filled:
    """Write values into a form's boxes.

    Parameters
    ----------
    values
        Boxes by field name; one character a box. A wide box takes its digits, or ``_``.
    writer, stock
        Whose hand, and where its digits come from; drawn where left out.
    crossing
        Share of digits whose strokes touch or run over the frame.

    Raises
    ------
    ValueError
        A field has another number of boxes, or a character means nothing.
    """
    hand = writer or draw_writer(rng)
    digits = stock or DigitStock(rng)
    page = np.zeros(form.picture.shape, np.float32)
    uses: list[DigitUse] = []
    for name, marks in values.items():
        boxes = _places(form, form.field(name), marks, rng)
        if len(marks) != len(boxes):
            raise ValueError(f"field '{name}' has {len(boxes)} boxes, not the {len(marks)} of '{marks}'")
        for position, (mark, box) in enumerate(zip(marks, boxes, strict=True), 1):
            desk = Desk(page, box, form.px_per_mm, hand, rng)
            if mark.isdigit() or mark == "#":
                label = int(mark) if mark != "#" else int(rng.integers(10))
                index, crosses = digits.take(label), bool(rng.random() < crossing)
                ink = desk.write(digits.pictures[index], str(label), crosses)
                alone = normalize(np.round(ink * 255).astype(np.uint8))
                uses.append(DigitUse(name, position, label, index, crosses, alone))
            if mark in "X-/#":
                desk.strike(mark)
            elif not (mark.isdigit() or mark == "_"):
                raise ValueError(f"field '{name}': '{mark}' is no digit, '_', 'X', '-', '/' or '#'")
    known = {one.name: values.get(one.name, "_" * len(one.boxes)) for one in form.fields}
    return Filled(form, _ink(form, page, hand.pen, rng), known, tuple(uses), hand)


def _places(form: DrawnForm, written: Field, marks: str, rng: np.random.Generator) -> tuple[Rectangle, ...]:
    """Give the rectangles that a field's marks are written into."""
    if written.length == (1, 1) or marks == "_":
        return written.boxes
    areas = form.areas.get(written.name, written.boxes)
    counts = [len(marks)] if len(areas) == 1 else [len(marks) - DECIMALS, DECIMALS]
    return tuple(wide_slots(areas, counts, rng))


def draw_values(
    form: DrawnForm, rng: np.random.Generator, *, empty: float = 0.04, struck: float = 0.01, scribbled: float = 0.003
) -> dict[str, str]:
    """Draw what a person might write: right-aligned numbers, some of them short, a few fields left empty.

    `empty` is a share of the fields that are not required, `struck` and `scribbled` of the boxes.
    """
    values = {}
    for one in form.fields:
        if one.is_keyed:
            continue
        count = len(one.boxes)
        if not one.required and rng.random() < empty:
            values[one.name] = "_" * count
            continue
        if one.length != (1, 1):
            least, most = one.length
            values[one.name] = "".join(str(d) for d in rng.integers(0, 10, int(rng.integers(least, most + 1))))
            continue
        short = int(rng.integers(1, count)) if count > 1 and not one.required and rng.random() < 0.2 else 0
        pad = str(rng.choice(one.filler)) if one.filler else "_"
        marks = [pad] * short + [str(d) for d in rng.integers(0, 10, count - short)]
        for i in range(short, count):
            chance = rng.random()
            if chance < struck:
                marks[i] = str(rng.choice(["X", "-"]))
            elif chance < struck + scribbled:
                marks[i] = "#"
        values[one.name] = "".join(marks)
    return values


def value_of(form: DrawnForm, name: str, boxes: str) -> str:
    """Say what a field is worth: blanks and leading or trailing fillers go, other strikes and scribbles are ``?``."""
    fillers = "".join(form.field(name).filler)
    marks = boxes.replace("_", "").strip(fillers) if fillers else boxes.replace("_", "")
    return "".join(mark if mark.isdigit() else "?" for mark in marks)


def _ink(form: DrawnForm, page: Coverage, pen: Pen, rng: np.random.Generator) -> Colour:
    """Lay ink over print; the paper's grain and the pen's uneven flow show through."""
    height, width = page.shape
    flow = cv2.resize(
        rng.random((height // 40, width // 40), np.float32), (width, height), interpolation=cv2.INTER_CUBIC
    )
    side = max(2, round(0.12 * form.px_per_mm))
    grain = cv2.resize(rng.random((height // side, width // side), np.float32), (width, height))
    inked = page > 0  # a few per cent of the page
    weight: NDArray[np.float32] = page[inked] * (1 - pen.grain * (0.4 * flow[inked] + 0.6 * grain[inked]))
    paper = np.broadcast_to(form.picture[..., None], (*page.shape, 3)) if form.colour is None else form.colour
    picture = paper.copy()
    for k, level in enumerate(pen.colour):
        layer = paper[..., k][inked].astype(np.float32) * (1 - weight * (1 - level / 255))
        picture[..., k][inked] = np.clip(layer + 0.5, 0, 255).astype(np.uint8)
    return picture
