"""The straight lines printed on a page, across and down, as two pictures."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from formreader.boxes.params import FindParams
from formreader.boxes.rectangles import Boxes
from formreader.values import Colour, Grey


@dataclass(frozen=True, slots=True, eq=False)
class Lines:
    """A page at working resolution and the lines on it.

    Attributes
    ----------
    pixels
        The page, finer scans shrunk and coarse ones enlarged.
    scale
        Working pixels for one of the page's.
    px_a_mm
        Working pixels for a millimetre.
    across, down
        (height, width) uint8, 1 on a line of that direction; small gaps are bridged.
    dotted_across, dotted_down
        The same of rows of dots or dashes.
    streaked
        What was taken out of `down` because a streak of dirt runs there; a printed line may lie under it.
    """

    pixels: Grey
    scale: float
    px_a_mm: float
    across: Grey
    down: Grey
    dotted_across: Grey
    dotted_down: Grey
    streaked: Grey


def find_lines(pixels: Grey, px_a_mm: float, params: FindParams, least: float = 0.0) -> Lines:
    """Find all straight lines of a page by morphology along and across each direction.

    What is dark and thin one way (a black top hat; Serra 1982) and goes on straight the other way is a line. Shading
    and coloured panels are neither.

    Parameters
    ----------
    px_a_mm
        Of `pixels`.
    least
        Grey levels by which a line must be darker than the paper, where that is more than the usual.
    """
    scale = params.working_dpi / 25.4 / px_a_mm
    if 0.9 <= scale < params.enlarged:
        scale = 1.0
    least = max(least, params.contrast)
    if scale > 1.0:  # enlarged noise is smooth
        least = max(least, params.noise * _noise(pixels))
    if scale != 1.0:
        size = round(pixels.shape[1] * scale), round(pixels.shape[0] * scale)
        how = cv2.INTER_AREA if scale < 1.0 else cv2.INTER_CUBIC
        pixels = np.asarray(cv2.resize(pixels, size, interpolation=how), np.uint8)
    px_a_mm *= scale
    contrast = max(least, params.noise * _noise(pixels))
    across, dotted_across = _lines_across(pixels, px_a_mm, contrast, params)
    turned = _lines_across(np.asarray(cv2.transpose(pixels), np.uint8), px_a_mm, contrast, params)
    down, dotted_down = (np.asarray(cv2.transpose(lines), np.uint8) for lines in turned)
    return Lines(pixels, scale, px_a_mm, across, down, dotted_across, dotted_down, np.zeros_like(down))


def darkest(pixels: Grey, colour: Colour | None) -> Grey:
    """Give the picture in which coloured frames show best: the darkest channel; pink is pale in grey, dark in green."""
    if colour is None:
        return pixels
    blue, green, red = cv2.split(colour)
    return np.asarray(cv2.min(cv2.min(blue, green), red), np.uint8)


def _noise(pixels: Grey) -> float:
    """Estimate the standard deviation of a scanner's noise from neighbouring pixels of paper."""
    rows = pixels[::16].astype(np.int16)
    steps = np.abs(rows[:, 2:] - 2 * rows[:, 1:-1] + rows[:, :-2])
    return float(np.median(steps)) / (0.6745 * math.sqrt(6.0))


