"""One box drawn upright: where its frame lies in the picture, and how dark each pixel is against the paper."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

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
    paper: float = 0.4  # closing over more than a stroke's width shows the paper under it
    covered: float = 0.6  # of the brightest paper: a hole, a sticker or a blot lies there
    most_covered: float = 0.02  # of the box: more of it may hide a stroke
    least_darkness: float = (
        0.11  # of the paper's brightness: pencil is over 0.2, watermarks and bleed-through under 0.1
    )
    pale_darkness: float = 0.16  # no pen is paler than this where others on the page are
    of_writing: float = 0.35  # times as dark as usual on the page,
    enough_boxes: int = 8  # as at least so many boxes tell
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
    line_rim: float = 0.05  # so far from a line a stroke counts as along it
    corner: float = 0.06  # of a line is left out at its ends, where others meet it
    crossing: float = 0.2  # a stroke meets a line over less than this where it crosses
    over_line: float = 1.12  # times the line's own ink, and
    over_line_px: float = 0.25  # full-dark pixels on top: a stroke lies along it
    unevenly: float = 2.0  # times what the page's lines vary by themselves comes on top
    surely_over: float = 1.2  # times: a box is not called blank
    clearly_over: float = 1.3  # times: it is taken for the writing's
    hides: float = 1.2  # times the line's ink: a stroke of more cannot hide in it
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
    drop_out: float = 0.4  # a channel with less than this share of the frame's darkness is without the frame


@dataclass(frozen=True, slots=True, eq=False)
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


def frame_of(box: Box, params: CropParams) -> Frame:
    """Lay out a box's picture: at scan resolution where that is fine enough and not too fine, margins all round."""
    top, right, bottom, left = np.linalg.norm(np.roll(box.corners, -1, axis=0) - box.corners, axis=1).tolist()
    width, height = (top + bottom) / 2, (right + left) / 2
    side = max(1.0, min(width, height))
    least, most = params.side_px
    scale = min(max(side, least), most) / side
    margin = params.margin * side * scale
    width, height = width * scale, height * scale
    size = round(width + 2 * margin), round(height + 2 * margin)
    return Frame(margin, margin, width, height, size, scale, box.is_wide)


def drawn_where(chosen: NDArray[np.bool_], labels: NDArray[np.int32]) -> Mask:
    """Mark the chosen ones of a picture's components; `labels` are their numbers."""
    drawn: Mask = np.where(chosen, np.uint8(255), np.uint8(0)).take(labels)  # three times as fast as an index
    return drawn


def upright(pixels: Grey, corners: Points, frame: Frame) -> Grey:
    """Draw what lies at four corners of a picture so that it fills a frame."""
    to_source = cv2.getPerspectiveTransform(frame.corners.astype(np.float32), corners.astype(np.float32))
    flags = (cv2.INTER_CUBIC if frame.scan_px > 1.2 else cv2.INTER_LINEAR) | cv2.WARP_INVERSE_MAP
    drawn: Grey = cv2.warpPerspective(pixels, to_source, frame.size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return drawn


def paper_of(picture: Grey, side: float, params: CropParams) -> Grey:
    """Say how bright the paper is at each pixel, under strokes as beside them; the edge of a shadow stays an edge."""
    reach = max(3, round(params.paper * side)) | 1
    paper = cv2.morphologyEx(
        picture, cv2.MORPH_CLOSE, np.ones((reach, reach), np.uint8), borderType=cv2.BORDER_REPLICATE
    )
    smooth: Grey = cv2.min(paper, cv2.blur(paper, (reach, reach), borderType=cv2.BORDER_REPLICATE))
    return smooth


def darkness_of(picture: Grey, paper: Grey) -> Grey:
    """Say how much darker than the paper each pixel is, 0 to 255 of the paper's own brightness."""
    # Shade this dark holds no more readable contrast.
    share: Grey = cv2.divide(cv2.subtract(paper, picture), cv2.max(paper, 40.0), scale=255.0)
    return share


def without_passing(darkness: Grey, params: CropParams) -> Grey:
    """Take off what goes on through the whole picture, box and margins, across or down: a sheet's shadow, a fold.

    No digit does; only what is faint is taken off, for a pen's line through many boxes is a person's business.
    """
    rest = darkness
    for size, axis in (((8, darkness.shape[0]), 1), ((darkness.shape[1], 8), 0)):
        parts = cv2.resize(rest, size, interpolation=cv2.INTER_AREA)
        least = cv2.reduce(parts, axis, cv2.REDUCE_MIN)
        low, high = (share * 255 for share in params.past)
        if not (least > low).any():
            continue
        passing = cv2.dilate(np.where((least > low) & (least < high), least, np.uint8(0)), np.ones((3, 3), np.uint8))
        rest = cv2.subtract(rest, np.ascontiguousarray(np.broadcast_to(passing, rest.shape)))
    return rest
