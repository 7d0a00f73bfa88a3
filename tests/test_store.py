"""A batch on disk: it goes on where it stopped, refuses what does not fit, and loses nothing."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from formreader.errors import BatchError
from formreader.store import Batch, Change, Known, StoredPage, natural, open_batch, open_results
from formreader.store.packing import packed_digits, packed_fields, unpacked_digits, unpacked_fields
from formreader.template import Field, Template
from formreader.values import (
    CLASSES,
    Box,
    BrokenRule,
    DigitReading,
    FieldReading,
    Match,
    PageFailure,
    PageReading,
    PageRef,
    PageSkipped,
)

SQUARE = np.array([[0, 0], [10, 0], [10, 10], [0, 10]], dtype=np.float64)
FORM = Template("visit", 100, 100, 300, (Field("id", ((0, 0, 10, 10),)),))


def opened(
    folder: Path, *, template: Template | None = FORM, forms: Sequence[Template] = (), model: str = "m1", **more: Any
) -> AbstractContextManager[Batch]:
    settings = {"threshold": more.pop("threshold", 0.9)}
    return open_batch(
        folder,
        templates=forms or ((template,) if template else ()),
        model_fingerprint=model,
        model_name="digits",
        settings=settings,
        **more,
    )


def scan(folder: Path, name: str, content: str = "") -> PageRef:
    """Make a file whose content is its own unless said otherwise."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content or name)
    return PageRef(path, 1, name, sha256=f"sha of {content or name}")


def answer(ref: PageRef, value: str = "7", *reasons: Any) -> PageReading:
    probabilities = np.zeros(len(CLASSES), dtype=np.float32)
    probabilities[CLASSES.index(value)] = 0.99
    digit = DigitReading(Box("id", 1, SQUARE), value, 0.99, probabilities, *reasons)
    field = FieldReading("id", value, 0.99, reasons)
    return PageReading(ref, "visit", Match(0.97, "markers"), (field,), (digit,), {"contrast": 0.5}, {("id", 1): b"png"})


def todo(batch: Batch, refs: Sequence[PageRef]) -> tuple[list[PageRef], list[PageRef]]:
    """Give what is to be read and what is a duplicate."""
    pending = batch.pending(refs)
    return pending.new, pending.duplicates


def stored(folder: Path) -> list[StoredPage]:
    with open_results(folder) as results:
        return list(results.pages(digits=True))


def values(folder: Path) -> dict[str, str]:
    return {page.scan: page.fields[0].value if page.fields else page.status for page in stored(folder)}


def test_what_is_stored_comes_back(tmp_path: Path) -> None:
    refs = [scan(tmp_path, name) for name in ("a.png", "b.png", "c.png")]
    with opened(tmp_path / "out") as batch:
        assert todo(batch, refs) == (refs, [])
        batch.add(answer(refs[0], "4", "low_confidence"))
        batch.add(PageFailure(refs[1], "align", "another form", b"jpeg"))
        batch.add(PageSkipped(refs[2], "blank"))
    read, failed, skipped = stored(tmp_path / "out")
    assert (read.scan, read.status, read.fields) == (
        "a.png",
        "read",
        (FieldReading("id", "4", 0.99, ("low_confidence",)),),
    )
    assert (read.digits[0].digit, read.digits[0].reason, read.to_review) == ("4", "low_confidence", ("id",))
    assert (failed.status, failed.stage, failed.reason) == ("failed", "align", "another form")
    assert (skipped.status, skipped.reason) == ("skipped", "blank")
    with open_results(tmp_path / "out") as results:
        assert results.picture(failed) == b"jpeg"
        assert results.columns() == ("id",)


def test_what_rules_say_comes_back(tmp_path: Path) -> None:
    ruled = (
        FieldReading("id", "45", 0.98, ("rule",), (BrokenRule("max", "at most 31"),), "15"),
        FieldReading("age", "7", 0.999, (), (BrokenRule("min", "at least 9", "warning"),), settled=True),
        FieldReading("plain", "1", 0.999),
    )
    for names in (("id", "age", "plain"), ("id",)):  # as the run has them, or not
        template = replace(FORM, fields=tuple(Field(name, ((0.0, 0.0, 9.0, 9.0),)) for name in names))
        ref = scan(tmp_path, "a")
        with opened(tmp_path / names[-1], template=template) as batch:
            batch.pending([ref])
            batch.add(replace(answer(ref), fields=ruled, digits=()))
        assert stored(tmp_path / names[-1])[0].fields == ruled
        found = rows(tmp_path / names[-1], "SELECT field, value, reasons FROM current_values ORDER BY place")
        assert [tuple(row) for row in found] == [("id", "45", '["rule"]'), ("age", "7", "[]"), ("plain", "1", "[]")]


