"""The best map of a template onto a page: candidates in the order of what they cost, each made exact and judged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import cv2
import numpy as np

from formreader.align.evidence import Evidence, evidence, is_plain, refusal
from formreader.align.frame import halved, likeness, shrunk
from formreader.align.landmarks import Landmarks, find_landmarks, is_paper, map_between, template_landmarks
from formreader.align.layout import map_by_layout
from formreader.align.marks import maps_by_markers
from formreader.align.paper import stretches, unlike_paper
from formreader.align.params import AlignParams, EvidenceParams, Homography
from formreader.align.patches import bend_of, refined, refined_and_bent
from formreader.template import Template
from formreader.values import Bend, Grey

Shrunk = tuple[Grey, float]
"""A page shrunk, and the factor."""

Method = Literal["markers", "reference", "hand"]


class Viewed:
    """A page at working size, and what is worth finding on it once for all templates."""

    def __init__(self, pixels: Grey, params: AlignParams) -> None:
        self.pixels = pixels
        self._params = params
        self._layouts: dict[Template, tuple[Homography | None, float]] = {}

    @cached_property
    def small(self) -> Shrunk:
        """The page at working size."""
        return shrunk(self.pixels, self._params.frame_px)

    @cached_property
    def smaller(self) -> Shrunk:
        """The page at about half the working size, where it is much larger."""
        return halved(self.pixels, self._params.halved().frame_px)

    @cached_property
    def landmarks(self) -> Landmarks:
        """The page's landmarks, in its own pixels."""
        return find_landmarks(self.pixels, self._params)

    @cached_property
    def smallest(self) -> Shrunk:
        """The page at about a quarter of the working size, where it is much larger."""
        pixels, factor = self.smaller
        smallest, further = halved(pixels, self._params.halved().halved().frame_px)
        return smallest, factor * further

    @cached_property
    def _coarse(self) -> Shrunk:
        pixels, factor = self.smallest
        coarse, further = shrunk(pixels, self._params.coarse_px)
        return coarse, factor * further

    def layout(self, template: Template) -> tuple[Homography | None, float]:
        """Give the map under which a template's layout is seen, None for none, and how like it is, -1 to 1."""
        if template not in self._layouts:
            self._layouts[template] = map_by_layout(self._coarse, template, self._params)
        return self._layouts[template]


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """A template laid on a page.

    Attributes
    ----------
    rank
        By which fits of one template are compared: two turns of a symmetrical form differ in their words.
    refusal
        Why the page is none of the form's, in words; empty for one that is.
    """

    to_scan: Homography
    bend: Bend | None
    method: Method
    evidence: Evidence
    rank: float
    refusal: str

    @property
    def score(self) -> float:
        """Share of the template's printed frame found, chance hits taken off."""
        return self.evidence.frame


def best_fit(viewed: Viewed, template: Template, params: AlignParams, *, closely: bool = False) -> Fit | None:
    """Lay a template on a page as well as it goes; None where there is no map to try.

    Parameters
    ----------
    closely
        Look at working size even where half of it shows plainly that the page is of the template's form.
    """
    if template.reference is None:
        return _best_by_marks(viewed, template, params)
    best = None if closely else _plain_fit(viewed, template, params)
    if best is not None:
        return best
    for method, to_scan, rounds in _candidates(viewed, template, params):
        fit = _fitted(viewed.small, template, to_scan, method, rounds, params)
        if fit is not None and (best is None or fit.rank > best.rank):
            best = fit
        if best is not None and not best.refusal:
            break
    return best


