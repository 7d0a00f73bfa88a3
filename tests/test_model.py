"""A model is opened only when it is the one its card describes, and used only when it answers as it did when made."""

from __future__ import annotations

import json
import pickle
import shutil
import time
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.decomposition import PCA
from sklearn.kernel_approximation import Nystroem
from sklearn.pipeline import Pipeline

from formreader.errors import ModelError
from formreader.features import DirectionFeatures
from formreader.model import (
    DigitModel,
    default_model_path,
    load_model,
    probe_digits,
    save_model,
)
from formreader.svm import LandmarkSVM, softmax
from formreader.values import CLASSES

CARD = {"name": "small", "threshold": 0.9}


def small_classifier(seed: int = 0) -> Pipeline:
    """Make a model of the right shape, of no worth."""
    rng = np.random.default_rng(seed)
    features = DirectionFeatures()
    rows = features.transform(rng.integers(0, 256, (40, 28, 28)).astype(np.uint8))
    pca = PCA(5, svd_solver="full").fit(rows)
    draw = rng.standard_normal
    svm = LandmarkSVM(
        pca.transform(rows)[:9],
        draw((9, len(CLASSES))).astype(np.float32),
        draw(len(CLASSES)).astype(np.float32),
        gamma=0.7,
        temperature=0.5,
    )
    return Pipeline([("features", features), ("pca", pca), ("svm", svm)])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "a model.joblib"
    save_model(path, small_classifier(), CARD)
    return path


def edit_card(path: Path, **changes: object) -> None:
    card = path.with_suffix(".json")
    card.write_text(json.dumps({**json.loads(card.read_text()), **changes}))


def test_what_is_saved_is_loaded(path: Path) -> None:
    model = load_model(path)
    assert (model.name, model.threshold) == ("small", 0.9)
    assert model.card["classes"] == CLASSES
    digits = probe_digits()
    direct = DigitModel(small_classifier(), 0.9, "", "", {})
    np.testing.assert_allclose(model.predict_proba(digits), direct.predict_proba(digits), atol=1e-6)


def test_the_svm_is_scikit_learns_kernel_and_a_linear_map() -> None:
    rows = np.random.default_rng(0).standard_normal((30, 4)).astype(np.float32)
    nystroem = Nystroem(gamma=0.3, n_components=10, random_state=0).fit(rows)
    head = np.random.default_rng(1).standard_normal((10, 17))
    weights = (nystroem.normalization_.T @ head).astype(np.float32)
    svm = LandmarkSVM(nystroem.components_, weights, np.zeros(17, np.float32), 0.3)
    np.testing.assert_allclose(svm.decision_function(rows), nystroem.transform(rows) @ head, atol=1e-3)


def test_a_file_that_is_not_the_cards_is_not_opened(path: Path, tmp_path: Path) -> None:
    trap = tmp_path / "opened"
    path.write_bytes(pickle.dumps(Trap(trap)))
    with pytest.raises(ModelError, match=r"not the one its card describes.*formreader train"):
        load_model(path)
    assert not trap.exists()


class Trap:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, tuple[Path]]:
        return Path.touch, (self.path,)


def test_a_missing_model_or_card_is_named(path: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"none\.joblib.*formreader train"):
        load_model(tmp_path / "none.joblib")
    path.with_suffix(".json").unlink()
    with pytest.raises(ModelError, match=r"a model\.json.*formreader train"):
        load_model(path)


@pytest.mark.parametrize("text", ["", "{", "[]", "[" * 100_000, '"card"', "{}", '{"format": 99}', "\ufeff\x00"])
def test_a_broken_card_is_refused(path: Path, text: str) -> None:
    path.with_suffix(".json").write_text(text, encoding="utf-8")
    with pytest.raises(ModelError, match=r"a model\.json.*formreader train"):
        load_model(path)


