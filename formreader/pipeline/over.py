"""A template drawn over a scan: where its boxes come to lie, for people to look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from formreader.boxes import place_boxes
from formreader.marks import place_marks
from formreader.pipeline.form import outlined
from formreader.pipeline.matched import matched
from formreader.scans import load_page
from formreader.template import Template
from formreader.values import Box, Match, PageRef


@dataclass(frozen=True, slots=True, eq=False)
class Overlay:
    """A scan with a template's boxes.

    Attributes
    ----------
    template
        The one that it shows.
    picture
        uint8 (height, width, 3), the scan as it lies in its file, with every box outlined and each field named.
    """

    template: Template
    match: Match
    boxes: tuple[Box, ...]
    picture: NDArray[np.uint8]


def drawn_over(ref: PageRef, templates: Sequence[Template]) -> Overlay:
    """Match a page to the one of some templates that it shows, as reading does, and draw it with the boxes.

    Raises
    ------
    PageError
        It cannot be decoded, or is no page of the form.
    BlankPage
        It holds next to no ink.
    """
    page, template, _ = matched(load_page(ref), templates)
    boxes = place_marks(page, place_boxes(page, template), template.dpi)
    return Overlay(template, page.match, boxes, outlined(page.pixels, boxes))
