"""How values lie in the rows: fields as JSON that SQL can ask, boxes as columns of numbers, compressed.

A page of 100 boxes takes about a kilobyte, so that half a million pages fit on any disk.
"""

from __future__ import annotations

import json
import os
import re
import struct
import zlib
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from formreader.values import CLASSES, NO_DIGITS, Box, BrokenRule, DigitReading, FieldReading, Severity

_CORNER: Final = 10  # steps a pixel
_CONFIDENCE: Final = 1_000_000
_SHARE: Final = 10_000
_LEVEL: Final = 9  # of compression: half a millisecond a page
_HEADER: Final = struct.Struct("<BHI")  # version, boxes, bytes of the names
_VERSION: Final = 2

_BYTE: Final = re.compile(rb"\\x([89a-f][0-9a-f])")

_COLUMNS: Final = (
    *(("field", "<u2"), ("position", "<u2"), ("least", "<u2"), ("most", "<u2")),
    *((f"corner{i}", "<i4") for i in range(8)),
    *(("digit", "u1"), ("confidence", "<u4"), ("reason", "u1"), ("shares", "u1")),
)
"""A number a box each; neighbouring boxes are alike, so differences are stored."""


def packed_fields(fields: Sequence[FieldReading], names: Sequence[str]) -> str:
    """Give JSON that SQL can ask: for each field a list of value, confidence, reasons, name, and what rules say of it.

    Parameters
    ----------
    names
        Of the form's fields as the run has them; where they are these, the name is null. A list ends with the last that
        it has something to say of.
    """
    known = [field.name for field in fields] == list(names)
    return as_json([_pack_field(field, None if known else field.name) for field in fields])


def unpacked_fields(text: str, names: Sequence[str]) -> tuple[FieldReading, ...]:
    """Give the fields back."""
    return tuple(_unpack_field(*packed, place=i, names=names) for i, packed in enumerate(json.loads(text)))


def _pack_field(field: FieldReading, name: str | None) -> list[Any]:
    said = {
        "broken": [[rule.key, rule.words, *_unless_error(rule.severity)] for rule in field.broken],
        "suggestion": field.suggestion,
        "settled": field.settled,
        "kind": "" if field.kind == "digits" else field.kind,
    }
    ruled = {key: value for key, value in said.items() if value}
    packed = [field.value, round(field.confidence, 6), list(field.reasons), name, ruled]
    while len(packed) > 2 and not packed[-1]:
        packed.pop()
    return packed


def _unless_error(severity: Severity) -> tuple[Severity, ...]:
    return () if severity == "error" else (severity,)


def _unpack_field(
    value: str,
    confidence: float,
    reasons: Sequence[Any] = (),
    name: str | None = None,
    ruled: Mapping[str, Any] = MappingProxyType({}),
    *,
    place: int,
    names: Sequence[str],
) -> FieldReading:
    return FieldReading(
        *(name or names[place], value, confidence, tuple(reasons)),
        broken=tuple(BrokenRule(*rule) for rule in ruled.get("broken", ())),
        suggestion=ruled.get("suggestion", ""),
        settled=ruled.get("settled", False),
        kind=ruled.get("kind", "digits"),
    )


