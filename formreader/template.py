"""The form description: read, write, validate."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from formreader.values import Grey

Rectangle = tuple[float, float, float, float]
"""x, y, width, height in template pixels, on the middle of the printed lines."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the form.

    Attributes
    ----------
    boxes
        One rectangle a digit box in writing order, or the single wide box.
    length
        (1, 1) for digit boxes; the least and the most digits for a wide box.
    filler
        Marks that writers put into unused boxes: ``X``, ``-``.
    filler_only
        What a field of fillers only means: flagged ``struck``, blank, or zero.
    """

    name: str
    boxes: tuple[Rectangle, ...]
    length: tuple[int, int] = (1, 1)
    required: bool = False
    filler: tuple[str, ...] = ()
    filler_only: Literal["struck", "blank", "zero"] = "struck"


@dataclass(frozen=True, slots=True)
class Markers:
    """Printed marks in the corners that a page is matched by.

    Attributes
    ----------
    kind
        ``squares``: solid black squares; ``aruco``: ArUco markers of `dictionary` with `ids`.
    centres
        Middle of each mark in template pixels: top left, top right, bottom right, bottom left.
    size_px
        Side of a mark in template pixels.
    """

    kind: Literal["squares", "aruco"]
    centres: tuple[tuple[float, float], ...]
    size_px: float
    dictionary: str = ""
    ids: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """A printed form, in the pixels of its reference picture.

    Attributes
    ----------
    reference
        The reference picture, (height, width); None where the form is matched by its markers alone.
    reference_filled
        The reference is a filled scan: match with it, never subtract it.
    fingerprint
        SHA-256 over all that decides how a page is read; two templates are equal when these are.
    path
        Where it was read from; None for one made in memory.
    """

    name: str
    width: int
    height: int
    dpi: float
    fields: tuple[Field, ...]
    reference: Grey | None = None
    reference_filled: bool = False
    markers: Markers | None = None
    fingerprint: str = ""
    path: Path | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Template) and other.fingerprint == self.fingerprint

    def __hash__(self) -> int:
        return hash(self.fingerprint)
