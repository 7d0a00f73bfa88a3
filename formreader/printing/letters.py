"""Which fonts have a form's letters: those given, the form's own, and others that lie on the system.

Imported by `printing` alone.
"""

from __future__ import annotations

import os
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

from formreader.errors import UnusableCall
from formreader.printing.form import Form

OWN: Final = Path(__file__).parent / "fonts"
NEEDS: Final = "printing forms needs an extra: pip install 'formreader[print]'"
_ENDINGS: Final = (".ttf", ".otf", ".ttc")
_MOST_FONTS: Final = 5_000  # looked through on the system
_UNSEEN: Final = "\u200c\u200d\u200e\u200f\u00ad"  # joiners and marks of direction, which fonts need not draw


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
    fonts = [*given, OWN / "DejaVuSansCondensed.ttf"]
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
        raise UnusableCall(NEEDS) from error
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
