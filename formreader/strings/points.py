"""Marks among the writing of a wide box that may be a decimal point or comma."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from formreader.strings.params import StringParams


@dataclass(frozen=True, slots=True, eq=False)
class Component:
    """A connected component: its number among the labels, its extent and area in pixels."""

    number: int
    left: int
    top: int
    width: int
    height: int
    area: int


@dataclass(frozen=True, slots=True)
class Point:
    """A mark like a decimal point: its first and last + 1 column, and whether it stands clear of all digits."""

    left: int
    right: int
    is_apart: bool


def points_among(
    marks: list[Component],
    written: list[Component],
    labels: NDArray[np.int32],
    height: float,
    stroke: float,
    params: StringParams,
) -> tuple[Point, ...]:
    """Find marks as large as a point that the pen made, and as low; one close to a digit may be a bit of its stroke."""
    low = float(np.median([c.top + c.height for c in written])) - params.point_rise * height
    found = [c for c in marks if c.area >= params.least_point * stroke**2 and c.top + c.height / 2 > low]
    if not found:
        return ()
    far = cv2.distanceTransform((~np.isin(labels, [c.number for c in written])).astype(np.uint8), cv2.DIST_L2, 3)
    points = []
    for mark in found:
        middle = mark.left + mark.width / 2
        if any(0.2 < (middle - c.left) / c.width < 0.8 and middle < c.left + c.width and
               mark.top + mark.height <= c.top + c.height for c in written):  # fmt: skip
            continue  # dirt in the hollow of a digit
        is_apart = float(far[labels == mark.number].min()) > params.point_apart * height
        points.append(Point(mark.left, mark.left + mark.width, is_apart))
    return tuple(points)
