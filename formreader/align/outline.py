"""The frames of a template's boxes, and whether a page shows them and no others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from formreader.align.foreign import foreign_sides, has_foreign, is_stuck_on
from formreader.align.frame import form_drawn, inked, local_ink, working_scale
from formreader.align.params import AlignParams, EvidenceParams
from formreader.align.rings import outlines, rings_found
from formreader.align.sides import sides_lost
from formreader.template import Template
from formreader.values import Grey

Seen = Callable[[NDArray[np.int64]], NDArray[np.bool_]]
"""Says of places on the form, (..., 2) working pixels, whether the picture shows them."""


@dataclass(frozen=True, slots=True)
class FrameFound:
    """What a page shows of a form's boxes.

    Attributes
    ----------
    share
        Share of the printed frame that is found, chance hits taken off: 1 where every line is found, about 0 for a page
        of another form.
    absent
        Boxes in the picture whose frame is not there.
    moved
        Fields of which one side of all boxes is not there.
    foreign
        Sides of boxes found where the form has none.
    taller
        By which share most boxes are taller than the form's, the map's own stretch taken off: paper that is stretched
        stretches its boxes too, rows that are spread do not.
    """

    share: float
    absent: int
    moved: int
    foreign: int
    taller: float


def frame_found(dark: Grey, seen: Seen, template: Template, params: AlignParams, rules: EvidenceParams) -> FrameFound:
    """Look for the template's frame on a page drawn in its place.

    Lines are kept by opening with half a box's side, so that writing and text do not count for frame; a place counts
    as found when a line of its direction runs within reach. Of a form that has no boxes for digits, the outlines of its
    boxes to mark are looked for.

    Parameters
    ----------
    dark
        How much darker than its surroundings each pixel is.
    """
    scale = working_scale(template, params)
    reach = max(1, round(params.line_reach * max(dark.shape)))
    if not template.digit_boxes:
        around, outlined = outlines(template, params)
        return FrameFound(*rings_found(dark, seen(around).mean(axis=2) > 0.5, around, outlined, reach), 0, 0, 0.0)
    gap, printed = _printed_sides(template, params, rules)
    lines = _lines(inked(dark, 8), template, scale, gap, rules)
    places = _places(template, scale, dark.shape)
    columns, rows = places[..., 0], places[..., 1]
    near = _near(lines, reach)
    hits = np.stack([(near[k // 2][rows[:, k], columns[:, k]] > 0).mean(axis=1) for k in range(4)], axis=1)
    shown = printed & (seen(places).mean(axis=2) > 0.5)
    shares = []
    for k, place in enumerate(near):
        some = printed[:, 2 * k : 2 * k + 2]
        if some.any():  # of what the picture does not show, nothing is found
            found = np.where(shown, hits, 0.0)[:, 2 * k : 2 * k + 2][some].mean()
            chance = cv2.countNonZero(place) / place.size
            shares.append(max(0.0, float((found - chance) / (1 - chance))))
    missing = shown & (hits < 0.25)
    # One line may lie under another by chance, and toner lose one: not a pair of opposite ones, nor three.
    moved, shorter = 0, np.zeros(len(missing), np.bool_)
    if missing.any():
        lost = sides_lost(dark, template, shown, missing, reach, params, rules)
        moved = lost.moved
        if np.mean(shares) > rules.well_seen:  # where little is, lines of another form may lie near by chance
            missing, shorter = lost.sides, lost.ends
    absent = shorter | (missing.sum(axis=1) >= np.minimum(3, printed.sum(axis=1).clip(1)))
    absent |= missing[:, :2].all(axis=1) | missing[:, 2:].all(axis=1)
    foreign = 0
    if has_foreign(lines[1], template, scale, reach, params):
        # What shows through from the back is paler than the form's own frame.
        contrast = max(8, round(rules.foreign_darkness * _darkness(dark, rows[printed], columns[printed])))
        dark_lines = lines if contrast == 8 else _lines(inked(dark, contrast), template, scale, gap, rules)
        sides = foreign_sides(dark_lines, lines[1], template, scale, reach, params)
        is_whole = np.mean(shares) > rules.beyond_doubt and not absent.any() and not moved
        foreign = 0 if sides and is_whole and is_stuck_on(sides, template, scale, rules) else len(sides)
    taller = _taller(lines[0], places, printed & shown, reach) - _own_taller(template, params, rules)
    return FrameFound(float(np.mean(shares)), int(np.count_nonzero(absent)), moved, foreign, taller)


@lru_cache(maxsize=32)
def _own_taller(template: Template, params: AlignParams, rules: EvidenceParams) -> float:
    """Measure the same of the reference itself: of a double frame, the template may name the one or the other."""
    if template.reference is None:
        return 0.0
    scale = working_scale(template, params)
    gap, printed = _printed_sides(template, params, rules)
    form = form_drawn(template, params)
    across, _ = _lines(local_ink(form), template, scale, gap, rules)
    reach = max(1, round(params.line_reach * max(form.shape)))
    return _taller(across, _places(template, scale, form.shape), printed, reach)


def _taller(across: Grey, places: NDArray[np.int64], used: NDArray[np.bool_], reach: int) -> float:
    """Measure how far tops and bottoms lie apart, against where the map puts them; 0 where there are too few."""
    offsets = np.arange(-reach, reach + 1)
    middles, enough = [], used[:, :2].all(axis=1)
    for k in (0, 1):
        rows = np.clip(places[:, k, :, 1, None] + offsets, 0, len(across) - 1)
        ink = across[rows, places[:, k, :, 0, None]] > 0
        count = ink.sum(axis=(1, 2))
        middles.append((ink * offsets).sum(axis=(1, 2)) / np.maximum(count, 1))
        enough &= count >= ink.shape[1]
    heights = places[:, 1, 0, 1] - places[:, 0, 0, 1]
    apart = (middles[1] - middles[0])[enough] / np.maximum(heights[enough], 1)
    return float(np.median(apart)) if len(apart) >= 6 else 0.0


def _darkness(dark: Grey, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> float:
    """Measure how much darker than its surroundings most of the frame is, in grey levels."""
    darkest = cv2.dilate(dark, np.ones((5, 5), np.uint8))
    return float(np.median(darkest[rows, columns]))


def _lines(ink: Grey, template: Template, scale: float, gap_px: int, rules: EvidenceParams) -> tuple[Grey, Grey]:
    """Keep what runs straight across, and straight down, for half a box's side, gaps bridged."""
    side = float(np.median([min(box[2:]) for box in template.digit_boxes]))
    length = max(5, round(side * scale * rules.run))
    lines = []
    for turned in (False, True):
        # One or two pixels that toner or JPEG lost are bridged, along a line and, for a slight skew, across.
        close, run = np.ones((2, 3 + gap_px), np.uint8), np.ones((1, length), np.uint8)
        close, run = (close.T.copy(), run.T.copy()) if turned else (close, run)
        closed = cv2.morphologyEx(ink, cv2.MORPH_CLOSE, close)
        lines.append(np.asarray(cv2.morphologyEx(closed, cv2.MORPH_OPEN, run), np.uint8))
    return lines[0], lines[1]


