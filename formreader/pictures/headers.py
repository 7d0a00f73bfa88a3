"""What a picture file says of itself before anything is decoded: kind, size, resolution, and whether its end is there.

A decoder trusts a header with as much memory as it asks for, and the JPEG library fills the part of a page that never
arrived with grey. So size and completeness are read here first, from a few bytes.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final, Literal

from formreader.pictures import tiff
from formreader.pictures.tiff import BROKEN, CM_PER_INCH, Content

Kind = Literal["PNG", "JPEG", "BMP", "TIFF", "WebP"]

BELIEVABLE_DPI: Final = (50.0, 1250.0)  # fax's coarse direction is 98; flatbeds end at 1200
LARGEST_PAPER_IN: Final = 24.0  # A2's long side; programs that know no resolution write 72 or 96, which gives posters
SQUARE_PIXELS: Final = 0.02  # across and along may differ by rounding; fax modes differ by half
SMALLEST_PAPER_IN: Final = 2.5  # a form on a ticket; a smaller one was scaled after its resolution was written
UNSET_DPI: Final = (72.0, 96.0)  # what programs write that know of no resolution
LARGEST_UNSET_IN: Final = 14.1  # Legal's long side: larger pages are scanned at more than a screen's resolution
METRE_PER_INCH: Final = 0.0254


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
    orientation
        How the picture is to be turned by EXIF's numbers, 1 to 8; a TIFF's own is left to its decoder.
    """

    kind: Kind
    width: int
    height: int
    dpi: float | None = None
    has_alpha: bool = False
    is_complete: bool = True
    directory: int = 0
    orientation: int = 1


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
        if start[:4] in tiff.STARTS:
            return _tiff(content, page)
        if start.startswith(b"RIFF") and start[8:] == b"WEBP":
            return _webp(content)
    except BROKEN:
        return None
    return None


def count_pages(content: Content) -> int:
    """Count the pages of a picture file: those of a TIFF, 1 for anything else."""
    if content[:4] not in tiff.STARTS:
        return 1
    try:
        return max(1, len(tiff.pages_of(content)))
    except BROKEN:
        return 1


def believable_dpi(across: float, along: float, width: int, height: int) -> float | None:
    """Take a stated resolution for pixels of `width` x `height`, or None where no scanner would have made it."""
    low, high = BELIEVABLE_DPI
    if not (low <= across <= high and low <= along <= high) or abs(across - along) > SQUARE_PIXELS * across:
        return None
    dpi = (across + along) / 2
    long_side_in = max(width, height) / dpi
    is_unset = any(abs(dpi - unset) < 0.5 for unset in UNSET_DPI)
    most_in = LARGEST_UNSET_IN if is_unset else LARGEST_PAPER_IN
    return round(dpi, 2) if SMALLEST_PAPER_IN <= long_side_in <= most_in else None


def _png(content: Content) -> Header:
    width, height, _, colour_type = struct.unpack_from(">IIBB", content, 16)
    dpi, has_alpha, orientation, place = None, colour_type in (4, 6), 1, 8
    while place + 12 <= len(content):
        length, name = struct.unpack_from(">I4s", content, place)
        if name == b"IEND":
            return Header("PNG", width, height, dpi, has_alpha, orientation=orientation)
        if name == b"tRNS":
            has_alpha = True
        elif name == b"eXIf":
            orientation = _orientation(content[place + 8 : place + 8 + length])
        elif name == b"pHYs":
            across, along, unit = struct.unpack_from(">IIB", content, place + 8)
            if unit == 1:  # a metre
                dpi = believable_dpi(across * METRE_PER_INCH, along * METRE_PER_INCH, width, height)
        place += length + 12
    return Header("PNG", width, height, dpi, has_alpha, is_complete=False)


def _jpeg(content: Content) -> Header | None:
    width = height = 0
    stated: list[tuple[float, float]] = []
    orientation, place = 1, 2
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
            block = content[body + 6 : place + 2 + length]
            orientation = _orientation(block)
            stated += _exif_resolution(block)
        elif 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", content, body + 1)
        elif marker == 0xDA:  # the coded picture begins; its end is marked after it, not in a thumbnail before it
            dpi = next((found for pair in stated if (found := believable_dpi(*pair, width, height))), None)
            is_complete = content.rfind(b"\xff\xd9", body) >= 0
            return Header("JPEG", width, height, dpi, is_complete=is_complete, orientation=orientation)
        place += 2 + length


def _per_inch(across: float, along: float, *, in_cm: bool) -> tuple[float, float]:
    factor = CM_PER_INCH if in_cm else 1.0
    return across * factor, along * factor


def _exif_resolution(block: bytes) -> list[tuple[float, float]]:
    exif = tiff.exif_of(block)
    return [exif.resolution] if exif is not None and exif.resolution is not None else []


def _orientation(block: bytes) -> int:
    exif = tiff.exif_of(block.removeprefix(b"Exif\0\0"))
    return 1 if exif is None else exif.orientation


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
        turned = _orientation(_webp_exif(content))
        return Header("WebP", width, height, has_alpha=bool(flags & 0x10), is_complete=is_complete, orientation=turned)
    if name == b"VP8L":
        (bits,) = struct.unpack_from("<I", content, 21)
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        return Header("WebP", width, height, has_alpha=bool(bits >> 28 & 1), is_complete=is_complete)
    if name == b"VP8 ":
        width, height = struct.unpack_from("<HH", content, 26)
        return Header("WebP", width & 0x3FFF, height & 0x3FFF, is_complete=is_complete)
    return None


def _webp_exif(content: Content) -> bytes:
    """Return the EXIF block of an extended WebP, empty where there is none."""
    place = 12
    while place + 8 <= len(content):
        name, length = struct.unpack_from("<4sI", content, place)
        if name == b"EXIF":
            return bytes(content[place + 8 : place + 8 + length])
        place += 8 + length + length % 2
    return b""


def _tiff(content: Content, page: int) -> Header | None:
    pages = tiff.pages_of(content)
    if not 1 <= page <= len(pages) or (size := pages[page - 1].size) is None:
        return None
    directory = pages[page - 1]
    dpi = believable_dpi(*directory.resolution, *size) if directory.resolution is not None else None
    is_complete = directory.end <= len(content)
    return Header("TIFF", *size, dpi, is_complete=is_complete, directory=directory.place)
