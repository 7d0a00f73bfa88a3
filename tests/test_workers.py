"""Pages at a time: every page has its answer, whatever one of them does to its process."""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from formreader.errors import ModelError
from formreader.values import PageAnswer, PageFailure, PageRef, PageSkipped
from formreader.workers import Limits, LocalWorkers, answers

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals end processes otherwise there")


def read(ref: PageRef) -> PageAnswer:
    """Stand in for reading; the page's name says what becomes of its process."""
    fates: dict[str, Callable[[], object]] = {
        "crash": lambda: os.kill(os.getpid(), signal.SIGSEGV),
        "killed": lambda: os.kill(os.getpid(), signal.SIGKILL),
        "exit": lambda: os._exit(3),
        "hang": lambda: time.sleep(600),
        "hungry": lambda: np.ones(2**31),
        "mistake": lambda: dict[str, int]()["no such key"],
        "changed": lambda: _changed(),
        "pandas": lambda: importlib.import_module("pandas").DataFrame,
    }
    fates.get(ref.path.stem.partition("-")[0], lambda: None)()
    return PageSkipped(ref, str(os.getpid()))


def _changed() -> None:
    raise ModelError("model.joblib: the model was replaced while it was read with")


def refs(*names: str) -> list[PageRef]:
    return [PageRef(Path(name), 1, name) for name in names]


def plain(count: int, start: int = 0) -> list[PageRef]:
    return refs(*(f"page-{number}" for number in range(start, start + count)))


def answered(pages: list[PageRef], jobs: int = 2, page_s: float = 30) -> dict[str, PageAnswer]:
    limits = Limits(page_s=page_s, memory_bytes=1 << 30)
    found = list(answers(pages, read, LocalWorkers(jobs), limits))
    assert Counter(answer.ref for answer in found) == Counter(pages)
    return {answer.ref.name: answer for answer in found}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fate", "said"),
    [
        ("crash", "crashed (SIGSEGV)"),
        ("killed", "for want of memory"),
        ("exit", "crashed (the process ended)"),
        ("hang", "not read within 1 s"),
        ("hungry", "not enough memory"),
        ("mistake", "KeyError: 'no such key'"),
    ],
)
def test_a_page_that_ends_its_process_fails_alone(fate: str, said: str, capfd: pytest.CaptureFixture[str]) -> None:
    found = answered([*plain(3), *refs(fate), *plain(6, start=3)], page_s=1 if fate == "hang" else 30)
    bad = found.pop(fate)
    assert isinstance(bad, PageFailure)
    assert bad.reason.startswith(f"{fate}: ")
    assert said in bad.reason
    assert all(isinstance(answer, PageSkipped) for answer in found.values())
    assert ("Traceback" in capfd.readouterr().err) == (fate == "mistake")


@pytest.mark.slow
@pytest.mark.parametrize("jobs", [1, 2])
def test_several_bad_pages_among_good_ones_each_fail(jobs: int) -> None:
    bad = ("crash", "crash-2", "killed", "exit")
    found = answered([*plain(3), *refs(*bad[:2]), *plain(3, start=3), *refs(*bad[2:])], jobs)
    assert {name for name, answer in found.items() if isinstance(answer, PageFailure)} == set(bad)


def test_a_changed_model_ends_the_run() -> None:
    with pytest.raises(ModelError, match="was replaced"):
        answered([*plain(1), *refs("changed")])


def test_what_the_program_does_without_is_there_for_those_who_want_it() -> None:
    assert isinstance(answered(refs("pandas"))["pandas"], PageSkipped)


def test_pages_are_taken_as_there_is_room_for_them() -> None:
    taken: list[PageRef] = []

    def source() -> Iterator[PageRef]:
        for ref in plain(100):
            taken.append(ref)
            yield ref

    found = answers(source(), read, LocalWorkers(2), Limits())
    for number in range(1, 20):
        next(found)
        assert len(taken) <= number + 2 * 2
    del found  # as the end of a run does: what is in flight is given up


def test_pages_may_come_later() -> None:
    first, second = plain(2)
    seen: list[PageRef] = []

    def source() -> Iterator[PageRef | None]:
        yield first
        while not seen:
            yield None
        yield second

    seen.extend(answer.ref for answer in answers(source(), read, LocalWorkers(1), Limits()))
    assert seen == [first, second]


@pytest.mark.slow
def test_processes_end_with_the_one_that_started_them() -> None:
    """Also where that one is killed and cannot say goodbye."""
    run = (
        "import os; from tests.test_workers import *\n"
        "found = answers(plain(10_000), read, LocalWorkers(2), Limits())\n"
        "print(*{next(found).reason for _ in range(50)}, os.getpid(), flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    told = subprocess.run([sys.executable, "-c", run], capture_output=True, text=True, timeout=60)
    workers = [int(pid) for pid in told.stdout.split()]
    assert len(workers) >= 2
    ends = time.monotonic() + 20
    while time.monotonic() < ends and any(map(_lives, workers)):
        time.sleep(0.1)
    assert not any(map(_lives, workers))


@pytest.mark.slow
def test_processes_end_though_the_one_that_starts_them_is_killed_at_once() -> None:
    run = (
        "import os, threading; from tests.test_workers import *\n"
        "found = answers(plain(10_000), read, LocalWorkers(2), Limits())\n"
        "threading.Timer({}, os.kill, (os.getpid(), signal.SIGKILL)).start()\n"
        "list(found)"
    )
    for moment_s in (0.0, 0.1, 0.3, 0.6):
        call = [sys.executable, "-c", run.format(moment_s)]
        # A process that stays holds the pipe open, and this would wait for it in vain.
        assert subprocess.run(call, stderr=subprocess.PIPE, timeout=30).returncode == -signal.SIGKILL


def _lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
