"""Write an edited template: only what was changed changes; comments, order and spaces of all else stay."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import AoT, Array, Table

from formreader.editor.document import Document, EditedCheck, EditedField, Tables, listed, same, tables_of
from formreader.editor.sections import Parted, Section, comments_in, parted

_BOM: Final = "\ufeff"
_OURS: Final = ("form", "field", "check")


@dataclass(frozen=True, slots=True)
class Written:
    """A template's text whose tables are known by the identities of fields and checks.

    Attributes
    ----------
    text
        As in the file: byte order mark and line ends too.
    kept
        The section of each field and check that ever stood in the file: one that is deleted, saved and brought back
        has its comments again.
    field_ids, check_ids
        Of those in the text, in its order.
    """

    text: str
    kept: Mapping[str, Section]
    field_ids: tuple[str, ...]
    check_ids: tuple[str, ...]

    @property
    def tables(self) -> Tables:
        """What the text says."""
        return tomllib.loads(_lined(self.text))


def written(text: str, before: Mapping[str, Section] | None = None, document: Document | None = None) -> Written:
    """Give a text its identities: those of the document that it was made of, or new ones.

    Raises
    ------
    tomllib.TOMLDecodeError
        It is no valid TOML.
    """
    tables = tomllib.loads(_lined(text))
    ids = {}
    for key, of_document in (("field", document and document.fields), ("check", document and document.checks)):
        count = len(listed(tables, key))
        known = [one.id for one in of_document or ()]
        ids[key] = tuple(known) if len(known) == count else tuple(f"{key}{n}" for n in range(1, count + 1))
    kept = dict(before or {})
    split = parted(_lined(text))
    if _is_usual(tables, split):
        for key in ("field", "check"):
            kept |= dict(zip(ids[key], split.of(key), strict=True))
    return Written(text, kept, ids["field"], ids["check"])


def text_of(document: Document, base: Written) -> str:
    """Write a document over the text it came from."""
    lined = _lined(base.text)
    before, split = tomllib.loads(lined), parted(lined)
    after = tables_of(document)
    others = {key: value for key, value in before.items() if key not in _OURS}
    if same(before, after | others):
        return base.text
    text = str(_changed(document, base, split)) if _is_usual(before, split) else ""
    if not text or not same(tomllib.loads(text), after | others):
        text = comments_in(lined) + tomlkit.dumps(after | others)
    return _as_was(text, base.text)


def _is_usual(tables: Tables, split: Parted) -> bool:
    """Whether each table stands under a head of its own, as people and this program write it."""
    for key in ("field", "check"):
        if len(tables.get(key, [])) != len(split.of(key)) or not isinstance(tables.get(key, []), list):
            return False
    top = [tomllib.loads(section.body) for section in split.of("")]
    return sum(one.is_main for one in split.of("form")) == 1 and not any(key in one for one in top for key in _OURS)


def _changed(document: Document, base: Written, split: Parted) -> Parted:
    """Change sections one by one; fields stand where fields stood, checks where checks did."""
    after = tables_of(document)
    moved, tail = _comments_that_stay(document, base, split)
    waiting = {
        key: [_section(key, one.id, table, base, moved) for one, table in zip(items, after.get(key, []), strict=True)]
        for key, items in _items(document)
    }
    last = {section.key: number for number, section in enumerate(split.sections)}
    sections: list[Section] = []
    for number, section in enumerate(split.sections):
        if section.key in waiting:
            here = waiting[section.key]
            count = len(here) if number == last[section.key] else 1
            sections += here[:count]
            del here[:count]
        elif section.key == "form" and section.is_main:
            sections.append(_form(section, base.tables["form"], after["form"]))
        else:
            sections.append(section)
    return Parted((*sections, *waiting["field"], *waiting["check"]), tail + split.tail)


def _items(document: Document) -> tuple[tuple[str, Sequence[EditedField | EditedCheck]], ...]:
    return ("field", document.fields), ("check", document.checks)


def _comments_that_stay(document: Document, base: Written, split: Parted) -> tuple[dict[str, str], str]:
    """Give the comments above deleted tables that are not about them, by the table that they now stand above."""
    stays = {one.id for _, items in _items(document) for one in items}
    ids = {"field": iter(base.field_ids), "check": iter(base.check_ids)}
    moved: dict[str, str] = {}
    waiting = ""
    for section in split.sections:
        one = next(ids[section.key]) if section.key in ids else ""
        if one in stays and waiting:
            moved[one], waiting = waiting, ""
        elif one and one not in stays:
            waiting += section.comments_of_others
    return moved, waiting


def _form(section: Section, before: Tables, after: Tables) -> Section:
    """Change the form's own table; what stands in tables below it stays there."""
    own = tomllib.loads(section.body)["form"]
    below = before.keys() - own.keys()
    wanted = {key: value for key, value in after.items() if key not in below}
    return Section("form", section.lead, _edited(section.body, own, wanted, "form"))


