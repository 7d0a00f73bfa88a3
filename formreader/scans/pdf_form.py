"""The form fields of a fillable PDF: their names and places, in the pixels that its pages are rendered to."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from formreader.scans.pdf_pages import POINTS_PER_INCH, RENDER_DPI, opened

_KINDS: Final[dict[int, Literal["text", "mark"]]] = {
    pdfium_c.FPDF_FORMFIELD_TEXTFIELD: "text",
    pdfium_c.FPDF_FORMFIELD_COMBOBOX: "text",
    pdfium_c.FPDF_FORMFIELD_CHECKBOX: "mark",
    pdfium_c.FPDF_FORMFIELD_RADIOBUTTON: "mark",
}
"""Buttons, lists and signatures are nothing that is written into on paper."""
_COMB: Final = 1 << 24
"""Flag of a text field whose letters stand in cells of one width (ISO 32000-1, table 228)."""
_UNSEEN: Final = pdfium_c.FPDF_ANNOT_FLAG_HIDDEN | pdfium_c.FPDF_ANNOT_FLAG_NOVIEW
_FINER: Final = 16
"""Places are asked for in so many parts of a pixel: PDFium rounds them."""


@dataclass(frozen=True, slots=True)
class FormEntry:
    """A place of a PDF where something is filled in.

    Attributes
    ----------
    name
        Of its field, as the PDF has it; the marks of one question share it.
    kind
        Text, or a mark: a tick box or one of several circles.
    rectangle
        x, y, width, height in pixels of the page as `load_page` gives it.
    most
        Letters it takes; 0 where the PDF does not say.
    is_comb
        Each letter has a cell of its own.
    option
        What a mark stands for.
    """

    name: str
    kind: Literal["text", "mark"]
    rectangle: tuple[float, float, float, float]
    most: int = 0
    is_comb: bool = False
    option: str = ""


def form_entries(content: bytes, name: str, page: int) -> tuple[FormEntry, ...]:
    """Give the form fields of a page, from 1, in the PDF's order; raises as `load_page` does where it is damaged."""
    with opened(content, name) as document:
        if page > len(document):
            return ()
        document.init_forms()
        if document.formenv is None:
            return ()
        sheet = document[page - 1]
        return tuple(_entries(sheet, document.formenv.raw))


def _entries(sheet: pdfium.PdfPage, form: Any) -> Iterator[FormEntry]:
    for number in range(pdfium_c.FPDFPage_GetAnnotCount(sheet.raw)):
        mark = pdfium_c.FPDFPage_GetAnnot(sheet.raw, number)
        try:
            kind = _KINDS.get(pdfium_c.FPDFAnnot_GetFormFieldType(form, mark))
            is_widget = pdfium_c.FPDFAnnot_GetSubtype(mark) == pdfium_c.FPDF_ANNOT_WIDGET
            rectangle = _rectangle(sheet, mark)
            if kind is None or not is_widget or rectangle is None or pdfium_c.FPDFAnnot_GetFlags(mark) & _UNSEEN:
                continue
            yield FormEntry(
                _text(pdfium_c.FPDFAnnot_GetFormFieldName, form, mark),
                kind,
                rectangle,
                _most(mark) if kind == "text" else 0,
                kind == "text" and bool(pdfium_c.FPDFAnnot_GetFormFieldFlags(form, mark) & _COMB),
                _text(pdfium_c.FPDFAnnot_GetFormFieldExportValue, form, mark) if kind == "mark" else "",
            )
        finally:
            pdfium_c.FPDFPage_CloseAnnot(mark)


def _text(ask: Callable[..., int], form: Any, mark: Any) -> str:
    """Ask for a text: once for its length in bytes, then for itself."""
    size = ask(form, mark, None, 0)
    letters = (pdfium_c.FPDF_WCHAR * max(1, math.ceil(size / 2)))()
    ask(form, mark, letters, size)
    return bytes(letters)[:size].decode("utf-16-le", "replace").rstrip("\0")


def _most(mark: Any) -> int:
    number = ctypes.c_float()
    has = pdfium_c.FPDFAnnot_GetNumberValue(mark, b"MaxLen", number)
    return int(number.value) if has and 0 < number.value < 10_000 else 0


def _rectangle(sheet: pdfium.PdfPage, mark: Any) -> tuple[float, float, float, float] | None:
    """Give a place in pixels of the rendered page, turned as the page is; None where it has no size."""
    rect = pdfium_c.FS_RECTF()
    if not pdfium_c.FPDFAnnot_GetRect(mark, rect):
        return None
    corners = [_pixel(sheet, x, y) for x, y in ((rect.left, rect.bottom), (rect.right, rect.top))]
    (left, right), (top, low) = (sorted(sides) for sides in zip(*corners, strict=True))
    return (left, top, right - left, low - top) if right - left > 1 and low - top > 1 else None


def _pixel(sheet: pdfium.PdfPage, x: float, y: float) -> tuple[float, float]:
    width, height = (math.ceil(side * RENDER_DPI / POINTS_PER_INCH) * _FINER for side in sheet.get_size())
    across, down = ctypes.c_int(), ctypes.c_int()
    pdfium_c.FPDF_PageToDevice(sheet.raw, 0, 0, width, height, 0, x, y, across, down)
    return across.value / _FINER, down.value / _FINER
