"""What a person sees of a run: how far it is, and at the end what came of it."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from formreader.claims import per_10000
from formreader.fields import counted
from formreader.trust import Promise
from formreader.values import FieldReading, PageAnswer, PageFailure, PageReading

SKIPPED: Final = "skipped (blank, or not wanted)"
DUPLICATE: Final = "duplicate (the same scan under another name)"
REVIEW_S: Final = 0.6
"""What a flagged box costs a person, looked at among others of its kind: a thousand in ten minutes."""
_COUNTED: Final = ("digits", "choice")
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
        Pages that an earlier run answered; `failed_earlier` of these with a failure.
    flagged
        Digit boxes to look at, of all `digits` written in boxes.
    flagged_fields, to_key
        Fields with a doubt, and those that a person keys with anything to key; these are no doubts, but work.
    accepted
        Accepted fields of digits, by how many are written in them.
    promise
        What was promised of these; None where a threshold was given instead.
    why
        How often pages failed, by stage and reason.
    """

    read: int = 0
    review: int = 0
    skipped: int = 0
    duplicate: int = 0
    earlier: int = 0
    failed_earlier: int = 0
    digits: int = 0
    flagged: int = 0
    flagged_fields: int = 0
    to_key: int = 0
    accepted: Counter[int] = field(default_factory=Counter)
    promise: Promise | None = None
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

    @property
    def seen(self) -> int:
        """Pages of which it is known what becomes of them."""
        return self.answered + self.earlier + self.duplicate

    @property
    def pace(self) -> float:
        """Pages a second."""
        return self.answered / max(time.monotonic() - self.began, 1e-9)

    def count(self, answer: PageAnswer) -> None:
        """Add a page's answer."""
        if isinstance(answer, PageReading):
            self.read += 1
            counts = counted(answer.fields, answer.digits)
            self.review += bool(counts.flagged_fields)
            self.digits += counts.boxes
            self.flagged += counts.flagged_boxes
            to_key = sum(read.is_keyed and bool(read.reasons) for read in answer.fields)
            self.flagged_fields += counts.flagged_fields - to_key
            self.to_key += to_key
            self.accepted.update(
                _digits_in(read) for read in answer.fields if read.kind in _COUNTED and not read.reasons
            )
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
        took = time.monotonic() - self.began
        lines = [f"{count_of(self.answered, 'page')} in {took:.0f} s ({self.pace:.1f} pages/s)"]
        lines.append(f"  {self.read:>6,} read: {self.read - self.review:,} accepted, {self.review:,} to review")
        lines += self.states()
        lines += about_failures(self.why, output)
        lines += self._about_fields()
        lines += notes
        if self.duplicate:
            lines.append(f"Which scans are the same: {output / 'duplicates.csv'}")
        beside = (*(table.name for table in tables[1:]),)
        beside += tuple(name for name in ("pages.csv", "missing.csv", "digits.csv") if (output / name).exists())
        lines.append(f"Results: {', '.join(map(str, (tables[0], *beside)))} and failed.csv beside it")
        if "digits.csv" not in beside:
            lines.append("No digits.csv, as the batch is large; to have it: formreader export RESULTS --digits")
        lines.append("Excel drops leading zeros from CSV files; for Excel, write a workbook:")
        lines.append(f"  formreader export {_quoted(output)} -o {_quoted(output.with_suffix('.xlsx'))}")
        return "\n".join(lines)

    def _about_fields(self) -> Iterator[str]:
        """Say how much was accepted, what that is worth, and what looking at the rest takes."""
        accepted, flagged = self.accepted.total(), self.flagged_fields
        if self.to_key:
            yield f"{count_of(self.to_key, 'field')} to key: names and free text, which are not read"
        if not accepted + flagged:
            return
        share = flagged / (accepted + flagged)
        yield f"{count_of(accepted + flagged, 'field')}: {accepted:,} accepted, {flagged:,} flagged ({share:.1%})"
        if flagged:
            minutes = self.flagged * REVIEW_S / 60
            took = f"about {minutes:.0f} min" if minutes >= 1 else "less than a minute"
            yield f"  to look at: {count_of(self.flagged, 'box', 'boxes')} of {self.digits:,}, {took} at 100 a minute"
        if self.promise and accepted:
            wrong, bound = self.promise.expected(self.accepted)
            most = f"{per_10000(self.promise.max_wrong)} in 10,000"
            shown = "" if self.promise.is_proven(self.accepted) else "; so few have not been shown, only estimated"
            yield (
                f"  expected wrong among the accepted: {wrong:.1f}, at most {bound:.1f} ({most} allowed{shown}),"
                " if these scans are like those the model was measured on: formreader audit tells"
            )

    def states(self) -> list[str]:
        """Say what became of the pages that were not read, a line a state."""
        counts = (
            (self.skipped, SKIPPED),
            (self.duplicate, DUPLICATE),
            (self.earlier - self.failed_earlier, "answered by an earlier run, besides"),
            (self.failed_earlier, "failed in an earlier run, besides; --retry-failed tries them again"),
            (self.failed, "failed"),
        )
        return [f"  {count:>6,} {name}" for count, name in counts if count]


