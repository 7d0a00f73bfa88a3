"""Pages found under their form, whichever way they lie; pages of other forms refused, blank sheets told apart."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from formreader.align import AlignParams, align, align_to_any, straightened
from formreader.align.fitting import Viewed, best_fit
from formreader.boxes import place_boxes
from formreader.errors import BlankPage, NoMatch, TooPoor
from formreader.template import Field, Template
from formreader.template import corners_of as rectangle_corners
from formreader.values import AlignedPage, Grey, Match, Page, PageRef
from tests.benchmarks.matching_forms import TWINS, Plan, Row, draw_plan, printed
from tests.benchmarks.matching_wear import Lay, Lying, laid
from tests.drawing import (
    DrawnForm,
    Filled,
    Scan,
    Wear,
    aruco_form,
    class_marks,
    dense,
    draw_heavy,
    draw_values,
    fill,
    meter_card,
    other_marks,
    other_visit,
    visit_record,
    wear,
)
from tests.drawing_damage import poorly_printed
from tests.drawing_hardships import HARDSHIPS
from tests.drawing_layouts import blank
from tests.drawing_sheet import MM_PER_INCH, Sheet

DPI = 200
OFF_MM = 0.3
"""How far a box may lie from its true place: its own printed line is that thick."""

Layout = Callable[[float], DrawnForm]
LAYOUTS: tuple[Layout, ...] = (visit_record, class_marks, meter_card, aruco_form)
ALL_LAYOUTS: tuple[Layout, ...] = (*LAYOUTS, dense, other_visit, other_marks)


@cache
def drawn(layout: Layout) -> DrawnForm:
    return layout(DPI)


@cache
def template_of(layout: Layout) -> Template:
    return drawn(layout).template()


@cache
def filled(layout: Layout) -> Filled:
    rng = np.random.default_rng(7)
    return fill(drawn(layout), draw_values(drawn(layout), rng), rng)


def scanned(layout: Layout, how: Wear, seed: int = 1) -> Scan:
    return filled(layout).scan(how, np.random.default_rng(seed))


def page_of(pixels: Grey, name: str = "scan 1.png") -> Page:
    return Page(PageRef(Path(name)), pixels, dpi=DPI)


def corners_of(fields: tuple[Field, ...]) -> NDArray[np.float64]:
    boxes = np.array([box for field in fields for box in field.boxes])
    x, y, width, height = boxes.T
    return np.concatenate([np.stack([x + a * width, y + b * height], 1) for a in (0, 1) for b in (0, 1)])


def off_mm(aligned: AlignedPage, form: DrawnForm, scan: Scan) -> float:
    """By how much the worst box's corner is off, in millimetres of paper."""
    corners = corners_of(form.fields)
    found = cv2.perspectiveTransform(corners[None], aligned.to_scan)[0]
    return float(np.hypot(*(found - scan.place(corners)).T).max() / scan.dpi * MM_PER_INCH)


@pytest.mark.slow
@pytest.mark.parametrize("quarter_turns", [0, 1, 2, 3])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_page_is_found_whichever_way_it_lies_on_the_glass(layout: Layout, quarter_turns: int) -> None:
    seed = quarter_turns + 4 * LAYOUTS.index(layout)
    rng = np.random.default_rng(seed)
    how = Wear(
        skew_degrees=float(rng.uniform(-4, 4)),
        shift_mm=(float(rng.uniform(-3, 3)), float(rng.uniform(-3, 3))),
        scale=float(rng.uniform(0.95, 1.0)),
        bend_mm=1.5,
        quarter_turns=quarter_turns,
        noise=3,
    )
    scan = scanned(layout, how, seed)
    aligned = align(page_of(scan.pixels), template_of(layout))
    assert off_mm(aligned, drawn(layout), scan) < OFF_MM
    assert 0.7 < aligned.match.score <= 1.0


