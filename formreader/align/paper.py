"""Whether a map stretches paper as feeders, cameras and damp do."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from formreader.align.frame import on_bent_form, working_scale
from formreader.align.letters import rows_spread
from formreader.align.params import AlignParams, EvidenceParams, Homography
from formreader.template import Template
from formreader.values import Bend, Grey


def unlike_paper(
    view: tuple[Grey, float],
    to_scan: Homography,
    bend: Bend | None,
    template: Template,
    params: AlignParams,
    rules: EvidenceParams,
) -> str:
    """Say how a map stretches paper as no scanner does: the print of another pitch can be reached in that way."""
    along, uneven = stretches(to_scan, bend, template, params)
    stretch, most_stretch = abs(float(np.log(along))), params.most_stretch
    if max(stretch, uneven) > rules.strained and template.reference is not None:
        page = on_bent_form(*view, template, to_scan, bend, working_scale(template, params))
        spread = rows_spread(page, template, to_scan, bend, params, rules)
        if spread is not None:
            if spread > rules.most_spread:
                return "rows spread otherwise"
            most_stretch = rules.most_strained if spread < rules.no_spread else most_stretch
    if uneven > params.most_uneven or stretch > most_stretch:
        return "stretched unlike paper"
    return ""


def stretches(to_scan: Homography, bend: Bend | None, template: Template, params: AlignParams) -> tuple[float, float]:
    """Measure by how much a map stretches paper.

    Returns
    -------
    tuple
        How much longer across than along most of the form is made, 1 for a photo, of which nothing can be said; and by
        which share the bend stretches it in all but a tenth of its places.
    """
    size = np.array([template.width, template.height], dtype=np.float64)
    rows, columns = bend.shifts.shape[:2] if bend is not None else (9, 9)
    grid = np.stack(np.meshgrid(np.linspace(0, size[0], columns), np.linspace(0, size[1], rows)), axis=-1)
    shifts = bend.shifts if bend is not None else np.zeros_like(grid)
    placed = cv2.perspectiveTransform((grid + shifts).reshape(1, -1, 2), to_scan).reshape(grid.shape)
    across = np.linalg.norm(np.diff(placed, axis=1), axis=2)[:-1] / (size[0] / (columns - 1))
    down = np.linalg.norm(np.diff(placed, axis=0), axis=2)[:, :-1] / (size[1] / (rows - 1))
    strains = (np.diff(shifts[..., k], axis=1 - k) / (size[k] / (n - 1)) for k, n in ((0, columns), (1, rows)))
    uneven = float(max(np.percentile(np.abs(strain), 90) for strain in strains))
    # Print of another pitch bends a map unevenly, and tilts it a little.
    most_unlike = params.flat_sides if uneven < params.bent else params.bent_flat_sides
    return float(np.median(across / down)) if _is_flat(to_scan, size, most_unlike) else 1.0, uneven


def _is_flat(to_scan: Homography, size: NDArray[np.float64], most_unlike: float) -> bool:
    """Whether a map is that of a flat scan: opposite sides are equally long."""
    corners = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]) * size
    placed = cv2.perspectiveTransform(corners[None], to_scan)[0]
    top, right, bottom, left = np.hypot(*(np.roll(placed, -1, axis=0) - placed).T)
    return bool(max(abs(np.log(top / bottom)), abs(np.log(left / right))) < most_unlike)
