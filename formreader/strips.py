"""Cut a field from its scan as a strip that a person can key from: upright, its boxes bright, all around them pale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from formreader.values import Box, Page, Points


@dataclass(frozen=True, slots=True)
class StripParams:
    """How a strip looks.

    Attributes
    ----------
    box_px
        Height of a box: a digit is read at a glance, and eight strips fit on a screen.
    most_px
        Width of a strip; those of long fields are made smaller.
    margin, bright
        In box heights: what is shown around the boxes, and how far around them nothing is pale: strokes leave boxes.
    pale
        How much of its darkness is left to what belongs to other fields.
    apart
        Boxes that fill less than one part in so many of what they span are shown one by one.
    quality
        Of JPEG, 1 to 100.
    """

    box_px: int = 56
    most_px: int = 1100
    margin: float = 0.5
    bright: float = 0.22
    pale: float = 0.3
    apart: int = 8
    quality: int = 80


USUAL: Final = StripParams()


def strip(page: Page, boxes: Sequence[Box], params: StripParams = USUAL) -> NDArray[np.uint8]:
    """Cut the boxes of one field from a page, grey or in colour as that is; the boxes themselves are not drawn on.

    Parameters
    ----------
    boxes
        At least one; their corners say which way up the page lies.
    """
    pixels = page.pixels if page.colour is None else page.colour
    corners = [box.corners for box in boxes]
    span = np.ptp(_upright(corners, corners), axis=0)
    filled = sum(area_of(box) for box in corners)
    groups = [corners] if span[0] * span[1] <= params.apart * filled else [[box] for box in corners]
    cuts = [_cut(pixels, group, corners, params) for group in groups]
    height = max(cut.shape[0] for cut in cuts)
    ends = [(0, height - cut.shape[0]) for cut in cuts]
    fill = ((0, 0),) * (pixels.ndim - 2)
    return np.hstack(
        [np.pad(cut, (end, (0, 0), *fill), constant_values=255) for cut, end in zip(cuts, ends, strict=True)]
    )


def _upright(points: Sequence[Points], corners: Sequence[Points]) -> Points:
    """Turn points as the boxes lie, (n, 2)."""
    return np.concatenate(points) @ axes_of(corners).T


def axes_of(corners: Sequence[Points]) -> NDArray[np.float64]:
    """Give the unit vectors along the boxes' rows and down them, (2, 2)."""
    along = np.sum([box[1] - box[0] + box[2] - box[3] for box in corners], axis=0)
    along = along / max(float(np.hypot(*along)), 1e-9)
    return np.array([along, [-along[1], along[0]]])


def area_of(box: Points) -> float:
    """Give the area that a box's corners enclose, in square pixels."""
    return float(abs(cv2.contourArea(box.astype(np.float32))))


def _cut(
    pixels: NDArray[np.uint8], shown: Sequence[Points], corners: Sequence[Points], params: StripParams
) -> NDArray[np.uint8]:
    """Cut upright what some of a field's boxes span, with a margin, and bring it to size."""
    placed = _upright(shown, corners)
    box_height = float(np.median([np.hypot(*(box[3] - box[0])) for box in corners]))
    margin = params.margin * box_height
    origin = placed.min(axis=0) - margin
    width, height = np.ceil(np.ptp(placed, axis=0) + 2 * margin).astype(int).tolist()
    turn = np.column_stack([axes_of(corners), -origin])
    cut = cv2.warpAffine(pixels, turn, (width, height), flags=cv2.INTER_LINEAR, borderValue=(255, 255, 255))
    bright = np.zeros((height, width), np.uint8)
    for box in shown:
        cv2.fillConvexPoly(bright, np.rint(_upright([box], corners) - origin).astype(np.int32), 255)
    reach = 2 * round(params.bright * box_height) + 1
    bright = cv2.dilate(bright, np.ones((reach, reach), np.uint8))
    pale = 255 - (255 - cut.astype(np.float32)) * params.pale
    seen = np.where(bright.reshape(*bright.shape, *(1,) * (cut.ndim - 2)) > 0, cut, pale).astype(np.uint8)
    factor = min(params.box_px / max(box_height, 1.0), params.most_px / width)
    how: Any = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    resized = cv2.resize(seen, (max(1, round(width * factor)), max(1, round(height * factor))), interpolation=how)
    return np.asarray(resized, np.uint8)


def _encoded(picture: NDArray[np.uint8], params: StripParams) -> bytes:
    jpeg: bytes = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, params.quality])[1].tobytes()
    return jpeg


def picture_of(page: Page, boxes: Sequence[Box], params: StripParams = USUAL) -> bytes:
    """Give `strip` as JPEG."""
    return _encoded(strip(page, boxes, params), params)
