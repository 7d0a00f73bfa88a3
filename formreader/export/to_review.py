"""The sheet *To review*: a row a flagged field, with its picture and an empty cell for what is right.

Filled, it goes back into the batch; hidden columns say by which reading each row came to be, and show what was edited.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, NamedTuple

from xlsxwriter.utility import xl_range

from formreader.export.book import Book, for_paper
from formreader.export.cell_pictures import PICTURE_COLUMN_PX
from formreader.export.folder import by_form
from formreader.export.rows import Source, pages_with
from formreader.export.strips import Strips
from formreader.store import ScanPlaces, StoredPage
from formreader.values import FieldReading
from formreader.workbooks import LARGEST_SHEET

SHEET: Final = "To review"
"""What the sheet's name begins with; it goes on in further ones."""
SHOWN: Final = (
    *("scan", "page", "field", "picture", "read", "right value", "stands anyway"),
    *("reasons", "confidence", "suggestion"),
)
ENTRIES: Final = ("right value", "stands anyway")
"""The columns that people fill."""
HIDDEN: Final = ("batch", "content", "its page", "its field", "reading", "value then", "decision then", "seal")
"""Beside the key of a field: what was read and decided of it then, and a seal over all of them."""
HEADER: Final = (*SHOWN, *HIDDEN)

BLANK: Final = "_"
AS_READ: Final = "ok"
ENTRY_HELP: Final = (
    "What is written on the paper. Empty: nothing is said.\n"
    f"{AS_READ}: it is right as read\n"
    f"{BLANK}: nothing is written there\n"
    "?: a box that nobody can read\n"
    "Then: formreader import RESULTS BOOK.xlsx"
)
ANYWAY_HELP: Final = "yes: the right value is what is written, although it breaks a rule of the form, or has a ? in it."
_WIDTHS: Final = (26, 6, 16, 0, 14, 16, 14, 24, 11, 14)
_LINKS: Final = 60_000
"""Excel shows up to 65,530 in a sheet."""
_LONGEST_LINK: Final = 2_000


class Key(NamedTuple):
    """What a row is about, as the batch had it when the sheet was written."""

    batch: str
    content: str
    page: str
    field: str
    reading: str
    value: str
    decision: str

    @property
    def seal(self) -> str:
        """Show whether any of it was edited."""
        return hashlib.sha256("\x1f".join(self).encode("utf-8", "surrogatepass")).hexdigest()[:12]


@dataclass(slots=True)
class Counts:
    """What the rows of a book hold.

    Attributes
    ----------
    status
        Of rows, how many.
    accepted
        Accepted fields of digits that no person decided, by how many are written in them.
    """

    status: Counter[str] = field(default_factory=Counter)
    flagged: int = 0
    decided: int = 0
    accepted: Counter[int] = field(default_factory=Counter)


class Item(NamedTuple):
    """A flagged field as its row shows it; one of a page that is missing has no key."""

    scan: str
    page: int
    field: FieldReading
    key: Key | None
    places: ScanPlaces | None
    page_read: StoredPage


def write_to_review(book: Book, source: Source) -> Counts:
    """Write the sheet; count what is in the rows meanwhile."""
    counts = Counts()
    strips = Strips(source.results, source.wish.strips, source.tell)
    sheet, row, has_more = _begun(book), 0, False
    for item in _items(source, strips, counts):
        if row + 1 >= LARGEST_SHEET[0]:
            _end(sheet, row)
            sheet, row, has_more = _begun(book), 0, True
        row += 1
        _write(book, sheet, row, item, strips)
    _end(sheet, row)
    if counts.flagged > source.wish.strips:
        book.notes.append(
            f"Only the first {source.wish.strips:,} fields to review have a picture; --strips changes that"
        )
    if has_more:
        book.notes.append(f"'{SHEET}' has more rows than a sheet, and goes on in '{SHEET} 2', ...")
    return counts


