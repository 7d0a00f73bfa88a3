"""Pages per second on drawn 300-dpi A4 pages of 100 boxes, beside what decoding alone costs in the same run.

    python -m tests.benchmarks.throughput [--pages 12] [--rounds 5]

The floor is `cv2.imread` of the same files in grey, one core. Each round measures both; the ratio is the median of the
rounds' ratios, so that another program on the machine does not decide it.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np

from formreader.align import align
from formreader.boxes import place_boxes
from formreader.classify import classify
from formreader.crops import crop_digits
from formreader.fields import decode
from formreader.model import DigitModel, default_model_path, load_model
from formreader.pipeline import read_batch
from formreader.scans import find_scans, load_page
from formreader.template import Template
from formreader.values import PageReading, PageRef
from formreader.workers import LocalWorkers
from tests.drawing import Wear, dense, draw_values, fill, write_scan

T = TypeVar("T")
FORMATS = {"JPEG": ".jpg", "PNG": ".png", "G4 TIFF": ".tif"}


def draw_pages(folder: Path, count: int, ending: str) -> Template:
    """Draw filled pages of the dense form into a folder, without markers: the usual, slower way to be matched."""
    rng = np.random.default_rng(1)
    form = dense(dpi=300)
    for number in range(count):
        filled = fill(form, draw_values(form, rng), rng)
        how = Wear(
            dpi=300,
            skew_degrees=float(rng.uniform(-1, 1)),
            shift_mm=(float(rng.uniform(-2, 2)), float(rng.uniform(-2, 2))),
            blur_mm=0.04,
            noise=2.0,
            one_bit_at=150 if ending == ".tif" else None,
        )
        write_scan(filled.scan(how, rng), folder / f"page{number:03}{ending}")
    return form.template()


def stages(refs: Sequence[PageRef], template: Template, model: DigitModel) -> dict[str, float]:
    """Seconds of one core by stage, summed over the pages."""
    spent: dict[str, float] = {}

    def timed(stage: str, step: Callable[[], T]) -> T:
        start = time.perf_counter()
        result = step()
        spent[stage] = spent.get(stage, 0.0) + time.perf_counter() - start
        return result

    for ref in refs:
        timed("imread", lambda: cv2.imread(str(ref.path), cv2.IMREAD_GRAYSCALE))  # noqa: B023 - called at once
        page = timed("decode", lambda: load_page(ref))  # noqa: B023
        aligned = timed("align", lambda: align(page, template))  # noqa: B023
        boxes = timed("place", lambda: place_boxes(aligned, template))  # noqa: B023
        crops = timed("crop", lambda: crop_digits(aligned, boxes))  # noqa: B023
        digits = timed("classify", lambda: classify(crops, boxes, model))  # noqa: B023
        timed("fields", lambda: decode(digits, template))  # noqa: B023
    return spent


def main() -> None:
    """Print a line a format."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--pages", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    cv2.setNumThreads(1)
    model = load_model(default_model_path())
    names = ("imread", "decode", "align", "place", "crop", "classify", "fields")
    print(f"{'ms a page':10}", *(f"{name:>9}" for name in names), f"{'ratio':>7} {'pages/s 1':>10} {'pages/s all':>12}")
    for title, ending in FORMATS.items():
        with tempfile.TemporaryDirectory() as place:
            template = draw_pages(Path(place), given.pages, ending)
            refs = find_scans([Path(place)]).pages
            stages(refs[:2], template, model)
            rounds = [stages(refs, template, model) for _ in range(given.rounds)]
            ratios = [(sum(spent.values()) - spent["imread"]) / spent["imread"] for spent in rounds]
            middle = {name: 1000 * float(np.median([spent[name] for spent in rounds])) / len(refs) for name in names}
            one, every = (pages_a_second(refs, template, model, jobs) for jobs in (1, -1))
            row = (f"{middle[name]:9.1f}" for name in names)
            print(f"{title:10}", *row, f"{np.median(ratios):7.1f} {one:10.2f} {every:12.2f}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory of this process: {peak:.0f} MB")


def pages_a_second(refs: Sequence[PageRef], template: Template, model: DigitModel, jobs: int) -> float:
    """Read the pages as a batch does, workers started beforehand."""
    list(read_batch(refs[:2], template, model, workers=LocalWorkers(jobs)))
    start = time.perf_counter()
    answers = list(read_batch(refs, template, model, workers=LocalWorkers(jobs)))
    elapsed = time.perf_counter() - start
    read = sum(isinstance(answer, PageReading) for answer in answers)
    if read < len(refs):
        print(f"only {read} of {len(refs)} pages were read")
    return len(refs) / elapsed


if __name__ == "__main__":
    main()
