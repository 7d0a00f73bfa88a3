"""Measure what a page's picture offers to reading: pixels a box, sharpness, contrast; and say when it is too little.

Sharpness is taken from the printed frames, not from the page as a whole: how wide a printed line is on the scan does
not depend on how much is written, as the usual variance of the Laplacian does. A lens out of focus makes a line's
flanks flat; a camera that moved draws the line double, its flanks as steep as ever. So both are measured: the flanks,
and by how much the line is wider than on the form's own picture.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from formreader.errors import TooPoor
from formreader.template import Template, corners_of
from formreader.values import Box, DigitReading, FieldReading, Grey, Page, PageRef, Reason


@dataclass(frozen=True, slots=True)
class QualityParams:
    """Where reading breaks down, and how the measures are taken; shares are of the box's shorter side.

    The limits come from ``tests/benchmarks/quality.py``.
    """

    least_box_px: float = 12.0
    least_box_at_all_px: float = 8.0
    most_smear: float = 0.15
    most_smear_at_all: float = 0.25
    least_sharp_box_px: float = 20.0  # smaller boxes are blurred by having too few pixels
    least_print: float = 0.25  # of the printed lines' darkness: ink as pale as that is soon taken for paper
    least_print_at_all: float = 0.12
    dark_enough: float = 0.45  # contrast from which on pale lines are of a colour that was dropped out, not faded
    least_contrast: float = 0.14  # where the lines cannot be measured
    reach: float = 0.25  # how far from a line's middle it is cut across; beyond is the writing
    least_reach_px: float = 3.0
    step_px: float = 0.5
    most_boxes: int = 32  # spread over the page: the measure is a median
    places: tuple[float, ...] = (0.3, 0.7)  # of a side: where its line is cut across
    piece: float = 0.25  # of a side, averaged along the line against noise; short, as paper curls
    samples: int = 12  # in a piece
    least_darkness: float = 12.0  # grey levels: a paler line says nothing
    least_lines: int = 6


def measure(
    pixels: Grey, boxes: tuple[Box, ...], template: Template, params: QualityParams | None = None
) -> dict[str, float]:
    """Measure a page by its placed boxes.

    Returns
    -------
    dict
        ``box_px``: shorter side of the middle box; ``contrast``: 0 to 1, how far print and ink stand out from paper.
        Where printed lines can be measured, ``smear``: over how much of a box a point of the page is spread, in the
        direction in which it is less sharp; and where the form has a picture, ``print``: how much of the printed lines'
        darkness there is on the page, 1 for all.
    """
    params = params or QualityParams()
    corners = np.stack([box.corners for box in boxes])
    quality = {
        "box_px": round(float(np.median([shorter_side(box) for box in corners])), 1),
        "contrast": round(_contrast(pixels, corners), 3),
    }
    printed, scanned = _printed_lines(template, params), _measured(pixels, corners, params)
    if (smear := _smear(scanned, printed, params)) is not None:
        quality["smear"] = round(smear, 4)
    kept = scanned.darkness / printed.darkness
    if np.isfinite(kept).any():
        quality["print"] = round(float(np.nanmax(kept)), 3)
    return quality


def _contrast(pixels: Grey, corners: NDArray[np.float64]) -> float:
    """Measure how far the darkest of print and writing stands out from paper, where the boxes are: 0 to 1."""
    height, width = pixels.shape
    left, top = np.clip(corners.min(axis=(0, 1)), 0, (width - 2, height - 2)).astype(int)
    right, bottom = np.clip(corners.max(axis=(0, 1)), (left + 2, top + 2), (width, height)).astype(int)
    dark, light = np.percentile(pixels[top:bottom:5, left:right:5], [0.2, 75])
    return float(light - dark) / 255


def refuse_hopeless(ref: PageRef, quality: Mapping[str, float], params: QualityParams | None = None) -> None:
    """Refuse a page on which no digit can be read.

    Raises
    ------
    TooPoor
        It has far too few pixels a box, or is far too blurred or too pale.
    """
    params = params or QualityParams()
    if quality["box_px"] < params.least_box_at_all_px:
        raise _too_few_pixels(ref, quality["box_px"])
    if quality["contrast"] < params.dark_enough and quality.get("print", 1) < params.least_print_at_all:
        raise TooPoor(
            f"{ref}: the page is too pale to be read ({quality['print']:.0%} of the print's darkness is left); "
            "scan it again darker, without automatic brightness"
        )
    if quality.get("smear", 0) > params.most_smear_at_all:
        raise TooPoor(
            f"{ref}: the page is too blurred to be read (a point is spread over {quality['smear']:.0%} of a box); "
            "scan it again, or photograph it with the camera held still and in focus"
        )


def refuse_tiny(page: Page, forms: Iterable[Template], params: QualityParams | None = None) -> None:
    """Refuse a page whose boxes would have too few pixels even if the form filled it; it could not be matched either.

    Raises
    ------
    TooPoor
        It has far too few pixels for any of the forms.
    """
    params = params or QualityParams()
    side_px = max(_side_of_filled(page, form) for form in forms)
    if side_px < params.least_box_at_all_px:
        raise _too_few_pixels(page.ref, side_px)


def _side_of_filled(page: Page, form: Template) -> float:
    """Give the largest box's shorter side, in pixels, were the page all form."""
    sides = [min(box[2:]) for field in form.fields for box in field.boxes]
    # The longer of two ratios, as a part of the page may be cut off.
    scan, printed = sorted(page.pixels.shape), sorted((form.width, form.height))
    return float(max(scan[0] / printed[0], scan[1] / printed[1]) * max(sides))


