"""Boxes drawn upright: where their frames lie in the pictures, and how dark each pixel is against the paper."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from formreader.crops.stacks import Stack, blurred, closed, dilated, less
from formreader.template import corners_of
from formreader.values import Box, Grey, Points

Mask = NDArray[np.uint8]
"""(h, w), 0 or 255."""


@dataclass(frozen=True, slots=True)
class CropParams:
    """How a box is cut; shares are of the box's shorter side unless said otherwise."""

    side_px: tuple[int, int] = (
        48,
        96,
    )  # the shorter side is drawn this large: fine enough for lines, small enough to be fast
    margin: float = 0.3  # a long 7 or the tail of a 9 leaves the box by up to a third
    near: float = 0.12  # so much of the margin is looked at where no ink leaves the box,
    beyond: tuple[float, float] = (0.08, 0.13)  # which is where none lies so far from it
    paper: float = 0.4  # closing over more than a stroke's width shows the paper under it
    covered: float = 0.6  # of the brightest paper: a hole, a sticker or a blot lies there
    most_covered: float = 0.02  # of the box: more of it may hide a stroke
    least_darkness: float = (
        0.11  # of the paper's brightness: pencil is over 0.2, watermarks and bleed-through under 0.1
    )
    pale_darkness: float = 0.16  # no pen is paler than this where others on the page are
    of_writing: float = 0.35  # times as dark as usual on the page,
    enough_boxes: int = 8  # as at least so many boxes tell
    weak: float = 0.6  # of a stroke's threshold: paler ink does not hold a stroke together
    of_stroke: float = 0.4  # of the stroke's own darkness: where its edge is drawn
    line_search: float = 0.08  # how far from its place a side's line may lie
    line_unbroken: tuple[tuple[float, bool], ...] = (
        (0.85, False),
        (0.7, False),
        (0.75, True),
    )  # share of a side that its line must be dark on, at last with gaps closed; a stroke is shorter
    line_steps_px: float = 0.5  # of the scan, where a box is drawn larger than it is there
    line_gap: float = 0.2  # between two dots or dashes of a line
    line_darkness: float = 0.05  # of the paper's brightness: paler is no line
    line_even: float = 0.7  # of what half of a line is: a paler one was printed with little toner
    line_rim: float = 0.05  # so far from a line a stroke counts as along it
    corner: float = 0.06  # of a line is left out at its ends, where others meet it
    crossing: float = 0.2  # a stroke meets a line over less than this where it crosses
    over_line: float = 1.12  # times the line's own ink, and
    over_line_px: float = 0.25  # full-dark pixels on top: a stroke lies along it
    unevenly: float = 1.5  # times what the page's lines vary by themselves comes on top
    surely_over: float = 1.2  # times: a box is not called blank
    clearly_over: float = 1.3  # times: it is taken for the writing's
    hides: float = 1.2  # times the line's ink: a stroke of more cannot hide in it
    apart: float = 0.16  # so far outside a line a part of the writing may lie that hangs together with none of the rest
    line_most: float = 0.14  # thicker is no printed line
    speck: float = 0.09  # dust and JPEG noise are smaller
    speck_wide: float = 0.05  # the same in a box for several digits, where a decimal point may stand
    least_digit: float = 0.2  # a mark smaller than this in both directions is no digit
    inside: float = 0.35  # a component with less of it in the box is a neighbour's or a label
    second_part: float = 0.15  # of the largest component's area: a broken stroke's second part anywhere in the box
    beside_main: float = 0.04  # a smaller part, only where it is close to the largest component
    close: float = 0.1
    as_dark: float = 0.6  # of the largest component's darkest point: fainter is a watermark or bleed-through
    as_dark_wide: float = 0.35  # in a box for several digits a thin 1 is paler at low resolution than a broad 8
    residue: float = 0.06  # slivers of an uneven line reach this far from it,
    residue_px: float = 2.5  # and this many pixels of the scan: a fax draws lines in steps
    all_of: float = 0.95
    long_residue: float = 0.35  # what is this long along a line may be a stroke, and is looked at
    least_pen: float = 0.04  # thinner is no pen's stroke, 0.3 mm in a box of 7 mm,
    least_pen_px: float = 1.3  # nor is a step of a line on a coarse scan
    over_print: float = 1.4  # times as dark as the print, and
    over_print_by: float = 0.1  # of the paper's brightness on top: that dark is a pen over a pale line or guide
    hidden: float = 0.33  # ink that ends on a line over this length may go on within it
    guides_from: float = 0.12  # of the box's side: print this far from the frame is a guide or a watermark
    print_seen: float = 0.4  # quantile of the guides' darkness in a box: more than that much is never written over
    frame_rim: float = 0.16  # of the box's side: a second frame stands 1 mm inside the first
    off_rim: float = 0.1  # of the writing: with less of it further in, it may all be print
    print_slack: float = 0.025  # the blank's picture lies this exactly on the page
    # Of the box's width and height: a straight stroke from corner to corner strikes it out, a leaning 1 is smaller.
    diagonal: float = 0.72
    diagonal_lean: float = 0.6  # width to height of the stroke: a 1 does not lean as much
    straight: float = 0.035  # of the box's side: how far a straight stroke strays from its line
    scribbled: int = 5  # strokes one over the other, or side by side, over half of the mark: a digit has four at most
    fax_blur_px: float = 0.6  # of the scan: closes the holes of a pixel that a fax leaves in strokes
    past: tuple[float, float] = (0.02, 0.3)  # of the paper's brightness: shade, a fold that goes on past the box
    mostly_shaded: float = 0.5  # of a picture's rows: more that are shaded right through are no lines
    drop_out: float = 0.4  # a channel with less than this share of the frame's darkness is without the frame


