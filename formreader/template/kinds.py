"""What can be said of a field that holds no digits, and every mistake in it.

Imported by `template`, and of `printing` for what it asks of options too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from formreader.template.rule_problems import method_problems, rule_problems_of_text
from formreader.template.rules_schema import RuleKeys
from formreader.template.wording import shown, some_of
from formreader.values import SEVERAL, UNREAD, FieldKind

KEYS_OF_CHOICES: Final = frozenset({"options", "many"})
_ANY: Final = frozenset({"name", "kind", "page", "required"})
_OF_TEXT: Final = frozenset({"one_of", "pattern", "unique", "severity"})
_KEYS: Final = {
    "key": _ANY | _OF_TEXT | {"box", "boxes"},
    "choice": _ANY | KEYS_OF_CHOICES | {"boxes"},
    "barcode": _ANY | _OF_TEXT | {"box", "check_digit"},
    "image": _ANY | {"box", "boxes"},
}
"""The keys that go with each kind; all others are about digits."""
_WHY: Final = {
    "key": ", of which no digit is read",
    "choice": ", of which no digit is read",
    "barcode": ", whose text is printed",
    "image": ", of which nothing is read",
}
_LONGEST_OPTION: Final = 100
_MEAN: Final = {UNREAD: "stands for what cannot be read", "_": "stands for nothing written"}
"""What people say of a field with one sign."""


def kind_problems(kind: FieldKind, keys: RuleKeys, options: Sequence[str], boxes: int) -> Iterator[str]:
    """Give the mistakes in what is said of a field that holds no digits, but for those in its place.

    Parameters
    ----------
    options, boxes
        Of a choice: what its boxes stand for, and how many there are.
    """
    for key in sorted(keys.model_fields_set - _KEYS[kind]):
        yield f"'{key}' does not go with kind \"{kind}\"{_WHY[kind]}; leave it out"
    if kind == "choice":
        yield from option_problems(options, boxes)
    elif kind in ("key", "barcode"):
        yield from rule_problems_of_text(keys)
    if kind == "barcode" and keys.check_digit is not None:
        yield from method_problems(keys.check_digit)


def option_problems(options: Sequence[str], boxes: int) -> Iterator[str]:
    """Give the mistakes in what a choice's boxes stand for; where nobody knows yet how many there are, 0 are given."""
    if boxes and len(options) != boxes:
        yield f"'options' should be as many as 'boxes': {len(options)} and {boxes}"
    wrong = [one for one in options if not one or not one.isprintable() or one != one.strip()]
    if wrong:
        yield f"'options' has what nobody can key, or with spaces around it: {some_of(wrong)}"
    for one in options:
        if SEVERAL in one:
            yield f"'options' has {shown(one)}; '{SEVERAL}' stands between several marked options"
        elif one in _MEAN:
            yield f"'options' has {shown(one)}; '{one}' {_MEAN[one]}"
        elif len(one) > _LONGEST_OPTION:
            yield f"'options' has {shown(one)}, which is longer than {_LONGEST_OPTION} characters"
    twice = sorted({one for one in options if options.count(one) > 1})
    if twice:
        yield f"'options' has twice: {some_of(twice)}"
