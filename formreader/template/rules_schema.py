"""The rules of a field as people write them: every mistake in them, and the rules that they make.

Imported by `template` alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from pathlib import PurePosixPath, PureWindowsPath
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, StrictInt
from pydantic import Field as Limits

from formreader.rules import (
    DATE_FORMATS,
    METHODS,
    Bound,
    CheckDigit,
    Date,
    Format,
    Least,
    Most,
    OneOf,
    OrMissing,
    Pattern,
    Rule,
    all_formats,
    example_lengths,
    format_named,
    matches_some,
    mistake_in,
    number_of,
)
from formreader.template.wording import did_you_mean, shown, some_of

LIST_ENDINGS: Final = (".csv", ".xlsx")
_STDNUM: Final = "stdnum:"
_RULES: Final = ("min", "max", "date", "pattern", "one_of", "check_digit", "format")

Length = Annotated[float, Limits(allow_inf_nan=False)]
Limit = StrictInt | Length | str | date | time
Code = StrictInt | str


class Table(BaseModel):
    """A table of the template: what it does not know it refuses."""

    model_config = ConfigDict(extra="forbid", strict=True)


class ListTable(Table):
    """``{file = "class.csv", column = "id"}``."""

    file: str
    column: str


class RuleKeys(Table):
    """The keys of ``[[field]]`` that say what its value must be."""

    min: Limit | None = None
    max: Limit | None = None
    pattern: str | None = None
    one_of: ListTable | list[Code] | None = None
    date: str | None = None
    check_digit: str | None = None
    format: str | None = None
    unique: bool = False
    missing: list[Code] = []
    allow: list[str] = []
    align: Literal["left", "right"] | None = None
    severity: Literal["error", "warning"] | None = None

    def entries(self) -> tuple[str, ...]:
        """Return the values that stand in the template itself."""
        return tuple(map(str, self.one_of)) if isinstance(self.one_of, list) else ()


@dataclass(frozen=True, slots=True)
class Room:
    """What a field has room for.

    Attributes
    ----------
    least, most
        Digits.
    right
        The least and the most digits right of the decimal point; (0, 0) where it holds none.
    is_wide
        One box for all digits.
    """

    least: int
    most: int
    right: tuple[int, int] = (0, 0)
    is_wide: bool = False

    def __str__(self) -> str:
        return f"{self.most} {'digit' if self.is_wide else 'box'}{'' if self.most == 1 else self.plural}"

    @property
    def plural(self) -> str:
        """The ending of its noun."""
        return "s" if self.is_wide else "es"

    def has_for(self, value: str) -> bool:
        """Say whether a value fits."""
        digits, right = sum(map(str.isdecimal, value)), len(value.partition(".")[2])
        return self.least <= digits <= self.most and (not right or self.right[0] <= right <= self.right[1])


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
    if keys.severity is not None and all(getattr(keys, key) is None for key in _RULES):
        yield "'severity' says how serious it is to break a rule, but the field has none"


def rules_of(keys: RuleKeys, entries: tuple[str, ...]) -> tuple[Rule, ...]:
    """Make the rules of a field without mistakes.

    Parameters
    ----------
    entries
        Of the list that the value must be one of.
    """
    severity = keys.severity or "error"
    rules: list[Rule] = []
    if keys.date is not None:
        rules.append(Date(keys.date, _bound(keys.min, keys.date), _bound(keys.max, keys.date), severity))
    else:
        rules += [Least(Decimal(str(keys.min)), severity)] if keys.min is not None else []
        rules += [Most(Decimal(str(keys.max)), severity)] if keys.max is not None else []
    rules += [Pattern(keys.pattern, severity)] if keys.pattern is not None else []
    rules += [OneOf(tuple(dict.fromkeys(entries)), severity)] if keys.one_of is not None else []
    rules += [CheckDigit(keys.check_digit, severity)] if keys.check_digit is not None else []
    rules += [Format(keys.format.removeprefix(_STDNUM), severity)] if keys.format is not None else []
    codes = tuple(map(str, keys.missing))
    return tuple(OrMissing(rule, codes) for rule in rules) if codes else tuple(rules)


def date_of(keys: RuleKeys) -> Date | None:
    """Give how a field's value is a date; None for a number. A range with mistakes is left out."""
    if keys.date is None:
        return None
    try:
        return Date(keys.date, _bound(keys.min, keys.date), _bound(keys.max, keys.date))
    except ValueError:
        return Date(keys.date)


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
            bounds.append(_bound(limit, form))
        except ValueError:
            what = 'a time, as "08:30"' if form == "HHMM" else 'a day, as "2024-12-31", or "today"'
            yield f"'{key}' of a '{form}' is {what}, not {shown(limit)}"
    days = [date.today() if bound == "today" else bound for bound in bounds if bound is not None]
    if len(days) == 2 and days[0] > days[1]:  # type: ignore[operator] # both are days, or both times
        yield f"'min' is later than 'max': {bounds[0]} and {bounds[1]}"


