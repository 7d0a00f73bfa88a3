"""Joined batches: everything that any of them holds is there, once, and what was read or decided last counts."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from formreader.errors import BatchError
from formreader.store import Joined, joined, open_results
from formreader.store.merging import OWN_WAY
from formreader.values import Code, PageFailure, PageRef, PageSkipped
from tests.test_store import FORM, answer, opened, rows, scan, stored, values


def read_into(folder: Path, refs: Sequence[PageRef], value: str = "7", **more: Any) -> Path:
    with opened(folder, **more) as batch:
        for ref in batch.pending(refs)[0]:
            batch.add(answer(ref, value))
    return folder


def merge(*sources: Path, to: Path | None = None) -> Joined:
    with joined(sources, to or sources[0].with_name("C")) as made:
        return made


def change(folder: Path, statement: str, *values: object) -> None:
    connection = sqlite3.connect(folder / "batch.sqlite")
    connection.execute(statement, values)
    connection.commit()
    connection.close()


def decide(folder: Path, ref: PageRef, value: str, who: str = "ann", at: str = "2026-01-01T10:00:00+00:00") -> None:
    change(
        folder,
        "INSERT INTO decisions (at, who, sha256, page, field, old, new, how) VALUES (?, ?, ?, 1, 'id', '7', ?, 'key')",
        *(at, who, ref.sha256, value),
    )


def test_pages_of_both_are_there_and_a_run_goes_on_with_all(tmp_path: Path) -> None:
    one, two, new = (scan(tmp_path, name) for name in "123")
    a, b = read_into(tmp_path / "A", [one]), read_into(tmp_path / "B", [two], "8")
    assert merge(a, b).notes == ()
    assert values(tmp_path / "C") == {"1": "7", "2": "8"}
    assert rows(tmp_path / "C", "SELECT id, series, finished IS NOT NULL FROM runs") == [(1, 1, 1), (2, 1, 1)]
    with opened(tmp_path / "C") as batch:
        assert batch.pending([one, two, new])[:2] == ([new], [])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1", "2", "3", "A", "B", "C"]
    assert sorted(path.name for path in (tmp_path / "C").iterdir()) == ["batch.lock", "batch.sqlite"]


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.endswith("-shm")}


KILLED = """
import os, signal, sys
from pathlib import Path
from tests.test_store import answer, opened, scan
with opened(Path(sys.argv[1]) / "B") as batch:
    ref = scan(Path(sys.argv[1]), "2")
    batch.pending([ref])
    batch.add(answer(ref))
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.slow
def test_batches_that_are_joined_stay_as_they_are(tmp_path: Path) -> None:
    a = read_into(tmp_path / "A 50%?#", [scan(tmp_path, "1")])
    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], cwd=Path(__file__).parent.parent, check=False)
    before = files(a), files(tmp_path / "B")
    assert "batch.sqlite-wal" in before[1]
    merge(a, tmp_path / "B")
    assert values(tmp_path / "C") == {"1": "7", "2": "7"}
    assert (files(a), files(tmp_path / "B")) == before


def test_same_content_is_counted_once(tmp_path: Path) -> None:
    first, twin, shared = scan(tmp_path, "a", "same"), scan(tmp_path, "b", "same"), scan(tmp_path, "c")
    a = read_into(tmp_path / "A", [first, shared])
    b = read_into(tmp_path / "B", [twin, shared], "8")
    merge(a, b)
    assert values(tmp_path / "C") == {"a": "8", "b": "duplicate", "c": "8"}
    assert rows(tmp_path / "C", "SELECT count(*) FROM readings") == [(4,)]
    with opened(tmp_path / "C") as batch:
        assert batch.pending([first, twin, shared])[:2] == ([], [twin])


def test_duplicates_and_moves_of_each_batch_stay_what_they_are(tmp_path: Path) -> None:
    old, twin, single = scan(tmp_path, "old", "same"), scan(tmp_path, "twin", "same"), scan(tmp_path, "single")
    a = read_into(tmp_path / "A", [old, twin])
    new = replace(old, path=tmp_path / "new", name="new")
    old.path.rename(new.path)
    read_into(a, [new])
    before = values(a)
    merge(a, read_into(tmp_path / "B", [single]))
    assert values(tmp_path / "C") == {**before, "single": "7"}


