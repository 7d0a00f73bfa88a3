"""The form description: read, write, validate."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

import numpy as np

from formreader.errors import PageError, TemplateError
from formreader.pictures import decode, encode_png
from formreader.rules import Check, Rule
from formreader.template import schema
from formreader.values import Grey, Points

Rectangle = tuple[float, float, float, float]
"""x, y, width, height in template pixels, on the middle of the printed lines."""


def corners_of(rectangle: Rectangle) -> Points:
    """Give a rectangle's corners, (4, 2): top left, top right, bottom right, bottom left."""
    x, y, width, height = rectangle
    return np.array([[x, y], [x + width, y], [x + width, y + height], [x, y + height]], dtype=np.float64)


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
    decimals
        The least and the most digits right of the decimal point of a wide box; (0, 0) where it holds none.
    point
        Where the form has the decimal point printed, x in template pixels; None where it is written.
    rules
        What its value must be.
    """

    name: str
    boxes: tuple[Rectangle, ...]
    length: tuple[int, int] = (1, 1)
    required: bool = False
    filler: tuple[str, ...] = ()
    filler_only: Literal["struck", "blank", "zero"] = "struck"
    decimals: tuple[int, int] = (0, 0)
    point: float | None = None
    rules: tuple[Rule, ...] = ()


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
        SHA-256 over all that decides how a page is read; two templates are equal when these are. Always worked out
        anew, so a template altered with `dataclasses.replace` is another one.
    path
        Where it was read from; None for one made in memory. One with a path travels to another process as that path:
        set it to None where anything else is altered.
    codes
        Whether pages are searched for QR codes and barcodes; None: if the reference picture has one.
    version
        What the form's makers call this printing of it; empty where they do not.
    checks
        What values of several fields must be together.
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
    codes: bool | None = None
    version: str = ""
    checks: tuple[Check, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "fingerprint", _fingerprint(self))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Template) and other.fingerprint == self.fingerprint

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    def __reduce__(self) -> tuple[Any, ...]:
        if self.path is not None:
            return _load_again, (self.path, self.fingerprint)
        return Template, tuple(getattr(self, field.name) for field in fields(self))


_PREFACE = """\
# A printed form, for formreader. All lengths are pixels of the reference picture: x, y, width, height.
# Rename fields as the columns should be called; a field's boxes stand in writing order.

