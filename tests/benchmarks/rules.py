"""What rules do to the flags, and to the errors that nobody sees; on single worn digits of writers the model never saw.

    python -m tests.benchmarks.rules DATA --models DIR [--model FILE] [--copies 8] [--fields 20000]
        [--half first|second] [--threshold P] [--settled-at P] [--marks SHARE] [--save FILE]

DATA holds mnist.npz and mnist_writers.npz. Each field is written by one writer: its value is drawn, then a worn digit
of that writer for each box. In some fields the writer erred: one digit is another, so that the value breaks the rule;
it is right to read it as written, and to flag it. `silent` counts fields that are accepted as something else than what
is written, with the upper 95 % bound (Clopper-Pearson, one-sided). With `--marks` that share of boxes holds a letter,
two digits, a scribble or another mark in place of its digit, and nothing is right but to flag the field.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Final

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.stats import beta
from stdnum.luhn import calc_check_digit

from formreader.fields import FieldParams, decode
from formreader.model import load_model
from formreader.rules import Across, Check, CheckDigit, Most, OneOf, Rule, Term
from formreader.template import Field, Template
from formreader.training import marks
from formreader.training.wear import SCANNED, wear
from formreader.values import CLASSES, UNREAD, Box, DigitReading, FieldReading, Reason
from tests.benchmarks.pages.held_out import held_out_digits, held_out_model

SEED: Final = 611
ERRED: Final = 0.02
SQUARE: Final = np.zeros((4, 2))
MARKS: Final = 400  # of each kind
PARTS: Final = ("q1", "q2", "q3")


@dataclass(frozen=True, slots=True, eq=False)
class Read:
    """Worn digits and what the model says of them: float32 (n, 17), labels and writers (n,).

    Marks that are no digit have the label -1.
    """

    probabilities: NDArray[np.float32]
    labels: NDArray[np.int64]
    writers: NDArray[np.int64]
    threshold: float


def read_digits(folder: Path, models: Path, model_file: Path | None, copies: int) -> Read:
    """Wear every digit of the unseen writers some times, and read it."""
    model = load_model(model_file or held_out_model(folder, models))
    unseen, rng = held_out_digits(folder), np.random.default_rng(SEED)
    shares = [model.predict_proba(wear(unseen.images, rng, SCANNED)) for _ in range(copies)]
    sources = marks.Sources(unseen.images, rng)
    named = [name for name, kind in marks.KINDS.items() if kind.answer in "&A#?"]
    shares += [model.predict_proba(marks.draw(name, MARKS, sources)) for name in named]
    drawn = sum(map(len, shares)) - copies * len(unseen.labels)
    labels = np.concatenate([np.tile(unseen.labels, copies), np.full(drawn, -1)])
    writers = np.concatenate([np.tile(unseen.writers, copies), np.full(drawn, -1)])
    return Read(np.concatenate(shares), labels, writers, model.threshold)


@dataclass(frozen=True, slots=True)
class Kind:
    """Fields that are written together: how many boxes each has, its rules, and how lawful values are drawn."""

    name: str
    boxes: dict[str, int]
    draw: Callable[[Generator], dict[str, str]]
    rules: tuple[Rule, ...] = ()
    checks: tuple[Check, ...] = ()

    def template(self, *, ruled: bool) -> Template:
        """Give the form, with its rules or without."""
        rules = self.rules if ruled else ()
        fields = tuple(Field(name, ((0.0, 0.0, 9.0, 9.0),) * n, rules=rules) for name, n in self.boxes.items())
        return Template("form", 100, 100, 300, fields, checks=self.checks if ruled else ())

    def is_kept_by(self, values: dict[str, str]) -> bool:
        """Say whether all rules are."""
        kept = (rule.is_kept_by(value) for rule in self.rules for value in values.values())
        return all(kept) and all(check.is_kept_by(values) is not False for check in self.checks)


def kinds(rng: Generator) -> tuple[Kind, ...]:
    """Give the kinds of rules that are measured."""
    ids = sorted({f"{n:06}" for n in rng.integers(0, 1_000_000, 500)})

    def luhn(draw: Generator) -> dict[str, str]:
        body = f"{draw.integers(0, 100_000):05}"
        return {"n": f"{body}{calc_check_digit(body)}"}

    def added(draw: Generator) -> dict[str, str]:
        parts = draw.integers(0, 333_334, 3)
        return {name: f"{n:06}" for name, n in zip((*PARTS, "total"), (*parts, parts.sum()), strict=True)}

    total = Across("sum", tuple(map(Term, PARTS)), "=", (Term("total"),))
    six, four = {"n": 6}, dict.fromkeys((*PARTS, "total"), 6)
    return (
        Kind("none", six, lambda draw: {"n": f"{draw.integers(0, 1_000_000):06}"}),
        Kind("Luhn", six, luhn, rules=(CheckDigit("luhn"),)),
        Kind("sum", four, added, checks=(total,)),
        Kind("list", six, lambda draw: {"n": str(draw.choice(ids))}, rules=(OneOf(tuple(ids)),)),
        Kind("range", {"n": 3}, lambda draw: {"n": f"{draw.integers(0, 121):03}"}, rules=(Most(Decimal(120)),)),
    )


def with_slip(kind: Kind, values: dict[str, str], rng: Generator) -> dict[str, str]:
    """Write one digit wrongly, so that a rule is broken; where there is none, any."""
    while True:
        name = str(rng.choice(list(values)))
        place, digit = rng.integers(0, len(values[name])), rng.integers(0, 10)
        slipped = {**values, name: f"{values[name][:place]}{digit}{values[name][place + 1 :]}"}
        if slipped != values and (not kind.is_kept_by(slipped) or not (kind.rules or kind.checks)):
            return slipped


@dataclass(frozen=True, slots=True, eq=False)
class Hand:
    """One writer's digits: rows by what is written, marks that are no digit as ``?``."""

    read: Read
    rows: Mapping[str, NDArray[np.int64]]

    def write(self, values: dict[str, str], threshold: float, rng: Generator) -> list[DigitReading]:
        """Write values into boxes; gives what is read."""
        return [
            self._box(name, place, int(rng.choice(self.rows[digit])), threshold)
            for name, value in values.items()
            for place, digit in enumerate(value, 1)
        ]

    def _box(self, name: str, place: int, row: int, threshold: float) -> DigitReading:
        shares = self.read.probabilities[row]
        best = int(shares.argmax())
        sure = float(shares[best])
        reason: Reason = "" if sure >= threshold else "low_confidence"
        digit = CLASSES[best] if best < 10 else None
        return DigitReading(Box(name, place, SQUARE), digit, sure, shares, reason if digit else "not_a_digit")


