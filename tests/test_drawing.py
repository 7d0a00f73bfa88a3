"""The drawn forms tell the truth about themselves: all other tests lean on that."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pypdfium2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from formreader.template import load_template
from formreader.values import Points
from tests import draw_samples
from tests.drawing import (
    PENS,
    DigitStock,
    DrawnForm,
    Wear,
    aruco_form,
    class_marks,
    dense,
    draw_heavy,
    draw_mild,
    draw_values,
    draw_writer,
    fill,
    meter_card,
    other_marks,
    other_visit,
    source_digits,
    value_of,
    visit_record,
    wear,
    write_scan,
)
from tests.drawing_bend import curl, uneven_feed
from tests.drawing_damage import poorly_printed
from tests.drawing_hardships import HARDSHIPS
from tests.drawing_layouts import LAYOUTS as BENCHMARKED
from tests.drawing_layouts import TWINS, blank, twin_of
from tests.drawing_pen import Placing, pen_digit

LAYOUTS = (visit_record, class_marks, meter_card, aruco_form, dense, other_visit, other_marks)
SAMPLES = Path(__file__).parents[1] / "samples"


@pytest.fixture(scope="module")
def visit() -> DrawnForm:
    return visit_record(150)


@pytest.mark.parametrize("make", LAYOUTS)
@pytest.mark.parametrize("dpi", [300, 150, 217])
def test_every_box_lies_on_the_middle_of_its_printed_lines(make: Callable[[float], DrawnForm], dpi: float) -> None:
    form = make(dpi)
    for field in form.fields:
        for x, y, width, height in field.boxes:
            across = form.picture[round(y + height / 2)]
            down = form.picture[:, round(x + width / 2)]
            for line, at in ((across, x), (across, x + width), (down, y), (down, y + height)):
                printed = _run_of_ink(line, round(at))
                assert (printed[0] + printed[1]) / 2 == at


def _run_of_ink(line: np.ndarray[tuple[int], np.dtype[np.uint8]], at: int) -> tuple[int, int]:
    """First and last pixel of the print that covers a place."""
    assert line[at] < 200
    first = last = at
    while line[first - 1] < 200:
        first -= 1
    while line[last + 1] < 200:
        last += 1
    return first, last


@pytest.mark.parametrize("make", LAYOUTS)
def test_blank_boxes_are_white_inside(make: Callable[[float], DrawnForm]) -> None:
    form = make(300)
    edge = round(0.6 * form.px_per_mm)
    for field in form.fields:
        for x, y, width, height in field.boxes:
            inside = form.picture[round(y) + edge : round(y + height) - edge, round(x) + edge : round(x + width) - edge]
            assert inside.min() == 255


@given(
    seed=st.integers(0, 2**32 - 1),
    skew=st.floats(-6, 6),
    bend=st.floats(0, 4),
    quarters=st.integers(0, 3),
    dpi=st.sampled_from([100, 150, 200]),
    cut=st.floats(0, 6),
)
@settings(max_examples=12, deadline=None)
def test_a_worn_pages_map_leads_to_its_markers(
    visit: DrawnForm, seed: int, skew: float, bend: float, quarters: int, dpi: float, cut: float
) -> None:
    how = Wear(
        dpi=dpi,
        skew_degrees=skew,
        scale=0.85,  # so that a turned page's corners stay in the picture
        bend_mm=bend,
        quarter_turns=quarters,
        cut_mm=(0, cut, cut, 0),
        blur_mm=0.05,
        noise=2,
    )
    scan = wear(visit.picture, visit.dpi, how, np.random.default_rng(seed))
    assert visit.markers is not None
    half = round(visit.markers.size_px * dpi / visit.dpi)
    seen = 0
    for x, y in scan.place(np.array(visit.markers.centres)):
        left, top = round(x) - half, round(y) - half
        patch = scan.pixels[max(0, top) : top + 2 * half + 1, max(0, left) : left + 2 * half + 1]
        if left < 0 or top < 0 or patch.shape != (2 * half + 1, 2 * half + 1):
            continue  # bent or cut off the picture
        rows, columns = np.nonzero(patch < 128)
        assert np.hypot(columns.mean() + left - x, rows.mean() + top - y) < 1.0
        seen += 1
    assert seen >= 2


@pytest.mark.slow
@pytest.mark.parametrize("presets", [draw_mild, draw_heavy])
def test_the_same_seed_draws_the_same_page(visit: DrawnForm, presets: Callable[[np.random.Generator], Wear]) -> None:
    def draw(seed: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
        rng = np.random.default_rng(seed)
        return fill(visit, draw_values(visit, rng), rng).scan(presets(rng), rng).pixels

    first = draw(3)
    assert np.array_equal(first, draw(3))
    assert not np.array_equal(first, draw(4))


def test_ink_appears_in_written_boxes_and_nowhere_else(visit: DrawnForm) -> None:
    rng = np.random.default_rng(5)
    values = {"patient_id": "01_X-#", "doses": "_7"}
    page = fill(visit, values, rng, writer=draw_writer(rng, PENS[0]), crossing=0.0)
    changed = np.abs(page.picture.min(axis=2).astype(int) - visit.picture) > 60
    for field in visit.fields:
        marks = values.get(field.name, "_" * len(field.boxes))
        assert page.values[field.name] == marks
        for mark, (x, y, width, height) in zip(marks, field.boxes, strict=True):
            inside = changed[round(y) : round(y + height), round(x) : round(x + width)]
            assert inside.any() == (mark != "_")
            changed[round(y) - 5 : round(y + height) + 5, round(x) - 5 : round(x + width) + 5] = False
    assert not changed.any()


def test_crossing_digits_leave_ink_on_the_frame_and_tidy_ones_do_not() -> None:
    form = meter_card(300)
    rng = np.random.default_rng(6)
    hand = draw_writer(rng, PENS[0])
    values = {"customer": "7964170", "power_day": "358204"}
    touched = {}
    for crossing in (0.0, 1.0):
        page = fill(form, values, rng, writer=hand, crossing=crossing)
        new = np.abs(page.picture.min(axis=2).astype(int) - form.picture) > 60
        touched[crossing] = 0
        for use in page.uses:
            x, y, width, height = form.field(use.field).boxes[use.position - 1]
            frame = np.zeros(form.picture.shape, np.uint8)
            cv2.rectangle(frame, (round(x), round(y)), (round(x + width), round(y + height)), 1, 5)
            touched[crossing] += bool((new & (frame > 0)).any())
    assert touched[0.0] == 0
    assert touched[1.0] >= 11  # of 13; the rest stop just short


@pytest.mark.parametrize("pen_px", [4.0, 7.0])
def test_a_pens_stroke_is_as_wide_as_the_pen(pen_px: float) -> None:
    pictures, labels = source_digits()
    widths = []
    for index in np.flatnonzero(labels == 1)[:10]:
        ink = pen_digit(pictures[index], Placing((60.0, 60.0), 70.0, 1.0, 0.0), pen_px, (120, 120)) > 0.5
        rows = np.flatnonzero(ink.any(axis=1))
        tilt = np.polyfit(rows, [np.flatnonzero(ink[row]).mean() for row in rows], 1)[0]
        middle = ink[rows[len(rows) // 4] : rows[-len(rows) // 4]]
        widths.append(middle.sum(axis=1).mean() * np.cos(np.arctan(tilt)))
    assert np.median(widths) == pytest.approx(pen_px, abs=1.5)


def test_a_stock_gives_the_right_digit_and_none_twice() -> None:
    _, labels = source_digits()
    stock = DigitStock(np.random.default_rng(0))
    taken = [stock.take(7) for _ in range(500)]
    assert len(set(taken)) == 500
    assert set(labels[taken]) == {7}


@pytest.mark.parametrize(
    ("boxes", "value"), [("_05", "05"), ("X88", "88"), ("-XX", ""), ("1X2", "1?2"), ("1#2", "1?2"), ("___", "")]
)
def test_what_a_field_is_worth(visit: DrawnForm, boxes: str, value: str) -> None:
    assert value_of(visit, "age", boxes) == value


def test_wrong_values_are_refused(visit: DrawnForm) -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="has 2 boxes"):
        fill(visit, {"doses": "123"}, rng)
    with pytest.raises(ValueError, match="'A' is no digit"):
        fill(visit, {"doses": "1A"}, rng)


def test_files_hold_their_pages_and_resolution(visit: DrawnForm, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    grey = wear(visit.picture, visit.dpi, Wear(dpi=100, noise=2), rng)
    bits = wear(visit.picture, visit.dpi, Wear(dpi=100, one_bit_at=150), rng)
    write_scan([bits, bits], tmp_path / "a.tif")
    with Image.open(tmp_path / "a.tif") as tiff:
        assert (tiff.n_frames, tiff.mode, tiff.info["compression"]) == (2, "1", "group4")  # type: ignore[attr-defined]
        assert np.array_equal(np.asarray(tiff) * np.uint8(255), bits.pixels)
    write_scan([grey, bits], tmp_path / "a.pdf")
    with closing(pypdfium2.PdfDocument(tmp_path / "a.pdf")) as pdf:
        assert len(pdf) == 2
        assert pdf[0].get_size() == pytest.approx((595, 842), abs=1)
    write_scan(grey, tmp_path / "a.png")
    assert np.array_equal(cv2.imread(str(tmp_path / "a.png"), cv2.IMREAD_GRAYSCALE), grey.pixels)
    with pytest.raises(ValueError, match="holds one page"):
        write_scan([grey, grey], tmp_path / "b.png")
    with pytest.raises(ValueError, match="differ in resolution"):
        write_scan([grey, replace(grey, dpi=200)], tmp_path / "b.pdf")


@pytest.mark.slow
def test_samples_are_drawn_the_same_to_the_byte(tmp_path: Path) -> None:
    few = replace(draw_samples.METER, files=draw_samples.METER.files[4:6])  # a TIFF and a PDF
    drawn = []
    for name in ("first", "second"):
        draw_samples.draw_sample(few, tmp_path / name, DigitStock(np.random.default_rng(1)), np.random.default_rng(2))
        files = sorted(path for path in (tmp_path / name).rglob("*") if path.is_file())
        drawn.append({path.relative_to(tmp_path / name): path.read_bytes() for path in files})
    assert len(drawn[0]) == 6
    assert drawn[0] == drawn[1]


@pytest.mark.parametrize("name", draw_samples.SAMPLES)
def test_samples_say_what_they_hold(name: str) -> None:
    template = load_template(SAMPLES / name / "template.toml")
    counts = {field.name: len(field.boxes) for field in template.fields}
    truth = _rows(SAMPLES / name / "truth.csv")
    pages = Counter((row["scan"], row["page"]) for row in truth)
    assert len(pages) >= 8
    assert set(pages.values()) == {len(counts)}
    assert {scan for scan, _ in pages} == {path.name for path in (SAMPLES / name / "scans").iterdir()}
    assert all(len(row["boxes"]) == counts[row["field"]] for row in truth)
    _, labels = source_digits()
    written = {(row["scan"], row["page"], row["field"]): row["boxes"] for row in truth}
    for row in _rows(SAMPLES / name / "digits-used.csv"):
        mark = written[row["scan"], row["page"], row["field"]][int(row["position"]) - 1]
        assert mark in {row["digit"], "#"}
        assert labels[int(row["index"])] == int(row["digit"])


def test_no_digit_is_used_twice_in_the_samples() -> None:
    used = Counter(row["index"] for name in draw_samples.SAMPLES for row in _rows(SAMPLES / name / "digits-used.csv"))
    assert len(used) > 1000
    assert max(used.values()) == 1


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


# --- the benchmark's layouts -----------------------------------------------------------------------------------------


def rectangles_of(form: DrawnForm) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.array([box for field in form.fields for box in field.boxes])


@pytest.mark.parametrize("name", BENCHMARKED)
def test_a_layouts_boxes_lie_on_its_page_side_by_side_on_printed_lines(name: str) -> None:
    form = blank(name)
    height, width = form.picture.shape
    boxes = rectangles_of(form)
    assert boxes[:, :2].min() > 0
    assert (boxes[:, 0] + boxes[:, 2]).max() < width
    assert (boxes[:, 1] + boxes[:, 3]).max() < height
    # Neighbours share a line at most: no middle of a box lies in another one.
    middles = boxes[:, :2] + boxes[:, 2:] / 2
    inside = (np.abs(middles[:, None] - middles[None]) < boxes[None, :, 2:] / 2).all(axis=2)
    assert inside.sum() == len(boxes)
    for field in form.fields:
        assert form.frames[field.name]
        for x, y, wide, tall in field.boxes:  # the base line of every box is printed, whole or broken
            foot = form.picture[
                round(y + tall) - 2 : round(y + tall) + 3, round(x + wide / 4) : round(x + 3 * wide / 4)
            ]
            assert np.mean(foot.min(axis=0) < 235) > 0.25


def test_every_kind_of_frame_is_there() -> None:
    kinds = {kind for name in BENCHMARKED for kind in blank(name).frames.values()}
    assert len(BENCHMARKED) >= 10
    assert len(kinds) >= 20
    assert max(len(rectangles_of(blank(name))) for name in BENCHMARKED) == 600


@pytest.mark.parametrize("kind", TWINS)
def test_a_twin_is_the_same_form_but_for_one_thing(kind: str) -> None:
    form, twin = blank("invoice"), twin_of("invoice", kind)
    assert twin.picture.shape == form.picture.shape
    assert not np.array_equal(twin.picture, form.picture)
    moved = (rectangles_of(form) != rectangles_of(twin)).any(axis=1).mean()
    assert {"row": 0 < moved < 1, "pitch": moved > 0.5, "title": moved == 0}[kind]


def test_a_wide_box_takes_as_many_digits_as_it_may_hold() -> None:
    form = blank("invoice")
    rng = np.random.default_rng(3)
    values = draw_values(form, rng, empty=0.0)
    page = fill(form, values, rng)
    assert page.values == values
    for field in form.fields:
        digits = [use for use in page.uses if use.field == field.name]
        assert field.length[0] <= len(digits) <= field.length[1]
        assert "".join(str(use.digit) for use in digits) == values[field.name]
        assert all(use.drawn.max() == 255 for use in digits)
    empty = fill(form, dict.fromkeys(values, "_"), rng)
    assert np.array_equal(empty.picture[..., 0], form.picture)


# --- the benchmark's fates -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", HARDSHIPS)
def test_a_worn_pages_boxes_lie_where_it_says(name: str) -> None:
    form = blank("invoice")
    rng = np.random.default_rng(4)
    scan = wear(form.picture, form.dpi, HARDSHIPS[name](form, rng), rng)
    grey = scan.pixels if scan.pixels.ndim == 2 else cv2.cvtColor(scan.pixels, cv2.COLOR_BGR2GRAY)
    px = form.px_per_mm
    seen = 0
    for x, y, width, height in rectangles_of(form):
        along = np.linspace(0.2, 0.8, 25)
        sides = (
            (np.column_stack([x + along * width, np.full(25, y)]), (0, 1)),
            (np.column_stack([np.full(25, x), y + along * height]), (1, 0)),
        )
        for points, across in sides:
            on, beside = (_median_grey(grey, scan.place(points + k * px * np.array(across))) for k in (0.0, 0.9))
            assert on < beside - 40
            seen += 1
    assert seen == 12


def _median_grey(grey: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], points: Points) -> float:
    rows, columns = np.round(points[:, 1]).astype(int), np.round(points[:, 0]).astype(int)
    return float(np.median(grey[rows, columns]))


def test_streaks_run_where_the_scan_says() -> None:
    form = blank("invoice")
    rng = np.random.default_rng(2)
    scan = wear(form.picture, form.dpi, Wear(dpi=200, skew_degrees=0.4, dusty=(0.3, 0.71)), rng)
    assert len(scan.streaks) == 2
    for column in scan.streaks:
        assert np.median(scan.pixels[:, round(column)]) < 220
        assert np.median(scan.pixels[:, round(column) + 6]) == 255


def test_a_bend_can_be_undone() -> None:
    rng = np.random.default_rng(1)
    points = rng.uniform(0, 2400, (50, 2))
    for bend in (uneven_feed(rng, 11.8), curl(rng, 11.8, 2480)):
        assert np.abs(bend.moved(points) - points).max() > 1
        np.testing.assert_allclose(bend.flat(bend.moved(points)), points, atol=0.05)


@pytest.mark.slow
def test_the_same_seed_wears_a_page_the_same() -> None:
    form = BENCHMARKED["diary"](100, None)

    def draw(name: str) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
        rng = np.random.default_rng(8)
        printed = poorly_printed(form, rng)
        return fill(printed, draw_values(form, rng), rng).scan(HARDSHIPS[name](form, rng), rng).pixels

    for name in ("dirty", "faxed"):
        assert np.array_equal(draw(name), draw(name))
