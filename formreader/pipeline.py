"""The table of contents: how a page becomes values, a folder of pages a batch, and a blank form a template."""

from __future__ import annotations

import math
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import cv2
import joblib
import numpy as np
from numpy.typing import NDArray

from formreader.align import align, align_to_picture, find_markers, straightened, upright_picture
from formreader.boxes import A4_LONG_SIDE_INCH, FindParams, find_fields, place_boxes
from formreader.classify import classify
from formreader.crops import crop_digits, picture_of
from formreader.errors import BlankPage, NoBoxes, NoMatch, PageError, UnusableCall
from formreader.fields import decode
from formreader.model import DigitModel
from formreader.scans import find_scans, load_page
from formreader.strings import read_strings
from formreader.template import Field, Markers, Template
from formreader.values import (
    AlignedPage,
    Box,
    Crops,
    DigitReading,
    FieldReading,
    Grey,
    Page,
    PageAnswer,
    PageFailure,
    PageReading,
    PageRef,
    PageSkipped,
)

Watch = Callable[[PageRef, str, NDArray[np.uint8]], None]
"""Looks on: gets a page, the name of a stage and a picture of what it did."""


def unwatched(ref: PageRef, stage: str, picture: NDArray[np.uint8]) -> None:
    """Look at nothing."""


def read_page(
    page: Page, template: Template, model: DigitModel, threshold: float | None = None, watch: Watch = unwatched
) -> PageReading:
    """Read one page of a form; raises `PageError` where it cannot, `BlankPage` where there is nothing to read."""
    return _read_aligned(align(page, template), template, model, threshold, watch)


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
    watch(aligned.ref, "boxes", outlined(aligned.pixels, boxes))
    crops = crop_digits(aligned, boxes)
    watch(aligned.ref, "crops", 255 - np.hstack([*crops.digits, np.zeros((28, 1), np.uint8)]))
    digits = _in_order(template, classify(crops, boxes, model, threshold), _read_wide(crops, boxes, model, threshold))
    fields = decode(digits, template)
    pictures = _to_look_at(aligned, boxes, fields)
    return PageReading(
        aligned.ref, template.name, aligned.match, fields, digits, _quality(aligned.pixels, boxes), pictures
    )


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
    return {
        (box.field, box.position): cv2.imencode(".png", picture_of(aligned.pixels, box))[1].tobytes()
        for box in boxes
        if box.field in flagged
    }


def _quality(pixels: Grey, boxes: tuple[Box, ...]) -> dict[str, float]:
    """Measure what the scan itself offers: pixels a box, and how far ink stands out from paper."""
    heights = [float(np.linalg.norm(box.corners[3] - box.corners[0])) for box in boxes]
    dark, light = np.percentile(pixels[::7, ::7], [0.5, 75])
    return {"box_px": round(float(np.median(heights)), 1), "contrast": round(float(light - dark) / 255, 3)}


def outlined(pixels: NDArray[np.uint8], boxes: Sequence[Box]) -> NDArray[np.uint8]:
    """Draw a page with its boxes outlined and each field's name at its first box."""
    picture: NDArray[np.uint8] = cv2.cvtColor(pixels, cv2.COLOR_GRAY2BGR)
    size = max(pixels.shape) / 3500
    for box in boxes:
        corners = np.round(box.corners).astype(np.int32).reshape(-1, 1, 2)
        cv2.polylines(picture, [corners], isClosed=True, color=(200, 60, 0), thickness=max(1, round(3 * size)))
        if box.position == 1:
            left, top = (int(v) for v in corners[:, 0].min(axis=0))
            place = (left, max(12, top - round(8 * size)))
            cv2.putText(picture, box.field, place, cv2.FONT_HERSHEY_SIMPLEX, 1.1 * max(size, 0.35), (0, 0, 220), 2)
    return picture


# --- many pages


def read_batch(
    refs: Iterable[PageRef],
    template: Template | None,
    model: DigitModel,
    *,
    threshold: float | None = None,
    jobs: int = -1,
    watch: Watch = unwatched,
) -> Iterator[PageAnswer]:
    """Read pages in parallel, a page a task, and give the answers in the pages' order as they come.

    Parameters
    ----------
    template
        None finds the boxes on each page.
    jobs
        Processes; -1 takes one a core, 1 reads in this process.
    """
    # One thread a worker: pages are the parallel work, and OpenCV's own threads would only get into each other's way.
    with joblib.parallel_config(backend="loky", inner_max_num_threads=1):
        parallel = joblib.Parallel(n_jobs=jobs, return_as="generator", pre_dispatch="2*n_jobs", batch_size=1)
        with _interrupts_ignored():
            answers = parallel(joblib.delayed(answer)(ref, template, model, threshold, watch) for ref in refs)
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


