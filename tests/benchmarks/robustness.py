"""How classifiers stand up to wear: ``python -m tests.benchmarks.robustness DATA_DIR [MODEL...]``.

DATA_DIR holds ``mnist.npz``; its test part is worn, one kind and strength at a time, and goes the way of single-digit
pictures. For reporting only: nothing is chosen by it. Prints a Markdown table: error in percent, and the digits
accepted wrong in 10,000, of each model.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from formreader.model import DigitModel, load_model, model_path
from formreader.singles import to_digit
from formreader.training import load_digits
from formreader.values import Digits, Ink

SCALE = 4
"""Canvas pixels a pixel of MNIST."""

SIDE = 40 * SCALE
"""Side of the canvas, and DIGIT, of a digit on it."""
DIGIT = 20 * SCALE

Wear = Callable[[Ink, float, Generator], Ink]


def warped(ink: Ink, matrix: NDArray[np.float64]) -> Ink:
    """Map the canvas about its middle by a 2 x 2 matrix."""
    shift = (np.eye(2) - matrix) @ np.full(2, (SIDE - 1) / 2)
    return np.asarray(cv2.warpAffine(ink, np.hstack([matrix, shift[:, None]]), (SIDE, SIDE), flags=cv2.INTER_AREA))


def either(rng: Generator) -> float:
    """Give -1 or 1."""
    return float(rng.choice([-1, 1]))


def turned(ink: Ink, degrees: float, rng: Generator) -> Ink:
    angle = np.deg2rad(either(rng) * degrees)
    return warped(ink, np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]))


def sheared(ink: Ink, share: float, rng: Generator) -> Ink:
    return warped(ink, np.array([[1, either(rng) * share], [0, 1]]))


def stretched(ink: Ink, share: float, rng: Generator) -> Ink:
    return warped(ink, np.diag([1 + share, 1.0] if rng.random() < 0.5 else [1.0, 1 + share]))


def pen(ink: Ink, steps: float, _rng: Generator) -> Ink:
    """Thicken the stroke, or thin it where `steps` is negative, by canvas pixels on each side."""
    size = 2 * abs(int(steps)) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    return np.asarray(cv2.dilate(ink, disc) if steps > 0 else cv2.erode(ink, disc))


def framed(ink: Ink, length: float, rng: Generator) -> Ink:
    """Leave a frame line of this share of the digit's side along one of its edges."""
    turns, worn = int(rng.integers(4)), ink.copy()
    worn = np.ascontiguousarray(np.rot90(worn, turns))
    top = int(np.flatnonzero((worn > 64).any(axis=1))[0])
    columns = np.flatnonzero((worn > 64).any(axis=0))
    span = max(int(length * (columns[-1] - columns[0])), 2 * SCALE)
    start = int(rng.integers(columns[0], max(columns[0] + 1, columns[-1] - span)))
    worn[top - SCALE : top, start : start + span] = 200
    return np.ascontiguousarray(np.rot90(worn, -turns))


