"""What an audit has found: how many are wrong, what that proves, and what it took to find out."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from formreader.audit.bounds import clopper_pearson, lower_bound, needed, needed_by_field, upper_bound
from formreader.audit.strips import is_there
from formreader.audit.verdicts import Verdict, is_unread, verdicts_on
from formreader.batch_forms import form_in
from formreader.claims import per_10000
from formreader.store import Audit, AuditedField, Key, Results

Outcome = Literal["proved", "refuted", "unproved", "waiting"]
"""``waiting``: fields are still to be keyed, and the claim is proved if all of them turn out right."""


@dataclass(frozen=True, slots=True)
class Count:
    """How some of the audited fields turned out.

    Attributes
    ----------
    accepted, drawn
        How many there are in the batch, and how many of them the audit holds.
    right, wrong
        As found out by people.
    unknown
        Not keyed, waiting for a second person, or undecided: these count as wrong in the bound.
    upper
        Share of wrong ones that is not exceeded, with a certainty of 95 %.
    """

    form: str
    name: str
    accepted: int
    drawn: int
    right: int
    wrong: int
    unknown: int
    upper: float

    @property
    def share(self) -> float | None:
        """Wrong ones among those that are known; None where none is."""
        known = self.right + self.wrong
        return self.wrong / known if known else None


@dataclass(frozen=True, slots=True, eq=False)
class Findings:
    """What an audit has found.

    Attributes
    ----------
    fields, verdicts
        (n,) what was drawn, and what is known of each.
    whole, by_field, empty
        Counts of all, of each form's field, and of the fields that were read as empty.
    lower
        Share of wrong ones that is not fallen below.
    of_more_such
        Bound of the share among more forms as these: Clopper and Pearson's, of a batch without end.
    more
        How many more would have had to be keyed to prove the claim, none of them wrong; 0 where it is proved, None
        where more are wrong than it allows.
    keying_errors
        Numbers of the fields that the first person keyed wrong, as others say.
    changed
        How many keys are otherwise than they were first keyed.
    without_scan
        Numbers of the fields that were not keyed and whose scans are gone.
    notes
        What a person should know, in whole sentences.
    """

    audit: Audit
    fields: tuple[AuditedField, ...]
    verdicts: tuple[Verdict, ...]
    whole: Count
    by_field: tuple[Count, ...]
    empty: Count
    lower: float
    of_more_such: float
    outcome: Outcome
    more: int | None
    keying_errors: tuple[int, ...]
    changed: int
    without_scan: tuple[int, ...]
    notes: tuple[str, ...]

    def numbered(self, *states: str) -> list[tuple[AuditedField, Verdict]]:
        """Give the fields of which this is known."""
        return [pair for pair in zip(self.fields, self.verdicts, strict=True) if pair[1].state in states]

    @property
    def sentence(self) -> str:
        """Say in a sentence or two what is proved."""
        claim, bound = per_10000(self.audit.claim), per_10000(self.whole.upper)
        if self.outcome == "proved":
            return (
                f"Proved: at most {bound} of 10,000 accepted fields of this batch are wrong, with a certainty of 95 % "
                f"(claimed: {claim})."
            )
        if self.outcome == "refuted":
            return (
                f"Refuted: at least {self.lower * 10_000:.1f} of 10,000 accepted fields of this batch are wrong, with "
                f"a certainty of 95 % (claimed: at most {claim})."
            )
        if self.outcome == "waiting":
            return (
                f"Not yet: {self.whole.unknown:,} fields are still to be keyed or decided, and count as wrong until "
                f"then. If all turn out right, at most {claim} of 10,000 are proved."
            )
        return (
            f"Not proved: {self.whole.wrong:,} wrong and {self.whole.unknown:,} unknown of {self.whole.drawn:,} leave "
            f"it possible that {bound} of 10,000 are wrong (claimed: {claim})."
        )

    @property
    def about_more(self) -> str:
        """Say what would prove the claim; empty where it is proved or may yet be."""
        if self.more is None:
            return "More are wrong than the claim allows of the whole batch; it can only be put right, not proved."
        if self.outcome in ("proved", "waiting") or not self.more:
            return ""
        size = self.whole.drawn + self.more
        return (
            f"It takes {size:,} keyed with no more than {self.whole.wrong:,} wrong, {self.more:,} more than these; "
            f"drawn anew, as an audit of its own: --sample {size}."
        )


def findings_of(results: Results, audit: Audit) -> Findings:
    """Judge what was keyed so far."""
    audits = results.audits()
    fields, keys = audits.fields(audit), audits.keys(audit)
    verdicts = tuple(verdicts_on(fields, keys))
    judged = list(zip(fields, verdicts, strict=True))
    accepted = [stratum.accepted for stratum in audit.strata]
    drawn = [stratum.drawn for stratum in audit.strata]
    sizes = (accepted, drawn) if audit.by_field else ([audit.accepted], [audit.drawn])

    def bound(wrong: int) -> float:
        return upper_bound(wrong, *sizes)

    whole = _count("", "all fields", audit.accepted, verdicts, bound)
    lower = lower_bound(whole.wrong, *sizes)
    open_ones = (field for field, one in judged if one.state == "open")
    gone = (field.number for field in open_ones if not is_there(audits.places(field.reading)))
    return Findings(
        audit=audit,
        fields=fields,
        verdicts=verdicts,
        whole=whole,
        by_field=tuple(_by_field(audit, fields, verdicts)),
        empty=_count("", "read as empty", 0, [one for field, one in judged if not field.value], lambda _: math.nan),
        lower=lower,
        of_more_such=clopper_pearson(whole.wrong + whole.unknown, whole.drawn),
        outcome=_outcome(audit, whole, lower, bound),
        more=_more(audit, whole),
        keying_errors=tuple(field.number for field, one in judged if one.erred),
        changed=_changed(keys),
        without_scan=tuple(gone),
        notes=tuple(_notes(results, audit)),
    )


def _count(form: str, name: str, accepted: int, verdicts: Sequence[Verdict], bound: Callable[[int], float]) -> Count:
    states = [verdict.state for verdict in verdicts]
    right, wrong = states.count("right"), states.count("wrong")
    unknown = len(states) - right - wrong
    return Count(form, name, accepted, len(states), right, wrong, unknown, bound(wrong + unknown))


def _by_field(audit: Audit, fields: Sequence[AuditedField], verdicts: Sequence[Verdict]) -> Iterator[Count]:
    """Count each form's field; within it the sample is a simple one, however the whole was drawn."""
    of_field: dict[tuple[str, str], list[Verdict]] = {(one.form, one.field): [] for one in audit.strata}
    for field, verdict in zip(fields, verdicts, strict=True):
        of_field[field.form, field.field].append(verdict)
    for form, name, accepted, drawn in audit.strata:

        def bound(wrong: int, accepted: int = accepted, drawn: int = drawn) -> float:
            return upper_bound(wrong, [accepted], [drawn])

        yield _count(form, name, accepted, of_field[form, name], bound)


