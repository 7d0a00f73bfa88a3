"""What the classifier learns from: the digits, worn copies of them, and drawn marks, each knowing its writer's fold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray

from formreader.training import marks
from formreader.training.wear import SCANNED as SCANNED_WEAR
from formreader.training.wear import wear
from formreader.values import CLASSES, Digits

Labels = NDArray[np.int64]

FEW = 8000
"""Up to so many digits are drawn sooner than other processes have started."""

CLEAN, SCANNED, WORN, STYLED, JUNK, ADDED, BENT, CUT = range(8)
"""Kinds of training pictures: a digit as it is, as scanned, a badly worn one, a drawn one, a mark that is no digit; a
digit that a person decided on a scan, and lightly bent copies of it; one cut from a drawn page."""


@dataclass(frozen=True, slots=True)
class RecipeParams:
    """What is learnt from, beside the digits themselves.

    Attributes
    ----------
    scanned, worn
        Copies of each digit with the wear of `SCANNED` and of `wear.DEFAULT`.
    styled
        Digits drawn in other styles, for each digit of the data set.
    marks
        How many drawn marks there are, as a multiple of what `marks.KINDS` says.
    without
        A kind of mark that is not drawn, to see what a model does with marks it has not met.
    folds
        Parts the writers are dealt to; each part is read by a model that knows none of its writers.
    added
        Lightly bent copies of each digit that a person decided: with itself as many as come of a digit of MNIST.
    """

    scanned: int = 1
    worn: int = 2
    styled: float = 0.2
    marks: float = 1.0
    without: str = ""
    folds: int = 3
    added: int = 3


DEFAULT = RecipeParams()

AUGMENTS: Final[Mapping[str, RecipeParams]] = {
    "none": RecipeParams(scanned=0, worn=0, styled=0, marks=0, added=0),
    "scanned": RecipeParams(worn=0, styled=0, marks=0),
    "worn": RecipeParams(styled=0, marks=0),
    "full": DEFAULT,
}
"""What ``--augment`` can ask for. Without marks that are no digit a model knows the ten digits only."""


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """Pictures to learn from, uint8 (n, 28, 28): their places in `CLASSES`, kinds, and the fold of their writer."""

    digits: Digits
    labels: Labels
    kinds: Labels
    folds: Labels

    def part(self, rows: NDArray[Any]) -> Pool:
        """Give some of the pictures."""
        return Pool(self.digits[rows], self.labels[rows], self.kinds[rows], self.folds[rows])


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

    drawn = rng.permutation(labels)[: some(params.styled)]
    made: list[tuple[Digits, Labels | int, int]] = [(images, labels, CLEAN)]
    made += [(wear(images, rng, SCANNED_WEAR), labels, SCANNED) for _ in range(params.scanned)]
    made += [(wear(images, rng), labels, WORN) for _ in range(params.worn)]
    made += [(marks.styled(drawn, rng), drawn, STYLED)]
    sources = marks.Sources(images, rng)
    made += [
        (marks.draw(name, some(params.marks * kind.share), sources), CLASSES.index(kind.answer), JUNK)
        for name, kind in marks.KINDS.items()
        if name != params.without
    ]
    digits = np.concatenate([pictures for pictures, _, _ in made])
    numbers = np.concatenate([np.broadcast_to(np.asarray(label), len(pictures)) for pictures, label, _ in made])
    kinds = np.concatenate([np.full(len(pictures), kind) for pictures, _, kind in made])
    return digits, numbers.astype(np.int64), kinds, np.full(len(digits), fold)
