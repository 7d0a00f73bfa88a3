"""Measure a classifier on real digits: ``python -m tests.benchmarks.digits DATA_DIR [default|accurate|MODEL]``.

DATA_DIR holds ``mnist.npz`` (its test part is read), ``nsysu.npz`` (paper white), ``optdigits.npz`` and
``semeion.npz``; those that are missing are left out. All are brought through the project's own normalization. Of
nsysu's quizzes every second one is for choosing between models, the others are for reporting only. Semeion's digits are
stretched to fill their square, which makes bars of its ones: it is read with and without them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from formreader.model import load_model, model_path
from formreader.training import load_digits
from formreader.training.evaluation import ask, report_on
from formreader.values import Digits

NAMES = ("mnist", "nsysu", "optdigits", "semeion")
RISKS = (0.001, 0.003, 0.01)

Part = tuple[str, Digits, NDArray[np.int64]]


def parts(folder: Path, name: str) -> Iterator[Part]:
    """Give what is read of one data set."""
    data = load_digits(str(folder / f"{name}.npz"), only_test=True)
    if len(data.test_labels):
        yield f"{name}, test", data.test_images, data.test_labels
    elif data.groups is None:
        yield name, data.images, data.labels
        if name == "semeion":
            yield "semeion without its ones", data.images[data.labels != 1], data.labels[data.labels != 1]
    else:
        first = np.isin(data.groups, np.unique(data.groups)[::2])
        yield f"{name}, for choosing", data.images[first], data.labels[first]
        yield f"{name}, for reporting", data.images[~first], data.labels[~first]


def main(folder: Path, path: Path) -> None:
    """Print two lines a data set."""
    model = load_model(path)
    print(f"{path.name}, threshold {model.threshold:.4f}")
    for name in NAMES:
        if not (folder / f"{name}.npz").is_file():
            continue
        for title, images, labels in parts(folder, name):
            answers = ask(model, images, labels)
            report = report_on(answers)
            print(f"{title}: {report}; calibration error {report.calibration_error:.2%}")
            shares = (f"{1 - answers.risk.flagged_for(risk):.1%} at {risk:.1%} wrong" for risk in RISKS)
            print(f"  could be accepted: {', '.join(shares)}", flush=True)
            for limit in model.card.get("thresholds_for_clean_digits", ()) if name == "mnist" else ():
                taken = answers.is_digit & (answers.confidence >= limit["threshold"])
                print(
                    f"  to be wrong in {limit['allowed']:.3%} of clean digits, threshold {limit['threshold']:.4f}: "
                    f"flagged {1 - taken.mean():.2%}, wrong {(taken & answers.wrong).sum()} of {taken.sum()}"
                )


if __name__ == "__main__":
    main(Path(sys.argv[1]), model_path(sys.argv[2] if len(sys.argv) > 2 else "default"))