def _digits_in(field: FieldReading) -> int:
    """Say how many digits may be wrong in a field; a choice is trusted like a single one."""
    return len(field.value) if field.holds_digits else 1


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


class Log:
    """What a run tells while it goes on; this one tells nothing."""

    def say(self, text: str) -> None:
        """Tell a person something."""

    def through(self, answers: Iterable[PageAnswer]) -> Iterator[PageAnswer]:
        """Pass the answers on and tell how far they are; the tally is kept by the one who takes them."""
        return iter(answers)

    def end(self, how: str) -> None:
        """Tell that the run is over: ``finished`` or ``stopped``."""


def shown(total: int, tally: Tally, *, endless: bool, as_json: bool, quiet: bool) -> Log:
    """Choose how a run is told: as JSON, as a bar where a person looks on, else as a line now and then.

    Parameters
    ----------
    total
        How many pages were found.
    endless
        More may come at any time.
    """
    if as_json:
        return _JsonLog(total, tally)
    if quiet:
        return Log()
    kind = _Bar if sys.stderr.isatty() and total and not endless else _Lines
    log = kind(None if endless else total, tally)
    log.say(f"{count_of(total, 'page')} found" + (", waiting for more; Ctrl-C stops" if endless else ""))
    return log


class _Lines(Log):
    """A line every few seconds, as it is good for files."""

    def __init__(self, total: int | None, tally: Tally) -> None:
        self._total = total
        self._tally = tally

    def say(self, text: str) -> None:
        _tell(text)

    def through(self, answers: Iterable[PageAnswer]) -> Iterator[PageAnswer]:
        last = time.monotonic()
        for answer in answers:
            yield answer
            if time.monotonic() - last >= _EVERY_S:
                last = time.monotonic()
                self.say(self._line())

    def _line(self) -> str:
        tally, left = self._tally, ""
        if self._total and tally.pace:
            left_s = max(0, self._total - tally.seen) / tally.pace
            left = f", {timedelta(seconds=round(left_s))} left"
        of = f" of {self._total:,}" if self._total else ""
        return f"{tally.seen:,}{of} pages, {tally.pace:.1f} pages/s{left}, {_so_far(tally)}"


class _Bar(_Lines):
    """A bar in the terminal."""

    def through(self, answers: Iterable[PageAnswer]) -> Iterator[PageAnswer]:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (
            *(BarColumn(), MofNCompleteColumn(), TextColumn("pages  {task.fields[rate]}")),
            *(TimeRemainingColumn(), TextColumn("{task.fields[so_far]}")),
        )
        tally = self._tally
        with Progress(*columns, console=Console(stderr=True)) as progress:
            task = progress.add_task("", total=self._total, rate="", so_far="")
            for answer in answers:
                yield answer
                progress.update(task, completed=tally.seen, rate=f"{tally.pace:.1f} pages/s", so_far=_so_far(tally))


class _JsonLog(Log):
    """An object a line: what each page came to, and at the end the counts."""

    def __init__(self, total: int, tally: Tally) -> None:
        self._tally = tally
        self._event("begin", found=total)

    def say(self, text: str) -> None:
        self._event("message", text=text)

    def through(self, answers: Iterable[PageAnswer]) -> Iterator[PageAnswer]:
        for answer in answers:
            yield answer
            page: dict[str, Any] = {"scan": answer.ref.name, "page": answer.ref.page}
            if isinstance(answer, PageReading):
                flagged = [field.name for field in answer.fields if field.reasons]
                page |= {"outcome": "read", "form": answer.form, "review": flagged}
            elif isinstance(answer, PageFailure):
                page |= {"outcome": "failed", "stage": answer.stage, "reason": answer.reason}
            else:
                page |= {"outcome": "skipped", "reason": answer.reason}
            self._event("page", **page, seen=self._tally.seen)

    def end(self, how: str) -> None:
        tally = self._tally
        self._event(
            "end",
            how=how,
            read=tally.read,
            review=tally.review,
            skipped=tally.skipped,
            duplicate=tally.duplicate,
            earlier=tally.earlier,
            failed=tally.failed,
            digits=tally.digits,
            flagged=tally.flagged,
            to_key=tally.to_key,
            pages_per_s=round(tally.pace, 2),
        )

    def _event(self, name: str, **said: Any) -> None:
        _tell(json.dumps({"event": name, "at": datetime.now(UTC).isoformat(timespec="milliseconds"), **said}))


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - what is no result belongs there


def _so_far(tally: Tally) -> str:
    failed = f"{tally.failed:,} failed, " if tally.failed else ""
    return f"{failed}{count_of(tally.flagged, 'digit')} to review"


def _quoted(path: Path) -> str:
    return f'"{path}"' if " " in str(path) else str(path)
