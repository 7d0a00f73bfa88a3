"""Digits of a data set with their labels, as one picture."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from formreader.values import Digits

ACROSS = 20
"""Digits in a line at most."""

SCALE = 4
HEAD_PX = 26
GAP_PX = 6


def choose(
    labels: NDArray[np.int64], count: int, label: int | None = None, seed: int | None = None
) -> NDArray[np.intp]:
    """Choose digits: the first ones, or drawn ones where there is a seed; of one label where that is given.

    Returns
    -------
    (k,) rows, rising; k is less than `count` where there are fewer.
    """
    rows = np.arange(len(labels)) if label is None else np.flatnonzero(labels == label)
    if seed is None or len(rows) <= count:
        return rows[:count]
    return np.sort(np.random.default_rng(seed).choice(rows, count, replace=False))


def draw(images: Digits, labels: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Draw digits, at least one, in lines, dark on white, each under its label.

    Returns
    -------
    uint8 (height, width), paper 255.
    """
    side = SCALE * images.shape[1]
    across = min(ACROSS, len(images))
    step_y, step_x = HEAD_PX + side + GAP_PX, side + GAP_PX
    sheet = np.full((-(-len(images) // across) * step_y + GAP_PX, across * step_x + GAP_PX), 255, np.uint8)
    for place, (image, label) in enumerate(zip(images, labels, strict=True)):
        top, left = GAP_PX + place // across * step_y, GAP_PX + place % across * step_x
        cv2.putText(
            sheet,
            str(label),
            (left + side // 2 - 6, top + HEAD_PX - 8),
            cv2.FONT_HERSHEY_SIMPLEX,
            0.7,
            0,
            1,
            cv2.LINE_AA,
        )
        shown = np.asarray(cv2.resize(image, (side, side), interpolation=cv2.INTER_NEAREST))
        cell = sheet[top + HEAD_PX : top + HEAD_PX + side, left : left + side]
        cell[:] = 255 - shown
        cv2.rectangle(sheet, (left - 1, top + HEAD_PX - 1), (left + side, top + HEAD_PX + side), 190)
    return sheet
