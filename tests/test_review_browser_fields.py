"""The screens of doubtful and of keyed fields in a real browser."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser import CHROMIUM, Served, chromium, keeps_to_rules, served
from tests.drawing_doubts import Card, batch_of

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: install Debian's chromium"),
]
_WAIT_MS = 10_000
CARDS = (
    Card({"amount": "982"}),
    Card({}, {("amount", 1): ("9", 0.81, "4", "low_confidence")}),
    Card({}, {("code", 2): ("7", 0.55, "1", "low_confidence")}),
    Card({}, {("amount", 2): ("", 0.9, "8", "blank")}),
    Card(name="Ada"),
    Card(name="Bo"),
    Card(name="Ada"),
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as started:
        yield started


@pytest.fixture
def batch(tmp_path: Path) -> Path:
    return batch_of(tmp_path, CARDS)


@pytest.fixture
def server(batch: Path) -> Iterator[Served]:
    with served(batch) as running:
        yield running


def person(browser: Any, server: Served, hash_: str, name: str = "Ann", **kind: Any) -> Any:
    """Open the page as somebody."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, **kind)
    page = context.new_page()
    page.set_default_timeout(_WAIT_MS)
    page.on("pageerror", lambda error: print(f"in the page: {error}"))
    page.goto(server.address)
    page.fill("#name", name)
    page.keyboard.press("Enter")
    page.wait_for_selector("#screen *")
    page.goto(f"{server.origin}/{hash_}")
    page.wait_for_selector(".field h1, .empty")
    return page


def decisions(batch: Path) -> list[tuple[str, str, str, str, int]]:
    with sqlite3.connect(batch / "batch.sqlite") as connection:
        return connection.execute("SELECT field, old, new, how, stands FROM decisions ORDER BY id").fetchall()


def heading(page: Any, field: str, scan: str = "") -> None:
    """Wait until a field is shown."""
    page.locator(f".field header:has(h1:text-is('{field}'))", has_text=scan).wait_for()


def test_digits_are_typed_below_their_boxes_and_enter_goes_on(browser: Any, server: Served, batch: Path) -> None:
    page = person(browser, server, "#/fields/doubt")
    heading(page, "code", "card 3")
    page.keyboard.press("Alt+a")
    page.keyboard.press("Enter")
    heading(page, "amount", "card 4")
    cell = page.locator(".cell").nth(1)
    assert "in doubt" in cell.get_attribute("aria-label")
    assert page.evaluate("document.activeElement.ariaLabel") == cell.get_attribute("aria-label")
    box, strip = cell.bounding_box(), page.locator(".strip img").bounding_box()
    span = page.evaluate(
        "fetch('/api/field?reading=4&field=amount').then((a) => a.json()).then((a) => a.boxes[1].span)"
    )
    assert abs(box["x"] + box["width"] / 2 - strip["x"] - strip["width"] * (span[0] + span[1]) / 2) < 4
    page.keyboard.press("8")
    page.keyboard.press("Enter")
    page.wait_for_selector(".empty")
    assert decisions(batch) == [("code", "3741", "3141", "field", 1), ("amount", "42", "482", "field", 1)]


def test_a_broken_rule_is_said_and_kept_only_when_meant(browser: Any, server: Served, batch: Path) -> None:
    page = person(browser, server, "#/fields/rule")
    heading(page, "amount", "card 1")
    page.keyboard.press("Enter")
    page.locator(".told", has_text="at most 500").wait_for()
    assert decisions(batch) == []
    page.wait_for_timeout(450)  # sooner, it would be a double tap
    page.keyboard.press("Enter")
    heading(page, "amount", "card 2")
    page.keyboard.press("a")  # the suggestion
    assert page.locator(".cell").first.input_value() == "4"
    page.keyboard.press("Enter")
    page.wait_for_selector(".empty")
    assert [row[2] for row in decisions(batch)] == ["982", "482"]


def test_undo_opens_the_field_again_also_after_a_reload(browser: Any, server: Served, batch: Path) -> None:
    page = person(browser, server, "#/fields/doubt")
    heading(page, "code")
    page.keyboard.press("Enter")
    heading(page, "amount", "card 4")
    page.reload()
    heading(page, "amount", "card 4")
    page.keyboard.press("Control+z")
    heading(page, "code", "card 3")
    assert decisions(batch)[-1] == ("code", "3741", "3741", "undo", 0)
    page.keyboard.press("Shift+Enter")
    page.keyboard.press("PageDown")
    heading(page, "amount", "card 4")
    page.keyboard.press("PageUp")
    heading(page, "code")


