"""Pages at a time: worker processes, bounded work in flight, and no page that takes the others with it.

A worker that crashes, is killed for memory or is ended by its page's time limit takes its pool along. Each page that
was in that pool is then read alone, in a process of its own: the one that ends it again is the one to blame.
"""

from __future__ import annotations

import pickle
import re
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager
from itertools import islice
from typing import Final, Protocol

from formreader.errors import PageError
from formreader.values import PageAnswer, PageFailure, PageRef
from formreader.workers.cluster import dask_workers
from formreader.workers.local import LocalWorkers
from formreader.workers.page import SMALLER, USUAL_LIMITS, Answer, Limits

__all__ = ["USUAL_LIMITS", "Answer", "Limits", "LocalWorkers", "Workers", "answers", "dask_workers"]

_NO_ANSWER_S: Final = 30.0
"""How long the end of a process that was told to end may take."""


class Workers(Protocol):
    """Where pages are read."""

    @property
    def at_once(self) -> int:
        """How many pages to give it ahead of their answers: enough that none of its processes waits."""

    @property
    def lost(self) -> tuple[type[Exception], ...]:
        """What a page's future raises where its process did not live to answer."""

    def submit(self, answer: bytes, ref: PageRef, limits: Limits) -> Future[PageAnswer]:
        """Have a page read by a pickled `Answer`."""

    def reached(self) -> AbstractContextManager[None]:
        """Raise `UnusableCall` for what is raised within because the workers cannot be reached any more."""

    def close(self) -> None:
        """Stop at once; what is in flight is given up."""


def answers(refs: Iterable[PageRef | None], answer: Answer, workers: Workers, limits: Limits) -> Iterator[PageAnswer]:
    """Read pages, giving each answer as soon as it is there.

    Parameters
    ----------
    refs
        Taken one by one as there is room for them; None says that there is none just now, but may be later.
    """
    packed = pickle.dumps(answer)
    alone = LocalWorkers(1)
    running: dict[Future[PageAnswer], PageRef] = {}
    source = iter(refs)
    try:
        while True:
            came = [*_next_refs(source, max(0, workers.at_once - len(running)))]
            running |= {workers.submit(packed, ref, limits): ref for ref in came if ref}
            resting = None in came
            if not running and not resting:
                return
            for future in wait(running, 0 if resting else None, FIRST_COMPLETED).done:
                yield _answer_of(future, running.pop(future), workers, lambda ref: _alone(ref, packed, alone, limits))
    finally:
        alone.close()
        workers.close()


def _next_refs(source: Iterator[PageRef | None], room: int) -> Iterator[PageRef | None]:
    """Take pages while there is room and there are any; a None ends them for now."""
    for ref in islice(source, room):
        yield ref
        if ref is None:
            return


def _answer_of(
    future: Future[PageAnswer], ref: PageRef, workers: Workers, alone: Callable[[PageRef], PageAnswer]
) -> PageAnswer:
    try:
        with workers.reached():
            return future.result()
    except workers.lost:
        return alone(ref)


def _alone(ref: PageRef, answer: bytes, worker: LocalWorkers, limits: Limits) -> PageAnswer:
    """Read a page with nothing else in its process; if that ends too, it is this page's failure."""
    began = time.monotonic()
    try:
        return worker.submit(answer, ref, limits).result(limits.page_s + _NO_ANSWER_S)
    except (BrokenProcessPool, TimeoutError) as end:
        worker.close()
        return PageFailure(ref, PageError.stage, _why_lost(ref, end, time.monotonic() - began >= limits.page_s, limits))


def _why_lost(ref: PageRef, end: Exception, late: bool, limits: Limits) -> str:
    if late:
        return (
            f"{ref}: not read within {limits.page_s:g} s and given up; look at the scan, or allow more time with "
            "--page-timeout and --retry-failed"
        )
    signals = ", ".join(sorted(set(re.findall(r"SIG[A-Z]+", str(end)))))
    if signals == "SIGKILL":
        return f"{ref}: reading it was ended by the system, most likely for want of memory; {SMALLER}"
    return (
        f"{ref}: reading it crashed ({signals or 'the process ended'}): the file is probably damaged; "
        "save it anew or scan it again"
    )
