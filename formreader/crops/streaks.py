"""Streaks of a dirty glass: find them once a page and take them out before boxes are cut.

A grain of dust on a sheet feeder's glass draws a thin line that keeps to its pixel column (or row, where the page was
turned since) however the paper lies, over most of the page and past its print. In an empty box it looks like a 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from formreader.crops.upright import Frame, Mask
from formreader.values import AlignedPage, Box, Grey


@dataclass(frozen=True, slots=True)
class StreakParams:
    """What counts as a streak; lengths are shares of the page's height unless said otherwise."""

    bands: int = 64  # the page is looked at in so many bands
    parts: int = 8  # averaged rows a band, the palest of which must still be dark: writing has gaps
    contrast: float = 0.05  # of the paper's brightness
    widest: float = 0.15  # of a box's side
    gap_bands: int = 2  # a fax loses a streak for a moment
    least_dark: float = 0.4  # of a streak's shortest run: so much of it shows in two rows a band
    least_run: float = 0.25  # where the blank shows that nothing is printed there
    least_run_unknown: float = 0.6  # where it must also start at the page's edge, as no printed line does
    printed: float = 0.4  # of a streak's bands: where the blank is dark on more of them, it is print
    ink_over: float = 0.8  # of the streak's usual tone: darker is ink under it


@dataclass(frozen=True, slots=True)
class Streak:
    """Pixel columns `first` to `last` - 1 of the rows `start` to `stop` - 1; rows and columns swapped if `across`."""

    first: int
    last: int
    start: int
    stop: int
    across: bool


def find_streaks(page: AlignedPage, boxes: tuple[Box, ...], params: StreakParams | None = None) -> tuple[Streak, ...]:
    """Find the streaks of a page, down and across, that run through any of its boxes."""
    params = params or StreakParams()
    if not boxes or min(page.pixels.shape) < 2 * params.bands:
        return ()
    corners = np.stack([box.corners for box in boxes])
    first, last = np.floor(corners.min(axis=1)), np.ceil(corners.max(axis=1))
    side = float(np.median((last - first).min(axis=1)))
    reach = (2 * max(2, round(params.widest * side))) | 1
    found = []
    for across in (False, True):
        for streak in _runs(_banded(page.pixels, across, reach, params), page.pixels.shape, reach, across, params):
            axis = 1 if across else 0
            crossed = (first[:, axis] < streak.last) & (streak.first < last[:, axis])
            if crossed.any() and not _is_print(page, streak, params):
                found.append(streak)
    return tuple(found)


def without_streaks(pixels: Grey, streaks: tuple[Streak, ...], params: StreakParams | None = None) -> Grey:
    """Draw what lies beside each streak over it, and keep the ink that shows in it; the picture itself if none."""
    params = params or StreakParams()
    if not streaks:
        return pixels
    clean = pixels.copy()
    for streak in streaks:
        lying = clean.T if streak.across else clean
        first, last = max(1, streak.first - 1), min(lying.shape[1] - 1, streak.last + 1)
        rows = slice(streak.start, streak.stop)
        before = lying[rows, max(0, first - 2) : first].astype(np.float32).mean(axis=1, keepdims=True)
        behind = lying[rows, last : last + 2].astype(np.float32).mean(axis=1, keepdims=True)
        share = (np.arange(last - first, dtype=np.float32) + 0.5) / (last - first)
        drawn = before * (1 - share) + behind * share
        tone = lying[rows, first:last] / np.maximum(drawn, 1)
        usual = np.maximum(np.median(tone, axis=0), 0.05)
        is_ink = tone < params.ink_over * usual
        lying[rows, first:last] = np.where(is_ink, np.minimum(drawn, lying[rows, first:last] / usual), drawn)
    return clean


def on_streaks(box: Box, streaks: tuple[Streak, ...], frame: Frame) -> Mask:
    """Mark in a box's upright picture where streaks ran."""
    mask = np.zeros(frame.size[::-1], np.uint8)
    to_picture = cv2.getPerspectiveTransform(box.corners.astype(np.float32), frame.corners.astype(np.float32))
    left, top, width, height = box.extent
    for streak in streaks:
        place, reach = ((top, height), (left, width)) if streak.across else ((left, width), (top, height))
        is_beside = streak.last < place[0] - place[1] or streak.first > place[0] + 2 * place[1]
        if is_beside or streak.stop < reach[0] or streak.start > sum(reach):
            continue
        along = (reach[0] - reach[1], reach[0] + 2 * reach[1])
        ends = [(streak.first - 1.0, along[0]), (float(streak.last), along[0])]
        ends += [(float(streak.last), along[1]), (streak.first - 1.0, along[1])]
        corners = np.array([[(y, x) if streak.across else (x, y) for x, y in ends]], np.float64)
        drawn = cv2.perspectiveTransform(corners, to_picture)[0]
        cv2.fillConvexPoly(mask, np.round(drawn).astype(np.int32), 255)
    return mask


