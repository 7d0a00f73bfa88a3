"""The command that prints forms of one's own."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from formreader.cli.calls import need_opencv, refuse_overwriting, say
from formreader.errors import UnusableCall


class Paper(StrEnum):
    """What a form is printed on."""

    a4 = "A4"
    letter = "Letter"


class Tone(StrEnum):
    """What its boxes are printed in."""

    black = "black"
    pale = "pale"


def print_(
    fields: Annotated[Path, typer.Argument(metavar="FIELDS", help="The list of fields, such as fields.toml.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The PDF to write; its template comes beside it.")],
    paper: Annotated[
        Paper | None, typer.Option(case_sensitive=False, help="Instead of what FIELDS says; A4 where it says nothing.")
    ] = None,
    tone: Annotated[
        Tone | None,
        typer.Option(help="Boxes in black, or in a pale colour that drops out; instead of what FIELDS says."),
    ] = None,
    copies: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Print N copies, each with a number of its own.")
    ] = None,
    number_from: Annotated[int | None, typer.Option(min=0, metavar="N", help="The first copy's number.")] = None,
    people: Annotated[
        Path | None,
        typer.Option(
            "--data", metavar="FILE", help="A CSV: one copy a row; {name} in a text becomes the row's column 'name'."
        ),
    ] = None,
    font: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="A .ttf, .otf or .ttc font to set words in; may be given several times."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over files that exist already.")] = False,
) -> None:
    """Lay out a form that this program reads best, and write it as a PDF with its template.

    Beside the PDF come its template and reference picture; with --data also the list of people with the number of each
    copy, to join to what was read. Print the PDF at its full size.
    """
    need_opencv()
    from formreader.printing import print_form, reference_paths, serials_path, write_form
    from formreader.progress import count_of

    if output.suffix.lower() != ".pdf":
        raise UnusableCall(f"{output}: a form's name ends in .pdf; its template is written beside it as .toml")
    inputs = [fields, *([people] if people else []), *(font or [])]
    beside = [output.with_suffix(".toml"), *([serials_path(output)] if people else [])]
    refuse_overwriting([output, *beside], inputs, force=force, kind="PDF")
    printed = print_form(
        fields,
        output,
        paper=paper.value if paper else "",
        tone=tone.value if tone else "",
        copies=copies,
        number_from=number_from,
        people=people,
        fonts=font or [],
    )
    refuse_overwriting(reference_paths(output, len(printed.references)), inputs, force=force, kind="PDF")
    for path in write_form(printed, output):
        say(f"  {path}")
    boxes = count_of(len(printed.form.fields), "field")
    pages = count_of(len(printed.references), "page")
    said = f"{boxes} on {pages}" + (f", {count_of(printed.copies, 'copy', 'copies')}" if printed.copies > 1 else "")
    say(f"{said}. Print at full size (100 %); read scans with -t {beside[0]}")
