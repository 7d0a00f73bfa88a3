"""From margins to probabilities, and from probabilities to the confidence below which a person should look."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.stats import beta

from formreader.model import softmax
from formreader.training.pool import CLEAN, JUNK, WORN, Pool

ALLOWED = 0.001
"""Wrong readings among accepted ones: the product's promise."""

JUNK_SHARE = 0.02
"""How many marks that are no digit there are for each digit: one in fifty boxes is struck, scribbled on or dirty."""


@dataclass(frozen=True, slots=True)
class Limit:
    """A threshold and what it is based on.

    Attributes
    ----------
    threshold
        The lowest confidence that is accepted.
    accepted
        Share of readings at or over it.
    wrong
        Share of wrong ones among them.
    bound
        Upper end of its one-sided 95 % interval (Clopper, Pearson 1934).
    kept
        Whether the bound is at most what was asked for; the sample may be too small to show it.
    """

    threshold: float
    accepted: float
    wrong: float
    bound: float
    kept: bool


def weigh(kinds: NDArray[np.int64], digits: int) -> NDArray[np.float64]:
    """Weigh readings so that junk is `JUNK_SHARE` of the digits of one kind; digits of the other weigh nothing."""
    weights: NDArray[np.float64] = (kinds == digits).astype(np.float64)
    junk = kinds == JUNK
    if junk.any():
        weights[junk] = JUNK_SHARE * weights.sum() / junk.sum()
    return weights


def fit_temperature(margins: NDArray[np.float32], labels: NDArray[np.int64], kinds: NDArray[np.int64]) -> float:
    """Find what to divide the margins by so that their softmax is likeliest (Guo et al. 2017).

    Clean and worn digits count alike, junk at `JUNK_SHARE` of them.
    """
    weights = weigh(kinds, CLEAN) + weigh(kinds, WORN)
    rows = np.arange(len(labels))

    def loss(log_temperature: float) -> float:
        shares = softmax(margins, float(np.exp(log_temperature)))[rows, labels].astype(np.float64)
        return float(-(weights * np.log(np.maximum(shares, 1e-12))).sum() / weights.sum())

    found = minimize_scalar(loss, bounds=(np.log(0.02), np.log(20)), method="bounded")
    return float(np.exp(found.x))


def calibration_error(shares: NDArray[np.float32], labels: NDArray[np.int64], weights: NDArray[np.float64]) -> float:
    """Mean gap between confidence and share of right answers, over 15 bins of equal count (Naeini et al. 2015)."""
    confidence, right = shares.max(axis=1).astype(np.float64), shares.argmax(axis=1) == labels
    gaps = 0.0
    for rows in np.array_split(np.argsort(confidence), 15):
        gaps += abs(float((weights[rows] * (confidence[rows] - right[rows])).sum()))
    return gaps / float(weights.sum())


def upper_bound(wrong: float, count: float, level: float = 0.95) -> float:
    """Clopper and Pearson's upper bound of a share; weighted counts may be broken."""
    return 1.0 if wrong >= count else float(beta.ppf(level, wrong + 1, count - wrong))


def choose_threshold(
    shares: NDArray[np.float32], labels: NDArray[np.int64], weights: NDArray[np.float64], allowed: float
) -> Limit:
    """Find the lowest confidence at which at most ``allowed`` of the accepted readings are wrong, 95 % surely.

    Only answers that are digits are accepted. Where no threshold keeps the bound, the one with the lowest bound is
    given and `Limit.kept` is False.
    """
    answers, confidence = shares.argmax(axis=1), shares.max(axis=1)
    counted = np.flatnonzero((answers < 10) & (weights > 0))
    order = counted[np.argsort(-confidence[counted], kind="stable")]
    count = np.cumsum(weights[order])
    wrong = np.cumsum(weights[order] * (answers[order] != labels[order]))
    bound = np.where(wrong >= count, 1.0, beta.ppf(0.95, wrong + 1, np.maximum(count - wrong, 1e-9)))
    # A threshold lies between two confidences: readings of equal confidence are accepted together.
    last = np.append(np.diff(confidence[order]) != 0, True)
    within = np.flatnonzero(last & (bound <= allowed))
    at = int(within[-1]) if len(within) else int(np.argmin(np.where(last, bound, np.inf)))
    return Limit(
        threshold=float(confidence[order][at]),
        accepted=float(count[at] / weights.sum()),
        wrong=float(wrong[at] / count[at]),
        bound=float(bound[at]),
        kept=len(within) > 0,
    )


def calibrate(margins: NDArray[np.float32], pool: Pool) -> dict[str, Any]:
    """Choose temperature and threshold, and say what they rest on; all from margins of unknown writers."""
    temperature = fit_temperature(margins, pool.labels, pool.kinds)
    shares = softmax(margins, temperature)
    wrong = shares.argmax(axis=1) != pool.labels
    names = {"clean": CLEAN, "worn": WORN}
    weights = {name: weigh(pool.kinds, kind) for name, kind in names.items()}
    limits = {name: choose_threshold(shares, pool.labels, weight, ALLOWED) for name, weight in weights.items()}
    threshold = max(limit.threshold for limit in limits.values())
    mixed = weights["clean"] + weights["worn"]
    junk = pool.kinds == JUNK
    return {
        "temperature": temperature,
        "threshold": threshold,
        "threshold_chosen": (
            f"the lowest confidence at which at most {ALLOWED:.1%} of the accepted readings are wrong, by the upper "
            "end of a one-sided 95 % Clopper-Pearson interval, on clean and on worn digits of held-out writers, each "
            f"with marks that are no digit at {JUNK_SHARE:.0%} of them; a mark read as a digit counts as wrong; the "
            "stricter of the two thresholds is taken. Provisional: drawn wear, not crops of scanned forms"
        ),
        "threshold_on": {name: asdict(limit) for name, limit in limits.items()},
        "threshold_if_half_were_worn": asdict(choose_threshold(shares, pool.labels, mixed, ALLOWED)),
        "threshold_kept": all(limit.kept for limit in limits.values()),
        "calibration": {
            "method": "softmax of the margins over a temperature",
            "error": round(calibration_error(shares, pool.labels, mixed), 5),
        },
        "out_of_fold": {
            **{name: round(float(wrong[pool.kinds == kind].mean()), 5) for name, kind in names.items()},
            **{
                f"{name}_accepted": round(float(_accepted(shares, threshold)[pool.kinds == kind].mean()), 5)
                for name, kind in names.items()
            },
            "junk": round(float(wrong[junk].mean()), 5),
            "junk_accepted_as_digit": round(float(_accepted(shares, threshold)[junk].mean()), 5),
        },
    }


def _accepted(shares: NDArray[np.float32], threshold: float) -> NDArray[np.bool_]:
    taken: NDArray[np.bool_] = (shares.argmax(axis=1) < 10) & (shares.max(axis=1) >= threshold)
    return taken
