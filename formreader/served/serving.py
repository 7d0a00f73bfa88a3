"""Serve a local page until it is stopped."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress

import uvicorn
from starlette.types import ASGIApp

from formreader.errors import UnusableCall
from formreader.served.guard import Door, is_loopback


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
