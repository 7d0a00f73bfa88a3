"""The field screen and the screen of keyed fields: one field at a time, its strip on top, its value below."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Annotated, Any, Final, Literal

import numpy as np
from pydantic import Field

from formreader.allowed import broken_by
from formreader.fields import FieldParams, Written, join, needs_review
from formreader.fields.weighing import weigh
from formreader.review.choices import shown as options_shown
from formreader.review.decide import kind_of, page_with
from formreader.review.groups import UNSURE
from formreader.review.pictures import drawn_strip, laid_out
from formreader.review.queue import Open
from formreader.review.state import Review, seen
from formreader.review.values import value_by_marks
from formreader.rules import is_read
from formreader.served.calls import Asked, Number, Picture, Refused, Route, as_address
from formreader.store import StoredPage
from formreader.template import Field as FormField
from formreader.values import CLASSES, POINT, UNREAD, DigitReading, FieldReading

_CHOICES: Final = 4
_RUNNERS: Final = 3
_LEAST_RUNNER: Final = 0.001
_LEAST_CHOICE: Final = 0.01
"""Beside the likeliest value, of a choice where no rule is broken."""
_TRIED: Final = 200
_COMPLETIONS: Final = 30

_Name = Annotated[str, Field(max_length=300)]
_Code = Annotated[str, Field(max_length=20)]
_Number = Annotated[int, Field(ge=1, le=2**62)]


class Wanted(Asked):
    """Which fields to give: those after one, perhaps of one form and field only, perhaps also those on Digits."""

    kind: Literal["rule", "doubt", "key"]
    reading: Number = 0
    field: _Name = ""
    form: _Name = ""
    name: _Name = ""
    digits: bool = False
    most: Annotated[int, Field(ge=1, le=10)] = 2


class Place(Asked):
    """A field of a page; with the review's code its picture may be kept by the browser."""

    reading: _Number
    field: _Name
    code: _Code = ""


class PageOf(Asked):
    """A page; with the review's code its picture may be kept by the browser."""

    reading: _Number
    code: _Code = ""


class Begun(Asked):
    """What was typed of a keyed field so far."""

    field: _Name
    start: Annotated[str, Field(max_length=500)] = ""


def fields(review: Review, _who: str, wanted: Wanted) -> Mapping[str, Any]:
    """Give the next fields of a kind in full, and how many are open in each field of each form."""
    last = (wanted.reading, wanted.field) if wanted.reading else None
    only = (wanted.form, wanted.name) if wanted.name else None
    found = review.queue.after(wanted.kind, last, wanted.most, only=only, with_alone=wanted.digits)
    groups = review.queue.groups(wanted.kind, with_alone=wanted.digits)
    return {
        "fields": [_about(review, page_with(review, one.reading, one.field), one.field, one) for one in found],
        "groups": [{"form": form, "field": field, "left": left} for form, field, left in groups[:500]],
        "left": review.queue.left(),
    }


def field(review: Review, _who: str, place: Place) -> Mapping[str, Any]:
    """Give one field in full, open or decided."""
    page = page_with(review, place.reading, place.field)
    return _about(review, page, place.field, review.queue.of(place.reading, place.field))


def _about(review: Review, page: StoredPage, name: str, known: Open | None) -> Mapping[str, Any]:
    """Say all that is to be seen of a field."""
    key = (page.sha256, page.page, name)
    with review.desk.turn():
        decision = review.desk.said("decisions", key)
        by = review.desk.origin("decisions", key, decision) if decision is not None and decision.stands else None
        marks = {position: said.new for position, said in review.desk.marks(*key).items()}
    read = next((one for one in page.fields if one.name == name), FieldReading(name, "", 0.0))
    digits = [digit for digit in page.digits if digit.box.field == name]
    described = review.forms.field(page.form, name, len(digits))
    kind = kind_of(review, page, name)
    is_keyed = kind == "key"
    stands = decision is not None and decision.stands
    value = decision.new if decision is not None and stands else _value(review, page, read, marks)
    broken = [] if is_keyed else [(rule.words, rule.severity) for rule in broken_by(page, name, value, review.forms)]
    if known is not None and known.rule[0] == "unique":
        broken.append((known.rule[1], "error"))
    return {
        "reading": page.reading,
        "field": name,
        "form": page.form,
        "scan": review.name_of(page),
        "page": page.page,
        "kind": known.kind if known else "key" if is_keyed else "doubt",
        "keyed": is_keyed,
        "holds": kind,
        "many": described is not None and described.many,
        "options": options_shown(described, digits),
        "value": value,
        "read": read.value,
        "confidence": read.confidence,
        "reasons": list(read.reasons),
        "broken": broken,
        "others": [] if is_keyed else _others(review, page, name, value),
        "choices": _choices(review, page, described, digits, read, value) if kind == "digits" else [],
        "words": list(described.allow) if described is not None else [],
        "point": _point(described),
        "decided": {"who": by.who, "at": by.at} if by else None,
        "version": seen(decision),
        **_shown(digits, marks, _doubtful(page, name), is_of_digits=kind == "digits"),
    }


