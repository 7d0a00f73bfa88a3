"""How well a score tells digits from marks never met: ``python -m tests.benchmarks.not_digits DATA_DIR``.

DATA_DIR holds ``mnist.npz`` and ``mnist_writers.npz``. For each kind of mark a small model is fitted without it; the
score is the probability of any digit, and the figure its AUROC between digits of writers left out and such marks.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold

from formreader.model import in_blocks
from formreader.training import load_digits, marks
from formreader.training.fitting import FitParams, fit
from formreader.training.pool import RecipeParams, draw_pool
from formreader.training.wear import SCANNED, wear
from formreader.values import Digits

DIGITS = 24_000
"""Of MNIST's training part; a third of them, of other writers, judge."""

MARKS = 2000
FIT = FitParams(landmarks=1536)


def digitness(pictures: Digits, labels: NDArray[np.int64], digits: Digits, without: str) -> NDArray[np.float32]:
    """Fit a model without a kind of mark, and give the probability that each of `digits` is a digit."""
    recipe = RecipeParams(scanned=1, worn=0, without=without)
    pool = draw_pool(pictures, labels, np.zeros(len(labels), np.int64), 0, recipe)
    shares = in_blocks(fit(pool.digits, pool.labels, 0, FIT).predict_proba, digits)
    score: NDArray[np.float32] = shares[:, :10].sum(axis=1)
    return score


def main(folder: Path) -> None:
    """Print a line a kind."""
    data = load_digits(str(folder / "mnist.npz"))
    with np.load(folder / "mnist_writers.npz") as arrays:
        writers = arrays["writer_train"][:DIGITS]
    images, labels = data.images[:DIGITS], data.labels[:DIGITS]
    learnt, held = next(GroupKFold(3).split(labels, groups=writers))
    rng = np.random.default_rng(1)
    judges = np.concatenate([images[held], wear(images[held], rng, SCANNED)])
    print("| kind never met | AUROC | digits flagged to reject 99 % |\n|---|---|---|")
    for kind in marks.KINDS:
        met = np.concatenate([judges, marks.draw(kind, MARKS, marks.Sources(images[held], rng))])
        score = digitness(images[learnt], labels[learnt], met, kind)
        area = roc_auc_score(np.arange(len(met)) < len(judges), score)
        flagged = float((score[: len(judges)] <= np.quantile(score[len(judges) :], 0.99)).mean())
        print(f"| {kind} | {area:.4f} | {flagged:.1%} |", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
