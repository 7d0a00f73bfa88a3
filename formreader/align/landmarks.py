"""Maps from the printed form itself: landmarks for the first, patches of the reference to refine it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from formreader.align.frame import on_form, scaling, shrunk, working_scale
from formreader.align.params import AlignParams, Homography
from formreader.template import Template
from formreader.values import Grey, Points


@dataclass(frozen=True, slots=True, eq=False)
class Landmarks:
    """Points of a picture that can be found again: (n, 2) pixels and SIFT's (n, 128) descriptors."""

    points: Points
    descriptors: NDArray[np.float32]


@lru_cache(maxsize=8)
def template_landmarks(template: Template, params: AlignParams) -> Landmarks:
    """Find the reference's landmarks, once for each template and process."""
    assert template.reference is not None  # noqa: S101 - for the type checker; callers have looked
    return find_landmarks(template.reference, params)


def find_landmarks(pixels: Grey, params: AlignParams) -> Landmarks:
    """Find SIFT landmarks, in the picture's own pixels."""
    small, factor = shrunk(pixels, params.landmark_px)
    keypoints, descriptors = cv2.SIFT.create(params.landmarks).detectAndCompute(small, None)
    if not keypoints:
        return Landmarks(np.zeros((0, 2)), np.zeros((0, 128), np.float32))
    points = cv2.perspectiveTransform(np.array([[k.pt for k in keypoints]], dtype=np.float64), scaling(1 / factor))[0]
    return Landmarks(points, descriptors)


def map_between(form: Landmarks, scan: Landmarks, params: AlignParams) -> Homography | None:
    """Find the map that most landmarks of a form agree on, None where too few do or it is no map of paper.

    Pairs pass Lowe's ratio test (2004); the map is MAGSAC's (Barath et al. 2019).
    """
    if min(len(form.points), len(scan.points)) < params.least_landmarks:
        return None
    pairs = cv2.BFMatcher(cv2.NORM_L2).knnMatch(form.descriptors, scan.descriptors, k=2)
    good = [pair[0] for pair in pairs if len(pair) == 2 and pair[0].distance < params.ratio * pair[1].distance]
    # Many landmarks of a form that meet in one of the scan would agree on a map that shrinks the page to a point.
    nearest = {match.trainIdx: match for match in sorted(good, key=lambda match: -match.distance)}
    good = list(nearest.values())
    if len(good) < params.least_landmarks:
        return None
    source = form.points[[match.queryIdx for match in good]]
    target = scan.points[[match.trainIdx for match in good]]
    reach = params.landmark_reach_px * max(1.0, float(np.ptp(scan.points, axis=0).max()) / params.landmark_px)
    to_scan, inliers = cv2.findHomography(source, target, cv2.USAC_MAGSAC, reach, maxIters=5000, confidence=0.999)
    if to_scan is None or np.count_nonzero(inliers) < params.least_landmarks:
        return None
    span = np.ptp(form.points, axis=0)
    return to_scan if is_paper(to_scan, span) else None


def is_paper(to_scan: Homography, size: NDArray[np.float64]) -> bool:
    """Whether a map could be a scan or photo: not mirrored, not folded over, sides not wildly unlike."""
    corners = cv2.perspectiveTransform(
        np.array([[[0, 0], [size[0], 0], size, [0, size[1]]]], dtype=np.float64), to_scan
    )[0]
    sides = np.roll(corners, -1, axis=0) - corners
    turns = sides[:, 0] * np.roll(sides[:, 1], -1) - sides[:, 1] * np.roll(sides[:, 0], -1)
    if not np.all(turns > 0):  # y runs down: a page that is not mirrored turns clockwise at each corner
        return False
    stretch = np.hypot(*sides.T) / np.array([size[0], size[1], size[0], size[1]])
    return bool(stretch.max() / stretch.min() < 2.0)


@lru_cache(maxsize=8)
def _patch_places(template: Template, params: AlignParams) -> tuple[Grey, NDArray[np.int64]]:
    """Choose, once a template, patches of the reference that can be located sharply in both directions.

    Returns
    -------
    tuple
        The reference at working scale and the (n, 2) middles of its patches, the strongest corner of each grid cell.
    """
    assert template.reference is not None  # noqa: S101 - for the type checker; callers have looked
    scale = working_scale(template, params)
    form, _ = shrunk(template.reference, round(max(template.reference.shape) * scale))
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
) -> tuple[Homography, float]:
    """Search patches of the reference near where a map puts them, and fit the map to where they are.

    Returns
    -------
    tuple
        The better map, and the share of the patches that agree on it; the given map and 0 where too few are found.
    """
    scale = working_scale(template, params)
    form, places = _patch_places(template, params)
    page = on_form(small, shrink, template, to_scan, scale)
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
            target.append(
                (
                    x + column + _vertex(likeness[row], column) - search,
                    y + row + _vertex(likeness[:, column], row) - search,
                )
            )
    if len(source) < params.least_landmarks:
        return to_scan, 0.0
    residual, inliers = cv2.findHomography(
        np.array(source, dtype=np.float64), np.array(target, dtype=np.float64), cv2.USAC_MAGSAC, params.patch_reach_px
    )
    if residual is None or np.count_nonzero(inliers) < params.least_landmarks:
        return to_scan, 0.0
    better: Homography = to_scan @ scaling(1 / scale) @ residual @ scaling(scale)
    better /= better[2, 2]
    return better, np.count_nonzero(inliers) / len(places)


def _vertex(values: NDArray[np.float32], peak: int) -> float:
    """Place the top of the parabola through a peak and its two neighbours, relative to the peak, -0.5 to 0.5."""
    if not 0 < peak < len(values) - 1:
        return 0.0
    before, top, after = (float(v) for v in values[peak - 1 : peak + 2])
    bend = before - 2 * top + after
    return 0.0 if bend == 0 else float(np.clip(0.5 * (before - after) / bend, -0.5, 0.5))
