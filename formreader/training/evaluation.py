"""Measure a model on labelled digits it has not learnt from."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from formreader.classify import DIGIT_CLASSES
from formreader.model import DigitModel
from formreader.training.calibration import calibration_error
from formreader.trust import RiskCurve, interval, risk_curve
from formreader.values import Digits

PRODUCT_SIDE = 4096
"""Speed is also told beside a product of two float32 matrices of this side: that much the machine's share is."""


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What a model says to labelled digits.

    Attributes
    ----------
    labels
        (n,), 0 to 9.
    shares
        float32 (n, 17) over `values.CLASSES`.
    threshold
        The confidence below which the model's answers are flagged.
    seconds
        What it took, on one core.
    """

    labels: NDArray[np.int64]
    shares: NDArray[np.float32]
    threshold: float
    seconds: float

    @property
    def best(self) -> NDArray[np.int64]:
        """Place of the likeliest class, (n,)."""
        best: NDArray[np.int64] = self.shares.argmax(axis=1)
        return best

    @property
    def confidence(self) -> NDArray[np.float32]:
        """Probability of the likeliest class, (n,)."""
        confidence: NDArray[np.float32] = self.shares.max(axis=1)
        return confidence

    @property
    def is_digit(self) -> NDArray[np.bool_]:
        """Whether the answer is a digit, (n,)."""
        return self.best < DIGIT_CLASSES

    @property
    def wrong(self) -> NDArray[np.bool_]:
        """Whether the answer is not the label, (n,)."""
        wrong: NDArray[np.bool_] = self.best != self.labels
        return wrong

    @property
    def accepted(self) -> NDArray[np.bool_]:
        """Whether nobody would look at the answer, (n,)."""
        return self.is_digit & (self.confidence >= self.threshold)

    @property
    def risk(self) -> RiskCurve:
        """How wrong the surest answers are."""
        return risk_curve(self.confidence, self.is_digit, self.wrong)

    @property
    def confusion(self) -> NDArray[np.int64]:
        """Counts (10, 11): a row a label, a column an answer, the last one for no digit."""
        counts = np.zeros((DIGIT_CLASSES, DIGIT_CLASSES + 1), np.int64)
        np.add.at(counts, (self.labels, np.minimum(self.best, DIGIT_CLASSES)), 1)
        return counts


@dataclass(frozen=True, slots=True)
class ClassScore:
    """How one digit is read; None where there is nothing to divide by.

    Attributes
    ----------
    count
        Pictures with this label.
    precision
        Share of right ones among the answers that are this digit.
    recall
        Share of the pictures of this digit that are read so.
    f1
        Harmonic mean of both.
    """

    digit: int
    count: int
    precision: float | None
    recall: float | None
    f1: float | None


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
        Share read wrongly where the best of the ten digits is taken, whatever the other classes say.
    no_digit
        Share answered with no digit: struck out, or not a digit.
    accepted, accepted_error
        Share answered with a digit at or over the threshold; share of wrong ones among these: the silent errors.
    accepted_wrong
        How many those are.
    calibration_error
        Mean gap between confidence and share of right answers, in 15 bins of equal count.
    risk_area
        Area under the risk-coverage curve.
    wrong_per_10000_at_1_flagged, wrong_per_10000_at_3_flagged
        Wrong digits in 10,000 accepted, where 1 % or 3 % are flagged; None where more have no digit as an answer.
    flagged_for_5_in_10000, flagged_for_17_in_100000
        Share to be flagged so that of the accepted no more than 0.05 % or 0.017 % are wrong; one field of six digits in
        1,000 is then wrong.
    classes
        A line a digit.
    digits_per_second
        From normalized pictures to probabilities, on one core.
    """

    count: int
    error: float
    interval: tuple[float, float]
    digit_error: float
    no_digit: float
    accepted: float
    accepted_error: float
    accepted_wrong: int
    calibration_error: float
    risk_area: float
    wrong_per_10000_at_1_flagged: float | None
    wrong_per_10000_at_3_flagged: float | None
    flagged_for_5_in_10000: float
    flagged_for_17_in_100000: float
    classes: tuple[ClassScore, ...]
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
    """Read all images and compare; as `ask`, then `report_on`."""
    return report_on(ask(model, images, labels))


def ask(model: DigitModel, images: Digits, labels: NDArray[np.int64]) -> Answers:
    """Let a model read all images, on one core.

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
    with one_core():
        model.predict_proba(images[:1])
        start = time.perf_counter()
        shares = model.predict_proba(images)
        seconds = max(time.perf_counter() - start, 1e-9)
    return Answers(labels, shares, model.threshold, seconds)


def report_on(answers: Answers) -> Report:
    """Sum up a model's answers."""
    count, wrong, accepted = len(answers.labels), int(answers.wrong.sum()), answers.accepted
    silent = int((accepted & answers.wrong).sum())
    curve = answers.risk
    return Report(
        count=count,
        error=wrong / count,
        interval=interval(wrong, count),
        digit_error=float((answers.shares[:, :DIGIT_CLASSES].argmax(axis=1) != answers.labels).mean()),
        no_digit=float((~answers.is_digit).mean()),
        accepted=float(accepted.mean()),
        accepted_error=silent / max(1, int(accepted.sum())),
        accepted_wrong=silent,
        calibration_error=calibration_error(answers.shares, answers.labels, np.ones(count)),
        risk_area=curve.area,
        wrong_per_10000_at_1_flagged=curve.wrong_per_10000(0.01),
        wrong_per_10000_at_3_flagged=curve.wrong_per_10000(0.03),
        flagged_for_5_in_10000=curve.flagged_for(0.0005),
        flagged_for_17_in_100000=curve.flagged_for(0.00017),
        classes=_class_scores(answers.confusion),
        digits_per_second=count / answers.seconds,
    )


def _class_scores(confusion: NDArray[np.int64]) -> tuple[ClassScore, ...]:
    scores = []
    for digit in range(DIGIT_CLASSES):
        right, count, answered = (
            int(number) for number in (confusion[digit, digit], confusion[digit].sum(), confusion[:, digit].sum())
        )
        scores.append(
            ClassScore(
                digit,
                count,
                precision=right / answered if answered else None,
                recall=right / count if count else None,
                f1=2 * right / (count + answered) if count + answered else None,
            )
        )
    return tuple(scores)


@contextmanager
def one_core() -> Iterator[None]:
    """Keep the libraries that compute to one thread."""
    usual = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        cv2.setNumThreads(usual)


def seconds_of_product() -> float:
    """Time a product of two float32 matrices of `PRODUCT_SIDE`, on one core."""
    matrix = np.random.default_rng(0).random((PRODUCT_SIDE, PRODUCT_SIDE), np.float32)
    with one_core():
        start = time.perf_counter()
        np.matmul(matrix, matrix)
        return time.perf_counter() - start
