"""Drawn marks that MNIST has none of: struck out boxes, marks that are no digit, and two ways of writing digits."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from formreader.normalize import NormalizeParams, normalize
from formreader.training import strokes
from formreader.training.wear import CANVAS_PX, DIGIT_PX, scan, warp
from formreader.values import Digits, Ink

WHOLE = (2, 3, 5, 6, 8)
"""Digits of which a half is nothing: half a 9 is a 1, half a 0 or 4 may be one too."""


def crosses(count: int, rng: Generator) -> Digits:
    """Draw boxes struck out with a cross; uint8 (count, 28, 28)."""
    return _finished((strokes.cross(rng) for _ in range(count)), count, rng)


def dashes(count: int, rng: Generator) -> Digits:
    """Draw boxes struck out with a dash; uint8 (count, 28, 28)."""
    return _finished((strokes.dash(rng) for _ in range(count)), count, rng, turn=False)


def others(count: int, rng: Generator, digits: Digits, labels: NDArray[np.int64]) -> Digits:
    """Draw marks that are no digit, some of them from the given digits; uint8 (count, 28, 28)."""

    def pick() -> Ink:
        return warp(digits[int(rng.integers(len(digits)))], rng)

    whole = digits[np.isin(labels, WHOLE)]
    whole = whole if len(whole) else digits
    drawn: tuple[tuple[float, Callable[[], Ink]], ...] = (
        (0.24, lambda: strokes.pair(pick(), pick(), rng)),
        (0.22, lambda: strokes.letter(rng)),
        (0.14, lambda: strokes.scribble(rng)),
        (0.10, lambda: strokes.struck(pick(), rng)),
        (0.06, lambda: strokes.tick(rng)),
        (0.10, lambda: strokes.speck(rng)),
        (0.06, lambda: strokes.residue(rng)),
        (0.04, lambda: strokes.blob(rng)),
        (0.04, lambda: strokes.part(warp(whole[int(rng.integers(len(whole)))], rng), rng)),
    )
    kinds = rng.choice(len(drawn), count, p=[share for share, _ in drawn])
    return _finished((drawn[kind][1]() for kind in kinds), count, rng)


def ones(count: int, rng: Generator) -> Digits:
    """Draw ones with a flag, most with a foot: MNIST has few; uint8 (count, 28, 28)."""
    return _finished((strokes.one(rng) for _ in range(count)), count, rng)


def crossed(sevens: Digits, rng: Generator) -> Digits:
    """Put a short bar through the stem of each seven; uint8 (n, 28, 28)."""
    return _finished((strokes.crossed_seven(warp(seven, rng), rng) for seven in sevens), len(sevens), rng)


def _finished(canvases: Iterable[Ink], count: int, rng: Generator, *, turn: bool = True) -> Digits:
    marks = np.zeros((count, 28, 28), np.uint8)
    for row, canvas in enumerate(canvases):
        ink = scan(warp(canvas, rng) if turn else canvas, rng)
        # Cutting passes a length of about a third of the box: what is smaller stays small.
        digit_px = DIGIT_PX * ink.shape[0] / CANVAS_PX
        marks[row] = normalize(ink, NormalizeParams(least_side_px=digit_px * rng.uniform(0.25, 0.6)))
    return marks
