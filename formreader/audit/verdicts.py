"""What the keys of a field say of its reading.

A key that is the reading makes it right. One that differs says nothing yet, as people err more often than the program
is to: another person keys the field, who sees neither. If that key is the reading, the first was a keying error; if it
is the first key again, the reading is wrong. Where all differ, or nobody could read it, the field is undecided until
one more person has looked at it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

import numpy as np

from formreader.store import AuditedField, Key
from formreader.values import POINT, UNREAD

State = Literal["right", "wrong", "differs", "undecided", "open"]
"""``differs``: waits for a second person; ``open``: was not keyed yet."""


class Verdict(NamedTuple):
    """What is known of a field's reading.

    Attributes
    ----------
    value
        What is written there, as two people keyed it; empty unless the reading is wrong.
    first
        The key of the person who keyed it first; None where nobody did.
    others
        The last key of each other person.
    erred
        The first person keyed what is not there, as others say.
    """

    state: State
    value: str = ""
    first: Key | None = None
    others: tuple[Key, ...] = ()
    erred: bool = False


def verdict_on(field: AuditedField, keys: Sequence[Key]) -> Verdict:
    """Judge a reading by all that was keyed of it, in the order in which it was keyed."""
    first = next((key for key in reversed(keys) if key.look == 1), None)
    if first is None:
        return Verdict("open")
    last = {name_of(key.who): key for key in keys if key.look == 2}
    others = tuple(last.values())
    if is_reading(first.key, field):
        return Verdict("right", "", first, others)
    if any(is_reading(key.key, field) for key in others):
        return Verdict("right", "", first, others, erred=not is_unread(first.key, field))
    if not others:
        return Verdict("differs", "", first)
    said = [key.key for key in (first, *others) if not is_unread(key.key, field)]
    agreed = next((key for key in said if said.count(key) > 1), None)
    if agreed is None:
        return Verdict("undecided", "", first, others)
    erred = agreed != first.key and not is_unread(first.key, field)
    return Verdict("wrong", agreed, first, others, erred=erred)


def verdicts_on(fields: Sequence[AuditedField], keys: Iterable[Key]) -> list[Verdict]:
    """Judge all readings of an audit."""
    by_number: dict[int, list[Key]] = {field.number: [] for field in fields}
    for key in keys:
        by_number[key.number].append(key)
    return [verdict_on(field, by_number[field.number]) for field in fields]


def to_look_at_again(
    fields: Sequence[AuditedField], verdicts: Sequence[Verdict], seed: int, decoys: int = 20
) -> list[AuditedField]:
    """Give the fields that another person must key, hidden among as many that were keyed as read.

    Parameters
    ----------
    decoys
        At least so many of these, where there are.
    """
    judged = list(zip(fields, verdicts, strict=True))
    doubtful = [field for field, verdict in judged if verdict.state in ("differs", "undecided")]
    others = [field for field, verdict in judged if verdict.state == "right" and not verdict.others]
    rng = np.random.default_rng([seed, len(doubtful)])
    count = min(len(others), max(decoys, len(doubtful))) if doubtful else 0
    chosen = [others[place] for place in rng.choice(len(others), count, replace=False)] if count else []
    return sorted((*doubtful, *chosen), key=lambda field: field.number)


def is_unread(key: str, field: AuditedField) -> bool:
    """Say whether a key tells that something there cannot be read."""
    return key == UNREAD if field.options else UNREAD in key


def is_reading(key: str, field: AuditedField) -> bool:
    """Say whether a key is what was read."""
    return key in (field.value, field.as_written)


def corrected(key: str, field: AuditedField) -> str | None:
    """Give the value that a key says a field has; None where its printed point cannot be put in its place."""
    if field.options or POINT not in field.value or POINT in field.as_written or POINT in key or not key:
        return key
    if len(key) != len(field.as_written):
        return None
    at = field.value.index(POINT)
    return f"{key[:at]}{POINT}{key[at:]}"


def name_of(who: str) -> str:
    """Give a person's name as it is compared: whatever its case and spaces."""
    return " ".join(who.casefold().split())
