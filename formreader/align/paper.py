"""Where the paper lies in a photograph: the table round it has lines of its own."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from formreader.values import Grey


@dataclass(frozen=True, slots=True)
class PaperParams:
    """When a bright area is a sheet of paper on something darker."""

    area: tuple[float, float] = (0.3, 0.97)  # of the picture: a larger one has next to nothing round it
    filled: float = 0.85  # of its hull is bright: print covers less of a form
    contrast: float = 40.0  # grey levels between the paper and what lies round it


def paper_in(small: Grey, params: PaperParams | None = None) -> Grey | None:
    """Find the sheet of paper in a small picture, by Otsu's threshold (1979).

    Returns
    -------
    uint8 (height, width), 1 on the paper, or None where the whole picture is paper or no sheet stands out
    """
    params = params or PaperParams()
    _, bright = cv2.threshold(cv2.GaussianBlur(small, (0, 0), 2.0), 0, 1, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(bright)
    if count == 1:
        return None
    largest = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    sheet = np.asarray(labels == largest, np.uint8)
    points = cv2.findNonZero(sheet)
    hull = cv2.fillConvexPoly(np.zeros_like(sheet), cv2.convexHull(points), 1)
    area = int(hull.sum())
    if not params.area[0] * small.size <= area <= params.area[1] * small.size:
        return None
    if stats[largest, cv2.CC_STAT_AREA] < params.filled * area:
        return None
    darker = float(np.median(small[sheet > 0])) - float(np.median(small[hull == 0]))
    return np.asarray(hull, np.uint8) if darker >= params.contrast else None
