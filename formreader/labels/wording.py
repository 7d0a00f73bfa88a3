"""A printed label as the name of a column: letters, digits and ``_``, short, and no other field's."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from formreader.template.wording import free_name

LONGEST: Final = 44
"""Signs of a name from one label: as many as people take in; a row's and a column's together are a lawful name."""
_RESERVED: Final = frozenset({"scan", "page", "status", "review"})
"""Columns that the result files have already."""
_NUMBERED: Final = re.compile(r"field_\d+")
"""Names of the fields without a label."""
_LEAST_LETTERS: Final = 2
"""A single one is as often a mark, a frame or a currency as a label."""
_CODE: Final = re.compile(r"[^\W\d_][0-9]{1,2}")
"""``Q1``: a question's number that is its name."""
_ENUMERATION: Final = re.compile(
    r"^\W*(?:\(?\d{1,2}(?:\.\d{1,2})*[.)]\s*|\(?(?:[A-Za-z]|[IVX]{1,5})[.)]\s+|[•·*-]\s*)(?=\S)"
)
"""``3.``, ``1.2)``, ``(b)``, ``IV.``, a bullet: they stand before a label and are none of it."""
_EXPLANATION: Final = re.compile(r"\s[\u2010-\u2015-]+\s|(?<=[^\W\d_]{4})[.?!]\s")
"""From here on a label explains itself: a dash between spaces; the end of a sentence, which no abbreviation is."""
_BRACKETS: Final = re.compile(r"\([^()]*\)|\[[^\[\]]*\]|[(\[][^)\]]*$|^[^(\[]*[)\]]")
_DATE_PART: Final = re.compile(r"[dt]{1,2}|m{1,2}|[yja]{1,4}|h{1,2}")
_DATE: Final = re.compile(r"[dt]{2}m{2}[yja]{2,4}|m{2}d{2}y{2,4}|y{2,4}m{2}d{2}")
"""``DD MM YYYY``, ``TTMMJJJJ``: how a date is written; it follows what the date is called."""


def name_of(text: str, *, whole: bool = False) -> str:
    """Make a name of a label as it is printed, its lines joined by spaces; empty where it has none in it.

    Parameters
    ----------
    whole
        With what stands in brackets, behind a dash or in a second sentence.
    """
    plain = _ENUMERATION.sub("", unicodedata.normalize("NFKC", text).strip())
    head, *rest = _EXPLANATION.split(plain, maxsplit=1)
    if not whole and _letters(head) >= _LEAST_LETTERS and _letters("".join(rest)) > _LEAST_LETTERS:
        plain = head
    without = _BRACKETS.sub(" ", plain)
    plain = plain if whole and _letters(without) else without
    words = _without_date(_words(plain))
    name = "_".join(words)
    if _CODE.fullmatch(name):
        return name
    if _letters(name) < _LEAST_LETTERS or all(len(word) == 1 for word in words):
        return ""
    return _shortened(name)


def unique(name: str, taken: set[str]) -> str:
    """Give the name, with a number behind it where another field has it already, and note it as taken."""
    word = f"{name}_" if name.casefold() in _RESERVED or _NUMBERED.fullmatch(name) else name
    return free_name(word, taken)


def _words(text: str) -> list[str]:
    """Give the words in small letters; an apostrophe parts none, combining marks stay with their letters."""
    joined = re.sub("['\u2018\u2019\u02bc`]", "", text.lower())
    kept = "".join(
        one if unicodedata.category(one)[0] in "LMN" else " " for one in unicodedata.normalize("NFC", joined)
    )
    return kept.split()


def _without_date(words: list[str]) -> list[str]:
    """Leave out how a date is written, at the end."""
    if words and _DATE.fullmatch(words[-1]):
        return words[:-1]
    end = len(words)
    while end and _DATE_PART.fullmatch(words[end - 1]):
        end -= 1
    return words[:end] if len(words) - end > 1 else words


def _letters(text: str) -> int:
    return sum(unicodedata.category(one)[0] == "L" for one in text)


def _shortened(name: str) -> str:
    """Cut a long name between words."""
    if len(name) <= LONGEST:
        return name
    head, parted, _ = name[: LONGEST + 1].rpartition("_")
    return head if parted else name[:LONGEST]
