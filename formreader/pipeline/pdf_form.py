"""The form fields of a fillable PDF as fields of the template: the PDF gives names and places, the print the boxes."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

from formreader.scans.pdf_form import FormEntry
from formreader.template import Field, Rectangle
from formreader.template.wording import free_name

_MOST_CELLS: Final = 60
_LONGEST: Final = 60
_RESERVED: Final = frozenset({"scan", "page", "status", "review"})
"""Columns that the result files have already."""
_SUBFORM: Final = re.compile(r"#|^(topmostSubform|form1)\b")
"""Names that programs give to the layers around a field."""
_LEAST_SHARED: Final = 0.5
"""Of a printed box must lie in a PDF's field that it belongs to."""
_MUCH_SHARED: Final = 0.3
"""Of the smaller of two fields: they lie on one another, and one writing would be read twice."""
_LEAST_SIDE_PX: Final = 2.0
_NAMED: Final = 5
_NO_OPTIONS: Final = ("?", "_")
"""A person says with these that nobody can read it, and that nothing is marked."""


def with_entries(
    found: Sequence[Field], entries: Sequence[FormEntry], place: Callable[[Rectangle], Rectangle]
) -> tuple[tuple[Field, ...], list[str]]:
    """Give a form's fields as the PDF has them, and after them what else was found in print.

    Text in cells (a comb) becomes that many boxes, at the printed ones where there are as many; other text is keyed by
    a person; marks of one name are a choice.

    Parameters
    ----------
    found
        Fields that were found in print.
    place
        Maps a place of the page to the upright form; what lies off the paper has no size.

    Returns
    -------
    fields, notes
        The notes say what was left out.
    """
    fields: list[Field] = []
    taken: set[str] = set()
    marks: dict[str, list[FormEntry]] = {}
    entries, notes = _usable(entries, place)
    for entry in entries:
        if entry.kind == "mark":
            marks.setdefault(entry.name, []).append(entry)
        else:
            fields.append(_text_field(_lawful(entry.name, taken), entry, place(entry.rectangle), found))
    fields += [_choice(_lawful(name, taken), listed, place) for name, listed in marks.items()]
    places = [place(entry.rectangle) for entry in entries]
    return (*fields, *_elsewhere(found, places)), notes


def _usable(entries: Sequence[FormEntry], place: Callable[[Rectangle], Rectangle]) -> tuple[list[FormEntry], list[str]]:
    """Leave out what lies off the paper, and of two that lie on one another the later; say which."""
    kept: list[FormEntry] = []
    places: list[Rectangle] = []
    off: list[str] = []
    over: list[str] = []
    for entry in entries:
        here = place(entry.rectangle)
        if min(here[2:]) < _LEAST_SIDE_PX:
            off.append(entry.name)
        elif any(_lie_on(here, other) for other in places):
            over.append(entry.name)
        else:
            kept.append(entry)
            places.append(here)
    lists = (("off the paper", off), ("on others", over))
    return kept, [f"fields of the PDF that lie {where} left out: {_listed(names)}" for where, names in lists if names]


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(f"'{_lawful(name, set())}'" for name in names[:_NAMED])
    return f"{shown} and {len(names) - _NAMED} more" if len(names) > _NAMED else shown


def _text_field(name: str, entry: FormEntry, rectangle: Rectangle, found: Sequence[Field]) -> Field:
    printed = sorted(
        (box for field in found for box in field.boxes if _lies_in(box, rectangle)), key=lambda box: box[0]
    )
    is_row = bool(printed) and all(abs(box[1] - printed[0][1]) < printed[0][3] / 2 for box in printed)
    cells = min(entry.most, _MOST_CELLS) if entry.is_comb else 0
    if is_row and len(printed) > 1 and len(printed) == (cells or len(printed)):
        return Field(name, tuple(printed))
    if cells > 1:
        x, y, width, height = rectangle
        return Field(name, tuple((x + n * width / cells, y, width / cells, height) for n in range(cells)))
    return Field(name, (rectangle,), kind="key")


def _choice(name: str, marks: Sequence[FormEntry], place: Callable[[Rectangle], Rectangle]) -> Field:
    """Make one question of its marks; options that are missing or alike are numbered."""
    options = [_plain(mark.option) for mark in marks]
    if len(set(options)) < len(options) or not all(options):
        options = [str(number) for number in range(1, len(marks) + 1)]
    said: dict[str, Any] = {"kind": "choice", "options": tuple(options)}
    # A tick box by itself may be left blank; of several circles one is to be filled.
    said["many"] = len(marks) == 1
    return Field(name, tuple(place(mark.rectangle) for mark in marks), **said)


def _elsewhere(found: Sequence[Field], places: Sequence[Rectangle]) -> list[Field]:
    """Give what was found in print where the PDF has no field."""
    left = []
    for field in found:
        boxes = tuple(box for box in field.boxes if not any(_lie_on(box, place) for place in places))
        if boxes:
            left.append(field if len(boxes) == len(field.boxes) else replace(field, boxes=boxes))
    return left


def _lies_in(box: Rectangle, place: Rectangle) -> bool:
    return _shared(box, place) > _LEAST_SHARED * box[2] * box[3]


def _lie_on(one: Rectangle, other: Rectangle) -> bool:
    return _shared(one, other) > _MUCH_SHARED * min(one[2] * one[3], other[2] * other[3])


def _shared(one: Rectangle, other: Rectangle) -> float:
    """Give the area that two rectangles share."""
    shared = 1.0
    for axis in (0, 1):
        low, high = max(one[axis], other[axis]), min(one[axis] + one[2 + axis], other[axis] + other[2 + axis])
        shared *= max(0.0, high - low)
    return shared


def _lawful(name: str, taken: set[str]) -> str:
    """Make a name that a column can have, and that no other field has."""
    name = re.sub(r"\[[0-9]+\]", "", name)
    if _SUBFORM.search(name) or len(name) > _LONGEST:
        name = name.rpartition(".")[2]
    letters = unicodedata.normalize("NFC", name).strip()
    kept = "".join(one if one in "_.-" or unicodedata.category(one)[0] in "LMN" else "_" for one in letters)
    word = re.sub("_{2,}", "_", kept).strip("_").lstrip(".-")[:_LONGEST] or "field"
    word = f"{word}_" if word.casefold() in _RESERVED else word
    return free_name(word, taken)


def _plain(option: str) -> str:
    """Give an option's text without what would part it from others, what nobody can key, and what means no answer."""
    kept = "".join(one if one.isprintable() else " " for one in unicodedata.normalize("NFC", option))
    plain = " ".join(kept.replace(";", "/").split())[:40].strip()
    return "" if plain in _NO_OPTIONS else plain
