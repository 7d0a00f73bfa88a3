"""Workers on other machines: those of a Dask scheduler that runs already."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future
from contextlib import contextmanager
from typing import Any, Final

from formreader.errors import UnusableCall
from formreader.values import PageAnswer, PageRef
from formreader.workers.page import Limits, answered

_ANSWER_S: Final = 10.0


class DaskWorkers:
    """Processes that a Dask scheduler gives pages to; what a dead one held, the scheduler gives to another."""

    def __init__(
        self, address: str, client: Any, lost: tuple[type[Exception], ...], gone: tuple[type[BaseException], ...]
    ) -> None:
        self._address = address
        self._client = client
        self._executor = client.get_executor(pure=False)
        self.lost = lost
        self._gone = gone

    @property
    def at_once(self) -> int:
        """Two pages a process, as many as there are at this moment."""
        with self.reached():
            return 2 * max(1, len(self._client.nthreads()))

    def submit(self, answer: bytes, ref: PageRef, limits: Limits) -> Future[PageAnswer]:
        """Have a page read by any of the workers."""
        with self.reached():
            future: Future[PageAnswer] = self._executor.submit(answered, answer, ref, limits)
        return future

    @contextmanager
    def reached(self) -> Iterator[None]:
        """Say so where the scheduler turns out to be gone: it takes all pages in flight along."""
        try:
            yield
        except (CancelledError, OSError, RuntimeError) as error:
            if self._client.status == "running" and not isinstance(error, self._gone):
                raise  # of the worker: it cannot load the model, say
            raise UnusableCall(
                f"{self._address}: the scheduler is gone ({type(error).__name__}); what was read is stored: start it "
                "again, then give the same command without --fresh to go on"
            ) from error

    def close(self) -> None:
        """Take back what was not read, and leave the scheduler."""
        self._executor.shutdown(wait=False)
        self._client.close()


def dask_workers(address: str) -> DaskWorkers:
    """Connect to a scheduler.

    Raises
    ------
    UnusableCall
        Dask is not installed, the scheduler does not answer, or its workers are none that can read pages.
    """
    try:
        from distributed import Client, KilledWorker
        from distributed.comm import CommClosedError, get_address_host_port
    except ImportError as error:
        raise UnusableCall("--scheduler needs Dask; install it with: pip install 'formreader[dask]'") from error
    for name in ("distributed", "distributed.client"):  # each has a level of its own
        logging.getLogger(name).setLevel(logging.CRITICAL)  # a scheduler's end is told in our own words
    try:
        # A client that finds nobody to talk to takes half a minute to give up.
        socket.create_connection(get_address_host_port(address), timeout=_ANSWER_S).close()
        client = Client(address, timeout=_ANSWER_S, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:
        raise UnusableCall(f"{address}: no Dask scheduler answers there ({error}); start one, or check it") from error
    threads = client.nthreads()
    if not threads or max(threads.values()) > 1:
        client.close()
        raise UnusableCall(
            f"{address}: {_wrong(threads)}; on each machine start: dask worker {address} --nthreads 1 --nworkers auto"
        )
    return DaskWorkers(address, client, (KilledWorker,), (CancelledError, CommClosedError))


def _wrong(threads: dict[str, int]) -> str:
    if not threads:
        return "the scheduler has no workers"
    # A page's time limit ends its process, and with it whatever else is read in it.
    return "a worker reads several pages in one process"
