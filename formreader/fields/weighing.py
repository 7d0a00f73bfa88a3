"""How probable each value of some boxes is: by their digits, and by the rules that they should keep.

A value's posterior is its likelihood, the product of its boxes' probabilities, times its prior: writers keep the rules
but for a few, lawful values are equally likely, and so are unlawful ones unless slips make those near lawful ones more
likely. Only the likeliest values by their digits are weighed one by one (the k best of a product, found a box at a time
as a beam that loses none of them); of what is left out as much is taken to be lawful as of these, or of all values, and
counts against each of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from formreader.fields.joining import Written
from formreader.fields.params import FieldParams
from formreader.rules import Check, Rule
from formreader.values import POINT, UNREAD

_TRIED: Final = 500  # random values; 10 % is known to 1.3 %
_SEED: Final = 1
_RULE_OF_THREE: Final = 3  # where none of n is lawful, a share of 3 / n still may be (95 %)
_ZERO: Final = ord("0")

Texts = tuple[list[str], NDArray[np.int64]]
"""A field's distinct values, and which of them stands in each row."""


@dataclass(frozen=True, slots=True, eq=False)
class Weighed:
    """The likeliest values of some fields, likeliest first.

    Attributes
    ----------
    texts
        By field: its distinct values, and which of them stands in each row.
    lawful
        bool (rows,): which rows keep all rules and checks.
    weights
        float64 (rows,): posterior of each row; what is missing to 1 is what was left out, or no digit.
    """

    texts: Mapping[str, Texts]
    lawful: NDArray[np.bool_]
    weights: NDArray[np.float64]

    @property
    def best(self) -> dict[str, str]:
        """Each field's value in the likeliest lawful row; nothing where no row is lawful."""
        if not self.lawful.any():
            return {}
        row = int(self.lawful.argmax())
        return {name: values[which[row]] for name, (values, which) in self.texts.items()}

    def share(self, name: str, value: str) -> float:
        """Give the posterior of one field's value within the lawful rows."""
        values, which = self.texts[name]
        return float(self.weights[self.lawful & (which == values.index(value))].sum())

    def share_at_all(self, name: str, value: str) -> float:
        """Give the posterior of one field's value, lawful or not, among all that were weighed."""
        values, which = self.texts[name]
        rows = which == values.index(value) if value in values else np.zeros(len(which), np.bool_)
        return float(self.weights[rows].sum() / self.weights.sum())

    def of_lawful(self) -> float:
        """Give the posterior of all lawful rows together."""
        return float(self.weights[self.lawful].sum())


def error_rules(written: Written) -> tuple[Rule, ...]:
    """Give the rules that a field's value must keep."""
    return tuple(rule for rule in written.field.rules if rule.severity == "error")


def weigh(fields: Sequence[Written], checks: Sequence[Check], params: FieldParams) -> Weighed:
    """Weigh the likeliest values of some fields under their rules and the checks that join them.

    Parameters
    ----------
    fields
        Those whose boxes take part; all that the checks ask for are among them.
    checks
        Those to keep.
    """
    open_at = [[place for place in range(len(one.value)) if _is_open(one, place)] for one in fields]
    shares = _shares([(one, place) for one, places in zip(fields, open_at, strict=True) for place in places], params)
    rows, likelihood = likeliest(shares, min(params.most_values, params.values_a_box * max(1, len(shares))))
    worth_asking = int(np.count_nonzero(likelihood >= params.least_likely * likelihood[0]))
    rows, likelihood = rows[:worth_asking], likelihood[:worth_asking]
    texts, column = dict[str, Texts](), 0
    for one, places in zip(fields, open_at, strict=True):
        texts[one.field.name] = _spelled(one.value, places, rows[:, column : column + len(places)])
        column += len(places)
    lawful = _lawful(fields, checks, texts, len(rows))
    digits = float(np.prod(shares.sum(axis=1)))
    share, keeping = _priors(fields, checks, params)
    near = float(np.clip(share, params.least_lawful, 1 - 1 / _TRIED))
    keeps = keeping / near
    breaks = (1 - keeping) * max(1 / (1 - near), 1 / (near * params.likely_slips))
    prior = np.where(lawful, keeps, breaks)
    lawful_beyond = min(1.0, max(share, (float(lawful.sum()) + _RULE_OF_THREE) / len(rows)))
    left_out = max(0.0, digits - float(likelihood.sum())) * keeps * lawful_beyond
    total = float(likelihood @ prior) + left_out + (1 - digits)
    return Weighed(texts, lawful, likelihood * prior / total)


def _is_open(written: Written, place: int) -> bool:
    """Say whether a character of a value is read from a box, or to be found for one."""
    mark = written.value[place]
    return mark == UNREAD or (mark != POINT and written.boxes[place] is not None)


