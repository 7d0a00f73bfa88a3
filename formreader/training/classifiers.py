"""The classifiers that can be trained: ours, and those of a first course, to see why ours is the default.

Each is one entry of `TABLE`. All of them are given the same pictures and are judged alike: their margins, for digits of
writers left out, choose the temperature and the threshold.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from importlib.util import find_spec
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, clone
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from formreader.baselines import Pixels, TemperatureScaled, WorstDuelSVC
from formreader.cascade import Cascade
from formreader.errors import UnusableCall
from formreader.features import DirectionFeatures
from formreader.training.fitting import DEFAULT, FitParams, fit
from formreader.training.network import DEFAULT as NETWORK
from formreader.training.network import NEEDS, OPTIMIZERS, NetworkParams, fit_network_svm
from formreader.training.pool import CUT, Pool
from formreader.values import Digits

Fit = Callable[[Pool, int], Pipeline]
FitDigits = Callable[[Digits, NDArray[np.int64], int], Pipeline]

FEW_VOTES: Final = 0.01
"""What four neighbours or the three digits of a leaf do not hold may still have one chance in a hundred."""

LEAD: Final = 2.0
"""Margins run from -1 to 1. Of 64,000 pictures of writers left out 23 % had less lead than this, and of the others 24
were read wrong. A lead of 1.5 asks about 14 % only, but leaves so many wrong that fewer digits can be accepted."""

KERNEL_COMPONENTS: Final = 100
"""Of the PCA before `SVC`, whose time grows with them."""


@dataclass(frozen=True, slots=True, eq=False)
class Classifier:
    """One kind of classifier.

    Attributes
    ----------
    name
        What ``--classifier`` calls it.
    about
        What it is, for the card and for whoever asks for one that there is not.
    fit
        Gives, from a pool and a seed, a fitted pipeline with ``classes_`` and ``predict_proba``, whose last step has a
        ``decision_function`` and a ``temperature``.
    optimizer
        What ``--optimizer`` calls it, where there are several; the first entry of a name is its default.
    augment
        What is drawn beside the digits where ``--augment`` says nothing; see `pool.AUGMENTS`.
    settings
        For the card.
    judged
        Into so many of the folds of writers it is looked at before it is fitted to all; 0 stands for every fold. Where
        a fit takes half an hour, one must do.
    needs
        Libraries of extras, without which it cannot be fitted.
    """

    name: str
    about: str
    fit: Fit
    optimizer: str = ""
    augment: str = "none"
    settings: Mapping[str, Any] = field(default_factory=dict)
    judged: int = 0
    needs: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.name} ({self.optimizer})" if self.optimizer else self.name


def _to_all(fit_digits: FitDigits) -> Fit:
    """Give a classifier that learns from all pictures alike."""
    return partial(_fit_all, fit_digits)


def _fit_all(fit_digits: FitDigits, pool: Pool, seed: int) -> Pipeline:
    return fit_digits(pool.digits, pool.labels, seed)


def landmark_svm(params: FitParams = DEFAULT) -> Classifier:
    """Give our classifier, of any size."""
    about = "an SVM on stroke directions, its Gaussian kernel seen from landmarks (Nystroem): the default"
    return Classifier("svm", about, _to_all(partial(fit, params=params)), augment="full", settings=asdict(params))


def _exact_svm() -> Classifier:
    svm = WorstDuelSVC(C=10, decision_function_shape="ovo", cache_size=1000)  # megabytes
    about = "an SVM with the whole Gaussian kernel (SVC) on stroke directions, each class against each"
    return Classifier("svm-exact", about, _to_all(partial(_fit_exact, svm)), settings=_settings(svm))


def _fit_exact(svm: WorstDuelSVC, digits: Digits, labels: NDArray[np.int64], seed: int) -> Pipeline:
    steps = [
        ("features", DirectionFeatures(sigma=DEFAULT.sigma)),
        ("pca", PCA(min(KERNEL_COMPONENTS, len(digits)), svd_solver="covariance_eigh")),
        ("classifier", TemperatureScaled(_seeded(svm, seed))),
    ]
    return Pipeline(steps).fit(digits, labels)


def _on_pixels(
    name: str, about: str, estimator: BaseEstimator, *, optimizer: str = "", floor: float = 1e-30
) -> Classifier:
    """Give a classifier that learns the 784 pixels as they are."""
    fit_pixels = _to_all(partial(_fit_pixels, TemperatureScaled(estimator, floor)))
    margins = "" if hasattr(estimator, "decision_function") else "; the logarithms of its shares stand for margins"
    return Classifier(name, f"{about}, on pixels{margins}", fit_pixels, optimizer, settings=_settings(estimator))


def _fit_pixels(scaled: TemperatureScaled, digits: Digits, labels: NDArray[np.int64], seed: int) -> Pipeline:
    last = TemperatureScaled(_seeded(scaled.estimator, seed), scaled.floor)
    with warnings.catch_warnings():
        # How many passes a network makes is set, not waited for.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return Pipeline([("pixels", Pixels()), ("classifier", last)]).fit(digits, labels)


def _seeded(estimator: BaseEstimator, seed: int) -> BaseEstimator:
    """Give a copy that draws its random numbers from the seed, if it draws any."""
    copy = clone(estimator)
    return copy.set_params(random_state=seed) if "random_state" in copy.get_params() else copy


def _settings(estimator: BaseEstimator) -> dict[str, str]:
    """Say what was set, as one would write it; the rest is scikit-learn's default."""
    return {"estimator": " ".join(repr(estimator).split())}


