"""What each rule asks of a value, and what checks ask of a page's values."""

from __future__ import annotations

import pickle
import time as clock
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Literal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from formreader.rules import (
    METHODS,
    Across,
    CheckDigit,
    Date,
    Format,
    Least,
    Most,
    OneOf,
    OrMissing,
    Pattern,
    Rule,
    Term,
    allowed_word,
    broken_checks,
    broken_rules,
    example_lengths,
    matches_some,
)

NUMBERS = st.text("0123456789", min_size=1, max_size=12)


@pytest.mark.parametrize(
    ("rule", "kept", "broken"),
    [
        (Least(Decimal(7)), ["7", "07", "7.0", "100"], ["6", "006", "6.99"]),
        (Most(Decimal("42.5")), ["42.5", "042.50", "0", ".5"], ["42.51", "43", "425"]),
        (Pattern("[1-9][0-9]{3}"), ["1234"], ["0234", "12345", "123"]),
        (Pattern("1|22"), ["1", "22"], ["12", "122"]),
        (OneOf(("07", "12")), ["07", "12"], ["7", "007", "1"]),
        (Date("DDMMYYYY"), ["29022024", "31121999"], ["29022023", "31042024", "00012024", "01002024", "1122024"]),
        (Date("MMDDYYYY"), ["02292024"], ["29022024"]),
        (Date("YYYYMMDD"), ["20240229"], ["20230229", "00000101"]),
        (Date("DDMMYY"), ["290200", "290296"], ["290201", "320100"]),
        (Date("MMYYYY"), ["122024"], ["132024", "002024"]),
        (Date("YYYY"), ["2024"], ["0000", "24"]),
        (Date("HHMM"), ["0000", "2359"], ["2400", "1260", "930"]),
        (Date("HHMM", time(8), time(16, 30)), ["0800", "1630"], ["0759", "1631"]),
        (Date("DDMMYYYY", date(2020, 5, 1), date(2021, 1, 1)), ["01052020", "01012021"], ["30042020", "02012021"]),
        (Date("MMYYYY", date(2020, 5, 31), date(2021, 1, 1)), ["052020", "012021"], ["042020", "022021"]),
        (Date("YYYY", date(2020, 5, 1), date(2021, 1, 1)), ["2020", "2021"], ["2019", "2022"]),
        (CheckDigit("luhn"), ["79927398713"], ["79927398710"]),
        (CheckDigit("ean"), ["4006381333931", "73513537"], ["4006381333932", "400638133393"]),
        (CheckDigit("isbn"), ["9780306406157", "0306406152"], ["9780306406158", "1234567890123"]),
        (CheckDigit("mod11"), ["9434765919"], ["9434765918", "94347659190"]),
        (Format("nl.bsn"), ["111222333"], ["111222334"]),
        (OrMissing(Most(Decimal(31)), ("99", "098")), ["31", "99", "098"], ["32", "98"]),
    ],
    ids=str,
)
def test_rule_is_kept_and_broken(rule: Rule, kept: list[str], broken: list[str]) -> None:
    assert [value for value in kept if not rule.is_kept_by(value)] == []
    assert [value for value in broken if rule.is_kept_by(value)] == []
    assert pickle.loads(pickle.dumps(rule)) == rule
    assert hash(pickle.loads(pickle.dumps(rule))) == hash(rule)


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (Least(Decimal("0.5")), "at least 0.5"),
        (Most(Decimal(31)), "at most 31"),
        (Pattern("1[0-9]"), "of the pattern 1[0-9]"),
        (OneOf(("07", "12")), "one of 07, 12"),
        (OneOf(tuple(map(str, range(2000)))), "one of 2,000 listed values"),
        (Date("YYYYMMDD", date(2020, 1, 31), "today"), "a date as YYYYMMDD from 2020-01-31 to today"),
        (Date("HHMM", time(8, 30)), "a time as HHMM from 08:30"),
        (CheckDigit("damm"), "with the check digit of Damm"),
        (OrMissing(Most(Decimal(31)), ("99", "98")), "at most 31, or 99 or 98"),
    ],
)
def test_rule_is_told_in_words(rule: Rule, words: str) -> None:
    assert str(rule) == words
    assert (rule.key, rule.only_exact) == (rule.key, "one of" in words)


