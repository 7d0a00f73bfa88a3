"""What a confidence is worth: from errors counted where the truth was known to the thresholds that a run needs.

A model's card holds a risk-coverage curve: of digits that it had not learnt from, how many are accepted at each
confidence, and how many of these are wrong. A promise about fields is shared out among a field's digits, and each
digit's share gives a threshold by the upper end of an exact interval (Clopper, Pearson 1934), not by the bare estimate.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import scipy
from numpy.typing import NDArray

from formreader.errors import ModelError
from formreader.values import Thresholds

SURE: Final = 0.95
ONE_IN_A_THOUSAND: Final = 0.001
"""Wrong ones among the digits that a model's own threshold accepts."""
MOST_DIGITS: Final = 20  # in a field; longer ones are held to the threshold of these

_STEPS: Final = 400
_COLUMNS: Final = ("confidence", "accepted", "wrong")
_WORST: Final = 0.05  # of the accepted digits wrong: nobody wants a threshold that lets more through


@dataclass(frozen=True, slots=True)
class Limit:
    """A threshold, and what it rests on.

    Attributes
    ----------
    threshold
        The lowest confidence that is accepted.
    accepted
        Share of digits at or over it.
    wrong
        Share of wrong ones among them, as counted.
    bound
        Upper end of its one-sided 95 % interval.
    proven
        Whether the bound keeps what was asked for. If not, there were too few digits to show it, and the threshold is
        the one with the lowest bound.
    """

    threshold: float
    accepted: float
    wrong: float
    bound: float
    proven: bool


@dataclass(frozen=True, slots=True, eq=False)
class RiskCurve:
    """How many digits are accepted, and how many of them wrongly, by the confidence they must have.

    El-Yaniv, Wiener: On the foundations of noise-free selective classification (2010). Digits of equal confidence are
    accepted together: no threshold lies between them. Digits answered with no digit are never accepted.

    Attributes
    ----------
    count
        All digits.
    confidence
        (k,), falling.
    accepted, wrong
        (k,): digits of at least this confidence, and the wrong ones of these. Counts may be broken where digits weigh
        less than one: several drawings of one digit are no more evidence than one.
    """

    count: float
    confidence: NDArray[np.float64]
    accepted: NDArray[np.float64]
    wrong: NDArray[np.float64]

    @property
    def area(self) -> float:
        """Mean of the shares of wrong ones when 1, 2, ... all digits are accepted; no digit is a wrong answer, last.

        Geifman, Uziel, El-Yaniv: Bias-reduced uncertainty estimation (2019). Within a group of equal confidence the
        wrong ones are spread evenly, as in any order that knows nothing.
        """
        number = np.arange(1, round(self.count) + 1)
        most = int(self.accepted[-1]) if len(self.accepted) else 0
        wrong = self._wrong_among(number) + np.maximum(number - most, 0)
        return float((wrong / number).mean())

    def wrong_per_10000(self, flagged: float) -> float | None:
        """Wrong ones in 10,000 accepted where this share is flagged; None where more have no digit as an answer."""
        accepted = round(self.count * (1 - flagged))
        if accepted == 0 or len(self.accepted) == 0 or accepted > self.accepted[-1]:
            return None
        return float(self._wrong_among(np.array([accepted]))[0]) / accepted * 10_000

    def flagged_for(self, risk: float) -> float:
        """Share that a threshold must flag so that this share of the accepted is wrong at most; 1 where none does."""
        within = np.flatnonzero(self.wrong <= risk * self.accepted)
        return 1 - float(self.accepted[within[-1]]) / self.count if len(within) else 1.0

    def _wrong_among(self, number: NDArray[np.int64]) -> NDArray[np.float64]:
        among: NDArray[np.float64] = np.interp(number, np.append(0, self.accepted), np.append(0, self.wrong))
        return among

    def limit(self, risk: float) -> Limit:
        """Find the lowest confidence at which surely no more than this share of the accepted digits is wrong."""
        bounds = upper_bound(self.wrong, self.accepted)
        proven = np.flatnonzero(bounds <= risk)
        at = int(proven[-1]) if len(proven) else int(np.argmin(bounds))
        return Limit(
            threshold=float(self.confidence[at]),
            accepted=float(self.accepted[at] / self.count),
            wrong=float(self.wrong[at] / self.accepted[at]),
            bound=float(bounds[at]),
            proven=len(proven) > 0,
        )

    def as_card(self) -> dict[str, Any]:
        """Give what a model's card keeps."""
        # Only where the next digit is a wrong one: no other threshold is ever the lowest. Of many, some hundred do.
        last = np.flatnonzero(np.append(np.diff(self.wrong) > 0, True) & (self.wrong <= _WORST * self.accepted))
        steps = np.unique(np.geomspace(1, max(len(last), 1), _STEPS).astype(np.int64)) - 1
        rows = last[steps[: len(last)]]
        return {
            "count": round(self.count, 1),
            "confidence": [float(value) for value in self.confidence[rows]],
            "accepted": [round(float(value), 1) for value in self.accepted[rows]],
            "wrong": [round(float(value), 2) for value in self.wrong[rows]],
        }


