"""Batches of a form of two pages, stored without pictures: what their tables say."""

from __future__ import annotations

import csv
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import openpyxl
import pytest

from formreader.batch_forms import forms_of
from formreader.errors import BatchError
from formreader.export import export_book, write_tables
from formreader.printed import PrintedCode, as_text
from formreader.review import failed
from formreader.review import table as grid
from formreader.review.rows import Wanted
from formreader.review.state import Review
from formreader.rules import Across, Term
from formreader.served.calls import Refused
from formreader.status import as_json, as_lines, status_of
from formreader.store import open_batch, open_desk
from formreader.template import Field, Template
from formreader.values import Code, FieldReading, Match, PageAnswer, PageFailure, PageReading, PageRef, PageSkipped

BOX = ((10.0, 10.0, 20.0, 30.0),)
CHECK = Across("compare", (Term("age"),), "<=", (Term("total"),))
FIELDS = {1: ("id", "age"), 2: ("id", "total")}


def sheets(gather: str, form: str = "visit", checks: tuple[Across, ...] = ()) -> list[Template]:
    return [
        Template(
            *(f"{form}#{page}", 300, 400, 72.0, tuple(Field(name, BOX) for name in names)),
            page=page,
            pages=2,
            gather=gather,
            across_pages=checks,
        )
        for page, names in FIELDS.items()
    ]


def read(what: str, nth: int, form: str = "visit") -> PageAnswer:
    """Make the answer that a few letters stand for.

    ``a1``: page 1 of person a's form, whose number is 10, of b 11, ...; ``a1?``: of which that is not sure; ``a1*``:
    with a code on it; ``!`` failed; ``_`` blank; ``c`` a card.
    """
    ref = PageRef(Path(f"/scans/{nth:02}.png"), 1, f"{nth:02}.png", f"{nth:064}")
    if what == "!":
        return PageFailure(ref, "align", "no form")
    if what == "_":
        return PageSkipped(ref, "blank")
    if what == "c":
        return PageReading(ref, "card", Match(1.0, "reference"), (FieldReading("number", "7", 1.0),), ())
    who, page = what[0], int(what[1])
    doubts = ("low_confidence",) if what.endswith("?") else ()
    values = {"id": str(ord(who) - ord("a") + 10), "age": "30", "total": "20"}
    fields = [FieldReading(name, values[name], 1.0, doubts if name == "id" else ()) for name in FIELDS[page]]  # type: ignore[arg-type]
    codes = (Code("qr", as_text(PrintedCode(form, page, f"{who}7"))),) if what.endswith("*") else ()
    return PageReading(ref, f"{form}#{page}", Match(1.0, "reference"), tuple(fields), (), codes=codes)


@contextmanager
def stored(folder: Path, line: str, templates: Sequence[Template]) -> Iterator[Path]:
    told = {"model_fingerprint": "m", "model_name": "m", "settings": {}}
    with open_batch(folder, templates=templates, **told) as batch:  # type: ignore[arg-type]
        for nth, what in enumerate(line.split()):
            answer = read(what, nth)
            batch.pending([answer.ref])
            batch.add(answer)
    write_tables(folder)
    yield folder


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def lines(path: Path) -> list[str]:
    return [",".join(row.values()) for row in table(path)]


def test_tables_of_a_form_of_two_pages(tmp_path: Path) -> None:
    with stored(tmp_path / "out", "a1 a2 b1 ! c1 c2 _", sheets("sequence", checks=(CHECK,))) as out:
        assert lines(out / "results.csv") == [
            "00.png,1,review,age total,10,30,20",
            "02.png,1,review,total,11,30,",
            "03.png,1,failed,,,,",
            "04.png,1,review,age total,12,30,20",
            "06.png,1,skipped,,,,",
        ]
        assert lines(out / "missing.csv") == ["02.png,1,visit,2,03.png stands in its place and failed"]
        assert lines(out / "rules.csv") == [
            f"{scan},1,{name},compare,age <= total,error,{value},"
            for scan in ("00.png", "04.png")
            for name, value in (("age", "30"), ("total", "20"))
        ]
        assert [line.split(",")[-1] for line in lines(out / "pages.csv")] == [
            *("visit#1", "visit#2", "visit#1", "", "visit#1", "visit#2", "")
        ]
        status = status_of(out)
        assert status.forms == ("visit",)
        assert "'visit': 2 filled forms with all pages, 1 that lacks pages" in list(as_lines(status))
        assert as_json(status)["filled_forms"] == [{"form": "visit", "complete": 2, "lacking": 1, "doubled": 0}]
        export_book(out, tmp_path / "book.xlsx")
        book = openpyxl.load_workbook(tmp_path / "book.xlsx")
        assert [cell.value for cell in book["Results"][3]] == ["02.png", 1, "review", "total", "11", "30", ""]
        assert "page_missing" in book["Results"]["G3"].comment.text


