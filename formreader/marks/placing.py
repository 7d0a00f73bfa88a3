"""Find where on the page each box to mark is printed: the map puts it there to a millimetre, marks need a tenth."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from formreader.marks.ground import Darkness, Ground
from formreader.marks.params import MarkParams
from formreader.values import Box

Shifts = NDArray[np.float64]
"""(n, 2), right and down, in pixels of the ground."""


def found_shifts(ground: Ground, boxes: Sequence[Box], params: MarkParams) -> Shifts:
    """Say how far each box's print lies from where the map puts it.

    The boxes of a field move together, as fields near them do, and then each by a little: print tells where a box is,
    and a mark on it misleads.
    """
    maps, far = _likeness(ground, params)
    fields = np.unique([box.field for box in boxes], return_inverse=True)[1]
    away = np.hypot(*np.meshgrid(*(np.arange(-far, far + 1),) * 2)) / far
    together = np.stack([maps[fields == k].mean(axis=0) for k in range(fields.max() + 1)])
    best = _peak(together - 0.05 * away)
    middles = ground.places[:, :2] + ground.places[:, 2:] / 2
    centres = np.stack([middles[fields == k].mean(axis=0) for k in range(fields.max() + 1)])
    agreed = _agreed(best, centres, 0.3 * params.search_mm * params.px_per_mm)[fields]
    near = params.refine_mm * params.px_per_mm
    offsets = np.stack(np.meshgrid(*(np.arange(-far, far + 1),) * 2), axis=-1)
    apart = np.linalg.norm(offsets[None] - agreed[:, None, None], axis=3)
    return _peak(np.where(apart <= near, maps - 0.05 * apart / near, -2.0))


def _likeness(ground: Ground, params: MarkParams) -> tuple[NDArray[np.float64], int]:
    """Say how like the page is to a box's print at each shift: (n, 2 far + 1, 2 far + 1), -1 to 1, and far."""
    far = round(params.search_mm * params.px_per_mm)
    near = round(params.print_near_mm * params.px_per_mm)
    flat = np.minimum(ground.dark, params.flat)
    printed = [np.minimum(ground.printed, params.flat)] if ground.printed is not None else _frames(ground, params)
    maps = []
    for one in printed:
        likes = []
        for x, y, width, height in np.rint(ground.places).astype(int).tolist():
            rows, columns = slice(y - near, y + height + near + 1), slice(x - near, x + width + near + 1)
            around = flat[rows.start - far : rows.stop + far, columns.start - far : columns.stop + far]
            likes.append(cv2.matchTemplate(around, one[rows, columns], cv2.TM_CCOEFF_NORMED))
        maps.append(np.nan_to_num(np.array(likes, np.float64), posinf=0.0, neginf=0.0))
    return max(maps, key=lambda one: float(np.median(one.max(axis=(1, 2))))), far


def _frames(ground: Ground, params: MarkParams) -> list[Darkness]:
    """Draw the boxes as frames, and as rings."""
    drawn = []
    thick = max(1, round(params.frame_mm * params.px_per_mm))
    for is_round in (False, True):
        picture = np.zeros(ground.dark.shape, np.float32)
        for x, y, width, height in np.rint(ground.places).astype(int).tolist():
            if is_round:
                middle, axes = (x + width // 2, y + height // 2), (width // 2, height // 2)
                cv2.ellipse(picture, middle, axes, 0, 0, 360, params.flat, thick)
            else:
                cv2.rectangle(picture, (x, y), (x + width, y + height), params.flat, thick)
        drawn.append(np.asarray(cv2.GaussianBlur(picture, (0, 0), 0.7), np.float32))
    return drawn


def _peak(maps: NDArray[np.float64]) -> Shifts:
    """Give the shift at which each map (n, side, side) is highest."""
    side = maps.shape[1]
    at = maps.reshape(len(maps), -1).argmax(axis=1)
    shifts: Shifts = np.column_stack([at % side, at // side]).astype(np.float64) - side // 2
    return shifts


def _agreed(moves: Shifts, places: NDArray[np.float64], apart: float, neighbours: int = 9) -> Shifts:
    """Give what moved unlike its neighbours their middle move: paper stretches smoothly."""
    distances = np.linalg.norm(places[:, None] - places[None], axis=2)
    nearest = np.argsort(distances, axis=1, kind="stable")[:, :neighbours]
    middle = np.median(moves[nearest], axis=1)
    unlike = np.linalg.norm(moves - middle, axis=1) > apart
    return np.where(unlike[:, None], middle, moves)
