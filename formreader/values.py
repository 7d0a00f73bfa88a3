"""The values that pass between the stages; nothing of ours is imported here.

Arrays say their polarity once, here: a `Grey` picture has paper at 255 and ink at 0, as scanned; `Ink` and `Digits` are
turned over, ink at 255, as MNIST has them. Points are (x, y), arrays (row, column).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.uint8]
"""(height, width), paper 255, ink 0."""

Colour = NDArray[np.uint8]
"""(height, width, 3), blue, green, red as OpenCV has them."""

Ink = NDArray[np.uint8]
"""(height, width), paper 0, ink 255: the writing of one box, printed form removed."""

Digits = NDArray[np.uint8]
"""(n, 28, 28), paper 0, ink 255: MNIST's format."""

Points = NDArray[np.float64]
"""(n, 2), x and y."""

CLASSES: Final = "0123456789X-/&A#?"
"""What the classifier tells apart: ten digits; a box struck out with a cross, a dash or a slanting stroke; two digits
in one box, a letter, a scribble; and anything else."""

Reason = Literal[
    "",
    "blank",
    "struck",
    "not_a_digit",
    "two_digits",
    "letter",
    "scribbled",
    "low_confidence",
    "ink_outside",
    "gap",
    "page_unsure",
]
"""Why a box's or a field's reading is not simply a digit to be trusted; empty where it is."""


@dataclass(frozen=True, slots=True, order=True)
class PageRef:
    """Where a page came from.

    Attributes
    ----------
    path
        The file on disk.
    page
        The page in it, from 1.
    name
        The path below the common parent of the inputs, with ``/``: what users see.
    sha256
        Of the file's bytes: with ``page`` the key under which the page is stored.
    """

    path: Path
    page: int = 1
    name: str = ""
    sha256: str = ""

    def __str__(self) -> str:
        shown = self.name or self.path.name
        return shown if self.page == 1 else f"{shown}#{self.page}"


@dataclass(frozen=True, slots=True, eq=False)
class Page:
    """A decoded page, as it lies in the file (EXIF rotation obeyed).

    Attributes
    ----------
    pixels
        The page in grey.
    colour
        The colour original where there is one, so that a printed colour can drop out.
    dpi
        Resolution as the file states it; None where it says nothing believable.
    """

    ref: PageRef
    pixels: Grey
    colour: Colour | None = None
    dpi: float | None = None


@dataclass(frozen=True, slots=True)
class Match:
    """How well a page fits its template.

    Attributes
    ----------
    score
        Share of the template's printed frame found on the page under the map, 0 to 1.
    method
        What the map was found by: ``markers``, ``reference`` or ``none`` (boxes found on the page itself).
    """

    score: float
    method: Literal["markers", "reference", "none"]


@dataclass(frozen=True, slots=True, eq=False)
class AlignedPage:
    """A page whose place under its template is known; the pixels stay as scanned, the map turns them upright.

    Attributes
    ----------
    to_scan
        Homography (3, 3) float64 from template pixels to scan pixels; it holds the turn, skew, scale and perspective.
    reference
        The blank form's picture in template pixels, for taking the print away; None where there is none to subtract.
    """

    ref: PageRef
    pixels: Grey
    colour: Colour | None
    to_scan: NDArray[np.float64]
    match: Match
    reference: Grey | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Box:
    """One printed box.

    Attributes
    ----------
    field
        Name of the field it belongs to.
    position
        Place in the field's writing order, from 1.
    corners
        (4, 2) float64 in scan pixels: the top left, top right, bottom right, bottom left corner of the upright box, on
        the middle of its printed lines.
    length
        How many digits the box may hold: (1, 1) for a digit box, else the least and the most for a wide one.
    on_form
        Its rectangle x, y, width, height in template pixels; None where the box was found on the page itself.
    """

    field: str
    position: int
    corners: Points
    length: tuple[int, int] = (1, 1)
    on_form: tuple[float, float, float, float] | None = None

    @property
    def is_wide(self) -> bool:
        """Whether it is one frame for several digits."""
        return self.length != (1, 1)

    @property
    def extent(self) -> tuple[int, int, int, int]:
        """The smallest upright rectangle around it: x, y, width, height in scan pixels."""
        left, top = np.floor(self.corners.min(axis=0)).astype(int)
        right, bottom = np.ceil(self.corners.max(axis=0)).astype(int)
        return int(left), int(top), int(right - left), int(bottom - top)


@dataclass(frozen=True, slots=True, eq=False)
class Crops:
    """What the boxes of a page hold, row i for box i.

    Attributes
    ----------
    inks
        The writing of each box with the printed form removed, at scan resolution, margins included; empty (0, 0) where
        there is none. Wide boxes are cut into digits from these.
    digits
        uint8 (n, 28, 28), each ink brought to MNIST's format; all zero for a blank box and for a wide one.
    reasons
        What cutting already knows: ``blank``, ``not_a_digit`` (a mark too small or too large to be a digit),
        ``ink_outside`` (the stroke leaves the picture), else empty.
    """

    inks: tuple[Ink, ...]
    digits: Digits
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True, eq=False)
class DigitReading:
    """What one box says.

    Attributes
    ----------
    digit
        ``"0"`` to ``"9"``, or None for a blank, struck or unreadable box: never a guess.
    confidence
        Calibrated probability that this reading (the digit, the blank, the strike) is right.
    probabilities
        float32 (17,) over `CLASSES`; all zero for a box that cutting found blank.
    reason
        Empty for a digit at or over the threshold; else why a person should look, or ``blank``/``struck``.
    """

    box: Box
    digit: str | None
    confidence: float
    probabilities: NDArray[np.float32]
    reason: Reason = ""


@dataclass(frozen=True, slots=True)
class FieldReading:
    """A field as text.

    Attributes
    ----------
    value
        Digits in writing order; ``?`` for a box that could not be read.
    confidence
        Probability that the whole value is right.
    reasons
        Why a person should look; empty means accepted.
    """

    name: str
    value: str
    confidence: float
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class PageReading:
    """The answer for a page that was read.

    Attributes
    ----------
    quality
        What can be measured of the scan itself, by name: ``box_px`` (median box height), ``contrast`` (0 to 1).
    pictures
        PNG bytes of the boxes of fields to review, by (field, position).
    """

    ref: PageRef
    form: str
    match: Match
    fields: tuple[FieldReading, ...]
    digits: tuple[DigitReading, ...]
    quality: dict[str, float] = field(default_factory=dict)
    pictures: dict[tuple[str, int], bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PageFailure:
    """The answer for a page that could not be read: the stage it failed in, why and what to do, a small JPEG if any."""

    ref: PageRef
    stage: str
    reason: str
    picture: bytes | None = None


@dataclass(frozen=True, slots=True)
class PageSkipped:
    """The answer for a page that holds nothing to read: a blank back, or a page left out on request."""

    ref: PageRef
    reason: str


PageAnswer = PageReading | PageFailure | PageSkipped
