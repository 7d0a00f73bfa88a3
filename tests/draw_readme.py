"""Draw the README's picture: a sample page with what was read beside each box, flagged ones in orange.

python -m tests.draw_readme
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from formreader.fields import needs_review
from formreader.model import default_model_path, load_model
from formreader.pipeline import answer, unwatched
from formreader.scans import find_scans, load_page
from formreader.template import load_template
from formreader.values import PageReading

SAMPLE = Path(__file__).parent.parent / "samples" / "visit-record"
READ, REVIEW = (60, 140, 0), (0, 110, 240)


def draw(scan: str, rows: tuple[float, float] = (0.155, 0.48), width_px: int = 1200) -> NDArray[np.uint8]:
    """Draw the part of a scan between two shares of its height, with the readings."""
    ref = next(ref for ref in find_scans([SAMPLE / "scans"]).pages if ref.name == scan)
    template, model = load_template(SAMPLE / "template.toml"), load_model(default_model_path())
    reading = answer(ref, template, model, None, unwatched)
    if not isinstance(reading, PageReading):
        raise TypeError(f"{scan}: {reading.reason}")
    page = load_page(ref)
    picture = page.colour if page.colour is not None else cv2.cvtColor(page.pixels, cv2.COLOR_GRAY2BGR)
    factor = width_px / picture.shape[1]
    picture = cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    for digit, review in zip(reading.digits, needs_review(reading.fields, reading.digits), strict=True):
        ink = REVIEW if review else READ
        corners = np.round(digit.box.corners * factor).astype(np.int32)
        cv2.polylines(picture, [corners.reshape(-1, 1, 2)], isClosed=True, color=ink, thickness=2, lineType=cv2.LINE_AA)
        text = digit.digit or ("" if digit.reason == "blank" else "?" if digit.reason == "not_a_digit" else "x")
        left, bottom = int(corners[:, 0].min()), int(corners[:, 1].max())
        place = (left + 8, bottom + 24)
        cv2.putText(picture, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.75, ink, 2, cv2.LINE_AA)
    top, end = (round(share * picture.shape[0]) for share in rows)
    cut: NDArray[np.uint8] = picture[top:end]
    return cut


def main() -> None:
    """Write samples/reading.png."""
    content = cv2.imencode(".png", draw("visit-05 skewed.jpg"), [cv2.IMWRITE_PNG_COMPRESSION, 9])[1].tobytes()
    (SAMPLE.parent / "reading.png").write_bytes(content)


if __name__ == "__main__":
    main()