def test_fields_without_rules_take_no_more_room() -> None:
    fields = (FieldReading("a", "12", 0.5), FieldReading("b", "3", 0.25, ("gap",)))
    assert packed_fields(fields, ["a", "b"]) == '[["12",0.5],["3",0.25,["gap"]]]'
    assert packed_fields(fields, ["a"]) == '[["12",0.5,[],"a"],["3",0.25,["gap"],"b"]]'


def test_fields_of_no_confidence_are_given_back() -> None:
    fields = (FieldReading("a", "", 0.0), FieldReading("b", "12", 1e-9))
    unpacked = unpacked_fields(packed_fields(fields, ["a", "b"]), ["a", "b"])
    assert [(field.name, field.value, field.confidence) for field in unpacked] == [("a", "", 0.0), ("b", "12", 0.0)]


def test_next_run_reads_what_is_new_and_what_failed(tmp_path: Path) -> None:
    read, failed, skipped, new = (scan(tmp_path, name) for name in ("a", "b", "c", "d"))
    with opened(tmp_path / "out") as batch:
        batch.pending([read, failed, skipped])
        batch.add(answer(read))
        batch.add(PageFailure(failed, "scans", "broken"))
        batch.add(PageSkipped(skipped, "blank"))
    with opened(tmp_path / "out") as batch:
        assert batch.known(read) == Known("read", "", now=False)
        assert todo(batch, [read, failed, skipped, new]) == ([failed, new], [])
        batch.add(answer(failed, "3"))
    assert values(tmp_path / "out") == {"a": "7", "b": "3", "c": "skipped"}


def test_page_left_out_is_read_by_a_call_that_wants_it(tmp_path: Path) -> None:
    ref = scan(tmp_path, "a")
    with opened(tmp_path / "out") as batch:
        batch.pending([ref])
        batch.leave_out([PageSkipped(ref, "not among --pages")])
    assert values(tmp_path / "out") == {"a": "left_out"}
    with opened(tmp_path / "out") as batch:
        assert todo(batch, [ref]) == ([ref], [])
        batch.add(answer(ref))
        batch.leave_out([PageSkipped(ref, "not among --pages")])
    assert values(tmp_path / "out") == {"a": "7"}


def test_same_content_under_two_names_is_read_once(tmp_path: Path) -> None:
    first, second = scan(tmp_path, "a", "same"), scan(tmp_path, "b", "same")
    with opened(tmp_path / "out") as batch:
        assert todo(batch, [first, second]) == ([first], [second])
        batch.add(answer(first))
    assert values(tmp_path / "out") == {"a": "7", "b": "duplicate"}


def test_duplicate_is_read_where_its_twin_never_was(tmp_path: Path) -> None:
    first, second = scan(tmp_path, "a", "same"), scan(tmp_path, "b", "same")
    with opened(tmp_path / "out") as batch:
        batch.pending([first, second])
    with opened(tmp_path / "out") as batch:
        assert todo(batch, [second]) == ([second], [second])


def test_copy_takes_the_place_of_a_first_that_was_scanned_again(tmp_path: Path) -> None:
    first, copy = scan(tmp_path, "a", "same"), scan(tmp_path, "b", "same")
    with opened(tmp_path / "out") as batch:
        batch.pending([first, copy])
        batch.add(answer(first, "4"))
        batch.pending([scan(tmp_path, "a", "other")])
    assert values(tmp_path / "out") == {"b": "4"}


def test_renamed_scan_is_the_same_page(tmp_path: Path) -> None:
    old = scan(tmp_path, "old", "same")
    with opened(tmp_path / "out") as batch:
        batch.pending([old])
        batch.add(answer(old))
    old.path.rename(tmp_path / "new")
    with opened(tmp_path / "out") as batch:
        assert todo(batch, [replace(old, path=tmp_path / "new", name="new")]) == ([], [])
    assert values(tmp_path / "out") == {"new": "7"}


def test_page_scanned_again_takes_the_place_of_the_old(tmp_path: Path) -> None:
    bad = scan(tmp_path, "a", "bad")
    with opened(tmp_path / "out") as batch:
        batch.pending([bad])
        batch.add(PageFailure(bad, "scans", "broken"))
    good = scan(tmp_path, "a", "good")
    with opened(tmp_path / "out") as batch:
        assert todo(batch, [good]) == ([good], [])
        batch.add(answer(good))
    assert values(tmp_path / "out") == {"a": "7"}
    with opened(tmp_path / "out") as batch:
        assert batch.pending([scan(tmp_path, "a", "bad")])[0] == [bad]
    assert values(tmp_path / "out") == {"a": "failed"}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"template": replace(FORM, dpi=200)}, "another template"),
        ({"model": "m2"}, "another model"),
        ({"threshold": 0.5}, r"was read with threshold 0\.9, now 0\.5"),
    ],
)
def test_change_is_refused_until_reread_and_keeps_the_old_readings(
    tmp_path: Path, change: dict[str, Any], named: str
) -> None:
    ref = scan(tmp_path, "a")
    with opened(tmp_path / "out") as batch:
        batch.pending([ref])
        batch.add(answer(ref, "1"))
    with pytest.raises(BatchError, match=f"{named}.*--reread"), opened(tmp_path / "out", **change):
        pass
    with opened(tmp_path / "out", **change, reread=True) as batch:
        assert todo(batch, [ref]) == ([ref], [])
        batch.add(answer(ref, "2"))
    assert values(tmp_path / "out") == {"a": "2"}
    assert rows(tmp_path / "out", "SELECT json_extract(fields, '$[0][0]') FROM readings ORDER BY id") == [
        ("1",),
        ("2",),
    ]


