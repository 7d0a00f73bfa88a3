"""Whether a model that has learnt from people takes the place of the one before: only if it is not worse anywhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from formreader.model import DigitModel
from formreader.training.added import AddedDigits
from formreader.training.evaluation import Answers, ask
from formreader.training.holdout import HeldOut
from formreader.values import Digits

CHANCE: Final = 0.2
"""More errors on the data set's own held-out digits are let pass only where an equally good model would make as many
more in at least one of five trials: stricter than the usual one of twenty, as a worse model costs more than a trial."""


@dataclass(frozen=True, slots=True, eq=False)
class Duel:
    """Two models on the same digits.

    Attributes
    ----------
    which
        Which digits these are.
    images
        uint8 (n, 28, 28).
    before, after
        What the model of before and the new one say to them.
    """

    which: str
    images: Digits
    before: Answers
    after: Answers

    @property
    def wrong(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Which digits each reads wrongly, before and after, (n,) each."""
        return self.before.wrong, self.after.wrong

    @property
    def silent(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Which of these each accepts at its own threshold, so that nobody would look."""
        return self.before.wrong & self.before.accepted, self.after.wrong & self.after.accepted

    @property
    def changed(self) -> NDArray[np.intp]:
        """Rows that are answered otherwise, the surest new answers first."""
        rows = np.flatnonzero(self.before.best != self.after.best)
        return rows[np.argsort(-self.after.confidence[rows], kind="stable")]

    @property
    def changes(self) -> Counter[tuple[int, int, str]]:
        """How often which answer, a place in `CLASSES`, became which, for which true digit."""
        rows = self.changed
        before, after = self.before.best[rows].tolist(), self.after.best[rows].tolist()
        true = self.after.labels[rows].tolist()
        return Counter(zip(before, after, map(str, true), strict=True))


def chance_of(before: NDArray[np.bool_], after: NDArray[np.bool_]) -> float:
    """Tell how often an equally good model would be so much worse or more (McNemar 1947, exact and one-sided).

    Parameters
    ----------
    before, after
        Where each is wrong, (n,).
    """
    gained, lost = int((before & ~after).sum()), int((after & ~before).sum())
    return float(binomtest(lost, gained + lost, alternative="greater").pvalue) if gained + lost else 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Judgement:
    """A new model beside the one of before.

    Attributes
    ----------
    before, after
        Their names.
    known
        On the held-out digits of the data set.
    decided
        On the pages kept out of those that people decided.
    learnt, learnt_before
        What people decided and the new one has learnt, and what the model of before says to it.
    unproven
        No confidence of the new one is shown to be enough, though one of the old is.
    """

    before: str
    after: str
    known: Duel
    decided: Duel
    learnt: AddedDigits
    learnt_before: Answers
    unproven: bool

    @property
    def objections(self) -> tuple[str, ...]:
        """Why the new one must not take the old one's place; empty where it may."""
        return tuple(self._objections())

    def _objections(self) -> Iterator[str]:
        for what, (before, after) in (("wrong", self.decided.wrong), ("wrong and accepted", self.decided.silent)):
            if after.sum() > before.sum():
                yield f"{self.decided.which}: {after.sum():,} {what}, {before.sum():,} before"
        for what, (before, after) in (("wrong", self.known.wrong), ("wrong and accepted", self.known.silent)):
            chance = chance_of(before, after)
            if after.sum() > before.sum() and chance <= CHANCE:
                counts = f"{after.sum():,} {what}, {before.sum():,} before"
                yield f"{self.known.which}: {counts} (by chance with p = {chance:.2g})"
        if self.unproven:
            yield "digits left out do not show that what the new model is sure of is right"


def judged(before: DigitModel, after: DigitModel, test: HeldOut, kept: AddedDigits, learnt: AddedDigits) -> Judgement:
    """Let both models read digits that the new one has not learnt.

    Parameters
    ----------
    test
        Of the data set.
    kept, learnt
        Pages kept out of what people decided, and those learnt from.
    """
    which, images, labels = f"{len(test.labels):,} digits, {test.about}", test.images, test.labels
    pages = f"{len(kept.labels):,} digits of {kept.page_count:,} reviewed pages that were not learnt from"
    return Judgement(
        before.name,
        after.name,
        Duel(which, images, ask(before, images, labels), ask(after, images, labels)),
        Duel(pages, kept.images, ask(before, kept.images, kept.labels), ask(after, kept.images, kept.labels)),
        learnt,
        ask(before, learnt.images, learnt.labels),
        unproven=before.card.get("threshold_kept") is not False and after.card["threshold_kept"] is False,
    )


def as_card(judgement: Judgement, before: DigitModel) -> dict[str, Any]:
    """Give what the new model's card keeps of the one before, and of how they compare."""
    known, decided = (_as_card(duel) for duel in (judgement.known, judgement.decided))
    return {
        "risk_before": before.card.get("risk_before") or before.card.get("risk"),
        "judged": {
            "beside": {"name": before.name, "sha256": before.fingerprint},
            "objections": list(judgement.objections),
            "known": known,
            "decided": decided,
        },
    }


def _as_card(duel: Duel) -> dict[str, Any]:
    """Count, before and after."""
    before, after = duel.wrong
    return {
        "on": duel.which,
        "wrong": [int(wrong.sum()) for wrong in duel.wrong],
        "wrong_and_accepted": [int(silent.sum()) for silent in duel.silent],
        "flagged": [round(float(1 - said.accepted.mean()), 5) for said in (duel.before, duel.after)],
        "wrong_only": [int((before & ~after).sum()), int((after & ~before).sum())],
        "as_much_worse_by_chance": round(chance_of(before, after), 5),
    }
