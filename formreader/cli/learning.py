"""What ``train`` does with batches that people have reviewed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from formreader.cli.calls import refuse_overwriting, say
from formreader.errors import UnusableCall

if TYPE_CHECKING:
    from formreader.training import Addition
    from formreader.training.acceptance import Judgement

_TOLD_EVERY: Final = 100


def addition_of(
    batches: Sequence[Path], templates: Sequence[Path], model: str, report: Path | None, *, force: bool
) -> Addition | None:
    """Cut the decided digits of batches; None where there are no batches.

    Raises
    ------
    UnusableCall
        Options are given that mean nothing without batches, a report is there already, or nothing was decided.
    """
    if not batches:
        for option, given in (("-t", templates), ("--report", report), ("--model", model != "default")):
            if given:
                raise UnusableCall(
                    f"{option}: goes with --add RESULTS, a reviewed batch; give that too or leave it out"
                )
        return None
    from formreader.decided import about_decided, decided_digits
    from formreader.model import load_model, model_path
    from formreader.template import load_templates
    from formreader.training import Addition
    from formreader.training.changes import NAMES, about_judgement, write_changes

    if report is not None:
        refuse_overwriting([report / name for name in NAMES], (), force=force, kind="folder", option="--report")
    before = load_model(model_path(model))
    found = decided_digits(batches, load_templates(templates), _told)
    for line in about_decided(found):
        say(line)

    def told(judgement: Judgement) -> None:
        for line in about_judgement(judgement):
            say(line)
        if report is not None:
            write_changes(report, judgement, before)
            say(f"What is read otherwise is in {report / NAMES[0]}")

    return Addition(found.digits, before, told)


def _told(pages: int) -> None:
    if pages % _TOLD_EVERY == 0:
        say(f"  {pages:,} reviewed pages cut")
