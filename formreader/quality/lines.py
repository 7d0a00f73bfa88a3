"""How a form's printed lines come out on a scan: their width says how sharp it is, their darkness how faded.

Sharpness is taken from the printed frames, not from the page as a whole: how wide a printed line is on the scan does
not depend on how much is written, as the usual variance of the Laplacian does. A lens out of focus makes a line's
flanks flat; a camera that moved draws the line double, its flanks as steep as ever. So both are measured: the flanks,
and by how much the line is wider than on the form's own picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from formreader.template import Template, corners_of
from formreader.values import Grey


@dataclass(frozen=True, slots=True)
class LineParams:
    """How lines are measured; shares are of the boxes' shorter side."""

    reach: float = 0.25  # how far from a line's middle it is cut across; beyond is the writing
    least_reach_px: float = 3.0
    step_px: float = 0.5
    most_boxes: int = 32  # spread over the page: the measure is a median
    places: tuple[float, ...] = (0.3, 0.7)  # of a side: where its line is cut across
    piece: float = 0.25  # of a side, averaged along the line against noise; short, as paper curls
    samples: int = 12  # in a piece
    least_darkness: float = 12.0  # grey levels: a paler line says nothing
    least_lines: int = 6


def shorter_sides(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the length of each box's shorter side; corners are (n, 4, 2)."""
    sides = np.linalg.norm(np.roll(corners, -1, axis=1) - corners, axis=2)
    shorter: NDArray[np.float64] = ((sides[:, :2] + sides[:, 2:]) / 2).min(axis=1)
    return shorter


@dataclass(frozen=True, slots=True, eq=False)
class Lines:
    """A form's printed lines: medians of the horizontal and of the vertical ones, nan where too few can be measured.

    Attributes
    ----------
    whole, flank
        Their width at half their height, and that of their flanks, in shares of the boxes' shorter side.
    darkness
        Of their darkest point, in grey levels: fading and blur both take from it, as from a pen's stroke.
    """

    whole: NDArray[np.float64]
    flank: NDArray[np.float64]
    darkness: NDArray[np.float64]


@lru_cache(maxsize=4)
def printed_lines(template: Template, params: LineParams = LineParams()) -> Lines:
    """Measure the lines of the form's own picture; of a form without one nothing is known."""
    if template.reference is None:
        unknown = np.full(2, np.nan)
        return Lines(unknown, unknown, unknown)
    corners = np.stack([corners_of(box) for box in template.digit_boxes])
    return measured_lines(template.reference, corners, params)


def smear_of(scanned: Lines, printed: Lines, params: LineParams = LineParams()) -> float | None:
    """Give the spread of a point: how much wider lines are than printed, or else the width of their flanks.

    Widths of shapes that are folded with one another add like the sides of a right angle. A Gaussian blur of standard
    deviation s gives 2.4 s (width at half its height), and flanks of 1.6 s (thin lines) to 2.5 s (broad ones).
    """
    added = np.sqrt(np.clip(scanned.whole**2 - printed.whole**2, 0, None))
    spread = np.fmax(added, scanned.flank)
    if not np.isfinite(spread).any():
        return None
    # Lines of one direction alone can be gone if they were drawn out so far that they cannot be told from paper.
    spread[np.isnan(spread) & np.isfinite(printed.whole)] = params.reach
    return float(np.nanmax(spread))


def measured_lines(pixels: Grey, corners: NDArray[np.float64], params: LineParams = LineParams()) -> Lines:
    """Measure the printed lines of boxes (n, 4, 2)."""
    spread = corners[:: -(-len(corners) // params.most_boxes)]
    side = float(np.median(shorter_sides(spread)))
    sections = _cross_sections(pixels, spread, max(params.least_reach_px, params.reach * side), params)
    found = [_line_sizes(sections[:, first::2].reshape(-1, sections.shape[-1]), params) for first in (0, 1)]
    medians = [np.median(s, axis=1) if s.shape[1] >= params.least_lines else np.full(3, np.nan) for s in found]
    whole, flank, darkness = np.array(medians).T
    return Lines(whole / side, flank / side, darkness)


def _cross_sections(
    pixels: Grey, corners: NDArray[np.float64], reach: float, params: LineParams
) -> NDArray[np.float32]:
    """Cut across the lines of n boxes: darkness (n, 4 sides, places, offsets), each averaged along a piece of line."""
    along = np.roll(corners, -1, axis=1) - corners
    length = np.maximum(np.linalg.norm(along, axis=2, keepdims=True), 1.0)
    across = np.stack([-along[..., 1], along[..., 0]], axis=-1) / length
    offsets = np.arange(-reach, reach + params.step_px, params.step_px)
    piece = params.piece * (np.arange(params.samples) / (params.samples - 1) - 0.5)
    shares = np.array(params.places)[:, None] + piece
    on_line = corners[:, :, None, None] + shares[..., None] * along[:, :, None, None]
    places = [
        (on_line[..., axis, None] + offsets * across[:, :, None, None, axis, None]).astype(np.float32)
        for axis in (0, 1)
    ]
    flat = [place.reshape(-1, params.samples * offsets.size) for place in places]
    drawn = cv2.remap(pixels, *flat, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    darkness: NDArray[np.float32] = 255 - drawn.reshape(places[0].shape).mean(axis=3, dtype=np.float32)
    return darkness


def _line_sizes(darkness: NDArray[np.float32], params: LineParams) -> NDArray[np.float64]:
    """Measure lines by their sections (m, offsets): width at half their height, the narrower flank's, and darkness.

    Widths are pixels, darkness is grey levels against the paper beside the line. A flank's width is its height over its
    steepest rise within a pixel. Sections that show no line are left out.
    """
    count = darkness.shape[1]
    third, pixel = count // 3, round(1 / params.step_px)
    top = third + darkness[:, third : count - third].argmax(axis=1)[:, None]
    level = np.take_along_axis(darkness, top, axis=1)
    at = np.arange(count)
    rises = np.abs(darkness[:, pixel:] - darkness[:, :-pixel])
    flanks = np.full((2, len(darkness)), np.inf)
    halves = np.full((2, len(darkness)), np.inf)
    heights = np.zeros((2, len(darkness)))
    for i, (flank, climb) in enumerate(((at <= top, at[:-pixel] < top), (at >= top, at[pixel:] > top))):
        height = level - np.where(flank, darkness, np.inf).min(axis=1, keepdims=True)
        heights[i] = height[:, 0]
        shown = height[:, 0] >= params.least_darkness
        steepest = np.where(climb, rises, 0).max(axis=1)
        flanks[i, shown] = height[shown, 0] / steepest[shown]
        below = flank & (darkness < level - height / 2)
        halves[i, shown] = np.where(below, np.abs(at - top), count).min(axis=1)[shown] * params.step_px
    shown = np.isfinite(flanks).any(axis=0)
    flanks, halves, heights = flanks[:, shown], halves[:, shown], heights[:, shown]
    whole = np.where(np.isfinite(halves).all(axis=0), halves.sum(axis=0), 2 * halves.min(axis=0))
    return np.stack([whole, np.maximum(1.0, flanks.min(axis=0)), heights.max(axis=0)])
