"""Boxes of one size after the others: their ink with the print removed, and what can be said before it is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from formreader.crops.along import (
    Profiles,
    levelled,
    line_profiles,
    medians,
    strokes_along,
    unevenness,
    usual_amounts,
)
from formreader.crops.bands import Bands, frame_bands
from formreader.crops.cut import NOTHING, Boxes, Cut, cut_out
from formreader.crops.guides import common_print
from formreader.crops.printed import BlankBoxes, blank_boxes, form_print, printed_as
from formreader.crops.ruled import goes_on, is_ruled, upright_stroke
from formreader.crops.stacks import Stack
from formreader.crops.streaks import Streak, on_streaks
from formreader.crops.ticks import with_ticks, without_strokes
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
from formreader.values import Box, Grey, Ink


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
    seen = [replace(one, lines=levelled(one.lines, one.blank_lines)) for one in seen]
    uneven = unevenness([one.lines for one in seen], own, usual)
    page = _Page(usual, uneven, _least_darkness(seen, params), streaks)
    cuts = [Cut(NOTHING, "blank")] * len(boxes)
    for some in seen:
        for row, cut in zip(
            some.alike.rows.tolist(), cut_out(_shown(some, page, params), page.least_darkness, params), strict=True
        ):
            cuts[row] = _doubted(cut, pixels, boxes[row], some.frame, streaks, params)
        for row in some.alike.rows[some.is_covered].tolist():
            cuts[row] = Cut(cuts[row].ink, "not_a_digit")
    return cuts


def _look(pixels: Grey, reference: Grey | None, boxes: Sequence[Box], alike: Alike, params: CropParams) -> _Seen:
    frame, own = alike.frame, [boxes[row] for row in alike.rows.tolist()]
    pictures = upright_stack(pixels, [box.corners for box in own], alike.drawn, frame)
    paper = paper_of(pictures, frame.side, params)
    darkness = darkness_of(pictures, paper)
    places = tuple(box.on_form for box in own if box.on_form is not None)
    blank = blank_boxes(reference, places, frame, params) if reference is not None and places else None
    bands = frame_bands(darkness, frame, params)
    bands = without_strokes(bands, None if blank is None else blank.darkness, frame)
    bands = with_ticks(bands, darkness, None if blank is None else blank.ticks, frame, params)
    lines = line_profiles(darkness, bands, frame, params)
    # A table's lines go on past the box as well; they are taken out as what they are.
    passed = without_passing(darkness, params)
    if passed is not darkness:
        darkness = cv2.copyTo(*(one.reshape(len(one), -1) for one in (darkness, bands.either, passed))).reshape(
            darkness.shape
        )
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
    inside: list[int] = []
    for one in seen:
        rows, columns = one.frame.inside(params.guides_from * one.frame.side)
        part = one.darkness[rows, :, columns]
        inside += part.max(axis=(0, 2)).tolist() if part.size else []
    usual = float(np.quantile(inside, 0.75)) if len(inside) >= params.enough_boxes else 0.0
    pale, least = params.pale_darkness * 255, params.least_darkness * 255
    return max(least, min(pale, params.of_writing * usual))


def _doubted(cut: Cut, pixels: Grey, box: Box, frame: Frame, streaks: tuple[Streak, ...], params: CropParams) -> Cut:
    """Leave open what may be no writing: print along the frame, a wire or scratch, or what meets a streak."""
    if not cut.ink.size or cut.reason:
        return cut
    strokes = cv2.compare(cut.ink, 96.0, cv2.CMP_GT)
    if _lies_along_frame(strokes, frame, params):
        return Cut(cut.ink, "ink_outside")
    stroke = upright_stroke(cut.ink, strokes)
    if stroke is not None and (is_ruled(stroke) or goes_on(stroke, pixels, box, frame)):
        return Cut(cut.ink, "ink_outside")
    if streaks and _meets(cut.ink, on_streaks(box, streaks, frame)):
        return Cut(cut.ink, "ink_outside")
    return cut


def _lies_along_frame(strokes: Mask, frame: Frame, params: CropParams) -> bool:
    """Whether all writing lies close along the box's sides: it may be a tick of a comb or a second frame, no 1."""
    inner = frame.inside(params.frame_rim * frame.side)
    return bool(cv2.countNonZero(strokes[inner]) < params.off_rim * cv2.countNonZero(strokes))


def _meets(ink: Ink, mask: Mask) -> bool:
    return bool((ink[cv2.dilate(mask, np.ones((3, 3), np.uint8)) > 0] > 96).any())


def _shown(seen: _Seen, page: _Page, params: CropParams) -> Boxes:
    """Give the boxes with what their page says of them."""
    usual = page.usual[seen.alike.rows]
    printed = form_print(seen.blank, seen.darkness, seen.frame, params)
    along = strokes_along(seen.lines, usual, page.uneven, seen.bands, seen.frame, params)
    return Boxes(seen.frame, seen.darkness, printed, seen.bands, usual, along)
