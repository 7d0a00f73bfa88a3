"""A run over a batch: which of the found pages it reads, and what it stores of the others."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from numpy.typing import NDArray

from formreader.errors import PageError, UnusableCall
from formreader.export import flat_name
from formreader.progress import Tally
from formreader.scans import identified, save_picture
from formreader.store import Batch
from formreader.values import PageAnswer, PageFailure, PageRef, PageSkipped

_NOT_WANTED: Final = "not among the pages that --pages names"


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
    """

    numbers: frozenset[int] | None
    others: str | None
    limit: int | None


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


def to_read(batch: Batch, found: Iterable[PageRef], wanted: Wanted, tally: Tally) -> list[PageRef]:
    """Find out which pages are new and wanted; store the answers of those that are not."""
    refs, unreadable = _identified(found)
    new, duplicates = batch.pending(refs)
    tally.duplicate = len(duplicates)
    tally.earlier = sum(map(batch.is_done, set(refs).difference(duplicates)))
    for failure in unreadable:
        tally.count(store(batch, failure, wanted))
        new.remove(failure.ref)
    chosen = [ref for ref in new if wanted.numbers is None or ref.page in wanted.numbers]
    others = [ref for ref in new if wanted.numbers is not None and ref.page not in wanted.numbers]
    if wanted.others == "fail":
        for ref in others:
            tally.count(store(batch, PageFailure(ref, "pages", _NOT_WANTED), wanted))
    else:
        left_out = [PageSkipped(ref, _NOT_WANTED) for ref in others]
        batch.leave_out(left_out)
        tally.skipped += len(left_out)
    return chosen[: wanted.limit]


def _identified(found: Iterable[PageRef]) -> tuple[list[PageRef], list[PageFailure]]:
    """Give pages their files' fingerprints, and those whose file cannot be read as failures."""
    refs, unreadable = [], []
    for ref in found:
        try:
            refs.append(identified(ref))
        except PageError as failure:
            # Its place stands for its content, until that can be read.
            refs.append(replace(ref, sha256="unreadable-" + hashlib.sha256(os.fsencode(ref.path)).hexdigest()))
            unreadable.append(PageFailure(refs[-1], failure.stage, str(failure)))
    return refs, unreadable


def store(batch: Batch, answer: PageAnswer, wanted: Wanted) -> PageAnswer:
    """Store an answer; give it back as the call sees it, a page of another form skipped if that was asked for."""
    if isinstance(answer, PageFailure) and answer.stage == "align" and wanted.others == "skip":
        skipped = PageSkipped(answer.ref, answer.reason)
        batch.leave_out([skipped])
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
