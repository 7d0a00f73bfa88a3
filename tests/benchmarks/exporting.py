"""What an export costs: rows, seconds and the most memory, by format.

    python -m tests.benchmarks.exporting [--rows 10000 1000000] [--endings .csv .xlsx]

Rows of ten columns, of which one field in 120 is to review, are fed through as a batch would give them; the time that
it takes to read them from a batch is left out. Each format is a process of its own. The memory before the first row is
told too: most of it are libraries.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from formreader.batch_forms import Forms
from formreader.checks import Repeats
from formreader.errors import UnusableCall
from formreader.export import ENDINGS, Wish
from formreader.export.files import write_source
from formreader.export.rows import Source
from formreader.store import Correction, Results, RunRow, ScanPlaces, StoredPage, StoredTemplate
from formreader.values import CLASSES, Box, DigitReading, FieldReading

FIELDS: Final = ("patient_id", "visit", "age", "weight", "pulse", "dose")
_SQUARE: Final = np.array([[0, 0], [60, 0], [60, 80], [0, 80]], np.float64)
_BOX: Final = cv2.imencode(".webp", np.random.default_rng(0).integers(150, 255, (72, 56), np.uint8))[1].tobytes()


class Fed(Results):
    """Pages made up as they are asked for, of scans that are gone."""

    def __init__(self, rows: int, folder: Path) -> None:
        super().__init__(sqlite3.connect(":memory:"), folder)
        self._rows = rows

    def pages(self, form: str | None = None, *, digits: bool = False) -> Iterator[StoredPage]:
        """Make pages up, one in twenty with a field to review."""
        del form, digits
        for number in range(1, self._rows + 1):
            flagged = FIELDS[number % len(FIELDS)] if number % 20 == 0 else ""
            fields = tuple(
                FieldReading(
                    name, f"{number * 7919 % 10**6:06}", 0.9876, ("low_confidence",) if name == flagged else ()
                )
                for name in FIELDS
            )
            yield StoredPage(
                f"2026-11/scan{number:07}.png", 1, f"{number:064x}", number, "read", "visit", fields=fields
            )

    def sample(self, readings: Any) -> Iterator[StoredPage]:
        """Give pages with boxes."""
        shares = np.zeros(len(CLASSES), np.float32)
        for number in readings:
            boxes = [DigitReading(Box(n, p, _SQUARE), "7", 0.9, shares) for n in FIELDS for p in range(1, 7)]
            yield StoredPage("", 1, f"{number:064x}", number, "read", "visit", digits=tuple(boxes))

    def box_pictures(self, reading: int, field: str) -> dict[int, bytes]:
        """Give six boxes with noise in them."""
        del reading, field
        return dict.fromkeys(range(1, 7), _BOX)

    def forms(self) -> tuple[str, ...]:
        """Name the form."""
        return ("visit",)

    def columns(self, form: str | None = None) -> tuple[str, ...]:
        """Name its fields."""
        del form
        return FIELDS

    def templates(self) -> dict[str, StoredTemplate]:
        """Know none."""
        return {}

    def failures(self) -> Iterator[StoredPage]:
        """Have none."""
        return iter(())

    def corrections(self) -> Iterator[Correction]:
        """Have none."""
        return iter(())

    def runs(self) -> tuple[RunRow, ...]:
        """Have one."""
        return (RunRow(datetime.now(UTC), None, "digits", "m", "t", '{"max_wrong": 0.001}', "0"),)

    @cached_property
    def code(self) -> str:
        """Name the batch."""
        return "fed"

    def version_of(self, page: StoredPage, field: str) -> int:
        """Know of no decision."""
        del page, field
        return 0

    def audits(self) -> Any:
        """Know where scans lay."""
        return _Places()


class _Places:
    def places(self, reading: int) -> ScanPlaces:
        """Give a place where nothing lies."""
        return ScanPlaces(f"{reading:064x}", 1, f"scan{reading}.png", (f"/nowhere/scan{reading}.png",))


def _measure(ending: str, rows: int, told: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / f"out{ending}"
        forms: Mapping[str, Any] = {}
        source = Source(Fed(rows, Path(folder)), Repeats(()), Wish(), Forms(forms))
        before, began = _memory(), time.perf_counter()
        try:
            written = write_source(target, source)
        except UnusableCall as refusal:
            told.put(f"{ending:<9}{rows:>10,} rows: refused: {str(refusal).partition(': ')[2]}")
            return
        took = time.perf_counter() - began
        size = sum(file.stat().st_size for file in written.files) / 2**20
        told.put(
            f"{ending:<9}{written.rows:>10,} rows {took:>7.1f} s {_memory():>6.0f} MB ({before:.0f} before)"
            f" {size:>7.1f} MB written" + "".join(f"\n           {note}" for note in written.notes)
        )


def _memory() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(given: Sequence[str] | None = None) -> None:
    """Measure each format with each number of rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 1_000_000])
    parser.add_argument("--endings", nargs="+", default=list(ENDINGS))
    asked = parser.parse_args(given)
    spawned = multiprocessing.get_context("spawn")
    for rows in asked.rows:
        for ending in asked.endings:
            told = spawned.SimpleQueue()
            process = spawned.Process(target=_measure, args=(ending, rows, told))
            process.start()
            process.join()
            print(told.get() if process.exitcode == 0 else f"{ending}: failed", flush=True)


if __name__ == "__main__":
    main()