@dataclass(frozen=True, slots=True)
class Frame:
    """Where a box lies in its own upright picture, all in that picture's pixels; a pixel of the scan is `scan_px`."""

    left: float
    top: float
    width: float
    height: float
    size: tuple[int, int]
    scan_px: float = 1.0
    is_wide: bool = False

    @property
    def side(self) -> float:
        """The shorter side."""
        return min(self.width, self.height)

    @property
    def corners(self) -> Points:
        """The four corners, (4, 2), top left first, clockwise."""
        return corners_of((self.left, self.top, self.width, self.height))

    def inside(self, inset: float) -> tuple[slice, slice]:
        """Rows and columns of the box without a rim of `inset` pixels."""
        return (
            slice(round(self.top + inset), round(self.top + self.height - inset) + 1),
            slice(round(self.left + inset), round(self.left + self.width - inset) + 1),
        )

    def cut_down(self, margin: float | None) -> tuple[Frame, tuple[slice, slice]]:
        """Give the frame in a picture with a margin of so many pixels, None for all, and which part that picture is."""
        width, height = self.size
        if margin is None:
            return self, (slice(0, height), slice(0, width))
        rows, columns = (
            slice(max(0, part.start), min(size, part.stop))
            for part, size in zip(self.inside(-margin), (height, width), strict=True)
        )
        size = columns.stop - columns.start, rows.stop - rows.start
        return replace(self, left=self.left - columns.start, top=self.top - rows.start, size=size), (rows, columns)


@dataclass(frozen=True, slots=True, eq=False)
class Alike:
    """Boxes of one size, to be drawn into pictures of one size.

    Attributes
    ----------
    rows
        Which boxes of the page they are.
    frame
        Where each lies in its picture, to a pixel.
    drawn
        float32 (n, 4, 2): where exactly each box's corners lie in its picture.
    """

    rows: NDArray[np.int64]
    frame: Frame
    drawn: NDArray[np.float32]


def alike_boxes(boxes: Sequence[Box], params: CropParams, alike: float = 0.03) -> list[Alike]:
    """Put boxes together whose sides differ by less than a share; on a scan all boxes of one printed size do.

    Each is drawn at its own scale, on its own fraction of a pixel: only what is looked at where is in common.
    """
    if not boxes:
        return []
    corners = np.stack([box.corners for box in boxes])
    sides = np.linalg.norm(np.roll(corners, -1, axis=1) - corners, axis=2)
    on_scan = (sides[:, :2] + sides[:, 2:]) / 2  # width, height
    least, most = params.side_px
    side = np.maximum(on_scan.min(axis=1), 1.0)
    scales = np.clip(side, least, most) / side
    sizes = on_scan * scales[:, None]
    kinds = np.array([(box.is_wide, box.on_form is None) for box in boxes])
    left, groups = np.arange(len(boxes)), list[Alike]()
    while left.size:
        first = left[0]
        near = (np.abs(sizes[left] - sizes[first]) <= alike * sizes[first]).all(axis=1)
        near &= (kinds[left] == kinds[first]).all(axis=1) & (np.abs(scales[left] / scales[first] - 1) <= alike)
        groups.append(_together(left[near], sizes, scales, bool(kinds[first, 0]), params))
        left = left[~near]
    return groups


def _together(
    rows: NDArray[np.int64], sizes: Points, scales: NDArray[np.float64], is_wide: bool, params: CropParams
) -> Alike:
    """Lay out the frame that boxes have in common and place each in it, moved by whole pixels."""
    width, height = np.maximum(np.median(sizes[rows], axis=0).round(), 1.0).tolist()
    frame = _frame(width, height, round(float(np.median(scales[rows])), 2), is_wide, params)
    own = sizes[rows]
    margins = params.margin * own.min(axis=1, keepdims=True)
    moved = np.round((frame.left + width / 2, frame.top + height / 2) - (margins + own / 2))
    start = margins + moved
    stop = start + own
    drawn = np.stack([start, np.stack([stop[:, 0], start[:, 1]], 1), stop, np.stack([start[:, 0], stop[:, 1]], 1)], 1)
    return Alike(rows, frame, drawn.astype(np.float32))


def _frame(width: float, height: float, scale: float, is_wide: bool, params: CropParams) -> Frame:
    margin = params.margin * min(width, height)
    size = round(width + 2 * margin), round(height + 2 * margin)
    return Frame(margin, margin, width, height, size, scale, is_wide)


