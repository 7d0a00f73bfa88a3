"""Say which boxes of a page a person should look at, and what each box is taken for in the end."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

import numpy as np

from formreader.fields.params import FieldParams
from formreader.values import CLASSES, POINT, UNREAD, DigitReading, FieldReading

_MAKE_BLANKS_DOUBTFUL: Final = frozenset({"gap", "blank", "too_small", "too_blurred", "too_faint"})
_STRIKES_DOUBTFUL: Final = frozenset({"struck", "not_a_digit"})
_OF_BOXES: Final = frozenset({"low_confidence", "not_a_digit", "two_digits", "letter", "scribbled", "ink_outside"})
"""Reasons that are gone when somebody has looked at the boxes of a field, one by one."""
_MILLIONTHS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Counts:
    """How much a page's reading holds: digit boxes with something in them, and of boxes and fields those to look at.

    Fields that hold no digits are among the flagged fields, what they are cut of among no boxes.
    """

    boxes: int
    flagged_boxes: int
    flagged_fields: int


def counted(fields: Sequence[FieldReading], digits: Sequence[DigitReading]) -> Counts:
    """Count what a page's reading holds."""
    return Counts(
        boxes=sum(digit.reason != "blank" and digit.box.holds_digits for digit in digits),
        flagged_boxes=sum(needs_review(fields, digits)),
        flagged_fields=sum(bool(field.reasons) for field in fields),
    )


def needs_review(
    fields: Iterable[FieldReading], digits: Sequence[DigitReading], decided: Collection[str] = ()
) -> tuple[bool, ...]:
    """Say for each box whether a person should look at it.

    These are the boxes of flagged fields that are no accepted digit; blank ones only where the blank is what is wrong
    (a gap, a required field) or may be (a page too poor to tell), struck ones unless they are sure fillers. Where that
    leaves none, the field as a whole is in doubt, and all its boxes are: so with sure digits that break a rule. Boxes
    of a settled field are none of them, nor is what holds no digit to judge.

    Parameters
    ----------
    decided
        Names of fields that a person decided already.
    """
    open_fields = (field for field in fields if field.name not in decided and field.holds_digits)
    flagged = {field.name: field.reasons for field in open_fields if field.reasons}
    filler_doubt = FieldParams().filler_doubt

    def doubtful(digit: DigitReading) -> bool:
        reasons = flagged[digit.box.field]
        if digit.reason == "struck" and not _STRIKES_DOUBTFUL.intersection(reasons):
            return float(digit.probabilities[:10].sum()) > filler_doubt  # else an accepted filler
        blank_is_wrong = bool(_MAKE_BLANKS_DOUBTFUL.intersection(reasons))
        return digit.reason != "" and (digit.reason != "blank" or blank_is_wrong)

    answer = [digit.box.field in flagged and doubtful(digit) for digit in digits]
    pointed_at = {digit.box.field for digit, looked_at in zip(digits, answer, strict=True) if looked_at}
    whole = flagged.keys() - pointed_at
    return tuple(looked_at or digit.box.field in whole for digit, looked_at in zip(digits, answer, strict=True))


def as_settled(fields: Iterable[FieldReading], digits: Sequence[DigitReading]) -> tuple[DigitReading, ...]:
    """Give each box the digit that its field was settled with, and the confidence that the box has in it.

    The reason stays: by itself the box was not sure.
    """
    settled = {field.name: iter(field.value.replace(POINT, "")) for field in fields if field.settled}

    def seen(digit: DigitReading) -> DigitReading:
        if digit.digit is None or digit.digit == POINT or digit.box.field not in settled:
            return digit
        mark = next(settled[digit.box.field])
        if mark == digit.digit:
            return digit
        return replace(digit, digit=mark, confidence=float(digit.probabilities[CLASSES.index(mark)]))

    return tuple(map(seen, digits))


class Alone(NamedTuple):
    """What a box was read as that can be judged by itself.

    Attributes
    ----------
    mark
        A digit, empty for a strike, `UNREAD` for what is neither.
    confidence
        In that, in millionths.
    rival
        The likeliest other digit.
    """

    mark: str
    confidence: int
    rival: str


def judged_alone(fields: Iterable[FieldReading], digits: Sequence[DigitReading]) -> dict[tuple[str, int], Alone]:
    """Give, by field and position, the boxes to look at that can be judged without what stands beside them.

    These are boxes of their own in fields that are in doubt for nothing but their boxes.
    """
    of_boxes = {field.name for field in fields if field.reasons and _OF_BOXES.issuperset(field.reasons)}
    return {
        (digit.box.field, digit.box.position): _alone(digit)
        for digit, looked_at in zip(digits, needs_review(fields, digits), strict=True)
        if looked_at and digit.box.field in of_boxes and not digit.box.is_wide
    }


def _alone(digit: DigitReading) -> Alone:
    mark = digit.digit or ("" if digit.reason == "struck" else UNREAD)
    order = np.argsort(-digit.probabilities[:10], kind="stable").tolist()
    rival = next(str(other) for other in order if str(other) != mark)
    return Alone(mark, round(digit.confidence * _MILLIONTHS), rival)
