"""What learning from people's decisions brings to a hand that the model does not know.

    python -m tests.benchmarks.learning DATA --work DIR [--pages 40] [--landmarks 1000] [--writers 60]

DATA holds MNIST, who wrote it, and nsysu.npz: digits cut from quizzes of another country. Half of the quizzes are
written onto drawn forms, a quiz a form; a model made of some of MNIST's writers reads them, and what it flags is
decided by the truth, as a person who errs nowhere would. Then the same recipe learns these decisions too. Both are
asked about the other half of the quizzes, and about forty more of MNIST's writers; its test part is not looked at.
With the numbers given above it is small enough for some minutes; a model of all writers has less to learn.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from formreader.decided import about_decided, decided_digits
from formreader.errors import PageError
from formreader.model import DigitModel, load_model
from formreader.pipeline import read_page
from formreader.scans import find_scans, identified, load_page
from formreader.store import open_batch, open_results
from formreader.template import load_template, save_template
from formreader.training import Addition, LabelledDigits, evaluate, load_digits, train
from formreader.training.acceptance import Judgement
from formreader.training.changes import about_judgement, write_changes
from formreader.training.classifiers import landmark_svm
from formreader.training.datasets import read_npz
from formreader.training.fitting import FitParams
from formreader.values import Thresholds
from tests.drawing import DigitStock, draw_mild, draw_values, fill, value_of, visit_record, write_scan
from tests.test_learning import decide

SEED: Final = 3
DPI: Final = 150
TESTED: Final = 40
Truth = dict[str, dict[str, str]]


def main() -> None:
    """Run the measurement."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.learning", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("data", type=Path, help="folder with mnist.npz, mnist_writers.npz and nsysu.npz")
    parser.add_argument("--work", type=Path, required=True, help="new folder for scans, batch and models")
    parser.add_argument("--pages", type=int, default=40)
    parser.add_argument("--landmarks", type=int, default=1000)
    parser.add_argument("--writers", type=int, default=60, help="of MNIST, for both models to learn from")
    given = parser.parse_args()
    given.work.mkdir(parents=True)
    source = some_writers(given.data, given.work, given.writers)
    called = {"classifier": landmark_svm(FitParams(landmarks=given.landmarks)), "writers": given.work / "writers.npz"}
    train(source, given.work / "before.joblib", **called)
    before = load_model(given.work / "before.joblib")
    digits = load_digits(str(given.data / "nsysu.npz"))
    quiz = np.unique(read_npz(given.data / "nsysu.npz")["quiz"], return_inverse=True)[1]
    drawn = quiz % 2 == 0
    truth = draw(digits, np.where(drawn, quiz, -1), given.pages, given.work)
    review(given.work, before, truth)
    found = decided_digits([given.work / "results"], [load_template(given.work / "visit.toml")])
    print("\n".join(about_decided(found)))

    def told(judgement: Judgement) -> None:
        print("\n".join(about_judgement(judgement)))
        write_changes(given.work / "report", judgement, before)

    train(source, given.work / "after.joblib", **called, addition=Addition(found.digits, before, told))
    for model in (before, load_model(given.work / "after.joblib")):
        print(f"{model.name}, on the quizzes that were not drawn:")
        print(f"  {evaluate(model, digits.images[~drawn], digits.labels[~drawn])}")


def some_writers(data: Path, work: Path, count: int) -> str:
    """Take some of MNIST's training writers to learn from, and `TESTED` others for the test."""
    mnist, writer = read_npz(data / "mnist.npz"), read_npz(data / "mnist_writers.npz")["writer_train"]
    order = np.random.default_rng(0).permutation(np.unique(writer))
    learnt, tested = np.isin(writer, order[:count]), np.isin(writer, order[count : count + TESTED])
    parts = {
        f"{axis}_{part}": mnist[f"{axis}_train"][rows]
        for axis in "xy"
        for part, rows in (("train", learnt), ("test", tested))
    }
    np.savez(work / "some.npz", allow_pickle=False, **parts)
    np.savez(work / "writers.npz", writer_train=writer[learnt])
    return str(work / "some.npz")


def draw(digits: LabelledDigits, quiz: NDArray[np.int64], pages: int, work: Path) -> Truth:
    """Write digits of one quiz onto each form and scan it; -1 is no quiz."""
    form, truth = visit_record(DPI), Truth()
    save_template(form.template(), work / "visit.toml")
    (work / "scans").mkdir()
    for page in range(pages):
        rng = np.random.default_rng([SEED, page])
        labels = np.where(quiz == rng.choice(np.unique(quiz[quiz >= 0])), digits.labels, -1)
        known = sorted(set(labels[labels >= 0].tolist()))
        values = {
            name: "".join(
                str(rng.choice(known)) if mark.isdigit() and int(mark) not in known else mark for mark in marks
            )
            for name, marks in draw_values(form, rng, scribbled=0).items()
        }
        filled = fill(form, values, rng, stock=DigitStock(rng, (digits.images, labels)))
        name = f"p{page:03}.png"
        write_scan(filled.scan(draw_mild(rng), rng), work / "scans" / name)
        truth[name] = {field: value_of(form, field, marks) for field, marks in filled.values.items()}
    return truth


def review(work: Path, model: DigitModel, truth: Truth) -> None:
    """Read the scans, and decide what is flagged as the truth says."""
    template = load_template(work / "visit.toml")
    with open_batch(
        work / "results", templates=[template], model_fingerprint=model.fingerprint, model_name=model.name, settings={}
    ) as batch:
        for ref in map(identified, find_scans([work / "scans"]).pages):
            batch.pending([ref])
            try:
                batch.add(read_page(load_page(ref), template, model, Thresholds((model.threshold,))))
            except PageError as error:
                print(error)
    with open_results(work / "results") as results:
        flagged = [(page, name) for page in results.pages() for name in page.to_review]
    decide(work / "results", [(page.sha256, page.page, name, truth[page.scan][name]) for page, name in flagged])


if __name__ == "__main__":
    main()
