"""Tables of a fields file, as people write them: what it may say, and every mistake in it with its place.

Imported by `printing` alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import Field as Limits
from pydantic import StrictInt, ValidationError

from formreader.template.rules_schema import RuleKeys, Table
from formreader.template.wording import did_you_mean, nearest, shown

LONGEST_TEXT: Final = 5_000
MOST_DIGITS: Final = 40
MOST_ROWS: Final = 500
MOST_OPTIONS: Final = 50
PASSED_ON: Final = (*RuleKeys.model_fields, "required", "filler", "filler_only")
"""Keys of a field that mean in its template what they mean here."""

Text = Annotated[str, Limits(max_length=LONGEST_TEXT)]
Lines = Text | list[Text]
Millimetres = Annotated[float, Limits(ge=4, le=300, allow_inf_nan=False)]


class FormTable(Table):
    """``[form]``."""

    name: Text
    title: Text = ""
    instructions: Lines = ""
    paper: Literal["A4", "Letter"] | None = None
    tone: Literal["black", "pale"] | None = None
    direction: Literal["ltr", "rtl"] = "ltr"
    language: Annotated[str, Limits(max_length=40)] = ""
    foot: Text = "Page {page} of {pages}"
    number: Text = "No. {serial}"
    version: Annotated[str, Limits(max_length=40)] | StrictInt = ""


class FieldTable(RuleKeys):
    """``[[field]]``, and a column of a ``[[table]]``."""

    name: Text
    label: Text | None = None
    hint: Text = ""
    kind: Literal["digits", "key", "image", "choice", "barcode"] = "digits"
    digits: Annotated[StrictInt, Limits(ge=1, le=MOST_DIGITS)] | None = None
    decimals: Annotated[StrictInt, Limits(ge=1, le=MOST_DIGITS)] | None = None
    letters: Text | None = None
    options: Annotated[list[Text], Limits(min_length=1, max_length=MOST_OPTIONS)] | None = None
    many: bool = False
    marks: Literal["boxes", "bubbles"] = "boxes"
    width: Millimetres | None = None
    height: Millimetres | None = None
    required: bool | None = None
    filler: list[Literal["X", "-"]] = []  # noqa: RUF012 - pydantic copies it
    filler_only: Literal["struck", "blank", "zero"] = "struck"
    new_page: bool = False


class RowsTable(Table):
    """``{file = "class.csv", column = "name"}``."""

    file: Text
    column: Text


class TableTable(Table):
    """``[[table]]``."""

    name: Text = ""
    heading: Text = ""
    rows: (
        Annotated[StrictInt, Limits(ge=1, le=MOST_ROWS)]
        | Annotated[list[Text], Limits(min_length=1, max_length=MOST_ROWS)]
        | RowsTable
    )
    row_label: Text = ""
    columns: Annotated[list[dict[str, Any]], Limits(min_length=1, max_length=40)]
    new_page: bool = False


class TextTable(Table):
    """``[[text]]``."""

    heading: Text = ""
    text: Lines = ""
    new_page: bool = False


ITEMS: Final[dict[str, type[Table]]] = {"field": FieldTable, "table": TableTable, "text": TextTable}
"""What a form is made of, in the order in which it stands in the file."""

_MEANINGS: Final = {
    "instructions": "is a text, or a list of paragraphs",
    "text": "is a text, or a list of paragraphs",
    "rows": f'is a number from 1 to {MOST_ROWS}, a list of names, or {{file = "class.csv", column = "name"}}',
    "columns": 'is a list of fields, as [{name = "mark", digits = 2}]',
    "min": 'is a number, or of a \'date\' a day, as "2024-12-31", or "today"',
    "max": 'is a number, or of a \'date\' a day, as "2024-12-31", or "today"',
    "one_of": 'is a list of values, as ["07", "12"], or {file = "class.csv", column = "id"}',
    "missing": 'is a list of codes, as ["99"]',
}
AnyTable = TypeVar("AnyTable", bound=Table)


def parsed(kind: type[AnyTable], table: Any, place: str, problems: list[str]) -> AnyTable | None:
    """Understand a table; its mistakes are added to the problems. None where it has any but unknown keys."""
    if not isinstance(table, dict):
        problems.append(f"{place}: it should be a table, not {shown(table)}")
        return None
    known = kind.model_fields
    problems += [f"{place}: unknown key '{key}'{did_you_mean(key, known)}" for key in table if key not in known]
    meant = {key: value for key, value in table.items() if key in known}
    for key in table.keys() - meant.keys():
        for near in nearest(key, known):
            meant.setdefault(near, table[key])  # so that what a misspelt key says is checked too
    try:
        return kind.model_validate(meant)
    except ValidationError as error:
        problems += dict.fromkeys(_worded(place, mistake, known) for mistake in error.errors(include_url=False))
        return None


def _worded(place: str, mistake: Mapping[str, Any], known: Iterable[str]) -> str:
    keys = [str(part + 1) if isinstance(part, int) else part for part in mistake["loc"]]
    key = next((key for key in keys if key in known), keys[0] if keys else "")
    if mistake["type"] == "missing" and len(keys) == 1:
        return f"{place}: '{key}' is missing"
    if key in _MEANINGS:
        return f"{place}: '{key}' {_MEANINGS[key]}"
    what = str(mistake["msg"]).removeprefix("Input should be ").removeprefix("a valid ")
    given = mistake["input"]
    hint = did_you_mean(given, _choices(mistake)) if isinstance(given, str) else ""
    number = "".join(f" number {part}" for part in keys[1:2] if part.isdigit())
    return f"{place}: '{key}'{number} should be {what}, not {shown(given)}{hint}"


def _choices(mistake: Mapping[str, Any]) -> list[str]:
    """Give the words that a key may be one of."""
    expected = str(mistake.get("ctx", {}).get("expected", ""))
    return [word.strip(" '") for word in expected.replace(" or ", ",").split(",")]
