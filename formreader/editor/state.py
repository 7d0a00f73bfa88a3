"""The editor as it goes: the template as it was saved, the draft of it, and what is wrong with the draft."""

from __future__ import annotations

import json
import re
import threading
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from formreader.editor.document import Document, document_of, table_of
from formreader.editor.files import content_of, draft_of, put_aside, write_over
from formreader.editor.opening import Opened
from formreader.editor.scans import Dropped
from formreader.editor.writing import Written, text_of, written
from formreader.errors import TemplateError
from formreader.served.calls import Refused
from formreader.template import Field, Template, load_form

_PRIVATE: Final = 0o600

Words = Callable[[Field], Iterable[str]]
"""Says what a field holds, a line each."""


class Editing:
    """What all calls share.

    Attributes
    ----------
    document
        The draft, as the browser last told it.
    dropped
        Scans that were dropped on the page.
    """

    def __init__(self, opened: Opened, words: Words) -> None:
        self.opened = opened
        self.words = words
        self.dropped = Dropped()
        self.notes = list(opened.notes)
        self.window = 0
        self._content = opened.content
        self._copied: set[bytes] = set()
        self._lock = threading.RLock()
        self._written: tuple[Document, Written, str] | None = None
        self.base = written(opened.text)
        self.document = self._from_base()
        self._continue_draft()

    @property
    def path(self) -> Path:
        """Where the template is saved."""
        return self.opened.path

    @property
    def is_saved(self) -> bool:
        """Whether the file says what the draft says."""
        return self._content is not None and self._text() == self.base.text

    @property
    def is_unsaved(self) -> bool:
        """Whether a person changed something that the file does not say."""
        return draft_of(self.path).exists()

    def enter(self) -> int:
        """Let a window edit; those opened before must not any more."""
        with self._lock:
            self.window += 1
            return self.window

    def told(self, window: int, document: Document) -> None:
        """Take the draft as a window has it, and keep it on the disk.

        Raises
        ------
        Refused
            Another window edits.
        """
        with self._lock:
            if window != self.window:
                raise Refused("The form was opened in another window; go on there, or load this page again.", 409)
            if document == self.document:
                return
            self.document = document
            if self._text() == self.base.text:
                draft_of(self.path).unlink(missing_ok=True)
                return
            kept = {"base": self.base.text, "document": document.model_dump()}
            write_over(draft_of(self.path), json.dumps(kept).encode(), _PRIVATE)

    def dropped_draft(self) -> None:
        """Go back to what the file holds."""
        with self._lock:
            self.document = self._from_base()
            draft_of(self.path).unlink(missing_ok=True)

    def templates(self) -> tuple[Template, ...]:
        """Make a template of each of the draft's pages.

        Raises
        ------
        TemplateError
            It has mistakes.
        """
        return self._made(self._text())

    def judged(self) -> tuple[tuple[Template, ...], tuple[str, ...]]:
        """Make templates of the draft, or name each mistake in it."""
        try:
            return self.templates(), ()
        except TemplateError as error:
            return (), error.problems or (str(error),)

    def sound(self, wrong: Iterable[str]) -> tuple[Template, ...]:
        """Make templates of the fields that have no mistake; none where there is none to make."""
        left_out = set(wrong)
        fields = [field for field in self.document.fields if field.id not in left_out]
        draft = self.document.model_copy(update={"fields": fields})
        for checks in (draft.checks, []):
            with suppress(TemplateError):
                return self._made(text_of(draft.model_copy(update={"checks": checks}), self.base))
        return ()

    def save(self, *, over: bool) -> Mapping[str, Any]:
        """Write the draft; what would not load is not written, nor over what another program wrote unless `over`."""
        with self._lock:
            text = self._text()
            if problems := self.judged()[1]:
                raise Refused(f"Not saved: put right first what is marked ({len(problems)}). The draft is kept.", 409)
            there = content_of(self.path)
            if there != self._content and not over:
                return {"saved": False, "changed": True}
            copies = [*self._written_beside(), *self._kept_aside(there)]
            mode = _PRIVATE if self.opened.is_private and there is None else None
            content = text.encode()
            if content != there:
                write_over(self.path, content, mode)
            self._content = content
            self.base = written(text, self.base.kept, self.document)
            draft_of(self.path).unlink(missing_ok=True)
            return {"saved": True, "copies": copies}

    def _text(self) -> str:
        """Write the draft; asked for several times for each change."""
        known = self._written
        if known is None or known[0] is not self.document or known[1] is not self.base:
            self._written = known = self.document, self.base, text_of(self.document, self.base)
        return known[2]

    def _from_base(self) -> Document:
        return document_of(self.base.tables, self.base.field_ids, self.base.check_ids)

    def _made(self, text: str) -> tuple[Template, ...]:
        return load_form(self.path, {**self.opened.beside, self.path.name: text.encode()})

    def _kept_aside(self, there: bytes | None) -> Iterator[str]:
        """Copy what this is about to write over, unless it was written here."""
        if there is not None and there not in self._copied and there != self._own_last():
            copy = put_aside(self.path)
            self._copied.add(there)
            if copy is not None:
                yield copy.name

    def _own_last(self) -> bytes | None:
        """Give what was last saved here; None before anything was."""
        return self._content if self._content != self.opened.content else None

    def _written_beside(self) -> Iterator[str]:
        for name, content in self.opened.beside.items():
            place = self.path.with_name(name)
            there = content_of(place)
            if there == content:
                continue
            if there is not None and (copy := put_aside(place)) is not None:
                yield copy.name
            write_over(place, content, _PRIVATE if self.opened.is_private else None)

    def _continue_draft(self) -> None:
        """Go on with what was not saved last time, if it was made of this file or of one that was never saved."""
        place = draft_of(self.path)
        content = content_of(place)
        if content is None:
            return
        try:
            kept = json.loads(content)
            base = written(kept["base"])
            document = Document.model_validate(kept["document"])
            text_of(document, base)
        except (ValueError, KeyError, TypeError, ValidationError, tomllib.TOMLDecodeError):
            self.notes.append(f"{place.name} is no draft that can be understood; it stays where it is")
            return
        if base.text == self.base.text:
            self.notes.append("this is the work that was not saved last time")
        elif self._content is None:
            self.notes.append("this is the work that was not saved last time, on what was found on the form then")
        else:
            self.notes.append("this is the work that was not saved last time; the file was changed since")
            self._content = kept["base"].encode()
        self.base, self.document = base, document


def field_of(problem: str, names: Mapping[str, Iterable[str]]) -> list[str]:
    """Give the identities of the fields that a problem is about, by the names that fields have."""
    found = next(
        (name for name in sorted(names, key=len, reverse=True) if problem.startswith(f"field '{name}': ")), None
    )
    return list(names[found]) if found is not None else []


def placed(problems: Iterable[str], document: Document) -> list[dict[str, Any]]:
    """Put each problem to the fields or the check that it is about."""
    names: dict[str, list[str]] = {}
    for field in document.fields:
        names.setdefault(str(table_of(field).get("name", "")), []).append(field.id)
    lists = {"field": [one.id for one in document.fields], "check": [one.id for one in document.checks]}
    answer = []
    for problem in problems:
        ids = field_of(problem, names)
        text = problem.partition("': ")[2] if ids else problem
        if found := re.match(r"(field|check) number ([0-9]+): ", problem):
            listed = lists[found[1]]
            ids = [listed[int(found[2]) - 1]] if int(found[2]) <= len(listed) else []
            text = problem[found.end() :]
        answer.append({"of": ids, "text": text})
    return answer