def test_what_is_typed_is_taken_back_before_what_is_saved(browser: Any, server: Served, batch: Path) -> None:
    page = person(browser, server, "#/fields/doubt")
    heading(page, "code")
    page.keyboard.press("Enter")
    heading(page, "amount", "card 4")
    page.keyboard.press("5")
    page.keyboard.press("Control+z")
    assert page.locator(".cell").nth(1).input_value() == ""
    assert len(decisions(batch)) == 1


def test_the_whole_page_has_the_field_marked(browser: Any, server: Served) -> None:
    page = person(browser, server, "#/fields/rule")
    heading(page, "amount")
    page.keyboard.press("F2")
    page.wait_for_selector("dialog.whole-page polygon")
    assert page.evaluate("document.querySelector('.sheet img').decode().then(() => true)")
    marked = page.locator("dialog.whole-page polygon").first.bounding_box()
    view = page.locator(".view").bounding_box()
    assert view["x"] < marked["x"] < view["x"] + view["width"]
    before = page.locator(".sheet").bounding_box()
    page.keyboard.press("+")
    page.keyboard.press("ArrowRight")
    assert page.locator(".sheet").bounding_box()["width"] > before["width"]
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog.whole-page", state="detached")
    assert "Box 1" in page.evaluate("document.activeElement.ariaLabel")


def test_of_two_who_decide_the_second_is_shown_both_sides(browser: Any, server: Served, batch: Path) -> None:
    first = person(browser, server, "#/fields/at/4/amount", "Ann")
    second = person(browser, server, "#/fields/at/4/amount", "Bob")
    for page, digit in ((first, "0"), (second, "3")):
        heading(page, "amount", "card 4")
        page.keyboard.press(digit)
    first.keyboard.press("Enter")
    first.locator("#said", has_text="saved").wait_for()
    second.keyboard.press("Enter")
    second.wait_for_selector("#dialog[open]")
    told = second.inner_text("#dialog")
    assert "Ann decided meanwhile: 402" in re.sub(r"\s+", " ", told)
    assert [row[2] for row in decisions(batch)] == ["402"]
    second.click("#dialog button[value=mine]")
    second.wait_for_selector("#dialog:not([open])", state="attached")
    heading(second, "code")
    assert [row[2] for row in decisions(batch)] == ["402", "432"]


def test_where_the_scan_is_gone_the_page_says_so_and_shows_the_boxes(browser: Any, server: Served, batch: Path) -> None:
    (batch.parent / "scans" / "card 2.png").unlink()
    page = person(browser, server, "#/fields/at/2/amount")
    page.wait_for_selector(".gone img")
    assert "not there any more" in page.inner_text(".gone")
    page.keyboard.press("4")
    page.keyboard.press("Enter")
    page.locator("#said", has_text="saved").wait_for()
    assert decisions(batch)[-1][2] == "482"


def test_names_are_keyed_one_after_the_other(browser: Any, server: Served, batch: Path) -> None:
    page = person(browser, server, "#/keys")
    for number, (name, key) in enumerate((("Ada", "Enter"), ("Bo", "Tab")), start=5):
        heading(page, "name", f"card {number}")
        page.keyboard.type(name)
        page.keyboard.press(key)
    heading(page, "name", "card 7")
    page.wait_for_selector("#known option[value=Ada]", state="attached")
    page.keyboard.press("Shift+Tab")
    heading(page, "name", "card 6")
    assert page.input_value("input.line") == "Bo"
    page.keyboard.press("PageDown")
    heading(page, "name", "card 7")
    page.keyboard.press("Alt+u")
    page.wait_for_selector(".empty")
    assert [row[2:4] for row in decisions(batch)] == [("Ada", "key"), ("Bo", "key"), ("?", "key")]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_use_these_screens(browser: Any, server: Served, scheme: str) -> None:
    page = person(browser, server, "#/fields/rule", color_scheme=scheme)
    for place, field in (("#/fields/rule", "amount"), ("#/fields/at/3/code", "code"), ("#/keys", "name")):
        page.goto(f"{server.origin}/{place}")
        heading(page, field)
        keeps_to_rules(page)
    page.keyboard.press("F2")
    page.wait_for_selector("dialog.whole-page polygon")
    keeps_to_rules(page)