def test_national_format_is_told_with_its_name() -> None:
    assert str(Format("nl.bsn")).startswith("a valid nl.bsn: BSN (Burgerservicenummer")
    assert example_lengths("nl.bsn") == frozenset({9})
    assert example_lengths("iban") == frozenset()


def test_today_is_the_day_of_reading() -> None:
    rule = Date("DDMMYYYY", date(2020, 1, 1), "today")
    assert rule.is_kept_by(f"{date.today():%d%m%Y}")
    assert not rule.is_kept_by(f"{date.today() + timedelta(days=1):%d%m%Y}")


def test_year_of_two_digits_lies_in_the_range() -> None:
    born = Date("DDMMYY", date(1930, 1, 1), date(2026, 6, 30))
    assert born.period("010131") == (date(1931, 1, 1),) * 2
    assert born.period("010126") == (date(2026, 1, 1),) * 2
    assert not born.is_kept_by("010726")  # it would be 1926 only for somebody born before the range
    assert Date("DDMMYY", date(1950, 1, 1)).period("010149") == (date(2049, 1, 1),) * 2
    assert [Date("DDMMYY").period(f"0101{year}") for year in ("68", "69")] == [
        (date(2068, 1, 1),) * 2,
        (date(1969, 1, 1),) * 2,
    ]


@given(st.dates(date(1, 1, 1), date(9999, 12, 31)))
def test_every_day_of_the_calendar_is_a_date(day: date) -> None:
    year, month, number = f"{day.year:04}", f"{day.month:02}", f"{day.day:02}"
    for form, text in (
        ("DDMMYYYY", number + month + year),
        ("MMDDYYYY", month + number + year),
        ("YYYYMMDD", year + month + number),
    ):
        assert Date(form, day, day).period(text) == (day, day)
        assert Date(form, day, day).is_kept_by(text)


# --- check digits, against the textbook ------------------------------------------------------------------------------

DAMM = ["0317598642", "7092154863", "4206871359", "1750983426", "6123045978",
        "3674209581", "5869720134", "8945362017", "9438617205", "2581436790"]  # fmt: skip


def luhn(number: str) -> str:
    doubled = [int(digit) * (2 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(number))]
    return str(-sum(value - 9 if value > 9 else value for value in doubled) % 10)


def mod11(number: str) -> str:
    check = -sum(int(digit) * weight for weight, digit in enumerate(reversed(number), 2)) % 11
    return "X" if check == 10 else str(check)


def iso7064(number: str) -> str:
    product = 10
    for digit in number:
        total = (product + int(digit)) % 10 or 10
        product = total * 2 % 11
    return str((11 - product) % 10)


def damm(number: str) -> str:
    row = 0
    for digit in number:
        row = int(DAMM[row][int(digit)])
    return str(row)


def ean(number: str) -> str:
    return str(-sum(int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(number))) % 10)


TEXTBOOK = {"luhn": luhn, "mod11": mod11, "iso7064": iso7064, "damm": damm, "ean": ean}
CATCH_SWAPS = {"mod11", "damm", "verhoeff"}


@given(st.sampled_from(sorted(TEXTBOOK)), st.text("0123456789", min_size=7, max_size=7))
def test_check_digit_is_the_textbooks(method: str, number: str) -> None:
    right = TEXTBOOK[method](number)
    kept = [digit for digit in "0123456789" if CheckDigit(method).is_kept_by(number + digit)]
    assert kept == ([right] if right != "X" else [])


