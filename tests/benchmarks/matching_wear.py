"""How a sheet comes to lie in a picture for `tests.benchmarks.matching`: feeders, glass, telephones, curling paper."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from formreader.values import Colour, Grey, Points
from tests.drawing_sheet import MM_PER_INCH

Bend = Callable[[Points], Points]
"""By how much points of the sheet are moved before it is laid down, both in its pixels."""


@dataclass(frozen=True, slots=True, eq=False)
class Lying:
    """A sheet's place in a picture: bent, then laid down by a homography."""

    to_scan: NDArray[np.float64]
    bend: Bend

    def place(self, points: Points) -> Points:
        """Map points of the sheet to the picture."""
        placed: Points = cv2.perspectiveTransform((points + self.bend(points))[None], self.to_scan)[0]
        return placed


@dataclass(frozen=True, slots=True)
class Lay:
    """How a sheet is scanned; see `KINDS` for what each field does."""

    skew_degrees: float = 0.0
    quarter_turns: int = 0
    shift_mm: tuple[float, float] = (0.0, 0.0)
    scale: float = 1.0
    shear: float = 0.0
    feed: float = 0.0  # share by which the feeder's speed sways along the sheet
    curl_mm: float = 0.0  # most; less where the waves are short
    tilt: float = 0.0  # perspective: how far corners wander, as a share of the sides
    table: bool = False  # the picture shows a table round about the sheet
    cut_mm: float = 0.0  # lost at one edge
    shade: float = 0.0
    blur_mm: float = 0.05
    noise: float = 2.0
    contrast: float = 1.0
    jpeg: int = 0
    one_bit: bool = False
    hidden_corner: int = -1  # the corner whose mark a clip or a tear hides


def laid(page: Grey | Colour, dpi: float, how: Lay, rng: np.random.Generator) -> tuple[Grey, Lying]:
    """Scan a sheet of the same resolution."""
    sheet = page if page.ndim == 2 else np.asarray(cv2.cvtColor(page, cv2.COLOR_BGR2GRAY), np.uint8)
    sheet = _with_hidden_corner(sheet, dpi, how.hidden_corner)
    height, width = sheet.shape
    to_scan, size = _homography(width, height, dpi, how, rng)
    bend = _bend(width, height, dpi, how, rng)
    source = _sources(to_scan, bend if how.feed or how.curl_mm else None, size)
    outside = _table(size, rng) if how.table else np.full(size[::-1], 250, np.float32)
    drawn = cv2.remap(sheet, source, None, cv2.INTER_LINEAR, borderValue=255.0).astype(np.float32)
    on_sheet = (source > -0.5).all(axis=2) & (source[..., 0] < width - 0.5) & (source[..., 1] < height - 0.5)
    lit = 255 - how.contrast * (255 - drawn)
    picture = np.where(on_sheet, lit, outside)
    return _recorded(picture, dpi, how, rng), Lying(to_scan, bend)


