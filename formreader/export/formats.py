"""One table to one file in the formats that machines read; a line is in memory at a time, or a few thousand."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import date, time
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import IO, Any, Final

from formreader.errors import UnusableCall
from formreader.export.csv_files import Dialect, write_rows
from formreader.export.locales import Habit
from formreader.export.places import whole
from formreader.export.shape import Column, Kind, Line, Table, Value

_GROUP: Final = 20_000
"""Lines of a Parquet row group: large enough to compress, small enough for any memory."""

MOST_ODS_CELLS: Final = 200_000
"""A sheet of this kind is built in memory: half a gigabyte, and forty seconds."""

_NOT_IN_XML: Final = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What no XML can hold, escaped or not: one such letter, and nobody opens the sheet."""


def write_csv(target: Path, table: Table, dialect: Dialect, habit: Habit) -> None:
    """Write CSV or, with tabs as delimiter, TSV."""
    kinds: list[Kind] = [column.kind for column in table.columns]

    def rows() -> Iterator[list[str]]:
        yield [column.name for column in table.columns]
        for line in table.lines:
            own = ("text" if place in line.words else kind for place, kind in enumerate(kinds))
            yield [habit.text(cell, kind) for cell, kind in zip(line.cells, own, strict=True)]

    encoding = "utf-8-sig" if dialect.bom else "utf-8"
    with whole(target) as part, part.open("w", encoding=encoding, newline="") as file:
        write_rows(file, rows(), dialect)


def write_jsonl(target: Path, table: Table) -> None:
    """Write an object a line."""
    with whole(target) as part, part.open("w", encoding="utf-8", newline="\n") as file:
        for text in _objects(table):
            file.write(text + "\n")


def write_json(target: Path, table: Table) -> None:
    """Write a list of objects."""
    with whole(target) as part, part.open("w", encoding="utf-8", newline="\n") as file:
        _write_list(file, _objects(table))


def _write_list(file: IO[str], texts: Iterable[str]) -> None:
    before = "[\n"
    for text in texts:
        file.write(before + text)
        before = ",\n"
    file.write("\n]\n" if before != "[\n" else "[]\n")


def _objects(table: Table) -> Iterator[str]:
    names = [column.name for column in table.columns]
    for line in table.lines:
        cells = dict(zip(names, map(_as_json, line.cells), strict=True))
        yield json.dumps(cells, ensure_ascii=False)


def _as_json(value: Value) -> Any:
    if isinstance(value, date | time):
        return f"{value:%H:%M}" if isinstance(value, time) else value.isoformat()
    return float(value) if isinstance(value, Decimal) else value


def write_sqlite(target: Path, tables: Iterable[Table]) -> None:
    """Write a database with a table each; values that are no numbers of their column stay text."""
    with whole(target) as part, closing(sqlite3.connect(part, isolation_level=None)) as made:
        made.execute("PRAGMA journal_mode = OFF")  # half a file is thrown away, never mended
        made.execute("BEGIN")
        taken: set[str] = set()
        for table in tables:
            name = _unlike(table.name.lower(), taken)
            named: set[str] = set()
            columns = ", ".join(f"{_quoted(_unlike(c.name, named))} {_sql(c)}" for c in table.columns)
            made.execute(f"CREATE TABLE {_quoted(name)} ({columns})")
            marks = ", ".join("?" * len(table.columns))
            rows = (list(map(_as_sql, line.cells)) for line in table.lines)
            made.executemany(f"INSERT INTO {_quoted(name)} VALUES ({marks})", rows)  # noqa: S608 - quoted
        made.execute("COMMIT")


# Columns of text have no affinity to numbers, so that leading zeros live; those of dates hold ISO 8601.
_SQL: Final[Mapping[Kind, str]] = {
    **dict.fromkeys(("text", "digits", "date", "time"), "TEXT"),
    **dict.fromkeys(("whole", "flag"), "INTEGER"),
    **dict.fromkeys(("number", "share"), "REAL"),
}


def _sql(column: Column) -> str:
    """Give a column's type; one of numbers that a text may stand in has none, as SQLite would make a number of it."""
    return "" if column.kind in ("whole", "number") and not column.is_own else _SQL[column.kind]


