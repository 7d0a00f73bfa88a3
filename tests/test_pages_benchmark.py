"""The drawn benchmark counts rightly: its figures decide what is worked on."""

from __future__ import annotations

import numpy as np
import pytest

from formreader.template import corners_of
from tests.benchmarks.pages.counts import Measured
from tests.benchmarks.pages.draw import Task, tasks
from tests.benchmarks.pages.found import measure_blank, overlap
from tests.benchmarks.pages.report import report
from tests.drawing_hardships import HARDSHIPS
from tests.drawing_layouts import LAYOUTS


def test_every_layout_meets_every_fate_in_three_rounds() -> None:
    first, every = tasks(36), tasks(108)
    assert every[:36] == first
    assert {task.layout for task in first} == set(LAYOUTS)
    assert {task.hardship for task in first} == set(HARDSHIPS)
    assert len({(task.layout, task.hardship) for task in every}) == len(LAYOUTS) * len(HARDSHIPS)


def test_a_page_keeps_its_number_whatever_else_is_left_out() -> None:
    alone = tasks(2, "tally/dirty")
    assert {(task.layout, task.hardship) for task in alone} == {("tally", "dirty")}
    assert set(alone) <= set(tasks(216))
    with pytest.raises(ValueError, match="there are admission"):
        tasks(1, "talley/")


def test_overlap_of_two_boxes() -> None:
    box = corners_of((10, 10, 20, 30))
    assert overlap(box, box) == pytest.approx(1)
    assert overlap(box, box + np.array([10, 0])) == pytest.approx(1 / 3)
    assert overlap(box, box + np.array([40, 0])) == 0
    assert overlap(box, np.roll(box, 1, axis=0)) == pytest.approx(1)  # a page on its side has the same boxes


def test_boxes_found_on_a_blank_are_counted() -> None:
    counts = measure_blank("invoice").counts
    assert counts["wide", "boxes found"] == [3, 3]
    assert counts["wide, decimal point", "boxes found"] == [3, 3]


def test_the_report_adds_up_pages_by_fate_and_kind() -> None:
    pages = []
    for number, hits in enumerate((3, 1)):
        page = Measured(Task(number, "tally", "flat" if number else "dirty"), writer=number)
        for k in range(4):
            page.count("big", "right as drawn", True)
            page.count("big", "right as read", k < hits)
            page.count("big", "boxes found", k < hits)
        page.scores = {"own": 0.9, "twin: row": 0.5}
        page.failure = "" if number else "no page of the form"
        pages.append(page)
    lines = list(report([], pages))
    assert any("| flat |" in line and "25.00 (4)" in line for line in lines)
    assert any("| dirty |" in line and "75.00 (4)" in line for line in lines)
    assert any("| **all** |" in line and "50.00 [25.00, 75.00] (8)" in line for line in lines)
    assert "- worn pages, boxes found: 50.000 [25.00, 75.00] (8), >= 99: NOT" in lines
    assert "- right as drawn minus right as read: 50.00 [25.00, 75.00] points" in lines
    assert "- twin: row: 0.50, 0.50, 0.50 of 2; the own form scores higher on 100.0%" in lines
    assert "- 1 x dirty, tally: no page of the form" in lines
