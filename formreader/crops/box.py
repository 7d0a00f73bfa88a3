"""Boxes of one size after the others: their ink with the print removed, and what can be said before it is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from formreader.crops.along import (
    Along,
    Profiles,
    hidden_by,
    line_profiles,
    medians,
    strokes_along,
    unevenness,
    usual_amounts,
)
from formreader.crops.guides import common_print
from formreader.crops.printed import Bands, BlankBoxes, blank_boxes, form_print, frame_bands, printed_as, without_print
from formreader.crops.stacks import Stack, any_in, grown, less, mask_of
from formreader.crops.streaks import Streak, on_streaks
from formreader.crops.upright import (
    Alike,
    CropParams,
    Frame,
    Mask,
    alike_boxes,
    darkness_of,
    paper_of,
    upright_stack,
    without_passing,
)
from formreader.crops.writing import antialiased, choose_writing
from formreader.values import Box, Grey, Ink, Reason

_NOTHING: Ink = np.zeros((0, 0), np.uint8)


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
class _Seen:
    """Boxes' pictures before anything is decided."""

    alike: Alike
    darkness: Stack
    is_covered: NDArray[np.bool_]
    bands: Bands
    blank: BlankBoxes | None
    lines: Profiles
    blank_lines: Profiles | None

    @property
    def frame(self) -> Frame:
        """Where the boxes lie in their pictures."""
        return self.alike.frame


@dataclass(frozen=True, slots=True)
class _Page:
    """What all boxes of a page say together.

    Attributes
    ----------
    usual
        (n, 4), how much ink each box's lines have by themselves.
    uneven
        How much the frames' lines vary by themselves.
    least_darkness
        From which darkness on a mark is writing.
    """

    usual: NDArray[np.float64]
    uneven: float
    least_darkness: float
    streaks: tuple[Streak, ...]


def cut_boxes(
    pixels: Grey, reference: Grey | None, boxes: Sequence[Box], streaks: tuple[Streak, ...], params: CropParams
) -> list[Cut]:
    """Cut boxes, their lines compared with one another."""
    seen = [_look(pixels, reference, boxes, alike, params) for alike in alike_boxes(boxes, params)]
    own, blank = np.full((len(boxes), 4), np.nan), np.full((len(boxes), 4), np.nan)
    has_blank = np.zeros(len(boxes), bool)
    for some in seen:
        own[some.alike.rows] = medians(some.lines)
        if some.blank_lines is not None:
            blank[some.alike.rows], has_blank[some.alike.rows] = medians(some.blank_lines), True
    usual = usual_amounts(boxes, own, blank, has_blank)
    if reference is None:
        prints = common_print([one.darkness for one in seen], [one.frame for one in seen], params)
        seen = [replace(one, blank=_as_blank(print_, one, params)) for one, print_ in zip(seen, prints, strict=True)]
    uneven = unevenness([one.lines for one in seen], own, usual)
    page = _Page(usual, uneven, _least_darkness(seen, params), streaks)
    cuts: list[Cut] = [Cut(_NOTHING, "blank")] * len(boxes)
    for some in seen:
        for row, cut in zip(some.alike.rows.tolist(), _written(some, page, params), strict=True):
            cuts[row] = _doubted(cut, boxes[row], some.frame, streaks, params)
        for row in some.alike.rows[some.is_covered].tolist():
            cuts[row] = Cut(cuts[row].ink, "not_a_digit")
    return cuts


def _look(pixels: Grey, reference: Grey | None, boxes: Sequence[Box], alike: Alike, params: CropParams) -> _Seen:
    frame, own = alike.frame, [boxes[row] for row in alike.rows.tolist()]
    pictures = upright_stack(pixels, [box.corners for box in own], alike.drawn, frame)
    paper = paper_of(pictures, frame.side, params)
    darkness = darkness_of(pictures, paper)
    bands = frame_bands(darkness, frame, params)
    lines = line_profiles(darkness, bands, frame, params)
    # A table's lines go on past the box as well; they are taken out as what they are.
    passed = without_passing(darkness, params)
    if passed is not darkness:
        darkness = cv2.copyTo(*(one.reshape(len(one), -1) for one in (darkness, bands.either, passed))).reshape(
            darkness.shape
        )
    places = tuple(box.on_form for box in own if box.on_form is not None)
    blank = blank_boxes(reference, places, frame, params) if reference is not None and places else None
    return _Seen(
        *(alike, darkness, _are_covered(paper, frame, params), bands, blank, lines),
        None if blank is None else line_profiles(blank.darkness, bands, frame, params),
    )


