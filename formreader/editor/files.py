"""The files of an edited template: its own, its reference's, and the draft that survives a crash."""

from __future__ import annotations

import stat
from contextlib import suppress
from pathlib import Path

from formreader.errors import UnusableCall
from formreader.whole_files import write_whole


def content_of(path: Path) -> bytes | None:
    """Give what a file holds; None where there is none."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UnusableCall(f"{path}: cannot be read ({error.strerror}); check that you may read it") from error


def write_over(path: Path, content: bytes, mode: int | None = None) -> None:
    """Write a file, whole or not at all; whoever may read it may still.

    Parameters
    ----------
    mode
        Who may read it; that of the file that is there, or the usual one, where left out.
    """
    if mode is None:
        with suppress(OSError):
            mode = stat.S_IMODE(path.stat().st_mode)
    try:
        write_whole(path, content, mode)
    except OSError as error:
        raise UnusableCall(
            f"{path}: cannot be written ({error.strerror}); nothing is lost as long as the page is open"
        ) from error


def put_aside(path: Path) -> Path | None:
    """Copy a file to ``NAME.bak``, or ``NAME.bak-2``, ...: no copy is ever written over.

    Returns
    -------
    Path or None
        The copy, or the one that holds the same already; None where there is no such file.
    """
    content = content_of(path)
    if content is None:
        return None
    number = 1
    while True:
        copy = path.with_name(f"{path.name}.bak" + (f"-{number}" if number > 1 else ""))
        there = content_of(copy)
        if there == content:
            return copy
        if there is None:
            write_over(copy, content, stat.S_IMODE(path.stat().st_mode))
            return copy
        number += 1


def draft_of(path: Path) -> Path:
    """Give the place of a template's draft."""
    return path.with_name(f".{path.name}.draft")
