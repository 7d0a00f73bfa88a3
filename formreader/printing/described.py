"""The template of a printed form: the text of its TOML, with every box where the PDF has it.

Imported by `printing` alone. It writes the text itself: a printed form has several pages and kinds of fields.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from formreader.printing.form import SERIAL, Form
from formreader.printing.layout import DICTIONARY
from formreader.printing.rules import rules_of
from formreader.printing.sheets import Layout, Place, Written
from formreader.printing.toml import written

_PREFACE: Final = """\
# Written with the form that it describes: print the PDF at its full size (100 %, not "fit to page").
# All lengths are pixels of the reference picture: x, y, width, height.

"""


def template_text(
    form: Form,
    layout: Layout,
    size: tuple[int, int],
    dpi: float,
    references: Sequence[str],
    folder: Path,
    *,
    numbered: bool,
) -> str:
    """Write the template of a laid-out form.

    Parameters
    ----------
    size
        Width and height of a reference picture in pixels.
    folder
        Where lists that rules name lie: they are written into the template.
    numbered
        Copies have numbers, each in its QR codes: pages of one number are one row.
    """
    scale = (size[0] / layout.paper[0], size[1] / layout.paper[1])  # a picture's sides are whole pixels
    head: dict[str, Any] = {"name": form.name, "reference": references[0] if len(references) == 1 else list(references)}
    head |= {"width": size[0], "height": size[1], "dpi": dpi}
    if len(references) > 1:
        head |= {"pages": len(references), "gather": "qr" if numbered else "sequence"}
    if form.version != "":
        head["version"] = form.version
    head |= {"codes": True, "markers": _markers(layout, scale)}
    tables: dict[str, Any] = {"form": head}
    tables["field"] = list(_fields(layout, scale, folder, numbered=numbered))
    if form.checks:
        tables["check"] = list(form.checks)
    notes = {field.name: field.note for field in form.fields if field.note}
    return _PREFACE + written(tables, notes)


def _markers(layout: Layout, scale: tuple[float, float]) -> dict[str, Any]:
    first, ids = layout.sheets[0].marks, [list(sheet.ids) for sheet in layout.sheets]
    middles = [_pixels((x + width / 2, y + height / 2, 0.0, 0.0), scale)[:2] for x, y, width, height in first]
    return {
        "kind": "aruco",
        "centres": middles,
        "size": round(first[0][2] * scale[0], 1),
        "dictionary": DICTIONARY,
        "ids": ids[0] if len(ids) == 1 else ids,
    }


def _fields(layout: Layout, scale: tuple[float, float], folder: Path, *, numbered: bool) -> Iterator[dict[str, Any]]:
    for number, sheet in enumerate(layout.sheets, 1):
        if numbered:  # on every page: one that lies in a wrong place, or alone, still says whose it is
            page = {"page": number} if number > 1 else {}
            yield {"name": SERIAL, "kind": "barcode", **page, "box": _pixels(sheet.code, scale)}
        for one in sheet.parts.written:
            yield _field(one, number, scale, folder)


def _field(one: Written, page: int, scale: tuple[float, float], folder: Path) -> dict[str, Any]:
    asked = one.asked
    table: dict[str, Any] = {"name": asked.name}
    if asked.kind != "digits":
        table["kind"] = asked.kind
    if page > 1:
        table["page"] = page
    boxes = [_pixels(box, scale) for box in one.boxes]
    if asked.kind in ("digits", "choice"):
        table["boxes"] = boxes
    else:
        table["box"] = boxes[0]
    if asked.kind == "choice":
        table |= {"options": list(asked.options)} | ({"many": True} if asked.many else {})
    if asked.decimals:
        table["decimals"] = asked.decimals
    return table | rules_of(asked, folder)


def _pixels(place: Place, scale: tuple[float, float]) -> list[float]:
    """Give a place in pixels whose middles have whole coordinates."""
    x, y, width, height = place
    right, down = scale
    return [round(value, 2) for value in (x * right - 0.5, y * down - 0.5, width * right, height * down)]
