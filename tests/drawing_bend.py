"""Paper that does not lie flat or is not fed evenly: smooth displacements that no homography can follow."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from formreader.values import Points

COARSE_PX = 16
"""A page's map is worked out at every sixteenth pixel and drawn out between: displacements are smooth."""


@dataclass(frozen=True, slots=True)
class Wave:
    """One sine of displacement, in pixels of the flat page.

    Attributes
    ----------
    moves, along
        0 for x, 1 for y: what is displaced, and what it depends on.
    """

    moves: int
    along: int
    amplitude_px: float
    period_px: float
    phase: float


@dataclass(frozen=True, slots=True)
class Bend:
    """How the points of a page are displaced before anything else happens to it."""

    waves: tuple[Wave, ...]

    def moved(self, points: Points) -> Points:
        """Displace points (n, 2)."""
        return points + self._shift(points)

    def flat(self, points: Points) -> Points:
        """Undo `moved`: displacements change slowly, so that three steps towards the fixed point suffice."""
        found = points
        for _ in range(3):
            found = points - self._shift(found)
        return found

    def _shift(self, points: Points) -> Points:
        shift = np.zeros_like(points)
        for wave in self.waves:
            angle = 2 * np.pi * points[:, wave.along] / wave.period_px + wave.phase
            shift[:, wave.moves] += wave.amplitude_px * np.sin(angle)
        return shift


def uneven_feed(rng: np.random.Generator, px_per_mm: float, local: float = 0.01) -> Bend:
    """Draw a feeder's slip: the page is stretched and squeezed along the feed by up to `local`, here and there."""
    waves = []
    for share, (least, most) in ((0.6, (150.0, 260.0)), (0.4, (60.0, 110.0))):
        period = float(rng.uniform(least, most)) * px_per_mm
        waves.append(Wave(1, 1, share * local * period / (2 * np.pi), period, float(rng.uniform(0, 2 * np.pi))))
    return Bend(tuple(waves))


def curl(rng: np.random.Generator, px_per_mm: float, width_px: float, height_mm: float = 1.6) -> Bend:
    """Draw a sheet that does not lie quite flat: lines of text bow by up to `height_mm`, columns stand closer."""
    bow = height_mm * px_per_mm * float(rng.choice([-1, 1])) * float(rng.uniform(0.5, 1))
    return Bend(
        (
            Wave(1, 0, bow, 2 * width_px * float(rng.uniform(0.9, 1.3)), float(rng.uniform(-0.3, 0.3))),
            Wave(0, 0, 0.3 * bow, 1.6 * width_px, float(rng.uniform(0, 2 * np.pi))),
        )
    )


def drawn_through(
    pixels: NDArray[np.uint8], to_scan: NDArray[np.float64], bend: Bend, size: tuple[int, int], border: float
) -> NDArray[np.uint8]:
    """Draw a page through its bend and then a homography, in one resampling.

    Parameters
    ----------
    size
        Width and height of the answer.
    border
        Grey beyond the paper.
    """
    coarse = (-(-size[0] // COARSE_PX), -(-size[1] // COARSE_PX))
    x, y = ((np.arange(n) + 0.5) * COARSE_PX - 0.5 for n in coarse)
    grid = np.stack(np.meshgrid(x, y), axis=2).reshape(-1, 1, 2)
    back = bend.flat(cv2.perspectiveTransform(grid, np.linalg.inv(to_scan))[:, 0])
    small = back.reshape(coarse[1], coarse[0], 2).astype(np.float32)
    whole = (coarse[0] * COARSE_PX, coarse[1] * COARSE_PX)
    fine = cv2.resize(small, whole, interpolation=cv2.INTER_LINEAR)[: size[1], : size[0]]
    drawn = cv2.remap(pixels, fine, None, cv2.INTER_LINEAR, borderValue=(border,) * 3)
    return np.asarray(drawn, np.uint8)
