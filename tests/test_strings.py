"""Wide boxes: several digits in one frame are read as the number they are, or flagged."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from formreader.model import DigitModel, default_model_path, load_model
from formreader.strings import read_strings
from formreader.values import CLASSES, Box, DigitReading, Digits, Ink, Reason, Thresholds
from tests.drawing import source_digits

SCALE = 3  # a source digit of 20 pixels is written 60 high, as at 200 dpi
MARGIN = 20  # the same on all four sides, as cutting leaves it


@pytest.fixture(scope="module")
def model() -> DigitModel:
    return load_model(default_model_path())


def tight(index: int) -> Ink:
    """Cut out a source digit, enlarged."""
    picture = source_digits()[0][index]
    ys, xs = np.nonzero(picture > 40)
    crop = picture[ys[0] : ys.max() + 1, xs.min() : xs.max() + 1]
    return np.kron(crop, np.ones((SCALE, SCALE), np.uint8)).astype(np.uint8)


def written(indices: Sequence[int], gap_px: int) -> tuple[Ink, Box]:
    """Write source digits side by side into a wide box; a negative gap makes their strokes run into each other."""
    pieces = [tight(index) for index in indices]
    width = sum(piece.shape[1] + gap_px for piece in pieces) + 60
    box_size = (max(width, 160), 84)
    ink = np.zeros((box_size[1] + 2 * MARGIN, box_size[0] + 2 * MARGIN), np.uint8)
    x = MARGIN + 20
    for piece in pieces:
        top = MARGIN + (box_size[1] - piece.shape[0]) // 2
        place = ink[top : top + piece.shape[0], x : x + piece.shape[1]]
        np.maximum(place, piece, out=place)
        x += piece.shape[1] + gap_px
    left, upper = 300.0, 500.0
    right, lower = left + box_size[0], upper + box_size[1]
    corners = np.array([[left, upper], [right, upper], [right, lower], [left, lower]])
    return ink, Box("amount", 1, corners, (1, 9))


def lengthened(box: Box, length: tuple[int, int]) -> Box:
    return Box(box.field, box.position, box.corners, length)


def read(
    inks: Sequence[Ink], boxes: Sequence[Box], model: DigitModel, reasons: Sequence[Reason] = ()
) -> tuple[DigitReading, ...]:
    return read_strings(inks, reasons or [""] * len(inks), boxes, model.predict_proba, Thresholds((model.threshold,)))


def value(readings: Sequence[DigitReading]) -> str:
    return "".join(reading.digit or "?" for reading in readings)


def accepted(readings: Sequence[DigitReading]) -> bool:
    return all(reading.digit and reading.digit.isdigit() and not reading.reason for reading in readings)


def chosen(count: int, size: int, seed: int) -> list[tuple[list[int], str]]:
    """Draw `count` numbers of `size` digits each, as sources and as text."""
    rng = np.random.default_rng(seed)
    labels = source_digits()[1]
    drawn = rng.choice(len(labels), (count, size), replace=False).tolist()
    return [(indices, "".join(str(labels[index]) for index in indices)) for indices in drawn]


def every_piece_is_a_one(digits: Digits) -> NDArray[np.float32]:
    shares = np.full((len(digits), len(CLASSES)), 0.001, np.float32)
    shares[:, CLASSES.index("1")] = 0.988
    return shares


@pytest.mark.parametrize("size", [2, 3, 5])
def test_separate_digits_are_read_as_the_number_they_are(model: DigitModel, size: int) -> None:
    numbers = chosen(30, size, seed=size)
    right = 0
    for indices, text in numbers:
        ink, box = written(indices, gap_px=9)
        found = read([ink], [lengthened(box, (size, size))], model)
        assert len(found) in (1, size)
        assert value(found) == text or not accepted(found), f"{text} was accepted as {value(found)}"
        right += value(found) == text
    assert right >= 0.9 * len(numbers)


@pytest.mark.slow
@pytest.mark.parametrize("size", [2, 3, 5])
def test_touching_digits_are_read_right_or_flagged(model: DigitModel, size: int) -> None:
    numbers = chosen(30, size, seed=10 + size)
    right = 0
    for indices, text in numbers:
        ink, box = written(indices, gap_px=-3)
        found = read([ink], [lengthened(box, (size, size))], model)
        assert value(found) == text or not accepted(found), f"{text} was accepted as {value(found)}"
        right += value(found) == text
    assert right >= 0.5 * len(numbers)


@pytest.mark.slow
def test_an_unknown_length_is_counted_or_flagged(model: DigitModel) -> None:
    numbers = [number for size in (1, 2, 3, 4, 5) for number in chosen(10, size, seed=20 + size)]
    right = 0
    for indices, text in numbers:
        ink, box = written(indices, gap_px=9)
        found = read([ink], [lengthened(box, (1, 5))], model)
        assert value(found) == text or not accepted(found), f"{text} was accepted as {value(found)}"
        right += value(found) == text
    assert right >= 0.85 * len(numbers)


@pytest.mark.parametrize("gap", [9, -3])
@pytest.mark.parametrize(("size", "length"), [(3, (2, 2)), (5, (3, 3)), (5, (1, 3)), (4, (1, 2))])
def test_more_digits_than_fit_are_flagged_never_cut_off(
    model: DigitModel, size: int, length: tuple[int, int], gap: int
) -> None:
    for indices, text in chosen(12, size, seed=30 + size):
        ink, box = written(indices, gap)
        found = read([ink], [lengthened(box, length)], model)
        assert not accepted(found), f"{text} was accepted as {value(found)}"


@pytest.mark.parametrize(("size", "length"), [(2, (3, 3)), (1, (4, 4)), (3, (5, 5))])
def test_fewer_digits_than_asked_for_are_flagged(model: DigitModel, size: int, length: tuple[int, int]) -> None:
    for indices, text in chosen(12, size, seed=40 + size):
        ink, box = written(indices, gap_px=9)
        found = read([ink], [lengthened(box, length)], model)
        assert not accepted(found), f"{text} was accepted as {value(found)}"


def test_an_empty_wide_box_is_blank(model: DigitModel) -> None:
    _, box = written([0, 1], 9)
    (reading,) = read([np.zeros((0, 0), np.uint8)], [box], model, ["blank"])
    assert (reading.digit, reading.reason, reading.confidence) == (None, "blank", 1.0)
    assert reading.box.field == "amount"


@pytest.mark.parametrize("reason", ["ink_outside", "not_a_digit"])
def test_an_empty_ink_that_is_no_blank_is_flagged(model: DigitModel, reason: Reason) -> None:
    _, box = written([0, 1], 9)
    (reading,) = read([np.zeros((0, 0), np.uint8)], [box], model, [reason])
    assert (reading.digit, reading.reason) == (None, reason)


def test_what_cutting_doubts_stays_in_doubt(model: DigitModel) -> None:
    (indices, _) = chosen(1, 3, seed=2)[0]
    ink, box = written(indices, 9)
    found = read([ink], [lengthened(box, (3, 3))], model, ["ink_outside"])
    assert all(reading.reason for reading in found)


def test_a_scrawl_is_no_number(model: DigitModel) -> None:
    _, box = written([0, 1, 2], 9)
    rng = np.random.default_rng(3)
    ink = np.zeros((124, 260), np.uint8)
    ink[30:95, 30:230][rng.random((65, 200)) < 0.6] = 255
    assert not accepted(read([ink], [lengthened(box, (1, 5))], model))


def test_boxes_of_one_page_are_read_with_one_call_and_keep_their_order(model: DigitModel) -> None:
    calls: list[int] = []

    def score(digits: Digits) -> NDArray[np.float32]:
        calls.append(len(digits))
        return model.predict_proba(digits)

    numbers = chosen(3, 3, seed=50)
    pairs = [written(indices, 9) for indices, _ in numbers]
    inks = [pairs[0][0], np.zeros((0, 0), np.uint8), pairs[1][0], pairs[2][0]]
    names = ("first", "empty", "second", "third")
    corners = [pairs[0][1], pairs[0][1], pairs[1][1], pairs[2][1]]
    boxes = [Box(name, 1, box.corners, (3, 3)) for name, box in zip(names, corners, strict=True)]
    found = read_strings(inks, ["", "blank", "", ""], boxes, score, Thresholds((0.0,)))
    assert len(calls) == 1
    assert list(dict.fromkeys(reading.box.field for reading in found)) == list(names)
    for name, (_, text) in zip(("first", "second", "third"), numbers, strict=True):
        own = [reading for reading in found if reading.box.field == name]
        assert [reading.box.position for reading in own] == list(range(1, len(own) + 1))
        assert len(own) == len(text)


def test_two_ways_to_cut_that_read_alike_are_no_doubt() -> None:
    _, box = written([0, 1], 9)
    ink = np.zeros((124, 200), np.uint8)
    for x in (60, 68, 76):
        ink[35:90, x : x + 6] = 255
    # Three strokes, two digits: the middle one belongs to the first or the second, and the number is 11 either way.
    found = read_strings([ink], [""], [lengthened(box, (2, 2))], every_piece_is_a_one, Thresholds((0.9,)))
    assert value(found) == "11"
    assert accepted(found)


def test_three_strokes_far_apart_are_not_squeezed_into_two_digits() -> None:
    _, box = written([0, 1], 9)
    ink = np.zeros((124, 200), np.uint8)
    for x in (60, 90, 120):
        ink[35:90, x : x + 6] = 255
    found = read_strings([ink], [""], [lengthened(box, (2, 2))], every_piece_is_a_one, Thresholds((0.9,)))
    assert value(found) == "111"
    assert {reading.reason for reading in found} == {"not_a_digit"}


def test_no_wide_boxes_ask_the_model_nothing() -> None:
    def refuse(_: Digits) -> NDArray[np.float32]:
        raise AssertionError("nothing to score")

    assert read_strings([], [], [], refuse, Thresholds((0.9,))) == ()


@settings(max_examples=20, deadline=None, derandomize=True)
@given(
    indices=st.lists(st.integers(0, 4999), min_size=1, max_size=5),
    gap=st.integers(-6, 25),
    turn=st.floats(-0.06, 0.06),
)
def test_parts_lie_in_the_box_from_left_to_right(indices: list[int], gap: int, turn: float) -> None:
    model = load_model(default_model_path())
    ink, box = written(indices, gap)
    tilt = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    tilted = Box(box.field, 1, box.corners @ tilt.T, (1, 9))
    found = read([ink], [tilted], model)
    assert [reading.box.position for reading in found] == list(range(1, len(found) + 1))
    starts = []
    for reading in found:
        corners = reading.box.corners @ tilt - box.corners[0]  # turned back, from the box's corner
        size = box.corners[2] - box.corners[0]
        assert (corners >= -1e-6).all()
        assert (corners <= size + 1e-6).all()
        assert corners[0, 0] < corners[1, 0]
        assert corners[0, 1] < corners[3, 1]
        starts.append(corners[0, 0])
        assert reading.probabilities.shape == (len(CLASSES),)
        assert 0 <= reading.confidence <= 1
    assert starts == sorted(starts)


def test_a_part_covers_its_own_digit(model: DigitModel) -> None:
    indices, text = chosen(1, 3, seed=60)[0]
    ink, box = written(indices, 12)
    found = read([ink], [lengthened(box, (3, 3))], model)
    assert len(found) == len(text)
    x = MARGIN + 20
    for reading, index in zip(found, indices, strict=True):
        width = tight(index).shape[1]
        left, right = reading.box.corners[[0, 1], 0] - box.corners[0, 0] + MARGIN
        assert (left, right) == pytest.approx((x, x + width), abs=SCALE + 1)
        x += width + 12


def struck_through(ink: Ink, y: int) -> Ink:
    inked = np.flatnonzero(ink.any(axis=0))
    cv2.line(ink, (int(inked[0]) - 8, y), (int(inked[-1]) + 8, y + 3), 255, 5)
    return ink


@pytest.mark.parametrize("length", [(3, 3), (1, 5)])
def test_a_number_struck_out_with_a_line_is_flagged(model: DigitModel, length: tuple[int, int]) -> None:
    for indices, text in chosen(20, 3, seed=70):
        ink, box = written(indices, gap_px=9)
        found = read([struck_through(ink, ink.shape[0] // 2)], [lengthened(box, length)], model)
        assert not accepted(found), f"{text}, struck out, was accepted as {value(found)}"


def test_an_underlined_number_is_read(model: DigitModel) -> None:
    numbers = chosen(20, 3, seed=71)
    right = 0
    for indices, text in numbers:
        ink, box = written(indices, gap_px=9)
        bottom = int(np.flatnonzero(ink.any(axis=1))[-1])
        found = read([struck_through(ink, min(bottom + 6, ink.shape[0] - 5))], [lengthened(box, (3, 3))], model)
        assert value(found) == text or not accepted(found), f"{text} was accepted as {value(found)}"
        right += value(found) == text
    assert right >= 17


def test_specks_are_no_digits(model: DigitModel) -> None:
    rng = np.random.default_rng(5)
    for indices, text in chosen(15, 3, seed=72):
        ink, box = written(indices, gap_px=9)
        clean = read([ink], [lengthened(box, (1, 5))], model)
        for x, y in rng.integers((20, 20), (ink.shape[1] - 20, ink.shape[0] - 20), (4, 2)).tolist():
            ink[y : y + 2, x : x + 2] = 255
        assert value(read([ink], [lengthened(box, (1, 5))], model)) == value(clean), text


def test_dashes_in_an_unused_box_are_no_digits(model: DigitModel) -> None:
    _, box = written([0, 1, 2], gap_px=9)
    for count in (1, 2):
        ink = np.zeros((124, 260), np.uint8)
        for number in range(count):
            ink[60:67, 60 + 60 * number : 90 + 60 * number] = 255
        found = read([ink], [lengthened(box, (1, 5))], model)
        assert value(found) == "?" * count
        assert all(reading.reason in ("struck", "not_a_digit") for reading in found)


def test_a_small_zero_stays_a_zero(model: DigitModel) -> None:
    pictures, labels = source_digits()
    rng = np.random.default_rng(6)
    right = 0
    for zero in rng.choice(np.flatnonzero(labels == 0), 12, replace=False).tolist():
        (indices, text) = chosen(1, 2, seed=zero)[0]
        ink, box = written(indices, gap_px=9)
        small = cv2.resize(tight(zero), None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        x = int(np.flatnonzero(ink.any(axis=0))[-1]) + 8
        ink[70 : 70 + small.shape[0], x : x + small.shape[1]] = small[:, : ink.shape[1] - x]
        found = read([ink], [lengthened(box, (3, 3))], model)
        assert value(found) == text + "0" or not accepted(found), f"{text}0 was accepted as {value(found)}"
        right += value(found) == text + "0"
    assert right >= 10
    assert pictures.shape[1:] == (28, 28)


def pointed(left: Sequence[int], right: Sequence[int]) -> tuple[Ink, Box]:
    """Write two strings with a point between them, at the foot of the digits."""
    ink, box = written([*left, *right], gap_px=24)
    x = MARGIN + 20 + sum(tight(index).shape[1] + 24 for index in left) - 16
    cv2.circle(ink, (x, MARGIN + 42 + 29), 4, 255, -1)
    return ink, box


def test_a_written_point_is_read_at_its_place(model: DigitModel) -> None:
    numbers = chosen(20, 4, seed=73)
    right = 0
    for indices, text in numbers:
        ink, box = pointed(indices[:3], indices[3:])
        found = read([ink], [lengthened(box, (4, 4))], model)
        assert value(found).replace(".", "") == text or not accepted(found)
        right += value(found) == f"{text[:3]}.{text[3:]}"
        assert [reading.box.position for reading in found] == list(range(1, len(found) + 1))
    assert right >= 17


@pytest.mark.slow
def test_no_touching_pair_is_accepted_wrong_where_the_number_of_digits_is_open(model: DigitModel) -> None:
    for indices, text in chosen(60, 2, seed=31):
        ink, box = written(indices, gap_px=-3)
        found = read([ink], [lengthened(box, (1, 3))], model)
        assert value(found) == text or not accepted(found), f"{text} was accepted as {value(found)}"


def test_a_part_knows_its_place_on_the_form(model: DigitModel) -> None:
    indices, _ = chosen(1, 3, seed=60)[0]
    ink, box = written(indices, 12)
    placed = Box(box.field, 1, box.corners, (3, 3), (100.0, 200.0, 80.0, 30.0))
    parts = [reading.box.on_form for reading in read([ink], [placed], model)]
    lefts = [part[0] for part in parts if part]
    assert len(lefts) == 3
    assert lefts == sorted(lefts)
    assert all(part and part[0] >= 100 and part[0] + part[2] <= 180 and part[1:2] == (200.0,) for part in parts)
