"""What one field takes on paper: its label, its boxes, and what stands beside them.

A block's own top left corner is (0, 0). Digits are written from left to right in every script; all else is turned over
on a form whose script runs from the right.

Imported by `printing` alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from formreader.errors import UnusableCall
from formreader.printing.form import Asked
from formreader.printing.setting import Setter
from formreader.printing.sheets import (
    HINT,
    LABEL,
    LETTER,
    Block,
    Dot,
    Frame,
    LayoutParams,
    Parts,
    Place,
    Side,
    Style,
    Text,
    Written,
)

_FAINT: Final = 0.2  # of a millimetre: how much a text's place is larger than its words


@dataclass(frozen=True, slots=True)
class Run:
    """The boxes of a number, from x 0, with what belongs to them."""

    width: float
    places: tuple[Place, ...]
    parts: Parts


def run_of(asked: Asked, params: LayoutParams) -> Run:
    """Set the boxes of a field of digits side by side: gaps between the parts of a date, a point before decimals."""
    wide, tall = params.box
    breaks = _breaks(asked.layout)
    places: list[Place] = []
    dots: list[Dot] = []
    x = 0.0
    for k in range(asked.digits):
        if k and k == asked.digits - asked.decimals:
            dots.append(Dot(x + params.point / 2, tall - params.dot / 2))
            x += params.point
        elif k:
            x += params.part if k in breaks else params.apart
        places.append((x, 0.0, wide, tall))
        x += wide
    letters = zip(asked.letters, places, strict=False)
    under = tuple(
        Text((place[0], tall + 0.5, wide, LETTER.line_mm), letter, LETTER, "middle") for letter, place in letters
    )
    frames = tuple(Frame(place) for place in places)
    return Run(x, tuple(places), Parts(under, frames, tuple(dots), (), (Written(asked, tuple(places)),)))


def _breaks(layout: str) -> set[int]:
    """Give the places in a date before which another part begins."""
    return {k for k in range(1, len(layout)) if layout[k] != layout[k - 1]}


def blocks_of(asked: Asked, widths: Sequence[float], setter: Setter, params: LayoutParams) -> Block:
    """Lay out a field in the first of some widths that it fits in.

    Raises
    ------
    UnusableCall
        It fits in none.
    """
    for width in widths:
        needed = _needed(asked, setter, params)
        if needed <= width + 1e-6:
            return _block(asked, width, setter, params)
    hint = "make its boxes fewer" if asked.kind == "digits" else "make it narrower"
    raise UnusableCall(
        f"field '{asked.name}': it is {_needed(asked, setter, params):.0f} mm wide, "
        f"and the page has room for {max(widths):.0f} mm; {hint}"
    )


def _needed(asked: Asked, setter: Setter, params: LayoutParams) -> float:
    """Give the least width of what stands below the label."""
    match asked.kind:
        case "digits":
            return run_of(asked, params).width
        case "choice":
            widest = max(setter.most_width(option, LABEL) for option in asked.options)
            return params.mark + params.beside_mark + min(widest, 60.0) + _FAINT
        case _:
            return asked.width_mm or 30.0


def _block(asked: Asked, width: float, setter: Setter, params: LayoutParams) -> Block:
    side: Side = "right" if setter.rtl else "left"
    label = text_of(asked.label, LABEL, width, setter, side)
    head = label.place[3] + params.under_label if label else 0.0
    if asked.kind == "digits":
        run = run_of(asked, params)
        below = run.parts.moved(width - run.width if setter.rtl else 0.0, head)
        tall = params.box[1] + (LETTER.line_mm + 0.5 if asked.letters.strip() else 0.0)
    elif asked.kind == "choice":
        parts, tall = options_of(asked, width, setter, params)
        below = parts.moved(0.0, head)
    else:
        below, tall = _strip(asked, width, head, setter, params)
    hint = text_of(asked.hint, HINT, width, setter, side)
    texts = (label,) if label else ()
    parts = Parts(texts) + below
    if hint:
        parts = parts + Parts((hint,)).moved(0.0, head + tall + 0.6)
        tall += hint.place[3] + 0.6
    return Block(width, head + tall, head, parts)


def text_of(words: str, style: Style, width: float, setter: Setter, side: Side) -> Text | None:
    """Set words into a width, as many lines high as they take; None where there are none."""
    lines = setter.most_lines(words, style, width)
    return Text((0.0, 0.0, width, lines * style.line_mm), words, style, side) if lines else None


def _strip(asked: Asked, width: float, head: float, setter: Setter, params: LayoutParams) -> tuple[Parts, float]:
    """Frame the place for a line of writing, a signature, or a sticker."""
    wide = asked.width_mm or width
    tall = asked.height_mm or (params.key if asked.kind == "key" else params.image)
    place = (width - wide if setter.rtl else 0.0, head, wide, tall)
    return Parts(frames=(Frame(place),), written=(Written(asked, (place,)),)), tall


def options_of(asked: Asked, width: float, setter: Setter, params: LayoutParams) -> tuple[Parts, float]:
    """Set the marks of a choice with their texts, line after line, from y 0."""
    x = y = 0.0
    texts: list[Text] = []
    places: list[Place] = []
    tallest = 0.0
    side: Side = "right" if setter.rtl else "left"
    for option in asked.options:
        room = width - params.mark - params.beside_mark
        wide = min(setter.most_width(option, LABEL) + _FAINT, room)
        lines = setter.most_lines(option, LABEL, wide)
        tall = max(params.options_line, lines * LABEL.line_mm + 1.0)
        if x and x + params.mark + params.beside_mark + wide > width + 1e-6:
            x, y, tallest = 0.0, y + tallest, 0.0
        tallest = max(tallest, tall)
        words = (x + params.mark + params.beside_mark, y, wide, lines * LABEL.line_mm)
        lower = (params.mark - LABEL.line_mm) / 2 if lines == 1 else 0.0
        texts.append(Text((words[0], y + lower, wide, words[3]), option, LABEL, side))
        places.append((x, y, params.mark, params.mark))
        x += params.mark + params.beside_mark + wide + params.options_apart
    if setter.rtl:
        texts = [Text(_turned(t.place, width), t.words, t.style, t.side) for t in texts]
        places = [_turned(place, width) for place in places]
    frames = tuple(Frame(place, asked.bubbles) for place in places)
    return Parts(tuple(texts), frames, written=(Written(asked, tuple(places)),)), y + tallest


def _turned(place: Place, width: float) -> Place:
    return width - place[0] - place[2], place[1], place[2], place[3]
