"""A batch with pages that fail: a card whose printed words are covered, a letter, and a file that is no picture."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from formreader.align import align
from formreader.export import write_tables
from formreader.model import DigitModel, default_model_path, load_form_model
from formreader.pipeline import answer
from formreader.scans import find_scans, identified, load_page
from formreader.store import open_batch
from formreader.template import Template, corners_of, load_template
from formreader.values import PageRef, Points

SAMPLE: Final = Path(__file__).parent.parent / "samples" / "meter-card"
COVERED: Final = "covered.jpg"
CARD: Final = "card 1.jpg"
_AROUND_PX: Final = (180, 120)


def covered_card(template: Template, card: Path) -> tuple[NDArray[np.uint8], Points]:
    """Photograph a card on a dark table, all print but the boxes covered; give where its corners lie, as shares."""
    page = load_page(PageRef(card))
    place = align(page, template).place
    keep = np.zeros(page.pixels.shape, np.uint8)
    for field in template.fields:
        for x, y, width, height in field.boxes:
            corners = corners_of((x - 25, y - 25, width + 50, height + 50))
            cv2.fillConvexPoly(keep, np.round(place(corners)).astype(np.int32), 255)
    pixels = np.where(keep > 0, page.pixels, np.uint8(238))
    across, down = _AROUND_PX
    photo = cv2.copyMakeBorder(pixels, down, down, across, across, cv2.BORDER_CONSTANT, value=70)
    placed = place(corners_of((0, 0, template.width, template.height))) + np.array([across, down])
    return np.asarray(photo, np.uint8), placed / photo.shape[::-1]


def failing_batch(folder: Path, model: DigitModel | None = None) -> tuple[Path, Points]:
    """Read a card that can be read and three files that cannot; give the batch and where the covered card lies."""
    (folder / "scans").mkdir(parents=True)
    for name in ("template.toml", "blank.png"):
        shutil.copy(SAMPLE / name, folder / name)
    template = load_template(folder / "template.toml")
    photo, corners = covered_card(template, SAMPLE / "scans" / CARD)
    cv2.imwrite(str(folder / "scans" / COVERED), photo)
    shutil.copy(SAMPLE / "scans" / CARD, folder / "scans" / CARD)
    cv2.imwrite(str(folder / "scans" / "letter.png"), _letter())
    (folder / "scans" / "broken.jpg").write_bytes(b"no picture")
    model = model or load_form_model(default_model_path())
    with open_batch(
        folder / "out",
        templates=(template,),
        model_fingerprint=model.fingerprint,
        model_name=model.name,
        settings={"threshold": model.threshold},
    ) as batch:
        refs = [identified(ref) for ref in find_scans([folder / "scans"]).pages]
        for ref in batch.pending(refs).new:
            batch.add(answer(ref, template, model))
    write_tables(folder / "out")
    return folder / "out", corners


def _letter() -> NDArray[np.uint8]:
    page = np.full((1600, 1200), 255, np.uint8)
    for line in range(20):
        cv2.putText(
            page, f"Dear Sir, we thank you for {line}", (90, 140 + 65 * line), cv2.FONT_HERSHEY_SIMPLEX, 1.3, 20, 3
        )
    return page


def truth_of(card: str) -> dict[str, str]:
    """Give what stands in the boxes of a card of the sample, by field."""
    with (SAMPLE / "truth.csv").open(encoding="utf-8", newline="") as file:
        return {row["field"]: row["boxes"].replace("_", "") for row in csv.DictReader(file) if row["scan"] == card}
