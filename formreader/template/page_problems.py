"""Mistakes in what a template says of the form's several pages.

Imported by `template` alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from formreader.template.wording import did_you_mean, shown

if TYPE_CHECKING:
    from formreader.template.form_schema import FormTable
    from formreader.template.schema import FieldTable

GATHERED: Final = ("sequence", "file", "qr")
"""Ways to tell which pages are one form; besides them, by a field that stands on each."""
BY_FIELD: Final = "field:"
"""What stands before the name of such a field."""


def page_problems(form: FormTable, by_page: Mapping[int, Sequence[FieldTable]]) -> Iterator[str]:
    """Give the mistakes in the form's pages, each with its place.

    Parameters
    ----------
    by_page
        The fields of each page that has any. A page without fields is lawful: its scans are no pages that are read.
    """
    count = form.page_count(max(by_page, default=1))
    yield from (f"form: {problem}" for problem in _count_problems(form, count))
    for page, fields in by_page.items():
        if page > count:
            these = "the form has one page" if count == 1 else f"the form has {count} pages"
            yield from (f"field '{field.name}': 'page' is {page}, but {these}" for field in fields)
    kinds: dict[str, str] = {}
    for field in (field for fields in by_page.values() for field in fields):
        if kinds.setdefault(field.name, field.kind) != field.kind:
            yield f"field '{field.name}': it is of another kind on another page; give one of them another name"
    yield from (f"form: {problem}" for problem in _gather_problems(form, by_page, count))


def _count_problems(form: FormTable, count: int) -> Iterator[str]:
    references, of_ids = form.references(), form.markers.told_pages() if form.markers else 0
    if isinstance(form.reference, list) and len(references) != count:
        yield f"'reference' lists {len(references)} of the {count} pages; list a picture for each"
    elif isinstance(form.reference, str) and count > 1 and not form.has_paged_reference():
        yield f"'reference' should list a picture for each of the {count} pages, or be a PDF or TIFF that has them"
    if of_ids and of_ids != count:
        yield f"markers: 'ids' are listed for {of_ids} of the {count} pages; list four for each, or one four for all"
    is_coded = form.codes is True or form.gather == "qr"
    if count > 1 and form.reference is None and form.markers is not None and not is_coded:
        ids = [tuple(form.markers.ids_of(page)) for page in range(1, min(of_ids, count) + 1)]
        if len(set(ids)) < count and of_ids in (0, count):
            yield "nothing tells its pages apart: give a 'reference', markers with other 'ids' on each, or codes = true"


def _gather_problems(form: FormTable, by_page: Mapping[int, Sequence[FieldTable]], count: int) -> Iterator[str]:
    if form.gather is None:
        return
    if count == 1:
        yield "'gather' belongs to forms of several pages; this one has one"
    if form.gather == "qr" and form.codes is False:
        yield "'gather' is \"qr\", but codes = false says that pages are not searched for codes"
    if form.gather in GATHERED:
        return
    if not form.gather.startswith(BY_FIELD):
        ways = ", ".join(f'"{way}"' for way in GATHERED)
        hint = did_you_mean(form.gather, GATHERED)
        yield f"'gather' should be {ways} or \"field:\" with a field's name, not {shown(form.gather)}{hint}"
        return
    name = form.gather.removeprefix(BY_FIELD)
    without = [page for page, fields in by_page.items() if all(field.name != name for field in fields)]
    if len(without) == len(by_page):
        names = {field.name for fields in by_page.values() for field in fields}
        yield f"'gather': '{name}' is no field{did_you_mean(name, names)}"
    elif without:
        pages = ", ".join(map(str, without))
        yield f"'gather': the field '{name}' should stand on every page, but it is not on page {pages}"
