"""An audit: what it draws, what people key, and what that proves; the claim is never proved where it does not hold."""

from __future__ import annotations

import base64
import csv
import hashlib
import json
import re
import shutil
import sqlite3
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from fractions import Fraction
from html import unescape
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from formreader import audit
from formreader.audit import Wish, begin, take_over, write_first, write_report, write_second
from formreader.audit.bounds import needed
from formreader.audit.drawing import as_written, population_of
from formreader.audit.findings import findings_of
from formreader.audit.keyed_files import Cell, KeyedFile, read_keyed
from formreader.audit.keying import key_in, may_lack_zeros, taken
from formreader.audit.report import as_json
from formreader.audit.verdicts import corrected, verdict_on
from formreader.checks import find_repeats
from formreader.cli import app
from formreader.errors import BatchError, KeysError, UnusableCall
from formreader.store import AuditedField, Key, joined, open_results
from formreader.strips import strip
from formreader.template import Field, Template, corners_of
from formreader.values import (
    CLASSES,
    Box,
    DigitReading,
    FieldReading,
    Match,
    Page,
    PageFailure,
    PageReading,
    PageRef,
    Reason,
)
from tests.drawing_batches import brought_back
from tests.test_store import opened

FORM = Template(
    "visit",
    *(400, 300, 300),
    (
        Field("id", tuple((30 + 40 * i, 40, 40, 50) for i in range(3))),
        Field("mark", ((250, 40, 40, 50),)),
        Field("-total", tuple((30 + 40 * i, 160, 40, 50) for i in range(2))),
    ),
)
CLAIM = Fraction(1, 10)
Values = dict[str, str]


def draw_page(path: Path, values: Mapping[str, str], seed: int) -> PageRef:
    """Draw a page with its boxes and what is written in them; no two are alike."""
    page = np.full((300, 400), 255, np.uint8)
    page[290:, :] = np.random.default_rng(seed).integers(0, 255, (10, 400), dtype=np.uint8)
    for field in FORM.fields:
        text = values[field.name].rjust(len(field.boxes))
        for (x, y, width, height), sign in zip(field.boxes, text, strict=True):
            cv2.rectangle(page, (int(x), int(y)), (int(x + width), int(y + height)), 90, 2)
            cv2.putText(page, sign, (int(x + 10), int(y + 38)), cv2.FONT_HERSHEY_SIMPLEX, 1, 0, 2)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(".png", page)[1].tobytes())
    return PageRef(path, 1, path.name, hashlib.sha256(path.read_bytes()).hexdigest())


def reading(ref: PageRef, values: Mapping[str, str], flagged: str = "") -> PageReading:
    digits: list[DigitReading] = []
    fields: list[FieldReading] = []
    for field in FORM.fields:
        text = values[field.name].rjust(len(field.boxes))
        reasons: tuple[Reason, ...] = ("low_confidence",) if field.name == flagged else ()
        for place, (rectangle, sign) in enumerate(zip(field.boxes, text, strict=True), start=1):
            digit = sign if sign != " " else None
            reason: Reason = reasons[0] if reasons else "" if digit else "blank"
            box = Box(field.name, place, corners_of(rectangle))
            digits.append(DigitReading(box, digit, 0.999, np.zeros(len(CLASSES), np.float32), reason))
        fields.append(FieldReading(field.name, values[field.name], 0.99 + 0.009 * (len(fields) / 3), reasons))
    return PageReading(ref, "visit", Match(0.97, "markers"), tuple(fields), tuple(digits))


class Drawn:
    """A batch whose truth is known: page 0 has a flagged id; the fields in `wrong` are misread."""

    def __init__(self, folder: Path, pages: int = 12, wrong: Mapping[tuple[int, str], str] | None = None) -> None:
        self.folder = folder / "out"
        self.truth: dict[str, Values] = {}
        rng = np.random.default_rng(5)
        with opened(self.folder, template=FORM) as batch:
            for number in range(pages):
                written = {
                    "id": f"{rng.integers(0, 1000):03}",
                    "mark": "" if number % 4 == 0 else str(rng.integers(0, 10)),
                    "-total": str(rng.integers(0, 100)),
                }
                ref = draw_page(folder / "scans" / f"p{number}.png", written, number)
                self.truth[ref.sha256] = written
                batch.pending([ref])
                read = {name: (wrong or {}).get((number, name), value) for name, value in written.items()}
                batch.add(reading(ref, read, flagged="" if number else "id"))

    def written(self) -> dict[int, str]:
        """Give what stands on the paper for each number of the last audit."""
        with open_results(self.folder) as results:
            audits = results.audits()
            fields = audits.fields(audits.all()[-1])
            return {one.number: self.truth[audits.places(one.reading).sha256][one.field] for one in fields}

    def key(self, name: str, user: str, **errors: str) -> audit.TakenOver:
        """Fill in a file as a person would, who errs at the given numbers, and take it over."""
        path = self.folder / "audit-1" / name
        fill(path, {number: value or "_" for number, value in self.written().items()} | as_numbers(errors))
        return take_over(self.folder, path, user)


