"""Place a template's boxes on a scan and snap each to its printed frame."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from formreader.geometry import map_of_pixels
from formreader.template import Field, Template, corners_of
from formreader.values import AlignedPage, Box, Grey


@dataclass(frozen=True, slots=True)
class SnapParams:
    """How far a box may lie from where the map puts it."""

    field_mm: float = 2.0  # paper stretches by 1 % and curls: 2 mm over half a page
    side_share: float = 0.1  # of the box's side, each line on its own
    followed_field_mm: float = 0.8  # where the map follows the paper's bend, it is off by 0.2 mm
    followed_side_mm: float = 0.45  # the other line of a double frame is further away
    of_side: float = 0.3  # never further than to the neighbour's line


def place_boxes(page: AlignedPage, template: Template, params: SnapParams | None = None) -> tuple[Box, ...]:
    """Place all boxes of a template on a page, each on the middle of its own printed lines.

    Returns
    -------
    tuple of Box
        In the template's order of fields and the fields' writing order; corners in scan pixels.
    """
    params = params or SnapParams()
    found_here = page.match.method == "none"  # the boxes were found on this page itself: they lie on their lines
    on_form = [np.array(field.boxes, dtype=np.float64) for field in template.fields]
    frames = on_form if found_here else _on_lines(page, template, params)
    placed = []
    for field, rectangles in zip(template.fields, frames, strict=True):
        for position, rectangle in enumerate(rectangles.tolist(), start=1):
            corners = page.place(corners_of(rectangle))
            placed.append(Box(field.name, position, corners, field.length, field.boxes[position - 1]))
    return tuple(placed)


def _on_lines(page: AlignedPage, template: Template, params: SnapParams) -> list[NDArray[np.float64]]:
    """Give each field's boxes on their printed lines, (n, 4) in template pixels."""
    strips = [_strip(page, field, template.dpi, params) for field in template.fields]
    moves = _agreed(np.array([strip.move() for strip in strips]), strips)
    return [strip.rectangles(move) for strip, move in zip(strips, moves, strict=True)]


@dataclass(frozen=True, slots=True, eq=False)
class _Sides:
    """The sides of a field's boxes along one axis of its strip, and how dark straight lines are there.

    Attributes
    ----------
    places
        (n, 2), each box's two sides, in strip pixels.
    profiles
        n profiles along the axis: the lines' darkness averaged over the box's extent, held at a line's level.
    level
        What one line reaches.
    far, near
        How far all sides may move together, and then each by itself, in strip pixels.
    """

    places: NDArray[np.float64]
    profiles: tuple[NDArray[np.float64], ...]
    level: float
    far: int
    near: int

    def move(self) -> int:
        """Find the shift under which all sides together lie on lines; of those that fit alike the smallest."""
        shifts = np.arange(-self.far, self.far + 1)
        fits = [_read_off(p, s[:, None] + shifts).sum(axis=0) for p, s in zip(self.profiles, self.places, strict=True)]
        together = np.sum(fits, axis=0)
        if not together.any():
            return 0
        return int(shifts[np.argmax(together - 0.1 * np.abs(shifts) / max(self.far, 1) * together.max())])

    def moved(self, shift: float) -> NDArray[np.float64]:
        """Shift all sides, then draw each one to its own line where there is one near."""
        moved = self.places + shift
        around = np.arange(-self.near, self.near + 1)
        nearer = 1 - 0.3 * np.abs(around) / self.near
        read = (_read_off(p, s[:, None] + around) for p, s in zip(self.profiles, moved, strict=True))
        found = np.stack(list(read)) * nearer
        strongest = found.max(axis=2, keepdims=True)
        strong = np.clip(found - 0.6 * strongest, 0, None)
        by = (strong * around).sum(axis=2) / np.maximum(strong.sum(axis=2), 1e-9)
        moved += np.where(strongest[..., 0] > 0.4 * self.level, by, 0.0)
        return moved


