"""Set words: which font has their letters, how wide they are, where lines break.

The form's own font comes with the package and has Latin, Greek, Cyrillic, Hebrew and Arabic letters; others come from
fonts that are given, or that lie on the system. HarfBuzz shapes the words (through fpdf2), so that letters join and
stack as their script wants.

Imported by `printing` alone.
"""

from __future__ import annotations

import os
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from formreader.errors import UnusableCall
from formreader.printing.rows import filled
from formreader.printing.sheets import Style

if TYPE_CHECKING:
    from fpdf import FPDF

    from formreader.printing.fields_file import Form

_OWN: Final = Path(__file__).parent / "fonts"
_ENDINGS: Final = (".ttf", ".otf", ".ttc")
_MOST_FONTS: Final = 5_000  # looked through on the system
_NEEDS: Final = "printing forms needs an extra: pip install 'formreader[print]'"
_UNSEEN: Final = "\u200c\u200d\u200e\u200f\u00ad"  # joiners and marks of direction, which fonts need not draw


def new_pdf(paper: tuple[float, float]) -> FPDF:
    """Make an empty document in millimetres, without a time in it."""
    try:
        import uharfbuzz  # noqa: F401 - fpdf2 asks for it only when words are shaped
        from fpdf import FPDF
    except ImportError as error:
        raise UnusableCall(_NEEDS) from error
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
                pdf.add_font(f"f{number}", "B", bold if path.parent == _OWN else path)
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


# --- fonts -----------------------------------------------------------------------------------------------------------


def fonts_for(form: Form, given: Sequence[Path], cells: Iterable[str] = ()) -> tuple[Path, ...]:
    """Choose the fonts of a form: those given, its own, and from the system what letters they lack.

    Parameters
    ----------
    cells
        What is put into texts.

    Raises
    ------
    UnusableCall
        No font has a letter, or a given one cannot be read.
    """
    fonts = [*given, _OWN / "DejaVuSansCondensed.ttf"]
    letters: dict[str, str] = {}
    for place, text in _texts_of(form, cells):
        for letter in text:
            letters.setdefault(letter, place)
    lacking = {letter: place for letter, place in letters.items() if not letter.isspace() and letter not in _UNSEEN}
    for letter, place in lacking.items():
        if not letter.isprintable():
            raise UnusableCall(f"{place}: the character U+{ord(letter):04X} cannot be printed; take it out")
    for path in fonts:
        known = _letters_of(path, must=True)
        lacking = {letter: place for letter, place in lacking.items() if ord(letter) not in known}
    for path in _installed() if lacking else ():
        known = _letters_of(path, must=False)
        if any(ord(letter) in known for letter in lacking):
            fonts.append(path)
            lacking = {letter: place for letter, place in lacking.items() if ord(letter) not in known}
        if not lacking:
            break
    for letter, place in lacking.items():
        script = unicodedata.name(letter, "?").split()[0].capitalize()
        raise UnusableCall(
            f"{place}: no font at hand has the letter '{letter}' (U+{ord(letter):04X}, {script}); "
            f"name one that has with --font, such as Noto Sans {script}"
        )
    return tuple(fonts)


def _texts_of(form: Form, cells: Iterable[str]) -> Iterator[tuple[str, str]]:
    yield from form.texts()
    yield from (("--data", cell) for cell in cells)
    yield "form", f"{form.name} 0123456789…:"


@cache
def _letters_of(path: Path, *, must: bool) -> frozenset[int]:
    """Give the letters that a font has; of one that nobody asked for and that cannot be read, none."""
    try:
        from fontTools.ttLib import TTFont
    except ImportError as error:
        raise UnusableCall(_NEEDS) from error
    try:
        if path.suffix.lower() not in _ENDINGS:
            raise ValueError("its name should end in .ttf, .otf or .ttc")
        with path.open("rb") as file, TTFont(file, fontNumber=0, lazy=True) as font:
            has_outlines = any(table in font for table in ("glyf", "CFF "))
            best: Any = font.getBestCmap() if has_outlines else None
            return frozenset(best or ())
    except Exception as error:  # fontTools raises anything over a damaged file
        if not must:
            return frozenset()
        raise UnusableCall(f"{path}: cannot be used as a font ({error}); give another with --font") from error


def _installed() -> Iterator[Path]:
    """Give the fonts that lie where systems keep them, in one order, plain ones before bold and slanted."""
    found: list[Path] = []
    for folder in _folders():
        for path in folder.rglob("*") if folder.is_dir() else ():
            if path.suffix.lower() in _ENDINGS and len(found) < _MOST_FONTS:
                found.append(path)
    yield from sorted(found, key=lambda path: ("Regular" not in path.stem, len(path.name), path.name))


def _folders() -> Iterator[Path]:
    home = Path.home()
    if sys.platform == "win32":
        yield Path(os.environ.get("WINDIR", "C:/Windows")) / "Fonts"
        yield home / "AppData/Local/Microsoft/Windows/Fonts"
    elif sys.platform == "darwin":
        yield from (Path("/System/Library/Fonts"), Path("/Library/Fonts"), home / "Library/Fonts")
    else:
        yield from (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), home / ".local/share/fonts")
