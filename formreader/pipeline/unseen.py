"""Boxes that a page's picture does not show: they are no blanks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from formreader.values import Box, Crops, Grey, Ink, Reason


def unseen_left_open(crops: Crops, boxes: tuple[Box, ...], pixels: Grey, slack: float = 0.1) -> Crops:
    """Say of boxes that reach over the picture's edge that their ink may lie outside; what was cut of them is dropped.

    Parameters
    ----------
    slack
        Share of a box's shorter side that may be missing: its printed line and the paper beside it.
    """
    if not boxes:
        return crops
    corners = np.stack([box.corners for box in boxes])
    side = np.minimum(*np.linalg.norm(corners[:, [1, 3]] - corners[:, [0, 0]], axis=2).T)
    last = np.array(pixels.shape[::-1]) - 1
    missing = np.maximum(-corners, corners - last).max(axis=(1, 2))
    unseen = (missing > slack * side).tolist()
    if not any(unseen):
        return crops
    nothing: Ink = np.zeros((0, 0), np.uint8)
    outside: Reason = "ink_outside"
    digits = crops.digits.copy()
    digits[unseen] = 0
    return replace(
        crops,
        inks=tuple(nothing if gone else ink for ink, gone in zip(crops.inks, unseen, strict=True)),
        digits=digits,
        reasons=tuple(outside if gone else why for why, gone in zip(crops.reasons, unseen, strict=True)),
    )
