"""The templates of a form of several pages from its blank."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from formreader.errors import NoBoxes, OtherSizes, UnusableCall
from formreader.labels import TextReader
from formreader.pipeline.form import find_form, preview_of
from formreader.scans import find_scans
from formreader.template import Field, Markers, Template, sheet_name


@dataclass(frozen=True, slots=True)
class SheetParams:
    """When two pages are one page twice, and when corner marks are in the same places."""

    near: float = 0.6  # of a box's width: blanks of one form that were scanned twice lie closer
    alike: float = 0.8  # of all boxes of both pages
    marks: float = 0.5  # of a mark's side


Found = tuple[Template, NDArray[np.uint8]]
"""A template, and a picture of its page with every field outlined and named."""


def find_sheets(
    scans: Sequence[Path],
    name: str,
    names: Sequence[str] = (),
    *,
    filled: bool = False,
    wide: bool = False,
    sizes: Sequence[tuple[float, float]] = (),
    note: Callable[[str], None] = lambda _line: None,
    labels: TextReader | None = None,
    may_be_empty: bool = False,
    params: SheetParams | None = None,
) -> list[Found]:
    """Make a template of each page of a blank form that has boxes to read; `find_form` tells of the parameters.

    Parameters
    ----------
    may_be_empty
        Printed pages without boxes are pages of the form too, whose templates have no fields.

    Returns
    -------
    list
        A template a page with a picture of it, in their order. One alone where only one page has boxes, or where the
        next page is the same: then the file is a pile of scans.

    Raises
    ------
    NoBoxes
        No page has a box for digits or choices.
    UnusableCall
        A page cannot be decoded, pages differ in size or two of them are the same, or there are too many names.
    """
    params = params or SheetParams()
    found: list[Found] = []
    others: OtherSizes | None = None
    last = max((ref.page for scan in scans for ref in find_scans([scan]).pages), default=1)
    for page in range(1, last + 1):
        left_out: list[str] = []
        try:
            sheet = find_form(
                *(scans, name, ()),
                filled=filled,
                wide=wide,
                sizes=sizes,
                page=page,
                note=left_out.append,
                may_be_empty=may_be_empty,
                labels=labels,
            )
        except NoBoxes as none:
            others = others or (none if isinstance(none, OtherSizes) else None)
            what = "boxes of other sizes alone" if isinstance(none, OtherSizes) else "no boxes"
            note(f"page {page} has {what}: it is none of the form's; `read --other-pages skip` passes its scans over")
            continue
        if not sheet[0].framed_boxes and not may_be_empty:
            note(
                f"page {page} has no boxes for digits or choices, by which pages are matched: it is left out; `read "
                "--other-pages skip` passes its scans over"
            )
            continue
        twin = next((number for number, one in enumerate(found) if _are_alike(one[0], sheet[0], params)), None)
        if twin == 0 and len(found) == 1:
            break
        if twin is not None:
            raise UnusableCall(
                f"{scans[0]}: page {page} has the same boxes as one before it, so that nothing tells their scans "
                "apart; take one of both out, or make a template of one page with --page"
            )
        found.append(sheet)
        for line in left_out:
            note(f"page {page}: {line}")
    if not found:
        raise others or NoBoxes(
            f"{scans[0]}: no printed boxes found on any page; give a blank form of at least 150 dpi"
        )
    return _named([*_as_one_form(found, scans[0], params)], name, names)


def _are_alike(one: Template, other: Template, params: SheetParams) -> bool:
    if (one.width, one.height) != (other.width, other.height) or not one.fields or not other.fields:
        return False
    first, second = (np.array([box for field in sheet.fields for box in field.boxes]) for sheet in (one, other))
    apart = np.abs(first[:, None, :2] - second[None, :, :2]).max(axis=2)
    near = apart < params.near * min(np.median(first[:, 2]), np.median(second[:, 2]))
    shared = near.any(axis=1).sum() + near.any(axis=0).sum()
    return bool(shared >= params.alike * (len(first) + len(second)))


def _as_one_form(found: Sequence[Found], scan: Path, params: SheetParams) -> Iterator[Found]:
    """Make the pages one form's; marks are its own only where each page has them in the same corners."""
    first = found[0][0]
    markers = [sheet.markers for sheet, _ in found]
    are_shared = all(_are_same(markers[0], one, params) for one in markers)
    for page, (sheet, picture) in enumerate(found, 1):
        if (sheet.width, sheet.height) != (first.width, first.height):
            raise UnusableCall(
                f"{scan}: its pages have {first.width} x {first.height} and {sheet.width} x {sheet.height} pixels; all "
                "pages of a form have one size: make a template of each with --page"
            )
        shared = first.markers if are_shared else None
        if shared is not None and sheet.markers is not None:
            shared = replace(shared, ids=sheet.markers.ids)
        yield replace(sheet, dpi=first.dpi, page=page, pages=len(found), markers=shared), picture


def _are_same(one: Markers | None, other: Markers | None, params: SheetParams) -> bool:
    if one is None or other is None or (one.kind, one.dictionary) != (other.kind, other.dictionary):
        return False
    return bool(np.abs(np.subtract(one.centres, other.centres)).max() < params.marks * one.size_px)


def _named(found: Sequence[Found], name: str, names: Sequence[str]) -> list[Found]:
    """Name the sheets, and their fields: a name that an earlier page has would be the same column."""
    count = sum(len(sheet.fields) for sheet, _ in found)
    if len(names) > count:
        raise UnusableCall(f"{len(names)} names for {count} fields; look at the boxes found without --names first")
    given, taken = iter(names), set[str]()
    sheets = []
    for sheet, _ in found:
        fields: list[Field] = []
        for field in sheet.fields:
            own = field.name if field.name not in taken else f"p{sheet.page}_{field.name}"
            fields.append(replace(field, name=next(given, own)))
        taken.update(field.name for field in sheet.fields)
        called = sheet_name(name, sheet.page) if sheet.pages > 1 else name
        template = replace(sheet, name=called, fields=tuple(fields))
        sheets.append((template, preview_of(template)))
    return sheets
