"""Failed pages and the table in a real browser: with the mouse, with the keyboard alone, by two people."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from formreader.values import Points
from tests.browser import CHROMIUM, Served, chromium, keeps_to_rules, served
from tests.drawing_failed import CARD, COVERED, failing_batch, truth_of

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here; install the system's chromium to run these"),
]


@pytest.fixture(scope="module")
def read_once(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Points]:
    return failing_batch(tmp_path_factory.mktemp("failed"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as started:
        yield started


@pytest.fixture
def batch(read_once: tuple[Path, Points], tmp_path: Path) -> Path:
    shutil.copytree(read_once[0], tmp_path / "out")
    return tmp_path / "out"


def opened(browser: Any, at: Served, where: str, **more: Any) -> Any:
    page = browser.new_context(viewport={"width": 1280, "height": 800}, **more).new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.wrong = wrong
    page.goto(at.address)
    page.wait_for_selector("#tabs a")
    page.goto(f"{at.origin}/#/{where}")
    return page


def until(page: Any, holds: str) -> None:
    """Wait until a condition holds; the page forbids the eval that Playwright's own waiting wants."""
    for _ in range(200):
        if page.evaluate(holds):
            return
        page.wait_for_timeout(50)
    raise AssertionError(holds)


def rows(batch: Path) -> dict[str, dict[str, str]]:
    with (batch / "results.csv").open(encoding="utf-8", newline="") as file:
        return {row["scan"]: row for row in csv.DictReader(file)}


def open_page(page: Any, scan: str) -> None:
    page.click(f"a.open:has-text('{scan}')")
    page.wait_for_selector(".head h1")


def wanted_places(page: Any, corners: Points) -> list[tuple[float, float]]:
    """Give where on the screen a form's corners lie."""
    until(page, "document.querySelector('.scan-sheet img')?.naturalWidth > 0")
    box = page.locator(".scan-sheet img").bounding_box()
    return [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in corners]


def test_a_page_is_matched_by_dragging_its_corners_and_read(
    batch: Path, browser: Any, read_once: tuple[Path, Points]
) -> None:
    with served(batch, "--user", "Ann") as review:
        page = opened(browser, review, "pages")
        open_page(page, COVERED)
        for handle, (x, y) in zip(page.locator(".handle").all(), wanted_places(page, read_once[1]), strict=True):
            held = handle.bounding_box()
            page.mouse.move(held["x"] + held["width"] / 2, held["y"] + held["height"] / 2)
            page.mouse.down()
            page.mouse.move(x + 2, y - 2, steps=4)
            page.mouse.up()
        page.click("text=Read with these corners")
        page.wait_for_selector("text=Is this the page?")
        shown = dict(
            zip(
                page.locator(".page-values th").all_inner_texts(),
                page.locator(".page-values td.mono").all_inner_texts(),
                strict=True,
            )
        )
        assert shown == truth_of(CARD)
        assert page.locator("polygon.box-line, polygon.box-doubtful").count() == 30
        page.keyboard.press("Enter")
        page.wait_for_selector("nav a:has-text('Pages') .badge:has-text('2')")
        assert page.wrong == []
        review.stop()
    read = rows(batch)[COVERED]
    assert read["status"] == "review"
    assert {name: read[name] for name in shown} == shown


