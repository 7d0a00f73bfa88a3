"""What is left to do, shown at the top of every screen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from formreader.review.state import Review
from formreader.served.calls import Nothing, Route


def standing(review: Review, who: str, _: Nothing) -> Mapping[str, Any]:
    """Say what is open on each screen, how fast this person works, and what to know of the batch."""
    return {
        "name": review.desk.folder.name,
        "who": who,
        "code": review.code,
        "batch": review.batch,
        "forms": list(review.desk.results.sheets()),
        "notes": list(review.forms.notes),
        **(_usual(review) if review.mode.kind == "usual" else {}),
        "blind": _blind(review, who),
        "a_minute": review.a_minute(who),
        "second_key": review.mode.second_key,
        "audit": review.audited.audit.id if review.audited else None,
    }


def _usual(review: Review) -> Mapping[str, Any]:
    return {"boxes": review.boxes.counts(), "fields": review.queue.left(), "pages": review.failures.count()}


def _blind(review: Review, who: str) -> Mapping[str, int]:
    """Count what is left to key blind, and what is of it."""
    if review.audited is not None:
        return review.audited.left(who)._asdict()
    if review.mode.second_key:
        return dict(zip(("left", "differing"), review.second.left(who), strict=True))
    return {}


ROUTES: Final = (Route("GET", "standing", Nothing, standing, ("usual", "second", "audit")),)
