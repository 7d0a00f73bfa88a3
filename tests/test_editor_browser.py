"""The editor of templates in a real browser: what a person draws, names, tries and saves."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from formreader.template import Field, load_template, save_template
from tests.browser import CHROMIUM, Served, chromium, keeps_to_rules, running

expect.set_options(timeout=20_000)
pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")]

SAMPLE = Path(__file__).parent.parent / "samples" / "visit-record"
NAMES = ("patient_id", "visit_date", "age", "temperature", "weight", "pulse", "household", "drug_code", "doses")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as opened:
        yield opened


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copy(SAMPLE / "template.toml", tmp_path / "visit.toml")
    shutil.copy(SAMPLE / "blank.png", tmp_path / "blank.png")
    return tmp_path


@pytest.fixture
def server(folder: Path) -> Iterator[Served]:
    with running("template", str(folder / "visit.toml")) as served:
        yield served


def entered(browser: Any, address: str, **looks: Any) -> Any:
    page = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **looks}).new_page()
    page.set_default_timeout(15_000)
    page.asked = []
    page.on("dialog", lambda dialog: (page.asked.append(dialog.type), dialog.accept()))
    page.goto(address)
    expect(page.locator("#standing")).not_to_be_empty()
    return page


def kept(page: Any) -> None:
    """Wait until the server has the draft."""
    expect(page.locator("#standing")).to_contain_text("draft is kept")


def saved(page: Any) -> None:
    page.keyboard.press("Control+s")
    expect(page.locator("#standing")).to_have_text("Saved")


def on_screen(page: Any, x: float, y: float) -> tuple[float, float]:
    """Give where a place of the form is on the screen."""
    at = page.evaluate(
        "([x, y]) => { const p = new DOMPoint(x, y).matrixTransform("
        "document.querySelector('#stage svg').getScreenCTM()); return [p.x, p.y]; }",
        [x, y],
    )
    return at[0], at[1]


def drag(page: Any, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Drag from one place of the form to another."""
    page.mouse.move(*on_screen(page, *start))
    page.mouse.down()
    page.mouse.move(*on_screen(page, *((a + b) / 2 for a, b in zip(start, end, strict=True))))
    page.mouse.move(*on_screen(page, *end))
    page.mouse.up()


def test_fields_that_were_found_are_named_without_a_mouse_and_saved(browser: Any, tmp_path: Path) -> None:
    with running("template", str(SAMPLE / "blank.png"), "-o", str(tmp_path / "new.toml"), "--no-labels") as server:
        page = entered(browser, server.address)
        page.keyboard.press("Home")
        for nth, name in enumerate(NAMES):
            expect(page.locator("#list li").nth(nth)).to_have_class("selected")
            page.keyboard.type(name)
            page.keyboard.press("Tab")
        expect(page.locator("#standing")).to_have_text("Not saved; the draft is kept")
        assert not (tmp_path / "new.toml").exists()
        saved(page)
        assert tuple(field.name for field in load_template(tmp_path / "new.toml").fields) == NAMES
        assert "Stopped\n" in server.stop()


def test_boxes_are_drawn_moved_resized_split_joined_and_taken_back(browser: Any, server: Served, folder: Path) -> None:
    page = entered(browser, server.address)
    before = [len(field.boxes) for field in load_template(folder / "visit.toml").fields]
    page.click("#tool-field")
    drag(page, (1400, 2800), (1700, 2860))
    expect(page.locator("#list li")).to_have_count(10)
    page.keyboard.press("Escape")
    expect(page.locator("#tool-field")).to_have_attribute("aria-pressed", "false")
    page.keyboard.type("ward")
    page.keyboard.press("Enter")
    page.fill("#parts", "3")
    page.click("text=Split into")
    expect(page.locator("#stage .selected rect")).to_have_count(3)
    drag(page, (1450, 2830), (1550, 2930))
    drag(page, (1550, 2930), (1550, 2930))
    page.keyboard.press("Control+ArrowRight")  # its second box, as the click meant the first
    page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press("Alt+ArrowRight")
    saved(page)
    ward = load_template(folder / "visit.toml").fields[-1]
    assert ward.name == "ward"
    lefts, tops = [box[0] for box in ward.boxes], [box[1] for box in ward.boxes]
    assert lefts == pytest.approx([1500, 1600, 1700], abs=8)
    assert tops == pytest.approx([2900, 2910, 2900], abs=8)
    assert ward.boxes[1][2] == ward.boxes[0][2] + 1
    for _ in range(20):
        if page.locator("#undo").is_disabled():
            break
        page.click("#undo")
    saved(page)
    assert [len(field.boxes) for field in load_template(folder / "visit.toml").fields] == before
    assert (folder / "visit.toml").read_text("utf-8") == (SAMPLE / "template.toml").read_text("utf-8")