def hands(read: Read, half: str) -> list[Hand]:
    """Give the writers who wrote every digit; of a half, every second one."""
    writers = np.unique(read.writers[read.writers >= 0])
    marked = np.flatnonzero(read.labels == -1)
    chosen = {"first": writers[::2], "second": writers[1::2]}.get(half, writers)
    found = []
    for writer in chosen:
        rows = {str(n): np.flatnonzero((read.writers == writer) & (read.labels == n)) for n in range(10)}
        if all(map(len, rows.values())):
            found.append(Hand(read, {**rows, UNREAD: marked}))
    return found


def judge(answer: FieldReading, written: str) -> list[str]:
    """Name what became of a field."""
    wrong = answer.value != written
    said = ["flagged"] if answer.reasons else []
    said += ["silent"] if wrong and not answer.reasons else []
    said += ["settled"] if answer.settled else []
    said += ["settled wrong"] if answer.settled and wrong else []
    if answer.suggestion:
        said += ["suggested", "suggested right"] if answer.suggestion == written else ["suggested"]
    return said


def with_marks(values: dict[str, str], share: float, rng: Generator) -> dict[str, str]:
    """Put marks that are no digit into a share of the boxes."""
    return {
        name: "".join(UNREAD if rng.random() < share else digit for digit in value) for name, value in values.items()
    }


