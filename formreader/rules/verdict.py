"""Say which rules a value breaks, and which checks the values of a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from formreader.rules.kinds import Check, Rule
from formreader.values import POINT, BrokenRule, FieldKind


def broken_rules(rules: Sequence[Rule], value: str, kind: FieldKind = "digits") -> tuple[BrokenRule, ...]:
    """Give the rules of a field that its value breaks, whether it was read or a person typed it.

    Parameters
    ----------
    value
        Of a field of digits: digits and `POINT`; of anything else (a box that could not be read, a word that a person
        typed) no rule is asked. Of one that is keyed: any text. Nothing is asked of an empty value.
    kind
        Of the field.
    """
    if not value or (kind == "digits" and not is_read(value)):
        return ()
    return tuple(BrokenRule(rule.key, str(rule), rule.severity) for rule in rules if not rule.is_kept_by(value))


def broken_checks(checks: Sequence[Check], values: Mapping[str, str]) -> dict[str, tuple[BrokenRule, ...]]:
    """Give the checks that the values of a page break, by the name of each field that has a part in one.

    Parameters
    ----------
    values
        Of all fields of the page, by name.
    """
    broken: dict[str, tuple[BrokenRule, ...]] = {}
    for check in checks:
        if check.is_kept_by(values) is False:
            rule = BrokenRule(check.key, str(check), check.severity)
            for name in dict.fromkeys(check.fields):
                broken[name] = (*broken.get(name, ()), rule)
    return broken


def is_read(value: str) -> bool:
    """Say whether a value is digits, with a `POINT` or without: something was written, and all of it could be read."""
    digits = value.replace(POINT, "")
    return digits.isascii() and digits.isdecimal()