def _banded(pixels: Grey, across: bool, reach: int, params: StreakParams) -> Grey:
    """Give the palest tone of each column in each band, (bands, width).

    A few rows are looked at first: only columns that are dark in so many bands as a streak are looked at in full.
    """
    palest: Grey = _rows_of(pixels, across, 2 * params.bands).reshape(params.bands, 2, -1).max(axis=1)
    dark = cv2.dilate(_darker(palest, reach, params).view(np.uint8), np.ones((1, 3), np.uint8))
    columns = np.flatnonzero(dark.sum(axis=0, dtype=np.uint8) >= params.least_dark * params.least_run * params.bands)
    if columns.size:
        read = _rows_of(pixels, across, 2 * params.bands * params.parts, columns)
        parts = (read[::2].astype(np.uint16) + read[1::2]) // 2
        palest[:, columns] = parts.reshape(params.bands, params.parts, -1).max(axis=1)
    return palest


def _rows_of(pixels: Grey, across: bool, count: int, columns: NDArray[np.int64] | None = None) -> Grey:
    """Take so many rows, spread over a page, or over the page turned; all their columns or some.

    The page is read in the order in which it lies in memory: by rows.
    """
    rows = ((np.arange(count) + 0.5) * pixels.shape[1 if across else 0] / count).astype(np.int64)
    if across:
        turned: Grey = np.take(pixels if columns is None else pixels[columns], rows, axis=1).T.copy()
        return turned
    return pixels[rows] if columns is None else np.take(pixels[rows], columns, axis=1)


def _darker(palest: Grey, reach: int, params: StreakParams) -> NDArray[np.bool_]:
    """Say where columns are darker than both their sides."""
    paper = cv2.morphologyEx(palest, cv2.MORPH_CLOSE, np.ones((1, reach), np.uint8))
    least = np.maximum(params.contrast * np.arange(256), 6).astype(np.uint8)
    darker: NDArray[np.bool_] = (paper - palest) > cv2.LUT(paper, least)
    return darker


def _runs(palest: Grey, shape: tuple[int, ...], reach: int, across: bool, params: StreakParams) -> list[Streak]:
    """Find the columns that are darker than both their sides over a long run of bands."""
    dark = _darker(palest, reach, params).astype(np.uint8)
    gap = params.gap_bands + 1
    closed = cv2.morphologyEx(dark, cv2.MORPH_CLOSE, np.ones((gap, 1), np.uint8))
    # A streak that is not quite on whole pixels wanders between two columns.
    wide = cv2.dilate(closed, np.ones((1, 3), np.uint8))
    long_side = shape[1] if across else shape[0]
    streaks = []
    columns = np.flatnonzero(wide.sum(axis=0, dtype=np.uint8) >= params.least_run * params.bands)
    for group in np.split(columns, np.flatnonzero(np.diff(columns) > 1) + 1):
        if not group.size:
            continue
        own = dark[:, group]
        best = int(np.argmax(own.sum(axis=0)))
        start, stop = _longest(wide[:, group[best]] > 0)
        if stop - start < params.least_run * params.bands or own[start:stop].max(axis=1).mean() < 0.7:
            continue
        kept = group[own[start:stop].mean(axis=0) > 0.3]
        if kept.size and kept[-1] + 1 - kept[0] <= reach // 2 + 1:
            ends = round(start * long_side / params.bands), round(stop * long_side / params.bands)
            streaks.append(Streak(int(kept[0]), int(kept[-1]) + 1, *ends, across))
    return streaks


def _longest(is_on: NDArray[np.bool_]) -> tuple[int, int]:
    """Give the first and last + 1 place of the longest run."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], is_on, [False]]).astype(np.int8)))
    if not edges.size:
        return 0, 0
    runs = edges.reshape(-1, 2)
    start, stop = runs[int(np.argmax(runs[:, 1] - runs[:, 0]))]
    return int(start), int(stop)


def _is_print(page: AlignedPage, streak: Streak, params: StreakParams) -> bool:
    """Whether the blank shows a line there; else, whether the line keeps off the page's edges or is short."""
    along = page.pixels.shape[1] if streak.across else page.pixels.shape[0]
    if page.reference is None:
        margin = along // params.bands
        reaches_edge = streak.start <= margin or streak.stop >= along - margin
        return not reaches_edge or streak.stop - streak.start < params.least_run_unknown * along
    places = np.linspace(streak.start, streak.stop, params.bands)
    middle = np.full_like(places, (streak.first + streak.last - 1) / 2)
    points = np.stack([places, middle] if streak.across else [middle, places], axis=1)
    on_form = cv2.perspectiveTransform(points[None], np.linalg.inv(page.to_scan))[0]
    height, width = page.reference.shape
    dark = []
    for x, y in np.round(on_form).astype(int).tolist():
        if 4 <= x < width - 4 and 4 <= y < height - 4:
            near = page.reference[y - 4 : y + 5, x - 4 : x + 5]
            crossing = near.min(axis=1) if streak.across is False else near.min(axis=0)
            dark.append(float(crossing.max()) < 200)
    return bool(dark) and float(np.mean(dark)) > params.printed
