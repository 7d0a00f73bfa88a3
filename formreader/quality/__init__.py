"""Measure what a page's picture offers to reading: pixels a box, sharpness, contrast; and say when it is too little."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from statistics import median

import numpy as np
from numpy.typing import NDArray

from formreader.errors import TooPoor
from formreader.quality.lines import measured_lines, printed_lines, shorter_sides, smear_of
from formreader.template import Template
from formreader.values import Box, DigitReading, FieldReading, Grey, Page, PageRef, Reason


@dataclass(frozen=True, slots=True)
class QualityParams:
    """Where reading breaks down; shares are of the box's shorter side.

    The limits come from ``tests/benchmarks/quality.py``.
    """

    least_box_px: float = 12.0
    least_one_bit_box_px: float = 20.0  # without greys a stroke of less than two pixels breaks
    least_grey: float = 0.001  # of the pixels: fewer are no greys but black and white
    least_mark_px: float = 10.0  # 2.5 mm at 100 dpi
    least_box_at_all_px: float = 8.0
    most_smear: float = 0.15
    most_smear_at_all: float = 0.25
    least_sharp_box_px: float = 20.0  # smaller boxes are blurred by having too few pixels
    least_print: float = 0.25  # of the printed lines' darkness: ink as pale as that is soon taken for paper
    least_print_at_all: float = 0.12
    dark_enough: float = 0.45  # contrast from which on pale lines are of a colour that was dropped out, not faded
    least_contrast: float = 0.14  # where the lines cannot be measured


def measure(pixels: Grey, boxes: tuple[Box, ...], template: Template) -> dict[str, float]:
    """Measure a page by its placed boxes of digits; where a form has none, by those to mark, as far as they go.

    Returns
    -------
    dict
        ``box_px``: shorter side of the middle box; ``contrast``: 0 to 1, how far print and ink stand out from paper;
        ``grey``: share of the pixels that are neither black nor white.
        Where printed lines can be measured, ``smear``: over how much of a box a point of the page is spread, in the
        direction in which it is less sharp; and where the form has a picture, ``print``: how much of the printed lines'
        darkness there is on the page, 1 for all.
    """
    digits = [box.corners for box in boxes if box.holds_digits]
    corners = np.stack(digits or [box.corners for box in boxes if box.kind == "choice"])
    quality = {
        "box_px": round(float(np.median(shorter_sides(corners))), 1),
        **_tones(pixels, corners),
    }
    if not digits:  # rings have no straight lines to measure
        return quality
    printed, scanned = printed_lines(template), measured_lines(pixels, corners)
    if (smear := smear_of(scanned, printed)) is not None:
        quality["smear"] = round(smear, 4)
    kept = scanned.darkness / printed.darkness
    if np.isfinite(kept).any():
        quality["print"] = round(float(np.nanmax(kept)), 3)
    return quality


def _tones(pixels: Grey, corners: NDArray[np.float64]) -> dict[str, float]:
    """Measure, where the boxes are, how far the darkest of print and writing stands out, and the share of greys."""
    height, width = pixels.shape
    left, top = np.clip(corners.min(axis=(0, 1)), 0, (width - 2, height - 2)).astype(int)
    right, bottom = np.clip(corners.max(axis=(0, 1)), (left + 2, top + 2), (width, height)).astype(int)
    sample = pixels[top:bottom:5, left:right:5]
    dark, light = np.percentile(sample, [0.2, 75])
    grey = np.count_nonzero((sample > 15) & (sample < 240)) / sample.size
    return {"contrast": round(float(light - dark) / 255, 3), "grey": round(grey, 4)}


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
    sides = [min(box[2:]) for box in form.framed_boxes]
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
    """Flag what was read of too small, blurred or faint boxes, both fields and boxes; values stay as they were read.

    A strip that a person keys is never in doubt: it only passes for blank no longer. Printed codes, and strips that are
    only shown, are left as they are.
    """
    params = params or QualityParams()
    placed, sides = [box for box in boxes if box.kind in ("digits", "key", "choice")], dict[str, list[float]]()
    for box, side in zip(placed, shorter_sides(np.stack([box.corners for box in placed])).tolist(), strict=True):
        sides.setdefault(box.field, []).append(side)
    to_mark = {box.field for box in placed if box.kind == "choice"}
    doubts = {
        name: (_doubt_of_marks if name in to_mark else _doubt)(median(of_field), quality, params)
        for name, of_field in sides.items()
    }

    def seen(digit: DigitReading) -> DigitReading:
        reason = doubts.get(digit.box.field, "")
        if reason and digit.box.kind == "key":
            return replace(digit, reason="to_key", confidence=0.0)
        return replace(digit, reason=reason) if reason and not digit.reason else digit

    def doubted(field: FieldReading) -> FieldReading:
        reason = doubts.get(field.name)
        if not reason:
            return field
        if field.is_keyed:
            return replace(field, reasons=("to_key",), confidence=0.0)
        return replace(field, reasons=(*field.reasons, reason))

    return tuple(map(doubted, fields)), tuple(map(seen, digits))


def _doubt_of_marks(side_px: float, quality: Mapping[str, float], params: QualityParams) -> Reason:
    """Give what speaks against marks: they take fewer pixels than digits, and are told on a blurred page too."""
    if side_px < params.least_mark_px:
        return "too_small"
    return "too_faint" if quality["contrast"] < params.least_contrast else ""


def _doubt(side_px: float, quality: Mapping[str, float], params: QualityParams) -> Reason:
    is_one_bit = quality.get("grey", 1) < params.least_grey
    if side_px < (params.least_one_bit_box_px if is_one_bit else params.least_box_px):
        return "too_small"
    if quality.get("smear", 0) > params.most_smear:
        return "too_small" if side_px < params.least_sharp_box_px else "too_blurred"
    faded = quality["contrast"] < params.dark_enough and quality.get("print", 1) < params.least_print
    return "too_faint" if faded or quality["contrast"] < params.least_contrast else ""
