"""Drawn marks that MNIST has none of: struck out boxes, marks that are no digit, and other ways of writing digits."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from formreader.normalize import NormalizeParams, normalize
from formreader.training import glyphs, strokes
from formreader.training.wear import CANVAS_PX, COARSE_MARKS, DEFAULT, DIGIT_PX, WearParams, scan, warp
from formreader.values import Digits, Ink


@dataclass(frozen=True, slots=True, eq=False)
class Sources:
    """What marks are drawn from: digits, uint8 (n, 28, 28), and chance."""

    digits: Digits
    rng: Generator

    def digit(self) -> Ink:
        """Give one of the digits on a canvas, warped."""
        return warp(self.digits[int(self.rng.integers(len(self.digits)))], self.rng)


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of mark.

    Attributes
    ----------
    answer
        What the classifier should say: one of `values.CLASSES`.
    share
        How many there are for each digit learnt from.
    upright
        The mark must not be turned: a dash would become a diagonal.
    wear
        How it is scanned.
    """

    answer: str
    share: float
    draw: Callable[[Sources], Ink]
    upright: bool = False
    wear: WearParams = DEFAULT


KINDS: Final[dict[str, Kind]] = {
    "cross": Kind("X", 0.06, lambda of: strokes.cross(of.rng), wear=COARSE_MARKS),
    "dash": Kind("-", 0.04, lambda of: strokes.dash(of.rng), upright=True, wear=COARSE_MARKS),
    "diagonal": Kind("/", 0.03, lambda of: strokes.diagonal(of.rng), upright=True, wear=COARSE_MARKS),
    "pair": Kind("&", 0.07, lambda of: strokes.pair(of.digit(), of.digit(), of.rng)),
    "letter": Kind("A", 0.10, lambda of: glyphs.letter(of.rng)),
    "scribble": Kind("#", 0.04, lambda of: strokes.scribble(of.rng)),
    "struck": Kind("#", 0.04, lambda of: strokes.struck(of.digit(), of.rng)),
    "blob": Kind("#", 0.01, lambda of: strokes.blob(of.rng)),
    "tick": Kind("?", 0.02, lambda of: strokes.tick(of.rng)),
    "stray": Kind("?", 0.02, lambda of: strokes.stray(of.rng)),
    "speck": Kind("?", 0.03, lambda of: strokes.speck(of.rng)),
    "grain": Kind("?", 0.01, lambda of: strokes.grain(of.rng)),
    "residue": Kind("?", 0.02, lambda of: strokes.residue(of.rng)),
}


def draw(kind: str, count: int, sources: Sources) -> Digits:
    """Draw marks of one kind; uint8 (count, 28, 28)."""
    chosen = KINDS[kind]
    canvases = (chosen.draw(sources) for _ in range(count))
    return _finished(canvases, count, sources.rng, chosen.wear, turn=not chosen.upright)


def styled(labels: NDArray[np.int64], rng: Generator) -> Digits:
    """Draw digits in styles that MNIST has few of; uint8 (n, 28, 28)."""

    def one_of(label: int) -> Ink:
        footed = label == 1 and rng.random() < 0.6
        return strokes.one(rng) if footed else glyphs.digit(label, rng)

    return _finished((one_of(int(label)) for label in labels), len(labels), rng)


def _finished(
    canvases: Iterable[Ink], count: int, rng: Generator, how: WearParams = DEFAULT, *, turn: bool = True
) -> Digits:
    marks = np.zeros((count, 28, 28), np.uint8)
    for row, canvas in enumerate(canvases):
        ink = scan(warp(canvas, rng) if turn else canvas, rng, how)
        # Cutting passes a length of about a third of the box: what is smaller stays small.
        digit_px = DIGIT_PX * ink.shape[0] / CANVAS_PX
        marks[row] = normalize(ink, NormalizeParams(least_side_px=digit_px * rng.uniform(0.25, 0.6)))
    return marks
