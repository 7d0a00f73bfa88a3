"""The README's picture of promises: what was promised and what happened, and what it costs in flags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from formreader.claims import DOUBLE_ENTRY, SINGLE_ENTRY
from formreader.training.plots import COLOURS
from tests.benchmarks.trust.measure import Kept

MARKS: Final = "osD^"

Promises = Sequence[tuple[float, int, Kept]]
"""What was promised, for fields of how many digits, and what became of it."""


def draw(promises: Mapping[str, Promises], path: Path) -> None:
    """Draw a row of two panels for each model."""
    figure = Figure(figsize=(10, 4.2 * len(promises)), layout="constrained")
    panels = figure.subplots(len(promises), 2, squeeze=False)
    for (name, of_model), (left, right) in zip(promises.items(), panels, strict=True):
        _kept(left, name, of_model)
        _cost(right, name, of_model)
    FigureCanvasAgg(figure)
    figure.savefig(path, dpi=100, metadata={"Software": None})


def _kept(axes: Axes, name: str, promises: Promises) -> None:
    """Set what happened against what was promised; under the line it was kept."""
    for line, (length, of_length) in enumerate(_by_length(promises).items()):
        promised = [share * 10_000 * 1.06 ** (line - 1.5) for share, _ in of_length]
        happened = [kept.wrong * 10_000 for _, kept in of_length]
        ends = [
            [(kept.wrong - kept.low) * 10_000 for _, kept in of_length],
            [(kept.high - kept.wrong) * 10_000 for _, kept in of_length],
        ]
        axes.errorbar(
            promised, happened, yerr=ends, fmt=MARKS[line], color=COLOURS[line], capsize=2, label=_of_digits(length)
        )
    most = max(share for share, _, _ in promises) * 10_000
    axes.plot([0.8, 1.3 * most], [0.8, 1.3 * most], "--", color="#888888", linewidth=1)
    axes.set(xscale="log", xlabel="Promised: at most so many wrong in 10,000 accepted fields", ylabel="What happened")
    axes.set_yscale("symlog", linthresh=1)
    axes.set_ylim(0, 1.3 * most)
    for level, said in ((SINGLE_ENTRY, "single key entry"), (DOUBLE_ENTRY, "double key entry")):
        axes.axhline(float(level) * 10_000, color="#888888", linewidth=1, linestyle=":")
        axes.annotate(said, (0.8, float(level) * 10_000), (0, 2), textcoords="offset points", fontsize=8)
    axes.set_title(f"{name}: promises and what became of them (95 %, over writers)", fontsize=10)
    axes.grid(alpha=0.3)


def _cost(axes: Axes, name: str, promises: Promises) -> None:
    """Show the share of fields that are flagged for a promise."""
    for line, (length, of_length) in enumerate(_by_length(promises).items()):
        promised = [share * 10_000 for share, _ in of_length]
        flagged = [kept.flagged * 100 for _, kept in of_length]
        axes.plot(promised, flagged, f"{MARKS[line]}-", color=COLOURS[line], label=_of_digits(length))
    axes.set(xscale="log", xlabel="Promised: at most so many wrong in 10,000 accepted fields", ylabel="Flagged, %")
    axes.set_ylim(bottom=0)
    axes.set_title(f"{name}: fields to look at", fontsize=10)
    axes.legend(frameon=False, fontsize=8)
    axes.grid(alpha=0.3)


def _by_length(promises: Promises) -> dict[int, list[tuple[float, Kept]]]:
    found: dict[int, list[tuple[float, Kept]]] = {}
    for share, length, kept in promises:
        found.setdefault(length, []).append((share, kept))
    return found


def _of_digits(length: int) -> str:
    return "1 digit" if length == 1 else f"{length} digits"