def _sources(to_scan: NDArray[np.float64], bend: Bend | None, size: tuple[int, int]) -> NDArray[np.float32]:
    """Give, for each pixel of the picture, its place on the sheet; worked out on a coarse grid and drawn out."""
    step = 9
    columns, rows = (np.arange(0, side + step, step, dtype=np.float64) for side in size)
    grid = np.stack(np.meshgrid(columns, rows), axis=-1)
    flat = cv2.perspectiveTransform(grid.reshape(1, -1, 2), np.linalg.inv(to_scan))[0]
    source = flat.copy()
    if bend is not None:
        for _ in range(4):
            source = flat - bend(source)
    coarse = source.reshape(grid.shape).astype(np.float32)
    fine = cv2.resize(coarse, (len(columns) * step, len(rows) * step), interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray(fine[step // 2 : step // 2 + size[1], step // 2 : step // 2 + size[0]])


def _with_hidden_corner(sheet: Grey, dpi: float, corner: int) -> Grey:
    if corner < 0:
        return sheet
    hidden = sheet.copy()
    side = round(22 * dpi / MM_PER_INCH)
    rows = slice(None, side) if corner < 2 else slice(-side, None)
    columns = slice(None, side) if corner in (0, 3) else slice(-side, None)
    hidden[rows, columns] = 245
    return hidden


def _homography(
    width: int, height: int, dpi: float, how: Lay, rng: np.random.Generator
) -> tuple[NDArray[np.float64], tuple[int, int]]:
    """Give the map of the flat sheet into the picture, and the picture's size."""
    px = dpi / MM_PER_INCH
    middle = np.array([(width - 1) / 2, (height - 1) / 2])
    turn = np.vstack([cv2.getRotationMatrix2D(middle.tolist(), -how.skew_degrees, how.scale), [0, 0, 1]])
    turn = turn @ _about(middle, np.array([[1, how.shear, 0], [0, 1, 0], [0, 0, 1.0]]))
    turn[:2, 2] += np.array(how.shift_mm) * px
    corners = np.array([[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]], np.float32)
    if how.tilt:
        sides = np.array([width, height], np.float32)
        wandered = corners + rng.uniform(-how.tilt, how.tilt, (4, 2)).astype(np.float32) * sides
        turn = cv2.getPerspectiveTransform(corners, wandered) @ turn
    size = width, height
    if how.table:  # the sheet as a whole lies in the picture
        placed = cv2.perspectiveTransform(corners[None].astype(np.float64), turn)[0]
        least, extent = placed.min(axis=0), np.ptp(placed, axis=0)
        factor = float((np.array(size) * rng.uniform(0.82, 0.95) / extent).min())
        rest = np.array(size) - factor * extent
        turn = np.diag([factor, factor, 1.0]) @ _moved(-least) @ turn
        turn = _moved(rest * rng.uniform(0.2, 0.8, 2)) @ turn
    for _ in range(how.quarter_turns):
        turn = np.array([[0.0, -1, size[1] - 1], [1, 0, 0], [0, 0, 1]]) @ turn
        size = size[1], size[0]
    if how.cut_mm:
        edge, lost = int(rng.integers(4)), round(how.cut_mm * px)
        if edge < 2:
            size = (size[0] - lost, size[1])
            turn = _moved(np.array([-lost * edge, 0.0])) @ turn
        else:
            size = (size[0], size[1] - lost)
            turn = _moved(np.array([0.0, -lost * (edge - 2)])) @ turn
    return turn, size


def _moved(by: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.array([[1.0, 0.0, by[0]], [0.0, 1.0, by[1]], [0.0, 0.0, 1.0]])


def _about(middle: NDArray[np.float64], turn: NDArray[np.float64]) -> NDArray[np.float64]:
    return _moved(middle) @ turn @ _moved(-middle)


def _bend(width: int, height: int, dpi: float, how: Lay, rng: np.random.Generator) -> Bend:
    """Sway along the feed, and curl: a smooth wave across the sheet, seen at an angle."""
    feed_phase, curl_phase, angle = rng.uniform(0, 2 * np.pi, 3)
    waves = rng.uniform(0.5, 1.2)
    # Seen from above, paper that curls a little is shortened by 3 % at most.
    curl_px = min(how.curl_mm * dpi / MM_PER_INCH, 0.03 * min(width, height) / (2 * np.pi * waves))

    def bend(points: Points) -> Points:
        away = points[:, 0] * np.cos(angle) + points[:, 1] * np.sin(angle)
        sway = how.feed * height / (2 * np.pi) * np.sin(2 * np.pi * points[:, 1] / height + feed_phase)
        wave = curl_px * np.sin(2 * np.pi * waves * away / min(width, height) + curl_phase)
        return np.stack([wave * np.cos(angle), sway + wave * np.sin(angle)], axis=1)

    return bend


def _table(size: tuple[int, int], rng: np.random.Generator) -> NDArray[np.float32]:
    """Draw a table of dark or light wood."""
    grain = cv2.resize(rng.random((size[1] // 3 + 1, 12)).astype(np.float32), size, interpolation=cv2.INTER_CUBIC)
    return np.asarray(float(rng.uniform(60, 190)) + 40 * (grain - 0.5), np.float32)


def _recorded(picture: NDArray[np.float64], dpi: float, how: Lay, rng: np.random.Generator) -> Grey:
    """Light, lens, sensor and file."""
    height, width = picture.shape
    blurred = cv2.GaussianBlur(picture.astype(np.float32), (0, 0), max(0.3, how.blur_mm * dpi / MM_PER_INCH))
    angle = rng.uniform(0, 2 * np.pi)
    ramp = np.cos(angle) * np.linspace(-1, 1, width)[None] + np.sin(angle) * np.linspace(-1, 1, height)[:, None]
    light = 1 - how.shade * (ramp - ramp.min()) / np.ptp(ramp)
    tile = rng.standard_normal((512, 512), np.float32) * how.noise
    noise = np.tile(tile, (height // 512 + 1, width // 512 + 1))[:height, :width]
    noisy = blurred * light.astype(np.float32) + noise
    grey = np.clip(noisy + 0.5, 0, 255).astype(np.uint8)
    if how.one_bit:
        grey = np.where(grey < 160, 0, 255).astype(np.uint8)
    if how.jpeg:
        packed = cv2.imencode(".jpg", grey, [cv2.IMWRITE_JPEG_QUALITY, how.jpeg])[1]
        grey = np.asarray(cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE), np.uint8)
    recorded: Grey = grey
    return recorded


def _pair(rng: np.random.Generator, most: float) -> tuple[float, float]:
    return float(rng.uniform(-most, most)), float(rng.uniform(-most, most))


def _feeder(rng: np.random.Generator) -> Lay:
    return Lay(float(rng.uniform(-1.5, 1.5)), int(rng.choice([0, 0, 2])), _pair(rng, 3), noise=float(rng.uniform(1, 4)))


def _turned(rng: np.random.Generator) -> Lay:
    return Lay(float(rng.uniform(-4, 4)), int(rng.integers(4)), _pair(rng, 3))


def _skewed(rng: np.random.Generator) -> Lay:
    degrees = float(rng.uniform(5, 15)) * (-1 if rng.random() < 0.5 else 1)
    return Lay(degrees, int(rng.integers(4)), _pair(rng, 2), scale=0.9)


def _scaled(rng: np.random.Generator) -> Lay:
    return Lay(float(rng.uniform(-1, 1)), 0, _pair(rng, 4), scale=float(rng.uniform(0.9, 1.1)))


def _sheared(rng: np.random.Generator) -> Lay:
    return Lay(float(rng.uniform(-2, 2)), 0, _pair(rng, 2), scale=0.97, shear=float(rng.uniform(-0.03, 0.03)))


def _stretched(rng: np.random.Generator) -> Lay:
    return Lay(float(rng.uniform(-1, 1)), 0, _pair(rng, 2), scale=0.98, feed=float(rng.uniform(0.008, 0.02)))


def _cut(rng: np.random.Generator) -> Lay:
    return Lay(float(rng.uniform(-1, 1)), 0, _pair(rng, 2), cut_mm=float(rng.uniform(6, 18)))


def _one_bit(rng: np.random.Generator) -> Lay:
    return Lay(float(rng.uniform(-2, 2)), int(rng.choice([0, 2])), _pair(rng, 2), one_bit=True, noise=8)


def _covered(rng: np.random.Generator) -> Lay:
    return Lay(float(rng.uniform(-2, 2)), int(rng.integers(4)), _pair(rng, 2), hidden_corner=int(rng.integers(4)))


def _photo(rng: np.random.Generator) -> Lay:
    return Lay(
        *(float(rng.uniform(-8, 8)), int(rng.integers(4))),
        tilt=float(rng.uniform(0.02, 0.07)),
        table=True,
        shade=float(rng.uniform(0.1, 0.5)),
        blur_mm=float(rng.uniform(0.05, 0.12)),
        noise=float(rng.uniform(2, 6)),
        contrast=float(rng.uniform(0.7, 1)),
        jpeg=int(rng.integers(45, 85)),
    )


def _curled(rng: np.random.Generator) -> Lay:
    return Lay(
        *(float(rng.uniform(-4, 4)), int(rng.integers(4))),
        tilt=float(rng.uniform(0.01, 0.04)),
        table=True,
        curl_mm=float(rng.uniform(0.5, 2.0)),
        shade=float(rng.uniform(0.1, 0.4)),
        blur_mm=float(rng.uniform(0.05, 0.1)),
        jpeg=int(rng.integers(60, 90)),
    )


KINDS: Final[dict[str, Callable[[np.random.Generator], Lay]]] = {
    "feeder": _feeder,
    "turned": _turned,
    "skew 5-15": _skewed,
    "scale 0.9-1.1": _scaled,
    "sheared": _sheared,
    "feed sways": _stretched,
    "cut 6-18 mm": _cut,
    "1 bit": _one_bit,
    "corner covered": _covered,
    "photo": _photo,
    "photo, curled": _curled,
}
"""The ways own pages lie; pages of other forms lie as `feeder`, `turned` or `photo` has it."""
