"""Stretches of a pile in which pages may all be joined to the wrong ones, though each row by itself looks whole.

A pile that was scanned from its end, or from the middle of a form, has a row without its first page, then rows of the
last page of one form and the first of another, then a row without its last page. In a pile that merely lost both pages
the rows between are right: nothing but codes tells which it was.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath


@dataclass(frozen=True, slots=True)
class Break:
    """A row whose places are not all taken.

    Attributes
    ----------
    row
        Its number among the rows that are told by their order, from 0.
    where
        The folder of its scans.
    lacks_first, lacks_last
        Which end of the form has no page, not even one that failed.
    """

    row: int
    where: PurePosixPath
    lacks_first: bool
    lacks_last: bool


class Shifts:
    """The rows that lie between one without its first page and one without its last."""

    def __init__(self, breaks: Iterable[Break]) -> None:
        self._ranges = _between(breaks)
        self._starts = [first for first, _ in self._ranges]

    def __contains__(self, row: int) -> bool:
        place = bisect_right(self._starts, row) - 1
        return place >= 0 and self._ranges[place][0] < row < self._ranges[place][1]


def _between(breaks: Iterable[Break]) -> Sequence[tuple[int, int]]:
    ranges = []
    begun: Break | None = None
    for one in breaks:
        if begun is not None and begun.where != one.where:
            begun = None
        if one.lacks_last and begun is not None:
            ranges.append((begun.row, one.row))
            begun = None
        if one.lacks_first and begun is None:
            begun = one
    return ranges
