"""Boxes that a page shows where the form has none."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from formreader.align.frame import extents, form_drawn, local_ink, working_scale
from formreader.align.params import AlignParams, EvidenceParams
from formreader.template import Template
from formreader.values import Grey

Upright = tuple[int, int, int, int]
"""A line down: its left and top edge, width and height in working pixels."""


def has_foreign(down: Grey, template: Template, scale: float, reach: int, params: AlignParams) -> bool:
    """Whether any line down is as high as a box where the form has none; of paler lines than count in the end."""
    if template.reference is None:
        return False
    uprights = _uprights(cv2.bitwise_and(down, _unprinted(template, params, reach)[1]))
    return any(tall > 0.75 * _box_height(template) * scale for _, _, _, tall in uprights)


def _uprights(down: Grey) -> list[tuple[int, int, int, int]]:
    return extents(np.asarray(cv2.dilate(down, np.ones((3, 3), np.uint8)), np.uint8))


def _box_height(template: Template) -> float:
    return float(np.median([box[3] for box in template.digit_boxes]))


def foreign_sides(
    lines: tuple[Grey, Grey], faint: Grey, template: Template, scale: float, reach: int, params: AlignParams
) -> list[Upright]:
    """Find upright lines of a box's height or more, with lines across at both ends, where the form has none.

    Parameters
    ----------
    lines
        Lines across and lines down that are about as dark as the form's.
    faint
        Lines down, paler ones too: beside the rim of a punched hole they are dark for a good way into it.
    """
    free = _unprinted(template, params, reach)
    across, down = (cv2.bitwise_and(line, place) for line, place in zip(lines, free, strict=True))
    wide = np.ones((2 * reach + 3, 2 * reach + 3), np.uint8)
    foreign_ends, any_ends = cv2.dilate(across, wide), cv2.dilate(lines[0], wide)
    height, found = _box_height(template) * scale, []
    for left, top, width, tall in _uprights(down):
        if 0.75 * height < tall < 12 * height and width < 0.3 * height:
            if _thickness(faint, (left, top, width, tall), height) > 0.45 * height:
                continue
            rows = np.clip([top + 2, top + tall - 3], 0, len(across) - 1)
            closed, opened = (
                [ends[row, left : left + width].any() for row in rows] for ends in (any_ends, foreign_ends)
            )
            if all(closed) and any(opened):  # a row added to a table hangs on the form's own line
                found.append((left, top, width, tall))
    return found


def _thickness(faint: Grey, upright: Upright, height: float) -> float:
    """Measure how many pixels are dark, on and about an upright, in most of its rows."""
    (left, top, width, tall), beside = upright, round(0.5 * height)
    about = faint[top + tall // 4 : top + tall - tall // 4, max(0, left - beside) : left + width + beside]
    return float(np.median(np.count_nonzero(about, axis=1)))


def is_stuck_on(foreign: list[Upright], template: Template, scale: float, rules: EvidenceParams) -> bool:
    """Whether boxes that the form does not have are a sticker's or a stamp's.

    They lie close together and neither in line with the form's boxes nor as high as those: what another form of the
    house has more than this one, a row or a box, is both. A single line is a pen's unless it
    begins or ends where boxes do.
    """
    left, top, width, tall = np.array(foreign, np.float64).T / scale
    mm = template.dpi / 25.4
    if max(np.ptp(left), np.ptp(top), tall.max()) > rules.sticker_mm * mm:
        return False
    x, y, across, height = np.array(template.digit_boxes, np.float64).T

    def meet(places: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.bool_]:
        return np.asarray((np.abs(places[:, None] - edges) < rules.in_line_mm * mm).any(axis=1), np.bool_)

    edges = np.concatenate([y, y + height])
    if len(foreign) == 1:
        return not (meet(top, edges) | meet(top + tall, edges)).item()
    if meet(left + width / 2, np.concatenate([x, x + across])).mean() > 1 - rules.most_in_line:
        return False
    in_line = meet(top, edges) | meet(top + tall, edges)
    more = tall[:, None] - np.rint(tall[:, None] / height) * height  # a table's rows are as high as several boxes
    in_line |= (np.abs(more) < rules.same_height_mm * mm).any(axis=1)
    return float(in_line.mean()) <= rules.most_in_line


@lru_cache(maxsize=32)
def _unprinted(template: Template, params: AlignParams, reach: int) -> tuple[Grey, Grey]:
    """Mark, as 255, where the form prints no lines across, and none down, but for boxes: strokes run straight too."""
    scale = working_scale(template, params)
    ink = local_ink(form_drawn(template, params))
    for x, y, width, height in (box for field in template.fields for box in field.boxes):
        inner = 0.06 * min(width, height)
        edges = (x + inner, y + inner, x + width - inner, y + height - inner)
        left, top, right, bottom = (round(edge * scale) for edge in edges)
        ink[top:bottom, left:right] = 255
    wide = np.ones((2 * reach + 3, 3), np.uint8)
    across, down = (np.asarray(255 - cv2.dilate(ink, kernel), np.uint8) for kernel in (wide, wide.T.copy()))
    return across, down
