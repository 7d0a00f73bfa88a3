"""Fit the classifier: features, PCA, and an SVM with a Gaussian kernel seen from landmarks (Williams, Seeger 2001)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.kernel_approximation import Nystroem
from sklearn.pipeline import Pipeline

from formreader.features import DirectionFeatures
from formreader.svm import LandmarkSVM
from formreader.training.solver import solve
from formreader.values import Digits

BLOCK = 8192
"""Rows mapped at a time: the map of all of them is held once, in single precision."""


@dataclass(frozen=True, slots=True)
class FitParams:
    """The size and stiffness of the classifier; chosen by the error on writers left out.

    Attributes
    ----------
    sigma
        Of `DirectionFeatures`.
    components
        Of the PCA.
    landmarks
        Of the kernel: time and size grow with it.
    cost
        C of the SVM.
    junk_cost
        The same for pictures that are no digit: at full weight the rarest real digits drown in them.
    tolerance
        Where the solver stops: the share of the first gradient that is left.
    """

    sigma: float = 0.55
    components: int = 128
    landmarks: int = 3584
    cost: float = 10.0
    junk_cost: float = 3.0
    tolerance: float = 0.003


DEFAULT = FitParams()


def fit(digits: Digits, labels: NDArray[np.int64], seed: int, params: FitParams = DEFAULT) -> Pipeline:
    """Fit the classifier of a `DigitModel`; its probabilities are not calibrated yet.

    Parameters
    ----------
    digits, labels
        uint8 (n, 28, 28), normalized, and their places in `CLASSES`.
    """
    order = np.random.default_rng(seed).permutation(len(digits))
    digits, labels = digits[order], labels[order]
    features = DirectionFeatures(sigma=params.sigma)
    rows = features.transform(digits)
    pca = PCA(min(params.components, len(rows)), svd_solver="covariance_eigh").fit(rows)
    for name, value in vars(pca).items():
        if isinstance(value, np.ndarray):
            setattr(pca, name, value.astype(np.float32))
    svm = fit_svm(np.asarray(pca.transform(rows), np.float32), labels, seed, params)
    return Pipeline([("features", features), ("pca", pca), ("svm", svm)])


def fit_svm(
    rows: NDArray[np.float32], labels: NDArray[np.int64], seed: int, params: FitParams = DEFAULT
) -> LandmarkSVM:
    """Fit Nystroem's map and a linear SVM behind it, and multiply the two out."""
    gamma = float(1 / (2 * rows.var(axis=0).sum()))  # one over the mean squared distance of two rows
    count = min(params.landmarks, len(rows))
    nystroem = Nystroem(gamma=gamma, n_components=count, random_state=seed).fit(rows)
    mapped = np.ones((len(rows), count + 1), np.float32)  # the last column is the intercept's
    for start in range(0, len(rows), BLOCK):
        mapped[start : start + BLOCK, :-1] = nystroem.transform(rows[start : start + BLOCK])
    cost = np.where(labels < 10, params.cost, params.junk_cost).astype(np.float32)
    found = solve(mapped, labels, int(labels.max()) + 1, cost, params.tolerance)
    weights = nystroem.normalization_.T.astype(np.float64) @ found[:-1].astype(np.float64)
    return LandmarkSVM(nystroem.components_.astype(np.float32), weights.astype(np.float32), found[-1].copy(), gamma)