@pytest.mark.slow
@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(
    layout=st.sampled_from(LAYOUTS),
    quarter_turns=st.integers(0, 3),
    skew=st.floats(-4, 4),
    shift=st.tuples(st.floats(-4, 4), st.floats(-4, 4)),
    scale=st.floats(0.95, 1.05),
    bend=st.floats(0, 3),
    seed=st.integers(0, 99),
)
def test_any_turn_skew_shift_scale_and_mild_perspective_is_undone(
    layout: Layout, quarter_turns: int, skew: float, shift: tuple[float, float], scale: float, bend: float, seed: int
) -> None:
    # An enlarged page loses its edges on the glass, and a corner mark with them: then the printed form must do.
    how = Wear(
        skew_degrees=skew, shift_mm=shift, scale=scale, bend_mm=bend, quarter_turns=quarter_turns, noise=2, blur_mm=0.05
    )
    scan = scanned(layout, how, seed)
    aligned = align(page_of(scan.pixels), template_of(layout))
    assert off_mm(aligned, drawn(layout), scan) < OFF_MM
    assert 0.5 <= aligned.match.score <= 1.0


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("layout", LAYOUTS)
def test_photographs_and_old_copies_are_found_too(layout: Layout, seed: int) -> None:
    rng = np.random.default_rng(100 + seed)
    scan = filled(layout).scan(draw_heavy(rng, dpi=DPI), rng)
    aligned = align(page_of(scan.pixels), template_of(layout))
    # The paper is no stiffer than a picture's perspective allows; the boxes snap to their frames afterwards.
    assert off_mm(aligned, drawn(layout), scan) < 2 * OFF_MM


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_glance_at_a_flat_page_and_a_close_look_give_the_same_place(layout: Layout) -> None:
    params, template = AlignParams(), template_of(layout)
    viewed = Viewed(scanned(layout, Wear(skew_degrees=0.7, shift_mm=(1.5, -2.0), noise=3)).pixels, params)
    glance = best_fit(viewed, template, params)
    assert "small" not in vars(viewed), "half the working size was not enough"
    close = best_fit(viewed, template, params, closely=True)
    assert glance is not None
    assert close is not None
    corners = corners_of(template.fields)
    first, second = (
        AlignedPage(PageRef(Path("a")), viewed.pixels, None, fit.to_scan, Match(1.0, "reference"), None, fit.bend)
        for fit in (glance, close)
    )
    assert np.hypot(*(first.place(corners) - second.place(corners)).T).max() / DPI * MM_PER_INCH < OFF_MM / 2


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_scan_of_another_resolution_than_the_form_is_found(layout: Layout) -> None:
    scan = scanned(layout, Wear(dpi=150, skew_degrees=0.7, noise=2))
    aligned = align(page_of(scan.pixels), template_of(layout))
    assert off_mm(aligned, drawn(layout), scan) < OFF_MM


@pytest.mark.parametrize(
    "how",
    [
        Wear(skew_degrees=1, noise=2),
        Wear(dpi=200, skew_degrees=0.7, noise=2),
        Wear(skew_degrees=3, scale=0.97, bend_mm=1.5, noise=3),
        Wear(skew_degrees=-2, quarter_turns=1, noise=3),
    ],
)
def test_a_full_grid_is_found_or_refused_but_never_misplaced_by_a_column(how: Wear) -> None:
    # Its cells look all alike, and writing looks like landmarks: the hardest page, at the least resolution.
    form = class_marks(150)
    rng = np.random.default_rng(7)
    scan = fill(form, draw_values(form, rng), rng).scan(how, rng)
    try:
        aligned = align(page_of(scan.pixels), form.template())
    except NoMatch:
        return
    assert off_mm(aligned, form, scan) < 2.0  # each field is then moved to its own frame over as much; a cell is 7 mm


