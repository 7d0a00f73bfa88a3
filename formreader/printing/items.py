"""Items of a fields file, fields, tables and texts, and what is wrong with each.

Imported by `printing` alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from formreader.errors import UnusableCall
from formreader.printing import tables
from formreader.printing.form import SERIAL, Asked, Grid, Item, Words
from formreader.printing.rows import lies_inside, read_rows
from formreader.template.kinds import option_problems
from formreader.template.wording import shown

_OWN_KEYS: Final[Mapping[str, frozenset[str]]] = {
    "digits": frozenset({"digits", "decimals", "letters"}),
    "choice": frozenset({"options", "many", "marks"}),
    "key": frozenset({"width", "height"}),
    "image": frozenset({"width", "height"}),
    "barcode": frozenset({"width", "height"}),
}
_RULES_OF: Final[Mapping[str, frozenset[str]]] = {
    "choice": frozenset({"required"}),
    "image": frozenset({"required"}),
    "barcode": frozenset({"required", "pattern", "one_of", "unique", "severity"}),
}
"""Which rules there are of kinds that are neither digits nor keyed text: those are checked as the template's are."""


def items_of(kind: str, number: int, table: Any, folder: Path, problems: list[str]) -> Iterator[Item]:
    """Make what a table of the file stands for; its mistakes are added to the problems."""
    place = _place(kind, number, table)
    parsed = tables.parsed(tables.ITEMS[kind], table, place, problems)
    match parsed:
        case tables.TextTable():
            if not parsed.heading and not parsed.text and not parsed.new_page:
                problems.append(f"{place}: it says nothing; give it a 'heading' or a 'text'")
            yield Words(" ".join(parsed.heading.split()), paragraphs(parsed.text), parsed.new_page)
        case tables.FieldTable():
            yield _asked(parsed, table, place, problems)
        case tables.TableTable():
            yield from _grid(parsed, number, place, folder, problems)


def _place(kind: str, number: int, table: Any) -> str:
    name = table.get("name") if isinstance(table, dict) else None
    return f"{kind} '{name}'" if isinstance(name, str) and name else f"{kind} number {number}"


def _asked(table: tables.FieldTable, told: Mapping[str, Any], place: str, problems: list[str]) -> Asked:
    """Make a field; what its kind cannot have is added to the problems."""
    problems += [f"{place}: {problem}" for problem in _kind_problems(table)]
    date = table.date or ""
    return Asked(
        name=table.name,
        label=" ".join((table.name if table.label is None else table.label).split()),
        hint=" ".join(table.hint.split()),
        kind=table.kind,
        digits=(table.digits or len(date) or 1) if table.kind == "digits" else 0,
        decimals=table.decimals or 0,
        layout=date,
        letters=date if table.letters is None else table.letters,
        options=tuple(" ".join(option.split()) for option in table.options or ()),
        many=table.many,
        bubbles=table.marks == "bubbles",
        width_mm=table.width,
        height_mm=table.height,
        new_page=table.new_page,
        passed_on=tuple((key, told[key]) for key in tables.PASSED_ON if key in told),
    )


def _kind_problems(table: tables.FieldTable) -> Iterator[str]:
    if table.name.casefold() == SERIAL:
        yield f"the name '{SERIAL}' is that of a copy's printed number; take another"
    for key in sorted(table.model_fields_set & frozenset().union(*_OWN_KEYS.values())):
        if key not in _OWN_KEYS[table.kind]:
            yield f"'{key}' does not go with kind \"{table.kind}\"; leave it out"
    for key in sorted(
        table.model_fields_set & (frozenset(tables.PASSED_ON) - _RULES_OF.get(table.kind, table.model_fields_set))
    ):
        yield f"'{key}' does not go with kind \"{table.kind}\"; leave it out"
    if table.kind == "choice":
        yield from _option_problems(table.options or [])
    if table.kind != "digits":
        return
    if table.digits is None and table.date is None:
        yield "it needs 'digits': how many boxes"
    if table.date and table.digits not in (None, len(table.date)):
        yield f"'digits' is {table.digits}, but a date of '{table.date}' has {len(table.date)}; leave 'digits' out"
    if table.letters and len(table.letters) != (table.digits or len(table.date or "")):
        yield f"'letters' should have one letter a box, not {shown(table.letters)}"
    if table.decimals and table.decimals >= (table.digits or 0):
        yield f"'decimals' should be less than 'digits', which counts them too: {table.decimals} of {table.digits or 0}"


def _option_problems(options: Sequence[str]) -> Iterator[str]:
    if not options:
        yield 'it needs \'options\', as ["yes", "no"]'
    yield from option_problems([" ".join(option.split()) for option in options], 0)


def _grid(table: tables.TableTable, number: int, place: str, folder: Path, problems: list[str]) -> Iterator[Grid]:
    columns: list[Asked] = []
    for told in table.columns:
        where = f"{place}, column '{told['name']}'" if isinstance(told.get("name"), str) else f"{place}, a column"
        parsed = tables.parsed(tables.FieldTable, told, where, problems)
        if parsed is None:
            continue
        if parsed.kind not in ("digits", "choice"):
            problems.append(f'{where}: a table\'s columns are digits or choices, not "{parsed.kind}"')
        problems += [
            f"{where}: '{key}' has no place in a table; leave it out" for key in ("hint", "new_page") if key in told
        ]
        columns.append(_asked(parsed, told, where, problems))
    rows = _rows(table, place, folder, problems)
    prefix = f"{table.name}_" if table.name else f"table{number}_" if number > 1 else ""
    wide = max(2, len(str(len(rows))))
    fields = tuple(
        tuple(_in_row(column, f"{prefix}row{row:0{wide}}_", text) for column in columns)
        for row, text in enumerate(rows, 1)
    )
    if columns and rows:
        yield Grid(" ".join(table.heading.split()), table.row_label, rows, fields, table.new_page, place)


def _in_row(column: Asked, prefix: str, row: str) -> Asked:
    return replace(column, name=f"{prefix}{column.name}", note=row)


def _rows(table: tables.TableTable, place: str, folder: Path, problems: list[str]) -> tuple[str, ...]:
    """Give what stands before each row: its number, a name of the fields file, or a cell of a class list."""
    if isinstance(table.rows, int):
        return tuple(map(str, range(1, table.rows + 1)))
    if isinstance(table.rows, list):
        return tuple(" ".join(name.split()) for name in table.rows)
    if not lies_inside(table.rows.file):
        problems.append(f"{place}: 'rows': {shown(table.rows.file)} should lie in the folder of the fields file")
        return ()
    try:
        cells = read_rows(folder / table.rows.file).column(table.rows.column)
    except UnusableCall as problem:
        problems.append(f"{place}: 'rows': {problem}")
        return ()
    except KeyError as problem:
        problems.append(f"{place}: 'rows': '{table.rows.file}' has {problem.args[0]}")
        return ()
    if len(cells) > tables.MOST_ROWS:
        problems.append(f"{place}: 'rows': '{table.rows.file}' has {len(cells):,} rows; {tables.MOST_ROWS} at most")
    # A name is printed as it stands: braces in it name no column.
    return tuple(cell.replace("{", "{{").replace("}", "}}") for cell in cells[: tables.MOST_ROWS])


def paragraphs(told: str | list[str]) -> tuple[str, ...]:
    """Give the paragraphs of a text, each on one line."""
    parts = re.split(r"\n\s*\n", told) if isinstance(told, str) else told
    return tuple(one for part in parts if (one := " ".join(part.split())))
