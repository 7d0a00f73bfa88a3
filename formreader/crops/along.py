"""Strokes that run along a printed line or within it: weigh the line's ink against what the line alone would have.

A stroke over a line makes it thicker or darker there, so that its ink, summed up across it, exceeds that of the rest of
the line, of the same line of other boxes, and of the blank. Only a pen thinner than the line can hide in it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from formreader.crops.bands import Bands
from formreader.crops.stacks import Stack, lower_medians
from formreader.crops.upright import CropParams, Frame, Mask
from formreader.values import Box

Profiles = tuple[NDArray[np.float32], ...]
"""For the top, bottom, left and right line of n boxes: its ink by place, (n, m), in full-dark pixels; NaN for none."""


def line_profiles(darkness: Stack, bands: Bands, frame: Frame, params: CropParams) -> Profiles:
    """Sum up the ink across each line of boxes, rims included, place by place."""
    rim = _rim(frame, params)
    rows, columns = frame.inside(params.corner * frame.side)
    profiles = []
    for nth, (start, stop) in enumerate(zip(bands.starts.T[:4], bands.stops.T[:4], strict=True)):
        lying = darkness[:, :, columns] if nth < 2 else darkness[rows].transpose(2, 1, 0)
        is_line = stop > start
        profile = np.full(lying.shape[1:], np.nan, np.float32)
        if is_line.any():
            first, last = max(0, int(start[is_line].min()) - rim), min(len(lying), int(stop.max()) + rim)
            at = np.arange(first, last)[:, None]
            is_in = ((at >= start - rim) & (at < stop + rim)).view(np.uint8)
            amounts = np.add.reduce(lying[first:last] * is_in[:, :, None], axis=0, dtype=np.uint32)
            profile[is_line] = amounts[is_line].astype(np.float32) / 255
        profiles.append(profile)
    return tuple(profiles)


def medians(profiles: Profiles) -> NDArray[np.float64]:
    """Give the usual ink of each line, (n, 4); NaN for none."""
    return np.stack([_ranked(profile, 0.5) for profile in profiles], axis=1).astype(np.float64)


def _ranked(profile: NDArray[np.float32], share: float) -> NDArray[np.float32]:
    """Give a quantile of each row as one of its values; a row has NaN throughout or nowhere."""
    if not profile.shape[1]:
        return np.full(len(profile), np.nan, np.float32)
    rank = int(share * (profile.shape[1] - 1))
    return np.asarray(np.partition(profile, rank, axis=1)[:, rank], np.float32)


def usual_amounts(
    boxes: Sequence[Box], own: NDArray[np.float64], blank: NDArray[np.float64], has_blank: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Say how much ink each line of a page's boxes has by itself, (n, 4); NaN where nothing tells.

    The blank tells where there is one, by the page's own tone; else the other boxes of the field, and those at the same
    place in other fields, for a table's outer line is thicker; else the box's other lines.

    Parameters
    ----------
    own, blank
        (n, 4), each line's usual ink on the page and on the blank.
    """
    tone = lower_medians(own / np.where(blank > 0, blank, np.nan))
    usual = blank * tone[:, None]
    if not has_blank.all():
        counts = Counter(box.field for box in boxes)
        by_field = _group_medians(own, [box.field for box in boxes])
        by_place = _group_medians(own, [(box.position, counts[box.field]) for box in boxes])
        usual = np.where(has_blank[:, None], usual, np.fmax(by_field, by_place))
    return np.where(np.isnan(usual), lower_medians(own)[:, None], usual)


def _group_medians(own: NDArray[np.float64], keys: Sequence[Hashable], least: int = 3) -> NDArray[np.float64]:
    """Give each row the median of its group's rows; NaN for groups of fewer than `least`."""
    medians = np.full_like(own, np.nan)
    rows_of: dict[Hashable, list[int]] = {}
    for row, key in enumerate(keys):
        rows_of.setdefault(key, []).append(row)
    for rows in rows_of.values():
        if len(rows) >= least:
            medians[rows] = lower_medians(own[rows].T)
    return medians