def as_numbers(errors: Mapping[str, str]) -> dict[int, str]:
    return {int(name.lstrip("n")): key for name, key in errors.items()}


def table(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def fill(path: Path, keys: Mapping[int, str]) -> None:
    header, example, *rows = table(path)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, example])
        csv.writer(file).writerows([row[0], row[1], keys.get(int(row[0]), ""), row[3]] for row in rows)


def rewritten(path: Path, change: Callable[[str], str], encoding: str = "utf-8") -> Path:
    path.write_bytes(change(path.read_text("utf-8")).encode(encoding))
    return path


@pytest.fixture
def batch(tmp_path: Path) -> Drawn:
    return Drawn(tmp_path)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Drawn:
    """Make a batch of which everything is drawn, once; nobody writes to it."""
    return drawn_all(Drawn(tmp_path_factory.mktemp("whole")))


@pytest.fixture
def filled(whole: Drawn, tmp_path: Path) -> tuple[Path, Path]:
    """Give a copy of its results folder, with its keys.csv filled in as the paper has it."""
    folder = shutil.copytree(whole.folder, tmp_path / "filled")
    fill(folder / "audit-1" / "keys.csv", {number: value or "_" for number, value in whole.written().items()})
    return folder, folder / "audit-1" / "keys.csv"


def drawn_all(batch: Drawn) -> Drawn:
    """Draw all fields of a batch in an audit and write its sheets."""
    begin(batch.folder, Wish(CLAIM, size=1000, seed=1), "ann")
    write_first(batch.folder)
    return batch


def report(batch: Drawn) -> dict[str, Any]:
    """Give what ``report.json`` says, without drawing the plots."""
    with open_results(batch.folder) as results:
        last = audit.audit_of(results)
        found: dict[str, Any] = json.loads(as_json(findings_of(results, last), results.audits().read_by(last)))
    return found


# --- what is drawn


def test_only_what_nobody_looks_at_is_drawn(batch: Drawn) -> None:
    with open_results(batch.folder) as results:
        assert population_of(results, find_repeats(results)).accepted == {
            ("visit", "-total"): 12,
            ("visit", "id"): 11,
            ("visit", "mark"): 12,
        }
    drawn = begin(batch.folder, Wish(CLAIM, size=1000), "ann")
    assert (drawn.accepted, drawn.drawn, drawn.pages) == (35, 35, 12)
    with open_results(batch.folder) as results:
        fields = results.audits().fields(drawn)
    assert len({(field.reading, field.field) for field in fields}) == 35
    assert ("id", 1) not in {(field.field, field.reading) for field in fields}
    assert [field.number for field in fields] == list(range(1, 36))


def test_copies_of_a_page_are_one_page(tmp_path: Path, batch: Drawn) -> None:
    scans = tmp_path / "scans"
    shutil.copy(scans / "p1.png", scans / "copy.png")
    sha256 = hashlib.sha256((scans / "p1.png").read_bytes()).hexdigest()
    with opened(batch.folder, template=FORM, keep_duplicates=True) as writer:
        writer.pending([PageRef(scans / name, 1, name, sha256) for name in ("p1.png", "copy.png")])
    with open_results(batch.folder) as results:
        assert sum(page.status == "read" for page in results.pages()) == 13
        assert population_of(results, find_repeats(results)).size == 35


def test_same_seed_draws_the_same_fields_and_another_others(batch: Drawn) -> None:
    def drawn(seed: int) -> list[tuple[int, str]]:
        made = begin(batch.folder, Wish(CLAIM, size=9, seed=seed), "ann")
        with open_results(batch.folder) as results:
            return [(field.reading, field.field) for field in results.audits().fields(made)]

    assert drawn(1) == drawn(1) != drawn(2)


def test_every_field_is_drawn_as_often(batch: Drawn) -> None:
    from formreader.audit.drawing import _ranks

    with open_results(batch.folder) as results:
        population = population_of(results, find_repeats(results))
    counts = np.zeros(35)
    for seed in range(2000):
        (ranks,) = _ranks(population, [7], np.random.default_rng(seed), by_field=False).values()
        counts[ranks] += 1
    assert counts.sum() == 14_000
    np.testing.assert_allclose(counts, 400, atol=5 * np.sqrt(400 * 0.8))


def test_by_field_gives_each_its_share(batch: Drawn) -> None:
    drawn = begin(batch.folder, Wish(CLAIM, size=12, by_field=True), "ann")
    assert [(stratum.field, stratum.drawn) for stratum in drawn.strata] == [("-total", 5), ("id", 4), ("mark", 5)]


def test_batch_without_accepted_fields_is_refused(tmp_path: Path) -> None:
    with opened(tmp_path / "out", template=FORM) as writer:
        ref = draw_page(tmp_path / "a.png", {"id": "1", "mark": "", "-total": ""}, 0)
        writer.pending([ref])
        writer.add(PageFailure(ref, "align", "another form"))
    with pytest.raises(UnusableCall, match="no field of this batch was accepted"):
        begin(tmp_path / "out", Wish(CLAIM), "ann")


