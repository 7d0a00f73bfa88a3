"""What printing, carrying and scanning do to a page, step by step, and where its points lie afterwards."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from formreader.values import Colour, Grey
from tests import drawing_damage as hurt
from tests.drawing_bend import Bend, drawn_through
from tests.drawing_damage import scaled
from tests.drawing_scan import Scan
from tests.drawing_sheet import MM_PER_INCH
from tests.drawing_suffering import Wear, draw_heavy, draw_mild

__all__ = ["Wear", "draw_heavy", "draw_mild", "wear"]

Homography = NDArray[np.float64]


def wear(page: Grey | Colour, dpi: float, how: Wear, rng: np.random.Generator) -> Scan:
    """Print, carry and scan a page: paper, then geometry, then light and sensor, then the file."""
    pixels = page if how.colour or page.ndim == 2 else cv2.cvtColor(page, cv2.COLOR_BGR2GRAY)
    scan = Scan(np.asarray(pixels, np.uint8), dpi, np.eye(3))
    scan = tint(scan, how.paper)
    scan = hurt.bleed(scan, how.bleed)
    scan = fold(scan, how.folds, rng)
    scan = speck(scan, how.specks, rng)
    scan = damage(scan, how, rng)
    scan = lay_on_glass(scan, how, rng)
    scan = cut(scan, how.cut_mm)
    scan = light(scan, how, rng)
    scan = streak(scan, how.streaks, rng)
    scan = dust(scan, how.dusty, page.shape[1], rng)
    scan = turn(scan, how.quarter_turns)
    if how.holes:
        scan = replace(scan, pixels=hurt.with_holes(scan.pixels, how.holes, scan.dpi, rng))
    return record(scan, how)


def damage(scan: Scan, how: Wear, rng: np.random.Generator) -> Scan:
    """Punch, staple, and lay on another sheet."""
    scan = hurt.punch(scan, how.lid) if how.punched else scan
    scan = hurt.staple(scan) if how.stapled else scan
    return scan if how.second_sheet is None else hurt.second_sheet(scan, how.second_sheet, rng)


def dust(scan: Scan, at: tuple[float, ...], width: int, rng: np.random.Generator) -> Scan:
    """Draw the lines of a dirty glass where they cross these shares of the drawn page's width, half way down."""
    if not at:
        return scan
    half_way = np.linalg.inv(scan.to_scan) @ (0.0, scan.pixels.shape[0] / 2, 1.0)
    columns = scan.place(np.array([[share * width, half_way[1] / half_way[2]] for share in at]))[:, 0]
    return hurt.dusty_glass(scan, tuple(columns.tolist()), rng)


def tint(scan: Scan, paper: tuple[int, int, int]) -> Scan:
    """Print on coloured paper."""
    if paper == (255, 255, 255):
        return scan
    shade = np.array(paper, np.float32) / 255
    weight = shade if scan.pixels.ndim == 3 else np.float32(shade @ (0.114, 0.587, 0.299))
    return replace(scan, pixels=(scan.pixels * weight).astype(np.uint8))


def fold(scan: Scan, count: int, rng: np.random.Generator) -> Scan:
    """Fold the paper across: a thin shadow with a lighter ridge beside it."""
    if not count:
        return scan
    height, width = scan.pixels.shape[:2]
    rows = np.arange(height, dtype=np.float32)[:, None]
    columns = np.arange(width, dtype=np.float32)[None, :]
    weight = np.ones((height, width), np.float32)
    px = scan.dpi / MM_PER_INCH
    for _ in range(count):
        away = rows - height * rng.uniform(0.15, 0.85) - columns * rng.uniform(-0.02, 0.02)
        weight -= np.float32(rng.uniform(0.1, 0.25)) * np.exp(-((away / (0.25 * px)) ** 2))
        weight += np.float32(0.05) * np.exp(-(((away - 0.7 * px) / (0.4 * px)) ** 2))
    return replace(scan, pixels=scaled(scan.pixels, weight))


