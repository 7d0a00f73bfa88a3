"""The commands that take results out into spreadsheets, and corrections back in."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

from formreader.cli.calls import login, need_opencv, say
from formreader.errors import UnusableCall

_ROWS: Final = "Which rows and columns"
_LOOKS: Final = "How cells are written"
_REFUSED_SHOWN: Final = 50
_TOLD_EVERY: Final = 200


class Types(StrEnum):
    """What the cells of fields are."""

    text = "text"
    template = "template"


def export(
    results: Annotated[Path, typer.Argument(metavar="RESULTS", help="Folder that `read` wrote.")],
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help="An .xlsx, .csv, .tsv, .json, .jsonl, .parquet, .sqlite or .ods file; without it, the CSVs in RESULTS "
            "are renewed.",
        ),
    ] = None,
    long: Annotated[bool, typer.Option("--long", help="A row a field, with confidence and reasons.")] = False,
    digits: Annotated[
        bool | None,
        typer.Option(
            help="A row a box. Without -o: whether to renew digits.csv too; where left out, for up to 10,000 pages.",
            show_default=False,
        ),
    ] = None,
    corrections: Annotated[
        bool,
        typer.Option("--corrections", help="List instead what people decided of fields: who, when, old and new."),
    ] = False,
    only_reviewed: Annotated[
        bool,
        typer.Option("--only-reviewed", help="Only rows with nothing left to review.", rich_help_panel=_ROWS),
    ] = False,
    since: Annotated[
        str,
        typer.Option(
            metavar="RUN",
            help="Only rows with pages answered in this run or later (1, 2, ...), or since a date (2026-11-01).",
            rich_help_panel=_ROWS,
        ),
    ] = "",
    columns: Annotated[
        str,
        typer.Option(metavar="A,B,...", help="Only these columns, in this order.", rich_help_panel=_ROWS),
    ] = "",
    join: Annotated[
        Path | None,
        typer.Option(
            metavar="LIST",
            help="A .csv or .xlsx whose columns stand beside each row; what is absent, unknown or double is listed.",
            rich_help_panel=_ROWS,
        ),
    ] = None,
    on: Annotated[
        str,
        typer.Option(
            metavar="FIELD",
            help="The field to join by; FIELD=COLUMN where the list calls it otherwise.",
            rich_help_panel=_ROWS,
        ),
    ] = "",
    types: Annotated[
        Types,
        typer.Option(
            help="text, or numbers and dates where the template says so (min, max, decimals, date).",
            rich_help_panel=_LOOKS,
        ),
    ] = Types.text,
    excel: Annotated[
        bool,
        typer.Option("--excel", help="A CSV begins with the mark by which Excel knows UTF-8.", rich_help_panel=_LOOKS),
    ] = False,
    locale: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Decimal sign, dates and the parting of a CSV as the Excel of de_DE, fr_FR, ... expects them.",
            rich_help_panel=_LOOKS,
        ),
    ] = "",
    strips: Annotated[
        int,
        typer.Option(
            min=0,
            max=50_000,
            metavar="N",
            help="How many fields to review have their picture in a workbook.",
            rich_help_panel=_LOOKS,
        ),
    ] = 2_000,
) -> None:
    """Write the results as a workbook, flagged values coloured, or in a format that other programs read.

    A workbook has a sheet To review: fill its column 'right value' and give it back with `formreader import`.
    """
    need_opencv()
    from formreader.export import Wish, export_book, export_corrections, write_tables

    if corrections and (digits is not None or long):
        raise UnusableCall("--corrections lists decisions about fields; call it without --digits and --long")
    if long and digits:
        raise UnusableCall("--long with --digits: a row is a field or a box; give one of them")
    wish = Wish(
        shape="long" if long else "digits" if digits else "results",
        only_reviewed=only_reviewed,
        since=since,
        columns=tuple(name.strip() for name in columns.split(",") if name.strip()),
        types=types.value,
        join=join,
        on=on,
        excel=excel,
        locale=locale,
        strips=strips,
    )
    if output is None or corrections:
        _refuse_for_folder(wish, corrections=corrections)
    if corrections:
        say(f"Written to {export_corrections(results, output)}")
    elif output is None:
        write_tables(results, digits=digits)
        say(f"Written to {results}")
    else:
        written = export_book(results, output, wish, _told)
        for note in written.notes:
            say(note)
        say(f"Written to {', '.join(map(str, written.files[:5]))}{' ...' if len(written.files) > 5 else ''}")


def _told(cut: int) -> None:
    if cut % _TOLD_EVERY == 0:
        say(f"  {cut:,} strips cut")


def _refuse_for_folder(wish: object, *, corrections: bool) -> None:
    """Refuse options that say how a file is to be written where none of its own is."""
    from formreader.export import Wish

    plain = Wish()
    asked = [name for name in Wish.__dataclass_fields__ if getattr(wish, name) != getattr(plain, name)]
    if corrections:
        asked = [name for name in asked if name != "shape"]
    asked = [name for name in asked if not (name == "shape" and getattr(wish, name) == "digits")]
    if asked:
        named = ", ".join("--long" if name == "shape" else f"--{name.replace('_', '-')}" for name in asked)
        raise UnusableCall(
            f"{named}: the tables in RESULTS, and --corrections, are always whole; name a file of its own with -o"
        )


def import_(
    results: Annotated[Path, typer.Argument(metavar="RESULTS", help="Folder that the workbook was exported from.")],
    book: Annotated[
        Path, typer.Argument(metavar="BOOK", help="The .xlsx that `export` wrote, its sheet To review filled.")
    ],
    user: Annotated[str, typer.Option(metavar="NAME", help="Who decides; the login's name where left out.")] = "",
) -> None:
    """Take the corrections of a filled sheet To review into the batch, as decisions of the review page.

    In its column 'right value' stands what is written; ok: right as read; _: nothing is written; empty: nothing is
    said. A value that breaks a rule of the form needs a yes in 'stands anyway'. What cannot be taken is refused cell by
    cell, and the exit code is 1. The same book twice changes nothing; Ctrl+Z in the review takes a book back.
    """
    need_opencv()
    from formreader.imported import import_book
    from formreader.progress import count_of

    who = " ".join((user or login()).split())
    if not who:
        raise UnusableCall("who decides? Give --user NAME")
    done = import_book(results, book, who)
    for refusal in done.refused[:_REFUSED_SHOWN]:
        say(refusal)
    if len(done.refused) > _REFUSED_SHOWN:
        say(f"... and {len(done.refused) - _REFUSED_SHOWN:,} more")
    parts = [f"{count_of(done.taken, 'field')} decided by {who}", f"{done.known:,} known before"]
    parts += [f"{done.open:,} not said", f"{len(done.refused):,} refused"]
    say(", ".join(parts))
    if done.taken:
        say(f"`formreader export {results}` renews the tables")
    if done.refused:
        raise typer.Exit(1)
