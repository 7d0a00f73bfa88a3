"""Cut the boxes of a page that was read before, as they were cut then."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from formreader.boxes import place_boxes
from formreader.crops import crop_digits
from formreader.errors import BlankPage, PageError
from formreader.pipeline.matched import matched
from formreader.pipeline.unseen import unseen_left_open
from formreader.template import Template
from formreader.values import AlignedPage, Box, Crops, Match, Page

NEAR_PX: Final = 1.0
"""Boxes that are found again lie where they were read, to a tenth of a pixel as stored; under another template not."""


def cut_again(page: Page, boxes: Sequence[Box], templates: Sequence[Template] = ()) -> tuple[Crops, bool]:
    """Cut boxes out of a page as reading cut them.

    Parameters
    ----------
    boxes
        All of the page as they were stored, but none of wide ones: what is cut of one depends on the others.
    templates
        Those that the page was read with. Without the right one the boxes are cut where they were found, but what the
        blank form has printed in them is not taken off.

    Returns
    -------
    crops, same
        Row i for box i; whether these are just what was read.
    """
    placed = _placed(page, templates)
    if placed is not None:
        aligned, found = placed
        rows = {(box.field, box.position): row for row, box in enumerate(found)}
        wanted = [rows.get((box.field, box.position)) for box in boxes]
        same = [row for row in wanted if row is not None]
        if len(same) == len(boxes) and all(
            np.abs(found[row].corners - box.corners).max() <= NEAR_PX for row, box in zip(same, boxes, strict=True)
        ):
            return _rows(_cut(aligned, found), same), True
    flat = AlignedPage(page.ref, page.pixels, page.colour, np.eye(3), Match(1.0, "none"))
    return _cut(flat, tuple(boxes)), False


def _placed(page: Page, templates: Sequence[Template]) -> tuple[AlignedPage, tuple[Box, ...]] | None:
    if not templates:
        return None
    try:
        aligned, template, _ = matched(page, templates)
    except (PageError, BlankPage):
        return None
    return aligned, tuple(box for box in place_boxes(aligned, template) if box.holds_digits)


def _cut(aligned: AlignedPage, boxes: tuple[Box, ...]) -> Crops:
    return unseen_left_open(crop_digits(aligned, boxes), boxes, aligned.pixels)


def _rows(crops: Crops, rows: Sequence[int]) -> Crops:
    inks, reasons = tuple(crops.inks[row] for row in rows), tuple(crops.reasons[row] for row in rows)
    others = {place: crops.others[row] for place, row in enumerate(rows) if row in crops.others}
    return Crops(inks, crops.digits[list(rows)], reasons, others)
