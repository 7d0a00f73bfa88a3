"""Printed forms of several pages and of all kinds of fields, read back: print, fill, wear, read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from formreader.cli import app
from formreader.printing import print_form, write_form
from formreader.template import load_form
from formreader.values import Colour
from tests.drawing import Wear, fill, wear, write_scan
from tests.drawing_printed import DPI, rendered
from tests.drawing_sheet import DrawnForm

pytestmark = pytest.mark.slow

FIELDS = """
[form]
name = "visit"
title = "Visit of {name}"

[[field]]
name = "patient"
label = "Patient number of {name}"
digits = 6
required = true

[[field]]
name = "smokes"
label = "Does the patient smoke?"
kind = "choice"
options = ["never", "sometimes", "daily"]

[[field]]
name = "symptoms"
kind = "choice"
options = ["cough", "fever", "pain"]
marks = "bubbles"
many = true

[[field]]
name = "who"
label = "Name of the nurse"
kind = "key"

[[field]]
name = "signature"
kind = "image"

[[table]]
new_page = true
rows = 4
columns = [
    {name = "dose", label = "Dose, mg", digits = 4, decimals = 1},
    {name = "given", label = "Given", kind = "choice", options = ["yes", "no"]},
]
"""
TICKS: Mapping[str, str] = {"smokes": "sometimes", "symptoms": "cough;pain", "row01_given": "yes", "row03_given": "no"}


def tick(page: Colour, box: tuple[float, float, float, float]) -> None:
    """Draw a cross into a box or bubble."""
    x, y, width, height = (round(value) for value in box)
    inner = (x + width // 4, y + height // 4), (x + 3 * width // 4, y + 3 * height // 4)
    cv2.line(page, *inner, (60, 30, 20), 5, cv2.LINE_AA)
    cv2.line(page, (inner[1][0], inner[0][1]), (inner[0][0], inner[1][1]), (60, 30, 20), 5, cv2.LINE_AA)


def test_two_people_two_pages_each_come_back_as_two_rows(tmp_path: Path) -> None:
    (tmp_path / "fields.toml").write_text(FIELDS, encoding="utf-8")
    (tmp_path / "people.csv").write_text("name\nAda\nÉmile\n", encoding="utf-8")
    pdf = tmp_path / "form.pdf"
    write_form(print_form(tmp_path / "fields.toml", pdf, people=tmp_path / "people.csv", tone="pale"), pdf)
    sheets = load_form(tmp_path / "form.toml")
    assert len(sheets) == 2
    rng = np.random.default_rng(5)
    truth: dict[str, dict[str, str]] = {"0001": {}, "0002": {}}
    scans = tmp_path / "scans"
    scans.mkdir()
    for number, page in enumerate(rendered(pdf)):
        serial, sheet = f"{number // 2 + 1:04}", sheets[number % 2]
        grey = np.asarray(cv2.cvtColor(page, cv2.COLOR_BGR2GRAY), np.uint8)
        digits = tuple(field for field in sheet.fields if field.kind == "digits")
        values = {field.name: "".join(map(str, rng.integers(0, 10, len(field.boxes)))) for field in digits}
        drawn = fill(DrawnForm("visit", grey, DPI, digits, colour=page), values, rng, crossing=0).picture
        for field in sheet.fields:
            for option, box in zip(getattr(field, "options", ()), field.boxes, strict=False):
                if option in TICKS.get(field.name, "").split(";"):
                    tick(drawn, box)
        truth[serial] |= {
            name: f"{value[:-1]}.{value[-1]}" if name.endswith("dose") else value for name, value in values.items()
        }
        worn = wear(drawn, DPI, Wear(dpi=200, skew_degrees=0.6, blur_mm=0.05, noise=2, colour=True), rng)
        write_scan(worn, scans / f"{3 - number}.jpg")  # out of order: their codes say what belongs together
    results = tmp_path / "results"
    answer = CliRunner().invoke(app, ["read", str(scans), "-t", str(tmp_path / "form.toml"), "-o", str(results)])
    assert answer.exit_code == 0, answer.output
    rows = pd.read_csv(results / "results.csv", dtype=str, keep_default_na=False).set_index("serial")
    assert sorted(rows.index) == ["0001", "0002"]
    for serial, values in truth.items():
        row = rows.loc[serial]
        doubted = str(row["review"]).split()
        for name, value in {**values, **TICKS}.items():
            assert row[name] == value or name in doubted, f"{serial} {name}"
        assert sum(row[name] == value for name, value in values.items()) >= len(values) - 1
        assert row["smokes"] == "sometimes"
        assert row["symptoms"] == "cough;pain"


def test_a_missing_second_page_is_said(tmp_path: Path) -> None:
    (tmp_path / "fields.toml").write_text(FIELDS.replace("{name}", "Ada"), encoding="utf-8")
    pdf = tmp_path / "form.pdf"
    write_form(print_form(tmp_path / "fields.toml", pdf, copies=2), pdf)
    scans = tmp_path / "scans"
    scans.mkdir()
    for number, page in enumerate(rendered(pdf)[:3]):
        cv2.imwrite(str(scans / f"{number}.png"), page)
    results = tmp_path / "results"
    CliRunner().invoke(app, ["read", str(scans), "-t", str(tmp_path / "form.toml"), "-o", str(results)])
    rows = pd.read_csv(results / "results.csv", dtype=str, keep_default_na=False).set_index("serial")
    assert sorted(rows.index) == ["0001", "0002"]
    doubted = {serial: str(rows.loc[serial, "review"]).split() for serial in rows.index}
    assert "row01_dose" not in doubted["0001"]
    assert "row01_dose" in doubted["0002"], "what a missing page would hold is named"
