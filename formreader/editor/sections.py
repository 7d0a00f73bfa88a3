"""A template's text in sections, so that one of them can be changed and every other letter stays.

TOML libraries that keep comments give a comment to the table above it; people write it for the table below. So the text
is parted here: what stands between two tables belongs to the lower one, and a table is changed by itself.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_TOKEN: Final = re.compile(
    r'"""(?:[^"\\]|\\.|"(?!""))*"""(?:"{0,2})'
    r"|'''(?:[^']|'(?!''))*'''(?:'{0,2})"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'"
    r"|#[^\n]*"
    r"|[\[\]{}\n]",
    re.DOTALL,
)
_OPENS: Final = {"[": 1, "{": 1, "]": -1, "}": -1}


@dataclass(frozen=True, slots=True)
class Section:
    """A table of the file, with all that is written in it.

    Attributes
    ----------
    key
        The first part of its name: ``form``, ``field``, ``check``; empty for what stands before any table.
    lead
        Comments and empty lines above it.
    body
        From its head to its last value; tables below it (``[field.one_of]``) are a part.
    """

    key: str
    lead: str
    body: str

    @property
    def is_main(self) -> bool:
        """Whether its head names the key alone: ``[form]``, not ``[form.markers]``."""
        head = self.body.lstrip().partition("\n")[0]
        return bool(self.key) and tomllib.loads(head) in ({self.key: {}}, {self.key: [{}]})

    @property
    def comments_of_others(self) -> str:
        """The part of the lead that an empty line parts from the head: it stays if the table goes."""
        kept = re.sub(r"(?:[ \t]*#[^\n]*\n)*\Z", "", self.lead)
        return kept if "#" in kept else ""


@dataclass(frozen=True, slots=True)
class Parted:
    """A file in sections; put together they are the file again.

    Attributes
    ----------
    tail
        Comments and empty lines after the last table.
    """

    sections: tuple[Section, ...]
    tail: str

    def __str__(self) -> str:
        return "".join(section.lead + section.body for section in self.sections) + self.tail

    def of(self, key: str) -> tuple[Section, ...]:
        """Give the sections of a key."""
        return tuple(section for section in self.sections if section.key == key)


def parted(text: str) -> Parted:
    """Part a text of valid TOML whose lines end in a line feed."""
    sections: list[Section] = []
    key, lead, body = "", "", ""
    between = ""
    for kind, lines in _statements(text):
        if kind == "other":
            between += lines
        elif kind == "value" or _continues(key, lines):
            body += between + lines
            between = ""
        else:
            if body:
                sections.append(Section(key, lead, body))
            key, lead, body, between = _key_of(lines), between, lines, ""
    if body:
        sections.append(Section(key, lead, body))
    else:
        between = lead + between
    return Parted(tuple(sections), between)


def comments_in(text: str) -> str:
    """Give all comments of a text, one a line; values that hold a # are none."""
    return "".join(f"{token[0]}\n" for token in _TOKEN.finditer(text) if token[0].startswith("#"))


def _continues(key: str, head: str) -> bool:
    """Whether a head is that of a table below the one that `key` is the list of."""
    return key in ("field", "check") and not head.lstrip().startswith("[[") and _key_of(head) == key


def _key_of(head: str) -> str:
    return next(iter(tomllib.loads(head)))


def _statements(text: str) -> Iterator[tuple[str, str]]:
    """Give the text's lines, those of one value together, each with what they are: head, value or other."""
    begin = depth = 0
    kind = "other"
    for token in _TOKEN.finditer(text):
        found = token[0]
        if found == "\n":
            if depth == 0:
                if kind == "other" and text[begin : token.start()].partition("#")[0].strip():
                    kind = "value"
                yield kind, text[begin : token.end()]
                begin, kind = token.end(), "other"
            continue
        if found in _OPENS:
            if found == "[" and depth == 0 and not text[begin : token.start()].strip():
                kind = "head"
            depth += _OPENS[found]
        if kind == "other" and not found.startswith("#"):
            kind = "value"
    if begin < len(text):
        yield ("value" if kind == "other" and text[begin:].partition("#")[0].strip() else kind), text[begin:]
