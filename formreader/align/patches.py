"""Maps made exact: small patches of the reference are searched around where a first map puts them.

Their places give a better homography and then the paper's bend, a smooth shift fitted robustly: a feeder that does not
run evenly or paper that curls moves print by a millimetre or two from where any flat sheet would have it.
"""

from __future__ import annotations

from collections.abc import Iterator
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
    small: Grey, shrink: float, template: Template, to_scan: Homography, params: AlignParams, *, by_all: bool = False
) -> Homography | None:
    """Fit a map to where patches of the reference are found near it; None where too few are found.

    Parameters
    ----------
    by_all
        Fit it to all patches that agree, which is exact where a page is the form's; else to those that agree best, and
        a form of another pitch then shows by its stretch.
    """
    source, target = _found_patches(small, shrink, template, to_scan, params)[1:]
    residual = _flat_residual(source, target, params, by_all=by_all)
    return None if residual is None else _moved(to_scan, residual, template, params)


def refined_and_bent(
    small: Grey, shrink: float, template: Template, to_scan: Homography, params: AlignParams
) -> tuple[Homography, Bend] | None:
    """Fit a map and then the paper's bend to where patches are found near it; None where too few are found."""
    found, source, target = _found_patches(small, shrink, template, to_scan, params)
    residual = _flat_residual(source, target, params, by_all=True)
    if residual is None:
        return None
    unbent = cv2.perspectiveTransform(target[None], np.linalg.inv(residual))[0]
    return _moved(to_scan, residual, template, params), _bend(template, found, unbent - source, params)


def bend_of(small: Grey, shrink: float, template: Template, to_scan: Homography, params: AlignParams) -> Bend | None:
    """Fit the paper's bend to where patches of the reference are found near a map; None where too few are found."""
    found, source, target = _found_patches(small, shrink, template, to_scan, params)
    if len(source) < params.least_landmarks:
        return None
    return _bend(template, found, target - source, params)


def _flat_residual(source: Points, target: Points, params: AlignParams, *, by_all: bool) -> Homography | None:
    """Fit the homography from places on the form to where they were found; None where too few agree."""
    if len(source) < params.least_landmarks:
        return None
    residual, inliers = cv2.findHomography(source, target, cv2.USAC_MAGSAC, params.flat_reach_px)
    if residual is None or np.count_nonzero(inliers) < params.least_landmarks:
        return None
    if by_all:
        agree = inliers.ravel() > 0
        residual = cv2.findHomography(source[agree], target[agree])[0]
    return None if residual is None else np.asarray(residual, np.float64)


def _moved(to_scan: Homography, residual: Homography, template: Template, params: AlignParams) -> Homography:
    """Correct a map by what is left of it in working pixels."""
    scale = working_scale(template, params)
    better: Homography = to_scan @ scaling(1 / scale) @ residual @ scaling(scale)
    better /= better[2, 2]
    return better


def _bend(template: Template, found: NDArray[np.intp], shifts: Points, params: AlignParams) -> Bend:
    """Fit a bend to the shifts, in working pixels, of the patches that were found."""
    scale = working_scale(template, params)
    among, terms, at_grid, grid_terms = _plate_terms(template, params)
    among, terms = among[np.ix_(found, found)], terms[found]
    pulls, flat = _smooth_plate(among, terms, shifts / scale, params.patch_reach_px / scale, params)
    values = at_grid[:, found] @ pulls + grid_terms @ flat
    return Bend((template.width, template.height), values.reshape(params.bend_grid, params.bend_grid, 2))


