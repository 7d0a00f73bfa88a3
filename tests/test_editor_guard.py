"""Who may talk to the editor, and what a call may hold: the guard is the review's, with larger bodies for files."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from formreader.editor.scans import MOST_BYTES
from tests.browser import Served, running
from tests.test_review_guard import ask

pytestmark = pytest.mark.slow  # a server is started and asked

SAMPLE = Path(__file__).parent.parent / "samples" / "visit-record"
BYTES = {"content_type": "application/octet-stream"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("editor")
    shutil.copy(SAMPLE / "template.toml", folder / "visit.toml")
    shutil.copy(SAMPLE / "blank.png", folder / "blank.png")
    return folder


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Served]:
    with running("template", str(folder / "visit.toml")) as served:
        yield served


@pytest.fixture(scope="module")
def cookie(server: Served) -> str:
    entered = ask(server, "GET", "/?" + server.address.partition("?")[2])
    return entered.headers["set-cookie"].partition(";")[0]


def test_nobody_gets_in_without_the_address(server: Served) -> None:
    assert ask(server, "GET", "/").status == 403
    assert ask(server, "GET", "/api/opened").status == 403
    assert ask(server, "POST", "/api/scan?name=a", b"x", origin=server.origin, **BYTES).status == 403


def test_other_pages_and_names_are_refused(server: Served, cookie: str) -> None:
    assert ask(server, "POST", "/api/save", "{}", cookie=cookie, origin="http://evil.example").status == 403
    assert ask(server, "POST", "/api/scan?name=a", b"x", cookie=cookie, origin="null", **BYTES).status == 403
    assert ask(server, "GET", "/api/opened", cookie=cookie, host="evil.example").status == 421


def test_bodies_are_bounded_by_what_the_call_is_for(server: Served, cookie: str) -> None:
    own = {"cookie": cookie, "origin": server.origin}
    assert ask(server, "POST", "/api/drop", " " * 300_000, **own, content_type="application/json").status == 413
    too_long = {**own, **BYTES, "content_length": str(MOST_BYTES + 1)}
    assert ask(server, "POST", "/api/scan?name=a", b"", **too_long).status == 413
    scan = ask(server, "POST", "/api/scan?name=..%2F..%2Fetc%2Fpasswd&content=x", b"x" * 300_000, **own, **BYTES)
    assert json.loads(scan.text) == {"scan": 1, "pages": 1}


def test_looking_and_asking_write_nothing(server: Served, cookie: str, folder: Path) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    for path in (
        "/",
        "/app.js",
        "/api/opened",
        "/api/picture?page=1",
        "/api/picture?page=9",
        "/api/scan/picture?scan=1",
    ):
        policy = ask(server, "GET", path, cookie=cookie).headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe-inline" not in policy
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
