"""Measure a model on labelled digits it has not learnt from."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

from formreader.model import DigitModel
from formreader.values import Digits


@dataclass(frozen=True, slots=True)
class Report:
    """What a model does with labelled digits; shares are 0 to 1.

    Attributes
    ----------
    count
        Digits read.
    error, interval
        Share read wrongly, a mark that is no digit counted as wrong, and its 95 % interval (Clopper, Pearson 1934).
    digit_error
        Share read wrongly where the best of the ten digits is taken, whatever the three other classes say.
    no_digit
        Share answered with no digit: struck out, or not a digit.
    accepted, accepted_error
        Share answered with a digit at or over the threshold; share of wrong ones among these: the silent errors.
    accepted_wrong
        How many those are.
    digits_per_second
        From normalized pictures to probabilities.
    """

    count: int
    error: float
    interval: tuple[float, float]
    digit_error: float
    no_digit: float
    accepted: float
    accepted_error: float
    accepted_wrong: int
    digits_per_second: float

    def __str__(self) -> str:
        low, high = self.interval
        return (
            f"{self.count} digits: {self.error:.2%} wrong ({low:.2%} to {high:.2%}; over the ten digits alone "
            f"{self.digit_error:.2%}, taken for no digit {self.no_digit:.2%}); accepted {self.accepted:.2%}, of these "
            f"{self.accepted_wrong} wrong ({self.accepted_error:.3%}); {self.digits_per_second:,.0f} digits/s"
        )

    def as_dict(self) -> dict[str, object]:
        """Give what the card holds; the speed is the machine's, not the model's."""
        return {name: value for name, value in asdict(self).items() if name != "digits_per_second"}


def evaluate(model: DigitModel, images: Digits, labels: NDArray[np.int64]) -> Report:
    """Read all images and compare.

    Parameters
    ----------
    images
        uint8 (n, 28, 28), 0 paper, 255 ink, normalized.
    labels
        (n,), 0 to 9.

    Raises
    ------
    ValueError
        There are no images, or their number is not that of the labels.
    """
    if len(images) == 0 or len(images) != len(labels):
        raise ValueError(f"as many labels as images are needed, at least one: got {len(images)} and {len(labels)}")
    model.predict_proba(images[:1])
    start = time.perf_counter()
    shares = model.predict_proba(images)
    seconds = max(time.perf_counter() - start, 1e-9)
    answers, confidence = shares.argmax(axis=1), shares.max(axis=1)
    accepted = (answers < 10) & (confidence >= model.threshold)
    silent = int((accepted & (answers != labels)).sum())
    wrong = int((answers != labels).sum())
    return Report(
        count=len(images),
        error=wrong / len(images),
        interval=interval(wrong, len(images)),
        digit_error=float((shares[:, :10].argmax(axis=1) != labels).mean()),
        no_digit=float((answers >= 10).mean()),
        accepted=float(accepted.mean()),
        accepted_error=silent / max(1, int(accepted.sum())),
        accepted_wrong=silent,
        digits_per_second=len(images) / seconds,
    )


def interval(wrong: int, count: int) -> tuple[float, float]:
    """Two-sided 95 % interval of a share (Clopper, Pearson 1934)."""
    low = float(beta.ppf(0.025, wrong, count - wrong + 1)) if wrong else 0.0
    high = float(beta.ppf(0.975, wrong + 1, count - wrong)) if wrong < count else 1.0
    return low, high
