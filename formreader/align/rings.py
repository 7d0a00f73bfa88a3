"""The frames and rings of boxes to mark: what forms that have no boxes for digits are matched by."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from formreader.align.frame import form_drawn, inked, local_ink, working_scale
from formreader.align.params import AlignParams
from formreader.template import Template
from formreader.values import Grey

_A_BOX: Final = 32
"""Places round a box that are looked at."""
_IS_PRINTED: Final = 0.6
"""Of these places, with print on the blank form: the box has such an outline."""
_IS_ABSENT: Final = 0.25


def rings_found(
    dark: Grey, shown: NDArray[np.bool_], places: NDArray[np.int64], printed: NDArray[np.bool_], reach: int
) -> tuple[float, int]:
    """Look for the outlines of boxes to mark on a page drawn in the form's place.

    Parameters
    ----------
    dark
        How much darker than its surroundings each pixel is.
    shown
        (2, n), which outlines the picture shows.
    places
        (2, n, points, 2), round each box as a frame and as a ring, in working pixels.
    printed
        (2, n), which of the two the form prints; both where nothing tells.

    Returns
    -------
    share, absent
        Share of the outlines that is found, chance hits taken off; boxes in the picture that have none there.
    """
    wide = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    near = cv2.dilate(inked(dark, 8), wide) > 0
    hits = near[places[..., 1], places[..., 0]].mean(axis=2)
    chance = float(near.mean())
    of_kinds = []
    for hit, used, is_seen in zip(hits, printed, shown, strict=True):
        share = float(np.where(is_seen, hit, 0.0)[used].mean()) if used.any() else 0.0
        of_kinds.append((max(0.0, (share - chance) / (1 - chance)), int((used & is_seen & (hit < _IS_ABSENT)).sum())))
    if (printed[0] & printed[1]).any():
        return max(of_kinds)
    counts = printed.sum(axis=1)
    found = sum(share * count for (share, _), count in zip(of_kinds, counts.tolist(), strict=True))
    return found / max(int(counts.sum()), 1), of_kinds[0][1] + of_kinds[1][1]


@lru_cache(maxsize=32)
def outlines(template: Template, params: AlignParams) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Give the places round each box to mark, as a frame and as a ring, and which of them the reference prints."""
    scale = working_scale(template, params)
    x, y, width, height = np.array(template.choice_boxes, np.float64).T[:, :, None]
    along = (np.arange(_A_BOX // 4) + 0.5) / (_A_BOX // 4)
    ones = np.ones_like(along)
    square = np.stack(
        [np.concatenate([along, ones, along, 0 * ones]), np.concatenate([0 * ones, along, ones, along])], axis=-1
    )
    angle = 2 * np.pi * np.arange(_A_BOX) / _A_BOX
    ring = 0.5 + 0.5 * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    points = np.stack([np.stack([x + unit[:, 0] * width, y + unit[:, 1] * height], axis=-1) for unit in (square, ring)])
    shape = round(template.height * scale), round(template.width * scale)
    places = np.clip((points * scale).round().astype(np.int64), 0, np.array(shape[::-1]) - 1)
    everything = np.ones(places.shape[:2], np.bool_)
    if template.reference is None:
        return places, everything
    near = cv2.dilate(local_ink(form_drawn(template, params)), np.ones((5, 5), np.uint8)) > 0
    hits = near[places[..., 1], places[..., 0]].mean(axis=2)
    better = hits >= hits.max(axis=0)
    better[1] &= ~better[0]
    printed = (hits >= _IS_PRINTED) & better
    return places, printed if printed.any() else everything
