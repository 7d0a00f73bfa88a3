"""Tables on paper: the width of each column, its head, and its rows.

Imported by `printing` alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from formreader.errors import UnusableCall
from formreader.printing.blocks import run_of, text_of
from formreader.printing.form import Asked, Grid
from formreader.printing.setting import Setter
from formreader.printing.sheets import COLUMN, HINT, LABEL, Frame, LayoutParams, Parts, Rule, Side, Text, Written

_HEAD_GAP = 1.4


@dataclass(frozen=True, slots=True)
class Column:
    """A column: where its cells begin, and how wide they and their head are."""

    x: float
    width: float
    cell: float


@dataclass(frozen=True, slots=True)
class Laid:
    """A table laid out: parts of its head and of every row, each from (0, 0), with their heights."""

    head: Parts
    head_mm: float
    rows: tuple[tuple[Parts, float], ...]


def laid_grid(grid: Grid, width: float, setter: Setter, params: LayoutParams) -> Laid:
    """Lay out a table.

    Raises
    ------
    UnusableCall
        Its columns are wider than the page.
    """
    first = grid.fields[0]
    labels = [setter.most_width(row, LABEL) + 0.4 for row in grid.rows]
    labels.append(setter.most_width(grid.row_label, COLUMN) + 0.4 if grid.row_label else 0.0)
    label = min(max(labels), params.most_label)
    columns: list[Column] = []
    x = label + params.table_gap
    for asked in first:
        cell = _cell_width(asked, setter, params)
        head = min(setter.most_width(asked.label, COLUMN) + 0.4, max(cell, 26.0))
        columns.append(Column(x, max(cell, head), cell))
        x += columns[-1].width + params.table_gap
    taken = x - params.table_gap
    if taken > width + 1e-6:
        widest = max(zip(columns, first, strict=True), key=lambda pair: pair[0].width)[1]
        raise UnusableCall(
            f"{grid.place}: its columns take {taken:.0f} mm, and the page has room for {width:.0f} mm; "
            f"make it of fewer columns or digits (the widest is '{widest.label}')"
        )
    rows = []
    for text, fields in zip(grid.rows, grid.fields, strict=True):
        rows.append(_row(text, fields, columns, label, width, setter, params))
    parts, tall = _head(grid, columns, label, width, setter, params)
    return Laid(parts, tall, tuple(rows))


def _pitch(asked: Asked, setter: Setter, params: LayoutParams) -> float:
    """Give how far apart the marks of a choice stand, so that their texts have room above them."""
    widest = max(setter.most_width(option, HINT) for option in asked.options)
    return max(params.mark + 2.5, widest + 1.6)


def _cell_width(asked: Asked, setter: Setter, params: LayoutParams) -> float:
    if asked.kind == "digits":
        return run_of(asked, params).width
    return _pitch(asked, setter, params) * len(asked.options)


def _row(
    text: str,
    fields: tuple[Asked, ...],
    columns: list[Column],
    label: float,
    width: float,
    setter: Setter,
    params: LayoutParams,
) -> tuple[Parts, float]:
    """Set a row: its name, and the boxes of each column at one height."""
    side: Side = "right" if setter.rtl else "left"
    lines = max(setter.most_lines(text, LABEL, label), 1)
    tall = max(params.table_pitch, lines * LABEL.line_mm + 2.0)
    middle = tall / 2
    at = width - label if setter.rtl else 0.0
    name = (at, middle - lines * LABEL.line_mm / 2, label, lines * LABEL.line_mm)
    parts = Parts((Text(name, text, LABEL, side),)) if text else Parts()
    for asked, column in zip(fields, columns, strict=True):
        left = width - column.x - column.cell if setter.rtl else column.x
        if asked.kind == "digits":
            boxes = replace(run_of(asked, params).parts, texts=())  # their letters stand in the head
            parts = parts + boxes.moved(left, middle - params.box[1] / 2)
            continue
        pitch = _pitch(asked, setter, params)
        order = range(len(asked.options))
        places = tuple(
            (left + pitch * k + (pitch - params.mark) / 2, middle - params.mark / 2, params.mark, params.mark)
            for k in (reversed(order) if setter.rtl else order)
        )
        frames = tuple(Frame(place, asked.bubbles) for place in places)
        parts = parts + Parts(frames=frames, written=(Written(asked, places),))
    return parts, tall


def _head(
    grid: Grid, columns: list[Column], label: float, width: float, setter: Setter, params: LayoutParams
) -> tuple[Parts, float]:
    """Set the names of the columns, with the options of choices under them, and a rule below."""
    side: Side = "right" if setter.rtl else "left"
    named = [(grid.row_label, 0.0, label)]
    named += [(asked.label, one.x, one.width) for asked, one in zip(grid.fields[0], columns, strict=True)]
    texts = [(text_of(words, COLUMN, wide, setter, side), x, wide) for words, x, wide in named]
    tall = max((text.place[3] for text, _, _ in texts if text), default=0.0)
    parts = Parts()
    for text, x, wide in texts:
        if text:
            left = width - x - wide if setter.rtl else x
            parts = parts + Parts((text,)).moved(left, tall - text.place[3])
    under = [_under(asked, one, width, setter, params) for asked, one in zip(grid.fields[0], columns, strict=True)]
    if any(letters.texts for letters in under):
        for letters in under:
            parts = parts + letters.moved(0.0, tall + 0.6)
        tall += HINT.line_mm + 0.6
    return parts + Parts(rules=(Rule(0.0, tall + _HEAD_GAP / 2, width),)), tall + _HEAD_GAP


def _under(asked: Asked, column: Column, width: float, setter: Setter, params: LayoutParams) -> Parts:
    """Set what stands under a column's name: the letters of a date's boxes, the texts of a choice's marks."""
    if asked.kind == "digits":
        letters = Parts(run_of(asked, params).parts.texts)
        return letters.moved(width - column.x - column.cell if setter.rtl else column.x, -params.box[1] - 0.5)
    pitch = _pitch(asked, setter, params)
    lefts = [column.x + pitch * k for k in range(len(asked.options))]
    places = [(width - x - pitch if setter.rtl else x, 0.0, pitch, HINT.line_mm) for x in lefts]
    texts = (Text(place, option, HINT, "middle") for place, option in zip(places, asked.options, strict=True))
    return Parts(tuple(texts))
