"""Contact sheets of what went wrong, for people to look at before anything is changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from formreader.crops import crop_digits
from formreader.fields import needs_review
from formreader.values import AlignedPage, Box, DigitReading, PageReading, Points
from tests.benchmarks.pages.draw import DrawnPage

SIDE_PX = 132
MOST_OF_A_PAGE = 6
MOST_OF_A_SHEET = 140


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """One box that went wrong: what of, and the box on the page beside what the classifier saw."""

    sort: str
    caption: str
    pixels: NDArray[np.uint8]


def pictured(drawn: DrawnPage, aligned: AlignedPage, boxes: Sequence[Box], reading: PageReading) -> list[Picture]:
    """Draw the boxes of a page that went wrong, a few of each sort."""
    flags = needs_review(reading.fields, reading.digits)
    read = {(d.box.field, d.box.position): (d, flag) for d, flag in zip(reading.digits, flags, strict=True)}
    values = {one.name: one for one in reading.fields}
    truth, crops = drawn.corners(), crop_digits(aligned, tuple(boxes))
    as_drawn = {(use.field, use.position): use for use in drawn.filled.uses}
    found: list[Picture] = []
    for box, digit in zip(boxes, crops.digits, strict=True):
        key = (box.field, box.position)
        off = float(np.linalg.norm(box.corners - truth[key], axis=1).max()) / (drawn.scan.dpi / 25.4)
        sorts = ["misplaced"] if off > 0.3 else []
        written, caption = drawn.filled.values[box.field], ""
        if box.is_wide:
            value = values[box.field]
            caption = f"{written}>{value.value}{'' if value.reasons else ' OK'}"
            if value.value.replace(".", "") != written.replace("_", ""):
                sorts.append("wide-wrong" if value.reasons else "wide-accepted-wrong")
        elif key in read:
            answer, flagged = read[key]
            mark = written[box.position - 1]
            caption = f"{mark}>{answer.digit or answer.reason}{'' if flagged else ' OK'}"
            sorts += _sorts(mark, answer, flagged)
        for sort in sorts:
            if sum(picture.sort == sort for picture in found) < MOST_OF_A_PAGE:
                alone = as_drawn[key].drawn if key in as_drawn else np.zeros((28, 28), np.uint8)
                view = _view(drawn.scan.pixels, truth[key], box.corners, digit, alone)
                where = f"{drawn.task} {box.field}.{box.position}"
                found.append(Picture(sort, f"{where}|{caption} {off:.2f}mm", view))
    return found


def _sorts(mark: str, answer: DigitReading, flagged: bool) -> list[str]:
    """Name what went wrong with a box."""
    if mark.isdigit():
        wrong = answer.digit != mark
        sorts = ["false-blank"] if answer.reason == "blank" else []
        sorts += ["accepted-wrong"] if wrong and not flagged else []
        sorts += ["swallowed"] if answer.reason == "struck" and not flagged else []
        return sorts or (["wrong-and-flagged"] if wrong else [])
    if mark == "_":
        return ["false-digit"] if answer.digit is not None else []
    return ["strike-missed"] if answer.digit is not None or answer.reason == "blank" else []


def _view(
    pixels: NDArray[np.uint8],
    truth: Points,
    placed: Points,
    digit: NDArray[np.uint8],
    alone: NDArray[np.uint8],
) -> NDArray[np.uint8]:
    """Draw a box's surroundings with the true (green) and the placed (red) frame; beside it its crop over the ideal."""
    middle, reach = truth.mean(axis=0), 0.85 * float(np.ptp(truth, axis=0).max())
    zoom = SIDE_PX / (2 * reach)
    move = np.array([[zoom, 0, SIDE_PX / 2 - zoom * middle[0]], [0, zoom, SIDE_PX / 2 - zoom * middle[1]]])
    colour = pixels if pixels.ndim == 3 else cv2.cvtColor(pixels, cv2.COLOR_GRAY2BGR)
    view = cv2.warpAffine(colour, move, (SIDE_PX, SIDE_PX), flags=cv2.INTER_LINEAR, borderValue=(90, 90, 90))
    for corners, line in ((truth, (0, 170, 0)), (placed, (0, 0, 255))):
        points = np.round((corners @ move[:, :2].T + move[:, 2]) * 16).astype(np.int32).reshape(-1, 1, 2)
        cv2.polylines(view, [points], True, line, 1, cv2.LINE_AA, 4)
    half = SIDE_PX // 2
    crops = [cv2.resize(255 - small, (half, half), interpolation=cv2.INTER_NEAREST) for small in (digit, alone)]
    beside = cv2.cvtColor(np.vstack(crops), cv2.COLOR_GRAY2BGR)
    return np.asarray(np.hstack([view, beside]), np.uint8)


def write_sheets(pictures: Sequence[Picture], folder: Path, columns: int = 7) -> None:
    """Write a sheet of each sort."""
    folder.mkdir(parents=True, exist_ok=True)
    for sort in sorted({picture.sort for picture in pictures}):
        tiles = [_captioned(picture) for picture in pictures if picture.sort == sort][:MOST_OF_A_SHEET]
        tiles += [np.full_like(tiles[0], 255)] * (-len(tiles) % columns)
        rows = [np.hstack(tiles[i : i + columns]) for i in range(0, len(tiles), columns)]
        cv2.imwrite(str(folder / f"{sort}.png"), np.vstack(rows))


def _captioned(picture: Picture) -> NDArray[np.uint8]:
    tile = np.full((SIDE_PX + 30, SIDE_PX * 3 // 2 + 4, 3), 255, np.uint8)
    tile[:SIDE_PX, : picture.pixels.shape[1]] = picture.pixels
    for line, words in enumerate(picture.caption.split("|")):
        cv2.putText(tile, words, (1, SIDE_PX + 11 + 13 * line), cv2.FONT_HERSHEY_PLAIN, 0.75, (0, 0, 0), 1, cv2.LINE_AA)
    return tile