def _plain_fit(viewed: Viewed, template: Template, params: AlignParams) -> Fit | None:
    """Lay a template on a flat scan, at half the working size; None where that leaves the least doubt."""
    rules, half = EvidenceParams(), params.halved()
    to_scan, likeness_seen = viewed.layout(template)
    if to_scan is None or likeness_seen < params.glanced_likeness:
        return None
    for _ in range(2):
        to_scan = refined(*viewed.smallest, template, to_scan, half.halved(), by_all=True)
        if to_scan is None:
            return None
    laid = refined_and_bent(*viewed.smaller, template, to_scan, half)
    if laid is None:
        return None
    fit = judged(viewed.smaller, template, *laid, "reference", half)
    if fit.refusal or not is_plain(fit.evidence, rules):
        return None
    along, uneven = stretches(fit.to_scan, fit.bend, template, half)
    return fit if max(abs(np.log(along)), uneven) <= rules.plain_strain else None


def _candidates(viewed: Viewed, template: Template, params: AlignParams) -> Iterator[tuple[Method, Homography, int]]:
    """Give maps to try, the cheap ones first, and in how many rounds each is to be made exact."""
    if template.markers is not None:
        marked = list(maps_by_markers(*viewed.small, template, template.markers))
        marked.sort(key=lambda to_scan: -likeness(*viewed.small, template, to_scan))
        yield from (("markers", to_scan, 1) for to_scan in marked[: params.marked_tries])
    quick, likeness_seen = viewed.layout(template)
    if quick is not None and likeness_seen >= params.coarse_likeness:
        yield "reference", quick, 2
    coarse = map_between(template_landmarks(template, params), viewed.landmarks, params)
    if coarse is not None:
        yield "reference", coarse, 1


def _best_by_marks(viewed: Viewed, template: Template, params: AlignParams) -> Fit | None:
    """Lay a template without reference on a page by its marks, all four or else three."""
    if template.markers is None:
        return None
    best: Fit | None = None
    for incomplete in (False, True):
        maps = maps_by_markers(*viewed.small, template, template.markers, incomplete=incomplete)
        fits = [judged(viewed.small, template, to_scan, None, "markers", params) for to_scan in maps]
        fits.sort(key=lambda fit: -fit.rank)
        best = max(filter(None, (best, *fits[:1])), key=lambda fit: fit.rank, default=None)
        if best is None or best.refusal:
            continue
        apart = [fit for fit in fits[1:] if _are_apart(best.to_scan, fit.to_scan, template)]
        if apart and best.rank - apart[0].rank < params.turns_apart:
            # Two turns fit alike and nothing else can tell them: neither is believed.
            return replace(best, refusal="the same in two ways round")
        break
    return best


def _are_apart(one: Homography, other: Homography, template: Template) -> bool:
    """Whether two maps put a form's corners in different places."""
    corners = np.array([[[0.0, 0.0], [template.width, 0.0], [template.width, template.height]]])
    first, second = (cv2.perspectiveTransform(corners, to_scan)[0] for to_scan in (one, other))
    return float(np.abs(first - second).max()) > 0.1 * float(np.ptp(first, axis=0).max())


def _fitted(
    view: Shrunk, template: Template, to_scan: Homography, method: Method, rounds: int, params: AlignParams
) -> Fit | None:
    """Make a map exact and judge it; None where the reference's patches are not found under it."""
    for _ in range(rounds):
        better = refined(*view, template, to_scan, params)
        if better is None or not is_paper(better, np.array([template.width, template.height])):
            return None
        to_scan = better
    bend = bend_of(*view, template, to_scan, params)
    fit = judged(view, template, to_scan, bend, method, params)
    return replace(fit, rank=fit.rank + fit.evidence.words + 0.5 * likeness(*view, template, to_scan))


def judged(
    view: Shrunk, template: Template, to_scan: Homography, bend: Bend | None, method: Method, params: AlignParams
) -> Fit:
    """Look at what lies under a map, and say whether that is a page of the form."""
    rules = EvidenceParams()
    found = evidence(*view, template, to_scan, bend, params, rules)
    why = refusal(found, template, params, rules) or unlike_paper(view, to_scan, bend, template, params, rules)
    return Fit(to_scan, bend, method, found, found.frame, why)