def test_as_written_leaves_out_what_the_form_says() -> None:
    def box(digit: str | None) -> DigitReading:
        return DigitReading(Box("a", 1, corners_of((0, 0, 9, 9))), digit, 1, np.zeros(len(CLASSES), np.float32))

    assert as_written("1.5", [box("1"), box("5")]) == "15"
    assert as_written("1.5", [box("1"), box("."), box("5")]) == "1.5"
    assert as_written("0", [box(None)]) == ""
    assert as_written("0", [box("0")]) == "0"


# --- what people get to key from


def pictures(page: str) -> Iterator[np.ndarray[Any, Any]]:
    for coded in re.findall(r'src="data:image/jpeg;base64,([^"]+)"', page):
        yield np.asarray(cv2.imdecode(np.frombuffer(base64.b64decode(coded), np.uint8), cv2.IMREAD_GRAYSCALE))


def test_sheets_are_blind_need_nothing_beside_them_and_are_their_owner_s(batch: Drawn) -> None:
    drawn_all(batch)
    folder = batch.folder / "audit-1"
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.iterdir())} == {
        "audit-1": 0o700,
        "keys.csv": 0o600,
        "strips.html": 0o600,
    }
    header, example, *rows = table(folder / "keys.csv")
    assert header == ["number", "field", "key", "audit"]
    assert example[2] == "007"
    assert [row[0] for row in rows] == [str(number) for number in range(1, 36)]
    assert {row[1] for row in rows} == {"id", "mark", "'-total"}
    assert {row[2] for row in rows} == {""}
    page = (folder / "strips.html").read_text("utf-8")
    assert "<script" not in page
    assert not re.search(r'(src|href)="(?!data:)', page)
    shown = re.sub(r'"data:[^"]+"', "", page)
    ids = {values["id"] for values in batch.truth.values()}
    assert not [value for value in ids - {"007"} if re.search(rf"\b{value}\b", shown)]
    assert [int(number) for number in re.findall(r"<b>(\d+)</b>", page)] == list(range(1, 36))
    assert len(list(pictures(page))) == 35


def test_large_samples_come_in_parts(batch: Drawn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("formreader.audit.sheets._ON_A_PAGE", 20)
    drawn_all(batch)
    parts = [(batch.folder / "audit-1" / f"strips-{part}.html").read_text("utf-8") for part in (1, 2)]
    assert [len(list(pictures(part))) for part in parts] == [20, 15]


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
@pytest.mark.parametrize("colour", [False, True])
def test_strip_is_upright_and_shows_the_boxes_whole(turns: int, colour: bool, tmp_path: Path) -> None:
    draw_page(tmp_path / "a.png", {"id": "123", "mark": "4", "-total": "56"}, 0)
    upright = np.asarray(cv2.imread(str(tmp_path / "a.png"), cv2.IMREAD_GRAYSCALE))
    height, width = upright.shape
    corners = [corners_of(rectangle) for rectangle in FORM.fields[0].boxes]
    turned = np.rot90(upright, turns).copy()
    for _ in range(turns):  # a quarter turn against the clock takes (x, y) to (y, width - 1 - x)
        corners = [np.column_stack([box[:, 1], width - 1 - box[:, 0]]) for box in corners]
        height, width = width, height
    boxes = [Box("id", place, box) for place, box in enumerate(corners, start=1)]
    inked = np.dstack([turned] * 3) if colour else None
    seen = strip(Page(PageRef(tmp_path / "a.png"), turned, inked), boxes)
    straight = strip(
        Page(PageRef(tmp_path / "a.png"), upright),
        [replace(b, corners=corners_of(r)) for b, r in zip(boxes, FORM.fields[0].boxes, strict=True)],
    )
    grey = seen[..., 0] if colour else seen
    assert abs(grey.shape[0] - straight.shape[0]) <= 1
    assert abs(grey.shape[1] - straight.shape[1]) <= 1
    rows, columns = min(grey.shape[0], straight.shape[0]), min(grey.shape[1], straight.shape[1])
    close = cv2.blur(grey[:rows, :columns], (5, 5)).astype(int) - cv2.blur(straight[:rows, :columns], (5, 5))
    assert np.abs(close).mean() < 6
    assert grey.min() < 40


def test_boxes_far_apart_are_shown_side_by_side(tmp_path: Path) -> None:
    page = np.full((2000, 1600), 255, np.uint8)
    boxes = [Box("a", n, corners_of((x, y, 50, 60))) for n, (x, y) in enumerate([(50, 50), (1500, 1900)], start=1)]
    for box in boxes:
        cv2.fillConvexPoly(page, box.corners.astype(np.int32), 0)
    seen = strip(Page(PageRef(tmp_path), page), boxes)
    assert seen.shape[0] < 130
    assert seen.shape[1] < 300
    assert (seen < 50).mean() == pytest.approx(2 * 50 * 60 / (2 * 110 * 120), rel=0.1)


def test_scan_that_is_gone_or_another_now_stays_in_the_sample(batch: Drawn, tmp_path: Path) -> None:
    (tmp_path / "scans" / "p3.png").unlink()
    draw_page(tmp_path / "scans" / "p4.png", {"id": "1", "mark": "1", "-total": "1"}, 99)
    begin(batch.folder, Wish(CLAIM, size=1000, seed=1), "ann")
    sheets = write_first(batch.folder)
    assert sheets.fields == 35
    assert {strip.scan.name for strip in sheets.missing} == {"p3.png", "p4.png"}
    assert len(sheets.missing) == 6
    page = unescape((batch.folder / "audit-1" / "strips.html").read_text("utf-8"))
    assert page.count("cannot be shown: ") == 6
    assert "is another scan now than was read" in page
    missing = [strip.field.number for strip in sheets.missing]
    batch.key("keys.csv", "ann", **{f"n{number}": "" for number in missing})
    found = report(batch)
    assert found["all"]["unknown"] == 6
    assert found["outcome"] == "waiting"
    assert found["all"]["upper"] == pytest.approx(6 / 35)
    assert len(found["without_scan"]) == 3


def test_sheets_are_written_again_where_they_are_lost_but_never_over_keys(batch: Drawn) -> None:
    drawn_all(batch)
    with pytest.raises(BatchError, match="may hold keys"):
        write_first(batch.folder)
    before = table(batch.folder / "audit-1" / "keys.csv")
    shutil.rmtree(batch.folder / "audit-1")
    write_first(batch.folder)
    assert table(batch.folder / "audit-1" / "keys.csv") == before


# --- what people key


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("007", "007"),
        (" 12 ", "12"),
        ('="007"', "007"),
        ("'007", "007"),
        ("1 234", "1234"),
        ("12,5", "12.5"),
        ("1?3", "1?3"),
        ("?", "?"),
        ("_", ""),
        ("___", ""),
        ("_05", "05"),
        ("Empty", ""),
        ("", None),
        ("\uff11\uff12", "12"),
        ("٣", "3"),
    ],
)
def test_keys_are_taken_as_people_write_them(text: str, key: str | None) -> None:
    assert key_in(text) == key


