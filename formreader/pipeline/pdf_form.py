"""The form fields of a fillable PDF as fields of the template: the PDF gives names and places, the print the boxes."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final, get_args

from formreader.scans.pdf_form import FormEntry
from formreader.template import Field, Rectangle
from formreader.values import FieldKind

_MOST_CELLS: Final = 60
_LONGEST: Final = 60
_RESERVED: Final = frozenset({"scan", "page", "status", "review"})
"""Columns that the result files have already."""
_SUBFORM: Final = re.compile(r"#|^(topmostSubform|form1)\b")
"""Names that programs give to the layers around a field."""
_LEAST_SHARED: Final = 0.5
"""Of a printed box must lie in a PDF's field that it belongs to."""


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
        Maps a place of the page to the upright form.

    Returns
    -------
    fields, notes
        The notes say what was left out.
    """
    fields: list[Field] = []
    taken: set[str] = set()
    marks: dict[str, list[FormEntry]] = {}
    for entry in entries:
        if entry.kind == "mark":
            marks.setdefault(entry.name, []).append(entry)
        else:
            fields.append(_text_field(_lawful(entry.name, taken), entry, place(entry.rectangle), found))
    has_choices = "choice" in get_args(FieldKind)
    if has_choices:
        fields += [_choice(_lawful(name, taken), listed, place) for name, listed in marks.items()]
    notes = [] if has_choices or not marks else [f"tick boxes of the PDF left out: {sum(map(len, marks.values()))}"]
    places = [place(entry.rectangle) for entry in entries]
    return (*fields, *_elsewhere(found, places)), notes


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
        boxes = tuple(box for box in field.boxes if not any(_lies_in(box, place) for place in places))
        if boxes:
            left.append(field if len(boxes) == len(field.boxes) else replace(field, boxes=boxes))
    return left


def _lies_in(box: Rectangle, place: Rectangle) -> bool:
    shared = 1.0
    for axis in (0, 1):
        low, high = max(box[axis], place[axis]), min(box[axis] + box[2 + axis], place[axis] + place[2 + axis])
        shared *= max(0.0, high - low)
    return shared > _LEAST_SHARED * box[2] * box[3]


def _lawful(name: str, taken: set[str]) -> str:
    """Make a name that a column can have, and that no other field has."""
    name = re.sub(r"\[[0-9]+\]", "", name)
    if _SUBFORM.search(name) or len(name) > _LONGEST:
        name = name.rpartition(".")[2]
    letters = unicodedata.normalize("NFC", name).strip()
    kept = "".join(one if one in "_.-" or unicodedata.category(one)[0] in "LMN" else "_" for one in letters)
    word = re.sub("_{2,}", "_", kept).strip("_").lstrip(".-")[:_LONGEST] or "field"
    word = f"{word}_" if word.casefold() in _RESERVED else word
    number, lawful = 1, word
    while lawful.casefold() in taken:
        number += 1
        lawful = f"{word}_{number}"
    taken.add(lawful.casefold())
    return lawful


def _plain(option: str) -> str:
    """Give an option's text without what would part it from others."""
    return " ".join(option.replace(";", ",").split())[:40]