def network_svm(optimizer: str, params: NetworkParams = NETWORK) -> Classifier:
    """Give an SVM behind a network, of any size."""
    about = f"a linear SVM on the features of a small convolutional network, learnt with {optimizer}"
    fit_network = _to_all(partial(fit_network_svm, optimizer=optimizer, params=params))
    return Classifier("cnn-svm", about, fit_network, optimizer, settings=asdict(params), judged=1, needs=NEEDS)


def cascade(params: FitParams = DEFAULT, network: NetworkParams = NETWORK) -> Classifier:
    """Give the default classifier with a network behind it, of any size."""
    about = "svm, and where its answer is in doubt the mean of its margins and those of cnn-svm"
    settings = {"lead": LEAD, "svm": asdict(params), "cnn-svm": asdict(network)}
    fit_both = partial(_fit_cascade, params, network)
    return Classifier("cascade", about, fit_both, augment="full", settings=settings, judged=1, needs=NEEDS)


def _fit_cascade(params: FitParams, network: NetworkParams, pool: Pool, seed: int) -> Pipeline:
    first = fit(pool.digits, pool.labels, seed, params)
    # Crops of pages make its training longer by half, and the two together no better where they are surest.
    plain = pool.part(pool.kinds != CUT)
    second = fit_network_svm(plain.digits, plain.labels, seed, params=network)
    return Pipeline([("cascade", Cascade(first, second, LEAD))])


TABLE: Final = (
    landmark_svm(),
    cascade(),
    _exact_svm(),
    _on_pixels("linear-svm", "a linear SVM, each digit against the rest", LinearSVC(C=0.01, dual=False, tol=0.01)),
    _on_pixels(
        "logistic",
        "logistic regression, cross-entropy over all classes",
        LogisticRegression(max_iter=500, tol=1e-3),
    ),
    _on_pixels(
        "knn",
        "the four nearest neighbours, the nearer the weightier",
        KNeighborsClassifier(4, weights="distance", algorithm="brute"),
        floor=FEW_VOTES,
    ),
    _on_pixels(
        "tree",
        "a decision tree",
        DecisionTreeClassifier(criterion="entropy", min_samples_leaf=3),
        floor=FEW_VOTES,
    ),
    _on_pixels(
        "mlp",
        "a network with one hidden layer of 256, learnt with Adam",
        MLPClassifier(256, max_iter=30),
        optimizer="adam",
    ),
    _on_pixels(
        "mlp",
        "a network with one hidden layer of 256, learnt with SGD and momentum",
        MLPClassifier(256, solver="sgd", learning_rate_init=0.1, max_iter=30),
        optimizer="sgd",
    ),
    *(network_svm(optimizer) for optimizer in OPTIMIZERS),
)


def find_classifier(name: str, optimizer: str = "") -> Classifier:
    """Find what ``--classifier`` and ``--optimizer`` name.

    Raises
    ------
    UnusableCall
        There is none of that name, or it is not learnt that way; the message says what there is.
    """
    named = [entry for entry in TABLE if entry.name == name]
    if not named:
        known = "\n".join(f"  {entry!s:<12} {entry.about}" for entry in TABLE)
        raise UnusableCall(f"--classifier {name}: there is none of that name; choose one of\n{known}")
    found = next((entry for entry in named if optimizer in ("", entry.optimizer)), None)
    if found is None:
        ways = " or ".join(entry.optimizer for entry in named if entry.optimizer)
        raise UnusableCall(
            f"--optimizer {optimizer}: {name} is learnt with {ways}"
            if ways
            else f"--optimizer {optimizer}: {name} has none to choose; leave it out"
        )
    missing = [library for library in found.needs if find_spec(library) is None]
    if missing:
        raise UnusableCall(f"--classifier {name}: needs {' and '.join(missing)}: pip install 'formreader[cnn]'")
    return found
