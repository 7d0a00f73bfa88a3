"""Who may talk to the review page: every way in that others could try, against the server as users start it."""

from __future__ import annotations

import http.client
import json
import re
import socket
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from typer.testing import CliRunner

from formreader.cli import app
from formreader.review import ROUTES
from formreader.served.calls import MOST_BYTES
from formreader.served.guard import Door
from tests.browser import Served, served
from tests.drawing_reviews import Doubts, draw_doubts

pytestmark = pytest.mark.slow  # a server is started and asked


@pytest.fixture(scope="module")
def batch(tmp_path_factory: pytest.TempPathFactory) -> Doubts:
    return draw_doubts(tmp_path_factory.mktemp("guard"), 2)


@pytest.fixture(scope="module")
def server(batch: Doubts) -> Iterator[Served]:
    with served(batch.folder, "--user", "ann", "--password", "open sesame & more") as running:
        yield running


class Answer:
    """What the server said."""

    def __init__(self, answer: http.client.HTTPResponse) -> None:
        self.status = answer.status
        self.headers = {name.lower(): text for name, text in answer.getheaders()}
        self.text = answer.read().decode(errors="replace")


def ask(server: Served, method: str, path: str, body: str | bytes | None = None, **headers: str) -> Answer:
    """Call as something that is no browser would; header names have _ for -."""
    place = urlsplit(server.origin)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=30)
    try:
        given = {name.replace("_", "-"): text for name, text in headers.items()}
        connection.request(method, path, body, given)
        return Answer(connection.getresponse())
    finally:
        connection.close()


@pytest.fixture(scope="module")
def cookie(server: Served) -> str:
    entered = ask(server, "GET", "/?" + server.address.partition("?")[2])
    assert entered.status == 303
    assert entered.headers["location"] == "/"
    assert re.search("httponly", entered.headers["set-cookie"], re.IGNORECASE)
    assert re.search("samesite=strict", entered.headers["set-cookie"], re.IGNORECASE)
    return entered.headers["set-cookie"].partition(";")[0]


def post(server: Served, cookie: str, path: str = "/api/undo", body: str = "{}", **headers: str) -> Answer:
    usual = {"cookie": cookie, "origin": server.origin, "content_type": "application/json"}
    return ask(server, "POST", path, body, **(usual | headers))


def test_own_page_is_served_and_answers(server: Served, cookie: str) -> None:
    page = ask(server, "GET", "/", cookie=cookie)
    assert page.status == 200
    assert '<script type="module" src="/app.js">' in page.text
    answer = ask(server, "GET", "/api/standing", cookie=cookie)
    assert json.loads(answer.text)["who"] == "ann"
    assert post(server, cookie).status == 200


@pytest.mark.parametrize("path", ["/api/standing", "/api/group?marks=1", "/api/me"])
def test_nothing_is_told_without_the_cookie(server: Served, path: str) -> None:
    for cookie in ("", "formreader_1=x", f"formreader_{urlsplit(server.origin).port}=wrong", "=;\x7f;=="):
        answer = ask(server, "GET", path, cookie=cookie)
        assert answer.status == 403
        assert "card" not in answer.text