def speck(scan: Scan, count: int, rng: np.random.Generator) -> Scan:
    """Strew dirt: dots and short hairs of 0.1 to 0.6 mm."""
    if not count:
        return scan
    height, width = scan.pixels.shape[:2]
    weight = np.ones((height, width), np.float32)
    px = scan.dpi / MM_PER_INCH
    for _ in range(count):
        at = (int(rng.integers(width)), int(rng.integers(height)))
        axes = (max(1, round(px * rng.uniform(0.05, 0.3))), max(1, round(px * rng.uniform(0.04, 0.1))))
        cv2.ellipse(weight, at, axes, float(rng.uniform(0, 180)), 0, 360, float(rng.uniform(0.2, 0.8)), -1)
    return replace(scan, pixels=scaled(scan.pixels, weight))


def lay_on_glass(scan: Scan, how: Wear, rng: np.random.Generator) -> Scan:
    """Move, turn, stretch and bend the paper, and take it at the scan's resolution, all in one resampling."""
    height, width = scan.pixels.shape[:2]
    dpi = how.dpi or scan.dpi
    margin = how.margin_mm * scan.dpi / MM_PER_INCH
    size = (round((width + 2 * margin) * dpi / scan.dpi), round((height + 2 * margin) * dpi / scan.dpi))
    px = scan.dpi / MM_PER_INCH
    middle = ((width - 1) / 2, (height - 1) / 2)
    moved = np.vstack([cv2.getRotationMatrix2D(middle, -how.skew_degrees, how.scale), [0, 0, 1]])
    moved[:2, 2] += np.array(how.shift_mm) * px + margin
    if how.shear or how.stretch != 1:
        lean = np.array([[1, -how.shear, how.shear * middle[1]], [0, how.stretch, (1 - how.stretch) * middle[1]]])
        moved = moved @ np.vstack([lean, [0, 0, 1]])
    corners = np.array([[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]], np.float32)
    if how.bend_mm:
        bent = corners + rng.uniform(-how.bend_mm, how.bend_mm, (4, 2)).astype(np.float32) * np.float32(px)
        moved = cv2.getPerspectiveTransform(corners + np.float32(margin), bent + np.float32(margin)) @ moved
    factor = dpi / scan.dpi
    to_scan = np.array([[factor, 0, (factor - 1) / 2], [0, factor, (factor - 1) / 2], [0, 0, 1]]) @ moved
    if np.allclose(to_scan, np.eye(3)) and how.bend is None:
        return scan
    sharp = scan.pixels
    if factor < 1:
        sharp = np.asarray(cv2.GaussianBlur(sharp, (0, 0), 0.4 * np.sqrt(factor**-2 - 1) + 0.1), np.uint8)
    bend = how.bend or Bend(())
    pixels = drawn_through(sharp, to_scan, bend, size, how.lid) if how.bend else _seen(sharp, to_scan, size, how.lid)
    if how.table:
        on_paper = drawn_through(np.full((height, width), 255, np.uint8), to_scan, bend, size, 0)
        pixels = _on_table(pixels, on_paper, rng)
    return replace(scan, pixels=pixels, dpi=dpi, to_scan=to_scan @ scan.to_scan, bend=how.bend)


def _seen(pixels: Grey | Colour, to_scan: Homography, size: tuple[int, int], lid: int) -> Grey | Colour:
    drawn = cv2.warpPerspective(pixels, to_scan, size, flags=cv2.INTER_LINEAR, borderValue=(float(lid),) * 3)
    return np.asarray(drawn, np.uint8)


