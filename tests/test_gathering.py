"""Pages of a form of several become its row: no two people's pages in one row without every doubt being flagged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from formreader.gathering import Row, gathered, shifts_in
from formreader.printed import PrintedCode, as_text
from formreader.rules import Across, Term
from formreader.store import SeveralPages, StoredPage
from formreader.values import Code, FieldReading

NAMES = {"f#1": ["first"], "f#2": ["middle"], "f#3": ["last"]}


def form(pages: int = 2, gather: str = "sequence", checks: tuple[Across, ...] = ()) -> SeveralPages:
    return SeveralPages("f", {f"f#{page}": page for page in range(1, pages + 1)}, gather, checks)


def page(what: str, nth: int, scan: str = "") -> StoredPage:
    """Make the page that a few letters stand for.

    ``a1``: page 1 of person a's form, whose fields all say a; ``a1*``: with a serial number on it; ``c``: of a form of
    one page; ``!``: failed; ``_``: a blank back; ``=``: a duplicate.
    """
    place = (scan or f"{nth:03}.png", 1, what, nth)
    if what in ("!", "_", "="):
        return StoredPage(*place, {"!": "failed", "_": "skipped", "=": "duplicate"}[what])  # type: ignore[arg-type]
    if what == "c":
        return StoredPage(*place, "read", "card", fields=(FieldReading("id", "9", 1.0),))
    sheet = f"f#{what[1]}"
    fields = tuple(FieldReading(name, what[0], 1.0) for name in NAMES[sheet])
    codes = (Code("qr", as_text(PrintedCode("f", int(what[1]), what[0]))),) if what.endswith("*") else ()
    return StoredPage(*place, "read", sheet, fields=fields, codes=codes)


def rows(line: str, one: SeveralPages, scans: Sequence[str] = ()) -> list[Row]:
    pages = [page(what, nth, scans[nth] if scans else "") for nth, what in enumerate(line.split())]
    pages = [replace(one, page=scans[: nth + 1].count(scans[nth])) if scans else one for nth, one in enumerate(pages)]
    shifts = shifts_in(pages, {"f": one})
    return list(gathered(pages, {"f": one}, {sheet: NAMES[sheet] for sheet in one.sheets}, shifts=shifts))


def shown(row: Row) -> str:
    """Write down a row's pages, and why any of its fields is flagged."""
    pages = "+".join(one.sha256 for one in row.pages)
    reasons = sorted({reason.removeprefix("page_") for one in row.fields for reason in one.reasons})
    assert row.to_review == tuple(one.name for one in row.fields if one.reasons)
    return " ".join([pages, *reasons])


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("a1 a2 b1 b2", ["a1+a2", "b1+b2"]),
        ("a1 _ a2 _ b1 = b2", ["a1+a2", "_", "_", "b1+b2", "="]),  # backs and duplicates break no row
        ("a1 b1 b2 c1 c2", ["a1 doubled missing", "b1+b2 doubled", "c1+c2"]),  # b2 could be a's
        ("a1 a2 b2 c1 c2", ["a1+a2 doubled", "b2 doubled missing", "c1+c2"]),
        ("a1 b1 a2 b2", ["a1 doubled missing", "b1+a2 doubled", "b2 doubled missing"]),
        ("a1 ! b1 b2", ["a1 missing", "!", "b1+b2"]),  # a failed page takes its place
        ("a1 ! b2 c1 c2", ["a1 missing", "!", "b2 missing", "c1+c2"]),
        ("! a2 b1 b2", ["a2 missing", "!", "b1+b2"]),
        ("! ! a1 a2", ["!", "!", "a1+a2"]),
        ("a2 b1 b2", ["a2 missing", "b1+b2"]),
        ("a1 c a2", ["a1 missing", "c", "a2 missing"]),
        ("a1* b2*", ["a1* missing", "b2* missing"]),  # their codes say that they are two people's
        ("a1* b1* b2*", ["a1* missing", "b1*+b2*"]),
        ("a1* a1* a2*", ["a1* doubled missing", "a1*+a2* doubled"]),
        ("a1 _ _ b2", ["a1 missing", "_", "_", "b2 missing"]),  # what was skipped may be a2 and b1
        ("a1 _ = b2", ["a1 missing", "_", "=", "b2 missing"]),
        ("a1* _ _ a2*", ["a1*+a2*", "_", "_"]),
    ],
)
def test_pages_in_order_make_rows(line: str, expected: list[str]) -> None:
    assert sorted(map(shown, rows(line, form()))) == sorted(expected)


