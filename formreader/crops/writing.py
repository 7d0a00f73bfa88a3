"""The writing of a box: which of the ink that is left belongs to it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from formreader.crops.printed import Bands
from formreader.crops.upright import CropParams, Frame, Mask
from formreader.values import Grey, Ink, Reason


def choose_writing(
    clean: Mask, darkness: Grey, bands: Bands, frame: Frame, params: CropParams
) -> tuple[Mask | None, Reason]:
    """Choose the components that are this box's writing."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(clean, connectivity=8)
    area = stats[:, cv2.CC_STAT_AREA].astype(np.float64)
    extent = np.maximum(stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT])
    inside = _counted(labels[frame.inside(bands.thickness / 2)], count)
    is_mark = extent >= (params.speck_wide if frame.is_wide else params.speck) * frame.side
    is_mark[0] = False
    is_residue = _counted(labels[_beside(bands, frame, params) > 0], count) > params.all_of * area
    is_own = is_mark & ~is_residue & (inside >= params.inside * area)
    if not is_own.any():
        # Nothing that is surely this box's; but a stroke that reaches in, or lies along a line, may be.
        reaches_in = is_mark & ~is_residue & (inside >= (params.speck * frame.side) ** 2)
        is_pen = area >= params.least_pen * frame.side * extent
        along_line = is_residue & is_pen & (extent >= params.long_residue * frame.side)
        return None, "ink_outside" if (reaches_in | along_line).any() else "blank"
    is_own &= _belongs(is_own, labels, stats, darkness, frame, params)
    if (
        extent[is_own].max() < params.least_digit * frame.side
        and area[is_own].sum() < (0.5 * params.least_digit * frame.side) ** 2
    ):
        return None, "blank"
    writing = np.where(is_own[labels], np.uint8(255), np.uint8(0))
    rim = np.concatenate([writing[0], writing[-1], writing[:, 0], writing[:, -1]])
    return writing, "ink_outside" if rim.any() or _runs_along_line(writing, bands, frame, params) else ""


def _runs_along_line(writing: Mask, bands: Bands, frame: Frame, params: CropParams) -> bool:
    """Whether a stroke may be hidden by a line of the frame: it reaches the line twice, or along it, and ends there.

    The side of a 0 that runs within the line is lost with it; what is left looks like another digit.
    """
    slack = 2 + round(params.print_slack * frame.side)
    box_rows, box_columns = frame.inside(0)
    (top, bottom), (left, right) = bands.rows, bands.columns
    down, across = writing[:, box_columns], writing[box_rows].T
    sides = (
        (down[top[0] : top[1]], down[top[1] : top[1] + slack]),
        (down[bottom[0] : bottom[1]], down[max(0, bottom[0] - slack) : bottom[0]]),
        (across[left[0] : left[1]], across[left[1] : left[1] + slack]),
        (across[right[0] : right[1]], across[max(0, right[0] - slack) : right[0]]),
    )
    return any(_is_hidden(line, beside, params.hidden * frame.side) for line, beside in sides if line.size)


def _is_hidden(line: Mask, beside: Mask, least_px: float) -> bool:
    """Whether ink beside a line that does not go on in it has two ends or a long edge."""
    goes_on = cv2.dilate(line.max(axis=0, keepdims=True), np.ones((1, 5), np.uint8))[0]
    ends = np.flatnonzero((beside.max(axis=0, initial=0) > 0) & (goes_on == 0))
    return bool(ends.size) and float(np.ptp(ends)) >= least_px


def _counted(labels: NDArray[np.int32], count: int) -> NDArray[np.int64]:
    return np.bincount(labels.ravel(), minlength=count)


def _beside(bands: Bands, frame: Frame, params: CropParams) -> Mask:
    """Mark the frame's lines and a rim along them, where slivers stay when a line is not of even thickness."""
    rim = 2 * max(2, round(params.residue * frame.side)) + 1
    beside: Mask = cv2.dilate(bands.either, np.ones((rim, rim), np.uint8))
    return beside


def _belongs(
    is_own: NDArray[np.bool_],
    labels: NDArray[np.int32],
    stats: NDArray[np.int32],
    darkness: Grey,
    frame: Frame,
    params: CropParams,
) -> NDArray[np.bool_]:
    """Say which components belong to the largest: as dark as it, and large or close enough to be its broken part.

    In a wide box the largest is one digit of several, or two that touch: a thin 1 far from it is writing like it.
    """
    area = np.where(is_own, stats[:, cv2.CC_STAT_AREA], 0)
    main = int(np.argmax(area))
    peak = np.zeros(len(stats), np.uint8)
    np.maximum.at(peak, labels.ravel(), darkness.ravel())
    start, size = stats[:, :2], stats[:, 2:4]
    apart = np.maximum(start - (start[main] + size[main]), start[main] - (start + size)).max(axis=1)
    is_large = area >= params.second_part * area[main]
    is_close = (area >= params.beside_main * area[main]) & (apart <= params.close * frame.side)
    as_dark = params.as_dark_wide if frame.is_wide else params.as_dark
    belongs: NDArray[np.bool_] = (peak >= as_dark * peak[main]) & (is_large | is_close | frame.is_wide)
    return belongs


def antialiased(darkness: Grey, writing: Mask, full: float) -> Ink:
    """Draw the writing in its own tones: `full` darkness becomes 255, the soft edge around it is kept."""
    soft = cv2.dilate(writing, np.ones((3, 3), np.uint8))
    tones = cv2.convertScaleAbs(darkness, alpha=255.0 / max(full, 1.0))
    ink: Ink = cv2.bitwise_and(tones, soft)
    return ink
