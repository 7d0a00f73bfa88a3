"""Paper to print blank forms on, with every box known to half a pixel."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from formreader.template import Field, Markers, Rectangle, Template
from formreader.values import Grey

MM_PER_INCH = 25.4


@dataclass(frozen=True, slots=True, eq=False)
class DrawnForm:
    """A blank form and the truth about it.

    Attributes
    ----------
    picture
        The blank page.
    fields
        Boxes in pixels of `picture`, on the middle of the printed lines; a pixel's middle has whole coordinates.
    """

    name: str
    picture: Grey
    dpi: float
    fields: tuple[Field, ...]
    markers: Markers | None = None

    @property
    def px_per_mm(self) -> float:
        """Pixels of the picture for a millimetre of paper."""
        return self.dpi / MM_PER_INCH

    def field(self, name: str) -> Field:
        """Return the field of that name; `KeyError` where there is none."""
        return {field.name: field for field in self.fields}[name]

    def template(self) -> Template:
        """Describe the form as a person would: its fields, the blank as the reference, its markers."""
        height, width = self.picture.shape
        return Template(self.name, width, height, self.dpi, self.fields, reference=self.picture, markers=self.markers)


class Sheet:
    """White paper to print on; every length is in millimetres from the top left corner."""

    def __init__(self, size_mm: tuple[float, float], dpi: float) -> None:
        self.dpi = dpi
        self._scale = dpi / MM_PER_INCH
        width, height = (round(side * self._scale) for side in size_mm)
        self.pixels: Grey = np.full((height, width), 255, np.uint8)

    def _px(self, mm: float) -> int:
        return round(mm * self._scale)

    def text(
        self, x: float, y: float, words: str, height: float = 2.6, *, grey: int = 20, middle: bool = False
    ) -> None:
        """Print words whose capitals are `height` tall, their foot at y; x is the left edge or the middle."""
        font = cv2.FONT_HERSHEY_SIMPLEX
        _, capital = cv2.getTextSize("H", font, 1.0, 2)[0], cv2.getTextSize("H", font, 1.0, 2)[0][1]
        size = height * self._scale / max(capital, 1)
        weight = max(1, round(height * self._scale * 0.11))
        width = cv2.getTextSize(words, font, size, weight)[0][0]
        left = self._px(x) - (width // 2 if middle else 0)
        cv2.putText(self.pixels, words, (left, self._px(y)), font, size, grey, weight, cv2.LINE_AA)

    def _band(self, at: float, thick: float) -> tuple[int, int, float]:
        """First pixel, end and middle of a line of whole pixels nearest to `at`."""
        pixels = max(1, round(thick * self._scale))
        first = round(at * self._scale - pixels / 2)
        return first, first + pixels, first + (pixels - 1) / 2

    def rule(self, x: float, y: float, length: float, thick: float = 0.3, grey: int = 0) -> None:
        """Print a horizontal line."""
        first, end, _ = self._band(y, thick)
        self.pixels[first:end, self._px(x) : self._px(x + length)] = grey

    def fill(self, x: float, y: float, width: float, height: float, grey: int) -> None:
        """Print a solid rectangle."""
        self.pixels[self._px(y) : self._px(y + height), self._px(x) : self._px(x + width)] = grey

    def box(self, x: float, y: float, width: float, height: float, thick: float = 0.35, grey: int = 0) -> Rectangle:
        """Print a frame; return it in pixels on the middle of its lines."""
        left, right = self._band(x, thick), self._band(x + width, thick)
        top, bottom = self._band(y, thick), self._band(y + height, thick)
        for row in (top, bottom):
            self.pixels[row[0] : row[1], left[0] : right[1]] = grey
        for column in (left, right):
            self.pixels[top[0] : bottom[1], column[0] : column[1]] = grey
        return left[2], top[2], right[2] - left[2], bottom[2] - top[2]

    def boxes(
        self,
        x: float,
        y: float,
        count: int,
        size: tuple[float, float] = (7.0, 9.0),
        gap: float = 1.5,
        thick: float = 0.35,
        grey: int = 0,
    ) -> tuple[Rectangle, ...]:
        """Print a row of frames; without a gap they share their lines."""
        width, height = size
        return tuple(self.box(x + i * (width + gap), y, width, height, thick, grey) for i in range(count))

    def logo(self, x: float, y: float, size: float) -> None:
        """Print a round mark with a cross in it."""
        middle = (self._px(x + size / 2), self._px(y + size / 2))
        cv2.circle(self.pixels, middle, self._px(size / 2), 60, -1, cv2.LINE_AA)
        self.fill(x + size * 0.42, y + size * 0.2, size * 0.16, size * 0.6, 255)
        self.fill(x + size * 0.2, y + size * 0.42, size * 0.6, size * 0.16, 255)

    def corner_squares(self, margin: float = 10.0, side: float = 6.0) -> Markers:
        """Print solid squares in the four corners."""
        height, width = self.pixels.shape
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
        height, width = self.pixels.shape
        cells = 6  # four cells and the black border on both sides
        side_px, margin_px = self._px(side) // cells * cells, self._px(margin)
        dictionary = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_4X4_50)
        centres = []
        for mark, (right, low) in zip(ids, ((0, 0), (1, 0), (1, 1), (0, 1)), strict=True):
            left = width - margin_px - side_px if right else margin_px
            top = height - margin_px - side_px if low else margin_px
            picture = cv2.aruco.generateImageMarker(dictionary, mark, side_px)
            self.pixels[top : top + side_px, left : left + side_px] = picture
            centres.append((left + (side_px - 1) / 2, top + (side_px - 1) / 2))
        return Markers("aruco", tuple(centres), float(side_px), "4X4_50", ids)
