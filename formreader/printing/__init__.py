"""Print a form of one's own: a list of fields becomes a PDF and the template that it is read with."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from formreader.errors import TemplateError, UnusableCall
from formreader.export import guarded
from formreader.pictures import encode_png
from formreader.printed import PrintedCode, as_text
from formreader.printing.described import template_text
from formreader.printing.drawing import INKS, Copy, code_modules, drawn
from formreader.printing.fields_file import read_fields
from formreader.printing.form import SERIAL, Form
from formreader.printing.layout import MOST_PAGES, laid_out
from formreader.printing.letters import fonts_for
from formreader.printing.rows import Rows, columns_named, read_rows
from formreader.printing.setting import Setter
from formreader.printing.sheets import PAPERS_MM
from formreader.scans.pdf_pages import RENDER_DPI, load_pdf_page
from formreader.template import form_of_text
from formreader.template.wording import did_you_mean
from formreader.values import Grey
from formreader.whole_files import write_whole

PAPERS: Final = tuple(PAPERS_MM)
TONES: Final = tuple(INKS)
LEAST_DIGITS: Final = 4
"""Of a copy's number, leading zeros included."""
MOST_COPIES: Final = 10_000
LARGEST_NUMBER: Final = 10**12
_IN_FOOT: Final = frozenset({"page", "pages", SERIAL})
"""What the words at the foot may name, besides columns."""


@dataclass(frozen=True, slots=True, eq=False)
class Printed:
    """A form to write to files.

    Attributes
    ----------
    references
        A picture a page, without what differs from copy to copy.
    serials
        The people whom copies are for, with the number of each; None where there are none.
    fonts
        Whose letters are in it.
    """

    form: Form
    pdf: bytes
    template: str
    references: tuple[Grey, ...]
    copies: int
    serials: str | None
    fonts: tuple[Path, ...]


def print_form(
    fields: Path,
    output: Path,
    *,
    paper: str = "",
    tone: str = "",
    copies: int | None = None,
    number_from: int | None = None,
    people: Path | None = None,
    fonts: Sequence[Path] = (),
) -> Printed:
    """Make a form, its template and the list of its copies.

    Parameters
    ----------
    output
        Name of the PDF; the template's reference pictures are named after it.
    paper, tone
        Instead of what the fields file says.
    copies, number_from, people
        How many copies, the number of the first, and a CSV with a row for each copy. Without any of these the form is
        printed once and has no number.

    Raises
    ------
    UnusableCall
        The fields file has mistakes, something does not fit on the paper, no font has a letter, or a file is unusable.
    """
    form = read_fields(fields)
    form = replace(form, paper=paper or form.paper, tone=tone or form.tone)
    rows = read_rows(people) if people is not None else None
    _check_columns(form, fields, rows, people)
    each = tuple(_copies(copies, number_from, rows, people))
    numbered = bool(each[0].serial)
    filled_rows = [{**(copy.row or {}), SERIAL: copy.serial} for copy in each] if numbered else []
    chosen = fonts_for(form, fonts, _printed_cells(form, rows))
    with Setter(chosen, form.rtl, filled_rows) as setter:
        layout = laid_out(form, setter, len(code_modules(as_text(PrintedCode(form.name, MOST_PAGES, each[-1].serial)))))
        ink = INKS[form.tone]
        blank = drawn(layout, [Copy()], form.name, setter, ink, with_code=not numbered)
        pdf = drawn(layout, each, form.name, setter, ink, language=form.language)
    references = tuple(_rendered(blank, page, output.name) for page in range(1, len(layout.sheets) + 1))
    size = (references[0].shape[1], references[0].shape[0])
    names = [path.name for path in reference_paths(output, len(references))]
    template = template_text(form, layout, size, RENDER_DPI, names, fields.parent, numbered=numbered)
    form_of_text(template)  # raises: what is printed must be readable
    serials = _serials(rows, each) if rows is not None else None
    return Printed(form, pdf, template, references, len(each), serials, chosen)


def reference_paths(output: Path, pages: int) -> list[Path]:
    """Give the names of a form's reference pictures, beside its PDF."""
    if pages == 1:
        return [output.with_suffix(".png")]
    return [output.with_name(f"{output.stem}-{page}.png") for page in range(1, pages + 1)]


