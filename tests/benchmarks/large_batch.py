"""One large batch: its pace, its memory curve, its size on disk.

    python -m tests.benchmarks.large_batch [--pages 20000] [--jobs 2] [--every 30]

Eleven drawn pages of a form of 38 boxes (150-dpi JPEG) are written again and again with a comment that makes each
file's content its own. Every so many seconds a line tells the pages stored, and the resident memory of the parent and
of its largest worker; then the same folder is asked for once more, which has nothing to read, and a part of it, which
is read into a new batch, so that memory can be compared between a short run and a long one.
"""

from __future__ import annotations

import argparse
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing, suppress
from pathlib import Path

import cv2
import numpy as np
import psutil

from formreader.template import save_template
from tests.benchmarks.throughput import Kind, draw_pages
from tests.drawing import visit_record

DRAWN = 11


def main() -> None:
    """Draw, read, look."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--pages", type=int, default=20_000)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--every", type=float, default=30.0, metavar="SECONDS")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "drawn").mkdir()
        form = visit_record(300)
        save_template(draw_pages(place / "drawn", DRAWN, Kind("", ".jpg", dpi=150), form), place / "form.toml")
        copies(place / "drawn", place / "few", 100)
        copies(place / "drawn", place / "many", given.pages)
        floor = decoding_s(place / "drawn")
        few = run(place, "few", given.jobs, given.every)
        many = run(place, "many", given.jobs, given.every)
        print(f"most memory, 100 pages and {given.pages}: parent {few[0]:.0f} and {many[0]:.0f} MB", end="")
        print(f" ({many[0] / few[0] - 1:+.1%}), worker {few[1]:.0f} and {many[1]:.0f} MB ({many[1] / few[1] - 1:+.1%})")
        print(f"imread alone: {1 / floor:.0f} pages/s on one core")
        began = time.monotonic()
        call(place, "many", given.jobs).wait()
        print(f"asked once more: {time.monotonic() - began:.1f} s")


def copies(drawn: Path, folder: Path, count: int) -> None:
    """Write a drawn page under other content: a comment segment after the picture's start."""
    folder.mkdir()
    pages = [path.read_bytes() for path in sorted(drawn.iterdir())]
    for number in range(count):
        page, note = pages[number % len(pages)], f"copy {number:07}".encode()
        segment = b"\xff\xfe" + (len(note) + 2).to_bytes(2, "big") + note
        (folder / f"page{number:06}.jpg").write_bytes(page[:2] + segment + page[2:])


def decoding_s(drawn: Path) -> float:
    """Give the seconds that decoding a page takes, on one core."""
    cv2.setNumThreads(1)
    spent = []
    for path in [*sorted(drawn.iterdir())] * 5:
        began = time.process_time()
        cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        spent.append(time.process_time() - began)
    return float(np.median(spent))


def call(place: Path, scans: str, jobs: int) -> subprocess.Popen[bytes]:
    """Start reading a folder."""
    options = ["-t", str(place / "form.toml"), "-o", str(place / f"{scans}-results"), "--jobs", str(jobs), "--quiet"]
    return subprocess.Popen([sys.executable, "-m", "formreader", "read", str(place / scans), *options])


def run(place: Path, scans: str, jobs: int, every_s: float) -> tuple[float, float]:
    """Read a folder and print the memory curve; give the most that parent and worker held, in MB."""
    began = shown = time.monotonic()
    most = (0.0, 0.0)
    with call(place, scans, jobs) as reading:
        parent = psutil.Process(reading.pid)
        while reading.poll() is None:
            now = (0.0, 0.0)
            with suppress(psutil.NoSuchProcess):
                children = [child.memory_info().rss for child in parent.children()]
                now = (parent.memory_info().rss / 2**20, max(children, default=0) / 2**20)
            most = (max(most[0], now[0]), max(most[1], now[1]))
            if time.monotonic() - shown >= every_s:
                shown = time.monotonic()
                at = f"{shown - began:7.0f} s {stored(place, scans):>8,} pages"
                print(f"{at}  parent {now[0]:5.0f} MB  worker {now[1]:5.0f} MB", flush=True)
            time.sleep(0.2)
    pages, took = stored(place, scans), time.monotonic() - began
    size = (place / f"{scans}-results" / "batch.sqlite").stat().st_size
    told = f"{scans}: {pages:,} pages in {took:.0f} s ({pages / took:.1f} pages/s)"
    print(f"{told}, {size / max(pages, 1):.0f} bytes a page")
    return most


def stored(place: Path, scans: str) -> int:
    """Count the pages that are stored."""
    file = place / f"{scans}-results" / "batch.sqlite"
    if not file.exists():
        return 0
    with closing(sqlite3.connect(file)) as connection, suppress(sqlite3.OperationalError):
        count: int = connection.execute("SELECT count(*) FROM readings").fetchone()[0]
        return count
    return 0


if __name__ == "__main__":
    main()
