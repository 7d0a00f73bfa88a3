"""What people may say that a field holds: asked by the review page, and by sheets that come back filled."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from formreader.batch_forms import Forms
from formreader.rules import broken_checks, broken_rules
from formreader.store import StoredPage
from formreader.template import Field
from formreader.values import POINT, SEVERAL, UNREAD, WRITTEN, BrokenRule, FieldKind

LONGEST_TEXT: Final = 500
_LONGEST_VALUE: Final = 100
_DIGITS: Final = re.compile(r"[0-9.?]*")
REQUIRED: Final = "a value is required"
DOUBLE: Final = "only one of its boxes may be marked"
UNREADABLE: Final = "a ? stands for a box that nobody can read"


class CannotHold(Exception):
    """The field cannot hold such a value at all, whatever a person means by it; the message tells why."""


def has_field(forms: Forms, page: StoredPage, field: str) -> bool:
    """Say whether a page has a field, as it was read or as its form is now."""
    template = forms.of(page.form)
    return field in {one.name for one in page.fields} | {one.name for one in (template.fields if template else ())}


def kind_of(forms: Forms, page: StoredPage, field: str) -> FieldKind:
    """Say what a field holds."""
    described = forms.field(page.form, field, 0)
    if described is not None:
        return described.kind
    return next((one.kind for one in page.fields if one.name == field), "digits")


def options_of(described: Field | None) -> tuple[str, ...]:
    """Give what may be marked in a field; nothing where its value is typed, or its template is lost."""
    if described is None:
        return ()
    return (WRITTEN,) if described.kind == "image" else described.options


def in_order(value: str, described: Field) -> str:
    """Give marked options as the form writes them and in its order, however they were typed.

    Raises
    ------
    CannotHold
        One is no option of the field.
    """
    if value == UNREAD:
        return value
    options = options_of(described)
    marked = set()
    for part in value.split(SEVERAL) if value else ():
        meant = [option for option in options if option == part] or [
            one for one in options if _like(one) == _like(part)
        ]
        if len(meant) != 1:
            raise CannotHold(f"{described.name}: '{part.strip()[:40]}' is none of its options: {', '.join(options)}.")
        marked.add(meant[0])
    return SEVERAL.join(option for option in options if option in marked)


def _like(text: str) -> str:
    """Give a text without what people type one way or another: spaces, capitals, accents by themselves."""
    return " ".join(unicodedata.normalize("NFC", text).split()).casefold()


def as_meant(forms: Forms, page: StoredPage, field: str, said: str) -> str:
    """Give a value as it is stored: without spaces around it, marked options in the form's order.

    Raises
    ------
    CannotHold
        The field cannot hold it, as it is no option.
    """
    described = forms.field(page.form, field, 0)
    new = " ".join(said.split())
    return in_order(new, described) if described is not None and options_of(described) else new


def objections(forms: Forms, page: StoredPage, field: str, new: str) -> list[str]:
    """Give in words what a value breaks; a person who was told may mean it all the same.

    Parameters
    ----------
    page
        With its digits.
    new
        What the field is to hold; spaces at its ends are gone.

    Raises
    ------
    CannotHold
        The field cannot hold such a value at all.
    """
    kind = kind_of(forms, page, field)
    described = forms.field(page.form, field, 0)
    if kind != "digits":
        # Marked options were all found among those of the form: however many they are, they stand as they are.
        if not options_of(described) and (len(new) > LONGEST_TEXT or not new.isprintable()):
            raise CannotHold(f"{field}: a text is up to {LONGEST_TEXT} printable characters.")
        return [UNREADABLE] if new == UNREAD and kind != "key" else _broken(forms, page, field, new)
    described = forms.field(page.form, field, box_count(page, field))
    if new and described is not None and new in described.allow:
        return []
    if len(new) > _LONGEST_VALUE or not _DIGITS.fullmatch(new) or new.count(POINT) > 1:
        words = f" or {', '.join(described.allow)}" if described is not None and described.allow else ""
        raise CannotHold(
            f"{field}: holds digits, a point{words}, or ? for a box that nobody can read; not '{new[:40]}'."
        )
    found = [UNREADABLE] if UNREAD in new else []
    found += _room(described, new)
    return found + _broken(forms, page, field, new)


def _broken(forms: Forms, page: StoredPage, field: str, new: str) -> list[str]:
    described = forms.field(page.form, field, 0)
    missing = [REQUIRED] if described is not None and described.required and not new else []
    if described is not None and described.kind == "choice" and not described.many and SEVERAL in new:
        missing.append(DOUBLE)
    return missing + [rule.words for rule in broken_by(page, field, new, forms) if rule.severity == "error"]


def _room(described: Field | None, value: str) -> list[str]:
    if described is None:
        return []
    most = room_of(described)
    return [f"there is room for {most} digits"] if len(value.replace(POINT, "")) > most else []


def room_of(described: Field) -> int:
    """Give how many digits a field has room for."""
    return len(described.boxes) if described.length == (1, 1) else described.length[1]


def box_count(page: StoredPage, field: str) -> int:
    """Count the boxes that a field was read from; the page has its digits."""
    return sum(digit.box.field == field for digit in page.digits)


def broken_by(page: StoredPage, field: str, value: str, forms: Forms) -> tuple[BrokenRule, ...]:
    """Give the rules that a value of a field breaks, by itself or with the other values of its page."""
    template = forms.of(page.form)
    if template is None:
        return ()
    described = next((one for one in template.fields if one.name == field), None)
    values = {one.name: "" for one in template.fields} | {one.name: one.value for one in page.fields} | {field: value}
    across = broken_checks(template.checks, values).get(field, ())
    return (*(broken_rules(described.rules, value, described.kind) if described else ()), *across)
