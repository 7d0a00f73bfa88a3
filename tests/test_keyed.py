"""Fields that a person keys: nothing is read in them, none is lost, and the digits beside them do not change."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import openpyxl
import pytest

from formreader.align import align
from formreader.audit.drawing import population_of
from formreader.checks import UNIQUE, DriftSearch, find_repeats, unique_setting
from formreader.errors import TemplateError
from formreader.export import export_book, read_results, write_tables
from formreader.fields import counted
from formreader.model import DigitModel, default_model_path, load_model
from formreader.pipeline import read_page
from formreader.progress import Tally
from formreader.rules import OneOf, Pattern, broken_rules
from formreader.store import open_batch, open_results
from formreader.template import Field, Template, load_template, save_template
from formreader.values import Page, PageReading, PageRef
from tests.drawing import Filled, Wear, aruco_form, draw_mild, draw_values, fill
from tests.drawing_hardships import dirty, faxed, pale, photographed, small, stretched
from tests.drawing_names import STRIPS, member_card, with_names
from tests.drawing_sheet import DrawnForm
from tests.test_export import table
from tests.test_store import decide, opened, scan
from tests.test_template_rules import FORM, fields, loaded, problems

DPI = 200
NAMES = {"framed": "Maria Huber", "dotted": "Ng", "ruled": "O. Li", "bare": "i", "area": "see over", "letters": "J"}


@pytest.fixture(scope="module")
def model() -> DigitModel:
    return load_model(default_model_path())


@cache
def card() -> DrawnForm:
    return member_card(DPI)


def written(seed: int, names: dict[str, str], capital_mm: float = 3.0) -> Filled:
    rng = np.random.default_rng(seed)
    return with_names(fill(card(), draw_values(card(), rng), rng), names, capital_mm)


def page_of(filled: Filled, how: Wear, seed: int = 1) -> Page:
    drawn = filled.scan(how, np.random.default_rng(seed))
    grey = drawn.pixels if drawn.pixels.ndim == 2 else cv2.cvtColor(drawn.pixels, cv2.COLOR_BGR2GRAY)
    colour = drawn.pixels if drawn.pixels.ndim == 3 else None
    return Page(PageRef(Path("card.png")), np.asarray(grey, np.uint8), colour, drawn.dpi)


def mild(seed: int = 1) -> Wear:
    return draw_mild(np.random.default_rng(seed), DPI)


def with_required(form: Template, *names: str) -> Template:
    return replace(form, fields=tuple(replace(one, required=one.name in names) for one in form.fields))


def reasons(answer: PageReading) -> dict[str, tuple[str, ...]]:
    return {field.name: field.reasons for field in answer.fields if field.is_keyed}


def digits_of(answer: PageReading) -> object:
    return [
        (one.box.field, one.digit, one.confidence, one.reason, one.box.corners.tolist())
        for one in answer.digits
        if one.box.holds_digits
    ]


# --- on a page -------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("reference", [True, False], ids=["blank", "no-blank"])
def test_what_is_written_is_to_be_keyed_and_an_empty_strip_is_blank(model: DigitModel, reference: bool) -> None:
    form = replace(with_required(card().template(), "bare"), reference_filled=not reference)
    full = read_page(page_of(written(1, NAMES), mild()), form, model)
    assert reasons(full) == dict.fromkeys(STRIPS, ("to_key",))
    empty = read_page(page_of(written(1, {}), mild()), form, model)
    # Without the blank form's picture, dots may be writing.
    doubts = {"bare": ("blank",), **({} if reference else {"dotted": ("to_key",)})}
    assert reasons(empty) == dict.fromkeys(STRIPS, ()) | doubts
    assert {field.value for answer in (full, empty) for field in answer.fields if field.is_keyed} == {""}


def test_digits_are_read_as_if_there_were_no_strips(model: DigitModel) -> None:
    form = card().template()
    without = replace(form, fields=tuple(field for field in form.fields if not field.is_keyed))
    for page in (page_of(written(2, NAMES), mild(2)), page_of(written(2, {}), mild(2))):
        one, other = read_page(page, form, model), read_page(page, without, model)
        assert digits_of(one) == digits_of(other)
        assert one.quality == other.quality
        assert one.match.score == pytest.approx(other.match.score, abs=0.01)


def test_strips_without_print_count_for_nothing_where_marks_are_matched() -> None:
    drawn = aruco_form(150)
    form = replace(drawn.template(), reference=None)
    strip = Field("name", ((100.0, 1250.0, 900.0, 60.0), (100.0, 1350.0, 900.0, 60.0)), kind="key")
    page = page_of(fill(drawn, {"van": "123456"}, np.random.default_rng(1)), Wear(dpi=150))
    with_strip = align(page, replace(form, fields=(*form.fields, strip)))
    assert with_strip.match == align(page, form).match


def test_strip_keeps_its_place_and_is_no_digit_to_look_at(model: DigitModel) -> None:
    answer = read_page(page_of(written(1, NAMES), Wear(dpi=DPI)), card().template(), model)
    strips = {one.box.field: one for one in answer.digits if one.box.kind == "key" and one.box.position == 1}
    assert [*strips] == list(STRIPS)
    for name, one in strips.items():
        x, y, width, height = card().field(name).boxes[0]
        assert one.box.corners[[0, 2]] == pytest.approx(np.array([[x, y], [x + width, y + height]]), abs=3)
        assert (one.digit, one.reason, one.probabilities.sum()) == (None, "to_key", 0)
    assert not {name for name, _ in answer.pictures} & {*STRIPS}
    counts = counted(answer.fields, answer.digits)
    assert counts.flagged_fields == len(STRIPS) + sum(
        bool(one.reasons) for one in answer.fields if one.name not in STRIPS
    )
    assert counts.boxes == sum(one.reason != "blank" for one in answer.digits if one.box.holds_digits)


def test_strip_beside_the_picture_is_not_called_blank(model: DigitModel) -> None:
    page = page_of(written(1, {}), Wear(dpi=DPI))
    cut = replace(page, pixels=np.ascontiguousarray(page.pixels[: round(160 * DPI / 25.4)]), colour=None)
    found = reasons(read_page(cut, card().template(), model))
    assert found["letters"] == ("to_key",)
    assert found["framed"] == ()


def test_too_faint_a_page_has_no_blank_strips(model: DigitModel) -> None:
    page = page_of(written(1, {}), mild())
    faint = replace(page, pixels=np.asarray(255 - (255 - page.pixels) * 0.2, np.uint8), colour=None)
    answer = read_page(faint, card().template(), model)
    assert all("too_faint" in field.reasons for field in answer.fields if not field.is_keyed)
    assert set(reasons(answer).values()) == {("to_key",)}


@pytest.mark.slow
@pytest.mark.parametrize("how", [small, faxed, stretched, dirty, photographed, pale])
def test_no_name_is_taken_for_blank_on_a_hard_page(how: object, model: DigitModel) -> None:
    for seed in range(4):
        wear = how(card(), np.random.default_rng(seed))  # type: ignore[operator]
        for page in (written(seed, NAMES), written(seed, dict.fromkeys(STRIPS, "Maria Huber"), 1.7)):
            answer = read_page(page_of(page, wear, seed), card().template(), model)
            assert reasons(answer) == dict.fromkeys(STRIPS, ("to_key",))


def test_summary_counts_what_is_to_key_apart(model: DigitModel) -> None:
    tally = Tally()
    answer = read_page(page_of(written(1, NAMES), mild()), card().template(), model)
    tally.count(answer)
    doubts = sum(bool(field.reasons) for field in answer.fields if not field.is_keyed)
    assert (tally.to_key, tally.flagged_fields, tally.accepted.total()) == (len(STRIPS), doubts, 3 - doubts)
    assert "6 fields to key" in tally.summary([Path("out/results.csv")])
    assert "3 fields:" in tally.summary([Path("out/results.csv")])


# --- in a batch ------------------------------------------------------------------------------------------------------


@pytest.fixture
def batch(tmp_path: Path, model: DigitModel) -> Path:
    """Store a page with names, of which one is keyed with all that may harm a table, and one without."""
    answers = [read_page(page_of(written(1, names), mild()), card().template(), model) for names in (NAMES, {})]
    refs = [scan(tmp_path, f"{name}.png", name) for name in ("full", "empty")]
    with opened(tmp_path / "out", template=card().template()) as writer:
        writer.pending(refs)
        for ref, answer in zip(refs, answers, strict=True):
            writer.add(replace(answer, ref=ref))
    decide(tmp_path / "out", refs[0], "framed", '=1+1\nMária, "Ḥ" 李 ')
    return tmp_path / "out"


def test_tables_ask_for_what_is_not_keyed_and_hold_what_is(batch: Path, tmp_path: Path) -> None:
    write_tables(batch)
    full = read_results(batch / "results.csv").set_index("scan").loc["full.png"]
    assert {*STRIPS} - {*full["review"].split()} == {"framed"}
    assert full["framed"] == '=1+1\nMária, "Ḥ" 李 '
    assert (full["bare"], full["status"]) == ("", "review")
    rows = table(batch / "results.csv")
    assert any(cell.startswith("'=1+1\n") for row in rows for cell in row)
    assert not {*read_results(batch / "digits.csv")["field"]} & {*STRIPS}
    export_book(batch, tmp_path / "book.xlsx")
    cells = [cell.value for row in openpyxl.load_workbook(tmp_path / "book.xlsx")["Results"] for cell in row]
    assert '=1+1\nMária, "Ḥ" 李 ' in cells


def test_stored_strips_are_known_for_what_they_are(batch: Path) -> None:
    with open_results(batch) as results:
        empty, full = results.pages(digits=True)
        assert {field.name for field in full.fields if field.is_keyed} == {*STRIPS}
        assert {one.box.field for one in full.digits if one.box.kind == "key"} == {*STRIPS}
        assert {one.reason for one in empty.digits if one.box.kind == "key"} == {"blank"}
        accepted = population_of(results, find_repeats(results)).accepted
        assert not {name for _, name in accepted} & {*STRIPS}
        search = DriftSearch()
        list(search.passing([full, empty]))
        assert {field for field, _ in search._forms["member-card"].boxes} == {"number", "born", "phone"}


def test_names_that_repeat_are_found_once_they_are_keyed(tmp_path: Path, model: DigitModel) -> None:
    answer = read_page(page_of(written(1, NAMES), mild()), card().template(), model)
    refs = [scan(tmp_path, f"{name}.png", name) for name in "ab"]
    with open_batch(
        tmp_path / "out",
        templates=[card().template()],
        model_fingerprint="m",
        model_name="digits",
        settings={f"{UNIQUE}member-card": unique_setting({"framed": ()})},
    ) as writer:
        writer.pending(refs)
        for ref in refs:
            writer.add(replace(answer, ref=ref))
    with open_results(tmp_path / "out") as results:
        assert not find_repeats(results).rows
    for ref in refs:
        decide(tmp_path / "out", ref, "framed", "Maria Huber")
    with open_results(tmp_path / "out") as results:
        assert [(row.value, row.scan) for row in find_repeats(results).rows] == [
            ("Maria Huber", "a.png"),
            ("Maria Huber", "b.png"),
        ]


# --- in a template ---------------------------------------------------------------------------------------------------

KEYED = """
[[field]]
name = "name"
kind = "key"
box = [50, 500, 900, 80]
"""


def test_field_to_key_is_read_and_written_back(tmp_path: Path) -> None:
    text = fields(id="3") + KEYED + 'required = true\nunique = true\none_of = ["Ann B.", "Zoë"]\npattern = "\\\\pL.*"\n'
    form = loaded(
        tmp_path, text + KEYED.replace('"name"', '"parts"').replace("box = [50, 500", "boxes = [[50, 700")[:-1] + "]\n"
    )
    _, name, parts = form.fields
    assert (name.kind, name.required, name.unique) == ("key", True, True)
    assert name.rules == (Pattern("\\pL.*"), OneOf(("Ann B.", "Zoë")))
    assert (parts.kind, len(parts.boxes)) == ("key", 1)
    save_template(form, tmp_path / "again.toml")
    again = load_template(tmp_path / "again.toml")
    assert (again.fields, again.fingerprint) == (form.fields, form.fingerprint)


def test_kind_of_digits_changes_no_fingerprint(tmp_path: Path) -> None:
    plain = loaded(tmp_path, fields(id="3"))
    said = loaded(tmp_path, fields(id='3\nkind = "digits"'))
    assert said.fingerprint == plain.fingerprint
    # As it was before there were kinds: batches read with such a template go on.
    assert plain.fingerprint == "ebbd46b0ca6910f9f9561cfd424f8c9d8d76671a05d2d235f53ec9bf72b849dc"


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ("length = 5", "field 'name': 'length' does not go with kind \"key\""),
        ('filler = ["X"]', "field 'name': 'filler' does not go with kind \"key\""),
        ("min = 3", "field 'name': 'min' does not go with kind \"key\""),
        ('date = "DDMMYY"', "field 'name': 'date' does not go with kind \"key\""),
        ('check_digit = "luhn"', "field 'name': 'check_digit' does not go with kind \"key\""),
        ('one_of = ["a", " b"]', "field 'name': 'one_of' has what nobody can key, or with spaces around it: ' b'"),
        ('pattern = "("', "field 'name': 'pattern' cannot be used"),
        ('severity = "warning"', "field 'name': 'severity' says how serious it is to break a rule"),
        ('[[check]]\nsum = ["id"]\nequals = "name"', "check number 1: 'name' is keyed by a person, no number"),
    ],
)
def test_what_is_about_digits_is_refused(tmp_path: Path, keys: str, problem: str) -> None:
    (said,) = problems(tmp_path, fields(id="3") + KEYED + keys + "\n")
    assert said.startswith(problem)


def test_form_without_digits_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match="none of its fields has boxes for digits or choices"):
        loaded(tmp_path, FORM + KEYED)


def test_list_in_a_file_holds_text(tmp_path: Path) -> None:
    (tmp_path / "names.csv").write_text("who\nAnn B.\nZoë\n", encoding="utf-8")
    form = loaded(tmp_path, fields(id="3") + KEYED + 'one_of = {file = "names.csv", column = "who"}\n')
    assert form.fields[1].rules == (OneOf(("Ann B.", "Zoë")),)


def test_rules_are_asked_of_text_where_text_is_keyed() -> None:
    rules = (Pattern("[A-Z].*"), OneOf(("Ann", "Bob")))
    assert [rule.key for rule in broken_rules(rules, "ann", "key")] == ["pattern", "one_of"]
    assert not broken_rules(rules, "Bob", "key")
    assert not broken_rules(rules, "", "key")
    assert not broken_rules(rules, "ann")  # no digits: nothing is known of it