def upright_stack(pixels: Grey, corners: Sequence[Points], drawn: NDArray[np.float32], frame: Frame) -> Stack:
    """Draw what lies at each four corners so that these come to places `drawn`, (n, 4, 2), of its picture."""
    width, height = frame.size
    stack = np.empty((height, len(corners), width), np.uint8)
    for nth, (here, there) in enumerate(zip(corners, drawn, strict=True)):
        _draw(pixels, here, there, frame, stack[:, nth])
    return stack


def _draw(pixels: Grey, corners: Points, drawn: NDArray[np.float32], frame: Frame, into: Grey) -> None:
    to_source = cv2.getPerspectiveTransform(drawn, corners.astype(np.float32))
    flags = (cv2.INTER_CUBIC if frame.scan_px > 1.2 else cv2.INTER_LINEAR) | cv2.WARP_INVERSE_MAP
    cv2.warpPerspective(pixels, to_source, frame.size, dst=into, flags=flags, borderMode=cv2.BORDER_REPLICATE)


def paper_of(pictures: Stack, side: float, params: CropParams, step: int = 2) -> Stack:
    """Say how bright the paper is at each pixel, under strokes as beside them; the edge of a shadow stays an edge.

    Paper changes slowly: the brightest of every `step` x `step` pixels is enough to go by.
    """
    height, n, width = pictures.shape
    coarse = dilated(dilated(pictures, step, 1)[step // 2 :: step], 1, step)[:, :, step // 2 :: step]
    reach = max(3, round(params.paper * side / step)) | 1
    paper = closed(coarse, reach, reach)
    smooth = cv2.min(paper.reshape(len(paper), -1), blurred(paper, reach).reshape(len(paper), -1)).reshape(paper.shape)
    full = np.empty_like(pictures)
    for nth in range(n):
        cv2.resize(smooth[:, nth], (width, height), dst=full[:, nth], interpolation=cv2.INTER_LINEAR)
    return full


def darkness_of(pictures: Stack, paper: Stack) -> Stack:
    """Say how much darker than the paper each pixel is, 0 to 255 of the paper's own brightness."""
    # Shade this dark holds no more readable contrast.
    bright = cv2.max(paper.reshape(len(paper), -1), 40.0)
    share = cv2.divide(less(paper, pictures).reshape(bright.shape), bright, scale=255.0)
    return np.asarray(share, np.uint8).reshape(paper.shape)


def without_passing(darkness: Stack, params: CropParams) -> Stack:
    """Take off what goes on through a whole picture, box and margins, across or down: a sheet's shadow, a fold.

    No digit does; only what is faint is taken off, for a pen's line through many boxes is a person's business.
    """
    height, n, width = darkness.shape
    across = dilated(_passing(darkness.reshape(height * n, width), params).reshape(height, n, 1), 3, 1)
    rest = left = darkness
    lines = across[:, :, 0] > 0
    if lines.any():
        rest = darkness.copy()
        rest[lines] -= np.minimum(rest[lines], across[lines])
        # A table's pale lines are no gaps in a shadow that they cross; a shade all over is not taken off twice.
        is_shaded = lines.mean(axis=0) >= params.mostly_shaded
        left = np.where(is_shaded[:, None], rest, darkness) if is_shaded.any() else darkness
    down = _passing(left.reshape(height, n * width).T, params)
    down = down.reshape(1, n, width)
    return rest - np.minimum(rest, dilated(down, 1, 3)) if down.any() else rest


def _passing(lines: NDArray[np.uint8], params: CropParams, parts: int = 8) -> NDArray[np.uint8]:
    """Say how dark each line (m, length) is in the palest of its parts, 0 where that is too faint or too dark.

    Pixels too dark for a shade do not count: a frame's line fills much of a part that the bar of a 7 does not reach.
    """
    least = np.zeros(len(lines), np.uint8)
    low, high = (share * 255 for share in params.past)
    ends = np.linspace(0, lines.shape[1], parts + 1).round().astype(np.int64)
    first, *others = (slice(*part) for part in pairwise(ends.tolist()))
    rows = np.flatnonzero(_are_dark(lines[:, first], low))
    for part in others:
        # Many lines end within the first part.
        rows = rows[_are_dark(lines[rows, part], low)]
    if rows.size:
        some = lines[rows]
        pale = some < high
        sums = np.add.reduceat(np.where(pale, some, 0), ends[:-1], axis=1, dtype=np.float32)
        every = (sums / np.maximum(np.add.reduceat(pale, ends[:-1], axis=1, dtype=np.float32), 1)).min(axis=1)
        least[rows] = np.where((every > low) & (every < high), np.rint(every), 0)
    return least


def _are_dark(lines: NDArray[np.uint8], low: float) -> NDArray[np.bool_]:
    """Say which lines (m, length) are darker than so much, on average."""
    dark: NDArray[np.bool_] = np.add.reduce(lines, axis=1, dtype=np.uint32) > low * lines.shape[1]
    return dark