def packed_digits(digits: Sequence[DigitReading]) -> bytes:
    """Give a compressed record: corners to a tenth of a pixel, probabilities to 4 decimals, none below."""
    fields = list(dict.fromkeys(digit.box.field for digit in digits))
    reasons = list(dict.fromkeys(digit.reason for digit in digits))
    probabilities = np.array([digit.probabilities for digit in digits], np.float32).reshape(len(digits), len(CLASSES))
    shares = np.rint(probabilities * _SHARE).astype("<u2")
    table = {
        "field": [fields.index(digit.box.field) for digit in digits],
        "position": [digit.box.position for digit in digits],
        "least": [digit.box.length[0] for digit in digits],
        "most": [digit.box.length[1] for digit in digits],
        "digit": [ord(digit.digit or "\0") for digit in digits],
        "confidence": [round(digit.confidence * _CONFIDENCE) for digit in digits],
        "reason": [reasons.index(digit.reason) for digit in digits],
        "shares": np.count_nonzero(shares, axis=1).tolist(),
    }
    corners = (
        np.rint(np.array([digit.box.corners for digit in digits]) * _CORNER).astype(np.int64).reshape(len(digits), 4, 2)
    )
    corners[:, 1:] -= corners[:, :1]  # the way from the first corner to the others is alike for all boxes of a row
    table |= {f"corner{i}": column for i, column in enumerate(corners.reshape(len(digits), 8).T.tolist())}
    columns = [_planes(np.diff(np.array(table[name], np.int64), prepend=0).astype(kind)) for name, kind in _COLUMNS]
    columns += [np.nonzero(shares)[1].astype("u1").tobytes(), _planes(shares[shares > 0])]
    kinds = {digit.box.field: digit.box.kind for digit in digits if digit.box.kind not in ("digits", "key")}
    names = as_json([fields, reasons, CLASSES, *([kinds] if kinds else [])]).encode()
    header = _HEADER.pack(_VERSION, len(digits), len(names))
    return header + zlib.compress(b"".join([names, *columns]), _LEVEL)


def unpacked_digits(blob: bytes | None) -> tuple[DigitReading, ...]:
    """Give the boxes back as they were packed."""
    if not blob:
        return ()
    _, count, names_bytes = _HEADER.unpack_from(blob)
    raw = zlib.decompress(blob[_HEADER.size :])
    fields, reasons, classes, *more = json.loads(raw[:names_bytes])
    kinds = more[0] if more else {}
    table, at = {}, names_bytes
    for name, kind in _COLUMNS:
        column, at = _from_planes(raw, at, count, np.dtype(kind))
        table[name] = np.cumsum(column, dtype=column.dtype).tolist()
    stored = sum(table["shares"])
    which = np.frombuffer(raw, "u1", stored, at)
    weights, _ = _from_planes(raw, at + stored, stored, np.dtype("<u2"))
    probabilities = np.zeros((count, len(CLASSES)), np.float32)
    places = np.array([CLASSES.index(name) for name in classes])
    probabilities[np.repeat(np.arange(count), table["shares"]), places[which]] = weights / np.float32(_SHARE)
    corners = np.array([table[f"corner{i}"] for i in range(8)], np.float64).T.reshape(-1, 4, 2)
    corners[:, 1:] += corners[:, :1]
    return tuple(
        DigitReading(
            Box(
                *(fields[table["field"][i]], table["position"][i], corners[i] / _CORNER, (low, high)),
                kind=kinds.get(fields[table["field"][i]], "key" if (low, high) == NO_DIGITS else "digits"),
            ),
            chr(table["digit"][i]) if table["digit"][i] else None,
            table["confidence"][i] / _CONFIDENCE,
            probabilities[i],
            reasons[table["reason"][i]],
        )
        for i, (low, high) in enumerate(zip(table["least"], table["most"], strict=True))
    )


def _planes(column: NDArray[Any]) -> bytes:
    """Put all first bytes before all second bytes: they compress better among their like."""
    return np.ascontiguousarray(column).view(np.uint8).reshape(len(column), column.itemsize).T.tobytes()


def _from_planes(raw: bytes, at: int, count: int, kind: np.dtype[Any]) -> tuple[NDArray[Any], int]:
    planes = np.frombuffer(raw, np.uint8, count * kind.itemsize, at).reshape(kind.itemsize, count)
    return np.ascontiguousarray(planes.T).view(kind).reshape(count), at + count * kind.itemsize


def as_json(value: Any) -> str:
    """Give compact JSON, letters of any script as they are."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def storable(text: str) -> str:
    r"""Write the bytes of a file name that are no UTF-8, which SQLite and CSV cannot hold, as ``\xfc``.

    Two names stay two: the scans of one would else take the place of the other's.
    """
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def as_on_disk(stored: str) -> str:
    """Give the name of a file back from what `storable` made of it."""
    return os.fsdecode(_BYTE.sub(lambda byte: bytes([int(byte[1], 16)]), os.fsencode(stored)))
