"""A second look at sides of boxes where no line was seen: over its whole length a line shows however broken it is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from formreader.align.frame import working_scale
from formreader.align.params import AlignParams, EvidenceParams
from formreader.template import Template
from formreader.values import Grey

_ALONG: Final = 24
"""Places along a side that are averaged: noise of 3 grey levels becomes 0.6."""
_WRITING: Final = 60
"""Grey levels over which nothing counts for more: a pen's stroke across a pale line."""
_COMPARED: Final = 40
"""Boxes, spread over the form, whose lines say how dark one is."""


@dataclass(frozen=True, slots=True, eq=False)
class SidesLost:
    """Where a form's lines are not.

    Attributes
    ----------
    sides
        (n, 4), of the form's boxes: no line at a side's place, by the second look too.
    moved
        In how many fields no box has a line on one side, while the sides beside it and other fields stand in place.
    ends
        (n,), the boxes that end their fields and have no line on the outer side, while the rest stands in place: rows
        of a table that are a box shorter lose no more than that. None where only one field is so: toner loses a line.
    """

    sides: NDArray[np.bool_]
    moved: int
    ends: NDArray[np.bool_]


def sides_lost(
    dark: Grey,
    template: Template,
    shown: NDArray[np.bool_],
    missing: NDArray[np.bool_],
    reach: int,
    params: AlignParams,
    rules: EvidenceParams,
) -> SidesLost:
    """Look again where lines are missing: across each side, its darkness averaged along it.

    Parameters
    ----------
    dark
        How much darker than its surroundings each pixel of the page is, drawn in the form's place.
    shown, missing
        (n, 4), the printed sides in the picture, and those among them where no line was seen: top, bottom, left, right.
    reach
        How far from its place a line may lie, in working pixels.
    """
    owners = _owners(template)
    doubted = np.unique(owners[missing.any(axis=1)])
    used = np.isin(owners, doubted)
    used[:: max(1, len(owners) // _COMPARED)] = True
    scale = working_scale(template, params)
    far = round(rules.line_apart_mm * template.dpi * scale / 25.4)
    across = np.arange(-far, far + 1)
    profiles = _profiles(dark, np.array(template.digit_boxes, np.float64)[used] * scale, across)
    contrast = _contrast(profiles, np.abs(across) <= reach)
    least = rules.lost_line * _usual(contrast, shown[used], missing[used])
    sides = missing.copy()
    sides[used] &= contrast < least
    near = np.abs(across) <= reach
    moved = [
        field
        for field in doubted.tolist()
        if _is_moved(profiles[owners[used] == field], shown[owners == field], near, least, rules)
    ]
    ends = np.asarray((sides & _outer(template)).any(axis=1), np.bool_)
    # Where lines are lost all over, the map does not follow the paper everywhere.
    most = rules.most_stray * np.count_nonzero(shown)
    is_moved = np.count_nonzero(sides[~np.isin(owners, moved)]) <= most
    are_short = np.count_nonzero(sides[~ends]) <= most and len(np.unique(owners[ends])) > 1
    return SidesLost(sides, len(moved) if is_moved else 0, ends if are_short else np.zeros_like(ends))


def _usual(contrast: NDArray[np.float32], shown: NDArray[np.bool_], missing: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Say how dark the lines of a page are at each of a box's sides, (4,): dividers are thinner than a frame's top.

    Lines across and lines down have a median of their own where most of them are seen.
    """
    seen = shown & ~missing
    usual: NDArray[np.float64] = np.full(4, np.median(contrast[seen]) if seen.any() else 0.0)
    for pair in (slice(0, 2), slice(2, 4)):
        if int(np.count_nonzero(seen[:, pair])) > 0.5 * max(1, int(np.count_nonzero(shown[:, pair]))):
            usual[pair] = np.median(contrast[:, pair][seen[:, pair]])
    return usual


def _is_moved(
    profiles: NDArray[np.float32],
    shown: NDArray[np.bool_],
    near: NDArray[np.bool_],
    least: NDArray[np.float64],
    rules: EvidenceParams,
) -> bool:
    """Whether the boxes of a field, taken together, have a line on no top, say, while their sides stand in place."""
    there = [
        float(_contrast(profiles[some, k].mean(axis=0), near)) if np.count_nonzero(some) >= 2 else None
        for k, some in enumerate(shown.T)
    ]
    sure = least * rules.line_in_place / rules.lost_line
    is_lost = [contrast is not None and contrast < usual for contrast, usual in zip(there, least, strict=True)]
    is_there = [contrast is None or contrast > usual for contrast, usual in zip(there, sure, strict=True)]
    # Both ends of a row do not stand where they did when it is moved: dividers may be hairlines among writing.
    ends = _contrast(profiles[[0, -1], [2, 3]], near)
    are_lost = any(is_lost[2:]) and not (shown[[0, -1], [2, 3]] & (ends > sure[2:])).all()
    return (any(is_lost[:2]) and all(is_there[2:])) or (are_lost and all(is_there[:2]))


@lru_cache(maxsize=32)
def _owners(template: Template) -> NDArray[np.int64]:
    """Say of each digit box which field's it is."""
    counts = [len(field.boxes) for field in template.fields if field.holds_digits]
    return np.repeat(np.arange(len(counts)), counts)


@lru_cache(maxsize=32)
def _outer(template: Template) -> NDArray[np.bool_]:
    """Say which sides, (n, 4), are the left of a field's first box or the right of its last."""
    owners, outer = _owners(template), np.zeros((len(template.digit_boxes), 4), np.bool_)
    outer[1:, 2] = outer[:-1, 3] = owners[1:] != owners[:-1]
    outer[0, 2] = outer[-1, 3] = True
    return outer


def _profiles(dark: Grey, boxes: NDArray[np.float64], across: NDArray[np.int64]) -> NDArray[np.float32]:
    """Average the darkness along each side of boxes, x, y, width and height, at places across it: (n, 4, places)."""
    x, y, width, height = boxes.T[:, :, None, None]
    along = np.linspace(0.08, 0.92, _ALONG)[:, None]
    clipped = cv2.min(dark, float(_WRITING))
    profiles = []
    for k in range(4):
        if k < 2:
            columns, rows = x + along * width + 0 * across, y + k * height + 0 * along + across
        else:
            columns, rows = x + (k - 2) * width + 0 * along + across, y + along * height + 0 * across
        places = [
            np.clip(np.rint(axis).astype(np.int64), 0, size - 1)
            for axis, size in ((rows, dark.shape[0]), (columns, dark.shape[1]))
        ]
        profiles.append(clipped[places[0], places[1]].mean(axis=1, dtype=np.float32))
    return np.stack(profiles, axis=1)


def _contrast(profiles: NDArray[np.float32], near: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Measure how much darker than its surroundings the darkest place near a side is."""
    contrast: NDArray[np.float32] = profiles[..., near].max(axis=-1) - np.median(profiles[..., ~near], axis=-1)
    return contrast
