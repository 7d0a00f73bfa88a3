"""Pages that show a form's words and nothing of its frame: scanners drop a colour out, faxes drop what is pale."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from formreader.align.frame import darkness, form_drawn, inked, working_scale
from formreader.align.params import AlignParams, EvidenceParams
from formreader.align.words import WordsFound, text_ink
from formreader.template import Field, Rectangle, Template
from formreader.values import Grey


def is_dropped_out(
    dark: Grey, words: WordsFound, template: Template, params: AlignParams, rules: EvidenceParams
) -> bool:
    """Whether a page on which the frame is not found is the form's own, its pale or coloured frame dropped out.

    The form's frame is much paler than its words, those are all there, and what is written stands in the boxes: where
    another form's boxes were, which dropped out as well, it would not.

    Parameters
    ----------
    dark
        How much darker than its surroundings each pixel of the page is, drawn in the form's place.
    """
    if template.reference is None or template.reference_filled or words.others or not template.digit_boxes:
        return False
    if len(words.likes) < rules.dropped_words or min(words.likes) < rules.same_word:
        return False
    printed, frame_darkness, words_darkness = _print_of(template, params, rules)
    if frame_darkness > rules.dropped_paler * words_darkness:
        return False
    written = (inked(dark, 12) > 0) & ~printed
    astray = _astray(written, template, working_scale(template, params)) > rules.astray
    return not astray.size or float(astray.mean()) <= rules.most_astray


@lru_cache(maxsize=32)
def _print_of(template: Template, params: AlignParams, rules: EvidenceParams) -> tuple[NDArray[np.bool_], float, float]:
    """Mark the form's words, and say how dark its boxes' lines and its words are, in grey levels."""
    scale, dark = working_scale(template, params), darkness(form_drawn(template, params))
    text = text_ink(template, params, rules)
    rim = max(1, round(0.4 * template.dpi * scale / 25.4))
    sides = []
    for left, top, right, bottom in (_edges(box, scale) for box in template.digit_boxes):
        outer = dark[max(0, top - rim) : bottom + rim, max(0, left - rim) : right + rim]
        sides += [outer[: 2 * rim].max(axis=0), outer[-2 * rim :].max(axis=0)]
        sides += [outer[:, : 2 * rim].max(axis=1), outer[:, -2 * rim :].max(axis=1)]
    grown = np.asarray(cv2.dilate(text, np.ones((2 * rim + 1, 2 * rim + 1), np.uint8)) > 0, np.bool_)
    of_words = dark[text > 0]
    words_darkness = float(np.percentile(of_words, 75)) if of_words.size else 0.0
    return grown, float(np.percentile(np.concatenate(sides), 75)), words_darkness


def _edges(box: Rectangle, scale: float) -> tuple[int, int, int, int]:
    """Give a box's left, top, right and bottom in working pixels."""
    x, y, width, height = box
    return round(x * scale), round(y * scale), round((x + width) * scale), round((y + height) * scale)


def _astray(written: NDArray[np.bool_], template: Template, scale: float) -> NDArray[np.float64]:
    """Which share of what is written in and about a field runs along its boxes' sides or lies beside them.

    Of each field that holds writing: some have a note or a correction beside them, those of another form nearly all.
    """
    inside = np.zeros_like(written)
    for left, top, right, bottom in (_edges(box, scale) for box in template.digit_boxes):
        inset, above = round(0.08 * (right - left)), round(0.25 * (bottom - top))
        inside[max(0, top - above) : bottom + above, left + inset : right - inset] = True
    least = (0.5 * template.dpi * scale / 25.4) ** 2  # less is dust
    shares = []
    for field in template.fields:
        if field.holds_digits:
            there = tuple(slice(max(0, first), last) for first, last in _around(field, scale))
            amount = int(np.count_nonzero(written[there]))
            if amount > least:
                shares.append(int(np.count_nonzero(written[there] & ~inside[there])) / amount)
    return np.array(shares)


def _around(field: Field, scale: float) -> tuple[tuple[int, int], tuple[int, int]]:
    """Give the rows and the columns of a field and of as much as a box's width beside it."""
    edges = np.array([_edges(box, scale) for box in field.boxes])
    (left, top), (right, bottom) = edges[:, :2].min(axis=0), edges[:, 2:].max(axis=0)
    wide, above = int((edges[:, 2] - edges[:, 0]).max()), int(0.25 * (bottom - top))
    return (int(top) - above, int(bottom) + above), (int(left) - wide, int(right) + wide)
