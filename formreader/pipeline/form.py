"""A form's template from its blank, or from filled scans where no blank exists."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from formreader.align import align_to_picture, find_markers, straightened, upright_picture
from formreader.boxes import (
    A4_LONG_SIDE_INCH,
    FindParams,
    FormFields,
    darkest,
    find_form_fields,
    in_reading_order,
    named_by_tables,
    numbered,
    place_boxes,
)
from formreader.errors import BlankPage, NoBoxes, OtherSizes, PageError, UnusableCall
from formreader.labels import TextReader, named_by_labels
from formreader.pipeline.pdf_form import with_entries
from formreader.scans import entries_on, find_scans, load_page
from formreader.scans.pdf_form import FormEntry
from formreader.template import Field, Markers, Rectangle, Template, corners_of
from formreader.values import AlignedPage, Box, Colour, Grey, Match, Page, PageRef

_COLOURS: Final = {
    "digits": (200, 60, 0),
    "key": (0, 130, 0),
    "image": (0, 130, 0),
    "choice": (200, 0, 160),
    "barcode": (0, 110, 220),
}
"""Blue, green, red of a box's outline, by what it holds."""


def outlined(pixels: NDArray[np.uint8], boxes: Sequence[Box]) -> NDArray[np.uint8]:
    """Draw a page with its boxes outlined, each kind in a colour of its own, and each field's name at its first."""
    picture: NDArray[np.uint8] = cv2.cvtColor(pixels, cv2.COLOR_GRAY2BGR)
    size = max(pixels.shape) / 3500
    rights = {box.field: float(box.corners[:, 0].max()) for box in boxes}
    for box in boxes:
        corners = np.round(box.corners).astype(np.int32).reshape(-1, 1, 2)
        colour = _COLOURS[box.kind]
        cv2.polylines(picture, [corners], isClosed=True, color=colour, thickness=max(1, round(3 * size)))
        if box.position == 1:
            left, top = (int(v) for v in corners[:, 0].min(axis=0))
            place = (left, max(12, top - round(8 * size)))
            scale = 1.1 * max(size, 0.35)
            (wide, _), _ = cv2.getTextSize(box.field, cv2.FONT_HERSHEY_SIMPLEX, scale, 2)
            scale *= float(np.clip(rights[box.field] - left, 0.6 * wide, wide) / wide)  # not over the next one's name
            cv2.putText(
                picture, box.field, place, cv2.FONT_HERSHEY_SIMPLEX, scale, (0, 0, 220), 2 if scale > 0.5 else 1
            )
    return picture


def find_form(
    scans: Sequence[Path],
    name: str,
    names: Sequence[str] = (),
    *,
    filled: bool = False,
    wide: bool = False,
    sizes: Sequence[tuple[float, float]] = (),
    page: int = 1,
    note: Callable[[str], None] | None = None,
    may_be_empty: bool = False,
    labels: TextReader | None = None,
) -> tuple[Template, NDArray[np.uint8]]:
    """Make a template from a blank form, or from filled scans where no blank exists.

    Parameters
    ----------
    scans
        One blank form; or several filled scans, of which the paper that shows through at each pixel is taken for the
        blank; of the largest, the others are brought to its place.
    names
        For the fields in reading order; fields beyond them keep ``field_01``, ...
    filled
        The single scan is a filled one: it is matched with, never subtracted.
    wide
        Also take single frames for several digits.
    sizes
        Widths and heights in millimetres: only boxes of about these are taken.
    page
        Which page of each file.
    note
        Is told what looks like a box and was left out, and what takes it.
    may_be_empty
        A form without boxes gives a template without fields.
    labels
        Reads the print by which fields are named; without it, and where there is none, they are numbered.

    Returns
    -------
    tuple
        The template, and a picture of the form with every field outlined and named.

    Raises
    ------
    NoBoxes
        No printed box was found, or none of the sizes asked for, and that is not allowed.
    UnusableCall
        A scan cannot be decoded, shows another form, or there are more names than fields.
    """
    try:
        refs = [ref for scan in scans for ref in find_scans([scan]).pages if ref.page == page]
        if not refs:
            raise UnusableCall(f"no file given has a page {page}")
        pages = [load_page(ref) for ref in refs]
        blank = _blank_of(pages)
        entries = entries_on(refs[0]) if len(refs) == 1 else ()
    except BlankPage as empty:
        raise NoBoxes(f"{empty}; give a form with printed boxes") from empty
    except PageError as failure:
        raise UnusableCall(str(failure)) from failure
    dpi = blank.dpi or round(max(blank.pixels.shape) / A4_LONG_SIDE_INCH, 1)
    params = FindParams(sizes=tuple(sizes))
    if len(pages) > 1:
        params = replace(params, empty=0.06)  # where most writers write, a shade of them is left
    contrasty = darkest(blank.pixels, blank.colour)
    find = functools.partial(find_form_fields, dpi=blank.dpi, blank=not filled, wide=wide, params=params)
    found = find(contrasty)
    turned = found.turns and not entries
    if turned:
        blank = _turned(blank, found.turns)
        contrasty = darkest(blank.pixels, blank.colour)
        found = find(contrasty)
    height, width = blank.pixels.shape
    markers = find_markers(blank.pixels, dpi)
    outside = [field for field in found.fields if not _in_marker(field, markers)]
    tables = named_by_tables(outside, params.flush_mm * dpi / 25.4)
    named, left_out = _named_by_pdf(tables, entries, pages[0], (width, height))
    if labels is not None and len(names) < len(named):
        named, failed = _named_by_print(named, contrasty, dpi, labels, filled=filled)
        left_out += failed
    fields = numbered(named)
    if turned:
        left_out.append("the form is turned upright: its combs stood on their heads or on a side")
    if note is not None:
        for line in (*_left_out(found), *left_out):
            note(line)
    if not fields and found.other:
        raise OtherSizes(f"{blank.ref}: {_of_other_sizes(found)}, and none of these; leave --size out to see them")
    if not fields and not may_be_empty:
        raise NoBoxes(f"{blank.ref}: no printed boxes found; give a blank form of at least 150 dpi")
    if len(names) > len(fields):
        raise UnusableCall(
            f"{len(names)} names for {len(fields)} fields; look at the boxes found without --names first"
        )
    renamed = [replace(field, name=given) for field, given in zip(fields, names, strict=False)]
    template = Template(
        name=name,
        width=width,
        height=height,
        dpi=dpi,
        fields=(*renamed, *fields[len(renamed) :]),
        reference=blank.pixels,
        reference_filled=filled,
        markers=markers,
    )
    return template, preview_of(template)


