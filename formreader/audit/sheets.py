"""What is keyed from and into: ``keys.csv``, and pages of strips in the same order, in a folder for their owner alone.

What was read stands in neither. Both need nothing beside them: no script, nothing that is fetched.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Final

from formreader.audit.strips import Strip, strips_of
from formreader.documents import document, image
from formreader.errors import BatchError
from formreader.export import guarded, whole
from formreader.store import Audit, AuditedField, Results

KEY_COLUMNS: Final = {1: "key", 2: "second_key"}
"""The column to fill, by the look."""

EXAMPLE: Final = "007"
"""Stands in the first row: a program that takes leading zeros from numbers takes these too."""

_EXAMPLE_SAYS: Final = "stays 007"
_ON_A_PAGE: Final = 500

_STYLE: Final = """
body { font: 16px/1.4 system-ui, sans-serif; margin: 1rem; background: #fff; color: #000; }
p { max-width: 60rem; }
ol { list-style: none; margin: 0; padding: 0; }
li { display: grid; grid-template-columns: 4rem 10rem auto; gap: 1rem; align-items: center; padding: .25rem 0;
  border-bottom: 1px solid #ddd; break-inside: avoid; }
b { text-align: right; font-size: 1.25rem; font-variant-numeric: tabular-nums; }
span { overflow-wrap: anywhere; } img { max-width: 100%; display: block; }
"""

_HOW: Final = (
    "Key what is written in the bright boxes into the column of {file} that is called {column}, each in the row of its "
    "number: digits from left to right, without boxes that are empty, struck out or filled up with strokes or crosses. "
    "A point or comma is keyed as a point. For a box that holds no digit or cannot be read key ?, and _ where nothing "
    "is written at all. Leave a row empty to key it later. Do not look at the results meanwhile."
)
_HOW_MARKED: Final = (
    "Where words stand below a field's name, its boxes are to be marked: key the words of the marked ones, with ; "
    "between several. The words are in the order of the boxes."
)
_ZEROS: Final = (
    f"The first row of the file must show {EXAMPLE}: a spreadsheet that shows 7 takes zeros off everywhere. Then close "
    "it and import the file anew, with the type Text for the column."
)


def write_sheets(
    results: Results,
    audit: Audit,
    fields: Sequence[AuditedField],
    folder: Path,
    *,
    look: int = 1,
    tell: Callable[[int], None] = lambda _cut: None,
) -> tuple[Path, list[Strip]]:
    """Write the file to key into and the strips to key from, in a new folder or beside what is in one.

    Parameters
    ----------
    fields
        In the order of keying.
    look
        1 for ``keys.csv``, 2 for ``second-keys.csv`` and, where there is one, ``second-2-keys.csv``.
    tell
        Is told how many strips are cut.

    Returns
    -------
    Path, list of Strip
        The file to key into, and the strips that have no picture, as their scans are gone.

    Raises
    ------
    BatchError
        A file of that name is there, which may hold keys; or none can be written.
    """
    prefixes = ("", *("second-" if n == 1 else f"second-{n}-" for n in range(1, 1000)))
    prefix = prefixes[0] if look == 1 else next(one for one in prefixes[1:] if not (folder / f"{one}keys.csv").exists())
    sheet = folder / f"{prefix}keys.csv"
    if sheet.exists():
        raise BatchError(f"{sheet}: is there already and may hold keys; move it elsewhere first")
    strips: dict[int, Strip] = {}
    for cut, one in enumerate(strips_of(results, fields), start=1):
        strips[one.field.number] = one
        tell(cut)
    pages = {f"{prefix}{name}": text for name, text in _pages(audit, fields, strips, sheet.name, look).items()}
    write_private(folder, {**pages, sheet.name: _table(audit, fields, look)})
    return sheet, [strips[field.number] for field in fields if strips[field.number].picture is None]


def write_private(folder: Path, texts: Mapping[str, str]) -> None:
    """Write files, readable by their owner alone, each whole or not at all.

    Raises
    ------
    BatchError
        They cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise BatchError(f"{folder}: cannot be written to ({error.strerror or error}); name another place") from error
    for name, text in texts.items():
        with whole(folder / name) as part:
            part.write_bytes(text.encode("utf-8", "backslashreplace"))


def _table(audit: Audit, fields: Iterable[AuditedField], look: int) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["number", "field", KEY_COLUMNS[look], "audit"])
    writer.writerow(["0", _EXAMPLE_SAYS, EXAMPLE, audit.code])
    writer.writerows([str(field.number), guarded(field.field), "", audit.code] for field in fields)
    return stream.getvalue()


def _pages(
    audit: Audit, fields: Sequence[AuditedField], strips: Mapping[int, Strip], sheet: str, look: int
) -> dict[str, str]:
    starts = range(0, len(fields), _ON_A_PAGE)
    names = ["strips.html"] if len(starts) < 2 else [f"strips-{page}.html" for page in range(1, len(starts) + 1)]
    return {
        name: _page(audit, [strips[field.number] for field in fields[start : start + _ON_A_PAGE]], sheet, look)
        for name, start in zip(names, starts, strict=True)
    }


def _page(audit: Audit, strips: Sequence[Strip], sheet: str, look: int) -> str:
    title = f"Audit {audit.id}: fields {strips[0].field.number} to {strips[-1].field.number}"
    how = _HOW.format(file=sheet, column=KEY_COLUMNS[look])
    marked = f"\n<p>{escape(_HOW_MARKED)}</p>" if any(one.field.options for one in strips) else ""
    rows = "\n".join(map(_row, strips))
    return document(
        title,
        _STYLE,
        f"""<p>{escape(how)}</p>{marked}
<p>{escape(_ZEROS)}</p>
<ol>
{rows}
</ol>
""",
    )


def _row(one: Strip) -> str:
    shown = escape(f"cannot be shown: {one.missing}") if one.picture is None else image(one.picture, "", "jpeg")
    options = escape(", ".join(one.field.options))
    named = escape(one.field.field) + (f"<br><small>{options}</small>" if options else "")
    return f"<li><b>{one.field.number}</b><span>{named}</span><div>{shown}</div></li>"
