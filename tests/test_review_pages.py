"""Failed pages in the review: matched by hand, keyed, called no form, and all of it taken back."""

from __future__ import annotations

import csv
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from formreader.align import align_by_hand
from formreader.batch_forms import forms_of
from formreader.export import read_results, write_tables
from formreader.model import default_model_path, load_form_model
from formreader.pipeline.by_hand import unread
from formreader.review import failed, groups
from formreader.review.state import Review
from formreader.scans import load_page
from formreader.served.calls import Nothing, Picture, Refused
from formreader.status import status_of
from formreader.store import Known, joined, open_batch, open_desk, open_results
from formreader.template import Template, load_template
from formreader.values import Page, PageFailure, PageRef, Points
from tests.drawing_failed import CARD, COVERED, SAMPLE, failing_batch, truth_of


@pytest.fixture(scope="module")
def read_once(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Points]:
    return failing_batch(tmp_path_factory.mktemp("failed"))


@pytest.fixture
def batch(read_once: tuple[Path, Points], tmp_path: Path) -> Path:
    """Copy the batch; its scans and template stay where they are."""
    source, target = read_once[0], tmp_path / "out"
    target.mkdir()
    with (
        closing(sqlite3.connect(source / "batch.sqlite")) as old,
        closing(sqlite3.connect(target / "batch.sqlite")) as new,
    ):
        old.backup(new)
    return target


@pytest.fixture
def review(batch: Path) -> Iterator[Review]:
    with open_desk(batch) as desk:
        yield Review(desk, forms_of(desk.results))


def listed(review: Review) -> dict[str, dict[str, Any]]:
    return {page["scan"]: page for page in failed.failures(review, "Ann", failed.Portion())["pages"]}


def status(batch: Path) -> dict[str, str]:
    write_tables(batch)
    table = read_results(batch / "results.csv")
    return dict(zip(table["scan"], table["status"], strict=True))


def row(batch: Path, scan: str) -> dict[str, str]:
    write_tables(batch)
    with (batch / "results.csv").open(encoding="utf-8", newline="") as file:
        return next(one for one in csv.DictReader(file) if one["scan"] == scan)


def undo(review: Review, who: str = "Ann") -> str:
    return str(groups.undo(review, who, Nothing())["how"])


def matched(review: Review, corners: Points, scan: str = COVERED) -> dict[str, Any]:
    shown = failed.Cornered(reading=listed(review)[scan]["reading"], form="meter-card", corners=corners.tolist())
    return dict(failed.match(review, "Ann", shown))


def keyed(review: Review, values: dict[str, str], scan: str = "letter.png", **more: Any) -> dict[str, Any]:
    page = listed(review)[scan]
    named = {field.name: values.get(field.name, "") for field in review.forms.templates["meter-card"].fields}
    said = failed.Keyed(reading=page["reading"], seen=page["seen"], form="meter-card", values=named, **more)
    return dict(failed.key_page(review, "Ann", said))


@pytest.mark.parametrize("off_mm", [1, 6])
def test_corners_shown_by_hand_lead_to_the_very_place_of_the_form(off_mm: float) -> None:
    template = load_template(SAMPLE / "template.toml")
    page = load_page(PageRef(SAMPLE / "scans" / "card 3.jpg"))
    exact, _ = align_by_hand(page, template, _corners(template, page))
    off = np.random.default_rng(7).uniform(-1, 1, (4, 2)) * off_mm * template.dpi / 25.4
    shown, doubt = align_by_hand(page, template, _corners(template, page) + off)
    grid = np.array([(x, y) for x in (900.0, 1700.0) for y in (450.0, 1300.0)])
    assert doubt == ""
    assert shown.match.method == "hand"
    assert np.abs(shown.place(grid) - exact.place(grid)).max() < 0.5


def _corners(template: Template, page: Page) -> Points:
    from formreader.align import align

    width, height = template.width, template.height
    return align(page, template).place(np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64))


def test_corners_that_cannot_be_a_form_are_refused(review: Review) -> None:
    mirrored = np.array([[0.9, 0.1], [0.1, 0.1], [0.1, 0.9], [0.9, 0.9]])
    with pytest.raises(Refused, match="face up"):
        matched(review, mirrored)
    with pytest.raises(Refused, match="face up"):
        matched(review, np.full((4, 2), 0.5))