@pytest.mark.parametrize(
    ("layout", "taken_for"),
    [
        (other_visit, visit_record),
        (visit_record, other_visit),
        (other_marks, class_marks),
        (class_marks, other_marks),
        (dense, visit_record),
        (meter_card, aruco_form),
    ],
)
def test_a_page_of_a_like_form_is_refused_with_what_to_do(layout: Layout, taken_for: Layout) -> None:
    scan = scanned(layout, Wear(skew_degrees=1, noise=2))
    with pytest.raises(NoMatch) as refusal:
        align(page_of(scan.pixels, "box 3/scan 7.png"), template_of(taken_for))
    said = str(refusal.value)
    assert said.startswith("scan 7.png: ")
    assert f"'{drawn(taken_for).name}'" in said
    assert "; " in said
    assert "own template" in said


@pytest.mark.slow
@pytest.mark.parametrize("quarter_turns", [0, 2])
@pytest.mark.parametrize("taken_for", ALL_LAYOUTS)
@pytest.mark.parametrize("layout", ALL_LAYOUTS)
def test_no_form_is_taken_for_any_other(layout: Layout, taken_for: Layout, quarter_turns: int) -> None:
    if layout is taken_for:
        return
    scan = scanned(layout, Wear(skew_degrees=-0.8, quarter_turns=quarter_turns, noise=2))
    with pytest.raises(NoMatch):
        align(page_of(scan.pixels), template_of(taken_for))


@pytest.mark.parametrize("quarter_turns", [0, 1])
@pytest.mark.parametrize("layout", [visit_record, class_marks, aruco_form])
def test_a_blank_sheet_with_dust_is_blank_and_no_failure(layout: Layout, quarter_turns: int) -> None:
    paper = np.full(drawn(layout).picture.shape, 255, np.uint8)
    how = Wear(specks=60, noise=4, shade=20, folds=1, skew_degrees=2, lid=120, quarter_turns=quarter_turns)
    sheet = wear(paper, DPI, how, np.random.default_rng(3))
    with pytest.raises(BlankPage, match=r"^back\.png: the page is blank"):
        align(page_of(sheet.pixels, "back.png"), template_of(layout))
    with pytest.raises(BlankPage):
        straightened(page_of(sheet.pixels, "back.png"))


def test_a_page_of_text_is_no_blank_page_but_another_form() -> None:
    sheet = Sheet((210, 297), DPI)
    for line in range(30):
        sheet.text(20, 30 + 8 * line, "Dear colleague, here are the forms of last month", 3)
    with pytest.raises(NoMatch):
        align(page_of(sheet.pixels), template_of(visit_record))


# --- what tells up from down -----------------------------------------------------------------------------------------


def symmetrical() -> DrawnForm:
    """Boxes and squares look the same upside down; only the words say which way is up."""
    sheet = Sheet((210, 297), DPI)
    markers = sheet.corner_squares()
    height_mm = 297.0
    fields = []
    for number, top in enumerate((90.0, 120.0), 1):
        upper = sheet.boxes(76.0, top, 7, (7.0, 9.0), 1.5)
        lower = sheet.boxes(76.0, height_mm - top - 9.0, 7, (7.0, 9.0), 1.5)
        fields += [Field(f"upper_{number}", upper), Field(f"lower_{number}", lower)]
    sheet.text(40, 30, "Borehole record", 5)
    sheet.text(40, 40, "Depth first, then the day", 2.6)
    for number, top in enumerate((90.0, 120.0), 1):
        sheet.text(30, top + 6, f"Depth {number}", 2.6)
    return DrawnForm("borehole", sheet.pixels, DPI, tuple(fields), markers)


@pytest.mark.parametrize("quarter_turns", [0, 1, 2, 3])
def test_a_symmetrical_form_upside_down_comes_out_right_by_its_reference(quarter_turns: int) -> None:
    form = symmetrical()
    rng = np.random.default_rng(5)
    page = fill(form, draw_values(form, rng), rng)
    scan = page.scan(Wear(skew_degrees=1.5, quarter_turns=quarter_turns, noise=2), rng)
    aligned = align(page_of(scan.pixels), form.template())
    assert off_mm(aligned, form, scan) < OFF_MM


