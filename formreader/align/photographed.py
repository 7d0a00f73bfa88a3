"""Where the paper lies in a photograph: the table round it has lines of its own."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from formreader.align.frame import shrunk
from formreader.values import Grey


@dataclass(frozen=True, slots=True)
class PaperParams:
    """When a bright area is a sheet of paper on something darker."""

    working_px: int = 300
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
    tiny, _ = shrunk(small, params.working_px)
    _, bright = cv2.threshold(cv2.GaussianBlur(tiny, (0, 0), 1.0), 0, 1, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    outlines, _ = cv2.findContours(bright, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    if not outlines:
        return None
    hull = np.zeros_like(tiny)
    cv2.fillConvexPoly(hull, cv2.convexHull(max(outlines, key=cv2.contourArea)), 1)
    area = int(hull.sum())
    if not params.area[0] * tiny.size <= area <= params.area[1] * tiny.size:
        return None
    if int((bright & hull).sum()) < params.filled * area:
        return None
    if float(np.median(tiny[hull > 0])) - float(np.median(tiny[hull == 0])) < params.contrast:
        return None
    return np.asarray(cv2.resize(hull, small.shape[::-1], interpolation=cv2.INTER_NEAREST), np.uint8)
