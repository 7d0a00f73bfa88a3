"""All ways to take the pieces of a string together to digits, weighed against each other."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from formreader.normalize import NormalizeParams, normalize
from formreader.strings.params import StringParams
from formreader.strings.pieces import Writing
from formreader.values import CLASSES, Ink

ONE = CLASSES.index("1")
UNREAD = CLASSES.index("?")
STRIKES = [CLASSES.index(mark) for mark in "X-"]


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """Pieces `first` to `last` - 1 taken as one mark.

    Attributes
    ----------
    digit
        Its picture, uint8 (28, 28).
    columns
        Its place in the wide box's picture.
    is_component
        The pieces are one component, whole.
    chance
        That such pieces are one digit, before anybody looks at their shape.
    upright
        The same for a 1 beside other digits: less where a piece of a stroke lies.
    """

    first: int
    last: int
    digit: NDArray[np.uint8]
    columns: tuple[int, int]
    is_component: bool
    chance: float
    upright: float


@dataclass(frozen=True, slots=True)
class Mark:
    """One mark of the best path: the candidate's number, its class, and the probability that this stands there."""

    candidate: int
    label: int
    confidence: float


def candidates(writing: Writing, params: StringParams) -> list[Candidate]:
    """Take all runs of neighbouring pieces that may be one digit."""
    found = []
    soft = np.ones((3, 3), np.uint8)  # the grey edge around a stroke comes with it
    for first in range(len(writing.pieces)):
        mask = np.zeros(writing.ink.shape, bool)
        for last in range(first + 1, len(writing.pieces) + 1):
            if last - first > params.most_pieces and not _is_one_component(writing, first, last):
                break
            mask = mask | writing.pieces[last - 1].mask
            columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
            width, tall = int(np.ptp(columns)) + 1, int(np.ptp(rows)) + 1
            is_cut = _is_cut(writing, first, last)
            is_component = not is_cut and _is_one_component(writing, first, last)
            if last - first > 1 and width > writing.height * (
                params.widest_component if is_component else params.widest_digit
            ):
                continue
            taken: Ink = writing.ink * cv2.dilate(mask.astype(np.uint8), soft)
            # What another digit takes is not this one's edge.
            for beside in range(max(0, first - 2), min(len(writing.pieces), last + 2)):
                if not first <= beside < last:
                    taken[writing.pieces[beside].mask] = 0
            digit = normalize(taken, NormalizeParams(least_side_px=params.speck * writing.height))
            span = int(columns[0]), int(columns[-1]) + 1
            short = params.short_cut if is_cut else params.short
            reach = params.short_cut_reach if is_cut else params.short_reach
            chance = float(np.exp(-max(0.0, short - tall / writing.height) / reach))
            lying = float(np.exp(-max(0.0, width / tall - params.lying) / params.lying_reach)) if is_cut else 1.0
            found.append(Candidate(first, last, digit, span, is_component, chance, lying))
    return found


def _is_one_component(writing: Writing, first: int, last: int) -> bool:
    return len({piece.component for piece in writing.pieces[first:last]}) == 1


def _is_cut(writing: Writing, first: int, last: int) -> bool:
    """Whether a part of one of the pieces' components is left to another mark."""
    pieces = writing.pieces
    return (first > 0 and pieces[first - 1].component == pieces[first].component) or (
        last < len(pieces) and pieces[last].component == pieces[last - 1].component
    )


def best_path(
    writing: Writing,
    found: list[Candidate],
    probabilities: NDArray[np.float32],
    length: tuple[int, int],
    params: StringParams,
) -> list[Mark]:
    """Find the most likely marks, and how likely each is among all ways to read the writing.

    A way is weighed by the classifier's probability of each mark and the chance of each joining and parting of pieces;
    the weights of all ways are summed by the forward and backward sums of a semi-Markov chain, so that two ways that
    read alike are no doubt.

    Returns
    -------
    list of Mark
        In writing order; empty where no way is left.
    """
    pieces = len(writing.pieces)
    weights = _weights(writing, found, probabilities, params)
    most = pieces
    forward = np.zeros((pieces + 1, most + 1))
    backward = np.zeros((pieces + 1, most + 1))
    best = np.zeros((pieces + 1, most + 1))
    came: dict[tuple[int, int], int] = {}
    forward[0, 0] = best[0, 0] = backward[pieces, 0] = 1.0
    sums, tops = weights.sum(axis=1), weights.max(axis=1)
    for index in sorted(range(len(found)), key=lambda i: (found[i].first, found[i].last)):
        a, b = found[index].first, found[index].last
        forward[b, 1:] += forward[a, :-1] * sums[index]
        reached = best[a, :-1] * tops[index]
        for before in np.flatnonzero(reached > best[b, 1:]).tolist():
            best[b, before + 1] = reached[before]
            came[b, before + 1] = index
    for index in sorted(range(len(found)), key=lambda i: -found[i].last):
        backward[found[index].first, 1:] += backward[found[index].last, :-1] * sums[index]
    prior = np.full(most + 1, params.miscounted)
    prior[length[0] : length[1] + 1] = 1.0
    total = float((forward[pieces] * prior).sum())
    count = int((best[pieces] * prior).argmax())
    if total <= 0 or best[pieces, count] <= 0:
        return []
    steps = []
    end, left = pieces, count
    while end > 0:
        index = came[end, left]
        steps.append(index)
        end, left = found[index].first, left - 1
    marks = []
    for place, index in enumerate(reversed(steps)):
        label = int(weights[index].argmax())
        ways = sum(
            forward[other.first, place] * weights[number, label] * backward[other.last, count - place - 1]
            for number, other in enumerate(found)
        )
        # Leaving other classes out as unlikely in a string makes no digit surer than its picture does.
        own = float(probabilities[index, label])
        marks.append(Mark(index, label, min(own, float(ways * prior[count] / total))))
    return marks


def _weights(
    writing: Writing, found: list[Candidate], probabilities: NDArray[np.float32], params: StringParams
) -> NDArray[np.float64]:
    """Weigh each candidate as each class, (n, 17): its own chance, the joinings in it and the parting after it."""
    weights = probabilities.astype(np.float64)
    widths = np.array([candidate.columns[1] - candidate.columns[0] for candidate in found]) / writing.height
    weights[:, UNREAD] *= params.unreadable ** np.maximum(1.0, widths / params.usual_width)
    weights[:, STRIKES] *= params.filled
    weights = np.maximum(weights, 1e-12)
    parting = np.array([*writing.parting, 1.0])
    for candidate, shares in zip(found, probabilities, strict=True):
        if candidate.is_component:
            none = 1.0 - float(shares[:10].sum())
            is_wide = candidate.columns[1] - candidate.columns[0] > params.wide * writing.height
            doubt = 1.0 if is_wide else float(np.clip(params.seen_whole * none, params.least_doubt, 1.0))
            parting[candidate.first : candidate.last - 1] *= doubt
    for index, candidate in enumerate(found):
        inner = np.prod(1.0 - parting[candidate.first : candidate.last - 1])
        weights[index, ONE] *= candidate.upright
        weights[index] *= candidate.chance * inner * parting[candidate.last - 1]
    return weights
