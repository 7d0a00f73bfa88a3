"""A pattern that the whole value matches.

Patterns come with templates from anywhere, and some of them take the usual engines longer than anybody waits. RE2 (Cox
2010) takes time in proportion to the value's length whatever the pattern is; look-around and back references, which
cannot be had so, it refuses.
"""

from __future__ import annotations

import functools
import itertools
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import re2

from formreader.values import Severity

_TRIED_DIGITS: Final = 4
"""All values of so many digits are tried for one that matches: some 10,000, in a few milliseconds."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A regular expression, in RE2's syntax, that the whole value matches."""

    text: str
    severity: Severity = "error"

    key: ClassVar[str] = "pattern"
    only_exact: ClassVar[bool] = False

    def is_kept_by(self, value: str) -> bool:
        """Say whether all of a value matches."""
        return _compiled(self.text).fullmatch(value) is not None

    def __str__(self) -> str:
        return f"of the pattern {self.text}"


def mistake_in(pattern: str) -> str:
    """Say what keeps a pattern from being used; empty where nothing does."""
    try:
        _compiled(pattern)
    except re2.error as error:
        said = error.args[0] if error.args else ""
        return said.decode(errors="replace") if isinstance(said, bytes) else str(said)
    return ""


@functools.lru_cache(maxsize=256)
def matches_some(pattern: str, most_digits: int) -> bool:
    """Say whether any value of digits alone matches; of those longer than can be tried it is taken for granted."""
    if most_digits > _TRIED_DIGITS:
        try:
            low, high = _compiled(pattern).possiblematchrange(most_digits)
        except re2.error:
            return True  # RE2 names no range
        return bool(_text(low) <= "9" * most_digits and _text(high) >= "0")
    tried = (
        digits for length in range(1, most_digits + 1) for digits in itertools.product("0123456789", repeat=length)
    )
    compiled = _compiled(pattern)
    return any(compiled.fullmatch("".join(digits)) is not None for digits in tried)


def _text(bound: str | bytes) -> str:
    return bound.decode(errors="replace") if isinstance(bound, bytes) else bound


@functools.lru_cache(maxsize=256)
def _compiled(pattern: str) -> Any:
    options = re2.Options()
    options.log_errors = False  # it would write to stderr
    return re2.compile(pattern, options)
