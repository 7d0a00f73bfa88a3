"""Read all boxes of a page with one call of the model."""

from __future__ import annotations

from collections import Counter
from typing import Final

import numpy as np
from numpy.typing import NDArray

from formreader.model import DigitModel
from formreader.values import CLASSES, Box, Crops, DigitReading, Digits, Reason, Thresholds

DIGIT_CLASSES = 10
"""Classes from here on are no digit."""

STRUCK = [CLASSES.index(mark) for mark in "X-"]
WORTHLESS = [CLASSES.index(mark) for mark in "X-#?"]
"""Marks by which no digit is lost if they are taken for a strike."""
SAID: dict[str, Reason] = {"&": "two_digits", "A": "letter", "#": "scribbled"}
"""What a person is told of a box whose likeliest answer is no digit; of any other mark, that it is none."""
NO_INK: Final = np.eye(len(CLASSES), dtype=np.float32)[CLASSES.index("?")]
"""Of a box whose ink may all lie outside nothing is known; a model guesses what is mostly written so."""


def classify(
    crops: Crops, boxes: tuple[Box, ...], model: DigitModel, thresholds: Thresholds | None = None
) -> tuple[DigitReading, ...]:
    """Read the digit boxes of a page; wide boxes are left out, `strings` reads them.

    Parameters
    ----------
    crops
        What cutting made of the boxes: ``digits`` uint8 (n, 28, 28), 0 paper, 255 ink; row i belongs to ``boxes[i]``.
    thresholds
        A reading of less confidence gets the reason ``low_confidence``; the model's own threshold where None.

    Returns
    -------
    One reading for each box that is not wide, in the boxes' order.

    Raises
    ------
    ValueError
        The crops are of another type or shape, or their number is not that of the boxes.
    """
    _check(crops, boxes)
    limits = thresholds or Thresholds((model.threshold,))
    asked = [row for row, box in enumerate(boxes) if not box.is_wide and crops.reasons[row] != "blank"]
    written = Counter(boxes[row].field for row in asked)
    doubled = [row for row in asked if row in crops.others]
    pictures = np.concatenate([crops.digits[asked], *(crops.others[row][None] for row in doubled)])
    scores = score_digits(pictures, model)
    scores[~pictures.any(axis=(1, 2))] = NO_INK
    answers = dict(zip(asked, scores, strict=False))
    others = dict(zip(doubled, scores[len(asked) :], strict=True))
    return tuple(
        _read(
            box, _sure(crops.reasons[row], answers[row], others.get(row)), answers[row], limits.at(written[box.field])
        )
        if row in answers
        else _blank(box)
        for row, box in enumerate(boxes)
        if not box.is_wide
    )


def score_digits(digits: Digits, model: DigitModel) -> NDArray[np.float32]:
    """Tell each digit's probabilities, float32 (n, 17) over `values.CLASSES`; n may be 0."""
    if len(digits) == 0:
        return np.zeros((0, len(CLASSES)), np.float32)
    return model.predict_proba(digits)


def _check(crops: Crops, boxes: tuple[Box, ...]) -> None:
    digits = crops.digits
    if digits.dtype != np.uint8 or digits.ndim != 3 or digits.shape[1:] != (28, 28):
        raise ValueError(f"crops.digits must be uint8 (n, 28, 28), got {digits.dtype} {digits.shape}")
    if not len(digits) == len(crops.reasons) == len(boxes):
        raise ValueError(
            f"crops.digits, crops.reasons and boxes must be of one length, "
            f"got {len(digits)}, {len(crops.reasons)} and {len(boxes)}"
        )


def _blank(box: Box) -> DigitReading:
    return DigitReading(box, None, 1.0, np.zeros(len(CLASSES), np.float32), "blank")


def _sure(cut: Reason, shares: NDArray[np.float32], otherwise: NDArray[np.float32] | None) -> Reason:
    """Flag a digit that would be another one if a line of the frame hid, or lent it, a stroke."""
    if otherwise is None or cut or int(otherwise.argmax()) == int(shares.argmax()):
        return cut
    return "ink_outside"


def _read(box: Box, cut: Reason, shares: NDArray[np.float32], threshold: float) -> DigitReading:
    """Turn one row of probabilities into a reading; what cutting saw goes before what the classifier thinks."""
    best = int(shares.argmax())
    confidence = float(shares[best])
    if cut == "not_a_digit":
        # Cutting measured the mark: too small or too large. The model's share for 'no digit' says nothing about that.
        return DigitReading(box, None, confidence, shares, "not_a_digit")
    if cut == "struck":
        # A diagonal through the box looks like a 1 once it is cut out.
        return DigitReading(box, None, confidence, shares, "struck")
    if best >= DIGIT_CLASSES:
        return _read_mark(box, cut, shares, threshold)
    reason: Reason = "" if confidence >= threshold else "low_confidence"
    return DigitReading(box, CLASSES[best], confidence, shares, cut or reason)


def _read_mark(box: Box, cut: Reason, shares: NDArray[np.float32], threshold: float) -> DigitReading:
    """Say which mark that is no digit a box holds; a strike only where surely no digit is lost by it."""
    best = int(shares.argmax())
    said = SAID.get(CLASSES[best], "not_a_digit")
    confidence = float(shares[WORTHLESS].sum() if best in STRUCK else shares[best])
    if (best in STRUCK or CLASSES[best] == "/") and confidence >= threshold:
        # A cross often runs over the frame; that makes it no less a cross.
        return DigitReading(box, None, confidence, shares, "struck")
    if best in STRUCK and not cut:
        return DigitReading(box, None, confidence, shares, "low_confidence")
    return DigitReading(box, None, confidence, shares, cut or said)
