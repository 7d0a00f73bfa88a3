"""What `status` and `merge` say: how far a batch is at any moment, without getting in the way of a run."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from typer.testing import CliRunner

from formreader import cli
from formreader.export import read_results, write_tables
from formreader.status import as_lines, status_of
from formreader.store import is_written_to, open_results
from formreader.values import PageFailure, PageSkipped
from tests.test_merging import EVENTS, KILLED, change, decide, files, read_into
from tests.test_store import FORM, answer, opened, scan, stored


def said(folder: Path) -> str:
    return "\n".join(as_lines(status_of(folder)))


@pytest.fixture
def batch(tmp_path: Path) -> Path:
    """Make a batch with pages in every state."""
    names = ["sure", "unsure", "decided", "broken1", "broken2", "other", "back", "rest", "waiting"]
    refs = {name: scan(tmp_path, name) for name in names}
    twin = scan(tmp_path, "twin", "sure")
    with opened(tmp_path / "out") as writer:
        writer.pending([*refs.values(), twin])
        writer.add(answer(refs["sure"]))
        writer.add(answer(refs["unsure"], "7", "low_confidence"))
        writer.add(answer(refs["decided"], "7", "low_confidence"))
        for name in ("broken1", "broken2"):
            writer.add(PageFailure(refs[name], "scans", f"{refs[name]}: damaged; scan it again"))
        writer.add(PageFailure(refs["other"], "align", "other: another form"))
        writer.add(PageSkipped(refs["back"], "blank page"))
        writer.leave_out([PageSkipped(refs["rest"], "not among --pages")])
    decide(tmp_path / "out", refs["decided"], "8")
    return tmp_path / "out"


def test_every_page_is_counted(batch: Path) -> None:
    lines = [" ".join(line.split()) for line in said(batch).splitlines()]
    assert lines[0] == f"'visit': model digits (m1), template {FORM.fingerprint[:8]}, threshold 0.9"
    assert lines[1].startswith("run of 20")
    assert ", finished 20" in lines[1]
    assert lines[2:] == [
        "9 pages known",
        "3 read",
        "2 skipped (blank, or not wanted)",
        "3 failed",
        "2 scans: damaged; scan it again",
        "1 align: another form",
        "1 waiting",
        "1 duplicate (the same scan under another name), besides",
        "To review: 1 page, 1 field, 1 digit box",
        "1 field decided by 1 person",
        f"The CSVs are not written yet; `formreader export {batch}` writes them",
    ]


def test_programs_get_json(batch: Path) -> None:
    write_tables(batch)
    answered = CliRunner().invoke(cli.app, ["status", str(batch), "--json"])
    assert answered.exit_code == 0
    found = json.loads(answered.stdout)
    counts = {name: found[name] for name in ("pages", "read", "skipped", "failed", "waiting", "duplicates")}
    assert counts == {"pages": 9, "read": 3, "skipped": 2, "failed": 3, "waiting": 1, "duplicates": 1}
    assert found["why_failed"] == {"scans: damaged; scan it again": 2, "align: another form": 1}
    assert found["review"] == {"pages": 1, "fields": 1, "boxes": 1, "estimated": False}
    assert (found["running"], found["pages_per_s"], found["drift"]) == (False, None, [])
    (run,) = found["runs"]
    assert (run["model"], run["settings"], run["state"]) == ("digits", {"threshold": 0.9}, "finished")
    assert found["tables"]["old"] is False


def test_status_changes_nothing(batch: Path) -> None:
    before = files(batch)
    for _ in range(2):
        assert CliRunner().invoke(cli.app, ["status", str(batch)]).exit_code == 0
    assert files(batch) == before


def test_folders_without_a_batch_end_with_2(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "absent"):
        answered = CliRunner().invoke(cli.app, ["status", str(folder)])
        assert (answered.exit_code, "no results here" in answered.stderr) == (2, True)
    (tmp_path / "batch.sqlite").touch()
    assert CliRunner().invoke(cli.app, ["status", str(tmp_path)]).exit_code == 2
    assert list(tmp_path.iterdir()) == [tmp_path / "batch.sqlite"]


@pytest.mark.slow
def test_another_terminal_sees_the_run_and_the_run_goes_on(tmp_path: Path) -> None:
    refs = [scan(tmp_path, str(number)) for number in range(4)]
    look = [sys.executable, "-m", "formreader", "status", str(tmp_path / "out"), "--json"]
    with opened(tmp_path / "out") as writer:
        writer.pending(refs)
        writer.add(answer(refs[0]))
        change(tmp_path / "out", "UPDATE readings SET at = ?", ago(10))
        seen = json.loads(subprocess.run(look, capture_output=True, check=True, text=True).stdout)
        writer.add(answer(refs[1]))
    assert (seen["running"], seen["runs"][0]["state"], seen["waiting"]) == (True, "running", 3)
    assert seen["pages_per_s"] == pytest.approx(0.1, abs=0.05)
    assert seen["left_s"] == pytest.approx(3 / seen["pages_per_s"])
    after = status_of(tmp_path / "out")
    assert (after.running, after.standing.read, after.left_s) == (False, 2, None)


def ago(seconds: float) -> str:
    return (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat(timespec="seconds")


def test_pace_is_that_of_the_last_minutes(tmp_path: Path) -> None:
    refs = [scan(tmp_path, str(number)) for number in range(60)]
    with opened(tmp_path / "out") as writer:
        writer.pending(refs)
        assert "running now\n" in said(tmp_path / "out")
        change(tmp_path / "out", "UPDATE runs SET started = ?", ago(900))
        assert "running now: no page in the last 5 minutes" in said(tmp_path / "out")
        for ref in refs[:40]:
            writer.add(answer(ref))
        for number in range(40):
            past = ago(600 - number) if number < 20 else ago(200 - 10 * (number - 20))
            change(tmp_path / "out", "UPDATE readings SET at = ? WHERE id = ?", past, number + 1)
        assert status_of(tmp_path / "out").pages_per_s == pytest.approx(0.1, rel=0.02)
        assert "running now: 0.1 pages/s, about 0:03:2" in said(tmp_path / "out")
        change(tmp_path / "out", "UPDATE readings SET at = ?", ago(900))
        assert "running now: no page in the last 5 minutes" in said(tmp_path / "out")


def test_looking_keeps_no_run_from_starting(tmp_path: Path) -> None:
    read_into(tmp_path / "out", [])
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            is_written_to(tmp_path / "out")

    looking = threading.Thread(target=look)
    looking.start()
    try:
        for _ in range(30):
            with opened(tmp_path / "out"):
                assert is_written_to(tmp_path / "out")
    finally:
        stop.set()
        looking.join()
    assert not is_written_to(tmp_path / "out")


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.slow
def test_run_that_was_killed_is_broken_off(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], cwd=Path(__file__).parent.parent, check=False)
    before = files(tmp_path / "B")
    assert "broken off" in said(tmp_path / "B")
    assert files(tmp_path / "B") == before
    with opened(tmp_path / "B"):
        assert "running now" in said(tmp_path / "B")


def test_run_that_was_broken_off_says_so(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), opened(tmp_path / "out"):
        raise KeyboardInterrupt
    assert "broken off" in said(tmp_path / "out")
    for _ in range(6):
        read_into(tmp_path / "out", [])
    assert "2 earlier runs" in said(tmp_path / "out")


def test_each_run_says_which_model_read_if_it_is_not_the_last_one(tmp_path: Path) -> None:
    ref = scan(tmp_path, "a")
    for model, reread in (("m1", False), ("own-model", True)):
        with opened(tmp_path / "out", model=model, reread=reread) as writer:
            writer.pending([ref])
            writer.add(answer(ref))
    lines = said(tmp_path / "out").splitlines()
    assert "model digits (own-mode)" in lines[0]
    assert [", by model digits (m1)" in line for line in lines[1:3]] == [True, False]


def test_reread_waits_for_all_pages_and_failing_again_takes_none_away(tmp_path: Path) -> None:
    refs = [scan(tmp_path, str(number)) for number in range(3)]
    read_into(tmp_path / "out", refs)
    with opened(tmp_path / "out", reread=True) as writer:
        writer.pending(refs)
        writer.add(PageFailure(refs[0], "align", "another form"))
    standing = status_of(tmp_path / "out").standing
    assert (standing.read, len(standing.failures), standing.waiting) == (3, 1, 2)


def test_tables_older_than_the_batch_are_said_to_be(tmp_path: Path) -> None:
    ref = scan(tmp_path, "a")
    folder = read_into(tmp_path / "out", [ref])
    write_tables(folder)
    assert "hold all of the batch" in said(folder)
    decide(folder, ref, "8", at=ago(-5))
    assert f"are older than the batch; `formreader export {folder}` renews them" in said(folder)
    write_tables(folder)
    hour_ago = datetime.now(UTC).timestamp() - 3600
    os.utime(folder / "results.csv", (hour_ago, hour_ago))
    assert "are older than the batch" in said(folder)


def test_length_of_a_long_review_is_an_estimate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("formreader.status._LOOKED_INTO", 10)
    refs = [scan(tmp_path, f"{number:02}") for number in range(40)]
    with opened(tmp_path / "out") as writer:
        for place, ref in enumerate(refs):
            writer.pending([ref])
            writer.add(answer(ref, "7", *(["low_confidence"] if place < 20 else [])))
    assert "To review: 20 pages, 20 fields, 20 digit boxes" in said(tmp_path / "out")
    for ref in refs[:16]:
        decide(tmp_path / "out", ref, "8")
        decide(tmp_path / "out", ref, "8", who="bob")
    assert "To review: about 4 pages, 4 fields, 4 digit boxes" in said(tmp_path / "out")
    assert "16 fields decided by 2 people" in said(tmp_path / "out")


def test_drift_is_told_and_looked_for_on_request(tmp_path: Path) -> None:
    refs = [scan(tmp_path, f"{number:02}") for number in range(60)]
    with opened(tmp_path / "out") as writer:
        for place, ref in enumerate(refs):
            writer.pending([ref])
            writer.add(answer(ref, "7" if place < 40 else "4"))
    line = "box 1 of 'id' is read as 4 on 100% of 20 pages (40 to 59), 0% elsewhere"
    assert line not in said(tmp_path / "out")
    assert line in CliRunner().invoke(cli.app, ["status", str(tmp_path / "out"), "--drift"]).stdout
    write_tables(tmp_path / "out")
    assert line in said(tmp_path / "out")


@pytest.mark.slow
@settings(max_examples=15)
@given(EVENTS)
def test_counts_are_those_of_the_pages(
    tmp_path_factory: pytest.TempPathFactory, events: list[tuple[str, str, str, str]]
) -> None:
    root = tmp_path_factory.mktemp("status")
    folder = read_into(root / "A", [])
    for run, name, content, what in events:
        ref = scan(root, name, content)
        with opened(folder, reread=run == "B") as writer:
            writer.pending([ref])
            if what == "8":
                writer.leave_out([PageSkipped(ref, "not wanted")])
            elif what != "9":
                writer.add(PageFailure(ref, "scans", "broken") if what == "failed" else answer(ref))
    standing = status_of(folder).standing
    counts: Counter[str] = Counter(page.status for page in stored(folder))
    assert (standing.read, standing.skipped) == (counts["read"], counts["skipped"] + counts["left_out"])
    assert (standing.duplicates, standing.decided) == (counts["duplicate"], 0)
    write_tables(folder)
    assert len(standing.failures) == len(read_results(folder / "failed.csv"))
    assert standing.pages - standing.waiting <= standing.read + standing.skipped + counts["failed"] <= standing.pages


# --- merge


def call(*arguments: object) -> tuple[int, str]:
    answered = CliRunner().invoke(cli.app, [str(argument) for argument in arguments])
    return answered.exit_code, answered.stderr


def test_joined_batch_has_its_tables_and_conflicts(tmp_path: Path) -> None:
    shared, only = scan(tmp_path, "shared"), scan(tmp_path, "only")
    a, b = read_into(tmp_path / "A", [shared]), read_into(tmp_path / "B", [shared, only], model="m2")
    decide(a, shared, "8", "ann", "2026-01-01T10:00:00+00:00")
    decide(b, shared, "9", "bob", "2026-01-02T10:00:00+00:00")
    code, err = call("merge", a, b, "-o", tmp_path / "C")
    assert code == 0
    assert "were last read with different model" in err
    assert "shared page 1, id: '9' (bob, 2026-01-02T10:00:00+00:00) counts, not '8' (ann, 2026-01-01T" in err
    assert f"2 pages of 2 batches joined in {tmp_path / 'C'}" in err
    assert list(read_results(tmp_path / "C" / "results.csv")["id"]) == ["7", "9"]
    (conflict,) = read_results(tmp_path / "C" / "conflicts.csv").itertuples(index=False)
    assert (conflict.scan, conflict.kept, conflict.other) == ("shared", "9", "8")
    assert "hold all of the batch" in said(tmp_path / "C")


def test_joining_again_is_refused_and_leaves_the_first(tmp_path: Path) -> None:
    a, b = (read_into(tmp_path / name, [scan(tmp_path, name.lower())]) for name in "AB")
    assert call("merge", a, b, "-o", tmp_path / "C")[0] == 0
    assert not (tmp_path / "C" / "conflicts.csv").exists()
    before = files(tmp_path / "C")
    code, err = call("merge", a, b, "-o", tmp_path / "C")
    assert (code, "exists already" in err) == (2, True)
    assert files(tmp_path / "C") == before
    exam = read_into(tmp_path / "exam", [], template=replace(FORM, name="exam"))
    assert call("merge", a, exam, "-o", tmp_path / "D")[0] == 2
    assert not (tmp_path / "D").exists()


# --- large batches


@pytest.mark.parametrize("keep", [False, True])
def test_time_grows_no_faster_than_the_batch(tmp_path: Path, keep: bool) -> None:
    steps = {}
    for pages in (200, 800):
        for reread in (False, True):
            with opened(tmp_path / str(pages), keep_duplicates=keep, reread=reread):
                pass
        steps[pages] = steps_of_listing(tmp_path / str(pages), pages)
    assert steps[800] < 5 * steps[200]


def steps_of_listing(folder: Path, pages: int) -> int:
    """Fill a batch of two series with pages, each at two places, and count SQLite's steps while it is looked at."""
    connection = sqlite3.connect(folder / "batch.sqlite")
    for number in range(pages):
        page = {"content": f"{number:040x}", "name": f"{number}.png"}
        for duplicate in (0, 1):
            connection.execute(
                "INSERT INTO pages (sha256, page, name, path, duplicate, run)"
                f" VALUES (:content, 1, :name, '/{duplicate}/' || :name, {duplicate}, 1)",
                page,
            )
        for run in (1, 2)[: 1 + number % 2]:
            connection.execute(
                "INSERT INTO readings (run, sha256, page, at, outcome)"
                f" VALUES ({run}, :content, 1, '2026-01-01T00:00:00+00:00', 'read')",
                page,
            )
    connection.commit()
    connection.close()
    steps = 0

    def count() -> None:
        nonlocal steps
        steps += 1

    with open_results(folder) as results:
        results._connection.set_progress_handler(count, 100)
        assert len(list(results.pages())) == 2 * pages
        assert results.of_earlier_settings() == (0, pages // 2)
        assert results.standing().waiting == pages // 2
        assert results.columns() == ("id",)
    return steps
