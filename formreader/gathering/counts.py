"""How many forms of several pages are whole."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from formreader.store import Results


@dataclass(frozen=True, slots=True)
class Missing:
    """A row of ``missing.csv``: a page that a form lacks, or has twice.

    Attributes
    ----------
    scan, page
        Where the form begins.
    missing
        The number of the missing page; empty for one that is there twice.
    """

    scan: str
    page: int
    form: str
    missing: str
    why: str


@dataclass(frozen=True, slots=True)
class FormCount:
    """Filled forms of one kind: those with all pages, those that lack some, and those with a page that is twice."""

    form: str
    complete: int
    lacking: int
    doubled: int


def count_forms(results: Results, missing: Iterable[Missing]) -> Iterator[FormCount]:
    """Count the filled forms of several pages; `missing` tells of all that are not as they should be."""
    lacks: dict[str, dict[tuple[str, int], list[str]]] = defaultdict(lambda: defaultdict(list))
    for one in missing:
        lacks[one.form][one.scan, one.page].append(one.missing)
    read = results.pages_read()
    for name, form in results.of_several_pages.items():
        wanting = [[page for page in pages if page] for pages in lacks[name].values()]
        of_lacking = sum(len(form.sheets) - len(pages) for pages in wanting if pages)
        whole = (sum(read.get(sheet, 0) for sheet in form.sheets) - of_lacking) // len(form.sheets)
        doubled = sum("" in pages for pages in lacks[name].values())
        yield FormCount(name, whole, sum(map(bool, wanting)), doubled)


def about_forms(counts: Iterable[FormCount]) -> Iterator[str]:
    """Say how many forms are whole, a line a kind, and what is to be done about the others."""
    for one in counts:
        said = [f"{one.complete:,} filled {'form' if one.complete == 1 else 'forms'} with all pages"]
        if one.lacking:
            said.append(f"{one.lacking:,} that {'lacks' if one.lacking == 1 else 'lack'} pages")
        if one.doubled:
            said.append(f"{one.doubled:,} with a page that is there twice or may be another's")
        yield f"'{one.form}': {', '.join(said)}"
        if one.lacking or one.doubled:
            yield "  all in missing.csv: scan what is missing, take out what is twice, and read again"