def _lines_across(pixels: NDArray[np.uint8], px_a_mm: float, contrast: float, params: FindParams) -> tuple[Grey, Grey]:
    """Keep straight pieces: solid ones, and longer rows of dots or dashes where nothing is printed beside them."""

    def px(mm: float, least: int) -> int:
        return max(least, round(mm * px_a_mm))

    dark = cv2.morphologyEx(pixels, cv2.MORPH_BLACKHAT, np.ones((px(params.thick_mm, 5) | 1, 1), np.uint8))
    # Between two lines that stand close the paper is not quite bright.
    beside = cv2.dilate(dark, np.ones((px(params.beside_mm, 3) | 1, 1), np.uint8))
    edge = cv2.max(cv2.convertScaleAbs(beside, alpha=params.core), contrast)
    ink = cv2.threshold(cv2.subtract(dark, edge), 0, 1, cv2.THRESH_BINARY)[1]
    solid = cv2.morphologyEx(ink, cv2.MORPH_CLOSE, np.ones((3, px(params.flaw_mm, 3) | 1), np.uint8))
    # Long pieces are no dashes: the gap between two boxes stays open.
    long = cv2.morphologyEx(solid, cv2.MORPH_OPEN, np.ones((1, px(params.dash_mm, 5)), np.uint8))
    rows = cv2.morphologyEx(
        cv2.subtract(solid, long), cv2.MORPH_CLOSE, np.ones((1, px(params.gap_mm, 3) | 1), np.uint8)
    )
    # A line of text closes to a band as high as its letters.
    bands = cv2.morphologyEx(rows, cv2.MORPH_OPEN, np.ones((px(params.dotted_mm, 4), 1), np.uint8))
    rows = cv2.subtract(rows, bands)
    rows = cv2.morphologyEx(rows, cv2.MORPH_OPEN, np.ones((1, px(params.row_mm, 8)), np.uint8))
    solid = cv2.morphologyEx(solid, cv2.MORPH_OPEN, np.ones((1, px(params.line_mm, 5)), np.uint8))
    return np.asarray(solid, np.uint8), np.asarray(rows, np.uint8)


def with_dotted(lines: Lines, boxes: Boxes) -> Lines | None:
    """Add the rows of dots and dashes that are not inside boxes, where they are guides; None where there are none."""
    outside = np.ones(lines.pixels.shape, np.uint8)
    for x, y, width, height in np.rint(boxes).astype(int).tolist():
        outside[max(0, y - 2) : max(0, y + height + 3), max(0, x - 2) : max(0, x + width + 3)] = 0
    across, down = lines.dotted_across & outside, lines.dotted_down & outside
    if not cv2.countNonZero(down) or not cv2.countNonZero(across):
        return None
    return replace(lines, across=lines.across | across, down=lines.down | down)


def without_streaks(lines: Lines, seen: Lines, params: FindParams) -> Lines:
    """Take out lines down that run over the whole page: dirt on a feeder's glass draws them, no form does.

    Parameters
    ----------
    seen
        Lines of the same page in which streaks are looked for.
    """
    reach = max(2.0, params.streak_mm * seen.px_a_mm)
    by = max(1, round(reach))
    small = cv2.resize(255 * seen.down, None, fx=1 / by, fy=1 / by, interpolation=cv2.INTER_AREA)
    # Other print interrupts a streak.
    gap = max(1, round(params.streak_gap_mm * seen.px_a_mm / by))
    whole = cv2.morphologyEx(np.asarray(small > 0, np.uint8), cv2.MORPH_CLOSE, np.ones((gap, 1), np.uint8))
    _, labels, stats, _ = cv2.connectedComponentsWithStats(whole)
    streaks = np.zeros_like(seen.down)
    tall = np.flatnonzero(stats[1:, cv2.CC_STAT_HEIGHT] >= params.streak * len(whole)) + 1
    for label in tall.tolist():
        rows, columns = np.nonzero(labels == label)
        slope, middle = np.polyfit(rows, columns, 1)
        near = np.abs(columns - middle - slope * rows) <= 2.0
        slope, middle = np.polyfit(rows[near], columns[near], 1)
        ends = [(round((middle + slope * row + 0.5) * by), round((row + 0.5) * by)) for row in (0, len(whole))]
        cv2.line(streaks, *ends, 1, 2 * round(reach) + 1)
    if not len(tall):
        return lines
    down, dotted = (np.where(streaks > 0, np.uint8(0), part) for part in (lines.down, lines.dotted_down))
    return replace(lines, down=down, dotted_down=dotted, streaked=lines.down & streaks)


def turned(lines: Lines, turns: int) -> Lines:
    """Turn a page's lines counterclockwise by quarters: what ran down runs across."""
    names = ("pixels", "across", "down", "dotted_across", "dotted_down", "streaked")
    if turns % 2:
        names = ("pixels", "down", "across", "dotted_down", "dotted_across", "streaked")
    parts = [np.ascontiguousarray(np.rot90(getattr(lines, name), turns)) for name in names]
    return Lines(parts[0], lines.scale, lines.px_a_mm, *parts[1:])


