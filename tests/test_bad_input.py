"""Bad files, bad templates and bad days: said in one line each, while everything else is read."""

from __future__ import annotations

import hashlib
import io
import json
import os
import pickle
import re
import signal
import sqlite3
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Sequence
from contextlib import closing
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from formreader.cli import app
from formreader.export import read_results
from formreader.model import default_model_path
from formreader.template import save_template
from tests.drawing import (
    DrawnForm,
    Scan,
    Wear,
    draw_mild,
    draw_values,
    fill,
    meter_card,
    visit_record,
    wear,
    write_scan,
)

DPI = 150
Row = dict[str, str]


@cache
def card() -> DrawnForm:
    return meter_card(DPI)


@cache
def good(seed: int) -> Scan:
    rng = np.random.default_rng(seed)
    return fill(card(), draw_values(card(), rng), rng).scan(draw_mild(rng, DPI), rng)


@pytest.fixture
def template(tmp_path: Path) -> Path:
    save_template(card().template(), tmp_path / "card.toml")
    return tmp_path / "card.toml"


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    folder = tmp_path / "scans"
    folder.mkdir()
    return folder


def formreader(*words: object) -> tuple[int, str]:
    """Run a command; give its exit code and what it said, and let a bug come out as one."""
    answer = CliRunner().invoke(app, [str(word) for word in words])
    if answer.exception and not isinstance(answer.exception, SystemExit):
        raise answer.exception
    return answer.exit_code, answer.output


def table(out: Path, name: str = "results") -> list[Row]:
    return [{str(k): str(v) for k, v in row.items()} for row in read_results(out / f"{name}.csv").to_dict("records")]


def statuses(out: Path) -> dict[str, str]:
    return {f"{row['scan']}#{row['page']}": row["status"] for row in table(out)}


def is_read(status: str) -> bool:
    return status in ("read", "review")


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def huge_png(side: int = 40_000) -> bytes:
    """Make a few kilobytes that would become 1.6 GB of pixels."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0))
    rows = zlib.compress(bytes(side + 1) * 50, 9)
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def locked_pdf() -> bytes:
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 120]>>",
    ]
    out, places = b"%PDF-1.5\n", []
    for number, thing in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, thing)
    lines = b"".join(b"%010d 00000 n \n" % place for place in places)
    lock = b"/Encrypt<</Filter/Standard/V 1/R 2/P -4/O<%s>/U<%s>>>/ID[<00><00>]" % (b"ab" * 32, b"cd" * 32)
    trailer = b"xref\n0 4\n0000000000 65535 f \n%strailer<</Size 4/Root 1 0 R%s>>\nstartxref\n%d\n%%%%EOF"
    return out + trailer % (lines, lock, len(out))


# --- scans -----------------------------------------------------------------------------------------------------------


def test_an_empty_folder_is_refused_and_nothing_is_written(tmp_path: Path, scans: Path, template: Path) -> None:
    code, said = formreader("read", scans, "-t", template, "-o", tmp_path / "out")
    assert code == 2
    assert "no scan there" in said
    assert not (tmp_path / "out").exists()


BAD_FILES = {
    "1 text.png": (b"Dear colleague, the scans are on their way.", "scan it again or take it out"),
    "3 broken off.jpg": (None, "scan it again"),
    "5 empty.tif": (b"", "scan it again or take it out"),
    "7 locked.pdf": (locked_pdf(), "save a copy without one"),
    "9 huge.png": (huge_png(), "600 dpi or less"),
    "91 other form.png": (None, "own template"),
}
"""Each bad file and what its line tells a person to do."""

WITH_PEAK = """
import resource, sys
from formreader.cli import main
try:
    main()
