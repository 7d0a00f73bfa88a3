"""Forms of several pages, from a pile of scans to rows of the table."""

from __future__ import annotations

import csv
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from formreader.batch_forms import forms_of
from formreader.cli import app
from formreader.review import failed
from formreader.review import table as review_table
from formreader.review.rows import Wanted
from formreader.review.state import Review
from formreader.store import open_desk
from formreader.template import load_form, save_form
from tests.drawing import Scan, write_scan
from tests.drawing_pages import COLUMNS, DPI, ON_PAGE, Visit, draw_visits, lay_pile, scan_of, visit, visit_template


def run(*words: object) -> Result:
    return CliRunner().invoke(app, list(map(str, words)))


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def holds(row: dict[str, str], visit: Visit, pages: Sequence[int] = (1, 2)) -> None:
    """Hold a row against what was written: what is not flagged is right, and fields of no page are empty."""
    flagged = row["review"].split()
    there = {name for page in pages for name in ON_PAGE[page]}
    for name in COLUMNS:
        if name not in there:
            assert (row[name], name in flagged) == ("", True)
        else:
            assert row[name] == visit.values[name] or name in flagged
    if len(pages) == 2:
        assert sum(row[name] == visit.values[name] for name in COLUMNS) >= 3, "most of it is read"


@pytest.mark.slow
def test_a_pile_becomes_a_row_a_form(tmp_path: Path) -> None:
    a, b, c, d = draw_visits(4)
    pile: list[tuple[str, Scan | bytes]] = [
        ("", scan_of(a, 1)),
        ("", scan_of(a, 2)),
        ("", scan_of(b, 1)),
        ("", b"no picture"),
    ]
    lay_pile(tmp_path / "scans", [*pile, *(("", scan_of(one, page)) for one in (c, d) for page in (1, 2))])
    template = visit_template(tmp_path / "form")
    results = tmp_path / "results"
    done = run("read", tmp_path / "scans", "-t", template, "-o", results, "--jobs", 1)
    assert done.exit_code == 1
    assert "'visit': 3 filled forms with all pages, 1 that lacks pages" in done.stderr
    assert "missing.csv" in done.stderr
    rows = table(results / "results.csv")
    assert list(rows[0]) == ["scan", "page", "status", "review", "patient", "born", "weight", "lot", "dose"]
    assert [row["scan"] for row in rows] == ["000.png", "002.png", "003.png", "004.png", "006.png"]
    assert [row["status"] for row in rows][1:3] == ["review", "failed"]
    holds(rows[0], a)
    holds(rows[1], b, [1])
    holds(rows[3], c)
    holds(rows[4], d)
    assert table(results / "missing.csv") == [
        {
            "scan": "002.png",
            "page": "1",
            "form": "visit",
            "missing": "2",
            "why": "003.png stands in its place and failed",
        }
    ]
    forms = [row["form"] for row in table(results / "pages.csv")]
    assert forms == ["visit#1", "visit#2", "visit#1", "", "visit#1", "visit#2", "visit#1", "visit#2"]
    shutil.copytree(results, tmp_path / "keyed")
    with open_desk(tmp_path / "keyed") as desk:
        review = Review(desk, forms_of(desk.results))
        (page,) = failed.failures(review, "Ann", failed.Portion())["pages"]
        values = {name: b.values[name] for name in ON_PAGE[2]}
        said = failed.Keyed(reading=page["reading"], seen=page["seen"], form="visit#2", values=values)
        failed.key_page(review, "Ann", said)
        shown = review_table.table(review, "Ann", Wanted(form="visit#2"))
        assert (shown["columns"], shown["forms"]) == (("patient", "lot", "dose"), ["visit#1", "visit#2"])
    assert run("export", tmp_path / "keyed").exit_code == 0
    row = table(tmp_path / "keyed" / "results.csv")[1]
    holds(row, b)
    assert {name: row[name] for name in ("lot", "dose")} == {name: b.values[name] for name in ("lot", "dose")}
    told = run("status", results)
    assert "'visit': model" in told.stdout
    assert "'visit': 3 filled forms with all pages, 1 that lacks pages" in told.stdout
    # The missing page is scanned in the place of what was no picture.
    write_scan(scan_of(b, 2), tmp_path / "scans" / "003.png")
    done = run("read", tmp_path / "scans", "-t", template, "-o", results, "--jobs", 1)
    assert done.exit_code == 0, done.stderr
    rows = table(results / "results.csv")
    assert [row["scan"] for row in rows] == ["000.png", "002.png", "004.png", "006.png"]
    holds(rows[1], b)
    assert not (results / "missing.csv").exists()


