"""Cut each box, take the printed form away, keep the whole stroke, and say what is blank.

A box is drawn upright at a size where its lines are a few pixels thick. Ink is what is darker than the paper around
it. The frame's lines are found near their places and taken out, together with all that the blank form's picture shows
there; where a stroke crosses them, its two ends are joined again. What then hangs together with the inside of the box
is the writing. Polarity turns over here: paper 255 comes in, ink 255 goes out.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from formreader.crops.printed import form_print, frame_bands, grown, without_print
from formreader.crops.streaks import Streak, find_streaks, on_streaks, without_streaks
from formreader.crops.upright import CropParams, Frame, Mask, darkness_of, frame_of, paper_of, upright, without_passing
from formreader.crops.writing import antialiased, choose_writing
from formreader.normalize import NormalizeParams, normalize
from formreader.values import AlignedPage, Box, Crops, Grey, Ink, Reason

__all__ = ["CropParams", "crop_digits", "picture_of"]


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
    inks, reasons = [], []
    for box in boxes:
        ink, reason = _cut(pictures[0], page.reference, box, streaks, params)
        if reason == "blank" and len(pictures) > 1:
            # A pen of the printed colour drops out with it.
            ink, reason = _cut(pictures[1], page.reference, box, streaks, params)
        inks.append(ink)
        reasons.append(reason)
    digits = np.zeros((len(boxes), 28, 28), np.uint8)
    for row, (box, ink) in enumerate(zip(boxes, inks, strict=True)):
        if ink.size and not box.is_wide:
            least_px = round(params.least_digit * min(ink.shape) / (1 + 2 * params.margin))
            digits[row] = normalize(ink, NormalizeParams(least_side_px=least_px))
    return Crops(tuple(inks), digits, tuple(reasons))


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
    """How much darker than paper (the 90th percentile of the channel) the darkest pixel near each place is."""
    paper = int(np.percentile(channel[::7, ::7], 90))
    height, width = channel.shape
    darkest = np.full(len(rows), 255, dtype=np.int64)
    for dy in range(-reach, reach + 1):
        for dx in range(-reach, reach + 1):
            near = channel[np.clip(rows + dy, 0, height - 1), np.clip(columns + dx, 0, width - 1)]
            darkest = np.minimum(darkest, near)
    return paper - darkest


def picture_of(pixels: Grey, box: Box, params: CropParams | None = None) -> Grey:
    """Draw one box upright with its surroundings, print and all, for a person to look at."""
    params = params or CropParams()
    return upright(pixels, box.corners, frame_of(box, params))


def _cut(
    pixels: Grey, reference: Grey | None, box: Box, streaks: tuple[Streak, ...], params: CropParams
) -> tuple[Ink, Reason]:
    """Cut one box: its ink with the print removed, and what can be said of it already."""
    frame = frame_of(box, params)
    picture = upright(pixels, box.corners, frame)
    paper = paper_of(picture, frame.side, params)
    ink, reason = _written(darkness_of(picture, paper), reference, box, frame, params)
    if _is_covered(paper[frame.inside(0)], paper, params):
        return ink, "not_a_digit"
    if ink.size and not reason and streaks and _meets(ink, on_streaks(box, streaks, frame)):
        return ink, "ink_outside"
    return ink, reason


def _is_covered(inside: Grey, paper: Grey, params: CropParams) -> bool:
    """Whether something wider than a stroke lies in the box: what is under it cannot be known."""
    return float(np.mean(inside < params.covered * paper.max())) > params.most_covered


def _meets(ink: Ink, mask: Mask) -> bool:
    return bool((ink[grown(mask, 1) > 0] > 96).any())


def _written(
    darkness: Grey, reference: Grey | None, box: Box, frame: Frame, params: CropParams
) -> tuple[Ink, Reason]:
    """Take the print out of a box's darkness and choose its writing."""
    nothing: Ink = np.zeros((0, 0), np.uint8)
    bands = frame_bands(darkness, frame, params)
    darkness = without_passing(darkness, params)
    printed = form_print(reference, darkness, box, frame, params)
    inner = frame.inside(0)
    free = darkness[inner][(grown(bands.either, 2) | printed)[inner] == 0]
    rank = int(0.99 * (free.size - 1))
    stroke = float(np.partition(free, rank)[rank]) if free.size else 0.0
    strongest = float(free.max()) if free.size else 0.0
    if strongest < params.least_darkness * 255:
        return nothing, "ink_outside" if bands.thickened else "blank"
    threshold = max(params.least_darkness * 255, params.of_stroke * max(stroke, 0.6 * strongest))
    ink = _hysteresis(darkness, threshold)
    clean = without_print(ink, bands, printed, frame, params)
    writing, reason = choose_writing(clean, darkness, bands, frame, params)
    if writing is None:
        return nothing, "ink_outside" if bands.thickened else reason
    return antialiased(darkness, writing, max(stroke, threshold)), reason


def _hysteresis(darkness: Grey, threshold: float) -> Mask:
    """Keep what is over 0.6 of the threshold and hangs together with something over it (Canny 1986)."""
    _, weak = cv2.threshold(darkness, 0.6 * threshold, 255, cv2.THRESH_BINARY)
    count, labels = cv2.connectedComponents(weak, connectivity=8)
    strong = np.zeros(count, dtype=bool)
    strong[labels[darkness > threshold]] = True
    strong[0] = False
    # The weak rim only helps to hold a stroke together; its edge is drawn at the threshold's three quarters.
    return np.where(strong[labels] & (darkness > 0.75 * threshold), np.uint8(255), np.uint8(0))
