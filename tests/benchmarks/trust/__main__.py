"""Promise at most so many wrong fields on drawn pages of writers whom no model saw, and see what happens.

    python -m tests.benchmarks.trust DATA --work DIR [--jobs 2] [--signs] [--plot FILE] [--write]
    python -m tests.benchmarks.trust DATA --work DIR --crops FILE

DATA holds MNIST and who wrote it (``mnist.npz``, ``mnist_writers.npz``). In the folder of ``--work`` stay the models
(three parts of the writers, an hour and more to fit; they need the extra cnn), the crops of the pages and what the
models say of them; what is there is not made again. Pages, wear and seed are constants. Every promise is made by the
errors on two parts of the writers and judged on the third. ``--write`` puts the curve of all parts into the cards of
the models that ship. The models learn some of the crops too, of the writers they may know; ``--crops`` writes those of
all writers, for the models that ship, and measures nothing. What a digit is two readings by eye say where they agree
(see `blind`), else its label; with ``--labels`` its label always.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np

from formreader.cascade import Cascade
from formreader.claims import per_10000
from formreader.model import default_model_path, load_model, model_path
from formreader.svm import softmax
from formreader.trust import risk_curve
from tests.benchmarks.trust.blind import as_seen
from tests.benchmarks.trust.draw import FATES, Cut, cut_all
from tests.benchmarks.trust.folds import dealt, fold_models
from tests.benchmarks.trust.learn import to_learn, write_crops
from tests.benchmarks.trust.measure import Kept, Read, crossed, design_effect, in_fields, judge, promised, readings
from tests.benchmarks.trust.plot import Promises, draw
from tests.benchmarks.trust.scores import Margins, Scores, score_all
from tests.benchmarks.trust.signals import signs

SHARES: Final = (0.005, 0.002, 0.001, 0.0005, 0.0001)
LENGTHS: Final = (1, 3, 6, 10)
USUAL: Final = 0.001
NEAR: Final = 0.99
"""Errors of at least this confidence tell how far errors come together."""


def main() -> None:
    """Run the measurement."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.trust", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("data", type=Path, help="folder with mnist.npz and mnist_writers.npz")
    parser.add_argument("--work", type=Path, required=True, help="folder for models, crops and margins")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--signs", action="store_true", help="also say what each sign of doubt buys")
    parser.add_argument("--labels", action="store_true", help="judge by MNIST's labels alone")
    parser.add_argument(
        "--crops", type=Path, metavar="FILE", help="only write what `formreader train --crops FILE` learns"
    )
    parser.add_argument("--plot", type=Path, metavar="FILE", help="also draw promises and what became of them")
    parser.add_argument("--write", action="store_true", help="write the curves into the shipped models' cards")
    given = parser.parse_args()
    cut, source = cut_all(given.data, given.work, given.jobs), dealt(given.data)
    if given.crops:
        write_crops(cut, source, given.crops)
        return
    models = fold_models(source, to_learn(cut, source), given.work, given.jobs)
    if not given.labels:
        cut = as_seen(cut, source)
    scores = score_all(cut, models, given.work)
    promises = {}
    for name in ("default", "accurate"):
        read = read_by(name, cut, scores)
        promises[name] = list(promised(read, SHARES, LENGTHS, 1 / design_effect(read, NEAR)))
        print("\n".join(report(name, read, promises[name])), flush=True)
        if given.write:
            write_curve(name, read)
    if given.plot:
        draw(promises, given.plot)
    if given.signs:
        print("\n".join(about_signs(cut, scores)))


def read_by(name: str, cut: Cut, scores: Scores) -> Read:
    """Read the boxes as a shipped model does: with its temperature, and its way to ask a second classifier."""
    model = load_model(model_path(name))
    last = model.classifier[-1]
    both = [(scores.first, scores.second), (scores.first_else, scores.second_else)]
    margins = [joined(first, second, last) if isinstance(last, Cascade) else first for first, second in both]
    shares, shares_else = (softmax(one, last.temperature).astype(np.float64) for one in margins)
    return readings(cut, shares, shares_else)


