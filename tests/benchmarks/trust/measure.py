"""From margins to promises: what was promised of fields, and what happened on pages that had no part in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from formreader.classify import DIGIT_CLASSES
from formreader.trust import RiskCurve, risk_curve
from tests.benchmarks.trust.draw import REASONS, Cut

RESAMPLED: Final = 1000
"""Draws of the bootstrap over writers."""


@dataclass(frozen=True, slots=True, eq=False)
class Read:
    """Boxes as a model reads them, a row each; boxes left blank that are read as blank are none of them.

    Attributes
    ----------
    confidence
        1 where a digit was read as a blank box: no threshold flags that.
    open
        Whether nothing but the confidence stands against accepting it.
    wrong
        Whether the answer is not what was written.
    written
        Whether a digit was written; else the box holds a strike or a scribble, or was left blank.
    """

    confidence: NDArray[np.float64]
    open: NDArray[np.bool_]
    wrong: NDArray[np.bool_]
    written: NDArray[np.bool_]
    writer: NDArray[np.int32]
    fold: NDArray[np.int8]
    page: NDArray[np.int32]
    fate: NDArray[np.int8]
    row: NDArray[np.int64]

    def part(self, rows: NDArray[Any]) -> Read:
        """Give some of the boxes."""
        return Read(*(getattr(self, column.name)[rows] for column in fields(self)))

    def curve(self, weight: float = 1.0) -> RiskCurve:
        """Count errors by confidence, each box weighing so much."""
        return risk_curve(self.confidence, self.open, self.wrong, np.full(len(self.wrong), weight))


def readings(cut: Cut, shares: NDArray[np.float64], shares_else: NDArray[np.float64]) -> Read:
    """Read boxes as `formreader.classify` does, all but the threshold.

    Parameters
    ----------
    shares, shares_else
        (n, 17): probabilities of each crop, and of how else it may look.
    """
    answer, blank = shares.argmax(axis=1), cut.reason == REASONS.index("blank")
    same = ~cut.doubled | (answer == shares_else.argmax(axis=1))
    is_open = (cut.reason == 0) & (answer < DIGIT_CLASSES) & same
    written = cut.truth < DIGIT_CLASSES
    missed = blank & written
    rows = np.flatnonzero(~blank | written)
    every = Read(
        confidence=np.where(missed, 1.0, shares.max(axis=1)),
        open=is_open | missed,
        wrong=missed | (answer != cut.truth),
        written=written,
        writer=cut.writer,
        fold=cut.fold,
        page=cut.page,
        fate=cut.fate,
        row=np.arange(len(cut.truth)),
    )
    return every.part(rows)


def design_effect(read: Read, threshold: float) -> float:
    """Say by how much errors come together: a writer's odd digit is drawn, and misread, several times.

    The variance of the writers' numbers of errors over what it would be if each error came by itself (Kish 1965).
    """
    _, writer = np.unique(read.writer, return_inverse=True)
    accepted = read.open & (read.confidence >= threshold)
    counts = np.bincount(writer, weights=accepted).astype(np.float64)
    errors = np.bincount(writer, weights=accepted & read.wrong).astype(np.float64)
    excess = errors - counts * errors.sum() / counts.sum()
    return max(1.0, float((excess**2).sum() / max(errors.sum(), 1.0)))


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of a promise.

    Attributes
    ----------
    flagged
        Share of fields with a doubtful box, of fields that hold digits alone.
    wrong
        Wrong ones among the accepted, a share.
    low, high
        95 % interval of that, by a bootstrap over writers.
    errors, accepted
        The counts behind it.
    """

    flagged: float
    wrong: float
    low: float
    high: float
    errors: int
    accepted: int


def in_fields(read: Read, digits: int) -> NDArray[np.int64]:
    """Join so many digits of a page as they follow each other to a field: rows (m, digits); what is left over goes."""
    rows = np.flatnonzero(read.written)
    pages = read.page[rows]
    found = []
    for page in np.split(rows, np.flatnonzero(np.diff(pages)) + 1):
        whole = len(page) // digits * digits
        found.append(page[:whole].reshape(-1, digits))
    return np.concatenate(found)


def judge(read: Read, of_fields: NDArray[np.int64], thresholds: NDArray[np.float64], seed: int = 0) -> Kept:
    """Accept fields by each box's threshold, and count what is wrong.

    Parameters
    ----------
    of_fields
        (m, digits) rows of `read`.
    thresholds
        (n,), one for each box.
    """
    sure = read.open & (read.confidence >= thresholds)
    accepted = sure[of_fields].all(axis=1)
    wrong = accepted & read.wrong[of_fields].any(axis=1)
    _, writer = np.unique(read.writer[of_fields[:, 0]], return_inverse=True)
    taken, errors = np.bincount(writer, weights=accepted), np.bincount(writer, weights=wrong)
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(len(taken), np.full(len(taken), 1 / len(taken)), RESAMPLED)
    low, high = np.quantile((drawn @ errors) / np.maximum(drawn @ taken, 1), [0.025, 0.975])
    count = int(accepted.sum())
    return Kept(
        flagged=float(1 - accepted.mean()),
        wrong=float(wrong.sum() / max(count, 1)),
        low=float(low),
        high=float(high),
        errors=int(wrong.sum()),
        accepted=count,
    )


def crossed(read: Read, risk: float, weight: float) -> NDArray[np.float64]:
    """Give each box the threshold that the other parts' boxes give for this risk of a digit."""
    thresholds = np.ones(len(read.fold))
    for fold in np.unique(read.fold):
        thresholds[read.fold == fold] = read.part(read.fold != fold).curve(weight).limit(risk).threshold
    return thresholds


def promised(
    read: Read, shares: Sequence[float], digits: Sequence[int], weight: float
) -> Iterator[tuple[float, int, Kept]]:
    """Promise each share for fields of each length by two parts, and see what happened on the third, in turn."""
    for count in digits:
        of_fields = in_fields(read, count)
        for share in shares:
            yield share, count, judge(read, of_fields, crossed(read, share / count, weight))
