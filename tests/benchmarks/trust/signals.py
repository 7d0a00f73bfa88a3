"""What each sign of doubt buys: how many six-digit fields are flagged for the same share of wrong ones.

Every sign is a number a box, the larger the surer; those that are learnt are learnt on the other two parts' writers.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tests.benchmarks.trust.draw import Cut
from tests.benchmarks.trust.measure import Read
from tests.benchmarks.trust.scores import Margins, Scores

Sign = NDArray[np.float64]


def _lead_of(margins: Margins, answer: NDArray[np.int64]) -> Sign:
    """Give how far a given answer's margin is over the best other; negative where it is not the best."""
    rows = np.arange(len(answer))
    others = margins.astype(np.float64).copy()
    others[rows, answer] = -np.inf
    lead_over_others: Sign = margins[rows, answer] - others.max(axis=1)
    return lead_over_others


def signs(read: Read, cut: Cut, scores: Scores) -> Iterator[tuple[str, Sign]]:
    """Give every sign for boxes read by the mean of both classifiers."""
    first, second = scores.first[read.row], scores.second[read.row]
    mean = (first + second) / np.float32(2)
    answer = mean.argmax(axis=1)
    leads = np.column_stack([_lead_of(margins, answer) for margins in (first, second, mean)])
    yield "the SVM's lead", leads[:, 0]
    yield "the network's lead", leads[:, 1]
    yield "lead of the mean", leads[:, 2]
    yield "the smaller of both leads", leads[:, :2].min(axis=1)
    yield "lead of the mean, both must agree", np.where((leads[:, :2] > 0).all(axis=1), leads[:, 2], leads[:, 2] - 4)
    shapes = np.column_stack([leads, leads[:, :2].min(axis=1), np.minimum(leads, 0.5), np.minimum(leads, 1)])
    yield "logistic of the leads", _learnt(read, shapes)
    classes = np.eye(17)[answer]
    rival = np.where(np.arange(17) == answer[:, None], -np.inf, mean).argmax(axis=1)
    with_classes = np.column_stack([shapes, classes, np.eye(17)[rival], classes * leads[:, 2:]])
    yield "the same and the answer and its rival", _learnt(read, with_classes)
    page = np.column_stack(
        [np.log(cut.quality[read.row, 0]), np.nan_to_num(cut.quality[read.row, 1:]), cut.match[read.row]]
    )
    yield "leads and the page's quality and match", _learnt(read, np.column_stack([shapes, page]))
    yield "all of these", _learnt(read, np.column_stack([with_classes, page]))


def _learnt(read: Read, columns: NDArray[np.float64]) -> Sign:
    """Give the log odds of being right, by a model of the other parts' writers."""
    found = np.zeros(len(columns))
    for fold in np.unique(read.fold):
        held = read.fold == fold
        known = ~held & read.open
        model = make_pipeline(StandardScaler(), LogisticRegression(C=1.0, max_iter=500))
        model.fit(columns[known], ~read.wrong[known])
        found[held] = model.decision_function(columns[held])
    return found
