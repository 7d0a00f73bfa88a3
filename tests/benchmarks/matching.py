"""Own pages and pages of other forms against templates: scores, pages lost, wrong maps, boxes off their place.

    python -m tests.benchmarks.matching [--families 60] [--own 11] [--others 24] [--seed 1] [--jobs 2] [--dpi 150]

Each family is a form, its own pages in every way a page comes to lie, and pages of other forms, filled: near twins of
it, and forms of other families, mirrored own pages and text. Everything follows from the seed and the family's number.
A map is wrong where a box's frame is put more than 2 mm off before it is snapped; a box is off its place where a corner
is more than 0.3 mm off afterwards.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import joblib
import numpy as np

from formreader.align import align
from formreader.boxes import place_boxes
from formreader.errors import BlankPage, NoMatch
from formreader.template import Template, corners_of
from formreader.values import Grey, Page, PageRef
from tests.benchmarks.matching_forms import TWINS, draw_plan, printed
from tests.benchmarks.matching_wear import KINDS, Lying, laid
from tests.drawing import DrawnForm, source_digits
from tests.drawing_sheet import MM_PER_INCH, Sheet

WRONG_MM = 2.0
OFF_MM = 0.3


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a page.

    Attributes
    ----------
    own
        It is a page of the template's form.
    accepted
        It was matched.
    score
        Its match's score; of a refused page the best it reached.
    worst_mm
        How far the worst box corner lies from its true place after snapping; 0 for a refused page.
    off
        How many of its `boxes` lie more than `OFF_MM` from their place.
    seen
        All boxes lie in the picture.
    """

    family: int
    kind: str
    own: bool
    accepted: bool
    score: float
    worst_mm: float
    off: int
    boxes: int
    seconds: float
    seen: bool = True
    why: str = ""


def outcome(family: int, kind: str, pixels: Grey, template: Template, form: DrawnForm, lying: Lying | None) -> Outcome:
    """Match one page and measure; `lying` is None for a page of another form."""
    began = time.process_time()
    try:
        aligned = align(Page(PageRef(Path("page.png")), pixels), template)
    except (NoMatch, BlankPage) as refusal:
        took = time.process_time() - began
        seen = lying is None or all(_inside(corners, pixels) for corners in _true_corners(form, lying))
        score, own = getattr(refusal, "score", 0.0), lying is not None
        return Outcome(family, kind, own, False, score, 0.0, 0, 0, took, seen, str(refusal).partition(";")[0])
    took = time.process_time() - began
    score = aligned.match.score
    if lying is None:
        return Outcome(family, kind, False, True, score, 0.0, 0, 0, took)
    true = _true_corners(form, lying)
    mm = np.array(
        [
            np.hypot(*(box.corners - corners).T).max() / _px_per_mm(corners, form, number)
            for number, (box, corners) in enumerate(zip(place_boxes(aligned, template), true, strict=True))
            if _inside(corners, pixels)
        ]
    )
    return Outcome(
        *(family, kind, True, True, score, float(mm.max()), int((mm > OFF_MM).sum()), len(mm), took),
        seen=len(mm) == len(true),
    )


def _true_corners(form: DrawnForm, lying: Lying) -> list[np.ndarray]:
    return [lying.place(corners_of(box)) for field in form.fields for box in field.boxes]


def _inside(corners: np.ndarray, pixels: Grey) -> bool:
    return bool((corners > 1).all() and (corners < np.array(pixels.shape[1::-1]) - 2).all())


def _px_per_mm(corners: np.ndarray, form: DrawnForm, number: int) -> float:
    """How many pixels of the picture a millimetre of paper is at a box."""
    _, _, width, height = [box for field in form.fields for box in field.boxes][number]
    area = abs(float(cv2.contourArea(corners.astype(np.float32)))) / (width * height)
    return float(np.sqrt(area)) * form.dpi / MM_PER_INCH


def pages_of(family: int, seed: int, own: int, others: int, dpi: float) -> Iterator[Outcome]:
    """Draw one family's form and its pages, and match each."""
    cv2.setNumThreads(1)
    rng = np.random.default_rng((seed, family))
    plan = draw_plan(rng)
    form = printed(plan, dpi)
    template = form.template()
    kinds = list(KINDS)
    for number in range(own):
        kind = kinds[(family + number) % len(kinds)]
        pixels, lying = laid(_filled(form, rng), dpi, KINDS[kind](rng), rng)
        yield outcome(family, kind, pixels, template, form, lying)
    twins = [*TWINS, "mirrored", "unlike", "text"]
    for number in range(others):
        kind = twins[(family + number) % len(twins)]
        how = KINDS[("feeder", "turned", "feeder", "photo")[number % 4]](rng)
        if kind == "mirrored":
            sheet = np.ascontiguousarray(_filled(form, rng)[:, ::-1])
        elif kind == "unlike":
            sheet = _filled(printed(draw_plan(rng), dpi), rng)
        elif kind == "text":
            sheet = _text(plan.size, dpi, rng)
        else:
            twin = TWINS[kind](plan, rng)
            if twin == plan:
                continue
            sheet = _filled(printed(twin, dpi), rng)
        pixels, _ = laid(sheet, dpi, how, rng)
        yield outcome(family, kind, pixels, template, form, None)


