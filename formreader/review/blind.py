"""The second key: another person keys decided fields blind; where that differs, a third look at both settles it.

What was read or decided is not among what the person who keys is sent, nor whether a key agrees with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import Field

from formreader.allowed import broken_by, options_of
from formreader.audit.verdicts import name_of
from formreader.review.audit_keys import Before
from formreader.review.keys import as_decided, key_of, kind_of
from formreader.review.second import Key, Place
from formreader.review.state import Review, as_conflict, seen
from formreader.review.strips import strip_to_key
from formreader.served.calls import Asked, Nothing, Number, Refused, Route
from formreader.store import Said, StoredPage

_AHEAD: Final = 3
_ACTS: Final = ("second", "third")

_Text = Annotated[str, Field(max_length=10_000)]


class After(Asked):
    """The field that was keyed or passed over last: the number of its reading, and its place among the fields there."""

    one: Number = 0
    two: Annotated[int, Field(ge=-1, le=100_000)] = -1


class Decided(Asked):
    """A decided field, named in the same way."""

    one: Number
    two: Annotated[int, Field(ge=0, le=100_000)]


class Keyed(Decided):
    """What a person keyed; `seen` is the version of the key that was there before, 0 for none."""

    seen: Number
    key: _Text


class Settled(Decided):
    """What a third look says; `seen` are the versions of the decision and the key that were looked at."""

    seen: tuple[Number, Number]
    new: _Text


def upcoming(review: Review, who: str, after: After) -> Mapping[str, Any]:
    """Give the next fields to key."""
    places = review.second.first(who, (after.one, after.two), _AHEAD)
    return {"items": [_item(review, place) for place in places]}


def _item(review: Review, place: Place) -> Mapping[str, Any]:
    key = _key(review, place)
    with review.desk.turn():
        version = seen(review.desk.said("second_keys", key))
    page = review.page(place[0])
    options = options_of(review.forms.field(page.form, key[2], 0))
    item = {"one": place[0], "two": place[1], "field": key[2], "kind": kind_of(page, key[2]), "seen": version}
    return {**item, "options": options} if options else item  # their words may not be printed near their boxes


def strip(review: Review, _who: str, decided: Decided) -> Mapping[str, Any]:
    """Give the picture to key from."""
    return strip_to_key(review, decided.one, _key(review, (decided.one, decided.two))[2])


def key(review: Review, who: str, said: Keyed) -> Mapping[str, Any]:
    """Store a key; whether it agrees is not told.

    Raises
    ------
    Refused
        It is no value of the field, the field is this person's own, or nobody needs to key it any more.
    """
    place = _key(review, (said.one, said.two))
    page = review.page(said.one)
    described = review.forms.field(page.form, place[2], 0)
    value = key_of(said.key, kind=kind_of(page, place[2]), described=described)
    with review.desk.act(who, "second") as act:
        decided, known = review.desk.said("decisions", place), review.desk.said("second_keys", place)
        if decided is None or not decided.stands:
            raise Refused("Nothing is decided of this field any more; there is nothing to compare.", 409)
        _refuse_key(review, who, place, known, said.seen)
        act.say("second_keys", place, decided.new, as_decided(value, decided.new, page, place[2], review.forms))
    review.worked(who, 1)
    return {"saved": True}


def _refuse_key(review: Review, who: str, place: Key, known: Said | None, version: int) -> None:
    standing = review.second.standing(place)
    if standing is None:
        raise Refused("Two people keyed this field in an audit; nobody needs to key it again.", 409)
    if name_of(who) in standing.judges:
        raise Refused("You have judged this field yourself; another person keys it.", 403)
    if seen(known) != version:
        raise Refused(f"{known.who if known else 'Somebody'} has keyed this field meanwhile.", 409)
    if standing.state != "due" and standing.keyer != name_of(who):
        raise Refused("This field has been keyed already.", 409)


def back(review: Review, who: str, asked: Before) -> Mapping[str, Any]:
    """Give the key of this person's before another one, the last where none is named, to be keyed again."""
    query = "SELECT id, sha256, page, field, new, who FROM second_keys WHERE id < ? ORDER BY id DESC"
    me = name_of(who)
    with review.desk.turn() as connection:
        for row, *key, new, by in connection.execute(query, (asked.before or 2**62,)):
            of_field: Key = (key[0], key[1], key[2])
            last = review.desk.said("second_keys", of_field) if name_of(by) == me else None
            place = review.second.place(of_field) if last and last.stands and last.version == row else None
            standing = review.second.standing(of_field) if place else None
            if place and standing and me not in standing.judges:
                return {"item": {**_item(review, place), "key": new or "_", "row": row}}
    return {"item": None}


