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
    def may_be_words(self) -> bool:
        """Whether it has letters, or nobody read it."""
        return not self.text or any(letter.isalpha() for letter in self.text)


@dataclass(frozen=True, slots=True)
class TextParams:
    """How large a picture the recognition gets.

    The smallest print of forms, 6 to 8 points, is 14 to 19 pixels high at 170 dpi; finding the lines of an A4 page then
    takes about two seconds of one core.
    """

    dpi: float = 170.0
    most_side_px: int = 2_800  # A3
    most_lines: int = 250  # those nearest to fields are read; a dense page of A4 has 120
    up: float = 6.0  # heights of a box above it: seven lines of a long question
    aside: float = 2.5  # heights of a box left of it, where a label above may begin and end


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
    corners = reader.places(np.asarray(small, np.uint8)) / factor
    places = [Place(*quad.min(axis=0).tolist(), *quad.max(axis=0).tolist()) for quad in corners]
    away = [min((_away(place, field, params) for field in fields), default=np.inf) for place in places]
    nearest = [i for i in np.argsort(away)[: params.most_lines].tolist() if np.isfinite(away[i])]
    texts = dict(zip(nearest, reader.texts(pixels, corners[nearest]), strict=True))
    return [Line(place, *texts.get(i, ("", 0.0))) for i, place in enumerate(places)]


def _away(line: Place, field: Place, params: TextParams) -> float:
    """Say how far a line is from a field that it could name, in heights of the field; infinite where it cannot."""
    height = field.height
    if field.top - height / 2 < line.middle < field.bottom + height / 2:
        return max(field.left - line.right, line.left - field.right, 0.0) / height
    up = (field.top - line.bottom) / height
    is_over = line.shares(field) > -params.aside * height
    return up if is_over and -0.5 < up < params.up else np.inf
