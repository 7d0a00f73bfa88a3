"""Where fields stand, and how near print must be to name them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from formreader.labels.text import Place


@dataclass(frozen=True, slots=True)
class LabelParams:
    """How near to a field its label stands, in heights or widths of the field's box."""

    confidence: float = 0.9  # mean probability of a letter: print is seldom below, worn print is
    confidence_filled: float = 0.96  # of filled scans: handwritten names reached 0.95
    tight: float = 0.6  # of a line's height between two lines of one label
    most_lines: int = 8  # of a label above
    behind: float = 0.6  # from a tick box to its label
    clearly: float = 0.6  # a label behind one box stands so much nearer to it than to the next
    above: float = 1.4  # from a label down to its field
    lines_above: float = 2.6  # the same in heights of its last line: tall boxes have a title farther up
    left_of: float = 2.5  # widths of a box that a label above may begin before its field: a printed £, a sign
    beside: float = 1.5  # from a label left of a field that has another label above it
    far: float = 8.0  # from a label left of a field: farther off, fields in a column must agree
    listed: float = 0.5  # of a column's fields must have labels left of them, or none has
    farthest: float = 15.0  # of a list's labels, of which some are short
    off_middle: float = 0.42  # that a label of one line left of a field stands higher or lower than it
    part: float = 1.6  # widths of a box between the parts of one value: day, month and year
    row: float = 2.5  # from a field down to the next one of its column
    most_rows: int = 3  # of fields that share one label left of them
    most_parts: int = 6  # of a value, or fields of a row: a label left of more is the head of a row of choices


@dataclass(frozen=True, slots=True)
class Spot:
    """A field's place, and one box's size in it."""

    index: int
    place: Place
    box_width: float
    boxes: int

    @property
    def height(self) -> float:
        """Of a box."""
        return self.place.height

    def is_level(self, other: Place) -> bool:
        """Whether something's middle is as high as a box."""
        return self.place.top - 0.1 * self.height <= other.middle <= self.place.bottom + 0.1 * self.height

    def is_beside(self, other: Spot) -> bool:
        """Whether two fields stand in one row of the form."""
        return abs(self.place.middle - other.place.middle) < 0.5 * min(self.height, other.height)

    def is_under(self, other: Spot, params: LabelParams) -> bool:
        """Whether a field may be the next one down of a column."""
        flush = max(abs(self.place.left - other.place.left), abs(self.place.right - other.place.right))
        down = self.place.top - other.place.bottom
        near = -0.3 * self.height < down < params.row * self.height
        return self.boxes == other.boxes and flush < 0.4 * self.box_width and near


def is_close_behind(line: Place, spots: Sequence[Spot]) -> bool:
    """Whether print follows close on a field, as units do."""
    level = (spot for spot in spots if spot.is_level(line))
    return any(-0.3 * spot.box_width < line.left - spot.place.right < 1.5 * spot.height for spot in level)
