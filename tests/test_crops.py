"""What is cut out of a box is the whole writing of that box, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from formreader.crops import CropParams, crop_digits, pictures_of
from formreader.crops.upright import without_passing
from formreader.values import AlignedPage, Box, Colour, Crops, Grey, Ink, Match, PageRef
from tests.drawing import (
    PENS,
    DigitStock,
    DrawnForm,
    Filled,
    Pen,
    Scan,
    Wear,
    aruco_form,
    class_marks,
    dense,
    draw_mild,
    draw_writer,
    fill,
    meter_card,
    source_digits,
    visit_record,
    wear,
)
from tests.drawing_layouts import blank
from tests.drawing_sheet import Sheet

DPI = 200
STROKE = 96  # ink over this belongs to a stroke, not to its soft edge
Layout = Callable[[float], DrawnForm]
LAYOUTS: tuple[Layout, ...] = (visit_record, class_marks, meter_card, aruco_form, dense)


@cache
def drawn(layout: Layout) -> DrawnForm:
    return layout(DPI)


@cache
def digits_everywhere(layout: Layout, crossing: float, pen: int = 0, seed: int = 11, printed: bool = True) -> Filled:
    """Fill every box with a digit; without print the same strokes stand on empty paper."""
    form = drawn(layout)
    paper = form if printed else replace(form, picture=np.full_like(form.picture, 255))
    rng = np.random.default_rng(seed)
    values = {f.name: "".join(map(str, rng.integers(0, 10, len(f.boxes)))) for f in form.fields[:12]}
    return fill(paper, values, rng, writer=draw_writer(rng, PENS[pen]), stock=DigitStock(rng), crossing=crossing)


def boxes_of(form: DrawnForm, scan: Scan | None = None) -> tuple[Box, ...]:
    """Give all boxes at their true places."""
    boxes = []
    for field in form.fields:
        for position, (x, y, width, height) in enumerate(field.boxes, 1):
            corners = np.array([[x, y], [x + width, y], [x + width, y + height], [x, y + height]], np.float64)
            placed = scan.place(corners) if scan else corners
            boxes.append(Box(field.name, position, placed, on_form=(x, y, width, height)))
    return tuple(boxes)


def grey_of(picture: Grey | Colour) -> Grey:
    return picture if picture.ndim == 2 else np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8)


def cut(
    picture: Grey | Colour, boxes: tuple[Box, ...], *, reference: Grey | None = None, in_colour: bool = False
) -> Crops:
    page = AlignedPage(
        PageRef(Path("scan.png")),
        grey_of(picture),
        picture if in_colour else None,
        np.eye(3),
        Match(1.0, "markers"),
        reference,
    )
    return crop_digits(page, boxes)


def alike(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """Correlation of two 28 x 28 digits, the best within a pixel of shift."""
    padded = np.pad(b, 1).astype(np.float64)
    shifted = [padded[y : y + 28, x : x + 28].ravel() for y in range(3) for x in range(3)]
    return max(float(np.corrcoef(a.ravel().astype(np.float64), other)[0, 1]) for other in shifted)


def parts(ink: Ink) -> int:
    """Count the separate strokes, specks left out."""
    if not ink.size:
        return 0
    _, _, stats, _ = cv2.connectedComponentsWithStats((ink > STROKE).astype(np.uint8), connectivity=8)
    return int(np.count_nonzero(stats[1:, cv2.CC_STAT_AREA] >= 0.01 * ink.size * 0.4))


def rows_of(page: Filled, boxes: tuple[Box, ...]) -> Iterator[tuple[int, int]]:
    """Give for each written digit its row among the boxes and its source's index."""
    place = {(box.field, box.position): row for row, box in enumerate(boxes)}
    for use in page.uses:
        yield place[use.field, use.position], use.index


# --- the contract ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", LAYOUTS)
def test_crops_keep_their_contract(layout: Layout) -> None:
    form, boxes = drawn(layout), boxes_of(drawn(layout))
    crops = cut(digits_everywhere(layout, 0.3).picture, boxes, reference=form.picture)
    assert crops.digits.dtype == np.uint8
    assert crops.digits.shape == (len(boxes), 28, 28)
    assert len(crops.inks) == len(crops.reasons) == len(boxes)
    for ink, digit, reason in zip(crops.inks, crops.digits, crops.reasons, strict=True):
        assert ink.dtype == np.uint8
        assert ink.ndim == 2
        assert bool(ink.size) == bool(digit.any())
        assert reason in ("", "blank", "ink_outside", "not_a_digit", "struck")
        if reason == "blank":
            assert not ink.size
        if digit.any():
            assert digit[0, 0] == 0  # ink is bright, paper dark
            assert digit.max() > 200


