"""Forms of several pages, from a pile of scans to rows of the table."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from formreader.cli import app
from tests.drawing import Scan, write_scan
from tests.drawing_pages import COLUMNS, ON_PAGE, Visit, draw_visits, lay_pile, scan_of, visit_template


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