def rows(folder: Path, query: str) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(folder / "batch.sqlite")
    answer = connection.execute(query).fetchall()
    connection.close()
    return answer


def test_reread_that_was_broken_off_goes_on(tmp_path: Path) -> None:
    one, two = scan(tmp_path, "1"), scan(tmp_path, "2")
    with opened(tmp_path / "out") as batch:
        batch.pending([one, two])
        batch.add(answer(one))
        batch.add(answer(two))
    with suppress(KeyboardInterrupt), opened(tmp_path / "out", reread=True) as batch:
        assert batch.pending([one, two])[0] == [one, two]
        batch.add(answer(one))
        raise KeyboardInterrupt
    with opened(tmp_path / "out", reread=True) as batch:
        assert batch.pending([one, two])[0] == [two]
    with opened(tmp_path / "out", reread=True) as batch:
        assert batch.pending([one, two])[0] == [one, two]


def test_reading_stays_until_the_page_is_read_again(tmp_path: Path) -> None:
    refs = [scan(tmp_path, name) for name in "abcd"]
    with opened(tmp_path / "out") as batch:
        batch.pending(refs)
        for ref in refs[:3]:
            batch.add(answer(ref, "1"))
        batch.add(PageFailure(refs[3], "scans", "broken"))
    with opened(tmp_path / "out", threshold=0.5, reread=True) as batch:
        assert batch.pending(refs)[0] == refs
        batch.leave_out([PageSkipped(refs[0], "not among --pages")])
        batch.add(PageFailure(refs[1], "align", "another form"))
        batch.add(PageSkipped(refs[2], "blank"))
        batch.add(answer(refs[3], "2"))
    assert values(tmp_path / "out") == {"a": "1", "b": "1", "c": "1", "d": "2"}
    with open_results(tmp_path / "out") as results:
        assert [(page.scan, page.status, page.reason) for page in results.failures()] == [
            ("b", "failed", "another form")
        ]
        assert results.of_earlier_settings() == (2, 1)


def test_failing_twice_for_one_reason_in_two_rereads_is_known_for_both(tmp_path: Path) -> None:
    ref = scan(tmp_path, "a")
    with opened(tmp_path / "out") as batch:
        batch.pending([ref])
        batch.add(answer(ref))
    for _ in range(2):
        with opened(tmp_path / "out", reread=True) as batch:
            batch.add(PageFailure(ref, "align", "another form"))
        with open_results(tmp_path / "out") as results:
            assert results.of_earlier_settings() == (1, 0)


def decide(folder: Path, ref: PageRef, field: str, new: str) -> None:
    """Store a person's decision."""
    connection = sqlite3.connect(folder / "batch.sqlite")
    connection.execute(
        "INSERT INTO decisions (at, who, sha256, page, field, old, new, how)"
        " VALUES ('2026-01-01T00:00:00', 'ann', ?, ?, ?, '', ?, 'field')",
        (ref.sha256, ref.page, field, new),
    )
    connection.commit()
    connection.close()


def test_what_a_person_decided_stays_whatever_is_read(tmp_path: Path) -> None:
    ref = scan(tmp_path, "a")
    with opened(tmp_path / "out") as batch:
        batch.pending([ref])
        batch.add(answer(ref, "1", "low_confidence"))
    decide(tmp_path / "out", ref, "id", "4")
    other = Template("visit", 100, 100, 300, (Field("age", ((0, 0, 10, 10),)), Field("id", ((9, 0, 10, 10),))))
    for template, value in ((FORM, "2"), (other, "3")):
        with opened(tmp_path / "out", template=template, model=value, reread=True) as batch:
            batch.pending([ref])
            batch.add(answer(ref, value))
    with open_results(tmp_path / "out") as results:
        (page,) = results.pages()
        assert (page.fields[0].value, set(page.decided)) == ("4", {"id"})
        assert list(results.changes()) == [Change("a", 1, "id", "2", "3", "4")]
    assert rows(tmp_path / "out", "SELECT new FROM decisions") == [("4",)]


