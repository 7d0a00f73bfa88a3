"""A real browser against a real server, for tests of the local pages: Chromium driven by Playwright."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Final

CHROMIUM: Final = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS: Final = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)
_STARTS_S: Final = 60


class Served:
    """A running ``formreader review`` or ``template``, in a process of its own.

    Attributes
    ----------
    address
        To open, with the token in it.
    """

    def __init__(self, process: subprocess.Popen[str], address: str) -> None:
        self.process = process
        self.address = address

    @property
    def origin(self) -> str:
        """The address without its token."""
        return self.address.partition("/?")[0]

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        self.process.kill()
        self.process.wait(_STARTS_S)

    def stop(self) -> str:
        """End it as Ctrl-C does; give what it still said."""
        self.process.terminate()
        return self.process.communicate(timeout=_STARTS_S)[1]


def served(folder: Path, *options: str) -> AbstractContextManager[Served]:
    """Serve the review of a batch on 127.0.0.1 until the block ends."""
    return running("review", str(folder), *options)


@contextmanager
def running(*call: str) -> Iterator[Served]:
    """Serve the page that a command opens until the block ends."""
    words = [sys.executable, "-m", "formreader", *call, "--no-browser"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True, env=environment) as process:
        try:
            said = ""
            assert process.stderr is not None
            for line in process.stderr:
                said += line
                if found := re.search(r"http://\S+", line):
                    yield Served(process, found[0])
                    break
            else:
                raise AssertionError(f"it did not start: {said}")
        finally:
            if process.poll() is None:
                process.terminate()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(_STARTS_S)
            process.kill()


@contextmanager
def chromium() -> Iterator[Any]:
    """Start the browser; its pages are made by ``new_context().new_page()``, each context a person of its own."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()


def opened(browser: Any, server: Served, who: str, where: str, **looks: Any) -> Any:
    """Open a screen in a browser of its own; a named person has told who it is."""
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **looks})
    page = context.new_page()
    page.set_default_timeout(15_000)
    page.goto(server.address)
    if who:
        page.evaluate(
            "name => fetch('/api/me', {method: 'POST', headers: {'content-type': 'application/json'},"
            " body: JSON.stringify({name})}).then(() => null)",
            who,
        )
    page.goto(f"{server.origin}/{where}")
    page.reload()  # what differs after the # alone loads nothing
    if who:
        page.wait_for_selector("main:not([aria-busy=true]) > * > *")
    return page


def keeps_to_rules(page: Any) -> None:
    """Hold a screen against WCAG 2.2, level AA, as far as a program can (axe-core)."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]})
    assert found.violations_count == 0, found.generate_report()