def _turned(page: Page, turns: int) -> Page:
    """Turn a page's pictures counterclockwise by quarters."""
    colour = None if page.colour is None else np.ascontiguousarray(np.rot90(page.colour, turns))
    return replace(page, pixels=np.ascontiguousarray(np.rot90(page.pixels, turns)), colour=colour)


def preview_of(template: Template) -> NDArray[np.uint8]:
    """Draw a template's reference with every field outlined and named."""
    reference = np.full((template.height, template.width), 255, np.uint8)
    reference = reference if template.reference is None else template.reference
    on_form = AlignedPage(PageRef(Path(template.name)), reference, None, np.eye(3), Match(1.0, "none"))
    return outlined(reference, place_boxes(on_form, template) if template.fields else ())


def _named_by_pdf(
    fields: tuple[Field, ...], entries: Sequence[FormEntry], page: Page, size: tuple[int, int]
) -> tuple[tuple[Field, ...], list[str]]:
    """Give fields the names and places that a fillable PDF has for them, in reading order; and what was left out."""
    if not entries:
        return fields, []
    to_form = np.linalg.inv(straightened(page).to_scan)

    def place(rectangle: Rectangle) -> Rectangle:
        corners = cv2.perspectiveTransform(corners_of(rectangle)[None], to_form)[0]
        corners = np.clip(corners, 0, size)
        (left, top), (right, low) = corners.min(axis=0), corners.max(axis=0)
        return float(left), float(top), float(right - left), float(low - top)

    named, notes = with_entries(fields, entries, place)
    groups = [[*field.boxes] for field in named]
    of_group = {id(group): field for group, field in zip(groups, named, strict=True)}
    return tuple(of_group[id(group)] for group in in_reading_order(groups)), notes


def _named_by_print(
    fields: tuple[Field, ...], pixels: Grey, dpi: float, labels: TextReader, *, filled: bool
) -> tuple[tuple[Field, ...], list[str]]:
    """Name fields by their printed labels; where another's library fails, they are numbered and that is said."""
    try:
        return named_by_labels(fields, pixels, dpi, labels, filled=filled), []
    except Exception as error:  # noqa: BLE001 a form can be made without names: whatever the library raises
        return fields, [f"printed labels could not be read ({type(error).__name__}: {error}); fields are numbered"]


def _of_other_sizes(found: FormFields) -> str:
    return f"boxes of other sizes than asked for: {found.other}"


def _left_out(found: FormFields) -> list[str]:
    """Say what looks like a box and is none of the fields."""
    lines = []
    if found.wide:
        lines.append(f"wide frames left out: {found.wide}; --wide takes them for boxes of several digits")
    if found.other:
        lines.append(_of_other_sizes(found))
    if found.printed:
        lines.append(f"frames with print inside left out: {found.printed}; add to the template by hand what is a box")
    return lines


def _blank_of(pages: list[Page], paper_rank: float = 0.75) -> Page:
    """Take the one page given for the blank; of several filled ones what at least a quarter of them show as paper.

    The middle one of five (the median) keeps ink where three writers wrote; print is dark on all of them.
    """
    pages = sorted(pages, key=lambda page: -page.pixels.size) if len(pages) > 1 else pages
    first = straightened(pages[0])
    height, width = pages[0].pixels.shape
    upright = upright_picture(first, width, height)
    if len(pages) == 1:
        return replace(pages[0], pixels=upright, colour=_upright_colour(first))
    form = Template("first", width, height, 1.0, (), upright)
    drawn = [upright_picture(align_to_picture(page, form), width, height) for page in pages[1:]]
    ordered = np.sort(np.stack([upright, *drawn]), axis=0)
    return replace(pages[0], pixels=ordered[math.ceil(paper_rank * (len(pages) - 1))], colour=None)


def _upright_colour(page: AlignedPage) -> Colour | None:
    """Draw a page's colours in the place of its upright picture."""
    if page.colour is None:
        return None
    height, width = page.pixels.shape
    channels = [
        upright_picture(replace(page, pixels=np.ascontiguousarray(page.colour[..., k])), width, height)
        for k in range(3)
    ]
    return np.dstack(channels)


def _in_marker(field: Field, markers: Markers | None) -> bool:
    """Whether a field's boxes are but the inside of a corner mark."""
    if markers is None:
        return False
    x, y, width, height = field.boxes[0]
    return any(abs(x + width / 2 - cx) + abs(y + height / 2 - cy) < markers.size_px for cx, cy in markers.centres)
