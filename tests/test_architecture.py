"""The parts know only the parts they may know: the import graph against the table of the design."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import formreader

ROOT = Path(formreader.__file__).parent

COMMON = {"errors", "values"}
STAGE = COMMON | {"rules", "template"}
MAY_IMPORT = {
    "errors": set[str](),
    "values": set[str](),
    "pictures": COMMON,
    "rules": COMMON,
    "template": COMMON | {"pictures", "rules", "scans", "whole_files", "workbooks"},
    "scans": COMMON | {"pictures", "places"},
    "align": STAGE | {"geometry"},
    "boxes": STAGE | {"geometry"},
    "geometry": {"values"},
    "normalize": {"values"},
    "crops": STAGE | {"normalize"},
    "strings": STAGE | {"normalize"},
    "features": {"values"},
    "svm": {"values"},
    "baselines": {"svm", "values"},
    "cascade": {"svm", "values"},
    "network": {"values"},
    "model": COMMON,
    "classify": STAGE | {"model"},
    "fields": STAGE,
    "quality": STAGE,
    "codes": STAGE | {"printed"},
    "marks": STAGE | {"geometry"},
    "labels": {"template", "values"},
    "pipeline": STAGE
    | {
        "align",
        "boxes",
        "classify",
        "codes",
        "crops",
        "fields",
        "labels",
        "marks",
        "model",
        "quality",
        "scans",
        "strings",
        "workers",
    },
    "workers": COMMON,
    "disks": set[str](),
    "whole_files": set[str](),
    "workbooks": set[str](),
    "places": {"errors"},
    "store": STAGE | {"disks", "fields", "places"},
    "checks": COMMON | {"rules", "store"},
    "printed": set[str](),
    "gathering": COMMON | {"printed", "rules", "store"},
    "printing": COMMON | {"export", "pictures", "printed", "scans", "template", "whole_files"},
    "export": STAGE
    | {"batch_forms", "checks", "fields", "gathering", "model", "scans", "store"}
    | {"strips", "trust", "workbooks"},
    "imported": COMMON | {"allowed", "batch_forms", "export", "store", "workbooks"},
    "library": COMMON | {"claims", "export", "model", "pipeline", "scans", "store", "template", "trust", "workers"},
    "singles": COMMON | {"classify", "model", "normalize", "pictures"},
    "training": COMMON
    | {"baselines", "cascade", "classify", "documents", "features", "model", "network", "normalize", "singles", "svm"}
    | {"trust"},
    "claims": {"errors"},
    "documents": set[str](),
    "trust": COMMON,
    "strips": {"values"},
    "allowed": COMMON | {"batch_forms", "fields", "rules", "store", "template"},
    "audit": COMMON
    | {"batch_forms", "checks", "claims", "documents", "export", "places", "scans", "store", "strips", "trust"}
    | {"workbooks"},
    "progress": COMMON | {"claims", "fields", "trust"},
    "watching": COMMON | {"disks", "places", "scans"},
    "status": COMMON | {"checks", "export", "fields", "gathering", "progress", "store"},
    "batch_forms": COMMON | {"store", "template"},
    "served": COMMON,
    "editor": COMMON
    | {"labels", "model", "pictures", "pipeline", "rules", "scans", "served", "template", "whole_files"},
    "review": COMMON
    | {"allowed", "audit", "batch_forms", "checks", "export", "fields", "model", "pipeline", "places", "rules"}
    | {"scans", "served", "store", "strips", "template", "trust"},
    "decided": COMMON | {"batch_forms", "fields", "pipeline", "scans", "store", "template", "training"},
    "runs": COMMON | {"export", "progress", "scans", "store"},
}
"""The program's parts, modules or packages, and the parts that each may import; `cli` may import any."""

DISK = {
    "pictures",
    "scans",
    "template",
    "model",
    "store",
    "export",
    "imported",
    "singles",
    "training",
    "cli",
    "progress",
    "audit",
    "review",
    "printing",
    "served",
    "editor",
    "whole_files",
    "workbooks",
}


def part_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imported_by(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


MODULES = sorted(path for path in ROOT.rglob("*.py") if part_of(path) not in {"__init__", "__main__", "cli"})


def test_a_part_imports_only_what_it_may_know() -> None:
    assert not {part_of(path) for path in MODULES} - MAY_IMPORT.keys(), "these have no place in the table"
    ours = {path: {n.split(".")[1] for n in imported_by(path) if n.startswith("formreader.")} for path in MODULES}
    known = {path: {part_of(path)} | MAY_IMPORT[part_of(path)] for path in MODULES}
    assert not {str(path.relative_to(ROOT)): more for path in MODULES if (more := ours[path] - known[path])}


def test_only_the_command_line_knows_typer() -> None:
    assert not [path for path in MODULES if "typer" in {name.split(".")[0] for name in imported_by(path)}]


def test_stages_do_not_touch_the_disk() -> None:
    stages = (path for path in MODULES if part_of(path) not in DISK)
    assert not {str(path.relative_to(ROOT)): calls for path in stages if (calls := on_disk(path))}


def on_disk(path: Path) -> set[str]:
    """Name the calls that read or write files."""
    calls = {
        node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Call)
    }
    return calls & {"open", "read_bytes", "read_text", "write_bytes", "write_text", "imread", "imwrite", "mkdir"}
