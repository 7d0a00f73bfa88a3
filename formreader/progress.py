"""What a person sees of a run: how far it is, and at the end what came of it."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from formreader.export import needs_review
from formreader.values import PageAnswer, PageFailure, PageReading

_EVERY_S: Final = 5.0  # between two lines in a log file: enough to see it lives, few enough to read
_REASONS_SHOWN: Final = 5
_NAMES_SHOWN: Final = 3
_OTHER_PICTURES: Final = (".gif", ".jp2", ".avif")


@dataclass(slots=True)
class Tally:
    """Counts of one run.

    Attributes
    ----------
    review
        Pages with a field to look at.
    earlier
        Pages that an earlier run answered.
    flagged
        Digit boxes to look at, of all `digits` written in boxes.
    why
        How often pages failed, by stage and reason.
    """

    read: int = 0
    review: int = 0
    skipped: int = 0
    duplicate: int = 0
    earlier: int = 0
    digits: int = 0
    flagged: int = 0
    why: Counter[str] = field(default_factory=Counter)
    began: float = field(default_factory=time.monotonic)

    @property
    def failed(self) -> int:
        """Pages that failed."""
        return self.why.total()

    @property
    def answered(self) -> int:
        """Pages with an answer from this run."""
        return self.read + self.skipped + self.failed

    def count(self, answer: PageAnswer) -> None:
        """Add a page's answer."""
        if isinstance(answer, PageReading):
            self.read += 1
            self.review += any(found.reasons for found in answer.fields)
            self.digits += sum(digit.reason != "blank" for digit in answer.digits)
            self.flagged += sum(needs_review(answer.fields, answer.digits))
        elif isinstance(answer, PageFailure):
            self.why[why_failed(answer)] += 1
        else:
            self.skipped += 1

    def summary(self, tables: Sequence[Path], notes: Iterable[str] = ()) -> str:
        """Say what came of the run and where it is.

        Parameters
        ----------
        tables
            The results table, or one for each of several forms.
        notes
            Lines about more than this run.
        """
        output = tables[0].parent
        took = max(time.monotonic() - self.began, 1e-9)
        lines = [f"{count_of(self.answered, 'page')} in {took:.0f} s ({self.answered / took:.1f} pages/s)"]
        if self.earlier:
            lines.append(f"  {self.earlier:>6,} answered by an earlier run, besides")
        lines.append(f"  {self.read:>6,} read: {self.read - self.review:,} accepted, {self.review:,} to review")
        lines += [f"  {count:>6,} {name}" for name, count in self._other_states() if count]
        lines += about_failures(self.why, output)
        share = f" ({self.flagged / self.digits:.1%})" if self.digits else ""
        lines.append(f"{count_of(self.digits, 'digit')} read, {self.flagged:,} flagged{share}")
        lines += notes
        beside = (*(table.name for table in tables[1:]), *(["pages.csv"] if len(tables) > 1 else []), "digits.csv")
        lines.append(f"Results: {tables[0]}, {', '.join(beside)} and failed.csv beside it")
        lines.append("Excel drops leading zeros from CSV files; for Excel, write a workbook:")
        lines.append(f"  formreader export {_quoted(output)} -o {_quoted(output.with_suffix('.xlsx'))}")
        return "\n".join(lines)

    def _other_states(self) -> Iterable[tuple[str, int]]:
        return (
            ("skipped (blank, or not wanted)", self.skipped),
            ("duplicate (the same scan under another name)", self.duplicate),
            ("failed", self.failed),
        )


def why_failed(failure: PageFailure) -> str:
    """Give stage and reason without the page's name, so that failures of one cause count as one."""
    reason = failure.reason.removeprefix(str(failure.ref)).removeprefix(failure.ref.name).lstrip(": ")
    return f"{failure.stage}: {reason}"


def about_failures(why: Counter[str], results: Path) -> Iterator[str]:
    """Say how often pages failed for the commonest reasons."""
    for reason, count in why.most_common(_REASONS_SHOWN):
        yield f"         {count:>6,}  {reason}"
    if len(why) > _REASONS_SHOWN:
        yield f"         and other reasons, all in {results / 'failed.csv'}"


def about_ignored(names: Sequence[str]) -> Iterator[str]:
    """Say which files were passed over; pictures come first, as somebody may have meant them to be read."""
    if names:
        pictures = [name for name in names if name.lower().endswith(_OTHER_PICTURES)]
        shown = ", ".join(sorted(names, key=lambda name: name not in pictures)[:_NAMES_SHOWN])
        more = ", ..." if len(names) > _NAMES_SHOWN else ""
        yield f"{count_of(len(names), 'file')} of other kinds in the folders passed over: {shown}{more}"
        if pictures:
            these = "one is a picture" if len(pictures) == 1 else f"{len(pictures):,} are pictures"
            yield f"  {these} of a kind that this program does not read; convert to PNG or JPEG"


def about_earlier_settings(kept: int, waiting: int) -> Iterator[str]:
    """Say which pages show a reading of before the last ``--reread``."""
    if kept:
        yield f"{count_of(kept, 'page')} failed or came out blank now and {_verb(kept, 'keep')} the earlier reading"
    if waiting:
        yield (
            f"{count_of(waiting, 'page')} still {_verb(waiting, 'show')} readings of the earlier settings; "
            "the same command without --reread goes on"
        )


def _verb(number: int, many: str) -> str:
    return f"{many}s" if number == 1 else many


def count_of(number: int, one: str, many: str = "") -> str:
    """Write a number with its noun."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def with_progress(answers: Iterable[PageAnswer], total: int, tally: Tally, *, quiet: bool) -> Iterator[PageAnswer]:
    """Pass the answers on, showing on stderr how far they are; the tally is kept by the one who takes them."""
    if quiet or not total:
        return iter(answers)
    return _with_bar(answers, total, tally) if sys.stderr.isatty() else _with_lines(answers, total, tally)


def _with_bar(answers: Iterable[PageAnswer], total: int, tally: Tally) -> Iterator[PageAnswer]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        *(BarColumn(), MofNCompleteColumn(), TextColumn("pages  {task.fields[rate]}")),
        *(TimeRemainingColumn(), TextColumn("{task.fields[flagged]}")),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("", total=total, rate="", flagged="")
        began = time.monotonic()
        for number, answer in enumerate(answers, 1):
            yield answer
            rate = f"{number / max(time.monotonic() - began, 1e-9):.1f} pages/s"
            progress.update(task, completed=number, rate=rate, flagged=_to_review(tally))


def _with_lines(answers: Iterable[PageAnswer], total: int, tally: Tally) -> Iterator[PageAnswer]:
    began = shown = time.monotonic()
    for number, answer in enumerate(answers, 1):
        yield answer
        now = time.monotonic()
        if now - shown >= _EVERY_S:
            shown, rate = now, number / (now - began)
            left = time.strftime("%H:%M:%S", time.gmtime((total - number) / rate))
            line = f"{number:,} of {total:,} pages, {rate:.1f} pages/s, {left} left, {_to_review(tally)}"
            print(line, file=sys.stderr, flush=True)  # noqa: T201 - progress belongs there


def _to_review(tally: Tally) -> str:
    return f"{count_of(tally.flagged, 'digit')} to review"


def _quoted(path: Path) -> str:
    return f'"{path}"' if " " in str(path) else str(path)