def _bound(limit: Limit | None, form: str) -> Bound:
    """Read an end of a range of dates or times; raises `ValueError` where it is none."""
    if limit is None:
        return None
    if limit == "today" and form != "HHMM":
        return "today"
    if form == "HHMM":
        told = time.fromisoformat(limit) if isinstance(limit, str) else limit
        if not isinstance(told, time) or told.tzinfo is not None:
            raise ValueError(limit)
        return told
    if form == "YYYY" and isinstance(limit, int):
        return date(limit, 1, 1)
    day = date.fromisoformat(limit) if isinstance(limit, str) else limit
    if not isinstance(day, date):
        raise ValueError(limit)
    return day


def _pattern_problems(pattern: str, room: Room) -> Iterator[str]:
    mistake = mistake_in(pattern)
    if mistake:
        yield f"'pattern' cannot be used ({mistake}): {shown(pattern)}; for what can, see RE2's syntax"
    elif room.right == (0, 0) and not matches_some(pattern, room.most):
        yield f"'pattern' matches no value of {room}: {shown(pattern)}"


def file_problems(listed: ListTable) -> Iterator[str]:
    """Give what keeps a file from being looked for."""
    parts = {*PurePosixPath(listed.file).parts, *PureWindowsPath(listed.file).parts}
    absolute = PurePosixPath(listed.file).is_absolute() or PureWindowsPath(listed.file).anchor
    if not listed.file or "\0" in listed.file or absolute or ".." in parts:
        yield f"'one_of' should name a file in the template's folder, not {shown(listed.file)}"
    elif PurePosixPath(listed.file).suffix.lower() not in LIST_ENDINGS:
        yield f"'one_of' should name a file ending in {' or '.join(LIST_ENDINGS)}, not {shown(listed.file)}"


def value_problems(key: str, values: Sequence[str], room: Room) -> Iterator[str]:
    """Give the mistakes in values that a field is said to hold."""
    if not values:
        yield f"'{key}' is empty"
    twice = sorted({value for value in values if values.count(value) > 1}) if len(values) <= 1000 else []
    if twice:
        yield f"'{key}' has twice: {some_of(twice)}"
    wrong = [value for value in values if number_of(value) is None or (value.count(".") and room.right == (0, 0))]
    if wrong:
        yield f"'{key}' has what is not digits alone and so cannot be read: {some_of(wrong)}"
    unfit = [value for value in values if value not in set(wrong) and not room.has_for(value)]
    if unfit:
        yield f"'{key}' has what does not fit {room}: {some_of(unfit)}"


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


def _method_problems(name: str, room: Room) -> Iterator[str]:
    if name not in METHODS:
        yield f"'check_digit' should be one of {', '.join(METHODS)}, not {shown(name)}{did_you_mean(name, METHODS)}"
    else:
        yield from _unfit("check_digit", METHODS[name].lengths, room)


def _format_problems(text: str, room: Room) -> Iterator[str]:
    name = text.removeprefix(_STDNUM)
    if not text.startswith(_STDNUM) or format_named(name) is None:
        hint = did_you_mean(name, all_formats()).replace("'", f"'{_STDNUM}", 1)
        yield f"'format' should be \"{_STDNUM}\" and a format's name in python-stdnum, not {shown(text)}{hint}"
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
