"""An evaluation for people and for machines: lines of text, JSON, and a page that needs nothing beside it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from html import escape
from typing import Final

from formreader.documents import document, figure_of, table
from formreader.training.comparison import Comparison, Evaluation
from formreader.training.evaluation import PRODUCT_SIDE, ClassScore, Report

Row = tuple[str, ...]

NAMES: Final = ("report.json", "report.html", "confusion.png", "reliability.png", "risk-coverage.png", "errors.png")
"""Files of a report; the pictures are named as in `plots.PLOTS`."""


def measures(evaluation: Evaluation) -> Iterator[Row]:
    """Give a row a measure: what it is, then each model's value."""
    reports = list(evaluation.reports.values())

    def row(title: str, values: Iterable[str]) -> Row:
        return (title, *values)

    yield row("wrong", (f"{_times(r.error * r.count)} ({r.error:.2%})" for r in reports))
    yield row("  95 % interval", (f"{r.interval[0]:.2%} to {r.interval[1]:.2%}" for r in reports))
    yield row("  answered with no digit", (f"{r.no_digit:.2%}" for r in reports))
    yield row("right", (f"{1 - r.error:.2%}" for r in reports))
    yield row("expected calibration error", (f"{r.calibration_error:.3%}" for r in reports))
    yield row("area under the risk-coverage curve", (f"{r.risk_area:.5%}" for r in reports))
    yield row("wrong per 10,000 accepted", ("" for r in reports))
    yield row("  at 1 % flagged", (_wrong_of_10000(r.wrong_per_10000_at_1_flagged, r) for r in reports))
    yield row("  at 3 % flagged", (_wrong_of_10000(r.wrong_per_10000_at_3_flagged, r) for r in reports))
    yield row("to be flagged for", ("" for r in reports))
    yield row("  0.05 % wrong among accepted", (f"{r.flagged_for_5_in_10000:.2%}" for r in reports))
    yield row("  0.017 % wrong among accepted", (f"{r.flagged_for_17_in_100000:.2%}" for r in reports))
    yield row("at the model's own threshold", (f"{a.threshold:.4f}" for a in evaluation.answers.values()))
    yield row("  accepted", (f"{r.accepted:.2%}" for r in reports))
    yield row("  wrong and accepted", (f"{r.accepted_wrong:,} ({r.accepted_error:.3%})" for r in reports))
    yield row("digits/s on one core", (f"{r.digits_per_second:,.0f}" for r in reports))
    yield row(
        f"  in the time of a {PRODUCT_SIDE} x {PRODUCT_SIDE} product",
        (f"{_times(r.digits_per_second * evaluation.product_seconds)}" for r in reports),
    )


def _times(number: float) -> str:
    return f"{round(number):,}"


def _wrong_of_10000(number: float | None, report: Report) -> str:
    return f"- ({report.no_digit:.2%} no digit)" if number is None else f"{number:.2f}"


def class_rows(evaluation: Evaluation) -> Iterator[Row]:
    """Give a row a digit: how many there are, then each model's precision, recall and F1."""
    for scores in zip(*(report.classes for report in evaluation.reports.values()), strict=True):
        yield (str(scores[0].digit), f"{scores[0].count:,}", *(text for score in scores for text in _scores(score)))


def _scores(score: ClassScore) -> Row:
    return tuple("-" if share is None else f"{share:.2%}" for share in (score.precision, score.recall, score.f1))


def about_comparison(found: Comparison) -> str:
    """Say in a sentence whether two models differ."""
    p = f"p = {found.p_value:.2g}" if found.p_value >= 1e-6 else "p < 0.000001"
    text = (
        f"{found.second} against {found.first}: {found.difference:+.3%} wrong; {found.second_only} digits only "
        f"{found.second} reads wrong, {found.first_only} only {found.first}; by chance with {p} "
        "(exact McNemar test)"
    )
    if found.interval is None:
        return text
    low, high = found.interval
    return f"{text}; 95 % interval {low:+.3%} to {high:+.3%} over {found.groups} writers or sheets"


def as_text(evaluation: Evaluation) -> str:
    """Write the numbers as a person reads them in a terminal."""
    names = tuple(evaluation.reports)
    heads = ["digit", "count", *("precision", "recall", "F1") * len(names)]
    over = ["", "", *(text for name in names for text in (name, "", ""))]
    classes = [*([tuple(over)] if len(names) > 1 else []), tuple(heads), *class_rows(evaluation)]
    part = evaluation.part
    parts = [
        f"{part.source}, {part.which}: {len(part.labels):,} digits",
        _aligned([("", *names), *measures(evaluation)]),
        _aligned(classes),
        *(about_comparison(found) for found in evaluation.comparisons),
    ]
    return "\n\n".join(parts)


def _aligned(rows: Sequence[Row]) -> str:
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        )
        for row in rows
    ]
    return "\n".join(line.rstrip() for line in lines)


def as_json(evaluation: Evaluation) -> str:
    """Write everything that was measured."""
    part, product = evaluation.part, evaluation.product_seconds
    models = {
        name: {
            **asdict(report),
            "threshold": evaluation.answers[name].threshold,
            "digits_per_product": report.digits_per_second * product,
            "confusion": evaluation.answers[name].confusion.tolist(),
        }
        for name, report in evaluation.reports.items()
    }
    whole = {
        "source": part.source,
        "part": part.which,
        "count": len(part.labels),
        "product_side": PRODUCT_SIDE,
        "product_seconds": product,
        "models": models,
        "comparisons": [asdict(found) for found in evaluation.comparisons],
    }
    return json.dumps(whole, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


CAPTIONS: Final = {
    "confusion": "What was answered to each label. The diagonal is right.",
    "reliability": "Whether the model is as often right as it says.",
    "risk-coverage": "How many digits are wrong among those accepted, the surest accepted first.",
    "errors": "The surest wrong answers; those in red would have been accepted without a look.",
}

STYLE: Final = """
:root { color-scheme: light dark; --line: #8886; --soft: #8881; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
h1 { line-height: 1.2; overflow-wrap: anywhere; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: 1rem 0; }
th, td { padding: .2rem .8rem; border-bottom: 1px solid var(--line); text-align: right; white-space: pre-wrap; }
th:first-child, td:first-child { text-align: left; white-space: pre; }
tbody tr:nth-child(even) { background: var(--soft); }
figure { margin: 2rem 0; } img { max-width: 100%; background: #fff; border-radius: 6px; }
figcaption { opacity: .8; } .wide { overflow-x: auto; }
"""


def as_html(evaluation: Evaluation, plots: Mapping[str, bytes]) -> str:
    """Write a page with everything in it; every name is escaped, and nothing is fetched."""
    part, names = evaluation.part, tuple(evaluation.reports)
    title = f"{', '.join(names)} on {part.source}"
    heads = ("digit", "count", *(f"{name}\n{what}" for name in names for what in ("precision", "recall", "F1")))
    classes = table(heads, class_rows(evaluation))
    compared = "".join(f"<p>{escape(about_comparison(found))}</p>\n" for found in evaluation.comparisons)
    about = escape(f"{part.which}: {len(part.labels):,} digits. An answer that is no digit counts as wrong.")
    figures = "".join(figure_of(plots[name], CAPTIONS[name]) for name in CAPTIONS)
    return document(
        title,
        STYLE,
        f"""<p>{about}</p>
{table(("", *names), measures(evaluation))}
{compared}<h2>Digit by digit</h2>
{classes}
<h2>Pictures</h2>
{figures}""",
    )
