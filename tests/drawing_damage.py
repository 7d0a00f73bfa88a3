"""What lies on a page or shows through it: another sheet, holes, staples, a dirty glass, too little toner."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from tests.drawing_scan import Scan
from tests.drawing_sheet import MM_PER_INCH, DrawnForm

Weight = NDArray[np.float32]
"""(height, width): what a page's pixels are multiplied by."""


def scaled(pixels: NDArray[np.uint8], weight: Weight) -> NDArray[np.uint8]:
    """Multiply all channels by a weight."""
    spread = weight if pixels.ndim == 2 else weight[..., None]
    answer: NDArray[np.uint8] = np.clip(pixels * spread + 0.5, 0, 255).astype(np.uint8)
    return answer


def bleed(scan: Scan, strength: float) -> Scan:
    """Let the back of the sheet shine through: like the front, mirrored, blurred and faint."""
    if not strength:
        return scan
    grey = scan.pixels if scan.pixels.ndim == 2 else cv2.cvtColor(scan.pixels, cv2.COLOR_BGR2GRAY)
    back = np.roll(np.asarray(grey)[:, ::-1], round(3.3 * scan.dpi / MM_PER_INCH), axis=0)
    back = np.asarray(cv2.GaussianBlur(back, (0, 0), 0.25 * scan.dpi / MM_PER_INCH), np.uint8)
    weight = (1 - strength * (1 - back.astype(np.float32) / 255)).astype(np.float32)
    return replace(scan, pixels=scaled(scan.pixels, weight))


def punch(scan: Scan, lid: int) -> Scan:
    """Punch two holes of 6 mm, 80 mm apart, 10 mm from the left edge: the scanner's lid shows, with a dark rim."""
    pixels, px = scan.pixels.copy(), scan.dpi / MM_PER_INCH
    for down in (-40, 40):
        middle = (round(10 * px), round(pixels.shape[0] / 2 + down * px))
        cv2.circle(pixels, middle, round(3.0 * px), (lid,) * 3, -1, cv2.LINE_AA)
        cv2.circle(pixels, middle, round(3.0 * px), (min(lid, 120),) * 3, max(1, round(0.3 * px)), cv2.LINE_AA)
    return replace(scan, pixels=pixels)


def staple(scan: Scan) -> Scan:
    """Staple the top left corner: a bright wire of 11 mm between two dark lines, and a fold beside it."""
    pixels, px = scan.pixels.copy(), scan.dpi / MM_PER_INCH
    a, b = np.array([5.0, 14.0]) * px, np.array([13.0, 6.5]) * px
    for shift, tone, wide in ((0.0, 60, 0.9), (0.1, 170, 0.35)):
        ends = [(round(p[0] + shift * px), round(p[1] + shift * px)) for p in (a, b)]
        cv2.line(pixels, ends[0], ends[1], (tone,) * 3, max(1, round(wide * px)), cv2.LINE_AA)
    return replace(scan, pixels=pixels)


def second_sheet(scan: Scan, at: float, rng: np.random.Generator) -> Scan:
    """Lay a sheet under the page whose edge shows: a soft shadow down the page, darker to one side; `at` 0 to 1."""
    height, width = scan.pixels.shape[:2]
    px = scan.dpi / MM_PER_INCH
    lean = float(rng.uniform(-0.02, 0.02))
    away = (np.arange(width)[None, :] - at * width - lean * (np.arange(height)[:, None] - height / 2)) / px
    weight = 1 - 0.05 / (1 + np.exp(-away / 0.4)) - 0.16 * np.exp(-((away / 1.3) ** 2))
    return replace(scan, pixels=scaled(scan.pixels, weight.astype(np.float32)))


def dusty_glass(scan: Scan, at: tuple[float, ...], rng: np.random.Generator) -> Scan:
    """Draw a line down the whole picture for each grain of dust on the feeder's glass; `at` are columns of pixels.

    It is 0.1 to 0.3 mm wide, takes a quarter to two thirds of the light, and flickers a little along the feed.
    """
    height, width = scan.pixels.shape[:2]
    weight = np.ones((height, width), np.float32)
    px = scan.dpi / MM_PER_INCH
    for column in at:
        wide, dark = rng.uniform(0.1, 0.3) * px, rng.uniform(0.25, 0.65)
        profile = np.clip(wide / 2 + 0.5 - np.abs(np.arange(width) - column), 0, 1)
        knots = rng.normal(1, 0.12, 2 + height // round(8 * px))
        flicker = np.interp(np.linspace(0, len(knots) - 1, height), np.arange(len(knots)), knots)
        weight *= 1 - np.clip(dark * flicker, 0, 0.9)[:, None].astype(np.float32) * profile.astype(np.float32)
    return replace(scan, pixels=scaled(scan.pixels, weight), streaks=at)


def with_holes(pixels: NDArray[np.uint8], share: float, dpi: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Lose a share of the ink in spots of about 0.15 mm, as a fax does."""
    height, width = pixels.shape[:2]
    side = max(1.0, 0.15 * dpi / MM_PER_INCH)
    spots = rng.random((round(height / side), round(width / side)), np.float32)
    lost = cv2.resize(spots, (width, height), interpolation=cv2.INTER_NEAREST) < share
    answer = pixels.copy()
    answer[lost] = 255
    return answer


def poorly_printed(form: DrawnForm, rng: np.random.Generator) -> DrawnForm:
    """Print a form again with too little toner: lines are pale in places, with gaps of up to a millimetre."""
    height, width = form.picture.shape
    px = form.px_per_mm

    def clouds(side_mm: float) -> Weight:
        shape = (max(2, round(height / side_mm / px)), max(2, round(width / side_mm / px)))
        spots = rng.random(shape, np.float32)
        return np.asarray(cv2.resize(spots, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)

    toner = np.clip(0.45 + 0.9 * clouds(9.0), 0.3, 1.0)
    toner *= np.clip((clouds(0.8) - 0.12) / 0.1, 0, 1)  # gaps

    def faded(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return 255 - scaled(255 - pixels, toner.astype(np.float32))

    colour = None if form.colour is None else faded(form.colour)
    return replace(form, picture=faded(form.picture), colour=colour)
