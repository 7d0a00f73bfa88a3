"""The values that pass between the stages; nothing of ours is imported here.

Arrays say their polarity once, here: a `Grey` picture has paper at 255 and ink at 0, as scanned; `Ink` and `Digits` are
turned over, ink at 255, as MNIST has them. Points are (x, y), arrays (row, column).
"""

from __future__ import annotations

from collections.abc import Mapping
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

POINT: Final = "."
"""What stands for a decimal point or comma, in a reading and in a value."""

UNREAD: Final = "?"
"""What stands in a value for a box that holds something which could not be read."""

FieldKind = Literal["digits", "key", "choice", "barcode", "image"]
"""What a field holds: digits that the program reads; a name or free text that a person keys from its picture; a
``choice`` of boxes or bubbles to mark; a printed QR code or barcode; or an ``image``, shown only, as a signature.
"""

SEVERAL: Final = ";"
"""What stands between the options of a choice of which several are marked."""

Reason = Literal[
    "",
    "blank",
    "to_key",
    "double",
    "unsure_mark",
    "unreadable_code",
    "unsure_code",
    "struck",
    "not_a_digit",
    "two_digits",
    "letter",
    "scribbled",
    "low_confidence",
    "ink_outside",
    "gap",
    "rule",
    "page_unsure",
    "page_missing",
    "page_doubled",
    "pages_differ",
    "too_blurred",
    "too_small",
    "too_faint",
]
"""Why a box's or a field's reading is not simply a digit to be trusted; empty where it is.

``to_key`` is no doubt but work: something is written there that the program was told not to read, and a person keys it.
``double`` are two marks where one may be; ``unsure_mark`` one of which it is unsure whether it is meant; an
``unreadable_code`` is there, or should be, and cannot be read; of an ``unsure_code`` two looks say different things.
``page_missing``, ``page_doubled`` and ``pages_differ`` are said of a form whose several pages were gathered.
"""


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
    stamp
        The file's size and times when that was worked out: while they stay, so does the content.
    """

    path: Path
    page: int = 1
    name: str = ""
    sha256: str = ""
    stamp: str = field(default="", compare=False)

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
        What the map was found by: ``markers``, ``reference``, ``hand`` (corners that a person showed; score 0: none) or
        ``none`` (boxes found on the page itself).
    """

    score: float
    method: Literal["markers", "reference", "hand", "none"]


@dataclass(frozen=True, slots=True, eq=False)
class Bend:
    """How paper lies off the flat: a smooth shift of each place of the form, zero where it is flat.

    Attributes
    ----------
    size
        Width and height of the form in template pixels; beyond its edges the shift is that of the edge.
    shifts
        (rows, columns, 2), in template pixels, on an even grid from the form's top left to its bottom right corner.
    """

    size: tuple[int, int]
    shifts: NDArray[np.float64]

    def at(self, points: Points) -> Points:
        """Give the shifts at places of the form, (n, 2)."""
        rows, columns = self.shifts.shape[:2]
        most = np.array([columns - 1.0, rows - 1.0])
        place = np.clip(points / np.array(self.size) * most, 0, most)
        first = np.minimum(place.astype(np.int64), most.astype(np.int64) - 1)
        (x, y), (right, low) = first.T, (place - first).T[:, :, None]
        upper = self.shifts[y, x] * (1 - right) + self.shifts[y, x + 1] * right
        lower = self.shifts[y + 1, x] * (1 - right) + self.shifts[y + 1, x + 1] * right
        shifts: Points = upper * (1 - low) + lower * low
        return shifts


@dataclass(frozen=True, slots=True, eq=False)
class AlignedPage:
    """A page whose place under its template is known; the pixels stay as scanned, the map turns them upright.

    Attributes
    ----------
    to_scan
        Homography (3, 3) float64 from template pixels to scan pixels; it holds the turn, skew, scale and perspective.
    reference
        The blank form's picture in template pixels, for taking the print away; None where there is none to subtract.
    bend
        What the paper's stretch and curl add, before `to_scan`; None where it is flat.
    """

    ref: PageRef
    pixels: Grey
    colour: Colour | None
    to_scan: NDArray[np.float64]
    match: Match
    reference: Grey | None = None
    bend: Bend | None = None

    def place(self, points: Points) -> Points:
        """Map places of the form, (n, 2) template pixels, to the scan."""
        bent = points if self.bend is None else points + self.bend.at(points)
        mapped = np.column_stack([bent, np.ones(len(bent))]) @ self.to_scan.T
        placed: Points = mapped[:, :2] / mapped[:, 2:]
        return placed


NO_DIGITS: Final = (0, 0)
"""The length of a box of which no digit is read."""

