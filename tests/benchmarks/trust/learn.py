"""Crops of the measurement's pages to learn from: beside MNIST's digits, what cutting makes of them on a page."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from formreader.training.cut import CutDigits
from formreader.values import CLASSES
from tests.benchmarks.trust.draw import TRUTHS, Cut
from tests.benchmarks.trust.folds import Source

MOST: Final = 2
"""Crops of one digit of MNIST, of the three or four times it was drawn: more bring nothing but time."""
EMPTY: Final = TRUTHS.index("_")
SEED: Final = 7


def to_learn(cut: Cut, source: Source) -> CutDigits:
    """Choose written boxes of which cutting left ink; their sources are rows of `source`.

    A mark stands by the first of its writer's digits, which says whose it is.
    """
    written = np.flatnonzero((cut.truth != EMPTY) & cut.digits.any(axis=(1, 2)))
    shuffled = np.random.default_rng(SEED).permutation(written)
    shuffled = shuffled[np.argsort(cut.source[shuffled], kind="stable")]
    _, first, counts = np.unique(cut.source[shuffled], return_index=True, return_counts=True)
    turn = np.arange(len(shuffled)) - np.repeat(first, counts)
    rows = np.sort(shuffled[(turn < MOST) | (cut.source[shuffled] < 0)])
    writers, first_digit = np.unique(source.writers, return_index=True)
    of_writer = first_digit[np.searchsorted(writers, cut.writer[rows])]
    classes = np.array([CLASSES.index(mark) if mark in CLASSES else -1 for mark in TRUTHS])
    return CutDigits(
        digits=cut.digits[rows],
        labels=classes[cut.truth[rows]],
        source=np.where(cut.source[rows] < 0, of_writer, cut.source[rows]).astype(np.int64),
        name="crops",
    )


def write_crops(cut: Cut, source: Source, path: Path) -> None:
    """Write what `formreader train --crops` learns: sources are places in MNIST's training part."""
    found = to_learn(cut, source)
    np.savez_compressed(path, digits=found.digits, labels=found.labels, source=source.places[found.source])