def test_wrong_token_or_password_lets_nobody_in(server: Served) -> None:
    entered = ask(server, "GET", "/?token=wrong")
    assert "set-cookie" not in entered.headers
    assert 'name="password"' in entered.text
    form = {"origin": server.origin, "content_type": "application/x-www-form-urlencoded"}
    for guess in ("password=wrong", "\xff"):
        refused = ask(server, "POST", "/password", guess.encode("latin-1"), **form)
        assert refused.status == 403
        assert "set-cookie" not in refused.headers
    right = ask(server, "POST", "/password", "password=open+sesame+%26+more", **form)
    assert right.status == 303
    assert "set-cookie" in right.headers


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "[::1", "", "a b:{port}"]
)
def test_page_under_another_name_is_refused(server: Served, cookie: str, host: str) -> None:
    """DNS rebinding: a name of the attacker's that points to this machine."""
    named = host.format(port=urlsplit(server.origin).port)
    for method, path in (("GET", "/"), ("GET", "/api/standing"), ("POST", "/api/undo")):
        answer = ask(server, method, path, host=named, cookie=cookie, origin=f"http://{named}")
        assert answer.status in (400, 421)
        assert "ann" not in answer.text


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "", "https://{place}", "http://{place}.evil.example"]
)
def test_posts_from_other_pages_are_refused(server: Served, cookie: str, origin: str) -> None:
    given = origin.format(place=urlsplit(server.origin).netloc)
    assert post(server, cookie, origin=given).status == 403
    assert post(server, cookie, "/api/me", '{"name": "mallory"}', origin=given).status == 403
    assert json.loads(ask(server, "GET", "/api/me", cookie=cookie).text)["name"] == "ann"


def test_posts_that_a_form_could_send_are_refused(server: Served, cookie: str) -> None:
    assert post(server, cookie, content_type="text/plain").status == 415
    assert post(server, cookie, sec_fetch_site="same-site").status == 403


