"""Read a folder of forms whose values are known, and say how many came out right, wrong, flagged and missing.

    python -m tests.benchmarks.forms FOLDER -t TEMPLATE [-t TEMPLATE ...] [--truth truth.csv]

The truth has a line a field: ``scan,field,boxes`` and, where files have several pages, ``page``. `boxes` has one
character a box in writing order: a digit, ``_`` for an empty box, ``X`` or ``-`` for one struck out. Fields without a
line are not scored. The four shares add up to 1; *accepted and wrong* is the one that must be 0.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from formreader.claims import claim_of
from formreader.errors import UnusableCall
from formreader.fields import needs_review
from formreader.template import Field, Template, load_templates
from formreader.values import DigitReading, FieldReading, PageAnswer, PageFailure, PageReading, Thresholds
from formreader.workers import LocalWorkers

Verdict = Literal["right", "wrong", "flagged", "missing"]
VERDICTS: Final[dict[Verdict, str]] = {
    "right": "accepted, right",
    "wrong": "accepted, wrong",
    "flagged": "flagged",
    "missing": "missing",
}


@dataclass(frozen=True, slots=True)
class Written:
    """What a person wrote into one field."""

    scan: str
    page: int
    field: str
    boxes: str


@dataclass(frozen=True, slots=True)
class Judged:
    """What came of one field.

    Attributes
    ----------
    digits, others
        Verdicts of its boxes that hold a digit, and of those that are empty or struck out.
    """

    written: Written
    expected: str
    read: str
    verdict: Verdict
    digits: tuple[Verdict, ...]
    others: tuple[Verdict, ...]
    digits_right_though_flagged: int = 0


def load_truth(path: Path) -> list[Written]:
    """Read a truth file."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return [
            Written(row["scan"], int(row.get("page") or 1), row["field"], row["boxes"]) for row in csv.DictReader(file)
        ]


def expected_value(boxes: str, field: Field) -> tuple[str, bool]:
    """Give the value that a field of these boxes has, and whether it must be flagged whatever is read.

    Blanks and declared fillers before the first and after the last digit are left out; any other struck box is ``?``.
    """
    core = boxes.strip("_" + "".join(field.filler))
    value = "".join("?" if mark in "X-" else mark for mark in core if mark != "_")
    if core:
        return value, "?" in value or "_" in core
    struck = bool(boxes.strip("_"))
    if struck and field.filler_only == "zero":
        return "0", False
    return "", (struck and field.filler_only == "struck") or (field.required and not struck)


def judge(written: Written, field: Field | None, answer: PageAnswer | None) -> Judged:
    """Say what came of one field of a page."""
    expected, must_flag = expected_value(written.boxes, field) if field else (written.boxes, False)
    found = answer.fields if isinstance(answer, PageReading) else ()
    reading = next((candidate for candidate in found if candidate.name == written.field), None)
    if reading is None or not isinstance(answer, PageReading):
        lost: list[Verdict] = ["missing" for _ in written.boxes]
        return Judged(written, expected, "", "missing", *_split(written.boxes, lost))
    verdict: Verdict = "right" if reading.value == expected and not must_flag else "wrong"
    verdict = "flagged" if reading.reasons else verdict
    boxes = list(_judge_boxes(written.boxes, reading, answer))
    right = [hit for mark, (_, hit) in zip(written.boxes, boxes, strict=True) if mark.isdigit()]
    digits, others = _split(written.boxes, [box for box, _ in boxes])
    return Judged(
        *(written, expected, reading.value, verdict, digits, others),
        digits_right_though_flagged=sum(hit for hit, box in zip(right, digits, strict=True) if box == "flagged"),
    )


def _judge_boxes(boxes: str, reading: FieldReading, page: PageReading) -> Iterator[tuple[Verdict, bool]]:
    """Give each box's verdict, and whether it was read right."""
    review = needs_review(page.fields, page.digits)
    own = [(digit, flag) for digit, flag in zip(page.digits, review, strict=True) if digit.box.field == reading.name]
    own.sort(key=lambda pair: pair[0].box.position)
    if len(own) != len(boxes):  # a wide box in which other than the true number of digits was seen
        for _ in boxes:
            yield "flagged" if reading.reasons else "wrong", False
        return
    for mark, (digit, flag) in zip(boxes, own, strict=True):
        right = _is_read(mark, digit)
        yield "flagged" if flag else "right" if right else "wrong", right


def _is_read(mark: str, digit: DigitReading) -> bool:
    if mark in "X-":
        return digit.reason == "struck"
    return digit.reason == "blank" if mark == "_" else digit.digit == mark


