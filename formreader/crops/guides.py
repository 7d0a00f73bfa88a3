"""What a form prints into its boxes, seen in the boxes themselves where there is no blank form to tell.

A printed guide (seven segments to write along, dots, a watermark's pattern) is the same in every box, writing is not:
what nearly all boxes of a size show at the same place, paler than the pen, is print.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from formreader.crops.stacks import Stack
from formreader.crops.upright import CropParams, Frame
from formreader.values import Grey


@dataclass(frozen=True, slots=True)
class GuideParams:
    """When boxes are enough, and alike enough, to tell what is printed in all of them."""

    least_boxes: int = 16
    most_boxes: int = 64  # more say nothing new
    alike: float = 0.1  # sides of boxes of one size differ by less
    shown_by: float = 0.9  # share of the boxes: writing over print makes it no paler
    paler: float = 0.7  # of the page's strokes: print as dark as the pen could be writing in one place everywhere,
    palest_writing: float = 0.6  # of the paper's brightness; nor is any guide as dark as this


def common_print(
    stacks: Sequence[Stack], frames: Sequence[Frame], params: CropParams, guides: GuideParams | None = None
) -> list[Grey | None]:
    """Find what boxes of one size show in common within their frames.

    Parameters
    ----------
    stacks
        Boxes drawn upright in their frames, a stack a frame: how dark they are, 0 to 255 of the paper's brightness.

    Returns
    -------
    list of Grey or None
        For each stack how dark the common print is in its pictures, 0 where nothing is printed; None where too few
        boxes are of its size.
    """
    guides = guides or GuideParams()
    found: list[Grey | None] = [None] * len(stacks)
    for rows in _of_one_size(frames, guides):
        pictures = [stacks[row][:, nth] for row in rows for nth in range(stacks[row].shape[1])]
        if len(pictures) < guides.least_boxes:
            continue
        some = pictures[:: -(-len(pictures) // guides.most_boxes)]
        common = _common(some, frames[rows[0]], params, guides)
        for row in rows:
            found[row] = cv2.resize(common, frames[row].size, interpolation=cv2.INTER_LINEAR)
    return found


def _of_one_size(frames: Sequence[Frame], guides: GuideParams) -> list[list[int]]:
    """Put frames together whose sides are alike."""
    groups: list[list[int]] = []
    for row, frame in enumerate(frames):
        home = (group for group in groups if _are_alike(frames[group[0]], frame, guides.alike))
        group = next(home, None)
        if group is None:
            groups.append([row])
        else:
            group.append(row)
    return groups


def _are_alike(one: Frame, other: Frame, share: float) -> bool:
    return abs(one.width - other.width) <= share * one.width and abs(one.height - other.height) <= share * one.height


def _common(pictures: Sequence[Grey], frame: Frame, params: CropParams, guides: GuideParams) -> Grey:
    """Say how dark what most boxes show is at each place inside one frame; 0 where it is as dark as strokes are."""
    wider = (cv2.dilate(picture, np.ones((3, 3), np.uint8)) for picture in pictures)  # boxes are placed to a pixel
    sized: list[Grey] = [cv2.resize(picture, frame.size, interpolation=cv2.INTER_LINEAR) for picture in wider]
    inside = frame.inside(params.guides_from * frame.side)
    darkness = np.sort(np.stack([picture[inside] for picture in sized]), axis=0)
    shown = darkness[int((1 - guides.shown_by) * (len(pictures) - 1))]
    strokes = float(np.percentile(darkness[-1], 75))
    common: Grey = np.zeros_like(sized[0])
    common[inside] = np.where(shown < min(guides.paler * strokes, guides.palest_writing * 255), shown, 0)
    return common