def _items(source: Source, strips: Strips, counts: Counts) -> Iterator[Item]:
    """Give what is flagged, row by row; count all that is passed."""
    for form in by_form(source.results):
        for row in source.rows(form):
            counts.status[row.shown_status] += 1
            counts.decided += len(row.decided)
            to_review = set(row.to_review)
            for one in row.fields:
                if one.name not in to_review:
                    if one.kind == "digits" and one.name not in row.decided and not one.reasons:
                        counts.accepted[len(one.value)] += 1
                    continue
                counts.flagged += 1
                pages = pages_with(row, one.name)
                yield from (_item(source, strips, page, one) for page in pages)
                if not pages:
                    yield Item(row.scan, row.page, one, None, None, row.pages[0])


def _item(source: Source, strips: Strips, page: StoredPage, flagged: FieldReading) -> Item:
    """Give a field as one page of its row has it, with the row's reasons."""
    own = next(known for known in page.fields if known.name == flagged.name)
    decision = source.results.version_of(page, own.name)
    told = (page.sha256, str(page.page), own.name, str(page.reading), own.value, str(decision))
    shown = replace(own, reasons=flagged.reasons, broken=flagged.broken)
    return Item(page.scan, page.page, shown, Key(source.results.code, *told), strips.places(page), page)


def _begun(book: Book) -> Any:
    sheet = book.book.add_worksheet(book.name_sheet(SHEET))
    for place, name in enumerate(HEADER):
        sheet.write_string(0, place, name, book.head)
    look = {"x_scale": 2.2, "y_scale": 1.4}
    sheet.write_comment(0, HEADER.index("right value"), ENTRY_HELP, look)
    sheet.write_comment(0, HEADER.index("stands anyway"), ANYWAY_HELP, look)
    sheet.freeze_panes(1, 3)
    for_paper(sheet, len(SHOWN))
    return sheet


def _write(book: Book, sheet: Any, row: int, item: Item, strips: Strips) -> None:
    picture, missing = strips.of(item.page_read, item.field.name) if item.key else (None, "the page is missing")
    cells = _cells(item, missing)
    for place, cell in enumerate(cells):
        name = HEADER[place]
        if name == "page":
            book.write(sheet, row, place, item.page, "whole")
        elif name == "confidence":
            if not item.field.is_keyed:
                book.write(sheet, row, place, item.field.confidence, "share")
        elif name in ENTRIES:
            sheet.write_blank(row, place, None, book.entry)
        else:
            book.write(sheet, row, place, cell, "text", flagged=name == "read")
    if (link := _link(item.places)) and row <= _LINKS:
        sheet.write_url(row, 0, link, book.link, item.scan)
    if picture is not None:
        book.picture(sheet, row, HEADER.index("picture"), picture)


def _cells(item: Item, missing: str) -> Sequence[str]:
    one = item.field
    reasons = [*one.reasons, *(rule.words for rule in one.broken)]
    shown = (item.scan, "", one.name, missing, one.value, "", "", ", ".join(reasons), "", one.suggestion)
    return (*shown, *item.key, item.key.seal) if item.key else (*shown, *[""] * len(HIDDEN))


def _end(sheet: Any, last: int) -> None:
    for place, letters in enumerate(_WIDTHS):
        sheet.set_column(place, place, letters)
    sheet.set_column_pixels(HEADER.index("picture"), HEADER.index("picture"), PICTURE_COLUMN_PX)
    sheet.set_column(len(SHOWN), len(HEADER) - 1, None, None, {"hidden": True})
    sheet.autofilter(0, 0, last, len(HEADER) - 1)  # with the hidden columns: sorting takes them along
    sheet.ignore_errors({"number_stored_as_text": xl_range(0, 0, last, len(HEADER) - 1)})
    if last:
        anyway = HEADER.index("stands anyway")
        sheet.data_validation(1, anyway, last, anyway, {"validate": "list", "source": ["yes"], "ignore_blank": True})


def _link(places: ScanPlaces | None) -> str:
    """Give the address of a scan that lies on a disk; the name of another stands there as text alone."""
    path = places.paths[0] if places and places.paths else ""
    if not path or "://" in path or not Path(path).is_absolute():
        return ""
    # XlsxWriter rewrites addresses that begin with file:// for Windows alone; it lets this through, and schemes have
    # no case (RFC 3986).
    link = "FILE" + Path(path).as_uri().removeprefix("file")
    return link if len(link) <= _LONGEST_LINK else ""
