"""What models say of the crops, each crop asked of the models that never saw its writer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import joblib
import numpy as np
from numpy.typing import NDArray

from formreader.model import in_blocks
from formreader.values import CLASSES, Digits
from tests.benchmarks.trust.draw import REASONS, Cut

Margins = NDArray[np.float32]
"""(n, 17) over `CLASSES`."""


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """Margins of the crops, and of how else each may look; zero where nothing was asked.

    Attributes
    ----------
    first, second
        Those of the default model's SVM, and of the SVM behind a network.
    """

    first: Margins
    second: Margins
    first_else: Margins
    second_else: Margins


def score_all(cut: Cut, models: Sequence[Path], work: Path) -> Scores:
    """Ask every model about the crops of its part's writers; what is kept in the folder `work` is taken from there."""
    kept = work / "scores.npz"
    if not kept.exists():
        margins = [np.zeros((len(cut.truth), len(CLASSES)), np.float32) for _ in range(4)]
        for fold, path in enumerate(models):
            cascade = joblib.load(path)[-1]
            written = np.flatnonzero((cut.fold == fold) & (cut.reason != REASONS.index("blank")))
            doubled = written[cut.doubled[written]]
            for at, (rows, digits) in enumerate(((written, cut.digits), (doubled, cut.others))):
                for which, classifier in enumerate((cascade.first, cascade.second)):
                    margins[2 * at + which][rows] = _asked(classifier, digits[rows])
        np.savez(kept, *margins)
    with np.load(kept) as arrays:
        return Scores(*(arrays[name] for name in arrays.files))


def _asked(classifier: object, digits: Digits) -> Margins:
    answer: Margins = in_blocks(classifier.decision_function, digits)  # type: ignore[attr-defined]
    return answer
