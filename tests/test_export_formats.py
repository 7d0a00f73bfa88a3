"""Results in the formats that other people's programs read, opened with those programs' own readers."""

from __future__ import annotations

import csv
import json
import shutil
import sqlite3
import sys
from contextlib import closing
from dataclasses import replace
from datetime import date, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import openpyxl
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st
from odf.opendocument import load as load_ods
from odf.table import Table as OdsTable
from odf.table import TableCell, TableRow
from typer.testing import CliRunner, Result

import formreader
from formreader.cli import app
from formreader.errors import UnusableCall
from formreader.export import ENDINGS, Wish, export_book, formats
from formreader.export.csv_files import PLAIN
from formreader.export.locales import USUAL, habit_of
from formreader.export.shape import Column, Line, Table, text_table
from formreader.store import open_desk
from formreader.template import load_template
from formreader.values import CLASSES, Box, DigitReading, FieldReading, Match, PageFailure, PageReading, PageRef
from tests.test_store import SQUARE, opened, scan

TEMPLATE = """\
[form]
name = "visit"
width = 400
height = 300
dpi = 300
[form.markers]
kind = "squares"
centres = [[20, 20], [380, 20], [380, 280], [20, 280]]
size = 20

[[field]]
name = "id"
boxes = [[40, 40, 20, 20], [60, 40, 20, 20], [80, 40, 20, 20]]

[[field]]
name = "age"
boxes = [[40, 80, 20, 20], [60, 80, 20, 20], [80, 80, 20, 20]]
min = 0
max = 120

[[field]]
name = "weight"
boxes = [[40, 120, 20, 20], [60, 120, 20, 20], [80, 120, 20, 20]]
decimals = 1

[[field]]
name = "born"
boxes = [[40, 160, 20, 20], [60, 160, 20, 20], [80, 160, 20, 20], [100, 160, 20, 20], [120, 160, 20, 20],
    [140, 160, 20, 20], [160, 160, 20, 20], [180, 160, 20, 20]]
date = "DDMMYYYY"

[[field]]
name = "at"
boxes = [[40, 200, 20, 20], [60, 200, 20, 20], [80, 200, 20, 20], [100, 200, 20, 20]]
date = "HHMM"
"""
ROWS = (
    ("a.png", {"id": "007", "age": "42", "weight": "7.5", "born": "01022020", "at": "0930"}, ""),
    ("b.png", {"id": "012", "age": "4?", "weight": "", "born": "31022020", "at": "2460"}, "age"),
    ("c.png", {"id": "007", "age": "120", "weight": "12.0", "born": "24121899", "at": "2359"}, ""),
)


def a_page(ref: PageRef, values: dict[str, str], flagged: str = "", form: str = "visit") -> PageReading:
    def one(name: str, value: str) -> FieldReading:
        return FieldReading(name, value, 0.9876, ("low_confidence",) if name == flagged else ())

    digits = tuple(
        DigitReading(Box(name, place, SQUARE), digit, 0.99, np.zeros(len(CLASSES), np.float32))
        for name, value in values.items()
        for place, digit in enumerate(value.replace(".", ""), 1)
        if digit.isdigit()
    )
    return PageReading(ref, form, Match(0.9, "markers"), tuple(one(*item) for item in values.items()), digits)


