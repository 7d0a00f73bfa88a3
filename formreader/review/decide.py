"""Deciding what fields say: values are checked, and nothing that another person decided since is overwritten."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import Field

from formreader import allowed
from formreader.review.state import Review, as_conflict, seen
from formreader.served.calls import Asked, Number, Refused, Route
from formreader.store import StoredPage
from formreader.values import FieldKind


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
    new: Annotated[str, Field(max_length=20 * allowed.LONGEST_TEXT)]
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
        try:
            new = allowed.as_meant(review.forms, page, said.field, said.new)
            broken = allowed.objections(review.forms, page, said.field, new)
        except allowed.CannotHold as never:
            raise Refused(str(never)) from never
        if broken and not said.despite:
            refused.append({"reading": said.reading, "field": said.field, "broken": broken})
            continue
        old = next((field.value for field in page.fields if field.name == said.field), "")
        ready.append(_Ready(said, (page.sha256, page.page, said.field), old, new))
        keyed.append(kind == "key")
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


def page_with(review: Review, reading: int, field: str) -> StoredPage:
    """Give the page that has a field.

    Raises
    ------
    Refused
        There is no such reading, or it has no such field.
    """
    page = review.page(reading)
    if not allowed.has_field(review.forms, page, field):
        raise Refused("This page has no such field; load the page again.", 404)
    return page


def kind_of(review: Review, page: StoredPage, field: str) -> FieldKind:
    """Say what a field holds."""
    return allowed.kind_of(review.forms, page, field)


ROUTES: Final = (Route("POST", "decide", Decisions, decide),)
