"""Who may talk to a local page: browsers that were given its address, under its own name, and nobody else.

A page on the internet can make a visitor's browser call any address, this machine's own too. So every call is asked for
the name it came under (DNS rebinding gives ours another one), the page it came from, and the cookie that only the
opened address gives out.
"""

from __future__ import annotations

import hmac
import ipaddress
import secrets
import socket
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from formreader.served.calls import MOST_BYTES

_MOST_SESSIONS: Final = 1_000
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Final = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
    "cache-control": "no-store",
}


@dataclass(frozen=True, slots=True)
class Door:
    """Where a page listens, and what lets one in.

    Attributes
    ----------
    host, port
        As it listens.
    token
        In the address that the person who starts it is given; empty where only the password lets in.
    password
        Asked for by whoever comes without the token; empty where none is.
    """

    host: str
    port: int
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    password: str = ""

    @property
    def address(self) -> str:
        """The address to open."""
        shown = "127.0.0.1" if self.host in ("0.0.0.0", "::") else self.host  # noqa: S104 - asked for, and guarded
        return f"http://{f'[{shown}]' if ':' in shown else shown}:{self.port}/?token={self.token}"

    @property
    def cookie(self) -> str:
        """Name of the cookie; two pages on one machine must not take each other's."""
        return f"formreader_{self.port}"

    def lets_in(self, host: str) -> bool:
        """Say whether a call came under one of this machine's own names."""
        name, port = _parted(host)
        if port != str(self.port):
            return False
        if name in ("127.0.0.1", "localhost", "::1", self.host.casefold()):
            return True
        if is_loopback(self.host):
            return False
        # No name that others can make point here is among these.
        return _is_address(name) or name in (socket.gethostname().casefold(), socket.getfqdn().casefold())


def is_loopback(host: str) -> bool:
    """Say whether only this machine can reach an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _parted(host: str) -> tuple[str, str]:
    """Part what a browser calls a place into name and port."""
    try:
        parts = urlsplit(f"//{host}")
        return (parts.hostname or "").casefold(), str(parts.port or 80)
    except ValueError:
        return "", ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


class Sessions:
    """The browsers that were let in, and the name of the person at each; they live as long as the server."""

    def __init__(self, door: Door) -> None:
        self.door = door
        self._people: dict[str, str] = {}
        self._lock = threading.Lock()

    def opened(self, who: str = "") -> str:
        """Let a browser in; give what its cookie says."""
        code = secrets.token_urlsafe(24)
        with self._lock:
            while len(self._people) >= _MOST_SESSIONS:
                self._people.pop(next(iter(self._people)))
            self._people[code] = who
        return code

    def code_of(self, headers: Headers) -> str | None:
        """Give the session of a call; None where its browser was not let in."""
        try:
            cookies = SimpleCookie(headers.get("cookie", ""))
        except CookieError:
            return None
        given = cookies[self.door.cookie].value if self.door.cookie in cookies else ""
        with self._lock:
            # As bytes: of texts it compares ASCII only.
            return next((code for code in self._people if hmac.compare_digest(code.encode(), given.encode())), None)

    def who(self, code: str) -> str:
        """Give the name of the person at a browser; empty before it was asked."""
        with self._lock:
            return self._people.get(code, "")

    def name(self, code: str, who: str) -> None:
        """Say who sits at a browser."""
        with self._lock:
            self._people[code] = who


class Guard:
    """Refuses what is not from our own page, and bodies that are too long; every answer forbids foreign content.

    Parameters
    ----------
    larger
        How many bytes a body may have where it is another number than `MOST_BYTES`, by path.
    """

    def __init__(self, app: ASGIApp, door: Door, larger: Mapping[str, int]) -> None:
        self._app = app
        self._door = door
        self._larger = larger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a call on, or refuse it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return  # nothing here speaks anything else
        guarded = _with_headers(send)
        most = self._larger.get(scope["path"], MOST_BYTES)
        why = self._refusal(scope["method"], Headers(scope=scope), most)
        if why:
            status, text = why
            await PlainTextResponse(text, status)(scope, receive, guarded)
            return
        await self._app(scope, _limited(receive, most), guarded)

    def _refusal(self, method: str, headers: Headers, most: int) -> tuple[int, str] | None:
        if not self._door.lets_in(headers.get("host", "")):
            return 421, "This name is not this page's; open the address that formreader printed."
        if method in ("GET", "HEAD"):
            return None
        if method != "POST":
            return 405, "Only GET and POST."
        origin = headers.get("origin", "")
        if (
            origin != f"http://{headers.get('host', '')}"
            or headers.get("sec-fetch-site", "same-origin") != "same-origin"
        ):
            return 403, "This call came from another page."
        if _length(headers.getlist("content-length")) > most:
            return 413, "Too long."
        return None


def _length(given: Iterable[str]) -> int:
    return max((int(one) if one.isdecimal() else 2**62 for one in given), default=0)


def _limited(receive: Receive, most: int) -> Receive:
    """Cut a body off that is longer than it says, or does not say how long it is."""
    got = 0

    async def receive_some() -> Message:
        nonlocal got
        message = await receive()
        got += len(message.get("body", b""))
        return {"type": "http.disconnect"} if got > most else message

    return receive_some


def _with_headers(send: Send) -> Send:
    async def send_with(message: Message) -> None:
        if message["type"] == "http.response.start":
            given = {name for name, _ in message["headers"]}
            extra = [(name.encode(), text.encode()) for name, text in HEADERS.items() if name.encode() not in given]
            message = {**message, "headers": [*message["headers"], *extra]}
        await send(message)

    return send_with
