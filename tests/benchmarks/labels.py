"""How many fields are named by their printed labels, and rightly: ``python -m tests.benchmarks.labels DATA_DIR``.

DATA_DIR holds the folders of real forms; the drawn ones are the samples. Each form is found as ``detect`` finds it, and
its names compared with what a person called the fields (`labels_truth`). A wrong name is worse than a number: whoever
reads the table takes the column for what it says. ``--look DIR`` saves a picture of each page with its names.
"""

from __future__ import annotations

import argparse
import re
import resource
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from formreader.labels import is_installed, text_reader
from formreader.pipeline import find_form
from formreader.values import Grey
from tests.benchmarks.labels_truth import FORMS, Form

SAMPLES: Final = Path(__file__).parents[2] / "samples"
_BY_PLACE: Final = re.compile(r"field_\d+|(table\d+_)?row\d+_col\d+")
_COLUMNS: Final = ("right", "wrong", "left", "no label", "named", "seconds")


def verdict(name: str, expected: str) -> str:
    """Say whether a field's name is right, wrong, or left as a number; of one without a label whether it is named."""
    by_place = _BY_PLACE.fullmatch(name) is not None
    if expected == "=":
        return ""
    if expected == "-":
        return "no label" if by_place else "named"
    if by_place:
        return "left"
    wanted, _, part = expected.partition("/")
    whole, _, found_part = re.sub(r"_part(\d+)(_\d+)?$", r"/\1", name).partition("/")
    alike = any(_is_of(one, label) for label in wanted.split("|") for one in (whole, re.sub(r"_\d+$", "", whole)))
    return "right" if alike and (not found_part or found_part == part) else "wrong"


def _is_of(name: str, label: str) -> bool:
    """Whether a name is a label, or the beginning of a long one."""
    begins = f"{label.removesuffix('~')}_".startswith(f"{name}_") and 2 * len(name) >= len(label)
    return begins or (label.endswith("~") and f"{name}_".startswith(f"{label[:-1]}_"))


class Timed:
    """A reader that notes the processor's seconds."""

    def __init__(self) -> None:
        self._reader = text_reader()
        self.seconds = 0.0

    def places(self, pixels: Grey) -> NDArray[np.float64]:
        """Find lines."""
        before = time.process_time()
        found = self._reader.places(pixels)
        self.seconds += time.process_time() - before
        return found

    def texts(self, pixels: Grey, places: NDArray[np.float64]) -> Sequence[tuple[str, float]]:
        """Read lines."""
        before = time.process_time()
        read = self._reader.texts(pixels, places)
        self.seconds += time.process_time() - before
        return read


def measured(form: Form, folder: Path, look: Path | None) -> tuple[Counter[str], list[str]]:
    """Find a form with its names; give the count of each verdict and what is wrong."""
    reader = Timed()
    files = [(SAMPLES if form.drawn else folder) / name for name in form.files]
    asked = {"filled": form.filled, "wide": form.wide, "page": form.page}
    template, picture = find_form(files, "form", labels=reader, **asked)  # type: ignore[arg-type]
    expected = [*form.expected()]
    if len(expected) != len(template.fields):
        raise SystemExit(f"{form.name} {form.page}: {len(template.fields)} fields found, {len(expected)} in the truth")
    pairs = [(field.name, name) for field, name in zip(template.fields, expected, strict=True)]
    said = [verdict(*pair) for pair in pairs]
    if look is not None:
        cv2.imwrite(str(look / f"{form.name.replace(', ', '-').replace(' ', '-')}-{form.page}.png"), picture)
    wrong = [
        f"{name} (is {is_}; {kind})"
        for (name, is_), kind in zip(pairs, said, strict=True)
        if kind in ("wrong", "named")
    ]
    return Counter(said) + Counter(seconds=round(reader.seconds)), wrong


def rows(folder: Path, look: Path | None) -> Iterator[str]:
    """Give a line a page, and at the end one for real and one for drawn forms."""
    yield f"{'':28}" + "".join(f"{column:>10}" for column in _COLUMNS)
    sums = {True: Counter[str](), False: Counter[str]()}
    for form in FORMS:
        counts, wrong = measured(form, folder, look)
        sums[form.drawn] += counts
        yield f"{form.name + ' p.' + str(form.page):28}" + "".join(f"{counts[column]:10}" for column in _COLUMNS)
        yield from (f"    {line}" for line in wrong)
    for drawn, counts in sums.items():
        yield f"{'all drawn' if drawn else 'all real':28}" + "".join(f"{counts[column]:10}" for column in _COLUMNS)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    yield f"memory {memory} MB; seconds are those of the processor, for labels alone"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--look", type=Path)
    asked = parser.parse_args()
    if not is_installed():
        raise SystemExit("install the extra first: pip install -e '.[labels]'")
    for line in rows(asked.folder, asked.look):
        print(line, flush=True)


if __name__ == "__main__":
    main()
