"""Marks on drawn and worn sheets of boxes and bubbles: how many are read right, flagged, and silently wrong.

Run ``python -m tests.benchmarks.choices``. Sheets of six kinds are filled by drawn writers, in every style, and scanned
at 100 to 300 dpi as office scanners do; a part of the fields holds what nobody can be sure of. Seeds begin at 100,000:
no limit was chosen on these sheets. The pages go the whole way from the picture to the fields.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from formreader.errors import PageError
from formreader.model import DigitModel, default_model_path, load_model
from formreader.pipeline import read_page
from formreader.template import Template
from formreader.values import SEVERAL, Page, PageRef
from tests.drawing import draw_mild, wear
from tests.drawing_choices import Marked, answer_sheet, mark, number_grid, survey
from tests.drawing_sheet import DrawnForm

FIRST_SEED: Final = 100_000
DPI: Final = 200
"""Of the drawn sheets."""
SCANNED_DPI: Final = (100, 150, 200, 300)
_SHEETS: Final[dict[str, Callable[[], DrawnForm]]] = {
    "letters in bubbles": partial(answer_sheet, DPI),
    "empty bubbles, no markers": partial(answer_sheet, DPI, letters=False, marked=False),
    "squares": partial(survey, DPI),
    "digits in pale bubbles, small squares": partial(number_grid, DPI),
    "letters in bubbles, no blank form": partial(answer_sheet, DPI),
    "digits in pale bubbles, no blank form": partial(number_grid, DPI),
}
Row = tuple[str, str, str]
"""Sheet, what was drawn, and what came of it."""


@cache
def _form(name: str) -> tuple[DrawnForm, Template]:
    form = _SHEETS[name]()
    template = form.template()
    return form, replace(template, reference=None) if name.endswith("no blank form") else template


@cache
def _model() -> DigitModel:
    return load_model(default_model_path())


def outcomes(seed: int, doubts: float) -> list[Row]:
    """Draw, wear and read one sheet; give what came of each of its fields and marks."""
    name = list(_SHEETS)[seed % len(_SHEETS)]
    form, template = _form(name)
    rng = np.random.default_rng(seed)
    marked = mark(form, rng, doubts=doubts)
    scan = wear(marked.picture, DPI, draw_mild(rng, float(rng.choice(SCANNED_DPI))), rng)
    grey = scan.pixels if scan.pixels.ndim == 2 else cv2.cvtColor(scan.pixels, cv2.COLOR_BGR2GRAY)
    page = Page(PageRef(Path(f"{seed}.png")), np.asarray(grey, np.uint8), None, scan.dpi)
    try:
        answer = read_page(page, template, _model())
    except PageError:
        return [(name, "page", "refused")]
    rows = [(name, "page", "read")]
    for field in answer.fields:
        rows += _of_field(name, form, marked, field.name, field.value, flagged=bool(field.reasons))
    return rows


def _of_field(sheet: str, form: DrawnForm, marked: Marked, name: str, value: str, *, flagged: bool) -> Iterator[Row]:
    truth, doubt = marked.values[name], marked.doubtful.get(name, "")
    field = form.field(name)
    meant = not truth and field.required  # a blank that is flagged as such is right
    said = "right" if value == truth and (not flagged or meant) else "flagged" if flagged else "WRONG"
    yield sheet, f"doubtful field: {doubt}" if doubt else "field", said
    read = value.split(SEVERAL) if value else []
    for k, option in enumerate(field.options):
        style = marked.styles.get((name, k))
        if not doubt and (style or option in read):
            right = option in read and style is not None
            yield sheet, f"mark: {style or 'none there'}", "flagged" if flagged else "right" if right else "WRONG"
            yield sheet, f"mark, value: {style or 'none there'}", "right" if right else "other"


def main() -> None:
    """Print shares by style, by sheet, and of what is doubtful."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pages", type=int, default=900)
    parser.add_argument("--first", type=int, default=FIRST_SEED)
    parser.add_argument("--doubts", type=float, default=0.0, help="share of the fields with something doubtful")
    parser.add_argument("--jobs", type=int, default=2)
    given = parser.parse_args()
    seeds = range(given.first, given.first + given.pages)
    counts = Counter[Row]()
    with ProcessPoolExecutor(given.jobs) as pool:
        for rows in pool.map(partial(outcomes, doubts=given.doubts), seeds, chunksize=4):
            counts.update(rows)
    for title, place in (("what was drawn", 1), ("sheet, fields without doubts", 0)):
        print(f"\n{title}")
        some = {row: n for row, n in counts.items() if place == 1 or row[1] == "field"}
        for name in sorted({row[place] for row in some}):
            said = Counter[str]()
            for row, n in some.items():
                said[row[2]] += n if row[place] == name else 0
            total = said.total()
            print(
                f"  {name:<40} {total:>7,}  " + ", ".join(f"{k} {v:,} ({v / total:.3%})" for k, v in said.items() if v)
            )


if __name__ == "__main__":
    main()