def answer(
    ref: PageRef, template: Template | None, model: DigitModel, threshold: float | None, watch: Watch
) -> PageAnswer:
    """Answer for one page: what it says, why it cannot be read, or that it holds nothing."""
    cv2.setNumThreads(1)
    page = None
    try:
        page = load_page(ref)
        if template is None:
            return read_unknown_page(page, model, threshold, watch)
        return read_page(page, template, model, threshold, watch)
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


# --- a form's template


def find_form(
    scans: Sequence[Path],
    name: str,
    names: Sequence[str] = (),
    *,
    filled: bool = False,
    wide: bool = False,
    page: int = 1,
) -> tuple[Template, NDArray[np.uint8]]:
    """Make a template from a blank form, or from filled scans where no blank exists.

    Parameters
    ----------
    scans
        One blank form; or several filled scans, of which the paper that shows through at each pixel is taken for the
        blank; of the largest, the others are brought to its place.
    names
        For the fields in reading order; fields beyond them keep ``field_01``, ...
    filled
        The single scan is a filled one: it is matched with, never subtracted.
    wide
        Also take single frames for several digits.
    page
        Which page of each file.

    Returns
    -------
    tuple
        The template, and a picture of the form with every field outlined and named.

    Raises
    ------
    NoBoxes
        No printed box was found.
    UnusableCall
        A scan cannot be decoded, shows another form, or there are more names than fields.
    """
    try:
        refs = [ref for scan in scans for ref in find_scans([scan]).pages if ref.page == page]
        if not refs:
            raise UnusableCall(f"no file given has a page {page}")
        pages = [load_page(ref) for ref in refs]
        blank = _blank_of(pages)
    except PageError as failure:
        raise UnusableCall(str(failure)) from failure
    height, width = blank.pixels.shape
    dpi = blank.dpi or round(max(height, width) / A4_LONG_SIDE_INCH, 1)
    # Where most writers write, a shade of them is left.
    params = FindParams(empty=0.06) if len(pages) > 1 else FindParams()
    markers = find_markers(blank.pixels, dpi)
    fields = find_fields(blank.pixels, blank.dpi, blank=not filled, wide=wide, params=params)
    fields = _renumbered(field for field in fields if not _in_marker(field, markers))
    if not fields:
        raise NoBoxes(f"{blank.ref}: no printed boxes found; give a blank form of at least 150 dpi")
    if len(names) > len(fields):
        raise UnusableCall(
            f"{len(names)} names for {len(fields)} fields; look at the boxes found without --names first"
        )
    renamed = [replace(field, name=given) for field, given in zip(fields, names, strict=False)]
    template = Template(
        name=name,
        width=width,
        height=height,
        dpi=dpi,
        fields=(*renamed, *fields[len(renamed) :]),
        reference=blank.pixels,
        reference_filled=filled,
        markers=markers,
    )
    on_form = AlignedPage(blank.ref, blank.pixels, None, np.eye(3), straightened(blank).match)
    return template, outlined(blank.pixels, place_boxes(on_form, template))


def _blank_of(pages: list[Page], paper_rank: float = 0.75) -> Page:
    """Take the one page given for the blank; of several filled ones what at least a quarter of them show as paper.

    The middle one of five (the median) keeps ink where three writers wrote; print is dark on all of them.
    """
    pages = sorted(pages, key=lambda page: -page.pixels.size) if len(pages) > 1 else pages
    first = straightened(pages[0])
    height, width = pages[0].pixels.shape
    upright = upright_picture(first, width, height)
    if len(pages) == 1:
        return replace(pages[0], pixels=upright, colour=None)
    form = Template("first", width, height, 1.0, (), upright)
    drawn = [upright_picture(align_to_picture(page, form), width, height) for page in pages[1:]]
    ordered = np.sort(np.stack([upright, *drawn]), axis=0)
    return replace(pages[0], pixels=ordered[math.ceil(paper_rank * (len(pages) - 1))], colour=None)


def _in_marker(field: Field, markers: Markers | None) -> bool:
    """Whether a field's boxes are but the inside of a corner mark."""
    if markers is None:
        return False
    x, y, width, height = field.boxes[0]
    return any(abs(x + width / 2 - cx) + abs(y + height / 2 - cy) < markers.size_px for cx, cy in markers.centres)


def _renumbered(fields: Iterable[Field]) -> tuple[Field, ...]:
    kept = list(fields)
    digits = len(str(max(len(kept), 10)))
    return tuple(replace(field, name=f"field_{i:0{digits}}") for i, field in enumerate(kept, start=1))


def _form_on(aligned: AlignedPage, dpi: float | None) -> Template:
    """Take the boxes found on a page itself for its template."""
    height, width = aligned.pixels.shape
    fields = find_fields(upright_picture(aligned, width, height), dpi, blank=False)
    if not fields:
        raise NoMatch(
            f"{aligned.ref}: no printed boxes found; make a template with 'formreader detect' and give it with -t"
        )
    return Template("unknown", width, height, dpi or max(height, width) / A4_LONG_SIDE_INCH, fields)
