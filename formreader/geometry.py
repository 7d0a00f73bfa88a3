"""Smooth maps drawn: where each pixel of a picture comes from, worked out at few places."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from formreader.values import Points


def map_of_pixels(at: Callable[[Points], Points], size: tuple[int, int], step: int) -> NDArray[np.float32]:
    """Say where a smooth map takes each pixel of a picture, for `cv2.remap`.

    Parameters
    ----------
    at
        The map, of (n, 2) pixels; it is asked at a coarse grid, between whose places it is taken to be straight.
    size
        Width and height of the picture.
    step
        Between the grid's places, in pixels: an odd number, so that each lies on the middle of a pixel.

    Returns
    -------
    float32 (height, width, 2), x and y.
    """
    columns, rows = (np.arange(0, side + step, step, dtype=np.float64) for side in size)
    grid = np.stack(np.meshgrid(columns, rows), axis=-1)
    coarse = at(grid.reshape(-1, 2)).reshape(grid.shape).astype(np.float32)
    # Resizing keeps pixels' edges in place: a coarse value stands in the middle of its `step` pixels.
    fine = cv2.resize(coarse, (len(columns) * step, len(rows) * step), interpolation=cv2.INTER_LINEAR)
    (width, height), middle = size, step // 2
    return np.ascontiguousarray(fine[middle : middle + height, middle : middle + width], dtype=np.float32)
