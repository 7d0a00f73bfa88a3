"""The tables of a results folder, written again from its batch.

CSVs are UTF-8 and RFC 4180, but for their lines, which end with a bare line feed. All cells are text; ``needs_review``
is ``1`` or ``0``.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple
from dataclasses import fields as dataclass_fields
from itertools import chain
from pathlib import Path
from typing import Final

from formreader.checks import COLUMNS as DRIFT_COLUMNS
from formreader.checks import REPEATED_COLUMNS, DriftSearch, Repeats, find_repeats
from formreader.export.csv_files import write_csv, write_if_any
from formreader.export.places import flat_name, remove_left_over, tables_of, unwritable, whole
from formreader.export.shape import Value, as_text
from formreader.fields import needs_review
from formreader.gathering import Missing, Row, rows_of
from formreader.store import Change, Conflict, Results, StoredPage, open_results

RESULTS_COLUMNS: Final = ("scan", "page", "status", "review")
DIGITS_COLUMNS: Final = (
    *("scan", "page", "field", "position", "digit", "confidence", "needs_review", "reason"),
    *("x", "y", "width", "height"),
)
PAGES_COLUMNS: Final = (*RESULTS_COLUMNS, "form")
FAILED_COLUMNS: Final = ("scan", "page", "stage", "reason")
CODES_COLUMNS: Final = ("scan", "page", "kind", "text")
DUPLICATES_COLUMNS: Final = ("scan", "page", "same_as")
CHANGES_COLUMNS: Final = ("scan", "page", "field", "read_before", "read_now", "value", "whose")
RULES_COLUMNS: Final = ("scan", "page", "field", "rule", "words", "severity", "value", "suggestion")
MISSING_COLUMNS: Final = tuple(column.name for column in dataclass_fields(Missing))
CONFLICTS_COLUMNS: Final = tuple(column.name for column in dataclass_fields(Conflict))
LARGE_BATCH: Final = 10_000
"""Pages; the boxes of more fill a table that no spreadsheet opens."""


def write_tables(folder: Path, *, digits: bool | None = None) -> None:
    """Write ``results.csv``, ``digits.csv``, ``failed.csv`` and the pictures in ``failed/`` of a results folder.

    With several forms, each has its own ``results-<form>.csv`` of the pages that show it. With them, and with a form of
    several pages, ``pages.csv`` lists every page once, those of no form (failed, skipped, duplicate) too. Where pages
    have QR codes or barcodes, these are written to ``codes.csv``. ``digits.csv`` has no rows for strips that people
    key.

    A page that could not be read again stands in ``failed.csv``, and with its earlier reading in the other two. Scans
    of the same content stand in ``duplicates.csv`` with both names; what is read otherwise now, with another model or
    template, stands in ``changes.csv``. A box of a template that is read otherwise on a stretch of pages than on the
    others stands in ``drift.csv``, each rule that a value breaks in ``rules.csv``, what repeats in a field that should
    be unique in ``repeated.csv``, and which pages are missing of a form of several, or there twice, in ``missing.csv``.
    Each is left out where it would be empty.

    Parameters
    ----------
    digits
        Whether there is a ``digits.csv``; None leaves it out of a batch of more than `LARGE_BATCH` pages.

    Raises
    ------
    BatchError
        There is no batch in the folder, or a table cannot be written.
    """
    with open_results(folder) as results:
        remove_left_over(folder, folder / "failed")
        repeats = find_repeats(results)
        write_results(folder / "results.csv", results, repeats)
        if len(results.sheets()) > 1:
            every = repeats.marked(results.pages())
            write_csv(folder / "pages.csv", PAGES_COLUMNS, ((*head(page), page.form) for page in every))
        search = DriftSearch()
        pages = repeats.marked(results.pages(digits=True))
        if results.forms():
            pages = search.passing(pages)
        if digits if digits is not None else results.page_count() <= LARGE_BATCH:
            digit_rows = (list(map(as_text, cells)) for page in pages for cells in digit_cells(page))
            write_csv(folder / "digits.csv", DIGITS_COLUMNS, digit_rows)
        else:
            deque(pages if results.forms() else (), maxlen=0)
            (folder / "digits.csv").unlink(missing_ok=True)  # it would be out of date
        drifts = ([str(value) for value in astuple(one)] for one in search.drifts())
        write_if_any(folder / "drift.csv", DRIFT_COLUMNS, drifts)
        repeated = ([str(value) for value in astuple(one)] for one in repeats.rows)
        write_if_any(folder / "repeated.csv", REPEATED_COLUMNS, repeated)
        failed = list(results.failures())
        write_csv(folder / "failed.csv", FAILED_COLUMNS, map(failed_row, failed))
        _write_pictures(folder / "failed", failed, results)
        coded = results.pages() if results.has_codes() else ()
        codes = ([page.scan, str(page.page), code.kind, code.text] for page in coded for code in page.codes)
        write_if_any(folder / "codes.csv", CODES_COLUMNS, codes)
        twins = ([scan, str(page), twin] for scan, page, twin in results.duplicates())
        write_if_any(folder / "duplicates.csv", DUPLICATES_COLUMNS, twins)
        ruled = results.pages() if repeats.rows or results.has_broken_rules() else ()
        rows = (row for page in repeats.marked(ruled) for row in _rule_rows(page))
        across = (row for form in rows_of(results) for row in _across_rows(form)) if _has_checks(results) else ()
        write_if_any(folder / "rules.csv", RULES_COLUMNS, chain(rows, across))
        lacking = (row for form in rows_of(results) for row in _lack_rows(form)) if results.of_several_pages else ()
        write_if_any(folder / "missing.csv", MISSING_COLUMNS, lacking)
        write_if_any(folder / "changes.csv", CHANGES_COLUMNS, map(_change_row, results.changes()))


def write_conflicts(folder: Path, conflicts: Iterable[Conflict]) -> None:
    """Write to ``conflicts.csv`` what people decided otherwise in batches that were joined, if anything.

    Raises
    ------
    BatchError
        It cannot be written.
    """
    rows = ([str(value) for value in astuple(one)] for one in conflicts)
    write_if_any(folder / "conflicts.csv", CONFLICTS_COLUMNS, rows)


def write_results(target: Path, results: Results, repeats: Repeats) -> None:
    """Write the results table, or one for each of several forms."""
    for place, form in zip(tables_of(target, results.forms()), by_form(results), strict=True):
        columns = results.columns(form)
        rows = _result_rows(rows_of(results, form, repeats.marked), columns)
        write_csv(place, (*RESULTS_COLUMNS, *columns), rows)


def by_form(results: Results) -> Sequence[str | None]:
    """Give the forms that have a table each; None for the one table of all pages."""
    forms = results.forms()
    return forms if len(forms) > 1 else (None,)


def _result_rows(rows: Iterable[Row], columns: Sequence[str]) -> Iterator[list[str]]:
    for row in rows:
        values = {field.name: field.value for field in row.fields}
        yield [*head(row), *(values.get(name, "") for name in columns)]


def head(row: Row | StoredPage) -> tuple[str, str, str, str]:
    """Give what stands before the fields of a row."""
    return row.scan, str(row.page), row.shown_status, " ".join(row.to_review)


def digit_cells(page: StoredPage) -> Iterator[list[Value]]:
    """Give a row for each box of a page that was read with its digits, in the order of `DIGITS_COLUMNS`."""
    for digit, review in zip(page.digits, needs_review(page.fields, page.digits, page.decided), strict=True):
        if not digit.box.holds_digits:
            continue
        unread = "" if digit.reason in ("blank", "struck") else "?"
        yield [
            *(page.scan, page.page, digit.box.field, digit.box.position, digit.digit or unread, digit.confidence),
            *(review, digit.reason, *digit.box.extent),
        ]


def _rule_rows(page: StoredPage) -> Iterator[list[str]]:
    for field in page.fields:
        for rule in field.broken:
            yield [
                *(page.scan, str(page.page), field.name, rule.key, rule.words, rule.severity),
                *(field.value, field.suggestion),
            ]


def _has_checks(results: Results) -> bool:
    """Say whether any form has checks across its pages."""
    return any(form.checks for form in results.of_several_pages.values())


def _across_rows(row: Row) -> Iterator[list[str]]:
    """Give the checks across a form's pages that its values break."""
    values = {field.name: field.value for field in row.fields}
    for name, rules in row.broken.items():
        for rule in rules:
            place = (row.scan, str(row.page), name, rule.key, rule.words, rule.severity)
            yield [*place, values.get(name, ""), ""]


