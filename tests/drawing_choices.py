"""Sheets of boxes and bubbles to mark, and the marks that people make on them, good ones and doubtful ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from formreader.template import Field, Rectangle
from formreader.values import SEVERAL, Colour
from tests.drawing_pen import PENS, Coverage, Pen, pen_strokes
from tests.drawing_sheet import DrawnForm, Sheet

A5_MM: Final = (148.0, 210.0)
LETTERS: Final = ("A", "B", "C", "D", "E")
STYLES: Final = ("fill", "tick", "cross", "dot", "circle", "slash")
"""How people mark; a sheet's writer keeps to one or two of them."""
DOUBTS: Final = ("smudge", "erased", "cancelled", "passing", "outside")
"""What nobody can be sure of: none of them is meant but the last, a mark beside its box."""


def bubble(
    sheet: Sheet, x: float, y: float, size: float, word: str = "", thick: float = 0.25, grey: int = 0
) -> Rectangle:
    """Print a ring with a letter in it; x and y are its middle. Returns the square round the middle of its line."""
    px = sheet.dpi / 25.4
    middle, fine = (round(x * px * 16), round(y * px * 16)), 4
    cv2.circle(sheet.pixels, middle, round(size / 2 * px * 16), grey, max(1, round(thick * px)), cv2.LINE_AA, fine)
    if word:
        sheet.text(x, y + 0.22 * size, word, 0.44 * size, grey=grey, middle=True)
    return (middle[0] / 16 - size / 2 * px, middle[1] / 16 - size / 2 * px, size * px, size * px)


def _head(sheet: Sheet, title: str, words: str) -> None:
    sheet.text(24, 15, title, 4.4)
    sheet.text(24, 21, words, 2.2)


