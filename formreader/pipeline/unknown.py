"""The page of an unknown form: the boxes found on it are its template, and its combs say how it lies."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from formreader.align import straightened, upright_picture
from formreader.boxes import A4_LONG_SIDE_INCH, FormFields, darkest, find_form_fields, numbered
from formreader.errors import NoMatch
from formreader.template import Template
from formreader.values import AlignedPage, Page


def form_on(page: Page, *, wide: bool = False) -> tuple[AlignedPage, Template]:
    """Take the boxes found on a page itself for its template; a page is turned so that its combs stand upright.

    Parameters
    ----------
    wide
        Also take single frames for several digits.

    Raises
    ------
    BlankPage
        The page holds next to no ink.
    NoMatch
        It has no printed boxes.
    """
    aligned = straightened(page)
    height, width = aligned.pixels.shape
    found = _found_on(aligned, (width, height), page.dpi, wide=wide)
    if found.turns:
        aligned, (width, height) = _turned(aligned, (width, height), found.turns)
        found = _found_on(aligned, (width, height), page.dpi, wide=wide)
    if not found.fields:
        raise NoMatch(
            f"{aligned.ref}: no printed boxes found; make a template with 'formreader detect' and give it with -t"
        )
    dpi = page.dpi or max(height, width) / A4_LONG_SIDE_INCH
    return aligned, Template("unknown", width, height, dpi, numbered(found.fields))


def _found_on(aligned: AlignedPage, size: tuple[int, int], dpi: float | None, *, wide: bool) -> FormFields:
    contrasty = replace(aligned, pixels=darkest(aligned.pixels, aligned.colour))
    return find_form_fields(upright_picture(contrasty, *size), dpi, blank=False, wide=wide)


def _turned(aligned: AlignedPage, size: tuple[int, int], turns: int) -> tuple[AlignedPage, tuple[int, int]]:
    """Turn the form of this width and height counterclockwise by quarters on its page; gives its size too."""
    to_scan, (width, height) = aligned.to_scan, size
    for _ in range(turns):
        to_scan = to_scan @ np.array([[0.0, -1.0, width - 1.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
        width, height = height, width
    return replace(aligned, to_scan=to_scan), (width, height)