"""


def load_template(path: Path) -> Template:
    """Read and check a template.

    Raises
    ------
    TemplateError
        It cannot be read, or has mistakes: all of them, each with its place.
    """
    try:
        tables = tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise TemplateError(f"{path}: cannot be read ({error.strerror}); check the name") from error
    except UnicodeDecodeError as error:
        raise TemplateError(f"{path}: the text is not UTF-8 (byte {error.start}); save it as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise TemplateError(f"{path}: no valid TOML: {error}; put that place right") from error
    form, described, problems = schema.check(tables)
    reference = None
    if form is not None and form.reference and not any(problem.startswith("form: 'reference'") for problem in problems):
        reference, wrong = _read_reference(path.parent, form)
        problems += wrong
    if form is None or problems:
        raise _mistakes(path.name, problems)
    return _template(form, described, reference, path.resolve())


def load_templates(paths: Iterable[Path]) -> tuple[Template, ...]:
    """Read templates of several forms, each with a name of its own: results are named after them.

    Raises
    ------
    TemplateError
        One cannot be read or has mistakes, or two have one name.
    """
    named: dict[str, tuple[Path, Template]] = {}
    for path in paths:
        template = load_template(path)
        first, _ = named.setdefault(template.name.casefold(), (path, template))
        if first is not path:
            raise TemplateError(
                f"{path}: its form is called '{template.name}' as that of {first}; give each form a name of its own"
            )
    return tuple(template for _, template in named.values())


def save_template(template: Template, path: Path, reference: str = "") -> None:
    """Write a template as TOML, with its reference picture beside it; each appears whole or not at all.

    Parameters
    ----------
    reference
        Name of the picture; the template's own with ``.png`` where left out.

    Raises
    ------
    TemplateError
        The template has mistakes, so that it could not be read again; nothing was written.
    """
    reference = reference or f"{path.stem}.png"
    text = _as_toml(template, reference)
    _, _, problems = schema.check(tomllib.loads(text))
    if template.reference is not None and template.reference.shape != (template.height, template.width):
        problems.append(f"form: the reference picture should be {template.width} x {template.height} pixels")
    if problems:
        raise _mistakes(path.name, problems)
    if template.reference is not None:
        _write_whole(path.parent / reference, encode_png(template.reference))
    _write_whole(path, (_PREFACE + text).encode())


def _mistakes(name: str, problems: list[str]) -> TemplateError:
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    return TemplateError("\n  ".join([f"{name}: {count}", *problems]))


def _read_reference(folder: Path, form: schema.FormTable) -> tuple[Grey | None, list[str]]:
    name = form.reference or ""
    try:
        grey = decode((folder / name).read_bytes(), name).grey
    except OSError as error:
        return None, [f"form: reference '{name}' cannot be read ({error.strerror})"]
    except PageError as error:
        return None, [f"form: reference {error}"]
    height, width = grey.shape
    if (width, height) != (form.width, form.height):
        return None, [f"form: reference '{name}' has {width} x {height} pixels, the form {form.width} x {form.height}"]
    return grey, []


def _template(
    form: schema.FormTable, described: Iterable[schema.FieldTable], reference: Grey | None, path: Path
) -> Template:
    markers = None
    if form.markers is not None:
        centres = tuple((float(x), float(y)) for x, y in form.markers.centres)
        mark = form.markers
        markers = Markers(mark.kind, centres, float(mark.size), mark.dictionary, tuple(mark.ids))
    return Template(
        name=form.name,
        width=form.width,
        height=form.height,
        dpi=float(form.resolution()),
        fields=tuple(_field(table) for table in described),
        reference=reference,
        reference_filled=form.reference_filled,
        markers=markers,
        path=path,
        codes=form.codes,
        version=str(form.version),
    )


def _field(table: schema.FieldTable) -> Field:
    boxes = tuple((float(x), float(y), float(width), float(height)) for x, y, width, height in table.rectangles())
    return Field(
        *(table.name, boxes, table.digits(), table.required, tuple(table.filler), table.filler_only),
        decimals=table.fraction(),
        point=float(table.point) if isinstance(table.point, int | float) else None,
    )


@functools.lru_cache(maxsize=64)
def _load_again(path: Path, fingerprint: str) -> Template:
    """Read a template in a worker process, once, and make sure that it is the one the run began with."""
    template = load_template(path)
    if template.fingerprint != fingerprint:
        raise TemplateError(f"{path}: it was changed since it was read; start again")
    return template


def _fingerprint(template: Template) -> str:
    """SHA-256 over the template's text, which says all that decides reading, and the reference's pixels."""
    digest = hashlib.sha256(_as_toml(template, reference="").encode())
    if template.reference is not None:
        digest.update(repr(template.reference.shape).encode())
        digest.update(np.ascontiguousarray(template.reference).data)
    return digest.hexdigest()


def _as_toml(template: Template, reference: str) -> str:
    """Write the tables. Fingerprints are taken of this text: let it change only where reading does."""
    lines = ["[form]", f"name = {_text(template.name)}"]
    if template.reference is not None:
        lines.append(f"reference = {_text(reference)}")
        lines.append(f"reference_filled = {_flag(template.reference_filled)}")
    lines += [f"width = {template.width}", f"height = {template.height}", f"dpi = {_number(template.dpi)}"]
    if template.version:
        lines.append(f"version = {_text(template.version)}")
    if template.codes is not None:
        lines.append(f"codes = {_flag(template.codes)}")
    if (markers := template.markers) is not None:
        lines += ["", "[form.markers]", f"kind = {_text(markers.kind)}", f"centres = {_rows(markers.centres)}"]
        lines.append(f"size = {_number(markers.size_px)}")
        if markers.dictionary or markers.ids:
            lines += [f"dictionary = {_text(markers.dictionary)}", f"ids = {list(markers.ids)}"]
    for field in template.fields:
        lines += ["", "[[field]]", *_field_lines(field)]
    return "\n".join(lines) + "\n"


def _field_lines(field: Field) -> Iterable[str]:
    yield f"name = {_text(field.name)}"
    if field.length == (1, 1):
        yield f"boxes = {_rows(field.boxes)}"
    else:
        least, most = field.length
        yield f"box = {_row(field.boxes[0]) if len(field.boxes) == 1 else _rows(field.boxes)}"
        yield f"length = {least if least == most else list(field.length)}"
    if field.decimals != (0, 0):
        least, most = field.decimals
        yield f"decimals = {least if least == most else list(field.decimals)}"
    if field.point is not None:
        yield f"point = {_number(field.point)}"
    if field.required:
        yield "required = true"
    if field.filler:
        yield f"filler = [{', '.join(map(_text, field.filler))}]"
    if field.filler_only != "struck":
        yield f"filler_only = {_text(field.filler_only)}"


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")  # JSON's escapes are TOML's, but for DEL


def _flag(value: bool) -> str:
    return "true" if value else "false"


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else repr(float(value))


def _row(values: Iterable[float]) -> str:
    return f"[{', '.join(map(_number, values))}]"


def _rows(rows: Iterable[Iterable[float]]) -> str:
    return "[\n" + "".join(f"    {_row(row)},\n" for row in rows) + "]"


def _write_whole(path: Path, content: bytes) -> None:
    """Write a file beside its place and then rename it, so that no half of it is ever seen."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_bytes(content)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