@pytest.mark.parametrize(
    "text", ["=1+1", "=A2", "-5", "+5", "@x", "1.2E+05", "abc", "1.2.3", ".", "#NAME?", "1/2", "9" * 99]
)
def test_what_is_no_possible_value_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="key"):
        key_in(text)


@given(st.text(max_size=12))
def test_no_cell_is_taken_for_more_than_it_says(text: str) -> None:
    try:
        key = key_in(text)
    except ValueError:
        return
    assert key is None or re.fullmatch(r"[0-9?.]*", key)


FIRST = AuditedField(1, 1, "visit", "id", "007", "007", 0.99, 3)


def looks(*keys: tuple[int, str, str]) -> list[Key]:
    return [Key(1, look, "2026", who, key) for look, who, key in keys]


@pytest.mark.parametrize(
    ("keys", "state", "value", "erred"),
    [
        ([], "open", "", False),
        ([(1, "ann", "007")], "right", "", False),
        ([(1, "ann", "001")], "differs", "", False),
        ([(1, "ann", "?")], "differs", "", False),
        ([(1, "ann", "001"), (1, "ann", "007")], "right", "", False),
        ([(1, "ann", "001"), (2, "bob", "007")], "right", "", True),
        ([(1, "ann", "001"), (2, "bob", "001")], "wrong", "001", False),
        ([(1, "ann", "?"), (2, "bob", "?")], "undecided", "", False),
        ([(1, "ann", "?"), (2, "bob", "007")], "right", "", False),
        ([(1, "ann", "001"), (2, "bob", "004")], "undecided", "", False),
        ([(1, "ann", "001"), (2, "bob", "004"), (2, "eve", "001")], "wrong", "001", False),
        ([(1, "ann", "001"), (2, "bob", "004"), (2, "eve", "004")], "wrong", "004", True),
        ([(1, "ann", "001"), (2, "bob", "004"), (2, "eve", "007")], "right", "", True),
        ([(1, "ann", "001"), (2, "bob", "004"), (2, " BOB", "001")], "wrong", "001", False),
        ([(1, "ann", "007"), (2, "bob", "001")], "right", "", False),
    ],
)
def test_a_reading_is_wrong_only_where_two_people_agree_against_it(
    keys: list[tuple[int, str, str]], state: str, value: str, erred: bool
) -> None:
    verdict = verdict_on(FIRST, looks(*keys))
    assert (verdict.state, verdict.value, verdict.erred) == (state, value, erred)


def test_printed_point_is_put_where_it_stands() -> None:
    field = replace(FIRST, value="12.5", as_written="125")
    assert verdict_on(field, looks((1, "ann", "125"))).state == "right"
    assert verdict_on(field, looks((1, "ann", "12.5"))).state == "right"
    assert [corrected(key, field) for key in ("135", "13.5", "1135", "")] == ["13.5", "13.5", None, ""]
    written = replace(FIRST, value="12.5", as_written="12.5")
    assert verdict_on(written, looks((1, "ann", "125"))).state == "differs"
    assert corrected("125", written) == "125"


