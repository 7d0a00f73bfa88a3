"""What of an audit's sample is still to be keyed, by whom: all of it once, then what differs by another person."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import NamedTuple

from formreader.audit import audit_of
from formreader.audit.verdicts import name_of, to_look_at_again, verdicts_on
from formreader.store import AuditedField, Audits, Desk, Key

Place = tuple[int, int]
"""Number of a field in its audit, and the look: 1, or 2 for another person's."""


class Left(NamedTuple):
    """How far the keying is, as one person sees it.

    Attributes
    ----------
    left
        Fields that this person may key now.
    of
        Fields of this look: all that were drawn, or those that this person is to look at again.
    waiting
        Once this person has nothing left: fields that wait for yet another one.
    """

    left: int
    of: int
    look: int
    audit: int
    waiting: int = 0


class Audited:
    """An audit as it is keyed; what others key meanwhile is seen at once."""

    def __init__(self, desk: Desk, number: int) -> None:
        self._desk = desk
        self.audit = audit_of(desk.results, number or None)
        self._fields = {field.number: field for field in self.audits.fields(self.audit)}
        self._keys: dict[int, list[Key]] = {number: [] for number in self._fields}
        self._open = sorted(self._fields)
        self._row = 0
        self._again: dict[str, tuple[int, list[int]]] = {}

    @property
    def audits(self) -> Audits:
        """The audits of the batch; threads take turns at it in `Desk.turn`."""
        return self._desk.results.audits()

    def field(self, number: int) -> AuditedField | None:
        """Give a field by its number; None where there is none."""
        return self._fields.get(number)

    def left(self, who: str) -> Left:
        """Say how far the keying is."""
        with self._desk.turn():
            self._look()
            number = self.audit.id
            if self._open:
                return Left(len(self._open), len(self._fields), 1, number)
            again, every = self._to_key_again(name_of(who))
            return Left(len(again), len(every), 2, number, 0 if again else self._waiting())

    def first(self, who: str, after: int, most: int) -> list[Place]:
        """Give the next fields for a person to key, in the order of the sample: any part of it is a fair one."""
        with self._desk.turn():
            self._look()
            if self._open:
                start = bisect_right(self._open, after)
                return [(number, 1) for number in self._open[start : start + most]]
            again, _ = self._to_key_again(name_of(who))
            return [(number, 2) for number in again if number > after][:most]

    def first_keyer(self, number: int) -> str:
        """Give who keyed a field first; empty where nobody did."""
        with self._desk.turn():
            self._look()
            return next((key.who for key in reversed(self._keys[number]) if key.look == 1), "")

    def _look(self) -> None:
        for row, key in self.audits.keyed_since(self.audit, self._row):
            self._row = row
            self._keys[key.number].append(key)
            at = bisect_left(self._open, key.number)
            if key.look == 1 and self._open[at : at + 1] == [key.number]:
                del self._open[at]

    def _to_key_again(self, me: str) -> tuple[list[int], list[int]]:
        """Give what a person is still to look at again, and all of it; drawn once, as each draw hides it otherwise."""
        row, every = self._again.get(me, (-1, []))
        left = [number for number in every if not self._was_seen_by(me, number)]
        if not left and row != self._row:
            others = [self._fields[number] for number in sorted(self._fields) if not self._was_seen_by(me, number)]
            verdicts = verdicts_on(others, (key for field in others for key in self._keys[field.number]))
            again = to_look_at_again(others, verdicts, self.audit.seed)
            left = [field.number for field in again]
            every = left or every
            self._again[me] = self._row, every
        return left, every

    def _was_seen_by(self, me: str, number: int) -> bool:
        return any(name_of(key.who) == me for key in self._keys[number])

    def _waiting(self) -> int:
        fields = list(self._fields.values())
        verdicts = verdicts_on(fields, (key for keys in self._keys.values() for key in keys))
        return sum(verdict.state in ("differs", "undecided") for verdict in verdicts)
