"""Guides printed into every box, read around although no blank form tells what is printed."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from tests.drawing import DigitStock, Filled, draw_writer, fill
from tests.drawing_pen import PENS
from tests.drawing_slips import guided_slip
from tests.test_crops import alike, boxes_of, cut

DPI = 200
FEW = ("80__54", "1X2_3_", "______", "______", "______", "______", "987654", "______", "000111", "______")
MOST = ("28_5_3",) * 10


@cache
def written(values: tuple[str, ...], *, printed: bool) -> Filled:
    form = guided_slip(DPI)
    form.picture[:] = form.picture if printed else 255
    rng = np.random.default_rng(5)
    named = {field.name: value for field, value in zip(form.fields, values, strict=True)}
    return fill(form, named, rng, writer=draw_writer(rng, PENS[0]), stock=DigitStock(rng), crossing=0.0)


@pytest.mark.parametrize("values", [FEW, MOST])
def test_boxes_with_nothing_but_their_guide_are_blank(values: tuple[str, ...]) -> None:
    crops = cut(written(values, printed=True).picture, boxes_of(guided_slip(DPI)))
    assert [reason == "blank" for reason in crops.reasons] == [mark == "_" for mark in "".join(values)]


@pytest.mark.parametrize("values", [FEW, MOST])
def test_digits_written_over_guides_come_out_without_them(values: tuple[str, ...]) -> None:
    boxes = boxes_of(guided_slip(DPI))
    crops, alone = (cut(written(values, printed=printed).picture, boxes) for printed in (True, False))
    rows = [row for row, mark in enumerate("".join(values)) if mark.isdigit()]
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
