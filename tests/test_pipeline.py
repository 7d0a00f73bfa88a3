"""From a page to values, from a folder to answers, from a blank form to a template."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from formreader.errors import BlankPage, NoBoxes, NoMatch, UnusableCall
from formreader.model import DigitModel, default_model_path, load_model
from formreader.pipeline import find_form, read_batch, read_page, read_unknown_page
from formreader.scans import load_page
from formreader.template import Field, Template
from formreader.values import Page, PageAnswer, PageFailure, PageReading, PageRef, PageSkipped, Thresholds
from formreader.workers import LocalWorkers
from tests.benchmarks.forms import expected_value
from tests.drawing import (
    PENS,
    DrawnForm,
    Filled,
    Scan,
    Wear,
    aruco_form,
    draw_mild,
    draw_values,
    draw_writer,
    fill,
    meter_card,
    other_visit,
    visit_record,
    wear,
    write_scan,
)
from tests.drawing_layouts import blank

DPI = 200


@pytest.fixture(scope="module")
def model() -> DigitModel:
    return load_model(default_model_path())


@cache
def card() -> DrawnForm:
    return meter_card(DPI)


@cache
def filled(seed: int) -> Filled:
    rng = np.random.default_rng(seed)
    return fill(card(), draw_values(card(), rng), rng, writer=draw_writer(rng, PENS[seed % 2]))


@cache
def scanned(seed: int) -> Scan:
    rng = np.random.default_rng(seed)
    return filled(seed).scan(draw_mild(rng, DPI), rng)


def page_of(scan: Scan, name: str = "card.png") -> Page:
    grey = scan.pixels if scan.pixels.ndim == 2 else cv2.cvtColor(scan.pixels, cv2.COLOR_BGR2GRAY)
    colour = scan.pixels if scan.pixels.ndim == 3 else None
    return Page(PageRef(Path(name)), np.asarray(grey, np.uint8), colour, scan.dpi)


def wrong_and_accepted(answer: PageAnswer, form: DrawnForm, written: dict[str, str]) -> list[tuple[str, str, str]]:
    """List fields whose value is not what was written although nobody was told to look."""
    assert isinstance(answer, PageReading)
    wrong = []
    for reading in answer.fields:
        expected, must_flag = expected_value(written[reading.name], form.field(reading.name))
        if not reading.reasons and (must_flag or reading.value != expected):
            wrong.append((reading.name, written[reading.name], reading.value))
    return wrong


def summary(answer: PageAnswer) -> object:
    """Give what of an answer must not depend on how it was worked out."""
    if not isinstance(answer, PageReading):
        return type(answer).__name__, str(answer.ref), answer.reason
    fields = [(field.name, field.value, round(field.confidence, 4), field.reasons) for field in answer.fields]
    return "PageReading", str(answer.ref), fields, [digit.box.extent for digit in answer.digits]


# --- one page --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_every_value_of_a_page_is_right_or_flagged(model: DigitModel, seed: int) -> None:
    answer = read_page(page_of(scanned(seed)), card().template(), model)
    assert [field.name for field in answer.fields] == [field.name for field in card().fields]
    assert wrong_and_accepted(answer, card(), filled(seed).values) == []
    assert answer.form == "meter-card"
    assert 0.5 < answer.match.score <= 1
    assert answer.quality["box_px"] == pytest.approx(8 * DPI / 25.4, rel=0.05)


def test_most_digits_of_a_clean_page_are_read(model: DigitModel) -> None:
    right = total = 0
    for seed in range(4):
        answer = read_page(page_of(scanned(seed)), card().template(), model)
        read = {(digit.box.field, digit.box.position): digit.digit for digit in answer.digits}
        for name, marks in filled(seed).values.items():
            for position, mark in enumerate(marks, 1):
                if mark.isdigit():
                    total += 1
                    right += read[name, position] == mark
    assert right >= 0.95 * total


def test_flagged_fields_and_no_others_bring_pictures(model: DigitModel) -> None:
    answer = read_page(
        page_of(scanned(0)), card().template(), model, thresholds=Thresholds((1.0,))
    )  # nothing is as sure as that
    flagged = {field.name for field in answer.fields if field.reasons}
    assert flagged
    assert {name for name, _ in answer.pictures} == flagged
    for name, position in answer.pictures:
        assert 1 <= position <= len(card().field(name).boxes)
    picture = cv2.imdecode(np.frombuffer(next(iter(answer.pictures.values())), np.uint8), cv2.IMREAD_GRAYSCALE)
    assert picture.shape[0] > 40
    assert read_page(
        page_of(scanned(0)), card().template(), model, thresholds=Thresholds((0.0,))
    ).pictures.keys() <= set(answer.pictures)


def test_steps_can_be_watched(model: DigitModel) -> None:
    seen: list[tuple[str, str]] = []

    def watch(ref: PageRef, stage: str, picture: NDArray[np.uint8]) -> None:
        assert picture.dtype == np.uint8
        assert picture.size
        seen.append((str(ref), stage))

    read_page(page_of(scanned(0)), card().template(), model, watch=watch)
    assert seen == [("card.png", "boxes"), ("card.png", "crops")]


def test_a_wide_box_is_read_among_digit_boxes(model: DigitModel) -> None:
    form = card()
    x, y, _, height = form.field("water").boxes[0]
    ends = form.field("water").boxes[-1]
    picture = form.picture.copy()
    picture[round(y) - 3 : round(y + height) + 4, round(x) - 3 : round(ends[0] + ends[2]) + 4] = 255
    frame = (x, y, ends[0] + ends[2] - x, height)
    cv2.rectangle(picture, (round(x), round(y)), (round(x + frame[2]), round(y + height)), 0, 3)
    fields = tuple(
        Field("water", (frame,), (1, 5)) if field.name == "water" else field for field in form.template().fields
    )
    template = Template("wide", form.template().width, form.template().height, DPI, fields, reference=picture)
    with_frame = replace(form, picture=picture)
    values = {"customer": "2718281", "water": "31415"}
    rng = np.random.default_rng(12)
    page = fill(with_frame, values, rng, writer=draw_writer(rng, PENS[0]), crossing=0.0)
    scan = page.scan(Wear(skew_degrees=0.5, noise=2), rng)
    answer = read_page(page_of(scan), template, model)
    assert [field.name for field in answer.fields] == [field.name for field in fields]
    water = next(field for field in answer.fields if field.name == "water")
    assert water.value == "31415" or water.reasons
    own = [digit for digit in answer.digits if digit.box.field == "water"]
    assert [digit.box.position for digit in own] == list(range(1, len(own) + 1))


def test_a_page_without_template_gives_its_boxes_in_reading_order(model: DigitModel) -> None:
    answer = read_unknown_page(page_of(scanned(1)), model)
    assert answer.form == "unknown"
    assert [field.name for field in answer.fields] == [f"field_{i:02d}" for i in range(1, 6)]
    written = dict(zip((field.name for field in answer.fields), filled(1).values.values(), strict=True))
    for reading in answer.fields:
        expected, must_flag = expected_value(written[reading.name], Field("any", ()))
        assert reading.reasons or (reading.value == expected and not must_flag)


def test_a_skewed_page_without_template_is_straightened_first(model: DigitModel) -> None:
    scan = filled(1).scan(Wear(skew_degrees=3.0, noise=2), np.random.default_rng(1))
    answer = read_unknown_page(page_of(scan), model)
    assert [len([d for d in answer.digits if d.box.field == field.name]) for field in answer.fields] == [7, 5, 6, 6, 6]


def test_a_page_of_combs_on_its_head_reads_as_if_upright_and_its_boxes_lie_where_they_were_scanned(
    model: DigitModel,
) -> None:
    form, rng = blank("tax-return"), np.random.default_rng(5)
    page = fill(form, draw_values(form, rng), rng, writer=draw_writer(rng, PENS[0]))
    scan = page.scan(Wear(dpi=200, noise=2), rng)
    upright = read_unknown_page(page_of(scan), model)
    assert len(upright.digits) == sum(len(field.boxes) for field in form.fields)
    lying = np.ascontiguousarray(np.rot90(scan.pixels, 2))
    turned = read_unknown_page(page_of(replace(scan, pixels=lying)), model)
    assert [field.value for field in turned.fields] == [field.value for field in upright.fields]
    height, width = lying.shape
    for one, other in zip(turned.digits, upright.digits, strict=True):
        assert np.abs((width - 1, height - 1) - one.box.corners - other.box.corners).max() < 3


def test_a_page_without_boxes_and_template_says_what_to_do(model: DigitModel) -> None:
    pixels = np.full((900, 1200), 255, np.uint8)
    for row in range(10):
        cv2.putText(pixels, "no boxes on this page", (100, 80 + 70 * row), cv2.FONT_HERSHEY_SIMPLEX, 1.2, 0, 3)
    with pytest.raises(NoMatch, match="formreader detect"):
        read_unknown_page(Page(PageRef(Path("letter.png")), pixels, dpi=150), model)


def test_a_blank_page_is_blank_with_and_without_template(model: DigitModel) -> None:
    sheet = wear(np.full(card().picture.shape, 255, np.uint8), DPI, Wear(specks=20, noise=3), np.random.default_rng(1))
    with pytest.raises(BlankPage):
        read_page(page_of(sheet), card().template(), model)
    with pytest.raises(BlankPage):
        read_unknown_page(page_of(sheet), model)


# --- many pages ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> tuple[PageRef, ...]:
    """Seven pages, three of them none of the form: unreadable, another form, blank."""
    place = tmp_path_factory.mktemp("scans")
    for seed in range(4):
        write_scan(scanned(seed), place / f"{2 * seed}.png")
    (place / "1.png").write_bytes(b"Dear reader")
    other = other_visit(100)
    write_scan(Scan(other.picture, 100, np.eye(3)), place / "3.png")
    write_scan(Scan(np.full((800, 1100), 250, np.uint8), 150, np.eye(3)), place / "5.png")
    return tuple(PageRef(place / f"{n}.png", 1, f"{n}.png") for n in range(7))


def in_order(answers: Iterable[PageAnswer]) -> list[PageAnswer]:
    """Sort answers by page: they come as they are ready."""
    return sorted(answers, key=lambda answer: answer.ref)


@pytest.mark.slow
def test_a_failing_page_stops_no_other(model: DigitModel, folder: tuple[PageRef, ...]) -> None:
    answers = in_order(read_batch(folder, card().template(), model, workers=LocalWorkers(2)))
    assert [answer.ref for answer in answers] == list(folder)
    kinds = [type(answer) for answer in answers]
    assert kinds[::2] == [PageReading] * 4
    assert kinds[1::2] == [PageFailure, PageFailure, PageSkipped]
    unreadable, other = answers[1], answers[3]
    assert isinstance(unreadable, PageFailure)
    assert isinstance(other, PageFailure)
    assert (unreadable.stage, unreadable.picture) == ("scans", None)
    assert other.stage == "align"
    assert other.picture is not None
    small = cv2.imdecode(np.frombuffer(other.picture, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert max(small.shape) <= 800
    for seed, answer in enumerate(answers[::2]):
        assert wrong_and_accepted(answer, card(), filled(seed).values) == []


@pytest.mark.slow
def test_two_processes_give_the_same_answers_as_one(model: DigitModel, folder: tuple[PageRef, ...]) -> None:
    template = card().template()
    alone = [summary(answer) for answer in in_order(read_batch(folder, template, model, workers=LocalWorkers(1)))]
    together = [summary(answer) for answer in in_order(read_batch(folder, template, model, workers=LocalWorkers(2)))]
    assert together == alone


@pytest.mark.slow
def test_a_batch_without_template_finds_the_boxes_of_each_page(model: DigitModel, folder: tuple[PageRef, ...]) -> None:
    first, broken = in_order(read_batch(folder[:2], None, model, workers=LocalWorkers(1)))
    assert isinstance(first, PageReading)
    assert len(first.fields) == 5
    assert isinstance(broken, PageFailure)


# --- a form's template -----------------------------------------------------------------------------------------------


def saved(form: DrawnForm, path: Path) -> Path:
    write_scan(Scan(form.picture, form.dpi, np.eye(3)), path)
    return path


def boxes_of(template: Template) -> NDArray[np.float64]:
    return np.array([box for field in template.fields for box in field.boxes])


def test_a_blank_form_becomes_a_template(tmp_path: Path) -> None:
    form = visit_record(DPI)
    names = [field.name for field in form.fields]
    template, preview = find_form([saved(form, tmp_path / "blank.png")], "visit", names)
    assert template.name == "visit"
    assert [field.name for field in template.fields] == names
    assert [len(field.boxes) for field in template.fields] == [len(field.boxes) for field in form.fields]
    np.testing.assert_allclose(boxes_of(template), boxes_of(form.template()), atol=2)
    assert (template.width, template.height) == form.picture.shape[::-1]
    assert template.dpi == pytest.approx(DPI, rel=0.01)
    assert template.markers is not None
    assert form.markers is not None
    assert template.markers.kind == "squares"
    np.testing.assert_allclose(template.markers.centres, form.markers.centres, atol=1.5)
    assert template.markers.size_px == pytest.approx(form.markers.size_px, rel=0.1)
    assert not template.reference_filled
    assert preview.shape == (*form.picture.shape, 3)
    assert not np.array_equal(preview[:, :, 0], preview[:, :, 2])  # the outlines are in colour


def test_aruco_marks_are_found_with_their_numbers(tmp_path: Path) -> None:
    form = aruco_form(DPI)
    template, _ = find_form([saved(form, tmp_path / "blank.png")], "parcels")
    assert template.markers is not None
    assert form.markers is not None
    assert (template.markers.kind, template.markers.dictionary, template.markers.ids) == (
        "aruco",
        "4X4_50",
        (0, 1, 2, 3),
    )
    np.testing.assert_allclose(template.markers.centres, form.markers.centres, atol=2)
    assert len(template.fields) == len(form.fields)


def test_a_form_without_marks_gets_none_and_keeps_numbered_names(tmp_path: Path) -> None:
    template, _ = find_form([saved(card(), tmp_path / "card.png")], "card", ["customer", "water"])
    assert template.markers is None
    assert [field.name for field in template.fields] == ["customer", "water", "field_03", "field_04", "field_05"]


def test_a_found_template_reads_pages(model: DigitModel, tmp_path: Path) -> None:
    template, _ = find_form([saved(card(), tmp_path / "card.png")], "card", [field.name for field in card().fields])
    answer = read_page(page_of(scanned(2)), template, model)
    assert wrong_and_accepted(answer, card(), filled(2).values) == []


def test_more_names_than_fields_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnusableCall, match="6 names for 5 fields"):
        find_form([saved(card(), tmp_path / "card.png")], "card", list("abcdef"))


def test_a_page_without_boxes_makes_no_template(tmp_path: Path) -> None:
    pixels = np.full((900, 1200), 255, np.uint8)
    for row in range(10):
        cv2.putText(pixels, "a letter, not a form", (100, 80 + 70 * row), cv2.FONT_HERSHEY_SIMPLEX, 1.2, 0, 3)
    write_scan(Scan(pixels, 150, np.eye(3)), tmp_path / "letter.png")
    with pytest.raises(NoBoxes, match=r"letter\.png: no printed boxes"):
        find_form([tmp_path / "letter.png"], "letter")


def test_an_unreadable_blank_is_refused(tmp_path: Path) -> None:
    (tmp_path / "blank.png").write_bytes(b"not a picture")
    with pytest.raises(UnusableCall, match=r"blank\.png"):
        find_form([tmp_path / "blank.png"], "form")


@pytest.mark.slow
def test_filled_scans_together_give_a_blank_reference(model: DigitModel, tmp_path: Path) -> None:
    paths = []
    for seed in range(5):
        paths.append(tmp_path / f"{seed}.png")
        write_scan(scanned(seed), paths[-1])
    template, _ = find_form(paths, "card", [field.name for field in card().fields])
    assert [len(field.boxes) for field in template.fields] == [len(field.boxes) for field in card().fields]
    assert template.reference is not None
    assert not template.reference_filled
    # What is left of the writing in the boxes is a shade at most.
    for x, y, width, height in boxes_of(template).round().astype(int):
        inside = template.reference[y + 6 : y + height - 6, x + 6 : x + width - 6]
        assert np.mean(inside < 120) < 0.1
    answer = read_page(page_of(scanned(7)), template, model)
    assert wrong_and_accepted(answer, card(), filled(7).values) == []


def test_scans_of_different_forms_make_no_template(tmp_path: Path) -> None:
    write_scan(scanned(0), tmp_path / "0.png")
    other = other_visit(100)
    with pytest.raises(UnusableCall, match="same form"):
        find_form([tmp_path / "0.png", saved(other, tmp_path / "1.png")], "card")


@pytest.mark.slow
def test_one_filled_scan_is_matched_with_and_never_subtracted(model: DigitModel, tmp_path: Path) -> None:
    write_scan(scanned(3), tmp_path / "filled.png")
    template, _ = find_form([tmp_path / "filled.png"], "card", filled=True)
    assert template.reference_filled
    counts = [len(field.boxes) for field in template.fields]
    assert counts == [len(field.boxes) for field in card().fields]
    write_scan(scanned(2), tmp_path / "2.png")
    answer = read_page(load_page(PageRef(tmp_path / "2.png")), template, model)
    written = dict(zip((field.name for field in template.fields), filled(2).values.values(), strict=True))
    for reading in answer.fields:
        expected, must_flag = expected_value(written[reading.name], Field("any", ()))
        assert reading.reasons or (reading.value == expected and not must_flag)


def test_a_blank_sheet_makes_no_template(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "white.png"), np.full((1400, 1000), 255, np.uint8))
    with pytest.raises(NoBoxes, match=r"white\.png: the page is blank; give a form with printed boxes"):
        find_form([tmp_path / "white.png"], "white")


def test_boxes_over_the_picture_s_edge_are_left_to_a_person_and_never_blank(model: DigitModel) -> None:
    page = page_of(scanned(0))
    cut = round(0.62 * page.pixels.shape[1])
    reading = read_page(
        replace(page, pixels=np.ascontiguousarray(page.pixels[:, :cut]), colour=None), card().template(), model
    )
    beyond = [digit for digit in reading.digits if digit.box.corners[:, 0].max() > cut + 5]
    assert beyond
    assert {(digit.digit, digit.reason) for digit in beyond} == {(None, "ink_outside")}
    flagged = {field.name for field in reading.fields if field.reasons}
    assert {digit.box.field for digit in beyond} <= flagged
