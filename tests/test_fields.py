"""What a field's value is, box by box."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from formreader.fields import decode
from formreader.template import Field, Template
from formreader.values import CLASSES, POINT, Box, DigitReading, FieldReading, Reason
from tests.benchmarks.forms import expected_value

SQUARE = np.array([[0, 0], [10, 0], [10, 10], [0, 10]], dtype=np.float64)


def reading(
    mark: str, position: int, *, confidence: float = 0.999, doubt: float = 0.0, name: str = "n"
) -> DigitReading:
    """One box as the classifier would give it: a digit, ``_`` blank, ``X`` or ``-`` struck, ``?`` unreadable."""
    probabilities = np.zeros(len(CLASSES), dtype=np.float32)
    if mark not in "_.":
        probabilities[CLASSES.index(mark)] = 1 - doubt
        probabilities[1] += doubt
    reasons: dict[str, Reason] = {"_": "blank", "X": "struck", "-": "struck", "?": "not_a_digit"}
    digit = mark if mark.isdigit() or mark == POINT else None
    return DigitReading(Box(name, position, SQUARE), digit, confidence, probabilities, reasons.get(mark, ""))


def form(*fields: Field) -> Template:
    return Template("form", 100, 100, 300, fields)


def decoded(
    marks: str,
    *,
    filler: str = "",
    filler_only: Literal["struck", "blank", "zero"] = "struck",
    required: bool = False,
    length: tuple[int, int] = (1, 1),
) -> FieldReading:
    boxes = ((0.0, 0.0, 10.0, 10.0),) * (len(marks) if length == (1, 1) else 1)
    field = Field("n", boxes, length, required, tuple(filler), filler_only)
    (answer,) = decode([reading(mark, place) for place, mark in enumerate(marks, 1)], form(field))
    return answer


@pytest.mark.parametrize(
    ("marks", "filler", "value", "reasons"),
    [
        ("123", "", "123", ()),
        ("_05", "", "05", ()),
        ("2__", "", "2", ()),
        ("___", "", "", ()),
        ("1_3", "", "13", ("gap",)),
        ("X88", "X-", "88", ()),
        ("--7", "X-", "7", ()),
        ("8XX", "X", "8", ()),
        ("_X8", "X", "8", ()),
        ("X_8", "X", "8", ()),
        ("X88", "", "?88", ("not_a_digit",)),
        ("-88", "X", "?88", ("not_a_digit",)),
        ("8X8", "X", "8?8", ("not_a_digit",)),
        ("?X8", "X", "??8", ("not_a_digit",)),
        ("?_8", "", "?8", ("not_a_digit", "gap")),
        ("XXX", "X", "", ("struck",)),
        ("_X_", "X", "", ("struck",)),
        ("XXX", "", "???", ("not_a_digit",)),
        ("1?3", "", "1?3", ("not_a_digit",)),
    ],
)
def test_value_and_reasons(marks: str, filler: str, value: str, reasons: tuple[Reason, ...]) -> None:
    answer = decoded(marks, filler=filler)
    assert (answer.value, answer.reasons) == (value, reasons)


@pytest.mark.parametrize(
    ("filler_only", "required", "value", "reasons"),
    [
        ("struck", True, "", ("struck",)),
        ("blank", False, "", ()),
        ("blank", True, "", ("blank",)),
        ("zero", True, "0", ()),
    ],
)
def test_field_of_fillers_means_what_the_form_says(
    filler_only: Literal["struck", "blank", "zero"], required: bool, value: str, reasons: tuple[Reason, ...]
) -> None:
    answer = decoded("XXX", filler="X", filler_only=filler_only, required=required)
    assert (answer.value, answer.reasons) == (value, reasons)


def test_empty_boxes_are_no_zero_even_where_fillers_are() -> None:
    assert decoded("___", filler="X", filler_only="zero").value == ""


def test_required_field_left_empty_is_flagged() -> None:
    assert decoded("___", required=True).reasons == ("blank",)


def test_filler_that_could_be_a_digit_is_flagged() -> None:
    field = Field("n", ((0, 0, 1, 1),) * 2, filler=("-",))
    (sure,) = decode([reading("-", 1, doubt=0.005), reading("7", 2)], form(field))
    (unsure,) = decode([reading("-", 1, doubt=0.02), reading("7", 2)], form(field))
    assert (sure.value, sure.reasons) == ("7", ())
    assert (unsure.value, unsure.reasons) == ("7", ("low_confidence",))


def test_doubtful_digit_keeps_its_value() -> None:
    sure = reading("4", 1)
    doubtful = DigitReading(sure.box, "4", 0.6, sure.probabilities, "low_confidence")
    (answer,) = decode([doubtful], form(Field("n", ((0, 0, 1, 1),))))
    assert (answer.value, answer.confidence, answer.reasons) == ("4", 0.6, ("low_confidence",))


def test_confidence_is_that_of_all_boxes_together() -> None:
    readings = [reading("1", 1, confidence=0.9), reading("_", 2, confidence=0.8)]
    (answer,) = decode(readings, form(Field("n", ((0, 0, 1, 1),) * 2)))
    assert answer.confidence == pytest.approx(0.72)


def test_box_without_a_reading_is_unread_not_blank() -> None:
    (answer,) = decode([reading("1", 1)], form(Field("n", ((0, 0, 1, 1),) * 2)))
    assert (answer.value, answer.reasons) == ("1?", ("not_a_digit",))


@pytest.mark.parametrize(
    ("marks", "reasons"), [("12", ()), ("123", ()), ("1", ("not_a_digit",)), ("1234", ("not_a_digit",)), ("_", ())]
)
def test_wide_box_holds_as_many_digits_as_the_form_says(marks: str, reasons: tuple[Reason, ...]) -> None:
    assert decoded(marks, length=(2, 3)).reasons == reasons


@pytest.mark.parametrize(
    ("marks", "decimals", "value", "reasons"),
    [
        ("12.5", (1, 1), "12.5", ()),
        ("12.5", (0, 2), "12.5", ()),
        ("125", (0, 2), "125", ()),
        ("125.", (0, 2), "125", ()),
        ("125", (1, 1), "125", ("not_a_digit",)),
        ("1.25", (1, 1), "1.25", ("not_a_digit",)),
        ("1.2.5", (1, 2), "1.2.5", ("not_a_digit",)),
        ("12.5", (0, 0), "12?5", ("not_a_digit",)),
        ("?.5", (1, 1), "?.5", ("not_a_digit",)),
    ],
)
def test_written_point_stands_in_the_value(
    marks: str, decimals: tuple[int, int], value: str, reasons: tuple[Reason, ...]
) -> None:
    field = Field("n", ((0.0, 0.0, 10.0, 10.0),), (2, 4), decimals=decimals)
    (answer,) = decode([reading(mark, place) for place, mark in enumerate(marks, 1)], form(field))
    assert (answer.value, answer.reasons) == (value, reasons)


@pytest.mark.parametrize(
    ("marks", "places", "value", "reasons"),
    [
        ("125", (10, 30, 60), "12.5", ()),
        ("12.5", (10, 30, 44, 60), "12.5", ()),  # written over the printed one
        ("12", (10, 30), "12", ("not_a_digit",)),  # nothing right of it: 12 is not 0.12
        ("125", (10, 60, 80), "1.25", ("not_a_digit",)),
        ("1.25", (10, 20, 30, 60), "1.25", ("not_a_digit",)),  # written elsewhere than printed
    ],
)
def test_printed_point_parts_the_digits_left_and_right_of_it(
    marks: str, places: tuple[int, ...], value: str, reasons: tuple[Reason, ...]
) -> None:
    field = Field("n", ((0.0, 0.0, 100.0, 20.0),), (1, 4), decimals=(1, 1), point=45.0)
    found = [
        replace(one, box=replace(one.box, on_form=(x - 5.0, 0.0, 10.0, 20.0)))
        for one, x in zip([reading(mark, place) for place, mark in enumerate(marks, 1)], places, strict=True)
    ]
    (answer,) = decode(found, form(field))
    assert (answer.value, answer.reasons) == (value, reasons)


def test_fields_come_in_the_forms_order_and_boxes_in_writing_order() -> None:
    fields = form(Field("b", ((0, 0, 1, 1),)), Field("a", ((0, 0, 1, 1),) * 2))
    readings = [reading("2", 2, name="a"), reading("9", 1, name="b"), reading("1", 1, name="a")]
    assert [(field.name, field.value) for field in decode(readings, fields)] == [("b", "9"), ("a", "12")]


def test_reading_of_an_unknown_field_is_a_bug() -> None:
    with pytest.raises(ValueError, match="'ghost'"):
        decode([reading("1", 1, name="ghost")], form(Field("n", ((0, 0, 1, 1),))))


@given(st.text("0123456789_X-?", min_size=1, max_size=8), st.sets(st.sampled_from("X-")))
def test_nothing_is_dropped_silently(marks: str, filler: set[str]) -> None:
    answer = decoded(marks, filler="".join(filler))
    core = marks.strip("_" + "".join(filler))
    assert answer.value == re.sub("[X-]", "?", core.replace("_", ""))
    if "?" in answer.value:
        assert "not_a_digit" in answer.reasons
    assert ("gap" in answer.reasons) == ("_" in core)
    assert bool(answer.reasons) == bool(re.search("[^0-9]", core) or (not core and marks.strip("_")))


@given(st.text("0123456789_X-", min_size=1, max_size=6), st.sets(st.sampled_from("X-")), st.booleans())
def test_benchmark_expects_what_the_fields_rules_give(marks: str, filler: set[str], required: bool) -> None:
    field = Field("n", ((0.0, 0.0, 10.0, 10.0),) * len(marks), (1, 1), required, tuple(filler))
    (answer,) = decode([reading(mark, place) for place, mark in enumerate(marks, 1)], form(field))
    assert expected_value(marks, field) == (answer.value, bool(answer.reasons))


def test_a_doubtful_filler_is_read_as_one_and_flagged() -> None:
    field = Field("n", ((0.0, 0.0, 10.0, 10.0),) * 3, filler=("X",))
    doubtful = replace(reading("X", 1, confidence=0.8, doubt=0.2), reason="low_confidence")
    (answer,) = decode([doubtful, reading("8", 2), reading("2", 3)], form(field))
    assert (answer.value, answer.reasons) == ("82", ("low_confidence",))
    (undeclared,) = decode([doubtful, reading("8", 2), reading("2", 3)], form(replace(field, filler=())))
    assert (undeclared.value, undeclared.reasons) == ("?82", ("low_confidence", "not_a_digit"))


@pytest.mark.parametrize(
    ("marks", "align", "value", "reasons"),
    [
        ("_12", "right", "12", ()),
        ("12_", "right", "12", ("gap",)),
        ("12X", "right", "12", ("gap",)),
        ("_12", "left", "12", ("gap",)),
        ("12_", "left", "12", ()),
        ("___", "right", "", ()),
        ("1_2", "right", "12", ("gap",)),
    ],
)
def test_digits_stand_on_their_side(
    marks: str, align: Literal["left", "right"], value: str, reasons: tuple[str, ...]
) -> None:
    field = Field("n", ((0.0, 0.0, 10.0, 10.0),) * 3, filler=("X",), align=align)
    (answer,) = decode([reading(mark, place) for place, mark in enumerate(marks, 1)], form(field))
    assert (answer.value, answer.reasons) == (value, reasons)


@pytest.mark.parametrize(
    ("marks", "decimals", "value", "reasons"),
    [
        ("1250", (2, 2), "12.50", ()),
        ("_125", (2, 2), "1.25", ()),
        ("__25", (2, 2), ".25", ()),
        ("____", (2, 2), "", ()),
        ("XX__", (2, 2), "", ("struck",)),
        ("12__", (2, 2), "12", ("not_a_digit",)),
        ("12__", (0, 2), "12", ()),
        ("125_", (0, 2), "12.5", ()),
        ("12_5", (0, 2), "12.5", ("gap",)),
        ("1?50", (2, 2), "1?.50", ("not_a_digit",)),
        ("125", (2, 2), "12.5?", ("not_a_digit",)),  # a box that nobody read
    ],
)
def test_point_is_printed_between_boxes(
    marks: str, decimals: tuple[int, int], value: str, reasons: tuple[str, ...]
) -> None:
    field = Field("n", ((0.0, 0.0, 10.0, 10.0),) * 4, filler=("X",), decimals=decimals)
    (answer,) = decode([reading(mark, place) for place, mark in enumerate(marks, 1)], form(field))
    assert (answer.value, answer.reasons) == (value, reasons)


def test_word_that_may_stand_in_a_field_is_suggested_and_flagged() -> None:
    field = Field("n", ((0.0, 0.0, 10.0, 10.0),) * 3, allow=("AB",))
    for marks, suggestion in (("??_", "AB"), ("4?_", ""), ("???", "")):
        (answer,) = decode([reading(mark, place) for place, mark in enumerate(marks, 1)], form(field))
        assert (answer.suggestion, answer.reasons) == (suggestion, ("not_a_digit",))
