"""Fields are named by the labels printed at them; where that is not sure, they keep their numbers."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from typer.testing import CliRunner

from formreader.boxes import numbered
from formreader.cli import app
from formreader.labels import named_by_labels
from formreader.labels.wording import name_of, unique
from formreader.pipeline import find_form
from formreader.template import Field, load_template
from formreader.values import Grey
from tests.test_pipeline import card, saved

SAMPLES = Path(__file__).parents[1] / "samples"
FONT = Path(__file__).parents[1] / "formreader" / "printing" / "fonts" / "DejaVuSansCondensed.ttf"
PAPER: Grey = np.full((1000, 800), 255, np.uint8)
BOX = 20.0
"""Boxes are 20 pixels wide and high, lines of print 12 high: as at 75 dpi."""

Print = tuple[float, float, str]
"""Left, top and text of a line; a letter is six pixels wide."""


class Reader:
    """Gives lines that are known, as if they had been recognised."""

    def __init__(self, lines: Sequence[Print], confidence: float = 0.99) -> None:
        self.lines, self.confidence = lines, confidence

    def places(self, pixels: Grey) -> NDArray[np.float64]:
        """Give the corners of each line."""
        assert pixels.shape == PAPER.shape
        listed = [(x, y, x + 6 * len(text), y + 12) for x, y, text in self.lines]
        return np.array([[[a, b], [c, b], [c, d], [a, d]] for a, b, c, d in listed], float).reshape(-1, 4, 2)

    def texts(self, pixels: Grey, places: NDArray[np.float64]) -> list[tuple[str, float]]:
        """Give the text at each place."""
        assert pixels is PAPER
        known = {(x, y): text for x, y, text in self.lines}
        return [(known[tuple(corners[0])], self.confidence) for corners in places.tolist()]


def field(x: float, y: float, boxes: int = 4, name: str = "") -> Field:
    return Field(name, tuple((x + n * BOX, y, BOX, BOX) for n in range(boxes)))


def names(fields: Sequence[Field], *lines: Print, confidence: float = 0.99, filled: bool = False) -> list[str]:
    named = named_by_labels(fields, PAPER, 75, Reader(lines, confidence), filled=filled)
    return [one.name for one in numbered(named)]


def test_a_label_left_of_a_field_names_it() -> None:
    rows = [field(300, 100), field(300, 160), field(300, 220)]
    printed = [
        (60.0, 104.0, "3. Patient number:"),
        (60.0, 164.0, "Date of birth (DDMMYYYY)"),
        (60.0, 224.0, "Größe - in cm"),
    ]
    assert names(rows, *printed) == ["patient_number", "date_of_birth", "größe"]


def test_a_label_above_names_a_field_from_its_first_line() -> None:
    printed = [
        (100.0, 60.0, "Amount received \u2013 before tax"),
        (100.0, 75.0, "was taken off, read the notes"),
        (80.0, 104.0, "£"),
    ]
    assert names([field(100, 100)], *printed) == ["amount_received"]


def test_parts_of_one_value_are_numbered_under_its_label() -> None:
    parts = [field(100, 100, 2), field(150, 100, 2), field(200, 100, 4)]
    born = (100.0, 80.0, "Date of birth DD MM YYYY")
    assert names(parts, born) == [f"date_of_birth_part{part}" for part in (1, 2, 3)]
    own = [(105.0, 84.0, "Day"), (150.0, 84.0, "Month"), (215.0, 84.0, "Year")]
    assert names(parts, *own) == ["day", "month", "year"]


def test_rows_and_columns_of_a_grid_name_its_fields_together() -> None:
    grid = [field(x, y, 2) for y in (100, 160) for x in (300, 400)]
    heads = [(300.0, 80.0, "Men"), (396.0, 80.0, "Women")]
    rows = [(60.0, 104.0, "Voters on the list"), (60.0, 164.0, "Voters present")]
    assert names(grid, *heads, *rows) == [
        *("voters_on_the_list_men", "voters_on_the_list_women"),
        *("voters_present_men", "voters_present_women"),
    ]


def test_a_table_s_heads_name_its_columns_and_its_numbers_stay_rows() -> None:
    table = [
        field(x, y, 2, f"row{r:02}_col{c}") for r, y in ((1, 100), (2, 120), (3, 140)) for c, x in ((1, 300), (2, 340))
    ]
    heads = [(302.0, 82.0, "Theory"), (342.0, 82.0, "Total")]
    numbers = [(270.0, y + 4.0, str(r)) for r, y in ((1, 100), (2, 120), (3, 140))]
    assert names(table, *heads, *numbers) == [f"row{r:02}_{c}" for r in (1, 2, 3) for c in ("theory", "total")]
    assert names(table, (300.0, 82.0, "Marks of them"), *numbers) == [one.name for one in table]


def test_labels_behind_tick_boxes_name_the_box_before_them() -> None:
    ticks = [field(x, 100, 1) for x in (100, 200, 300)]
    behind = [(124.0, 104.0, "single"), (224.0, 104.0, "married"), (324.0, 104.0, "widowed")]
    assert names(ticks, (40.0, 104.0, "Tick:"), *behind) == ["single", "married", "widowed"]
    before = [(50.0, 104.0, "single"), (150.0, 104.0, "married"), (250.0, 104.0, "widowed")]
    assert names(ticks, *before) == ["single", "married", "widowed"]
    between = [(138.0, 104.0, "maybe"), (238.0, 104.0, "maybe")]
    assert names(ticks, *between) == ["field_01", "field_02", "field_03"]


def test_what_names_several_fields_or_stands_elsewhere_names_none() -> None:
    apart = [field(100, 100), field(300, 100)]
    assert names(apart, (100.0, 80.0, "Names and numbers of all the other members of it")) == ["field_01", "field_02"]
    assert names([field(100, 100)], (100.0, 20.0, "Practical examination"), (700.0, 104.0, "Form V")) == ["field_01"]
    assert names([field(100, 100), field(100, 160)], (184.0, 104.0, "years old"), (20.0, 104.0, "Age")) == [
        "age",
        "field_01",
    ]


def test_rows_set_close_keep_their_own_labels_and_a_label_of_two_rows_is_not_cut() -> None:
    rows = [field(300, 100), field(300, 120), field(300, 140)]
    printed = [(60.0, 88.0, "Residence"), (60.0, 104.0, "Street"), (60.0, 124.0, "Village"), (60.0, 144.0, "District")]
    assert names(rows, *printed) == ["street", "village", "district"]
    two = [
        (60.0, 94.0, "Sum of all votes"),
        (60.0, 107.0, "that were valid"),
        (60.0, 120.0, "and those that"),
        (60.0, 133.0, "were not"),
    ]
    assert "and_those_that" not in names(rows[:2], *two)


def test_what_was_not_read_surely_names_nothing() -> None:
    label = (160.0, 104.0, "Household")
    assert names([field(300, 100)], label, confidence=0.85) == ["field_01"]
    assert names([field(300, 100)], label, confidence=0.94) == ["household"]
    assert names([field(300, 100)], label, confidence=0.94, filled=True) == ["field_01"]  # as handwriting is read
    assert names([field(300, 100)], (304.0, 104.0, "Household"), filled=True) == ["field_01"]  # written into the boxes


def test_names_are_each_given_once_and_never_those_of_other_columns() -> None:
    rows = [
        field(300, 100),
        field(300, 160),
        field(300, 220),
        field(300, 280, name="status_"),
        field(300, 340),
        field(300, 400),
    ]
    texts = ("Age", "Age", "Status", "", "Field 01", "")
    printed = [(60.0, one.boxes[0][1] + 4, text) for one, text in zip(rows, texts, strict=True) if text]
    assert names(rows, *printed) == ["age", "age_2", "status__2", "status_", "field_01_", "field_01"]


def test_labels_alike_but_for_what_is_left_out_are_named_whole() -> None:
    printed = [(60.0, 104.0, "Meter (day)"), (60.0, 164.0, "Meter (night)"), (60.0, 224.0, "Read on (DDMMYY)")]
    assert names([field(300, y) for y in (100, 160, 220)], *printed) == ["meter_day", "meter_night", "read_on"]


@given(st.lists(st.text(max_size=60), min_size=1, max_size=4))
def test_any_print_makes_lawful_names(texts: list[str]) -> None:
    taken: set[str] = set()
    listed = [unique(one, taken) for text in texts if (one := name_of(text) or name_of(text, whole=True))]
    assert len({one.casefold() for one in listed}) == len(listed)
    for name in listed:
        text = f'[form]\nname = "a"\nwidth = 100\nheight = 100\n[[field]]\nname = "{name}"\nboxes = [[1, 1, 9, 9]]\n'
        assert name_problems(text) == []


def name_problems(text: str) -> list[str]:
    import tomllib

    from formreader.template.schema import check

    return [problem for problem in check(tomllib.loads(text))[3] if "name" in problem and "reference" not in problem]


def test_a_library_that_fails_leaves_the_form_numbered_and_says_so(tmp_path: Path) -> None:
    def fail(*_: object) -> Any:
        raise RuntimeError("no such model")

    told: list[str] = []
    broken = SimpleNamespace(places=fail, texts=fail)
    template, _ = find_form([saved(card(), tmp_path / "card.png")], "card", note=told.append, labels=broken)
    assert [one.name for one in template.fields] == [f"field_{number:02}" for number in range(1, 6)]
    assert [line for line in told if "no such model" in line and "numbered" in line]


def test_labels_that_are_asked_for_and_cannot_be_read_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("formreader.labels.is_installed", lambda: False)
    blank = saved(card(), tmp_path / "card.png")
    call = ["detect", str(blank), "-o", str(tmp_path / "card.toml")]
    refused = CliRunner().invoke(app, [*call, "--labels"])
    assert (refused.exit_code, "pip install 'formreader[labels]'" in refused.output) == (2, True)
    assert not (tmp_path / "card.toml").exists()
    assert CliRunner().invoke(app, call).exit_code == 0
    assert load_template(tmp_path / "card.toml").fields[0].name == "field_01"


@pytest.mark.slow
def test_printed_labels_are_read_in_silence_and_without_a_network(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("rapidocr")
    from formreader.labels import is_installed, text_reader

    def refuse(*_: object, **__: object) -> Any:
        raise AssertionError("asked the network")

    assert is_installed()
    monkeypatch.setattr(socket, "socket", refuse)
    template, _ = find_form([SAMPLES / "visit-record" / "blank.png"], "visit", labels=text_reader())
    assert [one.name for one in template.fields] == [
        *("patient_number", "date_of_visit", "age_in_years", "temperature", "weight", "pulse_per_minute"),
        *("household_number", "drug_code", "doses_given"),
    ]
    assert text_reader().texts(cyrillic(), np.array([[[0, 0], [600, 0], [600, 60], [0, 60]]], float))[0][1] < 0.9
    assert capfd.readouterr() == ("", "")


def cyrillic() -> Grey:
    """Print a name in letters that the network never learned."""
    font = ImageFont.truetype(FONT, 40)
    page = Image.new("L", (600, 60), 255)
    ImageDraw.Draw(page).text((10, 5), "Софья Ковалевская", font=font)
    return np.asarray(page, np.uint8)
