"""A workbook's sheet To review: what it shows, and what becomes of what people type into it."""

from __future__ import annotations

import io
import re
import shutil
import sqlite3
import zipfile
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from PIL import Image
from typer.testing import CliRunner

from formreader.cli import app
from formreader.errors import UnusableCall
from formreader.export import Wish, export_book
from formreader.export import book as workbooks
from formreader.export.to_review import HEADER, SHOWN
from formreader.imported import import_book, workbook
from formreader.store import open_desk, open_results
from formreader.template import load_template
from formreader.values import FieldReading, Match, PageReading
from formreader.workbooks import BookLimits
from tests.drawing_doubts import Card, batch_of
from tests.test_store import opened, scan

CARDS = (
    Card(doubts={("amount", 1): ("4", 0.9, "9", "low_confidence"), ("second", 2): ("?", 0.4, "0", "not_a_digit")}),
    Card({"amount": "048"}, {("amount", 3): ("3", 0.6, "8", "low_confidence")}, "Ann"),
)
"""Flagged: amount and second of the first card, amount and the name of the second."""


@pytest.fixture
def batch(tmp_path: Path) -> Path:
    return batch_of(tmp_path, CARDS)


@pytest.fixture
def book(batch: Path, tmp_path: Path) -> Path:
    export_book(batch, tmp_path / "book.xlsx")
    return tmp_path / "book.xlsx"


def rows_of(book: Path) -> dict[tuple[str, str], int]:
    """Give the row of each field of the sheet."""
    sheet = openpyxl.load_workbook(book)["To review"]
    return {(str(row[0].value), str(row[2].value)): number for number, row in enumerate(sheet, 1) if number > 1}


def filled(book: Path, cells: Mapping[str, Any], then: Callable[[Any], None] = lambda _: None) -> Path:
    """Save the book with cells changed, as a spreadsheet would."""
    opened = openpyxl.load_workbook(book)
    for place, value in cells.items():
        opened["To review"][place] = value
    then(opened)
    opened.save(book.with_name("filled.xlsx"))
    return book.with_name("filled.xlsx")


def says_one_row(book: Path) -> Path:
    """Give a copy whose sheets are said to be of one cell, as programs write them that make a sheet row by row."""
    path = book.with_name("streamed.xlsx")
    with zipfile.ZipFile(book) as given, zipfile.ZipFile(path, "w") as made:
        for name in given.namelist():
            made.writestr(name, re.sub(rb'(<dimension ref=")[^"]+', rb"\1A1", given.read(name)))
    return path


def decided(folder: Path) -> dict[tuple[str, str], tuple[str, str, str]]:
    with open_results(folder) as results:
        return {(one.scan, one.field): (one.who, one.new, one.how) for one in results.corrections() if one.stands}


AMOUNT, SECOND = ("card 1.png", "amount"), ("card 1.png", "second")
OTHER, NAME = ("card 2.png", "amount"), ("card 2.png", "name")


def test_a_row_a_flagged_field_with_its_picture_and_its_scan(book: Path) -> None:
    sheet: Any = openpyxl.load_workbook(book)["To review"]
    rows = [[cell.value for cell in row] for row in sheet.iter_rows(max_col=len(SHOWN))]
    assert tuple(rows[0]) == SHOWN
    assert [(row[0], row[2], row[4]) for row in rows[1:]] == [
        *((*AMOUNT, "482"), (*SECOND, "3?"), (*OTHER, "043"), (*NAME, "")),
    ]
    assert rows[1][7:9] == ["low_confidence", pytest.approx(0.9, abs=0.01)]
    assert {picture.anchor._from.row for picture in sheet._images} == {1, 2, 3, 4}
    shown = Image.open(io.BytesIO(sheet._images[0]._data())).convert("L")
    assert (shown.height > 50, shown.width > 100, min(shown.tobytes()) < 60) == (True, True, True)
    link = sheet["A2"].hyperlink.target
    assert link.lower().startswith("file:///")
    assert link.endswith("/scans/card%201.png")
    assert all(sheet.column_dimensions["K"].hidden for _ in HEADER)
    assert "ok: it is right as read" in sheet["F1"].comment.text
    assert (sheet["F2"].number_format, sheet["E4"].data_type, sheet.freeze_panes) == ("@", "s", "D2")


