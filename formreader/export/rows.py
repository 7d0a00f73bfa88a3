"""The rows of a batch as tables: a row a form, a field or a box, as they were asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from formreader.batch_forms import Forms
from formreader.checks import Repeats
from formreader.export.folder import DIGITS_COLUMNS, RESULTS_COLUMNS, by_form, digit_cells, head
from formreader.export.joining import Joining, refuse_no_field
from formreader.export.kinds import Kinds
from formreader.export.noted import Noted
from formreader.export.places import flat, flat_name
from formreader.export.shape import Column, Line, Picture, Table, Value, own_columns
from formreader.export.wish import Sieve, Wish, places_of, refuse_unknown
from formreader.gathering import Row, rows_of
from formreader.store import Results, StoredPage
from formreader.values import FieldReading

LONG_COLUMNS: Final = (*("scan", "page", "form", "field", "value", "confidence", "reasons", "status", "suggestion"),)
NAMES: Final = {"results": "Results", "long": "Fields", "digits": "Digits"}
"""Of the one table, where there are not several forms."""
AS_TEXT_COLUMNS: Final = ("scan", "page", "field", "value", "why")
PICTURED: Final = frozenset({"image"})
"""Kinds of fields whose picture stands in the table."""


class Source:
    """A batch to be written as asked; each table can be gone through once, `rows` as often as one likes.

    Attributes
    ----------
    tell
        Is told how many strips are cut from scans, which takes the longest.
    """

    def __init__(self, results: Results, repeats: Repeats, wish: Wish, forms: Forms) -> None:
        self.results = results
        self.repeats = repeats
        self.wish = wish
        self.forms = forms
        self.as_text = Noted(AS_TEXT_COLUMNS)
        self.taken = 0
        self.tell: Callable[[int], None] = lambda _cut: None
        self._sieve = Sieve(wish, results)
        columns = [results.columns(form) for form in by_form(results)]
        every = list(dict.fromkeys(name for names in columns for name in names))
        self.joining: Joining | None = None
        if wish.join is not None:
            refuse_no_field(wish.on.partition("=")[0], every)
            self.joining = Joining(wish.join, wish.on, [*RESULTS_COLUMNS, *LONG_COLUMNS, *every])
        self._fields = dict(zip(by_form(results), columns, strict=True))
        known = (column.name for form in by_form(results) for column in self._columns(form))
        refuse_unknown(wish.columns, list(dict.fromkeys(known)))

    def rows(self, form: str | None) -> Iterator[Row]:
        """Give the rows of a form, or of all pages, that are wanted."""
        return filter(self._sieve.takes, self._every_row(form))

    def _every_row(self, form: str | None) -> Iterator[Row]:
        return rows_of(self.results, form, self.repeats.marked)

    def tables(self) -> Iterator[Table]:
        """Give the table, or one for each of several forms."""
        for form in by_form(self.results):
            columns = self._columns(form)
            places = places_of(self.wish.columns, [column.name for column in columns])
            shown = tuple(columns[place] for place in places)
            yield Table(form or NAMES[self.wish.shape], shown, _chosen(self._lines(form), places, len(columns)))

    def _columns(self, form: str | None) -> tuple[Column, ...]:
        listed = tuple(map(Column, self.joining.columns)) if self.joining else ()
        if self.wish.shape == "digits":
            return own_columns(DIGITS_COLUMNS)
        if self.wish.shape == "long":
            of_value = {"value": Column("value", "digits")}
            return (*(of_value.get(one.name, one) for one in own_columns(LONG_COLUMNS)), *listed)
        kinds = self._kinds(form)
        fields = (kinds.column(name) if kinds else Column(name, "digits") for name in self._fields[form])
        return (*own_columns(RESULTS_COLUMNS), *listed, *fields)

    def _kinds(self, form: str | None) -> Kinds | None:
        return Kinds(self.forms, form, self.as_text) if self.wish.types == "template" else None

    def _lines(self, form: str | None) -> Iterator[Line]:
        of_row = {"results": self._results_lines, "long": self._long_lines, "digits": self._digit_lines}
        lines_of = of_row[self.wish.shape](form)
        for row in self._every_row(form):
            beside = self.joining.beside(row) if self.joining else []  # of every row: whom none has is absent
            if self._sieve.takes(row):
                self.taken += 1
                yield from lines_of(row, beside)

    def _results_lines(self, form: str | None) -> Callable[[Row, Sequence[str]], Iterator[Line]]:
        kinds, names = self._kinds(form), self._fields[form]

        def lines_of(row: Row, beside: Sequence[str]) -> Iterator[Line]:
            fields = {field.name: field for field in row.fields}
            first, to_review = len(RESULTS_COLUMNS) + len(beside), set(row.to_review)
            cells: list[Value] = [row.scan, row.page, row.shown_status, " ".join(row.to_review), *beside]
            comments: dict[int, str] = {}
            pictures: dict[int, Picture] = {}
            for place, name in enumerate(names, first):
                field = fields.get(name)
                if field is None:
                    cells.append(None)
                    continue
                cells.append(kinds.value(field, row.scan, row.page) if kinds else field.value)
                if name in to_review:
                    comments[place] = comment_on(field)
                if field.kind in PICTURED and (picture := self._picture(row, name)):
                    pictures[place] = picture
            yield Line(cells, comments, pictures)

        return lines_of

    def _picture(self, row: Row, name: str) -> Picture | None:
        page = page_with(row, name)
        content = self.results.box_pictures(page.reading, name).get(1)
        if content is None:
            return None
        return Picture(f"{flat_name(page.scan, page.page, page.sha256)}-{flat(name)}.webp", content)

    def _long_lines(self, form: str | None) -> Callable[[Row, Sequence[str]], Iterator[Line]]:
        place = LONG_COLUMNS.index("value")

        def lines_of(row: Row, beside: Sequence[str]) -> Iterator[Line]:
            for field in row.fields:
                page, flagged = page_with(row, field.name), field.name in row.to_review
                status = "review" if flagged else "checked" if field.name in row.decided else "read"
                cells: list[Value] = [
                    *(page.scan, page.page, form or row.form, field.name, field.value, round(field.confidence, 4)),
                    *(" ".join(field.reasons), status, field.suggestion, *beside),
                ]
                picture = self._picture(row, field.name) if field.kind in PICTURED else None
                yield Line(cells, {place: comment_on(field)} if flagged else {}, {place: picture} if picture else {})

        return lines_of

    def _with_digits(self, page: StoredPage) -> StoredPage:
        return replace(page, digits=next(self.results.sample([page.reading])).digits)

    def _digit_lines(self, _: str | None) -> Callable[[Row, Sequence[str]], Iterator[Line]]:
        value, flag = DIGITS_COLUMNS.index("digit"), DIGITS_COLUMNS.index("needs_review")

        def lines_of(row: Row, _: Sequence[str]) -> Iterator[Line]:
            read = (page for page in row.pages if page.status == "read")
            for cells in (cells for page in read for cells in digit_cells(self._with_digits(page))):
                reason = str(cells[flag + 1])
                yield Line(cells, {value: f"{reason}\nconfidence {cells[flag - 1]:.1%}"} if cells[flag] else {})

        return lines_of


def pages_with(row: Row, name: str) -> list[StoredPage]:
    """Give the pages of a row that a field stands on; none where its page is missing."""
    return [page for page in row.pages if any(field.name == name for field in page.fields)]


def page_with(row: Row, name: str) -> StoredPage:
    """Give the page of a row that a field stands on; one where it is to be reviewed before all others."""
    having = pages_with(row, name)
    return next((page for page in having if name in page.to_review), having[0] if having else row.pages[0])


def comment_on(field: FieldReading) -> str:
    """Say why a person should look at a field, and what its rules ask for and suggest."""
    lines = [
        ", ".join(field.reasons),
        *([f"confidence {field.confidence:.1%}"] if field.kind in ("digits", "choice") else []),
    ]
    lines += [f"{rule.key}: {rule.words}" for rule in field.broken]
    return "\n".join([*lines, f"perhaps {field.suggestion}"] if field.suggestion else lines)


def _chosen(lines: Iterator[Line], places: Sequence[int], width: int) -> Iterator[Line]:
    """Take the wanted cells of lines, in the wanted order."""
    if list(places) == list(range(width)):
        yield from lines
        return
    for line in lines:
        yield Line(
            [line.cells[place] for place in places],
            {new: line.comments[old] for new, old in enumerate(places) if old in line.comments},
            {new: line.pictures[old] for new, old in enumerate(places) if old in line.pictures},
        )


def every_page(source: Source) -> Iterator[list[str]]:
    """Give the row of each page, those of no form too."""
    return ([*head(page), page.form] for page in source.repeats.marked(source.results.pages()))
