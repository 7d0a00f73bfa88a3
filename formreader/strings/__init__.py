"""A wide box that holds several digits: cut its writing into digits by what the classifier makes of the pieces.

Connected components are cut where they may be several digits; runs of a few pieces are candidates, and the most
probable way to use every piece once is the reading (Fujisawa et al. 1992; LeCun et al. 1998, section VI).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from formreader.strings.params import StringParams
from formreader.strings.paths import Candidate, Mark, best_path, candidates
from formreader.strings.pieces import Writing, cut_writing
from formreader.strings.points import Point
from formreader.values import CLASSES, POINT, Box, DigitReading, Digits, Ink, Points, Reason, Thresholds

__all__ = ["Score", "StringParams", "read_strings"]

Score = Callable[[Digits], NDArray[np.float32]]
"""Reads digits (n, 28, 28): probabilities (n, 17) over `CLASSES`."""


def read_strings(
    inks: Sequence[Ink],
    reasons: Sequence[Reason],
    boxes: Sequence[Box],
    score: Score,
    thresholds: Thresholds,
    params: StringParams | None = None,
) -> tuple[DigitReading, ...]:
    """Read the wide boxes of a page, all their candidates with one call of `score`.

    Parameters
    ----------
    inks, reasons
        What cutting found in each box; an empty ink is a blank box.
    boxes
        Wide boxes; their `length` says how many digits each may hold.
    thresholds
        Digits under this confidence are marked ``low_confidence``.

    Returns
    -------
    tuple of DigitReading
        For each box its marks in writing order, positions from 1; one reading without a digit for a box that is blank
        or holds nothing that can be cut into digits. A digit's confidence counts all other ways to cut the writing.
    """
    params = params or StringParams()
    writings = [cut_writing(ink, params) if ink.size else None for ink in inks]
    found = [candidates(writing, params) if writing else [] for writing in writings]
    every = [candidate.digit for of_box in found for candidate in of_box]
    probabilities = _as_unread(score(np.stack(every)) if every else np.zeros((0, len(CLASSES)), np.float32))
    readings: list[DigitReading] = []
    start = 0
    for writing, reason, box, of_box in zip(writings, reasons, boxes, found, strict=True):
        shares = probabilities[start : start + len(of_box)]
        start += len(of_box)
        if writing is None or not of_box:
            certain = 1.0 if reason == "blank" else 0.0
            readings.append(_nothing(box, certain, reason or "not_a_digit"))
        elif writing.is_struck:
            readings.append(_nothing(box, 0.0, "not_a_digit"))
        else:
            marks = best_path(writing, of_box, shares, box.length, params)
            limit = thresholds.at(len(marks))
            readings += _worded(box, writing, reason, of_box, shares, marks, limit, params)
    return tuple(readings)


def _as_unread(probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
    """Take slanting strokes, letters, scribbles and two digits in one for marks that cannot be read, (n, 17).

    In a number such a mark stands for some digit, or for two that another way of cutting parts.
    """
    others = [CLASSES.index(mark) for mark in "/&A#"]
    unread = probabilities.copy()
    unread[:, CLASSES.index("?")] += unread[:, others].sum(axis=1)
    unread[:, others] = 0
    return unread


def _nothing(box: Box, certain: float, reason: Reason) -> DigitReading:
    return DigitReading(box, None, certain, np.zeros(len(CLASSES), np.float32), reason)


def _worded(
    box: Box,
    writing: Writing,
    reason: Reason,
    found: list[Candidate],
    shares: NDArray[np.float32],
    marks: list[Mark],
    threshold: float,
    params: StringParams,
) -> list[DigitReading]:
    """Turn the best path into readings, points among them."""
    if not marks:
        return [_nothing(box, 0.0, "not_a_digit")]
    doubt = reason
    if not box.length[0] <= len(marks) <= box.length[1]:
        doubt = doubt or "not_a_digit"
    placed = []
    for mark in marks:
        columns = found[mark.candidate].columns
        part = _part_of(box, columns, writing.ink.shape)
        placed.append((sum(columns), _reading(part, mark, shares[mark.candidate], doubt, threshold, params)))
    for point in writing.points:
        part = _part_of(box, (point.left, point.right), writing.ink.shape)
        placed.append((point.left + point.right, _point(part, point, doubt, threshold, params)))
    ordered = [reading for _, reading in sorted(placed, key=lambda pair: pair[0])]
    return [replace(one, box=replace(one.box, position=place)) for place, one in enumerate(ordered, start=1)]


def _point(part: Box, point: Point, doubt: Reason, threshold: float, params: StringParams) -> DigitReading:
    """Give a decimal point; whether the form has a place for one is for the field to say."""
    sure = params.point_sure if point.is_apart else params.point_doubtful
    reason: Reason = doubt or ("" if sure >= threshold else "low_confidence")
    return DigitReading(part, POINT, sure, np.zeros(len(CLASSES), np.float32), reason)


def _reading(
    part: Box, mark: Mark, shares: NDArray[np.float32], doubt: Reason, threshold: float, params: StringParams
) -> DigitReading:
    says, sure = CLASSES[mark.label], mark.confidence
    if says in "X-" and sure >= threshold:
        return DigitReading(part, None, sure, shares, doubt or "struck")
    if not says.isdigit() or sure < params.readable:
        return DigitReading(part, None, sure, shares, doubt or "not_a_digit")
    return DigitReading(part, says, sure, shares, doubt or ("" if sure >= threshold else "low_confidence"))


def _part_of(box: Box, columns: tuple[int, int], shape: tuple[int, ...]) -> Box:
    """Take the part of a wide box that columns of its ink picture show; the picture has equal margins all round."""
    top_left, top_right, bottom_right, bottom_left = box.corners
    width, height = np.linalg.norm(top_right - top_left), np.linalg.norm(bottom_left - top_left)
    # Both margins are the same: (shape - box) solved for the scale that both directions share.
    scale = (shape[1] - shape[0]) / (width - height) if width - height > 1 else shape[0] / height
    margin = (shape[1] - scale * width) / 2
    start, stop = (float(v) for v in np.clip((np.array(columns) - margin) / (scale * width), 0.0, 1.0))
    top, bottom = top_right - top_left, bottom_right - bottom_left
    corners: Points = np.array(
        [top_left + start * top, top_left + stop * top, bottom_left + stop * bottom, bottom_left + start * bottom]
    )
    on_form = box.on_form
    if on_form is not None:
        x, y, across, down = on_form
        on_form = (x + start * across, y, (stop - start) * across, down)
    return replace(box, corners=corners, on_form=on_form)
