"""The words that a form prints outside its boxes, and whether a page shows them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from formreader.align.frame import form_drawn, inked, local_ink, working_scale
from formreader.align.outline import Seen
from formreader.align.params import AlignParams, EvidenceParams
from formreader.template import Template, corners_of
from formreader.values import Grey


@dataclass(frozen=True, slots=True)
class WordsFound:
    """What a page shows of a form's words.

    Attributes
    ----------
    likes
        How like each word in the picture its place is, -1 to 1.
    others
        In how many places other print stands, or from how many a word is moved away.
    """

    likes: tuple[float, ...] = ()
    others: int = 0


def words_found(
    page: Grey, dark: Grey, seen: Seen, template: Template, params: AlignParams, rules: EvidenceParams
) -> WordsFound:
    """Look for the form's words on a page drawn in its place; nothing for a form without reference.

    Parameters
    ----------
    dark
        How much darker than its surroundings each pixel of the page is.
    """
    if template.reference is None:
        return WordsFound()
    scale = working_scale(template, params)
    form, own, places = form_words(template, params, rules)
    px = template.dpi * scale / 25.4
    slack, rim = max(2, round(rules.slack_mm * px)), max(1, round(0.3 * px))
    soft = cv2.GaussianBlur(page, (0, 0), 1.0)
    ink = inked(dark, 12)
    shown = _shown(places, rim, slack, seen, form.shape)
    found = [_best_place(soft, form, edges, slack) for edges in shown]
    other_word = _other_word([like for like, _ in found], rules)
    likes, others = [], 0
    for (left, top, right, bottom), (like, (by_x, by_y)) in zip(shown, found, strict=True):
        if like >= max(rules.same_word, other_word):
            likes.append(like)
            continue
        under = ink[top - slack + by_y :, left - slack + by_x :][: bottom - top, : right - left]
        kept, amount = _overlap(own[top:bottom, left:right], under)
        beside = _beside(own[top:bottom, left:right], dark[top - slack + by_y :, left - slack + by_x :])
        # A stamp or a signature over a word leaves its strokes where they are; too little toner adds none beside them.
        is_there = kept > rules.under_writing or (kept > rules.worn_kept and beside < rules.worn_beside)
        likes.append(max(like, rules.same_word) if is_there else like)
        if like < other_word and not is_there:
            near, apart = _nearby(soft, form[top:bottom, left:right], (left, top), rules.moved_mm * px)
            drift = rules.most_drift * _beyond_boxes((left, top, right, bottom), template, scale)
            if near > rules.moved_word and apart < drift:
                likes[-1] = near
            else:
                others += amount > 0.4 or near > rules.moved_word
    return WordsFound(tuple(likes), others)


def _shown(
    places: NDArray[np.int64], rim: int, slack: int, seen: Seen, shape: tuple[int, ...]
) -> list[tuple[int, int, int, int]]:
    """Give the edges of words, a rim around each, that the picture shows whole: left, top, right and bottom."""
    edges = np.concatenate([places[:, :2] - rim, places[:, :2] + places[:, 2:] + rim], axis=1)
    has_room = (edges[:, :2] >= slack) & (edges[:, 2:] + slack <= np.array(shape[1::-1]))
    corners = edges[:, [[0, 1], [2, 1], [2, 3], [0, 3]]]
    chosen = edges[has_room.all(axis=1) & seen(corners).all(axis=1)]
    return [(left, top, right, bottom) for left, top, right, bottom in chosen.tolist()]


def _other_word(likes: list[float], rules: EvidenceParams) -> float:
    """How like the form's a word must be to be no other: less where toner is lost all over and nearly all are there."""
    if not likes or np.mean(np.array(likes) >= rules.same_word) < rules.nearly_all:
        return rules.other_word
    return rules.other_word * min(1.0, float(np.percentile(likes, 25)) / rules.clear_words)


def _best_place(soft: Grey, form: Grey, edges: tuple[int, int, int, int], slack: int) -> tuple[float, tuple[int, int]]:
    """Find a word in its place and up to `slack` pixels off: how like it is, and how far from the slack's corner."""
    left, top, right, bottom = edges
    around = soft[top - slack : bottom + slack, left - slack : right + slack]
    _, like, _, (by_x, by_y) = cv2.minMaxLoc(
        cv2.matchTemplate(around, form[top:bottom, left:right], cv2.TM_CCOEFF_NORMED)
    )
    return like, (by_x, by_y)


