"""What a picture file says of itself before anything is decoded: kind, size, resolution, and whether its end is there.

A decoder trusts a header with as much memory as it asks for, and the JPEG library fills the part of a page that never
arrived with grey. So size and completeness are read here first, from a few bytes.
"""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass
from typing import Final, Literal

Content = bytes | mmap.mmap
Kind = Literal["PNG", "JPEG", "BMP", "TIFF", "WebP"]

BELIEVABLE_DPI: Final = (50.0, 1250.0)  # fax's coarse direction is 98; flatbeds end at 1200
LARGEST_PAPER_IN: Final = 24.0  # A2's long side; programs that know no resolution write 72 or 96, which gives posters
SQUARE_PIXELS: Final = 0.02  # across and along may differ by rounding; fax modes differ by half
MOST_PAGES: Final = 20_000
METRE_PER_INCH: Final = 0.0254

_BROKEN: Final = (struct.error, IndexError, OverflowError)
"""What reading a header raises where it breaks off or names a place outside the file."""


@dataclass(frozen=True, slots=True)
class Header:
    """A picture file's own words.

    Attributes
    ----------
    width, height
        Pixels as stored, before any rotation that the file asks for.
    dpi
        Resolution; None where none is given or it cannot be believed.
    has_alpha
        The picture is partly transparent: it belongs on white paper.
    is_complete
        The file holds all that its header announces.
    directory
        Where a TIFF page's directory lies in the file, in bytes.
    """

    kind: Kind
    width: int
    height: int
    dpi: float | None = None
    has_alpha: bool = False
    is_complete: bool = True
    directory: int = 0


def read_header(content: Content, page: int = 1) -> Header | None:
    """Read the header of one page, from 1; None where the bytes are no picture of a known kind or break off in it."""
    start = content[:12]
    try:
        if start.startswith(b"\x89PNG\r\n\x1a\n"):
            return _png(content)
        if start.startswith(b"\xff\xd8\xff"):
            return _jpeg(content)
        if start.startswith(b"BM"):
            return _bmp(content)
        if start[:4] in _TIFF_STARTS:
            return _tiff(content, page)
        if start.startswith(b"RIFF") and start[8:] == b"WEBP":
            return _webp(content)
    except _BROKEN:
        return None
    return None


def count_pages(content: Content) -> int:
    """Count the pages of a picture file: those of a TIFF, 1 for anything else."""
    if content[:4] not in _TIFF_STARTS:
        return 1
    try:
        return max(1, len(_tiff_pages(content)))
    except _BROKEN:
        return 1


def believable_dpi(across: float, along: float, width: int, height: int) -> float | None:
    """Take a stated resolution for pixels of `width` x `height`, or None where no scanner would have made it."""
    low, high = BELIEVABLE_DPI
    if not (low <= across <= high and low <= along <= high) or abs(across - along) > SQUARE_PIXELS * across:
        return None
    dpi = (across + along) / 2
    return round(dpi, 2) if max(width, height) / dpi <= LARGEST_PAPER_IN else None


def _png(content: Content) -> Header:
    width, height, _, colour_type = struct.unpack_from(">IIBB", content, 16)
    dpi, has_alpha, place = None, colour_type in (4, 6), 8
    while place + 12 <= len(content):
        length, name = struct.unpack_from(">I4s", content, place)
        if name == b"IEND":
            return Header("PNG", width, height, dpi, has_alpha)
        if name == b"tRNS":
            has_alpha = True
        elif name == b"pHYs":
            across, along, unit = struct.unpack_from(">IIB", content, place + 8)
            if unit == 1:  # a metre
                dpi = believable_dpi(across * METRE_PER_INCH, along * METRE_PER_INCH, width, height)
        place += length + 12
    return Header("PNG", width, height, dpi, has_alpha, is_complete=False)


def _jpeg(content: Content) -> Header | None:
    width = height = 0
    stated: list[tuple[float, float]] = []
    place = 2
    while True:
        if content[place] != 0xFF:
            return None
        marker = content[place + 1]
        if marker == 0xFF or 0xD0 <= marker <= 0xD8 or marker == 0x01:  # fill bytes and markers without a body
            place += 1 if marker == 0xFF else 2
            continue
        (length,) = struct.unpack_from(">H", content, place + 2)
        body = place + 4
        if marker == 0xE0 and content[body : body + 5] == b"JFIF\0":
            unit, across, along = struct.unpack_from(">BHH", content, body + 7)
            if unit in (1, 2):
                stated.append(_per_inch(across, along, in_cm=unit == 2))
        elif marker == 0xE1 and content[body : body + 6] == b"Exif\0\0":
            stated += _exif_resolution(content[body + 6 : place + 2 + length])
        elif 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", content, body + 1)
        elif marker == 0xDA:  # the coded picture begins; its end is marked after it, not in a thumbnail before it
            dpi = next((found for pair in stated if (found := believable_dpi(*pair, width, height))), None)
            return Header("JPEG", width, height, dpi, is_complete=content.rfind(b"\xff\xd9", body) >= 0)
        place += 2 + length


def _per_inch(across: float, along: float, *, in_cm: bool) -> tuple[float, float]:
    factor = 2.54 if in_cm else 1.0
    return across * factor, along * factor


def _exif_resolution(block: bytes) -> list[tuple[float, float]]:
    try:
        order, is_big, first = _tiff_start(block)
        return _tags_resolution(_tiff_tags(block, order, first, is_big=is_big)[0])
    except _BROKEN:
        return []


