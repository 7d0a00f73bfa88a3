"""Two classifiers that look at different things: the quick one reads all, the slow one what the quick one doubts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from formreader.svm import ReadyClassifier
from formreader.values import Digits


class Cascade(ReadyClassifier):
    """Where the first classifier's lead is small, the mean of both classifiers' margins decides (Kittler et al. 1998).

    Margins may be averaged as they are: both classifiers are SVMs of one loss, whose margins aim at -1 and 1.

    Parameters
    ----------
    first, second
        Pipelines from uint8 (n, 28, 28) with ``decision_function`` and the same ``classes_``.
    lead
        The second is asked about digits whose best margin is less than this over the next.
    temperature
        The margins are divided by it before the softmax (Guo et al. 2017).
    """

    def __init__(self, first: Pipeline, second: Pipeline, lead: float, temperature: float = 1.0) -> None:
        self.first = first
        self.second = second
        self.lead = lead
        self.temperature = temperature

    @property
    def classes_(self) -> NDArray[np.int64]:
        """Places in `values.CLASSES`, a column each."""
        classes: NDArray[np.int64] = self.first.classes_
        return classes

    def decision_function(self, digits: Digits) -> NDArray[np.float32]:
        """Margins float32 (n, classes) of digits uint8 (n, 28, 28)."""
        margins: NDArray[np.float32] = self.first.decision_function(digits)
        doubted = np.flatnonzero(self.doubts(margins))
        if len(doubted):
            margins[doubted] = (margins[doubted] + self.second.decision_function(digits[doubted])) / 2
        return margins

    def doubts(self, margins: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Say of the first classifier's margins (n, classes) for which digits the second is asked."""
        best = np.partition(margins, -2, axis=1)[:, -2:]
        doubted: NDArray[np.bool_] = best[:, 1] - best[:, 0] < self.lead
        return doubted
