"""A run over a batch: which of the found pages it reads, and what it stores of the others."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from numpy.typing import NDArray

from formreader.errors import NoMatch, PageError, UnusableCall
from formreader.export import flat_name
from formreader.progress import Tally
from formreader.scans import identified, save_picture
from formreader.store import Batch, Known
from formreader.values import PageAnswer, PageFailure, PageRef, PageSkipped

_NOT_WANTED: Final = "not among the pages that --pages names"
_PAGES: Final = "pages"
"""The stage in which pages fail that `--pages` leaves out."""
_OTHER_FORM: Final = NoMatch.stage
"""The stage in which pages of other forms fail."""
_PORTION: Final = 16


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which pages a run reads.

    Attributes
    ----------
    numbers
        Page numbers in each file; None for all.
    others
        ``skip`` or ``fail``: what a page is called that is not among these, or shows another form. None skips the
        first and fails the second.
    limit
        How many pages at most; None for all.
    retry_failed
        Also those that failed before.
    """

    numbers: frozenset[int] | None = None
    others: str | None = None
    limit: int | None = None
    retry_failed: bool = False

    def has(self, ref: PageRef) -> bool:
        """Say whether the page is among those asked for."""
        return self.numbers is None or ref.page in self.numbers

    def needs_no_more(self, known: Known) -> bool:
        """Say whether a page has its answer: what is not wanted may be later, what failed is tried when asked for."""
        if known.outcome == "left_out":  # if it was looked at, it shows another form
            return bool(known.stage) and self.others == "skip"
        if known.stage == _PAGES:  # it failed for not being wanted
            return known.now
        return known.outcome != "failed" or known.now or not self.retry_failed


def page_numbers(text: str) -> frozenset[int] | None:
    """Read a list such as ``1,3-4``; None, for all, where it is empty.

    Raises
    ------
    UnusableCall
        It is no such list.
    """
    if not text:
        return None
    numbers: set[int] = set()
    for part in text.replace(" ", "").split(","):
        match = re.fullmatch(r"([1-9][0-9]{0,5})(?:-([1-9][0-9]{0,5}))?", part)
        if not match or (match[2] and int(match[2]) < int(match[1])):
            raise UnusableCall(f"--pages: '{part}' is no page number or range; write 1 or 1,3-4")
        numbers.update(range(int(match[1]), int(match[2] or match[1]) + 1))
    return frozenset(numbers)


def to_read(batch: Batch, found: Iterable[PageRef | None], wanted: Wanted, tally: Tally) -> Iterator[PageRef | None]:
    """Find out which pages are new and wanted, as they are asked for; store the answers of those that are not.

    A None among the found pages, which says that there are no more just now, is passed on.
    """
    given = 0
    for portion in _in_portions(found):
        if portion is None:
            if given == wanted.limit:
                return  # else the run would wait for a page that it will not read
            yield None
            continue
        for ref in _new_pages(batch, portion, wanted, tally):
            if given == wanted.limit:
                return
            given += 1
            yield ref


def _in_portions(found: Iterable[PageRef | None]) -> Iterator[list[PageRef] | None]:
    """Give a few pages at a time: few enough that reading begins at once, enough to make one transaction worth it."""
    portion: list[PageRef] = []
    for ref in found:
        if ref is not None:
            portion.append(ref)
        if portion and (ref is None or len(portion) == _PORTION):
            yield portion
            portion = []
        if ref is None:
            yield None
    if portion:
        yield portion


def _new_pages(batch: Batch, found: Iterable[PageRef], wanted: Wanted, tally: Tally) -> Iterator[PageRef]:
    refs, unreadable = _identified(found, batch)
    new, duplicates, answered = batch.pending(refs, wanted.needs_no_more)
    tally.duplicate += len(duplicates)
    tally.earlier += answered.total()
    tally.failed_earlier += answered["failed"]
    for failure in unreadable:
        if failure.ref in new:
            new.remove(failure.ref)
            tally.count(store(batch, failure, wanted))
    others = [ref for ref in new if not wanted.has(ref)]
    if wanted.others == "fail":
        for ref in others:
            tally.count(store(batch, PageFailure(ref, _PAGES, _NOT_WANTED), wanted))
    else:
        batch.leave_out(PageSkipped(ref, _NOT_WANTED) for ref in others)
        tally.skipped += len(others)
    return (ref for ref in new if wanted.has(ref))


def _identified(found: Iterable[PageRef], batch: Batch) -> tuple[list[PageRef], list[PageFailure]]:
    """Give pages their files' fingerprints, and those whose file cannot be read as failures."""
    refs, unreadable = [], []
    for ref in found:
        try:
            refs.append(identified(ref, batch.known_content))
        except PageError as failure:
            # Its place stands for its content, until that can be read.
            refs.append(replace(ref, sha256="unreadable-" + hashlib.sha256(os.fsencode(ref.path)).hexdigest()))
            unreadable.append(PageFailure(refs[-1], failure.stage, str(failure)))
    return refs, unreadable


def store(batch: Batch, answer: PageAnswer, wanted: Wanted) -> PageAnswer:
    """Store an answer; give it back as the call sees it, a page of another form skipped if that was asked for."""
    if isinstance(answer, PageFailure) and answer.stage == _OTHER_FORM and wanted.others == "skip":
        skipped = PageSkipped(answer.ref, answer.reason)
        batch.leave_out([skipped], stage=_OTHER_FORM)
        return skipped
    batch.add(answer)
    return answer


@dataclass(frozen=True, slots=True)
class Pictures:
    """Saves what a step of the pipeline did, a file a page and step; it travels to other processes."""

    folder: Path

    def __call__(self, ref: PageRef, stage: str, picture: NDArray[Any]) -> None:
        """Save one picture, readable by its owner alone: it shows people's data."""
        name = flat_name(ref.name or ref.path.name, ref.page, ref.sha256)
        path = self.folder / f"{name}-{stage}.png"
        path.touch(mode=0o600)
        save_picture(path, picture)