def serials_path(output: Path) -> Path:
    """Give the name of the list of people with their copies' numbers, beside the PDF."""
    return output.with_name(f"{output.stem}-serials.csv")


def write_form(printed: Printed, output: Path) -> list[Path]:
    """Write the PDF, the template, its pictures and the list; those with people's data for their owner's eyes alone.

    Returns
    -------
    paths
        What was written.

    Raises
    ------
    UnusableCall
        A file cannot be written.
    """
    pictures = reference_paths(output, len(printed.references))
    files = [(path, encode_png(picture)) for path, picture in zip(pictures, printed.references, strict=True)]
    files += [(output.with_suffix(".toml"), printed.template.encode()), (output, printed.pdf)]
    if printed.serials is not None:
        files.append((serials_path(output), printed.serials.encode()))
    personal = {output, serials_path(output)} if printed.serials is not None else set()
    output.parent.mkdir(parents=True, exist_ok=True)
    for path, content in files:
        try:
            write_whole(path, content, 0o600 if path in personal else None)
        except OSError as error:
            raise UnusableCall(f"{path}: cannot be written ({error.strerror}); name another place with -o") from error
    return [path for path, _ in files]


def _rendered(pdf: bytes, page: int, name: str) -> Grey:
    return load_pdf_page(pdf, name, page).grey


def _check_columns(form: Form, fields: Path, rows: Rows | None, people: Path | None) -> None:
    """Refuse texts that name a column which the people's list has not."""
    header = rows.header if rows else ()
    if SERIAL in map(str.casefold, header):
        raise UnusableCall(f"{people}: the column '{SERIAL}' is what copies are numbered in; call yours otherwise")
    problems = []
    for place, text in form.texts():
        allowed = {*header, *(_IN_FOOT if text in (form.foot, form.number) else ())}
        for name in columns_named(text):
            if name not in allowed:
                there = f"{people} has no such column" if rows else "there is no --data file with columns"
                hint = did_you_mean(name, header)
                problems.append(f"{place}: '{{{name}}}': {there}{hint}; write {{{{ and }}}} for braces")
    if problems:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        raise TemplateError("\n  ".join([f"{fields.name}: {count}", *dict.fromkeys(problems)]))


def _printed_cells(form: Form, rows: Rows | None) -> Iterator[str]:
    """Give what the people's list has in columns that some text names."""
    named = {name for _, text in form.texts() for name in columns_named(text)}
    for name in rows.header if rows else ():
        if rows and name in named:
            yield from rows.column(name)


def _copies(copies: int | None, number_from: int | None, rows: Rows | None, people: Path | None) -> Iterator[Copy]:
    """Give the copies to print, numbered where anything was said of copies."""
    if copies is None and number_from is None and rows is None:
        yield Copy()
        return
    count = len(rows.rows) if rows else copies or 1
    if rows and copies is not None and copies != count:
        raise UnusableCall(f"--copies {copies}: {people} has {count} rows, a copy each; leave --copies out")
    first = 1 if number_from is None else number_from
    if count > MOST_COPIES:
        raise UnusableCall(
            f"{count:,} copies: up to {MOST_COPIES:,} go into one file; print the rest with --number-from"
        )
    if first + count > LARGEST_NUMBER:
        raise UnusableCall(f"--number-from {first}: a number should have fewer than {len(str(LARGEST_NUMBER))} digits")
    wide = max(LEAST_DIGITS, len(str(first + count - 1)))
    for k in range(count):
        row: Mapping[str, str] | None = dict(zip(rows.header, rows.rows[k], strict=True)) if rows else None
        yield Copy(f"{first + k:0{wide}}", row)


def _serials(rows: Rows, copies: Sequence[Copy]) -> str:
    """Write the people's list with the number of each, as CSV that no spreadsheet takes for formulas."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow([guarded(cell) for cell in (*rows.header, SERIAL)])
    for row, copy in zip(rows.rows, copies, strict=True):
        writer.writerow([guarded(cell) for cell in (*row, copy.serial)])
    return text.getvalue()
