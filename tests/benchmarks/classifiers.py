"""Compare the classifiers of ``formreader train``: ``python -m tests.benchmarks.classifiers DATA [--quick]``.

DATA holds ``mnist.npz`` and ``mnist_writers.npz``. Each is trained on the same four fifths of MNIST's training part and
tested on the writers left out; MNIST's test part is not touched. All learn the digits as they are (``--augment none``):
this compares classifiers, and such models read no forms. Prints a table in Markdown, the best first. Run it with
OMP_NUM_THREADS=1, for speeds of one core.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np

from formreader.model import load_model
from formreader.training import TABLE, Classifier, evaluate, load_digits, train
from formreader.training.datasets import LabelledDigits

SPLIT: Final = 0.2
TIMED: Final = 3000
"""Digits whose reading is timed."""
TENTH: Final = slice(None, None, 10)

HEAD: Final = (
    "| classifier | error (95 % interval) | accuracy | accepted | wrong of these | digits/s | file | training |",
    "|---|---|---|---|---|---|---|---|",
)


@dataclass(frozen=True, slots=True)
class Row:
    """What one classifier came to."""

    classifier: Classifier
    test: dict[str, Any]
    per_s: float
    size: int
    training_s: float

    def __str__(self) -> str:
        low, high = self.test["interval"]
        cells = (
            str(self.classifier),
            f"{self.test['error']:.2%} ({low:.2%} to {high:.2%})",
            f"{1 - self.test['error']:.4f}",
            f"{self.test['accepted']:.1%}",
            f"{self.test['accepted_wrong']}",
            f"{self.per_s:,.0f}",
            f"{self.size / 1e6:.1f} MB",
            f"{self.training_s:.0f} s",
        )
        return f"| {' | '.join(cells)} |"


def measure(classifier: Classifier, source: Path, writers: Path, shown: LabelledDigits, folder: Path) -> Row:
    """Train one, and time it on a few digits."""
    path = folder / f"{classifier}.joblib"
    start = time.perf_counter()
    card = train(str(source), path, classifier=classifier, augment="none", split=SPLIT, writers=writers)
    took = time.perf_counter() - start
    speed = evaluate(load_model(path), shown.images[:TIMED], shown.labels[:TIMED]).digits_per_second
    return Row(classifier, card["test"], speed, path.stat().st_size, took)


def a_tenth(source: Path, writers: Path, folder: Path) -> tuple[Path, Path]:
    """Write every tenth digit, with its writer."""
    with np.load(source) as arrays, np.load(writers) as who:
        np.savez(folder / "tenth.npz", x_train=arrays["x_train"][TENTH], y_train=arrays["y_train"][TENTH])
        np.savez(folder / "who.npz", writer_train=who["writer_train"][TENTH])
    return folder / "tenth.npz", folder / "who.npz"


def main() -> None:
    """Print the table; each classifier's row goes to stderr as soon as it is known."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--quick", action="store_true", help="with a tenth of the digits, to see that it runs")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="these classifiers alone")
    given = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source, writers = given.data / "mnist.npz", given.data / "mnist_writers.npz"
        if given.quick:
            source, writers = a_tenth(source, writers, folder)
        shown = load_digits(str(source))
        for classifier in TABLE:
            if any(find_spec(library) is None for library in classifier.needs):
                print(f"left out, as {' or '.join(classifier.needs)} is not installed: {classifier}", file=sys.stderr)
            elif not given.only or classifier.name in given.only:
                rows.append(measure(classifier, source, writers, shown, folder))
                print(rows[-1], file=sys.stderr, flush=True)
    print(*HEAD, *sorted(rows, key=lambda row: float(row.test["error"])), sep="\n")


if __name__ == "__main__":
    main()
