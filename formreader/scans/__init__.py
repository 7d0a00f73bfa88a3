"""Which scans there are, and decoding them."""

from __future__ import annotations

import functools
import hashlib
import mmap
import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from formreader.errors import NoScans, UnreadableScan
from formreader.pictures import decode, encode_png
from formreader.pictures.headers import count_pages
from formreader.scans.in_place import decoded_in_place
from formreader.scans.pdf_pages import count_pdf_pages, is_pdf, load_pdf_page
from formreader.values import Page, PageRef

ENDINGS: Final = frozenset(
    {".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".tif", ".tiff", ".webp", ".heic", ".heif", ".hif", ".pdf"}
)
CLUTTER: Final = frozenset({"thumbs.db", "desktop.ini", "__macosx"})
"""What desktops leave in folders; passed over without a word, like names that begin with a dot."""
RESULTS_MARK: Final = "batch.sqlite"
"""A folder holding this is a results folder: its pictures are not scans."""


@dataclass(frozen=True, slots=True)
class FoundScans:
    """What lies at the given places.

    Attributes
    ----------
    pages
        Every page of every scan, in natural order of their names.
    ignored
        Names of files in the folders whose ending says that they are no scans, and of what is no file: pipes, devices.
    """

    pages: tuple[PageRef, ...]
    ignored: tuple[str, ...] = ()


def find_scans(inputs: Sequence[Path]) -> FoundScans:
    """Find the scans in files and folders, folders with all below them.

    A file that is named itself is taken whatever its ending; a pipe or device never is, as reading it might wait for
    ever. A file whose pages cannot be counted gives its first page, so that decoding it reports what is wrong. No file
    is listed twice, however it is reached.

    Raises
    ------
    NoScans
        A place does not exist or cannot be listed, or nothing there is a scan.
    """
    for given in inputs:
        if not given.exists():
            raise NoScans(f"{given}: no such file or folder; check the name")
    base = _common_parent(inputs)
    scans: dict[Path, str] = {}
    ignored: dict[Path, str] = {}
    for given in inputs:
        for path in _files_below(given, set()) if given.is_dir() else [given]:
            is_scan = (path == given or path.suffix.lower() in ENDINGS) and not _is_special(path)
            (scans if is_scan else ignored).setdefault(path.resolve(), _name_below(base, path))
    paths = sorted(scans, key=lambda path: _natural(scans[path]))
    pages = [PageRef(path, page, scans[path]) for path in paths for page in range(1, _page_count(path) + 1)]
    if not pages:
        places = ", ".join(str(given) for given in inputs) or "no place"
        others = f" (files of other kinds: {len(ignored)})" if ignored else ""
        raise NoScans(f"{places}: no scan there{others}; name files or folders with {', '.join(sorted(ENDINGS))}")
    left_out = (name for path, name in ignored.items() if path not in scans)
    return FoundScans(tuple(pages), tuple(sorted(left_out, key=_natural)))


def fingerprint(path: Path, name: str = "") -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal; `name` is what messages call the file.

    Raises
    ------
    UnreadableScan
        The file cannot be read.
    """
    try:
        state = path.stat()
        return _sha256(path, state.st_mtime_ns, state.st_size)
    except OSError as error:
        raise UnreadableScan(_why_not_read(name or str(path), error)) from error


def identified(ref: PageRef) -> PageRef:
    """Give a page its file's fingerprint; a file of many pages is hashed once."""
    return ref if ref.sha256 else replace(ref, sha256=fingerprint(ref.path, str(ref)))


def load_page(ref: PageRef) -> Page:
    """Decode a page.

    Raises
    ------
    UnreadableScan
        The file is no picture, broken, or too small to hold a form.
    ScanTooLarge
        It has more pixels than any scanner makes; it was not decoded.
    LockedPdf
        The PDF needs a password.
    """
    try:
        state = ref.path.stat()
        content = _content(ref.path, state.st_mtime_ns, state.st_size)
    except OSError as error:
        raise UnreadableScan(_why_not_read(str(ref), error)) from error
    if is_pdf(content):
        picture = load_pdf_page(content, str(ref), ref.page)
    else:
        picture = decode(content, str(ref), ref.page, in_place=functools.partial(decoded_in_place, ref.path))
    return Page(ref, picture.grey, picture.colour, picture.dpi)


def save_picture(path: Path, picture: NDArray[np.uint8]) -> None:
    """Write a grey or blue-green-red picture as PNG; any letters may stand in the path."""
    path.write_bytes(encode_png(picture))


def _files_below(folder: Path, seen: set[Path]) -> Iterator[Path]:
    """Walk a folder; `seen` holds the real places of folders walked, so that a link to a parent ends the walk."""
    if (real := folder.resolve()) in seen:
        return
    seen.add(real)
    try:
        entries = sorted(folder.iterdir(), key=lambda path: _natural(path.name))
    except OSError as error:
        raise NoScans(f"{folder}: cannot be listed ({error.strerror}); allow reading it or leave it out") from error
    if any(entry.name == RESULTS_MARK for entry in entries):
        return
    for entry in entries:
        if entry.name.startswith(".") or entry.name.lower() in CLUTTER:
            continue
        if entry.is_dir():
            yield from _files_below(entry, seen)
        else:
            yield entry


def _is_special(path: Path) -> bool:
    """Say whether this is a pipe, a socket or a device; what cannot be asked is a file that decoding will report."""
    try:
        return not stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return False


def _common_parent(inputs: Sequence[Path]) -> Path | None:
    """Return the folder that all names are relative to; None where there is none (two drives)."""
    folders = [os.path.abspath(given if given.is_dir() else given.parent) for given in inputs]  # noqa: PTH100 - links stay
    try:
        return Path(os.path.commonpath(folders))
    except ValueError:
        return None


def _name_below(base: Path | None, path: Path) -> str:
    absolute = Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow links out of the folder
    return (absolute.relative_to(base) if base else absolute).as_posix()


def _natural(name: str) -> list[tuple[bool, int, str]]:
    """Sort key that puts page2 before page10, folder by folder."""
    parts = re.findall(r"([0-9]+)|(/)|([^0-9/]+)", name)
    return [(not number, int(number or 0), text.casefold()) for number, _, text in parts]


def _page_count(path: Path) -> int:
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return count_pdf_pages(file) if is_pdf(content) else count_pages(content)
    except (OSError, ValueError):  # cannot be opened, or empty
        return 1


@functools.lru_cache(maxsize=1)
def _content(path: Path, _changed: int, _size: int) -> bytes:
    """Read a file; the last one is kept, as its next page is mostly what is asked for next."""
    return path.read_bytes()


@functools.lru_cache(maxsize=256)
def _sha256(path: Path, _changed: int, _size: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _why_not_read(name: str, error: OSError) -> str:
    if isinstance(error, IsADirectoryError | PermissionError) and Path(name).is_dir():
        return f"{name}: a folder, no picture; give the folder itself to read what is in it"
    return f"{name}: cannot be read ({error.strerror}); check that it is there and that you may read it"
