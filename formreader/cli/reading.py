"""The main job: ``read``."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from formreader.cli.calls import need_opencv, say, speak_json
from formreader.errors import UnusableCall
from formreader.places import place

if TYPE_CHECKING:
    from formreader.model import DigitModel
    from formreader.progress import Tally
    from formreader.store import Batch
    from formreader.template import Template
    from formreader.trust import Promise
    from formreader.values import PageRef, Thresholds

_GOING_ON: Final = "A batch that was begun before"
_LARGE: Final = "Large batches, and scans that keep coming"
_RARE: Final = "Seldom needed"
_NAMES_SHOWN: Final = 10
_TABLES_SHARE: Final = 20.0
"""While a run goes on, writing its tables may take one part in so many of the time."""


class OtherPages(StrEnum):
    """What becomes of a page that is not wanted."""

    skip = "skip"
    fail = "fail"


def read(
    context: typer.Context,
    scans: Annotated[
        list[Path],
        typer.Argument(
            metavar="SCANS...",
            parser=place,
            help="Scans, or folders with scans in them; or addresses, such as s3://...",
        ),
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="RESULTS", help="Folder for the results; a batch grows in it.")
    ],
    template: Annotated[
        list[Path] | None,
        typer.Option(
            *("-t", "--template"),
            metavar="FILE",
            help="The form; given several times, each page's form is found. Without it, boxes are found on each page.",
        ),
    ] = None,
    pages: Annotated[
        str, typer.Option(metavar="LIST", help="Read only these pages of each file, such as 1 or 1,3-4.")
    ] = "",
    other_pages: Annotated[
        OtherPages | None,
        typer.Option(
            help="What to call a page that is not among --pages (skip where left out) or shows another form (fail).",
            show_default=False,
        ),
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, metavar="N", help="Read at most N pages in this run.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be read; write nothing.")] = False,
    max_wrong: Annotated[
        str | None,
        typer.Option(
            metavar="SHARE",
            help="Flag so much that no more accepted fields are wrong than this, such as 5/10000 or 0.05%.",
            show_default="10/10000",
        ),
    ] = None,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Try pages again that failed before.", rich_help_panel=_GOING_ON)
    ] = False,
    reread: Annotated[
        bool,
        typer.Option(
            "--reread",
            help="Read all pages again, also with a changed template or model; old readings stay beside the new.",
            rich_help_panel=_GOING_ON,
        ),
    ] = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Move RESULTS to RESULTS.old-1 and begin anew.", rich_help_panel=_GOING_ON)
    ] = False,
    watch: Annotated[
        bool,
        typer.Option(
            "--watch",
            help="Keep running and read scans as they are dropped into the folders, until Ctrl-C or SIGTERM.",
            rich_help_panel=_LARGE,
        ),
    ] = False,
    keep_duplicates: Annotated[
        bool,
        typer.Option(
            "--keep-duplicates",
            help="Count scans of the same content each; without it, only the first, and duplicates.csv names the rest.",
            rich_help_panel=_LARGE,
        ),
    ] = False,
    digits: Annotated[
        bool | None,
        typer.Option(
            help="Whether to write digits.csv; where left out, for up to 10,000 pages.",
            show_default=False,
            rich_help_panel=_LARGE,
        ),
    ] = None,
    page_timeout: Annotated[
        float,
        typer.Option(
            min=1,
            max=86_400,
            metavar="SECONDS",
            help="Give a page up that takes longer; it fails.",
            rich_help_panel=_LARGE,
        ),
    ] = 120,
    json_log: Annotated[
        bool, typer.Option("--json-log", help="Progress for machines: a JSON object a line.", rich_help_panel=_LARGE)
    ] = False,
    scheduler: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS",
            help="Read on the workers of a Dask scheduler, such as tcp://host:8786; they must see the same files.",
            rich_help_panel=_LARGE,
        ),
    ] = "",
    model: Annotated[
        str,
        typer.Option(metavar="MODEL", help="Read with this model: default, accurate or a file.", rich_help_panel=_RARE),
    ] = "default",
    threshold: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            help="Instead of --max-wrong: flag digits less sure than this, whatever comes of it.",
            rich_help_panel=_RARE,
        ),
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(
            *("-j", "--jobs"),
            min=1,
            metavar="N",
            help="Pages at a time; one a core where left out.",
            rich_help_panel=_RARE,
        ),
    ] = None,
    debug: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Save pictures of what each step did here.", rich_help_panel=_RARE),
    ] = None,
    quiet: Annotated[
        bool, typer.Option("-q", "--quiet", help="Say nothing but errors.", rich_help_panel=_RARE)
    ] = False,
) -> None:
    """Read scans into results.csv, digits.csv and failed.csv.

    With several forms, each has its own results-FORM.csv, and pages.csv says which page is which. A form of several
    pages has one row; missing.csv says which of its pages are missing or there twice.
    The same command again goes on where the last one stopped and reads what is new; --retry-failed also tries again
    what failed. Ctrl-C and SIGTERM stop it with what was read written (exit code 130; with --watch, 0).
    """
    if json_log:
        speak_json(context)
    need_opencv()
    from formreader.claims import USUAL, claim_of
    from formreader.export import tables_of, write_tables
    from formreader.model import load_form_model, model_path
    from formreader.pipeline import read_batch, unwatched
    from formreader.progress import Tally, about_ignored, shown
    from formreader.runs import Pictures, Wanted, page_numbers, store, to_read
    from formreader.scans import find_scans
    from formreader.store import open_batch
    from formreader.template import load_templates
    from formreader.trust import promise
    from formreader.values import Thresholds
    from formreader.watching import dropped_scans
    from formreader.workers import Limits, LocalWorkers, dask_workers

    if threshold is not None and max_wrong is not None:
        raise UnusableCall("--threshold with --max-wrong: give one of them")
    wanted = Wanted(page_numbers(pages), other_pages, limit, retry_failed)
    allowed = float(claim_of(max_wrong, "--max-wrong") if max_wrong else USUAL)
    forms = load_templates(template or ())
    classifier = load_form_model(model_path(model))
    kept = promise(classifier.card, allowed) if threshold is None else None
    thresholds = Thresholds((threshold or 0.0,)) if kept is None else kept.thresholds
    if debug:
        _refuse_among_scans(debug, scans)
    if watch and dry_run:
        raise UnusableCall("--watch with --dry-run: what will come cannot be said; leave --watch out")
    found = find_scans(scans, may_be_empty=watch)
    come = dropped_scans(scans) if watch else found.pages
    look = Pictures(_folder(debug)) if debug and not dry_run else unwatched
    workers = dask_workers(scheduler) if scheduler else LocalWorkers(jobs or -1)
    tally = Tally(promise=kept)
    log = shown(len(found.pages), tally, endless=watch, as_json=json_log, quiet=quiet)
    try:
        with (
            closing(workers),
            open_batch(
                output,
                templates=forms,
                model_fingerprint=classifier.fingerprint,
                model_name=classifier.name,
                settings=_settings(forms, thresholds, kept),
                fresh=fresh,
                reread=reread,
                keep_duplicates=keep_duplicates,
                rehearse=dry_run,
            ) as batch,
        ):
            refs = to_read(batch, come, wanted, tally)
            if dry_run:
                _say_plan([ref for ref in refs if ref], tally, log.say if json_log else say)
                log.end("finished")
                return
            if watch:
                refs = _written_at_rest(refs, batch, lambda: write_tables(output, digits=digits))
            limits = Limits(page_s=page_timeout)
            answers = read_batch(
                refs, forms, classifier, thresholds=thresholds, workers=workers, limits=limits, watch=look
            )
            try:
                for answer in log.through(answers):
                    tally.count(store(batch, answer, wanted))
            except KeyboardInterrupt:
                warnings.simplefilter("ignore")  # of what was cancelled: it was asked for
                if not watch or batch.in_flight:
                    raise
        write_tables(output, digits=digits)
    except KeyboardInterrupt:
        if dry_run:
            raise
        log.say("Stopped; writing what was read ...")
        write_tables(output, digits=digits)
        if not watch:
            again = "the same command without --fresh" if fresh else "the same command"
            log.say("\n".join([*_about_batch(output), f"What was read is in {output}; run {again} again to go on"]))
            log.end("stopped")
            raise
    tables = tables_of(output / "results.csv", list(dict.fromkeys(form.form for form in forms)))
    notes = [*about_ignored(found.ignored), *_about_model(classifier, promised=kept is not None), *_about_batch(output)]
    log.say(tally.summary(tables, notes))
    log.end("finished")
    if tally.failed or tally.failed_earlier:
        raise typer.Exit(1)


def _settings(forms: Sequence[Template], thresholds: Thresholds, kept: Promise | None) -> dict[str, Any]:
    """Give what a batch is read by besides its templates and its model."""
    from formreader.checks import UNIQUE, unique_setting

    first, last = thresholds.of_fields[0], thresholds.of_fields[-1]
    if kept is None:
        how_sure: dict[str, float | str] = {"threshold": first}
    else:  # what the promise asks of digits may be measured anew while the model stays
        how_sure = {"max_wrong": kept.max_wrong, "digit_thresholds": f"{first:.5f} to {last:.5f}"}
    versions = {f"version of {form.form}": form.version for form in forms if form.version}
    unique = {form.name: {field.name: field.missing for field in form.fields if field.unique} for form in forms}
    return {
        **how_sure,
        **versions,
        **{f"{UNIQUE}{form}": unique_setting(fields) for form, fields in unique.items() if fields},
    }


def _written_at_rest(
    refs: Iterator[PageRef | None], batch: Batch, write: Callable[[], None]
) -> Iterator[PageRef | None]:
    """Pass pages on; when all that came are stored and no more comes just now, have the tables written."""
    newer, next_s = False, 0.0
    for ref in refs:
        newer = newer or ref is not None
        if newer and ref is None and not batch.in_flight and time.monotonic() >= next_s:
            began = time.monotonic()
            write()
            next_s = time.monotonic() + _TABLES_SHARE * (time.monotonic() - began)
            newer = False
        yield ref


def _say_plan(new: Sequence[PageRef], tally: Tally, tell: Callable[[str], None]) -> None:
    from formreader.progress import count_of

    lines = [f"{count_of(len(new), 'page')} would be read:"]
    lines += [f"  {ref}" for ref in new[:_NAMES_SHOWN]]
    if len(new) > _NAMES_SHOWN:
        lines.append(f"  ... and {len(new) - _NAMES_SHOWN:,} more")
    tell("\n".join([*lines, *tally.states()]))


def _about_model(model: DigitModel, *, promised: bool) -> Iterator[str]:
    """Say which model read, where it is none that ships, and what its promise rests on."""
    from formreader.model import is_shipped

    if is_shipped(model):
        return
    added = model.card.get("trained_on", {}).get("added")
    learnt = f", which has learnt {added['digits']:,} digits that people decided" if added else ""
    yield f"Read by the model {model.name} ({model.fingerprint[:8]}){learnt}; it is none that ships"
    if promised:
        yield "  Its errors were counted on single digits, not on whole pages: prove the promise with formreader audit"


def _about_batch(results: Path) -> list[str]:
    """Say which pages show readings of settings before a --reread, where readings drift, and what repeats."""
    from formreader.checks import about_drifts, about_repeats
    from formreader.export import read_drifts, read_missing, read_repeats
    from formreader.gathering import about_forms, count_forms
    from formreader.progress import about_earlier_settings
    from formreader.store import open_results

    with open_results(results) as batch:
        earlier = [*about_earlier_settings(*batch.of_earlier_settings())]
        forms = [*about_forms(count_forms(batch, read_missing(results)))]
    return [*earlier, *forms, *about_drifts(read_drifts(results)), *about_repeats(read_repeats(results))]


def _refuse_among_scans(debug: Path, scans: Sequence[Path]) -> None:
    for given in scans:
        if debug.resolve().is_relative_to(given.resolve()):
            raise UnusableCall(f"{debug}: lies in {given}, where its pictures would be taken for scans; name another")


def _folder(path: Path) -> Path:
    """Make a folder where there is none, for its owner alone."""
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise UnusableCall(f"{path}: cannot be made ({error.strerror}); name another folder") from error
    return path