def test_scans_of_a_day_stand_together_though_only_some_share_their_name_with_another_days(tmp_path: Path) -> None:
    days = {"monday": 2, "tuesday": 3}
    for day, count in days.items():
        with opened(tmp_path / "out") as writer:
            for nth in range(1, count + 1):
                ref = replace(scan(tmp_path, f"{day}/{nth}.png"), name=f"{nth}.png")
                writer.pending([ref])
                writer.add(answer(ref))
            writer.pending([replace(scan(tmp_path, f"{day}/9{day[0]}.png"), name=f"9{day[0]}.png")])
    with open_results(tmp_path / "out") as results:
        shown = [(one.scan, Path(one.folder).name) for one in results.pages()]
        assert results.waiting() == [("9m.png", 1), ("tuesday/9t.png", 1)]
    assert shown == [
        *(("1.png", "monday"), ("2.png", "monday")),
        *((f"tuesday/{nth}.png", "tuesday") for nth in (1, 2, 3)),
    ]


def test_what_a_person_decided_stays_though_the_form_no_longer_asks(tmp_path: Path) -> None:
    ref = scan(tmp_path, "a")
    with opened(tmp_path / "out") as batch:
        batch.pending([ref])
        batch.add(answer(ref))
    decide(tmp_path / "out", ref, "id", "4")
    without = Template("visit", 100, 100, 300, (Field("age", ((0, 0, 10, 10),)),))
    reading = answer(ref)
    with opened(tmp_path / "out", template=without, reread=True) as batch:
        batch.pending([ref])
        batch.add(replace(reading, fields=(FieldReading("age", "7", 0.9),), digits=()))
    with open_results(tmp_path / "out") as results:
        (page,) = results.pages()
        assert {field.name: field.value for field in page.fields} == {"age": "7", "id": "4"}
        assert results.columns() == ("age", "id")


def test_what_changed_is_listed_beside_the_value_that_holds(tmp_path: Path) -> None:
    refs = [scan(tmp_path, name) for name in "abc"]
    for model, found in (("m1", "123"), ("m2", "153")):
        with opened(tmp_path / "out", model=model, reread=model == "m2") as batch:
            batch.pending(refs)
            for ref, value in zip(refs, found, strict=True):
                batch.add(answer(ref, value))
    with open_results(tmp_path / "out") as results:
        assert list(results.changes()) == [Change("b", 1, "id", "2", "5", None)]


def test_file_that_was_not_touched_is_not_hashed_again(tmp_path: Path) -> None:
    ref = replace(scan(tmp_path, "a"), stamp="1-2-3")
    with opened(tmp_path / "out") as batch:
        batch.pending([ref])
    with opened(tmp_path / "out") as batch:
        assert batch.known_content(ref.path, "1-2-3") == ref.sha256
        assert batch.known_content(ref.path, "1-2-4") == ""
        assert batch.known_content(tmp_path / "b", "1-2-3") == ""
        assert batch.known_content(ref.path, "") == ""
        batch.pending([replace(ref, stamp="1-2-4")])
        assert batch.known_content(ref.path, "1-2-4") == ref.sha256
    assert values(tmp_path / "out") == {}
    assert len(rows(tmp_path / "out", "SELECT * FROM current_pages")) == 1


def test_page_in_flight_is_not_given_out_twice(tmp_path: Path) -> None:
    first, second = scan(tmp_path, "a", "same"), scan(tmp_path, "b", "same")
    with opened(tmp_path / "out") as batch:
        assert todo(batch, [first]) == ([first], [])
        assert batch.in_flight == 1
        assert todo(batch, [second]) == ([], [second])
        batch.add(answer(first))
        assert batch.in_flight == 0
        assert todo(batch, [second]) == ([], [second])


def test_rehearsal_stores_nothing(tmp_path: Path) -> None:
    ref, new = scan(tmp_path, "a"), scan(tmp_path, "b")
    with opened(tmp_path / "out", rehearse=True) as batch:
        assert todo(batch, [ref]) == ([ref], [])
    assert not (tmp_path / "out").exists()
    with opened(tmp_path / "out") as batch:
        batch.pending([ref])
        batch.add(answer(ref))
    before = rows(tmp_path / "out", "SELECT * FROM pages UNION ALL SELECT id, form, 0, '', '', 0, 0, '' FROM runs")
    with opened(tmp_path / "out", rehearse=True) as batch:
        assert todo(batch, [ref, new]) == ([new], [])
    after = rows(tmp_path / "out", "SELECT * FROM pages UNION ALL SELECT id, form, 0, '', '', 0, 0, '' FROM runs")
    assert after == before


