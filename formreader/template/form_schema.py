"""What a template says of the form itself, and every mistake in it.

Imported by `template` alone.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from pathlib import PurePosixPath, PureWindowsPath
from typing import Annotated, Final, Literal

import cv2
import numpy as np
from pydantic import Field as Limits
from pydantic import StrictInt

from formreader.template.rules_schema import Length, Table
from formreader.template.wording import nearest, shown

LARGEST_SIDE_PX: Final = 30_000  # A2 at 1200 dpi
DPI_RANGE: Final = (50, 2400)
LONGEST_NAME: Final = 100
MOST_PAGES: Final = 100
PAGED: Final = (".pdf", ".tif", ".tiff")
"""Endings of files that may hold several pages."""
PAPERS_MM: Final = {
    "A3": (297.0, 420.0),
    "A4": (210.0, 297.0),
    "A5": (148.0, 210.0),
    "Letter": (215.9, 279.4),
    "Legal": (215.9, 355.6),
}
MM_PER_INCH: Final = 25.4
ARUCO_DICTIONARIES: Final = tuple(
    name.removeprefix("DICT_") for name in sorted(dir(cv2.aruco)) if name.startswith("DICT_")
)

MarkerId = Annotated[StrictInt, Limits(ge=0)]
Side = Annotated[StrictInt, Limits(ge=1, le=LARGEST_SIDE_PX)]
Pair = Annotated[list[Length], Limits(min_length=2, max_length=2)]


class MarkersTable(Table):
    """``[form.markers]``."""

    kind: Literal["squares", "aruco"]
    centres: Annotated[list[Pair], Limits(min_length=4, max_length=4)]
    size: Annotated[float, Limits(gt=0, allow_inf_nan=False)]
    dictionary: str = ""
    ids: list[MarkerId] | list[list[MarkerId]] = []  # noqa: RUF012 - pydantic copies it

    def ids_of(self, page: int) -> list[int]:
        """Return the ids of a page's markers, which may be those of every page."""
        of_pages = [ids for ids in self.ids if isinstance(ids, list)]
        return of_pages[page - 1] if of_pages else [one for one in self.ids if isinstance(one, int)]

    def told_pages(self) -> int:
        """Count the pages that the ids are listed for; 0 where they are those of every page."""
        return sum(isinstance(ids, list) for ids in self.ids)


class FormTable(Table):
    """``[form]``."""

    name: str
    width: Side
    height: Side
    reference: str | Annotated[list[str], Limits(min_length=1, max_length=MOST_PAGES)] | None = None
    reference_filled: bool = False
    dpi: Annotated[float, Limits(ge=DPI_RANGE[0], le=DPI_RANGE[1])] | None = None
    paper: Literal["A3", "A4", "A5", "Letter", "Legal"] | None = None
    markers: MarkersTable | None = None
    codes: bool | None = None
    version: Annotated[str, Limits(max_length=40)] | StrictInt = ""
    pages: Annotated[StrictInt, Limits(ge=1, le=MOST_PAGES)] | None = None
    gather: str | None = None

    def references(self) -> list[str]:
        """Return the names of the reference pictures; one may hold several pages."""
        return [self.reference] if isinstance(self.reference, str) else self.reference or []

    def has_paged_reference(self) -> bool:
        """Say whether the reference is one file that may hold several pages."""
        return isinstance(self.reference, str) and self.reference.lower().endswith(PAGED)

    def page_count(self, last: int) -> int:
        """Count the form's pages, of which `last` is the last with a field: what the template alone says of them."""
        if self.pages is not None:
            return self.pages
        if self.has_paged_reference():
            return last
        if isinstance(self.reference, list):
            return len(self.reference)
        return (self.markers.told_pages() if self.markers and self.reference is None else 0) or 1

    def resolution(self) -> float:
        """Return the stated dpi, or what the paper's width gives."""
        if self.dpi is not None or self.paper is None:
            return self.dpi or math.nan
        sides = PAPERS_MM[self.paper]
        across_mm = min(sides) if self.width <= self.height else max(sides)
        return self.width / (across_mm / MM_PER_INCH)


