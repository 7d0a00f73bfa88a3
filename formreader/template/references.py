"""The reference pictures of a form's pages, read from the files beside its template.

Imported by `template` alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Final

import cv2

from formreader.errors import PageError
from formreader.pictures import decode
from formreader.pictures.headers import count_pages
from formreader.scans.pdf_pages import count_pdf_pages, is_pdf, load_pdf_page
from formreader.template.form_schema import FormTable
from formreader.values import Grey

_SAME_SHAPE: Final = 0.005
"""By so much of a side a PDF's page may be longer or shorter than the form: it has no whole number of pixels."""


def read_references(
    folder: Path, form: FormTable, count: int, unsaved: Mapping[str, bytes]
) -> tuple[list[Grey], list[str]]:
    """Read the picture of each of a form's pages.

    Parameters
    ----------
    unsaved
        What files of the folder are going to hold, by name.

    Returns
    -------
    pictures, problems
        Complete and of the form's size where there are no problems.
    """
    pictures: list[Grey] = []
    problems: list[str] = []
    named = form.references() if isinstance(form.reference, list) else form.references() * count
    for number, name in enumerate(named, 1):
        page = 1 if isinstance(form.reference, list) else number
        try:
            pictures.append(_read(_content(folder, name, unsaved), form, name, page))
        except OSError as error:
            problems.append(f"form: reference '{name}' cannot be read ({error.strerror})")
        except (PageError, _Unfit) as error:
            problems.append(f"form: reference {error}")
    if not problems and form.pages is not None and form.has_paged_reference():
        problems += _count_problems(_content(folder, form.references()[0], unsaved), form, form.pages)
    return pictures, list(dict.fromkeys(problems))


def _content(folder: Path, name: str, unsaved: Mapping[str, bytes]) -> bytes:
    return unsaved[name] if name in unsaved else (folder / name).read_bytes()


class _Unfit(Exception):
    """A picture that is none of the form; the text begins with its name."""


def _read(content: bytes, form: FormTable, name: str, page: int) -> Grey:
    held = _held(content)
    if page > held:
        raise _Unfit(f"'{name}' has {held} {'page' if held == 1 else 'pages'}, but the template speaks of page {page}")
    if is_pdf(content):
        grey = _as_large(load_pdf_page(content, name, page, form.resolution()).grey, (form.width, form.height))
    else:
        grey = decode(content, name, page).grey
    height, width = grey.shape
    if (width, height) != (form.width, form.height):
        of_page = f", page {page}," if page > 1 else ""
        raise _Unfit(f"'{name}'{of_page} has {width} x {height} pixels, the form {form.width} x {form.height}")
    return grey


def _held(content: bytes) -> int:
    """Count the pages of a file."""
    return count_pdf_pages(BytesIO(content)) if is_pdf(content) else count_pages(content)


def _as_large(grey: Grey, size: tuple[int, int]) -> Grey:
    """Bring a PDF's page to the form's size, where it has its shape; a picture that fills it has pixels of its own."""
    height, width = grey.shape
    if (width, height) == size or abs(width * size[1] / (height * size[0]) - 1) > _SAME_SHAPE:
        return grey
    resized: Grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA if width > size[0] else cv2.INTER_LINEAR)
    return resized


def _count_problems(content: bytes, form: FormTable, count: int) -> Sequence[str]:
    held = _held(content)
    return [f"form: 'pages' is {count}, but reference '{form.references()[0]}' has {held}"] if held != count > 1 else []