def test_a_page_is_matched_with_the_keyboard_alone(batch: Path, browser: Any, read_once: tuple[Path, Points]) -> None:
    with served(batch, "--user", "Ann") as review:
        page = opened(browser, review, "pages")
        page.wait_for_selector(".card")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Enter")
        page.wait_for_selector(f"h1:has-text('{COVERED}')")
        page.wait_for_selector(".handle:focus")
        places = wanted_places(page, read_once[1])
        for nth, (x, y) in enumerate(places):
            assert page.evaluate("document.activeElement.textContent") == str(nth + 1)
            held = page.locator(".handle").nth(nth).bounding_box()
            right, down = x - held["x"] - held["width"] / 2, y - held["y"] - held["height"] / 2
            for distance, key in (
                (right, "ArrowRight" if right > 0 else "ArrowLeft"),
                (down, "ArrowDown" if down > 0 else "ArrowUp"),
            ):
                for _ in range(round(abs(distance) / 10)):
                    page.keyboard.press(f"Shift+{key}")
            page.keyboard.press("Tab")
        page.keyboard.press("Shift+Tab")
        page.keyboard.press("Enter")
        page.wait_for_selector("text=Is this the page?")
        assert page.locator(".page-values td.mono").first.inner_text() == truth_of(CARD)["customer"]
        page.keyboard.press("Escape")
        page.wait_for_selector("text=Read with these corners")
        assert page.wrong == []
        review.stop()
    assert rows(batch)[COVERED]["status"] == "failed", "it was not taken"


def test_a_page_that_lies_on_its_head_is_turned(batch: Path, browser: Any, read_once: tuple[Path, Points]) -> None:
    with served(batch, "--user", "Ann") as review:
        page = opened(browser, review, "pages")
        open_page(page, COVERED)
        page.wait_for_selector(".handle:focus")
        before = page.locator(".handle").first.get_attribute("aria-label")
        for _ in range(4):
            page.keyboard.press("t")
        assert page.locator(".handle").first.get_attribute("aria-label") == before
        page.keyboard.press("t")
        wanted_places(page, read_once[1])  # waits for the picture
        assert page.locator(".scan-sheet img").evaluate("image => image.src").endswith("turn=1")
        review.stop()


def test_not_a_form_is_skipped_and_undone_also_after_a_reload(batch: Path, browser: Any) -> None:
    with served(batch, "--user", "Ann") as review:
        page = opened(browser, review, "pages")
        open_page(page, "letter.png")
        page.click("text=Not a form")
        page.wait_for_selector("nav a:has-text('Pages') .badge:has-text('2')")
        page.reload()
        page.wait_for_selector("nav a:has-text('Pages') .badge:has-text('2')")
        page.keyboard.press("Control+z")
        page.wait_for_selector("nav a:has-text('Pages') .badge:has-text('3')")
        page.goto(f"{review.origin}/#/pages")
        page.wait_for_selector(".card:has-text('letter.png')")
        page.click(".card:has-text('letter.png') >> text=Not a form")
        page.wait_for_selector(".card:has-text('letter.png')", state="detached")
        assert page.wrong == []
        review.stop()
    assert rows(batch)["letter.png"]["status"] == "skipped"


def test_values_are_keyed_from_the_page_and_what_was_typed_outlives_a_reload(batch: Path, browser: Any) -> None:
    with served(batch, "--user", "Ann") as review:
        page = opened(browser, review, "pages")
        open_page(page, "letter.png")
        page.keyboard.press("k")
        page.wait_for_selector(".keying input:focus")
        page.keyboard.type("7654321")
        page.keyboard.press("Enter")
        page.keyboard.type("00042")
        page.reload()
        page.wait_for_selector(".head h1")
        page.click("text=Key its values")
        assert page.locator(".to-key input").nth(1).input_value() == "00042"
        page.keyboard.press("Control+Enter")
        page.wait_for_selector("nav a:has-text('Pages') .badge:has-text('2')")
        review.kill()  # what was shown as saved is saved
    with served(batch, "--user", "Ann") as review:
        page = opened(browser, review, "table")
        cell = page.locator(".row:has-text('letter.png') [role=gridcell]")
        cell.first.wait_for()
        assert cell.locator(".text").all_inner_texts()[3:5] == ["7654321", "00042"]
        assert cell.nth(3).get_attribute("class").split()[1] == "decided"
        page.reload()
        page.keyboard.press("Control+z")
        page.wait_for_selector("nav a:has-text('Pages') .badge:has-text('3')")
        review.stop()
    assert rows(batch)["letter.png"]["status"] == "failed"


