"""The writing of a box: which of the ink that is left belongs to it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from formreader.crops.printed import Bands
from formreader.crops.upright import CropParams, Frame, Mask, drawn_where
from formreader.values import Grey, Ink, Reason


def choose_writing(
    clean: Mask, darkness: Grey, bands: Bands, along: Mask, frame: Frame, params: CropParams
) -> tuple[Mask | None, Reason]:
    """Choose the components that are this box's writing; `along` marks strokes that lie on its lines."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(clean, connectivity=8)
    area = stats[:, cv2.CC_STAT_AREA].astype(np.float64)
    extent = np.maximum(stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT])
    inside = _counted(labels[frame.inside(bands.thickness / 2)], count)
    is_mark = extent >= (params.speck_wide if frame.is_wide else params.speck) * frame.side
    is_mark[0] = False
    is_residue = _counted(labels[(_beside(bands, frame, params) > 0) & (along == 0)], count) > params.all_of * area
    is_own = is_mark & ~is_residue & (inside >= params.inside * area)
    if not is_own.any():
        # Nothing that is surely this box's; but a stroke that reaches in, or lies along a line, may be.
        reaches_in = is_mark & ~is_residue & (inside >= (params.speck * frame.side) ** 2)
        is_pen = area >= max(params.least_pen * frame.side, params.least_pen_px * frame.scan_px) * extent
        along_line = is_residue & is_pen & (extent >= params.long_residue * frame.side)
        return None, "ink_outside" if (reaches_in | along_line).any() else "blank"
    if np.count_nonzero(is_own) > 1:
        is_own &= _belongs(is_own, labels, stats, darkness, frame, params)
    if (
        extent[is_own].max() < params.least_digit * frame.side
        and area[is_own].sum() < (0.5 * params.least_digit * frame.side) ** 2
    ):
        return None, "blank"
    writing = drawn_where(is_own, labels)
    if _is_diagonal(writing, frame, params):
        return writing, "struck"
    if _touches_rim(writing):
        return _without_neighbour(writing, labels, is_own, area, frame), "ink_outside"
    return writing, "not_a_digit" if _is_scribble(writing, frame, params) else ""


def _touches_rim(writing: Mask) -> bool:
    return bool(writing[0].any() or writing[-1].any() or writing[:, 0].any() or writing[:, -1].any())


def _without_neighbour(
    writing: Mask,
    labels: NDArray[np.int32],
    is_own: NDArray[np.bool_],
    area: NDArray[np.float64],
    frame: Frame,
) -> Mask:
    """Leave out what goes on past the picture: whole parts beside the largest, and of the largest what is outside."""
    main = int(np.argmax(np.where(is_own, area, 0)))
    rim = np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))
    leaves = is_own & np.isin(np.arange(len(is_own)), rim)
    kept = is_own & ~leaves
    kept[main] = not leaves[main]
    own = drawn_where(kept, labels)
    if leaves[main]:
        inside = frame.inside(0)
        own[inside] |= np.where(labels[inside] == main, np.uint8(255), np.uint8(0))
    return own if own.any() else writing


def _is_scribble(writing: Mask, frame: Frame, params: CropParams) -> bool:
    """Whether many strokes lie over each other, as in a zigzag; beside each other, where there is one digit at most."""
    left, top, width, height = cv2.boundingRect(writing)
    tight = writing[top : top + height, left : left + width] > 0
    for lying in (tight,) if frame.is_wide else (tight, tight.T):
        quarter = lying.shape[1] // 4
        middle = lying[:, quarter : lying.shape[1] - quarter]
        starts = middle[0].astype(np.int64) + (middle[1:] & ~middle[:-1]).sum(axis=0)
        if float(np.mean(starts >= params.scribbled)) >= 0.5:
            return True
    return False


def _is_diagonal(writing: Mask, frame: Frame, params: CropParams) -> bool:
    """Whether one straight stroke runs from near one corner of the box to near the opposite one."""
    _, _, width, height = cv2.boundingRect(writing)
    if width < params.diagonal * frame.width or height < params.diagonal * frame.height:
        return False
    if width < params.diagonal_lean * height or height < params.diagonal_lean * width:
        return False
    rows, columns = np.nonzero(writing)
    lean = np.polynomial.polynomial.polyfit(rows, columns, 2)
    strays = columns - np.polynomial.polynomial.polyval(rows, lean)
    return float(np.std(strays)) < params.straight * frame.side + 1.5


def _counted(labels: NDArray[np.int32], count: int) -> NDArray[np.int64]:
    return np.bincount(labels.ravel(), minlength=count)


def _beside(bands: Bands, frame: Frame, params: CropParams) -> Mask:
    """Mark the frame's lines and a rim along them, where slivers stay when a line is not of even thickness."""
    rim = 2 * max(2, round(max(params.residue * frame.side, params.residue_px * frame.scan_px))) + 1
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
