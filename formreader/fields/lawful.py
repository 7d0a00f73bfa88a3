"""How rules decide: they flag values that break them, and settle values of which the digits alone are unsure.

Rules never go against the digits. A box that was accepted keeps its digit, whatever a rule asks for; what a person
wrote wrongly stays as written, flagged. A value is settled only where nothing but the classifier's confidence speaks
against it, and only if it is very probable given all rules.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from formreader.fields.joining import Written
from formreader.fields.params import FieldParams
from formreader.fields.weighing import error_rules, weigh
from formreader.rules import Check, OneOf, allowed_word, broken_checks, broken_rules, plain
from formreader.values import UNREAD, BrokenRule, FieldReading, Reason

_UNSURE: Final = ("low_confidence",)


@dataclass(frozen=True, slots=True)
class _Settled:
    value: str
    confidence: float


def under_rules(written: Sequence[Written], checks: Sequence[Check], params: FieldParams) -> tuple[FieldReading, ...]:
    """Give each field's reading under its rules and the checks that it takes part in.

    Parameters
    ----------
    written
        What the boxes of every field of a page say by themselves.
    checks
        What their values must be together.
    """
    by_name = {one.field.name: one for one in written}
    settled = _settle(by_name, [check for check in checks if check.severity == "error"], params)
    values = {name: settled[name].value if name in settled else one.value for name, one in by_name.items()}
    across = broken_checks(checks, values)
    broken = {name: broken_rules(one.field.rules, values[name]) + across.get(name, ()) for name, one in by_name.items()}
    troubled = {name for name, some in broken.items() if any(one.severity == "error" for one in some)}
    suggested, blameless = _explain(by_name, checks, troubled, values, params)
    troubled -= blameless

    def reading(one: Written) -> FieldReading:
        name = one.field.name
        reasons: tuple[Reason, ...] = () if name in settled else one.reasons
        return FieldReading(
            name,
            values[name],
            settled[name].confidence if name in settled else one.confidence,
            (*reasons, "rule") if name in troubled else reasons,
            broken[name],
            suggested.get(name) or _nearest(one, values[name], broken[name]),
            name in settled,
        )

    return tuple(map(reading, written))


def _settle(fields: Mapping[str, Written], checks: Sequence[Check], params: FieldParams) -> dict[str, _Settled]:
    """Decide fields of which only the classifier's confidence is in doubt; those of a group by their joint values."""
    values = {name: one.value for name, one in fields.items()}
    clear = {name for name, one in fields.items() if _is_clear(one)}
    usable = [check for check in checks if clear.issuperset(check.fields) and check.is_kept_by(values) is not None]
    unsure = {name for name in clear if fields[name].reasons}
    settled: dict[str, _Settled] = {}
    for members, joining in _groups(unsure, usable):
        group = [fields[name] for name in members]
        if joining or any(map(error_rules, group)):
            settled |= _settled_of(group, joining, params)
    return _consistent(settled, values, usable)


def _is_clear(one: Written) -> bool:
    """Say whether nothing but confidence may speak against a field: each of its boxes holds one digit."""
    if not one.reasons:
        return True
    # A wide box's digits depend on where it was cut, and a value's length on what is a filler: neither do their
    # probabilities say.
    boxes = [box for box in one.boxes if box is not None and box.digit is not None and box.reason in ("", *_UNSURE)]
    is_known = one.field.length == (1, 1) and one.is_whole
    return one.reasons == _UNSURE and is_known and len(boxes) == len(one.value) > 0


def _settled_of(group: Sequence[Written], checks: Sequence[Check], params: FieldParams) -> dict[str, _Settled]:
    """Settle the fields of a group with their part of the likeliest lawful values, where nothing speaks against it."""
    weighed = weigh(group, checks, params)
    best = weighed.best
    if not best or not all(_keeps_the_sure(one, best[one.field.name]) for one in group):
        return {}
    if not all(check.is_kept_by(best) for check in checks):  # a code for a missing value: the check cannot be asked
        return {}
    settled = {}
    for one in group:
        value = best[one.field.name]
        share = weighed.share(one.field.name, value)
        by_itself = value == one.value or not any(rule.only_exact for rule in error_rules(one))
        if one.reasons and by_itself and share >= params.settled_at:
            settled[one.field.name] = _Settled(value, share)
    return settled


