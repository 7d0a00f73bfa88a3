"""What a model's doubts are worth: how many wrong digits are accepted when only the surest ones are.

El-Yaniv, Wiener: On the foundations of noise-free selective classification (2010); the area under the curve as in
Geifman, Uziel, El-Yaniv: Bias-reduced uncertainty estimation (2019).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class RiskCurve:
    """Wrong ones among the accepted, the surest accepted first.

    Digits of equal confidence are accepted together: no threshold lies between them. Within such a group the wrong ones
    are spread evenly, as in any order that knows nothing.

    Attributes
    ----------
    count
        All digits.
    accepted, wrong
        (k,) int64, rising: after each group of equal confidence, how many are accepted and how many of these are wrong.
        Digits answered with no digit are never accepted.
    """

    count: int
    accepted: NDArray[np.int64]
    wrong: NDArray[np.int64]

    @property
    def area(self) -> float:
        """Mean of the shares of wrong ones when 1, 2, ... all digits are accepted; no digit is a wrong answer, last."""
        number = np.arange(1, self.count + 1)
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


def risk_curve(confidence: NDArray[np.float32], is_digit: NDArray[np.bool_], wrong: NDArray[np.bool_]) -> RiskCurve:
    """Order answers by confidence; all arrays (n,)."""
    order = np.flatnonzero(is_digit)
    order = order[np.argsort(-confidence[order], kind="stable")]
    last = np.append(np.diff(confidence[order]) != 0, [True] * (len(order) > 0)).astype(bool)
    accepted = np.arange(1, len(order) + 1)
    return RiskCurve(len(confidence), accepted[last], np.cumsum(wrong[order])[last])
