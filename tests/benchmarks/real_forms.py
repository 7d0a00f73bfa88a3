"""Read every folder of real forms that has a truth file, with the templates beside this module.

Run ``python -m tests.benchmarks.real_forms DATA_DIR``; DATA_DIR holds a folder for each template, named alike. A
template's reference picture stays in the data: it is copied beside the template for the run. Each folder's shares come
from `tests.benchmarks.forms`.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import tomllib
from pathlib import Path

from formreader.scans import load_page, save_picture
from formreader.values import PageRef
from tests.benchmarks import forms

TEMPLATES = Path(__file__).parent / "templates"


def stage(template: Path, data: Path, place: Path) -> Path:
    """Copy a template and its reference picture to a place; a reference from a PDF is drawn from its first page."""
    reference = tomllib.loads(template.read_text(encoding="utf-8"))["form"]["reference"]
    if (data / reference).exists():
        shutil.copy(data / reference, place / reference)
    else:
        first = load_page(PageRef(data / Path(reference).with_suffix(".pdf").name))
        save_picture(place / reference, first.pixels)
    return Path(shutil.copy(template, place / template.name))


def main() -> None:
    """Print a table a folder."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path, help="folder with the folders of forms")
    parser.add_argument("--only", help="name of the one template to run")
    given = parser.parse_args()
    for template in sorted(TEMPLATES.glob("*.toml")):
        data = given.data / template.stem.split("-")[0]
        if not (data / "truth.csv").exists() or given.only not in (None, template.stem):
            continue
        print(f"\n## {template.stem}")
        with tempfile.TemporaryDirectory() as place:
            forms.main([str(data), "-t", str(stage(template, data, Path(place)))])


if __name__ == "__main__":
    main()
