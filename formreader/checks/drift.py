"""A box that is read otherwise on a stretch of pages: what is found, and how it is told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from typing import Final

import numpy as np

from formreader.checks.counts import MEASURES, Stretches
from formreader.checks.stretches import DriftParams, jumps_of, windows_of
from formreader.store import StoredPage

_LINES_SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class Drift:
    """A box that is read otherwise on a stretch of pages.

    Attributes
    ----------
    what
        What has another share: a digit, ``blank``, ``unread`` (struck, or no digit that can be read) or ``flagged``.
    share, elsewhere
        Its share on these pages and on all others, 0 to 1.
    start, pages
        The first page's number among the form's pages, from 1, and how many there are from it to the last.
    look_for
        What makes such a jump.
    """

    form: str
    field: str
    position: int
    what: str
    share: float
    elsewhere: float
    start: int
    pages: int
    first_scan: str
    first_page: int
    last_scan: str
    last_page: int
    look_for: str

    def __str__(self) -> str:
        read = {"blank": "blank", "flagged": "flagged", "unread": "no digit"}.get(self.what, f"read as {self.what}")
        first, last = _named(self.first_scan, self.first_page), _named(self.last_scan, self.last_page)
        return (
            f"box {self.position} of '{self.field}' is {read} on {self.share:.0%} of {self.pages:,} pages"
            f" ({first} to {last}), {self.elsewhere:.0%} elsewhere: look at these pages, {self.look_for}"
        )


COLUMNS: Final = tuple(column.name for column in fields(Drift))


def _named(scan: str, page: int) -> str:
    return scan if page == 1 else f"{scan}#{page}"


def about_drifts(drifts: Iterable[Drift]) -> Iterator[str]:
    """Say what drifts, the clearest first, a line for all boxes that jump on about the same pages."""
    groups: list[list[Drift]] = []
    for drift in drifts:
        group = next((group for group in groups if _overlap(group[0], drift)), None)
        if group is None:
            groups.append([drift])
        else:
            group.append(drift)
    for first, *others in groups[:_LINES_SHOWN]:
        boxes = len({(other.field, other.position) for other in others})
        yield f"{first}{f' (boxes that jump there too: {boxes:,})' if boxes else ''}"
    if len(groups) > _LINES_SHOWN:
        yield f"{len(groups) - _LINES_SHOWN:,} more stretches jump; all are in drift.csv"


def _overlap(one: Drift, other: Drift) -> bool:
    """Say whether two stretches share more than half of the longer one's pages."""
    both = min(one.start + one.pages, other.start + other.pages) - max(one.start, other.start)
    return one.form == other.form and 2 * both > max(one.pages, other.pages)


class DriftSearch:
    """Counts the boxes of pages as they pass, in the scans' order, each form by itself."""

    def __init__(self, params: DriftParams | None = None) -> None:
        self._params = params or DriftParams()
        self._forms: dict[str, Stretches] = {}

    def passing(self, pages: Iterable[StoredPage]) -> Iterator[StoredPage]:
        """Count pages with their digits, and pass them on; what people key says nothing of the scans."""
        for page in pages:
            read = [digit for digit in page.digits if digit.box.holds_digits]
            if read:
                if page.form not in self._forms:
                    self._forms[page.form] = Stretches(self._params.stretches)
                self._forms[page.form].add(page.scan, page.page, read)
            yield page

    def drifts(self) -> list[Drift]:
        """Give what drifts in the pages that passed, the clearest first."""
        found = [drift for form, counted in self._forms.items() for drift in _search(form, counted, self._params)]
        return [drift for _, drift in sorted(found, key=lambda scored: -scored[0])]


def _search(form: str, stretches: Stretches, params: DriftParams) -> Iterator[tuple[float, Drift]]:
    """Give the drifts of a form with how clear they are."""
    if stretches.pages < params.least_pages:
        return
    windows = windows_of(len(stretches.ends), stretches.length, params.shortest)
    tests = 2 * sum(map(len, windows)) * len(stretches.boxes) * len(MEASURES)  # a share may rise or fall
    if not windows:
        return
    least_score = float(np.log(tests / params.alarm))
    for (field, position), box in stretches.boxes.items():
        for window, jumps in jumps_of(stretches.counts[:, box].astype(np.float64), windows, least_score, params):
            measure, share, elsewhere = jumps[0]
            (first, _), (_, last) = stretches.ends[window.first], stretches.ends[window.end - 1]
            start = window.first * stretches.length
            pages = min(window.end * stretches.length, stretches.pages) - start
            named = (form, field, position, MEASURES[measure], round(share, 4), round(elsewhere, 4))
            cause = _cause({MEASURES[jump]: now - usual for jump, now, usual in jumps})
            yield window.score, Drift(*named, start + 1, pages, *first, *last, cause)


def _cause(rises: dict[str, float]) -> str:
    """Say what makes shares jump so."""
    if rises.get("1", 0) > 0 > rises.get("blank", 0):
        return "dirty scanner glass draws lines"
    if rises.get("blank", 0) > 0:
        return "a shifted stack, another form or a pale scan leaves boxes empty"
    if rises.get("flagged", 0) > 0 or rises.get("unread", 0) > 0:
        return "they may be scanned worse, or show another edition of the form"
    return "another kind of pages, another form or a dirty scanner would do this"
