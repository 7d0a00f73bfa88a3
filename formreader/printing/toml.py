"""Write tables as TOML text: a template's head, its fields and checks.

Imported by `printing` alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time
from typing import Any


def written(tables: Mapping[str, Any], notes: Mapping[str, str] | None = None) -> str:
    """Write tables; a list of tables is written as ``[[name]]``, one after the other.

    Parameters
    ----------
    notes
        What stands as a comment above the table whose ``name`` it is.
    """
    return "\n".join(_lines(tables, notes or {})) + "\n"


def _lines(tables: Mapping[str, Any], notes: Mapping[str, str]) -> Iterator[str]:
    for name, table in tables.items():
        for one in table if isinstance(table, list) else [table]:
            if note := notes.get(str(one.get("name", "")), ""):
                yield "# " + "".join(letter if letter.isprintable() else " " for letter in note)
            yield f"[[{name}]]" if isinstance(table, list) else f"[{name}]"
            inner = {key: value for key, value in one.items() if isinstance(value, dict) and name == "form"}
            yield from (f"{_key(key)} = {_value(value)}" for key, value in one.items() if key not in inner)
            for key, value in inner.items():
                yield from ("", f"[{name}.{key}]")
                yield from (f"{_key(k)} = {_value(v)}" for k, v in value.items())
            yield ""


def _key(key: str) -> str:
    return key if key.replace("_", "").isalnum() and key.isascii() else _text(key)


def _value(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(value)
        case str():
            return _text(value)
        case datetime() | date() | time():
            return value.isoformat()
        case dict():
            return "{" + ", ".join(f"{_key(k)} = {_value(v)}" for k, v in value.items()) + "}"
        case list() | tuple():
            return "[" + ", ".join(map(_value, value)) + "]"
        case _:
            raise TypeError(f"{type(value).__name__} is no value of TOML")


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")  # JSON's escapes are TOML's, but for DEL
