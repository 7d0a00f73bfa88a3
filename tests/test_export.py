"""The tables a user opens: every page has its row, text stays text, nothing becomes a formula."""

from __future__ import annotations

import csv
import os
import stat
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import formreader.export.folder
from formreader.errors import BatchError, UnusableCall
from formreader.export import (
    RESULTS_COLUMNS,
    export_book,
    guarded,
    read_drifts,
    read_results,
    unguarded,
    write_tables,
)
from formreader.export.book import free_name
from formreader.export.csv_files import write_csv
from formreader.fields import needs_review
from formreader.template import Field, Template
from formreader.values import (
    CLASSES,
    Box,
    BrokenRule,
    DigitReading,
    FieldReading,
    Match,
    PageFailure,
    PageReading,
    PageRef,
    PageSkipped,
    Reason,
)
from tests.test_store import decide, opened, scan

SQUARE = np.array([[10, 20], [40, 20], [40, 60], [10, 60]], dtype=np.float64)
ONE = ((0.0, 0.0, 10.0, 10.0),)
FORM = Template("exam", 100, 100, 300, (Field("id", ONE * 2), Field("mark", ONE)))


def box(field: str, position: int, digit: str | None, reason: Reason = "", confidence: float = 0.99) -> DigitReading:
    return DigitReading(Box(field, position, SQUARE), digit, confidence, np.zeros(len(CLASSES), np.float32), reason)


def page(ref: PageRef, identity: str, reason: Reason = "") -> PageReading:
    fields = (FieldReading("id", identity, 0.98, (reason,) if reason else ()), FieldReading("mark", "", 1.0))
    boxes = [box("id", place, digit, reason) for place, digit in enumerate(identity, 1)]
    return PageReading(ref, "exam", Match(0.9, "reference"), fields, (*boxes, box("mark", 1, None, "blank")))


@pytest.fixture
def batch(tmp_path: Path) -> Path:
    """Make a batch with a page of each kind; its scans lie in folders with a space and an accent."""
    names = ["år 1/p10.png", "år 1/p9.png", "år 1/again.png", "back.png", "broken.png", "rest.png"]
    refs = [scan(tmp_path, name, "same" if name in names[1:3] else "") for name in names]
    with opened(tmp_path / "out", template=FORM) as writer:
        writer.pending([refs[1], refs[2], *refs])
        writer.add(page(refs[0], "07", "low_confidence"))
        writer.add(page(refs[1], "42"))
        writer.add(PageSkipped(refs[3], "blank page"))
        writer.add(PageFailure(refs[4], "scans", "=no image, scan it again", b"\xff\xd8jpeg"))
        writer.leave_out([PageSkipped(refs[5], "not among --pages")])
    return tmp_path / "out"


