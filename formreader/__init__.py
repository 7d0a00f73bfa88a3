"""Turn folders of scanned paper forms into spreadsheets.

As a library: `read_page` and `read_batch` read scans, `load_results` gives what the command line wrote as pandas
frames. They are loaded when they are first asked for, so that importing the package costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from formreader.library import load_results, read_batch, read_page

__all__ = ["load_results", "read_batch", "read_page"]


def __getattr__(name: str) -> Any:
    """Load a call of the library when it is first asked for (PEP 562)."""
    if name not in __all__:
        raise AttributeError(f"module 'formreader' has no attribute '{name}'")
    from formreader import library

    return getattr(library, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
