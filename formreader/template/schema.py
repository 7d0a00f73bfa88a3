"""The template's TOML as people write it: its schema, and every mistake in it with its place.

Imported by `template` alone. Tables go in, checked values and a list of problems come out; nothing here raises for a
mistake, so that a person sees all of them at once.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Final, Literal, TypeVar, get_args

import numpy as np
from pydantic import Field as Limits
from pydantic import StrictInt, ValidationError

from formreader.rules import Across
from formreader.template.checks_schema import CheckTable, checks_of, known_fields
from formreader.template.form_schema import LONGEST_NAME, MOST_PAGES, FormTable, MarkersTable, form_problems
from formreader.template.kinds import KEYS_OF_CHOICES, kind_problems
from formreader.template.page_problems import page_problems
from formreader.template.rule_problems import rule_problems, text_problems, value_problems
from formreader.template.rules_schema import Code, Length, Room, RuleKeys, Table
from formreader.template.wording import did_you_mean, nearest, shown
from formreader.values import FieldKind

MOST_DIGITS: Final = 20  # in one wide box
MUCH_OVERLAP: Final = 0.5  # of the smaller box: neighbours that share a printed line overlap by far less
MOST_OVERLAPS_NAMED: Final = 10
RESERVED_NAMES: Final = frozenset({"scan", "page", "status", "review"})
"""The result files have columns of these names already."""
LATER_KEYS: Final = frozenset({"rule"})
"""Keys that the form description has a place for, but nothing reads yet."""
_TABLES: Final = ("form", "field", "check")

Four = Annotated[list[Length], Limits(min_length=4, max_length=4)]


class FieldTable(RuleKeys):
    """``[[field]]``."""

    name: str
    kind: FieldKind = "digits"
    page: Annotated[StrictInt, Limits(ge=1, le=MOST_PAGES)] = 1
    boxes: list[Four] | None = None
    box: Four | None = None
    length: StrictInt | Annotated[list[StrictInt], Limits(min_length=2, max_length=2)] | None = None
    required: bool | None = None
    filler: list[Literal["X", "-"]] = []  # noqa: RUF012 - pydantic copies it
    filler_only: Literal["struck", "blank", "zero"] = "struck"
    decimals: StrictInt | Annotated[list[StrictInt], Limits(min_length=2, max_length=2)] | None = None
    point: Literal["written"] | Length | None = None
    options: list[Code] | None = None
    many: bool = False

    def is_required(self) -> bool:
        """Say whether a blank field is flagged: unless it is said, where one option or a printed code is expected."""
        return self.required if self.required is not None else self.kind == "barcode" or self._is_one_choice()

    def _is_one_choice(self) -> bool:
        return self.kind == "choice" and not self.many

    def choices(self) -> tuple[str, ...]:
        """Return what each box of a choice stands for: its number where nothing else is said."""
        if self.kind != "choice":
            return ()
        numbers = range(1, len(self.boxes or ()) + 1)
        return tuple(map(str, numbers if self.options is None else self.options))

    def rectangles(self) -> list[list[float]]:
        """Return the digit boxes, or the wide box alone."""
        return self.boxes or ([self.box] if self.box else [])

    def digits(self) -> tuple[int, int]:
        """Return the least and the most digits a box holds."""
        if self.box is None or self.length is None:
            return (1, 1)
        return (self.length, self.length) if isinstance(self.length, int) else (self.length[0], self.length[1])

    def fraction(self) -> tuple[int, int]:
        """Return the least and the most digits right of the decimal point."""
        if self.decimals is None:
            return (0, 0)
        return (self.decimals,) * 2 if isinstance(self.decimals, int) else (self.decimals[0], self.decimals[1])

    def room(self) -> Room:
        """Return what the field has room for."""
        least, most = (1, len(self.boxes)) if self.boxes else self.digits()
        return Room(least, most, self.fraction(), is_wide=not self.boxes)

    def value_problems(self, key: str, values: Sequence[str]) -> Iterable[str]:
        """Give the mistakes in values that the field is said to hold."""
        is_text = self.kind != "digits"
        return text_problems(key, values) if is_text else value_problems(key, values, self.room())


_BOXES: Final = {
    "digits": ("one a digit", "one for several digits"),
    "key": ("each a part of the strip", "the whole strip"),
    "image": ("each a part of the strip", "the whole strip"),
}
"""What 'boxes' and 'box' hold, of kinds that may have either."""
_MEANINGS: Final = {
    "length": "is a number of digits, or [least, most]",
    "decimals": "is a number of digits right of the point, or [least, most]",
    "point": 'is "written", or where the form has it printed: x in pixels',
    "reference": "is the name of a picture, or a list of them, a picture a page",
    "ids": "is a list of four numbers from 0, or such a list for each page",
    "min": 'is a number, or of a \'date\' a day, as "2024-12-31", or "today"',
    "max": 'is a number, or of a \'date\' a day, as "2024-12-31", or "today"',
    "one_of": 'is a list of values, as ["07", "12"], or {file = "class.csv", column = "id"}',
    "missing": 'is a list of codes, as ["99"]',
    "allow": 'is a list of words or marks, as ["AB"]',
    "sum": 'is a list of fields, as ["q1", "q2"]',
    "equals": "is the name of the field that holds the sum, or a number",
    "options": 'is a list of what the boxes stand for, as ["yes", "no"]',
}
"""What is said of a key whose value may be of several kinds."""

AnyTable = TypeVar("AnyTable", bound=Table)


def check(tables: Mapping[str, Any]) -> tuple[FormTable | None, list[FieldTable], list[Across], list[str]]:
    """Check a template's tables.

    Returns
    -------
    form, fields, checks, problems
        What could be understood; complete and sound exactly when there are no problems.
    """
    problems = [_unknown("template", key, _TABLES) for key in tables if key not in _TABLES]
    form = _parsed(FormTable, tables.get("form"), "form", problems)
    listed = tables.get("field", [])
    if not isinstance(listed, list):
        problems.append("field: write [[field]], with two brackets, for each field")
        listed = []
    elif not listed:
        problems.append("template: it has no field; add a [[field]] table for each field of the form")
    fields = []
    for number, table in enumerate(listed, 1):
        field = _parsed(FieldTable, table, _field_place(table, number), problems)
        if field is not None:
            fields.append(field)
            problems += [f"{_field_place(table, number)}: {problem}" for problem in _field_problems(field, form)]
    problems += _repeated_names(listed)
    by_page = {page: [field for field in fields if field.page == page] for page in sorted({f.page for f in fields})}
    problems += [problem for some in by_page.values() for problem in _overlaps(some)]
    if len(fields) == len(listed):
        problems += _unmatchable(by_page)
    checks = _checks(tables.get("check", []), listed, fields, problems)
    if form is not None:
        problems += [f"form: {problem}" for problem in form_problems(form)]
        problems += page_problems(form, by_page)
    return form, fields, checks, problems


_NO_NUMBER: Final = {
    "key": "is keyed by a person",
    "choice": "is a choice",
    "barcode": "is a barcode",
    "image": "is a picture",
}


def _unmatchable(by_page: Mapping[int, Sequence[FieldTable]]) -> Iterable[str]:
    for page, fields in by_page.items():
        if not any(field.kind in ("digits", "choice") for field in fields):
            whose = "its fields" if len(by_page) == 1 else f"the fields of page {page}"
            yield f"template: none of {whose} has boxes for digits or choices, by which pages are matched; add one"


def _checks(listed: Any, described: Sequence[Any], fields: Sequence[FieldTable], problems: list[str]) -> list[Across]:
    if not isinstance(listed, list):
        problems.append("check: write [[check]], with two brackets, for each check")
        return []
    names = [table.get("name") for table in described if isinstance(table, dict)]
    sound = {field.name: field for field in fields}
    known = known_fields({name: sound.get(name, RuleKeys()) for name in names if isinstance(name, str)})
    no_number = {field.name: field.kind for field in fields if field.kind != "digits"}
    checks = []
    for number, table in enumerate(listed, 1):
        parsed = _parsed(CheckTable, table, f"check number {number}", problems)
        made, wrong = checks_of(parsed, known) if parsed is not None else ([], [])
        checks += made
        problems += [f"check number {number}: {problem}" for problem in wrong]
        text = sorted({name for one in made for name in one.fields} & no_number.keys())
        problems += [f"check number {number}: '{name}' {_NO_NUMBER[no_number[name]]}, no number" for name in text]
    return checks


def _field_place(table: Any, number: int) -> str:
    name = table.get("name") if isinstance(table, dict) else None
    return f"field '{name}'" if isinstance(name, str) and name else f"field number {number}"


def _parsed(kind: type[AnyTable], table: Any, place: str, problems: list[str]) -> AnyTable | None:
    if not isinstance(table, dict):
        problems.append(f"{place}: the table [{place}] is missing")
        return None
    problems += [_unknown(place, key, kind.model_fields) for key in table if key not in kind.model_fields]
    try:
        return kind.model_validate(_as_meant(table, kind.model_fields))
    except ValidationError as error:
        problems += dict.fromkeys(_worded(kind, place, mistake) for mistake in error.errors(include_url=False))
        return None


def _as_meant(table: Mapping[str, Any], known: Iterable[str]) -> dict[str, Any]:
    """Put misspelt keys right, so that what they say is checked too and a slip is not reported twice."""
    meant = {key: value for key, value in table.items() if key in known}
    for key in table.keys() - meant.keys() - LATER_KEYS:
        for near in nearest(key, known):
            meant.setdefault(near, table[key])
    return meant


def _worded(kind: type[Table], place: str, mistake: Mapping[str, Any]) -> str:
    """Word one of pydantic's findings; the branches of a union (named like a type) are no place in the file."""
    keys = [str(part + 1) if isinstance(part, int) else part for part in mistake["loc"]]
    known = kind.model_fields
    if keys[0] == "markers" and len(keys) > 1:
        place, keys, known = f"{place}.markers", keys[1:], MarkersTable.model_fields
    if mistake["type"] == "extra_forbidden":
        return _unknown(place, keys[0], known)
    if mistake["type"] == "missing":
        return f"{place}: '{keys[0]}' is missing"
    if keys[0] in _MEANINGS:
        return f"{place}: '{keys[0]}' {_MEANINGS[keys[0]]}"
    if keys[0] == "kind" and kind is FieldTable:
        kinds, given = get_args(FieldKind), mistake["input"]
        hint = did_you_mean(given, kinds) if isinstance(given, str) else ""
        known_kinds = f"{', '.join(map(repr, kinds[:-1]))} or {kinds[-1]!r}"
        return f"{place}: 'kind' should be {known_kinds}, not {shown(given)}{hint}"
    if mistake["type"] in ("model_type", "dict_type"):
        return f"{place}: '{keys[0]}' should be a table"
    what = str(mistake["msg"]).removeprefix("Input should be ").removeprefix("a valid ")
    where = "".join(f" number {key}" for key in keys[1:2] if key.isdigit())
    return f"{place}: '{keys[0]}'{where} should be {what}, not {shown(mistake['input'])}"


