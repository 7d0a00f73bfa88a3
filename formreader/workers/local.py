"""Worker processes on this machine."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import Final

import joblib
import psutil
from joblib.externals.loky import ProcessPoolExecutor

from formreader.values import PageAnswer, PageRef
from formreader.workers.page import Limits, answered

_ONE_THREAD: Final = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
"""Pages are the parallel work; the threads of libraries would only get into each other's way."""

_LOOKS_UP_S: Final = 1.0
"""Between two looks whether the parent is still there."""


class LocalWorkers:
    """Worker processes on this machine; a pool that broke is replaced when the next page is given to it.

    Parameters
    ----------
    jobs
        How many; -1 for one a core.
    """

    lost = (BrokenProcessPool,)

    def __init__(self, jobs: int = -1) -> None:
        self._jobs = jobs if jobs > 0 else joblib.cpu_count()
        self._pool: ProcessPoolExecutor | None = None

    @property
    def at_once(self) -> int:
        """Two pages a process: one that it reads, and the next."""
        return 2 * self._jobs

    def submit(self, answer: bytes, ref: PageRef, limits: Limits) -> Future[PageAnswer]:
        """Have a page read, by a new pool where there is none or the last one broke."""
        with _interrupts_ignored():
            try:
                future: Future[PageAnswer] = self._ready_pool(limits).submit(answered, answer, ref, limits)
            except BrokenProcessPool:
                self.close()
                future = self._ready_pool(limits).submit(answered, answer, ref, limits)
        return future

    def _ready_pool(self, limits: Limits) -> ProcessPoolExecutor:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                self._jobs,
                timeout=None,
                env=_ONE_THREAD,
                initializer=_begin,
                initargs=(limits.memory_bytes, os.getpid()),
            )
        return self._pool

    def reached(self) -> AbstractContextManager[None]:
        """Ask nothing: this machine is here."""
        return nullcontext()

    def close(self) -> None:
        """Stop the processes."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, kill_workers=True)
            self._pool = None


def _begin(memory_bytes: int, parent: int) -> None:
    """Set a new process up: Ctrl-C is left to the parent, which stops it or takes it along, and memory has an end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    with suppress(ImportError, ValueError, OSError):  # not on this system, or a lower limit holds already
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, resource.getrlimit(resource.RLIMIT_DATA)[1]))


def _end_with(parent: int) -> None:
    """End this process when its parent does, however suddenly: it would wait for pages for ever."""
    while os.getppid() == parent and psutil.pid_exists(parent):  # the first tells it on POSIX, the second on Windows
        time.sleep(_LOOKS_UP_S)
    os._exit(1)


@contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """Start processes that ignore Ctrl-C from the first moment: they inherit what is ignored."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    usual = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)