@pytest.mark.parametrize("quarter_turns", [0, 2])
def test_a_symmetrical_form_without_reference_is_refused_rather_than_guessed(quarter_turns: int) -> None:
    form = symmetrical()
    scan = wear(form.picture, DPI, Wear(quarter_turns=quarter_turns), np.random.default_rng(1))
    with pytest.raises(NoMatch):
        align(page_of(scan.pixels), replace(form.template(), reference=None))


@pytest.mark.parametrize("quarter_turns", [0, 1, 2, 3])
@pytest.mark.parametrize("layout", [visit_record, aruco_form])
def test_markers_alone_are_enough_where_the_form_is_not_symmetrical(layout: Layout, quarter_turns: int) -> None:
    scan = scanned(layout, Wear(skew_degrees=-2.5, quarter_turns=quarter_turns, noise=3))
    aligned = align(page_of(scan.pixels), replace(template_of(layout), reference=None))
    assert aligned.match.method == "markers"
    assert off_mm(aligned, drawn(layout), scan) < OFF_MM


@pytest.mark.parametrize("corner", range(4))
@pytest.mark.parametrize("layout", [visit_record, aruco_form])
def test_a_page_with_a_torn_corner_is_still_found_by_its_print(layout: Layout, corner: int) -> None:
    scan = scanned(layout, Wear(skew_degrees=1.2, noise=2))
    pixels = scan.pixels.copy()
    height, width = pixels.shape
    torn = round(26 * scan.dpi / MM_PER_INCH)
    rows = slice(0, torn) if corner < 2 else slice(height - torn, height)
    columns = slice(0, torn) if corner in (0, 3) else slice(width - torn, width)
    pixels[rows, columns] = 250
    aligned = align(page_of(pixels), template_of(layout))
    assert off_mm(aligned, drawn(layout), scan) < OFF_MM


@pytest.mark.parametrize("layout", [visit_record, aruco_form])
def test_three_marks_are_enough_without_reference_and_two_are_not(layout: Layout) -> None:
    scan = scanned(layout, Wear(skew_degrees=1, noise=2))
    template = replace(template_of(layout), reference=None)
    pixels = scan.pixels.copy()
    pixels[:200, :200] = 250
    assert off_mm(align(page_of(pixels), template), drawn(layout), scan) < 2 * OFF_MM
    pixels[:200, -200:] = 250
    with pytest.raises(NoMatch):
        align(page_of(pixels), template)


def test_a_filled_reference_is_matched_with_and_never_subtracted() -> None:
    grey = np.asarray(cv2.cvtColor(filled(class_marks).picture, cv2.COLOR_BGR2GRAY), np.uint8)
    template = replace(template_of(class_marks), reference=grey, reference_filled=True)
    rng = np.random.default_rng(9)
    scan = fill(drawn(class_marks), {"r01.number": "12345"}, rng).scan(Wear(skew_degrees=1, noise=2), rng)
    aligned = align(page_of(scan.pixels), template)
    assert off_mm(aligned, drawn(class_marks), scan) < OFF_MM
    assert aligned.reference is None


def test_a_page_of_unknown_form_is_only_straightened() -> None:
    scan = scanned(visit_record, Wear(skew_degrees=3, noise=2))
    aligned = straightened(page_of(scan.pixels))
    assert aligned.match.method == "none"
    top_left, top_right = cv2.perspectiveTransform(np.array([[[0.0, 0.0], [1000.0, 0.0]]]), aligned.to_scan)[0]
    angle = np.degrees(np.arctan2(*(top_right - top_left)[::-1]))
    assert angle == pytest.approx(3, abs=0.3)


@pytest.mark.parametrize("layout", [visit_record, class_marks, meter_card])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_photograph_of_an_unknown_form_is_seen_from_straight_above(layout: Layout, seed: int) -> None:
    scan = scanned(layout, Wear(bend_mm=8, shade=30, noise=2), seed)
    as_scanned, upright = np.eye(3), straightened(page_of(scan.pixels)).to_scan
    assert slant_degrees(as_scanned, drawn(layout), scan) > 0.7
    assert slant_degrees(upright, drawn(layout), scan) < 0.35