def table(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_every_page_has_its_row(batch: Path) -> None:
    write_tables(batch)
    assert table(batch / "results.csv") == [
        ["scan", "page", "status", "review", "id", "mark"],
        ["back.png", "1", "skipped", "", "", ""],
        ["broken.png", "1", "failed", "", "", ""],
        ["rest.png", "1", "skipped", "", "", ""],
        ["år 1/again.png", "1", "duplicate", "", "", ""],
        ["år 1/p9.png", "1", "read", "", "42", ""],
        ["år 1/p10.png", "1", "review", "id", "07", ""],
    ]


def test_every_box_has_its_row(batch: Path) -> None:
    write_tables(batch)
    places, place = ["x", "y", "width", "height"], ["10", "20", "30", "40"]
    assert table(batch / "digits.csv") == [
        ["scan", "page", "field", "position", "digit", "confidence", "needs_review", "reason", *places],
        ["år 1/p9.png", "1", "id", "1", "4", "0.9900", "0", "", *place],
        ["år 1/p9.png", "1", "id", "2", "2", "0.9900", "0", "", *place],
        ["år 1/p9.png", "1", "mark", "1", "", "0.9900", "0", "blank", *place],
        ["år 1/p10.png", "1", "id", "1", "0", "0.9900", "1", "low_confidence", *place],
        ["år 1/p10.png", "1", "id", "2", "7", "0.9900", "1", "low_confidence", *place],
        ["år 1/p10.png", "1", "mark", "1", "", "0.9900", "0", "blank", *place],
    ]


def test_failed_pages_are_listed_with_a_picture(batch: Path) -> None:
    write_tables(batch)
    assert table(batch / "failed.csv")[1:] == [["broken.png", "1", "scans", "'=no image, scan it again"]]
    (picture,) = (batch / "failed").iterdir()
    assert picture.name.startswith("broken.png-1-")
    assert picture.read_bytes() == b"\xff\xd8jpeg"


def test_picture_of_a_page_that_was_read_since_is_taken_away(batch: Path) -> None:
    write_tables(batch)
    (batch / "failed" / "notes.txt").write_text("mine")
    with opened(batch, template=FORM) as writer:
        ref = scan(batch.parent, "broken.png")
        writer.pending([ref])
        writer.add(page(ref, "11"))
    write_tables(batch)
    assert [path.name for path in (batch / "failed").iterdir()] == ["notes.txt"]
    assert table(batch / "failed.csv") == [["scan", "page", "stage", "reason"]]


def test_page_that_fails_when_read_again_keeps_its_row_and_is_listed_as_failed(batch: Path) -> None:
    ref = scan(batch.parent, "år 1/p9.png", "same")
    with opened(batch, template=FORM, reread=True) as writer:
        writer.add(PageFailure(ref, "align", "another form", b"\xff\xd8jpeg"))
    write_tables(batch)
    assert ["år 1/p9.png", "1", "read", "", "42", ""] in table(batch / "results.csv")
    assert ["år 1/p9.png", "1", "align", "another form"] in table(batch / "failed.csv")
    assert len(list((batch / "failed").iterdir())) == 2
    export_book(batch, batch.parent / "book.xlsx")
    assert openpyxl.load_workbook(batch.parent / "book.xlsx")["Failed"].max_row == 3


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")
def test_tables_are_readable_by_their_owner_alone_and_nothing_half_written_stays(batch: Path) -> None:
    write_tables(batch)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in batch.glob("*.csv")}
    assert modes == dict.fromkeys(("results.csv", "digits.csv", "failed.csv", "duplicates.csv"), 0o600)
    assert not list(batch.glob(".*"))


def test_table_that_breaks_off_leaves_the_old_one(tmp_path: Path) -> None:
    def breaks() -> Any:
        yield ["new"]
        raise RuntimeError

    (tmp_path / "a.csv").write_text("old")
    with pytest.raises(RuntimeError):
        write_csv(tmp_path / "a.csv", ["head"], breaks())
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]
    assert (tmp_path / "a.csv").read_text() == "old"


def test_table_that_cannot_be_written_says_what_to_do(batch: Path) -> None:
    (batch / "results.csv").mkdir()
    with pytest.raises(BatchError, match=r"results\.csv: cannot be written .*close it"):
        write_tables(batch)


def test_read_results_gives_text(batch: Path) -> None:
    write_tables(batch)
    frame = read_results(batch / "results.csv")
    assert list(frame.columns) == [*RESULTS_COLUMNS, "id", "mark"]
    assert list(frame["id"]) == ["", "", "", "", "42", "07"]
    assert read_results(batch / "failed.csv")["reason"][0] == "=no image, scan it again"


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12) | st.text(
    "'=+-@\uff1d\uff0b\t\r\n,\" a", max_size=6
)


@given(st.lists(st.lists(CELLS, min_size=3, max_size=3), max_size=5))
def test_what_is_written_is_read_back(tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]]) -> None:
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    write_csv(path, ["a", "b", "c"], rows)
    assert read_results(path).to_numpy().tolist() == rows


