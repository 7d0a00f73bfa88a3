"""Strips that nobody reads but a person, and whether anything is written in them.

A digit fills its box; writing fills a strip as it likes: two letters at its start, small words under one another, some
over its edge. What counts here is therefore any mark of a letter's size that is no print: none of the lines that run
through the strip, and none that the blank form's picture shows. In doubt there is one: a person then sees an empty
strip, which costs a second, and no name is lost. Without such a picture, dots and printed words are such a doubt.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from formreader.values import AlignedPage, Box, Grey, Points

MM_PER_INCH = 25.4


@dataclass(frozen=True, slots=True)
class StripParams:
    """How a strip is looked at; lengths are on paper."""

    px_per_mm: float = 6.0  # 150 dpi: a pen's stroke is two to three pixels wide
    rim_mm: float = 0.3  # half a frame's line, which lies on the strip's edge
    missing_mm: float = 1.0  # that much may lie outside the picture
    paper_mm: float = 4.0  # wider than any stroke: what is dark for so long is shade
    least_darkness: float = 0.11  # of the paper's brightness: pencil is over 0.2, bleed-through under 0.1
    least_print: float = 0.05  # the same on the blank form's picture, which is clean
    off_print_mm: float = 0.4  # so far from its place print may lie: paper curls
    gap_mm: float = 0.5  # a worn stroke's gaps
    line_mm: float = 8.0  # straight for so long,
    of_width: float = 0.25  # and for so much of the strip, is a printed line: a word has gaps between its letters
    upright_line: float = 0.93  # of the strip's height: so long is a frame's side or a streak; a lone I is shorter
    thickest_line_mm: float = 0.7  # a row of small letters is higher
    letter_mm: float = 0.9  # smaller marks are dirt, or a line's dots


def are_blank(
    page: AlignedPage, boxes: Sequence[Box], dpi: float, params: StripParams = StripParams()
) -> tuple[bool, ...]:
    """Say of strips whether nothing is written in them.

    Parameters
    ----------
    page
        Paper 255; its reference, where there is one, is a blank form.
    boxes
        Their corners in scan pixels, and their places on the form.
    dpi
        Of the form.
    """
    return tuple(_is_seen(page.pixels, box, dpi, params) and _is_blank(page, box, dpi, params) for box in boxes)


def _is_seen(pixels: Grey, box: Box, dpi: float, params: StripParams) -> bool:
    last = np.array(pixels.shape[::-1]) - 1
    missing = float(np.maximum(-box.corners, box.corners - last).max())
    return missing <= params.missing_mm * _scan_px_per_mm(box, dpi)


def _is_blank(page: AlignedPage, box: Box, dpi: float, params: StripParams) -> bool:
    size = _size(box, dpi, params)
    drawn = _drawn(page.pixels, box.corners, size, _scan_px_per_mm(box, dpi), params)
    writing = _without_lines(_marks(drawn, params.least_darkness, params), params)
    if page.reference is not None:
        printed = _marks(
            _drawn(page.reference, _on_form(box), size, dpi / MM_PER_INCH, params), params.least_print, params
        )
        writing = cv2.subtract(writing, cv2.dilate(printed, _disc(params.off_print_mm, params)))
    rim = round(params.rim_mm * params.px_per_mm)
    whole = cv2.morphologyEx(writing, cv2.MORPH_CLOSE, _disc(params.gap_mm / 2, params))
    inside = np.ascontiguousarray(whole[rim : size[1] - rim, rim : size[0] - rim])
    _, _, stats, _ = cv2.connectedComponentsWithStats(inside)
    extents = stats[1:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].max(axis=1, initial=0)
    return bool((extents < params.letter_mm * params.px_per_mm).all())


def _on_form(box: Box) -> Points:
    x, y, width, height = box.on_form or (0.0, 0.0, 1.0, 1.0)
    return np.array([[x, y], [x + width, y], [x + width, y + height], [x, y + height]])


def _size(box: Box, dpi: float, params: StripParams) -> tuple[int, int]:
    """Give width and height of a strip's picture."""
    sides = (_on_form(box)[2] - _on_form(box)[0]) * MM_PER_INCH / dpi * params.px_per_mm
    return max(8, round(sides[0])), max(8, round(sides[1]))


def _scan_px_per_mm(box: Box, dpi: float) -> float:
    """Say how many of the scan's pixels a millimetre of the strip takes."""
    on_form = _on_form(box)
    return (
        float(np.linalg.norm(box.corners[2] - box.corners[0]) / np.linalg.norm(on_form[2] - on_form[0]))
        * dpi
        / MM_PER_INCH
    )


def _drawn(pixels: Grey, corners: Points, size: tuple[int, int], px_per_mm: float, params: StripParams) -> Grey:
    """Draw a strip upright; of a finer picture all pixels have their part."""
    finer = max(1, math.ceil(px_per_mm / params.px_per_mm))
    width, height = finer * size[0], finer * size[1]
    upright = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32) - np.float32(0.5)
    to_picture = cv2.getPerspectiveTransform(upright, corners.astype(np.float32))
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    drawn = cv2.warpPerspective(pixels, to_picture, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.resize(drawn, size, interpolation=cv2.INTER_AREA), np.uint8)


def _marks(picture: Grey, least: float, params: StripParams) -> Grey:
    """Mark, as 255, what is darker than the paper around it by a share of the paper's brightness."""
    side = round(params.paper_mm * params.px_per_mm) | 1
    paper = cv2.morphologyEx(picture, cv2.MORPH_CLOSE, np.ones((side, side), np.uint8), borderType=cv2.BORDER_REPLICATE)
    paper = cv2.blur(paper, (side, side), borderType=cv2.BORDER_REPLICATE)
    dark = cv2.subtract(paper, picture)
    return np.where(dark > least * paper.astype(np.float32), np.uint8(255), np.uint8(0))


def _without_lines(marks: Grey, params: StripParams) -> Grey:
    """Take out what is straight, long and thin."""
    (height, width), px = marks.shape, params.px_per_mm
    lengths = (
        round(max(params.line_mm * px, params.of_width * width)),
        round(max(params.line_mm / 2 * px, params.upright_line * height)),
    )
    thickest = params.thickest_line_mm * px
    lines = np.zeros_like(marks)
    for length, turned in zip(lengths, (False, True), strict=True):
        lying = np.ascontiguousarray(marks.T) if turned else marks
        # A line that slopes by a pixel or two goes on in the next row.
        slack = cv2.dilate(lying, np.ones((3, 1), np.uint8))
        runs = np.asarray(cv2.morphologyEx(slack, cv2.MORPH_OPEN, np.ones((1, length), np.uint8)), np.uint8)
        _, labels, stats, _ = cv2.connectedComponentsWithStats(runs)
        is_thin = stats[:, cv2.CC_STAT_HEIGHT] <= thickest + 2
        is_thin[0] = False
        found = np.where(is_thin[labels], np.uint8(255), np.uint8(0))
        lines |= np.ascontiguousarray(found.T) if turned else found
    return np.asarray(cv2.subtract(marks, cv2.dilate(lines, np.ones((3, 3), np.uint8))), np.uint8)


def _disc(radius_mm: float, params: StripParams) -> Grey:
    side = 2 * round(radius_mm * params.px_per_mm) + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), np.uint8)
