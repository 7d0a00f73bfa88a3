"""A template as it is edited: what the browser holds, and how it comes from the file's tables and goes back to them.

JSON says less than TOML: what it cannot say goes to the browser as a text that comes back as it was.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from typing import Annotated, Any, Final

import tomlkit
from pydantic import Field as Limits

from formreader.served.calls import Asked

Tables = dict[str, Any]
"""What `tomllib` makes of a file."""

_KEPT: Final = "toml"
"""Key of what JSON cannot say."""
_EXACT: Final = 2**53
"""Whole numbers beyond it are not kept by a browser."""
MOST_FIELDS: Final = 5_000

Id = Annotated[str, Limits(min_length=1, max_length=40)]
Box = Annotated[list[Annotated[float, Limits(allow_inf_nan=False)]], Limits(min_length=4, max_length=4)]


class EditedField(Asked):
    """A field as it is edited.

    Attributes
    ----------
    id
        Stays while its name and place change.
    name, kind, page, boxes
        None where the table leaves them out, or says of them what cannot be.
    wide
        Its single box is written as ``box``: one for several digits, or a strip.
    keys
        All else that its table says, as it stands there.
    """

    id: Id
    name: str | None = None
    kind: str | None = None
    page: int | None = None
    boxes: Annotated[list[Box], Limits(max_length=1_000)] | None = None
    wide: bool = False
    keys: dict[str, Any] = {}  # noqa: RUF012 - pydantic copies it


class EditedCheck(Asked):
    """A check across fields as it is edited."""

    id: Id
    keys: dict[str, Any]


class Document(Asked):
    """A template as it is edited: fields in the order of the file, which is that of the columns."""

    form: dict[str, Any]
    fields: Annotated[list[EditedField], Limits(max_length=MOST_FIELDS)]
    checks: Annotated[list[EditedCheck], Limits(max_length=MOST_FIELDS)] = []  # noqa: RUF012 - pydantic copies it


def document_of(tables: Tables, field_ids: Sequence[str], check_ids: Sequence[str]) -> Document:
    """Give a file's tables as a document; what is no table is left out, and stands in the file's text alone."""
    fields = [_field_of(table, one) for one, table in zip(field_ids, listed(tables, "field"), strict=True)]
    checks = [
        EditedCheck(id=one, keys=_as_json(table)) for one, table in zip(check_ids, listed(tables, "check"), strict=True)
    ]
    form = tables.get("form")
    return Document(form=_as_json(form) if isinstance(form, dict) else {}, fields=fields, checks=checks)


def listed(tables: Tables, key: str) -> list[Tables]:
    """Give the tables of a list of tables."""
    found = tables.get(key)
    return [table for table in found if isinstance(table, dict)] if isinstance(found, list) else []


def table_of(field: EditedField) -> Tables:
    """Give the table that a field is written as."""
    own = {"name": field.name, "kind": field.kind, "page": field.page}
    table: Tables = {key: value for key, value in own.items() if value is not None}
    if field.boxes is not None:
        boxes = [[_plain(number) for number in box] for box in field.boxes]
        table |= {"box": boxes[0]} if field.wide and len(boxes) == 1 else {"boxes": boxes}
    return table | {key: value for key, value in _from_json(field.keys).items() if key not in table}


def tables_of(document: Document) -> Tables:
    """Give the tables that a document is written as."""
    tables: Tables = {"form": _from_json(document.form)}
    if document.fields:
        tables["field"] = [table_of(field) for field in document.fields]
    if document.checks:
        tables["check"] = [_from_json(check.keys) for check in document.checks]
    return tables


def same(one: Any, other: Any) -> bool:
    """Say whether two values of TOML are the same, but for 5 and 5.0."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float) and isinstance(other, float) and math.isnan(one):
        return math.isnan(other)
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def _field_of(table: Tables, one: str) -> EditedField:
    boxes = [table["box"]] if "box" in table else table.get("boxes")
    is_sound = isinstance(boxes, list) and all(map(_is_box, boxes)) and not {"box", "boxes"} <= table.keys()
    page = table.get("page")
    said = {
        "name": table.get("name") if isinstance(table.get("name"), str) else None,
        "kind": table.get("kind") if isinstance(table.get("kind"), str) else None,
        "page": page if isinstance(page, int) and not isinstance(page, bool) and abs(page) < _EXACT else None,
        "boxes": boxes if is_sound else None,
    }
    own = {key for key, value in said.items() if value is not None} | ({"box"} if is_sound else set())
    keys = {key: _as_json(value) for key, value in table.items() if key not in own}
    return EditedField.model_validate({"id": one, **said, "wide": "box" in table, "keys": keys})


def _is_box(box: Any) -> bool:
    return (
        isinstance(box, list)
        and len(box) == 4
        and all(isinstance(number, int | float) and not isinstance(number, bool) for number in box)
        and all(math.isfinite(number) and abs(number) < _EXACT for number in box)
    )


def _as_json(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _as_json(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_as_json(one) for one in value]
    is_exotic = (
        isinstance(value, datetime | date | time)
        or (isinstance(value, float) and not math.isfinite(value))
        or (isinstance(value, int | float) and abs(value) >= _EXACT)
    )
    return {_KEPT: tomlkit.item(value).as_string()} if is_exotic else value


def _from_json(value: Any) -> Any:
    if isinstance(value, dict):
        if value.keys() == {_KEPT} and isinstance(value[_KEPT], str):
            return _kept(value[_KEPT])
        return {key: _from_json(one) for key, one in value.items() if one is not None}
    if isinstance(value, list):
        return [_from_json(one) for one in value]
    return _plain(value)


def _kept(text: str) -> Any:
    """Read what the browser was given as a text; what is none of these stays a text."""
    try:
        read = tomllib.loads(f"kept = {text}")
    except tomllib.TOMLDecodeError:
        return text
    is_lawful = read.keys() == {"kept"} and isinstance(read["kept"], datetime | date | time | int | float)
    return read["kept"] if is_lawful else text


def _plain(value: Any) -> Any:
    """Write 5 for 5.0: a browser does not tell them apart."""
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT else value