def test_false_fields_go_at_once_and_fields_are_joined_and_parted(browser: Any, server: Served, folder: Path) -> None:
    page = entered(browser, server.address)
    drag(page, (900, 600), (1900, 1300))  # around the first three
    expect(page.locator("#panel h2")).to_have_text("3 fields")
    page.click("text=Join to one field")
    expect(page.locator("#list li")).to_have_count(7)
    expect(page.locator("#stage .selected rect")).to_have_count(17)
    page.keyboard.press("Control+z")
    expect(page.locator("#list li")).to_have_count(9)
    page.locator(".field-name").nth(1).focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Control+ArrowRight")
    page.keyboard.press("Control+ArrowRight")
    page.keyboard.press("Control+ArrowRight")
    page.click("text=New field from here")
    expect(page.locator("#list li")).to_have_count(10)
    page.keyboard.press("Control+z")
    page.locator("#stage").focus()
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    drag(page, (900, 600), (1900, 1300))
    page.keyboard.press("Delete")
    expect(page.locator("#list li")).to_have_count(6)
    saved(page)
    assert [field.name for field in load_template(folder / "visit.toml").fields] == [*NAMES[3:]]


def test_options_stay_with_their_boxes(browser: Any, folder: Path) -> None:
    marks = ("shape", ((900, 2800, 60, 60), (800, 2800, 60, 60), (700, 2800, 60, 60)), ("A", "B", "C"))
    form = load_template(folder / "visit.toml")
    field = Field(marks[0], marks[1], kind="choice", options=marks[2])
    save_template(replace(form, fields=(*form.fields, field), path=None), folder / "visit.toml", "blank.png")
    with running("template", str(folder / "visit.toml")) as server:
        page = entered(browser, server.address)
        page.locator(".field-name").nth(9).focus()
        expect(page.locator(".rules")).to_contain_text("May be blank")
        expect(page.locator(".rules [data-rule]")).to_have_count(2)  # that, and the options
        page.keyboard.press("Enter")
        page.keyboard.press("Control+ArrowRight")
        page.keyboard.press("Control+ArrowRight")
        page.click("text=Delete box")
        page.locator(".field-name").nth(9).focus()
        page.click("#tool-box")
        drag(page, (600, 2800), (660, 2860))
        page.fill("#rule-options", "A, C, D")
        saved(page)
        (field,) = (one for one in load_template(folder / "visit.toml").fields if one.kind == "choice")
        assert [(option, round(box[0], -1)) for option, box in zip(field.options, field.boxes, strict=True)] == [
            *(("A", 900), ("C", 700), ("D", 600)),
        ]


def test_names_are_pasted_and_rules_set_with_what_is_wrong_beside_the_field(
    browser: Any, server: Served, folder: Path
) -> None:
    page = entered(browser, server.address)
    page.locator(".field-name").nth(7).focus()
    page.click("#names")
    page.fill("#pasted", "code\ncode\nmore")
    page.click("text=Name the fields")
    expect(page.locator("#said")).to_contain_text("1 name left over")
    expect(page.locator("#list .problem:not(:empty)")).to_have_count(2)
    page.locator(".field-name").nth(8).fill("number")
    expect(page.locator("#list .problem:not(:empty)")).to_have_count(0)
    page.select_option("#add-rule", "min")
    page.fill("#rule-min", "1000")
    expect(page.locator("#list .problem:not(:empty)")).to_contain_text("min")
    page.fill("#rule-min", "31")
    expect(page.locator("#panel .words")).to_contain_text("31")
    page.fill("#trial", "30")
    expect(page.locator(".tried")).to_contain_text("should be")
    page.fill("#trial", "31")
    expect(page.locator(".tried")).to_contain_text("keeps all rules")
    page.locator(".field-name").nth(0).focus()
    page.select_option("#kind", "key")
    expect(page.locator("#list .about").first).to_have_text("key")
    saved(page)
    fields = load_template(folder / "visit.toml").fields
    assert fields[0].is_keyed
    assert (
        [str(rule) for rule in fields[8].rules] == [words for words in map(str, fields[8].rules) if "31" in words] != []
    )


