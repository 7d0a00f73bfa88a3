"""Choices, codes and strips in the review: what a person may say of them, by the server and in a real browser."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from formreader.cli import app
from formreader.export import read_results
from formreader.printed import PrintedCode, as_text
from formreader.review.choices import in_order
from formreader.served.calls import Refused
from formreader.template import Field, save_template
from tests.browser import CHROMIUM, chromium, served
from tests.drawing import draw_mild, wear
from tests.drawing_choices import mark, registration

SIZE = Field("size", ((0.0, 0.0, 9.0, 9.0),) * 3, kind="choice", options=("S", "M", "L"))


def test_options_come_into_the_form_s_order() -> None:
    assert in_order("L;S", SIZE) == "S;L"
    assert (in_order("", SIZE), in_order("?", SIZE), in_order("M;M", SIZE)) == ("", "?", "M")
    assert in_order("m; s", SIZE) == "S;M"
    for text in ("XL", "S;", "S,M"):
        with pytest.raises(Refused, match="none of its options: S, M, L"):
            in_order(text, SIZE)


def test_options_are_known_however_they_are_typed() -> None:
    field = replace(SIZE, options=("bad  one", "Cafe\u0301", "on", "On"), boxes=SIZE.boxes * 2)
    assert in_order("Caf\u00e9; BAD one;On", field) == "bad  one;Cafe\u0301;On"
    with pytest.raises(Refused, match="'ON' is none of its options"):
        in_order("ON", field)  # it may be one or the other


@pytest.fixture
def batch(tmp_path: Path) -> Path:
    """Read a card on which two sizes are marked and whose code is hidden."""
    save_template(registration(200).template(), tmp_path / "registration.toml")
    printed = registration(200, as_text(PrintedCode("registration", 1, "7")), signed=True)
    marked = mark(printed, np.random.default_rng(3), style="cross", values={"size": "S;L", "no": "fish"})
    x, y, width, height = map(round, registration(200).field("code").boxes[0])
    marked.picture[y : y + height, x + width // 3 : x + width] = 255
    scan = wear(marked.picture, 200, draw_mild(np.random.default_rng(4), 200), np.random.default_rng(5))
    (tmp_path / "scans").mkdir()
    cv2.imwrite(str(tmp_path / "scans" / "card.png"), scan.pixels)
    words = [*("-t", str(tmp_path / "registration.toml")), *("-o", str(tmp_path / "out")), *("--jobs", "1")]
    run = CliRunner().invoke(app, ["read", str(tmp_path / "scans"), *words])
    assert run.exit_code == 0, run.output
    return tmp_path / "out"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as started:
        yield started


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: install Debian's chromium")
def test_options_are_marked_by_keys_and_codes_are_typed(browser: Any, batch: Path, tmp_path: Path) -> None:
    with served(batch) as server:
        page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
        page.set_default_timeout(15_000)
        page.goto(server.address)
        page.fill("#name", "Ann")
        page.keyboard.press("Enter")
        page.wait_for_selector("#screen *")
        page.goto(f"{server.origin}/#/fields/doubt")
        page.locator(".field h1:text-is('size')").wait_for()
        assert "more than one is marked" in page.locator(".why").inner_text()
        buttons = page.locator(".option")
        assert [re.sub(r"\s+", " ", text).split(" ")[:2] for text in buttons.all_inner_texts()] == [
            *(["1", "S"], ["2", "M"], ["3", "L"])
        ]
        assert [one.get_attribute("aria-pressed") for one in buttons.all()] == ["true", "false", "true"]
        page.locator(".strip img").wait_for()
        page.screenshot(path=str(tmp_path / "choice.png"))
        page.keyboard.press("2")
        page.keyboard.press("l")
        assert [one.get_attribute("aria-pressed") for one in buttons.all()] == ["false", "false", "true"]
        page.keyboard.press("Enter")
        page.locator(".field h1:text-is('code')").wait_for()
        page.screenshot(path=str(tmp_path / "code.png"))
        page.keyboard.type("AB,7")
        page.keyboard.press("Enter")
        page.locator(".empty").wait_for()
    with sqlite3.connect(batch / "batch.sqlite") as connection:
        said = connection.execute("SELECT field, old, new FROM decisions ORDER BY id").fetchall()
    assert said == [("size", "S;L", "L"), ("code", "", "AB,7")]
    (row,) = read_results(batch / "results.csv").to_dict("records")
    assert (row["size"], row["no"], row["code"], row["status"]) == ("L", "fish", "AB,7", "checked")
