"""The table of contents: how a page becomes values, a folder of pages a batch, and a blank form a template."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from formreader.boxes import place_boxes
from formreader.classify import classify
from formreader.codes import has_codes, read_codes
from formreader.crops import crop_digits
from formreader.errors import BlankPage, PageError
from formreader.fields import FieldParams, decode
from formreader.model import DigitModel
from formreader.pipeline.form import find_form, outlined
from formreader.pipeline.looks import pictures_to_keep
from formreader.pipeline.matched import matched
from formreader.pipeline.others import look_at_others, strips_to_keep
from formreader.pipeline.sheets import find_sheets
from formreader.pipeline.unknown import form_on
from formreader.pipeline.unseen import unseen_left_open
from formreader.quality import measure, refuse_hopeless, refuse_tiny, with_doubts
from formreader.scans import load_page
from formreader.strings import read_strings
from formreader.template import Template
from formreader.values import (
    AlignedPage,
    Box,
    Code,
    Crops,
    DigitReading,
    Page,
    PageAnswer,
    PageFailure,
    PageReading,
    PageRef,
    PageSkipped,
    Thresholds,
)
from formreader.workers import USUAL_LIMITS, Limits, LocalWorkers, Workers, answers

__all__ = ["Watch", "answer", "find_form", "find_sheets", "read_batch", "read_page", "read_unknown_page", "unwatched"]

Watch = Callable[[PageRef, str, NDArray[np.uint8]], None]
"""Looks on: gets a page, the name of a stage and a picture of what it did."""


Forms = Template | Sequence[Template]
"""The one form, or those of which each page shows one."""


def several(forms: Forms | None) -> tuple[Template, ...]:
    """Give templates as they come from a call: one, several or none."""
    if forms is None:
        return ()
    return (forms,) if isinstance(forms, Template) else tuple(forms)


def unwatched(ref: PageRef, stage: str, picture: NDArray[np.uint8]) -> None:
    """Look at nothing."""


def read_page(
    page: Page, forms: Forms, model: DigitModel, thresholds: Thresholds | None = None, watch: Watch = unwatched
) -> PageReading:
    """Read one page of a form; raises `PageError` where it cannot, `BlankPage` where there is nothing to read."""
    templates = several(forms)
    refuse_tiny(page, templates)
    aligned, template, codes = matched(page, templates)
    return read_aligned(aligned, template, model, thresholds, watch, codes)


def read_unknown_page(
    page: Page, model: DigitModel, thresholds: Thresholds | None = None, watch: Watch = unwatched
) -> PageReading:
    """Read one page of an unknown form by the boxes found on it; it lies upright, or its combs say how it lies."""
    return read_aligned(*form_on(page), model, thresholds, watch)


def read_aligned(
    aligned: AlignedPage,
    template: Template,
    model: DigitModel,
    thresholds: Thresholds | None = None,
    watch: Watch = unwatched,
    codes: tuple[Code, ...] | None = None,
) -> PageReading:
    """Read a page whose place under its template is known; its codes are looked for where they are not yet known."""
    limits = thresholds or Thresholds((model.threshold,))
    placed = place_boxes(aligned, template)
    boxes = tuple(box for box in placed if box.holds_digits)
    quality = measure(aligned.pixels, placed, template)
    refuse_hopeless(aligned.ref, quality)
    crops = unseen_left_open(crop_digits(aligned, boxes), boxes, aligned.pixels)
    if watch is not unwatched:  # drawing a page costs as much as decoding it
        watch(aligned.ref, "boxes", outlined(aligned.pixels, placed))
        watch(aligned.ref, "crops", 255 - np.hstack([*crops.digits, np.zeros((28, 1), np.uint8)]))
    others = look_at_others(aligned, placed, template)
    read_digits = classify(crops, boxes, model, limits), _read_wide(crops, boxes, model, limits)
    digits = _in_order(template, *read_digits, others.readings)
    read = decode(digits, template, FieldParams(settled_at=limits.by_rules), others.texts)
    fields, digits = with_doubts(read, digits, placed, quality)
    pictures = pictures_to_keep(aligned, boxes, fields, digits) | strips_to_keep(aligned, placed, fields)
    codes = read_codes(aligned.pixels) if codes is None and has_codes(template) else codes or ()
    return PageReading(aligned.ref, template.name, aligned.match, fields, digits, quality, pictures, codes)


def _read_wide(crops: Crops, boxes: tuple[Box, ...], model: DigitModel, limits: Thresholds) -> tuple[DigitReading, ...]:
    wide = [i for i, box in enumerate(boxes) if box.is_wide]
    return read_strings(
        [crops.inks[i] for i in wide],
        [crops.reasons[i] for i in wide],
        [boxes[i] for i in wide],
        model.predict_proba,
        limits,
    )


def _in_order(template: Template, *readings: tuple[DigitReading, ...]) -> tuple[DigitReading, ...]:
    """Put readings into the template's order of fields and the fields' writing order."""
    place = {field.name: i for i, field in enumerate(template.fields)}
    every = (reading for some in readings for reading in some)
    return tuple(sorted(every, key=lambda reading: (place[reading.box.field], reading.box.position)))


def read_batch(
    refs: Iterable[PageRef | None],
    forms: Forms | None,
    model: DigitModel,
    *,
    thresholds: Thresholds | None = None,
    workers: Workers | None = None,
    limits: Limits = USUAL_LIMITS,
    watch: Watch = unwatched,
) -> Iterator[PageAnswer]:
    """Read pages in parallel; answers come as they are ready, one for each page whatever happens to it.

    Parameters
    ----------
    refs
        Pages, taken as there is room for them; None where there is none just now but may be later.
    forms
        The template, or templates of which each page shows one; None finds the boxes on each page.
    workers
        Where pages are read; they are closed at the end. None starts a process for each core of this machine.
    limits
        What one page may cost before it is given up.

    Raises
    ------
    UnusableCall
        Model or template were changed while they were read with.
    """
    read = functools.partial(answer, forms=forms, model=model, thresholds=thresholds, watch=watch)
    return answers(refs, read, workers or LocalWorkers(), limits)


def answer(
    ref: PageRef, forms: Forms | None, model: DigitModel, thresholds: Thresholds | None = None, watch: Watch = unwatched
) -> PageAnswer:
    """Answer for one page: what it says, why it cannot be read, or that it holds nothing."""
    cv2.setNumThreads(1)
    page = None
    try:
        page = load_page(ref)
        if not several(forms):
            return read_unknown_page(page, model, thresholds, watch)
        return read_page(page, several(forms), model, thresholds, watch)
    except BlankPage as blank:
        return PageSkipped(ref, str(blank))
    except PageError as failure:
        return PageFailure(ref, failure.stage, str(failure), _small(page))


def _small(page: Page | None, long_side_px: int = 800) -> bytes | None:
    """Shrink a failed page to a picture that says which one it is."""
    if page is None:
        return None
    factor = min(1.0, long_side_px / max(page.pixels.shape))
    small = cv2.resize(page.pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    jpeg: bytes = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 70])[1].tobytes()
    return jpeg
