"""Digits of writers whom the model that reads them never saw.

MNIST's training writers are dealt to eight parts: two are written onto the pages, one calibrates, five are learnt from.
MNIST's test part is not touched.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from formreader.model import in_blocks, save_model
from formreader.normalize import normalize
from formreader.training.calibration import calibrate
from formreader.training.datasets import read_npz
from formreader.training.fitting import FitParams, fit
from formreader.training.pool import RecipeParams, draw_pool
from formreader.training.recipe import deal
from formreader.values import Digits

PARTS: Final = 8
DRAWN: Final = (0, 1)
CALIBRATING: Final = 2
SEED: Final = 20_250
RECIPE: Final = RecipeParams(worn=1)  # a lighter fit than the shipped model's: one badly worn copy of each digit,
FIT: Final = FitParams(landmarks=2048)  # and fewer landmarks


@dataclass(frozen=True, slots=True, eq=False)
class HeldOut:
    """Digits to write with, uint8 (n, 28, 28), ink 255, with their labels and writers."""

    images: Digits
    labels: NDArray[np.int64]
    writers: NDArray[np.int64]


def _dealt(folder: Path) -> tuple[HeldOut, NDArray[np.int64]]:
    """Give all training digits and the part of each."""
    mnist, who = read_npz(folder / "mnist.npz"), read_npz(folder / "mnist_writers.npz")
    labels, writers = mnist["y_train"].astype(np.int64), who["writer_train"].astype(np.int64)
    parts = deal(labels, writers, PARTS)
    return HeldOut(mnist["x_train"].astype(np.uint8), labels, writers), parts


def held_out_digits(folder: Path) -> HeldOut:
    """Give the digits of the writers whom the model never saw; `folder` holds mnist.npz and mnist_writers.npz."""
    everyone, parts = _dealt(folder)
    rows = np.isin(parts, DRAWN)
    return HeldOut(everyone.images[rows], everyone.labels[rows], everyone.writers[rows])


def held_out_model(folder: Path, models: Path) -> Path:
    """Give the path of the model that reads the pages; it is fitted and kept where it is not there yet."""
    path = models / "held-out.joblib"
    if path.exists() and path.with_suffix(".json").exists():
        return path
    everyone, parts = _dealt(folder)
    used = ~np.isin(parts, DRAWN)
    images = np.stack([normalize(image) for image in everyone.images[used]])
    pool = draw_pool(images, everyone.labels[used], parts[used], SEED, RECIPE)
    learnt = pool.folds != CALIBRATING
    classifier = fit(pool.digits[learnt], pool.labels[learnt], SEED, FIT)
    judge = pool.part(~learnt)
    calibration = calibrate(in_blocks(classifier.decision_function, judge.digits), judge)
    classifier[-1].temperature = calibration["temperature"]
    save_model(path, classifier, {"name": "held-out", **calibration})
    return path
