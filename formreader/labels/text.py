"""Lines of print on a form: what recognises them, and which of them are worth reading."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from formreader.values import Grey


class TextReader(Protocol):
    """Recognises print; tests replace it."""

    def places(self, pixels: Grey) -> NDArray[np.float64]:
        """Find lines of text: the four corners of each in these pixels, (n, 4, 2)."""
        ...

    def texts(self, pixels: Grey, places: NDArray[np.float64]) -> Sequence[tuple[str, float]]:
        """Read the lines at these places, each with a confidence of 0 to 1."""
        ...


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands, upright, in the form's pixels."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        """From left to right."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """From top to bottom."""
        return self.bottom - self.top

    @property
    def middle(self) -> float:
        """Half way down."""
        return (self.top + self.bottom) / 2

    @property
    def centre(self) -> float:
        """Half way across."""
        return (self.left + self.right) / 2

    def shares(self, other: Place) -> float:
        """Give the width that both have in common, negative where they stand apart."""
        return min(self.right, other.right) - max(self.left, other.left)


def around(places: Sequence[Place]) -> Place:
    """Give the smallest place that holds all of these."""
    return Place(
        min(place.left for place in places),
        min(place.top for place in places),
        max(place.right for place in places),
        max(place.bottom for place in places),
    )


@dataclass(frozen=True, slots=True)
class Line:
    """A line of print; its text is empty where nobody read it."""

    place: Place
    text: str = ""
    confidence: float = 0.0

    @property
    def has_words(self) -> bool:
        """Whether it was read and has letters."""
        return any(letter.isalpha() for letter in self.text)


@dataclass(frozen=True, slots=True)
class TextParams:
    """How large a picture the recognition gets.

    The smallest print of forms, 6 to 8 points, is 14 to 19 pixels high at 170 dpi; finding the lines of an A4 page then
    takes about two seconds of one core.
    """

    dpi: float = 170.0
    most_side_px: int = 2_800  # A3
    most_found: int = 800  # with more it is no form
    most_lines: int = 250  # of a page; a dense one of A4 has 120
    above: float = 2.0  # heights of a box, up from it, within which its label ends
    aside: float = 2.5  # heights of a box left of it, where a label above may begin and end
    close: float = 1.5  # heights of a box, to the label that is read first; where it has words, none above is read
    longest: float = 30.0  # heights of a line that are read of it: some 60 letters
    stacked: float = 0.6  # of a line's height between two lines of one label


def printed_lines(
    pixels: Grey, dpi: float, reader: TextReader, fields: Sequence[Place], params: TextParams
) -> list[Line]:
    """Find the lines of print, and read those that may be a field's label.

    Parameters
    ----------
    fields
        Where fields stand.
    """
    factor = min(1.0, params.dpi / dpi, params.most_side_px / max(pixels.shape))
    small = cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA) if factor < 1 else pixels
    corners = reader.places(np.asarray(small, np.uint8))[: params.most_found] / factor
    found = [Line(Place(*quad.min(axis=0).tolist(), *quad.max(axis=0).tolist())) for quad in corners]
    beside = {i for field in fields for i in _beside(field, found, params)}
    lines = _read(found, beside, pixels, corners, reader, params)
    open_ones = [field for field in fields if not _has_words_left(field, fields, lines, params)]
    over = {i for field in open_ones for i in _over(field, found, params)}
    return _read(lines, over - beside, pixels, corners, reader, params)


def _read(
    lines: list[Line],
    wanted: set[int],
    pixels: Grey,
    corners: NDArray[np.float64],
    reader: TextReader,
    params: TextParams,
) -> list[Line]:
    """Read some of the lines."""
    chosen = sorted(wanted)[: params.most_lines]
    texts = dict(zip(chosen, reader.texts(pixels, _begun(corners[chosen], params)), strict=True)) if chosen else {}
    return [Line(line.place, *texts[i]) if i in texts else line for i, line in enumerate(lines)]


def _begun(corners: NDArray[np.float64], params: TextParams) -> NDArray[np.float64]:
    """Cut long lines off behind what a name has room for."""
    heights = np.linalg.norm(corners[:, 3] - corners[:, 0], axis=1)
    widths = np.linalg.norm(corners[:, 1] - corners[:, 0], axis=1)
    kept = np.minimum(1.0, params.longest * heights / np.maximum(widths, 1.0))[:, None, None]
    begun = corners.copy()
    begun[:, 1:3] = corners[:, [0, 3]] + kept * (corners[:, 1:3] - corners[:, [0, 3]])
    return begun


def _is_level(line: Place, field: Place) -> bool:
    return field.top - 0.5 * field.height < line.middle < field.bottom + 0.5 * field.height


def _beside(field: Place, lines: Sequence[Line], params: TextParams) -> set[int]:
    """Give what stands close behind a field, and left of it nearest with what stands like it above and below."""
    level = [(i, line.place) for i, line in enumerate(lines) if _is_level(line.place, field)]
    behind = {i for i, place in level if -0.5 < (place.left - field.right) / field.height < params.close}
    ends = {i: place.right for i, place in level if place.right < field.left + 0.5 * field.height}
    last = max(ends.values(), default=0.0)
    near = {i for i, end in ends.items() if last - end < 6 * field.height}
    return _with_stacked(behind | near, lines, params)


def _has_words_left(field: Place, fields: Sequence[Place], lines: Sequence[Line], params: TextParams) -> bool:
    """Whether words stand close left of a field that is no first one of a row of fields."""
    level = [line.place for line in lines if line.has_words and _is_level(line.place, field)]
    if not any(-0.5 < (field.left - place.right) / field.height < params.close for place in level):
        return False
    after = min((one.left for one in fields if one.left >= field.right and _is_level(one, field)), default=None)
    return after is None or any(field.right < place.centre < after for place in level)


def _over(field: Place, lines: Sequence[Line], params: TextParams) -> set[int]:
    """Give what stands next above a field, with the lines set close above that."""
    over = {
        i
        for i, line in enumerate(lines)
        if -0.5 < (field.top - line.place.bottom) / field.height < params.above
        and line.place.shares(field) > -params.aside * field.height
    }
    return _with_stacked(over, lines, params)


def _with_stacked(wanted: set[int], lines: Sequence[Line], params: TextParams) -> set[int]:
    """Add the lines set close above others, up to the first of each label, and those close below."""
    stacked = set(wanted)
    downward = sorted(range(len(lines)), key=lambda i: lines[i].place.bottom)
    for i in (*reversed(downward), *downward):
        place = lines[i].place
        near = (lines[k].place for k in stacked)
        if any(_is_stacked(one, place, params) or _is_stacked(place, one, params) for one in near):
            stacked.add(i)
    return stacked


def _is_stacked(upper: Place, lower: Place, params: TextParams) -> bool:
    """Whether a line stands close under another."""
    height = min(upper.height, lower.height)
    return -0.5 * height < lower.top - upper.bottom < params.stacked * height and lower.shares(upper) > 0
