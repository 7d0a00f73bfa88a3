"""What a batch gives to those who read it, as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from formreader.values import Code, DigitReading, FieldReading

Status = Literal["read", "failed", "skipped", "left_out", "duplicate"]
"""How a page's reading ended; `left_out`: not wanted by the call, `duplicate`: its content has another name, which is
the page's `reason`."""


@dataclass(frozen=True, slots=True, eq=False)
class StoredPage:
    """A page as the batch has it now.

    Attributes
    ----------
    reading
        Number of the reading this is; `Results.picture` wants it.
    form
        Name of the form that the page shows; empty unless `status` is ``read``.
    fields, digits
        Empty unless `status` is ``read``; a field's value is the person's where one decided. A decided field that the
        form no longer has is kept, after the others. A box of a field that rules settled has the digit of its value.
    decided
        Names of the fields that a person decided.
    disputed
        Names of those that one person decided and another, keying blind, sees otherwise: they are not `decided`.
    """

    scan: str
    page: int
    sha256: str
    reading: int
    status: Status
    form: str = ""
    stage: str = ""
    reason: str = ""
    fields: tuple[FieldReading, ...] = ()
    digits: tuple[DigitReading, ...] = ()
    decided: frozenset[str] = frozenset()
    disputed: frozenset[str] = frozenset()
    codes: tuple[Code, ...] = ()

    @property
    def to_review(self) -> tuple[str, ...]:
        """Names of the flagged fields that no person has decided, and of those that two decided differently."""
        flagged = (field.name for field in self.fields if field.reasons or field.name in self.disputed)
        return tuple(name for name in flagged if name not in self.decided)

    @property
    def shown_status(self) -> str:
        """Its state as users see it."""
        if self.status == "left_out":
            return "skipped"
        if self.status != "read":
            return self.status
        if self.to_review:
            return "review"
        return "checked" if self.decided else "read"


class StoredTemplate(NamedTuple):
    """What a batch knows of a template: its text (of several forms one below the other), where it lay, which it was."""

    text: str
    path: str
    fingerprint: str


class Change(NamedTuple):
    """A field that was read otherwise before."""

    scan: str
    page: int
    field: str
    old: str
    new: str
    decided: str | None
    """What a person decided, which holds whatever is read; None where nobody did."""


class Correction(NamedTuple):
    """A decision of a person about a field.

    Attributes
    ----------
    at
        UTC.
    read
        What the reading that counts says; None where it has no such field.
    stands
        Whether it is what holds now.
    """

    at: str
    who: str
    scan: str
    page: int
    field: str
    read: str | None
    old: str
    new: str
    how: str
    stands: bool
