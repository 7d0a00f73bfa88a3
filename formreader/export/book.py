"""Workbooks of a batch, and the decisions of people as a table of their own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any, Final

import xlsxwriter
from xlsxwriter.utility import xl_range

from formreader.checks import Repeats, find_repeats
from formreader.errors import UnusableCall
from formreader.export.csv_files import write_csv
from formreader.export.folder import (
    FAILED_COLUMNS,
    PAGES_COLUMNS,
    RESULTS_COLUMNS,
    _failed_row,
    by_form,
    head,
    write_results,
)
from formreader.export.places import whole
from formreader.gathering import Row, gathered
from formreader.store import Correction, Results, open_results
from formreader.values import FieldReading

CORRECTIONS_COLUMNS: Final = ("when", "who", "scan", "page", "field", "read", "old", "new", "how", "stands")
_LARGEST_SHEET: Final = (1_048_576, 16_384)  # rows and columns of an XLSX sheet


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
    kinds = {".xlsx": _write_xlsx, ".csv": write_results}
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
            write_csv(place, CORRECTIONS_COLUMNS, rows)
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


def _write_xlsx(target: Path, results: Results, repeats: Repeats) -> None:
    """Write a workbook, a sheet a form; rows go to the disk as they come: memory does not grow with the batch."""
    forms = by_form(results)
    count, width = results.page_count() + 1, len(RESULTS_COLUMNS) + max(len(results.columns(form)) for form in forms)
    if count > _LARGEST_SHEET[0] or width > _LARGEST_SHEET[1]:
        raise UnusableCall(f"{target}: a sheet cannot hold {count} rows and {width} columns; export to .csv instead")
    with _book(target) as (book, *looks):
        for name, form in zip(_sheet_names(results.forms()), forms, strict=True):
            columns = results.columns(form)
            rows = (_sheet_row(row, columns) for row in gathered(repeats.marked(results.pages(form))))
            _write_sheet(book, name, (*RESULTS_COLUMNS, *columns), rows, *looks)
        if len(forms) > 1:
            every = (_plain((*head(page), page.form)) for page in repeats.marked(results.pages()))
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
    cells = _plain(head(row))
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
