"""Draw the README's picture of a printed form: ``python -m tests.draw_printed``."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from PIL import Image

from formreader.printing import print_form, write_form
from tests.drawing_printed import rendered

SAMPLES: Final = Path(__file__).parent.parent / "samples"
WIDTH_PX: Final = 900
COLOURS: Final = 32


def draw() -> Image.Image:
    """Print the sample's first numbered copy and give a picture of it, a thin rule round the paper."""
    with tempfile.TemporaryDirectory() as folder:
        pdf = Path(folder) / "form.pdf"
        write_form(print_form(SAMPLES / "own-form" / "fields.toml", pdf, copies=30), pdf)
        (page,) = rendered(pdf, [0])
    height = round(page.shape[0] * WIDTH_PX / page.shape[1])
    small = cv2.resize(page, (WIDTH_PX, height), interpolation=cv2.INTER_AREA)
    framed = cv2.copyMakeBorder(small, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=(190, 190, 190))
    return Image.fromarray(np.ascontiguousarray(framed[..., ::-1])).quantize(COLOURS, dither=Image.Dither.NONE)


if __name__ == "__main__":
    draw().save(SAMPLES / "printed-form.png", optimize=True)
