"""Support vector machines as they read: a product of matrices, and one more for the Gaussian kernel."""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin


class MarginClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """What makes probabilities of a ``decision_function``: a softmax of the margins over a ``temperature``.

    Guo et al. 2017. Who inherits gives these two and ``classes_``.
    """

    temperature: float

    @property
    def classes_(self) -> NDArray[np.int64]:
        """Places in `values.CLASSES`, a column each."""
        raise NotImplementedError

    def decision_function(self, rows: NDArray[Any]) -> NDArray[np.float32]:
        """Margins float32 (n, classes)."""
        raise NotImplementedError

    def predict_proba(self, rows: NDArray[Any]) -> NDArray[np.float32]:
        """Probabilities float32 (n, classes)."""
        return softmax(self.decision_function(rows), self.temperature)

    def predict(self, rows: NDArray[Any]) -> NDArray[np.int64]:
        """Tell the likeliest class of each row, (n,)."""
        best: NDArray[np.int64] = self.classes_[self.decision_function(rows).argmax(axis=1)]
        return best


class ReadyClassifier(MarginClassifier):
    """A classifier that comes fitted."""

    def fit(self, rows: NDArray[Any], labels: NDArray[np.int64]) -> NoReturn:
        """Refuse: what is fitted is given; a pipeline's last step must have this method."""
        raise NotImplementedError(f"a {type(self).__name__} comes fitted; formreader.training.fitting makes others")

    def __sklearn_is_fitted__(self) -> bool:
        return True


class LinearSVM(ReadyClassifier):
    """A fitted linear SVM, each class against the rest, and what makes its margins probabilities.

    Parameters
    ----------
    weights, intercept
        float32 (d, classes) and (classes,).
    temperature
        The margins are divided by it before the softmax (Guo et al. 2017).
    """

    def __init__(self, weights: NDArray[np.float32], intercept: NDArray[np.float32], temperature: float = 1.0) -> None:
        self.weights = weights
        self.intercept = intercept
        self.temperature = temperature

    @property
    def classes_(self) -> NDArray[np.int64]:
        """Places in `values.CLASSES`, a column each."""
        return np.arange(len(self.intercept))

    def decision_function(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Margins float32 (n, classes) of rows float32 (n, d)."""
        margins: NDArray[np.float32] = rows @ self.weights + self.intercept
        return margins


class LandmarkSVM(LinearSVM):
    """A fitted SVM with a Gaussian kernel seen from a few landmarks.

    It is scikit-learn's `Nystroem` followed by `LinearSVC`, multiplied out: both are linear after the kernel, and their
    product is 80 times smaller than the map alone. `formreader.training.fitting` makes it.

    Parameters
    ----------
    landmarks
        float32 (k, d).
    weights, intercept
        float32 (k, classes) and (classes,).
    gamma
        The kernel is exp(-gamma * squared distance).
    temperature
        See `LinearSVM`.
    """

    def __init__(
        self,
        landmarks: NDArray[np.float32],
        weights: NDArray[np.float32],
        intercept: NDArray[np.float32],
        gamma: float,
        temperature: float = 1.0,
    ) -> None:
        super().__init__(weights, intercept, temperature)
        self.landmarks = landmarks
        self.gamma = gamma

    def decision_function(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Margins float32 (n, classes) of rows float32 (n, d)."""
        near = rows @ (self.landmarks.T * np.float32(2 * self.gamma))
        near -= np.float32(self.gamma) * np.square(rows).sum(axis=1, keepdims=True)
        near -= np.float32(self.gamma) * np.square(self.landmarks).sum(axis=1)
        return super().decision_function(np.exp(near, out=near))


def softmax(margins: NDArray[np.float32], temperature: float) -> NDArray[np.float32]:
    """Turn margins (n, classes) into probabilities."""
    scaled = (margins - margins.max(axis=1, keepdims=True)) / np.float32(temperature)
    odds = np.exp(scaled)
    shares: NDArray[np.float32] = (odds / odds.sum(axis=1, keepdims=True)).astype(np.float32)
    return shares