def test_each_form_has_one_table_whatever_its_pages(tmp_path: Path) -> None:
    card = Template("card", 300, 400, 72.0, (Field("number", BOX),))
    with stored(tmp_path / "out", "a1 a2 c b1 ! b2", [*sheets("sequence"), card]) as out:
        assert lines(out / "results-card.csv") == ["02.png,1,read,,7"]
        assert lines(out / "results-visit.csv") == [
            "00.png,1,read,,10,30,20",
            "03.png,1,review,total,11,30,",
            "05.png,1,review,age,11,,20",
        ]
        assert sorted(path.name for path in out.glob("results*")) == ["results-card.csv", "results-visit.csv"]


def test_codes_hold_pages_together_wherever_they_lie(tmp_path: Path) -> None:
    with stored(tmp_path / "out", "a2* b1* a1* c1 b2* b2*", sheets("qr")) as out:
        assert lines(out / "results.csv") == [
            "02.png,1,read,,10,30,20",
            "01.png,1,review,id age total,11,30,20",
            "05.png,1,review,id age total,11,,20",
            "03.png,1,review,total,12,30,",
        ]
        assert lines(out / "missing.csv") == [
            "01.png,1,visit,,05.png is page 2 of the form too",
            "05.png,1,visit,1,which pages go with it, or with 04.png, is not known",
            "05.png,1,visit,,04.png is page 2 of the form too",
            "03.png,1,visit,2,the page that is there has no QR code that could be read, or several",
        ]


def test_a_field_holds_pages_together_once_it_is_sure(tmp_path: Path) -> None:
    with stored(tmp_path / "out", "a1 b2 b1? a2", sheets("field:id")) as out:
        assert lines(out / "results.csv") == [
            "00.png,1,read,,10,30,20",
            "01.png,1,review,age,11,,20",
            "02.png,1,review,id total,11,30,",
        ]
        with closing(sqlite3.connect(out / "batch.sqlite")) as file, file:
            file.execute(
                "INSERT INTO decisions (at, who, sha256, page, field, old, new, how)"
                " VALUES ('2026-01-01', 'Ann', ?, 1, 'id', '11', '11', 'field')",
                (f"{2:064}",),
            )
        write_tables(out)
        assert lines(out / "results.csv") == ["00.png,1,read,,10,30,20", "02.png,1,checked,,11,30,20"]
        assert not (out / "missing.csv").exists()


@pytest.mark.parametrize("first", ["sequence", "qr"])
def test_the_way_of_gathering_is_that_of_the_last_run(tmp_path: Path, first: str) -> None:
    with stored(tmp_path / "out", "a1 b2", sheets(first)):
        pass
    with stored(tmp_path / "out", "a1 b2", [replace(one, gather="file") for one in sheets(first)]) as out:
        assert [row["review"] for row in table(out / "results.csv")] == ["total", "age"]


def test_another_number_of_pages_is_another_form(tmp_path: Path) -> None:
    with stored(tmp_path / "out", "a1 a2", sheets("file")):
        pass
    one = Template("visit", 300, 400, 72.0, (Field("id", BOX),))
    with (
        pytest.raises(BatchError, match="holds pages of the form 'visit' of 2 pages, not of the form 'visit'"),
        stored(tmp_path / "out", "", [one]),
    ):
        pass


def test_a_sheet_that_was_scanned_twice_is_set_aside_and_comes_back(tmp_path: Path) -> None:
    with stored(tmp_path / "out", "a1* a2* a2*", sheets("qr")) as out:
        assert [line.split(",")[2] for line in lines(out / "results.csv")] == ["review", "review"]
        with open_desk(out) as desk:
            review = Review(desk, forms_of(desk.results))
            (row,) = (one for one in grid.table(review, "Ann", Wanted())["rows"] if one["scan"] == "02.png")
            said = failed.SortedOut(reading=row["reading"], seen=row["seen"])
            assert failed.set_aside(review, "Ann", said)["saved"]
            with pytest.raises(Refused, match="set aside meanwhile"):
                failed.set_aside(review, "Ben", said)
            write_tables(out)
            assert lines(out / "results.csv") == ["00.png,1,read,,10,30,20", "02.png,1,skipped,,,,"]
            assert not (out / "missing.csv").exists()
            (row,) = (one for one in grid.table(review, "Ann", Wanted())["rows"] if one["scan"] == "02.png")
            back = failed.SortedOut(reading=row["reading"], seen=row["sorted"])
            assert failed.bring_back(review, "Ben", back)["saved"]
            write_tables(out)
            assert [line.split(",")[2] for line in lines(out / "results.csv")] == ["review", "review"]
            assert failed.set_aside(review, "Ann", said)["conflict"]["who"] == "Ben"
