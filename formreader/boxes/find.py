"""Find printed boxes on a page and join them to fields."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from formreader.boxes.choose import choose_boxes, of_wanted_size
from formreader.boxes.combs import find_combs, turns_of_combs
from formreader.boxes.complete import completed, sides_printed
from formreader.boxes.edges import on_lines
from formreader.boxes.frames import find_corners, find_frames
from formreader.boxes.group import in_reading_order, joined, numbered, rows_of_boxes
from formreader.boxes.inside import (
    is_among_letters,
    is_clear_around,
    is_paper,
    looks_labelled,
    print_inside,
    shines_through,
)
from formreader.boxes.lines import Lines, darkness, find_lines, shining_through, with_dotted, without_streaks
from formreader.boxes.params import A4_LONG_SIDE_INCH, FindParams
from formreader.boxes.rectangles import NONE, Boxes, lies_over, ranges
from formreader.boxes.tables import parted_by_heads
from formreader.template import Field, Rectangle
from formreader.values import Grey


def find_fields(
    pixels: Grey, dpi: float | None = None, *, blank: bool = True, wide: bool = False, params: FindParams | None = None
) -> tuple[Field, ...]:
    """Find the digit boxes of an upright page and join them to fields in reading order.

    Parameters
    ----------
    pixels
        The page, upright within a degree.
    dpi
        Its resolution; None takes it for A4.
    blank
        Nothing is written on it: what has print inside is no box.
    wide
        Also take single frames for several digits.

    Returns
    -------
    tuple of Field
        Named ``field_01``, ... ; empty where no box was found.
    """
    return numbered(find_form_fields(pixels, dpi, blank=blank, wide=wide, params=params).fields)


@dataclass(frozen=True, slots=True)
class FormFields:
    """The fields of a form, and how many frames were left out.

    Attributes
    ----------
    wide
        Frames for several digits, where they were not asked for.
    printed
        Frames of a digit's size with print inside.
    other
        Boxes of other sizes than those asked for.
    turns
        By how many quarters the page is to be turned counterclockwise: its combs say that it does not lie upright.
    """

    fields: tuple[Field, ...]
    wide: int
    printed: int
    other: int
    turns: int


def find_form_fields(
    pixels: Grey, dpi: float | None = None, *, blank: bool = True, wide: bool = False, params: FindParams | None = None
) -> FormFields:
    """Do what `find_fields` does; the fields have no names yet, and what was left out is counted."""
    params = params or FindParams()
    if dpi is None:
        params = replace(params, least_mm=params.least_mm * 0.83, most_mm=params.most_mm * 1.27)
    if params.sizes:
        least, most = (
            (1 - params.size_off) * np.min(params.sizes),
            (1 + params.size_off) * np.max(params.sizes, axis=0)[1],
        )
        params = replace(params, least_mm=min(params.least_mm, least), most_mm=max(params.most_mm, most))
    px_a_mm = (dpi or max(pixels.shape) / A4_LONG_SIDE_INCH) / 25.4
    lines = find_lines(pixels, px_a_mm, params)
    every = _boxes(lines, params, blank=True) if blank else _boxes_of_front(pixels, lines, params)
    found = _of_wanted_sizes(every, lines, params)
    near = params.flush_mm * px_a_mm
    groups = rows_of_boxes(_on_page(found.digits, lines), params)
    groups = parted_by_heads(groups, _on_page(found.printed, lines), near)
    groups += [_on_page(comb, lines) for comb in found.combs]
    if wide:
        groups += [[frame] for frame in _on_page(found.wide, lines)]
    fields = tuple(joined(group, params) for group in in_reading_order(groups))
    digits = found.printed[~_is_wide(found.printed, lines, params)]
    left_out = every.count - found.count if wide else every.small - found.small
    turns = turns_of_combs(lines, np.concatenate([found.digits, *found.combs]), params)
    return FormFields(fields, 0 if wide else len(found.wide), len(digits), left_out, turns)


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """Boxes in working pixels: for one digit, slots of combs, frames for several, and frames with print inside."""

    digits: Boxes
    combs: tuple[Boxes, ...]
    wide: Boxes
    printed: Boxes

    @property
    def small(self) -> int:
        """How many boxes for one digit there are."""
        return len(self.digits) + sum(len(comb) for comb in self.combs)

    @property
    def count(self) -> int:
        """How many boxes there are."""
        return self.small + len(self.wide)

    @property
    def area(self) -> float:
        """Square pixels in all boxes."""
        return float(sum(boxes[:, 2:].prod(axis=1).sum() for boxes in (self.digits, self.wide, *self.combs)))


def _of_wanted_sizes(found: Found, lines: Lines, params: FindParams) -> Found:
    """Keep the boxes of the sizes asked for; what has print inside stays, for it heads a table's columns."""
    combs = (comb[of_wanted_size(comb, lines.px_a_mm, params, high=False)] for comb in found.combs)
    digits, wide = (boxes[of_wanted_size(boxes, lines.px_a_mm, params)] for boxes in (found.digits, found.wide))
    return replace(found, digits=digits, wide=wide, combs=tuple(comb for comb in combs if len(comb)))


