"""Tables: their head says which boxes of a row belong together, their rows and columns give names."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from formreader.boxes.group import Group
from formreader.boxes.rectangles import Boxes
from formreader.template import Field, Rectangle


def parted_by_heads(groups: Sequence[Group], heads: Sequence[Rectangle], near: float) -> list[Group]:
    """Part rows of touching boxes where the cells of the table's head above them part.

    Parameters
    ----------
    heads
        Frames with print in them.
    near
        How close lines are that count as one, in pixels.
    """
    boxes = np.array([box for group in groups for box in group]).reshape(-1, 4)
    begins = _begins_under(np.array(heads).reshape(-1, 4), boxes, near)
    for i in np.argsort(boxes[:, 1]).tolist():
        begins[_hang_on(boxes, boxes[i], near)] |= begins[i]
    parted = []
    first = 0
    for group in groups:
        at = [k for k in range(1, len(group)) if begins[first + k]]
        parted += [group[i:k] for i, k in zip([0, *at], [*at, len(group)], strict=True)]
        first += len(group)
    return parted


def _begins_under(heads: Boxes, boxes: Boxes, near: float) -> NDArray[np.bool_]:
    """Say which boxes begin where a cell of the head begins that they hang on."""
    begins = np.zeros(len(boxes), bool)
    for head in heads[_beside_another(heads, near)]:
        begins |= (np.abs(boxes[:, 1] - head[1] - head[3]) < near) & (np.abs(boxes[:, 0] - head[0]) < near)
    return begins


def _beside_another(heads: Boxes, near: float) -> NDArray[np.bool_]:
    """Say which frames touch another one of their height: the cells of a head."""
    ends = heads[:, 0] + heads[:, 2]
    level = (np.abs(heads[:, None, [1, 3]] - heads[None, :, [1, 3]]) < near).all(axis=2)
    touches = level & (np.abs(ends[:, None] - heads[None, :, 0]) < near)
    return np.asarray(touches.any(axis=0) | touches.any(axis=1), np.bool_)


def _hang_on(boxes: Boxes, above: NDArray[np.float64], near: float) -> NDArray[np.bool_]:
    """Say which boxes hang on one as wide as themselves."""
    flush = np.abs(boxes[:, [0, 2]] - above[[0, 2]]).max(axis=1) < near
    hang: NDArray[np.bool_] = flush & (np.abs(boxes[:, 1] - above[1] - above[3]) < near)
    return hang


def _hangs_on(group: Group, above: Group, near: float) -> bool:
    same = len(group) == len(above) and abs(group[0][0] - above[0][0]) < near
    return same and abs(above[0][1] + above[0][3] - group[0][1]) < near


def named_by_tables(fields: Sequence[Field], near: float, least_rows: int = 3) -> tuple[Field, ...]:
    """Name the fields of tables ``row01_col1``, ...; of a second table ``table2_row01_col1``; others stay.

    A table is two or more columns, side by side, of at least three fields each of which hangs on the one above it.
    """
    columns: list[list[Field]] = []
    for field in sorted(fields, key=lambda field: field.boxes[0][1]):
        home = next((c for c in columns if _hangs_on([*field.boxes], [*c[-1].boxes], near)), None)
        if home is None:
            columns.append([field])
        else:
            home.append(field)
    tables: dict[tuple[int, int], list[list[Field]]] = defaultdict(list)
    for column in columns:
        if len(column) >= least_rows:
            tables[len(column), round(column[0].boxes[0][1] / (2 * near))].append(column)
    names: dict[int, str] = {}
    grids = [table for table in tables.values() if len(table) > 1]
    for number, table in enumerate(grids, start=1):
        prefix = f"table{number}_" if number > 1 else ""
        rows = max(2, len(str(len(table[0]))))
        for c, column in enumerate(sorted(table, key=lambda column: column[0].boxes[0][0]), start=1):
            names |= {id(field): f"{prefix}row{r:0{rows}}_col{c}" for r, field in enumerate(column, start=1)}
    return tuple(replace(field, name=names.get(id(field), field.name)) for field in fields)
