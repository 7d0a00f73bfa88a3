"""A first map from the printed form itself, by landmarks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from formreader.align.frame import scaling, shrunk
from formreader.align.params import AlignParams, Homography
from formreader.template import Template
from formreader.values import Grey, Points


@dataclass(frozen=True, slots=True, eq=False)
class Landmarks:
    """Points of a picture that can be found again: (n, 2) pixels and SIFT's (n, 128) descriptors."""

    points: Points
    descriptors: NDArray[np.float32]


@lru_cache(maxsize=32)
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