def _unknown(place: str, key: str, known: Iterable[str]) -> str:
    if key in LATER_KEYS:
        return f"{place}: '{key}' is not supported by this version"
    return f"{place}: unknown key '{key}'{did_you_mean(key, known)}"


def _field_problems(field: FieldTable, form: FormTable | None) -> Iterable[str]:
    yield from _name_problems(field.name)
    yield from _place_problems(field, form)
    if field.kind == "digits":
        for key in sorted(field.model_fields_set & KEYS_OF_CHOICES):
            yield f"'{key}' belongs to kind \"choice\""
        yield from _digit_problems(field)
    else:
        yield from kind_problems(field.kind, field, field.choices(), len(field.boxes or ()))


def _place_problems(field: FieldTable, form: FormTable | None) -> Iterable[str]:
    if field.kind == "choice" and field.boxes is None:
        yield "'boxes' is missing: a box or bubble each, in the order of the options"
    elif field.kind == "barcode" and field.box is None:
        yield "'box' is missing: the region that holds the code"
    elif field.kind in _BOXES and (field.boxes is None) == (field.box is None):
        yield "give either 'boxes' ({}) or 'box' ({})".format(*_BOXES[field.kind])
    elif field.boxes == []:
        yield "'boxes' is empty"
    for number, (x, y, width, height) in enumerate(field.rectangles(), 1):
        name = "box" if field.box is not None else f"box {number}"
        if width <= 0 or height <= 0:
            yield f"{name} has no size: width {width:g}, height {height:g}"
        elif form is not None and not (x >= 0 and y >= 0 and x + width <= form.width and y + height <= form.height):
            yield f"{name} lies outside the page of {form.width} x {form.height}: [{x:g}, {y:g}, {width:g}, {height:g}]"


