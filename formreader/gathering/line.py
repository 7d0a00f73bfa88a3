"""Pages as they lie one after the other: which of them are one form by their order, or by their file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Final

from formreader.gathering.row import Group, Row, alone, rows_of_group
from formreader.gathering.said import named, place_of, serial_of
from formreader.gathering.shifts import Break, Shifts
from formreader.store import SeveralPages, StoredPage

_MOST_BEHIND: Final = 1000
"""So many pages that hold nothing end a row that waits for its next page: they are kept in memory meanwhile."""


class Line:
    """Pages as they lie one after the other: gathers those of forms that are told by their order or their file."""

    def __init__(self, names: Mapping[str, Sequence[str]], most: int, shifts: Shifts | None = None) -> None:
        self._names = names
        self._most = most
        self._shifts = shifts or Shifts(())
        self._rows = 0
        self.breaks: list[Break] = []
        self._group: Group | None = None
        self._file: tuple[str, dict[str, Group]] = ("", {})
        self._failed: list[str] = []
        self._behind: list[Row] = []
        self._between = 0
        self._before = ("", False)

    def waited(self) -> None:
        """Note that a page lies here which has not been read yet."""
        self._between += 1

    def passed(self, page: StoredPage, form: SeveralPages | None, *, of_several: bool = False) -> Iterator[Row]:
        """Take the next page of a form told by its order, of a form of one page, or of none.

        Parameters
        ----------
        of_several
            Its file has further pages.
        """
        if self._file[1] and (page.scan != self._file[0] or page.status == "read"):
            yield from self.ended()
        if page.status == "read" and form is not None:
            yield from self._next(page, form, form.sheets[page.form], of_several=of_several)
        elif page.status == "read":
            yield from self.ended()
            yield alone(page)
        else:
            self._between += 1
            if page.status == "failed":
                yield from self._failing(page)
            self._behind.append(alone(page))
            if (self._group is None and not self._file[1]) or len(self._behind) > _MOST_BEHIND:
                yield from self.ended()

    def _next(self, page: StoredPage, form: SeveralPages, number: int, *, of_several: bool) -> Iterator[Row]:
        group, where = self._group, place_of(page)
        is_near = group is not None and group.form in (form, None) and group.where == where
        is_far = group is not None and self._is_far(group, page, form, of_several=of_several)
        if group is None or not is_near or number <= group.last or _are_apart(group, page) or is_far:
            new = Group(form, where)
            comes_again = group is not None and bool(group.placed) and max(group.placed) == group.last == number
            if group is not None and is_near and comes_again and len(form.sheets) > 1:
                _double(group, new, page)
            yield from self.ended()
            self._group = group = new
        group.form = form
        group.placed[number] = page
        group.last = number
        self._between = 0
        self._before = (page.scan, of_several)

    def _is_far(self, group: Group, page: StoredPage, form: SeveralPages, *, of_several: bool) -> bool:
        """Say whether so much lies between a page and those before that they may well be two people's.

        That is where a file of several pages ends, or where enough pages lie unread that one form's last and another's
        first may be among them.
        """
        if not group.placed or (serial_of(page) is not None and serial_of(page) == group.serial):
            return False
        scan, was_of_several = self._before
        would_be_lost = form.last - max(group.placed) + form.sheets[page.form] - 1  # pages without fields too
        return (scan != page.scan and (of_several or was_of_several)) or self._between >= would_be_lost

    def _failing(self, page: StoredPage) -> Iterator[Row]:
        """Let a page that failed take the next place, so that no two people's pages are joined across it."""
        if self._file[1]:
            self._failed.append(named(page))
            return
        group, where = self._group, place_of(page)
        if group is None or group.where != where or group.last >= (group.form.last if group.form else self._most):
            yield from self.ended()
            self._group = group = Group(None, where)
        group.last += 1
        group.failed[group.last] = named(page)

    def filed(self, page: StoredPage, form: SeveralPages) -> Iterator[Row]:
        """Take the next page of a form that lies in one file."""
        scan, groups = self._file
        if self._group is not None or scan != page.scan:
            failed = [row.pages[0] for row in self._behind if row.pages[0].status == "failed"]
            first = [named(one) for one in failed if one.scan == page.scan]
            yield from self.ended()
            self._file = (page.scan, groups := {})
            self._failed = first
        group = groups.setdefault(form.form, Group(form, PurePosixPath(page.scan)))
        number = form.sheets[page.form]
        if number in group.placed:
            group.others.append((number, page))
        group.placed.setdefault(number, page)

    def ended(self) -> Iterator[Row]:
        """Give what is still kept, as no page can join it any more."""
        if self._group:
            self._look_at_places(self._group)
        groups = [*self._file[1].values(), *([self._group] if self._group else [])]
        behind, failed = self._behind, self._failed
        self._group, self._file, self._behind, self._failed = None, ("", {}), [], []
        for group in groups:
            if group.placed and group.form:
                why = f"{', '.join(failed)} failed" if failed else ""
                yield from rows_of_group(group, group.form, self._names, why)
        yield from behind

    def _look_at_places(self, group: Group) -> None:
        """Note which end of a form has no page, and whether the group lies where pages may be shifted."""
        taken = {*group.placed, *group.failed}
        first, last = (min(group.form.sheets.values()), group.form.last) if group.form else (1, self._most)
        lacks_first, lacks_last = min(taken) > first, max(taken) < last
        if not group.placed and (lacks_first or lacks_last):
            lacks_first = lacks_last = True
        if lacks_first or lacks_last:
            self.breaks.append(Break(self._rows, group.where, lacks_first, lacks_last))
        serials = {serial_of(page) for page in group.placed.values()}
        if self._rows in self._shifts and len(group.placed) > 1 and (None in serials or len(serials) > 1):
            group.is_shifted = True
        self._rows += 1


def _double(group: Group, new: Group, page: StoredPage) -> None:
    """Note that the same page of a form comes twice on end: which of both belongs to its neighbours is not known."""
    before, serial = group.placed[group.last], serial_of(page)
    if not (serial and group.serial and serial != group.serial):
        group.is_doubled = f"{named(page)} is page {group.last} of the form too"
        new.is_doubled = f"{named(before)} is page {group.last} of the form too"


def _are_apart(group: Group, page: StoredPage) -> bool:
    """Say whether the codes of pages tell that they are of two forms."""
    serial = serial_of(page)
    return serial is not None and group.serial not in (None, serial)
