"""What a trained model is tested on: a part of the digits that it did not learn, or the source's own test part."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import GroupShuffleSplit, StratifiedShuffleSplit

from formreader.errors import TrainingDataError
from formreader.training.datasets import LabelledDigits
from formreader.values import Digits

Labels = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class HeldOut:
    """Digits to be tested on.

    Attributes
    ----------
    rows
        bool (n,): those of the digits to learn from that must not be learnt.
    images, labels
        uint8 (m, 28, 28) and (m,), 0 to 9; labels as the source has them, also where a person reads them otherwise.
    about
        Which these are, for the card.
    """

    rows: NDArray[np.bool_]
    images: Digits
    labels: Labels
    about: str


def hold_out(data: LabelledDigits, writer: Labels | None, share: float | None, seed: int) -> HeldOut:
    """Choose what to test on.

    Parameters
    ----------
    writer
        Who wrote each of ``data.images``; None where that is not known.
    share
        Of the digits to learn from, over 0 and under 1; None for the source's own test part, if it has one.

    Raises
    ------
    TrainingDataError
        There are too few digits, or writers, for this share.
    """
    rows = np.zeros(len(data.labels), bool)
    if share is None:
        about = "the test part of the source" if len(data.test_labels) else "nothing: the source has no test part"
        return HeldOut(rows, data.test_images, data.test_labels, about)
    splitter = StratifiedShuffleSplit if writer is None else GroupShuffleSplit
    try:
        _, held = next(splitter(1, test_size=share, random_state=seed).split(rows, data.labels, writer))
    except ValueError as error:
        raise TrainingDataError(f"{data.source}: {share:.0%} of it cannot be kept for a test ({error})") from error
    rows[held] = True
    whose = "drawn by label; who wrote them may have written others" if writer is None else "by writer"
    about = f"{share:.0%} of the training digits, {whose}"
    return HeldOut(rows, data.images[rows], data.labels[rows], about)