def _as_blank(print_: Grey | None, seen: _Seen, params: CropParams) -> BlankBoxes | None:
    """Take what is printed into every box for the blank of each."""
    if print_ is None:
        return None
    return printed_as(np.repeat(print_[:, None], len(seen.alike.rows), axis=1), seen.frame, params)


def _are_covered(paper: Stack, frame: Frame, params: CropParams) -> NDArray[np.bool_]:
    """Whether something wider than a stroke lies in each box: what is under it cannot be known."""
    rows, columns = frame.inside(0)
    brightest = paper.max(axis=0).max(axis=1)
    inside = paper[rows, :, columns]
    shaded = np.flatnonzero(inside.min(axis=0).min(axis=1) < params.covered * brightest)
    covered = np.zeros(len(brightest), bool)
    for nth in shaded.tolist():
        covered[nth] = float(np.mean(inside[:, nth] < params.covered * brightest[nth])) > params.most_covered
    return covered


def _least_darkness(seen: Sequence[_Seen], params: CropParams) -> float:
    """Say from which darkness on a mark is writing: on a page of dark writing, a pale mark is a watermark."""
    inside = []
    for one in seen:
        rows, columns = one.frame.inside(params.guides_from * one.frame.side)
        part = one.darkness[rows, :, columns]
        inside += part.max(axis=(0, 2)).tolist() if part.size else []
    usual = float(np.quantile(inside, 0.75)) if len(inside) >= params.enough_boxes else 0.0
    pale, least = params.pale_darkness * 255, params.least_darkness * 255
    return max(least, min(pale, params.of_writing * usual))


def _doubted(cut: Cut, box: Box, frame: Frame, streaks: tuple[Streak, ...], params: CropParams) -> Cut:
    """Leave open what may be no writing: print along the frame, or what meets a streak."""
    if not cut.ink.size or cut.reason:
        return cut
    if _lies_along_frame(cut.ink, frame, params):
        return Cut(cut.ink, "ink_outside")
    if streaks and _meets(cut.ink, on_streaks(box, streaks, frame)):
        return Cut(cut.ink, "ink_outside")
    return cut


def _lies_along_frame(ink: Ink, frame: Frame, params: CropParams) -> bool:
    """Whether all writing lies close along the box's sides: it may be a tick of a comb or a second frame, no 1."""
    strokes = cv2.compare(ink, 96.0, cv2.CMP_GT)
    inner = frame.inside(params.frame_rim * frame.side)
    return cv2.countNonZero(strokes[inner]) < params.off_rim * cv2.countNonZero(strokes)


def _meets(ink: Ink, mask: Mask) -> bool:
    return bool((ink[cv2.dilate(mask, np.ones((3, 3), np.uint8)) > 0] > 96).any())


