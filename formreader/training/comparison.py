"""Models side by side on the same digits, and whether their difference could be chance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from formreader.model import DigitModel
from formreader.training.datasets import Groups, LabelledDigits
from formreader.training.evaluation import Answers, Report, ask, report_on, seconds_of_product
from formreader.values import Digits

DRAWS = 2000
"""Bootstrap samples: the ends of a 95 % interval then rest on 50 each."""


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """The digits that are read.

    Attributes
    ----------
    source, which
        The data set's name, and which part of it this is.
    images, labels, groups
        uint8 (n, 28, 28) normalized, (n,) 0 to 9, and whose hand or which sheet each is of, where that is known.
    """

    source: str
    which: str
    images: Digits
    labels: NDArray[np.int64]
    groups: Groups


def part_to_read(digits: LabelledDigits) -> Part:
    """Take a data set's test part where it has one, else all of it."""
    if len(digits.test_labels):
        return Part(digits.source, "test part", digits.test_images, digits.test_labels, digits.test_groups)
    return Part(digits.source, "all digits", digits.images, digits.labels, digits.groups)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two models on the same digits.

    Attributes
    ----------
    first, second
        Their names.
    first_only, second_only
        Digits that only the first, or only the second, reads wrongly.
    p_value
        Of a difference as large by chance (exact test of McNemar 1947).
    difference
        Error of the second less that of the first.
    groups, interval
        Number of writers or sheets, and the difference's 95 % interval over samples of these (Efron 1979): digits of
        one hand are not independent. None where nobody said whose they are.
    """

    first: str
    second: str
    first_only: int
    second_only: int
    p_value: float
    difference: float
    groups: int = 0
    interval: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """Models, by name, on one part of a data set; each but the first is compared with the first."""

    part: Part
    answers: Mapping[str, Answers]
    reports: Mapping[str, Report]
    comparisons: tuple[Comparison, ...]
    product_seconds: float


def side_by_side(models: Mapping[str, DigitModel], part: Part) -> Evaluation:
    """Let models read the same digits.

    Raises
    ------
    ValueError
        There are no digits.
    """
    answers = {name: ask(model, part.images, part.labels) for name, model in models.items()}
    first, *others = answers
    return Evaluation(
        part,
        answers,
        {name: report_on(given) for name, given in answers.items()},
        tuple(compare((first, answers[first]), (other, answers[other]), part.groups) for other in others),
        seconds_of_product(),
    )


def compare(first: tuple[str, Answers], second: tuple[str, Answers], groups: Groups = None) -> Comparison:
    """Compare two named models' answers to the same digits."""
    one, two = first[1].wrong, second[1].wrong
    first_only, second_only = int((one & ~two).sum()), int((two & ~one).sum())
    differing = first_only + second_only
    found = Comparison(
        first[0],
        second[0],
        first_only,
        second_only,
        p_value=float(binomtest(first_only, differing).pvalue) if differing else 1.0,
        difference=(second_only - first_only) / len(one),
    )
    if groups is None:
        return found
    of_group = np.unique(groups, return_inverse=True)[1].reshape(-1)
    count = int(of_group.max()) + 1
    if count < 2:
        return found
    drawn = np.random.default_rng(0).multinomial(count, np.full(count, 1 / count), DRAWS)
    gained = np.bincount(of_group, two.astype(float) - one, count)
    low, high = np.quantile((drawn @ gained) / (drawn @ np.bincount(of_group, minlength=count)), [0.025, 0.975])
    return replace(found, groups=count, interval=(float(low), float(high)))