def _keeps_the_sure(one: Written, value: str) -> bool:
    """Say whether a value has the accepted digits where they are; a field that is not unsure stays as it is."""
    if not one.reasons:
        return value == one.value
    boxes = zip(one.boxes, value, strict=True)
    return all(box is None or box.reason != "" or box.digit == digit for box, digit in boxes)


def _consistent(
    settled: dict[str, _Settled], values: Mapping[str, str], checks: Sequence[Check]
) -> dict[str, _Settled]:
    """Leave out what does not fit the fields beside it, of which some were not settled."""
    while True:
        now = {**values, **{name: one.value for name, one in settled.items()}}
        misfits = {name for check in checks if check.is_kept_by(now) is False for name in check.fields}
        if not misfits & settled.keys():
            return settled
        settled = {name: one for name, one in settled.items() if name not in misfits}


def _groups(linking: Collection[str], checks: Sequence[Check]) -> Iterable[tuple[list[str], list[Check]]]:
    """Part fields into groups that checks join; only `linking` ones join two checks, others take part in each."""
    left, unused = sorted(linking), list(checks)
    while left:
        members, joining = {left.pop(0): None}, list[Check]()
        while found := [check for check in unused if any(n in linking and n in members for n in check.fields)]:
            joining += found
            unused = [check for check in unused if check not in found]
            members |= {name: None for check in found for name in check.fields}
        left = [name for name in left if name not in members]
        yield list(members), joining


def _explain(
    fields: Mapping[str, Written],
    checks: Sequence[Check],
    troubled: Collection[str],
    values: Mapping[str, str],
    params: FieldParams,
) -> tuple[dict[str, str], set[str]]:
    """Find what fields that break a rule or could not be read may say, and which have no part in a broken check.

    Returns
    -------
    suggested
        By field, the lawful value that stands out, where one does.
    blameless
        Accepted fields of a broken check that are right whether the writer erred or the unsure digits beside them are
        others than they seem.
    """
    wanting = {name for name, value in values.items() if name in troubled or UNREAD in value}
    errors = [check for check in checks if check.severity == "error"]
    suggested, blameless = dict[str, str](), set[str]()
    for members, joining in _groups(wanting, errors):
        group = [fields[name] for name in members]
        if not joining and not any(map(error_rules, group)):
            continue
        weighed = weigh(group, joining, params)
        for name, value in weighed.best.items():
            stands_out = weighed.share(name, value) > params.suggested_at * weighed.of_lawful()
            if name in wanting and value != values[name] and stands_out:
                suggested[name] = value
        sure = {one.field.name for one in group if not one.reasons and not _breaks_its_own(one)}
        broken = [check for check in joining if check.is_kept_by(values) is False]
        to_blame = {name for check in broken if sure.issuperset(check.fields) for name in check.fields}
        blameless |= {name for name in sure - to_blame if weighed.share_at_all(name, values[name]) >= params.settled_at}
    return suggested, blameless


def _nearest(one: Written, value: str, broken: Sequence[BrokenRule]) -> str:
    """Give the word that may stand in a field's boxes, or the entry of its list that a slip of the pen made of it."""
    if not broken:
        return allowed_word(one.field.allow, value, UNREAD)
    lists = [rule for rule in map(plain, error_rules(one)) if isinstance(rule, OneOf)]
    found = [entry for rule in lists if not rule.is_kept_by(value) for entry in rule.nearest(value)]
    return found[0] if len(found) == 1 and not broken_rules(one.field.rules, found[0]) else ""


def _breaks_its_own(one: Written) -> bool:
    return any(rule.severity == "error" for rule in broken_rules(one.field.rules, one.value))
