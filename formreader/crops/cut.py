"""The ink of boxes of one size: what is writing in it once the print is taken out."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from formreader.crops.along import Along, hidden_by
from formreader.crops.bands import Bands
from formreader.crops.printed import without_print
from formreader.crops.stacks import Stack, any_in, grown, less, mask_of
from formreader.crops.upright import CropParams, Frame, Mask
from formreader.crops.writing import antialiased, choose_writing
from formreader.values import Ink, Reason

NOTHING: Ink = np.zeros((0, 0), np.uint8)


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """What a box holds.

    Attributes
    ----------
    ink
        Empty where there is none.
    otherwise
        How else the writing may look, where a line of the frame may hide a part of it or lend it one.
    """

    ink: Ink
    reason: Reason
    otherwise: Ink | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Boxes:
    """Boxes of one size and what is known of them before their ink is looked at.

    Attributes
    ----------
    printed
        Marks what the blank form shows too.
    usual
        (n, 4), how much ink each line has by itself.
    along
        Of boxes in which a stroke may lie along a line: where.
    """

    frame: Frame
    darkness: Stack
    printed: Stack
    bands: Bands
    usual: NDArray[np.float64]
    along: dict[int, Along]

    def of(self, chosen: NDArray[np.int64], margin: float | None) -> tuple[Boxes, tuple[slice, slice]]:
        """Give some of the boxes, their pictures cut down to so many pixels around the box, and which part that is."""
        frame, window = self.frame.cut_down(margin)
        darkness, printed = (_part(mask, chosen, window) for mask in (self.darkness, self.printed))
        bands = self.bands.cut_down(chosen, window)
        along = {
            k: replace(self.along[nth], mask=self.along[nth].mask[window])
            for k, nth in enumerate(chosen.tolist())
            if nth in self.along
        }
        return Boxes(frame, darkness, printed, bands, self.usual[chosen], along), window


def _part(stack: Stack, chosen: NDArray[np.int64], window: tuple[slice, slice]) -> Stack:
    return np.ascontiguousarray(np.take(stack[window[0]], chosen, axis=1)[:, :, window[1]])


def cut_out(boxes: Boxes, least_darkness: float, params: CropParams) -> list[Cut]:
    """Take the print out of boxes' darkness and choose their writing; paler than `least_darkness` there is none."""
    frame = boxes.frame
    on_line: dict[int, Reason] = {
        nth: "ink_outside"
        for nth, one in boxes.along.items()
        if one.longest >= params.long_residue * frame.side and one.strongest > params.surely_over
    }
    cuts = [Cut(NOTHING, on_line.get(nth, "blank")) for nth in range(len(boxes.usual))]
    stroke, strongest = _strokes(boxes)
    threshold = np.maximum(params.least_darkness * 255, params.of_stroke * np.maximum(stroke, 0.6 * strongest))
    full = np.maximum(stroke, threshold)
    is_dark = strongest >= least_darkness
    goes_on = _goes_on(boxes, threshold, params)
    for margin in (params.near * frame.side, None):
        rows = np.flatnonzero(is_dark & (goes_on if margin is None else ~goes_on))
        if not rows.size:
            continue
        part, window = boxes.of(rows, margin)
        reasons = {k: on_line[nth] for k, nth in enumerate(rows.tolist()) if nth in on_line}
        for nth, cut in zip(rows.tolist(), _cut(part, threshold[rows], full[rows], reasons, params), strict=True):
            otherwise = None if cut.otherwise is None else _whole(cut.otherwise, window, frame)
            cuts[nth] = Cut(_whole(cut.ink, window, frame), cut.reason, otherwise)
            # What reaches the edge of so small a picture is looked at in the whole one.
            goes_on[nth] |= cut.reason == "ink_outside"
    return cuts


