"""The commands about batches that are there: status and merge."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Final

import typer

from formreader.cli.calls import need_opencv, say

_CONFLICTS_SHOWN: Final = 10


def status(
    results: Annotated[Path, typer.Argument(metavar="RESULTS", help="Folder that `read` writes, or wrote.")],
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
    drift: Annotated[
        bool, typer.Option("--drift", help="Look for drift in the pages read so far; takes about a minute for 100,000.")
    ] = False,
) -> None:
    """Say how far a batch is, also while it is read: pages, pace, failures, what waits for review."""
    need_opencv()
    from formreader import status as watching

    found = watching.status_of(results, drift=drift)
    if as_json:
        typer.echo(json.dumps(watching.as_json(found), indent=1, ensure_ascii=False))
    else:
        typer.echo("\n".join(watching.as_lines(found)))


def merge(
    batches: Annotated[
        list[Path], typer.Argument(metavar="RESULTS...", help="Folders that `read` wrote, of one form.")
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="NEW", help="The new folder, with all that is in them.")
    ],
) -> None:
    """Join batches of one form into a new one; the old ones stay as they are.

    The same scan in several of them counts once. Of what people decided otherwise in two of them the later counts; both
    are kept, and listed in conflicts.csv.
    """
    need_opencv()
    from formreader.export import write_conflicts, write_tables
    from formreader.progress import about_earlier_settings, count_of
    from formreader.store import joined, open_results

    with joined(batches, output) as made:
        write_tables(made.folder)
        write_conflicts(made.folder, made.conflicts)
        with open_results(made.folder) as results:
            pages = results.page_count()
            notes = [*made.notes, *about_earlier_settings(*results.of_earlier_settings())]
    for note in notes:
        say(note)
    for one in made.conflicts[:_CONFLICTS_SHOWN]:
        said = f"'{one.kept}' ({one.kept_by}) counts, not '{one.other}' ({one.other_by})"
        say(f"{one.scan} page {one.page}, {one.field}: {said}")
    if made.conflicts:
        say(
            f"{count_of(len(made.conflicts), 'field')} decided otherwise in two batches; see {output / 'conflicts.csv'}"
        )
    say(f"{count_of(pages, 'page')} of {len(batches)} batches joined in {output}")