@pytest.fixture(scope="module")
def batch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a batch of three filled forms and a damaged scan, whose template lies beside it."""
    folder = tmp_path_factory.mktemp("formats")
    (folder / "visit.toml").write_text(TEMPLATE, "utf-8")
    with opened(folder / "out", template=load_template(folder / "visit.toml")) as writer:
        refs = [scan(folder, name) for name, _, _ in ROWS]
        broken = scan(folder, "no.png")
        writer.pending([*refs, broken])
        for ref, (_, values, flagged) in zip(refs, ROWS, strict=True):
            writer.add(a_page(ref, values, flagged))
        writer.add(PageFailure(broken, "scans", "=no image"))
    return folder / "out"


def table(path: Path, delimiter: str = ",") -> list[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file, delimiter=delimiter))


def exported(batch: Path, target: Path, **wish: Any) -> Path:
    export_book(batch, target, Wish(**wish))
    return target


def read_ods(path: Path, name: str) -> list[list[tuple[str, str]]]:
    """Give type and text of each cell of a sheet."""
    (sheet,) = (one for one in load_ods(path).getElementsByType(OdsTable) if one.getAttribute("name") == name)
    return [
        [(cell.getAttribute("valuetype"), str(cell)) for cell in row.getElementsByType(TableCell)]
        for row in sheet.getElementsByType(TableRow)
    ]


IDS = ["007", "012", "007"]


def test_every_format_has_the_same_rows_and_keeps_zeros(batch: Path, tmp_path: Path) -> None:
    assert table(exported(batch, tmp_path / "a.tsv"), "\t")[1][4] == "007"
    rows = json.loads(exported(batch, tmp_path / "a.json").read_text("utf-8"))
    lines = exported(batch, tmp_path / "a.jsonl").read_text("utf-8").splitlines()
    assert rows == list(map(json.loads, lines))
    assert rows[0] == {"scan": "a.png", "page": 1, "status": "read", "review": "", **ROWS[0][1]}
    assert rows[3] == {"scan": "no.png", "page": 1, "status": "failed", "review": "", **dict.fromkeys(ROWS[0][1])}
    frame = pyarrow.parquet.read_table(exported(batch, tmp_path / "a.parquet")).to_pylist()
    assert frame == rows
    with closing(sqlite3.connect(exported(batch, tmp_path / "a.sqlite"))) as made:
        assert [row[0] for row in made.execute("SELECT id FROM results LIMIT 3")] == IDS
        assert made.execute("SELECT page + 1, reason FROM results JOIN failed USING (scan, page)").fetchone()[1]
    cells = read_ods(exported(batch, tmp_path / "a.ods"), "Results")
    assert [row[4] for row in cells[1:4]] == [("string", text) for text in IDS]
    assert read_ods(tmp_path / "a.ods", "Failed")[1][3] == ("string", "=no image")


def test_csv_is_rfc_4180_and_says_that_it_is_utf_8_when_asked(batch: Path, tmp_path: Path) -> None:
    text = exported(batch, tmp_path / "a.csv").read_bytes()
    assert text.count(b"\r\n") == text.count(b"\n") == 5
    assert exported(batch, tmp_path / "b.csv", excel=True).read_bytes() == b"\xef\xbb\xbf" + text


def test_a_row_a_field_and_a_row_a_box(batch: Path, tmp_path: Path) -> None:
    long = table(exported(batch, tmp_path / "a.csv", shape="long"))
    assert long[0] == ["scan", "page", "form", "field", "value", "confidence", "reasons", "status", "suggestion"]
    assert long[7] == ["b.png", "1", "visit", "age", "4?", "0.9876", "low_confidence", "review", ""]
    assert len(long) == 1 + 15
    digits = json.loads(exported(batch, tmp_path / "a.json", shape="digits").read_text("utf-8"))
    assert digits[0] == {
        "scan": "a.png",
        "page": 1,
        "field": "id",
        "position": 1,
        "digit": "0",
        "confidence": 0.99,
        "needs_review": False,
        "reason": "",
        "x": 0,
        "y": 0,
        "width": 10,
        "height": 10,
    }
    assert [row["field"] for row in digits if row["needs_review"]] == ["age"]


def test_columns_are_chosen_and_a_wrong_name_is_told_with_the_nearest(batch: Path, tmp_path: Path) -> None:
    assert table(exported(batch, tmp_path / "a.csv", columns=("age", "scan")))[:2] == [["age", "scan"], ["42", "a.png"]]
    with pytest.raises(UnusableCall, match=r"no such column: 'wieght' \(did you mean 'weight'\?\)"):
        exported(batch, tmp_path / "b.csv", columns=("wieght",))
    assert not (tmp_path / "b.csv").exists()


def test_only_rows_that_nobody_needs_to_look_at(batch: Path, tmp_path: Path) -> None:
    rows = table(exported(batch, tmp_path / "a.csv", only_reviewed=True))
    assert [row[0] for row in rows[1:]] == ["a.png", "c.png"]


def test_only_rows_since_a_run_or_a_date(tmp_path: Path) -> None:
    refs = [scan(tmp_path, name) for name in ("a.png", "b.png")]
    for ref in refs:
        with opened(tmp_path / "out") as writer:
            writer.pending([ref])
            writer.add(a_page(ref, {"id": "7"}))
    for since, wanted in (("1", 2), ("2", 1), ("2020-01-01", 2), ("2100-01-01", 0)):
        assert len(table(exported(tmp_path / "out", tmp_path / "a.csv", since=since))) == 1 + wanted
    for since in ("3", "0", "yesterday"):
        with pytest.raises(UnusableCall, match=r"no such run; this batch has 1 of 20.*, 2 of 20.* date such as"):
            exported(tmp_path / "out", tmp_path / "b.csv", since=since)


TYPED = {"age": [42, "4?", 120], "weight": [7.5, None, 12.0], "at": ["09:30", "2460", "23:59"]}


def test_numbers_and_dates_where_the_template_says_so(batch: Path, tmp_path: Path) -> None:
    written = export_book(batch, tmp_path / "a.json", Wish(types="template"))
    rows = json.loads((tmp_path / "a.json").read_text("utf-8"))
    assert {name: [row[name] for row in rows[:3]] for name in TYPED} == TYPED
    assert [row["id"] for row in rows[:3]] == IDS
    assert [row["born"] for row in rows[:3]] == ["2020-02-01", "31022020", "24121899"]
    assert table(tmp_path / "a-as-text.csv") == [
        ["scan", "page", "field", "value", "why"],
        ["b.png", "1", "age", "4?", "no number"],
        ["b.png", "1", "born", "31022020", "no date"],
        ["b.png", "1", "at", "2460", "no time of day"],
        ["c.png", "1", "born", "24121899", "a day before March 1900"],
    ]
    assert written.notes == ["4 values are no number or date and stay text; see 'as text'"]
    kinds = pyarrow.parquet.read_schema(exported(batch, tmp_path / "a.parquet", types="template"))
    assert [str(kinds.field(name).type) for name in ("id", "age", "weight", "born", "at")] == [
        *("string", "int64", "double", "date32[day]", "time32[ms]")
    ]
    sheet = openpyxl.load_workbook(exported(batch, tmp_path / "a.xlsx", types="template"))["Results"]
    assert [cell.value for cell in sheet[2]][4:] == ["007", 42, 7.5, sheet["H2"].value, time(9, 30)]
    assert (sheet["H2"].value.date(), sheet["H3"].value, sheet["F3"].fill.fgColor.rgb) == (
        *(date(2020, 2, 1), "31022020", "FFFFD966"),
    )


def test_a_locale_writes_numbers_and_dates_as_its_people_do(batch: Path, tmp_path: Path) -> None:
    first = table(exported(batch, tmp_path / "a.csv", locale="de_DE", types="template"), ";")[1]
    assert first[4:] == ["007", "42", "7,5", "01.02.2020", "09:30"]
    assert table(exported(batch, tmp_path / "b.csv", locale="de-DE"), ";")[1][4:8] == ["007", "42", "7,5", "01022020"]
    assert table(exported(batch, tmp_path / "c.csv", locale="en_US", types="template"))[1][6:8] == ["7.5", "2/1/2020"]
    sheet = openpyxl.load_workbook(exported(batch, tmp_path / "a.xlsx", locale="de_DE", types="template"))["Results"]
    assert sheet["H2"].number_format == "dd.mm.yyyy"
    with pytest.raises(UnusableCall, match="no such locale"):
        habit_of("deutsch")


def test_what_does_not_go_together_is_refused(batch: Path, tmp_path: Path) -> None:
    refused: list[tuple[str, dict[str, Any], str]] = [
        ("a.json", {"excel": True}, "--excel is for .csv"),
        ("a.parquet", {"locale": "de_DE"}, "--locale is for .csv"),
        ("a.csv", {"on": "id"}, "go together"),
        ("a.csv", {"join": Path("x.csv"), "on": "id", "shape": "digits"}, "--join with --digits"),
        ("a.csv", {"types": "template", "shape": "long"}, "--types template with --long"),
        ("a.csv", {"join": tmp_path / "absent.csv", "on": "id"}, "cannot be read"),
        ("a.csv", {"join": tmp_path / "absent.csv", "on": "ide"}, "did you mean 'id'"),
    ]
    for name, wish, words in refused:
        with pytest.raises(UnusableCall, match=words):
            exported(batch, tmp_path / name, **wish)
    assert list(tmp_path.iterdir()) == []


def test_a_list_stands_beside_the_rows_and_what_does_not_fit_is_listed(batch: Path, tmp_path: Path) -> None:
    people = tmp_path / "people.csv"
    people.write_text("number;name;status\n007;'=Ann;in\n7;Nobody;in\n012;Ben;in\n012;Bob;out\n", "utf-8")
    written = export_book(batch, tmp_path / "a.csv", Wish(join=people, on="id=number"))
    rows = table(tmp_path / "a.csv")
    assert rows[0][:8] == ["scan", "page", "status", "review", "joined", "name", "list.status", "id"]
    assert [row[4:7] for row in rows[1:]] == [
        ["yes", "'=Ann", "in"],
        ["double", "", ""],
        ["yes", "'=Ann", "in"],
        [""] * 3,
    ]
    assert table(tmp_path / "a-absent.csv") == [["number", "name", "status"], ["7", "Nobody", "in"]]
    assert [row[:4] for row in table(tmp_path / "a-double.csv")[1:]] == [
        *(["list", "012", "", ""], ["list", "012", "", ""], ["forms", "007", "a.png", "1"]),
        ["forms", "007", "c.png", "1"],
    ]
    assert not (tmp_path / "a-unknown.csv").exists()
    assert written.notes == [f"Joined with {people}: 1 absent, 0 unknown, 4 double"]
    book = openpyxl.load_workbook(exported(batch, tmp_path / "a.xlsx", join=people, on="id=number"))
    assert [cell.value for cell in book["Absent"][2]] == ["7", "Nobody", "in"]
    assert book["Results"]["F2"].value == "=Ann", "the mark that a list of ours has before it is off"


def test_a_key_in_doubt_joins_but_is_marked_and_an_unknown_one_is_listed(batch: Path, tmp_path: Path) -> None:
    ages = tmp_path / "ages.csv"
    ages.write_text("age,word\n4?,forty\n42,two\n", "utf-8")
    export_book(batch, tmp_path / "a.csv", Wish(join=ages, on="age"))
    assert [row[4:6] for row in table(tmp_path / "a.csv")[1:4]] == [
        ["yes", "two"],
        ["unsure", "forty"],
        ["unknown", ""],
    ]
    assert table(tmp_path / "a-unknown.csv")[1:] == [["120", "c.png", "1", "read"]]


def test_a_point_in_a_text_is_no_decimal_sign_in_any_country(tmp_path: Path) -> None:
    ref = scan(tmp_path, "a.png")
    lot, weight = FieldReading("lot", "1.20", 1.0, kind="barcode"), FieldReading("weight", "1.20", 1.0)
    with opened(tmp_path / "out") as writer:
        writer.pending([ref])
        writer.add(PageReading(ref, "exam", Match(0.9, "markers"), (lot, weight), ()))
    rows = table(exported(tmp_path / "out", tmp_path / "a.csv", locale="de_DE", columns=("weight", "lot")), ";")
    assert rows == [["weight", "lot"], ["1,20", "1.20"]]
    rows = table(exported(tmp_path / "out", tmp_path / "l.csv", locale="de_DE", shape="long"), ";")
    assert {row[3]: row[4] for row in rows[1:]} == {"lot": "1.20", "weight": "1,20"}


NASTY = st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=9), min_size=2, max_size=2)


@given(st.lists(NASTY, max_size=4))
def test_what_is_written_to_tables_comes_back(tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]]) -> None:
    folder = tmp_path_factory.mktemp("t")

    def made() -> Any:
        return text_table("t", ["=a", 'b"'], rows)

    formats.write_json(folder / "a.json", made())
    assert [list(row.values()) for row in json.loads((folder / "a.json").read_text("utf-8"))] == rows
    formats.write_parquet(folder / "a.parquet", made())
    assert [list(row.values()) for row in pyarrow.parquet.read_table(folder / "a.parquet").to_pylist()] == rows
    formats.write_sqlite(folder / "a.sqlite", [made(), made()])
    with closing(sqlite3.connect(folder / "a.sqlite")) as stored:
        assert [list(row) for row in stored.execute('SELECT * FROM "t 2"')] == rows
    formats.write_csv(folder / "a.csv", made(), PLAIN, USUAL)
    assert not any(cell[:1] in "=+-@\t\r" and cell for row in table(folder / "a.csv") for cell in row)


def test_a_text_in_a_column_of_numbers_stays_text_in_a_database(tmp_path: Path) -> None:
    columns = (Column("account", "whole"), Column("weight", "number"))
    lines = [Line(["12345678901234567890", "1.50"]), Line([7, Decimal("1.5")])]
    formats.write_sqlite(tmp_path / "a.sqlite", [Table("t", columns, lines)])
    with closing(sqlite3.connect(tmp_path / "a.sqlite")) as made:
        assert made.execute("SELECT * FROM t").fetchall() == [("12345678901234567890", "1.50"), (7, 1.5)]


def test_letters_that_no_xml_can_hold_do_not_spoil_a_sheet(tmp_path: Path) -> None:
    formats.write_ods(tmp_path / "a.ods", [text_table("t", ["a\x0b"], [["1\x00\r2\r\n3\ufffe  4\U0001f600"]])])
    cells = read_ods(tmp_path / "a.ods", "t")
    assert cells[0][0][1] == "a\ufffd"
    assert cells[1][0][1].replace("\n", "") == "1\ufffd23\ufffd  4\U0001f600"


def test_a_sheet_in_memory_is_refused_where_it_is_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "MOST_ODS_CELLS", 5)
    with pytest.raises(UnusableCall, match=r"export to \.xlsx"):
        formats.write_ods(tmp_path / "a.ods", [text_table("t", ["a", "b"], [["1", "2"]] * 3)])
    assert list(tmp_path.iterdir()) == []


def test_a_missing_library_is_named_with_what_installs_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("pyarrow", "odf", "babel"):
        monkeypatch.setitem(sys.modules, module, None)
    for call, extra in (
        (lambda: formats.write_parquet(tmp_path / "a.parquet", text_table("t", ["a"], [])), "parquet"),
        (lambda: formats.write_ods(tmp_path / "a.ods", [text_table("t", ["a"], [["1"]])]), "ods"),
        (lambda: habit_of("de_DE"), "locale"),
    ):
        with pytest.raises(UnusableCall, match=rf"formreader\[{extra}\]"):
            call()
    assert list(tmp_path.iterdir()) == []


def test_pictures_of_fields_stand_in_the_workbook_and_beside_other_files(tmp_path: Path) -> None:
    ref = scan(tmp_path, "a.png")
    webp = cv2.imencode(".webp", np.full((40, 160, 3), 200, np.uint8))[1].tobytes()
    kind: Any = "image"
    signed = FieldReading("signed", "written", 0.99, kind=kind)
    with opened(tmp_path / "out") as writer:
        writer.pending([ref])
        writer.add(replace(a_page(ref, {"id": "7"}), fields=(signed,), pictures={("signed", 1): webp}))
    (row,) = json.loads(exported(tmp_path / "out", tmp_path / "a.json").read_text("utf-8"))
    assert (tmp_path / row["signed"]).read_bytes() == webp
    assert row["signed"].startswith("a-images/a.png-1-")
    sheet: Any = openpyxl.load_workbook(exported(tmp_path / "out", tmp_path / "a.xlsx"))["Results"]
    (picture,) = sheet._images
    assert (picture.anchor._from.row, sheet.cell(1, picture.anchor._from.col + 1).value) == (1, "signed")


def test_pandas_in_two_lines(batch: Path, tmp_path: Path) -> None:
    batch = shutil.copytree(batch, tmp_path / "out")
    frames = formreader.load_results(batch)
    assert frames.results.loc[frames.results["status"] == "read", "id"].tolist() == ["007", "007"]
    assert {name: str(kind) for name, kind in frames.results.dtypes.items()} == {
        "scan": "string",
        "page": "Int64",
        "status": "category",
        "review": "string",
        **dict.fromkeys(ROWS[0][1], "string"),
    }
    assert frames.results["id"].isna().tolist() == [False, False, False, True]
    assert frames.fields.groupby("field", observed=True)["confidence"].mean()["id"] == pytest.approx(0.9876)
    assert frames.digits["needs_review"].sum() == 1
    assert frames.failed["reason"].tolist() == ["=no image"]
    typed = formreader.load_results(batch, types="template").results
    assert [str(typed[name].dtype) for name in ("age", "weight", "born")] == ["Int64", "Float64", "datetime64[s]"]
    assert typed["age"].isna().tolist() == [False, True, False, True]
    with open_desk(batch) as desk, desk.act("Ann", "field") as act:
        page = next(desk.results.pages())
        act.say("decisions", (page.sha256, 1, "id"), "007", "008")
    again = formreader.load_results(batch)
    assert (again.results["id"][0], again.changes["new"].tolist(), again.changes["stands"].tolist()) == (
        *("008", ["008"], [True]),
    )


def test_every_ending_is_written(batch: Path, tmp_path: Path) -> None:
    for ending in ENDINGS:
        written = export_book(batch, tmp_path / f"a{ending}")
        assert (written.rows, written.files) == (4, [tmp_path / f"a{ending}"])
    assert Line(["a"]).comments == {}


def test_the_command_passes_on_what_is_asked_and_refuses_it_for_the_folder(batch: Path, tmp_path: Path) -> None:
    def called(*more: str) -> Result:
        return CliRunner().invoke(app, ["export", str(batch), *more])

    asked = called("-o", str(tmp_path / "a.tsv"), "--long", "--columns", "field, value", "--only-reviewed", "--excel")
    assert (asked.exit_code, asked.output) == (0, f"Written to {tmp_path / 'a.tsv'}\n")
    assert table(tmp_path / "a.tsv", "\t")[:2] == [["field", "value"], ["id", "007"]]
    called("-o", str(tmp_path / "b.json"), "--digits")
    assert json.loads((tmp_path / "b.json").read_text("utf-8"))[0]["position"] == 1
    for more in (["--long"], ["--since", "1"], ["--columns", "id"], ["--corrections", "--excel"]):
        refused = called(*more)
        assert (refused.exit_code, "name a file of its own with -o" in " ".join(refused.output.split())) == (2, True)
    assert called("-o", str(tmp_path / "c.csv"), "--long", "--digits").exit_code == 2
