"""Digits that people decided in a batch, cut once more from their scans: what a model can learn from."""

from __future__ import annotations

import hashlib
import tomllib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from formreader.batch_forms import still_in_place
from formreader.pipeline.again import cut_again
from formreader.scans.again import load_again
from formreader.store import Results, StoredPage, open_results
from formreader.template import Template
from formreader.training.added import AddedDigits
from formreader.values import POINT, UNREAD, DigitReading, Digits

Audited = frozenset[tuple[str, int, str]]

OF_AUDIT: Final = "fields of an audit: it would prove nothing of a model that has learnt them"
EMPTY: Final = "fields that are blank, or hold what nobody can read"
WIDE: Final = "fields with one frame for several digits"
COUNTS: Final = "fields whose boxes and digits do not agree in number"
BADLY_CUT: Final = "boxes whose stroke could not be cut out whole"
NO_TEMPLATE: Final = "fields of forms whose template must be given with -t"
_FINGERPRINT: Final = 16  # letters of a batch's
_NAMED: Final = 10


class Label(NamedTuple):
    """A box and the digit in it, as a person says."""

    field: str
    position: int
    digit: int
    corrected: bool


@dataclass(frozen=True, slots=True, eq=False)
class Decided:
    """What people's decisions give to learn from.

    Attributes
    ----------
    digits
        With their pages and batches.
    left_out
        How many decided fields or boxes give no digits, by the reason.
    gone
        Of pages whose scan cannot be had: what is the matter.
    without_blank
        Pages cut without their template: what the form prints inside a box may have stayed.
    """

    digits: AddedDigits
    left_out: Counter[str]
    gone: tuple[str, ...]
    without_blank: int


class _Cut(NamedTuple):
    image: Digits
    label: int
    page: str
    corrected: bool


@dataclass(slots=True, eq=False)
class _Finds:
    """What was found so far."""

    cuts: list[_Cut] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    gone: list[str] = field(default_factory=list)
    without_blank: int = 0


def decided_digits(
    folders: Sequence[Path], templates: Sequence[Template] = (), told: Callable[[int], None] = lambda _pages: None
) -> Decided:
    """Cut the digits that people corrected or confirmed; a page that several batches have counts in the first.

    Parameters
    ----------
    templates
        Those that the batches were read with, where they lie no longer where they lay then.
    told
        Told how many pages were cut.

    Raises
    ------
    BatchError
        A folder holds no batch.
    """
    finds, batches, seen = _Finds(), list[str](), set[str]()
    for folder in folders:
        before = len(finds.cuts)
        with open_results(folder) as results:
            audited = results.audited()
            known = (*templates, *still_in_place(results))
            for page in _with_decisions(results, seen):
                _add_page(results, page, audited, known, finds)
                told(len(seen))
        batches.append(_fingerprint(finds.cuts[before:]))
    digits = AddedDigits(
        np.stack([np.zeros((28, 28), np.uint8), *(cut.image for cut in finds.cuts)])[1:],
        np.array([cut.label for cut in finds.cuts], np.int64),
        np.array([cut.page for cut in finds.cuts], np.str_),
        np.array([cut.corrected for cut in finds.cuts], bool),
        tuple(batches),
    )
    return Decided(digits, finds.left_out, tuple(finds.gone), finds.without_blank)


def _with_decisions(results: Results, seen: set[str]) -> Iterator[StoredPage]:
    """Give pages that were read and of which people decided something, each content once."""
    for page in results.pages():
        if page.status == "read" and page.decided and (key := _key(page)) not in seen:
            seen.add(key)
            yield next(results.sample([page.reading]))


def _key(page: StoredPage) -> str:
    return f"{page.sha256} {page.page}"


def _add_page(
    results: Results, page: StoredPage, audited: Audited, templates: Sequence[Template], finds: _Finds
) -> None:
    own = [template for template in templates if template.name == page.form]
    wide = _wide_fields(page, own, results)
    if wide is None:
        finds.left_out[NO_TEMPLATE] += len(page.decided)
        return
    labels = {(label.field, label.position): label for label in _labels(page, audited, wide, finds.left_out)}
    if not labels:
        return
    scan, missing = load_again(*results.audits().places(page.reading))
    if scan is None:
        finds.gone.append(missing)
        return
    boxes = [digit.box for digit in page.digits if digit.box.field not in wide and not digit.box.is_wide]
    crops, same = cut_again(scan, boxes, own)
    finds.without_blank += not same
    for box, image, reason in zip(boxes, crops.digits, crops.reasons, strict=True):
        if label := labels.get((box.field, box.position)):
            if reason or not image.any():
                finds.left_out[BADLY_CUT] += 1
            else:
                finds.cuts.append(_Cut(image, label.digit, _key(page), label.corrected))


