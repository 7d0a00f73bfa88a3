"""What a page costs, beside what decoding alone costs in the same run.

    python -m tests.benchmarks.throughput [--pages 12] [--rounds 5] [--peers]

Drawn A4 pages of two forms are read in several formats. The floor is `cv2.imread` of the same files in grey. One core:
the whole way to the stored row, by stage; each round measures floor and pipeline, and the ratio is the median of the
rounds', so that another program on the machine does not decide it. All cores: pages a minute, and how much two
workers gain over one beside what two processes of bare `imread` gain. Times are of the processor but for the last.

`--peers` reads the boxes of the first page with Tesseract and RapidOCR too, where they are installed.
"""

from __future__ import annotations

import argparse
import functools
import importlib
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import cv2
import numpy as np
from threadpoolctl import threadpool_limits

from formreader import pipeline
from formreader.align import align_to_any
from formreader.boxes import place_boxes
from formreader.crops import pictures_of
from formreader.fields import needs_review
from formreader.model import DigitModel, default_model_path, load_model
from formreader.pipeline import answer, read_batch
from formreader.scans import find_scans, identified, load_page
from formreader.store import open_batch, open_results
from formreader.template import Template
from formreader.values import Box, Grey, PageAnswer, PageReading, PageRef, PageSkipped
from formreader.workers import Limits, LocalWorkers, answers
from tests.drawing import DrawnForm, Wear, dense, draw_values, fill, visit_record, write_scan

STAGES = {
    "decode": ("load_page",),
    "match": ("matched",),
    "place": ("place_boxes",),
    "quality": ("measure", "unseen_left_open"),
    "cut": ("crop_digits",),
    "classify": ("classify",),
    "fields": ("decode", "with_doubts"),
    "pictures": ("pictures_to_keep",),
}


@dataclass(frozen=True)
class Kind:
    """How pages are drawn and stored."""

    name: str
    ending: str
    dpi: int = 300
    colour: bool = False

    @property
    def wear(self) -> dict[str, Any]:
        """What scanning does to them beside turning and shifting."""
        return {"one_bit_at": 150} if self.ending == ".tif" else {}


KINDS = (
    Kind("JPEG", ".jpg"),
    Kind("PNG", ".png"),
    Kind("G4 TIFF", ".tif"),
    Kind("JPEG, colour", ".jpg", colour=True),
    Kind("JPEG, 600 dpi colour", ".jpg", dpi=600, colour=True),
)


def draw_pages(folder: Path, count: int, kind: Kind, form: DrawnForm) -> Template:
    """Draw filled pages of a form into a folder; its template has no markers: the usual, slower way to be matched."""
    rng = np.random.default_rng(1)
    for number in range(count):
        filled = fill(form, draw_values(form, rng), rng)
        wear = Wear(
            dpi=kind.dpi,
            skew_degrees=float(rng.uniform(-1, 1)),
            shift_mm=(float(rng.uniform(-2, 2)), float(rng.uniform(-2, 2))),
            blur_mm=0.04,
            noise=2.0,
            **kind.wear,
        )
        path = folder / f"page{number:03}{kind.ending}"
        write_scan(filled.scan(wear, rng), path)
        if kind.colour:
            grey = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
            cv2.imwrite(str(path), cv2.merge([grey, grey, cv2.subtract(grey, 3)]))
    return replace(form.template(), markers=None)