def _digit_problems(field: FieldTable) -> Iterable[str]:
    if field.box is None and field.boxes is not None and field.length is not None:
        yield "'length' belongs to 'box'; each of 'boxes' holds one digit"
    elif field.boxes is None and field.box is not None and field.length is None:
        yield "'box' needs a 'length': how many digits, or [least, most]"
    least, most = field.digits()
    if not 1 <= least <= most <= MOST_DIGITS:
        yield f"'length' should be 1 to {MOST_DIGITS}, least before most, not {shown(field.length)}"
    if field.box is None and field.point is not None:
        yield "'point' belongs to 'box'; of 'boxes', 'decimals' says how many of them stand right of it"
    elif field.rectangles():
        yield from _decimal_problems(field, most if field.box is not None else len(field.rectangles()))
    if len(set(field.filler)) != len(field.filler):
        yield "'filler' names a mark twice"
    if field.rectangles() and 1 <= least <= most:
        yield from rule_problems(field, field.room())


def _decimal_problems(field: FieldTable, most_digits: int) -> Iterable[str]:
    least, most = field.fraction()
    counted = ": 'length' counts them too" if field.box is not None else ""
    if not 0 <= least <= most <= most_digits or (field.decimals is not None and most == 0):
        yield f"'decimals' should be 1 to {most_digits}{counted}; not {shown(field.decimals)}"
    if field.point is not None and field.decimals is None:
        yield "'point' needs 'decimals': how many digits stand right of it, or [least, most]"
    if isinstance(field.point, int | float) and field.box and not 0 < field.point - field.box[0] < field.box[2]:
        yield f"'point' lies outside the box: x is {field.point:g}"


