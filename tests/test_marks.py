"""Boxes to mark, codes and strips, from the scan to the table: what is meant is read, what is doubtful is flagged."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from formreader.cli import app
from formreader.export import read_results
from formreader.fields import decode
from formreader.model import DigitModel, default_model_path, load_model
from formreader.pipeline import read_page
from formreader.printed import PrintedCode, as_text
from formreader.store import open_results
from formreader.template import Field, Template, save_template
from formreader.values import CLASSES, MARKED, WRITTEN, Box, DigitReading, Page, PageReading, PageRef, Reason
from tests.drawing import Wear, draw_heavy, draw_mild, wear
from tests.drawing_choices import (
    DOUBTS,
    STYLES,
    Marked,
    answer_sheet,
    mark,
    number_grid,
    registration,
    survey,
)
from tests.drawing_sheet import DrawnForm


@pytest.fixture(scope="module")
def model() -> DigitModel:
    return load_model(default_model_path())


@cache
def sheet(name: str) -> DrawnForm:
    if name == "survey":
        return survey(200)
    return answer_sheet(200) if name == "answers" else number_grid(200)


def page_of(marked: Marked, how: Wear, seed: int = 1) -> Page:
    scan = wear(marked.picture, marked.form.dpi, how, np.random.default_rng(seed))
    grey = scan.pixels if scan.pixels.ndim == 2 else cv2.cvtColor(scan.pixels, cv2.COLOR_BGR2GRAY)
    return Page(PageRef(Path("sheet.png")), np.asarray(grey, np.uint8), None, scan.dpi)


def wrong_in(answer: PageReading, marked: Marked) -> list[str]:
    """Name the fields to mark that are accepted with another value than is meant."""
    values = {field.name: field.value for field in answer.fields if not field.reasons}
    return [name for name, value in values.items() if value != marked.values[name]]


# --- on a page -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("name", ["answers", "survey", "numbers"])
def test_every_style_of_mark_is_read(model: DigitModel, name: str, style: str) -> None:
    marked = mark(sheet(name), np.random.default_rng(len(style)), style=style)
    answer = read_page(page_of(marked, draw_mild(np.random.default_rng(3), 150)), sheet(name).template(), model)
    assert not wrong_in(answer, marked)
    empty = [field for field in answer.fields if not marked.values[field.name]]
    flagged = [field.name for field in answer.fields if field.reasons and field not in empty]
    assert len(flagged) <= (0.3 if style == "dot" else 0.2) * len(answer.fields)  # letters hide small dots
    required = {field.name for field in sheet(name).fields if field.required}
    assert all(("blank" in field.reasons) == (field.name in required) for field in empty)


@pytest.mark.parametrize("doubt", DOUBTS)
def test_what_is_doubtful_is_never_taken_for_a_mark_or_none(model: DigitModel, doubt: str) -> None:
    for seed in range(2):
        marked = mark(sheet("survey"), np.random.default_rng(seed), doubts=0.4, style="tick", doubt=doubt)
        answer = read_page(page_of(marked, draw_mild(np.random.default_rng(seed), 200)), marked.form.template(), model)
        assert not wrong_in(answer, marked)
        assert any("unsure_mark" in field.reasons for field in answer.fields)


@pytest.mark.parametrize("name", ["answers", "numbers"])
def test_marks_are_read_without_a_blank_form(model: DigitModel, name: str) -> None:
    form = replace(sheet(name).template(), reference=None)
    marked = mark(sheet(name), np.random.default_rng(1), style="fill")
    answer = read_page(page_of(marked, draw_mild(np.random.default_rng(1), 200)), form, model)
    assert not wrong_in(answer, marked)
    assert sum(bool(field.reasons) for field in answer.fields) <= 0.1 * len(answer.fields)


@pytest.mark.slow
def test_a_poor_scan_makes_no_mark_wrong(model: DigitModel) -> None:
    for seed in range(8):
        rng = np.random.default_rng(seed)
        form = sheet(("answers", "survey", "numbers")[seed % 3])
        marked = mark(form, rng, doubts=0.2)
        how = replace(draw_heavy(rng, 150), bend_mm=1.5)
        assert not wrong_in(read_page(page_of(marked, how, seed), form.template(), model), marked)


@pytest.mark.parametrize("seed", [7440080, 7440374])
def test_a_frame_that_a_copy_made_thick_marks_no_box(model: DigitModel, seed: int) -> None:
    rng = np.random.default_rng(seed)
    marked = mark(sheet("survey"), rng)
    scan = wear(marked.picture, 200, draw_mild(rng, float(rng.choice((100, 150, 200)))), rng)
    thick = cv2.erode(
        cv2.cvtColor(scan.pixels, cv2.COLOR_BGR2GRAY) if scan.pixels.ndim > 2 else scan.pixels, np.ones((3, 3))
    )
    page = Page(PageRef(Path("sheet.png")), np.asarray(thick, np.uint8), None, scan.dpi)
    assert not wrong_in(read_page(page, sheet("survey").template(), model), marked)


def test_boxes_lie_where_they_are_printed(model: DigitModel) -> None:
    marked = mark(sheet("answers"), np.random.default_rng(1), style="cross")
    answer = read_page(page_of(marked, Wear(dpi=200)), sheet("answers").template(), model)
    for digit in answer.digits:
        x, y, width, height = sheet("answers").field(digit.box.field).boxes[digit.box.position - 1]
        assert digit.box.corners[[0, 2]] == pytest.approx(np.array([[x, y], [x + width, y + height]]), abs=2)
        assert (digit.box.kind, digit.box.holds_digits) == ("choice", False)


def test_a_box_beside_the_picture_is_in_doubt(model: DigitModel) -> None:
    marked = mark(sheet("answers"), np.random.default_rng(1), style="fill")
    page = page_of(marked, Wear(dpi=200))
    height = round(150 * 200 / 25.4)
    answer = read_page(
        replace(page, pixels=np.ascontiguousarray(page.pixels[:height])), sheet("answers").template(), model
    )
    low = {field.name for field in sheet("answers").fields if field.boxes[0][1] > height}
    assert low
    assert all("unsure_mark" in field.reasons for field in answer.fields if field.name in low)


# --- a field ---------------------------------------------------------------------------------------------------------


def said(*marks: tuple[bool, Reason], many: bool = False, required: bool = False) -> tuple[str, tuple[Reason, ...]]:
    """Give value and reasons of a choice whose boxes read so."""
    field = Field("q", tuple((10.0 * k, 0.0, 5.0, 5.0) for k in range(3)), required=required, kind="choice")
    field = replace(field, options=("A", "B", "C"), many=many)
    readings = [
        DigitReading(
            Box("q", k, np.zeros((4, 2)), (0, 0), kind="choice"),
            *(MARKED if is_marked else None, 0.9, np.zeros(len(CLASSES), np.float32), reason),
        )
        for k, (is_marked, reason) in enumerate(marks, 1)
    ]
    (read,) = decode(readings, Template("f", 100, 100, 100.0, (field,)))
    return read.value, read.reasons


NO: tuple[bool, Reason] = (False, "blank")
YES: tuple[bool, Reason] = (True, "")
MAYBE: tuple[bool, Reason] = (True, "unsure_mark")


def test_a_choice_says_what_is_marked_and_why_it_is_in_doubt() -> None:
    assert said(NO, YES, NO) == ("B", ())
    assert said(YES, NO, YES) == ("A;C", ("double",))
    assert said(YES, NO, YES, many=True) == ("A;C", ())
    assert said(NO, NO, NO) == ("", ())
    assert said(NO, NO, NO, required=True) == ("", ("blank",))
    assert said(NO, YES, MAYBE) == ("B", ("unsure_mark",))
    assert said(NO, NO, MAYBE) == ("C", ("unsure_mark",))
    assert said(NO, YES) == ("B", ("unsure_mark",))  # a box that nobody looked at


# --- in a batch ------------------------------------------------------------------------------------------------------


def registered(folder: Path) -> Path:
    """Store a template and three scans: a good one, one with doubts, and one with next to nothing on it."""
    blank = registration(200)
    save_template(blank.template(), folder / "registration.toml")
    pages = (("good", "0042", True, {"size": "M", "no": "meat;nuts"}), ("double", "", False, {"size": "S;L", "no": ""}))
    for name, serial, signed, values in pages:
        code = as_text(PrintedCode("registration", 1, serial)) if serial else ""
        printed = registration(200, code or "-", signed=signed) if code or signed else blank
        marked = mark(printed, np.random.default_rng(3), style="tick", values={"number": "", **values})
        scan = wear(marked.picture, 200, draw_mild(np.random.default_rng(4), 200), np.random.default_rng(5))
        (folder / "scans").mkdir(exist_ok=True)
        cv2.imwrite(str(folder / "scans" / f"{name}.png"), scan.pixels)
    return folder


@pytest.mark.slow
def test_choices_codes_and_pictures_come_into_the_table(tmp_path: Path) -> None:
    folder = registered(tmp_path)
    words = ["read", str(folder / "scans"), "-t", str(folder / "registration.toml"), "-o", str(folder / "out")]
    run = CliRunner().invoke(app, [*words, "--jobs", "1"])
    assert run.exit_code == 0, run.output
    rows = read_results(folder / "out" / "results.csv").set_index("scan")
    good, double = rows.loc["good.png"], rows.loc["double.png"]
    assert [good[name] for name in ("size", "no", "signed", "code", "review")] == [
        *("M", "meat;nuts", WRITTEN, "0042", "")
    ]
    assert [double[name] for name in ("size", "no", "signed", "code")] == ["S;L", "", "", ""]
    assert double["review"].split() == ["size", "code"]
    assert {*read_results(folder / "out" / "digits.csv")["field"]} <= {"number"}
    with open_results(folder / "out") as results:
        _, page = results.pages(digits=True)
        assert {field.name: field.kind for field in page.fields} == {
            "number": "digits",
            "size": "choice",
            "no": "choice",
            "signed": "image",
            "code": "barcode",
        }
        assert {digit.box.field: digit.box.kind for digit in page.digits}["size"] == "choice"
        assert [digit.digit for digit in page.digits if digit.box.field == "no"] == [MARKED, None, MARKED, None]