def _unlike(name: str, taken: set[str]) -> str:
    """Give a name that is not taken, as SQLite sees it: whatever its case."""
    found, number = name, 2
    while found.lower() in taken or found.lower().startswith("sqlite_"):
        found, number = f"{name} {number}", number + 1
    taken.add(found.lower())
    return found


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""').replace("\0", "") + '"'


def _as_sql(value: Value) -> Any:
    return int(value) if isinstance(value, bool) else _as_json(value)


def write_parquet(target: Path, table: Table) -> None:
    """Write Parquet; what is no value of its column's kind is null, as a column has one kind there.

    Raises
    ------
    UnusableCall
        PyArrow is not installed.
    """
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        raise UnusableCall(f"{target}: Parquet needs PyArrow: pip install 'formreader[parquet]'") from error
    arrow = {
        **dict.fromkeys(("text", "digits"), (pa.string(), str)),
        "whole": (pa.int64(), int),
        **dict.fromkeys(("number", "share"), (pa.float64(), (float, Decimal))),
        "flag": (pa.bool_(), bool),
        "date": (pa.date32(), date),
        "time": (pa.time32("ms"), time),
    }
    kinds = [arrow[column.kind] for column in table.columns]
    schema = pa.schema([(column.name, kind) for column, (kind, _) in zip(table.columns, kinds, strict=True)])
    lines = iter(table.lines)
    with whole(target) as part, parquet.ParquetWriter(part, schema, compression="zstd") as writer:
        while group := list(islice(lines, _GROUP)):
            arrays = [
                pa.array([_fitting(line.cells[place], of) for line in group], kind)
                for place, (kind, of) in enumerate(kinds)
            ]
            writer.write_batch(pa.record_batch(arrays, schema=schema))


def _fitting(value: Value, of: Any) -> Any:
    """Give a value of a column's type, else null."""
    if not isinstance(value, of) or (of is int and isinstance(value, bool)):
        return None
    return float(value) if isinstance(value, Decimal) else value


def write_ods(target: Path, tables: Iterable[Table]) -> None:
    """Write an OpenDocument spreadsheet, all of it in memory; texts are typed as such, whatever they begin with.

    Raises
    ------
    UnusableCall
        It is too much for that, or odfpy is not installed.
    """
    import pandas as pd

    from formreader.export.book import free_name

    frames, cells = dict[str, pd.DataFrame](), 0
    for table in tables:
        rows: list[Sequence[Value]] = []
        for line in table.lines:
            cells += len(line.cells)
            if cells > MOST_ODS_CELLS:
                raise UnusableCall(
                    f"{target}: a sheet of this kind takes up to {MOST_ODS_CELLS:,} cells, as it is built in memory; "
                    "export to .xlsx, which LibreOffice opens too, or choose --columns"
                )
            rows.append([_as_ods(cell) for cell in line.cells])
        columns = [_as_ods(column.name) for column in table.columns]
        frames[free_name(table.name, {name.casefold() for name in frames})] = pd.DataFrame(
            rows, columns=columns, dtype=object
        )
    try:
        with whole(target) as part, part.open("wb") as file, pd.ExcelWriter(file, engine="odf") as writer:
            for name, frame in frames.items():
                frame.to_excel(writer, sheet_name=name, index=False, freeze_panes=(1, 1))
    except ImportError as error:
        raise UnusableCall(f"{target}: this format needs odfpy: pip install 'formreader[ods]'") from error


def _as_ods(value: Value) -> Any:
    if value is None:
        return ""
    if isinstance(value, str):
        return _NOT_IN_XML.sub("\N{REPLACEMENT CHARACTER}", "\n".join(re.split("\r\n?", value)))
    if isinstance(value, time):
        return f"{value:%H:%M}"
    return float(value) if isinstance(value, Decimal) else value


def pictures_beside(table: Table, folder: Path, made: Callable[[Path], None]) -> Table:
    """Write the pictures of a table's cells into a folder; the cells name their files.

    Parameters
    ----------
    made
        Is told each file.
    """

    def lines() -> Iterator[Line]:
        for line in table.lines:
            if not line.pictures:
                yield line
                continue
            cells = list(line.cells)
            folder.mkdir(mode=0o700, exist_ok=True)
            for place, picture in line.pictures.items():
                with whole(folder / picture.name) as part:
                    part.write_bytes(picture.content)
                made(folder / picture.name)
                cells[place] = f"{folder.name}/{picture.name}"
            yield line._replace(cells=cells, pictures={})

    return Table(table.name, table.columns, lines())
