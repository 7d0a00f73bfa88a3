"""What looks like a digit, or like another one, by what is printed or lies beside it: taken off, or left open."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from formreader.crops import crop_digits
from formreader.template import Rectangle
from formreader.values import AlignedPage, Box, Crops, Grey, Match, PageRef
from tests.drawing_frames import FormSheet
from tests.drawing_pen import pen_strokes

DPI = 200
MM = DPI / 25.4
PEN_MM = 0.45


def cut(pixels: Grey, places: list[Rectangle], reference: Grey | None = None, off_mm: float = 0.0) -> Crops:
    """Cut boxes of a scan whose places are known but for `off_mm`, as a curled page's are."""
    page = AlignedPage(PageRef(Path("scan.png")), pixels, None, np.eye(3), Match(1.0, "markers"), reference)
    boxes = []
    for nth, (x, y, width, height) in enumerate(places):
        corners = np.array([[x, y], [x + width, y], [x + width, y + height], [x, y + height]], np.float64)
        boxes.append(Box(f"box_{nth}", 1, corners + np.array([off_mm * MM, 0]), on_form=(x, y, width, height)))
    return crop_digits(page, tuple(boxes))


def written(pixels: Grey, strokes: list[NDArray[np.float64]], tone: int = 40) -> Grey:
    """Write strokes, (n, 2) each in pixels, with a pen, and scan the page a little out of focus."""
    cover = pen_strokes(strokes, PEN_MM * MM, pixels.shape)
    inked = np.minimum(pixels, 255 - cover * (255 - tone))
    return np.asarray(cv2.GaussianBlur(inked.astype(np.uint8), (0, 0), 0.8), np.uint8)


def ring(middle: tuple[float, float], radii: tuple[float, float]) -> NDArray[np.float64]:
    turn = np.linspace(0, 2 * np.pi, 25)
    points: NDArray[np.float64] = np.array(middle) + np.array(radii) * np.stack([np.sin(turn), -np.cos(turn)], axis=1)
    return points


