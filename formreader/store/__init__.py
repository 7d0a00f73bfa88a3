"""A batch on disk: one SQLite file, one writer, only ever added to.

A page is stored under the SHA-256 of its file and its number in it, so that a renamed or moved scan is the same page.
Each page is one transaction that is on the disk when `Batch.add` returns: a power cut loses only the pages in flight.
"""

from formreader.store.batch import Batch, Known, open_batch
from formreader.store.folder import FILE, is_written_to
from formreader.store.merging import Conflict, Joined, joined
from formreader.store.results import Change, Results, StoredPage, natural, open_results
from formreader.store.standing import RunRow, Standing

__all__ = [
    "FILE",
    "Batch",
    "Change",
    "Conflict",
    "Joined",
    "Known",
    "Results",
    "RunRow",
    "Standing",
    "StoredPage",
    "is_written_to",
    "joined",
    "natural",
    "open_batch",
    "open_results",
]
