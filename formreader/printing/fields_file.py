"""Read a fields file: what a form shall hold, in the order of the file, or all that is wrong with it.

Imported by `printing` alone.
"""

from __future__ import annotations

import itertools
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal

from formreader.errors import TemplateError, UnusableCall
from formreader.printing import tables
from formreader.printing.rows import read_rows
from formreader.printing.rules import rule_mistakes
from formreader.template.wording import did_you_mean, shown

Kind = Literal["digits", "key", "image", "choice", "barcode"]

LARGEST_BYTES: Final = 1_000_000
MOST_FIELDS: Final = 2_000  # twenty-five full pages
SERIAL: Final = "serial"
"""The field that holds a copy's number."""
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
_TABLES: Final = ("form", "check", *tables.ITEMS)
_HEADERS: Final = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\'|\#[^\n]*'
    r"|^[ \t]*\[\[[ \t]*([\w-]+)[ \t]*\]\]",
    re.DOTALL | re.MULTILINE,
)
"""TOML's strings and comments, so that what looks like a table's head in one of them is passed over; and such heads."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A field to print.

    Attributes
    ----------
    digits
        How many boxes, of a field of digits.
    layout
        Of a date, such as ``DDMMYYYY``: there is a gap between its parts.
    letters
        What stands under the boxes, a letter each.
    passed_on
        Keys that go into its template as they are.
    note
        Whose row of a table it is.
    """

    name: str
    label: str
    hint: str = ""
    kind: Kind = "digits"
    digits: int = 0
    decimals: int = 0
    layout: str = ""
    letters: str = ""
    options: tuple[str, ...] = ()
    many: bool = False
    bubbles: bool = False
    width_mm: float | None = None
    height_mm: float | None = None
    new_page: bool = False
    passed_on: tuple[tuple[str, Any], ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Grid:
    """A table to print: `rows` are what stands before each, and `fields` has one tuple a row, one field a column."""

    heading: str
    row_label: str
    rows: tuple[str, ...]
    fields: tuple[tuple[Asked, ...], ...]
    new_page: bool = False
    place: str = "table"


@dataclass(frozen=True, slots=True)
class Words:
    """A heading, paragraphs, or both."""

    heading: str
    paragraphs: tuple[str, ...]
    new_page: bool = False


Item = Asked | Grid | Words


@dataclass(frozen=True, slots=True)
class Form:
    """All that a fields file says; texts may name columns, as ``{name}``."""

    name: str
    title: str
    instructions: tuple[str, ...]
    items: tuple[Item, ...]
    checks: tuple[Mapping[str, Any], ...] = ()
    paper: str = "A4"
    tone: str = "black"
    rtl: bool = False
    language: str = ""
    foot: str = "Page {page} of {pages}"
    number: str = "No. {serial}"
    version: str | int = ""

    @property
    def fields(self) -> tuple[Asked, ...]:
        """All fields, those of tables row by row."""
        return tuple(field for item in self.items for field in _fields_of(item))

    def texts(self) -> Iterator[tuple[str, str]]:
        """Give every text that is printed, with its place in the file."""
        yield from (("form", text) for text in (self.title or self.name, *self.instructions, self.foot, self.number))
        for item in self.items:
            match item:
                case Words():
                    yield from (("text", text) for text in (item.heading, *item.paragraphs))
                case Grid():
                    yield from ((item.place, text) for text in (item.heading, item.row_label, *item.rows))
        for field in self.fields:
            yield from (
                (f"field '{field.name}'", text) for text in (field.label, field.hint, field.letters, *field.options)
            )


def _fields_of(item: Item) -> tuple[Asked, ...]:
    match item:
        case Asked():
            return (item,)
        case Grid():
            return tuple(field for row in item.fields for field in row)
        case Words():
            return ()


def read_fields(path: Path) -> Form:
    """Read and check a fields file.

    Raises
    ------
    TemplateError
        It cannot be read, or has mistakes: all of them, each with its place.
    """
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise TemplateError(f"{path}: larger than {LARGEST_BYTES // 1_000_000} MB; that is no fields file")
        text = path.read_bytes().decode("utf-8-sig")
        told = tomllib.loads(text)
    except OSError as error:
        raise TemplateError(f"{path}: cannot be read ({error.strerror}); check the name") from error
    except UnicodeDecodeError as error:
        raise TemplateError(f"{path}: the text is not UTF-8 (byte {error.start}); save it as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise TemplateError(f"{path}: no valid TOML: {error}; put that place right") from error
    problems: list[str] = []
    form = _form(told, text, path.parent, problems)
    if problems or form is None:
        raise TemplateError("\n  ".join([f"{path.name}: {_count(problems)}", *dict.fromkeys(problems)]))
    return form


def _count(problems: Sequence[str]) -> str:
    count = len(dict.fromkeys(problems))
    return "1 problem" if count == 1 else f"{count} problems"


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
        instructions=_paragraphs(head.instructions),
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


def _paragraphs(told: str | list[str]) -> tuple[str, ...]:
    parts = re.split(r"\n\s*\n", told) if isinstance(told, str) else told
    return tuple(one for part in parts if (one := " ".join(part.split())))


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
            yield from _item(kind, number, table, folder, problems)
    for kind, left in waiting.items():  # whose heads are written otherwise, as [["field"]]
        for number, table in left:
            yield from _item(kind, number, table, folder, problems)


def _item(kind: str, number: int, table: Any, folder: Path, problems: list[str]) -> Iterator[Item]:
    place = _place(kind, number, table)
    parsed = tables.parsed(tables.ITEMS[kind], table, place, problems)
    match parsed:
        case tables.TextTable():
            if not parsed.heading and not parsed.text and not parsed.new_page:
                problems.append(f"{place}: it says nothing; give it a 'heading' or a 'text'")
            yield Words(" ".join(parsed.heading.split()), _paragraphs(parsed.text), parsed.new_page)
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
    if len(set(options)) != len(options):
        yield "'options' names one twice"
    for option in options:
        if not option.strip() or ";" in option:
            yield f"an option should be a text without ';', which parts several: {shown(option)}"


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
    """Give what stands before each row: its number, or a cell of a class list."""
    if isinstance(table.rows, int):
        return tuple(map(str, range(1, table.rows + 1)))
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
