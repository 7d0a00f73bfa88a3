"""How often an audit proves what is not so: batches with known rates of wrong fields, audited again and again.

    python -m tests.benchmarks.audit [--audits 1000]

A batch has 100,000 accepted fields of 20 kinds, some of them rarer than others. Each audit draws as many as prove 10 in
10,000 with none wrong, and is keyed by people who never err, or err in 3 fields of 1,000; what differs goes to a second
person and, if need be, to a third. A bound may lie below the truth in one of twenty audits; of 1,000 audits at that
rate, chance alone counts up to 64 at the edge of its own 95 %.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from fractions import Fraction
from functools import cache

import numpy as np

from formreader.audit.bounds import needed, needed_by_field, upper_bound
from formreader.audit.drawing import Population, _ranks
from formreader.audit.verdicts import is_reading, verdict_on
from formreader.store import AuditedField, Key

CLAIM = Fraction(10, 10_000)
FIELDS = 100_000
KINDS = 20
TRUTH = "123456"
RATES = (0, 5, 10, 10.1, 20)
SLIPS = {"never errs": 0.0, "errs 3 in 1,000": 0.003}


def slipped(rng: np.random.Generator) -> str:
    """Key the truth with one digit wrong."""
    place = int(rng.integers(0, len(TRUTH)))
    digit = str((int(TRUTH[place]) + int(rng.integers(1, 10))) % 10)
    return TRUTH[:place] + digit + TRUTH[place + 1 :]


def judged(value: str, first: str, slip: float, rng: np.random.Generator) -> str:
    """Say what comes out for a field that was read and keyed so, after as many people as it takes."""
    field = AuditedField(1, 1, "form", "id", value, value, 0.999, len(TRUTH))
    keys = [Key(1, 1, "", "person 1", first)]
    for person in range(2, 6):
        verdict = verdict_on(field, keys)
        if verdict.state not in ("differs", "undecided"):
            break
        again = slipped(rng) if rng.random() < slip else TRUTH
        keys.append(Key(1, 2, "", f"person {person}", again))
    assert (verdict.state == "right") == any(is_reading(key.key, field) for key in keys)
    return verdict.state


def audited(wrong: np.ndarray, drawn: np.ndarray, slip: float, rng: np.random.Generator) -> int:
    """Key what was drawn; give how many count as wrong in the bound."""
    count = 0
    slips = rng.random(len(drawn)) < slip
    for is_wrong, is_slip in zip(wrong[drawn][slips | wrong[drawn]], slips[slips | wrong[drawn]], strict=True):
        value = slipped(rng) if is_wrong else TRUTH
        count += judged(value, slipped(rng) if is_slip else TRUTH, slip, rng) != "right"
    return count


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--audits", type=int, default=1000)
    audits = arguments.parse_args().audits
    rng = np.random.default_rng(20)
    sizes = np.sort(rng.multinomial(FIELDS - KINDS, rng.dirichlet(np.full(KINDS, 4.0))) + 1)
    population = Population(FIELDS // KINDS, {("form", f"{kind:02}"): int(size) for kind, size in enumerate(sizes)})
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    accepted = sizes.tolist()
    simple = [needed(CLAIM, FIELDS) or 0]
    by_field = needed_by_field(CLAIM, accepted) or []
    print(f"{FIELDS:,} fields of {KINDS} kinds ({accepted[0]:,} to {accepted[-1]:,}); {audits:,} audits a line")
    print(f"keyed: simple {sum(simple):,}, by field {sum(by_field):,}")
    print("wrong in 10,000  drawn     keyer            wrong ones lie  bound too low  10 in 10,000 proved")
    worst = 0.0
    for rate in RATES:
        for name, plan in {"simple": simple, "by field": by_field}.items():
            bound = bound_of(name == "by field", accepted, plan)
            for keyer, slip in SLIPS.items():
                for where in ("anywhere", "in one field") if rate else ("nowhere",):
                    low = proved = 0
                    for _ in range(audits):
                        wrong = np.zeros(FIELDS, bool)
                        span = accepted[0] if where == "in one field" else FIELDS
                        wrong[rng.choice(span, round(rate * FIELDS / 10_000), replace=False)] = True
                        ranks = _ranks(population, plan, rng, by_field=name == "by field")
                        shift = starts if name == "by field" else [0]
                        drawn = np.concatenate([at + some for at, some in zip(shift, ranks.values(), strict=True)])
                        upper = bound(audited(wrong, drawn, slip, rng))
                        low += upper < wrong.mean()
                        proved += upper <= float(CLAIM)
                    worst = max(worst, low / audits)
                    print(f"{rate:15}  {name:8}  {keyer:15}  {where:14}  {low / audits:13.1%}  {proved / audits:.1%}")
    print(f"bounds too low in {worst:.1%} of audits at worst")


def bound_of(by_field: bool, accepted: list[int], plan: list[int]) -> Callable[[int], float]:
    """Give the bound of a design, computed once for each number of wrong ones."""
    strata = (accepted, plan) if by_field else ([FIELDS], plan)
    return cache(lambda wrong: upper_bound(wrong, *strata))


if __name__ == "__main__":
    main()