def test_what_follows_a_missing_page_is_flagged_for_it_may_be_another_persons() -> None:
    assert [shown(row) for row in rows("a1 a3 b1 b2 b3", form(3))] == ["a1+a3 missing", "b1+b2+b3"]
    (row, _) = rows("a1 a3 b1 b2 b3", form(3))
    assert row.to_review == ("middle", "last")
    (row,) = rows("a1* a3*", form(3))
    assert row.to_review == ("middle",), "their codes say that they are one form's"


@pytest.mark.parametrize(
    ("line", "pages"),
    [
        ("c2 c1 b2 b1 a2 a1", 2),  # a pile from its end
        ("z1 z2 c2 c1 b2 b1 a1 a2", 2),  # a part of it laid in so
        ("! c1 b2 b1 a2 a1", 2),
        ("a2 a3 a1 b2 b3 b1 c2 c3 c1", 3),  # first pages scanned last
    ],
)
def test_two_peoples_pages_are_never_joined_unflagged_in_a_pile_from_its_end(line: str, pages: int) -> None:
    for row in rows(line, form(pages)):
        people = {one.sha256[0] for one in row.pages}
        assert len(people) == 1 or len(row.to_review) == pages, shown(row)
    coded = " ".join(what if what == "!" else f"{what}*" for what in line.split())
    assert all(len({one.sha256[0] for one in row.pages}) == 1 for row in rows(coded, form(pages)))


def test_rows_between_two_lost_pages_are_flagged_and_those_outside_are_not() -> None:
    got = [shown(row) for row in rows("a1 a2 b2 c1 c2 d1 e1 e2 f1 f2", form())]
    assert got == [
        "a1+a2 doubled",
        "b2 doubled missing",
        "c1+c2 missing",
        "d1 doubled missing",
        "e1+e2 doubled",
        "f1+f2",
    ]


def test_pages_without_fields_between_those_of_a_form_break_no_row() -> None:
    one = SeveralPages("f", {"f#1": 1, "f#3": 4}, "sequence")
    assert [shown(row) for row in rows("a1 _ _ a3 _ b1 _ _ b3", one)] == ["a1+a3", *"__", "_", "b1+b3", *"__"]
    assert [shown(row) for row in rows("a1 _ _ _ _ _ _ b3", one)] == ["a1 missing", *"______", "b3 missing"]


def test_a_row_does_not_go_on_into_another_folder() -> None:
    assert list(map(shown, rows("a1 a2", form(), ["x/1.png", "y/1.png"]))) == ["a1 missing", "a2 missing"]
    days = [replace(page("a1", 1), folder="/scans/monday"), replace(page("b2", 2), folder="/scans/tuesday")]
    assert [shown(row) for row in gathered(days, {"f": form()}, NAMES)] == ["a1 missing", "b2 missing"]


@pytest.mark.parametrize(
    ("line", "files", "expected"),
    [
        ("a1 a2 b1 b2", "xxyy", ["a1+a2", "b1+b2"]),
        ("a1 a2 b1 c2 d1 d2", "xxxyyy", ["a1+a2", "b1 missing", "c2 missing", "d1+d2"]),
        ("b1 c2 d1 d2", "xyyy", ["b1 missing", "c2 missing", "d1+d2"]),
        ("a1 a2 b1 c2 d1", "xxxyz", ["a1+a2", "b1 missing", "c2 missing", "d1 missing"]),
        ("a1 a2 b1* b2* c1", "xxxyy", ["a1+a2", "b1*+b2*", "c1 missing"]),
    ],
)
def test_a_row_goes_on_after_the_end_of_a_file_of_several_pages_only_by_its_codes(
    line: str, files: str, expected: list[str]
) -> None:
    got = rows(line, form(), [f"{name}.pdf" for name in files])
    assert list(map(shown, got)) == expected


def test_pages_that_are_not_read_yet_may_be_two_peoples() -> None:
    one = form()
    pages = [page("a1", 0), page("b2", 3)]
    waiting = [("001.png", 1), ("002.png", 1), ("004.png", 1)]
    assert [shown(row) for row in gathered(pages, {"f": one}, NAMES, waiting=waiting)] == ["a1 missing", "b2 missing"]
    assert [shown(row) for row in gathered(pages, {"f": one}, NAMES, waiting=waiting[:1])] == ["a1+b2"]


@pytest.mark.parametrize(
    ("line", "files", "expected"),
    [
        ("a1 a2 b1 b2", "xxyy", ["a1+a2", "b1+b2"]),
        ("a2 a1 b1", "xxy", ["a1+a2", "b1 missing"]),
        ("a1 b2", "xy", ["a1 missing", "b2 missing"]),
        ("a1 ! a2 ! b2", "xxxyy", ["a1+a2", "!", "b2 missing", "!"]),
        ("a1 a2 _ b1 b2", "xxxxx", ["a1+a2 doubled", "b1 doubled missing", "b2 doubled missing", "_"]),
    ],
)
def test_pages_of_a_file_make_a_row(line: str, files: str, expected: list[str]) -> None:
    got = rows(line, form(gather="file"), [f"{name}.pdf" for name in files])
    assert sorted(map(shown, got)) == sorted(expected)


