"""What a keyed sample proves: the bounds hold as often as they say, and samples are as large as they must be."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, hypergeom

from formreader.audit.bounds import (
    clopper_pearson,
    fewest_wrong,
    lower_bound,
    most_wrong,
    needed,
    needed_by_field,
    needed_of_any,
    shares_of,
    upper_bound,
)
from formreader.claims import claim_of, per_10000
from formreader.errors import UnusableCall


def test_so_many_must_be_keyed_to_prove_10_in_10000() -> None:
    claim = Fraction(10, 10_000)
    assert [needed_of_any(claim, wrong) for wrong in range(4)] == [2995, 4742, 6294, 7752]
    assert needed(claim, 10_000_000) == 2994
    assert needed(claim, 1000) == 777
    assert needed(claim, 100) == 95
    assert needed(claim, 100, wrong=1) is None


@given(st.integers(1, 3000), st.data())
def test_clopper_and_pearson_s_bound_is_scipy_s(keyed: int, data: st.DataObject) -> None:
    wrong = data.draw(st.integers(0, keyed))
    theirs = binomtest(wrong, keyed, alternative="less").proportion_ci(0.95, method="exact").high
    assert clopper_pearson(wrong, keyed) == pytest.approx(theirs, rel=1e-9)


@given(st.integers(1, 400), st.data())
def test_bound_of_a_simple_sample_is_the_edge_of_the_exact_test(accepted: int, data: st.DataObject) -> None:
    keyed = data.draw(st.integers(1, accepted))
    wrong = data.draw(st.integers(0, keyed))
    most, fewest = most_wrong(wrong, keyed, accepted), fewest_wrong(wrong, keyed, accepted)
    assert wrong <= fewest <= most <= accepted - (keyed - wrong)
    assert most == wrong or hypergeom.cdf(wrong, accepted, most, keyed) > 0.05
    assert most + 1 > accepted - (keyed - wrong) or hypergeom.cdf(wrong, accepted, most + 1, keyed) <= 0.05
    assert keyed < accepted or fewest == most == wrong


@given(st.integers(200, 5000), st.integers(0, 2), st.sampled_from(["10/1000", "1%", "5/100"]))
def test_as_many_as_needed_prove_and_one_fewer_does_not(accepted: int, wrong: int, share: str) -> None:
    claim = claim_of(share, "--prove")
    size = needed(claim, accepted, wrong)
    assert size is not None
    assert upper_bound(wrong, [accepted], [size]) <= float(claim)
    assert size == wrong or upper_bound(wrong, [accepted], [size - 1]) > float(claim)


@given(st.lists(st.integers(1, 800), min_size=2, max_size=30), st.integers(0, 2))
def test_sample_by_field_holds_each_field_s_share_and_proves(accepted: list[int], wrong: int) -> None:
    claim = Fraction(1, 100)
    sizes = needed_by_field(claim, accepted, wrong)
    if sizes is None:
        assert wrong > claim * sum(accepted)
        return
    assert all(1 <= size <= count for size, count in zip(sizes, accepted, strict=True))
    assert upper_bound(wrong, accepted, sizes) <= float(claim)
    assert sum(sizes) <= needed_of_any(claim, wrong) + 2 * len(accepted)


def wrongly_below(accepted: list[int], sizes: list[int], wrong: list[int], *, by_field: bool) -> float:
    """Give how often the bound lies below the truth, exactly: over all numbers of wrong ones that may be drawn."""
    chance = np.ones(1)
    for count, size, few in zip(accepted, sizes, wrong, strict=True):
        chance = np.convolve(chance, hypergeom.pmf(np.arange(size + 1), count, few, size))
    truth = sum(wrong) / sum(accepted)
    drawn = (accepted, sizes) if by_field else ([sum(accepted)], [sum(sizes)])
    return float(sum(p for found, p in enumerate(chance) if upper_bound(found, *drawn) < truth))


@pytest.mark.parametrize("wrong", [[6, 0, 0], [2, 2, 2], [0, 0, 30], [40, 0, 0], [1, 9, 20], [300, 1, 0]])
@pytest.mark.parametrize("total", [60, 150, 400])
def test_bounds_fail_at_most_once_in_twenty_times(wrong: list[int], total: int) -> None:
    accepted = [500, 201, 90]
    assert wrongly_below(accepted, shares_of(accepted, total), wrong, by_field=True) <= 0.05
    assert wrongly_below([sum(accepted)], [total], [sum(wrong)], by_field=False) <= 0.05


def test_sample_without_a_field_bounds_nothing_and_a_whole_batch_is_certain() -> None:
    assert upper_bound(0, [50, 50], [50, 0]) == 1.0
    assert upper_bound(1, [50, 50], [50, 50]) == lower_bound(1, [50, 50], [50, 50]) == 0.01
    assert upper_bound(0, [50], [0]) == 1.0
    assert upper_bound(0, [], []) == lower_bound(0, [], []) == 0.0


@pytest.mark.parametrize(
    "text", ["0", "10", "0/100", "5/0", "60%", "-1%", "ten", "1/2", "", "0,1%", "1,5/1000", "1_0%"]
)
def test_what_is_no_share_is_refused(text: str) -> None:
    with pytest.raises(UnusableCall, match="--prove"):
        claim_of(text, "--prove")


def test_shares_are_read_as_people_write_them() -> None:
    assert (
        claim_of("10/10000", "--prove")
        == claim_of("0.1%", "--prove")
        == claim_of(" 10 / 10,000", "--prove")
        == claim_of("0.1 %", "--prove")
        == Fraction(1, 1000)
    )


def test_bounds_are_rounded_up_and_findings_to_the_nearest() -> None:
    assert per_10000(Fraction(1, 1000)) == "10"
    assert per_10000(0.00102) == "10.2"
    assert per_10000(0.001021) == "10.3"
    assert per_10000(0.001021, bound=False) == "10.2"
    assert per_10000(0.123401) == "1,235"
    assert per_10000(0.0) == "0"
