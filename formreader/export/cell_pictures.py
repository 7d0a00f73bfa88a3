"""Pictures as they stand in the cells of a workbook."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import cv2
import numpy as np

PICTURE_ROW_PX: Final = 62
PICTURE_COLUMN_PX: Final = 380
"""Height of a row and width of a column with pictures: eight digits are read at a glance."""


class Size(NamedTuple):
    """Of a picture in its cell, and the factor by which that is smaller than the picture."""

    width: float
    height: float
    factor: float


def as_jpeg(content: bytes) -> tuple[bytes, Size]:
    """Give a picture as JPEG, which any spreadsheet shows, and how large it is in its cell."""
    decoded: Any = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    if decoded is None:
        decoded = np.full((8, 8, 3), 255, np.uint8)
    is_jpeg = content.startswith(b"\xff\xd8")
    jpeg = content if is_jpeg else cv2.imencode(".jpg", decoded, [cv2.IMWRITE_JPEG_QUALITY, 80])[1].tobytes()
    height, width = decoded.shape[:2]
    factor = min((PICTURE_ROW_PX - 4) / height, (PICTURE_COLUMN_PX - 8) / width)
    return jpeg, Size(width * factor, height * factor, factor)
