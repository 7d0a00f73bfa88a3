"""Wide boxes that hold several digits: strings of one writer's digits, drawn, cut and read.

    python -m tests.benchmarks.strings DIGITS_DIR [--model FILE] [--part choose|report] [--strings 200]

DIGITS_DIR holds ``mnist.npz`` and ``mnist_writers.npz``; only MNIST's training part is drawn. Writers are dealt by
their rank modulo 4: parameters are chosen on remainder 0, figures reported on remainder 1, and a model that learnt
from the others alone has seen no writer of either. **The shipped model learnt from nearly all of these digits**, so
its figures say how strings are cut, not how digits are read; `--model` takes one that did not.

Every string has 2 to 10 digits and is read twice: its length known, and open from 1 to 10. *Digit error* is the edit
distance to the truth for each digit. A string is accepted where its field has no reason to be looked at.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from formreader.crops import crop_digits
from formreader.fields import decode
from formreader.model import DigitModel, default_model_path, load_model
from formreader.strings import read_strings
from formreader.template import Field, Template
from formreader.values import AlignedPage, Box, Crops, Digits, FieldReading, Thresholds
from tests.benchmarks import string_drawing as drawn
from tests.benchmarks.string_drawing import Hand, Scanner

SEED: Final = 20
OPEN: Final = (1, 10)
PARTS: Final = {"choose": 0, "report": 1}

USUAL: Final = Hand(touching=0.1, slant=0.2, wander=0.05, size=0.08, small=0.03, broken=0.03)
HANDS: Final = {
    "clean, 300 dpi": (Hand(), Scanner(300)),
    "clean, 200 dpi": (Hand(), Scanner(200)),
    "clean, 150 dpi": (Hand(), Scanner(150)),
    "clean, 100 dpi": (Hand(), Scanner(100)),
    "close": (Hand(gap=(0.03, 0.12)), Scanner()),
    "slanted": (Hand(slant=0.4), Scanner()),
    "up and down, small digits": (Hand(wander=0.1, size=0.12, small=0.15), Scanner()),
    "broken strokes": (Hand(broken=0.4), Scanner()),
    "specks": (Hand(specks=4), Scanner()),
    "10 % touching": (Hand(touching=0.1), Scanner()),
    "30 % touching": (Hand(touching=0.3), Scanner()),
    "30 % touching, slanted": (Hand(touching=0.3, slant=0.4), Scanner()),
    "usual mixture, 300 dpi": (USUAL, Scanner(300)),
    "usual mixture, 200 dpi": (USUAL, Scanner(200)),
    "usual mixture, 100 dpi": (USUAL, Scanner(100)),
}
NO_STRINGS: Final = ("line", "cross", "zigzag", "underline", "struck digit", "one dash", "two dashes", "specks")


@dataclass(frozen=True, slots=True, eq=False)
class Wide:
    """A wide box on its page, and what was written into it; None for what must be flagged."""

    text: str | None
    page: AlignedPage
    box: Box


class Writers:
    """MNIST's training digits by writer."""

    def __init__(self, folder: Path, part: str, rng: Generator) -> None:
        with np.load(folder / "mnist.npz") as arrays:
            self._digits, self._labels = arrays["x_train"], arrays["y_train"]
        with np.load(folder / "mnist_writers.npz") as arrays:
            _, rank = np.unique(arrays["writer_train"], return_inverse=True)
        own = np.unique(rank[rank % 4 == PARTS[part]])
        self._pools = [np.flatnonzero(rank == writer) for writer in own]
        self._pools = [pool for pool in self._pools if len(pool) >= 20]
        self._rng = rng

    def string(self, size: int) -> tuple[str, list[NDArray[np.uint8]]]:
        """Draw a number of one writer's digits, none twice."""
        pool = self._pools[int(self._rng.integers(len(self._pools)))]
        chosen = self._rng.choice(pool, size, replace=False)
        return "".join(str(label) for label in self._labels[chosen]), list(self._digits[chosen])


def strings(writers: Writers, hand: Hand, scanner: Scanner, count: int, rng: Generator) -> Iterator[Wide]:
    """Draw boxes that hold a number."""
    for _ in range(count):
        text, pictures = writers.string(int(rng.integers(2, 11)))
        yield Wide(text, *drawn.scanned(drawn.string(pictures, hand, rng), scanner, hand, rng))


def no_strings(writers: Writers, kind: str, count: int, rng: Generator) -> Iterator[Wide]:
    """Draw boxes that hold no number, or one that was marked."""
    for _ in range(count):
        hand = replace(USUAL, specks=6 if kind == "specks" else 0)
        text, pictures = writers.string(int(rng.integers(2, 8)))
        ink: drawn.Mask | None
        if kind == "specks":
            text, ink = "", None
        elif kind.endswith(("dash", "dashes")):
            ink = drawn.dashes(1 if kind == "one dash" else 2, rng)
        elif kind == "struck digit":
            at = int(rng.integers(len(pictures)))
            pictures[at] = _crossed_out(pictures[at], rng)
            ink = drawn.string(pictures, hand, rng)
        else:
            ink = drawn.struck(drawn.string(pictures, hand, rng), kind, rng)
        yield Wide(text if kind in ("underline", "specks") else None, *drawn.scanned(ink, Scanner(), hand, rng))


def _crossed_out(picture: NDArray[np.uint8], rng: Generator) -> NDArray[np.uint8]:
    """Strike a digit (28, 28) with two or three lines."""
    crossed = picture.copy()
    for _ in range(int(rng.integers(2, 4))):
        a, b = rng.integers(5, 23, 2).tolist()
        cv2.line(crossed, (3, a), (24, b), 255, 2)
    return crossed


