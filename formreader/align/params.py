"""What matching a page goes by."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Homography = NDArray[np.float64]
"""(3, 3), from template pixels to scan pixels."""


@dataclass(frozen=True, slots=True)
class AlignParams:
    """How a page is matched.

    The working sizes are long sides in pixels: landmarks need the layout, not the strokes; for the frame its lines must
    still be a pixel wide (a 0.3 mm line on A4 is 1.8 px at 1,800).
    """

    landmark_px: int = 1000
    landmarks: int = 1500
    ratio: float = 0.8  # Lowe's test; forms repeat themselves, so it is no stricter than his
    landmark_reach_px: float = 4.0
    least_landmarks: int = 14  # four pairs fit any map; a dozen that agree by chance were never seen
    frame_px: int = 1800
    patch_px: int = 33
    search_px: int = 14
    patch_grid: tuple[int, int] = (12, 16)
    patch_likeness: float = 0.6
    flat_reach_px: float = 5.0  # of a homography: paper that curls lies 1 mm off it here and there
    patch_reach_px: float = 1.5  # of the bent map: 0.25 mm on A4
    bend_stiffness: tuple[float, float] = (1.0, 0.01)  # of the plate fitted to the paper, at first and at last
    bend_grid: int = 25  # places along each side at which the bend is kept, 12 mm apart on A4
    most_uneven: float = 0.04  # of a place of the paper along either side: curls measured up to 0.03
    most_stretch: float = 0.03  # across against along: feeders and printers measured up to 0.02
    flat_sides: float = 0.012  # opposite sides of a flat scan are as alike
    bent_flat_sides: float = 0.022  # and where a map is bent
    bent: float = 0.01  # by this share of a place of the paper
    marked_tries: int = 2  # of the ways round that corner squares allow, those most like the reference
    coarse_px: int = 200
    same_paper: float = 1.12  # sides of page and form alike up to this factor: flat scans of one paper size
    coarse_shift: float = 0.08  # of the long side: how far a page may be shifted for the quick map
    coarse_likeness: float = 0.4
    glanced_likeness: float = 0.2  # enough for a look at half the working size, which costs little
    line_reach: float = 0.0025  # of the long side, 0.7 mm on A4: a line found this near its place counts
    least_score: float = 0.5  # of the frame
    turns_apart: float = 0.1  # two turns of a page closer than this in score cannot be told apart
    letter: tuple[float, float] = (0.005, 0.1)  # of the long side, 1.5 to 30 mm on A4: a letter, figure or word
    least_letters: int = 6  # fewer marks of that size are stains on a blank sheet

    def halved(self) -> AlignParams:
        """Give what a look at half the working size goes by."""
        return replace(
            self,
            frame_px=self.frame_px // 2,
            patch_px=self.patch_px // 2 | 1,
            search_px=self.search_px // 2 + 1,
            patch_grid=(round(0.8 * self.patch_grid[0]), round(0.8 * self.patch_grid[1])),
            flat_reach_px=self.flat_reach_px / 2,
            patch_reach_px=self.patch_reach_px / 2,
        )


@dataclass(frozen=True, slots=True)
class EvidenceParams:
    """What is looked for under a map, and how much of it tells forms apart. Lengths in millimetres of paper."""

    run: float = 0.5  # of a box's side: straight ink this long is a line, no writing
    gaps_mm: tuple[float, ...] = (0.0, 0.8, 1.6)  # bridged in dashed and dotted lines, the least that shows the frame
    least_printed: float = 0.15  # of the boxes' sides: a comb prints a base line only
    words_mm: tuple[float, float] = (2.2, 0.9)  # letters closer than this, across and down, are one word or phrase
    least_word_mm: tuple[float, float] = (3.5, 1.2)  # a smaller piece of print is like many others
    most_word_mm: float = 22.0  # longer ones are cut: a fold across one takes no whole line away
    longest_stroke_mm: float = 6.0  # longer ones are rules and frames
    words: int = 140
    slack_mm: float = 0.7  # how far a word may lie from its place
    moved_mm: float = 9.0  # a word found as far beside its place, and not in it, is another form's
    moved_word: float = 0.85
    most_drift: float = 0.03  # of its way beyond the boxes, where no bend shows; rows spread by 4 % are off by more
    tallest_word_mm: float = 15.0
    same_word: float = 0.65  # correlation: on worn own pages 0.72 to 1
    other_word: float = 0.68  # other titles in a title's place reached 0.67
    clear_words: float = 0.95  # three quarters of a clear page's own words are as like
    nearly_all: float = 0.85  # of the words: where as many are found, poor print makes others less like
    under_writing: float = 0.9  # of a word's ink still there
    worn_kept: float = 0.5  # and of a word that lost its toner,
    worn_beside: float = 0.12  # of whose darkness less lies beside its strokes: 0.03 on worn pages, 0.27 for others
    paper: float = 0.8  # of the form's paper: letters stand on what is as bright
    well_seen: float = 0.75  # of the frame: where as much is found, no box is missing by chance
    most_absent: float = 0.2  # of the boxes, where a poor picture shows less of the frame
    foreign_darkness: float = 0.4  # of the form's own frame
    beyond_doubt: float = 0.95  # of the frame: boxes more on such a page may be a sticker's
    sticker_mm: float = 90.0  # and lie as close together
    in_line_mm: float = 0.8
    same_height_mm: float = 2.0  # lines are thick, and drawn thicker
    most_in_line: float = 0.34  # of a sticker's sides, by chance
    line_apart_mm: float = 3.6  # how far round a side without line is looked for what is usual there
    lost_line: float = 0.1  # of the usual line's darkness, averaged along a side: there is none; broken ones had 0.16
    line_in_place: float = 0.15  # and as much or more: there is one, if only along a part of the side
    most_stray: float = 0.03  # of the sides: so many lines may be lost beside those of a row that is moved
    no_frame: float = 0.15  # of the frame: where more is found, a frame is there and other boxes would be seen
    dropped_words: int = 12  # a form whose frame drops out is known by as many words or more
    dropped_paler: float = 0.6  # frames that drop out are as pale against the words
    astray: float = 0.3  # of a field's writing, beside its boxes or along their sides: 0.36 with boxes 4 mm off
    most_astray: float = 0.25  # of the fields
    most_taller: float = 0.02  # of a box's height
    least_words: float = 0.5
    least_words_filled: float = 0.5  # another hand's writing is among them
    most_others: float = 0.03  # of the words, where a poor picture shows less of the frame; else none
    most_others_filled: float = 0.4
    strained: float = 0.008  # of what a map stretches: over that the letters are asked whether paper is stretched
    most_strained: float = 0.08  # across against along, where they say so: a photo may hide as much
    least_spread_words: int = 5  # fewer say nothing of the letters
    letters_vary: float = 0.004  # of their height, from word to word: ink spreads, cameras blur
    letters_agree: float = 0.02  # words that vary by more tell nothing: 0.013 on clear pages, 0.06 at 75 dpi
    most_spread: float = 0.0125  # rows against letters: 0.009 on own pages, 0.015 and more with rows spread by 4 %
    no_spread: float = 0.006  # paper beyond doubt: blur alone had 0.008, coarse scans of another pitch 0.010
    plain_frame: float = 0.85  # of the frame: what is found at half the working size is then believed at once
    plain_word: float = 0.8  # likeness of the least like word for that
    plain_strain: float = 0.008  # and stretch: own flat pages have less, forms of another pitch more