def _name_problems(name: str) -> Iterable[str]:
    if name.lower() in RESERVED_NAMES:
        yield "the name is a column of the result files already; take another"
        return
    is_word = all(letter in "_.-" or unicodedata.category(letter)[0] in "LMN" for letter in name)
    if not is_word or not name or name[0] in ".-" or len(name) > LONGEST_NAME:
        yield f"a name should be up to {LONGEST_NAME} letters, digits, '_', '.' or '-', no spaces, no '.' or '-' first"


def _repeated_names(tables: Sequence[Any]) -> Iterable[str]:
    seen: dict[tuple[str, str], int] = {}
    for number, table in enumerate(tables, 1):
        name = table.get("name") if isinstance(table, dict) else None
        if not isinstance(name, str):
            continue
        page = str(table.get("page", 1))
        first = seen.setdefault((unicodedata.normalize("NFC", name), page), number)
        if first != number:
            on_page = f", both on page {page}" if "page" in table else ""
            yield f"field '{name}': fields number {first} and {number} have this one name{on_page}"


def _overlaps(fields: Sequence[FieldTable]) -> list[str]:
    """Name boxes that lie on one another: the same writing would be read twice."""
    places = [(field, number) for field in fields for number in range(1, len(field.rectangles()) + 1)]
    boxes = np.array([box for field in fields for box in field.rectangles()], float).reshape(-1, 4)
    low, high = boxes[:, :2], boxes[:, :2] + boxes[:, 2:]
    areas = boxes[:, 2:].clip(min=0).prod(axis=1)
    problems = []
    for index in range(len(boxes) - 1):
        shared = (np.minimum(high[index], high[index + 1 :]) - np.maximum(low[index], low[index + 1 :])).clip(min=0)
        much = shared.prod(axis=1) > MUCH_OVERLAP * np.minimum(areas[index], areas[index + 1 :])
        for other in index + 1 + np.flatnonzero(much):
            (field, number), (other_field, other_number) = places[index], places[other]
            problems.append(
                f"field '{field.name}': box {number} lies on box {other_number} of field '{other_field.name}'"
            )
    if len(problems) > MOST_OVERLAPS_NAMED:
        problems[MOST_OVERLAPS_NAMED:] = [f"template: {len(problems) - MOST_OVERLAPS_NAMED} more boxes lie on others"]
    return problems
