"""Turn a page upright, match it to its template, and know when it does not match.

The page's pixels stay as they were scanned; what is found is the map from template to scan. Corner marks give it where
the form has them, else the printed form itself: SIFT landmarks (Lowe 2004) make a first map that holds any turn, scale
and mild perspective, then small patches of the reference are searched around where that map puts them, which brings the
error from a few pixels to a fraction of one. The frame of the template's own boxes has the last word: a map under which
too little of it is found is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np

from formreader.align.frame import frame_score, is_blank, likeness, local_ink, shrunk
from formreader.align.landmarks import find_landmarks, map_between, refined, template_landmarks
from formreader.align.layout import map_by_layout
from formreader.align.marks import find_markers, maps_by_markers
from formreader.align.params import AlignParams, Homography
from formreader.align.perspective import rectifying
from formreader.errors import BlankPage, NoMatch
from formreader.template import Template
from formreader.values import AlignedPage, Grey, Match, Page

__all__ = ["AlignParams", "align", "align_to_picture", "find_markers", "straightened", "upright_picture"]


def align(page: Page, template: Template, params: AlignParams | None = None) -> AlignedPage:
    """Find where the template's form lies on a page.

    Parameters
    ----------
    page
        The scan in any of the four turns, skewed, shifted, scaled or in mild perspective.
    template
        With corner marks, a reference picture, or both.

    Returns
    -------
    AlignedPage
        Its ``match.score`` is the share of the template's printed frame found under the map, chance hits taken off.

    Raises
    ------
    BlankPage
        The page holds next to no ink.
    NoMatch
        No plausible map, or too little of the printed frame under the best one.
    """
    params = params or AlignParams()
    found = _best_map(page.pixels, template, params)
    if found is None or found[1].score < params.least_score:
        if is_blank(page.pixels, params):
            raise BlankPage(f"{page.ref}: the page is blank")
        raise NoMatch(
            f"{page.ref}: no page of the form '{template.name}' ({found[1].score if found else 0:.0%} of its printed "
            "frame found); sort it out, give it its own template, or scan it again flat and whole"
        )
    to_scan, match = found
    reference = None if template.reference_filled else template.reference
    return AlignedPage(page.ref, page.pixels, page.colour, to_scan, match, reference)


def straightened(page: Page, params: AlignParams | None = None) -> AlignedPage:
    """Take a page without a template: its own pixels are the form, skew (to 10 degrees) and perspective taken out.

    Raises
    ------
    BlankPage
        The page holds next to no ink.
    """
    params = params or AlignParams()
    if is_blank(page.pixels, params):
        raise BlankPage(f"{page.ref}: the page is blank")
    height, width = page.pixels.shape
    skew = skew_degrees(page.pixels)
    if abs(skew) < 0.25:  # boxes are found under that much skew; turning would only blur the page
        skew = 0.0
    turn = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), skew, 1.0)
    upright = rectifying(page.pixels, np.vstack([turn, [0.0, 0.0, 1.0]]))
    to_scan: Homography = np.linalg.inv(upright).astype(np.float64)
    return AlignedPage(page.ref, page.pixels, page.colour, to_scan, Match(1.0, "none"))


def skew_degrees(pixels: Grey, most: float = 10.0, working_px: int = 900) -> float:
    """Measure by how much a page is turned clockwise: at the right angle its rows of ink are sharpest (Postl 1986)."""
    small, _ = shrunk(pixels, working_px)
    ink = local_ink(small, contrast=12)
    height, width = ink.shape

    def sharpness(degrees: float) -> float:
        turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
        rows = cv2.warpAffine(ink, turn, (width, height), flags=cv2.INTER_NEAREST).sum(axis=1, dtype=np.float64)
        return float(np.square(np.diff(rows)).sum())

    coarse = max(np.arange(-most, most + 0.1, 0.5), key=sharpness)
    return float(max(np.arange(coarse - 0.4, coarse + 0.45, 0.1), key=sharpness))


def upright_picture(aligned: AlignedPage, width: int, height: int) -> Grey:
    """Draw a page in its template's place, at the template's resolution."""
    drawn: Grey = cv2.warpPerspective(
        aligned.pixels,
        aligned.to_scan,
        (width, height),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return drawn


def align_to_picture(page: Page, template: Template, params: AlignParams | None = None) -> AlignedPage:
    """Find where a reference picture lies on a page, before the form's boxes are known.

    Raises
    ------
    NoMatch
        The page does not show what the reference shows.
    """
    params = params or AlignParams()
    coarse = map_between(template_landmarks(template, params), find_landmarks(page.pixels, params), params)
    if coarse is None:
        raise NoMatch(f"{page.ref}: not the same form as the first scan; give scans of one form only")
    small, shrink = shrunk(page.pixels, params.frame_px)
    to_scan, _ = refined(small, shrink, template, coarse, params)
    return AlignedPage(page.ref, page.pixels, page.colour, to_scan, Match(1.0, "reference"))


Found = tuple[Homography, Match]


def _best_map(pixels: Grey, template: Template, params: AlignParams) -> Found | None:
    """Try the corner marks first, the printed form itself where they are missing or do not convince."""
    best: Found | None = None
    small, shrink = shrunk(pixels, params.frame_px)
    if template.markers is not None:
        for to_scan in maps_by_markers(small, shrink, template, template.markers):
            found = to_scan, Match(frame_score(small, shrink, template, to_scan, params), "markers")
            if template.reference is not None and found[1].score >= params.least_score:
                found = _checked(small, shrink, template, found, params)
            best = _better(best, found, small, shrink, template, params)
    if template.reference is not None and (best is None or best[1].score < params.least_score):
        for to_scan, enough in _maps_by_reference(pixels, small, shrink, template, params):
            found = _settled(small, shrink, template, to_scan, params)
            best = max((f for f in (best, found) if f is not None), key=lambda f: f[1].score)
            if best[1].score >= enough:
                break
    return best


def _settled(small: Grey, shrink: float, template: Template, to_scan: Homography, params: AlignParams) -> Found:
    """Move a map by whole boxes as long as more of the frame is found: a table looks alike one column on.

    Writing fills a grid's cells and hides what tells them apart, but beyond the outer columns there are no lines.
    """
    score = frame_score(small, shrink, template, to_scan, params)
    width, height = np.median([box[2:] for field in template.fields for box in field.boxes], axis=0)
    shifts = [(width, 0.0), (-width, 0.0), (0.0, height), (0.0, -height)]
    improved = True
    while improved and score < params.sure_score:
        improved = False
        for x, y in shifts:
            moved = to_scan @ np.array([[1.0, 0.0, x], [0.0, 1.0, y], [0.0, 0.0, 1.0]])
            better, _ = refined(small, shrink, template, moved, params)
            moved_score = frame_score(small, shrink, template, better, params)
            if moved_score > score + params.clearly:
                to_scan, score, improved = better, moved_score, True
    return _checked(small, shrink, template, (to_scan, Match(score, "reference")), params)


def _checked(small: Grey, shrink: float, template: Template, found: Found, params: AlignParams) -> Found:
    """Lower a map's score to the share of the reference's patches found, where these are too few for the same form.

    Two tables of one pitch have the same frame; what is printed round about tells them apart.
    """
    _, share = refined(small, shrink, template, found[0], params)
    least = params.least_print_filled if template.reference_filled else params.least_print
    return found if share >= least else (found[0], replace(found[1], score=min(found[1].score, share)))


def _maps_by_reference(
    pixels: Grey, small: Grey, shrink: float, template: Template, params: AlignParams
) -> Iterator[tuple[Homography, float]]:
    """Give the quick map, then the landmarks' map, each with the score from which on no further one is needed."""
    quick = map_by_layout(small, shrink, template, params)
    if quick is not None:
        yield quick, params.sure_score
    coarse = map_between(template_landmarks(template, params), find_landmarks(pixels, params), params)
    if coarse is not None:
        yield refined(small, shrink, template, coarse, params)[0], params.least_score


def _better(
    best: Found | None,
    found: Found,
    small: Grey,
    shrink: float,
    template: Template,
    params: AlignParams,
) -> Found:
    """Choose between two maps by their score; by the printed form where a symmetrical layout makes scores alike."""
    if best is None:
        return found
    if abs(best[1].score - found[1].score) > params.turns_apart or found[1].score < params.least_score:
        return max(best, found, key=lambda f: f[1].score)
    if template.reference is None:
        # Two turns fit alike and nothing else can tell them: neither is believed.
        return best[0], replace(best[1], score=0.0)
    return max(best, found, key=lambda f: likeness(small, shrink, template, f[0]))
