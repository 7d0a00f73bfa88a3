"""The samples as the README reads them: every value is right or flagged, none wrong and accepted."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from typer.testing import CliRunner

from formreader.cli import app
from formreader.export import read_results
from formreader.store import open_results
from formreader.template import load_template
from tests.benchmarks.forms import Written, expected_value, load_truth

SAMPLES = Path(__file__).parents[1] / "samples"
FORMS = ("visit-record", "class-marks", "meter-card")
MOST_FLAGGED = 0.65  # of the values: half of the pages are worn on purpose, and six digits must all be sure
"""Share of values to look at: more, and typing them would be as fast. The samples are harder than a day's work."""

Row = dict[str, str]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, Path]]:
    """Read each form's scans through the command line; give exit codes and results folders."""
    read = {}
    for form in FORMS:
        out = tmp_path_factory.mktemp("results") / form
        call = ["read", SAMPLES / form / "scans", "-t", SAMPLES / form / "template.toml", "-o", out, "--jobs", "2"]
        answer = CliRunner().invoke(app, [str(word) for word in call])
        if answer.exception and not isinstance(answer.exception, SystemExit):
            raise answer.exception
        read[form] = (answer.exit_code, out)
    return read


def rows_of(out: Path) -> list[Row]:
    return [
        {str(key): value for key, value in row.items()} for row in read_results(out / "results.csv").to_dict("records")
    ]


def verdicts(form: str, out: Path) -> list[tuple[Written, str, str]]:
    """Say of each value what was read and whether that is right, wrong, or flagged."""
    fields = {field.name: field for field in load_template(SAMPLES / form / "template.toml").fields}
    by_page = {(row["scan"], int(row["page"])): row for row in rows_of(out)}
    judged = []
    for written in load_truth(SAMPLES / form / "truth.csv"):
        row = by_page[written.scan, written.page]
        expected, must_flag = expected_value(written.boxes, fields[written.field])
        value = row[written.field]
        if row["status"] not in ("read", "review"):
            judged.append((written, value, row["status"]))
        elif written.field in row["review"].split():
            judged.append((written, value, "flagged"))
        else:
            judged.append((written, value, "right" if value == expected and not must_flag else "wrong"))
    return judged


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_all_pages_are_read_in_natural_order(results: dict[str, tuple[int, Path]], form: str) -> None:
    code, out = results[form]
    assert code == 0
    with (SAMPLES / form / "truth.csv").open(encoding="utf-8", newline="") as file:
        in_truth = list(dict.fromkeys((row["scan"], row["page"]) for row in csv.DictReader(file)))
    found = [(row["scan"], row["page"]) for row in rows_of(out)]
    assert found == sorted(in_truth, key=lambda place: _natural(*place))
    assert {row["status"] for row in rows_of(out)} <= {"read", "review"}
    assert len(read_results(out / "failed.csv")) == 0


def _natural(scan: str, page: str) -> tuple[list[tuple[int, int, str]], int]:
    words = "".join(f" {c} " if not c.isdigit() else c for c in scan).split()
    return [(0, int(word), "") if word.isdigit() else (1, 0, word) for word in words], int(page)


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_no_value_is_wrong_and_accepted(results: dict[str, tuple[int, Path]], form: str) -> None:
    judged = verdicts(form, results[form][1])
    assert len(judged) > 50
    wrong = {
        f"{written.scan}#{written.page} {written.field}: written {written.boxes}, read '{value}'"
        for written, value, verdict in judged
        if verdict == "wrong"
    }
    assert wrong == set()
    assert {verdict for _, _, verdict in judged} <= {"right", "flagged"}


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_a_good_part_of_the_values_needs_no_person(results: dict[str, tuple[int, Path]], form: str) -> None:
    judged = verdicts(form, results[form][1])
    flagged = sum(verdict == "flagged" for _, _, verdict in judged)
    assert flagged <= MOST_FLAGGED * len(judged)


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_each_box_has_its_row_in_digits(results: dict[str, tuple[int, Path]], form: str) -> None:
    _, out = results[form]
    digits = read_results(out / "digits.csv")
    fields = load_template(SAMPLES / form / "template.toml").fields
    assert len(digits) == len(rows_of(out)) * sum(len(field.boxes) for field in fields)
    asked = digits[digits["needs_review"] == "1"]
    accepted = digits[(digits["needs_review"] == "0") & (digits["digit"] != "")]
    assert set(accepted["digit"]) <= set("0123456789")
    assert len(asked) < 0.2 * len(digits)


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_audit_of_the_samples_proves_what_their_truth_says(form: str, results: dict[str, tuple[int, Path]]) -> None:
    out = results[form][1]
    call = ["audit", str(out), "--prove", "10/10000", "--seed", "1", "--user", "ann"]
    assert CliRunner().invoke(app, call).exit_code == 0
    fields = {field.name: field for field in load_template(SAMPLES / form / "template.toml").fields}
    truth = {
        (written.scan, written.page, written.field): expected_value(written.boxes, fields[written.field])[0]
        for written in load_truth(SAMPLES / form / "truth.csv")
    }
    sheet = out / "audit-1" / "keys.csv"
    with open_results(out) as batch:
        audits = batch.audits()
        drawn = audits.fields(audits.all()[0])
        pages = [audits.places(field.reading) for field in drawn]
    keys = [truth[page.name, page.page, field.field] for page, field in zip(pages, drawn, strict=True)]
    with sheet.open(encoding="utf-8", newline="") as file:
        header, example, *rows = csv.reader(file)
    with sheet.open("w", encoding="utf-8", newline="") as file:
        filled = [[*row[:2], key or "_", row[3]] for row, key in zip(rows, keys, strict=True)]
        csv.writer(file).writerows([header, example, *filled])
    done = CliRunner().invoke(app, ["audit", str(out), "--keys", str(sheet), "--user", "ann"])
    assert (done.exit_code, "Proved: at most" in done.stderr) == (0, True)
