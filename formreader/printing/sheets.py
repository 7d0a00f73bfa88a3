"""What lies where on the pages of a form: values in millimetres from the top left corner of the paper.

Imported by `printing` alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final, Literal

from formreader.printing.form import Asked

Place = tuple[float, float, float, float]
"""x, y, width, height in millimetres."""

Side = Literal["left", "middle", "right"]

PAPERS_MM: Final = {"A4": (210.0, 297.0), "Letter": (215.9, 279.4)}
MM_PER_POINT: Final = 25.4 / 72
LINE_SPACING: Final = 1.22  # of the letters' size: Latin accents and Arabic marks keep clear of the line above


@dataclass(frozen=True, slots=True)
class Style:
    """How words are set; `soft` words are printed in the form's tone or, where that is black, in grey."""

    size_pt: float
    bold: bool = False
    soft: bool = False

    @property
    def line_mm(self) -> float:
        """Height of a line."""
        return self.size_pt * MM_PER_POINT * LINE_SPACING


TITLE: Final = Style(15, bold=True)
RUNNING: Final = Style(9, bold=True)
PLAIN: Final = Style(9)
HEADING: Final = Style(11, bold=True)
LABEL: Final = Style(9)
COLUMN: Final = Style(8, bold=True)
HINT: Final = Style(7, soft=True)
LETTER: Final = Style(6, soft=True)
FOOT: Final = Style(7.5)
NUMBER: Final = Style(9, bold=True)


@dataclass(frozen=True, slots=True)
class Text:
    """Words that are broken into lines to fit the width of a place, and never take more than its height."""

    place: Place
    words: str
    style: Style
    side: Side = "left"


@dataclass(frozen=True, slots=True)
class Frame:
    """A printed frame: the middle of its lines; a round one is the ellipse in its place."""

    place: Place
    is_round: bool = False


@dataclass(frozen=True, slots=True)
class Dot:
    """A printed decimal point, by its middle."""

    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Rule:
    """A thin line across."""

    x: float
    y: float
    width: float


@dataclass(frozen=True, slots=True)
class Written:
    """Where a field is written: a place a box, on the middle of the printed lines."""

    asked: Asked
    boxes: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Parts:
    """Things on a page; `moved` gives them elsewhere."""

    texts: tuple[Text, ...] = ()
    frames: tuple[Frame, ...] = ()
    dots: tuple[Dot, ...] = ()
    rules: tuple[Rule, ...] = ()
    written: tuple[Written, ...] = ()

    def moved(self, x: float, y: float) -> Parts:
        """Give these parts further to the right and down."""
        return Parts(
            tuple(replace(text, place=_moved(text.place, x, y)) for text in self.texts),
            tuple(replace(frame, place=_moved(frame.place, x, y)) for frame in self.frames),
            tuple(Dot(dot.x + x, dot.y + y) for dot in self.dots),
            tuple(Rule(rule.x + x, rule.y + y, rule.width) for rule in self.rules),
            tuple(Written(one.asked, tuple(_moved(box, x, y) for box in one.boxes)) for one in self.written),
        )

    def __add__(self, other: Parts) -> Parts:
        return Parts(
            self.texts + other.texts,
            self.frames + other.frames,
            self.dots + other.dots,
            self.rules + other.rules,
            self.written + other.written,
        )


def _moved(place: Place, x: float, y: float) -> Place:
    return place[0] + x, place[1] + y, place[2], place[3]


@dataclass(frozen=True, slots=True)
class Sheet:
    """One page.

    Attributes
    ----------
    marks
        The corner markers: top left, top right, bottom right, bottom left.
    ids
        Their numbers in the dictionary.
    code
        The QR code with its quiet zone.
    """

    parts: Parts
    marks: tuple[Place, ...]
    ids: tuple[int, ...]
    code: Place


@dataclass(frozen=True, slots=True)
class Layout:
    """A form on paper: its size in millimetres and its pages."""

    paper: tuple[float, float]
    sheets: tuple[Sheet, ...]


@dataclass(frozen=True, slots=True)
class LayoutParams:
    """How a form is laid out, in millimetres.

    Boxes of 6 x 8 stand a little apart: a stroke that leaves its box then does not enter the next.
    """

    margin: float = 10.0  # printers leave 4 to 6 unprinted
    marker: float = 8.0  # a cell of 5 x 5 bits and rim is 1.1: 3.9 pixels where pages are matched, 1,000 pixels high
    clear: float = 4.0  # round a marker; its dictionary wants one cell
    inset: float = 4.0  # of what is printed, inside the markers' outer edges
    gutter: float = 8.0  # between two columns
    box: tuple[float, float] = (6.0, 8.0)
    apart: float = 1.0  # between boxes of a field
    part: float = 2.6  # between parts of a date
    point: float = 3.4  # between boxes with a decimal point between them
    dot: float = 0.9
    under_label: float = 1.0
    under_block: float = 4.2
    key: float = 9.0
    image: float = 16.0
    mark: float = 5.0  # a tick box or bubble
    beside_mark: float = 1.8
    options_apart: float = 6.0
    options_line: float = 7.0
    table_pitch: float = 10.5
    table_gap: float = 6.0
    most_label: float = 62.0  # of a table's row labels
    module: float = 0.7  # of the QR code: 4 pixels at 150 dpi; with 0.5 one worn page in ten is not read, with 0.4 half
    quiet_modules: int = 4


DEFAULT: Final = LayoutParams()


@dataclass(frozen=True, slots=True)
class Block:
    """What belongs together and is laid out as one.

    Attributes
    ----------
    head
        Height of the label: blocks side by side are set so that what is below it begins at one height.
    """

    width: float
    height: float
    head: float
    parts: Parts = field(default_factory=Parts)