def _too_few_pixels(ref: PageRef, box_px: float) -> TooPoor:
    return TooPoor(f"{ref}: a box has only {box_px:.0f} pixels a side; scan the page again at 200 dpi or more")


def with_doubts(
    fields: Iterable[FieldReading],
    digits: Iterable[DigitReading],
    boxes: Iterable[Box],
    quality: Mapping[str, float],
    params: QualityParams | None = None,
) -> tuple[tuple[FieldReading, ...], tuple[DigitReading, ...]]:
    """Flag what was read of too small, blurred or faint boxes, both fields and boxes; values stay as they were read."""
    params = params or QualityParams()
    sides: dict[str, list[float]] = {}
    for box in boxes:
        sides.setdefault(box.field, []).append(shorter_side(box.corners))
    doubts = {name: _doubt(float(np.median(of_field)), quality, params) for name, of_field in sides.items()}

    def seen(digit: DigitReading) -> DigitReading:
        reason = doubts[digit.box.field]
        return replace(digit, reason=reason) if reason and not digit.reason else digit

    doubted = (
        replace(field, reasons=(*field.reasons, doubts[field.name])) if doubts.get(field.name) else field
        for field in fields
    )
    return tuple(doubted), tuple(map(seen, digits))


def _doubt(side_px: float, quality: Mapping[str, float], params: QualityParams) -> Reason:
    if side_px < params.least_box_px:
        return "too_small"
    if quality.get("smear", 0) > params.most_smear:
        return "too_small" if side_px < params.least_sharp_box_px else "too_blurred"
    faded = quality["contrast"] < params.dark_enough and quality.get("print", 1) < params.least_print
    return "too_faint" if faded or quality["contrast"] < params.least_contrast else ""


def shorter_side(corners: NDArray[np.float64]) -> float:
    """Give the length of a box's shorter side."""
    sides = np.linalg.norm(np.roll(corners, -1, axis=0) - corners, axis=1)
    return float(min((sides[0] + sides[2]) / 2, (sides[1] + sides[3]) / 2))


@dataclass(frozen=True, slots=True, eq=False)
class _Lines:
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
def _printed_lines(template: Template, params: QualityParams) -> _Lines:
    """Measure the lines of the form's own picture; of a form without one nothing is known."""
    if template.reference is None:
        unknown = np.full(2, np.nan)
        return _Lines(unknown, unknown, unknown)
    corners = np.stack([corners_of(box) for field in template.fields for box in field.boxes])
    return _measured(template.reference, corners, params)


def _smear(scanned: _Lines, printed: _Lines, params: QualityParams) -> float | None:
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


def _measured(pixels: Grey, corners: NDArray[np.float64], params: QualityParams) -> _Lines:
    """Measure the printed lines of boxes (n, 4, 2)."""
    spread = corners[:: -(-len(corners) // params.most_boxes)]
    side = float(np.median([shorter_side(box) for box in spread]))
    sections = _cross_sections(pixels, spread, max(params.least_reach_px, params.reach * side), params)
    found = [_line_sizes(sections[:, first::2].reshape(-1, sections.shape[-1]), params) for first in (0, 1)]
    medians = [np.median(s, axis=1) if s.shape[1] >= params.least_lines else np.full(3, np.nan) for s in found]
    whole, flank, darkness = np.array(medians).T
    return _Lines(whole / side, flank / side, darkness)


def _cross_sections(
    pixels: Grey, corners: NDArray[np.float64], reach: float, params: QualityParams
) -> NDArray[np.float32]:
    """Cut across the lines of n boxes: darkness (n, 4 sides, places, offsets), each averaged along a piece of line."""
    along = np.roll(corners, -1, axis=1) - corners
    length = np.maximum(np.linalg.norm(along, axis=2, keepdims=True), 1.0)
    across = np.stack([-along[..., 1], along[..., 0]], axis=-1) / length
    offsets = np.arange(-reach, reach + params.step_px, params.step_px)
    piece = params.piece * (np.arange(params.samples) / (params.samples - 1) - 0.5)
    shares = np.array(params.places)[:, None] + piece
    on_line = corners[:, :, None, None] + shares[..., None] * along[:, :, None, None]
    points = on_line[..., None, :] + offsets[:, None] * across[:, :, None, None, None]
    flat = points.reshape(-1, params.samples * offsets.size, 2).astype(np.float32)
    drawn = cv2.remap(pixels, flat[..., 0], flat[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    darkness: NDArray[np.float32] = 255 - drawn.reshape(points.shape[:-1]).mean(axis=3, dtype=np.float32)
    return darkness


def _line_sizes(darkness: NDArray[np.float32], params: QualityParams) -> NDArray[np.float64]:
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
