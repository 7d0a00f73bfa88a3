"""A scanned picture of a drawn page, and the files that scanners write."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from formreader.values import Colour, Grey, Points
from tests.drawing_bend import Bend


@dataclass(frozen=True, slots=True, eq=False)
class Scan:
    """A picture of a page.

    Attributes
    ----------
    pixels
        uint8, grey (height, width) or colour (height, width, 3).
    to_scan
        Homography (3, 3) from the drawn form's pixels to these; a pixel's middle has whole coordinates.
    one_bit
        Only 0 and 255 occur, and files keep one bit a pixel.
    bend
        How the page was displaced before `to_scan`.
    streaks
        Columns of pixels down which the glass was dirty.
    """

    pixels: Grey | Colour
    dpi: float
    to_scan: NDArray[np.float64]
    one_bit: bool = False
    bend: Bend | None = None
    streaks: tuple[float, ...] = ()

    def place(self, points: Points) -> Points:
        """Map points (n, 2) of the drawn form to this picture."""
        flat = np.asarray(points, np.float64)
        lying = self.bend.moved(flat) if self.bend else flat
        mapped: Points = cv2.perspectiveTransform(lying[None], self.to_scan)[0]
        return mapped


def write_scan(scans: Scan | Sequence[Scan], path: Path, quality: int = 80) -> None:
    """Write one picture (PNG, JPEG, BMP) or several pages (TIFF, PDF), the format by the name's ending.

    One-bit pages go into TIFF and PDF as CCITT G4; the resolution is kept; nothing depends on the clock.
    """
    pages = [scans] if isinstance(scans, Scan) else list(scans)
    images = [_image(page) for page in pages]
    dpi, ending = pages[0].dpi, path.suffix.lower()
    first, rest = images[0], images[1:]
    if rest and ending not in {".tif", ".tiff", ".pdf"}:
        raise ValueError(f"{path.name}: {ending} holds one page, not {len(pages)}")
    if any(page.dpi != dpi for page in pages):
        raise ValueError(f"{path.name}: its pages differ in resolution; a file keeps one")
    if ending == ".pdf":
        dates = {"creationDate": None, "modDate": None}  # a file drawn twice is the same to the byte
        packing: dict[str, Any] = {} if any(page.one_bit for page in pages) else {"quality": quality}  # G4 refuses it
        first.save(path, resolution=dpi, save_all=True, append_images=rest, **packing, **dates)
    elif ending in {".tif", ".tiff"}:
        compression = "group4" if all(page.one_bit for page in pages) else "tiff_lzw"
        first.save(path, dpi=(dpi, dpi), save_all=True, append_images=rest, compression=compression)
    elif ending in {".jpg", ".jpeg"}:
        first.save(path, dpi=(dpi, dpi), quality=quality)
    else:
        first.save(path, dpi=(dpi, dpi))


def _image(scan: Scan) -> Image.Image:
    if scan.pixels.ndim == 3:
        return Image.fromarray(np.ascontiguousarray(scan.pixels[..., ::-1]))
    grey = Image.fromarray(scan.pixels)
    return grey.convert("1", dither=Image.Dither.NONE) if scan.one_bit else grey
