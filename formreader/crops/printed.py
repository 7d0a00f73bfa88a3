"""The printed form in a box's picture: find it and take it away without eating the stroke."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from formreader.crops.upright import CropParams, Frame, Mask, darkness_of, paper_of, upright
from formreader.template import corners_of
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
    inner_rows, inner_columns = frame.inside(0.06 * frame.side)
    rows = [
        _line_at(darkness[:, inner_columns].T, place, frame.side, params)
        for place in (frame.top, frame.top + frame.height)
    ]
    columns = [
        _line_at(darkness[inner_rows], place, frame.side, params) for place in (frame.left, frame.left + frame.width)
    ]
    found = [line.stop - line.start for line in (*rows, *columns) if line.stop > line.start]
    usual = float(np.median(found)) if found else 0.0
    # On a coarse scan a line steps from pixel to pixel.
    steps = round(params.line_steps_px * frame.scan_px) if frame.scan_px > 1.3 else 0
    rows = [line.trimmed(usual).widened(steps) for line in rows]
    columns = [line.trimmed(usual).widened(steps) for line in columns]
    for line in rows:
        across[line.start : line.stop] = _no_darker(darkness[line.start : line.stop], line.level, params)
    for line in columns:
        down[:, line.start : line.stop] = _no_darker(darkness[:, line.start : line.stop], line.level, params)
    (top, bottom), (left, right) = ([(line.start, line.stop) for line in lines] for lines in (rows, columns))
    return Bands(across, down, (top, bottom), (left, right))


@dataclass(frozen=True, slots=True, eq=False)
class _Line:
    """One printed line.

    Attributes
    ----------
    start, stop
        Its first and last + 1 place.
    level
        How dark it is.
    common
        How dark each of its places is throughout.
    """

    start: int
    stop: int
    level: float
    common: NDArray[np.float64]

    def trimmed(self, usual_px: float) -> _Line:
        """Cut a line that is much thicker than usual down to its darkest part of usual thickness."""
        thickness = max(1, round(usual_px))
        if self.stop - self.start <= 1.5 * usual_px + 1:
            return self
        sums = np.convolve(self.common, np.ones(thickness), mode="valid")
        start = self.start + int(np.argmax(sums))
        return replace(self, start=start, stop=start + thickness)

    def widened(self, by_px: int) -> _Line:
        """Add pixels at both sides of a line; none stays none."""
        if self.stop == self.start:
            return self
        return replace(self, start=max(0, self.start - by_px), stop=self.stop + by_px)


def _no_darker(darkness: Grey, print_level: Grey | float, params: CropParams) -> Mask:
    """Mark what is no darker than print of a level can be; over it lies writing."""
    most = np.asarray(print_level, dtype=np.float32) * params.over_print + params.over_print_by * 255
    return np.where(darkness <= most, np.uint8(255), np.uint8(0))


def _line_at(crossing: Grey, place: float, side: float, params: CropParams) -> _Line:
    """Find the line that runs down the columns of `crossing` nearest to a place; none has no thickness.

    The darkness that nearly all rows reach is the line's, however much writing crosses it; only where no line is found
    so, as toner broke it, seven of ten rows are enough, at last with its gaps closed.
    """
    search, most = params.line_search * side, round(params.line_most * side)
    first, last = max(0, round(place - search - most / 2)), min(crossing.shape[1], round(place + search + most / 2) + 1)
    nothing = _Line(0, 0, 0.0, np.zeros(0))
    if last <= first or not crossing.size:
        return nothing
    near = np.abs(np.arange(first, last) - place) <= search
    strip = crossing[:, first:last]
    for share, mended in params.line_unbroken:
        if mended:
            # A dotted line, or a thin one that steps from pixel to pixel on a fax.
            length = max(3, round(params.line_gap * side)) | 1
            strip = cv2.morphologyEx(strip, cv2.MORPH_CLOSE, np.ones((length, 3), np.uint8))
        rank = int((1 - share) * (len(crossing) - 1))
        common = np.partition(strip, rank, axis=0)[rank].astype(np.float64)
        peak = int(np.argmax(np.where(near, common, -1)))
        if near[peak] and common[peak] >= params.line_darkness * 255:
            break
    else:
        return nothing
    start, stop = _run(common > 0.25 * common[peak], peak, most)
    return _Line(first + start, first + stop, float(common[peak]), common[start:stop])


def _run(is_line: NDArray[np.bool_], peak: int, most: int) -> tuple[int, int]:
    """Give the first and last + 1 place of the run around a peak, at most `most` to each side."""
    gaps = np.flatnonzero(~is_line)
    start = max(int(gaps[gaps < peak].max(initial=-1)) + 1, peak - most)
    stop = min(int(gaps[gaps > peak].min(initial=len(is_line))), peak + most + 1)
    return start, stop


def blank_darkness(reference: Grey | None, box: Box, frame: Frame, params: CropParams) -> Grey | None:
    """Draw a box of the blank form as the page's is drawn; None without a blank."""
    if reference is None or box.on_form is None:
        return None
    drawn = upright(reference, corners_of(box.on_form), frame)
    return darkness_of(drawn, paper_of(drawn, frame.side, params))


