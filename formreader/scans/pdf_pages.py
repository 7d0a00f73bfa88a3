"""PDF pages -> pictures, by pypdfium2.

A scanner's PDF wraps one picture a page. Taking that picture as it is costs less than half of rendering the page and
keeps every pixel; whatever else a page shows (vector print, annotations, filled-in form fields, masks) is rendered.
"""

from __future__ import annotations

import re
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c
from numpy.typing import NDArray

from formreader.errors import LockedPdf, UnreadableScan
from formreader.pictures import Picture, check_size, separate, stored_pixels
from formreader.pictures.headers import LARGEST_PAPER_IN, believable_dpi, read_header
from formreader.scans.in_place import decoded_in_place

POINTS_PER_INCH: Final = 72.0
RENDER_DPI: Final = 300.0  # what the forms' own scans have; a digit box is then 60 to 80 pixels high
LEAST_COVER: Final = 0.8  # of the page's width and height: a smaller picture is a logo on a page of its own
OVERHANG: Final = 0.01  # of the page's side: rounding; a picture reaching farther out is cut by the page's edge
STRAIGHT: Final = 0.002  # sine of the angle (0.1 degree) up to which a picture counts as not turned

_PLAIN_COLOURS: Final = (
    pdfium_c.FPDF_COLORSPACE_DEVICEGRAY,
    pdfium_c.FPDF_COLORSPACE_DEVICERGB,
    pdfium_c.FPDF_COLORSPACE_CALGRAY,
    pdfium_c.FPDF_COLORSPACE_CALRGB,
    pdfium_c.FPDF_COLORSPACE_ICCBASED,
    pdfium_c.FPDF_COLORSPACE_INDEXED,
)
"""A stencil mask has none of these; its bits are ink or paper by rules of its own, so it is rendered."""

_DEVICE_CHANNELS: Final = {pdfium_c.FPDF_COLORSPACE_DEVICEGRAY: 2, pdfium_c.FPDF_COLORSPACE_DEVICERGB: 3}
"""Axes of a JPEG's pixels in the colour spaces that need no conversion: it is decoded as any other, twice as fast."""

_AS_SHOWN: Final = re.compile(rb"/Decode\s*\[|/ColorTransform")

_pdfium_lock = threading.Lock()  # PDFium must not be called from two threads at once


def is_pdf(content: Any) -> bool:
    """Whether the bytes are a PDF: its mark stands somewhere in the first kilobyte."""
    return b"%PDF-" in content[:1024]


def count_pdf_pages(file: BinaryIO) -> int:
    """Count the pages of an open file; 1 where they cannot be counted, so that loading the first says why."""
    try:
        with opened(file, "") as document:
            return max(1, len(document))
    except (LockedPdf, UnreadableScan):
        return 1


def load_pdf_page(content: bytes, name: str, page: int, dpi: float = RENDER_DPI) -> Picture:
    """Take or render one page, from 1, turned as the PDF says.

    Parameters
    ----------
    dpi
        What a page is rendered at; one picture that fills it is taken as it is.

    Raises
    ------
    LockedPdf
        It needs a password.
    ScanTooLarge
        The page, or a picture on it, has too many pixels; nothing was decoded.
    UnreadableScan
        It is damaged or has no such page.
    """
    with opened(content, name) as document:
        if page > len(document):
            raise UnreadableScan(f"{name}: the PDF has only {len(document)} pages; it was changed since it was listed")
        try:
            document.init_forms()  # what was typed into a PDF's form fields is only drawn with this
            sheet = document[page - 1]
            embedded = _only_picture(sheet, name)
            if embedded is not None and b"/SMask" not in content:  # a soft mask can hide any part of the picture
                as_stored = _AS_SHOWN.search(content) is None
                picture = _taken(sheet, embedded, name, as_stored=as_stored)
                if picture is not None:
                    return picture
            return _rendered(sheet, name, dpi)
        except pdfium.PdfiumError as error:
            raise UnreadableScan(f"{name}: the PDF page is damaged ({error}); scan it again") from error


