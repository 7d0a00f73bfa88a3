"""The group screen: boxes that were read alike, together; typing puts one right, Enter confirms them all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import Field

from formreader.review.state import Review, as_conflict, seen
from formreader.review.values import value_by_marks
from formreader.served.calls import Asked, Nothing, Number, Refused, Route, as_address
from formreader.store import Act

UNSURE: Final = "?"
"""As a mark: the box is to be seen in its field."""

_NEW: Final = r"[0-9?]?"


class Wanted(Asked):
    """Which boxes to show: read as one of `marks`, perhaps only those whose likeliest other digit is of `rivals`."""

    marks: Annotated[str, Field(pattern=r"^[0-9?\-]{1,12}$")]
    rivals: Annotated[str, Field(pattern=r"^[0-9]{0,10}$")] = ""
    skip: Annotated[str, Field(pattern=r"^([0-9]{1,18}(,[0-9]{1,18})*)?$", max_length=10_000)] = ""
    most: Annotated[int, Field(ge=1, le=200)] = 60


class Judged(Asked):
    """A box as a person sees it."""

    picture: Number
    seen: tuple[Number, Number]
    new: Annotated[str, Field(pattern=f"^{_NEW}$")]


class Screen(Asked):
    """All that a person judged at once."""

    boxes: Annotated[list[Judged], Field(min_length=1, max_length=200)]


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a pictured box belongs."""

    picture: int
    reading: int
    sha256: str
    page: int
    field: str
    position: int
    mark: str

    @property
    def of_field(self) -> tuple[str, int, str]:
        return self.sha256, self.page, self.field

    @property
    def of_box(self) -> tuple[str, int, str, int]:
        return *self.of_field, self.position


def group(review: Review, _who: str, wanted: Wanted) -> Mapping[str, Any]:
    """Give the next boxes of a group with their pictures."""
    skip = [int(number) for number in wanted.skip.split(",") if number]
    found = review.boxes.first(wanted.marks, wanted.rivals, skip, wanted.most)
    with review.desk.turn() as connection:
        shown = []
        for box in found:
            place, content, name = _looked_up(connection, box.picture)
            shown.append(
                {
                    "picture": box.picture,
                    "mark": box.mark,
                    "rival": box.rival,
                    "confidence": box.confidence / 1_000_000,
                    "field": place.field,
                    "position": place.position,
                    "scan": name,
                    "page": place.page,
                    "reading": place.reading,
                    "seen": _versions(review, place),
                    "image": as_address(content),
                }
            )
    return {"boxes": shown}


def _looked_up(connection: Any, picture: int) -> tuple[_Place, bytes, str]:
    query = (
        "SELECT p.id, p.reading, r.sha256, r.page, p.field, p.position, p.mark, p.picture,"
        " (SELECT name FROM pages g WHERE g.sha256 = r.sha256 AND g.page = r.page ORDER BY duplicate, id DESC LIMIT 1)"
        " FROM pictures p JOIN readings r ON r.id = p.reading WHERE p.id = ? AND p.mark IS NOT NULL"
    )
    row = connection.execute(query, (picture,)).fetchone()
    if row is None:
        raise Refused("This box is not in the batch; load the page again.", 404)
    *place, content, name = row
    return _Place(*place), content, name or ""


def _versions(review: Review, place: _Place) -> tuple[int, int]:
    said = review.desk.said
    return seen(said("decisions", place.of_field)), seen(said("marks", place.of_box))


def judge(review: Review, who: str, screen: Screen) -> Mapping[str, Any]:
    """Store what a person sees in boxes; of those that another judged since, both sides are given back instead.

    Those of a page that was read again since are `gone`: what that reading doubts was never shown.
    """
    conflicts = []
    saved, gone = list[int](), list[int]()
    with review.desk.act(who, "group") as act:
        places = []
        for judged in screen.boxes:
            place, *_ = _looked_up(act.connection, judged.picture)
            if review.desk.counting(place.sha256, place.page) != place.reading:
                gone.append(judged.picture)
                continue
            now = _versions(review, place)
            whole = review.desk.said("decisions", place.of_field)
            if now != judged.seen:
                is_whole = whole is not None and whole.stands and whole.how != "group"
                theirs = whole if is_whole else review.desk.said("marks", place.of_box) or whole
                both = as_conflict(judged.new, theirs, now)
                conflicts.append({"picture": judged.picture, "whole": is_whole, **both})
                continue
            act.say("marks", place.of_box, place.mark, judged.new)
            places.append(place)
            saved.append(judged.picture)
        for one in {place.of_field: place for place in places}.values():
            settle(review, act, one.reading, one.of_field)
    review.boxes.renewed({place.of_field for place in places})
    if gone:
        review.boxes.look_again()
    review.worked(who, len(saved))
    return {"saved": saved, "conflicts": conflicts, "gone": gone}


def settle(review: Review, act: Act, reading: int, key: tuple[str, int, str]) -> None:
    """Decide a field by the marks in its boxes, once all that are doubtful have one and the value keeps its rules.

    What was decided so before and is no longer so is undecided again; what was decided otherwise stays.
    """
    *_, field = key
    decided = review.desk.said("decisions", key)
    if decided and decided.stands and review.desk.origin("decisions", key, decided).how != "group":
        return
    query = "SELECT position FROM pictures WHERE reading = ? AND field = ? AND mark IS NOT NULL"
    doubtful = {position for (position,) in act.connection.execute(query, (reading, field))}
    marks = {place: said.new for place, said in review.desk.marks(*key).items()}
    value = None
    if doubtful <= marks.keys() and UNSURE not in marks.values():
        page = review.page(reading)
        read = next((one for one in page.fields if one.name == field), None)
        made = value_by_marks(page, field, marks, review.forms)
        if read is not None and made is not None and not made.reasons:
            value = made.value
            if decided is None or not decided.stands or decided.new != value:
                act.say("decisions", key, read.value, value)
    if value is None and decided and decided.stands:
        act.say("decisions", key, decided.new, decided.new, stands=False)


def undo(review: Review, who: str, _: Nothing) -> Mapping[str, Any]:
    """Take back the last thing that this person did, whichever screen it was on."""

    def settle_again(act: Act, rows: Sequence[tuple[str, tuple[Any, ...]]]) -> None:
        for key in {key[:3] for table, key in rows if table == "marks"}:
            if reading := review.desk.counting(*key[:2]):
                settle(review, act, reading, key)

    undone = review.desk.undo(who, settle_again)
    if undone.how:
        review.boxes.renewed({key[:3] for table, key in undone.rows if table != "sorted_pages"})
        if any(table == "sorted_pages" for table, _ in undone.rows):
            review.failures.look_again()
            review.boxes.look_again()
        review.worked(who, 0)
    fields = sorted({str(key[2]) for table, key in undone.rows if table != "sorted_pages"})
    boxes = sum(table == "marks" for table, _ in undone.rows)
    places = [place for table, key in undone.rows if table == "decisions" and (place := _reading_of(review, key))]
    return {"how": undone.how, "fields": fields[:5], "places": places[:20], "boxes": boxes, "kept": undone.kept}


def _reading_of(review: Review, key: tuple[Any, ...]) -> tuple[int, str] | None:
    """Give the number of the reading that a field's decision is about, with the field's name."""
    with review.desk.turn():
        reading = review.desk.counting(*key[:2])
    return (reading, key[2]) if reading else None


ROUTES: Final = (
    Route("GET", "group", Wanted, group),
    Route("POST", "marks", Screen, judge),
    Route("POST", "undo", Nothing, undo),
)
