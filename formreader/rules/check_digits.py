"""Numbers that hold a check digit, and the national formats that python-stdnum knows."""

from __future__ import annotations

import functools
import importlib
import pkgutil
import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import ClassVar, Final

import stdnum
from stdnum import damm, ean, isbn, luhn, verhoeff
from stdnum.iso7064 import mod_11_10

from formreader.values import Severity

_LONGEST_MOD11: Final = 10
"""A further digit would weigh 11, which is nothing: whatever it is, the sum would be right."""


def is_mod11(number: str) -> bool:
    """Say whether digits, weighed 1, 2, 3, ... from the right, add up to a multiple of 11 (as in ISBN-10)."""
    return sum(weight * int(digit) for weight, digit in enumerate(reversed(number), 1)) % 11 == 0


@dataclass(frozen=True, slots=True)
class _Method:
    name: str
    is_valid: Callable[[str], bool]
    lengths: tuple[int, ...]


_ANY: Final = tuple(range(2, 21))

METHODS: Final = {
    "luhn": _Method("Luhn", luhn.is_valid, _ANY),
    "mod11": _Method("modulus 11", is_mod11, tuple(range(2, _LONGEST_MOD11 + 1))),
    "iso7064": _Method("ISO 7064 MOD 11,10", mod_11_10.is_valid, _ANY),
    "verhoeff": _Method("Verhoeff", verhoeff.is_valid, _ANY),
    "damm": _Method("Damm", damm.is_valid, _ANY),
    "ean": _Method("EAN", ean.is_valid, (8, 12, 13, 14)),
    "isbn": _Method("ISBN", isbn.is_valid, (10, 13)),
}
"""By the name in the template: what it is called, what says that digits keep it, and how many digits there may be."""


@dataclass(frozen=True, slots=True)
class CheckDigit:
    """A number whose last digit follows from the others.

    An ISBN of ten digits may end with X, which no digit box can say: such a one is flagged as unread.
    """

    method: str
    severity: Severity = "error"

    key: ClassVar[str] = "check_digit"
    only_exact: ClassVar[bool] = False

    def is_kept_by(self, value: str) -> bool:
        """Say whether a value's check digit is right."""
        method = METHODS[self.method]
        return value.isdecimal() and len(value) in method.lengths and bool(method.is_valid(value))

    def __str__(self) -> str:
        return f"with the check digit of {METHODS[self.method].name}"


@dataclass(frozen=True, slots=True)
class Format:
    """A number format by its name in python-stdnum, such as ``nl.bsn``."""

    name: str
    severity: Severity = "error"

    key: ClassVar[str] = "format"
    only_exact: ClassVar[bool] = False

    def is_kept_by(self, value: str) -> bool:
        """Say whether a value is such a number."""
        module = format_named(self.name)
        return value.isdecimal() and module is not None and bool(module.is_valid(value))

    def __str__(self) -> str:
        title = (getattr(format_named(self.name), "__doc__", None) or "").strip().split("\n")[0].rstrip(".")
        return f"a valid {self.name}" + (f": {title}" if title else "")


@functools.lru_cache(maxsize=64)
def format_named(name: str) -> ModuleType | None:
    """Give the format of a name in python-stdnum; None where there is none."""
    if not re.fullmatch(r"[a-z0-9_]+(\.[a-z0-9_]+)*", name):
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of formats that got another name
        try:
            module = importlib.import_module(f"stdnum.{name}")
        except ImportError:
            return None
    return module if hasattr(module, "is_valid") else None


def all_formats() -> Iterator[str]:
    """Give the names of what may be formats; a few are but parts of others."""
    for found in pkgutil.walk_packages(stdnum.__path__, "stdnum."):
        if not found.ispkg:
            yield found.name.removeprefix("stdnum.")


def example_lengths(name: str) -> frozenset[int] | None:
    """Give how many digits the examples in a format's documentation have that are digits alone.

    Returns
    -------
    frozenset of int or None
        Empty where all examples have letters, so that no digit box can hold such a number; None where there is no
        example to go by.
    """
    module = format_named(name)
    quoted = re.findall(r"['\"]([^'\"\n]+)['\"]", " ".join(re.findall(r">>> .*", getattr(module, "__doc__", "") or "")))
    valid = [example for example in quoted if module is not None and module.is_valid(example)]
    if not valid:
        return None
    digits = (re.sub(r"[^0-9A-Za-z]", "", example) for example in valid)
    return frozenset(len(one) for one in digits if one.isdecimal() and module is not None and module.is_valid(one))
