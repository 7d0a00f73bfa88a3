"""Train the small convolutional network whose last layer but one gives features to an SVM; needs PyTorch and ONNX.

LeCun, Bottou, Bengio, Haffner (1998) for the network, Lauer, Suen, Bloch (2007) for the SVM on trained features.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from formreader.model import in_blocks
from formreader.network import NetworkFeatures
from formreader.svm import LinearSVM
from formreader.training.solver import solve
from formreader.values import CLASSES, Digits

OPTIMIZERS = ("adam", "sgd", "rmsprop")

NEEDS = ("torch", "onnx")
"""Reading needs neither."""


@dataclass(frozen=True, slots=True)
class NetworkParams:
    """The network and its training; chosen by the error on writers left out.

    Attributes
    ----------
    widths
        Channels of the three pairs of 3 x 3 convolutions, each pair followed by a halving of the plane.
    features
        Length of the layer that is kept.
    epochs, batch
        How often each picture is seen, and how many at once.
    least_steps
        Of few pictures each is seen so much oftener that there are so many steps.
    rate
        Largest step of the optimizer; it rises over the first seventh of the training and falls to nothing.
    decay
        Of the weights, a step's share.
    smoothing
        Share of each label given to the other classes (Szegedy et al. 2016).
    turn_deg, stretch, shift_px
        Pictures are turned, stretched and shifted anew each time by up to this.
    averaged
        The weights that are kept are a running mean; this share of it is the last step's, or more in a short training.
    """

    widths: tuple[int, int, int] = (24, 48, 96)
    features: int = 128
    epochs: int = 6
    batch: int = 256
    least_steps: int = 200
    rate: float = 0.003
    decay: float = 0.02
    smoothing: float = 0.02
    turn_deg: float = 6.0
    stretch: float = 0.08
    shift_px: float = 1.0
    averaged: float = 0.002


DEFAULT = NetworkParams()
COST = 0.1
"""C of the SVM behind the network."""

TOLERANCE = 0.003
"""Where its solver stops: the share of the first gradient that is left."""


def fit_network_svm(
    digits: Digits,
    labels: NDArray[np.int64],
    seed: int,
    *,
    optimizer: str = "adam",
    params: NetworkParams = DEFAULT,
) -> Pipeline:
    """Fit an SVM on the features of a network that is trained first; its probabilities are not calibrated yet."""
    features = NetworkFeatures(train_network(digits, labels, seed, optimizer, params))
    rows = np.hstack([in_blocks(features.transform, digits), np.ones((len(digits), 1), np.float32)])
    order = np.random.default_rng(seed).permutation(len(rows))
    cost = np.full(len(rows), COST, np.float32)
    weights = solve(rows[order], labels[order], int(labels.max()) + 1, cost, TOLERANCE)
    return Pipeline([("features", features), ("svm", LinearSVM(weights[:-1].copy(), weights[-1].copy()))])


def train_network(
    digits: Digits,
    labels: NDArray[np.int64],
    seed: int,
    optimizer: str = "adam",
    params: NetworkParams = DEFAULT,
) -> bytes:
    """Train a network to tell the classes apart, and give all but its last layer as an ONNX file's bytes.

    Parameters
    ----------
    digits, labels
        uint8 (n, 28, 28), 0 paper, 255 ink, normalized, and their places in `CLASSES`.
    """
    import torch

    torch.manual_seed(seed)
    torch.set_num_threads(1)  # the sums' order, and so the network, must not depend on the machine's cores
    body, head = _layers(torch.nn, params)
    net = torch.nn.Sequential(body, torch.nn.Dropout(0.3), head).to(memory_format=torch.channels_last)
    batch = min(params.batch, len(digits))
    batches = len(digits) // batch
    mover = _optimizer(torch.optim, net, optimizer, params)
    epochs = max(params.epochs, -(-params.least_steps // batches))
    schedule = torch.optim.lr_scheduler.OneCycleLR(mover, params.rate, epochs * batches, pct_start=0.15)
    running = torch.optim.swa_utils.get_ema_multi_avg_fn(1 - max(params.averaged, 5 / (epochs * batches)))
    mean = torch.optim.swa_utils.AveragedModel(net, multi_avg_fn=running, use_buffers=True)
    # A copy: another process may only look at the arrays it was lent.
    pictures, answers = torch.from_numpy(np.array(digits)), torch.from_numpy(np.array(labels))
    for _ in range(epochs):
        order = torch.randperm(len(digits))
        for rows in order[: batches * batch].reshape(batches, batch):
            inputs = _moved(torch, pictures[rows][:, None].float() / 255, params)
            # Half precision halves the time; what is kept is in single precision.
            with torch.autocast("cpu", dtype=torch.bfloat16):
                margins = net(inputs.contiguous(memory_format=torch.channels_last))
            loss = torch.nn.functional.cross_entropy(margins.float(), answers[rows], label_smoothing=params.smoothing)
            mover.zero_grad()
            loss.backward()
            mover.step()
            schedule.step()
            mean.update_parameters(net)
    return _as_onnx(mean.module[0].eval(), params.features)


def _layers(nn: Any, params: NetworkParams) -> tuple[Any, Any]:
    """Lay out the network: all that is kept, and the layer that tells the classes apart while it is trained."""
    layers, before = [], 1
    for width in params.widths:
        for inputs in (before, width):
            layers += [nn.Conv2d(inputs, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
        layers += [nn.MaxPool2d(2)]
        before = width
    side = 28 // 2 ** len(params.widths)
    layers += [nn.Flatten(), nn.Linear(before * side * side, params.features), nn.ReLU()]
    return nn.Sequential(*layers), nn.Linear(params.features, len(CLASSES))


def _optimizer(optim: Any, net: Any, name: str, params: NetworkParams) -> Any:
    """Make the optimizer; biases and the like are not pulled to zero."""
    decay = params.decay if name == "adam" else params.decay / 50  # in the other two it goes through the gradient
    groups = [
        {"params": [weight for weight in net.parameters() if weight.ndim > 1], "weight_decay": decay},
        {"params": [weight for weight in net.parameters() if weight.ndim == 1], "weight_decay": 0.0},
    ]
    if name == "adam":
        return optim.AdamW(groups, lr=params.rate)
    if name == "sgd":
        return optim.SGD(groups, lr=params.rate * 10, momentum=0.9, nesterov=True)
    return optim.RMSprop(groups, lr=params.rate / 3)


def _moved(torch: Any, pictures: Any, params: NetworkParams) -> Any:
    """Turn, stretch and shift each picture a little."""
    count, side = len(pictures), pictures.shape[-1]
    turn = torch.deg2rad((torch.rand(count) * 2 - 1) * params.turn_deg)
    across, down = torch.exp((torch.rand(2, count) * 2 - 1) * params.stretch)
    shift = (torch.rand(count, 2) * 2 - 1) * (2 * params.shift_px / side)
    maps = torch.stack(
        [
            torch.stack([across * turn.cos(), -down * turn.sin(), shift[:, 0]], dim=1),
            torch.stack([across * turn.sin(), down * turn.cos(), shift[:, 1]], dim=1),
        ],
        dim=1,
    )
    grid = torch.nn.functional.affine_grid(maps, list(pictures.shape), align_corners=False)
    return torch.nn.functional.grid_sample(pictures, grid, align_corners=False)


def _as_onnx(body: Any, features: int) -> bytes:
    """Write the network as ONNX, each normalization folded into the convolution before it."""
    from onnx import TensorProto, checker, helper, numpy_helper

    nodes: list[Any] = []
    stored: list[Any] = []

    def add(kind: str, *weights: Any, **attributes: Any) -> None:
        names = [f"w{len(stored) + at}" for at in range(len(weights))]
        arrays = [np.ascontiguousarray(weight.detach().numpy(), np.float32) for weight in weights]
        stored.extend(numpy_helper.from_array(array, name) for array, name in zip(arrays, names, strict=True))
        before = nodes[-1].output[0] if nodes else "digits"
        nodes.append(helper.make_node(kind, [before, *names], [f"t{len(nodes)}"], **attributes))

    layers = list(body)
    for layer, after in zip(layers, [*layers[1:], None], strict=True):
        kind = type(layer).__name__
        if kind == "Conv2d":
            gain = after.weight / (after.running_var + after.eps).sqrt()
            add("Conv", layer.weight * gain[:, None, None, None], after.bias - after.running_mean * gain, pads=[1] * 4)
        elif kind == "MaxPool2d":
            add("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
        elif kind == "Linear":
            add("Gemm", layer.weight, layer.bias, transB=1)
        elif kind != "BatchNorm2d":
            add({"ReLU": "Relu", "Flatten": "Flatten"}[kind])
    graph = helper.make_graph(
        nodes,
        "digits",
        [helper.make_tensor_value_info("digits", TensorProto.FLOAT, ["n", 1, 28, 28])],
        [helper.make_tensor_value_info(nodes[-1].output[0], TensorProto.FLOAT, ["n", features])],
        stored,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    checker.check_model(model)
    content: bytes = model.SerializeToString()
    return content
