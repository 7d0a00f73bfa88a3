"""The audit screen: what was drawn is keyed from its strip, and taken over as a keyed file is.

Nothing that is sent here tells what was read: no value, no confidence, and no difference between what is looked at
again because keys and reading differ, and what hides it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import Field

from formreader.audit import take
from formreader.audit.keyed_files import Cell, KeyedFile
from formreader.audit.verdicts import name_of
from formreader.errors import KeysError
from formreader.review.audited import Audited, Place
from formreader.review.keys import typed
from formreader.review.state import Review
from formreader.review.strips import strip_to_key
from formreader.served.calls import Asked, Number, Refused, Route
from formreader.store import AuditedField

_AHEAD: Final = 3
"""Fields told of at once, so that the next strips are cut while one is keyed from."""

_Look = Annotated[int, Field(ge=1, le=2)]


class After(Asked):
    """The field that was keyed or passed over last; the first comes after 0."""

    one: Number = 0


class Drawn(Asked):
    """A field that was drawn, by its number and the look."""

    one: Number
    two: _Look


class Keyed(Drawn):
    """What a person keyed for it."""

    key: Annotated[str, Field(max_length=2_000)]


class Before(Asked):
    """Which of this person's keys was seen last, going back; 0 for none."""

    before: Number = 0


def upcoming(review: Review, who: str, after: After) -> Mapping[str, Any]:
    """Give the next fields to key."""
    audited = _audited(review)
    return {"items": [_item(audited, place) for place in audited.first(who, after.one, _AHEAD)]}


def _item(audited: Audited, place: Place) -> Mapping[str, Any]:
    number, look = place
    field = _field(audited, number)
    kind = "choice" if field.options else "digits"
    return {"one": number, "two": look, "field": field.field, "kind": kind, "options": field.options, "seen": 0}


def strip(review: Review, _who: str, drawn: Drawn) -> Mapping[str, Any]:
    """Give the picture to key from."""
    field = _field(_audited(review), drawn.one)
    return strip_to_key(review, field.reading, field.field)


def key(review: Review, who: str, said: Keyed) -> Mapping[str, Any]:
    """Store a key, as that of a file would be.

    Raises
    ------
    Refused
        It is no value, or another person was quicker.
    """
    audited = _audited(review)
    field = _field(audited, said.one)
    cell = Cell(1, str(said.one), typed(said.key, field) or "_")
    file = KeyedFile(Path("keyed in the review"), audited.audit.code, said.two, keeps_zeros=True, cells=(cell,))
    with review.desk.turn():
        first = audited.first_keyer(said.one)
        if said.two == 1 and first and name_of(first) != name_of(who):
            raise Refused(f"{first} has keyed this field meanwhile.", 409)
        try:
            taken = take(audited.audits, audited.audit, [field], file, who)
        except KeysError as error:
            raise Refused(str(error).rpartition("\n")[2].strip(), 409) from error
    review.worked(who, len(taken.taken.keys))
    return {"saved": True}


def back(review: Review, who: str, asked: Before) -> Mapping[str, Any]:
    """Give the key of this person's before another one, the last where none is named, to be keyed again."""
    audited = _audited(review)
    me, passed = name_of(who), set[Place]()
    with review.desk.turn():
        for row, known in audited.audits.keyed_before(audited.audit, 2**62):
            place = (known.number, known.look)
            if name_of(known.who) != me or place in passed:
                continue
            passed.add(place)
            if not asked.before or row < asked.before:
                return {"item": {**_item(audited, place), "key": known.key or "_", "row": row}}
    return {"item": None}


def _audited(review: Review) -> Audited:
    if review.audited is None:
        raise Refused("No audit is keyed in this review.", 403)
    return review.audited


def _field(audited: Audited, number: int) -> AuditedField:
    field = audited.field(number)
    if field is None:
        raise Refused("This audit has no such field; load the page again.", 404)
    return field


ROUTES: Final = (
    Route("GET", "audit/next", After, upcoming, ("audit",)),
    Route("GET", "audit/strip", Drawn, strip, ("audit",)),
    Route("POST", "audit/key", Keyed, key, ("audit",)),
    Route("GET", "audit/back", Before, back, ("audit",)),
)
