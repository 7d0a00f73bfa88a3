"""What a person keyed from a strip, as a value: compared with another's, it is the same however it was typed."""

from __future__ import annotations

import unicodedata
from typing import Final

from formreader.audit.drawing import as_written
from formreader.audit.keying import key_for, key_in
from formreader.audit.verdicts import corrected, is_reading
from formreader.batch_forms import Forms
from formreader.review.choices import in_order
from formreader.served.calls import Refused
from formreader.store import AuditedField, StoredPage
from formreader.template import Field
from formreader.values import UNREAD

_LONGEST: Final = 500
_NOTHING: Final = "Key what is written: _ where nothing is written, ? where it cannot be read."


def key_of(text: str, *, kind: str, described: Field | None = None) -> str:
    """Give the value that was typed; empty where a person says that nothing is written.

    Parameters
    ----------
    kind
        Of the field: all but ``digits`` hold text.
    described
        The field in its template, whose words may be keyed too.

    Raises
    ------
    Refused
        It is no value of such a field, or nothing was typed.
    """
    said = plain(text)
    if kind != "digits":
        if described is not None and kind in ("choice", "image") and said not in ("", "_", UNREAD):
            return in_order(said, described)
        if not said or len(said) > _LONGEST or not said.isprintable():
            raise Refused(_NOTHING if not said else f"A text is up to {_LONGEST} printable characters.")
        return "" if said == "_" else said
    words = {word.casefold(): word for word in described.allow} if described else {}
    if said.casefold() in words:
        return words[said.casefold()]
    return typed(text)


def typed(text: str, audited: AuditedField | None = None) -> str:
    """Give what was typed of digits, or of a field of an audit, as a key of its file is taken.

    Raises
    ------
    Refused
        It is no value of such a field, or nothing was typed.
    """
    try:
        key = key_in(text) if audited is None else key_for(text, audited)
    except ValueError as problem:
        raise Refused(f"{problem}"[:1].upper() + f"{problem}."[1:]) from problem
    if key is None:
        raise Refused(_NOTHING)
    return key


def plain(text: str) -> str:
    """Give a text as it is compared: without blanks around it, with one between words, letters in one form each."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def as_decided(key: str, decided: str, page: StoredPage, field: str, forms: Forms) -> str:
    """Give the value that a key says a field has: what was decided, where both are the same.

    A point that the form prints need not be keyed, nor the zero that a strike stands for.

    Parameters
    ----------
    page
        With its digits.
    """
    kind = kind_of(page, field)
    if kind != "digits":
        return decided if key == plain(decided) else key
    digits = [digit for digit in page.digits if digit.box.field == field]
    written = as_written(decided, digits) if _form_says_some(forms.field(page.form, field, len(digits))) else decided
    known = AuditedField(0, page.reading, page.form, field, decided, written, 1.0, 0)
    if is_reading(key, known):
        return decided
    value = corrected(key, known)
    return key if value is None else value


def kind_of(page: StoredPage, field: str) -> str:
    """Give the kind of a field."""
    return next((one.kind for one in page.fields if one.name == field), "digits")


def _form_says_some(described: Field | None) -> bool:
    """Say whether a value may have what is not written: a printed point, or a zero for a strike."""
    if described is None:
        return False
    prints_point = described.decimals != (0, 0) and (described.length == (1, 1) or described.point is not None)
    return prints_point or described.filler_only == "zero"
