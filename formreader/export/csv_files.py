"""CSV as RFC 4180 has it, UTF-8, in which no cell starts a formula; and the tables of a results folder read back."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, NamedTuple, TypeVar, get_type_hints

from formreader.checks import Drift, Repeat
from formreader.export.places import whole
from formreader.gathering import Missing

if TYPE_CHECKING:
    import pandas as pd

Entry = TypeVar("Entry")

_FORMULA: Final = re.compile(r"'*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")  # the last are wide forms of the first four


class Dialect(NamedTuple):
    """How a CSV is written; as it stands here, as the tables of a results folder are.

    Attributes
    ----------
    line_end
        RFC 4180 asks for CR and LF; the folder's own tables end their lines with a bare LF.
    bom
        The mark by which Excel knows that a file is UTF-8.
    """

    delimiter: str = ","
    line_end: str = "\n"
    bom: bool = False


PLAIN: Final = Dialect()


def guarded(text: str) -> str:
    """Put a ``'`` before a text that a spreadsheet would take for a formula, or that such a mark stands before."""
    return f"'{text}" if _FORMULA.match(text) else text


def unguarded(text: str) -> str:
    """Take the mark of `guarded` off again."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text


def write_csv(target: Path, header: Sequence[str], rows: Iterable[Sequence[str]], dialect: Dialect = PLAIN) -> None:
    """Write a table, whole or not at all; no cell of it starts a formula.

    Raises
    ------
    BatchError
        It cannot be written.
    """
    encoding = "utf-8-sig" if dialect.bom else "utf-8"
    with whole(target) as part, part.open("w", encoding=encoding, newline="") as file:
        write_rows(file, chain([header], rows), dialect)


def write_rows(file: IO[str], rows: Iterable[Sequence[str]], dialect: Dialect = PLAIN) -> None:
    """Write rows to a file that is open."""
    form: dict[str, Any] = {"delimiter": dialect.delimiter, "lineterminator": dialect.line_end}
    plain = csv.writer(file, **form)
    quoted = csv.writer(file, **form, quoting=csv.QUOTE_ALL)
    for row in rows:
        # Older Pythons leave a lone CR unquoted, which ends the line for those who read it.
        writer = quoted if any("\r" in cell for cell in row) else plain
        writer.writerow([guarded(cell) for cell in row])


def write_if_any(target: Path, header: Sequence[str], rows: Iterable[Sequence[str]], dialect: Dialect = PLAIN) -> bool:
    """Write a table; none where there are no rows. Say whether there is one."""
    rest = iter(rows)
    first = next(rest, None)
    if first is None:
        target.unlink(missing_ok=True)
    else:
        write_csv(target, header, chain([first], rest), dialect)
    return first is not None


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


def read_missing(folder: Path) -> list[Missing]:
    """Give what ``missing.csv`` of a results folder tells of; nothing where it is absent or was edited."""
    return _read_rows(folder / "missing.csv", Missing)


def _read_rows(table: Path, kind: type[Entry]) -> list[Entry]:
    """Give the rows of a table whose columns are a dataclass's."""
    kinds = get_type_hints(kind).values()
    try:
        rows = read_results(table).itertuples(index=False, name=None)
        return [kind(*(of(cell) for of, cell in zip(kinds, row, strict=True))) for row in rows]
    except (FileNotFoundError, ValueError):
        return []
