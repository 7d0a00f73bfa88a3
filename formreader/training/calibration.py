"""From margins to probabilities, and from probabilities to the confidence below which a person should look."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from formreader.classify import DIGIT_CLASSES
from formreader.svm import softmax
from formreader.training.pool import ADDED, CLEAN, CUT, JUNK, SCANNED, WORN, Pool
from formreader.trust import ONE_IN_A_THOUSAND, risk_curve

BINS = 15

LOW_RISKS = (0.0005, 0.00017)
"""Also told, for digits as clean as MNIST's: 5 wrong in 10,000, and ten wrong fields of six digits in 10,000."""

JUNK_SHARE = 0.02
"""How many marks that are no digit there are for each digit: one in fifty boxes is struck, scribbled on or dirty."""

MIXTURE: Final = {CLEAN: 0.25, SCANNED: 0.4, WORN: 0.35}
"""What a batch is made of: digits as cutting gives them, and one in three badly worn. That is more than most batches
have, but other people's digits are harder than MNIST's."""

NAMES: Final = {CLEAN: "clean", SCANNED: "scanned", WORN: "worn"}
JUDGED: Final = {**NAMES, JUNK: "junk", ADDED: "added", CUT: "cut"}


def weigh(kinds: NDArray[np.int64], mixture: Mapping[int, float] = MIXTURE) -> NDArray[np.float64]:
    """Weigh readings so that kinds of digits have their shares, and junk is `JUNK_SHARE` of the digits.

    The digits' weights add up to the number of clean ones: copies of a digit are no further evidence.
    """
    count = max(1, int((kinds == CLEAN).sum()))
    weights = np.zeros(len(kinds))
    for kind, share in {**mixture, JUNK: JUNK_SHARE}.items():
        rows = kinds == kind
        weights[rows] = share * count / max(1, rows.sum())
    return weights


def fit_temperature(margins: NDArray[np.float32], labels: NDArray[np.int64], weights: NDArray[np.float64]) -> float:
    """Find what to divide the margins by so that their softmax is likeliest (Guo et al. 2017)."""
    rows = np.arange(len(labels))

    def loss(log_temperature: float) -> float:
        shares = softmax(margins, float(np.exp(log_temperature)))[rows, labels].astype(np.float64)
        return float(-(weights * np.log(np.maximum(shares, 1e-12))).sum() / weights.sum())

    found = minimize_scalar(loss, bounds=(np.log(0.02), np.log(20)), method="bounded")
    return float(np.exp(found.x))


def calibration_error(shares: NDArray[np.float32], labels: NDArray[np.int64], weights: NDArray[np.float64]) -> float:
    """Mean gap between confidence and share of right answers, over `BINS` bins of equal count (Naeini et al. 2015)."""
    confidence, right = shares.max(axis=1).astype(np.float64), shares.argmax(axis=1) == labels
    gaps = 0.0
    for rows in np.array_split(np.argsort(confidence), BINS):
        gaps += abs(float((weights[rows] * (confidence[rows] - right[rows])).sum()))
    return gaps / float(weights.sum())


def calibrate(margins: NDArray[np.float32], pool: Pool) -> dict[str, Any]:
    """Choose temperature and threshold, and say what they rest on; all from margins of unknown writers."""
    mixture = _mixture_of(pool.kinds)
    weights = weigh(pool.kinds, mixture)
    temperature = fit_temperature(margins, pool.labels, weights)
    shares = softmax(margins, temperature)
    is_digit, wrong = shares.argmax(axis=1) < DIGIT_CLASSES, shares.argmax(axis=1) != pool.labels
    # People look at what is flagged: digits that they decided are no sample of a batch, but an error is an error.
    counted = np.where(wrong & (pool.kinds == ADDED), 1.0, weights)
    curve = risk_curve(shares.max(axis=1), is_digit, wrong, counted)
    limit = curve.limit(ONE_IN_A_THOUSAND)
    taken = is_digit & (shares.max(axis=1) >= limit.threshold)
    clean = pool.kinds == CLEAN
    on_clean = risk_curve(shares.max(axis=1)[clean], is_digit[clean], wrong[clean])
    return {
        "temperature": temperature,
        "threshold": limit.threshold,
        "threshold_chosen": (
            f"the lowest confidence at which at most {ONE_IN_A_THOUSAND:.1%} of accepted readings are wrong, by the "
            f"upper end of a one-sided 95 % Clopper-Pearson interval, {_made_of(pool.kinds, mixture)}"
        ),
        "threshold_on": asdict(limit),
        "threshold_kept": limit.proven,
        "thresholds_for_clean_digits": [
            {"allowed": allowed, **asdict(on_clean.limit(allowed))} for allowed in LOW_RISKS
        ],
        "risk": {"measured_on": f"single digits, {_made_of(pool.kinds, mixture)}", **curve.as_card()},
        "calibration": {
            "method": "softmax of the margins over a temperature",
            "error": round(calibration_error(shares, pool.labels, weights), 5),
        },
        "out_of_fold": {
            name: _seen(pool.kinds == kind, wrong, taken) for kind, name in JUDGED.items() if (pool.kinds == kind).any()
        },
    }


def _mixture_of(kinds: NDArray[np.int64]) -> dict[int, float]:
    """Give `MIXTURE` for the kinds of digits that were drawn."""
    drawn = {kind: share for kind, share in MIXTURE.items() if (kinds == kind).any()}
    return {kind: share / sum(drawn.values()) for kind, share in drawn.items()}


def _made_of(kinds: NDArray[np.int64], mixture: Mapping[int, float]) -> str:
    """Say on what the threshold was chosen."""
    digits = ", ".join(f"{share:.0%} {NAMES[kind]}" for kind, share in mixture.items())
    marks = (
        f"with marks that are no digit at {JUNK_SHARE:.0%} of them; a mark read as a digit counts as wrong"
        if (kinds == JUNK).any()
        else "and no marks: what it makes of a box that holds no digit is not known"
    )
    added = int((kinds == ADDED).sum())
    beside = f"; errors on {added:,} digits that people decided on scans count too" if added else ""
    wear = ". Drawn wear, made to look like crops of drawn and scanned pages" if len(mixture) > 1 else ""
    return f"on digits of held-out writers ({digits}) {marks}{beside}{wear}"


def _seen(rows: NDArray[np.bool_], wrong: NDArray[np.bool_], taken: NDArray[np.bool_]) -> dict[str, float]:
    """Say of these readings which share is wrong, is accepted as a digit, and is both, of the accepted ones."""
    accepted = rows & taken
    return {
        "wrong": round(float(wrong[rows].mean()), 5),
        "accepted": round(float(taken[rows].mean()), 5),
        "wrong_of_accepted": round(float(wrong[accepted].sum() / max(1, accepted.sum())), 5),
    }