@given(st.sampled_from(sorted(METHODS)), st.text("0123456789", min_size=9, max_size=9), st.data())
def test_one_wrong_digit_is_caught(method: str, number: str, data: st.DataObject) -> None:
    number = {"ean": "4006" + number[:8], "isbn": "978" + number}.get(method, number)
    rule = CheckDigit(method)
    valid = [number + digit for digit in "0123456789" if rule.is_kept_by(number + digit)]
    assume(valid)  # modulus 11 has numbers without a check digit
    (right,) = valid
    place = data.draw(st.integers(0, len(right) - 1))
    wrong = data.draw(st.sampled_from("0123456789").filter(lambda digit: digit != right[place]))
    assert not rule.is_kept_by(right[:place] + wrong + right[place + 1 :])
    place = data.draw(st.integers(0, len(right) - 2))
    if method in CATCH_SWAPS and right[place] != right[place + 1]:
        assert not rule.is_kept_by(right[:place] + right[place + 1] + right[place] + right[place + 2 :])


# --- patterns and lists ----------------------------------------------------------------------------------------------


def test_no_pattern_takes_long() -> None:
    began = clock.monotonic()
    assert not Pattern("([0-9]+)+[0-9]*([0-9]+)*x").is_kept_by("1" * 5000)
    assert clock.monotonic() - began < 1


@pytest.mark.parametrize(
    ("pattern", "digits", "some"),
    [
        ("[0-9]{7}", 3, False),
        ("[0-9]{3}", 3, True),
        ("[A-Z][0-9]*", 8, False),
        ("1[0-9]{7}", 8, True),
        (".*", 20, True),
        ("", 3, False),
        (r"\C*", 8, True),  # of bytes, of which RE2 names no range
    ],
)
def test_pattern_that_nothing_can_match_is_known(pattern: str, digits: int, some: bool) -> None:
    assert matches_some(pattern, digits) is some


def test_nearest_entries_are_those_of_fewest_slips() -> None:
    listed = OneOf(("0412", "4120", "0499", "7777"))
    assert listed.nearest("0412") == ("0412",)
    assert listed.nearest("0142") == ("0412",)  # two digits in each other's place
    assert listed.nearest("412") == ("0412", "4120")  # one too few
    assert listed.nearest("04128") == ("0412",)  # one too many
    assert listed.nearest("0497") == ("0499",)
    assert listed.nearest("777") == ("7777",)
    assert listed.nearest("1357") == ()


def test_entries_near_long_values_are_looked_up_in_time() -> None:
    listed = OneOf(("0123456789" * 10,))
    began = clock.monotonic()
    assert listed.nearest("0123456789" * 9 + "012345678") == listed.entries
    assert listed.nearest("0" * 100) == ()
    assert clock.monotonic() - began < 1


def test_long_list_is_asked_at_once() -> None:
    listed = OneOf(tuple(f"{number:08}" for number in range(0, 2_000_000, 10)))
    began = clock.monotonic()
    for number in range(5000):
        assert listed.is_kept_by(f"{number:08}") == (number % 10 == 0)
    assert listed.nearest("00000011") != ()
    assert clock.monotonic() - began < 2


def test_word_is_suggested_where_it_fits() -> None:
    assert allowed_word(("AB",), "??", "?") == "AB"
    assert allowed_word(("AB", "N"), "??", "?") == "AB"
    assert allowed_word(("AB",), "?", "?") == "AB"  # a wide box
    for words, value in (((), "??"), (("AB",), "4?"), (("AB",), ""), (("AB", "NA"), "??"), (("AB",), "???")):
        assert allowed_word(words, value, "?") == ""


# --- what is broken --------------------------------------------------------------------------------------------------


def test_broken_rules_are_named_and_told() -> None:
    rules = (Least(Decimal(1)), Most(Decimal(31), "warning"), Pattern("[0-9]{2}"))
    assert [(one.key, one.words, one.severity) for one in broken_rules(rules, "032")] == [
        ("max", "at most 31", "warning"),
        ("pattern", "of the pattern [0-9]{2}", "error"),
    ]
    assert broken_rules(rules, "31") == ()


