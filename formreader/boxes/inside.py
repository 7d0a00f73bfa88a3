"""What is inside a frame: paper, writing, a printed label, a solid square, a picture."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from formreader.boxes.lines import Lines
from formreader.boxes.params import FindParams
from formreader.boxes.rectangles import Boxes
from formreader.values import Grey


def is_paper(lines: Lines, boxes: Boxes, params: FindParams) -> NDArray[np.bool_]:
    """Say which frames are about as bright inside as the page's paper.

    The others are solid or part of a picture; the square in the corner of a QR code has a solid one in its middle.
    """
    level = params.bright * float(np.percentile(lines.pixels[::5, ::5], 75))
    bright = [
        float(np.median(_inner(lines.pixels, box, 0.12))) >= level
        and float(np.percentile(_inner(lines.pixels, box, 0.36), 90)) >= level
        for box in boxes
    ]
    return np.array(bright, dtype=bool)


def print_inside(dark: Grey, boxes: Boxes, px_a_mm: float, params: FindParams) -> NDArray[np.float64]:
    """Measure the share of each frame's middle that is as dark as the frame, dust and dotted guides left out."""
    return np.array([_printed(dark, box, px_a_mm, params) for box in boxes])


def _printed(dark: Grey, box: NDArray[np.float64], px_a_mm: float, params: FindParams) -> float:
    stats, area = _marks(dark, box, params)
    extent = stats[:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].max(axis=1)
    return float(stats[extent >= params.dot_mm * px_a_mm, cv2.CC_STAT_AREA].sum() / max(area, 1))


def shines_through(dark: Grey, boxes: Boxes, params: FindParams) -> NDArray[np.bool_]:
    """Say which frames are so much paler than most that they are on the other side of the paper."""
    if not len(boxes):
        return np.zeros(0, bool)
    levels = np.array([_frame_level(dark, box) for box in boxes])
    return np.asarray(levels < params.behind * np.median(levels), np.bool_)


def _frame_level(dark: Grey, box: NDArray[np.float64]) -> float:
    """Say how dark the upper line of a frame is."""
    x, y, width, _ = np.rint(box).astype(int).tolist()
    rows = dark[max(0, y - 2) : y + 3, max(0, x) : x + width]
    return float(np.median(rows.max(axis=0))) if rows.size else 255.0


def looks_labelled(dark: Grey, boxes: Boxes, px_a_mm: float, params: FindParams) -> NDArray[np.bool_]:
    """Say which frames hold marks that are all small beside the frame, as print is; a dash is a writer's."""
    small = []
    for box in boxes:
        stats, _ = _marks(dark, box, params)
        width, height = stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT]
        seen = np.maximum(width, height) >= params.dot_mm * px_a_mm
        is_dash = len(width[seen]) == 1 and bool((width > 2.0 * height)[seen].all())
        small.append(
            bool(seen.any())
            and not is_dash
            and float(height[seen].max()) < min(params.letter * box[3], params.letter_mm * px_a_mm)
        )
    return np.array(small, dtype=bool)


def _marks(dark: Grey, box: NDArray[np.float64], params: FindParams) -> tuple[NDArray[np.int32], int]:
    """Give the marks in a frame's middle, as OpenCV's statistics of components, and the middle's area."""
    level = max(14.0, params.tone * _frame_level(dark, box))
    inner = _inner(dark, box, 0.12)
    if not inner.size:
        return np.zeros((0, 5), np.int32), 0
    _, _, stats, _ = cv2.connectedComponentsWithStats((inner > level).astype(np.uint8))
    return np.asarray(stats[1:], np.int32), int(inner.size)


def _inner(pixels: Grey, box: NDArray[np.float64], inset: float) -> Grey:
    x, y, width, height = box
    edge = max(2.0, inset * min(width, height))
    top, bottom, left, right = (round(v) for v in (y + edge, y + height - edge + 1, x + edge, x + width - edge + 1))
    return pixels[max(0, top) : max(0, bottom), max(0, left) : max(0, right)]


def is_clear_around(dark: Grey, boxes: Boxes, px_a_mm: float, params: FindParams) -> NDArray[np.bool_]:
    """Say round which frames paper is seen: the inside of a letter has other letters beside it."""
    near, far = (max(2, round(mm * px_a_mm)) for mm in params.around_mm)
    clear = []
    for x, y, width, height in np.rint(boxes).astype(int).tolist():
        rows, columns = slice(max(0, y - far), y + height + far + 1), slice(max(0, x - far), x + width + far + 1)
        ring = dark[rows, columns] > params.letter_ink
        top, left = y - near - rows.start, x - near - columns.start
        inner = ring[max(0, top) : top + height + 2 * near + 1, max(0, left) : left + width + 2 * near + 1]
        clear.append(ring.sum() - inner.sum() <= params.around * max(ring.size - inner.size, 1))
    return np.array(clear, dtype=bool)


def is_among_letters(dark: Grey, boxes: Boxes, frames: Boxes, params: FindParams) -> NDArray[np.bool_]:
    """Say which frames have letters beside them, of about their height and on one line with them: they are letters.

    Parameters
    ----------
    frames
        What is inside these is no letter.
    """
    if not len(boxes):
        return np.zeros(0, bool)
    _, _, stats, _ = cv2.connectedComponentsWithStats(np.asarray(dark > params.letter_ink, np.uint8))
    x, y, width, height = (stats[1:, k].astype(np.float64) for k in range(4))
    among = []
    for left, top, wide, tall in boxes.tolist():
        like = (height >= params.letter_tall[0] * tall) & (height <= params.letter_tall[1] * tall)
        like &= np.abs(y + height - top - tall) <= params.letter_off * tall
        gap = np.maximum(x - left - wide, left - x - width)
        near = np.flatnonzero(like & (gap > -params.letter_off * wide) & (gap <= params.letter_gap * tall))
        middles = np.stack([x[near] + width[near] / 2, y[near] + height[near] / 2], axis=1)[:, None]
        within = np.asarray((middles > frames[:, :2]) & (middles < frames[:, :2] + frames[:, 2:]), np.bool_)
        framed = np.any(np.all(within, axis=2), axis=1)
        among.append(not bool(np.all(framed)))
    return np.array(among, dtype=bool)
