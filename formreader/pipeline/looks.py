"""Pictures of boxes that a person will look at, small enough to be kept with half a million pages."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import cv2

from formreader.crops import pictures_of
from formreader.fields import needs_review
from formreader.values import AlignedPage, Box, DigitReading, FieldReading, Grey, PageRef


@dataclass(frozen=True, slots=True)
class LookParams:
    """How boxes are kept for a person.

    Attributes
    ----------
    long_side_px
        A digit is told at a glance from far fewer; larger ones grow the batch and show no more.
    quality
        Of WebP, 1 to 100: about 400 bytes a box, a third of what JPEG wants for the same look.
    sample
        Share of all fields that is kept too, whatever they read as, for whoever wants to check what was accepted.
    """

    long_side_px: int = 96
    quality: int = 50
    sample: float = 0.01


def pictures_to_keep(
    aligned: AlignedPage,
    boxes: Sequence[Box],
    fields: Sequence[FieldReading],
    digits: Sequence[DigitReading],
    params: LookParams = LookParams(),
) -> dict[tuple[str, int], bytes]:
    """Give the boxes to look at and those of a drawn sample of fields as WebP, by field and position.

    Of fields that hold no digits none is kept here: they are cut from the scan, as large as they are.
    """
    wanted = {
        (digit.box.field, digit.box.position)
        for digit, looked_at in zip(digits, needs_review(fields, digits), strict=True)
        if looked_at
    }
    drawn = {f.name for f in fields if f.holds_digits and _is_drawn(aligned.ref, f.name, params.sample)}
    in_parts = {name for name, _ in wanted}  # a wide box is one picture, whichever of its digits is in doubt
    kept = [
        box
        for box in boxes
        if box.field in drawn or (box.field in in_parts if box.is_wide else (box.field, box.position) in wanted)
    ]
    pictures = pictures_of(aligned.pixels, kept)
    return {(box.field, box.position): _small(picture, params) for box, picture in zip(kept, pictures, strict=True)}


def _is_drawn(ref: PageRef, field: str, share: float) -> bool:
    """Draw a field by lot; the same page draws the same."""
    lot = hashlib.sha256(f"{ref.sha256}/{ref.page}/{field}".encode("utf-8", "replace")).digest()
    return int.from_bytes(lot[:4], "big") < share * 2**32


def _small(picture: Grey, params: LookParams) -> bytes:
    factor = min(1.0, params.long_side_px / max(picture.shape))
    small = cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    webp: bytes = cv2.imencode(".webp", small, [cv2.IMWRITE_WEBP_QUALITY, params.quality])[1].tobytes()
    return webp