finally:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stdout)
"""


@pytest.mark.slow
def test_bad_files_among_good_ones_fail_each_with_one_line(tmp_path: Path, scans: Path, template: Path) -> None:
    for number in (0, 2, 4, 10):
        write_scan(good(number % 3), scans / f"{number} good.png")
    for name, (content, _) in BAD_FILES.items():
        if content is not None:
            (scans / name).write_bytes(content)
    write_scan(good(1), scans / "whole.jpg")
    whole = (scans / "whole.jpg").read_bytes()
    (scans / "whole.jpg").unlink()
    (scans / "3 broken off.jpg").write_bytes(whole[: len(whole) // 2])
    other = wear(visit_record(DPI).picture, DPI, Wear(skew_degrees=1, noise=2), np.random.default_rng(1))
    write_scan(other, scans / "91 other form.png")

    call = ["read", scans, "-t", template, "-o", tmp_path / "out", "-j", "1"]
    ran = subprocess.run(
        [sys.executable, "-c", WITH_PEAK, *map(str, call)], capture_output=True, text=True, check=False, timeout=120
    )
    assert ran.returncode == 1, ran.stderr
    assert "Traceback" not in ran.stderr
    peak_kb = int(ran.stdout.split()[-1]) // (1024 if sys.platform == "darwin" else 1)
    assert peak_kb < 1_000_000  # decoded, the huge one alone would be 1,600,000

    failed = {row["scan"]: row for row in table(tmp_path / "out", "failed")}
    assert failed.keys() == BAD_FILES.keys()
    assert len(table(tmp_path / "out", "failed")) == len(BAD_FILES)
    for name, (_, what_to_do) in BAD_FILES.items():
        reason = failed[name]["reason"]
        assert reason.startswith(f"{name}: ")
        assert what_to_do in reason
        assert "\n" not in reason
    assert failed["91 other form.png"]["stage"] == "align"
    assert {failed[name]["stage"] for name in list(BAD_FILES)[:-1]} == {"scans"}

    found = statuses(tmp_path / "out")
    read = {name for name, status in found.items() if is_read(status)}
    assert read == {"0 good.png#1", "2 good.png#1", "4 good.png#1"}
    assert found["10 good.png#1"] == "duplicate"
    assert "6 failed" in ran.stderr
    assert [path.suffix for path in (tmp_path / "out" / "failed").iterdir()] == [".jpg"]


@pytest.mark.slow
def test_a_blank_sheet_is_skipped_and_all_is_well(tmp_path: Path, scans: Path, template: Path) -> None:
    sheet = wear(np.full(card().picture.shape, 255, np.uint8), DPI, Wear(noise=3, specks=20), np.random.default_rng(1))
    write_scan([good(0), sheet], scans / "both sides.tif")
    code, said = formreader("read", scans, "-t", template, "-o", tmp_path / "out", "-j", 1)
    assert code == 0
    assert "1 skipped" in said
    assert statuses(tmp_path / "out")["both sides.tif#2"] == "skipped"
    assert is_read(statuses(tmp_path / "out")["both sides.tif#1"])
    assert table(tmp_path / "out", "failed") == []


@pytest.mark.slow
def test_only_front_pages_are_read_where_asked(tmp_path: Path, scans: Path, template: Path) -> None:
    other = wear(visit_record(DPI).picture, DPI, Wear(noise=2), np.random.default_rng(1))
    write_scan([good(0), other, good(1)], scans / "a.pdf")
    write_scan(other, scans / "b.png")
    call = ("read", scans, "-t", template, "-o", tmp_path / "out", "--pages", "1", "--other-pages", "skip", "-j", 1)
    code, _ = formreader(*call)
    assert code == 0
    found = statuses(tmp_path / "out")
    assert is_read(found.pop("a.pdf#1"))
    assert found == {"a.pdf#2": "skipped", "a.pdf#3": "skipped", "b.png#1": "skipped"}


@pytest.mark.slow
def test_spaces_and_letters_of_any_script_stand_in_paths(tmp_path: Path) -> None:
    folder = tmp_path / "Zähler, größere (2024)" / "страница 1"
    folder.mkdir(parents=True)
    write_scan(good(0), folder / "карта №7 é.png")
    form = tmp_path / "vorlage für zähler" / "zähler karte.toml"
    form.parent.mkdir()
    save_template(card().template(), form)
    out = tmp_path / "ergebnisse ü 1"
    code, _ = formreader("read", folder.parent, "-t", form, "-o", out, "-j", 1)
    assert code == 0
    assert [row["scan"] for row in table(out)] == ["страница 1/карта №7 é.png"]
    assert is_read(table(out)[0]["status"])


# --- what a photo says of its taker ----------------------------------------------------------------------------------

PLACE = "52.5163 north, 13.3777 east"


def with_location(photo: Path) -> None:
    """Write into a JPEG what telephones do: where it was taken, as EXIF numbers and as text."""
    exif = Image.Exif()
    exif[0x010E] = PLACE  # description
    gps = exif.get_ifd(0x8825)
    gps[1], gps[2], gps[3], gps[4] = "N", (52.0, 30.0, 58.7), "E", (13.0, 22.0, 39.7)
    gps[29] = "2024:05:17"
    with Image.open(photo) as picture:
        picture.load()
        picture.save(photo, "JPEG", exif=exif, comment=PLACE.encode(), xmp=f"<x>{PLACE}</x>".encode(), quality=90)
    assert b"Exif" in photo.read_bytes()
    assert PLACE.encode() in photo.read_bytes()


@pytest.mark.slow
def test_where_a_photo_was_taken_is_stored_nowhere(tmp_path: Path, scans: Path) -> None:
    blank = wear(card().picture, DPI, Wear(), np.random.default_rng(1))
    other = wear(visit_record(DPI).picture, DPI, Wear(noise=2), np.random.default_rng(1))
    for scan, path in ((blank, tmp_path / "blank.jpg"), (good(0), scans / "a.jpg"), (other, scans / "fails.jpg")):
        write_scan(scan, path)
        with_location(path)
    made = tmp_path / "made"
    made.mkdir()
    assert formreader("detect", tmp_path / "blank.jpg", "-o", made / "card.toml", "--no-labels")[0] == 0
    call = ("read", scans, "-t", made / "card.toml", "-o", made / "out", "--debug", made / "debug", "-j", 1)
    assert formreader(*call, "--threshold", 1)[0] == 1  # everything is flagged, so that boxes are kept as pictures
    assert formreader("export", made / "out", "-o", made / "book.xlsx")[0] == 0

    stored = {path.relative_to(made).as_posix(): path.read_bytes() for path in made.rglob("*") if path.is_file()}
    with closing(sqlite3.connect(made / "out" / "batch.sqlite")) as batch:
        boxes = [row[0] for row in batch.execute("SELECT picture FROM pictures")]
    pictures = [*boxes, *(content for name, content in stored.items() if name.endswith((".png", ".jpg")))]
    assert len(boxes) > 20
    assert {name.split("/")[0] for name in stored} == {"card.toml", "card-reference.png", "card-preview.png", "out",
                                                       "debug", "book.xlsx"}  # fmt: skip
    assert any(name.startswith("out/failed/") for name in stored)
    for content in (*stored.values(), *boxes):
        assert not {mark for mark in (PLACE.encode(), b"Exif\0\0", b"eXIf", b"<x>") if mark in content}
    for content in pictures:
        with Image.open(io.BytesIO(content)) as picture:
            assert not dict(picture.getexif())
            assert not {"comment", "xmp", "exif"} & set(picture.info)


# --- templates and models --------------------------------------------------------------------------------------------

HEAD = '[form]\nname = "card"\nreference = "card.png"\nwidth = {width}\nheight = {height}\ndpi = 150\n'


def refused(tmp_path: Path, scans: Path, text: str) -> str:
    save_template(card().template(), tmp_path / "card.toml")  # its reference picture is there
    height, width = card().picture.shape
    (tmp_path / "bad.toml").write_text(HEAD.format(width=width, height=height) + text)
    write_scan(good(0), scans / "a.png")
    code, said = formreader("read", scans, "-t", tmp_path / "bad.toml", "-o", tmp_path / "out")
    assert code == 2
    assert "Traceback" not in said
    assert not (tmp_path / "out").exists()
    return said


def test_every_mistake_of_a_template_is_named_at_once(tmp_path: Path, scans: Path) -> None:
    said = refused(
        tmp_path,
        scans,
        "colour = 1\n"
        '[[field]]\nname = "id"\nboxes = [[10, 10, 30, 40]]\nrequierd = true\n'
        '[[field]]\nname = "far"\nboxes = [[5000, 10, 30, 40]]\n'
        '[[field]]\nname = "id"\nboxes = [[100, 10, 30, 40]]\n',
    )
    assert "bad.toml: 4 problems" in said
    assert "unknown key 'colour'" in said
    assert "field 'id': unknown key 'requierd' (did you mean 'required'?)" in said
    assert "field 'far': box 1 lies outside the page" in said
    assert "fields number 1 and 3 have this one name" in said


def test_a_template_without_fields_is_refused(tmp_path: Path, scans: Path) -> None:
    assert "it has no field" in refused(tmp_path, scans, "")


class Mine:
    """Unpickled, it leaves a file behind."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, ...]:
        return open, (str(self.mark), "w")


