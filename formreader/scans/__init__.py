"""Which scans there are, and decoding them."""

from __future__ import annotations

import functools
import hashlib
import io
import mmap
import os
import posixpath
import re
import stat
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, overload

import numpy as np
from numpy.typing import NDArray

from formreader.errors import NoScans, UnreadableScan
from formreader.pictures import decode, encode_png
from formreader.pictures.headers import count_pages
from formreader.places import is_address, place
from formreader.scans.in_place import decoded_in_place
from formreader.scans.pdf_form import FormEntry, form_entries
from formreader.scans.pdf_pages import count_pdf_pages, is_pdf, load_pdf_page
from formreader.values import Page, PageRef

ENDINGS: Final = frozenset(
    {".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".tif", ".tiff", ".webp", ".heic", ".heif", ".hif", ".pdf"}
)
CLUTTER: Final = frozenset({"thumbs.db", "desktop.ini", "__macosx"})
"""What desktops leave in folders; passed over without a word, like names that begin with a dot."""
_VERSIONS: Final = ("ETag", "etag", "LastModified", "Last-Modified", "mtime", "updated")
"""What stores call the thing that changes with a file's content."""
_SINGLE: Final = ENDINGS - {".tif", ".tiff", ".pdf"}
"""Endings of files that hold one page."""
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

    pages: Sequence[PageRef]
    ignored: tuple[str, ...] = ()


class _Pages(Sequence[PageRef]):
    """The pages of files, each made when it is asked for: half a million would fill the memory.

    Parameters
    ----------
    files
        Path, name and number of pages of each.
    """

    def __init__(self, files: Iterable[tuple[str, str, int]]) -> None:
        self._ends, self._cuts, self._places = array("Q"), array("Q", [0]), bytearray()
        for path, name, count in files:
            self._ends.append(len(self) + count)
            for text in (path, name):
                self._places += os.fsencode(text)
                self._cuts.append(len(self._places))

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    @overload
    def __getitem__(self, index: int) -> PageRef: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[PageRef, ...]: ...

    def __getitem__(self, index: int | slice) -> PageRef | tuple[PageRef, ...]:
        if isinstance(index, slice):
            return tuple(self[i] for i in range(*index.indices(len(self))))
        i = range(len(self))[index]
        file = bisect_right(self._ends, i)
        path, name = map(self._text, (2 * file, 2 * file + 1))
        return PageRef(place(path), i - (self._ends[file - 1] if file else 0) + 1, name)

    def _text(self, number: int) -> str:
        return os.fsdecode(bytes(self._places[self._cuts[number] : self._cuts[number + 1]]))


def find_scans(inputs: Sequence[Path], *, may_be_empty: bool = False) -> FoundScans:
    """Find the scans in files and folders, folders with all below them.

    A file that is named itself is taken whatever its ending; a pipe or device never is, as reading it might wait for
    ever. A file whose pages cannot be counted gives its first page, so that decoding it reports what is wrong. No file
    is listed twice, however it is reached.

    Raises
    ------
    NoScans
        A place does not exist or cannot be listed, or nothing there is a scan and that is not allowed.
    """
    for given in inputs:
        if not _exists(given):
            raise NoScans(f"{given}: no such file or folder; check the name")
    base = _common_parent(inputs)
    scans: dict[str, str] = {}
    ignored: dict[str, str] = {}
    for given in inputs:
        for path in _files_below(given, set()) if given.is_dir() else [given]:
            is_scan = (path == given or path.suffix.lower() in ENDINGS) and not _is_special(path)
            (scans if is_scan else ignored).setdefault(str(path.resolve()), _name_below(base, path))
    paths = sorted(scans, key=lambda path: _natural(scans[path]))
    pages = _Pages((path, scans[path], _page_count(place(path))) for path in paths)
    if not pages and not may_be_empty:
        places = ", ".join(str(given) for given in inputs) or "no place"
        others = f" (files of other kinds: {len(ignored)})" if ignored else ""
        raise NoScans(f"{places}: no scan there{others}; name files or folders with {', '.join(sorted(ENDINGS))}")
    left_out = (name for path, name in ignored.items() if path not in scans)
    return FoundScans(pages, tuple(sorted(left_out, key=_natural)))


def scans_among(paths: Iterable[Path], folders: Sequence[Path]) -> Iterator[PageRef]:
    """Give the pages of those files below some folders that `find_scans` would find there, under the same names."""
    base = _common_parent(folders)
    named: dict[Path, str] = {}
    for path in (_below_as_given(path, folders) for path in paths):
        if _would_be_found(path, folders):
            named.setdefault(path.resolve(), _name_below(base, path))
    for path in sorted(named, key=lambda path: _natural(named[path])):
        yield from (PageRef(path, page, named[path]) for page in range(1, _page_count(path) + 1))


def files_below(folder: Path) -> Iterator[Path]:
    """Give the files that `find_scans` looks at in a folder, or a file itself; what cannot be listed ends them."""
    with suppress(NoScans):
        yield from _files_below(folder, set()) if _is_folder(folder) else [folder]


def _below_as_given(path: Path, folders: Sequence[Path]) -> Path:
    """Give a path below the folder as it was given, also where some systems tell of what its links lead to."""
    for folder in folders:
        if not path.absolute().is_relative_to(folder.absolute()) and path.is_relative_to(folder.resolve()):
            return folder.absolute() / path.relative_to(folder.resolve())
    return path


def _would_be_found(path: Path, folders: Sequence[Path]) -> bool:
    """Say whether a file is a scan by its ending, and nothing above it says that what is there is none."""
    if path.suffix.lower() not in ENDINGS or not file_stamp(path) or _is_special(path):
        return False
    roots = [folder for folder in map(Path.absolute, folders) if path.absolute().is_relative_to(folder)]
    return any(
        not any(map(_is_passed_over, path.absolute().relative_to(root).parts))
        and not any(
            (parent / RESULTS_MARK).exists() for parent in path.absolute().parents if parent.is_relative_to(root)
        )
        for root in roots
    )


def fingerprint(path: Path, name: str = "") -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal; `name` is what messages call the file.

    Raises
    ------
    UnreadableScan
        The file cannot be read.
    """
    try:
        with _errors_of_any_store():
            state = path.stat()
        return _sha256(path, state.st_mtime_ns, state.st_size)
    except OSError as error:
        raise UnreadableScan(_why_not_read(name or str(path), error)) from error


def file_stamp(path: Path) -> str:
    """Give what changes with a file's content: size and times; empty where the file cannot be asked."""
    try:
        with _errors_of_any_store():
            state = path.stat()
    except OSError:
        return ""
    if not is_address(path):
        return f"{state.st_size}-{state.st_mtime_ns}-{state.st_ctime_ns}"
    told: Mapping[str, Any] = getattr(state, "as_info", dict)()
    version = next((told[name] for name in _VERSIONS if told.get(name)), "")
    return f"{state.st_size}-{version}" if version else ""


def identified(ref: PageRef, known_content: Callable[[Path, str], str] = lambda _path, _stamp: "") -> PageRef:
    """Give a page its file's fingerprint; a file of many pages is hashed once.

    Parameters
    ----------
    known_content
        Gives the fingerprint that a file had under a stamp, or nothing: what has not changed is not hashed again.
    """
    if ref.sha256:
        return ref
    stamp = file_stamp(ref.path)
    sha256 = known_content(ref.path, stamp) or fingerprint(ref.path, str(ref))
    return replace(ref, sha256=sha256, stamp=stamp)


def load_page(ref: PageRef) -> Page:
    """Decode a page.

    Raises
    ------
    UnreadableScan
        The file is no picture, broken, too small to hold a form, or not the one whose fingerprint was taken.
    ScanTooLarge
        It has more pixels than any scanner makes; it was not decoded.
    LockedPdf
        The PDF needs a password.
    """
    try:
        with _errors_of_any_store():
            state = ref.path.stat()
        fetched = _fetched if ref.path.suffix.lower() in _SINGLE else _content
        content = fetched(ref.path, state.st_mtime_ns, state.st_size)
    except OSError as error:
        raise UnreadableScan(_why_not_read(str(ref), error)) from error
    if is_pdf(content):
        picture = load_pdf_page(content, str(ref), ref.page)
    else:
        in_place = None if is_address(ref.path) else functools.partial(decoded_in_place, ref.path)
        picture = decode(content, str(ref), ref.page, in_place=in_place)
    if ref.stamp and not is_address(ref.path) and file_stamp(ref.path) != ref.stamp:
        # What was decoded is not the content that the page is stored under.
        raise UnreadableScan(f"{ref}: the file was changed while it was read; run the same command again")
    return Page(ref, picture.grey, picture.colour, picture.dpi)


def page_of(content: bytes, ref: PageRef) -> Page:
    """Decode a page of a file that is in memory; raises as `load_page` does."""
    name = str(ref)
    picture = load_pdf_page(content, name, ref.page) if is_pdf(content) else decode(content, name, ref.page)
    return Page(ref, picture.grey, picture.colour, picture.dpi)


def count_pages_of(content: bytes) -> int:
    """Count the pages of a file that is in memory; 1 where they cannot be counted: decoding says what is wrong."""
    return count_pdf_pages(io.BytesIO(content)) if is_pdf(content) else count_pages(content)


def entries_on(ref: PageRef) -> tuple[FormEntry, ...]:
    """Give the form fields that a fillable PDF has on a page; none of any other file."""
    try:
        content = ref.path.read_bytes()
    except OSError as error:
        raise UnreadableScan(_why_not_read(str(ref), error)) from error
    return form_entries(content, str(ref), ref.page) if is_pdf(content) else ()


def save_picture(path: Path, picture: NDArray[np.uint8]) -> None:
    """Write a grey or blue-green-red picture as PNG; any letters may stand in the path."""
    path.write_bytes(encode_png(picture))


def _files_below(folder: Path, seen: set[Path]) -> Iterator[Path]:
    """Walk a folder; `seen` holds the real places of folders walked, so that a link to a parent ends the walk."""
    if (real := folder.resolve()) in seen:
        return
    seen.add(real)
    try:
        names = sorted((entry.name for entry in folder.iterdir()), key=_natural)  # paths would be ten times as large
    except OSError as error:
        raise NoScans(f"{folder}: cannot be listed ({error.strerror}); allow reading it or leave it out") from error
    if RESULTS_MARK in names:
        return
    for entry in (folder / name for name in names if not _is_passed_over(name)):
        if _is_folder(entry):
            yield from _files_below(entry, seen)
        else:
            yield entry


def _is_passed_over(name: str) -> bool:
    return name.startswith(".") or name.lower() in CLUTTER


def _is_folder(path: Path) -> bool:
    """Say whether this is a folder; what cannot be asked is a file that decoding will report."""
    try:
        return path.is_dir()
    except OSError:
        return False


def _is_special(path: Path) -> bool:
    """Say whether this is a pipe, a socket or a device; what cannot be asked is a file that decoding will report."""
    try:
        return not stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return False


def _exists(given: Path) -> bool:
    try:
        return given.exists()
    except Exception as error:
        raise NoScans(f"{given}: cannot be looked at ({error}); check the address and that you may read it") from error


def _common_parent(inputs: Sequence[Path]) -> str | None:
    """Return the folder that all names are relative to; None where there is none: two drives, a disk and an address."""
    folders = [_absolute(given if given.is_dir() else given.parent) for given in inputs]
    stores = {folder.partition("://")[0] if is_address(folder) else "" for folder in folders}
    if len(stores) > 1:
        return None
    (store,) = stores or {""}
    if store:
        return f"{store}://{posixpath.commonpath([folder.partition('://')[2] for folder in folders])}"
    try:
        return os.path.commonpath(folders)
    except ValueError:
        return None


def _name_below(base: str | None, path: Path) -> str:
    absolute = _absolute(path)
    if is_address(absolute):
        return absolute.removeprefix(f"{base}/") if base else absolute
    return (Path(absolute).relative_to(base) if base else Path(absolute)).as_posix()


def _absolute(path: Path) -> str:
    return str(path) if is_address(path) else os.path.abspath(path)  # noqa: PTH100 - resolve() would follow links


def _natural(name: str) -> str:
    """Sort key that puts page2 before page10, folder by folder: numbers first, the longer after the shorter."""
    return re.sub(r"[0-9]+|/|[^0-9/]+", _ordered, name)


def _ordered(part: re.Match[str]) -> str:
    """Write a part so that at any place the end comes first, then a number, a slash, any letter."""
    text = part[0]
    if text == "/":
        return "\0\1"
    if not text[0].isdecimal():
        return text.casefold()
    number = text.lstrip("0")
    return f"\0\0{chr(len(number))}{number}"


def _page_count(path: Path) -> int:
    if is_address(path):
        return 1 if path.suffix.lower() in _SINGLE else _page_count_afar(path)
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return count_pdf_pages(file) if is_pdf(content) else count_pages(content)
    except (OSError, ValueError):  # cannot be opened, or empty
        return 1


def _page_count_afar(path: Path) -> int:
    """Count the pages of a file that must be fetched for it."""
    try:
        return count_pages_of(path.read_bytes())
    except Exception:  # noqa: BLE001 - decoding it reports what is wrong
        return 1


def _fetched(path: Path, _changed: int, _size: int) -> bytes:
    with _errors_of_any_store():
        return path.read_bytes()


_content = functools.lru_cache(maxsize=1)(_fetched)
"""Read a file of many pages; the last one is kept, as its next page is mostly what is asked for next."""


@functools.lru_cache(maxsize=256)
def _sha256(path: Path, _changed: int, _size: int) -> str:
    with _errors_of_any_store(), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _errors_of_any_store() -> Iterator[None]:
    """Turn what a store's own library raises into what a disk would say."""
    try:
        yield
    except OSError:
        raise
    except Exception as error:
        raise OSError(0, f"{type(error).__name__}: {error}") from error


def _why_not_read(name: str, error: OSError) -> str:
    if isinstance(error, IsADirectoryError | PermissionError) and _is_folder(Path(name)):
        return f"{name}: a folder, no picture; give the folder itself to read what is in it"
    return f"{name}: cannot be read ({error.strerror}); check that it is there and that you may read it"
