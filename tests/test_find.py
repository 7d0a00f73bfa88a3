"""Boxes of every kind of printed frame are found: on blanks, and on written and worn pages without a template."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from formreader.align import straightened, upright_picture
from formreader.boxes import darkest, find_fields, find_form_fields, named_by_tables
from formreader.errors import NoBoxes
from formreader.pipeline import find_form, find_sheets
from formreader.scans import save_picture
from formreader.template import Field, Rectangle
from formreader.values import Grey, Page, PageRef
from tests.drawing import DrawnForm, Wear, draw_mild, draw_values, fill, wear
from tests.drawing_frames import FormSheet
from tests.drawing_hardships import photographed
from tests.drawing_layouts import LAYOUTS, blank
from tests.drawing_sheet import MM_PER_INCH, Sheet

Place = Callable[[NDArray[np.float64]], NDArray[np.float64]]
WRITTEN = tuple(name for name in LAYOUTS if name != "invoice")  # its wide boxes are asked for by name
LOST = {"lab": 0.02}  # strokes fill boxes of 3 mm; elsewhere one in a hundred
SOME = ("account", "diary", "gradebook", "permit", "tax-return")


def overlap(a: Rectangle, others: NDArray[np.float64]) -> NDArray[np.float64]:
    """Intersection over union of one box with each of many."""
    if not len(others):
        return np.zeros(1)
    x, y, width, height = a
    wide = np.minimum(x + width, others[:, 0] + others[:, 2]) - np.maximum(x, others[:, 0])
    tall = np.minimum(y + height, others[:, 1] + others[:, 3]) - np.maximum(y, others[:, 1])
    shared = wide.clip(0) * tall.clip(0)
    share: NDArray[np.float64] = shared / (width * height + others[:, 2] * others[:, 3] - shared)
    return share


def placed(box: Rectangle, place: Place) -> Rectangle:
    x, y, width, height = box
    corners = place(np.array([[x, y], [x + width, y], [x + width, y + height], [x, y + height]]))
    xs, ys = np.sort(corners[:, 0]).reshape(2, 2).mean(axis=1), np.sort(corners[:, 1]).reshape(2, 2).mean(axis=1)
    return float(xs[0]), float(ys[0]), float(xs[1] - xs[0]), float(ys[1] - ys[0])


def missed_and_false(form: DrawnForm, fields: tuple[Field, ...], place: Place) -> tuple[dict[str, int], int]:
    """Count by kind of frame the boxes that were not found, and what was found that is no box."""
    found = np.array([box for field in fields for box in field.boxes]).reshape(-1, 4)
    is_box = np.zeros(len(found), bool)
    missed: dict[str, int] = defaultdict(int)
    for field in form.fields:
        also = form.also.get(field.name, field.boxes)
        for ways in zip(field.boxes, also, strict=True):
            hits = np.max([overlap(placed(box, place), found) for box in ways], axis=0) >= 0.7
            missed[form.frames[field.name]] += not hits.any()
            if len(found):
                is_box |= hits
    return {kind: count for kind, count in missed.items() if count}, int(np.count_nonzero(~is_box))


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_kind_of_frame_is_found_on_a_blank_and_nothing_else(name: str) -> None:
    form = blank(name)
    pixels = darkest(form.picture, form.colour)
    fields = find_fields(pixels, form.dpi, wide=name == "invoice")
    assert missed_and_false(form, fields, lambda points: points) == ({}, 0)


def worn(name: str, how: Wear, seed: int) -> tuple[DrawnForm, Grey, Place]:
    """Fill, wear and straighten a page as reading without a template does; gives where points of the form lie."""
    form, rng = blank(name), np.random.default_rng(seed)
    scan = wear(
        fill(form, draw_values(form, rng), rng).picture, form.dpi, replace(how, colour=form.colour is not None), rng
    )
    colour = scan.pixels if scan.pixels.ndim == 3 else None
    page = straightened(Page(PageRef(Path("scan.png")), darkest(scan.pixels, colour), None, how.dpi))
    height, width = page.pixels.shape
    back = np.linalg.inv(page.to_scan)
    return (
        form,
        upright_picture(page, width, height),
        lambda points: cv2.perspectiveTransform(np.asarray(scan.place(points), np.float64)[None], back)[0],
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", SOME)
def test_every_kind_of_frame_is_found_on_a_written_and_worn_page(name: str) -> None:
    form, pixels, place = worn(name, draw_mild(np.random.default_rng(3), 200), 0)
    count = sum(len(field.boxes) for field in form.fields)
    missed, false = missed_and_false(form, find_fields(pixels, 200, blank=False), place)
    assert sum(missed.values()) <= 0.01 * count, missed
    assert false <= 0.01 * count


@pytest.mark.slow
@pytest.mark.parametrize("name", WRITTEN)
def test_nearly_all_boxes_are_found_on_many_worn_pages(name: str) -> None:
    missed = false = count = 0
    for seed in range(6):
        form, pixels, place = worn(name, draw_mild(np.random.default_rng(seed), 200), seed)
        lost, wrong = missed_and_false(form, find_fields(pixels, 200, blank=False), place)
        missed, false, count = (
            missed + sum(lost.values()),
            false + wrong,
            count + sum(len(f.boxes) for f in form.fields),
        )
    assert missed <= LOST.get(name, 0.01) * count
    assert false <= LOST.get(name, 0.01) * count


# --- what is read together


@cache
def table() -> tuple[DrawnForm, tuple[Field, ...]]:
    form = blank("gradebook")
    return form, find_form_fields(form.picture, form.dpi).fields


def test_a_tables_head_says_which_cells_are_one_field() -> None:
    form, fields = table()
    assert [len(field.boxes) for field in fields] == [1] * len(form.fields)


def test_fields_of_a_table_are_named_by_row_and_column() -> None:
    form, fields = table()
    names = [field.name for field in named_by_tables(fields, 0.6 * form.dpi / MM_PER_INCH)]
    assert names[:7] == [*(f"row01_col{k}" for k in range(1, 7)), "row02_col1"]
    assert names[-1] == "row22_col6"


def test_a_comb_is_one_field() -> None:
    form = blank("tax-return")
    fields = find_fields(form.picture, form.dpi)
    assert [len(field.boxes) for field in fields] == [len(field.boxes) for field in form.fields]


def test_what_was_left_out_is_counted() -> None:
    sheet = Sheet((210, 297), 200)
    sheet.boxes(40, 80, 4)
    sheet.box(40, 50, 50, 11)
    for i, label in enumerate(("Mo", "Tu", "We")):
        sheet.box(40 + 9 * i, 110, 9, 9, 0.3)
        sheet.text(44.5 + 9 * i, 116, label, 2.6, middle=True)
    found = find_form_fields(np.asarray(sheet.pixels, np.uint8), 200)
    assert (len(found.fields), found.wide, found.printed) == (1, 1, 3)
    assert find_form_fields(np.asarray(sheet.pixels, np.uint8), 200, wide=True).wide == 0


# --- what is no box


def test_codes_pictures_and_letters_are_no_boxes() -> None:
    sheet = FormSheet((210.0, 297.0), 200)
    sheet.qr(20, 20, 25, "FORM/7/2041/page 1 of 3")
    sheet.picture(60, 20, 60, 40)
    sheet.band(20, 80, 170, 10, "ORDER OF HOBBIES")
    sheet.logo(150, 20, 20)
    sheet.paragraph(20, 110, 170, 12, 2.4)
    sheet.text(20, 240, "DOB 0080 HONOLULU DEED", 5)
    pixels = np.asarray(sheet.pixels, np.uint8)
    assert find_fields(pixels, 200) == ()
    assert len(find_fields(pixels, 200, blank=False)) <= 1


def test_noise_without_print_holds_no_boxes() -> None:
    noise = np.random.default_rng(1).normal(235, 9, (1754, 1240)).clip(0, 255).astype(np.uint8)
    assert find_fields(noise, 150, blank=False) == ()


# --- what is said about a blank


def test_making_a_template_tells_what_was_left_out(tmp_path: Path) -> None:
    sheet = FormSheet((210.0, 297.0), 200)
    sheet.paragraph(20, 20, 170, 8, 2.4)
    sheet.boxes(40, 80, 4)
    sheet.box(40, 60, 50, 11)
    save_picture(tmp_path / "blank.png", np.asarray(sheet.pixels, np.uint8))
    told: list[str] = []
    template, _ = find_form([tmp_path / "blank.png"], "order", note=told.append)
    assert len(template.fields) == 1
    assert told == ["wide frames left out: 1; --wide takes them for boxes of several digits"]


def test_pink_frames_are_found_by_their_colour(tmp_path: Path) -> None:
    sheet = FormSheet((210.0, 297.0), 200, colour=True)
    sheet.paragraph(20, 20, 170, 8, 2.4)
    boxes = sheet.boxes(40, 80, 5, grey=(236, 226, 255))
    save_picture(tmp_path / "blank.png", np.asarray(sheet.pixels, np.uint8))
    template, _ = find_form([tmp_path / "blank.png"], "order")
    assert [len(field.boxes) for field in template.fields] == [len(boxes)]


@pytest.mark.slow
def test_only_boxes_of_the_size_asked_for_are_taken(tmp_path: Path) -> None:
    sheet = FormSheet((210.0, 297.0), 200)
    sheet.paragraph(20, 20, 170, 8, 2.4)
    small, large = sheet.boxes(40, 80, 5, (5.0, 7.0)), sheet.boxes(40, 110, 4, (9.0, 11.0))
    sheet.boxes(40, 140, 3, (4.0, 4.0))
    save_picture(tmp_path / "blank.png", np.asarray(sheet.pixels, np.uint8))
    told: list[str] = []
    template, _ = find_form([tmp_path / "blank.png"], "order", sizes=[(5, 7)], note=told.append)
    assert [len(field.boxes) for field in template.fields] == [len(small)]
    assert told == ["boxes of other sizes than asked for: 7"]
    both, _ = find_form([tmp_path / "blank.png"], "order", sizes=[(5, 7), (9, 11)])
    assert [len(field.boxes) for field in both.fields] == [len(small), len(large)]
    for find in (find_form, find_sheets):
        with pytest.raises(NoBoxes, match="leave --size out"):
            find([tmp_path / "blank.png"], "order", sizes=[(12, 14)])


# --- what wear does to frames


def hits(fields: tuple[Field, ...], boxes: Sequence[Rectangle]) -> tuple[int, int]:
    """Count the boxes that were found, and what was found besides."""
    found = np.array([box for field in fields for box in field.boxes]).reshape(-1, 4)
    seen = np.array([overlap(box, found) >= 0.7 for box in boxes]).reshape(len(boxes), -1)
    return int(seen.any(axis=1).sum()), int((~seen.any(axis=0)).sum()) if len(found) else 0


def test_boxes_that_shine_through_from_the_back_are_no_boxes() -> None:
    front, back = FormSheet((210.0, 140.0), 200), FormSheet((210.0, 140.0), 200)
    boxes = [box for top in (30, 60, 90) for box in front.boxes(40, top, 10, (9.0, 11.0), 3.0)]
    for top in (36, 66, 96):
        back.boxes(45, top, 10, (9.0, 11.0), 3.0)
    behind = cv2.GaussianBlur(np.asarray(back.pixels, np.float64), (0, 0), 1.5)
    pixels = np.clip(np.asarray(front.pixels) - 0.12 * (255 - behind), 0, 255).astype(np.uint8)
    assert hits(find_fields(pixels, 200, blank=False), boxes) == (len(boxes), 0)


def test_pale_frames_beside_black_print_are_the_forms_own() -> None:
    sheet = FormSheet((210.0, 297.0), 200)
    sheet.paragraph(20, 20, 170, 12, 2.4)
    for top in (90, 150, 210):
        sheet.rule(20, top, 170, 0.5)
    boxes = [box for top in (100, 130, 160) for box in sheet.boxes(40, top, 8, (7.0, 9.0), 2.0, 0.4, 225)]
    assert hits(find_fields(np.asarray(sheet.pixels, np.uint8), 200, blank=False), boxes) == (len(boxes), 0)


def test_tiny_boxes_are_found_at_100_dpi() -> None:
    sheet = FormSheet((148.0, 105.0), 300)
    boxes = [box for top in (30, 45, 60) for box in sheet.boxes(30, top, 12, (2.8, 3.4), 1.2, 0.2)]
    coarse = cv2.GaussianBlur(np.asarray(sheet.pixels, np.uint8), (0, 0), 1.0)
    coarse = np.asarray(cv2.resize(coarse, None, fx=1 / 3, fy=1 / 3, interpolation=cv2.INTER_AREA), np.uint8)
    small = [(x / 3 - 1 / 3, y / 3 - 1 / 3, width / 3, height / 3) for x, y, width, height in boxes]
    assert hits(find_fields(coarse, 100), small) == (len(boxes), 0)


def test_a_streak_that_print_interrupts_parts_no_boxes() -> None:
    sheet = FormSheet((210.0, 140.0), 200)
    for top in (20, 115, 125):
        sheet.paragraph(20, top, 170, 1, 3.0)
    boxes = [sheet.box(40, top, 60, 12, 0.4) for top in (40, 60, 80)]
    sheet.band(20, 100, 170, 3, "")
    pixels = np.asarray(sheet.pixels, np.uint8)
    height, column = pixels.shape[0], round(70 / 25.4 * 200)
    pixels[: height - 12, column : column + 2] = np.minimum(pixels[: height - 12, column : column + 2], 90)
    assert hits(find_fields(pixels, 200, blank=False, wide=True), boxes) == (len(boxes), 0)


@pytest.mark.parametrize("missing", ["pieces", "end ticks"])
def test_combs_are_found_with_gaps_and_without_end_ticks(missing: str) -> None:
    sheet = FormSheet((210.0, 140.0), 200)
    slots = [slot for base in (40, 70, 100) for slot in sheet.comb_of_ticks(40, base, 8, 5.6, 2.8)[0]]
    pixels, px = np.asarray(sheet.pixels, np.uint8), 200 / 25.4
    for base in (40, 70, 100):
        low = round(base * px)
        for x in (47.8, 63.4, 78.2) if missing == "pieces" else ():
            pixels[low - 4 : low + 5, round(x * px) : round((x + 1.1) * px)] = 255
        for x in (40, 84.8) if missing == "end ticks" else ():
            pixels[low - 30 : low - 2, round(x * px) - 5 : round(x * px) + 6] = 255
    assert hits(find_fields(pixels, 200), slots) == (len(slots), 0)


@pytest.mark.slow
def test_a_photographed_pages_own_lines_are_straightened_not_the_tables() -> None:
    form, pixels, place = worn("diary", photographed(blank("diary"), np.random.default_rng(3)), 3)
    assert missed_and_false(form, find_fields(pixels, None, blank=False), place) == ({}, 0)


@pytest.mark.parametrize("words", ["FORM O", "PART D", "Section D", "Annex 0"])
def test_a_heading_ends_in_a_letter_not_in_a_box(words: str) -> None:
    page = Image.new("L", (1654, 1200), 250)
    for row, tall_mm in enumerate((3.0, 3.6, 4.2, 5.0, 6.0)):
        font = ImageFont.load_default(round(tall_mm / 25.4 * 200 / 0.72))
        ImageDraw.Draw(page).text((160 + 60 * row, 60 + 200 * row), words, font=font, fill=20)
    assert find_fields(cv2.GaussianBlur(np.asarray(page), (0, 0), 0.5), 200) == ()


def small_boxes() -> tuple[FormSheet, list[Rectangle]]:
    """Print boxes whose gaps are narrow, in three rows."""
    sheet = FormSheet((210.0, 140.0), 200)
    return sheet, [box for top in (30, 60, 90) for box in sheet.boxes(40, top, 8, (3.4, 4.6), 0.9, 0.3)]


def test_a_stem_in_a_box_makes_no_box_of_it_and_the_gap_beside_it() -> None:
    sheet, boxes = small_boxes()
    pixels = np.asarray(sheet.pixels, np.uint8)
    for x, y, width, height in boxes[1::2]:  # a 1 at the right, as high as the box
        stem = round(x + 0.78 * width)
        pixels[round(y + 1) : round(y + height), stem : stem + 3] = 80
    assert hits(find_fields(pixels, 200, blank=False), boxes) == (len(boxes), 0)


def test_a_box_that_was_scribbled_over_is_found_in_its_row() -> None:
    sheet, boxes = small_boxes()
    pixels = np.asarray(sheet.pixels, np.uint8)
    for x, y, width, height in boxes[3::5]:
        rows = np.linspace(y + 0.15 * height, y + 0.85 * height, 9)
        zigzag = [(x + (0.2 if k % 2 else 0.8) * width, row) for k, row in enumerate(rows)]
        cv2.polylines(pixels, [np.round(zigzag).astype(np.int32)], False, 90, 4)
    assert hits(find_fields(pixels, 200, blank=False), boxes) == (len(boxes), 0)


def test_a_streak_along_the_side_of_boxes_takes_none_away() -> None:
    sheet, boxes = small_boxes()
    pixels = np.asarray(sheet.pixels, np.uint8)
    column = round(boxes[4][0]) - 4
    pixels[:, column - 1 : column + 2] = np.minimum(pixels[:, column - 1 : column + 2], 90)
    assert hits(find_fields(pixels, 200, blank=False), boxes) == (len(boxes), 0)


def test_two_boxes_whose_dividing_line_has_flaws_are_two() -> None:
    sheet = FormSheet((210.0, 140.0), 200)
    boxes = [box for top in (30, 60, 90) for box in sheet.comb_in_frame(40, top, 10, (6.2, 8.2), 0)]
    pixels = np.asarray(sheet.pixels, np.uint8)
    for x, y, width, height in boxes[1::5]:
        divider = round(x + width)
        pixels[round(y + 4) : round(y + 0.16 * height), divider - 3 : divider + 4] = 255
    assert hits(find_fields(pixels, 200, blank=False), boxes) == (len(boxes), 0)


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_form_of_combs_is_turned_upright(turns: int, tmp_path: Path) -> None:
    form = blank("tax-return")
    upright, count = form.picture, [len(field.boxes) for field in form.fields]
    save_picture(tmp_path / "lying.png", np.ascontiguousarray(np.rot90(upright, turns)))
    told: list[str] = []
    template, _ = find_form([tmp_path / "lying.png"], "tax", note=told.append)
    assert [len(field.boxes) for field in template.fields] == count
    assert any("turned upright" in line for line in told)
    assert missed_and_false(form, template.fields, lambda points: points) == ({}, 0)