@pytest.mark.slow
def test_a_blank_of_several_pages_becomes_one_template(tmp_path: Path) -> None:
    pages = [Scan(page.picture, DPI, np.eye(3)) for page in visit()]
    letter = Scan(np.full_like(pages[0].pixels, 255), DPI, np.eye(3))
    letter.pixels[100:110, 100:400] = 0
    write_scan([pages[0], letter, pages[1]], tmp_path / "blank.tif")
    (tmp_path / "names.txt").write_text("patient\nborn\nweight\npatient\nlot\n", "utf-8")
    told = run("detect", tmp_path / "blank.tif", "-o", tmp_path / "visit.toml", "--names", tmp_path / "names.txt")
    assert told.exit_code == 0, told.stderr
    assert "page 2 has no boxes" in told.stderr
    first, second = load_form(tmp_path / "visit.toml")
    assert [field.name for field in first.fields] == ["patient", "born", "weight"]
    assert [field.name for field in second.fields] == ["patient", "lot", "p2_field_03"]
    assert sorted(path.name for path in tmp_path.glob("visit-*")) == [
        f"visit-{kind}-{page}.png" for kind in ("preview", "reference") for page in (1, 2)
    ]
    write_scan(scan_of(draw_visits(1)[0], 2), tmp_path / "scan.png")
    told = run("check", tmp_path / "visit.toml", tmp_path / "scan.png")
    assert "scan.png: page 2 of 'visit', matched by its reference" in told.stdout
    # A pile of scans of one page is no form of so many pages.
    write_scan([pages[0]] * 3, tmp_path / "pile.tif")
    told = run("detect", tmp_path / "pile.tif", "-o", tmp_path / "one.toml")
    assert (told.exit_code, "page 1 of 3; others with --page" in told.stderr) == (0, True)
    assert [one.name for one in load_form(tmp_path / "one.toml")] == ["one"]


@pytest.mark.slow
def test_pages_that_look_alike_are_told_apart_by_their_codes_alone(tmp_path: Path) -> None:
    (one,) = draw_visits(1)
    pages = [scan_of(one, page, coded=coded, on=1) for coded in (True, False) for page in (1, 2)]
    lay_pile(tmp_path / "scans", [*(("", scan) for scan in pages), ("", scan_of(one, 1, coded=True, on=2))])
    alike = replace(visit()[0].template(), pages=2, codes=True)
    sheets = [replace(alike, name=f"visit#{page}", page=page) for page in (1, 2)]
    save_form(sheets, tmp_path / "visit.toml")
    assert run("read", tmp_path / "scans", "-t", tmp_path / "visit.toml", "-o", tmp_path / "out").exit_code == 1
    assert [row["form"] for row in table(tmp_path / "out" / "pages.csv")] == ["visit#1", "visit#2", "", "", ""]
    first, second, third = (row["reason"] for row in table(tmp_path / "out" / "failed.csv"))
    assert "could be of the form 'visit#1' or of 'visit#2'" in first
    assert "give its pages markers or QR codes of their own" in second
    assert "no page of the form 'visit#1'" in third, "the code of one page on the paper of another"


DISTURBED = {3, 6, 9, 12, 15, 16}
"""Copies with pages that are not as they should be; all others lie in a file of their own, in order."""


def lay_files(folder: Path, visits: Sequence[Visit]) -> dict[tuple[str, int], Visit]:
    """Lay 30 copies, each in a file; of some pages are missing, doubled, out of order, in another's file, or failed.

    Returns
    -------
    dict
        Whose each page is, by the file's name and the page in it.
    """
    folder.mkdir()
    pages = {nth: [scan_of(one, page, coded=True) for page in (1, 2)] for nth, one in enumerate(visits)}
    blot = Scan(np.random.default_rng(0).integers(0, 255, pages[0][0].pixels.shape, np.uint8), DPI, np.eye(3))
    again = scan_of(visits[6], 2, coded=True)
    again = replace(again, pixels=np.ascontiguousarray(np.roll(again.pixels, 2, axis=0)))
    pages[3] = pages[3][:1]
    pages[6] = [*pages[6], again]
    pages[9] = pages[9][::-1]
    pages[12] = [pages[12][0], blot]
    pages[15], pages[16] = pages[15][:1], [*pages[16], pages[15][1]]
    for nth, scans in pages.items():
        write_scan(scans, folder / f"copy{nth:02}.tif")
    own = {(f"copy{nth:02}.tif", page): visits[nth] for nth in pages for page in (1, 2, 3)}
    return {**own, ("copy16.tif", 3): visits[15]}


