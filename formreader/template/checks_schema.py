"""Checks across fields as people write them: every mistake in them, and the checks that they make.

Imported by `template` alone.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Annotated, Final, Literal

from pydantic import Field as Limits
from pydantic import StrictInt

from formreader.rules import SIGNS, Across, Date, Term, number_of
from formreader.template.rules_schema import Length, RuleKeys, Table, date_of
from formreader.template.wording import did_you_mean, shown, some_of

ROW: Final = "{row}"
"""Stands in the names of fields for what the rows of a table have in common."""

MANY: Final = "*"
"""Stands in the name of several fields that are added for whatever is there."""

_SIGN: Final = re.compile("(" + "|".join(("==", *SIGNS)) + ")")


class CheckTable(Table):
    """``[[check]]``."""

    sum: Annotated[list[str], Limits(min_length=1)] | None = None
    equals: str | StrictInt | Length | None = None
    compare: str | None = None
    empty: Literal["zero", "unknown"] = "zero"
    severity: Literal["error", "warning"] = "error"


@dataclass(frozen=True, slots=True)
class _Sides:
    """A check before its names are looked up."""

    left: tuple[str, ...]
    sign: str
    right: tuple[str, ...]
    constant: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """A field as checks see it."""

    as_date: Date | None
    missing: tuple[str, ...]


def known_fields(fields: Mapping[str, RuleKeys]) -> dict[str, Known]:
    """Give what checks must know of the fields."""
    return {name: Known(date_of(keys), tuple(map(str, keys.missing))) for name, keys in fields.items()}


def checks_of(table: CheckTable, fields: Mapping[str, Known]) -> tuple[list[Across], list[str]]:
    """Make the checks that a table asks for, one or one a row.

    Returns
    -------
    checks, problems
        The checks are complete where there are no problems.
    """
    sides = _sides(table, fields)
    if isinstance(sides, str):
        return [], [sides]
    expanded, problems = _by_row(sides, fields)
    checks = []
    for row in expanded:
        found = _with_many(row, fields)
        wrong = list(_problems(found, fields))
        problems += wrong
        if not wrong:
            checks.append(_check(found, table, fields))
    return checks, list(dict.fromkeys(problems))


def _sides(table: CheckTable, fields: Mapping[str, Known]) -> _Sides | str:
    """Give a table's two sides, or what is wrong with it."""
    if (table.sum is None) == (table.compare is None):
        return "give either 'sum' with 'equals', or 'compare', such as \"first <= last\""
    if table.sum is not None:
        if table.equals is None:
            return "'sum' needs 'equals': the field or number that the sum should be"
        if isinstance(table.equals, str):
            return _Sides(tuple(table.sum), "=", (table.equals,))
        return _Sides(tuple(table.sum), "=", (), Decimal(str(table.equals)))
    if table.equals is not None:
        return "'equals' belongs to 'sum'; in 'compare' write = between the fields"
    left, *rest = _SIGN.split(table.compare or "")
    if len(rest) != 2 or not left.strip() or not rest[1].strip():
        return (
            f"'compare' should be such as \"first <= last\", with one of {' '.join(SIGNS)}, not {shown(table.compare)}"
        )
    sign, right = rest[0].replace("==", "="), _names(rest[1])
    if len(right) == 1 and right[0] not in fields and number_of(right[0]) is not None:
        return _Sides(_names(left), sign, (), Decimal(right[0]))
    return _Sides(_names(left), sign, right)


def _names(side: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in side.split("+"))


def _by_row(sides: _Sides, fields: Mapping[str, Known]) -> tuple[list[_Sides], list[str]]:
    """Put each row of a table in place of `ROW`: all for which the right side's field is there, or else the left's."""
    leading = [name for name in (*sides.right, *sides.left) if ROW in name]
    if not leading:
        return [sides], []
    pattern = re.compile("(.+)".join(map(re.escape, leading[0].split(ROW, 1))))
    rows = [found[1] for name in fields if (found := pattern.fullmatch(name))]
    if not rows:
        return [], [f"no field is named as '{leading[0]}' has it"]

    def of_row(names: Sequence[str], row: str) -> tuple[str, ...]:
        return tuple(name.replace(ROW, row) for name in names)

    return [replace(sides, left=of_row(sides.left, row), right=of_row(sides.right, row)) for row in rows], []


def _with_many(sides: _Sides, fields: Mapping[str, Known]) -> _Sides:
    """Put all fields that are named so in place of a name with `MANY`."""

    def found(name: str) -> list[str]:
        pattern = re.compile(".*".join(map(re.escape, name.split(MANY))))
        return [field for field in fields if pattern.fullmatch(field)] if MANY in name else []

    left, right = (tuple(one for name in side for one in (found(name) or [name])) for side in (sides.left, sides.right))
    return replace(sides, left=left, right=right)


def _problems(sides: _Sides, fields: Mapping[str, Known]) -> Iterator[str]:
    names = (*sides.left, *sides.right)
    unknown = [name for name in names if name not in fields]
    for name in unknown:
        yield f"'{name}' is no field{did_you_mean(name, fields)}"
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        yield f"names twice: {some_of(twice)}"
    if unknown:
        return
    dates = [date.form for name in names if (date := fields[name].as_date)]
    if dates and (len(names) != 2 or len(dates) != 2):
        yield f"a date can only be compared with another, not added or held against a number: {some_of(names)}"
    elif dates and {*dates[0]} != {*dates[1]}:
        yield f"dates as {dates[0]} and {dates[1]} cannot be compared"


def _check(sides: _Sides, table: CheckTable, fields: Mapping[str, Known]) -> Across:
    left, right = (
        tuple(Term(name, fields[name].as_date, fields[name].missing) for name in side)
        for side in (sides.left, sides.right)
    )
    key: Literal["sum", "compare"] = "sum" if table.sum is not None else "compare"
    return Across(key, left, sides.sign, right, sides.constant, table.empty, table.severity)