def levelled(profiles: Profiles, blank: Profiles | None) -> Profiles:
    """Take off what lines have more of in places by their print: a round corner has more ink in it than its line."""
    if blank is None:
        return profiles
    return tuple(_levelled(own, its_blank) for own, its_blank in zip(profiles, blank, strict=True))


def _levelled(profile: NDArray[np.float32], blank: NDArray[np.float32]) -> NDArray[np.float32]:
    more = np.maximum(blank - _ranked(blank, 0.5)[:, None], 0)
    return np.asarray(profile - np.nan_to_num(more), np.float32)


def unevenness(profiles: Sequence[Profiles], own: NDArray[np.float64], usual: NDArray[np.float64]) -> float:
    """Say how much more ink lines have by themselves, in places and as a whole, than is usual: a fax draws in steps."""
    spread = [_ranked(side, 0.85) - _ranked(side, 0.5) for some in profiles for side in some]
    within = np.concatenate(spread) if spread else np.zeros(0, np.float32)
    within, between = within[~np.isnan(within)], (own - usual)[~np.isnan(own - usual)]
    if not within.size or not between.size:
        return 0.0
    # Few boxes have a stroke along a line: most of what varies varies by itself.
    return max(float(np.quantile(within, 0.65)), float(np.quantile(between, 0.85)))


@dataclass(frozen=True, slots=True, eq=False)
class Along:
    """Where a box's lines have more ink than their own over more than a stroke's width.

    Attributes
    ----------
    mask
        Of lines and rims there.
    longest
        The longest stretch, in pixels.
    strongest
        How many times the line's own ink the strongest has.
    """

    mask: Mask
    longest: float
    strongest: float


def strokes_along(
    profiles: Profiles, usual: NDArray[np.float64], uneven: float, bands: Bands, frame: Frame, params: CropParams
) -> dict[int, Along]:
    """Find the boxes, among n, in which a stroke may lie along a line.

    Parameters
    ----------
    usual
        (n, 4), the ink of each line by itself.
    """
    window = max(3, round(params.crossing * frame.side)) | 1
    slack = params.over_line_px + params.unevenly * uneven
    found: dict[int, Along] = {}
    for side, (profile, own) in enumerate(zip(profiles, usual.T, strict=True)):
        base = np.maximum(np.fmin(_ranked(profile, 0.5).astype(np.float64), own), 0.1)
        is_known = ~np.isnan(profile).any(axis=1) & ~np.isnan(own)
        if not profile.size or not is_known.any():
            continue
        least = np.where(is_known, params.over_line * base + slack, np.inf).astype(np.float32)
        smooth = cv2.blur(np.nan_to_num(profile), (3, 1), borderType=cv2.BORDER_REPLICATE)
        over = (smooth > least[:, None]).astype(np.uint8)
        # Short excess is a stroke that crosses.
        long = cv2.morphologyEx(over, cv2.MORPH_OPEN, np.ones((1, window), np.uint8), borderValue=0) > 0
        for nth in np.flatnonzero(long.any(axis=1)).tolist():
            edges = np.flatnonzero(np.diff(np.concatenate([[0], long[nth].astype(np.int8), [0]])))
            strength = float(np.median(smooth[nth, long[nth]]) - slack) / float(base[nth])
            before = found.get(nth, Along(np.zeros(frame.size[::-1], np.uint8), 0.0, 0.0))
            _mark_along(before.mask, long[nth], (bands.starts[nth, side], bands.stops[nth, side]), side, frame, params)
            longest = max(before.longest, float(np.max(edges[1::2] - edges[::2])))
            found[nth] = Along(before.mask, longest, max(before.strongest, strength))
    return found


