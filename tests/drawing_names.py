"""A form with strips for names and free text, and handwriting in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import cv2
import numpy as np

from formreader.template import Field, Rectangle
from tests.drawing import PENS, Filled
from tests.drawing_sheet import DrawnForm, Sheet

STRIPS = ("framed", "dotted", "ruled", "bare", "area", "letters")
"""Kinds of strips that forms have: in a frame, over dots, over a line, with no print; several lines; a box a letter."""


def member_card(dpi: float = 200) -> DrawnForm:
    """Print a club's card, A5: three numbers in boxes, and strips of every kind."""
    sheet = Sheet((148.0, 210.0), dpi)
    sheet.fill(10, 8, 128, 11, 205)
    sheet.text(14, 16, "MEMBER'S CARD", 4.4)
    sheet.text(12, 26, "Please print your name, and sign on the line.", 2.2)
    fields = []
    for row, (name, label, count) in enumerate((("number", "Number", 7), ("born", "Born", 8), ("phone", "Phone", 9))):
        sheet.text(12, 37 + 14 * row, label, 2.5)
        fields.append(Field(name, sheet.boxes(40, 31 + 14 * row, count, (7.0, 9.0), 2.0, 0.35, 60)))
    for row, name in enumerate(("Name", "Street", "Town", "Signed", "Notes")):
        sheet.text(12, 82 + 14 * row, name, 2.5)
    for dot in range(95):
        sheet.fill(40 + dot, 97.7, 0.4, 0.4, 30)
    sheet.rule(40, 111.5, 95, 0.3)
    notes = sheet.box(40, 131, 95, 27)
    for line in (140, 149):
        sheet.rule(41, line, 93, 0.2, 120)
    places = {
        "framed": (sheet.box(40, 75, 95, 10),),
        "dotted": (_strip(sheet, 90),),
        "ruled": (_strip(sheet, 103),),
        "bare": (_strip(sheet, 117),),
        "area": (notes,),
        "letters": sheet.boxes(40, 164, 12, (7.0, 8.0), 0.0, 0.3),
    }
    fields += [Field(name, boxes, kind="key") for name, boxes in places.items()]
    sheet.text(12, 190, "Thank you. The club keeps what you write here.", 2.2)
    return DrawnForm("member-card", sheet.pixels, dpi, tuple(fields))


def _strip(sheet: Sheet, y: float) -> Rectangle:
    px = sheet.dpi / 25.4
    return 40 * px, y * px, 95 * px, 10 * px


def with_names(filled: Filled, names: Mapping[str, str], capital_mm: float = 3.0) -> Filled:
    """Write words into strips, by the field's name, as tall as its capitals are."""
    px = filled.form.px_per_mm
    words = np.zeros(filled.form.picture.shape, np.uint8)
    for name, word in names.items():
        x, y, _, height = filled.form.field(name).boxes[0]
        foot = y + min(height - 1.8 * px, 8.2 * px)
        font = cv2.FONT_HERSHEY_SCRIPT_SIMPLEX
        size = capital_mm * px / cv2.getTextSize("H", font, 1.0, 1)[0][1]
        thick = max(1, round(PENS[1].width_mm[0] * px))
        cv2.putText(words, word, (round(x + 4 * px), round(foot)), font, size, 255, thick, cv2.LINE_AA)
    weight = 1 - words[..., None] / np.float32(255)
    ink = np.array(PENS[1].colour, np.float32)
    return replace(filled, picture=(filled.picture * weight + ink * (1 - weight)).astype(np.uint8))