@given(CELLS)
def test_no_cell_starts_a_formula_and_the_guard_comes_off(text: str) -> None:
    assert not guarded(text).startswith((*"=+-@\t\r\n", *"\uff1d\uff0b\uff0d\uff20"))
    assert unguarded(guarded(text)) == text


def test_values_of_digits_are_never_changed_by_the_guard() -> None:
    assert [guarded(value) for value in ("007", "?7", "", "it's", "'quoted'")] == ["007", "?7", "", "it's", "'quoted'"]


@pytest.mark.parametrize(
    ("reasons", "boxes", "expected"),
    [
        ((), [("4", ""), (None, "blank")], [False, False]),
        (("low_confidence",), [(None, "blank"), ("4", "low_confidence"), ("5", "")], [False, True, False]),
        (("gap",), [("4", ""), (None, "blank"), ("5", "")], [False, True, False]),
        (("blank",), [(None, "blank"), (None, "blank")], [True, True]),
        (("struck",), [(None, "struck")], [True]),
        (("not_a_digit",), [("4", ""), ("5", "")], [True, True]),
    ],
)
def test_boxes_to_review_are_those_that_made_the_flag(
    reasons: tuple[Reason, ...], boxes: list[tuple[str | None, Reason]], expected: list[bool]
) -> None:
    digits = [box("n", place, digit, reason) for place, (digit, reason) in enumerate(boxes, 1)]
    field = FieldReading("n", "", 0.5, reasons)
    assert list(needs_review([field], digits)) == expected
    assert not any(needs_review([field], digits, decided={"n"}))


def test_workbook_keeps_zeros_and_shows_what_to_look_at(batch: Path, tmp_path: Path) -> None:
    export_book(batch, tmp_path / "book.xlsx")
    book = openpyxl.load_workbook(tmp_path / "book.xlsx")
    sheet = book["Results"]
    assert [[cell.value or "" for cell in row] for row in sheet.iter_rows()][-2:] == [
        ["år 1/p9.png", 1, "read", "", "42", ""],
        ["år 1/p10.png", 1, "review", "id", "07", ""],
    ]
    sure, flagged = sheet["E6"], sheet["E7"]
    assert (flagged.value, flagged.data_type, flagged.number_format) == ("07", "s", "@")
    assert flagged.fill.fgColor.rgb == "FFFFD966"
    assert flagged.comment is not None
    assert flagged.comment.text == "low_confidence\nconfidence 98.0%"
    assert (sure.fill.fill_type, sure.comment) == (None, None)
    assert (sheet.freeze_panes, sheet.auto_filter.ref) == ("B2", "A1:F7")
    failed = [[cell.value for cell in row] for row in book["Failed"].iter_rows()]
    assert failed[1:] == [["broken.png", "1", "scans", "=no image, scan it again"]]
    assert book["Failed"]["D2"].data_type == "s"


MOST = BrokenRule("max", "at most 31")
RULED = (
    FieldReading("id", "45", 0.98, ("rule",), (MOST,), "15"),
    FieldReading("mark", "7", 0.9995, broken=(BrokenRule("min", "at least 9", "warning"),), settled=True),
)


@pytest.fixture
def ruled(tmp_path: Path) -> Path:
    """Make a batch of one page with a field that breaks a rule, and one that rules settled with another digit."""
    ref = scan(tmp_path, "p1.png")
    shares = np.zeros(len(CLASSES), np.float32)
    shares[[1, 7]] = 0.5, 0.4
    unsure = replace(box("mark", 1, "1", "low_confidence", 0.5), probabilities=shares)
    boxes = (box("id", 1, "4"), box("id", 2, "5"), unsure)
    with opened(tmp_path / "out", template=FORM) as writer:
        writer.pending([ref])
        writer.add(PageReading(ref, "exam", Match(0.9, "reference"), RULED, boxes))
    return tmp_path / "out"


