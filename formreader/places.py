"""Where files may lie: on a disk, or behind an address such as ``s3://bucket/scans``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from formreader.errors import UnusableCall

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]+://")  # a drive's letter is one letter


def place(text: str) -> Path:
    """Give the path that a text names; one behind an address is no `pathlib.Path`, but does what we ask of one.

    Raises
    ------
    UnusableCall
        It is an address, and what opens such is not installed.
    """
    if not is_address(text):
        return Path(text)
    try:
        from upath import UPath

        remote: Any = UPath(text)
    except (ImportError, ValueError) as error:
        protocol = text.partition("://")[0]
        raise UnusableCall(
            f"{text}: cannot be opened ({error}); for addresses install 'formreader[remote]' and what fsspec wants for "
            f"{protocol}://, such as s3fs or gcsfs"
        ) from error
    opened: Path = remote
    return opened


def is_address(path: Path | str) -> bool:
    """Say whether this is no place on a disk of this machine."""
    return bool(_ADDRESS.match(str(path)))