def _section(key: str, one: str, table: Tables, base: Written, moved: Mapping[str, str]) -> Section:
    """Give a field's or check's section: the one it has, changed where it must be, or a new one."""
    stood = base.kept.get(one)
    if stood is None:
        return Section(key, "\n", _fresh(key, table))
    return Section(key, moved.get(one, "") + stood.lead, _rewritten(stood.body, key, _Wanted(repr(table), table)))


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A table to write; two are the same when they are told by the same text."""

    told: str
    table: Tables = field(compare=False)


@lru_cache(maxsize=4096)
def _rewritten(body: str, key: str, wanted: _Wanted) -> str:
    """Change one field's or check's text; whoever types changes one of hundreds, and the others are remembered."""
    lined = body if body.endswith("\n") else f"{body}\n"
    return _edited(lined, tomllib.loads(lined)[key][0], wanted.table, key)


def _edited(body: str, old: Tables, new: Tables, key: str) -> str:
    """Change the values of one table that differ; where that goes wrong, write it anew below its comments."""
    if same(old, new):
        return body
    try:
        document = tomlkit.parse(body)
        found = document[key]
        table = found[0] if isinstance(found, AoT) else found
        if not isinstance(table, Table):
            raise TypeError(key)
        for gone in [one for one in old if one not in new]:
            table.remove(gone)
        for name, value in new.items():
            if name not in old:
                table.append(name, _item(name, value))
            elif not same(old[name], value):
                _put(table, name, value)
        text = document.as_string()
        read = tomllib.loads(text)[key]
        if same(read[0] if isinstance(read, list) else read, new):
            return text
    except (TOMLKitError, tomllib.TOMLDecodeError, TypeError, ValueError, IndexError, KeyError):
        pass
    return comments_in(body) + _fresh(key, new)


def _put(table: Table, name: str, value: Any) -> None:
    """Change one value: of boxes each by itself, so that what is written beside the others stays."""
    stands = table[name]
    if name == "boxes" and isinstance(stands, Array) and isinstance(value, list) and len(stands) == len(value):
        for i, (one, other) in enumerate(zip(stands.unwrap(), value, strict=True)):
            if not same(one, other):
                stands[i] = other
        return
    table[name] = _item(name, value)


def _item(name: str, value: Any) -> Any:
    """Give a value as it is written: boxes one a line, tables in one line."""
    if name == "boxes" and len(value) > 1:
        lines = "".join(f"    {tomlkit.item(box).as_string()},\n" for box in value)
        return tomlkit.parse(f"boxes = [\n{lines}]")["boxes"]
    if isinstance(value, dict):
        table = tomlkit.inline_table()
        table.update(value)
        return table
    return tomlkit.item(value)


def _fresh(key: str, table: Tables) -> str:
    """Write a table anew."""
    document = tomlkit.document()
    for name, value in table.items():
        document.append(name, _item(name, value))
    head = f"[{key}]" if key == "form" else f"[[{key}]]"
    body = f"{head}\n{document.as_string()}"
    return body if body.endswith("\n") else f"{body}\n"


def _lined(text: str) -> str:
    return text.removeprefix(_BOM).replace("\r\n", "\n")


def _as_was(text: str, before: str) -> str:
    """Give a text the byte order mark and the line ends that another one has."""
    ended = text.replace("\n", "\r\n") if "\r\n" in before else text
    return (_BOM if before.startswith(_BOM) else "") + ended
