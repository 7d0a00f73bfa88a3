"""Bytes of a picture file -> paper in grey and colour, and back; no disk.

The border between the libraries that decode and the rest: limits are checked before anything is decoded, damage that a
decoder only mutters about is refused, and whatever the bit depth, the paper comes out as uint8 with white 255.
"""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from formreader.errors import ScanTooLarge, UnreadableScan
from formreader.pictures import heif
from formreader.pictures.headers import Header, read_header
from formreader.pictures.tiff import starting_at
from formreader.values import Colour, Grey

MAX_PIXELS: Final = 200_000_000  # an A3 page at 600 dpi has 70 million; decoded in colour this is 600 MB
MIN_SIDE_PX: Final = 50  # less cannot hold a box that can be read

_DAMAGE: Final = ("premature end", "bad Huffman", "found marker", "TIFF_Error")
"""What libjpeg and libtiff write when they invent the missing rest of a picture; they return it as if all were well."""

MOST_PADDING: Final = 16  # bytes that a JPEG may hold beyond its picture; some devices pad, spoilt data leave hundreds

_stderr_lock = threading.Lock()  # the process has one stderr


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A decoded picture.

    Attributes
    ----------
    grey
        uint8 (height, width), paper 255.
    colour
        uint8 (height, width, 3) in blue, green, red; None where the picture is grey.
    dpi
        Resolution where the file states a believable one.
    """

    grey: Grey
    colour: Colour | None = None
    dpi: float | None = None


Decoder = Callable[[int], Any]
"""Decodes a file's first picture by OpenCV's flags, None where it cannot."""


def decode(
    content: bytes, name: str, page: int = 1, least_side_px: int = MIN_SIDE_PX, in_place: Decoder | None = None
) -> Picture:
    """Decode one page of a PNG, JPEG, BMP, TIFF, WebP or HEIC file, turned as it says itself.

    Parameters
    ----------
    name
        What messages call the file.
    page
        From 1; only a TIFF has more.
    least_side_px
        A picture of fewer pixels a side is refused.
    in_place
        Decodes the same content where it lies; asked first, as `cv2.imdecode` copies every picture once more.

    Raises
    ------
    ScanTooLarge
        More than `MAX_PIXELS`; nothing was decoded.
    UnreadableScan
        No picture, a broken one, or one too small to hold a form.
    """
    check = partial(check_size, least_side_px=least_side_px)
    if heif.is_heif(content):
        grey, colour = separate(_eight_bits(heif.decode(content, name, check)))
        return Picture(grey, colour)
    header = read_header(content, page)
    if header is None:
        raise UnreadableScan(f"{name}: {_what_else(content)}")
    check(header.width, header.height, name)
    if not header.is_complete:
        raise UnreadableScan(f"{name}: the {header.kind} file breaks off before its end; copy or scan it again")
    grey, colour = separate(stored_pixels(content, header, name, in_place))
    return Picture(grey, colour, header.dpi)


def _what_else(content: bytes) -> str:
    """Say what a file is that is no picture of a known kind, and what to do."""
    known = next((kind for start, kind in _OTHER_KINDS.items() if start in content[:16]), "")
    if known:
        return f"{known} file, which is not read; save it as PNG or PDF, or take it out of the folder"
    what = "no PNG, JPEG, TIFF, BMP, WebP, HEIC or PDF, or broken off at its start" if content else "the file is empty"
    return f"{what}; scan it again or take it out of the folder"


_OTHER_KINDS: Final = {
    b"GIF8": "a GIF",
    b"jP  \r\n": "a JPEG 2000",
    b"ftypavi": "an AVIF",
    b"PK\x03\x04": "a ZIP or office",
}


def check_size(width: float, height: float, name: str, least_side_px: int = MIN_SIDE_PX) -> None:
    """Refuse a page before it is decoded.

    Raises
    ------
    ScanTooLarge
        More than `MAX_PIXELS`.
    UnreadableScan
        Less than `least_side_px` a side.
    """
    if width * height > MAX_PIXELS:
        limit = f"the limit is {MAX_PIXELS // 1_000_000} million pixels"
        raise ScanTooLarge(f"{name}: {width:,.0f} x {height:,.0f} pixels, {limit}; scan it at 600 dpi or less")
    if min(width, height) < least_side_px:
        what = "form" if least_side_px >= MIN_SIDE_PX else "digit"
        raise UnreadableScan(
            f"{name}: {width:.0f} x {height:.0f} pixels are too few for a {what}; scan it at 200 dpi or more"
        )


def separate(pixels: NDArray[np.uint8]) -> tuple[Grey, Colour | None]:
    """Split decoded pixels into grey and, where any pixel has a colour, the colour original.

    Parameters
    ----------
    pixels
        uint8 (height, width), or (height, width, 3) in blue, green, red, or with transparency as a fourth channel.
    """
    if pixels.ndim == 2:
        return pixels, None
    if pixels.shape[2] == 4:
        pixels = _on_white_paper(pixels)
    if not _has_colour(pixels):
        return np.asarray(cv2.extractChannel(pixels, 0), np.uint8), None
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY), np.uint8), pixels


def encode_png(picture: NDArray[np.uint8]) -> bytes:
    """Encode a grey or blue-green-red picture as PNG."""
    ok, encoded = cv2.imencode(".png", picture)
    if not ok:
        raise ValueError(f"a picture of shape {picture.shape} cannot be encoded as PNG")
    return bytes(encoded)


def stored_pixels(content: bytes, header: Header, name: str, in_place: Decoder | None) -> NDArray[np.uint8]:
    """Decode a picture whose header is read, turned as that says.

    Raises
    ------
    UnreadableScan
        It is broken; a decoder that only mutters about damage is not believed.
    """
    # Which decoder obeys EXIF's rotation depends on OpenCV's version and on transparency: none is to but a TIFF's,
    # which always does.
    opaque = cv2.IMREAD_ANYCOLOR | cv2.IMREAD_IGNORE_ORIENTATION
    flags = cv2.IMREAD_UNCHANGED if header.has_alpha else opaque
    turned = starting_at(content, header.directory) if header.directory else content
    pixels = None
    with _overhearing() as overheard, contextlib.suppress(cv2.error):
        if in_place is not None and turned is content:
            pixels = in_place(flags)
        if pixels is None:
            pixels = cv2.imdecode(np.frombuffer(turned, np.uint8), flags)
    muttered = "".join(overheard)
    if pixels is None or _tells_damage(muttered):
        raise UnreadableScan(
            f"{name}: the {header.kind} file is damaged or of an unknown variant; scan it again or save it as PNG"
        )
    return _turned(_eight_bits(pixels), header.orientation)


def _eight_bits(pixels: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Bring 16 bits to 8; of scanners that fill but 10 or 12 of them, those that are used."""
    if pixels.dtype == np.uint16:
        deep = pixels.astype(np.uint16, copy=False)
        return (deep >> max(int(deep.max()).bit_length() - 8, 0)).astype(np.uint8)
    return np.asarray(pixels, np.uint8)


