"""A page matched by the four corners that a person shows: made exact where the reference allows it, and judged."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from formreader.align.choice import chosen_form
from formreader.align.fitting import Fit, Viewed, judged
from formreader.align.frame import likeness
from formreader.align.params import AlignParams, Homography
from formreader.align.patches import bend_of, refined
from formreader.template import Template
from formreader.values import AlignedPage, Match, Page, Points


@dataclass(frozen=True, slots=True)
class HandParams:
    """How exact a person's corners are taken to be."""

    coarse_search_px: int = 28  # at half the working size, 9 mm on A4: a hand on a small picture is no better
    rounds: int = 2  # of making exact at each size
    least_side: float = 0.05  # of the page's long side: corners nearer to each other show no form


def align_by_hand(
    page: Page, template: Template, corners: Points, params: AlignParams | None = None
) -> tuple[AlignedPage, str]:
    """Lay a form on a page by its corners; what the print then says holds as for any match.

    Parameters
    ----------
    corners
        (4, 2) scan pixels: where the reference picture's top left, top right, bottom right and bottom left corner lie;
        they may lie outside the scan.

    Returns
    -------
    tuple
        The page under the best of the maps found, the person's own where making it exact makes it worse, and why
        reading by itself would refuse it, in words; empty where it would not.

    Raises
    ------
    ValueError
        The corners make no form that lies face up.
    """
    params = params or AlignParams()
    by_corners = _map_of(page, template, corners, HandParams())
    viewed = Viewed(page.pixels, params)
    fits = [judged(viewed.small, template, by_corners, None, "hand", params)]
    if template.reference is not None:
        fits += _exact_fits(viewed, template, by_corners, params, HandParams())
        fits = [_ranked(viewed, template, fit) for fit in fits]
    best = max(fits, key=lambda fit: (not fit.refusal, fit.rank))
    match = Match(min(max(best.score, 0.0), 1.0), "hand")
    reference = None if template.reference_filled else template.reference
    return AlignedPage(page.ref, page.pixels, page.colour, best.to_scan, match, reference, best.bend), best.refusal


def corners_seen(page: Page, template: Template, params: AlignParams | None = None) -> Points | None:
    """Give where a form's corners would lie under the best map there is, be it refused; None where there is none.

    Returns
    -------
    (4, 2) scan pixels, in the order of `align_by_hand`.
    """
    params = params or AlignParams()
    best = chosen_form(Viewed(page.pixels, params), (template,), params).best
    if best is None:
        return None
    corners: Points = cv2.perspectiveTransform(_corners_of(template)[None].astype(np.float64), best[1].to_scan)[0]
    return corners


def _corners_of(template: Template) -> NDArray[np.float32]:
    width, height = template.width, template.height
    return np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32) - np.float32(0.5)


def _map_of(page: Page, template: Template, corners: Points, rules: HandParams) -> Homography:
    """Give the map of a form's corners to those shown."""
    placed = np.asarray(corners, np.float32).reshape(4, 2)
    sides = np.roll(placed, -1, axis=0) - placed
    turns = sides[:, 0] * np.roll(sides[:, 1], -1) - sides[:, 1] * np.roll(sides[:, 0], -1)
    least = rules.least_side * max(page.pixels.shape)
    if not np.isfinite(placed).all() or np.hypot(*sides.T).min() < least or turns.min() <= 0:
        raise ValueError("the four corners make no form that lies face up")
    return np.asarray(cv2.getPerspectiveTransform(_corners_of(template), placed), np.float64)


def _exact_fits(
    viewed: Viewed, template: Template, to_scan: Homography, params: AlignParams, rules: HandParams
) -> list[Fit]:
    """Make a map exact in steps, from a wide search in a small picture to a narrow one; judge each with its bend."""
    fits: list[Fit] = []
    wide = replace(params.halved(), search_px=rules.coarse_search_px)
    steps = [(viewed.smaller, wide)] * rules.rounds + [(viewed.small, params)] * rules.rounds
    for view, how in steps:
        better = refined(*view, template, to_scan, how, by_all=True)
        if better is None:
            continue
        to_scan = better
        if how is params:
            bend = bend_of(*view, template, to_scan, params)
            bends = (None,) if bend is None else (None, bend)
            fits += [judged(view, template, to_scan, bent, "hand", params) for bent in bends]
    return fits


def _ranked(viewed: Viewed, template: Template, fit: Fit) -> Fit:
    """Weigh words and likeness in, as between the turns of a symmetrical form."""
    return replace(fit, rank=fit.rank + fit.evidence.words + 0.5 * likeness(*viewed.small, template, fit.to_scan))
