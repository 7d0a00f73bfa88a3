"""The pages of the measurement, and what cutting makes of them: a crop a box, with what is true of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import joblib
import numpy as np
from numpy.typing import NDArray

from formreader.align import align_to_any
from formreader.boxes import place_boxes
from formreader.crops import crop_digits
from formreader.errors import BlankPage, PageError
from formreader.pipeline.unseen import unseen_left_open
from formreader.quality import measure, refuse_hopeless
from formreader.template import Template
from formreader.values import Page, PageRef
from tests.benchmarks.trust.folds import Source, dealt
from tests.drawing import DigitStock, draw_values, draw_writer, fill
from tests.drawing_damage import poorly_printed
from tests.drawing_hardships import HARDSHIPS
from tests.drawing_layouts import blank
from tests.drawing_pen import PENS

SEED: Final = 20_261_123
LAYOUTS: Final = ("census", "tax-return", "order", "gradebook", "tally", "lab", "diary")
"""Those of many single boxes: drawing a page costs more than a digit on it."""
MOST_WRITTEN: Final = 200
"""Boxes of a page that are written into, about; a writer has some hundred digits, each drawn anew every time."""

CROSSING: Final = 0.06
PALE_PENS: Final = ("pencil", "blue ballpoint")
TRUTHS: Final = "0123456789_X-#"
"""What a box may hold; a place in it is the truth of a box."""


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """Boxes as cutting left them, a row each; those of a page in reading order.

    Attributes
    ----------
    digits, others
        uint8 (n, 28, 28): the crop, and how else it may look where `doubled`.
    truth
        Places in `TRUTHS`.
    reason
        What cutting says, a place in `REASONS`.
    source
        Which digit was written, a row of the source; -1 where none was.
    page, fate
        The page's number and what it went through, a place in `FATES`.
    match, quality
        Score of the match; float32 (n, 5), the page's `QUALITIES`.
    """

    digits: NDArray[np.uint8]
    others: NDArray[np.uint8]
    doubled: NDArray[np.bool_]
    truth: NDArray[np.int8]
    reason: NDArray[np.int8]
    source: NDArray[np.int32]
    writer: NDArray[np.int32]
    fold: NDArray[np.int8]
    page: NDArray[np.int32]
    fate: NDArray[np.int8]
    match: NDArray[np.float32]
    quality: NDArray[np.float32]

    def part(self, rows: NDArray[Any]) -> Cut:
        """Give some of the boxes."""
        return Cut(*(getattr(self, column.name)[rows] for column in fields(self)))


REASONS: Final = ("", "blank", "not_a_digit", "struck", "ink_outside")
FATES: Final = tuple(HARDSHIPS)
QUALITIES: Final = ("box_px", "contrast", "grey", "smear", "print")


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """The pages of one writer, by the numbers that decide all chance.

    Attributes
    ----------
    rows
        Which digits of the source are the writer's: `images` with their `labels`.
    """

    fold: int
    writer: int
    pages: tuple[int, ...]
    rows: NDArray[np.int64]
    images: NDArray[np.uint8]
    labels: NDArray[np.int64]


def tasks(source: Source) -> list[Task]:
    """Give each writer five pages, four of following numbers and one more, writers in an order drawn once."""
    order = np.random.default_rng(SEED).permutation(np.unique(source.writers))
    every = []
    for place, writer in enumerate(order):
        pages = (*range(4 * place, 4 * place + 4), 4 * len(order) + place)
        rows = np.flatnonzero(source.writers == writer)
        every.append(
            Task(int(source.folds[rows[0]]), int(writer), pages, rows, source.images[rows], source.labels[rows])
        )
    return every


@lru_cache(maxsize=len(LAYOUTS))
def _template(layout: str) -> Template:
    return blank(layout).template()


def cut_pages(task: Task) -> Cut | None:
    """Draw a writer's pages, and cut them as `read` does; None where every page was refused."""
    parts = [cut for number in task.pages if (cut := _cut_page(task, number))]
    return _joined(parts) if parts else None