def _bmp(content: Content) -> Header:
    data_at, header_size = struct.unpack_from("<II", content, 10)
    if header_size == 12:
        width, height, _, bits = struct.unpack_from("<HHHH", content, 18)
        compression = across = along = 0
    else:
        width, height, _, bits, compression, _, across, along = struct.unpack_from("<iiHHIIii", content, 18)
    rows = abs(height)  # negative: stored from the top
    end = data_at + (width * bits + 31) // 32 * 4 * rows if compression in (0, 3) else 0
    dpi = believable_dpi(across * METRE_PER_INCH, along * METRE_PER_INCH, width, rows)
    return Header("BMP", width, rows, dpi, is_complete=end <= len(content))


def _webp(content: Content) -> Header | None:
    riff_size, _, name = struct.unpack_from("<I4s4s", content, 4)
    is_complete = riff_size + 8 <= len(content)
    if name == b"VP8X":
        flags, across, along = content[20], content[24:27], content[27:30]
        width, height = int.from_bytes(across, "little") + 1, int.from_bytes(along, "little") + 1
        return Header("WebP", width, height, has_alpha=bool(flags & 0x10), is_complete=is_complete)
    if name == b"VP8L":
        (bits,) = struct.unpack_from("<I", content, 21)
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        return Header("WebP", width, height, has_alpha=bool(bits >> 28 & 1), is_complete=is_complete)
    if name == b"VP8 ":
        width, height = struct.unpack_from("<HH", content, 26)
        return Header("WebP", width & 0x3FFF, height & 0x3FFF, is_complete=is_complete)
    return None


# TIFF: a chain of directories, one a page; BigTIFF has the same with 8-byte places.
_TIFF_STARTS: Final = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_TIFF_TYPES: Final = {1: "B", 3: "H", 4: "I", 5: "II", 16: "Q"}  # byte, short, long, rational, long8
_SUBFILE, _WIDTH, _HEIGHT, _ACROSS, _ALONG, _UNIT = 254, 256, 257, 282, 283, 296
_PIECES: Final = ((273, 279), (324, 325))  # where strips and tiles lie, and their lengths
_KNOWN: Final = {_SUBFILE, _WIDTH, _HEIGHT, _ACROSS, _ALONG, _UNIT, 273, 279, 324, 325}

Tags = dict[int, tuple[int, ...]]


def _tiff_start(content: Content) -> tuple[str, bool, int]:
    """Return the byte order, whether places have 8 bytes, and the first directory's place."""
    order = "<" if content[:2] == b"II" else ">"
    (version,) = struct.unpack_from(order + "H", content, 2)
    is_big = version == 43
    (first,) = struct.unpack_from(order + ("Q" if is_big else "I"), content, 8 if is_big else 4)
    return order, is_big, first


def _tiff_tags(content: Content, order: str, place: int, *, is_big: bool) -> tuple[Tags, int]:
    """Read one directory's tags that matter here, and the place of the next directory (0: none)."""
    counts, whole, entry_size = ("Q", "Q", 20) if is_big else ("H", "I", 12)
    (count,) = struct.unpack_from(order + counts, content, place)
    place += struct.calcsize(counts)
    tags: Tags = {}
    for entry in range(place, place + count * entry_size, entry_size):
        tag, kind, number = struct.unpack_from(order + "HH" + whole, content, entry)
        if tag not in _KNOWN or kind not in _TIFF_TYPES or number > len(content):
            continue
        code = _TIFF_TYPES[kind]
        form = f"{order}{number * len(code)}{code[0]}"
        at = entry + 4 + struct.calcsize(whole)
        if struct.calcsize(form) > struct.calcsize(whole):
            (at,) = struct.unpack_from(order + whole, content, at)
        tags[tag] = struct.unpack_from(form, content, at)
    (following,) = struct.unpack_from(order + whole, content, place + count * entry_size)
    return tags, following


def _tiff_pages(content: Content) -> list[tuple[int, Tags]]:
    """Walk the chain: each page's place and tags, without the reduced copies that some scanners add to a page."""
    order, is_big, place = _tiff_start(content)
    pages: list[tuple[int, Tags]] = []
    seen: set[int] = set()
    while place and place not in seen and len(seen) < MOST_PAGES:
        seen.add(place)
        tags, following = _tiff_tags(content, order, place, is_big=is_big)
        pages.append((place, tags))
        place = following
    return [(place, tags) for place, tags in pages if not tags.get(_SUBFILE, (0,))[0] & 1] or pages


def _tags_resolution(tags: Tags) -> list[tuple[float, float]]:
    unit = tags.get(_UNIT, (2,))[0]
    across, along = tags.get(_ACROSS, ()), tags.get(_ALONG, ())
    if unit not in (2, 3) or len(across) != 2 or len(along) != 2 or not across[1] or not along[1]:
        return []
    return [_per_inch(across[0] / across[1], along[0] / along[1], in_cm=unit == 3)]


def _tiff(content: Content, page: int) -> Header | None:
    pages = _tiff_pages(content)
    if not 1 <= page <= len(pages):
        return None
    place, tags = pages[page - 1]
    if _WIDTH not in tags or _HEIGHT not in tags:
        return None
    width, height = tags[_WIDTH][0], tags[_HEIGHT][0]
    dpi = next((found for pair in _tags_resolution(tags) if (found := believable_dpi(*pair, width, height))), None)
    ends = [
        at + length
        for ats, lengths in _PIECES
        for at, length in zip(tags.get(ats, ()), tags.get(lengths, ()), strict=False)
    ]
    return Header("TIFF", width, height, dpi, is_complete=max(ends, default=0) <= len(content), directory=place)
