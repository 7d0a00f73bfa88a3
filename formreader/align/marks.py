"""Maps from corner marks: solid squares or ArUco markers."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import cv2
import numpy as np
from numpy.typing import NDArray

from formreader.align.frame import extents, scaling
from formreader.align.landmarks import is_paper
from formreader.align.params import Homography
from formreader.template import Markers, Template
from formreader.values import Grey, Points


def maps_by_markers(
    small: Grey, shrink: float, template: Template, markers: Markers, *, incomplete: bool = False
) -> Iterator[Homography]:
    """Give the maps that the corner marks found on a shrunk page allow.

    Parameters
    ----------
    incomplete
        Give those that three solid squares allow, the fourth being torn off or covered; else those of four.
    """
    size = np.array([template.width, template.height], dtype=np.float64)
    if markers.kind == "aruco":
        pairs = () if incomplete else _aruco_pairs(small, markers)
    else:
        source = np.array(markers.centres, dtype=np.float64)
        pairs = ((source, quad) for quad in _square_quads(small, template, markers, incomplete=incomplete))
    for on_form, found in pairs:
        to_scan, _ = cv2.findHomography(on_form, cv2.perspectiveTransform(found[None], scaling(1 / shrink))[0])
        if to_scan is not None and is_paper(to_scan, size):
            yield to_scan


def _aruco_pairs(small: Grey, markers: Markers) -> Iterator[tuple[Points, Points]]:
    """Give places on the form and on the page: the centres of all four markers, or three with their own corners."""
    dictionary = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, f"DICT_{markers.dictionary}"))
    found, ids, _ = cv2.aruco.ArucoDetector(dictionary).detectMarkers(small)
    if ids is None:
        return
    seen = {int(i): corners.reshape(4, 2).astype(np.float64) for i, corners in zip(ids.ravel(), found, strict=True)}
    centres = {i: np.array(centre) for i, centre in zip(markers.ids, markers.centres, strict=True) if i in seen}
    if len(centres) == 4:
        yield np.stack(list(centres.values())), np.stack([seen[i].mean(axis=0) for i in centres])
    elif len(centres) == 3:
        corners = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]]) * markers.size_px
        yield (
            np.concatenate([centre + corners for centre in centres.values()]),
            np.concatenate([seen[i] for i in centres]),
        )


def _square_quads(
    small: Grey, template: Template, markers: Markers, *, incomplete: bool, rivals: int = 2
) -> Iterator[Points]:
    """Give, in all four turns, the quadrilaterals that solid squares near the page's corners make."""
    side_px = markers.size_px * max(small.shape) / max(template.width, template.height)
    squares = _solid_squares(small, side_px)[:, :2]
    if len(squares) < (3 if incomplete else 4):
        return
    diagonals = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) / np.array([small.shape[1], small.shape[0]])
    nearest = [squares[np.argsort(-(squares @ diagonal))[:rivals]] for diagonal in diagonals]
    quads = [np.array(quad) for quad in product(*nearest)]
    if incomplete:
        # Flat paper: the fourth corner completes the parallelogram of the other three.
        before, after = np.roll(range(4), 1), np.roll(range(4), -1)
        quads = [
            np.where(np.arange(4)[:, None] == k, quad[before[k]] + quad[after[k]] - quad[k - 2], quad)
            for quad in (np.array([near[0] for near in nearest]),)
            for k in range(4)
        ]
    tried: set[bytes] = set()
    for corners in quads:
        if len(np.unique(corners, axis=0)) < 4:
            continue
        for turn in range(4):
            turned = np.roll(corners, turn, axis=0)
            if turned.tobytes() not in tried:
                tried.add(turned.tobytes())
                yield turned


def find_markers(pixels: Grey, dpi: float, zone: float = 0.25) -> Markers | None:
    """Find the corner marks of a blank form: ArUco markers, else four solid squares of 3 to 12 mm of one size.

    Parameters
    ----------
    zone
        Share of the page's sides within which a corner's mark must lie.
    """
    for dictionary in ("4X4_50", "5X5_50", "6X6_50", "APRILTAG_36h11"):
        known = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, f"DICT_{dictionary}"))
        found, ids, _ = cv2.aruco.ArucoDetector(known).detectMarkers(pixels)
        if ids is not None and len(ids) >= 4:
            centres = np.array([corners.reshape(4, 2).mean(axis=0) for corners in found])
            chosen = _one_a_corner(centres, pixels.shape, zone)
            if chosen is not None:
                side = float(np.mean([np.ptp(corners.reshape(4, 2)[:, 0]) for corners in found]))
                numbers = tuple(int(i) for i in ids.ravel()[chosen])
                return Markers("aruco", _as_centres(centres[chosen]), side, dictionary, numbers)
    for side_mm in (4.0, 5.0, 6.5, 8.0, 10.0):
        side = side_mm * dpi / 25.4
        squares = _solid_squares(pixels, side)
        chosen = _one_a_corner(squares[:, :2], pixels.shape, zone)
        if chosen is not None:
            side_px = float(np.median(squares[chosen, 2]))
            return Markers("squares", _as_centres(squares[chosen, :2]), round(side_px, 1))
    return None


def _as_centres(points: Points) -> tuple[tuple[float, float], ...]:
    return tuple((round(float(x), 1), round(float(y), 1)) for x, y in points)


def _one_a_corner(centres: Points, shape: tuple[int, ...], zone: float) -> NDArray[np.int64] | None:
    """Choose the mark nearest to each corner of a page, top left first, clockwise; None where a corner has none."""
    if len(centres) < 4:
        return None
    place = centres / np.array([shape[1], shape[0]])
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]])
    apart = np.abs(place[None] - corners[:, None]).max(axis=2)
    chosen: NDArray[np.int64] = np.argmin(apart, axis=1)
    is_near = apart[np.arange(4), chosen] <= zone
    return chosen if is_near.all() and len(set(chosen.tolist())) == 4 else None


def _solid_squares(small: Grey, side_px: float) -> NDArray[np.float64]:
    """Find solid dark squares of about a side length, turned by any angle; (n, 3): middle x, y and side."""
    smooth = cv2.GaussianBlur(small, (0, 0), 0.8)
    _, dark = cv2.threshold(smooth, 0, 255, cv2.THRESH_BINARY_INV | cv2.THRESH_OTSU)
    least, most = 0.4 * side_px**2, 2.2 * side_px**2
    squares = []
    for left, top, width, height in extents(dark, least_outline=round(side_px) - 2):
        ink = dark[top : top + height, left : left + width]
        is_square = abs(width - height) <= 0.25 * max(width, height) + 1
        if not is_square or cv2.countNonZero(ink) <= max(least, 0.6 * width * height):
            continue
        _, labels, stats, _ = cv2.connectedComponentsWithStats(ink)
        # Of what lies in its rectangle, a component alone fills all of the width and height.
        size = stats[1:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]]
        rows, columns = np.nonzero(labels == 1 + int(np.argmax((size == (width, height)).all(axis=1))))
        # A square turned by 15 degrees fills 2/3 of its upright bounding box, one turned by 45 a half.
        if least < len(rows) < most and len(rows) > 0.6 * width * height:
            squares.append(((left + columns).mean(), (top + rows).mean(), np.sqrt(len(rows))))
    return np.array(squares, dtype=np.float64).reshape(-1, 3)
