"""The exact place of a box: the middle of its four printed lines."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from formreader.boxes.lines import Lines
from formreader.boxes.rectangles import Boxes


def on_lines(lines: Lines, boxes: Boxes, reach_mm: float = 0.5) -> Boxes:
    """Move each side of each box to the middle of the line printed along it, to a fraction of a pixel."""
    if not len(boxes):
        return boxes
    x, y, width, height = boxes.T
    reach = max(2, round(reach_mm * lines.px_a_mm))
    pixels = lines.pixels
    left = _middle(pixels.T, lines.down.T, x, y, height, reach)
    right = _middle(pixels.T, lines.down.T, x + width, y, height, reach)
    top = _middle(pixels, lines.across, y, x, width, reach)
    bottom = _middle(pixels, lines.across, y + height, x, width, reach)
    return np.stack([left, top, right - left, bottom - top], axis=1)


def _middle(
    pixels: NDArray[np.uint8],
    line: NDArray[np.uint8],
    rows: NDArray[np.float64],
    first: NDArray[np.float64],
    extent: NDArray[np.float64],
    reach: int,
    samples: int = 25,
) -> NDArray[np.float64]:
    """Find the middle of horizontal lines near `rows`, which run over `extent` columns from `first` on.

    Only columns where a line was found are looked at: writing beside it does not pull.
    """
    columns = np.rint(first[:, None] + np.linspace(0.15, 0.85, samples) * extent[:, None]).astype(np.intp)
    start = np.rint(rows).astype(np.intp)
    across = start[:, None] + np.arange(-reach, reach + 1)
    at = across[:, :, None].clip(0, pixels.shape[0] - 1), columns[:, None, :].clip(0, pixels.shape[1] - 1)
    grey, on_line = pixels[at].astype(np.float64), line[at] > 0
    dark = np.where(on_line, grey.max(axis=1, keepdims=True) - grey, 0.0).mean(axis=2)
    total = dark.sum(axis=1)
    moved = (dark * np.arange(-reach, reach + 1)).sum(axis=1) / np.maximum(total, 1e-9)
    return np.where(total > 0, start + moved, rows)
