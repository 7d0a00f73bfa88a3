"""Draw the folders of ``samples/`` again, the same to the byte: ``python -m tests.draw_samples [FOLDER]``.

The bytes depend on the versions of OpenCV (its fonts) and Pillow (its encoders); the truth does not.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from formreader.template import save_template
from tests.drawing import (
    PENS,
    DigitStock,
    DrawnForm,
    Filled,
    Pen,
    Wear,
    class_marks,
    draw_writer,
    fill,
    meter_card,
    visit_record,
    write_scan,
)

SEED = 20240607
BLACK, DARK_BLUE, BALLPOINT, PENCIL = PENS
Values = dict[str, str]


@dataclass(frozen=True, slots=True)
class Sheet:
    """One page to draw.

    Attributes
    ----------
    slips
        What the writer did wrong, as boxes by field: laid over the drawn values.
    """

    pen: Pen
    wear: Wear
    slips: tuple[tuple[str, str], ...] = ()
    crossing: float = 0.05


@dataclass(frozen=True, slots=True)
class Sample:
    """A form, its values and the files that hold its pages; a sheet's name is its file's."""

    form: Callable[[], DrawnForm]
    values: Callable[[np.random.Generator], Values]
    files: tuple[tuple[str, tuple[Sheet, ...]], ...]


def digits(rng: np.random.Generator, count: int) -> str:
    """Draw a number of `count` digits."""
    return "".join(str(d) for d in rng.integers(0, 10, count))


def right(number: int, boxes: int, pad: str = "_") -> str:
    """Write a number into the last of its boxes."""
    return str(number).rjust(boxes, pad)


def visit_values(rng: np.random.Generator) -> Values:
    """Draw a patient's visit."""
    day, month, year = rng.integers(1, 29), rng.integers(1, 13), rng.integers(2019, 2025)
    return {
        "patient_id": digits(rng, 6),
        "visit_date": f"{day:02d}{month:02d}{year}",
        "age": right(int(rng.integers(1, 95)), 3, str(rng.choice(["X", "-", "_"]))),
        "temperature": str(rng.integers(355, 402)),
        "weight": right(int(rng.integers(62, 1105)), 4),
        "pulse": right(int(rng.integers(52, 140)), 3),
        "household": right(int(rng.integers(20, 99999)), 5, str(rng.choice(["X", "_"]))),
        "drug_code": digits(rng, 4) if rng.random() < 0.7 else "____",
        "doses": right(int(rng.integers(1, 31)), 2),
    }


def class_values(rng: np.random.Generator) -> Values:
    """Draw a class: marks that add up to the total, absent students with dashes, free lines at the foot."""
    values: Values = {}
    for row in range(1, 21 - int(rng.integers(0, 6))):
        name = f"r{row:02d}."
        values[name + "number"] = digits(rng, 5)
        if rng.random() < 0.05:
            values |= {name + "q1": "-", name + "q2": "-", name + "q3": "--", name + "q4": "--", name + "total": "---"}
            continue
        marks = (int(rng.integers(10)), int(rng.integers(10)), int(rng.integers(41)), int(rng.integers(41)))
        values |= {name + "q1": str(marks[0]), name + "q2": str(marks[1])}
        values |= {
            name + "q3": right(marks[2], 2),
            name + "q4": right(marks[3], 2),
            name + "total": right(sum(marks), 3),
        }
    return values


def meter_values(rng: np.random.Generator) -> Values:
    """Draw two meters' readings, leading zeros written."""
    return {
        "customer": digits(rng, 7),
        "water": f"{rng.integers(100, 99999):05d}",
        "power_day": f"{rng.integers(5000, 999999):06d}",
        "power_night": f"{rng.integers(900, 499999):06d}" if rng.random() < 0.8 else "______",
        "read_on": f"{rng.integers(1, 29):02d}{rng.integers(1, 13):02d}{rng.integers(19, 25):02d}",
    }


FEEDER = Wear(dpi=150, skew_degrees=0.4, shift_mm=(0.8, -1.1), blur_mm=0.04, noise=2, levels=32, contrast=0.95)
FAX = Wear(dpi=200, skew_degrees=-0.6, blur_mm=0.05, noise=6, one_bit_at=165, specks=25)
PHONE = Wear(dpi=150, skew_degrees=1.5, bend_mm=3, blur_mm=0.08, noise=3, shade=55, contrast=0.75, lid=90, folds=1)
COLOUR = Wear(dpi=150, skew_degrees=-0.8, blur_mm=0.05, noise=1.5, colour=True, paper=(222, 240, 246), scale=0.995)