def test_batch_of_the_first_version_is_read_and_goes_on(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    connection = sqlite3.connect(tmp_path / "out" / "batch.sqlite")
    connection.executescript((Path(__file__).parent / "batch_of_version_1.sql").read_text("utf-8"))
    connection.close()
    first, second, failed = stored(tmp_path / "out")
    assert [(field.name, field.value, field.confidence) for field in first.fields] == [
        ("id", "42", 0.99),
        ("age", "", 1),
    ]
    assert [digit.digit for digit in first.digits] == ["4", "2", None]
    assert first.digits[2].reason == "blank"
    assert first.digits[1].probabilities[CLASSES.index("2")] == pytest.approx(0.996, abs=1e-4)
    np.testing.assert_allclose(first.digits[0].box.corners, SQUARE + 12 + [[0, 0], [0, 0], [0, 0], [0, 0.5]], atol=0.05)
    assert (second.fields[0].value, second.fields[0].reasons) == ("77", ("low_confidence",))
    assert set(second.decided) == {"id"}
    assert (failed.status, failed.reason) == ("failed", "c.png: shows another form")
    counts = "SELECT boxes, flagged_boxes, flagged_fields FROM readings ORDER BY id"
    assert rows(tmp_path / "out", counts) == [(2, 0, 0), (3, 1, 1), (0, 0, 0)]
    view = "SELECT scan, field, value, source FROM current_values ORDER BY scan, place"
    assert rows(tmp_path / "out", view)[2:] == [("b.png", "id", "77", "decision"), ("b.png", "age", "9", "reading")]
    with open_results(tmp_path / "out") as results:
        assert results.picture(failed) == b"jpeg"
    form = replace(FORM, fields=(replace(FORM.fields[0]), Field("age", ((0, 20, 10, 10),))))
    with opened(tmp_path / "out", template=form, reread=True) as batch:
        batch.add(answer(PageRef(Path("/scans/a.png"), 1, "a.png", "sha of a.png"), "5"))
    assert values(tmp_path / "out")["a.png"] == "5"


@pytest.mark.parametrize(
    ("mounts", "mode"),
    [
        ([("/", "ext4", "rw")], "wal"),
        ([("/", "ext4", "rw"), ("{}", "nfs4", "rw")], "delete"),
        ([("/", "cifs", "rw"), ("{}", "ext4", "rw")], "wal"),
        ([("{}", "NTFS", "rw,remote")], "delete"),
    ],
)
def test_another_machine_s_disk_gets_a_journal_that_is_safe_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mounts: list[tuple[str, str, str]], mode: str
) -> None:
    class Mount(NamedTuple):
        mountpoint: str
        fstype: str
        opts: str

    found = [Mount(place.format(tmp_path), *kind) for place, *kind in mounts]
    monkeypatch.setattr("psutil.disk_partitions", lambda **_: found)
    with opened(tmp_path / "out") as batch:
        batch.add(answer(scan(tmp_path, "a")))
        assert rows(tmp_path / "out", "PRAGMA journal_mode") == [(mode,)]


def test_places_of_one_name_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    def read(folder: str, content: str, value: str) -> None:
        ref = replace(scan(tmp_path / folder, "a", content), name="a")
        second = replace(ref, page=2)
        with opened(tmp_path / "out") as batch:
            new, _ = todo(batch, [ref, second])
            for page in new:
                batch.add(answer(page, value))

    def shown() -> dict[tuple[str, int], str]:
        return {
            (page.scan, page.page): page.fields[0].value if page.fields else page.status
            for page in stored(tmp_path / "out")
        }

    def both(**names: str) -> dict[tuple[str, int], str]:
        return {(name.replace("_", "/"), page): value for name, value in names.items() for page in (1, 2)}

    read("x/in", "one", "1")
    read("y/in", "two", "2")
    assert shown() == both(a="1", in_a="2")
    read("z/in", "three", "3")
    assert shown() == both(a="1", in_a="2", z_in_a="3")
    read("x/in", "one again", "4")
    assert shown() == both(a="4", in_a="2", z_in_a="3")
    read("u", "two", "-")
    assert shown() == both(a="4", in_a="2", z_in_a="3", u_a="duplicate")
    (tmp_path / "z/in/a").rename(tmp_path / "moved")
    with opened(tmp_path / "out") as batch:
        ref = PageRef(tmp_path / "moved", 1, "moved", sha256="sha of three")
        assert todo(batch, [ref, replace(ref, page=2)]) == ([], [])
    assert shown() == both(a="4", in_a="2", moved="3", u_a="duplicate")


@pytest.mark.parametrize("other", [replace(FORM, name="exam"), None])
@pytest.mark.parametrize("reread", [False, True])
def test_another_form_is_always_refused(tmp_path: Path, other: Template | None, reread: bool) -> None:
    with opened(tmp_path / "out"):
        pass
    with pytest.raises(BatchError, match="holds pages of the form 'visit'"):  # noqa: SIM117 - what is refused
        with opened(tmp_path / "out", template=other, reread=reread):
            pass


def test_fresh_moves_the_old_batch_aside_and_never_deletes(tmp_path: Path) -> None:
    ref = scan(tmp_path, "a")
    for value in "123":
        with opened(tmp_path / "out", fresh=True) as batch:
            batch.pending([ref])
            batch.add(answer(ref, value))
    found = {name: values(tmp_path / name)["a"] for name in ("out.old-1", "out.old-2", "out")}
    assert found == {"out.old-1": "1", "out.old-2": "2", "out": "3"}