def test_all_right_proves_and_the_same_file_again_changes_nothing(batch: Drawn) -> None:
    drawn_all(batch)
    first = batch.key("keys.csv", "ann")
    assert (len(first.taken.keys), first.taken.empty, first.corrected) == (35, 0, 0)
    again = batch.key("keys.csv", "ann")
    assert (len(again.taken.keys), again.taken.known) == (0, 35)
    found = report(batch)
    assert (found["outcome"], found["all"]["upper"], found["all"]["right"]) == ("proved", 0.0, 35)
    assert found["more_to_prove"] == 0
    assert found["read_as_empty"]["drawn"] == 3


def test_file_may_be_filled_in_part_by_part_and_a_changed_key_is_added(batch: Drawn) -> None:
    drawn_all(batch)
    path = batch.folder / "audit-1" / "keys.csv"
    written = {number: value or "_" for number, value in batch.written().items()}
    fill(path, {number: written[number] for number in (3, 5)})
    part = take_over(batch.folder, path, "ann").taken
    assert (len(part.keys), part.empty) == (2, 33)
    assert report(batch)["outcome"] == "waiting"
    fill(path, {3: "99", 5: written[5]})
    assert take_over(batch.folder, path, "ann").taken.changed == 1
    with open_results(batch.folder) as results:
        audits = results.audits()
        assert [key.key for key in audits.keys(audits.all()[0]) if key.number == 3] == [written[3], "99"]
    assert report(batch)["keying"]["changed"] == 1


def test_error_counts_when_a_second_person_confirms_it_and_is_put_right(tmp_path: Path) -> None:
    batch = drawn_all(Drawn(tmp_path, wrong={(2, "id"): "999", (8, "mark"): "7"}))
    written = batch.written()
    with open_results(batch.folder) as results:
        fields = results.audits().fields(results.audits().all()[0])
    wrong = {field.number for field in fields if field.value != written[field.number]}
    slip = next(field.number for field in fields if field.field == "id" and field.number not in wrong)
    assert len(wrong) == 2
    first = batch.key("keys.csv", "ann", **{f"n{slip}": "5555"})
    assert first.corrected == 0
    found = report(batch)
    assert (found["all"]["wrong"], found["all"]["unknown"]) == (0, 3)
    sheets = write_second(batch.folder)
    assert sheets is not None
    rows = table(sheets.file)[2:]
    numbers = {int(row[0]) for row in rows}
    assert wrong | {slip} < numbers
    assert len(numbers) == 3 + 20
    assert not any(row[2] for row in rows)
    with pytest.raises(KeysError, match="ann keyed them first; another person"):
        batch.key("second-keys.csv", "Ann ")
    second = batch.key("second-keys.csv", "bob")
    assert second.corrected == 2
    found = report(batch)
    assert (found["all"]["wrong"], found["all"]["unknown"], found["outcome"]) == (2, 0, "proved")
    assert found["all"]["upper"] == pytest.approx(2 / 35)
    assert found["keying"]["errors_of_first_person"] == [slip]
    assert {one["number"]: one["is"] for one in found["not_right"]} == {number: written[number] for number in wrong}
    with open_results(batch.folder) as results:
        pages = {page.scan: page for page in results.pages()}
        value = next(field.value for field in pages["p2.png"].fields if field.name == "id")
        assert value == batch.truth[pages["p2.png"].sha256]["id"]
        assert pages["p2.png"].decided == {"id"}
    assert batch.key("second-keys.csv", "bob").corrected == 0
    assert report(batch)["all"]["wrong"] == 2
    assert write_second(batch.folder) is None


def test_second_person_who_takes_back_a_key_takes_the_correction_back(tmp_path: Path) -> None:
    batch = drawn_all(Drawn(tmp_path, wrong={(2, "id"): "999"}))
    batch.key("keys.csv", "ann")
    write_second(batch.folder)
    assert batch.key("second-keys.csv", "bob").corrected == 1
    (number,) = [one["number"] for one in report(batch)["not_right"]]
    with pytest.raises(KeysError, match="keyed by a second person since"):
        batch.key("keys.csv", "ann", **{f"n{number}": "999"})
    assert batch.key("second-keys.csv", "bob", **{f"n{number}": "999"}).corrected == 1
    found = report(batch)
    assert (found["all"]["wrong"], found["keying"]["errors_of_first_person"]) == (0, [number])
    with open_results(batch.folder) as results:
        page = next(page for page in results.pages() if page.scan == "p2.png")
        assert next(field.value for field in page.fields if field.name == "id") == "999"


def test_where_all_differ_one_more_person_looks(tmp_path: Path) -> None:
    batch = drawn_all(Drawn(tmp_path, wrong={(2, "id"): "999"}))
    batch.key("keys.csv", "ann")
    second = write_second(batch.folder)
    assert second is not None
    (number,) = [one["number"] for one in report(batch)["not_right"]]
    batch.key("second-keys.csv", "bob", **{f"n{number}": "111"})
    found = report(batch)
    assert found["not_right"][0]["state"] == "undecided"
    assert found["all"]["upper"] == pytest.approx(1 / 35)
    third = write_second(batch.folder)
    assert third is not None
    assert third.file.name == "second-2-keys.csv"
    assert (third.file.parent / "second-2-strips.html").is_file()
    assert batch.key("second-2-keys.csv", "eve").corrected == 1
    assert report(batch)["all"]["wrong"] == 1