def test_a_card_that_lacks_what_loading_needs_is_refused(path: Path) -> None:
    edit_card(path, threshold=None, sha256=3)
    with pytest.raises(ModelError, match="lacks sha256, threshold"):
        load_model(path)


def test_a_model_that_answers_its_probe_otherwise_is_refused(path: Path) -> None:
    edit_card(path, probe=np.roll(json.loads(path.with_suffix(".json").read_text())["probe"], 1, axis=1).tolist())
    with pytest.raises(ModelError, match="answers its probe otherwise"):
        load_model(path)


@pytest.mark.parametrize("threshold", [float("nan"), -1.0, 0.0, 1.5])
def test_a_threshold_that_would_flag_nothing_or_all_is_refused(path: Path, threshold: float) -> None:
    edit_card(path, threshold=threshold)
    with pytest.raises(ModelError, match="must be over 0 up to 1"):
        load_model(path)


@pytest.mark.parametrize("probe", [[], [[1.0]], "none", [["a"] * len(CLASSES)] * 6])
def test_a_probe_of_another_shape_is_refused(path: Path, probe: object) -> None:
    edit_card(path, probe=probe)
    with pytest.raises(ModelError, match="formreader train"):
        load_model(path)


def test_a_file_that_holds_something_else_is_refused(path: Path) -> None:
    joblib.dump({"features": 1}, path)
    edit_card(path, sha256=joblib_digest(path))
    with pytest.raises(ModelError, match="does not work with the installed libraries"):
        load_model(path)


def joblib_digest(path: Path) -> str:
    import hashlib

    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_second_load_is_the_same_object_and_a_new_file_another(path: Path) -> None:
    first = load_model(path)
    assert load_model(path) is first
    save_model(path, small_classifier(1), CARD)
    assert load_model(path).fingerprint != first.fingerprint


def test_it_travels_to_other_processes_as_its_path(path: Path) -> None:
    model = load_model(path)
    packed = pickle.dumps(model)
    assert len(packed) < 500
    assert pickle.loads(packed) is model


def test_a_model_that_was_replaced_meanwhile_is_not_taken_for_it(path: Path) -> None:
    packed = pickle.dumps(load_model(path))
    save_model(path, small_classifier(1), CARD)
    with pytest.raises(ModelError, match="replaced while it was read with"):
        pickle.loads(packed)


@given(st.integers(0, 2**32 - 1), st.floats(0.05, 5))
def test_probabilities_add_to_one_and_keep_the_order_of_the_margins(seed: int, temperature: float) -> None:
    margins = np.random.default_rng(seed).normal(0, 3, (7, 17)).astype(np.float32)
    shares = softmax(margins, temperature)
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(shares.argmax(axis=1), margins.argmax(axis=1))


@pytest.mark.parametrize("digits", [np.zeros((2, 28, 28)), np.zeros((2, 784), np.uint8), np.zeros((28, 28), np.uint8)])
def test_other_arrays_are_refused_by_name(path: Path, digits: Any) -> None:
    with pytest.raises(ValueError, match=r"digits must be uint8 \(n, 28, 28\)"):
        load_model(path).predict_proba(digits)


def test_no_digits_are_no_answers(path: Path) -> None:
    assert load_model(path).predict_proba(np.zeros((0, 28, 28), np.uint8)).shape == (0, len(CLASSES))


def test_the_shipped_model_is_small_quick_and_knows_a_stroke_from_a_dash(tmp_path: Path) -> None:
    for name in ("digits.joblib", "digits.json"):
        shutil.copy(default_model_path().parent / name, tmp_path)
    start = time.perf_counter()
    model = load_model(tmp_path / "digits.joblib")
    assert time.perf_counter() - start < 2
    assert (tmp_path / "digits.joblib").stat().st_size < 4_000_000
    upright, level, ring, *_ = (CLASSES[best] for best in model.predict_proba(probe_digits()).argmax(axis=1))
    assert (upright, level, ring) == ("1", "-", "0")
