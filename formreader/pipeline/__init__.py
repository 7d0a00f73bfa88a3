"""The table of contents: how a page becomes values, a folder of pages a batch, and a blank form a template."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import cv2
import joblib
import numpy as np
from numpy.typing import NDArray

from formreader.align import align_to_any, straightened, upright_picture
from formreader.boxes import A4_LONG_SIDE_INCH, darkest, find_fields, place_boxes
from formreader.classify import classify
from formreader.codes import has_codes, read_codes
from formreader.crops import crop_digits, pictures_to_keep
from formreader.errors import BlankPage, NoMatch, PageError
from formreader.fields import decode
from formreader.model import DigitModel
from formreader.pipeline.form import find_form, outlined
from formreader.pipeline.unseen import unseen_left_open
from formreader.quality import measure, refuse_hopeless, refuse_tiny, with_doubts
from formreader.scans import load_page
from formreader.strings import read_strings
from formreader.template import Template
from formreader.values import (
    AlignedPage,
    Box,
    Crops,
    DigitReading,
    FieldReading,
    Page,
    PageAnswer,
    PageFailure,
    PageReading,
    PageRef,
    PageSkipped,
)

__all__ = ["Watch", "answer", "find_form", "read_batch", "read_page", "read_unknown_page", "unwatched"]

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
    page: Page, forms: Forms, model: DigitModel, threshold: float | None = None, watch: Watch = unwatched
) -> PageReading:
    """Read one page of a form; raises `PageError` where it cannot, `BlankPage` where there is nothing to read."""
    templates = several(forms)
    refuse_tiny(page, templates)
    aligned, template = align_to_any(page, templates)
    return _read_aligned(aligned, template, model, threshold, watch)


def read_unknown_page(
    page: Page, model: DigitModel, threshold: float | None = None, watch: Watch = unwatched
) -> PageReading:
    """Read one upright page of an unknown form by the boxes found on it."""
    aligned = straightened(page)
    return _read_aligned(aligned, _form_on(aligned, page.dpi), model, threshold, watch)


def _read_aligned(
    aligned: AlignedPage, template: Template, model: DigitModel, threshold: float | None, watch: Watch
) -> PageReading:
    boxes = place_boxes(aligned, template)
    quality = measure(aligned.pixels, boxes, template)
    refuse_hopeless(aligned.ref, quality)
    crops = unseen_left_open(crop_digits(aligned, boxes), boxes, aligned.pixels)
    if watch is not unwatched:  # drawing a page costs as much as decoding it
        watch(aligned.ref, "boxes", outlined(aligned.pixels, boxes))
        watch(aligned.ref, "crops", 255 - np.hstack([*crops.digits, np.zeros((28, 1), np.uint8)]))
    digits = _in_order(template, classify(crops, boxes, model, threshold), _read_wide(crops, boxes, model, threshold))
    fields, digits = with_doubts(decode(digits, template), digits, boxes, quality)
    pictures = _to_look_at(aligned, boxes, fields)
    codes = read_codes(aligned.pixels) if has_codes(template) else ()
    return PageReading(aligned.ref, template.name, aligned.match, fields, digits, quality, pictures, codes)


def _read_wide(
    crops: Crops, boxes: tuple[Box, ...], model: DigitModel, threshold: float | None
) -> tuple[DigitReading, ...]:
    wide = [i for i, box in enumerate(boxes) if box.is_wide]
    return read_strings(
        [crops.inks[i] for i in wide],
        [crops.reasons[i] for i in wide],
        [boxes[i] for i in wide],
        model.predict_proba,
        model.threshold if threshold is None else threshold,
    )


def _in_order(template: Template, *readings: tuple[DigitReading, ...]) -> tuple[DigitReading, ...]:
    """Put readings into the template's order of fields and the fields' writing order."""
    place = {field.name: i for i, field in enumerate(template.fields)}
    every = (reading for some in readings for reading in some)
    return tuple(sorted(every, key=lambda reading: (place[reading.box.field], reading.box.position)))


def _to_look_at(
    aligned: AlignedPage, boxes: tuple[Box, ...], fields: tuple[FieldReading, ...]
) -> dict[tuple[str, int], bytes]:
    """Keep the boxes of fields that a person should look at, as PNG."""
    flagged = {field.name for field in fields if field.reasons}
    kept = [box for box in boxes if box.field in flagged]
    pictures = pictures_to_keep(aligned.pixels, kept)
    return {(box.field, box.position): picture for box, picture in zip(kept, pictures, strict=True)}


def read_batch(
    refs: Iterable[PageRef],
    forms: Forms | None,
    model: DigitModel,
    *,
    threshold: float | None = None,
    jobs: int = -1,
    watch: Watch = unwatched,
) -> Iterator[PageAnswer]:
    """Read pages in parallel, a page a task, and give the answers in the pages' order as they come.

    Parameters
    ----------
    forms
        The templates of which each page shows one; None finds the boxes on each page.
    jobs
        Processes; -1 takes one a core, 1 reads in this process.
    """
    # One thread a worker: pages are the parallel work, and OpenCV's own threads would only get into each other's way.
    with joblib.parallel_config(backend="loky", inner_max_num_threads=1):
        parallel = joblib.Parallel(n_jobs=jobs, return_as="generator", pre_dispatch="2*n_jobs", batch_size=1)
        with _interrupts_ignored():
            answers = parallel(joblib.delayed(answer)(ref, forms, model, threshold, watch) for ref in refs)
        yield from answers


@contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """Start worker processes that leave Ctrl-C to the parent, which stops them; they inherit what is ignored."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    usual = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)


def answer(ref: PageRef, forms: Forms | None, model: DigitModel, threshold: float | None, watch: Watch) -> PageAnswer:
    """Answer for one page: what it says, why it cannot be read, or that it holds nothing."""
    cv2.setNumThreads(1)
    page = None
    try:
        page = load_page(ref)
        if not several(forms):
            return read_unknown_page(page, model, threshold, watch)
        return read_page(page, several(forms), model, threshold, watch)
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


def _form_on(aligned: AlignedPage, dpi: float | None) -> Template:
    """Take the boxes found on a page itself for its template."""
    height, width = aligned.pixels.shape
    contrasty = replace(aligned, pixels=darkest(aligned.pixels, aligned.colour))
    fields = find_fields(upright_picture(contrasty, width, height), dpi, blank=False)
    if not fields:
        raise NoMatch(
            f"{aligned.ref}: no printed boxes found; make a template with 'formreader detect' and give it with -t"
        )
    return Template("unknown", width, height, dpi or max(height, width) / A4_LONG_SIDE_INCH, fields)