def alike(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """Correlation of two 28 x 28 digits, the best within a pixel of shift."""
    padded = np.pad(b, 1).astype(np.float64)
    shifted = [padded[y : y + 28, x : x + 28].ravel() for y in range(3) for x in range(3)]
    return max(float(np.corrcoef(a.ravel().astype(np.float64), other)[0, 1]) for other in shifted)


# --- print -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("with_reference", [False, True])
def test_a_comb_s_tick_is_no_tail_of_a_0_written_over_it(with_reference: bool) -> None:
    sheet = FormSheet((90, 40), DPI)
    slots, _ = sheet.comb_of_ticks(10, 30, 12, 5.6, 2.8)
    rings = [ring((x + 0.68 * width, y + 0.5 * height), (0.32 * width, 0.3 * height)) for x, y, width, height in slots]
    filled = written(sheet.pixels, rings[::2])
    alone = written(np.full_like(sheet.pixels, 255), rings[::2])
    crops = cut(filled, slots, sheet.pixels if with_reference else None, off_mm=0.2)
    ideal = cut(alone, slots, off_mm=0.2)
    assert set(crops.reasons[1::2]) == {"blank"}
    assert min(alike(crops.digits[row], ideal.digits[row]) for row in range(0, 12, 2)) > 0.97


@pytest.mark.parametrize("with_reference", [False, True])
def test_the_bar_of_a_7_where_a_comb_has_no_line_is_none(with_reference: bool) -> None:
    sheet = FormSheet((90, 40), DPI)
    slots, _ = sheet.comb_of_ticks(10, 30, 12, 5.6, 2.8)
    shape = np.array([[0.06, 0.02], [0.8, 0.0], [0.6, 0.5], [0.5, 0.8]])
    seven = shape * slots[4][2:] + slots[4][:2]
    crops = cut(written(sheet.pixels, [seven]), slots, sheet.pixels if with_reference else None)
    ideal = cut(written(np.full_like(sheet.pixels, 255), [seven]), slots)
    assert alike(crops.digits[4], ideal.digits[4]) > 0.95


def test_the_darker_half_of_a_line_printed_with_little_toner_is_no_foot_of_a_7() -> None:
    sheet = FormSheet((120, 40), DPI)
    boxes = [sheet.box(8 + 10.5 * k, 12, 7.5, 9.5, 0.35, 150) for k in range(10)]
    for x, y, width, height in boxes[::3]:
        low = slice(round(y + height) - 4, round(y + height) + 5)
        pale = slice(round(x) - 4, round(x + 0.45 * width))
        sheet.pixels[low, pale] = np.maximum(sheet.pixels[low, pale], 232)
    sevens = [
        np.array([[0.3, 0.2], [0.7, 0.22], [0.5, 0.6], [0.4, 1.03]]) * (width, height) + (x, y)
        for x, y, width, height in boxes
    ]
    filled = written(sheet.pixels, sevens, tone=175)
    alone = written(np.full_like(sheet.pixels, 255), sevens, tone=175)
    crops, ideal = cut(filled, boxes), cut(alone, boxes)
    assert min(alike(*both) for both in zip(crops.digits, ideal.digits, strict=True)) > 0.9


def test_a_line_thicker_in_part_than_it_was_found_is_not_surely_the_foot_of_a_7() -> None:
    sheet, boxes = plain_boxes()
    x, y, width, height = boxes[7]
    sheet.pixels[round(y + height) + 2 : round(y + height) + 4, round(x + 0.35 * width) : round(x + 0.7 * width)] = 0
    seven = [np.array([[0.3, 0.2], [0.8, 0.22], [0.65, 0.6], [0.6, 1.15]]) * (width, height) + (x, y)]
    crops = cut(written(sheet.pixels, seven, tone=60), boxes)
    whole = cut(written(np.full_like(sheet.pixels, 255), seven, tone=60), boxes)
    assert set(crops.others) == {7}
    assert alike(crops.others[7], whole.digits[7]) > 0.9 > 0.7 > alike(crops.digits[7], whole.digits[7])


# --- strokes along a line of the frame --------------------------------------------------------------------------------


def test_a_5_whose_bar_lies_on_the_frame_apart_from_the_rest_is_not_surely_a_6() -> None:
    sheet, boxes = plain_boxes()
    x, y, width, height = boxes[7]
    rest = np.array([[0.25, 0.16], [0.27, 0.5], [0.5, 0.42], [0.58, 0.55], [0.4, 0.66], [0.25, 0.6]])
    bar = np.array([[0.4, 0.0], [0.55, -0.035], [0.7, -0.035], [0.85, 0.01]])
    strokes = [shape * (width, height) + (x, y) for shape in (rest, bar)]
    crops = cut(written(sheet.pixels, strokes, tone=120), boxes, sheet.pixels)
    lower = [stroke + np.array([0, 0.2 * height]) for stroke in strokes]
    whole = cut(written(np.full_like(sheet.pixels, 255), lower, tone=120), boxes)
    assert set(crops.others) == {7}
    assert alike(crops.others[7], whole.digits[7]) > 0.8 > 0.5 > alike(crops.digits[7], whole.digits[7])


def test_a_0_whose_side_lies_within_a_round_cornered_frame_is_not_surely_a_7() -> None:
    sheet = FormSheet((90, 110), DPI)
    boxes = [sheet.round_box(12 + 13 * k, 12 + 22 * row, 8, 10.5, 2.0, 0.4) for row in range(4) for k in range(5)]
    x, y, width, height = boxes[7]
    shape = np.array(
        [[0.2, 0.8], [0.29, 0.65], [0.28, 0.45], [0.18, 0.28], [0.1, 0.3], [0.0, 0.38], [-0.06, 0.5], [-0.06, 0.75]]
    )
    zero = [shape * (width, height) + (x, y)]
    crops = cut(written(sheet.pixels, zero, tone=120), boxes, sheet.pixels)
    whole = cut(written(np.full_like(sheet.pixels, 255), zero, tone=120), boxes)
    assert set(crops.others) == {7}
    assert alike(crops.others[7], whole.digits[7]) > 0.7 > 0.6 > alike(crops.digits[7], whole.digits[7])


# --- wires and scratches ---------------------------------------------------------------------------------------------


def plain_boxes() -> tuple[FormSheet, list[Rectangle]]:
    """Print four rows of five boxes."""
    sheet = FormSheet((90, 110), DPI)
    return sheet, [sheet.box(12 + 13 * k, 12 + 22 * row, 8, 10.5) for row in range(4) for k in range(5)]


def drawn_line(pixels: Grey, ends: NDArray[np.float64], width_mm: float, tone: int) -> Grey:
    fine = np.round(ends * 16).astype(np.int32)
    line = np.full_like(pixels, 255)
    cv2.line(line, fine[0].tolist(), fine[1].tolist(), tone, max(1, round(width_mm * MM)), cv2.LINE_AA, 4)
    return np.asarray(cv2.GaussianBlur(np.minimum(pixels, line), (0, 0), 0.7), np.uint8)


@pytest.mark.parametrize("lean", [-0.25, 0.0, 0.1])
def test_a_staple_in_an_empty_box_is_left_open(lean: float) -> None:
    sheet, boxes = plain_boxes()
    x, y, width, height = boxes[7]
    ends = np.array([[0.5 - lean, 0.2], [0.5 + lean, 0.8]]) * (width, height) + (x, y)
    crops = cut(drawn_line(sheet.pixels, ends, 0.5, 90), boxes, sheet.pixels)
    assert crops.reasons[7] == "ink_outside"
    assert set(crops.reasons) == {"ink_outside", "blank"}


def test_a_1_drawn_by_hand_is_taken_for_one() -> None:
    sheet, boxes = plain_boxes()
    strokes = [
        np.array([[0.5, 0.2], [0.5 + 0.02 * (-1) ** k, 0.4], [0.49, 0.62], [0.47, 0.8]]) * (width, height) + (x, y)
        for k, (x, y, width, height) in enumerate(boxes)
    ]
    assert set(cut(written(sheet.pixels, strokes), boxes, sheet.pixels).reasons) == {""}


@pytest.mark.parametrize(("slope", "on_mm"), [(0.03, 500.0), (-0.02, 500.0), (0.0, 7.0), (0.015, 9.0)])
def test_a_slanting_or_broken_streak_writes_no_1_into_empty_boxes(slope: float, on_mm: float) -> None:
    sheet, boxes = plain_boxes()
    pixels, height = sheet.pixels, sheet.pixels.shape[0]
    x, _, width, _ = boxes[2]
    for start in np.arange(0, height, (on_mm + 3) * MM):
        stop = min(height - 1.0, start + on_mm * MM)
        ends = np.array([[x + width / 2 + slope * (at - height / 2), at] for at in (start, stop)])
        pixels = drawn_line(pixels, ends, 0.2, 120)
    hand = np.array([[0.5, 0.2], [0.53, 0.4], [0.49, 0.62], [0.47, 0.8]]) * boxes[0][2:] + boxes[0][:2]
    crops = cut(written(pixels, [hand]), boxes)
    assert crops.reasons[0] == ""
    assert set(crops.reasons[1:]) <= {"blank", "ink_outside"}
