"""The program as a library: what its documentation shows, and an import that costs nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import formreader
from formreader.errors import BatchError, NoScans, UnusableCall
from formreader.values import PageFailure, PageReading

SAMPLE = Path(__file__).parents[1] / "samples" / "meter-card"


def test_importing_costs_nothing() -> None:
    check = (
        "import sys, formreader; formreader.__dir__(); print({'cv2', 'numpy', 'pandas', 'sklearn'} & set(sys.modules))"
    )
    asked = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert asked.stdout.strip() == "set()"
    with pytest.raises(AttributeError, match="no attribute 'read_book'"):
        formreader.read_book  # noqa: B018


def test_one_page_is_read() -> None:
    reading = formreader.read_page(SAMPLE / "scans" / "card 1.jpg", SAMPLE / "template.toml")
    assert reading.form == "meter-card"
    assert all(field.name and 0 <= field.confidence <= 1 for field in reading.fields)
    with pytest.raises(UnusableCall, match="has no page 2; it has 1"):
        formreader.read_page(SAMPLE / "scans" / "card 1.jpg", SAMPLE / "template.toml", page=2)
    with pytest.raises(UnusableCall, match="max_wrong"):
        formreader.read_page(SAMPLE / "scans" / "card 1.jpg", max_wrong="none")


@pytest.mark.slow
def test_a_folder_is_read_page_by_page() -> None:
    answers = list(formreader.read_batch(SAMPLE / "scans", SAMPLE / "template.toml", jobs=2))
    read = {str(answer.ref): answer for answer in answers if isinstance(answer, PageReading)}
    assert len(read) == len(answers) > 5


@pytest.mark.slow
def test_a_scan_that_is_gone_meanwhile_ends_nothing(tmp_path: Path) -> None:
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / name).write_bytes(b"no picture")
    answers = formreader.read_batch(tmp_path, SAMPLE / "template.toml", jobs=1)
    (tmp_path / "a.jpg").unlink()
    found = {str(answer.ref): answer for answer in answers}
    assert {name: type(answer) for name, answer in found.items()} == {"a.jpg": PageFailure, "b.jpg": PageFailure}


def test_what_is_not_there_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(BatchError, match="no results here"):
        formreader.load_results(tmp_path)
    with pytest.raises(NoScans):
        formreader.read_batch(tmp_path)
