"""Cut each box, take the printed form away, keep the whole stroke, and say what is blank.

A box is drawn upright at a size where its lines are a few pixels thick. Ink is what is darker than the paper around
it. The frame's lines are found near their places and taken out, together with all that the blank form's picture shows
there; where a stroke crosses them, its two ends are joined again. What then hangs together with the inside of the box
is the writing. Polarity turns over here: paper 255 comes in, ink 255 goes out.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from formreader.crops.box import cut_boxes
from formreader.crops.streaks import find_streaks, without_streaks
from formreader.crops.strips import are_blank
from formreader.crops.upright import CropParams, alike_boxes, upright_stack
from formreader.normalize import NormalizeParams, normalize_all
from formreader.values import AlignedPage, Box, Crops, Digits, Grey, Ink

__all__ = ["CropParams", "are_blank", "crop_digits", "pictures_of"]


def crop_digits(page: AlignedPage, boxes: tuple[Box, ...], params: CropParams | None = None) -> Crops:
    """Cut all boxes of a page and bring each to MNIST's format.

    Parameters
    ----------
    page
        Paper 255; its reference, where there is one, is a blank form.
    boxes
        Corners in scan pixels, on the middle of the printed lines.

    Returns
    -------
    Crops
        One ink picture, one 28 x 28 row and one reason a box; ink 255.
    """
    params = params or CropParams()
    streaks = find_streaks(page, boxes)
    pictures = [without_streaks(picture, streaks) for picture in _without_printed_colour(page, boxes, params)]
    if boxes and _is_one_bit(page.pixels) and _median_side(boxes) >= params.side_px[0]:
        pictures = [cv2.GaussianBlur(picture, (3, 3), params.fax_blur_px) for picture in pictures]
    cuts = cut_boxes(pictures[0], page.reference, boxes, streaks, params)
    if len(pictures) > 1:
        # A pen of the printed colour drops out with it.
        empty = [row for row, cut in enumerate(cuts) if cut.reason == "blank"]
        again = cut_boxes(pictures[1], page.reference, tuple(boxes[row] for row in empty), streaks, params)
        for row, cut in zip(empty, again, strict=True):
            cuts[row] = cut
    digit_boxes = [row for row, box in enumerate(boxes) if cuts[row].ink.size and not box.is_wide]
    digits = np.zeros((len(boxes), 28, 28), np.uint8)
    digits[digit_boxes] = _normalized([cuts[row].ink for row in digit_boxes], params)
    second = {row: other for row in digit_boxes if (other := cuts[row].otherwise) is not None}
    others = dict(zip(second, _normalized(list(second.values()), params), strict=True))
    reasons = tuple(
        "ink_outside" if box.is_wide and cut.otherwise is not None and not cut.reason else cut.reason
        for box, cut in zip(boxes, cuts, strict=True)
    )
    return Crops(tuple(cut.ink for cut in cuts), digits, reasons, others)


def _median_side(boxes: tuple[Box, ...]) -> float:
    corners = np.stack([box.corners for box in boxes])
    return float(np.median((np.ceil(corners.max(axis=1)) - np.floor(corners.min(axis=1))).min(axis=1)))


def _is_one_bit(pixels: Grey) -> bool:
    few = pixels[::7, ::7]
    return bool(np.mean((few == 0) | (few == 255)) > 0.99)


def _normalized(inks: list[Ink], params: CropParams) -> Digits:
    """Bring inks to MNIST's format, (n, 28, 28); marks smaller than a digit stay small beside their box's picture."""
    least = [round(params.least_digit * min(ink.shape) / (1 + 2 * params.margin)) for ink in inks]
    digits = np.zeros((len(inks), 28, 28), np.uint8)
    for least_px in set(least):
        rows = [row for row, its_least in enumerate(least) if its_least == least_px]
        digits[rows] = normalize_all([inks[row] for row in rows], NormalizeParams(least_side_px=least_px))
    return digits


def _without_printed_colour(page: AlignedPage, boxes: tuple[Box, ...], params: CropParams) -> tuple[Grey, ...]:
    """Give the page as the colour channel in which the printed frame is palest, then in grey; only grey where none is.

    A frame printed in pink is as bright as paper in the red channel, where blue and black ink stay dark.
    """
    if page.colour is None or not boxes:
        return (page.pixels,)
    corners = np.concatenate([box.corners for box in boxes])
    following = np.concatenate([np.roll(box.corners, -1, axis=0) for box in boxes])
    on_lines = np.concatenate([corners * (1 - t) + following * t for t in (0.3, 0.5, 0.7)])
    columns, rows = np.clip(on_lines.round().astype(int), 0, np.array(page.pixels.shape[::-1]) - 1).T
    grey = float(np.median(_near_darkest(page.pixels, rows, columns)))
    frame = [float(np.median(_near_darkest(page.colour[:, :, k], rows, columns))) for k in range(3)]
    palest = int(np.argmin(frame))
    if grey < 12 or frame[palest] > params.drop_out * max(frame):
        return (page.pixels,)
    return np.ascontiguousarray(page.colour[:, :, palest]), page.pixels


def _near_darkest(
    channel: Grey, rows: NDArray[np.int64], columns: NDArray[np.int64], reach: int = 2
) -> NDArray[np.int64]:
    """How much darker than paper the darkest pixel near each place is."""
    around, (height, width) = np.arange(-reach, reach + 1)[:, None], channel.shape
    near = np.clip(rows + around, 0, height - 1)[:, None], np.clip(columns + around, 0, width - 1)
    darkest: NDArray[np.int64] = channel[near].min(axis=(0, 1)).astype(np.int64)
    return _paper_of(channel) - darkest


def _paper_of(channel: Grey, share: float = 0.9) -> int:
    """Give a quantile of a channel as `np.quantile` does: of so many pixels, counting finds it sooner than ordering."""
    few = np.ascontiguousarray(channel[::7, ::7])
    counted = np.cumsum(cv2.calcHist([few], [0], None, [256], [0, 256]).astype(np.int64))
    rank = share * (few.size - 1)
    low, high = np.searchsorted(counted, (int(rank), int(rank) + 1), side="right").tolist()
    return int(low + (high - low) * (rank % 1))


def pictures_of(pixels: Grey, boxes: Sequence[Box], params: CropParams | None = None) -> list[Grey]:
    """Draw boxes upright with their surroundings, print and all, for a person to look at."""
    params = params or CropParams()
    drawn: dict[int, Grey] = {}
    for alike in alike_boxes(boxes, params):
        rows = alike.rows.tolist()
        stack = upright_stack(pixels, [boxes[row].corners for row in rows], alike.drawn, alike.frame)
        drawn |= {row: stack[:, nth] for nth, row in enumerate(rows)}
    return [drawn[row] for row in range(len(boxes))]