def slant_degrees(to_scan: NDArray[np.float64], form: DrawnForm, scan: Scan) -> float:
    """Measure the steepest of the boxes' sides once a page is brought upright."""
    corners = scan.place(corners_of(form.fields))
    upright = cv2.perspectiveTransform(corners[None], np.linalg.inv(to_scan))[0]
    top_left, bottom_left, top_right, _ = upright.reshape(4, -1, 2)
    across, down = top_right - top_left, bottom_left - top_left
    return float(np.degrees(np.maximum(np.abs(across[:, 1] / across[:, 0]), np.abs(down[:, 0] / down[:, 1]))).max())


# --- near twins, and several forms -----------------------------------------------------------------------------------


@cache
def plan() -> Plan:
    return draw_plan(np.random.default_rng((1, 5)))


@cache
def form_of(twin: str) -> DrawnForm:
    changed = TWINS[twin](plan(), np.random.default_rng(4)) if twin else plan()
    return printed(changed, 150, twin or "own")


def lying(twin: str, how: Lay, seed: int = 2) -> tuple[Page, Lying]:
    form, rng = form_of(twin), np.random.default_rng(seed)
    written = fill(form, draw_values(form, rng, empty=0.5), rng).picture
    pixels, place = laid(written, form.dpi, how, rng)
    return page_of(pixels), place


@pytest.mark.parametrize(
    "twin", [twin if number < 2 else pytest.param(twin, marks=pytest.mark.slow) for number, twin in enumerate(TWINS)]
)
def test_a_form_of_the_same_house_with_one_thing_changed_is_refused(twin: str) -> None:
    page, _ = lying(twin, Lay(skew_degrees=1))
    with pytest.raises(NoMatch, match="no page of the form 'own'"):
        align(page, form_of("").template())


def table(*counts: int) -> DrawnForm:
    """Print a table of so many boxes in each row."""
    rows = tuple(
        Row(f"{letter} count", 45.0 + 9 * number, 70.0, count)
        for number, (letter, count) in enumerate(zip("ABCDEF", counts, strict=False))
    )
    return printed(replace(plan(), style="table", box=(7.5, 9.0), gap=0.0, rows=rows), 150, "own")


@pytest.mark.parametrize("shorter", [(9, 8, 9, 9, 8, 9), (8, 9, 9, 8, 9, 9)])
def test_a_table_of_which_rows_lack_their_last_box_is_another_form(shorter: tuple[int, ...]) -> None:
    form, rng = table(*shorter), np.random.default_rng(3)
    pixels, _ = laid(fill(form, draw_values(form, rng), rng).picture, form.dpi, Lay(skew_degrees=1), rng)
    with pytest.raises(NoMatch, match="2 boxes missing"):
        align(page_of(pixels), table(9, 9, 9, 9, 9, 9).template())


def test_a_line_that_lost_its_toner_at_the_end_of_a_row_makes_no_other_form() -> None:
    form, rng = table(9, 9, 9, 9, 9, 9), np.random.default_rng(3)
    written = fill(form, draw_values(form, rng), rng).picture.copy()
    x, y, width, height = map(round, form.fields[2].boxes[-1])
    written[y + 4 : y + height - 4, x + width - 5 : x + width + 6] = 255
    pixels, _ = laid(written, form.dpi, Lay(skew_degrees=1), rng)
    assert align(page_of(pixels), form.template()).match.score > 0.9


@pytest.mark.parametrize(("between_mm", "is_own"), [((240, 297), True), ((10, 40), False)])
def test_print_a_little_off_is_own_far_beyond_the_boxes_where_no_bend_shows_and_another_form_s_near_them(
    between_mm: tuple[int, int], *, is_own: bool
) -> None:
    form, rng = table(9, 9, 9, 9), np.random.default_rng(3)
    written = fill(form, draw_values(form, rng), rng).picture.copy()
    top, bottom = (round(mm / MM_PER_INCH * form.dpi) for mm in between_mm)
    written[top:bottom] = np.roll(written[top:bottom], round(3 / MM_PER_INCH * form.dpi), axis=0)
    pixels, _ = laid(written, form.dpi, Lay(skew_degrees=0.5), rng)
    with nullcontext() if is_own else pytest.raises(NoMatch, match="words"):
        assert align(page_of(pixels), form.template()).match.score > 0.9


