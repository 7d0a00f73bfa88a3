"""A batch on disk: one SQLite file, one writer, only ever added to.

A page is stored under the SHA-256 of its file and its number in it, so that a renamed or moved scan is the same page.
Each page is one transaction that is on the disk when `Batch.add` returns: a power cut loses only the pages in flight.
"""

from formreader.store.audits import Audit, AuditedField, Audits, Key, ScanPlaces, Stratum, audits_to_write
from formreader.store.batch import Batch, Known, open_batch
from formreader.store.deciding import Act, Desk, Said, Table, Undone, open_desk
from formreader.store.folder import FILE, is_written_to
from formreader.store.listing import ROW, STATES, Listing
from formreader.store.merging import Conflict, Joined, joined
from formreader.store.results import Results, natural, open_results
from formreader.store.several_pages import SeveralPages
from formreader.store.standing import RunRow, Standing
from formreader.store.stored import Change, Correction, StoredPage, StoredTemplate

__all__ = [
    "FILE",
    "ROW",
    "STATES",
    "Act",
    "Audit",
    "AuditedField",
    "Audits",
    "Batch",
    "Change",
    "Conflict",
    "Correction",
    "Desk",
    "Joined",
    "Key",
    "Known",
    "Listing",
    "Results",
    "RunRow",
    "Said",
    "ScanPlaces",
    "SeveralPages",
    "Standing",
    "StoredPage",
    "StoredTemplate",
    "Stratum",
    "Table",
    "Undone",
    "audits_to_write",
    "is_written_to",
    "joined",
    "natural",
    "open_batch",
    "open_desk",
    "open_results",
]
