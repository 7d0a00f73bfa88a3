"""Have the digits that a model reads surely otherwise than they are labelled read by eye, knowing neither.

    python -m tests.benchmarks.trust.blind DATA --work DIR
    python -m tests.benchmarks.trust.blind DATA --work DIR --keys KEYS.csv KEYS.csv

MNIST's writers did not always write what they were asked to, and its labels say what they were asked for. A promise is
about what people who key a field would not have keyed, and is proved that way; so a label counts as wrong where two
readings by eye agree on another digit. They are asked for what either classifier is surely wrong about, and for as many
that it is sure of in one drawing and doubts in another; sheets show them unlabelled, in an order drawn once. What is
agreed on is kept in ``read_by_eye.csv``, whether it helps the models or not.
"""

from __future__ import annotations

import argparse
import csv
from dataclasses import replace
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from formreader.svm import softmax
from formreader.training.mislabelled import mark_of
from tests.benchmarks.trust.draw import Cut, cut_all
from tests.benchmarks.trust.folds import Source, dealt, fold_models
from tests.benchmarks.trust.learn import to_learn
from tests.benchmarks.trust.measure import Read, readings
from tests.benchmarks.trust.scores import Scores, score_all

SURE: Final = 0.9
"""Surer answers than this are asked about: those that promises are made of."""
SEED: Final = 20_261_124
COLUMNS: Final = 6
ROWS: Final = 5
SIDE_PX: Final = 140
Keys = NDArray[np.str_]
"""What each number on the sheets was keyed as."""

READ_BY_EYE: Final = Path(__file__).parent / "read_by_eye.csv"


def main() -> None:
    """Draw the sheets, or settle what was keyed from them."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.trust.blind", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("data", type=Path, help="folder with mnist.npz and mnist_writers.npz")
    parser.add_argument("--work", type=Path, required=True, help="folder of the trust benchmark, with its readings")
    parser.add_argument("--keys", type=Path, nargs=2, help="two tables of number and digit, keyed from the sheets")
    given = parser.parse_args()
    source = dealt(given.data)
    cut = cut_all(given.data, given.work)
    scores = score_all(cut, fold_models(source, to_learn(cut, source), given.work), given.work)
    rows, disputed = asked(cut, scores)
    if given.keys is None:
        write_sheets(source.images[rows], given.work)
        print(f"{disputed.sum()} disputed digits and {(~disputed).sum()} others on sheets in {given.work}")
        return
    first, second = (keyed(path, len(rows)) for path in given.keys)
    settle(source, rows, disputed, first, second)


def asked(cut: Cut, scores: Scores) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Choose rows of the source to be read by eye, part after part of the writers.

    Those that a classifier or the mean of both is surely wrong about, and as many others, mixed; the second array tells
    them apart.
    """
    rng = np.random.default_rng(SEED)
    rows, disputed = [], []
    for fold in np.unique(cut.fold):
        wrong, others = _of_part(cut, scores, np.flatnonzero(cut.fold == fold))
        chosen = np.append(wrong, rng.choice(others, min(len(wrong), len(others)), replace=False))
        mixed = rng.permutation(len(chosen))
        rows.append(chosen[mixed])
        disputed.append(mixed < len(wrong))
    return np.concatenate(rows), np.concatenate(disputed)


