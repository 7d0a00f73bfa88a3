"""Place a template's boxes on a scan and snap each to its printed frame."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from formreader.template import Template
from formreader.values import NO_DIGITS, AlignedPage, Box


@dataclass(frozen=True, slots=True)
class SnapParams:
    """How far a box may lie from where the map puts it, and how its sides are looked at."""

    field_mm: float = 2.0  # paper stretches by 1 % and curls: 2 mm over half a page
    side_share: float = 0.1  # of the box's side, each line on its own
    followed_field_mm: float = 0.8  # where the map follows the paper's bend, it is off by 0.2 mm
    followed_side_mm: float = 0.45  # the other line of a double frame is further away
    of_side: float = 0.3  # never further than to the neighbour's line
    step_mm: float = 0.085  # between places at which a line is looked for: a pixel at 300 dpi
    samples: int = 24  # along a side: every second to fourth pixel of a box of 7 mm at 150 to 300 dpi
    trim: float = 0.15  # of a side at each end, where the neighbour's lines meet it
    run: float = 0.4  # of the shorter side: what is dark for so long is straight, no writing
    least_line: float = 6.0  # grey levels: paler ones are noise


def place_boxes(page: AlignedPage, template: Template, params: SnapParams | None = None) -> tuple[Box, ...]:
    """Place all boxes of a template on a page, each on the middle of its own printed lines.

    What holds no digits moves with the boxes beside it: strips often have no frame, and writing looks like one; boxes
    to mark are small, many of them round, and are looked for where they are read.

    Returns
    -------
    tuple of Box
        In the template's order of fields and the fields' writing order; corners in scan pixels.
    """
    params = params or SnapParams()
    rectangles = np.array([box for field in template.fields for box in field.boxes], dtype=np.float64)
    if page.match.method != "none":  # else the boxes were found on this page itself: they lie on their lines
        has_digits = np.array([field.holds_digits for field in template.fields for _ in field.boxes])
        if has_digits.any():
            snapped = _on_lines(page, template, rectangles[has_digits], params)
            rectangles[~has_digits] = _beside(rectangles[~has_digits], rectangles[has_digits], snapped)
            rectangles[has_digits] = snapped
    around = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    corners = rectangles[:, None, :2] + around * rectangles[:, None, 2:]
    placed = iter(page.place(corners.reshape(-1, 2)).reshape(-1, 4, 2))
    return tuple(
        Box(
            *(field.name, position, next(placed), field.length if field.holds_digits else NO_DIGITS),
            on_form=on_form,
            kind=field.kind,
        )
        for field in template.fields
        for position, on_form in enumerate(field.boxes, start=1)
    )


def _on_lines(
    page: AlignedPage, template: Template, rectangles: NDArray[np.float64], params: SnapParams
) -> NDArray[np.float64]:
    """Give the boxes of digits, (n, 4) in template pixels, on their printed lines."""
    sizes = np.array([len(field.boxes) for field in template.fields if field.holds_digits])
    first = np.cumsum(sizes) - sizes
    least_side = np.minimum.reduceat(rectangles[:, 2:].min(axis=1), first)
    step = params.step_mm * template.dpi / 25.4
    pixel = _pixel(page.to_scan, template.width / 2, template.height / 2)
    far, near = _reaches(least_side, template.dpi, params, is_bent=page.bend is not None)
    far, near = (np.rint(np.maximum(reach, k * pixel) / step).clip(k) for k, reach in ((1, far), (2, near)))
    box_side = np.repeat(least_side, sizes)
    both = [_sides(page, rectangles, box_side, axis, far, near, first, step, params) for axis in (0, 1)]
    moves = np.stack([sides.moves() for sides in both], axis=1) * step
    origins = np.minimum.reduceat(rectangles[:, :2], first)
    moves = np.repeat(_agreed(moves, origins, far * step), sizes, axis=0)
    ends = [
        np.stack([rectangles[:, axis], rectangles[:, axis] + rectangles[:, 2 + axis]], axis=1)
        + step * sides.moved(moves[:, axis] / step)
        for axis, sides in enumerate(both)
    ]
    (left, right), (top, bottom) = ends[0].T, ends[1].T
    return np.stack([left, top, right - left, bottom - top], axis=1)


def _beside(
    strips: NDArray[np.float64], boxes: NDArray[np.float64], snapped: NDArray[np.float64], neighbours: int = 9
) -> NDArray[np.float64]:
    """Give strips, (n, 4) in template pixels, moved as most of the boxes nearest to them were."""
    middles, moves = boxes[:, :2] + boxes[:, 2:] / 2, snapped[:, :2] - boxes[:, :2]
    distances = np.linalg.norm((strips[:, :2] + strips[:, 2:] / 2)[:, None] - middles[None], axis=2)
    nearest = np.argsort(distances, axis=1, kind="stable")[:, :neighbours]
    return strips + np.pad(np.median(moves[nearest], axis=1), ((0, 0), (0, 2)))


def _reaches(
    least_side: NDArray[np.float64], dpi: float, params: SnapParams, *, is_bent: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Say how far each field may move, and then each side of it by itself, in template pixels."""
    field_mm = params.followed_field_mm if is_bent else params.field_mm
    far = np.minimum(field_mm * dpi / 25.4, params.of_side * least_side)
    near = params.side_share * least_side
    return far, np.minimum(near, params.followed_side_mm * dpi / 25.4) if is_bent else near