@pytest.mark.parametrize(
    ("change", "encoding"),
    [
        (lambda text: text.replace(",", ";"), "utf-8-sig"),
        (lambda text: text.replace(",", "\t"), "utf-16"),
        (lambda text: text.replace("\n", "\r\n"), "utf-8"),
        (lambda text: text.replace("number,field", "Number , FIELD"), "cp1252"),
        (lambda text: "\n".join([*text.splitlines(), "", ",,,"]), "utf-8"),
    ],
)
def test_files_are_taken_as_spreadsheets_save_them(
    filled: tuple[Path, Path], change: Callable[[str], str], encoding: str
) -> None:
    folder, path = filled
    rewritten(path, change, encoding)
    done = take_over(folder, path, "ann")
    assert (len(done.taken.keys), done.taken.unsure) == (35, ())
    with open_results(folder) as results:
        assert findings_of(results, done.audit).outcome == "proved"


def test_lost_leading_zeros_neither_count_as_errors_nor_hide_any(batch: Drawn) -> None:
    drawn_all(batch)
    path = batch.folder / "audit-1" / "keys.csv"
    written = batch.written()
    fill(path, {number: value or "_" for number, value in written.items()})
    header, example, *rows = table(path)
    stripped = [[row[0], row[1], row[2].lstrip("0") or row[2][:1], row[3]] for row in rows]
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, [*example[:2], "7", example[3]], *stripped])
    new = take_over(batch.folder, path, "ann").taken
    lost = {number for number, value in written.items() if len(value) > 1 and value.startswith("0")}
    assert lost <= set(new.unsure)
    assert {key.number for key in new.keys} | set(new.unsure) == set(written)
    assert len(new.keys) > 20
    found = report(batch)
    assert (found["all"]["wrong"], found["not_right"]) == (0, [])
    fill(path, {number: f"'{written[number]}" for number in new.unsure})
    rewritten(path, lambda text: text.replace(",007,", ",7,"))
    assert not lost & set(take_over(batch.folder, path, "ann").taken.unsure)
    assert report(batch)["all"]["wrong"] == 0
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, [*example[:2], "7", example[3]], *stripped])
    again = take_over(batch.folder, path, "ann").taken
    assert not lost & set(again.unsure)
    assert again.keys == ()


def test_zero_keyed_where_nothing_was_keyed_before_is_not_lost() -> None:
    file = KeyedFile(Path("keys.csv"), "code", 1, False, (Cell(2, "1", "0"),))
    new = taken(file, {1: FIRST}, [Key(1, 1, "before", "ann", "")], "ann", "now")
    assert (new.known, new.unsure) == (0, (1,))


def test_keys_as_long_as_the_field_have_lost_no_zero() -> None:
    assert not may_lack_zeros("123", FIRST)
    assert not may_lack_zeros("07", FIRST)
    assert not may_lack_zeros("?2", FIRST)
    assert not may_lack_zeros("", FIRST)
    assert may_lack_zeros("7", FIRST)
    assert may_lack_zeros("0", FIRST)
    assert may_lack_zeros("123", replace(FIRST, boxes=0))
    assert may_lack_zeros("1.5", FIRST)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: text.replace("\n1,", "\n99,"), "no number of this audit, which has 1 to 35"),
        (lambda text: text.replace("\n1,", "\n,"), "number missing"),
        (lambda text: text.replace("key,audit", "value,audit"), "has no column 'key'"),
        (lambda text: text.replace("number,", "row,"), "has no column 'number'"),
        (lambda text: text.replace(",audit", ",code"), "has no column 'audit'"),
        (lambda text: re.sub(r",[a-z]{10}\n", ",wwwwwwwwww\n", text), "that .* does not have"),
        (lambda text: re.sub(r",[a-z]{10}\n", ",zzzzzzzzzz\n", text, count=1), "of several audits"),
        (lambda text: re.sub(r",[a-z]{10}\n", ",\n", text), "of no audit"),
        (lambda text: re.sub(r"\n1,([^,]*),[^,]*,", r"\n1,\1,=1+1,", text), r"number 1, '=1\+1': a formula"),
        (lambda text: re.sub(r"\n1,([^,]*),[^,]*,", r"\n1,\1,1E+05,", text), "has made a number of it"),
        (lambda text: re.sub(r"\n1,([^,]*),[^,]*,(.*)", r"\n1,\1,5,\2\n1,\1,6,\2", text), "stands twice"),
        (lambda text: re.sub(r"\n(\d+),([^,]*),[^,]*,", r"\n\1,\2,x,", text), r"35 problems; .*(\n.*)*and 15 more"),
        (lambda _: "", "is empty"),
        (lambda _: "PK\0\3", "is no CSV file"),
        (lambda _: "hello", "has no column 'number'"),
    ],
)
def test_mistakes_in_a_file_are_named_and_nothing_is_taken_over(
    filled: tuple[Path, Path], change: Callable[[str], str], said: str
) -> None:
    folder, path = filled
    rewritten(path, change)
    with pytest.raises(KeysError, match=said):
        take_over(folder, path, "ann")
    with open_results(folder) as results:
        assert results.audits().keys(results.audits().all()[0]) == ()


