"""Serve the review page until it is stopped, and keep the batch's tables up to date meanwhile."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from formreader.errors import BatchError, UnusableCall
from formreader.export import write_tables
from formreader.review.guard import Door, is_loopback
from formreader.review.state import Review

REST_S: Final = 30.0
"""When nobody decided anything for so long, the tables are written."""
_LOOKED_EVERY_S: Final = 1.0


def listening(host: str, port: int) -> socket.socket:
    """Take a place to listen at; port 0 takes any that is free.

    Raises
    ------
    UnusableCall
        It is taken, or no place of this machine.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        taken = socket.socket(family, socket.SOCK_STREAM)
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind((host, port))
    except OSError as error:
        why = error.strerror or str(error)
        raise UnusableCall(f"--host {host} --port {port}: cannot listen there ({why}); name another port") from error
    return taken


def refuse_open_door(host: str, password: str) -> None:
    """Refuse to listen where others can reach it without a password.

    Raises
    ------
    UnusableCall
        See above.
    """
    if not is_loopback(host) and not password:
        raise UnusableCall(
            f"--host {host}: others can reach that address, and the pages show people's data; set --password too"
        )


def serve(app: ASGIApp, door: Door, taken: socket.socket, ready: Callable[[Door], None]) -> None:
    """Serve until Ctrl-C or SIGTERM; what is being answered is answered first."""
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            log_level="critical",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=5,
            lifespan="off",
        )
    )
    teller = threading.Thread(target=_tell, args=(server, lambda: ready(door)), daemon=True)
    teller.start()
    with suppress(KeyboardInterrupt):
        server.run(sockets=[taken])


def _tell(server: uvicorn.Server, ready: Callable[[], None]) -> None:
    pause = threading.Event()
    while not server.started and not server.should_exit:
        pause.wait(0.02)
    if server.started:
        ready()


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
