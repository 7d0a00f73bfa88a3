"""The table of the review: any order, any filter, and always what the batch says now."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from formreader.batch_forms import Forms
from formreader.export import read_results, write_tables
from formreader.review import groups
from formreader.review.rows import Wanted
from formreader.review.state import Review
from formreader.review.table import OfCell, cell, table
from formreader.served.calls import Nothing, Refused
from formreader.store import open_batch, open_desk
from formreader.template import Field, Template
from formreader.values import FieldReading, Match, PageFailure, PageReading, PageRef, PageSkipped

BOX = ((0.0, 0.0, 10.0, 10.0),)
VISIT = Template("visit", 100, 100, 300, (Field("id", BOX), Field("age", BOX)))
EXAM = Template("exam", 100, 100, 300, (Field("mark", BOX),))


def read(ref: PageRef, form: Template, **values: str | tuple[str, ...]) -> PageReading:
    """Make a reading; a value in a tuple is flagged."""
    fields = tuple(
        FieldReading(name, value[0], 0.5, ("low_confidence",))
        if isinstance(value, tuple)
        else FieldReading(name, value, 1.0)
        for name, value in values.items()
    )
    return PageReading(ref, form.name, Match(1.0, "reference"), fields, ())


def ref(folder: Path, name: str) -> PageRef:
    path = folder / name
    path.write_text(name)
    return PageRef(path, 1, name, f"sha of {name}")


def write(folder: Path, answers: Sequence[Any], forms: Sequence[Template] = (VISIT,)) -> None:
    with open_batch(
        *(folder / "out",), templates=tuple(forms), model_fingerprint="m", model_name="m", settings={"threshold": 0.9}
    ) as batch:
        batch.pending([answer.ref for answer in answers])
        for answer in answers:
            batch.add(answer)


@pytest.fixture
def review(tmp_path: Path) -> Iterator[Review]:
    write(
        tmp_path,
        [
            read(ref(tmp_path, "scan10.png"), VISIT, id="12", age=("7",)),
            read(ref(tmp_path, "scan9.png"), VISIT, id="5", age="30"),
            read(ref(tmp_path, "scan1.png"), VISIT, id=("100",), age=("4",)),
            PageFailure(ref(tmp_path, "torn.png"), "align", "no form"),
            PageSkipped(ref(tmp_path, "back.png"), "blank"),
        ],
    )
    with open_desk(tmp_path / "out") as desk:
        yield Review(desk, Forms({"visit": VISIT}))


def shown(review: Review, **wanted: Any) -> list[str]:
    return [row["scan"].removesuffix(".png") for row in table(review, "Ann", Wanted(**wanted))["rows"]]


def decide(review: Review, scan: str, field: str, value: str) -> None:
    row = next(row for row in table(review, "Ann", Wanted())["rows"] if row["scan"] == scan)
    page = review.desk.results.page_of(row["reading"])
    with review.desk.act("Ann", "field") as act:
        act.say("decisions", (page.sha256, page.page, field), "", value)


def test_rows_come_in_any_order_and_a_few_at_a_time(review: Review) -> None:
    by_name = ["back", "scan1", "scan9", "scan10", "torn"]
    assert shown(review) == by_name
    assert shown(review, down=True) == by_name[::-1]
    assert shown(review, skip=1, most=2) == ["scan1", "scan9"]
    assert shown(review, sort="field:id", status="read") + shown(review, sort="field:id", status="review") == [
        *("scan9", "scan10", "scan1"),
    ]
    assert shown(review, sort="field:age", down=True)[:3] == ["scan9", "scan10", "scan1"]
    assert shown(review, sort="status")[0] == "scan9"
    assert table(review, "Ann", Wanted(most=0))["count"] == 5


def test_cells_say_what_is_flagged_and_what_was_decided(review: Review) -> None:
    decide(review, "scan1.png", "id", "101")
    answer = table(review, "Ann", Wanted(text="scan1.png"))
    assert answer["columns"] == ("id", "age")
    assert answer["rows"][0]["cells"] == [["101", "decided"], ["4", "flagged"]]
    about = cell(review, "Ann", OfCell(reading=answer["rows"][0]["reading"], field="id"))
    assert (about["value"], about["by"], about["seen"], about["reasons"]) == ("101", "Ann", 1, ())
    with pytest.raises(Refused, match="no such field"):
        cell(review, "Ann", OfCell(reading=answer["rows"][0]["reading"], field="name"))


def test_a_scan_is_found_by_its_name_and_by_what_it_says_now(review: Review) -> None:
    assert shown(review, text="SCAN1") == ["scan1", "scan10"]
    assert shown(review, text="12") == ["scan10"]
    decide(review, "scan10.png", "id", "77")
    assert shown(review, text="12") == []
    assert shown(review, text="77") == ["scan10"]
    assert shown(review, text="low_conf") == [], "only values are searched"


def test_decisions_change_the_status_at_once_and_undo_changes_it_back(review: Review, tmp_path: Path) -> None:
    assert shown(review, flagged=True) == ["scan1", "scan10"]
    decide(review, "scan10.png", "age", "8")
    assert shown(review, status="checked") == ["scan10"]
    assert shown(review, flagged=True) == ["scan1"]
    groups.undo(review, "Ann", Nothing())
    assert shown(review, status="checked") == []
    write_tables(tmp_path / "out")
    states = read_results(tmp_path / "out" / "results.csv")["status"]
    counted = table(review, "Ann", Wanted())["states"]
    assert {state: pages for state, pages in counted.items() if pages} == states.value_counts().to_dict()


def test_a_page_that_is_settled_or_read_anew_stands_in_its_row(review: Review, tmp_path: Path) -> None:
    assert shown(review, status="failed") == ["torn"]
    with review.desk.act("Ann", "page") as act:
        act.say("sorted_pages", ("sha of torn.png", 1), "", "not_a_form")
    assert shown(review, status="failed") == []
    assert shown(review, status="skipped") == ["back", "torn"]
    groups.undo(review, "Ann", Nothing())
    with review.desk.act("Ann", "page") as act:
        act.read(read(PageRef(tmp_path / "torn.png", 1, "torn.png", "sha of torn.png"), VISIT, id="8", age="8"), "")
    assert shown(review, status="read") == ["scan9", "torn"]
    assert shown(review, text="8") == ["torn"]


def test_pages_that_a_run_adds_are_listed(review: Review, tmp_path: Path) -> None:
    assert len(shown(review)) == 5
    review.table._listed_s -= 60  # it is not listed anew all the time
    write(tmp_path, [read(ref(tmp_path, "scan2.png"), VISIT, id="1", age="2")])
    assert shown(review) == ["back", "scan1", "scan2", "scan9", "scan10", "torn"]


def test_a_field_that_the_form_no_longer_has_keeps_its_column(review: Review) -> None:
    decide(review, "scan9.png", "weight", "70")
    review.table._listed()  # else a column more comes with the next listing
    answer = table(review, "Ann", Wanted(text="scan9"))
    assert answer["columns"] == ("id", "age", "weight")
    assert answer["rows"][0]["cells"][2] == ["70", "decided"]


def test_each_form_has_a_table_of_its_own(tmp_path: Path) -> None:
    pages = [read(ref(tmp_path, "a.png"), VISIT, id="1", age="2"), read(ref(tmp_path, "b.png"), EXAM, mark="3")]
    write(tmp_path, pages, (VISIT, EXAM))
    with open_desk(tmp_path / "out") as desk:
        review = Review(desk, Forms({"visit": VISIT, "exam": EXAM}))
        assert shown(review) == ["a", "b"]
        answer = table(review, "Ann", Wanted(form="exam", sort="field:mark"))
        assert (answer["columns"], [row["cells"] for row in answer["rows"]]) == (("mark",), [[["3", ""]]])
        with pytest.raises(Refused, match="no such form"):
            table(review, "Ann", Wanted(form="other"))
        with pytest.raises(Refused, match="Choose a form"):
            table(review, "Ann", Wanted(sort="field:mark"))
