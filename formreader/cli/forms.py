"""The command about form descriptions: check."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from formreader.cli.calls import need_opencv, refuse_overwriting, say
from formreader.errors import BlankPage, PageError, UnusableCall

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from formreader.template import Field, Template
    from formreader.values import Box


def check(
    template: Annotated[Path, typer.Argument(metavar="TEMPLATE", help="The form's description, such as visit.toml.")],
    scan: Annotated[
        Path | None, typer.Argument(metavar="[SCAN]", help="A scan of the form, to draw the boxes over.")
    ] = None,
    page: Annotated[int, typer.Option(min=1, metavar="N", help="The page of SCAN that shows the form.")] = 1,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="PICTURE", help="The .png to draw; beside TEMPLATE where left out."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a PICTURE that exists already.")] = False,
) -> None:
    """Check a template, and say in words what it asks for.

    Every mistake is named with its place. With a SCAN, the boxes are drawn over it where they would be read: look at
    the picture before you read thousands of pages. Exit code 1: the scan does not show the form; 2: the template has
    mistakes.
    """
    need_opencv()
    from formreader.pipeline.over import drawn_over
    from formreader.scans import find_scans
    from formreader.template import load_form

    sheets = load_form(template)
    if scan is None and output is not None:
        raise UnusableCall(f"{output}: there is nothing to draw; name a scan too")
    refs = [ref for ref in find_scans([scan]).pages if ref.page == page] if scan is not None else []
    if scan is not None and not refs:
        raise UnusableCall(f"{scan}: has no page {page}")
    typer.echo("\n".join(line for sheet in sheets for line in _described(sheet)))
    for line in _about_pages(sheets):
        typer.echo(line)
    for ref in refs[:1]:
        picture = output or template.with_name(f"{template.stem}-over-{ref.path.stem}.png")
        refuse_overwriting([picture], [template, ref.path], force=force or output is None, kind="picture")
        try:
            over = drawn_over(ref, sheets)
        except (PageError, BlankPage) as failure:
            say(str(failure))
            raise typer.Exit(1) from failure
        which = f"page {over.template.page} of '{over.template.form}', " if over.template.pages > 1 else ""
        typer.echo(
            f"{ref}: {which}matched by its {over.match.method}, {over.match.score:.0%} of the printed frame found"
        )
        typer.echo("\n".join(_placed(over.template.fields, over.boxes)))
        _draw(picture, over.picture)
        typer.echo(f"Drawn in {picture}")


def _draw(target: Path, picture: NDArray[np.uint8]) -> None:
    """Save a picture, readable by its owner alone: it shows people's data."""
    from formreader.scans import save_picture

    try:
        target.touch(mode=0o600)
        save_picture(target, picture)
    except OSError as error:
        raise UnusableCall(f"{target}: cannot be written ({error.strerror}); name another place with -o") from error


def _described(form: Template) -> Iterator[str]:
    """Say what a template asks for, a line a field and a check."""
    from formreader.progress import count_of

    boxes = sum(len(field.boxes) for field in form.fields)
    by = [f"{form.markers.kind} in its corners"] if form.markers else []
    by += ["a filled scan" if form.reference_filled else "its blank"] if form.reference is not None else []
    which = f"'{form.form}', page {form.page} of {form.pages}" if form.pages > 1 else f"'{form.name}'"
    yield f"{which}: {form.width} x {form.height} pixels at {form.dpi:g} dpi, matched by {' and '.join(by)}"
    yield f"{count_of(len(form.fields), 'field')}, {count_of(boxes, 'box', 'boxes')}"
    width = max(len(field.name) for field in form.fields)
    yield from (f"  {field.name:<{width}}  {'; '.join(words_of(field))}" for field in form.fields)
    if form.checks:
        yield count_of(len(form.checks), "check")
    for one in form.checks:
        yield f"  {one}{_weight(one.severity)}"


def _about_pages(sheets: Sequence[Template]) -> Iterator[str]:
    """Say what is true of all pages of a form of several."""
    from formreader.progress import count_of

    first = sheets[0]
    if first.pages == 1:
        return
    yield f"'{first.form}' has {first.pages} pages; which are one form is told by: {first.gather}"
    for page in sorted(set(range(1, first.pages + 1)) - {sheet.page for sheet in sheets}):
        yield f"  page {page} has no field: its scans are none of the form's; --other-pages skip passes them over"
    if first.across_pages:
        yield f"{count_of(len(first.across_pages), 'check')} across pages"
    for one in first.across_pages:
        yield f"  {one}{_weight(one.severity)}"


_STRIPS: Final = {"key": "a strip that a person keys", "image": "a strip whose picture is kept"}


def words_of(field: Field) -> Iterator[str]:
    """Say what a field holds and what its value must be."""
    from formreader.progress import count_of
    from formreader.rules import plain

    least, most = field.length
    if field.kind in _STRIPS:
        yield _STRIPS[field.kind] + (f", of {len(field.boxes)} boxes" if len(field.boxes) > 1 else "")
    elif field.kind == "barcode":
        yield "a QR code or barcode"
    elif field.kind == "choice":
        yield f"{'any' if field.many else 'one'} of {', '.join(field.options)}"
    elif field.length == (1, 1):
        yield count_of(len(field.boxes), "box", "boxes")
    else:
        yield f"one box for {least if least == most else f'{least} to {most}'} digits"
    if field.decimals != (0, 0):
        low, high = field.decimals
        yield f"{low if low == high else f'{low} to {high}'} of them right of the point"
    if field.required:
        yield "required"
    if field.align:
        yield f"digits on the {field.align}, blank boxes only on the other side"
    if field.filler:
        yield f"unused boxes may hold {' or '.join(field.filler)}"
    yield from (f"{plain(rule)}{_weight(rule.severity)}" for rule in field.rules)
    if field.missing:
        yield f"{' or '.join(field.missing)} for a missing value"
    if field.allow:
        yield f"{' or '.join(field.allow)} may stand there, and is flagged"
    if field.unique:
        yield "unique in the batch"


def _weight(severity: str) -> str:
    return " (a warning only)" if severity == "warning" else ""


def _placed(fields: Sequence[Field], boxes: Sequence[Box]) -> Iterator[str]:
    """Say where each field's boxes lie in the scan."""
    width = max(len(field.name) for field in fields)
    for field in fields:
        extents = [box.extent for box in boxes if box.field == field.name]
        left, top = (min(extent[axis] for extent in extents) for axis in (0, 1))
        right, bottom = (max(extent[axis] + extent[2 + axis] for extent in extents) for axis in (0, 1))
        yield f"  {field.name:<{width}}  x {left} to {right}, y {top} to {bottom}"