def told_of(row: dict[str, str], visits: Sequence[Visit]) -> set[int]:
    """Say whose values are in a row and not flagged."""
    sure = {name: row[name] for name in COLUMNS if row[name] and name not in row["review"].split()}
    return {nth for name, value in sure.items() for nth, one in enumerate(visits) if one.values[name] == value}


@pytest.mark.slow
def test_rows_of_thirty_copies_under_each_way_of_gathering(tmp_path: Path) -> None:
    visits = draw_visits(30)
    whose = lay_files(tmp_path / "scans", visits)
    form, results = tmp_path / "form", tmp_path / "results"
    call = ("read", tmp_path / "scans", "-t", form / "visit.toml", "-o", results, "--jobs", 2)
    visit_template(form, codes=True)
    process = subprocess.Popen([sys.executable, "-m", "formreader", *map(str, call)], stderr=subprocess.DEVNULL)
    while process.poll() is None and stored(results) < 20:
        time.sleep(0.05)
    process.kill()
    process.wait()
    assert 20 <= stored(results) < 60, "it was killed on the way"
    lacking = {}
    for gather in ("sequence", "file", "qr", "field:patient"):
        visit_template(form, gather, codes=True)
        before = stored(results)
        assert run(*call).exit_code == 1
        assert gather == "sequence" or stored(results) == before, "no page is read again for that"
        rows = [row for row in table(results / "results.csv") if row["status"] != "failed"]
        lacking[gather] = {(row["scan"], row["missing"]) for row in table(results / "missing.csv")}
        for row in rows:
            assert len(told_of(row, visits)) <= 1, f"{gather}: two people's values are in one row, and none is flagged"
        for nth in set(range(30)) - DISTURBED:
            own = [row for row in rows if row["scan"] == f"copy{nth:02}.tif"]
            if len(own) == 1:
                holds(own[0], visits[nth])
            else:  # a page whose number is not sure stands alone until somebody has looked
                unsure = any("patient" in row["review"].split() and row["patient"] for row in own)
                assert (gather, unsure) == ("field:patient", True)
    lost = {("copy03.tif", "2"), ("copy12.tif", "2")}
    assert lacking["file"] == {
        *lost,
        *{("copy06.tif", ""), ("copy06.tif", "1"), ("copy15.tif", "2"), ("copy16.tif", ""), ("copy16.tif", "1")},
    }
    assert lacking["qr"] == lost | {("copy06.tif", ""), ("copy06.tif", "1")}
    decide_patients(results, whose)
    assert run("export", results).exit_code == 0
    decided = {(row["scan"], row["missing"]) for row in table(results / "missing.csv")}
    assert decided == lacking["qr"], "what is decided holds pages together"
    fresh = ("read", tmp_path / "scans", "-t", form / "visit.toml", "-o", tmp_path / "undisturbed")
    assert run(*fresh).exit_code == 1
    decide_patients(tmp_path / "undisturbed", whose)
    assert run("export", tmp_path / "undisturbed").exit_code == 0
    assert run("merge", results, tmp_path / "undisturbed", "-o", tmp_path / "joined").exit_code == 0
    assert run("export", results, "-o", tmp_path / "book.xlsx").exit_code == 0
    for name in ("results.csv", "missing.csv", "pages.csv"):
        for other in ("undisturbed", "joined"):
            assert (results / name).read_bytes() == (tmp_path / other / name).read_bytes()


def decide_patients(results: Path, whose: dict[tuple[str, int], Visit]) -> None:
    """Decide the patient's number of every page, as the review would store it."""
    with closing(sqlite3.connect(results / "batch.sqlite")) as file, file:
        pages = file.execute("SELECT DISTINCT name, page, sha256 FROM pages").fetchall()
        file.executemany(
            "INSERT INTO decisions (at, who, sha256, page, field, old, new, how)"
            " VALUES ('2026-01-01', 'Ann', ?, ?, 'patient', '', ?, 'field')",
            [(sha256, page, whose[name, page].values["patient"]) for name, page, sha256 in pages],
        )


def stored(results: Path) -> int:
    """Count the answers in a batch."""
    with (
        suppress(sqlite3.Error),
        closing(sqlite3.connect(f"file:{results / 'batch.sqlite'}?mode=ro", uri=True)) as file,
    ):
        return int(file.execute("SELECT count(*) FROM readings").fetchone()[0])
    return 0
