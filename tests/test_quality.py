"""What a page's picture is worth: measured from its print alone, flagged where reading breaks down, never silent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest

from formreader.errors import BlankPage, NoMatch, TooPoor
from formreader.fields import needs_review
from formreader.model import DigitModel, default_model_path, load_model
from formreader.pipeline import answer, read_page, unwatched
from formreader.quality import measure, refuse_hopeless, refuse_tiny, with_doubts
from formreader.scans import save_picture
from formreader.template import Field, Template, corners_of
from formreader.values import Box, FieldReading, Grey, Page, PageFailure, PageRef
from tests.drawing import PENS, Filled, Wear, dense, draw_values, draw_writer, fill, meter_card

DPI = 200


@pytest.fixture(scope="module")
def model() -> DigitModel:
    return load_model(default_model_path())


@cache
def card(share: float = 1.0) -> Filled:
    """Fill a card; with a lesser share, most fields are left empty."""
    form, rng = meter_card(DPI), np.random.default_rng(3)
    values = draw_values(form, rng)
    kept = {name: marks for i, (name, marks) in enumerate(values.items()) if i < share * len(values)}
    return fill(form, kept, rng, writer=draw_writer(rng, PENS[1]))


@cache
def template() -> Template:
    return meter_card(DPI).template()


def scanned(filled: Filled, *, dpi: float = DPI, blur_mm: float = 0.04, noise: float = 2, left: float = 1.0) -> Grey:
    rng = np.random.default_rng(1)
    scan = filled.scan(Wear(dpi=dpi, skew_degrees=0.7, blur_mm=blur_mm, contrast=left, noise=noise), rng)
    grey = scan.pixels if scan.pixels.ndim == 2 else cv2.cvtColor(scan.pixels, cv2.COLOR_BGR2GRAY)
    return np.asarray(grey, np.uint8)


def moved(pixels: Grey, length_mm: float, *, along: bool = False) -> Grey:
    """Move the camera while the shutter is open."""
    length = round(length_mm * DPI / 25.4)
    kernel = np.full((length, 1) if along else (1, length), 1 / length, np.float32)
    return np.asarray(cv2.filter2D(pixels, -1, kernel), np.uint8)


def page(pixels: Grey) -> Page:
    return Page(PageRef(Path("card.png")), pixels, None, DPI)


def quality_of(pixels: Grey, filled: Filled, dpi: float = DPI, form: Template | None = None) -> dict[str, float]:
    """Measure a page whose boxes are known."""
    scan = filled.scan(Wear(dpi=dpi, skew_degrees=0.7), np.random.default_rng(1))
    boxes = [
        Box(field.name, position, scan.place(corners_of(box)))
        for field in filled.form.fields
        for position, box in enumerate(field.boxes, 1)
    ]
    return measure(pixels, tuple(boxes), form or template())


# --- the measures ----------------------------------------------------------------------------------------------------


def test_a_sharp_dark_page_measures_so() -> None:
    quality = quality_of(scanned(card(), blur_mm=0), card())
    assert quality["box_px"] == pytest.approx(8.0 * DPI / 25.4, abs=1)  # boxes are 8 mm wide
    assert quality["smear"] < 0.05
    assert quality["print"] == pytest.approx(1, abs=0.12)
    assert quality["contrast"] > 0.5


@pytest.mark.parametrize("blur_mm", [0.2, 0.3, 0.4])
def test_smear_is_the_blur_s_width_at_half_its_height(blur_mm: float) -> None:
    quality = quality_of(scanned(card(), blur_mm=blur_mm), card())
    assert quality["smear"] == pytest.approx(2.355 * blur_mm / 8.0, rel=0.2)


@pytest.mark.parametrize("along", [False, True])
@pytest.mark.parametrize("length_mm", [1.0, 1.5])
def test_a_moved_camera_is_seen_whichever_way_it_moved(length_mm: float, along: bool) -> None:
    quality = quality_of(moved(scanned(card()), length_mm, along=along), card())
    assert quality["smear"] == pytest.approx(length_mm / 8.0, rel=0.2)


def test_lines_of_one_direction_smeared_away_count_as_smeared() -> None:
    pixels = scanned(card(), left=0.5)
    assert quality_of(moved(pixels, 6.0), card())["smear"] == pytest.approx(0.25)


def test_the_measures_do_not_depend_on_how_much_is_written() -> None:
    for blur_mm in (0.05, 0.3):
        full, sparse = (quality_of(scanned(c, blur_mm=blur_mm), c) for c in (card(), card(0.2)))
        assert full["smear"] == pytest.approx(sparse["smear"], abs=0.01)
        assert full["print"] == pytest.approx(sparse["print"], abs=0.05)


@pytest.mark.parametrize("dpi", [100, 300])
def test_sharpness_is_of_the_paper_not_of_the_pixels(dpi: float) -> None:
    quality = quality_of(scanned(card(), dpi=dpi, blur_mm=0.35), card(), dpi)
    assert quality["smear"] == pytest.approx(2.355 * 0.35 / 8.0, rel=0.2)


@pytest.mark.parametrize("left", [0.15, 0.3, 0.7])
def test_print_says_what_fading_and_blur_together_leave_of_it(left: float) -> None:
    sharp, blurred = (quality_of(scanned(card(), left=left, blur_mm=mm), card()) for mm in (0.04, 0.3))
    assert sharp["print"] == pytest.approx(left, rel=0.15)
    assert blurred.get("print", 0) < 0.6 * left


def test_without_a_reference_sharpness_comes_from_the_lines_flanks() -> None:
    bare = replace(template(), reference=None)
    sharp, blurred = (quality_of(scanned(card(), blur_mm=mm), card(), form=bare) for mm in (0.02, 0.35))
    assert "print" not in sharp
    assert sharp["smear"] < 0.05 < 0.07 < blurred["smear"]


def test_a_page_whose_lines_dropped_out_is_not_called_blurred() -> None:
    form = replace(template(), reference=np.full_like(card().form.picture, 255))
    paper = np.full((1169, 1654), 255, np.uint8)
    cv2.putText(paper, "27", (800, 300), cv2.FONT_HERSHEY_SIMPLEX, 3, 0, 8)
    assert "smear" not in quality_of(paper, card(), form=form)


# --- what is made of them --------------------------------------------------------------------------------------------


WORN: dict[str, Callable[[], Grey]] = {
    "too_small": lambda: scanned(card(), dpi=36),
    "too_blurred": lambda: scanned(card(), blur_mm=0.56),
    "too_faint": lambda: scanned(card(), left=0.19),
}


@pytest.mark.parametrize("reason", WORN)
def test_on_a_poor_page_every_field_is_flagged_with_why_and_keeps_its_value(model: DigitModel, reason: str) -> None:
    reading = read_page(page(WORN[reason]()), template(), model)
    assert all(reason in field.reasons for field in reading.fields)
    assert any(field.value for field in reading.fields)
    looked_at = dict(
        zip(
            [(d.box.field, d.box.position) for d in reading.digits],
            needs_review(reading.fields, reading.digits),
            strict=True,
        )
    )
    assert all(looked_at.values())
    assert all(digit.reason != "" for digit in reading.digits)
    assert {name for name, _ in reading.pictures} == {field.name for field in reading.fields}


def test_a_good_page_is_not_flagged_for_its_quality(model: DigitModel) -> None:
    for pixels in (scanned(card()), scanned(card(), dpi=100), scanned(card(), left=0.4), scanned(card(), blur_mm=0.2)):
        reading = read_page(page(pixels), template(), model)
        assert not {"too_small", "too_blurred", "too_faint"} & {r for field in reading.fields for r in field.reasons}


def test_black_and_white_needs_more_pixels_than_grey(model: DigitModel) -> None:
    for dpi, flagged in ((55, True), (100, False)):
        fax = np.where(scanned(card(), dpi=dpi) < 180, 0, 255).astype(np.uint8)
        assert quality_of(fax, card(), dpi)["grey"] == 0
        boxes = tuple(digit.box for digit in read_page(page(scanned(card(), dpi=dpi)), template(), model).digits)
        fields = tuple(FieldReading(field.name, "1", 1.0) for field in template().fields)
        doubted, _ = with_doubts(fields, (), boxes, measure(fax, boxes, template()))
        assert {field.reasons for field in doubted} == {("too_small",) if flagged else ()}


def test_only_the_small_boxes_of_a_form_are_too_small(model: DigitModel) -> None:
    form = template()
    x, y, _, _ = form.fields[0].boxes[0]
    tiny = Field("tiny", ((x + 8, y - 40, 26.0, 26.0),))
    reading = read_page(page(scanned(card(), dpi=80)), replace(form, fields=(*form.fields, tiny)), model)
    assert [field.name for field in reading.fields if "too_small" in field.reasons] == ["tiny"]


@pytest.mark.parametrize(
    ("quality", "what_to_do"),
    [
        ({"box_px": 6.0, "contrast": 0.8}, "200 dpi or more"),
        ({"box_px": 40.0, "contrast": 0.8, "smear": 0.3}, "held still and in focus"),
        ({"box_px": 40.0, "contrast": 0.1, "print": 0.1}, "darker"),
    ],
)
def test_a_hopeless_page_fails_and_says_what_to_do(quality: dict[str, float], what_to_do: str) -> None:
    with pytest.raises(TooPoor, match=rf"^card\.png: .+; scan .*{what_to_do}"):
        refuse_hopeless(PageRef(Path("card.png")), quality)


def test_a_dropped_out_colour_is_no_faintness() -> None:
    refuse_hopeless(PageRef(Path("card.png")), {"box_px": 40.0, "contrast": 0.7, "print": 0.05})


def test_a_thumbnail_is_told_from_another_form(model: DigitModel, tmp_path: Path) -> None:
    save_picture(tmp_path / "thumb.png", scanned(card(), dpi=20))
    failure = answer(PageRef(tmp_path / "thumb.png"), template(), model, None, unwatched)
    assert isinstance(failure, PageFailure)
    assert failure.stage == "quality"
    assert "scan the page again at 200 dpi or more" in failure.reason


def test_a_page_cut_in_half_or_lying_on_its_side_is_no_thumbnail() -> None:
    whole = scanned(card(), dpi=60)
    for pixels in (whole, np.rot90(whole), whole[: whole.shape[0] // 2], whole[:, : whole.shape[1] // 2]):
        refuse_tiny(page(np.ascontiguousarray(pixels)), [template()])


@pytest.mark.slow
@pytest.mark.parametrize("blur_mm", [0.1, 0.4, 0.5])
@pytest.mark.parametrize("left", [1.0, 0.5, 0.2, 0.14])
def test_no_digit_is_wrong_and_accepted_however_poor_the_page(model: DigitModel, blur_mm: float, left: float) -> None:
    form, rng = dense(300), np.random.default_rng(5)
    filled = fill(form, draw_values(form, rng), rng, writer=draw_writer(rng, PENS[2]))
    try:
        reading = read_page(page(scanned(filled, blur_mm=blur_mm, left=left)), form.template(), model)
    except (TooPoor, NoMatch, BlankPage):
        return
    accepted = [field for field in reading.fields if not field.reasons]
    marks = {field.name: filled.values[field.name].replace("_", "") for field in accepted}
    assert [field.name for field in accepted if field.value != marks[field.name]] == []