def risk_curve(
    confidence: NDArray[Any],
    is_digit: NDArray[np.bool_],
    wrong: NDArray[np.bool_],
    weights: NDArray[np.float64] | None = None,
) -> RiskCurve:
    """Order answers by confidence; all arrays (n,), each digit counting once where no weights are given."""
    weights = np.ones(len(confidence)) if weights is None else weights
    order = np.flatnonzero(is_digit & (weights > 0))
    order = order[np.argsort(-confidence[order], kind="stable")]
    last = np.append(np.diff(confidence[order]) != 0, [True] * (len(order) > 0)).astype(bool)
    accepted, false = np.cumsum(weights[order]), np.cumsum(weights[order] * wrong[order])
    return RiskCurve(float(weights.sum()), confidence[order][last].astype(np.float64), accepted[last], false[last])


def upper_bound(wrong: NDArray[np.float64] | float, count: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """Give the upper ends of shares' one-sided 95 % intervals (Clopper, Pearson 1934); counts may be broken."""
    return np.where(wrong >= count, 1.0, scipy.stats.beta.ppf(SURE, wrong + 1, np.maximum(count - wrong, 1e-9)))


def interval(wrong: int, count: int) -> tuple[float, float]:
    """Two-sided 95 % interval of a share (Clopper, Pearson 1934)."""
    low = float(scipy.stats.beta.ppf(0.025, wrong, count - wrong + 1)) if wrong else 0.0
    high = float(scipy.stats.beta.ppf(0.975, wrong + 1, count - wrong)) if wrong < count else 1.0
    return low, high


def curve_of(card: Mapping[str, Any]) -> RiskCurve:
    """Take the curve out of a model's card.

    Raises
    ------
    ModelError
        The card has none, or one that no promise can be read off.
    """
    try:
        stored = card["risk"]
        confidence, accepted, wrong = (np.asarray(stored[name], np.float64) for name in _COLUMNS)
        curve = RiskCurve(float(stored["count"]), confidence, accepted, wrong)
        sound = len(curve.confidence) > 0 and all(
            column.shape == confidence.shape and np.isfinite(column).all() for column in (confidence, accepted, wrong)
        )
        sound = sound and bool((np.diff(curve.accepted) >= 0).all() and (curve.accepted > 0).all())
    except (KeyError, TypeError, ValueError):
        sound = False
    if not sound:
        raise ModelError(
            f"{card.get('name')}: this model's card does not say how often it is wrong at which confidence, so that "
            "--max-wrong cannot be kept. Give --threshold, take the model that ships, or train the model again"
        )
    return curve


@dataclass(frozen=True, slots=True, eq=False)
class Promise:
    """At most so many wrong fields, and what each field's digits need for it.

    Attributes
    ----------
    max_wrong
        Share of the accepted fields.
    limits
        For fields of 1, 2, ... written digits.
    """

    max_wrong: float
    limits: tuple[Limit, ...]

    @property
    def thresholds(self) -> Thresholds:
        """What reading goes by."""
        return Thresholds(tuple(limit.threshold for limit in self.limits), by_rules=1 - self.max_wrong)

    def expected(self, accepted: Mapping[int, int]) -> tuple[float, float]:
        """Tell how many of accepted fields, counted by their written digits, are wrong, and how many at most.

        The second is an upper bound of the first, 95 % sure; neither knows what sets these scans apart from those the
        model was measured on.
        """
        held = [(self._limit(digits), digits * count) for digits, count in accepted.items() if digits]
        return sum(limit.wrong * n for limit, n in held), sum(limit.bound * n for limit, n in held)

    def is_proven(self, accepted: Mapping[int, int]) -> bool:
        """Say whether there was evidence enough for the thresholds that these fields were accepted by."""
        return all(self._limit(digits).proven for digits in accepted if digits)

    def _limit(self, digits: int) -> Limit:
        return self.limits[min(digits, len(self.limits)) - 1]


def promise(card: Mapping[str, Any], max_wrong: float) -> Promise:
    """Share a promise out among the digits of a field; see `curve_of` for what it raises.

    The card's own threshold comes from other digits, single ones with drawn wear, of which it lets through one wrong
    in a thousand. Where no more are asked for, the stricter of both holds. A model that has learnt from people's
    decisions was counted on single digits alone; what whole pages showed of the model that it comes from holds for it
    too, wherever that is stricter.
    """
    risks = [max_wrong / digits for digits in range(1, MOST_DIGITS + 1)]
    limits = [curve_of(card).limit(risk) for risk in risks]
    if card.get("risk_before"):
        before = curve_of({"name": card.get("name"), "risk": card["risk_before"]})
        limits = [_stricter(own, before.limit(risk)) for own, risk in zip(limits, risks, strict=True)]
    least = float(card.get("threshold", 0.0))
    return Promise(
        max_wrong,
        tuple(
            replace(limit, threshold=max(limit.threshold, least)) if max_wrong / digits <= ONE_IN_A_THOUSAND else limit
            for digits, limit in enumerate(limits, 1)
        ),
    )


def _stricter(own: Limit, before: Limit) -> Limit:
    """Join what two measurements ask for."""
    return Limit(
        threshold=max(own.threshold, before.threshold),
        accepted=min(own.accepted, before.accepted),
        wrong=max(own.wrong, before.wrong),
        bound=max(own.bound, before.bound),
        proven=own.proven and before.proven,
    )
