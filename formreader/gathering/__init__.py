"""The rows of a batch's tables: a row a form, whose pages may be several.

Which pages are one form is said by its template. Nothing is guessed: where pages do not work out, they are in a row
with others only if every value that may be another person's is flagged.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import tee, zip_longest

from formreader.gathering.called import Found, Marked
from formreader.gathering.counts import FormCount, Missing, about_forms, count_forms
from formreader.gathering.line import Line
from formreader.gathering.row import Lack, Row, alone
from formreader.gathering.shifts import Shifts
from formreader.store import Results, SeveralPages, StoredPage, natural

__all__ = ["FormCount", "Lack", "Missing", "Row", "about_forms", "count_forms", "gathered", "rows_of", "shifts_in"]


def rows_of(results: Results, form: str | None = None, marked: Marked = iter) -> Iterator[Row]:
    """Give the rows of a batch, or those of one form, in the order in which they begin.

    Parameters
    ----------
    marked
        Adds what only the whole batch says of a page, such as that a value repeats.
    """
    several = results.of_several_pages
    if not several:
        yield from gathered(marked(results.pages(form)))
        return
    found = Found(results, several, marked)
    waiting = results.waiting()
    shifts = shifts_in(results.pages(), several, waiting)
    rows = gathered(marked(results.pages()), several, results.form_fields(), found, shifts, waiting)
    yield from (row for row in rows if form is None or row.form == form)


def shifts_in(
    pages: Iterable[StoredPage], several: Mapping[str, SeveralPages], waiting: Sequence[tuple[str, int]] = ()
) -> Shifts:
    """Find the rows, of those told by their order, that look whole and may yet be of two forms."""
    line = Line({}, max((form.last for form in several.values()), default=1))
    if any(form.gather == "sequence" for form in several.values()):
        deque(_rows(line, pages, several, {}, None, waiting), maxlen=0)
    return Shifts(line.breaks)


def gathered(
    pages: Iterable[StoredPage],
    several: Mapping[str, SeveralPages] | None = None,
    names: Mapping[str, Sequence[str]] | None = None,
    found: Found | None = None,
    shifts: Shifts | None = None,
    waiting: Sequence[tuple[str, int]] = (),
) -> Iterator[Row]:
    """Gather pages to rows, in the order in which rows begin; a page that is there twice follows the other's row.

    Parameters
    ----------
    pages
        All of the batch, in natural order: also those that failed tell what stands between two others.
    several
        The forms of several pages, by name; none where left out: each page is a row.
    names
        The names of each sheet's fields.
    found
        Knows where the pages are that another page's code or field calls for; needed by forms that are gathered so.
    shifts
        Of the rows told by their order, those whose pages may be of two forms, as `shifts_in` finds.
    waiting
        Name and page of those that have no answer yet, in natural order.
    """
    if not several:
        yield from map(alone, pages)
        return
    line = Line(names or {}, max(form.last for form in several.values()), shifts)
    yield from _rows(line, pages, several, names or {}, found, waiting)


def _rows(
    line: Line,
    pages: Iterable[StoredPage],
    several: Mapping[str, SeveralPages],
    names: Mapping[str, Sequence[str]],
    found: Found | None,
    waiting: Sequence[tuple[str, int]],
) -> Iterator[Row]:
    told = {sheet: form for form in several.values() for sheet in form.sheets}
    still = deque(waiting)
    for number, (page, after) in enumerate(_with_next(pages)):
        while still and _order(*still[0]) < _order(page.scan, page.page):
            still.popleft()
            line.waited()
        form = told.get(page.form)
        if form is None or form.gather == "sequence":
            yield from line.passed(
                page, form, of_several=page.page > 1 or (after is not None and after.scan == page.scan)
            )
        elif form.gather == "file":
            yield from line.filed(page, form)
        else:
            yield from line.ended()
            yield from found.called(number, page, form, names) if found else ()
    yield from line.ended()


def _with_next(pages: Iterable[StoredPage]) -> Iterator[tuple[StoredPage, StoredPage | None]]:
    """Give each page with the one after it."""
    ahead, behind = tee(pages)
    next(ahead, None)
    return zip_longest(behind, ahead)


def _order(scan: str, page: int) -> tuple[str, int]:
    return natural(scan), page
