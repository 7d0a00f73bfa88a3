"""Set words: which font has their letters, how wide they are, where lines break.

The form's own font comes with the package and has Latin, Greek, Cyrillic, Hebrew and Arabic letters; others come from
fonts that are given, or that lie on the system. HarfBuzz shapes the words (through fpdf2), so that letters join and
stack as their script wants.

Imported by `printing` alone.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Self

from formreader.errors import UnusableCall
from formreader.printing.letters import NEEDS, OWN
from formreader.printing.rows import filled
from formreader.printing.sheets import Style

if TYPE_CHECKING:
    from fpdf import FPDF


def new_pdf(paper: tuple[float, float]) -> FPDF:
    """Make an empty document in millimetres, without a time in it."""
    try:
        import uharfbuzz  # noqa: F401 - fpdf2 asks for it only when words are shaped
        from fpdf import FPDF
    except ImportError as error:
        raise UnusableCall(NEEDS) from error
    pdf = FPDF(unit="mm", format=paper)
    pdf.set_auto_page_break(auto=False)
    pdf.set_margin(0)
    pdf.c_margin = 0
    return pdf


def close_fonts(pdf: FPDF) -> None:
    """Close the files of a document's fonts, which fpdf2 leaves open."""
    for font in pdf.fonts.values():
        if hasattr(font, "ttfont"):
            font.ttfont.close()


class Setter:
    """The fonts of a form, and what words measure in them.

    Parameters
    ----------
    fonts
        Files of fonts, the first that has a letter is taken.
    rows
        Rows whose cells are put in for ``{name}``: a place must do for each of them.
    """

    def __init__(self, fonts: Sequence[Path], rtl: bool, rows: Sequence[Mapping[str, str]] = ()) -> None:
        self.fonts = tuple(fonts)
        self.rtl = rtl
        self.rows = rows
        self._pdf = new_pdf((210.0, 297.0))
        self._widths: dict[tuple[str, Style], float] = {}
        self._load(self._pdf)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        close_fonts(self._pdf)

    @contextmanager
    def document(self, paper: tuple[float, float]) -> Iterator[FPDF]:
        """Give an empty document that has the fonts and shapes words; done with it, the fonts' files are closed."""
        pdf = new_pdf(paper)
        try:
            self._load(pdf)
            yield pdf
        finally:
            close_fonts(pdf)

    def _load(self, pdf: FPDF) -> None:
        for number, path in enumerate(self.fonts):
            bold = path.with_name(f"{path.stem}-Bold{path.suffix}")
            try:
                pdf.add_font(f"f{number}", "", path)
                pdf.add_font(f"f{number}", "B", bold if path.parent == OWN else path)
            except Exception as error:  # fontTools raises anything over a damaged file
                raise UnusableCall(f"{path}: cannot be used as a font ({error}); give another with --font") from error
        pdf.set_fallback_fonts([f"f{k}" for k in range(1, len(self.fonts))], exact_match=False)
        pdf.set_text_shaping(use_shaping_engine=True, direction="rtl" if self.rtl else "ltr")

    def width(self, words: str, style: Style) -> float:
        """Measure words on one line, in millimetres."""
        key = (words, style)
        if key not in self._widths:
            self._pdf.set_font("f0", "B" if style.bold else "", style.size_pt)
            self._widths[key] = float(self._pdf.get_string_width(words)) if words else 0.0
        return self._widths[key]

    def lines(self, words: str, style: Style, width: float) -> list[str]:
        """Break words, with nothing to be put in any more, into lines of a width."""
        lines: list[str] = []
        line = ""
        space = self.width("x x", style) - self.width("xx", style)
        room = width
        for piece, spaced in _pieces(words):
            taken = self.width(piece, style) + (space if spaced and line else 0)
            if line and taken > room + 1e-6:
                lines.append(line)
                line, room = "", width
                taken = self.width(piece, style)
            for part in self._fitting(piece, style, width):
                if line and part is not piece:
                    lines.append(line)
                    line, room = "", width
                line += (" " if spaced and line else "") + part
                room -= taken if part is piece else self.width(part, style)
        return [*lines, line] if line else lines

    def _fitting(self, piece: str, style: Style, width: float) -> Iterator[str]:
        """Give a word, or where it is wider than a line its parts; no mark is parted from its letter."""
        if self.width(piece, style) <= width:
            yield piece
            return
        part = ""
        for letter in piece:
            if part and unicodedata.category(letter)[0] != "M" and self.width(part + letter, style) > width:
                yield part
                part = ""
            part += letter
        yield part

    def most_lines(self, words: str, style: Style, width: float) -> int:
        """Give how many lines the words take, whichever row is put in."""
        return max(len(self.lines(text, style, width)) for text in self._all(words))

    def most_width(self, words: str, style: Style) -> float:
        """Give how wide the words are on one line, whichever row is put in."""
        return max(self.width(text, style) for text in self._all(words))

    def _all(self, words: str) -> Iterable[str]:
        texts = {filled(words, row) for row in self.rows} if "{" in words else set()
        return texts | {filled(words, None)}


def _pieces(words: str) -> Iterator[tuple[str, bool]]:
    """Give what may stand at the start of a line, and whether a space goes before: words, and single CJK letters."""
    for word in words.split():
        piece, spaced = "", True
        for letter in word:
            if piece and (_is_wide(letter) or _is_wide(piece[-1])) and unicodedata.category(letter)[0] not in "MP":
                yield piece, spaced
                piece, spaced = "", False
            piece += letter
        yield piece, spaced


def _is_wide(letter: str) -> bool:
    return unicodedata.east_asian_width(letter) in "WF"
