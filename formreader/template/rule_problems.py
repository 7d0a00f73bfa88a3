"""Every mistake in the rules of a field, as people write them.

Imported by `template` alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from pathlib import PurePosixPath, PureWindowsPath
from typing import Final

from formreader.rules import (
    DATE_FORMATS,
    METHODS,
    all_formats,
    example_lengths,
    format_named,
    matches_some,
    mistake_in,
    number_of,
)
from formreader.template.rules_schema import STDNUM, ListTable, Room, RuleKeys, bound_of
from formreader.template.wording import did_you_mean, shown, some_of

_LIST_ENDINGS: Final = (".csv", ".xlsx")
_RULES: Final = ("min", "max", "date", "pattern", "one_of", "check_digit", "format")


def rule_problems(keys: RuleKeys, room: Room) -> Iterator[str]:
    """Give the mistakes in a field's rules, but for those in a list that lies in a file."""
    yield from _limit_problems(keys, room)
    if keys.pattern is not None:
        yield from _pattern_problems(keys.pattern, room)
    if isinstance(keys.one_of, ListTable):
        yield from file_problems(keys.one_of)
    elif keys.one_of is not None:
        yield from value_problems("one_of", keys.entries(), room)
    yield from _length_problems(keys, room)
    if keys.missing:
        yield from value_problems("missing", [str(code) for code in keys.missing], room)
    for word in keys.allow:
        if not word.strip() or not word.isprintable() or word.isdecimal():
            yield f"'allow' names words and marks, such as \"AB\"; a code of digits belongs to 'missing': {shown(word)}"
        elif not room.is_wide and len(word) > room.most:
            yield f"'allow' has {shown(word)}, for which {room} are too few"
    if keys.align is not None and (room.is_wide or room.most == 1):
        yield "'align' belongs to several 'boxes': it says on which side they may stay blank"
    yield from _severity_problems(keys)


def rule_problems_of_text(keys: RuleKeys) -> Iterator[str]:
    """Give the mistakes in the rules of a field that a person keys, but for those in a list that lies in a file."""
    if keys.pattern is not None:
        yield from _mistakes_in_pattern(keys.pattern)
    if isinstance(keys.one_of, ListTable):
        yield from file_problems(keys.one_of)
    elif keys.one_of is not None:
        yield from text_problems("one_of", keys.entries())
    yield from _severity_problems(keys)


def _severity_problems(keys: RuleKeys) -> Iterator[str]:
    if keys.severity is not None and all(getattr(keys, key) is None for key in _RULES):
        yield "'severity' says how serious it is to break a rule, but the field has none"


def _limit_problems(keys: RuleKeys, room: Room) -> Iterator[str]:
    if keys.date is not None:
        yield from _range_problems(keys, keys.date)
        return
    limits = {}
    for key, limit in (("min", keys.min), ("max", keys.max)):
        if isinstance(limit, int | float):
            limits[key] = Decimal(str(limit))
        elif limit is not None:
            yield f"'{key}' is a number, or of a 'date' a day, not {shown(limit)}"
    if len(limits) == 2 and limits["min"] > limits["max"]:
        yield f"'min' is more than 'max': {limits['min']} and {limits['max']}"
    whole = max(room.most - room.right[0], 0)
    if "min" in limits and limits["min"] >= 10**whole:
        yield f"'min' is {limits['min']}, which is more than {room} can hold"
    if "max" in limits and limits["max"] < 0:
        yield f"'max' is {limits['max']}, but no value is less than 0"


def _range_problems(keys: RuleKeys, form: str) -> Iterator[str]:
    if form not in DATE_FORMATS:
        yield f"'date' should be one of {', '.join(DATE_FORMATS)}, not {shown(form)}"
        return
    bounds = []
    for key, limit in (("min", keys.min), ("max", keys.max)):
        try:
            bounds.append(bound_of(limit, form))
        except ValueError:
            what = 'a time, as "08:30"' if form == "HHMM" else 'a day, as "2024-12-31", or "today"'
            yield f"'{key}' of a '{form}' is {what}, not {shown(limit)}"
    days = [date.today() if bound == "today" else bound for bound in bounds if bound is not None]
    if len(days) == 2 and days[0] > days[1]:  # type: ignore[operator] # both are days, or both times
        yield f"'min' is later than 'max': {bounds[0]} and {bounds[1]}"


def _pattern_problems(pattern: str, room: Room) -> Iterator[str]:
    mistakes = list(_mistakes_in_pattern(pattern))
    yield from mistakes
    if not mistakes and room.right == (0, 0) and not matches_some(pattern, room.most):
        yield f"'pattern' matches no value of {room}: {shown(pattern)}"