def holed(ink: Ink, share: float, rng: Generator) -> Ink:
    """Eat round holes into the stroke, up to this share of the canvas."""
    worn = ink.copy()
    for _ in range(int(share * 400)):
        at = rng.integers(SIDE // 4, 3 * SIDE // 4, 2)
        cv2.circle(worn, (int(at[0]), int(at[1])), int(rng.integers(1, SCALE)), 0, -1)
    return worn


def coarse(ink: Ink, pixels: float, _rng: Generator) -> Ink:
    """Scan the digit so that it is this many pixels tall."""
    share = pixels / DIGIT
    return np.asarray(cv2.resize(ink, None, fx=share, fy=share, interpolation=cv2.INTER_AREA))


def blurred(ink: Ink, pixels: float, _rng: Generator) -> Ink:
    return np.asarray(cv2.GaussianBlur(ink, (0, 0), pixels * SCALE))


def black_and_white(ink: Ink, pixels: float, rng: Generator) -> Ink:
    """Scan coarsely, then to one bit."""
    grey = coarse(ink, pixels, rng)
    return np.where(grey > rng.uniform(0.35, 0.65) * grey.max(), 255, 0).astype(np.uint8)


def on_grey(ink: Ink, level: float, rng: Generator) -> Ink:
    """Lay the digit on a ground of this share of the stroke's darkness, uneven, with the paper's noise."""
    ground = level * 255 * (1 + 0.3 * np.linspace(-1, 1, SIDE)[None]) + rng.normal(0, 3, (SIDE, SIDE))
    return np.clip(np.maximum(ink, ground), 0, 255).astype(np.uint8)


def specked(ink: Ink, share: float, rng: Generator) -> Ink:
    """Turn this share of the pixels within the digit's square into ink, as MNIST's pixels are."""
    spots = cv2.resize((rng.random((20, 20)) < share).astype(np.uint8) * 255, (DIGIT, DIGIT), interpolation=0)
    worn, edge = ink.copy(), (SIDE - DIGIT) // 2
    worn[edge : edge + DIGIT, edge : edge + DIGIT] |= np.asarray(spots, np.uint8)
    return worn


KINDS: dict[str, tuple[Wear, tuple[float, ...]]] = {
    "turned, degrees": (turned, (6, 12, 20)),
    "sheared": (sheared, (0.2, 0.4)),
    "stretched": (stretched, (0.2, 0.4)),
    "pen, quarter pixels a side": (pen, (-2, 2, 4)),
    "frame line along an edge, share": (framed, (0.3, 0.7)),
    "holes": (holed, (0.05, 0.15)),
    "pixels tall": (coarse, (15, 12, 9)),
    "blurred, pixels": (blurred, (0.5, 1.0, 1.5)),
    "one bit, pixels tall": (black_and_white, (20, 15, 12)),
    "grey ground, share": (on_grey, (0.08, 0.2)),
    "specks, share": (specked, (0.02, 0.05)),
}


def worn(images: Digits, wear: Wear, strength: float, seed: int) -> Digits:
    """Wear each digit and normalize it again."""
    rng = np.random.default_rng(seed)
    edge = (SIDE - 28 * SCALE) // 2
    out = np.zeros_like(images)
    for row, image in enumerate(images):
        canvas = np.zeros((SIDE, SIDE), np.uint8)
        large = cv2.resize(image, (28 * SCALE, 28 * SCALE), interpolation=cv2.INTER_CUBIC)
        canvas[edge : edge + 28 * SCALE, edge : edge + 28 * SCALE] = large
        out[row] = to_digit(wear(canvas, strength, rng))
    return out


def cell(model: DigitModel, images: Digits, labels: NDArray[np.int64]) -> str:
    """Give the error in percent, and the digits accepted wrong in 10,000."""
    shares = model.predict_proba(images)
    wrong = shares.argmax(axis=1) != labels
    accepted = (shares.argmax(axis=1) < 10) & (shares.max(axis=1) >= model.threshold)
    return f"{wrong.mean():.2%}, {1e4 * (wrong & accepted).mean():.0f}"


def main(folder: Path, paths: list[Path]) -> None:
    """Print a row a kind and strength."""
    data = load_digits(str(folder / "mnist.npz"))
    models = [load_model(path) for path in paths]
    print("| wear | " + " | ".join(model.name for model in models) + " |")
    print("|---|" + "---|" * len(models))
    print("| none | " + " | ".join(cell(model, data.test_images, data.test_labels) for model in models) + " |")
    for name, (wear, strengths) in KINDS.items():
        for strength in strengths:
            images = worn(data.test_images, wear, strength, seed=1)
            cells = " | ".join(cell(model, images, data.test_labels) for model in models)
            print(f"| {name}: {strength:g} | {cells} |", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), [model_path(name) for name in sys.argv[2:] or ["default"]])