VISIT = Sample(
    visit_record,
    visit_values,
    (
        ("visit-01.jpg", (Sheet(BLACK, FEEDER),)),
        ("visit-02.jpg", (Sheet(BALLPOINT, COLOUR, (("age", "_X7"),)),)),
        ("visit-03.png", (Sheet(BLACK, FAX, (("drug_code", "4-71"),)),)),
        ("visit-04 upside down.jpg", (Sheet(DARK_BLUE, replace(FEEDER, quarter_turns=2)),)),
        ("visit-05 skewed.jpg", (Sheet(DARK_BLUE, replace(FEEDER, skew_degrees=4.0), (("pulse", "1_2"),)),)),
        ("visit-06.tif", (Sheet(BLACK, FAX), Sheet(DARK_BLUE, replace(FAX, skew_degrees=1.1), (("doses", "#5"),)))),
        ("visit-07.pdf", (Sheet(BLACK, replace(FEEDER, folds=2)), Sheet(BALLPOINT, replace(FEEDER, streaks=2)))),
        ("visit-08.jpg", (Sheet(BLACK, PHONE, (("weight", "_6#2"),)),)),
        ("visit-09.png", (Sheet(PENCIL, replace(FEEDER, skew_degrees=-1.3, levels=16, noise=1), (), 0.12),)),
    ),
)
CLASS = Sample(
    class_marks,
    class_values,
    (
        ("class-1a.jpg", (Sheet(DARK_BLUE, FEEDER),)),
        ("class-1b.png", (Sheet(BLACK, replace(FAX, skew_degrees=0.9), (("r03.q3", "X8"),)),)),
        ("class-2a.jpg", (Sheet(BALLPOINT, replace(FEEDER, quarter_turns=2), (("r05.total", "0#6"),)),)),
        ("class-2b.jpg", (Sheet(BLACK, replace(FEEDER, skew_degrees=-4.0)),)),
        ("class-3.tif", (Sheet(BLACK, FAX), Sheet(BLACK, replace(FAX, specks=80), (("r02.number", "30_51"),)))),
        ("class-4.pdf", (Sheet(DARK_BLUE, replace(FEEDER, scale=0.985)),)),
        ("class-5.jpg", (Sheet(BALLPOINT, COLOUR, (), 0.09),)),
        ("class-6.jpg", (Sheet(DARK_BLUE, replace(PHONE, bend_mm=2, lid=200)),)),
    ),
)
METER = Sample(
    meter_card,
    meter_values,
    (
        ("card 1.jpg", (Sheet(BALLPOINT, replace(COLOUR, paper=(200, 245, 250))),)),
        ("card 2.png", (Sheet(BLACK, replace(FEEDER, dpi=200, levels=16, noise=1)),)),
        ("card 3.jpg", (Sheet(DARK_BLUE, replace(FEEDER, dpi=200, quarter_turns=2), (("water", "0_771"),)),)),
        ("card 4.jpg", (Sheet(BLACK, replace(FEEDER, dpi=200, skew_degrees=4.0)),)),
        ("card 5.tif", (Sheet(BLACK, FAX), Sheet(BLACK, replace(FAX, quarter_turns=1)))),
        ("card 6.pdf", (Sheet(DARK_BLUE, replace(FEEDER, dpi=200, cut_mm=(0, 3, 2, 0))), Sheet(BLACK, FAX))),
        ("card 7.jpg", (Sheet(PENCIL, replace(FEEDER, dpi=200), (("power_day", "02#518"),), 0.1),)),
        ("card 8.bmp", (Sheet(DARK_BLUE, replace(FAX, skew_degrees=-1.4)),)),
        ("card 10.jpg", (Sheet(BLACK, replace(PHONE, dpi=200), (("customer", "55X1082"),)),)),
    ),
)
SAMPLES = {"visit-record": VISIT, "class-marks": CLASS, "meter-card": METER}


def draw_sample(sample: Sample, folder: Path, stock: DigitStock, rng: np.random.Generator) -> None:
    """Write a sample's blank, template, scans, truth and list of digits used, over any that are there."""
    form = sample.form()
    (folder / "scans").mkdir(parents=True, exist_ok=True)
    save_template(form.template(), folder / "template.toml", "blank.png")
    truth, used = [], []
    for file, sheets in sample.files:
        scans = []
        for page, sheet in enumerate(sheets, 1):
            values = sample.values(rng) | dict(sheet.slips)
            filled = fill(form, values, rng, writer=draw_writer(rng, sheet.pen), stock=stock, crossing=sheet.crossing)
            scans.append(filled.scan(sheet.wear, rng))
            truth += [(file, page, *row) for row in truth_rows(filled, sheet)]
            used += [(file, page, u.field, u.position, u.digit, u.index) for u in filled.uses]
        write_scan(scans, folder / "scans" / file)
    write_rows(folder / "truth.csv", ("scan", "page", "field", "boxes", "note"), truth)
    write_rows(folder / "digits-used.csv", ("scan", "page", "field", "position", "digit", "index"), used)


def truth_rows(filled: Filled, sheet: Sheet) -> list[tuple[str, str, str]]:
    """List a page's fields: name, boxes, note."""
    crossing = {use.field for use in filled.uses if use.crossing}
    slips = dict(sheet.slips)
    rows = []
    for name, boxes in filled.values.items():
        notes = []
        if "#" in boxes:
            notes.append("a digit scribbled over")
        elif name in slips:
            notes.append("a box left out" if "_" in boxes.strip("_") else "a box struck out")
        if name in crossing:
            notes.append("a stroke on or over the frame")
        rows.append((name, boxes, "; ".join(notes)))
    return rows


def write_rows(path: Path, head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a CSV of UTF-8 with plain line ends."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(head)
        writer.writerows(rows)


def draw_all(folder: Path) -> None:
    """Draw every sample into its folder below `folder`."""
    cv2.setNumThreads(1)  # one order of additions, whatever the machine
    stock = DigitStock(np.random.default_rng(SEED))
    for number, (name, sample) in enumerate(SAMPLES.items()):
        draw_sample(sample, folder / name, stock, np.random.default_rng([SEED, number]))


if __name__ == "__main__":
    draw_all(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1] / "samples")
