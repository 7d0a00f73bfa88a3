"""What people decided meets what was read again, taken back or joined: no wrong value is accepted, none is lost."""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from formreader.batch_forms import forms_of
from formreader.errors import BatchError
from formreader.export import write_tables
from formreader.review import decide, failed, fields, groups, serving, table
from formreader.review.groups import Judged, Screen
from formreader.review.queue import Queue
from formreader.review.rows import Wanted as Rows
from formreader.review.state import Review
from formreader.served.calls import Nothing, Refused
from formreader.store import joined, open_batch, open_desk, open_results
from formreader.template import load_template
from formreader.values import PageFailure, PageRef
from tests.drawing_reviews import CARD, Doubts, draw_doubts, reading_of

_DOUBTS: Mapping[Any, Any] = {
    (0, "id", 1): ("7", "1", "low_confidence"),
    (0, "id", 2): ("3", "3", ""),
    (0, "id", 3): ("8", "8", "low_confidence"),
    (0, "mark", 1): ("X", "X", "struck"),
    (0, "mark", 2): ("4", "4", ""),
    (0, "count", 1): ("5", "5", ""),
}

_PAGE = PageRef(Path("scans") / "p00000.png", 1, "p00000.png", sha256=f"sha of {0:060}")


@pytest.fixture
def drawn(tmp_path: Path) -> Doubts:
    return draw_doubts(tmp_path, 1, changed=_DOUBTS)


@pytest.fixture
def review(drawn: Doubts) -> Iterator[Review]:
    with open_desk(drawn.folder) as desk:
        review = Review(desk, forms_of(desk.results))
        review.queue.start()
        yield review


def boxes(review: Review) -> list[Mapping[str, Any]]:
    shown = groups.group(review, "Ann", groups.Wanted(marks="0123456789?-", most=200))["boxes"]
    return sorted(shown, key=lambda box: (box["field"], box["position"]))


def judge(review: Review, shown: list[Mapping[str, Any]], new: str, who: str = "Ann") -> Mapping[str, Any]:
    judged = [
        Judged(picture=box["picture"], seen=box["seen"], new=mark) for box, mark in zip(shown, new.split(), strict=True)
    ]
    return groups.judge(review, who, Screen(boxes=judged))


def about(review: Review, field: str, reading: int = 1) -> Mapping[str, Any]:
    return fields.field(review, "Ann", fields.Place(reading=reading, field=field))


def say(review: Review, field: str, new: str, who: str = "Ann", reading: int = 1) -> Mapping[str, Any]:
    said = {"reading": reading, "field": field, "seen": about(review, field, reading)["version"], "new": new}
    return decide.decide(review, who, decide.Decisions.model_validate({"fields": [said]}))


def undo(review: Review, who: str = "Ann") -> Mapping[str, Any]:
    return groups.undo(review, who, Nothing())


def read_again(drawn: Doubts, changed: Mapping[Any, Any]) -> None:
    form = load_template(drawn.template)
    settings = {"threshold": 0.99}
    with open_batch(
        drawn.folder, templates=(form,), model_fingerprint="m2", model_name="digits", settings=settings, reread=True
    ) as batch:
        batch.pending([_PAGE])
        batch.add(reading_of(_PAGE, form, 0, changed))


def test_a_screen_of_before_a_reread_decides_nothing_of_what_is_doubted_now(review: Review, drawn: Doubts) -> None:
    before = boxes(review)
    seen = about(review, "id")["version"]
    read_again(drawn, {**_DOUBTS, (0, "id", 2): ("3", "9", "low_confidence")})
    answer = judge(review, before, "7 8")
    assert (answer["saved"], answer["gone"]) == ([], [box["picture"] for box in before])
    said = {"reading": 1, "field": "id", "seen": seen, "new": "738"}
    with pytest.raises(Refused, match="read again"):
        decide.decide(review, "Ann", decide.Decisions.model_validate({"fields": [said]}))
    assert [box["position"] for box in boxes(review)] == [1, 2, 3]
    judge(review, boxes(review), "7 3 8")
    assert about(review, "id", 2)["value"] == "738"
    assert undo(review)["how"] == "group"
    assert undo(review)["how"] == ""  # a screen of which nothing was stored is none to take back


def test_taking_back_twice_leads_to_where_it_began(review: Review) -> None:
    judge(review, boxes(review), "7 8")
    say(review, "id", "739")
    say(review, "id", "737")
    assert undo(review)["kept"] == 0
    assert about(review, "id")["value"] == "739"
    assert undo(review)["kept"] == 0
    assert about(review, "id")["value"] == "738"
    assert undo(review) == {"how": "group", "fields": ["id"], "places": [(1, "id")], "boxes": 2, "kept": 0}
    assert about(review, "id")["decided"] is None
    assert [box["position"] for box in boxes(review)] == [1, 3]


