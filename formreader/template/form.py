"""A form as reading sees it: its fields, what its pages are matched by, and which it is.

Imported by `template` alone.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

import numpy as np

from formreader.rules import Check, Rule
from formreader.template.written import sheet_as_toml
from formreader.values import FieldKind, Grey, Points

Rectangle = tuple[float, float, float, float]
"""x, y, width, height in template pixels, on the middle of the printed lines."""


def corners_of(rectangle: Rectangle) -> Points:
    """Give a rectangle's corners, (4, 2): top left, top right, bottom right, bottom left."""
    x, y, width, height = rectangle
    return np.array([[x, y], [x + width, y], [x + width, y + height], [x, y + height]], dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the form.

    Attributes
    ----------
    boxes
        One rectangle a digit box in writing order, or the single wide box; of a choice one an option; of what is keyed
        or only shown one or several that together are its strip; the region that holds a barcode.
    length
        (1, 1) for digit boxes; the least and the most digits for a wide box.
    filler
        Marks that writers put into unused boxes: ``X``, ``-``.
    filler_only
        What a field of fillers only means: flagged ``struck``, blank, or zero.
    decimals
        The least and the most digits right of the decimal point; (0, 0) where there is none. Among digit boxes it is
        printed, the most from the right.
    point
        Where a wide box has the decimal point printed, x in template pixels; None where it is written.
    rules
        What its value must be.
    missing
        Codes that are lawful whatever the rules say, and are no number for checks.
    allow
        Words that may stand in the field though they cannot be read: it is flagged, with the word suggested.
    align
        The side on which digits stand; boxes may stay blank on the other one only. Empty where it is all the same.
    unique
        Whether no two pages of a batch have the same value.
    kind
        What it holds; where that is no digits, all that speaks of digits above is left at its default.
    options
        Of a choice: what each box stands for, all different.
    many
        Of a choice: several may be marked.
    """

    name: str
    boxes: tuple[Rectangle, ...]
    length: tuple[int, int] = (1, 1)
    required: bool = False
    filler: tuple[str, ...] = ()
    filler_only: Literal["struck", "blank", "zero"] = "struck"
    decimals: tuple[int, int] = (0, 0)
    point: float | None = None
    rules: tuple[Rule, ...] = ()
    missing: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()
    align: Literal["", "left", "right"] = ""
    unique: bool = False
    kind: FieldKind = "digits"
    options: tuple[str, ...] = ()
    many: bool = False

    @property
    def holds_digits(self) -> bool:
        """Whether the program reads digits in it."""
        return self.kind == "digits"

    @property
    def is_keyed(self) -> bool:
        """Whether a person keys it."""
        return self.kind == "key"


@dataclass(frozen=True, slots=True)
class Markers:
    """Printed marks in the corners that a page is matched by.

    Attributes
    ----------
    kind
        ``squares``: solid black squares; ``aruco``: ArUco markers of `dictionary` with `ids`.
    centres
        Middle of each mark in template pixels: top left, top right, bottom right, bottom left.
    size_px
        Side of a mark in template pixels.
    """

    kind: Literal["squares", "aruco"]
    centres: tuple[tuple[float, float], ...]
    size_px: float
    dictionary: str = ""
    ids: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """A printed form, in the pixels of its reference picture.

    Attributes
    ----------
    reference
        The reference picture, (height, width); None where the form is matched by its markers alone.
    reference_filled
        The reference is a filled scan: match with it, never subtract it.
    fingerprint
        SHA-256 over all that decides how a page is read; two templates are equal when these are. Always worked out
        anew, so a template altered with `dataclasses.replace` is another one.
    path
        Where it was read from; None for one made in memory. One with a path travels to another process as that path:
        set it to None where anything else is altered.
    codes
        Whether pages are searched for QR codes and barcodes; None: if the reference picture has one.
    version
        What the form's makers call this printing of it; empty where they do not.
    checks
        What values of several fields must be together.
    page, pages
        Which page of its form this is, and how many the form has; a template is of one page, and one of a form of
        several is called a sheet and named ``visit#1``.
    gather
        How it is told which pages are one filled form: ``sequence``, ``file``, ``qr`` or ``field:NAME``.
    across_pages
        What values of fields on several pages of the form must be together; the same for each of its sheets.
    """

    name: str
    width: int
    height: int
    dpi: float
    fields: tuple[Field, ...]
    reference: Grey | None = None
    reference_filled: bool = False
    markers: Markers | None = None
    fingerprint: str = ""
    path: Path | None = None
    codes: bool | None = None
    version: str = ""
    checks: tuple[Check, ...] = ()
    page: int = 1
    pages: int = 1
    gather: str = "sequence"
    across_pages: tuple[Check, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "fingerprint", _fingerprint(self))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Template) and other.fingerprint == self.fingerprint

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    @property
    def form(self) -> str:
        """Name of the form that it is a page of; its own where the form has one page."""
        return self.name.removesuffix(f"#{self.page}") if self.pages > 1 else self.name

    @property
    def digit_boxes(self) -> tuple[Rectangle, ...]:
        """All boxes that digits are read from: each has a printed frame, which a strip that is keyed may lack."""
        return tuple(box for field in self.fields if field.holds_digits for box in field.boxes)

    @property
    def framed_boxes(self) -> tuple[Rectangle, ...]:
        """The boxes that pages are matched by: those of digits or, where there are none, those to mark."""
        return self.digit_boxes or self.choice_boxes

    @property
    def choice_boxes(self) -> tuple[Rectangle, ...]:
        """All boxes and bubbles to mark."""
        return tuple(box for field in self.fields if field.kind == "choice" for box in field.boxes)

    def __reduce__(self) -> tuple[Any, ...]:
        if self.path is not None:
            from formreader.template import load_again  # which imports this module

            return load_again, (self.path, self.fingerprint)
        return Template, tuple(getattr(self, field.name) for field in fields(self))


def _fingerprint(template: Template) -> str:
    """SHA-256 over the template's text, which says all that decides reading, and the reference's pixels."""
    digest = hashlib.sha256(sheet_as_toml(template, reference="").encode())
    if template.reference is not None:
        digest.update(repr(template.reference.shape).encode())
        digest.update(np.ascontiguousarray(template.reference).data)
    return digest.hexdigest()
