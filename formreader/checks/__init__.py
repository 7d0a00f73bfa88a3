"""What can only be said over the whole batch: a box that is read otherwise on one stretch of pages than on the others.

Dirty glass writes a 1 into every blank box, a shifted stack leaves boxes empty, another edition of the form has digits
where this one has none: each page by itself looks fine. So the readings of each box are counted over stretches of the
batch, in the order of the scans' names (`counts`), and a stretch whose counts can be no chance (`stretches`) is
reported.
"""

from formreader.checks.drift import COLUMNS, Drift, DriftSearch, about_drifts
from formreader.checks.stretches import DriftParams

__all__ = ["COLUMNS", "Drift", "DriftParams", "DriftSearch", "about_drifts"]