def test_what_another_decided_since_is_kept_also_where_it_was_taken_back_to(review: Review) -> None:
    judge(review, boxes(review), "7 8")
    say(review, "id", "739", who="Bob")
    say(review, "id", "737")
    undo(review)
    assert undo(review)["kept"] == 1  # of the marks' value; Bob's stands
    assert about(review, "id")["value"] == "739"


def test_whether_a_stroke_or_nothing_stands_for_a_zero_is_told_in_the_field(tmp_path: Path) -> None:
    text = CARD.replace('filler = ["X"]', 'filler = ["X", "-"]\nfiller_only = "zero"')
    changed: Mapping[Any, Any] = {
        **_DOUBTS,
        (0, "mark", 1): ("-", "1", "low_confidence"),
        (0, "mark", 2): ("", "", "blank"),
    }
    drawn = draw_doubts(tmp_path, 1, changed=changed, text=text)
    with open_desk(drawn.folder) as desk:
        review = Review(desk, forms_of(desk.results))
        (stroke,) = (box for box in boxes(review) if box["field"] == "mark")
        said = Judged(picture=stroke["picture"], seen=stroke["seen"], new="")  # a stroke, or nothing at all?
        groups.judge(review, "Ann", Screen(boxes=[said]))
        assert about(review, "mark")["decided"] is None
        assert [one["field"] for one in fields.fields(review, "Ann", fields.Wanted(kind="doubt"))["fields"]] == ["mark"]


def test_a_reading_by_hand_that_was_taken_back_asks_nothing(review: Review, drawn: Doubts) -> None:
    while review.queue.left() is None:
        time.sleep(0.01)
    form = load_template(drawn.template)
    wide = {**_DOUBTS, (0, "id", 1): ("?", "", "letter"), (0, "count", 1): ("", "", "blank")}
    settings = {"threshold": 0.99}
    with open_batch(
        drawn.folder, templates=(form,), model_fingerprint="m2", model_name="digits", settings=settings, reread=True
    ) as batch:
        batch.pending([_PAGE])
        batch.add(PageFailure(_PAGE, "align", "no page of the form"))
    with review.desk.act("Ann", "page") as act:
        by_hand = act.read(reading_of(_PAGE, form, 0, wide), "")
    assert review.queue.left() == {"doubt": 1, "rule": 0, "key": 0, "keyed": 0}
    say(review, "count", "5", who="Bob", reading=by_hand)
    undo(review, "Bob")
    undo(review)
    assert review.queue.left() == {"doubt": 0, "rule": 0, "key": 0, "keyed": 0}
    asked = fields.fields(review, "Ann", fields.Wanted(kind="doubt", digits=True))["fields"]
    assert [(one["reading"], one["field"]) for one in asked] == [(1, "id")]
    for reading in (by_hand, 99):
        with pytest.raises(Refused, match="not in the batch"):
            about(review, "count", reading)
        with pytest.raises(Refused, match="not in the batch"):
            table.cell(review, "Ann", table.OfCell(reading=reading, field="count"))
        with pytest.raises(Refused, match="not in the batch"):
            failed.bring_back(review, "Ann", failed.SortedOut(reading=reading, seen=0))


def test_a_page_that_is_no_form_has_no_values(review: Review, drawn: Doubts) -> None:
    say(review, "id", "738")
    with review.desk.act("Bob", "page") as act:
        act.say("sorted_pages", (_PAGE.sha256, 1), "", failed.NOT_A_FORM)
    with open_results(drawn.folder) as results:
        (page,) = results.pages()
    assert (page.status, page.fields, page.decided, page.to_review) == ("skipped", (), frozenset(), ())


def test_a_page_that_a_run_adds_while_fields_are_counted_is_asked_once(
    review: Review, drawn: Doubts, monkeypatch: pytest.MonkeyPatch
) -> None:
    while review.queue.left() is None:
        time.sleep(0.01)
    queue = Queue(review.desk)
    count_on = queue._count_on

    def while_a_run_adds(last: int) -> bool:
        read_again(drawn, {**_DOUBTS, (0, "count", 1): ("", "", "blank")})
        return count_on(last)

    monkeypatch.setattr(queue, "_count_on", while_a_run_adds)
    queue.start()
    while queue.left() is None:
        time.sleep(0.01)
    assert queue.groups("doubt", with_alone=True) == [("card", "id", 1), ("card", "count", 1)]
    say(review, "count", "5", reading=2)
    assert queue.groups("doubt", with_alone=True) == [("card", "id", 1)]


def test_what_was_taken_back_in_one_batch_takes_nothing_from_another(
    review: Review, drawn: Doubts, tmp_path: Path
) -> None:
    shutil.copytree(drawn.folder, tmp_path / "copy")
    say(review, "mark", "5", who="Bob")
    judge(review, boxes(review), "7 8", who="Bob")
    with open_desk(tmp_path / "copy") as desk:
        other = Review(desk, forms_of(desk.results))
        say(other, "mark", "6", who="Cy")
        undo(other, "Cy")
        judge(other, boxes(other), "9 9", who="Cy")
        undo(other, "Cy")
    for order, name in (((drawn.folder, tmp_path / "copy"), "A"), ((tmp_path / "copy", drawn.folder), "B")):
        with joined(order, tmp_path / name) as batch:
            assert batch.conflicts == ()
        with open_results(tmp_path / name) as results:
            (page,) = results.pages()
        assert {field.name: field.value for field in page.fields} == {"id": "738", "mark": "5", "count": "5"}
        assert page.decided == {"id", "mark"}


