"""Draw the README's pictures of the review page: the samples, read and reviewed a little, in a real browser.

python -m tests.draw_review
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any, Final

from typer.testing import CliRunner

from formreader.cli import app
from formreader.store import open_desk
from tests.browser import chromium, opened, served
from tests.drawing_doubts import Card, batch_of
from tests.drawing_failed import failing_batch

ROOT: Final = Path(__file__).parent.parent
SIZE: Final = {"width": 1180, "height": 720}


def read(sample: str, folder: Path, more: str = "") -> Path:
    """Read a sample form's scans, with more in its template than it has."""
    source = shutil.copytree(ROOT / "samples" / sample, folder)
    template = source / "template.toml"
    template.write_text(template.read_text("utf-8") + more, "utf-8")
    results = folder / sample
    done = CliRunner().invoke(app, ["read", str(source / "scans"), "-t", str(template), "-o", str(results), "-q"])
    if done.exit_code:
        raise RuntimeError(done.output)
    return results


def decide(folder: Path, name: str) -> None:
    """Let somebody else confirm a field of all pages."""
    with open_desk(folder) as desk, desk.act("Ben", "field") as act:
        for page in desk.results.pages():
            value = next(field.value for field in page.fields if field.name == name)
            act.say("decisions", (page.sha256, page.page, name), value, value)


def picture(
    browser: Any, folder: Path, where: str, name: str, *keys: str, click: str = "", option: str = "", **looks: Any
) -> None:
    """Open a screen, click on something, press some keys and save what it shows."""
    with served(folder, *filter(None, [option])) as server:
        page = opened(browser, server, "Ann", where, viewport=SIZE, **looks)
        if click:
            page.locator(click).first.click()
        for key in keys:
            page.keyboard.press(key)
            page.wait_for_timeout(300)
        page.wait_for_timeout(1200)
        page.screenshot(path=ROOT / "samples" / f"{name}.png")


def main() -> None:
    """Draw all of them."""
    with tempfile.TemporaryDirectory() as temporary, chromium() as browser:
        rows = (f"r{row:02}" for row in range(1, 21))
        sums = (f'[[check]]\nsum = ["{r}.q1", "{r}.q2", "{r}.q3", "{r}.q4"]\nequals = "{r}.total"\n' for r in rows)
        marks = read("class-marks", Path(temporary) / "plain")
        summed = read("class-marks", Path(temporary) / "summed", "\n".join(["", *sums]))
        visits = read("visit-record", Path(temporary) / "visits")
        to_third = ("ArrowRight", "ArrowRight")
        picture(browser, marks, "#/digits/7", "review-digits", "3", "ArrowRight", "9", *to_third, "Space")
        picture(browser, summed, "#/fields/rule", "review-fields")
        decide(visits, "patient_id")
        picture(browser, visits, "#/second", "review-second", option="--second-key")
        named = batch_of(Path(temporary) / "named", [Card(name="Ada Lovelace"), Card(name="Grace Hopper")])
        picture(browser, named, "#/keys", "review-keys", "A", "d", "a")
        failed, _ = failing_batch(Path(temporary) / "failed")
        picture(browser, failed, "#/pages", "review-pages", click="a.open:has-text('covered')")
        to_cell = ("ArrowDown", "ArrowDown", "ArrowDown", "ArrowRight", "ArrowRight", "ArrowRight", "Enter")
        picture(browser, visits, "#/table", "review-table", *to_cell, color_scheme="dark")


if __name__ == "__main__":
    main()
