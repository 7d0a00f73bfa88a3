"""Digits as forms have them: other pens, turned, squeezed, cut by a frame line, scanned coarsely.

Everything is drawn at `SCALE` times MNIST's resolution, then normalized like any crop: what the classifier learns from
has gone the way of what it reads.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from formreader.normalize import normalize
from formreader.values import Digits, Ink

SCALE = 3
"""Canvas pixels a pixel of MNIST: strokes can be made a third of a pixel thinner or thicker."""

CANVAS_PX = 36 * SCALE
"""Side of the canvas: a digit of `DIGIT_PX` turned by 45 degrees fits in."""

DIGIT_PX = 20 * SCALE
"""Longer side of a digit on the canvas."""


@dataclass(frozen=True, slots=True)
class WearParams:
    """How much and how often; lengths in pixels of MNIST (a digit is 20), shares of all digits.

    Attributes
    ----------
    elastic_px, elastic_sigma_px
        Root mean square and smoothness of the elastic displacement (Simard et al. 2003, milder).
    turn_deg, shear, stretch
        Largest turn, slant (sideways a pixel down) and relative change of width and height.
    pen_share, residue_share, bite_share, coarse_share, blur_share, bit_share, speck_share
        Another stroke width; part of a printed line left along one edge; a strip of the stroke lost where a frame line
        was taken off; few pixels tall when scanned; out of focus; black and white scan; dirt.
    coarse_px
        Least and largest height of a digit scanned coarsely: boxes are 12 x 15 pixels at 75 dpi, 25 at 100.
    pen_steps
        How many canvas pixels a pen's stroke is thinner or thicker by on each side, at most.
    ragged
        Noise before a black and white scan, as a share of the ink: it eats holes into a pencil's stroke.
    """

    elastic_px: float = 0.8
    elastic_sigma_px: float = 4.0
    turn_deg: float = 12.0
    shear: float = 0.2
    stretch: float = 0.2
    pen_share: float = 0.7
    residue_share: float = 0.1
    bite_share: float = 0.08
    coarse_share: float = 0.25
    blur_share: float = 0.2
    bit_share: float = 0.25
    speck_share: float = 0.06
    coarse_px: tuple[float, float] = (8.0, 17.0)
    pen_steps: int = 2
    ragged: float = 0.25


DEFAULT = WearParams()
"""Harder than most scans: what is learnt from must not end where a day's work does."""

SCANNED = WearParams(
    elastic_px=0.25,
    turn_deg=4.0,
    shear=0.06,
    stretch=0.08,
    residue_share=0.01,
    bite_share=0.015,
    coarse_share=0.2,
    blur_share=0.4,
    bit_share=0.15,
    speck_share=0.01,
    coarse_px=(9.0, 18.0),
    pen_steps=1,
    ragged=0.15,
)
"""As crops come out of drawn pages that were worn, scanned at 100 to 300 dpi and cut: what is promised is promised of
these. They look much like MNIST: what cutting leaves behind or takes away is rare."""

COARSE_MARKS = WearParams(coarse_share=0.35, coarse_px=(6.0, 17.0))
"""Marks: a cross in an unused box is often smaller than the digits."""


def wear(digits: Digits, rng: Generator, params: WearParams = DEFAULT) -> Digits:
    """Make a worn copy of each digit.

    Parameters
    ----------
    digits
        uint8 (n, 28, 28), 0 paper, 255 ink.

    Returns
    -------
    uint8 (n, 28, 28), normalized.
    """
    worn = np.zeros_like(digits)
    for row, digit in enumerate(digits):
        ink = warp(digit, rng, params)
        if rng.random() < params.pen_share:
            ink = change_pen(ink, rng, params.pen_steps)
        if rng.random() < params.residue_share:
            add_residue(ink, rng)
        if rng.random() < params.bite_share:
            take_bite(ink, rng)
        if rng.random() < params.speck_share:
            add_specks(ink, rng)
        worn[row] = normalize(scan(ink, rng, params))
    return worn


def warp(ink: Ink, rng: Generator, params: WearParams = DEFAULT) -> Ink:
    """Bring a 28 x 28 digit, or a canvas, to a canvas through a random affine and elastic map."""
    side = ink.shape[0]
    pixel = side / 28 if side != CANVAS_PX else SCALE
    turn, shear = np.deg2rad(rng.uniform(-params.turn_deg, params.turn_deg)), rng.uniform(-params.shear, params.shear)
    cos, sin = np.cos(turn), np.sin(turn)
    stretch = np.exp(rng.uniform(-params.stretch, params.stretch, 2))
    affine = np.array([[cos, -sin], [sin, cos]]) @ np.array([[1, shear], [0, 1]]) @ np.diag(stretch)
    coarse = CANVAS_PX // SCALE
    at = np.arange(coarse, dtype=np.float64) - (coarse - 1) / 2
    place = np.stack(np.meshgrid(at, at), axis=-1) @ affine.T + _elastic(coarse, rng, params)
    back = cv2.resize((place * pixel + (side - 1) / 2).astype(np.float32), (CANVAS_PX, CANVAS_PX))
    return np.asarray(cv2.remap(ink, back[..., 0], back[..., 1], cv2.INTER_CUBIC), np.uint8)


