"""How well forms are read that the program itself printed: ``python -m tests.benchmarks.printing DATA --models DIR``.

Draws forms of several kinds in both tones on both papers, fills each page with digits of one of MNIST's training
writers (as far as one writer has enough of each), whom the model that reads them never saw, wears and reads it. DATA
holds mnist.npz and mnist_writers.npz; DIR keeps the model. Prints a Markdown table by tone, with the project's drawn
sample form for comparison. Tone and line width were chosen with ``--seed 1``; what is reported has another seed.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from joblib import Parallel, delayed

from formreader.errors import BlankPage, PageError
from formreader.fields import needs_review
from formreader.model import load_model
from formreader.pipeline import read_page
from formreader.printed import PrintedCode, as_text
from formreader.template import Template
from formreader.values import Page, PageReading, PageRef
from tests.benchmarks.pages.draw import IN_A_ROW
from tests.benchmarks.pages.held_out import HeldOut, held_out_digits, held_out_model
from tests.drawing import (
    DigitStock,
    DrawnForm,
    Filled,
    Wear,
    draw_heavy,
    draw_mild,
    draw_values,
    draw_writer,
    fill,
    value_of,
)
from tests.drawing_forms import visit_record
from tests.drawing_printed import KINDS, printed

PAPERS: Final = ("A4", "Letter")
SAMPLE: Final = "sample form"
TONES: Final = ("black", "pale", SAMPLE)
RESOLUTIONS: Final = (150, 200, 300)
ROWS: Final = {
    "pages not matched": ("unmatched", "pages", "{:.1%}"),
    "QR codes not read": ("unread", "codes", "{:.1%}"),
    "digits wrong": ("wrong", "digits", "{:.2%}"),
    "digits flagged": ("flagged", "digits", "{:.2%}"),
    "fields with a flag": ("doubted", "fields", "{:.1%}"),
    "fields wrong, not flagged": ("silent", "fields", "{:.3%}"),
}


@dataclass(frozen=True, slots=True)
class Task:
    """One page; the number decides all chance but how it is printed."""

    seed: int
    number: int
    tone: str

    @property
    def kind(self) -> str:
        """Which form is drawn."""
        return [*KINDS][self.number % len(KINDS)]

    @property
    def paper(self) -> str:
        """What it is printed on."""
        return PAPERS[self.number // IN_A_ROW % 2]


@lru_cache(maxsize=16)
def _form(kind: str, paper: str, tone: str) -> tuple[DrawnForm, Template]:
    if tone == SAMPLE:
        form = visit_record()
        return form, form.template()
    with tempfile.TemporaryDirectory() as folder:
        form, template = printed(KINDS[kind], Path(folder), paper=paper, tone=tone)
        return form, replace(template, path=None)


@lru_cache(maxsize=1)
def _source(data: Path) -> HeldOut:
    return held_out_digits(data)


def _stock(source: HeldOut, rng: np.random.Generator) -> DigitStock:
    """Give one writer's digits; those of another where one has too few of a digit."""
    order = rng.permutation(np.unique(source.writers))
    for count in range(1, len(order)):
        rows = np.isin(source.writers, order[:count])
        if (np.bincount(source.labels[rows], minlength=10) >= 5).all():
            return DigitStock(rng, (source.images, np.where(rows, source.labels, -1)))
    raise ValueError("there are no digits to draw from")


def _wear(rng: np.random.Generator, number: int) -> Wear:
    """Draw what a page suffers: office scanners at three resolutions, each fourth page as by an old copier."""
    dpi = RESOLUTIONS[number // 2 % len(RESOLUTIONS)]
    how = draw_heavy(rng, max(dpi, 200)) if number % 4 == 3 else draw_mild(rng, dpi)
    jpeg = int(rng.integers(50, 85)) if number % 2 else how.jpeg_quality
    return replace(how, colour=bool(rng.random() < 0.5), jpeg_quality=jpeg)


def measure(task: Task, data: Path, model: Path) -> Counter[str]:
    """Draw, read and count one page."""
    cv2.setNumThreads(1)
    rng = np.random.default_rng([task.seed, task.number])
    form, template = _form(task.kind, task.paper, task.tone)
    how = _wear(np.random.default_rng([task.seed, task.number, 1]), task.number)
    hand = draw_writer(rng)
    filled = fill(
        form, draw_values(form, rng, struck=0, scribbled=0), rng, writer=hand, stock=_stock(_source(data), rng)
    )
    pixels = filled.scan(how, rng).pixels
    colour = pixels if pixels.ndim == 3 else None
    grey = pixels if colour is None else np.asarray(cv2.cvtColor(colour, cv2.COLOR_BGR2GRAY), np.uint8)
    page = Page(PageRef(Path(f"{task.number}.png")), grey, colour, how.dpi)
    counts = Counter({"pages": 1})
    try:
        reading = read_page(page, template, load_model(model))
    except (PageError, BlankPage):
        return counts + Counter({"unmatched": 1})
    if task.tone != SAMPLE:
        counts += Counter({"codes": 1, "unread": as_text(PrintedCode(template.name, 1, "")) not in _texts(reading)})
    return counts + _judged(filled, reading)


def _texts(reading: PageReading) -> set[str]:
    return {code.text for code in reading.codes}


def _judged(filled: Filled, reading: PageReading) -> Counter[str]:
    counts: Counter[str] = Counter()
    doubted = needs_review(reading.fields, reading.digits)
    for answer, flagged in zip(reading.digits, doubted, strict=True):
        mark = filled.values[answer.box.field][answer.box.position - 1]
        counts["digits"] += mark.isdigit()
        counts["wrong"] += answer.digit != (mark if mark.isdigit() else None)
        counts["flagged"] += flagged
    for one in reading.fields:
        right = filled.form.field(one.name).decimals[0]
        value = value_of(filled.form, one.name, filled.values[one.name])
        value = f"{value[:-right]}.{value[-right:]}" if right and value else value
        counts["fields"] += 1
        counts["doubted"] += bool(one.reasons)
        counts["silent"] += one.value != value and not one.reasons
    return counts


def report(found: dict[str, Counter[str]]) -> Iterator[str]:
    """Give the table, a column a tone."""
    yield f"| | {' | '.join(found)} |"
    yield f"|---|{'---|' * len(found)}"
    for what in ("pages", "digits", "fields"):
        yield f"| {what} | {' | '.join(f'{counts[what]:,}' for counts in found.values())} |"
    for name, (what, of, form) in ROWS.items():
        cells = (f"{c[what]} ({form.format(c[what] / max(c[of], 1))})" for c in found.values())
        yield f"| {name} | {' | '.join(cells)} |"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--pages", type=int, default=48, help="of each tone")
    parser.add_argument("--seed", type=int, default=20_261_123)
    parser.add_argument("--jobs", type=int, default=2)
    asked = parser.parse_args()
    model = held_out_model(asked.data, asked.models)
    tasks = [Task(asked.seed, number, tone) for tone in TONES for number in range(asked.pages)]
    each = Parallel(n_jobs=asked.jobs)(delayed(measure)(task, asked.data, model) for task in tasks)
    found: dict[str, Counter[str]] = {tone: Counter() for tone in TONES}
    for task, counts in zip(tasks, each, strict=True):
        found[task.tone] += counts
    print("\n".join(report(found)))


if __name__ == "__main__":
    from tests.benchmarks.printing import main as run  # under its own name, so that worker processes find its functions

    run()