def form_print(blank: Grey | None, darkness: Grey, frame: Frame, params: CropParams) -> Mask:
    """Mark where a box's picture shows what the blank form shows there, a little widened; nothing without a blank.

    Where the page is much darker than the blank, somebody wrote over the print.
    """
    if blank is None:
        return np.zeros_like(darkness)
    slack = 2 * max(1, round(params.print_slack * frame.side)) + 1
    level = cv2.dilate(blank, np.ones((slack, slack), np.uint8))
    is_print = level > 0.6 * params.least_darkness * 255
    inside = frame.inside(params.guides_from * frame.side)
    guides = is_print[inside]
    if guides.any():
        # Fine print is paler on the page than on the blank, by blur and copying; most of it is not written over.
        shown = cv2.dilate(darkness[inside], np.ones((3, 3), np.uint8))[guides]
        share = shown / level[inside][guides].astype(np.float32)
        rank = int(params.print_seen * (share.size - 1))
        paler = np.partition(share, rank)[rank]
        level[inside] = cv2.convertScaleAbs(level[inside], alpha=float(min(1.0, paler)))
    return np.where(is_print, _no_darker(darkness, level, params), np.uint8(0))


def without_print(ink: Mask, bands: Bands, printed: Mask, frame: Frame, params: CropParams) -> Mask:
    """Take lines and other print out of the ink and join the strokes they cut."""
    lines = bands.either
    # Where the frame's own lines were found they say best where it lies; the blank's picture is for all other print.
    slack = round(2 * params.print_slack * frame.side)
    printed = cv2.subtract(printed, grown(lines, slack))
    kept = cv2.subtract(ink, lines | printed)
    # A line's soft edge stays along it as a sliver; of a stroke that comes up to the line there is more beyond.
    edge = grown(lines, 1)
    beyond = cv2.subtract(kept, edge)
    kept = beyond | (kept & edge & grown(beyond, 1))
    reach = bands.thickness + 3
    lean = max(3, round(0.8 * bands.thickness)) | 1
    over_across = cv2.morphologyEx(kept, cv2.MORPH_CLOSE, np.ones((reach, lean), np.uint8))
    over_down = cv2.morphologyEx(kept, cv2.MORPH_CLOSE, np.ones((lean, reach), np.uint8))
    joined = (over_across & bands.across) | (over_down & bands.down)
    if printed.any():
        gap = max(3, round(0.09 * frame.side)) | 1
        over_print = cv2.morphologyEx(kept, cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (gap, gap)))
        joined |= over_print & printed
    restored: Mask = kept | (joined & ink)
    return restored


def grown(mask: Mask, by_px: int) -> Mask:
    """Widen a mask by pixels in all directions."""
    wider: Mask = cv2.dilate(mask, np.ones((2 * by_px + 1, 2 * by_px + 1), np.uint8))
    return wider
