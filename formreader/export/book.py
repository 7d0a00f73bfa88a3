"""An XLSX workbook, written row by row: what is in memory does not grow with the rows.

All that people or scans say is written as text with `write_string`, never as a formula or a link.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date, time
from decimal import Decimal
from io import BytesIO
from itertools import chain, count
from pathlib import Path
from typing import Any, Final

import xlsxwriter
from xlsxwriter.utility import xl_range

from formreader.errors import UnusableCall
from formreader.export.cell_pictures import PICTURE_COLUMN_PX, PICTURE_ROW_PX, as_jpeg
from formreader.export.places import whole
from formreader.export.shape import Kind, Line, Picture, Table, Value
from formreader.workbooks import LARGEST_SHEET

COMMENTS: Final = 20_000
"""Cells with a comment, which stay in memory until the end; further flagged ones are coloured only."""
LONGEST_NAME: Final = 31
"""Letters of a sheet's name."""

_OWN: Final = frozenset(
    ("history", "pages", "to review", "failed", "changes", "as text", "absent", "unknown", "double", "about")
)
"""Names of sheets that a form's cannot have: Excel's own, and those that say always the same."""

_FLAGGED: Final = "#FFD966"
_HEADER: Final = "#E7ECF3"
_WIDTHS: Final = (6, 36)
"""The narrowest and the widest column, in letters."""
_LOOKED_AT: Final = 1_000
"""Rows whose texts decide how wide columns are."""


_FITS_PAPER: Final = 20
"""Columns that are still readable on the width of a sheet of paper."""


class Book:
    """A workbook that is being written; `open_book` makes it.

    Attributes
    ----------
    notes
        What whoever opens it should know.
    """

    def __init__(self, book: Any, pictures: int, day: str = "yyyy-mm-dd") -> None:
        self.book = book
        self.notes: list[str] = []
        self.pictures_left = pictures
        self._comments_left = COMMENTS
        self._names: set[str] = set()
        top = {"valign": "vcenter"}
        self.head = book.add_format(
            {"bold": True, "num_format": "@", "bg_color": _HEADER, "bottom": 1, "align": "left", **top}
        )
        shown = {"text": "@", "digits": "@", "whole": "0", "number": "General", "share": "0.0000", "flag": "0"}
        shown |= {"date": day, "time": "hh:mm"}
        sides = {kind: {"align": "left" if kind in ("text", "digits") else "center", **top} for kind in shown}
        self.looks = {kind: book.add_format({"num_format": form, **sides[kind]}) for kind, form in shown.items()}
        self.flagged = {
            kind: book.add_format({"num_format": form, "bg_color": _FLAGGED, **sides[kind]})
            for kind, form in shown.items()
        }
        self.entry = book.add_format({"num_format": "@", "border": 1, "border_color": "#7A9E7E", **top})
        self.link = book.add_format({"num_format": "@", "font_color": "#0B57D0", "underline": 1, **top})
        self.wrapped = book.add_format({"num_format": "@", "text_wrap": True, **top})

    def add(self, table: Table, *, own: bool = False) -> None:
        """Write a table to a sheet, or to several where one cannot hold its rows.

        Parameters
        ----------
        own
            Its name is one of those that a form's table cannot have.

        Raises
        ------
        UnusableCall
            It has more columns than a sheet.
        """
        if len(table.columns) > LARGEST_SHEET[1]:
            raise UnusableCall(
                f"{table.name}: a sheet cannot hold {len(table.columns):,} columns; export to .csv or choose --columns"
            )
        sheet, sheets = _Sheet(self, table, own=own), 1
        for line in table.lines:
            if sheet.is_full:
                sheet.end()
                sheet, sheets = _Sheet(self, table, own=own), sheets + 1
            sheet.add(line)
        sheet.end()
        if sheets > 1:
            self.notes.append(
                f"'{table.name}' has more rows than the {LARGEST_SHEET[0]:,} of a sheet, and goes on in"
                f" {sheets - 1} more: '{table.name} 2', ..."
            )

    def name_sheet(self, wanted: str, *, own: bool = True) -> str:
        """Give a sheet's name as Excel allows: up to 31 letters, no name twice, whatever its case."""
        name = free_name(wanted, self._names if own else self._names | _OWN)
        self._names.add(name.casefold())
        return name

    def comment(self, sheet: Any, row: int, column: int, text: str) -> None:
        """Put a comment on a flagged cell, while there is room for more."""
        if self._comments_left == 0:
            self.notes.append(f"Only the first {COMMENTS:,} flagged cells have a comment; the others are coloured only")
        self._comments_left -= 1
        if self._comments_left >= 0:
            lines = text.count("\n") + 1 + len(text) // 40
            sheet.write_comment(row, column, text, {"x_scale": 1.6, "y_scale": max(0.6, 0.3 * lines)})

    def write(self, sheet: Any, row: int, column: int, value: Value, kind: Kind, *, flagged: bool = False) -> None:
        """Write a value: as a number, a day or a time where it is one, else as text."""
        look = (self.flagged if flagged else self.looks)[_kind_of(value, kind)]
        if isinstance(value, str):
            sheet.write_string(row, column, value, look)
        elif value is None:
            if flagged:
                sheet.write_blank(row, column, None, look)
        elif isinstance(value, date | time):
            sheet.write_datetime(row, column, value, look)
        else:
            sheet.write_number(row, column, float(value) if isinstance(value, Decimal) else value, look)

    def picture(self, sheet: Any, row: int, column: int, picture: Picture) -> None:
        """Put a picture into a cell, in whose middle it lies and with which it moves; rows must come in order."""
        content, size = as_jpeg(picture.content)
        sheet.set_row_pixels(row, PICTURE_ROW_PX)
        sheet.insert_image(
            *(row, column, picture.name),
            {
                "image_data": BytesIO(content),
                "x_scale": size.factor,
                "y_scale": size.factor,
                "x_offset": 3,
                "y_offset": max(1.0, (PICTURE_ROW_PX - size.height) / 2),
                "object_position": 1,  # moves and grows with the cell: sorting takes it along
                "decorative": True,
            },
        )


