"""Values that should be unique in a batch: found where they repeat, in the tables and in what is told."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import openpyxl
import pytest

from formreader.audit.drawing import population_of
from formreader.checks import UNIQUE, about_repeats, find_repeats, unique_setting
from formreader.export import export_book, read_repeats, read_results, write_tables
from formreader.status import as_json, as_lines, status_of
from formreader.store import open_batch, open_results
from formreader.template import Field, Template
from formreader.values import CLASSES, Box, DigitReading, FieldReading, Match, PageReading, PageRef
from tests.test_store import scan

SQUARE = np.array([[10, 20], [40, 20], [40, 60], [10, 60]], dtype=np.float64)
ONE = ((0.0, 0.0, 10.0, 10.0),)
FORM = Template("card", 100, 100, 300, (Field("id", ONE * 3, unique=True, missing=("999",)), Field("a", ONE)))

PAGES = {
    "p1.png": ("101", "5", 0.90, False),
    "p2.png": ("102", "5", 0.99, False),
    "p3.png": ("101", "5", 0.99, False),  # a better photo of the first
    "p4.png": ("999", "1", 0.99, False),
    "p5.png": ("999", "2", 0.99, False),
    "p6.png": ("103", "7", 0.99, True),
    "p7.png": ("103", "8", 0.80, False),  # the number given once more
    "p8.png": ("1?3", "8", 0.99, True),
    "p9.png": ("1?3", "8", 0.99, True),
    "p10.png": ("", "8", 0.99, False),
    "p11.png": ("", "8", 0.99, False),
}


def page(ref: PageRef, value: str, other: str, confidence: float, flagged: bool) -> PageReading:
    fields = (
        FieldReading("id", value, confidence),
        FieldReading("a", other, 1.0, ("low_confidence",) if flagged else ()),
    )
    boxes = tuple(
        DigitReading(Box("id", place, SQUARE), digit, 0.99, np.zeros(len(CLASSES), np.float32))
        for place, digit in enumerate(value.replace("?", ""), 1)
    )
    return PageReading(ref, "card", Match(0.9, "reference"), fields, boxes)


def batch(folder: Path, *, form: Template = FORM, codes: str | None = "id:999") -> Path:
    with open_batch(
        folder / "out",
        templates=(form,),
        model_fingerprint="m",
        model_name="digits",
        settings={"threshold": 0.9} | ({f"{UNIQUE}card": codes} if codes else {}),
    ) as writer:
        refs = [scan(folder, name) for name in PAGES] + [scan(folder, "p1 again.png", "p1.png")]
        writer.pending(refs)
        for ref, said in zip(refs, PAGES.values(), strict=False):
            writer.add(page(ref, *said))
    return folder / "out"


def test_repeated_values_are_listed_the_better_page_first(tmp_path: Path) -> None:
    folder = batch(tmp_path)
    write_tables(folder)
    rows = read_results(folder / "repeated.csv").itertuples(index=False, name=None)
    assert list(rows) == [
        ("card", "id", "101", "p3.png", "1", "0", "0.99", "1.0", "1"),
        ("card", "id", "101", "p1.png", "1", "0", "0.9", "1.0", "0"),
        ("card", "id", "103", "p7.png", "1", "0", "0.8", "1.0", "1"),
        ("card", "id", "103", "p6.png", "1", "1", "0.99", "0.0", "0"),
    ]
    table = read_results(folder / "results.csv")
    review = dict(zip(table["scan"], zip(table["status"], table["review"], strict=True), strict=True))
    assert review["p1.png"] == review["p3.png"] == review["p7.png"] == ("review", "id")
    assert review["p6.png"] == ("review", "id a")
    assert review["p2.png"] == review["p4.png"] == review["p5.png"] == ("read", "")
    assert review["p1 again.png"][0] == "duplicate"
    rules = read_results(folder / "rules.csv")
    assert set(zip(rules["scan"], rules["field"], rules["rule"], strict=True)) == {
        (name, "id", "unique") for name in ("p1.png", "p3.png", "p6.png", "p7.png")
    }
    digits = read_results(folder / "digits.csv")
    assert set(digits[digits["needs_review"] == "1"]["scan"]) == {"p1.png", "p3.png", "p6.png", "p7.png"}


def test_repeated_values_are_told(tmp_path: Path) -> None:
    folder = batch(tmp_path)
    write_tables(folder)
    line = (
        "'id' should be unique: 2 values stand on 4 pages, 1 of them as like the better one as a second scan of its "
        "sheet; all are in repeated.csv"
    )
    assert list(about_repeats(read_repeats(folder))) == [line]
    status = status_of(folder)
    assert list(as_lines(status))[-1] == line
    assert [row["scan"] for row in json.loads(json.dumps(as_json(status)))["repeated"]][:2] == ["p3.png", "p1.png"]


@pytest.mark.parametrize("codes", [None, ""])
def test_nothing_is_looked_for_where_nothing_is_unique(tmp_path: Path, codes: str | None) -> None:
    folder = batch(tmp_path, codes=codes)
    write_tables(folder)
    assert not (folder / "repeated.csv").exists()
    assert read_repeats(folder) == []


def test_repeated_value_breaks_its_rule(tmp_path: Path) -> None:
    folder = batch(tmp_path)
    with open_results(folder) as results:
        repeats = find_repeats(results)
        marked = {page.scan: page for page in repeats.marked(results.pages())}
    assert [rule.key for rule in marked["p1.png"].fields[0].broken] == ["unique"]
    assert marked["p1.png"].to_review == ("id",)
    assert marked["p2.png"].fields[0].broken == ()


def test_workbook_marks_what_repeats(tmp_path: Path) -> None:
    export_book(batch(tmp_path), tmp_path / "book.xlsx")
    sheet = openpyxl.load_workbook(tmp_path / "book.xlsx")["Results"]
    comments = {row[0].value: row[4].comment for row in sheet.iter_rows(min_row=2)}
    assert {scan for scan, comment in comments.items() if comment} == {"p1.png", "p3.png", "p6.png", "p7.png"}


def test_unique_fields_are_written_with_their_codes() -> None:
    assert unique_setting({"id": ("99", "98"), "card": ()}) == "id:99,98 card"


def test_what_repeats_is_flagged_and_so_not_audited_as_accepted(tmp_path: Path) -> None:
    with open_results(batch(tmp_path)) as results:
        marked = find_repeats(results).marked(results.pages())
        accepted = {page.reading: [f.name for f in page.fields if not f.reasons] for page in marked}
        assert population_of(results, find_repeats(results)).size == sum(map(len, accepted.values()))
        assert population_of(results, find_repeats(results)).accepted["card", "id"] == 7  # but for two pairs
