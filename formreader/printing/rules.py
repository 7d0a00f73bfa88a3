"""Mistakes in the names and rules of the fields to print: what the template made of them would be refused for.

Imported by `printing` alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from formreader.errors import TemplateError
from formreader.printing.rows import lies_inside
from formreader.printing.toml import written
from formreader.template import form_of_text
from formreader.template.lists import ListProblem, read_list
from formreader.template.rules_schema import ListTable

if TYPE_CHECKING:
    from formreader.printing.form import Asked, Form

_SIDE: Final = 10
_READ: Final = ("digits", "key")


def rule_mistakes(form: Form, folder: Path) -> Iterator[str]:
    """Give what is wrong with names, rules and checks, in the template's own words."""
    for field in form.fields:
        one_of = dict(field.passed_on).get("one_of")
        if isinstance(one_of, dict):
            try:
                listed(one_of, folder)
            except ListProblem as problem:
                yield f"field '{field.name}': 'one_of': {problem}"
    side = _SIDE * (max(len(form.fields), 60) + 1)
    head = {"name": form.name, "width": side, "height": side, "dpi": 300, "reference": "form.png"}
    if form.version != "":
        head["version"] = form.version
    tables: dict[str, Any] = {"form": head}
    tables["field"] = [_described(field, row, folder) for row, field in enumerate(form.fields)]
    if all(field.kind != "digits" for field in form.fields):
        tables["field"].append({"name": "of_digits", "boxes": [[0, side - _SIDE, _SIDE, _SIDE]]})
    if form.checks:
        tables["check"] = list(form.checks)
    try:
        form_of_text(written(tables))
    except TemplateError as error:
        yield from (line.strip() for line in str(error).splitlines()[1:])


def _described(field: Asked, row: int, folder: Path) -> dict[str, Any]:
    """Describe a field as in a template, at a place where it lies on no other."""
    boxes = [[float(_SIDE * k), float(_SIDE * row), float(_SIDE), float(_SIDE)] for k in range(max(field.digits, 1))]
    # Names and rules are all that is looked at here; what else belongs to a kind is checked with the fields file.
    kind = {} if field.kind == "digits" else {"kind": field.kind if field.kind in _READ else "key"}
    table = {"name": field.name, **kind, "boxes": boxes, **rules_of(field, folder)}
    return table | ({"decimals": field.decimals} if field.decimals else {})


def rules_of(field: Asked, folder: Path) -> dict[str, Any]:
    """Give the keys that mean the same in the template; a list in a file becomes the list itself."""
    keys = dict(field.passed_on)
    if isinstance(keys.get("one_of"), dict):
        try:
            keys["one_of"] = list(listed(keys["one_of"], folder))
        except ListProblem:
            del keys["one_of"]  # named as a mistake of its own
    return keys


def listed(one_of: dict[str, Any], folder: Path) -> tuple[str, ...]:
    """Read the list that a rule names; raises `ListProblem`."""
    name = str(one_of["file"])
    if not lies_inside(name):
        raise ListProblem(f"'{name}' should lie in the folder of the fields file")
    return read_list(folder, ListTable(file=name, column=str(one_of["column"])))
