"""Which of several forms a page shows: a cheap look orders them, the likely one is matched, its near twins too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from formreader.align.evidence import Evidence
from formreader.align.fitting import Fit, Viewed, best_fit
from formreader.align.params import AlignParams
from formreader.template import Template


@dataclass(frozen=True, slots=True)
class ChoiceParams:
    """When two forms are alike, and when a page is clearly one of them."""

    alike: float = 0.3  # of the frame: a form whose blank shows this much of another's is tried for its pages too
    clearly: float = 0.4  # words: half a word more found is more than wear makes, as both are looked for on one page
    clearly_frame: float = 0.1  # where one of two forms has no reference to look for words of


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """What came of laying several forms on a page.

    Attributes
    ----------
    best
        The form that fits best, or comes nearest, and how it lies; None where no map was found for any.
    rival
        A form that the page could be just as well.
    """

    best: tuple[Template, Fit] | None
    rival: Template | None = None

    @property
    def is_clear(self) -> bool:
        """Whether the page is one form's and no other's."""
        return self.best is not None and not self.best[1].refusal and self.rival is None


def chosen_form(
    viewed: Viewed, templates: Sequence[Template], params: AlignParams, rules: ChoiceParams | None = None
) -> Choice:
    """Find the one form that a page shows.

    A form that fits ends the search but for those like it, which are all tried: an untried form can then not be the
    right one, as the page would not have fitted.
    """
    rules = rules or ChoiceParams()
    fits: dict[Template, Fit | None] = {}
    for template in _likely_first(viewed, templates):
        fits[template] = best_fit(viewed, template, params)
        if _is_match(fits[template]):
            twins = [one for one in templates if one not in fits and _are_alike(template, one, params, rules)]
            for one in (template, *twins) if twins else ():  # compared word by word: all are looked at alike
                fits[one] = best_fit(viewed, one, params, closely=True)
            break
    return _decided([(template, fit) for template, fit in fits.items() if fit is not None], rules)


def _decided(fits: list[tuple[Template, Fit]], rules: ChoiceParams) -> Choice:
    matched = [pair for pair in fits if not pair[1].refusal]
    if not matched:
        return Choice(max(fits, key=lambda pair: (pair[1].score, pair[1].rank), default=None))
    best = matched[0]
    for pair in matched[1:]:
        best = pair if _lead(pair, best) > 0 else best
    for pair in matched:
        has_words = best[0].reference is not None and pair[0].reference is not None
        if pair is not best and _lead(best, pair) < (rules.clearly if has_words else rules.clearly_frame):
            return Choice(best, pair[0])
    return Choice(best)


def _is_match(fit: Fit | None) -> bool:
    return fit is not None and not fit.refusal


def _lead(one: tuple[Template, Fit], other: tuple[Template, Fit]) -> float:
    """By how much a page shows rather the one form than the other, in words or boxes; of the frame without those."""
    if one[0].reference is None or other[0].reference is None:
        return one[1].score - other[1].score
    return _missed(other[1].evidence) - _missed(one[1].evidence)


def _missed(found: Evidence) -> float:
    """Count what a form prints and a page lacks; a word counts by how unlike it is."""
    return found.absent + found.foreign + sum(1 - like for like in found.likes)


def _likely_first(viewed: Viewed, templates: Sequence[Template]) -> Sequence[Template]:
    """Order forms by how like the page their layout is, seen coarsely."""
    if len(templates) == 1:
        return templates

    def look(template: Template) -> float:
        if template.reference is None:
            return 1.0  # matched by its marks alone, which is as cheap
        return viewed.layout(template)[1]

    return sorted(templates, key=look, reverse=True)


@lru_cache(maxsize=1024)
def _are_alike(one: Template, other: Template, params: AlignParams, rules: ChoiceParams) -> bool:
    """Whether pages of one form might be taken for the other's, judged by their blanks; once a pair and process."""
    for page, form in ((one, other), (other, one)):
        if page.reference is None or form.reference is None:
            return True
        fit = best_fit(Viewed(page.reference, params), form, params)
        if fit is not None and fit.score >= rules.alike:
            return True
    return False
