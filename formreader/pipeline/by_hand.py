"""Pages that the program could not match: read by the corners that a person shows, or prepared for keying."""

from __future__ import annotations

from dataclasses import replace

from formreader.align import align_by_hand, corners_seen
from formreader.model import DigitModel
from formreader.pipeline import read_aligned
from formreader.quality import refuse_tiny
from formreader.template import Template
from formreader.values import FieldReading, Match, Page, PageReading, PageRef, Points, Thresholds


def read_by_hand(
    page: Page, template: Template, corners: Points, model: DigitModel, thresholds: Thresholds
) -> PageReading:
    """Read a page on which a person showed the form's corners, by the same steps as any other.

    Where the print does not bear the match out as reading by itself demands, a person must look at every field.

    Raises
    ------
    ValueError
        The corners make no form that lies face up; see `align_by_hand`, whose `corners` these are.
    PageError
        It is too poor for any digit to be read.
    """
    refuse_tiny(page, (template,))
    aligned, doubt = align_by_hand(page, template, corners)
    reading = read_aligned(aligned, template, model, thresholds)
    return with_page_doubted(reading) if doubt else reading


def corners_on(page: Page, template: Template) -> Points | None:
    """Give where a form's corners seem to lie on a page that was refused; None where nothing speaks for any place."""
    return corners_seen(page, template)


def with_page_doubted(reading: PageReading) -> PageReading:
    """Flag every field for the page itself."""
    fields = (replace(field, reasons=(*field.reasons, "page_unsure")) for field in reading.fields)
    return replace(reading, fields=tuple(fields))


def unread(ref: PageRef, template: Template) -> PageReading:
    """Give a page's fields without having read any: for a person who keys them."""
    fields = tuple(FieldReading(field.name, "", 0.0, ("page_unsure",), kind=field.kind) for field in template.fields)
    return PageReading(ref, template.name, Match(0.0, "hand"), fields, ())