def test_file_that_is_not_there_says_so(batch: Drawn, tmp_path: Path) -> None:
    with pytest.raises(KeysError, match="cannot be read"):
        read_keyed(tmp_path / "nothing.csv")
    with pytest.raises(UnusableCall, match="has no audit yet"):
        write_first(batch.folder)
    drawn_all(batch)
    with pytest.raises(UnusableCall, match="has no audit 7; there are 1"):
        write_first(batch.folder, 7)


# --- what it says


@pytest.mark.slow
def test_report_stands_alone_and_escapes_what_people_wrote(tmp_path: Path) -> None:
    batch = drawn_all(Drawn(tmp_path, wrong={(2, "id"): "999"}))
    batch.key("keys.csv", "<script>alert(1)</script>")
    found, place = write_report(batch.folder, output=tmp_path / "report")
    page = (place / "report.html").read_text("utf-8")
    assert stat.S_IMODE((place / "report.html").stat().st_mode) == 0o600
    assert "<script" not in page
    assert "&lt;script&gt;alert" in page
    assert not re.search(r'(src|href)="(?!data:)', page)
    assert page.count("data:image/png") == 2
    assert page.count("data:image/jpeg") == 1
    assert found.sentence in unescape(page)
    for said in ("single entry", "29", "double entry", "14", "digits", "threshold", "waits for a second person"):
        assert said in page


