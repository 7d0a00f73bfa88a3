"""How fast a person clears doubtful digits: keys a digit in a real browser, and how long the server lets them wait.

    python -m tests.benchmarks.review [--digits 1000] [--misread 0.05]      a simulated reviewer in Chromium
    python -m tests.benchmarks.review --server --digits 100000              the server alone, asked as the page asks

The reviewer never errs and goes the shortest way: arrows (or the mouse) to each misread digit, its key, and Enter when
a screen is right.
Times hold what computer and browser need, not what a person takes to look.
"""

from __future__ import annotations

import argparse
import http.client
import json
import re
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, Final
from urllib.parse import urlsplit

import psutil
from playwright.sync_api import expect

from tests.browser import Served, chromium, opened, served
from tests.drawing_reviews import Doubts, draw_doubts

_A_PAGE: Final = 3.0
"""Doubtful digits a page: half of six boxes."""
_LABEL: Final = re.compile(r"read as (\S+), .*; (\S+) on (\S+)")
_LABELS: Final = "boxes => boxes.map(box => [box.getAttribute('aria-label'), box.dataset.position])"
_COLUMNS: Final = "boxes => boxes.filter(box => box.offsetTop === boxes[0].offsetTop).length"
_READY: Final = "#screen:not([aria-busy=true]) :is(.box, .empty)"
_A_SCREEN: Final = 84


def clear(batch: Doubts, *, mouse: bool) -> dict[str, float]:
    """Clear all groups in the browser; count keys, and what each confirmed screen took until the next was there."""
    keys = digits = misread = 0
    waited: list[float] = []
    with served(batch.folder) as server, chromium() as browser:
        page = opened(browser, server, "Ann", "#/digits")
        page.wait_for_selector(_READY)
        boxes = page.locator(".box")
        while boxes.count():
            labels, columns, at = boxes.evaluate_all(_LABELS), boxes.evaluate_all(_COLUMNS), 0
            for nth, (label, position) in enumerate(labels):
                read, name, scan = _told(label)
                mark = batch.written[scan, name, int(position)]
                if read != mark:
                    if mouse:
                        boxes.nth(nth).hover()
                    way = [] if mouse else _way(at, nth, columns)
                    for key in (*way, mark):
                        page.keyboard.press(key)
                    keys, at, misread = keys + len(way) + 1, nth + 1, misread + 1
            left = page.locator("#progress").inner_text()
            page.wait_for_timeout(450)  # sooner, it would be a double tap, which is ignored
            sent = time.perf_counter()
            page.keyboard.press("Enter")
            expect(page.locator("#progress")).not_to_have_text(left)
            page.wait_for_selector(_READY)
            waited.append(time.perf_counter() - sent)
            keys, digits = keys + 1, digits + len(labels)
    return {
        "digits": digits,
        "misread": misread,
        "screens": len(waited),
        "keys": keys,
        "keys a digit": keys / max(1, digits),
        "s to the next screen, median": median(waited),
        "s to the next screen, most": max(waited),
    }


def _told(label: str) -> tuple[str, str, str]:
    found = _LABEL.match(label)
    assert found is not None, label
    return found[1], found[2], found[3]


def _way(at: int, to: int, columns: int) -> list[str]:
    """Give the fewest arrows from one box to another of a grid."""
    rows, aside = to // columns - at // columns, to % columns - at % columns
    way = ["ArrowDown" if rows > 0 else "ArrowUp"] * abs(rows) + ["ArrowRight" if aside > 0 else "ArrowLeft"] * abs(
        aside
    )
    along = ["ArrowRight" if to > at else "ArrowLeft"] * abs(to - at)
    return min(way, along, key=len)


class Caller:
    """Asks a server as the page does."""

    def __init__(self, server: Served) -> None:
        place = urlsplit(server.address)
        self._line = http.client.HTTPConnection(place.hostname or "", place.port, timeout=120)
        self._line.request("GET", f"/?{place.query}")
        entered = self._line.getresponse()
        entered.read()
        self._headers = {
            "cookie": (entered.getheader("set-cookie") or "").partition(";")[0],
            "origin": server.origin,
            "content-type": "application/json",
        }

    def ask(self, path: str, said: Any = None) -> Any:
        """Get, or post what is said."""
        self._line.request("GET" if said is None else "POST", path, said and json.dumps(said), self._headers)
        answer = self._line.getresponse()
        text = answer.read()
        assert answer.status == 200, text
        return json.loads(text)


def waits(batch: Doubts, screens: int = 40) -> dict[str, float]:
    """Time the server: from its start to the first screen, and screens of boxes confirmed."""
    began = time.perf_counter()
    with served(batch.folder, "--user", "Ann") as server:
        started = time.perf_counter() - began
        caller = Caller(server)
        first, _ = _timed(lambda: (caller.ask("/api/standing"), caller.ask(f"/api/group?marks=1&most={_A_SCREEN}")))
        shown, confirmed, counted = list[float](), list[float](), list[float]()
        for nth in range(screens):
            took, found = _timed(partial(caller.ask, f"/api/group?marks={nth % 10}&most={_A_SCREEN}"))
            shown.append(took)
            boxes = [{"picture": one["picture"], "seen": one["seen"], "new": one["mark"]} for one in found["boxes"]]
            if not boxes:
                continue
            took, answer = _timed(partial(caller.ask, "/api/marks", {"boxes": boxes}))
            assert len(answer["saved"]) == len(boxes)
            confirmed.append(took)
            counted.append(_timed(lambda: caller.ask("/api/standing"))[0])
        memory = psutil.Process(server.process.pid).memory_info().rss / 1e6
    return {
        "s from the command to a server that answers": started,
        "s to the first screen after that": first,
        "s to show a screen, median": median(shown),
        "s to confirm a screen, median": median(confirmed),
        "s to confirm a screen, most": max(confirmed),
        "s to count what is left, median": median(counted),
        "MB of the server": memory,
    }


def _timed(call: Callable[[], Any]) -> tuple[float, Any]:
    began = time.perf_counter()
    answer = call()
    return time.perf_counter() - began, answer


def main() -> None:
    """Draw a batch and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--digits", type=int, default=1000)
    parser.add_argument("--misread", type=float, default=0.05, help="share of the doubtful digits that are misread")
    parser.add_argument("--mouse", action="store_true", help="move the mouse over misread digits, instead of arrows")
    parser.add_argument("--server", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        batch = draw_doubts(Path(folder), round(given.digits / _A_PAGE), misread=given.misread, seed=1)
        measured = waits(batch) if given.server else clear(batch, mouse=given.mouse)
        for name, value in measured.items():
            print(f"{name:45} {value:10.3f}")


if __name__ == "__main__":
    main()
