"""What the print around a form's fields says of them: rows with labels left, columns with heads, values in parts."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from formreader.labels.blocks import Block, blocks_of, sure_name
from formreader.labels.heads import above, behind_boxes, is_behind, is_printed_under, left_of, runs_of
from formreader.labels.spots import LabelParams, Spot
from formreader.labels.text import Line, Place, around
from formreader.template import Field

Name = tuple[str, int]
"""A name, and which part of its value a field is; 0 where it is all of it."""
OF_TABLE: Final = re.compile(r"((?:table\d+_)?)(row\d+)_(col\d+)")
"""How fields of tables are named by where they stand."""


@dataclass(frozen=True, slots=True, eq=False)
class _Unit:
    """The parts of one value, or one field, side by side.

    Attributes
    ----------
    head
        The print above it, or above the column that it stands in.
    row
        Which of its column it is, from 1.
    top
        The index of its column's topmost field.
    """

    spots: tuple[Spot, ...]
    head: Block | None
    row: int
    top: int

    @property
    def first(self) -> Spot:
        """Its field farthest left."""
        return self.spots[0]


class Layout:
    """What the print around fields says of them."""

    def __init__(self, spots: Sequence[Spot], lines: Sequence[Line], *, filled: bool, params: LabelParams) -> None:
        self._params, self._spots = params, spots
        self._least = params.confidence_filled if filled else params.confidence
        self._blocks = blocks_of(lines, spots, params)
        behind, self._doubtful = behind_boxes(spots, self._blocks, params)
        self._over = [b for b in self._blocks if b not in self._doubtful and not is_behind(b, spots)]
        self.behind = {index: name for index, block in behind.items() if (name := self._sure(block))}
        runs = sorted(runs_of(spots, self._blocks), key=lambda run: run[0].place.top)
        self._own_heads = {spot.index: self._above(spot.place, spot) for spot in spots}
        self._uppers = {spot.index: self._upper(spot) for spot in spots}
        self._units: dict[int, _Unit] = {}
        self._runs = [self._units_of(run) for run in runs]
        self._rows = Counter(unit.top for unit in self._each())
        self._uses = Counter(block for unit in self._each() if unit.row == 1 for block in self._heads_of(unit))
        self._unsure: set[int] = set()
        self._lefts = self._heads_left()

    def _each(self) -> list[_Unit]:
        return [unit for run in self._runs for unit in run]

    def _sure(self, block: Block | None) -> str:
        return sure_name(block, self._least)

    def _above(self, place: Place, spot: Spot) -> Block | None:
        return above(place, spot, self._over, self._spots, self._params)

    def _heads_of(self, unit: _Unit) -> set[Block]:
        """Give the print above a unit, and what goes on over it from others: it is none of theirs alone."""
        place = around([spot.place for spot in unit.spots])
        near = [block for block in self._over if -0.1 <= self._down(block, unit.first) <= self._params.above]
        over = {block for block in near if block.place.shares(place) > 0.5 * place.width}
        return over | {unit.head} if unit.head is not None else over

    def _upper(self, spot: Spot) -> Spot | None:
        """Give the field of the same column next above one, with nothing printed between."""
        over = [one for one in self._spots if one is not spot and spot.is_under(one, self._params)]
        nearest = max(over, key=lambda one: one.place.bottom, default=None)
        return None if nearest is None or is_printed_under(nearest, spot, self._blocks) else nearest

    def _units_of(self, run: Sequence[Spot]) -> list[_Unit]:
        """Part a run into values: what stands close together and has no label of its own is one."""
        parted: list[list[Spot]] = []
        for spot in run:
            if parted and not self._begins(spot, parted[-1][-1]):
                parted[-1].append(spot)
            else:
                parted.append([spot])
        units = []
        for spots in parted:
            over = self._uppers[spots[0].index]
            upper = self._units.get(over.index) if over is not None else None
            if upper is not None:
                unit = _Unit(tuple(spots), upper.head, upper.row + 1, upper.top)
            else:
                head = self._above(around([spot.place for spot in spots]), spots[0])
                unit = _Unit(tuple(spots), head, 1, spots[0].index)
            self._units |= {spot.index: unit for spot in spots}
            units.append(unit)
        return units

    def _begins(self, spot: Spot, last: Spot) -> bool:
        """Whether a field is no part of the value that the one before it belongs to."""
        if spot.place.left - last.place.right > self._params.part * spot.box_width:
            return True
        if abs(spot.height - last.height) > 0.3 * spot.height:
            return True
        over = self._uppers[spot.index]
        if over is not None and over.index in self._units:
            return self._units[over.index].first is over
        own = self._own_heads[spot.index]
        return own is not None and bool(own.name) and own.place.left > last.place.right - 0.5 * spot.box_width

    def _heads_left(self) -> dict[Block, list[list[_Unit]]]:
        """Give the print left of runs of fields, each with the runs that it stands beside."""
        heads: dict[Block, list[list[_Unit]]] = {}
        far: list[tuple[Block, list[_Unit]]] = []
        labelled: list[Spot] = []
        for run in self._runs:
            spot = run[0].first
            block = left_of(spot, self._blocks)
            if block is None or block in self._doubtful:
                continue
            if block.has_letters and self._off(block, spot) < self._params.beside and not self._sure(block):
                self._unsure.add(spot.index)  # what stands above is then no label of this field alone
            off_middle = abs(block.place.middle - spot.place.middle) / spot.height
            if not block.name or (len(block.lines) == 1 and off_middle > self._params.off_middle):
                continue
            labelled.append(spot)
            if self._off(block, spot) <= self._params.far:
                heads.setdefault(block, []).append(run)
            else:
                far.append((block, run))
        for block, run in far:
            if self._is_row_of_list(block, run[0].first, labelled):
                heads.setdefault(block, []).append(run)
        heads = {block: runs for block, runs in heads.items() if self._is_for(block, runs)}
        counts = Counter(run[0].top for runs in heads.values() for run in runs)
        few = {top for top, count in counts.items() if count < self._params.listed * self._rows[top]}
        return {block: runs for block, runs in heads.items() if not few & {run[0].top for run in runs}}

    def _off(self, block: Block, spot: Spot) -> float:
        return (spot.place.left - block.place.right) / spot.height

    def _is_row_of_list(self, block: Block, spot: Spot, others: Sequence[Spot]) -> bool:
        """Whether print far left of a field stands just beside it, and other fields of its column have such print."""
        in_column = sum(abs(one.place.left - spot.place.left) < 0.5 * spot.box_width for one in others) > 1
        is_level = abs(block.place.middle - spot.place.middle) < 0.4 * max(spot.height, block.lines[0].place.height)
        return in_column and is_level and block.place.height < 1.5 * spot.height

    def _is_for(self, block: Block, runs: Sequence[Sequence[_Unit]]) -> bool:
        """Whether print is nearer to the runs right of it than to a field below it, and they are few."""
        own = [spot for spot in self._spots if self._own_heads[spot.index] is block]
        below = [spot for spot in own if spot not in runs[0][0].spots]
        if len(runs) > (1 if below else self._params.most_rows):
            return False
        down = min((self._down(block, spot) for spot in below), default=float("inf"))
        return self._cost_left(block, runs[0][0]) < down

    def _cost_left(self, block: Block, unit: _Unit) -> float:
        """Weigh the way from a label to a field right of it: eyes go far along a row, but not past a label above."""
        off = self._off(block, unit.first)
        return 0.1 * off if off < self._params.beside else 0.5 + 0.1 * off

    def _down(self, block: Block | None, spot: Spot) -> float:
        """Weigh the way from a label down to a field."""
        return 0.2 + (spot.place.top - block.place.bottom) / spot.height if block is not None else float("inf")

    def of_runs(self, open_ones: set[int]) -> dict[int, Name]:
        """Name the fields that stand in no table, by index."""
        lefts = {run[0].first.index: block for block, runs in self._lefts.items() for run in runs}
        named: dict[int, Name] = {}
        for run in self._runs:
            units = [unit for unit in run if unit.first.index in open_ones]
            if not units or run[0].first.index in self._unsure:
                continue
            left = lefts.get(run[0].first.index) if run[0] is units[0] else None
            if len(units) == 1 and left is not None and self._rows[units[0].top] == 1:
                if self._head(units[0]) and self._down(units[0].head, units[0].first) < self._cost_left(left, units[0]):
                    left = None
                named |= self._numbered(self._sure(left), left) if left is not None else self._by_heads(units, "")
            elif left is not None and not self._are_columns(units):
                named |= self._numbered(self._sure(left), left)
            else:
                named |= self._by_heads(units, self._sure(left))
        return {index: name for index, name in named.items() if name[0] and index in open_ones}

    def _are_columns(self, units: Sequence[_Unit]) -> bool:
        return len(units) > 1 and all(self._head(unit) for unit in units)

    def _head(self, unit: _Unit) -> str:
        """Give the name above a unit; none where it names others as well."""
        return self._sure(unit.head) if unit.head is not None and self._uses[unit.head] == 1 else ""

    def _numbered(self, name: str, left: Block) -> dict[int, Name]:
        """Give a label to all fields that it stands beside."""
        spots = [spot for run in self._lefts[left] for unit in run for spot in unit.spots]
        return _parts(name, spots) if len(spots) <= self._params.most_parts else {}

    def _by_heads(self, units: Sequence[_Unit], left: str) -> dict[int, Name]:
        """Name units by what stands above them; with the row where there are several."""
        named: dict[int, Name] = {}
        for unit in units:
            head = self._head(unit)
            if self._rows[unit.top] > 1 and head:
                head = f"{left or f'row{unit.row:02}'}_{head}"
            if len(unit.spots) <= self._params.most_parts:
                named |= _parts(head, unit.spots)
        return named

    def of_tables(self, fields: Sequence[Field]) -> dict[int, Name]:
        """Name the fields of tables by the heads of rows and columns, by index."""
        tables: dict[str, dict[tuple[str, str], Spot]] = {}
        for spot in self._spots:
            if found := OF_TABLE.fullmatch(fields[spot.index].name):
                tables.setdefault(found[1], {})[found[2], found[3]] = spot
        return {
            index: name for prefix, cells in tables.items() for index, name in self._of_table(prefix, cells).items()
        }

    def _of_table(self, prefix: str, cells: Mapping[tuple[str, str], Spot]) -> dict[int, Name]:
        tops: dict[str, Spot] = {}
        firsts: dict[str, Spot] = {}
        for (row, column), spot in cells.items():
            tops[column] = min(tops.get(column, spot), spot, key=lambda one: one.place.top)
            firsts[row] = min(firsts.get(row, spot), spot, key=lambda one: one.place.left)
        over = {column: self._above(spot.place, spot) for column, spot in tops.items()}
        columns = {
            column: name
            for column, block in over.items()
            if (name := self._sure(block)) and not _is_over_others(block, column, tops)
        }
        beside = {row: left_of(spot, self._blocks) for row, spot in firsts.items()}
        rows = {
            row: name for row, block in beside.items() if block not in self._doubtful and (name := self._sure(block))
        }
        if len(set(rows.values())) < len(firsts):  # a number, or what names several rows
            rows = {}
        return {
            spot.index: (f"{rows.get(row, prefix + row)}_{columns.get(column, column)}", 0)
            for (row, column), spot in cells.items()
            if row in rows or column in columns
        }


def _is_over_others(block: Block | None, column: str, tops: Mapping[str, Spot]) -> bool:
    """Whether print above a column goes on over others."""
    others = (spot.place for one, spot in tops.items() if one != column)
    return block is not None and any(block.place.shares(place) > 0.5 * place.width for place in others)


def _parts(name: str, spots: Sequence[Spot]) -> dict[int, Name]:
    """Give one name to the parts of a value, each with its number."""
    return {spot.index: (name, number if len(spots) > 1 else 0) for number, spot in enumerate(spots, 1)}