def test_where_the_scan_is_gone_the_pictures_that_are_kept_are_shown(batch: Path, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "scans")
    export_book(batch, tmp_path / "book.xlsx")
    sheet: Any = openpyxl.load_workbook(tmp_path / "book.xlsx")["To review"]
    assert {picture.anchor._from.row for picture in sheet._images} == {1, 2, 3}
    assert sheet["D5"].value == "the scan is gone"  # of a strip that a person keys nothing is kept


def test_only_so_many_strips_have_a_picture(batch: Path, tmp_path: Path) -> None:
    written = export_book(batch, tmp_path / "book.xlsx", Wish(strips=1))
    sheet: Any = openpyxl.load_workbook(tmp_path / "book.xlsx")["To review"]
    assert (len(sheet._images), sheet["D3"].value) == (1, "the first 1 have a picture")
    assert written.notes == ["Only the first 1 fields to review have a picture; --strips changes that"]


def test_what_is_typed_enters_the_batch_and_the_same_book_again_changes_nothing(batch: Path, book: Path) -> None:
    path = filled(book, {"F2": "ok", "F3": "30", "F4": " 048 ", "F5": "Ann  Lee"})
    done = import_book(batch, path, "Kim")
    assert (done.taken, done.known, done.open, done.refused) == (4, 0, 0, [])
    assert decided(batch) == {
        AMOUNT: ("Kim", "482", "sheet"),
        SECOND: ("Kim", "30", "sheet"),
        OTHER: ("Kim", "048", "sheet"),
        NAME: ("Kim", "Ann Lee", "sheet"),
    }
    again = import_book(batch, path, "Kim")
    assert (again.taken, again.known, again.refused) == (0, 4, [])
    with open_desk(batch) as desk:
        assert len(list(desk.results.corrections())) == 4
        assert desk.undo("Kim", lambda *_: None).how == "sheet"
    assert decided(batch) == {}
    assert import_book(batch, path, "Kim").refused[0].startswith("To review!F2: what was decided here was taken back")


def test_changes_stand_in_the_next_book(batch: Path, book: Path, tmp_path: Path) -> None:
    import_book(batch, filled(book, {"F3": "30"}), "Kim")
    export_book(batch, tmp_path / "next.xlsx")
    sheet = openpyxl.load_workbook(tmp_path / "next.xlsx")["Changes"]
    assert [cell.value for cell in sheet[2]][1:9] == ["Kim", "card 1.png", "1", "second", "3?", "3?", "30", "sheet"]
    assert SECOND not in rows_of(tmp_path / "next.xlsx")


