"""The printed form in a box's picture: find it and take it away without eating the stroke."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from formreader.crops.upright import CropParams, Frame, Mask, darkness_of, upright
from formreader.values import Box, Grey


@dataclass(frozen=True, slots=True, eq=False)
class Bands:
    """The printed lines of a frame.

    Attributes
    ----------
    across, down
        Masks of the lines that run across and of those that run down.
    rows, columns
        Where they lie: first and last + 1 of the top and the bottom line, of the left and the right one; 0, 0 for none.
    """

    across: Mask
    down: Mask
    rows: tuple[tuple[int, int], tuple[int, int]]
    columns: tuple[tuple[int, int], tuple[int, int]]

    @property
    def thickness(self) -> int:
        """The thickest line, in pixels, at least 1."""
        return max(1, *(stop - start for start, stop in (*self.rows, *self.columns)))

    @property
    def either(self) -> Mask:
        """All lines of the frame."""
        return self.across | self.down


def frame_bands(darkness: Grey, frame: Frame, params: CropParams) -> Bands:
    """Find the lines of the frame near their places; each band runs through the whole picture, as in a table.

    What is much darker than its line is no part of the band: it is writing over a pale line.
    """
    across, down = np.zeros_like(darkness), np.zeros_like(darkness)
    inner_rows, inner_columns = frame.inside(0.15 * frame.side)
    rows, columns = [], []
    for place in (frame.top, frame.top + frame.height):
        start, stop, level = _line_at(darkness[:, inner_columns].T, place, frame.side, params)
        across[start:stop] = _no_darker(darkness[start:stop], level, params)
        rows.append((start, stop))
    for place in (frame.left, frame.left + frame.width):
        start, stop, level = _line_at(darkness[inner_rows], place, frame.side, params)
        down[:, start:stop] = _no_darker(darkness[:, start:stop], level, params)
        columns.append((start, stop))
    return Bands(across, down, (rows[0], rows[1]), (columns[0], columns[1]))


def _no_darker(darkness: Grey, print_level: Grey | float, params: CropParams) -> Mask:
    """Mark what is no darker than print of a level can be; over it lies writing."""
    most = np.asarray(print_level, dtype=np.float32) * params.over_print + params.over_print_by * 255
    return np.where(darkness <= most, np.uint8(255), np.uint8(0))


def _line_at(crossing: Grey, place: float, side: float, params: CropParams) -> tuple[int, int, float]:
    """Find the line that runs down the columns of `crossing` nearest to a place: its columns and darkness.

    Columns 0 to 0 where no line does.

    The darkness that seven of ten rows reach is the line's, however much writing crosses it.
    """
    search, most = params.line_search * side, round(params.line_most * side)
    first, last = max(0, round(place - search - most / 2)), min(crossing.shape[1], round(place + search + most / 2) + 1)
    if last <= first or not crossing.size:
        return 0, 0, 0.0
    rank = int(0.3 * (len(crossing) - 1))
    common = np.partition(crossing[:, first:last], rank, axis=0)[rank].astype(np.float64)
    near = np.abs(np.arange(first, last) - place) <= search
    if not near.any():
        return 0, 0, 0.0
    peak = int(np.argmax(np.where(near, common, -1)))
    if common[peak] < 12:  # 5 % of the paper's brightness: no line there
        return 0, 0, 0.0
    is_line = common > 0.25 * common[peak]
    start = peak
    while start > 0 and is_line[start - 1] and peak - start < most:
        start -= 1
    stop = peak + 1
    while stop < len(is_line) and is_line[stop] and stop - peak <= most:
        stop += 1
    return first + start, first + stop, float(common[peak])


def form_print(reference: Grey | None, darkness: Grey, box: Box, frame: Frame, params: CropParams) -> Mask:
    """Mark where a box's picture shows what the blank form shows there, a little widened; nothing without a blank.

    Where the page is much darker than the blank, somebody wrote over the print.
    """
    if reference is None or box.on_form is None:
        return np.zeros_like(darkness)
    x, y, width, height = box.on_form
    corners = np.array([[x, y], [x + width, y], [x + width, y + height], [x, y + height]])
    blank = darkness_of(upright(reference, corners, frame), frame.side, params)
    slack = 2 * max(1, round(params.print_slack * frame.side)) + 1
    level = cv2.dilate(blank, np.ones((slack, slack), np.uint8))
    is_print = level > 0.6 * params.least_darkness * 255
    return np.where(is_print, _no_darker(darkness, level, params), np.uint8(0))


def without_print(ink: Mask, bands: Bands, printed: Mask, frame: Frame) -> Mask:
    """Take lines and other print out of the ink and join the strokes they cut."""
    away = bands.either | printed
    kept = cv2.subtract(ink, away)
    reach = bands.thickness + 2
    lean = max(3, round(0.8 * bands.thickness)) | 1
    over_across = cv2.morphologyEx(kept, cv2.MORPH_CLOSE, np.ones((reach + 1, lean), np.uint8))
    over_down = cv2.morphologyEx(kept, cv2.MORPH_CLOSE, np.ones((lean, reach + 1), np.uint8))
    joined = (over_across & bands.across) | (over_down & bands.down)
    if printed.any():
        gap = max(3, round(0.09 * frame.side)) | 1
        over_print = cv2.morphologyEx(kept, cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (gap, gap)))
        joined |= over_print & printed & ~bands.either
    restored: Mask = kept | (joined & ink)
    return restored