def _near(lines: tuple[Grey, Grey], reach: int) -> tuple[Grey, Grey]:
    """Mark, as 255, places within reach of a line across, and of one down."""
    across, down = lines
    wide = np.ones((2 * reach + 1, 1), np.uint8)
    return np.asarray(cv2.dilate(across, wide), np.uint8), np.asarray(cv2.dilate(down, wide.T.copy()), np.uint8)


@lru_cache(maxsize=32)
def _side_samples(template: Template, a_side: int = 8) -> NDArray[np.float64]:
    """Give points on digit boxes' top, bottom, left and right lines, (n, 4, a_side, 2) template px, corners left out.

    Strips that a person keys are left out: many have no frame but a dotted line.
    """
    boxes = np.array(template.digit_boxes, dtype=np.float64)
    x, y, width, height = boxes.T[:, :, None]
    along = np.linspace(0.12, 0.88, a_side)[None, :]
    shape = (len(boxes), a_side)
    sides = [np.stack([x + along * width, np.broadcast_to(edge, shape)], -1) for edge in (y, y + height)]
    sides += [np.stack([np.broadcast_to(edge, shape), y + along * height], -1) for edge in (x, x + width)]
    return np.stack(sides, axis=1)


def _places(template: Template, scale: float, shape: tuple[int, ...]) -> NDArray[np.int64]:
    samples = (_side_samples(template) * scale).round().astype(np.int64)
    return np.clip(samples, 0, np.array(shape[1::-1]) - 1)


@lru_cache(maxsize=32)
def _printed_sides(template: Template, params: AlignParams, rules: EvidenceParams) -> tuple[int, NDArray[np.bool_]]:
    """Find out which sides the reference prints as lines, (n, 4), and which gaps in pixels are to be bridged for that.

    A comb has no tops, a dotted line no run. All sides, where nothing tells.
    """
    everything = np.ones(_side_samples(template).shape[:2], dtype=bool)
    if template.reference is None:
        return 0, everything
    scale = working_scale(template, params)
    form = form_drawn(template, params)
    places = _places(template, scale, form.shape)
    tried = []
    for gap_mm in rules.gaps_mm:
        gap = round(gap_mm * template.dpi * scale / 25.4)
        near = _near(_lines(local_ink(form), template, scale, gap, rules), 2)
        hits = [(near[k // 2][places[:, k, :, 1], places[:, k, :, 0]] > 0).mean(axis=1) for k in range(4)]
        tried.append((gap, np.stack(hits, axis=1) >= 0.75))
        if tried[-1][1].mean() > 0.5:
            return tried[-1]
    gap, printed = max(tried, key=lambda pair: float(pair[1].mean()))
    return (gap, printed) if printed.mean() > rules.least_printed else (0, everything)
