"""Draw accepted fields at random.

Drawn from are the fields that nobody looks at: of each page that counts, as it was read last, those without a reason to
look and without a person's decision. Empty ones are among them, as writing that was taken for none is an error like any
other. Fields that people key are not, as nothing was read there, nor are codes, which say themselves whether they were
read. A page that lies in two files is one page.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from formreader.audit.bounds import needed, needed_by_field, shares_of
from formreader.batch_forms import form_in
from formreader.checks import Repeats
from formreader.errors import UnusableCall
from formreader.store import Audit, AuditedField, Results, StoredPage, Stratum
from formreader.values import POINT, DigitReading, FieldReading

_LETTERS: Final = "bcdfghjkmnpqrstvwxz"  # no spreadsheet takes words of these for a number, nor people for a word

_form_in = lru_cache(maxsize=32)(form_in)  # many fields are drawn of each form


class Wish(NamedTuple):
    """How an audit is to be drawn.

    Attributes
    ----------
    claim
        The share of wrong fields that it is to prove.
    size
        How many fields; None for as many as prove the claim where none is wrong.
    seed
        The same batch and seed give the same fields; None draws a seed.
    """

    claim: Fraction
    size: int | None = None
    by_field: bool = False
    seed: int | None = None


class Population(NamedTuple):
    """What a sample is drawn from: pages that were read, and how many accepted fields each form's field has."""

    pages: int
    accepted: dict[tuple[str, str], int]

    @property
    def size(self) -> int:
        """How many accepted fields there are."""
        return sum(self.accepted.values())


def population_of(results: Results, repeats: Repeats) -> Population:
    """Count the accepted fields of a batch.

    Parameters
    ----------
    repeats
        Values that should be unique and are not: they are flagged, as in the tables.

    Raises
    ------
    UnusableCall
        There are none.
    """
    pages, counts = 0, Counter[tuple[str, str]]()
    for page in _pages(results, repeats):
        pages += 1
        counts.update((page.form, field.name) for field in _accepted(page))
    if not counts:
        raise UnusableCall(
            f"{results.folder}: no field of this batch was accepted that holds digits or marks; there is nothing to "
            "prove"
        )
    return Population(pages, dict(sorted(counts.items())))


def planned(population: Population, wish: Wish, wrong: int = 0) -> list[int] | None:
    """Give how many fields to draw, for each of the form's fields or once for all; None if no sample can prove it."""
    counts = list(population.accepted.values())
    if wish.size is not None:
        size = min(wish.size, population.size)
        return shares_of(counts, size) if wish.by_field else [size]
    if wish.by_field:
        return needed_by_field(wish.claim, counts, wrong)
    size_needed = needed(wish.claim, population.size, wrong)
    return None if size_needed is None else [size_needed]


def draw(
    results: Results, repeats: Repeats, population: Population, wish: Wish, who: str, at: str
) -> tuple[Audit, list[AuditedField]]:
    """Draw a sample; every set of fields of its size, or of its sizes by field, is equally likely.

    Returns
    -------
    Audit, list of AuditedField
        Not stored yet; the fields in a random order, which is that of keying.

    Raises
    ------
    UnusableCall
        Boxes to mark were drawn whose form the batch does not know any more.
    """
    seed = secrets.randbelow(2**32) if wish.seed is None else wish.seed
    rng = np.random.default_rng(seed)
    sizes = planned(population, wish) or []
    ranks = _ranks(population, sizes, rng, by_field=wish.by_field)
    found = list(_at_ranks(_pages(results, repeats), results, ranks, by_field=wish.by_field))
    order = rng.permutation(len(found))
    fields = [_audited(results, number, *found[place]) for number, place in enumerate(order.tolist(), start=1)]
    drawn = Counter((field.form, field.field) for field in fields)
    strata = tuple(Stratum(*key, count, drawn[key]) for key, count in population.accepted.items())
    code = "".join(secrets.choice(_LETTERS) for _ in range(10))
    return Audit(code, at, who, wish.claim, seed, wish.by_field, population.pages, strata), fields


def _pages(results: Results, repeats: Repeats) -> Iterator[StoredPage]:
    """Give the pages that were read, each once: `pages` gives content that counts twice twice."""
    seen: set[int] = set()
    for page in repeats.marked(results.pages()):
        if page.status == "read" and page.reading not in seen:
            seen.add(page.reading)
            yield page


def _accepted(page: StoredPage) -> Iterator[FieldReading]:
    read = (field for field in page.fields if field.kind in ("digits", "choice"))
    return (field for field in read if not field.reasons and field.name not in page.decided)


def _ranks(
    population: Population, sizes: Sequence[int], rng: np.random.Generator, *, by_field: bool
) -> dict[tuple[str, str], NDArray[np.int64]]:
    """Draw which of the accepted fields it shall be, counted as they come: of each form's field, or of all."""
    if not by_field:
        return {("", ""): np.sort(rng.choice(population.size, sizes[0], replace=False, shuffle=False))}
    return {
        key: np.sort(rng.choice(count, size, replace=False, shuffle=False))
        for (key, count), size in zip(population.accepted.items(), sizes, strict=True)
    }


def _at_ranks(
    pages: Iterable[StoredPage], results: Results, ranks: dict[tuple[str, str], NDArray[np.int64]], *, by_field: bool
) -> Iterator[tuple[StoredPage, FieldReading, tuple[DigitReading, ...]]]:
    """Pass over the batch once more and give what was drawn, each with its boxes."""
    wanted = {key: set(chosen.tolist()) for key, chosen in ranks.items()}
    count = Counter[tuple[str, str]]()
    for page in pages:
        drawn: list[FieldReading] = []
        for field in _accepted(page):
            key = (page.form, field.name) if by_field else ("", "")
            if count[key] in wanted[key]:
                drawn.append(field)
            count[key] += 1
        digits = next(results.sample([page.reading])).digits if drawn else ()
        for field in drawn:
            yield page, field, tuple(digit for digit in digits if digit.box.field == field.name)


def _audited(
    results: Results, number: int, page: StoredPage, field: FieldReading, digits: Sequence[DigitReading]
) -> AuditedField:
    named = (number, page.reading, page.form, field.name, field.value)
    if field.kind == "choice":
        options = _options(results.template_text(page.reading), page.form, field.name)
        if not options:
            raise UnusableCall(f"{results.folder}: does not know the options of {page.form}: {field.name} any more")
        return AuditedField(*named, field.value, field.confidence, len(digits), options)
    wide = any(digit.box.is_wide for digit in digits)
    boxes = 0 if wide else len({digit.box.position for digit in digits})
    return AuditedField(*named, as_written(field.value, digits), field.confidence, boxes)


def _options(text: str, form: str, field: str) -> tuple[str, ...]:
    """Give what a field's boxes stood for when it was read; nothing where that is lost."""
    template = _form_in(text, form)
    return next((one.options for one in template.fields if one.name == field), ()) if template else ()


def as_written(value: str, digits: Sequence[DigitReading]) -> str:
    """Give a value as it stands on the paper: without a printed point, and empty where a strike means zero."""
    read = [digit.digit for digit in digits if digit.digit is not None]
    if not read:
        return "" if value == "0" else value
    return value if POINT in read else value.replace(POINT, "")
