"""What a model that has learnt from people reads otherwise: lines for a terminal, JSON, and a page with the crops."""

from __future__ import annotations

import json
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from formreader.classify import DIGIT_CLASSES
from formreader.documents import document, image, table
from formreader.errors import UnusableCall
from formreader.model import DigitModel
from formreader.training.acceptance import Duel, Judgement, as_card
from formreader.training.evaluation import Answers
from formreader.training.report import STYLE
from formreader.values import CLASSES

NAMES: Final = ("report.html", "report.json")
SHOWN: Final = 200
"""Crops of each kind on the page."""
SCALE: Final = 3
SURE: Final = 0.99

_STYLE: Final = (
    STYLE + ".crops { display: flex; flex-wrap: wrap; gap: .8rem; } .crops figure { margin: 0; text-align: center; }"
)
_BIASED: Final = (
    "People look at what the model before was unsure of, so that these digits are harder than most, and harder for it "
    "than for any other: fewer errors on them alone would not prove much. Hence the test digits must not be read worse."
)


def about_judgement(judgement: Judgement) -> Iterator[str]:
    """Say in a few lines how the two compare, and what follows."""
    for _, duel in _duels(judgement):
        yield f"On {duel.which}, with the model {judgement.before} and with the new one:"
        yield "  " + "; ".join(f"{what} {before} and {after}" for what, before, after in _measures(duel))
    if judgement.objections:
        yield "Not written, as the new model is worse:"
        yield from (f"  {objection}" for objection in judgement.objections)


def _measures(duel: Duel) -> Iterator[tuple[str, str, str]]:
    """Give what is measured, before and after."""
    for what, counts in (("wrong", duel.wrong), ("wrong and accepted", duel.silent)):
        before, after = (f"{int(rows.sum()):,}" for rows in counts)
        yield what, before, after
    before, after = (f"{1 - said.accepted.mean():.1%}" for said in (duel.before, duel.after))
    yield "flagged", before, after


def _answer(place: int) -> str:
    return CLASSES[place] if place < DIGIT_CLASSES else "no digit"


def write_changes(folder: Path, judgement: Judgement, before: DigitModel) -> None:
    """Write the page and the JSON into a folder, readable by their owner alone: they show people's writing.

    Raises
    ------
    UnusableCall
        The folder cannot be written to.
    """
    whole = as_card(judgement, before)["judged"] | {
        "changed": {name: _changes(duel) for name, duel in _duels(judgement)}
    }
    contents = (as_html(judgement), json.dumps(whole, indent=1, ensure_ascii=False) + "\n")
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for name, content in zip(NAMES, contents, strict=True):
            (folder / name).unlink(missing_ok=True)  # its permissions would stay
            (folder / name).touch(mode=0o600)
            (folder / name).write_text(content, encoding="utf-8")
    except OSError as error:
        raise UnusableCall(f"{folder}: cannot be written ({error.strerror}); name another folder") from error


def _duels(judgement: Judgement) -> tuple[tuple[str, Duel], tuple[str, Duel]]:
    return ("decided", judgement.decided), ("known", judgement.known)


def _changes(duel: Duel) -> list[dict[str, object]]:
    return [
        {"before": _answer(before), "after": _answer(after), "is": true, "count": count}
        for (before, after, true), count in duel.changes.most_common()
    ]


def as_html(judgement: Judgement) -> str:
    """Write a page with everything in it; nothing is fetched."""
    learnt = judgement.learnt
    of_people = (
        f"{len(learnt.labels):,} digits of {learnt.page_count:,} pages were learnt, {int(learnt.corrected.sum()):,} of "
        "them corrected by people."
    )
    verdict = "".join(f"<li>{escape(objection)}</li>" for objection in judgement.objections)
    verdict = f"The new model is worse, and was not written:<ul>{verdict}</ul>" if verdict else "It was written."
    parts = "".join(_part(duel, judgement) for _, duel in _duels(judgement))
    return document(
        "What the new model reads otherwise",
        _STYLE,
        f"<div>{verdict}</div>\n<p>{escape(of_people)} {escape(_BIASED)}</p>\n{parts}{_doubtful(judgement)}",
    )


def _part(duel: Duel, judgement: Judgement) -> str:
    """Show one kind of digits: what was measured, and what is answered otherwise."""
    changes = [(_answer(a), _answer(b), true, f"{count:,}") for (a, b, true), count in duel.changes.most_common()]
    heads = (judgement.before, "new model", "is", "how many")
    crops = "".join(
        _crop(duel.images[row], f"{_answer(was)} \u2192 {_answer(now)}, is {duel.after.labels[row]}")
        for row in duel.changed[:SHOWN].tolist()
        for was, now in ((int(duel.before.best[row]), int(duel.after.best[row])),)
    )
    return (
        f"<h2>{escape(duel.which)}</h2>\n{table(('', judgement.before, 'new model'), _measures(duel))}\n"
        f"<h3>Answered otherwise</h3>\n{table(heads, changes) if changes else '<p>None.</p>'}\n"
        f'<div class="crops">{crops}</div>\n'
    )


def _doubtful(judgement: Judgement) -> str:
    """Show digits that were surely read otherwise than people decided: a slip of theirs, or strokes lost in cutting."""
    kept, learnt = judgement.decided, judgement.learnt_before
    sure = np.minimum(kept.before.confidence, kept.after.confidence) >= SURE
    both = np.flatnonzero((kept.before.best == kept.after.best) & kept.after.wrong & sure)
    before = np.flatnonzero(learnt.wrong & (learnt.confidence >= SURE))
    crops = [_crop(kept.images[row], _doubt(kept.after, row)) for row in both.tolist()]
    crops += [_crop(judgement.learnt.images[row], _doubt(learnt, row)) for row in before[:SHOWN].tolist()]
    return f'<h2>Decisions to look at once more</h2>\n<div class="crops">{"".join(crops)}</div>\n' if crops else ""


def _doubt(said: Answers, row: int) -> str:
    return f"decided {said.labels[row]}, surely read {_answer(int(said.best[row]))}"


def _crop(digit: NDArray[np.uint8], text: str) -> str:
    side = SCALE * digit.shape[0]
    shown = cv2.resize(255 - digit, (side, side), interpolation=cv2.INTER_NEAREST)
    png: bytes = cv2.imencode(".png", shown)[1].tobytes()
    return f"<figure>{image(png, text, 'png')}<figcaption>{escape(text)}</figcaption></figure>"