def test_place_with_another_content_in_each_loses_neither(tmp_path: Path) -> None:
    here = scan(tmp_path / "in", "0001.png", "here")
    a = read_into(tmp_path / "A", [here], "1")
    there = scan(tmp_path / "in", "0001.png", "there")
    b = read_into(tmp_path / "B", [there], "2")
    change(a, "UPDATE runs SET started = '2026-01-01T10:00:00+00:00'")
    (note,) = merge(a, b).notes
    assert note.startswith("1 of the places hold other scans in another batch: all are kept")
    assert values(tmp_path / "C") == {"0001.png": "1", "in/0001.png": "2"}
    merge(b, a, to=tmp_path / "D")
    assert values(tmp_path / "D") == values(tmp_path / "C")
    merge(tmp_path / "C", read_into(tmp_path / "E", [scan(tmp_path, "more")]), to=tmp_path / "F")
    assert values(tmp_path / "F") == {**values(tmp_path / "C"), "more": "7"}


def test_file_that_could_be_read_at_last_takes_the_place_of_its_failure(tmp_path: Path) -> None:
    ref = scan(tmp_path, "a")
    with opened(tmp_path / "A") as batch:
        unreadable = replace(ref, sha256="unreadable-1")
        batch.pending([unreadable])
        batch.add(PageFailure(unreadable, "scans", "cannot be opened"))
    change(tmp_path / "A", "UPDATE runs SET started = '2026-01-01T10:00:00+00:00'")
    merge(tmp_path / "A", read_into(tmp_path / "B", [ref]))
    assert values(tmp_path / "C") == {"a": "7"}


def test_decisions_of_both_stay_and_the_later_counts(tmp_path: Path) -> None:
    refs = [scan(tmp_path, name) for name in ("disputed", "agreed", "only here")]
    a, b = (read_into(tmp_path / name, refs[:2]) for name in "AB")
    read_into(a, refs)
    for folder, who in ((a, "ann"), (b, "bob")):
        decide(folder, refs[1], "3", who)
    decide(a, refs[2], "4")
    decide(a, refs[0], "8", "ann", "2026-01-02T11:00:00+00:00")
    decide(b, refs[0], "9", "bob", "2026-01-02T10:00:00+00:00")
    (conflict,) = merge(a, b).conflicts
    assert (conflict.scan, conflict.page, conflict.field, conflict.kept, conflict.other) == (
        "disputed",
        1,
        "id",
        "8",
        "9",
    )
    assert (conflict.kept_by, conflict.other_by) == (
        "ann, 2026-01-02T11:00:00+00:00",
        "bob, 2026-01-02T10:00:00+00:00",
    )
    assert values(tmp_path / "C") == {"disputed": "8", "agreed": "3", "only here": "4"}
    assert rows(tmp_path / "C", "SELECT who, new FROM decisions ORDER BY id") == [
        *(("ann", "3"), ("ann", "4"), ("bob", "3"), ("bob", "9"), ("ann", "8")),
    ]


def test_copy_that_was_gone_on_with_adds_only_what_is_new(tmp_path: Path) -> None:
    one, two, three = (scan(tmp_path, name) for name in "123")
    a = read_into(tmp_path / "A", [one])
    decide(a, one, "8")
    shutil.copytree(a, tmp_path / "B")
    read_into(a, [one, two])
    b = read_into(tmp_path / "B", [one, three])
    decide(b, one, "9", "bob", "2026-01-02T10:00:00+00:00")
    assert merge(a, b).conflicts == ()
    assert values(tmp_path / "C") == {"1": "9", "2": "7", "3": "7"}
    counts = {table: rows(tmp_path / "C", f"SELECT count(*) FROM {table}")[0][0] for table in TABLES}
    assert counts == {"runs": 3, "pages": 3, "readings": 3, "pictures": 3, "decisions": 2, "codes": 0}
    assert rows(tmp_path / "C", "SELECT DISTINCT series FROM runs") == [(1,)]


TABLES = ("runs", "pages", "readings", "pictures", "decisions", "codes")


