"""The evidence for a map: the template's printed frame and words under it, and print that belongs to another form."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from formreader.align.dropped import is_dropped_out
from formreader.align.frame import darkness, on_bent_form, scaling, working_scale
from formreader.align.outline import frame_found
from formreader.align.params import AlignParams, EvidenceParams, Homography
from formreader.align.words import words_found
from formreader.template import Template
from formreader.values import Bend, Grey


@dataclass(frozen=True, slots=True)
class Evidence:
    """What lies under a map.

    Attributes
    ----------
    frame
        Share of the template's printed frame that is found, chance hits taken off: 1 where every line is found, about
        0 for a page of another form.
    boxes, absent
        How many boxes the form has that it is matched by, and how many of those in the picture have no frame there.
    moved
        Fields of which one side of all boxes is not there.
    foreign
        Sides of boxes found where the form has none.
    taller
        By which share most boxes are taller than the form's, the map's own stretch taken off.
    words
        Share of the form's words in the picture that are found; 1 for a form without reference.
    others
        Words in whose place other print stands.
    likes
        How like each word in the picture its place is, -1 to 1.
    dropped_out
        No frame is found as a scanner or a fax has dropped it out; boxes are then not looked for.
    """

    frame: float
    boxes: int
    absent: int
    moved: int
    foreign: int
    taller: float
    words: float
    others: int
    likes: tuple[float, ...]
    dropped_out: bool = False


def evidence(
    small: Grey,
    shrink: float,
    template: Template,
    to_scan: Homography,
    bend: Bend | None,
    params: AlignParams,
    rules: EvidenceParams,
) -> Evidence:
    """Look for the template's frame and words on a page, shrunk by `shrink`, under a map."""
    scale = working_scale(template, params)
    page = on_bent_form(small, shrink, template, to_scan, bend, scale)
    seen = partial(_seen, small.shape, scaling(shrink) @ to_scan @ scaling(1 / scale))
    dark = darkness(page)
    frame = frame_found(dark, seen, template, params, rules)
    words = words_found(page, dark, seen, template, params, rules)
    share = float(np.mean(np.array(words.likes) >= rules.same_word)) if words.likes else 1.0
    boxes = len(template.framed_boxes)
    if frame.share < rules.no_frame and is_dropped_out(dark, words, template, params, rules):
        return Evidence(frame.share, boxes, 0, 0, 0, 0.0, share, words.others, words.likes, dropped_out=True)
    frame_evidence = (frame.share, boxes, frame.absent, frame.moved, frame.foreign, frame.taller)
    return Evidence(*frame_evidence, share, words.others, words.likes)


def _seen(shape: tuple[int, ...], to_picture: Homography, points: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Say of places on the form, (..., 2), whether a picture of this shape shows them."""
    places = cv2.perspectiveTransform(points.reshape(1, -1, 2).astype(np.float64), to_picture).reshape(points.shape)
    return np.asarray(((places >= 0) & (places <= np.array(shape[1::-1]) - 1)).all(axis=-1), np.bool_)


def is_plain(found: Evidence, rules: EvidenceParams) -> bool:
    """Whether so much speaks for a page that is not refused that no closer look could say otherwise."""
    return (
        found.frame >= rules.plain_frame
        and not found.absent
        and not found.moved
        and not found.foreign
        and not found.others
        and min(found.likes, default=0.0) >= rules.plain_word
    )


def refusal(found: Evidence, template: Template, params: AlignParams, rules: EvidenceParams) -> str:
    """Say what speaks against a page being one of the template's form; nothing where it is."""
    filled = template.reference_filled
    least_words = rules.least_words_filled if filled else rules.least_words
    most_others = rules.most_others_filled if filled else rules.most_others
    if found.frame < params.least_score and not found.dropped_out:
        return "too little"
    if found.absent > (0 if found.frame > rules.well_seen else rules.most_absent * found.boxes):
        return "a box missing" if found.absent == 1 else f"{found.absent} boxes missing"
    if found.moved:
        return "a row moved" if found.moved == 1 else f"{found.moved} rows moved"
    if found.foreign:
        return "boxes that it does not have"
    if abs(found.taller) > rules.most_taller:
        return "rows spread otherwise"
    if found.words < least_words:
        return f"only {found.words:.0%} of its words"
    if found.others > (0 if found.frame > rules.well_seen and not filled else most_others * len(found.likes)):
        return "another word" if found.others == 1 else f"other words in {found.others} places"
    return ""