def test_a_lack_says_why() -> None:
    first, *_ = rows("a1 ! b1 b2", form())
    assert [(one.page, one.why) for one in first.lacks] == [(2, "001.png stands in its place and failed")]
    first, second = rows("a1 b1 b2", form())
    assert [(one.page, one.why) for one in first.lacks] == [
        (2, "no scan of it was found"),
        (0, "001.png is page 1 of the form too"),
    ]
    assert [(one.page, one.why) for one in second.lacks] == [(0, "000.png is page 1 of the form too")]


def with_id(one: StoredPage, value: str, *reasons: str) -> StoredPage:
    field = FieldReading("id", value, 1.0, reasons)  # type: ignore[arg-type]
    return replace(one, fields=(field, *one.fields))


def row_of(*pages: StoredPage, checks: tuple[Across, ...] = ()) -> Row:
    names = {sheet: ["id", *NAMES[sheet]] for sheet in ("f#1", "f#2")}
    (row,) = gathered(pages, {"f": form(checks=checks)}, names)
    return row


def test_a_field_on_several_pages_is_one_column_that_must_agree() -> None:
    first, second = page("a1", 0), page("a2", 1)
    row = row_of(with_id(first, "7"), with_id(second, "7"))
    assert [(one.name, one.value) for one in row.fields] == [("id", "7"), ("first", "a"), ("middle", "a")]
    assert not row.to_review
    everything = ("id", "first", "middle")
    assert row_of(with_id(first, "7"), with_id(second, "8")).to_review == everything, "they may be two people's"
    assert row_of(with_id(first, "17"), with_id(second, "8?")).to_review == everything
    assert row_of(with_id(page("a1*", 0), "7"), with_id(page("a2*", 1), "8")).to_review == ("id",)
    assert row_of(with_id(first, "7"), with_id(second, "")).to_review == ("id",)
    assert row_of(with_id(first, "87"), with_id(second, "8?")).to_review == ("id",)
    assert row_of(with_id(first, "7"), with_id(second, "7", "low_confidence")).to_review == ("id",)
    alone = row_of(with_id(first, "7"))
    assert alone.to_review == ("middle",), "what another page says too is not missing"
    assert {one.name: one.value for one in alone.fields} == {"id": "7", "first": "a", "middle": ""}


def test_checks_across_pages_are_held_against_the_whole_row() -> None:
    check = Across("compare", (Term("first"),), "<=", (Term("middle"),))
    first, second = page("91", 0), page("52", 1)
    row = row_of(with_id(first, "7"), with_id(second, "7"), checks=(check,))
    assert row.to_review == ("first", "middle")
    assert {name: [str(rule.words) for rule in rules] for name, rules in row.broken.items()} == {
        "first": ["first <= middle"],
        "middle": ["first <= middle"],
    }
    decided = replace(with_id(first, "7"), decided=frozenset({"first"}))
    assert row_of(decided, with_id(second, "7"), checks=(check,)).to_review == ("middle",)
    assert row_of(with_id(first, "7"), checks=(check,)).broken == {}, "nothing is said of a page that is missing"
    mild = replace(check, severity="warning")
    row = row_of(with_id(first, "7"), with_id(second, "7"), checks=(mild,))
    assert (row.to_review, len(row.broken)) == ((), 2)


PILE = st.lists(
    st.tuples(st.sampled_from("abcd"), st.integers(1, 3), st.sampled_from(["", "", "", "!", "_", "="])), max_size=20
)


@given(PILE, st.sampled_from(["sequence", "file"]), st.lists(st.sampled_from("xyz"), min_size=20, max_size=20))
def test_whatever_the_pile_every_page_is_in_one_row(
    pile: list[tuple[str, int, str]], gather: str, files: list[str]
) -> None:
    line = " ".join(mark or f"{who}{number}" for who, number, mark in pile)
    scans = sorted(files)[: len(pile)] if gather == "file" else ()
    got = rows(line, form(3, gather), [f"{name}.pdf" for name in scans])
    assert sorted(one.reading for row in got for one in row.pages) == list(range(len(pile)))
    for row in got:
        if row.pages[0].status == "read":
            assert [one.name for one in row.fields] == ["first", "middle", "last"]
            there = {one.form for one in row.pages}
            lacking = {NAMES[sheet][0] for sheet in NAMES if sheet not in there}
            assert lacking <= set(row.to_review)
            assert [one.form for one in row.pages] == sorted(there), "in the form's order, none twice"
