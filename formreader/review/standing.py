"""What is left to do, shown at the top of every screen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from formreader.review.calls import Nothing, Route
from formreader.review.state import Review


def standing(review: Review, who: str, _: Nothing) -> Mapping[str, Any]:
    """Say what is open on each screen, how fast this person works, and what to know of the batch."""
    return {
        "name": review.desk.folder.name,
        "who": who,
        "code": review.code,
        "forms": list(review.desk.results.forms()),
        "notes": list(review.forms.notes),
        "boxes": review.boxes.counts(),
        "fields": review.queue.left(),
        "pages": review.failures.count(),
        "a_minute": review.a_minute(who),
        "second_key": review.mode.second_key,
        "audit": review.mode.audit,
    }


ROUTES: Final = (Route("GET", "standing", Nothing, standing),)
