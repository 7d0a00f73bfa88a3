"""Find printed boxes on a page and join them to fields."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from formreader.template import Field, Rectangle
from formreader.values import Grey

A4_LONG_SIDE_INCH = 11.69
"""Pages of unknown resolution are taken for A4."""


@dataclass(frozen=True, slots=True)
class FindParams:
    """What counts as a printed box.

    Digit boxes are 2.5 to 15 mm; a smaller frame is a tick box or a letter's inside, a larger one a table.
    """

    least_mm: float = 2.5
    most_mm: float = 15.0
    most_wide_mm: float = 120.0
    aspect: tuple[float, float] = (0.4, 1.6)  # width / height of a box for one digit
    line_mm: float = 1.7  # a straight run this long may be a line of a frame; letters of body text have shorter ones
    contrast: int = 14  # grey levels darker than the paper: pale grey frames count, JPEG noise does not
    side_found: float = 0.8  # share of each side that must be printed
    filled: float = 0.93  # share of its bounding rectangle that a cell fills; the inside of an O fills less
    filled_written: float = 0.85  # the same where strokes reach in from the frame
    bright: float = 0.6  # of the page's paper: a darker inside is a solid square
    empty: float = 0.015  # ink in the middle of a cell of a blank form: more is a label
    tone: float = 0.45  # of its frame's darkness: paler ink in a cell is a watermark
    dot_mm: float = 0.7  # smaller marks in a cell are dust or a dotted guide, no label
    alike: float = 0.15  # boxes of one field differ in size by less
    even: float = 0.15  # and in pitch
    gap: float = 0.9  # boxes of one field stand closer than this share of their width


def find_fields(
    pixels: Grey, dpi: float | None = None, *, blank: bool = True, wide: bool = False, params: FindParams | None = None
) -> tuple[Field, ...]:
    """Find the digit boxes of an upright page and join them to fields in reading order.

    Parameters
    ----------
    pixels
        The page, upright within a degree.
    dpi
        Its resolution; None takes it for A4.
    blank
        Nothing is written on it: what has print inside is no box.
    wide
        Also take single frames for several digits.

    Returns
    -------
    tuple of Field
        Named ``field_01``, ... ; empty where no box was found.
    """
    params = params or FindParams()
    if dpi is None:
        params = replace(params, least_mm=params.least_mm * 0.7, most_mm=params.most_mm * 1.4)
    px_a_mm = (dpi or max(pixels.shape) / A4_LONG_SIDE_INCH) / 25.4
    cells = _cells(pixels, px_a_mm, params, blank=blank)
    if cells and not blank:
        # A straight stroke inside a box is as long as a short line of a frame, but shorter than the boxes are high.
        typical = float(np.median([min(w, h) for _, _, w, h in cells]))
        cells = _cells(pixels, px_a_mm, replace(params, line_mm=0.85 * typical / px_a_mm), blank=blank)
    most = params.most_mm * px_a_mm
    is_digit = [w <= most and params.aspect[0] <= w / h <= params.aspect[1] for _, _, w, h in cells]
    groups = _rows_of_boxes([c for c, digit in zip(cells, is_digit, strict=True) if digit], params)
    if wide:
        groups += [
            [c] for c, digit in zip(cells, is_digit, strict=True) if not digit and c[2] / c[3] > params.aspect[1]
        ]
    return numbered(_joined(group, params) for group in _in_reading_order(groups))


def numbered(fields: Iterable[Field]) -> tuple[Field, ...]:
    """Name fields ``field_01``, ... in their order, with as many digits as the last one needs."""
    listed = tuple(fields)
    digits = len(str(max(len(listed), 10)))
    return tuple(replace(field, name=f"field_{i:0{digits}}") for i, field in enumerate(listed, start=1))


def _joined(group: list[Rectangle], params: FindParams) -> Field:
    """Make one field of a group's boxes, without a name yet."""
    _, _, width, height = group[0]
    is_wide = width / height > params.aspect[1]
    # A handwritten digit is about half as wide as its frame is high.
    length = (1, min(20, max(2, round(width / height / 0.5)))) if is_wide else (1, 1)
    return Field("", tuple(group), length)


