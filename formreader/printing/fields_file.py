"""Read a fields file: what a form shall hold, in the order of the file, or all that is wrong with it.

Imported by `printing` alone.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from formreader.printing import tables
from formreader.printing.form import Form, Item
from formreader.printing.items import items_of, paragraphs
from formreader.printing.rules import rule_mistakes
from formreader.template.toml_text import mistakes, read_toml
from formreader.template.wording import did_you_mean

MOST_FIELDS: Final = 2_000  # twenty-five full pages
_TABLES: Final = ("form", "check", *tables.ITEMS)
_HEADERS: Final = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\'|\#[^\n]*'
    r"|^[ \t]*\[\[[ \t]*([\w-]+)[ \t]*\]\]",
    re.DOTALL | re.MULTILINE,
)
"""TOML's strings and comments, so that what looks like a table's head in one of them is passed over; and such heads."""


def read_fields(path: Path) -> Form:
    """Read and check a fields file.

    Raises
    ------
    TemplateError
        It cannot be read, or has mistakes: all of them, each with its place.
    """
    text, told = read_toml(path)
    problems: list[str] = []
    form = _form(told, text, path.parent, problems)
    if problems or form is None:
        raise mistakes(path.name, list(dict.fromkeys(problems)))
    return form


def _form(told: Mapping[str, Any], text: str, folder: Path, problems: list[str]) -> Form | None:
    problems += [
        f"fields file: unknown table '{key}'{did_you_mean(key, _TABLES)}" for key in told if key not in _TABLES
    ]
    if "form" not in told:
        problems.append("form: the table [form] is missing; it needs at least a 'name'")
    head = tables.parsed(tables.FormTable, told.get("form", {"name": "?"}), "form", problems)
    items = tuple(_items(told, text, folder, problems))
    checks = told.get("check", [])
    if not isinstance(checks, list) or not all(isinstance(check, dict) for check in checks):
        problems.append("check: write [[check]], with two brackets, for each check")
        checks = []
    form = Form("?", "", (), items, tuple(checks))
    if not form.fields and not problems:
        problems.append("fields file: it has no field; add a [[field]] table for each field of the form")
    if len(form.fields) > MOST_FIELDS:
        problems.append(f"fields file: it has {len(form.fields):,} fields; {MOST_FIELDS:,} at most go on one form")
    if head is None:
        return None
    form = Form(
        name=head.name,
        title=" ".join(head.title.split()),
        instructions=paragraphs(head.instructions),
        items=items,
        checks=form.checks,
        paper=head.paper or "A4",
        tone=head.tone or "black",
        rtl=head.direction == "rtl",
        language=head.language,
        foot=head.foot,
        number=head.number,
        version=head.version,
    )
    problems += rule_mistakes(form, folder)
    return form


def _items(told: Mapping[str, Any], text: str, folder: Path, problems: list[str]) -> Iterator[Item]:
    """Give what the form holds in the order of the file, which TOML's own reader does not keep between kinds."""
    waiting: dict[str, Iterator[tuple[int, Any]]] = {}
    for kind in tables.ITEMS:
        listed = told.get(kind, [])
        if not isinstance(listed, list):
            problems.append(f"{kind}: write [[{kind}]], with two brackets, for each {kind}")
            listed = []
        waiting[kind] = iter(list(enumerate(listed, 1)))
    heads = [match[1] for match in _HEADERS.finditer(text) if match[1] in tables.ITEMS]
    for kind in heads:
        for number, table in itertools.islice(waiting[kind], 1):
            yield from items_of(kind, number, table, folder, problems)
    for kind, left in waiting.items():  # whose heads are written otherwise, as [["field"]]
        for number, table in left:
            yield from items_of(kind, number, table, folder, problems)
