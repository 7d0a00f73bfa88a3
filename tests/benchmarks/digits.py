"""Measure the shipped classifier on real digits: ``python -m tests.benchmarks.digits DATA_DIR [MODEL]``.

DATA_DIR holds ``mnist.npz`` (its test part is read), ``nsysu.npz`` (paper white), ``optdigits.npz`` and
``semeion.npz``; those that are missing are left out. All are brought through the project's own normalization.
"""

from __future__ import annotations

import sys
from pathlib import Path

from formreader.model import default_model_path, load_model
from formreader.training import evaluate, load_digits

NAMES = ("mnist", "nsysu", "optdigits", "semeion")


def main(folder: Path, path: Path) -> None:
    """Print a line a data set."""
    model = load_model(path)
    print(f"{path.name}, threshold {model.threshold:.4f}")
    for name in NAMES:
        if not (folder / f"{name}.npz").is_file():
            continue
        data = load_digits(str(folder / f"{name}.npz"))
        parts = (data.test_images, data.test_labels) if len(data.test_labels) else (data.images, data.labels)
        print(f"{name} (paper {data.paper}): {evaluate(model, *parts)}", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else default_model_path())
