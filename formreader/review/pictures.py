"""Pictures for the review: a field's strip cut from its scan, and the whole page it is on."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from formreader.scans.again import load_again
from formreader.store import Desk
from formreader.strips import area_of, axes_of
from formreader.values import Box, Page, Points

_PAGES: Final = 3
"""Decoded pages that are kept: the one that is looked at, the next, and the last."""
_LARGE_BYTES: Final = 150_000_000
"""Of more than so many bytes in all, only the last two are kept; a page of 300 dpi takes 9 MB, in colour 35."""
_WHOLE: Final = 6


@dataclass(frozen=True, slots=True)
class PictureParams:
    """How strips and pages look.

    Attributes
    ----------
    box_px
        Height of a box: sharp on a screen of two dots a pixel.
    most_px
        Width of a strip; those of long fields are made smaller.
    before, after, around
        In box heights: what is shown left and right of the boxes, and above and below them: the printed name of the
        field, which mostly stands left, and its neighbours, to judge the writer's hand by.
    pale
        How much of its darkness is left to what belongs to other fields.
    bright
        In box heights: how far around the boxes nothing is pale, as strokes leave boxes.
    apart
        Boxes that fill less than one part in so many of what they span are shown beside each other.
    outline
        Blue, green, red of the lines around the boxes, which lie outside the printed frame.
    page_px
        Longer side of a whole page.
    quality
        Of JPEG, 1 to 100.
    """

    box_px: int = 96
    most_px: int = 1800
    before: float = 4.5
    after: float = 1.5
    around: float = 0.8
    pale: float = 0.55
    bright: float = 0.22
    apart: int = 8
    outline: tuple[int, int, int] = (190, 110, 20)
    page_px: int = 2000
    quality: int = 85


USUAL: Final = PictureParams()


class Piece(NamedTuple):
    """Some boxes of a field, and where they lie in its strip.

    Attributes
    ----------
    boxes
        Their places among the field's boxes.
    origin
        Corner of what is cut, as the boxes lie, in scan pixels.
    size
        Its width and height there.
    left
        Where it begins in the strip, in pixels of the scan's size.
    """

    boxes: tuple[int, ...]
    origin: NDArray[np.float64]
    size: tuple[int, int]
    left: int


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """How a strip is cut; the scan is not needed to know it.

    Attributes
    ----------
    axes
        Unit vectors along the boxes' rows and down them, (2, 2).
    width, height
        Of the strip, in pixels of the scan's size.
    factor
        By which the strip is made larger or smaller than that.
    """

    corners: tuple[Points, ...]
    axes: NDArray[np.float64]
    pieces: tuple[Piece, ...]
    width: int
    height: int
    factor: float

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the strip's picture."""
        return max(1, round(self.width * self.factor)), max(1, round(self.height * self.factor))

    def spans(self) -> list[tuple[float, float, float, float]]:
        """Give left, right, top and bottom of each picture's box in the strip, as shares of its width and height."""
        found: dict[int, tuple[float, float, float, float]] = {}
        for piece in self.pieces:
            for box in piece.boxes:
                placed = self.corners[box] @ self.axes.T - piece.origin
                (left, top), (right, low) = placed.min(axis=0), placed.max(axis=0)
                across = (piece.left + np.array([left, right])) / self.width
                found[box] = (float(across[0]), float(across[1]), float(top / self.height), float(low / self.height))
        return [found[box] for box in range(len(self.corners))]