def test_batch_of_other_settings_stays_beside(tmp_path: Path) -> None:
    both, only = scan(tmp_path, "both"), scan(tmp_path, "only old")
    old = read_into(tmp_path / "old", [both, only], "1")
    change(old, "UPDATE runs SET started = '2026-01-01T10:00:00+00:00'")
    new = read_into(tmp_path / "new", [both], "2", model="m2", threshold=0.5)
    for order, target in (((old, new), "C"), ((new, old), "D")):
        (note,) = merge(*order, to=tmp_path / target).notes
        assert "were last read with different model and settings" in note
        assert values(tmp_path / target) == {"both": "2", "only old": "1"}
        assert rows(tmp_path / target, "SELECT series, model_fingerprint FROM runs ORDER BY id") == [
            (1, "m1"),
            (2, "m2"),
        ]
        with open_results(tmp_path / target) as results:
            assert results.of_earlier_settings() == (0, 1)
        with opened(tmp_path / target, model="m2", threshold=0.5) as batch:
            assert batch.pending([both, only])[:2] == ([only], [])


def test_rereads_keep_their_order(tmp_path: Path) -> None:
    ref, other = scan(tmp_path, "a"), scan(tmp_path, "b")
    a = read_into(tmp_path / "A", [ref], "1")
    shutil.copytree(a, tmp_path / "B")
    read_into(a, [ref], "2", reread=True)
    b = read_into(tmp_path / "B", [ref, other], "3")
    merge(a, b)
    assert values(tmp_path / "C") == {"a": "2", "b": "3"}
    assert [series for (series,) in rows(tmp_path / "C", "SELECT series FROM runs ORDER BY id")] == [1, 1, 2]


def test_failures_skips_pictures_and_codes_come_along(tmp_path: Path) -> None:
    failed, blank, coded = (scan(tmp_path, name) for name in ("failed", "blank", "coded"))
    with opened(tmp_path / "A") as batch:
        batch.pending([failed, blank])
        batch.add(PageFailure(failed, "align", "another form", b"jpeg"))
        batch.add(PageSkipped(blank, "blank"))
    with opened(tmp_path / "B") as batch:
        batch.pending([coded])
        batch.add(replace(answer(coded), codes=(Code("qr", "x"), Code("qr", "y"))))
    merge(tmp_path / "A", tmp_path / "B")
    assert values(tmp_path / "C") == {"failed": "failed", "blank": "skipped", "coded": "7"}
    (_, code_page, failed_page) = stored(tmp_path / "C")
    assert [code.text for code in code_page.codes] == ["x", "y"]
    with open_results(tmp_path / "C") as results:
        assert results.picture(failed_page) == b"jpeg"
    pictures = "SELECT sha256, picture FROM pictures JOIN readings ON readings.id = reading WHERE field IS NOT NULL"
    assert rows(tmp_path / "C", pictures) == [("sha of coded", b"png")]


def test_older_batch_is_brought_to_the_schema_of_today_in_the_new_one_only(tmp_path: Path) -> None:
    old, new = tmp_path / "old", read_into(tmp_path / "new", [scan(tmp_path, "new page")])
    old.mkdir()
    connection = sqlite3.connect(old / "batch.sqlite")
    connection.executescript((Path(__file__).parent / "batch_of_version_1.sql").read_text("utf-8"))
    connection.close()
    change(new, "UPDATE runs SET form = ?", *rows(old, "SELECT form FROM runs")[0])
    before = files(old)
    merge(old, new)
    assert files(old) == before
    shutil.copytree(old, tmp_path / "migrated")
    assert values(tmp_path / "C") == {**values(tmp_path / "migrated"), "new page": "7"}
    assert sorted(path.name for path in (tmp_path / "C").iterdir()) == ["batch.lock", "batch.sqlite"]