def _doubtful(page: StoredPage, name: str) -> set[int]:
    """Give the positions of a field's boxes that a person should look at."""
    looked_at = needs_review(page.fields, page.digits)
    boxes = zip(page.digits, looked_at, strict=True)
    return {digit.box.position for digit, doubtful in boxes if doubtful and digit.box.field == name}


def _value(review: Review, page: StoredPage, read: FieldReading, marks: Mapping[int, str]) -> str:
    """Give a field's value with what people said of its boxes."""
    said = {position: mark for position, mark in marks.items() if mark != UNSURE}
    if not said or not read.holds_digits:
        return read.value
    made = value_by_marks(page, read.name, said, review.forms)
    return made.value if made is not None else _one_by_one(page, read, said)


def _one_by_one(page: StoredPage, read: FieldReading, said: Mapping[int, str]) -> str:
    """Give what boxes and people say one after the other, where nobody knows what the form makes of it."""
    boxes = sorted((digit for digit in page.digits if digit.box.field == read.name), key=lambda one: one.box.position)
    marks = (said.get(digit.box.position, digit.digit or _unread(digit)) for digit in boxes)
    text, right = "".join(marks), len(read.value.partition(POINT)[2])
    return f"{text[:-right]}{POINT}{text[-right:]}" if right else text


def _unread(digit: DigitReading) -> str:
    return "" if digit.reason in ("blank", "struck") else UNREAD


def _point(described: FormField | None) -> int | None:
    """Give the first position right of a printed point; None where a field has none, or one box for all."""
    if described is None or described.length != (1, 1) or described.decimals == (0, 0):
        return None
    return len(described.boxes) - described.decimals[1] + 1


def _others(review: Review, page: StoredPage, name: str, value: str) -> list[Mapping[str, Any]]:
    """Give the values that a field should agree with and does not, check by check."""
    template = review.forms.of(page.form)
    values = {one.name: one.value for one in page.fields} | {name: value}
    broken = (
        check
        for check in (template.checks if template else ())
        if name in check.fields and check.is_kept_by({**dict.fromkeys(check.fields, ""), **values}) is False
    )
    return [
        {"words": str(check), "values": [[other, values.get(other, "")] for other in dict.fromkeys(check.fields)]}
        for check in broken
    ]


def _choices(
    review: Review,
    page: StoredPage,
    described: FormField | None,
    digits: Sequence[DigitReading],
    read: FieldReading,
    value: str,
) -> list[str]:
    """Give the likeliest lawful values besides the one that stands there, best first."""
    found = [read.suggestion] if read.suggestion else []
    found += described.allow if described is not None and not is_read(value) else []
    found += _likely(review, page, described, digits)
    return [one for one in dict.fromkeys(found) if one != value][:_CHOICES]


def _likely(
    review: Review, page: StoredPage, described: FormField | None, digits: Sequence[DigitReading]
) -> Iterator[str]:
    """Give values by the probabilities of their boxes, likeliest first, that break no rule."""
    if described is None or not digits or not all(digit.box.holds_digits for digit in digits):
        return
    written = join(described, digits, FieldParams())
    if not written.value:
        return
    weighed = weigh([written], (), FieldParams())
    values, which = weighed.texts[written.field.name]
    is_lawful = not _breaks(review, page, described.name, written.value)
    for row in range(min(_TRIED, len(which))):
        if is_lawful and weighed.weights[row] < _LEAST_CHOICE * weighed.weights[0]:
            return
        value = values[which[row]]
        if _may_be_read(written, value) and not _breaks(review, page, described.name, value):
            yield value


def _may_be_read(written: Written, value: str) -> bool:
    """Say whether the boxes themselves speak for each digit of a value that they were not read as."""
    return all(
        mark == read
        or (
            box is not None
            and box.probabilities[CLASSES.index(mark)] >= _LEAST_RUNNER * box.probabilities[:10].sum() > 0
        )
        for read, mark, box in zip(written.value, value, written.boxes, strict=True)
    )


