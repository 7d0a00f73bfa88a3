"""The command that opens the editor of templates."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from formreader.cli.calls import label_reader, need_opencv, say, show_page
from formreader.cli.forms import words_of
from formreader.errors import UnusableCall

if TYPE_CHECKING:
    from formreader.editor import Door

_NEW: Final = "For a form without a template"


def edit_template(
    form: Annotated[
        list[Path],
        typer.Argument(
            metavar="FORM...", help="A blank form, filled scans where no blank exists, or a template (.toml) to change."
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            *("-o", "--output"),
            metavar="FILE",
            help="The template to write; one that exists is edited.",
            show_default=False,
        ),
    ] = None,
    name: Annotated[
        str, typer.Option(help="The form's name; that of its file where left out.", rich_help_panel=_NEW)
    ] = "",
    filled: Annotated[
        bool,
        typer.Option(
            "--filled",
            help="FORM is one filled scan: match pages with it, never subtract it.",
            rich_help_panel=_NEW,
        ),
    ] = False,
    page: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="The page of FORM that shows the form; where left out, all are its pages.",
            rich_help_panel=_NEW,
        ),
    ] = None,
    wide: Annotated[
        bool, typer.Option("--wide", help="Take wide frames for boxes of several digits too.", rich_help_panel=_NEW)
    ] = False,
    labels: Annotated[
        bool | None,
        typer.Option(
            help="Whether fields are named by their printed labels; where left out, if the extra 'labels' is there.",
            rich_help_panel=_NEW,
        ),
    ] = None,
    browser: Annotated[bool, typer.Option(help="Whether to open the page in the browser.")] = True,
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Where to listen; 0 for any free port.")] = 0,
) -> None:
    """Make a form's template, or change one, in the browser.

    The boxes found on the form are shown on it: name them, move, add, split and join them, set what their values must
    be, and drop real scans on the page to see them read at once. Nothing is written before you save; what is not saved
    is kept as a draft, and the same command goes on with it.
    """
    need_opencv()
    from formreader.editor import edit, existing, found

    is_template = form[0].suffix.lower() == ".toml"
    if is_template and len(form) > 1:
        raise UnusableCall(f"{form[0]}: a template is edited by itself; name it alone")
    if is_template and output is not None:
        raise UnusableCall(f"{form[0]}: is edited in its place; call it without -o")
    path = form[0] if is_template else output or form[0].with_suffix(".toml")
    if path.suffix.lower() != ".toml":
        raise UnusableCall(f"{path}: the name of a template ends in .toml")
    path = path.resolve()
    if not path.parent.is_dir():
        raise UnusableCall(f"{path.parent}: no such folder; make it, or name another place with -o")
    if is_template or path.exists():
        opened = existing(path)
        if not is_template:
            say(f"{path.name} exists already and is edited")
    else:
        reader = label_reader(labels)
        say("Looking for boxes ...")
        opened = found(form, path, name=name, filled=filled, wide=wide, page=page, labels=reader)

    def ready(door: Door) -> None:
        show_page("Editor", door.address, "Ctrl-C here stops it.", browser=browser)

    if edit(opened, words_of, port=port, ready=ready):
        say("Stopped")
    else:
        say("Stopped; what was not saved is kept as a draft: the same command goes on with it")