def _outcome(audit: Audit, whole: Count, lower: float, bound: Callable[[int], float]) -> Outcome:
    claim = float(audit.claim)
    if whole.upper <= claim:
        return "proved"
    if lower > claim:
        return "refuted"
    return "waiting" if whole.unknown and bound(whole.wrong) <= claim else "unproved"


def _more(audit: Audit, whole: Count) -> int | None:
    if whole.upper <= float(audit.claim):
        return 0
    if audit.by_field:
        sizes = needed_by_field(audit.claim, [stratum.accepted for stratum in audit.strata], whole.wrong)
        size = None if sizes is None else sum(sizes)
    else:
        size = needed(audit.claim, audit.accepted, whole.wrong)
    return None if size is None else max(0, size - audit.drawn)


def _changed(keys: Sequence[Key]) -> int:
    """Count the keys that took the place of another."""
    firsts = [key.number for key in keys if key.look == 1]
    agains = [(key.number, key.who) for key in keys if key.look == 2]
    return len(firsts) - len(set(firsts)) + len(agains) - len(set(agains))


def _notes(results: Results, audit: Audit) -> Iterator[str]:
    audits = results.audits()
    if count := audits.read_otherwise(audit):
        yield (
            f"The pages of {count:,} of the audited fields were read again since: the audit is about the readings that "
            "it was drawn from, and says nothing of those that count now. Draw a new one for these."
        )
    pages = results.standing().read
    if pages != audit.pages:
        yield (
            f"It was drawn from {audit.pages:,} pages; the batch has {pages:,} now. The bound holds for the "
            f"{audit.accepted:,} fields that were accepted then."
        )
    if _has_codes(results):
        yield "Codes are not keyed: it is about the fields that hold digits, or boxes to mark."
    if before := sum(other.id < audit.id for other in audits.all()):
        yield (
            f"{before:,} audit{'s were' if before > 1 else ' was'} drawn of this batch before. Each has its own bound; "
            "whoever draws until one proves the claim is deceived more often than once in twenty times: at most once "
            f"in {20 / (before + 1):.3g}, over all {before + 1:,} of them."
        )


def _has_codes(results: Results) -> bool:
    """Say whether a form of the batch has fields that hold a code."""
    sheets = (form_in(stored.text, name) for name, stored in results.templates().items())
    return any(field.kind == "barcode" for sheet in sheets if sheet for field in sheet.fields)


def unreadable(findings: Findings) -> int:
    """Count the fields that the first person could not read in full."""
    pairs = zip(findings.fields, findings.verdicts, strict=True)
    return sum(verdict.first is not None and is_unread(verdict.first.key, field) for field, verdict in pairs)
