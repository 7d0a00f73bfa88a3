"""Maps made exact: small patches of the reference are searched around where a first map puts them.

Their places give a better homography and then the paper's bend, a smooth shift fitted robustly: a feeder that does not
run evenly or paper that curls moves print by a millimetre or two from where any flat sheet would have it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from formreader.align.frame import form_drawn, on_form, scaling, working_scale
from formreader.align.params import AlignParams, Homography
from formreader.template import Template
from formreader.values import Bend, Grey, Points


@lru_cache(maxsize=32)
def _patch_places(template: Template, params: AlignParams) -> tuple[Grey, NDArray[np.int64]]:
    """Choose, once a template, patches of the reference that can be located sharply in both directions.

    Returns
    -------
    tuple
        The reference at working scale and the (n, 2) middles of its patches, the strongest corner of each grid cell.
    """
    form = form_drawn(template, params)
    strength = cv2.cornerMinEigenVal(cv2.GaussianBlur(form, (0, 0), 1.0), params.patch_px // 2)
    margin = params.patch_px // 2 + 1
    strength[:margin], strength[-margin:], strength[:, :margin], strength[:, -margin:] = 0, 0, 0, 0
    columns, rows = params.patch_grid if form.shape[0] > form.shape[1] else params.patch_grid[::-1]
    places = []
    for top, bottom in _spans(form.shape[0], rows):
        for left, right in _spans(form.shape[1], columns):
            _, peak, _, (x, y) = cv2.minMaxLoc(strength[top:bottom, left:right])
            places.append((peak, left + x, top + y))
    strongest = max(place[0] for place in places)
    return form, np.array([place[1:] for place in places if place[0] > 0.02 * strongest], dtype=np.int64)


def _spans(length: int, parts: int) -> Iterator[tuple[int, int]]:
    edges = np.linspace(0, length, parts + 1).astype(int)
    return zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)


def refined(
    small: Grey, shrink: float, template: Template, to_scan: Homography, params: AlignParams
) -> Homography | None:
    """Fit a map to where patches of the reference are found near it; None where too few are found."""
    scale = working_scale(template, params)
    source, target = _found_patches(small, shrink, template, to_scan, params)
    if len(source) < params.least_landmarks:
        return None
    residual, inliers = cv2.findHomography(source, target, cv2.USAC_MAGSAC, params.flat_reach_px)
    if residual is None or np.count_nonzero(inliers) < params.least_landmarks:
        return None
    better: Homography = to_scan @ scaling(1 / scale) @ residual @ scaling(scale)
    better /= better[2, 2]
    return better


def bend_of(small: Grey, shrink: float, template: Template, to_scan: Homography, params: AlignParams) -> Bend | None:
    """Fit the paper's bend to where patches of the reference are found near a map; None where too few are found."""
    scale = working_scale(template, params)
    source, target = _found_patches(small, shrink, template, to_scan, params)
    if len(source) < params.least_landmarks:
        return None
    size = (template.width, template.height)
    unit = float(max(size))
    places = ((source + 0.5) / scale - 0.5) / unit
    plate = _smooth_plate(places, (target - source) / scale, params.patch_reach_px / scale, params)
    columns, rows = (np.linspace(0, side / unit, params.bend_grid) for side in size)
    grid = np.stack(np.meshgrid(columns, rows), axis=-1)
    return Bend(size, plate.at(grid.reshape(-1, 2)).reshape(grid.shape))


@dataclass(frozen=True, slots=True, eq=False)
class _Plate:
    """A thin-plate spline (Bookstein 1989): a flat map and a pull at each of its knots."""

    knots: Points
    pulls: NDArray[np.float64]
    flat: NDArray[np.float64]

    def at(self, points: Points) -> Points:
        """Give its values, (n, 2)."""
        values: Points = _kernel(points, self.knots) @ self.pulls + _flat_terms(points) @ self.flat
        return values


def _smooth_plate(places: Points, shifts: Points, reach: float, params: AlignParams, rounds: int = 8) -> _Plate:
    """Fit a smoothing thin-plate spline to shifts, those far off it counting less and less (Tukey's biweight).

    It begins stiff and with a wide net, so that false shifts stand out before it is supple enough to follow them.
    """
    count = len(places)
    kernel, terms = _kernel(places, places), _flat_terms(places)
    right = np.vstack([shifts, np.zeros((3, 2))])
    away = np.hypot(*(shifts - np.median(shifts, axis=0)).T)
    stiff, supple = params.bend_stiffness
    for stage in np.linspace(0, 1, rounds):
        net = reach * (12 - 10 * stage)
        weight = np.clip(1 - (away / net) ** 2, 1e-4, None) ** 2
        stiffness = np.diag(stiff ** (1 - stage) * supple**stage / weight)
        left = np.block([[kernel + stiffness, terms], [terms.T, np.zeros((3, 3))]])
        solved = np.linalg.solve(left, right)
        plate = _Plate(places, solved[:count], solved[count:])
        away = np.hypot(*(shifts - plate.at(places)).T)
    return plate


def _kernel(points: Points, knots: Points) -> NDArray[np.float64]:
    squared = np.square(points[:, None] - knots[None]).sum(axis=2)
    values: NDArray[np.float64] = 0.5 * squared * np.log(np.maximum(squared, 1e-12))
    return values


def _flat_terms(points: Points) -> NDArray[np.float64]:
    return np.column_stack([np.ones(len(points)), points])


def _found_patches(
    small: Grey, shrink: float, template: Template, to_scan: Homography, params: AlignParams
) -> tuple[Points, Points]:
    """Search the reference's patches on a page: the middles of those found, and where they are, in working pixels."""
    form, places = _patch_places(template, params)
    page = on_form(small, shrink, template, to_scan, working_scale(template, params))
    half, search = params.patch_px // 2, params.search_px
    page = cv2.copyMakeBorder(page, search, search, search, search, cv2.BORDER_REPLICATE)
    source, target = [], []
    for x, y in places.tolist():
        patch = form[y - half : y + half + 1, x - half : x + half + 1]
        around = page[y - half : y + half + 1 + 2 * search, x - half : x + half + 1 + 2 * search]
        if around.shape != (params.patch_px + 2 * search,) * 2:
            continue
        likeness = cv2.matchTemplate(around, patch, cv2.TM_CCOEFF_NORMED)
        _, peak, _, (column, row) = cv2.minMaxLoc(likeness)
        if peak > params.patch_likeness:
            source.append((x, y))
            across, down = _vertex(likeness[row], column), _vertex(likeness[:, column], row)
            target.append((x + column + across - search, y + row + down - search))
    return np.array(source, dtype=np.float64), np.array(target, dtype=np.float64)


def _vertex(values: NDArray[np.float32], peak: int) -> float:
    """Place the top of the parabola through a peak and its two neighbours, relative to the peak, -0.5 to 0.5."""
    if not 0 < peak < len(values) - 1:
        return 0.0
    before, top, after = (float(v) for v in values[peak - 1 : peak + 2])
    bend = before - 2 * top + after
    return 0.0 if bend == 0 else float(np.clip(0.5 * (before - after) / bend, -0.5, 0.5))