@dataclass(frozen=True, slots=True, eq=False)
class Reader:
    """Reads wide boxes as the program does, and counts what that costs."""

    model: DigitModel
    spent: Counter[str]

    def score(self, digits: Digits) -> NDArray[np.float32]:
        """Ask the model, counting."""
        self.spent["calls"] += 1
        self.spent["candidates"] += len(digits)
        return self.model.predict_proba(digits)

    def read(self, cut: Crops, box: Box, length: tuple[int, int]) -> FieldReading:
        """Read one box of a length."""
        start = time.perf_counter()
        found = read_strings(
            cut.inks, cut.reasons, [replace(box, length=length)], self.score, Thresholds((self.model.threshold,))
        )
        self.spent["us"] += round(1e6 * (time.perf_counter() - start))
        self.spent["boxes"] += 1
        field = Field("value", ((0, 0, 1, 1),), length)
        return decode(found, Template("form", 10, 10, 300, (field,)))[0]


def edit_distance(truth: str, read: str) -> int:
    """Count the digits to change, drop or add (Levenshtein 1966)."""
    row = list(range(len(read) + 1))
    for i, wanted in enumerate(truth, 1):
        before, row[0] = row[0], i
        for j, got in enumerate(read, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (wanted != got))
    return row[-1]


def measured(
    name: str, wides: Iterator[Wide], reader: Reader, watch: Callable[[str, Wide, FieldReading, Crops], None]
) -> str:
    """Read some boxes, known length and open, and give a line of figures."""
    counts: Counter[str] = Counter()
    for wide in wides:
        box = replace(wide.box, length=OPEN)
        cut = crop_digits(wide.page, (box,))
        size = len(wide.text or "12345")
        lengths = {"known": (size, size), "open": OPEN} if size else {"open": OPEN}
        counts["digits"] += len(wide.text or "")
        counts["boxes"] += 1
        for mode, length in lengths.items():
            answer = reader.read(cut, box, length)
            right = answer.value == wide.text
            counts[f"{mode} right"] += right
            counts[f"{mode} errors"] += edit_distance(wide.text or "", answer.value)
            verdict = "flagged" if answer.reasons else "accepted-right" if right else "accepted-wrong"
            counts[f"{mode} {verdict}"] += 1
            if not right or verdict == "accepted-wrong":
                watch(f"{name} {mode} {verdict}", wide, answer, cut)
    parts = [f"{name:<28}{counts['boxes']:>5}"]
    for mode in ("known", "open"):
        shares = [counts[f"{mode} {what}"] / counts["boxes"] for what in ("right", "accepted-right", "flagged")]
        error = f"{counts[f'{mode} errors'] / counts['digits']:.1%}" if counts["digits"] else "-"
        parts.append(f"{shares[0]:>8.1%}{error:>8}{shares[1]:>8.1%}{shares[2]:>8.1%}")
        parts.append(f"{counts[f'{mode} accepted-wrong']:>6}")
    return "".join(parts)


def _unwatched(_name: str, _wide: Wide, _answer: FieldReading, _cut: Crops) -> None:
    """Look at nothing."""


def _save_to(folder: Path) -> Callable[[str, Wide, FieldReading, Crops], None]:
    folder.mkdir(parents=True, exist_ok=True)

    def save(name: str, wide: Wide, answer: FieldReading, cut: Crops) -> None:
        file = f"{name} {len(list(folder.iterdir())):04} {wide.text} as {answer.value.replace('?', 'q')}.png"
        pictures = [wide.page.pixels, *(255 - ink for ink in cut.inks if ink.size)]
        width = max(picture.shape[1] for picture in pictures)
        rows = [np.pad(p, ((0, 4), (0, width - p.shape[1])), constant_values=200) for p in pictures]
        cv2.imwrite(str(folder / file.replace("%", "").replace(",", "").replace(" ", "_")), np.vstack(rows))

    return save


def main() -> None:
    """Print a line a condition."""
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").split("\n")[0], formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("digits", type=Path)
    parser.add_argument("--model", type=Path, default=default_model_path())
    parser.add_argument("--part", choices=PARTS, default="report")
    parser.add_argument("--strings", type=int, default=200, help="of each condition")
    parser.add_argument("--only", default="", help="conditions whose name holds this")
    parser.add_argument("--pictures", type=Path, help="folder for pictures of what is not read right")
    given = parser.parse_args()
    reader = Reader(load_model(given.model), Counter())
    watch = _save_to(given.pictures) if given.pictures else _unwatched
    print(f"{given.model.name}, threshold {reader.model.threshold:.4f}, writers to {given.part}; known | open length:")
    head = "".join(f"{word:>8}" for word in ("right", "digerr", "acc-ok", "flagged")) + "   BAD"
    print(f"{'':<28}{'n':>5}{head}{head}")
    for number, name in enumerate([*HANDS, *(f"no string: {kind}" for kind in NO_STRINGS)]):
        if given.only not in name:
            continue
        rng = np.random.default_rng([SEED, PARTS[given.part], number])
        writers = Writers(given.digits, given.part, rng)
        if name in HANDS:
            wides = strings(writers, *HANDS[name], given.strings, rng)
        else:
            wides = no_strings(writers, name.removeprefix("no string: "), given.strings, rng)
        print(measured(name, wides, reader, watch), flush=True)
    boxes = max(reader.spent["boxes"], 1)
    per_box = reader.spent["us"] / 1000 / boxes, reader.spent["candidates"] / boxes
    print(f"{per_box[0]:.1f} ms and {per_box[1]:.1f} candidates a box")


if __name__ == "__main__":
    main()
