"""Draw a laid-out form as a PDF: vectors and real fonts, the same bytes for the same form.

Imported by `printing` alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from formreader.errors import UnusableCall
from formreader.printed import PrintedCode, as_text
from formreader.printing.layout import DICTIONARY
from formreader.printing.rows import filled
from formreader.printing.setting import Setter
from formreader.printing.sheets import DEFAULT, Layout, LayoutParams, Place, Sheet, Text

if TYPE_CHECKING:
    from fpdf import FPDF

Rgb = tuple[int, int, int]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SEAM: Final = 0.02  # of a millimetre: rows of squares reach into one another, so that no light line shows between
_MARKER_BITS: Final = 7  # five and the rim on both sides
_QR_BORDER: Final = 2  # modules that OpenCV leaves round a code
_MOST_MODULES: Final = 41  # 29 mm
_STRONG_MODULES: Final = 29  # up to this size with the stronger correction


@dataclass(frozen=True, slots=True)
class Ink:
    """What frames are printed with: their colour, how wide their lines are, and the colour of soft words."""

    frame: Rgb
    line_mm: float
    soft: Rgb


# Orange, as it is far from the blue and black of pens. Scanned in grey it is a grey of 160: paler by 25 levels, the
# frame was not found again on one badly worn page in thirty; darker, and in black, pages were read as well.
INKS: Final[Mapping[str, Ink]] = {
    "black": Ink((0, 0, 0), 0.25, (90, 90, 90)),
    "pale": Ink((250, 130, 70), 0.35, (205, 100, 50)),
}
_BLACK: Final[Rgb] = (20, 20, 20)


@dataclass(frozen=True, slots=True)
class Copy:
    """One copy: its number, empty for one that has none, and what is put in for the columns that texts name."""

    serial: str = ""
    row: Mapping[str, str] | None = None


def code_modules(text: str) -> NDArray[np.bool_]:
    """Give a QR code, True where it is black, without a quiet zone; a small one has the stronger correction (Q)."""
    for level in (cv2.QRCodeEncoder_CORRECT_LEVEL_Q, cv2.QRCodeEncoder_CORRECT_LEVEL_M):
        params = cv2.QRCodeEncoder.Params()
        params.correction_level = level
        params.mode = cv2.QRCodeEncoder_MODE_BYTE
        drawn = np.asarray(cv2.QRCodeEncoder.create(params).encode(text), np.uint8)
        modules: NDArray[np.bool_] = drawn[_QR_BORDER:-_QR_BORDER, _QR_BORDER:-_QR_BORDER] == 0
        if len(modules) <= _STRONG_MODULES:
            break
    if len(modules) > _MOST_MODULES:
        raise UnusableCall("form: 'name' is too long for the QR code that tells pages apart; take a shorter one")
    return modules


def drawn(
    layout: Layout,
    copies: Sequence[Copy],
    form: str,
    setter: Setter,
    ink: Ink,
    *,
    language: str = "",
    with_code: bool = True,
    params: LayoutParams = DEFAULT,
) -> bytes:
    """Draw copies of a form, page after page.

    Parameters
    ----------
    with_code
        Draw the QR codes: left out on the picture that pages are compared with, where each copy has another.
    """
    with setter.document(layout.paper) as pdf:
        pdf.set_creation_date(_EPOCH)
        pdf.set_title(form)
        pdf.set_producer("formreader")
        if language:
            pdf.set_lang(language)
        for copy in copies:
            for number, sheet in enumerate(layout.sheets, 1):
                pdf.add_page()
                _draw_shapes(pdf, sheet, ink, params)
                for text in sheet.parts.texts:
                    _draw_text(pdf, text, copy, setter, ink)
                if with_code:
                    _draw_code(pdf, sheet.code, code_modules(as_text(PrintedCode(form, number, copy.serial))), params)
        return bytes(pdf.output())


def _draw_shapes(pdf: FPDF, sheet: Sheet, ink: Ink, params: LayoutParams) -> None:
    """Draw frames, points, rules and markers."""
    pdf.set_draw_color(*ink.frame)
    pdf.set_line_width(ink.line_mm)
    for frame in sheet.parts.frames:
        (pdf.ellipse if frame.is_round else pdf.rect)(*frame.place, style="D")
    pdf.set_fill_color(*ink.frame)
    for dot in sheet.parts.dots:
        pdf.ellipse(dot.x - params.dot / 2, dot.y - params.dot / 2, params.dot, params.dot, style="F")
    pdf.set_line_width(0.2)
    pdf.set_draw_color(*ink.soft)
    for rule in sheet.parts.rules:
        pdf.line(rule.x, rule.y, rule.x + rule.width, rule.y)
    pdf.set_fill_color(0, 0, 0)
    for place, number in zip(sheet.marks, sheet.ids, strict=True):
        _fill(pdf, place, _marker(number))


def _marker(number: int) -> NDArray[np.bool_]:
    """Give a marker's cells, rim included, True where they are black."""
    dictionary = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, f"DICT_{DICTIONARY}"))
    cells: NDArray[np.bool_] = np.asarray(cv2.aruco.generateImageMarker(dictionary, number, _MARKER_BITS)) == 0
    return cells


def _draw_code(pdf: FPDF, place: Place, modules: NDArray[np.bool_], params: LayoutParams) -> None:
    """Draw a QR code in the upper right corner of its place, within its quiet zone."""
    side, quiet = params.module * len(modules), params.module * params.quiet_modules
    pdf.set_fill_color(0, 0, 0)
    _fill(pdf, (place[0] + place[2] - quiet - side, place[1] + quiet, side, side), modules)


def _fill(pdf: FPDF, place: Place, cells: NDArray[np.bool_]) -> None:
    """Fill the black cells of a square, runs of them at once."""
    cell = place[2] / len(cells)
    for row, line in enumerate(cells):
        for start, end in _runs(line):
            x, y = place[0] + start * cell, place[1] + row * cell
            seam = _SEAM if row + 1 < len(cells) else 0.0
            pdf.rect(x, y, (end - start) * cell, cell + seam, style="F")


def _runs(line: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], line, [False]]).astype(np.int8)))
    yield from zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)


def _draw_text(pdf: FPDF, text: Text, copy: Copy, setter: Setter, ink: Ink) -> None:
    """Draw words in their place, line by line, the last one at its lower edge where fewer are needed."""
    values = {**(copy.row or {}), "serial": copy.serial} if copy.serial else copy.row
    words = filled(text.words, values)
    if "{serial}" in text.words and not copy.serial:
        return
    style = text.style
    x, y, width, height = text.place
    lines = setter.lines(words, style, width)
    pdf.set_font("f0", "B" if style.bold else "", style.size_pt)
    pdf.set_text_color(*(ink.soft if style.soft else _BLACK))
    aligned = {"left": "L", "middle": "C", "right": "R"}[text.side]
    first = y + height - len(lines) * style.line_mm
    for number, line in enumerate(lines):
        pdf.set_xy(x, first + number * style.line_mm)
        pdf.cell(width, style.line_mm, line, align=aligned)