def test_dropped_scans_are_read_at_once_and_again_after_a_change(browser: Any, server: Served, folder: Path) -> None:
    page = entered(browser, server.address)
    page.set_input_files("#files", str(SAMPLE / "scans" / "visit-01.jpg"))
    expect(page.locator(".score")).to_be_visible()
    expect(page.locator("#stage .value")).to_have_count(9)
    expect(page.locator("#list .read-value b").nth(1)).to_have_text("18022023")
    page.locator(".field-name").nth(1).fill("day")
    expect(page.locator("#stage .value")).to_have_count(9)
    expect(page.locator("#list .read-value b").nth(1)).to_have_text("18022023")
    (folder / "other.png").write_bytes((SAMPLE.parent / "meter-card" / "blank.png").read_bytes())
    page.set_input_files("#files", str(folder / "other.png"))
    expect(page.locator(".refused")).to_contain_text("other.png")


def test_unsaved_work_survives_a_reload_and_a_crash(browser: Any, folder: Path) -> None:
    with running("template", str(folder / "visit.toml")) as server:
        page = entered(browser, server.address)
        page.locator(".field-name").nth(0).fill("badge")
        kept(page)
        page.reload()
        assert page.asked == ["beforeunload"]
        expect(page.locator(".field-name").nth(0)).to_have_value("badge")
        server.kill()
        page.locator(".field-name").nth(0).fill("later")
        expect(page.locator("#said")).to_contain_text("not running")
    with running("template", str(folder / "visit.toml")) as server:
        page = entered(browser, server.address)
        expect(page.locator(".field-name").nth(0)).to_have_value("badge")
        page.click("text=Go back to the saved template")
        page.click("dialog button:has-text('Go back')")
        expect(page.locator(".field-name").nth(0)).to_have_value("patient_id")
        expect(page.locator("#standing")).to_have_text("Saved")
        page.click("#undo")
        expect(page.locator(".field-name").nth(0)).to_have_value("badge")
        kept(page)
        assert "draft" in server.stop()


def test_file_that_another_program_changed_is_not_written_over_unasked(
    browser: Any, server: Served, folder: Path
) -> None:
    page = entered(browser, server.address)
    page.locator(".field-name").nth(0).fill("badge")
    with (folder / "visit.toml").open("a") as file:
        file.write("# by another\n")
    page.keyboard.press("Control+s")
    expect(page.locator("dialog")).to_contain_text("Another program changed")
    page.click("text=Do not save")
    assert "by another" in (folder / "visit.toml").read_text()
    page.keyboard.press("Control+s")
    page.click("text=Save over it")
    expect(page.locator("#said")).to_contain_text("visit.toml.bak")
    assert "by another" in (folder / "visit.toml.bak").read_text()
    assert load_template(folder / "visit.toml").fields[0].name == "badge"


@pytest.mark.parametrize(
    ("size", "scheme"), [((1280, 800), "light"), ((820, 1180), "dark"), ((640, 400), "light")], ids=str
)
def test_every_view_keeps_to_the_rules_of_accessibility(
    browser: Any, server: Served, size: tuple[int, int], scheme: str
) -> None:
    page = entered(browser, server.address, viewport={"width": size[0], "height": size[1]}, color_scheme=scheme)
    keeps_to_rules(page)
    page.locator(".field-name").nth(1).fill("no name")
    expect(page.locator("#list .problem:not(:empty)")).to_have_count(1)
    for rule in ("date", "one_of", "format"):
        page.select_option("#add-rule", rule)
    keeps_to_rules(page)
    page.locator(".field-name").nth(1).fill("day")
    page.set_input_files("#files", str(SAMPLE / "scans" / "visit-01.jpg"))
    expect(page.locator("#panel h2")).to_have_text("visit-01.jpg")
    expect(page.locator("#panel")).not_to_contain_text("Reading...")
    keeps_to_rules(page)
    page.keyboard.press("F1")
    keeps_to_rules(page)