def _cells(pixels: Grey, px_a_mm: float, params: FindParams, *, blank: bool) -> list[Rectangle]:
    """Find the closed rectangles that straight lines make; x, y, width, height on the middle of the lines."""
    darkness = _darkness(pixels, px_a_mm)
    paper = float(np.percentile(pixels[::5, ::5], 75))
    ink = np.where(darkness > params.contrast, np.uint8(255), np.uint8(0))
    length = max(7, round(params.line_mm * px_a_mm))
    gap = max(3, round(0.25 * px_a_mm)) | 1
    across = _lines(ink, (length, 1), (gap, 3))
    down = _lines(ink, (1, length), (3, gap))
    lines = across | down
    count, _, stats, _ = cv2.connectedComponentsWithStats(255 - lines, connectivity=4)
    least, most = params.least_mm * px_a_mm, params.most_mm * px_a_mm
    least_filled = params.filled if blank else params.filled_written
    found = []
    for x, y, width, height, area in stats[1:count].tolist():
        if not (least <= height <= most and least <= width <= params.most_wide_mm * px_a_mm):
            continue
        if area < least_filled * width * height or not _framed(across, down, (x, y, width, height), params):
            continue
        if np.median(pixels[y : y + height, x : x + width]) < params.bright * paper:
            continue
        if blank and _is_round(ink, (x, y, width, height)):
            continue
        if blank and _label(darkness, (x, y, width, height), px_a_mm, params) > params.empty:
            continue
        found.append(_on_lines(lines, (x, y, width, height)))
    return found


def _darkness(pixels: Grey, px_a_mm: float) -> Grey:
    """Say how many grey levels each pixel is darker than the paper, which closing over 2.5 mm shows under the print."""
    reach = max(9, round(2.5 * px_a_mm)) | 1
    paper = cv2.morphologyEx(pixels, cv2.MORPH_CLOSE, np.ones((reach, reach), np.uint8))
    paper = cv2.blur(paper, (reach, reach), borderType=cv2.BORDER_REPLICATE)
    darkness: Grey = cv2.subtract(paper, pixels)
    return darkness


def _lines(ink: Grey, kernel: tuple[int, int], gap: tuple[int, int]) -> Grey:
    """Keep straight runs of ink of at least the kernel's length, small gaps bridged, a pixel of unevenness allowed."""
    bridged = cv2.morphologyEx(ink, cv2.MORPH_CLOSE, np.ones(gap[::-1], np.uint8))
    runs: Grey = cv2.morphologyEx(bridged, cv2.MORPH_OPEN, np.ones(kernel[::-1], np.uint8))
    return runs


def _framed(across: Grey, down: Grey, cell: tuple[int, int, int, int], params: FindParams) -> bool:
    """Whether a printed line runs along each of a cell's four sides, just outside it."""
    x, y, width, height = cell
    reach = 3
    above, below = across[max(0, y - reach) : y, x : x + width], across[y + height : y + height + reach, x : x + width]
    before, after = down[y : y + height, max(0, x - reach) : x], down[y : y + height, x + width : x + width + reach]
    return all(
        side.size > 0 and float(np.mean(side.max(axis=axis) > 0)) >= params.side_found
        for side, axis in ((above, 0), (below, 0), (before, 1), (after, 1))
    )


def _is_round(ink: Grey, cell: tuple[int, int, int, int]) -> bool:
    """Whether inner corners of a cell are printed over: the inside of an o, whose strokes run across them."""
    x, y, width, height = cell
    inset = max(1, round(0.06 * min(width, height)))
    rows, columns = (y + inset, y + height - 1 - inset), (x + inset, x + width - 1 - inset)
    return int(np.count_nonzero(ink[np.ix_(rows, columns)])) >= 2


