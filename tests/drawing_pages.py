"""A form of two pages, and piles of it: what people wrote is known, page by page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from formreader.printed import PrintedCode, as_text
from formreader.template import Field, Template, save_form, sheet_name
from tests.drawing import PENS, Scan, Wear, draw_writer, fill, write_scan
from tests.drawing_sheet import DrawnForm, Sheet

DPI = 150
SIZE_MM = (148.0, 105.0)
NAME = "visit"
COLUMNS = ("patient", "born", "weight", "dose", "lot")
ON_PAGE = {1: ("patient", "born", "weight"), 2: ("patient", "dose", "lot")}
FLAT = Wear(noise=2)


@cache
def visit() -> tuple[DrawnForm, DrawnForm]:
    """Print both pages; the patient's number stands on each."""
    first, second = Sheet(SIZE_MM, DPI), Sheet(SIZE_MM, DPI)
    first.text(12, 14, "RECORD OF A VISIT", 4.2)
    second.text(12, 14, "MEDICINE GIVEN", 4.2)
    second.text(12, 20, "Fill in one page for each visit and sign below.", 2.2)
    pages = []
    for sheet, rows in (
        (first, (("patient", "Patient", 6, 26.0), ("born", "Born", 8, 46.0), ("weight", "Weight (kg)", 3, 66.0))),
        (second, (("patient", "Patient", 6, 30.0), ("lot", "Lot number", 5, 52.0), ("dose", "Dose (mg)", 4, 80.0))),
    ):
        fields = []
        for name, label, count, top in rows:
            sheet.text(12, top + 6, label, 2.5)
            fields.append(Field(name, sheet.boxes(44, top, count, (7.0, 9.0), 2.0, 0.35)))
        pages.append(DrawnForm(NAME, sheet.pixels, DPI, tuple(fields)))
    second.rule(12, 96, 60, 0.25)
    return pages[0], pages[1]


def visit_template(folder: Path, gather: str = "sequence", *, codes: bool | None = None) -> Path:
    """Write the template."""
    sheets: list[Template] = [
        replace(one.template(), name=sheet_name(NAME, page), page=page, pages=2, gather=gather, codes=codes)
        for page, one in enumerate(visit(), 1)
    ]
    folder.mkdir(exist_ok=True)
    save_form(sheets, folder / "visit.toml")
    return folder / "visit.toml"


@dataclass(frozen=True, slots=True)
class Visit:
    """What a person wrote, a value a field."""

    values: dict[str, str]
    serial: str = ""


def draw_visits(count: int, seed: int = 1) -> list[Visit]:
    """Draw what people wrote, each with a number of their own."""
    rng = np.random.default_rng(seed)
    widths = {field.name: len(field.boxes) for page in visit() for field in page.fields}
    return [
        Visit({name: "".join(map(str, rng.integers(0, 10, width))) for name, width in widths.items()}, f"{nth:05}")
        for nth in range(1, count + 1)
    ]


def scan_of(one: Visit, page: int, *, coded: bool = False, on: int = 0) -> Scan:
    """Write a page by hand and scan it.

    Parameters
    ----------
    coded
        With the QR code of a printed form, which has the copy's serial number.
    on
        The page whose paper it is written on; its own where left out.
    """
    form = visit()[(on or page) - 1]
    rng = np.random.default_rng([page, *map(int, one.values["patient"])])
    written = {name: one.values[name] for name in ON_PAGE[on or page]}
    filled = fill(form, written, rng, writer=draw_writer(rng, PENS[0]), crossing=0.0)
    if coded:
        text = as_text(PrintedCode(NAME, page, one.serial))
        code = cv2.QRCodeEncoder.create().encode(text)
        code = cv2.resize(code, None, fx=4, fy=4, interpolation=cv2.INTER_NEAREST)
        height, width = code.shape
        filled.picture[20 : 20 + height, -20 - width : -20] = code[..., None]
    return filled.scan(FLAT, rng)


def lay_pile(folder: Path, pile: Sequence[tuple[str, Scan | bytes]]) -> None:
    """Write scans in their order, each a file; bytes are a file that is no picture."""
    folder.mkdir()
    for nth, (name, scan) in enumerate(pile):
        path = folder / f"{nth:03}{name}.png"
        if isinstance(scan, bytes):
            path.write_bytes(scan)
        else:
            write_scan(scan, path)
