"""TIFF's directories, a chain of them, one a page; BigTIFF has the same with 8-byte places. EXIF is one too."""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass
from typing import Final

Content = bytes | mmap.mmap

BROKEN: Final = (struct.error, IndexError, OverflowError)
"""What reading a header raises where it breaks off or names a place outside the file."""

MOST_PAGES: Final = 20_000
CM_PER_INCH: Final = 2.54

STARTS: Final = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_TYPES: Final = {1: "B", 3: "H", 4: "I", 5: "II", 16: "Q"}  # byte, short, long, rational, long8
_SUBFILE, _WIDTH, _HEIGHT, _ORIENTATION, _ACROSS, _ALONG, _UNIT = 254, 256, 257, 274, 282, 283, 296
_PIECES: Final = ((273, 279), (324, 325))  # where strips and tiles lie, and their lengths
_KNOWN: Final = {_SUBFILE, _WIDTH, _HEIGHT, _ORIENTATION, _ACROSS, _ALONG, _UNIT, 273, 279, 324, 325}


@dataclass(frozen=True, slots=True)
class Directory:
    """What one page's directory says, as far as it matters here.

    Attributes
    ----------
    place
        Where it lies in the file, in bytes.
    tags
        Values by tag number.
    """

    place: int
    tags: dict[int, tuple[int, ...]]

    @property
    def size(self) -> tuple[int, int] | None:
        """Width and height in pixels, where it says them."""
        if not self.tags.get(_WIDTH) or not self.tags.get(_HEIGHT):
            return None
        return self.tags[_WIDTH][0], self.tags[_HEIGHT][0]

    @property
    def resolution(self) -> tuple[float, float] | None:
        """Pixels an inch, across and along."""
        unit = (self.tags.get(_UNIT) or (2,))[0]
        across, along = self.tags.get(_ACROSS, ()), self.tags.get(_ALONG, ())
        if unit not in (2, 3) or len(across) != 2 or len(along) != 2 or not across[1] or not along[1]:
            return None
        factor = CM_PER_INCH if unit == 3 else 1.0
        return across[0] / across[1] * factor, along[0] / along[1] * factor

    @property
    def orientation(self) -> int:
        """How the picture is to be turned, 1 to 8; 1 as it is."""
        said = (self.tags.get(_ORIENTATION) or (1,))[0]
        return said if 1 <= said <= 8 else 1

    @property
    def end(self) -> int:
        """Where the last of its strips or tiles ends in the file."""
        ends = [
            at + length
            for ats, lengths in _PIECES
            for at, length in zip(self.tags.get(ats, ()), self.tags.get(lengths, ()), strict=False)
        ]
        return max(ends, default=0)


def pages_of(content: Content) -> list[Directory]:
    """Walk the chain: each page's directory, without the reduced copies that some scanners add to a page."""
    order, is_big, place = _start(content)
    pages: list[Directory] = []
    seen: set[int] = set()
    while place and place not in seen and len(seen) < MOST_PAGES:
        seen.add(place)
        directory, following = _read(content, order, place, is_big=is_big)
        pages.append(directory)
        place = following
    return [page for page in pages if not (page.tags.get(_SUBFILE) or (0,))[0] & 1] or pages


def exif_of(block: bytes) -> Directory | None:
    """Read the first directory of an EXIF block; None where it is broken."""
    try:
        order, is_big, first = _start(block)
        return _read(block, order, first, is_big=is_big)[0]
    except BROKEN:
        return None


def starting_at(content: bytes, place: int) -> bytes:
    """Make a page its file's first one, by its directory's place in the file's head: only that page is then decoded."""
    order, is_big, first = _start(content)
    if first == place:
        return content
    turned = bytearray(content)
    struct.pack_into(order + ("Q" if is_big else "I"), turned, 8 if is_big else 4, place)
    return bytes(turned)


def _start(content: Content) -> tuple[str, bool, int]:
    """Return the byte order, whether places have 8 bytes, and the first directory's place."""
    order = "<" if content[:2] == b"II" else ">"
    (version,) = struct.unpack_from(order + "H", content, 2)
    is_big = version == 43
    (first,) = struct.unpack_from(order + ("Q" if is_big else "I"), content, 8 if is_big else 4)
    return order, is_big, first


def _read(content: Content, order: str, place: int, *, is_big: bool) -> tuple[Directory, int]:
    """Read one directory, and the place of the next one (0: none)."""
    counts, whole, entry_size = ("Q", "Q", 20) if is_big else ("H", "I", 12)
    (count,) = struct.unpack_from(order + counts, content, place)
    first = place + struct.calcsize(counts)
    tags: dict[int, tuple[int, ...]] = {}
    for entry in range(first, first + count * entry_size, entry_size):
        tag, kind, number = struct.unpack_from(order + "HH" + whole, content, entry)
        if tag not in _KNOWN or kind not in _TYPES or number > len(content):
            continue
        code = _TYPES[kind]
        form = f"{order}{number * len(code)}{code[0]}"
        at = entry + 4 + struct.calcsize(whole)
        if struct.calcsize(form) > struct.calcsize(whole):
            (at,) = struct.unpack_from(order + whole, content, at)
        tags[tag] = struct.unpack_from(form, content, at)
    (following,) = struct.unpack_from(order + whole, content, first + count * entry_size)
    return Directory(place, tags), following
