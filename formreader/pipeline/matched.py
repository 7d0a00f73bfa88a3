"""Which form a page shows and where it lies, with what its QR codes say of that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from formreader.align import align_to_any
from formreader.codes import has_codes, read_codes, reference_has_codes, told_by_codes, without_codes
from formreader.template import Template
from formreader.values import AlignedPage, Code, Page


def matched(page: Page, templates: Sequence[Template]) -> tuple[AlignedPage, Template, tuple[Code, ...] | None]:
    """Match a page to the one of some templates that it shows.

    A code that each copy has another of is not on the blank form; as it could pass for boxes that the form does not
    have, it is taken away for the match.

    Returns
    -------
    AlignedPage, Template, codes
        The last None where no form is said to have codes.

    Raises
    ------
    BlankPage, PageError
        As `align_to_any`, or the page's code says that it is another.
    """
    if not any(map(has_codes, templates)):
        return *align_to_any(page, templates), None
    codes = read_codes(page.pixels)
    named = told_by_codes(page.ref, codes, templates)
    if not codes or any(map(reference_has_codes, named)):
        return *align_to_any(page, named), codes
    aligned, template = align_to_any(replace(page, pixels=without_codes(page.pixels)), named)
    return replace(aligned, pixels=page.pixels), template, codes