@pytest.mark.parametrize("fresh", [False, True])
def test_folder_of_other_files_is_refused_and_left_alone(tmp_path: Path, fresh: bool) -> None:
    (tmp_path / "thesis.doc").write_text("mine")
    tmp_path.chmod(0o755)
    with pytest.raises(BatchError, match="holds other files"), opened(tmp_path, fresh=fresh):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.doc"]
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755


def test_file_in_the_way_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(BatchError, match="is a file"), opened(tmp_path / "out"):
        pass
    with pytest.raises(BatchError, match="cannot be written to"), opened(tmp_path / "out" / "below"):
        pass


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="nothing is read-only to this user")
def test_read_only_folder_is_refused_with_the_remedy(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(BatchError, match="change its permissions"), opened(tmp_path / "out"):
        pass
    tmp_path.chmod(0o700)


@pytest.mark.parametrize("content", [b"no database at all, but some text" * 40, b"SQLite format 3\0" + b"\7" * 4000])
def test_damaged_batch_is_refused_and_can_be_set_aside(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "batch.sqlite").write_bytes(content)
    with pytest.raises(BatchError, match=r"batch\.sqlite"), opened(tmp_path / "out"):
        pass
    with pytest.raises(BatchError, match=r"batch\.sqlite"), open_results(tmp_path / "out"):
        pass
    with opened(tmp_path / "out", fresh=True):
        pass
    assert (tmp_path / "out.old-1" / "batch.sqlite").read_bytes() == content


@pytest.mark.parametrize(
    ("statement", "named"),
    [("CREATE TABLE songs (name)", "not written by formreader"), ("PRAGMA user_version = 99", "newer formreader")],
)
def test_other_programs_and_newer_batches_are_refused(tmp_path: Path, statement: str, named: str) -> None:
    (tmp_path / "out").mkdir()
    connection = sqlite3.connect(tmp_path / "out" / "batch.sqlite")
    connection.execute(statement)
    connection.commit()
    connection.close()
    with pytest.raises(BatchError, match=named), opened(tmp_path / "out"):
        pass


def test_folder_without_results_says_so(tmp_path: Path) -> None:
    with pytest.raises(BatchError, match="no results here"), open_results(tmp_path):
        pass


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")
def test_people_s_data_are_readable_by_their_owner_alone(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir(mode=0o755)
    with opened(tmp_path / "out") as batch:
        batch.pending([scan(tmp_path, "a")])
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "out").iterdir()}
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == 0o700
    assert "batch.sqlite" in modes
    assert set(modes.values()) == {0o600}


def test_second_writer_is_refused_while_the_first_runs_and_readers_are_not(tmp_path: Path) -> None:
    ref = scan(tmp_path, "a")
    with opened(tmp_path / "out") as batch:
        batch.pending([ref])
        batch.add(answer(ref))
        for fresh in (False, True):
            with pytest.raises(BatchError, match="another run"), opened(tmp_path / "out", fresh=fresh):
                pass
        assert values(tmp_path / "out") == {"a": "7"}
    with opened(tmp_path / "out"):
        pass


