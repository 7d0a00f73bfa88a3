"""How mistakes in a template are worded: what was written, what may have been meant; names that no two fields share."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import Any, Final

_NAMED: Final = 3


def shown(value: Any) -> str:
    """Give a value as written, cut short where it is long."""
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."


def nearest(key: str, known: Iterable[str]) -> list[str]:
    """Return the known key that resembles this one most, or none."""
    return difflib.get_close_matches(key, list(known), n=1)


def did_you_mean(key: str, known: Iterable[str]) -> str:
    """Give the hint that stands after an unknown name; empty where nothing resembles it."""
    return "".join(f" (did you mean '{near}'?)" for near in nearest(key, known))


def some_of(values: Sequence[str]) -> str:
    """Name the first few of several values, and how many more there are."""
    more = f" and {len(values) - _NAMED:,} more" if len(values) > _NAMED else ""
    return ", ".join(map(shown, values[:_NAMED])) + more


def free_name(word: str, taken: set[str]) -> str:
    """Give a name, with a number behind it where another has it whatever its capitals, and note it as taken."""
    number, name = 1, word
    while name.casefold() in taken:
        number += 1
        name = f"{word}_{number}"
    taken.add(name.casefold())
    return name