def main() -> None:
    """Print a line a kind of page and form."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--pages", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peers", action="store_true")
    given = parser.parse_args()
    cv2.setNumThreads(1)
    threadpool_limits(1)
    model = load_model(default_model_path())
    names = ("imread", *STAGES, "other", "store")
    costs = "".join(f"{name:>9}" for name in names)
    print(f"{'ms a page, one core':<22}{'boxes':>6}{costs}{'ratio':>7}", end="")
    print(f"{'pages/min 1':>12}{'2':>6}{'gain':>6}{'imread':>7}{'MB/worker':>10}{'bytes/page':>11}{'flagged':>9}")
    forms = (visit_record(300), dense(300))
    for kind in KINDS:
        for form in forms:
            with tempfile.TemporaryDirectory() as place:
                line(Path(place), kind, form, model, given.pages, given.rounds, names)
    if given.peers:
        with tempfile.TemporaryDirectory() as place:
            peers(Path(place), dense(300), model)


def line(
    place: Path, kind: Kind, form: DrawnForm, model: DigitModel, count: int, rounds: int, names: Sequence[str]
) -> None:
    """Measure one kind of page of one form."""
    scans = place / "scans"
    scans.mkdir()
    template = draw_pages(scans, count, kind, form)
    refs = [identified(ref) for ref in find_scans([scans]).pages]
    spent_on(refs[:2], template, model, place / "warm")
    every = [spent_on(refs, template, model, place / f"round-{number}") for number in range(rounds)]
    bytes_a_page = ((place / "round-0" / "batch.sqlite").stat().st_size - empty_batch(place, template)) / count
    ratios = [(sum(spent.values()) - spent["imread"]) / spent["imread"] for spent in every]
    middle = {name: 1000 * float(np.median([spent[name] for spent in every])) / count for name in names}
    boxes = sum(len(field.boxes) for field in template.fields)
    one, two = (pages_a_minute(refs, template, model, jobs) for jobs in (1, 2))
    alone, together = (imreads_a_second(refs, jobs) for jobs in (1, 2))
    costs = "".join(f"{middle[name]:9.1f}" for name in names)
    paces = f"{one:12.0f}{two:6.0f}{two / one:6.2f}{together / alone:7.2f}"
    sizes = f"{peak_mb(refs, template, model):10.0f}{bytes_a_page:11.0f}{flagged_share(place / 'round-0'):9.1%}"
    print(f"{kind.name:<22}{boxes:>6}{costs}{np.median(ratios):7.1f}{paces}{sizes}", flush=True)


def spent_on(refs: Sequence[PageRef], template: Template, model: DigitModel, folder: Path) -> dict[str, float]:
    """Give the processor's seconds by stage, summed over the pages."""
    spent = dict.fromkeys(("imread", *STAGES, "other", "store"), 0.0)

    @contextmanager
    def timed(stage: str) -> Iterator[None]:
        began = time.process_time()
        yield
        spent[stage] += time.process_time() - began

    def watched(stage: str, step: Callable[..., Any]) -> Callable[..., Any]:
        def run(*given: Any, **named: Any) -> Any:
            with timed(stage):
                return step(*given, **named)

        return run

    with ExitStack() as patched, batch_for(template, folder) as batch:
        for stage, steps in STAGES.items():
            for step in steps:
                patched.enter_context(patch.object(pipeline, step, watched(stage, getattr(pipeline, step))))
        for ref in refs:
            with timed("imread"):
                cv2.imread(str(ref.path), cv2.IMREAD_GRAYSCALE)
            before = sum(spent[stage] for stage in STAGES)
            began = time.process_time()
            found = answer(ref, template, model)
            spent["other"] += time.process_time() - began - (sum(spent[stage] for stage in STAGES) - before)
            if not isinstance(found, PageReading):
                print(f"not read: {found.reason}")
            with timed("store"):
                batch.pending([ref])
                batch.add(found)
    return spent


def batch_for(template: Template, folder: Path) -> Any:
    """Open a batch of the form."""
    return open_batch(folder, templates=[template], model_fingerprint="m", model_name="m", settings={})


def flagged_share(folder: Path) -> float:
    """Say what share of a batch's boxes is flagged."""
    with open_results(folder) as results:
        flags = [flag for page in results.pages(digits=True) for flag in needs_review(page.fields, page.digits)]
    return float(np.mean(flags))


def peak_mb(refs: Sequence[PageRef], template: Template, model: DigitModel) -> float:
    """Give the most memory that a worker which reads the pages has held."""
    here = importlib.import_module("tests.benchmarks.throughput")  # workers do not know what runs as __main__
    read = functools.partial(here.with_peak, template=template, model=model)
    return max(
        float(told.reason) for told in answers(refs, read, LocalWorkers(1), Limits()) if isinstance(told, PageSkipped)
    )


def with_peak(ref: PageRef, template: Template, model: DigitModel) -> PageAnswer:
    """Read a page, and tell what memory this process has held at most."""
    answer(ref, template, model)
    status = Path("/proc/self/status").read_text()  # ru_maxrss counts what the parent held
    return PageSkipped(ref, str(int(status.partition("VmHWM:")[2].split()[0]) / 1024))


def empty_batch(place: Path, template: Template) -> int:
    """Give the size of a batch without pages."""
    with batch_for(template, place / "empty"):
        pass
    return (place / "empty" / "batch.sqlite").stat().st_size


