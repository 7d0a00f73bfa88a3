"""Write a batch as tables: the CSVs of its results folder, and a workbook.

CSVs are UTF-8 and RFC 4180, but for their lines, which end with a bare line feed. Each is written beside its place and
moved there when it is whole, so that nobody reads half a table. All cells are text; ``needs_review`` is ``1`` or ``0``.
"""

from __future__ import annotations

import csv
import os
import re
import tempfile
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import astuple
from dataclasses import fields as dataclass_fields
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar, get_type_hints

import xlsxwriter
from xlsxwriter.utility import xl_range

from formreader.checks import COLUMNS as DRIFT_COLUMNS
from formreader.checks import REPEATED_COLUMNS, Drift, DriftSearch, Repeat, Repeats, find_repeats
from formreader.errors import BatchError, UnusableCall
from formreader.fields import needs_review
from formreader.gathering import Row, gathered
from formreader.store import Change, Conflict, Correction, Results, StoredPage, open_results
from formreader.values import FieldReading

if TYPE_CHECKING:
    import pandas as pd

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
CONFLICTS_COLUMNS: Final = tuple(column.name for column in dataclass_fields(Conflict))
CORRECTIONS_COLUMNS: Final = ("when", "who", "scan", "page", "field", "read", "old", "new", "how", "stands")
LARGE_BATCH: Final = 10_000
"""Pages; the boxes of more fill a table that no spreadsheet opens."""

Entry = TypeVar("Entry")

_PART: Final = ".part"
_DAY_S: Final = 86_400
_FORMULA: Final = re.compile(r"'*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")  # the last are wide forms of the first four
_LARGEST_SHEET: Final = (1_048_576, 16_384)  # rows and columns of an XLSX sheet


