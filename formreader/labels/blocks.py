"""Lines of print that are one label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

from formreader.labels.spots import LabelParams, Spot, is_close_behind
from formreader.labels.text import Line, Place, around
from formreader.labels.wording import name_of


class Block:
    """Lines of print that belong together, top to bottom; it is not clear where some begin and end."""

    def __init__(self, lines: Sequence[Line], *, is_clear: bool = True) -> None:
        self.lines, self._is_clear = tuple(lines), is_clear
        self.is_told_apart = False
        self.place = around([line.place for line in lines])

    @cached_property
    def name(self) -> str:
        """The name it gives; empty where it gives none."""
        return name_of(self.text, whole=self.is_told_apart) if self._is_clear else ""

    @property
    def text(self) -> str:
        """All of it."""
        return " ".join(line.text for line in self.lines)

    @property
    def has_letters(self) -> bool:
        """Whether there are words in it, as far as it was read."""
        return any(letter.isalpha() for line in self.lines for letter in line.text)

    @property
    def confidence(self) -> float:
        """Of the lines that a name can come from."""
        return min(line.confidence for line in self.lines[:2])


def sure_name(block: Block | None, least: float) -> str:
    """Give the name of a block that was read surely enough."""
    return block.name if block is not None and block.confidence >= least else ""


def blocks_of(lines: Sequence[Line], spots: Sequence[Spot], params: LabelParams) -> list[Block]:
    """Join lines set close under one another, but none that stand beside fields of their own each."""
    beside = {line: _beside(line.place, spots, lines, params) for line in lines}
    blocks: list[list[Line]] = []
    refused: list[tuple[Line, Line]] = []
    for line in sorted(lines, key=lambda line: line.place.top):
        near = [b for b in reversed(blocks) if _continues(b[-1], line, spots, params)]
        near = [b for b in near if not _is_parted_under(b[-1], line, lines)]
        home = next((b for b in near if _belong(beside[b[-1]], beside[line])), None)
        if home is None:
            blocks.append([line])
            refused += [(other[-1], line) for other in near]
        else:
            home.append(line)
    rows = {line: [spot for spot in spots if spot.index in beside[line]] for line in lines}
    unclear = _unclear(refused, rows)
    return told_apart([Block(block, is_clear=unclear.isdisjoint(block)) for block in blocks])


def told_apart(blocks: list[Block]) -> list[Block]:
    """Have labels named whole where they differ only in what is left out: *Meter (day)* and *Meter (night)*."""
    alike: dict[str, list[Block]] = {}
    for block in blocks:
        alike.setdefault(name_of(block.text), []).append(block)
    for same in alike.values():
        if len({name_of(block.text, whole=True) for block in same}) == len(same) > 1:
            for block in same:
                block.is_told_apart = True
    return blocks


def _unclear(refused: Sequence[tuple[Line, Line]], rows: Mapping[Line, Sequence[Spot]]) -> set[Line]:
    """Give the lines of which nobody can say whether they are a label or a part of one.

    Parameters
    ----------
    refused
        Lines set as if they went on from one another that stand beside different fields, or one beside none.
    rows
        The fields that each stands beside.
    """
    unclear: set[Line] = set()
    listed = _listed(rows)
    for upper, lower in refused:
        beside, other = (upper, lower) if rows[upper] else (lower, upper)
        if any(spot.place.left + spot.box_width < other.place.right for spot in rows[beside]):
            continue  # it goes on over the field
        goes_on = beside is upper and not rows[lower] and _is_in_row(upper, rows[upper], 0.4)
        if listed.isdisjoint((upper, lower)) and not goes_on:  # a label's first line names it well enough
            unclear |= {line for line in (upper, lower) if rows[line]}
    return unclear


def _continues(above: Line, line: Line, spots: Sequence[Spot], params: LabelParams) -> bool:
    """Whether a line is set as one that goes on from another, with no field between them."""
    if not above.has_words or not line.has_words:
        return False
    one, two = above.place, line.place
    height = min(one.height, two.height)
    is_close = -0.5 * height < two.top - one.bottom < params.tight * height and two.middle > one.bottom - 0.2 * height
    is_set_alike = abs(one.left - two.left) < 1.5 * height or abs(one.centre - two.centre) < 0.7 * height
    if not is_close or not is_set_alike or max(one.height, two.height) > 1.5 * height:
        return False
    over = (spot.place for spot in spots if min(spot.place.shares(one), spot.place.shares(two)) > 0)
    return not any(one.middle < place.middle < two.middle for place in over)


def _belong(one: set[int], other: set[int]) -> bool:
    return bool(one & other) if one or other else True


def _listed(rows: Mapping[Line, Sequence[Spot]]) -> set[Line]:
    """Give the lines that are one label of a list, a row each, set flush."""
    in_row = [line for line, spots in rows.items() if _is_in_row(line, spots)]
    listed = set()
    for line in in_row:
        for other in in_row:
            down = abs(line.place.middle - other.place.middle) / rows[line][0].height
            flush = abs(line.place.left - other.place.left) < line.place.height
            if other is not line and flush and 0.5 < down < 2.5:
                listed.add(line)
    return listed


def _is_in_row(line: Line, rows: Sequence[Spot], near: float = 0.17) -> bool:
    """Whether a line stands at the middle of a field, as the label of one row does."""
    return any(abs(spot.place.middle - line.place.middle) < near * spot.height for spot in rows)


def _is_parted_under(above: Line, line: Line, lines: Sequence[Line]) -> bool:
    """Whether a line is but one of several side by side under another: the heads of columns under a title."""
    level = (
        one for one in lines if one is not line and abs(one.place.middle - line.place.middle) < 0.5 * line.place.height
    )
    return any(one.has_words and one.place.shares(above.place) > 0 for one in level)


def _beside(place: Place, spots: Sequence[Spot], lines: Sequence[Line], params: LabelParams) -> set[int]:
    """Give the fields that a line stands beside: close behind them, or left of those with nothing above."""
    level = [spot for spot in spots if spot.is_level(place)]
    behind = {spot.index for spot in level if -0.5 < (place.left - spot.place.right) / spot.height < params.behind}
    right = [spot for spot in level if spot.place.left > place.right - 0.5 * spot.height]
    nearest = min((spot.place.left for spot in right), default=0.0)
    for spot in right:
        off = (spot.place.left - place.right) / spot.height
        is_next = spot.place.left < nearest + spot.box_width
        if is_next and off < params.farthest and (off < params.beside or not _is_headed(spot, spots, lines, params)):
            behind.add(spot.index)
    return behind


def _is_headed(spot: Spot, spots: Sequence[Spot], lines: Sequence[Line], params: LabelParams) -> bool:
    """Whether print that belongs to no other field begins right above a field."""
    for line in lines:
        place = line.place
        down = spot.place.top - place.bottom
        begins = (place.left - spot.place.left) / spot.box_width
        if not -0.3 * spot.height < down < params.above * spot.height or not -params.left_of < begins < 1:
            continue
        between = (one for one in spots if one is not spot and one.place.shares(spot.place) > 0)
        if not any(place.middle < one.place.middle < spot.place.top for one in between) and not is_close_behind(
            place, spots
        ):
            return True
    return False
