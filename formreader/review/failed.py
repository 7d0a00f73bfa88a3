"""The screen of failed pages: matched by hand, keyed, tried with another form, or called no form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

import numpy as np
from pydantic import Field

from formreader.allowed import broken_by
from formreader.errors import PageError
from formreader.review.by_hand import Draft, as_jpeg, form_drawn
from formreader.review.choices import in_order
from formreader.review.failures import FailedPage, looked_up
from formreader.review.state import Review, as_conflict, seen
from formreader.served.calls import Asked, Number, Picture, Refused, Route
from formreader.store import StoredPage
from formreader.template import Template
from formreader.values import FieldReading, PageRef

NOT_A_FORM: Final = "not_a_form"
_FORM_PX: Final = 1_400
_THUMBNAIL_PX: Final = 800

Name = Annotated[str, Field(max_length=300)]
Share = Annotated[float, Field(ge=-1, le=2, allow_inf_nan=False)]


class Portion(Asked):
    """Which of the failed pages to list."""

    skip: Number = 0
    most: Annotated[int, Field(ge=1, le=100)] = 24


class OfPage(Asked):
    """A failed page, by the number of the reading that failed."""

    reading: Number


class Shown(OfPage):
    """Its picture, turned clockwise by so many right angles."""

    turn: Annotated[int, Field(ge=0, le=3)] = 0


class OfForm(Asked):
    """A form of the batch."""

    form: Name


class OnForm(OfPage):
    """A failed page and a form that it may show."""

    form: Name


class Cornered(OfPage):
    """A failed page on which a person shows a form's corners, as shares of the scan's width and height."""

    form: Name
    corners: Annotated[list[tuple[Share, Share]], Field(min_length=4, max_length=4)]


class Retried(OfPage):
    """A failed page to try once more: with one form, or all of the batch's where none is named."""

    form: Name = ""


class Taken(Asked):
    """A reading that was shown and is right."""

    draft: Annotated[str, Field(max_length=40)]
    seen: Number


class SortedOut(OfPage):
    """A page that is no form."""

    seen: Number


class Keyed(OfPage):
    """All values of a failed page, typed by a person; `despite` of the rules that they break."""

    form: Name
    seen: Number
    values: Annotated[dict[Name, Annotated[str, Field(max_length=10_000)]], Field(max_length=2_000)]
    despite: bool = False


def failures(review: Review, _who: str, wanted: Portion) -> Mapping[str, Any]:
    """List failed pages."""
    pages = review.failures.listed(wanted.skip, wanted.most)
    return {"pages": [_described(review, page) for page in pages], "count": review.failures.count()}


def _described(review: Review, page: FailedPage) -> dict[str, Any]:
    with review.desk.turn():
        said = review.desk.said("sorted_pages", (page.sha256, page.page))
    return {
        "seen": seen(said),
        "reading": page.reading,
        "scan": page.scan,
        "page": page.page,
        "stage": page.stage,
        "reason": page.reason,
        "keeps": page.keeps,
    }


def _page(review: Review, reading: int) -> FailedPage:
    with review.desk.turn() as connection:
        page = looked_up(connection, reading)
    if page is None:
        raise Refused("This page is settled already, or was read meanwhile; go back to the list.", 409)
    return page


def failure(review: Review, _who: str, wanted: OfPage) -> Mapping[str, Any]:
    """Describe a failed page and what can be done about it."""
    page = _page(review, wanted.reading)
    size, why = (0, 0), ""
    try:
        size = review.by_hand.scan(page).pixels.shape[::-1]
    except PageError as error:
        why = str(error)
    forms = [_about(template) for template in review.forms.templates.values()]
    return {**_described(review, page), "size": size, "missing": why, "forms": forms}


def _about(template: Template) -> dict[str, Any]:
    return {
        "name": template.name,
        "size": (template.width, template.height),
        "drawn": template.reference is None,
        "whole": template.path is not None,
        "fields": [{"name": field.name, "boxes": field.boxes, "filler": field.filler} for field in template.fields],
    }


def thumbnail(review: Review, _who: str, wanted: OfPage) -> Picture:
    """Give the small picture that was kept when a page failed."""
    picture = _stored(review, wanted.reading)
    if picture is None:
        raise Refused("No picture of this page was kept.", 404)
    return Picture(picture, "jpeg", fixed=True)


def _stored(review: Review, reading: int) -> bytes | None:
    query = "SELECT picture FROM pictures WHERE reading = ? AND field IS NULL"
    with review.desk.turn() as connection:
        row = connection.execute(query, (reading,)).fetchone()
    return row[0] if row else None