def test_no_boxes_make_no_crops() -> None:
    crops = cut(drawn(visit_record).picture, ())
    assert crops.digits.shape == (0, 28, 28)
    assert crops.inks == crops.reasons == ()


def test_wide_boxes_give_their_ink_uncut() -> None:
    sheet = Sheet((100, 60), DPI)
    x, y, width, height = sheet.box(20, 20, 50, 11)
    cv2.line(sheet.pixels, (round(x + 40), round(y + 20)), (round(x + 40), round(y + 70)), 20, 6)
    cv2.line(sheet.pixels, (round(x + 200), round(y + 20)), (round(x + 230), round(y + 70)), 20, 6)
    corners = np.array([[x, y], [x + width, y], [x + width, y + height], [x, y + height]])
    crops = cut(sheet.pixels, (Box("amount", 1, corners, (1, 5), (x, y, width, height)),))
    assert parts(crops.inks[0]) == 2
    assert not crops.digits.any()
    assert crops.reasons == ("",)


def test_a_box_at_the_edge_of_the_scan_is_cut_without_harm() -> None:
    pixels = np.full((200, 200), 250, np.uint8)
    corners = np.array([[-20.0, -20.0], [40.0, -20.0], [40.0, 60.0], [-20.0, 60.0]])
    crops = cut(pixels, (Box("lost", 1, corners),))
    assert crops.reasons == ("blank",)


def test_the_picture_for_a_person_shows_the_box_with_its_frame() -> None:
    form, boxes = drawn(visit_record), boxes_of(drawn(visit_record))
    (picture,) = pictures_of(form.picture, boxes[:1])
    assert picture.ndim == 2
    assert picture.min() < 60 < 200 < picture.max()


def test_pictures_of_many_boxes_show_the_same() -> None:
    boxes = boxes_of(drawn(visit_record))
    pixels = grey_of(digits_everywhere(visit_record, 0.0).picture)
    pictures = pictures_of(pixels, boxes)
    assert len(pictures) == len(boxes)
    for box, shown in zip(boxes, pictures, strict=True):
        assert cv2.matchTemplate(pictures_of(pixels, (box,))[0], shown[4:-4, 4:-4], cv2.TM_CCOEFF_NORMED).max() > 0.97
    assert pictures_of(pixels, ()) == []


def test_boxes_may_come_in_any_order() -> None:
    form, boxes = drawn(visit_record), boxes_of(drawn(visit_record))
    order = np.random.default_rng(3).permutation(len(boxes))
    picture = digits_everywhere(visit_record, 0.3).picture
    crops = cut(picture, boxes, reference=form.picture)
    shuffled = cut(picture, tuple(boxes[row] for row in order), reference=form.picture)
    assert np.array_equal(shuffled.digits, crops.digits[order])
    assert list(shuffled.reasons) == [crops.reasons[row] for row in order]


def test_a_box_that_is_alone_on_its_page_is_cut_like_one_of_many() -> None:
    form, boxes = drawn(visit_record), boxes_of(drawn(visit_record))
    picture = digits_everywhere(visit_record, 0.0).picture
    crops = cut(picture, boxes, reference=form.picture)
    for row in range(0, len(boxes), 9):
        alone = cut(picture, boxes[row : row + 1], reference=form.picture)
        assert alone.reasons[0] == crops.reasons[row]
        assert not crops.digits[row].any() or alike(alone.digits[0], crops.digits[row]) > 0.99


# --- digits ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("with_reference", [False, True])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_digit_inside_its_box_comes_out_as_it_was_written(layout: Layout, with_reference: bool) -> None:
    page, bare = (digits_everywhere(layout, 0.0, printed=printed) for printed in (True, False))
    boxes = boxes_of(drawn(layout))
    crops = cut(page.picture, boxes, reference=drawn(layout).picture if with_reference else None)
    truth = cut(bare.picture, boxes)
    sources, labels = source_digits()
    likeness = []
    for row, index in rows_of(page, boxes):
        # A 1 that leans from corner to corner cannot be told from a strike: a person looks at it.
        assert crops.reasons[row] in ("", "struck" if labels[index] == 1 else "")
        assert alike(crops.digits[row], truth.digits[row]) > 0.88
        likeness.append(alike(crops.digits[row], sources[index]))
    # The pen is not the source's: strokes are thinner or thicker, but the shape is the same.
    assert np.median(likeness) > 0.8
    assert np.mean(np.array(likeness) > 0.6) > 0.97


