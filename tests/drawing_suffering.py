"""What a page suffers between the printer and the file, as numbers; `drawing_wear` makes it suffer."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tests.drawing_bend import Bend


@dataclass(frozen=True, slots=True)
class Wear:
    """What a page suffers; the defaults are nothing at all.

    Attributes
    ----------
    dpi
        Resolution of the scan; None keeps the drawn one.
    skew_degrees
        Turn of the paper on the glass, clockwise.
    shift_mm, scale
        Place of the paper on the glass, to the right and down, and the printer's or feeder's stretch.
    bend_mm
        How far each corner is moved at random: a photograph's perspective.
    shear, stretch
        Of the page's height: how far its top lies to the right of its foot, and by how much it is longer.
    bend
        Displacements that no homography follows.
    margin_mm
        How much of the glass or table is seen round the page.
    table
        What is seen there is a wooden table, not the lid.
    quarter_turns
        Times that the finished picture is turned clockwise by 90 degrees.
    cut_mm
        What is missing at the left, top, right and bottom edge.
    lid
        Grey beyond the paper.
    paper
        Blue, green, red of the paper.
    colour
        Keep the colours.
    shade
        Grey levels by which the light falls off across the page.
    contrast
        1 keeps the greys; 0.5 brings ink half way to the paper.
    blur_mm
        Standard deviation of the lens.
    noise
        Standard deviation of a pixel in grey levels.
    specks
        Specks of dirt on the page.
    folds
        Folded lines across the page.
    streaks
        Dark lines along the page, of dust on the glass of a sheet feeder.
    dusty
        Places of wide dark lines that run down the whole picture, as shares of the page's width.
    punched, stapled
        Two holes at the left edge; a staple in the top left corner.
    second_sheet
        Place of another sheet's edge that shows through, as a share of the width.
    bleed
        How strongly the back of the sheet shows through, 0 to 1.
    holes
        Share of the ink lost in small spots.
    one_bit_at
        Grey under which a pixel becomes black; None keeps the greys.
    levels
        Grey levels kept, 256 for all.
    jpeg_quality
        Quality of a JPEG on the way; None for none.
    """

    dpi: float | None = None
    skew_degrees: float = 0.0
    shift_mm: tuple[float, float] = (0.0, 0.0)
    scale: float = 1.0
    bend_mm: float = 0.0
    shear: float = 0.0
    stretch: float = 1.0
    bend: Bend | None = None
    margin_mm: float = 0.0
    table: bool = False
    quarter_turns: int = 0
    cut_mm: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    lid: int = 250
    paper: tuple[int, int, int] = (255, 255, 255)
    colour: bool = False
    shade: float = 0.0
    contrast: float = 1.0
    blur_mm: float = 0.0
    noise: float = 0.0
    specks: int = 0
    folds: int = 0
    streaks: int = 0
    dusty: tuple[float, ...] = ()
    punched: bool = False
    stapled: bool = False
    second_sheet: float | None = None
    bleed: float = 0.0
    holes: float = 0.0
    one_bit_at: int | None = None
    levels: int = 256
    jpeg_quality: int | None = None


def draw_mild(rng: np.random.Generator, dpi: float = 200) -> Wear:
    """Draw the wear of an office scanner with a feeder."""
    return Wear(
        dpi=dpi,
        skew_degrees=float(rng.uniform(-1.2, 1.2)),
        shift_mm=(float(rng.uniform(-2, 2)), float(rng.uniform(-2, 2))),
        scale=float(rng.uniform(0.992, 1.006)),
        blur_mm=float(rng.uniform(0.03, 0.07)),
        noise=float(rng.uniform(1, 4)),
        contrast=float(rng.uniform(0.85, 1.0)),
        shade=float(rng.uniform(0, 8)),
        specks=int(rng.integers(0, 20)),
    )


def draw_heavy(rng: np.random.Generator, dpi: float = 150) -> Wear:
    """Draw the wear of a telephone's picture or an old copier."""
    return replace(
        draw_mild(rng, dpi),
        skew_degrees=float(rng.uniform(-4, 4)),
        bend_mm=float(rng.uniform(1, 5)),
        blur_mm=float(rng.uniform(0.06, 0.12)),
        noise=float(rng.uniform(3, 8)),
        contrast=float(rng.uniform(0.55, 0.8)),
        shade=float(rng.uniform(15, 60)),
        specks=int(rng.integers(20, 120)),
        folds=int(rng.integers(0, 3)),
        lid=int(rng.integers(40, 250)),
        jpeg_quality=int(rng.integers(45, 80)),
    )