def fate_of(number: int) -> str:
    """Say what a page goes through: every other one lies flat, the others meet all fates in turn."""
    return FATES[0] if number % 2 == 0 else FATES[1 + number // 2 % (len(FATES) - 1)]


def _cut_page(task: Task, number: int) -> Cut | None:
    rng = np.random.default_rng([SEED, number])
    layout, fate = LAYOUTS[number % len(LAYOUTS)], fate_of(number)
    form, template = blank(layout), _template(layout)
    pens = [pen for pen in PENS if pen.name in PALE_PENS] if fate == "pale" else list(PENS)
    hand = draw_writer(rng, pens[rng.integers(len(pens))])
    stock = DigitStock(rng, (task.images, task.labels))
    room = sum(len(field.boxes) for field in form.fields)
    values = draw_values(form, rng, empty=max(0.02, 1 - MOST_WRITTEN / room), struck=0.01, scribbled=0.002)
    known = {str(digit) for digit in np.unique(task.labels)}
    values = {
        name: "".join(m if not m.isdigit() or m in known else "_" for m in marks) for name, marks in values.items()
    }
    printed = poorly_printed(form, rng) if fate == "pale" else form
    filled = fill(printed, values, rng, writer=hand, stock=stock, crossing=CROSSING)
    scan = filled.scan(replace(HARDSHIPS[fate](form, rng), colour=False), rng)  # in grey: a third of the time
    page = Page(PageRef(Path("drawn.png")), scan.pixels, None, None if fate == "photographed" else scan.dpi)
    try:
        aligned, _ = align_to_any(page, (template,))
        boxes = place_boxes(aligned, template)
        quality = measure(aligned.pixels, boxes, template)
        refuse_hopeless(page.ref, quality)
    except (PageError, BlankPage):
        return None
    crops = unseen_left_open(crop_digits(aligned, boxes), boxes, aligned.pixels)
    rows = [row for row, box in enumerate(boxes) if not box.is_wide]
    uses = {(use.field, use.position): int(task.rows[use.index]) for use in filled.uses}
    count = len(rows)
    none = np.zeros((28, 28), np.uint8)
    return Cut(
        digits=crops.digits[rows],
        others=np.stack([crops.others.get(row, none) for row in rows]),
        doubled=np.array([row in crops.others for row in rows]),
        truth=np.array([TRUTHS.index(values[boxes[r].field][boxes[r].position - 1]) for r in rows], np.int8),
        reason=np.array([REASONS.index(crops.reasons[row]) for row in rows], np.int8),
        source=np.array([uses.get((boxes[row].field, boxes[row].position), -1) for row in rows], np.int32),
        writer=np.full(count, task.writer, np.int32),
        fold=np.full(count, task.fold, np.int8),
        page=np.full(count, number, np.int32),
        fate=np.full(count, FATES.index(fate), np.int8),
        match=np.full(count, aligned.match.score, np.float32),
        quality=np.tile(np.array([quality.get(name, np.nan) for name in QUALITIES], np.float32), (count, 1)),
    )


def _joined(parts: list[Cut]) -> Cut:
    return Cut(*(np.concatenate([getattr(part, column.name) for part in parts]) for column in fields(Cut)))


def cut_all(data: Path, work: Path, jobs: int = 2) -> Cut:
    """Draw and cut all pages, or take what is kept in the folder `work` from an earlier time."""
    kept = work / "cut.npz"
    if not kept.exists():
        work.mkdir(parents=True, exist_ok=True)
        every = tasks(dealt(data))
        drawn = joblib.Parallel(jobs, return_as="generator", pre_dispatch="2*n_jobs", batch_size=1)(
            joblib.delayed(cut_pages)(task) for task in every
        )
        joined = _joined([part for part in _told(drawn, len(every)) if part is not None])
        np.savez(kept, **{column.name: getattr(joined, column.name) for column in fields(Cut)})
    with np.load(kept) as arrays:
        return Cut(*(arrays[column.name] for column in fields(Cut)))


def _told(drawn: Iterator[Cut | None], count: int) -> Iterator[Cut | None]:
    for number, part in enumerate(drawn, 1):
        if number % 20 == 0:
            print(f"{number} of {count} writers' pages drawn", flush=True)
        yield part