def _boxes_of_front(pixels: Grey, lines: Lines, params: FindParams) -> Found:
    """Find the boxes of a filled page; where another print seems to shine through, those of the darker lines alone.

    Parameters
    ----------
    pixels
        The page whose `lines` these are.
    """
    behind = shining_through(lines, params)
    if not behind:
        return _boxes(without_streaks(lines, lines, params), params, blank=False)
    darker = find_lines(pixels, lines.px_a_mm / lines.scale, params, behind)
    front = _boxes(without_streaks(darker, lines, params), params, blank=False)
    if front.count >= params.front_boxes:
        return front
    every = _boxes(without_streaks(lines, lines, params), params, blank=False)
    return front if front.area >= params.front * every.area else every


def _boxes(lines: Lines, params: FindParams, *, blank: bool) -> Found:
    cells, frames = _cells(lines, params)
    if (more := with_dotted(lines, cells)) is not None:
        lines = more
        cells, frames = _cells(lines, params)
    is_wide = _is_wide(cells, lines, params)
    cells, wide = cells[~is_wide], cells[is_wide]
    dark = darkness(lines.pixels, lines.px_a_mm)
    combs = find_combs(lines, frames[_is_wide(frames, lines, params)], cells, params)
    if blank:
        combs = [
            comb for comb in combs if print_inside(dark, _feet(comb), lines.px_a_mm, params).mean() <= params.empty
        ]
    in_combs = np.concatenate([NONE, *combs])
    cells = cells[~lies_over(cells, in_combs)]
    wide = wide[~lies_over(wide, np.concatenate([in_combs, cells]))]
    empty, empty_wide = (_is_empty(lines, dark, boxes, params, blank=blank) for boxes in (cells, wide))
    printed = np.concatenate([cells[~empty], wide[~empty_wide]])
    return Found(on_lines(lines, cells[empty]), tuple(combs), on_lines(lines, wide[empty_wide]), printed)


def _feet(slots: Boxes) -> Boxes:
    """Give the lower halves of a comb's slots: a label may stand close above them."""
    half = slots[:, 3:] / 2
    return np.concatenate([slots[:, :1], slots[:, 1:2] + half, slots[:, 2:3], half], axis=1)


def _cells(lines: Lines, params: FindParams) -> tuple[Boxes, Boxes]:
    """Find the boxes among all frames that lines make; gives both."""
    corners = find_corners(lines, params)
    frames = find_frames(lines, corners, params)
    wanted = of_wanted_size(frames.boxes, lines.px_a_mm, params) & bool(params.sizes)
    whole = sides_printed(lines, frames.boxes, slack=3, trim=0.0).min(axis=1, initial=1.0) >= params.sharp
    chosen = choose_boxes(frames, corners, params.beside_mm * lines.px_a_mm, wanted, whole)
    return completed(lines, chosen, params), frames.boxes


def _is_wide(boxes: Boxes, lines: Lines, params: FindParams) -> NDArray[np.bool_]:
    wider = boxes[:, 2] > params.aspect[1] * boxes[:, 3]
    return np.asarray(wider | (boxes[:, 2] > params.most_mm * lines.px_a_mm), bool)


def _is_empty(lines: Lines, dark: Grey, boxes: Boxes, params: FindParams, *, blank: bool) -> NDArray[np.bool_]:
    printed = print_inside(dark, boxes, lines.px_a_mm, params)
    empty = is_paper(lines, boxes, params) & (printed <= (params.empty if blank else params.written))
    # What looks like a frame inside a word is small, alone, not closed all round, or has letters beside it.
    many, touches = _in_company(boxes)
    sharp = sides_printed(lines, boxes, slack=3, trim=0.0).min(axis=1, initial=1.0) >= params.sharp
    frame = (boxes[:, 2:].min(axis=1) > params.word_mm * lines.px_a_mm) | many | touches | sharp
    empty &= frame | is_clear_around(dark, boxes, lines.px_a_mm, params)
    doubtful = empty & ~many & ~sharp
    empty[doubtful] = ~is_among_letters(dark, boxes[doubtful], boxes[many | sharp], params)
    if blank:
        empty &= ~_heads(boxes, ~empty | looks_labelled(dark, boxes, lines.px_a_mm, params), printed > params.empty)
    else:
        empty &= ~shines_through(dark, boxes, params)
        labelled = looks_labelled(dark, boxes, lines.px_a_mm, params)
        empty &= ~_heads(boxes, labelled, labelled)
        empty |= (printed > params.written) & (printed <= params.scribbled) & _among_boxes(boxes, empty)
    return empty