def _nearby(soft: Grey, word: Grey, place: tuple[int, int], reach_px: float) -> tuple[float, float]:
    """Find what is most like a word beside its place: how like it is, and how many pixels apart."""
    (left, top), (height, width), reach = place, word.shape, round(reach_px)
    from_x, from_y = max(0, left - reach), max(0, top - reach)
    around = soft[from_y : top + height + reach, from_x : left + width + reach]
    _, like, _, (by_x, by_y) = cv2.minMaxLoc(cv2.matchTemplate(around, word, cv2.TM_CCOEFF_NORMED))
    return like, float(np.hypot(from_x + by_x - left, from_y + by_y - top))


def _beyond_boxes(edges: tuple[int, int, int, int], template: Template, scale: float) -> float:
    """How many pixels a word stands apart from the rectangle about all boxes, the way it is farthest."""
    corners = np.array([corner for box in template.digit_boxes for corner in corners_of(box)]) * scale
    (first_x, first_y), (last_x, last_y) = corners.min(axis=0), corners.max(axis=0)
    left, top, right, bottom = edges
    return float(max(first_x - right, first_y - bottom, left - last_x, top - last_y, 0.0))


def _overlap(own: Grey, under: Grey) -> tuple[float, float]:
    """Which share of a word's ink is there, and how much ink there is for it."""
    amount = max(1, int(np.count_nonzero(own)))
    kept = np.count_nonzero(own & cv2.dilate(under, np.ones((3, 3), np.uint8)))
    return float(kept / amount), float(np.count_nonzero(under) / amount)


def _beside(own: Grey, dark: Grey) -> float:
    """Which share of the darkness at a word's place lies beside its strokes."""
    there = dark[: own.shape[0], : own.shape[1]].astype(np.float32)
    there[there < 8] = 0.0
    return float(there[own == 0].sum() / max(1.0, there.sum()))


@lru_cache(maxsize=32)
def form_words(template: Template, params: AlignParams, rules: EvidenceParams) -> tuple[Grey, Grey, NDArray[np.int64]]:
    """Find the form's words and phrases outside its boxes: the softened reference, its ink, and their places.

    A place is x, y, width and height in working pixels.
    """
    scale = working_scale(template, params)
    px = template.dpi * scale / 25.4
    form = form_drawn(template, params)
    ink = text_ink(template, params, rules)
    closing = np.ones((round(rules.words_mm[1] * px) | 1, round(rules.words_mm[0] * px) | 1), np.uint8)
    _, _, stats, _ = cv2.connectedComponentsWithStats(cv2.morphologyEx(ink, cv2.MORPH_CLOSE, closing))
    places: list[tuple[int, int, int, int]] = []
    paper = rules.paper * float(np.percentile(form[::4, ::4], 90))
    for x, y, width, height, _ in stats[1:].tolist():
        least_width, least_height = (mm * px for mm in rules.least_word_mm)
        if width < least_width or not least_height <= height <= rules.tallest_word_mm * px:
            continue
        inside = ink[y + height // 4 : y + height - height // 4, x + width // 4 : x + width - width // 4]
        if np.count_nonzero(inside) < 0.05 * inside.size:
            continue  # a frame or what is left of one: people write into it
        if np.percentile(form[y : y + height, x : x + width], 90) < paper:
            continue  # a piece of a picture: greys, of which wear leaves nothing
        pieces = max(1, round(width / (rules.most_word_mm * px)))
        edges = np.linspace(x, x + width, pieces + 1).round().astype(int).tolist()
        places += [(left, y, right - left, height) for left, right in pairwise(edges)]
    places.sort(key=lambda place: -np.count_nonzero(ink[place[1] :, place[0] :][: place[3], : place[2]]))
    soft = cv2.GaussianBlur(form, (0, 0), 1.0)
    return soft, local_ink(soft, contrast=12), np.array(places[: rules.words], dtype=np.int64).reshape(-1, 4)


def text_ink(template: Template, params: AlignParams, rules: EvidenceParams) -> Grey:
    """Mark the form's ink outside its boxes but for rules and frames, at working scale."""
    scale = working_scale(template, params)
    ink = local_ink(form_drawn(template, params), contrast=15)
    px = template.dpi * scale / 25.4
    rim = 0.8 * px
    for x, y, width, height in (box for field in template.fields for box in field.boxes):
        around = (x * scale - rim, y * scale - rim, (x + width) * scale + rim, (y + height) * scale + rim)
        left, top, right, bottom = (max(0, round(edge)) for edge in around)
        ink[top:bottom, left:right] = 0
    length = max(5, round(rules.longest_stroke_mm * px))
    for kernel in (np.ones((1, length), np.uint8), np.ones((length, 1), np.uint8)):
        lines = cv2.morphologyEx(ink, cv2.MORPH_OPEN, kernel)
        ink = np.asarray(cv2.subtract(ink, cv2.dilate(lines, np.ones((3, 3), np.uint8))), np.uint8)
    return ink
