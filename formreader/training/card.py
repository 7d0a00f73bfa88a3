"""What a card says of how a model was made."""

from __future__ import annotations

import platform
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from formreader.training.added import AddedDigits
from formreader.training.classifiers import TABLE, Classifier
from formreader.training.datasets import LabelledDigits
from formreader.training.mislabelled import mislabelled
from formreader.training.pool import BENT, CLEAN, CUT, JUNK, SCANNED, STYLED, WORN, Pool

DEFAULT = TABLE[0]
KINDS = {"clean": CLEAN, "scanned": SCANNED, "worn": WORN, "styled": STYLED, "junk": JUNK, "cut": CUT}


def trained_on(
    data: LabelledDigits,
    pool: Pool,
    kept: NDArray[np.bool_],
    held: NDArray[np.bool_],
    leave_out: str | None,
    by_writer: bool,
) -> dict[str, Any]:
    """Say what was learnt, and what was left out of it.

    Parameters
    ----------
    kept, held
        bool (n,): which of the data's digits were learnt, and which were kept for the test.
    """
    counts = {name: int((pool.kinds == kind).sum()) for name, kind in KINDS.items()}
    wrong = mislabelled(data.images) & ~held
    unwanted = int((~kept & ~held & ~wrong).sum())
    return {
        "source": data.source,
        "paper": data.paper,
        "pictures": counts,
        "mislabelled": f"{int(wrong.sum())} digits that a person reads otherwise than their label says, left out",
        "left_out": None
        if leave_out is None
        else f"{unwanted} digits that are in {Path(leave_out).name}; their writers are not left out",
        "folds": "by writer" if by_writer else "at random: writers are not known, so that the calibration is hopeful",
    }


def versions() -> dict[str, str]:
    """Say which libraries made the model; torch and onnx where a network could be trained."""
    with_network = [name for name in ("torch", "onnx") if find_spec(name)]
    found = {name: version(name) for name in ("numpy", "scikit-learn", *with_network)}
    return {"python": platform.python_version(), **found, "opencv": cv2.__version__}


def command(
    source: str,
    output: Path,
    classifier: Classifier,
    augment: str,
    split: float | None,
    leave_out: str | None,
    writers: Path | None,
    crops: Path | None,
    seed: int,
    added: bool,
) -> str:
    """Give the call that makes this model again; without folders, which are another machine's."""
    words = ["formreader train", "--data", Path(source).name]
    words += ["--classifier", classifier.name] if classifier.name != DEFAULT.name else []
    words += ["--optimizer", classifier.optimizer] if classifier.optimizer else []
    words += ["--augment", augment] if augment != classifier.augment else []
    words += ["--split", f"{split:g}"] if split else []
    words += ["-o", output.name]
    words += ["--leave-out", Path(leave_out).name] if leave_out else []
    words += ["--writers", writers.name] if writers else []
    words += ["--crops", crops.name] if crops else []
    words += ["--add", "RESULTS"] if added else []
    return " ".join([*words, "--seed", str(seed)])


def added_to(learnt: AddedDigits, kept: AddedDigits, pool: Pool) -> dict[str, Any]:
    """Say how many digits of people's decisions were learnt; whose they are cannot be told from it."""
    return {
        "digits": len(learnt.labels),
        "corrected": int(learnt.corrected.sum()),
        "pages": learnt.page_count,
        "bent_copies": int((pool.kinds == BENT).sum()),
        "batches": list(learnt.batches),
        "kept_out": {"digits": len(kept.labels), "pages": kept.page_count},
    }