def _among_boxes(boxes: Boxes, known: NDArray[np.bool_], least: int = 2) -> NDArray[np.bool_]:
    """Say which frames have known boxes of their size near in their row: what is scribbled over there is a box."""
    others = boxes[known]
    among = np.zeros(len(boxes), bool)
    for i in np.flatnonzero(~known).tolist():
        off = np.abs(others - boxes[i])
        alike = (off[:, 1:] <= np.maximum(3.0, 0.08 * boxes[i, 3])).all(axis=1)
        among[i] = np.count_nonzero(alike & (off[:, 0] <= 4.0 * boxes[i, 2])) >= least
    return among


def _in_company(boxes: Boxes, least: int = 3) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Say which frames have others of their size in their row or column, and which touch one; letters have none."""
    company, touching = np.ones(len(boxes), np.int64), np.zeros(len(boxes), bool)
    for axis in (0, 1):
        off = 1 - axis
        order = np.argsort(boxes[:, off])
        first, last = (np.searchsorted(boxes[order, off], boxes[:, off] + by) for by in (-3.0, 3.0))
        i, k = ranges(first, last)
        k = order[k]
        alike = (np.abs(boxes[i, 2:] - boxes[k, 2:]) <= np.maximum(2.0, 0.08 * boxes[i, 2:])).all(axis=1) & (i != k)
        np.add.at(company, i[alike], 1)
        touches = np.abs(boxes[i, axis] + boxes[i, 2 + axis] - boxes[k, axis]) <= 3.0
        touches &= np.abs(boxes[i, 2 + off] - boxes[k, 2 + off]) <= 3.0
        touches &= np.abs(boxes[i, 2 + axis] - boxes[k, 2 + axis]) <= np.maximum(2.0, 0.1 * boxes[i, 2 + axis])
        touching[np.concatenate([i[touches], k[touches]])] = True
    return company >= least, touching


def _heads(
    boxes: Boxes, labelled: NDArray[np.bool_], sure: NDArray[np.bool_], least: int = 3, share: float = 0.8
) -> NDArray[np.bool_]:
    """Say which of the cells that look labelled stand in a row or column of such: a table's head, or its rows' numbers.

    Only cells that touch count: one who writes small into boxes is read.

    Parameters
    ----------
    sure
        Of those that look labelled, the ones by which a row or column is told.
    """
    is_head = np.zeros(len(boxes), bool)
    for axis in (0, 1):
        for line in _touching(boxes, axis):
            if len(line) >= least and sure[line].mean() >= share:
                is_head[line] |= labelled[line]
    return is_head


def _touching(boxes: Boxes, axis: int) -> list[NDArray[np.intp]]:
    """Give the rows (0) or columns (1) of cells that follow each other line to line."""
    off = 1 - axis
    after: dict[int, int] = {}
    order = np.argsort(boxes[:, axis])
    starts = boxes[order, axis]
    for i, box in enumerate(boxes):
        end = box[axis] + box[2 + axis]
        near = order[np.searchsorted(starts, end - 4.0) : np.searchsorted(starts, end + 4.0)]
        level = np.abs(boxes[near][:, [off, 2 + off]] - box[[off, 2 + off]]).max(axis=1) <= 4.0
        if level.any():
            after[i] = int(near[level][0])
    lines = []
    for first in set(range(len(boxes))) - set(after.values()):
        line = [first]
        while line[-1] in after and len(line) <= len(boxes):
            line.append(after[line[-1]])
        lines.append(np.array(line))
    return lines


def _on_page(boxes: Boxes, lines: Lines) -> list[Rectangle]:
    """Give boxes in the page's pixels; a pixel's middle lies at +0.5."""
    placed = np.concatenate([(boxes[:, :2] + 0.5) / lines.scale - 0.5, boxes[:, 2:] / lines.scale], axis=1)
    return [(x, y, width, height) for x, y, width, height in placed.tolist()]
