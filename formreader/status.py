"""What is said of a batch while it runs and afterwards: how far it is, how fast, and what waits for people."""

from __future__ import annotations

import json
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np

from formreader.checks import Drift, DriftSearch, Repeat, about_drifts, about_repeats
from formreader.errors import BatchError
from formreader.export import read_drifts, read_missing, read_repeats, tables_of
from formreader.fields import needs_review
from formreader.gathering import FormCount, about_forms, count_forms
from formreader.progress import DUPLICATE, SKIPPED, about_failures, count_of, why_failed
from formreader.store import Results, RunRow, Standing, is_written_to, open_results
from formreader.values import PageFailure, PageRef

_RECENT: Final = timedelta(minutes=5)
"""The pace is that of so long: enough for pages that take their time, and short enough to see a change."""

_LOOKED_INTO: Final = 500
"""Pages with decisions whose boxes are looked into: about half a second. Of more, what is left is estimated."""

_RUNS_SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class Queue:
    """What waits for review, fields to key among it; `estimated` where that of many pages was estimated from some."""

    pages: int
    fields: int
    boxes: int
    estimated: bool


@dataclass(frozen=True, slots=True, eq=False)
class Status:
    """A batch at one moment.

    Attributes
    ----------
    running
        Whether a run holds the batch now.
    pages_per_s, left_s
        Pace of that run over the last minutes, and from it the seconds until all waiting pages are answered; None where
        nothing can be said.
    tables_of
        When the CSVs were written; None where one is missing.
    repeats
        Values of unique fields that stood on several pages then.
    filled
        How many forms of several pages were whole then.
    """

    folder: Path
    forms: tuple[str, ...]
    standing: Standing
    running: bool
    pages_per_s: float | None
    left_s: float | None
    why_failed: Counter[str]
    queue: Queue
    tables_of: datetime | None
    drifts: tuple[Drift, ...]
    repeats: tuple[Repeat, ...] = ()
    filled: tuple[FormCount, ...] = ()

    @property
    def tables_are_old(self) -> bool:
        """Whether the batch has answers or decisions that the CSVs lack."""
        if self.tables_of is None:
            return True
        return self.standing.newest is not None and self.tables_of < self.standing.newest


def status_of(folder: Path, *, drift: bool = False) -> Status:
    """Look at a batch, also while a run writes to it; nothing is written, and the run does not wait.

    Parameters
    ----------
    drift
        Search all pages for drift; without, what was found when the CSVs were written is given.

    Raises
    ------
    BatchError
        There is no batch in the folder, or it is no batch of this program's.
    """
    written_to = is_written_to(folder)
    with open_results(folder) as results:
        standing = results.standing()
        if not standing.runs:
            raise BatchError(f"{folder}: nothing was read into it yet; run `formreader read` again")
        running = written_to and standing.runs[-1].finished is None
        pace = _pages_per_s(results, standing.runs[-1].started) if running else None
        return Status(
            folder=folder,
            forms=results.forms(),
            standing=standing,
            running=running,
            pages_per_s=pace,
            left_s=standing.waiting / pace if pace else None,
            why_failed=_why_failed(standing),
            queue=_queue(results, standing),
            tables_of=_written(folder, results.forms()),
            drifts=tuple(_drifts(results) if drift else read_drifts(folder)),
            repeats=tuple(read_repeats(folder)),
            filled=tuple(count_forms(results, read_missing(folder))),
        )


def _pages_per_s(results: Results, started: datetime) -> float | None:
    """Give the pace since the first answer of the last minutes: finding the pages takes its time before that."""
    now = datetime.now(UTC)
    answers = results.answered_since(now - _RECENT)
    if not answers:
        return 0.0 if now - started >= _RECENT else None
    took_s = (now - answers[-1]).total_seconds()
    return len(answers) / took_s if took_s >= 1 else None


def _why_failed(standing: Standing) -> Counter[str]:
    refs = ((PageRef(Path(failed.name), failed.page, failed.name), failed) for failed in standing.failures)
    return Counter(why_failed(PageFailure(ref, failed.stage, failed.reason)) for ref, failed in refs)


def _queue(results: Results, standing: Standing) -> Queue:
    """Count what is flagged and not decided; of many pages with decisions, estimate it from some, evenly spread."""
    touched = standing.partly_decided
    chosen = np.unique(np.linspace(0, len(touched) - 1, min(len(touched), _LOOKED_INTO)).round().astype(np.int64))
    found = np.zeros(3)
    for page in results.sample(touched[chosen].tolist()):
        boxes = sum(needs_review(page.fields, page.digits, page.decided))
        found += (bool(page.to_review), len(page.to_review), boxes)
    left = found * len(touched) / max(len(chosen), 1)
    pages, fields, boxes = (standing.review + left).round().astype(int).tolist()
    return Queue(pages, fields, boxes, estimated=len(chosen) < len(touched))


def _drifts(results: Results) -> list[Drift]:
    search = DriftSearch()
    if results.forms():
        deque(search.passing(results.pages(digits=True)), maxlen=0)
    return search.drifts()


def _written(folder: Path, forms: tuple[str, ...]) -> datetime | None:
    tables = (*tables_of(folder / "results.csv", forms), folder / "failed.csv")
    try:
        oldest = min(table.stat().st_mtime for table in tables)
    except FileNotFoundError:
        return None
    return datetime.fromtimestamp(oldest, UTC)