def _shares(cells: Sequence[tuple[Written, int]], params: FieldParams) -> NDArray[np.float64]:
    """Give what each box's digit may be, (n, 10); what is missing to 1 is no digit."""
    n = len(cells)
    seen, no_digit, doubts, heat = np.zeros((n, 10)), np.zeros((n, 1)), np.zeros((n, 1)), np.ones((n, 1))
    for row, (written, place) in enumerate(cells):
        box = written.boxes[place]
        if box is not None:
            seen[row] = box.probabilities[:10]
        if not seen[row].any():
            seen[row] = 1
        if written.value[place] == UNREAD or box is None or box.reason not in ("", "low_confidence"):
            doubts[row], heat[row] = params.unread_doubt, params.flattest
        elif box.reason:
            doubts[row], heat[row] = params.unsure_doubt, params.flatter
            no_digit[row] = params.no_digit * box.probabilities[10:].sum()
        else:
            doubts[row] = params.sure_doubt
    flat = seen ** (1 / heat)
    flat /= flat.sum(axis=1, keepdims=True)
    shares: NDArray[np.float64] = (1 - no_digit) * ((1 - doubts) * flat + doubts / 10)
    return shares


def likeliest(shares: NDArray[np.float64], most: int) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Find the likeliest ways to choose a digit for each of several boxes.

    A beam over the boxes that keeps as many ways as are wanted keeps all of the best: whatever is not among the best
    for some boxes is not, with more boxes added.

    Parameters
    ----------
    shares
        float64 (n, 10): probability of each digit in each box; n may be 0, which can be chosen in one way.
    most
        How many ways are wanted.

    Returns
    -------
    rows, likelihoods
        uint8 (k, n) and float64 (k,), likeliest first; k is at most `most`.
    """
    rows, likelihood = np.zeros((1, 0), np.uint8), np.ones(1)
    for of_box in shares:
        every = np.outer(likelihood, of_box).ravel()
        kept = np.argpartition(-every, most)[:most] if len(every) > most else np.arange(len(every))
        rows = np.column_stack([rows[kept // 10], (kept % 10).astype(np.uint8)])
        likelihood = every[kept]
    order = np.argsort(-likelihood, kind="stable")
    return rows[order], likelihood[order]


def _spelled(value: str, places: list[int], digits: NDArray[np.uint8]) -> Texts:
    """Write digits (k, places) into a value's places, and give the distinct values."""
    if not places:
        return [value], np.zeros(len(digits), np.int64)
    text = np.tile(np.frombuffer(value.encode("ascii"), np.uint8), (len(digits), 1))
    text[:, places] = digits + _ZERO
    distinct, which = np.unique(text.view(f"S{len(value)}").ravel(), return_inverse=True)
    return [one.decode("ascii") for one in distinct.tolist()], which


def _lawful(
    fields: Sequence[Written], checks: Sequence[Check], texts: Mapping[str, Texts], count: int
) -> NDArray[np.bool_]:
    """Say which rows keep every rule and check; each is asked once about the same values."""
    lawful = np.ones(count, np.bool_)
    for one in fields:
        values, which = texts[one.field.name]
        rules = error_rules(one)
        if rules and one.value:
            lawful &= np.array([all(rule.is_kept_by(value) for rule in rules) for value in values])[which]
    for check in checks:
        left = np.flatnonzero(lawful)
        code: NDArray[Any] = np.zeros(len(left), np.int64)
        for name in check.fields:
            values, which = texts[name]
            code = np.unique(code * len(values) + which[left], return_inverse=True)[1]
        _, first, again = np.unique(code, return_index=True, return_inverse=True)
        columns = [[texts[name][0][one] for one in texts[name][1][left[first]].tolist()] for name in check.fields]
        asked = (dict(zip(check.fields, row, strict=True)) for row in zip(*columns, strict=True))
        kept = np.array([check.is_kept_by(values) is not False for values in asked], np.bool_)
        lawful[left] = kept[again]
    return lawful


def _priors(fields: Sequence[Written], checks: Sequence[Check], params: FieldParams) -> tuple[float, float]:
    """Give the share of all values that are lawful, and the probability that a writer keeps to them.

    Every rule and check may be broken by the writer; the share of lawful values is taken as if they were independent.
    """
    shares = [_share_of_rules(error_rules(one), _shape(one.value)) for one in fields if one.value and error_rules(one)]
    lengths = {one.field.name: _shape(one.value) for one in fields}
    shares += [_share_of_check(check, tuple(lengths[name] for name in check.fields)) for check in checks]
    return float(np.prod(shares)), (1 - params.writers_err) ** max(1, len(shares))


def _shape(value: str) -> str:
    return "".join(mark if mark == POINT else "0" for mark in value)


@lru_cache(maxsize=1024)
def _share_of_rules(rules: tuple[Rule, ...], shape: str) -> float:
    """Estimate the share of a length's values that keep some rules."""
    return float(np.mean([all(rule.is_kept_by(value) for rule in rules) for value in _any_values(shape)]))


@lru_cache(maxsize=1024)
def _share_of_check(check: Check, shapes: tuple[str, ...]) -> float:
    columns = [_any_values(shape, seed) for seed, shape in enumerate(shapes, 1)]
    rows = (dict(zip(check.fields, row, strict=True)) for row in zip(*columns, strict=True))
    return float(np.mean([check.is_kept_by(row) is not False for row in rows]))


def _any_values(shape: str, seed: int = _SEED) -> list[str]:
    rng = np.random.default_rng(seed)
    digits = rng.integers(0, 10, (_TRIED, len(shape)))
    marks = np.array([mark == POINT for mark in shape], np.bool_)
    return ["".join(POINT if mark else str(digit) for mark, digit in zip(marks, row, strict=True)) for row in digits]
