"""The form description: read, write, validate."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from formreader.errors import TemplateError
from formreader.pictures import encode_png
from formreader.rules import Across, Check
from formreader.template import schema
from formreader.template.form import Field, Markers, Rectangle, Template, corners_of
from formreader.template.form_schema import FormTable
from formreader.template.lists import ListProblem, read_list
from formreader.template.references import read_references
from formreader.template.rule_problems import file_problems
from formreader.template.rules_schema import ListTable, rules_of
from formreader.template.toml_text import mistakes, read_toml
from formreader.template.written import as_toml
from formreader.values import Grey
from formreader.whole_files import write_whole

__all__ = [
    "Field",
    "Markers",
    "Rectangle",
    "Template",
    "corners_of",
    "form_of_text",
    "load_again",
    "load_form",
    "load_template",
    "load_templates",
    "pictures_beside",
    "save_form",
    "save_template",
    "sheet_name",
    "text_of",
]

_PREFACE = """\
# A printed form, for formreader. All lengths are pixels of the reference picture: x, y, width, height.
# Rename fields as the columns should be called; a field's boxes stand in writing order.

"""


def load_template(path: Path, unsaved: Mapping[str, bytes] = MappingProxyType({})) -> Template:
    """Read and check the template of a form of one page, as `load_form` does.

    Raises
    ------
    TemplateError
        It cannot be read, is of a form of several pages, or has mistakes: all of them, each with its place.
    """
    sheet, *others = load_form(path, unsaved)
    if others:
        raise TemplateError(f"{path}: the form has fields on {1 + len(others)} pages; one of a single page is wanted")
    return sheet


def load_form(path: Path, unsaved: Mapping[str, bytes] = MappingProxyType({})) -> tuple[Template, ...]:
    """Read and check a template: give one for each page of the form that has fields, in their order.

    Parameters
    ----------
    unsaved
        What files of its folder, itself too, are going to hold, by name; they need not be there yet.

    Raises
    ------
    TemplateError
        It cannot be read, or has mistakes: all of them, each with its place.
    """
    _, tables = read_toml(path, unsaved.get(path.name))
    form, described, checks, problems = schema.check(tables)
    lists = _read_lists(path.parent, described, problems)
    pictures: list[Grey] = []
    if form is not None and form.reference and not any(problem.startswith("form: 'reference'") for problem in problems):
        count = form.page_count(max((table.page for table in described), default=1))
        pictures, wrong = read_references(path.parent, form, count, unsaved)
        problems += wrong
    if form is None or problems:
        raise mistakes(path.name, problems)
    return _sheets(form, described, lists, checks, pictures, path.resolve())


def form_of_text(text: str) -> tuple[Template, ...]:
    """Make templates of a text alone: without reference pictures, and without the lists that lie in files beside it.

    Raises
    ------
    TemplateError
        It has mistakes.
    """
    try:
        form, described, checks, problems = schema.check(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise TemplateError(f"the template's text is no valid TOML: {error}") from error
    if form is None or problems:
        raise mistakes("the template's text", problems)
    bare = [t.model_copy(update={"one_of": None}) if isinstance(t.one_of, ListTable) else t for t in described]
    return tuple(replace(sheet, path=None) for sheet in _sheets(form, bare, {}, checks, (), Path()))


def load_templates(paths: Iterable[Path]) -> tuple[Template, ...]:
    """Read templates of several forms, each with a name of its own: results are named after them.

    Returns
    -------
    tuple of Template
        One for each page of each form.

    Raises
    ------
    TemplateError
        One cannot be read or has mistakes, or two have one name.
    """
    named: dict[str, tuple[Path, tuple[Template, ...]]] = {}
    for path in paths:
        sheets = load_form(path)
        first, _ = named.setdefault(sheets[0].form.casefold(), (path, sheets))
        if first is not path:
            raise TemplateError(
                f"{path}: its form is called '{sheets[0].form}' as that of {first}; give each form a name of its own"
            )
    return tuple(template for _, sheets in named.values() for template in sheets)


def text_of(sheets: Sequence[Template], references: Sequence[str]) -> str:
    """Give the text that `save_form` writes."""
    return _PREFACE + as_toml(sheets, references)


def save_template(template: Template, path: Path, reference: str = "") -> None:
    """Write a template as TOML, with its reference picture beside it; each appears whole or not at all.

    Parameters
    ----------
    reference
        Name of the picture; the template's own with ``.png`` where left out.

    Raises
    ------
    TemplateError
        The template has mistakes, so that it could not be read again; nothing was written.
    """
    save_form((template,), path, (reference or f"{path.stem}.png",))


def save_form(sheets: Sequence[Template], path: Path, references: Sequence[str] = ()) -> None:
    """Write the template of a form of one or several pages, with its reference pictures beside it.

    Parameters
    ----------
    sheets
        The templates of its pages, all of them with the form's name and number of pages; named as `sheet_name` does.
    references
        Names of the pictures of all of the form's pages; the template's own, numbered, where left out.

    Raises
    ------
    TemplateError
        The template has mistakes, so that it could not be read again; nothing was written.
    """
    pages = sheets[0].pages
    if [sheet.page for sheet in sheets] != list(range(1, pages + 1)):
        raise TemplateError(f"{path.name}: 1 problem\n  form: each of its {pages} pages needs a template with fields")
    references = references or [f"{path.stem}-{page}.png" for page in range(1, pages + 1)]
    text = as_toml(sheets, references)
    *_, problems = schema.check(tomllib.loads(text))
    for sheet in sheets:
        if sheet.reference is not None and sheet.reference.shape != (sheet.height, sheet.width):
            problems.append(f"form: the reference picture should be {sheet.width} x {sheet.height} pixels")
    if problems:
        raise mistakes(path.name, list(dict.fromkeys(problems)))
    for sheet in sheets:
        if sheet.reference is not None:
            write_whole(path.parent / references[sheet.page - 1], encode_png(sheet.reference))
    write_whole(path, (_PREFACE + text).encode())


def pictures_beside(template: Path, kind: str, pages: int) -> list[Path]:
    """Name the pictures of a kind beside a template, one a page of its form."""
    numbers = [""] if pages == 1 else [f"-{page}" for page in range(1, pages + 1)]
    return [template.with_name(f"{template.stem}-{kind}{number}.png") for number in numbers]


def sheet_name(form: str, page: int) -> str:
    """Name the template of one page of a form of several."""
    return f"{form}#{page}"


def _read_lists(
    folder: Path, described: Iterable[schema.FieldTable], problems: list[str]
) -> dict[str, tuple[str, ...]]:
    """Read the lists that lie in files, by the field's name; what is wrong with them is added to the problems."""
    lists: dict[str, tuple[str, ...]] = {}
    for table in described:
        if isinstance(table.one_of, ListTable) and not any(file_problems(table.one_of)):
            try:
                lists[table.name] = read_list(folder, table.one_of)
            except ListProblem as problem:
                problems.append(f"field '{table.name}': 'one_of': {problem}")
                continue
            wrong = table.value_problems("one_of", lists[table.name])
            problems += [f"field '{table.name}': {problem} ({table.one_of.file})" for problem in wrong]
    return lists


