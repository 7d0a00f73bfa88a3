"""Editing a template: only what was changed changes, what would not load is not saved, and nothing given is lost."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from formreader.cli import app
from formreader.cli.forms import words_of
from formreader.editor import ROUTES, Editing, existing, found
from formreader.editor.calls import (
    Draft,
    Page,
    PageOfScan,
    Reading,
    Saved,
    Scan,
    Tried,
    check,
    drop_scan,
    opened,
    picture,
    read,
    save,
    scan_picture,
    try_value,
)
from formreader.editor.document import Document, EditedField, document_of, same, tables_of
from formreader.editor.files import draft_of
from formreader.editor.sections import parted
from formreader.editor.writing import text_of, written
from formreader.errors import TemplateError, UnusableCall
from formreader.served.calls import Nothing, Refused
from formreader.template import load_form, load_template

SAMPLES = Path(__file__).parent.parent / "samples"
TEMPLATES = [*SAMPLES.glob("*/template.toml"), *Path(__file__).parent.glob("benchmarks/templates/*.toml")]
CARD = """\
# The clinic's card.   Ask Ann before you change it.
[form]
name = "card"     # also the file's
width = 400
height=300
dpi = 100
[form.markers]
kind = "squares"
centres = [[10, 10], [390, 10], [390, 290], [10, 290]]
size = 12

# ---- who ----

# as on the badge
[[field]]
name = "id"       # six digits once
boxes = [
  [40, 40, 30, 40],  # the first
  [70, 40, 30, 40], [100, 40, 30, 40],
]
unique = true

# ---- what ----

# out of sixty
[[field]]
boxes = [[40, 120, 30, 40], [70, 120, 30, 40]]
name = 'mark'
max = 60

[[field]]
name = "day"
box = [40, 200, 120, 40]
length = [8, 8]
date = "DDMMYYYY"
min = 2024-01-31  # first day
# below the last value

