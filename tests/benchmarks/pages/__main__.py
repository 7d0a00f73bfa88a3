"""Draw pages of twelve layouts with nine fates, read them, and say where the program fails.

    python -m tests.benchmarks.pages DATA --models DIR [--pages 2000] [--jobs 2] [--only layout/fate] [--look DIR]

DATA holds MNIST and who wrote it (``mnist.npz``, ``mnist_writers.npz``). The model that reads was fitted on other
writers than those of the pages; it is made once (some minutes) and kept in the folder of ``--models``. Layouts, wear
and seed are constants: figures of two runs with the same number of pages are of the same pages.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import joblib

from tests.benchmarks.pages.draw import IN_A_ROW, tasks
from tests.benchmarks.pages.found import measure_blank, measure_finding
from tests.benchmarks.pages.held_out import held_out_model
from tests.benchmarks.pages.look import Picture, write_sheets
from tests.benchmarks.pages.measure import measure_page
from tests.benchmarks.pages.report import report
from tests.drawing_layouts import LAYOUTS


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.pages", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("data", type=Path, help="folder with mnist.npz and mnist_writers.npz")
    parser.add_argument("--models", type=Path, help="folder for the model fitted without the pages' writers")
    parser.add_argument("--model", type=Path, help="read with this model instead; it may know the writers")
    parser.add_argument("--pages", type=int, default=2000)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", default="", help="layout/fate; either may be left empty")
    parser.add_argument("--own-only", action="store_true", help="do not try pages against other forms: a third quicker")
    parser.add_argument("--boxes-only", action="store_true", help="only find boxes without a template; needs no model")
    parser.add_argument("--from", type=int, default=0, dest="first", help="leave out so many pages at the start")
    parser.add_argument("--look", type=Path, help="folder for contact sheets, or pages, of what went wrong")
    given = parser.parse_args()
    if not given.boxes_only and given.model is None and given.models is None:
        parser.error("give --models DIR, where the model is kept, or --model FILE; or --boxes-only")
    start, pages, pictures = time.monotonic(), [], list[Picture]()
    blanks = [measure_blank(name) for name in LAYOUTS if given.only.partition("/")[0] in ("", name)]
    parallel = joblib.Parallel(given.jobs, return_as="generator", pre_dispatch="2*n_jobs", batch_size=IN_A_ROW)
    wanted = tasks(given.first + given.pages, given.only)[given.first :]
    if given.boxes_only:
        calls = (joblib.delayed(measure_finding)(task, given.data, given.look) for task in wanted)
    else:
        model = given.model or held_out_model(given.data, given.models)
        calls = (
            joblib.delayed(measure_page)(task, given.data, model, look=given.look is not None, own_only=given.own_only)
            for task in wanted
        )
    for number, page in enumerate(parallel(calls), 1):
        pictures += page.pictures
        page.pictures = []
        pages.append(page)
        if number % 18 == 0:
            print(f"{number} of {given.pages} pages, {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)
    if given.look is not None and not given.boxes_only:
        write_sheets(pictures, given.look)
    print("\n".join(report(blanks, pages)))


if __name__ == "__main__":
    main()
