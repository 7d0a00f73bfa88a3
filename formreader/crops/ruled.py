"""Strokes that no hand drew: a staple, a scratch, a piece of a slanting or broken streak, each of which looks like a 1.

A hand wavers, and presses more here than there: a wire is straighter and more even than nearly all ones. A piece of a
streak goes on, in the same line and as dark, beyond the box and between boxes, where nobody writes.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from formreader.crops.upright import Frame, Mask
from formreader.values import Box, Grey, Ink, Points


@dataclass(frozen=True, slots=True)
class RuledParams:
    """What no hand draws."""

    slim: float = 0.9  # width to height of a stroke that may be read as a 1
    broad: float = 0.35  # of its height, at a few places: most other digits are broader somewhere
    ends: float = 0.08  # of its length at both ends is left out: there a stroke begins and thins
    least_rows: int = 12
    solid: float = 0.95  # of its length there is ink in the middle of it, which the middle of a 0 is not
    # Standard deviations: of its middle from a straight line, to its length; of its width, to that. Of ones that people
    # wrote with a fine pen, the straightest came to 0.0015, but not as evenly, and the most even to 0.04.
    strays: float = 0.003
    uneven: float = 0.03
    bent: float = 0.008  # as strays: what is bent more than this is not looked for beyond its box
    reach: float = 6.0  # times the box's height: so far beyond it
    step_px: float = 2.0  # of the scan, along the line
    off: float = 0.3  # of the box's side: what leaves the box by less may be the 1 itself
    as_dark: float = 0.4  # of its own contrast to both sides
    least_contrast: float = 20.0  # grey levels
    goes_on: float = 0.35  # of the way; writing that happens to lie in line covers less


@dataclass(frozen=True, slots=True, eq=False)
class Stroke:
    """The one upright stroke of a box.

    Attributes
    ----------
    ends
        Of its middle line, (2, 2), in pixels of the ink.
    width
        In the same pixels.
    strays, uneven
        As in `RuledParams`.
    """

    ends: Points
    width: float
    strays: float
    uneven: float


def is_ruled(stroke: Stroke, params: RuledParams | None = None) -> bool:
    """Whether a stroke is as straight and as even as if it was ruled."""
    params = params or RuledParams()
    return stroke.strays < params.strays and stroke.uneven < params.uneven


def upright_stroke(ink: Ink, strokes: Mask, params: RuledParams | None = None) -> Stroke | None:
    """Measure writing that may be one upright stroke; None where it is none.

    Parameters
    ----------
    ink
        (h, w), 0 paper, 255 ink, soft at its edges: places are measured to a fraction of a pixel.
    strokes
        (h, w), marks where it is ink.
    """
    params = params or RuledParams()
    left, top, width, height = cv2.boundingRect(strokes)
    end = round(params.ends * height) + 1
    if width > params.slim * height or height - 2 * end < params.least_rows:
        return None
    some = strokes[top + height // 4 : top + height : height // 4, left : left + width]
    if (width - some.argmax(axis=1) - some[:, ::-1].argmax(axis=1)).max() > params.broad * height:
        return None
    left, top, height = max(0, left - 2), top + end, height - 2 * end
    rows = ink[top : top + height, left : left + width + 4].astype(np.float32) / 255
    widths = rows.sum(axis=1)
    if widths.min() < 0.5:
        return None
    middles = rows @ np.arange(rows.shape[1], dtype=np.float32) / widths
    if np.mean(rows[np.arange(height), middles.round().astype(np.int64)] > 0.38) < params.solid:
        return None
    at = np.arange(height, dtype=np.float32) - (height - 1) / 2
    slope, middle = float(at @ middles) / float(at @ at), float(middles.mean())
    strays = float(np.std(middles - slope * at)) / (height + 2 * end)
    usual = float(np.median(widths))
    ends = [(left + middle + slope * away, top + (height - 1) / 2 + away) for away in (float(at[0]), float(at[-1]))]
    return Stroke(np.array(ends), usual, strays, float(np.std(widths)) / usual)


def goes_on(stroke: Stroke, pixels: Grey, box: Box, frame: Frame, params: RuledParams | None = None) -> bool:
    """Whether a stroke goes on in its own line, well beyond its box."""
    params = params or RuledParams()
    if stroke.strays > params.bent:
        return False
    to_scan = cv2.getPerspectiveTransform(frame.corners.astype(np.float32), box.corners.astype(np.float32))
    ends = cv2.perspectiveTransform(stroke.ends[None], to_scan)[0]
    length = float(np.linalg.norm(ends[1] - ends[0]))
    along = (ends[1] - ends[0]) / length
    scale = length / float(np.linalg.norm(stroke.ends[1] - stroke.ends[0]))
    middle = float((box.corners.mean(axis=0) - ends[0]) @ along)
    near, reach = (frame.height / 2 + params.off * frame.side) * scale, params.reach * frame.height * scale
    beyond = np.arange(near, near + reach, params.step_px)
    away = np.concatenate([np.arange(0.0, length, params.step_px), middle - beyond, middle + beyond])
    places = ends[0] + away[:, None] * along
    is_on = ((places >= 3) & (places < np.array(pixels.shape[::-1]) - 3)).all(axis=1)
    darker = _contrast(pixels, places, along, stroke.width * scale)
    within = len(away) - 2 * len(beyond)
    least = params.as_dark * max(float(np.median(darker[:within])), params.least_contrast)
    outside = darker[within:][is_on[within:]]
    return bool(outside.size and float(np.mean(outside > least)) > params.goes_on)


def _contrast(pixels: Grey, places: Points, along: Points, width: float) -> NDArray[np.float32]:
    """Say at each place of a line, (n, 2), how much darker it is, within a pixel, than at both its sides."""
    beside = width / 2 + 2.5
    shifts = np.array([-beside, -1.0, 0.0, 1.0, beside])
    around = places[:, None] + shifts[:, None] * np.array([-along[1], along[0]])
    drawn = cv2.remap(pixels, around.astype(np.float32), None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    seen = drawn.astype(np.float32)
    darker: NDArray[np.float32] = np.minimum(seen[:, 0], seen[:, 4]) - seen[:, 1:4].min(axis=1)
    return darker
