"""The classifier's features: how strongly the stroke's edges point in each of eight directions, place by place.

Liu, Nakashima, Sako, Fujisawa: Handwritten digit recognition: benchmarking of state-of-the-art techniques (2003): the
gradient is split between its two neighbouring directions (a parallelogram), and each direction's plane is sampled with
a Gaussian on a coarse grid. Slant is taken out before, and with it goes what tells a slanting stroke from a one: two
numbers say how long the ink is and which way it lies.
"""

from __future__ import annotations

from typing import Any, Self

import cv2
import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin

from formreader.values import Digits

DIRECTIONS = 8
MARGIN_PX = 2
"""Paper added around each digit, so that neither the shear nor the Sobel mask meets the neighbour in a block."""


class DirectionFeatures(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Turn digits into rows of direction strengths; nothing is learnt.

    Parameters
    ----------
    grid
        Samples along each side.
    sigma
        Width of the sampling Gaussian, in units of the distance between samples.
    largest_shear
        Slant is taken out up to this many pixels sideways a pixel down: a dash is all slant and must not be torn.
    shape_weight
        Weight of the two numbers of the ink's shape beside the directions.
    block
        Digits at a time: the planes of a block should stay in the processor's cache.
    """

    def __init__(
        self,
        grid: int = 8,
        sigma: float = 0.45,
        largest_shear: float = 0.9,
        shape_weight: float = 2.0,
        block: int = 64,
    ) -> None:
        self.grid = grid
        self.sigma = sigma
        self.largest_shear = largest_shear
        self.shape_weight = shape_weight
        self.block = block

    def fit(self, digits: Digits, labels: Any = None) -> Self:  # noqa: ARG002 - scikit-learn's signature
        """Do nothing; there is nothing to learn."""
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

    @property
    def length(self) -> int:
        """Features a digit."""
        return DIRECTIONS * self.grid * self.grid + 2

    def transform(self, digits: Digits) -> NDArray[np.float32]:
        """Compute the features.

        Parameters
        ----------
        digits
            uint8 (n, 28, 28), 0 paper, 255 ink; n may be 0.

        Returns
        -------
        float32 (n, 8 * grid * grid + 2): the square root of a row of unit length, then the ink's shape; all zero for an
        empty digit.
        """
        features = np.zeros((len(digits), self.length), np.float32)
        if len(digits) == 0:
            return features
        pool = self._pool(digits.shape[1] + 2 * MARGIN_PX)
        for start in range(0, len(digits), self.block):
            rows = slice(start, start + self.block)
            upright, shape = _upright(digits[rows], self.largest_shear)
            features[rows, :-2] = self._sample(_directions(upright), pool)
            features[rows, -2:] = self.shape_weight * shape
        directions = features[:, :-2]
        length = np.linalg.norm(directions, axis=1, keepdims=True)
        np.divide(directions, length, out=directions, where=length > 0)
        np.sqrt(directions, out=directions)
        return features

    def _pool(self, side: int) -> NDArray[np.float32]:
        """Weights (side, grid) of one axis' pixels for each sample; the samples span the digit without its margin."""
        spacing = (side - 2 * MARGIN_PX) / self.grid
        centres = MARGIN_PX + (np.arange(self.grid) + 0.5) * spacing
        distance = (np.arange(side)[:, None] + 0.5 - centres) / (self.sigma * spacing)
        return np.exp(-0.5 * distance**2).astype(np.float32)

    def _sample(self, planes: NDArray[np.float32], pool: NDArray[np.float32]) -> NDArray[np.float32]:
        """(8, n, side, side) -> (n, 8 * grid * grid)."""
        count, side = planes.shape[1], planes.shape[2]
        across = (planes.reshape(-1, side) @ pool).reshape(DIRECTIONS, count, side, self.grid)
        both = pool.T @ across
        return both.transpose(1, 0, 2, 3).reshape(count, -1)


def _upright(digits: Digits, largest_shear: float) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Bring each centre of mass to the middle and take out the slant, into pictures with a margin.

    Returns
    -------
    The pictures, and the shape of each digit's ink, float32 (n, 2): from -1 for an upright line to 1 for a lying one,
    and from -1 to 1 for lines from corner to corner; 0, 0 where it is as wide as high.
    """
    count, side, _ = digits.shape
    wide = side + 2 * MARGIN_PX
    out = np.zeros((count, wide, wide), np.uint8)
    at = np.arange(side, dtype=np.float32)
    ink = digits.astype(np.float32)
    by_row, by_column = ink.sum(axis=2), ink.sum(axis=1)
    mass = np.maximum(by_row.sum(axis=1), 1)
    x, y = by_column @ at / mass, by_row @ at / mass
    down = at - y[:, None]
    spread = (by_row * down**2).sum(axis=1)
    wide_spread = (by_column * (at - x[:, None]) ** 2).sum(axis=1)
    mixed = ((ink @ at - x[:, None] * by_row) * down).sum(axis=1)
    shear = np.clip(mixed / np.maximum(spread, 1), -largest_shear, largest_shear)
    both = np.maximum(spread + wide_spread, 1)
    shape = np.stack([(wide_spread - spread) / both, 2 * mixed / both], axis=1)
    middle = (wide - 1) / 2
    for row in range(count):
        # The map goes from the picture to be filled back to the digit.
        back = np.array([[1, shear[row], x[row] - middle * (1 + shear[row])], [0, 1, y[row] - middle]], np.float64)
        cv2.warpAffine(digits[row], back, (wide, wide), dst=out[row], flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    return out, shape.astype(np.float32)


def _directions(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Split each pixel's gradient between its two neighbouring directions: (n, side, side) -> (8, n, side, side)."""
    count, side, _ = pictures.shape
    tall = pictures.reshape(count * side, side)
    gx = cv2.Sobel(tall, cv2.CV_32F, 1, 0, ksize=3)
    gy = cv2.Sobel(tall, cv2.CV_32F, 0, 1, ksize=3)
    ax, ay = np.abs(gx), np.abs(gy)
    planes = np.empty((DIRECTIONS, count * side, side), np.float32)
    for plane, (u, v) in enumerate(((gx, ay), (gy, ax), (-gx, ay), (-gy, ax))):
        np.maximum(u - v, 0, out=planes[2 * plane])
    for plane, (u, v) in enumerate(((gx, gy), (-gx, gy), (-gx, -gy), (gx, -gy))):
        np.maximum(np.minimum(u, v) * np.float32(np.sqrt(2)), 0, out=planes[2 * plane + 1])
    return planes.reshape(DIRECTIONS, count, side, side)
