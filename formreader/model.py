"""The classifier: its file, the card beside it, and one call for all digits of a page.

A joblib file is a pickle: opening it runs what is in it. Hence the card's checksum is compared before, and a stored
probe is answered after, which catches what a checksum cannot: another scikit-learn, a turned polarity, a broken build.
"""

from __future__ import annotations

import hashlib
import io
import json
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import InconsistentVersionWarning
from sklearn.pipeline import Pipeline

from formreader.errors import ModelError
from formreader.values import CLASSES, Digits

FORMAT = 2
"""Counts up when the file's content changes its shape."""

PROBE_TOLERANCE = 0.02
"""How far a probability of the probe may lie from the card's: other processors and libraries round differently."""

SHIPPED = ("digits.joblib", "accurate.joblib")

REMEDY = "Install formreader again, or make a model with: formreader train"

BLOCK = 1024
"""Digits at a time: the kernel's values of a block are 4 MB."""


@dataclass(frozen=True, slots=True, eq=False)
class DigitModel:
    """A classifier that is ready to read; travels to other processes as its path.

    Attributes
    ----------
    classifier
        A scikit-learn pipeline from uint8 (n, 28, 28) to probabilities; its ``classes_`` are places in `CLASSES`.
    threshold
        A digit of less confidence should be looked at; how it was chosen stands in the card.
    fingerprint
        SHA-256 of the model's file: batches are stored under it.
    card
        The whole card.
    """

    classifier: Pipeline
    threshold: float
    fingerprint: str
    name: str
    card: dict[str, Any]
    path: Path = field(default=Path())

    def predict_proba(self, digits: Digits) -> NDArray[np.float32]:
        """Tell how probable each class is.

        Parameters
        ----------
        digits
            uint8 (n, 28, 28), 0 paper, 255 ink, normalized; n may be 0.

        Returns
        -------
        float32 (n, 17) over `values.CLASSES`; rows add to 1.

        Raises
        ------
        ValueError
            The array has another shape or type.
        """
        check_digits(digits)
        shares = np.zeros((len(digits), len(CLASSES)), np.float32)
        if len(digits):  # a classifier of scikit-learn refuses no rows
            shares[:, self.classifier.classes_] = in_blocks(self.classifier.predict_proba, digits)
        return shares

    def __reduce__(self) -> tuple[Callable[[Path, str], DigitModel], tuple[Path, str]]:
        return _load_same, (self.path, self.fingerprint)


def in_blocks(answer: Callable[[Digits], NDArray[np.float32]], digits: Digits) -> NDArray[np.float32]:
    """Ask about many digits a few at a time, so that what lies between fits the processor's cache; n is at least 1."""
    return np.concatenate([answer(digits[start : start + BLOCK]) for start in range(0, len(digits), BLOCK)])


def check_digits(digits: Digits) -> None:
    """Refuse with `ValueError` what is not uint8 (n, 28, 28)."""
    if digits.dtype != np.uint8 or digits.ndim != 3 or digits.shape[1:] != (28, 28):
        raise ValueError(f"digits must be uint8 (n, 28, 28), got {digits.dtype} {digits.shape}")


def default_model_path() -> Path:
    """Find the shipped model: in the package where it is installed, beside the package in a checkout."""
    return _shipped(SHIPPED[0])


def model_path(name: str) -> Path:
    """Find a model by what a user calls it: ``default``, ``accurate``, or its file.

    Raises
    ------
    ModelError
        It is none of these, or the accurate model is not there.
    """
    if name == "default":
        return default_model_path()
    if name == "accurate":
        found = _shipped(SHIPPED[1])
        if not found.exists():
            raise ModelError(f"accurate: {found} is not there. Leave --model out to take the default, or name a file")
        return found
    path = Path(name)
    if not path.is_file() and path.suffix != ".joblib":
        raise ModelError(f"{name}: no such model; give default, accurate, or the .joblib that formreader train wrote")
    return path


def is_shipped(model: DigitModel) -> bool:
    """Say whether a model comes with the program."""
    return any(model.path == _shipped(name).resolve() for name in SHIPPED)


def shipped_card(fingerprint: str) -> dict[str, Any] | None:
    """Give the card of the model that comes with the program and has this fingerprint; None where none has."""
    for name in SHIPPED:
        if _shipped(name).exists():
            card = _read_card(_shipped(name).with_suffix(".json"))
            if card["sha256"] == fingerprint:
                return card
    return None


def _shipped(name: str) -> Path:
    package = Path(__file__).resolve().parent
    installed = package / "models" / name
    return installed if installed.exists() else package.parent / "models" / name


def probe_digits() -> Digits:
    """Draw the pictures every model is asked on loading: strokes and rings, and one that is turned over."""
    rows, columns = np.mgrid[0:28, 0:28].astype(np.float64)
    upright = np.abs(columns - 14) < 1.6
    level = np.abs(rows - 14) < 1.6
    within = (np.abs(rows - 14) < 10) & (np.abs(columns - 14) < 10)
    ring = np.abs(np.hypot((rows - 14) / 1.3, columns - 14) - 6.5) < 1.4
    slant = np.abs((rows - 14) * 0.5 + columns - 14) < 1.6
    seven = within & ((slant & (rows > 5)) | ((np.abs(rows - 5) < 1.5) & (columns > 7) & (columns < 20)))
    shapes = [upright & within, level & within, ring, within & (np.abs(rows - columns) < 2), seven, ~ring]
    return np.stack(shapes).astype(np.uint8) * np.uint8(255)


