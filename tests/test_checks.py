"""A box that is read otherwise on a stretch of the batch is reported with its pages, and nothing else is."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from formreader.checks import Drift, DriftParams, DriftSearch, about_drifts
from formreader.store import StoredPage
from tests.drawing_batches import BLANK, UNREAD, as_pages, draw_boxes, streaked


def drifts(pages: Iterable[StoredPage], **params: int) -> list[Drift]:
    search = DriftSearch(DriftParams(**params))
    deque(search.passing(pages), maxlen=0)
    return search.drifts()


def number_of(scan: str) -> int:
    return int(scan.removeprefix("scan_").removesuffix(".png"))


def test_streak_is_reported_with_its_pages(rng: np.random.Generator) -> None:
    said = draw_boxes(2000, 8, rng)
    said[:, 1] = np.where(rng.random(2000) < 0.03, 1, BLANK)
    (found,) = drifts(as_pages(streaked(said, 1, 340, 76, 0.71, rng)))
    assert (found.field, found.position, found.what) == ("id", 2, "1")
    assert found.share == pytest.approx(0.71, abs=0.1)
    assert found.elsewhere == pytest.approx(0.03, abs=0.01)
    assert abs(number_of(found.first_scan) - 340) <= 3
    assert abs(number_of(found.last_scan) - 415) <= 3
    assert found.pages == number_of(found.last_scan) - number_of(found.first_scan) + 1
    (line,) = about_drifts([replace(found, share=0.71, elsewhere=0.03, pages=76, last_page=2)])
    assert line == (
        f"box 2 of 'id' is read as 1 on 71% of 76 pages ({found.first_scan} to {found.last_scan}#2), 3% elsewhere: "
        "look at these pages, dirty scanner glass draws lines"
    )


@pytest.mark.parametrize("seed", range(5))
def test_batch_that_does_not_drift_says_nothing(seed: int) -> None:
    assert drifts(as_pages(draw_boxes(600, 20, np.random.default_rng(seed)))) == []


def test_boxes_that_jump_together_are_one_line(rng: np.random.Generator) -> None:
    said = np.where(rng.random((400, 10)) < 0.1, BLANK, rng.integers(0, 10, (400, 10)))
    said[250:] = BLANK  # a stack of another form, or shifted
    found = drifts(as_pages(said))
    assert {(drift.position, drift.what) for drift in found} == {(place, "blank") for place in range(1, 11)}
    assert all(abs(drift.start - 251) <= 3 for drift in found)
    (line,) = about_drifts(found)
    assert line.endswith("leaves boxes empty (boxes that jump there too: 9)")


@pytest.mark.parametrize("what", ["flagged", "unread"])
def test_worse_scans_are_reported(rng: np.random.Generator, what: str) -> None:
    said = draw_boxes(500, 3, rng, blank=0.05)
    worse = np.zeros(said.shape, bool)
    worse[100:200, 0] = rng.random(100) < 0.5
    pages = as_pages(said, worse) if what == "flagged" else as_pages(np.where(worse, UNREAD, said))
    found = drifts(pages)
    assert [(drift.position, drift.look_for.split(",")[0]) for drift in found] == [(1, "they may be scanned worse")]
    assert f"is {'flagged' if what == 'flagged' else 'no digit'} on" in str(found[0])


def test_batch_that_changes_half_way_names_the_later_pages(rng: np.random.Generator) -> None:
    said = draw_boxes(1000, 2, rng, blank=0.1)
    said[:500, 0], said[500:, 0] = 4, 7
    assert [(drift.what, drift.first_scan, drift.pages) for drift in drifts(as_pages(said))] == [
        ("7", "scan_0500.png", 500)
    ]


def numbers(first: int, pages: int, places: int) -> NDArray[np.int64]:
    return np.stack([np.arange(first, first + pages) // 10**place % 10 for place in reversed(range(places))], axis=1)


def test_running_numbers_and_dates_are_no_drift() -> None:
    assert drifts(as_pages(numbers(20_000, 2000, 5)[:, 2:])) == []
    days = np.repeat(np.arange(1, 29), 40)
    assert drifts(as_pages(np.stack([days // 10, days % 10], axis=1)[:, 1:])) == []


def test_blanks_of_a_running_number_that_come_and_go_are_reported() -> None:
    said = numbers(0, 1000, 3)
    said[400:450, 2] = BLANK
    found = drifts(as_pages(said))
    assert ("blank", 3, 50) in {(drift.what, drift.position, drift.pages) for drift in found}


def test_several_stretches_of_one_box_are_reported_each(rng: np.random.Generator) -> None:
    said = draw_boxes(1500, 2, rng)
    said[:, 0] = BLANK
    said[200:260, 0] = said[900:960, 0] = 1
    found = drifts(as_pages(said))
    assert sorted((drift.first_scan, drift.pages) for drift in found) == [("scan_0200.png", 60), ("scan_0900.png", 60)]


def test_small_batches_and_trifles_say_nothing(rng: np.random.Generator) -> None:
    said = np.full((49, 3), BLANK)
    said[20:] = 1
    assert drifts(as_pages(said)) == []
    assert len(drifts(as_pages(np.vstack([said, said[-1:]])))) == 3
    many = np.where(rng.random((12_000, 1)) < 0.3, 1, BLANK)
    many[6000:] = np.where(rng.random((6000, 1)) < 0.4, 1, BLANK)  # surely no chance, and not worth a look
    assert drifts(as_pages(many)) == []


def test_forms_are_counted_each_by_itself(rng: np.random.Generator) -> None:
    exam, visit = draw_boxes(300, 2, rng, blank=0.05), np.full((300, 2), BLANK)
    visit[100:150] = 1
    mixed = [page for both in zip(as_pages(exam), as_pages(visit, form="visit"), strict=True) for page in both]
    assert {(drift.form, drift.first_scan, drift.pages) for drift in drifts(mixed)} == {("visit", "scan_0100.png", 50)}


@settings(max_examples=20)
@given(st.integers(1, 700), st.sampled_from([16, 64]))
def test_no_page_is_lost_where_stretches_grow_longer(pages: int, most: int) -> None:
    said = np.full((pages, 2), BLANK)
    said[: pages // 3, 0] = 1
    search = DriftSearch(DriftParams(stretches=most))
    deque(search.passing(as_pages(said)), maxlen=0)
    (counted,) = search._forms.values()
    assert len(counted.counts) <= most
    assert counted.counts.sum(axis=(0, 2)).tolist() == [pages, pages]
    assert counted.counts[:, 0, 1].sum() == pages // 3
    assert [counted.ends[0][0][0], counted.ends[-1][1][0]] == ["scan_0000.png", f"scan_{pages - 1:04}.png"]


def test_long_batches_are_searched_on_longer_stretches(rng: np.random.Generator) -> None:
    said = draw_boxes(3000, 2, rng)
    said[:, 0] = BLANK
    said[1000:1200, 0] = 1
    (found,) = drifts(as_pages(said), stretches=256)
    assert abs(number_of(found.first_scan) - 1000) <= 16
    assert abs(number_of(found.last_scan) - 1199) <= 16


def test_only_the_clearest_lines_are_shown() -> None:
    one = Drift("exam", "id", 1, "1", 0.7, 0.1, 1, 50, "a.png", 1, "b.png", 1, "dust")
    many = [replace(one, start=100 * number) for number in range(9)]
    lines = list(about_drifts(many))
    assert len(lines) == 6
    assert lines[-1] == "4 more stretches jump; all are in drift.csv"


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)
