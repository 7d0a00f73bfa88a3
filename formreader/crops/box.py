"""One box after the other: its ink with the print removed, and what can be said of it before it is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from formreader.crops.along import Profiles, hidden_by, line_profiles, stretches, unevenness, usual_amounts
from formreader.crops.guides import common_print
from formreader.crops.printed import Bands, blank_darkness, form_print, frame_bands, grown, without_print
from formreader.crops.streaks import Streak, on_streaks
from formreader.crops.upright import (
    CropParams,
    Frame,
    Mask,
    darkness_of,
    drawn_where,
    frame_of,
    paper_of,
    upright,
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
    """A box's picture before anything is decided."""

    box: Box
    frame: Frame
    darkness: Grey
    is_covered: bool
    bands: Bands
    blank: Grey | None
    lines: Profiles
    blank_lines: Profiles | None


@dataclass(frozen=True, slots=True)
class _Page:
    """What all boxes of a page say together.

    Attributes
    ----------
    uneven
        How much the frames' lines vary by themselves.
    least_darkness
        From which darkness on a mark is writing.
    """

    uneven: float
    least_darkness: float
    streaks: tuple[Streak, ...]


def cut_boxes(
    pixels: Grey, reference: Grey | None, boxes: Sequence[Box], streaks: tuple[Streak, ...], params: CropParams
) -> list[Cut]:
    """Cut boxes, their lines compared with one another."""
    seen = [_look(pixels, reference, box, params) for box in boxes]
    usual = usual_amounts(boxes, [one.lines for one in seen], [one.blank_lines for one in seen])
    if reference is None:
        prints = common_print([one.darkness for one in seen], [one.frame for one in seen], params)
        seen = [replace(one, blank=print_) for one, print_ in zip(seen, prints, strict=True)]
    page = _Page(unevenness([one.lines for one in seen], usual), _least_darkness(seen, params), streaks)
    return [_cut(one, amounts, page, params) for one, amounts in zip(seen, usual, strict=True)]


def _look(pixels: Grey, reference: Grey | None, box: Box, params: CropParams) -> _Seen:
    frame = frame_of(box, params)
    picture = upright(pixels, box.corners, frame)
    paper = paper_of(picture, frame.side, params)
    darkness = darkness_of(picture, paper)
    bands = frame_bands(darkness, frame, params)
    lines = line_profiles(darkness, bands, frame, params)
    # A table's lines go on past the box as well; they are taken out as what they are.
    darkness = np.where(bands.either > 0, darkness, without_passing(darkness, params))
    blank = blank_darkness(reference, box, frame, params)
    return _Seen(
        *(box, frame, darkness, _is_covered(paper[frame.inside(0)], paper, params), bands, blank),
        lines,
        None if blank is None else line_profiles(blank, bands, frame, params),
    )


def _is_covered(inside: Grey, paper: Grey, params: CropParams) -> bool:
    """Whether something wider than a stroke lies in the box: what is under it cannot be known."""
    return float(np.mean(inside < params.covered * paper.max())) > params.most_covered


def _least_darkness(seen: Sequence[_Seen], params: CropParams) -> float:
    """Say from which darkness on a mark is writing: on a page of dark writing, a pale mark is a watermark."""
    inside = [one.darkness[one.frame.inside(params.guides_from * one.frame.side)] for one in seen]
    dark = [float(part.max()) for part in inside if part.size]
    usual = float(np.quantile(dark, 0.75)) if len(dark) >= params.enough_boxes else 0.0
    pale, least = params.pale_darkness * 255, params.least_darkness * 255
    return max(least, min(pale, params.of_writing * usual))


def _cut(seen: _Seen, usual: NDArray[np.float64], page: _Page, params: CropParams) -> Cut:
    cut = _written(seen, usual, page, params)
    if seen.is_covered:
        return Cut(cut.ink, "not_a_digit")
    if cut.ink.size and not cut.reason and _lies_along_frame(cut.ink, seen.frame, params):
        return Cut(cut.ink, "ink_outside")
    if (
        cut.ink.size
        and not cut.reason
        and page.streaks
        and _meets(cut.ink, on_streaks(seen.box, page.streaks, seen.frame))
    ):
        return Cut(cut.ink, "ink_outside")
    return cut


def _lies_along_frame(ink: Ink, frame: Frame, params: CropParams) -> bool:
    """Whether all writing lies close along the box's sides: it may be a tick of a comb or a second frame, no 1."""
    strokes = ink > 96
    inner = frame.inside(params.frame_rim * frame.side)
    return float(strokes[inner].sum()) < params.off_rim * float(strokes.sum())


def _meets(ink: Ink, mask: Mask) -> bool:
    return bool((ink[grown(mask, 1) > 0] > 96).any())


def _written(seen: _Seen, usual: NDArray[np.float64], page: _Page, params: CropParams) -> Cut:
    """Take the print out of a box's darkness and choose its writing."""
    darkness, bands, frame = seen.darkness, seen.bands, seen.frame
    printed = form_print(seen.blank, darkness, frame, params)
    along, longest, strength = stretches(seen.lines, usual, page.uneven, bands, frame, params)
    may_be_stroke = longest >= params.long_residue * frame.side and strength > params.surely_over
    on_line: Reason = "ink_outside" if may_be_stroke else "blank"
    inner = frame.inside(0)
    free = darkness[inner][(grown(bands.either, 2) | printed)[inner] == 0]
    rank = int(0.99 * (free.size - 1))
    stroke = float(np.partition(free, rank)[rank]) if free.size else 0.0
    strongest = float(free.max()) if free.size else 0.0
    if strongest < page.least_darkness:
        return Cut(_NOTHING, on_line)
    threshold = max(params.least_darkness * 255, params.of_stroke * max(stroke, 0.6 * strongest))
    full = max(stroke, threshold)
    ink = _hysteresis(darkness, threshold)
    clean = without_print(ink, bands, printed, frame, params)
    writing, reason = choose_writing(clean, darkness, bands, np.zeros_like(along), frame, params)
    if longest:
        with_line, reason_with_line = choose_writing(clean | (ink & along), darkness, bands, along, frame, params)
        if writing is None or with_line is None:
            return Cut(_NOTHING, reason if on_line == "blank" else on_line)
        if (with_line != writing).any():
            drawn = [antialiased(darkness, mask, full) for mask in (with_line, writing)]
            return (
                Cut(drawn[0], reason_with_line, drawn[1])
                if strength > params.clearly_over
                else Cut(drawn[1], reason, drawn[0])
            )
    if writing is None:
        return Cut(_NOTHING, reason)
    hidden = hidden_by(writing, full, usual, bands, frame, params)
    otherwise = None if hidden is None else antialiased(darkness, writing | hidden, full)
    return Cut(antialiased(darkness, writing, full), reason, otherwise)


def _hysteresis(darkness: Grey, threshold: float) -> Mask:
    """Keep what is over 0.6 of the threshold and hangs together with something over it (Canny 1986)."""
    _, weak = cv2.threshold(darkness, 0.6 * threshold, 255, cv2.THRESH_BINARY)
    count, labels = cv2.connectedComponents(weak, connectivity=8)
    strong = np.zeros(count, dtype=bool)
    strong[labels[darkness > threshold]] = True
    strong[0] = False
    # The weak rim only helps to hold a stroke together; its edge is drawn at the threshold's three quarters.
    _, edged = cv2.threshold(darkness, 0.75 * threshold, 255, cv2.THRESH_BINARY)
    kept: Mask = cv2.bitwise_and(drawn_where(strong, labels), edged)
    return kept