def test_a_row_with_a_box_more_makes_another_form_and_a_stroke_of_the_pen_as_high_does_not() -> None:
    own, more, rng = table(9, 9, 9, 9, 9, 9), table(9, 9, 10, 9, 9, 9), np.random.default_rng(3)
    pixels, _ = laid(fill(more, draw_values(more, rng), rng).picture, more.dpi, Lay(skew_degrees=1), rng)
    with pytest.raises(NoMatch, match="boxes that it does not have"):
        align(page_of(pixels), own.template())
    signed = fill(own, draw_values(own, rng), rng).picture.copy()
    stroke = np.array([[64, 175], [70, 175], [70, 168], [76, 168]]) / MM_PER_INCH * own.dpi
    cv2.polylines(signed, [stroke.round().astype(np.int32)], isClosed=False, color=30, thickness=3)
    pixels, _ = laid(signed, own.dpi, Lay(skew_degrees=0.5), rng)
    assert align(page_of(pixels), own.template()).match.score > 0.9


@pytest.mark.parametrize(
    ("layout", "hardship", "seed"),
    [
        pytest.param("census", "dirty", 1, id="punched holes as high as the boxes"),
        pytest.param("permit", "small", 11, id="hairlines between boxes among writing"),
        pytest.param("order", "pale", 0, id="a word that lost more toner than the others"),
    ],
)
def test_wear_that_resembles_another_form_refuses_no_own_page(layout: str, hardship: str, seed: int) -> None:
    form, rng = blank(layout), np.random.default_rng(seed)
    with_toner_lost = poorly_printed(form, rng) if hardship == "pale" else form
    values = draw_values(form, rng, empty=0.6 if layout == "census" else 0.08)
    scan = fill(with_toner_lost, values, rng).scan(HARDSHIPS[hardship](form, rng), rng)
    grey = scan.pixels if scan.pixels.ndim == 2 else np.asarray(cv2.cvtColor(scan.pixels, cv2.COLOR_BGR2GRAY), np.uint8)
    assert align(page_of(grey), form.template()).match.score > 0.8


def dropout(*lefts: float) -> DrawnForm:
    """Print rows of pale boxes, which a 1-bit scan drops, beginning so many millimetres from the left."""
    rows = tuple(
        Row(f"{letter} counted", 45.0 + 11 * number, left, 9)
        for number, (letter, left) in enumerate(zip("ABCDEF", lefts, strict=True))
    )
    return printed(replace(plan(), style="separate", box=(7.5, 9.0), gap=1.5, rows=rows, grey=190), 150, "own")


def one_bit(form: DrawnForm, *, empty: float = 0.0) -> tuple[Page, Lying]:
    rng = np.random.default_rng(3)
    written = fill(form, draw_values(form, rng, empty=empty), rng).picture
    pixels, place = laid(written, form.dpi, Lay(skew_degrees=1, one_bit=True), rng)
    return page_of(pixels), place


@pytest.mark.parametrize("empty", [0.0, 1.0])
def test_a_page_whose_pale_frame_a_scanner_dropped_is_matched_by_its_words(empty: float) -> None:
    form = dropout(70, 70, 70, 70, 70, 70)
    page, place = one_bit(form, empty=empty)
    aligned = align(page, form.template())
    true = [place.place(rectangle_corners(box)) for field in form.fields for box in field.boxes]
    placed = [box.corners for box in place_boxes(aligned, form.template())]
    assert aligned.match.score < 0.1
    assert np.abs(np.array(placed) - true).max() < 0.3 / MM_PER_INCH * form.dpi


def test_a_page_without_frame_whose_writing_stands_beside_the_boxes_is_refused() -> None:
    page, _ = one_bit(dropout(74, 74, 74, 74, 74, 74))
    with pytest.raises(NoMatch, match="too little"):
        align(page, dropout(70, 70, 70, 70, 70, 70).template())