KILLED = """
import os, signal, sys
from pathlib import Path
from tests.test_store import answer, opened, scan
with opened(Path(sys.argv[1]) / "out") as batch:
    refs = [scan(Path(sys.argv[1]), name) for name in ("a", "b")]
    batch.pending(refs)
    batch.add(answer(refs[0]))
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_killed_run_keeps_its_pages_and_goes_on(tmp_path: Path) -> None:
    root = Path(__file__).parent.parent
    ended = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], cwd=root, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert values(tmp_path / "out") == {"a": "7"}
    with opened(tmp_path / "out") as batch:
        new, _ = todo(batch, [scan(tmp_path, "a"), scan(tmp_path, "b")])
        assert [ref.name for ref in new] == ["b"]


def test_failing_again_in_the_same_way_is_not_stored_again(tmp_path: Path) -> None:
    ref = scan(tmp_path, "a")
    for reason in ("broken", "broken", "locked"):
        with opened(tmp_path / "out") as batch:
            batch.pending([ref])
            batch.add(PageFailure(ref, "scans", reason))
    assert rows(tmp_path / "out", "SELECT reason FROM readings ORDER BY id") == [("broken",), ("locked",)]


def test_view_gives_the_person_s_value_and_says_whose_it_is(tmp_path: Path) -> None:
    one, two = scan(tmp_path, "a"), scan(tmp_path, "b")
    with opened(tmp_path / "out") as batch:
        batch.pending([one, two])
        batch.add(answer(one, "4", "low_confidence"))
        batch.add(answer(two, "5"))
    connection = sqlite3.connect(tmp_path / "out" / "batch.sqlite")
    decide = (
        "INSERT INTO decisions (at, who, sha256, page, field, old, new, how) VALUES ('', 'ann', ?, 1, 'id', '4', ?, '')"
    )
    connection.execute(decide, (one.sha256, "8"))
    connection.execute(decide, (one.sha256, "9"))
    connection.commit()
    connection.close()
    found = rows(tmp_path / "out", "SELECT scan, field, value, source FROM current_values ORDER BY scan")
    assert found == [("a", "id", "9", "decision"), ("b", "id", "5", "reading")]
    decided, _ = stored(tmp_path / "out")
    assert (decided.fields[0].value, decided.to_review) == ("9", ())


def test_pages_come_in_the_order_people_count(tmp_path: Path) -> None:
    names = ["b/1", "scan10", "scan9", "scan9#2", "Scan2", "a/2", "scan09"]
    refs = [scan(tmp_path / "in", name) for name in names]
    with opened(tmp_path / "out") as batch:
        batch.pending(refs)
        for ref in refs:
            batch.add(answer(ref))
    assert [page.scan for page in stored(tmp_path / "out")] == [
        "Scan2",
        "a/2",
        "b/1",
        "scan09",
        "scan9",
        "scan9#2",
        "scan10",
    ]


@given(st.lists(st.text("ab019é漢/ -", max_size=8), unique=True))
def test_natural_order_never_ties_and_never_fails(names: list[str]) -> None:
    assert len({natural(name) for name in names}) == len(names)
    assert sorted(map(natural, names)) == sorted(natural(name) for name in names[::-1])


@given(
    st.sampled_from([None, *"0123456789"]),
    st.floats(0, 1),
    st.lists(st.floats(0, 1, width=32), min_size=len(CLASSES), max_size=len(CLASSES)),
    st.lists(st.floats(-1e4, 1e4), min_size=8, max_size=8),
    st.sampled_from(["", "blank", "struck", "low_confidence"]),
)
def test_box_comes_back_as_it_was_stored(
    digit: str | None, confidence: float, shares: list[float], corners: list[float], reason: Any
) -> None:
    box = Box("fält-1", 3, np.array(corners).reshape(4, 2), (1, 5))
    before = DigitReading(box, digit, confidence, np.array(shares, dtype=np.float32), reason)
    (after,) = unpacked_digits(packed_digits([before]))
    assert (after.digit, after.reason) == (digit, reason)
    assert (after.box.field, after.box.position, after.box.length) == ("fält-1", 3, (1, 5))
    assert after.confidence == pytest.approx(confidence, abs=1e-6)
    np.testing.assert_allclose(after.probabilities, before.probabilities, atol=1.01e-4)
    np.testing.assert_allclose(after.box.corners, box.corners, atol=0.0501)


def test_file_names_that_are_no_unicode_are_stored(tmp_path: Path) -> None:
    ref = PageRef(tmp_path / "caf\udce9.png", 1, "caf\udce9.png", "sha")
    with opened(tmp_path / "out") as batch:
        batch.pending([ref])
        batch.add(PageFailure(ref, "scans", f"{ref}: broken"))
    assert list(values(tmp_path / "out")) == ["caf\\xe9.png"]


# --- several forms


def test_the_same_forms_in_any_order_go_on_and_others_are_refused(tmp_path: Path) -> None:
    exam = replace(FORM, name="exam")
    one, two = scan(tmp_path, "1"), scan(tmp_path, "2")
    with opened(tmp_path / "out", forms=(FORM, exam)) as batch:
        batch.pending([one, two])
        batch.add(replace(answer(one), form="exam"))
    with opened(tmp_path / "out", forms=(exam, FORM)) as batch:
        assert batch.pending([one, two])[0] == [two]
        batch.add(answer(two))
    with open_results(tmp_path / "out") as results:
        assert results.forms() == ("exam", "visit")
        assert [(page.scan, page.form) for page in results.pages()] == [("1", "exam"), ("2", "visit")]
        assert [page.scan for page in results.pages("visit")] == ["2"]
    with pytest.raises(BatchError, match="holds pages of the forms 'exam' and 'visit', not of the form 'visit'"):  # noqa: SIM117 - what is refused
        with opened(tmp_path / "out"):
            pass
    changed = (FORM, replace(exam, dpi=200))
    with pytest.raises(BatchError, match=r"another template.*--reread"), opened(tmp_path / "out", forms=changed):
        pass
    with opened(tmp_path / "out", forms=changed, reread=True) as batch:
        assert batch.pending([one, two])[0] == [one, two]


def test_each_form_has_the_columns_of_its_own_template_and_readings(tmp_path: Path) -> None:
    exam = Template("exam", 100, 100, 300, (Field("mark", FORM.fields[0].boxes),))
    ref = scan(tmp_path, "1")
    with opened(tmp_path / "out", forms=(FORM, exam)) as batch:
        batch.pending([ref])
        batch.add(replace(answer(ref), fields=(FieldReading("older", "1", 1.0),)))
    with open_results(tmp_path / "out") as results:
        assert results.columns("visit") == ("id", "older")
        assert results.columns("exam") == ("mark",)
        assert results.columns() == ("id", "mark", "older")


@pytest.mark.parametrize("keep_duplicates", [False, True])
def test_a_copy_under_the_name_that_a_scan_had_before_has_its_row(tmp_path: Path, keep_duplicates: bool) -> None:
    old = scan(tmp_path, "a", "content")
    new = replace(old, path=tmp_path / "b", name="b")
    with opened(tmp_path / "out", keep_duplicates=keep_duplicates) as batch:
        batch.pending([old])
        batch.add(answer(old))
    old.path.rename(new.path)
    with opened(tmp_path / "out", keep_duplicates=keep_duplicates) as batch:
        assert todo(batch, [new]) == ([], [])
    old.path.write_text("content")
    back = replace(old, stamp="copied back")
    with opened(tmp_path / "out", keep_duplicates=keep_duplicates) as batch:
        assert todo(batch, [back, new]) == ([], [back])
    assert values(tmp_path / "out") == {"a": "7" if keep_duplicates else "duplicate", "b": "7"}
    with opened(tmp_path / "out", keep_duplicates=keep_duplicates) as batch:
        assert todo(batch, [back, new]) == ([], [back])


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="names are text there")
def test_scans_whose_names_are_no_text_are_told_apart(tmp_path: Path) -> None:
    refs = [scan(tmp_path, os.fsdecode(name), "scan") for name in (b"M\xf6ller.png", b"M\xfcller.png")]
    refs = [replace(ref, sha256=f"sha{number}") for number, ref in enumerate(refs)]
    twin = replace(scan(tmp_path, "twin.png"), sha256="sha1")
    for _ in range(2):
        with opened(tmp_path / "out") as batch:
            new, twins = todo(batch, [*refs, twin])
            assert twins == [twin]
            for ref in new:
                batch.add(answer(ref))
    with opened(tmp_path / "out") as batch:
        assert todo(batch, [*refs, twin]) == ([], [twin])
    assert len(stored(tmp_path / "out")) == 3


def test_a_place_that_nobody_may_look_at_is_taken_for_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = (scan(tmp_path, name, "content") for name in ("a", "b"))
    with opened(tmp_path / "out") as batch:
        batch.pending([first])
        batch.add(answer(first))

    looked = Path.exists

    def refused(path: Path) -> bool:
        if path == first.path:
            raise PermissionError(13, "Permission denied")
        return looked(path)

    monkeypatch.setattr(Path, "exists", refused)
    with opened(tmp_path / "out") as batch:
        assert todo(batch, [second]) == ([], [second])


def _bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix != ".sqlite-shm"}


@pytest.mark.parametrize("killed", [False, True])
def test_a_rehearsal_leaves_every_byte_as_it_was(tmp_path: Path, killed: bool) -> None:
    folder = tmp_path / "out"
    refs = [scan(tmp_path, name) for name in ("a", "b")]
    with opened(folder) as batch:
        batch.pending(refs[:1])
        batch.add(answer(refs[0]))
        left = _bytes_of(folder)
    if killed:  # as it was before the end of the run
        for name, content in left.items():
            if not name.startswith("batch.lock"):
                (folder / name).write_bytes(content)
    before = _bytes_of(folder)
    assert ("batch.sqlite-wal" in before) == killed
    with opened(folder, rehearse=True) as batch:
        assert todo(batch, refs) == (refs[1:], [])
        for number in range(2000):  # more than the cache holds
            batch.pending([replace(refs[1], path=tmp_path / f"{number:0800}", sha256=f"{number:0800}")])
    assert _bytes_of(folder) == before
    assert values(folder) == {"a": "7"}


def test_a_rehearsal_leaves_a_batch_of_an_earlier_version_as_it_was(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    with closing(sqlite3.connect(folder / "batch.sqlite")) as connection:
        connection.executescript((Path(__file__).parent / "batch_of_version_1.sql").read_text("utf-8"))
    before = (folder / "batch.sqlite").read_bytes()
    with suppress(BatchError), opened(folder, rehearse=True):
        pass
    assert (folder / "batch.sqlite").read_bytes() == before


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_is_only_to_be_read_shows_its_results(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    with opened(folder) as batch:
        batch.pending([ref := scan(tmp_path, "a")])
        batch.add(answer(ref))
    folder.chmod(0o500)
    try:
        assert values(folder) == {"a": "7"}
    finally:
        folder.chmod(0o700)


def test_a_batch_of_an_earlier_version_that_is_only_to_be_read_shows_its_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    with closing(sqlite3.connect(folder / "batch.sqlite")) as connection:
        connection.executescript((Path(__file__).parent / "batch_of_version_1.sql").read_text("utf-8"))
    before = _bytes_of(folder)
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert [page.fields[0].value for page in stored(folder)[:2]] == ["42", "77"]
    assert _bytes_of(folder) == before


def test_results_of_another_that_may_not_be_looked_into_say_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_: Path) -> bool:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "is_file", refused)
    with pytest.raises(BatchError, match="cannot be looked into"):
        stored(tmp_path / "out")
