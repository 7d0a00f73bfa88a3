"""Read QR codes and barcodes with OpenCV's own detectors.

They are looked for only where a form has some: that costs a tenth of a page's time. What a code says may come from
anybody, so it is kept short and printable, and nothing is done with it but to store it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from formreader.errors import NoMatch
from formreader.printed import from_text
from formreader.template import Template
from formreader.values import Code, Grey, PageRef

DETECT_PX: Final = 1800  # long side on which QR codes are looked for: 150 dpi of A4, 2 pixels of the smallest module
SECOND_LOOK: Final = 0.66  # size at which barcodes are looked for where there were none at first
SURROUND: Final = 0.25  # of a code's size: the quiet zone, and what the small picture placed wrongly
EDGE: Final = 0.06  # of a code's size: a module and a half of the smallest code
LONGEST_TEXT: Final = 500  # form and serial numbers have up to 50; a QR code holds 7,000
MOST_CODES: Final = 20
CUT: Final = "..."


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
    """Read the QR codes and the EAN and UPC barcodes of a page, lying in any direction; each text once.

    A code that cannot be read gives nothing: the page's digits are what is wanted.
    """
    found = (Code(kind, _safe(text)) for kind, text in (*_qr_codes(pixels), *_barcodes(pixels)) if text.strip())
    return tuple(dict.fromkeys(found))[:MOST_CODES]


def _safe(text: str) -> str:
    """Keep a text on one line and short: no control or formatting characters, which could hide or reorder it."""
    shown = "".join(letter if letter.isprintable() else " " for letter in text[: 4 * LONGEST_TEXT])
    shown = " ".join(shown.split())
    return shown if len(shown) <= LONGEST_TEXT else shown[: LONGEST_TEXT - len(CUT)] + CUT


def _qr_codes(pixels: Grey) -> Iterator[tuple[str, str]]:
    """Find codes on a small picture of the page, then read each from all its pixels."""
    detector = cv2.QRCodeDetectorAruco()
    for corners in _qr_places(pixels, detector):
        around = _around(pixels, corners)
        if around.size:
            texts = _asked(lambda: detector.detectAndDecodeMulti(around))  # noqa: B023 - called at once
            yield from (("qr", text) for text in (texts[1] if texts and texts[0] else ()))


def _qr_places(pixels: Grey, detector: cv2.QRCodeDetectorAruco) -> NDArray[np.float64]:
    """Find QR codes on a small picture of the page: their corners, (n, 4, 2)."""
    factor = min(1.0, DETECT_PX / max(pixels.shape))
    small = cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA) if factor < 1 else pixels
    answer = _asked(lambda: detector.detectMulti(small))
    if answer is None or not answer[0]:
        return np.empty((0, 4, 2))
    places: NDArray[np.float64] = np.asarray(answer[1], np.float64)[:MOST_CODES] / factor
    return places


def without_codes(pixels: Grey) -> Grey:
    """Give a page with paper in the place of its QR codes."""
    clean = pixels.copy()
    for corners in _qr_places(pixels, cv2.QRCodeDetectorAruco()):
        around = _around(pixels, corners)
        if around.size:
            middle = corners.mean(axis=0)
            wider = np.round(middle + (1 + 2 * EDGE) * (corners - middle)).astype(np.int32)
            cv2.fillConvexPoly(clean, wider, float(np.percentile(around, 90)))
    return clean


def _around(pixels: Grey, corners: NDArray[np.float64]) -> Grey:
    """Cut a code out with the quiet zone round it."""
    margin = SURROUND * float(np.ptp(corners, axis=0).max())
    left, top = np.maximum(corners.min(axis=0) - margin, 0).astype(int)
    right, bottom = (corners.max(axis=0) + margin).astype(int)
    return np.ascontiguousarray(pixels[top:bottom, left:right])


def _barcodes(pixels: Grey) -> Iterator[tuple[str, str]]:
    """Find barcodes; the detector misses some at one size that it finds at another."""
    smaller = cv2.resize(pixels, None, fx=SECOND_LOOK, fy=SECOND_LOOK, interpolation=cv2.INTER_AREA)
    for picture in (pixels, np.asarray(smaller, np.uint8)):
        answer = _asked(lambda: cv2.barcode.BarcodeDetector().detectAndDecodeWithType(picture))  # noqa: B023 - at once
        found = [(kind.lower(), text) for text, kind in zip(answer[1], answer[2], strict=False)] if answer else []
        if any(text for _, text in found):
            yield from found
            return


def _asked(ask: Callable[[], tuple[Any, ...]]) -> tuple[Any, ...] | None:
    """Ask a detector; None where it fails: some print makes it raise, and a code's text may be no UTF-8."""
    try:
        return ask()
    except (cv2.error, UnicodeDecodeError, SystemError):
        return None
