"""Paper to print blank forms on, with every box known to half a pixel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import cv2
import numpy as np

from formreader.template import Field, Markers, Rectangle, Template
from formreader.values import Colour, Grey

MM_PER_INCH = 25.4
TITLE_MM = 4.0  # words as tall as this are a form's title

Tone = int | tuple[int, int, int]
"""What is printed with: a grey level, or blue, green, red on a colour sheet."""


@dataclass(frozen=True, slots=True, eq=False)
class DrawnForm:
    """A blank form and the truth about it.

    Attributes
    ----------
    picture
        The blank page in grey.
    fields
        Boxes in pixels of `picture`, on the middle of the printed lines; a pixel's middle has whole coordinates. A comb
        is one field whose boxes are its slots: from the middle of the base line up to the frame or, where it has none,
        as high as people write, 1.3 times its pitch. Of a double frame the inner one counts.
    colour
        The blank page as printed, where it has colours.
    frames
        What kind of frame each field has, by its name.
    areas
        Where people write, by field name, where that is not the box itself.
    also
        Other rectangles that a finder of boxes may take for a field's boxes with as much right: the outer of two
        frames, a comb's slot up to the tops of its ticks.
    labels
        Frames with printed words in them, a table's head and names: no boxes, but on a filled page nothing tells them
        from boxes that were written in.
    """

    name: str
    picture: Grey
    dpi: float
    fields: tuple[Field, ...]
    markers: Markers | None = None
    colour: Colour | None = None
    frames: Mapping[str, str] = field(default_factory=dict)
    areas: Mapping[str, tuple[Rectangle, ...]] = field(default_factory=dict)
    also: Mapping[str, tuple[Rectangle, ...]] = field(default_factory=dict)
    labels: tuple[Rectangle, ...] = ()

    @property
    def px_per_mm(self) -> float:
        """Pixels of the picture for a millimetre of paper."""
        return self.dpi / MM_PER_INCH

    def field(self, name: str) -> Field:
        """Return the field of that name; `KeyError` where there is none."""
        return {one.name: one for one in self.fields}[name]

    def template(self) -> Template:
        """Describe the form as a person would: its fields, the blank as the reference, its markers."""
        height, width = self.picture.shape
        return Template(self.name, width, height, self.dpi, self.fields, reference=self.picture, markers=self.markers)


@dataclass(frozen=True, slots=True)
class Twin:
    """How a near twin of a form differs from it.

    Attributes
    ----------
    kind
        ``row``: what lies between `top_mm` and `bottom_mm` is 2.4 mm lower; ``pitch``: all below `top_mm` is spread by
        4 %; ``title``: large words are others.
    """

    kind: Literal["row", "pitch", "title"]
    top_mm: float = 0.0
    bottom_mm: float = 0.0

    def down(self, y: float) -> float:
        """Say where on the twin a height of the form lies, in millimetres."""
        if self.kind == "row" and self.top_mm <= y <= self.bottom_mm:
            return y + 2.4
        if self.kind == "pitch" and y > self.top_mm:
            return self.top_mm + 1.04 * (y - self.top_mm)
        return y


class Sheet:
    """White paper to print on; every length is in millimetres from the top left corner."""

    def __init__(
        self, size_mm: tuple[float, float], dpi: float, *, colour: bool = False, twin: Twin | None = None
    ) -> None:
        self.dpi = dpi
        self._scale = dpi / MM_PER_INCH
        self._twin = twin
        width, height = (round(side * self._scale) for side in size_mm)
        self.pixels: Grey | Colour = np.full((height, width, 3) if colour else (height, width), 255, np.uint8)

    def _px(self, mm: float) -> int:
        return round(mm * self._scale)

    def _py(self, mm: float) -> int:
        return self._px(self._twin.down(mm) if self._twin else mm)

    def _tone(self, tone: Tone) -> Tone:
        """Give a tone as the sheet needs it: a grey on a colour sheet three times."""
        return (tone, tone, tone) if isinstance(tone, int) and self.pixels.ndim == 3 else tone

    def text(
        self, x: float, y: float, words: str, height: float = 2.6, *, grey: Tone = 20, middle: bool = False
    ) -> None:
        """Print words whose capitals are `height` tall, their foot at y; x is the left edge or the middle."""
        font = cv2.FONT_HERSHEY_SIMPLEX
        if self._twin and self._twin.kind == "title" and height >= TITLE_MM:
            words = "Revised supplement"
        _, capital = cv2.getTextSize("H", font, 1.0, 2)[0], cv2.getTextSize("H", font, 1.0, 2)[0][1]
        size = height * self._scale / max(capital, 1)
        weight = max(1, round(height * self._scale * 0.11))
        width = cv2.getTextSize(words, font, size, weight)[0][0]
        left = self._px(x) - (width // 2 if middle else 0)
        cv2.putText(self.pixels, words, (left, self._py(y)), font, size, self._tone(grey), weight, cv2.LINE_AA)

    def _band(self, at: float, thick: float, *, level: bool = False) -> tuple[int, int, float]:
        """First pixel, end and middle of a line of whole pixels nearest to `at`; a level line lies at that height."""
        pixels = max(1, round(thick * self._scale))
        at = self._twin.down(at) if level and self._twin else at
        first = round(at * self._scale - pixels / 2)
        return first, first + pixels, first + (pixels - 1) / 2

    def rule(self, x: float, y: float, length: float, thick: float = 0.3, grey: Tone = 0) -> None:
        """Print a horizontal line."""
        first, end, _ = self._band(y, thick, level=True)
        self.pixels[first:end, self._px(x) : self._px(x + length)] = self._tone(grey)

    def fill(self, x: float, y: float, width: float, height: float, grey: Tone) -> None:
        """Print a solid rectangle."""
        self.pixels[self._py(y) : self._py(y + height), self._px(x) : self._px(x + width)] = self._tone(grey)

    def box(self, x: float, y: float, width: float, height: float, thick: float = 0.35, grey: Tone = 0) -> Rectangle:
        """Print a frame; return it in pixels on the middle of its lines."""
        left, right = self._band(x, thick), self._band(x + width, thick)
        top, bottom = self._band(y, thick, level=True), self._band(y + height, thick, level=True)
        for row in (top, bottom):
            self.pixels[row[0] : row[1], left[0] : right[1]] = self._tone(grey)
        for column in (left, right):
            self.pixels[top[0] : bottom[1], column[0] : column[1]] = self._tone(grey)
        return left[2], top[2], right[2] - left[2], bottom[2] - top[2]

    def boxes(
        self,
        x: float,
        y: float,
        count: int,
        size: tuple[float, float] = (7.0, 9.0),
        gap: float = 1.5,
        thick: float = 0.35,
        grey: Tone = 0,
    ) -> tuple[Rectangle, ...]:
        """Print a row of frames; without a gap they share their lines."""
        width, height = size
        return tuple(self.box(x + i * (width + gap), y, width, height, thick, grey) for i in range(count))

    def logo(self, x: float, y: float, size: float) -> None:
        """Print a round mark with a cross in it."""
        middle = (self._px(x + size / 2), self._py(y + size / 2))
        cv2.circle(self.pixels, middle, self._px(size / 2), self._tone(60), -1, cv2.LINE_AA)
        self.fill(x + size * 0.42, y + size * 0.2, size * 0.16, size * 0.6, 255)
        self.fill(x + size * 0.2, y + size * 0.42, size * 0.6, size * 0.16, 255)

    def corner_squares(self, margin: float = 10.0, side: float = 6.0) -> Markers:
        """Print solid squares in the four corners."""
        height, width = self.pixels.shape[:2]
        side_px, margin_px = self._px(side), self._px(margin)
        centres = []
        for right, low in ((0, 0), (1, 0), (1, 1), (0, 1)):
            left = width - margin_px - side_px if right else margin_px
            top = height - margin_px - side_px if low else margin_px
            self.pixels[top : top + side_px, left : left + side_px] = 0
            centres.append((left + (side_px - 1) / 2, top + (side_px - 1) / 2))
        return Markers("squares", tuple(centres), float(side_px))

    def aruco_marks(self, margin: float = 10.0, side: float = 12.0, ids: tuple[int, ...] = (0, 1, 2, 3)) -> Markers:
        """Print four ArUco marks of 4X4_50 in the corners."""
        height, width = self.pixels.shape[:2]
        cells = 6  # four cells and the black border on both sides
        side_px, margin_px = self._px(side) // cells * cells, self._px(margin)
        dictionary = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_4X4_50)
        centres = []
        for mark, (right, low) in zip(ids, ((0, 0), (1, 0), (1, 1), (0, 1)), strict=True):
            left = width - margin_px - side_px if right else margin_px
            top = height - margin_px - side_px if low else margin_px
            picture = cv2.aruco.generateImageMarker(dictionary, mark, side_px)
            self.pixels[top : top + side_px, left : left + side_px] = (
                picture if self.pixels.ndim == 2 else picture[..., None]
            )
            centres.append((left + (side_px - 1) / 2, top + (side_px - 1) / 2))
        return Markers("aruco", tuple(centres), float(side_px), "4X4_50", ids)