def _of_part(cut: Cut, scores: Scores, boxes: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Give a part's disputed digits, and those that are sure and right in one drawing and in doubt in another."""
    part = cut.part(boxes)
    first, second = (scores.first[boxes], scores.first_else[boxes]), (scores.second[boxes], scores.second_else[boxes])
    mean = tuple((one + other) / np.float32(2) for one, other in zip(first, second, strict=True))
    every = [_sources(part, _read(part, *margins)) for margins in (first, second, mean)]
    wrong, right, unsure = (np.unique(np.concatenate(kind)) for kind in zip(*every, strict=True))
    return wrong, np.setdiff1d(np.intersect1d(right, unsure), wrong)


def _read(cut: Cut, margins: NDArray[np.float32], margins_else: NDArray[np.float32]) -> Read:
    temperature = 0.29  # about that of the shipped models; it says only who is asked
    shares, shares_else = (softmax(one, temperature).astype(np.float64) for one in (margins, margins_else))
    return readings(cut, shares, shares_else)


def _sources(cut: Cut, read: Read) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    """Give digits with a surely wrong reading, with a surely right one, and with one that is in doubt."""
    source, sure = cut.source[read.row], read.open & (read.confidence >= SURE)
    is_digit = (source >= 0) & (read.confidence < 1)  # 1: cutting left nothing
    return source[is_digit & sure & read.wrong], source[is_digit & sure & ~read.wrong], source[is_digit & ~sure]


def write_sheets(images: NDArray[np.uint8], folder: Path) -> None:
    """Draw digits in rows of six, numbered from 1; ink black."""
    for start in range(0, len(images), ROWS * COLUMNS):
        sheet = np.full((ROWS * (SIDE_PX + 44), COLUMNS * (SIDE_PX + 30)), 255, np.uint8)
        for place, image in enumerate(images[start : start + ROWS * COLUMNS]):
            top, left = (SIDE_PX + 44) * (place // COLUMNS) + 34, (SIDE_PX + 30) * (place % COLUMNS) + 15
            large = cv2.resize(255 - image, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_CUBIC)
            sheet[top : top + SIDE_PX, left : left + SIDE_PX] = large
            cv2.putText(sheet, f"{start + place + 1}:", (left, top - 8), cv2.FONT_HERSHEY_SIMPLEX, 0.6, 0, 1)
        cv2.imwrite(str(folder / f"sheet-{start // (ROWS * COLUMNS) + 1:02}.png"), sheet)


def keyed(path: Path, count: int) -> Keys:
    """Read what was keyed: a digit, or a question mark."""
    with path.open(encoding="utf-8", newline="") as table:
        said = {int(row["number"]): row["digit"].strip() for row in csv.DictReader(table)}
    if sorted(said) != list(range(1, count + 1)):
        raise SystemExit(f"{path}: key every number from 1 to {count} once")
    return np.array([said[number] for number in range(1, count + 1)])


def settle(source: Source, rows: NDArray[np.int64], disputed: NDArray[np.bool_], first: Keys, second: Keys) -> None:
    """Keep what both readings say against the label, and say how often they do."""
    labels = source.labels[rows].astype(np.str_)
    against = (first == second) & (first != labels) & np.strings.isdigit(first)
    for name, part in (("disputed", disputed), ("others", ~disputed)):
        print(
            f"{name}: {part.sum()} digits, read as labelled {np.mean(first[part] == labels[part]):.0%} and "
            f"{np.mean(second[part] == labels[part]):.0%}, both otherwise and alike {(against & part).sum()}"
        )
    marks = [mark_of(image) for image in source.images[rows[against]]]
    with READ_BY_EYE.open("w", encoding="utf-8", newline="") as table:
        writer = csv.writer(table, lineterminator="\n")
        writer.writerow(["picture", "label", "read"])
        writer.writerows(sorted(zip(marks, labels[against], first[against], strict=True)))


def as_seen(cut: Cut, source: Source) -> Cut:
    """Take for the truth of each digit what two readings by eye agreed on, where they did, instead of its label."""
    with READ_BY_EYE.open(encoding="utf-8", newline="") as table:
        read = {row["picture"]: int(row["read"]) for row in csv.DictReader(table)}
    known = np.array([read.get(mark_of(image), -1) for image in source.images])
    seen = np.where(cut.source >= 0, known[cut.source], -1)
    return replace(cut, truth=np.where(seen >= 0, seen, cut.truth).astype(np.int8))


if __name__ == "__main__":
    main()
