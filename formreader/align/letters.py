"""Whether letters are stretched as the rows are: stretched paper stretches both, a form of another pitch the rows."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from formreader.align.frame import working_scale
from formreader.align.params import AlignParams, EvidenceParams, Homography
from formreader.align.words import form_words
from formreader.template import Template
from formreader.values import Bend, Grey, Points

_Measured = tuple[float, float, float, float]
"""A word's middle in working pixels; by which share its letters are too short under the map; the variance of that."""


def rows_spread(
    page: Grey, template: Template, to_scan: Homography, bend: Bend | None, params: AlignParams, rules: EvidenceParams
) -> float | None:
    """Measure by which share the form's rows are spread where its letters are not; None where words do not tell.

    Each word is held against its place, drawn under the map, and the share found by which its letters are lower or
    taller, as Lucas and Kanade (1981) find a shift. On stretched paper that share is 0, however the map stretches the
    form. On a page of another pitch it follows the map's own stretch: what of it does so is the measure.

    Parameters
    ----------
    page
        The page in the form's place, the paper's bend taken out.
    """
    measured = np.array(_measured(page, template, params, rules)).reshape(-1, 4)
    if len(measured) < rules.least_spread_words:
        return None
    stretch = _stretch(measured[:, :2] / working_scale(template, params), template, to_scan, bend)
    shares, sure = measured[:, 2], 1 / (measured[:, 3] + rules.letters_vary**2)
    weights = sure
    for _ in range(3):
        terms = np.column_stack([np.ones_like(stretch), stretch - np.average(stretch, weights=weights)])
        # Where the map is stretched evenly nothing says what follows it; no slope is then taken.
        normal = terms.T @ (terms * weights[:, None]) + np.diag([0.0, 11.0])
        fitted = terms @ np.linalg.solve(normal, terms.T @ (weights * shares))
        away = np.abs(shares - fitted)
        usual = 1.48 * float(np.median(away)) + 1e-4
        weights = sure * np.minimum(1.0, 2 * usual / np.maximum(away, 1e-9))  # Huber's weights
    return float(np.sqrt(np.average(fitted**2, weights=weights))) if usual < rules.letters_agree else None


def _measured(page: Grey, template: Template, params: AlignParams, rules: EvidenceParams) -> list[_Measured]:
    """Measure each word that is found."""
    form, _, places = form_words(template, params, rules)
    px = template.dpi * working_scale(template, params) / 25.4
    slack, rim = max(2, round(rules.slack_mm * px)), max(2, round(0.4 * px))
    soft, clean = cv2.GaussianBlur(page, (0, 0), 1.0).astype(np.float32), form.astype(np.float32)
    measured: list[_Measured] = []
    for x, y, width, height in places.tolist():
        left, top, right, bottom = x - rim, y - rim, x + width + rim, y + height + rim
        around = soft[max(0, top - slack) : bottom + slack, max(0, left - slack) : right + slack]
        word = clean[max(0, top) : bottom, max(0, left) : right]
        if around.shape != (height + 2 * (rim + slack), width + 2 * (rim + slack)):
            continue  # at the form's edge
        _, like, _, (by_x, by_y) = cv2.minMaxLoc(cv2.matchTemplate(around, word, cv2.TM_CCOEFF_NORMED))
        if like >= rules.same_word:
            taller = _taller(around[by_y:, by_x:][: word.shape[0], : word.shape[1]], word)
            if taller is not None:
                measured.append((x + width / 2, y + height / 2, *taller))
    return measured


def _taller(seen: NDArray[np.float32], word: NDArray[np.float32]) -> tuple[float, float] | None:
    """Find by which share a word's picture is lower than the word; and the variance. None where it is too pale.

    What else may differ is found with it: brightness and contrast, a shift, a width, thicker strokes and blur.
    """
    across = cv2.Sobel(word, cv2.CV_32F, 1, 0, ksize=3, scale=1 / 8)
    down = cv2.Sobel(word, cv2.CV_32F, 0, 1, ksize=3, scale=1 / 8)
    height, width = word.shape
    rows = np.arange(height, dtype=np.float32)[:, None] - (height - 1) / 2
    columns = np.arange(width, dtype=np.float32)[None] - (width - 1) / 2
    thicker, blur = np.hypot(across, down), cv2.Laplacian(word, cv2.CV_32F)
    terms = np.stack([rows * down, word, np.ones_like(word), columns * across, across, down, thicker, blur])
    terms = terms.reshape(len(terms), -1).astype(np.float64)
    values = seen.ravel().astype(np.float64)
    inverse = np.linalg.inv(terms @ terms.T + 1e-6 * np.eye(len(terms)))
    found = inverse @ (terms @ values)
    if found[1] < 0.05:
        return None
    noise = max(1.0, float(np.mean((values - found @ terms) ** 2)))
    return -float(found[0] / found[1]), float(noise * inverse[0, 0] / found[1] ** 2)


def _stretch(points: Points, template: Template, to_scan: Homography, bend: Bend | None) -> NDArray[np.float64]:
    """Measure by which share a map makes the form lower than it is wide, at places of it, over 16 mm."""
    reach = 8.0 * template.dpi / 25.4

    def placed(by: tuple[float, float]) -> Points:
        there = points + np.array(by)
        there = there if bend is None else there + bend.at(there)
        return np.asarray(cv2.perspectiveTransform(there[None], to_scan)[0], np.float64)

    down = np.linalg.norm(placed((0, reach)) - placed((0, -reach)), axis=1)
    across = np.linalg.norm(placed((reach, 0)) - placed((-reach, 0)), axis=1)
    return np.asarray(np.log(across / down), np.float64)
