"""From a list of fields to a form on paper, filled, scanned, read, reviewed, and in a table: every value comes back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import openpyxl
import pytest
from typer.testing import CliRunner

from formreader.cli import app
from formreader.export import read_results
from formreader.export.to_review import SHOWN
from formreader.template import Template, load_form
from formreader.values import Colour
from tests.drawing import Wear, fill, wear
from tests.drawing_choices import mark
from tests.drawing_printed import DPI, rendered
from tests.drawing_sheet import DrawnForm

FIELDS = """
[form]
name = "visit"
title = "Visit of ward {ward}"
tone = "pale"

[[field]]
name = "patient"
label = "Patient number"
digits = 6
required = true

[[field]]
name = "day"
label = "Date"
date = "DDMMYYYY"

[[field]]
name = "smoker"
kind = "choice"
label = "Smoker"
options = ["yes", "no"]

[[field]]
name = "complaints"
kind = "choice"
label = "Complaints"
options = ["fever", "cough", "rash"]
many = true

[[text]]
heading = "Laboratory"
new_page = true

[[table]]
rows = 3
columns = [{ name = "value", label = "Value", digits = 3 }]

[[field]]
name = "surname"
kind = "key"
label = "Name"

[[field]]
name = "signature"
kind = "image"
label = "Signature"
"""
PEOPLE = {"0001": "3", "0002": "3", "0003": "7", "0004": "12"}
"""The ward of each numbered copy."""
TRUTH = {
    "0001": {"patient": "048213", "day": "03112026", "smoker": "no", "complaints": "fever;rash", "surname": "Moyo"},
    "0002": {"patient": "770052", "day": "04112026", "smoker": "yes", "complaints": "", "surname": "Banda"},
    "0003": {"patient": "193846", "day": "04112026", "smoker": "no", "complaints": "cough", "surname": "Phiri"},
    "0004": {"patient": "566028", "day": "05112026", "smoker": "no", "complaints": "rash", "surname": "Zulu"},
}
MEASURED = {
    "0001": ("112", "87", "640"),
    "0002": ("9", "", "71"),
    "0003": ("250", "36", "5"),
    "0004": ("48", "93", "8"),
}


def truth_of(serial: str) -> dict[str, str]:
    """Give what is written on a copy, by field."""
    rows = {f"row{number:02d}_value": value for number, value in enumerate(MEASURED[serial], 1)}
    return TRUTH[serial] | rows | {"signature": "written", "serial": serial}


def written_on(page: Colour, sheet: Template, serial: str, rng: np.random.Generator) -> Colour:
    """Write what belongs on a page: digits, marks, and a hand's waves where words are."""
    grey = np.asarray(cv2.cvtColor(page, cv2.COLOR_BGR2GRAY), np.uint8)
    form = DrawnForm(sheet.name, grey, DPI, sheet.fields, sheet.markers, page)
    truth = truth_of(serial)
    digits = {one.name: truth[one.name].rjust(len(one.boxes), "_") for one in sheet.fields if one.kind == "digits"}
    filled = fill(form, digits, rng, crossing=0)
    marked = mark(replace(form, colour=filled.picture), rng, style="cross", values=truth)
    picture = marked.picture.copy()
    for one in sheet.fields:
        if one.kind in ("key", "image"):
            x, y, width, height = one.boxes[0]
            across = np.linspace(0.1, 0.6, 60)
            wave = np.column_stack([x + across * width, y + height * (0.5 + 0.2 * np.sin(40 * across))])
            cv2.polylines(picture, [np.round(wave).astype(np.int32)], False, (90, 40, 30), 5, cv2.LINE_AA)
    return picture


def called(*arguments: object) -> None:
    answer = CliRunner().invoke(app, list(map(str, arguments)))
    assert answer.exit_code == 0, answer.output


def reviewed(book: Path, serials: dict[str, str]) -> int:
    """Type into a workbook's sheet To review what is written on paper; gives how many cells."""
    opened = openpyxl.load_workbook(book)
    sheet: Any = opened["To review"]
    places = {name: number for number, name in enumerate(SHOWN)}
    rows = list(sheet.iter_rows(min_row=2))
    for row in rows:
        scan, field = (str(row[places[name]].value) for name in ("scan", "field"))
        right = row[places["right value"]]
        right.value, right.number_format = truth_of(serials[scan])[field] or "_", "@"
    opened.save(book)
    return len(rows)


@pytest.mark.slow
def test_all_values_come_back(tmp_path: Path) -> None:
    rng = np.random.default_rng(11)
    (tmp_path / "fields.toml").write_text(FIELDS, encoding="utf-8")
    (tmp_path / "people.csv").write_text("ward\n" + "".join(f"{ward}\n" for ward in PEOPLE.values()), encoding="utf-8")
    called("print", tmp_path / "fields.toml", "-o", tmp_path / "form.pdf", "--data", tmp_path / "people.csv")
    sheets = load_form(tmp_path / "form.toml")
    pages = rendered(tmp_path / "form.pdf")
    assert len(pages) == len(PEOPLE) * len(sheets)

    scans, serials = tmp_path / "scans", dict[str, str]()
    scans.mkdir()
    for number, place in enumerate(rng.permutation(len(pages))):
        serial, sheet = list(PEOPLE)[number // len(sheets)], sheets[number % len(sheets)]
        how = Wear(
            dpi=200, skew_degrees=float(rng.uniform(-2, 2)), blur_mm=0.05, noise=2, contrast=0.9, jpeg_quality=75
        )
        worn = wear(written_on(pages[number], sheet, serial, rng), DPI, how, rng)
        serials[f"scan_{place:03d}.jpg"] = serial
        cv2.imwrite(str(scans / f"scan_{place:03d}.jpg"), worn.pixels)

    called("read", scans, "-t", tmp_path / "form.toml", "-o", tmp_path / "results")
    read = read_results(tmp_path / "results" / "results.csv").set_index("serial")
    assert set(read.index) == set(PEOPLE), "each copy is one row, whatever the order of its pages"
    for copy, row in read.to_dict("index").items():
        truth, flagged = truth_of(str(copy)), row["review"].split()
        assert not [name for name in truth if name in row and name not in flagged and row[name] != truth[name]]
        assert {"surname"} <= set(flagged)

    called("export", tmp_path / "results", "-o", tmp_path / "book.xlsx")
    cells = reviewed(tmp_path / "book.xlsx", serials)
    called("import", tmp_path / "results", tmp_path / "book.xlsx")
    listed = ("--join", tmp_path / "form-serials.csv", "--on", "serial")
    called("export", tmp_path / "results", "-o", tmp_path / "all.csv", *listed)
    table = read_results(tmp_path / "all.csv").set_index("serial")
    for serial, ward in PEOPLE.items():
        values = table.loc[serial].to_dict()
        assert (tmp_path / values.pop("signature")).is_file()
        truth = {**truth_of(serial), "ward": ward, "status": "checked", "review": ""}
        assert {name: values[name] for name in values.keys() & truth.keys()} == {
            name: value for name, value in truth.items() if name not in ("serial", "signature")
        }
    assert cells < len(PEOPLE) * len(truth_of("0001")) / 2, "a person looks at the few"
