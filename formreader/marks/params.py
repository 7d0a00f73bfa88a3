"""How marks are looked at: lengths and areas on paper, darkness as a share of the paper's brightness."""

from __future__ import annotations

from dataclasses import dataclass

MM_PER_INCH = 25.4


@dataclass(frozen=True, slots=True)
class MarkParams:
    """Where boxes are looked for, what counts as ink, and how much of it marks an option.

    Shapes of ink were chosen by looking at marks; limits come from sheets drawn for choosing them, other ones than
    those of ``tests/benchmarks/choices.py``.
    """

    px_per_mm: float = 8.0  # 203 dpi: a pen's stroke is three pixels wide and more
    margin_mm: float = 4.0  # round a box: as far as the next one's middle, so that a tick that runs over is seen whole
    paper_mm: float = 12.0  # wider than any bubble: what is dark for so long is shade

    search_mm: float = 1.2  # how far a box may lie from where the map puts it
    refine_mm: float = 0.25  # and then each by itself: more is a mark, no print
    frame_mm: float = 0.3  # a printed line, where no blank form's picture shows it
    print_near_mm: float = 0.4  # print so far round a box helps to place it
    flat: float = 0.5  # darker counts no more for placing: marks are darker than print

    gain_print: float = 0.35  # print as dark as this tells how much of the blank's darkness the scan has
    print_over: float = 1.15  # times the blank's print: toner is uneven
    alike: int = 4  # boxes of one print that tell what is printed in them,
    of_alike: float = 0.3  # as so many of them show it: most are not marked
    most_print: float = 0.35  # of a box: no letter covers more, so most of its like are marked
    bare: float = 0.02  # of a box: with less ink it is empty,
    most_bare: float = 0.5  # and where more boxes than this share are, there are no letters in them

    soft_px: float = 0.7  # spread of the blur against noise
    black: float = 0.99  # of the boxes' pixels are paler than the page's black
    paper: float = 0.6  # of the pixels in boxes show paper at least, and its grain
    least_ink: float = 0.2  # of the page's black: a pencil's stroke is over 0.3
    least_trace: float = 0.075  # paler is paper's grain, or the back showing through
    noise: float = 4.0  # times the noise
    gap_mm: float = 0.9  # a stroke is cut so wide by a printed line that was taken away

    rim_mm: float = 0.25  # of the box, within its frame, where the frame's own traces lie
    thick_mm: float = 0.6  # further in, where a frame reaches that a dark copy has made as thick as a stroke;
    thick: float = 0.1  # of this is inked in most boxes then
    mark_mm2: float = 0.4  # a stroke of 0.4 mm that is 1 mm long
    none_mm2: float = 0.14  # dust is smaller
    doubt_mm2: float = 0.12  # of small and pale traces in a box and beside it: dust leaves less, an eraser more
    bare_doubt_mm2: float = 0.6  # the same without a blank form: of print that differs, more is left
    missed_mm2: float = 0.08  # the same where a mark that is missed would not be noticed
    pale: float = 0.5  # of the other marks' darkness: half rubbed out
    beside_mm: float = 0.9  # ink so near a box and in no other one may be meant for it
    beside_share: float = 0.5  # of a stroke's ink in this box to that in its own: then it may be meant for either
    struck: float = 0.55  # of the box: more ink than a large cross has, and
    struck_out: float = 0.1  # so much outside: something is scribbled over;
    overfilled: float = 0.25  # where most marks of the page fill their boxes, they reach out so far by themselves
    half_outside: float = 1.0  # times its ink in the box lies beyond it: it may be meant for another,
    aside: float = 0.25  # of the box's side from its middle, where the middle of such ink lies
    tail: float = 2.2  # unless it is a tick that stands in the box, and no more than this is its tail
    strewn: float = 2.0  # times as much ink beside a box as beside most others, and more than in it: a scribble
    much: float = 1.7  # times as much ink as most marks have: one mark is struck out by another
    enough: int = 4  # marks that tell how the writer marks
    outside: float = 0.1  # of the box's side: a stroke whose middle lies so far out was drawn beside it
    straight_mm: float = 0.3  # a line strays so little from its middle
    beyond_mm: float = 1.5  # a stroke that was meant for the box ends nearer to it
    goes_on: float = 0.6  # of the way from there on is inked: the line goes on
    through: float = 2.5  # times its ink in the box lies beyond it: a line that only ends there

    on_frame_mm: float = 0.6  # a circle drawn along a bubble's ring
    hidden: float = 6.5  # times the usual difference between boxes that look empty: one of them is not,
    hidden_alone: float = 2.0  # if no other of its question has half as much
    middle_mm2: float = 0.24  # as much ink is as often a mark as none
    steep: float = 6.0  # how fast one becomes the other, in logarithms of the area
    surest: float = 0.9999  # no more can be said of a mark that looks like one
    unsurest: float = 0.5  # nor less of one that nobody can be sure of


@dataclass(frozen=True, slots=True)
class Shape:
    """A box's patch in pixels: its size, and where in it the box lies.

    Attributes
    ----------
    size
        Width and height of the box.
    margin
        Round it on all sides.
    """

    size: tuple[int, int]
    margin: int

    @property
    def whole(self) -> tuple[int, int]:
        """Width and height of the patch."""
        return self.size[0] + 2 * self.margin, self.size[1] + 2 * self.margin
