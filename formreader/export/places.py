"""Where tables go: each is written beside its place and moved there when it is whole."""

from __future__ import annotations

import os
import re
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from formreader.errors import BatchError

_PART: Final = ".part"
_DAY_S: Final = 86_400


@contextmanager
def whole(target: Path) -> Iterator[Path]:
    """Give a place to write to, readable by its owner alone; it becomes `target` when all went well.

    The place is this call's own: the end of a run and an export may write the same table at the same time.

    Raises
    ------
    BatchError
        It cannot be written.
    """
    try:
        file, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=_PART, dir=target.parent)
        part = Path(name)
        try:
            os.close(file)
            yield part
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise unwritable(target, error) from error


def unwritable(place: Path, error: OSError) -> BatchError:
    """Say what to do where a place cannot be written to."""
    return BatchError(
        f"{place}: cannot be written ({error.strerror or error}); close it where it is open, or name another place"
    )


def remove_left_over(*folders: Path) -> None:
    """Remove what calls that were killed a day ago or earlier had begun to write."""
    for part in (part for folder in folders for part in folder.glob(f".*{_PART}")):
        with suppress(OSError):
            if time.time() - part.stat().st_mtime > _DAY_S:
                part.unlink()


def tables_of(target: Path, forms: Sequence[str]) -> tuple[Path, ...]:
    """Give the files that a results table goes to: `target` itself, or one for each of several forms."""
    if len(forms) < 2:
        return (target,)
    return tuple(target.with_name(f"{target.stem}-{flat(form)}{target.suffix}") for form in forms)


def flat_name(scan: str, page: int, sha256: str) -> str:
    """Make the start of a file name from a page's: flat, and its own also where two folders hold files of one name."""
    return f"{flat(scan)[-100:]}-{page}-{sha256[:8]}"


def flat(name: str) -> str:
    """Replace what file names cannot hold on some system."""
    return re.sub(r"[/\\:*?\"<>|\x00-\x1f]", "_", name)
