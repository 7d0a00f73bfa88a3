"""The calls of a local page as a web application: sessions, calls checked first, files served from memory."""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from typing import Any, Final
from urllib.parse import unquote_plus

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route as Path

from formreader.errors import FormreaderError
from formreader.served.calls import Asked, Picture, Refused, Route, Uploaded
from formreader.served.guard import Door, Guard, Sessions

_LONGEST_NAME: Final = 60
_WRONG_PASSWORD_S: Final = 1.0
_MIMES: Final = {".js": "text/javascript", ".css": "text/css", ".html": "text/html", ".svg": "image/svg+xml"}


@dataclass(frozen=True, slots=True)
class Site:
    """A local page.

    Attributes
    ----------
    state
        What all of its calls share.
    package
        Whose folder ``static`` holds its files; those that all pages share come with them.
    kind
        Routes that are not of this kind are refused.
    user
        Name of everybody who comes; they are asked where it is empty.
    suggested
        Name offered to who is asked for one.
    """

    state: Any
    routes: Sequence[Route]
    package: str
    kind: str = "usual"
    user: str = ""
    suggested: str = ""


def application(site: Site, door: Door) -> Starlette:
    """Make the web application of a local page."""
    sessions = Sessions(door)
    pages = _pages("formreader.served") | _pages(site.package)
    doors = _Doors(sessions, pages, site.suggested, site.user)
    paths = [
        Path("/", doors.enter, methods=["GET"]),
        Path("/password", doors.password, methods=["POST"]),
        Path("/api/me", doors.me, methods=["GET", "POST"]),
        *(
            Path(f"/api/{route.path}", partial(_answered, site, sessions, route), methods=[route.method])
            for route in site.routes
        ),
        *(Path(f"/{name}", partial(_page, page), methods=["GET"]) for name, page in pages.items()),
    ]
    larger = {f"/api/{route.path}": route.most_bytes for route in site.routes}
    guard = Middleware(Guard, door=door, larger=larger)
    return Starlette(routes=paths, middleware=[guard], exception_handlers={Exception: _broken})


def _pages(package: str) -> dict[str, tuple[bytes, str]]:
    """Load all that the browser is given, by name: no call's path ever touches the disk."""
    found = {}
    for entry in files(package).joinpath("static").iterdir():
        suffix = entry.name[entry.name.rfind(".") :]
        if suffix in _MIMES:
            found[entry.name] = (entry.read_bytes(), _MIMES[suffix])
    return found


async def _page(page: tuple[bytes, str], _: Request) -> Response:
    content, kind = page
    return Response(content, media_type=kind)


async def _broken(_: Request, error: Exception) -> Response:
    if isinstance(error, FormreaderError):
        return _refusal(str(error), 409)
    return _refusal(f"formreader made a mistake ({type(error).__name__}); what was shown as saved is saved", 500)


def _refusal(message: str, status: int) -> Response:
    return JSONResponse({"error": message}, status)


class _Doors:
    """Lets browsers in, and knows who sits at them."""

    def __init__(self, sessions: Sessions, pages: Mapping[str, tuple[bytes, str]], suggested: str, user: str) -> None:
        self._sessions = sessions
        self._pages = pages
        self._suggested = suggested
        self._user = user

    async def enter(self, request: Request) -> Response:
        """Give the page to who was let in; let in who has the token; ask others for the password."""
        door = self._sessions.door
        if hmac.compare_digest(request.query_params.get("token", "").encode(), door.token.encode()):
            return self._let_in()
        if self._sessions.code_of(request.headers) is not None:
            return await _page(self._pages["index.html"], request)
        if door.password:
            return await _page(self._pages["password.html"], request)
        return Response(
            "This page needs the address that formreader printed when it was started.", 403, media_type="text/plain"
        )

    async def password(self, request: Request) -> Response:
        """Let in who knows the password; who guesses waits."""
        door = self._sessions.door
        form = dict(part.partition("=")[::2] for part in (await request.body()).decode("ascii", "replace").split("&"))
        given = unquote_plus(form.get("password", ""))
        if door.password and hmac.compare_digest(given.encode(), door.password.encode()):
            return self._let_in()
        await asyncio.sleep(_WRONG_PASSWORD_S)
        content, kind = self._pages["password.html"]
        return Response(content, 403, media_type=kind)

    def _let_in(self) -> Response:
        door = self._sessions.door
        answer = RedirectResponse("/", 303)
        answer.set_cookie(door.cookie, self._sessions.opened(self._user), httponly=True, samesite="strict", path="/")
        return answer

    async def me(self, request: Request) -> Response:
        """Say who sits at this browser; a POST says who does from now on."""
        code = self._sessions.code_of(request.headers)
        if code is None:
            return _refusal("Open the address that formreader printed.", 403)
        if request.method == "POST":
            try:
                said = json.loads(await request.body())
                name = " ".join(said["name"].split()) if isinstance(said["name"], str) else ""
            except (ValueError, KeyError, TypeError, RecursionError):
                name = ""
            if not name or len(name) > _LONGEST_NAME or not name.isprintable():
                return _refusal(f"A name is 1 to {_LONGEST_NAME} letters.", 400)
            self._sessions.name(code, name)
        return JSONResponse({"name": self._sessions.who(code), "suggested": self._suggested})


async def _answered(site: Site, sessions: Sessions, route: Route, request: Request) -> Response:
    """Carry out a call for whoever sits at the browser."""
    code = sessions.code_of(request.headers)
    if code is None:
        return _refusal("Open the address that formreader printed.", 403)
    who = sessions.who(code)
    if not who:
        return _refusal("Say who you are first.", 401)
    if site.kind not in route.of:
        return _refusal("This review does not have that: what is keyed blind must be; start another without it.", 403)
    try:
        asked = await _asked(route, request)
        answer = await run_in_threadpool(route.answer, site.state, who, asked)
    except Refused as refused:
        return _refusal(str(refused), refused.status)
    except ClientDisconnect:
        return Response(status_code=413)
    except ValidationError as error:
        place = ".".join(map(str, error.errors()[0]["loc"]))
        return _refusal(f"This call cannot be understood ({place}: {error.errors()[0]['msg']}).", 400)
    if isinstance(answer, Picture):
        fixed = {"cache-control": "private, max-age=86400, immutable"} if answer.fixed else None
        return Response(answer.content, media_type=f"image/{answer.kind}", headers=fixed)
    return JSONResponse(answer)


async def _asked(route: Route, request: Request) -> Asked:
    if route.method == "GET":
        return route.asked.model_validate(dict(request.query_params))
    if issubclass(route.asked, Uploaded):
        return route.asked.model_validate({**request.query_params, "content": await request.body()})
    if request.headers.get("content-type", "").partition(";")[0] != "application/json":
        raise Refused("A call is JSON.", 415)
    return route.asked.model_validate_json(await request.body(), strict=False)
