"""How many pages a second the one writer of a batch stores, and what the tables cost at the end.

    python -m tests.benchmarks.writer [--pages 5000] [--folder DIR] [--threshold T]

Answers for drawn pages of 100 boxes are stored over and over under other content, each in a transaction of its own that
is on the disk before the next begins; `--folder` says on which disk. Then all tables are written.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from formreader.export import write_tables
from formreader.model import default_model_path, load_model
from formreader.pipeline import answer
from formreader.scans import find_scans, identified
from formreader.values import Thresholds
from tests.benchmarks.throughput import Kind, batch_for, draw_pages, flagged_share
from tests.drawing import dense


def main() -> None:
    """Read a few pages, store many."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--pages", type=int, default=5000)
    parser.add_argument("--folder", type=Path, default=None)
    parser.add_argument("--threshold", type=float, default=None, help="flag digits less sure than this")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as place:
        scans, results = Path(place) / "scans", Path(place) / "results"
        scans.mkdir()
        template = draw_pages(scans, 6, Kind("", ".jpg"), dense(300))
        model = load_model(default_model_path())
        limits = None if given.threshold is None else Thresholds((given.threshold,))
        answers = [answer(identified(ref), template, model, limits) for ref in find_scans([scans]).pages]
        with batch_for(template, results) as batch:
            began, busy = time.perf_counter(), time.process_time()
            for number in range(given.pages):
                known = answers[number % len(answers)]
                name = f"page{number:07}.jpg"
                ref = replace(known.ref, path=scans / name, name=name, sha256=f"{number:064x}", stamp="1-2-3")
                batch.pending([ref])
                batch.add(replace(known, ref=ref))
            took, busy = time.perf_counter() - began, time.process_time() - busy
        size = (results / "batch.sqlite").stat().st_size
        print(f"{given.pages / took:.0f} pages/s stored ({1000 * busy / given.pages:.1f} ms of the processor a page)")
        print(f"{size / given.pages:.0f} bytes a page, {flagged_share(results):.1%} of its boxes flagged")
        for digits in (False, True):
            began = time.perf_counter()
            write_tables(results, digits=digits)
            print(f"tables {'with' if digits else 'without'} digits.csv: {time.perf_counter() - began:.1f} s")


if __name__ == "__main__":
    main()