def write_tables(folder: Path, *, digits: bool | None = None) -> None:
    """Write ``results.csv``, ``digits.csv``, ``failed.csv`` and the pictures in ``failed/`` of a results folder.

    With several forms, each has its own ``results-<form>.csv`` of the pages that show it, and ``pages.csv`` lists every
    page once, those of no form (failed, skipped, duplicate) too. Where pages have QR codes or barcodes, these are
    written to ``codes.csv``. ``digits.csv`` has no rows for strips that people key.

    A page that could not be read again stands in ``failed.csv``, and with its earlier reading in the other two. Scans
    of the same content stand in ``duplicates.csv`` with both names; what is read otherwise now, with another model or
    template, stands in ``changes.csv``. A box of a template that is read otherwise on a stretch of pages than on the
    others stands in ``drift.csv``, each rule that a value breaks in ``rules.csv``, what repeats in a field that should
    be unique in ``repeated.csv``. Each is left out where it would be empty.

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
        _remove_left_over(folder, folder / "failed")
        repeats = find_repeats(results)
        _write_results(folder / "results.csv", results, repeats)
        if len(results.forms()) > 1:
            every = repeats.marked(results.pages())
            _write_csv(folder / "pages.csv", PAGES_COLUMNS, ((*_head(page), page.form) for page in every))
        search = DriftSearch()
        pages = repeats.marked(results.pages(digits=True))
        if results.forms():
            pages = search.passing(pages)
        if digits if digits is not None else results.page_count() <= LARGE_BATCH:
            digit_rows = (row for page in pages for row in _digit_rows(page))
            _write_csv(folder / "digits.csv", DIGITS_COLUMNS, digit_rows)
        else:
            deque(pages if results.forms() else (), maxlen=0)
            (folder / "digits.csv").unlink(missing_ok=True)  # it would be out of date
        drifts = ([str(value) for value in astuple(one)] for one in search.drifts())
        _write_if_any(folder / "drift.csv", DRIFT_COLUMNS, drifts)
        repeated = ([str(value) for value in astuple(one)] for one in repeats.rows)
        _write_if_any(folder / "repeated.csv", REPEATED_COLUMNS, repeated)
        failed = list(results.failures())
        _write_csv(folder / "failed.csv", FAILED_COLUMNS, map(_failed_row, failed))
        _write_pictures(folder / "failed", failed, results)
        coded = results.pages() if results.has_codes() else ()
        codes = ([page.scan, str(page.page), code.kind, code.text] for page in coded for code in page.codes)
        _write_if_any(folder / "codes.csv", CODES_COLUMNS, codes)
        twins = ([scan, str(page), twin] for scan, page, twin in results.duplicates())
        _write_if_any(folder / "duplicates.csv", DUPLICATES_COLUMNS, twins)
        ruled = results.pages() if repeats.rows or results.has_broken_rules() else ()
        rows = (row for page in repeats.marked(ruled) for row in _rule_rows(page))
        _write_if_any(folder / "rules.csv", RULES_COLUMNS, rows)
        _write_if_any(folder / "changes.csv", CHANGES_COLUMNS, map(_change_row, results.changes()))


def export_book(folder: Path, target: Path) -> None:
    """Write the results table of a folder to a file of its own; the ending of `target` says which kind.

    With several forms, a workbook has a sheet for each, and CSVs are several, named ``<target>-<form>.csv``.

    Raises
    ------
    UnusableCall
        The ending is none of those that can be written.
    BatchError
        There is no batch in the folder, or the file cannot be written.
    """
    kinds = {".xlsx": _write_xlsx, ".csv": _write_results}
    if target.suffix.lower() not in kinds:
        raise UnusableCall(f"{target}: this kind of file cannot be written; choose one of {' '.join(kinds)}")
    with open_results(folder) as results:
        kinds[target.suffix.lower()](target, results, find_repeats(results))


def export_corrections(folder: Path, target: Path | None = None) -> Path:
    """Write every decision of a person about a field, in the order of time; give where it was written.

    What no longer holds is listed too, with ``stands`` 0; marks of single boxes are not: a field that they decide is.

    Parameters
    ----------
    target
        A .csv or .xlsx file; ``corrections.csv`` in the folder where left out.

    Raises
    ------
    UnusableCall
        The ending is none of those that can be written, or a sheet cannot hold so many rows.
    BatchError
        There is no batch in the folder, or the file cannot be written.
    """
    place = folder / "corrections.csv" if target is None else target
    if place.suffix.lower() not in (".csv", ".xlsx"):
        raise UnusableCall(f"{place}: this kind of file cannot be written; choose one of .xlsx .csv")
    with open_results(folder) as results:
        rows = map(_correction_row, results.corrections())
        if place.suffix.lower() == ".csv":
            _write_csv(place, CORRECTIONS_COLUMNS, rows)
        else:
            _write_corrections_sheet(place, rows)
    return place


def _correction_row(one: Correction) -> list[str]:
    return [*one[:3], str(one.page), one.field, one.read or "", one.old, one.new, one.how, str(int(one.stands))]


def _write_corrections_sheet(target: Path, rows: Iterable[Sequence[str]]) -> None:
    def counted() -> Iterator[list[tuple[str, str]]]:
        for number, row in enumerate(rows, start=2):
            if number > _LARGEST_SHEET[0]:
                raise UnusableCall(f"{target}: a sheet cannot hold that many decisions; export to .csv instead")
            yield _plain(row)

    with _book(target) as (book, *looks):
        _write_sheet(book, "Corrections", CORRECTIONS_COLUMNS, counted(), *looks)


def read_results(path: Path) -> pd.DataFrame:
    """Read one of the CSVs back: all cells text, the mark before what would start a formula taken off."""
    import pandas as pd  # nothing else here wants it

    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = ([unguarded(cell) for cell in row] for row in csv.reader(file))
    return pd.DataFrame(rows, columns=header, dtype=str)


def read_drifts(folder: Path) -> list[Drift]:
    """Give the drifts that ``drift.csv`` of a results folder tells of; none where it is absent or was edited."""
    return _read_rows(folder / "drift.csv", Drift)


def read_repeats(folder: Path) -> list[Repeat]:
    """Give what ``repeated.csv`` of a results folder tells of; nothing where it is absent or was edited."""
    return _read_rows(folder / "repeated.csv", Repeat)


def _read_rows(table: Path, kind: type[Entry]) -> list[Entry]:
    """Give the rows of a table whose columns are a dataclass's."""
    kinds = get_type_hints(kind).values()
    try:
        rows = read_results(table).itertuples(index=False, name=None)
        return [kind(*(of(cell) for of, cell in zip(kinds, row, strict=True))) for row in rows]
    except (FileNotFoundError, ValueError):
        return []


def write_conflicts(folder: Path, conflicts: Iterable[Conflict]) -> None:
    """Write to ``conflicts.csv`` what people decided otherwise in batches that were joined, if anything.

    Raises
    ------
    BatchError
        It cannot be written.
    """
    rows = ([str(value) for value in astuple(one)] for one in conflicts)
    _write_if_any(folder / "conflicts.csv", CONFLICTS_COLUMNS, rows)


def guarded(text: str) -> str:
    """Put a ``'`` before a text that a spreadsheet would take for a formula, or that such a mark stands before."""
    return f"'{text}" if _FORMULA.match(text) else text


