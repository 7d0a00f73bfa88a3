"""What the classifier learns from: the digits, worn copies of them, and drawn marks, each knowing its writer's fold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray

from formreader.training import marks
from formreader.training.wear import wear
from formreader.values import CLASSES, Digits

Labels = NDArray[np.int64]

FEW = 8000
"""Up to so many digits are drawn sooner than other processes have started."""

CLEAN, WORN, JUNK = 0, 1, 2
"""Kinds of training pictures: a digit as it is, a worn digit, a mark that is no digit."""


@dataclass(frozen=True, slots=True)
class RecipeParams:
    """What is learnt from, beside the digits themselves.

    Attributes
    ----------
    copies
        Worn copies of each digit.
    crosses, dashes, others, ones, crossed
        Drawn marks for each digit of the data set; ``ones`` have flag and foot, ``crossed`` are sevens.
    folds
        Parts the writers are dealt to; each part is read by a model that knows none of its writers.
    """

    copies: int = 3
    crosses: float = 0.05
    dashes: float = 0.05
    others: float = 0.3
    ones: float = 0.015
    crossed: float = 0.015
    folds: int = 3


DEFAULT = RecipeParams()


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """Pictures to learn from, uint8 (n, 28, 28): their places in `CLASSES`, kinds, and the fold of their writer."""

    digits: Digits
    labels: Labels
    kinds: Labels
    folds: Labels


def draw_pool(images: Digits, labels: Labels, folds: Labels, seed: int, params: RecipeParams = DEFAULT) -> Pool:
    """Make everything to learn from, fold by fold: a picture made of digits stays with their writers."""
    # Many small parts, each with its own seed: the result does not depend on how many processors share the work.
    parts = [
        (images[rows], labels[rows], fold, np.random.default_rng([seed, fold, number]))
        for fold in np.unique(folds)
        for number, rows in enumerate(np.array_split(np.flatnonzero(folds == fold), 1 + (folds == fold).sum() // 4000))
    ]
    drawn = Parallel(n_jobs=-1 if len(images) > FEW else 1)(delayed(_draw_part)(*part, params) for part in parts)
    return Pool(*(np.concatenate(column) for column in zip(*drawn, strict=True)))


def _draw_part(
    images: Digits, labels: Labels, fold: int, rng: np.random.Generator, params: RecipeParams
) -> tuple[Digits, Labels, Labels, Labels]:
    def some(share: float) -> int:
        return int(np.ceil(share * len(images)))

    sevens = images[labels == 7][: some(params.crossed)]
    made: list[tuple[Digits, Labels | int, int]] = [(images, labels, CLEAN)]
    made += [(wear(images, rng), labels, WORN) for _ in range(params.copies)]
    made += [
        (marks.ones(some(params.ones), rng), 1, WORN),
        (marks.crossed(sevens, rng), 7, WORN),
        (marks.crosses(some(params.crosses), rng), CLASSES.index("X"), JUNK),
        (marks.dashes(some(params.dashes), rng), CLASSES.index("-"), JUNK),
        (marks.others(some(params.others), rng, images, labels), CLASSES.index("?"), JUNK),
    ]
    digits = np.concatenate([pictures for pictures, _, _ in made])
    numbers = np.concatenate([np.broadcast_to(np.asarray(label), len(pictures)) for pictures, label, _ in made])
    kinds = np.concatenate([np.full(len(pictures), kind) for pictures, _, kind in made])
    return digits, numbers.astype(np.int64), kinds, np.full(len(digits), fold)