def as_lines(status: Status) -> Iterator[str]:
    """Write a status for people."""
    standing = status.standing
    yield from _about_runs(status)
    yield f"{count_of(standing.pages, 'page')} known"
    yield f"  {standing.read:>7,} read"
    others = (
        (SKIPPED, standing.skipped),
        ("failed", len(standing.failures)),
        ("waiting", standing.waiting),
        (f"{DUPLICATE}, besides", standing.duplicates),
    )
    for name, count in others:
        if count:
            yield f"  {count:>7,} {name}"
        if name == "failed":
            yield from about_failures(status.why_failed, status.folder)
    yield from _about_review(status)
    yield _about_tables(status)
    yield from about_forms(() if status.tables_are_old else status.filled)
    yield from about_drifts(status.drifts)
    yield from about_repeats(status.repeats)


def _about_runs(status: Status) -> Iterator[str]:
    runs = status.standing.runs
    forms = ", ".join(f"'{form}'" for form in status.forms) or "forms without a template"
    last = runs[-1]
    settings = ", ".join(f"{name} {_rounded(value)}" for name, value in json.loads(last.settings).items())
    yield f"{forms}: model {_model(last)}, {_template(last)}{settings}"
    if len(runs) > _RUNS_SHOWN:
        yield f"  {len(runs) - _RUNS_SHOWN:,} earlier runs"
    for run in runs[-_RUNS_SHOWN:]:
        goes_on = status.running and run is last
        by = f", by model {_model(run)}" if run.model_fingerprint != last.model_fingerprint else ""
        yield f"  run of {_shown(run.started)}, {_ended(run, goes_on=goes_on)}{_pace(status) if goes_on else ''}{by}"


def _model(run: RunRow) -> str:
    return f"{run.model} ({run.model_fingerprint[:8]})"


def _rounded(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _template(run: RunRow) -> str:
    shown = " ".join(fingerprint[:8] for fingerprint in run.template_fingerprint.split("\n") if fingerprint)
    return f"template {shown}, " if shown else ""


def _ended(run: RunRow, *, goes_on: bool) -> str:
    if goes_on:
        return "running now"
    return f"finished {_shown(run.finished)}" if run.finished else "broken off"


def _pace(status: Status) -> str:
    if status.pages_per_s is None:
        return ""
    if not status.pages_per_s:
        return f": no page in the last {_RECENT.seconds // 60} minutes"
    left = timedelta(seconds=round(status.left_s or 0))
    return f": {status.pages_per_s:.1f} pages/s, about {left} left"


def _about_review(status: Status) -> Iterator[str]:
    queue, standing = status.queue, status.standing
    about = "about " if queue.estimated else ""
    boxes = count_of(queue.boxes, "digit box", "digit boxes")
    yield f"To review: {about}{count_of(queue.pages, 'page')}, {count_of(queue.fields, 'field')}, {boxes}"
    if standing.decided:
        people = count_of(standing.deciders, "person", "people")
        yield f"  {count_of(standing.decided, 'field')} decided by {people}"


def _about_tables(status: Status) -> str:
    renew = f"`formreader export {status.folder}`"
    if status.tables_of is None:
        return f"The CSVs are not written yet; {'the end of the run' if status.running else renew} writes them"
    if status.tables_are_old:
        return f"The CSVs, of {_shown(status.tables_of)}, are older than the batch; {renew} renews them"
    return f"The CSVs are of {_shown(status.tables_of)}, and hold all of the batch"


def _shown(time: datetime) -> str:
    return time.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def as_json(status: Status) -> dict[str, Any]:
    """Give a status for programs, as JSON can hold it; times are UTC, ISO 8601."""
    standing = status.standing
    last = standing.runs[-1]
    return {
        "folder": str(status.folder),
        "forms": list(status.forms),
        "running": status.running,
        "runs": [_run_as_json(run, goes_on=status.running and run is last) for run in standing.runs],
        "pages": standing.pages,
        "read": standing.read,
        "skipped": standing.skipped,
        "failed": len(standing.failures),
        "why_failed": dict(status.why_failed.most_common()),
        "waiting": standing.waiting,
        "duplicates": standing.duplicates,
        "pages_per_s": status.pages_per_s,
        "left_s": status.left_s,
        "review": asdict(status.queue),
        "fields_decided": standing.decided,
        "people": standing.deciders,
        "newest": _iso(standing.newest),
        "tables": {"written": _iso(status.tables_of), "old": status.tables_are_old},
        "drift": [asdict(drift) for drift in status.drifts],
        "repeated": [asdict(repeat) for repeat in status.repeats],
        "filled_forms": [] if status.tables_are_old else [asdict(count) for count in status.filled],
    }


def _run_as_json(run: RunRow, *, goes_on: bool) -> dict[str, Any]:
    state = "running" if goes_on else "finished" if run.finished else "broken off"
    settings = json.loads(run.settings)
    return {
        **asdict(run),
        "settings": settings,
        "started": _iso(run.started),
        "finished": _iso(run.finished),
        "state": state,
    }


def _iso(time: datetime | None) -> str | None:
    return None if time is None else time.isoformat(timespec="seconds")
