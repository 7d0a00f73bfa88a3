"""The whole batch as a grid: sorted, searched and filtered here, so that the browser is given what it shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from formreader.review.rows import Name, Wanted
from formreader.review.state import Review, seen
from formreader.served.calls import Asked, Number, Refused, Route

_HEAD: Final = ("scan", "page", "status")


class OfCell(Asked):
    """A field of a page, by the number of its reading."""

    reading: Number
    field: Name


def table(review: Review, _who: str, wanted: Wanted) -> Mapping[str, Any]:
    """Give some rows of the table with all their cells."""
    forms = review.desk.results.sheets()
    if wanted.form and wanted.form not in forms:
        raise Refused("The batch has no such form; load the page again.", 404)
    form = wanted.form or (forms[0] if len(forms) == 1 else "")
    if wanted.sort not in _HEAD and not (form or not forms):
        raise Refused("Choose a form to sort by its fields.", 400)
    rows, count = review.table.found(wanted)
    columns = review.table.columns(form) if form or not forms else ()
    with review.desk.turn():
        shown = [_shown(review, int(row["place"]), int(row["reading"]), columns) for row in rows]
    return {"columns": columns, "rows": shown, "count": count, "states": review.table.counts(), "forms": list(forms)}


def _shown(review: Review, place: int, reading: int, columns: tuple[str, ...]) -> dict[str, Any]:
    results = review.desk.results
    scan, number = results.listing().place(place)
    if not reading:
        why = f"the same as {results.listing().twin(place)}"
        return {"reading": 0, "scan": scan, "page": number, "status": "duplicate", "reason": why, "cells": []}
    page = replace(results.page_of(reading), scan=scan)
    fields = {field.name: field for field in page.fields}
    to_review = set(page.to_review)
    cells = []
    for name in columns:
        field = fields.get(name)
        state = "flagged" if name in to_review else "decided" if name in page.decided else ""
        cells.append([field.value if field else "", state if field else "none"])
    last = review.desk.said("sorted_pages", (page.sha256, page.page))
    sorted_out = last.version if page.status == "skipped" and last is not None and last.stands else 0
    said = {
        "reading": reading,
        "sorted": sorted_out,
        "seen": seen(last),
        "scan": scan,
        "page": number,
        "status": page.shown_status,
        "reason": page.reason,
    }
    return {**said, "cells": cells if page.status == "read" else []}


def cell(review: Review, _who: str, wanted: OfCell) -> Mapping[str, Any]:
    """Describe a field: what was read, what a person made of it, and why somebody should look."""
    with review.desk.turn():
        review.need(wanted.reading)
        page = review.desk.results.page_of(wanted.reading)
        field = next((one for one in page.fields if one.name == wanted.field), None)
        if field is None:
            raise Refused("This page has no such field; load the page again.", 404)
        key = (page.sha256, page.page, wanted.field)
        said = review.desk.said("decisions", key)
        by = review.desk.origin("decisions", key, said) if said is not None and said.stands else None
    return {
        "value": field.value,
        "seen": seen(said),
        "by": by.who if by else "",
        "at": by.at if by else "",
        "reasons": field.reasons if wanted.field not in page.decided else (),
        "broken": [rule.words for rule in field.broken],
        "suggestion": field.suggestion,
        "confidence": field.confidence,
    }


ROUTES: Final = (
    Route("GET", "table", Wanted, table),
    Route("GET", "cell", OfCell, cell),
)