def unguarded(text: str) -> str:
    """Take the mark of `guarded` off again."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text


def tables_of(target: Path, forms: Sequence[str]) -> tuple[Path, ...]:
    """Give the files that a results table goes to: `target` itself, or one for each of several forms."""
    if len(forms) < 2:
        return (target,)
    return tuple(target.with_name(f"{target.stem}-{_flat(form)}{target.suffix}") for form in forms)


def _write_results(target: Path, results: Results, repeats: Repeats) -> None:
    for place, form in zip(tables_of(target, results.forms()), _by_form(results), strict=True):
        columns = results.columns(form)
        _write_csv(place, (*RESULTS_COLUMNS, *columns), _result_rows(repeats.marked(results.pages(form)), columns))


def _by_form(results: Results) -> Sequence[str | None]:
    """Give the forms that have a table each; None for the one table of all pages."""
    forms = results.forms()
    return forms if len(forms) > 1 else (None,)


def _result_rows(pages: Iterable[StoredPage], columns: Sequence[str]) -> Iterator[list[str]]:
    for row in gathered(pages):
        values = {field.name: field.value for field in row.fields}
        yield [*_head(row), *(values.get(name, "") for name in columns)]


def _head(row: Row | StoredPage) -> tuple[str, str, str, str]:
    return row.scan, str(row.page), row.shown_status, " ".join(row.to_review)


def _digit_rows(page: StoredPage) -> Iterator[list[str]]:
    for digit, review in zip(page.digits, needs_review(page.fields, page.digits, page.decided), strict=True):
        if not digit.box.holds_digits:
            continue
        unread = "" if digit.reason in ("blank", "struck") else "?"
        yield [
            *(page.scan, str(page.page), digit.box.field, str(digit.box.position)),
            *(digit.digit or unread, f"{digit.confidence:.4f}", str(int(review)), digit.reason),
            *map(str, digit.box.extent),
        ]


def _rule_rows(page: StoredPage) -> Iterator[list[str]]:
    for field in page.fields:
        for rule in field.broken:
            yield [
                *(page.scan, str(page.page), field.name, rule.key, rule.words, rule.severity),
                *(field.value, field.suggestion),
            ]


def _failed_row(page: StoredPage) -> list[str]:
    return [page.scan, str(page.page), page.stage, page.reason]


def _change_row(change: Change) -> list[str]:
    """Give what was read before, what is read now, and the value that holds: a person's where one decided."""
    holds, whose = (change.new, "reading") if change.decided is None else (change.decided, "person")
    return [change.scan, str(change.page), change.field, change.old, change.new, holds, whose]


def _write_if_any(target: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write a table; none where there are no rows."""
    rest = iter(rows)
    first = next(rest, None)
    if first is None:
        target.unlink(missing_ok=True)
    else:
        _write_csv(target, header, chain([first], rest))


def _write_csv(target: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    with whole(target) as part, part.open("w", encoding="utf-8", newline="") as file:
        plain = csv.writer(file, lineterminator="\n")
        quoted = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL)
        for row in chain([header], rows):
            # Older Pythons leave a lone CR unquoted, which ends the line for those who read it.
            writer = quoted if any("\r" in cell for cell in row) else plain
            writer.writerow([guarded(cell) for cell in row])


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
        raise _unwritable(folder, error) from error


def flat_name(scan: str, page: int, sha256: str) -> str:
    """Make the start of a file name from a page's: flat, and its own also where two folders hold files of one name."""
    return f"{_flat(scan)[-100:]}-{page}-{sha256[:8]}"


def _flat(name: str) -> str:
    """Replace what file names cannot hold on some system."""
    return re.sub(r"[/\\:*?\"<>|\x00-\x1f]", "_", name)


@contextmanager
def whole(target: Path) -> Iterator[Path]:
    """Give a place to write to, readable by its owner alone; it becomes `target` when all went well.

    The place is this call's own: the end of a run and an export may write the same table at the same time.

    Raises
    ------
    BatchError
        It cannot be written.
    """
    try:
        file, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=_PART, dir=target.parent)
        part = Path(name)
        try:
            os.close(file)
            yield part
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise _unwritable(target, error) from error


def _remove_left_over(*folders: Path) -> None:
    """Remove what calls that were killed a day ago or earlier had begun to write."""
    for part in (part for folder in folders for part in folder.glob(f".*{_PART}")):
        with suppress(OSError):
            if time.time() - part.stat().st_mtime > _DAY_S:
                part.unlink()


