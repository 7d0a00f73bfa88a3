"""Recognise print with RapidOCR: PaddleOCR's networks, run by ONNX Runtime; its wheel brings both models."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from formreader.values import Grey

_SCRIPTS: Final = ("LATIN", "FULLWIDTH LATIN", "CJK", "HIRAGANA", "KATAKANA")
_NEEDED: Final = ("onnxruntime", "rapidocr")


def is_installed() -> bool:
    """Whether the extra ``labels`` is there."""
    return all(find_spec(name) is not None for name in _NEEDED)


def text_reader() -> Rapid:
    """Give what recognises print; the library is loaded when it is first asked."""
    return Rapid()


class Rapid:
    """RapidOCR as a `TextReader`; it says nothing, and asks nothing of the network."""

    def __init__(self) -> None:
        self._engine: Any = None

    def places(self, pixels: Grey) -> NDArray[np.float64]:
        """Find lines of text: the four corners of each, (n, 4, 2)."""
        found = self._loaded()(_coloured(pixels), use_det=True, use_rec=False)
        if found.boxes is None:
            return np.zeros((0, 4, 2))
        return np.asarray(found.boxes, np.float64).reshape(-1, 4, 2)

    def texts(self, pixels: Grey, places: NDArray[np.float64]) -> Sequence[tuple[str, float]]:
        """Read the lines at these places; each with the mean probability of its letters."""
        engine = self._loaded()
        lines = engine.crop_text_regions(_coloured(pixels), places.astype(np.float32))
        if not lines:
            return ()
        read = engine.recognize_txt(lines)
        return [(text, float(score) * _is_known(text)) for text, score in zip(read.txts, read.scores, strict=True)]

    def _loaded(self) -> Any:
        if self._engine is None:
            import rapidocr

            folder = Path(rapidocr.__file__).parent / "models"
            self._engine = rapidocr.RapidOCR(
                params={
                    "Global.log_level": "critical",
                    "Global.use_cls": False,  # pages are upright
                    "Global.text_score": 0.0,
                    "Global.max_side_len": 100_000,  # the caller shrinks
                    "Det.model_path": _model(folder, "det"),
                    "Rec.model_path": _model(folder, "rec"),
                    "EngineConfig.onnxruntime.intra_op_num_threads": _threads(),
                    "EngineConfig.onnxruntime.inter_op_num_threads": 1,
                }
            )
        return self._engine


def _is_known(text: str) -> bool:
    """Whether the network learned this script: Cyrillic print comes out as Greek letters, and surely."""
    letters = (letter for letter in text if letter.isalpha())
    return all(unicodedata.name(letter, "").startswith(_SCRIPTS) for letter in letters)


def _model(folder: Path, task: str) -> str:
    """Name a model by its path: one that is not named so, and has gone, would be downloaded."""
    found = sorted(folder.glob(f"*_{task}_*.onnx"))
    if not found:
        raise FileNotFoundError(f"{folder} has no model *_{task}_*.onnx; install rapidocr anew")
    return str(found[-1])


def _threads() -> int:
    """Give the number of threads that the environment asks for, -1 where it leaves it open."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    return int(asked) if asked.isdigit() and int(asked) > 0 else -1


def _coloured(pixels: Grey) -> NDArray[np.uint8]:
    picture: NDArray[np.uint8] = cv2.cvtColor(pixels, cv2.COLOR_GRAY2BGR)
    return picture
