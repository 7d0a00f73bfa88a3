"""The pages of the benchmark: which there are, and how one is drawn. All fixed by `SEED`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from formreader.template import Template, corners_of
from formreader.values import Page, PageRef, Points
from tests.benchmarks.pages.held_out import HeldOut, held_out_digits
from tests.drawing import DigitStock, DrawnForm, Filled, Scan, draw_values, draw_writer, fill
from tests.drawing_damage import poorly_printed
from tests.drawing_hardships import HARDSHIPS
from tests.drawing_layouts import LAYOUTS, TWINS, blank, twin_of
from tests.drawing_pen import PENS

SEED: Final = 20_251_122
CROSSING: Final = 0.1
"""Share of digits whose strokes touch or run over the frame."""
IN_A_ROW: Final = 3
PALE_PENS: Final = ("pencil", "blue ballpoint")


@dataclass(frozen=True, slots=True)
class Task:
    """One page to draw and read; the number decides all chance."""

    number: int
    layout: str
    hardship: str

    def __str__(self) -> str:
        return f"{self.number:04}-{self.layout}-{self.hardship}"


@dataclass(frozen=True, slots=True, eq=False)
class DrawnPage:
    """A scanned page and all that is true of it.

    Attributes
    ----------
    source
        The digits that ``filled.uses`` count in.
    writer
        Who wrote most of it: pages of one writer are drawn together in the bootstrap.
    """

    task: Task
    form: DrawnForm
    filled: Filled
    scan: Scan
    source: HeldOut
    writer: int

    def page(self) -> Page:
        """Give the scan as `formreader.scans` would: a photograph says nothing believable of its resolution."""
        pixels = self.scan.pixels
        colour = pixels if pixels.ndim == 3 else None
        grey = pixels if colour is None else np.asarray(cv2.cvtColor(colour, cv2.COLOR_BGR2GRAY), np.uint8)
        dpi = None if self.task.hardship == "photographed" else self.scan.dpi
        return Page(PageRef(Path(f"{self.task}.png")), grey, colour, dpi)

    def corners(self) -> dict[tuple[str, int], Points]:
        """Give the true corners of every box in scan pixels, by field and position."""
        return {
            (field.name, position): self.scan.place(corners_of(box))
            for field in self.form.fields
            for position, box in enumerate(field.boxes, 1)
        }


def tasks(pages: int, only: str = "") -> list[Task]:
    """List the pages; `only` is ``layout/hardship``, either empty.

    In each round every layout meets three hardships and every hardship four layouts; after three rounds all have met.
    The pages of a layout follow each other, so that what is worked out for its template serves three of them.
    """
    layout, _, hardship = only.partition("/")
    if layout not in ("", *LAYOUTS) or hardship not in ("", *HARDSHIPS):
        raise ValueError(f"'{only}' is no layout/hardship; there are {', '.join(LAYOUTS)} / {', '.join(HARDSHIPS)}")
    fates, every, number = list(HARDSHIPS), list[Task](), 0
    while len(every) < pages:
        for place, name in enumerate(LAYOUTS):
            for k in range(IN_A_ROW):
                # A page keeps its number whatever `only` leaves out: it is the same page in every run.
                fate = fates[(place + number // (IN_A_ROW * len(LAYOUTS)) * IN_A_ROW + k) % len(fates)]
                if layout in ("", name) and hardship in ("", fate):
                    every.append(Task(number, name, fate))
                number += 1
    return every[:pages]


@lru_cache(maxsize=1)
def _source(data: Path) -> HeldOut:
    return held_out_digits(data)


@lru_cache(maxsize=4)
def template(layout: str) -> Template:
    """Describe a layout from its clean blank."""
    return blank(layout).template()


@lru_cache(maxsize=4)
def twin_template(layout: str, kind: str) -> Template:
    """Describe a near twin of a layout."""
    return twin_of(layout, kind).template()


def strangers(task: Task) -> Sequence[tuple[str, Template]]:
    """Give the forms that a page is tried against though it is none of them: another layout and two near twins."""
    names = list(LAYOUTS)
    turn = task.number // IN_A_ROW // len(names)
    other = names[(names.index(task.layout) + 1 + turn % (len(names) - 1)) % len(names)]
    kinds = (TWINS[task.number % 3], TWINS[(task.number + 1) % 3])
    return (("another form", template(other)), *((f"twin: {kind}", twin_template(task.layout, kind)) for kind in kinds))


def draw_page(task: Task, data: Path) -> DrawnPage:
    """Draw the page of a task with digits from the folder `data`."""
    rng = np.random.default_rng([SEED, task.number])
    form, source = blank(task.layout), _source(data)
    boxes = sum(len(field.boxes) for field in form.fields)
    values = draw_values(form, rng, empty=0.6 if boxes > 300 else 0.08, struck=0.015, scribbled=0.004)
    writers, stock = _writers(source, "".join(values.values()), rng)
    pale = task.hardship == "pale"
    pens = [pen for pen in PENS if pen.name in PALE_PENS] if pale else list(PENS)
    hand = draw_writer(rng, pens[rng.integers(len(pens))])
    printed = poorly_printed(form, rng) if pale else form
    filled = fill(printed, values, rng, writer=hand, stock=stock, crossing=CROSSING)
    scan = filled.scan(HARDSHIPS[task.hardship](form, rng), rng)
    return DrawnPage(task, form, filled, scan, source, writers[0])


def _writers(source: HeldOut, marks: str, rng: np.random.Generator) -> tuple[list[int], DigitStock]:
    """Choose as many writers as can write these marks with no digit's picture used more than twice."""
    need = np.array([marks.count(str(digit)) for digit in range(10)]) + marks.count("#")
    order = rng.permutation(np.unique(source.writers))
    for count in range(1, len(order)):
        rows = np.flatnonzero(np.isin(source.writers, order[:count]))
        if (2 * np.bincount(source.labels[rows], minlength=10) >= need).all():
            break
    labels = np.where(np.isin(source.writers, order[:count]), source.labels, -1)
    return [int(writer) for writer in order[:count]], DigitStock(rng, (source.images, labels))
