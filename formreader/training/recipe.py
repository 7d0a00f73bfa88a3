"""Make a model from labelled digits: worn copies, drawn marks, folds by writer, calibration, card."""

from __future__ import annotations

import platform
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import sklearn
from numpy.typing import NDArray
from sklearn.model_selection import GroupKFold

from formreader.errors import TrainingDataError
from formreader.model import DigitModel, in_blocks, save_model
from formreader.training.calibration import calibrate
from formreader.training.datasets import LabelledDigits, load_digits, read_npz
from formreader.training.evaluation import evaluate
from formreader.training.fitting import FitParams, fit
from formreader.training.mislabelled import mislabelled
from formreader.training.pool import CLEAN, JUNK, SCANNED, STYLED, WORN, Pool, RecipeParams, draw_pool
from formreader.values import CLASSES

Labels = NDArray[np.int64]
Progress = Callable[[str, float], None]


def _unwatched(_stage: str, _share: float) -> None:
    """Tell nobody."""


def train(
    source: str,
    output: Path,
    *,
    leave_out: str | None = None,
    writers: Path | None = None,
    seed: int = 0,
    progress: Progress = _unwatched,
    fit_params: FitParams | None = None,
    params: RecipeParams | None = None,
) -> dict[str, Any]:
    """Train a model and write it with its card.

    Parameters
    ----------
    source
        See `datasets.load_digits`.
    output
        The ``.joblib`` to write; the card is written beside it as ``.json``.
    leave_out
        A second source: digits that are the same picture as one of its are not learnt from, so that it can serve for
        tests. Their writers are learnt from.
    writers
        An ``.npz`` with ``writer_train``: who wrote each digit of the source's training part, in its order. Without it
        digits are dealt to the folds singly, which makes the calibration too hopeful by what writers have in common.
    progress
        Told the stage's name and the share done, 0 to 1.

    Returns
    -------
    The card.

    Raises
    ------
    TrainingDataError
        A source or the writers' file holds nothing fit for this.
    """
    params, fit_params = params or RecipeParams(), fit_params or FitParams()
    progress("load", 0.0)
    data = load_digits(source)
    writer = _writers(writers, len(data.labels), seed)
    kept = _kept(data, leave_out)
    images, labels, writer = data.images[kept], data.labels[kept], writer[kept]
    _enough(labels, writer, params.folds, source)
    progress("draw", 0.05)
    pool = draw_pool(images, labels, _deal(labels, writer, params.folds), seed, params)
    margins = _out_of_fold(pool, seed, fit_params, params.folds, progress)
    calibration = calibrate(margins, pool)
    progress("fit", 0.75)
    classifier = fit(pool.digits, pool.labels, seed, fit_params)
    classifier[-1].temperature = calibration["temperature"]
    card = {
        "name": output.stem,
        **calibration,
        "trained_on": _trained_on(data, pool, kept, leave_out, writers),
        "seed": seed,
        "command": _command(source, output, leave_out, writers, seed),
        "fit": asdict(fit_params),
        "recipe": asdict(params),
        "versions": {
            "python": platform.python_version(),
            "numpy": np.__version__,
            "scikit-learn": sklearn.__version__,
            "opencv": cv2.__version__,
        },
    }
    if len(data.test_labels):
        model = DigitModel(classifier, card["threshold"], "", output.stem, card)
        card["test"] = evaluate(model, data.test_images, data.test_labels).as_dict()
    progress("save", 1.0)
    return save_model(output, classifier, card)


def _out_of_fold(pool: Pool, seed: int, fit_params: FitParams, folds: int, progress: Progress) -> NDArray[np.float32]:
    """Give the margins of every picture by a model that knows none of its fold's writers."""
    margins = np.zeros((len(pool.labels), len(CLASSES)), np.float32)
    for fold in range(folds):
        progress("fold", 0.15 + 0.6 * fold / folds)
        rest, held = pool.folds != fold, pool.folds == fold
        classifier = fit(pool.digits[rest], pool.labels[rest], seed, fit_params)
        margins[held] = in_blocks(classifier.decision_function, pool.digits[held])
    return margins


def _writers(path: Path | None, count: int, seed: int) -> Labels:
    """Who wrote each digit; without a file each digit is a writer of its own."""
    if path is None:
        return np.random.default_rng(seed).permutation(count).astype(np.int64)
    arrays = read_npz(path)
    if "writer_train" not in arrays:
        raise TrainingDataError(f"{path}: holds {', '.join(arrays)}; wanted the array writer_train")
    found = arrays["writer_train"].astype(np.int64)
    if found.shape != (count,):
        raise TrainingDataError(f"{path}: names {len(found)} writers for {count} digits; it belongs to other data")
    return found


def _kept(data: LabelledDigits, leave_out: str | None) -> NDArray[np.bool_]:
    """Which digits are rightly labelled and not to be left out; pictures are compared after normalization."""
    kept = ~mislabelled(data.images)
    if leave_out is not None:
        unwanted = {digit.tobytes() for digit in load_digits(leave_out).images}
        kept &= np.array([digit.tobytes() not in unwanted for digit in data.images], bool)
    return kept


def _enough(labels: Labels, writer: Labels, folds: int, source: str) -> None:
    missing = [digit for digit in range(10) if (labels == digit).sum() < folds]
    if missing:
        raise TrainingDataError(
            f"{source}: too few pictures of {', '.join(map(str, missing))}; {folds} of each are needed"
        )
    if len(np.unique(writer)) < folds:
        raise TrainingDataError(f"{source}: at least {folds} writers are needed to judge the model")


def _deal(labels: Labels, writer: Labels, folds: int) -> Labels:
    dealt = np.zeros(len(labels), np.int64)
    for fold, (_, held) in enumerate(GroupKFold(folds).split(labels, groups=writer)):
        dealt[held] = fold
    return dealt


def _trained_on(
    data: LabelledDigits, pool: Pool, kept: NDArray[np.bool_], leave_out: str | None, writers: Path | None
) -> dict[str, Any]:
    counts = {
        name: int((pool.kinds == kind).sum())
        for name, kind in {"clean": CLEAN, "scanned": SCANNED, "worn": WORN, "styled": STYLED, "junk": JUNK}.items()
    }
    wrong = mislabelled(data.images)
    return {
        "source": data.source,
        "paper": data.paper,
        "pictures": counts,
        "mislabelled": f"{int(wrong.sum())} digits that a person reads otherwise than their label says, left out",
        "left_out": None
        if leave_out is None
        else f"{int((~kept & ~wrong).sum())} digits that are in {Path(leave_out).name}; their writers are not left out",
        "folds": "by writer" if writers else "at random: writers are not known, so that the calibration is hopeful",
    }


def _command(source: str, output: Path, leave_out: str | None, writers: Path | None, seed: int) -> str:
    """Give the call that makes this model again; without folders, which are another machine's."""
    words = ["formreader train", "--data", Path(source).name, "-o", output.name]
    words += ["--leave-out", Path(leave_out).name] if leave_out else []
    words += ["--writers", writers.name] if writers else []
    return " ".join([*words, "--seed", str(seed)])
