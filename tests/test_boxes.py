"""Every printed box is found and nothing else; a template's boxes land on their own printed lines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from formreader.boxes import find_fields, place_boxes
from formreader.template import Field, Rectangle
from formreader.values import AlignedPage, Box, Grey, Match, PageRef
from tests.drawing import (
    PENS,
    DrawnForm,
    Wear,
    class_marks,
    dense,
    draw_mild,
    draw_values,
    draw_writer,
    fill,
    meter_card,
    visit_record,
    wear,
)
from tests.drawing_sheet import MM_PER_INCH, Sheet

OFF_MM = 0.3
Layout = Callable[[float], DrawnForm]
LAYOUTS: tuple[Layout, ...] = (visit_record, class_marks, meter_card, dense)


@cache
def drawn(layout: Layout, dpi: float = 200) -> DrawnForm:
    return layout(dpi)


# --- finding ---------------------------------------------------------------------------------------------------------


def overlap(a: Rectangle, b: Rectangle) -> float:
    """Intersection over union."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    shared = max(0.0, width) * max(0.0, height)
    return shared / (a[2] * a[3] + b[2] * b[3] - shared)


def printed_rows(form: DrawnForm) -> list[tuple[Rectangle, ...]]:
    """Give the boxes of each field as people read them: a table's head says which cells of a row belong together."""
    return [field.boxes for field in form.fields]


def assert_found(found: Sequence[Field], expected: Sequence[tuple[Rectangle, ...]]) -> None:
    """Each row is found as one field with all its boxes, in reading order, and nothing besides."""
    assert [len(field.boxes) for field in found] == [len(row) for row in expected]
    for field, row in zip(found, expected, strict=True):
        assert all(overlap(seen, true) >= 0.7 for seen, true in zip(field.boxes, row, strict=True)), field.name


@pytest.mark.parametrize("dpi", [150, 200, 300])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_blank_form_gives_all_its_boxes_and_nothing_else(layout: Layout, dpi: float) -> None:
    form = drawn(layout, dpi)
    found = find_fields(form.picture, dpi)
    assert_found(found, printed_rows(form))
    numbers = [field.name for field in found]
    digits = len(str(max(len(numbers), 10)))
    assert numbers == [f"field_{i:0{digits}}" for i in range(1, len(numbers) + 1)]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_boxes_are_found_to_the_middle_of_their_lines(layout: Layout) -> None:
    form = drawn(layout, 300)
    found = np.array([box for field in find_fields(form.picture, 300) for box in field.boxes])
    true = np.array([box for row in printed_rows(form) for box in row])
    assert np.abs(found - true).max() < 0.15 * 300 / MM_PER_INCH


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_scanned_blank_gives_the_same_boxes(layout: Layout) -> None:
    form = drawn(layout, 200)
    rng = np.random.default_rng(2)
    scan = wear(form.picture, 200, replace(draw_mild(rng, 200), skew_degrees=0.2), rng)
    placed = [
        tuple(upright_of(scan.place(np.array([[x, y], [x + w, y], [x + w, y + h], [x, y + h]]))) for x, y, w, h in row)
        for row in printed_rows(form)
    ]
    assert_found(find_fields(scan.pixels, 200), placed)


