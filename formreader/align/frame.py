"""Pictures brought to one size and place, and what is ink on them."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from formreader.align.params import AlignParams, Homography
from formreader.geometry import map_of_pixels
from formreader.template import Template
from formreader.values import Bend, Grey, Points


def shrunk(pixels: Grey, long_side_px: int) -> tuple[Grey, float]:
    """Shrink a picture to a long side; a smaller one stays as it is. Returns it with the factor applied."""
    factor = min(1.0, long_side_px / max(pixels.shape))
    if factor == 1.0:
        return pixels, 1.0
    size = round(pixels.shape[1] * factor), round(pixels.shape[0] * factor)
    small: Grey = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    return small, factor


def halved(pixels: Grey, long_side_px: int) -> tuple[Grey, float]:
    """Halve a picture while its long side stays about this long; half a size takes a fiftieth of the time of any other.

    Returns it with the factor applied.
    """
    factor = 1.0
    while max(pixels.shape) >= 1.88 * long_side_px:
        height, width = (side // 2 for side in pixels.shape)
        even = pixels[: 2 * height, : 2 * width]
        pixels = np.asarray(cv2.resize(even, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
        factor /= 2
    return pixels, factor


def scaling(factor: float) -> Homography:
    """Give the map of a picture's pixels to those of the same picture resized; a pixel's middle lies at +0.5."""
    shift = 0.5 * factor - 0.5
    return np.array([[factor, 0.0, shift], [0.0, factor, shift], [0.0, 0.0, 1.0]])


def is_blank(pixels: Grey, params: AlignParams) -> bool:
    """Whether a page holds next to no marks of a letter's size; dust is smaller, folds and scanner edges are larger."""
    small, _ = shrunk(pixels, params.frame_px)
    margin_y, margin_x = (max(1, round(side * 0.03)) for side in small.shape)  # the scanner's own shadow
    smooth = cv2.GaussianBlur(small, (0, 0), 1.0)  # sensor noise is no ink
    ink = local_ink(smooth, contrast=15)[margin_y:-margin_y, margin_x:-margin_x]
    _, _, stats, _ = cv2.connectedComponentsWithStats(ink)
    extent = stats[1:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]]
    least, most = (share * max(small.shape) for share in params.letter)
    is_letter = (extent.max(axis=1) >= least) & (extent.max(axis=1) <= most) & (extent.min(axis=1) >= 0.25 * least)
    return int(np.count_nonzero(is_letter)) < params.least_letters


def darkness(grey: Grey) -> Grey:
    """Say how many grey levels each pixel is darker than the mean of its surroundings, 0 where it is not."""
    block = max(15, max(grey.shape) // 60) | 1
    dark: Grey = cv2.subtract(cv2.blur(grey, (block, block), borderType=cv2.BORDER_REPLICATE), grey)
    return dark


def inked(dark: Grey, contrast: int) -> Grey:
    """Mark, as 255, what has this darkness."""
    ink: Grey = cv2.threshold(dark, contrast - 1, 255, cv2.THRESH_BINARY)[1]
    return ink


def local_ink(grey: Grey, contrast: int = 8) -> Grey:
    """Mark, as 255, what is darker than the mean of its surroundings by `contrast` grey levels."""
    return inked(darkness(grey), contrast)


def extents(mask: Grey, least_outline: int = 0) -> list[tuple[int, int, int, int]]:
    """Give x, y, width and height of each component, ten times as fast as counting its pixels with all others'.

    Parameters
    ----------
    least_outline
        Components with fewer pixels along their outer edge are left out.
    """
    outlines, nesting = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    if nesting is None:
        return []
    is_outer = nesting[0, :, 3] < 0
    outer = (outline for outline, is_one in zip(outlines, is_outer, strict=True) if is_one)
    return [cv2.boundingRect(outline) for outline in outer if len(outline) >= least_outline]


def working_scale(template: Template, params: AlignParams) -> float:
    """By how much a template is shrunk for looking at its print."""
    return min(1.0, params.frame_px / max(template.width, template.height))


@lru_cache(maxsize=64)
def form_drawn(template: Template, params: AlignParams) -> Grey:
    """Draw the reference at working scale, once for each template and process."""
    assert template.reference is not None  # noqa: S101 - for the type checker; callers have looked
    half = halved(template.reference, params.frame_px)
    return on_form(*half, template, np.eye(3), working_scale(template, params))


def on_form(small: Grey, shrink: float, template: Template, to_scan: Homography, scale: float) -> Grey:
    """Draw a shrunk page in the template's place: upright, `scale` times the template's pixels, paper around it."""
    to_small = scaling(shrink) @ to_scan @ scaling(1 / scale)
    size = round(template.width * scale), round(template.height * scale)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    drawn: Grey = cv2.warpPerspective(small, to_small, size, flags=flags, borderValue=255.0)
    return drawn


def on_bent_form(
    small: Grey, shrink: float, template: Template, to_scan: Homography, bend: Bend | None, scale: float
) -> Grey:
    """Draw a shrunk page in the template's place as `on_form` does, the paper's bend taken out."""
    if bend is None:
        return on_form(small, shrink, template, to_scan, scale)
    width, height = round(template.width * scale), round(template.height * scale)
    step = max(1, min(width, height) // 40) | 1  # the map is smooth: between places of a coarse grid it is straight

    def bent(points: Points) -> Points:
        on_template: Points = cv2.perspectiveTransform(points[None], scaling(1 / scale))[0]
        on_small: Points = cv2.perspectiveTransform(
            (on_template + bend.at(on_template))[None], scaling(shrink) @ to_scan
        )[0]
        return on_small

    places = map_of_pixels(bent, (width, height), step)
    drawn: Grey = cv2.remap(small, places, None, cv2.INTER_LINEAR, borderValue=255.0)
    return drawn


def likeness(small: Grey, shrink: float, template: Template, to_scan: Homography, coarse_px: int = 450) -> float:
    """Correlate the page under a map with the reference, both coarse, -1 to 1."""
    if template.reference is None:
        raise ValueError("a likeness needs a reference picture")
    scale = coarse_px / max(template.width, template.height)
    page = cv2.GaussianBlur(on_form(small, shrink, template, to_scan, scale), (0, 0), 1.5)
    form = _soft_form(template, page.shape[::-1])
    return float(np.corrcoef(page.ravel(), form.ravel())[0, 1])


@lru_cache(maxsize=32)
def _soft_form(template: Template, size: tuple[int, int]) -> Grey:
    assert template.reference is not None  # noqa: S101 - for the type checker; callers have looked
    form: Grey = cv2.GaussianBlur(cv2.resize(template.reference, size, interpolation=cv2.INTER_AREA), (0, 0), 1.5)
    return form
