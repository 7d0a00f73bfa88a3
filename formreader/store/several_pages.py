"""What a batch knows of forms of several pages: which sheets are a form's, and how its pages are gathered."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final

from formreader.rules import Across, Date, Term
from formreader.store.packing import as_json
from formreader.template import Template

_SHEET: Final = re.compile(r"#[0-9]+$")


@dataclass(frozen=True, slots=True)
class SeveralPages:
    """A form of several pages.

    Attributes
    ----------
    sheets
        By the sheet's name, which is what a page says that it shows: its page of the form, in their order. A page of
        the form without fields is none of these.
    gather
        ``sequence``, ``file``, ``qr`` or ``field:NAME``.
    checks
        What values of fields on several of its pages must be together.
    """

    form: str
    sheets: Mapping[str, int]
    gather: str
    checks: tuple[Across, ...] = ()

    @property
    def last(self) -> int:
        """Its last page with fields."""
        return max(self.sheets.values())


def as_said(names: str) -> list[str]:
    """Name forms as people do, from the lines in which a run stores their names: a form of several pages once."""
    of_pages = Counter(_SHEET.sub("", name) for name in names.split("\n") if _SHEET.search(name))
    plain = [name for name in names.split("\n") if name and not _SHEET.search(name)]
    several = [f"'{form}' of {count} pages" for form, count in of_pages.items()]
    return [*(f"'{name}'" for name in plain), *several]


def packed_forms(templates: Iterable[Template]) -> str:
    """Write what is to be known of the forms of several pages, as a run stores it."""
    forms: dict[str, Any] = {}
    for one in templates:
        if one.pages > 1:
            checks = [_packed(check) for check in one.across_pages if isinstance(check, Across)]
            form = forms.setdefault(one.form, {"gather": one.gather, "sheets": {}, "checks": checks})
            form["sheets"][one.name] = one.page
    return as_json(forms)


def unpacked_forms(text: str) -> dict[str, SeveralPages]:
    """Read what `packed_forms` wrote, by the forms' names."""
    return {
        form: SeveralPages(form, told["sheets"], told["gather"], tuple(map(_unpacked, told["checks"])))
        for form, told in json.loads(text).items()
    }


def _packed(check: Across) -> dict[str, Any]:
    return {
        "key": check.key,
        "left": [_packed_term(term) for term in check.left],
        "sign": check.sign,
        "right": [_packed_term(term) for term in check.right],
        "constant": None if check.constant is None else str(check.constant),
        "empty": check.empty,
        "severity": check.severity,
    }


def _packed_term(term: Term) -> list[Any]:
    told = term.as_date
    # A date's range gives a year of two digits its century, and decides nothing else of a check.
    dated = None if told is None else [told.form, *(str(end) if end is not None else None for end in _range(told))]
    return [term.name, dated, list(term.missing)]


def _range(told: Date) -> tuple[Any, Any]:
    return (told.least, told.most) if told.form != "HHMM" else (None, None)


def _unpacked(told: Mapping[str, Any]) -> Across:
    constant = told["constant"]
    return Across(
        told["key"],
        _terms(told["left"]),
        told["sign"],
        _terms(told["right"]),
        None if constant is None else Decimal(constant),
        told["empty"],
        told["severity"],
    )


def _terms(told: Sequence[Sequence[Any]]) -> tuple[Term, ...]:
    return tuple(Term(name, _date(dated), tuple(missing)) for name, dated, missing in told)


def _date(dated: Sequence[Any] | None) -> Date | None:
    if dated is None:
        return None
    form, least, most = dated
    return Date(form, _end(least), _end(most))


def _end(text: str | None) -> Any:
    return text if text in (None, "today") else date.fromisoformat(text)
