"""Many boxes' pictures of one size worked on together: a stack, and filters over all of it in one call.

A stack is uint8 (h, n, w): the first row of all n pictures, then their second rows. Seen as (h * n, w) its rows are the
pictures' rows, and seen as (h, n * w) its columns are their columns, both without a copy: a filter that works on rows
and columns by turns runs over all pictures at once, and no picture touches its neighbour.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Stack = NDArray[np.uint8]
"""(h, n, w): n pictures of h rows and w columns; masks are 0 or 255."""


def dilated(stack: Stack, height: int, width: int) -> Stack:
    """Give the most within a rectangle around each pixel."""
    return _along_columns(cv2.MORPH_DILATE, _along_rows(cv2.MORPH_DILATE, np.ascontiguousarray(stack), width), height)


def closed(stack: Stack, height: int, width: int) -> Stack:
    """Close what is dark over less than a rectangle."""
    wide = dilated(stack, height, width)
    return _along_columns(cv2.MORPH_ERODE, _along_rows(cv2.MORPH_ERODE, wide, width), height)


def _along_columns(how: int, stack: Stack, height: int) -> Stack:
    """Dilate or erode by a column; a rectangle does it along rows and then along columns."""
    if height == 1 or not stack.size:
        return stack
    flat = cv2.morphologyEx(stack.reshape(len(stack), -1), how, np.ones((height, 1), np.uint8))
    return np.asarray(flat, np.uint8).reshape(stack.shape)


def _along_rows(how: int, stack: Stack, width: int) -> Stack:
    """Dilate or erode by a row; the pictures are turned for it, as cv2 takes a fifth of the time along columns."""
    if width == 1 or not stack.size:
        return stack
    turned = cv2.transpose(stack.reshape(-1, stack.shape[2]))
    along = cv2.transpose(cv2.morphologyEx(turned, how, np.ones((width, 1), np.uint8)))
    return np.asarray(along, np.uint8).reshape(stack.shape)


def blurred(stack: Stack, side: int) -> Stack:
    """Give the mean of a square of an odd side around each pixel; past a picture's edge its last pixel goes on."""
    rows, n, columns = stack.shape
    rim = side // 2
    apart = cv2.copyMakeBorder(stack.reshape(rows * n, columns), 0, 0, rim, rim, cv2.BORDER_REPLICATE)
    means = cv2.blur(apart.reshape(rows, -1), (side, side), borderType=cv2.BORDER_REPLICATE)
    return np.ascontiguousarray(means.reshape(rows, n, -1)[:, :, rim : rim + columns], np.uint8)


def grown(mask: Stack, by_px: int) -> Stack:
    """Widen masks by pixels in all directions."""
    return dilated(mask, 2 * by_px + 1, 2 * by_px + 1)


def less(one: Stack, other: Stack) -> Stack:
    """Take one stack off another, down to 0: of masks what is in the first alone."""
    flat = cv2.subtract(one.reshape(len(one), -1), other.reshape(len(other), -1))
    return np.asarray(flat, np.uint8).reshape(one.shape)


def mask_of(chosen: NDArray[np.bool_]) -> Stack:
    """Make 255 of what is true, in the place of the array given."""
    mask = chosen.view(np.uint8)
    return np.negative(mask, out=mask)


def any_in(mask: Stack) -> NDArray[np.int64]:
    """Give the numbers of the pictures in which anything is marked."""
    return np.flatnonzero(mask.max(axis=0, initial=0).any(axis=1))


def ranked(values: NDArray[np.uint8], rank: int) -> NDArray[np.uint8]:
    """Give the value of a rank along the first axis, of many bit by bit: ten times as fast as a partition.

    Parameters
    ----------
    values
        uint8 (m, ...).
    rank
        From 0, the least.

    Returns
    -------
    uint8 (...).
    """
    if values.size < 20_000:
        return np.asarray(np.partition(values, rank, axis=0)[rank], np.uint8)
    found = np.zeros(values.shape[1:], np.uint8)
    count = np.uint8 if len(values) < 256 else np.uint32
    for bit in (128, 64, 32, 16, 8, 4, 2, 1):
        higher = found | np.uint8(bit)
        below = np.add.reduce((values < higher).view(np.uint8), axis=0, dtype=count)
        found = np.where(below <= rank, higher, found)
    return found


def lower_medians(amounts: NDArray[np.floating], share: float = 0.5) -> NDArray[np.floating]:
    """Give a quantile of each row as one of its values, NaN left out; NaN where there are no others."""
    ordered = np.sort(amounts, axis=-1)  # NaN last
    count = (~np.isnan(amounts)).sum(axis=-1, keepdims=True)
    rank = np.maximum((share * (count - 1)).astype(np.int64), 0)
    return (
        np.take_along_axis(ordered, rank, axis=-1)[..., 0] if amounts.shape[-1] else np.full(amounts.shape[:-1], np.nan)
    )
