"""Strips to key from, cut when they are asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from formreader.review.state import Review
from formreader.served.calls import as_address
from formreader.strips import StripParams, picture_of

_LOOKS: Final = StripParams(box_px=110, most_px=1200, quality=85)
"""One strip has the screen to itself: its boxes are larger than on a sheet with many."""


def strip_to_key(review: Review, reading: int, field: str) -> Mapping[str, str]:
    """Give a field's picture as an address that holds it; where it cannot be shown, say why."""
    with review.desk.turn():
        read = next(review.desk.results.sample([reading]))
    boxes = [digit.box for digit in read.digits if digit.box.field == field]
    if not boxes:
        return {"image": "", "missing": f"{review.name_of(read)}: the reading has no boxes of {field}"}
    page, missing = review.shelf.page(reading)
    return {"image": "" if page is None else as_address(picture_of(page, boxes, _LOOKS)), "missing": missing}