def upright_of(corners: NDArray[np.float64]) -> Rectangle:
    (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
    return float(left), float(top), float(right - left), float(bottom - top)


@pytest.mark.parametrize("layout", [visit_record, class_marks, dense])
def test_an_unknown_resolution_is_taken_for_a4(layout: Layout) -> None:
    form = drawn(layout, 200)
    assert_found(find_fields(form.picture, None), printed_rows(form))


@pytest.mark.slow
@pytest.mark.parametrize("layout", LAYOUTS)
def test_boxes_of_a_filled_page_are_found_too(layout: Layout) -> None:
    form = drawn(layout, 200)
    rng = np.random.default_rng(4)
    page = fill(form, draw_values(form, rng), rng, crossing=0.0)
    grey = np.asarray(cv2.cvtColor(page.picture, cv2.COLOR_BGR2GRAY), np.uint8)
    found = [box for field in find_fields(grey, 200, blank=False) for box in field.boxes]
    true = [box for row in printed_rows(form) for box in row]
    assert sum(any(overlap(seen, box) >= 0.7 for seen in found) for box in true) >= 0.97 * len(true)
    assert sum(any(overlap(seen, box) >= 0.7 for box in true) for seen in found) >= 0.97 * len(found)


def test_a_page_of_text_holds_no_boxes() -> None:
    sheet = Sheet((210, 297), 200)
    for line in range(32):
        sheet.text(20, 20 + 8 * line, "00 88 OO DD BB QQ: Fill in [ ] the HEMOLOGY boxes 1 II 11", 2 + line % 4)
        if line % 5 == 0:
            sheet.rule(20, 22 + 8 * line, 170, 0.3)
    assert find_fields(sheet.pixels, 200) == ()


def test_an_empty_page_holds_no_boxes() -> None:
    assert find_fields(np.full((1754, 1240), 250, np.uint8), 150) == ()


def test_cells_with_printed_labels_are_no_boxes() -> None:
    sheet = Sheet((210, 297), 200)
    for i, label in enumerate(("Mo", "Tu", "We", "Th")):
        sheet.box(40 + 9 * i, 40, 9, 9, 0.3)
        sheet.text(44.5 + 9 * i, 46, label, 2.6, middle=True)
    digits = sheet.boxes(40, 49, 4, (9.0, 9.0), 0.0, 0.3)
    assert_found(find_fields(sheet.pixels, 200), [(digit,) for digit in digits])


def guides(sheet: Sheet, box: Rectangle, grey: int = 150, dot_px: int = 2, step_px: int = 8) -> None:
    """Print the pale dotted cross that tells writers where a digit's halves go."""
    x, y, width, height = (round(side) for side in box)
    for at in range(6, width - 6, step_px):
        sheet.pixels[y + height // 2 : y + height // 2 + dot_px, x + at : x + at + dot_px] = grey
    for at in range(6, height - 6, step_px):
        sheet.pixels[y + at : y + at + dot_px, x + width // 2 : x + width // 2 + dot_px] = grey


@pytest.mark.parametrize("gap", [0.0, 2.0])
def test_dotted_guides_do_not_hide_a_box(gap: float) -> None:
    sheet = Sheet((210, 297), 200)
    rows = [sheet.boxes(40, top, 5, (8.0, 10.0), gap) for top in (50.0, 80.0)]
    for row in rows:
        for box in row:
            guides(sheet, box)
    assert_found(find_fields(sheet.pixels, 200), rows)


def test_fields_of_one_line_are_read_left_to_right_then_down() -> None:
    sheet = Sheet((210, 297), 200)
    right = sheet.boxes(130, 49, 3)  # a millimetre higher than its neighbour
    left = sheet.boxes(30, 50, 4)
    below = sheet.boxes(80, 70, 2)
    assert_found(find_fields(sheet.pixels, 200), [left, right, below])


def test_wide_frames_are_taken_only_where_asked_for() -> None:
    sheet = Sheet((210, 297), 200)
    wide = sheet.box(40, 50, 50, 11)
    row = sheet.boxes(40, 80, 4)
    assert_found(find_fields(sheet.pixels, 200), [row])
    found = find_fields(sheet.pixels, 200, wide=True)
    assert_found(found, [(wide,), row])
    assert found[0].length[0] == 1
    assert found[0].length[1] >= 5
    assert found[1].length == (1, 1)


# --- placing ---------------------------------------------------------------------------------------------------------


def aligned(pixels: Grey, to_scan: NDArray[np.float64] | None = None) -> AlignedPage:
    to_scan = np.eye(3) if to_scan is None else to_scan
    return AlignedPage(PageRef(Path("scan.png")), pixels, None, to_scan, Match(0.9, "markers"))


def off_mm(placed: Sequence[Box], form: DrawnForm, to_scan: NDArray[np.float64]) -> float:
    """By how much the worst corner lies off its line, in millimetres."""
    worst = 0.0
    for box in placed:
        x, y, width, height = form.field(box.field).boxes[box.position - 1]
        corners = np.array([[[x, y], [x + width, y], [x + width, y + height], [x, y + height]]])
        true = cv2.perspectiveTransform(corners, to_scan)[0]
        worst = max(worst, float(np.abs(box.corners - true).max()))
    return worst / form.dpi * MM_PER_INCH


@cache
def grey_page(layout: Layout, seed: int = 3, crossing: float = 0.06) -> Grey:
    rng = np.random.default_rng(seed)
    page = fill(drawn(layout), draw_values(drawn(layout), rng), rng, crossing=crossing)
    return np.asarray(cv2.cvtColor(page.picture, cv2.COLOR_BGR2GRAY), np.uint8)


@pytest.mark.slow
@pytest.mark.parametrize("filled", [False, True])
@pytest.mark.parametrize("shift_mm", [(1.0, 0.0), (0.0, -1.0), (-0.7, 0.7)])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_map_that_is_a_millimetre_off_snaps_to_the_frames(
    layout: Layout, shift_mm: tuple[float, float], filled: bool
) -> None:
    form = drawn(layout)
    off = np.eye(3)
    off[:2, 2] = np.array(shift_mm) * form.px_per_mm
    pixels = grey_page(layout) if filled else form.picture
    assert off_mm(place_boxes(aligned(pixels, off), form.template()), form, np.eye(3)) < OFF_MM


@pytest.mark.slow
@pytest.mark.parametrize("down", [False, True])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_paper_stretched_by_one_per_cent_one_way_is_followed(layout: Layout, down: bool) -> None:
    form = drawn(layout)
    pixels = grey_page(layout)
    height, width = pixels.shape
    middle = ((height if down else width) - 1) / 2
    stretch = np.eye(3)
    stretch[int(down), int(down)] = 1.01
    stretch[int(down), 2] = -0.01 * middle
    page = cv2.warpPerspective(pixels, stretch, (width, height), borderValue=255.0)
    placed = place_boxes(aligned(np.asarray(page, np.uint8)), form.template())
    assert off_mm(placed, form, stretch) < OFF_MM


@pytest.mark.slow
def test_strokes_darker_than_a_pale_frame_do_not_pull_boxes_away() -> None:
    form = drawn(meter_card)
    rng = np.random.default_rng(8)
    values = {field.name: "1471147"[: len(field.boxes)] for field in form.fields}  # upright strokes along the frame
    page = fill(form, values, rng, writer=draw_writer(rng, PENS[0]), crossing=1.0)
    grey = np.asarray(cv2.cvtColor(page.picture, cv2.COLOR_BGR2GRAY), np.uint8)
    off = np.eye(3)
    off[:2, 2] = 0.4 * form.px_per_mm
    for to_scan in (np.eye(3), off):
        assert off_mm(place_boxes(aligned(grey, to_scan), form.template()), form, np.eye(3)) < OFF_MM


@pytest.mark.parametrize("layout", LAYOUTS)
def test_boxes_come_in_the_templates_order_with_their_places(layout: Layout) -> None:
    form = drawn(layout)
    placed = place_boxes(aligned(form.picture), form.template())
    assert [(box.field, box.position) for box in placed] == [
        (field.name, position) for field in form.fields for position in range(1, len(field.boxes) + 1)
    ]
    assert [box.on_form for box in placed] == [box for field in form.fields for box in field.boxes]
    for box in placed:
        assert box.corners.shape == (4, 2)
        (left, top), (right, bottom) = box.corners[0], box.corners[2]
        assert left < right
        assert top < bottom


@pytest.mark.slow
@pytest.mark.parametrize("layout", LAYOUTS)
def test_worn_pages_keep_every_box_on_its_frame(layout: Layout) -> None:
    form = drawn(layout)
    rng = np.random.default_rng(21)
    scan = wear(grey_page(layout), form.dpi, replace(draw_mild(rng, form.dpi), skew_degrees=1.0), rng)
    nudge = np.array([[1.0, 0, 3.0], [0, 1.0, -4.0], [0, 0, 1.0]])  # pixels: half a millimetre
    placed = place_boxes(aligned(scan.pixels, nudge @ scan.to_scan), form.template())
    assert off_mm(placed, form, scan.to_scan) < OFF_MM


def test_a_page_whose_boxes_were_found_on_itself_is_left_as_it_is() -> None:
    form = drawn(visit_record)
    page = replace(aligned(form.picture), match=Match(1.0, "none"))
    assert off_mm(place_boxes(page, form.template()), form, np.eye(3)) == 0


def test_a_frame_lost_in_the_copy_keeps_the_box_at_its_mapped_place() -> None:
    form = drawn(visit_record)
    faded = np.full_like(form.picture, 255)
    assert off_mm(place_boxes(aligned(faded), form.template()), form, np.eye(3)) < OFF_MM


def test_wear_of_one_bit_keeps_boxes_on_their_frames() -> None:
    form = drawn(class_marks)
    rng = np.random.default_rng(6)
    scan = wear(grey_page(class_marks), form.dpi, Wear(skew_degrees=0.5, noise=6, one_bit_at=150), rng)
    assert off_mm(place_boxes(aligned(scan.pixels, scan.to_scan), form.template()), form, scan.to_scan) < OFF_MM
