"""Deciding what fields say: values are checked, and nothing that another person decided since is overwritten."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import Field

from formreader.fields import UNREAD
from formreader.review.calls import Asked, Number, Refused, Route
from formreader.review.choices import broken_by_marks, in_order
from formreader.review.state import Review, as_conflict, seen
from formreader.review.values import broken_by
from formreader.store import StoredPage
from formreader.template import Field as FormField
from formreader.values import POINT, FieldKind

_LONGEST_TEXT: Final = 500
_LONGEST_VALUE: Final = 100
_DIGITS: Final = re.compile(r"[0-9.?]*")
REQUIRED: Final = "a value is required"
UNREADABLE: Final = "a ? stands for a box that nobody can read"


class Decided(Asked):
    """What a person says that a field holds.

    Attributes
    ----------
    seen
        Version of the decision that was on the screen, 0 for none.
    despite
        Although it breaks rules, or has a box that nobody can read: the person was told so and means it.
    """

    reading: Annotated[int, Field(ge=1, le=2**62)]
    field: Annotated[str, Field(min_length=1, max_length=300)]
    seen: Number
    new: Annotated[str, Field(max_length=2 * _LONGEST_TEXT)]
    despite: bool = False


class Decisions(Asked):
    """All that is decided at once, and taken back at once."""

    fields: Annotated[list[Decided], Field(min_length=1, max_length=200)]


@dataclass(frozen=True, slots=True)
class _Ready:
    """A value that may be stored."""

    said: Decided
    key: tuple[str, int, str]
    old: str
    new: str


def decide(review: Review, who: str, asked: Decisions) -> Mapping[str, Any]:
    """Store what fields say.

    Returns
    -------
    dict
        ``saved``: reading and field of each that was; ``conflicts``: both sides where another person decided since;
        ``refused``: what a value breaks (``broken``, in words), which is stored if it is sent again with `despite`.

    Raises
    ------
    Refused
        There is no such field, or it cannot hold such a value at all; nothing is stored.
    """
    refused, ready, keyed = list[dict[str, Any]](), list[_Ready](), list[bool]()
    for said in asked.fields:
        page = page_with(review, said.reading, said.field)
        with review.desk.turn():
            if review.desk.counting(page.sha256, page.page) != said.reading:
                raise Refused("This page was read again meanwhile; load it again and look at what it says now.", 409)
        kind = kind_of(review, page, said.field)
        new = _in_order(review, page, said.field, " ".join(said.new.split()), kind)
        is_keyed = kind == "key"
        broken = _refusals(review, page, said.field, new, kind)
        if broken and not said.despite:
            refused.append({"reading": said.reading, "field": said.field, "broken": broken})
            continue
        old = next((field.value for field in page.fields if field.name == said.field), "")
        ready.append(_Ready(said, (page.sha256, page.page, said.field), old, new))
        keyed.append(is_keyed)
    saved, conflicts = _stored(review, who, ready, "key" if all(keyed) else "field") if ready else ([], [])
    if saved:
        review.boxes.renewed({one.key for one in ready})
        review.worked(who, len(saved))
    return {"saved": saved, "conflicts": conflicts, "refused": refused}


def _stored(
    review: Review, who: str, ready: Sequence[_Ready], how: str
) -> tuple[list[tuple[int, str]], list[Mapping[str, Any]]]:
    """Write what nobody decided otherwise since, all in one act; where that is nothing, there is no act either."""
    saved, conflicts = list[tuple[int, str]](), list[Mapping[str, Any]]()
    with review.desk.turn():
        if not any(_is_current(review, one) for one in ready):
            return [], [_conflict(review, one) for one in ready]
        with review.desk.act(who, how) as act:  # within it no other process comes between
            for one in ready:
                if _is_current(review, one):
                    act.say("decisions", one.key, one.old, one.new)
                    saved.append((one.said.reading, one.said.field))
                else:
                    conflicts.append(_conflict(review, one))
    return saved, conflicts


def _is_current(review: Review, one: _Ready) -> bool:
    return seen(review.desk.said("decisions", one.key)) == one.said.seen


def _conflict(review: Review, one: _Ready) -> Mapping[str, Any]:
    theirs = review.desk.said("decisions", one.key)
    return {"reading": one.said.reading, "field": one.said.field, **as_conflict(one.new, theirs, seen(theirs))}


def _in_order(review: Review, page: StoredPage, field: str, new: str, kind: FieldKind) -> str:
    """Give marked options in the form's order, any other value as it is; raises `Refused` for what is no option."""
    described = review.forms.field(page.form, field, 0)
    return in_order(new, described) if described is not None and kind in ("choice", "image") else new


def _refusals(review: Review, page: StoredPage, field: str, new: str, kind: FieldKind) -> list[str]:
    """Give in words what a value breaks.

    Raises
    ------
    Refused
        The field cannot hold such a value at all.
    """
    if kind != "digits":
        if len(new) > _LONGEST_TEXT or not new.isprintable():
            raise Refused(f"{field}: a text is up to {_LONGEST_TEXT} printable characters.")
        unread = [UNREADABLE] if new == UNREAD and kind != "key" else []
        return [*unread, *([] if unread else _broken(review, page, field, new))]
    described = review.forms.field(page.form, field, _box_count(page, field))
    if new and described is not None and new in described.allow:
        return []
    if len(new) > _LONGEST_VALUE or not _DIGITS.fullmatch(new) or new.count(POINT) > 1:
        words = f" or {', '.join(described.allow)}" if described is not None and described.allow else ""
        raise Refused(f"{field}: holds digits, a point{words}, or ? for a box that nobody can read; not '{new[:40]}'.")
    found = [UNREADABLE] if UNREAD in new else []
    found += _room(described, new)
    return found + _broken(review, page, field, new)


def _broken(review: Review, page: StoredPage, field: str, new: str) -> list[str]:
    described = review.forms.field(page.form, field, 0)
    missing = [REQUIRED] if described is not None and described.required and not new else []
    if described is not None and described.kind == "choice":
        missing += broken_by_marks(new, described)
    return missing + [rule.words for rule in broken_by(page, field, new, review.forms) if rule.severity == "error"]


def _room(described: FormField | None, value: str) -> list[str]:
    if described is None:
        return []
    most = len(described.boxes) if described.length == (1, 1) else described.length[1]
    return [f"there is room for {most} digits"] if len(value.replace(POINT, "")) > most else []


def _box_count(page: StoredPage, field: str) -> int:
    return sum(digit.box.field == field for digit in page.digits)


def page_with(review: Review, reading: int, field: str) -> StoredPage:
    """Give the page that has a field.

    Raises
    ------
    Refused
        There is no such reading, or it has no such field.
    """
    page = review.page(reading)
    template = review.forms.of(page.form)
    known = {one.name for one in page.fields} | {one.name for one in (template.fields if template else ())}
    if field not in known:
        raise Refused("This page has no such field; load the page again.", 404)
    return page


def kind_of(review: Review, page: StoredPage, field: str) -> FieldKind:
    """Say what a field holds."""
    described = review.forms.field(page.form, field, 0)
    if described is not None:
        return described.kind
    return next((one.kind for one in page.fields if one.name == field), "digits")


ROUTES: Final = (Route("POST", "decide", Decisions, decide),)
