"""One page in a worker process: whatever goes wrong with it is its own failure."""

from __future__ import annotations

import faulthandler
import functools
import os
import pickle
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.abc import MetaPathFinder
from typing import Final

import cv2

from formreader.errors import PageError, UnusableCall
from formreader.values import PageAnswer, PageFailure, PageRef

Answer = Callable[[PageRef], PageAnswer]
"""Reads one page; it travels to other processes."""

SMALLER: Final = "scan it at a lower resolution, or read it where there is more memory"


@dataclass(frozen=True, slots=True)
class Limits:
    """What one page may cost before it is given up.

    Attributes
    ----------
    page_s
        Time: a page of 100 boxes takes a third of a second, the largest that is decoded half a minute.
    memory_bytes
        Of one process on this machine, where the system can hold it to that; the largest page takes half of it.
    """

    page_s: float = 120.0
    memory_bytes: int = 4 << 30


USUAL_LIMITS: Final = Limits()


def answered(answer: bytes, ref: PageRef, limits: Limits) -> PageAnswer:
    """Read a page within its limits; whatever goes wrong with it is its own failure."""
    read = _unpacked(answer)
    # A thread outside the interpreter ends the process: neither a decoder nor anything else can hold it up.
    faulthandler.dump_traceback_later(limits.page_s, exit=True, file=_unread())
    try:
        return read(ref)
    except UnusableCall:
        raise
    except Exception as error:  # noqa: BLE001 - a run of a night must not end for one page
        if isinstance(error, MemoryError) or getattr(error, "code", None) == cv2.Error.StsNoMem:
            return PageFailure(ref, PageError.stage, f"{ref}: there is not enough memory to read it; {SMALLER}")
        traceback.print_exc()
        what = f"{type(error).__name__}: {error}".splitlines()[0]
        reason = f"{ref}: the program has a mistake that this page brought to light ({what}); please report it"
        return PageFailure(ref, PageError.stage, reason)
    finally:
        faulthandler.cancel_dump_traceback_later()


@functools.lru_cache(maxsize=1)
def _unpacked(answer: bytes) -> Answer:
    """Load model and templates once a process."""
    unpacked: Answer
    try:
        # scikit-learn loads pandas where it is installed, only to know its types: 30 MB a process that reads pages.
        with _absent("pandas"):
            unpacked = pickle.loads(answer)  # noqa: S301 - from the process that started this one
    except ImportError:  # somebody's own answer wants it
        unpacked = pickle.loads(answer)  # noqa: S301
    return unpacked


@contextmanager
def _absent(module: str) -> Iterator[None]:
    """Have a module that is not loaded yet look as if it were not installed."""
    finder = _NotFound(module)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


class _NotFound(MetaPathFinder):
    def __init__(self, module: str) -> None:
        self._module = module

    def find_spec(self, fullname: str, *_path_and_target: object) -> None:
        """Say that the module is not there; leave all others to those who know."""
        if fullname == self._module:
            raise ModuleNotFoundError(f"No module named '{fullname}'", name=fullname)


@functools.cache
def _unread() -> int:
    """Give a pipe that nobody reads: there go the last words of a process that runs out of time."""
    return os.pipe()[1]
