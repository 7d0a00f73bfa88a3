"""What a promise about wrong fields makes of a model's counted errors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from formreader.errors import ModelError
from formreader.trust import RiskCurve, curve_of, promise, risk_curve, upper_bound
from formreader.values import Thresholds


def drawn_curve(seed: int, count: int = 40_000) -> RiskCurve:
    """Count the errors of a classifier whose confidence is what it says."""
    rng = np.random.default_rng(seed)
    confidence = 1 - rng.beta(0.05, 1, count) * 0.5
    return risk_curve(confidence, rng.random(count) < 0.99, rng.random(count) > confidence)


CARD = {"name": "drawn", "risk": drawn_curve(0).as_card()}


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.02, 0.005, 0.002, 0.001]))
@settings(max_examples=25, deadline=None)
def test_a_threshold_keeps_the_bound_and_no_lower_one_does(seed: int, risk: float) -> None:
    curve = drawn_curve(seed)
    limit = curve.limit(risk)
    assert limit.proven
    assert limit.wrong <= limit.bound <= risk
    lower = curve.confidence < limit.threshold
    assert (upper_bound(curve.wrong[lower], curve.accepted[lower]) > risk).all()


def test_where_too_few_were_counted_the_limit_says_so() -> None:
    limit = drawn_curve(0, 500).limit(0.0001)
    assert not limit.proven
    assert limit.bound > 0.0001


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.02, 0.004, 0.001, 0.0002]))
@settings(max_examples=25, deadline=None)
def test_a_card_holds_what_decides(seed: int, risk: float) -> None:
    curve = drawn_curve(seed)
    whole, kept = curve.limit(risk), curve_of({"risk": curve.as_card()}).limit(risk)
    assert kept.proven == whole.proven
    assert kept.threshold >= whole.threshold
    assert kept.accepted == pytest.approx(whole.accepted, rel=0.02)
    assert kept.bound <= whole.bound * 1.001


def test_what_whole_pages_showed_of_the_model_before_holds_for_the_new_one() -> None:
    counted = drawn_curve(0).as_card()
    hopeful = {"name": "new", "risk": {**counted, "wrong": [0.0] * len(counted["wrong"])}}
    alone, own = promise(hopeful, 0.001).limits, promise(CARD, 0.001).limits
    both = promise({**hopeful, "risk_before": counted}, 0.001).limits
    assert all(one.threshold < wanted.threshold for one, wanted in zip(alone, own, strict=True))
    assert [limit.threshold for limit in both] == [limit.threshold for limit in own]
    assert [limit.bound for limit in both] == [limit.bound for limit in own]


@pytest.mark.parametrize(
    "risk",
    [
        None,
        {},
        {"count": 3, "confidence": [0.9], "accepted": [2, 3], "wrong": [0, 1]},
        {"count": "x", "confidence": [0.9], "accepted": [2], "wrong": [0]},
        {"count": 3, "confidence": [0.9, 0.8], "accepted": [3, 2], "wrong": [0, 0]},
        {"count": 3, "confidence": [], "accepted": [], "wrong": []},
    ],
)
def test_a_card_that_says_nothing_of_errors_cannot_promise(risk: object) -> None:
    card = {"name": "mine"} if risk is None else {"name": "mine", "risk": risk}
    with pytest.raises(ModelError, match=r"mine: .* Give --threshold"):
        promise(card, 0.001)


def test_the_more_digits_a_field_holds_the_surer_each_must_be() -> None:
    thresholds = promise(CARD, 0.005).thresholds
    assert list(thresholds.of_fields) == sorted(thresholds.of_fields)
    assert thresholds.at(6) > thresholds.at(1)
    assert thresholds.at(500) == thresholds.at(20)
    assert thresholds.at(0) == thresholds.at(1)


def test_the_less_may_be_wrong_the_surer_a_digit_must_be() -> None:
    limits = [promise(CARD, share).thresholds.at(3) for share in (0.05, 0.01, 0.005, 0.001)]
    assert limits == sorted(limits)


def test_the_cards_own_threshold_holds_where_it_is_the_stricter() -> None:
    strict = {**CARD, "threshold": 0.9999}
    assert set(promise(strict, 0.001).thresholds.of_fields) == {0.9999}
    assert promise(strict, 0.02).thresholds.at(1) < 0.9999


def test_what_is_expected_of_accepted_fields_keeps_the_promise() -> None:
    kept = promise(CARD, 0.005)
    wrong, bound = kept.expected({0: 50, 1: 1000, 6: 2000})
    assert 0 < wrong < bound <= 0.005 * 3000
    assert kept.is_proven({1: 1000, 6: 2000})
    assert not promise(CARD, 0.0001).is_proven({6: 1})


def test_one_threshold_holds_for_all_fields() -> None:
    assert [Thresholds((0.9,)).at(digits) for digits in (1, 6, 30)] == [0.9] * 3
