"""Strokes that run along a printed line or within it: weigh the line's ink against what the line alone would have.

A stroke over a line makes it thicker or darker there, so that its ink, summed up across it, exceeds that of the rest of
the line, of the same line of other boxes, and of the blank. Only a pen thinner than the line can hide in it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from formreader.crops.printed import Bands
from formreader.crops.upright import CropParams, Frame, Mask
from formreader.values import Box, Grey

Profiles = tuple[NDArray[np.float32], ...]
"""For the top, bottom, left and right line: its ink place by place, in full-dark pixels; empty for none."""


def line_profiles(darkness: Grey, bands: Bands, frame: Frame, params: CropParams) -> Profiles:
    """Sum up the ink across each line of a box, rims included, place by place."""
    rim = _rim(frame, params)
    rows, columns = frame.inside(params.corner * frame.side)
    profiles = []
    for nth, (start, stop) in enumerate((*bands.rows, *bands.columns)):
        if stop == start:
            profiles.append(np.zeros(0, np.float32))
            continue
        band = slice(max(0, start - rim), stop + rim)
        strip = darkness[band, columns] if nth < 2 else darkness[rows, band].T
        profiles.append(np.asarray(strip.sum(axis=0, dtype=np.float32) / 255, np.float32))
    return tuple(profiles)


def usual_amounts(
    boxes: Sequence[Box], profiles: Sequence[Profiles], blanks: Sequence[Profiles | None]
) -> NDArray[np.float64]:
    """Say how much ink each line of a page's boxes has by itself, (n, 4); NaN where nothing tells.

    The blank tells where there is one, by the page's own tone; else the other boxes of the field, and those at the same
    place in other fields, for a table's outer line is thicker; else the box's other lines.
    """
    own = np.array([[_ranked(side, 0.5) for side in box] for box in profiles]).reshape(-1, 4)
    counts = Counter(box.field for box in boxes)
    by_field = _group_medians(own, [box.field for box in boxes])
    by_place = _group_medians(own, [(box.position, counts[box.field]) for box in boxes])
    usual = np.fmax(by_field, by_place)
    for nth, blank in enumerate(blanks):
        if blank is not None:
            drawn = np.array([_ranked(side, 0.5) for side in blank])
            tone = own[nth] / np.where(drawn > 0, drawn, np.nan)
            usual[nth] = drawn * _nanmedian(tone)
    alone = np.array([[_nanmedian(box)] for box in own]).reshape(-1, 1)
    return np.where(np.isnan(usual), alone, usual)


def _group_medians(own: NDArray[np.float64], keys: Sequence[Hashable], least: int = 3) -> NDArray[np.float64]:
    """Give each row the median of its group's rows; NaN for groups of fewer than `least`."""
    medians = np.full_like(own, np.nan)
    rows_of: dict[Hashable, list[int]] = {}
    for row, key in enumerate(keys):
        rows_of.setdefault(key, []).append(row)
    for rows in rows_of.values():
        if len(rows) >= least:
            medians[rows] = [_nanmedian(side) for side in own[rows].T]
    return medians


def _ranked(profile: NDArray[np.floating], share: float) -> float:
    """Give a quantile as one of the values, ten times as fast as `numpy.quantile`; NaN where there are none."""
    if not profile.size:
        return float("nan")
    rank = int(share * (profile.size - 1))
    return float(np.partition(profile, rank)[rank])


def _nanmedian(amounts: NDArray[np.float64]) -> float:
    return _ranked(amounts[~np.isnan(amounts)], 0.5)


def unevenness(profiles: Sequence[Profiles], usual: NDArray[np.float64]) -> float:
    """Say how much more ink lines have by themselves, in places and as a whole, than is usual: a fax draws in steps."""
    within = [_ranked(side, 0.85) - _ranked(side, 0.5) for box in profiles for side in box if side.size]
    excess = np.array([[_ranked(side, 0.5) for side in box] for box in profiles]).reshape(-1, 4) - usual
    between = excess[~np.isnan(excess)]
    if not within or not between.size:
        return 0.0
    # Few boxes have a stroke along a line: most of what varies varies by itself.
    return max(float(np.quantile(within, 0.65)), float(np.quantile(between, 0.85)))