def _on_table(pixels: Grey | Colour, on_paper: Grey, rng: np.random.Generator) -> Grey | Colour:
    """Show a wooden table beyond the paper: brown, with grain along it."""
    height, width = pixels.shape[:2]
    grain = cv2.resize(rng.random((height // 6, max(2, width // 300)), np.float32), (width, height))
    wood = (70 + 60 * grain)[..., None] * np.array([0.6, 0.85, 1.15], np.float32)
    shown = wood if pixels.ndim == 3 else wood.mean(axis=2)
    weight = (on_paper / np.float32(255))[..., None] if pixels.ndim == 3 else on_paper / np.float32(255)
    laid: Grey | Colour = np.clip(shown * (1 - weight) + pixels * weight, 0, 255).astype(np.uint8)
    return laid


def cut(scan: Scan, cut_mm: tuple[float, float, float, float]) -> Scan:
    """Lose the edges: left, top, right, bottom."""
    left, top, right, bottom = (round(mm * scan.dpi / MM_PER_INCH) for mm in cut_mm)
    height, width = scan.pixels.shape[:2]
    pixels = np.ascontiguousarray(scan.pixels[top : height - bottom, left : width - right])
    back = np.array([[1.0, 0, -left], [0, 1.0, -top], [0, 0, 1.0]])
    return replace(scan, pixels=pixels, to_scan=back @ scan.to_scan)


def light(scan: Scan, how: Wear, rng: np.random.Generator) -> Scan:
    """Blur, fade, shade and add the sensor's noise."""
    pixels = scan.pixels
    if how.blur_mm:
        pixels = np.asarray(cv2.GaussianBlur(pixels, (0, 0), how.blur_mm * scan.dpi / MM_PER_INCH), np.uint8)
    if how.contrast == 1 and not how.shade and not how.noise:
        return replace(scan, pixels=pixels)
    height, width = pixels.shape[:2]
    shown = 255 - np.float32(how.contrast) * (255 - pixels.astype(np.float32))
    angle = rng.uniform(0, 2 * np.pi)
    change = rng.standard_normal((height, width), np.float32) * np.float32(how.noise)
    if how.shade:
        ramp = np.cos(angle) * np.linspace(-1, 1, width)[None, :] + np.sin(angle) * np.linspace(-1, 1, height)[:, None]
        change -= (np.float32(how.shade) * (ramp - ramp.min()) / (ramp.max() - ramp.min())).astype(np.float32)
    shown += change if pixels.ndim == 2 else change[..., None]
    return replace(scan, pixels=np.clip(shown + 0.5, 0, 255).astype(np.uint8))


def streak(scan: Scan, count: int, rng: np.random.Generator) -> Scan:
    """Draw a thin grey line down the page for each grain of dust on the feeder's glass."""
    pixels = scan.pixels.copy()
    for _ in range(count):
        column = int(rng.integers(pixels.shape[1]))
        pixels[:, column] = (pixels[:, column] * 0.75).astype(np.uint8)
    return replace(scan, pixels=pixels)


def turn(scan: Scan, quarter_turns: int) -> Scan:
    """Turn the picture clockwise by quarters, without loss."""
    for _ in range(quarter_turns % 4):
        height = scan.pixels.shape[0]
        clockwise = np.array([[0.0, -1, height - 1], [1, 0, 0], [0, 0, 1]])
        pixels = np.ascontiguousarray(np.rot90(scan.pixels, -1))
        scan = replace(scan, pixels=pixels, to_scan=clockwise @ scan.to_scan)
    return scan


def record(scan: Scan, how: Wear) -> Scan:
    """Keep what the file keeps: a JPEG's blocks, fewer greys, or black and white only."""
    pixels = scan.pixels
    if how.jpeg_quality is not None:
        _, packed = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, how.jpeg_quality])
        pixels = np.asarray(cv2.imdecode(packed, cv2.IMREAD_UNCHANGED), np.uint8)
    if how.levels < 256:
        step = 255 / (how.levels - 1)
        pixels = np.round(np.round(pixels / step) * step).astype(np.uint8)
    if how.one_bit_at is not None:
        pixels = np.where(pixels < how.one_bit_at, 0, 255).astype(np.uint8)
    return replace(scan, pixels=pixels, one_bit=how.one_bit_at is not None)
