"""Forms whose boxes hold print of their own, and dirt over a scan: streaks, a hole, a staple, a sheet's shadow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from formreader.template import Field, Rectangle
from formreader.values import Box
from tests.drawing_scan import Scan
from tests.drawing_sheet import DrawnForm, Sheet

A5_MM = (148.0, 210.0)


def guided_slip(dpi: float = 300) -> DrawnForm:
    """Print boxes with a dotted seven-segment figure in each, to write along."""
    sheet = Sheet(A5_MM, dpi)
    markers = sheet.corner_squares()
    sheet.text(74, 26, "Tally", 4.5, middle=True)
    fields = []
    for row in range(10):
        top = 36 + row * 15.0
        sheet.text(26, top + 6, f"Pair {row + 1}", 2.5)
        boxes = sheet.boxes(60, top, 6, (8.0, 10.5), 2.0, 0.35, 110)
        for box in boxes:
            _guide(sheet, box)
        fields.append(Field(f"pair_{row + 1:02d}", boxes, filler=("X", "-")))
    return DrawnForm("guided-slip", sheet.pixels, dpi, tuple(fields), markers)


def _guide(sheet: Sheet, box: Rectangle, grey: int = 165) -> None:
    """Print pale dots along the seven segments."""
    x, y, width, height = box
    left, right = round(x + 0.27 * width), round(x + 0.73 * width)
    rows = [round(y + share * height) for share in (0.18, 0.5, 0.82)]
    step, dot = max(3, round(0.6 * sheet.dpi / 25.4)), max(1, round(0.15 * sheet.dpi / 25.4))
    for row in rows:
        for column in range(left, right + 1, step):
            sheet.pixels[row : row + dot, column : column + dot] = grey
    for column in (left, right):
        for row in range(rows[0], rows[-1] + 1, step):
            sheet.pixels[row : row + dot, column : column + dot] = grey


def shaded_slip(dpi: float = 300) -> DrawnForm:
    """Print boxes on a grey ground with a watermark through them."""
    sheet = Sheet(A5_MM, dpi)
    markers = sheet.corner_squares()
    sheet.text(74, 26, "Count", 4.5, middle=True)
    sheet.fill(20, 32, 108, 160, 222)
    for row in range(8):
        sheet.text(30, 50 + row * 20, "OFFICIAL", 9, grey=204)
    fields = []
    for row in range(10):
        top = 36 + row * 15.0
        fields.append(Field(f"count_{row + 1:02d}", sheet.boxes(50, top, 7, (7.5, 9.5), 1.5, 0.3, 60)))
    return DrawnForm("shaded-slip", sheet.pixels, dpi, tuple(fields), markers)


def dirtied(scan: Scan, boxes: Sequence[Box], rng: np.random.Generator) -> tuple[Scan, set[int]]:
    """Lay streaks of a dirty glass, a punch hole, a staple and a second sheet's shadow over a scan.

    Returns
    -------
    tuple
        The scan, and the rows of the boxes that dirt lies on.
    """
    pixels = scan.pixels.copy()
    if pixels.ndim == 3:
        pixels = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY), np.uint8)
    clean, px = pixels.copy(), scan.dpi / 25.4
    height = pixels.shape[0]
    middles = np.array([box.corners.mean(axis=0) for box in boxes])
    reach = float(np.median([np.ptp(box.corners[:, 0]) for box in boxes])) / 2
    for _ in range(int(rng.integers(1, 4))):  # streaks go through boxes: elsewhere they harm nobody
        column = round(float(middles[rng.integers(len(middles)), 0] + rng.uniform(-0.9, 0.9) * reach))
        thick = max(1, round(float(rng.uniform(0.1, 0.4)) * px))
        dark = float(rng.uniform(0.3, 0.85))
        stop = height if rng.random() < 0.7 else int(height * rng.uniform(0.6, 1.0))
        flow = dark * (1 + 0.08 * rng.standard_normal((stop, 1)))
        strip = pixels[:stop, column : column + thick]
        pixels[:stop, column : column + thick] = np.clip(strip * flow, 0, 255).astype(np.uint8)
    x, y = middles[rng.integers(len(middles))] + rng.uniform(-1.2, 1.2, 2) * reach
    cv2.circle(pixels, (round(x), round(y)), round(2.8 * px), int(rng.integers(20, 90)), -1, cv2.LINE_AA)
    x, y = middles[rng.integers(len(middles))] + rng.uniform(-1.2, 1.2, 2) * reach
    angle, length = float(rng.uniform(0, np.pi)), 6 * px
    end = (round(x + length * np.cos(angle)), round(y + length * np.sin(angle)))
    cv2.line(pixels, (round(x), round(y)), end, int(rng.integers(30, 110)), max(1, round(0.5 * px)), cv2.LINE_AA)
    row = round(float(middles[rng.integers(len(middles)), 1]))
    shadow = np.clip(0.75 + 0.25 * np.arange(pixels.shape[0] - row) / (4 * px), 0, 1)
    pixels[row:] = (pixels[row:] * shadow[:, None]).astype(np.uint8)
    dirty = set()
    changed = cv2.absdiff(clean, pixels) > 25
    for nth, box in enumerate(boxes):
        left, top, wide, tall = box.extent
        if changed[max(0, top) : top + tall, max(0, left) : left + wide].any():
            dirty.add(nth)
    return replace(scan, pixels=pixels), dirty
