"""Turn a page upright, match it to its template, and know when it does not match.

The page's pixels stay as they were scanned; what is found is the map from template to scan. Corner marks give it where
the form has them, else the printed form itself: its layout as a whole for a flat scan, SIFT landmarks (Lowe 2004) for
any turn, scale and perspective. Small patches of the reference, searched around where that map puts them, bring the
error from a few pixels to a fraction of one and follow paper that curls. The form's own print has the last word: a map
is refused under which too little of it is found, or under which another form's print is.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from formreader.align.by_hand import align_by_hand, corners_seen
from formreader.align.choice import Choice, chosen_form
from formreader.align.fitting import Fit, Viewed
from formreader.align.frame import is_blank, local_ink, shrunk
from formreader.align.landmarks import find_landmarks, map_between, template_landmarks
from formreader.align.marks import find_markers
from formreader.align.params import AlignParams, Homography
from formreader.align.patches import bend_of, refined
from formreader.align.perspective import rectifying
from formreader.align.photographed import paper_in
from formreader.errors import BlankPage, NoMatch, TooPoor
from formreader.template import Template
from formreader.values import AlignedPage, Grey, Match, Page

__all__ = [
    "AlignParams",
    "align",
    "align_by_hand",
    "align_to_any",
    "align_to_picture",
    "corners_seen",
    "find_markers",
    "straightened",
    "upright_picture",
]


def align(page: Page, template: Template, params: AlignParams | None = None) -> AlignedPage:
    """Find where the template's form lies on a page.

    Parameters
    ----------
    page
        The scan in any of the four turns, skewed, shifted, scaled or in perspective; the paper may curl a little.
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
        No plausible map, too little of the printed frame under the best one, or print of another form.
    """
    return align_to_any(page, (template,), params)[0]


def align_to_any(
    page: Page, templates: Sequence[Template], params: AlignParams | None = None
) -> tuple[AlignedPage, Template]:
    """Find which of several forms a page shows, and where it lies.

    Raises
    ------
    BlankPage
        The page holds next to no ink.
    TooPoor
        It would pass for blank, but shows a form once its contrast is stretched.
    NoMatch
        It is none of the forms', or could be one as well as another.
    """
    params = params or AlignParams()
    choice = chosen_form(Viewed(page.pixels, params), templates, params)
    if choice.best is not None and choice.is_clear:
        template, fit = choice.best
        return _aligned(page, template, fit), template
    if not is_blank(page.pixels, params):
        raise _no_match(page, choice, templates)
    faint = chosen_form(Viewed(_stretched(page.pixels), params), templates, params).best
    if faint is None or faint[1].refusal:
        raise BlankPage(f"{page.ref}: the page is blank")
    raise TooPoor(
        f"{page.ref}: the page is too pale to be read, though the form '{faint[0].name}' can be made out; "
        "scan it again darker, without automatic brightness"
    )


def _stretched(pixels: Grey) -> Grey:
    """Draw a pale page with the darkest of its print black; smoothed, as noise is stretched too."""
    smooth = cv2.GaussianBlur(pixels, (0, 0), 1.0)
    dark, paper = np.percentile(smooth[::5, ::5], [0.5, 75])
    gain = 255.0 / max(paper - dark, 1.0)
    stretched: Grey = cv2.convertScaleAbs(cv2.min(smooth, float(paper)) - np.float32(dark), alpha=gain)
    return stretched


def _aligned(page: Page, template: Template, fit: Fit) -> AlignedPage:
    reference = None if template.reference_filled else template.reference
    match = Match(fit.score, fit.method)
    return AlignedPage(page.ref, page.pixels, page.colour, fit.to_scan, match, reference, fit.bend)


def _no_match(page: Page, choice: Choice, templates: Sequence[Template]) -> NoMatch:
    """Say why a page is none of the forms', and how near it came."""
    remedy = "sort it out, give it its own template, or scan it again flat and whole"
    if choice.best is None:
        which = f"the form '{templates[0].name}'" if len(templates) == 1 else "any form given"
        return NoMatch(f"{page.ref}: no page of {which} (0% of its printed frame found); {remedy}")
    template, fit = choice.best
    if choice.rival is not None:
        what = "read it with the right one's template alone"
        if template.form == choice.rival.form:
            what = "give its pages markers or QR codes of their own"
        return NoMatch(
            f"{page.ref}: could be of the form '{template.name}' or of '{choice.rival.name}' ({fit.score:.0%} of the "
            f"printed frame found); {what}",
            fit.score,
        )
    found = f"{fit.score:.0%} of its printed frame found, {fit.refusal}"
    if len(templates) == 1:
        return NoMatch(f"{page.ref}: no page of the form '{template.name}' ({found}); {remedy}", fit.score)
    return NoMatch(f"{page.ref}: no page of any form given, nearest '{template.name}' ({found}); {remedy}", fit.score)


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
    if (paper := paper_in(small)) is not None:  # a table's grain has rows too, and its edge has
        ink = ink * cv2.erode(paper, np.ones((9, 9), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=1)
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
    to_scan = refined(small, shrink, template, coarse, params)
    to_scan = coarse if to_scan is None else to_scan
    bend = bend_of(small, shrink, template, to_scan, params)
    return AlignedPage(page.ref, page.pixels, page.colour, to_scan, Match(1.0, "reference"), None, bend)
