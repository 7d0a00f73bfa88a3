"""A list joined to the rows by a field's value: its columns stand beside each row, and what does not fit is listed.

Keys are text: ``07`` is another than ``7``. A key that is in doubt joins as it was read, and its row says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from formreader.errors import UnusableCall
from formreader.export.csv_files import unguarded
from formreader.export.noted import Noted
from formreader.gathering import Row
from formreader.template.lists import ListProblem, read_table
from formreader.template.wording import did_you_mean

STATE: Final = "joined"
"""The column that says what became of a row: ``yes``, ``unsure`` (its key is to be reviewed), ``unknown`` (the list has
no such key), ``double`` (the list has it several times; none of these is taken)."""


class Joining:
    """A list, and what became of it; `beside` is asked once for each row of the batch.

    Parameters
    ----------
    on
        The field's name, or ``field=column``.
    taken
        Names of the table's own columns: one of the list's that is called so too gets ``list.`` before it.

    Raises
    ------
    UnusableCall
        The list cannot be read, or has no such column.
    """

    def __init__(self, path: Path, on: str, taken: Sequence[str]) -> None:
        self.field, _, column = on.partition("=")
        try:
            rows, place = read_table(path, str(path), column or self.field)
        except ListProblem as problem:
            raise UnusableCall(f"--join {problem}") from problem
        self._header = [name.strip() for name in rows[0]]
        self._others = [at for at, name in enumerate(self._header) if name and at != place]
        self.columns = (STATE, *_named([self._header[at] for at in self._others], {STATE, *taken}))
        self._rows: dict[str, list[str]] = {}
        self.double = Noted(("where", "key", "scan", "page", *self._header))
        self.unknown = Noted(("key", "scan", "page", "status"))
        self._of_list(rows[1:], place)
        self._first: dict[str, tuple[str, str]] = {}
        self._told: set[str] = set()

    def _of_list(self, rows: Sequence[Sequence[str]], place: int) -> None:
        width = len(self._header)
        # `print --data` writes such a list, with a mark before what would start a formula.
        every = [
            [unguarded(cell.strip()) for cell in (*row, *[""] * width)][:width]
            for row in rows
            if any(map(str.strip, row))
        ]
        counts: dict[str, int] = {}
        for row in every:
            counts[row[place]] = counts.get(row[place], 0) + 1
        self._several = {key for key, count in counts.items() if key and count > 1}
        for row in every:
            if row[place] in self._several:
                self.double.add("list", row[place], "", "", *row)
            elif row[place]:
                self._rows[row[place]] = row

    def beside(self, row: Row) -> list[str]:
        """Give what stands beside a row, in the order of `columns`; note what does not fit."""
        field = next((one for one in row.fields if one.name == self.field), None)
        if field is None:
            return [""] * len(self.columns)
        key, place = field.value, (row.scan, str(row.page))
        if key in self._several:
            self._seen(key, place)
            return ["double", *[""] * len(self._others)]
        found = self._rows.get(key)
        if found is None:
            self.unknown.add(key, *place, row.shown_status)
            return ["unknown", *[""] * len(self._others)]
        self._seen(key, place)
        return ["unsure" if self.field in row.to_review else "yes", *(found[at] for at in self._others)]

    def _seen(self, key: str, place: tuple[str, str]) -> None:
        """Note where a key of the list stands, if on several forms."""
        first = self._first.setdefault(key, place)
        if first == place:
            return
        rest = [""] * len(self._header)
        if key not in self._told:
            self._told.add(key)
            self.double.add("forms", key, *first, *rest)
        self.double.add("forms", key, *place, *rest)

    def absent(self) -> Noted:
        """Give the rows of the list of which no form has the key."""
        noted = Noted(self._header)
        for key, row in self._rows.items():
            if key not in self._first:
                noted.add(*row)
        return noted


def refuse_no_field(field: str, known: Sequence[str]) -> None:
    """Refuse a field to join by that no form has.

    Raises
    ------
    UnusableCall
        See above.
    """
    if field not in known:
        raise UnusableCall(f"--on {field}: no form has such a field{did_you_mean(field, known)}")


def _named(names: Sequence[str], taken: set[str]) -> list[str]:
    found: list[str] = []
    for name in names:
        unlike, number = f"list.{name}" if name in taken else name, 2
        while unlike in taken:
            unlike, number = f"list.{name}.{number}", number + 1
        taken.add(unlike)
        found.append(unlike)
    return found
