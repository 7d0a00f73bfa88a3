"""Join boxes to fields as people read them, and name them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from formreader.boxes.params import FindParams
from formreader.template import Field, Rectangle

Group = list[Rectangle]
"""The boxes of one field, left to right."""


def numbered(fields: Iterable[Field]) -> tuple[Field, ...]:
    """Name the fields that have no name yet ``field_01``, ... in their order, with as many digits as the last needs."""
    listed = tuple(fields)
    nameless = sum(not field.name for field in listed)
    digits, number, named = len(str(max(nameless, 10))), 0, []
    for field in listed:
        number += not field.name
        named.append(field if field.name else replace(field, name=f"field_{number:0{digits}}"))
    return tuple(named)


def joined(group: Group, params: FindParams) -> Field:
    """Make one field of a group's boxes, without a name yet."""
    _, _, width, height = group[0]
    is_wide = len(group) == 1 and width / height > params.aspect[1]
    # A handwritten digit is about half as wide as its frame is high.
    length = (1, min(20, max(2, round(width / height / 0.5)))) if is_wide else (1, 1)
    return Field("", tuple(group), length)


def rows_of_boxes(cells: Iterable[Rectangle], params: FindParams) -> list[Group]:
    """Join boxes of like size that stand evenly in one row, left to right."""
    groups: list[Group] = []
    for cell in sorted(cells, key=lambda c: c[0]):
        home = min((g for g in groups if _continues(g, cell, params)), key=lambda g: cell[0] - g[-1][0], default=None)
        if home is None:
            groups.append([cell])
        else:
            home.append(cell)
    return groups


def _continues(group: Group, cell: Rectangle, params: FindParams) -> bool:
    """Whether a box is the next one of a group: same row, like size, the pitch the group has."""
    x, y, width, height = group[-1]
    is_alike = abs(cell[2] - width) <= params.alike * width and abs(cell[3] - height) <= params.alike * height
    is_level = abs(cell[1] - y) <= params.alike * height
    pitch = cell[0] - x
    is_near = 0.8 * width < pitch <= (1 + params.gap) * width
    is_even = len(group) < 2 or abs(pitch - (x - group[-2][0])) <= params.even * width
    return is_alike and is_level and is_near and is_even


def in_reading_order(groups: list[Group]) -> list[Group]:
    """Sort fields into lines of text, top to bottom, and those of a line left to right."""
    rows: list[list[Group]] = []
    for group in sorted(groups, key=lambda g: g[0][1] + g[0][3] / 2):
        middle = group[0][1] + group[0][3] / 2
        first = rows[-1][0][0] if rows else None
        if first is not None and abs(middle - first[1] - first[3] / 2) < 0.5 * min(first[3], group[0][3]):
            rows[-1].append(group)
        else:
            rows.append([group])
    return [group for row in rows for group in sorted(row, key=lambda g: g[0][0])]