def test_broken_rules_are_listed(ruled: Path) -> None:
    write_tables(ruled)
    assert table(ruled / "rules.csv") == [
        ["scan", "page", "field", "rule", "words", "severity", "value", "suggestion"],
        ["p1.png", "1", "id", "max", "at most 31", "error", "45", "15"],
        ["p1.png", "1", "mark", "min", "at least 9", "warning", "7", ""],
    ]
    assert table(ruled / "results.csv")[1] == ["p1.png", "1", "review", "id", "45", "7"]


def test_settled_box_has_the_digit_of_its_value(ruled: Path) -> None:
    write_tables(ruled)
    told = ["position", "digit", "confidence", "needs_review", "reason"]
    assert read_results(ruled / "digits.csv")[told].values.tolist()[2] == ["1", "7", "0.4000", "0", "low_confidence"]


def test_no_list_of_broken_rules_is_left_when_none_is_broken(ruled: Path) -> None:
    write_tables(ruled)
    with opened(ruled, template=FORM, reread=True) as writer:
        ref = scan(ruled.parent, "p1.png")
        writer.pending([ref])
        writer.add(replace(page(ref, "15"), digits=()))
    write_tables(ruled)
    assert not (ruled / "rules.csv").exists()


def test_rules_are_no_more_said_of_a_value_that_a_person_keyed(ruled: Path) -> None:
    for new, said in (("45", 2), ("46", 1)):  # confirmed, changed
        decide(ruled, scan(ruled.parent, "p1.png"), "id", new)
        write_tables(ruled)
        assert len(table(ruled / "rules.csv")) == 1 + said


def test_workbook_says_which_rule_is_broken_and_what_may_be_meant(ruled: Path, tmp_path: Path) -> None:
    export_book(ruled, tmp_path / "book.xlsx")
    flagged = openpyxl.load_workbook(tmp_path / "book.xlsx")["Results"]["E2"]
    assert flagged.comment is not None
    assert flagged.comment.text == "rule\nconfidence 98.0%\nmax: at most 31\nperhaps 15"


def test_results_are_exported_as_csv(batch: Path, tmp_path: Path) -> None:
    write_tables(batch)
    export_book(batch, tmp_path / "copy.csv")
    assert (tmp_path / "copy.csv").read_bytes() == (batch / "results.csv").read_bytes().replace(b"\n", b"\r\n")


def test_other_kinds_are_refused_with_those_there_are(batch: Path, tmp_path: Path) -> None:
    with pytest.raises(UnusableCall, match=r"book\.doc: .*\.xlsx \.csv"):
        export_book(batch, tmp_path / "book.doc")


# --- several forms


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """Make a batch of two forms, with a failed page and a blank one."""
    refs = [scan(tmp_path, name) for name in ("a.png", "b.png", "back.png", "broken.png")]
    visit = Template("visit [1/2]".replace("/", "?"), 100, 100, 300, (Field("id", ONE),))
    with opened(tmp_path / "out", forms=(FORM, visit)) as writer:
        writer.pending(refs)
        writer.add(page(refs[0], "07"))
        fields, digits = (FieldReading("id", "5", 0.9),), (box("id", 1, "5"),)
        writer.add(PageReading(refs[1], visit.name, Match(0.9, "reference"), fields, digits))
        writer.add(PageSkipped(refs[2], "blank page"))
        writer.add(PageFailure(refs[3], "align", "no page of any form given"))
    return tmp_path / "out"


def test_each_form_has_its_own_table_and_pages_of_none_stand_once(mixed: Path) -> None:
    write_tables(mixed)
    assert table(mixed / "results-exam.csv") == [[*RESULTS_COLUMNS, "id", "mark"], ["a.png", "1", "read", "", "07", ""]]
    assert table(mixed / "results-visit [1_2].csv") == [[*RESULTS_COLUMNS, "id"], ["b.png", "1", "read", "", "5"]]
    assert table(mixed / "pages.csv") == [
        [*RESULTS_COLUMNS, "form"],
        ["a.png", "1", "read", "", "exam"],
        ["b.png", "1", "read", "", "visit [1?2]"],
        ["back.png", "1", "skipped", "", ""],
        ["broken.png", "1", "failed", "", ""],
    ]
    assert [row[0] for row in table(mixed / "failed.csv")[1:]] == ["broken.png"]
    assert [row[0] for row in table(mixed / "digits.csv")[1:]] == ["a.png", "a.png", "a.png", "b.png"]
    assert not (mixed / "results.csv").exists()