def test_nothing_is_said_by_an_empty_cell_and_blank_by_a_line(batch: Path, book: Path) -> None:
    done = import_book(batch, filled(book, {"F5": "_"}), "Kim")
    assert (done.taken, done.open, decided(batch)) == (1, 3, {NAME: ("Kim", "", "sheet")})


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"F2": "712"}, r"To review!F2: '712' breaks a rule \(at most 500\); .* put yes into To review!G2"),
    ({"F3": "3?"}, r"F3: .*nobody can read.*put yes"),
    ({"F3": "ok"}, r"F3: .*nobody can read.*put yes"),
    ({"F3": "305"}, r"F3: .*room for 2 digits"),
    ({"F2": "4a2"}, r"F2: amount: holds digits"),
    ({"F2": "=400+82"}, r"F2: is a formula; type the value itself"),
    ({"F4": 48}, r"F4: is a number, which may have lost leading zeros"),
    ({"F4": 48.5}, r"F4: is a number"),
    ({"F5": 79123}, r"F5: is a number, which may have lost zeros or digits"),
    ({"F4": datetime(2026, 1, 2)}, r"F4: is a date"),
    ({"G2": "yes"}, r"F2: is empty; type ok if"),
    ({"F2": "482", "G2": "maybe"}, r"G2: say yes here, or leave it empty"),
    ({"F5": "ok"}, r"F5: nothing was read here.*put yes into To review!G5"),
    ({"F5": "Ann 5"}, r"F5: 'Ann 5' breaks a rule"),
    ({"E2": "483", "F2": "ok"}, r"E2: was '482' and is '483' now; what is right belongs into To review!F2"),
    ({"C2": "second", "F2": "ok"}, r"F2: the cells of this row do not belong together"),
    ({"O2": "99", "F2": "ok"}, r"F2: the row's hidden columns were edited"),
    ({"P2": "481", "E2": "481", "F2": "ok"}, r"F2: the row's hidden columns were edited"),
]


@pytest.mark.parametrize(("cells", "words"), REFUSED)
def test_a_mistake_is_refused_with_its_place_and_the_rest_is_taken(
    batch: Path, book: Path, cells: dict[str, Any], words: str
) -> None:
    rest = "F2" if set(cells).isdisjoint({"E2", "F2", "G2"}) else "F4"
    done = import_book(batch, filled(book, {rest: "048" if rest == "F4" else "482", **cells}), "Kim")
    assert done.taken == 1
    assert len(done.refused) == 1
    assert re.search(words, done.refused[0]), done.refused
    assert len(decided(batch)) == 1


def test_what_breaks_a_rule_stands_where_a_person_says_so(batch: Path, book: Path) -> None:
    done = import_book(
        batch, filled(book, {"F2": "712", "G2": "yes", "F3": "3?", "G3": "x", "F5": "ok", "G5": "yes"}), "Kim"
    )
    assert (done.taken, done.refused) == (3, [])
    assert {key: new for key, (_, new, _) in decided(batch).items()} == {AMOUNT: "712", SECOND: "3?", NAME: "ok"}


def test_digits_of_any_script_and_whole_numbers_are_taken(batch: Path, book: Path) -> None:
    import_book(batch, filled(book, {"F2": "\uff14\uff18\uff12", "F3": 30}), "Kim")
    assert [new for _, new, _ in decided(batch).values()] == ["482", "30"]


def test_a_number_is_not_taken_where_zeros_may_stand_before_it(tmp_path: Path) -> None:
    batch = batch_of(tmp_path, [Card(doubts={("code", 1): ("3", 0.5, "9", "low_confidence")})])
    export_book(batch, tmp_path / "book.xlsx")
    place = f"F{rows_of(tmp_path / 'book.xlsx')['card 1.png', 'code']}"
    assert import_book(batch, filled(tmp_path / "book.xlsx", {place: 3141}), "Kim").taken == 0
    assert import_book(batch, filled(tmp_path / "book.xlsx", {place: 103141}), "Kim").taken == 1


def test_ok_is_asked_about_where_it_is_an_option_too(tmp_path: Path) -> None:
    (tmp_path / "card.toml").write_text(
        '[form]\nname = "card"\nwidth = 400\nheight = 300\ndpi = 100\n'
        'markers = { kind = "squares", centres = [[10, 10], [390, 10], [390, 290], [10, 290]], size = 12 }\n'
        '[[field]]\nname = "id"\nboxes = [[40, 40, 30, 40], [70, 40, 30, 40]]\n'
        '[[field]]\nname = "state"\nkind = "choice"\noptions = ["OK", "broken"]\n'
        "boxes = [[40, 120, 20, 20], [90, 120, 20, 20]]\n"
    )
    form = load_template(tmp_path / "card.toml")
    ref = scan(tmp_path, "a.png")
    read = FieldReading("state", "broken", 0.5, ("unsure_mark",), kind="choice")
    with opened(tmp_path / "out", template=form) as batch:
        batch.pending([ref])
        batch.add(PageReading(ref, "card", Match(0.9, "reference"), (FieldReading("id", "12", 1.0), read), ()))
    export_book(tmp_path / "out", tmp_path / "book.xlsx")
    (refused,) = import_book(tmp_path / "out", filled(tmp_path / "book.xlsx", {"F2": "ok"}), "Kim").refused
    assert "type 'broken' if that is right, or put yes into To review!G2" in refused
    import_book(tmp_path / "out", filled(tmp_path / "book.xlsx", {"F2": "ok", "G2": "yes"}), "Kim")
    assert decided(tmp_path / "out") == {("a.png", "state"): ("Kim", "OK", "sheet")}