def test_the_table_is_searched_sorted_and_edited_with_the_keyboard(batch: Path, browser: Any) -> None:
    with served(batch, "--user", "Ann") as review:
        page = opened(browser, review, "table")
        page.wait_for_selector("[role=gridcell]:focus")
        scans = page.locator(".rows .row [role=gridcell]:first-child")
        assert scans.all_inner_texts() == ["broken.jpg", CARD, COVERED, "letter.png"]
        page.click("[role=columnheader] >> text=scan")
        page.wait_for_selector("[aria-sort=descending]")
        until(page, "document.querySelector('.rows .grid-cell').textContent === 'letter.png'")
        page.keyboard.press("/")
        page.keyboard.type(truth_of(CARD)["customer"])
        until(page, "document.querySelectorAll('.rows .row').length === 1")
        page.keyboard.press("Enter")
        for _ in range(5):
            page.keyboard.press("ArrowRight")
        page.keyboard.press("Enter")
        page.wait_for_selector("aside #value:focus")
        assert page.locator("aside h2").inner_text() == "power_day"
        until(page, "document.querySelector('img.cell-strip')?.naturalWidth > 50")
        page.keyboard.type("195629")
        page.keyboard.press("Enter")
        page.wait_for_selector(".grid-cell.decided:has-text('195629')")
        assert page.locator(".rows .row").inner_text().count("checked") >= 1
        page.keyboard.press("Control+z")
        page.wait_for_selector(".grid-cell.flagged")
        assert page.locator(".grid-cell.decided").count() == 0
        assert page.wrong == []
        review.stop()


def test_a_page_that_does_not_belong_here_is_set_aside_and_brought_back(batch: Path, browser: Any) -> None:
    with served(batch, "--user", "Ann") as review:
        page = opened(browser, review, "table")
        page.wait_for_selector("[role=gridcell]:focus")
        cells = page.locator(".rows .row", has_text=CARD).locator("[role=gridcell]")
        cells.nth(4).click()
        page.click("aside >> text=Set this page aside")
        page.wait_for_selector("dialog[open] >> text=Nothing is deleted")
        keeps_to_rules(page)
        page.click("dialog >> text=Set it aside")
        page.wait_for_selector(".rows .row:has-text('skipped')")
        cells.first.click()
        page.click("dialog >> text=Bring it back")
        until(page, "!document.querySelector('.rows').textContent.includes('skipped')")
        assert not page.wrong
    assert rows(batch)[CARD]["status"] == "review"


def test_two_people_on_one_page(batch: Path, browser: Any) -> None:
    with served(batch) as review:
        people = []
        for name in ("Ann", "Ben"):
            page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
            page.goto(review.address)
            page.fill("#name", name)
            page.keyboard.press("Enter")
            page.wait_for_selector("#tabs a")
            page.goto(f"{review.origin}/#/pages")
            open_page(page, "letter.png")
            people.append(page)
        ann, ben = people
        ann.click("text=Not a form")
        ann.wait_for_selector("nav a:has-text('Pages') .badge:has-text('2')")
        ben.click("text=Not a form")
        ben.wait_for_selector("#said.shown:has-text('settled already'), dialog:has-text('Ann')")
        review.stop()
    assert rows(batch)["letter.png"]["status"] == "skipped"


def test_everybody_can_use_the_pages_and_the_table(batch: Path, browser: Any) -> None:
    with served(batch, "--user", "Ann") as review:
        page = opened(browser, review, "pages")
        keeps_to_rules(page)
        open_page(page, COVERED)
        page.wait_for_selector(".handle")
        keeps_to_rules(page)
        page.click("text=Key its values")
        page.wait_for_selector("main input")
        keeps_to_rules(page)
        page.goto(f"{review.origin}/#/table")
        page.wait_for_selector("[role=gridcell]:focus")
        keeps_to_rules(page)
        page.emulate_media(color_scheme="dark")
        keeps_to_rules(page)
