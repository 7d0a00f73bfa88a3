"""Nine fates of a page between the printer and the file; fixed, because the benchmark's figures are of these."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from tests.drawing_bend import curl, uneven_feed
from tests.drawing_sheet import DrawnForm
from tests.drawing_wear import Wear

Hardship = Callable[[DrawnForm, np.random.Generator], Wear]


def flat(_: DrawnForm, rng: np.random.Generator) -> Wear:
    """Lie flat on a good scanner: 300 dpi, colour, hardly turned."""
    return Wear(dpi=300, skew_degrees=rng.uniform(-0.4, 0.4), blur_mm=0.03, noise=2, colour=True)


def squeezed(_: DrawnForm, rng: np.random.Generator) -> Wear:
    """Become a JPEG of quality 45 at 200 dpi."""
    shift = (rng.uniform(-3, 3), rng.uniform(-3, 3))
    how = {"blur_mm": 0.05, "noise": 3, "contrast": 0.9, "colour": True, "jpeg_quality": 45}
    return Wear(dpi=200, skew_degrees=rng.uniform(-1.5, 1.5), shift_mm=shift, **how)  # type: ignore[arg-type]


def small(_: DrawnForm, rng: np.random.Generator) -> Wear:
    """Be scanned in grey at 100 dpi."""
    shift = (rng.uniform(-3, 3), rng.uniform(-3, 3))
    return Wear(dpi=100, skew_degrees=rng.uniform(-1, 1), shift_mm=shift, blur_mm=0.06, noise=3, contrast=0.9)


def faxed(_: DrawnForm, rng: np.random.Generator) -> Wear:
    """Be faxed: 200 dpi, one bit, holes in strokes and lines."""
    shift = (rng.uniform(-2, 2), rng.uniform(-2, 2))
    how = {"blur_mm": 0.05, "noise": 14, "holes": 0.05, "one_bit_at": 165, "specks": 40}
    return Wear(dpi=200, skew_degrees=rng.uniform(-1, 1), shift_mm=shift, **how)  # type: ignore[arg-type]


def stretched(form: DrawnForm, rng: np.random.Generator) -> Wear:
    """Go askew through a worn feeder: turned by up to 12 degrees, scaled, sheared, fed unevenly by 1 %."""
    return Wear(
        dpi=200,
        skew_degrees=rng.uniform(-12, 12),
        shift_mm=(rng.uniform(-8, 8), rng.uniform(-8, 8)),
        scale=rng.uniform(0.9, 1.1),
        shear=rng.uniform(-0.01, 0.01),
        stretch=rng.uniform(0.99, 1.01),
        bend=uneven_feed(rng, form.px_per_mm),
        margin_mm=35,
        lid=int(rng.integers(215, 252)),
        blur_mm=0.05,
        noise=3,
    )


def dirty(form: DrawnForm, rng: np.random.Generator) -> Wear:
    """Pass a dirty glass: three streaks through boxes, punched, stapled, another sheet's edge, the back shines through.

    The streaks cross the inside of boxes drawn by chance.
    """
    boxes = [box for field in form.fields for box in field.boxes]
    hit = [boxes[i] for i in rng.integers(0, len(boxes), 3)]
    return Wear(
        dpi=200,
        skew_degrees=rng.uniform(-0.5, 0.5),
        shift_mm=(rng.uniform(-2, 2), rng.uniform(-2, 2)),
        dusty=tuple((x + width * rng.uniform(0.25, 0.75)) / form.picture.shape[1] for x, _, width, _ in hit),
        punched=True,
        stapled=True,
        second_sheet=rng.uniform(0.2, 0.8),
        bleed=rng.uniform(0.06, 0.14),
        lid=int(rng.integers(30, 240)),
        specks=30,
        blur_mm=0.05,
        noise=3,
        colour=True,
    )


def photographed(form: DrawnForm, rng: np.random.Generator) -> Wear:
    """Be photographed with a telephone on a table: perspective, shade, a slight curl, blur, JPEG."""
    return Wear(
        dpi=220,
        skew_degrees=rng.uniform(-4, 4),
        bend_mm=9,
        bend=curl(rng, form.px_per_mm, form.picture.shape[1]),
        margin_mm=22,
        table=True,
        paper=(238, 246, 250),
        contrast=rng.uniform(0.75, 0.9),
        shade=rng.uniform(25, 70),
        blur_mm=rng.uniform(0.06, 0.1),
        noise=4,
        colour=True,
        jpeg_quality=75,
    )


def pale(_: DrawnForm, rng: np.random.Generator) -> Wear:
    """Be written with a pencil or a pale pen on a form printed with too little toner, and scanned too bright."""
    shift = (rng.uniform(-2, 2), rng.uniform(-2, 2))
    contrast = rng.uniform(0.6, 0.8)
    return Wear(dpi=200, skew_degrees=rng.uniform(-1, 1), shift_mm=shift, contrast=contrast, blur_mm=0.05, noise=3)


def turned(_: DrawnForm, rng: np.random.Generator) -> Wear:
    """Lie on its head or its side, with up to 9 mm cut off at two edges."""
    cut = [0.0, 0.0, 0.0, 0.0]
    for edge in rng.choice(4, 2, replace=False):
        cut[edge] = rng.uniform(3, 9)
    return Wear(
        dpi=150,
        skew_degrees=rng.uniform(-1.5, 1.5),
        quarter_turns=int(rng.integers(1, 4)),
        cut_mm=(cut[0], cut[1], cut[2], cut[3]),
        blur_mm=0.06,
        noise=3,
        contrast=0.9,
    )


HARDSHIPS: Final[dict[str, Hardship]] = {
    "flat": flat,
    "squeezed": squeezed,
    "small": small,
    "faxed": faxed,
    "stretched": stretched,
    "dirty": dirty,
    "photographed": photographed,
    "pale": pale,
    "turned": turned,
}
"""The first is no wear at all; eight kinds follow."""
