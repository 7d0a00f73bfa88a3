"""What pages say of themselves: their names, and what their codes tell."""

from __future__ import annotations

from pathlib import PurePosixPath

from formreader.printed import PrintedCode, from_text
from formreader.store import StoredPage


def named(page: StoredPage) -> str:
    """Give a page's name as people see it."""
    return page.scan if page.page == 1 else f"{page.scan}#{page.page}"


def place_of(page: StoredPage) -> PurePosixPath:
    """Give the folder in which a page's file lies."""
    return PurePosixPath(page.folder) if page.folder else PurePosixPath(page.scan).parent


def printed_code(page: StoredPage) -> PrintedCode | None:
    """Give what the code of a page says that this program printed, if just one such code is on it."""
    codes = {code for one in page.codes if one.kind == "qr" and (code := from_text(one.text))}
    return codes.pop() if len(codes) == 1 else None


def serial_of(page: StoredPage) -> tuple[str, str] | None:
    """Give the form and the serial number that a page's code says; None where it says none."""
    code = printed_code(page)
    return (code.form, code.serial) if code and code.serial else None