def shining_through(lines: Lines, params: FindParams) -> float:
    """Say how dark the lines are at most that shine through from the back of the paper; 0 where none seem to.

    They are far paler than most lines; so are pale frames beside black print, which is not told apart here.
    """
    reach = max(5, round(params.thick_mm * lines.px_a_mm)) | 1
    dark = cv2.morphologyEx(lines.pixels, cv2.MORPH_BLACKHAT, np.ones((reach, 1), np.uint8))
    long = cv2.morphologyEx(lines.across, cv2.MORPH_OPEN, np.ones((1, round(params.dash_mm * lines.px_a_mm)), np.uint8))
    count, labels = cv2.connectedComponents(long)
    if count == 1:
        return 0.0
    on = labels > 0
    length = np.bincount(labels[on], minlength=count)
    level = np.bincount(labels[on], weights=dark[on], minlength=count) / np.maximum(length, 1)
    most = params.behind * float(np.percentile(dark[on], 75))
    paler = length[level < most].sum()
    return most if paler >= params.behind_lines * length.sum() else 0.0


def darkness(pixels: Grey, px_a_mm: float) -> Grey:
    """Say how many grey levels each pixel is darker than the paper, which closing over 2.5 mm shows under the print."""
    reach = max(9, round(2.5 * px_a_mm)) | 1
    paper = cv2.morphologyEx(pixels, cv2.MORPH_CLOSE, np.ones((reach, reach), np.uint8))
    paper = cv2.blur(paper, (reach, reach), borderType=cv2.BORDER_REPLICATE)
    dark: Grey = cv2.subtract(paper, pixels)
    return dark


def widened(lines: Grey, size: tuple[int, int]) -> Grey:
    """Dilate lines, by which they may lie off a way along them."""
    wide: Grey = cv2.dilate(lines, np.ones(size, np.uint8))
    return wide


def share_printed(
    lines: Grey, starts: NDArray[np.float64], ends: NDArray[np.float64], trim: float = 0.0, samples: int = 32
) -> NDArray[np.float64]:
    """Measure the share of straight ways that is printed.

    Parameters
    ----------
    lines
        1 on a line; widen it by how far a line may lie off the way.
    starts, ends
        (n, 2), x and y.
    trim
        Share left out at each end.

    Returns
    -------
    (n,) array, 0 to 1
    """
    along = np.linspace(trim, 1 - trim, samples)[None, :, None]
    points = np.rint(starts[:, None] + along * (ends - starts)[:, None]).astype(np.intp)
    x = points[..., 0].clip(0, lines.shape[1] - 1)
    y = points[..., 1].clip(0, lines.shape[0] - 1)
    share: NDArray[np.float64] = lines[y, x].mean(axis=1, dtype=np.float64)
    return share


def evenness(
    pixels: Grey, starts: NDArray[np.float64], ends: NDArray[np.float64], reach: int, samples: int = 32
) -> NDArray[np.float64]:
    """Measure how evenly dark lines across are: their palest places' darkness as a share of the usual.

    A printed line has about 1, a row of letters' feet has gaps.

    Parameters
    ----------
    starts, ends
        (n, 2), x and y.
    reach
        How far above and below the paper shows, in pixels.
    """
    points = starts[:, None] + np.linspace(0.03, 0.97, samples)[None, :, None] * (ends - starts)[:, None]
    points = np.rint(points).astype(np.intp)
    x = points[..., 0, None].clip(0, pixels.shape[1] - 1)
    y = (points[..., 1, None] + np.arange(-reach, reach + 1)).clip(0, pixels.shape[0] - 1)
    grey = pixels[y, x].astype(np.float64)
    dark = grey.max(axis=2) - grey[:, :, reach - 2 : reach + 3].min(axis=2)
    even: NDArray[np.float64] = np.percentile(dark, 8, axis=1) / np.maximum(np.median(dark, axis=1), 1.0)
    return even