@contextmanager
def opened(source: bytes | BinaryIO, name: str) -> Iterator[pdfium.PdfDocument]:
    """Open a PDF, and keep other threads from PDFium until it is closed."""
    with _pdfium_lock:
        try:
            document = pdfium.PdfDocument(source)
        except pdfium.PdfiumError as error:
            if "password" in str(error).lower():
                raise LockedPdf(f"{name}: the PDF needs a password; save a copy without one") from error
            raise UnreadableScan(f"{name}: the PDF is damaged; save or scan it again") from error
        try:
            yield document
        finally:
            document.close()


def _only_picture(sheet: pdfium.PdfPage, name: str) -> pdfium.PdfImage | None:
    """Return the picture that is all the page shows, if it is so; an OCR's invisible text may lie over it.

    Raises
    ------
    ScanTooLarge
        Some picture on the page has too many pixels.
    """
    shown = [thing for thing in sheet.get_objects(max_depth=8) if not _is_invisible(thing)]
    for thing in shown:
        if isinstance(thing, pdfium.PdfImage):
            width, height = _size_px(thing)
            check_size(max(width, 64), max(height, 64), name)  # a small logo is no offence
    if len(shown) != 1 or not isinstance(shown[0], pdfium.PdfImage) or shown[0].level:
        return None
    picture = shown[0]
    is_bare = (
        pdfium_c.FPDFPage_GetAnnotCount(sheet.raw) == 0
        and pdfium_c.FPDFClipPath_CountPaths(pdfium_c.FPDFPageObj_GetClipPath(picture.raw)) <= 0
        and not pdfium_c.FPDFPageObj_HasTransparency(picture.raw)
        and picture.get_metadata().colorspace in _PLAIN_COLOURS
    )
    return picture if is_bare else None


def _is_invisible(thing: pdfium.PdfObject) -> bool:
    if thing.type == pdfium_c.FPDF_PAGEOBJ_TEXT:
        mode = pdfium_c.FPDFTextObj_GetTextRenderMode(thing.raw)
        return bool(mode == pdfium_c.FPDF_TEXTRENDERMODE_INVISIBLE)
    return bool(thing.type == pdfium_c.FPDF_PAGEOBJ_FORM)  # a group; its contents are listed themselves


def _size_px(picture: pdfium.PdfImage) -> tuple[int, int]:
    width, height = pdfium_c.c_uint(), pdfium_c.c_uint()
    if not pdfium_c.FPDFImageObj_GetImagePixelSize(picture.raw, width, height):
        raise pdfium.PdfiumError("a picture without a size")
    return width.value, height.value


def _taken(sheet: pdfium.PdfPage, embedded: pdfium.PdfImage, name: str, *, as_stored: bool) -> Picture | None:
    """Take the embedded picture, turned and mirrored as the page shows it; None where only rendering can show it.

    Parameters
    ----------
    as_stored
        Nothing in the PDF says that pictures are shown in other colours than their own.
    """
    a, b, c, d, e, f = embedded.get_matrix().get()
    quarter_turns = sheet.get_rotation() // 90
    right, down = (a, -b), (-c, d)  # where the picture's rows and columns run on the page, y down
    for _ in range(quarter_turns):  # clockwise
        right, down = (-right[1], right[0]), (-down[1], down[0])
    if not _fills(sheet, (e + min(a, 0) + min(c, 0), f + min(b, 0) + min(d, 0)), (abs(a) + abs(c), abs(b) + abs(d))):
        return None
    lies_down = abs(right[1]) > abs(right[0])
    along, astray = (right[1], right[0]) if lies_down else right
    across, astray_down = (down[0], down[1]) if lies_down else (down[1], down[0])
    if max(abs(astray / along), abs(astray_down / across)) > STRAIGHT:
        return None
    width, height = _size_px(embedded)
    resolutions = POINTS_PER_INCH * width / abs(along), POINTS_PER_INCH * height / abs(across)
    if abs(resolutions[0] / resolutions[1] - 1) > 0.02:  # not square pixels: rendering makes them so
        return None
    check_size(width, height, name)
    pixels = None
    if embedded.get_filters() == ["DCTDecode"]:
        content = bytes(embedded.get_data())
        jpeg = read_header(content)
        if jpeg is None or not jpeg.is_complete:
            raise UnreadableScan(f"{name}: the picture in the PDF breaks off before its end; copy or scan it again")
        channels = _DEVICE_CHANNELS.get(embedded.get_metadata().colorspace)
        if as_stored and channels is not None:
            pixels = stored_pixels(content, replace(jpeg, orientation=1), name, partial(_decoded_from_file, content))
            pixels = pixels if pixels.ndim == channels else None
    if pixels is None:
        pixels = _pixels(embedded.get_bitmap())
    if pixels.shape[:2] != (height, width):
        return None
    if lies_down:
        pixels = np.swapaxes(pixels, 0, 1)
        along, across = across, along
    pixels = pixels[:: 1 if across > 0 else -1, :: 1 if along > 0 else -1]
    grey, colour = separate(np.ascontiguousarray(pixels))
    return Picture(grey, colour, believable_dpi(*resolutions, width, height))


