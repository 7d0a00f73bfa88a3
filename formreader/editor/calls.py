"""The calls of the editor's page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, get_args

from pydantic import Field as Limits

from formreader.editor.document import Document, Id
from formreader.editor.scans import MOST_BYTES
from formreader.editor.state import Editing, placed
from formreader.errors import TemplateError
from formreader.rules import DATE_FORMATS, METHODS, all_formats, broken_rules
from formreader.served.calls import Asked, Nothing, Picture, Refused, Route, Uploaded
from formreader.template import Template
from formreader.values import FieldKind

_MOST_DRAFT: Final = 8 * 2**20
"""Bytes of a form of 5,000 fields."""

_KINDS: Final = {
    "digits": "digits, which are read",
    "key": "text, which a person keys",
    "choice": "tick boxes or bubbles",
    "barcode": "a QR code or barcode",
    "image": "anything, kept as a picture",
}

Window = Annotated[int, Limits(ge=0, le=2**31)]
Count = Annotated[int, Limits(ge=1, le=10_000)]


class Draft(Asked):
    """The template as a window has it."""

    window: Window
    document: Document


class Saved(Draft):
    """The template to be saved; over what another program wrote, if `over`."""

    over: bool = False


class Tried(Draft):
    """A value to hold against the rules of a field."""

    field: Id
    value: Annotated[str, Limits(max_length=500)]


class Page(Asked):
    """A page of the form."""

    page: Count = 1


class Scan(Uploaded):
    """A scan to be read."""

    name: Annotated[str, Limits(min_length=1, max_length=300)]


class PageOfScan(Asked):
    """A page of a scan that was dropped."""

    scan: Count
    page: Count = 1


class Reading(Draft, PageOfScan):
    """A page to be read with the draft."""


def opened(editing: Editing, _who: str, _asked: Nothing) -> Mapping[str, Any]:
    """Give all that the page opens on; windows opened before can only look from now on."""
    window = editing.enter()
    return {
        "window": window,
        "name": editing.path.name,
        "folder": str(editing.path.parent),
        "document": editing.document.model_dump(),
        "pages": len(editing.opened.pictures),
        "notes": editing.notes,
        "kinds": {kind: _KINDS.get(kind, kind) for kind in get_args(FieldKind)},
        "dates": DATE_FORMATS,
        "check_digits": {key: method.name for key, method in METHODS.items()},
        "formats": sorted(all_formats()),
        "state": _checked(editing),
    }


def check(editing: Editing, _who: str, asked: Draft) -> Mapping[str, Any]:
    """Keep the draft, and say what is wrong with it and what it means."""
    editing.told(asked.window, asked.document)
    return _checked(editing)


def _checked(editing: Editing) -> Mapping[str, Any]:
    templates, mistakes = editing.judged()
    problems = placed(mistakes, editing.document)
    sound = templates or editing.sound({one for problem in problems for one in problem["of"]})
    ids = {field.name: field.id for field in editing.document.fields}
    words = {ids[field.name]: list(editing.words(field)) for template in sound for field in template.fields}
    checks = list(dict.fromkeys(str(one) for template in sound for one in template.checks))
    state = {"saved": editing.is_saved, "drafted": editing.is_unsaved}
    return {"problems": problems, "words": words, "checks": checks, **state}


def save(editing: Editing, _who: str, asked: Saved) -> Mapping[str, Any]:
    """Write the template."""
    editing.told(asked.window, asked.document)
    return {**editing.save(over=asked.over), "state": _checked(editing)}


def drop(editing: Editing, _who: str, _asked: Nothing) -> Mapping[str, Any]:
    """Go back to what the file holds."""
    editing.dropped_draft()
    return {"document": editing.document.model_dump(), "state": _checked(editing)}


def try_value(editing: Editing, _who: str, asked: Tried) -> Mapping[str, Any]:
    """Say which of a field's rules a value would break."""
    editing.told(asked.window, asked.document)
    templates, mistakes = editing.judged()
    wrong = {one for problem in placed(mistakes, editing.document) for one in problem["of"]}
    sound = templates or editing.sound(wrong)
    name = next((field.name for field in editing.document.fields if field.id == asked.field), None)
    fields = (field for template in sound for field in template.fields)
    field = next((field for field in fields if field.name == name), None)
    if field is None:
        raise Refused("Put right first what is marked.", 409)
    return {"broken": [rule.words for rule in broken_rules(field.rules, asked.value, field.kind)]}


def picture(editing: Editing, _who: str, asked: Page) -> Picture:
    """Give the picture of a page of the form."""
    if asked.page > len(editing.opened.pictures):
        raise Refused("The form has no picture of that page.", 404)
    return Picture(editing.opened.pictures[asked.page - 1], "png")


def drop_scan(editing: Editing, _who: str, asked: Scan) -> Mapping[str, Any]:
    """Take a scan."""
    return editing.dropped.add(asked.name, asked.content)


def read(editing: Editing, _who: str, asked: Reading) -> Mapping[str, Any]:
    """Read a page of a scan with the draft."""
    editing.told(asked.window, asked.document)
    templates: tuple[Template, ...] | str
    try:
        templates = editing.templates()
    except TemplateError:
        templates = "It is read as soon as all that is marked is put right."
    return editing.dropped.read(asked.scan, asked.page, templates)


def scan_picture(editing: Editing, _who: str, asked: PageOfScan) -> Picture:
    """Give the picture of a page of a scan."""
    return editing.dropped.picture(asked.scan, asked.page)


ROUTES: Final = (
    Route("GET", "opened", Nothing, opened),
    Route("POST", "check", Draft, check, most_bytes=_MOST_DRAFT),
    Route("POST", "save", Saved, save, most_bytes=_MOST_DRAFT),
    Route("POST", "drop", Nothing, drop),
    Route("POST", "try", Tried, try_value, most_bytes=_MOST_DRAFT),
    Route("GET", "picture", Page, picture),
    Route("POST", "scan", Scan, drop_scan, most_bytes=MOST_BYTES),
    Route("POST", "read", Reading, read, most_bytes=_MOST_DRAFT),
    Route("GET", "scan/picture", PageOfScan, scan_picture),
)
