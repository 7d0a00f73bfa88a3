"""A share of wrong fields, as people write it: what is promised before, and proved after."""

from __future__ import annotations

import math
import re
from fractions import Fraction
from typing import Final

from formreader.errors import UnusableCall

USUAL: Final = Fraction(10, 10_000)
"""Under what people reach who key every field twice."""
SINGLE_ENTRY: Final = Fraction(29, 10_000)
"""Wrong fields where one person keys them once (Garza et al. 2025, a meta-analysis)."""
DOUBLE_ENTRY: Final = Fraction(14, 10_000)
"""Wrong fields where two people key them and differences are settled (ibid.)."""

_NUMBER: Final = r"([0-9]{1,3}(?:[,_][0-9]{3}){1,3}|[0-9]{1,12}(?:\.[0-9]{1,9})?)"
"""Commas part thousands; a decimal comma taken for one would make a share ten times as large."""
_FORMS: Final = re.compile(rf"{_NUMBER}\s*(?:%|/\s*{_NUMBER})")


def claim_of(text: str, option: str) -> Fraction:
    """Read a share such as ``10/10000`` or ``0.1%``, given with a command's option.

    Raises
    ------
    UnusableCall
        It is none, or no share above 0 and below one half.
    """
    match = _FORMS.fullmatch(text.strip())
    share_of, of = (_number(match[place]) for place in (1, 2)) if match else (None, None)
    if share_of is None or of == 0:
        raise UnusableCall(f"{option}: '{text}' is no share; write it as 10/10000 or 0.1%")
    share = share_of / (of or 100)
    if not 0 < share < Fraction(1, 2):
        raise UnusableCall(f"{option}: '{text}' must be above 0 and below one half; no sample shows 0")
    return share


def _number(text: str | None) -> Fraction | None:
    return None if text is None else Fraction(re.sub("[,_]", "", text))


def per_10000(share: float | Fraction, *, bound: bool = True) -> str:
    """Write a share as a number in 10,000; a bound is rounded up, what was found to the nearest."""
    number = float(share) * 10_000
    digits = 0 if number >= 100 else 1
    shown = math.ceil(number * 10**digits - 1e-9) / 10**digits if bound else round(number, digits)
    return f"{shown:,.{digits}f}".removesuffix(".0")