def test_a_page_matched_by_hand_is_read_and_every_field_is_shown_to_a_person(
    review: Review, batch: Path, read_once: tuple[Path, Points]
) -> None:
    offer = matched(review, read_once[1] + np.random.default_rng(1).uniform(-0.008, 0.008, (4, 2)))
    values = {field["name"]: field["value"] for field in offer["fields"]}
    assert values == truth_of(CARD)
    assert offer["doubted"]  # its words are covered: nothing is accepted for the corners alone
    assert status(batch)[COVERED] == "failed", "nothing is stored before it is taken"
    seen = listed(review)[COVERED]["seen"]
    assert failed.take(review, "Ann", failed.Taken(draft=offer["draft"], seen=seen))["saved"]
    covered = row(batch, COVERED)
    assert covered["status"] == "review"
    assert {name: covered[name] for name in values} == values
    assert set(covered["review"].split()) == set(values)
    assert COVERED not in set(read_results(batch / "failed.csv")["scan"])
    assert set(listed(review)) == {"broken.jpg", "letter.png"}
    assert undo(review) == "page"
    assert status(batch)[COVERED] == "failed"
    assert listed(review)[COVERED]["reason"].startswith(COVERED)
    assert failed.take(review, "Ann", failed.Taken(draft=offer["draft"], seen=listed(review)[COVERED]["seen"]))["saved"]
    assert status(batch)[COVERED] == "review"


def test_a_page_by_hand_is_left_alone_by_further_runs_until_it_is_taken_back(review: Review, batch: Path) -> None:
    page = listed(review)["letter.png"]
    ref = PageRef(Path("letter.png"), 1, "letter.png", _sha256(review, page["reading"]))
    template = review.forms.templates["meter-card"]
    with review.desk.act("Ann", "page") as act:
        act.read(unread(ref, template), "")
    assert _known(batch, template, ref).outcome == "read"
    undo(review)
    assert _known(batch, template, ref).outcome == "failed"
    with review.desk.turn() as connection:
        assert connection.execute("SELECT count(*) FROM readings WHERE by_hand <> ''").fetchone() == (1,), "kept"


def _sha256(review: Review, reading: int) -> str:
    with review.desk.turn() as connection:
        return str(connection.execute("SELECT sha256 FROM readings WHERE id = ?", (reading,)).fetchone()[0])


def _known(batch: Path, template: Template, ref: PageRef) -> Known:
    model = load_form_model(default_model_path())
    settings = {"threshold": model.threshold}
    with open_batch(
        *(batch,), templates=(template,), model_fingerprint=model.fingerprint, model_name=model.name, settings=settings
    ) as opened:
        known = opened.known(ref)
    assert known is not None
    return known


def test_keyed_values_stand_in_the_table_and_the_page_is_checked(review: Review, batch: Path) -> None:
    values = {"customer": "1234567", "water": "00017", "read_on": "170723"}
    assert keyed(review, values)["saved"]
    letter = row(batch, "letter.png")
    assert letter["status"] == "checked"
    assert {name: letter[name] for name in values} == values
    assert letter["power_day"] == ""
    assert undo(review) == "key"
    assert row(batch, "letter.png") == {
        "scan": "letter.png",
        "page": "1",
        "status": "failed",
        "review": "",
    } | dict.fromkeys(("customer", "water", "power_day", "power_night", "read_on"), "")


def test_values_that_break_a_rule_are_asked_about(batch: Path, tmp_path: Path) -> None:
    text = (SAMPLE / "template.toml").read_text("utf-8").replace('name = "water"', 'name = "water"\nmax = 500')
    with open_desk(batch) as desk:
        review = Review(desk, forms_of(desk.results))
        ruled = tmp_path / "ruled.toml"
        ruled.write_text(text)
        shutil.copy(SAMPLE / "blank.png", tmp_path)
        review.forms = type(review.forms)({"meter-card": load_template(ruled)})
        answer = keyed(review, {"water": "00600"})
        assert not answer["saved"]
        assert list(answer["broken"]) == ["water"]
        assert keyed(review, {"water": "00600"}, despite=True)["saved"]


def test_what_is_no_form_is_skipped_by_tables_status_and_runs_until_it_is_brought_back(
    review: Review, batch: Path
) -> None:
    page = listed(review)["letter.png"]
    said = failed.SortedOut(reading=page["reading"], seen=page["seen"])
    assert failed.sort_out(review, "Ann", said)["saved"]
    assert status(batch)["letter.png"] == "skipped"
    assert set(read_results(batch / "failed.csv")["scan"]) == {"broken.jpg", COVERED}
    assert len(status_of(batch).standing.failures) == 2
    template = review.forms.templates["meter-card"]
    ref = PageRef(Path("letter.png"), 1, "letter.png", _sha256(review, page["reading"]))
    assert _known(batch, template, ref).outcome == "skipped"
    with open_results(batch) as results:
        skipped = next(one for one in results.pages() if one.scan == "letter.png")
    assert skipped.reason == "not a form, as Ann says"
    assert undo(review, "Ben") == "", "another's"
    assert undo(review) == "page"
    assert status(batch)["letter.png"] == "failed"
    assert set(listed(review)) == {"broken.jpg", "letter.png", COVERED}