def _whole(ink: Ink, window: tuple[slice, slice], frame: Frame) -> Ink:
    """Put a part of a box's picture back into its place."""
    width, height = frame.size
    if not ink.size or ink.shape == (height, width):
        return ink
    whole: Ink = np.zeros((height, width), np.uint8)
    whole[window] = ink
    return whole


def _goes_on(boxes: Boxes, threshold: NDArray[np.float64], params: CropParams) -> NDArray[np.bool_]:
    """Say of which boxes ink that is no print lies close around, so that a stroke may go on outside.

    Where a line of the frame lies that far out itself nothing can be said, which is the same.
    """
    frame, bands = boxes.frame, boxes.bands
    near, far = (frame.inside(-share * frame.side) for share in params.beyond)
    starts, stops = bands.starts, bands.stops
    limits = np.array([[side.start, side.stop] for side in (*near, near[1])]).ravel()
    is_out = np.where([True, False] * 3, starts < limits, stops > limits) & (stops > starts)
    found = np.asarray(is_out.any(axis=1))
    weak = np.minimum(params.weak * threshold, 255).astype(np.uint8)[:, None]
    for axis in (0, 1):
        for ring in (slice(far[axis].start, near[axis].start), slice(near[axis].stop, far[axis].stop)):
            rows, columns = (ring, far[1]) if axis == 0 else (near[0], ring)
            place = rows, slice(None), columns
            free = cv2.bitwise_not(grown(bands.either[place], 1) | boxes.printed[place])
            found[any_in(mask_of(boxes.darkness[place] > weak) & free)] = True
    return found


def _cut(
    boxes: Boxes,
    threshold: NDArray[np.float64],
    full: NDArray[np.float64],
    on_line: dict[int, Reason],
    params: CropParams,
) -> list[Cut]:
    """Cut boxes whose ink is what is over a threshold; `full` darkness is drawn as 255."""
    frame, darkness, bands = boxes.frame, boxes.darkness, boxes.bands
    ink = _hysteresis(darkness, threshold, params)
    clean = without_print(ink, bands, boxes.printed, frame, params)
    plain = choose_writing(clean, darkness, bands, None, frame, params)
    hidden = hidden_by(plain.writing, full, boxes.usual, bands, frame, params)
    lent = {} if frame.is_wide else _lent(plain.writing, bands, frame, params)
    cuts = []
    for nth, level in enumerate(full.tolist()):
        writing, reason = plain.of(nth)
        if writing is None:
            cuts.append(Cut(NOTHING, reason))
            continue
        otherwise = None
        if nth in hidden:
            otherwise = antialiased(darkness[:, nth], writing | hidden[nth], level)
        elif nth in lent:
            otherwise = antialiased(darkness[:, nth], cv2.subtract(writing, lent[nth]), level)
        cuts.append(Cut(antialiased(darkness[:, nth], writing, level), reason, otherwise))
    if not boxes.along:
        return cuts
    rows = np.array(list(boxes.along), np.int64)
    masks = np.stack([along.mask for along in boxes.along.values()], axis=1)
    more = np.take(clean, rows, axis=1) | (np.take(ink, rows, axis=1) & masks)
    with_line = choose_writing(more, np.take(darkness, rows, axis=1), bands.of(rows), masks, frame, params)
    for k, (nth, along) in enumerate(boxes.along.items()):
        writing, reason = with_line.of(k)
        if writing is None or not cuts[nth].ink.size:
            # Neither way is sure to be all of it.
            cuts[nth] = Cut(NOTHING, on_line.get(nth, plain.reasons[nth]))
        elif (writing != plain.writing[:, nth]).any():
            longer = Cut(antialiased(darkness[:, nth], writing, float(full[nth])), reason)
            first, second = (longer, cuts[nth]) if along.strongest > params.clearly_over else (cuts[nth], longer)
            cuts[nth] = replace(first, otherwise=second.ink)
        elif not frame.is_wide and (apart := _apart(clean[:, nth], along.mask, writing, frame, params)) is not None:
            whole = writing | apart | (ink[:, nth] & along.mask)
            cuts[nth] = replace(cuts[nth], otherwise=antialiased(darkness[:, nth], whole, float(full[nth])))
    return cuts