def test_a_model_that_is_not_its_cards_is_never_opened(tmp_path: Path, scans: Path, template: Path) -> None:
    write_scan(good(0), scans / "a.png")
    model, mark = tmp_path / "digits.joblib", tmp_path / "it ran"
    model.write_bytes(pickle.dumps(Mine(mark)))
    card_text = default_model_path().with_suffix(".json").read_text("utf-8")
    model.with_suffix(".json").write_text(card_text, "utf-8")
    code, said = formreader("read", scans, "-t", template, "-o", tmp_path / "out", "--model", model)
    assert code == 2
    assert "was not opened" in said
    assert not mark.exists()
    assert not (tmp_path / "out").exists()


def test_the_trap_would_have_sprung(tmp_path: Path) -> None:
    mark = tmp_path / "it ran"
    pickle.loads(pickle.dumps(Mine(mark))).close()
    assert mark.exists()


def test_a_model_that_fits_its_card_but_is_no_model_is_refused(tmp_path: Path, scans: Path, template: Path) -> None:
    write_scan(good(0), scans / "a.png")
    model = tmp_path / "digits.joblib"
    model.write_bytes(pickle.dumps({"svm": 1}))
    known = json.loads(default_model_path().with_suffix(".json").read_text("utf-8"))
    known["sha256"] = hashlib.sha256(model.read_bytes()).hexdigest()
    model.with_suffix(".json").write_text(json.dumps(known), "utf-8")
    code, said = formreader("read", scans, "-t", template, "-o", tmp_path / "out", "--model", model)
    assert code == 2
    assert "does not work with the installed libraries" in said


