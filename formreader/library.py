"""The program as a library: a few calls with paths in and values out; `formreader` itself gives them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from formreader.claims import claim_of
from formreader.errors import PageError, UnusableCall
from formreader.model import DigitModel, load_form_model, model_path
from formreader.scans import find_scans, identified
from formreader.template import Template, load_templates
from formreader.trust import promise
from formreader.values import PageAnswer, PageFailure, PageReading, PageRef, Thresholds

if TYPE_CHECKING:
    from formreader.export.frames import Results

Paths = str | Path | Sequence[str | Path]
"""One file or folder, or several."""


def read_page(
    scan: str | Path,
    template: Paths | None = None,
    *,
    page: int = 1,
    model: str = "default",
    max_wrong: str = "10/10000",
) -> PageReading:
    """Read one page.

    Parameters
    ----------
    scan
        A picture, TIFF or PDF.
    template
        The form, or several of which the page shows one; without it, boxes are found on the page.
    page
        Of the file, from 1.
    model
        ``default``, ``accurate``, or the file that ``formreader train`` wrote.
    max_wrong
        Flag so much that no more accepted fields are wrong than this.

    Returns
    -------
    PageReading
        Its ``fields`` have ``name``, ``value``, ``confidence`` and ``reasons``; without reasons they are accepted.

    Raises
    ------
    PageError
        The page cannot be read; the message says why and what to do.
    BlankPage
        There is nothing on it.
    UnusableCall
        Template or model cannot be used, or the file has no such page.

    Examples
    --------
    >>> reading = formreader.read_page("scan.jpg", "visit.toml")  # doctest: +SKIP
    >>> {field.name: field.value for field in reading.fields if not field.reasons}  # doctest: +SKIP
    """
    from formreader import pipeline
    from formreader.scans import load_page

    _refuse_no_page(Path(scan), page)
    forms = _templates(template)
    classifier, thresholds = _reader(model, max_wrong)
    loaded = load_page(identified(PageRef(Path(scan), page)))
    if not forms:
        return pipeline.read_unknown_page(loaded, classifier, thresholds)
    return pipeline.read_page(loaded, forms, classifier, thresholds)


def read_batch(
    scans: Paths,
    template: Paths | None = None,
    *,
    model: str = "default",
    max_wrong: str = "10/10000",
    jobs: int | None = None,
) -> Iterator[PageAnswer]:
    """Read all pages of files and folders, several at a time; nothing is stored.

    Parameters
    ----------
    scans
        Files or folders.
    jobs
        Pages at a time; one a core where left out.

    Yields
    ------
    PageReading, PageFailure or PageSkipped
        One for each page, as they are ready; ``answer.ref`` says which. A page that cannot be read ends nothing.

    Raises
    ------
    UnusableCall
        There are no scans, or template or model cannot be used.

    Notes
    -----
    The other parameters are those of `read_page`.
    """
    from formreader import pipeline
    from formreader.workers import LocalWorkers

    forms = _templates(template)
    classifier, thresholds = _reader(model, max_wrong)
    lost: deque[PageFailure] = deque()
    refs = _identified(find_scans(_paths(scans)).pages, lost)
    workers = LocalWorkers(jobs or -1)
    answers = pipeline.read_batch(refs, forms or None, classifier, thresholds=thresholds, workers=workers)
    return _with_lost(answers, lost)


def load_results(folder: str | Path, types: Literal["text", "template"] = "text") -> Results:
    """Give what a results folder holds as pandas frames: ``results``, ``fields``, ``digits``, ``failed``, ``changes``.

    Parameters
    ----------
    types
        ``text``, or ``template``: numbers and dates where the template says so.

    Raises
    ------
    BatchError
        There is no batch in the folder.

    Examples
    --------
    >>> frames = formreader.load_results("results")  # doctest: +SKIP
    >>> frames.results.groupby("status").size()  # doctest: +SKIP
    """
    from formreader.export.frames import Results
    from formreader.store import open_results

    if types not in ("text", "template"):
        raise UnusableCall(f"types='{types}': give 'text' or 'template'")
    with open_results(Path(folder)):
        pass  # refused here, and not when a frame is asked for
    return Results(Path(folder), types)


def _paths(given: Paths) -> list[Path]:
    return [Path(given)] if isinstance(given, str | Path) else [Path(one) for one in given]


def _identified(pages: Iterable[PageRef], lost: deque[PageFailure]) -> Iterator[PageRef]:
    """Give pages their files' fingerprints; those whose file is gone or cannot be read are noted as lost."""
    for ref in pages:
        try:
            yield identified(ref)
        except PageError as error:
            lost.append(PageFailure(ref, error.stage, str(error)))


def _with_lost(answers: Iterable[PageAnswer], lost: deque[PageFailure]) -> Iterator[PageAnswer]:
    """Give answers, and among them what was lost meanwhile."""
    for answer in answers:
        while lost:
            yield lost.popleft()
        yield answer
    yield from lost


def _refuse_no_page(scan: Path, page: int) -> None:
    """Refuse a page that a file does not have; one that is not there is refused when it is opened."""
    count = len(find_scans([scan]).pages) if scan.is_file() else page
    if not 1 <= page <= count:
        raise UnusableCall(f"{scan}: has no page {page}; it has {count}, counted from 1")


def _templates(given: Paths | None) -> tuple[Template, ...]:
    return load_templates(_paths(given)) if given is not None else ()


def _reader(model: str, max_wrong: str) -> tuple[DigitModel, Thresholds]:
    classifier = load_form_model(model_path(model))
    return classifier, promise(classifier.card, float(claim_of(str(max_wrong), "max_wrong"))).thresholds
