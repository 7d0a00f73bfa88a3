"""The same command on other machines: a real Dask scheduler with two workers, both on this one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from formreader.errors import UnusableCall
from formreader.store import open_results
from formreader.workers import dask_workers

SAMPLES = Path(__file__).parent.parent / "samples" / "visit-record"
HERE = ("--host", "127.0.0.1", "--no-dashboard")

pytestmark = pytest.mark.skipif(os.name == "nt", reason="POSIX signals")


@dataclass(frozen=True)
class Cluster:
    """A scheduler's address and how to start a worker."""

    address: str
    folder: Path
    running: ExitStack
    scheduler: subprocess.Popen[bytes]

    def start_worker(self, threads: int = 1) -> subprocess.Popen[bytes]:
        """Start a worker that reads on so many threads."""
        options = ("--nthreads", str(threads), "--no-nanny", "--local-directory", str(self.folder))
        return started(self.running, "dask_worker", self.address, *options, *HERE)


def started(running: ExitStack, command: str, *options: str) -> subprocess.Popen[bytes]:
    """Start a command that is stopped at the end."""
    call = [sys.executable, "-m", f"distributed.cli.{command}", *options]
    process = running.enter_context(subprocess.Popen(call, stderr=subprocess.DEVNULL))
    running.callback(process.kill)
    return process


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """Start a scheduler on a free port."""
    known = tmp_path / "scheduler.json"
    with ExitStack() as running:
        scheduler = started(running, "dask_scheduler", "--port", "0", "--scheduler-file", str(known), *HERE)
        until = time.monotonic() + 60
        while not known.exists() or not known.read_text():
            assert time.monotonic() < until
            time.sleep(0.1)
        yield Cluster(json.loads(known.read_text())["address"], tmp_path, running, scheduler)


def read(results: Path, *more: str) -> subprocess.Popen[str]:
    call = ["read", str(SAMPLES / "scans"), "-t", str(SAMPLES / "template.toml"), "-o", str(results), *more]
    return subprocess.Popen([sys.executable, "-m", "formreader", *call], stderr=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_results_are_the_same_though_a_worker_is_killed_half_way(tmp_path: Path, cluster: Cluster) -> None:
    alone = read(tmp_path / "alone", "--jobs", "1")
    assert alone.communicate(timeout=120)[1] is not None
    doomed, _ = cluster.start_worker(), cluster.start_worker()
    with read(tmp_path / "together", "--scheduler", cluster.address, "--json-log") as run:
        assert run.stderr is not None
        answers = (json.loads(line) for line in run.stderr)
        pages = 0
        for event in answers:
            pages += event["event"] == "page"
            if pages == 3:
                doomed.send_signal(signal.SIGKILL)
            if event["event"] == "end":
                break
        assert run.wait(60) == alone.returncode == 0
    assert doomed.poll() == -signal.SIGKILL
    tables = [(tmp_path / name / "results.csv").read_bytes() for name in ("alone", "together")]
    assert tables[0] == tables[1]


@pytest.mark.slow
def test_a_scheduler_that_goes_away_ends_the_run_with_what_to_do(tmp_path: Path, cluster: Cluster) -> None:
    cluster.start_worker()
    until = time.monotonic() + 60
    while time.monotonic() < until:
        with suppress(UnusableCall), closing(dask_workers(cluster.address)):
            break
    with read(tmp_path / "out", "--scheduler", cluster.address, "--json-log") as run:
        assert run.stderr is not None
        next(line for line in run.stderr if '"page"' in line)
        cluster.scheduler.kill()
        said = run.stderr.read()
        assert run.wait(60) == 2, said
    events = [json.loads(line) for line in said.splitlines()]
    assert "the scheduler is gone" in events[-1]["text"]
    with open_results(tmp_path / "out") as results:
        assert results.page_count() >= 1


@pytest.mark.slow
def test_a_scheduler_without_proper_workers_is_refused(cluster: Cluster) -> None:
    with pytest.raises(UnusableCall, match=r"has no workers; on each machine start: dask worker tcp://"):
        dask_workers(cluster.address)
    cluster.start_worker(threads=2)
    until = time.monotonic() + 60
    while time.monotonic() < until:
        with pytest.raises(UnusableCall) as refusal:
            dask_workers(cluster.address)
        if "several pages in one process" in str(refusal.value):
            return
    raise AssertionError(refusal.value)


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "nonsense", "127.0.0.1:70000"])
@pytest.mark.slow
def test_an_address_where_no_scheduler_is_says_so(address: str) -> None:
    with pytest.raises(UnusableCall, match=f"{address}: no Dask scheduler answers there"):
        dask_workers(address)
