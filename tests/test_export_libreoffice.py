"""Workbooks as LibreOffice shows them: rendered to a picture, and every cell read back."""

from __future__ import annotations

import csv
import shutil
import subprocess
from contextlib import closing
from pathlib import Path

import numpy as np
import pypdfium2
import pytest

from formreader.export import export_book
from formreader.imported import import_book
from tests.drawing_doubts import Card, batch_of
from tests.test_imported import CARDS, decided, filled

pytestmark = pytest.mark.slow

NASTY = Card(name="=HYPERLINK(1)")


def converted(source: Path, kind: str) -> list[Path]:
    """Have LibreOffice write a file in another format."""
    program = shutil.which("soffice")
    assert program, "LibreOffice is missing: apt-get install libreoffice-calc"
    folder = source.parent / "converted"
    call = [program, f"-env:UserInstallation={(source.parent / 'profile').as_uri()}", "--headless"]
    subprocess.run(
        [*call, "--convert-to", kind, "--outdir", folder, source], check=True, capture_output=True, timeout=120
    )
    return sorted(folder.iterdir())


@pytest.fixture
def batch(tmp_path: Path) -> Path:
    return batch_of(tmp_path, [*CARDS, NASTY])


def test_a_rendered_workbook_shows_values_colours_and_strips(batch: Path, tmp_path: Path) -> None:
    export_book(batch, tmp_path / "book.xlsx")
    (file,) = converted(tmp_path / "book.xlsx", "pdf")
    with closing(pypdfium2.PdfDocument(file)) as pages:
        texts = [page.get_textpage().get_text_bounded() for page in pages]
        looks = [np.asarray(page.render(scale=2).to_pil().convert("RGB")).astype(int) for page in pages]
        pictures = [sum(one.type == 3 for one in page.get_objects()) for page in pages]
    assert "048" in texts[0] or "043" in texts[0]
    yellow = [(np.abs(look - np.array([255, 217, 102])).max(axis=2) < 8).sum() for look in looks]
    assert min(yellow[:2]) > 1000
    assert (pictures[0], pictures[1]) == (0, 5)
    assert "right value" in texts[1]
    assert "Expected accuracy" in texts[-1]
    assert not any(word in text for text in texts for word in ("#VALUE!", "#REF!", "Err:", "###"))


# comma, quote, UTF-8, first line, no column formats, language, quoted, no numbers as shown, as shown, ..., all sheets
EVERY_SHEET = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false,false,false,-1"


@pytest.mark.parametrize("ending", [".xlsx", ".ods"])
def test_no_cell_is_a_formula_and_zeros_live(batch: Path, tmp_path: Path, ending: str) -> None:
    export_book(batch, tmp_path / f"book{ending}")
    results = next(file for file in converted(tmp_path / f"book{ending}", EVERY_SHEET) if "Results" in file.name)
    with results.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0][:5] == ["scan", "page", "status", "review", "amount"]
    assert [row[0] for row in rows[1:]] == ["card 1.png", "card 2.png", "card 3.png"]
    assert [row[7] for row in rows[1:]] == ["042"] * 3


def test_a_sheet_that_libreoffice_saved_comes_back(batch: Path, tmp_path: Path) -> None:
    export_book(batch, tmp_path / "book.xlsx")
    path = filled(tmp_path / "book.xlsx", {"F2": "ok", "F3": "30", "F4": "048", "F5": "=1+1"})
    (saved,) = converted(path, "xlsx")
    done = import_book(batch, saved, "Kim")
    assert (done.taken, done.refused) == (3, ["To review!F5: is a formula; type the value itself"])
    assert decided(batch)["card 2.png", "amount"] == ("Kim", "048", "sheet")
