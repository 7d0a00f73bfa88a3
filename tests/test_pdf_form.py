"""A fillable PDF gives its names and places to the template."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from typer.testing import CliRunner

from formreader.cli import app
from formreader.pipeline.pdf_form import with_entries
from formreader.scans import entries_on
from formreader.scans.pdf_form import FormEntry
from formreader.template import Field, Rectangle, load_form, load_template
from formreader.values import FieldKind, PageRef
from tests.drawing_pdf import boxes, comb, fillable, fillable_pages, text, tick, words

ENTRIES = (
    comb("form1[0].#subform[0].Patient No[0]", (60, 40, 120, 22), 6),
    text("Name of patient", (60, 80, 200, 22)),
    comb("page", (60, 120, 60, 22), 3),
    tick("sex", (60, 160, 12, 12), "F"),
    tick("sex", (100, 160, 12, 12), "M"),
)
PRINTED = (
    words(60, 270, "Visit record of the clinic")
    + words(60, 20, "Form 12, page 1 of 1")
    + "1 w "
    + boxes(60, 40, 20, 22, 6)
    + boxes(220, 120, 20, 22, 4)
)
SCALE = 300 / 72


def written(tmp_path: Path, turn: int = 0) -> Path:
    path = tmp_path / "form.pdf"
    path.write_bytes(fillable(ENTRIES, PRINTED, turn=turn))
    return path


def test_fields_of_a_fillable_pdf_keep_their_names_and_places(tmp_path: Path) -> None:
    target = tmp_path / "form.toml"
    done = CliRunner().invoke(app, ["detect", str(written(tmp_path)), "-o", str(target), "--no-labels"])
    assert done.exit_code == 0, done.output
    fields = {field.name: field for field in load_template(target).fields}
    marks = [field for field in fields.values() if str(field.kind) == "choice"]
    assert [name for name in fields if fields[name] not in marks] == [
        "Patient_No",
        "Name_of_patient",
        "page_",
        "field_01",
    ]
    wanted = np.array([[60 + 20 * n, 40, 20, 22] for n in range(6)]) * SCALE
    np.testing.assert_allclose(fields["Patient_No"].boxes, wanted, atol=1.5)
    np.testing.assert_allclose(
        fields["page_"].boxes, np.array([[60 + 20 * n, 120, 20, 22] for n in range(3)]) * SCALE, atol=1
    )
    assert fields["Name_of_patient"].is_keyed
    assert len(fields["field_01"].boxes) == 4  # printed, but none of the PDF's fields
    if "choice" in get_args(FieldKind):
        assert [(field.name, len(field.boxes)) for field in marks] == [("sex", 2)]
        assert "options = [" in target.read_text("utf-8")
    else:
        assert "tick boxes of the PDF left out: 2" in done.output


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_places_follow_a_page_that_is_shown_turned(tmp_path: Path, turn: int) -> None:
    entries = entries_on(PageRef(written(tmp_path, turn)))
    x, y, width, height = np.array(ENTRIES[1].place) * SCALE
    wide, high = 400 * SCALE, 300 * SCALE
    shown = {
        90: (high - y - height, x, height, width),
        180: (wide - x - width, high - y - height, width, height),
        270: (y, wide - x - width, height, width),
    }
    np.testing.assert_allclose(entries[1].rectangle, shown[turn], atol=1)


def test_names_are_lawful_and_each_its_own() -> None:
    names = ("a b", "a  b", "A_B", "Größe (cm)", "scan", "...", "x" * 200)
    entries = [FormEntry(name, "text", (10, 40 * n, 50, 20)) for n, name in enumerate(names)]
    fields, _ = with_entries((), entries, lambda rectangle: rectangle)
    assert [field.name for field in fields] == ["a_b", "a_b_2", "A_B_3", "Größe_cm", "scan_", "field", "x" * 60]


def test_pages_of_ticks_and_of_text_alone_are_a_form_s_too(tmp_path: Path) -> None:
    letter = "".join(words(60, 270 - 20 * line, "All that we should know besides") for line in range(5))
    pages = [(ENTRIES[3:], words(60, 270, "About you")), (ENTRIES[:1], PRINTED), (ENTRIES[1:2], letter)]
    (tmp_path / "form.pdf").write_bytes(fillable_pages(pages))
    done = CliRunner().invoke(
        app, ["detect", str(tmp_path / "form.pdf"), "-o", str(tmp_path / "form.toml"), "--no-labels"]
    )
    assert done.exit_code == 0, done.output
    sheets = load_form(tmp_path / "form.toml")
    assert [[field.name for field in sheet.fields] for sheet in sheets] == [["sex"], ["Patient_No", "field_01"]]
    assert "page 3 has no boxes for digits or choices" in done.output


def test_what_could_not_stand_in_a_template_is_left_out_in_words() -> None:
    places = ((10, 10, 50, 20), (12, 11, 40, 18), (190, 40, 50, 20), (260, 40, 50, 20))
    entries = [FormEntry(f"t{n}", "text", place) for n, place in enumerate(places)]
    marks = [FormEntry("m", "mark", (10 + 30 * n, 70, 10, 10), option=one) for n, one in enumerate("?A")]
    marks += [FormEntry("n", "mark", (10 + 30 * n, 90, 10, 10), option=one) for n, one in enumerate(("a\0b", "c" * 60))]
    printed = Field("field_01", ((5, 65, 20, 20), (120, 65, 20, 20)))

    def on_paper(place: Rectangle) -> Rectangle:
        x, y, width, height = place
        return min(x, 200.0), y, min(x + width, 200.0) - min(x, 200.0), height

    fields, notes = with_entries((printed,), [*entries, *marks], on_paper)
    assert {field.name: field.boxes for field in fields if field.kind != "choice"} == {
        "t0": (places[0],),
        "t2": ((190, 40, 10, 20),),
        "field_01": ((120, 65, 20, 20),),  # the other is the frame of a mark
    }
    assert [field.options for field in fields if field.kind == "choice"] == [("1", "2"), ("a b", "c" * 40)]
    assert notes == [
        "fields of the PDF that lie off the paper left out: 't3'",
        "fields of the PDF that lie on others left out: 't1'",
    ]


def test_a_file_without_form_fields_has_none(tmp_path: Path) -> None:
    (tmp_path / "plain.png").write_bytes(b"\x89PNG no picture")
    assert entries_on(PageRef(tmp_path / "plain.png")) == ()
    (tmp_path / "plain.pdf").write_bytes(fillable(()))
    assert entries_on(PageRef(tmp_path / "plain.pdf")) == ()
