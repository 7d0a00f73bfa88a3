"""What the classifiers of a first course are made of: pixels in, and from any classifier's margins to probabilities.

Models that ``formreader train --classifier`` wrote are opened with these; the model that ships needs neither.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.svm import SVC

from formreader.svm import MarginClassifier
from formreader.values import Digits


class Pixels(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Take a digit's pixels for its features; nothing is learnt."""

    def fit(self, digits: Digits, labels: Any = None) -> Self:  # noqa: ARG002 - scikit-learn's signature
        """Do nothing; there is nothing to learn."""
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def transform(self, digits: Digits) -> NDArray[np.float32]:
        """Turn uint8 (n, 28, 28) into float32 (n, 784), 0 paper, 1 ink."""
        return digits.reshape(len(digits), -1).astype(np.float32) / np.float32(255)


class WorstDuelSVC(SVC):  # type: ignore[misc]
    """`SVC`, which compares classes two by two, where a class is as sure as the duel it does worst in.

    scikit-learn's sum of votes and margins answers alike, but ranks its answers badly: of digits of unknown writers a
    thousandth was wrong among the surest 68 % by the sum, and among the surest 96 % by the worst duel.
    """

    def decision_function(self, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        """Margins float64 (n, classes), for at least three classes."""
        duels = super().decision_function(rows)
        first, second = np.triu_indices(len(self.classes_), 1)
        margins = np.full((len(rows), len(self.classes_), len(self.classes_)), np.inf)
        margins[:, first, second] = duels
        margins[:, second, first] = -duels
        worst: NDArray[np.float64] = margins.min(axis=2)
        return worst


class TemperatureScaled(MarginClassifier):
    """A classifier of scikit-learn whose margins become probabilities by one temperature (Guo et al. 2017).

    Where it has no margins but probabilities of its own, their logarithms stand for margins: they keep their order.

    Parameters
    ----------
    estimator
        The classifier, not fitted.
    floor
        The least probability whose logarithm is taken. Nearest neighbours and trees say 0 of what their few votes do
        not hold, which is no reason to call it impossible.
    temperature
        The margins are divided by it before the softmax; it is fitted on digits that the classifier has not learnt.
    """

    def __init__(self, estimator: Any, floor: float = 1e-30, temperature: float = 1.0) -> None:
        self.estimator = estimator
        self.floor = floor
        self.temperature = temperature

    def fit(self, rows: NDArray[np.float32], labels: NDArray[np.int64]) -> Self:
        """Fit a copy of the classifier to rows (n, d)."""
        self.estimator_ = clone(self.estimator).fit(rows, labels)
        return self

    @property
    def classes_(self) -> NDArray[np.int64]:
        """Places in `values.CLASSES`, a column each."""
        known: NDArray[np.int64] = self.estimator_.classes_
        return known

    def decision_function(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Margins float32 (n, classes) of rows (n, d)."""
        if hasattr(self.estimator_, "decision_function"):
            return np.asarray(self.estimator_.decision_function(rows), np.float32)
        shares = np.maximum(self.estimator_.predict_proba(rows), self.floor)
        return np.asarray(np.log(shares), np.float32)
