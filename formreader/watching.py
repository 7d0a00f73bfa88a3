"""Scans as they are dropped into folders, each once its file has stopped growing."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from formreader.disks import on_network
from formreader.errors import UnusableCall
from formreader.places import is_address
from formreader.scans import file_stamp, files_below, scans_among
from formreader.values import PageRef


@dataclass(frozen=True, slots=True)
class WatchParams:
    """When a file is taken for whole.

    Attributes
    ----------
    still_s
        So long nothing has changed: scanners and copies write a file in bursts of less than a second apart.
    look_s
        Between two looks.
    """

    still_s: float = 2.0
    look_s: float = 0.5


def dropped_scans(folders: Sequence[Path], params: WatchParams = WatchParams()) -> Iterator[PageRef | None]:
    """Give the pages of all scans in folders, then for ever those that come; None while there are none.

    Raises
    ------
    UnusableCall
        A place is no folder, or the library that watches is not installed. This is said before the first is asked for.
    """
    for folder in folders:
        if is_address(folder) or not folder.is_dir():
            raise UnusableCall(
                f"{folder}: no folder of this machine; --watch waits for scans that are dropped into folders"
            )
    try:
        import watchfiles  # noqa: F401
    except ImportError as error:
        raise UnusableCall("--watch needs watchfiles; install it with: pip install 'formreader[watch]'") from error
    return _dropped(folders, params)


def _dropped(folders: Sequence[Path], params: WatchParams) -> Iterator[PageRef | None]:
    from watchfiles import watch

    look_ms = round(1000 * params.look_s)
    changes = watch(
        *folders,
        watch_filter=None,
        debounce=look_ms,
        rust_timeout=look_ms,
        yield_on_timeout=True,
        force_polling=any(map(on_network, folders)) or None,  # nobody tells what another machine wrote
    )
    touched = {Path(path) for _, path in next(changes)}  # it watches now: what comes during the listing is not missed
    touched.update(folders)
    growing: dict[Path, tuple[str, float]] = {}
    while True:
        yield from scans_among(_whole(growing, _files(touched), params.still_s), folders)
        yield None
        touched = {Path(path) for _, path in next(changes)}


def _files(touched: Iterable[Path]) -> Iterator[Path]:
    """Give files, for a folder those in it: one that was moved here as a whole speaks for all below it."""
    for path in touched:
        yield from files_below(path)


def _whole(growing: dict[Path, tuple[str, float]], touched: Iterable[Path], still_s: float) -> list[Path]:
    """Note files that were touched, and take out those that have not changed for a while; what is gone is dropped."""
    now = time.monotonic()
    for path in (*touched, *growing):
        stamp = file_stamp(path)
        if not stamp:
            growing.pop(path, None)
        elif growing.get(path, ("", 0.0))[0] != stamp:
            growing[path] = (stamp, now - _age_s(path))
    whole = [path for path, (_, since) in growing.items() if now - since >= still_s]
    for path in whole:
        del growing[path]
    return whole


def _age_s(path: Path) -> float:
    """Say how long ago a file was written; nothing where its clock is ahead of ours."""
    try:
        return max(0.0, time.time() - path.stat().st_mtime)
    except OSError:
        return 0.0
