"""What people decide in the review: nothing is lost, nothing is overwritten unseen, everything can be taken back."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from formreader.batch_forms import forms_of
from formreader.export import read_results, write_tables
from formreader.review.groups import Judged, Screen, Wanted, group, judge, undo
from formreader.review.standing import standing
from formreader.review.state import Review
from formreader.served.calls import Nothing, Refused
from formreader.store import Desk, open_batch, open_desk, open_results
from formreader.template import load_template
from tests.drawing_batches import brought_back
from tests.drawing_reviews import Doubts, draw_doubts


@pytest.fixture
def drawn(tmp_path: Path) -> Doubts:
    changed: Mapping[Any, Any] = {
        (0, "id", 1): ("7", "1", "low_confidence"),
        (0, "id", 2): ("3", "3", ""),
        (0, "id", 3): ("8", "8", "low_confidence"),
        (0, "mark", 1): ("X", "X", "struck"),
        (0, "mark", 2): ("4", "9", "low_confidence"),
        (0, "count", 1): ("5", "5", "low_confidence"),
    }
    return draw_doubts(tmp_path, 1, changed=changed)


@pytest.fixture
def review(drawn: Doubts) -> Iterator[Review]:
    with open_desk(drawn.folder) as desk:
        yield Review(desk, forms_of(desk.results))


def shown(review: Review, marks: str = "0123456789?-", **more: Any) -> list[Mapping[str, Any]]:
    boxes: list[Mapping[str, Any]] = group(review, "ann", Wanted(marks=marks, most=200, **more))["boxes"]
    return boxes


def typed(box: Mapping[str, Any], new: str) -> Judged:
    return Judged(picture=box["picture"], seen=box["seen"], new=new)


def say(review: Review, who: str = "ann", **new: str) -> Mapping[str, Any]:
    """Judge boxes, named by what they were read as."""
    by_mark = {box["mark"]: box for box in shown(review)}
    return judge(review, who, Screen(boxes=[typed(by_mark[name.lstrip("n")], mark) for name, mark in new.items()]))


def decided(folder: Path) -> dict[str, str]:
    with open_results(folder) as results:
        (page,) = results.pages()
        return {field.name: field.value for field in page.fields if field.name in page.decided}


def test_field_is_decided_once_all_its_doubtful_digits_are(review: Review, drawn: Doubts) -> None:
    assert [(box["mark"], box["rival"]) for box in shown(review, "1")] == [("1", "7")]
    say(review, n1="7")
    assert decided(drawn.folder) == {}
    say(review, n8="8")
    assert decided(drawn.folder) == {"id": "738"}
    write_tables(drawn.folder)
    row = read_results(drawn.folder / "results.csv").iloc[0]
    assert (row["id"], row["status"], row["review"]) == ("738", "review", "mark count")


def test_value_that_breaks_a_rule_is_left_to_its_field(review: Review, drawn: Doubts) -> None:
    say(review, n5="")  # the count, which is required
    assert decided(drawn.folder) == {}
    assert "count" not in {box["field"] for box in shown(review)}
    assert {box["mark"] for box in shown(review)} == {"1", "8", "9"}


def test_value_over_its_limit_is_not_decided_by_its_digits(tmp_path: Path) -> None:
    changed: Mapping[Any, Any] = {(0, "mark", place): ("9", "4", "low_confidence") for place in (1, 2)}
    batch = draw_doubts(tmp_path, 1, doubtful=0, changed=changed)
    with open_desk(batch.folder) as desk:
        review = Review(desk, forms_of(desk.results))
        judge(review, "ann", Screen(boxes=[typed(box, "9") for box in shown(review)]))
        assert decided(batch.folder) == {}
        undo(review, "ann", Nothing())
        judge(review, "ann", Screen(boxes=[typed(box, "4") for box in shown(review)]))
        assert decided(batch.folder) == {"mark": "44"}


def test_fillers_and_struck_boxes_stay_out_of_the_value(review: Review, drawn: Doubts) -> None:
    assert shown(review, "-") == []  # a sure filler is no question
    say(review, n9="4")
    assert decided(drawn.folder) == {"mark": "4"}


def test_unsure_digit_waits_for_its_field(review: Review, drawn: Doubts) -> None:
    say(review, n1="?", n8="8")
    assert decided(drawn.folder) == {}
    assert {box["field"] for box in shown(review)} == {"mark", "count"}


def test_undo_brings_each_act_back_in_turn_also_later(review: Review, drawn: Doubts) -> None:
    before = shown(review)
    say(review, n1="7", n8="8")
    say(review, n5="6")
    assert decided(drawn.folder) == {"id": "738", "count": "6"}
    assert undo(review, "bob", Nothing())["how"] == ""  # he did nothing
    assert undo(review, "ann", Nothing())["boxes"] == 1
    assert decided(drawn.folder) == {"id": "738"}
    with open_desk(drawn.folder) as desk:  # as after a restart
        again = Review(desk, forms_of(desk.results))
        assert {box["mark"] for box in shown(again)} == {"5", "9"}
        assert undo(again, "ann", Nothing())["boxes"] == 2
        assert undo(again, "ann", Nothing())["how"] == ""
        assert [box["picture"] for box in shown(again)] == [box["picture"] for box in before]
    assert decided(drawn.folder) == {}
    with closing(sqlite3.connect(drawn.folder / "batch.sqlite")) as connection:
        kept = connection.execute("SELECT who, old, new, stands FROM decisions ORDER BY id").fetchall()
    assert kept == [("ann", "138", "738", 1), ("ann", "5", "6", 1), ("ann", "6", "5", 0), ("ann", "738", "138", 0)]


def test_what_another_judged_meanwhile_is_shown_and_not_overwritten(review: Review, drawn: Doubts) -> None:
    (seen,) = shown(review, "5")
    say(review, "bob", n5="6")
    answer = judge(review, "ann", Screen(boxes=[typed(seen, "9")]))
    assert answer["saved"] == []
    (conflict,) = answer["conflicts"]
    assert (conflict["mine"], conflict["theirs"], conflict["who"]) == ("9", "6", "bob")
    assert decided(drawn.folder) == {"count": "6"}
    mine = Judged(picture=seen["picture"], seen=conflict["version"], new="9")
    assert judge(review, "ann", Screen(boxes=[mine]))["conflicts"] == []
    assert decided(drawn.folder) == {"count": "9"}


def test_undo_leaves_what_another_decided_since(review: Review, drawn: Doubts) -> None:
    say(review, n5="6")
    with review.desk.act("bob", "field") as act:
        act.say("decisions", (f"sha of {0:060}", 1, "count"), "6", "3")
    undone = undo(review, "ann", Nothing())
    assert undone["kept"] == 1
    assert decided(drawn.folder) == {"count": "3"}


def test_boxes_come_least_sure_first_and_none_twice(tmp_path: Path) -> None:
    batch = draw_doubts(tmp_path, 40, doubtful=0.6)
    with open_desk(batch.folder) as desk:
        review = Review(desk, forms_of(desk.results))
        first = group(review, "ann", Wanted(marks="3", most=5))["boxes"]
        skip = ",".join(str(box["picture"]) for box in first)
        rest = shown(review, "3", skip=skip)
        sure = [box["confidence"] for box in (*first, *rest)]
        assert sure == sorted(sure)
        assert len({box["picture"] for box in (*first, *rest)}) == len(sure) == review.boxes.counts()["3"]
        assert {box["rival"] for box in shown(review, "3", rivals="7")} == {"7"}


@settings(max_examples=15)
@given(st.lists(st.tuples(st.sampled_from(["judge", "undo"]), st.integers(0, 9)), max_size=12))
def test_acts_taken_back_leave_the_batch_as_it_was(tmp_path_factory: pytest.TempPathFactory, acts: list[Any]) -> None:
    batch = draw_doubts(tmp_path_factory.mktemp("batch"), 2, doubtful=0.8)
    with open_desk(batch.folder) as desk:
        review = Review(desk, forms_of(desk.results))
        whole = shown(review)
        for what, digit in acts:
            left = shown(review)
            if what == "undo" or not left:
                undo(review, "ann", Nothing())
            else:
                judge(review, "ann", Screen(boxes=[typed(box, str(digit)) for box in left[:3]]))
        while undo(review, "ann", Nothing())["how"]:
            pass
        assert [box["picture"] for box in shown(review)] == [box["picture"] for box in whole]
        with open_results(batch.folder) as results:
            assert not any(page.decided for page in results.pages())


def test_what_is_read_again_is_asked_again_but_not_what_was_decided(drawn: Doubts) -> None:
    with open_desk(drawn.folder) as desk:
        say(Review(desk, forms_of(desk.results)), n5="6")
    forms = (load_template(drawn.template),)
    looser = {"threshold": 0.5}
    with open_results(drawn.folder) as results:
        (page,) = results.pages(digits=True)
    with open_batch(
        drawn.folder, templates=forms, model_fingerprint="m1", model_name="digits", settings=looser, reread=True
    ):
        pass
    assert page.to_review == ("id", "mark")
    with open_desk(drawn.folder) as desk:
        assert {box["field"] for box in shown(Review(desk, forms_of(desk.results)))} == {"id", "mark"}


def test_templates_are_found_where_they_lie_else_in_the_batch(drawn: Doubts) -> None:
    with open_desk(drawn.folder) as desk:
        assert forms_of(desk.results).notes == ()
        drawn.template.write_text(drawn.template.read_text("utf-8").replace("max = 60", "max = 9"), "utf-8")
        changed = forms_of(desk.results)
        assert "Give it with -t" in changed.notes[0]
        field = changed.field("card", "mark", 2)
        assert field is not None
        assert str(field.rules[0]) == "at most 60"
        with pytest.raises(Exception, match="was not read with this form"):
            forms_of(desk.results, [load_template(drawn.template)])


def test_batches_of_earlier_versions_are_reviewed(drawn: Doubts) -> None:
    with closing(sqlite3.connect(drawn.folder / "batch.sqlite")) as connection:
        before = connection.execute("SELECT mark, confidence, rival FROM pictures ORDER BY id").fetchall()
        brought_back(connection, 3)
    with open_desk(drawn.folder) as desk:
        assert len(shown(Review(desk, forms_of(desk.results)))) == 4
    with closing(sqlite3.connect(drawn.folder / "batch.sqlite")) as connection:
        assert connection.execute("SELECT mark, confidence, rival FROM pictures ORDER BY id").fetchall() == before


def test_standing_counts_what_is_left(review: Review) -> None:
    assert standing(review, "ann", Nothing())["boxes"] == {"1": 1, "5": 1, "8": 1, "9": 1}
    say(review, n5="5")
    assert standing(review, "ann", Nothing())["boxes"] == {"1": 1, "8": 1, "9": 1}


def test_desk_is_closed_between_what_threads_do_at_it(drawn: Doubts) -> None:
    ended = threading.Event()

    def count_on(desk: Desk) -> None:
        with suppress(sqlite3.ProgrammingError):  # closed
            while True:
                with desk.turn() as connection:
                    connection.execute("SELECT count(*) FROM readings, readings, readings").fetchall()
        ended.set()

    for _ in range(20):
        ended.clear()
        with open_desk(drawn.folder) as desk:
            thread = threading.Thread(target=count_on, args=(desk,))
            thread.start()
        assert ended.wait(10)
        thread.join()


@pytest.mark.parametrize("new", ["12", "a", "-", " ", "\u0663"])
def test_only_marks_are_taken(new: str) -> None:
    with pytest.raises(ValidationError):
        Judged(picture=1, seen=(0, 0), new=new)


def test_boxes_of_no_batch_are_refused(review: Review) -> None:
    with pytest.raises(Refused, match="not in the batch"):
        judge(review, "ann", Screen(boxes=[Judged(picture=99, seen=(0, 0), new="1")]))
