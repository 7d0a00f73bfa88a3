"""A template drawn over a scan: where its boxes come to lie, for people to look at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from formreader.align import align
from formreader.boxes import place_boxes
from formreader.marks import place_marks
from formreader.pipeline.form import outlined
from formreader.scans import load_page
from formreader.template import Template
from formreader.values import Box, Match, PageRef


@dataclass(frozen=True, slots=True, eq=False)
class Overlay:
    """A scan with a template's boxes.

    Attributes
    ----------
    picture
        uint8 (height, width, 3), the scan as it lies in its file, with every box outlined and each field named.
    """

    match: Match
    boxes: tuple[Box, ...]
    picture: NDArray[np.uint8]


def drawn_over(ref: PageRef, template: Template) -> Overlay:
    """Match a page to a template as reading does, and draw it with the boxes where they would be read.

    Raises
    ------
    PageError
        It cannot be decoded, or is no page of the form.
    BlankPage
        It holds next to no ink.
    """
    page = align(load_page(ref), template)
    boxes = place_marks(page, place_boxes(page, template), template.dpi)
    return Overlay(page.match, boxes, outlined(page.pixels, boxes))