def stretches(
    profiles: Profiles, usual: NDArray[np.float64], uneven: float, bands: Bands, frame: Frame, params: CropParams
) -> tuple[Mask, float, float]:
    """Mark where lines have more ink than their own over more than a stroke's width.

    Returns
    -------
    tuple
        The mask of lines and rims there, the longest stretch in pixels, and how many times the line's own ink the
        strongest has.
    """
    mask = np.zeros(frame.size[::-1], np.uint8)
    rim = _rim(frame, params)
    rows, columns = frame.inside(params.corner * frame.side)
    window = max(3, round(params.crossing * frame.side)) | 1
    longest, strongest = 0.0, 0.0
    for nth, (profile, (start, stop)) in enumerate(zip(profiles, (*bands.rows, *bands.columns), strict=True)):
        if not profile.size or np.isnan(usual[nth]):
            continue
        base = max(min(_ranked(profile, 0.5), float(usual[nth])), 0.1)
        smooth = cv2.blur(profile[None], (3, 1), borderType=cv2.BORDER_REPLICATE)[0]
        slack = params.over_line_px + params.unevenly * uneven
        over = (smooth > params.over_line * base + slack).astype(np.uint8)[None]
        # Short excess is a stroke that crosses.
        long = cv2.morphologyEx(over, cv2.MORPH_OPEN, np.ones((1, window), np.uint8), borderValue=0)[0] > 0
        if not long.any():
            continue
        edges = np.flatnonzero(np.diff(np.concatenate([[0], long.astype(np.int8), [0]])))
        longest = max(longest, float(np.max(edges[1::2] - edges[::2])))
        strongest = max(strongest, float(np.median(smooth[long]) - slack) / base)
        band = slice(max(0, start - rim), stop + rim)
        if nth < 2:
            mask[band, columns][:, long] = 255
        else:
            mask[rows, band][long] = 255
    return mask, longest, strongest


def _rim(frame: Frame, params: CropParams) -> int:
    return max(2, round(params.line_rim * frame.side))


def hidden_by(
    writing: Mask, stroke: float, usual: NDArray[np.float64], bands: Bands, frame: Frame, params: CropParams
) -> Mask | None:
    """Mark the part of a line that may hide a stroke: ink reaches it at two places and could go on within it.

    The side of a 0 that runs within the line is lost with it; what is left looks like another digit. None where nothing
    can be hidden, as the pen is thicker than the line.
    """
    slack = 2 + round(params.print_slack * frame.side)
    box_rows, box_columns = frame.inside(0)
    hidden = np.zeros_like(writing)
    least = np.inf
    for nth, (start, stop) in enumerate((*bands.rows, *bands.columns)):
        if stop == start:
            continue
        lying = writing[:, box_columns] if nth < 2 else writing[box_rows].T
        beside = lying[max(0, start - slack) : start] if nth % 2 else lying[stop : stop + slack]
        ends = _ends(lying[start:stop], beside)
        if ends.size and float(np.ptp(ends)) >= params.hidden * frame.side:
            part = slice(int(ends[0]), int(ends[-1]) + 1)
            drawn = hidden[:, box_columns] if nth < 2 else hidden[box_rows].T
            drawn[start:stop, part] = 255
            least = min(least, params.hides * float(usual[nth]))
    can_hide = least < np.inf and _pen_px(writing) * stroke / 255 <= least
    return hidden if can_hide else None


def _ends(line: Mask, beside: Mask) -> NDArray[np.int64]:
    """Give the places where ink beside a line does not go on in it."""
    goes_on = cv2.dilate(line.max(axis=0, keepdims=True), np.ones((1, 5), np.uint8))[0]
    return np.flatnonzero((beside.max(axis=0, initial=0) > 0) & (goes_on == 0))


def _pen_px(writing: Mask) -> float:
    """How thick the stroke is: twice the distance from its middle to its edge, which half of its middle exceeds."""
    depth = cv2.distanceTransform(writing, cv2.DIST_L2, 3)
    middle = depth[(depth >= cv2.dilate(depth, np.ones((3, 3), np.uint8))) & (depth > 0)]
    return 2 * float(np.median(middle)) - 0.5 if middle.size else 0.0
