"""The command that proves how many accepted fields are wrong."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from formreader.cli.calls import need_opencv, say
from formreader.errors import UnusableCall

if TYPE_CHECKING:
    from formreader.audit import Sheets
    from formreader.audit.drawing import Population, Wish

_LISTED: Final = 10
_TOLD_EVERY: Final = 250


def audit(
    results: Annotated[Path, typer.Argument(metavar="RESULTS", help="Folder that `read` wrote.")],
    prove: Annotated[
        str, typer.Option(metavar="SHARE", help="Draw fields to prove this share of wrong ones: 10/10000 or 0.1%.")
    ] = "",
    sample: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Draw so many; else as many as prove it with none wrong.")
    ] = None,
    by_field: Annotated[
        bool, typer.Option("--by-field", "--stratified", help="Draw so that each field has its share of the sample.")
    ] = False,
    seed: Annotated[int | None, typer.Option(min=0, max=2**32 - 1, help="The same seed draws the same fields.")] = None,
    keys: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Take over keys.csv or second-keys.csv, also partly filled in.")
    ] = None,
    second: Annotated[
        bool, typer.Option("--second", help="Write what another person must key: where keys and readings differ.")
    ] = False,
    report: Annotated[bool, typer.Option("--report", help="Write report.html and report.json.")] = False,
    strips: Annotated[bool, typer.Option("--strips", help="Write keys.csv and its strips again.")] = False,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="DIR", help="Where the report goes; RESULTS/audit-N else.")
    ] = None,
    user: Annotated[
        str, typer.Option(metavar="NAME", help="Who draws or keyed; the name you are logged in by else.")
    ] = "",
    number: Annotated[
        int | None, typer.Option("--audit", min=1, metavar="N", help="Which audit; the last else.")
    ] = None,
) -> None:
    """Prove how many of the accepted fields are wrong: people key a sample of them, not seeing what was read.

    First draw with --prove; key what strips.html shows into keys.csv; take it over with --keys. Where a key differs
    from the reading, --second writes the sheet for another person. --report says what is proved.
    """
    need_opencv()
    wanted = [bool(prove or sample), keys is not None, second, report, strips]
    if sum(wanted) != 1:
        raise UnusableCall(
            "one at a time, please: --prove SHARE (or --sample N), --keys FILE, --second, --report, --strips"
        )
    if wanted[0]:
        _draw(results, prove, sample, seed, _named(user), by_field=by_field)
    elif keys is not None:
        _take_over(results, keys, _named(user))
    elif second:
        _second(results, number)
    elif report:
        _report(results, number, output)
    else:
        from formreader.audit import write_first

        _say_sheets(write_first(results, number, _told))


def _named(user: str) -> str:
    if name := " ".join(user.split()):
        return name
    try:
        return getpass.getuser()
    except (OSError, KeyError) as error:
        raise UnusableCall("who are you? Give your name with --user") from error


def _draw(results: Path, prove: str, sample: int | None, seed: int | None, who: str, *, by_field: bool) -> None:
    from formreader.audit import begin, write_first
    from formreader.audit.drawing import Wish
    from formreader.claims import USUAL, claim_of

    wish = Wish(claim_of(prove, "--prove") if prove else USUAL, sample, by_field, seed)
    drawn = begin(results, wish, who, lambda population: say(_plan(population, wish)))
    say(f"Audit {drawn.id}: {drawn.drawn:,} fields drawn with seed {drawn.seed}; cutting their strips ...")
    _say_sheets(write_first(results, drawn.id, _told))


def _plan(population: Population, wish: Wish) -> str:
    """Say how many must be keyed, with none wrong and with some, and what the sample can prove."""
    from formreader.audit.bounds import needed_of_any, upper_bound
    from formreader.audit.drawing import planned
    from formreader.claims import per_10000

    every = [planned(population, wish._replace(size=None), wrong) for wrong in range(4)]
    none, *some = [f"{sum(sizes):,}" for sizes in every if sizes is not None]
    with_some = ", ".join(f"{size} with {wrong}" for wrong, size in enumerate(some, start=1))
    lines = [
        f"{population.size:,} fields of {population.pages:,} pages were accepted.",
        f"To prove at 95 % that at most {per_10000(wish.claim)} in 10,000 of them are wrong takes {none} keyed with "
        f"none wrong ({needed_of_any(wish.claim):,} in a batch of any size)"
        + (f"; {with_some} wrong." if some else "; with any wrong it cannot be proved of so few."),
    ]
    if wish.size is not None:
        sizes = planned(population, wish) or []
        counts = list(population.accepted.values()) if wish.by_field else [population.size]
        bound = per_10000(upper_bound(0, counts, sizes))
        lines.append(f"{sum(sizes):,} with none wrong prove at most {bound} in 10,000.")
    return "\n".join(lines)


def _told(cut: int) -> None:
    if cut % _TOLD_EVERY == 0:
        say(f"  {cut:,} strips")


def _say_sheets(sheets: Sheets) -> None:
    for strip in sheets.missing[:_LISTED]:
        say(f"  number {strip.field.number} cannot be shown: {strip.missing}")
    if len(sheets.missing) > _LISTED:
        say(f"  ... and {len(sheets.missing) - _LISTED:,} more")
    if sheets.missing:
        say(
            "They stay in the sample, and count as wrong until they are keyed: put the scans back where they lay, move "
            f"{sheets.file.name} away, and write the strips again with --strips"
        )
    pages = "strips*.html" if sheets.file.name == "keys.csv" else sheets.file.name.replace("keys.csv", "strips*.html")
    say(f"Key {sheets.fields:,} fields into {sheets.file}, as {pages} beside it show")


def _take_over(results: Path, path: Path, who: str) -> None:
    from formreader.audit import take_over
    from formreader.progress import count_of
    from formreader.store import open_results

    done = take_over(results, path, who)
    new = done.taken
    parts = [f"{count_of(len(new.keys), 'key')} of {who} taken over", f"{new.changed:,} of them changed"]
    parts += [f"{new.known:,} known before", f"{new.empty:,} not keyed yet"]
    say(f"Audit {done.audit.id}: {', '.join(parts)}")
    if new.unsure:
        from formreader.audit.keying import shown

        say(
            f"{count_of(len(new.unsure), 'key')} set aside: a program has taken leading zeros off this file, and these "
            f"may have had some (numbers {shown(new.unsure)}). Key them once more in a column that is Text, or as '007"
        )
    if done.corrected:
        fields = count_of(done.corrected, "field")
        say(f"{fields} put right in the batch, as two people keyed; `formreader export {results}` renews the tables")
    from formreader.audit.findings import findings_of

    with open_results(results) as batch:
        found = findings_of(batch, done.audit)
    waiting = len(found.numbered("differs", "undecided"))
    if waiting:
        say(f"{count_of(waiting, 'field')} to be keyed by another person: formreader audit {results} --second")
    say(found.sentence)


def _second(results: Path, number: int | None) -> None:
    from formreader.audit import write_second

    sheets = write_second(results, number, _told)
    if sheets is None:
        say("No key differs from what was read; nobody needs to key anything again")
    else:
        _say_sheets(sheets)
        say("Another person keys these, then: --keys FILE --user NAME")


def _report(results: Path, number: int | None, output: Path | None) -> None:
    from formreader.audit import write_report

    found, place = write_report(results, number, output)
    for line in (found.sentence, found.about_more, *found.notes):
        if line:
            say(line)
    say(f"Written to {place / 'report.html'} and report.json")
