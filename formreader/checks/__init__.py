"""What can only be said over the whole batch: values that repeat, and boxes that are read otherwise on a stretch.

A field that the template calls unique should have another value on each page (`repeated`).

Dirty glass writes a 1 into every blank box, a shifted stack leaves boxes empty, another edition of the form has digits
where this one has none: each page by itself looks fine. So the readings of each box are counted over stretches of the
batch, in the order of the scans' names (`counts`), and a stretch whose counts can be no chance (`stretches`) is
reported.
"""

from formreader.checks.drift import COLUMNS, Drift, DriftSearch, about_drifts
from formreader.checks.repeated import COLUMNS as REPEATED_COLUMNS
from formreader.checks.repeated import SETTING as UNIQUE
from formreader.checks.repeated import Repeat, Repeats, about_repeats, find_repeats, unique_setting
from formreader.checks.stretches import DriftParams

__all__ = [
    "COLUMNS",
    "REPEATED_COLUMNS",
    "UNIQUE",
    "Drift",
    "DriftParams",
    "DriftSearch",
    "Repeat",
    "Repeats",
    "about_drifts",
    "about_repeats",
    "find_repeats",
    "unique_setting",
]
