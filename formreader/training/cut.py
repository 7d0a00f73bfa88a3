"""Digits cut from drawn pages that a data set's digits were written onto: what cutting does is learnt, not imitated."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from formreader.classify import DIGIT_CLASSES
from formreader.errors import TrainingDataError
from formreader.training.datasets import read_npz
from formreader.training.pool import CUT, Pool
from formreader.values import CLASSES, Digits

Labels = NDArray[np.int64]
ARRAYS: Final = ("digits", "labels", "source")


@dataclass(frozen=True, slots=True, eq=False)
class CutDigits:
    """Crops of written boxes, row i of each array for crop i.

    Attributes
    ----------
    digits, labels
        uint8 (n, 28, 28), normalized, ink 255, as reading cuts them; their places in `CLASSES`.
    source
        (n,) which digit of the data set's part to learn from was written, by its place there; for a mark one by the
        same hand. A crop is learnt where that digit is, and with its writer's fold.
    name
        For the card.
    """

    digits: Digits
    labels: Labels
    source: Labels
    name: str

    def part(self, rows: NDArray[Any]) -> CutDigits:
        """Give some of the crops."""
        return CutDigits(self.digits[rows], self.labels[rows], self.source[rows], self.name)


def load_cut(path: Path, learnt: Labels) -> CutDigits:
    """Load crops from an .npz with the arrays `ARRAYS`.

    Parameters
    ----------
    learnt
        Labels of the digits that the data set has to learn from, (m,), 0 to 9.

    Raises
    ------
    TrainingDataError
        These are no crops of that data set's digits.
    """
    arrays = read_npz(path)
    missing = [name for name in ARRAYS if name not in arrays]
    if missing:
        raise TrainingDataError(f"{path}: has no array {' or '.join(missing)}; wanted {', '.join(ARRAYS)} of cut boxes")
    digits, labels, source = (arrays[name] for name in ARRAYS)
    count = len(digits) if digits.ndim else 0
    wanted = {"digits": ((count, 28, 28), "u"), "labels": ((count,), "iu"), "source": ((count,), "iu")}
    for name, (shape, kinds) in wanted.items():
        if arrays[name].shape != shape or arrays[name].dtype.kind not in kinds:
            raise TrainingDataError(
                f"{path}: {name} is {arrays[name].dtype} {arrays[name].shape}; wanted whole numbers of shape {shape}"
            )
    if count == 0 or digits.dtype != np.uint8 or not _within(labels, len(CLASSES)):
        raise TrainingDataError(f"{path}: wanted pictures of bytes, at least one, and labels 0 to {len(CLASSES) - 1}")
    is_digit = labels < DIGIT_CLASSES
    if not _within(source, len(learnt)) or (learnt[source[is_digit]] != labels[is_digit]).any():
        raise TrainingDataError(f"{path}: these are not cut from the {len(learnt)} digits to learn from; cut them anew")
    return CutDigits(digits, labels.astype(np.int64), source.astype(np.int64), path.name)


def _within(numbers: NDArray[Any], count: int) -> bool:
    return bool(numbers.min() >= 0 and numbers.max() < count)


def with_cut(pool: Pool, cut: CutDigits, folds: Labels) -> Pool:
    """Put crops into what is learnt from, each with the fold of the digit that was written.

    Parameters
    ----------
    folds
        (m,) of each digit of the data set's part to learn from; -1 where it is left out, and with it its crops.
    """
    cut = cut.part(np.flatnonzero(folds[cut.source] >= 0))
    return Pool(
        np.concatenate([pool.digits, cut.digits]),
        np.concatenate([pool.labels, cut.labels]),
        np.concatenate([pool.kinds, np.full(len(cut.labels), CUT)]),
        np.concatenate([pool.folds, folds[cut.source]]),
    )
