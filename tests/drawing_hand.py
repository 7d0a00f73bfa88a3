"""A writer's hand: where in a box a digit goes, how large, and when it runs over the frame."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from formreader.template import Rectangle
from tests.drawing_pen import PENS, Coverage, Pen, Placing, digit_size, pen_digit, pen_strokes

CLEARANCE_MM = 0.35  # a tidy writer's distance from the frame's middle line
PEN_OF_BOX = 0.12  # nobody writes into a small box with a pen thicker than this share of its height
TALL_MM = 12.0  # from this height of a box on, people write larger: about 0.6 of it
TAILED = frozenset("14679")  # digits whose long stroke people let run over the frame


_ToPatch = Callable[[Sequence[float] | NDArray[np.float64]], tuple[float, float]]
_Stroke = Callable[[tuple[int, int], _ToPatch], Coverage]


@dataclass(frozen=True, slots=True)
class Writer:
    """One person's hand on one page.

    Attributes
    ----------
    height_mm
        Height of a tall digit.
    slant
        Shear to the right at the top, as a share of the height.
    offset_mm
        Where the digits' middle lies from the box's middle, x and y.
    wander_mm
        Standard deviation of that place from digit to digit.
    """

    pen: Pen
    pen_mm: float
    height_mm: float
    slant: float
    offset_mm: tuple[float, float]
    wander_mm: float


def draw_writer(rng: np.random.Generator, pen: Pen | None = None) -> Writer:
    """Draw a writer; `pen` overrides the pen."""
    chosen = PENS[rng.integers(len(PENS))] if pen is None else pen
    return Writer(
        pen=chosen,
        pen_mm=float(rng.uniform(*chosen.width_mm)),
        height_mm=float(rng.uniform(4.2, 6.3)),
        slant=float(rng.normal(0.03, 0.08)),
        offset_mm=(float(rng.normal(0, 0.35)), float(rng.normal(0, 0.45))),
        wander_mm=float(rng.uniform(0.15, 0.45)),
    )


@dataclass(frozen=True, slots=True, eq=False)
class Desk:
    """One box under the writer's hand; draws into the page's coverage."""

    page: Coverage
    box: Rectangle
    px_per_mm: float
    writer: Writer
    rng: np.random.Generator

    def write(self, picture: NDArray[np.uint8], digit: str, crosses: bool) -> Coverage:
        """Write a source digit: inside the frame, or with strokes over it; return its ink alone."""
        _, _, width, height = self.box
        wide, tall = digit_size(picture)
        slant = self.writer.slant + float(self.rng.normal(0, 0.02))
        wide += abs(slant) * tall
        free = 2 * CLEARANCE_MM * self.px_per_mm + self._pen_mm * self.px_per_mm
        larger = max(1.0, 0.6 * height / self.px_per_mm / 5.25) if height >= TALL_MM * self.px_per_mm else 1.0
        size = larger * self.writer.height_mm * self.px_per_mm * float(self.rng.normal(1, 0.06))
        size = min(size, (width - free) / wide, (height - free) / tall)
        stretch, ink = 1.0, (wide * size, tall * size)
        middle = self._aim(ink)
        if crosses:
            stretch, middle = self._cross(digit, ink, middle)
        return self._draw(
            lambda shape, at: pen_digit(picture, Placing(at(middle), size, stretch, slant), self._pen(), shape)
        )

    @property
    def _pen_mm(self) -> float:
        return min(self.writer.pen_mm, PEN_OF_BOX * self.box[3] / self.px_per_mm)

    def _pen(self) -> float:
        return self._pen_mm * self.px_per_mm * float(self.rng.normal(1, 0.04))

    def _aim(self, ink: tuple[float, float]) -> tuple[float, float]:
        """Middle of a digit that stays inside: the writer's habit, some wander, kept off the frame."""
        left, top, width, height = self.box
        edge = (CLEARANCE_MM + self._pen_mm / 2) * self.px_per_mm
        place = []
        for start, side, extent, habit in zip((left, top), (width, height), ink, self.writer.offset_mm, strict=True):
            wish = (habit + float(self.rng.normal(0, self.writer.wander_mm))) * self.px_per_mm
            room = max(0.0, (side - extent) / 2 - edge)
            place.append(start + side / 2 + float(np.clip(wish, -room, room)))
        return place[0], place[1]

    def _cross(
        self, digit: str, ink: tuple[float, float], middle: tuple[float, float]
    ) -> tuple[float, tuple[float, float]]:
        """Stretch and move a digit until its edge lies on the frame or up to 1.2 mm beyond it."""
        left, top, width, height = self.box
        x, y = middle
        beyond = float(self.rng.uniform(-0.1, 1.2)) * self.px_per_mm
        beyond = min(beyond, 0.15 * height)  # small boxes make people careful
        if digit in TAILED and self.rng.random() < 0.75:
            stretch = float(self.rng.uniform(1.1, 1.3))
            return stretch, (x, top + height + beyond - ink[1] * stretch / 2)
        beyond = min(beyond, 0.7 * self.px_per_mm, 0.1 * width)
        side = int(self.rng.integers(4))
        if side == 0:
            return 1.0, (left - beyond + ink[0] / 2, y)
        if side == 1:
            return 1.0, (left + width + beyond - ink[0] / 2, y)
        if side == 2:
            return 1.0, (x, top - beyond + ink[1] / 2)
        return 1.0, (x, top + height + beyond - ink[1] / 2)

    def strike(self, mark: str) -> None:
        """Cross the box out, put a dash in it, or scribble over what is there."""
        left, top, width, height = self.box
        rng, corner, size = self.rng, np.array([left, top]), np.array([width, height])
        if mark == "X":
            low = float(rng.uniform(-0.05, 0.22))
            ends = [[[low, low], [0.5, 0.5], [1 - low, 1 - low]], [[1 - low, low], [0.5, 0.5], [low, 1 - low]]]
            shares = [np.array(stroke) + rng.normal(0, 0.035, (3, 2)) for stroke in ends]
        elif mark == "-":
            half = float(rng.uniform(0.22, 0.36))
            shares = [np.array([[0.5 - half, 0.5], [0.5, 0.5], [0.5 + half, 0.5]]) + rng.normal(0, 0.025, (3, 2))]
        else:
            turns = int(rng.integers(9, 14))
            sweep = np.linspace(0.14, 0.86, turns)
            zigzag = np.where(np.arange(turns) % 2, 0.84, 0.16)
            shares = [np.column_stack([zigzag, sweep]) + rng.normal(0, 0.05, (turns, 2))]
        self._draw(
            lambda shape, at: pen_strokes(
                [np.array([at(point) for point in share * size + corner]) for share in shares], self._pen(), shape
            )
        )

    def _draw(self, stroke: _Stroke) -> Coverage:
        """Draw on a patch round the box and lay it over the page; return the patch."""
        left, top, width, height = self.box
        room = 2.5 * self.px_per_mm
        rows, columns = self.page.shape
        x0, y0 = max(0, int(left - room)), max(0, int(top - room))
        x1, y1 = min(columns, int(left + width + room)), min(rows, int(top + height + room))
        ink = stroke((y1 - y0, x1 - x0), lambda point: (float(point[0]) - x0, float(point[1]) - y0))
        patch = self.page[y0:y1, x0:x1]
        np.maximum(patch, ink, out=patch)
        return ink


def wide_slots(parts: Sequence[Rectangle], counts: Sequence[int], rng: np.random.Generator) -> list[Rectangle]:
    """Share a wide box out among the digits written into it, as people do: evenly, close together, somewhere in it.

    Parameters
    ----------
    parts
        Rectangles of the frame's parts: one, or two left and right of a printed decimal point.
    counts
        Digits for each part.
    """
    slots = []
    for place, ((left, top, width, height), count) in enumerate(zip(parts, counts, strict=True)):
        pitch = min(0.62 * height * float(rng.uniform(0.85, 1.15)), width / max(count, 1))
        free = width - pitch * count
        if len(parts) == 1:
            start = left + free * float(rng.uniform(0.1, 0.9))
        else:  # close to the decimal point
            start = left + free * (float(rng.uniform(0.8, 1)) if place == 0 else float(rng.uniform(0, 0.2)))
        slots += [(start + i * pitch, top, pitch, height) for i in range(count)]
    return slots
