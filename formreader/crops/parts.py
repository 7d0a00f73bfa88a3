"""What hangs together in boxes' pictures, and how large it is."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from formreader.crops.stacks import Stack
from formreader.crops.upright import Frame


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """What hangs together in the pictures of a stack, part 0 being all that is not ink.

    Attributes
    ----------
    pixels
        Where the ink is: places in the flattened stack, by rows.
    part
        Of each of those pixels, which part it belongs to.
    runs
        (5, m), of each run of ink along a row: its part, picture, row, first and last column.
    box, area, left, top, right, low
        Of each part: which picture it is in; how many pixels it has; first and last columns and rows.
    """

    pixels: NDArray[np.int64]
    part: NDArray[np.int32]
    runs: NDArray[np.int64]
    box: NDArray[np.int64]
    area: NDArray[np.int64]
    left: NDArray[np.int64]
    top: NDArray[np.int64]
    right: NDArray[np.int64]
    low: NDArray[np.int64]

    @property
    def extent(self) -> NDArray[np.int64]:
        """The longer side of each part."""
        longer: NDArray[np.int64] = np.maximum(self.right - self.left, self.low - self.top) + 1
        return longer

    def count(self, mask: Stack) -> NDArray[np.int64]:
        """Count each part's pixels within a mask."""
        return np.bincount(self.part[mask.ravel()[self.pixels] > 0], minlength=len(self.area))

    def inside(self, inset: NDArray[np.float64], frame: Frame) -> NDArray[np.int64]:
        """Count each part's pixels within its box less a rim, as wide as is said for each box."""
        rims, rim = np.unique(inset, return_inverse=True)
        insides = (frame.inside(each) for each in rims.tolist())
        ends = np.array([(rows.start, rows.stop, columns.start, columns.stop) for rows, columns in insides])[rim]
        part, box, row, first, last = self.runs
        top, low, left, right = ends[box].T
        length = np.minimum(last + 1, right) - np.maximum(first, left)
        length = np.where((row >= top) & (row < low), np.maximum(length, 0), 0)
        return np.bincount(part, length, minlength=len(self.area)).astype(np.int64)


def find_parts(ink: Stack) -> Parts:
    """Find what hangs together in each picture, at corners too."""
    height, n, width = ink.shape
    # A column of paper between pictures keeps them apart.
    apart = cv2.copyMakeBorder(ink.reshape(height * n, width), 0, 0, 0, 1, cv2.BORDER_CONSTANT)
    count, labels = cv2.connectedComponents(apart.reshape(height, n * (width + 1)), connectivity=8)
    places = np.flatnonzero(apart.view(bool))
    part = labels.ravel()[places]
    breaks = np.flatnonzero(np.diff(places) != 1) + 1
    starts, stops = (
        (np.concatenate(ends) for ends in (([0], breaks), (breaks, [len(places)]))) if places.size else (breaks, breaks)
    )
    line, first = np.divmod(places[starts], width + 1)
    last, run = first + (stops - starts) - 1, part[starts].astype(np.int64)
    row, box = np.divmod(line, n)
    of_part, top, low = np.zeros((3, count), np.int64)
    of_part[run] = box
    top[run[::-1]] = row[::-1]  # of several values for one place the last stays
    low[run] = row
    left, right = np.full(count, width), np.full(count, -1)
    np.minimum.at(left, run, first)
    np.maximum.at(right, run, last)
    area = np.bincount(part, minlength=count)
    in_stack = places - np.repeat(line, stops - starts)
    return Parts(in_stack, part, np.stack([run, box, row, first, last]), of_part, area, left, top, right, low)