def answer_sheet(dpi: float = 300, *, letters: bool = True, marked: bool = True) -> DrawnForm:
    """Print an examination's answer sheet: 30 questions of five bubbles with letters in them."""
    sheet = Sheet(A5_MM, dpi)
    markers = sheet.corner_squares(6, 5) if marked else None
    _head(sheet, "Answer sheet", "Fill one bubble for each question.")
    fields = []
    for i in range(30):
        x, y = 24 + 62 * (i // 15), 34 + 10.5 * (i % 15)
        sheet.text(x - 8, y + 1, str(i + 1), 2.4)
        words = LETTERS if letters else ("",) * 5
        boxes = tuple(bubble(sheet, x + 4 + 7.5 * k, y, 4.4, word) for k, word in enumerate(words))
        fields.append(Field(f"q{i + 1:02}", boxes, required=True, kind="choice", options=LETTERS))
    return DrawnForm("answers", sheet.pixels, dpi, tuple(fields), markers)


def survey(dpi: float = 300, size: float = 4.5) -> DrawnForm:
    """Print a survey: rows of squares under headings, and lists of which several may be ticked."""
    sheet = Sheet(A5_MM, dpi)
    _head(sheet, "How was your visit?", "Tick one box in each row.")
    fields = []
    words = ("Reception", "Waiting", "Doctor", "Nurses", "Rooms", "Food", "Parking", "Leaving", "Letters", "Costs")
    options = ("poor", "fair", "good", "great", "none")
    for k, word in enumerate(options):
        sheet.text(63 + 16 * k, 32, word, 2.2, middle=True)
    for row, word in enumerate(words):
        y = 36 + 8.5 * row
        sheet.text(14, y + 3.4, word, 2.4)
        boxes = tuple(sheet.box(63 + 16 * k - size / 2, y, size, size, 0.3) for k in range(5))
        fields.append(Field(word.lower(), boxes, required=True, kind="choice", options=options))
    sheet.text(14, 130, "Tick all that you came for.", 2.4)
    for column, name in enumerate(("needs", "helped", "again")):
        lines = [f"{name} {k + 1}" for k in range(7)]
        squares: list[Rectangle] = []
        for k, word in enumerate(lines):
            squares.append(sheet.box(16 + 42 * column, 136 + 8.2 * k, size, size, 0.3))
            sheet.text(16 + 42 * column + size + 1.2, 139.4 + 8.2 * k, word, 2.4)
        fields.append(Field(name, tuple(squares), kind="choice", options=tuple(lines), many=True))
    return DrawnForm("survey", sheet.pixels, dpi, tuple(fields))


def number_grid(dpi: float = 300, grey: int = 120) -> DrawnForm:
    """Print pale columns of bubbles, a digit each, as numbers are marked; and small squares for yes and no."""
    sheet = Sheet(A5_MM, dpi)
    markers = sheet.aruco_marks(6, 9)
    _head(sheet, "Your number", "Mark one bubble in each column.")
    fields = []
    for column in range(8):
        x = 30 + 8.5 * column
        boxes = tuple(bubble(sheet, x, 34 + 5.4 * k, 4.0, str(k), 0.2, grey) for k in range(10))
        fields.append(Field(f"n{column + 1}", boxes, required=True, kind="choice", options=tuple("0123456789")))
    for row in range(12):
        x, y = 18 + 60 * (row // 6), 105 + 12 * (row % 6)
        sheet.text(x, y + 2.6, f"Question {row + 1}", 2.4)
        squares: list[Rectangle] = []
        for k, word in enumerate(("yes", "no")):
            squares.append(sheet.box(x + 24 + 15 * k, y, 3.3, 3.3, 0.2))
            sheet.text(x + 28.4 + 15 * k, y + 2.6, word, 2.2)
        fields.append(Field(f"yn{row + 1}", tuple(squares), required=True, kind="choice", options=("yes", "no")))
    return DrawnForm("numbers", sheet.pixels, dpi, tuple(fields), markers)


def registration(dpi: float = 300, code: str = "", signed: bool = False) -> DrawnForm:
    """Print a card with a number, bubbles, boxes to tick, a code and a line to sign on, or with them on it."""
    sheet = Sheet(A5_MM, dpi)
    _head(sheet, "Registration", "Fill a bubble, tick boxes, and sign below.")
    sheet.text(14, 38, "Number", 2.6)
    fields = [Field("number", sheet.boxes(44, 31, 5, (7.0, 9.0), 1.5, 0.35))]
    sheet.text(14, 55, "Size", 2.6)
    bubbles = tuple(bubble(sheet, 46 + 9 * k, 54, 4.6, word) for k, word in enumerate(("S", "M", "L")))
    fields.append(Field("size", bubbles, required=True, kind="choice", options=("S", "M", "L")))
    squares: list[Rectangle] = []
    for k, word in enumerate(("meat", "fish", "nuts", "milk")):
        squares.append(sheet.box(44, 66 + 9 * k, 5, 5, 0.3))
        sheet.text(52, 70 + 9 * k, word, 2.6)
    words = ("meat", "fish", "nuts", "milk")
    fields.append(Field("no", tuple(squares), kind="choice", options=words, many=True))
    sheet.text(14, 120, "Signature", 2.6)
    sheet.rule(44, 122, 80, 0.25)
    px = sheet.dpi / 25.4
    fields.append(Field("signed", ((44 * px, 108 * px, 80 * px, 16 * px),), kind="image"))
    blank = DrawnForm("registration", sheet.pixels.copy(), dpi, ())
    fields.append(Field("code", ((100 * px, 140 * px, 34 * px, 34 * px),), required=True, kind="barcode"))
    if code:
        modules = np.asarray(cv2.QRCodeEncoder.create().encode(code), np.uint8)
        side = round(0.6 * px)
        printed = np.kron(modules, np.ones((side, side), np.uint8))
        top, left = round(144 * px), round(104 * px)
        sheet.pixels[top : top + len(printed), left : left + len(printed)] = printed
    if signed:
        wave = np.linspace(0, 6 * np.pi, 60)
        points = np.column_stack([50 + 2.2 * wave, 116 + (4 - 0.15 * wave) * np.sin(wave)]) * px
        line = np.round(points).astype(np.int32)
        cv2.polylines(sheet.pixels, [line], False, 60, max(1, round(0.5 * px)), cv2.LINE_AA)
    filled = DrawnForm("registration", sheet.pixels, dpi, tuple(fields))
    return filled if code or signed else DrawnForm("registration", blank.picture, dpi, tuple(fields))


SHEETS: Final[tuple[Callable[[], DrawnForm], ...]] = (
    answer_sheet,
    survey,
    number_grid,
    lambda: answer_sheet(letters=False, marked=False),
)


@dataclass(frozen=True, slots=True, eq=False)
class Marked:
    """A sheet with marks on it.

    Attributes
    ----------
    values
        What is meant, by field: the options' texts in their order with `SEVERAL` between them.
    doubtful
        By field, what somebody should look at, and how each marked option was marked.
    """

    form: DrawnForm
    picture: Colour
    values: Mapping[str, str]
    doubtful: Mapping[str, str]
    styles: Mapping[tuple[str, int], str]


def mark(
    form: DrawnForm,
    rng: np.random.Generator,
    *,
    doubts: float = 0.0,
    style: str = "",
    pen: Pen | None = None,
    doubt: str = "",
    values: Mapping[str, str] = MappingProxyType({}),
) -> Marked:
    """Let a writer answer every question.

    Parameters
    ----------
    doubts
        Share of the fields that have something doubtful.
    style
        The writer's; one or two of `STYLES` are drawn where left out.
    doubt
        Which of `DOUBTS` it is; drawn for each where left out.
    values
        Answers by field; drawn where left out.
    """
    habits = [style] if style else rng.choice(STYLES, 2 if rng.random() < 0.4 else 1, replace=False).tolist()
    pen = pen or PENS[rng.integers(len(PENS))]
    hand = _Hand(form, pen, rng, large=float(rng.uniform(0.8, 1.35)))
    answers, doubtful, styles = dict[str, str](), dict[str, str](), dict[tuple[str, int], str]()
    for field in (field for field in form.fields if field.kind == "choice"):
        count = len(field.boxes)
        chosen = sorted(rng.choice(count, _how_many(field, rng), replace=False).tolist())
        if field.name in values:
            chosen = [k for k, option in enumerate(field.options) if option in values[field.name].split(SEVERAL)]
        of_field = (doubt or str(rng.choice(DOUBTS))) if rng.random() < doubts else ""
        if of_field:
            doubtful[field.name] = of_field
            chosen = _doubted(hand, field, chosen, of_field, habits, rng)
        for k in chosen:
            styles[field.name, k] = habit = str(rng.choice(habits))
            hand.marks(field.boxes[k], habit)
        answers[field.name] = SEVERAL.join(field.options[k] for k in chosen)
    for name, k in hand.beside:
        field = form.field(name)
        answers[name] = field.options[k]
    for name in hand.crossed:
        doubtful.setdefault(name, "passing")
    return Marked(form, hand.inked(), answers, doubtful, styles)


def _how_many(field: Field, rng: np.random.Generator) -> int:
    if field.many:
        return int(rng.integers(0, len(field.boxes)))
    return int(rng.random() > 0.03)


def _doubted(
    hand: _Hand, field: Field, chosen: list[int], doubt: str, habits: list[str], rng: np.random.Generator
) -> list[int]:
    """Draw what is doubtful in a field; gives the options that are still to be marked."""
    others = [k for k in range(len(field.boxes)) if k not in chosen] or [0]
    other = int(rng.choice(others))
    chosen = [k for k in chosen if k != other]
    if doubt == "outside":
        hand.marks(field.boxes[other], str(rng.choice(("tick", "cross", "circle"))), beside=True)
        hand.beside.append((field.name, other))
        return []
    if doubt == "smudge":
        hand.smudge(field.boxes[other])
    elif doubt == "erased":
        hand.marks(field.boxes[other], str(rng.choice(habits)), weight=float(rng.uniform(0.12, 0.3)))
    elif doubt == "cancelled":
        hand.marks(field.boxes[other], str(rng.choice(habits)))
        hand.cancels(field.boxes[other])
    else:
        hand.passes(field.boxes[other])
    return chosen


class _Hand:
    """A pen over a sheet; all its ink is laid down at once."""

    def __init__(self, form: DrawnForm, pen: Pen, rng: np.random.Generator, large: float) -> None:
        self.form, self.pen, self.rng, self.large = form, pen, rng, large
        self.page: Coverage = np.zeros(form.picture.shape, np.float32)
        self.width_mm = float(rng.uniform(0.75, 1.0) * rng.uniform(*pen.width_mm))
        self.beside: list[tuple[str, int]] = []
        self.crossed: set[str] = set()

    def marks(self, box: Rectangle, style: str, *, weight: float = 1.0, beside: bool = False) -> None:
        """Mark a box as the writer does."""
        rng, size = self.rng, self.large * float(self.rng.uniform(0.85, 1.15))
        shift = rng.normal(0, 0.06, 2)
        if beside:
            angle, far = rng.uniform(0, 2 * np.pi), rng.uniform(0.5, 0.75)
            shift = far * np.array([np.cos(angle), np.sin(angle)])
        self._strokes(box, [one + shift for one in _STYLES[style](rng, size)], weight, 1.6 if style == "dot" else 1.0)

    def cancels(self, box: Rectangle) -> None:
        """Scribble over a box."""
        rng = self.rng
        turns = int(rng.integers(5, 9))
        x = np.linspace(-0.75, 0.75, 2 * turns) + rng.normal(0, 0.05, 2 * turns)
        y = np.where(np.arange(2 * turns) % 2, 0.6, -0.6) + rng.normal(0, 0.1, 2 * turns)
        self._strokes(box, [np.column_stack([x, y])], 1.0)

    def passes(self, box: Rectangle) -> None:
        """Draw a line that goes on through the box, of the pen or of dirt."""
        angle, far = self.rng.uniform(0, np.pi), self.rng.uniform(4, 9)
        way = far * np.array([np.cos(angle), np.sin(angle)])
        line = np.array([-way, way]) + self.rng.normal(0, 0.12, 2)
        self._strokes(box, [line], float(self.rng.uniform(0.4, 1.0)))
        x, y, width, height = box
        start, end = line * min(width, height) + np.array([x + width / 2, y + height / 2])
        on_line = start + np.linspace(0, 1, 400)[:, None] * (end - start)
        for field in self.form.fields:
            for left, top, wide, tall in field.boxes:
                slack = 0.3 * min(wide, tall)
                low, high = np.array([left - slack, top - slack]), np.array([left + wide + slack, top + tall + slack])
                if ((on_line >= low) & (on_line <= high)).all(axis=1).any():
                    self.crossed.add(field.name)

    def smudge(self, box: Rectangle) -> None:
        """Leave a fingers' grey."""
        x, y, width, height = box
        side = min(width, height)
        patch = np.zeros((round(5 * side), round(5 * side)), np.float32)
        middle = tuple((np.array([2.5, 2.5]) * side + self.rng.normal(0, 0.15 * side, 2)).round().astype(int).tolist())
        axes = tuple((self.rng.uniform(0.3, 0.8, 2) * side).round().astype(int).tolist())
        cv2.ellipse(patch, middle, axes, float(self.rng.uniform(0, 180)), 0, 360, 1.0, -1)
        patch = np.asarray(cv2.GaussianBlur(patch, (0, 0), 0.18 * side), np.float32)
        self._lay(
            patch * np.float32(self.rng.uniform(0.1, 0.3)), x + width / 2 - 2.5 * side, y + height / 2 - 2.5 * side
        )

    def _strokes(self, box: Rectangle, strokes: list[NDArray[np.float64]], weight: float, wide: float = 1.0) -> None:
        """Draw strokes, in shares of the box's side from its middle."""
        x, y, width, height = box
        side = min(width, height)
        reach = max(3.0, 1.2 + max(float(np.abs(one).max()) for one in strokes))
        span = round(2 * reach * side)
        pen_px = max(1.2, wide * self.width_mm * self.form.px_per_mm)
        drawn = pen_strokes([one * side + span / 2 for one in strokes], pen_px, (span, span))
        self._lay(drawn * np.float32(weight), x + width / 2 - span / 2, y + height / 2 - span / 2)

    def _lay(self, patch: Coverage, left: float, top: float) -> None:
        x, y = round(left), round(top)
        height, width = self.page.shape
        x0, y0, x1, y1 = max(0, x), max(0, y), min(width, x + patch.shape[1]), min(height, y + patch.shape[0])
        there = self.page[y0:y1, x0:x1]
        np.maximum(there, patch[y0 - y : y1 - y, x0 - x : x1 - x], out=there)

    def inked(self) -> Colour:
        """Lay the ink over the print; the paper's grain shows through."""
        height, width = self.page.shape
        colour = self.form.colour
        picture = np.repeat(self.form.picture[..., None], 3, axis=2) if colour is None else colour.copy()
        at = self.page > 0
        side = max(2, round(0.12 * self.form.px_per_mm))
        grain = cv2.resize(self.rng.random((height // side, width // side), np.float32), (width, height))
        weight = self.page[at] * (1 - self.pen.grain * 0.8 * grain[at])
        for k, level in enumerate(self.pen.colour):
            layer = picture[..., k][at].astype(np.float32) * (1 - weight * (1 - level / 255))
            picture[..., k][at] = np.clip(layer + 0.5, 0, 255).astype(np.uint8)
        return picture


def _fill(rng: np.random.Generator, _: float) -> list[NDArray[np.float64]]:
    """Fill most of a bubble, to and fro, and round its edge."""
    turns = int(rng.integers(7, 13))
    across = np.linspace(-0.42, 0.42, 2 * turns)
    half = np.sqrt(np.clip(0.45**2 - across**2, 0.01, None)) * float(rng.uniform(0.85, 1.05))
    side = np.where(np.arange(2 * turns) % 2, 1, -1)
    lines = np.column_stack([across, side * half + rng.normal(0, 0.02, 2 * turns)])
    angle = rng.uniform(0, np.pi)
    turned = lines @ np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    round_angle = np.linspace(0, 2 * np.pi, 14)
    ring = 0.36 * np.column_stack([np.cos(round_angle), np.sin(round_angle)])
    return [turned, ring, 0.5 * ring]


def _tick(rng: np.random.Generator, size: float) -> list[NDArray[np.float64]]:
    points = np.array([[-0.35, -0.05], [-0.12, 0.32], [0.1, -0.1], [0.55, -0.62]]) * size
    points[-1] *= rng.uniform(0.8, 1.5)
    return [points + rng.normal(0, 0.04, points.shape)]


def _cross(rng: np.random.Generator, size: float) -> list[NDArray[np.float64]]:
    reach = 0.42 * size
    strokes = [
        np.array([[-reach, -reach], [0, 0], [reach, reach]]),
        np.array([[reach, -reach], [0, 0], [-reach, reach]]),
    ]
    return [one + rng.normal(0, 0.05, one.shape) for one in strokes]


def _dot(rng: np.random.Generator, size: float) -> list[NDArray[np.float64]]:
    angle = np.linspace(0, 4 * np.pi, 12)
    reach = np.linspace(0.02, float(rng.uniform(0.1, 0.18)), 12) * size
    return [np.column_stack([reach * np.cos(angle), reach * np.sin(angle)])]


def _circle(rng: np.random.Generator, size: float) -> list[NDArray[np.float64]]:
    angle = np.linspace(0, float(rng.uniform(1.9, 2.2)) * np.pi, 14) + rng.uniform(0, 2 * np.pi)
    ring = np.column_stack([np.cos(angle), np.sin(angle)]) * rng.uniform(0.24, 0.42, 2) * size
    return [ring + rng.normal(0, 0.02, ring.shape) + rng.normal(0, 0.08, 2)]


def _slash(rng: np.random.Generator, size: float) -> list[NDArray[np.float64]]:
    points = np.array([[-0.4, 0.4], [0, 0], [0.4, -0.4]]) * size
    return [points + rng.normal(0, 0.05, points.shape)]


_STYLES: Final = {
    "fill": _fill,
    "tick": _tick,
    "cross": _cross,
    "dot": _dot,
    "circle": _circle,
    "slash": _slash,
}
