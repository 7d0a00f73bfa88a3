"""What a field says once people have judged its boxes, and what any value of it breaks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from formreader.allowed import broken_by
from formreader.batch_forms import Forms
from formreader.fields import FieldParams, join
from formreader.store import StoredPage
from formreader.values import CLASSES, DigitReading, FieldReading


def value_by_marks(page: StoredPage, field: str, marks: Mapping[int, str], forms: Forms) -> FieldReading | None:
    """Give the value of a field whose doubtful boxes people judged; its reasons say why it cannot stand as it is.

    Parameters
    ----------
    page
        With its digits.
    marks
        By position: a digit, or nothing for a blank or struck box.

    Returns
    -------
    FieldReading or None
        None where nobody can tell how the boxes make a value: the form's template is lost.
    """
    digits = [digit for digit in page.digits if digit.box.field == field]
    described = forms.field(page.form, field, len(digits))
    if described is None:
        return None
    judged = [_judged(digit, marks[digit.box.position]) if digit.box.position in marks else digit for digit in digits]
    written = join(described, judged, FieldParams())
    broken = broken_by(page, field, written.value, forms)
    if described.filler_only == "zero" and not any(written.boxes) and _is_open(digits, marks):
        written = replace(written, reasons=(*written.reasons, "struck"))
    reasons = (*written.reasons, "rule") if any(rule.severity == "error" for rule in broken) else written.reasons
    return FieldReading(field, written.value, written.confidence, reasons, broken)


def _is_open(digits: Sequence[DigitReading], marks: Mapping[int, str]) -> bool:
    """Say whether it is open that a field without digits has a strike: people say nothing and a strike alike."""
    struck = any(digit.reason == "struck" and digit.box.position not in marks for digit in digits)
    return "" in marks.values() and not struck


def _judged(digit: DigitReading, mark: str) -> DigitReading:
    """Give a box as a person sees it: sure of it."""
    shares = np.zeros(len(CLASSES), np.float32)
    if mark:
        shares[CLASSES.index(mark)] = 1
        return replace(digit, digit=mark, confidence=1.0, probabilities=shares, reason="")
    if digit.reason == "struck":
        shares[10:13] = digit.probabilities[10:13]
        return replace(digit, confidence=1.0, probabilities=shares)
    return replace(digit, digit=None, confidence=1.0, probabilities=shares, reason="blank")
