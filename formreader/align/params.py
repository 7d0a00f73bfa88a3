"""What matching a page goes by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Homography = NDArray[np.float64]
"""(3, 3), from template pixels to scan pixels."""


@dataclass(frozen=True, slots=True)
class AlignParams:
    """How a page is matched.

    The working sizes are long sides in pixels: landmarks need the layout, not the strokes; for the frame its lines must
    still be a pixel wide (a 0.3 mm line on A4 is 1.8 px at 1,800).
    """

    landmark_px: int = 1000
    landmarks: int = 1500
    ratio: float = 0.8  # Lowe's test; forms repeat themselves, so it is no stricter than his
    landmark_reach_px: float = 4.0
    least_landmarks: int = 14  # four pairs fit any map; a dozen that agree by chance were never seen
    frame_px: int = 1800
    patch_px: int = 33
    search_px: int = 14
    patch_grid: tuple[int, int] = (12, 16)
    patch_likeness: float = 0.6
    patch_reach_px: float = 1.5
    coarse_px: int = 300
    same_paper: float = 1.12  # sides of page and form alike up to this factor: flat scans of one paper size
    coarse_shift: float = 0.08  # of the long side: how far a page may be shifted for the quick map
    coarse_likeness: float = 0.4
    patch_share: float = 0.5  # a map shifted by a row of a table finds few of the patches that hold text
    sure_score: float = 0.9  # of the frame: the quick map is taken without asking the landmarks
    clearly: float = 0.03  # of the frame: a map moved by a box that finds this much more is the right one
    line_reach: float = 0.0025  # of the long side, 0.7 mm on A4: a line found this near its place counts
    least_score: float = 0.5  # own pages measured over 0.7, pages of other forms under 0.3
    least_print: float = 0.53  # of the patches: own pages 0.6 (a photo) to 1, a table of one pitch up to 0.47
    least_print_filled: float = 0.35  # a filled reference has another hand's writing among them: 0.48 to 0.8 measured
    turns_apart: float = 0.1  # two turns of a page closer than this in score cannot be told apart
    letter: tuple[float, float] = (0.005, 0.1)  # of the long side, 1.5 to 30 mm on A4: a letter, figure or word
    least_letters: int = 6  # fewer marks of that size are stains on a blank sheet