def test_a_page_without_frame_of_a_form_whose_frame_is_as_dark_as_its_words_is_refused() -> None:
    page, _ = one_bit(dropout(70, 70, 70, 70, 70, 70))
    with pytest.raises(NoMatch, match="too little"):
        align(page, printed(replace(plan(), style="separate"), 150, "own").template())


def test_a_mirrored_page_is_refused() -> None:
    page, _ = lying("", Lay(skew_degrees=1))
    with pytest.raises(NoMatch):
        align(replace(page, pixels=np.ascontiguousarray(page.pixels[:, ::-1])), form_of("").template())


@pytest.mark.parametrize(
    "how",
    [
        Lay(skew_degrees=13, scale=0.9, quarter_turns=1),
        Lay(scale=1.08),
        Lay(shear=0.03, scale=0.97, quarter_turns=2),
        Lay(feed=0.02, scale=0.98),
        Lay(cut_mm=10),
        Lay(skew_degrees=6, tilt=0.05, table=True, shade=0.4, curl_mm=2.0, contrast=0.8, jpeg=60),
    ],
)
def test_boxes_are_cut_exactly_however_the_paper_lies(how: Lay) -> None:
    page, place = lying("", how)
    form = form_of("")
    aligned = align(page, form.template())
    for box, rectangle in zip(
        place_boxes(aligned, form.template()), (b for f in form.fields for b in f.boxes), strict=True
    ):
        true = place.place(rectangle_corners(rectangle))
        if (true > 1).all() and (true < np.array(page.pixels.shape[::-1]) - 2).all():
            assert np.hypot(*(box.corners - true).T).max() / form.px_per_mm < OFF_MM


@pytest.mark.slow
@pytest.mark.parametrize("order", [1, pytest.param(-1, marks=pytest.mark.slow)])
@pytest.mark.parametrize("shown", ["", "other page", "rows more"])
def test_each_page_goes_to_its_own_of_several_near_twins(shown: str, order: int) -> None:
    templates = [form_of(twin).template() for twin in ("", "other page", "rows more")][::order]
    page, _ = lying(shown, Lay(skew_degrees=-1))
    aligned, template = align_to_any(page, [template_of(meter_card), *templates])
    assert template.name == form_of(shown).name
    assert aligned.match.score > 0.7


def test_a_page_that_could_be_of_two_forms_is_refused_with_both_names() -> None:
    page, _ = lying("", Lay(skew_degrees=1))
    own = form_of("").template()
    with pytest.raises(NoMatch, match=r"could be of the form '(own|copy)' or of '(own|copy)'"):
        align_to_any(page, [own, replace(own, name="copy")])


def test_a_page_of_no_form_says_which_came_nearest_and_how_near() -> None:
    page, _ = lying("row moved", Lay(skew_degrees=1))
    with pytest.raises(NoMatch, match=r"no page of any form given, nearest 'own' \(\d+% of its printed") as refusal:
        align_to_any(page, [template_of(meter_card), form_of("").template()])
    assert refusal.value.score > 0.5


def test_a_blank_sheet_is_blank_for_several_forms_too() -> None:
    with pytest.raises(BlankPage):
        align_to_any(page_of(np.full((1000, 700), 250, np.uint8)), [form_of("").template(), template_of(meter_card)])


def test_a_filled_page_so_pale_that_it_could_pass_for_blank_is_refused_not_skipped() -> None:
    scan = scanned(meter_card, Wear(skew_degrees=1)).pixels.astype(np.float64)
    noise = np.random.default_rng(3).normal(0, 2, scan.shape)
    pale = np.clip(250 - 0.05 * (250 - scan) + noise, 0, 255).astype(np.uint8)
    with pytest.raises(TooPoor, match="too pale"):
        align(page_of(pale), template_of(meter_card))
    with pytest.raises(BlankPage):  # the back of the same sheet, print showing through
        align(page_of(np.ascontiguousarray(pale[:, ::-1])), template_of(meter_card))