@pytest.mark.parametrize("with_reference", [False, True])
@pytest.mark.parametrize("layout", [visit_record, meter_card, dense])
def test_strokes_over_the_frame_stay_whole(layout: Layout, with_reference: bool) -> None:
    page, bare = (digits_everywhere(layout, 1.0, printed=printed) for printed in (True, False))
    boxes = boxes_of(drawn(layout))
    crops = cut(page.picture, boxes, reference=drawn(layout).picture if with_reference else None)
    truth = cut(bare.picture, boxes)
    rows = [row for row, _ in rows_of(page, boxes) if truth.inks[row].size]
    assert all(crops.reasons[row] != "blank" for row in rows)
    cut_in_two = [row for row in rows if parts(crops.inks[row]) > parts(truth.inks[row])]
    assert len(cut_in_two) <= 0.05 * len(rows)
    like = np.array([alike(crops.digits[row], truth.digits[row]) for row in rows])
    assert np.mean(like > 0.8) >= 0.9
    extent = np.array([_extent(crops.inks[row]) / _extent(truth.inks[row]) for row in rows])
    assert np.mean(extent > 0.9) >= 0.9  # the tail outside the box is there


def _extent(ink: Ink) -> float:
    rows = np.flatnonzero((ink > STROKE).any(axis=1))
    return float(np.ptp(rows) + 1) if len(rows) else 0.0


@pytest.mark.parametrize("pen", range(len(PENS)))
@pytest.mark.parametrize("layout", [visit_record, class_marks, meter_card])
def test_a_digit_is_never_called_blank_with_any_pen(layout: Layout, pen: int) -> None:
    page = digits_everywhere(layout, 0.1, pen)
    scan = page.scan(replace(draw_mild(np.random.default_rng(pen), DPI), dpi=150), np.random.default_rng(pen))
    boxes = boxes_of(drawn(layout), scan)
    crops = cut(scan.pixels, boxes)
    assert [boxes[row] for row, _ in rows_of(page, boxes) if crops.reasons[row] == "blank"] == []


def test_a_pale_pencil_is_not_blank() -> None:
    pale = Pen("hard pencil", (165, 165, 165), 0.4, (0.4, 0.5))
    form = drawn(visit_record)
    rng = np.random.default_rng(5)
    values = {field.name: "1734506892"[: len(field.boxes)] for field in form.fields}
    page = fill(form, values, rng, writer=draw_writer(rng, pale), crossing=0.0)
    scan = page.scan(Wear(dpi=DPI, blur_mm=0.04, noise=2, skew_degrees=0.5), rng)
    boxes = boxes_of(form, scan)
    crops = cut(scan.pixels, boxes)
    assert all(crops.reasons[row] != "blank" for row, _ in rows_of(page, boxes))


# --- no digits -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dpi", [150, 200])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_empty_boxes_are_blank_under_mild_wear(layout: Layout, dpi: float) -> None:
    form = drawn(layout)
    rng = np.random.default_rng(31)
    scan = wear(form.picture, form.dpi, replace(draw_mild(rng, dpi), specks=0), rng)
    assert set(cut(scan.pixels, boxes_of(form, scan)).reasons) == {"blank"}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_speck_of_dirt_in_an_empty_box_is_no_writing(layout: Layout) -> None:
    form = drawn(layout)
    rng = np.random.default_rng(32)
    scan = wear(form.picture, form.dpi, replace(draw_mild(rng, DPI), specks=0), rng)
    boxes = boxes_of(form, scan)
    dirty = scan.pixels.copy()
    for box in boxes:
        x, y = box.corners.mean(axis=0).round().astype(int).tolist()
        cv2.ellipse(dirty, (x + 3, y - 4), (2, 1), 30, 0, 360, 70, -1)  # 0.4 mm
    assert set(cut(dirty, boxes).reasons) == {"blank"}