def _unwritable(place: Path, error: OSError) -> BatchError:
    return BatchError(
        f"{place}: cannot be written ({error.strerror or error}); close it where it is open, or name another place"
    )


def _write_xlsx(target: Path, results: Results, repeats: Repeats) -> None:
    """Write a workbook, a sheet a form; rows go to the disk as they come: memory does not grow with the batch."""
    forms = _by_form(results)
    count, width = results.page_count() + 1, len(RESULTS_COLUMNS) + max(len(results.columns(form)) for form in forms)
    if count > _LARGEST_SHEET[0] or width > _LARGEST_SHEET[1]:
        raise UnusableCall(f"{target}: a sheet cannot hold {count} rows and {width} columns; export to .csv instead")
    with _book(target) as (book, *looks):
        for name, form in zip(_sheet_names(results.forms()), forms, strict=True):
            columns = results.columns(form)
            rows = (_sheet_row(row, columns) for row in gathered(repeats.marked(results.pages(form))))
            _write_sheet(book, name, (*RESULTS_COLUMNS, *columns), rows, *looks)
        if len(forms) > 1:
            every = (_plain((*_head(page), page.form)) for page in repeats.marked(results.pages()))
            _write_sheet(book, "Pages", PAGES_COLUMNS, every, *looks)
        failed = (_plain(_failed_row(page)) for page in results.failures())
        _write_sheet(book, "Failed", FAILED_COLUMNS, failed, *looks)


@contextmanager
def _book(target: Path) -> Iterator[tuple[Any, Any, Any]]:
    """Give a workbook with the looks of its cells, plain and flagged; rows go to the disk as they come."""
    with whole(target) as part:
        book = xlsxwriter.Workbook(str(part), {"constant_memory": True})
        plain = book.add_format({"num_format": "@"})
        flagged = book.add_format({"num_format": "@", "bg_color": "#FFD966"})
        yield book, plain, flagged
        try:
            book.close()
        except xlsxwriter.exceptions.FileCreateError as error:
            raise OSError(str(error)) from error


def _sheet_names(forms: Sequence[str]) -> list[str]:
    """Name sheets after several forms, as Excel allows: up to 31 letters, no name twice, whatever its case."""
    if len(forms) < 2:
        return ["Results"]
    taken, names = {"pages", "failed", "history"}, []
    for form in forms:
        flat = re.sub(r"[\[\]:*?/\\]|^'|'$", "_", form)
        longer = (flat[: 31 - len(end)] + end for end in chain([""], (f" {n}" for n in range(2, 10_000))))
        names.append(next(name for name in longer if name.casefold() not in taken))
        taken.add(names[-1].casefold())
    return names


def _plain(row: Sequence[str]) -> list[tuple[str, str]]:
    return [(cell, "") for cell in row]


def _sheet_row(row: Row, columns: Sequence[str]) -> list[tuple[str, str]]:
    """Give each cell's text and, for one to review, the comment that says why."""
    fields = {field.name: field for field in row.fields}
    cells = _plain(_head(row))
    for name in columns:
        field = fields.get(name)
        comment = ""
        if field and name in row.to_review:
            comment = _comment(field)
        cells.append((field.value if field else "", comment))
    return cells


def _comment(field: FieldReading) -> str:
    """Say why a person should look at a field, and what its rules ask for and suggest."""
    lines = [", ".join(field.reasons), *([] if field.is_keyed else [f"confidence {field.confidence:.1%}"])]
    lines += [f"{rule.key}: {rule.words}" for rule in field.broken]
    return "\n".join([*lines, f"perhaps {field.suggestion}"] if field.suggestion else lines)


def _write_sheet(
    book: Any, name: str, header: Sequence[str], rows: Iterable[Sequence[tuple[str, str]]], text: Any, flagged: Any
) -> None:
    sheet = book.add_worksheet(name)
    sheet.write_row(0, 0, header, book.add_format({"bold": True, "num_format": "@"}))
    sheet.freeze_panes(1, 1)
    sheet.set_column(0, 0, 28)
    last = 0
    for last, row in enumerate(rows, 1):
        for column, (cell, comment) in enumerate(row):
            sheet.write_string(last, column, cell, flagged if comment else text)
            if comment:
                sheet.write_comment(last, column, comment)
    sheet.autofilter(0, 0, last, len(header) - 1)
    # Text that looks like a number is meant: without this, Excel marks each such cell with a green corner.
    sheet.ignore_errors({"number_stored_as_text": xl_range(0, 0, last, len(header) - 1)})