[[check]]  # the end
compare = "mark <= 60"
"""


def edited(text: str) -> tuple[Document, Any]:
    base = written(text)
    return document_of(base.tables, base.field_ids, base.check_ids), base


def changed(document: Document, nth: int, **changes: Any) -> Document:
    fields = [one.model_copy(update=changes) if k == nth else one for k, one in enumerate(document.fields)]
    return document.model_copy(update={"fields": fields})


def started(tmp_path: Path, text: str = CARD) -> tuple[Editing, int]:
    path = tmp_path / "card.toml"
    path.write_text(text, "utf-8")
    editing = Editing(existing(path), words_of)
    return editing, opened(editing, "", Nothing())["window"]


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_template_that_nobody_changed_stays_letter_by_letter(path: Path) -> None:
    text = path.read_bytes().decode()
    document, base = edited(text)
    assert text_of(Document.model_validate_json(document.model_dump_json()), base) == text


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_what_is_changed_alone_changes(ends: str, mark: str) -> None:
    text = mark + CARD.replace("\n", ends)
    document, base = edited(text)
    first = [[40.0, 40.0, 30.0, 40.0], [71.5, 40.0, 30.0, 40.0], [100.0, 40.0, 30.0, 40.0]]
    document = changed(changed(document, 0, boxes=first), 1, name="points", keys={"max": 55, "min": 5})
    wanted = CARD.replace("[70, 40, 30, 40]", "[71.5, 40, 30, 40]").replace("name = 'mark'", 'name = "points"')
    wanted = wanted.replace("max = 60", "max = 55\nmin = 5")
    assert text_of(document, base) == mark + wanted.replace("\n", ends)


def test_a_deleted_field_takes_its_own_comments_alone() -> None:
    document, base = edited(CARD)
    less = document.model_copy(update={"fields": document.fields[::2]})
    text = text_of(less, base)
    assert "# ---- what ----" in text
    assert "out of sixty" not in text
    assert text.index("# ---- what ----") < text.index('name = "day"')
    assert "min = 2024-01-31  # first day\n" in text
    again = written(text, base.kept, less)
    assert "# out of sixty\n[[field]]\nboxes = [[40, 120" in text_of(document, again)  # brought back after saving


def test_fields_of_an_unusual_file_are_written_and_its_comments_kept() -> None:
    text = '# odd\nform = {name = "a", width = 10}  # one line\nfield = [{name = "x", boxes = []}]\n'
    document, base = edited(text)
    assert text_of(document, base) == text
    after = text_of(changed(document, 0, name="y"), base)
    assert tomllib.loads(after)["field"] == [{"name": "y", "boxes": []}]
    assert "# odd" in after
    assert "# one line" in after


_NAMES = st.sampled_from(["id", "mark", "sum", "no name", "", "scan", "Größe", "a'b\"#", "x\ny"])
_SIDES = st.floats(-50, 450).map(lambda side: round(2 * side) / 2)
_BOXES = st.lists(st.lists(_SIDES, min_size=4, max_size=4), max_size=4)
_VALUES = st.one_of(
    st.integers(-5, 99), st.text(max_size=5), st.booleans(), st.lists(st.text(max_size=3), max_size=2), st.none()
)
_KEYS = st.dictionaries(st.sampled_from(["min", "max", "pattern", "length", "required", "missing", "odd key"]), _VALUES)
_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("change"), st.integers(0, 9), _NAMES, _BOXES, _KEYS, st.booleans()),
        st.tuples(st.just("delete"), st.integers(0, 9)),
        st.tuples(st.just("add"), st.integers(0, 9), _NAMES, _BOXES),
        st.tuples(st.just("turn")),
        st.tuples(st.just("save")),
    ),
    max_size=8,
)


@settings(max_examples=60, deadline=None)
@given(steps=_STEPS)
def test_any_edits_leave_a_file_that_says_them_with_the_comments_of_all_that_is_left(steps: list[Any]) -> None:
    document, base = edited(CARD)
    for number, step in enumerate(steps):
        fields = list(document.fields)
        nth = step[1] % max(1, len(fields)) if len(step) > 1 else 0
        if step[0] == "change" and fields:
            said = {"name": step[2], "boxes": step[3], "keys": step[4], "wide": step[5]}
            fields[nth] = fields[nth].model_copy(update=said)
        elif step[0] == "delete" and fields:
            del fields[nth]
        elif step[0] == "add":
            fields.insert(nth, EditedField(id=f"new{number}", name=step[2], boxes=step[3]))
        elif step[0] == "turn":
            fields.reverse()
        document = document.model_copy(update={"fields": fields})
        if step[0] == "save":
            base = written(text_of(document, base), base.kept, document)
    text = text_of(document, base)
    assert same(tomllib.loads(text), tables_of(document))
    assert str(parted(text)) == text
    stays = {"field1": ["# as on the badge"], "field2": ["# out of sixty"], "field3": []}
    of_fields = [comment for field in document.fields for comment in stays.get(field.id, [])]
    always = ["# The clinic's card.   Ask Ann", "# also the file's", "# ---- who ----", "# ---- what ----", "# the end"]
    assert [comment for comment in (*always, *of_fields) if comment not in text] == []


def test_problems_stand_beside_their_field_and_a_template_with_mistakes_is_not_saved(tmp_path: Path) -> None:
    editing, window = started(tmp_path)
    wrong = changed(editing.document, 1, name="no name", keys={"max": 999})
    state = check(editing, "", Draft(window=window, document=wrong))
    assert {one for problem in state["problems"] for one in problem["of"]} >= {"field2"}
    assert any("no spaces" in problem["text"] for problem in state["problems"])
    assert "unique in the batch" in state["words"]["field1"]  # the others are told in words all the same
    with pytest.raises(Refused, match="Not saved"):
        save(editing, "", Saved(window=window, document=wrong))
    assert editing.path.read_text("utf-8") == CARD


def test_saving_keeps_what_was_there_and_asks_before_it_writes_over_another_program(tmp_path: Path) -> None:
    editing, window = started(tmp_path)
    editing.path.chmod(0o640)
    better = changed(editing.document, 1, keys={"max": 50})
    answer = save(editing, "", Saved(window=window, document=better))
    assert answer["saved"]
    assert answer["copies"] == ["card.toml.bak"]
    assert (tmp_path / "card.toml.bak").read_text("utf-8") == CARD
    assert editing.path.stat().st_mode & 0o777 == 0o640
    assert load_template(editing.path).fields[1].rules
    editing.path.write_text("# written by another\n" + CARD, "utf-8")
    best = changed(better, 1, keys={"max": 40})
    assert save(editing, "", Saved(window=window, document=best))["changed"]
    assert "another" in editing.path.read_text("utf-8")
    assert save(editing, "", Saved(window=window, document=best, over=True))["copies"] == ["card.toml.bak-2"]
    assert "another" in (tmp_path / "card.toml.bak-2").read_text("utf-8")
    assert "max = 40" in editing.path.read_text("utf-8")
    assert save(editing, "", Saved(window=window, document=better))["copies"] == []  # its own work needs no copy


def test_unsaved_work_is_there_after_a_crash(tmp_path: Path) -> None:
    editing, window = started(tmp_path)
    check(editing, "", Draft(window=window, document=changed(editing.document, 0, name="badge")))
    assert editing.path.read_text("utf-8") == CARD
    assert draft_of(editing.path).stat().st_mode & 0o077 == 0
    again = Editing(existing(editing.path), words_of)
    assert again.document.fields[0].name == "badge"
    assert any("not saved last time" in note for note in again.notes)
    again.dropped_draft()
    assert again.document.fields[0].name == "id"
    assert not draft_of(editing.path).exists()
    draft_of(editing.path).write_text("{nonsense", "utf-8")
    assert Editing(existing(editing.path), words_of).document.fields[0].name == "id"
    assert draft_of(editing.path).exists()


def test_two_windows_do_not_write_over_each_other(tmp_path: Path) -> None:
    editing, window = started(tmp_path)
    opened(editing, "", Nothing())
    with pytest.raises(Refused, match="another window"):
        check(editing, "", Draft(window=window, document=changed(editing.document, 0, name="badge")))


def test_a_value_is_held_against_the_rules_as_they_are_typed(tmp_path: Path) -> None:
    editing, window = started(tmp_path)
    asked = Tried(window=window, document=editing.document, field="field2", value="61")
    assert len(try_value(editing, "", asked)["broken"]) == 1
    assert not try_value(editing, "", asked.model_copy(update={"value": "60"}))["broken"]


def test_a_new_template_is_found_named_tried_on_a_scan_and_saved(tmp_path: Path) -> None:
    folder = SAMPLES / "visit-record"
    editing = Editing(found([folder / "blank.png"], tmp_path / "visit.toml"), words_of)
    window = opened(editing, "", Nothing())["window"]
    assert not list(tmp_path.iterdir())
    names = [field.name for field in load_template(folder / "template.toml").fields]
    fields = [one.model_copy(update={"name": name}) for one, name in zip(editing.document.fields, names, strict=True)]
    named = editing.document.model_copy(update={"fields": fields})
    scan = drop_scan(editing, "", Scan(name="s.jpg", content=(folder / "scans" / "visit-01.jpg").read_bytes()))
    reading = read(editing, "", Reading(window=window, document=named, scan=scan["scan"], page=1))
    assert reading["score"] > 0.9
    assert [field["name"] for field in reading["fields"]] == names
    assert scan_picture(editing, "", PageOfScan(scan=scan["scan"], page=1)).kind == "jpeg"
    assert save(editing, "", Saved(window=window, document=named))["saved"]
    saved = load_template(tmp_path / "visit.toml")
    assert [field.name for field in saved.fields] == names
    assert sorted(path.name for path in tmp_path.iterdir()) == ["visit-reference.png", "visit.toml"]


def test_a_form_without_boxes_is_opened_for_them_to_be_drawn(tmp_path: Path) -> None:
    page = np.full((800, 600), 255, np.uint8)
    cv2.putText(page, "Write your number here", (80, 100), cv2.FONT_HERSHEY_SIMPLEX, 1, 0, 2)
    cv2.imwrite(str(tmp_path / "form.png"), page)
    editing = Editing(found([tmp_path / "form.png"], tmp_path / "form.toml"), words_of)
    assert editing.document.fields == []
    assert any("drag" in note for note in editing.notes)
    window = opened(editing, "", Nothing())["window"]
    drawn = EditedField(id="a", name="number", boxes=[[80, 200, 60, 80]])
    one = editing.document.model_copy(update={"fields": [drawn]})
    assert save(editing, "", Saved(window=window, document=one))["saved"]


def test_a_blank_of_several_pages_is_one_form(tmp_path: Path) -> None:
    pages = []
    for number, rows in enumerate(((200, 400), (), (300,)), start=1):
        page = np.full((1100, 850), 255, np.uint8)
        cv2.putText(page, f"Survey, sheet {'abc'[number - 1]}", (80 * number, 100), cv2.FONT_HERSHEY_SIMPLEX, 1, 0, 2)
        for y in rows:
            for box in range(4 + number):
                cv2.rectangle(page, (80 + 50 * box, y), (120 + 50 * box, y + 48), 0, 2)
        pages.append(page)
    cv2.imwritemulti(str(tmp_path / "survey.tif"), [*pages, np.full((1100, 850), 255, np.uint8)])
    editing = Editing(found([tmp_path / "survey.tif"], tmp_path / "survey.toml"), words_of)
    assert [(one.page, len(one.boxes or ())) for one in editing.document.fields] == [(None, 5), (None, 5), (3, 7)]
    assert any("page 4 has no boxes" in note for note in editing.notes)
    told = opened(editing, "", Nothing())
    assert told["pages"] == 3
    shown = picture(editing, "", Page(page=2)).content
    assert np.array_equal(cv2.imdecode(np.frombuffer(shown, np.uint8), cv2.IMREAD_GRAYSCALE), pages[1])
    drawn = EditedField(id="a", name="total", page=2, boxes=[[80, 300, 40, 48], [130, 300, 40, 48]])
    more = editing.document.model_copy(update={"fields": [*editing.document.fields, drawn]})
    assert save(editing, "", Saved(window=told["window"], document=more))["saved"]
    assert [(sheet.name, len(sheet.fields)) for sheet in load_form(tmp_path / "survey.toml")] == [
        *(("survey#1", 2), ("survey#2", 1), ("survey#3", 1))
    ]
    alone = Editing(found([tmp_path / "survey.tif"], tmp_path / "third.toml", page=3), words_of)
    assert [len(one.boxes or ()) for one in alone.document.fields] == [7]
    assert "page 3 of 4; others with --page" in alone.notes


def test_a_dropped_file_that_is_no_page_of_the_form_is_refused_in_words(tmp_path: Path) -> None:
    editing, window = started(tmp_path)
    bomb = cv2.imencode(".png", np.full((60, 60), 255, np.uint8))[1].tobytes()
    blank = cv2.imencode(".png", np.full((900, 700), 255, np.uint8))[1].tobytes()
    huge = bomb[:16] + (60_000).to_bytes(4, "big") * 2 + bomb[24:]
    for content, words in ((b"", "scan it again"), (b"nonsense", "no PNG"), (huge, "pixels"), (blank, "blank")):
        scan = drop_scan(editing, "", Scan(name="../../etc/passwd", content=content))["scan"]
        asked = Reading(window=window, document=editing.document, scan=scan, page=1)
        answer = read(editing, "", asked)
        assert words in answer["refused"]
    with pytest.raises(Refused, match="not kept"):
        read(editing, "", Reading(window=window, document=editing.document, scan=999, page=1))


def test_what_cannot_be_edited_is_refused_with_its_remedy(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match="no such template"):
        existing(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text("[form\n", "utf-8")
    with pytest.raises(TemplateError, match="no valid TOML"):
        existing(tmp_path / "bad.toml")
    (tmp_path / "large.toml").write_text(f"[[field]]\nboxes = {[[1, 1, 5, 5]] * 1001}\n", "utf-8")
    with pytest.raises(TemplateError, match=r"too much for this page .* text editor"):
        existing(tmp_path / "large.toml")
    (tmp_path / "visit-reference.png").write_bytes(b"another form")
    with pytest.raises(UnusableCall, match="-o"):
        found([SAMPLES / "visit-record" / "blank.png"], tmp_path / "visit.toml")
    call = CliRunner().invoke(app, ["template", "form.png", "-o", "form.txt"])
    assert call.exit_code == 2
    assert ".toml" in call.output
    call = CliRunner().invoke(app, ["template", "form.png", "-o", str(tmp_path / "none" / "form.toml")])
    assert call.exit_code == 2
    assert "no such folder" in call.output


def test_what_a_browser_cannot_hold_comes_back_as_it_was() -> None:
    text = CARD.replace("min = 2024-01-31", "min = 9007199254740993\nodd = [1979-05-27T07:32:00Z, inf, 1.5]")
    document, base = edited(text)
    back = Document.model_validate(json.loads(document.model_dump_json()))
    assert text_of(back, base) == text
    assert text_of(changed(back, 2, name="d"), base) == text.replace('"day"', '"d"')


def test_calls_are_bounded() -> None:
    assert all(route.most_bytes <= 64 * 2**20 for route in ROUTES)