class _Sheet:
    """One sheet of a table."""

    def __init__(self, book: Book, table: Table, *, own: bool) -> None:
        self._book = book
        self._columns = table.columns
        self._sheet = book.book.add_worksheet(book.name_sheet(table.name, own=own))
        self._last = 0
        self._widest = [len(column.name) + 3 for column in table.columns]
        self._pictured: set[int] = set()
        for place, column in enumerate(table.columns):
            self._sheet.write_string(0, place, column.name, book.head)
        self._sheet.freeze_panes(1, 1)
        for_paper(self._sheet, len(table.columns))

    @property
    def is_full(self) -> bool:
        return self._last + 1 >= LARGEST_SHEET[0]

    def add(self, line: Line) -> None:
        self._last += 1
        if self._last <= _LOOKED_AT:
            widths = (len(cell) if isinstance(cell, str) else 8 for cell in line.cells)
            self._widest = list(map(max, self._widest, widths))
        for place, (cell, column) in enumerate(zip(line.cells, self._columns, strict=True)):
            self._book.write(self._sheet, self._last, place, cell, column.kind, flagged=place in line.comments)
        for place, text in line.comments.items():
            self._book.comment(self._sheet, self._last, place, text)
        for place, picture in line.pictures.items():
            if self._book.pictures_left == 0:
                self._book.notes.append(
                    "Not all pictures are shown, as there are so many; --strips changes how many are"
                )
            if self._book.pictures_left > 0:
                self._pictured.add(place)
                self._book.picture(self._sheet, self._last, place, picture)
            self._book.pictures_left -= 1

    def end(self) -> None:
        last = len(self._columns) - 1
        least, most = _WIDTHS
        for place, letters in enumerate(self._widest):
            self._sheet.set_column(place, place, min(max(letters + 1.5, least), most))
        for place in self._pictured:
            self._sheet.set_column_pixels(place, place, PICTURE_COLUMN_PX)
        self._sheet.autofilter(0, 0, self._last, last)
        # Text that looks like a number is meant: without this, Excel marks each such cell with a green corner.
        self._sheet.ignore_errors({"number_stored_as_text": xl_range(0, 0, self._last, last)})


def for_paper(sheet: Any, columns: int) -> None:
    """Have a sheet printed on landscape A4, its header on each page, its columns on one if they are few."""
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.repeat_rows(0)
    if columns <= _FITS_PAPER:
        sheet.fit_to_pages(1, 0)


@contextmanager
def open_book(target: Path, pictures: int, day: str = "yyyy-mm-dd") -> Iterator[Book]:
    """Give a workbook to be written; it is there, whole, when the ``with`` block ends.

    Parameters
    ----------
    pictures
        How many it may hold.
    day
        How dates are shown.

    Raises
    ------
    BatchError
        It cannot be written.
    """
    with whole(target) as part:
        never = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
        made = xlsxwriter.Workbook(str(part), {"constant_memory": True, **never})
        yield Book(made, pictures, day)
        try:
            made.close()
        except xlsxwriter.exceptions.FileCreateError as error:
            raise OSError(str(error)) from error


def free_name(wanted: str, taken: Iterable[str]) -> str:
    """Give a sheet's name like the wanted one, as Excel allows it, that is not among those taken."""
    flat = re.sub(r"[\[\]:*?/\\\x00-\x1f]|^'|'$", "_", wanted) or "_"
    names = (flat[: LONGEST_NAME - len(end)] + end for end in chain([""], (f" {number}" for number in count(2))))
    return next(name for name in names if name.casefold() not in set(taken))


def _kind_of(value: Value, kind: Kind) -> Kind:
    """Give how a cell is shown: a text is text in a column of numbers too."""
    return "text" if isinstance(value, str) else kind
