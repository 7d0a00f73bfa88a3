"""Draw the README's picture of a workbook: a sample's sheet To review, as LibreOffice shows it.

python -m tests.draw_workbook
"""

from __future__ import annotations

import tempfile
from contextlib import closing
from pathlib import Path
from typing import Final

import numpy as np
import pypdfium2
from PIL import Image

from formreader.export import export_book
from tests.draw_review import ROOT, read
from tests.test_export_libreoffice import converted

_SHEET: Final = 1
_ROWS_PX: Final = 430
_MARGIN_PX: Final = 12


def main() -> None:
    """Read a sample, write its workbook, and render the top of the sheet."""
    with tempfile.TemporaryDirectory() as place:
        results = read("visit-record", Path(place) / "visit-record")
        export_book(results, Path(place) / "book.xlsx")
        (file,) = converted(Path(place) / "book.xlsx", "pdf")
        with closing(pypdfium2.PdfDocument(file)) as pages:
            page: Image.Image = pages[_SHEET].render(scale=1.6).to_pil().convert("RGB")
    rows, columns = np.nonzero(np.asarray(page.convert("L")) < 250)
    left, top, right = columns.min() - _MARGIN_PX, rows.min() - _MARGIN_PX, columns.max() + _MARGIN_PX
    cut = page.crop((int(left), int(top), int(right), int(top) + _ROWS_PX))
    cut.quantize(64).save(ROOT / "samples" / "workbook.png", optimize=True)


if __name__ == "__main__":
    main()
