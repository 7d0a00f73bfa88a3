"""The plots of an evaluation, as PNG: confusion, reliability, risk and coverage, the worst errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import cv2
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from numpy.typing import NDArray

from formreader.classify import DIGIT_CLASSES
from formreader.documents import png_of
from formreader.training.calibration import BINS, LOW_RISKS
from formreader.training.comparison import Evaluation, Part
from formreader.training.evaluation import Answers
from formreader.trust import interval

COLOURS: Final = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000")
"""Told apart by the colour-blind too (Okabe, Ito 2008)."""

WORST = 40
"""Errors shown of each model."""

ACROSS = 10
CELL_PX = 56


def confusion_plot(evaluation: Evaluation) -> bytes:
    """Show how often each label got each answer, a panel a model."""
    models = evaluation.answers
    figure = Figure(figsize=(7.2 * min(2, len(models)), 6.2 * -(-len(models) // 2)), layout="constrained")
    panels = figure.subplots(-(-len(models) // 2), min(2, len(models)), squeeze=False).ravel()
    for axes, (name, answers) in zip(panels, models.items(), strict=False):
        _confusion(axes, answers, name)
    for axes in panels[len(models) :]:
        axes.set_axis_off()
    return png_of(figure)


def _confusion(axes: Axes, answers: Answers, name: str) -> None:
    counts = answers.confusion
    counts = counts if counts[:, DIGIT_CLASSES].any() else counts[:, :DIGIT_CLASSES]
    most = max(2, int(counts.max()))
    shown = axes.imshow(np.ma.masked_equal(counts, 0), cmap="Blues", norm=LogNorm(0.7, most), aspect="equal")
    for (row, column), count in np.ndenumerate(counts):
        dark = count > 0 and np.log(count) > 0.55 * np.log(most)
        colour = "white" if dark else "#222222" if count else "#aaaaaa"
        axes.text(column, row, str(count), ha="center", va="center", fontsize=9, color=colour)
    columns = [*map(str, range(DIGIT_CLASSES)), "no\ndigit"][: counts.shape[1]]
    axes.set_xticks(range(counts.shape[1]), columns)
    axes.set_yticks(range(DIGIT_CLASSES), [str(digit) for digit in range(DIGIT_CLASSES)])
    axes.set_xlabel("Predicted label")
    axes.set_ylabel("Actual label")
    axes.set_title(f"{_plain(name)}: {int(answers.wrong.sum()):,} of {len(answers.labels):,} wrong")
    bar = axes.figure.colorbar(shown, ax=axes, shrink=0.85)
    bar.set_label("Digits (logarithmic)")


def reliability_plot(evaluation: Evaluation) -> bytes:
    """Hold confidence against the share of right answers; beside it, what is left to certainty in equal ratios."""
    figure = Figure(figsize=(12, 5.4), layout="constrained")
    linear, close = figure.subplots(1, 2)
    for (name, answers), colour in _coloured(evaluation):
        style: dict[str, Any] = {"color": colour, "marker": "o", "markersize": 4, "linewidth": 1, "capsize": 2}
        order = np.argsort(answers.confidence, kind="stable")
        sure, share, ends = _binned(answers, np.array_split(order, BINS))
        linear.errorbar(sure, 1 - share, yerr=np.abs(ends - share)[::-1], label=_plain(name), **style)
        doubts = np.log10(np.maximum(1 - answers.confidence.astype(np.float64), 1e-6))
        sure, share, ends = _binned(answers, [np.flatnonzero(np.floor(3 * doubts) == step) for step in range(-18, 1)])
        doubt, seen = np.maximum(1 - sure, 1e-6), share > 0
        close.errorbar(doubt[seen], share[seen], yerr=np.abs(ends - share)[:, seen], label=_plain(name), **style)
        close.plot(doubt[~seen], ends[1, ~seen], "v", color=colour, markersize=5, alpha=0.6)
    linear.plot([0, 1], [0, 1], color="#888888", linewidth=1, linestyle="--")
    close.plot([1e-6, 1], [1e-6, 1], color="#888888", linewidth=1, linestyle="--", label="perfectly calibrated")
    linear.set(xlabel="Confidence", ylabel="Share of right answers", xlim=(0, 1.02), ylim=(0, 1.02))
    linear.set_title(f"Reliability, {BINS} bins of equal count")
    close.set(xscale="log", yscale="log", xlabel="1 - confidence", ylabel="Share of wrong answers")
    close.set_title("Near certainty, bins of equal ratio (triangles: none wrong, bound)")
    for axes in (linear, close):
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
    return png_of(figure)


def _binned(answers: Answers, bins: list[NDArray[np.intp]]) -> tuple[NDArray[np.float64], ...]:
    """Give mean confidence (k,), share of wrong ones (k,) and its 95 % interval (2, k) of the bins that hold any."""
    held = [rows for rows in bins if len(rows)]
    sure = np.array([float(answers.confidence[rows].mean(dtype=np.float64)) for rows in held])
    wrong = [int(answers.wrong[rows].sum()) for rows in held]
    share = np.array([few / len(rows) for few, rows in zip(wrong, held, strict=True)])
    ends = np.array([interval(few, len(rows)) for few, rows in zip(wrong, held, strict=True)]).T
    return sure, share, ends


def risk_plot(evaluation: Evaluation) -> bytes:
    """Show the share of wrong ones among the accepted digits against the share that is accepted."""
    figure = Figure(figsize=(9, 5.6), layout="constrained")
    axes = figure.subplots()
    left = 0.98
    for (name, answers), colour in _coloured(evaluation):
        curve = answers.risk
        coverage, seen = curve.accepted / curve.count, curve.wrong > 0
        axes.plot(coverage[seen], (curve.wrong / curve.accepted)[seen], color=colour, label=_plain(name))
        if seen.any():
            left = min(left, float(coverage[seen][0]))
        taken, silent = int(answers.accepted.sum()), int((answers.accepted & answers.wrong).sum())
        left = min(left, taken / curve.count)
        if silent:
            axes.plot(taken / curve.count, silent / taken, "o", color=colour)
        axes.axvline(taken / curve.count, color=colour, linewidth=1, linestyle=":")
    for risk in LOW_RISKS:
        axes.axhline(risk, color="#888888", linewidth=1, linestyle="--")
        axes.annotate(f"{risk:.3%}", (1, risk), (3, 0), xycoords=("axes fraction", "data"), textcoords="offset points")
    axes.set(yscale="log", xlim=(max(0.0, left - 0.05 * (1 - left)), 1 + 0.02 * (1 - left)))
    axes.xaxis.set_major_formatter(lambda share, _: f"{100 * share:g}%")
    axes.yaxis.set_major_formatter(lambda share, _: f"{100 * share:g}%")
    axes.set(xlabel="Accepted, the surest first", ylabel="Wrong among the accepted (logarithmic)")
    axes.set_title("Risk and coverage (dotted: where the model's own threshold lies)")
    axes.grid(alpha=0.3, which="both")
    axes.legend(frameon=False, loc="best")
    return png_of(figure)


def errors_plot(evaluation: Evaluation) -> bytes:
    """Show each model's surest errors: label > answer, confidence."""
    sheets = [(name, *_worst(answers)) for name, answers in evaluation.answers.items()]
    lines = [max(1, -(-len(worst) // ACROSS)) for _, worst, _ in sheets]
    figure = Figure(figsize=(10, sum(lines) * 1.15 + 0.6 * len(lines)), layout="constrained")
    panels = figure.subplots(len(sheets), 1, squeeze=False, height_ratios=lines).ravel()
    for axes, (name, worst, count), high in zip(panels, sheets, lines, strict=True):
        _errors(axes, evaluation.part, evaluation.answers[name], worst, high)
        shown = "" if count <= len(worst) else f", the surest {len(worst)}"
        axes.set_title(
            f"{_plain(name)}: {count:,} wrong{shown} (label > answer, none for no digit; confidence)", fontsize=10
        )
    return png_of(figure)


def _worst(answers: Answers) -> tuple[NDArray[np.intp], int]:
    """Give rows of wrong answers, the surest digits first, those that are no digit last; and how many there are."""
    wrong = np.flatnonzero(answers.wrong)
    order = np.lexsort((-answers.confidence[wrong], ~answers.is_digit[wrong]))
    return wrong[order][:WORST], len(wrong)


def _errors(axes: Axes, part: Part, answers: Answers, rows: NDArray[np.intp], high: int) -> None:
    sheet = np.full((high * (CELL_PX + 16), ACROSS * (CELL_PX + 8)), 255, np.uint8)
    for place, row in enumerate(rows):
        top, left = place // ACROSS * (CELL_PX + 16), place % ACROSS * (CELL_PX + 8)
        shown = cv2.resize(part.images[row], (CELL_PX, CELL_PX), interpolation=cv2.INTER_NEAREST)
        sheet[top + 14 : top + 14 + CELL_PX, left + 4 : left + 4 + CELL_PX] = 255 - np.asarray(shown)
        best = int(answers.best[row])
        said = str(best) if best < DIGIT_CLASSES else "none"
        text = f"{answers.labels[row]} > {said}, {answers.confidence[row]:.3f}"
        colour = "#c00000" if answers.accepted[row] else "#333333"
        axes.text(left + 4, top + 10, text, fontsize=7.5, color=colour, parse_math=False)
    axes.imshow(sheet, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    axes.set_axis_off()
    if len(rows) == 0:
        axes.text(4, 30, "none")


PLOTS: Final[dict[str, Callable[[Evaluation], bytes]]] = {
    "confusion": confusion_plot,
    "reliability": reliability_plot,
    "risk-coverage": risk_plot,
    "errors": errors_plot,
}
"""By the name of their file."""


def _coloured(evaluation: Evaluation) -> list[tuple[tuple[str, Answers], str]]:
    names = evaluation.answers.items()
    return [(named, COLOURS[place % len(COLOURS)]) for place, named in enumerate(names)]


def _plain(name: str) -> str:
    """Keep a dollar sign from being read as the beginning of a formula."""
    return name.replace("$", r"\$")