def picture(review: Review, _who: str, wanted: Shown) -> Picture:
    """Draw the scan of a failed page."""
    try:
        scan = review.by_hand.scan(_page(review, wanted.reading))
    except PageError as error:
        raise Refused(str(error), 404) from error
    return Picture(as_jpeg(scan.colour if scan.colour is not None else scan.pixels, wanted.turn), "jpeg")


def form_picture(review: Review, _who: str, wanted: OfForm) -> Picture:
    """Draw a form as it is before anybody fills it in."""
    return Picture(as_jpeg(form_drawn(_template(review, wanted.form)), most_px=_FORM_PX), "jpeg")


def _template(review: Review, name: str) -> Template:
    template = review.forms.of(name)
    if template is None:
        raise Refused(f"The batch has no form '{name}', or its template is lost; give it with -t.", 404)
    return template


def corners(review: Review, _who: str, wanted: OnForm) -> Mapping[str, Any]:
    """Say where a form's corners seem to lie on a failed page: a place to begin from."""
    placed = review.by_hand.corners(_page(review, wanted.reading), _template(review, wanted.form))
    within = placed is not None and bool(np.isfinite(placed).all()) and placed.min() >= -1 and placed.max() <= 2
    return {"corners": placed.tolist() if placed is not None and within else None}


def match(review: Review, _who: str, shown: Cornered) -> Mapping[str, Any]:
    """Read a failed page by the corners that a person shows; nothing is stored."""
    template = _template(review, shown.form)
    if template.path is None:
        raise Refused(f"The template of '{shown.form}' is not where it was, or has changed; give it with -t.", 409)
    corners = np.array(shown.corners, np.float64)
    return _offered(review, *review.by_hand.read(_page(review, shown.reading), (template,), corners))


def retry(review: Review, _who: str, wanted: Retried) -> Mapping[str, Any]:
    """Try to read a failed page by itself once more; nothing is stored."""
    forms = (_template(review, wanted.form),) if wanted.form else tuple(review.forms.templates.values())
    lost = [template.name for template in forms if template.path is None]
    if lost or not forms:
        raise Refused("The templates are not where they were, or have changed; give them with -t.", 409)
    return _offered(review, *review.by_hand.read(_page(review, wanted.reading), forms, None))


def _offered(review: Review, code: str, draft: Draft) -> Mapping[str, Any]:
    """Show a reading with its boxes as shares of the scan's width and height."""
    height, width = review.by_hand.scan(draft.page).pixels.shape
    read = draft.reading
    boxes = [
        {
            "field": digit.box.field,
            "corners": ((digit.box.corners + 0.5) / (width, height)).round(5).tolist(),
            "digit": digit.digit or ("" if digit.reason in ("blank", "struck") else "?"),
            "doubtful": bool(digit.reason) and digit.reason not in ("blank", "struck"),
        }
        for digit in read.digits
    ]
    fields = [
        {
            "name": field.name,
            "value": field.value,
            "reasons": field.reasons,
            "broken": [rule.words for rule in field.broken],
        }
        for field in read.fields
    ]
    return {
        "draft": code,
        "form": read.form,
        "score": read.match.score,
        "doubted": any("page_unsure" in field.reasons for field in read.fields),
        "fields": fields,
        "boxes": boxes,
    }


def take(review: Review, who: str, taken: Taken) -> Mapping[str, Any]:
    """Store a reading that was shown."""
    draft = review.by_hand.draft(taken.draft)
    with review.desk.act(who, "page") as act:
        conflict = _conflict(review, draft.page, taken.seen)
        if conflict is None:
            act.read(draft.reading, "")
    return _settled(review, who, conflict, len(draft.reading.fields))


def key_page(review: Review, who: str, keyed: Keyed) -> Mapping[str, Any]:
    """Store what a person keyed of a whole page: its fields without a reading, and a decision about each."""
    from formreader.pipeline.by_hand import unread  # slow to load, and for most reviews never wanted

    page, template = _page(review, keyed.reading), _template(review, keyed.form)
    names = {field.name for field in template.fields}
    if names != keyed.values.keys():
        raise Refused("The form has other fields than were keyed; load the page again.", 409)
    values = {name: " ".join(value.split()) for name, value in keyed.values.items()}
    for described in template.fields:
        if described.kind in ("choice", "image"):
            values[described.name] = in_order(values[described.name], described)
    broken = _broken(review, keyed.form, values)
    if broken and not keyed.despite:
        return {"saved": False, "broken": broken}
    answer = unread(PageRef(review.desk.folder, page.page, page.scan, page.sha256), template)
    with review.desk.act(who, "key") as act:
        conflict = _conflict(review, page, keyed.seen)
        if conflict is None:
            act.read(answer, "")
            for name, value in values.items():
                act.say("decisions", (page.sha256, page.page, name), "", value)
    return _settled(review, who, conflict, len(values))


