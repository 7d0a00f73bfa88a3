"""How rules flag and decide: what a person gets of a field that has them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from formreader.fields import FieldParams, as_settled, counted, decode, needs_review
from formreader.fields.weighing import likeliest
from formreader.rules import Across, Check, CheckDigit, Most, OneOf, OrMissing, Rule, Term
from formreader.template import Field, Template
from formreader.values import CLASSES, Box, DigitReading, FieldReading, Reason

SQUARE = np.zeros((4, 2))
SURE = 0.9999
THRESHOLD = 0.99
LUHN = CheckDigit("luhn")
FOUR = OneOf(("1234", "5678", "9012", "9013"))

Seen = Mapping[str, float]
"""What a box may hold, with probabilities; the likeliest is its reading."""


def box(name: str, place: int, seen: Seen, reason: Reason = "") -> DigitReading:
    shares = np.full(len(CLASSES), 1e-6, np.float32)
    for mark, share in seen.items():
        shares[CLASSES.index(mark)] = share
    best = int(shares.argmax())
    confidence = float(shares[best])
    found: Reason = "not_a_digit" if best > 9 else "" if confidence >= THRESHOLD else "low_confidence"
    digit = CLASSES[best] if best < 10 else None
    return DigitReading(Box(name, place, SQUARE), digit, confidence, shares, reason or found)


def boxes(text: str, unsure: Mapping[int, Seen] | None = None, name: str = "n") -> list[DigitReading]:
    """Write digits into boxes; those at some places, from 1, are unsure, ``?`` is a letter."""
    seen: list[Seen] = [{"A": 0.9} if mark == "?" else {mark: SURE} for mark in text]
    return [box(name, place, (unsure or {}).get(place, one)) for place, one in enumerate(seen, 1)]


def form(lengths: Mapping[str, int], rules: Sequence[Rule] = (), checks: Sequence[Check] = ()) -> Template:
    fields = tuple(Field(name, ((0.0, 0.0, 9.0, 9.0),) * n, rules=tuple(rules)) for name, n in lengths.items())
    return Template("form", 100, 100, 300, fields, checks=tuple(checks))


def read(
    text: str, unsure: Mapping[int, Seen] | None = None, *rules: Rule, params: FieldParams | None = None
) -> FieldReading:
    (answer,) = decode(boxes(text, unsure), form({"n": len(text)}, rules), params)
    return answer


LAWFUL = "79927398713"  # the example of ISO/IEC 7812
DOUBT: Seen = {"3": 0.9, "5": 0.09}


def test_check_digit_settles_what_the_digits_leave_open() -> None:
    plain, ruled = read(LAWFUL, {11: DOUBT}), read(LAWFUL, {11: DOUBT}, LUHN)
    assert (plain.value, plain.reasons, plain.settled) == (LAWFUL, ("low_confidence",), False)
    assert (ruled.value, ruled.reasons, ruled.broken, ruled.settled) == (LAWFUL, (), (), True)
    assert ruled.confidence >= FieldParams().settled_at


def test_settled_boxes_are_not_shown_again() -> None:
    digits, template = boxes(LAWFUL, {11: DOUBT}), form({"n": 11}, [LUHN])
    fields = decode(digits, template)
    assert not any(needs_review(fields, digits))
    assert counted(fields, digits).flagged_fields == 0


def test_sure_digits_that_break_a_rule_stay_and_are_flagged() -> None:
    answer = read("79927398712", None, LUHN)
    assert (answer.value, answer.reasons, answer.settled) == ("79927398712", ("rule",), False)
    assert [(rule.key, rule.words, rule.severity) for rule in answer.broken] == [
        ("check_digit", "with the check digit of Luhn", "error")
    ]
    assert answer.suggestion == ""  # each digit might be the wrong one


def test_all_boxes_of_sure_digits_that_break_a_rule_are_shown() -> None:
    digits = boxes("79927398712")
    assert all(needs_review(decode(digits, form({"n": 11}, [LUHN])), digits))


def test_doubtful_digit_that_the_rule_would_change_is_flagged_with_what_it_may_be() -> None:
    answer = read("79927398715", {11: {"5": 0.7, "3": 0.28}}, LUHN)
    assert (answer.value, answer.reasons) == ("79927398715", ("low_confidence", "rule"))
    assert answer.suggestion == LAWFUL


def test_value_is_changed_only_where_its_probability_passes_the_target() -> None:
    unsure = {11: {"5": 0.5, "3": 0.48}}
    strict = read("79927398715", unsure, LUHN)
    lax = read("79927398715", unsure, LUHN, params=FieldParams(settled_at=0.99))
    assert (strict.value, strict.suggestion, bool(strict.reasons)) == ("79927398715", LAWFUL, True)
    assert (lax.value, lax.settled, lax.reasons) == (LAWFUL, True, ())


def test_boxes_show_the_digit_that_they_were_settled_with() -> None:
    digits = boxes("79927398715", {11: {"5": 0.5, "3": 0.48}})
    fields = decode(digits, form({"n": 11}, [LUHN]), FieldParams(settled_at=0.99))
    shown = as_settled(fields, digits)
    assert "".join(digit.digit or "" for digit in shown) == fields[0].value == LAWFUL
    assert shown[-1].reason == "low_confidence"
    assert shown[-1].confidence == pytest.approx(0.48)
    assert as_settled(decode(digits, form({"n": 11})), digits) == tuple(digits)


def test_warning_is_noted_and_neither_flags_nor_decides() -> None:
    warned = read("79927398712", None, replace(LUHN, severity="warning"))
    assert (warned.reasons, [rule.severity for rule in warned.broken]) == ((), ["warning"])
    assert read(LAWFUL, {11: DOUBT}, replace(LUHN, severity="warning")).reasons == ("low_confidence",)


def test_rule_that_all_values_keep_settles_nothing() -> None:
    assert read("123", {2: {"2": 0.9899, "7": 0.005}}, Most(Decimal(999))).reasons == ("low_confidence",)


def test_range_is_no_evidence_for_a_digit_that_it_leaves_open() -> None:
    assert read("115", {3: {"5": 0.95, "6": 0.04}}, Most(Decimal(120))).reasons == ("low_confidence",)


def test_list_confirms_an_exact_hit_and_never_makes_one() -> None:
    hit = read("1234", {4: {"4": 0.9, "9": 0.09}}, FOUR)
    assert (hit.value, hit.reasons, hit.settled) == ("1234", (), True)
    near = read("1239", {4: {"9": 0.5, "4": 0.48}}, FOUR, params=FieldParams(settled_at=0.9))
    assert (near.value, near.suggestion, near.settled) == ("1239", "1234", False)
    assert near.reasons == ("low_confidence", "rule")


def test_neighbours_in_a_list_are_not_told_apart() -> None:
    assert read("9012", {4: {"2": 0.9, "3": 0.09}}, FOUR).reasons == ("low_confidence",)


def test_transposed_digits_are_suggested_the_right_way_round() -> None:
    assert read("1324", None, FOUR).suggestion == "1234"


@pytest.mark.parametrize("reason", ["ink_outside", "two_digits", "not_a_digit", "scribbled", "too_faint"])
def test_only_the_classifiers_doubt_can_be_settled(reason: Reason) -> None:
    digits = [*boxes(LAWFUL[:-1]), box("n", 11, {"3": SURE}, reason)]
    (answer,) = decode(digits, form({"n": 11}, [LUHN]))
    assert reason in answer.reasons
    assert not answer.settled


def test_unread_box_is_filled_in_the_suggestion_where_one_digit_is_lawful() -> None:
    answer = read("7992?398713", None, LUHN)
    assert (answer.value, answer.reasons, answer.suggestion) == ("7992?398713", ("not_a_digit",), LAWFUL)
    assert read("799??398713", None, LUHN).suggestion == ""


def test_word_that_may_stand_in_a_field_is_suggested() -> None:
    template = Template(
        "form", 9, 9, 300, (Field("n", ((0, 0, 1, 1),) * 2, allow=("AB",), rules=(Most(Decimal(20)),)),)
    )
    (answer,) = decode(boxes("??"), template)
    assert (answer.suggestion, bool(answer.reasons)) == ("AB", True)


def filled(first: DigitReading, *rules: Rule, rest: str = LAWFUL) -> FieldReading:
    """Read a field whose first box may hold a filler."""
    digits = [first, *(replace(one, box=Box("n", place, SQUARE)) for place, one in enumerate(boxes(rest), 2))]
    field = Field("n", ((0.0, 0.0, 9.0, 9.0),) * len(digits), filler=("X",), rules=rules)
    (answer,) = decode(digits, Template("form", 9, 9, 300, (field,)))
    return answer


@pytest.mark.parametrize("rule", [LUHN, OneOf((LAWFUL, "4" + LAWFUL))])
@pytest.mark.parametrize("reason", ["low_confidence", "struck"])
def test_rules_do_not_settle_whether_a_mark_is_a_filler(rule: Rule, reason: Reason) -> None:
    cross = replace(box("n", 1, {"X": 0.8, "4": 0.15}, reason), digit=None)
    answer = filled(cross, rule)
    assert (answer.value, answer.reasons, answer.settled) == (LAWFUL, ("low_confidence",), False)


def test_rules_do_not_settle_a_digit_that_may_be_a_filler() -> None:
    codes = OneOf(("488", "88"))
    assert filled(box("n", 1, {"4": 0.55, "X": 0.4}), codes, rest="88").reasons == ("low_confidence",)
    assert filled(box("n", 1, {"4": 0.9, "9": 0.09}), codes, rest="88").settled


def test_gap_is_not_settled() -> None:
    digits = [*boxes(LAWFUL, {1: {"7": 0.9, "1": 0.09}}), replace(box("n", 12, {"0": 1}), digit=None, reason="blank")]
    digits += [box("n", 13, {"0": SURE})]
    (answer,) = decode(digits, form({"n": 13}, [LUHN]))
    assert "gap" in answer.reasons


def sum_of(*parts: str, missing: tuple[str, ...] = ()) -> Across:
    return Across("sum", tuple(Term(part, missing=missing) for part in parts), "=", (Term("total"),))


SUM = sum_of("q1", "q2")


def add(
    values: Mapping[str, str], unsure: Mapping[str, Mapping[int, Seen]], *checks: Check, rules: Sequence[Rule] = ()
) -> dict[str, FieldReading]:
    digits = [one for name, text in values.items() for one in boxes(text, unsure.get(name), name)]
    template = form({name: len(text) for name, text in values.items()}, rules, checks)
    return {field.name: field for field in decode(digits, template)}


def test_sum_settles_its_parts() -> None:
    answers = add({"q1": "120", "q2": "035", "total": "155"}, {"q2": {3: {"5": 0.9, "6": 0.05}}}, SUM)
    assert [(one.value, one.reasons, one.settled) for one in answers.values()] == [
        ("120", (), False),
        ("035", (), True),
        ("155", (), False),
    ]


def test_broken_sum_of_sure_digits_flags_all_its_fields() -> None:
    answers = add({"q1": "120", "q2": "035", "total": "156"}, {}, SUM)
    assert all(one.reasons == ("rule",) for one in answers.values())
    assert all([rule.words for rule in one.broken] == ["q1 + q2 = total"] for one in answers.values())
    assert [one.value for one in answers.values()] == ["120", "035", "156"]


def test_broken_sum_is_blamed_on_the_doubtful_digit_that_explains_it() -> None:
    answers = add({"q1": "120", "q2": "036", "total": "155"}, {"q2": {3: {"6": 0.7, "5": 0.28}}}, SUM)
    assert {name: one.reasons for name, one in answers.items()} == {
        "q1": (),
        "q2": ("low_confidence", "rule"),
        "total": (),
    }
    assert answers["q2"].suggestion == "035"
    assert all(one.broken for one in answers.values())


def test_broken_sum_that_the_doubtful_digit_does_not_explain_flags_all_its_fields() -> None:
    answers = add({"q1": "120", "q2": "036", "total": "188"}, {"q2": {3: {"6": 0.9, "5": 0.09}}}, SUM)
    assert all("rule" in one.reasons for one in answers.values())


def test_two_doubtful_digits_that_may_make_up_for_each_other_stay_flagged() -> None:
    unsure = {"q1": {3: {"3": 0.6, "5": 0.39}}, "q2": {3: {"5": 0.6, "3": 0.39}}}
    answers = add({"q1": "123", "q2": "035", "total": "158"}, unsure, SUM)
    assert {name for name, one in answers.items() if one.reasons} == {"q1", "q2"}


def test_sum_with_an_unread_part_says_nothing_but_what_it_may_be() -> None:
    answers = add({"q1": "120", "q2": "0?5", "total": "155"}, {"q1": {3: {"0": 0.9, "6": 0.09}}}, SUM)
    assert answers["q1"].reasons == ("low_confidence",)
    assert answers["q2"].suggestion == "035"
    assert not any(one.broken for one in answers.values())


def test_code_for_a_missing_value_leaves_a_sum_unasked() -> None:
    check = sum_of("q1", "q2", missing=("99",))
    answers = add({"q1": "20", "q2": "98", "total": "50"}, {"q2": {2: {"8": 0.5, "9": 0.49}}}, check)
    assert not any(one.settled for one in answers.values())
    assert answers["q2"].reasons


def test_rule_with_a_code_for_missing_values_is_kept_by_it() -> None:
    assert read("99", None, OrMissing(Most(Decimal(20)), ("99",))).reasons == ()


@given(st.lists(st.lists(st.floats(0.01, 1), min_size=10, max_size=10), max_size=4), st.integers(1, 60))
def test_the_likeliest_values_are_found_in_order(cells: list[list[float]], most: int) -> None:
    shares = np.array(cells).reshape(-1, 10)
    rows, likelihoods = likeliest(shares, most)
    every = np.sort(np.prod(np.stack(np.meshgrid(*shares, indexing="ij")), axis=0).ravel() if cells else [1.0])[::-1]
    assert likelihoods == pytest.approx(every[: len(rows)])
    assert len(rows) == min(most, len(every))
    assert likelihoods == pytest.approx([np.prod(shares[range(len(cells)), row]) for row in rows])


doubts = st.fixed_dictionaries({}, optional={str(n): st.floats(0.001, 0.98) for n in range(10)}).filter(bool)
"""What an unsure box may hold."""


def normal(seen: Seen) -> Seen:
    total = sum(seen.values())
    return {mark: 0.985 * share / total for mark, share in seen.items()}


@given(
    st.lists(st.one_of(st.sampled_from("0123456789"), doubts.map(normal)), min_size=2, max_size=6),
    st.floats(0.5, 0.9999),
)
def test_rules_never_go_against_the_digits(cells: list[str | Seen], settled_at: float) -> None:
    digits = [
        box("n", place, {one: SURE} if isinstance(one, str) else one, "low_confidence" if isinstance(one, dict) else "")
        for place, one in enumerate(cells, 1)
    ]
    (plain,) = decode(digits, form({"n": len(cells)}))
    ruled_by: tuple[list[Rule], ...] = (
        [LUHN],
        [Most(Decimal(500))],
        [LUHN, Most(Decimal(50_000))],
        [OneOf((plain.value, "1234"))],
    )
    for rules in ruled_by:
        (ruled,) = decode(digits, form({"n": len(cells)}, rules), FieldParams(settled_at=settled_at))
        lawful = all(rule.is_kept_by(ruled.value) for rule in rules)
        assert lawful or "rule" in ruled.reasons  # what is accepted keeps all rules
        assert ruled.settled or ruled.value == plain.value
        assert not ruled.settled or (plain.reasons and not ruled.reasons and ruled.confidence >= settled_at)
        for digit, mark in zip(digits, ruled.value, strict=True):
            assert digit.reason or digit.digit == mark  # a sure box keeps its digit
            assert mark == digit.digit or may_be_settled(digit, mark, settled_at)


def may_be_settled(digit: DigitReading, mark: str, settled_at: float) -> bool:
    """Say whether the strongest of all rules could lift a digit's share so far that it passes the target.

    Rules multiply the odds of lawful values by as much as writers keep them, and by the wrong values near a lawful one.
    """
    params = FieldParams()
    strongest = (1 - params.writers_err) / params.writers_err * params.likely_slips
    share = float(digit.probabilities[int(mark)] / digit.probabilities[:10].sum())
    believed = (1 - params.unsure_doubt) * share ** (1 / params.flatter) + params.unsure_doubt / 10  # at most
    return bool(believed / (1 - believed) * strongest >= settled_at / (1 - settled_at))


def test_an_unlikely_digit_is_not_settled_whatever_is_asked_of_it() -> None:
    unsure = box("n", 1, {"9": 0.75, "0": 0.2})
    assert not may_be_settled(unsure, "0", 0.999)
    assert may_be_settled(unsure, "0", 0.99)
    assert read("900123", {1: {"9": 0.75, "0": 0.2}}, Most(Decimal(500))).value == "900123"


@pytest.mark.slow
@given(st.integers(0, 999), st.integers(0, 999), st.integers(-50, 50), st.integers(1, 3), doubts)
def test_what_a_sum_settles_adds_up(q1: int, q2: int, slip: int, place: int, doubt: Seen) -> None:
    total = f"{max(0, q1 + q2 + slip):04}"
    values = {"q1": f"{q1:03}", "q2": f"{q2:03}", "total": total}
    answers = add(values, {"q1": {place: normal(doubt)}}, SUM)
    now = {name: one.value for name, one in answers.items()}
    if answers["q1"].settled:
        assert SUM.is_kept_by(now)
    assert SUM.is_kept_by(now) or any(one.reasons for one in answers.values())
    assert {name: now[name] for name in ("q2", "total")} == {name: values[name] for name in ("q2", "total")}


def test_page_of_unsure_boxes_is_decided_in_time() -> None:
    rng = np.random.default_rng(4)
    names = [f"q{n}" for n in range(12)]
    template = form(
        {**dict.fromkeys(names, 6), "total": 6, "n1": 10, "n2": 10},
        [Most(Decimal(9_999_999_999))],
        [sum_of(*names)],
    )
    flat = {str(n): 0.07 for n in range(10)}
    digits = [
        box(field.name, place, {**flat, str(rng.integers(10)): 0.3})
        for field in template.fields
        for place in range(1, len(field.boxes) + 1)
    ]
    decode(digits, template)  # what is worked out once
    spent = []
    for _ in range(3):
        start = time.process_time()
        decode(digits, template)
        spent.append(time.process_time() - start)
    assert min(spent) < 0.2  # 0.03 s in a quiet hour
