"""A batch as pandas frames, each made when it is first asked for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Literal

import pandas as pd

from formreader.batch_forms import forms_of
from formreader.checks import find_repeats
from formreader.export.files import CORRECTIONS_COLUMNS, correction_row
from formreader.export.folder import FAILED_COLUMNS, failed_row
from formreader.export.rows import Source
from formreader.export.shape import Column, Kind, Table, Value
from formreader.export.wish import Shape, Wish
from formreader.store import STATES, open_results

_DTYPES: Final[dict[Kind, Any]] = {
    **dict.fromkeys(("text", "digits", "time"), "string"),
    "whole": "Int64",
    "number": "Float64",
    "share": "float64",
    "flag": "bool",
    "date": "datetime64[s]",
}
_STATES: Final = pd.CategoricalDtype([*STATES])
_FEW: Final = frozenset(("form", "field", "reason", "stage", "how", "status"))
"""Columns in which few texts stand many times."""


class Results:
    """What a results folder holds, as frames.

    Texts are of pandas' nullable type ``string``: a blank field is empty, one that was not read is missing
    (`pandas.NA`). What people decided stands in place of what was read.

    Parameters
    ----------
    types
        ``text``, or ``template``: numbers (``Int64``, ``Float64``) and dates (``datetime64``) where the template says
        that a field holds such; a value that is none is missing then.
    """

    def __init__(self, folder: Path, types: Literal["text", "template"] = "text") -> None:
        self.folder = folder
        self._types = types

    @cached_property
    def results(self) -> pd.DataFrame:
        """A row a form: ``scan, page, status, review`` and a column a field; with several forms ``form`` before these.

        ``status`` is a category, ``page`` of type ``Int64``.
        """
        return self._of("results", self._types)

    @cached_property
    def fields(self) -> pd.DataFrame:
        """A row a field: ``scan, page, form, field, value, confidence, reasons, status, suggestion``.

        ``confidence`` is a float from 0 to 1; ``status`` is ``read``, ``review`` or ``checked`` (a person decided).
        """
        return self._of("long")

    @cached_property
    def digits(self) -> pd.DataFrame:
        """A row a box, as in ``digits.csv``; ``needs_review`` is a bool, places are scan pixels."""
        return self._of("digits")

    @cached_property
    def failed(self) -> pd.DataFrame:
        """A row a page that could not be read: ``scan, page, stage, reason``."""
        with open_results(self.folder) as results:
            return _texts(FAILED_COLUMNS, [failed_row(page) for page in results.failures()])

    @cached_property
    def changes(self) -> pd.DataFrame:
        """A row a decision of a person: ``when, who, scan, page, field, read, old, new, how, stands``."""
        with open_results(self.folder) as results:
            frame = _texts(CORRECTIONS_COLUMNS, [correction_row(one) for one in results.corrections()])
        return frame.assign(stands=(frame["stands"] == "1").astype(bool), when=pd.to_datetime(frame["when"], utc=True))

    def _of(self, shape: Shape, types: Literal["text", "template"] = "text") -> pd.DataFrame:
        with open_results(self.folder) as results:
            source = Source(results, find_repeats(results), Wish(shape=shape, types=types), forms_of(results))
            frames = {table.name: _frame(table) for table in source.tables()}
        if len(frames) == 1 or shape != "results":
            return _with_categories(pd.concat(frames.values(), ignore_index=True))
        named = [frame.assign(form=pd.array([form] * len(frame), "string")) for form, frame in frames.items()]
        together = pd.concat(named, ignore_index=True)
        return _with_categories(together[["form", *(name for name in together.columns if name != "form")]])

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.folder)!r})"


def _frame(table: Table) -> pd.DataFrame:
    columns: list[list[Value]] = [[] for _ in table.columns]
    for line in table.lines:
        for column, cell in zip(columns, line.cells, strict=True):
            column.append(cell)
    named = zip(table.columns, columns, strict=True)
    return pd.DataFrame({column.name: _series(column, cells) for column, cells in named})


def _series(column: Column, cells: Sequence[Value]) -> pd.Series[Any]:
    """Give a column in its type; what is no such value is missing."""
    of: dict[Kind, Any] = {"whole": int, "number": Decimal, "date": date}
    wanted = of.get(column.kind)
    fitting: list[Any] = [None if wanted and not isinstance(cell, wanted) else cell for cell in cells]
    if column.kind == "number":
        fitting = [None if cell is None else float(cell) for cell in fitting]
    if column.kind == "time":
        fitting = [None if cell is None else str(cell)[:5] for cell in fitting]
    series: pd.Series[Any] = pd.Series(fitting, dtype=_DTYPES[column.kind])
    return series


def _texts(header: Sequence[str], rows: Sequence[Sequence[str]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=list(header), dtype="string")
    return _with_categories(frame.assign(page=frame["page"].astype("Int64")), _FEW - {"reason"})


def _with_categories(frame: pd.DataFrame, few: frozenset[str] = _FEW) -> pd.DataFrame:
    return frame.astype({name: _STATES if name == "status" else "category" for name in frame.columns if name in few})