def _pixel(to_scan: NDArray[np.float64], x: float, y: float) -> float:
    """How many template pixels a scan's pixel covers at a place, along a side."""
    corners = cv2.perspectiveTransform(np.array([[[x, y], [x + 1, y], [x, y + 1]]], dtype=np.float64), to_scan)[0]
    (ax, ay), (bx, by) = corners[1] - corners[0], corners[2] - corners[0]
    return float(1 / np.sqrt(abs(ax * by - ay * bx)))


@dataclass(frozen=True, slots=True, eq=False)
class _Sides:
    """The sides of all boxes along one axis, and how dark straight lines are beside them.

    Attributes
    ----------
    profiles
        (n, 2, 2 * reach + 1): the darkness of lines at even steps across each box's two sides, averaged along the side
        and held at a line's level.
    level
        (n,), what one line of a box's field reaches.
    far, near
        (n,), how far all sides of a field may move together, and then each by itself, in steps.
    first
        The first box of each field.
    """

    profiles: NDArray[np.float64]
    level: NDArray[np.float64]
    far: NDArray[np.float64]
    near: NDArray[np.float64]
    first: NDArray[np.int64]

    def moves(self) -> NDArray[np.float64]:
        """Find each field's shift under which all its sides lie on lines; of those that fit alike the smallest."""
        shifts = _offsets(self.profiles)
        together = np.add.reduceat(self.profiles.sum(axis=1), self.first)
        away = np.abs(shifts) / self.far[self.first, None]
        best = np.where(away <= 1, together, 0.0).max(axis=1, keepdims=True)
        rated = np.where(away <= 1, together - 0.1 * away * best, -np.inf)
        return np.where(best[:, 0] > 0, shifts[rated.argmax(axis=1)], 0).astype(np.float64)

    def moved(self, shifts: NDArray[np.float64]) -> NDArray[np.float64]:
        """Shift all sides, (n,), then draw each one to its own line where there is one near; how far each moved."""
        most = int(self.near.max())
        around = np.arange(-most, most + 1)
        whole = np.floor(shifts).astype(np.int64)
        part = (shifts - whole)[:, None, None]
        at = (whole[:, None] + around + self.profiles.shape[2] // 2)[:, None, :]
        below, above = (np.take_along_axis(self.profiles, at + k, axis=2) for k in (0, 1))
        away = np.abs(around) / self.near[:, None]
        nearer = np.where(away <= 1, 1 - 0.3 * away, 0.0)[:, None, :]
        found = ((1 - part) * below + part * above) * nearer
        strongest = found.max(axis=2, keepdims=True)
        strong = np.clip(found - 0.6 * strongest, 0, None)
        by = (strong * around).sum(axis=2) / np.maximum(strong.sum(axis=2), 1e-9)
        moved: NDArray[np.float64] = shifts[:, None] + np.where(strongest[..., 0] > 0.4 * self.level[:, None], by, 0.0)
        return moved


def _offsets(profiles: NDArray[np.float64]) -> NDArray[np.int64]:
    reach = profiles.shape[2] // 2
    return np.arange(-reach, reach + 1)


def _sides(
    page: AlignedPage,
    rectangles: NDArray[np.float64],
    least_side: NDArray[np.float64],
    axis: int,
    far: NDArray[np.float64],
    near: NDArray[np.float64],
    first: NDArray[np.int64],
    step: float,
    params: SnapParams,
) -> _Sides:
    """Measure the lines beside all sides that lie apart along an axis, 0 for left and right, 1 for top and bottom.

    Darkness is opened along each side, so that only straight runs remain.
    """
    reach = int((far + near).max()) + 2
    offsets = np.asarray(step * np.arange(-reach, reach + 1), np.float64)
    drawn = _drawn(page, rectangles, axis, offsets, params.samples)
    # Turned, (samples, n, 2, offsets): what goes along columns takes a fraction of the time.
    turned = cv2.bitwise_not(cv2.transpose(drawn.reshape(-1, params.samples)))
    dark = np.asarray(turned, np.uint8).reshape(params.samples, *drawn.shape[:3])
    runs = np.maximum(3, np.round(params.run * params.samples * least_side / rectangles[:, 3 - axis])).astype(int)
    for run in np.unique(runs):
        some = dark[:, runs == run]
        opened = cv2.morphologyEx(some.reshape(params.samples, -1), cv2.MORPH_OPEN, np.ones((int(run), 1), np.uint8))
        dark[:, runs == run] = opened.reshape(some.shape)
    ends = round(params.trim * params.samples)
    profiles = dark[ends : params.samples - ends].mean(axis=0, dtype=np.float64)
    middle = profiles.shape[2] // 2
    profiles = np.clip(profiles - np.partition(profiles, middle, axis=2)[..., [middle]], 0, None)
    sizes = np.diff(np.append(first, len(rectangles)))
    far, near = np.repeat(far, sizes), np.repeat(near, sizes)
    reached = np.where(np.abs(_offsets(profiles)) <= far[:, None, None], profiles, 0.0).max(axis=2)
    level = np.repeat([_level(some, params.least_line) for some in np.split(reached, first[1:])], sizes)
    return _Sides(np.minimum(profiles, level[:, None, None]), level, far, near, first)


def _level(reached: NDArray[np.float64], least: float) -> float:
    """Say what one line reaches: writing is often darker, and what is darker than most lines counts no more than one.

    Sides where nothing is printed, as a comb's tops, have no say.
    """
    lines = np.sort(reached[reached > least])
    return float(lines[round(0.3 * (len(lines) - 1))]) if len(lines) else least


def _drawn(
    page: AlignedPage,
    rectangles: NDArray[np.float64],
    axis: int,
    offsets: NDArray[np.float64],
    samples: int,
    nodes: int = 5,
) -> NDArray[np.uint8]:
    """Draw the surroundings of boxes' sides from the scan, upright: (n, 2, offsets, samples), paper 255.

    The map is asked at a few nodes along each side, between which it is taken to be straight.
    """
    count, along = len(rectangles), np.linspace(0, 1, nodes)
    points = np.empty((count, 2, 2, nodes, 2))
    ends = rectangles[:, [axis]] + rectangles[:, [2 + axis]] * np.array([0.0, 1.0])
    points[..., axis] = ends[:, :, None, None] + offsets[[0, -1], None]
    points[..., 1 - axis] = (rectangles[:, [1 - axis]] + rectangles[:, [3 - axis]] * along)[:, None, None, :]
    placed = page.place(points.reshape(-1, 2)).reshape(2 * count, 2 * nodes, 2)
    across = np.linspace(0, 1, len(offsets))
    each = np.maximum(0, 1 - np.abs((np.arange(samples) + 0.5) / samples - along[:, None]) * (nodes - 1))
    shares = np.stack([1 - across, across])[:, None, :, None] * each[None, :, None, :]
    shares = shares.reshape(2 * nodes, -1).astype(np.float32)
    x, y = (np.ascontiguousarray(placed[..., k], dtype=np.float32) @ shares for k in (0, 1))
    drawn = cv2.remap(page.pixels, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(drawn, np.uint8).reshape(count, 2, len(offsets), samples)


def _agreed(
    moves: NDArray[np.float64],
    origins: NDArray[np.float64],
    far: NDArray[np.float64],
    neighbours: int = 9,
    apart: float = 0.5,
) -> NDArray[np.float64]:
    """Give a field that moved unlike its neighbours their median move: paper stretches smoothly, writing misleads.

    Parameters
    ----------
    moves, origins
        (n, 2) in template pixels: how each field moved, and its top left corner.
    far
        How far each field may move at all.
    apart
        How unlike, as a share of that.
    """
    if len(moves) <= 4:
        return moves
    distances = np.linalg.norm(origins[:, None] - origins[None], axis=2)
    nearest = np.argsort(distances, axis=1)[:, :neighbours]
    middle = np.median(moves[nearest], axis=1)
    return np.where(np.abs(moves - middle) > apart * far[:, None], middle, moves)
