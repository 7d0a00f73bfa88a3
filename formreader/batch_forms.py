"""The forms that a batch was read with, found again: where their templates lie, else as the batch itself knows them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from formreader.errors import TemplateError
from formreader.store import Results, StoredTemplate
from formreader.template import Field, Template, form_of_text, load_form

_SOMEWHERE: Final = (0.0, 0.0, 1.0, 1.0)


@dataclass(frozen=True, slots=True)
class Forms:
    """The templates that a batch was last read with, by the forms' names.

    Attributes
    ----------
    templates
        With their reference pictures where the files are still there; else what the batch itself knows of them.
    notes
        What a person should know of those that are not as they were.
    lost
        Names of forms of which there is no template any more.
    """

    templates: Mapping[str, Template]
    notes: tuple[str, ...] = ()
    lost: frozenset[str] = frozenset()

    def of(self, form: str) -> Template | None:
        """Give the template of a form; None where pages were read without, or it is lost."""
        return self.templates.get(form)

    def field(self, form: str, name: str, boxes: int) -> Field | None:
        """Describe a field of so many boxes; None where the form no longer has it, or its template is lost.

        Where pages were read without template, boxes make a value in the order of writing.
        """
        if template := self.templates.get(form):
            return next((field for field in template.fields if field.name == name), None)
        return None if form in self.lost else Field(name, (_SOMEWHERE,) * boxes)


def forms_of(results: Results, given: Sequence[Template] = ()) -> Forms:
    """Find the templates that a batch was read with: those given, those that lie where they lay, its own copies.

    Raises
    ------
    TemplateError
        One that is given is another than the batch was read with.
    """
    stored = results.templates()
    by_name: dict[str, Template | None] = {template.name: template for template in given}
    for template in given:
        name = template.name
        if name not in stored or stored[name].fingerprint != template.fingerprint:
            own = ", ".join(f"'{form}'" for form in stored) or "none"
            raise TemplateError(
                f"{template.path}: the batch was not read with this form (its own: {own}); give the template that "
                "`read` was given, as it was then"
            )
    found, notes = dict[str, Template](), list[str]()
    for name, one in stored.items():
        here = by_name.get(name) or _in_place(one)
        known = here or form_in(one.text, name)
        if here is None:
            what = "its rules are checked as they were" if known else "no rules are checked"
            form = known.form if known else name
            notes.append(
                f"The template of '{form}' is not where it was, or has changed: {what}, lists in files are not, and "
                "failed pages cannot be matched by hand. Give it with -t"
            )
        if known is not None:
            found[name] = known
    return Forms(found, tuple(dict.fromkeys(notes)), frozenset(stored.keys() - found.keys()))


def still_in_place(results: Results) -> tuple[Template, ...]:
    """Give the templates that a batch was read with which lie where they lay, unchanged."""
    return tuple(filter(None, map(_in_place, results.templates().values())))


def _in_place(stored: StoredTemplate) -> Template | None:
    if not stored.path:
        return None
    try:
        sheets = load_form(Path(stored.path))
    except TemplateError:
        return None
    return next((sheet for sheet in sheets if sheet.fingerprint == stored.fingerprint), None)


def form_in(text: str, name: str) -> Template | None:
    """Make a form's template of a batch's copy, which may hold several one below the other; None where it is lost."""
    for part in (text, *re.split(r"(?m)^(?=\[form\][ \t]*(?:#.*)?$)", text)):
        try:
            sheets = form_of_text(part)
        except TemplateError:
            continue
        for sheet in sheets:
            if sheet.name == name:
                return sheet
    return None
