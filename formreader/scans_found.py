"""Find a stored page's scan again, and decode it."""

from __future__ import annotations

from formreader.errors import PageError
from formreader.places import place
from formreader.scans import fingerprint, load_page
from formreader.store import ScanPlaces
from formreader.values import Page, PageRef


def load_found(scan: ScanPlaces) -> tuple[Page | None, str]:
    """Decode a page from the first place that still holds it; else say what is the matter there."""
    why = f"{scan.name}: nobody knows where it lies"
    for path in scan.paths:
        ref = PageRef(place(path), scan.page, scan.name, scan.sha256)
        try:
            if fingerprint(ref.path, path) != scan.sha256:
                why = f"{path}: is another scan now than was read"
                continue
            return load_page(ref), ""
        except PageError as error:
            why = str(error)
    return None, why
