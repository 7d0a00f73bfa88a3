"""The quick map of a flat scan: the layout as a whole, seen coarsely, in each turn the page can have."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from formreader.align.frame import scaling, shrunk
from formreader.align.params import AlignParams, Homography
from formreader.template import Template
from formreader.values import Grey


def map_by_layout(
    coarse: tuple[Grey, float], template: Template, params: AlignParams
) -> tuple[Homography | None, float]:
    """Find roughly where a flat, hardly skewed page of the template's paper size has the form.

    The coarse reference is slid over the coarse page in each turn.

    Parameters
    ----------
    coarse
        The page shrunk to `AlignParams.coarse_px`, and by how much.

    Returns
    -------
    tuple
        The likeliest map, None where the page has not the form's sides; and how like it is, 0 to 1.
    """
    form, (lying, factor) = _coarse_form(template, params), coarse
    border = round(params.coarse_shift * params.coarse_px)
    best_peak, best_map = 0.0, None
    for turn in range(4):
        size = (template.height, template.width) if turn % 2 else (template.width, template.height)
        ratio = (lying.shape[1] / size[0]) / (lying.shape[0] / size[1])
        if not 1 / params.same_paper < ratio < params.same_paper:
            continue
        upright = np.ascontiguousarray(np.rot90(lying, turn))
        around = cv2.copyMakeBorder(upright, *(border,) * 4, cv2.BORDER_REPLICATE)
        if any(a < b for a, b in zip(around.shape, form.shape, strict=True)):
            continue
        _, peak, _, (column, row) = cv2.minMaxLoc(cv2.matchTemplate(around, form, cv2.TM_CCOEFF_NORMED))
        if peak > best_peak:
            shift = np.array([[1.0, 0.0, column - border], [0.0, 1.0, row - border], [0.0, 0.0, 1.0]])
            to_coarse = shift @ scaling(params.coarse_px / max(template.width, template.height))
            best_peak, best_map = peak, scaling(1 / factor) @ np.linalg.inv(_turned(lying.shape, turn)) @ to_coarse
    return best_map, best_peak


@lru_cache(maxsize=32)
def _coarse_form(template: Template, params: AlignParams) -> Grey:
    assert template.reference is not None  # noqa: S101 - for the type checker; callers have looked
    form, _ = shrunk(template.reference, params.coarse_px)
    return form


def _turned(shape: tuple[int, ...], turn: int) -> Homography:
    """Give the map from a picture's pixels to those of the same picture turned counterclockwise by quarter turns."""
    height, width = shape[:2]
    maps = (
        np.eye(3),
        np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, width - 1.0], [0.0, 0.0, 1.0]]),
        np.array([[-1.0, 0.0, width - 1.0], [0.0, -1.0, height - 1.0], [0.0, 0.0, 1.0]]),
        np.array([[0.0, -1.0, height - 1.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]),
    )
    return maps[turn]