def _filled(form: DrawnForm, rng: np.random.Generator) -> Grey:
    """Write into most boxes, quickly: source digits as they are, some larger than their box, and a signature."""
    digits, _ = source_digits()
    page = form.picture.copy()
    grey = int(rng.integers(20, 110))
    for field in form.fields:
        if rng.random() < 0.15:
            continue
        for x, y, width, height in field.boxes:
            tall = round(min(width, height) * float(rng.uniform(0.8, 1.25)))
            digit = cv2.resize(digits[rng.integers(len(digits))], (tall, tall), interpolation=cv2.INTER_AREA)
            left, top = (
                round(p + (side - tall) / 2 + rng.normal(0, 0.06 * side)) for p, side in ((x, width), (y, height))
            )
            under = page[top : top + tall, left : left + tall]
            if under.shape == digit.shape:
                under[:] = np.minimum(under, 255 - (digit * ((255 - grey) / 255)).astype(np.uint8))
    height_px, width_px = page.shape
    walk = np.cumsum(rng.normal((9, 0), (3, 9), (22, 2)), axis=0) + np.array([0.3 * width_px, 0.9 * height_px])
    cv2.polylines(page, [walk.astype(np.int32)], isClosed=False, color=grey, thickness=2, lineType=cv2.LINE_AA)
    return page


def _text(size: tuple[float, float], dpi: float, rng: np.random.Generator) -> Grey:
    sheet = Sheet(size, dpi)
    for top in np.arange(20, size[1] - 20, 6):
        words = " ".join("".join(rng.choice(list("abcdefgilmnorstu"), rng.integers(2, 9))) for _ in range(9))
        sheet.text(22, float(top), words, 2.2)
    return sheet.pixels


# --- the table


def report(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Write a line a kind of page, then what went wrong."""
    own = [one for one in outcomes if one.own]
    others = [one for one in outcomes if not one.own]
    heads = ("pages", "matched", "wrong", "boxes", "off", "least", "1 %", "5 %", "ms")
    yield f"{'own pages':<16}" + "".join(f"{head:>9}" for head in heads)
    yield from (_own_line(kind, some) for kind, some in (*_by_kind(own), ("all", own)))
    lost = [one for one in own if not one.accepted]
    whole = sum(one.seen for one in lost)
    yield f"lost, all boxes in the picture: {whole}; lost, with boxes cut off: {len(lost) - whole}"
    yield f"{'others':<16}" + "".join(f"{head:>9}" for head in ("pages", "accepted", "99 %", "99.9 %", "most", "ms"))
    yield from (_other_line(kind, some) for kind, some in (*_by_kind(others), ("all", others)))
    for one in outcomes:
        if one.accepted != one.own or one.worst_mm > WRONG_MM:
            verdict = "matched" if one.accepted else "lost"
            yield f"family {one.family}: {one.kind}: {verdict}, {one.score:.2f}, {one.worst_mm:.1f} mm {one.why}"


def _own_line(kind: str, some: Sequence[Outcome]) -> str:
    matched = [one for one in some if one.accepted]
    scores = [one.score for one in matched] or [0.0]
    wrong = sum(one.worst_mm > WRONG_MM for one in matched)
    boxes, off = sum(one.boxes for one in matched), sum(one.off for one in matched)
    shares = (min(scores), np.percentile(scores, 1), np.percentile(scores, 5))
    return (
        f"{kind:<16}"
        + "".join(f"{count:>9}" for count in (len(some), len(matched), wrong, boxes, off))
        + "".join(f"{share:>9.2f}" for share in shares)
        + f"{_ms(some):>9.0f}"
    )


def _other_line(kind: str, some: Sequence[Outcome]) -> str:
    scores = [one.score for one in some] or [0.0]
    shares = (*np.percentile(scores, (99, 99.9)), max(scores))
    counts = (len(some), sum(one.accepted for one in some))
    return (
        f"{kind:<16}"
        + "".join(f"{count:>9}" for count in counts)
        + "".join(f"{share:>9.2f}" for share in shares)
        + f"{_ms(some):>9.0f}"
    )


def _ms(some: Sequence[Outcome]) -> float:
    return 1000 * float(np.mean([one.seconds for one in some]))


def _by_kind(outcomes: Iterable[Outcome]) -> list[tuple[str, list[Outcome]]]:
    kinds: dict[str, list[Outcome]] = defaultdict(list)
    for one in outcomes:
        kinds[one.kind].append(one)
    return sorted(kinds.items())


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--families", type=int, default=60)
    parser.add_argument("--first", type=int, default=0, help="number of the first family")
    parser.add_argument("--own", type=int, default=11)
    parser.add_argument("--others", type=int, default=27)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--dpi", type=float, default=150)
    parser.add_argument("-j", "--jobs", type=int, default=2)
    given = parser.parse_args()
    began = time.monotonic()
    families = range(given.first, given.first + given.families)
    found = joblib.Parallel(n_jobs=given.jobs)(
        joblib.delayed(lambda n: list(pages_of(n, given.seed, given.own, given.others, given.dpi)))(n) for n in families
    )
    print("\n".join(report([one for some in found for one in some])))
    print(f"{time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