def laid_out(boxes: Sequence[Box], params: PictureParams = USUAL) -> Layout:
    """Say how the boxes of a field, at least one, are cut from its scan.

    Boxes that lie far apart or below each other are cut one by one and put side by side, in the order of writing. The
    digits of a wide box, which all lie in it, have one picture.
    """
    corners = tuple(box.corners for box in boxes if not box.is_wide or box is _first_like(box, boxes))
    axes = axes_of(corners)
    height = float(np.median([np.hypot(*(box[3] - box[0])) for box in corners]))
    placed = [box @ axes.T for box in corners]
    span = np.ptp(np.concatenate(placed), axis=0)
    is_one = span[0] * span[1] <= params.apart * sum(map(area_of, corners)) and _in_a_row(placed)
    groups = [tuple(range(len(corners)))] if is_one else [(box,) for box in range(len(corners))]
    before, after = (params.before, params.after) if is_one else (params.bright, params.bright)
    pieces, left = [], 0
    for group in groups:
        points = np.concatenate([placed[box] for box in group])
        origin = points.min(axis=0) - np.array([before, params.around]) * height
        end = points.max(axis=0) + np.array([after, params.around]) * height
        width, high = np.ceil(end - origin).astype(int).tolist()
        pieces.append(Piece(group, origin, (width, high), left))
        left += width
    tall = max(piece.size[1] for piece in pieces)
    factor = min(params.box_px / max(height, 1.0), params.most_px / left)
    return Layout(corners, axes, tuple(pieces), left, tall, factor)


def _first_like(box: Box, boxes: Sequence[Box]) -> Box:
    return next(other for other in boxes if np.array_equal(other.corners, box.corners))


def _in_a_row(placed: Sequence[Points]) -> bool:
    """Say whether boxes stand side by side in their order, so that what is typed can stand below each."""
    middles = [float(box[:, 0].mean()) for box in placed]
    return all(a < b for a, b in pairwise(middles))


def drawn_strip(page: Page, layout: Layout, params: PictureParams = USUAL) -> bytes:
    """Cut a field from its page as JPEG: upright, its boxes outlined and bright, its neighbours a little pale."""
    pixels = page.pixels if page.colour is None else page.colour
    strip = np.full((layout.height, layout.width, *pixels.shape[2:]), 255, np.uint8)
    for piece in layout.pieces:
        width, height = piece.size
        turn = np.column_stack([layout.axes, -piece.origin])
        cut = cv2.warpAffine(pixels, turn, (width, height), flags=cv2.INTER_LINEAR, borderValue=(255, 255, 255))
        strip[:height, piece.left : piece.left + width] = _paled(cut, layout, piece, params)
    how: Any = cv2.INTER_AREA if layout.factor < 1 else cv2.INTER_CUBIC
    sized = cv2.resize(strip, layout.size, interpolation=how)
    coloured = cv2.cvtColor(sized, cv2.COLOR_GRAY2BGR) if sized.ndim == 2 else sized
    _outline(np.asarray(coloured), layout, params)
    return _jpeg(coloured, params)


def _paled(cut: NDArray[Any], layout: Layout, piece: Piece, params: PictureParams) -> NDArray[np.uint8]:
    bright = np.zeros(cut.shape[:2], np.uint8)
    for box in piece.boxes:
        placed = layout.corners[box] @ layout.axes.T - piece.origin
        cv2.fillConvexPoly(bright, np.rint(placed).astype(np.int32), 255)
    height = float(np.median([np.hypot(*(box[3] - box[0])) for box in layout.corners]))
    reach = 2 * round(params.bright * height) + 1
    bright = np.asarray(cv2.dilate(bright, np.ones((reach, reach), np.uint8)), np.uint8)
    shown = np.asarray(cv2.blur(bright, (reach, reach)), np.float32) / 255
    shown = params.pale + (1 - params.pale) * shown.reshape(*shown.shape, *(1,) * (cut.ndim - 2))
    return np.rint(255 - (255 - cut.astype(np.float32)) * shown).astype(np.uint8)


def _outline(picture: NDArray[Any], layout: Layout, params: PictureParams) -> None:
    """Draw a line around each box, just outside its printed frame, so that no stroke within is covered."""
    width, height = layout.size
    out = max(2, round(params.box_px / 24))
    lined = picture.copy()
    for left, right, top, low in layout.spans():
        first = (round(left * width) - out, round(top * height) - out)
        cv2.rectangle(lined, first, (round(right * width) + out, round(low * height) + out), params.outline, 2)
    cv2.addWeighted(lined, 0.6, picture, 0.4, 0, dst=picture)