def _breaks(review: Review, page: StoredPage, name: str, value: str) -> bool:
    return any(rule.severity == "error" for rule in broken_by(page, name, value, review.forms))


def _shown(
    digits: Sequence[DigitReading], marks: Mapping[int, str], doubtful: Collection[int], *, is_of_digits: bool
) -> Mapping[str, Any]:
    """Say how the strip looks and what each box was read as."""
    if not digits:
        return {"strip": None, "boxes": [], "one_by_one": False}
    one_by_one = not any(digit.box.is_wide for digit in digits)
    layout = laid_out([digit.box for digit in digits])
    width, height = layout.size
    if not is_of_digits:
        return {"strip": {"width": width, "height": height}, "boxes": [], "one_by_one": False}
    spans = layout.spans() if one_by_one else [None] * len(digits)
    boxes = [
        {
            "position": digit.box.position,
            "digit": digit.digit or _unread(digit),
            "confidence": digit.confidence,
            "reason": digit.reason,
            "doubtful": digit.box.position in doubtful,
            "runners": _runners(digit),
            "mark": marks.get(digit.box.position),
            "span": span,
        }
        for digit, span in zip(digits, spans, strict=True)
    ]
    return {
        "strip": {"width": width, "height": height},
        "boxes": boxes,
        "one_by_one": one_by_one,
    }


def _runners(digit: DigitReading) -> list[tuple[str, float]]:
    """Give the likeliest other digits, with their shares."""
    shares = digit.probabilities[:10]
    best = np.argsort(-shares, kind="stable").tolist()
    others = [(CLASSES[place], float(shares[place])) for place in best if CLASSES[place] != digit.digit]
    return [(mark, round(share, 4)) for mark, share in others[:_RUNNERS] if share >= _LEAST_RUNNER]


def strip(review: Review, _who: str, place: Place) -> Picture:
    """Give a field's picture, cut from its scan."""
    page = page_with(review, place.reading, place.field)
    boxes = [digit.box for digit in page.digits if digit.box.field == place.field]
    if not boxes:
        raise Refused("Nothing was found of this field on its page.", 404)
    scan, missing = review.shelf.page(place.reading)
    if scan is None:
        raise Refused(missing, 404)
    return Picture(drawn_strip(scan, laid_out(boxes)), "jpeg", fixed=place.code == review.code)


def kept(review: Review, _who: str, place: Place) -> Mapping[str, Any]:
    """Say why a field's scan cannot be shown, and give the pictures of its boxes that the batch has."""
    page_with(review, place.reading, place.field)
    _, missing = review.shelf.page(place.reading)
    query = "SELECT position, picture FROM pictures WHERE reading = ? AND field = ? ORDER BY position"
    with review.desk.turn() as connection:
        rows = connection.execute(query, (place.reading, place.field)).fetchall()
    pictures = [{"position": position, "image": as_address(content)} for position, content in rows]
    return {"missing": missing, "pictures": pictures}


def page_marked(review: Review, _who: str, place: Place) -> Mapping[str, Any]:
    """Say how large a page's picture is and where a field lies in it; why there is none, where the scan is gone."""
    page = page_with(review, place.reading, place.field)
    boxes = [digit.box for digit in page.digits]
    whole, missing = review.shelf.whole(place.reading, boxes)
    if whole is None:
        return {"missing": missing}
    own = [whole.placed(box.corners) for box in boxes if box.field == place.field]
    return {"missing": "", "width": whole.width, "height": whole.height, "boxes": own}


def page_picture(review: Review, _who: str, asked: PageOf) -> Picture:
    """Give a whole page as picture."""
    page = review.page(asked.reading)
    whole, missing = review.shelf.whole(asked.reading, [digit.box for digit in page.digits])
    if whole is None:
        raise Refused(missing, 404)
    return Picture(whole.picture, "jpeg", fixed=asked.code == review.code)


def completions(review: Review, _who: str, begun: Begun) -> Mapping[str, Any]:
    """Give texts that were keyed for a field and begin so, most frequent first."""
    return {"texts": review.queue.keyed(begun.field, begun.start, _COMPLETIONS)}


ROUTES: Final = (
    Route("GET", "fields", Wanted, fields),
    Route("GET", "field", Place, field),
    Route("GET", "strip", Place, strip),
    Route("GET", "kept", Place, kept),
    Route("GET", "page_marked", Place, page_marked),
    Route("GET", "page_picture", PageOf, page_picture),
    Route("GET", "completions", Begun, completions),
)
