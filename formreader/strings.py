"""A wide box that holds several digits: cut its writing into digits by what the classifier makes of the pieces.

The writing is cut into primitives, pieces no larger than a digit: connected components, and where these are too wide,
parts of them between the thin places. Runs of a few primitives are candidates, and the most probable path that
uses every primitive once is the reading (Fujisawa et al. 1992; LeCun et al. 1998, section VI).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from formreader.normalize import NormalizeParams, normalize
from formreader.values import CLASSES, Box, DigitReading, Digits, Ink, Points, Reason

Score = Callable[[Digits], NDArray[np.float32]]
"""Reads digits (n, 28, 28): probabilities (n, 17) over `CLASSES`."""


@dataclass(frozen=True, slots=True)
class StringParams:
    """How writing is cut into digits; shares are of the writing's height."""

    level: int = 96  # ink over this belongs to a stroke
    speck: float = 0.2  # smaller pieces in both directions are dirt
    overlap: float = 0.5  # components over each other by this share of the narrower are one digit: the bar of a 5
    widest: float = 0.75  # a component wider than this may be two touching digits
    cut_step: float = 0.12  # cuts lie at least this far apart
    thin: float = 0.8  # of the component's mean ink a column: only there it may be cut
    most_primitives: int = 4
    widest_digit: float = 1.25
    most_sure_cut: float = 0.9  # where the number of digits is open, a cut component is never surer than this
    readable: float = 0.5  # a piece less probable than this to be any one digit is not called one


@dataclass(frozen=True, slots=True, eq=False)
class _Candidate:
    """Primitives `first` to `last` - 1 taken as one digit.

    Attributes
    ----------
    digit
        Its picture, uint8 (28, 28).
    columns
        Its place in the wide box's picture.
    is_cut
        A part of a connected component is left to another digit.
    """

    first: int
    last: int
    digit: NDArray[np.uint8]
    columns: tuple[int, int]
    is_cut: bool


@dataclass(frozen=True, slots=True, eq=False)
class _Path:
    steps: tuple[int, ...]  # indices of candidates
    reading: str  # what they say
    log_likelihood: float  # mean over primitives, so that paths of different lengths compare


def read_strings(
    inks: Sequence[Ink],
    reasons: Sequence[Reason],
    boxes: Sequence[Box],
    score: Score,
    threshold: float,
    params: StringParams | None = None,
) -> tuple[DigitReading, ...]:
    """Read the wide boxes of a page, all their candidates with one call of `score`.

    Parameters
    ----------
    inks, reasons
        What cutting found in each box; an empty ink is a blank box.
    boxes
        Wide boxes; their `length` says how many digits each may hold.
    threshold
        Digits under this confidence are marked ``low_confidence``.

    Returns
    -------
    tuple of DigitReading
        For each box its digits in writing order, positions from 1; one reading without a digit for a box that is blank
        or cannot be cut into a number of digits that its length allows.
    """
    params = params or StringParams()
    candidates = [_candidates(ink, params) if ink.size else [] for ink in inks]
    every = [candidate.digit for found in candidates for candidate in found]
    probabilities = score(np.stack(every)) if every else np.zeros((0, len(CLASSES)), np.float32)
    readings: list[DigitReading] = []
    start = 0
    for ink, reason, box, found in zip(inks, reasons, boxes, candidates, strict=True):
        of_box = probabilities[start : start + len(found)]
        start += len(found)
        readings += _read(ink, reason, box, found, of_box, threshold, params)
    return tuple(readings)


