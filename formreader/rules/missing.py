"""Codes for what is missing, and words that stand where digits should."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from formreader.rules.kinds import Rule
from formreader.values import Severity


@dataclass(frozen=True, slots=True)
class OrMissing:
    """A rule, or a code that says that there is no value: 99 where ages go to 90."""

    rule: Rule
    codes: tuple[str, ...]

    @property
    def key(self) -> str:
        """What the rule is called in the template."""
        return self.rule.key

    @property
    def severity(self) -> Severity:
        """What breaking it means."""
        return self.rule.severity

    @property
    def only_exact(self) -> bool:
        """Whether only the value as read can be accepted."""
        return self.rule.only_exact

    def is_kept_by(self, value: str) -> bool:
        """Say whether a value is a code, or lawful."""
        return value in self.codes or self.rule.is_kept_by(value)

    def __str__(self) -> str:
        return f"{self.rule}, or {' or '.join(self.codes)}"


def plain(rule: Rule) -> Rule:
    """Give a rule without the codes that are lawful beside it."""
    return rule.rule if isinstance(rule, OrMissing) else rule


def allowed_word(words: Sequence[str], value: str, unread: str) -> str:
    """Give the word that a field may hold instead of digits and seems to; empty where none does, or several may.

    It is a suggestion for the person who looks, never a reading: letters are not read.

    Parameters
    ----------
    words
        What the template allows: ``AB`` for absent.
    value
        As read: nothing but `unread` for a field of letters.
    unread
        What stands for a box that could not be read.
    """
    if not value or value.strip(unread):
        return ""
    fitting = [word for word in words if len(word) == len(value)] or (list(words) if len(value) == 1 else [])
    return fitting[0] if len(fitting) == 1 else ""
