"""What a keyed sample proves: upper bounds on the share of wrong fields, and how large a sample must be.

All bounds are one-sided at 95 %. They say something of the accepted fields that a sample was drawn from, which are
finitely many, each drawn once at most.

- A simple sample has the exact bound of sampling without replacement: the most wrong fields with which so few wrong
  ones would still be found in one sample of twenty. It never exceeds Clopper and Pearson's by more than rounding, which
  it comes to as the batch grows, and is zero where all fields were keyed and none was wrong.
- Where each field has its share of the sample, the number of wrong ones is a sum of independent hypergeometric numbers,
  each of them a sum of independent yes-or-no trials (Vatutin, Mikhailov 1982). Of all such sums with one mean the
  binomial reaches furthest out (Hoeffding 1956, theorem 4), so that Clopper and Pearson's bound of the pooled sample
  holds for the mean over the sample. What of a field is drawn less than its share of the batch weighs more than in the
  sample: the bound is multiplied by the most that any field does.

Clopper, Pearson: The use of confidence or fiducial limits (1934). Hoeffding: On the distribution of the number of
successes in independent trials (1956). Vatutin, Mikhailov: Limit theorems for the number of empty cells (1982).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Final

import numpy as np
import scipy

from formreader import trust

ERROR: Final = 0.05
"""How often a bound may fail: once in twenty audits."""


def clopper_pearson(wrong: int, keyed: int) -> float:
    """Give the upper bound of a share, of which so many wrong ones were found among so many drawn.

    Parameters
    ----------
    wrong, keyed
        0 <= wrong <= keyed.
    """
    return float(trust.upper_bound(wrong, keyed))


def most_wrong(wrong: int, keyed: int, accepted: int) -> int:
    """Give the most wrong ones that there may be among `accepted`, of which `keyed` were drawn without replacement."""
    few, many = wrong, accepted - (keyed - wrong)
    while few < many:  # the chance of finding so few falls with the number that there are
        middle = (few + many + 1) // 2
        few, many = (
            (middle, many) if scipy.stats.hypergeom.cdf(wrong, accepted, middle, keyed) > ERROR else (few, middle - 1)
        )
    return few


def fewest_wrong(wrong: int, keyed: int, accepted: int) -> int:
    """Give the fewest wrong ones that there may be, with as much certainty."""
    few, many = wrong, accepted - (keyed - wrong)
    while few < many:
        middle = (few + many) // 2
        few, many = (
            (few, middle)
            if scipy.stats.hypergeom.sf(wrong - 1, accepted, middle, keyed) > ERROR
            else (middle + 1, many)
        )
    return few


def upper_bound(wrong: int, accepted: Sequence[int], drawn: Sequence[int]) -> float:
    """Give the share of wrong ones that is not exceeded.

    Parameters
    ----------
    accepted, drawn
        (k,) for each stratum, how many fields it has and how many of these were drawn; one for a simple sample.
    """
    if not sum(accepted):
        return 0.0
    if sum(drawn) == 0:
        return 1.0
    if len(drawn) == 1:
        return most_wrong(wrong, drawn[0], accepted[0]) / accepted[0]
    if list(drawn) == list(accepted):
        return wrong / sum(accepted)
    heaviest = _most_weight(accepted, drawn)
    return min(1.0, heaviest * clopper_pearson(wrong, sum(drawn)))


def lower_bound(wrong: int, accepted: Sequence[int], drawn: Sequence[int]) -> float:
    """Give the share that is not fallen below, with as much certainty."""
    if wrong == 0 or not sum(drawn):
        return 0.0
    if len(drawn) == 1:
        return fewest_wrong(wrong, drawn[0], accepted[0]) / accepted[0]
    if list(drawn) == list(accepted):
        return wrong / sum(accepted)
    keyed = sum(drawn)
    lightest = float(np.min(_weights(accepted, drawn)))
    return lightest * float(scipy.stats.beta.ppf(ERROR, wrong, keyed - wrong + 1))


def _weights(accepted: Sequence[int], drawn: Sequence[int]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Give how much a stratum weighs in the batch for each part that it has of the sample."""
    here = np.array(accepted, np.float64)
    there = np.array(drawn, np.float64)
    held = here > 0
    with np.errstate(divide="ignore"):  # a stratum of which nothing was drawn may be all wrong
        weights: np.ndarray[tuple[int], np.dtype[np.float64]] = (here[held] / here.sum()) / (there[held] / there.sum())
    return weights


def _most_weight(accepted: Sequence[int], drawn: Sequence[int]) -> float:
    return float(np.max(_weights(accepted, drawn)))


def needed_of_any(claim: Fraction, wrong: int = 0) -> int:
    """Give how many must be drawn of a batch of any size to prove a share, if so many turn out wrong."""
    share = float(claim)
    return _smallest(lambda keyed: bool(scipy.stats.binom.cdf(wrong, keyed, share) <= ERROR), wrong + 1, math.inf) or 0


def needed(claim: Fraction, accepted: int, wrong: int = 0) -> int | None:
    """Give how many of the accepted fields must be drawn to prove a share, if so many turn out wrong.

    Returns
    -------
    int or None
        None where so many wrong ones are more than the claim allows of all fields.
    """
    allowed = math.floor(claim * accepted)
    if wrong > allowed:
        return None

    def proves(keyed: int) -> bool:
        return (
            bool(scipy.stats.hypergeom.cdf(wrong, accepted, allowed + 1, keyed) <= ERROR)
            if allowed < accepted
            else True
        )

    return _smallest(proves, wrong, accepted)


def shares_of(accepted: Sequence[int], total: int) -> list[int]:
    """Give how many to draw of each stratum: its share of the total, rounded up, so that no field goes without."""
    every = sum(accepted)
    return [min(count, -(-count * total // every)) if every else 0 for count in accepted]


def needed_by_field(claim: Fraction, accepted: Sequence[int], wrong: int = 0) -> list[int] | None:
    """Give how many of each field must be drawn to prove a share, each field having its share of the sample."""
    if wrong > math.floor(claim * sum(accepted)):
        return None

    def proves(total: int) -> bool:
        return upper_bound(wrong, accepted, shares_of(accepted, total)) <= float(claim)

    # Rounding makes the bound jump by a little: from the first size that would do without it, go on to one that does.
    total = min(sum(accepted), needed_of_any(claim, wrong))
    while not proves(total):
        total = min(sum(accepted), total + 1)
    return shares_of(accepted, total)


def _smallest(proves: Callable[[int], bool], least: int, most: float) -> int | None:
    """Find the smallest sample that proves; from it on, all do."""
    high = max(1, least)
    while high < most and not proves(high):
        high *= 2
    low, high = least, int(min(high, most))
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if proves(middle) else (middle + 1, high)
    return low