@dataclass(frozen=True, slots=True, eq=False)
class _Strip:
    """A field drawn upright at scan resolution; ``origin`` is its top left corner in template pixels."""

    origin: NDArray[np.float64]
    scale: float
    across: _Sides
    down: _Sides

    def move(self) -> tuple[float, float]:
        """How far the field's frame lies from its place, x and y in template pixels."""
        return self.down.move() / self.scale, self.across.move() / self.scale

    def rectangles(self, move: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give the field's boxes on their own lines, (n, 4) in template pixels."""
        x = self.down.moved(move[0] * self.scale) / self.scale + self.origin[0]
        y = self.across.moved(move[1] * self.scale) / self.scale + self.origin[1]
        return np.concatenate([x[:, :1], y[:, :1], np.diff(x), np.diff(y)], axis=1)


def _strip(page: AlignedPage, field: Field, dpi: float, params: SnapParams) -> _Strip:
    """Draw the strip around a field and measure its straight lines.

    Darkness is opened along each direction, so that only straight runs of half a box remain.
    """
    rectangles = np.array(field.boxes, dtype=np.float64)
    least_side = float(rectangles[:, 2:].min())
    field_mm = params.field_mm if page.bend is None else params.followed_field_mm
    reach = min(field_mm * dpi / 25.4, params.of_side * least_side)
    origin = rectangles[:, :2].min(axis=0) - 2 * reach
    extent = (rectangles[:, :2] + rectangles[:, 2:]).max(axis=0) + 2 * reach - origin
    scale = _local_scale(page.to_scan, *(origin + extent / 2))
    width, height = np.maximum(8, np.round(extent * scale)).astype(int).tolist()
    darkness = 255 - _drawn(page, origin, scale, (width, height))
    half = max(3, round(least_side * scale / 2))
    across = cv2.morphologyEx(darkness, cv2.MORPH_OPEN, np.ones((1, half), np.uint8))
    down = cv2.morphologyEx(darkness, cv2.MORPH_OPEN, np.ones((half, 1), np.uint8))
    x, y = (
        (rectangles[:, [k]] - origin[k] + np.stack([np.zeros(len(rectangles)), rectangles[:, 2 + k]], 1)) * scale
        for k in (0, 1)
    )
    side_reach = params.side_share * least_side
    if page.bend is not None:
        side_reach = min(side_reach, params.followed_side_mm * dpi / 25.4)
    far, near = max(1, round(reach * scale)), max(2, round(side_reach * scale))
    return _Strip(origin, scale, _sides(across, y, x, far, near), _sides(down.T, x, y, far, near))


def _sides(lines: Grey, places: NDArray[np.float64], spans: NDArray[np.float64], far: int, near: int) -> _Sides:
    """Measure lines that run along the columns of `lines`; `places` are rows, `spans` (n, 2) the boxes' columns."""
    profiles = [_profile(lines, span) for span in spans]
    shifts = np.arange(-far, far + 1)
    reached = [_read_off(p, pair[:, None] + shifts).max(axis=1) for p, pair in zip(profiles, places, strict=True)]
    # Writing is often darker than the frame: what is darker than most sides' lines counts no more than a line.
    level = max(float(np.percentile(reached, 30)), 6.0)
    return _Sides(places, tuple(np.minimum(profile, level) for profile in profiles), level, far, near)


def _agreed(
    moves: NDArray[np.float64], strips: list[_Strip], neighbours: int = 9, apart: float = 0.5
) -> NDArray[np.float64]:
    """Give a field that moved unlike its neighbours their median move: paper stretches smoothly, writing misleads.

    Parameters
    ----------
    moves
        (n, 2) in template pixels.
    apart
        How unlike, as a share of how far a field may move at all.
    """
    origins = np.array([strip.origin for strip in strips])
    agreed = moves.copy()
    for i, strip in enumerate(strips):
        nearest = np.argsort(np.linalg.norm(origins - origins[i], axis=1))[:neighbours]
        middle = np.median(moves[nearest], axis=0)
        limit = apart * min(strip.across.far, strip.down.far) / strip.scale
        agreed[i] = np.where((np.abs(moves[i] - middle) > limit) & (len(nearest) > 4), middle, moves[i])
    return agreed


def _local_scale(to_scan: NDArray[np.float64], x: float, y: float) -> float:
    """How many scan pixels a template pixel covers at a place, along a side."""
    corners = cv2.perspectiveTransform(np.array([[[x, y], [x + 1, y], [x, y + 1]]], dtype=np.float64), to_scan)[0]
    (ax, ay), (bx, by) = corners[1] - corners[0], corners[2] - corners[0]
    return float(np.sqrt(abs(ax * by - ay * bx)))


def _drawn(page: AlignedPage, origin: NDArray[np.float64], scale: float, size: tuple[int, int]) -> Grey:
    """Draw a part of the form upright from the scan, `scale` times the template's pixels."""
    if page.bend is None:
        to_template = np.array([[1 / scale, 0, origin[0]], [0, 1 / scale, origin[1]], [0, 0, 1]])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        strip: Grey = cv2.warpPerspective(
            page.pixels, page.to_scan @ to_template, size, flags=flags, borderMode=cv2.BORDER_REPLICATE
        )
        return strip
    places = map_of_pixels(lambda points: page.place(points / scale + origin), size, step=15)
    bent: Grey = cv2.remap(page.pixels, places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return bent


def _profile(lines: Grey, span: NDArray[np.float64]) -> NDArray[np.float64]:
    """Average the lines' darkness over a box's extent, ends left out, background taken off."""
    start, stop = span[0], span[1]
    trim = 0.15 * (stop - start)
    columns = lines[:, max(0, round(start + trim)) : max(1, round(stop - trim))]
    profile: NDArray[np.float64] = columns.mean(axis=1, dtype=np.float64) if columns.size else np.zeros(len(lines))
    return np.clip(profile - np.median(profile), 0, None)


def _read_off(profile: NDArray[np.float64], places: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.interp(places, np.arange(len(profile)), profile, left=0.0, right=0.0)
