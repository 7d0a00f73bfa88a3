"""Take the print away round each box, so that what is left is writing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from formreader.marks.ground import Darkness, Ground
from formreader.marks.params import MarkParams, Shape
from formreader.marks.placing import Shifts

Patches = NDArray[np.float32]
"""(n, height, width), darkness."""


Trust = Literal["known", "unknown", "spoiled"]
"""Whether what is printed in a box is known; if not, ink may be print; where it is spoiled, marks passed for print."""


@dataclass(frozen=True, slots=True, eq=False)
class Written:
    """What is written round boxes of one shape.

    Attributes
    ----------
    rows
        Which boxes.
    corners
        (n, 2), where each patch lies on the ground.
    ink
        Darkness that is no print.
    printed
        bool, where print lies: it hides what is written over it.
    trust
        Of each box, what is known of its print.
    inside
        (height, width), what is the box without its frame.
    """

    rows: NDArray[np.int64]
    shape: Shape
    corners: NDArray[np.float64]
    ink: Patches
    printed: NDArray[np.bool_]
    trust: tuple[Trust, ...]
    inside: NDArray[np.bool_]


def written_round(ground: Ground, kinds: Sequence[str], shifts: Shifts, params: MarkParams) -> list[Written]:
    """Cut the surroundings of all boxes, those of one size together, without print.

    Parameters
    ----------
    kinds
        What each box stands for: boxes of one size that stand for the same are printed alike.
    """
    cut = []
    gain = _gain(ground, shifts, params) if ground.printed is not None else 1.0
    for rows in _alike(ground.places[:, 2:]):
        wide, tall = np.rint(np.median(ground.places[rows, 2:], axis=0)).astype(int).tolist()
        shape = Shape((wide, tall), round(params.margin_mm * params.px_per_mm))
        middles = ground.places[rows, :2] + ground.places[rows, 2:] / 2
        corners = np.rint(middles - np.array(shape.whole) / 2).astype(int)
        dark = _patches(ground.dark, corners + shifts[rows].astype(int), shape)
        if ground.printed is not None:
            printed = gain * _patches(ground.printed, corners, shape)
            inside = _inside(printed, shape, params)
            trust = np.full(len(rows), "known", object)
        else:
            inside = _inside(np.quantile(dark, params.of_alike, axis=0)[None], shape, params)
            printed, trust = _by_others(dark, [kinds[row] for row in rows.tolist()], inside, params)
        spread = np.stack([cv2.dilate(one, np.ones((3, 3), np.uint8)) for one in printed])
        ink = np.clip(dark - params.print_over * spread, 0, 1).astype(np.float32)
        cut.append(Written(rows, shape, corners + shifts[rows], ink, spread > params.least_trace, tuple(trust), inside))
    return cut


def _alike(sizes: NDArray[np.float64]) -> list[NDArray[np.int64]]:
    """Put boxes together whose sides differ by a pixel and a half at most."""
    left, groups = np.arange(len(sizes)), list[NDArray[np.int64]]()
    while left.size:
        near = (np.abs(sizes[left] - sizes[left[0]]) <= 1.5).all(axis=1)
        groups.append(left[near])
        left = left[~near]
    return groups


def _patches(picture: Darkness, corners: NDArray[np.int64], shape: Shape) -> Patches:
    width, height = shape.whole
    return np.stack([_cut(picture, x, y, width, height) for x, y in corners.tolist()])


def _cut(picture: Darkness, x: int, y: int, width: int, height: int) -> Darkness:
    there = picture[max(0, y) : max(0, y + height), max(0, x) : max(0, x + width)]
    if there.shape == (height, width):
        return there
    top, left = max(0, -y), max(0, -x)
    low, right = height - top - there.shape[0], width - left - there.shape[1]
    return np.pad(there, ((top, low), (left, right)))


def _gain(ground: Ground, shifts: Shifts, params: MarkParams) -> float:
    """Say how much of the blank's darkness the scan's print has."""
    assert ground.printed is not None  # noqa: S101 - for the type checker; the caller has looked
    ratios = []
    for (x, y, width, height), (dx, dy) in zip(
        np.rint(ground.places).astype(int).tolist(), shifts.astype(int), strict=True
    ):
        blank = ground.printed[y : y + height, x : x + width]
        seen = ground.dark[y + dy : y + dy + height, x + dx : x + dx + width]
        strong = blank > max(params.gain_print, 0.7 * float(blank.max(initial=0)))
        if strong.any():
            ratios.append(float(np.median(seen[strong] / blank[strong])))
    return float(np.clip(np.median(ratios), 0.3, 1.6)) if ratios else 1.0


def _by_others(
    dark: Patches, kinds: Sequence[str], inside: NDArray[np.bool_], params: MarkParams
) -> tuple[Patches, NDArray[np.object_]]:
    """Take for print what most boxes that stand for the same show, or, where they are few, most boxes of the size."""
    printed, trust, names = np.zeros_like(dark), np.full(len(dark), "unknown", object), np.array(kinds)
    if len(dark) < params.alike:
        return printed, trust
    common = np.quantile(dark, params.of_alike, axis=0)
    bare = (dark[:, inside] - common[inside] > params.least_ink).mean(axis=1) < params.bare
    for name in dict.fromkeys(kinds):
        rows = names == name
        of_kind = bool(np.count_nonzero(rows) >= params.alike)
        printed[rows] = some = np.quantile(dark[rows], params.of_alike, axis=0) if of_kind else common
        if (some[inside] > params.least_ink).mean() > params.most_print:
            trust[rows] = "spoiled"
        elif of_kind or bare.mean() > params.most_bare:
            trust[rows] = "known"
    return printed, trust


def _inside(printed: Patches, shape: Shape, params: MarkParams) -> NDArray[np.bool_]:
    """Say which pixels lie in the box, its rim left out: a ring has paper in the corners of its square."""
    width, height = shape.whole
    y, x = np.mgrid[:height, :width]
    rim = params.rim_mm * params.px_per_mm
    half = np.array(shape.size) / 2
    away = np.abs((x - (width - 1) / 2) / (half[0] - rim)), np.abs((y - (height - 1) / 2) / (half[1] - rim))
    square: NDArray[np.bool_] = (away[0] <= 1) & (away[1] <= 1)
    ring: NDArray[np.bool_] = np.hypot(*away) <= 1
    common = np.median(printed, axis=0)
    outer = (np.maximum((away[0] * (half[0] - rim)) / half[0], (away[1] * (half[1] - rim)) / half[1]) <= 1.1) & ~ring
    corner = outer & (away[0] > 0.8) & (away[1] > 0.8)
    on_ring = np.abs(np.hypot((x - (width - 1) / 2) / half[0], (y - (height - 1) / 2) / half[1]) - 1) < 0.08
    is_round = common[on_ring].mean() > 2 * common[corner].mean()
    return ring if is_round else square