def undo(review: Review, who: str, _: Nothing) -> Mapping[str, Any]:
    """Take back the last key or third look of this person; give the field that is open again."""
    undone = review.desk.undo(who, lambda *_: None, _ACTS)
    if not undone.how:
        return {"how": "", "item": None, "kept": 0}
    review.worked(who, 0)
    place = review.second.place(undone.rows[0][1]) if undone.rows else None
    return {"how": undone.how, "item": _item(review, place) if place else None, "kept": undone.kept}


def third(review: Review, who: str, after: After) -> Mapping[str, Any]:
    """Give the next field that was keyed otherwise than it was decided, with both values and who keyed which."""
    place = review.second.differing(who, (after.one, after.two))
    if place is None:
        return {"item": None}
    key = _key(review, place)
    with review.desk.turn():
        sides = _decided(review, key), review.desk.said("second_keys", key)
    page = review.page(place[0])
    return {
        "item": {
            **_item(review, place),
            "scan": review.name_of(page),
            "page": page.page,
            "seen": [seen(side) for side in sides],
            "sides": [_side(review, page, key[2], side) for side in sides if side],
        }
    }


def _decided(review: Review, key: Key) -> Said | None:
    """Give what is decided; after an undo with who had decided it, not who took back what came after."""
    last = review.desk.said("decisions", key)
    if last is None:
        return None
    by = review.desk.origin("decisions", key, last)
    return last._replace(at=by.at, who=by.who)


def _side(review: Review, page: StoredPage, field: str, said: Said) -> Mapping[str, Any]:
    broken = [rule.words for rule in broken_by(page, field, said.new, review.forms) if rule.severity == "error"]
    return {"value": said.new, "who": said.who, "at": said.at, "broken": broken}


def settle(review: Review, who: str, said: Settled) -> Mapping[str, Any]:
    """Decide a field after a look at both values; where another did meanwhile, both sides are given back instead."""
    place = _key(review, (said.one, said.two))
    page = review.page(said.one)
    described = review.forms.field(page.form, place[2], 0)
    with review.desk.turn():
        decided, known = review.desk.said("decisions", place), review.desk.said("second_keys", place)
        if any(side and said.new == side.new for side in (decided, known)):
            value = said.new  # what stands there may be chosen, whatever it is
        else:
            value = key_of(said.new, kind=kind_of(page, place[2]), described=described)
        if (seen(decided), seen(known)) != said.seen:
            return {"conflict": as_conflict(said.new, decided, (seen(decided), seen(known)))}
        with review.desk.act(who, "third") as act:
            now = review.desk.said("decisions", place)  # another process may have come between
            if decided is None or seen(now) != seen(decided):
                raise Refused("Another person has decided this field meanwhile; look at it again.", 409)
            new = as_decided(value, decided.new, page, place[2], review.forms)
            act.say("decisions", place, decided.new, new)
    review.worked(who, 1)
    return {"conflict": None}


def _key(review: Review, place: Place) -> Key:
    key = review.second.key(place)
    if key is None:
        raise Refused("This field is not in the batch; load the page again.", 404)
    return key


ROUTES: Final = (
    Route("GET", "second/next", After, upcoming, ("second",)),
    Route("GET", "second/strip", Decided, strip, ("second",)),
    Route("POST", "second/key", Keyed, key, ("second",)),
    Route("GET", "second/back", Before, back, ("second",)),
    Route("POST", "second/undo", Nothing, undo, ("second",)),
    Route("GET", "third/next", After, third, ("second",)),
    Route("POST", "third/settle", Settled, settle, ("second",)),
)
