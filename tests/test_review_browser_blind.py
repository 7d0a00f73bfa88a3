"""Keying blind in a real browser: a second key and its third look, and the sample of an audit."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from formreader.audit import Wish, begin
from formreader.export import export_corrections, read_results
from formreader.store import open_desk, open_results
from tests.browser import CHROMIUM, chromium, keeps_to_rules, opened, served
from tests.test_audit import CLAIM, Drawn, report

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as running:
        yield running


@pytest.fixture
def batch(tmp_path: Path) -> Drawn:
    """Make a batch in which Ann decided three ids, the one of p1 wrong."""
    drawn = Drawn(tmp_path, pages=3)
    with open_results(drawn.folder) as results:
        pages = {page.scan: page for page in results.pages()}
    with open_desk(drawn.folder) as desk, desk.act("Ann", "field") as act:
        for name, page in pages.items():
            key, value = (page.sha256, 1, "id"), drawn.truth[page.sha256]["id"]
            act.say("decisions", key, value, "999" if name == "p1.png" else value)
    return drawn


def ids(batch: Drawn) -> list[str]:
    """Give what is written on each page."""
    return [written["id"] for written in batch.truth.values()]


def typed(page: Any, *keys: str) -> None:
    for key in keys:
        page.locator("#key").fill(key)
        page.keyboard.press("Enter")
        expect(page.locator("#said")).to_contain_text(f"Saved: {key}")
        page.wait_for_function("() => !document.querySelector('#key')?.value")


def test_second_key_differs_and_a_third_look_settles_it(browser: Any, batch: Drawn) -> None:
    first, second, third = ids(batch)
    with served(batch.folder, "--second-key") as server:
        bob = opened(browser, server, "Bob", "")
        expect(bob.locator("nav a")).to_have_count(2)
        expect(bob.locator(".to-key img")).to_be_visible()
        keeps_to_rules(bob)
        typed(bob, "1")  # a slip, which he sees to at once
        bob.keyboard.press("Shift+Enter")
        expect(bob.locator("#key")).to_have_value("1")
        typed(bob, first, second)
        assert "999" not in bob.content()
        expect(bob.locator("nav a").nth(1)).to_have_text(re.compile("0$"))  # it is not told while he keys
        bob.keyboard.press("Control+z")
        expect(bob.locator("nav a").first).to_have_text(re.compile("2$"))
        bob.reload()
        typed(bob, second, third)
        expect(bob.locator(".empty")).to_contain_text("1 field waits for a third look")
        for path in ("group?marks=1", "audit/next"):
            assert bob.evaluate("path => fetch(`/api/${path}`).then((answer) => answer.status)", path) == 403
        eve = opened(browser, server, "Eve", "#/third", color_scheme="dark")
        expect(eve.locator(".versus button")).to_have_count(2)
        for words in ("999", "decided by Ann", second, "keyed blind by Bob"):
            expect(eve.locator(".versus")).to_contain_text(words)
        keeps_to_rules(eve)
        eve.keyboard.press("2")
        expect(eve.locator(".empty")).to_be_visible()
        server.stop()
    assert list(read_results(batch.folder / "results.csv")["id"]) == [first, second, third]
    export_corrections(batch.folder)
    rows = read_results(batch.folder / "corrections.csv")
    assert rows.iloc[-1][["who", "scan", "old", "new", "how", "stands"]].tolist() == [
        *("Eve", "p1.png", "999", second, "third", "1")
    ]


def test_audit_is_keyed_in_the_browser(browser: Any, batch: Drawn, tmp_path: Path) -> None:
    begin(batch.folder, Wish(CLAIM, size=1000, seed=1), "ann")
    written = [text or "_" for text in batch.written().values()]
    (tmp_path / "scans" / "p2.png").unlink()
    with served(batch.folder, "--audit", "last", "--user", "Bob") as server:
        page = opened(browser, server, "", "#/audit")
        page.wait_for_selector("#key")
        passed = list[str]()
        for text in written:
            expect(page.locator(".to-key")).to_be_visible()
            if page.locator(".to-key.lost").count():
                expect(page.locator(".to-key.lost")).to_contain_text("p2.png")
                passed.append(text)
                before = page.locator(".which").inner_text()
                page.keyboard.press("PageDown")
                expect(page.locator(".which, .empty")).not_to_have_text(before)
            else:
                typed(page, text)
        expect(page.locator(".empty")).to_contain_text(f"{len(passed)} fields are left")
        page.wait_for_timeout(450)  # sooner, it would be a double tap
        page.keyboard.press("Enter")  # once more over what was passed
        expect(page.locator(".to-key.lost")).to_be_visible()
        keeps_to_rules(page)
        page.keyboard.press("Control+z")
        expect(page.locator("#key")).to_have_value(re.compile("."))
    found = report(batch)["all"]
    assert (found["right"], found["wrong"]) == (len(written) - len(passed), 0)
