"""Undo a camera's perspective by the form's own straight lines, where there is no template to match."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from formreader.align.frame import shrunk
from formreader.align.params import Homography
from formreader.align.photographed import paper_in
from formreader.values import Grey, Points


@dataclass(frozen=True, slots=True)
class PerspectiveParams:
    """Which lines tell how the page lay, and when they are believed; lengths are shares of half the longer side."""

    working_px: int = 1200
    least_line: float = 0.035  # 5 mm on A4: a box's side has it, a letter's stroke has not
    steepest: float = 1 / 3  # a line further from both axes (18 degrees) belongs to neither direction
    spread: float = 0.004  # sine of an angle: what curled paper bends a line; stray lines beyond it weigh little
    least_lines: float = 3.0  # total length in each direction: a page of text has no upright ones to judge by
    most: float = 0.35  # stronger than a camera held over a page
    least_gain: float = 0.004  # lines of one direction this much straighter (median sine), or the page stays as it is


def rectifying(pixels: Grey, skew: Homography, params: PerspectiveParams | None = None) -> Homography:
    """Find the map under which a page's printed lines run along the axes.

    A robust fit of the four free terms of a homography (shear of both axes, vanishing points of both) to line
    segments (von Gioi et al. 2010), whose directions are known but not their places.

    Parameters
    ----------
    pixels
        The page, its skew at most a few degrees once `skew` is applied.
    skew
        Homography (3, 3) from the page's pixels to the page with its skew taken out.

    Returns
    -------
    Homography (3, 3) from the page's pixels to the upright page; `skew` itself where lines are too few or already
    straight.
    """
    params = params or PerspectiveParams()
    to_unit = _unit(pixels.shape) @ skew
    starts, ends = (cv2.perspectiveTransform(side[None], to_unit)[0] for side in _segments(pixels, params))
    along = ends - starts
    across = np.abs(along[:, 1]) < params.steepest * np.abs(along[:, 0])
    upright = np.abs(along[:, 0]) < params.steepest * np.abs(along[:, 1])
    length = np.hypot(*along.T)
    used = (across | upright) & (length >= params.least_line)
    if min(length[used & across].sum(), length[used & upright].sum()) < params.least_lines:
        return skew
    starts, ends, across, weight = starts[used], ends[used], across[used], np.sqrt(length[used])

    def slants(terms: NDArray[np.float64]) -> NDArray[np.float64]:
        straight = _homography(terms)
        moved = cv2.perspectiveTransform(ends[None], straight)[0] - cv2.perspectiveTransform(starts[None], straight)[0]
        sines: NDArray[np.float64] = np.where(across, moved[:, 1], moved[:, 0]) / np.hypot(*moved.T)
        return sines

    before = np.zeros(4)
    fitted = least_squares(lambda terms: slants(terms) * weight, before, loss="soft_l1", f_scale=params.spread).x
    straighter = np.abs(slants(before)) - np.abs(slants(fitted))
    if (
        max(np.median(straighter[across]), np.median(straighter[~across])) < params.least_gain
        or np.abs(fitted).max() > params.most
    ):
        return skew
    rectified: Homography = np.linalg.inv(_unit(pixels.shape)) @ _homography(fitted) @ to_unit
    return rectified


def _segments(pixels: Grey, params: PerspectiveParams) -> tuple[Points, Points]:
    """Find straight edges on the paper, its own among them; both ends of each in the page's pixels."""
    small, shrink = shrunk(pixels, params.working_px)
    found = cv2.createLineSegmentDetector().detect(small)[0]
    ends = np.zeros((0, 4)) if found is None else found.reshape(-1, 4).astype(np.float64)
    if len(ends) and (paper := paper_in(small)) is not None:
        on_paper = cv2.dilate(paper, np.ones((9, 9), np.uint8)) > 0
        columns, rows = (
            np.rint(ends[:, k::2]).astype(np.intp).clip(0, n - 1) for k, n in ((0, small.shape[1]), (1, small.shape[0]))
        )
        ends = ends[on_paper[rows, columns].all(axis=1)]
    ends /= shrink
    return ends[:, :2], ends[:, 2:]


def _unit(shape: tuple[int, ...]) -> Homography:
    """Map pixels to a square of -1 to 1 along the longer side, in which all terms of a homography are of one size."""
    height, width = shape
    half = max(height, width) / 2
    return np.array([[1 / half, 0, -width / 2 / half], [0, 1 / half, -height / 2 / half], [0, 0, 1]])


def _homography(terms: NDArray[np.float64]) -> Homography:
    shear_x, shear_y, vanish_x, vanish_y = terms
    return np.array([[1.0, shear_x, 0.0], [shear_y, 1.0, 0.0], [vanish_x, vanish_y, 1.0]])
