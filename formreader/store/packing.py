"""How values lie in the rows: JSON, as small as it goes without losing what a person or a rule may ask for."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from formreader.values import CLASSES, Box, DigitReading, FieldReading


def packed_fields(fields: Sequence[FieldReading]) -> str:
    """Give JSON that SQL can ask: a list of objects with name, value, confidence and reasons."""
    return as_json([_pack_field(field) for field in fields])


def unpacked_fields(text: str, decided: Mapping[str, str]) -> tuple[FieldReading, ...]:
    """Give the fields back, a person's value in place of the one that was read."""
    return tuple(_unpack_field(packed, decided) for packed in json.loads(text))


def packed_digits(digits: Sequence[DigitReading]) -> bytes:
    """Give compressed JSON, a row a box."""
    return zlib.compress(as_json([_pack_digit(digit) for digit in digits]).encode())


def unpacked_digits(blob: bytes | None) -> tuple[DigitReading, ...]:
    """Give the boxes back: probabilities to 4 decimals, corners to a tenth of a pixel."""
    return tuple(_unpack_digit(packed) for packed in json.loads(zlib.decompress(blob))) if blob else ()


def _pack_field(field: FieldReading) -> dict[str, Any]:
    return {
        "name": field.name,
        "value": field.value,
        "confidence": round(field.confidence, 6),
        "reasons": list(field.reasons),
    }


def _unpack_field(packed: dict[str, Any], decided: Mapping[str, str]) -> FieldReading:
    value = decided.get(packed["name"], packed["value"])
    return FieldReading(packed["name"], value, packed["confidence"], tuple(packed["reasons"]))


def _pack_digit(digit: DigitReading) -> list[Any]:
    """Pack one box; classes of no weight are left out, corners are kept to a tenth of a pixel."""
    shares = {
        name: round(float(share), 4)
        for name, share in zip(CLASSES, digit.probabilities, strict=True)
        if share >= 0.00005
    }
    box = digit.box
    corners = [round(float(value), 1) for value in box.corners.ravel()]
    return [
        *(box.field, box.position, list(box.length), corners),
        *(digit.digit, round(digit.confidence, 6), digit.reason, shares),
    ]


def _unpack_digit(packed: list[Any]) -> DigitReading:
    field, position, length, corners, digit, confidence, reason, shares = packed
    box = Box(field, position, np.array(corners, dtype=np.float64).reshape(4, 2), (length[0], length[1]))
    probabilities = np.array([shares.get(name, 0.0) for name in CLASSES], dtype=np.float32)
    return DigitReading(box, digit, confidence, probabilities, reason)


def as_json(value: Any) -> str:
    """Give compact JSON, letters of any script as they are."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def storable(text: str) -> str:
    """Replace the bytes of a file name that are no UTF-8, which SQLite and CSV cannot hold."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
