"""An audit for people and for machines: JSON, and a page that needs nothing beside it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from html import escape
from typing import Any, Final

from formreader.audit.findings import Count, Findings, unreadable
from formreader.audit.strips import Strip
from formreader.audit.verdicts import Verdict
from formreader.claims import DOUBLE_ENTRY, SINGLE_ENTRY, per_10000
from formreader.documents import document, figure_of, image, table
from formreader.store import AuditedField

Runs = Sequence[Mapping[str, str]]

_CAPTIONS: Final = {
    "reliability": "Whether the program is as often right as it says; the numbers are how many fields were keyed.",
    "risk-coverage": "What would be left wrong, and accepted, if the least sure of these were flagged too.",
}
_BOUNDS: Final = {
    False: "the exact bound of a simple sample drawn without replacement from the accepted fields of this batch",
    True: "each field has its share of the sample; Clopper and Pearson's bound of all of them, which holds by a "
    "theorem of Hoeffding (1956), times the most that a field weighs more in the batch than in the sample",
}
_STYLE: Final = """
:root { color-scheme: light dark; --line: #8886; --soft: #8881; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
h1 { line-height: 1.2; overflow-wrap: anywhere; }
.said { font-size: 1.25rem; border-left: .4rem solid var(--line); padding-left: 1rem; }
.said.proved { border-color: #009e73; } .said.refuted { border-color: #d55e00; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: 1rem 0; }
th, td { padding: .2rem .8rem; border-bottom: 1px solid var(--line); text-align: right; }
th:first-child, td:first-child, .texts td, .texts th { text-align: left; }
.texts td, td:first-child { overflow-wrap: anywhere; }
tbody tr:nth-child(even) { background: var(--soft); }
figure { margin: 2rem 0; } img { max-width: 100%; background: #fff; border-radius: 6px; }
figcaption { opacity: .8; } .wide { overflow-x: auto; }
"""


def about_bound(findings: Findings) -> str:
    """Say which bound it is and what it is of."""
    return (
        f"{findings.whole.drawn:,} of {findings.whole.accepted:,} accepted fields were drawn, with seed "
        f"{findings.audit.seed}. The bound: {_BOUNDS[findings.audit.by_field]}. It is of the drawn sample alone. What "
        "is not keyed, waits for a second person or is undecided counts as wrong in it."
    )


def as_json(findings: Findings, runs: Runs) -> str:
    """Write everything that was found."""
    audit = findings.audit
    whole: dict[str, Any] = {
        "audit": audit.id,
        "code": audit.code,
        "drawn_at": audit.at,
        "drawn_by": audit.who,
        "seed": audit.seed,
        "by_field": audit.by_field,
        "claim": float(audit.claim),
        "outcome": findings.outcome,
        "sentence": findings.sentence,
        "certainty": 0.95,
        "bound": _BOUNDS[audit.by_field],
        "lower": findings.lower,
        "clopper_pearson": findings.of_more_such,
        "more_to_prove": findings.more,
        "single_entry": float(SINGLE_ENTRY),
        "double_entry": float(DOUBLE_ENTRY),
        "all": _numbers(findings.whole),
        "read_as_empty": {name: value for name, value in _numbers(findings.empty).items() if name not in _OF_A_BOUND},
        "fields": [_numbers(count) for count in findings.by_field],
        "keying": {
            "keyed": sum(verdict.first is not None for verdict in findings.verdicts),
            "errors_of_first_person": list(findings.keying_errors),
            "not_read_by_first_person": unreadable(findings),
            "changed": findings.changed,
        },
        "without_scan": list(findings.without_scan),
        "notes": list(findings.notes),
        "read_by": [{**run, "settings": json.loads(run["settings"])} for run in runs],
        "not_right": [_one(*pair) for pair in findings.numbered("wrong", "undecided", "differs")],
    }
    return json.dumps(whole, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


_OF_A_BOUND: Final = ("accepted", "upper")


def _numbers(count: Count) -> dict[str, Any]:
    return {**asdict(count), "share": count.share}


def _one(field: AuditedField, verdict: Verdict) -> dict[str, Any]:
    keys = [key for key in (verdict.first, *verdict.others) if key]
    return {
        "number": field.number,
        "form": field.form,
        "field": field.field,
        "read": field.value,
        "confidence": field.confidence,
        "state": verdict.state,
        "is": verdict.value if verdict.state == "wrong" else None,
        "keys": [{"who": key.who, "key": key.key, "at": key.at} for key in keys],
    }


def as_html(findings: Findings, runs: Runs, strips: Mapping[int, Strip], plots: Mapping[str, bytes] | None) -> str:
    """Write a page with everything in it; every text is escaped, and nothing is fetched.

    Parameters
    ----------
    strips
        Of the fields that are not right, by their number.
    plots
        PNGs by name; None where they cannot be drawn.
    """
    title = f"Audit {findings.audit.id}: at most {per_10000(findings.audit.claim)} wrong in 10,000?"
    paragraphs = [about_bound(findings), findings.about_more, *findings.notes]
    return document(
        title,
        _STYLE,
        f"""<p class="said {findings.outcome}">{escape(findings.sentence)}</p>
{_paragraphs(paragraphs)}
{table(("", "in 10,000"), _compared(findings))}
<h2>Field by field</h2>
<p>Each bound holds for its field alone, not for all of them at once.</p>
{table(_HEADS, map(_cells, (findings.whole, *findings.by_field)))}
{_paragraphs(_about_empty(findings))}
<h2>Not right</h2>
{_not_right(findings, strips)}
<h2>Keying</h2>
{_paragraphs(_about_keying(findings))}
<h2>Confidence</h2>
{_figures(plots)}
<h2>Read by</h2>
{table(("", "", ""), _runs(runs), "texts")}
""",
    )


_HEADS: Final = ("field", "accepted", "drawn", "right", "wrong", "unknown", "wrong in 10,000", "95 % bound")


def _cells(count: Count) -> tuple[str, ...]:
    numbers = (count.accepted, count.drawn, count.right, count.wrong, count.unknown)
    share = "-" if count.share is None else per_10000(count.share, bound=False)
    bound = per_10000(count.upper) if count.drawn else "-"
    return (count.name, *(f"{number:,}" for number in numbers), share, bound)


def _compared(findings: Findings) -> Iterator[tuple[str, str]]:
    whole = findings.whole
    yield "wrong among those keyed", "-" if whole.share is None else per_10000(whole.share, bound=False)
    yield "95 % bound for this batch", per_10000(whole.upper)
    yield "Clopper and Pearson's bound, for any number of forms such as these", per_10000(findings.of_more_such)
    yield "single entry: one person keys all fields (Garza et al. 2025)", per_10000(SINGLE_ENTRY)
    yield "double entry: two people do (Garza et al. 2025)", per_10000(DOUBLE_ENTRY)


def _about_empty(findings: Findings) -> Iterator[str]:
    empty = findings.empty
    if empty.drawn:
        yield f"{empty.drawn:,} of the drawn fields were read as empty; {empty.wrong:,} of these are wrong."


def _about_keying(findings: Findings) -> Iterator[str]:
    keyed = sum(verdict.first is not None for verdict in findings.verdicts)
    errors = len(findings.keying_errors)
    rate = f", {per_10000(errors / keyed, bound=False)} in 10,000" if keyed else ""
    yield (
        f"{keyed:,} fields were keyed. {errors:,} first keys were keying errors, as another person says{rate}: "
        f"{', '.join(map(str, findings.keying_errors)) or 'none'}."
    )
    if count := unreadable(findings):
        yield f"{count:,} could not be read in full by the first person."
    if findings.changed:
        yield f"{findings.changed:,} keys were changed after they had been taken over."
    if findings.without_scan:
        numbers = ", ".join(map(str, findings.without_scan))
        yield f"Cannot be keyed, as their scans are gone, and count as wrong: {numbers}."


def _not_right(findings: Findings, strips: Mapping[int, Strip]) -> str:
    rows = []
    for field, verdict in findings.numbered("wrong", "undecided", "differs"):
        shown = strips[field.number]
        picture = image(shown.picture, "", "jpeg") if shown.picture else escape(shown.missing)
        keys = "; ".join(f"{key.who}: {_shown(key.key)}" for key in (verdict.first, *verdict.others) if key)
        place = f"{shown.scan.name} page {shown.scan.page}, {field.field}"
        texts = (str(field.number), place, _STATES[verdict.state], _shown(field.value), keys)
        rows.append("<tr>" + "".join(f"<td>{escape(text)}</td>" for text in texts) + f"<td>{picture}</td></tr>")
    if not rows:
        return "<p>None.</p>"
    heads = "".join(f"<th>{head}</th>" for head in ("number", "place", "", "read", "keyed", "written"))
    body = "\n".join(rows)
    return (
        f'<div class="wide"><table class="texts"><thead><tr>{heads}</tr></thead><tbody>\n{body}\n</tbody></table></div>'
    )


_STATES: Final = {"wrong": "wrong", "undecided": "undecided", "differs": "waits for a second person"}


def _shown(value: str) -> str:
    return value or "(empty)"


def _runs(runs: Runs) -> Iterator[tuple[str, str, str]]:
    for run in runs:
        yield "model", run["model"], run["model_fingerprint"]
        yield "template", run["form"] or "none", run["template_fingerprint"]
        yield "settings", run["settings"], f"formreader {run['version']}"


def _figures(plots: Mapping[str, bytes] | None) -> str:
    if plots is None:
        return "<p>Plots want matplotlib: pip install 'formreader[report]', then write the report again.</p>"
    if not plots:
        return "<p>Nothing is known of any field yet.</p>"
    return "".join(figure_of(png, _CAPTIONS[name]) for name, png in plots.items())


def _paragraphs(texts: Iterable[str]) -> str:
    return "\n".join(f"<p>{escape(text)}</p>" for text in texts if text)
