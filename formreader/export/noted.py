"""Rows put aside while a table is written, on the disk: memory does not grow with them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence


class Noted:
    """Rows of text, given back in the order in which they came.

    Parameters
    ----------
    header
        Names of their columns.
    """

    def __init__(self, header: Sequence[str]) -> None:
        self.header = tuple(header)
        self._kept = sqlite3.connect("")  # SQLite's name for a database on the disk that goes with the connection
        self._kept.execute(f"CREATE TABLE noted ({', '.join(f'c{i}' for i in range(len(header)))})")
        self._insert = f"INSERT INTO noted VALUES ({', '.join('?' * len(header))})"  # noqa: S608 - question marks
        self._count = 0

    def add(self, *cells: str) -> None:
        """Put a row aside."""
        self._kept.execute(self._insert, cells)
        self._count += 1

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[list[str]]:
        return (list(row) for row in self._kept.execute("SELECT * FROM noted ORDER BY rowid"))

    def close(self) -> None:
        """Forget them."""
        self._kept.close()