def _mistakes_in_pattern(pattern: str) -> Iterator[str]:
    mistake = mistake_in(pattern)
    if not pattern.isprintable():
        yield f"'pattern' holds a sign that cannot be shown: {shown(pattern)}"
    elif mistake:
        yield f"'pattern' cannot be used ({mistake}): {shown(pattern)}; for what can, see RE2's syntax"


def file_problems(listed: ListTable) -> Iterator[str]:
    """Give what keeps a file from being looked for."""
    parts = {*PurePosixPath(listed.file).parts, *PureWindowsPath(listed.file).parts}
    absolute = PurePosixPath(listed.file).is_absolute() or PureWindowsPath(listed.file).anchor
    if not listed.file or "\0" in listed.file or absolute or ".." in parts:
        yield f"'one_of' should name a file in the template's folder, not {shown(listed.file)}"
    elif PurePosixPath(listed.file).suffix.lower() not in _LIST_ENDINGS:
        yield f"'one_of' should name a file ending in {' or '.join(_LIST_ENDINGS)}, not {shown(listed.file)}"


def value_problems(key: str, values: Sequence[str], room: Room) -> Iterator[str]:
    """Give the mistakes in values that a field of digits is said to hold."""
    yield from _listing_problems(key, values)
    wrong = [value for value in values if number_of(value) is None or (value.count(".") and room.right == (0, 0))]
    if wrong:
        yield f"'{key}' has what is not digits alone and so cannot be read: {some_of(wrong)}"
    unfit = [value for value in values if value not in set(wrong) and not room.has_for(value)]
    if unfit:
        point = f", {room.right[0]} right of the point" if room.right[0] else ""
        yield f"'{key}' has what does not fit {room}{point}: {some_of(unfit)}"


def text_problems(key: str, values: Sequence[str]) -> Iterator[str]:
    """Give the mistakes in values that a field is said to hold which a person keys."""
    yield from _listing_problems(key, values)
    wrong = [value for value in values if not value or not value.isprintable() or value != value.strip()]
    if wrong:
        yield f"'{key}' has what nobody can key, or with spaces around it: {some_of(wrong)}"


def _listing_problems(key: str, values: Sequence[str]) -> Iterator[str]:
    if not values:
        yield f"'{key}' is empty"
    twice = sorted({value for value in values if values.count(value) > 1}) if len(values) <= 1000 else []
    if twice:
        yield f"'{key}' has twice: {some_of(twice)}"


def _length_problems(keys: RuleKeys, room: Room) -> Iterator[str]:
    """Give the mistakes in what has its own number of digits."""
    if keys.date in DATE_FORMATS:
        fits = room.least <= len(keys.date) <= room.most if room.is_wide else room.most == len(keys.date)
        yield from [] if fits else [f"'date' {keys.date} has {len(keys.date)} digits, the field {room}"]
    if keys.check_digit is not None:
        yield from _method_problems(keys.check_digit, room)
    if keys.format is not None:
        yield from _format_problems(keys.format, room)
    if room.right != (0, 0):
        for key in ("date", "check_digit", "format"):
            if getattr(keys, key) is not None:
                yield f"'{key}' is of whole numbers; leave 'decimals' out"


def method_problems(name: str) -> Iterator[str]:
    """Give what is wrong with the name of a check digit."""
    if name not in METHODS:
        yield f"'check_digit' should be one of {', '.join(METHODS)}, not {shown(name)}{did_you_mean(name, METHODS)}"


def _method_problems(name: str, room: Room) -> Iterator[str]:
    yield from method_problems(name)
    if name in METHODS:
        yield from _unfit("check_digit", METHODS[name].lengths, room)


def _format_problems(text: str, room: Room) -> Iterator[str]:
    name = text.removeprefix(STDNUM)
    if not text.startswith(STDNUM) or format_named(name) is None:
        hint = did_you_mean(name, all_formats()).replace("'", f"'{STDNUM}", 1)
        yield f"'format' should be \"{STDNUM}\" and a format's name in python-stdnum, not {shown(text)}{hint}"
        return
    lengths = example_lengths(name)
    if lengths == frozenset():
        yield f"'format' {name} has letters, which cannot be read"
    elif lengths:
        yield from _unfit("format", lengths, room)


def _unfit(key: str, lengths: Iterable[int], room: Room) -> Iterator[str]:
    lengths = sorted(lengths)
    if not any(room.least <= length <= room.most for length in lengths):
        joined = f"{lengths[0]} to {lengths[-1]}" if len(lengths) > 4 else " or ".join(map(str, lengths))
        yield f"'{key}' is of {joined} digits, the field has {room}"
