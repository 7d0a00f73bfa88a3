"""Marks on real forms: those of ``truth_choices.csv``, and those of queXF's survey as they were read by eye.

Run ``python -m tests.benchmarks.real_choices DATA_DIR``. A field that is accepted with another value than the truth is
``WRONG``; the other columns say what a person would be asked. Pictures that the templates need are made for the run.
"""

from __future__ import annotations

import argparse
import csv
import shutil
import tempfile
from pathlib import Path
from typing import Final

from formreader.align import straightened, upright_picture
from formreader.model import default_model_path, load_model
from formreader.pipeline import read_page
from formreader.scans import find_scans, load_page, save_picture
from formreader.template import load_template

TEMPLATES: Final = Path(__file__).parent / "templates" / "choices"
SURVEY: Final = {
    "A1_1": "not useful",
    "A1_2": "useful",
    "B1_1": "a great amount",
    "B1_2": "a little",
    "B1_3": "unsure",
    "B3": "yes",
    "C1": "no",  # "yes" was crossed first, and then scribbled over
    "C2": "male",
}
"""What is marked on queXF's filled survey, both pages, by eye."""


def _truth(data: Path) -> dict[tuple[str, str], str]:
    """Give what is marked, by scan and field."""
    known = {(f"test_filled_1.pdf#{1 + (name[0] == 'C')}", name): value for name, value in SURVEY.items()}
    with (data / "vrsec_marksheet" / "truth_choices.csv").open(encoding="utf-8", newline="") as file:
        known |= {(row["scan"], row["field"]): row["choice"] for row in csv.DictReader(file)}
    return known


def _stage(data: Path, place: Path) -> None:
    """Copy the templates to a place, with their references."""
    for path in TEMPLATES.glob("*.toml"):
        shutil.copy(path, place / path.name)
    shutil.copy(data / "vrsec_marksheet" / "marksheet1.bmp", place)
    for ref in find_scans([data / "quexf" / "test_blank.pdf"]).pages:
        page = load_page(ref)
        height, width = page.pixels.shape
        save_picture(place / f"test_blank-{ref.page}.png", upright_picture(straightened(page), width, height))


def main() -> None:
    """Print a line a field."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path, help="folder with the folders of forms")
    data = parser.parse_args().data
    truth, model = _truth(data), load_model(default_model_path())
    scans = [data / "vrsec_marksheet" / f"marksheet{k}.bmp" for k in (1, 2)] + [data / "quexf" / "test_filled_1.pdf"]
    with tempfile.TemporaryDirectory() as place:
        _stage(data, Path(place))
        forms = {path.stem: load_template(path) for path in sorted(Path(place).glob("*.toml"))}
        for ref in find_scans(scans).pages:
            survey = ref.path.suffix == ".pdf"
            reading = read_page(load_page(ref), forms[f"quexf-{ref.page}" if survey else "vrsec_marksheet"], model)
            name = f"{ref.path.name}#{ref.page}" if survey else ref.path.name
            for field in reading.fields:
                wanted = truth.get((name, field.name))
                verdict = "right" if field.value == wanted else "?" if wanted is None or field.reasons else "WRONG"
                said = ", ".join(field.reasons) or f"accepted, {field.confidence:.4f}"
                print(f"{name:<20} {field.name:<12} {field.value or '(nothing)':<16} {verdict:<6} {said}")


if __name__ == "__main__":
    main()