def joined(first: Margins, second: Margins, cascade: Cascade) -> Margins:
    """Join margins as a cascade does."""
    return np.where(cascade.doubts(first)[:, None], (first + second) / np.float32(2), first)


def report(name: str, read: Read, promises: Promises) -> Iterator[str]:
    """Say what was promised and what happened."""
    effect = design_effect(read, NEAR)
    digits = int(read.written.sum())
    yield f"{name}: {digits:,} digits of {len(np.unique(read.writer))} writers on {len(np.unique(read.page)):,} pages"
    yield f"  wrong {(read.wrong & read.written).sum() / digits:.2%}; errors come in bunches of {effect:.2f}"
    false = read.open & ~read.written
    yield f"  boxes that hold no digit but say one, against which nothing but confidence stands: {false.sum()}"
    for share, length, kept in promises:
        yield f"  {per_10000(share)} in 10,000 of {length}-digit fields: {said(kept, share)}"
    of_fields = in_fields(read, 6)
    limits = crossed(read, USUAL / 6, 1 / effect)
    for fate, fate_name in enumerate(FATES):
        kept = judge(read, of_fields[read.fate[of_fields[:, 0]] == fate], limits)
        yield f"  six digits, {per_10000(USUAL)} in 10,000, {fate_name}: {said(kept, USUAL)}"


def said(kept: Kept, share: float) -> str:
    """Say what became of a promise."""
    held = "held" if kept.wrong <= share else "NOT held"
    return (
        f"flagged {kept.flagged:.2%}, wrong {10_000 * kept.wrong:.1f} in 10,000 accepted"
        f" ({10_000 * kept.low:.1f} to {10_000 * kept.high:.1f}; {kept.errors} of {kept.accepted:,}), {held}"
    )


def about_signs(cut: Cut, scores: Scores) -> Iterator[str]:
    """Say what each sign of doubt flags of six-digit fields on all pages and on flat ones, for the same share wrong."""
    yield "six-digit fields flagged so that 50, 20, 10, 5 in 10,000 accepted are wrong, all pages | flat pages"
    mean = (scores.first + scores.second) / np.float32(2)
    mean_else = (scores.first_else + scores.second_else) / np.float32(2)
    read = readings(cut, softmax(mean, 1.0).astype(np.float64), softmax(mean_else, 1.0).astype(np.float64))
    of_fields = in_fields(read, 6)
    flat = of_fields[read.fate[of_fields[:, 0]] == 0]
    for name, sign in signs(read, cut, scores):
        parts = [
            " ".join(f"{flagged_for(read, sign, some, share):6.2%}" for share in SHARES[:4])
            for some in (of_fields, flat)
        ]
        yield f"  {name:<45} {' | '.join(parts)}"


def flagged_for(read: Read, sign: Any, of_fields: Any, share: float) -> float:
    """Give the share of fields to flag, by their least sure box, so that this share of the others is wrong."""
    least = np.where(read.open, sign, -np.inf)[of_fields].min(axis=1)
    wrong = read.wrong[of_fields].any(axis=1)
    return risk_curve(least, np.isfinite(least), wrong).flagged_for(share)


def write_curve(name: str, read: Read) -> None:
    """Put what was counted into a shipped model's card."""
    effect = design_effect(read, NEAR)
    path = (default_model_path() if name == "default" else model_path(name)).with_suffix(".json")
    card = json.loads(path.read_text(encoding="utf-8"))
    flat = float((read.fate == 0).mean())
    card["risk"] = {
        "measured_on": f"{int(read.written.sum())} digits on {len(np.unique(read.page))} drawn pages, {flat:.0%} "
        "of them at 300 dpi and flat, the others worn in eight ways, read by models that never saw their writers; "
        "a digit is what two readings by eye that knew neither label nor answer agree on, else its label; "
        f"errors of one writer come together, so each counts 1/{effect:.2f}",
        **read.curve(1 / effect).as_card(),
    }
    path.write_text(json.dumps(card, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