def pages_a_minute(refs: Sequence[PageRef], template: Template, model: DigitModel, jobs: int) -> float:
    """Read the pages as a batch does, several times over, from the first answer on."""
    found = read_batch([*refs] * 3, template, model, workers=LocalWorkers(jobs))
    for _ in range(2 * jobs):
        next(found)
    began = time.perf_counter()
    count = sum(1 for _ in found)
    return 60 * count / (time.perf_counter() - began)


def imreads_a_second(refs: Sequence[PageRef], jobs: int) -> float:
    """Decode the pages alone in so many processes."""
    with ProcessPoolExecutor(jobs) as pool:
        list(pool.map(imread, [ref.path for ref in refs]))
        began = time.perf_counter()
        list(pool.map(imread, [ref.path for ref in refs] * 10))
        return 10 * len(refs) / (time.perf_counter() - began)


def imread(path: Path) -> int:
    """Decode one page on one thread."""
    cv2.setNumThreads(1)
    return len(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE))


def peers(place: Path, form: DrawnForm, model: DigitModel) -> None:
    """Read the boxes of two pages one by one with other programs, as their users do for single digits."""
    rng = np.random.default_rng(7)
    filled = [fill(form, draw_values(form, rng), rng) for _ in range(2)]
    for number, page in enumerate(filled):
        write_scan(page.scan(Wear(dpi=300, noise=2.0), rng), place / f"{number}.png")
    refs, template = find_scans([place]).pages, form.template()
    framed, inner, written, ours = [], [], [], 0
    for ref, page in zip(refs, filled, strict=True):
        marks = {(use.field, use.position): str(use.digit) for use in page.uses}
        aligned, _ = align_to_any(load_page(ref), (template,))
        for box in place_boxes(aligned, template):
            if mark := marks.get((box.field, box.position)):
                framed += pictures_of(aligned.pixels, (box,))
                inner.append(inside(aligned.pixels, box))
                written.append(mark)
        found = answer(ref, template, model)
        if isinstance(found, PageReading):
            ours += sum(digit.digit == marks.get((digit.box.field, digit.box.position), "") for digit in found.digits)
    print(f"formreader: {ours} of {len(written)} digits right, flagged or not")
    for name, read in readers().items():
        for kind, crops in (("whole box", framed), ("inside its frame", inner)):
            began = time.perf_counter()
            right = sum(read(crop) == mark for crop, mark in zip(crops, written, strict=True))
            each_ms = 1000 * (time.perf_counter() - began) / len(crops)
            print(f"{name}, {kind}: {right} of {len(crops)} digits right, {each_ms:.1f} ms a box")


def inside(pixels: Grey, box: Box, inset: float = 0.1, margin_px: int = 16) -> Grey:
    """Cut what lies within a box's frame, on white: what a program that knows nothing of frames should be given."""
    middle = box.corners.mean(axis=0)
    left, top = np.round((middle + (box.corners - middle) * (1 - 2 * inset)).min(axis=0)).astype(int)
    right, bottom = np.round((middle + (box.corners - middle) * (1 - 2 * inset)).max(axis=0)).astype(int)
    cut = pixels[top:bottom, left:right]
    return np.asarray(cv2.copyMakeBorder(cut, *4 * [margin_px], cv2.BORDER_CONSTANT, value=255), np.uint8)


def readers() -> dict[str, Callable[[Any], str]]:
    """Give the other programs that are installed here."""
    found: dict[str, Callable[[Any], str]] = {}
    if shutil.which("tesseract"):
        found["Tesseract, a box a call"] = tesseract
    else:
        print("Tesseract is not installed")
    try:
        from rapidocr_onnxruntime import RapidOCR
    except ImportError:
        print("RapidOCR is not installed")
    else:
        engine = RapidOCR()

        def rapidocr(crop: Any) -> str:
            told, _ = engine(cv2.cvtColor(crop, cv2.COLOR_GRAY2BGR), use_det=False, use_cls=False, use_rec=True)
            return "".join(text for text, _ in told or ())

        found["RapidOCR, recognition alone"] = rapidocr
    return found


def tesseract(crop: Any) -> str:
    """Ask for one character, a digit."""
    call = ["tesseract", "stdin", "stdout", "--psm", "10", "-c", "tessedit_char_whitelist=0123456789"]
    png = cv2.imencode(".png", crop)[1].tobytes()
    told: bytes = subprocess.run(call, input=png, capture_output=True, check=True).stdout
    return told.decode().strip()


if __name__ == "__main__":
    main()