def _label(darkness: Grey, cell: tuple[int, int, int, int], px_a_mm: float, params: FindParams) -> float:
    """Measure the share of a cell's middle that is print: about as dark as the frame, and more than dots."""
    x, y, width, height = cell
    frame = darkness[max(0, y - 3) : y, x : x + width]
    level = max(float(params.contrast), params.tone * float(np.median(frame.max(axis=0)))) if frame.size else 255.0
    inset = max(1, round(0.12 * min(width, height)))
    inner = darkness[y + inset : y + height - inset, x + inset : x + width - inset]
    if not inner.size:
        return 0.0
    _, _, stats, _ = cv2.connectedComponentsWithStats((inner > level).astype(np.uint8))
    extent = np.maximum(stats[1:, cv2.CC_STAT_WIDTH], stats[1:, cv2.CC_STAT_HEIGHT])
    return float(stats[1:, cv2.CC_STAT_AREA][extent >= params.dot_mm * px_a_mm].sum() / inner.size)


def _on_lines(lines: Grey, cell: tuple[int, int, int, int], most_px: int = 14) -> Rectangle:
    """Widen a cell, the paper inside a frame, to the middle of the lines around it."""
    x, y, width, height = cell
    middle_x, middle_y = slice(x + width // 4, x + width * 3 // 4 + 1), slice(y + height // 4, y + height * 3 // 4 + 1)
    thickness = [
        _run_length(lines[max(0, y - most_px) : y, middle_x][::-1]),
        _run_length(lines[y + height : y + height + most_px, middle_x]),
        _run_length(lines[middle_y, max(0, x - most_px) : x].T[::-1]),
        _run_length(lines[middle_y, x + width : x + width + most_px].T),
    ]
    top, bottom, left, right = (t / 2 for t in thickness)
    # Pixel k covers k - 0.5 to k + 0.5.
    return x - 0.5 - left, y - 0.5 - top, width + left + right, height + top + bottom


def _run_length(band: Grey) -> float:
    """How many rows from the first on are ink, median over the columns."""
    if band.size == 0:
        return 0.0
    is_paper = np.vstack([band == 0, np.ones((1, band.shape[1]), dtype=bool)])
    return float(np.median(is_paper.argmax(axis=0)))


def _rows_of_boxes(cells: Sequence[Rectangle], params: FindParams) -> list[list[Rectangle]]:
    """Join boxes of like size that stand evenly in one row, left to right."""
    groups: list[list[Rectangle]] = []
    for cell in sorted(cells, key=lambda c: c[0]):
        home = min((g for g in groups if _continues(g, cell, params)), key=lambda g: cell[0] - g[-1][0], default=None)
        if home is None:
            groups.append([cell])
        else:
            home.append(cell)
    return groups


def _continues(group: list[Rectangle], cell: Rectangle, params: FindParams) -> bool:
    """Whether a box is the next one of a group: same row, like size, the pitch the group has."""
    x, y, width, height = group[-1]
    is_alike = abs(cell[2] - width) <= params.alike * width and abs(cell[3] - height) <= params.alike * height
    is_level = abs(cell[1] - y) <= params.alike * height
    pitch = cell[0] - x
    is_near = 0.8 * width < pitch <= (1 + params.gap) * width
    is_even = len(group) < 2 or abs(pitch - (x - group[-2][0])) <= params.even * width
    return is_alike and is_level and is_near and is_even


def _in_reading_order(groups: list[list[Rectangle]]) -> list[list[Rectangle]]:
    """Sort fields into lines of text, top to bottom, and those of a line left to right."""
    rows: list[list[list[Rectangle]]] = []
    for group in sorted(groups, key=lambda g: g[0][1] + g[0][3] / 2):
        middle = group[0][1] + group[0][3] / 2
        first = rows[-1][0][0] if rows else None
        if first is not None and abs(middle - first[1] - first[3] / 2) < 0.5 * min(first[3], group[0][3]):
            rows[-1].append(group)
        else:
            rows.append([group])
    return [group for row in rows for group in sorted(row, key=lambda g: g[0][0])]
