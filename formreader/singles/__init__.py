"""Pictures of one digit each, as people have them -> MNIST's format, and what a model reads in them; no page, no boxes.

Nobody cut these pictures to a known box: what of the frame is left along the rim goes, a grey ground is levelled, and
which of ink and paper is the darker is seen from the rim.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from formreader.classify import classify
from formreader.errors import UnreadableScan
from formreader.model import DigitModel
from formreader.normalize import normalize
from formreader.pictures import decode
from formreader.singles.rims import without_rim_lines
from formreader.values import CLASSES, Box, Crops, DigitReading, Grey, Ink, Reason

Paper = Literal["auto", "white", "black"]

LEAST_SIDE_PX: Final = 5
"""Less cannot show which digit it is."""

MOST_SIDE_PX: Final = 800
"""A larger picture is shrunk to this first: a digit becomes 20 pixels high, and the rest is time."""

GROUND_SHARE: Final = 0.03
"""A ground darker than this share of the darkest ink is levelled: with shade and noise it would come near to what
`normalize` takes for ink."""

MARKS: Final = {
    "X": "struck out",
    "-": "a dash",
    "/": "a slanting stroke",
    "&": "two digits",
    "A": "a letter",
    "#": "scribbled over",
    "?": "no digit",
}
"""What a person is told of the classes that are no digit."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a model reads in one picture.

    Attributes
    ----------
    digit
        None where the likeliest answer is no digit.
    answer
        The digit, or in words what else it is.
    confidence
        How probable the answer is; 0 for a blank picture, of which nobody was asked.
    runner_up, runner_up_share
        The next likely answer; empty and 0 for a blank picture.
    flagged
        Whether a person should look: the answer is no digit, or less sure than the model's threshold.
    """

    digit: str | None
    answer: str
    confidence: float
    runner_up: str
    runner_up_share: float
    flagged: bool


def read_picture(path: Path, paper: Paper = "auto") -> NDArray[np.uint8]:
    """Decode one digit's picture file and bring it to MNIST's format.

    Returns
    -------
    uint8 (28, 28), 0 paper, 255 ink.

    Raises
    ------
    UnreadableScan, ScanTooLarge
        No picture that can be decoded, or one of too few or too many pixels.
    """
    picture = decode_single(path)
    white = is_white([picture]) if paper == "auto" else paper == "white"
    return to_digit(ink_of(picture, white))


def decode_single(path: Path) -> Grey:
    """Decode one digit's picture file, in grey, its longer side `MOST_SIDE_PX` at most; raises as `read_picture`."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UnreadableScan(
            f"{path}: cannot be opened ({error.strerror}); check its name and who may read it"
        ) from error
    grey = decode(content, str(path), least_side_px=LEAST_SIDE_PX).grey
    scale = MOST_SIDE_PX / max(grey.shape)
    if scale >= 1:
        return grey
    height, width = (max(1, round(side * scale)) for side in grey.shape)
    return np.asarray(cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def is_white(pictures: Sequence[NDArray[np.uint8]] | NDArray[np.uint8]) -> bool:
    """Tell whether paper is lighter than ink: most of a picture's rim is paper, and most pictures decide."""
    votes = 0
    for picture in pictures:
        rim = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
        middle = (float(picture.min()) + float(picture.max())) / 2
        votes += int(np.sign(float(np.median(rim)) - middle)) if picture.min() < picture.max() else 0
    return votes > 0 if votes else bool(np.mean([picture.mean() for picture in pictures]) > 127)


def ink_of(picture: NDArray[np.uint8], white: bool) -> Ink:
    """Turn a picture to paper 0 and ink 255."""
    return 255 - picture if white else picture


def to_digit(ink: Ink) -> NDArray[np.uint8]:
    """Bring one digit's ink, of any size, to MNIST's format: uint8 (28, 28), 0 paper, 255 ink."""
    return normalize(without_rim_lines(_levelled(ink)))


def _levelled(ink: Ink) -> Ink:
    """Take off a grey or shaded ground, with its noise; a clean one stays as it is."""
    clean = np.count_nonzero(ink <= GROUND_SHARE * int(ink.max(initial=0)))
    if clean >= 0.1 * ink.size:
        return ink
    # What is narrower than a third of the picture is no ground.
    size = max(3, min(ink.shape) // 3) | 1
    ground = cv2.morphologyEx(ink, cv2.MORPH_OPEN, np.ones((size, size), np.uint8), borderType=cv2.BORDER_REFLECT)
    ground = cv2.GaussianBlur(ground, (0, 0), size / 4)
    above = ink.astype(np.float32) - ground
    noise = 1.4826 * float(np.median(np.abs(above - np.median(above))))
    levelled: Ink = np.clip(above - np.median(above) - 4 * noise, 0, 255).astype(np.uint8)
    return levelled


def predict(digits: Sequence[NDArray[np.uint8]], model: DigitModel) -> tuple[Prediction, ...]:
    """Read normalized digits, uint8 (28, 28) each, as a page's boxes are read."""
    if not digits:
        return ()
    stack = np.stack(digits)
    reasons: tuple[Reason, ...] = tuple("" if digit.any() else "blank" for digit in stack)
    crops = Crops((np.zeros((0, 0), np.uint8),) * len(stack), stack, reasons)
    boxes = tuple(Box("picture", place, np.zeros((4, 2))) for place in range(1, len(stack) + 1))
    return tuple(_prediction(reading) for reading in classify(crops, boxes, model))


def _prediction(reading: DigitReading) -> Prediction:
    if reading.reason == "blank":
        return Prediction(None, "blank", 0.0, "", 0.0, True)
    shares = reading.probabilities
    best, second = (int(place) for place in np.argsort(-shares, kind="stable")[:2])
    return Prediction(
        digit=reading.digit,
        answer=_said(best),
        confidence=float(shares[best]),
        runner_up=_said(second),
        runner_up_share=float(shares[second]),
        flagged=reading.reason != "",
    )


def _said(place: int) -> str:
    return MARKS.get(CLASSES[place], CLASSES[place])