def _written(seen: _Seen, page: _Page, params: CropParams) -> list[Cut]:
    """Take the print out of boxes' darkness and choose their writing."""
    frame, bands, n = seen.frame, seen.bands, len(seen.alike.rows)
    usual = page.usual[seen.alike.rows]
    printed = form_print(seen.blank, seen.darkness, frame, params)
    along = strokes_along(seen.lines, usual, page.uneven, bands, frame, params)
    on_line: dict[int, Reason] = {
        nth: "ink_outside"
        for nth, one in along.items()
        if one.longest >= params.long_residue * frame.side and one.strongest > params.surely_over
    }
    cuts = [Cut(_NOTHING, on_line.get(nth, "blank")) for nth in range(n)]
    stroke, strongest = _strokes(seen.darkness, grown(bands.either, 2) | printed, frame)
    some = np.flatnonzero(strongest >= page.least_darkness)
    if not some.size:
        return cuts
    darkness, printed, bands = np.take(seen.darkness, some, axis=1), np.take(printed, some, axis=1), bands.of(some)
    threshold = np.maximum(params.least_darkness * 255, params.of_stroke * np.maximum(stroke, 0.6 * strongest))[some]
    full = np.maximum(stroke[some], threshold)
    ink = _hysteresis(darkness, threshold)
    clean = without_print(ink, bands, printed, frame, params)
    plain = choose_writing(clean, darkness, bands, None, frame, params)
    hidden = hidden_by(plain.writing, full, usual[some], bands, frame, params)
    for k, nth in enumerate(some.tolist()):
        writing, reason = plain.of(k)
        if writing is None:
            cuts[nth] = Cut(_NOTHING, reason)
            continue
        otherwise = antialiased(darkness[:, k], writing | hidden[k], full[k]) if k in hidden else None
        cuts[nth] = Cut(antialiased(darkness[:, k], writing, full[k]), reason, otherwise)
    on_lines = np.array([k for k, nth in enumerate(some.tolist()) if nth in along], np.int64)
    if on_lines.size:
        masks = np.stack([along[nth].mask for nth in some[on_lines].tolist()], axis=1)
        dark = np.take(darkness, on_lines, axis=1)
        more = np.take(clean, on_lines, axis=1) | (np.take(ink, on_lines, axis=1) & masks)
        with_line = choose_writing(more, dark, bands.of(on_lines), masks, frame, params)
        for j, k in enumerate(on_lines.tolist()):
            nth = int(some[k])
            writing, reason = with_line.of(j)
            if writing is None or not cuts[nth].ink.size:
                # Neither way is sure to be all of it.
                cuts[nth] = Cut(_NOTHING, on_line.get(nth, plain.reasons[k]))
            elif (writing != plain.writing[:, k]).any():
                cut, other = Cut(antialiased(dark[:, j], writing, full[k]), reason), replace(cuts[nth], otherwise=None)
                first, second = (cut, other) if along[nth].strongest > params.clearly_over else (other, cut)
                cuts[nth] = replace(first, otherwise=second.ink)
    return cuts


def _strokes(darkness: Stack, covered: Stack, frame: Frame) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Say how dark the strokes in each box are, off the print: nearly the darkest (the 99th percentile), and that."""
    rows, columns = frame.inside(0)
    free = cv2.bitwise_not(covered[rows, :, columns])
    inside = darkness[rows, :, columns]
    counts = [cv2.calcHist([inside[:, k]], [0], free[:, k], [256], [0, 256]) for k in range(darkness.shape[1])]
    counted = np.cumsum(np.stack([count.ravel() for count in counts], axis=1), axis=0, dtype=np.float64)
    last = np.maximum(counted[-1] - 1, 0)
    stroke, strongest = ((counted > rank).argmax(axis=0) for rank in (np.floor(0.99 * last), last))
    return stroke.astype(np.float64), strongest.astype(np.float64)


def _hysteresis(darkness: Stack, threshold: NDArray[np.float64]) -> Stack:
    """Keep what is over 0.6 of the threshold and hangs together with something over it (Canny 1986)."""
    # The weak rim only helps to hold a stroke together; its edge is drawn at the threshold's three quarters.
    weak, edge, strong = (np.minimum(share * threshold, 255).astype(np.uint8)[:, None] for share in (0.6, 0.75, 1.0))
    edged, over = mask_of(darkness > edge), mask_of(darkness > strong)
    # Nearly all edges lie two pixels from what is over it at most; for others it takes a search.
    for nth in any_in(less(edged, grown(over, 2))).tolist():
        count, labels = cv2.connectedComponents(mask_of(darkness[:, nth] > weak[nth]), connectivity=8)
        is_strong = np.zeros(count, np.uint8)
        is_strong[labels[over[:, nth] > 0]] = 255
        edged[:, nth] &= is_strong[labels]
    return edged