def test_what_another_person_settled_meanwhile_is_not_overwritten(review: Review, batch: Path) -> None:
    page = listed(review)["letter.png"]
    said = failed.SortedOut(reading=page["reading"], seen=page["seen"])
    assert failed.sort_out(review, "Ben", said)["saved"]
    with pytest.raises(Refused, match="settled already"):
        failed.sort_out(review, "Ann", said)
    back = failed.SortedOut(reading=page["reading"], seen=1)
    assert failed.bring_back(review, "Ann", back)["saved"]
    answer = failed.sort_out(review, "Ann", said)
    assert answer["conflict"]["who"] == "Ann"
    assert status(batch)["letter.png"] == "failed"


def test_a_scan_that_is_gone_or_another_now_is_said_to_be(
    review: Review, read_once: tuple[Path, Points], tmp_path: Path
) -> None:
    page = listed(review)["letter.png"]
    described = failed.failure(review, "Ann", failed.OfPage(reading=page["reading"]))
    assert described["missing"] == ""
    picture = failed.picture(review, "Ann", failed.Shown(reading=page["reading"], turn=1))
    assert isinstance(picture, Picture)
    assert failed.thumbnail(review, "Ann", failed.OfPage(reading=page["reading"])).kind == "jpeg"
    scan = read_once[0].parent / "scans" / "letter.png"
    kept = tmp_path / "kept.png"
    scan.rename(kept)
    try:
        with open_desk(review.desk.folder) as desk:
            again = Review(desk, review.forms)
            missing = failed.failure(again, "Ann", failed.OfPage(reading=page["reading"]))["missing"]
            assert "letter.png" in missing
            scan.write_bytes((SAMPLE / "blank.png").read_bytes())
            missing = failed.failure(again, "Ann", failed.OfPage(reading=page["reading"]))["missing"]
            assert "another scan" in missing
    finally:
        scan.unlink()
        kept.rename(scan)


def test_trying_again_says_why_it_still_fails(review: Review) -> None:
    reading = listed(review)["letter.png"]["reading"]
    with pytest.raises(Refused, match="no page of the form"):
        failed.retry(review, "Ann", failed.Retried(reading=reading))


def test_a_batch_read_with_a_model_that_is_not_at_hand_says_so(review: Review, read_once: tuple[Path, Points]) -> None:
    with review.desk.turn() as connection:
        connection.execute("UPDATE runs SET model_fingerprint = 'other', model = 'ours'")
    with pytest.raises(Refused, match="the model 'ours', which is not among those that ship"):
        matched(review, read_once[1])


def test_what_people_made_of_pages_is_joined_too(review: Review, batch: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    with (
        closing(sqlite3.connect(batch / "batch.sqlite")) as old,
        closing(sqlite3.connect(other / "batch.sqlite")) as new,
    ):
        old.backup(new)
    keyed(review, {"customer": "1234567"})
    page = listed(review)["broken.jpg"]
    failed.sort_out(review, "Ann", failed.SortedOut(reading=page["reading"], seen=page["seen"]))
    with joined([other, batch], tmp_path / "all"):
        pass
    assert status(tmp_path / "all") == status(batch)


def test_a_failure_after_a_page_was_made_by_hand_is_listed_and_keeps_it(review: Review, batch: Path) -> None:
    keyed(review, {"customer": "1234567"})
    template = review.forms.templates["meter-card"]
    with review.desk.turn() as connection:
        sha256 = connection.execute("SELECT sha256 FROM pages WHERE name = 'letter.png'").fetchone()[0]
    with open_batch(
        *(batch,), templates=(template,), model_fingerprint="newer", model_name="newer", settings={}, reread=True
    ) as opened:
        opened.add(PageFailure(PageRef(Path("letter.png"), 1, "letter.png", sha256), "align", "no form again"))
    review.failures.look_again()
    assert listed(review)["letter.png"]["keeps"]
    assert status(batch)["letter.png"] == "checked"