def _sheets(
    form: FormTable,
    described: Sequence[schema.FieldTable],
    lists: Mapping[str, tuple[str, ...]],
    checks: Sequence[Across],
    pictures: Sequence[Grey],
    path: Path,
) -> tuple[Template, ...]:
    """Make a template of each page that has fields; a check belongs to every page that has all it speaks of."""
    on_page = {
        page: [table for table in described if table.page == page] for page in sorted({t.page for t in described})
    }
    names = {page: {table.name for table in tables} for page, tables in on_page.items()}
    pages = form.page_count(max(on_page))
    across = tuple(check for check in checks if not any(some.issuperset(check.fields) for some in names.values()))
    sheets = (
        _template(
            form,
            page,
            [_field(table, lists) for table in tables],
            [check for check in checks if names[page].issuperset(check.fields)],
            pictures[page - 1] if pictures else None,
            path,
        )
        for page, tables in on_page.items()
    )
    if pages == 1:
        return tuple(sheets)
    return tuple(
        replace(sheet, name=sheet_name(form.name, sheet.page), pages=pages, across_pages=across) for sheet in sheets
    )


def _template(
    form: FormTable,
    page: int,
    described: Iterable[Field],
    checks: Iterable[Check],
    reference: Grey | None,
    path: Path,
) -> Template:
    markers = None
    if form.markers is not None:
        centres = tuple((float(x), float(y)) for x, y in form.markers.centres)
        mark = form.markers
        markers = Markers(mark.kind, centres, float(mark.size), mark.dictionary, tuple(mark.ids_of(page)))
    return Template(
        name=form.name,
        width=form.width,
        height=form.height,
        dpi=float(form.resolution()),
        fields=tuple(described),
        reference=reference,
        reference_filled=form.reference_filled,
        markers=markers,
        path=path,
        codes=True if form.gather == "qr" else form.codes,
        version=str(form.version),
        checks=tuple(checks),
        page=page,
        gather=form.gather or "sequence",
    )


def _field(table: schema.FieldTable, lists: Mapping[str, tuple[str, ...]]) -> Field:
    boxes = tuple((float(x), float(y), float(width), float(height)) for x, y, width, height in table.rectangles())
    return Field(
        *(table.name, boxes, table.digits(), table.is_required(), tuple(table.filler), table.filler_only),
        decimals=table.fraction(),
        point=float(table.point) if isinstance(table.point, int | float) else None,
        rules=rules_of(table, lists.get(table.name, table.entries())),
        missing=tuple(map(str, table.missing)),
        allow=tuple(table.allow),
        align=table.align or "",
        unique=table.unique,
        kind=table.kind,
        options=table.choices(),
        many=table.many,
    )


@functools.lru_cache(maxsize=64)
def load_again(path: Path, fingerprint: str) -> Template:
    """Read a template in a worker process, once, and make sure that it is the one the run began with."""
    template = next((sheet for sheet in load_form(path) if sheet.fingerprint == fingerprint), None)
    if template is None:
        raise TemplateError(f"{path}: it was changed since it was read; start again")
    return template