@pytest.mark.parametrize("layout", [visit_record, class_marks])
def test_a_pale_watermark_is_blank_even_where_the_blank_is_not_known(layout: Layout) -> None:
    form = drawn(layout)
    height, width = form.picture.shape
    mark = np.full_like(form.picture, 255)
    cv2.putText(mark, "COPY", (width // 12, height * 2 // 3), cv2.FONT_HERSHEY_SIMPLEX, 14, 236, 40)
    marked = np.minimum(form.picture, mark)
    crops = cut(marked, boxes_of(form))
    assert set(crops.reasons) == {"blank"}


def test_a_neighbours_stroke_is_not_this_boxs_digit() -> None:
    form = drawn(class_marks)
    rng = np.random.default_rng(17)
    stock = DigitStock(rng)
    numbers = [field.name for field in form.fields if field.name.endswith("number")]
    values = {name: ("7_4_9", "_4_7_")[row % 2] for row, name in enumerate(numbers)}
    page = fill(form, values, rng, writer=draw_writer(rng, PENS[0]), stock=stock, crossing=1.0)
    boxes = boxes_of(form)
    written = {(use.field, use.position) for use in page.uses}
    crops = cut(page.picture, boxes)
    empty = [row for row, box in enumerate(boxes) if (box.field, box.position) not in written]
    called = {crops.reasons[row] for row in empty}
    assert called <= {"blank", "ink_outside", "not_a_digit"}
    assert "ink_outside" in called  # some do reach in: the test sees what it is about


def test_the_bar_of_a_pale_7_is_no_shade_where_boxes_stand_close() -> None:
    form = blank("census")
    rng = np.random.default_rng(5)
    pencil = next(pen for pen in PENS if pen.name == "pencil")
    values = {field.name: "7" * len(field.boxes) for field in form.fields[:20]}
    page = fill(form, values, rng, writer=draw_writer(rng, pencil), stock=DigitStock(rng), crossing=0)
    boxes = boxes_of(form)
    crops = cut(page.picture, boxes, reference=form.picture)
    place = {(box.field, box.position): row for row, box in enumerate(boxes)}
    for use in page.uses:
        assert alike(crops.digits[place[use.field, use.position]], use.drawn) > 0.9


def test_a_shadow_across_a_tables_pale_lines_is_taken_off_whole() -> None:
    columns, rows = np.arange(101.0), np.arange(118.0)
    shadow = 35 * np.exp(-(((columns - 44) / 7) ** 2))
    lines = sum(70 * np.exp(-(((rows - at) / 1.5) ** 2)) for at in (19, 97))
    darkness = np.round(shadow[None, :] + np.asarray(lines)[:, None]).astype(np.uint8)[:, None, :]
    left = without_passing(np.ascontiguousarray(darkness), CropParams())
    assert darkness[30:90, 0, 44].min() > 30
    assert left[30:90].max() < 5


# --- colour ----------------------------------------------------------------------------------------------------------

PINK = (170, 150, 255)
BLUE = (150, 60, 30)


def printed_in(form: DrawnForm, colour: tuple[int, int, int]) -> Colour:
    """Print the form's black in a colour."""
    weight = (255 - form.picture.astype(np.float32))[..., None] / 255
    return np.asarray(255 - weight * (255 - np.array(colour, np.float32)), np.uint8)


@pytest.mark.parametrize("crossing", [0.0, 1.0])
def test_blue_ink_on_a_pink_frame_is_read_without_the_frame(crossing: float) -> None:
    form = drawn(visit_record)
    bare = digits_everywhere(visit_record, crossing, pen=1, printed=False)
    boxes = boxes_of(form)
    page = np.minimum(printed_in(form, PINK), bare.picture)
    crops, truth = cut(page, boxes, in_colour=True), cut(bare.picture, boxes)
    for row, _ in rows_of(bare, boxes):
        if truth.inks[row].size:
            assert alike(crops.digits[row], truth.digits[row]) > 0.9


def test_empty_pink_boxes_are_blank() -> None:
    form = drawn(visit_record)
    assert set(cut(printed_in(form, PINK), boxes_of(form), in_colour=True).reasons) == {"blank"}


def test_a_pink_pen_on_a_pink_frame_is_not_lost() -> None:
    form = drawn(visit_record)
    rng = np.random.default_rng(3)
    pink = Pen("pink", PINK, 0.1, (0.5, 0.7))
    paper = replace(form, picture=np.full_like(form.picture, 255))
    bare = fill(paper, {"patient_id": "483920"}, rng, writer=draw_writer(rng, pink), crossing=0.0)
    boxes = boxes_of(form)
    crops = cut(np.minimum(printed_in(form, PINK), bare.picture), boxes, in_colour=True)
    assert [crops.reasons[row] for row, _ in rows_of(bare, boxes) if crops.reasons[row] == "blank"] == []


def test_writing_over_dotted_guides_is_kept_whole_where_the_blank_is_known() -> None:
    sheet = Sheet((120, 60), DPI)
    frames = sheet.boxes(20, 20, 8, (8.0, 10.0), 2.0)
    for x, y, width, height in frames:
        left, top, right, low = round(x), round(y), round(x + width), round(y + height)
        sheet.pixels[(top + low) // 2 : (top + low) // 2 + 2, left + 6 : right - 6 : 5] = 170
        sheet.pixels[top + 6 : low - 6 : 5, (left + right) // 2 : (left + right) // 2 + 2] = 170
    field = replace(drawn(visit_record).fields[0], name="guided", boxes=frames)
    form = DrawnForm("guided", sheet.pixels, DPI, (field,))
    boxes = boxes_of(form)
    made = []
    for picture in (form.picture, np.full_like(form.picture, 255)):
        rng = np.random.default_rng(23)
        paper = replace(form, picture=picture)
        made.append(fill(paper, {"guided": "80296354"}, rng, writer=draw_writer(rng, PENS[1]), crossing=0.0))
    crops = cut(made[0].picture, boxes, reference=form.picture)
    truth = cut(made[1].picture, boxes)
    for row in range(len(boxes)):
        assert parts(crops.inks[row]) == parts(truth.inks[row])
        assert alike(crops.digits[row], truth.digits[row]) > 0.9
    empty = cut(form.picture, boxes, reference=form.picture)
    assert set(empty.reasons) == {"blank"}


# --- dirt, strikes, lines --------------------------------------------------------------------------------------------


def with_streak(picture: Grey, boxes: tuple[Box, ...], share: float) -> Grey:
    """Draw a dirty glass's line down the whole page, at a share of the first box's width."""
    dirty = picture.copy()
    left, right = boxes[0].corners[0, 0], boxes[0].corners[1, 0]
    column = round(left + share * (right - left))
    dirty[:, column : column + 2] = (dirty[:, column : column + 2] * 0.5).astype(np.uint8)
    return dirty


@pytest.mark.parametrize("share", [0.2, 0.5, 0.77])
@pytest.mark.parametrize("with_reference", [False, True])
@pytest.mark.parametrize("layout", [visit_record, class_marks, dense])
def test_a_streak_down_the_page_is_no_1(layout: Layout, with_reference: bool, share: float) -> None:
    form, boxes = drawn(layout), boxes_of(drawn(layout))
    reference = form.picture if with_reference else None
    crops = cut(with_streak(form.picture, boxes, share), boxes, reference=reference)
    assert set(crops.reasons) == {"blank"}


def test_a_digit_under_a_streak_is_kept_and_flagged() -> None:
    page, boxes = digits_everywhere(visit_record, 0.0), boxes_of(drawn(visit_record))
    clean = cut(page.picture, boxes)
    crops = cut(with_streak(grey_of(page.picture), boxes, 0.5), boxes)
    flagged = [row for row, _ in rows_of(page, boxes) if crops.reasons[row] == "ink_outside"]
    assert flagged
    assert all(alike(crops.digits[row], clean.digits[row]) > 0.8 for row in flagged)


def test_what_a_punch_hole_took_is_never_called_blank_or_a_digit() -> None:
    page, boxes = digits_everywhere(visit_record, 0.0), boxes_of(drawn(visit_record))
    holed = grey_of(page.picture).copy()
    rows = [row for row, _ in rows_of(page, boxes)][::3]
    for row in rows:
        x, y = boxes[row].corners.mean(axis=0).round().astype(int).tolist()
        cv2.circle(holed, (x, y), 22, 40, -1)
    crops = cut(holed, boxes)
    assert {crops.reasons[row] for row in rows} == {"not_a_digit"}


def test_a_diagonal_through_a_box_is_a_strike() -> None:
    form, boxes = drawn(visit_record), boxes_of(drawn(visit_record))
    picture = form.picture.copy()
    for box in boxes:
        (left, top), (right, low) = box.corners[0].tolist(), box.corners[2].tolist()
        ends = (round(right - 8), round(top + 9)), (round(left + 7), round(low - 8))
        cv2.line(picture, *ends, 40, 4, cv2.LINE_AA)
    assert set(cut(picture, boxes).reasons) == {"struck"}


@pytest.mark.parametrize("with_reference", [False, True])
def test_a_stroke_within_a_line_of_the_frame_is_not_called_blank(with_reference: bool) -> None:
    form, boxes = drawn(visit_record), boxes_of(drawn(visit_record))
    picture, written = form.picture.copy(), boxes[::4]
    for box in written:
        x, top, low = round(box.corners[0, 0]), round(box.corners[0, 1]), round(box.corners[3, 1])
        cv2.line(picture, (x, top + 14), (x, low - 14), 30, 6, cv2.LINE_AA)
    crops = cut(picture, boxes, reference=form.picture if with_reference else None)
    said = [reason for box, reason in zip(boxes, crops.reasons, strict=True) if box in written]
    assert "blank" not in said
