"""The second classifier is asked about doubtful digits only, and what it says counts as much as the first's word."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin

from formreader.cascade import Cascade
from formreader.values import Digits


class Fixed(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Answers with margins that are written into each digit's first row."""

    classes_ = np.arange(3)

    def __init__(self, row: int = 0) -> None:
        self.row = row
        self.asked = 0

    def decision_function(self, digits: Digits) -> NDArray[np.float32]:
        """Give what is written in the digits."""
        self.asked += len(digits)
        return digits[:, self.row, :3].astype(np.float32) / np.float32(100) - np.float32(1)


def digits_of(first: list[list[int]], second: list[list[int]]) -> Digits:
    """Write what the first and the second classifier will say, in hundredths above -1."""
    digits = np.zeros((len(first), 28, 28), np.uint8)
    digits[:, 0, :3], digits[:, 1, :3] = first, second
    return digits


def test_a_clear_lead_stands_and_a_doubtful_digit_gets_the_mean() -> None:
    digits = digits_of([[200, 0, 0], [120, 110, 0]], [[0, 200, 0], [0, 200, 0]])
    second = Fixed(1)
    cascade = Cascade(Fixed(0), second, lead=0.5)
    np.testing.assert_array_equal(cascade.predict(digits), [0, 1])
    np.testing.assert_allclose(cascade.decision_function(digits)[1], [-0.4, 0.55, -1.0], atol=1e-6)
    assert second.asked == 2  # the doubtful one, in each of the two calls


def test_no_digit_in_doubt_costs_nothing() -> None:
    second = Fixed(1)
    cascade = Cascade(Fixed(0), second, lead=0.5)
    shares = cascade.predict_proba(digits_of([[200, 0, 0]] * 4, [[0, 200, 0]] * 4))
    assert second.asked == 0
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-6)


def test_a_digit_is_read_the_same_alone_and_among_others() -> None:
    rng = np.random.default_rng(0)
    digits = digits_of(rng.integers(0, 200, (50, 3)).tolist(), rng.integers(0, 200, (50, 3)).tolist())
    cascade = Cascade(Fixed(0), Fixed(1), lead=0.5)
    alone = np.concatenate([cascade.predict_proba(digits[row : row + 1]) for row in range(50)])
    np.testing.assert_allclose(cascade.predict_proba(digits), alone, atol=1e-6)