def _turned(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Turn a picture as EXIF's orientation says: 2 to 4 mirrored or upside down, 5 to 8 lying on a side."""
    if orientation >= 5:
        pixels = np.swapaxes(pixels, 0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)


def _tells_damage(muttered: str) -> bool:
    left_over = re.search(r"(\d+) extraneous bytes", muttered)
    return any(sign in muttered for sign in _DAMAGE) or bool(left_over and int(left_over[1]) > MOST_PADDING)


def _has_colour(pixels: NDArray[np.uint8]) -> bool:
    """Whether the channels differ anywhere: a look at every 16th pixel tells most colour scans at once."""
    sample = pixels[::16, ::16]
    if (sample != sample[:, :, :1]).any():
        return True
    for rows in _few_rows(pixels):
        blue, green, red = cv2.split(rows)
        if cv2.norm(blue, green, cv2.NORM_INF) or cv2.norm(green, red, cv2.NORM_INF):
            return True
    return False


def _on_white_paper(pixels: NDArray[np.uint8]) -> Colour:
    shown = np.empty((*pixels.shape[:2], 3), np.uint8)
    for rows, under in zip(_few_rows(pixels), _few_rows(shown), strict=True):
        opacity = rows[:, :, 3:].astype(np.uint16)
        under[:] = (rows[:, :, :3] * opacity + 255 * (255 - opacity) + 127) // 255
    return shown


def _few_rows(pixels: NDArray[np.uint8], count: int = 64) -> Iterator[NDArray[np.uint8]]:
    """Give a picture in parts that fit the processor's cache: copies of them cost neither time nor memory."""
    return (pixels[top : top + count] for top in range(0, len(pixels), count))


@contextlib.contextmanager
def _overhearing() -> Iterator[list[str]]:
    """Catch what C libraries write to stderr, so that users are spared it and damage is noticed.

    libjpeg and libpng have no other way to say that data are corrupt. Only their lines are kept back (each starts with
    a known word); whatever else was written meanwhile, a progress bar's say, is passed on.
    """
    heard: list[str] = []
    with _stderr_lock, contextlib.ExitStack() as stack:
        try:
            kept = os.dup(2)
            stack.callback(os.close, kept)
            caught: Any = stack.enter_context(tempfile.TemporaryFile())
        except OSError:  # a program without stderr, or no place for temporary files
            yield heard
            return
        os.dup2(caught.fileno(), 2)
        try:
            yield heard
        finally:
            os.dup2(kept, 2)
            caught.seek(0)
            heard_lines, others = _sorted_by_writer(caught.read().splitlines(keepends=True))
            heard += heard_lines
            if others:
                os.write(2, others)


def _sorted_by_writer(lines: list[bytes]) -> tuple[list[str], bytes]:
    """Return the lines of the decoding libraries, and what else was written."""
    heard: list[str] = []
    others: list[bytes] = []
    is_library = False
    for line in lines:
        is_library = line.startswith(_LIBRARY_LINES) or (
            is_library and line.startswith((b"\n", b"> "))
        )  # OpenCV goes on so
        if is_library:
            heard.append(line.decode(errors="replace"))
        else:
            others.append(line)
    return heard, b"".join(others)


_LIBRARY_LINES: Final = (
    b"Corrupt JPEG",
    b"Premature end of JPEG",
    b"Warning: ",
    b"Inconsistent progression",
    b"Invalid",
    b"Unsupported",
    b"Bogus",
    b"libpng ",
    b"TIFF",
    b"Fax",
    b"[ WARN:",
    b"[ERROR:",
)