def test_what_changed_since_the_book_was_written_is_not_overwritten(batch: Path, book: Path) -> None:
    with open_desk(batch) as desk, desk.act("Ann", "field") as act:
        for page in list(desk.results.pages())[:1]:
            act.say("decisions", (page.sha256, 1, "amount"), "482", "487")
    batch_of(batch.parent, CARDS[1:], first=3)
    with closing(sqlite3.connect(batch / "batch.sqlite")) as made, made:  # the second card is read anew
        names = [row[1] for row in made.execute("PRAGMA table_info(readings)")][1:]
        made.execute(f"INSERT INTO readings ({', '.join(names)}) SELECT {', '.join(names)} FROM readings WHERE id = 2")
    done = import_book(batch, filled(book, {"F2": "482", "F3": "30", "F4": "048"}), "Kim")
    assert done.taken == 1
    assert sorted(done.refused) == [
        "To review!F2: Ann decided '487' here since; export the book again and look at it",
        "To review!F4: the page was read anew since; export the book again and look at it",
    ]


def test_a_book_of_another_batch_is_refused_as_a_whole(book: Path, tmp_path: Path) -> None:
    other = batch_of(tmp_path / "other", [Card({"amount": "101"}, {("amount", 1): ("1", 0.9, "7", "low_confidence")})])
    with pytest.raises(UnusableCall, match="was exported from another batch"):
        import_book(other, filled(book, {"F2": "482"}), "Kim")


def test_sorted_rows_and_columns_of_ones_own_are_understood(batch: Path, book: Path) -> None:
    def turned(opened: Any) -> None:
        sheet = opened["To review"]
        rows = [[cell.value for cell in row] for row in sheet.iter_rows(min_row=2)]
        for number, row in enumerate(reversed(rows), 2):
            for place, value in enumerate(row, 1):
                sheet.cell(number, place).value = value
        sheet.insert_cols(1)
        sheet["A1"] = "mine"

    assert import_book(batch, filled(book, {"F2": "481"}, turned), "Kim").taken == 1
    assert decided(batch) == {AMOUNT: ("Kim", "481", "sheet")}


def test_what_is_said_twice_is_taken_once(batch: Path, book: Path) -> None:
    def copied(opened: Any) -> None:
        sheet = opened["To review"]
        for value, number in (("482", 6), ("489", 7)):
            for cell in sheet[2]:
                sheet.cell(number, cell.column).value = cell.value
            sheet.cell(number, 6).value = value

    done = import_book(batch, filled(book, {"F2": "482"}, copied), "Kim")
    assert (done.taken, len(done.refused)) == (1, 1)
    assert "To review!F7: says otherwise of the same field than To review!F2" in done.refused[0]


def test_rows_beyond_the_size_that_a_sheet_says_it_has_are_taken(batch: Path, book: Path) -> None:
    path = says_one_row(filled(book, {"F2": "482", "F3": "30"}))
    done = import_book(batch, path, "Kim")
    assert (done.taken, done.refused) == (2, [])


