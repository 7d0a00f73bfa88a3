"""Pages of a form that suffered are matched; pages of forms that differ in the place of a row are not."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest

from formreader.align import align
from formreader.errors import NoMatch
from formreader.template import Field
from formreader.values import Grey, Page, PageRef
from tests.benchmarks.matching_wear import Lay, laid
from tests.drawing_damage import poorly_printed
from tests.drawing_hardships import HARDSHIPS
from tests.drawing_layouts import blank
from tests.drawing_sheet import DrawnForm, Sheet, Twin
from tests.drawing_wear import wear

DPI = 150
MOVED = Twin("row", 116.5, 127.5)
"""The fifth row stands 2.4 mm lower, its lower edge where the sixth begins."""


@cache
def record(twin: Twin | None = None) -> DrawnForm:
    """Print rows of boxes under a paragraph."""
    sheet = Sheet((148.0, 210.0), DPI, twin=twin)
    sheet.text(14, 18, "Household record", 5)
    for line in range(6):
        sheet.text(14, 28 + 4.5 * line, "Write one figure into each box and leave the others as they are", 2.2)
    fields = []
    for row in range(11):
        top = 70 + 11.4 * row
        sheet.text(14, top + 6, f"Question {row + 1} of eleven", 2.4)
        fields.append(Field(f"row_{row + 1}", sheet.boxes(62.0, top, 8, (7.0, 9.0), 1.6)))
    return DrawnForm("record", sheet.pixels, DPI, tuple(fields), None)


SPREAD = Twin("pitch", 60.0)
PHOTO = Lay(skew_degrees=2, tilt=0.04, table=True, shade=0.3, contrast=0.9, jpeg=75)


def scanned(sheet: Grey, how: Lay, seed: int = 8) -> Page:
    pixels, _ = laid(sheet, DPI, how, np.random.default_rng(seed))
    return Page(PageRef(Path("scan 1.png")), pixels)


def score(page: Page, form: DrawnForm) -> float:
    return align(page, form.template()).match.score


@pytest.mark.parametrize("how", [pytest.param(PHOTO, marks=pytest.mark.slow), Lay(skew_degrees=1, scale=0.95)])
@pytest.mark.parametrize(("shown", "taken_for"), [(None, SPREAD), (SPREAD, None)])
def test_a_form_whose_rows_are_spread_by_4_percent_is_refused(
    shown: Twin | None, taken_for: Twin | None, how: Lay
) -> None:
    with pytest.raises(NoMatch, match=r"rows spread otherwise|stretched unlike paper|missing"):
        score(scanned(record(shown).picture, how), record(taken_for))


@pytest.mark.slow
@pytest.mark.parametrize("factor", [0.96, 1.04])
def test_paper_that_is_stretched_as_much_is_matched_as_its_letters_are_stretched_too(factor: float) -> None:
    sheet = record().picture
    height, width = sheet.shape
    stretched = np.asarray(cv2.resize(sheet, (width, round(height * factor)), interpolation=cv2.INTER_AREA), np.uint8)
    assert score(scanned(stretched, Lay(skew_degrees=1)), record()) > 0.9


@pytest.mark.slow
def test_a_row_that_hides_under_the_next_ones_lines_is_moved_all_the_same() -> None:
    with pytest.raises(NoMatch, match="a row moved"):
        score(scanned(record(MOVED).picture, Lay(skew_degrees=1)), record())


@pytest.mark.parametrize("seed", [1, 2])
def test_words_that_lost_their_toner_are_no_other_words(seed: int) -> None:
    form = blank("account")
    pale = poorly_printed(form, np.random.default_rng(seed)).picture
    sheet = np.asarray(cv2.resize(pale, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8)
    assert score(scanned(sheet, Lay(skew_degrees=0.6, contrast=0.65, noise=3)), form) > 0.6


def test_frames_of_which_a_fax_left_dots_are_not_missing() -> None:
    form, rng = blank("order"), np.random.default_rng(1)
    assert form.colour is not None
    scan = wear(form.colour, form.dpi, HARDSHIPS["faxed"](form, rng), rng)
    assert score(Page(PageRef(Path("fax 1.png")), scan.pixels), form) > 0.6


def with_sticker(sheet: Grey, left_mm: float, top_mm: float) -> Grey:
    """Stick a label with three boxes of its own on a page, a little askew."""
    label = Sheet((34.0, 20.0), DPI)
    label.boxes(3.0, 4.0, 3, (8.0, 12.4), 1.0)
    turn = cv2.getRotationMatrix2D((label.pixels.shape[1] / 2, label.pixels.shape[0] / 2), 1.0, 1.0)
    stuck = cv2.warpAffine(label.pixels, turn, label.pixels.shape[::-1], borderValue=255)
    page = sheet.copy()
    left, top = (round(mm * DPI / 25.4) for mm in (left_mm, top_mm))
    page[top : top + stuck.shape[0], left : left + stuck.shape[1]] = stuck
    return page


def test_a_page_with_a_sticker_that_has_boxes_is_still_the_forms() -> None:
    page = scanned(with_sticker(record().picture, 90.0, 3.0), Lay(skew_degrees=1))
    assert score(page, record()) > 0.9


@pytest.mark.slow
def test_boxes_in_line_with_the_forms_are_another_forms() -> None:
    sheet = record().picture.copy()
    more = Sheet((148.0, 210.0), DPI)
    more.boxes(62.0 + 8 * 8.6, 70.0, 1, (7.0, 9.0))
    with pytest.raises(NoMatch, match="boxes that it does not have"):
        score(scanned(np.minimum(sheet, more.pixels), Lay(skew_degrees=1)), record())
