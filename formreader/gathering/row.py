"""A row of the tables, and how pages that were found to be one form become one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Final

from formreader.gathering.said import named, serial_of
from formreader.rules import broken_checks
from formreader.store import SeveralPages, StoredPage
from formreader.values import UNREAD, BrokenRule, FieldReading, Reason

SHIFTED: Final = (
    "it lies between a form without its first page and one without its last: its pages may be of two forms, as in a "
    "pile that was scanned from its end"
)


@dataclass(frozen=True, slots=True)
class Lack:
    """What is wrong with a form's pages.

    Attributes
    ----------
    page
        The page of the form that is missing; 0 where none is, and a page is there twice.
    why
        In words.
    """

    page: int
    why: str


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """One filled form.

    Attributes
    ----------
    pages
        What was read of it, in the form's order; never empty. The first names the row.
    fields
        Of all its pages, in the form's order. Those of a missing page are empty, and flagged.
    to_review
        Names of the fields that a person should look at.
    decided
        Names of the fields that a person decided.
    form
        Name of the form; empty where no page of it was read.
    lacks
        Which of its pages are missing or there twice.
    broken
        By field, the checks across its pages that its values break.
    """

    pages: tuple[StoredPage, ...]
    fields: tuple[FieldReading, ...]
    to_review: tuple[str, ...]
    decided: frozenset[str]
    form: str = ""
    lacks: tuple[Lack, ...] = ()
    broken: Mapping[str, tuple[BrokenRule, ...]] = field(default_factory=dict)

    @property
    def scan(self) -> str:
        """Name of the file in which it begins."""
        return self.pages[0].scan

    @property
    def page(self) -> int:
        """The page of that file."""
        return self.pages[0].page

    @property
    def shown_status(self) -> str:
        """Its state as users see it."""
        if self.pages[0].status != "read":
            return self.pages[0].shown_status
        if self.to_review:
            return "review"
        return "checked" if self.decided else "read"


def alone(page: StoredPage) -> Row:
    """Give the row of a page that is a form by itself, or none."""
    return Row((page,), page.fields, page.to_review, page.decided, page.form)


@dataclass(slots=True, eq=False)
class Group:
    """Pages that are one form, as they are found.

    Attributes
    ----------
    placed
        By page of the form.
    last
        The last place taken, if only by a page that failed.
    failed
        By page of the form, the name of what stands there and could not be read.
    others
        Those that claim a place that is taken already.
    is_doubled
        Which other page may belong here as well; empty where none may.
    is_shifted
        Whether the rows around it tell that its pages may be of two forms.
    """

    form: SeveralPages | None
    where: PurePosixPath
    placed: dict[int, StoredPage] = field(default_factory=dict)
    last: int = 0
    failed: dict[int, str] = field(default_factory=dict)
    others: list[tuple[int, StoredPage]] = field(default_factory=list)
    is_doubled: str = ""
    is_shifted: bool = False

    @property
    def serial(self) -> tuple[str, str] | None:
        """Form and serial number that the codes of its pages say, if any does."""
        return next((told for page in self.placed.values() if (told := serial_of(page))), None)


def rows_of_group(group: Group, form: SeveralPages, names: Mapping[str, Sequence[str]], why: str) -> Iterator[Row]:
    """Give the row of a group, and a row each for the pages that claim a place that is taken."""
    doubled = group.is_doubled
    if group.others:
        doubled = "; ".join(f"{named(page)} is page {number} of the form too" for number, page in group.others)
    yield _row(group, form, names, why, doubled)
    for number, page in group.others:
        alone = Group(form, group.where, {number: page}, number)
        first = named(group.placed[number])
        yield _row(
            alone,
            form,
            names,
            f"which pages go with it, or with {first}, is not known",
            f"{first} is page {number} of the form too",
        )


def _row(group: Group, form: SeveralPages, names: Mapping[str, Sequence[str]], why: str, doubled: str) -> Row:
    sheets = {number: sheet for sheet, number in sorted(form.sheets.items(), key=lambda item: item[1])}
    lacks = [
        Lack(number, f"{group.failed[number]} stands in its place and failed" if number in group.failed else why)
        for number in sheets
        if number not in group.placed
    ]
    lacks = [one if one.why else replace(one, why="no scan of it was found") for one in lacks]
    flags: dict[str, list[Reason]] = {}
    read: dict[str, FieldReading] = {}
    for number in sheets:
        page = group.placed.get(number)
        reasons: list[Reason] = ["page_doubled"] if doubled else []
        cut_off = page is not None and form.gather == "sequence" and _is_cut_off(group, sheets, number)
        if cut_off or group.is_shifted:
            reasons.append("page_missing")
        own = page.fields if page is not None else ()
        for one in own:
            flags.setdefault(one.name, []).extend(reasons)
            read[one.name] = _joined(read[one.name], one, flags[one.name]) if one.name in read else one
    if form.gather == "sequence" and _are_two_peoples(group):
        for name in read:
            flags[name].append("pages_differ")
    order = [name for sheet in sheets.values() for name in names.get(sheet, ())]
    absent = [name for name in order if name not in read]
    for name in absent:
        read[name], flags[name] = FieldReading(name, "", 0.0), ["page_missing"]
    pages = tuple(page for _, page in sorted(group.placed.items()))
    decided = frozenset[str]().union(*(page.decided for page in pages))
    broken = _broken(form, read, decided, absent, flags)
    listed = dict.fromkeys((*order, *read))
    fields = tuple(_flagged(read[name], flags[name], broken.get(name, ())) for name in listed if name in read)
    doubts = {name for page in pages for name in page.to_review} | {name for name, some in flags.items() if some}
    if doubled:
        lacks.append(Lack(0, doubled))
    if group.is_shifted:
        lacks.append(Lack(0, SHIFTED))
    return Row(
        pages,
        fields,
        tuple(one.name for one in fields if one.name in doubts),
        decided,
        form.form,
        tuple(lacks),
        broken,
    )


def _is_cut_off(group: Group, sheets: Mapping[int, str], number: int) -> bool:
    """Say whether a page is missing before this one but after another: then nothing but their codes joins them."""
    before = [one for one in group.placed if one < number]
    if not before or all(one in group.placed for one in sheets if min(before) < one < number):
        return False
    serials = {serial_of(group.placed[one]) for one in (min(before), number)}
    return None in serials or len(serials) > 1


def _are_two_peoples(group: Group) -> bool:
    """Say whether a field that stands on several pages tells that these may be of two forms, and no code says else."""
    serials = {serial_of(page) for page in group.placed.values()}
    if None not in serials and len(serials) == 1:
        return False
    said: dict[str, list[str]] = {}
    for one in (one for page in group.placed.values() for one in page.fields):
        said.setdefault(one.name, []).append(one.value)
    return any(_contradict(values[0], other) for values in said.values() for other in values[1:])


def _contradict(one: str, other: str) -> bool:
    """Say whether two values cannot be the same; one that is blank, or a box that was not read, says nothing."""
    if UNREAD in one + other:
        return len(one) == len(other) and any(a != b and UNREAD not in (a, b) for a, b in zip(one, other, strict=True))
    return bool(one and other) and one != other


def _joined(first: FieldReading, other: FieldReading, flags: list[Reason]) -> FieldReading:
    """Join what two pages say of one field."""
    if first.value != other.value and "pages_differ" not in flags:
        flags.append("pages_differ")
    reasons = tuple(dict.fromkeys((*first.reasons, *other.reasons)))
    return replace(
        first,
        confidence=min(first.confidence, other.confidence),
        reasons=reasons,
        broken=tuple(dict.fromkeys((*first.broken, *other.broken))),
    )


def _broken(
    form: SeveralPages,
    read: Mapping[str, FieldReading],
    decided: frozenset[str],
    absent: Sequence[str],
    flags: dict[str, list[Reason]],
) -> dict[str, tuple[BrokenRule, ...]]:
    """Give the checks across pages that values break, and flag the fields in them that nobody decided."""
    checks = [check for check in form.checks if not set(absent).intersection(check.fields)]
    broken = broken_checks(checks, {name: one.value for name, one in read.items()})
    for name, rules in broken.items():
        if name not in decided and any(rule.severity == "error" for rule in rules):
            flags[name].append("rule")
    return broken


def _flagged(one: FieldReading, flags: Sequence[Reason], broken: tuple[BrokenRule, ...]) -> FieldReading:
    if not flags and not broken:
        return one
    reasons = tuple(dict.fromkeys((*one.reasons, *flags)))
    return replace(one, reasons=reasons, broken=(*one.broken, *broken))
