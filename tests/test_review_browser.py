"""The review page in a real browser: what a person sees, types and gets."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from formreader.export import read_results
from formreader.store import open_results
from tests.browser import CHROMIUM, Served, chromium, keeps_to_rules, opened, served
from tests.drawing_reviews import Doubts, draw_doubts

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as running:
        yield running


@pytest.fixture
def batch(tmp_path: Path) -> Doubts:
    return draw_doubts(tmp_path, 6, doubtful=0.6, misread=0.2, seed=4)


@pytest.fixture
def server(batch: Doubts) -> Iterator[Served]:
    with served(batch.folder) as running:
        yield running


def decided(batch: Doubts) -> dict[tuple[str, str], str]:
    with open_results(batch.folder) as results:
        pages = results.pages()
        return {(page.scan, one.name): one.value for page in pages for one in page.fields if one.name in page.decided}


def test_screen_is_confirmed_corrected_and_taken_back_after_a_reload(
    browser: Any, server: Served, batch: Doubts
) -> None:
    page = opened(browser, server, "Ann", "#/digits/3")
    boxes = page.locator(".box")
    first = boxes.first.get_attribute("aria-label")
    assert first.startswith("read as 3")
    page.keyboard.press("8")
    assert "now 8" in boxes.first.get_attribute("aria-label")
    page.reload()
    page.wait_for_selector(".box")
    assert "now 8" in page.locator(".box").first.get_attribute("aria-label")  # typed, not yet confirmed, not lost
    page.keyboard.press("Enter")
    expect(page.locator("#said")).to_contain_text("saved")
    page.reload()
    page.wait_for_selector(".box")
    page.goto(f"{server.origin}/#/digits/3")
    page.wait_for_selector(".empty, .box")
    page.keyboard.press("Control+z")
    expect(page.locator("#said")).to_contain_text("Taken back")
    page.goto(f"{server.origin}/#/digits/3")
    page.reload()
    expect(page.locator(f".box[aria-label='{first}']").first).to_be_visible()
    assert decided(batch) == {}


def test_all_digits_can_be_judged_without_a_mouse(browser: Any, server: Served, batch: Doubts) -> None:
    page = opened(browser, server, "Ann", "#/digits")
    for _ in range(30):
        page.wait_for_selector("#screen:not([aria-busy=true]) :is(.box, .empty)")
        if not page.locator(".box").count():
            break
        before = page.locator("#progress").inner_text()
        page.wait_for_timeout(450)  # sooner, it would be a double tap
        page.keyboard.press("Enter")
        expect(page.locator("#progress")).not_to_have_text(before)
    with open_results(batch.folder) as results:
        left = [page.to_review for page in results.pages() if page.to_review]
    assert not any(set(names) - {"mark", "count"} for names in left)  # only what breaks a rule may be left
    server.stop()
    assert "checked" in set(read_results(batch.folder / "results.csv")["status"])


def test_what_was_never_on_the_screen_is_not_confirmed(browser: Any, tmp_path: Path) -> None:
    batch = draw_doubts(tmp_path, 30, doubtful=0.9)
    with served(batch.folder) as server:
        page = opened(browser, server, "Ann", "#/digits/3/7", viewport={"width": 420, "height": 220})
        page.keyboard.press("Enter")
        expect(page.locator("#said")).to_contain_text("more below")
    with open_results(batch.folder) as results:
        assert results.standing().decided == 0


def test_name_is_asked_once_and_kept_with_every_decision(browser: Any, server: Served, batch: Doubts) -> None:
    page = opened(browser, server, "", "#/digits")
    page.get_by_label("Your name").fill("Ann Example")
    page.keyboard.press("Enter")
    page.wait_for_selector(".box")
    page.keyboard.press("Enter")
    expect(page.locator("#said")).to_contain_text("saved")
    page.reload()
    page.wait_for_selector(".box")
    assert page.locator("#me").inner_text() == "Ann Example"
    with open_results(batch.folder) as results:
        assert results.standing().deciders == 1


def test_double_tap_on_enter_confirms_one_screen(browser: Any, tmp_path: Path) -> None:
    batch = draw_doubts(tmp_path, 60, doubtful=1)
    with served(batch.folder) as server:
        page = opened(browser, server, "Ann", "#/digits/3", viewport={"width": 700, "height": 500})
        shown = page.locator(".box").count()
        for _ in range(3):
            page.keyboard.press("Enter")
            page.wait_for_timeout(120)
        expect(page.locator("#said")).to_contain_text(f"{shown} boxes saved")
        left = page.locator("[aria-current=true] small").inner_text()
        page.reload()
        expect(page.locator("[aria-current=true] small")).to_have_text(left)


def test_two_people_never_overwrite_each_other(browser: Any, server: Served, batch: Doubts) -> None:
    ann, bob = (opened(browser, server, name, "#/digits/3") for name in ("Ann", "Bob"))
    bob.keyboard.press("8")
    bob.keyboard.press("Enter")
    expect(bob.locator("#said")).to_contain_text("saved")
    ann.keyboard.press("5")
    ann.keyboard.press("Enter")
    ann.wait_for_selector("dialog[open]")
    words = ann.locator("dialog").inner_text()
    assert "Bob" in words
    assert "8" in words
    assert "5" in words
    while ann.locator("dialog[open]").count():
        ann.get_by_role("button", name=re.compile("^Keep")).click()
        ann.wait_for_timeout(100)
    with open_results(batch.folder) as results:
        marks = results.standing().decided
    assert marks == len(decided(batch))
    ann.keyboard.press("Control+z")


def test_killing_the_server_loses_nothing_that_was_shown_as_saved(browser: Any, batch: Doubts) -> None:
    with served(batch.folder) as first:
        page = opened(browser, first, "Ann", "#/digits/3")
        shown = page.locator(".box").count()
        page.keyboard.press("Enter")
        expect(page.locator("#said")).to_contain_text("saved")
        first.kill()
        page.keyboard.press("Enter")
        page.wait_for_selector("#said.bad")
        assert "not running" in page.locator("#said").inner_text()
    with served(batch.folder) as second:
        page = opened(browser, second, "Ann", "#/digits/3")
        assert all(not words.startswith("read as 3") for words in labels(page))
        page.keyboard.press("Control+z")
        expect(page.locator("#said")).to_contain_text("Taken back")
        page.goto(f"{second.origin}/#/digits/3")
        expect(page.locator(".box")).to_have_count(shown)


def labels(page: Any) -> list[str]:
    return [box.get_attribute("aria-label") for box in page.locator(".box").all()]


def test_pages_keep_to_accessibility_rules(browser: Any, server: Served) -> None:
    for scheme in ("light", "dark"):
        page = opened(browser, server, "Ann", "#/digits", color_scheme=scheme)
        page.keyboard.press("5")
        keeps_to_rules(page)
        page.keyboard.press("F1")
        page.wait_for_selector("dialog[open]")
        keeps_to_rules(page)


def test_enter_that_is_held_down_confirms_one_screen(browser: Any, tmp_path: Path) -> None:
    many = draw_doubts(tmp_path / "many", 60, doubtful=0.9, seed=2)
    with served(many.folder) as server:
        page = opened(browser, server, "Ann", "#/digits/3")
        page.wait_for_timeout(300)
        for _ in range(12):
            page.keyboard.down("Enter")  # all but the first as a keyboard repeats it
            page.wait_for_timeout(120)
        page.keyboard.up("Enter")
        with sqlite3.connect(many.folder / "batch.sqlite") as connection:
            assert connection.execute("SELECT count(*) FROM acts").fetchone() == (1,)


def test_what_was_typed_for_one_batch_is_not_put_into_another_at_the_same_address(
    browser: Any, batch: Doubts, tmp_path: Path
) -> None:
    other = draw_doubts(tmp_path / "other", 6, doubtful=0.6, misread=0.2, seed=4)
    with served(batch.folder) as server:
        page = opened(browser, server, "Ann", "#/digits/3")
        page.keyboard.press("8")
        assert page.locator(".box.changed").count() == 1
        port = server.origin.rpartition(":")[2]
    for folder, kept in ((other.folder, 0), (batch.folder, 1)):
        with served(folder, "--port", port, "--user", "Ann") as again:
            page.goto(again.address)
            page.goto(f"{again.origin}/#/digits/3")
            page.wait_for_selector(".box")
            assert page.locator(".box.changed").count() == kept