def save_model(path: Path, classifier: Pipeline, card: dict[str, Any]) -> dict[str, Any]:
    """Write a model and its card; the card must hold ``name`` and ``threshold``.

    Returns
    -------
    The card as written: with the file's SHA-256, its format and the probe's answers.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    stream = io.BytesIO()
    joblib.dump(classifier, stream)
    digest = hashlib.sha256(stream.getbuffer()).hexdigest()
    model = DigitModel(classifier, float(card["threshold"]), digest, str(card["name"]), card)
    probe = [[round(float(share), 4) for share in row] for row in model.predict_proba(probe_digits())]
    whole = {**card, "format": FORMAT, "classes": CLASSES, "sha256": digest, "probe": probe}
    written = path.with_name(f"{path.name}.part")
    written.write_bytes(stream.getbuffer())
    written.replace(path)  # by rename: never half a model
    path.with_suffix(".json").write_text(json.dumps(whole, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return whole


def load_form_model(path: Path) -> DigitModel:
    """Load a model to read forms with; see `load_model`.

    Raises
    ------
    ModelError
        It cannot be loaded; or it knows digits only, and would make a digit of whatever stands in a box; or digits it
        had not learnt do not show that where it is surest it keeps what is promised.
    """
    model = load_model(path)
    if len(model.classifier.classes_) < len(CLASSES):
        raise ModelError(
            f"{path}: this model knows the ten digits only, not a box that is struck out or that holds a letter, two "
            "digits or a scribble: it would read a digit there. Read with the model that ships (without --model), or "
            "make one that knows them with: formreader train --augment full"
        )
    if model.card.get("threshold_kept") is False:
        raise ModelError(
            f"{path}: the digits this model was judged on do not show that what it is sure of is right "
            f"({model.card['threshold_on']['wrong']:.2%} of its surest answers were wrong), so that no confidence "
            "tells which of its digits to flag. Read with the model that ships (without --model), or train one from "
            "more digits or with --classifier svm"
        )
    return model


def load_model(path: Path) -> DigitModel:
    """Load a model after checking it against its card; a second call for the same file costs nothing.

    Raises
    ------
    ModelError
        The file or its card is missing, they do not belong together, or the model does not answer as it did when made.
    """
    try:
        stat = Path(path).stat()
    except OSError as error:
        raise ModelError(f"{path}: the model cannot be read ({error.strerror}). {REMEDY}") from error
    return _load(Path(path).resolve(), stat.st_mtime_ns, stat.st_size)


def _load_same(path: Path, fingerprint: str) -> DigitModel:
    """Load a model in another process: the very one, as what it reads is stored under its fingerprint."""
    model = load_model(path)
    if model.fingerprint != fingerprint:
        raise ModelError(f"{path}: the model was replaced while it was read with. Start again")
    return model


@lru_cache(maxsize=4)
def _load(path: Path, _mtime_ns: int, _size: int) -> DigitModel:
    card = _read_card(path.with_suffix(".json"))
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: the model cannot be read ({error.strerror}). {REMEDY}") from error
    digest = hashlib.sha256(content).hexdigest()
    if digest != card["sha256"]:
        raise ModelError(f"{path}: the file is not the one its card describes, so it was not opened. {REMEDY}")
    try:
        with warnings.catch_warnings():
            # The probe tells whether another scikit-learn matters.
            warnings.simplefilter("ignore", InconsistentVersionWarning)
            classifier = joblib.load(io.BytesIO(content))  # the bytes that were checked, and no others
        model = DigitModel(classifier, card["threshold"], digest, card["name"], card, path)
        gap = np.abs(model.predict_proba(probe_digits()) - np.asarray(card["probe"], np.float32)).max()
    except Exception as error:
        raise ModelError(f"{path}: the model does not work with the installed libraries ({error}). {REMEDY}") from error
    if not gap <= PROBE_TOLERANCE:
        raise ModelError(f"{path}: the model answers its probe otherwise than when it was made. {REMEDY}")
    return model


def _read_card(path: Path) -> dict[str, Any]:
    """Read the card and see that it holds what loading needs."""
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(f"{path}: the model's card cannot be read ({error.strerror}). {REMEDY}") from error
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{path}: the model's card is no JSON ({error}). {REMEDY}") from error
    if not isinstance(card, dict) or card.get("format") != FORMAT or card.get("classes") != CLASSES:
        raise ModelError(f"{path}: the card is of another version of formreader. {REMEDY}")
    kinds = {"name": str, "sha256": str, "threshold": float, "probe": list}
    wrong = [name for name, kind in kinds.items() if not isinstance(card.get(name), kind)]
    if wrong:
        raise ModelError(f"{path}: the card lacks {', '.join(wrong)}. {REMEDY}")
    if not 0 < card["threshold"] <= 1:
        raise ModelError(f"{path}: the card's threshold is {card['threshold']}, and must be over 0 up to 1. {REMEDY}")
    return card
