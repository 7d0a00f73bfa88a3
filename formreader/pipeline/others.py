"""Boxes that hold no digits, as boxes among the others of a page: strips, boxes to mark, and regions of codes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from formreader.codes import read_region
from formreader.crops import are_blank
from formreader.marks import read_marks
from formreader.template import Template
from formreader.values import CLASSES, AlignedPage, Box, DigitReading, FieldReading, Reason

_LONG_SIDE_PX: Final = 640
_QUALITY: Final = 60
"""Of WebP: a signature of 80 x 20 mm takes 4 to 8 kilobytes."""


@dataclass(frozen=True, slots=True, eq=False)
class Others:
    """What a page says where it holds no digits.

    Attributes
    ----------
    readings
        One a box; of a strip it is said whether it is blank, of a code's region what speaks against its text.
    texts
        Of the codes, by the field's name.
    """

    readings: tuple[DigitReading, ...]
    texts: Mapping[str, str]


def look_at_others(page: AlignedPage, placed: Sequence[Box], template: Template) -> Others:
    """Read the boxes to mark and the codes of a page, and say of each strip whether it is blank.

    Parameters
    ----------
    placed
        All boxes of the page; those of digits are passed over.
    """
    strips = [box for box in placed if box.kind in ("key", "image")]
    written: dict[str, Reason] = {"key": "to_key", "image": ""}
    looked = [
        _reading(box, "blank" if is_blank else written[box.kind])
        for box, is_blank in zip(strips, are_blank(page, strips, template.dpi), strict=True)
    ]
    marks = read_marks(page, [box for box in placed if box.kind == "choice"], template)
    texts, codes = {}, []
    required = {field.name: field.required for field in template.fields}
    for box in (box for box in placed if box.kind == "barcode"):
        code = read_region(page, box)
        is_blank = code.reason == "unreadable_code" and not required[box.field]
        is_blank = is_blank and are_blank(page, [box], template.dpi)[0]
        texts[box.field] = code.text
        codes.append(_reading(box, "blank" if is_blank else code.reason))
    return Others((*looked, *marks, *codes), texts)


def _reading(box: Box, reason: Reason) -> DigitReading:
    is_sure = reason in ("", "blank")
    return DigitReading(box, None, float(is_sure), np.zeros(len(CLASSES), np.float32), reason)


def strips_to_keep(
    page: AlignedPage, boxes: Sequence[Box], fields: Sequence[FieldReading]
) -> dict[tuple[str, int], bytes]:
    """Give the strips in which anything is written of fields that are only shown, as WebP, by (field, 1)."""
    wanted = {field.name for field in fields if field.kind == "image" and field.value}
    corners = {name: [box.corners for box in boxes if box.field == name] for name in sorted(wanted)}
    pixels = page.pixels if page.colour is None else page.colour
    return {(name, 1): _as_webp(_strip(pixels, np.stack(its))) for name, its in corners.items() if its}


def _strip(pixels: NDArray[np.uint8], corners: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Draw what lies round all of some boxes (n, 4, 2), upright."""
    across = (corners[:, 1] - corners[:, 0]).sum(axis=0)
    turned = across / max(float(np.hypot(*across)), 1e-9)
    axes = np.array([[turned[0], -turned[1]], [turned[1], turned[0]]])
    along = corners.reshape(-1, 2) @ axes
    low, high = along.min(axis=0), along.max(axis=0)
    factor = min(1.0, _LONG_SIDE_PX / float((high - low).max()))
    width, height = (max(1, round(side * factor)) for side in (high - low).tolist())
    ends = np.array([low, [high[0], low[1]], [low[0], high[1]]]) @ axes.T
    drawn = np.array([[0, 0], [width, 0], [0, height]], np.float32)
    to_strip = cv2.getAffineTransform(ends.astype(np.float32), drawn)
    soft = cv2.GaussianBlur(pixels, (0, 0), 0.45 / factor) if factor < 0.8 else pixels
    drawing = cv2.warpAffine(soft, to_strip, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(drawing, np.uint8)


def _as_webp(picture: NDArray[np.uint8]) -> bytes:
    webp: bytes = cv2.imencode(".webp", picture, [cv2.IMWRITE_WEBP_QUALITY, _QUALITY])[1].tobytes()
    return webp
