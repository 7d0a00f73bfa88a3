"""What counts as a printed box."""

from __future__ import annotations

from dataclasses import dataclass

A4_LONG_SIDE_INCH = 11.69
"""Pages of unknown resolution are taken for A4."""


@dataclass(frozen=True, slots=True)
class FindParams:
    """What counts as a printed box: sizes in millimetres of paper."""

    least_mm: float = 2.4  # a smaller frame is a letter's inside or a module of a code
    least_px: float = 10.0  # in a smaller one no digit can be read
    most_mm: float = 16.5  # a larger one is a panel or a table
    most_wide_mm: float = 190.0
    aspect: tuple[float, float] = (0.4, 1.8)  # width / height of a box for one digit
    sizes: tuple[tuple[float, float], ...] = ()  # width and height; only boxes of about these are wanted, of a comb the
    # width alone: how high one writes on it is not printed
    size_off: float = 0.12  # of a side, by which such a box may be off
    size_off_mm: float = 0.3  # or this, which is a line's thickness
    working_dpi: float = 200.0  # finer scans are shrunk to this: a hairline still shows, and it is quick
    enlarged: float = 1.15  # coarser scans by more than this are enlarged: lines a pixel apart are told apart
    # lines
    thick_mm: float = 1.6  # thicker print is a bar, no line
    flaw_mm: float = 0.3  # where toner is missing in a line
    line_mm: float = 1.5  # the shortest straight piece of a solid line
    gap_mm: float = 1.0  # between the dots or dashes of a line
    row_mm: float = 2.0  # the shortest row of dots or dashes
    dash_mm: float = 3.0  # a longer piece is no dash
    dotted_mm: float = 0.65  # dots and dashes are not as thick as this
    contrast: float = 9.0  # grey levels darker than the paper on both sides: the palest frames have 15
    noise: float = 5.0  # and by so many standard deviations of the scanner's noise
    beside_mm: float = 1.0  # within this of a line's middle
    core: float = 0.25  # its pixels are darker than this share of it
    streak: float = 0.93  # of the page's height: a longer line down is a streak of dirt
    streak_mm: float = 0.4  # its half width
    streak_gap_mm: float = 4.0  # of print that interrupts it
    # corners
    round_mm: float = 2.0  # radius of a rounded corner
    arm_mm: float = 0.8  # a line leaves a corner for at least this long
    touch_mm: float = 0.6  # a line that ends at a passing one ends no farther from it
    # sides
    side_found: float = 0.75  # share of each side that must be printed, rounded corners left out
    side_whole: float = 0.5  # the same with them
    side_hidden: float = 0.5  # the same of a side where a row of boxes goes on
    sides_hidden: float = 0.75  # and of all four sides together
    gap_inside: float = 0.1  # of a rectangle: farther inside than that the gap between two boxes is looked for
    bend: float = 0.1  # of the shorter side: farther from its corner a frame is not rounded, but round
    # the inside
    bright: float = 0.6  # of the paper: a darker inside is a solid square
    empty: float = 0.015  # ink in the middle of a cell of a blank form: more is a label
    written: float = 0.55  # ink in the middle of a cell of a filled page: more is a code or a picture
    scribbled: float = 0.95  # the same where a row of boxes goes on: one is struck out by scribbling over it
    tone: float = 0.45  # of its frame's darkness: paler ink in a cell is a watermark
    behind: float = 0.2  # of the usual frame's darkness on a filled page: paler ones shine through from the back
    behind_lines: float = 0.05  # share of paler lines from which on the back of the paper is suspected
    front_boxes: int = 12  # with so many dark boxes, or; so many boxes upright, and no comb says that the page is not
    front: float = 0.3  # with this share of the area of all, the pale ones are not the form's own
    dot_mm: float = 0.7  # smaller marks in a cell are dust or a dotted guide, no label
    letter: float = 0.38  # of the frame's height: all marks of a label are lower
    letter_mm: float = 2.8  # and lower than this: digits are written larger
    base_even: float = 0.5  # a comb's base line is nowhere paler than this share of its usual darkness
    base_seen: float = 0.75  # share of it that is printed where it is in pieces
    comb_gap_mm: float = 3.0  # between its pieces
    comb_near: float = 0.3  # of lines in pieces: those are boxes' lines on which boxes stand over this share
    tick_mm: float = 1.6  # a tick is at least this high
    ticks_found: float = 0.85  # share of a comb's ticks that must be seen
    ticks_least: int = 3  # and so many: those of two slots, or of four without end ticks
    comb_taken: float = 0.75  # a line on which boxes stand over this share of it is no comb's
    combs_turned: int = 3  # so many combs that stand on their heads or on a side say that the page does
    beside: float = 0.15  # ink below a comb's line and beyond its ends
    within: float = 0.4  # and just above it
    comb: float = 1.3  # height / pitch of the slots of a comb that is open above
    around_mm: tuple[float, float] = (0.5, 1.1)  # from a frame: where the next letter would be
    around: float = 0.06  # ink there
    word_mm: float = 6.0  # a larger frame is no letter's inside
    sharp: float = 0.9  # of each side of a frame by itself, corners and all
    letter_ink: int = 40  # grey levels darker than the paper: print beside a frame
    letter_tall: tuple[float, float] = (0.5, 1.35)  # of a letter's height: that of those beside it
    letter_off: float = 0.15  # of its height: letters stand so level
    letter_gap: float = 1.0  # and so near
    # fields
    alike: float = 0.15  # boxes of one field differ in size by less
    even: float = 0.15  # and in pitch
    flush_mm: float = 0.6  # lines of a table closer than this are one
    gap: float = 0.9  # boxes of one field stand closer than this share of their width
