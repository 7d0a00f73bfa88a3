"""Forms that the program itself prints, as blank forms to fill: what `formreader print` wrote, in colour."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
import pypdfium2 as pdfium

from formreader.printing import print_form, write_form
from formreader.template import Template, load_template
from formreader.values import Colour
from tests.drawing_sheet import DrawnForm

DPI = 300.0

METER = """
[form]
name = "meters"
title = "Meter readings"
instructions = "Write one digit in each box. Leave boxes on the left empty where a number is shorter."

[[field]]
name = "customer"
label = "Customer number"
digits = 8
required = true

[[field]]
name = "day"
label = "Read on"
date = "DDMMYYYY"
required = true

[[field]]
name = "gas"
label = "Gas, m³"
digits = 6
decimals = 1

[[field]]
name = "water"
label = "Water, m³"
digits = 5
hint = "black figures only"

[[field]]
name = "account"
label = "Account"
digits = 20
"""
MARKS = """
[form]
name = "marks"
title = "List of marks"
instructions = "Marks are whole numbers. Leave the boxes of who was absent empty."

[[field]]
name = "school"
label = "School"
digits = 5
required = true

[[field]]
name = "paper"
label = "Paper"
digits = 2
required = true

[[table]]
rows = 18
row_label = "No."
columns = [
    {name = "student", label = "Student", digits = 6, required = true},
    {name = "q1", label = "Q1", digits = 1},
    {name = "q2", label = "Q2", digits = 2},
    {name = "sum", label = "Sum", digits = 4, decimals = 1},
]
"""
WARD = """
[form]
name = "ward"
title = "Ward round"
instructions = ["To be filled in every morning before the round, in black or blue.", "Do not fold this sheet."]

[[text]]
heading = "Patient"

[[field]]
name = "patient"
label = "Patient number, as it is printed on the wristband that the patient wears on the left arm"
digits = 7
required = true

[[field]]
name = "bed"
label = "Bed"
digits = 3

[[text]]
heading = "Measures"
text = "Measured sitting, after five minutes of rest."

[[field]]
name = "systolic"
label = "Blood pressure, upper"
digits = 3

[[field]]
name = "diastolic"
label = "Blood pressure, lower"
digits = 3

[[field]]
name = "pulse"
label = "Pulse"
digits = 3

[[field]]
name = "temperature"
label = "Temperature, °C"
digits = 3
decimals = 1

[[field]]
name = "time"
label = "Time"
date = "HHMM"

[[table]]
rows = 6
row_label = "Dose"
columns = [
    {name = "amount", label = "Amount, mg", digits = 5, decimals = 1},
    {name = "at", label = "At", date = "HHMM", letters = "hhmm"},
]
"""
KINDS = {"meters": METER, "marks": MARKS, "ward": WARD}


def printed(fields: str, folder: Path, *, paper: str = "", tone: str = "") -> tuple[DrawnForm, Template]:
    """Print a form of one page from the text of its fields file; its blank as it is printed, and its template."""
    source, pdf = folder / "fields.toml", folder / "form.pdf"
    source.write_text(fields, encoding="utf-8")
    write_form(print_form(source, pdf, paper=paper, tone=tone), pdf)
    template = load_template(pdf.with_suffix(".toml"))
    (colour,) = rendered(pdf)
    grey = np.asarray(cv2.cvtColor(colour, cv2.COLOR_BGR2GRAY), np.uint8)
    return DrawnForm(template.name, grey, DPI, template.fields, template.markers, colour), template


def rendered(pdf: Path, pages: Iterable[int] | None = None, dpi: float = DPI) -> list[Colour]:
    """Draw pages of a PDF, all where none are named; they count from 0."""
    with closing(pdfium.PdfDocument(pdf)) as document:
        numbers = range(len(document)) if pages is None else pages
        return [document[number].render(scale=dpi / 72, rev_byteorder=False).to_numpy()[..., :3] for number in numbers]
