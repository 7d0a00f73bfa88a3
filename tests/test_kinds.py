"""Choices, barcodes and pictures in a template: what may be said of them, and every mistake in it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from formreader.fields.kinds import chosen
from formreader.rules import CheckDigit, OneOf, Pattern
from formreader.store.packing import packed_digits, unpacked_digits
from formreader.template import Field, load_template, save_template
from formreader.values import CLASSES, MARKED, NO_DIGITS, SEVERAL, Box, DigitReading
from tests.test_template_rules import EVERY, FORM, fields, loaded, problems

CHOICE = """
[[field]]
name = "q1"
kind = "choice"
boxes = [[320, 620, 40, 40], [396, 620, 40, 40]]
"""
BARCODE = """
[[field]]
name = "serial"
kind = "barcode"
box = [320, 820, 400, 200]
"""
IMAGE = """
[[field]]
name = "signed"
kind = "image"
box = [320, 1120, 400, 200]
"""


def test_every_kind_is_read_and_written_back(tmp_path: Path) -> None:
    more = CHOICE.replace("q1", "q2").replace("620", "720")
    text = FORM + CHOICE + more + 'options = ["yes", 2]\nmany = true\nrequired = true\n' + BARCODE + IMAGE
    text += BARCODE.replace("serial", "item").replace("820", "1420") + 'required = false\npattern = "[0-9]*"\n'
    text += 'check_digit = "ean"\none_of = ["96385074"]\nunique = true\n'
    form = loaded(tmp_path, text)
    q1, q2, serial, signed, item = form.fields
    assert (q1.kind, q1.options, q1.many, q1.required) == ("choice", ("1", "2"), False, True)
    assert (q2.options, q2.many, q2.required) == (("yes", "2"), True, True)
    assert (serial.kind, serial.required, signed.kind, signed.required) == ("barcode", True, "image", False)
    assert (item.required, item.unique) == (False, True)
    assert {*item.rules} == {Pattern("[0-9]*"), OneOf(("96385074",)), CheckDigit("ean")}
    save_template(form, tmp_path / "again.toml")
    again = load_template(tmp_path / "again.toml")
    assert (again.fields, again.fingerprint) == (form.fields, form.fingerprint)


def test_several_marks_are_not_required_unless_it_is_said(tmp_path: Path) -> None:
    (q1,) = loaded(tmp_path, FORM + CHOICE + "many = true").fields
    assert not q1.required


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (CHOICE + 'options = ["A"]', "'options' should be as many as 'boxes': 1 and 2"),
        (CHOICE + 'options = ["A", "A"]', "'options' has twice: 'A'"),
        (CHOICE + 'options = ["A", "B;C"]', "'options' has 'B;C'; ';' stands between several marked options"),
        (CHOICE + 'options = ["A", "?"]', "'options' has '?'; '?' stands for what cannot be read"),
        (CHOICE + 'options = ["A", "_"]', "'options' has '_'; '_' stands for nothing written"),
        (CHOICE + 'options = ["A", " B"]', "'options' has what nobody can key, or with spaces around it: ' B'"),
        (CHOICE + 'options = "A"', "'options' is a list of what the boxes stand for"),
        (CHOICE + "unique = true", "'unique' does not go with kind \"choice\""),
        (CHOICE + 'one_of = ["A"]', "'one_of' does not go with kind \"choice\""),
        (CHOICE.replace("boxes = [[320, 620, 40, 40], [396, 620, 40, 40]]", ""), "'boxes' is missing: a box or bubble"),
        (BARCODE + "many = true", "'many' does not go with kind \"barcode\""),
        (BARCODE + 'check_digit = "lun"', "'check_digit' should be one of"),
        (BARCODE.replace("box = [320, 820, 400, 200]", "boxes = [[320, 820, 400, 200]]"), "'box' is missing"),
        (IMAGE + 'pattern = "."', "'pattern' does not go with kind \"image\""),
        (IMAGE + "boxes = [[320, 1120, 40, 20]]", "give either 'boxes' (each a part of the strip) or 'box'"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, text: str, problem: str) -> None:
    said = problems(tmp_path, fields(id="3") + text + "\n")
    assert any(one.split(": ", 1)[1].startswith(problem) for one in said), said


def test_options_are_for_choices(tmp_path: Path) -> None:
    (said,) = problems(tmp_path, fields(id='3\noptions = ["A", "B", "C"]'))
    assert said == "field 'id': 'options' belongs to kind \"choice\""


@pytest.mark.parametrize(("text", "why"), [(CHOICE, "is a choice"), (BARCODE, "is a barcode"), (IMAGE, "is a picture")])
def test_sums_are_of_numbers(tmp_path: Path, text: str, why: str) -> None:
    name = text.split('"')[1]
    (said,) = problems(tmp_path, fields(id="3") + text + f'[[check]]\nsum = ["id"]\nequals = "{name}"\n')
    assert said == f"check number 1: '{name}' {why}, no number"


def test_form_of_choices_alone_is_a_form(tmp_path: Path) -> None:
    assert loaded(tmp_path, FORM + CHOICE).fields[0].kind == "choice"
    (said,) = problems(tmp_path, FORM + BARCODE + IMAGE)
    assert said.startswith("template: none of its fields has boxes for digits or choices")


def test_forms_without_new_kinds_keep_their_fingerprint(tmp_path: Path) -> None:
    key = '\n[[field]]\nname = "name"\nkind = "key"\nrequired = true\nbox = [50, 1500, 900, 80]\n'
    wide = '\n[[field]]\nname="w"\nbox=[50,1700,300,60]\nlength=[1,5]\nrequired=true\nfiller=["X"]\n'
    form = loaded(tmp_path, fields(**EVERY) + key + wide)
    # As it was before there were choices: batches read with such a template go on.
    assert form.fingerprint == "7287b20f7d68e7c39b0721b9dc64da88b0b02f9b0592b142cc9103506ba5fbce"


# --- in memory and on the disk ---------------------------------------------------------------------------------------

KINDS = ("digits", "key", "choice", "barcode", "image")


@given(st.lists(st.tuples(st.sampled_from(KINDS), st.booleans()), max_size=12))
def test_boxes_of_every_kind_are_stored_as_what_they_are(boxes: list[tuple[str, bool]]) -> None:
    nothing = np.zeros(len(CLASSES), np.float32)
    readings = [
        DigitReading(
            Box(f"{kind}-{place}", 1, np.zeros((4, 2)), (1, 1) if kind == "digits" else NO_DIGITS, kind=kind),  # type: ignore[arg-type]
            *(MARKED if is_marked and kind == "choice" else None, 1.0, nothing),
        )
        for place, (kind, is_marked) in enumerate(boxes)
    ]
    again = unpacked_digits(packed_digits(readings))
    assert [(one.box.field, one.box.kind, one.digit) for one in again] == [
        (one.box.field, one.box.kind, one.digit) for one in readings
    ]


@given(st.lists(st.sampled_from(["", "blank", "unsure_mark"]), min_size=1, max_size=8), st.booleans(), st.booleans())
def test_what_is_accepted_of_a_choice_is_what_it_may_hold(reasons: list[str], many: bool, required: bool) -> None:
    options = tuple(map(str, range(len(reasons))))
    boxes = tuple((9.0 * place, 0.0, 5.0, 5.0) for place in range(len(reasons)))
    field = Field("q", boxes, required=required, kind="choice", options=options, many=many)
    readings = [
        DigitReading(
            Box("q", place, np.zeros((4, 2)), NO_DIGITS, kind="choice"),
            *(None if reason == "blank" else MARKED, 0.9, np.zeros(len(CLASSES), np.float32), reason),  # type: ignore[arg-type]
        )
        for place, reason in enumerate(reasons, 1)
    ]
    read = chosen(field, readings)
    said = read.value.split(SEVERAL) if read.value else []
    assert {*said} <= {*options}
    if not read.reasons:
        assert "unsure_mark" not in reasons
        assert said == [option for option, reason in zip(options, reasons, strict=True) if not reason]
        assert many or len(said) <= 1
        assert said or not required
