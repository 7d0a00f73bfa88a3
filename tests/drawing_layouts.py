"""Twelve blank forms that between them have every kind of frame, each with its near twins.

They are fixed: the benchmark's figures are of these. What each field's frame is called stands in `DrawnForm.frames`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Final

from tests.drawing_frames import DPI
from tests.drawing_layouts_lined import account, admission, census, gradebook, order, survey
from tests.drawing_layouts_rare import diary, invoice, lab, permit, tally, tax_return
from tests.drawing_sheet import MM_PER_INCH, DrawnForm, Twin

Layout = Callable[[float, Twin | None], DrawnForm]

LAYOUTS: Final[dict[str, Layout]] = {
    "admission": admission,
    "account": account,
    "gradebook": gradebook,
    "tax-return": tax_return,
    "permit": permit,
    "survey": survey,
    "order": order,
    "diary": diary,
    "tally": tally,
    "invoice": invoice,
    "lab": lab,
    "census": census,
}

TWINS: Final = ("row", "pitch", "title")


@cache
def blank(name: str) -> DrawnForm:
    """Give a layout's blank at 300 dpi."""
    return LAYOUTS[name](DPI, None)


def twin_of(name: str, kind: str) -> DrawnForm:
    """Print a near twin of a layout: one row moved, another pitch, or another title."""
    form = blank(name)
    middle = form.picture.shape[0] / 2
    _, y, _, height = min((box for field in form.fields for box in field.boxes), key=lambda box: abs(box[1] - middle))
    top, bottom = y / DPI * MM_PER_INCH, (y + height) / DPI * MM_PER_INCH
    if kind == "row":
        return LAYOUTS[name](DPI, Twin("row", top - 0.4, bottom + 0.4))
    if kind == "pitch":
        first = min(box[1] for field in form.fields for box in field.boxes)
        return LAYOUTS[name](DPI, Twin("pitch", first / DPI * MM_PER_INCH - 0.4))
    return LAYOUTS[name](DPI, Twin("title"))