def measure(
    kind: Kind, writers: Sequence[Hand], fields: int, marked: float, threshold: float, params: FieldParams
) -> None:
    """Write and read many fields of a kind, and print what became of them, without and with the rules."""
    rng = np.random.default_rng(SEED)
    seen: dict[tuple[str, bool], Counter[str]] = {}
    clock: Counter[str] = Counter()
    templates = {"digits": kind.template(ruled=False), "rules": kind.template(ruled=True)}
    for _ in range(fields // len(kind.boxes)):
        values = kind.draw(rng)
        erred = rng.random() < ERRED
        values = with_slip(kind, values, rng) if erred else values
        values = with_marks(values, marked, rng)
        boxes = writers[int(rng.integers(len(writers)))].write(values, threshold, rng)
        for way, template in templates.items():
            start = time.process_time()
            answers = decode(boxes, template, params)
            clock[way] += round(1e9 * (time.process_time() - start))
            counts = seen.setdefault((way, erred), Counter())
            for answer in answers:
                counts["fields"] += 1
                counts.update(judge(answer, values[answer.name]))
    for way in templates:
        every = seen[way, False] + seen.get((way, True), Counter())
        print(f"{kind.name:6} {way:7} {_told(every)}  {clock[way] / 1e6 / every['fields']:.2f} ms a field")
        if kind.rules or kind.checks:
            print(f"       of slips {_told(seen.get((way, True), Counter()))}")


def _told(counts: Counter[str]) -> str:
    n, silent = counts["fields"], counts["silent"]
    if not n:
        return "none"
    bound = beta.ppf(0.95, silent + 1, n - silent) if silent < n else 1.0
    return (
        f"{n:6} fields  flagged {counts['flagged'] / n:7.2%}  silent {silent:3} = {1e4 * silent / n:5.1f}"
        f" (<= {1e4 * bound:5.1f}) per 10,000  settled {counts['settled']:5}, wrong {counts['settled wrong']}"
        f"  suggested {counts['suggested']:4}, right {counts['suggested right']}"
    )


def main() -> None:
    """Measure every kind of rule."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("data", type=Path)
    asked.add_argument("--models", type=Path, required=True, help="where the model of unseen writers is, or will be")
    asked.add_argument("--model", type=Path, help="another model; it must not have seen the writers of parts 0 and 1")
    asked.add_argument("--copies", type=int, default=8)
    asked.add_argument("--fields", type=int, default=20_000)
    asked.add_argument("--half", choices=("first", "second", "both"), default="both")
    asked.add_argument("--threshold", type=float)
    asked.add_argument("--settled-at", type=float, default=FieldParams().settled_at)
    asked.add_argument("--marks", type=float, default=0.0)
    asked.add_argument("--save", type=Path, help="keep what the model said here, and take it from here if it is there")
    call = asked.parse_args()
    read = _kept(call.save) or read_digits(call.data, call.models, call.model, call.copies)
    if call.save and not call.save.exists():
        np.savez(call.save, p=read.probabilities, y=read.labels, w=read.writers, t=read.threshold)
    threshold = read.threshold if call.threshold is None else call.threshold
    of_digits = read.labels >= 0
    sure = read.probabilities[of_digits].max(axis=1) >= threshold
    wrong = read.probabilities[of_digits].argmax(axis=1) != read.labels[of_digits]
    writers = hands(read, call.half)
    print(f"{len(wrong):,} digits, {len(writers)} writers; threshold {threshold:.4f}: {1 - sure.mean():.2%} unsure")
    print(f"of the sure {1e4 * wrong[sure].mean():.1f} in 10,000 wrong, of the unsure {wrong[~sure].mean():.1%}")
    params = replace(FieldParams(), settled_at=call.settled_at)
    for kind in kinds(np.random.default_rng(SEED)):
        measure(kind, writers, call.fields, call.marks, threshold, params)


def _kept(file: Path | None) -> Read | None:
    if file is None or not file.exists():
        return None
    with np.load(file) as kept:
        return Read(kept["p"], kept["y"], kept["w"], float(kept["t"]))


if __name__ == "__main__":
    main()