def test_unusable_files_are_refused_before_anything_is_done(batch: Path, book: Path, tmp_path: Path) -> None:
    (tmp_path / "text.xlsx").write_text("no book")
    with zipfile.ZipFile(tmp_path / "doctype.xlsx", "w") as made:
        made.writestr("xl/workbook.xml", "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>")
    with zipfile.ZipFile(tmp_path / "bomb.xlsx", "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("xl/sharedStrings.xml", "0" * (20 << 20))
    without = filled(book, {"K1": "another"})
    shutil.copy(without, tmp_path / "without.xlsx")
    other = filled(book, {}, lambda opened: opened.remove(opened["To review"]))
    for path, words in (
        (tmp_path / "absent.xlsx", "no workbook that can be read"),
        (tmp_path / "text.xlsx", "no workbook that can be read"),
        (tmp_path / "doctype.xlsx", "has a DOCTYPE"),
        (tmp_path / "bomb.xlsx", r"too large to be opened safely \(xl/sharedStrings.xml\)"),
        (tmp_path / "without.xlsx", r"has not each of its columns once \('batch'\)"),
        (other, "has no sheet 'To review'"),
    ):
        with pytest.raises(UnusableCall, match=words):
            import_book(batch, path, "Kim")
    with pytest.raises(UnusableCall, match=r"too large to be opened safely \([0-9]+ parts\)"):
        list(workbook.rows_of(book, BookLimits(parts=3)))
    assert decided(batch) == {}


def test_the_command_says_what_it_took_and_what_not(batch: Path, book: Path) -> None:
    path = filled(book, {"F2": "712", "F3": "30"})
    result = CliRunner().invoke(app, ["import", str(batch), str(path), "--user", "Kim"])
    assert result.exit_code == 1
    assert "To review!F2: '712' breaks a rule" in result.output
    assert "1 field decided by Kim, 0 known before, 2 not said, 1 refused" in result.output
    assert CliRunner().invoke(app, ["import", str(batch), str(filled(book, {})), "--user", "Kim"]).exit_code == 0
    assert CliRunner().invoke(app, ["import", str(batch), str(batch / "batch.sqlite")]).exit_code == 2


def test_rows_beyond_a_sheet_go_on_in_the_next(batch: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("formreader.export.book", "formreader.export.to_review"):
        monkeypatch.setattr(f"{module}.LARGEST_SHEET", (2, 100))
    written = export_book(batch, tmp_path / "book.xlsx")
    book = openpyxl.load_workbook(tmp_path / "book.xlsx")
    assert book.sheetnames[:6] == ["Results", "Results 2", "To review", "To review 2", "To review 3", "To review 4"]
    assert book["Results 2"]["A2"].value == "card 2.png"
    assert "'Results' has more rows than the 2 of a sheet, and goes on in 1 more: 'Results 2', ..." in written.notes
    book["To review 2"]["F2"] = "30"
    book.save(tmp_path / "filled.xlsx")
    assert import_book(batch, tmp_path / "filled.xlsx", "Kim").taken == 1


def test_flagged_cells_beyond_a_number_are_coloured_only(
    batch: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workbooks, "COMMENTS", 1)
    written = export_book(batch, tmp_path / "book.xlsx")
    sheet = openpyxl.load_workbook(tmp_path / "book.xlsx")["Results"]
    flagged = [cell for row in sheet for cell in row if cell.fill.fgColor.rgb == "FFFFD966"]
    assert (len(flagged), sum(cell.comment is not None for cell in flagged)) == (4, 1)
    assert written.notes == ["Only the first 1 flagged cells have a comment; the others are coloured only"]


def test_the_book_says_what_it_was_made_of(book: Path) -> None:
    said = {row[0].value: row[1].value for row in openpyxl.load_workbook(book)["About"]}
    assert (
        said["Fields of digits"] == "7 accepted as read, 4 to review (fields to key among these), 0 decided by people"
    )
    assert said["Form"].startswith("card; template ")
    assert said["Rows"] == "2 review"
    assert "not known: read with a threshold" in said["Expected accuracy"]
