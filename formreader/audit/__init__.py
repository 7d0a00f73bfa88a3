"""An audit: a sample of the accepted fields is keyed by people who do not see what was read, and proves a claim.

``draw -> key -> key again where that differs -> report``. The sample and all keys are stored in the batch; what is
written beside it can be written again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np

from formreader.audit.drawing import Population, Wish, draw, population_of
from formreader.audit.findings import Findings, findings_of
from formreader.audit.keyed_files import KeyedFile, read_keyed
from formreader.audit.keying import Taken, taken
from formreader.audit.report import as_html, as_json
from formreader.audit.sheets import write_private, write_sheets
from formreader.audit.strips import Strip, strips_of
from formreader.audit.verdicts import corrected, is_reading, to_look_at_again, verdicts_on
from formreader.checks import find_repeats
from formreader.errors import KeysError, UnusableCall
from formreader.store import Audit, AuditedField, Audits, Key, Results, audits_to_write, open_results
from formreader.store.audits import now

Tell = Callable[[int], None]


class Sheets(NamedTuple):
    """What there is to key.

    Attributes
    ----------
    file
        To key into; its strips lie beside it.
    fields
        How many there are.
    missing
        Those that cannot be shown, as their scans are gone.
    """

    file: Path
    fields: int
    missing: list[Strip]


def begin(folder: Path, wish: Wish, who: str, tell: Callable[[Population], None] = lambda _population: None) -> Audit:
    """Draw an audit and store it.

    Parameters
    ----------
    tell
        Is told what is drawn from, before that is done.

    Raises
    ------
    UnusableCall
        The batch has no accepted field, is being written to, or the claim cannot be proved of it.
    """
    with open_results(folder) as results:
        repeats = find_repeats(results)
        population = population_of(results, repeats)
        tell(population)
        audit, fields = draw(results, repeats, population, wish, who, now())
    with audits_to_write(folder) as audits:
        return audits.add(audit, fields)


def audit_of(results: Results, number: int | None = None) -> Audit:
    """Give an audit by its number; the last where left out.

    Raises
    ------
    UnusableCall
        There is none.
    """
    found = {audit.id: audit for audit in results.audits().all()}
    if not found:
        raise UnusableCall(f"{results.folder}: has no audit yet; draw one with --prove 10/10000")
    if number is not None and number not in found:
        raise UnusableCall(f"{results.folder}: has no audit {number}; there are {', '.join(map(str, found))}")
    return found[max(found) if number is None else number]


def folder_of(results: Path, audit: Audit) -> Path:
    """Give where an audit's files lie."""
    return results / f"audit-{audit.id}"


def write_first(folder: Path, number: int | None = None, tell: Tell = lambda _cut: None) -> Sheets:
    """Write what the first person keys from and into.

    Raises
    ------
    BatchError
        It is there already, or cannot be written.
    """
    with open_results(folder) as results:
        audit = audit_of(results, number)
        fields = results.audits().fields(audit)
        return _written(results, audit, fields, 1, tell)


def write_second(folder: Path, number: int | None = None, tell: Tell = lambda _cut: None) -> Sheets | None:
    """Write what another person keys from and into; None where no key differs from its reading.

    Raises
    ------
    BatchError
        It cannot be written.
    """
    with open_results(folder) as results:
        audit = audit_of(results, number)
        audits = results.audits()
        fields = audits.fields(audit)
        again = to_look_at_again(fields, verdicts_on(fields, audits.keys(audit)), audit.seed)
        return _written(results, audit, again, 2, tell) if again else None


def _written(results: Results, audit: Audit, fields: Sequence[AuditedField], look: int, tell: Tell) -> Sheets:
    file, missing = write_sheets(results, audit, fields, folder_of(results.folder, audit), look=look, tell=tell)
    return Sheets(file, len(fields), missing)


class TakenOver(NamedTuple):
    """What became of a keyed file; `corrected` fields now have the value that two people keyed."""

    audit: Audit
    file: KeyedFile
    taken: Taken
    corrected: int


def take_over(folder: Path, path: Path, who: str) -> TakenOver:
    """Store what a person keyed, and put right in the batch what is wrong by now.

    Raises
    ------
    KeysError
        The file has mistakes; nothing was stored.
    BatchError
        The batch cannot be written to.
    """
    file = read_keyed(path)
    with audits_to_write(folder) as audits:
        audit = next((audit for audit in audits.all() if audit.code == file.code), None)
        if audit is None:
            raise KeysError(f"{path}: is of an audit '{file.code[:20]}' that {folder} does not have; name its folder")
        return take(audits, audit, audits.fields(audit), file, who)


def take(audits: Audits, audit: Audit, fields: Sequence[AuditedField], file: KeyedFile, who: str) -> TakenOver:
    """Store what a person keyed for fields of an audit, and put right in the batch what is wrong by now.

    Parameters
    ----------
    fields
        All of the audit, or the one that was keyed.

    Raises
    ------
    KeysError
        There are mistakes in what was keyed; nothing was stored.
    BatchError
        The batch cannot be written to.
    """
    number = fields[0].number if len(fields) == 1 else None
    known = audits.keys(audit, number)
    new = taken(file, {field.number: field for field in fields}, known, who, now())
    audits.add_keys(audit, new.keys)
    return TakenOver(audit, file, new, _put_right(audits, fields, audits.keys(audit, number)))


def _put_right(audits: Audits, fields: Sequence[AuditedField], keys: Sequence[Key]) -> int:
    """Decide the fields that two people keyed otherwise than read; take back what they do not say any more.

    What a person decided elsewhere stays. The audit goes on to be about the reading.
    """
    count = 0
    for field, verdict in zip(fields, verdicts_on(fields, keys), strict=True):
        if verdict.first is None or not verdict.others or is_reading(verdict.first.key, field):
            continue
        value = corrected(verdict.value, field) if verdict.state == "wrong" else None
        last = audits.decided(field)
        if (last and last[1] != "audit") or (last is None and value is None):
            continue
        held, holds = last[0] if last else field.value, field.value if value is None else value
        if held != holds:
            who = ", ".join(dict.fromkeys(key.who for key in (verdict.first, *verdict.others)))
            audits.decide(field, held, holds, who)
            count += 1
    return count


def write_report(folder: Path, number: int | None = None, output: Path | None = None) -> tuple[Findings, Path]:
    """Write ``report.html`` and ``report.json``; give what they say and where they lie.

    Raises
    ------
    BatchError
        They cannot be written.
    """
    with open_results(folder) as results:
        audit = audit_of(results, number)
        found = findings_of(results, audit)
        runs = results.audits().read_by(audit)
        doubtful = [field for field, _ in found.numbered("wrong", "undecided", "differs")]
        strips = {strip.field.number: strip for strip in strips_of(results, doubtful)}
    place = folder_of(folder, audit) if output is None else output
    html = as_html(found, runs, strips, _plots(found))
    write_private(place, {"report.html": html, "report.json": as_json(found, runs)})
    return found, place


def _plots(found: Findings) -> dict[str, bytes] | None:
    """Draw what is known; None without matplotlib."""
    if find_spec("matplotlib") is None:
        return None
    from formreader.audit.plots import plots_of

    known = found.numbered("right", "wrong")
    if not known:
        return {}
    confidence = np.array([field.confidence for field, _ in known], np.float64)
    return dict(plots_of(confidence, np.array([verdict.state == "wrong" for _, verdict in known])))


__all__ = [
    "Findings",
    "Sheets",
    "TakenOver",
    "Wish",
    "audit_of",
    "begin",
    "folder_of",
    "take",
    "take_over",
    "write_first",
    "write_report",
    "write_second",
]
