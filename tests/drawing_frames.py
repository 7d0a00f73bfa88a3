"""Frames of every kind that forms are printed with, and the things beside them that are no boxes."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Literal

import cv2
import numpy as np

from formreader.template import Field, Markers, Rectangle
from tests.drawing_sheet import DrawnForm, Sheet, Tone

A4_MM = (210.0, 297.0)
A5_MM = (148.0, 210.0)
A5_ACROSS_MM = (210.0, 148.0)
DPI = 300.0

SENTENCES = (
    "Please complete this form in black or blue ink and return it to the office named overleaf before the end of the "
    "month Entries must be legible Do not fold Corrections are to be initialled by the officer in charge who keeps the "
    "second copy for five years The numbers are counted twice and entered once only"
)


class FormSheet(Sheet):
    """A sheet that remembers the fields printed on it."""

    _fields: list[Field]
    _frames: dict[str, str]
    _areas: dict[str, tuple[Rectangle, ...]]
    _also: dict[str, tuple[Rectangle, ...]]
    _labels: tuple[Rectangle, ...] = ()

    def field(
        self,
        name: str,
        frame: str,
        boxes: Sequence[Rectangle],
        *,
        length: tuple[int, int] = (1, 1),
        point: float | None = None,
        filler: tuple[str, ...] = (),
        areas: Sequence[Rectangle] = (),
        also: Sequence[Rectangle] = (),
    ) -> None:
        """Remember a field, its kind of frame, where people write and what a finder may also take for its boxes.

        With a `point`, x of one printed into the box, two of its digits stand right of that.
        """
        if not self.__dict__.get("_fields"):
            self._fields, self._frames, self._areas, self._also = [], {}, {}, {}
        decimals = (0, 0) if point is None else (2, 2)
        self._fields.append(Field(name, tuple(boxes), length, filler=filler, decimals=decimals, point=point))
        self._frames[name] = frame
        if areas:
            self._areas[name] = tuple(areas)
        if also:
            self._also[name] = tuple(also)

    def form(self, name: str, markers: Markers | None = None) -> DrawnForm:
        """Take the printed sheet for a form."""
        colour = self.pixels if self.pixels.ndim == 3 else None
        grey = self.pixels if colour is None else np.asarray(cv2.cvtColor(colour, cv2.COLOR_BGR2GRAY), np.uint8)
        fields = tuple(self._fields)
        known = (self._frames, self._areas, self._also, self._labels)
        return DrawnForm(name, grey, self.dpi, fields, markers, colour, *known)

    def label(self, cell: Rectangle, words: str, height: float, *, middle: bool = True) -> None:
        """Print a frame, given in millimetres, with words in it."""
        x, y, width, tall = cell
        self._labels = (*self._labels, self.box(x, y, width, tall, 0.35))
        self.text(x + (width / 2 if middle else 2), y + 0.65 * tall, words, height, middle=middle)

    def _rectangle(self, x: float, y: float, width: float, height: float) -> Rectangle:
        """Give a rectangle in pixels, not rounded."""
        top = self._twin.down(y) if self._twin else y
        low = self._twin.down(y + height) if self._twin else y + height
        return x * self._scale, top * self._scale, width * self._scale, (low - top) * self._scale

    def upright(self, x: float, y: float, length: float, thick: float = 0.3, tone: Tone = 0) -> float:
        """Print a vertical line; return its middle in pixels."""
        first, end, middle = self._band(x, thick)
        self.pixels[self._py(y) : self._py(y + length) + 1, first:end] = self._tone(tone)
        return middle

    def broken_box(
        self, x: float, y: float, width: float, height: float, kind: Literal["dotted", "dashed"], tone: Tone = 0
    ) -> Rectangle:
        """Print a frame of round dots 0.3 mm wide every 0.75 mm, or of dashes of 1.3 mm with gaps of 0.7 mm."""
        left, top, wide, tall = (round(v) for v in self._rectangle(x, y, width, height))
        corners = [(left, top), (left + wide, top), (left + wide, top + tall), (left, top + tall)]
        pitch, dash = (0.75, 0.0) if kind == "dotted" else (2.0, 1.3)
        for (ax, ay), (bx, by) in zip(corners, corners[1:] + corners[:1], strict=True):
            length = np.hypot(bx - ax, by - ay)
            count = max(2, round(length / (pitch * self._scale)))
            for k in range(count + 1):
                centre, half = k / count, dash * self._scale / 2 / length
                a, b = max(0.0, centre - half), min(1.0, centre + half)
                ends = [(round(ax + (bx - ax) * t), round(ay + (by - ay) * t)) for t in (a, b)]
                cv2.line(self.pixels, ends[0], ends[1], self._tone(tone), max(1, round(0.3 * self._scale)), cv2.LINE_AA)
        return left, top, wide, tall

    def round_box(
        self, x: float, y: float, width: float, height: float, radius: float = 1.5, thick: float = 0.35, tone: Tone = 0
    ) -> Rectangle:
        """Print a frame with round corners."""
        left, top, wide, tall = (round(v) for v in self._rectangle(x, y, width, height))
        right, low, bend = left + wide, top + tall, round(radius * self._scale)
        colour, line = self._tone(tone), max(1, round(thick * self._scale))
        for a, b in (
            ((left + bend, top), (right - bend, top)),
            ((left + bend, low), (right - bend, low)),
            ((left, top + bend), (left, low - bend)),
            ((right, top + bend), (right, low - bend)),
        ):
            cv2.line(self.pixels, a, b, colour, line, cv2.LINE_AA)
        turns = ((left, top, 1, 1, 180), (right, top, -1, 1, 270), (right, low, -1, -1, 0), (left, low, 1, -1, 90))
        for cx, cy, dx, dy, start in turns:
            middle = (cx + dx * bend, cy + dy * bend)
            cv2.ellipse(self.pixels, middle, (bend, bend), start, 0, 90, colour, line, cv2.LINE_AA)
        return left, top, wide, tall

    def double_box(
        self, x: float, y: float, width: float, height: float, apart: float = 0.9, tone: Tone = 0
    ) -> tuple[Rectangle, Rectangle]:
        """Print two frames, one in the other; return the inner and the outer."""
        outer = self.box(x, y, width, height, 0.3, tone)
        inner = self.box(x + apart, y + apart, width - 2 * apart, height - 2 * apart, 0.2, tone)
        return inner, outer

    def comb_of_ticks(
        self, x: float, base: float, count: int, pitch: float, tick: float, tone: Tone = 0
    ) -> tuple[list[Rectangle], list[Rectangle]]:
        """Print a base line with short ticks; return the slots, 1.3 pitches high, and only up to the ticks' tops."""
        first, end, low = self._band(base, 0.3, level=True)
        self.pixels[first:end, self._px(x) : self._px(x + count * pitch) + 1] = self._tone(tone)
        lines = [self.upright(x + i * pitch, base - tick, tick, 0.25, tone) for i in range(count + 1)]
        top, high = float(self._py(base - tick)), float(self._py(base - 1.3 * pitch))
        pairs = list(itertools.pairwise(lines))
        return [(a, high, b - a, low - high) for a, b in pairs], [(a, top, b - a, low - top) for a, b in pairs]

    def comb_in_frame(
        self, x: float, y: float, count: int, size: tuple[float, float], divider: Tone = 110, thick: float = 0.4
    ) -> list[Rectangle]:
        """Print one frame with thin full-height dividers; return the slots."""
        width, height = size
        inside = [self.upright(x + i * width, y, height, 0.2, divider) for i in range(1, count)]
        left, top, wide, tall = self.box(x, y, width * count, height, thick)
        lines = [left, *inside, left + wide]
        return [(a, top, b - a, tall) for a, b in itertools.pairwise(lines)]

    def seven_segments(self, box: Rectangle, tone: Tone = 195) -> None:
        """Print the outline of a seven-segment eight inside a box, as a guide."""
        x, y, width, height = box
        left, right, top, low = x + 0.27 * width, x + 0.73 * width, y + 0.16 * height, y + 0.84 * height
        middle, thick = (top + low) / 2, 0.07 * height
        for a, b in (
            ((left, top), (right, top)),
            ((left, middle), (right, middle)),
            ((left, low), (right, low)),
            ((left, top), (left, middle)),
            ((right, top), (right, middle)),
            ((left, middle), (left, low)),
            ((right, middle), (right, low)),
        ):
            along = np.array(b) - np.array(a)
            unit = along / np.hypot(*along)
            across = np.array([-unit[1], unit[0]]) * thick / 2
            start, stop = np.array(a) + unit * thick, np.array(b) - unit * thick
            tips = [
                start - unit * thick / 2,
                start + across,
                stop + across,
                stop + unit * thick / 2,
                stop - across,
                start - across,
            ]
            points = np.round(np.array(tips)).astype(np.int32).reshape(-1, 1, 2)
            cv2.polylines(self.pixels, [points], True, self._tone(tone), max(1, round(0.12 * self._scale)), cv2.LINE_AA)

    def dot_guide(self, box: Rectangle, tone: Tone = 150) -> None:
        """Print two by three dots inside a box, as a guide to square digits."""
        x, y, width, height = box
        for across in (0.28, 0.72):
            for down in (0.2, 0.5, 0.8):
                middle = (round(x + across * width), round(y + down * height))
                cv2.circle(self.pixels, middle, max(1, round(0.22 * self._scale)), self._tone(tone), -1, cv2.LINE_AA)

    def dot(self, box: Rectangle, across: float, down: float, radius: float, tone: Tone = 0) -> None:
        """Print a decimal point at a place in a box, given as shares of it."""
        x, y, width, height = box
        middle = (round(x + across * width), round(y + down * height))
        cv2.circle(self.pixels, middle, round(radius * self._scale), self._tone(tone), -1, cv2.LINE_AA)

    def paragraph(self, x: float, y: float, width: float, lines: int, height: float = 1.9, start: int = 0) -> None:
        """Print running text."""
        letters = round(width / (0.82 * height))
        words = itertools.islice(itertools.cycle(SENTENCES.split()), start, None)
        word = next(words)
        for i in range(lines):
            line = ""
            while len(line) + len(word) < letters:
                line += word + " "
                word = next(words)
            self.text(x, y + 2.0 * height * i, line.strip(), height, grey=40)

    def qr(self, x: float, y: float, size: float, words: str) -> None:
        """Print a QR code."""
        code = np.asarray(cv2.QRCodeEncoder.create().encode(words), np.uint8)
        side = self._px(size) // code.shape[0] * code.shape[0]
        picture = cv2.resize(code, (side, side), interpolation=cv2.INTER_NEAREST)
        top, left = self._py(y), self._px(x)
        self.pixels[top : top + side, left : left + side] = picture if self.pixels.ndim == 2 else picture[..., None]

    def picture(self, x: float, y: float, width: float, height: float) -> None:
        """Print a grey photograph: a house before hills, with grain."""
        wide, tall = self._px(width), self._px(height)
        rows, columns = np.mgrid[0:tall, 0:wide] / np.array([tall, wide])[:, None, None]
        scene = 215 - 70 * rows
        scene = np.where(rows > 0.62 + 0.1 * np.sin(6 * columns), 120 + 40 * columns, scene)
        scene = np.where((np.abs(columns - 0.4) < 0.16) & (rows > 0.4) & (rows < 0.8), 170 - 60 * columns, scene)
        for cx in (0.32, 0.48):
            scene = np.where((np.abs(columns - cx) < 0.035) & (np.abs(rows - 0.55) < 0.06), 70, scene)
        scene = scene + np.random.default_rng(4).normal(0, 9, scene.shape)
        grey = cv2.GaussianBlur(np.clip(scene, 0, 255).astype(np.uint8), (0, 0), 0.1 * self._scale)
        top, left = self._py(y), self._px(x)
        self.pixels[top : top + tall, left : left + wide] = grey if self.pixels.ndim == 2 else grey[..., None]

    def band(self, x: float, y: float, width: float, height: float, words: str, tone: Tone = 60) -> None:
        """Print a dark heading band with white words."""
        self.fill(x, y, width, height, tone)
        self.text(x + 2, y + 0.72 * height, words, 0.45 * height, grey=255)
