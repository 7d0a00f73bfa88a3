"""The plots of an audit, as PNG: whether the program is as sure as right, and what a stricter flag would buy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from formreader.claims import DOUBLE_ENTRY, SINGLE_ENTRY
from formreader.documents import png_of
from formreader.trust import interval, risk_curve, upper_bound

_COLOUR: Final = "#0072b2"  # Okabe, Ito 2008
_SMALLEST: Final = 1e-6
_LEVELS: Final = {"single entry": float(SINGLE_ENTRY) * 10_000, "double entry": float(DOUBLE_ENTRY) * 10_000}


def plots_of(confidence: NDArray[np.float64], wrong: NDArray[np.bool_]) -> Mapping[str, bytes]:
    """Draw what the keyed fields show; both arrays (n,), n at least 1."""
    return {"reliability": _reliability(confidence, wrong), "risk-coverage": _risk(confidence, wrong)}


def _reliability(confidence: NDArray[np.float64], wrong: NDArray[np.bool_]) -> bytes:
    """Hold what is left to certainty against the share of wrong fields, in bins of equal ratio."""
    figure = Figure(figsize=(7.2, 5.2), layout="constrained")
    axes = figure.subplots()
    doubt = np.maximum(1 - confidence, _SMALLEST)
    bins = np.floor(2 * np.log10(doubt)).astype(np.int64)
    for step in np.unique(bins):
        rows = bins == step
        few, many, mean = int(wrong[rows].sum()), int(rows.sum()), float(doubt[rows].mean())
        low, high = interval(few, many)
        if few:
            ends = [[few / many - low], [high - few / many]]
            axes.errorbar(mean, few / many, yerr=ends, fmt="o", color=_COLOUR, capsize=3)
        else:
            axes.plot(mean, high, "v", color=_COLOUR, alpha=0.6)
        axes.annotate(f"{many:,}", (mean, few / many or high), (5, 5), textcoords="offset points", fontsize=8)
    axes.plot([_SMALLEST, 1], [_SMALLEST, 1], "--", color="#888888", linewidth=1, label="as sure as right")
    axes.set(xscale="log", yscale="log", xlabel="1 - confidence of the field", ylabel="Share of wrong fields")
    axes.set_title("Reliability of accepted fields (triangles: none wrong, 95 % bound)", fontsize=10)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    return png_of(figure)


def _risk(confidence: NDArray[np.float64], wrong: NDArray[np.bool_]) -> bytes:
    """Show the share of wrong fields, and its bound, against the share that would still be accepted."""
    figure = Figure(figsize=(7.2, 5.2), layout="constrained")
    axes = figure.subplots()
    curve = risk_curve(confidence, np.ones(len(confidence), np.bool_), wrong)
    accepted, found = curve.accepted, curve.wrong
    share, upper = accepted / curve.count, upper_bound(found, accepted)
    axes.step(share, upper * 10_000, where="post", color=_COLOUR, linewidth=1, linestyle="--", label="95 % bound")
    axes.step(share, found / accepted * 10_000, where="post", color=_COLOUR, label="wrong")
    for name, level in _LEVELS.items():
        axes.axhline(level, color="#888888", linewidth=1, linestyle=":")
        axes.annotate(name, (0.01, level), (0, 2), textcoords="offset points", fontsize=8, color="#555555")
    axes.set(xlim=(0, 1.02), ylim=(0, float(np.clip(2 * upper[-1] * 10_000, 60, 10_000))))
    axes.set(xlabel="Still accepted, the surest first", ylabel="Wrong in 10,000 of these")
    axes.set_title("Risk and coverage of what was keyed", fontsize=10)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, loc="upper right")
    return png_of(figure)
