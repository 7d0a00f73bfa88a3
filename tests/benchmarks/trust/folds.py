"""MNIST's training writers in three parts, and for each part a model that learnt from the other two alone.

Made by the recipe of the models that ship, so that what is measured with them holds for those too, if anything too
little: the shipped ones learnt from half as many writers again. MNIST's test part is not touched.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import joblib
import numpy as np
from numpy.typing import NDArray

from formreader.normalize import normalize
from formreader.training import find_classifier
from formreader.training.cut import CutDigits, with_cut
from formreader.training.datasets import load_digits, read_npz
from formreader.training.mislabelled import mislabelled
from formreader.training.pool import DEFAULT, draw_pool
from formreader.training.recipe import deal
from formreader.values import Digits

SEED: Final = 0  # that of the shipped models
FOLDS: Final = DEFAULT.folds


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """Digits to learn from and to write with.

    Attributes
    ----------
    images
        uint8 (n, 28, 28), ink 255, as MNIST has them.
    folds
        The part that each digit's writer was dealt to.
    places
        Of each digit in MNIST's training part.
    """

    images: Digits
    labels: NDArray[np.int64]
    writers: NDArray[np.int64]
    folds: NDArray[np.int64]
    places: NDArray[np.int64]


def dealt(folder: Path) -> Source:
    """Deal the digits as training does; `folder` holds mnist.npz and mnist_writers.npz."""
    mnist, who = read_npz(folder / "mnist.npz"), read_npz(folder / "mnist_writers.npz")
    kept = ~mislabelled(load_digits(str(folder / "mnist.npz")).images)
    images, labels = mnist["x_train"][kept].astype(np.uint8), mnist["y_train"][kept].astype(np.int64)
    writers = who["writer_train"][kept].astype(np.int64)
    return Source(images, labels, writers, deal(labels, writers, FOLDS), np.flatnonzero(kept))


def fold_models(source: Source, crops: CutDigits, models: Path, jobs: int = 2) -> list[Path]:
    """Give for each part the classifier that knows none of its writers; each is fitted where it is not there yet.

    A file holds the pipeline of a cascade: its first step is the default model, the whole is the accurate one.

    Parameters
    ----------
    crops
        Cut from pages that the source's digits were written onto; a model learns those of the writers it may know.
    """
    models.mkdir(parents=True, exist_ok=True)
    paths = [models / f"fold-{fold}.joblib" for fold in range(FOLDS)]
    missing = [fold for fold, path in enumerate(paths) if not path.exists()]
    if missing:
        images = np.stack([normalize(image) for image in source.images])
        pool = with_cut(draw_pool(images, source.labels, source.folds, SEED), crops, source.folds)
        learnt = [pool.part(pool.folds != fold) for fold in missing]
        fit = joblib.delayed(find_classifier("cascade").fit)
        fitted = joblib.Parallel(jobs, return_as="generator")(fit(part, SEED) for part in learnt)
        for fold, pipeline in zip(missing, fitted, strict=True):
            joblib.dump(pipeline, paths[fold])
    return paths
