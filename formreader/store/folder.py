"""The results folder and the SQLite file in it: who may have them, one writer at a time, whole transactions."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from formreader.disks import on_network
from formreader.errors import BatchError
from formreader.store.migrations import bring_forward
from formreader.store.schema import APPLICATION, AUDITS, DECISIONS, REVIEW, SCHEMA, VERSION, VIEWS

FILE: Final = "batch.sqlite"
_LOCK: Final = "batch.lock"
_READ_VERSION: Final = 19  # place in a file's header, https://www.sqlite.org/fileformat2.html
_LOOKED_AT_S: Final = 0.2  # `is_written_to` holds the lock for less than a thousandth of that


def refuse_foreign(folder: Path, *, aside: bool) -> None:
    """Refuse a place that results must not be mixed into; with `aside`, a batch that cannot be read is none of these.

    Raises
    ------
    BatchError
        There is something else, or a batch that this program cannot go on with.
    """
    try:
        if folder.exists() and not folder.is_dir():
            raise BatchError(f"{folder}: is a file; results need a folder of their own")
        batch_bytes = (folder / FILE).stat().st_size if (folder / FILE).exists() else None
        foreign = batch_bytes is None and folder.is_dir() and any(_visible(folder))
    except OSError as error:
        raise _unwritable(folder, error) from error
    if foreign:
        raise BatchError(f"{folder}: holds other files; results need a folder of their own, name a new one with -o")
    if batch_bytes and not aside:
        with connected(folder, read_only=True):
            pass


def _visible(folder: Path) -> Iterator[Path]:
    return (entry for entry in folder.iterdir() if entry.name != _LOCK and not entry.name.startswith("."))


def make_folder(folder: Path) -> None:
    """Make the folder and an empty batch in it, readable by their owner alone: they will hold people's data."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with suppress(PermissionError):  # another's folder that we may write to
            folder.chmod(0o700)
        for name in (FILE, _LOCK):
            os.close(os.open(folder / name, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise _unwritable(folder, error) from error


def set_aside(folder: Path) -> None:
    """Move a batch to the next free ``<folder>.old-<n>``.

    Raises
    ------
    BatchError
        A run is writing to it, or it cannot be moved.
    """
    if not (folder / FILE).exists():
        return
    with only_writer(folder):
        pass  # a batch that a run is writing to must not move
    resolved = folder.resolve()
    places = (resolved.with_name(f"{resolved.name}.old-{number}") for number in range(1, 1_000_000))
    try:
        resolved.rename(next(place for place in places if not place.exists()))
    except OSError as error:
        raise BatchError(f"{folder}: cannot be moved aside ({error.strerror}); close what uses it") from error


@contextmanager
def only_writer(folder: Path) -> Iterator[None]:
    """Hold the batch's lock: a transaction on a database of its own, that the system ends with the process."""
    try:
        with closing(sqlite3.connect(folder / _LOCK, timeout=_LOOKED_AT_S, isolation_level=None)) as lock:
            lock.execute("BEGIN EXCLUSIVE")
            yield
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            raise BatchError(f"{folder}: another run is writing to it; wait for its end, or stop it") from error
        raise _unwritable(folder, error) from error


def is_written_to(folder: Path) -> bool:
    """Say whether a run holds the batch's lock; nothing is written, and no run is kept from starting."""
    if not is_there(folder / _LOCK):
        return False
    try:
        with closing(sqlite3.connect(f"{(folder / _LOCK).absolute().as_uri()}?mode=ro", uri=True, timeout=0)) as lock:
            is_empty(lock)
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            return True
        raise _unwritable(folder, error) from error
    return False


def is_there(file: Path) -> bool:
    """Say whether there is such a file.

    Raises
    ------
    BatchError
        Its folder cannot be looked into.
    """
    try:
        return file.is_file()
    except OSError as error:
        raise BatchError(f"{file.parent}: cannot be looked into ({error.strerror}); it is another's") from error


def need_batch(folder: Path) -> None:
    """Refuse a folder that holds no batch.

    Raises
    ------
    BatchError
        See above, or it cannot be looked into.
    """
    if not is_there(folder / FILE):
        raise BatchError(f"{folder}: no results here ({FILE} is missing); name a folder that `formreader read` wrote")


def read_only_uri(folder: Path) -> str:
    """Give what SQLite opens a batch by so that its files stay as they are, also those of a run that was killed."""
    # Opened as read-only, a batch in WAL mode that nobody uses is left with two empty files beside it.
    mode = "ro" if (folder / f"{FILE}-wal").exists() else "rw"
    if mode == "rw" and not may_be_written(folder):
        # There the two cannot be made; without them no run writes to the batch, so that none need be.
        mode = "ro&immutable=1" if _is_in_wal_mode(folder / FILE) else "ro"
    return f"{(folder / FILE).absolute().as_uri()}?mode={mode}"


def may_be_written(folder: Path) -> bool:
    """Say whether this user may write to a batch; of a medium that is only to be read nobody may."""
    return all(os.access(place, os.W_OK) for place in (folder, folder / FILE))


def _is_in_wal_mode(file: Path) -> bool:
    """Look it up in the file's header: what connects to one in that mode must write."""
    with suppress(OSError), file.open("rb") as opened:
        return opened.read(_READ_VERSION + 1)[_READ_VERSION:] == b"\x02"
    return False


@contextmanager
def connected(folder: Path, *, read_only: bool = False, threads: bool = False) -> Iterator[sqlite3.Connection]:
    """Open the batch's file and see that it is ours; statements can attach others by their URI.

    Parameters
    ----------
    threads
        Threads take turns at it; they see to that themselves.

    Raises
    ------
    BatchError
        It is damaged, not ours, of a newer program, or fails while it is used.
    """
    try:
        place = read_only_uri(folder) if read_only else (folder / FILE).absolute().as_uri()
        with closing(
            sqlite3.connect(place, uri=True, isolation_level=None, timeout=30, check_same_thread=not threads)
        ) as connection:
            connection.execute("PRAGMA foreign_keys = ON")
            _check_ours(connection, folder)
            yield connection
    except sqlite3.DatabaseError as error:
        raise _unusable(folder, error) from error


@contextmanager
def rehearsed(folder: Path, *, fresh: bool) -> Iterator[sqlite3.Connection]:
    """Open a batch for a run that only shows what it would do: nothing of it stays, a new batch is never made."""
    is_new = fresh or not (folder / FILE).exists() or not (folder / FILE).stat().st_size
    if is_new:
        with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
            prepare(connection, folder)
            yield connection
        return
    if _is_earlier(folder):
        with copied_forward(folder) as connection:
            yield connection
        return
    with only_writer(folder), _wal_kept(folder), connected(folder) as connection:
        connection.execute("PRAGMA cache_spill = OFF")  # nothing goes to the WAL before it is known to stay
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
        finally:
            connection.execute("ROLLBACK")


@contextmanager
def copied_forward(folder: Path) -> Iterator[sqlite3.Connection]:
    """Open a copy of a batch, in today's form, that is gone when it is closed."""
    with closing(sqlite3.connect("", isolation_level=None)) as connection:  # on the disk, where it is large
        with connected(folder, read_only=True) as stored:
            stored.backup(connection)
        prepare(connection, folder)
        yield connection


def _is_earlier(folder: Path) -> bool:
    with connected(folder, read_only=True) as connection:
        return is_empty(connection) or is_of_earlier_version(connection)


@contextmanager
def _wal_kept(folder: Path) -> Iterator[None]:
    """Keep what a killed run left in its WAL there: the last connection that may write would move it into the batch."""
    if not (folder / f"{FILE}-wal").exists():
        yield
        return
    with connected(folder, read_only=True) as reader:
        reader.execute("SELECT count(*) FROM sqlite_master")  # it is opened when it is first asked
        yield


@contextmanager
def written(folder: Path, *, fresh: bool) -> Iterator[sqlite3.Connection]:
    """Open a batch to write to, making it where there is none; a `fresh` one takes the place of the old."""
    if fresh:
        set_aside(folder)
    make_folder(folder)
    with only_writer(folder), connected(folder) as connection:
        prepare(connection, folder)
        yield connection


def _check_ours(connection: sqlite3.Connection, folder: Path) -> None:
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    written_by = connection.execute("PRAGMA user_version").fetchone()[0]
    if application != APPLICATION and not is_empty(connection):
        raise BatchError(f"{folder / FILE}: was not written by formreader; name another folder with -o")
    if written_by > VERSION:
        raise BatchError(f"{folder / FILE}: was written by a newer formreader (format {written_by}); update formreader")


def is_empty(connection: sqlite3.Connection) -> bool:
    """Say whether the file has no tables yet."""
    return bool(connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0)


def is_of_earlier_version(connection: sqlite3.Connection) -> bool:
    """Say whether the tables are those of an earlier program."""
    return bool(connection.execute("PRAGMA user_version").fetchone()[0] < VERSION)


def prepare(connection: sqlite3.Connection, folder: Path) -> None:
    """Set the file up for writing, with its tables if it is new, and those of an earlier version brought up to date."""
    # In WAL mode readers do not wait for the run; but it wants memory shared by all, which no network file system has.
    connection.execute(f"PRAGMA journal_mode = {'DELETE' if on_network(folder) else 'WAL'}")
    connection.execute("PRAGMA synchronous = FULL")  # less may lose the last pages in a power cut
    if is_empty(connection):
        mark = f"PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {VERSION};"
        connection.executescript(
            f"BEGIN IMMEDIATE; {SCHEMA} {';'.join((*DECISIONS, *REVIEW, *AUDITS, *VIEWS))}; {mark} COMMIT;"
        )
    while is_of_earlier_version(connection):
        with transaction(connection, folder):
            bring_forward(connection)


@contextmanager
def transaction(connection: sqlite3.Connection, folder: Path) -> Iterator[None]:
    """Store all that is done inside, or nothing; inside another, that one decides.

    Raises
    ------
    BatchError
        The batch cannot be written to.
    """
    if connection.in_transaction:
        yield
        return
    try:
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
    except sqlite3.DatabaseError as error:
        raise _unusable(folder, error) from error


def _unusable(folder: Path, error: sqlite3.DatabaseError) -> BatchError:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)  # the module's own errors have none
    if code == sqlite3.SQLITE_ERROR or isinstance(error, sqlite3.IntegrityError):
        raise error  # a bug of ours, not the file's state
    if isinstance(error, sqlite3.OperationalError):
        return _unwritable(folder, error)
    return BatchError(f"{folder / FILE}: is damaged or no batch ({error}); restore it from a backup, or use --fresh")


def _unwritable(folder: Path, error: Exception) -> BatchError:
    why = getattr(error, "strerror", None) or error
    if "locked" in str(why):
        return BatchError(f"{folder}: another program is using it just now; try again in a minute")
    return BatchError(f"{folder}: cannot be written to ({why}); free space, change its permissions or name another")


def insert(connection: sqlite3.Connection, table: str, values: dict[str, Any]) -> int:
    """Add a row; give its id."""
    marks = ", ".join(f":{name}" for name in values)
    row = connection.execute(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({marks})", values)  # noqa: S608 - ours
    return int(row.lastrowid or 0)