def _wide_fields(page: StoredPage, own: Sequence[Template], results: Results) -> frozenset[str] | None:
    """Name the fields with one frame for several digits, whose parts are stored like boxes; None: nobody knows them."""
    if own:
        return frozenset(field.name for field in own[0].fields if field.length != (1, 1))
    if page.form not in results.sheets():
        return frozenset()  # read without a template: only digit boxes are looked for
    try:
        form = tomllib.loads(results.template_text(page.reading))
    except tomllib.TOMLDecodeError:  # several forms, one below the other
        return None
    return frozenset(str(table.get("name")) for table in form["field"] if "box" in table) if "field" in form else None


def _labels(page: StoredPage, audited: Audited, wide: frozenset[str], left_out: Counter[str]) -> Iterator[Label]:
    """Lay the decided values of a page against its boxes."""
    values = {field.name: field.value for field in page.fields if field.name in page.decided}
    of_digits = (digit for digit in page.digits if digit.box.holds_digits)
    ordered = sorted(of_digits, key=lambda digit: (digit.box.field, digit.box.position))
    for name, of_field in groupby(ordered, key=lambda digit: digit.box.field):
        if name not in values:
            continue
        digits = list(of_field)
        if (page.sha256, page.page, name) in audited:
            left_out[OF_AUDIT] += 1
        elif name in wide or any(digit.box.is_wide or digit.digit == POINT for digit in digits):
            left_out[WIDE] += 1
        elif isinstance(found := labels_of(values[name], digits), str):
            left_out[found] += 1
        else:
            yield from found


def labels_of(value: str, digits: Sequence[DigitReading]) -> list[Label] | str:
    """Lay a person's value against a field's boxes, or say why that cannot be done.

    Parameters
    ----------
    value
        As `FieldReading.value`: the points in it stand in no box.
    digits
        The field's boxes in writing order. Those read as blank hold no digit; nor do struck ones before the first and
        after the last digit, where that makes the counts agree.
    """
    wanted = value.replace(POINT, "")
    if not wanted or UNREAD in wanted:
        return EMPTY
    written = [digit for digit in digits if digit.reason != "blank"]
    if len(written) != len(wanted):
        written = _without_strikes(written)
    if len(written) != len(wanted) or not (wanted.isascii() and wanted.isdecimal()):
        return COUNTS
    return [
        Label(digit.box.field, digit.box.position, int(sign), digit.digit != sign)
        for digit, sign in zip(written, wanted, strict=True)
    ]


def _without_strikes(written: Sequence[DigitReading]) -> list[DigitReading]:
    kept = [place for place, digit in enumerate(written) if digit.reason != "struck"]
    return list(written[kept[0] : kept[-1] + 1]) if kept else []


def _fingerprint(cuts: Iterable[_Cut]) -> str:
    """Tell a batch's digits from another's, without saying whose they are."""
    said = "\n".join(sorted(f"{cut.page} {cut.label}" for cut in cuts))
    return hashlib.sha256(said.encode()).hexdigest()[:_FINGERPRINT]


def about_decided(found: Decided) -> Iterator[str]:
    """Say what there is to learn from, and what was left out and why."""
    count, pages = len(found.digits.labels), found.digits.page_count
    corrected = int(found.digits.corrected.sum())
    yield f"{count:,} digits that people decided on {pages:,} pages, {corrected:,} of them read otherwise"
    for reason, number in found.left_out.most_common():
        yield f"  left out: {number:,} {reason}"
    if found.without_blank:
        yield (
            f"  {found.without_blank:,} pages cut where their boxes were found, without the blank form; "
            "with -t TEMPLATE they are cut just as they were read"
        )
    if found.gone:
        yield f"  {len(found.gone):,} pages whose scan cannot be had:"
        yield from (f"    {missing}" for missing in found.gone[:_NAMED])