def test_report_without_matplotlib_has_all_but_the_plots(batch: Drawn, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn_all(batch)
    batch.key("keys.csv", "ann")
    monkeypatch.setattr("formreader.audit.find_spec", lambda _: None)
    _, place = write_report(batch.folder)
    page = (place / "report.html").read_text("utf-8")
    assert "Plots want matplotlib" in page
    assert "data:image/png" not in page


def test_many_errors_refute_the_claim(tmp_path: Path) -> None:
    wrong = {(page, name): "9" * len(name[:2]) for page in range(12) for name in ("id", "-total")}
    batch = Drawn(tmp_path, wrong=wrong)
    begin(batch.folder, Wish(CLAIM, size=28, seed=1), "ann")
    write_first(batch.folder)
    batch.key("keys.csv", "ann")
    assert report(batch)["outcome"] == "waiting"
    write_second(batch.folder)
    batch.key("second-keys.csv", "bob")
    found = report(batch)
    assert found["outcome"] == "refuted"
    assert found["more_to_prove"] is None
    assert found["lower"] > 0.1


def test_sample_too_small_says_how_many_it_takes(batch: Drawn) -> None:
    begin(batch.folder, Wish(CLAIM, size=5, seed=1), "ann")
    write_first(batch.folder)
    batch.key("keys.csv", "ann")
    with open_results(batch.folder) as results:
        found = findings_of(results, audit.audit_of(results))
    assert found.outcome == "unproved"
    assert found.more == (needed(CLAIM, 35) or 0) - 5
    assert "drawn anew, as an audit of its own: --sample" in found.about_more


def test_by_field_is_proved_by_its_own_bound(batch: Drawn) -> None:
    begin(batch.folder, Wish(Fraction(1, 3), by_field=True, seed=1), "ann")
    write_first(batch.folder)
    batch.key("keys.csv", "ann")
    found = report(batch)
    assert found["outcome"] == "proved"
    assert 0 < found["all"]["upper"] <= 1 / 3
    assert "Hoeffding" in found["bound"]
    assert [count["name"] for count in found["fields"]] == ["-total", "id", "mark"]


def test_audit_stays_with_the_readings_it_was_drawn_from(batch: Drawn, tmp_path: Path) -> None:
    drawn_all(batch)
    batch.key("keys.csv", "ann")
    refs = [PageRef(tmp_path / "scans" / f"p{n}.png", 1, f"p{n}.png") for n in range(12)]
    ref = replace(refs[3], sha256=hashlib.sha256(refs[3].path.read_bytes()).hexdigest())
    with opened(batch.folder, template=FORM, model="m2", reread=True) as writer:
        writer.pending([ref])
        writer.add(reading(ref, {"id": "000", "mark": "0", "-total": "00"}))
        new = draw_page(tmp_path / "scans" / "new.png", {"id": "1", "mark": "1", "-total": "1"}, 77)
        writer.pending([new])
        writer.add(reading(new, {"id": "1", "mark": "1", "-total": "1"}))
    found = report(batch)
    assert (found["outcome"], found["all"]["right"]) == ("proved", 35)
    notes = " ".join(found["notes"])
    assert "The pages of 3 of the audited fields were read again since" in notes
    assert "drawn from 12 pages; the batch has 13 now" in notes
    assert len(found["read_by"]) == 1


def test_each_audit_has_its_own_bound(batch: Drawn) -> None:
    drawn_all(batch)
    begin(batch.folder, Wish(CLAIM, size=10), "ann")
    assert write_first(batch.folder).file.parent.name == "audit-2"
    assert "1 audit was drawn of this batch before" in " ".join(report(batch)["notes"])


def test_joined_batches_keep_their_audits_and_keyed_files_find_them(tmp_path: Path) -> None:
    one = drawn_all(Drawn(tmp_path / "one", wrong={(2, "id"): "999"}))
    one.key("keys.csv", "ann")
    shutil.copytree(one.folder, tmp_path / "copy")
    write_second(one.folder)
    one.key("second-keys.csv", "bob")
    begin(tmp_path / "copy", Wish(CLAIM, size=4, seed=2), "eve")
    before = report(one)
    with joined([tmp_path / "copy", one.folder], tmp_path / "joined"):
        pass
    with open_results(tmp_path / "joined") as results:
        audits = results.audits()
        first, second = audits.all()
        assert [len(audits.fields(audit)) for audit in (first, second)] == [35, 4]
        places = [one.truth[audits.places(field.reading).sha256][field.field] for field in audits.fields(first)]
    assert places == list(one.written().values())
    with open_results(tmp_path / "joined") as results:
        found = findings_of(results, audit.audit_of(results, 1))
    assert (found.whole.wrong, found.whole.right) == (before["all"]["wrong"], before["all"]["right"]) == (1, 34)
    path = one.folder / "audit-1" / "keys.csv"
    assert take_over(tmp_path / "joined", path, "ann").taken.known == 35
    assert write_first(tmp_path / "joined", 1).fields == 35


@pytest.mark.parametrize(("as_text", "unsure"), [(True, 0), (False, 1)])
def test_keys_may_be_saved_as_a_workbook(whole: Drawn, tmp_path: Path, *, as_text: bool, unsure: int) -> None:
    folder = shutil.copytree(whole.folder, tmp_path / "filled")
    rows = table(folder / "audit-1" / "keys.csv")
    written = {str(number): value or "_" for number, value in whole.written().items()}
    book = openpyxl.Workbook()
    for row in rows:
        key = written.get(row[0], row[2])
        book.active.append([int(row[0]) if row[0].isdigit() else row[0], row[1], key, row[3]])
    if not as_text:  # the column is of numbers: their zeros are gone
        for (cell,) in book.active.iter_rows(min_row=2, min_col=3, max_col=3):
            cell.value = int(cell.value) if cell.value.isdigit() else cell.value
    book.save(folder / "audit-1" / "keys.xlsx")
    done = take_over(folder, folder / "audit-1" / "keys.xlsx", "ann")
    assert (len(done.taken.keys) + len(done.taken.unsure), done.corrected) == (35, 0)
    assert bool(done.taken.unsure) == bool(unsure)
    (folder / "audit-1" / "keys.xlsx").write_bytes(b"PK no workbook")
    with pytest.raises(KeysError, match=r"keys.xlsx: no workbook that can be read .* as CSV"):
        take_over(folder, folder / "audit-1" / "keys.xlsx", "ann")


def test_nothing_is_taken_over_while_a_run_writes(filled: tuple[Path, Path]) -> None:
    folder, path = filled
    with opened(folder, template=FORM), pytest.raises(BatchError, match="another run is writing to it"):
        take_over(folder, path, "ann")


def test_batches_of_earlier_versions_can_be_audited(batch: Drawn, tmp_path: Path) -> None:
    with closing(sqlite3.connect(batch.folder / "batch.sqlite")) as second:
        brought_back(second, 2)
    drawn_all(batch)
    assert batch.key("keys.csv", "ann").corrected == 0
    assert report(batch)["outcome"] == "proved"
    (tmp_path / "first").mkdir()
    with closing(sqlite3.connect(tmp_path / "first" / "batch.sqlite")) as first:
        first.executescript((Path(__file__).parent / "batch_of_version_1.sql").read_text("utf-8"))
    assert begin(tmp_path / "first", Wish(CLAIM), "ann").accepted == 3
    assert len(write_first(tmp_path / "first").missing) == 3


def test_command_says_what_is_to_be_keyed_and_what_is_proved(batch: Drawn) -> None:
    def call(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, ["audit", str(batch.folder), *words])
        return done.exit_code, done.stderr

    code, said = call("--prove", "10%", "--seed", "4", "--user", "ann")
    assert code == 0
    assert "35 fields of 12 pages were accepted" in said
    assert "takes 18 keyed with none wrong (29 in a batch of any size)" in said
    assert "Key 18 fields into" in said
    path = batch.folder / "audit-1" / "keys.csv"
    fill(path, {number: value or "_" for number, value in batch.written().items()})
    code, said = call("--keys", str(path), "--user", "ann")
    assert (code, "18 keys of ann taken over" in said, "Proved: " in said) == (0, True, True)
    assert call("--second")[1].startswith("No key differs")
    code, said = call("--report")
    assert (code, "report.html" in said) == (0, True)
    assert call()[0] == call("--report", "--second")[0] == call("--prove", "2")[0] == 2
    assert call("--keys", str(path.with_name("strips.html")))[0] == 2
    assert "with none wrong prove at most" in call("--sample", "5")[1]