def test_what_was_taken_back_after_it_was_copied_stays_so(review: Review, drawn: Doubts, tmp_path: Path) -> None:
    judge(review, boxes(review), "7 8")
    shutil.copytree(drawn.folder, tmp_path / "copy")
    undo(review)
    with joined((tmp_path / "copy", drawn.folder), tmp_path / "A"):
        pass
    with open_results(tmp_path / "A") as results:
        (page,) = results.pages()
    assert (page.decided, page.to_review) == (frozenset(), ("id",))


def test_the_table_finds_what_two_people_see_differently(review: Review) -> None:
    say(review, "id", "738")
    key = (_PAGE.sha256, 1, "id")
    with review.desk.act("Bob", "second") as act:
        act.say("second_keys", key, "738", "739")
    for _ in range(2):  # listed at once, and brought up to date
        assert table.table(review, "Ann", Rows(flagged=True))["count"] == 1
        assert table.table(review, "Ann", Rows())["states"]["review"] == 1
        with review.desk.act("Bob", "second") as act:
            act.say("second_keys", key, "738", "738")
        assert table.table(review, "Ann", Rows(flagged=True))["count"] == 0
        with review.desk.act("Bob", "second") as act:
            act.say("second_keys", key, "738", "737")


def test_what_was_said_of_boxes_is_shown_in_the_field_where_the_template_is_lost(drawn: Doubts) -> None:
    drawn.template.unlink()
    with closing(sqlite3.connect(drawn.folder / "batch.sqlite")) as batch:
        batch.execute("UPDATE runs SET template = ''")
        batch.commit()
    with open_desk(drawn.folder) as desk:
        review = Review(desk, forms_of(desk.results))
        judge(review, boxes(review), "7 8")
        field = about(review, "id")
    assert (field["decided"], field["read"], field["value"]) == (None, "138", "738")


def test_boxes_of_a_scan_that_another_has_replaced_are_not_asked(review: Review, drawn: Doubts) -> None:
    assert boxes(review)
    form = load_template(drawn.template)
    settings = {"threshold": 0.99}
    with open_batch(
        drawn.folder, templates=(form,), model_fingerprint="m1", model_name="digits", settings=settings
    ) as batch:
        path = (drawn.template.parent / "scans" / "p00000.png").absolute()
        ref = PageRef(path, 1, path.name, sha256="another scan")
        batch.pending([ref])
        batch.add(reading_of(ref, form, 0, {**_DOUBTS, (0, "id", 1): ("7", "7", ""), (0, "id", 3): ("8", "8", "")}))
    review.boxes.look_again()
    assert boxes(review) == []


def test_tables_that_could_not_be_written_are_at_the_end(
    review: Review, drawn: Doubts, monkeypatch: pytest.MonkeyPatch
) -> None:
    def open_elsewhere(_: Path) -> None:
        raise BatchError("results.csv: is open elsewhere")

    told = list[str]()
    monkeypatch.setattr(serving, "write_tables", open_elsewhere)
    with serving.tables_kept(review, drawn.folder, told.append, rest_s=0.01):
        say(review, "id", "738")
        while not told:
            time.sleep(0.05)
        monkeypatch.setattr(serving, "write_tables", write_tables)
    assert "738" in (drawn.folder / "results.csv").read_text("utf-8")
    assert told == ["The tables could not be written: results.csv: is open elsewhere"]


def test_a_page_that_is_a_form_after_all_has_its_reading_by_hand_again(review: Review, drawn: Doubts) -> None:
    sure = {**_DOUBTS, (0, "id", 1): ("7", "7", ""), (0, "id", 3): ("8", "8", "")}
    form = load_template(drawn.template)
    with review.desk.act("Ann", "page") as act:
        by_hand = act.read(reading_of(_PAGE, form, 0, sure), "")
    with open_batch(
        drawn.folder,
        templates=(form,),
        model_fingerprint="m2",
        model_name="digits",
        settings={"threshold": 0.99},
        reread=True,
    ) as batch:
        batch.pending([_PAGE])
        batch.add(PageFailure(_PAGE, "align", "no page of the form"))
    (page,) = failed.failures(review, "Bob", failed.Portion())["pages"]
    said = {"reading": page["reading"], "seen": page["seen"]}
    failed.sort_out(review, "Bob", failed.SortedOut(**said))
    last = review.desk.said("sorted_pages", (_PAGE.sha256, 1))
    assert last is not None
    said["seen"] = last.version
    assert failed.bring_back(review, "Cy", failed.SortedOut(**said))["saved"]
    assert review.desk.counting(_PAGE.sha256, 1) == by_hand