def _read(
    ink: Ink,
    reason: Reason,
    box: Box,
    candidates: list[_Candidate],
    probabilities: NDArray[np.float32],
    threshold: float,
    params: StringParams,
) -> list[DigitReading]:
    nothing = np.zeros(len(CLASSES), np.float32)
    if not candidates:
        certain = 1.0 if reason == "blank" else 0.0
        return [DigitReading(box, None, certain, nothing, reason or "not_a_digit")]
    best, rival = _best_paths(candidates, probabilities, box.length)
    if best is None:
        return [DigitReading(box, None, 0.0, nothing, "not_a_digit")]
    # How sure the cutting is: the best path against the best one that reads otherwise.
    primitives = max(candidate.last for candidate in candidates)
    odds = np.exp(primitives * (rival.log_likelihood - best.log_likelihood)) if rival else 0.0
    sure = 1.0 / (1.0 + odds)
    if box.length[0] != box.length[1] and any(candidates[step].is_cut for step in best.steps):
        # A long tail cut off reads as a 1, and nothing says how many digits there should be: a person decides.
        sure = min(sure, params.most_sure_cut)
    readings = []
    for position, step in enumerate(best.steps, start=1):
        confidence = float(probabilities[step, :10].max() * sure)
        digit = CLASSES[int(probabilities[step, :10].argmax())] if confidence >= params.readable else None
        why: Reason = reason or ("" if confidence >= threshold else "low_confidence")
        part = replace(
            box, position=position, corners=_part_of(box, candidates[step].columns, ink.shape), length=(1, 1)
        )
        readings.append(DigitReading(part, digit, confidence, probabilities[step], why if digit else "not_a_digit"))
    return readings


def _part_of(box: Box, columns: tuple[int, int], shape: tuple[int, ...]) -> Points:
    """Place the columns of a wide box's ink picture on the scan; the picture has equal margins all round the box."""
    top_left, top_right, bottom_right, bottom_left = box.corners
    width, height = np.linalg.norm(top_right - top_left), np.linalg.norm(bottom_left - top_left)
    # Both margins are the same: (shape - box) solved for the scale that both directions share.
    scale = (shape[1] - shape[0]) / (width - height) if width - height > 1 else shape[0] / height
    margin = (shape[1] - scale * width) / 2
    start, stop = np.clip((np.array(columns) - margin) / (scale * width), 0.0, 1.0)
    top, bottom = top_right - top_left, bottom_right - bottom_left
    return np.array(
        [top_left + start * top, top_left + stop * top, bottom_left + stop * bottom, bottom_left + start * bottom]
    )


# --- candidates


def _candidates(ink: Ink, params: StringParams) -> list[_Candidate]:
    """Cut the writing of a wide box into all runs of primitives that may be one digit."""
    primitives, height = _primitives(ink, params)
    found = []
    for first in range(len(primitives)):
        for last in range(first + 1, min(first + params.most_primitives, len(primitives)) + 1):
            taken = np.maximum.reduce([part for part, _ in primitives[first:last]])
            used = np.flatnonzero(taken.max(axis=0) > params.level)
            columns = int(used[0]), int(used[-1]) + 1
            if last - first > 1 and columns[1] - columns[0] > params.widest_digit * height:
                break
            digit = normalize(taken, NormalizeParams(least_side_px=params.speck * height))
            is_cut = any(
                0 <= beside < len(primitives) and primitives[beside][1] == primitives[end][1]
                for beside, end in ((first - 1, first), (last, last - 1))
            )
            found.append(_Candidate(first, last, digit, columns, is_cut))
    return found


def _primitives(ink: Ink, params: StringParams) -> tuple[list[tuple[Ink, int]], int]:
    """Cut the writing into pieces no larger than a digit, left to right.

    Returns
    -------
    tuple
        Each piece with the number of the component it is cut from; and the writing's height in pixels.
    """
    strokes = (ink > params.level).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(strokes, connectivity=8)
    tall = [int(h) for h in stats[1:, cv2.CC_STAT_HEIGHT]]
    if not tall:
        return [], 0
    height = max(tall)
    least = params.speck * height
    kept = [i for i in range(1, count) if max(stats[i, cv2.CC_STAT_WIDTH], stats[i, cv2.CC_STAT_HEIGHT]) >= least]
    groups = _joined([(int(stats[i, 0]), int(stats[i, 0] + stats[i, 2]), [i]) for i in kept], params)
    primitives: list[tuple[Ink, int]] = []
    for number, (start, stop, members) in enumerate(groups):
        # The soft edge around a stroke comes with it.
        mask = cv2.dilate(np.isin(labels, members).astype(np.uint8), np.ones((3, 3), np.uint8))
        piece: Ink = ink * mask
        for left, right in pairwise([0, *_cuts(piece, start, stop, height, params), ink.shape[1]]):
            part = np.zeros_like(piece)
            part[:, left:right] = piece[:, left:right]
            if part.max() > params.level:
                primitives.append((part, number))
    return primitives, height


