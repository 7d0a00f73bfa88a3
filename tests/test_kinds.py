"""Choices, barcodes and pictures in a template: what may be said of them, and every mistake in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from formreader.rules import CheckDigit, OneOf, Pattern
from formreader.template import load_template, save_template
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
