"""Guides printed into every box, read around although no blank form tells what is printed."""

from __future__ import annotations

from functools import cache

import numpy as np

from formreader.values import Box, Crops
from tests.drawing import DigitStock, Filled, draw_writer, fill
from tests.drawing_pen import PENS
from tests.drawing_slips import guided_slip
from tests.test_crops import alike, boxes_of, cut

DPI = 200
VALUES = {"pair_01": "80__54", "pair_02": "1X2_3_", "pair_04": "______", "pair_07": "987654", "pair_09": "000111"}


@cache
def written(*, printed: bool) -> Filled:
    form = guided_slip(DPI)
    form.picture[:] = form.picture if printed else 255
    rng = np.random.default_rng(5)
    return fill(form, VALUES, rng, writer=draw_writer(rng, PENS[0]), stock=DigitStock(rng), crossing=0.0)


def cut_with_boxes() -> tuple[Crops, tuple[Box, ...]]:
    boxes = boxes_of(guided_slip(DPI))
    return cut(written(printed=True).picture, boxes), boxes


def test_boxes_with_nothing_but_their_guide_are_blank() -> None:
    crops, boxes = cut_with_boxes()
    held = {(box.field, box.position): reason for box, reason in zip(boxes, crops.reasons, strict=True)}
    empty = [VALUES.get(field, "_" * 6)[position - 1] == "_" for field, position in held]
    assert [reason == "blank" for reason in held.values()] == empty


def test_digits_written_over_guides_come_out_without_them() -> None:
    crops, boxes = cut_with_boxes()
    alone = cut(written(printed=False).picture, boxes)
    rows = [row for row, box in enumerate(boxes) if VALUES.get(box.field, "_" * 6)[box.position - 1].isdigit()]
    assert min(alike(crops.digits[row], alone.digits[row]) for row in rows) > 0.85


def test_one_digit_in_one_place_in_all_boxes_is_no_guide() -> None:
    form = guided_slip(DPI)
    form.picture[:] = 255
    boxes = boxes_of(form)
    for box in boxes:
        (left, top), (right, low) = box.corners[0].astype(int), box.corners[2].astype(int)
        middle = (left + right) // 2
        form.picture[top:low, [left, left + 1, right, right + 1]] = 60
        form.picture[[top, top + 1, low, low + 1], left:right] = 60
        form.picture[top + 12 : low - 12, middle : middle + 5] = 40
    crops = cut(form.picture, boxes)
    assert "blank" not in crops.reasons
