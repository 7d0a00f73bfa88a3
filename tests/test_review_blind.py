"""What is keyed blind in the review: second keys of decided fields, third looks, and the sample of an audit."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pytest
from typer.testing import CliRunner

from formreader import audit
from formreader.audit import Wish, begin, write_first
from formreader.batch_forms import forms_of
from formreader.cli import app
from formreader.errors import UnusableCall
from formreader.export import CORRECTIONS_COLUMNS, export_corrections, read_results
from formreader.review import ROUTES, audit_keys, blind
from formreader.review.groups import Judged, Screen, Wanted, group, judge
from formreader.review.standing import standing
from formreader.review.state import Mode, Review
from formreader.served.calls import Nothing, Refused
from formreader.store import open_batch, open_desk, open_results
from formreader.template import Field, Template
from formreader.values import CLASSES, Box, DigitReading, FieldReading, Match, PageReading, PageRef
from tests.drawing_reviews import Doubts, draw_doubts
from tests.test_audit import CLAIM, Drawn, drawn_all, report

CHANGED: Mapping[Any, Any] = {
    **{(0, "id", place): (mark, mark, "low_confidence") for place, mark in ((1, "7"), (2, "3"), (3, "8"))},
    **{(0, "mark", place): (mark, mark, "") for place, mark in ((1, "4"), (2, "1"))},
    (0, "count", 1): ("5", "5", "low_confidence"),
}


@contextmanager
def reviewing(folder: Path, mode: Mode) -> Iterator[Review]:
    with open_desk(folder) as desk:
        yield Review(desk, forms_of(desk.results), mode)


@pytest.fixture
def drawn(tmp_path: Path) -> Doubts:
    """Make a batch of a page on which Ann has judged id, 738, and Bob count, 5."""
    doubts = draw_doubts(tmp_path, 1, doubtful=0, changed=CHANGED, scans=True)
    with reviewing(doubts.folder, Mode()) as usual:
        boxes = group(usual, "ann", Wanted(marks="0123456789", most=99))["boxes"]
        for who, field in (("ann", "id"), ("bob", "count")):
            mine = [box for box in boxes if box["field"] == field]
            judged = [Judged(picture=box["picture"], seen=box["seen"], new=box["mark"]) for box in mine]
            judge(usual, who, Screen(boxes=judged))
    return doubts


@pytest.fixture
def review(drawn: Doubts) -> Iterator[Review]:
    with reviewing(drawn.folder, Mode(second_key=True)) as second:
        yield second


def to_key(review: Review, who: str) -> dict[str, Any]:
    """Give what a person is asked to key, by field."""
    return {item["field"]: item for item in blind.upcoming(review, who, blind.After())["items"]}


def key(review: Review, who: str, field: str, text: str) -> None:
    item = to_key(review, who)[field]
    blind.key(review, who, blind.Keyed(one=item["one"], two=item["two"], seen=item["seen"], key=text))


def differing(review: Review, who: str = "eve") -> Any:
    return blind.third(review, who, blind.After())["item"]


def settle(review: Review, who: str, item: Any, new: str) -> Any:
    said = blind.Settled(one=item["one"], two=item["two"], seen=item["seen"], new=new)
    return blind.settle(review, who, said)["conflict"]


def decide(review: Review, who: str, field: str, new: str, how: str = "field") -> None:
    """Decide a field of the one page, as another screen does."""
    page = review.page(1)
    old = next(one.value for one in page.fields if one.name == field)
    with review.desk.act(who, how) as act:
        act.say("decisions", (page.sha256, page.page, field), old, new)


def value(review: Review, field: str) -> str:
    return next(one.value for one in review.page(1).fields if one.name == field)


def test_everybody_is_asked_what_others_decided_and_nobody_their_own(review: Review) -> None:
    assert set(to_key(review, " ANN ")) == {"count"}
    assert set(to_key(review, "bob")) == {"id"}
    assert list(to_key(review, "eve")) == ["id", "count"]
    assert review.second.left("eve") == (2, 0)
    assert review.second.left("Bob") == (1, 0)
    item = to_key(review, "eve")["id"]
    with pytest.raises(Refused, match="judged this field yourself"):
        blind.key(review, "Ann", blind.Keyed(one=item["one"], two=item["two"], seen=0, key="738"))


def test_same_value_confirms_however_it_is_typed(review: Review) -> None:
    key(review, "bob", "id", " 7 3 8_ ")
    key(review, "ann", "count", "\uff15")
    assert review.second.left("eve") == (0, 0)
    assert differing(review) is None
    with review.desk.turn() as connection:
        rows = connection.execute("SELECT who, field, old, new, how FROM second_keys ORDER BY id").fetchall()
    assert rows == [("bob", "id", "738", "738", "second"), ("ann", "count", "5", "5", "second")]


def test_difference_goes_to_a_third_look_that_decides(review: Review, drawn: Doubts) -> None:
    key(review, "bob", "id", "138")
    assert value(review, "id") == "738"
    item = differing(review)
    assert [(side["value"], side["who"]) for side in item["sides"]] == [("738", "ann"), ("138", "bob")]
    assert settle(review, "eve", item, "138") is None
    assert (value(review, "id"), differing(review)) == ("138", None)
    assert review.second.left("eve") == (1, 0)  # the count of Bob; what was settled is not asked again
    with open_results(drawn.folder) as results:
        (page,) = results.pages()
        assert page.decided == {"id", "count"}
    with review.desk.turn() as connection:
        row = connection.execute("SELECT who, old, new, how FROM decisions ORDER BY id DESC LIMIT 1").fetchone()
    assert row == ("eve", "738", "138", "third")


def test_neither_may_be_right_and_both_sides_are_shown_where_another_was_quicker(review: Review) -> None:
    key(review, "bob", "id", "138")
    item = differing(review)
    settle(review, "eve", item, "739")
    conflict = settle(review, "dan", item, "138")
    assert (conflict["mine"], conflict["theirs"], conflict["who"]) == ("138", "739", "eve")
    assert value(review, "id") == "739"


def test_a_key_does_not_tell_that_it_differs(review: Review) -> None:
    decide(review, "eve", "mark", "41")
    to_key(review, "bob")
    before = standing(review, "bob", Nothing())["blind"]
    key(review, "bob", "id", "138")
    after = standing(review, "bob", Nothing())["blind"]
    assert before == {"left": 2, "differing": 0}
    assert after == {"left": 1, "differing": 0}
    assert differing(review, "bob") is None
    assert review.second.left("ann")[1] == 1
    key(review, "bob", "mark", "41")
    assert review.second.left("bob") == (0, 1)  # once there is nothing more to key


def test_what_is_decided_anew_is_due_again_also_after_a_third_look(review: Review) -> None:
    key(review, "bob", "id", "738")
    decide(review, "ann", "id", "788")
    assert set(to_key(review, "bob")) == {"id"}
    key(review, "bob", "id", "738")
    settle(review, "eve", differing(review), "738")
    assert set(to_key(review, "dan")) == {"count"}
    decide(review, "ann", "id", "783")
    assert set(to_key(review, "dan")) == {"id", "count"}
    assert set(to_key(review, "eve")) == {"count"}  # she has judged it in her third look


def test_undo_takes_back_second_keys_and_third_looks_but_nothing_of_other_reviews(review: Review) -> None:
    assert blind.undo(review, "bob", Nothing())["how"] == ""  # his count stays decided
    assert value(review, "count") == "5"
    key(review, "bob", "id", "138")
    settle(review, "eve", differing(review), "138")
    assert blind.undo(review, "eve", Nothing())["how"] == "third"
    assert value(review, "id") == "738"
    assert differing(review, "dan") is not None
    undone = blind.undo(review, "bob", Nothing())
    assert (undone["item"]["field"], differing(review, "dan")) == ("id", None)
    assert set(to_key(review, "bob")) == {"id"}


def test_own_last_keys_come_back_and_are_keyed_again(review: Review) -> None:
    key(review, "bob", "id", "138")
    item = blind.back(review, "Bob", audit_keys.Before())["item"]
    assert (item["field"], item["key"]) == ("id", "138")
    assert blind.back(review, "Bob", audit_keys.Before(before=item["row"]))["item"] is None
    assert blind.back(review, "ann", audit_keys.Before())["item"] is None
    blind.key(review, "bob", blind.Keyed(one=item["one"], two=item["two"], seen=item["seen"], key="738"))
    assert differing(review) is None
    with pytest.raises(Refused, match="bob has keyed this field meanwhile"):
        blind.key(review, "eve", blind.Keyed(one=item["one"], two=item["two"], seen=0, key="738"))


@pytest.mark.parametrize("text", ["", "  ", "7a", "=1", "1e9"])
def test_what_is_no_value_is_refused_and_not_stored(review: Review, text: str) -> None:
    with pytest.raises(Refused):
        key(review, "bob", "id", text)
    assert review.second.left("bob") == (1, 0)


def test_two_who_key_at_once_are_given_different_fields(tmp_path: Path) -> None:
    doubts = draw_doubts(tmp_path, 4, doubtful=0)
    with reviewing(doubts.folder, Mode(second_key=True)) as review:
        with review.desk.act("ann", "field") as act:
            for number in range(4):
                act.say("decisions", (f"sha of {number:060}", 1, "id"), "", doubts.value(f"p{number:05}.png", "id"))
        ours, theirs = to_keys(review, "bob"), to_keys(review, "eve")
        assert (len(ours), len(theirs)) == (3, 1)
        assert not ours & theirs
        assert to_keys(review, "bob") == ours  # as after a reload


def to_keys(review: Review, who: str) -> set[int]:
    return {item["one"] for item in blind.upcoming(review, who, blind.After())["items"]}


def test_strip_is_shown_or_it_is_said_why_not(review: Review, tmp_path: Path) -> None:
    item = to_key(review, "bob")["id"]
    asked = blind.Decided(one=item["one"], two=item["two"])
    assert "another scan" in blind.strip(review, "bob", asked)["missing"]  # the drawn one has a made-up fingerprint
    (tmp_path / "scans" / "p00000.png").unlink()
    gone = blind.strip(review, "bob", asked)
    assert gone["image"] == ""
    assert "p00000.png" in gone["missing"]


def test_text_is_compared_word_by_word(tmp_path: Path) -> None:
    strip = Box("name", 1, np.array([[0, 0], [90, 0], [90, 20], [0, 20]], np.float64), (0, 0), kind="key")
    form = Template("card", 100, 100, 100, (Field("name", ((0, 0, 90, 20),), (0, 0), kind="key"),))
    ref = PageRef(tmp_path / "a.png", 1, "a.png", "a" * 64)
    with open_batch(tmp_path / "out", templates=(form,), model_fingerprint="m", model_name="m", settings={}) as batch:
        batch.pending([ref])
        written = DigitReading(strip, None, 0.0, np.zeros(len(CLASSES), np.float32), "")
        read = FieldReading("name", "", 0.0, ("to_key",), kind="key")
        batch.add(PageReading(ref, "card", Match(1.0, "markers"), (read,), (written,)))
    with reviewing(tmp_path / "out", Mode(second_key=True)) as review:
        for decided, typed, open_now in (
            ("Ann  Lee", " Ann Lee ", 0),
            ("Jose\u0301", "Jos\u00e9", 0),
            ("", "_", 0),
            ("Ann Lee", "Ann Le\u0435", 1),  # a letter of another alphabet
            ("Eve Lee", "eve lee", 1),
        ):
            decide(review, "ann", "name", f"x{decided}", "key")
            decide(review, "ann", "name", decided, "key")
            assert to_key(review, "bob")["name"]["kind"] == "key"
            key(review, "bob", "name", typed)
            assert review.second.left("bob") == (0, open_now)


# --- blind is blind


def test_no_other_call_is_answered_where_people_key_blind() -> None:
    allowed = {kind: {route.path for route in ROUTES if kind in route.of} for kind in ("second", "audit")}
    assert allowed["second"] == {
        *("standing", "second/next", "second/strip", "second/key", "second/back", "second/undo"),
        *("third/next", "third/settle"),
    }
    assert allowed["audit"] == {"standing", "audit/next", "audit/strip", "audit/key", "audit/back"}


def test_answers_before_a_second_key_do_not_hold_what_was_decided(tmp_path: Path) -> None:
    doubts = draw_doubts(tmp_path, 1, doubtful=0, changed=CHANGED)
    with reviewing(doubts.folder, Mode(second_key=True)) as review:
        decide(review, "ann", "id", "98765")
        item = to_key(review, "bob")["id"]
        asked = blind.Decided(one=item["one"], two=item["two"])
        answers: list[Any] = [
            standing(review, "bob", Nothing()),
            blind.upcoming(review, "bob", blind.After()),
            blind.strip(review, "bob", asked),
            blind.back(review, "bob", audit_keys.Before()),
            blind.third(review, "bob", blind.After()),
        ]
        keyed = blind.Keyed(**asked.model_dump(), seen=0, key="11111")
        answers.append(blind.key(review, "bob", keyed))
        answers.append(blind.back(review, "bob", audit_keys.Before()))
    told = json.dumps(answers)
    assert "98765" not in told
    assert not re.search(r"(?<![\w-])738(?![\w-])", told), "what was read, but for drawn letters that happen to hold it"
    assert set(item) == {"one", "two", "field", "kind", "seen"}


# --- what was decided, as a list


def test_corrections_list_every_decision_in_the_order_of_time(review: Review, drawn: Doubts, tmp_path: Path) -> None:
    decide(review, "=eve", "mark", "42")
    key(review, "bob", "id", "138")
    settle(review, "eve", differing(review), "138")
    blind.undo(review, "eve", Nothing())
    result = CliRunner().invoke(app, ["export", str(drawn.folder), "--corrections"])
    assert result.exit_code == 0, result.output
    table = read_results(drawn.folder / "corrections.csv")
    assert list(table.columns) == list(CORRECTIONS_COLUMNS)
    assert table["when"].is_monotonic_increasing
    assert set(table["scan"] + " " + table["page"]) == {"p00000.png 1"}
    shown = table[["who", "field", "read", "old", "new", "how", "stands"]].values.tolist()
    assert shown == [
        ["ann", "id", "738", "738", "738", "group", "0"],
        ["bob", "count", "5", "5", "5", "group", "1"],
        ["=eve", "mark", "41", "41", "42", "field", "1"],
        ["eve", "id", "738", "738", "138", "third", "0"],
        ["eve", "id", "738", "138", "738", "undo", "1"],
    ]
    assert "\n" + table["when"][2] + ",'=eve," in (drawn.folder / "corrections.csv").read_text("utf-8")
    sheet = openpyxl.load_workbook(export_corrections(drawn.folder, tmp_path / "c.xlsx"))["Corrections"]
    assert [[cell.value or "" for cell in row] for row in sheet.rows][1:] == table.values.tolist()
    with pytest.raises(UnusableCall, match="cannot be written"):
        export_corrections(drawn.folder, tmp_path / "c.json")


@pytest.mark.parametrize("options", [["--second-key", "--audit", "1"], ["--audit", "0"], ["--audit", "first"]])
def test_kinds_of_review_that_cannot_be_are_refused(drawn: Doubts, options: list[str]) -> None:
    result = CliRunner().invoke(app, ["review", str(drawn.folder), *options, "--no-browser"])
    assert (result.exit_code, "--audit" in result.output) == (2, True)


# --- the sample of an audit


def audit_of(batch: Drawn) -> Drawn:
    begin(batch.folder, Wish(CLAIM, size=1000, seed=1), "ann")
    return batch


def upcoming(review: Review, who: str, after: int = 0) -> list[Any]:
    items: list[Any] = audit_keys.upcoming(review, who, audit_keys.After(one=after))["items"]
    return items


def key_all(review: Review, who: str, written: Mapping[int, str]) -> list[int]:
    """Key all that a person is asked for, as it is written; give the numbers."""
    asked = list[int]()
    while items := upcoming(review, who):
        number = items[0]["one"]
        asked.append(number)
        said = audit_keys.Keyed(one=number, two=items[0]["two"], key=written[number] or "_")
        assert audit_keys.key(review, who, said) == {"saved": True}
    return asked


def test_audit_keyed_here_says_what_it_says_keyed_in_files(tmp_path: Path) -> None:
    wrong = {(2, "id"): "999", (8, "mark"): "7"}
    here, there = audit_of(Drawn(tmp_path / "a", wrong=wrong)), drawn_all(Drawn(tmp_path / "b", wrong=wrong))
    slip = {next(number for number, text in here.written().items() if len(text) == 2): "5555"}  # others are misread
    there.key("keys.csv", "ann", **{f"n{number}": text for number, text in slip.items()})
    sheets = audit.write_second(there.folder)
    there.key("second-keys.csv", "bob")
    with reviewing(here.folder, Mode(audit=0)) as review:
        assert review.audited is not None
        assert key_all(review, "ann", here.written() | slip) == list(here.written())
        assert (review.audited.left("ann").left, review.audited.left("ann").waiting) == (0, 3)
        again = key_all(review, "bob", here.written())
        assert review.audited.left("bob")[:3] == (0, len(again), 2)
        assert review.audited.left("bob").waiting == 0
    assert sheets is not None
    assert len(again) == sheets.fields
    found, expected = report(here), report(there)
    assert found["all"] == expected["all"]
    assert found["keying"] == expected["keying"]
    assert [one["is"] for one in found["not_right"]] == [one["is"] for one in expected["not_right"]]
    assert corrections(here) == corrections(there)


def corrections(batch: Drawn) -> list[Any]:
    with open_results(batch.folder) as results:
        pages = results.pages()
        return [(page.scan, one.name, one.value) for page in pages for one in page.fields if one.name in page.decided]


def test_audit_answers_tell_nothing_of_the_reading(tmp_path: Path) -> None:
    batch = audit_of(Drawn(tmp_path, pages=2, wrong={(1, "id"): "999"}))
    with reviewing(batch.folder, Mode(audit=1)) as review:
        answers: list[Any] = [standing(review, "ann", Nothing())]
        for item in (items := upcoming(review, "ann")):
            answers += [item, dict(audit_keys.strip(review, "ann", audit_keys.Drawn(one=item["one"], two=1)))]
            assert answers[-1].pop("image").startswith("data:image/jpeg")
        assert len(items) == 3
        key_all(review, "ann", batch.written())
        answers += [standing(review, "bob", Nothing()), *upcoming(review, "bob")]
    told = json.dumps(answers)
    assert "999" not in told
    assert "confidence" not in told
    assert {frozenset(item) for item in answers if "one" in item} == {
        frozenset(("one", "two", "field", "kind", "options", "seen"))
    }


def test_audit_keys_are_keyed_again_by_who_keyed_them_alone(tmp_path: Path) -> None:
    batch = audit_of(Drawn(tmp_path, pages=3))
    with reviewing(batch.folder, Mode(audit=0)) as review:
        audit_keys.key(review, "ann", audit_keys.Keyed(one=1, two=1, key="9999"))
        with pytest.raises(Refused, match="ann has keyed this field"):
            audit_keys.key(review, "bob", audit_keys.Keyed(one=1, two=1, key="1"))
        item = audit_keys.back(review, "ANN", audit_keys.Before())["item"]
        assert (item["one"], item["key"]) == (1, "9999")
        audit_keys.key(review, "ann", audit_keys.Keyed(one=1, two=1, key="_"))
        assert audit_keys.back(review, "ann", audit_keys.Before())["item"]["key"] == "_"
        assert audit_keys.back(review, "bob", audit_keys.Before())["item"] is None
        assert upcoming(review, "bob", after=2)[0]["one"] == 3
        with pytest.raises(Refused, match="another person keys them"):
            audit_keys.key(review, "ann", audit_keys.Keyed(one=1, two=2, key="_"))
        with pytest.raises(Refused):
            audit_keys.key(review, "ann", audit_keys.Keyed(one=2, two=1, key="  "))
    assert report(batch)["keying"]["changed"] == 1


def test_batch_without_that_audit_is_refused(tmp_path: Path) -> None:
    batch = Drawn(tmp_path, pages=2)
    with pytest.raises(UnusableCall, match="has no audit yet"), reviewing(batch.folder, Mode(audit=0)):
        pass
    audit_of(batch)
    write_first(batch.folder)
    with pytest.raises(UnusableCall, match="has no audit 7"), reviewing(batch.folder, Mode(audit=7)):
        pass
