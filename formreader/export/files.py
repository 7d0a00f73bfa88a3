"""A batch written to a file of its own; the ending of its name says in which format."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Final

from formreader.batch_forms import forms_of
from formreader.checks import find_repeats
from formreader.errors import UnusableCall
from formreader.export import formats
from formreader.export.csv_files import Dialect, write_csv, write_if_any
from formreader.export.folder import FAILED_COLUMNS, PAGES_COLUMNS, failed_row
from formreader.export.locales import Habit, habit_of
from formreader.export.noted import Noted
from formreader.export.places import tables_of
from formreader.export.rows import Source, every_page
from formreader.export.shape import Line, Table, own_columns, text_table
from formreader.export.wish import Wish, refuse_nonsense
from formreader.store import Correction, open_results

CORRECTIONS_COLUMNS: Final = ("when", "who", "scan", "page", "field", "read", "old", "new", "how", "stands")
ENDINGS: Final = (".xlsx", ".csv", ".tsv", ".json", ".jsonl", ".parquet", ".sqlite", ".ods")
_OF_TEXT: Final = (".csv", ".tsv")


@dataclass(slots=True)
class Written:
    """What was written.

    Attributes
    ----------
    rows
        Of the batch, that were wanted.
    notes
        What whoever opens the files should know.
    """

    files: list[Path] = field(default_factory=list)
    rows: int = 0
    notes: list[str] = field(default_factory=list)


_ALL: Final = Wish()


def export_book(
    folder: Path, target: Path, wish: Wish = _ALL, tell: Callable[[int], None] = lambda _cut: None
) -> Written:
    """Write the results of a folder to a file of its own; the ending of `target` says which kind.

    With several forms, a workbook or database has a table for each; other files are several, named
    ``<target>-<form>.csv``.

    Parameters
    ----------
    tell
        Is told how many strips are cut from scans, which takes the longest.

    Raises
    ------
    UnusableCall
        The ending is none of those that can be written, or what is asked for does not go together or is not there.
    BatchError
        There is no batch in the folder, or the file cannot be written.
    """
    ending = target.suffix.lower()
    if ending not in ENDINGS:
        raise UnusableCall(f"{target}: this kind of file cannot be written; choose one of {' '.join(ENDINGS)}")
    if wish.excel and ending not in _OF_TEXT:
        raise UnusableCall(f"--excel is for .csv and .tsv; Excel opens {ending} as it is, or not at all")
    if wish.locale and ending not in (*_OF_TEXT, ".xlsx"):
        raise UnusableCall(f"--locale is for .csv, .tsv and .xlsx; {ending} holds numbers and dates as such")
    refuse_nonsense(wish)
    habit_of(wish.locale)  # refused before the batch is opened
    with open_results(folder) as results:
        source = Source(results, find_repeats(results), wish, forms_of(results))
        source.tell = tell
        return write_source(target, source)


def write_source(target: Path, source: Source) -> Written:
    """Write what was asked of a batch; see `export_book`, which has refused what cannot be."""
    written, ending, habit = Written(), target.suffix.lower(), habit_of(source.wish.locale)
    if ending == ".xlsx":
        _write_xlsx(target, source, written, habit)
    elif ending in (".sqlite", ".ods"):
        _write_tables(target, source, written)
    else:
        _write_files(target, source, written, habit)
    written.rows = source.taken
    _tell(source, written)
    return written


def _write_files(target: Path, source: Source, written: Written, habit: Habit) -> None:
    """Write a file for each form, and beside it the lists of what does not fit."""
    dialect = _dialect(target, source.wish, habit)
    writers: dict[str, Callable[[Path, Table], None]] = {
        ".csv": lambda place, table: formats.write_csv(place, table, dialect, habit),
        ".tsv": lambda place, table: formats.write_csv(place, table, dialect, habit),
        ".json": formats.write_json,
        ".jsonl": formats.write_jsonl,
        ".parquet": formats.write_parquet,
    }
    places = tables_of(target, source.results.forms())
    for place, table in zip(places, source.tables(), strict=True):
        writers[target.suffix.lower()](place, _with_pictures(table, target, written))
        written.files.append(place)
    for name, noted in _lists(source):
        place = target.with_name(f"{target.stem}-{name.replace(' ', '-')}.csv")
        if write_if_any(place, noted.header, noted, dialect._replace(delimiter=habit.delimiter)):
            written.files.append(place)


def _write_tables(target: Path, source: Source, written: Written) -> None:
    """Write all tables to one file."""
    tables = chain(
        (_with_pictures(table, target, written) for table in source.tables()),
        _further(source),
        (text_table(name.capitalize(), noted.header, noted) for name, noted in _lists(source) if len(noted)),
    )
    if target.suffix.lower() == ".sqlite":
        formats.write_sqlite(target, tables)
    else:
        formats.write_ods(target, tables)
    written.files.append(target)


def _write_xlsx(target: Path, source: Source, written: Written, habit: Habit) -> None:
    from formreader.export.about import write_about
    from formreader.export.book import open_book
    from formreader.export.to_review import write_to_review

    with open_book(target, source.wish.strips, habit.pattern) as book:
        for table in source.tables():
            book.add(table)
        counts = write_to_review(book, source)
        for table in _further(source):
            book.add(table, own=True)
        for name, noted in _lists(source):
            if len(noted):
                book.add(text_table(name.capitalize(), noted.header, noted), own=True)
        write_about(book, source, counts)
    written.files.append(target)
    written.notes += book.notes


def _further(source: Source) -> Iterator[Table]:
    """Give what stands beside the results: every page where forms have a table each, failures, decisions."""
    if len(source.results.sheets()) > 1:
        pages = (Line([scan, int(page), *rest]) for scan, page, *rest in every_page(source))
        yield Table("Pages", own_columns(PAGES_COLUMNS), pages)
    yield text_table("Failed", FAILED_COLUMNS, map(failed_row, source.results.failures()))
    yield text_table("Changes", CORRECTIONS_COLUMNS, map(correction_row, source.results.corrections()))


def _lists(source: Source) -> Iterator[tuple[str, Noted]]:
    """Give what was put aside while the tables were written, by what it is."""
    if source.wish.types == "template":
        yield "as text", source.as_text
    if source.joining is not None:
        yield "absent", source.joining.absent()
        yield "unknown", source.joining.unknown
        yield "double", source.joining.double


def _with_pictures(table: Table, target: Path, written: Written) -> Table:
    return formats.pictures_beside(table, target.with_name(f"{target.stem}-images"), written.files.append)


def _dialect(target: Path, wish: Wish, habit: Habit) -> Dialect:
    tabs = target.suffix.lower() == ".tsv"
    return Dialect("\t" if tabs else habit.delimiter, "\r\n", wish.excel)


def _tell(source: Source, written: Written) -> None:
    """Note what is not in the table as one may expect."""
    if source.taken == 0:
        written.notes.append("No row is as asked for; the table has a header only")
    if len(source.as_text):
        written.notes.append(f"{len(source.as_text):,} values are no number or date and stay text; see 'as text'")
    if source.wish.types == "template" and (source.forms.lost or not source.forms.templates):
        written.notes.append("Without the template all values are text")
    if source.joining is not None:
        counts = {name: len(noted) for name, noted in _lists(source) if name != "as text"}
        said = ", ".join(f"{count:,} {name}" for name, count in counts.items())
        written.notes.append(f"Joined with {source.wish.join}: {said}")


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
        The ending is none of those that can be written.
    BatchError
        There is no batch in the folder, or the file cannot be written.
    """
    place = folder / "corrections.csv" if target is None else target
    if place.suffix.lower() not in (".csv", ".xlsx"):
        raise UnusableCall(f"{place}: this kind of file cannot be written; choose one of .xlsx .csv")
    with open_results(folder) as results:
        rows = map(correction_row, results.corrections())
        if place.suffix.lower() == ".csv":
            write_csv(place, CORRECTIONS_COLUMNS, rows)
        else:
            from formreader.export.book import open_book

            with open_book(place, 0) as book:
                book.add(text_table("Corrections", CORRECTIONS_COLUMNS, rows))
    return place


def correction_row(one: Correction) -> list[str]:
    """Give the row of a decision."""
    return [*one[:3], str(one.page), one.field, one.read or "", one.old, one.new, one.how, str(int(one.stands))]
