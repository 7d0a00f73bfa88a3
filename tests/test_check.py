"""`formreader check`: a template in words, and drawn over a scan."""

from __future__ import annotations

import shutil
import stat
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner, Result

from formreader.cli import app
from formreader.template import load_template

SAMPLE = Path(__file__).parent.parent / "samples" / "visit-record"
RULES = {
    "patient_id": "unique = true",
    "visit_date": 'date = "DDMMYYYY"\nmin = 2020-01-01',
    "age": 'max = 110\nmissing = ["999"]\nallow = ["AB"]\nalign = "right"',
    "temperature": "decimals = 1\nmax = 42",
    "pulse": 'min = 30\nseverity = "warning"',
}
CHECK = '\n[[check]]\ncompare = "doses <= weight"\nseverity = "warning"\n'


@pytest.fixture
def template(tmp_path: Path) -> Path:
    """Give the sample's template rules of its own."""
    shutil.copy(SAMPLE / "blank.png", tmp_path)
    text = (SAMPLE / "template.toml").read_text("utf-8") + CHECK
    for name, keys in RULES.items():
        text = text.replace(f'name = "{name}"\n', f'name = "{name}"\n{keys}\n')
    (tmp_path / "visit.toml").write_text(text, encoding="utf-8")
    return tmp_path / "visit.toml"


def run(*words: object) -> Result:
    return CliRunner().invoke(app, ["check", *map(str, words)])


def test_template_is_told_in_words(template: Path) -> None:
    result = run(template)
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "'visit-record': 2480 x 3508 pixels at 300 dpi, matched by squares in its corners and its blank",
        "9 fields, 38 boxes",
        "  patient_id   6 boxes; required; unique in the batch",
        "  visit_date   8 boxes; a date as DDMMYYYY from 2020-01-01",
        "  age          3 boxes; digits on the right, blank boxes only on the other side; unused boxes may hold X or "
        "-; at most 110; 999 for a missing value; AB may stand there, and is flagged",
        "  temperature  3 boxes; 1 of them right of the point; at most 42",
        "  weight       4 boxes",
        "  pulse        3 boxes; at least 30 (a warning only)",
        "  household    5 boxes; unused boxes may hold X",
        "  drug_code    4 boxes",
        "  doses        2 boxes",
        "1 check",
        "  doses <= weight (a warning only)",
    ]
    assert [path.name for path in template.parent.glob("*over*")] == []


def test_template_is_drawn_over_a_scan(template: Path, tmp_path: Path) -> None:
    scan = SAMPLE / "scans" / "visit-05 skewed.jpg"
    result = run(template, scan)
    assert result.exit_code == 0
    assert "visit-05 skewed.jpg: matched by its markers, " in result.stdout
    picture = tmp_path / "visit-over-visit-05 skewed.png"
    assert f"Drawn in {picture}" in result.stdout
    drawn, bare = cv2.imread(str(picture)), cv2.imread(str(scan))
    assert drawn is not None
    assert bare is not None
    assert drawn.shape == bare.shape
    outlined = (drawn[..., 0] > 150) & (drawn[..., 2] < 60)
    assert stat.S_IMODE(picture.stat().st_mode) & 0o077 == 0  # it shows people's data
    where = [line.split() for line in result.stdout.splitlines() if line.startswith("  ") and ", y " in line]
    assert [words[0] for words in where] == [field.name for field in load_template(template).fields]
    for words in where:
        left, right, top, bottom = (int(words[place].strip(",")) for place in (2, 4, 6, 8))
        assert outlined[top : bottom + 1, left : right + 1].mean() > 0.03
    assert run(template, scan).exit_code == 0  # once more, over its own picture


def test_picture_goes_where_it_is_wanted(template: Path, tmp_path: Path) -> None:
    scan = SAMPLE / "scans" / "visit-06.tif"
    assert run(template, scan, "--page", 2, "-o", tmp_path / "seen.png").exit_code == 0
    assert (tmp_path / "seen.png").stat().st_size > 10_000
    result = run(template, scan, "-o", tmp_path / "seen.png")
    assert (result.exit_code, "exists already" in result.stderr) == (2, True)
    assert run(template, scan, "-o", tmp_path / "seen.png", "--force").exit_code == 0


@pytest.mark.slow
def test_scan_of_another_form_ends_with_1(template: Path, tmp_path: Path) -> None:
    other = SAMPLE.parent / "class-marks" / "scans" / "class-1b.png"
    result = run(template, other)
    assert result.exit_code == 1
    assert "no page of the form 'visit-record'" in result.stderr
    assert list(tmp_path.glob("*over*")) == []
    cv2.imwrite(str(tmp_path / "empty.png"), np.full((800, 600), 250, np.uint8))
    assert run(template, tmp_path / "empty.png").exit_code == 1


def test_what_cannot_be_carried_out_ends_with_2(template: Path, tmp_path: Path) -> None:
    scan = SAMPLE / "scans" / "visit-01.jpg"
    for words in (
        (tmp_path / "gone.toml",),
        (template, tmp_path / "gone.png"),
        (template, scan, "--page", 2),
        (template, "-o", tmp_path / "picture.png"),
        (template, scan, "-o", template, "--force"),
        (template, scan, "-o", tmp_path / "no folder" / "picture.png"),
    ):
        assert run(*words).exit_code == 2, words
    template.write_text(template.read_text("utf-8").replace("max = 110", "max = -1"), encoding="utf-8")
    result = run(template, scan)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "field 'age': 'max' is -1" in result.stderr
