"""The tables: each measure by wear, by kind of frame and overall, with a bootstrap over writers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tests.benchmarks.pages.counts import Measured

ROUNDS: Final = 1000
FOUND: Final = ("boxes found", "found are boxes", "fields found whole", "printed cells taken for boxes")
MATCHED: Final = ("matched", "wrong map accepted", "accepted as another form")
TWINS: Final = ("accepted as twin: row", "accepted as twin: pitch", "accepted as twin: title")
READ: Final = ("cut within 0.3 mm", "right from the source", "right as drawn", "right as read", "flagged")
WRONG: Final = ("accepted wrong", "false blank", "false blank, not flagged", "swallowed as a filler")
FALSE: Final = (
    "false digit",
    "false digit, not flagged",
    "false digit, streaked",
    "false digit, streaked, not flagged",
)
STRUCK: Final = ("strike caught", "strike accepted as a digit", "scribble caught", "scribble accepted as a digit")
WIDE: Final = ("wide: right", "wide: accepted wrong", "wide: flagged", "wide: digit right")
CROSSING: Final = (
    "inside: right as drawn",
    "inside: right as read",
    "crossing: right as drawn",
    "crossing: right as read",
)

Key = Callable[[Measured, str], str]

TARGETS: Final[tuple[tuple[str, tuple[str, ...], str, float], ...]] = (
    ("boxes found", ("boxes found",), ">=", 99.0),
    ("found are boxes", ("found are boxes",), ">=", 99.0),
    ("pages matched", ("matched",), ">=", 99.5),
    ("wrong maps accepted", ("wrong map accepted",), "<=", 0.0),
    ("other forms accepted", (MATCHED[2],), "<=", 0.0),
    ("near twins accepted", TWINS, "<=", 0.0),
    ("boxes cut within 0.3 mm", ("cut within 0.3 mm",), ">=", 99.5),
    ("digits accepted wrong", ("accepted wrong",), "<=", 0.0),
    ("false blanks", ("false blank",), "<=", 0.05),
    ("false digits", ("false digit",), "<=", 0.1),
    ("struck boxes caught", ("strike caught", "scribble caught"), ">=", 98.0),
    ("digits swallowed as fillers", ("swallowed as a filler",), "<=", 0.0),
    ("wide boxes accepted wrong", ("wide: accepted wrong",), "<=", 0.0),
)
"""What is to be reached on worn pages, in percent; on clean blanks 99.9 % of boxes are to be found, and no others."""


def report(blanks: Sequence[Measured], pages: Sequence[Measured]) -> Iterator[str]:
    """Write all tables, in percent, as Markdown."""
    yield "## Against what is to be reached, percent [95 % of a bootstrap over writers] (of how many)\n"
    yield from _against_targets(blanks, pages)
    yield "\n## Clean blanks, boxes found by kind of frame (IoU 0.7)"
    yield from _table(blanks, FOUND, lambda _, kind: kind)
    yield f"\n## {len(pages)} worn, filled pages; percent (of how many) [95 % of a bootstrap over writers]"
    for measures in ((*FOUND,), (*MATCHED, *TWINS), READ, CROSSING, WRONG, FALSE, STRUCK, WIDE):
        yield from _table(pages, measures, lambda page, _: page.task.hardship)
        if measures not in ((*MATCHED, *TWINS), CROSSING):
            yield from _table(pages, measures, lambda _, kind: kind)
    yield from _points(pages)
    yield from _scores(pages)
    yield from _failures(pages)


def _against_targets(blanks: Sequence[Measured], pages: Sequence[Measured]) -> Iterator[str]:
    for where, those, targets in (("clean blanks", blanks, TARGETS[:2]), ("worn pages", pages, TARGETS)):
        for name, measures, sign, bound in targets:
            limit = 99.9 if those is blanks else bound
            pairs = [
                (page.writer, pair) for page in those for (_, what), pair in page.counts.items() if what in measures
            ]
            if not pairs:
                continue
            hits, cases = np.sum([pair for _, pair in pairs], axis=0)
            share = 100 * hits / cases
            met = share >= limit if sign == ">=" else share <= limit
            low, high = _interval(_by_writer(pairs))
            mark = "reached" if met else "NOT"
            yield f"- {where}, {name}: {share:.3f} [{low:.2f}, {high:.2f}] ({cases}), {sign} {limit:g}: {mark}"


def _by_writer(pairs: Sequence[tuple[int, Sequence[float]]]) -> NDArray[np.float64]:
    """Add up numerators and denominators by writer, (writers, 2)."""
    sums: dict[int, NDArray[np.float64]] = {}
    for writer, pair in pairs:
        sums[writer] = sums.get(writer, np.zeros(2)) + np.asarray(pair, np.float64)
    return np.array(list(sums.values()))


def _table(pages: Sequence[Measured], measures: Sequence[str], key: Key) -> Iterator[str]:
    rows: dict[str, list[Measured]] = {}
    for page in pages:
        for kind, measure in page.counts:
            if measure in measures and page not in rows.setdefault(key(page, kind), []):
                rows[key(page, kind)].append(page)
    yield "\n| | " + " | ".join(measures) + " |\n|---|" + "---|" * len(measures)
    for name, those in (*rows.items(), ("**all**", list(pages))):
        cells = [_share(those, measure, name, key) for measure in measures]
        if any(cells):
            yield f"| {name} | " + " | ".join(cells) + " |"


def _share(pages: Sequence[Measured], measure: str, name: str, key: Key) -> str:
    """Write one share with its interval and the number of cases."""
    pairs = [
        (page.writer, pair)
        for page in pages
        for (kind, what), pair in page.counts.items()
        if what == measure and (name == "**all**" or key(page, kind) == name)
    ]
    if not pairs:
        return ""
    sums = _by_writer(pairs)
    hits, cases = sums.sum(axis=0)
    if name != "**all**":
        return f"{100 * hits / cases:.2f} ({cases:.0f})"
    low, high = _interval(sums)
    return f"{100 * hits / cases:.2f} [{low:.2f}, {high:.2f}] ({cases:.0f})"


def _interval(sums: NDArray[np.float64]) -> tuple[float, float]:
    """Draw writers again, with replacement, and give the middle 95 % of the share, in percent."""
    rng = np.random.default_rng(0)
    drawn = sums[rng.integers(0, len(sums), (ROUNDS, len(sums)))].sum(axis=1)
    low, high = np.percentile(100 * drawn[:, 0] / np.maximum(drawn[:, 1], 1), [2.5, 97.5])
    return float(low), float(high)


def _points(pages: Sequence[Measured]) -> Iterator[str]:
    """Write how many points the reading lies below the source, and below the digit as drawn."""
    yield "\n## Points lost on the way from the page to the digit\n"
    pairs = (
        ("right from the source", "right as read"),
        ("right as drawn", "right as read"),
        ("inside: right as drawn", "inside: right as read"),
        ("crossing: right as drawn", "crossing: right as read"),
    )
    for before, after in pairs:
        both = [
            (page.writer, (hits if measure == before else -hits, cases / 2))
            for page in pages
            for (_, measure), (hits, cases) in page.counts.items()
            if measure in (before, after)
        ]
        if both:
            sums = _by_writer(both)
            low, high = _interval(sums)
            lost = 100 * sums[:, 0].sum() / sums[:, 1].sum()
            yield f"- {before} minus {after}: {lost:.2f} [{low:.2f}, {high:.2f}] points"


def _scores(pages: Sequence[Measured]) -> Iterator[str]:
    """Write how the scores of accepted maps lie."""
    yield "\n## Match scores of accepted maps (least, 5 %, median)\n"
    for kind in sorted({kind for page in pages for kind in page.scores}):
        scores = [page.scores[kind] for page in pages if kind in page.scores]
        told = [page.scores["own"] > page.scores[kind] for page in pages if {"own", kind} <= page.scores.keys()]
        line = f"- {kind}: {min(scores):.2f}, {np.percentile(scores, 5):.2f}, {np.median(scores):.2f} of {len(scores)}"
        yield line if kind == "own" else f"{line}; the own form scores higher on {sum(told) / max(len(told), 1):.1%}"


def _failures(pages: Sequence[Measured]) -> Iterator[str]:
    yield "\n## Pages not read\n"
    reasons = Counter((page.task.hardship, page.task.layout, page.failure) for page in pages if page.failure)
    for (hardship, layout, reason), count in sorted(reasons.items(), key=lambda item: (-item[1], item[0])):
        yield f"- {count} x {hardship}, {layout}: {reason}"