def form_problems(form: FormTable) -> Iterable[str]:
    """Give the mistakes in what is said of the form itself."""
    if (
        not form.name.strip()
        or len(form.name) > LONGEST_NAME
        or not form.name.isprintable()
        or set(form.name) & {*'/\\:"'}
    ):
        yield f"'name' should be 1 to {LONGEST_NAME} letters without / \\ : \" as result files are named after it"
    elif re.search("#[0-9]+$", form.name):
        yield "'name' should not end in # and a number, as the pages of a form of several are named so"
    if (form.dpi is None) == (form.paper is None):
        yield "give either 'dpi' or 'paper'"
    low, high = DPI_RANGE
    if form.paper is not None and not low <= form.resolution() <= high:
        yield f"'width' makes {form.resolution():.0f} dpi of paper '{form.paper}'; {low} to {high} are possible"
    if form.reference is None and form.markers is None:
        yield "it needs a 'reference' picture or [form.markers] to match pages by"
    for reference in form.references():
        yield from _reference_problems(reference)
    if form.reference is None and form.reference_filled:
        yield "'reference_filled' says that the reference is filled, but there is no 'reference'"
    if form.markers is not None:
        yield from _marker_problems(form.markers, form)


def _reference_problems(reference: str) -> Iterable[str]:
    parts = {*PurePosixPath(reference).parts, *PureWindowsPath(reference).parts}
    if (
        not reference
        or "\0" in reference
        or PurePosixPath(reference).is_absolute()
        or PureWindowsPath(reference).anchor
    ):
        yield f"'reference' should name a picture in the template's folder, not {shown(reference)}"
    elif ".." in parts:
        yield f"'reference' should not leave the template's folder: {shown(reference)}"


def _marker_problems(markers: MarkersTable, form: FormTable) -> Iterable[str]:
    for number, (x, y) in enumerate(markers.centres, 1):
        if not (0 <= x <= form.width and 0 <= y <= form.height):
            yield f"markers: centre number {number} lies outside the page"
    centres = np.array(markers.centres)
    sides = np.roll(centres, -1, axis=0) - centres
    following = np.roll(sides, -1, axis=0)
    turns = sides[:, 0] * following[:, 1] - sides[:, 1] * following[:, 0]  # y runs down: clockwise is positive
    if not (turns > 0).all() or centres[:2, 1].mean() >= centres[2:, 1].mean():
        yield "markers: the centres should go round: top left, top right, bottom right, bottom left"
    if markers.kind == "aruco":
        yield from _dictionary_problems(markers)
        for page in range(1, (markers.told_pages() or 1) + 1):
            if len(markers.ids_of(page)) != 4 or len(set(markers.ids_of(page))) != 4:
                of_page = f" for page {page}" if markers.told_pages() else ""
                yield f"markers: aruco needs four different 'ids'{of_page}, in the order of the centres"
    elif markers.dictionary or markers.ids:
        yield "markers: 'dictionary' and 'ids' belong to kind \"aruco\""


def _dictionary_problems(markers: MarkersTable) -> Iterable[str]:
    if markers.dictionary not in ARUCO_DICTIONARIES:
        near = "".join(nearest(markers.dictionary.upper(), ARUCO_DICTIONARIES)) or "4X4_50"
        given = f"not {shown(markers.dictionary)}" if markers.dictionary else "but it is missing"
        yield f"markers: 'dictionary' should be one that OpenCV knows, such as \"{near}\", {given}"
        return
    number = getattr(cv2.aruco, f"DICT_{markers.dictionary}")
    size = len(cv2.aruco.getPredefinedDictionary(number).bytesList)
    largest = max(
        (one for page in range(1, (markers.told_pages() or 1) + 1) for one in markers.ids_of(page)), default=0
    )
    if largest >= size:
        yield f"markers: 'ids' of dictionary \"{markers.dictionary}\" go from 0 to {size - 1}, not {largest}"
