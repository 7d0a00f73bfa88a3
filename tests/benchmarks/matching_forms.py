"""Families of forms for `tests.benchmarks.matching`: a form, and others of the same house that are nearly the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np

from formreader.template import Field, Markers
from tests.drawing import DrawnForm
from tests.drawing_sheet import Sheet

SIZES_MM: Final = ((210.0, 297.0), (210.0, 297.0), (210.0, 148.0), (148.0, 210.0))
MARKS: Final = ("none", "none", "squares", "aruco", "apriltag")
STYLES: Final = ("separate", "touching", "table")

_WORDS: Final = (
    *("Ward", "Visit", "Meter", "Count", "Depot", "Marks", "Household", "Station", "Weight", "Pulse", "Driver"),
    *("Serial", "Reading", "Total", "District", "School", "Parcel", "Date", "Number", "Officer", "Amount", "Litres"),
    *("Batch", "Pupil", "Temperature", "Invoice", "Account", "Room", "Seats", "Votes", "Village", "Sample", "Depth"),
)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the form; lengths in millimetres."""

    label: str
    top: float
    left: float
    count: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What is printed on a form."""

    size: tuple[float, float]
    style: str
    marks: str
    ids: tuple[int, ...]
    title: str
    notes: tuple[str, ...]
    box: tuple[float, float]
    gap: float
    thick: float
    grey: int
    rows: tuple[Row, ...]


def draw_plan(rng: np.random.Generator) -> Plan:
    """Invent a form."""
    width, height = size = SIZES_MM[rng.integers(len(SIZES_MM))]
    style, marks = STYLES[rng.integers(len(STYLES))], MARKS[rng.integers(len(MARKS))]
    box = float(rng.uniform(5.5, 8.5)), float(rng.uniform(6.5, 10.0))
    gap = 0.0 if style != "separate" else float(rng.uniform(1.0, 3.0))
    pitch = box[1] + (0.0 if style == "table" else float(rng.uniform(2.5, 9.0)))
    first, last = 42.0, height - 34.0
    left = float(rng.uniform(0.33, 0.45)) * width
    most = int((width - 22.0 - left) / (box[0] + gap))
    every = int(rng.integers(3, most + 1)) if style == "table" else 0
    tops = np.arange(first, last - box[1], pitch)[: int(rng.integers(4, 24))]
    rows = tuple(Row(_words(rng, 2), float(top), left, every or int(rng.integers(2, most + 1))) for top in tops)
    notes = tuple(_words(rng, int(rng.integers(4, 8))) for _ in range(int(rng.integers(1, 4))))
    ids = tuple(int(i) for i in rng.choice(40, 4, replace=False))
    grey = int(rng.choice([0, 0, 60, 120]))
    return Plan(*(size, style, marks, ids, _words(rng, 3), notes, box, gap, float(rng.uniform(0.25, 0.5)), grey, rows))


def _words(rng: np.random.Generator, count: int) -> str:
    return " ".join(rng.choice(_WORDS, count))


def row_moved(plan: Plan, rng: np.random.Generator) -> Plan:
    """Move one row, boxes and label, by 4 to 9 mm across or, where there is room, down."""
    chosen = int(rng.integers(len(plan.rows)))
    by = float(rng.uniform(4, 9)) * (-1 if rng.random() < 0.5 else 1)
    row = plan.rows[chosen]
    if chosen == len(plan.rows) - 1 and rng.random() < 0.5:
        moved = replace(row, top=row.top + abs(by))
    else:
        moved = replace(row, left=row.left + by)
    return replace(plan, rows=(*plan.rows[:chosen], moved, *plan.rows[chosen + 1 :]))


def other_pitch(plan: Plan, rng: np.random.Generator) -> Plan:
    """Space the rows 4 to 10 % wider or closer."""
    factor = 1 + float(rng.uniform(0.04, 0.1)) * (-1 if rng.random() < 0.5 and plan.style != "table" else 1)
    first = plan.rows[0].top
    rows = [replace(row, top=first + (row.top - first) * factor) for row in plan.rows]
    kept = tuple(row for row in rows if row.top + plan.box[1] < plan.size[1] - 24.0)
    return replace(plan, rows=kept, box=(plan.box[0], plan.box[1] * (factor if plan.style == "table" else 1.0)))


def other_page(plan: Plan, rng: np.random.Generator) -> Plan:
    """Keep the frame of every row, but ask other things: another page of the family."""
    rows = tuple(replace(row, label=_words(rng, 2)) for row in plan.rows)
    notes = tuple(_words(rng, len(note.split())) for note in plan.notes)
    ids = tuple(int(i) for i in rng.choice(np.setdiff1d(np.arange(40), plan.ids), 4, replace=False))
    return replace(plan, rows=rows, notes=notes, title=_words(rng, 3), ids=ids)


def row_more(plan: Plan, rng: np.random.Generator) -> Plan:
    """Add two rows below the last, or take the last two away where there is no room."""
    last, pitch = plan.rows[-1], plan.rows[1].top - plan.rows[0].top
    more = tuple(
        replace(last, top=last.top + k * pitch, label=_words(rng, 2))
        for k in (1, 2)
        if last.top + k * pitch + plan.box[1] < plan.size[1] - 22.0
    )
    return replace(plan, rows=(*plan.rows, *more) if more else plan.rows[:-2])


def box_more(plan: Plan, rng: np.random.Generator) -> Plan:
    """Give every third row a box more or less."""
    fit = int((plan.size[0] - 20.0 - plan.rows[0].left) / (plan.box[0] + plan.gap))
    start = int(rng.integers(min(3, len(plan.rows))))
    rows = [
        replace(row, count=row.count + (1 if row.count < fit else -1)) if i % 3 == start else row
        for i, row in enumerate(plan.rows)
    ]
    return replace(plan, rows=tuple(rows))


def all_moved(plan: Plan, rng: np.random.Generator) -> Plan:
    """Move all rows by 4 to 8 mm across, head and marks staying."""
    by = float(rng.uniform(4, 8)) * (-1 if rng.random() < 0.5 else 1)
    return replace(plan, rows=tuple(replace(row, left=row.left + by) for row in plan.rows))


TWINS: Final[dict[str, Callable[[Plan, np.random.Generator], Plan]]] = {
    "row moved": row_moved,
    "other pitch": other_pitch,
    "other page": other_page,
    "rows more": row_more,
    "box more": box_more,
    "all moved": all_moved,
}


def printed(plan: Plan, dpi: float, name: str = "form") -> DrawnForm:
    """Print a plan."""
    width, height = plan.size
    sheet = Sheet(plan.size, dpi)
    markers = _marks(sheet, plan)
    sheet.text(26, 22, plan.title, 4.5)
    for line, note in enumerate(plan.notes):
        sheet.text(26, 28 + 4.5 * line, note, 2.2)
    fields = []
    for number, row in enumerate(plan.rows, 1):
        sheet.text(24, row.top + 0.65 * plan.box[1], row.label, 2.4)
        boxes = sheet.boxes(row.left, row.top, row.count, plan.box, plan.gap, plan.thick, plan.grey)
        fields.append(Field(f"row_{number:02d}", boxes))
    sheet.text(width / 2, height - 11, plan.title.lower() + " - please keep", 1.9, middle=True)
    return DrawnForm(name, sheet.pixels, dpi, tuple(fields), markers)


def _marks(sheet: Sheet, plan: Plan) -> Markers | None:
    if plan.marks == "none":
        return None
    if plan.marks == "squares":
        return sheet.corner_squares(8.0, 5.0)
    if plan.marks == "aruco":
        return sheet.aruco_marks(8.0, 11.0, plan.ids)
    return _apriltags(sheet, plan.ids)


def _apriltags(sheet: Sheet, ids: tuple[int, ...], margin_mm: float = 8.0, side_mm: float = 12.0) -> Markers:
    """Print four AprilTags of the family 36h11 in the corners."""
    height, width = sheet.pixels.shape
    cells = 8  # six cells and the black border on both sides
    side, margin = (round(mm * sheet.dpi / 25.4) for mm in (side_mm, margin_mm))
    side = side // cells * cells
    known = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_APRILTAG_36h11)
    centres = []
    for mark, (right, low) in zip(ids, ((0, 0), (1, 0), (1, 1), (0, 1)), strict=True):
        left = width - margin - side if right else margin
        top = height - margin - side if low else margin
        sheet.pixels[top : top + side, left : left + side] = cv2.aruco.generateImageMarker(known, mark, side)
        centres.append((left + (side - 1) / 2, top + (side - 1) / 2))
    return Markers("aruco", tuple(centres), float(side), "APRILTAG_36h11", ids)