def test_bodies_are_limited_whatever_they_say_of_their_length(server: Served, cookie: str) -> None:
    assert post(server, cookie, "/api/marks", "x" * (MOST_BYTES + 1)).status == 413
    place = urlsplit(server.origin)
    with socket.create_connection((place.hostname or "", place.port or 0), timeout=30) as line:
        head = f"POST /api/marks HTTP/1.1\r\nHost: {place.netloc}\r\nOrigin: {server.origin}\r\nCookie: {cookie}\r\n"
        line.sendall(f"{head}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
        said = b""
        with suppress(OSError):  # the server may close the line while it is written to
            for _ in range(64):
                line.sendall(chunk)
            said = line.recv(65_536)
    assert b" 200 " not in said.partition(b"\r\n")[0]
    assert ask(server, "GET", "/api/standing", cookie=cookie).status == 200


@pytest.mark.parametrize(
    "path",
    [
        *("/../../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/static/app.js", "//etc/passwd", "/app.js/../guard.py"),
        *("/batch.sqlite", "/api/../batch.sqlite", "/index.html%00.js", "/guard.py", "/docs", "/openapi.json"),
    ],
)
def test_paths_of_calls_never_reach_the_disk(server: Served, cookie: str, path: str) -> None:
    answer = ask(server, "GET", path, cookie=cookie)
    assert answer.status in (400, 404)
    assert "root:" not in answer.text
    assert "SQLite" not in answer.text


def test_every_answer_forbids_foreign_content(server: Served, cookie: str) -> None:
    for path in ("/", "/app.js", "/style.css", "/api/standing", "/nothing", "/api/group?marks=zzz"):
        headers = ask(server, "GET", path, cookie=cookie).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe-inline" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "server" not in headers


def test_pages_hold_no_inline_script_or_style_and_fetch_nothing_from_elsewhere() -> None:
    package = Path(__file__).parent.parent / "formreader"
    files = [path for part in ("served", "review", "editor") for path in package.glob(f"{part}/static/*")]
    assert {"index.html", "app.js", "style.css"} <= {path.name for path in files}
    for path in files:
        text = path.read_text("utf-8")
        assert not re.findall(r"(?:https?:)?//(?!www\.w3\.org/2000/svg)[a-z0-9-]+\.[a-z]", text), path.name
        assert not re.search(r"innerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text), path.name
        if path.suffix == ".html":
            assert not re.search(r"<style|<script(?! type=\"module\" src=)|\sstyle=|\son[a-z]+=", text), path.name


@pytest.mark.parametrize(
    "body",
    ["", "[]", "nonsense", '{"boxes": []}', '{"boxes": [{"picture": 1}]}', '{"boxes": [], "more": 1}', "[" * 50_000],
)
def test_calls_that_make_no_sense_are_refused_in_a_sentence(server: Served, cookie: str, body: str) -> None:
    answer = post(server, cookie, "/api/marks", body)
    assert answer.status == 400
    assert json.loads(answer.text)["error"]


def test_names_of_people_are_bounded(server: Served, cookie: str) -> None:
    for name in ("", "  ", "x" * 61, "a\u0000b", "a\nb\u202e"):
        assert post(server, cookie, "/api/me", json.dumps({"name": name})).status == 400
    assert json.loads(ask(server, "GET", "/api/me", cookie=cookie).text)["name"] == "ann"


def test_open_door_needs_a_password(batch: Doubts) -> None:
    done = CliRunner().invoke(app, ["review", str(batch.folder), "--host", "0.0.0.0", "--no-browser"])
    assert done.exit_code == 2
    assert "set --password too" in done.stderr


def test_names_of_this_machine_and_no_other_are_let_in() -> None:
    everywhere = Door("0.0.0.0", 80, password="x")
    assert everywhere.lets_in("192.168.1.7")
    assert everywhere.lets_in("192.168.1.7:80")
    assert not everywhere.lets_in("evil.example")
    here = Door("127.0.0.1", 8000)
    assert here.lets_in("localhost:8000")
    assert not here.lets_in("192.168.1.7:8000")


def test_no_batch_is_said_in_a_sentence(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["review", str(tmp_path), "--no-browser"])
    assert done.exit_code == 2
    assert "no results here" in done.stderr


def confirm_all(running: Served) -> None:
    entered = ask(running, "GET", "/?" + running.address.partition("?")[2])
    cookie = entered.headers["set-cookie"].partition(";")[0]
    boxes = json.loads(ask(running, "GET", "/api/group?marks=0123456789", cookie=cookie).text)["boxes"]
    said = [{"picture": box["picture"], "seen": box["seen"], "new": box["mark"]} for box in boxes]
    assert post(running, cookie, "/api/marks", json.dumps({"boxes": said})).status == 200


def test_stopping_writes_the_tables(tmp_path: Path) -> None:
    batch = draw_doubts(tmp_path, 1)
    with served(batch.folder, "--user", "ann") as running:
        confirm_all(running)
        assert not (batch.folder / "results.csv").exists()
        assert "up to date" in running.stop()
        assert running.process.returncode == 0
    assert "checked" in (batch.folder / "results.csv").read_text("utf-8")


def test_every_number_that_a_call_may_say_has_bounds() -> None:
    def numbers(schema: Any, place: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        if isinstance(schema, dict):
            if schema.get("type") in ("integer", "number"):
                yield place, schema
            for name, inner in schema.items():
                yield from numbers(inner, f"{place}.{name}")
        elif isinstance(schema, list):
            for inner in schema:
                yield from numbers(inner, place)

    for route in ROUTES:
        for place, schema in numbers(route.asked.model_json_schema(), route.path):
            assert schema.keys() >= {"minimum", "maximum"}, place


def test_oddities_are_refused_and_break_nothing(server: Served, cookie: str) -> None:
    name = cookie.partition("=")[0]
    assert ask(server, "GET", "/api/standing", Cookie=f'{name}="\\351"').status == 403
    for skip in ("9" * 6_000, ",", "1,,2"):
        assert ask(server, "GET", f"/api/group?marks=1&skip={skip}", Cookie=cookie).status == 400
    deep = ask(server, "POST", "/api/me", "[" * 200_000, Cookie=cookie, Origin=server.origin)
    assert deep.status == 400


def test_tables_that_cannot_be_written_are_said_to_be_older(tmp_path: Path) -> None:
    batch = draw_doubts(tmp_path, 1)
    with served(batch.folder, "--user", "ann") as running:
        confirm_all(running)
        (batch.folder / "results.csv").mkdir()
        (batch.folder / "results.csv" / "in the way").touch()
        words = running.stop()
    assert "could not be written" in words
    assert "formreader export" in words
    assert "up to date" not in words
