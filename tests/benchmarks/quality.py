"""Where reading breaks down: drawn pages of ever poorer quality, with and without the flags that `quality` sets.

    python -m tests.benchmarks.quality [--only KIND] [--pages 4]

Each line is a level of one kind of wear, on `--pages` filled pages of each of three forms, pens in turn. *Accepted and
wrong* is told twice: as it would be without a look at the page's quality, and as it is. `formreader.quality`'s limits
are set where the first column begins to be more than nothing, or where over a third of the digits are flagged anyway.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from formreader.align import align
from formreader.boxes import place_boxes
from formreader.classify import classify
from formreader.crops import crop_digits
from formreader.errors import BlankPage, PageError
from formreader.fields import decode, needs_review
from formreader.model import DigitModel, default_model_path, load_model
from formreader.quality import measure, refuse_hopeless, refuse_tiny, with_doubts
from formreader.template import Template
from formreader.values import DigitReading, FieldReading, Grey, Page, PageRef
from tests.drawing import PENS, Filled, Wear, class_marks, dense, draw_values, draw_writer, fill, meter_card

FORMS = (meter_card, dense, class_marks)
FORM_DPI = 300
MM_PER_INCH = 25.4


@dataclass(frozen=True, slots=True)
class Poor:
    """One level of wear.

    Attributes
    ----------
    left
        Share of the darkness of print and ink that is left.
    blur_mm
        Standard deviation of the lens.
    moved_mm
        How far the camera moved, across and down the page in turn.
    """

    dpi: float = 200
    left: float = 1.0
    blur_mm: float = 0.04
    moved_mm: float = 0.0
    noise: float = 2.0
    one_bit_at: int | None = None

    def scan(self, filled: Filled, number: int) -> Grey:
        """Scan a filled page."""
        rng = np.random.default_rng(number)
        wear = Wear(dpi=self.dpi, skew_degrees=float(rng.uniform(-1, 1)), shift_mm=(0.7, -0.4), blur_mm=self.blur_mm)
        scan = filled.scan(wear, rng).pixels
        pixels = np.asarray(cv2.cvtColor(scan, cv2.COLOR_BGR2GRAY) if scan.ndim == 3 else scan, np.float32)
        length = round(self.moved_mm * self.dpi / MM_PER_INCH)
        if length > 1:
            shape = (length, 1) if number % 2 else (1, length)
            pixels = np.asarray(cv2.filter2D(pixels, -1, np.full(shape, 1 / length, np.float32)), np.float32)
        pixels = 255 - self.left * (255 - pixels) + rng.standard_normal(pixels.shape, np.float32) * self.noise
        if self.one_bit_at is not None:
            pixels = np.where(pixels < self.one_bit_at, 0, 255).astype(np.float32)
        return np.asarray(np.clip(pixels + 0.5, 0, 255), np.uint8)


KINDS: dict[str, dict[str, Poor]] = {
    "resolution": {f"{dpi} dpi": Poor(dpi) for dpi in (30, 35, 40, 45, 50, 60, 75, 100, 150, 300)},
    "resolution, 1 bit": {f"{dpi} dpi": Poor(dpi, one_bit_at=165) for dpi in (35, 40, 45, 50, 60, 75, 100, 200)},
    "resolution, noise": {f"{dpi} dpi": Poor(dpi, noise=9) for dpi in (35, 40, 45, 50, 60, 75, 100)},
    "defocus": {f"{mm} mm": Poor(blur_mm=mm) for mm in (0.1, 0.2, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6)},
    "defocus at 35 %": {f"{mm} mm": Poor(blur_mm=mm, left=0.35) for mm in (0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4)},
    "defocus at 50 %": {f"{mm} mm": Poor(blur_mm=mm, left=0.5) for mm in (0.2, 0.3, 0.35, 0.4, 0.45)},
    "motion": {f"{mm} mm": Poor(moved_mm=mm) for mm in (0.5, 0.8, 1.0, 1.2, 1.4, 1.6, 2.0)},
    "fading": {f"{left:.0%}": Poor(left=left) for left in (0.11, 0.14, 0.17, 0.2, 0.23, 0.26, 0.3, 0.4, 0.7)},
}


@dataclass(slots=True)
class Level:
    """What came of the pages of one level."""

    counts: Counter[str] = field(default_factory=Counter)
    qualities: list[dict[str, float]] = field(default_factory=list)

    def row(self) -> str:
        """Give one line of the table."""
        digits = max(self.counts["digits"], 1)
        shares = (f"{self.counts[name] / digits:8.1%}" for name in ("right", "flagged"))
        sizes = (self._spread(name, form) for name, form in (("box_px", ".0f"), ("smear", ".3f"), ("print", ".2f")))
        wrong = (f"{self.counts[name]:8}" for name in ("wrong unseen", "wrong"))
        counted = f"{self.counts['pages']:6}{self.counts['unmatched']:10}{self.counts['refused']:9}"
        return counted + "".join(f"{size:>14}" for size in sizes) + f"{digits:8}" + "".join((*shares, *wrong))

    def _spread(self, name: str, form: str) -> str:
        values = [quality[name] for quality in self.qualities if name in quality]
        return f"{min(values):{form}}-{max(values):{form}}" if values else "-"


def read(level: Level, filled: Filled, pixels: Grey, template: Template, model: DigitModel) -> None:
    """Read a page without looking at its quality, then apply what its quality says."""
    level.counts["pages"] += 1
    page = Page(PageRef(Path("page.png")), pixels)
    try:
        aligned = align(page, template)
    except (PageError, BlankPage):
        level.counts["unmatched"] += 1
        return
    boxes = place_boxes(aligned, template)
    quality = measure(aligned.pixels, boxes, template)
    level.qualities.append(quality)
    digits = classify(crop_digits(aligned, boxes), boxes, model)
    fields = decode(digits, template)
    level.counts["wrong unseen"] += len(list(wrong_and_accepted(filled, fields, digits)))
    try:
        refuse_tiny(page, [template])
        refuse_hopeless(page.ref, quality)
    except PageError:
        level.counts["refused"] += 1
    else:
        fields, flagged = with_doubts(fields, digits, boxes, quality)
        level.counts["wrong"] += len(list(wrong_and_accepted(filled, fields, flagged)))
    review = needs_review(fields, digits)
    for digit, looked_at in zip(digits, review, strict=True):
        mark = filled.values[digit.box.field][digit.box.position - 1]
        if mark.isdigit():
            level.counts.update(digits=1, right=digit.digit == mark, flagged=looked_at)


def wrong_and_accepted(
    filled: Filled, fields: tuple[FieldReading, ...], digits: tuple[DigitReading, ...]
) -> Iterator[DigitReading]:
    """Give the boxes that nobody is told to look at and that hold something else than was read."""
    for digit, looked_at in zip(digits, needs_review(fields, digits), strict=True):
        mark = filled.values[digit.box.field][digit.box.position - 1]
        if not looked_at and (digit.digit or "") != (mark if mark.isdigit() else ""):
            yield digit


def draw(pages: int) -> list[tuple[Filled, Template]]:
    """Fill the forms."""
    drawn = []
    for number, make in enumerate(form for form in FORMS for _ in range(pages)):
        form, rng = make(FORM_DPI), np.random.default_rng(100 + number)
        writer = draw_writer(rng, PENS[number % len(PENS)])
        drawn.append((fill(form, draw_values(form, rng), rng, writer=writer), form.template()))
    return drawn


def main(say: Callable[[str], None] = print) -> None:
    """Print a table a kind of wear."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", choices=KINDS, help="this kind of wear")
    parser.add_argument("--pages", type=int, default=4, help="of each form")
    given = parser.parse_args()
    cv2.setNumThreads(1)
    model, drawn = load_model(default_model_path()), draw(given.pages)
    for kind in [given.only] if given.only else KINDS:
        heads = ("pages", "unmatched", "refused", "box px", "smear", "print", "digits", "right", "flagged")
        widths = (6, 10, 9, 14, 14, 14, 8, 8, 8)
        titles = "".join(f"{head:>{width}}" for head, width in zip(heads, widths, strict=True))
        say(f"\n{kind:<20}{titles}   accepted and wrong: unseen, now")
        for name, how in KINDS[kind].items():
            level = Level()
            for number, (filled, template) in enumerate(drawn):
                read(level, filled, how.scan(filled, number), template, model)
            say(f"{name:<20}{level.row()}")


if __name__ == "__main__":
    main()
