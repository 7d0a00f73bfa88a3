"""The evidence for a map: which share of the template's printed frame lies under it."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from formreader.align.params import AlignParams, Homography
from formreader.template import Template
from formreader.values import Grey, Points


def shrunk(pixels: Grey, long_side_px: int) -> tuple[Grey, float]:
    """Shrink a picture to a long side; a smaller one stays as it is. Returns it with the factor applied."""
    factor = min(1.0, long_side_px / max(pixels.shape))
    if factor == 1.0:
        return pixels, 1.0
    size = round(pixels.shape[1] * factor), round(pixels.shape[0] * factor)
    small: Grey = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    return small, factor


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


def local_ink(grey: Grey, contrast: int = 8) -> Grey:
    """Mark, as 255, what is darker than the mean of its surroundings by `contrast` grey levels."""
    block = max(15, max(grey.shape) // 60) | 1
    ink: Grey = cv2.adaptiveThreshold(grey, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY_INV, block, contrast)
    return ink


# --- the printed frame's evidence


def on_form(small: Grey, shrink: float, template: Template, to_scan: Homography, scale: float) -> Grey:
    """Draw a shrunk page in the template's place: upright, `scale` times the template's pixels, paper around it."""
    to_small = scaling(shrink) @ to_scan @ scaling(1 / scale)
    size = round(template.width * scale), round(template.height * scale)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    drawn: Grey = cv2.warpPerspective(small, to_small, size, flags=flags, borderValue=255.0)
    return drawn


def working_scale(template: Template, params: AlignParams) -> float:
    """By how much a template is shrunk for looking at its frame."""
    return min(1.0, params.frame_px / max(template.width, template.height))


def frame_score(small: Grey, shrink: float, template: Template, to_scan: Homography, params: AlignParams) -> float:
    """Measure the share of the template's printed frame that is found under a map, chance hits taken off.

    Lines are kept by opening with half a box's side, so that writing and text do not count for frame; a place counts
    as found when a line of its direction runs within reach.

    Returns
    -------
    float
        1 where every line is found, about 0 for a page of another form.
    """
    scale = working_scale(template, params)
    ink = local_ink(on_form(small, shrink, template, to_scan, scale))
    reach = max(1, round(params.line_reach * max(ink.shape)))
    hits = chances = 0.0
    across, down = _frame_samples(template)
    side_px = float(np.median([min(b[2:]) for f in template.fields for b in f.boxes])) * scale
    length = max(5, round(side_px * 0.5))
    for samples, kernel, thick in (
        (across, (length, 1), (1, 2 * reach + 1)),
        (down, (1, length), (2 * reach + 1, 1)),
    ):
        opened = cv2.morphologyEx(_closed(ink, kernel), cv2.MORPH_OPEN, np.ones(kernel[::-1], np.uint8))
        lines = cv2.dilate(opened, np.ones(thick[::-1], np.uint8))
        columns, rows = np.clip((samples * scale).round().astype(int), 0, np.array(ink.shape[::-1]) - 1).T
        hits += np.count_nonzero(lines[rows, columns]) / len(samples) / 2
        chances += np.count_nonzero(lines) / lines.size / 2
    return max(0.0, (hits - chances) / (1.0 - chances))


def _closed(ink: Grey, kernel: tuple[int, int]) -> Grey:
    """Bridge the one or two pixels that toner or JPEG lost of a thin line, along it and, for a slight skew, across."""
    along = (3, 2) if kernel[0] > kernel[1] else (2, 3)
    closed: Grey = cv2.morphologyEx(ink, cv2.MORPH_CLOSE, np.ones(along[::-1], np.uint8))
    return closed


@lru_cache(maxsize=8)
def _frame_samples(template: Template, a_side: int = 8) -> tuple[Points, Points]:
    """Give points on the horizontal and on the vertical lines of all boxes, template pixels, corners left out."""
    boxes = np.array([box for field in template.fields for box in field.boxes], dtype=np.float64)
    x, y, width, height = boxes.T[:, :, None]
    along = np.linspace(0.12, 0.88, a_side)[None, :]
    horizontal = [
        np.stack([x + along * width, np.broadcast_to(edge, (len(boxes), a_side))], -1) for edge in (y, y + height)
    ]
    vertical = [
        np.stack([np.broadcast_to(edge, (len(boxes), a_side)), y + along * height], -1) for edge in (x, x + width)
    ]
    return np.concatenate(horizontal).reshape(-1, 2), np.concatenate(vertical).reshape(-1, 2)


def likeness(small: Grey, shrink: float, template: Template, to_scan: Homography, coarse_px: int = 450) -> float:
    """Correlate the page under a map with the reference, both coarse, -1 to 1."""
    if template.reference is None:
        raise ValueError("a likeness needs a reference picture")
    scale = coarse_px / max(template.width, template.height)
    page = cv2.GaussianBlur(on_form(small, shrink, template, to_scan, scale), (0, 0), 1.5)
    form = cv2.resize(template.reference, page.shape[::-1], interpolation=cv2.INTER_AREA)
    form = cv2.GaussianBlur(form, (0, 0), 1.5)
    return float(np.corrcoef(page.ravel(), form.ravel())[0, 1])
