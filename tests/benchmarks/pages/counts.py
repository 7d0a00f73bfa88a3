"""What came of one page."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from tests.benchmarks.pages.draw import Task
from tests.benchmarks.pages.look import Picture


@dataclass(slots=True)
class Measured:
    """What came of one page: numerators and denominators by (kind of frame, measure), and things to look at."""

    task: Task
    writer: int
    counts: dict[tuple[str, str], list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0]))
    failure: str = ""
    scores: dict[str, float] = field(default_factory=dict)
    pictures: list[Picture] = field(default_factory=list)

    def count(self, kind: str, measure: str, hit: bool) -> None:
        """Count one case, and whether it is a hit."""
        pair = self.counts[kind, measure]
        pair[0] += bool(hit)
        pair[1] += 1