MARKED: Final = "X"
"""What stands for a mark in the reading of an option's box."""


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
        How many digits the box may hold: (1, 1) for a digit box, else the least and the most for a wide one; (0, 0)
        where none is read.
    on_form
        Its rectangle x, y, width, height in template pixels; None where the box was found on the page itself.
    kind
        Of its field: an option's box, the region of a barcode, a part of a strip that is keyed or shown.
    """

    field: str
    position: int
    corners: Points
    length: tuple[int, int] = (1, 1)
    on_form: tuple[float, float, float, float] | None = None
    kind: FieldKind = "digits"

    @property
    def is_wide(self) -> bool:
        """Whether it is one frame for more than a digit."""
        return self.length != (1, 1)

    @property
    def holds_digits(self) -> bool:
        """Whether digits are read in it."""
        return self.kind == "digits"

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
        What cutting already knows: ``blank``, ``not_a_digit`` (a mark too small or too large to be a digit, or a hole
        or blot over it), ``struck`` (a straight stroke from corner to corner), ``ink_outside`` (the stroke leaves the
        picture), else empty.
    others
        By row, uint8 (28, 28): how else a digit may look, where a line of the frame may hide a part of it or lend it
        one. It is only believed where both read alike.
    """

    inks: tuple[Ink, ...]
    digits: Digits
    reasons: tuple[Reason, ...]
    others: Mapping[int, NDArray[np.uint8]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Thresholds:
    """How sure a digit must be to be accepted, by how many digits its field holds: one wrong digit spoils a field.

    Attributes
    ----------
    of_fields
        For fields of 1, 2, ... digits; longer fields have the last.
    by_rules
        Least probability of a whole value that rules confirm where its digits alone are not sure.
    """

    of_fields: tuple[float, ...]
    by_rules: float = 0.999

    def at(self, digits: int) -> float:
        """Give the least confidence of a digit in a field of so many."""
        return self.of_fields[min(max(digits, 1), len(self.of_fields)) - 1]


@dataclass(frozen=True, slots=True, eq=False)
class DigitReading:
    """What one box says.

    Attributes
    ----------
    digit
        ``"0"`` to ``"9"``, in a wide box also `POINT`, or None for a blank, struck or unreadable box: never a guess. Of
        an option's box `MARKED` or None, of all other boxes that hold no digits None.
    confidence
        Calibrated probability that this reading (the digit, the blank, the strike) is right.
    probabilities
        float32 (17,) over `CLASSES`; all zero for a box that cutting found blank.
    reason
        Empty for a digit at or over the threshold; else why a person should look, or ``blank``/``struck``. A box that a
        person keys is ``blank`` or ``to_key``; an option's ``blank`` where it is not marked, and ``unsure_mark`` where
        nobody can be sure.
    """

    box: Box
    digit: str | None
    confidence: float
    probabilities: NDArray[np.float32]
    reason: Reason = ""


Severity = Literal["error", "warning"]
"""What breaking a rule means: that a person must look, or only that it is noted."""


@dataclass(frozen=True, slots=True)
class BrokenRule:
    """A rule of the template that a value breaks.

    Attributes
    ----------
    key
        What it is called in the template: ``max``, ``check_digit``, ``sum``.
    words
        What it asks for, as a person would say it.
    """

    key: str
    words: str
    severity: Severity = "error"


@dataclass(frozen=True, slots=True)
class FieldReading:
    """A field as text.

    Attributes
    ----------
    value
        Digits in writing order, where the form says so with a `POINT`; ``?`` for a box that could not be read. Of a
        choice the marked options, `SEVERAL` between them; a barcode's text; ``written`` where a picture shows anything.
    confidence
        Probability that the whole value is right.
    reasons
        Why a person should look; empty means accepted.
    broken
        Rules of the template that the value breaks.
    suggestion
        The likeliest value that breaks none, where the value does; never accepted by itself.
    settled
        The digits alone were not sure of the value; the rules decided which it is.
    kind
        Of the field: one that a person keys has no value before that, and the reason ``to_key`` unless it is blank.
    """

    name: str
    value: str
    confidence: float
    reasons: tuple[Reason, ...] = ()
    broken: tuple[BrokenRule, ...] = ()
    suggestion: str = ""
    settled: bool = False
    kind: FieldKind = "digits"

    @property
    def holds_digits(self) -> bool:
        """Whether digits are read in it."""
        return self.kind == "digits"

    @property
    def is_keyed(self) -> bool:
        """Whether a person keys it."""
        return self.kind == "key"


WRITTEN: Final = "written"
"""The value of a field whose picture is kept, where anything is written there."""


@dataclass(frozen=True, slots=True)
class Code:
    """A QR code or barcode on a page.

    Attributes
    ----------
    kind
        ``qr``, ``ean_13``, ``ean_8``, ``upc_a``, ``upc_e``, ...
    text
        What it says, as anybody may have written it: printable and of limited length, but not to be trusted.
    """

    kind: str
    text: str


@dataclass(frozen=True, slots=True, eq=False)
class PageReading:
    """The answer for a page that was read.

    Attributes
    ----------
    quality
        What can be measured of the scan itself, by name: ``box_px`` (middle box's shorter side), ``contrast`` and
        ``grey`` (0 to 1), and where printed lines can be measured ``smear`` (share of a box over which a point is
        spread) and ``print`` (share of the printed lines' darkness that is left).
    pictures
        WebP bytes of the boxes to look at and of a drawn sample, by (field, position), and of strips that are kept,
        by (field, 1).
    codes
        QR codes and barcodes, where they were looked for.
    """

    ref: PageRef
    form: str
    match: Match
    fields: tuple[FieldReading, ...]
    digits: tuple[DigitReading, ...]
    quality: dict[str, float] = field(default_factory=dict)
    pictures: dict[tuple[str, int], bytes] = field(default_factory=dict)
    codes: tuple[Code, ...] = ()


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
