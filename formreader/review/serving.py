"""Keep a batch's tables up to date while its review page is served."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from formreader.errors import BatchError
from formreader.export import write_tables
from formreader.review.state import Review

REST_S: Final = 30.0
"""When nobody decided anything for so long, the tables are written."""
_LOOKED_EVERY_S: Final = 1.0


@contextmanager
def tables_kept(review: Review, folder: Path, say: Callable[[str], None], rest_s: float = REST_S) -> Iterator[None]:
    """Write the batch's tables whenever the review rests, and at the end if they are older than what was decided."""
    over = threading.Event()

    def keep() -> None:
        while not over.wait(_LOOKED_EVERY_S):
            write(rest_s)

    def write(rest: float) -> None:
        touches = review.tables.due(rest)
        if touches is None:
            return
        try:
            write_tables(folder)
        except BatchError as error:
            review.tables.failed(touches)
            say(f"The tables could not be written: {error}")
        else:
            review.tables.written(touches)

    keeper = threading.Thread(target=keep, daemon=True)
    keeper.start()
    try:
        yield
    finally:
        over.set()
        keeper.join()
        write(0.0)
