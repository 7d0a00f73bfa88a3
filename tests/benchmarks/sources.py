"""What other people's digits bring to yet others': ``python -m tests.benchmarks.sources DATA_DIR``.

DATA_DIR holds ``mnist.npz``, ``nsysu.npz``, ``optdigits.npz`` and ``semeion.npz``. A model learns MNIST's training part
alone, then with two of the other sources, and reads the third. Smaller than the shipped model; prints a Markdown table.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from formreader.model import in_blocks
from formreader.training import load_digits
from formreader.training.fitting import FitParams, fit
from formreader.training.pool import RecipeParams, draw_pool
from formreader.values import Digits

SOURCES = ("nsysu", "optdigits", "semeion")
FIT = FitParams(landmarks=2048)
RECIPE = RecipeParams(scanned=1, worn=1)
TIMES = 3
"""Each picture of the small sources is learnt so often, worn each time anew."""

Labelled = tuple[Digits, NDArray[np.int64]]


def wrong_of(learnt: list[Labelled], asked: list[Labelled]) -> list[float]:
    """Learn from some sources and give the share read wrong of each of the others."""
    images = np.concatenate([images for images, _ in learnt])
    labels = np.concatenate([labels for _, labels in learnt])
    pool = draw_pool(images, labels, np.zeros(len(labels), np.int64), 0, RECIPE)
    pipeline = fit(pool.digits, pool.labels, 0, FIT)
    return [
        float((in_blocks(pipeline.decision_function, images).argmax(axis=1) != labels).mean())
        for images, labels in asked
    ]


def main(folder: Path) -> None:
    """Print a line a source."""
    loaded = {name: load_digits(str(folder / f"{name}.npz")) for name in ("mnist", *SOURCES)}
    digits: dict[str, Labelled] = {name: (found.images, found.labels) for name, found in loaded.items()}
    alone = wrong_of([digits["mnist"]], [digits[name] for name in SOURCES])
    print("| read | learnt from MNIST | and from the two others |\n|---|---|---|")
    for name, before in zip(SOURCES, alone, strict=True):
        others = [digits[other] for other in SOURCES if other != name] * TIMES
        (after,) = wrong_of([digits["mnist"], *others], [digits[name]])
        print(f"| {name} | {before:.2%} | {after:.2%} |", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
