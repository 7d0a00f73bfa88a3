"""Say of what was found in a box whether it marks the option."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np

from formreader.marks.params import MarkParams
from formreader.marks.strokes import Found
from formreader.marks.writing import Trust
from formreader.values import CLASSES, MARKED, Box, DigitReading

Verdict = Literal["marked", "blank", "unsure"]


def judged(
    found: Sequence[Found], trust: Sequence[Trust], is_noticed: Sequence[bool], has_blank: bool, params: MarkParams
) -> tuple[Verdict, ...]:
    """Judge all boxes of a page, by what its surest marks look like.

    Parameters
    ----------
    trust
        What is known of the print in each box.
    is_noticed
        Whether a mark that is missed leaves a field blank that must not be.
    has_blank
        Whether that is known of its surroundings too.
    """
    clear = [one.darkness for one in found if one.own > 2 * params.mark_mm2 and not one.passes]
    usual = float(np.quantile(clear, 0.7)) if clear else 0.0
    inks = [one.own + one.outside for one in found if one.own > params.mark_mm2 and not one.passes]
    most = params.much * float(np.quantile(inks, 0.8)) if len(inks) >= params.enough else np.inf
    full = [one.own > params.struck * one.area for one in found if one.own > params.mark_mm2]
    struck_out = params.overfilled if full and np.mean(full) > 0.5 else params.struck_out
    usual_doubt = params.doubt_mm2 if has_blank else params.bare_doubt_mm2
    least = [usual_doubt if noticed else params.missed_mm2 for noticed in is_noticed]
    strewn = params.strewn * float(np.quantile([one.beside for one in found], 0.8)) + params.mark_mm2
    is_thick = float(np.median([one.rim for one in found])) > params.thick
    return tuple(
        "unsure"
        if _is_odd(one, strewn, params, is_thick=is_thick)
        else _one(one, known, usual, most, struck_out, params) or _blank(one, has_blank, doubt, params)
        for one, known, doubt in zip(found, trust, least, strict=True)
    )


def _is_odd(found: Found, strewn: float, params: MarkParams, *, is_thick: bool) -> bool:
    """Say whether what lies in a box may be its frame, or the part of a scribble that is dark enough."""
    if found.own <= params.none_mm2:
        return False
    may_be_frame = found.core < params.none_mm2 and (is_thick or found.aside > params.aside)
    return may_be_frame or found.beside > max(found.own, strewn)


def hidden(
    found: Sequence[Found],
    trust: Sequence[Trust],
    verdicts: Sequence[Verdict],
    groups: Sequence[str],
    params: MarkParams,
) -> tuple[Verdict, ...]:
    """Judge anew the boxes of questions that must be answered and look blank: a mark on a letter or ring hides in it.

    The one box of such a question that is greyer than boxes are that look empty is unsure; its question is flagged
    anyway, and now with what was probably meant.

    Parameters
    ----------
    groups
        Which question a box belongs to; empty where it may have no answer, or several.
    """
    grey = np.array([one.grey for one in found])
    is_blank = np.array([verdict == "blank" for verdict in verdicts])
    if np.count_nonzero(is_blank) < params.alike:
        return tuple(verdicts)
    usual = float(np.median(grey[is_blank]))
    spread = max(float(np.median(np.abs(grey[is_blank] - usual))), 1e-6)
    anew = list(verdicts)
    members: dict[str, list[int]] = {}
    for row, group in enumerate(groups):
        members.setdefault(group, []).append(row)
    for rows in (rows for group, rows in members.items() if group and len(rows) > 1):
        first, second = sorted(rows, key=lambda row: -grey[row])[:2]
        stands_out = grey[first] > usual + params.hidden * spread and grey[first] > params.hidden_alone * grey[second]
        if is_blank[rows].all() and stands_out and all(trust[row] == "known" for row in rows):
            anew[first] = "unsure"
    return tuple(anew)


def _one(
    found: Found, trust: Trust, usual: float, most: float, most_struck: float, params: MarkParams
) -> Verdict | None:
    """Judge what looks like a mark; None for what does not."""
    if trust == "spoiled":
        return "unsure"
    if found.own < params.none_mm2:
        return None
    if found.own < (params.mark_mm2 if trust == "known" else params.struck * found.area):
        return "unsure"
    most_outside = params.tail if found.stands or found.aside < params.aside else params.half_outside
    if found.passes or found.is_beside or found.outside > most_outside * found.own:
        return "unsure"
    if found.darkness < params.pale * usual:
        return "unsure"
    if found.outside > most_struck * found.area and found.own > params.struck * found.area:
        return "unsure"
    return "unsure" if found.own + found.outside > most else "marked"


def _blank(found: Found, has_blank: bool, doubt_mm2: float, params: MarkParams) -> Verdict:
    """Judge what does not look like a mark."""
    traces = found.own + found.traces + (found.beside if has_blank else 0.0)
    return "unsure" if traces > doubt_mm2 or found.guest > params.beside_share else "blank"


def as_reading(box: Box, found: Found, verdict: Verdict, params: MarkParams) -> DigitReading:
    """Say what a box reads as, with the probability that this is right (logistic in the logarithm of its ink)."""
    marked = 1 / (1 + math.exp(-params.steep * math.log(max(found.own, 0.01) / params.middle_mm2)))
    nothing = np.zeros(len(CLASSES), np.float32)
    if verdict == "unsure":
        return DigitReading(box, MARKED if marked > 0.5 else None, params.unsurest, nothing, "unsure_mark")
    if verdict == "marked":
        return DigitReading(box, MARKED, min(marked, params.surest), nothing)
    return DigitReading(box, None, min(1 - marked, params.surest), nothing, "blank")
