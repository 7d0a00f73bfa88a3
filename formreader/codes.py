"""Read QR codes and barcodes, with ZXing.

They are looked for on a whole page only where a form has some, and in the regions that a template names. What a code
says may come from anybody, so it is kept short and printable, and nothing is done with it but to store it. A code of
squares corrects its own errors; one of bars has a check digit at best, and print or dirt may look like one. So a text
from bars is believed only where two looks at different sizes read the same.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

import cv2
import numpy as np
import zxingcpp
from zxingcpp import BarcodeFormat

from formreader.errors import NoMatch
from formreader.printed import from_text
from formreader.template import Template
from formreader.values import AlignedPage, Box, Code, Grey, PageRef, Points, Reason

EDGE: Final = 0.06  # of a code's size: a module and a half of the smallest code
LONGEST_TEXT: Final = 500  # form and serial numbers have up to 50; a QR code holds 7,000
MOST_CODES: Final = 20
CUT: Final = "..."
SURROUND: Final = 0.25  # of a code's or region's size: the quiet zone, and what lies a little off its place
LEAST_UNCHECKED: Final = 4  # characters: lines of a table pass for shorter texts without a check digit

_SQUARES: Final = {
    BarcodeFormat.QRCode: "qr",
    BarcodeFormat.MicroQRCode: "micro_qr",
    BarcodeFormat.DataMatrix: "data_matrix",
    BarcodeFormat.Aztec: "aztec",
    BarcodeFormat.PDF417: "pdf_417",
}
_CHECKED: Final = {
    BarcodeFormat.EAN13: "ean_13",
    BarcodeFormat.EAN8: "ean_8",
    BarcodeFormat.UPCA: "upc_a",
    BarcodeFormat.UPCE: "upc_e",
    BarcodeFormat.Code128: "code_128",
    BarcodeFormat.Code93: "code_93",
}
_UNCHECKED: Final = {BarcodeFormat.Code39: "code_39", BarcodeFormat.ITF: "itf", BarcodeFormat.Codabar: "codabar"}
_KINDS: Final = _SQUARES | _CHECKED | _UNCHECKED


@dataclass(frozen=True, slots=True)
class RegionCode:
    """What a region's code says.

    Attributes
    ----------
    text
        Of a form that this program printed, its serial number; empty where no code can be read.
    reason
        ``unreadable_code``, or ``unsure_code`` where looks disagree; empty where the text is sure.
    """

    text: str
    reason: Reason = ""


@dataclass(frozen=True, slots=True)
class _Seen:
    kind: str
    text: str
    corners: Points

    @property
    def corrects_itself(self) -> bool:
        return self.kind in _SQUARES.values()


def has_codes(template: Template) -> bool:
    """Say whether a form's pages are to be searched: as its template says, else if its reference picture has a code."""
    return reference_has_codes(template) if template.codes is None else template.codes


@lru_cache(maxsize=1024)
def reference_has_codes(template: Template) -> bool:
    """Say whether the blank form has a code."""
    return template.reference is not None and bool(read_codes(template.reference))


def told_by_codes(ref: PageRef, codes: Iterable[Code], templates: Sequence[Template]) -> Sequence[Template]:
    """Give the templates that a page can be of as its own codes say: those of forms that this program printed.

    Returns
    -------
    Sequence of Template
        All of them where no code names a form among them.

    Raises
    ------
    NoMatch
        A code names a page of one of the forms that is not among the templates: it must not pass for another page.
    """
    printed = [code for one in codes if one.kind == "qr" and (code := from_text(one.text))]
    told = {(code.form, code.page) for code in printed if code.form in {template.form for template in templates}}
    if not told:
        return templates
    named = [template for template in templates if (template.form, template.page) in told]
    if not named:
        form, page = min(told)
        raise NoMatch(f"{ref}: its QR code says page {page} of the form '{form}', of which nothing is to be read")
    return named


def read_codes(pixels: Grey) -> tuple[Code, ...]:
    """Read the QR codes and barcodes of a page, lying in any direction; each text once.

    A code that cannot be read gives nothing: the page's digits are what is wanted.
    """
    found = [Code(seen.kind, _safe(seen.text)) for seen in _looked(pixels) if _is_confirmed(pixels, seen)]
    return tuple(dict.fromkeys(code for code in found if code.text))[:MOST_CODES]