def _lent(writing: Stack, bands: Bands, frame: Frame, params: CropParams) -> dict[int, Mask]:
    """Give long slivers of the writing beside lines: they may be the line's, where it is thicker than it was found."""
    edge = grown(bands.either, 2)
    slivers = less(writing & edge, grown(less(writing, edge), 2))
    found = {}
    for nth in any_in(slivers).tolist():
        sliver = np.ascontiguousarray(slivers[:, nth])
        *_, width, height = cv2.boundingRect(sliver)
        if max(width, height) >= params.crossing * frame.side and (sliver != writing[:, nth]).any():
            found[nth] = sliver
    return found


def _apart(clean: Mask, along: Mask, writing: Mask, frame: Frame, params: CropParams) -> Mask | None:
    """Give what comes out of a line beside a stroke along it, apart from the writing; None where nothing does.

    The bar of a 5 or the side of a 0 may lie so, and what is left looks like another digit. What goes on further out
    is a neighbour's.
    """
    _, labels, stats, _ = cv2.connectedComponentsWithStats(cv2.subtract(clean, writing))
    left, top, width, height = stats[:, :4].T
    rows, columns = frame.inside(-params.apart * frame.side)
    is_stroke = (top >= rows.start) & (top + height <= rows.stop) & (left >= columns.start)
    is_stroke &= (left + width <= columns.stop) & (np.maximum(width, height) >= params.crossing * frame.side)
    is_stroke &= np.bincount(labels[along > 0], minlength=len(stats)) > 0
    is_stroke[0] = False  # no ink
    return np.where(is_stroke[labels], np.uint8(255), np.uint8(0)) if is_stroke.any() else None


def _strokes(boxes: Boxes) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Say how dark the strokes in each box are, off the print: nearly the darkest (the 99th percentile), and that."""
    _, (rows, columns) = boxes.frame.cut_down(2)
    near = grown(boxes.bands.either[rows, :, columns], 2) | boxes.printed[rows, :, columns]
    free = cv2.bitwise_not(near[2:-2, :, 2:-2])
    rows, columns = boxes.frame.inside(0)
    inside = boxes.darkness[rows, :, columns]
    counts = [cv2.calcHist([inside[:, k]], [0], free[:, k], [256], [0, 256]) for k in range(inside.shape[1])]
    counted = np.cumsum(np.stack([count.ravel() for count in counts], axis=1), axis=0, dtype=np.float64)
    last = np.maximum(counted[-1] - 1, 0)
    stroke, strongest = ((counted > rank).argmax(axis=0) for rank in (np.floor(0.99 * last), last))
    return stroke.astype(np.float64), strongest.astype(np.float64)


def _hysteresis(darkness: Stack, threshold: NDArray[np.float64], params: CropParams) -> Stack:
    """Keep what is over a share of the threshold and hangs together with something over it (Canny 1986)."""
    # The weak rim only helps to hold a stroke together; its edge is drawn at the threshold's three quarters.
    weak, edge, strong = (
        np.minimum(share * threshold, 255).astype(np.uint8)[:, None] for share in (params.weak, 0.75, 1.0)
    )
    edged, over = mask_of(darkness > edge), mask_of(darkness > strong)
    # Nearly all edges lie two pixels from what is over it at most; for others it takes a search.
    for nth in any_in(less(edged, grown(over, 2))).tolist():
        count, labels = cv2.connectedComponents(mask_of(darkness[:, nth] > weak[nth]), connectivity=8)
        is_strong = np.zeros(count, np.uint8)
        is_strong[labels[over[:, nth] > 0]] = 255
        edged[:, nth] &= is_strong[labels]
    return edged
