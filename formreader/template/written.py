"""Write a template as TOML; its fingerprint is taken of this text.

Imported by `template` alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from formreader.rules import Across, Bound, Check, CheckDigit, Date, Format, Least, Most, OneOf, Pattern, Rule, plain

if TYPE_CHECKING:
    from formreader.template import Field, Template


def as_toml(sheets: Sequence[Template], references: Sequence[str]) -> str:
    """Write the template of a form whose pages' templates these are, with the pictures of all of its pages."""
    first = sheets[0]
    if first.pages == 1:
        return sheet_as_toml(first, references[0])
    lines = ["[form]", f"name = {_text(first.form)}", f"pages = {first.pages}", f"gather = {_text(first.gather)}"]
    if first.reference is not None:
        lines.append(f"reference = {_texts(references)}")
        lines.append(f"reference_filled = {_flag(first.reference_filled)}")
    ids = {sheet.page: list(sheet.markers.ids) for sheet in sheets if sheet.markers}
    lines += _form_lines(first, [ids.get(page, []) for page in range(1, first.pages + 1)])
    for sheet in sheets:
        for field in sheet.fields:
            lines += ["", "[[field]]", *_field_lines(field, sheet.page)]
    for check in dict.fromkeys(check for sheet in sheets for check in (*sheet.checks, *sheet.across_pages)):
        lines += _check_table(check)
    return "\n".join(lines) + "\n"


def sheet_as_toml(template: Template, reference: str) -> str:
    """Write the tables of one page. Fingerprints are taken of this text: let it change only where reading does."""
    lines = ["[form]", f"name = {_text(template.name)}"]
    if template.reference is not None:
        lines.append(f"reference = {_text(reference)}")
        lines.append(f"reference_filled = {_flag(template.reference_filled)}")
    lines += _form_lines(template, list(template.markers.ids) if template.markers else [])
    for field in template.fields:
        lines += ["", "[[field]]", *_field_lines(field)]
    for check in template.checks:
        lines += _check_table(check)
    return "\n".join(lines) + "\n"


def _form_lines(template: Template, ids: Sequence[Any]) -> list[str]:
    """Write what stands in ``[form]`` besides its name and pictures; ids are four, or four for each page."""
    lines = [f"width = {template.width}", f"height = {template.height}", f"dpi = {_number(template.dpi)}"]
    if template.version:
        lines.append(f"version = {_text(template.version)}")
    if template.codes is not None:
        lines.append(f"codes = {_flag(template.codes)}")
    if (markers := template.markers) is not None:
        lines += ["", "[form.markers]", f"kind = {_text(markers.kind)}", f"centres = {_rows(markers.centres)}"]
        lines.append(f"size = {_number(markers.size_px)}")
        if markers.dictionary or markers.ids:
            lines += [f"dictionary = {_text(markers.dictionary)}", f"ids = {ids}"]
    return lines


def _check_table(check: Check) -> list[str]:
    if not isinstance(check, Across):
        raise TypeError(f"{type(check).__name__} is no check of a template")
    return ["", "[[check]]", *_check_lines(check)]


def _field_lines(field: Field, page: int = 1) -> Iterable[str]:
    yield f"name = {_text(field.name)}"
    if page > 1:
        yield f"page = {page}"
    if not field.holds_digits:
        yield f"kind = {_text(field.kind)}"
    if field.kind in ("key", "barcode", "image") and len(field.boxes) == 1:
        yield f"box = {_row(field.boxes[0])}"
    elif field.length == (1, 1):
        yield f"boxes = {_rows(field.boxes)}"
    else:
        least, most = field.length
        yield f"box = {_row(field.boxes[0]) if len(field.boxes) == 1 else _rows(field.boxes)}"
        yield f"length = {least if least == most else list(field.length)}"
    if field.decimals != (0, 0):
        least, most = field.decimals
        yield f"decimals = {least if least == most else list(field.decimals)}"
    if field.point is not None:
        yield f"point = {_number(field.point)}"
    if field.kind == "choice":
        yield f"options = {_texts(field.options)}"
        yield f"many = {_flag(field.many)}"
    if field.kind in ("choice", "barcode"):
        yield f"required = {_flag(field.required)}"
    elif field.required:
        yield "required = true"
    if field.filler:
        yield f"filler = {_texts(field.filler)}"
    if field.filler_only != "struck":
        yield f"filler_only = {_text(field.filler_only)}"
    for rule in field.rules:
        yield from _rule_lines(plain(rule))
    if field.unique:
        yield "unique = true"
    if field.missing:
        yield f"missing = {_texts(field.missing)}"
    if field.allow:
        yield f"allow = {_texts(field.allow)}"
    if field.align:
        yield f"align = {_text(field.align)}"
    if any(rule.severity == "warning" for rule in field.rules):
        yield 'severity = "warning"'


def _rule_lines(rule: Rule) -> Iterator[str]:
    match rule:
        case Least(limit) | Most(limit):
            yield f"{rule.key} = {_decimal(limit)}"
        case Date(form, least, most):
            yield f"date = {_text(form)}"
            yield from (f"min = {_bound(least)}",) if least is not None else ()
            yield from (f"max = {_bound(most)}",) if most is not None else ()
        case Pattern(text):
            yield f"pattern = {_text(text)}"
        case OneOf(entries):  # also those of a file: what it holds decides reading
            yield f"one_of = {_texts(entries)}"
        case CheckDigit(method):
            yield f"check_digit = {_text(method)}"
        case Format(name):
            yield f"format = {_text(f'stdnum:{name}')}"
        case _:
            raise TypeError(f"{type(rule).__name__} is no rule of a template")


def _check_lines(check: Across) -> Iterator[str]:
    if check.key == "sum":
        yield f"sum = {_texts(term.name for term in check.left)}"
        right = _decimal(check.constant) if check.constant is not None else _text(check.right[0].name)
        yield f"equals = {right}"
    else:
        yield f"compare = {_text(str(check))}"
    if check.empty != "zero":
        yield f"empty = {_text(check.empty)}"
    if check.severity != "error":
        yield f"severity = {_text(check.severity)}"


def _bound(bound: Bound) -> str:
    return _text(bound.isoformat() if isinstance(bound, date | time) else str(bound))


def _decimal(number: Decimal) -> str:
    whole = number == number.to_integral_value()
    return str(int(number)) if whole else format(number.normalize(), "f")


def _texts(values: Iterable[str]) -> str:
    return f"[{', '.join(map(_text, values))}]"


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")  # JSON's escapes are TOML's, but for DEL


def _flag(value: bool) -> str:
    return "true" if value else "false"


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else repr(float(value))


def _row(values: Iterable[float]) -> str:
    return f"[{', '.join(map(_number, values))}]"


def _rows(rows: Iterable[Iterable[float]]) -> str:
    return "[\n" + "".join(f"    {_row(row)},\n" for row in rows) + "]"