def read_region(page: AlignedPage, box: Box) -> RegionCode:
    """Read the one code of a region of the form.

    The region is looked at three times, as it was scanned, larger, and with ink told from paper otherwise. A code whose
    middle lies beside it may be meant for another place: it counts only where there is none in the region, and is
    unsure then.
    """
    cut, margin = _cut(page, box)
    large = np.asarray(cv2.resize(cut, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC), np.uint8)
    low, high = np.full(2, margin), np.array(cut.shape[::-1]) - margin
    within, beside = list[set[tuple[str, bool]]](), set[str]()
    for some, scale in (
        (_looked(cut), 1),
        (_looked(large), 2),
        (_looked(large, zxingcpp.Binarizer.GlobalHistogram), 2),
    ):
        within.append(set())
        for seen in some:
            middle = seen.corners.mean(axis=0) / scale
            if bool(((middle >= low) & (middle <= high)).all()):
                within[-1].add((seen.text, seen.corrects_itself))
            else:
                beside.add(seen.text)
    return (
        _agreed(within)
        if any(within) or not beside
        else replace(_agreed([{(min(beside), True)}]), reason="unsure_code")
    )


def _agreed(looks: Sequence[set[tuple[str, bool]]]) -> RegionCode:
    """Give what several looks say, each its texts and whether they come from a code that corrects its errors."""
    times = Counter(text for look in looks for text, _ in look)
    if not times:
        return RegionCode("", "unreadable_code")
    ours = {text: code for text in times if (code := from_text(text)) is not None}
    best = next(iter(ours), times.most_common(1)[0][0])
    sure = len(times) == 1 and (times[best] > 1 or any((best, True) in look for look in looks))
    text = ours[best].serial if best in ours else best
    return RegionCode(_safe(text), "" if sure or (len(ours) == 1 and best in ours) else "unsure_code")


def _safe(text: str) -> str:
    """Keep a text on one line and short: no control or formatting characters, which could hide or reorder it."""
    shown = "".join(letter if letter.isprintable() else " " for letter in text[: 4 * LONGEST_TEXT])
    shown = " ".join(shown.split())
    return shown if len(shown) <= LONGEST_TEXT else shown[: LONGEST_TEXT - len(CUT)] + CUT


def _looked(pixels: Grey, binarizer: zxingcpp.Binarizer = zxingcpp.Binarizer.LocalAverage) -> Iterator[_Seen]:
    """Look once; what is too short to be anything is left out."""
    found = zxingcpp.read_barcodes(
        np.ascontiguousarray(pixels), zxingcpp.BarcodeFormats(list(_KINDS)), try_invert=False, binarizer=binarizer
    )
    for one in found[:MOST_CODES]:
        kind, text = _KINDS.get(one.format, ""), one.text
        if not kind or not text.strip() or (one.format in _UNCHECKED and len(text) < LEAST_UNCHECKED):
            continue
        if kind in ("ean_13", "upc_a") and len(text) == 13 and text[0] == "0":
            kind, text = "upc_a", text[1:]  # ZXing gives it as the EAN of the same bars
        at = one.position
        corners = [(p.x, p.y) for p in (at.top_left, at.top_right, at.bottom_right, at.bottom_left)]
        yield _Seen(kind, text, np.array(corners, np.float64))


def without_codes(pixels: Grey) -> Grey:
    """Give a page with paper in the place of its codes of squares."""
    clean = pixels.copy()
    for corners in (seen.corners for seen in _looked(pixels) if seen.corrects_itself):
        paper = float(np.percentile(_around(pixels, corners, SURROUND * float(np.ptp(corners, axis=0).max())), 90))
        middle = corners.mean(axis=0)
        wider = np.round(middle + (1 + 2 * EDGE) * (corners - middle)).astype(np.int32)
        cv2.fillConvexPoly(clean, wider, paper)
    return clean


def _around(pixels: Grey, corners: Points, margin_px: float) -> Grey:
    """Cut a code out with what lies round it."""
    left, top = np.maximum(corners.min(axis=0) - margin_px, 0).astype(int)
    right, bottom = (corners.max(axis=0) + margin_px).astype(int)
    return pixels[top:bottom, left:right]


def _is_confirmed(pixels: Grey, seen: _Seen) -> bool:
    """Say whether a second look at a code, larger, reads the same; one that corrects its errors needs none."""
    if seen.corrects_itself:
        return True
    around = _around(pixels, seen.corners, SURROUND * float(np.ptp(seen.corners, axis=0).max()) + 8)
    large = np.asarray(cv2.resize(around, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC), np.uint8)
    return any((other.kind, other.text) == (seen.kind, seen.text) for other in _looked(large))


def _cut(page: AlignedPage, box: Box) -> tuple[Grey, int]:
    """Draw a region upright at the scan's resolution, with what lies round it; also how much that is on each side."""
    corners = box.corners.astype(np.float64)
    sides = np.linalg.norm(np.roll(corners, -1, axis=0) - corners, axis=1)
    width, height = (max(8, math.ceil(max(sides[k], sides[k + 2]))) for k in (0, 1))
    margin = round(SURROUND * min(width, height))
    drawn = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32) + np.float32(margin)
    to_scan = cv2.getPerspectiveTransform(drawn, corners.astype(np.float32))
    size = width + 2 * margin, height + 2 * margin
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    drawing = cv2.warpPerspective(page.pixels, to_scan, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(drawing, np.uint8), margin
