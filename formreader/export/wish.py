"""What is asked of an export, and what of a batch's rows it takes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Literal

from formreader.errors import UnusableCall
from formreader.gathering import Row
from formreader.store import Results
from formreader.template.wording import did_you_mean

Shape = Literal["results", "long", "digits"]
"""A row a form, a row a field, or a row a box."""

STRIPS: Final = 2_000
"""Pictures of fields to review: cutting them takes some minutes at most, and 20 MB of a workbook."""

_RUNS_SHOWN: Final = 8


@dataclass(frozen=True, slots=True)
class Wish:
    """How results are to be written.

    Attributes
    ----------
    only_reviewed
        Only rows of forms that were read and have nothing left to review.
    since
        Only rows with a page answered in this run or later (its number), or since a date.
    columns
        Which ones, in this order; all where empty.
    types
        ``text``, or numbers and dates where the ``template`` says so.
    join
        A CSV or XLSX whose columns stand beside each row.
    on
        The field by which they are joined, or ``field=column`` where that is called otherwise in the list.
    excel
        A CSV begins with the mark by which Excel knows UTF-8.
    locale
        As whose spreadsheets expect numbers, dates and the CSV's parting: ``de_DE``.
    strips
        How many fields to review get their picture.
    """

    shape: Shape = "results"
    only_reviewed: bool = False
    since: str = ""
    columns: tuple[str, ...] = ()
    types: Literal["text", "template"] = "text"
    join: Path | None = None
    on: str = ""
    excel: bool = False
    locale: str = ""
    strips: int = STRIPS


def refuse_nonsense(wish: Wish) -> None:
    """Refuse what does not go together.

    Raises
    ------
    UnusableCall
        See above.
    """
    if (wish.join is None) != (not wish.on):
        raise UnusableCall("--join and --on go together: --join list.csv --on student_id")
    if wish.join is not None and wish.shape == "digits":
        raise UnusableCall("--join with --digits: a list stands beside forms or fields, not beside single boxes")
    if wish.types == "template" and wish.shape != "results":
        raise UnusableCall(
            "--types template with --long or --digits: values of all fields stand in one column there, as text"
        )


class Sieve:
    """Says which rows are wanted."""

    def __init__(self, wish: Wish, results: Results) -> None:
        self._results = results
        self._only_reviewed = wish.only_reviewed
        self._since = _since(wish.since, results) if wish.since else None

    def takes(self, row: Row) -> bool:
        """Say whether a row is wanted."""
        if self._only_reviewed and row.shown_status not in ("read", "checked"):
            return False
        return self._since is None or any(self._is_new(page.reading) for page in row.pages)

    def _is_new(self, reading: int) -> bool:
        if not reading:  # a duplicate has none
            return False
        run, at = self._results.answer_of(reading)
        return run >= self._since if isinstance(self._since, int) else self._since is None or at >= self._since


def _since(text: str, results: Results) -> int | datetime:
    """Read the number of a run, or a date with or without a time of day, as this machine's clock has it."""
    runs = results.runs()
    if re.fullmatch("[0-9]{1,6}", text) and 1 <= int(text) <= len(runs):
        return int(text)
    if not text.isdecimal():
        try:
            return datetime.fromisoformat(text).astimezone()
        except ValueError:
            pass
    begun = [f"{number} of {run.started.astimezone():%Y-%m-%d %H:%M}" for number, run in enumerate(runs, 1)]
    left_out = ["..."] if len(begun) > _RUNS_SHOWN else []
    raise UnusableCall(
        f"--since {text}: no such run; this batch has {', '.join([*left_out, *begun[-_RUNS_SHOWN:]])}. Give a run's "
        "number, or a date such as 2026-11-01"
    )


def places_of(wanted: Sequence[str], known: Sequence[str]) -> list[int]:
    """Give where the wanted columns stand; those that this table does not have are left out."""
    return [known.index(name) for name in wanted if name in known] if wanted else list(range(len(known)))


def refuse_unknown(wanted: Iterable[str], known: Sequence[str]) -> None:
    """Refuse names of columns that no table has.

    Raises
    ------
    UnusableCall
        It names each, with the one that may be meant.
    """
    unknown = [name for name in wanted if name not in known]
    if unknown:
        said = ", ".join(f"'{name}'{did_you_mean(name, known)}" for name in unknown)
        raise UnusableCall(f"--columns: no such column: {said}. There are: {', '.join(known)}")
