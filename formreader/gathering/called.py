"""Pages that a code or a field holds together, wherever they lie."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Final

from formreader.gathering.row import Group, Row, rows_of_group
from formreader.gathering.said import printed_code
from formreader.store import Results, SeveralPages, StoredPage
from formreader.values import UNREAD

BY_FIELD: Final = "field:"

Marked = Callable[[Iterable[StoredPage]], Iterable[StoredPage]]
"""Passes pages on, what only the whole batch says of them added."""


class Found:
    """Where the pages of forms are that a code or a field holds together: some 200 bytes a page in memory."""

    def __init__(self, results: Results, several: Mapping[str, SeveralPages], marked: Marked) -> None:
        self._results = results
        self._marked = marked
        self._told = {
            sheet: form
            for form in several.values()
            for sheet in form.sheets
            if form.gather == "qr" or form.gather.startswith(BY_FIELD)
        }
        self._places: dict[tuple[str, str], list[tuple[int, int]]] = {}
        for number, page in enumerate(marked(results.pages()) if self._told else ()):
            form = self._told.get(page.form)
            if form is not None and (key := _key(page, form)):
                self._places.setdefault((form.form, key), []).append((number, form.sheets[page.form]))

    def called(
        self, number: int, page: StoredPage, form: SeveralPages, names: Mapping[str, Sequence[str]]
    ) -> Iterator[Row]:
        """Give the row that begins with a page, none where another page has it already."""
        key = _key(page, form)
        group = Group(form, PurePosixPath(page.scan))
        if not key:
            group.placed[form.sheets[page.form]] = page
            yield from rows_of_group(group, form, names, _whyalone(form))
            return
        places = self._places[form.form, key]
        if places[0][0] != number:
            return
        for place, sheet in places:
            (one,) = [page] if place == number else self._marked([self._results.nth(place)])
            if sheet in group.placed:
                group.others.append((sheet, one))
            else:
                group.placed[sheet] = one
        yield from rows_of_group(group, form, names, "")


def _key(page: StoredPage, form: SeveralPages) -> str:
    """Give what says of a page which form it is of; empty where that is not sure."""
    if form.gather.startswith(BY_FIELD):
        name = form.gather.removeprefix(BY_FIELD)
        value = next((one.value for one in page.fields if one.name == name), "")
        return "" if name in page.to_review or UNREAD in value else value
    code = printed_code(page)
    if code is not None:
        return f"{code.form}/{code.serial}" if code.serial else ""
    texts = {one.text for one in page.codes if one.kind == "qr"}
    return texts.pop() if len(texts) == 1 else ""


def _whyalone(form: SeveralPages) -> str:
    if form.gather.startswith(BY_FIELD):
        return f"the field {form.gather.removeprefix(BY_FIELD)} of the page that is there is not sure yet; review it"
    return "the page that is there has no QR code that could be read, or several"
