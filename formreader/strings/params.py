"""The numbers by which a wide box is cut into digits; lengths are shares of the writing's height unless said."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StringParams:
    """How writing is cut into pieces, and what a joining or a cut counts before the classifier is asked.

    Attributes
    ----------
    level
        Ink over this belongs to a stroke.
    least_height
        Digits are no lower than this share of the box's picture, its margins counted in: dashes alone are no digits.
    speck
        Pieces smaller than this in both directions are dirt, or a decimal point.
    overlap, bar
        A component lower than `bar` that stands over another by this share of the narrower belongs to it.
    line_length, line_height
        A piece this long and this flat is drawn with a ruler's intent: an underline or a strike.
    widest_whole
        A component narrower than this is never two digits: two touching ones are half as wide as high.
    line_share
        A strike runs through at least this share of the writing.
    cut_step, narrowest
        Cuts lie at least this far apart; there are no more of them than digits as narrow as this have room.
    least_digit
        Less ink than a stroke this long is no digit.
    thickest_cut
        In stroke widths: more ink than this is not cut through.
    leaning
        Ink that a cut's step aside is worth, so that it runs straight where nothing says otherwise.
    most_pieces
        A digit is made of at most so many pieces, unless it is a component of its own.
    widest_digit, widest_component
        A digit of several pieces is no wider; one of a single component may have a tail.
    broken, broken_reach
        Chance that two components that all but touch are one digit, and the distance over which it falls to a third.
    least_broken
        The least chance that two components are one digit, however far apart: a bar that flew off.
    beside, stacked, stacked_reach
        Two components that share less of the lower one's height than the first stand over each other; the chance that
        they are one digit where they all but touch, and over which distance it falls to a third.
    touching, touching_reach
        Chance that a cut through one stroke width parts two digits, and how many stroke widths more take it to a third.
    more_strokes
        Each further stroke that a cut crosses counts so many stroke widths: digits touch once, a 0 is cut twice.
    seen_whole, least_doubt, wide
        A component that as a whole looks like a digit is hardly two: chances of its cuts are multiplied by its
        probability to be none times the first, which is not taken under the second, or under one for a component
        wider than `wide`.
    short, short_reach
        A digit lower than this is unusual; each further step down of this size makes it three times less likely.
    short_cut, short_cut_reach
        The same for a piece cut off a stroke: a tail cut off reads as a 1, but it is no taller than a tail.
    lying, lying_reach
        A piece cut off a stroke that is wider than this share of its height is hardly a 1.
    unreadable, usual_width
        Chance that a digit is written so that it is none; for what is wider than a digit usually is, once for each.
    filled
        Chance of a dash or a cross in a place of its own, as people fill what they leave empty.
    miscounted
        Chance that somebody writes another number of digits than the form allows.
    least_point, point_rise, point_apart
        A mark is a decimal point from this share of a squared stroke width on, with its middle no higher over the foot
        of the digits than this, and surely one where it is so far from any digit.
    point_sure, point_doubtful
        How sure a point that stands clear is, and one that may be a bit of a stroke.
    readable
        A piece less probable than this to be any one digit is not called one.
    """

    level: int = 96
    least_height: float = 0.18
    speck: float = 0.22
    overlap: float = 0.5
    bar: float = 0.4
    line_length: float = 1.5
    line_height: float = 0.35
    widest_whole: float = 0.45
    line_share: float = 0.6
    cut_step: float = 0.1
    narrowest: float = 0.25
    least_digit: float = 0.45
    thickest_cut: float = 6.0
    leaning: float = 0.03
    most_pieces: int = 5
    widest_digit: float = 1.35
    widest_component: float = 2.2
    broken: float = 0.2
    broken_reach: float = 0.04
    least_broken: float = 0.0003
    beside: float = 0.3
    stacked: float = 0.9
    stacked_reach: float = 0.2
    touching: float = 0.15
    touching_reach: float = 1.5
    more_strokes: float = 1.0
    seen_whole: float = 20.0
    least_doubt: float = 0.2
    wide: float = 1.1
    short: float = 0.4
    short_reach: float = 0.06
    short_cut: float = 0.75
    short_cut_reach: float = 0.06
    lying: float = 0.75
    lying_reach: float = 0.1
    unreadable: float = 0.05
    usual_width: float = 0.8
    filled: float = 0.02
    miscounted: float = 0.003
    readable: float = 0.5
    least_point: float = 0.4
    point_rise: float = 0.3
    point_apart: float = 0.05
    point_sure: float = 0.998
    point_doubtful: float = 0.6