def _lack_rows(row: Row) -> Iterator[list[str]]:
    for lack in row.lacks:
        yield [row.scan, str(row.page), row.form, str(lack.page or ""), lack.why]


def failed_row(page: StoredPage) -> list[str]:
    """Give the row of a page that failed."""
    return [page.scan, str(page.page), page.stage, page.reason]


def _change_row(change: Change) -> list[str]:
    """Give what was read before, what is read now, and the value that holds: a person's where one decided."""
    holds, whose = (change.new, "reading") if change.decided is None else (change.decided, "person")
    return [change.scan, str(change.page), change.field, change.old, change.new, holds, whose]


def _write_pictures(folder: Path, failed: Iterable[StoredPage], results: Results) -> None:
    """Write the pictures of failed pages, and take away those of pages that were read since."""
    names = {f"{flat_name(page.scan, page.page, page.sha256)}.jpg": page for page in failed}
    try:
        for stale in folder.glob("*.jpg"):
            if stale.name not in names:
                stale.unlink(missing_ok=True)
        for name, page in names.items():
            picture = results.picture(page)
            if picture is not None:
                folder.mkdir(mode=0o700, exist_ok=True)
                with whole(folder / name) as part:
                    part.write_bytes(picture)
    except OSError as error:
        raise unwritable(folder, error) from error