def test_every_table_is_joined(tmp_path: Path) -> None:
    read_into(tmp_path / "A", [])
    tables = {name for (name,) in rows(tmp_path / "A", "SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert tables >= OWN_WAY
    for table in tables - OWN_WAY:
        targets = {row[2]: row[3] for row in rows(tmp_path / "A", f"PRAGMA foreign_key_list({table})")}
        assert targets == {"readings": "reading"}, f"joining batches does not know where rows of {table} belong"


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("A",), "1 batches were named; from two to 10"),
        (("A", "A"), "is named twice"),
        (("A", "nothing"), "no results here"),
        (("A", "exam"), "holds pages of 'exam', .*A of 'visit'; only one form's are joined"),
        (("A", "newer"), "newer formreader"),
        (("A", "empty"), "nothing was read into it yet"),
    ],
)
def test_what_cannot_be_joined_is_refused(tmp_path: Path, names: Sequence[str], said: str) -> None:
    for name in ("A", "newer"):
        read_into(tmp_path / name, [])
    read_into(tmp_path / "exam", [], template=replace(FORM, name="exam"))
    change(tmp_path / "newer", "PRAGMA user_version = 99")
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "batch.sqlite").touch()
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(BatchError, match=said):
        merge(*(tmp_path / name for name in names), to=tmp_path / "C")
    assert sorted(tmp_path.rglob("*")) == before


def test_running_batch_and_places_in_use_are_refused(tmp_path: Path) -> None:
    a, b = (read_into(tmp_path / name, []) for name in "AB")
    with opened(b), pytest.raises(BatchError, match="B: a run is writing to it"):
        merge(a, b)
    with pytest.raises(BatchError, match=r"lies in .*A, which is not written to"):
        merge(a, b, to=a / "C")
    with pytest.raises(BatchError, match="exists already"):
        merge(a, b, to=read_into(tmp_path / "D", []))
    (tmp_path / "empty").mkdir()
    merge(a, b, to=tmp_path / "empty")
    assert values(tmp_path / "empty") == {}


def test_joining_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    a, b = (read_into(tmp_path / name, [scan(tmp_path, name.lower())]) for name in "AB")
    with pytest.raises(KeyboardInterrupt), joined([a, b], tmp_path / "C"):
        raise KeyboardInterrupt
    assert sorted(path.name for path in tmp_path.iterdir()) == ["A", "B", "a", "b"]


KILLED_JOINING = """
import os, signal, sys
from pathlib import Path
from formreader.store import joined
root = Path(sys.argv[1])
with joined([root / "A", root / "B"], root / "C") as made:
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_joining_that_is_killed_leaves_no_half_batch_and_can_be_repeated(tmp_path: Path) -> None:
    a, b = (read_into(tmp_path / name, [scan(tmp_path, name.lower())]) for name in "AB")
    root = Path(__file__).parent.parent
    ended = subprocess.run([sys.executable, "-c", KILLED_JOINING, str(tmp_path)], cwd=root, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert not (tmp_path / "C").exists()
    merge(a, b)
    assert values(tmp_path / "C") == {"a": "7", "b": "7"}
    assert not list(tmp_path.glob(".*"))


EVENTS = st.lists(
    st.tuples(
        st.sampled_from("AB"),
        st.sampled_from("pqr"),
        st.sampled_from("xyz"),
        st.sampled_from(["read", "failed", "8", "9"]),
    ),
    max_size=12,
)


@settings(max_examples=15)
@given(EVENTS)
def test_nothing_is_lost_whatever_was_done_with_either(
    tmp_path_factory: pytest.TempPathFactory, events: list[tuple[str, str, str, str]]
) -> None:
    root = tmp_path_factory.mktemp("joined")
    a, b = (read_into(root / name, []) for name in "AB")
    for folder, name, content, what in events:
        ref = scan(root, name, content)
        if what.isdecimal():
            decide(root / folder, ref, what, folder)
            continue
        with opened(root / folder) as batch:
            batch.pending([ref])
            batch.add(PageFailure(ref, "scans", "broken") if what == "failed" else answer(ref))
    with joined([a, b], root / "C") as made:
        pass
    for table, columns in (("readings", "sha256, page, at, outcome, digits"), ("decisions", "who, sha256, new")):
        kept, of_a, of_b = (Counter(rows(folder, f"SELECT {columns} FROM {table}")) for folder in (root / "C", a, b))
        assert of_a | of_b <= kept <= of_a + of_b  # what was done to both in one second may be one thing or two
    shown = {page.sha256: page for page in stored(root / "C") if page.status != "duplicate"}
    for page in (*stored(a), *stored(b)):
        if page.status != "duplicate":
            assert shown[page.sha256].status in ("read", page.status)
    assert len({page.scan for page in shown.values()}) == len(shown)
    assert all(isinstance(note, str) for note in made.notes)
