"""Pictures worked on together come out as each would alone."""

from __future__ import annotations

import cv2
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from formreader.crops.stacks import Stack, any_in, blurred, closed, dilated, less, lower_medians, mask_of, ranked

sides = st.integers(1, 40)
kernels = st.integers(1, 12)
seeds = st.integers(0, 2**32 - 1)


def drawn_stack(height: int, n: int, width: int, seed: int) -> Stack:
    rng = np.random.default_rng(seed)
    sparse = rng.random((height, n, width)) < 0.2
    return np.where(sparse, rng.integers(0, 256, sparse.shape), 0).astype(np.uint8)


@given(sides, st.integers(1, 5), sides, kernels, kernels, seeds)
@settings(deadline=None, max_examples=60)
def test_filters_see_each_picture_alone(height: int, n: int, width: int, tall: int, wide: int, seed: int) -> None:
    stack, kernel = drawn_stack(height, n, width, seed), np.ones((tall, wide), np.uint8)
    dilations, closings = dilated(stack, tall, wide), closed(stack, tall, wide)
    for nth in range(n):
        alone = np.ascontiguousarray(stack[:, nth])
        assert np.array_equal(dilations[:, nth], cv2.dilate(alone, kernel))
        assert np.array_equal(closings[:, nth], cv2.morphologyEx(alone, cv2.MORPH_CLOSE, kernel))


@given(sides, st.integers(1, 5), sides, st.sampled_from((1, 3, 7, 17)), seeds)
@settings(deadline=None, max_examples=60)
def test_pictures_are_blurred_apart(height: int, n: int, width: int, side: int, seed: int) -> None:
    stack = drawn_stack(height, n, width, seed)
    means = blurred(stack, side)
    for nth in range(n):
        alone = np.ascontiguousarray(stack[:, nth])
        assert np.array_equal(means[:, nth], cv2.blur(alone, (side, side), borderType=cv2.BORDER_REPLICATE))


@given(st.integers(1, 300), st.sampled_from((1, 6, 500)), seeds, st.floats(0, 1))
@settings(deadline=None, max_examples=60)
def test_a_rank_is_that_of_the_sorted_values(count: int, columns: int, seed: int, share: float) -> None:
    values = np.random.default_rng(seed).integers(0, 256, (count, columns)).astype(np.uint8)
    rank = int(share * (count - 1))
    assert np.array_equal(ranked(values, rank), np.sort(values, axis=0)[rank])


def test_medians_leave_out_what_is_unknown() -> None:
    nan = np.nan
    amounts: NDArray[np.float64] = np.array([[3, 1, 2, 4], [nan, 5, nan, 7], [nan, nan, nan, 9], [nan, nan, nan, nan]])
    assert np.array_equal(lower_medians(amounts), [2, 5, 9, nan], equal_nan=True)


def test_masks_are_255_and_say_which_pictures_they_mark() -> None:
    chosen = np.zeros((2, 3, 4), bool)
    chosen[1, 2, 3] = chosen[0, 0, 0] = True
    mask = mask_of(chosen.copy())
    assert set(np.unique(mask)) == {0, 255}
    assert any_in(mask).tolist() == [0, 2]
    assert not less(mask, mask).any()