def _joined(spans: list[tuple[int, int, list[int]]], params: StringParams) -> list[tuple[int, int, list[int]]]:
    """Join components that stand over each other."""
    groups: list[tuple[int, int, list[int]]] = []
    for start, stop, members in sorted(spans):
        if groups:
            before_start, before_stop, before = groups[-1]
            shared = min(stop, before_stop) - start
            if shared > params.overlap * min(stop - start, before_stop - before_start):
                groups[-1] = before_start, max(stop, before_stop), before + members
                continue
        groups.append((start, stop, members))
    return groups


def _cuts(piece: Ink, start: int, stop: int, height: int, params: StringParams) -> list[int]:
    """Choose columns where a component too wide for one digit may be cut: where it has the least ink."""
    if stop - start <= params.widest * height:
        return []
    step = max(2, round(params.cut_step * height))
    across = cv2.blur(piece[:, start:stop].sum(axis=0, dtype=np.float32)[None], (3, 1))[0]
    cuts: list[int] = []
    for column in np.argsort(across, kind="stable").tolist():
        place = start + column
        is_inside = start + step <= place <= stop - step
        if (
            is_inside
            and all(abs(place - cut) >= 2 * step for cut in cuts)
            and across[column] < params.thin * across.mean()
        ):
            cuts.append(place)
    return sorted(cuts)


# --- the best path


def _best_paths(
    candidates: list[_Candidate], probabilities: NDArray[np.float32], length: tuple[int, int]
) -> tuple[_Path | None, _Path | None]:
    """Find the most likely path through all primitives of an allowed length, and the best that reads otherwise.

    A candidate counts by how many primitives it takes up, so that one bad piece is not hidden by being long.
    """
    digit_log = np.log(np.maximum(probabilities[:, :10], 1e-9))
    says = [CLASSES[digit] for digit in digit_log.argmax(axis=1)]
    total = max(candidate.last for candidate in candidates)
    # open_paths[end]: the best paths through the primitives before `end`
    open_paths: list[list[_Path]] = [[] for _ in range(total + 1)]
    open_paths[0] = [_Path((), "", 0.0)]
    by_start: dict[int, list[int]] = {}
    for index, candidate in enumerate(candidates):
        by_start.setdefault(candidate.first, []).append(index)
    for end in range(total):
        for index in by_start.get(end, []):
            candidate = candidates[index]
            gain = float(digit_log[index].max()) * (candidate.last - candidate.first) / total
            extended = [
                _Path((*path.steps, index), path.reading + says[index], path.log_likelihood + gain)
                for path in open_paths[end]
                if len(path.steps) < length[1]
            ]
            merged = open_paths[candidate.last] + extended
            open_paths[candidate.last] = _best_readings(merged)
    complete = [path for path in open_paths[total] if length[0] <= len(path.steps) <= length[1]]
    ranked = sorted(complete, key=lambda path: -path.log_likelihood)
    return (ranked[0] if ranked else None), (ranked[1] if len(ranked) > 1 else None)


def _best_readings(paths: list[_Path], rivals: int = 3) -> list[_Path]:
    """Keep the best path to each reading, and of each number of digits the best few."""
    ranked = sorted(paths, key=lambda path: -path.log_likelihood)
    best = sorted({path.reading: path for path in reversed(ranked)}.values(), key=lambda path: -path.log_likelihood)
    kept: list[_Path] = []
    for count in sorted({len(path.reading) for path in best}):
        kept += [path for path in best if len(path.reading) == count][:rivals]
    return kept
