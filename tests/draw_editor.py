"""Draw the README's picture of the editor: the sample form's boxes being named and given rules, in a real browser.

python -m tests.draw_editor
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Final

from tests.browser import chromium, running

ROOT: Final = Path(__file__).parent.parent
SAMPLE: Final = ROOT / "samples" / "visit-record"
NAMES: Final = ("patient_id", "visit_date", "age", "temperature", "weight")


def main() -> None:
    """Draw it."""
    with tempfile.TemporaryDirectory() as temporary, chromium() as browser:
        blank = shutil.copy(SAMPLE / "blank.png", Path(temporary) / "visit-record.png")
        with running("template", str(blank), "-o", str(Path(temporary) / "visit-record.toml")) as server:
            page = browser.new_context(viewport={"width": 1180, "height": 720}).new_page()
            page.goto(server.address)
            page.wait_for_selector("#list li")
            page.keyboard.press("Home")
            for name in NAMES:
                page.keyboard.type(name)
                page.keyboard.press("Tab")
            page.keyboard.type("pulse rate")
            page.locator("#list .about").nth(1).click()
            page.keyboard.press("Enter")
            for rule in ("required", "date", "max"):
                page.select_option("#add-rule", rule)
            page.fill("#rule-max", "today")
            page.fill("#trial", "31022024")
            page.locator("#stage").hover(position={"x": 190, "y": 150})
            page.keyboard.down("Control")
            page.mouse.wheel(0, -320)
            page.keyboard.up("Control")
            page.wait_for_timeout(1500)
            page.screenshot(path=ROOT / "samples" / "editor.png")


if __name__ == "__main__":
    main()
