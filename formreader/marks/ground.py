"""A page drawn upright round its boxes to mark: how dark each place is against the paper."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from formreader.geometry import map_of_pixels
from formreader.marks.params import MM_PER_INCH, MarkParams
from formreader.values import AlignedPage, Box, Grey, Points

Darkness = NDArray[np.float32]
"""(height, width), 0 paper, 1 black."""


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """The part of a page that holds its boxes, upright, and the same part of the blank form.

    Attributes
    ----------
    dark
        The page's darkness.
    printed
        The blank form's, softened as the scan is; None where there is none.
    places
        (n, 4), each box's x, y, width and height in the picture's pixels, where the map puts it.
    to_form
        Template pixels a pixel of the picture, and where its top left pixel lies on the form.
    """

    dark: Darkness
    printed: Darkness | None
    places: NDArray[np.float64]
    scale: float
    origin: Points

    def on_form(self, points: Points) -> Points:
        """Map places of the picture to the form."""
        placed: Points = points * self.scale + self.origin
        return placed


def ground_of(page: AlignedPage, boxes: Sequence[Box], dpi: float, params: MarkParams) -> Ground:
    """Draw the page, and the blank form where there is one, round some boxes.

    Parameters
    ----------
    boxes
        With their places on the form.
    dpi
        Of the form.
    """
    on_form = np.array([box.on_form for box in boxes], np.float64)
    scale = dpi / MM_PER_INCH / params.px_per_mm
    reach = (params.margin_mm + params.search_mm + 1) * params.px_per_mm * scale
    origin = on_form[:, :2].min(axis=0) - reach
    span = ((on_form[:, :2] + on_form[:, 2:]).max(axis=0) + reach - origin) / scale
    size = math.ceil(span[0]), math.ceil(span[1])
    scan_px = _scan_px(boxes) / scale
    finer = max(1, math.ceil(0.9 / scan_px))

    def on_scan(points: Points) -> Points:
        placed: Points = page.place(((points + 0.5) / finer - 0.5) * scale + origin)
        return placed

    pixels = _drawn(page.pixels, on_scan, size, finer)
    printed = None
    if page.reference is not None:

        def on_reference(points: Points) -> Points:
            placed: Points = ((points + 0.5) / fine - 0.5) * scale + origin
            return placed

        fine = max(1, math.ceil(scale))
        blank = _drawn(page.reference, on_reference, size, fine)
        printed = _softened(darkness_of(blank, params), max(0.5, 0.45 * scan_px))
    places = np.column_stack([(on_form[:, :2] - origin) / scale, on_form[:, 2:] / scale])
    return Ground(darkness_of(pixels, params), printed, places, scale, origin)


def _scan_px(boxes: Sequence[Box]) -> float:
    """Say how many template pixels a pixel of the scan is wide."""
    corners = np.stack([box.corners for box in boxes])
    on_scan = np.linalg.norm(corners[:, 2] - corners[:, 0], axis=1)
    on_form = np.array([math.hypot(*box.on_form[2:]) if box.on_form else 1.0 for box in boxes])
    return float(np.median(on_form / np.maximum(on_scan, 1e-6)))


def _drawn(pixels: Grey, at: object, size: tuple[int, int], finer: int) -> Grey:
    """Draw a picture through a map; of a finer one all pixels have their part."""
    fine = size[0] * finer, size[1] * finer
    places = map_of_pixels(at, fine, 8 * finer + 1)  # type: ignore[arg-type]
    drawn = cv2.remap(pixels, places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.resize(drawn, size, interpolation=cv2.INTER_AREA) if finer > 1 else drawn, np.uint8)


def darkness_of(pixels: Grey, params: MarkParams) -> Darkness:
    """Say how much darker than the paper round it each pixel is, as a share of the paper's brightness."""
    coarse = cv2.resize(pixels, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    side = round(params.paper_mm * params.px_per_mm / 4) | 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    paper = cv2.morphologyEx(cv2.medianBlur(coarse, 3), cv2.MORPH_CLOSE, kernel, borderType=cv2.BORDER_REPLICATE)
    paper = cv2.blur(paper, (side, side), borderType=cv2.BORDER_REPLICATE)
    height, width = pixels.shape
    full = cv2.resize(paper, (width, height), interpolation=cv2.INTER_LINEAR).astype(np.float32)
    dark: Darkness = np.clip(1 - pixels / np.maximum(full, 40), 0, 1).astype(np.float32)
    return dark


def _softened(dark: Darkness, sigma: float) -> Darkness:
    return np.asarray(cv2.GaussianBlur(dark, (0, 0), sigma), np.float32)