def test_each_form_has_its_own_sheet(mixed: Path, tmp_path: Path) -> None:
    export_book(mixed, tmp_path / "book.xlsx")
    book = openpyxl.load_workbook(tmp_path / "book.xlsx")
    assert book.sheetnames == ["exam", "visit _1_2_", "To review", "Pages", "Failed", "Changes", "About"]
    assert [cell.value for cell in book["visit _1_2_"][2]][4:] == ["5"]
    export_book(mixed, tmp_path / "copy.csv")
    assert table(tmp_path / "copy-exam.csv")[1][4] == "07"


def test_sheets_never_share_a_name() -> None:
    names: list[str] = []
    for wanted in ("Failed", "failed", "x" * 40, "x" * 50, "plain", "", "a/b"):
        names.append(free_name(wanted, {name.casefold() for name in names}))
    assert len({name.casefold() for name in names}) == len(names)
    assert max(map(len, names)) <= 31
    assert names[4:] == ["plain", "_", "a_b"]


# --- drift


def test_drift_has_a_table_of_its_own_until_there_is_none(tmp_path: Path) -> None:
    refs = [scan(tmp_path, f"s{number:02}.png") for number in range(60)]
    with opened(tmp_path / "out", template=FORM) as writer:
        writer.pending(refs)
        for number, ref in enumerate(refs):
            writer.add(page(ref, "47" if number < 20 else "41"))
    write_tables(tmp_path / "out")
    header, found = table(tmp_path / "out" / "drift.csv")
    assert header[:6] == ["form", "field", "position", "what", "share", "elsewhere"]
    assert found[:10] == ["exam", "id", "2", "7", "1.0", "0.0", "1", "20", "s00.png", "1"]
    (drift,) = read_drifts(tmp_path / "out")
    assert str(drift).startswith("box 2 of 'id' is read as 7 on 100% of 20 pages (s00.png to s19.png), 0% elsewhere")


def test_pages_without_a_template_have_no_drift(tmp_path: Path) -> None:
    refs = [scan(tmp_path, f"s{number:02}.png") for number in range(60)]
    with opened(tmp_path / "out", template=None) as writer:
        for number, ref in enumerate(refs):
            writer.pending([ref])
            writer.add(page(ref, "47" if number < 20 else "41"))
    write_tables(tmp_path / "out")
    assert not (tmp_path / "out" / "drift.csv").exists()


def test_batch_without_drift_has_no_table_of_it(batch: Path) -> None:
    (batch / "drift.csv").write_text("of an earlier day")
    assert read_drifts(batch) == []
    write_tables(batch)
    assert not (batch / "drift.csv").exists()
    assert read_drifts(batch) == []


def test_two_writers_of_one_table_each_write_it_whole(batch: Path) -> None:
    began, waiting = threading.Event(), threading.Event()
    usual = formreader.export.folder._result_rows

    def slow(*of: Any) -> Iterator[list[str]]:
        rows = usual(*of)
        yield next(rows)
        if not began.is_set():
            began.set()
            waiting.wait(10)
        yield from rows

    write_tables(batch)
    whole = (batch / "results.csv").read_bytes()
    (batch / ".results.csv.of a killed call.part").write_text("half")
    os.utime(batch / ".results.csv.of a killed call.part", (1, 1))
    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(1) as other:
        patch.setattr(formreader.export.folder, "_result_rows", slow)
        first = other.submit(write_tables, batch)
        assert began.wait(10)
        write_tables(batch)
        assert (batch / "results.csv").read_bytes() == whole
        waiting.set()
        first.result(10)
    assert (batch / "results.csv").read_bytes() == whole
    assert not list(batch.glob(".*.part"))
