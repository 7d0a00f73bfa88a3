"""Which print stands left of a field, above it, or behind it, with nothing else between."""

from __future__ import annotations

from collections.abc import Sequence

from formreader.labels.blocks import Block
from formreader.labels.spots import LabelParams, Spot, is_close_behind
from formreader.labels.text import Place


def runs_of(spots: Sequence[Spot], blocks: Sequence[Block]) -> list[list[Spot]]:
    """Join fields of one row with nothing printed between them, left to right."""
    runs: list[list[Spot]] = []
    for spot in sorted(spots, key=lambda spot: spot.place.left):
        home = next((run for run in runs if _follows(run[-1], spot, spots, blocks)), None)
        if home is None:
            runs.append([spot])
        else:
            home.append(spot)
    return runs


def _follows(last: Spot, spot: Spot, spots: Sequence[Spot], blocks: Sequence[Block]) -> bool:
    if not spot.is_beside(last) or spot.place.left < last.place.right - 0.5 * spot.box_width:
        return False
    between = Place(last.place.right, max(last.place.top, spot.place.top), spot.place.left, spot.place.bottom)
    printed = any(_is_printed_between(line.place, between) for block in blocks for line in block.lines)
    others = (one for one in spots if one is not spot and one is not last and one.is_beside(spot))
    return not printed and not any(between.left <= one.place.centre <= between.right for one in others)


def _is_printed_between(line: Place, between: Place) -> bool:
    return between.left < line.centre < between.right and between.top <= line.middle <= between.bottom


def left_of(spot: Spot, blocks: Sequence[Block]) -> Block | None:
    """Give the print that stands next to a field on its left, whatever it says."""
    ends = {
        block: max((line.place.right for line in block.lines if spot.is_level(line.place)), default=None)
        for block in blocks
    }
    last = spot.place.left + 0.3 * spot.box_width
    near = [(end, block) for block, end in ends.items() if end is not None and end <= last]
    return max(near, key=lambda one: one[0])[1] if near else None


def above(
    place: Place, spot: Spot, blocks: Sequence[Block], spots: Sequence[Spot], params: LabelParams
) -> Block | None:
    """Give the print that stands next above a place, if it may be its label; `spot` says how large its boxes are."""
    height = spot.height
    over = [
        block
        for block in blocks
        if -0.3 * height <= place.top - block.place.bottom <= params.above * height
        and _is_over(block.place, place, spot)
    ]
    nearest = max(over, key=lambda block: block.place.bottom, default=None)
    if nearest is None or len(nearest.lines) > params.most_lines:
        return None
    begins_there = nearest.place.left >= place.left - params.left_of * spot.box_width
    if place.top - nearest.place.bottom > params.lines_above * nearest.lines[-1].place.height:
        return None
    between = Place(place.left, nearest.place.bottom, place.right, place.top)
    crossed = any(between.top < one.place.middle < between.bottom and one.place.shares(between) > 0 for one in spots)
    return nearest if begins_there and not crossed else None


def _is_over(block: Place, place: Place, spot: Spot) -> bool:
    shared = block.shares(place)
    return shared >= 0.5 * min(block.width, place.width) or (
        shared > 0 and abs(block.left - place.left) < spot.box_width
    )


def behind_boxes(
    spots: Sequence[Spot], blocks: Sequence[Block], params: LabelParams
) -> tuple[dict[int, Block], set[Block]]:
    """Give the labels that stand behind single boxes, as tick boxes have them.

    Returns
    -------
    labels
        By the field's index. One alone is no proof that this form sets them so: two in a row or column are.
    doubtful
        What stands close behind a box and can therefore not be the label of the next one.
    """
    claims: list[tuple[Spot, Block]] = []
    doubtful: set[Block] = set()
    for block in blocks:
        if not block.name:
            continue
        first = block.lines[0].place
        level = [spot for spot in spots if any(spot.is_level(line.place) for line in block.lines)]
        before = max((s for s in level if s.place.centre < first.left), key=lambda s: s.place.right, default=None)
        if before is None or before.boxes > 1:
            continue
        gap = max(block.place.left - before.place.right, 0.0)
        after = _next_after(block, level, blocks)
        if after is not None and after.boxes > 1:
            continue
        to_next = after.place.left - block.place.right if after is not None else float("inf")
        if gap <= params.behind * before.height and gap < params.clearly * to_next:
            claims.append((before, block))
        elif after is not None and gap < to_next / params.clearly:
            doubtful.add(block)
    doubtful |= {block for _, block in claims}
    sure = {spot.index: block for spot, block in claims if _has_like(spot, [one for one, _ in claims])}
    return sure, doubtful


def _next_after(block: Block, level: Sequence[Spot], blocks: Sequence[Block]) -> Spot | None:
    """Give the field that follows a block in its row, where no other print comes first."""
    after = min((s for s in level if s.place.left > block.place.right - 1), key=lambda s: s.place.left, default=None)
    if after is None:
        return None
    between = Place(block.place.right, after.place.top, after.place.left, after.place.bottom)
    others = (line.place for one in blocks if one is not block for line in one.lines)
    return None if any(_is_printed_between(place, between) for place in others) else after


def _has_like(spot: Spot, claimed: Sequence[Spot]) -> bool:
    """Whether another box that is labelled behind stands in the same row or column."""
    return any(
        one is not spot and (one.is_beside(spot) or abs(one.place.left - spot.place.left) < 0.5 * spot.box_width)
        for one in claimed
    )


def is_behind(block: Block, spots: Sequence[Spot]) -> bool:
    """Whether print follows close on a field, as units do: it is no label of what stands below it."""
    return any(is_close_behind(line.place, spots) for line in block.lines)


def is_printed_under(upper: Spot, lower: Spot, blocks: Sequence[Block]) -> bool:
    """Whether print stands between two fields of a column."""
    between = Place(lower.place.left, upper.place.middle, lower.place.right, lower.place.middle)
    places = (line.place for block in blocks for line in block.lines)
    return any(between.top < place.middle < between.bottom and place.shares(between) > 0 for place in places)