def _elastic(side: int, rng: Generator, params: WearParams) -> NDArray[np.float64]:
    noise = rng.standard_normal((side, side, 2), np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), params.elastic_sigma_px)
    return np.asarray(smooth * (params.elastic_px / max(1e-6, float(smooth.std()))), np.float64)


def change_pen(ink: Ink, rng: Generator, most: int = DEFAULT.pen_steps) -> Ink:
    """Make the stroke thinner or thicker, by up to `most` canvas pixels on each side; a thin part is never lost."""
    steps = int(rng.integers(-most, most + 1))
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    for _ in range(abs(steps)):
        if steps > 0:
            ink = np.asarray(cv2.dilate(ink, cross), np.uint8)
        else:
            thin = cv2.subtract(ink, cv2.morphologyEx(ink, cv2.MORPH_OPEN, cross, iterations=2))
            ink = np.maximum(cv2.erode(ink, cross), thin).astype(np.uint8)
    return ink


def extent(ink: Ink) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of the ink, the last two exclusive; the whole canvas where there is none."""
    x, y, width, height = cv2.boundingRect((ink > 64).astype(np.uint8))
    return (x, y, x + width, y + height) if width else (0, 0, ink.shape[1], ink.shape[0])


def add_residue(ink: Ink, rng: Generator) -> None:
    """Leave a part of a printed line along one edge of the digit, touching it or a little outside; changes `ink`."""
    left, top, right, bottom = extent(ink)
    edge = int(rng.integers(4))
    gap = rng.integers(-SCALE, 3 * SCALE)
    low, high = (left, right) if edge < 2 else (top, bottom)
    span = high - low
    length = span * rng.uniform(0.15, 0.7)
    start = low + rng.uniform(-0.1 * span, span - length)
    across = (top - gap, bottom + gap, left - gap, right + gap)[edge]
    tilt = rng.uniform(-0.03, 0.03) * length
    ends = ((start, across), (start + length, across + tilt))
    points = [(int(a), int(b)) if edge < 2 else (int(b), int(a)) for a, b in ends]
    cv2.line(ink, points[0], points[1], int(rng.integers(90, 256)), int(rng.integers(1, SCALE + 1)), cv2.LINE_AA)


def take_bite(ink: Ink, rng: Generator) -> None:
    """Remove a strip of the stroke near one edge, as where a frame line was taken off; changes `ink`."""
    left, top, right, bottom = extent(ink)
    width = int(rng.integers(2, 2 * SCALE + 1))
    depth = int(rng.integers(0, DIGIT_PX // 8))
    edge = int(rng.integers(4))
    if edge < 2:
        at = top + depth if edge == 0 else bottom - depth - width
        ink[max(at, 0) : at + width] = 0
    else:
        at = left + depth if edge == 2 else right - depth - width
        ink[:, max(at, 0) : at + width] = 0


def add_specks(ink: Ink, rng: Generator) -> None:
    """Put one to three specks of dirt about the digit; changes `ink`."""
    left, top, right, bottom = extent(ink)
    for _ in range(int(rng.integers(1, 4))):
        at = (int(rng.integers(left - 6, right + 6)), int(rng.integers(top - 6, bottom + 6)))
        cv2.circle(ink, at, int(rng.integers(1, SCALE)), int(rng.integers(120, 256)), -1, cv2.LINE_AA)


def scan(ink: Ink, rng: Generator, params: WearParams = DEFAULT) -> Ink:
    """Look at the canvas through a scanner: coarse, out of focus, black and white, each now and then."""
    if rng.random() < params.coarse_share:
        share = rng.uniform(*params.coarse_px) / 20 / SCALE
        ink = np.asarray(cv2.resize(ink, None, fx=share, fy=share, interpolation=cv2.INTER_AREA), np.uint8)
    if rng.random() < params.blur_share:
        sigma = rng.uniform(0.3, 1.0) * ink.shape[0] / (CANVAS_PX / SCALE)
        ink = np.asarray(cv2.GaussianBlur(ink, (0, 0), sigma), np.uint8)
    if rng.random() < params.bit_share and ink.any():
        level = rng.uniform(0.3, 0.6) * int(ink.max())
        noise = rng.standard_normal(ink.shape, np.float32) * np.float32(rng.uniform(0, params.ragged) * int(ink.max()))
        ink = np.where((ink > 0) & (ink + noise > level), 255, 0).astype(np.uint8)
    return ink
