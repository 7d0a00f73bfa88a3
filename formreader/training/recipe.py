"""Make a model from labelled digits: worn copies, drawn marks, folds by writer, calibration, card."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import Pipeline

from formreader.errors import TrainingDataError, UnusableCall
from formreader.model import DigitModel, in_blocks, save_model
from formreader.training.acceptance import Judgement, as_card, judged
from formreader.training.added import AddedDigits, parted, with_added
from formreader.training.calibration import calibrate
from formreader.training.card import DEFAULT, added_to, command, trained_on, versions
from formreader.training.classifiers import Classifier
from formreader.training.cut import load_cut, with_cut
from formreader.training.datasets import LabelledDigits, load_digits, read_npz
from formreader.training.evaluation import evaluate
from formreader.training.holdout import hold_out
from formreader.training.mislabelled import mislabelled
from formreader.training.pool import AUGMENTS, Pool, draw_pool
from formreader.values import CLASSES

Labels = NDArray[np.int64]
Progress = Callable[[str, float], None]


def _unwatched(_stage: str, _share: float) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True, eq=False)
class Addition:
    """What people's decisions add to a data set.

    Attributes
    ----------
    digits
        Of all their pages; some are kept out.
    before
        The model whose place the new one is to take.
    told
        Told how the two compare.
    """

    digits: AddedDigits
    before: DigitModel
    told: Callable[[Judgement], None] = lambda _: None


def train(
    source: str,
    output: Path,
    *,
    classifier: Classifier = DEFAULT,
    augment: str = "",
    split: float | None = None,
    leave_out: str | None = None,
    writers: Path | None = None,
    crops: Path | None = None,
    seed: int = 0,
    addition: Addition | None = None,
    progress: Progress = _unwatched,
) -> dict[str, Any]:
    """Train a model and write it with its card.

    Parameters
    ----------
    source
        See `datasets.load_digits`.
    output
        The ``.joblib`` to write; the card is written beside it as ``.json``.
    classifier
        What is fitted; see `classifiers.TABLE`.
    augment
        What is drawn beside the digits, of `pool.AUGMENTS`; the classifier's own where empty.
    split
        Share of the digits to learn from that is kept for the test instead, by writer where they are known; the
        source's own test part is then not looked at.
    leave_out
        A second source: digits that are the same picture as one of its are not learnt from, so that it can serve for
        tests. Their writers are learnt from.
    writers
        An ``.npz`` with ``writer_train``: who wrote each digit of the source's training part, in its order. Where
        neither it nor the source tells, digits are dealt to the folds singly, which makes the calibration too hopeful
        by what writers have in common.
    crops
        An ``.npz`` of boxes cut from drawn pages that the source's digits were written onto, to learn beside them; see
        `cut.CutDigits`. Crops of digits that are not learnt are not learnt either.
    addition
        Digits that people decided on scans. The model is then written only if it is not worse than the one before, on
        pages kept out of these and on the test digits: see `acceptance`.
    progress
        Told the stage's name and the share done, 0 to 1.

    Returns
    -------
    The card. With an `addition`, ``card["judged"]["objections"]`` says why nothing was written, if anything.

    Raises
    ------
    TrainingDataError
        A source or the writers' file holds nothing fit for this, or there are too few digits to add or to test on.
    UnusableCall
        There is no folder to write to, and none can be made.
    """
    augment = augment or classifier.augment
    params = AUGMENTS[augment]
    _make_folder(output)
    progress("load", 0.0)
    data = load_digits(source)
    known = _writers(writers, data)
    test = hold_out(data, known, split, seed)
    learnt, judging = parted(addition.digits) if addition else (None, None)
    if addition and not len(test.labels):
        raise TrainingDataError(f"{source}: has no test part to judge the new model on; keep one with --split 0.1")
    writer = np.random.default_rng(seed).permutation(len(data.labels)) if known is None else known
    kept = _kept(data, leave_out) & ~test.rows
    cut = load_cut(crops, data.labels) if crops else None
    images, labels, writer = data.images[kept], data.labels[kept], writer[kept]
    _enough(labels, writer, params.folds, source)
    if augment != "none":
        progress("draw", 0.05)
    folds = deal(labels, writer, params.folds)
    pool = draw_pool(images, labels, folds, seed, params)
    if cut:
        fold_of = np.full(len(kept), -1)
        fold_of[kept] = folds
        pool = with_cut(pool, cut, fold_of)
    if learnt:
        pool = with_added(pool, learnt, params.folds, seed, params)
    pipeline, calibration = _calibrated(pool, classifier, seed, params.folds, progress)
    made_of = trained_on(data, pool, kept, test.rows, leave_out, known is not None)
    card = {
        "name": output.stem,
        "classifier": {"name": str(classifier), "is": classifier.about},
        **calibration,
        "trained_on": {"augment": augment, **made_of},
        "tested_on": test.about,
        "seed": seed,
        "command": command(
            source, output, classifier, augment, split, leave_out, writers, crops, seed, addition is not None
        ),
        "fit": dict(classifier.settings),
        "recipe": asdict(params),
        "versions": versions(),
    }
    model = DigitModel(pipeline, card["threshold"], "", output.stem, card)
    if len(test.labels):
        progress("test", 0.95)
        card["test"] = evaluate(model, test.images, test.labels).as_dict()
    if addition and learnt and judging:
        progress("judge", 0.97)
        card["trained_on"]["added"] = added_to(learnt, judging, pool)
        judgement = judged(addition.before, model, test, judging, learnt)
        card |= as_card(judgement, addition.before)
        addition.told(judgement)
        if judgement.objections:
            return card
    progress("save", 1.0)
    return save_model(output, pipeline, card)


def _make_folder(output: Path) -> None:
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UnusableCall(f"{output}: cannot be written ({error.strerror}); name another place with -o") from error


def _calibrated(
    pool: Pool, classifier: Classifier, seed: int, folds: int, progress: Progress
) -> tuple[Pipeline, dict[str, Any]]:
    """Fit the classifier; its temperature and threshold come from pictures of writers left out."""
    margins, pipeline = _fitted(pool, classifier, seed, folds, progress)
    left_out = np.flatnonzero(np.isfinite(margins).any(axis=1))
    calibration = calibrate(margins[left_out], pool.part(left_out))
    pipeline[-1].temperature = calibration["temperature"]
    return pipeline, calibration


def _fitted(
    pool: Pool, classifier: Classifier, seed: int, folds: int, progress: Progress
) -> tuple[NDArray[np.float32], Pipeline]:
    """Fit the classifier to all, and tell the margins of pictures by one that knows none of their fold's writers.

    Returns
    -------
    The margins, float32 (n, 17), -inf of classes that are not known and of folds that are not judged, and the pipeline.
    """
    margins = np.full((len(pool.labels), len(CLASSES)), -np.inf, np.float32)
    judged = classifier.judged or folds
    held = [pool.folds == fold for fold in range(judged)] + [np.zeros(len(pool.labels), bool)]
    # A network is learnt on one core: then the folds are, side by side. An SVM uses all cores and gigabytes by itself.
    fits = Parallel(n_jobs=-1 if classifier.judged else 1, return_as="generator")(
        delayed(classifier.fit)(pool.part(~rows), seed) for rows in held
    )
    for fold in range(judged):
        progress("fold", 0.15 + 0.6 * fold / judged)
        pipeline, rows = next(fits), np.flatnonzero(held[fold])
        margins[np.ix_(rows, pipeline.classes_)] = in_blocks(pipeline.decision_function, pool.digits[rows])
    progress("fit", 0.75)
    return margins, next(fits)


def _writers(path: Path | None, data: LabelledDigits) -> Labels | None:
    """Give each digit its writer's number, as a file says or the data themselves; None where neither does."""
    if path is None:
        found = data.groups
    else:
        arrays = read_npz(path)
        if "writer_train" not in arrays:
            raise TrainingDataError(f"{path}: holds {', '.join(arrays)}; wanted the array writer_train")
        found = arrays["writer_train"]
        if found.shape != data.labels.shape:
            raise TrainingDataError(
                f"{path}: names {len(found)} writers for {len(data.labels)} digits; it belongs to other data"
            )
    return None if found is None else np.unique(found, return_inverse=True)[1].astype(np.int64)


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


def deal(labels: Labels, writer: Labels, folds: int) -> Labels:
    """Deal digits to parts of about equal size, all of a writer's to one; give each digit's part."""
    dealt = np.zeros(len(labels), np.int64)
    for fold, (_, held) in enumerate(GroupKFold(folds).split(labels, groups=writer)):
        dealt[held] = fold
    return dealt
