"""Doubtful fields in the order in which they are asked, what is known of each, and deciding them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from formreader.batch_forms import forms_of
from formreader.review import decide as deciding
from formreader.review import fields as asking
from formreader.review import groups
from formreader.review.pictures import laid_out, whole_page
from formreader.review.state import Review
from formreader.served.calls import Nothing, Picture, Refused
from formreader.store import open_desk
from formreader.values import Box, Page, PageRef
from tests.drawing_doubts import Card, batch_of

SURE = Card()
TOO_LARGE = Card({"amount": "982"})
SLIP = Card({}, {("amount", 1): ("9", 0.81, "4", "low_confidence")})
WIDE = Card({}, {("code", 2): ("7", 0.55, "1", "low_confidence")})
ALONE = Card({}, {("amount", 1): ("4", 0.62, "9", "low_confidence"), ("amount", 3): ("2", 0.81, "7", "low_confidence")})
SUM = Card({"total": "052"})


def reviewed(folder: Path, *cards: Card, unique: str = "") -> Iterator[Review]:
    with open_desk(batch_of(folder, cards, unique=unique)) as desk:
        review = Review(desk, forms_of(desk.results))
        review.queue.start()
        yield review


@pytest.fixture
def review(tmp_path: Path) -> Iterator[Review]:
    yield from reviewed(tmp_path, TOO_LARGE, SLIP, WIDE, ALONE, SUM, Card(name="Ada"), Card(name="Bo"))


def asked(review: Review, kind: str, **more: Any) -> list[tuple[int, str]]:
    answer = asking.fields(review, "Ann", asking.Wanted.model_validate({"kind": kind, "most": 10, **more}))
    return [(one["reading"], one["field"]) for one in answer["fields"]]


def about(review: Review, reading: int, field: str) -> Mapping[str, Any]:
    return asking.field(review, "Ann", asking.Place(reading=reading, field=field))


def decide(review: Review, reading: int, field: str, new: str, who: str = "Ann", **more: Any) -> Mapping[str, Any]:
    seen = more.pop("seen", about(review, reading, field)["version"])
    said = {"reading": reading, "field": field, "seen": seen, "new": new, **more}
    return deciding.decide(review, who, deciding.Decisions.model_validate({"fields": [said]}))


def left(review: Review) -> tuple[int, ...]:
    while (counted := review.queue.left()) is None:
        time.sleep(0.01)
    return counted["doubt"], counted["rule"], counted["key"]


def test_rules_are_asked_field_by_field_and_single_boxes_first_among_their_like(review: Review) -> None:
    assert asked(review, "rule") == [(1, "amount"), (2, "amount"), (5, "first"), (5, "second"), (5, "total")]
    assert asked(review, "rule", form="card", name="second") == [(5, "second")]
    assert asked(review, "doubt") == [(3, "code")]
    assert asked(review, "doubt", digits=True) == [(3, "code"), (4, "amount")]
    assert asked(review, "key") == [(6, "name"), (7, "name")]
    assert asked(review, "key", reading=6, field="name") == [(7, "name")]
    assert left(review) == (1, 5, 2)


def test_a_decision_closes_a_field_and_undo_opens_it_again(review: Review) -> None:
    assert decide(review, 3, "code", "3141")["saved"] == [(3, "code")]
    assert left(review) == (0, 5, 2)
    undone = groups.undo(review, "Ann", Nothing())
    assert undone["places"] == [(3, "code")]
    assert left(review) == (1, 5, 2)
    assert about(review, 3, "code")["decided"] is None


def test_what_others_decide_and_what_is_read_meanwhile_is_seen(review: Review, tmp_path: Path) -> None:
    assert left(review) == (1, 5, 2)
    with open_desk(review.desk.folder) as other:
        sha256 = review.page(3).sha256
        with other.act("Bob", "field") as act:
            act.say("decisions", (sha256, 1, "code"), "3741", "3141")
    batch_of(tmp_path, [Card({}, {("code", 1): ("8", 0.6, "3", "low_confidence")})], first=8)
    assert asked(review, "doubt") == [(8, "code")]
    assert about(review, 3, "code")["decided"]["who"] == "Bob"


def test_a_box_that_is_unsure_by_itself_brings_its_field_with_what_was_said_of_the_others(review: Review) -> None:
    boxes = review.boxes.first("49", "", (), 10) + review.boxes.first("2", "", (), 10)
    said = [{"picture": boxes[0].picture, "seen": (0, 0), "new": "?"}]
    groups.judge(review, "Ann", groups.Screen.model_validate({"boxes": said}))
    assert asked(review, "doubt") == [(3, "code")]  # the other box is still asked there
    said = [{"picture": boxes[1].picture, "seen": (0, 0), "new": "7"}]
    groups.judge(review, "Ann", groups.Screen.model_validate({"boxes": said}))
    assert asked(review, "doubt") == [(3, "code"), (4, "amount")]
    field = about(review, 4, "amount")
    assert field["value"] == "487"
    assert [box["mark"] for box in field["boxes"]] == ["?", None, "7"]


def test_a_field_says_why_it_is_asked_and_what_else_it_may_be(review: Review) -> None:
    slip = about(review, 2, "amount")
    assert slip["value"] == "982"
    assert slip["broken"] == [("at most 500", "error")]
    assert slip["choices"] == ["482"]
    assert [box["doubtful"] for box in slip["boxes"]] == [True, False, False]
    assert slip["boxes"][0]["runners"] == [("4", 0.19)]
    assert about(review, 1, "amount")["choices"] == []  # nothing speaks for any lawful value
    total = about(review, 5, "total")
    assert total["others"][0]["values"] == [["first", "12"], ["second", "30"], ["total", "052"]]


def test_a_value_that_breaks_a_rule_is_stored_only_by_who_means_it(review: Review) -> None:
    answer = decide(review, 1, "amount", "981")
    assert answer["saved"] == []
    assert answer["refused"][0]["broken"] == ["at most 500"]
    assert groups.undo(review, "Ann", Nothing())["how"] == ""  # nothing was done
    assert decide(review, 1, "amount", "981", despite=True)["saved"] == [(1, "amount")]
    assert about(review, 1, "amount")["value"] == "981"


@pytest.mark.parametrize(("value", "word"), [("48?", "nobody can read"), ("4820", "room for 3 digits")])
def test_what_is_unusual_is_asked_twice(review: Review, value: str, word: str) -> None:
    assert word in decide(review, 2, "amount", value)["refused"][0]["broken"][0]
    assert decide(review, 2, "amount", value, despite=True)["saved"]
    assert (2, "amount") not in asked(review, "rule")
    assert about(review, 2, "amount")["value"] == value


@pytest.mark.parametrize("value", ["4x2", "=1+1", "4..2", "1" * 101])
def test_a_field_of_digits_holds_nothing_else(review: Review, value: str) -> None:
    with pytest.raises(Refused):
        decide(review, 2, "amount", value, despite=True)


def test_a_field_that_does_not_exist_is_refused(review: Review) -> None:
    for reading, field in ((99, "amount"), (1, "nothing")):
        with pytest.raises(Refused):
            decide(review, reading, field, "1", seen=0)


def test_nobody_overwrites_what_another_decided_since(review: Review) -> None:
    decide(review, 3, "code", "3141", who="Bob", seen=0)
    answer = decide(review, 3, "code", "3741", seen=0)
    assert answer["saved"] == []
    (conflict,) = answer["conflicts"]
    assert (conflict["mine"], conflict["theirs"], conflict["who"]) == ("3741", "3141", "Bob")
    assert decide(review, 3, "code", "3741", seen=conflict["version"])["saved"]


def test_names_are_keyed_as_they_stand_and_offered_again(review: Review) -> None:
    assert decide(review, 6, "name", "  Ada  =Lovelace ")["saved"]
    assert about(review, 6, "name")["value"] == "Ada =Lovelace"
    decide(review, 7, "name", "Bo")
    begun = asking.completions(review, "Ann", asking.Begun(field="name", start="ad"))
    assert begun["texts"] == ["Ada =Lovelace"]
    assert left(review) == (1, 5, 0)
    with pytest.raises(Refused):
        decide(review, 7, "name", "a" * 501)


def test_what_repeats_though_it_should_not_is_kept_with_broken_rules(tmp_path: Path) -> None:
    for review in reviewed(tmp_path, SURE, SURE, Card({"code": "99"}), unique="code"):
        until = time.monotonic() + 10
        while left(review)[1] < 2 and time.monotonic() < until:
            time.sleep(0.01)
        assert asked(review, "rule") == [(1, "code"), (2, "code")]
        assert about(review, 1, "code")["broken"] == [("unique in the batch", "error")]
        decide(review, 1, "code", "3141")
        assert asked(review, "rule") == [(2, "code")]


def test_a_strip_shows_each_box_where_it_says(review: Review) -> None:
    picture = asking.strip(review, "Ann", asking.Place(reading=1, field="amount"))
    field = about(review, 1, "amount")
    strip = cv2.imdecode(np.frombuffer(picture.content, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert strip is not None
    assert strip.shape[::-1] == (field["strip"]["width"], field["strip"]["height"])
    scan, _ = review.shelf.page(1)
    assert scan is not None
    for box, x in zip(field["boxes"], (300, 360, 420), strict=True):
        left, right, top, low = box["span"]
        rows = slice(round(top * strip.shape[0]) + 6, round(low * strip.shape[0]) - 6)
        shown = strip[rows, round(left * strip.shape[1]) + 6 : round(right * strip.shape[1]) - 6]
        drawn = cv2.resize(scan.pixels[63:113, x + 3 : x + 41], shown.shape[::-1])
        assert np.corrcoef(shown.ravel(), drawn.ravel())[0, 1] > 0.95


def test_boxes_below_each_other_are_shown_side_by_side() -> None:
    def box(position: int, x: float, y: float) -> Box:
        return Box("f", position, np.array([[x, y], [x + 30, y], [x + 30, y + 40], [x, y + 40]]))

    spans = laid_out([box(1, 10, 10), box(2, 10, 200), box(3, 60, 200)]).spans()
    assert all(right < left for (_, right, *_), (left, *_) in pairwise(spans))


@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
def test_a_page_is_shown_upright_with_its_field_where_it_is(quarters: int) -> None:
    upright = np.full((400, 600), 255, np.uint8)
    upright[100:160, 200:260] = 0
    corners = np.array([[200, 100], [260, 100], [260, 160], [200, 160]], np.float64)
    scan = np.ascontiguousarray(np.rot90(upright, quarters))
    for turn in range(quarters):  # each takes x, y to y, width - x
        corners = np.column_stack([corners[:, 1], (600, 400)[turn % 2] - corners[:, 0]])
    shown = whole_page(Page(PageRef(Path("a.png")), scan), [Box("f", 1, corners)])
    assert (shown.width, shown.height) == (600, 400)
    assert shown.placed(corners) == [[200, 100], [260, 100], [260, 160], [200, 160]]


def test_where_the_scan_is_gone_its_boxes_are_shown(review: Review, tmp_path: Path) -> None:
    scan = tmp_path / "scans" / "card 2.png"
    content = scan.read_bytes()
    scan.unlink()
    place = asking.Place(reading=2, field="amount")
    with pytest.raises(Refused, match=r"card 2\.png"):
        asking.strip(review, "Ann", place)
    told = asking.kept(review, "Ann", place)
    assert "card 2.png" in told["missing"]
    assert [one["position"] for one in told["pictures"]] == [1]
    assert asking.page_marked(review, "Ann", place)["missing"]
    scan.write_bytes(content)
    assert isinstance(asking.strip(review, "Ann", place), Picture)