@pytest.mark.parametrize("value", ["", "?", "3?", "AB", ".", "٣"])
def test_nothing_is_said_of_what_was_not_read(value: str) -> None:
    assert broken_rules((Least(Decimal(99)), Date("DDMMYYYY")), value) == ()


def total(*, empty: Literal["zero", "unknown"] = "zero", missing: tuple[str, ...] = ()) -> Across:
    return Across("sum", (Term("a", missing=missing), Term("b")), "=", (Term("t"),), empty=empty)


@pytest.mark.parametrize(
    ("values", "zero", "unknown"),
    [
        ({"a": "3", "b": "04", "t": "7"}, True, True),
        ({"a": "3", "b": "4", "t": "8"}, False, False),
        ({"a": "3.5", "b": "4", "t": "7.50"}, True, True),
        ({"a": "3", "b": "", "t": "3"}, True, None),
        ({"a": "3", "b": "", "t": "7"}, False, None),
        ({"a": "3", "t": "3"}, True, None),
        ({"a": "", "b": "", "t": "7"}, None, None),
        ({"a": "", "b": "", "t": ""}, None, None),
        ({"a": "3", "b": "4", "t": ""}, None, None),
        ({"a": "3", "b": "?", "t": "7"}, None, None),
        ({"a": "3", "b": "4", "t": "?"}, None, None),
        ({"a": "99", "b": "4", "t": "7"}, None, None),
    ],
)
def test_sum_holds_or_not_or_cannot_be_said(values: dict[str, str], zero: bool | None, unknown: bool | None) -> None:
    assert total(missing=("99",)).is_kept_by(values) is zero
    assert total(empty="unknown", missing=("99",)).is_kept_by(values) is unknown
    assert (str(total()), total().fields) == ("a + b = t", ("a", "b", "t"))


@given(NUMBERS, NUMBERS, st.sampled_from(["<", "<=", "=", "!=", ">=", ">"]))
def test_comparison_is_that_of_the_numbers(left: str, right: str, sign: str) -> None:
    truth = {"<": int(left) < int(right), "=": int(left) == int(right), ">": int(left) > int(right)}
    truth |= {"<=": not truth[">"], ">=": not truth["<"], "!=": not truth["="]}
    check = Across("compare", (Term("a"),), sign, (Term("b"),))
    assert check.is_kept_by({"a": left, "b": right}) is truth[sign]
    assert check.is_kept_by({"a": "", "b": right}) is None
    assert Across("compare", (Term("a"),), sign, (), Decimal(right)).is_kept_by({"a": left}) is truth[sign]


def test_dates_are_compared_as_days() -> None:
    check = Across("compare", (Term("from", Date("DDMMYYYY")),), "<=", (Term("to", Date("YYYYMMDD")),))
    assert check.is_kept_by({"from": "31122023", "to": "20240101"}) is True
    assert check.is_kept_by({"from": "01022024", "to": "20240131"}) is False
    assert check.is_kept_by({"from": "31022024", "to": "20240131"}) is None  # no date: the field's own rule says so
    times = Across("compare", (Term("in", Date("HHMM")),), "<", (Term("out", Date("HHMM")),))
    assert times.is_kept_by({"in": "0930", "out": "1000"}) is True


def test_broken_check_is_said_of_each_of_its_fields() -> None:
    compare = Across("compare", (Term("a"),), "<=", (Term("b"),), severity="warning")
    broken = broken_checks([total(), compare], {"a": "5", "b": "4", "t": "7"})
    assert {name: [rule.key for rule in rules] for name, rules in broken.items()} == {
        "a": ["sum", "compare"],
        "b": ["sum", "compare"],
        "t": ["sum"],
    }
    assert (broken["b"][1].words, broken["b"][1].severity) == ("a <= b", "warning")
    assert broken_checks([total()], {"a": "3", "b": "4", "t": "7"}) == {}