def _broken(review: Review, form: str, values: Mapping[str, str]) -> dict[str, list[str]]:
    """Say which rules the values of a page break, by field."""
    fields = tuple(FieldReading(name, value, 1.0) for name, value in values.items())
    page = StoredPage("", 1, "", 0, "read", form, fields=fields)
    words = {
        name: [rule.words for rule in broken_by(page, name, value, review.forms)] for name, value in values.items()
    }
    return {name: said for name, said in words.items() if said}


def sort_out(review: Review, who: str, said: SortedOut) -> Mapping[str, Any]:
    """Say that a page is no form: it is skipped, whatever was or will be read on it."""
    page = _page(review, said.reading)
    with review.desk.act(who, "page") as act:
        conflict = _conflict(review, page, said.seen)
        if conflict is None:
            act.say("sorted_pages", (page.sha256, page.page), "", NOT_A_FORM)
    return _settled(review, who, conflict, 1)


def set_aside(review: Review, who: str, said: SortedOut) -> Mapping[str, Any]:
    """Say that a page that was read does not belong here, such as one scanned twice: its values leave the tables.

    Raises
    ------
    Refused
        It was read again meanwhile, or is no page that was read.
    """
    with review.desk.turn():
        review.need(said.reading)
        page = review.desk.results.page_of(said.reading)
        if page.status != "read" or review.desk.counting(page.sha256, page.page) != said.reading:
            raise Refused("This page was read again or set aside meanwhile; look at what the table says now.", 409)
    key = (page.sha256, page.page)
    with review.desk.act(who, "page") as act:
        last = review.desk.said("sorted_pages", key)
        is_open = seen(last) == said.seen
        if is_open:
            act.say("sorted_pages", key, "", NOT_A_FORM)
    return _settled(review, who, None if is_open else as_conflict("", last, seen(last)), 1)


def bring_back(review: Review, who: str, said: SortedOut) -> Mapping[str, Any]:
    """Take back that a page is no form, whoever said so: it is as it was before."""
    with review.desk.turn():
        review.need(said.reading)
        page = review.desk.results.page_of(said.reading)
    key = (page.sha256, page.page)
    with review.desk.act(who, "page") as act:
        last = review.desk.said("sorted_pages", key)
        is_open = last is not None and last.stands and last.new == NOT_A_FORM and last.version == said.seen
        if last is not None and is_open:
            before = review.desk.before("sorted_pages", key, last)
            if before is None:
                act.say("sorted_pages", key, NOT_A_FORM, NOT_A_FORM, stands=False)
            else:
                act.say("sorted_pages", key, NOT_A_FORM, before.new, stands=before.stands)
    return _settled(review, who, None if is_open else as_conflict("", last, seen(last)), 0)


def _conflict(review: Review, page: FailedPage, version: int) -> Mapping[str, Any] | None:
    """Say what another did about a page since it was shown; None where nobody did anything."""
    said = review.desk.said("sorted_pages", (page.sha256, page.page))
    with review.desk.turn() as connection:
        is_open = looked_up(connection, page.reading) is not None
    return None if is_open and seen(said) == version else as_conflict("", said, seen(said))


def _settled(review: Review, who: str, conflict: Mapping[str, Any] | None, fields: int) -> Mapping[str, Any]:
    review.failures.look_again()
    review.boxes.look_again()
    if conflict is not None:
        return {"saved": False, "conflict": conflict}
    review.worked(who, fields)
    return {"saved": True}


ROUTES: Final = (
    Route("GET", "failures", Portion, failures),
    Route("GET", "failure", OfPage, failure),
    Route("GET", "failure/small", OfPage, thumbnail),
    Route("GET", "failure/picture", Shown, picture),
    Route("GET", "failure/form", OfForm, form_picture),
    Route("GET", "failure/corners", OnForm, corners),
    Route("POST", "failure/match", Cornered, match),
    Route("POST", "failure/retry", Retried, retry),
    Route("POST", "failure/take", Taken, take),
    Route("POST", "failure/key", Keyed, key_page),
    Route("POST", "failure/not-a-form", SortedOut, sort_out),
    Route("POST", "page/set-aside", SortedOut, set_aside),
    Route("POST", "failure/bring-back", SortedOut, bring_back),
)