def _mark_along(
    mask: Mask, long: NDArray[np.bool_], line: tuple[int, int], side: int, frame: Frame, params: CropParams
) -> None:
    rim = _rim(frame, params)
    rows, columns = frame.inside(params.corner * frame.side)
    band = slice(max(0, line[0] - rim), line[1] + rim)
    if side < 2:
        mask[band, columns][:, long] = 255
    else:
        mask[rows, band][long] = 255


def _rim(frame: Frame, params: CropParams) -> int:
    return max(2, round(params.line_rim * frame.side))


def hidden_by(
    writing: Stack,
    strokes: NDArray[np.float64],
    usual: NDArray[np.float64],
    bands: Bands,
    frame: Frame,
    params: CropParams,
) -> dict[int, Mask]:
    """Mark the parts of lines that may hide strokes: ink reaches a line at two places and could go on within it.

    The side of a 0 that runs within the line is lost with it; what is left looks like another digit. Nothing can be
    hidden where the pen is thicker than the line.

    Parameters
    ----------
    strokes
        (n,), how dark each box's strokes are.
    """
    box_rows, box_columns = frame.inside(0)
    hidden: dict[int, Mask] = {}
    least = np.full(len(strokes), np.inf)
    for side in range(4):
        lying = writing[:, :, box_columns] if side < 2 else writing[box_rows].transpose(2, 1, 0)
        first, last = _ends(lying, bands.starts[:, side], bands.stops[:, side], side % 2 == 1, frame, params)
        for nth in np.flatnonzero(last - first >= max(1.0, params.hidden * frame.side)).tolist():
            mask = hidden.setdefault(nth, np.zeros(frame.size[::-1], np.uint8))
            drawn = mask[:, box_columns] if side < 2 else mask[box_rows].T
            drawn[bands.starts[nth, side] : bands.stops[nth, side], first[nth] : last[nth] + 1] = 255
            least[nth] = min(least[nth], params.hides * float(usual[nth, side]))
    return {nth: mask for nth, mask in hidden.items() if _pen_px(writing[:, nth]) * strokes[nth] / 255 <= least[nth]}


def _ends(
    lying: Stack, start: NDArray[np.int64], stop: NDArray[np.int64], is_after: bool, frame: Frame, params: CropParams
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Give for a line of each box the first and the last place where ink beside it does not go on in it; 0, 0 for none.

    `lying` is (across the line, n, along it); the inside of the box is after the line, or before it.
    """
    slack = 2 + round(params.print_slack * frame.side)
    is_line = stop > start
    nothing = np.zeros(len(start), np.int64)
    if not is_line.any() or not lying.size:
        return nothing, nothing
    top = max(0, int(start[is_line].min()) - slack)
    at = np.arange(top, min(len(lying), int(stop.max()) + slack))[:, None]
    in_line = (at >= start) & (at < stop)
    beside = ((at >= start - slack) & (at < start) if is_after else (at >= stop) & (at < stop + slack)) & is_line
    near = lying[top : top + len(at)]
    goes_on = cv2.dilate((near * in_line.view(np.uint8)[:, :, None]).max(axis=0), np.ones((1, 5), np.uint8))
    ends = ((near * beside.view(np.uint8)[:, :, None]).max(axis=0) > 0) & (goes_on == 0)
    has_ends = ends.any(axis=1)
    first = np.where(has_ends, ends.argmax(axis=1), 0)
    return first, np.where(has_ends, ends.shape[1] - 1 - ends[:, ::-1].argmax(axis=1), 0)


def _pen_px(writing: Mask) -> float:
    """How thick the stroke is: twice the distance from its middle to its edge, which half of its middle exceeds."""
    depth = cv2.distanceTransform(writing, cv2.DIST_L2, 3)
    middle = depth[(depth >= cv2.dilate(depth, np.ones((3, 3), np.uint8))) & (depth > 0)]
    return 2 * float(np.median(middle)) - 0.5 if middle.size else 0.0
