"""HEIC photographs, with the extra ``heic``: pi-heif, the decoding half of pillow-heif, without its GPL encoder."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from formreader.errors import UnreadableScan

_BRANDS: Final = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_BROKEN: Final = (ValueError, EOFError, SyntaxError, RuntimeError, OSError, IndexError)
"""What pi-heif says it raises for a damaged file, and what it raises for one without a picture."""


def is_heif(content: bytes) -> bool:
    """Whether the bytes are a HEIC or HEIF file (ISO/IEC 23008-12), of phones mostly."""
    return content[4:8] == b"ftyp" and content[8:12] in _BRANDS and b"avif" not in content[8:40]


def decode(content: bytes, name: str, check_size: Callable[[int, int, str], None]) -> NDArray[Any]:
    """Decode the file's main picture, turned as its container says (its EXIF tells the same a second time).

    Parameters
    ----------
    check_size
        Is asked with width, height and `name` before anything is decoded, and raises where that is too much.

    Returns
    -------
    NDArray
        uint8 or uint16 (height, width), or with 3 or 4 channels in blue, green, red, opacity.

    Raises
    ------
    UnreadableScan
        The extra is not installed, or the file is damaged.
    """
    try:
        import pi_heif
    except ImportError as error:
        raise UnreadableScan(
            f"{name}: a HEIC picture, for which an extra is needed: pip install 'formreader[heic]'; or save it as JPEG"
        ) from error
    pi_heif.options.DECODE_THREADS = 1  # pages are the parallel work
    try:
        file = pi_heif.open_heif(content, bgr_mode=True)
        picture = file[file.primary_index]
        width, height = picture.size
    except _BROKEN as error:
        raise _damaged(name, error) from error
    check_size(width, height, name)
    try:
        return np.array(picture)  # a copy: the library's own memory goes with `picture`
    except _BROKEN as error:
        raise _damaged(name, error) from error


def _damaged(name: str, error: Exception) -> UnreadableScan:
    why = " ".join(str(error).split())
    return UnreadableScan(f"{name}: the HEIC file is damaged ({why}); copy it again or save it as JPEG")