def _jpeg(picture: NDArray[Any], params: PictureParams) -> bytes:
    jpeg: bytes = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, params.quality])[1].tobytes()
    return jpeg


@dataclass(frozen=True, slots=True, eq=False)
class WholePage:
    """A page as it is shown.

    Attributes
    ----------
    picture
        JPEG.
    to_picture
        (2, 3), from pixels of the scan to pixels of the picture.
    """

    picture: bytes
    width: int
    height: int
    to_picture: NDArray[np.float64]

    def placed(self, points: Points) -> list[list[float]]:
        """Give points of the scan as points of the picture."""
        placed = points @ self.to_picture[:, :2].T + self.to_picture[:, 2]
        rounded: list[list[float]] = np.round(placed, 1).tolist()
        return rounded


def whole_page(page: Page, boxes: Sequence[Box] = (), params: PictureParams = USUAL) -> WholePage:
    """Bring a page to the size of a screen, turned by quarters so that its boxes stand upright."""
    pixels = page.pixels if page.colour is None else page.colour
    factor = min(1.0, params.page_px / max(pixels.shape[:2]))
    small = cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    height, width = small.shape[:2]
    scale = np.array([[width / pixels.shape[1], 0, 0], [0, height / pixels.shape[0], 0]])
    x, y = axes_of([box.corners for box in boxes])[0] if boxes else (1.0, 0.0)
    quarters = round(float(np.degrees(np.arctan2(y, x))) / 90) % 4
    turn = {
        0: np.array([[1, 0, 0], [0, 1, 0]]),
        1: np.array([[0, 1, 0], [-1, 0, width]]),
        2: np.array([[-1, 0, width], [0, -1, height]]),
        3: np.array([[0, -1, height], [1, 0, 0]]),
    }[quarters]
    turned = np.rot90(small, quarters)
    to_picture = turn @ np.vstack([scale, [0, 0, 1]])
    return WholePage(
        _jpeg(np.ascontiguousarray(turned), params), turned.shape[1], turned.shape[0], to_picture.astype(np.float64)
    )


class Shelf:
    """The last pages that were looked at, decoded; one is decoded at a time, so that memory is bounded."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._lock = threading.Lock()
        self._pages: OrderedDict[int, tuple[Page | None, str]] = OrderedDict()
        self._whole: OrderedDict[int, WholePage] = OrderedDict()

    def page(self, reading: int) -> tuple[Page | None, str]:
        """Give the scan of a reading; None and why where it is gone. A scan that comes back is found again."""
        with self._lock:
            if reading in self._pages:
                self._pages.move_to_end(reading)
                return self._pages[reading]
            with self._desk.turn():
                places = self._desk.results.audits().places(reading)
            page, missing = load_again(*places)
            if page is not None:
                self._pages[reading] = page, ""
                while len(self._pages) > _PAGES or (len(self._pages) > 2 and self._bytes() > _LARGE_BYTES):
                    self._pages.popitem(last=False)
            return page, missing

    def _bytes(self) -> int:
        pages = (page for page, _ in self._pages.values() if page is not None)
        return sum(page.pixels.nbytes + (0 if page.colour is None else page.colour.nbytes) for page in pages)

    def whole(self, reading: int, boxes: Sequence[Box] = ()) -> tuple[WholePage | None, str]:
        """Give the page of a reading as it is shown, turned as its boxes lie; None and why where the scan is gone."""
        with self._lock:
            if reading in self._whole:
                self._whole.move_to_end(reading)
                return self._whole[reading], ""
        page, missing = self.page(reading)
        if page is None:
            return None, missing
        whole = whole_page(page, boxes)
        with self._lock:
            self._whole[reading] = whole
            if len(self._whole) > _WHOLE:
                self._whole.popitem(last=False)
        return whole, ""
