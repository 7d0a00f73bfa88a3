"""Give fields the names that their printed labels say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from formreader.labels.layout import OF_TABLE, Layout, Name
from formreader.labels.spots import LabelParams, Spot
from formreader.labels.text import Line, Place, TextParams, TextReader, around, printed_lines
from formreader.labels.wording import unique
from formreader.template import Field
from formreader.values import Grey


def named_by_labels(
    fields: Sequence[Field],
    pixels: Grey,
    dpi: float,
    reader: TextReader,
    *,
    filled: bool = False,
    params: LabelParams | None = None,
) -> tuple[Field, ...]:
    """Name the fields that have no name yet, or that of a table's row and column, by the labels printed at them.

    A label that several fields share names each with what tells it apart: its column's head, or ``_part2``. What is not
    read surely names nothing.

    Parameters
    ----------
    pixels
        The upright form, blank where possible.
    filled
        People wrote on it.
    """
    params = params or LabelParams()
    spots = [_spot(index, field) for index, field in enumerate(fields)]
    open_ones = {i for i, field in enumerate(fields) if not field.name or OF_TABLE.fullmatch(field.name)}
    if not open_ones:
        return tuple(fields)
    places = [spots[i].place for i in sorted(open_ones)]
    lines, in_print = _outside(printed_lines(pixels, dpi, reader, places, TextParams()), fields)
    found = Layout([spot for spot in spots if spot.index not in in_print], lines, filled=filled, params=params)
    named = found.of_tables(fields) | found.of_runs({i for i in open_ones if not fields[i].name})
    named |= {i: (name, 0) for i, name in found.behind.items() if i in open_ones}
    return _with_names(fields, named)


def _with_names(fields: Sequence[Field], named: Mapping[int, Name]) -> tuple[Field, ...]:
    """Give the names, each once; the parts of a value keep one name."""
    taken = {field.name.casefold() for i, field in enumerate(fields) if field.name and i not in named}
    whole: dict[str, str] = {}
    listed = []
    for index, field in enumerate(fields):
        name, part = named.get(index, (field.name, 0))
        if index not in named:
            listed.append(field)
        elif part:
            if part == 1 or name not in whole:
                whole[name] = unique(name, taken)
            listed.append(replace(field, name=unique(f"{whole[name]}_part{part}", taken)))
        else:
            listed.append(replace(field, name=unique(name, taken)))
    return tuple(listed)


def _spot(index: int, field: Field) -> Spot:
    boxes = [Place(x, y, x + width, y + height) for x, y, width, height in field.boxes]
    return Spot(index, around(boxes), boxes[0].width, len(boxes))


def _outside(lines: Sequence[Line], fields: Sequence[Field]) -> tuple[list[Line], set[int]]:
    """Leave out what stands in boxes, and boxes read as signs; say which fields are but letters of a line."""
    outside, in_print = [], set()
    boxes = [(i, Place(x, y, x + w, y + h)) for i, field in enumerate(fields) for x, y, w, h in field.boxes]
    for line in lines:
        place = line.place
        held = [(i, box) for i, box in boxes if _holds_middle(place, box)]
        written = sum(_shared(place, box) for _, box in boxes) > 0.4 * place.width * place.height
        if not held and not written:
            outside.append(line)
        elif not written:
            in_print |= {i for i, box in held if place.width > 2.5 * box.width}
    return outside, in_print


def _shared(one: Place, other: Place) -> float:
    """Give the area that two places have in common."""
    down = min(one.bottom, other.bottom) - max(one.top, other.top)
    return max(one.shares(other), 0.0) * max(down, 0.0)


def _holds_middle(line: Place, box: Place) -> bool:
    return line.left < box.centre < line.right and abs(line.middle - box.middle) < 0.25 * line.height