# --- results ---------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_results_of_another_form_are_not_mixed_into(tmp_path: Path, scans: Path, template: Path) -> None:
    write_scan(good(0), scans / "a.png")
    assert formreader("read", scans, "-t", template, "-o", tmp_path / "out", "-j", 1)[0] == 0
    before = (tmp_path / "out" / "results.csv").read_bytes()
    save_template(visit_record(DPI).template(), tmp_path / "visit.toml")
    code, said = formreader("read", scans, "-t", tmp_path / "visit.toml", "-o", tmp_path / "out", "-j", 1)
    assert code == 2
    assert re.search(r"'?meter-card'?", said)
    assert (tmp_path / "out" / "results.csv").read_bytes() == before


def test_a_folder_with_other_files_is_no_place_for_results(tmp_path: Path, scans: Path, template: Path) -> None:
    write_scan(good(0), scans / "a.png")
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.odt").write_text("precious")
    code, said = formreader("read", scans, "-t", template, "-o", mine, "-j", 1)
    assert code == 2
    assert "holds other files" in said
    assert [path.name for path in mine.iterdir()] == ["thesis.odt"]


@pytest.mark.skipif(
    sys.platform == "win32" or getattr(os, "geteuid", lambda: 0)() == 0, reason="root may write to any folder"
)
def test_results_that_cannot_be_written_are_refused(tmp_path: Path, scans: Path, template: Path) -> None:
    write_scan(good(0), scans / "a.png")
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    code, said = formreader("read", scans, "-t", template, "-o", locked / "out", "-j", 1)
    assert code == 2
    assert "cannot be written" in said


def answered(out: Path) -> int:
    """Count the pages in a batch that a run may be writing to."""
    try:
        with sqlite3.connect(f"file:{out / 'batch.sqlite'}?mode=ro", uri=True, timeout=5) as batch:
            return int(batch.execute("SELECT count(*) FROM readings").fetchone()[0])
    except sqlite3.OperationalError:
        return 0


def wait_for(out: Path, pages: int, run: subprocess.Popen[bytes], seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while answered(out) < pages:
        assert run.poll() is None, "the run ended before it could be killed"
        assert time.monotonic() < until
        time.sleep(0.01)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows knows no SIGKILL")
def test_a_run_that_was_killed_goes_on_and_has_each_page_once(tmp_path: Path, scans: Path, template: Path) -> None:
    names = [f"{number}.png" for number in range(1, 25)]
    for number, name in enumerate(names):
        rng = np.random.default_rng(number)
        write_scan(wear(good(number % 3).pixels, DPI, Wear(noise=2), rng), scans / name)
    out = tmp_path / "out"
    call: Sequence[str] = [str(word) for word in ("read", scans, "-t", template, "-o", out, "-j", 1, "-q")]
    run = subprocess.Popen([sys.executable, "-m", "formreader", *call])
    try:
        wait_for(out, 3, run)
    finally:
        run.send_signal(signal.SIGKILL)
        run.wait(30)
    kept = answered(out)
    assert 3 <= kept < len(names)
    assert formreader(*call)[0] == 0
    assert [row["scan"] for row in table(out)] == names
    assert all(is_read(row["status"]) for row in table(out))
    assert answered(out) == len(names)  # nothing was read twice
