"""The command that opens the review page."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from formreader.cli.calls import login, need_opencv, say, show_page
from formreader.errors import UnusableCall

if TYPE_CHECKING:
    from formreader.review import Door

_RARE: Final = "Seldom needed"


def review(
    results: Annotated[Path, typer.Argument(metavar="RESULTS", help="Folder that `read` wrote.")],
    user: Annotated[str, typer.Option(metavar="NAME", help="Who decides; the page asks where left out.")] = "",
    template: Annotated[
        list[Path] | None,
        typer.Option(
            *("-t", "--template"), metavar="FILE", help="The form, where its file moved since pages were read."
        ),
    ] = None,
    second_key: Annotated[
        bool,
        typer.Option("--second-key", help="Key blind what others decided; where both differ, a third look settles it."),
    ] = False,
    audit: Annotated[
        str, typer.Option(metavar="N", help="Key the sample of audit N blind; 'last' for the last audit.")
    ] = "",
    model: Annotated[
        str,
        typer.Option(
            metavar="FILE",
            help="The model that RESULTS was read with, if it does not ship; for pages matched by hand.",
            rich_help_panel=_RARE,
        ),
    ] = "",
    browser: Annotated[bool, typer.Option(help="Whether to open the page in the browser.")] = True,
    port: Annotated[
        int, typer.Option(min=0, max=65_535, help="Where to listen; 0 for any free port.", rich_help_panel=_RARE)
    ] = 0,
    host: Annotated[
        str,
        typer.Option(help="Let other machines in, such as 0.0.0.0; needs --password.", rich_help_panel=_RARE),
    ] = "127.0.0.1",
    password: Annotated[
        str,
        typer.Option(
            envvar="FORMREADER_PASSWORD",
            help="Asked of whoever comes without the printed address.",
            rich_help_panel=_RARE,
        ),
    ] = "",
) -> None:
    """Check what is flagged, in the browser: doubtful digits in groups, then fields, failed pages, and the whole table.

    Every decision is kept with who made it and when; Ctrl+Z takes back. The tables in RESULTS follow when you pause and
    when you stop it with Ctrl-C.

    With --second-key another person keys what was decided once more, without seeing it; with --audit what
    `formreader audit` has drawn. Nothing else can be seen in such a review.
    """
    need_opencv()
    from formreader.review import Mode
    from formreader.review import review as serve

    if second_key and audit:
        raise UnusableCall("--second-key and --audit are two reviews; start one after the other")
    mode = Mode(second_key, _number(audit))

    def ready(door: Door) -> None:
        stop = "Ctrl-C here stops it; everything shown as saved is saved."
        show_page("Review", door.address, stop, browser=browser)

    is_written = serve(
        results,
        templates=template or (),
        model=model,
        mode=mode,
        user=" ".join(user.split()),
        suggested=login(),
        host=host,
        port=port,
        password=password,
        ready=ready,
        say=say,
    )
    if is_written:
        say(f"Stopped; the tables in {results} are up to date")
    else:
        say(f"Stopped; all decisions are saved, but the tables are older: formreader export {results} renews them")


def _number(audit: str) -> int | None:
    """Give the number of the audit that is named: None for none, 0 for the last one."""
    if not audit or audit == "last":
        return 0 if audit else None
    if not re.fullmatch("[1-9][0-9]{0,8}", audit):
        raise UnusableCall(f"--audit {audit}: give the number of an audit, or 'last'")
    return int(audit)
