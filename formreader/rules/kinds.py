"""The two kinds of rules: of one field, and checks across the fields of a page."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Protocol

from formreader.values import Severity


class Rule(Hashable, Protocol):
    """What one field's value must be; asked about digits and a `POINT` that were read, or text that a person keyed."""

    @property
    def key(self) -> str:
        """What it is called in the template."""
        ...

    @property
    def severity(self) -> Severity:
        """What breaking it means."""
        ...

    @property
    def only_exact(self) -> bool:
        """Whether only the value as read can be accepted: what is near a list's entry may only be suggested."""
        ...

    def is_kept_by(self, value: str) -> bool:
        """Say whether a value is lawful."""
        ...

    def __str__(self) -> str:
        """Say what the rule asks for, in words: ``at most 31``."""
        ...


class Check(Hashable, Protocol):
    """What values of several fields of a page must be together."""

    @property
    def key(self) -> str:
        """What it is called in the template."""
        ...

    @property
    def severity(self) -> Severity:
        """What breaking it means."""
        ...

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of all fields that it is about."""
        ...

    def is_kept_by(self, values: Mapping[str, str]) -> bool | None:
        """Say whether the values fit together; None where that cannot be said, as one is missing or unread."""
        ...

    def __str__(self) -> str:
        """Say what the check asks for, in words: ``q1 + q2 = total``."""
        ...


__all__ = ["Check", "Rule"]