def _decoded_from_file(content: bytes, flags: int) -> NDArray[np.uint8] | None:
    """Decode by way of a file: OpenCV copies what it decodes from memory once more, at 600 dpi 100 MB."""
    with suppress(OSError), tempfile.TemporaryDirectory() as place:
        path = Path(place) / "page.jpg"
        path.write_bytes(content)
        return decoded_in_place(path, flags)
    return None


def _fills(sheet: pdfium.PdfPage, corner: tuple[float, float], extent: tuple[float, float]) -> bool:
    """Whether a rectangle in page space covers most of the page and reaches nowhere beyond it."""
    left, bottom, right, top = sheet.get_bbox()
    for low, length, edge_low, edge_high in ((corner[0], extent[0], left, right), (corner[1], extent[1], bottom, top)):
        side = edge_high - edge_low
        reach = OVERHANG * side
        if low < edge_low - reach or low + length > edge_high + reach or length < LEAST_COVER * side:
            return False
    return True


def _rendered(sheet: pdfium.PdfPage, name: str, dpi: float) -> Picture:
    width, height = sheet.get_size()
    is_paper = max(width, height) / POINTS_PER_INCH <= LARGEST_PAPER_IN
    scale = dpi / POINTS_PER_INCH if is_paper else _picture_scale(sheet)
    check_size(width * scale, height * scale, name)
    grey, colour = separate(_pixels(sheet.render(scale=scale)))
    return Picture(grey, colour, dpi if is_paper else None)


def _picture_scale(sheet: pdfium.PdfPage) -> float:
    """Give the pixels a point at which a page's pictures keep all of theirs; `RENDER_DPI` where it has none.

    Apps that know no resolution give their pages a point a pixel: posters, on which 300 dpi would be four times as many
    pixels as there are.
    """
    scales = []
    for thing in sheet.get_objects(max_depth=8):
        if isinstance(thing, pdfium.PdfImage):
            a, b, c, d, _, _ = thing.get_matrix().get()
            width, height = _size_px(thing)
            scales += [width / max(np.hypot(a, b), 1.0), height / max(np.hypot(c, d), 1.0)]
    return min(max(scales, default=np.inf), RENDER_DPI / POINTS_PER_INCH)


def _pixels(bitmap: pdfium.PdfBitmap) -> NDArray[np.uint8]:
    """Copy a bitmap out of PDFium's memory: uint8 (height, width) or (height, width, 3), blue, green, red."""
    seen = bitmap.to_numpy()
    if seen.ndim == 3 and seen.shape[2] == 1:
        seen = seen[:, :, 0]
    elif seen.ndim == 3 and bitmap.format == pdfium_c.FPDFBitmap_BGRx:
        seen = seen[:, :, :3]
    pixels: NDArray[np.uint8] = seen.copy()
    return pixels