def _split(boxes: str, verdicts: Sequence[Verdict]) -> tuple[tuple[Verdict, ...], tuple[Verdict, ...]]:
    pairs = list(zip(boxes, verdicts, strict=True))
    return tuple(v for mark, v in pairs if mark.isdigit()), tuple(v for mark, v in pairs if not mark.isdigit())


def read_folder(
    folder: Path,
    forms: Sequence[Template],
    truth: Sequence[Written],
    model: str,
    threshold: float | None,
    max_wrong: str,
    jobs: int,
) -> dict[tuple[str, int], PageAnswer]:
    """Read the pages that the truth names; give each answer by scan and page."""
    from formreader.model import load_form_model, model_path
    from formreader.pipeline import read_batch
    from formreader.scans import find_scans
    from formreader.trust import promise

    wanted = {(written.scan, written.page) for written in truth}
    refs = [ref for ref in find_scans([folder]).pages if (ref.name, ref.page) in wanted]
    classifier = load_form_model(model_path(model))
    if threshold is None:
        thresholds = promise(classifier.card, float(claim_of(max_wrong, "--max-wrong"))).thresholds
    else:
        thresholds = Thresholds((threshold,))
    answers = read_batch(refs, forms, classifier, thresholds=thresholds, workers=LocalWorkers(jobs))
    return {(answer.ref.name, answer.ref.page): answer for answer in answers}


def report(judged: Sequence[Judged], answers: dict[tuple[str, int], PageAnswer]) -> Iterator[str]:
    """Write the shares, then every field that is wrong and every page that is missing."""
    yield f"{'':<22}{'number':>8}" + "".join(f"{name:>18}" for name in VERDICTS.values())
    yield _shares("values", [one.verdict for one in judged])
    yield _shares("digits", [verdict for one in judged for verdict in one.digits])
    yield _shares("empty, struck boxes", [verdict for one in judged for verdict in one.others])
    flagged = [one for one in judged if one.verdict == "flagged"]
    right_values = sum(one.read == one.expected for one in flagged)
    right_digits = sum(one.digits_right_though_flagged for one in judged)
    flagged_digits = sum(verdict == "flagged" for one in judged for verdict in one.digits)
    yield f"flagged, yet right: {right_values} of {len(flagged)} values, {right_digits} of {flagged_digits} digits"
    for one in judged:
        if one.verdict == "wrong":
            where = f"{one.written.scan}#{one.written.page} {one.written.field}"
            yield f"ACCEPTED AND WRONG: {where}: written {one.written.boxes}, read '{one.read}'"
    for scan, page in sorted({(one.written.scan, one.written.page) for one in judged}):
        answer = answers.get((scan, page))
        if isinstance(answer, PageFailure):
            yield f"missing: {scan}#{page}: {answer.stage}: {answer.reason}"
        elif not isinstance(answer, PageReading):
            yield f"missing: {scan}#{page}: " + (answer.reason if answer else "no such scan")


def _shares(name: str, verdicts: Sequence[Verdict]) -> str:
    counts = Counter(verdicts)
    shares = (f"{counts[verdict]:>8} ({counts[verdict] / max(len(verdicts), 1):6.1%})" for verdict in VERDICTS)
    return f"{name:<22}{len(verdicts):>8}" + "".join(f"{share:>18}" for share in shares)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark on the folder that the command line names."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.forms", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("-t", "--template", type=Path, required=True, action="append")
    parser.add_argument("--truth", type=Path, help="truth.csv in the folder where left out")
    parser.add_argument("--model", default="default")
    parser.add_argument("--max-wrong", default="10/10000")
    parser.add_argument("--threshold", type=float, help="instead of --max-wrong")
    parser.add_argument("-j", "--jobs", type=int, default=-1)
    call = parser.parse_args(arguments)
    try:
        forms = load_templates(call.template)
        truth = load_truth(call.truth or call.folder / "truth.csv")
        answers = read_folder(call.folder, forms, truth, call.model, call.threshold, call.max_wrong, call.jobs)
    except (UnusableCall, OSError) as refusal:
        print(f"Error: {refusal}", file=sys.stderr)
        sys.exit(2)
    fields = {field.name: field for form in forms for field in form.fields}
    judged = [judge(one, fields.get(one.field), answers.get((one.scan, one.page))) for one in truth]
    print("\n".join(report(judged, answers)))
    absent = sorted({one.field for one in truth} - fields.keys())
    if absent:
        print(f"missing: no template has a field {', '.join(absent)}")


if __name__ == "__main__":
    main()
