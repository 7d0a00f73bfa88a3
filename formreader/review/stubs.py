"""Stands in for the calls of the field screen until that is joined; delete it then, with its line in ``__init__``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

import numpy as np
from pydantic import Field

from formreader.errors import PageError
from formreader.review.by_hand import as_jpeg
from formreader.review.calls import Asked, Picture, Refused, Route
from formreader.review.failures import FailedPage
from formreader.review.state import Review, as_conflict, seen
from formreader.review.values import broken_by

Name = Annotated[str, Field(max_length=300)]


class OfField(Asked):
    """A field of a page."""

    reading: int
    field: Name


class Decided(OfField):
    """What a person says it holds."""

    seen: int
    new: Annotated[str, Field(max_length=500)]
    despite: bool = False


class Screen(Asked):
    """All that is decided at once."""

    fields: Annotated[list[Decided], Field(min_length=1, max_length=200)]


def decide(review: Review, who: str, screen: Screen) -> Mapping[str, Any]:
    """Store decisions about fields."""
    answer: dict[str, list[Any]] = {"saved": [], "conflicts": [], "refused": []}
    with review.desk.act(who, "field") as act:
        for one in screen.fields:
            page = review.page(one.reading)
            key = (page.sha256, page.page, one.field)
            said = review.desk.said("decisions", key)
            place = {"reading": one.reading, "field": one.field}
            broken = broken_by(page, one.field, one.new, review.forms)
            if seen(said) != one.seen:
                answer["conflicts"].append({**place, **as_conflict(one.new, said, seen(said))})
            elif broken and not one.despite:
                answer["refused"].append({**place, "broken": [rule.words for rule in broken]})
            else:
                old = next((field.value for field in page.fields if field.name == one.field), "")
                act.say("decisions", key, old, one.new)
                answer["saved"].append([one.reading, one.field])
    review.boxes.look_again()
    review.worked(who, len(answer["saved"]))
    return answer


def strip(review: Review, _who: str, wanted: OfField) -> Picture:
    """Cut a field from its scan."""
    page = review.page(wanted.reading)
    corners = [digit.box.corners for digit in page.digits if digit.box.field == wanted.field]
    try:
        scan = review.by_hand.scan(FailedPage(page.reading, page.sha256, page.page, "", "", "", keeps=False))
    except PageError as error:
        raise Refused(str(error), 404) from error
    if not corners:
        raise Refused("This reading has no boxes.", 404)
    points = np.concatenate(corners)
    margin = 0.6 * float(np.ptp(points[:, 1]))
    left, top = np.maximum(points.min(axis=0) - margin, 0).astype(int)
    right, bottom = (points.max(axis=0) + margin).astype(int)
    return Picture(as_jpeg(scan.pixels[top:bottom, left:right], most_px=900), "jpeg")


ROUTES: Final = (
    Route("POST", "decide", Screen, decide),
    Route("GET", "strip", OfField, strip),
)
