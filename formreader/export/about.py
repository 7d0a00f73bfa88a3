"""The sheet *About*: what a workbook was made of, and how far its accepted values can be trusted."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any, Final

from xlsxwriter.utility import xl_range

from formreader.errors import ModelError
from formreader.export.book import Book, for_paper
from formreader.export.rows import Source
from formreader.export.to_review import AS_READ, BLANK, SHEET, Counts
from formreader.store import RunRow
from formreader.trust import promise

_RUNS_SHOWN: Final = 20
_LETTERS_A_LINE: Final = 105
_LINE_PX: Final = 20


def write_about(book: Book, source: Source, counts: Counts) -> None:
    """Write the sheet: what there is to know, and what it is."""
    rows = _rows(source, counts, book.notes)
    sheet = book.book.add_worksheet(book.name_sheet("About"))
    sheet.set_column(0, 0, 30)
    sheet.set_column(1, 1, _LETTERS_A_LINE)
    for_paper(sheet, 2)
    for row, (what, said) in enumerate(rows):
        sheet.set_row_pixels(row, _LINE_PX * (1 + len(said) // _LETTERS_A_LINE))
        sheet.write_string(row, 0, what, book.head)
        sheet.write_string(row, 1, said, book.wrapped)
    sheet.ignore_errors({"number_stored_as_text": xl_range(0, 0, len(rows), 1)})


def _rows(source: Source, counts: Counts, notes: list[str]) -> list[tuple[str, str]]:
    return [
        ("Results", str(source.results.folder.resolve())),
        ("Written", f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, by formreader {version('formreader')}"),
        *_about_forms(source),
        *_about_runs(source.results.runs()),
        *_about_rows(counts),
        ("Expected accuracy", _expected(source.results.runs(), counts)),
        *_about_wish(source),
        (
            f"Corrections ({SHEET})",
            f"Type into 'right value' what is written; {AS_READ} where it is right as read, {BLANK} where nothing is "
            f"written. Then: formreader import {source.results.folder} BOOK.xlsx",
        ),
        *(("Note", note) for note in notes),
    ]


def _about_forms(source: Source) -> Iterator[tuple[str, str]]:
    stored = source.results.templates()
    if not stored:
        yield "Form", "none: boxes were found on each page"
    for name, one in stored.items():
        template = source.forms.of(name)
        edition = f", version {template.version}" if template is not None and template.version else ""
        yield "Form", f"{name}{edition}; template {one.path or 'no longer known'} ({one.fingerprint[:8]})"


def _about_runs(runs: tuple[RunRow, ...]) -> Iterator[tuple[str, str]]:
    last = runs[-1]
    settings = ", ".join(f"{name} {value}" for name, value in json.loads(last.settings).items())
    yield "Model", f"{last.model} ({last.model_fingerprint[:8]})"
    yield "Settings", settings or "the usual ones"
    for number, run in list(enumerate(runs, 1))[-_RUNS_SHOWN:]:
        ended = f"finished {run.finished:%Y-%m-%d %H:%M} UTC" if run.finished else "not finished"
        yield f"Run {number}", f"{run.started:%Y-%m-%d %H:%M} UTC, {ended}, formreader {run.version}"


def _about_rows(counts: Counts) -> Iterator[tuple[str, str]]:
    yield "Rows", ", ".join(f"{count:,} {status}" for status, count in sorted(counts.status.items())) or "none"
    accepted = counts.accepted.total()
    yield (
        "Fields of digits",
        f"{accepted:,} accepted as read, {counts.flagged:,} to review (fields to key among these), "
        f"{counts.decided:,} decided by people",
    )


def _expected(runs: tuple[RunRow, ...], counts: Counts) -> str:
    """Say how many of the accepted fields are expected wrong, as the model's card and the run's promise have it."""
    last = runs[-1]
    share = json.loads(last.settings).get("max_wrong")
    if not isinstance(share, float):
        return "not known: read with a threshold instead of --max-wrong. formreader audit proves it afterwards"
    card = _card_of(last.model_fingerprint)
    asked = f"read so that at most {share * 10_000:g} in 10,000 accepted fields are wrong"
    if card is None:
        return f"{asked}; how many are expected is not known here, as the model is none that ships"
    try:
        wrong, most = promise(card, share).expected(counts.accepted)
    except ModelError:
        return asked
    accepted = counts.accepted.total()
    return (
        f"{asked}: of these {accepted:,} about {wrong:.2g}, and at most {most:.2g} (95 % sure; counted on drawn pages, "
        "not on these scans). formreader audit proves it for these"
    )


def _card_of(fingerprint: str) -> Mapping[str, Any] | None:
    from formreader.model import shipped_card  # slow to import

    return shipped_card(fingerprint)


def _about_wish(source: Source) -> Iterator[tuple[str, str]]:
    wish = source.wish
    said = {
        "only rows with nothing left to review": wish.only_reviewed,
        f"only rows since {wish.since}": bool(wish.since),
        f"columns {', '.join(wish.columns)}": bool(wish.columns),
        "numbers and dates where the template says so": wish.types == "template",
        f"joined with {wish.join} on {wish.on}": wish.join is not None,
    }
    if asked := [what for what, is_so in said.items() if is_so]:
        yield "Asked for", "; ".join(asked)
