"""Scans that are dropped into a folder while the program runs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from formreader.errors import UnusableCall
from formreader.scans import find_scans
from formreader.store import open_results
from formreader.values import PageRef
from formreader.watching import WatchParams, dropped_scans

SAMPLES = Path(__file__).parent.parent / "samples" / "visit-record"
QUICK = WatchParams(still_s=0.4, look_s=0.1)


def names(found: Iterator[PageRef | None], seconds: float) -> list[str]:
    """Give the names of the pages that come within some time."""
    ends, came = time.monotonic() + seconds, list[str]()
    while time.monotonic() < ends:
        ref = next(found)
        if ref is not None:
            came.append(str(ref))
    return came


@pytest.mark.slow
def test_scans_come_once_each_when_they_are_whole(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "b.png").write_bytes(b"earlier")
    os.utime(tmp_path / "b.png", (1, 1))
    found = dropped_scans([tmp_path], QUICK)
    assert names(found, 0.3) == ["b.png"]
    (tmp_path / "sub" / "c.png").write_bytes(b"whole")
    with (tmp_path / "a.png").open("wb") as growing:
        for _ in range(6):
            growing.write(b"strip")
            growing.flush()
            assert "a.png" not in names(found, 0.15)
    assert names(found, 0.8) == ["a.png"]
    (tmp_path / "a.png").write_bytes(b"scanned again")
    (tmp_path / "notes.txt").write_text("no scan")
    (tmp_path / ".hidden.png").write_bytes(b"in the making")
    assert names(found, 1.0) == ["a.png"]


@pytest.mark.slow
def test_a_folder_that_is_moved_here_brings_its_scans(tmp_path: Path) -> None:
    watched, made = tmp_path / "watched", tmp_path / "made" / "batch 7"
    watched.mkdir()
    made.mkdir(parents=True)
    (made / "page2.png").write_bytes(b"2")
    (made / "page10.png").write_bytes(b"10")
    found = dropped_scans([watched], QUICK)
    assert names(found, 0.3) == []
    made.rename(watched / "batch 7")
    assert names(found, 1.2) == ["batch 7/page2.png", "batch 7/page10.png"]


def test_what_the_program_writes_is_no_scan(tmp_path: Path) -> None:
    found = dropped_scans([tmp_path], QUICK)
    assert names(found, 0.2) == []
    failed = tmp_path / "results" / "failed"
    failed.mkdir(parents=True)
    (tmp_path / "results" / "batch.sqlite").write_bytes(b"")
    (failed / "a.jpg").write_bytes(b"picture of a failed page")
    assert names(found, 1.0) == []


def test_only_folders_are_watched(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(UnusableCall, match="--watch waits for scans that are dropped into folders"):
        dropped_scans([tmp_path / "a.png"])


def until(there: Callable[[], bool], seconds: float = 90) -> None:
    ends = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < ends, "it never came"
        time.sleep(0.1)


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_the_program_reads_what_is_dropped_until_it_is_stopped(tmp_path: Path, end: signal.Signals) -> None:
    scans, results, log = tmp_path / "scans", tmp_path / "scans" / "results", tmp_path / "log"
    scans.mkdir()
    pages = sorted((SAMPLES / "scans").iterdir())[:3]
    command = ["read", str(scans), "-t", str(SAMPLES / "template.toml"), "-o", str(results), "--watch", "--jobs", "1"]
    call = [sys.executable, "-m", "formreader", *command]

    def rows() -> int:
        table = results / "results.csv"
        return table.read_text("utf-8").count("\n") - 1 if table.exists() else 0

    # A shell that starts the tests in the background has them, and all they start, ignore Ctrl-C.
    usual = signal.signal(signal.SIGINT, signal.default_int_handler)
    with log.open("w") as told, subprocess.Popen(call, stderr=told) as run:
        signal.signal(signal.SIGINT, usual)
        try:
            until(lambda: "waiting for more" in log.read_text())
            (scans / pages[0].name).write_bytes(pages[0].read_bytes())
            until(lambda: rows() == 1)
            for page in pages[1:]:
                (scans / page.name).write_bytes(page.read_bytes())
            until(lambda: rows() == 3)
            run.send_signal(end)
            assert run.wait(20) == 0, log.read_text()
            with open_results(results) as batch:
                assert batch.standing().runs[-1].finished  # this is how a watch ends: nothing is broken off
        finally:
            run.kill()
    assert rows() == 3
    assert "3 pages in" in log.read_text()


@pytest.mark.slow
def test_what_links_lead_to_is_watched_as_it_is_listed(tmp_path: Path) -> None:
    real, elsewhere = tmp_path / "real", tmp_path / "elsewhere"
    for folder in (real / "sub", elsewhere):
        folder.mkdir(parents=True)
    for path in (real / "a.png", real / "sub" / "b.png", elsewhere / "c.png"):
        path.write_bytes(path.name.encode())
        os.utime(path, (1, 1))
    (tmp_path / "inbox").symlink_to(real)
    (real / "link.png").symlink_to(elsewhere / "c.png")
    (real / "more").symlink_to(elsewhere)
    listed = {str(ref) for ref in find_scans([tmp_path / "inbox"]).pages}
    found = dropped_scans([tmp_path / "inbox"], QUICK)
    assert set(names(found, 0.5)) == listed == {"a.png", "sub/b.png", "link.png"}
    (tmp_path / "inbox" / "d.png").write_bytes(b"d")
    assert names(found, 1.0) == ["d.png"]
