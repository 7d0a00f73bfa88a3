"""The files of an edited template: its own, its reference's, and the draft that survives a crash."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

from formreader.errors import UnusableCall


def content_of(path: Path) -> bytes | None:
    """Give what a file holds; None where there is none."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UnusableCall(f"{path}: cannot be read ({error.strerror}); check that you may read it") from error


def write_whole(path: Path, content: bytes, mode: int | None = None) -> None:
    """Write a file beside its place, then rename it: it is whole or as it was, and whoever may read it may still.

    Parameters
    ----------
    mode
        Who may read it; that of the file that is there, or the usual one, where left out.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        if mode is None:
            with suppress(OSError):
                mode = stat.S_IMODE(path.stat().st_mode)
        beside.touch(mode=0o600 if mode is not None else 0o666)
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if mode is not None:
            beside.chmod(mode)
        beside.replace(path)
    except OSError as error:
        raise UnusableCall(
            f"{path}: cannot be written ({error.strerror}); nothing is lost as long as the page is open"
        ) from error
    finally:
        beside.unlink(missing_ok=True)


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
            write_whole(copy, content, stat.S_IMODE(path.stat().st_mode))
            return copy
        number += 1


def draft_of(path: Path) -> Path:
    """Give the place of a template's draft."""
    return path.with_name(f".{path.name}.draft")
