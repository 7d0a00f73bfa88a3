"""What the editor opens on: a template that exists, or one made of the boxes found on a form."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from pydantic import ValidationError

from formreader.editor.document import Tables, document_of, listed
from formreader.editor.files import content_of
from formreader.errors import FormreaderError, TemplateError, UnusableCall
from formreader.labels import TextReader
from formreader.pictures import encode_png
from formreader.pipeline import find_form, find_sheets
from formreader.scans import find_scans, load_page
from formreader.template import Rectangle, Template, pictures_beside, text_of
from formreader.values import Grey


@dataclass(frozen=True, slots=True, eq=False)
class Opened:
    """A template to edit.

    Attributes
    ----------
    path
        Where it is saved.
    content
        What the file holds; None where it is not there yet.
    text
        What the editor begins from.
    pictures
        Of each of the form's pages, as PNG; empty where there is none to show.
    beside
        Files that come beside it when it is saved first, by name.
    is_private
        They show people's data: they are readable by their owner alone.
    notes
        What the person should know.
    """

    path: Path
    content: bytes | None
    text: str
    pictures: tuple[bytes, ...]
    beside: Mapping[str, bytes] = field(default_factory=dict)
    is_private: bool = False
    notes: tuple[str, ...] = ()


def existing(path: Path) -> Opened:
    """Open a template that exists; mistakes in it are there to be put right, but it must be TOML.

    Raises
    ------
    TemplateError
        It cannot be read, is no TOML, or has more fields or boxes than the page takes.
    """
    content = content_of(path)
    if content is None:
        raise TemplateError(f"{path}: no such template; check the name")
    try:
        text = content.decode("utf-8")
        tables = tomllib.loads(text.removeprefix("\ufeff"))
    except UnicodeDecodeError as error:
        raise TemplateError(f"{path}: the text is not UTF-8 (byte {error.start}); save it as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise TemplateError(f"{path}: no valid TOML: {error}; put that place right in a text editor") from error
    _refuse_what_is_too_much(path, tables)
    form = tables.get("form")
    notes: list[str] = []
    pictures = tuple(map(encode_png, _references(path.parent, form if isinstance(form, dict) else {}, notes)))
    return Opened(path, content, text, pictures, notes=tuple(notes))


def _refuse_what_is_too_much(path: Path, tables: Tables) -> None:
    """Refuse what the page would not take back: thousands of fields, or of boxes in one."""
    ids = ([str(n) for n, _ in enumerate(listed(tables, key))] for key in ("field", "check"))
    try:
        document_of(tables, *ids)
    except ValidationError as error:
        what = error.errors()[0]
        place = ".".join(map(str, what["loc"]))
        raise TemplateError(f"{path}: too much for this page ({place}: {what['msg']}); use a text editor") from error


def found(
    scans: Sequence[Path],
    path: Path,
    *,
    name: str = "",
    names: Sequence[str] = (),
    filled: bool = False,
    wide: bool = False,
    page: int | None = None,
    labels: TextReader | None = None,
) -> Opened:
    """Begin a template with the boxes found on a form, if any; `labels` reads the print by which they are named.

    Parameters
    ----------
    page
        The page of the scans that shows the form; all are its pages where left out.

    Raises
    ------
    UnusableCall
        A scan cannot be decoded or shows another form, pages differ in size or are the same, or a picture of another
        form lies where the reference would.
    """
    notes: list[str] = []
    asked, count = (scans, name or path.stem, names), len(find_scans(scans[:1]).pages)
    if page is None and count > 1:
        sheets = find_sheets(*asked, filled=filled, wide=wide, note=notes.append, labels=labels, may_be_empty=True)
    else:
        note, at = notes.append, page or 1
        sheets = [find_form(*asked, filled=filled, wide=wide, page=at, note=note, labels=labels, may_be_empty=True)]
    templates = [_rounded(template) for template, _ in sheets]
    if not any(template.fields for template in templates):
        notes.append("no printed boxes found; drag with the mouse to add them")
    if count > 1 and len(templates) == 1:
        notes.append(f"page {page or 1} of {count}; others with --page")
    pictures = tuple(encode_png(template.reference) for template in templates if template.reference is not None)
    beside = dict(zip(pictures_beside(path, "reference", len(templates)), pictures, strict=True))
    for reference, picture in beside.items():
        if content_of(reference) not in (None, picture):
            raise UnusableCall(f"{reference}: exists already, with another picture; name another template with -o")
    by_name = {reference.name: picture for reference, picture in beside.items()}
    is_private = filled or len(scans) > 1
    return Opened(path, None, text_of(templates, tuple(by_name)), pictures, by_name, is_private, tuple(notes))


def _rounded(template: Template) -> Template:
    """Round places to half a pixel, which people can read; each box is found anew on every scan."""
    fields = (replace(field, boxes=tuple(map(_rounded_box, field.boxes))) for field in template.fields)
    return replace(template, fields=tuple(fields))


def _rounded_box(box: Rectangle) -> Rectangle:
    x, y, width, height = (round(2 * side) / 2 for side in box)
    return x, y, width, height


def _references(folder: Path, form: Mapping[str, Any], notes: list[str]) -> Iterator[Grey]:
    """Load the pictures that a form names, page by page; what cannot be shown is noted."""
    named = form.get("reference")
    for name in named if isinstance(named, list) else [named]:
        if not isinstance(name, str) or not _is_beside(name):
            continue
        try:
            for ref in find_scans([folder / name]).pages:
                yield load_page(ref).pixels
        except FormreaderError as error:
            notes.append(f"the form cannot be shown: {error}")


def _is_beside(name: str) -> bool:
    """Whether a file lies in the template's folder or below it."""
    paths = PurePosixPath(name), PureWindowsPath(name)
    return bool(name) and "\0" not in name and not any(path.anchor or ".." in path.parts for path in paths)
