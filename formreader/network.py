"""Features of a small trained network, run by OpenCV: what the classifier's second look at hard digits rests on."""

from __future__ import annotations

from typing import Any, Self

import cv2
import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin

from formreader.values import Digits

BLOCK = 64
"""Digits at a time: the first layers' planes of a block are some 5 MB."""


class NetworkFeatures(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Turn digits into what a convolutional network's last layer but one makes of them (LeCun et al. 1998).

    Parameters
    ----------
    network
        An ONNX file's bytes: from float32 (n, 1, 28, 28), 0 paper, 1 ink, to float32 (n, d).
        `formreader.training.network` makes it.
    """

    def __init__(self, network: bytes) -> None:
        self.network = network

    def fit(self, digits: Digits, labels: Any = None) -> Self:  # noqa: ARG002 - scikit-learn's signature
        """Do nothing: the network comes trained."""
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __getstate__(self) -> dict[str, Any]:
        return {"network": self.network}

    def transform(self, digits: Digits) -> NDArray[np.float32]:
        """Compute the features.

        Parameters
        ----------
        digits
            uint8 (n, 28, 28), 0 paper, 255 ink; n is at least 1.

        Returns
        -------
        float32 (n, d), none negative.
        """
        if not hasattr(self, "_net"):
            # The network lives outside Python and cannot travel to other processes: each reads it once.
            self._net = cv2.dnn.readNetFromONNX(np.frombuffer(self.network, np.uint8))
        features = []
        for start in range(0, len(digits), BLOCK):
            self._net.setInput(digits[start : start + BLOCK, None].astype(np.float32) / 255)
            features.append(np.array(self._net.forward(), np.float32))
        return np.concatenate(features)
