"""The rows of a batch's tables: a row a form, whose pages may be several."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from formreader.store import StoredPage
from formreader.values import FieldReading


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """One filled form.

    Attributes
    ----------
    pages
        What was read of it, in the form's order; never empty. The first names the row.
    fields
        Of all its pages, in the form's order.
    to_review
        Names of the fields that a person should look at.
    decided
        Names of the fields that a person decided.
    """

    pages: tuple[StoredPage, ...]
    fields: tuple[FieldReading, ...]
    to_review: tuple[str, ...]
    decided: frozenset[str]

    @property
    def scan(self) -> str:
        """Name of the file in which it begins."""
        return self.pages[0].scan

    @property
    def page(self) -> int:
        """The page of that file."""
        return self.pages[0].page

    @property
    def form(self) -> str:
        """Name of the form; empty where no page of it was read."""
        return self.pages[0].form

    @property
    def shown_status(self) -> str:
        """Its state as users see it."""
        if self.pages[0].status != "read":
            return self.pages[0].shown_status
        if self.to_review:
            return "review"
        return "checked" if self.decided else "read"


def gathered(pages: Iterable[StoredPage]) -> Iterator[Row]:
    """Gather pages to rows, in the order in which rows begin."""
    for page in pages:
        yield Row((page,), page.fields, page.to_review, page.decided)