@lru_cache(maxsize=32)
def _plate_terms(
    template: Template, params: AlignParams
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Work out, once a template, how a plate's pulls at all patches act on each other and on the bend's grid."""
    _, patches = _patch_places(template, params)
    size, unit = (template.width, template.height), float(max(template.width, template.height))
    knots = np.asarray((patches + 0.5) / working_scale(template, params) - 0.5, np.float64) / unit
    columns, rows = (np.linspace(0, side / unit, params.bend_grid) for side in size)
    grid = np.stack(np.meshgrid(columns, rows), axis=-1).reshape(-1, 2)
    return _kernel(knots, knots), _flat_terms(knots), _kernel(grid, knots), _flat_terms(grid)


def _smooth_plate(
    among: NDArray[np.float64],
    terms: NDArray[np.float64],
    shifts: Points,
    reach: float,
    params: AlignParams,
    rounds: int = 8,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Fit a smoothing thin-plate spline (Bookstein 1989), shifts far off it counting less and less (Tukey's biweight).

    It begins stiff and with a wide net, so that false shifts stand out before it is supple enough to follow them.

    Parameters
    ----------
    among, terms
        How pulls at the places act on each other, (n, n), and the terms of a flat map there, (n, 3).

    Returns
    -------
    tuple
        A pull at each place, (n, 2), and a flat map, (3, 2).
    """
    count = len(shifts)
    left, right = np.zeros((count + 3, count + 3)), np.vstack([shifts, np.zeros((3, 2))])
    left[:count, :count], left[:count, count:], left[count:, :count] = among, terms, terms.T
    diagonal = np.arange(count)
    away = np.hypot(*(shifts - np.median(shifts, axis=0)).T)
    stiff, supple = params.bend_stiffness
    for stage in np.linspace(0, 1, rounds):
        net = reach * (12 - 10 * stage)
        weight = np.clip(1 - (away / net) ** 2, 1e-4, None) ** 2
        stiffness = stiff ** (1 - stage) * supple**stage / weight
        left[diagonal, diagonal] = among[diagonal, diagonal] + stiffness
        solved = np.linalg.solve(left, right).astype(np.float64, copy=False)
        away = np.hypot(*(shifts - among @ solved[:count] - terms @ solved[count:]).T)
    return solved[:count], solved[count:]


def _kernel(points: Points, knots: Points) -> NDArray[np.float64]:
    squared = np.square(points[:, None] - knots[None]).sum(axis=2)
    values: NDArray[np.float64] = 0.5 * squared * np.log(np.maximum(squared, 1e-12))
    return values


def _flat_terms(points: Points) -> NDArray[np.float64]:
    return np.column_stack([np.ones(len(points)), points])


def _found_patches(
    small: Grey, shrink: float, template: Template, to_scan: Homography, params: AlignParams
) -> tuple[NDArray[np.intp], Points, Points]:
    """Search the reference's patches on a page.

    Returns
    -------
    tuple
        Which are found, their middles, and where those are, in working pixels.
    """
    form, places = _patch_places(template, params)
    page = on_form(small, shrink, template, to_scan, working_scale(template, params))
    side, search = params.patch_px, params.search_px
    page = cv2.copyMakeBorder(page, search, search, search, search, cv2.BORDER_REPLICATE)
    likeness = np.empty((len(places), 2 * search + 1, 2 * search + 1), np.float32)
    for (left, top), result in zip((places - side // 2).tolist(), likeness, strict=True):
        patch = form[top : top + side, left : left + side]
        around = page[top : top + side + 2 * search, left : left + side + 2 * search]
        cv2.matchTemplate(around, patch, cv2.TM_CCOEFF_NORMED, result)
    peaks, offsets = _peaks(likeness)
    found = np.flatnonzero(peaks > params.patch_likeness)
    source = places[found].astype(np.float64)
    return found, source, source + offsets[found] - search


def _peaks(likeness: NDArray[np.float32]) -> tuple[NDArray[np.float32], Points]:
    """Find the highest value of each picture, (n,), and its place, (n, 2): x and y.

    A place is exact to a fraction of a pixel, by the parabolas through a peak and its neighbours.
    """
    count, height, width = likeness.shape
    each = np.arange(count)
    rows, columns = np.divmod(likeness.reshape(count, -1).argmax(axis=1), width)
    top = likeness[each, rows, columns]
    offsets = np.stack([columns, rows], axis=1).astype(np.float64)
    for k, (place, length, step) in enumerate(((columns, width, (0, 1)), (rows, height, (1, 0)))):
        before, after = (
            likeness[each, (rows + by * step[0]).clip(0, height - 1), (columns + by * step[1]).clip(0, width - 1)]
            for by in (-1, 1)
        )
        bend = (before - 2 * top + after).astype(np.float64)
        inside = (place > 0) & (place < length - 1) & (bend != 0)
        vertex = 0.5 * (before - after) / np.where(inside, bend, 1.0)
        offsets[:, k] += np.where(inside, vertex.clip(-0.5, 0.5), 0.0)
    return top, offsets
