"""A scan that was read before: found where it lay then, if it is still the same."""

from __future__ import annotations

from collections.abc import Iterable

from formreader.errors import PageError
from formreader.places import place
from formreader.scans import fingerprint, load_page
from formreader.values import Page, PageRef


def load_again(sha256: str, page: int, name: str, paths: Iterable[str]) -> tuple[Page | None, str]:
    """Decode a page from the first place that still holds it; else say what is the matter there.

    Parameters
    ----------
    sha256
        Of the file when it was read: another scan under the same name is none.
    paths
        Where it was found, the likeliest place first.
    """
    why = f"{name}: nobody knows where it lies"
    for path in paths:
        try:
            ref = PageRef(place(path), page, name, sha256)
            if fingerprint(ref.path, path) != sha256:
                why = f"{path}: is another scan now than was read"
                continue
            return load_page(ref), ""
        except PageError as error:
            why = str(error)
    return None, why
