"""What the QR code of a form says that this program printed: which form, which page of it, which copy."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import quote, unquote

_START = "formreader/1/"


class PrintedCode(NamedTuple):
    """A printed page's form, its page from 1, and the copy's serial number: empty where copies are not numbered."""

    form: str
    page: int
    serial: str


def as_text(code: PrintedCode) -> str:
    """Give the text of a page's QR code."""
    return f"{_START}{quote(code.form, safe='')}/{code.page}/{quote(code.serial, safe='')}"


def from_text(text: str) -> PrintedCode | None:
    """Understand a QR code's text; None where it is none of ours."""
    if not text.startswith(_START):
        return None
    match text.removeprefix(_START).split("/"):
        case [form, page, serial] if form and page.isascii() and page.isdigit() and int(page[:4]) > 0 and len(page) < 5:
            return PrintedCode(unquote(form), int(page), unquote(serial))
        case _:
            return None
