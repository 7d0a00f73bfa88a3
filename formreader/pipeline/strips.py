"""Strips that a person keys, as boxes among the others of a page."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from formreader.crops import are_blank
from formreader.values import CLASSES, AlignedPage, Box, DigitReading


def look_at_strips(page: AlignedPage, boxes: Sequence[Box], dpi: float) -> tuple[DigitReading, ...]:
    """Say of each strip whether it is blank or to be keyed; nothing is read.

    Parameters
    ----------
    dpi
        Of the form.
    """
    nothing = np.zeros(len(CLASSES), np.float32)
    return tuple(
        DigitReading(box, None, float(is_blank), nothing, "blank" if is_blank else "to_key")
        for box, is_blank in zip(boxes, are_blank(page, boxes, dpi), strict=True)
    )
