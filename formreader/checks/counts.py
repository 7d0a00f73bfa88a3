"""What the boxes of a form say, counted over stretches of its pages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from formreader.values import POINT, DigitReading

DIGITS: Final = (*"0123456789", POINT)
MEASURES: Final = (*DIGITS, "blank", "unread", "flagged")
"""What is counted of a box: one of all but the last holds for each page, and it may be flagged besides."""

_NOTHING_WRONG: Final = ("", "blank", "struck")


class Stretches:
    """Counts of a form's boxes over stretches of equal length, which doubles where they become too many."""

    def __init__(self, most: int) -> None:
        self.boxes: dict[tuple[str, int], int] = {}
        self.ends: list[list[tuple[str, int]]] = []
        self.length = 1
        self.pages = 0
        self._most = most
        self._counts = np.zeros((most, 16, len(MEASURES)), np.int32)

    @property
    def counts(self) -> NDArray[np.int32]:
        """(stretches, boxes, measures)."""
        return self._counts[: len(self.ends), : len(self.boxes)]

    def add(self, scan: str, page: int, digits: Sequence[DigitReading]) -> None:
        """Count the next page's boxes."""
        if self.pages == self.length * self._most:
            self._join_pairs()
        if self.pages % self.length == 0:
            self.ends.append([(scan, page), (scan, page)])
        self.ends[-1][1] = (scan, page)
        self.pages += 1
        boxes = [self.boxes.setdefault((digit.box.field, digit.box.position), len(self.boxes)) for digit in digits]
        if len(self.boxes) > self._counts.shape[1]:
            more = max(len(self.boxes), 2 * self._counts.shape[1]) - self._counts.shape[1]
            self._counts = np.pad(self._counts, ((0, 0), (0, more), (0, 0)))
        row = self._counts[len(self.ends) - 1]
        np.add.at(row, (boxes, [_measure(digit) for digit in digits]), 1)
        flagged = [box for box, digit in zip(boxes, digits, strict=True) if digit.reason not in _NOTHING_WRONG]
        np.add.at(row, (flagged, -1), 1)

    def _join_pairs(self) -> None:
        half = self._most // 2
        self._counts[:half] = self._counts[0::2] + self._counts[1::2]
        self._counts[half:] = 0
        self.ends = [[first[0], last[1]] for first, last in zip(self.ends[0::2], self.ends[1::2], strict=True)]
        self.length *= 2


def _measure(digit: DigitReading) -> int:
    if digit.digit is None:
        return MEASURES.index("blank" if digit.reason == "blank" else "unread")
    return DIGITS.index(digit.digit)
