"""Read every folder of real forms that has a truth file, with the templates beside this module.

Run ``python -m tests.benchmarks.real_forms DATA_DIR``; DATA_DIR holds a folder for each template, named alike; a folder
with several forms has ``FOLDER-FORM.toml`` for each, all given together. A template's reference picture stays in
the data: it is copied beside the template for the run. Each folder's shares come from `tests.benchmarks.forms`.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import tomllib
from pathlib import Path

from formreader.align import straightened, upright_picture
from formreader.scans import load_page, save_picture
from formreader.values import PageRef
from tests.benchmarks import forms

TEMPLATES = Path(__file__).parent / "templates"


def stage(template: Path, data: Path, place: Path) -> Path:
    """Copy a template and its reference to a place; a PDF or a photograph is drawn upright first."""
    reference = tomllib.loads(template.read_text(encoding="utf-8"))["form"]["reference"]
    if (data / reference).exists():
        shutil.copy(data / reference, place / reference)
    else:
        (scan,) = data.glob(f"{Path(reference).stem}.*")
        page = load_page(PageRef(scan))
        height, width = page.pixels.shape
        save_picture(place / reference, upright_picture(straightened(page), width, height))
    return Path(shutil.copy(template, place / template.name))


def main() -> None:
    """Print a table a folder."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path, help="folder with the folders of forms")
    parser.add_argument("--only", help="name of the one folder to run")
    parser.add_argument("--model", default="default", help="default, accurate or a file")
    parser.add_argument("--max-wrong", default="10/10000", help="share of the accepted fields that may be wrong")
    given = parser.parse_args()
    for folder in sorted({template.stem.split("-")[0] for template in TEMPLATES.glob("*.toml")}):
        data = given.data / folder
        if not (data / "truth.csv").exists() or given.only not in (None, folder):
            continue
        print(f"\n## {folder}")
        with tempfile.TemporaryDirectory() as place:
            staged = [stage(template, data, Path(place)) for template in sorted(TEMPLATES.glob(f"{folder}*.toml"))]
            asked = ("--model", given.model, "--max-wrong", given.max_wrong)
            forms.main([str(data), *asked, *(word for path in staged for word in ("-t", str(path)))])


if __name__ == "__main__":
    main()
